"""Read a table of any format into columns of numbers or of words.

`read_table` picks the reader by the suffix of the file, caches the last tables, and bounds what
is read; a reader only turns bytes into columns, or raises `TableProblem`. The tables that come
with scikit-learn are read by `read_builtin`.
"""

import hashlib
import math
import stat
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.atomic_write import open_nonblocking
from blobtransfer.errors import BlobTransferError, MachineError, TableFileError
from blobtransfer.specs.checks import escape_control_characters

MAX_FILE_BYTES = 200_000_000
MAX_COLUMNS = 10_000
MAX_TABLE_CELLS = 20_000_000
"""Limits of a file; a column of numbers takes 8 bytes a cell."""

MAX_WORDS = 5_000_000
"""Largest number of distinct words of a table; a word takes about 200 bytes."""

VALUES_AT_ONCE = 4096
"""Values of an array that are Python objects at the same time."""

MAX_CACHED_TABLES = 2
"""Tables that are cached: those of the source and of the target."""

MISSING_WORDS = frozenset(("", "na", "n/a", "nan", "null", "?"))
"""Spellings of a missing value, in any case."""

READERS = {".csv": "csv", ".tsv": "csv", ".npz": "npz", ".arff": "arff", ".parquet": "parquet"}
"""Module of this package that reads files of a suffix; its `read` is a `Reader`."""

BUILT_IN_LABEL = "class"
"""Column of the classes of a built-in table."""

BUILT_IN_CLASSES = {
    "iris": ("setosa", "versicolor", "virginica"),
    "wine": ("class_0", "class_1", "class_2"),
    "breast_cancer": ("malignant", "benign"),
    "digits": tuple("0123456789"),
}
"""Names of the classes, known before scikit-learn is imported, which takes a second."""


@dataclass(frozen=True, eq=False)
class RawColumn:
    """One column: numbers, NaN if missing; or codes of words, -1 if missing.

    Args:
        numbers: (n_rows,) float64; None for words.
        codes: (n_rows,) int32; None for numbers.
        words: The word of each code.
        odd: Row and text of the first word among mostly numbers; None if there is none.
    """

    numbers: NDArray[np.float64] | None = None
    codes: NDArray[np.int32] | None = None
    words: tuple[str, ...] = ()
    odd: tuple[int, str] | None = None

    @property
    def word_codes(self) -> NDArray[np.int32]:
        """The codes of a column of words, (n_rows,)."""
        assert self.codes is not None
        return self.codes

    @property
    def is_missing(self) -> NDArray[np.bool_]:
        """Whether the value of each row is missing, (n_rows,)."""
        return self.word_codes < 0 if self.numbers is None else np.isnan(self.numbers)


@dataclass(frozen=True, eq=False)
class RawTable:
    """A table as it was read.

    Args:
        columns: By name, in the order of the table.
        n_rows: Number of rows.
        lines: (n_rows,) the line of the file on which a row ends; None without lines.
        name: The file, or the built-in table; empty until a reader has returned.
        sha256: Hash of the file; None for a built-in table.
    """

    columns: dict[str, RawColumn]
    n_rows: int
    lines: NDArray[np.int64] | None = None
    name: str = ""
    sha256: str | None = None

    def location(self, row: int) -> str:
        """Return the words for the position of a row in the file."""
        return f"row {row + 1}" if self.lines is None else f"line {self.lines[row]}"

    def error(self, problem: str) -> TableFileError:
        """Return the error that the table cannot be used, with the problem and what to do."""
        return TableFileError(self.name, problem)


class TableProblem(Exception):
    """A reader cannot use a file; the message says what is wrong and what to do."""


Reader = Callable[[bytes, str, frozenset[str]], RawTable]
"""(content, suffix, names of the columns that are read as words) -> the table."""


def read_table(origin: str, as_words: frozenset[str]) -> RawTable:
    """Read a file; the last tables are cached.

    Args:
        origin: Path of the file.
        as_words: Names of columns that are read as words, even if their values are numbers.

    Raises:
        TableFileError: The file is missing, damaged, too large or of an unknown format.
    """
    name, path = escape_control_characters(origin), Path(origin)
    suffix = path.suffix.lower()
    if suffix not in READERS:
        problem = (
            f"no table has the suffix {escape_control_characters(path.suffix)}"
            if suffix
            else "no suffix"
        )
        raise TableFileError(name, f"{problem}; use {', '.join(READERS)}")
    try:
        status = path.stat()  # before opening, which can set off a device
        if stat.S_ISDIR(status.st_mode):
            raise TableFileError(name, "a directory; give a file")
        if not stat.S_ISREG(status.st_mode):
            raise TableFileError(name, "not a regular file; give a file")
    except FileNotFoundError as error:
        raise TableFileError(name, "no such file; check the path") from error
    except PermissionError as error:
        raise TableFileError(name, "may not be read; check its permissions") from error
    except (OSError, ValueError) as error:
        raise TableFileError(name, "cannot be opened as a file; check the path") from error
    return _read_cached(origin, as_words, suffix, (status.st_mtime_ns, status.st_size))


