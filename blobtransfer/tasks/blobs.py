"""Blobs of `sklearn.datasets.make_blobs`: spec -> task, with true centres and ceiling."""

import warnings

import numpy as np
from numpy.typing import NDArray

from blobtransfer.errors import MachineError
from blobtransfer.specs.drawn import BlobsSpec
from blobtransfer.tasks.drawing import fresh_seed
from blobtransfer.tasks.task import Task

with warnings.catch_warnings():  # of shared memory, which scikit-learn may want, and we do not
    warnings.simplefilter("ignore")
    from sklearn.datasets import make_blobs


def make(spec: BlobsSpec) -> Task:
    """Draw the rows of a problem and split them.

    The first `n_train` rows train. The rows left over test, unless `n_test` asks for
    fresh ones, which come from the same centres and never change the training rows.

    Args:
        spec: The problem.

    Returns:
        The task; its ceiling is measured on its own test rows, so that a small test set
        shifts the ceiling and the accuracies together.

    Raises:
        MachineError: The rows do not fit into memory.
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
                random_state=fresh_seed(spec.seed),
            )
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
        ceiling=_bayes_accuracy(x_test, y_test, centers),
        centers=centers,
    )


def _bayes_accuracy(
    x: NDArray[np.float64], y: NDArray[np.int64], centers: NDArray[np.float64]
) -> float:
    """Give the accuracy of the Bayes rule, a share.

    Source:
        With classes that are equally likely and equally round, Bayes' choice is the nearest
        centre; Hastie, Tibshirani & Friedman 2009, section 4.3.
    """
    distances = np.stack([np.linalg.norm(x - center, axis=1) for center in centers])
    return float(np.mean(distances.argmin(axis=0) == y))
