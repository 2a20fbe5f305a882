"""Settings of a comparison, with the names and defaults of the options of `compare`."""

import os
from dataclasses import dataclass, fields, replace
from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias

from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import (
    as_tuple,
    check_count,
    check_type,
    check_whole,
    escape_control_characters,
    join,
)
from blobtransfer.specs.data import ROLES, DataSpec, Role
from blobtransfer.specs.experiment import (
    QUESTIONS,
    EngineName,
    ExperimentSpec,
    Question,
    SourcesChoice,
)
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.network import Initializer, MLPSpec
from blobtransfer.specs.study import BUDGETS, Budget
from blobtransfer.specs.table import TableRequest
from blobtransfer.specs.training import LEARNING_RATES, MAX_EPOCHS, Metric, Optimizer, TrainingSpec
from blobtransfer.specs.variant import Variant

if TYPE_CHECKING:
    from blobtransfer.keras_files.read import SourceNetwork

DataRequest: TypeAlias = DataSpec | TableRequest
"""Data as the user specifies it; a table is read when a spec is built."""

DEFAULT_SOURCE, DEFAULT_TARGET = BlobsSpec(1), BlobsSpec(2)

NO_TARGET = "it needs a target; add --target SPEC"

DEFAULT_REPEATS = 200
"""Repeats of a comparison."""

DEFAULT_MAX_REPEATS = 100_000
"""Default largest number of repeats with `until_decided`."""


