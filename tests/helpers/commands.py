"""The one way tests run a command: in this process, or in one of its own."""

import contextlib
import csv
import hashlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blobtransfer.cli.app import main

if TYPE_CHECKING:
    from helpers.fork_server import ForkedCommand

ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}

STARTED: list["subprocess.Popen[str] | ForkedCommand"] = []
"""Processes of the running test, ended after it by `conftest.nothing_runs_on`."""


@dataclass
class Finished:
    """What a command left behind."""

    code: int
    out: str
    err: str


def run_here(*argv: object) -> Finished:
    """Run a command in this process and folder."""
    before, sys.argv = sys.argv, ["blobtransfer", *map(str, argv)]
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            return Finished(main(), out.getvalue(), err.getvalue())
    finally:
        sys.argv = before


def start(
    *argv: object,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    by: Sequence[str] = (),
    **settings: Any,
) -> "subprocess.Popen[str]":
    """Start a command in a process of its own, by way of another command where one is given."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(
        [*by, sys.executable, "-m", "blobtransfer", *map(str, argv)],
        cwd=cwd, env=ENVIRONMENT | dict(environment or {}), **(streams | settings),
    )  # fmt: skip
    STARTED.append(process)
    return process


def run_process(*argv: object, cwd: Path, **settings: Any) -> Finished:
    """Run a command in a process of its own to its end; see `start`."""
    process = start(*argv, cwd=cwd, **settings)
    out, err = process.communicate(timeout=120)
    return Finished(process.returncode, out, err)


def assert_one_line(done: Finished, start: str = "", code: int = 2) -> None:
    """Require that a command ended with one error that a terminal can show, and no output.

    Args:
        done: How the command ended.
        start: Beginning of the line after `error: `.
        code: Exit code.
    """
    line = done.err.removesuffix("\n")
    assert (done.code, done.out) == (code, "")
    assert line.startswith(f"error: {start}"), line
    assert line.isprintable() and line != done.err and len(line) < 2100


def assert_refused(done: Finished, name: str, key: str = "", code: int = 2) -> None:
    """Require that a command was refused with one line about an option or a file.

    Args:
        done: How the command ended.
        name: Option or file that the line names, and its value.
        key: A word or a number of what is wrong or what to do.
        code: Exit code.
    """
    assert_one_line(done, name, code)
    problem = done.err.removeprefix(f"error: {name}")
    assert problem[:2] in (": ", "; ", "\n") and key in problem, done.err


def run_python(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run Python code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=False, env=os.environ | environment,
    )  # fmt: skip


def rows_of(text: str) -> list[dict[str, str]]:
    """Return the rows of a text of CSV."""
    return list(csv.DictReader(io.StringIO(text)))


def works(*command: str, **settings: Any) -> bool:
    """Return whether a command exists here and ends well."""
    try:
        return subprocess.run(command, capture_output=True, **settings).returncode == 0
    except OSError:
        return False


def with_files_of_at_most(n_bytes: int) -> tuple[str, ...]:
    """Return a command that starts another one, whose files cannot grow beyond `n_bytes`."""
    code = (
        "import os, resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({n_bytes}, {n_bytes}))\n"
        "os.execvp(sys.argv[1], sys.argv[1:])\n"
    )
    return (sys.executable, "-c", code)


def contents(folder: Path) -> dict[Path, str | None]:
    """Return what every file, link and directory below a folder holds."""
    found: dict[Path, str | None] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[path] = os.readlink(path)
        elif path.is_file():
            found[path] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            found[path] = None
    return found


def without_cautions(err: str) -> str:
    """Return standard error without cautions, which short trainings have, and sizes of studies."""
    lines = err.splitlines(keepends=True)
    return "".join(line for line in lines if not re.match("(warning|sweep|pairs|grid): ", line))
