"""Compute the decision regions or the predictions of a trained network, as plain numbers."""

from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.dataset import Dataset, plane_of, planes_of
from blobtransfer.network import Weights, predicted_classes
from blobtransfer.results.results import MAX_DRAWN_CLASSES, Point, Predictions, Regions
from blobtransfer.specs.network import MLPSpec

N_PLACES = 300
"""Number of grid points along each feature."""

BORDER = 0.05
"""Border of the grid beyond the rows, as a share of their range."""

MAX_POINTS = 2_000
"""Largest number of test rows that are stored for figures."""


def decision_regions(network: MLPSpec, weights: Weights, dataset: Dataset) -> Regions | None:
    """Predict the class at every point of a grid around the rows of a dataset.

    Args:
        network: Shape of the network.
        weights: Kernel (fan_in, fan_out), bias (fan_out,), ... finite.
        dataset: The data.

    Returns:
        A grid over one or two features, and the test rows; None for more features, and for more
        classes than a figure distinguishes.
    """
    if network.n_features > 2 or network.n_classes > MAX_DRAWN_CLASSES:
        return None
    rows = np.concatenate([dataset.x_train, dataset.x_test]).astype(np.float64)
    low, high = rows.min(axis=0), rows.max(axis=0)
    # A constant feature gets a border too, so that the grid always has an area.
    width = np.where(high > low, high - low, np.maximum(1.0, np.abs(high)))
    border = BORDER * width
    axes = [np.linspace(*ends, N_PLACES) for ends in zip(low - border, high + border, strict=True)]
    if network.n_features == 1:
        axes.append(np.array([0.0]))
        points_on_grid = axes[0][:, None]
    else:
        points_on_grid = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    classes = predicted_classes(network, weights, points_on_grid).reshape(len(axes[1]), -1)
    plane = plane_of(dataset)
    return Regions(
        x=(float(axes[0][0]), float(axes[0][-1])),
        y=(float(axes[1][0]), float(axes[1][-1])),
        rows=tuple(
            tuple(n for k, same in groupby(row.tolist()) for n in (k, len(list(same))))
            for row in classes
        ),
        points=_points(plane.points[len(dataset.y_train) :][:MAX_POINTS]),
        labels=tuple(dataset.y_test[:MAX_POINTS].tolist()),
        centers=None if plane.centers is None else _points(plane.centers),
    )


def predictions_of(network: MLPSpec, weights: Weights, dataset: Dataset) -> Predictions | None:
    """Predict the class of the test rows of a dataset with more than two features.

    Args:
        network: Shape of the network.
        weights: Kernel (fan_in, fan_out), bias (fan_out,), ... finite.
        dataset: The data.

    Returns:
        The rows on two principal components; None for one or two features, which have regions,
        and for more classes than a figure distinguishes.
    """
    if network.n_features <= 2 or network.n_classes > MAX_DRAWN_CLASSES:
        return None
    (plane,), axes = planes_of([dataset])
    rows = dataset.x_test[:MAX_POINTS]
    return Predictions(
        points=_points(plane.points[len(dataset.y_train) :][:MAX_POINTS]),
        labels=tuple(dataset.y_test[:MAX_POINTS].tolist()),
        predicted=tuple(predicted_classes(network, weights, rows.astype(np.float64)).tolist()),
        axes=axes,
    )


def _points(points: NDArray[np.float64]) -> tuple[Point, ...]:
    # float32 is exact enough for figures, and short in files.
    return tuple((float(f"{x:.9g}"), float(f"{y:.9g}")) for x, y in points)
