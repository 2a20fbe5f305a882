"""Reject columns and values that a network cannot learn from, with line, column and value."""

import re
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.tables.columns import NUMBER, describe_missing
from blobtransfer.data.tables.identifiers import identifies_rows, numbers_rows
from blobtransfer.data.tables.reading import RawTable
from blobtransfer.data.tables.rows import MAX_LISTED_COLUMNS, column_key
from blobtransfer.specs.checks import escape_control_characters, read_number
from blobtransfer.specs.data_text import quote
from blobtransfer.specs.table import Missing

MAX_LEVELS = 50
"""Largest number of distinct words of a feature; a column with more holds names or IDs."""

MAX_WORD = 200
"""Longest word, in characters."""

MINUTES = r":\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp][Mm])?"
"""What follows the hour of a time of day."""

DATE = re.compile(
    rf"\d\d{MINUTES}"
    r"|(?:\d{4}(?P<mark>[-/.])\d{1,2}(?P=mark)\d{1,2}"  # 2026-01-31
    r"|\d{1,2}(?P<sign>[/.])\d{1,2}(?P=sign)\d{2,4}|\d{1,2}-\d{1,2}-\d{4}"  # 31.1.2026, 1/31/26
    r"|(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])"  # 20260131
    r"|\d{1,2}\.?[- ][A-Za-z]{3,9}\.?[- ]\d{2,4}|[A-Za-z]{3,9}\.? \d{1,2}, ?\d{4})"
    rf"(?:[T ](?:\d\d?{MINUTES}|\d{{6}})(?: ?(?:Z|UTC|[+-]\d{{2}}:?\d{{2}}))?)?",
    re.ASCII,
)
"""A date or a time of day as text."""

MIN_SHARE_OF_DATES = 0.9
"""Smallest share of the rows with a value that makes a column one of dates."""

MAX_LISTED_DROPS = 100
"""Largest number of columns of which an error lists `drop=`."""

MAX_NUMBER = 1e100
"""Largest magnitude of a number."""


def check_learnable(
    raw: RawTable, names: Sequence[str], indices: NDArray[np.intp], learned: Collection[str]
) -> None:
    """Reject all columns at once that a network cannot learn from.

    Args:
        raw: The table.
        names: Columns of the features.
        indices: (n,) rows that are used.
        learned: Columns that a saved network was trained on, which are used whatever they have.

    Raises:
        TableFileError: There are such columns.
    """
    problems = {name: _problem_of(raw, name, indices, name in learned) for name in names}
    bad_names = [name for name in names if problems[name] is not None]
    if not bad_names:
        return
    listed = [f"{name_column(raw, name)} {problems[name]}" for name in bad_names]
    more = ""
    if len(listed) > MAX_LISTED_COLUMNS:
        more = f", ... ({len(listed):,} columns)"
    drops = ",".join(f"drop={column_key(raw, name)}" for name in bad_names[:MAX_LISTED_DROPS])
    advice = f"drop {'it' if len(bad_names) == 1 else 'them'} with {drops}"
    head = raw.heads[raw.positions[bad_names[0]]]
    if raw.has_head_line and NUMBER.fullmatch(head):
        advice += "; or add head=none, if line 1 has values"
    raise raw.error(f"{', '.join(listed[:MAX_LISTED_COLUMNS])}{more}; {advice}")


def _problem_of(
    raw: RawTable, name: str, indices: NDArray[np.intp], is_learned: bool
) -> str | None:
    """Return why a network cannot learn from a column; None if it can.

    Args:
        raw: The table.
        name: Name of the column.
        indices: (n,) rows that are used.
        is_learned: Whether a saved network was trained on it.
    """
    column, head = raw.column(name), raw.heads[raw.positions[name]]
    if column.kind is not None:
        return f"has {column.kind}"
    if is_learned:
        return None
    if not head:
        return "has no name"
    if head != name:
        first = f"column {raw.positions[head] + 1}"
        return f"and {first} are both called {escape_control_characters(head)}"
    if column.is_missing[indices].all():
        return "has no value at all"
    if numbers_rows(raw, name) or numbers_rows(raw, name, indices):
        assert column.numbers is not None
        return f"numbers the rows, {column.numbers.min():.0f} to {column.numbers.max():.0f}"
    if column.codes is None or column.stray_word is not None:
        return None
    codes = column.word_codes[indices]
    counts = np.bincount(codes[codes >= 0], minlength=len(column.words))
    are_dates = [
        n > 0 and DATE.fullmatch(word) is not None
        for word, n in zip(column.words, counts, strict=True)
    ]
    if counts[are_dates].sum() >= MIN_SHARE_OF_DATES * counts.sum():
        return "has dates"
    n_words = np.count_nonzero(counts)
    if n_words > MAX_LEVELS or identifies_rows(raw, name, indices):
        return f"has {n_words:,} distinct values (looks like an ID or free text)"
    return None


