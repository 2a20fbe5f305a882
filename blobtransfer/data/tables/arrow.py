"""Read Parquet and Arrow IPC files (Feather) with pyarrow, from `blobtransfer[parquet]`.

Types and sizes are checked in the metadata, before any data is unpacked. Words are always read as a
dictionary and codes: a few bytes may stand for any number of long words. Columns of other types,
such as lists, are not unpacked.
"""

import io
import re
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from blobtransfer.data.tables.columns import unread
from blobtransfer.data.tables.reading import (
    MAX_TABLE_CELLS,
    RawTable,
    ReadOptions,
    TableProblem,
    check_size,
    positions_of,
)

if TYPE_CHECKING:
    from pandas import Series

MAX_WORD_BYTES = 10_000
"""Longest word, in bytes."""

MAX_UNPACKED_BYTES = 9 * MAX_TABLE_CELLS
"""Largest size of all columns: 8 bytes a number, and a bit or more of what is missing."""

BATCH_ROWS = 65_536
"""Rows that pyarrow unpacks at a time, as a file may hold more rows than it announces."""

MAX_FOOTER = 20_000_000
"""Largest metadata of Parquet, in bytes; in memory it takes many times as much."""

UNNAMED_INDEX = re.compile(r"__index_level_\d+__")
"""Name that pandas stores for an index without a name."""


def read(content: bytes, suffix: str, options: ReadOptions) -> RawTable:
    """Read a table; see `Reader`.

    Raises:
        ImportError: pyarrow is not installed.
        TableProblem: The metadata is too large, or that of a table that is too large.
        ValueError: The file does not hold what its metadata says.
    """
    from pandas import DataFrame

    schema, n_rows, batches = _parquet(content) if suffix == ".parquet" else _ipc(content)
    heads = tuple("" if UNNAMED_INDEX.fullmatch(name) else name for name in schema.names)
    as_words = {i for name, i in positions_of(heads).items() if name in options.as_words}
    read_names = _read_names(schema)
    columns = {
        i: _ColumnReader(field.type, i in as_words)
        for i, field in enumerate(schema)
        if field.name in read_names
    }
    n_read = 0
    for batch in batches:
        n_read += batch.num_rows
        if n_read > n_rows:
            break
        names = batch.schema.names
        arrays = [batch.column(i) for i, name in enumerate(names) if name in read_names]
        for column, array in zip(columns.values(), arrays, strict=True):
            column.add(array)
    if n_read != n_rows:
        raise ValueError(f"{n_rows:,} rows announced, {n_read:,} or more found")
    series = {
        i: columns[i].series() if i in columns else unread(str(field.type), n_rows)
        for i, field in enumerate(schema)
    }
    return RawTable(DataFrame(series, copy=False), heads)


def _parquet(content: bytes) -> tuple[Any, int, Iterator[Any]]:
    """Return the schema of a Parquet file, its number of rows, and its rows in batches.

    Only the totals of row groups are checked: pyarrow ends the process if the metadata of a column
    in a row group is damaged. Data that differs from the metadata is noticed when it is read.
    """
    from pyarrow import parquet

    n_footer = int.from_bytes(content[-8:-4], "little")
    if content.endswith(b"PAR1") and n_footer > MAX_FOOTER:
        raise TableProblem(
            f"{n_footer:,} bytes of metadata; at most {MAX_FOOTER:,} are read, use fewer row "
            "groups or columns"
        )
    file = parquet.ParquetFile(io.BytesIO(content))
    schema, metadata = file.schema_arrow, file.metadata
    _check_metadata(schema, metadata)
    words = [field.name for field in schema if _holds_words(field.type)]
    stored = parquet.ParquetFile(io.BytesIO(content), metadata=metadata, read_dictionary=words)
    batches = stored.iter_batches(BATCH_ROWS, columns=_read_names(schema), use_threads=False)
    return schema, metadata.num_rows, batches


def _check_metadata(schema: Any, metadata: Any) -> None:
    """Reject a Parquet file whose metadata shows that it is too large.

    Raises:
        TableProblem: The table is too large.
    """
    check_size(metadata.num_rows, len(schema.names))
    unpacked = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    _check_unpacked(unpacked)


def _check_unpacked(n_bytes: int) -> None:
    if n_bytes > MAX_UNPACKED_BYTES:
        raise TableProblem(f"{n_bytes:,} bytes unpacked; use fewer rows or columns")


def _ipc(content: bytes) -> tuple[Any, int, Iterator[Any]]:
    """Return the schema of an Arrow IPC file or stream, its number of rows, and its batches.

    A file has a stream between its first 8 bytes and its footer. The stream alone is read.
    """
    import pyarrow
    from pyarrow import ipc

    buffer = pyarrow.py_buffer(content)
    buffer = buffer.slice(8) if content.startswith(b"ARROW1") else buffer
    stream = ipc.open_stream(buffer)
    schema = stream.schema
    n_rows = n_bytes = 0
    for message in ipc.MessageReader.open_stream(buffer):
        if message.type in ("record batch", "dictionary"):
            n_batch_rows, n_batch_bytes = _size_of_batch(message)
            n_rows += n_batch_rows if message.type == "record batch" else 0
            n_bytes += n_batch_bytes
            check_size(n_rows, len(schema.names))
            _check_unpacked(n_bytes)
    names = _read_names(schema)
    included = [i for i, name in enumerate(schema.names) if name in names]
    options = ipc.IpcReadOptions(included_fields=included, use_threads=False)
    return schema, n_rows, _validated(ipc.open_stream(buffer, options=options))


