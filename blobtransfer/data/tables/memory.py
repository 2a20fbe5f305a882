"""Read arrays and data frames in memory as tables.

Their values are copied, and nothing of the caller's is changed. A request, and the spec made of it,
find the copy by the hash of its content, as long as a request holds it. Other processes do not
have it.
"""

import hashlib
from collections.abc import Hashable
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.tables.columns import text_of
from blobtransfer.data.tables.npz import one_hot_classes
from blobtransfer.data.tables.reading import (
    MAX_CACHED_TABLES,
    RawTable,
    ReadOptions,
    TableProblem,
    check_size,
)
from blobtransfer.errors import TableFileError
from blobtransfer.specs.checks import escape_control_characters
from blobtransfer.specs.table import TableRequest, TableSpec

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_TABLES: "WeakValueDictionary[str, RawTable]" = WeakValueDictionary()
"""Tables in memory by the hash of their content."""


def copy_arrays(x: Any, y: Any) -> tuple[RawTable, str]:
    """Copy features and classes; their columns are `X_1`, `X_2`, ..., unless they have names.

    Args:
        x: (n_rows, n_features) of numbers or words, or (n_rows, ...), which is flattened: an array,
            lists, or a data frame.
        y: (n_rows,) or (n_rows, 1) of any hashable values, or (n_rows, n_classes) one-hot.

    Returns:
        The table, and the name of the column of the classes: `y`, or the name that `y` has.

    Raises:
        TableProblem: They have wrong shapes or types, or too many values.
    """
    labels, notes = _labels(y)
    if hasattr(x, "columns") or isinstance(x, dict) or _has_fields(x):
        features = pandas_frame(x)
    else:
        array = _array("X", x)
        if array.ndim < 2:
            advice = "X.reshape(-1, 1) has one feature, X.reshape(1, -1) one row"
            raise TableProblem(f"X has the shape {array.shape}; use (rows, features): {advice}")
        n_features = int(np.prod(array.shape[1:]))
        check_size(len(array), n_features)
        if array.ndim > 2:
            notes += (f"X {array.shape} is flattened to {n_features:,} features",)
        features = pandas_frame(array.reshape(len(array), n_features))
        features.columns = [f"X_{i + 1}" for i in range(n_features)]
    if len(features) != len(labels):
        problem = f"X has {len(features):,} rows, but y has {len(labels):,}"
        raise TableProblem(f"{problem}; use one class per row")
    label = "y" if labels.name is None else str(labels.name)
    if label in map(str, features.columns):
        raise TableProblem(f"X has the column {label} of y too; leave it out of X, or rename it")
    return _registered(features.assign(**{label: labels.array}), notes), label


def copy_frame(frame: Any) -> RawTable:
    """Copy a data frame, or what pandas makes one of.

    Args:
        frame: Of pandas, Polars or Arrow, or a dict of columns, a list of records, ...

    Raises:
        TableProblem: It is something else, or has too many values.
    """
    return _registered(pandas_frame(frame))


def read_table(table: TableRequest | TableSpec, options: ReadOptions) -> RawTable:
    """Return the table of a request, or of a spec; the last tables are cached.

    Args:
        table: The request or the spec.
        options: How it is read.

    Raises:
        TableFileError: It is not in the memory of this process, or has different labels with the
            same text.
    """
    assert table.sha256 is not None
    name = escape_control_characters(table.origin)
    content = _TABLES.get(table.sha256)
    if content is None:
        problem = "the table was in the memory of another process, or of an earlier call"
        raise TableFileError(name, f"{problem}; pass it again, or save it as a file and use that")
    return _read_cached(content, replace(options, has_head=False), name)


@lru_cache(MAX_CACHED_TABLES)
def _read_cached(content: RawTable, options: ReadOptions, name: str) -> RawTable:
    table = replace(content, options=options, name=name)
    for column in options.as_words & table.positions.keys():
        _check_texts(table, column)
    return table


def _check_texts(table: RawTable, column: str) -> None:
    """Raise `TableFileError` if two labels would have one name, as 1 and "1" would."""
    try:
        labels = table.frame[table.positions[column]].dropna().unique()
    except (TypeError, NotImplementedError):  # lists, which are reported where they are used
        return
    label_of: dict[str, Any] = {}
    for label in labels:
        other = label_of.setdefault(text_of(label).strip(), label)
        if other is not label:
            advice = "use labels of one type"
            if type(other) is type(label):
                advice = "use labels that differ in more than spaces at their ends"
            raise table.error(
                f"column {escape_control_characters(column)}: {_typed(other)} and {_typed(label)} "
                f"have the same text; {advice}"
            )


def _typed(label: Any) -> str:
    return f"{type(label).__name__} {escape_control_characters(repr(label)[:40])}"


def _registered(frame: "DataFrame", notes: tuple[str, ...] = ()) -> RawTable:
    """Return the table of a data frame, which is changed."""
    from pandas import RangeIndex
    from pandas.api.types import is_object_dtype

    check_size(len(frame), frame.shape[1])
    if not len(frame):
        raise TableProblem("the table has no rows; add some")
    heads = tuple("" if name is None else str(name) for name in frame.columns)
    frame.columns, frame.index = RangeIndex(frame.shape[1]), RangeIndex(len(frame))
    for i, dtype in enumerate(frame.dtypes):
        if is_object_dtype(dtype):
            frame[i] = _decoded(frame[i])
        elif isinstance(dtype, np.dtype) and not dtype.isnative:
            frame[i] = frame[i].astype(dtype.newbyteorder("="))
    sha256 = _hash((heads, notes), frame)
    table = RawTable(frame, heads, first_row=0, notes=notes, sha256=sha256)
    return _TABLES.setdefault(sha256, table)


