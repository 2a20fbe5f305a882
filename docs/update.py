"""Run every command that README and docs show, and write what it printed below it.

    .venv/bin/python docs/update.py            # all pages, and the schema of the results
    .venv/bin/python docs/update.py README.md  # some pages

A block that opens with ```console holds commands after `$ ` and their output. The commands
of one page run one after another in one empty folder; figures they draw that the docs have
in docs/figures are renewed there.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from blobtransfer.results.record import make_schema

TOP = Path(__file__).resolve().parent.parent
SCHEMA = TOP / "blobtransfer" / "results" / "results.schema.json"
PAGES = ("README.md", "docs/tutorial.md", "docs/method.md", "docs/cli.md")
BLOCK = re.compile(r"(?<=^```console\n)(.*?)(?=^```$)", re.MULTILINE | re.DOTALL)


def main(pages: list[str]) -> None:
    """Renew some pages."""
    SCHEMA.write_text(json.dumps(make_schema(), indent=1) + "\n")
    for page in pages:
        path = TOP / page
        with tempfile.TemporaryDirectory() as folder:
            text = BLOCK.sub(lambda block: run_block(block[0], Path(folder)), path.read_text())
            path.write_text(text)
            for figure in Path(folder).glob("*.png"):
                if (TOP / "docs" / "figures" / figure.name).exists():
                    shutil.copy(figure, TOP / "docs" / "figures")


def run_block(block: str, folder: Path) -> str:
    """Give the block with fresh output."""
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"{command}\n{output_of(command[2:], folder)}" for command in commands)


def output_of(command: str, folder: Path) -> str:
    """Run one command and give what it printed on both streams."""
    print(f"$ {command}", file=sys.stderr, flush=True)
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ
        | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "80",
            "TERMINAL_WIDTH": "80",
        },
        check=False,
    )
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())


if __name__ == "__main__":
    main(sys.argv[1:] or list(PAGES))
