"""Moons of `sklearn.datasets.make_moons`, with the ceiling of their density."""

import numpy as np

from blobtransfer.data.dataset import Task
from blobtransfer.data.drawing import CURVE_POINTS, ceiling_of_curves, generators, split_rows
from blobtransfer.specs.drawn import MoonsSpec


def make(spec: MoonsSpec) -> Task:
    """Draw the rows of a problem and split them; see `drawing.split_rows`."""
    angles = np.linspace(0.0, np.pi, CURVE_POINTS)
    upper = np.column_stack([np.cos(angles), np.sin(angles)])
    lower = np.column_stack([1.0 - np.cos(angles), 0.5 - np.sin(angles)])
    return split_rows(
        spec,
        lambda n, seed: generators().make_moons(n, noise=spec.noise, random_state=seed),
        lambda x, y: ceiling_of_curves(x, y, (upper, lower), spec.noise),
    )
