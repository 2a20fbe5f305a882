"""`compare`: training from scratch against starting from a source network, over many repeats."""

from typing import Annotated

from blobtransfer.api.requests import compare_request
from blobtransfer.cli.options import BUDGET_OPTION, ComparisonOptions, ExecutionOptions
from blobtransfer.cli.output import OutputOptions
from blobtransfer.cli.run import run
from blobtransfer.specs.study import Budget


def compare(
    *,
    comparison: ComparisonOptions,
    budget: Annotated[Budget | None, BUDGET_OPTION] = None,
    execution: ExecutionOptions,
    output: OutputOptions,
    argv: tuple[str, ...],
) -> None:
    """Compare training from scratch with transfer learning.

    Examples:
      blobtransfer compare --repeats 30 --fixed 0 1 2
      blobtransfer compare --source digits:classes=0-4 --target digits:classes=5-9
      blobtransfer compare --model model.keras -o results.json
    """
    output.check_contents("compare", comparison.question.speed)
    request = compare_request(
        comparison.data.to_data(), comparison.blobs.to_blobs(), comparison.values(budget)
    )
    run(request, execution, output, argv)
