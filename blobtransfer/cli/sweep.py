"""`sweep`: the same comparison at every value of a setting, or of two."""

from typing import Annotated

from blobtransfer.api.requests import sweep_request
from blobtransfer.cli.help import DATA, NETWORK
from blobtransfer.cli.options import ComparisonOptions, ExecutionOptions
from blobtransfer.cli.output import OutputOptions
from blobtransfer.cli.parsing import option
from blobtransfer.cli.run import run
from blobtransfer.specs.study import Budget


def sweep(
    *,
    over: Annotated[
        list[str],
        option(
            "Setting to vary, such as train-samples=10,30,100. Ranges: hidden=2..32/5 has five "
            "values. Keys of data: target.noise=0.1,0.3. Given twice, all combinations are "
            "compared.",
            panel=DATA,
            metavar="SETTING=A,B,...",
        ),
    ],
    budget: Annotated[
        Budget | None,
        option(
            "Train all points for equal epochs, or for equal updates.",
            panel=NETWORK,
            show_default="updates if rows or batches vary, else epochs",
        ),
    ] = None,
    comparison: ComparisonOptions,
    execution: ExecutionOptions,
    output: OutputOptions,
    argv: tuple[str, ...],
) -> None:
    """Compare at every value of a setting, such as training rows.

    Examples:
      blobtransfer sweep --over train-samples=10,30,100,300
      blobtransfer sweep --over target.train=10,30 --source moons --target circles
      blobtransfer sweep --over hidden=2,5,20 --over cluster-std=1,2,4
    """
    output.check_contents("sweep", comparison.question.speed)
    request = sweep_request(
        over, comparison.data.to_data(), comparison.blobs.to_blobs(), comparison.values(budget)
    )
    run(request, execution, output, argv)
