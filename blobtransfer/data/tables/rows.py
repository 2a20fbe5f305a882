"""Turn the rows of a table into a dataset: select, split by repeat, fill and standardise them.

Means and scales of the inputs are computed from training rows alone.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import blake2b
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from blobtransfer.data.dataset import Dataset
from blobtransfer.data.tables import memory
from blobtransfer.data.tables.columns import NUMBER, RawColumn, find_word
from blobtransfer.data.tables.identifiers import identifies_rows
from blobtransfer.data.tables.reading import (
    MAX_CACHED_TABLES,
    TEXT_SUFFIXES,
    RawTable,
    ReadOptions,
    read_builtin,
    read_table,
)
from blobtransfer.did_you_mean import suggest
from blobtransfer.imports import clean_import
from blobtransfer.randomness import Stream, seed_sequence
from blobtransfer.specs.checks import escape_control_characters
from blobtransfer.specs.data_text import quote
from blobtransfer.specs.table import (
    MAX_TRAINED_ROWS,
    SEPARATORS,
    Column,
    Missing,
    Preprocessing,
    Scaler,
    TableRequest,
    TableSpec,
)

TRAIN, TEST = "train", "test"
"""Values of a column that splits the rows."""

MIN_TRAINING_ROWS_PER_CLASS = 2

MAX_LISTED_COLUMNS = 20
"""Largest number of columns that an error lists."""

MAX_GROUP_SPLITS = 200
"""Most attempts to halve the groups at random so that every class is on both sides."""


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a table that are used, as numbers.

    Args:
        indices: (n_rows,) their indices in the table as it was read.
        x: (n_rows, n_features) float64, NaN where a number is missing.
        y: (n_rows,) int64 class numbers.
        groups: (n_rows,) group numbers; rows of a group stay on one side. None without groups.
        is_train: (n_rows,) whether a row trains; None unless a column of the table decides.
    """

    indices: NDArray[np.intp]
    x: NDArray[np.float64]
    y: NDArray[np.int64]
    groups: NDArray[np.int32] | None
    is_train: NDArray[np.bool_] | None


def make(spec: TableSpec, repeat: int, train_seed: int) -> Dataset:
    """Return the dataset of a repeat: its split, filled and standardised.

    Args:
        spec: The spec of the table.
        repeat: Index of the repeat, at least 0; each has its own split, unless a column decides.
        train_seed: Seed of all splits.

    Raises:
        TableFileError: The file has changed since the spec was made.
    """
    rows = rows_of(spec)
    train, test = split_of(spec, rows, repeat, train_seed)
    x, scaler = preprocess(spec, rows, train)
    return Dataset(
        spec=spec,
        x_train=np.ascontiguousarray(x[train], np.float32),
        y_train=rows.y[train],
        x_test=np.ascontiguousarray(x[test], np.float32),
        y_test=rows.y[test],
        scaler=scaler,
    )


def preprocess(
    spec: TableSpec, rows: Rows, train: NDArray[np.intp]
) -> tuple[NDArray[np.float64], Scaler | None]:
    """Fill and standardise the rows of a table with the means and scales of its training rows.

    Args:
        spec: The spec of the table.
        rows: Its rows.
        train: (n_train,) indices of the training rows in `rows`.

    Returns:
        The inputs of all rows, (n_rows, n_features) float64, and the scaler; None if `spec` does
        not scale.
    """
    # A word that no training row has is ignored in all rows.
    are_words = [column.levels is not None for column in spec.columns]
    is_word = np.repeat(are_words, [len(column.feature_names) for column in spec.columns])
    is_unknown = is_word & (rows.x[train] == 0.0).all(axis=0)
    x = np.where(is_unknown, 0.0, rows.x)
    if spec.missing == "mean":
        x = np.where(np.isnan(x), _means(x[train]), x)
    if spec.scale == "none":
        return x, None
    scaler = spec.scaler if spec.scale == "source" else fit_scaler(x[train])
    assert scaler is not None
    return (x - np.array(scaler.means)) / np.array(scaler.scales), scaler


def preprocessing_of(spec: TableSpec, repeat: int, train_seed: int) -> Preprocessing:
    """Return what a network trained on a table in a repeat needs to be used on other rows.

    Args:
        spec: The spec of the table.
        repeat: Index of the repeat.
        train_seed: Seed of all splits.
    """
    rows = rows_of(spec)
    train, _ = split_of(spec, rows, repeat, train_seed)
    return Preprocessing(
        problem=spec.name,
        label=spec.label,
        columns=spec.columns,
        classes=spec.class_names,
        scaler=preprocess(spec, rows, train)[1],
        trained_rows=tuple(row_hashes(spec, train)) if len(train) <= MAX_TRAINED_ROWS else (),
    )


