"""Distance between two datasets: between the means of their classes, in standard deviations."""

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.dataset import Dataset


def distance_between(source: Dataset, target: Dataset) -> float | None:
    """Return the distance between the classes of two datasets.

    Args:
        source: The source data.
        target: The target data; its classes are matched with those of the source by their order,
            as a transferred output layer matches them.

    Returns:
        The root mean square, over the classes, of the distance between their means on training
        rows, divided by the standard deviation of a feature within a class, pooled over both
        datasets. None if features or classes differ, or no feature varies.
    """
    a, b = source.spec, target.spec
    if a.class_names != b.class_names or a.n_features != b.n_features:
        return None
    (a_means, a_variance), (b_means, b_variance) = map(_means_and_variance, (source, target))
    shared = np.isfinite(a_means).all(axis=1) & np.isfinite(b_means).all(axis=1)
    variance = (a_variance + b_variance) / 2
    if not shared.any() or not variance > 0.0:
        return None
    squares = ((a_means - b_means)[shared] ** 2).sum(axis=1)
    return float(np.sqrt(squares.mean() / variance))


def _means_and_variance(dataset: Dataset) -> tuple[NDArray[np.float64], float]:
    """Return the mean of each class, (K, F), NaN without rows, and the variance within a class."""
    x, y = dataset.x_train.astype(np.float64), dataset.y_train
    means = np.full((dataset.spec.n_classes, x.shape[1]), np.nan)
    for k in np.unique(y):
        means[k] = x[y == k].mean(axis=0)
    return means, float(np.mean((x - means[y]) ** 2))
