"""`sweep`: the same comparison at every value of a setting, or of two."""

from typing import Annotated

from blobtransfer.api.requests import sweep_request
from blobtransfer.cli.options import ComparisonOptions, ExecutionOptions
from blobtransfer.cli.output import OutputOptions
from blobtransfer.cli.parsing import option
from blobtransfer.cli.run import run
from blobtransfer.specs.study import Budget

SWEEP = "Sweep"
"""Name of the panel of the help page."""


def sweep(
    *,
    over: Annotated[
        list[str],
        option(
            "What varies: a setting and its values, such as train-samples=10,30,100, "
            "hidden=2..32/5 or target.noise=0.1,0.3. Given twice, every value of the one is tried "
            "with every value of the other.",
            panel=SWEEP,
            metavar="SETTING=A,B,...",
        ),
    ],
    budget: Annotated[
        Budget | None,
        option(
            "Train all points for as many epochs, or for as many updates.",
            panel=SWEEP,
            show_default="updates where rows or batches vary, else epochs",
        ),
    ] = None,
    comparison: ComparisonOptions,
    execution: ExecutionOptions,
    output: OutputOptions,
    argv: tuple[str, ...],
) -> None:
    """Compare at every value of a setting: where does transfer begin, or cease, to help?

    Examples:

      blobtransfer sweep --over train-samples=10,30,100,300

      blobtransfer sweep --over target.train=10,30,100 --until-decided

      blobtransfer sweep --over hidden=2,5,20 --over cluster-std=1,2,4
    """
    output.check_contents("sweep", comparison.question.speed)
    request = sweep_request(
        over, comparison.data.given(), comparison.blobs.given(), comparison.values(budget)
    )
    run(request, execution, output, argv)
