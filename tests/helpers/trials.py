"""The number of random trials of a test; `nox -s exhaustive` makes ten times as many."""

times = 1
"""Value of the option `--times`; `conftest.pytest_configure` sets it before tests are imported."""


def trials(n: int) -> int:
    """Return the number of random trials of a test that makes `n` by default."""
    return n * times