def n_duplicates(spec: TableSpec) -> int:
    """Return the number of rows that are copies of another row, identifiers aside.

    They are copies of an earlier row; with a column that splits the rows, test rows that are copies
    of a training row.
    """
    is_train = rows_of(spec).is_train
    hashes = row_hashes(spec, np.arange(len(rows_of(spec).y)), identifiers_of(spec))
    if is_train is None:
        return len(hashes) - len(set(hashes))
    trained = set(compress(hashes, is_train))
    return sum(row_hash in trained for row_hash in compress(hashes, ~is_train))


@lru_cache(2 * MAX_CACHED_TABLES)
def identifiers_of(spec: TableSpec) -> frozenset[str]:
    """Return the columns of features that seem to identify the rows."""
    raw, rows = read(spec), rows_of(spec)
    names = (column.name for column in spec.columns)
    return frozenset(name for name in names if identifies_rows(raw, name, rows.indices))


def row_hashes(
    spec: TableSpec,
    indices: NDArray[np.intp],
    ignored: Collection[str] = (),
    class_name: str | None = None,
    precision: DTypeLike = np.float32,
) -> list[str]:
    """Return a hash of the values and the class of each row, to find equal rows in other tables.

    Another file may have the values in single precision, as Parquet and NPZ often do.

    Args:
        spec: The spec of the table.
        indices: (n,) indices in `rows_of(spec)`.
        ignored: Columns that are not compared, unless there are no others.
        class_name: Class that is hashed for all rows; None: the class of each row.
        precision: Type of the values that are hashed.
    """
    rows = rows_of(spec)
    with np.errstate(over="ignore"):  # too large for single precision: infinite
        x = (rows.x + 0.0).astype(precision)  # -0 is 0
    if ignored:
        are_compared = [column.name not in ignored for column in spec.columns]
        widths = [len(column.feature_names) for column in spec.columns]
        x = np.ascontiguousarray(x[:, np.repeat(are_compared, widths)]) if any(are_compared) else x
    names = spec.class_names if class_name is None else (class_name,) * spec.n_classes
    return [
        blake2b(x[i].tobytes() + names[rows.y[i]].encode(), digest_size=8).hexdigest()
        for i in indices
    ]


@lru_cache(MAX_CACHED_TABLES)
def rows_of(spec: TableSpec) -> Rows:
    """Return the rows of a table as numbers; those of the last tables are cached.

    Raises:
        TableFileError: The file cannot be read, or has changed since the spec was made.
    """
    raw = read(spec)
    if raw.sha256 != spec.sha256:
        raise raw.error("the file has changed since it was described; run the command again")
    indices = select_rows(
        raw,
        label=spec.label,
        where=spec.where,
        classes=spec.class_names,
        missing=spec.missing,
        columns=[column.name for column in spec.columns],
    )
    indices = indices[~np.isin(indices, spec.left_out)]
    label = raw.column(spec.label)
    number_of = {name: k for k, name in enumerate(spec.class_names)}
    numbers = np.array([number_of.get(word, -1) for word in label.words], np.int64)
    group = None if spec.group is None else raw.column(spec.group).codes
    return Rows(
        indices=indices,
        x=np.concatenate(
            [_features(raw.column(column.name), column)[indices] for column in spec.columns], axis=1
        ),
        y=numbers[label.word_codes[indices]],
        groups=None if group is None else group[indices],
        is_train=None if spec.split is None else training_mask(raw, spec.split)[indices],
    )


def read(spec: TableSpec) -> RawTable:
    """Read the table of a spec; label, `where`, group and split columns are read as words.

    Raises:
        TableFileError: The file is missing, damaged, too large or of an unknown format.
    """
    if not spec.sha256:
        return read_builtin(spec.origin)
    return read_file(spec, (spec.label, *(spec.where or ())[:1], spec.group, spec.split))


