"""Deliver results: files, standard output, and notes on standard error."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from blobtransfer.api.notes import notes_of
from blobtransfer.api.requests import Request
from blobtransfer.cli.interrupts import Deferred, Interrupted
from blobtransfer.cli.output import MessageOptions, OutputOptions, replacement_error
from blobtransfer.cli.streams import (
    ReaderGone,
    discard,
    print_stderr,
    stdout_for_writing,
    write_stdout,
)
from blobtransfer.errors import MachineError
from blobtransfer.report.writers import (
    TEXT_WRITERS,
    print_on,
    write_curves,
    write_summary,
    writer_of,
)
from blobtransfer.specs.study import COMPARISONS

if TYPE_CHECKING:
    from blobtransfer.report.figures.canvas import Canvas
    from blobtransfer.report.figures.pictures import Picture
    from blobtransfer.report.report import R, Report
    from blobtransfer.results.results import JudgedResults, StudyResults, TrainingResults
    from blobtransfer.running.single import SingleRun

SOME_RUNS_FAILED = 3
"""Exit code: finished, but some losses are not finite."""


def print_notes(request: Request, messages: MessageOptions) -> None:
    """Print notes on data, model and variants; if quiet, only the warnings."""
    for note in notes_of(request, only_warnings=messages.quiet):
        print_stderr(note)


def deliver(
    results: "R",
    canvas: "Canvas",
    figure_path: Path | None,
    output: OutputOptions,
    argv: Sequence[str],
    pending: Deferred,
    is_printed: bool = True,
    shown: "R | None" = None,
    title: str | None = None,
    table: str | None = None,
) -> None:
    """Print, write and draw results, in this order; if one fails, the others are delivered.

    Args:
        results: The results.
        canvas: Canvas of the figure.
        figure_path: Path of the figure; None if none is written.
        output: Output options.
        argv: Command line, which the figure records.
        pending: Knows whether a signal has arrived.
        is_printed: Whether results go to standard output.
        shown: A selection of the results, for all output but JSON and CSV; None: all.
        title: Title of report and figure; None: a generated one.
        table: Name of the only table that is printed; None: all.

    Raises:
        MachineError: An output could not be written.
        SettingError: Unknown table.
    """
    from blobtransfer.report.kinds import build_report

    report = build_report(results, shown)
    report = report if title is None else report.with_title(title)
    printed = report if table is None else report.only_table(table)
    failed: list[BaseException] = []
    unprinted: list[BaseException] = []
    is_on_screen = False
    if is_printed:
        try:
            with printing(pending):
                is_on_screen = print_report(printed, output, is_table=table is not None)
        except (MachineError, ReaderGone, Interrupted) as error:
            unprinted.append(error)
    try:
        write_files(report, output)
    except MachineError as error:
        failed.append(error)
    try:
        if figure_path is not None or canvas.has_windows:
            from blobtransfer.report.figures.pictures import picture_of_report

            picture = picture_of_report(report, canvas, argv)
            save_figure(picture, figure_path, output.messages)
    except MachineError as error:
        failed.append(error)
    _print_warnings(report, is_on_screen, output.messages.quiet)
    if failed or unprinted:  # one full disk may cause several: report the first
        raise (failed + unprinted)[0]


def _print_warnings(report: "Report[Any]", is_on_screen: bool, is_quiet: bool) -> None:
    """Print cautions and the number of diverged trainings; if quiet, the most important in a line.

    Args:
        report: The report.
        is_on_screen: Whether its cautions are printed already.
        is_quiet: Whether to print one line at most.
    """
    warnings = [*report.cautions]
    if is_quiet:
        cautions = report.short_cautions or report.cautions
        warnings = [*cautions[: len(report.always_reported)]]
    printed = warnings
    if is_on_screen:
        warnings = []
    n_failed, n_runs = report.results.n_failed, report.results.n_runs
    if n_failed and n_runs > 1:  # a caution reports that the only one diverged
        advice = "try a smaller --learning-rate"
        text = f"{n_failed:,} of {n_runs:,} runs diverged (their loss is not finite)"
        is_repeated = any(advice in warning for warning in printed)
        warnings.append(text if is_repeated else f"{text}; {advice}")
    if is_quiet and warnings:
        warnings = ["; ".join(warnings)]
    for warning in warnings:
        print_stderr(f"warning: {warning}")


@contextmanager
def printing(pending: Deferred) -> Iterator[None]:
    """Raise `Interrupted` if standard output fails after a signal has arrived.

    The signal is the cause: a terminal that closes sends SIGHUP, and Ctrl-C ends all commands of a
    pipeline.

    Args:
        pending: Records whether a signal has arrived.

    Raises:
        Interrupted: A signal has arrived and standard output cannot be written.
        MachineError: Standard output cannot be written.
        ReaderGone: Nobody reads standard output any more.
    """
    try:
        yield
    except (MachineError, ReaderGone):
        if pending.signal_number is not None:
            discard(sys.stdout)
        pending.check()
        raise


def write_files(report: "Report[Any]", output: OutputOptions) -> None:
    """Write the result files; the failure of one does not stop the others.

    Raises:
        MachineError: A file cannot be written; the first such error.
    """
    result, summary = output.result, output.screen.summary
    failed: MachineError | None = None
    calls: list[tuple[Path, Callable[[Report[Any], Path], None]]] = []
    for path in result.files():
        writer = writer_of(path)
        calls.append((path, write_summary if writer is None else writer.write))
    if summary is not None:
        calls.append((summary, write_summary))
    if result.curves is not None:
        calls.append((result.curves, write_curves))
    for path, write in calls:
        try:
            write(report, path)
            output.messages.log(f"wrote {path}")
        except MachineError as error:
            failed = failed or error
    if failed is not None:
        raise failed


def print_report(report: "Report[Any]", output: OutputOptions, is_table: bool = False) -> bool:
    """Print results to standard output, in the format of `--format`.

    Args:
        report: The report.
        output: Output options.
        is_table: Whether it has one table, which is printed even if it is a detail.

    Returns:
        Whether they were printed on a terminal, with their cautions.
    """
    screen, result = output.screen, output.result
    report = report.for_printing(screen.full or is_table, screen.explain)
    format = result.format or "table"
    is_short = output.messages.quiet and not result.wants_standard_output()
    is_short = is_short and not (screen.full or is_table)
    if is_short and report.results.command in COMPARISONS:
        stopped = [] if report.stopped is None else [report.stopped]
        answers = [sentence.text for sentence in report.sentences]
        explanations = report.explanations if screen.explain else ()
        write_stdout(f"{line}\n" for line in (*stopped, *answers, *explanations))
        return False
    if format == "table" and sys.stdout.isatty():
        with stdout_for_writing() as stream:
            print_on(stream, report, screen.full)
        return True
    write_stdout(TEXT_WRITERS[format].pieces(report))
    return False


def save_figure(picture: "Picture", path: Path | None, messages: MessageOptions) -> None:
    """Save a figure, and print the command that drew the figure that it replaces.

    Args:
        picture: The figure.
        path: Path of the file; None to save nothing.
        messages: Whether to print.
    """
    if path is None:
        return

    from blobtransfer.report.figures.pictures import made_by, metadata_text, save

    replaced = ""
    if path.exists():
        before = made_by(path)
        if before is None:
            replaced = " (replaced a file that blobtransfer had not made)"
        elif before != metadata_text(picture.made_by):
            replaced = f" (replaced the figure of: {before})"
    save(picture, path)
    messages.log(f"wrote {path}{replaced}", *([f"note: {picture.note}"] if picture.note else []))


def save_network(
    trained: "SingleRun", setting: str, path: Path, force: bool, messages: MessageOptions
) -> None:
    """Save a trained network; an identical file is left unchanged, another is not replaced.

    Args:
        trained: The network, its weights and its preprocessing.
        setting: Setting of the path, for the error.
        path: Path of the saved file (.keras or .h5).
        force: Whether to replace another file.
        messages: Whether to print.

    Raises:
        SettingError: The file holds another network, and `force` is not given.
    """
    if not path.exists() or force:
        from blobtransfer.keras_files.write import LEGACY_SUFFIX, save_model

        # Another process may have saved a network under this name meanwhile.
        with suppress(FileExistsError):
            save_model(
                trained.network, trained.weights, path, trained.preprocessing, must_be_new=not force
            )
            messages.log(f"wrote {path}")
            if path.suffix.lower() == LEGACY_SUFFIX:
                messages.log(
                    f"note: {path} is in the legacy Keras format; the current format is .keras"
                )
            return

    from blobtransfer.keras_files.read import read_source_file

    old, new = read_source_file(path), trained
    old_bytes, new_bytes = (
        [weights.tobytes() for weights in network.weights] for network in (old, new)
    )
    if old_bytes != new_bytes or old.preprocessing != new.preprocessing:
        raise replacement_error(setting, path, "a network with other weights")
    messages.log(f"{path} already holds this network; not written")


def finish(results: "StudyResults | TrainingResults | JudgedResults", canvas: "Canvas") -> None:
    """Show windows, and exit with code 3 if trainings diverged.

    Raises:
        typer.Exit: Some trainings diverged.
    """
    canvas.show()
    if results.n_failed:
        raise typer.Exit(SOME_RUNS_FAILED)
