"""Prepare, read and write standard input, output and error."""

import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from blobtransfer.api.loading import read_bounded, read_file
from blobtransfer.errors import MachineError, ResultsFileError
from blobtransfer.specs.checks import escape_control_characters

STANDARD_STREAM = Path("-")
"""Path of standard input for reading, and of standard output for writing."""


class ReaderGone(Exception):
    """The reader of standard output has closed it."""


def prepare_streams() -> None:
    """Make standard streams usable: replace closed ones, escape unsupported characters."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # otherwise the next file that is opened would get its descriptor
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or open(os.devnull)
    sys.stdout = sys.stdout or open(os.devnull, "w")
    sys.stderr = sys.stderr or open(os.devnull, "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def read_input(path: Path) -> bytes:
    """Read a result file, or standard input for the path `-`.

    Input whose first bytes show that it is not a result is not read to its end: it may be endless.

    Raises:
        ResultsFileError: The file does not exist, or it cannot be read.
        InputFileError: It is too large.
    """
    if path != STANDARD_STREAM:
        return read_file(path)
    try:
        return read_bounded(path, sys.stdin.buffer)
    except OSError as error:
        problem = getattr(error, "strerror", None) or "cannot be read"
        raise ResultsFileError(path, problem.lower()) from error


def write_stdout(pieces: Iterable[str]) -> None:
    """Write text to standard output and flush it; control characters are escaped.

    Raises:
        ReaderGone: The reader has closed standard output.
        MachineError: It cannot be written.
    """
    with stdout_for_writing() as stream:
        for piece in pieces:
            stream.write("\n".join(map(escape_control_characters, piece.split("\n"))))


@contextmanager
def stdout_for_writing() -> Iterator[TextIO]:
    """Yield standard output, and flush it when the block ends.

    Yields:
        The stream.

    Raises:
        ReaderGone: The reader has closed standard output.
        MachineError: It cannot be written.
    """
    try:
        yield sys.stdout
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise ReaderGone from error
    except OSError as error:
        discard(sys.stdout)
        raise MachineError(
            f"standard output: cannot be written ({error.strerror}); redirect it to another file"
        ) from error


def print_stderr(text: str) -> None:
    """Print one line on standard error; control characters are escaped."""
    try:
        print(escape_control_characters(text), file=sys.stderr, flush=True)
    except OSError:  # standard error cannot be written; nothing else can report that
        discard(sys.stderr)


def discard(stream: TextIO) -> None:
    """Discard the rest of a stream's buffer, so that Python ends without an error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
