"""Small experiments: 40 training rows, 20 test rows, 2 epochs."""

from typing import Any

from blobtransfer.randomness import Stream, order_key
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.task import BlobsSpec
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

SOURCE_KEY = order_key(0, Stream.SOURCE_ORDER, 0)
REPEAT_OF = {order_key(0, Stream.TARGET_ORDER, r): r for r in range(100)}
"""The repeat that an order key on the target problem belongs to."""


def spec_of(n_repeats: int = 3, fixed: tuple[int, ...] = (0, 2), **changes: Any) -> ExperimentSpec:
    """Give a small comparison of one question, with some fields of the spec changed."""
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


def varied(key: int, first_weight: float, n_frozen: int) -> float:
    """Plan accuracies that differ by repeat and frozen layers; one run in seven fails."""
    return float("nan") if key % 7 == 0 else (key % 1000 + n_frozen) / 2000
