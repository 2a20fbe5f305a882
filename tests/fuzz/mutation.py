"""A mutation: what is run on which input, and what may come of it."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Protocol

from blobtransfer import __main__ as program

VICTIM = "notes.txt"
"""A file in the working directory that no mutation may change: links and journals point to it."""

NOT_READ_BACK = 99
"""Exit code where `show` rejects the JSON file that it wrote."""


@dataclass(frozen=True)
class Mutation:
    """A command on mutated input.

    Args:
        argv: The command line, without the program; `main` is called with it in `sys.argv`.
        environment: Variables that are added.
        main: What runs in the child process; returns an exit code.
    """

    argv: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    main: Callable[[], int] = program.run


SHOWN = (
    ["--full"], ["--explain"], ["--margin", "0.05"], ["--summary", "s.csv"], ["--summary", "s.md"],
    ["--curves", "c.csv"], ["--format", "json"], ["--format", "csv"], ["--format", "markdown"],
)  # fmt: skip
"""Options of `show` that change what it computes or writes."""


def show(path: str, rng: Random, i: int) -> Mutation:
    """Return the mutation that shows results and writes them in every format.

    Args:
        path: The results.
        rng: Source of randomness.
        i: Number of the mutation; some of them also draw, or read back what they wrote.
    """
    argv = ["show", path, "-q", *(rng.choice(SHOWN) if rng.random() < 0.3 else [])]
    argv += ["-o", "o.json", "-o", "o.csv", "-o", "o.md", "-o", "o.txt", "-o", "o.html"]
    argv += ["--plot", "o.svg"] if i % 25 == 0 else ["--no-plot"]
    return Mutation(argv, main=_show_twice if i % 10 == 0 else program.run)


def _show_twice() -> int:
    """Run a command and, where it succeeds, show the JSON file that it wrote."""
    code = program.run()
    if code == 0:
        sys.argv = ["blobtransfer", "show", "o.json", "-q", "--no-plot"]
        code = NOT_READ_BACK * (program.run() != 0)
    return code


class Kind(Protocol):
    """Interface of the modules `stores`, `tables`, `results`, `models` and `command_lines`."""

    def prepare(self, valid: Path) -> None:
        """Write valid inputs into a folder."""

    def mutate(self, rng: Random, i: int, valid: Path) -> Mutation:
        """Write mutated input into the working directory.

        Args:
            rng: Source of all randomness of this mutation.
            i: Number of the mutation.
            valid: The folder of the valid inputs.
        """
