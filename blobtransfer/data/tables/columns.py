"""Columns of a table as numbers or as words.

`column_of` turns a column of a `DataFrame`, whatever file it comes from, into numbers or words. One
value has one spelling: 1, 1.0 and 1e0 are the word `1`; TRUE, True and true are the word `True`;
an accented letter is one character (NFC).
"""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from blobtransfer.specs.checks import MAX_DIGITS, escape_control_characters

if TYPE_CHECKING:
    from pandas import Series

BOOLEANS = {"true": "True", "false": "False"}
"""The spelling of a Boolean, by its text in lower case."""

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)

LEADING_ZERO = re.compile(r"[+-]?0\d")
"""Start of digits that are an identifier, such as 007."""

KINDS = {
    **dict.fromkeys(("Timestamp", "datetime", "date", "time", "Timedelta", "timedelta"), "dates"),
    **dict.fromkeys(("list", "tuple", "ndarray", "set"), "lists"),
    "bytes": "bytes",
    "dict": "records",
    "complex": "complex numbers",
}
"""Words for values, by the name of their type."""


@dataclass(frozen=True, eq=False)
class RawColumn:
    """One column: numbers, NaN if missing; or codes of words, -1 if missing.

    Args:
        numbers: (n_rows,) float64; None for words.
        codes: (n_rows,) int32; None for numbers.
        words: The word of each code, in the order of the first rows that have it.
        stray_word: Row and text of the first word among mostly numbers; None without one.
        kind: What values are that are neither numbers nor text, such as dates: they can be names
            but not features; None for numbers and text.
        missing_words: Texts of the column that stand for a missing value, unless the reader
            has replaced them.
        spellings: Texts of one number, for each word that the column spells in several ways.
    """

    numbers: NDArray[np.float64] | None = None
    codes: NDArray[np.int32] | None = None
    words: tuple[str, ...] = ()
    stray_word: tuple[int, str] | None = None
    kind: str | None = None
    missing_words: tuple[str, ...] = ()
    spellings: tuple[tuple[str, ...], ...] = ()

    @property
    def word_codes(self) -> NDArray[np.int32]:
        """The codes of a column of words, (n_rows,)."""
        assert self.codes is not None
        return self.codes

    @property
    def is_missing(self) -> NDArray[np.bool_]:
        """Whether the value of each row is missing, (n_rows,)."""
        return self.word_codes < 0 if self.numbers is None else np.isnan(self.numbers)


@dataclass(frozen=True)
class Unread:
    """Stands for each value of a column that is not read, such as a column of lists.

    Args:
        kind: What the column holds, as in "column x holds list<item: int64>".
    """

    kind: str


def unread(kind: str, n_rows: int) -> "Series[Any]":
    """Return a column whose values are not read.

    Args:
        kind: What the column holds.
        n_rows: Number of rows.
    """
    from pandas import Categorical, Series

    return Series(Categorical.from_codes(np.zeros(n_rows, np.int8), [Unread(kind)]))


def unread_kind(values: "Series[Any]") -> str | None:
    """Return what a column holds whose values are not read; None for other columns."""
    values = values.iloc[:1]
    first = values.iloc[0] if len(values) and values.dtype == "category" else None
    return first.kind if isinstance(first, Unread) else None