def _hash(words: object, frame: "DataFrame") -> str:
    """Return a hash of words, and of the types and values of a data frame."""
    from pandas.util import hash_pandas_object

    digest = hashlib.sha256(repr((words, [str(dtype) for dtype in frame.dtypes])).encode())
    for i in frame.columns:
        try:
            hashes = hash_pandas_object(frame[i], index=False)
        except (TypeError, ValueError):  # rare types, such as numbers of 128 bits
            hashes = hash_pandas_object(frame[i].astype(str), index=False)
        digest.update(hashes.to_numpy().tobytes())
    return digest.hexdigest()


def _decoded(values: "Series[Any]") -> "Series[Any]":
    """Return a column of bytes as text, if it is UTF-8."""
    from pandas.api.types import infer_dtype

    if infer_dtype(values, skipna=True) == "bytes":
        try:
            return values.str.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return values


def _labels(y: Any) -> "tuple[Series[Any], tuple[str, ...]]":
    """Return the classes as a column, which may have a name, and notes on them."""
    from pandas import DataFrame, Index, Series
    from pandas.api.extensions import ExtensionArray

    if isinstance(y, DataFrame):
        y = y.iloc[:, 0] if y.shape[1] == 1 else y.to_numpy()
    if isinstance(y, Series | Index | ExtensionArray):
        return Series(y, copy=True), ()
    if isinstance(y, list | tuple) and all(isinstance(value, Hashable) for value in y):
        values = Series(index=range(len(y)), dtype=object)
        values[:] = np.fromiter(y, object, len(y))  # a tuple is one label
        return values.infer_objects(), ()
    if _has_fields(y):
        raise TableProblem(f"y has the fields {', '.join(y.dtype.names)}; give one of them")
    array = _array("y", y)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    classes = one_hot_classes(array) if array.ndim == 2 else None
    if classes is not None:
        return Series(classes[:, 0]), ("y is one-hot: it was read as the number of the class",)
    if array.ndim != 1:
        raise TableProblem(f"y has the shape {array.shape}; use one class per row")
    return Series(array, copy=True), ()


def pandas_frame(data: Any) -> "DataFrame":
    """Return a copy of data as a data frame of pandas.

    Args:
        data: A data frame of pandas, Polars or Arrow, or a dict of columns.

    Raises:
        TableProblem: It is something else.
    """
    from pandas import DataFrame, SparseDtype
    from pandas.api.interchange import from_dataframe
    from pandas.api.types import is_list_like

    if isinstance(data, type) or not (hasattr(data, "columns") or is_list_like(data)):
        raise TableProblem(
            f"{_type(data)} is not a table; use a SPEC string, a DataFrame, or (X, y)"
        )
    _reject_sparse("the table", data)
    try:
        if isinstance(data, DataFrame):
            frame = DataFrame(data.copy())
        elif hasattr(data, "__dataframe__"):  # Arrow
            frame = from_dataframe(data).copy()
        else:
            if hasattr(data, "columns"):  # Polars
                data = {name: np.asarray(data[name]) for name in data.columns}
            frame = DataFrame(data, copy=True).infer_objects()
    except Exception as error:  # of a class of the user, or of a library
        raise _unreadable("the table", data, error) from error
    for i, dtype in enumerate(frame.dtypes):
        if isinstance(dtype, SparseDtype):
            name = escape_control_characters(str(frame.columns[i]))
            raise TableProblem(f"column {name} is sparse; make it dense: astype({dtype.subtype})")
    return frame


def _array(name: str, values: Any) -> NDArray[Any]:
    """Return values as an array, which may share their memory."""
    _reject_sparse(name, values)
    if isinstance(values, np.ma.MaskedArray):
        return values
    try:
        array = np.asarray(values)
        array = np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array
    except Exception as error:  # of a class of the user, or of a library
        raise _unreadable(name, values, error) from error
    if array.ndim == 0:
        advice = {"X": "an array (rows, features), or a DataFrame", "y": "a class for each row"}
        raise TableProblem(f"{name} ({_type(values)}) has no rows; give {advice[name]}")
    return array


def _has_fields(values: Any) -> bool:
    """Return whether values are a structured array of NumPy."""
    return isinstance(values, np.ndarray) and values.dtype.names is not None


def _reject_sparse(name: str, values: Any) -> None:
    if hasattr(values, "toarray") or hasattr(values, "todense"):
        problem = f"{name} is sparse ({_type(values)}), and networks here are dense"
        raise TableProblem(f"{problem}; use its method toarray()")


def _unreadable(name: str, values: Any, error: Exception) -> TableProblem:
    reason = escape_control_characters(str(error).partition("\n")[0][:200])
    return TableProblem(
        f"{name} ({_type(values)}) cannot be read ({reason}); use (X, y), or a DataFrame"
    )


def _type(values: Any) -> str:
    return type(values).__name__
