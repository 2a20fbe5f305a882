"""Small studies: a sweep, pairs and a grid of the small experiments."""

from dataclasses import replace
from itertools import product
from typing import Any

from blobtransfer.randomness import Stream, order_keys
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.study import Axis, Cell, Study
from blobtransfer.specs.variant import STANDALONE, transfer_variants
from helpers.specs import SMALL, spec_of

TEST_ROWS = 20

FRESH: dict[str, Any] = {"questions": ("fresh",)}


def sweep_of(values: tuple[int, ...] = (10, 20, 40), n_repeats: int = 8, **changes: Any) -> Study:
    """Return a sweep of the training rows, each point tested on the same rows."""
    cells = []
    for value in values:
        source, target = (
            BlobsSpec(seed, **(SMALL | {"n_train": value, "n_test": TEST_ROWS})) for seed in (1, 2)
        )
        asked: dict[str, Any] = {
            "questions": ("fresh",),
            "source": source,
            "target": target,
        } | changes
        spec = spec_of(n_repeats, **asked)
        cells.append(Cell((str(value),), spec))
    return Study("sweep", (Axis("train-samples", tuple(map(str, values))),), tuple(cells), "epochs")


def pairs_of(n_pairs: int = 6, n_repeats: int = 8, **changes: Any) -> Study:
    """Return pairs of problems 1, 2, 3, ...; each has a seed of its own."""
    cells = []
    for i in range(n_pairs):
        source, target = (BlobsSpec(2 * i + place, **SMALL) for place in (1, 2))
        asked: dict[str, Any] = {
            "questions": ("fresh",),
            "source": source,
            "target": target,
        } | changes
        cells.append(Cell((str(i + 1),), spec_of(n_repeats, train_seed=i, **asked)))
    return Study("pairs", (Axis("pair", tuple(str(i + 1) for i in range(n_pairs))),), tuple(cells))


def grid_of(n_problems: int = 3, n_repeats: int = 8, **changes: Any) -> Study:
    """Return a grid of problems 1, 2, ...; on the diagonal the source is of the target problem."""
    problems = [BlobsSpec(seed, **SMALL) for seed in range(1, n_problems + 1)]
    names = tuple(one.name for one in problems)
    cells = []
    for source, target in product(problems, problems):
        asked: dict[str, Any] = {
            "questions": ("fresh",),
            "source": source,
            "target": target,
        } | changes
        if source == target:
            variants = asked.get("variants", (STANDALONE, *transfer_variants([0, 2], 2)))
            own = (
                replace(one, start="self-transfer") if one.start == "transfer" else one
                for one in variants
            )
            asked |= {"source": None, "transferability": False, "variants": tuple(own)}
        spec = spec_of(n_repeats, **asked)
        cells.append(Cell((source.name, target.name), spec))
    return Study("grid", (Axis("source", names), Axis("target", names)), tuple(cells))


def repeat_of(key: int, train_seed: int = 0) -> int | None:
    """Return the repeat that an order key on the target problem belongs to; None if none."""
    keys = order_keys(train_seed, Stream.TARGET_ORDER, range(100)).tolist()
    return keys.index(key) if key in keys else None
