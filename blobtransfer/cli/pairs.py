"""`pairs`: does transfer help on data like this? Many pairs of data sets."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from blobtransfer.api.requests import pairs_request
from blobtransfer.cli.data import BlobsOptions, description
from blobtransfer.cli.options import (
    BUDGET_OPTION,
    FIXED_OPTION,
    ExecutionOptions,
    StatisticsOptions,
    TrainingOptions,
    VariantOptions,
    values_of,
)
from blobtransfer.cli.output import OutputOptions
from blobtransfer.cli.parsing import PROBLEM, TRANSFER, option
from blobtransfer.cli.run import run
from blobtransfer.cli.streams import print_stderr
from blobtransfer.specs.study import Budget
from blobtransfer.studies.pairs import DEFAULT_FIRST_SEED, DEFAULT_PAIRS, DEFAULT_REPEATS


@dataclass(frozen=True)
class PairsOptions:
    """Number of pairs, and of repeats of each pair."""

    panel: ClassVar[str] = TRANSFER
    pairs: Annotated[int, option("Pairs of problems that are drawn.")] = DEFAULT_PAIRS
    repeats: Annotated[int, option("Independent repeats of every variant on each pair.")] = (
        DEFAULT_REPEATS
    )
    first_seed: Annotated[
        int,
        option(
            "The first problem: pair 1 goes from it to the next, pair 2 from the one after that.",
            panel=PROBLEM,
        ),
    ] = DEFAULT_FIRST_SEED
    source: Annotated[
        str | None,
        description(
            "The kind of the source problems, such as moons:noise=0.2; a table gives random "
            "halves of its classes."
        ),
    ] = None
    target: Annotated[str | None, description("The kind of the target problems, likewise.")] = None
    fixed: Annotated[list[int] | None, FIXED_OPTION] = None
    budget: Annotated[Budget | None, BUDGET_OPTION] = None


def pairs(
    *,
    options: PairsOptions,
    variants: VariantOptions,
    statistics: StatisticsOptions,
    blobs: BlobsOptions,
    training: TrainingOptions,
    execution: ExecutionOptions,
    output: OutputOptions,
    argv: tuple[str, ...],
) -> None:
    """Compare on many pairs of problems: what may the next one like them see?

    Examples:

      blobtransfer pairs --pairs 60 --repeats 60

      blobtransfer pairs --source moons:noise=0.3 --target circles

      blobtransfer pairs --source digits --pairs 20
    """
    output.check_contents("pairs")
    request = pairs_request(
        options.source,
        options.target,
        blobs.given(),
        values_of(variants, statistics, training, fixed=options.fixed, budget=options.budget),
        pairs=options.pairs,
        repeats=options.repeats,
        first_seed=options.first_seed,
    )
    if any(request.data) and not output.messages.quiet:
        print_stderr("the problems of the first pair:")
    run(request, execution, output, argv)
