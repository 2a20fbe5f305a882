"""What a command leaves behind: files, standard output, and notes on standard error."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from blobtransfer.cli.checks import would_replace
from blobtransfer.cli.interrupts import Deferred, Interrupted
from blobtransfer.cli.options import MessageOptions, ResultOptions, ScreenOptions
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
from blobtransfer.specs.study import STUDIES

if TYPE_CHECKING:
    from blobtransfer.keras_files.read import SourceNetwork
    from blobtransfer.report.figures.canvas import Canvas, Picture
    from blobtransfer.report.report import Report
    from blobtransfer.results.results import StudyResults, TrainingResults
    from blobtransfer.running.single import SingleRun

ALL_SHORT = ScreenOptions()

SOME_RUNS_FAILED = 3
"""Exit code: finished, but some losses are not finite."""


def deliver(
    results: "StudyResults | TrainingResults",
    canvas: "Canvas",
    figure_path: Path | None,
    result: ResultOptions,
    messages: MessageOptions,
    pending: Deferred,
    screen: ScreenOptions = ALL_SHORT,
    is_printed: bool = True,
) -> None:
    """Print, write and draw results.

    The answer is printed before the figure is drawn. An error in one output does not stop the
    others.

    Args:
        results: The results.
        canvas: What the figure is drawn on.
        figure_path: Where the figure goes; None: nowhere.
        result: Where the numbers go.
        messages: How much is reported.
        pending: Knows whether a signal has arrived.
        screen: How much is shown.
        is_printed: Whether results are printed.

    Raises:
        MachineError: An output cannot be written.
        ReaderGone: Nobody reads standard output any more.
        Interrupted: A signal has arrived while results were printed.
    """
    from blobtransfer.report.kinds import build_report

    report = build_report(results)
    failed: list[BaseException] = []
    unprinted: list[BaseException] = []
    is_on_screen = False
    if is_printed:
        try:
            with printing(pending):
                is_on_screen = print_report(report, result, messages, screen)
        except (MachineError, ReaderGone, Interrupted) as error:
            unprinted.append(error)
    try:
        write_files(report, result, messages, screen.summary)
    except MachineError as error:
        failed.append(error)
    try:
        if figure_path is not None or canvas.has_windows:
            from blobtransfer.report.figures.pictures import picture_of_report

            picture = picture_of_report(report, canvas, sys.argv[1:])
            save_figure(picture, figure_path, messages)
    except MachineError as error:
        failed.append(error)
    if not is_on_screen:
        for caution in report.cautions:
            log_unless_quiet(messages, f"warning: {caution}")
    if failed or unprinted:  # one full disk may cause several: report the first
        raise (failed + unprinted)[0]


@contextmanager
def printing(pending: Deferred) -> Iterator[None]:
    """Raise `Interrupted` instead of an error of standard output once a signal has arrived.

    The signal is the cause: a terminal that closes sends SIGHUP, and Ctrl-C ends all commands of a
    pipeline.

    Args:
        pending: Knows whether a signal has arrived.

    Raises:
        Interrupted: A signal has arrived and standard output cannot be written.
        MachineError: Standard output cannot be written.
        ReaderGone: Nobody reads standard output any more.
    """
    try:
        yield
    except (MachineError, ReaderGone):
        if pending.heard is not None:
            discard(sys.stdout)
        pending.check()
        raise


def write_files(
    report: "Report[Any]", result: ResultOptions, messages: MessageOptions, summary: Path | None
) -> None:
    """Write the result files; an error in one does not stop the others.

    Args:
        report: The report.
        result: Where the numbers go.
        messages: How much is reported.
        summary: File of the summary; None: none.

    Raises:
        MachineError: A file cannot be written.
    """
    failed: MachineError | None = None
    writers = [(path, writer_of(path)) for path in result.files()]
    calls = [(path, writer.write) for path, writer in writers if writer is not None]
    if summary is not None:
        calls.append((summary, write_summary))
    if result.curves is not None:
        calls.append((result.curves, write_curves))
    for path, write in calls:
        try:
            write(report, path)
            log_unless_quiet(messages, f"wrote {path}")
        except MachineError as error:
            failed = failed or error
    if failed is not None:
        raise failed


def print_report(
    report: "Report[Any]",
    result: ResultOptions,
    messages: MessageOptions,
    screen: ScreenOptions,
) -> bool:
    """Print results to standard output in the requested format.

    Args:
        report: The report.
        result: The format.
        messages: How much is reported.
        screen: How much is shown.

    Returns:
        Whether they stand on a terminal, with their cautions.
    """
    report = report.for_printing(screen.full, screen.explain)
    wanted = result.format or "table"
    is_short = messages.quiet and not screen.full and not result.wants_standard_output()
    if is_short and report.results.command in STUDIES:
        stopped = [] if report.stopped is None else [report.stopped]
        answers = [sentence.text for sentence in report.sentences]
        explanations = report.explanations if screen.explain else ()
        write_stdout(f"{line}\n" for line in (*stopped, *answers, *explanations))
        return False
    if wanted == "table" and sys.stdout.isatty():
        with stdout_for_writing() as stream:
            return print_on(stream, report, screen.full)
    write_stdout(TEXT_WRITERS[wanted].pieces(report))
    return False


def save_figure(picture: "Picture", path: Path | None, messages: MessageOptions) -> None:
    """Save a figure, and report whether it replaces a file of another command.

    Args:
        picture: The figure.
        path: The file; None: none.
        messages: How much is reported.
    """
    if path is None:
        return

    from blobtransfer.report.figures.canvas import made_by, plain, save

    replaced = ""
    if path.exists():
        before = made_by(path)
        if before is None:
            replaced = ", in place of a file that is none of blobtransfer's"
        elif before != plain(picture.made_by):
            replaced = f", in place of the figure of: {before}"
    save(picture, path)
    log_unless_quiet(messages, f"wrote {path}{replaced}")


def save_network(
    trained: "SingleRun", setting: str, path: Path, force: bool, messages: MessageOptions
) -> None:
    """Save a trained network; one that is there already may stay, another is not replaced.

    Args:
        trained: The trained network.
        setting: Option that names the file.
        path: The file.
        force: Replace an existing file.
        messages: How much is reported.

    Raises:
        SettingError: The file holds another network, and `force` is not given.
    """
    if not path.exists() or force:
        from blobtransfer.keras_files.write import save_model

        # Another run may have been quicker, and saved a network under this name.
        with suppress(FileExistsError):
            save_model(
                trained.network,
                trained.weights,
                path,
                trained.preprocessing,
                must_be_new=not force,
                show_log=messages.verbose,
            )
            log_unless_quiet(messages, f"wrote {path}")
            return

    from blobtransfer.keras_files.read import read_source_file

    old, new = read_source_file(path), trained
    held, made = ([one.tobytes() for one in each.weights] for each in (old, new))
    if held != made or old.preprocessing != new.preprocessing:
        raise would_replace(setting, path, "a network with other weights")
    log_unless_quiet(messages, f"{path} holds this very network already; left as it is")


def tell_new_head(
    is_default: bool, fits: bool, source: str, target: str, messages: MessageOptions
) -> None:
    """Say why the output layer is drawn afresh though nobody asked, unless quiet.

    Args:
        is_default: No variants were asked for.
        fits: The output layer of the source is of the target's classes.
        source: What the source network learnt, or its file.
        target: What is learnt from there.
        messages: How much is said.
    """
    if is_default and not fits:
        log_unless_quiet(
            messages,
            f"note: the output layer of {source} is not of the classes of {target}: it is drawn "
            "afresh (new-head)",
        )


def log_unless_quiet(messages: MessageOptions, text: str) -> None:
    """Say on standard error what was done, unless quiet."""
    if not messages.quiet:
        print_stderr(text)


def tell_notes(source: "SourceNetwork | None", path: Path | None, messages: MessageOptions) -> None:
    """Report the parts of the file of the source network that are ignored, unless quiet.

    Args:
        source: The source network; None if there is none.
        path: Its file.
        messages: How much is reported.
    """
    for note in () if source is None else source.notes:
        log_unless_quiet(messages, f"note: {path}: {note}")
    if source is not None and source.preprocessing and not source.preprocessing.trained_rows:
        problem = "which rows trained it is not known; see that none of them tests"
        log_unless_quiet(messages, f"note: {path}: {problem}")


def finish(results: "StudyResults | TrainingResults", canvas: "Canvas") -> None:
    """Show the windows of a command whose results are delivered.

    Raises:
        typer.Exit: Some trainings failed.
    """
    canvas.show()
    if results.n_failed:
        print_stderr(
            f"warning: {results.n_failed} of {results.n_runs} trainings failed, their loss is "
            "not finite; try a smaller --learning-rate"
        )
        raise typer.Exit(SOME_RUNS_FAILED)
