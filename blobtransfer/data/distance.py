"""How far apart two problems are: the places of their classes, in standard deviations."""

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.dataset import Dataset


def distance_between(source: Dataset, target: Dataset) -> float | None:
    """Measure how far the classes of one problem lie from those of another.

    Args:
        source: The one.
        target: The other; its classes are matched with the source's by their order, as an output
            layer that is kept matches them.

    Returns:
        Root mean square, over the classes, of the distance between their means on training rows,
        over the standard deviation of a feature within a class, of both problems. None where the
        problems have other features or classes, or nothing varies.
    """
    a, b = source.spec, target.spec
    if a.class_names != b.class_names or a.n_features != b.n_features:
        return None
    (own, own_variance), (other, other_variance) = map(_means_and_variance, (source, target))
    shared = np.isfinite(own).all(axis=1) & np.isfinite(other).all(axis=1)
    variance = (own_variance + other_variance) / 2
    if not shared.any() or not variance > 0.0:
        return None
    squares = ((own - other)[shared] ** 2).sum(axis=1)
    return float(np.sqrt(squares.mean() / variance))


def _means_and_variance(task: Dataset) -> tuple[NDArray[np.float64], float]:
    """Give the mean of each class (K, F), NaN without rows, and the variance within a class."""
    x, y = task.x_train.astype(np.float64), task.y_train
    means = np.full((task.spec.n_classes, x.shape[1]), np.nan)
    for k in np.unique(y):
        means[k] = x[y == k].mean(axis=0)
    return means, float(np.mean((x - means[y]) ** 2))
