"""WHAT to run: plain frozen data, checked when it is made; standard library only.

A caller gets a spec that can be trusted: every later room takes its values as they
are. An impossible value raises `SettingError`, which names the setting in the user's
word, so the command line can print it as an option.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from blobtransfer.errors import SettingError

Activation = Literal["relu", "tanh", "sigmoid"]
Initializer = Literal[
    "he_uniform", "he_normal", "glorot_uniform", "glorot_normal", "lecun_uniform", "lecun_normal"
]

EngineName = Literal["compiled", "keras"]

Start = Literal["standalone", "transfer", "random-frozen", "self-transfer", "equal-compute"]
Question = Literal["one", "fresh"]
"""`one`: does this source network help? `fresh`: does the method, its source drawn anew?"""
Sources = Literal["none", "one", "fresh"]
"""Which source networks a run starts from."""

ENGINES: tuple[EngineName, ...] = ("compiled", "keras")
ACTIVATIONS: tuple[Activation, ...] = ("relu", "tanh", "sigmoid")
INITIALIZERS: tuple[Initializer, ...] = (
    "he_uniform",
    "he_normal",
    "glorot_uniform",
    "glorot_normal",
    "lecun_uniform",
    "lecun_normal",
)

STARTS: tuple[Start, ...] = get_args(Start)
QUESTIONS: tuple[Question, ...] = get_args(Question)

VARIANT_KEYS = {
    "fixed": "n_fixed",
    "new-head": "new_head",
    "reinit": "reinit",
    "add": "add",
    "unfreeze": "unfreeze",
    "factor": "factor",
}
"""The user's words for the parts of a variant, and their names in `Variant`."""

MAX_SEED = 2**32 - 1
"""Largest seed that scikit-learn takes."""

MAX_COUNT = 100_000_000
"""Most of anything that is counted."""

MAX_DIGITS = 400
"""Longest number that is read; Python reads whole numbers of up to 4300 digits."""

MAX_EPOCHS = 1_000_000
"""Longest training."""

MAX_RUNS = 10_000_000
"""Most trainings of one command: 0.5 GB of scores."""

MAX_CURVES = 25_000_000
"""Most accuracies in the learning curves of one command: 0.2 GB."""

MIN_MARGIN = 1e-6
"""Least margin but 0; it takes 10^12 test rows to tell accuracies that close."""

MAX_CELLS = 100_000_000
"""Most numbers in the rows of a problem, or in their distances to the centres: 0.8 GB."""

MAX_HIDDEN = 64
"""Deepest network, in hidden layers; the time to compile one grows with its layers."""

MAX_PARAMETERS = 10_000_000
"""Largest network: what is a typing error and what is a small network?"""


@dataclass(frozen=True)
class TaskSpec:
    """One blobs problem and its split into training and test rows.

    Args:
        seed: The problem, `random_state` of `make_blobs`; 0 to 2**32 - 1.
        n_samples: Rows that are drawn.
        n_classes: Blobs, at least 2.
        n_features: Coordinates of a row, at least 1.
        cluster_std: Standard deviation of each blob, 1e-30 to 1e30.
        n_train: The first rows, which train.
        n_test: Fresh test rows from the same centres; None: the rows left after `n_train`.

    Raises:
        SettingError: A value is impossible.
    """

    seed: int
    n_samples: int = 1000
    n_classes: int = 3
    n_features: int = 2
    cluster_std: float = 2.0
    n_train: int = 500
    n_test: int | None = None

    def __post_init__(self) -> None:
        check_seed("seed", self.seed)
        _check_count("classes", self.n_classes, 2)
        _check_count("features", self.n_features)
        if not 1e-30 <= self.cluster_std <= 1e30:
            raise SettingError("cluster-std", self.cluster_std, "use a number from 1e-30 to 1e30")
        _check_count("samples", self.n_samples)
        if self.n_samples < self.n_classes:
            raise SettingError(
                "samples",
                self.n_samples,
                f"fewer rows than the {self.n_classes} classes; use at least {self.n_classes}",
            )
        if self.n_train < self.n_classes:
            raise SettingError(
                "train-samples",
                self.n_train,
                f"fewer training rows than the {self.n_classes} classes; "
                f"use at least {self.n_classes}",
            )
        if self.n_test is not None:
            _check_count("test-samples", self.n_test)
        for setting, n_rows in (("samples", self.n_samples), ("test-samples", self.n_test or 0)):
            for other, each in (("features", self.n_features), ("classes", self.n_classes)):
                if n_rows * each > MAX_CELLS:
                    most, least = sorted(((n_rows, setting), (each, other)), reverse=True)
                    raise SettingError(
                        most[1],
                        most[0],
                        f"{n_rows * each:,} numbers with {join(least)}; use at most {MAX_CELLS:,}",
                    )
        if self.n_train > self.n_samples:
            raise SettingError(
                "train-samples",
                self.n_train,
                f"the problem has {self.n_samples} rows; use fewer, or more --samples",
            )
        if self.n_train == self.n_samples and self.n_test is None:
            raise SettingError(
                "train-samples",
                self.n_train,
                f"all {self.n_samples} rows train and none is left to test; "
                "use fewer, more --samples, or --test-samples",
            )


