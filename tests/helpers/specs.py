"""Small experiments: 40 training rows, 20 test rows, 2 epochs."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from blobtransfer.randomness import Stream, order_keys
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.specs.variant import STANDALONE, parse_variant, transfer_variants

SMALL: dict[str, Any] = {"n_samples": 60, "n_train": 40}

SMALL_OPTIONS = ("--samples", "60", "--train-samples", "40", "--epochs", "2")
"""The same on the command line."""

VARIANTS = (
    STANDALONE,
    *transfer_variants([0, 1], 2),
    *map(parse_variant, ("random-frozen,fixed=1", "new-head", "fixed=1,unfreeze=1,factor=0.5")),
)
"""One of most kinds."""

SOURCE_KEY = int(order_keys(0, Stream.SOURCE_ORDER, [0])[0])
REPEAT_OF = {int(key): r for r, key in enumerate(order_keys(0, Stream.TARGET_ORDER, range(100)))}
"""The repeat that an order key on the target problem belongs to."""


def spec_of(n_repeats: int = 3, fixed: tuple[int, ...] = (0, 2), **changes: Any) -> ExperimentSpec:
    """Return a small comparison of one question, with some fields of the spec changed."""
    settings: dict[str, Any] = {
        "network": MLPSpec(),
        "training": TrainingSpec(epochs=2),
        "variants": (STANDALONE, *transfer_variants(fixed, 2)),
        "questions": ("one",),
        "n_repeats": n_repeats,
        "source": BlobsSpec(1, **SMALL),
        "target": BlobsSpec(2, **SMALL),
    } | changes
    return ExperimentSpec(**settings)


def source_network(network: MLPSpec = MLPSpec(), **changes: Any) -> Any:
    """Return what is read from a model file: zero weights, a note, and no preprocessing."""
    weights = [np.zeros(size) for shape in network.shapes for size in (shape, shape[1])]
    values = {"sha256": "0" * 64, "preprocessing": None, "output": "softmax", "notes": ("a",)}
    return SimpleNamespace(network=network, weights=weights, **(values | changes))


def varied(key: int, first_weight: float, n_frozen: int) -> float:
    """Plan accuracies that differ by repeat and frozen layers; one run in seven fails."""
    return float("nan") if key % 7 == 0 else (key % 1000 + n_frozen) / 2000


PARITY_CASES = [
    (MLPSpec(), TrainingSpec(3), 0),
    (MLPSpec(), TrainingSpec(3), 1),
    (MLPSpec(), TrainingSpec(3), 2),
    (MLPSpec(), TrainingSpec(3, batch_size=1), 0),
    (MLPSpec(), TrainingSpec(3, batch_size=1000), 0),
    (MLPSpec(), TrainingSpec(3, batch_size=37, momentum=0.9), 0),
    (MLPSpec(hidden=(5, 5), activation="tanh"), TrainingSpec(3, momentum=0.5), 1),
    (MLPSpec(hidden=(5, 5), activation="sigmoid"), TrainingSpec(3, 16, 0.1), 0),
    (MLPSpec(hidden=(1,)), TrainingSpec(3), 1),
    (MLPSpec(hidden=(9,), activation="tanh"), TrainingSpec(3, 20), 0),
    (MLPSpec(hidden=(4, 8, 16, 3)), TrainingSpec(3, 32, 0.01, 0.9), 2),
    (MLPSpec(1, (6,), 2), TrainingSpec(3), 0),
    (MLPSpec(7, (13, 11), 12, "sigmoid", "glorot_normal"), TrainingSpec(3, 8, 0.05), 0),
    (MLPSpec(64, (64, 64), 10), TrainingSpec(3), 1),
    (MLPSpec(), TrainingSpec(3, 32, 0.01, 0.9, nesterov=True), 0),
    (
        MLPSpec(hidden=(4, 8, 3), activation="tanh"),
        TrainingSpec(3, 37, 0.02, 0.5, nesterov=True),
        1,
    ),
    (MLPSpec(), TrainingSpec(3, 32, weight_decay=0.01), 0),
    (MLPSpec(7, (13, 11), 12), TrainingSpec(3, 20, 0.05, 0.9, weight_decay=0.1), 2),
    (MLPSpec(), TrainingSpec(3, 32, 0.001, optimizer="adam"), 0),
    (MLPSpec(), TrainingSpec(3, 32, 0.01, optimizer="adam"), 1),
    (MLPSpec(), TrainingSpec(3, 1, 0.001, optimizer="adam"), 0),
    (MLPSpec(hidden=(9,), activation="tanh"), TrainingSpec(3, 37, 0.01, optimizer="adam"), 0),
    (MLPSpec(activation="sigmoid"), TrainingSpec(3, 32, 0.1, optimizer="adam"), 0),
    (MLPSpec(hidden=(4, 8, 16)), TrainingSpec(3, 1000, 0.01, optimizer="adam"), 2),
    (MLPSpec(), TrainingSpec(3, 32, 0.01, optimizer="adam", weight_decay=0.01), 1),
    (MLPSpec(64, (64, 64), 10), TrainingSpec(3, 32, 0.001, optimizer="adam"), 0),
    (MLPSpec(activation="elu"), TrainingSpec(3, momentum=0.9), 0),
    (MLPSpec(activation="gelu"), TrainingSpec(3, momentum=0.9), 0),
    (MLPSpec(7, (13, 11), 12, "gelu", "glorot_normal"), TrainingSpec(3, 8, 0.05), 1),
    (MLPSpec(activation="swish"), TrainingSpec(3, momentum=0.9), 0),
    (MLPSpec(7, (13, 11), 12, "swish", "glorot_normal"), TrainingSpec(3, 8, 0.05), 1),
    (MLPSpec(activation="softplus"), TrainingSpec(3, momentum=0.9), 0),
    (MLPSpec(hidden=(4, 8, 16), activation="softplus"), TrainingSpec(3, optimizer="adam"), 2),
    (MLPSpec(activation="leaky_relu"), TrainingSpec(3), 0),
    (MLPSpec(hidden=(4, 8, 16), activation="leaky_relu=0.1"), TrainingSpec(3, 32, 0.01, 0.9), 2),
    (
        MLPSpec(hidden=(5, 6, 7, 5), activation=("tanh", "gelu", "relu", "elu")),
        TrainingSpec(3, 16, 0.05, 0.5),
        0,
    ),
]
"""Network, training and frozen layers, which both engines train alike."""

STOPPING_CASES = [
    (MLPSpec(), TrainingSpec(20, 32, 0.1, patience=2), 0),
    (MLPSpec(), TrainingSpec(20, 16, 0.05, 0.9, weight_decay=0.01, patience=2), 1),
    (MLPSpec(activation="tanh"), TrainingSpec(20, 32, 0.03, optimizer="adam", patience=1), 0),
]
"""Network, training and frozen layers: trainings that stop early, at different epochs."""
