"""Pack the numbers of a block as compressed bytes, without pickle; the spec sets their layout."""

import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.results.files.checks import check_epochs
from blobtransfer.results.results import BlockResult, Curves
from blobtransfer.results.scores import Scores
from blobtransfer.specs.experiment import Arm, ExperimentSpec, Sources
from blobtransfer.specs.training import BALANCED_ACCURACY
from blobtransfer.statistics.transferability import SCORES

LEVEL = 1
"""Compression level; higher levels take longer and gain little."""

N_LATER_ARRAYS = 2
"""Last arrays of a block, each missing in blocks that are older: earlier, balanced accuracies."""

PACKED_SOURCES: tuple[Sources, ...] = ("none", "one", "fresh")
"""Order of the arms in a block by their sources, which must not change."""


def pack(block: BlockResult) -> bytes:
    """Pack the numbers of a block: little-endian, array after array, compressed."""
    scores = block.scores.with_arms(_packed(block.scores.arms))
    arrays: list[NDArray[Any]] = [
        scores.values[:BALANCED_ACCURACY].astype("<f8"),
        scores.classes_predicted.astype("<i8"),
        scores.is_failed.astype("<u1"),
    ]
    if scores.learning_rates is not None:
        arrays.append(scores.learning_rates.astype("<f8"))
    if scores.epochs is not None:
        arrays.append(scores.epochs.astype("<i8"))
    arrays += [block.curves[arm].astype("<f8") for arm in _packed(block.curves)]
    if block.transferability is not None:
        arrays.append(block.transferability.astype("<f8"))
    arrays.append(scores.earlier_accuracy.astype("<f8"))
    arrays.append(scores.values[BALANCED_ACCURACY].astype("<f8"))
    return zlib.compress(b"".join(array.tobytes() for array in arrays), LEVEL)


def unpack(body: bytes, spec: ExperimentSpec, repeats: range) -> BlockResult:
    """Read what `pack` wrote.

    Args:
        body: The bytes.
        spec: The experiment, which determines the number of values.
        repeats: Consecutive repeats of the block.

    Raises:
        ValueError: The numbers do not fit such a block.
        zlib.error: The bytes are not compressed data.
    """
    arms, n = _packed(spec.arms), len(repeats)
    shapes: list[tuple[str, tuple[int, ...]]] = [
        ("<f8", (BALANCED_ACCURACY, len(arms), n)), ("<i8", (len(arms), n)),
        ("<u1", (len(arms), n)),
    ]  # fmt: skip
    if spec.tune:
        shapes.append(("<f8", (len(arms), n)))
    if spec.training.patience is not None:
        shapes.append(("<i8", (len(arms), n)))
    if spec.speed:
        shapes += [("<f8", (1, n, spec.n_epochs(arm) + 1)) for arm in arms]
    if spec.transferability:
        shapes.append(("<f8", (len(SCORES), n)))
    shapes += [("<f8", (len(arms), n))] * N_LATER_ARRAYS
    sizes = [np.dtype(kind).itemsize * int(np.prod(shape)) for kind, shape in shapes]
    unpacker = zlib.decompressobj()
    content = unpacker.decompress(body, sum(sizes) + 1)
    for first in range(len(sizes) - N_LATER_ARRAYS, len(sizes)):
        if len(content) == sum(sizes[:first]):  # a block of an older version
            content += np.full(sum(sizes[first:]) // 8, np.nan).tobytes()
    if len(content) != sum(sizes) or not unpacker.eof:
        raise ValueError("the number of values differs from that of the spec")
    ends = np.cumsum(sizes).tolist()
    arrays = [
        np.frombuffer(content[end - size : end], kind).reshape(shape).astype(kind[1:])
        for (kind, shape), size, end in zip(shapes, sizes, ends, strict=True)
    ]
    values, classes_predicted, is_failed, *rest, earlier_accuracy, balanced_accuracy = arrays
    scores = Scores(
        arms=arms,
        repeats=np.array(repeats, np.int64),
        values=np.concatenate([values, balanced_accuracy[None]]),
        classes_predicted=classes_predicted,
        is_failed=is_failed.astype(bool),
        earlier_accuracy=earlier_accuracy,
        learning_rates=rest.pop(0) if spec.tune else None,
        epochs=rest.pop(0) if spec.training.patience is not None else None,
    ).with_arms(spec.arms)
    transferability = rest.pop() if spec.transferability else None
    packed_curves: Curves = dict(zip(arms, rest, strict=True)) if spec.speed else {}
    curves = {arm: packed_curves[arm] for arm in spec.arms if arm in packed_curves}
    scores.check(spec.network.n_classes, spec.judged)
    check_epochs(scores, spec.training, [spec.n_epochs(arm) for arm in scores.arms])
    for arm, curve in curves.items():
        accuracy = curve[0][~scores.is_failed[scores.arms.index(arm)]]
        if not ((accuracy >= 0) & (accuracy <= 1)).all():
            raise ValueError("a curve has values that are not accuracies")
    return BlockResult(scores, curves, transferability)


def _packed(arms: Iterable[Arm]) -> tuple[Arm, ...]:
    """Return arms in the order in which a block is packed."""
    return tuple(sorted(arms, key=lambda arm: PACKED_SOURCES.index(arm.sources)))