@dataclass(frozen=True)
class MLPSpec:
    """The network: dense hidden layers of one activation and a softmax output.

    Args:
        n_features: Width of the input.
        hidden: Widths of the hidden layers, input side first; 1 to 64 layers.
        n_classes: Width of the softmax output.
        activation: Of every hidden layer.
        initializer: Of every hidden kernel; the output kernel is `glorot_uniform`, biases zero.

    Raises:
        SettingError: A value is impossible.
    """

    n_features: int = 2
    hidden: tuple[int, ...] = (5, 5)
    n_classes: int = 3
    activation: Activation = "relu"
    initializer: Initializer = "he_uniform"

    def __post_init__(self) -> None:
        if not self.hidden:
            raise SettingError("hidden", "", "no layer given; use at least one width, such as 5 5")
        if len(self.hidden) > MAX_HIDDEN:
            raise SettingError(
                "hidden",
                join(self.hidden),
                f"{len(self.hidden):,} layers; use at most {MAX_HIDDEN}",
            )
        for width in self.hidden:
            if width < 1:
                raise SettingError(
                    "hidden", join(self.hidden), f"{width} is no width; use 1 or more units"
                )
        if self.activation not in ACTIVATIONS:
            raise SettingError("activation", self.activation, f"use one of {join(ACTIVATIONS)}")
        if self.initializer not in INITIALIZERS:
            raise SettingError("initializer", self.initializer, f"use one of {join(INITIALIZERS)}")
        if self.n_parameters > MAX_PARAMETERS:
            raise SettingError(
                "hidden",
                join(self.hidden),
                f"{self.n_parameters:,} weights; use at most {MAX_PARAMETERS:,}",
            )

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Units of every layer, input first: (2, 5, 5, 3) for the default network."""
        return (self.n_features, *self.hidden, self.n_classes)

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Kernel shape (fan_in, fan_out) of every dense layer, input side first."""
        return tuple(zip(self.layer_sizes[:-1], self.layer_sizes[1:], strict=True))

    @property
    def n_parameters(self) -> int:
        """Kernel and bias entries of all layers."""
        return self.n_trainable(0)

    def n_trainable(self, n_frozen: int) -> int:
        """Count the kernel and bias entries that move with the first `n_frozen` layers frozen."""
        return sum((fan_in + 1) * fan_out for fan_in, fan_out in self.shapes[n_frozen:])

    def __str__(self) -> str:
        return "-".join(map(str, self.layer_sizes))


@dataclass(frozen=True)
class TrainingSpec:
    """How a network learns: stochastic gradient descent on the cross-entropy.

    Args:
        epochs: Passes over the training rows, at least 1.
        batch_size: Rows of a step; the last batch of an epoch may be shorter.
        learning_rate: Finite and above 0.
        momentum: At least 0 and below 1.

    Raises:
        SettingError: A value is impossible.
    """

    epochs: int = 100
    batch_size: int = 32
    learning_rate: float = 0.01
    momentum: float = 0.0

    def __post_init__(self) -> None:
        _check_count("epochs", self.epochs, most=MAX_EPOCHS)
        _check_count("batch-size", self.batch_size)
        _check_positive("learning-rate", self.learning_rate)
        if not 0.0 <= self.momentum < 1.0:
            raise SettingError("momentum", self.momentum, "use a number from 0 up to, not with, 1")


