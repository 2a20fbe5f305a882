"""No row that trains a source network may test the target: two problems are looked at for that."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.tables.rows import row_keys, rows_of
from blobtransfer.errors import TableFileError
from blobtransfer.specs.table import TableSpec

OFTEN = 3.0
"""Where a row stands in a table so often on average, rows are alike by chance."""


def check_apart(source: TableSpec, target: TableSpec) -> None:
    """See that no row which may train the source may test the target.

    Raises:
        TableFileError: Some do, or rows of one group do.
    """
    other = rows_of(source)
    may_train = np.ones(len(other.y), bool) if other.is_train is None else other.is_train
    if _table_of(source) != _table_of(target):
        check_unseen(target, row_keys(source, np.flatnonzero(may_train)), source.name)
        return
    own = rows_of(target)
    tested = _tested(target)
    n_shared = len(np.intersect1d(own.places[tested], other.places[may_train]))
    if n_shared:
        raise _seen(n_shared, source.name, target)
    if target.group is not None and target.group == source.group:
        assert own.groups is not None and other.groups is not None
        shared = np.intersect1d(own.groups[tested], other.groups[may_train])
        if len(shared):
            raise TableFileError(
                target.origin,
                f"group={target.group}: {len(shared):,} groups are in both problems, so rows of "
                "one may train the source and test the target; tell them apart with where=",
            )


def check_unseen(target: TableSpec, trained_rows: Sequence[str], source: str) -> None:
    """See that no row which may test the target is among those that trained a source.

    Args:
        target: The problem that is measured.
        trained_rows: Hashes of rows, as `rows.row_keys` gives them.
        source: What the source network learnt, for the error.

    Raises:
        TableFileError: More are than can be by chance.
    """
    rows, known = row_keys(target, np.arange(len(rows_of(target).y))), set(trained_rows)
    n_shared = sum(rows[i] in known for i in _tested(target))
    n_twins = sum(n for n in Counter(rows).values() if n > 1)
    is_by_chance = len(rows) >= OFTEN * len(set(rows)) or 2 * n_shared <= min(
        2 * n_twins, len(rows)
    )
    if n_shared and not is_by_chance:
        raise _seen(n_shared, source, target)


def _seen(n_shared: int, source: str, target: TableSpec) -> TableFileError:
    both = target.name if source == target.name else f"{source}, and then {target.name}"
    return TableFileError(
        target.origin,
        f"{n_shared:,} rows that may test the target train the source network ({both}); "
        "tell them apart with where=, classes= or split=",
    )


def _tested(spec: TableSpec) -> NDArray[np.intp]:
    """Give the places of the rows that may test in some repeat."""
    rows = rows_of(spec)
    return np.arange(len(rows.y)) if rows.is_train is None else np.flatnonzero(~rows.is_train)


def _table_of(spec: TableSpec) -> tuple[str | None, str]:
    """Say which table a problem is of, whatever its file is called."""
    return spec.sha256, "" if spec.sha256 else spec.origin
