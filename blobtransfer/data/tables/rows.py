"""Tables -> tasks: rows chosen, split by repeat, missing values filled, inputs standardised.

All that is learnt about the inputs, such as means and scales, is learnt from training rows.
"""

import warnings
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.dataset import Dataset
from blobtransfer.data.tables.builtin import read_set
from blobtransfer.data.tables.reading import MAX_CACHED_TABLES, RawColumn, RawTable, read_table
from blobtransfer.randomness import Stream, seed_sequence
from blobtransfer.specs.table import (
    MAX_TRAINED_ROWS,
    Column,
    Missing,
    Preprocessing,
    Scaler,
    TableSpec,
)
from blobtransfer.suggest import question_of

TRAIN, TEST = "train", "test"
"""What a column that splits the rows says of them."""


MIN_TRAINING_ROWS_PER_CLASS = 2
"""Of each class."""

MAX_GROUP_SPLITS = 200
"""Random halves of the groups that are tried for one with all classes on both sides."""


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a table that are used, as numbers.

    Args:
        places: (n_rows,) their places in the table as it was read.
        x: (n_rows, n_features) float64, NaN where a number is missing.
        y: (n_rows,) int64 class numbers.
        groups: (n_rows,) what must stay on one side; None where nothing must.
        is_train: (n_rows,) whether a row trains, where the table says so.
    """

    places: NDArray[np.intp]
    x: NDArray[np.float64]
    y: NDArray[np.int64]
    groups: NDArray[np.int32] | None
    is_train: NDArray[np.bool_] | None


def make(spec: TableSpec, repeat: int, train_seed: int) -> Dataset:
    """Split the rows of a table for a repeat and prepare them.

    Args:
        spec: The problem.
        repeat: Which; each has its own split, unless the table says who trains.
        train_seed: All randomness.

    Raises:
        TableFileError: The file has changed since the problem was described.
    """
    rows = rows_of(spec)
    train, test = split_of(spec, rows, repeat, train_seed)
    x, scaler = prepared(spec, rows, train)
    return Dataset(
        spec=spec,
        x_train=np.ascontiguousarray(x[train], np.float32),
        y_train=rows.y[train],
        x_test=np.ascontiguousarray(x[test], np.float32),
        y_test=rows.y[test],
        scaler=scaler,
    )


def prepared(
    spec: TableSpec, rows: Rows, train: NDArray[np.intp]
) -> tuple[NDArray[np.float64], Scaler | None]:
    """Fill and standardise the rows of a table by what its training rows tell.

    Args:
        spec: The problem.
        rows: Its rows.
        train: Places of the training rows among them.

    Returns:
        The inputs of all rows, (n_rows, n_features), and how they were standardised.
    """
    # What no training row is, no row can be said to be.
    is_unknown = _is_word(spec.columns) & (rows.x[train] == 0.0).all(axis=0)
    x = np.where(is_unknown, 0.0, rows.x)
    if spec.missing == "mean":
        x = np.where(np.isnan(x), _means(x[train]), x)
    if spec.scale == "none":
        return x, None
    scaler = spec.scaler if spec.scale == "source" else scaler_of(x[train])
    return _standardised(x, scaler), scaler


def preprocessing_of(spec: TableSpec, repeat: int, train_seed: int) -> Preprocessing:
    """Give what a network has to know that learnt a table in a repeat, to be used on one again."""
    rows = rows_of(spec)
    train, _ = split_of(spec, rows, repeat, train_seed)
    return Preprocessing(
        problem=spec.name,
        label=spec.label,
        columns=spec.columns,
        classes=spec.class_names,
        scaler=prepared(spec, rows, train)[1],
        trained_rows=tuple(row_keys(spec, train)) if len(train) <= MAX_TRAINED_ROWS else (),
    )


def n_repeated(spec: TableSpec) -> int:
    """Count the rows that stand in a table more than once, all but the first of each."""
    keys = row_keys(spec, np.arange(len(rows_of(spec).y)))
    return len(keys) - len(set(keys))


def row_keys(spec: TableSpec, places: NDArray[np.intp]) -> list[str]:
    """Give a hash of each of some rows of a table, by which it is known in another table.

    Args:
        spec: The table.
        places: As in `split_of`.
    """
    rows = rows_of(spec)
    x = rows.x + 0.0  # -0 is 0
    return [
        blake2b(x[i].tobytes() + spec.class_names[rows.y[i]].encode(), digest_size=8).hexdigest()
        for i in places
    ]


@lru_cache(MAX_CACHED_TABLES)
def rows_of(spec: TableSpec) -> Rows:
    """Give the rows of a table as numbers; the last ones are kept."""
    raw = read(spec.origin, spec.sha256 is not None, spec.label, spec.where, spec.group, spec.split)
    if raw.sha256 != spec.sha256:
        raise raw.refused("the file is not the one that was described; run the command again")
    places = chosen(
        raw,
        label=spec.label,
        where=spec.where,
        classes=spec.class_names,
        missing=spec.missing,
        columns=[column.name for column in spec.columns],
    )
    label = raw.columns[spec.label]
    number_of = {name: k for k, name in enumerate(spec.class_names)}
    numbers = np.array([number_of.get(word, -1) for word in label.words], np.int64)
    assert label.codes is not None
    group = None if spec.group is None else raw.columns[spec.group].codes
    return Rows(
        places=places,
        x=np.concatenate(
            [_features(raw.columns[one.name], one)[places] for one in spec.columns], axis=1
        ),
        y=numbers[label.codes[places]],
        groups=None if group is None else group[places],
        is_train=None if spec.split is None else who_trains(raw, spec.split)[places],
    )


def read(
    origin: str,
    is_file: bool,
    label: str,
    where: tuple[str, str] | None,
    group: str | None,
    split: str | None,
) -> RawTable:
    """Read a table with the columns of words that a problem needs."""
    if not is_file:
        return read_set(origin)
    named = (label, None if where is None else where[0], group, split)
    return read_table(origin, frozenset(one for one in named if one is not None))


def column_of(raw: RawTable, name: str, key: str) -> RawColumn:
    """Find a column by its name, or refuse the table with the nearest names."""
    if name not in raw.columns:
        asked = question_of(name, raw.columns)
        shown = ", ".join(list(raw.columns)[:10]) + (" ..." if len(raw.columns) > 10 else "")
        raise raw.refused(f"{key}={name}: no such column; {asked or 'there are ' + shown}")
    return raw.columns[name]


def chosen(
    raw: RawTable,
    label: str,
    where: tuple[str, str] | None,
    classes: tuple[str, ...] | None,
    missing: Missing,
    columns: list[str],
) -> NDArray[np.intp]:
    """Give the places of the rows that are used.

    Args:
        raw: The table.
        label: Column of the classes.
        where: A column and the value that rows must have in it; None for all rows.
        classes: Names of the classes that are kept; None for all.
        missing: Rows with a missing value go where it says `drop`.
        columns: Features that are used.
    """
    is_used = np.ones(raw.n_rows, bool)
    if where is not None:
        column = column_of(raw, where[0], "where")
        if where[1] not in column.words:
            asked = question_of(where[1], column.words)
            shown = ", ".join(column.words[:10])
            raise raw.refused(
                f"where={where[0]}:{where[1]}: no row has that; {asked or 'there are ' + shown}"
            )
        assert column.codes is not None
        is_used &= column.codes == column.words.index(where[1])
    of_class = column_of(raw, label, "label")
    assert of_class.codes is not None
    if classes is not None:
        names = set(classes)
        wanted = np.array([word in names for word in of_class.words], bool)
        is_used &= np.append(wanted, True)[of_class.codes]  # -1, a missing one, is the last
    if missing == "drop":
        for name in (label, *columns):
            is_used &= ~raw.columns[name].is_missing
    return np.flatnonzero(is_used)


def who_trains(raw: RawTable, split: str) -> NDArray[np.bool_]:
    """Read the column that says of each row whether it trains or tests."""
    column = column_of(raw, split, "split")
    assert column.codes is not None
    kinds = np.array([{TRAIN: 1, TEST: 0}.get(word.lower(), -1) for word in column.words] + [-1])
    found = kinds[column.codes]
    if (found < 0).any():
        row = int(np.flatnonzero(found < 0)[0])
        word = column.words[column.codes[row]] if column.codes[row] >= 0 else "nothing"
        raise raw.refused(
            f"split={split}: {raw.place(row)} says {word}; give {TRAIN} or {TEST} in each row"
        )
    return np.asarray(found == 1)


def split_of(
    spec: TableSpec, rows: Rows, repeat: int, train_seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Give the training and the test rows of a repeat, as places in `rows`.

    Args:
        spec: The problem.
        rows: Its rows.
        repeat: Which.
        train_seed: All randomness.

    Returns:
        Rows stratified by class; or random halves of the groups, the first that leave each class
        on both sides; or what the table says, in all repeats. Of the training rows only some
        where `spec.split_train` says so.
    """
    train, test = _whole_split(spec, rows, repeat, train_seed)
    if spec.split_train is not None and spec.n_train < spec.split_train:
        train = train[_first_of_each_class(rows.y[train])[: spec.n_train]]
    return train, test


