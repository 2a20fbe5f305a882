"""Validate a request of a table against the table and build its `TableSpec`.

Wrong values are rejected here, with line, column and value.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.tables.columns import NUMBER, RawColumn, find_word
from blobtransfer.data.tables.identifiers import identifies_rows, names_rows, numbers_rows
from blobtransfer.data.tables.reading import (
    BUILT_IN_CLASSES,
    BUILT_IN_LABEL,
    READERS,
    RawTable,
    read_builtin,
)
from blobtransfer.data.tables.rows import (
    MAX_LISTED_COLUMNS,
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
from blobtransfer.did_you_mean import suggest
from blobtransfer.errors import TableFileError
from blobtransfer.specs.checks import escape_control_characters, read_number
from blobtransfer.specs.data_text import quote
from blobtransfer.specs.generated import MAX_DATA_VALUES
from blobtransfer.specs.table import Column, TableRequest, TableSpec

MAX_LEVELS = 50
"""Largest number of distinct words of a feature; a column with more holds names or IDs."""

MAX_CLASSES = 100

MAX_WORD = 200
"""Longest word, in characters."""

MAX_LISTED_DROPS = 100
"""Largest number of columns of which an error lists `drop=`."""

UNNAMED = re.compile(r"(?:Unnamed: ?[\d.]+|\.\.\.\d+)?")
"""Heads of a column without a name, as pandas and readr call it."""

NUMBERS = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?", re.ASCII)
"""Number of a column, or a range of numbers."""

HAVE_HEADS = ("npz", "arff", "parquet")
"""Readers of formats whose columns always have a name."""

MAX_NUMBER = 1e100
"""Largest magnitude of a number."""


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
        self.label = request.label or BUILT_IN_LABEL
        if not request.is_file and request.classes is not None:
            _subset(request.classes, BUILT_IN_CLASSES[request.origin], request.origin)
        self.raw, self.where = _read(request)
        raw = self.raw
        if request.is_file and request.label is None:
            colon = ":" if request == TableRequest(request.origin, True) else ""
            raise raw.error(f"no label column given; add {colon}label=COLUMN; {list_columns(raw)}")
        is_divided = any((request.split, request.group, request.train, request.test))
        self.split = request.split if is_divided else raw.split
        dropped = {name for text in request.drop for name in _dropped(raw, text)}
        named = [("label", self.label), ("group", request.group), ("split", self.split)]
        named += [("where", column) for column in (self.where or ())[:1]]
        for key, name in named:
            if name is None:
                continue
            if find_column(raw, name, key).words == ("",):  # values that cannot be compared
                kind = raw.column(name).kind
                raise raw.error(f"{key}={name}: the column has {kind}; use one of words or numbers")
            if name in dropped:
                raise raw.error(f"column {name} is {key}= and drop= at once; leave one out")
        unused = {*dropped, *(name for _, name in named), raw.split}
        unused |= set(unnamed_columns(raw)) - self.learned
        self.features = [name for name in raw.positions if name not in unused]
        if not self.features:
            raise raw.error("no column is left to learn from; drop fewer")
        self.class_names = self._classes()
        self.left_out: tuple[int, ...] = ()
        self.indices = select_rows(
            raw, self.label, self.where, self.class_names, request.missing, self.features
        )
        if not len(self.indices):
            empty = max(self.features, key=lambda name: raw.column(name).is_missing.sum())
            raise raw.error(
                f"no row is left: {self._column(empty)} is empty in "
                f"{raw.column(empty).is_missing.sum():,} of {raw.n_rows:,} rows; use missing=mean, "
                f"or drop={column_key(raw, empty)}"
            )
        self._check_complete("label", self.label, "class", "use missing=drop, or fill them")
        if request.group is not None:
            self._check_complete("group", request.group, "group", "fill them")
        self._check_learnable()
        self._check_values()

    def leave_out(self, rows: Sequence[int]) -> None:
        """Leave rows out of the data, by their indices in the file."""
        self.left_out = (*self.left_out, *rows)
        self.indices = self.indices[~np.isin(self.indices, rows)]

    def _classes(self) -> tuple[str, ...]:
        """Return the names of the classes that are used, in order."""
        request, raw = self.request, self.raw
        label = raw.column(self.label)
        indices = select_rows(raw, self.label, self.where, None, "refuse", [])
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
            n_missing = int(label.is_missing[indices].sum())
            if n_missing:
                rows = f"{n_missing:,} of {len(indices):,} rows"
                problem += f"; {rows} are {describe_missing(label)}"
            raise raw.error(f"label={self.label}: {problem}; use two or more classes")
        for name in names:
            _check_word(raw, self.label, label, name)
        return tuple(names)

    def _check_complete(self, key: str, name: str, value: str, advice: str) -> None:
        """Reject rows without a class or a group."""
        column = self.raw.column(name)
        is_missing = column.is_missing[self.indices]
        if is_missing.any():
            raise self.raw.error(
                f"{key}={name}: {self._share(is_missing)} have no {value}, "
                f"first in {self._first(is_missing)} ({describe_missing(column)}); {advice}"
            )

    def _share(self, is_affected: NDArray[np.bool_]) -> str:
        return f"{is_affected.sum():,} of {len(self.indices):,} rows"

    def _first(self, is_affected: NDArray[np.bool_]) -> str:
        return self.raw.location(int(self.indices[is_affected.argmax()]))

    def _check_learnable(self) -> None:
        """Reject all columns at once that a network cannot learn from."""
        problems = {name: self._problem_of(name) for name in self.features}
        names = [name for name, problem in problems.items() if problem is not None]
        if not names:
            return
        listed = [f"{self._column(name)} {problems[name]}" for name in names[:MAX_LISTED_COLUMNS]]
        drops = [f"drop={column_key(self.raw, name)}" for name in names[:MAX_LISTED_DROPS]]
        more = f", ... ({len(names):,} columns)" if len(names) > len(listed) else ""
        advice = f"leave {'it' if len(names) == 1 else 'them'} out: {','.join(drops)}"
        head = self.raw.heads[self.raw.positions[names[0]]]
        if self.raw.options.has_head and NUMBER.fullmatch(head):
            advice += "; or add head=none, if line 1 has values"
        raise self.raw.error(f"{', '.join(listed)}{more}; {advice}")

    def _problem_of(self, name: str) -> str | None:
        """Return why a network cannot learn from a column; None if it can."""
        raw, indices = self.raw, self.indices
        column, head = raw.column(name), raw.heads[raw.positions[name]]
        if column.kind is not None:
            return f"has {column.kind}"
        if name in self.learned:
            return None
        if not head:
            return "has no name"
        if head != name:
            return f"has the name {escape_control_characters(head)} of another one"
        if column.is_missing[indices].all():
            return "has no value at all"
        if numbers_rows(raw, name) or numbers_rows(raw, name, indices):
            assert column.numbers is not None
            return f"numbers the rows, {column.numbers.min():.0f} to {column.numbers.max():.0f}"
        if column.codes is None or column.odd is not None:
            return None
        n_words = len(np.unique(column.word_codes[indices][column.word_codes[indices] >= 0]))
        if n_words > MAX_LEVELS or identifies_rows(raw, name, indices):
            return f"has {n_words:,} different words, as names, identifiers or free text have"
        return None

    def _column(self, name: str) -> str:
        """Return a column for an error."""
        is_named = self.raw.heads[self.raw.positions[name]] == name
        return f"column {escape_control_characters(name)}" if is_named else name

    def _check_values(self) -> None:
        """Reject values that are missing, infinite, or words among numbers."""
        for name in self.features:
            column = self.raw.column(name)
            where, drop = self._column(name), f"drop={column_key(self.raw, name)}"
            if column.odd is not None:
                row, word = column.odd
                what = "is a formula, not a value" if word.startswith("=") else "is not a number"
                raise self.raw.error(
                    f"{where}: {escape_control_characters(word[:40])!r} in "
                    f"{self.raw.location(row)} {what}; "
                    f"{_of_comma(word) or self._advice_on(word, drop)}"
                )
            is_missing = column.is_missing[self.indices]
            if is_missing.any() and self.request.missing == "refuse":
                raise self.raw.error(
                    f"{where}: {self._share(is_missing)} empty, first in "
                    f"{self._first(is_missing)}; use missing=mean, missing=drop or {drop}"
                )
            if column.numbers is not None:
                numbers = column.numbers[self.indices]
                is_too_large = np.abs(numbers) > MAX_NUMBER  # an infinite one too
                if is_too_large.any():
                    raise self.raw.error(
                        f"{where}: {numbers[is_too_large][0]:g} in "
                        f"{self._first(is_too_large)} is too large; mend it, or {drop}"
                    )

    def _advice_on(self, word: str, drop: str) -> str:
        """Return what to do about a word among numbers."""
        if word.startswith("=") or not word.isprintable() or len(word) > MAX_WORD:
            return f"mend it, or leave the column out: {drop}"
        key = f"missing={quote(word)}"
        if self.request.missing == "refuse":
            key += ",missing=mean (or missing=drop)"
        return f"mend it, or, if it stands for a missing value: {key}; or {drop}"

    def words_of(self, name: str) -> list[str] | None:
        """Return the words of a column in the rows that are used; None for numbers.

        Raises:
            TableFileError: A word is not printable, a formula or a number with a comma.
        """
        column = self.raw.column(name)
        if column.codes is None:
            return None
        used = np.unique(column.word_codes[self.indices])
        words = [column.words[code] for code in used if code >= 0]
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
                "or leave columns of words out with drop="
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
                raise raw.error(f"split={self.split}: no row says {lacking}; some have to")
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


def unnamed_columns(raw: RawTable) -> list[str]:
    """Return the columns without a name that are left out.

    They have no values, or they stand in front and number or name the rows, as R's `write.csv` and
    pandas' `to_csv` write them; pandas reads such a column as `Unnamed: 0`.
    """
    names, is_in_front = [], True
    for name, position in raw.positions.items():
        head = raw.heads[position]
        is_in_front &= UNNAMED.fullmatch(head) is not None and names_rows(raw, name)
        if is_in_front or (not head and raw.column(name).is_missing.all()):
            names.append(name)
    return names


def describe_missing(column: RawColumn) -> str:
    """Return which words of a column are read as missing."""
    words = [escape_control_characters(word) for word in column.missing_words]
    return f"{' or '.join(words) or 'empty or NA'}, which is read as missing"


def _read(request: TableRequest) -> tuple[RawTable, tuple[str, str] | None]:
    """Read a table, and find the column of `where=`: the longest name that fits."""
    if not request.is_file:
        return read_builtin(request.origin), None
    reader = READERS.get(Path(request.origin).suffix.lower())
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


def _subset(classes: str, names: Sequence[str], table: str) -> list[str]:
    """Read `classes=`: names joined by `+`, or a range of whole numbers such as 0-4."""
    if find_word(classes, names) is not None:
        raise TableFileError(table, f"classes={classes}: one class; name two or more, joined by +")
    ends = [read_number(end, int) for end in classes.split("-")]
    if len(ends) == 2 and None not in ends:
        if ends[1] - ends[0] > 10 * MAX_CLASSES or ends[1] <= ends[0]:
            raise TableFileError(table, f"classes={classes}: use a range such as 0-4")
        chosen_names = [str(k) for k in range(ends[0], ends[1] + 1)]
    else:
        chosen_names = [find_word(name, names) or name for name in classes.split("+")]
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
    elif len(word) > MAX_WORD:
        problem = f"has {len(word):,} letters, more than {MAX_WORD}"
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
