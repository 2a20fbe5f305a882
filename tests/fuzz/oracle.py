"""What must hold of every command, whatever its input: exit code, streams and files."""

import csv
import io
import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from fuzz.child import Outcome
from fuzz.mutation import VICTIM, Mutation

CODES = (0, 2, 3)
"""Exit codes that are documented, but for 1: an input is to blame, never the machine."""

VICTIM_TEXT = "words of the user\n"


def write_victim() -> None:
    """Write the file that has to stay as it is into the working directory."""
    Path(VICTIM).write_text(VICTIM_TEXT)


def problems(mutation: Mutation, outcome: Outcome, inputs: set[str]) -> Iterator[str]:
    """Yield what is wrong with a command that has ended.

    Args:
        mutation: The command; its working directory is that of this process.
        outcome: Its exit code and streams.
        inputs: Names of the files that were there before; what they hold may be anything.
    """
    code = outcome.code
    if code < 0:
        yield f"ended by {outcome.signal_name}"
    elif code not in CODES:
        yield f"exit code {code}"
    is_debug = "--debug" in mutation.argv or "BLOBTRANSFER_DEBUG" in mutation.environment
    if "Traceback (most recent call last)" in outcome.err and not is_debug:
        yield "a traceback"
    if re.search(r"^\S*: \w*Warning: ", outcome.err, re.MULTILINE):
        yield "a warning of Python"
    n_errors = sum(line.startswith("error: ") for line in outcome.err.splitlines())
    if code >= 0 and n_errors != (code == 2):
        yield f"{n_errors} lines of error"
    for name, text in (("standard output", outcome.out), ("standard error", outcome.err)):
        if not text.replace("\n", "").isprintable():
            yield f"a control character on {name}"
    if not _is_victim_unchanged():
        yield f"{VICTIM} was changed"
    for folder, _, names in os.walk("."):
        for name in names:
            path = Path(folder, name)
            if name.startswith(".blobtransfer-"):
                yield f"{name} was left"
            elif name not in inputs and path.is_file() and not path.is_symlink():
                yield from _problems_of_output(path)


def _is_victim_unchanged() -> bool:
    victim = Path(VICTIM)
    try:
        return stat.S_ISREG(victim.lstat().st_mode) and victim.read_bytes() == VICTIM_TEXT.encode()
    except FileNotFoundError:
        return False


def _problems_of_output(path: Path) -> Iterator[str]:
    """Yield what is wrong with a file that a command wrote."""
    content = path.read_bytes()
    try:
        match path.suffix:
            case ".json":
                json.loads(content, parse_constant=_refuse_constant)
            case ".csv":
                rows = list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))
                if len({len(row) for row in rows}) != 1:
                    yield f"{path}: rows of several lengths"
                if any(cell.startswith(("=", "@")) for row in rows for cell in row):
                    yield f"{path}: a formula"
            case ".svg":
                ElementTree.fromstring(content)
            case ".md" | ".txt" | ".tex" | ".html":
                if not content.decode().replace("\n", "").isprintable():
                    yield f"{path}: a control character"
                if path.suffix == ".html" and b"<img src=x" in content:
                    yield f"{path}: markup of the input"
    except (ValueError, csv.Error, ElementTree.ParseError) as error:
        yield f"{path}: {error}"


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
