"""Specification of a comparison: data, network, training, variants and repeats, checked together.

An experiment answers one or two questions about some variants; an arm is a variant together
with the source networks that its runs start from.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import (
    MAX_COUNT,
    as_tuple,
    check_count,
    check_number,
    check_seed,
    check_type,
    check_whole,
    join,
)
from blobtransfer.specs.data import ROLES, DataSpec, have_same_classes
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import (
    BALANCED_ACCURACY,
    JUDGED_METRICS,
    MAX_EPOCHS,
    METRICS,
    TRAIN_ACCURACY,
    Metric,
    TrainingSpec,
)
from blobtransfer.specs.variant import STANDALONE, Phase, Start, Variant

EngineName = Literal["compiled", "keras"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)

Question = Literal["fresh", "one"]
"""`fresh`: does a new source network each repeat help? `one`: does this source network help?"""
QUESTIONS: tuple[Question, ...] = get_args(Question)
"""The questions in the order of all results: the primary one first."""

SourcesChoice = Literal[Question, "both"]
"""The questions that a user selects with `--sources`."""

ComparedQuestion = Literal[Question, "scores"]
"""Also `scores`: do runs that another program trained beat their baseline?"""

Sources = Literal["none", "fresh", "one"]
"""Source networks that a run starts from."""

MAX_RUNS = 10_000_000
"""Largest number of trainings of one command: 0.5 GB of scores."""

MAX_CURVES = 25_000_000
"""Largest number of accuracies in the learning curves of one command: 0.2 GB."""

MAX_TUNED = 20
"""Largest number of learning rates that runs choose from."""

FEWEST_TO_CUT = 10
"""Fewest training rows from which validation rows can be taken."""

MIN_MARGIN = 1e-6
"""Smallest margin above 0; accuracies this close need 10^12 test rows to be distinguished."""


@dataclass(frozen=True)
class Arm:
    """A variant together with the source networks that its runs start from."""

    variant: Variant
    sources: Sources

    @property
    def columns(self) -> dict[str, Any]:
        """Columns of result files that identify the arm of a row."""
        return {
            "sources": self.sources,
            "variant": self.variant.kind,
            "fixed": self.variant.n_frozen,
        }

    @property
    def label(self) -> str:
        """The variant as the user writes it, such as `transfer fixed=1`."""
        return str(self.variant)

    def belongs_to(self, question: ComparedQuestion) -> bool:
        """Return whether the arm belongs to a question; arms without a source belong to both."""
        return self.sources in ("none", question)


STANDALONE_ARM = Arm(STANDALONE, "none")


@dataclass(frozen=True)
class Resplit:
    """A split of rows, of which each repeat makes a new one.

    Args:
        n_train: Training rows.
        n_test: Test rows.
        test_to_train: Ratio of test rows to training rows; with groups, its average.
    """

    n_train: int
    n_test: int
    test_to_train: float


@dataclass(frozen=True)
class ExperimentSpec:
    """All settings that determine the results of one comparison or training.

    Args:
        network: The network that is trained, on the source as on the target.
        training: Epochs, batches and optimizer.
        variants: Variants to compare, `standalone` first; a single variant is trained alone.
        questions: Use fresh sources (`fresh`), one source network (`one`), or both; sorted in the
            order of `QUESTIONS`.
        n_repeats: Independent repeats of every variant, at least 1.
        until_decided: Check the intervals repeatedly, with intervals that hold at every look, and
            stop when every variant is decided; `n_repeats` is then the maximum.
        nested: Number of sources, and of target repeats per source; their product is `n_repeats`.
            None: every repeat has its own fresh source.
        train_seed: All randomness of weights and batch order; 0 to 2**32 - 1.
        source: Data that source networks are trained on; None if no source network is trained.
        target: Data that accuracies are measured on; None to train a source network alone.
        model_path: File of the one source network; None: it is trained on `source`.
        model_sha256: Hash of that file, which identifies it.
        model_notes: Ignored parts of that file, one line each.
        engine: Engine that trains; all engines return the same networks.
        margin: Differences of accuracy up to this are negligible; at least 0 and less than 1.
        low: Distance of the low-accuracy line below the best possible accuracy, or below the best
            median if that is unknown; above 0 and below 1.
        against: A variant that all others are also compared with; None for none.
        speed: Record learning curves and compare how fast the variants are trained.
        tune: Learning rates that each run chooses from, by validation rows taken from its training
            rows; empty: that of `training`, which source networks always use.
        threshold: Test accuracy that measures the speed; None: 95 % of the best possible accuracy.
        source_epochs: Epochs of source networks; None: those of `training`.
        transferability: Score the fresh source networks on the target's training rows.
        equal_compute_epochs: Epochs of `equal-compute`, which make as many updates as source and
            target training together; None: twice those of `training`.
        metric: Metric by which networks are judged: what is compared, recorded in learning curves
            and after three quarters of the epochs, and used to choose among learning rates. With
            `balanced-accuracy`, the other settings and all findings are about that.

    Raises:
        SettingError: A value is impossible, or the data, the network and the variants do not fit
            each other.
    """

    network: MLPSpec = MLPSpec()
    training: TrainingSpec = TrainingSpec()
    variants: tuple[Variant, ...] = (STANDALONE,)
    questions: tuple[Question, ...] = QUESTIONS
    n_repeats: int = 1
    until_decided: bool = False
    nested: tuple[int, int] | None = None
    train_seed: int = 0
    source: DataSpec | None = None
    target: DataSpec | None = None
    model_path: str | None = None
    model_sha256: str | None = None
    model_notes: tuple[str, ...] = ()
    engine: EngineName = "compiled"
    margin: float = 0.01
    low: float = 0.1
    against: Variant | None = None
    speed: bool = False
    threshold: float | None = None
    tune: tuple[float, ...] = ()
    source_epochs: int | None = None
    transferability: bool = False
    equal_compute_epochs: int | None = None
    metric: Metric = "accuracy"

    def __post_init__(self) -> None:
        for name in ("variants", "questions", "tune", "model_notes"):
            object.__setattr__(self, name, as_tuple(name, getattr(self, name)))
        self._check_types()
        self._check_questions()
        if self.nested is not None:
            self._check_nested(self.nested)
        check_count("max-repeats" if self.until_decided else "repeats", self.n_repeats)
        check_seed("train-seed", self.train_seed)
        for name in ("source-epochs", "equal-compute-epochs"):
            if (epochs := getattr(self, name.replace("-", "_"))) is not None:
                check_count(name, epochs, most=MAX_EPOCHS)
        check_margin(self.margin)
        check_number("low", self.low)
        if not 0.0 < self.low < 1.0:
            raise SettingError(
                "low", self.low, "use a share above 0 and below 1, such as 0.1 or 10%"
            )
        if self.engine not in ENGINES:
            raise SettingError("engine", self.engine, f"use one of {join(ENGINES)}")
        if self.metric not in JUDGED_METRICS:
            raise SettingError("metric", self.metric, f"use {' or '.join(JUDGED_METRICS)}")
        if self.threshold is not None:
            check_number("threshold", self.threshold)
        if self.threshold is not None and not 0.0 < self.threshold <= 1.0:
            raise SettingError(
                "threshold",
                self.threshold,
                "use an accuracy above 0 and at most 1, such as 0.8 or 80%",
            )
        self._check_data()
        self._check_variants()
        for variant in self.variants:
            variant.check_fits(len(self.network.hidden), self.training.epochs)
            try:
                variant.network(self.network)
                self.phases(variant)
            except SettingError as error:  # the settings as the variant changes them
                raise SettingError("variant", str(variant), str(error)) from error
        if self.against is not None and self.against not in self.variants[1:]:
            names = ", ".join(map(str, self.variants[1:]))
            problem = f"not among the variants; use one of {names}, or add it with --variant"
            raise SettingError("against", str(self.against), problem)
        self._check_tune()
        self._check_patience()
        if self.transferability and not self.has_scored_sources:
            problem = "scores rank fresh source networks, and no variant starts from one"
            raise SettingError("scores", "", f"{problem}; use --sources fresh and --fixed 0")
        if self.until_decided and len(self.variants) < 2:
            raise SettingError("until-decided", "", "nothing is compared; add a variant")
        if self.target is not None and self.target.is_resplit:
            self._check_split_anew(self.target.name)
        self._check_size()

    def _check_types(self) -> None:
        """Raise `SettingError` for a field of another type; numbers are checked one by one."""
        check_type("network", self.network, MLPSpec, "an MLPSpec")
        check_type("training", self.training, TrainingSpec, "a TrainingSpec")
        for role in ROLES:
            advice = "the specification of data, such as BlobsSpec(1)"
            check_type(role, getattr(self, role), DataSpec | None, advice)
        for variant in self.variants:
            check_type("variant", variant, Variant, "Variants, such as STANDALONE")
        check_type("against", self.against, Variant | None, "a variant such as fixed=0")
        for name in ("until_decided", "speed", "transferability"):
            check_type(name, getattr(self, name), bool, "True or False")
        for name in ("model_path", "model_sha256"):
            check_type(name, getattr(self, name), str | None, "a text or None")
        for note in self.model_notes:
            check_type("model_notes", note, str, "texts")
        if self.nested is not None:
            object.__setattr__(self, "nested", as_tuple("nested", self.nested))
            if len(self.nested) != 2:
                problem = "use two numbers: sources, and repeats of each"
                raise SettingError("nested", join(self.nested), problem)
            for number in self.nested:
                check_whole("nested", number)

    def _check_questions(self) -> None:
        """Raise `SettingError` for impossible questions, and sort the others."""
        for question in self.questions:
            if question not in QUESTIONS:
                raise SettingError("sources", question, f"use one of {join(QUESTIONS)}")
        if len(set(self.questions)) != len(self.questions) or not self.questions:
            raise SettingError(
                "sources", join(self.questions), "use fresh, one, or each of them once"
            )
        object.__setattr__(self, "questions", tuple(sorted(self.questions, key=QUESTIONS.index)))

    def _check_data(self) -> None:
        """Raise `SettingError` unless the network fits the data and the source fits the target."""
        if self.source is None and self.target is None:
            raise SettingError("target", "", "no data is given; set a target, or a source")
        data = self.data
        n_features = _counted(data.n_features, "feature")
        if self.source is not None and self.source.n_features != data.n_features:
            n_source = _counted(self.source.n_features, "feature")
            problem = f"it has {n_source}, but {data.name} has {n_features}"
            advice = "use data with the same number of features"
            raise SettingError("source", self.source.name, f"{problem}; {advice}")
        for field, unit, column in (
            ("n_features", "input", "feature"), ("n_classes", "output", "class"),
        ):  # fmt: skip
            n_network, n_data = getattr(self.network, field), getattr(data, field)
            if n_network != n_data:
                problem = f"{data.name} has {_counted(n_data, column)}"
                advice = f"use data with {n_network:,}, or a network with {_counted(n_data, unit)}"
                raise SettingError("network", str(self.network), f"{problem}; {advice}")

    def _check_variants(self) -> None:
        """Raise `SettingError` unless the variants can be compared and start from the source."""
        if not self.variants:
            raise SettingError(
                "variant", "", "none is given; use standalone and one or more others"
            )
        for i, variant in enumerate(self.variants):
            if variant in self.variants[:i]:
                raise SettingError("variant", str(variant), "it is repeated; give it once")
        if len(self.variants) > 1 and self.variants[0] != STANDALONE:
            problem = "the others are compared with standalone; put that first"
            raise SettingError("variant", str(self.variants[0]), problem)
        for variant in self.variants:
            if variant.start == "transfer":
                self._check_transfer(variant)

    def _check_transfer(self, variant: Variant) -> None:
        if self.target is None:
            problem = "no target is given to train it on; set one, or use only standalone"
            raise SettingError("variant", str(variant), problem)
        if self.source is None and "fresh" in self.questions:
            problem = "fresh source networks need a source to be trained on; set one"
            raise SettingError("sources", "fresh", problem)
        if self.source is None or variant.top.n_reinitialised:
            return
        n_source, n_target = self.source.n_classes, self.target.n_classes
        if n_source != n_target:
            raise SettingError(
                "variant",
                str(variant),
                f"it reuses the output layer of the {n_source} classes of {self.source.name}, but "
                f"{self.target.name} has {n_target}; use new-head,fixed={variant.n_frozen}",
            )

    def check_comparison(self) -> None:
        """Raise `SettingError` unless the spec has a target and compares with standalone."""
        if self.target is None:
            raise SettingError("target", "", "no target is given to train on; set one")
        if self.variants[0] != STANDALONE:
            problem = "the variants are compared with standalone; put that first"
            raise SettingError("variant", str(self.variants[0]), problem)

    def check_source_network(
        self, shapes: Sequence[tuple[int, int]] | None, output: str = "softmax"
    ) -> None:
        """Raise `SettingError` unless the one source network exists and fits the variants.

        Args:
            shapes: Kernel shapes (fan_in, fan_out) of the source network from a file, input side
                first; None: it is trained on the source.
            output: Activation of its output layer.
        """
        starters = [variant for variant in self.variants if variant.start == "transfer"]
        if not starters or "one" not in self.questions:
            return
        if shapes is None:
            if self.source is None:
                problem = "no source network is given to start from; give one, or set a source"
                raise SettingError("variant", str(starters[0]), problem)
            return
        sizes = "-".join(map(str, (shapes[0][0], *(fan_out for _, fan_out in shapes))))
        if tuple(shapes[:-1]) != self.network.shapes[:-1]:
            advice = f"use one with {_counted(self.network.n_features, 'input')}"
            problem = f"{advice} and hidden layers of {join(self.network.hidden)}"
            raise SettingError("model", sizes, problem)
        if output == "softmax" and shapes[-1] == self.network.shapes[-1]:
            return
        for variant in starters:
            if not variant.top.n_reinitialised:
                layer = f"output layer of {_counted(shapes[-1][1], 'class')}"
                if output != "softmax":
                    layer = f"{output} output of {_counted(shapes[-1][1], 'unit')}, not softmax"
                raise SettingError(
                    "model",
                    sizes,
                    f"{variant} reuses its {layer}, but {self.data.name} has "
                    f"{self.data.n_classes:,} classes; use only --variant new-head,fixed=0, or "
                    "another network",
                )

    def _check_split_anew(self, name: str) -> None:
        """Raise `SettingError` for settings that need independent repeats, as resplits are not."""
        problem = f"each repeat resplits the rows of {name}, so repeats are not independent; "
        advice = "use --repeats, or split=COLUMN in --target"
        if self.until_decided:
            raise SettingError("until-decided", "", problem + advice)
        if self.nested is not None:
            raise SettingError("nested", join(self.nested), problem + advice)
        if len(self.variants) > 1 and "one" in self.questions:
            for variant in self.variants:
                if variant.start == "self-transfer":
                    raise SettingError(
                        "variant",
                        str(variant),
                        f"one network trained on {name} has seen test rows of other repeats; "
                        "use --sources fresh",
                    )

    def _check_nested(self, nested: tuple[int, int]) -> None:
        n_repeats = math.prod(nested)
        problem = None
        if self.until_decided:
            problem = "it sets the number of repeats; leave out --until-decided"
        elif min(nested) < 2:
            problem = "use 2 or more sources, 2 or more repeats of each"
        elif n_repeats != self.n_repeats:
            problem = (
                f"that is {n_repeats:,} repeats, not {self.n_repeats:,}; use repeats={n_repeats}"
            )
        elif n_repeats > MAX_COUNT:
            problem = f"that is {n_repeats:,} repeats; use at most {MAX_COUNT:,}"
        elif "fresh" not in self.questions:
            problem = "it compares several source networks; leave out --sources one"
        if problem is not None:
            raise SettingError("nested", join(nested), problem)

    def _check_tune(self) -> None:
        for rate in self.tune:
            check_number("tune", rate)
        value = f"learning-rate={','.join(f'{rate:g}' for rate in self.tune)}"
        for rate in self.tune:
            if not (math.isfinite(rate) and rate > 0.0):
                raise SettingError("tune", value, f"{rate:g}: use finite numbers above 0")
            if self.tune.count(rate) > 1:
                raise SettingError("tune", value, f"{rate:g} is repeated; give it once")
        if len(self.tune) == 1:
            raise SettingError("tune", value, "one rate only; use two or more, or --learning-rate")
        if len(self.tune) > MAX_TUNED:
            raise SettingError("tune", value, f"use at most {MAX_TUNED} rates")
        if self.tune:
            _check_validation_rows("tune", value, self.data)

    def _check_patience(self) -> None:
        """Raise `SettingError` unless every training can stop early."""
        patience = self.training.patience
        if patience is None:
            return
        for variant in self.variants:
            problem = None
            if variant.start == "equal-compute":
                problem = "equal-compute makes a fixed number of updates"
            elif variant.unfreeze is not None:
                problem = f"{variant} unfreezes layers after a fixed number of epochs"
            if problem is not None:
                raise SettingError("patience", patience, f"{problem}; leave one of the two out")
        _check_validation_rows("patience", str(patience), self.data)
        if self.source is not None and self._trains_on_source:
            _check_validation_rows("patience", str(patience), self.source)

    @property
    def _trains_on_source(self) -> bool:
        """Whether a source network is trained on the source data."""
        is_trained = "fresh" in self.questions or self.model_path is None
        return is_trained and any(variant.start == "transfer" for variant in self.variants)

    def _check_size(self) -> None:
        setting, value = "max-repeats" if self.until_decided else "repeats", str(self.n_repeats)
        if self.nested is not None:
            setting, value = "nested", join(self.nested)
        n_runs = self.n_repeats * len(self.arms) * (1 + len(self.tune))
        if n_runs > MAX_RUNS:
            raise SettingError(
                setting, value, f"that is {n_runs:,} trainings; use at most {MAX_RUNS:,}"
            )
        n_kept = self.n_repeats * sum(self.n_epochs(arm) + 1 for arm in self.arms)
        if self.speed and n_kept > MAX_CURVES:
            raise SettingError(
                setting,
                value,
                f"with --speed that is {n_kept:,} accuracies to store; use at most {MAX_CURVES:,}",
            )

    @property
    def arms(self) -> tuple[Arm, ...]:
        """All arms: first those without a source, then the others, question by question."""
        return (
            *(Arm(variant, "none") for variant in self.variants if not variant.has_source),
            *(
                Arm(variant, question)
                for question in self.questions
                for variant in self.variants
                if variant.has_source
            ),
        )

    @property
    def judged(self) -> int:
        """Index in `METRICS` of the metric by which networks are judged."""
        return JUDGED_METRICS[self.metric]

    @property
    def curve_metrics(self) -> tuple[str, ...]:
        """Metrics of the learning curves of one training; a comparison records the first only."""
        return (METRICS[self.judged], *METRICS[TRAIN_ACCURACY:BALANCED_ACCURACY])

    @property
    def data(self) -> DataSpec:
        """Data that accuracies are measured on: the target, or else the source."""
        data = self.target or self.source
        assert data is not None  # checked when the spec is built
        return data

    @property
    def resplit(self) -> Resplit | None:
        """Split of the rows that each repeat resplits; None if repeats are independent."""
        data = self.data
        if not data.is_resplit:
            return None
        return Resplit(data.n_train, data.n_test_rows, data.test_to_train)

    @property
    def is_same_data(self) -> bool:
        """Whether source and target are the same data, which is not transfer."""
        return self.source is not None and self.source == self.target

    @property
    def source_network(self) -> MLPSpec:
        """The network that is trained on the source: its output layer has the source's classes."""
        if self.source is None:
            return self.network
        return replace(self.network, n_classes=self.source.n_classes)

    @property
    def source_training(self) -> TrainingSpec:
        """Training settings of source networks."""
        if self.source_epochs is None:
            return self.training
        return replace(self.training, epochs=self.source_epochs)

    def phases(self, variant: Variant) -> tuple[Phase, ...]:
        """Return the phases of the runs of a variant."""
        training = self.training
        if variant.start == "equal-compute":
            epochs = self.equal_compute_epochs
            training = replace(training, epochs=2 * training.epochs if epochs is None else epochs)
        return variant.phases(training)

    def source_alone(self) -> "ExperimentSpec":
        """Return the spec of the one source network, as `train-source` trains it."""
        return ExperimentSpec(
            network=self.source_network,
            training=self.source_training,
            train_seed=self.train_seed,
            source=self.source,
            engine=self.engine,
            metric=self.metric,
        )

    @property
    def has_scored_sources(self) -> bool:
        """Whether runs start from fresh source networks trained on other data."""
        return any(arm.sources == "fresh" and arm.variant.start == "transfer" for arm in self.arms)

    @property
    def has_same_classes(self) -> bool:
        """Whether source and target have the same classes, so that the output layer can be kept."""
        if self.source is None or self.target is None:
            return True
        return have_same_classes(self.source, self.target)

    def n_epochs(self, arm: Arm) -> int:
        """Count the epochs of each run of an arm."""
        return self.phases(arm.variant)[-1].training.epochs

    def n_epochs_in_all(self, arm: Arm) -> int:
        """Count the epochs of a run of an arm, including those that choose its learning rate."""
        return (1 + len(self.tune)) * self.n_epochs(arm)

    def source_repeat(self, repeat: int) -> int:
        """Return the repeat whose source network the fresh-source runs of `repeat` start from."""
        return repeat if self.nested is None else repeat - repeat % self.nested[1]

    def source_starts(self, question: Question) -> list[Start]:
        """Return the starts of the arms of a question, sorted."""
        return sorted({arm.variant.start for arm in self.arms if arm.sources == question})

    def is_nested(self, arm: Arm) -> bool:
        """Return whether several runs of an arm share a source, which is then the sampling unit."""
        return self.nested is not None and arm.sources == "fresh"


def _check_validation_rows(setting: str, value: str, data: DataSpec) -> None:
    """Raise `SettingError` unless validation rows can be taken from the training rows of data."""
    if getattr(data, "group", None) is not None:
        problem = "validation rows would share groups with training rows; leave it or group= out"
        raise SettingError(setting, value, problem)
    if data.n_train < FEWEST_TO_CUT:
        problem = f"{data.n_train} training rows are too few to take validation rows from them"
        raise SettingError(setting, value, problem)


def _counted(n: int, thing: str) -> str:
    """Format a number of things, such as `1 class` or `3 classes`."""
    plural = f"{thing}es" if thing.endswith("s") else f"{thing}s"
    return f"{n:,} {thing if n == 1 else plural}"


def check_margin(margin: float) -> None:
    """Raise `SettingError` unless `margin` is at least 0 and less than 1."""
    check_number("margin", margin)
    if not 0.0 <= margin < 1.0:
        raise SettingError(
            "margin", margin, "use a share of at least 0 and less than 1; 1 point is 0.01 or 1%"
        )
    if 0.0 < margin < MIN_MARGIN:
        raise SettingError("margin", margin, f"use 0, or {MIN_MARGIN:g} or more")
