"""`sweep`: the same comparison at every value of a setting, or of two."""

from typing import Annotated

from blobtransfer.cli.options import ComparisonOptions, ExecutionOptions
from blobtransfer.cli.output import OutputOptions
from blobtransfer.cli.parsing import option
from blobtransfer.cli.run import StudyRequest, run
from blobtransfer.errors import SettingError
from blobtransfer.specs.study import Budget
from blobtransfer.studies.comparison import read_source_network
from blobtransfer.studies.sweep import sweep_with_base

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
    source_seed = comparison.data.source_seed
    if source_seed is not None and any(text.startswith("source-seed=") for text in over):
        problem = "source-seed varies in --over; leave one of the two out"
        raise SettingError("source-seed", source_seed, problem)
    settings = comparison.settings(budget)
    output.check_contents("sweep", settings.speed)
    source_network = read_source_network(settings)
    base, spec = sweep_with_base(settings, over, source_network)
    request = StudyRequest(spec, base, settings, source_network, comparison.data.descriptions)
    run(request, execution, output, argv)
