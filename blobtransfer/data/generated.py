"""Generate the rows of a spec and split them; the rows are bit-identical to scikit-learn's.

All kinds except `classification` are drawn with NumPy alone, from the same `RandomState`: the
import of scikit-learn takes longer than all other work of a small comparison. Each kind has its
best possible (Bayes) rule, if known. New test rows do not change the training rows.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.dataset import Dataset
from blobtransfer.errors import MachineError
from blobtransfer.imports import clean_import
from blobtransfer.specs.generated import (
    BlobsSpec,
    CirclesSpec,
    ClassificationSpec,
    GeneratedSpec,
    MoonsSpec,
    QuantilesSpec,
)

CENTER_RANGE = (-10.0, 10.0)
"""Range that the centres of blobs are drawn from, in each feature."""

FRESH_TEST_ROWS = 1
"""Spawn key of the seed of new test rows, not used for anything else."""

CURVE_POINTS = 1_000
"""Points that represent a curve."""

DENSITY_ROWS_AT_ONCE = 1_000
"""Rows whose densities are computed at the same time, which bounds memory."""

Curves = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Points of two curves, (n, 2) each."""

Draw = Callable[[int, int], tuple[Any, Any]]
"""(n_rows, seed) -> features (n_rows, n_features) and class numbers (n_rows,)."""


def make(spec: GeneratedSpec) -> Dataset:
    """Generate the rows of a spec and split them.

    Raises:
        MachineError: The rows do not fit into memory.
    """
    return GENERATORS[spec.kind](spec)


def _blobs(spec: BlobsSpec) -> Dataset:
    """Generate blobs; new test rows have the same true centres."""
    centers: list[NDArray[np.float64]] = []

    def draw(n_rows: int, seed: int) -> tuple[Any, Any]:
        generator = _generator(seed)
        if not centers:
            centers.append(generator.uniform(*CENTER_RANGE, (spec.n_classes, spec.n_features)))
        n_each, n_left = divmod(n_rows, spec.n_classes)
        counts = [n_each + (c < n_left) for c in range(spec.n_classes)]
        x = np.concatenate(
            [
                generator.normal(center, spec.cluster_std, (count, spec.n_features))
                for center, count in zip(centers[0], counts, strict=True)
            ]
        )
        return _shuffled(x, np.repeat(np.arange(spec.n_classes), counts), generator)

    dataset = _split(spec, draw, lambda x, _: _nearest_center(x, centers[0]))
    return replace(dataset, centers=centers[0])


def _moons(spec: MoonsSpec) -> Dataset:
    """Generate two half circles that interlock."""

    def curves(n_upper: int, n_lower: int) -> Curves:
        upper, lower = np.linspace(0.0, np.pi, n_upper), np.linspace(0.0, np.pi, n_lower)
        return (
            np.column_stack([np.cos(upper), np.sin(upper)]),
            np.column_stack([1.0 - np.cos(lower), 1.0 - np.sin(lower) - 0.5]),
        )

    return _around_curves(spec, curves)


def _circles(spec: CirclesSpec) -> Dataset:
    """Generate two circles with the same centre."""

    def curves(n_outer: int, n_inner: int) -> Curves:
        outer, inner = (
            np.linspace(0.0, 2.0 * np.pi, n, endpoint=False) for n in (n_outer, n_inner)
        )
        return (
            np.column_stack([np.cos(outer), np.sin(outer)]),
            np.column_stack([np.cos(inner), np.sin(inner)]) * spec.factor,
        )

    return _around_curves(spec, curves)


def _around_curves(spec: MoonsSpec | CirclesSpec, curves: Callable[[int, int], Curves]) -> Dataset:
    """Generate rows scattered around two curves, half of them around each.

    Args:
        spec: Spec of moons or of circles.
        curves: Returns the requested numbers of points of the first and of the second curve.
    """

    def draw(n_rows: int, seed: int) -> tuple[Any, Any]:
        generator = _generator(seed)
        counts = n_rows // 2, n_rows - n_rows // 2
        x, y = _shuffled(np.concatenate(curves(*counts)), np.repeat([0, 1], counts), generator)
        return x + generator.normal(0.0, spec.noise, x.shape), y

    points = curves(CURVE_POINTS, CURVE_POINTS)
    return _split(spec, draw, lambda x, y: _denser_curve(x, y, points, spec.noise))


def _classification(spec: ClassificationSpec) -> Dataset:
    """Generate clusters; their best possible rule is unknown.

    The positions of the clusters depend on the number of rows drawn at once. So fresh test rows
    are drawn together with the others, and another number of them gives other clusters.
    """
    whole = replace(spec, n_samples=spec.n_samples + (spec.n_test or 0), n_test=None)

    def draw(n_rows: int, seed: int) -> tuple[Any, Any]:
        with clean_import():
            from sklearn.datasets import make_classification
        x, y = make_classification(
            n_samples=n_rows,
            n_features=spec.n_features,
            n_informative=spec.n_informative,
            n_redundant=spec.n_redundant,
            n_classes=spec.n_classes,
            n_clusters_per_class=spec.n_clusters,
            flip_y=spec.flip,
            class_sep=spec.separation,
            random_state=seed,
        )
        return x, y

    dataset = _split(whole, draw, lambda x, y: None)
    if spec.n_test is None:
        return dataset
    return replace(
        dataset,
        spec=spec,
        x_test=dataset.x_test[-spec.n_test :],
        y_test=dataset.y_test[-spec.n_test :],
    )


