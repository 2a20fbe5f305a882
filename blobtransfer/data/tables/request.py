"""Validate a request of a table against the table and build its `TableSpec`.

Wrong values are rejected here, with line, column and value.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.tables.reading import BUILT_IN_CLASSES, BUILT_IN_LABEL, RawColumn, RawTable
from blobtransfer.data.tables.rows import (
    MIN_TRAINING_ROWS_PER_CLASS,
    find_column,
    read,
    rows_of,
    select_rows,
    split_of,
    training_mask,
)
from blobtransfer.did_you_mean import suggest
from blobtransfer.errors import TableFileError
from blobtransfer.specs.checks import escape_control_characters, read_number
from blobtransfer.specs.generated import MAX_DATA_VALUES
from blobtransfer.specs.table import Column, Scaler, TableRequest, TableSpec

MAX_LEVELS = 50
"""Largest number of distinct words of a feature; a column with more holds names or IDs."""

MAX_CLASSES = 100

MAX_NUMBER = 1e100
"""Largest magnitude of a number."""


class RequestedTable:
    """A table that was read and has what its request names.

    Args:
        request: The request of the user.

    Attributes:
        raw: The table as it was read.
        label: Name of the column of the classes.
        features: Names of the columns of features.
        class_names: Names of the classes that are used, in order.
        indices: (n_rows,) indices in `raw` of the rows that are used.

    Raises:
        TableFileError: The table is missing or damaged, or does not have what is requested.
    """

    def __init__(self, request: TableRequest) -> None:
        self.request = request
        self.label = request.label or BUILT_IN_LABEL
        if not request.is_file and request.classes is not None:
            _subset(request.classes, BUILT_IN_CLASSES[request.origin], request.origin)
        self.raw = read(request, self.label)
        special = [("label", self.label), ("group", request.group), ("split", request.split)]
        special += [("drop", name) for name in request.drop]
        special += [("where", name) for name in (request.where or ())[:1]]
        for key, name in special:
            if name is not None:
                find_column(self.raw, name, key)
        not_features = {name for _, name in special}
        self.features = [name for name in self.raw.columns if name not in not_features]
        if not self.features:
            raise self.raw.error("no column is left to learn from; drop fewer")
        self.class_names = self._classes()
        self.indices = select_rows(
            self.raw, self.label, request.where, self.class_names, request.missing, self.features
        )
        if not len(self.indices):
            raise self.raw.error("no row is left; use missing=mean, or drop= what is mostly empty")
        self._check_complete("label", self.label, "class", "use missing=drop, or fill them")
        if request.group is not None:
            self._check_complete("group", request.group, "group", "fill them")
        self._check_features()

    def _classes(self) -> tuple[str, ...]:
        """Return the names of the classes that are used, in order."""
        request, raw = self.request, self.raw
        label = raw.columns[self.label]
        indices = select_rows(raw, self.label, request.where, None, "refuse", [])
        used = np.unique(label.word_codes[indices])
        names = sorted((label.words[code] for code in used if code >= 0), key=_in_order)
        if request.classes is not None:
            names = _subset(request.classes, names, raw.name)
        are_numbers = all(read_number(name) is not None for name in names)
        if len(names) > (20 if are_numbers and _have_fractions(names) else MAX_CLASSES):
            raise raw.error(
                f"label={self.label}: {len(names):,} different values in {len(indices):,} rows; "
                + (
                    "is this regression? give a column of classes"
                    if are_numbers
                    else f"at most {MAX_CLASSES} classes are learnt"
                )
            )
        if len(names) < 2:
            problem = f"one class, {escape_control_characters(names[0])}" if names else "no class"
            raise raw.error(f"label={self.label}: {problem}; there have to be two or more")
        for name in names:
            _check_word(raw, self.label, label, name)
        return tuple(names)

    def _check_complete(self, key: str, name: str, value: str, advice: str) -> None:
        """Reject rows without a class or a group."""
        is_missing = self.raw.columns[name].is_missing[self.indices]
        if is_missing.any():
            raise self.raw.error(
                f"{key}={name}: {self._share(is_missing)} have no {value}, "
                f"first in {self._first(is_missing)}; {advice}"
            )

    def _share(self, is_affected: NDArray[np.bool_]) -> str:
        return f"{is_affected.sum():,} of {len(self.indices):,} rows"

    def _first(self, is_affected: NDArray[np.bool_]) -> str:
        return self.raw.location(int(self.indices[is_affected.argmax()]))

    def _check_features(self) -> None:
        """Reject values that are missing, infinite, or words among numbers."""
        for name in self.features:
            column, head = self.raw.columns[name], escape_control_characters(name)
            if column.odd is not None:
                row, word = column.odd
                what = "is a formula, not a value" if word.startswith("=") else "is not a number"
                advice = _of_comma(word) or f"mend it, or leave the column out: drop={head}"
                raise self.raw.error(
                    f"column {head}: {escape_control_characters(word[:40])!r} in "
                    f"{self.raw.location(row)} {what}; "
                    f"{advice}"
                )
            is_missing = column.is_missing[self.indices]
            if is_missing.all():
                raise self.raw.error(f"column {head}: no value at all; leave it out: drop={head}")
            if is_missing.any() and self.request.missing == "refuse":
                raise self.raw.error(
                    f"column {head}: {self._share(is_missing)} empty, first in "
                    f"{self._first(is_missing)}; use missing=mean, missing=drop or drop={head}"
                )
            if column.numbers is not None:
                numbers = column.numbers[self.indices]
                is_too_large = np.abs(numbers) > MAX_NUMBER  # an infinite one too
                if is_too_large.any():
                    raise self.raw.error(
                        f"column {head}: {numbers[is_too_large][0]:g} in "
                        f"{self._first(is_too_large)} is too large; mend it, or drop={head}"
                    )

    def words_of(self, name: str) -> list[str] | None:
        """Return the words of a column in the rows that are used; None for numbers.

        Raises:
            TableFileError: There are too many words, or one is not printable or a formula.
        """
        column = self.raw.columns[name]
        if column.codes is None:
            return None
        used = np.unique(column.word_codes[self.indices])
        words = [column.words[code] for code in used if code >= 0]
        if len(words) > MAX_LEVELS:
            raise self.raw.error(
                f"column {escape_control_characters(name)}: {len(words):,} different words, as "
                "names or numbers "
                f"of things have; leave it out: drop={escape_control_characters(name)}"
            )
        words.sort()
        decimal = [word for word in words if read_number(word.replace(",", ".", 1)) is not None]
        if decimal and len(decimal) == len(words):
            raise self.raw.error(
                f"column {escape_control_characters(name)}: '{decimal[0]}' has a comma; "
                f"{_of_comma(decimal[0])}"
            )
        for word in words:
            _check_word(self.raw, name, column, word)
        return words

    def to_spec(self, columns: tuple[Column, ...], scaler: Scaler | None) -> TableSpec:
        """Return the spec of the table, with the sizes of the split as requested.

        Args:
            columns: Columns of features, the same for the source and the target.
            scaler: Of the source; None if the target is not scaled by it.

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
                "or leave columns of words out with drop="
            )
        n_train, n_test = _sizes(request, raw, self.indices)
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
            where=request.where,
            group=request.group,
            split=request.split,
            scale=request.scale or "own",
            missing=request.missing,
            scaler=scaler,
        )
        rows = rows_of(spec)
        if rows.groups is not None and len(np.unique(rows.groups)) < 4:
            raise raw.error(
                f"group={request.group}: {len(np.unique(rows.groups))} groups; four or more are "
                "needed, two to train and two to test"
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
        for indices, least, does in (
            (train, MIN_TRAINING_ROWS_PER_CLASS, "train"),
            (test, 1, "test"),
        ):
            counts = np.bincount(rows.y[indices], minlength=spec.n_classes)
            k = int(counts.argmin())
            if counts[k] < least:
                raise raw.error(
                    f"class {spec.class_names[k]}: {counts[k]} of its {np.sum(rows.y == k)} rows "
                    f"{does}; at least {least} have to, leave it out with classes= or add rows"
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
                f"class {spec.class_names[k]}: {counts[k]} rows, of which {n_train} train and "
                f"{n_test} test; at least {MIN_TRAINING_ROWS_PER_CLASS} and 1 have to, leave it "
                "out with classes= or add rows"
            )

    def _name(self) -> str:
        request = self.request
        name = escape_control_characters(request.origin)
        if request.classes is not None:
            name += f" {escape_control_characters(request.classes)}"
        if request.where is not None:
            column, value = map(escape_control_characters, request.where)
            name += f" where {column} is {value}"
        return name


def _sizes(request: TableRequest, raw: RawTable, indices: NDArray[np.intp]) -> tuple[int, int]:
    """Return how many training and test rows a request asks for."""
    n_rows = len(indices)
    if request.split is not None:
        is_train = training_mask(raw, request.split)[indices]
        n_train, n_test = int(is_train.sum()), int((~is_train).sum())
        if not n_train or not n_test:
            lacking = "train" if not n_train else "test"
            raise raw.error(f"split={request.split}: no row says {lacking}; some have to")
        return n_train, n_test
    n_train = -(-n_rows // 2) if request.train is None else request.train
    if request.train is None and request.test is not None:
        n_train = n_rows - request.test
    n_test = n_rows - n_train if request.test is None else request.test
    if n_train < 1 or n_test < 1 or n_train + n_test > n_rows:
        sizes = " ".join(
            f"{key}={value}"
            for key, value in (("train", request.train), ("test", request.test))
            if value is not None
        )
        raise raw.error(f"{sizes or 'half of them train'}: there are {n_rows:,} rows; use fewer")
    return n_train, n_test


def _subset(classes: str, names: Sequence[str], table: str) -> list[str]:
    """Read `classes=`: names joined by `+`, or a range of whole numbers such as 0-4."""
    if classes in names:
        raise TableFileError(table, f"classes={classes}: one class; name two or more, joined by +")
    ends = [read_number(end, int) for end in classes.split("-")]
    if len(ends) == 2 and None not in ends:
        if ends[1] - ends[0] > 10 * MAX_CLASSES or ends[1] <= ends[0]:
            raise TableFileError(table, f"classes={classes}: use a range such as 0-4")
        chosen_names = [str(k) for k in range(ends[0], ends[1] + 1)]
    else:
        chosen_names = classes.split("+")
    for name in chosen_names:
        if name not in names:
            first_names = ", ".join(map(escape_control_characters, names[:10]))
            raise TableFileError(
                table,
                f"classes={escape_control_characters(classes)}: there is no class "
                f"{escape_control_characters(name) or 'of no name'}; "
                f"{suggest(name, names) or 'there are ' + first_names}",
            )
        if chosen_names.count(name) > 1:
            raise TableFileError(
                table,
                f"classes={escape_control_characters(classes)}: {escape_control_characters(name)} "
                "is there twice",
            )
    return sorted(chosen_names, key=_in_order)


def _check_word(raw: RawTable, name: str, column: RawColumn, word: str) -> None:
    """Raise `TableFileError` if a word would act on a terminal or a spreadsheet."""
    problem = None
    if not word.isprintable():
        problem = "has line ends or signs that no screen shows"
    elif word.startswith("="):
        problem = "is a formula, not a value"
    elif len(word) > 200:
        problem = f"has {len(word):,} letters, more than 200"
    if problem is not None:
        row = int(np.flatnonzero(column.word_codes == column.words.index(word))[0])
        raise raw.error(
            f"column {escape_control_characters(name)}: '{escape_control_characters(word[:40])}' "
            f"in {raw.location(row)} {problem}; "
            "mend it, or leave the column out"
        )


def _of_comma(word: str) -> str | None:
    """Return the advice for a number with a decimal comma; None if it is not one."""
    decimal = word.replace(",", ".", 1)
    if word.count(",") != 1 or read_number(decimal) is None:
        return None
    if len(word.partition(",")[2]) == 3:
        return f"write {word.replace(',', '')} or {decimal}, whichever is meant"
    return f"write {decimal}"


def _in_order(name: str) -> tuple[int, float, str]:
    """Return the sort key of a class name: numbers by size, before words."""
    number = read_number(name)
    return (1, 0.0, name) if number is None else (0, float(number), name)


def _have_fractions(names: Sequence[str]) -> bool:
    return any(read_number(name, int) is None for name in names)
