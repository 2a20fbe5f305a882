"""Shells of `sklearn.datasets.make_gaussian_quantiles`."""

from blobtransfer.data.dataset import Task
from blobtransfer.data.drawing import generators, split_rows
from blobtransfer.specs.drawn import QuantilesSpec


def make(spec: QuantilesSpec) -> Task:
    """Draw the rows of a problem and split them; see `drawing.split_rows`.

    The distance from the middle decides the class, so the best possible accuracy is 1.
    """
    return split_rows(
        spec,
        lambda n, seed: generators().make_gaussian_quantiles(
            cov=spec.std**2,
            n_samples=n,
            n_features=spec.n_features,
            n_classes=spec.n_classes,
            random_state=seed,
        ),
        lambda x, y: 1.0,
    )
