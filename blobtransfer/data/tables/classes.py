"""Names of the classes of a table: those of its label column, or some of them."""

from collections.abc import Sequence

import numpy as np

from blobtransfer.data.tables.columns import describe_missing, find_word
from blobtransfer.data.tables.features import check_word
from blobtransfer.data.tables.reading import RawTable
from blobtransfer.data.tables.rows import select_rows
from blobtransfer.did_you_mean import suggest
from blobtransfer.errors import TableFileError
from blobtransfer.specs.checks import escape_control_characters, read_number

MAX_CLASSES = 100

MAX_FRACTIONS = 20
"""Largest number of classes whose names are numbers with fractions."""


def class_names_of(
    raw: RawTable, label: str, where: tuple[str, str] | None, classes: str | None
) -> tuple[str, ...]:
    """Return the names of the classes that are used, in order.

    Args:
        raw: The table.
        label: Column of the classes.
        where: A column and the value that rows must have in it; None for all rows.
        classes: The requested classes, as in `TableRequest`.

    Raises:
        TableFileError: There are too many classes or fewer than two, or one is not requested
            properly.
    """
    column = raw.column(label)
    indices = select_rows(raw, label, where, None, "refuse", [])
    used = np.unique(column.word_codes[indices])
    names = sorted((column.words[code] for code in used if code >= 0), key=_sort_key)
    if classes is not None:
        names = subset_of(classes, names, raw.name)
    are_numbers = all(read_number(name) is not None for name in names)
    have_fractions = any(read_number(name, int) is None for name in names)
    if len(names) > (MAX_FRACTIONS if are_numbers and have_fractions else MAX_CLASSES):
        advice = f"at most {MAX_CLASSES} classes are supported"
        if are_numbers:
            advice = "is this regression? use a column of classes"
        values = f"{len(names):,} different values in {len(indices):,} rows"
        raise raw.error(f"label={label}: {values}; {advice}")
    if len(names) < 2:
        problem = f"one class, {escape_control_characters(names[0])}" if names else "no class"
        for texts in column.spellings[:1]:
            problem += f"; {' and '.join(texts[:5])} are one number: write a letter before them"
        n_missing = int(column.is_missing[indices].sum())
        if n_missing:
            rows = f"{n_missing:,} of {len(indices):,} rows"
            problem += f"; {rows} are {describe_missing(column)}"
        raise raw.error(f"label={label}: {problem}; use two or more classes")
    for name in names:
        check_word(raw, label, name)
    return tuple(names)


def subset_of(classes: str, names: Sequence[str], table: str) -> list[str]:
    """Read `classes=`: names joined by `+`, or a range of whole numbers such as 0-4.

    Args:
        classes: The value.
        names: Names of all classes.
        table: Name of the table.

    Raises:
        TableFileError: It names one class, one that does not exist, or one twice.
    """
    text = f"classes={escape_control_characters(classes)}"
    if find_word(classes, names) is not None:
        raise TableFileError(table, f"{text}: one class; name two or more, joined by +")
    ends = [read_number(end, int) for end in classes.split("-")]
    if len(ends) == 2 and None not in ends:
        if ends[1] - ends[0] > 10 * MAX_CLASSES or ends[1] <= ends[0]:
            raise TableFileError(table, f"{text}: use a range such as 0-4")
        subset = [str(k) for k in range(ends[0], ends[1] + 1)]
    else:
        subset = [find_word(name, names) or name for name in classes.split("+")]
    for name in subset:
        if name not in names:
            shown = escape_control_characters(name) or "''"
            problem = f"class {shown} does not exist"
            first_names = ", ".join(map(escape_control_characters, names[:10]))
            advice = suggest(name, names) or f"there are {first_names}"
            raise TableFileError(table, f"{text}: {problem}; {advice}")
        if subset.count(name) > 1:
            raise TableFileError(
                table, f"{text}: {escape_control_characters(name)} is repeated; use it once"
            )
    return sorted(subset, key=_sort_key)


def _sort_key(name: str) -> tuple[int, float, str]:
    """Return the sort key of a class name: numbers by size, before words."""
    number = read_number(name)
    return (1, 0.0, name) if number is None else (0, float(number), name)
