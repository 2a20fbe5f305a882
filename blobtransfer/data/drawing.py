"""What drawn problems share: rows of scikit-learn's generators -> a task, and their ceilings."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.dataset import Task
from blobtransfer.errors import MachineError
from blobtransfer.specs.task import TaskSpec

FRESH_TEST_ROWS = 1
"""Spawn key of the fresh test rows, apart from every other use of the problem's seed."""

CURVE_POINTS = 1_000
"""Places on a curve that stand for it."""

ROWS_AT_ONCE = 1_000

Draw = Callable[[int, int], tuple[Any, Any]]
"""(n rows, seed) -> features (n, n_features) and class numbers (n,)."""


def generators() -> Any:
    """Import scikit-learn's generators, without its warning of shared memory."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sklearn import datasets
    return datasets


def fresh_seed(seed: int) -> int:
    """Give the seed of the fresh test rows of a problem."""
    sequence = np.random.SeedSequence(seed, spawn_key=(FRESH_TEST_ROWS,))
    return int(sequence.generate_state(1)[0])


def split_rows(spec: TaskSpec, draw: Draw, ceiling: Callable[[Any, Any], float | None]) -> Task:
    """Draw the rows of a problem, the first of which train.

    Args:
        spec: A drawn problem.
        draw: Draws rows; fresh test rows have a seed of their own.
        ceiling: Gives the best possible accuracy on rows and their classes, if known.

    Raises:
        MachineError: The rows do not fit into memory.
    """
    assert spec.kind != "table"
    try:
        x, y = draw(spec.n_samples, spec.seed)
        x_test, y_test = x[spec.n_train :], y[spec.n_train :]
        if spec.n_test is not None:
            x_test, y_test = draw(spec.n_test, fresh_seed(spec.seed))
    except MemoryError as error:
        raise MachineError(
            f"a problem of {spec.n_samples:,} rows x {spec.n_features:,} features does not fit "
            "into memory; use fewer"
        ) from error
    return Task(
        spec=spec,
        x_train=x[: spec.n_train].astype(np.float32),
        y_train=y[: spec.n_train].astype(np.int64),
        x_test=x_test.astype(np.float32),
        y_test=y_test.astype(np.int64),
        ceiling=ceiling(x_test, y_test),
    )


def ceiling_of_curves(
    x: NDArray[np.float64],
    y: NDArray[np.int64],
    curves: tuple[NDArray[np.float64], NDArray[np.float64]],
    noise: float,
) -> float:
    """Give the accuracy of the Bayes rule on rows that lie around two curves, a share.

    Args:
        x: (n, 2) rows.
        y: (n,) which curve each lies around.
        curves: (CURVE_POINTS, 2) each, places that are equally likely.
        noise: Standard deviation around the curve; 0 for none.

    Source:
        Bayes' choice is the curve with the greater density, here the mean of normal densities
        around its places; Hastie, Tibshirani & Friedman 2009, section 2.4.
    """
    if noise == 0.0:
        return 1.0
    n_correct = 0
    for first in range(0, len(x), ROWS_AT_ONCE):
        rows = x[first : first + ROWS_AT_ONCE]
        logs = []
        for curve in curves:
            squares = ((rows[:, None, :] - curve) ** 2).sum(axis=2) / (-2.0 * noise**2)
            best = squares.max(axis=1)
            logs.append(best + np.log(np.exp(squares - best[:, None]).mean(axis=1)))
        n_correct += int(np.sum((logs[1] > logs[0]) == y[first : first + ROWS_AT_ONCE]))
    return n_correct / len(x)