def _whole_split(
    spec: TableSpec, rows: Rows, repeat: int, train_seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    if rows.is_train is not None:
        return np.flatnonzero(rows.is_train), np.flatnonzero(~rows.is_train)
    with warnings.catch_warnings():  # of shared memory, which scikit-learn may want
        warnings.simplefilter("ignore")
        from sklearn.model_selection import GroupShuffleSplit, StratifiedShuffleSplit

        seed = int(seed_sequence(train_seed, Stream.SPLIT, repeat).generate_state(1)[0])
        if rows.groups is not None:
            halves = GroupShuffleSplit(MAX_GROUP_SPLITS, train_size=0.5, random_state=seed)
            for train, test in halves.split(rows.y, rows.y, rows.groups):
                counts = [
                    np.bincount(rows.y[part], minlength=spec.n_classes) for part in (train, test)
                ]
                if counts[0].min() >= MIN_TRAINING_ROWS_PER_CLASS and counts[1].min() > 0:
                    break
        else:
            n_train = spec.n_train if spec.split_train is None else spec.split_train
            shuffle = StratifiedShuffleSplit(
                1, train_size=n_train, test_size=spec.n_test, random_state=seed
            )
            train, test = next(shuffle.split(rows.y, rows.y))
    return np.asarray(train, np.intp), np.asarray(test, np.intp)


def _first_of_each_class(y: NDArray[np.int64]) -> NDArray[np.intp]:
    """Order rows so that any number of the first ones has each class by its share."""
    shares = np.empty(len(y))
    for k in np.unique(y):
        own = np.flatnonzero(y == k)
        shares[own] = (np.arange(len(own)) + 0.5) / len(own)
    return np.argsort(shares, kind="stable")


def scaler_of(x_train: NDArray[np.float64]) -> Scaler:
    """Learn how features are standardised from training rows; a constant one is divided by 1."""
    means = _means(x_train)
    # numbers of any size: the square of a large one would not be finite
    size = np.maximum(np.abs(x_train - means).max(axis=0, initial=0.0), 1e-300)
    spreads = size * np.sqrt(np.mean(((x_train - means) / size) ** 2, axis=0))
    is_constant = np.ptp(x_train, axis=0) == 0.0 if len(x_train) else np.ones(len(means), bool)
    scales = np.where(is_constant | ~(spreads > 0.0), 1.0, spreads)
    return Scaler(tuple(means.tolist()), tuple(scales.tolist()))


def _means(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the mean of each feature over the rows that have it; 0 where none has."""
    counts = (~np.isnan(x)).sum(axis=0)
    return np.asarray(np.nansum(x / np.maximum(counts, 1), axis=0))


def _standardised(x: NDArray[np.float64], scaler: Scaler | None) -> NDArray[np.float64]:
    assert scaler is not None
    return np.asarray((x - np.array(scaler.means)) / np.array(scaler.scales))


def _features(column: RawColumn, wanted: Column) -> NDArray[np.float64]:
    """Give a column as features, (n_rows, 1) or a feature a word."""
    if wanted.levels is None:
        assert column.numbers is not None
        return column.numbers[:, None]
    assert column.codes is not None
    place_of = {word: k for k, word in enumerate(wanted.levels)}
    # A word that is not known, and a missing one, is none of them: all zeros.
    places = np.array([place_of.get(word, len(place_of)) for word in (*column.words, "")])
    places[-1] = len(place_of)
    is_word = np.eye(len(place_of) + 1)[:, : len(place_of)]
    return np.asarray(is_word[places[column.codes]])


def _is_word(columns: tuple[Column, ...]) -> NDArray[np.bool_]:
    return np.repeat(
        [one.levels is not None for one in columns], [len(one.feature_names) for one in columns]
    )