@dataclass(frozen=True)
class ComparisonSettings:
    """Settings of a comparison; sweeps, pairs and grids vary some of them.

    Args:
        source: Data that source networks are trained on; None: blobs with seed 1 if the target
            is blobs, else no data.
        target: Data on which the variants are trained and tested; None: blobs with seed 2, unless
            the source is other data.
        model: The one source network: a file (.keras, .h5), an unzipped folder, or a network that
            was read; None: it is trained.
        hidden: Widths of the hidden layers, input side first; None: as in the model, or 5 5.
        activation: Activation of all hidden layers, or one for each; None: as in the model, or
            relu.
        initializer: Initializer of the hidden kernels.
        epochs: Passes over the training rows, at least 1.
        source_epochs: Epochs of source networks; None: as many as `epochs`.
        budget: What source and target networks have in common: `epochs`, or `updates`, which sets
            the epochs of target networks. In a sweep, what all points have in common; None:
            updates in a sweep in which rows or batches vary, else epochs.
        batch_size: Rows of one step, at least 1.
        learning_rate: Above 0; None: 0.01 for sgd, 0.001 for adam.
        optimizer: `sgd` or `adam`.
        momentum: Momentum of sgd, at least 0 and less than 1.
        nesterov: Whether sgd uses Nesterov momentum.
        weight_decay: L2 penalty on the kernels, at least 0.
        patience: Early stopping: epochs without a lower loss on validation rows after which a
            training ends, at least 1; None: every training has all its epochs.
        engine: Engine that trains.
        train_seed: Seed of weights and batch orders; 0 to 2**32 - 1.
        fixed: Numbers of frozen hidden layers, one variant each; None: 0, 1 and 2 up to the
            depth, or no such variant if the classes differ and there are other variants.
        variants: Further variants.
        sources: `one` source network for all repeats, a `fresh` one for each repeat, or `both`;
            None: both if there is source data (fresh in a sweep), else one.
        repeats: Independent repeats of every variant, at least 1; None: 200.
        until_decided: Add repeats until every variant is decided.
        max_repeats: Largest number of repeats with `until_decided`; None: 100,000.
        nested: Number of source networks, and of repeats of each, in place of `repeats`.
        margin: Differences of accuracy up to this are negligible; a share.
        low: Distance of the low-accuracy line below the best possible accuracy; a share.
        tune: Learning rates that each run chooses from by validation rows.
        speed: Whether to compare how fast the variants are trained.
        threshold: Test accuracy that measures the speed; None: 95 % of the best possible.
        scores: Whether to compute transferability scores of the fresh source networks.
        against: A variant that all others are also compared with.
        metric: Metric on test rows by which networks are judged: `accuracy`, or
            `balanced-accuracy`, the mean of the recalls of the classes that the test rows have.

    Raises:
        SettingError: One setting makes another meaningless.
    """

    source: DataRequest | None = None
    target: DataRequest | None = None
    model: "str | os.PathLike[str] | SourceNetwork | None" = None
    hidden: tuple[int, ...] | None = None
    activation: str | tuple[str, ...] | None = None
    initializer: Initializer = MLPSpec.initializer
    epochs: int = TrainingSpec.epochs
    source_epochs: int | None = None
    budget: Budget | None = None
    batch_size: int = TrainingSpec.batch_size
    learning_rate: float | None = None
    optimizer: Optimizer = TrainingSpec.optimizer
    momentum: float = TrainingSpec.momentum
    nesterov: bool = TrainingSpec.nesterov
    weight_decay: float = TrainingSpec.weight_decay
    patience: int | None = TrainingSpec.patience
    engine: EngineName = ExperimentSpec.engine
    train_seed: int = ExperimentSpec.train_seed
    fixed: tuple[int, ...] | None = None
    variants: tuple[Variant, ...] = ()
    sources: SourcesChoice | None = None
    repeats: int | None = None
    until_decided: bool = False
    max_repeats: int | None = None
    nested: tuple[int, int] | None = None
    margin: float = ExperimentSpec.margin
    low: float = ExperimentSpec.low
    tune: tuple[float, ...] = ()
    speed: bool = False
    threshold: float | None = None
    scores: bool = False
    against: Variant | None = None
    metric: Metric = ExperimentSpec.metric

    def __post_init__(self) -> None:
        for name in ("fixed", "variants", "nested", "tune", "hidden", "activation"):
            value = getattr(self, name)
            if value is not None and not (name == "activation" and isinstance(value, str)):
                object.__setattr__(self, name, as_tuple(name, value))
        for role in ROLES:
            advice = "a specification of data, such as BlobsSpec(1) or parse_data_spec(...)"
            check_type(role, getattr(self, role), DataRequest | None, advice)
        for variant in self.variants:
            check_type("variant", variant, Variant, "variants such as new-head")
        if self.source_epochs is not None:
            check_count("source-epochs", self.source_epochs, most=MAX_EPOCHS)
        if self.budget is not None and self.budget not in BUDGETS:
            raise SettingError("budget", self.budget, f"use one of {join(BUDGETS)}")
        for number in self.nested or ():
            check_whole("nested", number)
        nested, finds_repeats = join(self.nested or ()), self.until_decided
        for is_wrong, setting, value, problem in (
            (self.nested is not None and len(self.nested) != 2, "nested", nested,
             "use two numbers: sources, and repeats of each"),
            (self.nested is not None and self.repeats is not None, "repeats", self.repeats,
             f"--nested {nested} sets the number of repeats; leave one of the two out"),
            (finds_repeats and self.repeats is not None, "repeats", self.repeats,
             "--until-decided chooses the number of repeats; use --max-repeats to limit it"),
            (not finds_repeats and self.max_repeats is not None, "max-repeats", self.max_repeats,
             "it requires --until-decided; add it"),
            (not self.speed and self.threshold is not None, "threshold", self.threshold,
             "it requires --speed; add it"),
            (self.model is not None and self.sources == "fresh", "model", self.model,
             "--sources fresh trains all source networks itself; leave one of the two out"),
        ):  # fmt: skip
            if is_wrong:
                raise SettingError(setting, value, problem)

    @property
    def data(self) -> dict[Role, DataRequest]:
        """The data by role, the source first if there is one.

        Raises:
            SettingError: There is a source that is not blobs, and neither a target nor a model.
        """
        source, target = self.source, self.target or DEFAULT_TARGET
        if source is None:
            source = DEFAULT_SOURCE if isinstance(target, BlobsSpec) else None
        elif self.target is None and self.model is None and not isinstance(source, BlobsSpec):
            name = source.origin if isinstance(source, TableRequest) else source.name
            raise SettingError("source", escape_control_characters(name), NO_TARGET)
        return {"target": target} if source is None else {"source": source, "target": target}

    @property
    def n_repeats(self) -> int:
        """Number of repeats; with `until_decided` their maximum."""
        if self.until_decided:
            return DEFAULT_MAX_REPEATS if self.max_repeats is None else self.max_repeats
        if self.nested is not None:
            return prod(self.nested)
        return DEFAULT_REPEATS if self.repeats is None else self.repeats

    @property
    def training(self) -> TrainingSpec:
        """Training settings of the networks."""
        values = {field.name: getattr(self, field.name) for field in fields(TrainingSpec)}
        if self.learning_rate is None:
            values["learning_rate"] = LEARNING_RATES.get(self.optimizer, TrainingSpec.learning_rate)
        return TrainingSpec(**values)

    @property
    def source_training(self) -> TrainingSpec:
        """Training settings of source networks."""
        epochs = self.epochs if self.source_epochs is None else self.source_epochs
        return replace(self.training, epochs=epochs)

    def questions(self, has_source: bool) -> tuple[Question, ...]:
        """Return the questions, `fresh` first.

        Args:
            has_source: Whether there is data to train source networks on.

        Raises:
            SettingError: Unknown question.
        """
        if self.sources not in (None, "both", *QUESTIONS):
            raise SettingError("sources", str(self.sources), f"use {', '.join(QUESTIONS)} or both")
        if self.sources is None:
            return QUESTIONS if has_source or self.nested else ("one",)
        return QUESTIONS if self.sources == "both" else (self.sources,)


DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(ComparisonSettings)}
"""Default of every setting by the name of its field."""


def fresh_settings(
    settings: ComparisonSettings, unused: tuple[str, ...], study: str
) -> ComparisonSettings:
    """Return the settings of a study that compares with fresh sources only.

    Args:
        settings: Settings of the user.
        unused: Fields that the study does not use.
        study: Name of the study, for the error.

    Raises:
        SettingError: A setting has a value that the study does not use.
    """
    is_fresh = settings.sources in (None, "fresh")
    for name in unused if is_fresh else ("sources",):
        value = getattr(settings, name)
        if value != DEFAULTS[name]:
            problem = f"{study} does not use this option; leave it out"
            raise SettingError(name.replace("_", "-"), value, problem)
    return replace(settings, sources="fresh")
