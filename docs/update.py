"""Run every command that README and docs show, and write what it printed below it.

    .venv/bin/python docs/update.py            # all pages, and the schemas of results
    .venv/bin/python docs/update.py schemas    # the schemas alone
    .venv/bin/python docs/update.py README.md  # some pages

A block that opens with ```console holds commands after `$ ` and their output in a pipe; one that
opens with ```console screen, what a terminal of 80 columns shows, without colours and progress.
The commands of one page run one after another in one folder, which holds the tables of docs/data
and nothing else; figures they draw that the docs have in docs/figures are renewed there.
"""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import get_args

from blobtransfer.results.files.schema import SchemaName, make_schema

TOP = Path(__file__).resolve().parent.parent
PAGES = (
    "README.md", "docs/questions.md", "docs/tutorial.md", "docs/problems.md", "docs/method.md",
    "docs/scale.md", "docs/cli.md", "docs/engine.md", "docs/training-length.md",
    "docs/judge.md",
)  # fmt: skip
BLOCK = re.compile(
    r"^```console(?P<screen> screen)?\n(?P<body>.*?)(?=^```$)", re.MULTILINE | re.DOTALL
)


def main(pages: list[str]) -> None:
    """Renew some pages."""
    for name in get_args(SchemaName):
        path = TOP / "blobtransfer" / "results" / "files" / f"{name}.schema.json"
        path.write_text(json.dumps(make_schema(name), indent=1) + "\n")
    for page in pages:
        path = TOP / page
        with tempfile.TemporaryDirectory() as folder:
            lay_out(Path(folder))
            text = BLOCK.sub(lambda block: run_block(block, Path(folder)), path.read_text())
            path.write_text(text)
            for figure in Path(folder).glob("*.png"):
                if (TOP / "docs" / "figures" / figure.name).exists():
                    shutil.copy(figure, TOP / "docs" / "figures")


def lay_out(folder: Path) -> None:
    """Put the tables that the docs ship into a folder."""
    for table in (TOP / "docs" / "data").glob("*.csv"):
        shutil.copy(table, folder)


def run_block(block: re.Match[str], folder: Path) -> str:
    """Give the block with fresh output."""
    run = on_screen if block["screen"] else in_pipe
    commands = [line for line in block["body"].splitlines() if line.startswith("$ ")]
    texts = [f"{command}\n{run(command[2:], folder)}" for command in commands]
    return f"```console{block['screen'] or ''}\n{''.join(texts)}"


def in_pipe(command: str, folder: Path) -> str:
    """Run one command and give what it printed on both streams."""
    done = subprocess.run(
        command, shell=True, cwd=folder, env=environment(), check=False, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return trimmed(done.stdout)


def on_screen(command: str, folder: Path) -> str:
    """Run one command on a terminal and give what it printed there, then its notes."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        command, shell=True, cwd=folder, env=environment() | {"TERM": "dumb"}, text=True,
        stdout=follower, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(follower)
    shown = b""
    with suppress(OSError):  # the terminal is closed
        while chunk := os.read(leader, 65_536):
            shown += chunk
    os.close(leader)
    _, notes = process.communicate()
    return trimmed(shown.decode()) + trimmed(notes)


def environment() -> dict[str, str]:
    """Give the environment of a command: this Python first, 80 columns."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "COLUMNS": "80", "TERMINAL_WIDTH": "80"}


def trimmed(text: str) -> str:
    """Remove trailing blanks, and the line of the estimated duration, which slow machines print."""
    lines = [line for line in text.splitlines() if not line.startswith("this will take ")]
    return "".join(f"{line.rstrip()}\n" for line in lines)


if __name__ == "__main__":
    main([] if sys.argv[1:] == ["schemas"] else sys.argv[1:] or list(PAGES))
