"""Where the weights of a run start, and which layers may move: the variants that are compared.

A variant is plain data, checked when it is made; `parse_variant` reads it as the user
writes it, and `str` writes it so that it can be read again.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from blobtransfer.did_you_mean import suggest
from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import MAX_COUNT, join, read_number
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import MAX_PENALTY, TrainingSpec

Start = Literal["standalone", "transfer", "random-frozen", "self-transfer", "equal-compute"]
STARTS: tuple[Start, ...] = get_args(Start)

VARIANT_KEYS = {
    "fixed": "n_frozen",
    "new-head": "new_head",
    "reinit": "reinit",
    "add": "add",
    "unfreeze": "unfreeze",
    "factor": "factor",
    "anchor": "anchor",
}
"""The user's words for the parts of a variant, and their names in `Variant`."""

REAL_KEYS = ("factor", "anchor")
"""Those whose value need not be whole."""


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
        n_frozen: Hidden layers frozen, counted from the input; None for `standalone` and
            `equal-compute`, which never freeze any.
        new_head: The output layer is drawn afresh.
        reinit: The last that many layers, output included, are drawn afresh.
        add: Width of a new hidden layer between the source's and a new output layer.
        unfreeze: Epochs after which the frozen layers are set free.
        factor: What the learning rate is multiplied with from then on.
        anchor: Strength of the pull on all weights towards those of the source, and of layers
            that are drawn afresh towards 0; it takes the place of weight decay.

    Raises:
        SettingError: The parts do not go together.

    Source:
        The pull is L2-SP, Li, Grandvalet & Davoine 2018, arXiv:1802.01483, with its two
        constants the same.
    """

    start: Start
    n_frozen: int | None = None
    new_head: bool = False
    reinit: int | None = None
    add: int | None = None
    unfreeze: int | None = None
    factor: float = 1.0
    anchor: float | None = None

    def __post_init__(self) -> None:
        if self.start not in STARTS:
            raise self._impossible(f"{self.start} is not a start; use one of {join(STARTS)}")
        changes = [self.new_head, self.reinit is not None, self.add is not None]
        if sum(changes) > 1:
            raise self._impossible("new-head, reinit and add exclude each other; use one of them")
        for word, value in (("fixed", self.n_frozen), ("reinit", self.reinit), ("add", self.add)):
            least = 0 if word == "fixed" else 1
            if value is not None and not least <= value <= MAX_COUNT:
                limit = f"{least} or more" if value < least else f"{MAX_COUNT:,} or less"
                raise self._impossible(f"use {word}={limit}")
        if (self.n_frozen is None) != (self.start in ("standalone", "equal-compute")):
            raise self._impossible(
                f"add fixed=n to {self.start}"
                if self.n_frozen is None
                else f"{self.start} freezes nothing; leave fixed out"
            )
        if self.starts_fresh and any(changes):
            raise self._impossible(
                f"{self.start} starts from fresh weights; leave new-head, reinit and add out"
            )
        if self.anchor is not None:
            if self.starts_fresh:
                raise self._impossible(
                    f"{self.start} has no source network to be pulled towards; leave anchor out"
                )
            if not 0.0 < self.anchor <= MAX_PENALTY:
                raise self._impossible(f"use anchor above 0, up to {MAX_PENALTY:,.0f}")
        if self.start == "random-frozen" and self.n_frozen == 0:
            raise self._impossible("nothing is frozen, which is standalone; use fixed=1 or more")
        if self.unfreeze is not None:
            if not self.n_frozen:
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
    def n_redrawn(self) -> int:
        """Dense layers, counted from the output, that do not come from the source network."""
        if self.add is not None:
            return 2
        return 1 if self.new_head else self.reinit or 0

    @property
    def words(self) -> tuple[tuple[str, object], ...]:
        """All but the frozen layers, as words and their values; None for a word alone."""
        parts: list[tuple[str, object]] = []
        if self.start != "transfer":
            parts.append((self.start, None))
        if self.new_head:
            parts.append(("new-head", None))
        for word in ("reinit", "add", "unfreeze"):
            if getattr(self, word) is not None:
                parts.append((word, getattr(self, word)))
        if self.factor != 1.0:
            parts.append(("factor", _shortest(self.factor)))
        if self.anchor is not None:
            parts.append(("anchor", _shortest(self.anchor)))
        return tuple(parts) or (("transfer", None),)

    @property
    def kind(self) -> str:
        """All but the frozen layers, as people write it: `transfer`, `reinit=2`."""
        return " ".join(word if value is None else f"{word}={value}" for word, value in self.words)

    def __str__(self) -> str:
        return self.kind if self.n_frozen is None else f"{self.kind} fixed={self.n_frozen}"

    def network(self, source: MLPSpec) -> MLPSpec:
        """Give the network that is trained, given that of the source."""
        if self.add is None:
            return source
        activation = source.activation
        if not isinstance(activation, str):  # the new layer is like the one below it
            activation = (*activation, activation[-1])
        return replace(source, hidden=(*source.hidden, self.add), activation=activation)

    def phases(self, training: TrainingSpec) -> tuple[Phase, ...]:
        """Give the parts of the training on the target problem; moments start anew in each."""
        if self.start == "equal-compute":
            # As many more epochs as a source network takes.
            return (Phase(0, replace(training, epochs=2 * training.epochs), 0),)
        if self.unfreeze is None:
            return (Phase(0, training, self.n_frozen or 0),)
        free = replace(training, learning_rate=training.learning_rate * self.factor)
        return (
            Phase(0, replace(training, epochs=self.unfreeze), self.n_frozen or 0),
            Phase(self.unfreeze, free, 0),
        )

    def n_epochs(self, training: TrainingSpec) -> int:
        """Give the epochs of a run on the target problem."""
        return self.phases(training)[-1].training.epochs

    def check_fits(self, n_hidden: int, epochs: int) -> None:
        """Raise `SettingError` unless a network and a training can do what is asked.

        Args:
            n_hidden: Hidden layers of the source network.
            epochs: Of the training.
        """
        layers = "hidden layer" if n_hidden == 1 else "hidden layers"
        n_kept = n_hidden + 1 - (0 if self.add is not None else self.n_redrawn)
        if (self.n_frozen or 0) > n_hidden:
            raise self._impossible(
                f"the network has {n_hidden} {layers}; use fixed={_choices(n_hidden)}"
            )
        if n_kept < 1:
            raise self._impossible(
                f"the network has {n_hidden} {layers} and an output layer; "
                f"use reinit=1 to {n_hidden}"
            )
        if self.n_redrawn and (self.n_frozen or 0) > n_kept:
            raise self._impossible(
                f"layer {self.n_frozen} is drawn afresh, frozen it would never learn; "
                f"use fixed={_choices(n_kept)}"
            )
        if self.unfreeze is not None and self.unfreeze >= epochs:
            raise self._impossible(f"the training has {epochs} epochs; use unfreeze below that")

    def _impossible(self, problem: str) -> SettingError:
        return SettingError("variant", str(self), problem)


STANDALONE = Variant("standalone")


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
            raise refused("reverse is not a variant but another comparison; use --reverse")
        elif key not in VARIANT_KEYS or (key == "new-head") == bool(equals):
            raise refused(
                f"{word or 'an empty variant'} is not known; {_meant(key)}"
                f"use {', '.join(STARTS[1:])}, "
                "new-head, reinit=K, add=WIDTH, unfreeze=EPOCHS, factor=X, anchor=X, fixed=N"
            )
        elif key in parts:
            raise refused(f"{key} is repeated; give it once")
        elif key == "new-head":
            parts[key] = True
        else:
            parts[key] = read_number(value, float if key in REAL_KEYS else int)
            if parts[key] is None:
                raise refused(f"{word}: use a {'' if key in REAL_KEYS else 'whole '}number")
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
    for n_frozen in fixed:
        if not 0 <= n_frozen <= n_hidden:
            layers = "layer" if n_hidden == 1 else "layers"
            raise SettingError(
                "fixed",
                n_frozen,
                f"the network has {n_hidden} hidden {layers}; use {_choices(n_hidden)}",
            )
        if list(fixed).count(n_frozen) > 1:
            raise SettingError("fixed", join(fixed), f"{n_frozen} is repeated; give it once")
    return tuple(Variant("transfer", n_frozen) for n_frozen in sorted(fixed))


def _shortest(value: float) -> str:
    """Write a number so that the very same is read again."""
    return repr(value).removesuffix(".0")


def _meant(key: str) -> str:
    """Ask whether another word was meant; nothing where it is known, or none is near."""
    suggestion = "" if key in VARIANT_KEYS else suggest(key, (*STARTS[1:], *VARIANT_KEYS))
    return f"{suggestion} " if suggestion else ""


def _choices(most: int) -> str:
    if most > 3:
        return f"0 to {most}"
    return ", ".join(map(str, range(most))) + f" or {most}" if most else "0"
