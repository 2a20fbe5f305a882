"""The number of random trials and cases of a test; `nox -s exhaustive` makes many more."""

from collections.abc import Iterable
from typing import TypeVar

Case = TypeVar("Case")

times = 1
"""Value of the option `--times`; `conftest.pytest_configure` sets it before tests are imported."""


def trials(n: int) -> int:
    """Return the number of random trials of a test that makes `n` by default."""
    return n * times


def third_of(cases: Iterable[Case]) -> list[Case]:
    """Return every third case of a costly test; `nox -s exhaustive` makes all of them."""
    return list(cases)[:: 3 if times == 1 else 1]
