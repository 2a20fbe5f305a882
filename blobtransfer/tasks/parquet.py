"""Parquet, by pyarrow, which is not installed unless asked for: `blobtransfer[parquet]`."""

import io
from typing import Any

import numpy as np

from blobtransfer.errors import MachineError, TableFileError
from blobtransfer.specs.checks import printable
from blobtransfer.tasks.raw import RawColumn, RawTable, check_size, coded


def read(name: str, content: bytes, suffix: str, as_words: frozenset[str]) -> RawTable:
    """Read a table; see `raw.Reader`."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MachineError(
            f"{name}: Parquet needs pyarrow ({error}); "
            "install blobtransfer[parquet], or save the table as CSV"
        ) from error
    try:
        stored = parquet.ParquetFile(io.BytesIO(content))
        n_rows, heads = stored.metadata.num_rows, list(map(printable, stored.schema_arrow.names))
        check_size(name, n_rows, len(heads))
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
    from pyarrow import types

    kind = column.type.value_type if types.is_dictionary(column.type) else column.type
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind):
        if not is_words:
            values = [np.nan if one is None else float(one) for one in column.to_pylist()]
            return RawColumn(numbers=np.array(values))
    elif not (types.is_string(kind) or types.is_large_string(kind)):
        raise TableFileError(name, f"column {head} holds {kind}; give numbers or text")
    return coded(["" if one is None else str(one) for one in column.to_pylist()])