def check_values(
    raw: RawTable, names: Sequence[str], indices: NDArray[np.intp], missing: Missing
) -> None:
    """Reject values that are missing, infinite, or words among numbers.

    Args:
        raw: The table.
        names: Columns of the features.
        indices: (n,) rows that are used.
        missing: Treatment of missing values.

    Raises:
        TableFileError: A column has such a value.
    """
    for name in names:
        column = raw.column(name)
        where, drop = name_column(raw, name), f"drop={column_key(raw, name)}"
        if column.stray_word is not None:
            row, word = column.stray_word
            problem = "is a formula, not a value" if word.startswith("=") else "is not a number"
            raise raw.error(
                f"{where}: {escape_control_characters(word[:40])!r} in {raw.location(row)} "
                f"{problem}; {_advice_on_comma(word) or _advice_on_word(word, drop, missing)}"
            )
        is_missing = column.is_missing[indices]
        if is_missing.any() and missing == "refuse":
            raise raw.error(
                f"{where}: {_share(is_missing)} empty, first in "
                f"{_first(raw, indices, is_missing)}; use missing=mean, missing=drop or {drop}"
            )
        if column.numbers is not None:
            numbers = column.numbers[indices]
            is_too_large = np.abs(numbers) > MAX_NUMBER
            if is_too_large.any():
                number = numbers[is_too_large][0]
                problem = "is too large" if np.isfinite(number) else "is not a finite number"
                raise raw.error(
                    f"{where}: {number:g} in {_first(raw, indices, is_too_large)} {problem}; "
                    f"correct it, or {drop}"
                )


def check_complete(raw: RawTable, key: str, name: str, indices: NDArray[np.intp]) -> None:
    """Reject rows without a class or a group.

    Args:
        raw: The table.
        key: `label` or `group`.
        name: Column of the classes or groups.
        indices: (n,) rows that are used.

    Raises:
        TableFileError: There are such rows.
    """
    value, advice = "group", "fill them"
    if key == "label":
        value, advice = "class", "use missing=drop, or fill them"
    column = raw.column(name)
    is_missing = column.is_missing[indices]
    if is_missing.any():
        raise raw.error(
            f"{key}={name}: {_share(is_missing)} have no {value}, the first in "
            f"{_first(raw, indices, is_missing)} ({describe_missing(column)}); {advice}"
        )


def words_of(raw: RawTable, name: str, indices: NDArray[np.intp]) -> list[str] | None:
    """Return the words of a column in the rows that are used; None for numbers.

    Args:
        raw: The table.
        name: Name of the column.
        indices: (n,) rows that are used.

    Raises:
        TableFileError: A word is not printable, a formula or a number with a comma.
    """
    column = raw.column(name)
    if column.codes is None:
        return None
    used = np.unique(column.word_codes[indices])
    words = sorted(column.words[code] for code in used if code >= 0)
    advice = [_advice_on_comma(word) for word in words]
    if words and all(advice):
        raise raw.error(
            f"column {escape_control_characters(name)}: '{words[0]}' has a comma; {advice[0]}"
        )
    for word in words:
        check_word(raw, name, word)
    return words


def check_word(raw: RawTable, name: str, word: str) -> None:
    """Reject a word that would act on a terminal or a spreadsheet.

    Args:
        raw: The table.
        name: Name of the column.
        word: A word of the column.

    Raises:
        TableFileError: The word is not printable, a formula, or too long.
    """
    problem = None
    if not word.isprintable():
        problem = "has line breaks or invisible characters"
    elif word.startswith("="):
        problem = "is a formula, not a value"
    elif len(word) > MAX_WORD:
        problem = f"has {len(word):,} letters, more than {MAX_WORD}"
    if problem is not None:
        column = raw.column(name)
        row = int(np.flatnonzero(column.word_codes == column.words.index(word))[0])
        raise raw.error(
            f"column {escape_control_characters(name)}: '{escape_control_characters(word[:40])}' "
            f"in {raw.location(row)} {problem}; correct it, or leave the column out"
        )


def name_column(raw: RawTable, name: str) -> str:
    """Return a column, by its name in `positions`, for an error."""
    is_named = raw.heads[raw.positions[name]] == name
    return f"column {escape_control_characters(name)}" if is_named else name


def _share(is_affected: NDArray[np.bool_]) -> str:
    return f"{is_affected.sum():,} of {len(is_affected):,} rows"


def _first(raw: RawTable, indices: NDArray[np.intp], is_affected: NDArray[np.bool_]) -> str:
    return raw.location(int(indices[is_affected.argmax()]))


def _advice_on_word(word: str, drop: str, missing: Missing) -> str:
    """Return what to do about a word among numbers.

    Args:
        word: The word.
        drop: The setting that leaves the column out.
        missing: Treatment of missing values.
    """
    if word.startswith("=") or not word.isprintable() or len(word) > MAX_WORD:
        return f"correct it, or leave the column out: {drop}"
    setting = f"missing={quote(word)}"
    if missing == "refuse":
        setting += ",missing=mean (or missing=drop)"
    return f"correct it, or, if it stands for a missing value: {setting}; or {drop}"


def _advice_on_comma(word: str) -> str | None:
    """Return what to do about a number with a decimal comma; None if it is not one."""
    decimal = word.replace(",", ".", 1)
    if word.count(",") != 1 or read_number(decimal) is None:
        return None
    if len(word.partition(",")[2]) == 3:
        return f"write {word.replace(',', '')} or {decimal}, whichever is meant"
    return f"write {decimal}"
