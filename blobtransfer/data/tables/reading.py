"""Read a table of any format into a `DataFrame`.

`read_table` picks the reader by the suffix of the file, caches the last tables, and bounds what
is read; a reader only turns bytes into rows, or raises `TableProblem`. The tables that come
with scikit-learn are read by `read_builtin`.
"""

import gzip
import hashlib
import io
import os
import stat
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blobtransfer.atomic_write import open_nonblocking
from blobtransfer.data.tables.columns import RawColumn, column_of, unread_kind
from blobtransfer.errors import BlobTransferError, MachineError, TableFileError
from blobtransfer.imports import clean_import
from blobtransfer.specs.checks import escape_control_characters

if TYPE_CHECKING:
    from pandas import DataFrame

MAX_FILE_BYTES = 200_000_000
MAX_COLUMNS = 10_000
MAX_TABLE_CELLS = 20_000_000
"""Limits of a file; a column of numbers takes 8 bytes a cell."""

MAX_CACHED_TABLES = 2
"""Tables that are cached: those of the source and of the target."""

MISSING = frozenset(
    ("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
     "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null")
)  # fmt: skip
"""Texts that stand for a missing value: those of pandas, `pandas.read_csv(na_values=)`."""

TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".data", ".dat")

READERS = {
    **dict.fromkeys(TEXT_SUFFIXES, "text"),
    ".npz": "npz",
    ".arff": "arff",
    **dict.fromkeys((".parquet", ".feather", ".arrow", ".ipc"), "arrow"),
    ".xlsx": "excel",
}
"""Module of this package that reads files of a suffix; its `read` is a `Reader`."""

EXTRAS = {"arrow": "parquet", "excel": "excel"}
"""Extra of this package that installs the library of a reader."""

ADVICE = {
    ".xls": "save it as .xlsx or .csv",
    ".xlsm": "save it as .xlsx or .csv",
    ".xlsb": "save it as .xlsx or .csv",
    ".ods": "save it as .xlsx or .csv",
    ".npy": "save its columns by name with numpy.savez",
    ".pkl": "a pickle may run code; save it as .parquet or .csv",
    ".pickle": "a pickle may run code; save it as .parquet or .csv",
}
"""What to do with files of other suffixes."""

BUILT_IN_LABEL = "class"
"""Column of the classes of a built-in table."""

BUILT_IN_CLASSES = {
    "iris": ("setosa", "versicolor", "virginica"),
    "wine": ("class_0", "class_1", "class_2"),
    "breast_cancer": ("malignant", "benign"),
    "digits": tuple("0123456789"),
}
"""Names of the classes, known before scikit-learn is imported, which takes a second."""


@dataclass(frozen=True)
class ReadOptions:
    """How a file is read.

    Args:
        as_words: Columns whose values are names: read as text where the file has text.
        sep: Separator of the values of a text file; None to detect it.
        has_head: Whether the first row of a text file has the names of the columns.
        missing: Texts that stand for a missing value, besides `MISSING`.
    """

    as_words: frozenset[str] = frozenset()
    sep: str | None = None
    has_head: bool = True
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class RawTable:
    """A table as it was read.

    Args:
        frame: Its rows; columns have the numbers 0, 1, ... as labels.
        heads: Name of each column; empty, or repeated, where the file is so.
        options: How it was read; a reader adds columns that the file declares as words.
        line_of: Returns the line of the file on which a row, counted from 0, begins; None for a
            table without lines.
        first_row: Number of the first row of a table without lines.
        notes: What the user should know about how the file was read.
        split: Column of `frame` that a file with training and test rows makes of them; None
            without.
        name: The file, or the built-in table; empty until a reader has returned.
        sha256: Hash of the file, or of a table in memory; None for a built-in table.
    """

    frame: "DataFrame"
    heads: tuple[str, ...]
    options: ReadOptions = field(default_factory=ReadOptions)
    line_of: Callable[[int], int] | None = None
    first_row: int = 1
    notes: tuple[str, ...] = ()
    split: str | None = None
    name: str = ""
    sha256: str | None = None

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.frame)

    @property
    def has_head_line(self) -> bool:
        """Whether a line of the file was read as the head, which `head=none` would change."""
        return self.options.has_head and self.line_of is not None

    @cached_property
    def positions(self) -> dict[str, int]:
        """Position of each column by its name; see `positions_of`."""
        return positions_of(self.heads)

    def column(self, name: str) -> RawColumn:
        """Return a column by its name in `positions`.

        Raises:
            TableFileError: The column has names, such as those of classes, and is not read.
        """
        if name not in self._columns:
            values = self.frame.iloc[:, self.positions[name]]
            kind = unread_kind(values)
            if kind is not None and name in self.options.as_words:
                raise self.error(
                    f"column {escape_control_characters(name)} has {kind}; "
                    "save one number or text per row, or leave it out with drop="
                )
            missing = MISSING | self.options.missing
            self._columns[name] = column_of(values, name in self.options.as_words, missing)
        return self._columns[name]

    @cached_property
    def _columns(self) -> dict[str, RawColumn]:
        return {}

    def location(self, row: int) -> str:
        """Return the words for the position of a row in the file."""
        return (
            f"row {row + self.first_row}" if self.line_of is None else f"line {self.line_of(row)}"
        )

    def error(self, problem: str) -> TableFileError:
        """Return the error that the table cannot be used, with the problem and what to do."""
        return TableFileError(self.name, problem)


def positions_of(heads: Sequence[str]) -> dict[str, int]:
    """Return the position of each column by its name, or `column 3` if that is empty or repeated.

    Args:
        heads: Name of each column.
    """
    positions: dict[str, int] = {}
    for i, head in enumerate(heads):
        is_unique = head and head not in positions
        positions[head if is_unique else f"column {i + 1}"] = i
    return positions


