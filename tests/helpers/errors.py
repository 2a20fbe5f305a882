"""Errors as data: the setting and the value, and one key word of what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from blobtransfer.errors import SettingError


@contextmanager
def raises_setting(
    setting: str, value: object = None, key: str = ""
) -> Iterator[pytest.ExceptionInfo[SettingError]]:
    """Require that the block raises a `SettingError` whose message is one line.

    Args:
        setting: The setting that the error names.
        value: The value that the error names; None for any.
        key: A word or a number that the problem contains.

    Yields:
        The error.

    Raises:
        AssertionError: The error is about something else.
    """
    with pytest.raises(SettingError) as caught:
        yield caught
    error = caught.value
    assert error.setting == setting
    assert value is None or error.value == str(value)
    assert key in error.problem
    assert error.problem and "\n" not in str(error)
