"""Read NPZ of NumPy: each array is a column or a block of columns; no code in it is run.

The headers of all arrays are read and checked first, so that the size of the table is known
before any data is unpacked; then exactly as many bytes are read as the headers announce.
"""

import io
import math
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from blobtransfer.data.tables.reading import (
    MAX_TABLE_CELLS,
    RawColumn,
    RawTable,
    TableProblem,
    WordLimit,
    check_size,
    word_column,
)
from blobtransfer.specs.checks import escape_control_characters

MAX_ARRAYS = 10_000

MAX_HEADER_BYTES = 10_000
"""Longest header of an array, in bytes; NumPy has the same limit."""

MAX_WORD_CHARS = 10_000
"""Longest word, in letters."""

MAX_UNPACKED_BYTES = 8 * MAX_TABLE_CELLS
"""Largest size of the unpacked arrays of a file, in bytes."""

ENTRY = b"PK\1\2"
"""First bytes of a member's entry in the directory of a zip archive."""

LENGTH_FORMATS = {(1, 0): "<H", (2, 0): "<I", (3, 0): "<I"}
"""How each version of the format stores the length of the header."""

TYPES = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8)}
"""Sizes in bytes of the numbers that are read, by the `kind` of their NumPy type."""


@dataclass(frozen=True)
class _Header:
    """Name, type and shape of an array whose data is not read yet.

    Args:
        member: Its entry in the archive.
        key: Its name.
        start: Number of bytes before its data.
        shape: (n_rows,) or (n_rows, n_columns).
        is_fortran: Whether columns are stored one after the other.
        dtype: Its type, one of those that are read.
    """

    member: zipfile.ZipInfo
    key: str
    start: int
    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype[np.generic]

    @property
    def n_columns(self) -> int:
        return math.prod(self.shape[1:])

    @property
    def n_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    def names(self) -> list[str]:
        """Return the names of the columns."""
        if len(self.shape) == 1:
            return [self.key]
        return [f"{self.key}_{i + 1}" for i in range(self.n_columns)]


def read(content: bytes, suffix: str, as_words: frozenset[str]) -> RawTable:
    """Read the arrays of a file; see `Reader`.

    An array of two dimensions called `X` gives the columns `X_1`, `X_2`, ...

    Raises:
        TableProblem: The arrays are too many, too large, of another type, or not a table.
    """
    if content.count(ENTRY) > MAX_ARRAYS:  # zipfile would read the whole directory
        raise TableProblem(f"more than {MAX_ARRAYS:,} arrays; use fewer")
    columns: dict[str, RawColumn] = {}
    limit = WordLimit()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        headers = [_header(archive, member) for member in archive.infolist()]
        n_rows = _check_headers(headers)
        for header in headers:
            for head, values in zip(header.names(), _columns_of(archive, header), strict=True):
                if head in columns:
                    raise TableProblem(f"two columns are called {head}; rename one")
                if head in as_words or values.dtype.kind == "U":
                    columns[head] = word_column(values, limit)
                else:
                    columns[head] = RawColumn(numbers=values.astype(np.float64))
    if not columns or not n_rows:
        raise TableProblem("no arrays with rows; save some with numpy.savez")
    return RawTable(columns, n_rows)


def _header(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> _Header:
    """Read the header of an array; refuse types and shapes that are not columns."""
    key = escape_control_characters(member.filename)
    if not key.endswith(".npy"):
        raise TableProblem(f"{key} is not an array; save arrays with numpy.savez")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # For other methods Python unpacks all data, however few bytes are read.
        problem = f"{key} has a compression that NumPy does not write; use numpy.savez_compressed"
        raise TableProblem(problem)
    with archive.open(member) as stream:
        magic = stream.read(npy.MAGIC_LEN)
        length_format = LENGTH_FORMATS[npy.read_magic(io.BytesIO(magic))]
        length = stream.read(struct.calcsize(length_format))
        n_header = struct.unpack(length_format, length)[0]
        if n_header > MAX_HEADER_BYTES:
            raise TableProblem(
                f"{key} has a header of {n_header:,} bytes; at most {MAX_HEADER_BYTES:,} are read, "
                "save the array again with numpy.savez"
            )
        text = stream.read(n_header)
    parse = npy.read_array_header_1_0 if length_format == "<H" else npy.read_array_header_2_0
    try:
        shape, is_fortran, dtype = parse(io.BytesIO(length + text))
    except MemoryError as error:  # Python's parser raises it for brackets in brackets
        raise ValueError("header nested too deeply") from error
    if dtype.hasobject:
        raise TableProblem(f"{key} holds {dtype}; give numbers or text, not Python objects")
    if dtype.kind != "U" and dtype.itemsize not in TYPES.get(dtype.kind, ()):
        raise TableProblem(f"{key} holds {dtype}; give numbers of up to 64 bits, or text")
    if len(shape) not in (1, 2):
        raise TableProblem(f"{key} has shape {shape}; give rows, or rows by columns")
    if not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"shape {shape}")
    if dtype.kind == "U" and not 0 < dtype.itemsize <= 4 * MAX_WORD_CHARS:
        longest = dtype.itemsize // 4
        raise TableProblem(
            f"{key} has words of {longest:,} letters; 1 to {MAX_WORD_CHARS:,} are read, "
            "leave that array out"
        )
    start = len(magic + length + text)
    return _Header(member, key.removesuffix(".npy"), start, shape, is_fortran, dtype)


def _check_headers(headers: list[_Header]) -> int:
    """Return the number of rows; refuse arrays that are not a table or too large."""
    n_rows = headers[0].shape[0] if headers else 0
    n_columns = n_bytes = 0
    for header in headers:
        if header.shape[0] != n_rows:
            raise TableProblem(
                f"{header.key} has {header.shape[0]:,} rows, an array before it {n_rows:,}; "
                "give arrays of as many rows"
            )
        n_columns += header.n_columns
        n_bytes += header.n_bytes
        check_size(n_rows, n_columns)
        if n_bytes > MAX_UNPACKED_BYTES:
            raise TableProblem(f"more than {MAX_UNPACKED_BYTES:,} bytes unpacked; use fewer rows")
    return n_rows


def _columns_of(archive: zipfile.ZipFile, header: _Header) -> Iterator[NDArray[np.generic]]:
    """Read the data of an array; iterate over its columns.

    Raises:
        ValueError: The data is not as long as the header says.
    """
    with archive.open(header.member) as stream:
        stream.read(header.start)
        data = stream.read(header.n_bytes + 1)
    if len(data) != header.n_bytes:
        raise ValueError(f"{header.key}: {header.n_bytes:,} bytes announced, {len(data):,} found")
    array = np.frombuffer(data, header.dtype)
    array = array.reshape(header.shape, order="F" if header.is_fortran else "C")
    return iter((array,) if array.ndim == 1 else array.T)
