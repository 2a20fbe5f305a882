"""TaskSpec -> Task: the rows of a blobs problem, their split, and its ceiling."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blobtransfer.errors import EnvironmentFailed
from blobtransfer.specs.checks import TaskSpec

with warnings.catch_warnings():  # of shared memory, which scikit-learn may want, and we do not
    warnings.simplefilter("ignore")
    from sklearn.datasets import make_blobs

FRESH_TEST_ROWS = 1
"""Spawn key of the fresh test rows, apart from every other use of the problem's seed."""


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


def make_task(spec: TaskSpec) -> Task:
    """Draw the rows of a problem and split them.

    The first `n_train` rows train. The rows left over test, unless `n_test` asks for
    fresh ones, which come from the same centres and never change the training rows.

    Args:
        spec: The problem.

    Returns:
        The task; its ceiling is measured on its own test rows, so that a small test set
        shifts the ceiling and the accuracies together.

    Raises:
        EnvironmentFailed: The rows do not fit into memory.
    """
    try:
        x, y, centers = make_blobs(
            n_samples=spec.n_samples,
            centers=spec.n_classes,
            n_features=spec.n_features,
            cluster_std=spec.cluster_std,
            random_state=spec.seed,
            return_centers=True,
        )
        x_test, y_test = x[spec.n_train :], y[spec.n_train :]
        if spec.n_test is not None:
            x_test, y_test = make_blobs(
                n_samples=spec.n_test,
                centers=centers,
                cluster_std=spec.cluster_std,
                random_state=_fresh_seed(spec.seed),
            )
    except MemoryError as error:
        raise EnvironmentFailed(
            f"a problem of {spec.n_samples:,} rows x {spec.n_features:,} features does not fit "
            "into memory; use fewer"
        ) from error
    return Task(
        spec=spec,
        x_train=x[: spec.n_train].astype(np.float32),
        y_train=y[: spec.n_train].astype(np.int64),
        x_test=x_test.astype(np.float32),
        y_test=y_test.astype(np.int64),
        centers=centers,
        ceiling=_bayes_accuracy(x_test, y_test, centers),
    )


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


def _fresh_seed(seed: int) -> int:
    sequence = np.random.SeedSequence(seed, spawn_key=(FRESH_TEST_ROWS,))
    return int(sequence.generate_state(1)[0])


def _bayes_accuracy(
    x: NDArray[np.float64], y: NDArray[np.int64], centers: NDArray[np.float64]
) -> float:
    # Classes are equally likely and equally round, so the nearest centre is Bayes' choice.
    distances = np.stack([np.linalg.norm(x - center, axis=1) for center in centers])
    return float(np.mean(distances.argmin(axis=0) == y))
