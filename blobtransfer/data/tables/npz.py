"""Read NPZ of NumPy in the layouts that people save; no code in it is run.

Arrays with the same number of rows are columns or blocks of columns. `x_train`, `y_train`,
`x_test` and `y_test` are one table with a column that splits it. Labels may be one-hot. The headers
of all arrays are read and checked first, so that the size of the table is known before any data is
unpacked; then exactly as many bytes are read as the headers announce.
"""

import io
import math
import re
import struct
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from blobtransfer.data.tables.archives import open_archive
from blobtransfer.data.tables.columns import unread
from blobtransfer.data.tables.reading import (
    MAX_TABLE_CELLS,
    RawTable,
    ReadOptions,
    TableProblem,
    check_size,
)
from blobtransfer.specs.checks import escape_control_characters

MAX_HEADER_BYTES = 10_000
"""Longest header of an array, in bytes; NumPy has the same limit."""

MAX_WORD_CHARS = 10_000
"""Longest word, in letters."""

MAX_UNPACKED_BYTES = 8 * MAX_TABLE_CELLS
"""Largest size of the unpacked arrays of a file, in bytes."""

LENGTH_FORMATS = {(1, 0): "<H", (2, 0): "<I", (3, 0): "<I"}
"""How each version of the format stores the length of the header."""

LABELS = frozenset(("y", "label", "labels", "target", "targets", "class", "classes"))
"""Names, in lower case, of an array of labels."""

ROLE_NAME = re.compile(
    "(?P<name>.*[^_])(?:_?(?P<role>train|test)|_(?P<short>tr|te))"
    "|(?P<role_>train|test)_?(?P<name_>[^_].*)",
    re.IGNORECASE,
)
"""Name of an array of training or of test rows."""

SPLIT = "split"
"""Column that says which rows train, of a file with arrays of training and of test rows."""

TYPES = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8)}
"""Sizes in bytes of the numbers that are read, by the `kind` of their NumPy type."""