def read_file(table: TableRequest | TableSpec, names: Iterable[str | None]) -> RawTable:
    """Read a file, or a table in memory, as its request or its spec describes it.

    Args:
        table: The request or the spec.
        names: Columns that are read as words.

    Raises:
        TableFileError: The file is missing, damaged, too large or of an unknown format, or the
            table is not in memory.
    """
    options = ReadOptions(
        as_words=frozenset(name for name in names if name is not None),
        sep=None if table.sep is None else SEPARATORS.get(table.sep, table.sep),
        has_head=table.has_head,
        missing=frozenset(table.missing_values),
    )
    if table.is_in_memory:
        return memory.read_table(table, options)
    return read_table(table.origin, options)


def find_column(raw: RawTable, name: str, key: str) -> RawColumn:
    """Return the column of a name.

    Args:
        raw: The table.
        name: Name of the column.
        key: Key of the request that names it, for the error.

    Raises:
        TableFileError: Unknown column.
    """
    if name not in raw.positions:
        question = escape_control_characters(suggest(name, map(quote, raw.positions)))
        notes = "".join(f"; {note}" for note in raw.notes)  # such as which sheet was read
        raise raw.error(
            f"{key}={escape_control_characters(name)}: no such column; "
            f"{question + ' ' if question else ''}{list_columns(raw)}{notes}"
        )
    return raw.column(name)


def list_columns(raw: RawTable) -> str:
    """Return the names of the columns, for an error."""
    names = [escape_control_characters(quote(name)) for name in raw.positions]
    listed = ", ".join(names[:MAX_LISTED_COLUMNS])
    if len(names) > MAX_LISTED_COLUMNS:
        listed += f", ... ({len(names):,} in all)"
    n_numbers = sum(NUMBER.fullmatch(head) is not None for head in raw.heads)
    if raw.has_head_line and 2 * n_numbers >= len(names):
        listed += "; if these are values, add head=none"
    is_text = raw.name.lower().removesuffix(".gz").endswith(TEXT_SUFFIXES)
    if len(names) == 1 and is_text and raw.options.sep is None:
        listed += "; if the file has another separator, add sep="
    return f"columns: {listed}"


def column_key(raw: RawTable, name: str) -> str:
    """Return a column as the value of `drop=`: its name, or its number if the name is unclear."""
    position = raw.positions[name]
    is_clear = raw.heads[position] == name and name.isprintable() and name.strip() == name
    return quote(name) if is_clear else str(position + 1)


def select_rows(
    raw: RawTable,
    label: str,
    where: tuple[str, str] | None,
    classes: tuple[str, ...] | None,
    missing: Missing,
    columns: list[str],
) -> NDArray[np.intp]:
    """Return the indices of the rows that are used.

    Args:
        raw: The table.
        label: Column of the classes.
        where: A column and the value that rows must have in it; None for all rows.
        classes: Names of the classes that are used; None for all.
        missing: With `drop`, rows with a missing value are left out.
        columns: Names of the features that are used.

    Returns:
        (n,) indices, ascending.

    Raises:
        TableFileError: A column is missing, or no row has the value of `where`.
    """
    is_used = np.ones(raw.n_rows, bool)
    if where is not None:
        column = find_column(raw, where[0], "where")
        word = find_word(where[1], column.words)
        if word is None:
            question = escape_control_characters(suggest(where[1], map(quote, column.words)))
            words = ", ".join(escape_control_characters(quote(w)) for w in column.words[:10])
            raise raw.error(
                f"where={escape_control_characters(':'.join(where))}: no such value; "
                f"{question or f'column {escape_control_characters(where[0])} has {words}'}"
            )
        is_used &= column.word_codes == column.words.index(word)
    classes_column = find_column(raw, label, "label")
    if classes is not None:
        names = set(classes)
        is_class_used = np.array([word in names for word in classes_column.words], bool)
        # a missing class has code -1, which picks the appended True; it is rejected later
        is_used &= np.append(is_class_used, True)[classes_column.word_codes]
    if missing == "drop":
        for name in (label, *columns):
            is_used &= ~raw.column(name).is_missing
    return np.flatnonzero(is_used)


def training_mask(raw: RawTable, split: str) -> NDArray[np.bool_]:
    """Return, (n_rows,), which rows are training rows according to the column that splits them.

    Raises:
        TableFileError: A value is neither `train` nor `test`.
    """
    column = find_column(raw, split, "split")
    kinds = np.array([{TRAIN: 1, TEST: 0}.get(word.lower(), -1) for word in column.words] + [-1])
    row_kinds = kinds[column.word_codes]
    if (row_kinds < 0).any():
        row = int(np.flatnonzero(row_kinds < 0)[0])
        word = column.words[column.word_codes[row]] if column.word_codes[row] >= 0 else "nothing"
        raise raw.error(
            f"split={split}: {raw.location(row)} has {word}; use {TRAIN} or {TEST} in each row"
        )
    return np.asarray(row_kinds == 1)


