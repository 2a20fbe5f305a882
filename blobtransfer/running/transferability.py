"""Compute transferability scores of fresh source networks on training rows of the target."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data import load_dataset
from blobtransfer.network import forward
from blobtransfer.running.trainer import SourceKey, SourceWeights
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.statistics.transferability import SCORES, transferability


def score_sources(
    spec: ExperimentSpec, repeats: Sequence[int], sources: SourceWeights
) -> NDArray[np.float64]:
    """Score the fresh source network of each repeat, before it is trained on the target.

    Args:
        spec: The experiment.
        repeats: Indices of the R repeats.
        sources: Source networks, including the fresh ones of these repeats.

    Returns:
        (5, R) in the order of `SCORES`; NaN for a diverged network.
    """
    scores = np.empty((len(SCORES), len(repeats)))
    last: tuple[int, NDArray[np.float64]] | None = None
    for r, repeat in enumerate(repeats):
        source = spec.source_repeat(repeat)
        if last is None or last[0] != source or spec.data.is_resplit:
            weights = sources[SourceKey("fresh", "transfer", source)]
            dataset = load_dataset(spec.data, repeat, spec.train_seed)
            features, logits = forward(spec.source_network, weights, dataset.x_train)
            last = (
                source,
                transferability(
                    features, _log_softmax(logits), dataset.y_train, spec.data.n_classes
                ),
            )
        scores[:, r] = last[1]
    return scores


def _log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = logits.astype(np.float64)
    with np.errstate(invalid="ignore"):
        shifted = wide - wide.max(axis=1, keepdims=True)
        return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
