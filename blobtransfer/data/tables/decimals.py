"""Numbers with decimal commas or with marks between thousands, such as 5,1 and 1.234,5.

A column of text is converted if most of its values are numbers in one notation. A number such as
1,234 may be in either notation: the other columns of the table decide, or the column is not read.
"""

import math
import re
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from blobtransfer.data.tables.columns import unread

if TYPE_CHECKING:
    from pandas import DataFrame, Series

Mark = Literal[",", "."]
"""A decimal mark; the other one may stand between thousands."""

EXPONENT = r"(?:[eE][+-]?\d+)?"

THOUSANDS = " '\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{RIGHT SINGLE QUOTATION MARK}"
"""What may stand between thousands, besides the mark that is not decimal."""


def _notation(decimal: str, other: str) -> re.Pattern[str]:
    groups = rf"[1-9]\d{{0,2}}(?:(?:{other}\d{{3}})+|(?:[{THOUSANDS}]\d{{3}})+)(?:{decimal}\d*)?"
    number = rf"\d+{decimal}?\d*|{decimal}\d+|{groups}"
    return re.compile(rf"[+-]?(?:{number}){EXPONENT}", re.ASCII)


NOTATIONS: dict[Mark, re.Pattern[str]] = {",": _notation(",", r"\."), ".": _notation(r"\.", ",")}
"""A number with each decimal mark."""

MARKED = re.compile(rf"[+-]?[\d.,{THOUSANDS}]*\d[\d.,{THOUSANDS}]*{EXPONENT}", re.ASCII)
"""What may be a number in some notation."""

SAMPLE_VALUES = 1000
"""First values of a column of text that show whether it may have numbers."""

MINUS_SIGN = "\N{MINUS SIGN}"


def is_number(text: str) -> bool:
    """Return whether a text is a number in either notation."""
    return bool(_marks_of(text.strip()))


def has_decimal_comma(texts: Iterable[str]) -> bool:
    """Return whether one of the texts is a number with a comma that can only be decimal."""
    return any("," in text and _marks_of(text.strip()) == {","} for text in texts)


def convert_numbers(
    frame: "DataFrame", columns: Iterable[int], decimal: Mark, missing: Collection[str]
) -> None:
    """Convert columns of text whose values are numbers in another notation than `float` reads.

    Args:
        frame: The table, which is changed.
        columns: Columns that may be converted.
        decimal: Decimal mark with which pandas read the numbers of the table.
        missing: Texts that stand for a missing value.
    """
    from pandas import factorize

    texts_of, codes_of = {}, {}
    for i in columns:
        if _may_have_numbers(frame[i]):
            codes_of[i], distinct = factorize(frame[i])
            texts = [str(value).strip() for value in distinct.tolist()]
            texts_of[i] = [text.replace(MINUS_SIGN, "-") for text in texts]
    marks_of = {i: _marks_of_column(texts, missing) for i, texts in texts_of.items()}
    sure = {mark for marks in marks_of.values() if len(marks) == 1 for mark in marks}
    if any(len(marks) == 2 for marks in marks_of.values()) and _has_fractions(frame):
        sure.add(decimal)
    for i, marks in marks_of.items():
        texts = texts_of[i]
        either = [text for text in texts if len(_marks_of(text)) == 2 and set(text) & {",", "."}]
        if len(marks) == 2 and any("," in text for text in either):
            marks = sure if len(sure) == 1 else marks
        elif len(marks) == 2 and (decimal == "." or not either):
            marks = {"."}
        if len(marks) == 2:
            readings = " or ".join(_plain(either[0], mark) for mark in sorted(marks))
            kind = f"numbers such as {either[0]}, which may mean {readings} (write one of these)"
            frame[i] = unread(kind, len(frame))
        elif marks:
            (mark,) = marks
            _replace(frame, i, codes_of[i], [_plain(text, mark) for text in texts], missing)


def _replace(
    frame: "DataFrame", column: int, codes: Any, texts: list[str], missing: Collection[str]
) -> None:
    """Replace a column by the texts of its codes, or by their numbers if all are numbers."""
    if all(text in missing or _marks_of(text) for text in texts):
        numbers = [math.nan if text in missing else float(text) for text in texts]
        frame[column] = np.array([*numbers, math.nan])[codes]
    else:
        frame[column] = np.array([*texts, math.nan], object)[codes]


def _may_have_numbers(values: "Series[Any]") -> bool:
    """Return whether a column is text, of which half of the first values may be numbers."""
    from pandas.api.types import is_string_dtype

    if not is_string_dtype(values.dtype):
        return False
    texts = values.iloc[:SAMPLE_VALUES].dropna()
    texts = texts if len(texts) else values.dropna().iloc[:SAMPLE_VALUES]
    candidates = (str(text).strip().replace(MINUS_SIGN, "-") for text in texts)
    return 2 * sum(MARKED.fullmatch(text) is not None for text in candidates) > len(texts)


def _marks_of(text: str) -> set[Mark]:
    """Return the decimal marks with which a text is a number."""
    return {mark for mark, notation in NOTATIONS.items() if notation.fullmatch(text)}


def _marks_of_column(texts: Iterable[str], missing: Collection[str]) -> set[Mark]:
    """Return the decimal marks with which most texts are numbers; empty if most are words."""
    marks = [_marks_of(text) for text in texts if text not in missing]
    counts = {mark: sum(mark in values for values in marks) for mark in NOTATIONS}
    most = max(counts.values())
    return {mark for mark, n in counts.items() if n == most} if 2 * most > len(marks) else set()


def _plain(text: str, mark: Mark) -> str:
    """Return a number as `float` reads it; another text as it is."""
    if not NOTATIONS[mark].fullmatch(text):
        return text
    for separator in (*THOUSANDS, "." if mark == "," else ","):
        text = text.replace(separator, "")
    return text.replace(mark, ".")


def _has_fractions(frame: "DataFrame") -> bool:
    """Return whether a column of numbers has one that is not whole."""
    numbers = frame.select_dtypes("float")
    return any((numbers[i] % 1 > 0).any() for i in numbers.columns)
