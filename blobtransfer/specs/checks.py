"""Check, parse and format values of specs: counts, seeds, numbers, names."""

import math
import re
import sys
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from blobtransfer.errors import SettingError

MAX_SEED = 2**32 - 1
"""Largest seed that scikit-learn accepts."""

MAX_COUNT = 100_000_000
"""Largest accepted count of anything."""

MAX_DIGITS = 400
"""Most digits of a number that is parsed; Python itself parses up to 4300 digits."""


_DIGITS = r"(?:[1-9]\d{0,2}(?:,\d{3})+|\d+(?:_\d+)*)"
"""Digits as people write them: `1000`, `1,000` or `1_000`."""

_EXPONENT = r"(?:e[+-]?\d{1,4})?"

_NUMBER = re.compile(rf"[+-]?(?:{_DIGITS}(?:\.\d*)?|\.\d+){_EXPONENT}", re.ASCII | re.IGNORECASE)

_PERCENT = re.compile(r" *(?:%|pts?|points?|percent)$", re.IGNORECASE)
"""Unit of a share that is given in points, such as `5%`, `5 %` or `1pt`."""

_DECIMAL_COMMA = re.compile(rf"[+-]?(?:\d*|\d{{1,3}}(?:\.\d{{3}})+),\d+{_EXPONENT}", re.ASCII)
"""A number with a decimal comma, such as `0,01` or `1.234,5`."""


def read_number(text: str, kind: type[int] | type[float] = float) -> Any:
    """Read a number of a file, in plain digits; None if it is not a number or not finite."""
    pattern = r"[+-]?\d+" if kind is int else r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?"
    if len(text) > MAX_DIGITS or not re.fullmatch(pattern, text, re.ASCII | re.IGNORECASE):
        return None
    number = kind(text)
    return number if kind is int or math.isfinite(number) else None


def plain_value(value: Any) -> Any:
    """Return a value with Python's own numbers and lists.

    Numbers of NumPy become those of Python; arrays, columns of pandas and ranges become lists.
    Other values are returned as they are.
    """
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, range):
        return [*value]
    return type(value)(map(plain_value, value)) if type(value) in (list, tuple) else value


def parse_number(
    setting: str, text: str, kind: type[int] | type[float] = float, *, is_share: bool = False
) -> Any:
    """Parse a number as people type it: `1000`, `1,000`, `1_000`, `1e3`, `+5`.

    Args:
        setting: Name of the option, for the error.
        text: The number.
        kind: Type of the number.
        is_share: Whether the number is a share, which may be in points: `5%`, `5 %` or `1pt`.

    Raises:
        SettingError: The text is not a finite number, or not a whole one.
    """
    digits = text.strip(" ")
    unit = _PERCENT.search(digits)
    if unit is not None and is_share:
        digits = digits[: unit.start()]
    problem = f"use a {'whole ' if kind is int else ''}number"
    if is_share:
        problem = "use a share such as 0.05, or 5%"
    if _DECIMAL_COMMA.fullmatch(digits) and not _NUMBER.fullmatch(digits):
        problem = "use one whole number"
        if kind is float:
            point = digits.replace(".", "").replace(",", ".")
            problem = f"use a decimal point: {point}{unit[0] if unit and is_share else ''}"
        raise SettingError(setting, text, problem)
    if unit is not None and not is_share:
        problem += f" without {unit[0].strip()}"
    if digits.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        problem = "use a finite number"
    if len(digits) > MAX_DIGITS or not _NUMBER.fullmatch(digits):
        raise SettingError(setting, text, problem)
    bare = digits.replace(",", "").replace("_", "")
    if not math.isfinite(float(bare)):
        raise SettingError(setting, text, "use a finite number")
    if kind is float:
        return float(Decimal(bare).scaleb(-2)) if unit is not None else float(bare)
    has_fraction = "." in bare and "e" not in bare.lower()
    number = Decimal(bare)
    if has_fraction or number != number.to_integral_value():
        raise SettingError(setting, text, problem)
    return int(number)


def is_split_number(words: Sequence[str]) -> bool:
    """Return whether words between commas look like parts of one number: `1,000`, or `0,01`."""
    return any(
        re.fullmatch(r"0\d+", word) and re.fullmatch(r"[+-]?(0|[1-9]\d*)", before)
        for before, word in pairwise(words)
    )


def split_numbers(setting: str, text: str, values: str) -> list[str]:
    """Split values at their commas.

    Args:
        setting: Name of the option, for the error.
        text: Its text.
        values: The values.

    Raises:
        SettingError: A comma seems to be part of a number.
    """
    words = values.split(",")
    if is_split_number(words):
        problem = "commas separate values; write 1000 and 0.01 without a comma"
        raise SettingError(setting, text, problem)
    return words


def check_whole(setting: str, value: object) -> None:
    """Raise `SettingError` unless `value` is an `int`."""
    if not isinstance(value, int) or isinstance(value, bool):
        kind = ", not text" if isinstance(value, str) else ""
        raise SettingError(setting, value, f"use a whole number{kind}")


def check_number(setting: str, value: object) -> None:
    """Raise `SettingError` unless `value` is an `int` or a `float`."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        kind = ", not text" if isinstance(value, str) else ""
        raise SettingError(setting, value, f"use a number{kind}")
    if isinstance(value, int) and abs(value) > sys.float_info.max:
        raise SettingError(setting, value, "use a smaller number")


def check_type(setting: str, value: object, kind: Any, advice: str) -> None:
    """Raise `SettingError` unless a value has a type.

    Args:
        setting: Name of the option.
        value: Its value.
        kind: A type, or several.
        advice: What to use, such as `True or False`.
    """
    if not isinstance(value, kind):
        raise SettingError(setting, escape_control_characters(str(value))[:60], f"use {advice}")


def as_tuple(setting: str, values: object) -> tuple[Any, ...]:
    """Return a list or a tuple as a tuple.

    Raises:
        SettingError: It is something else.
    """
    check_type(setting, values, list | tuple, "a list or a tuple")
    return tuple(values)  # type: ignore[arg-type]


def check_seed(setting: str, seed: int) -> None:
    """Raise `SettingError` unless `seed` is a whole number in 0..2**32 - 1."""
    check_whole(setting, seed)
    if not 0 <= seed <= MAX_SEED:
        raise SettingError(setting, seed, f"use a whole number from 0 to {MAX_SEED}")


def escape_control_characters(text: str) -> str:
    """Escape characters that a terminal interprets or cannot show: line ends, colours, ..."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def join(values: Sequence[object]) -> str:
    """Format values as the user types them: separated by spaces."""
    return " ".join(map(str, values))


def check_count(setting: str, value: int, least: int = 1, most: int = MAX_COUNT) -> None:
    """Raise `SettingError` unless a value is a whole number in least..most.

    Args:
        setting: Name of the option.
        value: Its value.
        least: Smallest value that is accepted.
        most: Largest value that is accepted.
    """
    check_whole(setting, value)
    if value < least:
        raise SettingError(setting, value, f"use {least} or more")
    if value > most:
        raise SettingError(setting, value, f"use {most:,} or less")


def check_positive(setting: str, value: float) -> None:
    """Raise `SettingError` unless `value` is a finite number above 0."""
    check_number(setting, value)
    if not (math.isfinite(value) and value > 0.0):
        raise SettingError(setting, value, "use a finite number above 0")
