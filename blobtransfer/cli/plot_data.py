"""`plot-data`: draw problems."""

import sys
from typing import Annotated

from blobtransfer.cli.checks import checked_figure
from blobtransfer.cli.delivery import save_figure
from blobtransfer.cli.interrupts import deferred
from blobtransfer.cli.options import (
    PROBLEM,
    FigureOptions,
    MessageOptions,
    ProblemOptions,
    ResultOptions,
)
from blobtransfer.cli.parsing import NUMBERS, integer
from blobtransfer.cli.streams import write_stdout
from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import join
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.settings import with_settings
from blobtransfer.specs.task import MAX_CELLS, BlobsSpec, TaskSpec

MAX_PANELS = 100
"""Most problems in one figure."""


def plot_data(
    *,
    seed: Annotated[
        list[int] | None,
        integer("--seed", "Problems, a panel each.", PROBLEM, NUMBERS, show_default="1 2"),
    ] = None,
    problem: ProblemOptions,
    figure: FigureOptions,
    messages: MessageOptions,
) -> None:
    """Draw problems: rows by class, true centres, and the best possible accuracy."""
    specs = _tasks(seed or [1, 2], problem)
    path = checked_figure("plot-data", figure, ResultOptions())
    if path is None and not figure.show:
        raise SettingError("no-plot", "", "nothing is left to do; leave it out, or add --show")

    from blobtransfer.report.figures.canvas import Canvas
    from blobtransfer.report.figures.pictures import picture_of_tasks
    from blobtransfer.tasks import load_task

    canvas = Canvas(figure.show, figure.style, figure.inches())
    drawn = picture_of_tasks([load_task(spec) for spec in specs], canvas, sys.argv[1:])
    with deferred():
        save_figure(drawn, path, messages)
    if messages.quiet and path is not None:
        write_stdout([f"{path}\n"])
    canvas.show()


def _tasks(seeds: list[int], problem: ProblemOptions) -> list[TaskSpec]:
    if len(seeds) > MAX_PANELS:
        raise SettingError("seed", join(seeds), f"{len(seeds):,} panels; use at most {MAX_PANELS}")
    specs = []
    for seed in seeds:
        if seeds.count(seed) > 1:
            raise SettingError("seed", join(seeds), f"{seed} is repeated; give it once")
        base = ExperimentSpec(target=BlobsSpec(seed))
        specs.append(with_settings(base, problem.settings()).task)
    n_cells = sum((spec.n_samples + (spec.n_test or 0)) * spec.n_features for spec in specs)
    if len(seeds) > 1 and n_cells > MAX_CELLS:
        raise SettingError(
            "seed", join(seeds), f"{n_cells:,} numbers in all; use at most {MAX_CELLS:,}"
        )
    return specs
