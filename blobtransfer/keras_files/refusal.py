"""How the readers of a model file say no, and the limits that they share."""

import json
from dataclasses import dataclass, field
from typing import Never

MAX_CONFIG_BYTES = 2**20
"""Largest description of a network; Keras writes about 1 KB a layer."""

MAX_NAME = 500

MAX_TOLD = 3
"""Most layers, and most reasons, that a line names; of more it says how many."""


CHECKPOINT = (
    "a TensorFlow checkpoint, which holds weights only; load it with TensorFlow 2.15 or older "
    "into the same network by model.load_weights, and save that as .h5"
)
"""What is said of files of weights without their network."""


class Refused(Exception):
    """The file cannot be used: what was found and what to do."""


def shown(value: object) -> str:
    """Quote what the file says, cut to a sane length; the caller makes it printable."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return f"'{text if len(text) <= 60 else text[:57] + '...'}'"


def refuse(problem: str) -> Never:
    """Refuse the file: what was found and what to do."""
    raise Refused(problem)


def list_some(texts: list[str], between: str = " ") -> str:
    """Write the first texts, and how many more there are."""
    more = len(texts) - MAX_TOLD
    told = between.join(texts[:MAX_TOLD])
    return told if more <= 0 else f"{told} and {more} more"


@dataclass
class Reasons:
    """All reasons why a network cannot be used here, and a way out of each.

    Attributes:
        are_in_order: Whether rows go through the layers in the order in which they are read.
    """

    are_in_order: bool = True
    _layers: dict[str, list[str]] = field(default_factory=dict)
    _ways: dict[str, None] = field(default_factory=dict)

    def add(self, what: str, way: str, layer: str | None = None) -> None:
        """Add a reason.

        Args:
            what: Of the model as a whole, or of a layer: what follows its name.
            way: A way out that works if there is no other reason.
            layer: Its name.
        """
        layers = self._layers.setdefault(what, [])
        if layer is not None and shown(layer) not in layers:
            layers.append(shown(layer))
        self._ways[way] = None

    def __bool__(self) -> bool:
        return bool(self._layers)

    def refuse_if_any(self, way: str) -> None:
        """Refuse the file for all reasons in one line.

        Args:
            way: A way out of whatever it is, for where the reasons have several.
        """
        if self._layers:
            reasons = [_sentence(what, layers) for what, layers in self._layers.items()]
            ways = list(self._ways)
            refuse(f"{list_some(reasons, ', ')}; {ways[0] if len(ways) == 1 else way}")


def _sentence(what: str, layers: list[str]) -> str:
    if not layers:
        return what
    if len(layers) == 1:
        return f"layer {layers[0]} {what}"
    verb, _, rest = what.partition(" ")
    plural = {"is": "are", "has": "have", "takes": "take", "computes": "compute"}[verb]
    return f"layers {list_some(layers)} {plural} {rest}"
