"""A problem, ready to learn: rows of training and test, and what is known about them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blobtransfer.specs.table import Scaler
from blobtransfer.specs.task import DataSpec

MAX_DRAWN_STD = 5.0
"""Standard deviations at which a feature of a table is cut where it is drawn with others."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """One problem, ready to learn.

    Args:
        spec: What was asked.
        x_train: (n_train, n_features) float32.
        y_train: (n_train,) int64 class numbers.
        x_test: (n_test, n_features) float32.
        y_test: (n_test,) int64 class numbers.
        ceiling: Best possible test accuracy, a share; None where it is not known.
        centers: (n_classes, n_features) float64, the true centres; None where there are none.
        scaler: How the rows of a table were standardised; None where they were not.
    """

    spec: DataSpec
    x_train: NDArray[np.float32]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]
    ceiling: float | None = None
    centers: NDArray[np.float64] | None = None
    scaler: Scaler | None = None


@dataclass(frozen=True, eq=False)
class Plane:
    """The rows of a problem as points of a plane, to be drawn.

    Args:
        points: (n_train + n_test, 2) float64, training rows first.
        centers: (n_classes, 2) float64, the true centres; None where there are none.
    """

    points: NDArray[np.float64]
    centers: NDArray[np.float64] | None


def plane_of(task: Dataset) -> Plane:
    """Lay the rows of a problem into a plane; see `planes_of`."""
    (plane,), _ = planes_of([task])
    return plane


def planes_of(tasks: Sequence[Dataset]) -> tuple[list[Plane], tuple[str, str]]:
    """Lay the rows of some problems of one number of features into one plane.

    Two features are given as they are, one feature with zeros beside it, and more on the first
    two principal components of all rows together.

    Returns:
        The planes, and what their axes are.
    """
    rows = [np.concatenate([task.x_train, task.x_test]).astype(np.float64) for task in tasks]
    is_cut = rows[0].shape[1] > 2 and any(task.scaler is not None for task in tasks)
    if is_cut:  # else one row of a pixel that is hardly ever black would be all that is seen
        rows = [np.clip(own, -MAX_DRAWN_STD, MAX_DRAWN_STD) for own in rows]
    everything = np.concatenate(rows)
    mean, n_features = everything.mean(axis=0), everything.shape[1]
    components = np.eye(2)
    first, second, *_ = (*_axis_names(tasks), "rows")
    names = (first, second)
    if n_features > 2:
        _, spreads, axes = np.linalg.svd(everything - mean, full_matrices=False)
        components, shares = axes[:2], spreads**2 / max(float(np.sum(spreads**2)), 1e-300)
        names = (
            f"component 1 of {n_features} features ({100 * shares[0]:.0f} % of the variance"
            + (f"; features cut at {MAX_DRAWN_STD:g} std)" if is_cut else ")"),
            f"component 2 ({100 * shares[1]:.0f} %)",
        )

    def place(points: NDArray[np.float64]) -> NDArray[np.float64]:
        if n_features == 1:
            return np.column_stack([points, np.zeros_like(points)])
        return points if n_features == 2 else (points - mean) @ components.T

    planes = [
        Plane(place(own), None if task.centers is None else place(task.centers))
        for task, own in zip(tasks, rows, strict=True)
    ]
    return planes, names


def _axis_names(tasks: Sequence[Dataset]) -> tuple[str, ...]:
    """Name the features, where all problems call them the same."""
    names = {task.spec.axis_names for task in tasks}
    if len(names) > 1:
        return tuple(f"feature {i + 1}" for i in range(tasks[0].spec.n_features))
    return names.pop()
