"""`grid`: every source against every target."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from blobtransfer.api.requests import grid_request
from blobtransfer.cli.help import DATA, TRANSFER, VERDICTS
from blobtransfer.cli.options import (
    BUDGET_OPTION,
    FIXED_OPTION,
    SCORES_OPTION,
    ExecutionOptions,
    StatisticsOptions,
    TrainingOptions,
    VariantOptions,
    values_of,
)
from blobtransfer.cli.output import OutputOptions
from blobtransfer.cli.parsing import SPECS, option
from blobtransfer.cli.run import run
from blobtransfer.specs.study import Budget
from blobtransfer.studies.settings import DEFAULT_REPEATS


@dataclass(frozen=True)
class GridOptions:
    """Data of a grid, and repeats of each pair."""

    panel: ClassVar[str] = TRANSFER
    problems: Annotated[
        list[str],
        option(
            "Two or more data sets, such as blobs:seed=1..4 moons. Each is source and target "
            "in turn.",
            panel=DATA,
            metavar=SPECS,
        ),
    ]
    repeats: Annotated[int, option("Number of repeats per source and target.", panel=VERDICTS)] = (
        DEFAULT_REPEATS
    )
    fixed: Annotated[list[int] | None, FIXED_OPTION] = None
    scores: Annotated[bool, SCORES_OPTION] = False
    budget: Annotated[Budget | None, BUDGET_OPTION] = None


def grid(
    *,
    options: GridOptions,
    variants: VariantOptions,
    statistics: StatisticsOptions,
    training: TrainingOptions,
    execution: ExecutionOptions,
    output: OutputOptions,
    argv: tuple[str, ...],
) -> None:
    """Compare every source with every target.

    Examples:
      blobtransfer grid blobs:seed=1..4
      blobtransfer grid --problems moons circles quantiles:classes=2
    """
    output.check_contents("grid")
    values = values_of(
        variants, statistics, training,
        repeats=options.repeats, fixed=options.fixed, scores=options.scores, budget=options.budget,
    )  # fmt: skip
    run(grid_request(options.problems, values), execution, output, argv)
