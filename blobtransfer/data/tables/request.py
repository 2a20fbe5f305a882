"""Validate a request of a table against the table and build its `TableSpec`."""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.tables.classes import class_names_of, subset_of
from blobtransfer.data.tables.features import (
    check_complete,
    check_learnable,
    check_values,
    name_column,
)
from blobtransfer.data.tables.identifiers import unnamed_columns
from blobtransfer.data.tables.reading import (
    BUILT_IN_CLASSES,
    BUILT_IN_LABEL,
    READERS,
    RawTable,
    read_builtin,
)
from blobtransfer.data.tables.rows import (
    MIN_TRAINING_ROWS_PER_CLASS,
    column_key,
    find_column,
    list_columns,
    read_file,
    rows_of,
    select_rows,
    split_of,
    training_mask,
)
from blobtransfer.errors import TableFileError
from blobtransfer.specs.checks import escape_control_characters
from blobtransfer.specs.generated import MAX_DATA_VALUES
from blobtransfer.specs.table import Column, TableRequest, TableSpec

NUMBERS = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?", re.ASCII)
"""Number of a column, or a range of numbers."""

NEEDED_PER_CLASS = (
    f"a class needs at least {MIN_TRAINING_ROWS_PER_CLASS} training rows and 1 test row"
)

HAVE_HEADS = ("npz", "arff", "arrow")
"""Readers of formats whose columns always have a name: `head=none` is refused."""


