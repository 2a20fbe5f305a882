"""Read Parquet with pyarrow, an optional dependency: `blobtransfer[parquet]`.

Types and sizes are checked in the metadata, before any data is unpacked. Words are always read as a
dictionary and codes: a few bytes may stand for any number of long words.
"""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.tables.reading import (
    MAX_TABLE_CELLS,
    Coder,
    RawColumn,
    RawTable,
    TableProblem,
    WordLimit,
    check_size,
    number_word,
)
from blobtransfer.specs.checks import escape_control_characters

MAX_WORD_BYTES = 10_000
"""Longest word, in bytes."""

BATCH_ROWS = 65_536
"""Rows that pyarrow unpacks at a time, as a file may hold more rows than it announces."""

MAX_FOOTER = 20_000_000
"""Largest metadata, in bytes; in memory it takes many times as much."""


def read(content: bytes, suffix: str, as_words: frozenset[str]) -> RawTable:
    """Read a table; see `Reader`.

    Raises:
        ImportError: pyarrow is not installed.
        TableProblem: The metadata is too large, or not that of a table of numbers and words.
        ValueError: The file does not hold as many rows as its metadata says.
    """
    from pyarrow import parquet

    n_footer = int.from_bytes(content[-8:-4], "little")
    if content.endswith(b"PAR1") and n_footer > MAX_FOOTER:
        raise TableProblem(
            f"{n_footer:,} bytes of metadata; at most {MAX_FOOTER:,} are read, use fewer row "
            "groups or columns"
        )
    file = parquet.ParquetFile(io.BytesIO(content))
    heads = [escape_control_characters(head) for head in file.schema_arrow.names]
    _check_metadata(heads, file.schema_arrow, file.metadata)
    words = {field.name for field in file.schema_arrow if _holds_words(field.type)}
    stored = parquet.ParquetFile(io.BytesIO(content), metadata=file.metadata, read_dictionary=words)
    limit = WordLimit()
    coders = {
        head: Coder(limit) if field.name in words or head in as_words else None
        for head, field in zip(heads, file.schema_arrow, strict=True)
    }
    pieces: dict[str, list[NDArray[Any]]] = {head: [] for head in heads}
    n_rows = 0
    for batch in stored.iter_batches(BATCH_ROWS, use_threads=False):
        n_rows += batch.num_rows
        if n_rows > file.metadata.num_rows:
            break
        for (head, coder), values in zip(coders.items(), batch.columns, strict=True):
            piece = _numbers(values) if coder is None else _codes(head, values, coder)
            pieces[head].append(piece)
    if n_rows != file.metadata.num_rows:
        raise ValueError(f"{file.metadata.num_rows:,} rows announced, {n_rows:,} or more found")
    columns = {}
    for head, coder in coders.items():
        whole = np.concatenate(pieces[head])
        columns[head] = RawColumn(whole) if coder is None else coder.column(whole)
    return RawTable(columns, n_rows)


def _check_metadata(heads: list[str], schema: Any, metadata: Any) -> None:
    """Reject a file whose metadata shows that it is not a table or too large.

    Only the totals of row groups are read: pyarrow ends the process if the metadata of a column in
    a row group is damaged. Data that differs from the metadata is noticed when it is read.

    Raises:
        TableProblem: The table is too large, or a column holds neither numbers nor words.
    """
    check_size(metadata.num_rows, len(heads))
    if len(set(heads)) < len(heads):
        raise TableProblem("two columns have one name; give each its own")
    for head, field in zip(heads, schema, strict=True):
        if not (_holds_words(field.type) or _holds_numbers(field.type)):
            raise TableProblem(f"column {head} holds {field.type}; give numbers or text")
    if not metadata.num_rows:
        raise TableProblem("no rows; give a table with rows")
    unpacked = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    if unpacked > 8 * MAX_TABLE_CELLS:
        raise TableProblem(f"{unpacked:,} bytes unpacked; use fewer rows or columns")


def _holds_words(kind: Any) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind) or str(kind) == "string_view")


def _holds_numbers(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind))


def _codes(head: str, values: Any, coder: Coder) -> NDArray[np.int32]:
    """Return the code of each row of an array; words that no row has get no code."""
    from pyarrow import compute, types

    if not types.is_dictionary(values.type):
        write = str if types.is_boolean(values.type) else number_word
        return coder.codes("" if value is None else write(value) for value in values.to_pylist())
    longest = compute.max(compute.binary_length(values.dictionary)).as_py() or 0
    if longest > MAX_WORD_BYTES:
        raise TableProblem(
            f"column {head} has a word of {longest:,} bytes; at most {MAX_WORD_BYTES:,} are read, "
            "leave that column out of the file"
        )
    codes_in_file = compute.fill_null(values.indices, -1).to_numpy(zero_copy_only=False)
    first_row = np.full(len(values.dictionary) + 1, -1)  # by word; the last: of missing values
    first_row[codes_in_file[::-1]] = np.arange(len(values))[::-1]
    used = np.flatnonzero(first_row[:-1] >= 0)
    used = used[np.argsort(first_row[used])]
    code_of = np.full(len(first_row), -1, np.int32)
    code_of[used] = coder.codes(values.dictionary.take(used).to_pylist())
    codes: NDArray[np.int32] = code_of[codes_in_file]
    return codes


def _numbers(values: Any) -> NDArray[np.float64]:
    """Return an array of pyarrow as floats, NaN for missing values."""
    from pyarrow import types

    if types.is_boolean(values.type):
        values = values.cast("int8")
    return np.asarray(values.to_numpy(zero_copy_only=False), np.float64)
