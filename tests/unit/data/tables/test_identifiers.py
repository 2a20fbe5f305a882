"""Columns that number rows or identify them, and measurements, which do neither."""

import numpy as np
import pandas as pd
import pytest
from helpers.tables import table_of_frame

from blobtransfer.data.tables.identifiers import (
    follows_rows,
    identifies_rows,
    names_rows,
    numbers_rows,
)
from blobtransfer.data.tables.reading import ReadOptions, read_builtin

RNG = np.random.default_rng(3)
N = 200
ALL = np.arange(N)


def table(values):
    return table_of_frame(pd.DataFrame({"x": values}), ReadOptions())


@pytest.mark.parametrize(
    "values",
    [
        np.arange(N),
        np.arange(1, N + 1)[::-1],
        RNG.permutation(N) + 5,
        np.arange(N) * 2,
        np.arange(N) + 0.0,
        np.arange(N) + 2**62,  # as floating-point numbers most of them are equal
        [str(i) for i in range(N)],
        [f"{i}.0" for i in range(N)],
        pd.array(range(N), dtype="Int64"),
    ],
)
def test_equally_spaced_whole_numbers_number_the_rows_in_any_order_and_type(values):
    assert numbers_rows(table(values), "x")


@pytest.mark.parametrize(
    "values",
    [
        np.arange(N) / 2,
        np.arange(N) ** 2,
        np.arange(N) // 2,
        [None, *map(float, range(1, N))],
        [f"p{i}" for i in range(N)],
        RNG.normal(size=N),
        np.full(N, np.inf),
        np.full(N, 7),
    ],
)
def test_other_columns_do_not_number_the_rows(values):
    assert not numbers_rows(table(values), "x")


def test_rows_are_numbered_among_those_that_are_used_too():
    numbers = table([*range(50), *range(50)])
    assert not numbers_rows(numbers, "x")
    assert numbers_rows(numbers, "x", np.arange(50, 100))
    few = table(range(19))
    assert not numbers_rows(few, "x")  # 1 to 19 may be measured


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (RNG.choice(300, N, replace=False), True),
        (np.sort(RNG.choice(300, N, replace=False)) * 1.0, True),
        (RNG.choice(10**9, N, replace=False), True),
        (2**62 + RNG.choice(10**9, N, replace=False), True),
        ([*RNG.choice(300, N - 4, replace=False), 1, 2, 3, 4], True),  # 4 patients came twice
        ([f"{i:x}" for i in RNG.choice(10**9, N, replace=False)], True),
        ([*map(str, range(N - 20)), *"abcdefghij" * 2], True),
        (RNG.integers(0, 300, N), False),
        (RNG.integers(0, 10**4, N) + RNG.integers(0, 10**4, N), False),  # a few are equal
        (RNG.normal(size=N), False),
        (RNG.normal(40_000, 9_000, 60).round(), False),  # incomes of 60 people
        (["red", "green"] * (N // 2), False),
        (np.arange(12), False),
    ],
)
def test_identifiers_repeat_less_than_measurements(values, expected):
    raw = table(values)
    assert identifies_rows(raw, "x", np.arange(raw.n_rows)) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.arange(N) // 3, True),
        (-(np.arange(N) // 2) / 4, True),
        (np.sort(RNG.normal(size=N)), True),
        ([*np.arange(N - 9) / 2, *[None] * 9], True),
        (np.arange(N) // 5, False),
        (np.sort(RNG.normal(size=N)).round(1), False),
        (np.sort(RNG.normal(size=60)), False),
        (RNG.permutation(N) / 2, False),
        (np.full(N, 0.5), False),
        (["a"] * N, False),
    ],
)
def test_columns_that_follow_the_order_of_the_rows(values, expected):
    raw = table(values)
    assert follows_rows(raw, "x", np.arange(raw.n_rows)) == expected


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits"])
def test_no_column_of_a_known_data_set_is_an_identifier(name):
    raw = read_builtin(name)
    for head in raw.heads[:-1]:
        assert not numbers_rows(raw, head)
        assert not identifies_rows(raw, head, np.arange(raw.n_rows))
        assert not follows_rows(raw, head, np.arange(raw.n_rows))


@pytest.mark.parametrize(
    ("values", "expected"),
    [(["Mazda RX4", "Fiat 128", "Merc 230"], True), ([3, 1, 8], True), (["a", "b", "a"], False),
     ([0.5, 0.25, 0.75], False), (["a", "b", None], False)],
)  # fmt: skip
def test_names_of_rows_are_all_different(values, expected):
    assert names_rows(table(values), "x") == expected
