"""Options of a comparison and its execution: flags, defaults and help, in groups.

Commands share whole groups. The fields of a group have the names and defaults of the fields of
`ComparisonSettings`; most texts are those of the keywords of the same names in Python.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer

from blobtransfer.cli.data import BlobsOptions, DataOptions
from blobtransfer.cli.help import LONG_RUNS, NETWORK, QUESTIONS, TRANSFER, VERDICTS
from blobtransfer.cli.parsing import NUMBERS, PAIR, WORDS, choice_error, option, parse_share
from blobtransfer.cli.unknown import NOTHING
from blobtransfer.errors import SettingError
from blobtransfer.execution.dask import address_of
from blobtransfer.specs.checks import parse_number
from blobtransfer.specs.experiment import EngineName, SourcesChoice
from blobtransfer.specs.network import (
    ACTIVATIONS,
    ALIASES,
    Initializer,
    activation_word,
    split_activation,
)
from blobtransfer.specs.study import Budget
from blobtransfer.specs.training import Metric, Optimizer
from blobtransfer.specs.variant import Variant, parse_variant
from blobtransfer.studies.settings import ComparisonSettings

DEFAULT = ComparisonSettings
"""Class whose attributes are the defaults."""


def _read_activation(text: str) -> str:
    if text.partition("=")[0] not in (*ACTIVATIONS, *ALIASES):
        raise choice_error(text, ACTIVATIONS)
    try:
        return activation_word(*split_activation(text))
    except SettingError as error:
        raise typer.BadParameter(f"{text}: {error.problem}") from error


@dataclass(frozen=True)
class TrainingOptions:
    """The network and its training."""

    panel: ClassVar[str] = NETWORK
    hidden: Annotated[list[int] | None, option(metavar=NUMBERS)] = None
    activation: Annotated[
        list[str] | None,
        option(metavar=WORDS, parser=_read_activation, autocompletion=lambda: list(ACTIVATIONS)),
    ] = None
    initializer: Annotated[Initializer, option(metavar="NAME")] = DEFAULT.initializer
    epochs: Annotated[int, option()] = DEFAULT.epochs
    batch_size: Annotated[int, option()] = DEFAULT.batch_size
    learning_rate: Annotated[float | None, option()] = None
    optimizer: Annotated[Optimizer, option()] = DEFAULT.optimizer
    momentum: Annotated[float, option()] = DEFAULT.momentum
    nesterov: Annotated[bool, option()] = DEFAULT.nesterov
    weight_decay: Annotated[float, option()] = DEFAULT.weight_decay
    patience: Annotated[int | None, option()] = None
    engine: Annotated[EngineName, option()] = DEFAULT.engine
    train_seed: Annotated[int, option()] = DEFAULT.train_seed
    metric: Annotated[Metric, option(panel=VERDICTS)] = DEFAULT.metric


def _read_variant(text: str | Variant) -> Variant:
    try:
        return text if isinstance(text, Variant) else parse_variant(text)
    except SettingError as error:
        raise typer.BadParameter(f"{error.value or NOTHING}: {error.problem}") from error


@dataclass(frozen=True)
class VariantOptions:
    """Further variants."""

    panel: ClassVar[str] = TRANSFER
    variants: Annotated[
        list[Variant] | None, option(flags="--variant", metavar="VARIANT", parser=_read_variant)
    ] = None


FIXED_OPTION: Any = option(panel=TRANSFER, metavar=NUMBERS)


@dataclass(frozen=True)
class TransferOptions:
    """Source network, variants and repeats."""

    panel: ClassVar[str] = TRANSFER
    model: Annotated[Path | None, option()] = None
    repeats: Annotated[int | None, option(panel=VERDICTS)] = None
    until_decided: Annotated[bool, option(panel=VERDICTS)] = False
    max_repeats: Annotated[int | None, option(panel=VERDICTS)] = None
    fixed: Annotated[list[int] | None, FIXED_OPTION] = None


class Points(float):
    """A share typed in points, such as `5%`; it cannot be the margin of scores."""


def _read_shown_margin(text: object) -> float:
    share = parse_share(text)
    return share if str(text).strip()[-1:].isdigit() else Points(share)


ShownMargin = Annotated[
    float | None,
    option(panel=VERDICTS, parser=_read_shown_margin, show_default="as in the results"),
]

SCORES_OPTION: Any = option(panel=QUESTIONS)

BUDGET_OPTION: Any = option(panel=NETWORK)


@dataclass(frozen=True)
class StatisticsOptions:
    """Margin, learning rates, epochs of source networks and other statistics."""

    panel: ClassVar[str] = VERDICTS
    margin: Annotated[float | None, option(panel=VERDICTS, parser=parse_share)] = None
    low: Annotated[float | None, option(panel=VERDICTS, parser=parse_share)] = None
    tune: Annotated[str | None, option(panel=NETWORK, metavar="SETTING=A,B,...")] = None
    source_epochs: Annotated[int | None, option(panel=NETWORK)] = None


@dataclass(frozen=True)
class QuestionOptions(StatisticsOptions):
    """Variants to compare, and criteria."""

    panel: ClassVar[str] = QUESTIONS
    sources: Annotated[SourcesChoice | None, option(panel=TRANSFER)] = None
    nested: Annotated[list[int] | None, option(metavar=PAIR)] = None
    against: Annotated[Variant | None, option(metavar="VARIANT", parser=_read_variant)] = None
    speed: Annotated[bool, option()] = False
    scores: Annotated[bool, SCORES_OPTION] = False
    threshold: Annotated[float | None, option(parser=parse_share)] = None


@dataclass(frozen=True)
class ComparisonOptions:
    """All options of a comparison."""

    data: DataOptions
    transfer: TransferOptions
    variants: VariantOptions
    question: QuestionOptions
    blobs: BlobsOptions
    training: TrainingOptions

    def values(self, budget: Budget | None) -> dict[str, Any]:
        """Return the options that were given, with the budget, which commands define."""
        groups = (self.transfer, self.variants, self.question, self.training)
        return values_of(*groups, budget=budget)


def values_of(*groups: Any, **values: Any) -> dict[str, Any]:
    """Return the options of groups that were given, by name.

    Args:
        groups: Groups of options.
        values: Further options.
    """
    for group in groups:
        values |= vars(group)
    return {name: value for name, value in values.items() if value is not None}


Mixed = Annotated[bool, option(panel=LONG_RUNS)]


@dataclass(frozen=True)
class ExecutionOptions:
    """Executor of the blocks, and store of the results."""

    panel: ClassVar[str] = LONG_RUNS
    store: Annotated[Path | None, option()] = None
    only_repeats: Annotated[
        str | None,
        option(
            "Compute only these repeats, such as 0..499, into --store, and print no results. "
            "blobtransfer merge combines such parts.",
            metavar="A..B",
            show_default="all",
        ),
    ] = None
    scheduler: Annotated[str | None, option(metavar="ADDRESS")] = None
    mixed: Mixed = False

    def range_of(self, n_repeats: int) -> range | None:
        """Return the repeats of `--only-repeats`; None for all repeats.

        Args:
            n_repeats: Number of repeats of the command.

        Raises:
            SettingError: The repeats do not exist, or no store is given.
        """
        text = self.only_repeats
        if text is None:
            return None
        first, dots, last = text.partition("..")
        problem, ends = "", [-1, -1]
        with suppress(SettingError):
            ends = [parse_number("only-repeats", end, int) for end in (first, last)]
        if not dots or not 0 <= ends[0] <= ends[1]:
            problem = "use FIRST..LAST, such as 0..499; the first repeat is 0"
        elif self.store is None:
            problem = "it requires a store; add --store FILE.db"
        elif ends[1] >= n_repeats:
            problem = (
                f"the command has {n_repeats:,} repeats, 0 to {n_repeats - 1:,}; use more --repeats"
            )
        if problem:
            raise SettingError("only-repeats", text, problem)
        return range(ends[0], ends[1] + 1)

    def check(self) -> None:
        """Raise `SettingError` if the options cannot be combined."""
        if self.mixed and self.store is None and self.scheduler is None:
            problem = "it requires --store or --scheduler; leave it out"
            raise SettingError("mixed", "", problem)
        if self.scheduler is not None:
            address_of(self.scheduler)