@dataclass(frozen=True)
class Phase:
    """A part of a training in which the same layers move, at the same learning rate.

    Args:
        first_epoch: The epochs before it belong to the phase before.
        training: How the networks learn, up to its last epoch.
        n_frozen: Layers, counted from the input, that do not move.
    """

    first_epoch: int
    training: TrainingSpec
    n_frozen: int


@dataclass(frozen=True)
class Variant:
    """Where the weights of a run start, and which of its layers may move.

    Args:
        start: `standalone`, `random-frozen` and `equal-compute` start from fresh weights,
            `transfer` from a network trained on the source problem, `self-transfer` from
            another network trained on the target problem itself.
        n_fixed: Hidden layers frozen, counted from the input; None where freezing is no
            question, which is `standalone` and `equal-compute`.
        new_head: The output layer is drawn afresh.
        reinit: The last that many layers, output included, are drawn afresh.
        add: Width of a new hidden layer between the source's and a new output layer.
        unfreeze: Epochs after which the frozen layers are set free.
        factor: What the learning rate is multiplied with from then on.

    Raises:
        SettingError: The parts do not go together.
    """

    start: Start
    n_fixed: int | None = None
    new_head: bool = False
    reinit: int | None = None
    add: int | None = None
    unfreeze: int | None = None
    factor: float = 1.0

    def __post_init__(self) -> None:
        if self.start not in STARTS:
            raise self._impossible(f"there is no start {self.start}; use one of {join(STARTS)}")
        changes = [self.new_head, self.reinit is not None, self.add is not None]
        if sum(changes) > 1:
            raise self._impossible("new-head, reinit and add exclude each other; use one of them")
        for word, value in (("fixed", self.n_fixed), ("reinit", self.reinit), ("add", self.add)):
            least = 0 if word == "fixed" else 1
            if value is not None and not least <= value <= MAX_COUNT:
                limit = f"{least} or more" if value < least else f"{MAX_COUNT:,} or less"
                raise self._impossible(f"use {word}={limit}")
        if (self.n_fixed is None) != (self.start in ("standalone", "equal-compute")):
            raise self._impossible(
                f"add fixed=n to {self.start}"
                if self.n_fixed is None
                else f"{self.start} freezes nothing; leave fixed out"
            )
        if self.starts_fresh and any(changes):
            raise self._impossible(
                f"{self.start} starts from fresh weights; leave new-head, reinit and add out"
            )
        if self.start == "random-frozen" and self.n_fixed == 0:
            raise self._impossible("nothing is frozen, which is standalone; use fixed=1 or more")
        if self.unfreeze is not None:
            if not self.n_fixed:
                raise self._impossible("nothing is frozen; use fixed=1 or more with unfreeze")
            if self.unfreeze < 1:
                raise self._impossible("use unfreeze=1 or more")
        elif self.factor != 1.0:
            raise self._impossible("factor needs unfreeze=E, the epochs before it")
        if not (math.isfinite(self.factor) and self.factor > 0.0):
            raise self._impossible("use a finite factor above 0")

    @property
    def starts_fresh(self) -> bool:
        """Whether the runs start from fresh weights, without any source network."""
        return self.start not in ("transfer", "self-transfer")

    @property
    def is_control(self) -> bool:
        """Whether it is there to tell why another variant wins or loses."""
        return self.start in ("random-frozen", "self-transfer", "equal-compute")

    @property
    def n_frozen(self) -> int:
        """Dense layers, counted from the input, whose weights must not move at first."""
        return self.n_fixed or 0

    @property
    def n_redrawn(self) -> int:
        """Dense layers, counted from the output, that do not come from the source network."""
        if self.add is not None:
            return 2
        return 1 if self.new_head else self.reinit or 0

    @property
    def kind(self) -> str:
        """All but the frozen layers, as people write it: `transfer`, `reinit=2`."""
        words: list[str] = [] if self.start == "transfer" else [self.start]
        words += ["new-head"] if self.new_head else []
        for word, value in (
            ("reinit", self.reinit),
            ("add", self.add),
            ("unfreeze", self.unfreeze),
        ):
            words += [] if value is None else [f"{word}={value}"]
        words += [] if self.factor == 1.0 else [f"factor={self.factor:g}"]
        return " ".join(words) or "transfer"

    def __str__(self) -> str:
        return label_of(self.kind, self.n_fixed)

    def network(self, source: MLPSpec) -> MLPSpec:
        """Give the network that is trained, told that of the default network."""
        if self.add is None:
            return source
        return replace(source, hidden=(*source.hidden, self.add))

    def phases(self, training: TrainingSpec) -> tuple[Phase, ...]:
        """Give the parts of the training on the target problem; momentum starts anew in each."""
        if self.start == "equal-compute":
            # As many more epochs as a source network takes.
            return (Phase(0, replace(training, epochs=2 * training.epochs), 0),)
        if self.unfreeze is None:
            return (Phase(0, training, self.n_frozen),)
        free = replace(training, learning_rate=training.learning_rate * self.factor)
        return (
            Phase(0, replace(training, epochs=self.unfreeze), self.n_frozen),
            Phase(self.unfreeze, free, 0),
        )

    def check_fits(self, n_hidden: int, epochs: int) -> None:
        """Raise `SettingError` unless a network and a training can do what is asked.

        Args:
            n_hidden: Hidden layers of the source network.
            epochs: Of the training.
        """
        layers = "hidden layer" if n_hidden == 1 else "hidden layers"
        n_kept = n_hidden + 1 - (0 if self.add is not None else self.n_redrawn)
        if (self.n_fixed or 0) > n_hidden:
            raise self._impossible(
                f"the network has {n_hidden} {layers}; use fixed={_choices(n_hidden)}"
            )
        if n_kept < 1:
            raise self._impossible(
                f"the network has {n_hidden} {layers} and an output layer; "
                f"use reinit=1 to {n_hidden}"
            )
        if self.n_redrawn and (self.n_fixed or 0) > n_kept:
            raise self._impossible(
                f"layer {self.n_fixed} is drawn afresh, frozen it would never learn; "
                f"use fixed={_choices(n_kept)}"
            )
        if self.unfreeze is not None and self.unfreeze >= epochs:
            raise self._impossible(f"the training has {epochs} epochs; use unfreeze below that")

    def _impossible(self, problem: str) -> SettingError:
        return SettingError("variant", str(self), problem)


