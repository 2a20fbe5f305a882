"""Find columns that number the rows of a table, name them, or identify them.

A network that is trained on such a column recalls rows, or the order of the file, which a sorted
file shares with its classes. Accuracy on test rows of the same file is then too high.
"""

import math
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.tables.reading import RawTable

MIN_ROWS = 20
"""Fewest rows of which different whole numbers, or words, are evidence of an identifier."""

MANY_ROWS = 100
"""Rows from which on different whole numbers of any size are evidence of an identifier."""

MAX_REPEATED = 0.05
"""Largest share of rows of an identifier whose value an earlier row has."""

MAX_STEP_ERROR = 0.1
"""Largest distance, in steps, of equally spaced fractions from their places: a file rounds them."""

MAX_ROWS_PER_NUMBER = 3
"""Largest mean number of rows of a number that are evidence of numbered pairs or groups."""

MAX_CHANCE = 1e-3
"""Largest chance of so few repeated values, if rows took their values at random, that is evidence
of an identifier."""

N_SCREENED = 1000
"""Rows that are checked first."""

UNNAMED = re.compile(r"(?:Unnamed: ?[\d.]+|\.\.\.\d+)?")
"""Heads of a column without a name, as pandas and readr call it."""


def numbers_rows(raw: RawTable, name: str, indices: NDArray[np.intp] | None = None) -> bool:
    """Return whether a column has equally spaced whole numbers, each once, in any order.

    They are 1, 2, 3, ..., or every other number after half of the rows went to another file.

    Args:
        raw: The table.
        name: Name of the column.
        indices: (n,) rows that are checked; None for all.
    """
    values = _whole_numbers(raw, name, indices)
    n_rows = raw.n_rows if indices is None else len(indices)
    if values is None or len(values) < n_rows or n_rows < MIN_ROWS:
        return False
    if (int(values.max()) - int(values.min())) % (n_rows - 1):
        return False
    steps = np.diff(np.sort(values))
    return bool(steps[0] > 0 and (steps == steps[0]).all())


def names_rows(raw: RawTable, name: str) -> bool:
    """Return whether a column has another word, or another whole number, in every row."""
    values = _values(raw, name, None)
    return values is not None and len(values) == raw.n_rows and _n_repeated(values) == 0


def unnamed_columns(raw: RawTable) -> list[str]:
    """Return the columns without a name that are left out.

    They have no values, or they stand in front and number or name the rows, as R's `write.csv` and
    pandas' `to_csv` write them; pandas reads such a column as `Unnamed: 0`.
    """
    names, is_in_front = [], True
    for name, position in raw.positions.items():
        head = raw.heads[position]
        is_in_front &= UNNAMED.fullmatch(head) is not None and names_rows(raw, name)
        if is_in_front or (not head and raw.column(name).is_missing.all()):
            names.append(name)
    return names


def identifies_rows(raw: RawTable, name: str, indices: NDArray[np.intp]) -> bool:
    """Return whether a column has so few repeated values that they seem to identify rows.

    Of words, at most 5 % of the rows repeat one. Of whole numbers, so few are repeated that rows
    which take their values at random from the range would have them in 1 of 1,000 tables; or none
    is, among at least 100 rows. Fractions are equally spaced, as times are.

    Args:
        raw: The table.
        name: Name of the column.
        indices: (n,) rows that are checked.
    """
    values = _values(raw, name, indices)
    if values is None:
        return has_equal_steps(raw, name, indices)
    if len(values) < MIN_ROWS:
        return False
    if _n_repeated(values[:N_SCREENED]) > 2 * MAX_REPEATED * min(len(values), N_SCREENED):
        return False
    n_rows, n_repeated = len(values), _n_repeated(values)
    if n_repeated > MAX_REPEATED * n_rows:
        return False
    if raw.column(name).codes is not None or (n_repeated == 0 and n_rows >= MANY_ROWS):
        return True
    n_values = int(values.max()) - int(values.min()) + 1
    return _chance_of_at_most(n_repeated, n_rows * (n_rows - 1) / (2 * n_values)) < MAX_CHANCE


def has_equal_steps(raw: RawTable, name: str, indices: NDArray[np.intp]) -> bool:
    """Return whether a column of numbers has equally spaced values, each once, in any order.

    Args:
        raw: The table.
        name: Name of the column.
        indices: (n,) rows that are looked at.
    """
    numbers = raw.column(name).numbers
    if numbers is None or len(indices) < MIN_ROWS or not np.isfinite(numbers[indices]).all():
        return False
    values = np.sort(numbers[indices])
    spaced, step = np.linspace(values[0], values[-1], len(values), retstep=True)
    return step > 0 and bool((np.abs(values - spaced) <= MAX_STEP_ERROR * step).all())


def follows_rows(raw: RawTable, name: str, indices: NDArray[np.intp]) -> bool:
    """Return whether numbers are sorted in the order of the rows, as times and row numbers are.

    Each is in one row; or few rows have each, and they are equally spaced (0, 0, 1, 1, ...). Fewer
    than 100 rows may be sorted by a measurement.

    Args:
        raw: The table.
        name: Name of the column.
        indices: (n,) rows that are looked at.
    """
    numbers = raw.column(name).numbers
    if numbers is None:
        return False
    values = numbers[indices]
    values = values[~np.isnan(values)]
    steps = np.diff(values)
    if len(values) < MANY_ROWS or not ((steps >= 0).all() or (steps <= 0).all()):
        return False
    steps = np.abs(steps[steps != 0])
    is_equally_spaced = len(steps) > 0 and np.ptp(steps) <= MAX_STEP_ERROR * steps.min()
    n_allowed = MAX_ROWS_PER_NUMBER if is_equally_spaced else 1
    return len(values) <= n_allowed * (len(steps) + 1)


def _chance_of_at_most(n: int, mean: float) -> float:
    """Return the probability that a Poisson variable is at most `n`."""
    return sum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(n + 1))


def _values(raw: RawTable, name: str, indices: NDArray[np.intp] | None) -> Any:
    """Return the words of a column as codes, or its whole numbers; None for fractions."""
    codes = raw.column(name).codes
    if codes is None:
        return _whole_numbers(raw, name, indices)
    codes = codes if indices is None else codes[indices]
    return codes[codes >= 0]


def _whole_numbers(raw: RawTable, name: str, indices: NDArray[np.intp] | None) -> Any:
    """Return the numbers of a column that are not missing; None if one has a fraction.

    Integers keep all of their digits, which floating-point numbers do not.
    """
    column = raw.column(name)
    if column.numbers is None:
        return None
    values = raw.frame.iloc[:, raw.positions[name]]
    is_integer = isinstance(values.dtype, np.dtype) and values.dtype.kind in "iu"
    numbers = values.to_numpy() if is_integer else column.numbers
    is_present = ~column.is_missing
    if indices is not None:
        numbers, is_present = numbers[indices], is_present[indices]
    numbers = numbers[is_present]
    is_whole = is_integer or bool((np.floor(numbers) == numbers).all())
    return numbers if is_whole and np.isfinite(numbers).all() else None


def _n_repeated(values: NDArray[np.generic]) -> int:
    return len(values) - len(np.unique(values))
