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
    """All problems of a network that cannot be used here, and their remedies.

    Attributes:
        are_in_order: Whether rows go through the layers in the order in which they are read.
        remedies: Remedies of the problems that have a specific one, in the order of the problems.
        unbranched: Name of the last layer before a graph branches; empty without one.
    """

    are_in_order: bool = True
    remedies: list[str] = field(default_factory=list)
    unbranched: str = ""
    _layers: dict[str, list[str]] = field(default_factory=dict)

    def add(self, problem: str, remedy: str | None, layer: str | None = None) -> None:
        """Add a problem.

        Args:
            problem: Problem of the model; for a layer, the text that follows its name.
            remedy: What to do about it; None: leave the layer out.
            layer: Name of the layer; None for a problem of the model.
        """
        layers = self._layers.setdefault(problem, [])
        if layer is not None and quote(layer) not in layers:
            layers.append(quote(layer))
        if remedy is not None:
            self.remedies.append(remedy)

    def __bool__(self) -> bool:
        return bool(self._layers)

    def reject(self, remedy: str) -> Never:
        """Reject the file with all problems, and what to do about them, in one line."""
        problems = [_sentence(problem, layers) for problem, layers in self._layers.items()]
        reject(f"{list_some(problems, ', ')}; {remedy}")


def _sentence(problem: str, layers: list[str]) -> str:
    """Return a problem with the layers that have it, if it is not a problem of the model."""
    if not layers:
        return problem
    if len(layers) == 1:
        return f"layer {layers[0]} {problem}"
    verb, _, rest = problem.partition(" ")
    plural = {
        "is": "are", "has": "have", "acts": "act", "follows": "follow",
        "computes": "compute",
    }[verb]  # fmt: skip
    return f"layers {list_some(layers)} {plural} {rest}"
