"""Transferability scores: which source network would one pick before the target is learned?

Each score looks at a source network on the training rows of the target, never on its test rows:
at its last hidden features, or at the classes it would give those rows. How well a score ranks
the source networks of a run is said by a rank correlation and by what its pick costs. It says
nothing about other targets, nor whether transfer beats training from scratch.

A score is NaN where a network has diverged, or fewer than two classes have rows. Scores are
computed in float64 and do not change when all features are multiplied by a number.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from blobtransfer.statistics.paired import finite_differences
from blobtransfer.statistics.pooled import average_ranks
from blobtransfer.statistics.power import ALPHA

ScoreName = Literal["h_score", "h_score_regularised", "logme", "leep", "nce"]

SCORES: tuple[ScoreName, ...] = ("h_score", "h_score_regularised", "logme", "leep", "nce")
"""Higher is better in all of them."""

FEWEST_RANKED = 6
"""Source networks; fewer have no rank correlation."""

RANK_TOLERANCE = 1e-10
"""A direction with less of the greatest variance, such as the difference of doubled units, is
none: float32 leaves 1e-14 of it."""

CONSTANT_TOLERANCE = 1e-12
"""Features that vary by less than this share of their mean square are constant."""

LEAST_RESIDUAL = 1e-10
"""Share of the squares of a label that LogME leaves unexplained at least: a perfect fit has no
greatest evidence."""

MOST_STEPS = 50
"""Of LogME: about 5 with many rows and features that tell; what tells nothing takes all, and is
off by less than 0.001 nats at 30 rows."""

Features = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Ranking:
    """How well a score ranks source networks by their accuracy after transfer.

    Args:
        n: Source networks that have a score.
        spearman: Rank correlation of score and accuracy; None for fewer than 6, or where one of
            them does not vary.
        ci_low: Lower end of its 95 % interval; None also where the networks are not independent.
        ci_high: Upper end.
        gain: Accuracy of the network with the best score less the mean of all networks, a share;
            None where none has a score.
        regret: Accuracy of the best of all networks less that of the one picked, a share.
    """

    n: int
    spearman: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    gain: float | None = None
    regret: float | None = None


def transferability(
    features: Features, log_probabilities: Features, labels: Labels, n_classes: int
) -> NDArray[np.float64]:
    """Score one source network on the training rows of a target.

    Args:
        features: (n, d) of the last hidden layer.
        log_probabilities: (n, Z) log-softmax of the output layer, by the classes of the source.
        labels: (n,) class numbers of the target, from 0.
        n_classes: Of the target; some may have no rows.

    Returns:
        (5,) in the order of `SCORES`; NaN where a score cannot be said.
    """
    if not (_is_finite(features) and _is_distribution(log_probabilities)):
        return np.full(len(SCORES), np.nan)
    return np.array(
        [
            h_score(features, labels, n_classes),
            h_score_regularised(features, labels, n_classes),
            logme(features, labels, n_classes),
            leep(log_probabilities, labels, n_classes),
            nce(log_probabilities, labels, n_classes),
        ]
    )


def h_score(features: Features, labels: Labels, n_classes: int) -> float:
    """Give the share of the variance of features that lies between classes, summed by direction.

    Of random labels it is d (C - 1) / (n - 1) on average, 0.34 at n = 30, d = 5, C = 3: between
    networks with as many units that live this is the same, but it is no evidence of transfer.

    Args:
        features: (n, d) of the last hidden layer.
        labels: (n,) class numbers of the target.
        n_classes: Of the target.

    Returns:
        tr(cov(f)^-1 cov(E[f | y])), 0 to min(C - 1, d); 0 where the features are constant.

    Source:
        Bao et al. 2019, doi:10.1109/ICIP.2019.8803726.
    """
    indicators = _indicators(labels, n_classes)
    if not _is_finite(features) or indicators.shape[1] < 2:
        return math.nan
    centred, least = _centred(features)
    variances, between = _between_classes(centred, indicators)
    kept = variances > max(RANK_TOLERANCE * float(variances[-1]), least)
    return float(np.sum(between[kept] / variances[kept]))


def h_score_regularised(features: Features, labels: Labels, n_classes: int) -> float:
    """Give the H-score with a shrunken covariance, for few rows.

    Args:
        features: (n, d) of the last hidden layer.
        labels: (n,) class numbers of the target.
        n_classes: Of the target.

    Returns:
        tr(cov_a(f)^-1 (1 - a) cov(E[f | y])) with the shrinkage a, 0 to min(C - 1, d).

    Source:
        Ibrahim et al. 2021, arXiv:2110.06893.
    """
    indicators = _indicators(labels, n_classes)
    if not _is_finite(features) or indicators.shape[1] < 2:
        return math.nan
    centred, least = _centred(features)
    variances, between = _between_classes(centred, indicators)
    if variances[-1] <= least:
        return 0.0
    shrinkage = ledoit_wolf_shrinkage(centred)
    if shrinkage == 0.0:
        return h_score(features, labels, n_classes)
    shrunken = (1.0 - shrinkage) * variances + shrinkage * variances.mean()
    return float((1.0 - shrinkage) * np.sum(between / shrunken))


def ledoit_wolf_shrinkage(centred: NDArray[np.float64]) -> float:
    """Say how far a covariance is best drawn towards one with equal variances.

    Args:
        centred: (n, d) features less their mean.

    Returns:
        0 (not at all) to 1.

    Source:
        Ledoit & Wolf 2004, doi:10.1016/S0047-259X(03)00096-4.
    """
    n, d = centred.shape
    squares = float(np.sum((centred.T @ centred / n) ** 2))
    of_rows = np.sum(centred**2, axis=1)
    distance = squares - float(of_rows.mean()) ** 2 / d
    noise = (float(np.mean(of_rows**2)) - squares) / n
    if d == 1 or distance <= 0.0 or noise <= 0.0:
        return 0.0
    return float(min(1.0, noise / distance))


def logme(features: Features, labels: Labels, n_classes: int) -> float:
    """Give the greatest log evidence of a Bayesian linear model of each class, per row.

    Never to be compared between targets, as it depends on the shares of the classes.

    Args:
        features: (n, d) of the last hidden layer; neither centred nor given an intercept.
        labels: (n,) class numbers of the target.
        n_classes: Of the target.

    Returns:
        Mean over the classes that have rows, in nats per row. Where all features are 0, the
        evidence of noise alone.

    Source:
        You et al. 2021, arXiv:2102.11005, with the noise at its best for the ratio of the two
        precisions, which alone is iterated; directions without variance drop out.
    """
    indicators = _indicators(labels, n_classes)
    if not _is_finite(features) or indicators.shape[1] < 2:
        return math.nan
    scaled, n = _scaled(features), len(features)
    values, vectors = np.linalg.eigh(scaled.T @ scaled)
    kept = values > RANK_TOLERANCE * values[-1]
    values = values[kept, None]  # (r, 1), squared singular values
    explained = (vectors[:, kept].T @ (scaled.T @ indicators)) ** 2 / values  # (r, C)
    squares = indicators.sum(axis=0)
    rest = np.maximum(squares - explained.sum(axis=0), LEAST_RESIDUAL * squares)
    shares = _shares_of_evidence(values, explained, rest, n)
    residual = rest + np.sum(explained * (1.0 - shares), axis=0)
    evidence = np.sum(np.log1p(-shares), axis=0) / n - np.log(2.0 * math.pi * residual / n) - 1.0
    return float(evidence.mean() / 2.0)


def leep(log_probabilities: Features, labels: Labels, n_classes: int) -> float:
    """Give the log likelihood of labels, by way of the source's classes.

    Args:
        log_probabilities: (n, Z) log-softmax of the output layer.
        labels: (n,) class numbers of the target.
        n_classes: Of the target.

    Returns:
        Mean log of sum_z P(y | z) theta_z(x), in nats; at most 0, and -H(Y) where the output does
        not depend on the row.

    Source:
        Nguyen et al. 2020, arXiv:2002.12462.
    """
    indicators = _indicators(labels, n_classes)
    if not _is_distribution(log_probabilities) or indicators.shape[1] < 2:
        return math.nan
    logits = log_probabilities.astype(np.float64)
    theta = np.exp(logits - logits.max(axis=1, keepdims=True))
    theta /= theta.sum(axis=1, keepdims=True)
    joint = indicators.T @ theta  # (C, Z)
    of_source = joint.sum(axis=0)
    of_source[of_source == 0.0] = 1.0  # a class never predicted has no share in any row either
    likelihood = np.sum((indicators @ (joint / of_source)) * theta, axis=1)
    return min(0.0, float(np.mean(np.log(likelihood))))


def nce(log_probabilities: Features, labels: Labels, n_classes: int) -> float:
    """Give the negative conditional entropy of labels, given the class that the source predicts.

    Args:
        log_probabilities: (n, Z) log-softmax of the output layer.
        labels: (n,) class numbers of the target.
        n_classes: Of the target.

    Returns:
        -H(Y | Z) in nats; at most 0, and -H(Y) where the source predicts one class only.

    Source:
        Tran et al. 2019, arXiv:1908.08142.
    """
    indicators = _indicators(labels, n_classes)
    if not _is_distribution(log_probabilities) or indicators.shape[1] < 2:
        return math.nan
    n, n_source_classes = log_probabilities.shape
    predicted = np.eye(n_source_classes)[log_probabilities.argmax(axis=1)]
    joint = indicators.T @ predicted
    of_source = joint.sum(axis=0)
    nats = special.xlogy(joint, joint).sum() - special.xlogy(of_source, of_source).sum()
    return min(0.0, float(nats / n))


def rank_sources(
    scores: NDArray[np.float64], accuracy: NDArray[np.float64], is_independent: bool = True
) -> Ranking:
    """Say how well a score ranks source networks by their accuracy after transfer.

    Args:
        scores: (S,) one a source network, higher is better; NaN where there is none: such a
            network is not ranked and not picked, but counts among those one might have picked.
        accuracy: (S,) after transfer, finite.
        is_independent: Whether each network is a draw of its own; if not, there is no interval.

    Returns:
        Where several networks have the best score, the mean accuracy of these is that of the pick.

    Raises:
        ValueError: An accuracy is not finite, or there are not as many of both.

    Source:
        Bonett & Wright 2000, doi:10.1007/BF02294183. A perfect agreement has the interval of one
        with two neighbours swapped, as Fisher's z of 1 is infinite.
    """
    accuracy = finite_differences(accuracy)
    if len(accuracy) != len(scores):
        raise ValueError(
            f"{len(scores)} scores and {len(accuracy)} accuracies: one of each a network"
        )
    has_score = np.isfinite(scores)
    kept, reached = np.round(scores[has_score], 12), accuracy[has_score]
    n = len(kept)
    if n == 0:
        return Ranking(0)
    picked = float(reached[kept == kept.max()].mean())
    gain, regret = picked - float(accuracy.mean()), float(accuracy.max()) - picked
    if n < FEWEST_RANKED or not np.ptp(kept) or not np.ptp(reached):
        return Ranking(n, gain=gain, regret=regret)
    r = _rank_correlation(kept, reached)
    if not is_independent:
        return Ranking(n, r, gain=gain, regret=regret)
    swapped = 1.0 - 12.0 / (n * (n * n - 1))
    z = math.atanh(min(max(r, -swapped), swapped))
    half = float(special.ndtri(1 - ALPHA / 2)) * math.sqrt((1.0 + r * r / 2.0) / (n - 3))
    return Ranking(
        n, r, min(math.tanh(z - half), r), max(math.tanh(z + half), r), gain=gain, regret=regret
    )


def rank_by_repeat(scores: NDArray[np.float64], accuracy: NDArray[np.float64]) -> Ranking:
    """Say how well a score ranks the source networks of each repeat, target by target.

    Args:
        scores: (R, T, S) of the S source networks that a repeat tries on each of T targets; NaN
            where there is none. All of a repeat and target are then left out.
        accuracy: (R, T, S) after transfer, finite.

    Returns:
        Means over targets and repeats; `n` counts the repeats, which alone are independent, and
        the interval is Student's t over them. None where nothing can be ranked.
    """
    by_repeat = []
    for own_scores, own_accuracy in zip(scores, accuracy, strict=True):
        found = []
        for score, reached in zip(own_scores, finite_differences(own_accuracy), strict=True):
            score = np.round(score, 12)
            if np.isfinite(score).all() and np.ptp(score) and np.ptp(reached):
                picked = float(reached[score == score.max()].mean())
                found.append(
                    (
                        _rank_correlation(score, reached),
                        picked - float(reached.mean()),
                        float(reached.max()) - picked,
                    )
                )
        if found:
            by_repeat.append(np.mean(found, axis=0))
    n = len(by_repeat)
    if n == 0:
        return Ranking(0)
    spearman, gain, regret = (float(one) for one in np.mean(by_repeat, axis=0))
    if n < FEWEST_RANKED:
        return Ranking(n, spearman, gain=gain, regret=regret)
    spread = float(np.std([one[0] for one in by_repeat], ddof=1)) / math.sqrt(n)
    half = float(special.stdtrit(n - 1, 1 - ALPHA / 2)) * spread
    low, high = max(-1.0, spearman - half), min(1.0, spearman + half)
    return Ranking(n, spearman, low, high, gain=gain, regret=regret)


def _rank_correlation(scores: NDArray[np.float64], accuracy: NDArray[np.float64]) -> float:
    return float(np.corrcoef(average_ranks(scores), average_ranks(accuracy))[0, 1])


def _shares_of_evidence(
    values: NDArray[np.float64],
    explained: NDArray[np.float64],
    rest: NDArray[np.float64],
    n: int,
) -> NDArray[np.float64]:
    """Find by fixed-point steps how far each direction is believed, 0 to 1, of shape (r, C).

    It is value / (value + ratio), where the ratio is the precision of the weights over that of
    the noise.
    """
    if len(values) == 0:
        return np.zeros_like(explained)
    greatest = float(values.max())
    # A label that no feature tells takes the ratio to infinity, one fitted perfectly to 0.
    ends = 1e-12 * greatest, 1e12 * greatest
    ratio = np.full(len(rest), float(values.mean()))
    for _ in range(MOST_STEPS):
        shares = values / (values + ratio)
        n_believed = shares.sum(axis=0)
        weights = np.sum(explained * shares**2 / values, axis=0)  # squared, summed
        residual = rest + np.sum(explained * (1.0 - shares) ** 2, axis=0)
        found = n_believed * residual / np.maximum((n - n_believed) * weights, 1e-300)
        previous, ratio = ratio, np.clip(found, *ends)
        if np.all(np.abs(ratio - previous) <= 1e-4 * previous):
            break
    believed: NDArray[np.float64] = values / (values + ratio)
    return believed


def _between_classes(
    centred: NDArray[np.float64], indicators: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the variance along each principal direction, ascending, and that between classes."""
    n = len(centred)
    variances, directions = np.linalg.eigh(centred.T @ centred / n)
    sums = indicators.T @ centred @ directions  # (C, d)
    between = np.sum(sums**2 / indicators.sum(axis=0)[:, None], axis=0) / n
    return np.maximum(variances, 0.0), between


def _centred(features: Features) -> tuple[NDArray[np.float64], float]:
    """Give scaled features less their mean, and the variance that is rounding."""
    scaled = _scaled(features)
    return scaled - scaled.mean(axis=0), CONSTANT_TOLERANCE * float(np.mean(scaled**2))


def _scaled(features: Features) -> NDArray[np.float64]:
    """Divide features by the largest of them: scores do not change, and nothing overflows."""
    wide = features.astype(np.float64)
    largest = float(np.abs(wide).max())
    return wide / largest if largest else wide


def _indicators(labels: Labels, n_classes: int) -> NDArray[np.float64]:
    """Give (n, C) indicators of the classes that have rows."""
    one_hot = np.equal.outer(labels, np.arange(n_classes))
    return one_hot[:, one_hot.any(axis=0)].astype(np.float64)


def _is_finite(features: Features) -> bool:
    return bool(np.isfinite(features).all())


def _is_distribution(log_probabilities: Features) -> bool:
    """Say whether each row has a most probable class; a probability of 0 is none that diverged."""
    return bool(np.isfinite(log_probabilities.max(axis=1)).all())
