"""`show`: print and draw saved results again, without training."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from blobtransfer.api.loading import load_results
from blobtransfer.cli.delivery import deliver
from blobtransfer.cli.help import RESULTS
from blobtransfer.cli.interrupts import defer_signals
from blobtransfer.cli.options import Points, ShownMargin
from blobtransfer.cli.output import OutputOptions
from blobtransfer.cli.parsing import option
from blobtransfer.cli.streams import print_stderr, read_input
from blobtransfer.errors import InputFileError, SettingError
from blobtransfer.report.writers import LATEX_SUFFIX
from blobtransfer.specs.experiment import SourcesChoice
from blobtransfer.specs.study import COMPARISONS

if TYPE_CHECKING:
    from blobtransfer.results.results import JudgedResults, StudyResults, TrainingResults
    from blobtransfer.results.store.store import Store

MAX_LISTED = 20
"""Largest number of commands of a store that are listed: the last ones."""

MAX_ARGV = 500
"""Longest command line that is listed in full, in characters."""


@dataclass(frozen=True)
class ShowOptions:
    """Which results are shown."""

    panel: ClassVar[str] = RESULTS
    number: Annotated[
        int | None,
        option(
            "Number of the command in a store, counted from 1.",
            flags="--command",
            show_default="the last",
        ),
    ] = None
    margin: ShownMargin = None
    sources: Annotated[
        SourcesChoice, option("Show results of fresh sources, of one source, or both.")
    ] = "both"
    only: Annotated[
        list[str] | None,
        option(
            "Show only this variant and standalone, such as fixed=0. Intervals and verdicts remain "
            "those of all variants. Repeatable.",
            metavar="VARIANT",
        ),
    ] = None
    title: Annotated[str | None, option("Title of the report and the figure.", metavar="TEXT")] = (
        None
    )
    table: Annotated[
        str | None,
        option(
            "Print only this table, such as controls; an unknown name lists all tables.",
            metavar="NAME",
        ),
    ] = None


def show(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS", help="JSON file or store (.db) of a command; - reads standard input."
        ),
    ],
    *,
    options: ShowOptions,
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
    _check_text(options.title, options.table, output.result.format)
    path = output.check_files("show", read=[("the results to be shown", file)])
    list_commands = None if output.messages.quiet else _list_commands
    try:
        results = load_results(file, read_input, options.margin, options.number, list_commands)
    except MemoryError as error:
        problem = "it needs more memory than is free; free some memory, or show a smaller file"
        raise InputFileError(file, problem) from error
    canvas, curves = output.figure.canvas(), output.result.curves
    if results.command not in COMPARISONS:
        _reject_options_of_comparisons(results.command, file, options, output)
    if results.command == "judge" and isinstance(options.margin, Points):
        problem = "a margin of scores has their unit; use a number without %"
        raise SettingError("margin", options.margin, problem)
    if curves is not None and not results.has_curves:
        problem = f"{file} has no learning curves; compare records them with --speed"
        raise SettingError("curves", curves, problem)
    shown, title, table = _select(results, options), options.title, options.table
    with defer_signals() as pending:
        deliver(results, canvas, path, output, argv, pending, shown=shown, title=title, table=table)
    canvas.show()


def _reject_options_of_comparisons(
    command: str, file: Path, options: ShowOptions, output: OutputOptions
) -> None:
    """Raise `SettingError` for an option that only a comparison has.

    Args:
        command: Command that wrote the file.
        file: The file.
        options: Which results are shown.
        output: Output options.
    """
    files = output.result.files()
    latex_file = next((path for path in files if path.suffix.lower() == LATEX_SUFFIX), None)
    for setting, value, thing in (
        ("summary", output.screen.summary, "a summary"),
        ("output", latex_file, "a summary"),
        ("margin", options.margin, "a margin"),
        ("sources", None if options.sources == "both" else options.sources, "sources"),
        ("only", options.only and options.only[0], "variants"),
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


def _select(
    results: "StudyResults | TrainingResults | JudgedResults", options: ShowOptions
) -> "StudyResults | JudgedResults | None":
    """Return the selection of the results that is shown; None for all."""
    if options.sources == "both" and not options.only:
        return None

    from blobtransfer.results.results import TrainingResults
    from blobtransfer.results.selection import select

    assert not isinstance(results, TrainingResults)  # which have no questions
    return select(results, options.sources, options.only or None)


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
