"""Variants: the initial weights of a run and its trainable layers.

A variant is checked when it is built. `parse_variant` parses the text of the user, and `str`
formats a variant so that it can be parsed again. Files and stores hold a `VariantRecord`.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from blobtransfer.did_you_mean import suggest
from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import (
    MAX_COUNT,
    check_number,
    check_type,
    check_whole,
    join,
    parse_number,
)
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import MAX_PENALTY, TrainingSpec

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

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
"""Keys of a variant in the text of the user, and their names in `VariantRecord`."""

REAL_KEYS = ("factor", "anchor")
"""Keys whose values are real numbers."""


@dataclass(frozen=True)
class Phase:
    """A part of a training with the same trainable layers and the same learning rate.

    Args:
        first_epoch: First epoch of the phase.
        training: Settings up to the last epoch of the phase.
        n_frozen: Number of frozen layers, counted from the input.
    """

    first_epoch: int
    training: TrainingSpec
    n_frozen: int


@dataclass(frozen=True)
class KeepLayers:
    """Keep all layers of the source network."""

    n_reinitialised: ClassVar = 0


@dataclass(frozen=True)
class NewHead:
    """Re-initialise the output layer."""

    n_reinitialised: ClassVar = 1


@dataclass(frozen=True)
class ReinitLayers:
    """Re-initialise the last layers.

    Args:
        n_reinitialised: Number of layers, output layer included; at least 1.

    Raises:
        SettingError: The number is out of range.
    """

    n_reinitialised: int

    def __post_init__(self) -> None:
        _check_count("reinit", self.n_reinitialised)


@dataclass(frozen=True)
class AddLayer:
    """Add a hidden layer between the hidden layers of the source and a new output layer.

    Args:
        width: Units of the added layer; at least 1.

    Raises:
        SettingError: The width is out of range.
    """

    width: int
    n_reinitialised: ClassVar = 2

    def __post_init__(self) -> None:
        _check_count("add", self.width)


TopLayers = KeepLayers | NewHead | ReinitLayers | AddLayer
"""Treatment of the layers nearest the output; `n_reinitialised` counts the new dense layers."""


@dataclass(frozen=True)
class Unfreeze:
    """Train the frozen layers too, from a later epoch on.

    Args:
        epochs: Epochs before the layers are unfrozen; at least 1.
        factor: Factor of the learning rate from then on; finite and above 0.

    Raises:
        SettingError: A value is out of range.
    """

    epochs: int
    factor: float = 1.0

    def __post_init__(self) -> None:
        _check_count("unfreeze", self.epochs)
        check_number("variant", self.factor)
        if not (math.isfinite(self.factor) and self.factor > 0.0):
            raise SettingError("variant", f"factor={self.factor}", "use a finite factor above 0")


@dataclass(frozen=True)
class Variant:
    """Initial weights of a run, and its trainable layers.

    Args:
        start: `standalone`, `random-frozen` and `equal-compute` start from random weights,
            `transfer` from a network trained on the source data, `self-transfer` from another
            network trained on the target data.
        n_frozen: Hidden layers frozen, counted from the input; None for `standalone` and
            `equal-compute`, which never freeze any.
        top: Treatment of the layers nearest the output.
        unfreeze: When the frozen layers are trained too; None: never.
        anchor: Strength of the L2-SP penalty, which replaces weight decay: it pulls
            weights towards those of the source network, and re-initialised layers towards 0;
            None: no penalty.

    Raises:
        SettingError: A value is out of range, or cannot be combined with the start.

    Source:
        Li, Grandvalet & Davoine 2018, arXiv:1802.01483, with its two constants the same.
    """

    start: Start
    n_frozen: int | None = None
    top: TopLayers = KeepLayers()
    unfreeze: Unfreeze | None = None
    anchor: float | None = None

    def __post_init__(self) -> None:
        check_type("variant", self.top, TopLayers, "NewHead(), ReinitLayers(n) or AddLayer(width)")
        check_type("variant", self.unfreeze, Unfreeze | None, "Unfreeze(epochs, factor) or None")
        if self.n_frozen is not None:
            _check_count("fixed", self.n_frozen, least=0)
        if self.anchor is not None:
            check_number("variant", self.anchor)
        freezes_none = self.start in ("standalone", "equal-compute")
        problem = None
        if self.start not in STARTS:
            problem = f"{self.start} is not a start; use one of {join(STARTS)}"
        elif self.n_frozen is None and not freezes_none:
            problem = f"{self.start} needs fixed=N; add it, such as {self.start},fixed=1"
        elif self.n_frozen is not None and freezes_none:
            problem = f"{self.start} freezes nothing; leave fixed out"
        elif self.top.n_reinitialised and not self.has_source:
            problem = (
                f"{self.start} starts from new random weights; leave new-head, reinit and add out"
            )
        elif self.anchor is not None and not self.has_source:
            problem = f"{self.start} has no source network to be pulled towards; leave anchor out"
        elif self.anchor is not None and not 0.0 < self.anchor <= MAX_PENALTY:
            problem = f"use an anchor above 0 and at most {MAX_PENALTY:,.0f}"
        elif self.start == "random-frozen" and self.n_frozen == 0:
            problem = "fixed=0 freezes nothing, which is standalone; use fixed=1 or more"
        elif self.unfreeze is not None and not self.n_frozen:
            problem = "nothing is frozen; use fixed=1 or more with unfreeze"
        self._raise(problem)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        """Return the pydantic schema of a variant: that of its flat record."""
        from pydantic_core.core_schema import no_info_after_validator_function

        return no_info_after_validator_function(VariantRecord.variant, handler(VariantRecord))

    def record(self) -> "VariantRecord":
        """Return the flat record for files and stores."""
        top, unfreeze = self.top, self.unfreeze
        return VariantRecord(
            self.start,
            self.n_frozen,
            new_head=isinstance(top, NewHead),
            reinit=top.n_reinitialised if isinstance(top, ReinitLayers) else None,
            add=top.width if isinstance(top, AddLayer) else None,
            unfreeze=None if unfreeze is None else unfreeze.epochs,
            factor=1.0 if unfreeze is None else unfreeze.factor,
            anchor=self.anchor,
        )

    @property
    def has_source(self) -> bool:
        """Whether the runs start from a source network."""
        return self.start in ("transfer", "self-transfer")

    @property
    def kind(self) -> str:
        """Text without the frozen layers: `transfer`, `reinit=2`."""
        words = [] if self.start == "transfer" else [str(self.start)]
        record = self.record()
        for word, name in VARIANT_KEYS.items():
            value = getattr(record, name)
            if name != "n_frozen" and value != getattr(VariantRecord, name):
                # repr, so that parsing returns the same number
                words.append(word if value is True else f"{word}={repr(value).removesuffix('.0')}")
        return " ".join(words) or "transfer"

    def __str__(self) -> str:
        return self.kind if self.n_frozen is None else f"{self.kind} fixed={self.n_frozen}"

    def network(self, source: MLPSpec) -> MLPSpec:
        """Return the network that is trained, given the network of the source."""
        if not isinstance(self.top, AddLayer):
            return source
        activation = source.activation
        if not isinstance(activation, str):  # the new layer has the activation of the layer below
            activation = (*activation, activation[-1])
        return replace(source, hidden=(*source.hidden, self.top.width), activation=activation)

    def phases(self, training: TrainingSpec) -> tuple[Phase, ...]:
        """Return the phases of a training of the variant; each starts without moments."""
        if self.unfreeze is None:
            return (Phase(0, training, self.n_frozen or 0),)
        free = replace(training, learning_rate=training.learning_rate * self.unfreeze.factor)
        return (
            Phase(0, replace(training, epochs=self.unfreeze.epochs), self.n_frozen or 0),
            Phase(self.unfreeze.epochs, free, 0),
        )

    def check_fits(self, n_hidden: int, epochs: int) -> None:
        """Raise `SettingError` unless the variant fits a network and a number of epochs.

        Args:
            n_hidden: Hidden layers of the source network.
            epochs: Epochs of the training.
        """
        layers = "hidden layer" if n_hidden == 1 else "hidden layers"
        n_frozen, n_new = self.n_frozen or 0, self.top.n_reinitialised
        n_kept = n_hidden + 1 - (0 if isinstance(self.top, AddLayer) else n_new)
        problem = None
        if n_frozen > n_hidden:
            problem = f"the network has {n_hidden} {layers}; use fixed={_choices(n_hidden)}"
        elif n_kept < 1:
            problem = f"the network has {n_hidden} {layers} and an output layer"
            problem += f"; use reinit=1 to {n_hidden}"
        elif n_new and n_frozen > n_kept:
            problem = f"layer {n_frozen} would be re-initialised and frozen"
            problem += f"; use fixed={_choices(n_kept)}"
        elif self.unfreeze is not None and self.unfreeze.epochs >= epochs:
            problem = f"the training has {epochs} {'epoch' if epochs == 1 else 'epochs'}"
            problem += "; use a smaller unfreeze, or more epochs"
        self._raise(problem)

    def _raise(self, problem: str | None) -> None:
        if problem is not None:
            raise SettingError("variant", str(self), problem)


# The docstring describes a variant in the JSON schemas.
@dataclass(frozen=True)
class VariantRecord:
    """Initial weights of a run, and its trainable layers.

    Args:
        start: `standalone`, `random-frozen` and `equal-compute` start from random weights,
            `transfer` from a network trained on the source data, `self-transfer` from another
            network trained on the target data.
        n_frozen: Hidden layers frozen, counted from the input; None for `standalone` and
            `equal-compute`, which never freeze any.
        new_head: The output layer is re-initialised.
        reinit: Number of last layers, output included, that are re-initialised.
        add: Width of a new hidden layer between the source's and a new output layer.
        unfreeze: Epochs after which the frozen layers are trained too.
        factor: Factor of the learning rate from then on.
        anchor: Strength of the L2-SP penalty, which replaces weight decay: it pulls weights towards
            those of the source network, and re-initialised layers towards 0.

    Raises:
        SettingError: The parts cannot be combined.

    Source:
        The penalty is L2-SP, Li, Grandvalet & Davoine 2018, arXiv:1802.01483, with its two
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

    def variant(self) -> Variant:
        """Return the variant.

        Raises:
            SettingError: A value is out of range, or the parts cannot be combined.
        """
        top: TopLayers
        match self.new_head, self.reinit, self.add:
            case False, None, None:
                top = KeepLayers()
            case True, None, None:
                top = NewHead()
            case False, int(n_reinitialised), None:
                top = ReinitLayers(n_reinitialised)
            case False, None, int(width):
                top = AddLayer(width)
            case _:
                problem = "new-head, reinit and add exclude each other; use one of them"
                raise SettingError("variant", self.start, problem)
        if self.unfreeze is None and self.factor != 1.0:
            problem = "factor needs unfreeze=EPOCHS; add it"
            raise SettingError("variant", self.start, problem)
        unfreeze = None if self.unfreeze is None else Unfreeze(self.unfreeze, self.factor)
        return Variant(self.start, self.n_frozen, top, unfreeze, self.anchor)


