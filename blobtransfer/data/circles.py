"""Circles of `sklearn.datasets.make_circles`, with the ceiling of their density."""

import numpy as np

from blobtransfer.data.dataset import Task
from blobtransfer.data.drawing import CURVE_POINTS, ceiling_of_curves, generators, split_rows
from blobtransfer.specs.drawn import CirclesSpec


def make(spec: CirclesSpec) -> Task:
    """Draw the rows of a problem and split them; see `drawing.split_rows`."""
    angles = np.linspace(0.0, 2.0 * np.pi, CURVE_POINTS, endpoint=False)
    outer = np.column_stack([np.cos(angles), np.sin(angles)])
    return split_rows(
        spec,
        lambda n, seed: generators().make_circles(
            n, noise=spec.noise, factor=spec.factor, random_state=seed
        ),
        lambda x, y: ceiling_of_curves(x, y, (outer, spec.factor * outer), spec.noise),
    )