STANDALONE = Variant("standalone")


def label_of(kind: str, n_fixed: int | None) -> str:
    """Write a variant as people do, such as `transfer fixed=1`."""
    return kind if n_fixed is None else f"{kind} fixed={n_fixed}"


def parse_variant(text: str) -> Variant:
    """Read a variant as the user writes it.

    Args:
        text: A start (left out: `transfer`) and `key=value` words, after commas or spaces:
            `new-head,fixed=1`, `random-frozen fixed=2`, `fixed=2,unfreeze=50,factor=0.1`.

    Raises:
        SettingError: It cannot be read, or the parts do not go together.
    """
    start: Start | None = None
    parts: dict[str, Any] = {}

    def refused(problem: str) -> SettingError:
        return SettingError("variant", text, problem)

    words = re.split(r"[,\s]+", text.strip(", \t\n"))
    for word in words:
        key, equals, value = word.partition("=")
        if not equals and key in STARTS:
            if start is not None:
                raise refused(f"{start} and {key} exclude each other; use one of them")
            start = key
        elif key == "reverse":
            raise refused("this is no variant but another comparison; use --reverse")
        elif key not in VARIANT_KEYS or (key == "new-head") == bool(equals):
            raise refused(
                f"{word or 'nothing'} is not known; use {', '.join(STARTS[1:])}, new-head, "
                "reinit=K, add=WIDTH, unfreeze=EPOCHS, factor=X, fixed=N"
            )
        elif key in parts:
            raise refused(f"{key} is repeated; give it once")
        elif key == "new-head":
            parts[key] = True
        else:
            parts[key] = read_number(value, float if key == "factor" else int)
            if parts[key] is None:
                raise refused(f"{word}: use a {'' if key == 'factor' else 'whole '}number")
    if start == "standalone":
        raise refused("standalone is always compared; leave it out")
    start = start or "transfer"
    if start in ("transfer", "self-transfer") and "unfreeze" not in parts:
        parts.setdefault("fixed", 0)
    try:
        return Variant(start, **{VARIANT_KEYS[key]: value for key, value in parts.items()})
    except SettingError as error:
        raise refused(error.problem) from error


