"""`pairs`: does transfer help on data like this? Many pairs of data sets."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from blobtransfer.api.requests import pairs_request
from blobtransfer.cli.data import BlobsOptions, description
from blobtransfer.cli.help import DATA, TRANSFER, VERDICTS
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
from blobtransfer.cli.parsing import option
from blobtransfer.cli.run import run
from blobtransfer.cli.streams import print_stderr
from blobtransfer.specs.study import Budget
from blobtransfer.studies.pairs import DEFAULT_FIRST_SEED, DEFAULT_PAIRS, DEFAULT_REPEATS


@dataclass(frozen=True)
class PairsOptions:
    """Number of pairs, and of repeats of each pair."""

    panel: ClassVar[str] = TRANSFER
    pairs: Annotated[int, option("Number of pairs of data sets.", panel=DATA)] = DEFAULT_PAIRS
    repeats: Annotated[int, option("Number of repeats per pair.", panel=VERDICTS)] = DEFAULT_REPEATS
    first_seed: Annotated[
        int,
        option(
            "Seed of the first source: pair 1 has this seed and the next, pair 2 the two seeds "
            "after them.",
            panel=DATA,
        ),
    ] = DEFAULT_FIRST_SEED
    source: Annotated[
        str | None,
        description(
            "Kind of the source data, such as moons:noise=0.2 or digits. The classes of a table "
            "are split at random into source and target.",
            show_default="blobs",
        ),
    ] = None
    target: Annotated[
        str | None, description("Kind of the target data.", show_default="as the source")
    ] = None
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
    """Compare on many pairs of data sets, and predict for a new pair.

    Examples:
      blobtransfer pairs --pairs 60 --repeats 60
      blobtransfer pairs --source moons:noise=0.3 --target circles
      blobtransfer pairs --source digits --pairs 20
    """
    output.check_contents("pairs")
    request = pairs_request(
        options.source,
        options.target,
        blobs.to_blobs(),
        values_of(variants, statistics, training, fixed=options.fixed, budget=options.budget),
        pairs=options.pairs,
        repeats=options.repeats,
        first_seed=options.first_seed,
    )
    if any(request.data) and not output.messages.quiet:
        print_stderr("problems of the first pair:")
    run(request, execution, output, argv)
