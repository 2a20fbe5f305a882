"""Blobs of `sklearn.datasets.make_blobs`: spec -> task, with true centres and ceiling."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.dataset import Task
from blobtransfer.data.drawing import split_rows
from blobtransfer.specs.drawn import BlobsSpec

with warnings.catch_warnings():  # of shared memory, which scikit-learn may want, and we do not
    warnings.simplefilter("ignore")
    from sklearn.datasets import make_blobs


def make(spec: BlobsSpec) -> Task:
    """Draw the rows of a problem and split them; see `drawing.split_rows`.

    Fresh test rows come from the same centres and never change the training rows.

    Args:
        spec: The problem.

    Returns:
        The task; its ceiling is measured on its own test rows, so that a small test set
        shifts the ceiling and the accuracies together.

    Raises:
        MachineError: The rows do not fit into memory.
    """
    centers: list[NDArray[np.float64]] = []

    def draw(n: int, seed: int) -> tuple[Any, Any]:
        x, y, found = make_blobs(
            n_samples=n,
            centers=centers[0] if centers else spec.n_classes,
            n_features=spec.n_features,
            cluster_std=spec.cluster_std,
            random_state=seed,
            return_centers=True,
        )
        centers.append(found)
        return x, y

    task = split_rows(spec, draw, lambda x, y: _bayes_accuracy(x, y, centers[0]))
    return replace(task, centers=centers[0])


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