class RequestedTable:
    """A table that was read and has what its request names.

    Args:
        request: The request of the user.
        learned: Columns that a saved network was trained on, which are used whatever they have.

    Attributes:
        raw: The table as it was read.
        label: Name of the column of the classes.
        where: A column and the value that rows must have in it; None for all rows.
        split: Column with `train` or `test` in each row; None for other splits.
        features: Names of the columns of features.
        class_names: Names of the classes that are used, in order.
        indices: (n_rows,) indices in `raw` of the rows that are used.

    Raises:
        TableFileError: The table is missing or damaged, or does not have what is requested.
    """

    def __init__(self, request: TableRequest, learned: Collection[str] = ()) -> None:
        self.request, self.learned = request, frozenset(learned)
        self.label = BUILT_IN_LABEL if request.label is None else request.label
        if request.is_built_in and request.classes is not None:
            subset_of(request.classes, BUILT_IN_CLASSES[request.origin], request.origin)
        self.raw, self.where = _read(request)
        raw = self.raw
        if not request.is_built_in and request.label is None:
            colon = ":" if request == TableRequest(request.origin, True) else ""
            raise raw.error(f"no label column given; add {colon}label=COLUMN; {list_columns(raw)}")
        is_divided = any((request.split, request.group, request.train, request.test))
        self.split = request.split if is_divided else raw.split
        self.features = self._features()
        self.class_names = class_names_of(raw, self.label, self.where, request.classes)
        self.left_out: tuple[int, ...] = ()
        self.indices = select_rows(
            raw, self.label, self.where, self.class_names, request.missing, self.features
        )
        if not len(self.indices):
            empty = max(self.features, key=lambda name: raw.column(name).is_missing.sum())
            raise raw.error(
                f"no row is left: {name_column(raw, empty)} is empty in "
                f"{raw.column(empty).is_missing.sum():,} of {raw.n_rows:,} rows; use missing=mean, "
                f"or drop={column_key(raw, empty)}"
            )
        for key, name in (("label", self.label), ("group", request.group)):
            if name is not None:
                check_complete(raw, key, name, self.indices)
        check_learnable(raw, self.features, self.indices, self.learned)
        check_values(raw, self.features, self.indices, request.missing)

    def _features(self) -> list[str]:
        """Return the columns that are neither left out nor used otherwise, such as the label."""
        request, raw = self.request, self.raw
        dropped = {name for text in request.drop for name in _dropped(raw, text)}
        keys = [("label", self.label), ("group", request.group), ("split", self.split)]
        keys += [("where", column) for column in (self.where or ())[:1]]
        for key, name in keys:
            if name is None:
                continue
            if find_column(raw, name, key).words == ("",):  # values that cannot be compared
                kind = raw.column(name).kind
                raise raw.error(f"{key}={name}: the column has {kind}; use one of words or numbers")
            if name in dropped:
                raise raw.error(f"column {name} is {key}= and drop= at once; leave one out")
        unused = {*dropped, *(name for _, name in keys), raw.split}
        unused |= set(unnamed_columns(raw)) - self.learned
        features = [name for name in raw.positions if name not in unused]
        if not features:
            raise raw.error("no column is left as a feature; drop fewer columns")
        return features

    def leave_out(self, rows: Sequence[int]) -> None:
        """Leave rows out of the data, by their indices in the file."""
        self.left_out = (*self.left_out, *rows)
        self.indices = self.indices[~np.isin(self.indices, rows)]

    def to_spec(self, columns: tuple[Column, ...]) -> TableSpec:
        """Return the spec of the table, with the sizes of the split as requested.

        A scaler of the source is not yet in it: `scale` is `own` for `source`.

        Args:
            columns: Columns of features, the same for the source and the target.

        Raises:
            TableFileError: There are too many numbers, or too few rows, groups or classes.
        """
        request, raw = self.request, self.raw
        n_rows = len(self.indices)
        n_features = sum(len(column.feature_names) for column in columns)
        if n_rows * n_features > MAX_DATA_VALUES:
            raise raw.error(
                f"{n_rows:,} rows of {n_features:,} features (one per word) are "
                f"{n_rows * n_features:,} numbers, more than {MAX_DATA_VALUES:,}; use fewer rows, "
                "or leave columns of text out with drop="
            )
        n_train, n_test = self._sizes()
        spec = TableSpec(
            name=self._name(),
            origin=request.origin,
            sha256=raw.sha256,
            label=self.label,
            columns=columns,
            class_names=self.class_names,
            n_rows=n_rows,
            n_train=n_train,
            n_test=n_test,
            where=self.where,
            group=request.group,
            split=self.split,
            scale="none" if request.scale == "none" else "own",
            missing=request.missing,
            missing_values=request.missing_values,
            sep=request.sep,
            has_head=request.has_head,
            left_out=self.left_out,
            is_in_memory=request.is_in_memory,
        )
        rows = rows_of(spec)
        if rows.groups is not None and len(np.unique(rows.groups)) < 4:
            raise raw.error(
                f"group={request.group}: only {len(np.unique(rows.groups))} groups; at least "
                "four are needed, two to train and two to test"
            )
        self._check_classes(spec, rows.y)
        return spec

    def with_split_sizes(self, spec: TableSpec, train_seed: int) -> TableSpec:
        """Return the spec with the numbers of rows of the split of repeat 0.

        Raises:
            TableFileError: A class has too few training or test rows in that split.
        """
        raw, rows = self.raw, rows_of(spec)
        train, test = split_of(spec, rows, 0, train_seed)
        for indices, min_rows, verb in (
            (train, MIN_TRAINING_ROWS_PER_CLASS, "train"),
            (test, 1, "test"),
        ):
            counts = np.bincount(rows.y[indices], minlength=spec.n_classes)
            k = int(counts.argmin())
            if counts[k] < min_rows:
                raise raw.error(
                    f"class {spec.class_names[k]}: {counts[k]} of its {np.sum(rows.y == k)} rows "
                    f"{verb}; {NEEDED_PER_CLASS}; leave it out with classes=, or add rows"
                )
        return replace(spec, n_train=len(train), n_test=len(test))

    def _check_classes(self, spec: TableSpec, y: NDArray[np.int64]) -> None:
        """Raise `TableFileError` if no split by class has enough rows of each class."""
        if spec.split is not None:
            return
        counts = np.bincount(y, minlength=spec.n_classes)
        k = int(counts.argmin())
        for key, n in (("train", spec.n_train), ("test", spec.n_test)):
            if n < spec.n_classes:
                raise self.raw.error(
                    f"{key}={n}: fewer rows than the {spec.n_classes} classes; use more"
                )
        # every stratified split has this number of training and test rows of the class, or one more
        n_train, n_test = (counts[k] * n // len(y) for n in (spec.n_train, spec.n_test))
        if spec.group is None and (n_train < MIN_TRAINING_ROWS_PER_CLASS or n_test < 1):
            raise self.raw.error(
                f"class {spec.class_names[k]} has {counts[k]} row{'' if counts[k] == 1 else 's'}; "
                f"{NEEDED_PER_CLASS}; leave it out with classes=, or add rows"
            )

    def _name(self) -> str:
        request = self.request
        if request.name is not None:
            return request.name
        name = escape_control_characters(request.origin)
        if request.classes is not None:
            name += f" {escape_control_characters(request.classes)}"
        if self.where is not None:
            column, value = map(escape_control_characters, self.where)
            name += f" where {column} is {value}"
        return name

    def _sizes(self) -> tuple[int, int]:
        """Return how many training and test rows are requested."""
        request, raw, n_rows = self.request, self.raw, len(self.indices)
        if self.split is not None:
            is_train = training_mask(raw, self.split)[self.indices]
            n_train, n_test = int(is_train.sum()), int((~is_train).sum())
            if not n_train or not n_test:
                lacking = "train" if not n_train else "test"
                raise raw.error(f"split={self.split}: no row has {lacking}; use both words")
            return n_train, n_test
        train, test = (_count(size, n_rows) for size in (request.train, request.test))
        if train is None:
            train = -(-n_rows // 2) if test is None else n_rows - test
        if test is None:
            test = n_rows - train
        if train < 1 or test < 1 or train + test > n_rows:
            sizes = " ".join(
                f"{key}={value}"
                for key, value in (("train", request.train), ("test", request.test))
                if value is not None
            )
            advice = "use more" if min(train, test) == 0 else "use fewer"
            raise raw.error(
                f"{sizes or 'half of them train'}: there are {n_rows:,} rows, of which {train:,} "
                f"would train and {test:,} test; {advice}"
            )
        return train, test


def _read(request: TableRequest) -> tuple[RawTable, tuple[str, str] | None]:
    """Read a table, and find the column of `where=`: the longest name that fits."""
    if request.is_built_in:
        return read_builtin(request.origin), None
    reader = READERS.get(Path(request.origin).suffix.lower()) if request.is_file else None
    for key, is_given, is_read in (
        ("sep", request.sep is not None, reader == "text"),
        ("head", not request.has_head, reader not in HAVE_HEADS),
    ):
        if is_given and reader is not None and not is_read:
            raise TableFileError(
                escape_control_characters(request.origin),
                f"{key}= is for text such as CSV; leave it out",
            )
    names = (request.label, request.group, request.split)
    raw = read_file(request, (*names, *(column for column, _ in request.where)))
    if not request.where:
        return raw, None
    where = next((pair for pair in request.where if pair[0] in raw.positions), request.where[-1])
    find_column(raw, where[0], "where")
    if len(request.where) > 1:  # other columns that `where=` might have meant are not words
        raw = read_file(request, (*names, where[0]))
    return raw, where


def _dropped(raw: RawTable, text: str) -> list[str]:
    """Return the columns that a value of `drop=` names: by name, by number, or a range."""
    named = [name for name, i in raw.positions.items() if text in (name, raw.heads[i])]
    numbers = NUMBERS.fullmatch(text)
    if named or numbers is None:
        if not named:
            find_column(raw, text, "drop")
        return named
    first, last = int(numbers[1]), int(numbers[2] or numbers[1])
    n_columns = len(raw.heads)
    if not 1 <= first <= last <= n_columns:
        raise raw.error(f"drop={text}: there are columns 1 to {n_columns:,}; use their numbers")
    return [name for name, i in raw.positions.items() if first <= i + 1 <= last]


def _count(size: int | float | None, n_rows: int) -> int | None:
    """Return a number of rows, which may be requested as a share of all rows."""
    return int(size * n_rows + 1e-9) if isinstance(size, float) else size