STANDALONE = Variant("standalone")


def parse_variant(text: str) -> Variant:
    """Parse a variant as the user writes it.

    Args:
        text: A start (left out: `transfer`) and `key=value` words, after commas or spaces:
            `new-head,fixed=1`, `random-frozen fixed=2`, `fixed=2,unfreeze=50,factor=0.1`.

    Raises:
        SettingError: The text cannot be parsed, or its parts cannot be combined.
    """
    start: Start | None = None
    parts: dict[str, Any] = {}

    def refused(problem: str) -> SettingError:
        return SettingError("variant", text, problem)

    words = re.split(r"[,\s]+(?!\d)", text.strip(", \t\n"))  # a comma may be part of a number
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
            try:
                parts[key] = parse_number(key, value, float if key in REAL_KEYS else int)
            except SettingError as error:
                raise refused(f"{word}: {error.problem}") from error
    if start == "standalone":
        raise refused("standalone is always compared; leave it out")
    start = start or "transfer"
    if start in ("transfer", "self-transfer") and "unfreeze" not in parts:
        parts.setdefault("fixed", 0)
    try:
        record = VariantRecord(start, **{VARIANT_KEYS[key]: parts[key] for key in parts})
        return record.variant()
    except SettingError as error:
        raise refused(error.problem) from error


