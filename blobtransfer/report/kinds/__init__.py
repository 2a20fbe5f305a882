"""One view per kind of results.

To add a kind of report: write a subclass of `View` (of `StudyView` for a study of several cells)
in a file of this package, and add a line to `VIEWS`, by the name of its command. Draw its figure in
a file of `report/figures/`. Caution kinds that are new get their words in `report/cautions.py`.
Writers, the screen, the page and the pictures read the report and need no change.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from blobtransfer.report.kinds.comparison import ComparisonView
from blobtransfer.report.kinds.data import DataView
from blobtransfer.report.kinds.grid import GridView
from blobtransfer.report.kinds.judge import JudgeView
from blobtransfer.report.kinds.pairs import PairsView
from blobtransfer.report.kinds.sweep import SweepView
from blobtransfer.report.kinds.training import TrainingView
from blobtransfer.report.report import R, Report, View

VIEWS: Mapping[str, View[Any]] = {
    "plot-data": DataView(),
    "train-source": TrainingView(),
    "train-target": TrainingView(),
    "compare": ComparisonView(),
    "sweep": SweepView(),
    "pairs": PairsView(),
    "grid": GridView(),
    "judge": JudgeView(),
}
"""View of the results of each command."""


def build_report(results: R, shown: R | None = None) -> Report[R]:
    """Build the report of the results of any command.

    Args:
        results: The results.
        shown: A selection of them that the report shows; None: all.
    """
    view: View[R] = VIEWS[results.command]
    report = view.report(results)
    return report if shown is None else replace(view.report(shown), complete=report)