class TableProblem(Exception):
    """A reader cannot use a file; the message says what is wrong and what to do."""


Reader = Callable[[bytes, str, ReadOptions], RawTable]
"""(content, suffix, options) -> the table."""


def read_table(origin: str, options: ReadOptions) -> RawTable:
    """Read a file; the last tables are cached.

    Args:
        origin: Path of the file.
        options: How it is read.

    Raises:
        TableFileError: The file is missing, damaged, too large or of an unknown format.
    """
    name, path = escape_control_characters(origin), Path(origin)
    suffix = _suffix(name, path)
    status = check_file(path)
    return _read_cached(origin, options, suffix, (status.st_mtime_ns, status.st_size))


def check_file(path: str | Path) -> os.stat_result:
    """Return the status of a file, which is not opened: that can set off a device.

    Raises:
        TableFileError: It is missing, or not a regular file.
    """
    name = escape_control_characters(str(path))
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise TableFileError(name, "a directory; use a file")
        if not stat.S_ISREG(status.st_mode):
            raise TableFileError(name, "not a regular file; use a file")
    except TableFileError:
        raise
    except FileNotFoundError as error:
        raise TableFileError(name, "no such file; check the path") from error
    except PermissionError as error:
        raise TableFileError(name, "cannot be read; check its permissions") from error
    except (OSError, ValueError) as error:
        raise TableFileError(name, "cannot be opened as a file; check the path") from error
    return status


def read_bytes(path: str | Path, max_bytes: int) -> bytes:
    """Read a file, up to one byte more than its largest size.

    Args:
        path: Path of the file, which `check_file` accepts.
        max_bytes: The largest size.

    Raises:
        TableFileError: It cannot be read.
    """
    name = escape_control_characters(str(path))
    try:
        with open(path, "rb", opener=open_nonblocking) as file:
            return file.read(max_bytes + 1)
    except PermissionError as error:
        raise TableFileError(name, "cannot be read; check its permissions") from error
    except OSError as error:
        raise TableFileError(name, "cannot be read; check the file") from error


def _suffix(name: str, path: Path) -> str:
    """Return the suffix that names the format of a file, in lower case.

    Raises:
        TableFileError: The format is not supported.
    """
    suffix, is_gzip = path.suffix.lower(), path.suffix.lower() == ".gz"
    if is_gzip:
        suffix = Path(path.stem).suffix.lower()
    if suffix in (TEXT_SUFFIXES if is_gzip else READERS):
        return suffix
    if is_gzip and suffix in READERS:
        raise TableFileError(name, f"{suffix} is not read from .gz; unpack it first")
    if not suffix:
        raise TableFileError(name, f"no suffix; use {', '.join(READERS)}")
    problem = f"{escape_control_characters(suffix)} is not supported"
    raise TableFileError(name, f"{problem}; {ADVICE.get(suffix) or 'use ' + ', '.join(READERS)}")


@lru_cache(MAX_CACHED_TABLES)
def read_builtin(name: str) -> RawTable:
    """Return a table that comes with scikit-learn, by its name; see `specs.table.BUILT_IN`."""
    with clean_import():
        from sklearn import datasets
    bunch: Any = getattr(datasets, f"load_{name}")()
    from pandas import Categorical, DataFrame

    heads = [str(feature).removesuffix(" (cm)") for feature in bunch.feature_names]
    frame = DataFrame(np.asarray(bunch.data, np.float64))
    frame[len(heads)] = Categorical.from_codes(bunch.target, [str(n) for n in bunch.target_names])
    options = ReadOptions(frozenset([BUILT_IN_LABEL]))
    return RawTable(frame, (*heads, BUILT_IN_LABEL), options, name=name)


@lru_cache(MAX_CACHED_TABLES)
def _read_cached(
    origin: str, options: ReadOptions, suffix: str, version: tuple[int, int]
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
            return _read(name, origin, suffix, options, reader)
    except TableProblem as error:
        raise TableFileError(name, str(error)) from error
    except BlobTransferError:
        raise
    except ImportError as error:
        extra = EXTRAS.get(READERS[suffix])
        package = f"blobtransfer[{extra}]" if extra else "pandas"
        raise MachineError(
            f"{name}: {suffix} needs a library that cannot be imported ({error}); "
            f"run pip install '{package}', or save the table as CSV"
        ) from error
    except MemoryError as error:
        problem = "reading it needs more memory than is free; use fewer rows or columns"
        raise TableFileError(name, problem) from error
    except Exception as error:  # a library may raise anything for a damaged file
        raise TableFileError(name, "it cannot be read and looks damaged; save it again") from error


def _read(name: str, origin: str, suffix: str, options: ReadOptions, reader: Reader) -> RawTable:
    content = read_bytes(origin, MAX_FILE_BYTES)
    if not content:
        raise TableFileError(name, "the file is empty; use a table with column names")
    sha256 = hashlib.sha256(content).hexdigest()
    if origin.lower().endswith(".gz"):
        with gzip.open(io.BytesIO(content)) as packed:
            content = packed.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise TableProblem(f"more than {MAX_FILE_BYTES:,} bytes unpacked; use fewer rows")
    table = reader(content, suffix, options)
    check_size(table.n_rows, len(table.heads))
    if not table.n_rows:
        raise TableProblem("the table has no rows; add some")
    options = replace(options, as_words=options.as_words | table.options.as_words)
    return replace(table, options=options, name=name, sha256=sha256)


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
