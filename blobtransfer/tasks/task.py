"""A problem, ready to learn: rows of training and test, and what is known about them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blobtransfer.specs.task import TaskSpec


@dataclass(frozen=True)
class Task:
    """One problem, ready to learn.

    Args:
        spec: What was asked.
        x_train: (n_train, n_features) float32.
        y_train: (n_train,) int64 class numbers.
        x_test: (n_test, n_features) float32.
        y_test: (n_test,) int64 class numbers.
        centers: (n_classes, n_features) float64, the true centres.
        ceiling: Test accuracy of the Bayes rule, which picks the nearest true centre.
    """

    spec: TaskSpec
    x_train: NDArray[np.float32]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]
    centers: NDArray[np.float64]
    ceiling: float


def principal_plane(task: Task) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the rows and centres as points of a plane, to be drawn.

    Two features are given as they are, one feature with zeros beside it, and more on
    their first two principal components (of the training and test rows together).

    Returns:
        Points (n_train + n_test, 2), training rows first, and centres (n_classes, 2).
    """
    rows = np.concatenate([task.x_train, task.x_test]).astype(np.float64)
    if rows.shape[1] == 1:
        return (
            np.column_stack([rows, np.zeros_like(rows)]),
            np.column_stack([task.centers, np.zeros_like(task.centers)]),
        )
    if rows.shape[1] == 2:
        return rows, task.centers
    mean = rows.mean(axis=0)
    components = np.linalg.svd(rows - mean, full_matrices=False)[2][:2]
    return (rows - mean) @ components.T, (task.centers - mean) @ components.T