def _quantiles(spec: QuantilesSpec) -> Dataset:
    """Generate shells; the class is the shell, so the best possible rule makes no error."""

    def draw(n_rows: int, seed: int) -> tuple[Any, Any]:
        generator = _generator(seed)
        covariance = spec.std**2 * np.identity(spec.n_features)
        x = generator.multivariate_normal(np.zeros(spec.n_features), covariance, n_rows)
        x = x[np.argsort(np.sum(x**2, axis=1))]
        shells = np.arange(n_rows) // max(1, n_rows // spec.n_classes)
        return _shuffled(x, np.minimum(shells, spec.n_classes - 1), generator)

    return _split(spec, draw, lambda _, y: y)


GENERATORS: Mapping[str, Callable[[Any], Dataset]] = {
    "blobs": _blobs,
    "moons": _moons,
    "circles": _circles,
    "classification": _classification,
    "quantiles": _quantiles,
}
"""Function that generates each kind of data."""


def _split(spec: Any, draw: Draw, best_rule: Callable[[Any, Any], Any]) -> Dataset:
    """Generate the rows of a spec; the first rows are training rows.

    Args:
        spec: Any spec of generated data.
        draw: Generates rows; new test rows have their own seed.
        best_rule: Predicts rows by the best possible rule, from the rows and their classes;
            returns None if it is unknown. It is measured on the test rows, so that a small test set
            shifts the best possible accuracy and the accuracies together.

    Raises:
        MachineError: The rows do not fit into memory.
    """
    try:
        x, y = draw(spec.n_samples, spec.seed)
        x_test, y_test = x[spec.n_train :], y[spec.n_train :]
        if spec.n_test is not None:
            x_test, y_test = draw(spec.n_test, _fresh_seed(spec.seed))
    except MemoryError as error:
        raise MachineError(
            f"a problem of {spec.n_samples:,} rows x {spec.n_features:,} features does not fit "
            "into memory; use fewer"
        ) from error
    return Dataset(
        spec=spec,
        x_train=x[: spec.n_train].astype(np.float32),
        y_train=y[: spec.n_train].astype(np.int64),
        x_test=x_test.astype(np.float32),
        y_test=y_test.astype(np.int64),
        best_classes=best_rule(x_test, y_test),
    )


def _generator(seed: int) -> np.random.RandomState:
    """Return the random generator that scikit-learn creates from a seed."""
    return np.random.RandomState(seed)


def _shuffled(
    x: NDArray[np.float64], y: NDArray[np.intp], generator: np.random.RandomState
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return rows (n, n_features) and their classes (n,) in a random order."""
    order = np.arange(len(x))
    generator.shuffle(order)
    return x[order], y[order]


def _fresh_seed(seed: int) -> int:
    """Return the seed of the new test rows, from the seed of the data."""
    sequence = np.random.SeedSequence(seed, spawn_key=(FRESH_TEST_ROWS,))
    return int(sequence.generate_state(1)[0])


def _nearest_center(x: NDArray[np.float64], centers: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return what the Bayes rule for blobs predicts, (n_rows,).

    Args:
        x: (n_rows, n_features) rows.
        centers: (n_classes, n_features) true centres.

    Source:
        With classes that are equally likely and equally round, Bayes' choice is the nearest
        centre; Hastie, Tibshirani & Friedman 2009, section 4.3.
    """
    distances = np.stack([np.linalg.norm(x - center, axis=1) for center in centers])
    return np.asarray(distances.argmin(axis=0))


def _denser_curve(
    x: NDArray[np.float64], y: NDArray[np.int64], curves: Curves, noise: float
) -> NDArray[np.int64]:
    """Return what the Bayes rule for rows scattered around two curves predicts, (n_rows,).

    Args:
        x: (n_rows, 2) rows.
        y: (n_rows,) number of the curve of each row, 0 or 1.
        curves: (CURVE_POINTS, 2) each, points that are equally likely.
        noise: Standard deviation around the curve; 0 for none.

    Source:
        Bayes' choice is the curve with the greater density, here the mean of normal densities
        around its points; Hastie, Tibshirani & Friedman 2009, section 2.4.
    """
    if noise == 0.0:
        return y
    predicted = np.empty_like(y)
    for first in range(0, len(x), DENSITY_ROWS_AT_ONCE):
        rows = x[first : first + DENSITY_ROWS_AT_ONCE]
        log_densities = []
        for curve in curves:
            exponents = ((rows[:, None, :] - curve) ** 2).sum(axis=2) / (-2.0 * noise**2)
            largest = exponents.max(axis=1)
            log_densities.append(
                largest + np.log(np.exp(exponents - largest[:, None]).mean(axis=1))
            )
        predicted[first : first + DENSITY_ROWS_AT_ONCE] = log_densities[1] > log_densities[0]
    return predicted
