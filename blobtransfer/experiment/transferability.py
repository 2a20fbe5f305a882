"""Scores of the fresh source networks of some repeats, by the training rows of the target."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data import load_dataset
from blobtransfer.experiment.training import SourceKey, SourceWeights
from blobtransfer.network import forward
from blobtransfer.results.findings import SourceRanking
from blobtransfer.specs.experiment import Arm, ExperimentSpec
from blobtransfer.statistics.transferability import SCORES, rank_sources, transferability

ByRepeat = NDArray[np.float64]


def score_sources(
    spec: ExperimentSpec, repeats: Sequence[int], sources: SourceWeights
) -> NDArray[np.float64]:
    """Score the fresh source network of each repeat, before the target is learnt.

    Args:
        spec: What is run.
        repeats: Which repeats.
        sources: With the fresh source networks of these.

    Returns:
        (5, R) in the order of `SCORES`; NaN where a network has diverged.
    """
    found = np.empty((len(SCORES), len(repeats)))
    last: tuple[int, NDArray[np.float64]] | None = None
    for r, repeat in enumerate(repeats):
        source = spec.source_repeat(repeat)
        if last is None or last[0] != source or spec.task.is_resplit:
            weights = sources[SourceKey("fresh", "transfer", source)]
            task = load_dataset(spec.task, repeat, spec.train_seed)
            features, logits = forward(spec.source_network, weights, task.x_train)
            last = (
                source,
                transferability(features, _log_softmax(logits), task.y_train, spec.task.n_classes),
            )
        found[:, r] = last[1]
    return found


def rankings_of(
    spec: ExperimentSpec,
    accuracy: Mapping[Arm, ByRepeat],
    repeats: NDArray[np.int64],
    scores: NDArray[np.float64] | None,
) -> Iterator[SourceRanking]:
    """Say how well each score ranks the fresh source networks, for each arm that starts from them.

    Args:
        spec: What was run.
        accuracy: (R,) of each arm.
        repeats: (R,) which.
        scores: (5, R) of the source network of each repeat; None where they were not asked for.

    Yields:
        Arm by arm, in the order of `SCORES`. Repeats that share a source count as one network,
        with the mean of their accuracies.
    """
    if scores is None:
        return
    sources = np.array([spec.source_repeat(int(repeat)) for repeat in repeats])
    _, first, source_of = np.unique(sources, return_index=True, return_inverse=True)
    counts = np.bincount(source_of)
    for arm in spec.arms:
        if arm.sources != "fresh" or arm.variant.start != "transfer":
            continue
        means = np.bincount(source_of, accuracy[arm]) / counts
        for name, own in zip(SCORES, scores, strict=True):
            ranking = rank_sources(own[first], means, not spec.task.is_resplit)
            yield SourceRanking(arm, name, ranking)


def _log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = logits.astype(np.float64)
    with np.errstate(invalid="ignore"):
        shifted = wide - wide.max(axis=1, keepdims=True)
        return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
