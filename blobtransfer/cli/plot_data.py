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
    description,
)
from blobtransfer.cli.parsing import NUMBERS, integer
from blobtransfer.cli.problems import problem_of, settled
from blobtransfer.cli.streams import write_stdout
from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import join
from blobtransfer.specs.drawn import MAX_DATA_VALUES
from blobtransfer.specs.task import DataSpec

MAX_PANELS = 100
"""Most problems in one figure."""


def plot_data(
    *,
    seed: Annotated[
        list[int] | None,
        integer("--seed", "Problems, a panel each.", PROBLEM, NUMBERS, show_default="1 2"),
    ] = None,
    task: Annotated[
        list[str] | None,
        description(
            "--task",
            "A problem, such as moons:noise=0.2 or a.csv:label=y. Can be given more than once.",
        ),
    ] = None,
    problem: ProblemOptions,
    figure: FigureOptions,
    messages: MessageOptions,
) -> None:
    """Draw problems: rows by class, true centres, and the best possible accuracy."""
    specs = _described(task, seed, problem) if task else _of_seeds(seed or [1, 2], problem)
    path = checked_figure("plot-data", figure, ResultOptions())
    if path is None and not figure.show:
        raise SettingError("no-plot", "", "nothing is left to do; leave it out, or add --show")

    from blobtransfer.data import load_dataset
    from blobtransfer.report.figures.canvas import Canvas
    from blobtransfer.report.figures.pictures import picture_of_tasks

    canvas = Canvas(figure.show, figure.style, figure.inches())
    drawn = picture_of_tasks([load_dataset(spec) for spec in specs], canvas, sys.argv[1:])
    with deferred():
        save_figure(drawn, path, messages)
    if messages.quiet and path is not None:
        write_stdout([f"{path}\n"])
    canvas.show()


def _described(texts: list[str], seed: list[int] | None, problem: ProblemOptions) -> list[DataSpec]:
    if len(texts) > MAX_PANELS:
        raise SettingError("task", "", f"{len(texts):,} panels; use at most {MAX_PANELS}")
    specs: list[DataSpec] = []
    for i, text in enumerate(texts):
        if text in texts[:i]:
            raise SettingError("task", text, "it is repeated; give it once")
        asked = problem_of("task", text, "seed", seed[0] if seed else None, i + 1, problem)
        specs.append(settled({"target": asked}, 0)["target"])
    return specs


def _of_seeds(seeds: list[int], problem: ProblemOptions) -> list[DataSpec]:
    if len(seeds) > MAX_PANELS:
        raise SettingError("seed", join(seeds), f"{len(seeds):,} panels; use at most {MAX_PANELS}")
    specs: list[DataSpec] = []
    for seed in seeds:
        if seeds.count(seed) > 1:
            raise SettingError("seed", join(seeds), f"{seed} is repeated; give it once")
        asked = problem_of("task", None, "seed", seed, seed, problem)
        specs.append(settled({"target": asked}, 0)["target"])
    n_cells = sum((spec.n_train + spec.n_test_rows) * spec.n_features for spec in specs)
    if len(seeds) > 1 and n_cells > MAX_DATA_VALUES:
        raise SettingError(
            "seed", join(seeds), f"{n_cells:,} numbers in all; use at most {MAX_DATA_VALUES:,}"
        )
    return specs