def split_of(
    spec: TableSpec, rows: Rows, repeat: int, train_seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the indices in `rows` of the training and of the test rows of a repeat.

    Args:
        spec: The spec of the table.
        rows: Its rows.
        repeat: Index of the repeat, at least 0.
        train_seed: Seed of all splits.

    Returns:
        (n_train,) and (n_test,) indices, stratified by class; with groups, the first random half
        of them that leaves each class on both sides; with a column that splits the rows, the same
        rows in all repeats. With `spec.split_train`, the first `n_train` of the training rows.
    """
    train, test = _full_split(spec, rows, repeat, train_seed)
    if spec.split_train is not None and spec.n_train < spec.split_train:
        train = train[_stratified_order(rows.y[train])[: spec.n_train]]
    return train, test


def _full_split(
    spec: TableSpec, rows: Rows, repeat: int, train_seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    if rows.is_train is not None:
        return np.flatnonzero(rows.is_train), np.flatnonzero(~rows.is_train)
    group_shuffle_split, stratified_shuffle_split = _splitters()
    seed = int(seed_sequence(train_seed, Stream.SPLIT, repeat).generate_state(1)[0])
    if rows.groups is not None:
        halves = group_shuffle_split(MAX_GROUP_SPLITS, train_size=0.5, random_state=seed)
        for train, test in halves.split(rows.y, rows.y, rows.groups):
            counts = [np.bincount(rows.y[side], minlength=spec.n_classes) for side in (train, test)]
            if counts[0].min() >= MIN_TRAINING_ROWS_PER_CLASS and counts[1].min() > 0:
                break
    else:
        n_train = spec.n_train if spec.split_train is None else spec.split_train
        shuffle = stratified_shuffle_split(
            1, train_size=n_train, test_size=spec.n_test, random_state=seed
        )
        train, test = next(shuffle.split(rows.y, rows.y))
    return np.asarray(train, np.intp), np.asarray(test, np.intp)


@cache
def _splitters() -> tuple[Any, Any]:
    """Return the classes of scikit-learn that split rows by groups and by classes."""
    with clean_import():
        from sklearn.model_selection import GroupShuffleSplit, StratifiedShuffleSplit
    return GroupShuffleSplit, StratifiedShuffleSplit


def _stratified_order(y: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return an order of rows whose first n, for any n, have all classes in proportion."""
    shares = np.empty(len(y))
    for k in np.unique(y):
        members = np.flatnonzero(y == k)
        shares[members] = (np.arange(len(members)) + 0.5) / len(members)
    return np.argsort(shares, kind="stable")


def fit_scaler(x_train: NDArray[np.float64]) -> Scaler:
    """Return the means and standard deviations of training rows; 1 for a constant feature.

    Args:
        x_train: (n_train, n_features), without missing values.
    """
    means = _means(x_train)
    # scaled first, as the square of a large number would not be finite
    size = np.maximum(np.abs(x_train - means).max(axis=0, initial=0.0), 1e-300)
    spreads = size * np.sqrt(np.mean(((x_train - means) / size) ** 2, axis=0))
    is_constant = np.ptp(x_train, axis=0) == 0.0 if len(x_train) else np.ones(len(means), bool)
    scales = np.where(is_constant | ~(spreads > 0.0), 1.0, spreads)
    return Scaler(tuple(means.tolist()), tuple(scales.tolist()))


def _means(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each feature over the rows that have it; 0 if no row has it."""
    counts = (~np.isnan(x)).sum(axis=0)
    return np.asarray(np.nansum(x / np.maximum(counts, 1), axis=0))


def _features(raw_column: RawColumn, column: Column) -> NDArray[np.float64]:
    """Return the features of a column: (n_rows, 1) numbers, or (n_rows, n_levels) one-hot."""
    if column.levels is None:
        assert raw_column.numbers is not None
        return raw_column.numbers[:, None]
    n_levels = len(column.levels)
    level_of = {word: k for k, word in enumerate(column.levels)}
    # An unknown word, and a missing one, is all zeros.
    levels = np.array([level_of.get(word, n_levels) for word in (*raw_column.words, "")])
    levels[-1] = n_levels
    one_hot = np.eye(n_levels + 1)[:, :n_levels]
    return np.asarray(one_hot[levels[raw_column.word_codes]])