@lru_cache(MAX_CACHED_TABLES)
def read_builtin(name: str) -> RawTable:
    """Return a table that comes with scikit-learn, by its name; see `specs.table.BUILT_IN`."""
    with warnings.catch_warnings():  # of shared memory, which scikit-learn may want
        warnings.simplefilter("ignore")
        from sklearn import datasets
    bunch: Any = getattr(datasets, f"load_{name}")()
    names = [str(feature).removesuffix(" (cm)") for feature in bunch.feature_names]
    columns = {
        column: RawColumn(numbers=np.asarray(values, np.float64))
        for column, values in zip(names, bunch.data.T, strict=True)
    }
    words = tuple(str(word) for word in bunch.target_names)
    columns[BUILT_IN_LABEL] = RawColumn(codes=np.asarray(bunch.target, np.int32), words=words)
    return RawTable(columns, len(bunch.target), name=name)


@lru_cache(MAX_CACHED_TABLES)
def _read_cached(
    origin: str, as_words: frozenset[str], suffix: str, version: tuple[int, int]
) -> RawTable:
    name, (_, n_bytes) = escape_control_characters(origin), version
    if n_bytes > MAX_FILE_BYTES:
        raise TableFileError(
            name, f"{n_bytes:,} bytes; at most {MAX_FILE_BYTES:,} are read, use fewer rows"
        )
    reader: Reader = import_module(f"blobtransfer.data.tables.{READERS[suffix]}").read
    try:
        with warnings.catch_warnings():  # libraries warn about damaged files
            warnings.simplefilter("ignore")
            return _read(name, origin, suffix, as_words, reader)
    except TableProblem as error:
        raise TableFileError(name, str(error)) from error
    except BlobTransferError:
        raise
    except ImportError as error:
        raise MachineError(
            f"{name}: Parquet needs pyarrow ({error}); "
            "install blobtransfer[parquet], or save the table as CSV"
        ) from error
    except MemoryError as error:
        problem = "reading it needs more memory than is free; use fewer rows or columns"
        raise TableFileError(name, problem) from error
    except Exception as error:  # a library may raise anything for a damaged file
        raise TableFileError(name, "it cannot be read and looks damaged; save it again") from error


def _read(
    name: str, origin: str, suffix: str, as_words: frozenset[str], reader: Reader
) -> RawTable:
    try:
        with open(origin, "rb", opener=open_nonblocking) as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except PermissionError as error:
        raise TableFileError(name, "may not be read; check its permissions") from error
    except OSError as error:
        raise TableFileError(name, "cannot be read; check the file") from error
    if not content:
        raise TableFileError(name, "the file is empty; give a table with a head")
    table = reader(content, suffix, as_words)
    return replace(table, name=name, sha256=hashlib.sha256(content).hexdigest())


def check_size(n_rows: int, n_columns: int) -> None:
    """Check that a table has no more columns and cells than are read.

    Args:
        n_rows: Number of rows, at least 0.
        n_columns: Number of columns, at least 0.

    Raises:
        TableProblem: There are more than `MAX_COLUMNS` columns or `MAX_TABLE_CELLS` cells.
    """
    if n_columns > MAX_COLUMNS:
        raise TableProblem(f"{n_columns:,} columns; at most {MAX_COLUMNS:,} are read, use fewer")
    if n_rows * n_columns > MAX_TABLE_CELLS:
        raise TableProblem(
            f"more than {MAX_TABLE_CELLS:,} cells; use fewer rows or columns, "
            f"such as {MAX_TABLE_CELLS // n_columns:,} rows of these {n_columns}"
        )


def number_word(number: float) -> str:
    """Return a number as a word, such as a class; a whole number has no decimal point."""
    if math.isnan(number):
        return ""
    return str(int(number)) if math.isfinite(number) and number == int(number) else repr(number)


def values_of(array: NDArray[Any]) -> Iterator[Any]:
    """Yield the values of an array as Python objects, a few thousand in memory at a time."""
    for start in range(0, len(array), VALUES_AT_ONCE):
        yield from array[start : start + VALUES_AT_ONCE].tolist()


class WordLimit:
    """Counts the distinct words of a table, up to a limit."""

    def __init__(self) -> None:
        self._n_words = 0

    def count(self, n_words: int = 1) -> None:
        """Count new words.

        Raises:
            TableProblem: There are more than `MAX_WORDS`.
        """
        self._n_words += n_words
        if self._n_words > MAX_WORDS:
            raise TableProblem(
                f"more than {MAX_WORDS:,} different words; use fewer rows, or leave columns of "
                "names or free text out of the file"
            )


class Coder(dict[str, int]):
    """The code of each distinct value of a column of words, assigned at the first look-up.

    Args:
        limit: Counts the words of the table; shared by its columns.
    """

    def __init__(self, limit: WordLimit) -> None:
        super().__init__()
        self._limit, self._words = limit, list[str]()

    def __missing__(self, value: str) -> int:
        self._limit.count()
        word = value.strip()
        if word != value:
            code = self[word]
        elif word.lower() in MISSING_WORDS:
            code = -1
        else:
            code = len(self._words)
            self._words.append(word)
        self[value] = code
        return code

    def codes(self, values: Iterable[str]) -> NDArray[np.int32]:
        """Return the codes of n values, (n,); -1 for values such as `NA`, which stand for none."""
        return np.fromiter(map(self.__getitem__, values), np.int32)

    def column(self, codes: NDArray[np.int32]) -> RawColumn:
        """Return the column of words with these codes."""
        return RawColumn(codes=codes, words=tuple(self._words))


def word_column(values: NDArray[Any], limit: WordLimit) -> RawColumn:
    """Return the column of words with the values of an array; numbers as by `number_word`."""
    coder, texts = Coder(limit), values_of(values)
    return coder.column(coder.codes(texts if values.dtype.kind == "U" else map(number_word, texts)))
