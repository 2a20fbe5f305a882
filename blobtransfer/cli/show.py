"""`show`: print and draw saved results again, without training."""

import shlex
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blobtransfer.cli.delivery import deliver
from blobtransfer.cli.interrupts import defer_signals
from blobtransfer.cli.options import ShownMargin
from blobtransfer.cli.output import STORE_SUFFIXES, MessageOptions, OutputOptions
from blobtransfer.cli.parsing import RESULTS, option
from blobtransfer.cli.streams import STANDARD_STREAM, print_stderr, read_input
from blobtransfer.errors import InputFileError, SettingError, StoreError
from blobtransfer.file_signatures import SQLITE
from blobtransfer.specs.study import COMPARISONS

if TYPE_CHECKING:
    from blobtransfer.results.results import JudgedResults, StudyResults, TrainingResults
    from blobtransfer.results.store.store import Store

MAX_LISTED = 20
"""Largest number of commands of a store that are listed: the last ones."""

MAX_ARGV = 500
"""Longest command line that is listed in full, in characters."""


def show(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS",
            help="What a command wrote as JSON, or kept with --store; - reads standard input.",
        ),
    ],
    *,
    number: Annotated[
        int | None,
        option(
            "Which of the commands that a store keeps, counted from 1.",
            panel=RESULTS,
            flags="--command",
            show_default="the last",
        ),
    ] = None,
    margin: ShownMargin = None,
    output: OutputOptions,
    argv: tuple[str, ...],
) -> None:
    """Print every table and draw every figure of a saved result again, without training."""
    output.check_contents("show", has_curves=True)
    path = output.check_files("show", read=[("the results to be shown", file)])
    try:
        results = _read(file, number, margin, output.messages)
    except MemoryError as error:
        problem = "it needs more memory than is free; free some memory, or show a smaller file"
        raise InputFileError(file, problem) from error
    canvas, curves = output.figure.canvas(), output.result.curves
    if results.command not in COMPARISONS:
        for setting, value, thing in (
            ("summary", output.screen.summary, "a summary"),
            ("margin", margin, "a margin"),
            ("explain", "" if output.screen.explain else None, "words to explain"),
        ):
            if value is not None:
                problem = f"{file} is of {results.command}; only a comparison has {thing}"
                raise SettingError(setting, value, problem)
    if curves is not None and not results.has_curves:
        problem = f"{file} holds no learning curves; compare keeps them with --speed"
        raise SettingError("curves", curves, problem)
    with defer_signals() as pending:
        deliver(results, canvas, path, output, argv, pending)
    canvas.show()


def _is_store(path: Path) -> bool:
    """Return whether a file is a store, by its content or, if it cannot be read, by its suffix."""
    if path == STANDARD_STREAM:
        return False
    with suppress(OSError, ValueError):
        if path.is_file():
            with path.open("rb") as file:
                return file.read(len(SQLITE)) == SQLITE
    return path.suffix.lower() in STORE_SUFFIXES


def _read(
    path: Path, number: int | None, margin: float | None, messages: MessageOptions
) -> "StudyResults | TrainingResults | JudgedResults":
    """Read the results of a JSON file, or of one command in a store."""
    if _is_store(path):
        return _of_store(path, number, margin, messages)
    if number is not None:
        raise SettingError(
            "command", number, f"{path} is not a store and holds one command; leave it out"
        )
    text = read_input(path)

    from blobtransfer.analysis.load import from_json

    return from_json(text, str(path), margin)


def _of_store(
    path: Path, number: int | None, margin: float | None, messages: MessageOptions
) -> "StudyResults":
    """Read the results of one of the commands of a store."""
    from blobtransfer.analysis.load import from_store
    from blobtransfer.results.store.store import Store

    with Store.open(path, writes=False) as store:
        n_commands = store.n_commands()
        if not n_commands:
            raise StoreError(path, "there is nothing in it; give compare --store this file")
        number = n_commands if number is None else number
        if not 1 <= number <= n_commands:
            problem = f"{path} keeps {n_commands}; use one of them, counted from 1"
            raise SettingError("command", number, problem)
        if n_commands > 1 and not messages.quiet:
            _list_commands(store, n_commands, number)
        (command,) = store.commands(number - 1, 1)
        return from_store(store, command, margin)


def _list_commands(store: "Store", n_commands: int, number: int) -> None:
    """Print the last commands of a store, each with the number of its stored repeats."""
    print_stderr(f"{store.path} keeps {n_commands} commands, of which this is {number}:")
    first = max(0, n_commands - MAX_LISTED)
    if first:
        print_stderr(f"  --command 1 to --command {first} are not listed")
    for i, command in enumerate(store.commands(first), first + 1):
        line = shlex.join(command.argv)
        line = line if len(line) <= MAX_ARGV else f"{line[:MAX_ARGV]} ..."
        print_stderr(f"  --command {i}  {store.count_repeats(command.study)}  {line}")
