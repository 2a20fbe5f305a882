"""Options of a comparison and its execution: flags, defaults and help, in groups.

Commands share whole groups. The fields of a group have the names and defaults of the fields of
`ComparisonSettings`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import typer

from blobtransfer.cli.data import BlobsOptions, DataOptions
from blobtransfer.cli.parsing import (
    EXECUTION,
    NETWORK,
    NOTHING,
    NUMBERS,
    PAIR,
    STATISTICS,
    TRANSFER,
    WORDS,
    choice_error,
    option,
)
from blobtransfer.did_you_mean import suggest
from blobtransfer.errors import SettingError
from blobtransfer.execution.dask import address_of
from blobtransfer.specs.checks import read_number
from blobtransfer.specs.experiment import EngineName, Question
from blobtransfer.specs.network import (
    ACTIVATIONS,
    ALIASES,
    INITIALIZERS,
    Initializer,
    activation_word,
    split_activation,
)
from blobtransfer.specs.study import Budget
from blobtransfer.specs.training import LEARNING_RATES, Metric, Optimizer
from blobtransfer.specs.variant import Variant, parse_variant
from blobtransfer.studies.settings import DEFAULT_MAX_REPEATS, DEFAULT_REPEATS, ComparisonSettings

DEFAULT = ComparisonSettings
"""Class whose attributes are the defaults."""

TUNED = "learning-rate"
"""Name of the setting that runs can choose."""


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
    hidden: Annotated[
        list[int] | None,
        option(
            "Widths of the hidden layers, input side first.",
            metavar=NUMBERS,
            show_default="5 5, or the model's",
        ),
    ] = None
    activation: Annotated[
        list[str] | None,
        option(
            f"Of the hidden layers, one for all or one for each: {', '.join(ACTIVATIONS)} "
            "(silu is swish), or leaky_relu=SLOPE.",
            metavar=WORDS,
            parser=_read_activation,
            autocompletion=lambda: list(ACTIVATIONS),
            show_default="relu, or the model's",
        ),
    ] = None
    initializer: Annotated[
        Initializer,
        option(
            f"Weight initializer of the hidden layers: {', '.join(INITIALIZERS)}.", metavar="RULE"
        ),
    ] = DEFAULT.initializer
    epochs: Annotated[int, option("Passes over the training rows.")] = DEFAULT.epochs
    batch_size: Annotated[int, option("Rows of one step.")] = DEFAULT.batch_size
    learning_rate: Annotated[
        float | None,
        option(
            "Above 0.",
            show_default=", ".join(
                f"{rate} for {optimizer}" for optimizer, rate in LEARNING_RATES.items()
            ),
        ),
    ] = None
    optimizer: Annotated[Optimizer, option("By the rules of Keras.")] = DEFAULT.optimizer
    momentum: Annotated[float, option("Of sgd: from 0 up to, not with, 1.")] = DEFAULT.momentum
    nesterov: Annotated[bool, option("Look ahead along the momentum.")] = DEFAULT.nesterov
    weight_decay: Annotated[
        float, option("L2 in the loss: X times the sum of squared kernels.")
    ] = DEFAULT.weight_decay
    patience: Annotated[
        int | None,
        option(
            "Early stopping: end a training after N epochs without a lower loss on validation rows "
            "(a fifth of the training rows), and restore the best weights.",
            show_default="off",
        ),
    ] = None
    engine: Annotated[EngineName, option("What trains; both give the same networks.")] = (
        DEFAULT.engine
    )
    train_seed: Annotated[int, option("All randomness of weights and batch order.")] = (
        DEFAULT.train_seed
    )
    metric: Annotated[
        Metric,
        option(
            "What is judged on test rows; balanced-accuracy is the mean of the recalls of the "
            "classes.",
            panel=STATISTICS,
        ),
    ] = DEFAULT.metric


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
        list[Variant] | None,
        option(
            "A further variant or control: new-head, reinit=K, add=WIDTH, or "
            "fixed=N,unfreeze=EPOCHS,factor=X, each also with anchor=X, a pull towards the source; "
            "random-frozen,fixed=N, self-transfer,fixed=N, or equal-compute. Repeatable; "
            "train-target takes one, and not equal-compute.",
            flags="--variant",
            metavar="SPEC",
            parser=_read_variant,
        ),
    ] = None


FIXED_OPTION: Any = option(
    "Hidden layers to freeze, one variant per number.",
    panel=TRANSFER,
    metavar=NUMBERS,
    show_default="0 1 2, up to the depth",
)


@dataclass(frozen=True)
class TransferOptions:
    """Source network, variants and repeats."""

    panel: ClassVar[str] = TRANSFER
    model: Annotated[
        Path | None,
        option(
            "The one source network (.keras, .h5 or unzipped folder), in place of training one."
        ),
    ] = None
    repeats: Annotated[
        int | None,
        option("Independent repeats of every variant.", show_default=f"{DEFAULT_REPEATS}"),
    ] = None
    until_decided: Annotated[
        bool,
        option(
            "Add repeats until every variant is decided, with intervals that hold at every look."
        ),
    ] = False
    max_repeats: Annotated[
        int | None,
        option("The most repeats, for --until-decided.", show_default=f"{DEFAULT_MAX_REPEATS}"),
    ] = None
    fixed: Annotated[list[int] | None, FIXED_OPTION] = None


def _margin(show_default: str) -> Any:
    text = "Differences of accuracy up to this do not matter in practice."
    return option(text, panel=STATISTICS, show_default=show_default)


ShownMargin = Annotated[float | None, _margin("that of the results")]


SCORES_OPTION: Any = option(
    "Also score every fresh source network by the target's training rows (H-score, LogME, LEEP, "
    "NCE), and say how well that ranks them.",
    panel=STATISTICS,
)


BUDGET_OPTION: Any = option(
    "Train target networks for as many epochs, or as many updates, as source networks.",
    panel=NETWORK,
    show_default="epochs",
)


@dataclass(frozen=True)
class StatisticsOptions:
    """Margin, learning rates, epochs of source networks and other statistics."""

    panel: ClassVar[str] = STATISTICS
    margin: Annotated[float | None, _margin(str(DEFAULT.margin))] = None
    low: Annotated[
        float | None,
        option(
            "A run ends low that is further below the ceiling than this.",
            show_default=str(DEFAULT.low),
        ),
    ] = None
    tune: Annotated[
        str | None,
        option(
            "learning-rate=A,B,...: each run takes the rate that is best for it on a fifth of its "
            "training rows, never on test rows.",
            panel=NETWORK,
            metavar="SETTING=X,X...",
            show_default="--learning-rate for all",
        ),
    ] = None
    source_epochs: Annotated[
        int | None, option("Epochs of source networks.", panel=NETWORK, show_default="--epochs")
    ] = None


@dataclass(frozen=True)
class QuestionOptions(StatisticsOptions):
    """Variants to compare, and criteria."""

    sources: Annotated[
        Literal[Question, "both"] | None,
        option(
            "fresh: does transfer help with a new source network each repeat? one: does it help "
            "with this source network?",
            show_default="both; of a sweep fresh",
        ),
    ] = None
    nested: Annotated[
        list[int] | None,
        option(
            "S source networks, T repeats of each: how much do source networks vary? In place "
            "of --repeats.",
            metavar=PAIR,
        ),
    ] = None
    against: Annotated[
        Variant | None,
        option(
            "Compare all other variants with this one too, such as fixed=0.",
            metavar="SPEC",
            parser=_read_variant,
        ),
    ] = None
    speed: Annotated[bool, option("Also compare how fast the variants learn.")] = False
    scores: Annotated[bool, SCORES_OPTION] = False
    threshold: Annotated[
        float | None,
        option("Test accuracy to be reached, for --speed.", show_default="95 % of the ceiling"),
    ] = None


@dataclass(frozen=True)
class ComparisonOptions:
    """All options of a comparison."""

    data: DataOptions
    transfer: TransferOptions
    variants: VariantOptions
    question: QuestionOptions
    blobs: BlobsOptions
    training: TrainingOptions

    def settings(self, budget: Budget | None) -> ComparisonSettings:
        """Return the settings of the options, and of the budget, which commands define."""
        requests = self.data.requests(self.blobs, self.transfer.model, self.question.sources)
        groups = (self.transfer, self.variants, self.question, self.training)
        return settings_of(*groups, budget=budget, **requests)


def settings_of(*groups: Any, **values: Any) -> ComparisonSettings:
    """Return the settings of groups of options; missing settings have their defaults.

    Args:
        groups: Groups whose fields have the names of fields of `ComparisonSettings`.
        values: Further settings.
    """
    for group in groups:
        values |= {name: value for name, value in vars(group).items() if value is not None}
    if "tune" in values:
        values["tune"] = _read_rates(values["tune"])
    return ComparisonSettings(**values)


def _read_rates(text: str) -> tuple[float, ...]:
    """Parse `learning-rate=A,B,...`."""
    setting, equals, values = text.partition("=")
    if setting != TUNED or not equals:
        question = suggest(setting, [TUNED]) if setting != TUNED else ""
        problem = f"use {TUNED}=A,B,..., such as {TUNED}=0.003,0.01,0.03"
        raise SettingError("tune", text, f"{question} {problem}".lstrip())
    rates = []
    for value in values.split(","):
        rate = read_number(value)
        if rate is None:
            raise SettingError("tune", text, f"{value or 'an empty value'} is not a finite number")
        rates.append(float(rate))
    return tuple(rates)


Mixed = Annotated[
    bool,
    option(
        "Allow repeats of other versions, or of machines that round differently.", panel=EXECUTION
    ),
]


@dataclass(frozen=True)
class ExecutionOptions:
    """Executor of the blocks, and store of the results."""

    panel: ClassVar[str] = EXECUTION
    store: Annotated[
        Path | None,
        option(
            "Store results in this file (.db): the same command resumes where it stopped, more "
            "repeats extend it."
        ),
    ] = None
    only_repeats: Annotated[
        str | None,
        option(
            "Compute these repeats alone, such as 0..499, into --store, and show nothing; "
            "blobtransfer merge joins the parts.",
            metavar="A..B",
            show_default="all",
        ),
    ] = None
    scheduler: Annotated[
        str | None,
        option(
            "Run on a Dask cluster that was started before: the address of its scheduler, such as "
            "tcp://HOST:8786, or its scheduler file.",
            metavar="ADDRESS",
            show_default="this machine",
        ),
    ] = None
    mixed: Mixed = False

    def range_of(self, n_repeats: int) -> range | None:
        """Return the repeats of `--only-repeats`; None for all.

        Args:
            n_repeats: Number of repeats of the command.

        Raises:
            SettingError: There are no such repeats, or there is no store for them.
        """
        text = self.only_repeats
        if text is None:
            return None
        first, dots, last = text.partition("..")
        ends = [read_number(end, int) for end in (first, last)]
        problem = ""
        if not dots or None in ends or not 0 <= ends[0] <= ends[1]:
            problem = "use FIRST..LAST, such as 0..499; the first repeat is 0"
        elif self.store is None:
            problem = "they have to be kept; add --store FILE.db"
        elif ends[1] >= n_repeats:
            problem = f"there are {n_repeats:,} repeats, 0 to {n_repeats - 1}; use --repeats"
        if problem:
            raise SettingError("only-repeats", text, problem)
        return range(ends[0], ends[1] + 1)

    def check(self) -> None:
        """Raise `SettingError` if the options cannot be combined."""
        if self.mixed and self.store is None and self.scheduler is None:
            problem = "nothing is mixed without --store or --scheduler; leave it out"
            raise SettingError("mixed", "", problem)
        if self.scheduler is not None:
            address_of(self.scheduler)