def transfer_variants(fixed: Sequence[int] | None, n_hidden: int) -> tuple[Variant, ...]:
    """Give one transfer variant for each number of frozen hidden layers, in ascending order.

    Args:
        fixed: Numbers of frozen hidden layers; None: 0, 1 and 2 up to the depth.
        n_hidden: Hidden layers of the source network.

    Raises:
        SettingError: No number, a number twice, or one outside 0..n_hidden.
    """
    if fixed is None:
        fixed = range(min(2, n_hidden) + 1)
    if not fixed:
        raise SettingError("fixed", "", f"no number given; use one or more of {_choices(n_hidden)}")
    for n_fixed in fixed:
        if not 0 <= n_fixed <= n_hidden:
            layers = "layer" if n_hidden == 1 else "layers"
            raise SettingError(
                "fixed",
                n_fixed,
                f"the network has {n_hidden} hidden {layers}; use {_choices(n_hidden)}",
            )
        if list(fixed).count(n_fixed) > 1:
            raise SettingError("fixed", join(fixed), f"{n_fixed} is repeated; give it once")
    return tuple(Variant("transfer", n_fixed) for n_fixed in sorted(fixed))


@dataclass(frozen=True)
class Arm:
    """What is compared: a variant, and which source networks its runs start from."""

    variant: Variant
    sources: Sources

    @property
    def label_fields(self) -> dict[str, Any]:
        """The columns that say in results which arm a record is about."""
        return {
            "sources": self.sources,
            "variant": self.variant.kind,
            "fixed": self.variant.n_fixed,
        }


