"""A dataset: training and test rows, and what can be derived from them.

That is their points in a plane, a validation split, and the distance between two datasets.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from blobtransfer.randomness import Stream, generators
from blobtransfer.specs.data import DataSpec
from blobtransfer.specs.table import Scaler
from blobtransfer.specs.training import Metric, n_validation_rows
from blobtransfer.statistics.descriptive import balanced_accuracy

MAX_DRAWN_STD = 5.0
"""Standard deviations at which features of a table are cut before they are projected."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """The rows of a data specification, ready for training.

    Args:
        spec: The data specification.
        x_train: (n_train, n_features) float32.
        y_train: (n_train,) int64 class numbers.
        x_test: (n_test, n_features) float32.
        y_test: (n_test,) int64 class numbers.
        best_classes: (n_test,) int64, what the best possible (Bayes) rule predicts for the test
            rows; None if unknown. Classes of generated data are equally likely, so this rule is
            the best for accuracy and for balanced accuracy.
        centers: (n_classes, n_features) float64, the true centres of blobs; None for other data.
        scaler: Means and scales of the inputs of a table; None if they are not standardised.
        validation: Validation rows (n, n_features) float32 and their classes (n,) int64, which are
            not among the training rows; None without.
    """

    spec: DataSpec
    x_train: NDArray[np.float32]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]
    best_classes: NDArray[np.int64] | None = None
    centers: NDArray[np.float64] | None = None
    scaler: Scaler | None = None
    validation: tuple[NDArray[np.float32], NDArray[np.int64]] | None = None

    @property
    def test_class_counts(self) -> NDArray[np.int64]:
        """Test rows of each class, (n_classes,)."""
        return np.bincount(self.y_test, minlength=self.spec.n_classes)

    def best_possible(self, metric: Metric = "accuracy") -> float | None:
        """Return the best possible value of a metric on the test rows; None if unknown."""
        if self.best_classes is None:
            return None
        is_correct = self.best_classes == self.y_test
        if metric == "accuracy":
            return float(np.mean(is_correct))
        counts = self.test_class_counts
        n_correct = np.bincount(self.y_test[is_correct], minlength=len(counts))
        return float(balanced_accuracy(n_correct, counts))

    def chance_level(self, metric: Metric = "accuracy") -> float:
        """Return the value of a metric on the test rows that needs no features.

        That is the share of the largest class for accuracy, and 1 / classes for balanced accuracy.
        """
        counts = self.test_class_counts
        if metric == "accuracy":
            return float(counts.max() / counts.sum())
        return 1.0 / np.count_nonzero(counts)


@dataclass(frozen=True, eq=False)
class Plane:
    """The rows of a dataset as points of a plane, to be drawn.

    Args:
        points: (n_train + n_test, 2) float64, training rows first.
        centers: (n_classes, 2) float64, the true centres of blobs; None for other data.
    """

    points: NDArray[np.float64]
    centers: NDArray[np.float64] | None


def plane_of(dataset: Dataset) -> Plane:
    """Return the points of one dataset; see `planes_of`."""
    (plane,), _ = planes_of([dataset])
    return plane


def planes_of(datasets: Sequence[Dataset]) -> tuple[list[Plane], tuple[str, str]]:
    """Project the rows of datasets with the same number of features into one plane.

    One feature is drawn along the first axis, two features are the axes, more are projected on
    the first two principal components of all rows together.

    Returns:
        A plane for each dataset, and the labels of the two axes.
    """
    rows = [
        np.concatenate([dataset.x_train, dataset.x_test]).astype(np.float64) for dataset in datasets
    ]
    is_cut = rows[0].shape[1] > 2 and any(dataset.scaler is not None for dataset in datasets)
    if is_cut:  # else one row with a rare value of a feature would shrink all others to a point
        rows = [np.clip(x, -MAX_DRAWN_STD, MAX_DRAWN_STD) for x in rows]
    everything = np.concatenate(rows)
    mean, n_features = everything.mean(axis=0), everything.shape[1]
    components = np.eye(2)
    first, second, *_ = (*_axis_names(datasets), "rows")
    names = (first, second)
    if n_features > 2:
        _, spreads, axes = np.linalg.svd(everything - mean, full_matrices=False)
        components, shares = axes[:2], spreads**2 / max(float(np.sum(spreads**2)), 1e-300)
        names = (
            f"component 1 of {n_features} features ({100 * shares[0]:.0f} % of the variance"
            + (f"; features cut at {MAX_DRAWN_STD:g} std)" if is_cut else ")"),
            f"component 2 ({100 * shares[1]:.0f} %)",
        )

    def project(points: NDArray[np.float64]) -> NDArray[np.float64]:
        if n_features == 1:
            return np.column_stack([points, np.zeros_like(points)])
        return points if n_features == 2 else (points - mean) @ components.T

    planes = [
        Plane(project(x), None if dataset.centers is None else project(dataset.centers))
        for dataset, x in zip(datasets, rows, strict=True)
    ]
    return planes, names


def with_validation_rows(
    datasets: Sequence[Dataset], repeats: Sequence[int], train_seed: int
) -> tuple[Dataset, ...]:
    """Split the training rows of each repeat at random into training and validation rows.

    Args:
        datasets: The dataset of each repeat, or one dataset for all.
        repeats: Indices of the repeats; each has its own split, the same for all arms.
        train_seed: Seed of all splits.

    Returns:
        A dataset for each repeat, with four fifths of the training rows, and the other fifth as
        validation rows.
    """
    split = []
    for i, rng in enumerate(generators(train_seed, Stream.VALIDATION, repeats)):
        dataset = datasets[i % len(datasets)]
        x, y = dataset.x_train, dataset.y_train
        order = rng.permutation(len(y))
        n_validation = n_validation_rows(len(y))
        validation, train = np.sort(order[:n_validation]), np.sort(order[n_validation:])
        validation_rows = np.ascontiguousarray(x[validation]), y[validation]
        x_train = np.ascontiguousarray(x[train])
        split.append(
            replace(dataset, x_train=x_train, y_train=y[train], validation=validation_rows)
        )
    return tuple(split)


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


def _axis_names(datasets: Sequence[Dataset]) -> tuple[str, ...]:
    """Return the names of the features if they are the same in all datasets, else numbered ones."""
    names = {dataset.spec.axis_names for dataset in datasets}
    if len(names) > 1:
        return tuple(f"feature {i + 1}" for i in range(datasets[0].spec.n_features))
    return names.pop()


def _means_and_variance(dataset: Dataset) -> tuple[NDArray[np.float64], float]:
    """Return the mean of each class, (K, F), NaN without rows, and the variance within a class."""
    x, y = dataset.x_train.astype(np.float64), dataset.y_train
    means = np.full((dataset.spec.n_classes, x.shape[1]), np.nan)
    for k in np.unique(y):
        means[k] = x[y == k].mean(axis=0)
    return means, float(np.mean((x - means[y]) ** 2))
