"""What a command leaves behind: files, standard output, and notes on standard error.

Checks that need no work come first, so that bad input is answered at once and nothing is
written; each file is then written whole or not at all.
"""

import io
import os
import stat
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from blobtransfer.cli.options import FigureOptions, ResultOptions, TalkOptions
from blobtransfer.errors import EnvironmentFailed, ResultsFileError, SettingError, SourceFileError
from blobtransfer.files import why_not_writable, write_text
from blobtransfer.specs.network import MLPSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from blobtransfer.experiment.compare import Trainee
    from blobtransfer.results.results import Results

STANDARD_INPUT = Path("-")
"""What stands for it where a file is read."""

SUFFIXES = {".json": "json", ".csv": "csv", ".md": "markdown", ".txt": "table"}
"""What a result file holds, by its suffix."""


def open_streams() -> None:
    """Make standard output and error usable: closed ones lead nowhere, odd letters are escaped."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # else the next file that is opened would take its place
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(os.devnull, "w")
    sys.stderr = sys.stderr or open(os.devnull, "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


class ReaderGone(Exception):
    """Whoever read our standard output has closed it."""


def read_input(path: Path) -> bytes:
    """Read a file of results, or standard input where it is called `-`.

    Raises:
        ResultsFileError: There is no such file, or it cannot be read.
    """
    try:
        if path == STANDARD_INPUT:
            return sys.stdin.buffer.read()
        with path.open("rb") as file:
            if stat.S_ISCHR(os.fstat(file.fileno()).st_mode) and not file.isatty():
                raise ResultsFileError(path, "this is a device, which may never end")
            return file.read()
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        problem = getattr(error, "strerror", None) or "cannot be opened"
        raise ResultsFileError(path, problem.lower()) from error


def checked_figure_path(figure: FigureOptions, command: str) -> Path | None:
    """Give the path of the figure, None where none is wanted, before any work.

    Raises:
        SettingError: No figure could be written there.
    """
    path = figure.path(command)
    if path is not None:
        _check_file("plot", path, (".png", ".svg", ".pdf"))
    return path


def check_result_files(result: ResultOptions) -> None:
    """Raise `SettingError` before any work if a result file could not be written."""
    seen = set()
    for path in result.files():
        _check_file("output", path, tuple(SUFFIXES))
        place = os.path.realpath(path)
        if place in seen:
            raise SettingError("output", path, "this file is named twice; name it once")
        seen.add(place)


def check_apart(
    written: Sequence[tuple[str, Path | None]], read: Sequence[tuple[str, Path | None]] = ()
) -> None:
    """Raise `SettingError` before any work if a file would be written twice, or over an input.

    Args:
        written: The setting and path of each file that is written; None where there is none.
        read: What each input is called, and its path.
    """
    taken = {
        os.path.realpath(path): f"this would replace {name}"
        for name, path in read
        if path not in (None, STANDARD_INPUT)
    }
    for setting, path in written:
        if path is not None:
            place = os.path.realpath(path)
            if place in taken:
                or_force = ", or --force to replace it" if setting == "save" else ""
                raise SettingError(setting, path, f"{taken[place]}; use another name{or_force}")
            taken[place] = f"this is the file of --{setting} too"


def check_model_file(setting: str, path: Path, network: MLPSpec, force: bool) -> None:
    """Raise `SettingError` before any work if a network could not be saved.

    Whether an old file of the same shape holds this very network shows only after training.
    """
    _check_file(setting, path, (".keras",))
    if path.exists() and not force:
        from blobtransfer.keras_files.read import read_source_file

        try:
            theirs = read_source_file(path).network
        except SourceFileError as error:
            raise _would_replace(setting, path, "a file that is no such model") from error
        if (theirs.layer_sizes, theirs.activation) != (network.layer_sizes, network.activation):
            raise _would_replace(setting, path, f"a {theirs.activation} network {theirs}")


def save_trained(
    trainee: "Trainee", setting: str, path: Path, force: bool, talk: TalkOptions
) -> None:
    """Save a trained network; one that is there already may stay, another is not replaced.

    Raises:
        SettingError: The file holds another network, and `force` is not given.
    """
    if not path.exists() or force:
        from blobtransfer.keras_files.write import save_model

        # Another run may have been quicker, and saved a network under this name.
        with suppress(FileExistsError):
            save_model(trainee.network, trainee.weights, path, not force, talk.verbose)
            note(talk, f"wrote {path}")
            return

    from blobtransfer.keras_files.read import read_source_file

    old, new = read_source_file(path).weights, trainee.weights
    if [layer.tobytes() for layer in old] != [layer.tobytes() for layer in new]:
        raise _would_replace(setting, path, "a network with other weights")
    note(talk, f"{path} holds this very network already; left as it is")


def save_drawn(figure: "Figure", path: Path | None, talk: TalkOptions) -> None:
    """Save a figure where one is wanted."""
    if path is not None:
        from blobtransfer.report.figures import save

        save(figure, path)
        note(talk, f"wrote {path}")


def write_results(results: "Results", result: ResultOptions, talk: TalkOptions) -> None:
    """Write the result files that were asked for; one that fails does not cost the others."""
    failed: EnvironmentFailed | None = None
    for path in result.files():
        try:
            # The seconds would make the same command write other bytes.
            write_text(path, _as_text(results, SUFFIXES[path.suffix.lower()], with_time=False))
            note(talk, f"wrote {path}")
        except EnvironmentFailed as error:
            failed = failed or error
    if failed is not None:
        raise failed


def print_results(results: "Results", result: ResultOptions) -> None:
    """Print results to standard output in the format that was asked for."""
    wanted = result.format or "table"
    if wanted == "table" and sys.stdout.isatty():
        from blobtransfer.report.tables import print_on_terminal, report

        print_on_terminal(report(results), sys.stdout)
    else:
        emit(_as_text(results, wanted, with_time=True))


def emit(pieces: Iterable[str]) -> None:
    """Write to standard output, now.

    Raises:
        ReaderGone: Nobody reads any more.
        EnvironmentFailed: It cannot be written.
    """
    try:
        sys.stdout.writelines(pieces)
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise ReaderGone from error
    except OSError as error:
        close(sys.stdout)
        raise EnvironmentFailed(
            f"standard output: cannot be written ({error.strerror}); send it elsewhere"
        ) from error


def note(talk: TalkOptions, text: str) -> None:
    """Say on standard error what was done, unless quiet."""
    if not talk.quiet:
        say(text)


def say(text: str) -> None:
    """Say a line on standard error."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:  # nobody can be told that nobody can be told
        close(sys.stderr)


def close(stream: TextIO) -> None:
    """Let what is left in a stream's buffer go nowhere, so that leaving Python makes no error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _check_file(setting: str, path: Path, suffixes: Sequence[str]) -> None:
    if path.suffix.lower() not in suffixes:
        found = f"no format has the suffix {path.suffix}" if path.suffix else "there is no suffix"
        raise SettingError(setting, path, f"{found}; use {', '.join(suffixes)}")
    problem = why_not_writable(path)
    if problem is not None:
        raise SettingError(setting, path, problem)


def _would_replace(setting: str, path: Path, found: str) -> SettingError:
    return SettingError(
        setting, path, f"exists and holds {found}; use another name, or --force to replace it"
    )


def _as_text(results: "Results", wanted: str, with_time: bool) -> Iterable[str]:
    from blobtransfer.report.tables import report, to_markdown, to_text
    from blobtransfer.results.json_io import to_csv, to_json

    match wanted:
        case "json":
            return to_json(results)
        case "csv":
            return to_csv(results)
        case "markdown":
            return [to_markdown(report(results, with_time))]
        case _:
            return [to_text(report(results, with_time))]