@dataclass(frozen=True)
class ExperimentSpec:
    """Everything that decides the results of one command.

    Args:
        network: The network that learns, on the source as on the target.
        training: How it learns.
        variants: What is compared, `standalone` first; at least one.
        questions: Whether one source network is used, fresh ones, or both in turn.
        n_repeats: Independent repeats of every variant, at least 1.
        nested: Sources, and target repeats of each; their product is `n_repeats`. None: every
            repeat of a fresh source has its own.
        train_seed: All randomness of weights, batch order and statistics; 0 to 2**32 - 1.
        source: The problem on which source networks are trained; None where none is.
        target: The problem whose accuracy counts; None for a source network alone.
        model_path: The file of the one source network; None: it is trained on `source`.
        engine: What trains; every engine gives the same networks.
        margin: Differences of accuracy up to this do not matter in practice; 0 up to 1.
        speed: Keep learning curves and compare how fast the variants learn.
        threshold: Test accuracy to be reached, for the speed; None: 95 % of the ceiling.

    Raises:
        SettingError: A value is impossible.
    """

    network: MLPSpec
    training: TrainingSpec
    variants: tuple[Variant, ...] = (STANDALONE,)
    questions: tuple[Question, ...] = QUESTIONS
    n_repeats: int = 1
    nested: tuple[int, int] | None = None
    train_seed: int = 0
    source: TaskSpec | None = None
    target: TaskSpec | None = None
    model_path: str | None = None
    engine: EngineName = "compiled"
    margin: float = 0.01
    speed: bool = False
    threshold: float | None = None

    def __post_init__(self) -> None:
        if self.nested is not None:
            if min(self.nested) < 2:
                raise SettingError(
                    "nested", join(self.nested), "use 2 or more sources, 2 or more repeats of each"
                )
            if math.prod(self.nested) != self.n_repeats:
                raise SettingError(
                    "nested",
                    join(self.nested),
                    f"that is {math.prod(self.nested):,} repeats, not {self.n_repeats:,}",
                )
            if self.n_repeats > MAX_COUNT:
                raise SettingError(
                    "nested",
                    join(self.nested),
                    f"that is {self.n_repeats:,} repeats; use at most {MAX_COUNT:,}",
                )
            if "fresh" not in self.questions:
                raise SettingError(
                    "nested",
                    join(self.nested),
                    "it asks about several source networks; leave out --sources one",
                )
        _check_count("repeats", self.n_repeats)
        check_seed("train-seed", self.train_seed)
        check_margin(self.margin)
        if self.threshold is not None and not 0.0 < self.threshold <= 1.0:
            raise SettingError("threshold", self.threshold, "use an accuracy above 0 and up to 1")
        for i, variant in enumerate(self.variants):
            if variant in self.variants[:i]:
                raise SettingError("variant", str(variant), "it is repeated; give it once")
            variant.check_fits(len(self.network.hidden), self.training.epochs)
            try:
                variant.network(self.network)
                variant.phases(self.training)
            except SettingError as error:  # what the variant makes of the user's settings
                raise SettingError("variant", str(variant), str(error)) from error
        setting, value = (
            ("repeats", str(self.n_repeats))
            if self.nested is None
            else ("nested", join(self.nested))
        )
        n_runs = self.n_repeats * len(self.arms)
        if n_runs > MAX_RUNS:
            raise SettingError(
                setting, value, f"that is {n_runs:,} trainings; use at most {MAX_RUNS:,}"
            )
        n_kept = n_runs * (2 * self.training.epochs + 1)
        if self.speed and n_kept > MAX_CURVES:
            raise SettingError(
                setting,
                value,
                f"with --speed that is {n_kept:,} accuracies to keep; use at most {MAX_CURVES:,}",
            )

    @property
    def arms(self) -> tuple[Arm, ...]:
        """What is compared: first what needs no source, then what does, question by question."""
        return (
            *(Arm(variant, "none") for variant in self.variants if variant.starts_fresh),
            *(
                Arm(variant, question)
                for question in self.questions
                for variant in self.variants
                if not variant.starts_fresh
            ),
        )

    def source_repeat(self, repeat: int) -> int:
        """Give the repeat whose source network a fresh-source run of a repeat starts from."""
        return repeat if self.nested is None else repeat - repeat % self.nested[1]


def check_margin(margin: float) -> None:
    """Raise `SettingError` unless `margin` is from 0 up to, not with, 1."""
    if not 0.0 <= margin < 1.0:
        raise SettingError("margin", margin, "use a share from 0 up to, not with, 1, such as 0.01")
    if 0.0 < margin < MIN_MARGIN:
        raise SettingError("margin", margin, f"use 0, or {MIN_MARGIN:g} or more")


def read_number(text: str, kind: type[int] | type[float] = float) -> Any:
    """Read a number as people write it, in plain digits; None where it is none, or not finite."""
    pattern = r"[+-]?\d+" if kind is int else r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?"
    if len(text) > MAX_DIGITS or not re.fullmatch(pattern, text, re.ASCII | re.IGNORECASE):
        return None
    number = kind(text)
    return number if kind is int or math.isfinite(number) else None


def check_seed(setting: str, seed: int) -> None:
    """Raise `SettingError` unless `seed` is in 0..2**32 - 1."""
    if not 0 <= seed <= MAX_SEED:
        raise SettingError(setting, seed, f"use a whole number from 0 to {MAX_SEED}")


def printable(text: str) -> str:
    """Escape what a terminal would act on or cannot show, such as line ends and colours."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def join(values: Sequence[object]) -> str:
    """Write values as the user types them: separated by spaces."""
    return " ".join(map(str, values))


def _choices(most: int) -> str:
    if most > 3:
        return f"0 to {most}"
    return ", ".join(map(str, range(most))) + f" or {most}" if most else "0"


def _check_count(setting: str, value: int, least: int = 1, most: int = MAX_COUNT) -> None:
    if value < least:
        raise SettingError(setting, value, f"use {least} or more")
    if value > most:
        raise SettingError(setting, value, f"use {most:,} or less")


def _check_positive(setting: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0.0):
        raise SettingError(setting, value, "use a finite number above 0")
