"""`compare`: training from scratch against starting from a source network, over many repeats."""

from typing import Annotated

from blobtransfer.cli.options import BUDGET_OPTION, ComparisonOptions, ExecutionOptions
from blobtransfer.cli.output import OutputOptions
from blobtransfer.cli.run import StudyRequest, run
from blobtransfer.specs.study import Budget, Study
from blobtransfer.studies.comparison import build_comparison, read_source_network


def compare(
    *,
    comparison: ComparisonOptions,
    budget: Annotated[Budget | None, BUDGET_OPTION] = None,
    execution: ExecutionOptions,
    output: OutputOptions,
    argv: tuple[str, ...],
) -> None:
    """Compare training from scratch with starting from a source network, over many repeats.

    Examples:

      blobtransfer compare --repeats 30 --fixed 0 1 2

      blobtransfer compare --until-decided --sources fresh

      blobtransfer compare --source digits:classes=0-4 --target digits:classes=5-9

      blobtransfer compare --model model.keras -o results.json
    """
    settings = comparison.settings(budget)
    output.check_contents("compare", settings.speed)
    source_network = read_source_network(settings)
    spec = build_comparison(settings, source_network)
    request = StudyRequest(
        Study.of_one(spec), spec, settings, source_network, comparison.data.descriptions
    )
    run(request, execution, output, argv)
