"""Values of keywords: those of NumPy and pandas as Python's own, and checks of their types."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import check_type, join, plain_value


def several(values: Any) -> Sequence[Any]:
    """Return one value or several as a sequence of Python's own; a text is one value."""
    values = plain_value(values)
    is_one = isinstance(values, str | bytes) or not isinstance(values, Iterable)
    return [values] if is_one else [*values]


def check_keyword(name: str, value: Any, hint: Any) -> None:
    """Check that a switch is True or False, a choice is text, and a path is a path.

    Other values are checked where they are used.

    Args:
        name: Name of the keyword.
        value: Its value, not None.
        hint: Its annotation.

    Raises:
        SettingError: The value has another type.
    """
    is_union = get_origin(hint) in (Union, UnionType)
    kinds = [kind for kind in (get_args(hint) if is_union else [hint]) if kind is not type(None)]
    setting = name.replace("_", "-")
    if kinds == [bool]:
        check_type(setting, value, bool, "True or False")
    elif all(kind is str or get_origin(kind) is Literal for kind in kinds):
        words = [word for kind in kinds for word in get_args(kind)]
        check_type(setting, value, str, f"one of {join(words)}" if words else "text")
    elif os.PathLike[str] in kinds and len(kinds) == 2:
        checked_path(setting, value)


def checked_path(setting: str, path: Any) -> Path:
    """Return a path.

    Raises:
        SettingError: It is something else, or has a null character.
    """
    check_type(setting, path, str | os.PathLike, "a path")
    if "\0" in os.fspath(path):
        raise SettingError(setting, os.fspath(path), "it contains a null character; remove it")
    return Path(path)


def plain_keywords(options: Mapping[str, Any], hints: Mapping[str, Any]) -> dict[str, Any]:
    """Return keywords with plain values, without those that are None, which is their default.

    Args:
        options: The keywords.
        hints: Annotations by name; others are not checked.

    Raises:
        SettingError: A value has a wrong type.
    """
    values = {name: plain_value(value) for name, value in options.items() if value is not None}
    for name, value in values.items():
        check_keyword(name, value, hints.get(name))
    return values
