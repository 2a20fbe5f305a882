"""What a user should know about tables before networks are trained on them.

A note is a pair: whether it is a warning, which may change what the results mean, and its text.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.tables.columns import describe_missing
from blobtransfer.data.tables.identifiers import follows_rows, has_equal_steps, unnamed_columns
from blobtransfer.data.tables.leakage import shared_rows
from blobtransfer.data.tables.reading import RawTable
from blobtransfer.data.tables.rows import (
    column_key,
    identifiers_of,
    n_duplicates,
    read,
    rows_of,
    select_rows,
)
from blobtransfer.specs.checks import escape_control_characters
from blobtransfer.specs.data_text import quote
from blobtransfer.specs.table import TableSpec

Note = tuple[bool, str]

MAX_LISTED = 5
"""Largest number of columns, words or rows that are listed."""

SENTINELS = frozenset(sign * (10**n - 1) for n in range(1, 7) for sign in (-1, 1))
"""Numbers such as -999 that some programs write for a missing value."""

NUMBER_WITH_UNIT = re.compile(r"(\W*?)\s*[+-]?[\d.,]*\d[\d.,]*\s*([^\d\s]{0,5})", re.ASCII)
"""A number behind a sign such as $, or before one such as % or a unit."""

MIN_WORDS_WITH_UNIT = 3

MAX_COMPARED_WORDS = 10_000
"""Largest number of words of a column that is searched for words that differ only in case."""


def table_notes(spec: TableSpec) -> Iterator[Note]:
    """Yield the notes on one table."""
    raw = read(spec)
    for text in raw.notes:
        yield False, text
    for name in unnamed_columns(raw):
        has_values = not raw.column(name).is_missing.all()
        reason = "a different value in every row (an index)" if has_values else "no value"
        yield False, f"{name} has no name and {reason}: left out"
    yield from _listed(_identifier_note, spec, identifiers_of(spec), True)
    columns = [column.name for column in spec.columns]
    others = [name for name in columns if name not in identifiers_of(spec)]
    yield from _listed(_order_note, spec, others, True)
    yield from _listed(_sentinel_note, spec, columns, True)
    yield from _missing_notes(spec)
    yield from _listed(_mark_note, spec, columns)
    yield from _listed(_unit_note, spec, columns)
    names = [spec.label] if spec.group is None else [spec.label, spec.group]
    yield from _listed(_case_note, spec, [*names, *columns])
    yield from _spelling_notes(spec, [*names, *(spec.where or ())[:1]])
    n_copies = n_duplicates(spec)
    if n_copies and spec.is_resplit:
        rows = "row equals another row" if n_copies == 1 else "rows equal other rows"
        yield False, f"{n_copies:,} {rows}; one may be a training row and the other a test row"
    elif n_copies:
        are = "is a copy of a training row" if n_copies == 1 else "are copies of training rows"
        yield False, f"{n_copies:,} of {spec.n_test:,} test rows {are}"


def pair_notes(source: TableSpec, target: TableSpec) -> Iterator[Note]:
    """Yield the notes on two tables together."""
    pairs, n_shared = shared_rows(replace(source, left_out=()), target)
    if source.left_out:
        for i, j in pairs[:MAX_LISTED]:
            first = f"{read(source).location(i)} of {escape_control_characters(source.origin)}"
            second = f"{read(target).location(j)} of {escape_control_characters(target.origin)}"
            yield False, f"{first} equals {second}, and is left out of the source"
        if len(pairs) > MAX_LISTED:
            yield False, f"{len(pairs) - MAX_LISTED:,} more such rows are left out of the source"
    elif n_shared:
        rows = "row of the target has" if n_shared == 1 else "rows of the target have"
        yield False, f"{n_shared:,} {rows} the values of training rows of the source"
    yield from _group_note(source, target)
    yield from _word_notes(source, target)
    yield from _class_notes(source.class_names, target.class_names)


def _group_note(source: TableSpec, target: TableSpec) -> Iterator[Note]:
    """Yield a note on groups of the same name in two files."""
    if source.group is None or source.group != target.group or source.sha256 == target.sha256:
        return
    groups, other = (
        _words(read(spec), source.group, rows_of(spec).indices) for spec in (source, target)
    )
    n_shared = len(set(groups) & set(other))
    if n_shared:
        text = (
            f"{n_shared:,} of {len(other):,} groups of the target are in the source too, by the "
            f"values of {escape_control_characters(source.group)}: if they are the same persons or "
            "things, remove them from one of the files"
        )
        yield True, text


def trained_row_note(target: TableSpec) -> Iterator[Note]:
    """Yield a note if rows of a table are left out that trained a saved network."""
    lines = [read(target).location(i) for i in target.left_out]
    if lines:
        were = "was a training row" if len(lines) == 1 else "were training rows"
        yield False, f"{_list(lines)} {were} of the saved network; left out"


def _listed(
    note_of: Callable[[TableSpec, RawTable, NDArray[np.intp], str], str | None],
    spec: TableSpec,
    names: Iterable[str],
    is_warning: bool = False,
) -> Iterator[Note]:
    """Yield the notes of the first columns that have one, and the number of the others.

    Args:
        note_of: Returns the note on a column; None without one.
        spec: The spec of the table.
        names: Names of the columns.
        is_warning: Whether the notes are warnings.
    """
    raw, indices = read(spec), rows_of(spec).indices
    notes = (note_of(spec, raw, indices, name) for name in names)
    texts = [text for text in notes if text is not None]
    for text in texts[:MAX_LISTED]:
        yield is_warning, text
    if len(texts) > MAX_LISTED:
        yield is_warning, f"the same holds for {len(texts) - MAX_LISTED:,} more columns"


def _identifier_note(spec: TableSpec, raw: RawTable, indices: NDArray[np.intp], name: str) -> str:
    head, key = escape_control_characters(name), column_key(raw, name)
    what = "a different whole number in nearly every row, as identifiers have"
    if has_equal_steps(raw, name, indices):
        what = "equally spaced numbers, each in one row, as times and row numbers are"
    return f"column {head} has {what}; unless it is a measurement, leave it out: drop={key}"


def _order_note(spec: TableSpec, raw: RawTable, indices: NDArray[np.intp], name: str) -> str | None:
    """Return a note on a column that follows the order of the rows."""
    if not any(follows_rows(raw, name, rows) for rows in (indices, np.arange(raw.n_rows))):
        return None
    return (
        f"column {escape_control_characters(name)} is sorted in the order of the rows, as times "
        "and row numbers are; unless it is a measurement, leave it out: "
        f"drop={column_key(raw, name)}"
    )


def _sentinel_note(
    spec: TableSpec, raw: RawTable, indices: NDArray[np.intp], name: str
) -> str | None:
    """Return a note on a number such as -999 that is far from all others."""
    numbers = raw.column(name).numbers
    if numbers is None:
        return None
    indices = indices[~np.isnan(numbers[indices])]
    numbers = numbers[indices]
    for end in (numbers.min(initial=0.0), numbers.max(initial=0.0)):
        others = numbers[numbers != end]
        if end in SENTINELS and len(others) and 0.0 < np.ptp(others) < np.abs(others - end).min():
            rows = indices[numbers == end]
            return (
                f"column {escape_control_characters(name)}: {end:g} in {raw.location(int(rows[0]))}"
                f" and in {len(rows) - 1:,} more rows is far from all other values; if it stands "
                f"for a missing value, add missing={end:g} and missing=mean or missing=drop"
            )
    return None


def _missing_notes(spec: TableSpec) -> Iterator[Note]:
    """Yield a note on rows with missing values, which are left out or filled."""
    if spec.missing == "refuse":
        return
    raw, names = read(spec), [column.name for column in spec.columns]
    indices = select_rows(raw, spec.label, spec.where, spec.class_names, "refuse", [])
    n_rows, is_affected = len(indices), np.zeros(len(indices), bool)
    label = raw.column(spec.label)
    n_missing = int(label.is_missing[indices].sum())
    if n_missing:
        name = escape_control_characters(spec.label)
        text = f"{n_missing:,} of {n_rows:,} rows have no class and are left out"
        yield False, f"{text}: column {name} is {describe_missing(label)}"
    counts: dict[str, int] = {}
    for name in names:
        is_missing = raw.column(name).is_missing[indices]
        if is_missing.any():
            counts[name] = int(is_missing.sum())
            is_affected |= is_missing
    if counts:
        listed = _list([f"{escape_control_characters(name)} {n:,}" for name, n in counts.items()])
        are_numbers = {raw.column(name).codes is None for name in counts}
        ends = {True: "filled with the mean", False: "all zeros for words"}
        if len(are_numbers) > 1:
            ends[True] = "filled with the mean for numbers"
        end = ", ".join(text for kind, text in ends.items() if kind in are_numbers)
        if spec.missing == "drop":
            end = "they are left out"
        rows = f"{is_affected.sum():,} of {n_rows:,} rows"
        yield False, f"{rows} have missing values ({listed}); {end}"


def _mark_note(spec: TableSpec, raw: RawTable, indices: NDArray[np.intp], name: str) -> str | None:
    """Return a note on a word such as `?`, which may stand for a missing value."""
    for word in _words(raw, name, indices):
        if not any(map(str.isalnum, word)):
            return (
                f"column {escape_control_characters(name)} has the word {word}; if it stands for "
                f"a missing value, add missing={quote(word)} and missing=mean or missing=drop"
            )
    return None


def _unit_note(spec: TableSpec, raw: RawTable, indices: NDArray[np.intp], name: str) -> str | None:
    """Return a note on words that are numbers with the same sign or unit, such as 5.1%."""
    words = _words(raw, name, indices)
    matches = [NUMBER_WITH_UNIT.fullmatch(word) for word in words]
    if len(words) < MIN_WORDS_WITH_UNIT or len({match and match.groups() for match in matches}) > 1:
        return None
    if matches[0] is None or not any(matches[0].groups()):
        return None
    return (
        f"column {escape_control_characters(name)} is read as words, such as {words[0]}; "
        "for numbers write them without sign or unit"
    )


def _case_note(spec: TableSpec, raw: RawTable, indices: NDArray[np.intp], name: str) -> str | None:
    """Return a note on words that differ only in case or blanks."""
    words = _words(raw, name, indices)
    if len(words) > MAX_COMPARED_WORDS:
        return None
    spellings = [sorted(spellings) for spellings in _by_spelling(words).values()]
    different = [" and ".join(words) for words in spellings if len(words) > 1]
    if not different:
        return None
    kind = "classes" if name == spec.label else "words"
    return (
        f"column {escape_control_characters(name)}: {_list(different)} differ only in case or "
        f"blanks, and are different {kind}"
    )


def _spelling_notes(spec: TableSpec, names: Iterable[str]) -> Iterator[Note]:
    """Yield notes on numbers that a column of names spells in several ways.

    Spellings such as 1.1 and 1.10 are a warning: they may be different versions or dates.
    """
    for name in dict.fromkeys(names):
        spellings = read(spec).column(name).spellings
        different = [texts for texts in spellings if len(set(_fractions(texts))) > 1]
        for is_warning, numbers in ((True, different), (False, set(spellings) - set(different))):
            texts = sorted(" and ".join(texts) for texts in numbers)
            if texts:
                kind = "class" if name == spec.label else "value"
                spelt = f"are one {kind}" if len(texts) == 1 else f"are one {kind} each"
                advice = "; if they differ, write a letter before them" if is_warning else ""
                head = escape_control_characters(name)
                yield is_warning, f"column {head}: {_list(texts)} {spelt}{advice}"


def _fractions(texts: Sequence[str]) -> Iterator[str]:
    """Yield the digits behind the point of the texts of one number, unless they are zeros."""
    for text in texts:
        digits = text.partition(".")[2]
        if digits.isdecimal() and digits.strip("0"):
            yield digits


def _words(raw: RawTable, name: str, indices: NDArray[np.intp]) -> list[str]:
    """Return the words of a column in some rows; none for numbers."""
    column = raw.column(name)
    if column.codes is None:
        return []
    used = np.unique(column.codes[indices])
    return [column.words[code] for code in used if code >= 0]


def _by_spelling(words: Iterable[str]) -> dict[str, list[str]]:
    """Return words by their letters, whatever their case and the blanks between them."""
    groups: dict[str, list[str]] = defaultdict(list)
    for word in words:
        groups["".join(word.split()).casefold()].append(word)
    return groups


def _word_notes(source: TableSpec, target: TableSpec) -> Iterator[Note]:
    """Yield notes on the words of features that only one of two tables has."""
    tables = [(read(spec), rows_of(spec).indices) for spec in (source, target)]
    notes = []
    for column in source.columns:
        if column.levels is None or column not in target.columns:
            continue
        source_words, target_words = (
            set(_words(raw, column.name, indices)) & set(column.levels) for raw, indices in tables
        )
        text = f"column {escape_control_characters(column.name)}: "
        if source_words and target_words and not source_words & target_words:
            lists = (_list(sorted(words)) for words in (source_words, target_words))
            words = "{} in the source, {} in the target".format(*lists)
            notes.append((True, f"{text}the tables share no word: {words}"))
        elif source_words != target_words:
            notes.append((False, text + _difference(source_words, target_words)))
    yield from islice(sorted(notes, reverse=True), MAX_LISTED)
    if len(notes) > MAX_LISTED:
        yield False, f"the same holds for {len(notes) - MAX_LISTED:,} more columns of words"


def _class_notes(source: Sequence[str], target: Sequence[str]) -> Iterator[Note]:
    """Yield notes on the classes that only one of two tables has, if they share some."""
    spellings = _by_spelling(name for name in target if name not in source)
    for name in sorted(set(source) - set(target)):
        for similar_name in spellings.get("".join(name.split()).casefold(), ()):
            text = f"class {name} of the source and {similar_name} of the target differ only in "
            yield True, f"{text}case or blanks, and are different classes; use one spelling"
    if set(source) != set(target) and set(source) & set(target):
        yield False, f"classes: {_difference(source, target)}"


def _difference(source: Collection[str], target: Collection[str]) -> str:
    """Return which words only the source, or only the target, has."""
    differences = (("source", set(source) - set(target)), ("target", set(target) - set(source)))
    return ", and ".join(
        f"only the {role} has {_list(sorted(words))}" for role, words in differences if words
    )


def _list(words: Sequence[str]) -> str:
    listed = ", ".join(map(escape_control_characters, words[:MAX_LISTED]))
    return listed + (f", ... ({len(words):,})" if len(words) > MAX_LISTED else "")
