"""Put the comparisons of a study together: one `Cell` each, at its values on the axes."""

from collections.abc import Mapping
from dataclasses import replace

from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.study import Axis, Budget, Cell, StudyKind, StudySpec


def study_of(
    kind: StudyKind,
    axes: tuple[Axis, ...],
    specs: Mapping[tuple[str, ...], ExperimentSpec],
    budget: Budget | None = None,
) -> StudySpec:
    """Return a study of some comparisons.

    Args:
        kind: What is asked.
        axes: What varies.
        specs: The comparisons by their values on the axes, in the order in which they are run.
        budget: What the points of a sweep have in common.

    Raises:
        SettingError: There are too many cells or runs.
    """
    n_points = 1 if kind == "pairs" else len(specs)  # pairs are not judged one by one
    cells = (Cell(at, replace(spec, n_points=n_points)) for at, spec in specs.items())
    return StudySpec(kind, axes, tuple(cells), budget)
