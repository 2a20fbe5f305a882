"""`show`: print and draw saved results again, without training."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from blobtransfer.api.loading import load_results
from blobtransfer.cli.delivery import deliver
from blobtransfer.cli.help import RESULTS
from blobtransfer.cli.interrupts import defer_signals
from blobtransfer.cli.options import Points, ShownMargin
from blobtransfer.cli.output import MessageOptions, OutputOptions
from blobtransfer.cli.parsing import option
from blobtransfer.cli.streams import print_stderr, read_input
from blobtransfer.errors import InputFileError, SettingError
from blobtransfer.specs.experiment import Question
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
            metavar="RESULTS", help="JSON file or store (.db) of a command; - reads standard input."
        ),
    ],
    *,
    number: Annotated[
        int | None,
        option(
            "Number of the command in a store, counted from 1.",
            panel=RESULTS,
            flags="--command",
            show_default="the last",
        ),
    ] = None,
    margin: ShownMargin = None,
    sources: Annotated[
        Literal[Question, "both"],
        option("Show results of fresh sources, of one source, or both.", panel=RESULTS),
    ] = "both",
    only: Annotated[
        list[str] | None,
        option(
            "Show only this variant and standalone, such as fixed=0. Intervals and verdicts remain "
            "those of all variants. Repeatable.",
            panel=RESULTS,
            metavar="VARIANT",
        ),
    ] = None,
    title: Annotated[
        str | None, option("Title of the report and the figure.", panel=RESULTS, metavar="TEXT")
    ] = None,
    table: Annotated[
        str | None,
        option(
            "Print only this table, such as controls; an unknown name lists all tables.",
            panel=RESULTS,
            metavar="NAME",
        ),
    ] = None,
    output: OutputOptions,
    argv: tuple[str, ...],
) -> None:
    """Show saved results: tables and figures, without training.

    Examples:
      blobtransfer show results.json --full
      blobtransfer show results.json --sources fresh --style slide --plot slide.png
      blobtransfer show store.db -o report.html
    """
    output.check_contents("show", has_curves=True)
    _check_text(title, table, output.result.format)
    path = output.check_files("show", read=[("the results to be shown", file)])
    try:
        results = _read(file, number, margin, output.messages)
    except MemoryError as error:
        problem = "it needs more memory than is free; free some memory, or show a smaller file"
        raise InputFileError(file, problem) from error
    canvas, curves = output.figure.canvas(), output.result.curves
    if results.command not in COMPARISONS:
        _reject_options_of_comparisons(results.command, file, margin, sources, only, output)
    if results.command == "judge" and isinstance(margin, Points):
        problem = "a margin of scores has their unit; use a number without %"
        raise SettingError("margin", margin, problem)
    if curves is not None and not results.has_curves:
        problem = f"{file} has no learning curves; compare records them with --speed"
        raise SettingError("curves", curves, problem)
    shown = _select(results, sources, only)
    with defer_signals() as pending:
        deliver(results, canvas, path, output, argv, pending, shown=shown, title=title, table=table)
    canvas.show()


def _reject_options_of_comparisons(
    command: str,
    file: Path,
    margin: float | None,
    sources: str,
    only: list[str] | None,
    output: OutputOptions,
) -> None:
    """Raise `SettingError` for an option that only a comparison has.

    Args:
        command: Command that wrote the file.
        file: The file.
        margin: Value of `--margin`.
        sources: Value of `--sources`.
        only: Values of `--only`.
        output: Output options.
    """
    for setting, value, thing in (
        ("summary", output.screen.summary, "a summary"),
        ("margin", margin, "a margin"),
        ("sources", None if sources == "both" else sources, "sources"),
        ("only", only and only[0], "variants"),
        ("explain", "" if output.screen.explain else None, "words to explain"),
    ):
        if value is not None:
            problem = f"{file} holds results of {command}; only a comparison has {thing}"
            raise SettingError(setting, value, problem)


def _check_text(title: str | None, table: str | None, format: str | None) -> None:
    """Raise `SettingError` for an empty title, and for a table in a format without tables."""
    if title is not None and not title.strip():
        raise SettingError("title", title, "it is empty; leave it out")
    if table is not None and format in ("csv", "json"):
        problem = f"--format {format} has no tables; leave one of the two out"
        raise SettingError("table", table, problem)


def _read(
    path: Path, number: int | None, margin: float | None, messages: MessageOptions
) -> "StudyResults | TrainingResults | JudgedResults":
    """Read the results of a JSON file, or of one command in a store."""
    return load_results(
        path, read_input, margin, number, None if messages.quiet else _list_commands
    )


def _select(
    results: "StudyResults | TrainingResults | JudgedResults",
    sources: Literal[Question, "both"],
    only: list[str] | None,
) -> "StudyResults | JudgedResults | None":
    """Return the selection of the results that is shown; None for all."""
    if sources == "both" and not only:
        return None

    from blobtransfer.results.results import TrainingResults
    from blobtransfer.results.selection import select

    assert not isinstance(results, TrainingResults)  # which have no questions
    return select(results, sources, only or None)


def _list_commands(store: "Store", n_commands: int, number: int) -> None:
    """Print the last commands of a store, each with the number of its stored repeats."""
    print_stderr(f"{store.path} has {n_commands} commands; this is command {number}:")
    first = max(0, n_commands - MAX_LISTED)
    if first:
        print_stderr(f"  --command 1 to --command {first} are not listed")
    for i, command in enumerate(store.commands(first), first + 1):
        line = shlex.join(command.argv)
        line = line if len(line) <= MAX_ARGV else f"{line[:MAX_ARGV]} ..."
        print_stderr(f"  --command {i}  {store.count_repeats(command.study)}  {line}")
