"""Reject model files: the error, its problems in one line, and the limits of all readers."""

import json
from dataclasses import dataclass, field
from typing import Never

from blobtransfer.specs.network import MAX_PARAMETERS

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
"""Members of a `.keras` archive, or files of a model folder, that are read."""

MAX_CONFIG_BYTES = 2**20
"""Largest description of a network; Keras writes about 1 KB per layer."""

BYTES_PER_WEIGHT = 24
"""Largest size of a saved weight in bytes: a float64, and two moments of Adam."""

MAX_FILE_BYTES = BYTES_PER_WEIGHT * MAX_PARAMETERS + 8 * 2**20
"""Largest file: the largest network, and room for structure."""

MAX_NAME = 500
"""Longest name of a layer or a group."""

MAX_LISTED = 3
"""Largest number of layers, and of problems, that one line lists; others are counted."""


CHECKPOINT = (
    "a TensorFlow checkpoint, which holds weights only; load it with TensorFlow 2.15 or older "
    "into the same network by model.load_weights, and save that as .h5"
)
"""Message for files of weights without their network."""


class Unsupported(Exception):
    """The file cannot be used; the message says what is wrong and what to do."""


def quote(value: object) -> str:
    """Return a value of the file in quotes, cut to 60 characters; not made printable."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return f"'{text if len(text) <= 60 else text[:57] + '...'}'"


def reject(problem: str) -> Never:
    """Reject a file.

    Args:
        problem: What is wrong and what to do.

    Raises:
        Unsupported: Always.
    """
    raise Unsupported(problem)


def list_some(texts: list[str], between: str = " ") -> str:
    """Return the first texts joined, and the number of further ones."""
    more = len(texts) - MAX_LISTED
    listed = between.join(texts[:MAX_LISTED])
    return listed if more <= 0 else f"{listed} and {more} more"


@dataclass
class Problems:
    """All problems of a network that cannot be used here, and their solutions.

    Attributes:
        are_in_order: Whether rows go through the layers in the order in which they are read.
        ways: Solutions of the problems that have one of their own, the first problem's first.
    """

    are_in_order: bool = True
    ways: list[str] = field(default_factory=list)
    _layers: dict[str, list[str]] = field(default_factory=dict)

    def add(self, what: str, way: str | None, layer: str | None = None) -> None:
        """Add a problem.

        Args:
            what: Problem of the model; for a layer, the text that follows its name.
            way: Its solution; None: to leave the layer out.
            layer: Name of the layer; None for a problem of the model.
        """
        layers = self._layers.setdefault(what, [])
        if layer is not None and quote(layer) not in layers:
            layers.append(quote(layer))
        if way is not None:
            self.ways.append(way)

    def __bool__(self) -> bool:
        return bool(self._layers)

    def reject(self, way: str) -> Never:
        """Reject the file with all problems in one line.

        Args:
            way: Solution.
        """
        problems = [_sentence(what, layers) for what, layers in self._layers.items()]
        reject(f"{list_some(problems, ', ')}; {way}")


def _sentence(what: str, layers: list[str]) -> str:
    if not layers:
        return what
    if len(layers) == 1:
        return f"layer {layers[0]} {what}"
    verb, _, rest = what.partition(" ")
    plural = {"is": "are", "has": "have", "takes": "take", "computes": "compute"}[verb]
    return f"layers {list_some(layers)} {plural} {rest}"