def _validated(batches: Iterator[Any]) -> Iterator[Any]:
    """Yield batches after a check that their offsets and codes point into their data."""
    for batch in batches:
        batch.validate(full=True)
        yield batch


def _size_of_batch(message: Any) -> tuple[int, int]:
    """Return the number of rows, and of unpacked bytes, that a message of Arrow IPC announces.

    Source:
        Tables `Message`, `DictionaryBatch` and `RecordBatch` of Arrow's `Message.fbs`; a
        compressed buffer begins with its size, or -1 if it is stored as it is.
    """
    data, body = memoryview(message.metadata), memoryview(message.body)

    def number(kind: str, position: int) -> int:
        return int(struct.unpack_from(f"<{kind}", data, position)[0])

    def field(table: int, i: int) -> int | None:
        """Return the position of the field of a flatbuffers table; None if it is not there."""
        v_table = table - number("i", table)
        offset = number("H", v_table + 4 + 2 * i) if 4 + 2 * i < number("H", v_table) else 0
        return table + offset if offset else None

    def follow(position: int | None) -> int:
        if position is None:
            raise ValueError("a batch without data")
        return position + number("I", position)

    batch = follow(field(number("I", 0), 2))
    if message.type == "dictionary":
        batch = follow(field(batch, 1))
    length = field(batch, 0)
    n_rows = 0 if length is None else number("q", length)
    buffers = follow(field(batch, 2))
    n_bytes = 0
    for i in range(number("I", buffers)):
        start, size = (number("q", buffers + 4 + 16 * i + 8 * k) for k in range(2))
        if field(batch, 3) is not None and size >= 8:
            unpacked = struct.unpack_from("<q", body, start)[0]
            size = size if unpacked < 0 else unpacked
        n_bytes += size
    return n_rows, n_bytes


def _is_read(kind: Any) -> bool:
    """Return whether columns of a type are read."""
    from pyarrow import types

    if types.is_temporal(kind):
        return not types.is_interval(kind)
    value_kind = kind.value_type if types.is_dictionary(kind) else kind
    return _holds_words(kind) or _holds_numbers(value_kind) or bool(types.is_null(kind))


def _read_names(schema: Any) -> list[str]:
    """Return the names of the columns that are read; none that a column of another type has too."""
    other_names = {field.name for field in schema if not _is_read(field.type)}
    return [name for name in dict.fromkeys(schema.names) if name not in other_names]


def _holds_words(kind: Any) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind) or str(kind) == "string_view")


def _holds_numbers(kind: Any) -> bool:
    from pyarrow import types

    is_number = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    return bool(types.is_boolean(kind) or is_number)


class _ColumnReader:
    """A column that is read batch by batch.

    Args:
        kind: Its type.
        is_words: Whether its values are read as words, such as the names of classes.
    """

    def __init__(self, kind: Any, is_words: bool) -> None:
        self._kind, self._is_words = kind, is_words
        self._arrays: list[Any] = []
        self._problem = ""
        self._n_rows = 0

    def add(self, array: Any) -> None:
        """Add the values of the next rows."""
        self._n_rows += len(array)
        if self._problem:
            return
        array = _compact(array, self._is_words)
        if _holds_words(array.type):
            self._problem = _problem_of_words(array.dictionary)
            if self._problem:
                self._arrays.clear()
                return
        self._arrays.append(array)

    def series(self) -> "Series[Any]":
        """Return the column once all rows are read."""
        import pyarrow

        if self._problem:
            return unread(self._problem, self._n_rows)
        if not self._arrays:
            self._arrays.append(_compact(pyarrow.array([], self._kind), self._is_words))
        column = pyarrow.chunked_array(self._arrays).unify_dictionaries()
        self._arrays.clear()
        return column.to_pandas(date_as_object=False)


def _compact(array: Any, is_words: bool) -> Any:
    """Return an array of a type that takes little memory in pandas, with the same values.

    Args:
        array: The array, of a type that is read.
        is_words: Whether numbers are read as words, whose digits are all kept.
    """
    import pyarrow
    from pyarrow import types

    if types.is_dictionary(array.type) and not _holds_words(array.type):
        array = array.dictionary_decode()
    if types.is_decimal(array.type):
        array = array.cast("string")
        array = array if is_words else array.cast("float64")  # exact, unlike a cast of decimals
    elif types.is_boolean(array.type):
        array = array.cast("string" if is_words else "int8")
    elif types.is_integer(array.type) and is_words:
        array = array.cast("string")
    elif types.is_timestamp(array.type):
        array = array.cast(pyarrow.timestamp(array.type.unit))  # time zones may be unknown
    elif types.is_null(array.type):
        array = array.cast("float64")
    if not (_holds_words(array.type) or types.is_time(array.type)):
        return array
    if not types.is_dictionary(array.type):
        array = array.dictionary_encode()
    # Words of a dictionary may be missing, or be there twice.
    words = array.dictionary.dictionary_encode()
    indices = words.indices.take(array.indices).cast("int32")
    kind = "string" if _holds_words(array.type) else words.dictionary.type
    return pyarrow.DictionaryArray.from_arrays(indices, words.dictionary.cast(kind))


def _problem_of_words(words: Any) -> str:
    """Return what makes a column of words unreadable; empty if nothing does."""
    from pyarrow import ArrowInvalid, compute

    try:
        words.validate(full=True)
    except ArrowInvalid:
        return "text that is not in UTF-8"
    longest = compute.max(compute.binary_length(words)).as_py() or 0
    if longest > MAX_WORD_BYTES:
        return f"a word of {longest:,} bytes (at most {MAX_WORD_BYTES:,} are read)"
    return ""
