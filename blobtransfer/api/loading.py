"""Load results from a file."""

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from blobtransfer.errors import InputFileError, ResultsFileError, SettingError, StoreError
from blobtransfer.file_signatures import SQLITE, identify_format

if TYPE_CHECKING:
    from blobtransfer.results.results import JudgedResults, StudyResults, TrainingResults
    from blobtransfer.results.store.store import Store

STORE_SUFFIXES = (".db",)

READ_AT_ONCE = 1 << 20
"""Bytes of a file that are read at a time."""

MAX_RESULT_BYTES = 1_000_000_000
"""Largest result file that is read: about three million runs."""


def is_store(path: Path) -> bool:
    """Return whether a file is a store, by its content or, if it cannot be read, by its suffix."""
    with suppress(OSError, ValueError):
        if path.is_file():
            with path.open("rb") as file:
                return file.read(len(SQLITE)) == SQLITE
    return path.suffix.lower() in STORE_SUFFIXES


def load_results(
    path: Path,
    read: Callable[[Path], bytes],
    margin: float | None = None,
    command: int | None = None,
    list_commands: "Callable[[Store, int, int], None] | None" = None,
) -> "StudyResults | TrainingResults | JudgedResults":
    """Load the results of a JSON file, or of one command in a store.

    Args:
        path: Path of the file.
        read: Reads a file that is not a store.
        margin: Margin in place of that of the results.
        command: Which command of a store, from 1; None: the last.
        list_commands: Called with a store of several commands, their number and the chosen one.

    Raises:
        SettingError: Unknown command.
        InputFileError: The file is damaged, or holds something else.
    """
    from blobtransfer.analysis.load import from_json, from_store

    if not is_store(path):
        if command is not None:
            problem = f"{path} is not a store and holds one command; leave it out"
            raise SettingError("command", command, problem)
        return from_json(read(path), str(path), margin)

    from blobtransfer.results.store.store import Store

    with Store.open(path, writes=False) as store:
        n_commands = store.n_commands()
        if not n_commands:
            raise StoreError(
                path, "the store is empty; run a command with --store and this file first"
            )
        number = n_commands if command is None else command
        if not 1 <= number <= n_commands:
            problem = f"the store has {n_commands} commands; use a number from 1 to {n_commands}"
            raise SettingError("command", number, problem)
        if n_commands > 1 and list_commands is not None:
            list_commands(store, n_commands, number)
        (stored,) = store.commands(number - 1, 1)
        return from_store(store, stored, margin)


def read_file(path: Path) -> bytes:
    """Read a result file.

    Raises:
        ResultsFileError: The file does not exist, or it cannot be read.
        InputFileError: It is too large.
    """
    try:
        with path.open("rb") as file:
            if stat.S_ISCHR(os.fstat(file.fileno()).st_mode) and not file.isatty():
                raise ResultsFileError(path, "this is a device, not a file")
            return read_bounded(path, file)
    except InputFileError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        problem = getattr(error, "strerror", None) or "cannot be opened"
        raise ResultsFileError(path, problem.lower()) from error


def read_bounded(path: Path, file: BinaryIO) -> bytes:
    """Read a file to its end, or only its first bytes if they show that it is not JSON.

    Raises:
        ResultsFileError: It is empty.
        InputFileError: It is too large.
    """
    content = bytearray(file.read(READ_AT_ONCE))
    if not content:
        raise ResultsFileError(path, "it is empty")
    if content.startswith(b"\0") or identify_format(bytes(content)) not in ("JSON", None):
        return bytes(content)
    while chunk := file.read(READ_AT_ONCE):
        content += chunk
        if len(content) > MAX_RESULT_BYTES:
            problem = f"more than {MAX_RESULT_BYTES:,} bytes, the most that are read"
            raise InputFileError(
                path, f"{problem}; store so many runs with --store, and show the store"
            )
    return bytes(content)
