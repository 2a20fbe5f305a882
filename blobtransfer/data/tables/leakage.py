"""Leakage check: no training row of the source may be a test row of the target."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.tables.rows import row_hashes, rows_of
from blobtransfer.errors import TableFileError
from blobtransfer.specs.table import TableSpec

MAX_COPIES_PER_ROW = 3.0
"""Mean number of copies of a distinct row from which on equal rows are taken as coincidence."""


def check_no_leakage(source: TableSpec, target: TableSpec) -> None:
    """Check that no row, and no group, may train the source and test the target.

    Rows of the same table are compared by their index, those of two tables by their values.

    Args:
        source: The data that the source network is trained on.
        target: The data that the networks are tested on.

    Raises:
        TableFileError: A row or a group is on both sides.
    """
    source_rows = rows_of(source)
    may_train = (
        np.ones(len(source_rows.y), bool) if source_rows.is_train is None else source_rows.is_train
    )
    if _table_of(source) != _table_of(target):
        check_not_trained_on(target, row_hashes(source, np.flatnonzero(may_train)), source.name)
        return
    target_rows = rows_of(target)
    may_test = _test_rows(target)
    n_shared = len(np.intersect1d(target_rows.indices[may_test], source_rows.indices[may_train]))
    if n_shared:
        raise _leakage_error(n_shared, source.name, target)
    if target.group is not None and target.group == source.group:
        assert target_rows.groups is not None and source_rows.groups is not None
        shared = np.intersect1d(target_rows.groups[may_test], source_rows.groups[may_train])
        if len(shared):
            raise TableFileError(
                target.origin,
                f"group={target.group}: {len(shared):,} groups are in both problems, so rows of "
                "one may train the source and test the target; tell them apart with where=",
            )


def check_not_trained_on(target: TableSpec, trained_rows: Sequence[str], source: str) -> None:
    """Check that no test rows of the target trained a source network.

    A few equal rows are a coincidence where the target itself repeats rows as often.

    Args:
        target: The data that the network is tested on.
        trained_rows: Hashes of the training rows of the source, from `rows.row_hashes`.
        source: Name of the data that trained the source network, for the error.

    Raises:
        TableFileError: More rows are shared than by coincidence.
    """
    hashes, trained = row_hashes(target, np.arange(len(rows_of(target).y))), set(trained_rows)
    n_shared = sum(hashes[i] in trained for i in _test_rows(target))
    n_copies = sum(n for n in Counter(hashes).values() if n > 1)
    is_coincidence = len(hashes) >= MAX_COPIES_PER_ROW * len(set(hashes)) or 2 * n_shared <= min(
        2 * n_copies, len(hashes)
    )
    if n_shared and not is_coincidence:
        raise _leakage_error(n_shared, source, target)


def _leakage_error(n_shared: int, source: str, target: TableSpec) -> TableFileError:
    both = target.name if source == target.name else f"{source}, and then {target.name}"
    return TableFileError(
        target.origin,
        f"{n_shared:,} rows that may test the target train the source network ({both}); "
        "tell them apart with where=, classes= or split=",
    )


def _test_rows(spec: TableSpec) -> NDArray[np.intp]:
    """Return the indices, in `rows_of(spec)`, of the rows that are test rows in some repeat."""
    rows = rows_of(spec)
    return np.arange(len(rows.y)) if rows.is_train is None else np.flatnonzero(~rows.is_train)


def _table_of(spec: TableSpec) -> tuple[str | None, str]:
    """Return what identifies the table of a spec: the hash of its file, else its name."""
    return spec.sha256, "" if spec.sha256 else spec.origin
