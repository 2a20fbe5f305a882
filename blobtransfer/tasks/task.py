"""A problem, ready to learn: rows of training and test, and what is known about them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blobtransfer.specs.task import TaskSpec


@dataclass(frozen=True, eq=False)
class Task:
    """One problem, ready to learn.

    Args:
        spec: What was asked.
        x_train: (n_train, n_features) float32.
        y_train: (n_train,) int64 class numbers.
        x_test: (n_test, n_features) float32.
        y_test: (n_test,) int64 class numbers.
        ceiling: Best possible test accuracy, a share; None where it is not known.
        centers: (n_classes, n_features) float64, the true centres; None where there are none.
    """

    spec: TaskSpec
    x_train: NDArray[np.float32]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]
    ceiling: float | None = None
    centers: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class Plane:
    """The rows of a problem as points of a plane, to be drawn.

    Args:
        points: (n_train + n_test, 2) float64, training rows first.
        centers: (n_classes, 2) float64, the true centres; None where there are none.
    """

    points: NDArray[np.float64]
    centers: NDArray[np.float64] | None


def plane_of(task: Task) -> Plane:
    """Lay the rows of a problem into a plane.

    Two features are given as they are, one feature with zeros beside it, and more on
    their first two principal components (of the training and test rows together).
    """
    rows = np.concatenate([task.x_train, task.x_test]).astype(np.float64)
    mean = rows.mean(axis=0)

    def place(points: NDArray[np.float64]) -> NDArray[np.float64]:
        if points.shape[1] == 1:
            return np.column_stack([points, np.zeros_like(points)])
        return points if points.shape[1] == 2 else (points - mean) @ components.T

    components = np.eye(2)
    if rows.shape[1] > 2:
        components = np.linalg.svd(rows - mean, full_matrices=False)[2][:2]
    return Plane(place(rows), None if task.centers is None else place(task.centers))