def transfer_variants(fixed: Sequence[int] | None, n_hidden: int) -> tuple[Variant, ...]:
    """Return one transfer variant for each number of frozen hidden layers, in ascending order.

    Args:
        fixed: Numbers of frozen hidden layers; None: 0, 1 and 2 up to the depth.
        n_hidden: Hidden layers of the source network.

    Raises:
        SettingError: No number is given, a number is repeated, or one is outside 0..n_hidden.
    """
    if fixed is None:
        fixed = range(min(2, n_hidden) + 1)
    if not fixed:
        raise SettingError("fixed", "", f"no number given; use one or more of {_choices(n_hidden)}")
    for n_frozen in fixed:
        check_whole("fixed", n_frozen)
        if not 0 <= n_frozen <= n_hidden:
            layers = "layer" if n_hidden == 1 else "layers"
            problem = f"the network has {n_hidden} hidden {layers}; use {_choices(n_hidden)}"
            raise SettingError("fixed", n_frozen, problem)
        if list(fixed).count(n_frozen) > 1:
            raise SettingError("fixed", join(fixed), f"{n_frozen} is repeated; give it once")
    return tuple(Variant("transfer", n_frozen) for n_frozen in sorted(fixed))


def _check_count(word: str, count: int, least: int = 1) -> None:
    """Raise `SettingError` unless the value of a word is in least..MAX_COUNT."""
    check_whole("variant", count)
    if not least <= count <= MAX_COUNT:
        limit = f"{least} or more" if count < least else f"{MAX_COUNT:,} or less"
        raise SettingError("variant", f"{word}={count}", f"use {word}={limit}")


def _meant(key: str) -> str:
    """Return a suggestion for an unknown key; empty if the key is known or none is similar."""
    suggestion = "" if key in VARIANT_KEYS else suggest(key, (*STARTS[1:], *VARIANT_KEYS))
    return f"{suggestion} " if suggestion else ""


def _choices(most: int) -> str:
    if most > 3:
        return f"0 to {most}"
    return ", ".join(map(str, range(most))) + f" or {most}" if most else "0"
