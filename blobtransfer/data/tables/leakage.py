"""Leakage check: no training row of the source may be a test row of the target.

A few rows that two tables share are left out; more of them are an error.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.tables.rows import identifiers_of, read, row_hashes, rows_of
from blobtransfer.errors import TableFileError
from blobtransfer.specs.checks import escape_control_characters
from blobtransfer.specs.table import Preprocessing, TableSpec

MAX_COPIES_PER_ROW = 3.0
"""Mean number of copies of a distinct row above which equal rows are a coincidence."""

MIN_LEFT_OUT = 2
"""Shared rows that are left out whatever the number of test rows."""

MAX_LISTED_PAIRS = 3
"""Largest number of pairs of equal rows that an error lists."""

MAX_SHARE_LEFT_OUT = 0.01
"""Largest share of the rows that may test the target to be left out, if that is more rows."""


def rows_tested_by(source: TableSpec, target: TableSpec) -> list[int]:
    """Return the rows of the source, by their index in its file, that have to be left out.

    They would train the source and are test rows of the target. Rows of the same table are
    compared by their index, those of two tables by their values.

    Args:
        source: The data that the source network is trained on.
        target: The data that the networks are tested on.

    Raises:
        TableFileError: More rows are shared than may be left out, or a group is on both sides.
    """
    if _table_of(source) == _table_of(target):
        _check_one_table(source, target)
        return []
    pairs, n_shared = shared_rows(source, target)
    names = [escape_control_characters(spec.origin) for spec in (source, target)]
    lines = ", ".join(
        f"{read(source).location(i)} of {names[0]} = {read(target).location(j)} of {names[1]}"
        for i, j in pairs[:MAX_LISTED_PAIRS]
    )
    first = "the first: " if len(pairs) > MAX_LISTED_PAIRS else ""
    advice = f"{first}{lines}; remove them from one of the files"
    hashed = _hashed(source, target)
    is_left_out = _may_leave_out(target, n_shared, hashed, source.name, advice)
    return [i for i, _ in pairs] if is_left_out else []


def rows_trained_on(target: TableSpec, preprocessing: Preprocessing) -> list[int]:
    """Return the rows of the target, by their index in its file, that have to be left out.

    They would be test rows, and a saved network was trained on them.

    Args:
        target: The data that the network is tested on.
        preprocessing: Of the saved network.

    Raises:
        TableFileError: More rows are shared than may be left out.
    """
    trained, may_test = set(preprocessing.trained_rows), _test_rows(target)
    # The hashes have the classes of the network: without a common class each is tried. Those in
    # files of earlier versions are of double precision.
    is_shared = _share_classes(preprocessing.classes, target.class_names)
    classes = (None,) if is_shared else preprocessing.classes
    is_trained = np.zeros(len(may_test), bool)
    precisions: tuple[type[np.floating[Any]], ...] = (np.float32, np.float64)
    for class_name, precision in product(classes, precisions):
        hashes = row_hashes(target, may_test, (), class_name, precision)
        is_trained |= [row_hash in trained for row_hash in hashes]
    rows: list[int] = rows_of(target).indices[may_test][is_trained].tolist()
    advice = "test other rows, by where=, classes= or split="
    if rows:
        advice = f"the first is {read(target).location(rows[0])}; {advice}"
    hashed = frozenset[str](), None if is_shared else ""
    is_left_out = _may_leave_out(target, len(rows), hashed, preprocessing.problem, advice)
    return rows if is_left_out else []


def shared_rows(source: TableSpec, target: TableSpec) -> tuple[list[tuple[int, int]], int]:
    """Return the rows that may train the source and have the values of a test row of the target.

    Columns that identify rows are not compared, nor are the classes of tables without a common
    class, which may be two spellings of the same classes.

    Args:
        source: The data that the source network is trained on.
        target: The data that the networks are tested on.

    Returns:
        Such rows of the source with the first such row of the target, as indices in the files;
        and the number of such rows of the target.
    """
    ignored, class_name = _hashed(source, target)
    may_test, may_train = _test_rows(target), _training_rows(source)
    tested = row_hashes(target, may_test, ignored, class_name)
    trained = row_hashes(source, may_train, ignored, class_name)
    first = dict(zip(reversed(tested), reversed(rows_of(target).indices[may_test]), strict=True))
    pairs = [
        (int(i), int(first[row_hash]))
        for i, row_hash in zip(rows_of(source).indices[may_train], trained, strict=True)
        if row_hash in first
    ]
    return pairs, sum(map(set(trained).__contains__, tested))


def _hashed(source: TableSpec, target: TableSpec) -> tuple[frozenset[str], str | None]:
    """Return the last two arguments of `row_hashes` with which two tables are compared."""
    ignored = identifiers_of(source) | identifiers_of(target)
    return ignored, None if _share_classes(source.class_names, target.class_names) else ""


def _share_classes(source: Sequence[str], target: Sequence[str]) -> bool:
    return not set(source).isdisjoint(target)


def _check_one_table(source: TableSpec, target: TableSpec) -> None:
    """Raise `TableFileError` if two parts of a table share rows, or groups."""
    source_rows, target_rows = rows_of(source), rows_of(target)
    may_train, may_test = _training_rows(source), _test_rows(target)
    n_shared = len(np.intersect1d(target_rows.indices[may_test], source_rows.indices[may_train]))
    if n_shared:
        advice = "separate them with where=, classes= or split="
        raise _leakage_error(n_shared, source.name, target, advice)
    if target.group is not None and target.group == source.group:
        assert target_rows.groups is not None and source_rows.groups is not None
        shared = np.intersect1d(target_rows.groups[may_test], source_rows.groups[may_train])
        if len(shared):
            raise TableFileError(
                escape_control_characters(target.origin),
                f"group={target.group}: {_count(len(shared), 'group')} in both problems, so rows "
                "of one may train the source and test the target; separate them with where=",
            )


def _may_leave_out(
    target: TableSpec,
    n_shared: int,
    hashed: tuple[frozenset[str], str | None],
    source: str,
    advice: str,
) -> bool:
    """Return whether to leave shared rows out: not if they coincide by chance, or the count is 0.

    More rows than may be left out are a coincidence where the target itself repeats rows as often.

    Args:
        target: The data that networks are tested on.
        n_shared: Number of its test rows that are training rows of the source.
        hashed: The last two arguments of `row_hashes` with which the rows were compared.
        source: Name of the data that the source network is trained on.
        advice: What to do about the rows.

    Raises:
        TableFileError: There are more than may be left out.
    """
    if n_shared <= max(MIN_LEFT_OUT, MAX_SHARE_LEFT_OUT * len(_test_rows(target))):
        return n_shared > 0
    hashes = row_hashes(target, np.arange(len(rows_of(target).y)), *hashed)
    n_copies = sum(n for n in Counter(hashes).values() if n > 1)
    if len(hashes) >= MAX_COPIES_PER_ROW * len(set(hashes)) or 2 * n_shared <= min(
        2 * n_copies, len(hashes)
    ):
        return False
    raise _leakage_error(n_shared, source, target, advice)


def _leakage_error(n_shared: int, source: str, target: TableSpec, advice: str) -> TableFileError:
    rows = f"{_count(n_shared, 'row')} of {target.name}"
    if source != target.name:
        rows += f" {'is' if n_shared == 1 else 'are'} in {source} too, so they"
    return TableFileError(
        escape_control_characters(target.origin),
        f"{rows} would be both source training rows and target test rows; {advice}",
    )


def _count(n: int, noun: str) -> str:
    return f"1 {noun}" if n == 1 else f"{n:,} {noun}s"


def _training_rows(spec: TableSpec) -> NDArray[np.intp]:
    """Return the indices, in `rows_of(spec)`, of the rows that are training rows in some repeat."""
    rows = rows_of(spec)
    return np.arange(len(rows.y)) if rows.is_train is None else np.flatnonzero(rows.is_train)


def _test_rows(spec: TableSpec) -> NDArray[np.intp]:
    """Return the indices, in `rows_of(spec)`, of the rows that are test rows in some repeat."""
    rows = rows_of(spec)
    return np.arange(len(rows.y)) if rows.is_train is None else np.flatnonzero(~rows.is_train)


def _table_of(spec: TableSpec) -> tuple[str | None, str]:
    """Return what identifies the table of a spec: the hash of its file, else its name."""
    return spec.sha256, "" if spec.sha256 else spec.origin
