"""Parquet, by pyarrow, which is not installed unless asked for: `blobtransfer[parquet]`."""

import io
from typing import Any

import numpy as np

from blobtransfer.errors import MachineError, TableFileError
from blobtransfer.specs.checks import printable
from blobtransfer.tasks.raw import MAX_CELLS, RawColumn, RawTable, check_size, coded, written

MAX_WORD = 10_000
"""Longest word, in bytes."""


def read(name: str, content: bytes, suffix: str, as_words: frozenset[str]) -> RawTable:
    """Read a table; see `raw.Reader`."""
    try:
        import pyarrow
        from pyarrow import parquet, types
    except ImportError as error:
        raise MachineError(
            f"{name}: Parquet needs pyarrow ({error}); "
            "install blobtransfer[parquet], or save the table as CSV"
        ) from error
    try:
        schema = parquet.read_schema(io.BytesIO(content))
        # Words as numbers and a list of them: a few bytes may stand for any number of long words.
        words = [one.name for one in schema if types.is_string(one.type)]
        stored = parquet.ParquetFile(io.BytesIO(content), read_dictionary=words)
        n_rows, heads = stored.metadata.num_rows, list(map(printable, schema.names))
        check_size(name, n_rows, len(heads))
        unpacked = sum(
            stored.metadata.row_group(i).total_byte_size for i in range(stored.num_row_groups)
        )
        if unpacked > 8 * MAX_CELLS:
            raise TableFileError(name, f"{unpacked:,} bytes unpacked; use fewer rows or columns")
        table = stored.read()
    except (pyarrow.ArrowException, OSError) as error:
        raise TableFileError(name, "it cannot be read and looks damaged; save it again") from error
    if not n_rows:
        raise TableFileError(name, "no rows; give a table with rows")
    if len(set(heads)) < len(heads):
        raise TableFileError(name, "two columns have one name; give each its own")
    columns = {
        head: _column(name, head, column, head in as_words)
        for head, column in zip(heads, table.columns, strict=True)
    }
    return RawTable(name, None, columns, n_rows)


def _column(name: str, head: str, column: Any, is_words: bool) -> RawColumn:
    from pyarrow import compute, types

    if types.is_dictionary(column.type) and types.is_string(column.type.value_type):
        whole = column.unify_dictionaries().combine_chunks()
        words = whole.dictionary if hasattr(whole, "dictionary") else whole.chunk(0).dictionary
        longest = compute.max(compute.binary_length(words)).as_py() or 0
        if longest > MAX_WORD:
            problem = (
                f"column {head} has a word of {longest:,} bytes; at most {MAX_WORD:,} are read"
            )
            raise TableFileError(name, problem)
        return coded(["" if one is None else one for one in column.to_pylist()])
    kind = column.type
    if not (types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind)):
        raise TableFileError(name, f"column {head} holds {kind}; give numbers or text")
    values = column.to_pylist()
    if not is_words:
        return RawColumn(
            numbers=np.array([np.nan if one is None else float(one) for one in values])
        )
    if types.is_boolean(kind):
        return coded(["" if one is None else str(one) for one in values])
    return coded(["" if one is None else written(float(one)) for one in values])