@dataclass(frozen=True)
class _Header:
    """Name, type and shape of an array whose data is not read yet.

    Args:
        member: Its entry in the archive.
        key: Its name.
        start: Number of bytes before its data.
        shape: (n_rows, ...), or () for a single value.
        is_fortran: Whether columns are stored one after the other.
        dtype: Its type.
    """

    member: zipfile.ZipInfo
    key: str
    start: int
    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype[np.generic]

    @property
    def n_rows(self) -> int:
        return self.shape[0] if self.shape else 0

    @property
    def n_columns(self) -> int:
        return math.prod(self.shape[1:])

    @property
    def n_bytes(self) -> int:
        """Number of bytes of the data, which is read if `is_read`."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def is_read(self) -> bool:
        """Whether it has numbers of up to 64 bits, or words that are not too long."""
        kind, size = self.dtype.kind, self.dtype.itemsize
        if kind in "US":
            return 0 < size <= (4 if kind == "U" else 1) * MAX_WORD_CHARS
        return size in TYPES.get(kind, ())


@dataclass(frozen=True)
class _Block:
    """The arrays that are a column, or a block of columns, one below the other.

    Args:
        name: Its name.
        headers: Its arrays: one, or one of training and one of test rows.
    """

    name: str
    headers: tuple[_Header, ...]

    @property
    def n_rows(self) -> tuple[int, ...]:
        return tuple(header.n_rows for header in self.headers)

    @property
    def is_label(self) -> bool:
        return self.name.lower() in LABELS


def read(content: bytes, suffix: str, options: ReadOptions) -> RawTable:
    """Read the arrays of a file; see `Reader`.

    An array `X` of two or more dimensions gives the columns `X_1`, `X_2`, ...

    Raises:
        TableProblem: The arrays are too many, too large, or not a table.
    """
    from pandas import DataFrame

    heads: list[str] = []
    columns: list[Any] = []
    notes: tuple[str, ...] = ()
    with open_archive(content) as archive:
        headers = [_header(archive, member) for member in archive.infolist()]
        blocks = _blocks(headers)
        used = {header.key for block in blocks for header in block.headers}
        unused = [f"{h.key} {h.shape}" for h in headers if h.key not in used]
        if unused:
            notes = (f"arrays that do not fit the others are left out: {', '.join(unused[:5])}",)
        for block in blocks:
            values = _values(archive, block)
            is_label = block.is_label or block.name in options.as_words
            if is_label and not isinstance(values, str) and values.shape[1] > 1:
                n_values, classes = values.shape[1], one_hot_classes(values)
                if classes is None:
                    values = f"{n_values:,} values per row that are not one-hot"
                else:
                    values = classes
                    notes += (f"{block.name} is one-hot: it was read as the number of the class",)
            names, series = _columns(block, values, is_label)
            heads += names
            columns += series
    split = None
    if blocks and len(blocks[0].headers) == 2:
        split = SPLIT
        heads.append(split)
        columns.append(np.repeat(["train", "test"], blocks[0].n_rows))
    return RawTable(DataFrame(dict(enumerate(columns))), tuple(heads), notes=notes, split=split)


def _header(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> _Header:
    """Read the header of an array.

    Raises:
        TableProblem: It is not an array, or may take much memory.
    """
    key = escape_control_characters(member.filename)
    if not key.endswith(".npy"):
        raise TableProblem(f"{key} is not an array; save arrays with numpy.savez")
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
    if not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"shape {shape}")
    start = len(magic + length + text)
    return _Header(member, key.removesuffix(".npy"), start, shape, is_fortran, dtype)


def _blocks(headers: Sequence[_Header]) -> list[_Block]:
    """Return the blocks of arrays with as many rows as the labels have, or else as most have.

    Raises:
        TableProblem: They are too large.
    """
    by_role: dict[str, dict[str, _Header]] = {}
    for header in headers:
        match = ROLE_NAME.fullmatch(header.key)
        if match is not None:
            name, role = match["name"] or match["name_"], match["role"] or match["role_"]
            role = {"tr": "train", "te": "test"}.get((match["short"] or "").lower()) or role.lower()
            by_role.setdefault(name, {})[role] = header
    pairs = [
        _Block(name, (pair["train"], pair["test"]))
        for name, pair in by_role.items()
        if len(pair) == 2 and _can_be_joined(pair["train"], pair["test"])
    ]
    singles = [_Block(header.key, (header,)) for header in headers]
    is_split = pairs and not any(block.is_label for block in singles)
    blocks = pairs if is_split else singles
    blocks = [block for block in blocks if min(block.n_rows)]
    lengths = Counter(block.n_rows for block in blocks)
    lengths.update({block.n_rows: len(blocks) for block in blocks if block.is_label})
    n_rows = lengths.most_common(1)[0][0] if lengths else ()
    others = [block for block in blocks if block.n_rows != n_rows]
    blocks = [block for block in blocks if block.n_rows == n_rows]
    if others and all(block.is_label for block in blocks):
        raise TableProblem(
            f"{others[0].name} has {sum(others[0].n_rows):,} rows, but {blocks[0].name} has "
            f"{sum(n_rows):,}; use arrays with the same number of rows"
        )
    if blocks and all(block.headers[0].dtype.names is not None for block in blocks):
        raise TableProblem(
            f"{blocks[0].name} is a structured array; save its fields as arrays with numpy.savez"
        )
    check_size(sum(n_rows), sum(block.headers[0].n_columns for block in blocks))
    read = [header for block in blocks for header in block.headers if header.is_read]
    # In memory a letter takes four bytes.
    n_bytes = sum(h.n_bytes * (4 if h.dtype.kind == "S" else 1) for h in read)
    if n_bytes > MAX_UNPACKED_BYTES:
        raise TableProblem(f"more than {MAX_UNPACKED_BYTES:,} bytes unpacked; use fewer rows")
    return blocks


def _can_be_joined(train: _Header, test: _Header) -> bool:
    kinds = {"US".find(header.dtype.kind) >= 0 for header in (train, test)}
    return len(kinds) == 1 and train.shape[1:] == test.shape[1:]


def _values(archive: zipfile.ZipFile, block: _Block) -> NDArray[Any] | str:
    """Return the data of a block, (n_rows, n_columns), or the type that is not read.

    Raises:
        ValueError: The data of an array is not as long as its header says.
    """
    arrays = []
    for header in block.headers:
        if not header.is_read:
            return "Python objects" if header.dtype.hasobject else str(header.dtype)
        with archive.open(header.member) as stream:
            stream.read(header.start)
            data = stream.read(header.n_bytes + 1)
        if len(data) != header.n_bytes:
            problem = f"{header.n_bytes:,} bytes announced, {len(data):,} or more found"
            raise ValueError(f"{header.key}: {problem}")
        if header.dtype.kind == "U":
            _check_letters(np.frombuffer(data, header.dtype.byteorder + "u4"))
        array: NDArray[Any] = np.frombuffer(data, header.dtype)
        array = array.reshape(header.shape, order="F" if header.is_fortran else "C")
        array = array.reshape(header.n_rows, header.n_columns)
        try:
            arrays.append(np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array)
        except UnicodeDecodeError:
            return "bytes that are not UTF-8"
    return np.concatenate(arrays)


def _check_letters(codes: NDArray[np.uint32]) -> None:
    """Raise `ValueError` if a code is not that of a letter in Unicode.

    Args:
        codes: (n,) code points.
    """
    if ((codes > 0x10FFFF) | ((codes >= 0xD800) & (codes < 0xE000))).any():
        raise ValueError("words that are not Unicode")


def one_hot_classes(values: NDArray[Any]) -> NDArray[np.int64] | None:
    """Return the class numbers of one-hot labels, (n_rows, 1); None if they are others.

    Args:
        values: (n_rows, n_classes) of two values, such as -1 and 1, the higher once in each row.
    """
    if values.dtype.kind not in "biuf" or values.size == 0 or values.shape[1] == 1:
        return None
    is_high = values == values.max()
    is_one_hot = (is_high.sum(axis=1) == 1).all() and (is_high | (values == values.min())).all()
    return is_high.argmax(axis=1)[:, None] if is_one_hot else None


def _columns(
    block: _Block, values: NDArray[Any] | str, is_label: bool
) -> tuple[list[str], list[Any]]:
    """Return the names and the values of the columns of a block.

    Args:
        block: The block.
        values: (n_rows, n_columns), or what they are if they are not read.
        is_label: Whether a single column has the name of the block, as labels have.
    """
    if isinstance(values, str):
        return [block.name], [unread(values, sum(block.n_rows))]
    is_single = len(block.headers[0].shape) == 1 or (is_label and values.shape[1] == 1)
    names = [block.name if is_single else f"{block.name}_{i + 1}" for i in range(values.shape[1])]
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    return names, list(native.T)