def column_of(values: "Series[Any]", as_words: bool, missing: Collection[str]) -> RawColumn:
    """Return a column of a `DataFrame` as numbers or as words.

    Text is numbers where all values are; Booleans are the numbers 0 and 1.

    Args:
        values: (n_rows,) of any type.
        as_words: Whether all values are words, such as the names of classes.
        missing: Texts that stand for a missing value.
    """
    from pandas import factorize
    from pandas.api import types

    is_number = types.is_bool_dtype(values.dtype) or types.is_numeric_dtype(values.dtype)
    if is_number and not as_words and values.dtype.kind != "c":
        numbers = values.to_numpy(np.float64, na_value=math.nan)
        missing_numbers = [float(text) for text in missing if NUMBER.fullmatch(text)]
        return RawColumn(np.where(np.isin(numbers, missing_numbers), math.nan, numbers))
    try:
        codes, distinct = factorize(values)
    except (TypeError, NotImplementedError):  # lists and the like cannot be compared
        is_missing = values.isna().to_numpy()
        kind = type(values[~values.isna()].iloc[0]).__name__
        codes = np.where(is_missing, np.int32(-1), np.int32(0))
        return RawColumn(codes=codes, words=("",), kind=KINDS.get(kind, kind))
    objects = distinct.tolist()
    kinds = [_kind(value) for value in objects if not _is_plain(value)]
    texts = [normalize("NFC", text_of(value)).strip() for value in objects]
    code_of, words = _merge(texts, missing)
    word_codes = np.append(code_of, np.int32(-1))[codes]
    column = RawColumn(
        codes=word_codes,
        words=words,
        kind=KINDS.get(kinds[0], kinds[0]) if kinds else None,
        missing_words=tuple(text for text in texts if text in missing and text),
        spellings=_spellings(texts, code_of, words),
    )
    if as_words or kinds:
        return column
    are_numbers = [NUMBER.fullmatch(word) is not None for word in words]
    if all(are_numbers):
        return RawColumn(_numbers(word_codes, [float(word) for word in words]))
    if set(words) <= set(BOOLEANS.values()):
        return RawColumn(_numbers(word_codes, [float(word == "True") for word in words]))
    is_word = np.append(~np.array(are_numbers), False)[word_codes]
    if 2 * is_word.sum() < (word_codes >= 0).sum():
        row = int(is_word.argmax())
        return replace(column, stray_word=(row, words[word_codes[row]]))
    return column


def describe_missing(column: RawColumn) -> str:
    """Return which words of a column are read as missing."""
    words = [escape_control_characters(word) for word in column.missing_words]
    return f"{' or '.join(words) or 'empty or NA'}, which is read as missing"


def find_word(text: str, words: Sequence[str]) -> str | None:
    """Return the word that a text spells, such as `1` for 1.0; None if none of them matches.

    Args:
        text: A value as a user or a file spells it.
        words: Words of a column.
    """
    codes, _ = _merge([*words, normalize("NFC", text).strip()], ())
    return words[codes[-1]] if -1 < codes[-1] < len(words) else None


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | bool | int | float | Decimal)


def _kind(value: Any) -> str:
    return value.kind if isinstance(value, Unread) else type(value).__name__


def text_of(value: Any) -> str:
    """Return a value as text; a whole number has no decimal point, whatever its type."""
    is_float = isinstance(value, float) and math.isfinite(value)
    return str(int(value)) if is_float and value == int(value) else str(value)


def _merge(
    texts: Sequence[str], missing: Collection[str]
) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Return the code of each text, -1 if it stands for a missing value, and the words.

    Texts that spell one value have one code.
    """
    values = [text for text in texts if text not in missing and text]
    if all(map(NUMBER.fullmatch, values)) and not any(map(LEADING_ZERO.match, values)):
        spelling = {text: _number_word(text) for text in values}
    elif all(text.lower() in BOOLEANS for text in values):
        spelling = {text: BOOLEANS[text.lower()] for text in values}
    else:
        spelling = {text: text for text in values}
    code_of_word: dict[str, int] = {}
    codes = [
        -1 if (word := spelling.get(text)) is None
        else code_of_word.setdefault(word, len(code_of_word))
        for text in texts
    ]  # fmt: skip
    return np.array(codes, np.int32), tuple(code_of_word)


def _spellings(
    texts: Sequence[str], codes: NDArray[np.int32], words: Sequence[str]
) -> tuple[tuple[str, ...], ...]:
    """Return the different texts of each number that has several.

    Args:
        texts: Values of a column.
        codes: (n_texts,) code of each text, -1 if it is missing.
        words: The word of each code.
    """
    texts_of: dict[int, dict[str, None]] = {}
    for text, code in zip(texts, codes.tolist(), strict=True):
        if code >= 0 and NUMBER.fullmatch(words[code]):
            texts_of.setdefault(code, {})[text] = None
    return tuple(tuple(spellings) for spellings in texts_of.values() if len(spellings) > 1)


def _number_word(text: str) -> str:
    """Return a number as a word; a whole number has no decimal point and all of its digits."""
    number = Decimal(text)
    if abs(number.adjusted()) > MAX_DIGITS:
        return text
    return str(int(number)) if number == number.to_integral_value() else repr(float(text))


def _numbers(codes: NDArray[np.int32], numbers: Sequence[float]) -> NDArray[np.float64]:
    """Return the number of each code, NaN for code -1."""
    return np.append(np.array(numbers, np.float64), math.nan)[codes]
