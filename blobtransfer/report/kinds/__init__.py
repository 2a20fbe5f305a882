"""One view per kind of results: a new kind is one file here and a line in `VIEWS`."""

from collections.abc import Mapping
from typing import Any

from blobtransfer.report.kinds.comparison import ComparisonView
from blobtransfer.report.kinds.grid import GridView
from blobtransfer.report.kinds.pairs import PairsView
from blobtransfer.report.kinds.sweep import SweepView
from blobtransfer.report.kinds.training import TrainingView
from blobtransfer.report.report import R, Report, View

VIEWS: Mapping[str, View[Any]] = {
    "train-source": TrainingView(),
    "train-target": TrainingView(),
    "compare": ComparisonView(),
    "sweep": SweepView(),
    "pairs": PairsView(),
    "grid": GridView(),
}
"""View of the results of each command."""


def build_report(results: R) -> Report[R]:
    """Build the report of the results of any command."""
    view: View[R] = VIEWS[results.command]
    return view.report(results)
