"""Prepare, read and write standard input, output and error."""

import io
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from blobtransfer.errors import InputFileError, MachineError, ResultsFileError
from blobtransfer.file_signatures import identify_format
from blobtransfer.specs.checks import escape_control_characters

STANDARD_STREAM = Path("-")
"""Path of standard input for reading, and of standard output for writing."""


MAX_RESULT_BYTES = 1_000_000_000
"""Largest result file that is read: about three million runs."""

READ_AT_ONCE = 1 << 20
"""Bytes of a file that are read at a time."""


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
        ResultsFileError: There is no such file, or it cannot be read.
        InputFileError: It is too large.
    """
    try:
        if path == STANDARD_STREAM:
            return _read_bounded(path, sys.stdin.buffer)
        with path.open("rb") as file:
            if stat.S_ISCHR(os.fstat(file.fileno()).st_mode) and not file.isatty():
                raise ResultsFileError(path, "this is a device, which may never end")
            return _read_bounded(path, file)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        problem = getattr(error, "strerror", None) or "cannot be opened"
        raise ResultsFileError(path, problem.lower()) from error


def _read_bounded(path: Path, file: BinaryIO) -> bytes:
    """Read a file to its end, or only its first bytes if they show that it is not JSON."""
    content = bytearray(file.read(READ_AT_ONCE))
    if not content:
        raise ResultsFileError(path, "it is empty")
    if content.startswith(b"\0") or identify_format(bytes(content)) not in ("JSON", None):
        return bytes(content)
    while chunk := file.read(READ_AT_ONCE):
        content += chunk
        if len(content) > MAX_RESULT_BYTES:
            problem = f"more than {MAX_RESULT_BYTES:,} bytes, the most that are read"
            raise InputFileError(path, f"{problem}; keep so many runs with --store, and show that")
    return bytes(content)


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
            f"standard output: cannot be written ({error.strerror}); send it elsewhere"
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
