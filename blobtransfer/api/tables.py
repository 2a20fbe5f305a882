"""Arrays and data frames in memory as data, beside specifications as text or objects."""

import os
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeAlias

from blobtransfer.api.values import several
from blobtransfer.errors import SettingError, TableFileError
from blobtransfer.specs.data import GENERATED, DataSpec
from blobtransfer.specs.data_text import parse_data_spec, parse_table_values
from blobtransfer.specs.table import Missing, ScaleBy, TableRequest
from blobtransfer.studies.settings import DataRequest


class Frame(Protocol):
    """A data frame of pandas, Polars or Arrow."""

    @property
    def columns(self) -> Any:
        """Names of the columns, or the columns."""


AnyData: TypeAlias = (
    str | os.PathLike[str] | DataRequest | Frame | Mapping[Any, Any] | tuple[Any, Any]
)
"""Data as users of Python give it: a specification as text or as an object, the path of a table, a
data frame, a dict of columns, or `(X, y)`."""

UNNAMED = "data"
"""Name of a table in memory that has no other."""


def table(
    data: Any,
    label: Hashable | None = None,
    *,
    where: str | tuple[Hashable, Hashable] | Mapping[Hashable, Hashable] | None = None,
    classes: str | Sequence[Hashable] | None = None,
    drop: Hashable | Sequence[Hashable] = (),
    group: Hashable | None = None,
    split: Hashable | None = None,
    train: int | float | str | None = None,
    test: int | float | str | None = None,
    scale: ScaleBy | None = None,
    missing: Missing | str | float | Sequence[str | float] = (),
    name: str | None = None,
) -> TableRequest:
    """Return a table in memory as data for `compare` and the other functions.

    The values are copied, and checked when the data is used. Errors count rows from 0.

    Args:
        data: A data frame (pandas, Polars, Arrow, or a dict of columns) of shape (n_rows,
            n_columns); or `(X, y)`: features (n_rows, n_features), and a class for each row,
            (n_rows,) or (n_rows, 1) of any hashable values, or one-hot. Values are finite numbers
            or words; the index is not used.
        label: Column of the classes; leave it out for `(X, y)`.
        where: Use only rows with this value: `"site:A"`, `("site", "A")` or `{"site": "A"}`.
        classes: Use only these classes: `["a", "b"]`, `"a+b"`, or `"0-4"`.
        drop: Columns that are not used.
        group: Column whose equal values stay on one side of the split, such as a patient.
        split: Column with `train` or `test` in each row; without, every repeat splits the rows.
        train: Number of training rows, or their share, such as 0.8; half of the rows by default.
        test: Number or share of test rows; the remaining rows by default.
        scale: Standardise the features by the data's `own` training rows, by those of the
            `source`, or not at all (`none`).
        missing: Treatment of missing values, `mean` or `drop`; and values that stand for a missing
            one, such as `["mean", -999]`. By default missing values are rejected.
        name: Name in reports.

    Raises:
        SettingError: A keyword has an impossible value.
        TableFileError: `X` or `y` have wrong shapes, are sparse, or cannot be read.
    """
    texts = {
        "label": _texts(label),
        "where": _where(where),
        "classes": [] if classes is None else [_quoted("+".join(map(str, several(classes))))],
        "drop": [_quoted(column) for column in several(drop)],
        "group": _texts(group),
        "split": _texts(split),
        "train": _texts(train),
        "test": _texts(test),
        "scale": _texts(scale),
        "missing": [str(value) for value in several(missing) if value != "refuse"],
        "name": _texts(name),
    }
    texts = {key: values for key, values in texts.items() if values}
    values = parse_table_values("table", texts)
    return _in_memory(data, values.get("name") or UNNAMED, values)


def data_of(named_data: Sequence[tuple[str, AnyData | None]], label: Hashable | None) -> list[Any]:
    """Return the data of a call as specifications and requests; arrays and frames are copied.

    Args:
        named_data: Data with the name of a table in memory that has no other; None stands for
            missing data.
        label: Column of the classes of tables that do not name it; None without.

    Raises:
        SettingError: No table has the label, or a specification cannot be parsed.
        TableFileError: Arrays or a data frame cannot be used.
    """
    requests = [_request_of(name, data, label) for name, data in named_data]
    tables = [request for request in requests if isinstance(request, TableRequest)]
    if label is not None and str(label) not in [request.label for request in tables]:
        problem = "no data needs it; it is for a DataFrame or a file without label="
        raise SettingError("label", label, problem)
    return requests


def _request_of(name: str, data: Any, label: Hashable | None) -> Any:
    """Return one of `data_of`."""
    if isinstance(data, os.PathLike):
        data = TableRequest(str(data), is_file=True)
    if label is not None and isinstance(data, str) and data.partition(":")[0] not in GENERATED:
        data = parse_data_spec(name, data, 1)
    if data is None or isinstance(data, str | DataSpec):
        return data
    if not isinstance(data, TableRequest):
        is_array = hasattr(data, "shape") and not hasattr(data, "columns")
        if label is None and is_array:
            raise TableFileError(name, "features without labels; give both as a pair (X, y)")
        values = {} if label is None or isinstance(data, tuple) else {"label": str(label)}
        return _in_memory(data, name, values)
    if data.is_in_memory and data.name is None:
        data = replace(data, origin=name)
    if label is not None and data.label is None and not data.is_built_in:
        data = replace(data, label=str(label))
    return data


def _in_memory(data: Any, origin: str, values: Mapping[str, Any]) -> TableRequest:
    """Return the request of a copy of data.

    Args:
        data: A data frame, or `(X, y)`.
        origin: What the table is called.
        values: Fields of the request.
    """
    from blobtransfer.data.tables import memory
    from blobtransfer.data.tables.reading import TableProblem

    fields = dict(values)
    try:
        if not isinstance(data, tuple):
            table = memory.copy_frame(data)
        elif len(data) != 2:
            problem = f"{len(data)} arrays; use (X, y), or a DataFrame with split="
            raise TableProblem(problem)
        elif "label" in values:
            raise TableProblem("y has the classes; leave label= out")
        else:
            table, fields["label"] = memory.copy_arrays(*data)
    except TableProblem as error:
        raise TableFileError(origin, str(error)) from error
    except UnicodeEncodeError as error:
        problem = "it contains text that UTF-8 cannot encode (half of a surrogate pair); correct it"
        raise TableFileError(origin, problem) from error
    return TableRequest(origin, is_file=False, sha256=table.sha256, content=table, **fields)


def _where(condition: Any) -> list[str]:
    if condition is None or isinstance(condition, str):
        return [] if condition is None else [condition]
    pairs = [*condition.items()] if isinstance(condition, Mapping) else [condition]
    if len(pairs) != 1 or not isinstance(pairs[0], tuple) or len(pairs[0]) != 2:
        raise SettingError("where", condition, "use one column and value, such as {'site': 'A'}")
    column, value = map(_quoted, pairs[0])
    return [f"{column}:{value}"]


def _texts(value: Hashable | None) -> list[str]:
    return [] if value is None else [_quoted(value)]


def _quoted(value: Hashable) -> str:
    """Return a value as a text in quotes, which has no other meaning in a specification."""
    return '"' + str(value).replace('"', '""') + '"'
