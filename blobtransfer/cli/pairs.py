"""`pairs`: does transfer help on data like this? Many pairs of data sets."""

import re
from dataclasses import dataclass
from typing import Annotated, ClassVar

from blobtransfer.cli.data import BlobsOptions, DataOptions, description
from blobtransfer.cli.options import (
    BUDGET_OPTION,
    FIXED_OPTION,
    ExecutionOptions,
    StatisticsOptions,
    TrainingOptions,
    VariantOptions,
    settings_of,
)
from blobtransfer.cli.output import OutputOptions
from blobtransfer.cli.parsing import PROBLEM, TRANSFER, option
from blobtransfer.cli.run import StudyRequest, run
from blobtransfer.cli.streams import print_stderr
from blobtransfer.errors import SettingError
from blobtransfer.specs.study import Budget
from blobtransfer.studies.pairs import (
    DEFAULT_FIRST_SEED,
    DEFAULT_PAIRS,
    DEFAULT_REPEATS,
    build_pairs,
)

SEED = re.compile(r"[:,]seed=")


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
    for role, text in (("source", options.source), ("target", options.target)):
        if text is not None and SEED.search(text):
            problem = "every pair draws its own seed; leave seed= out, or use --first-seed"
            raise SettingError(role, text, problem)
    data = DataOptions(
        source=options.source or options.target, target=options.target or options.source
    )
    settings = settings_of(
        variants,
        statistics,
        training,
        repeats=options.repeats,
        fixed=options.fixed,
        budget=options.budget,
        **data.requests(blobs, None, "fresh"),
    )
    spec = build_pairs(settings, options.pairs, options.first_seed)
    if any(data.descriptions) and not output.messages.quiet:
        print_stderr("the problems of the first pair:")
    request = StudyRequest(spec, spec.cells[0].spec, settings, None, data.descriptions)
    run(request, execution, output, argv)
