"""Transferability scores: which source network should be picked before the target is trained?

Each score evaluates a source network on the training rows of the target, never on its test rows:
by its last hidden features, or by the classes it predicts for those rows. How well a score ranks
the source networks of a run is measured by a rank correlation and by what its pick costs. It does
not extend to other targets, nor does it show whether transfer is better than standalone training.

A score is NaN if a network has diverged, or if fewer than two classes have rows. Scores are
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
from blobtransfer.statistics.power import ALPHA, t_quantile

ScoreName = Literal["h_score", "h_score_regularised", "logme", "leep", "nce"]

SCORES: tuple[ScoreName, ...] = ("h_score", "h_score_regularised", "logme", "leep", "nce")
"""Higher is better in all of them."""

MIN_RANKED = 6
"""Fewer source networks get no rank correlation."""

RANK_TOLERANCE = 1e-10
"""Share of the greatest variance below which a direction is ignored, such as the difference of
duplicated units: float32 leaves 1e-14 of it."""

CONSTANT_TOLERANCE = 1e-12
"""Share of their mean square below which the variance of features counts as 0."""

MIN_RESIDUAL_SHARE = 1e-10
"""Share of the squares of a label that LogME always leaves unexplained: with a perfect fit the
evidence has no maximum."""

MAX_LOGME_STEPS = 50
"""Fixed-point steps of LogME: about 5 with many rows and informative features; uninformative ones
take all steps and are off by less than 0.001 nats at 30 rows."""

Features = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Ranking:
    """Quality of the ranking of source networks by a score, compared with accuracy after transfer.

    Args:
        n: Source networks that have a score.
        spearman: Rank correlation of score and accuracy, -1 to 1; None for fewer than 6, or if one
            of the two does not vary.
        ci_low: Lower end of the 95 % interval of `spearman`; None also if the networks are not
            independent.
        ci_high: Upper end of that interval.
        gain: Accuracy of the network with the best score minus the mean of all networks, a share;
            None if none has a score.
        regret: Accuracy of the best of all networks minus that of the picked one, a share.
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
    """Compute all scores of one source network on the training rows of a target.

    Args:
        features: (n, d) activations of the last hidden layer.
        log_probabilities: (n, Z) log-softmax of the output layer, by the classes of the source.
        labels: (n,) target classes, 0 to n_classes - 1.
        n_classes: Classes of the target; some may have no rows.

    Returns:
        (5,) float64 in the order of `SCORES`; NaN where a score is undefined.
    """
    if not (_is_finite(features) and _is_distribution(log_probabilities)):
        return np.full(len(SCORES), np.nan)
    scores = [score(features, labels, n_classes) for score in (h_score, h_score_regularised, logme)]
    scores += [score(log_probabilities, labels, n_classes) for score in (leep, nce)]
    return np.array(scores)


def h_score(features: Features, labels: Labels, n_classes: int) -> float:
    """Compute the between-class share of the variance of features, summed over directions.

    With random labels its mean is d (C - 1) / (n - 1): 0.34 at n = 30, d = 5, C = 3. Such a value
    is not evidence of transfer.

    Args:
        features: (n, d) activations of the last hidden layer.
        labels: (n,) target classes, 0 to n_classes - 1.
        n_classes: Classes of the target.

    Returns:
        tr(cov(f)^-1 cov(E[f | y])), 0 to min(C - 1, d); 0 if the features are constant.

    Source:
        Bao et al. 2019, doi:10.1109/ICIP.2019.8803726.
    """
    return _h_score(features, labels, n_classes, is_regularised=False)


def h_score_regularised(features: Features, labels: Labels, n_classes: int) -> float:
    """Compute the H-score with a shrunken covariance, for few rows.

    Args:
        features: (n, d) activations of the last hidden layer.
        labels: (n,) target classes, 0 to n_classes - 1.
        n_classes: Classes of the target.

    Returns:
        tr(cov_a(f)^-1 (1 - a) cov(E[f | y])) with the shrinkage a, 0 to min(C - 1, d).

    Source:
        Ibrahim et al. 2021, arXiv:2110.06893.
    """
    return _h_score(features, labels, n_classes, is_regularised=True)


def ledoit_wolf_shrinkage(centred: NDArray[np.float64]) -> float:
    """Compute the optimal shrinkage of a covariance towards equal variances.

    Args:
        centred: (n, d) features minus their mean.

    Returns:
        0 (no shrinkage) to 1.

    Source:
        Ledoit & Wolf 2004, doi:10.1016/S0047-259X(03)00096-4; the same as
        `sklearn.covariance.ledoit_wolf_shrinkage`, whose import takes long.
    """
    n, d = centred.shape
    squares = float(np.sum((centred.T @ centred / n) ** 2))
    row_squares = np.sum(centred**2, axis=1)
    distance = squares - float(row_squares.mean()) ** 2 / d
    noise = (float(np.mean(row_squares**2)) - squares) / n
    if d == 1 or distance <= 0.0 or noise <= 0.0:
        return 0.0
    return float(min(1.0, noise / distance))


def logme(features: Features, labels: Labels, n_classes: int) -> float:
    """Compute the maximum log evidence of a Bayesian linear model of each class, per row.

    Do not compare it between targets, as it depends on the shares of the classes.

    Args:
        features: (n, d) activations of the last hidden layer; not centred, without intercept.
        labels: (n,) target classes, 0 to n_classes - 1.
        n_classes: Classes of the target.

    Returns:
        Mean over the classes that have rows, in nats per row. If all features are 0, the evidence
        of noise alone.

    Source:
        You et al. 2021, arXiv:2102.11005, with the noise at its optimum given the ratio of the
        two precisions, so that only the ratio is iterated; directions without variance drop out.
    """
    indicators = _indicators(labels, n_classes)
    if not _is_finite(features) or indicators.shape[1] < 2:
        return math.nan
    scaled, n = _scaled(features), len(features)
    values, vectors = np.linalg.eigh(scaled.T @ scaled)
    varies = values > RANK_TOLERANCE * values[-1]
    values = values[varies, None]  # (r, 1), squared singular values
    explained = (vectors[:, varies].T @ (scaled.T @ indicators)) ** 2 / values  # (r, C)
    squares = indicators.sum(axis=0)
    rest = np.maximum(squares - explained.sum(axis=0), MIN_RESIDUAL_SHARE * squares)
    shares = _shares_of_evidence(values, explained, rest, n)
    residual = rest + np.sum(explained * (1.0 - shares), axis=0)
    evidence = np.sum(np.log1p(-shares), axis=0) / n - np.log(2.0 * math.pi * residual / n) - 1.0
    return float(evidence.mean() / 2.0)


def leep(log_probabilities: Features, labels: Labels, n_classes: int) -> float:
    """Compute the log likelihood of the labels given the source's class probabilities.

    Args:
        log_probabilities: (n, Z) log-softmax of the output layer.
        labels: (n,) target classes, 0 to n_classes - 1.
        n_classes: Classes of the target.

    Returns:
        Mean log of sum_z P(y | z) theta_z(x), in nats; at most 0, and -H(Y) if the output does
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
    class_sums = joint.sum(axis=0)
    class_sums[class_sums == 0.0] = 1.0  # a class never predicted has no share in any row either
    likelihood = np.sum((indicators @ (joint / class_sums)) * theta, axis=1)
    return min(0.0, float(np.mean(np.log(likelihood))))


def nce(log_probabilities: Features, labels: Labels, n_classes: int) -> float:
    """Compute the negative conditional entropy of the labels given the class the source predicts.

    Args:
        log_probabilities: (n, Z) log-softmax of the output layer.
        labels: (n,) target classes, 0 to n_classes - 1.
        n_classes: Classes of the target.

    Returns:
        -H(Y | Z) in nats; at most 0, and -H(Y) if the source predicts one class only.

    Source:
        Tran et al. 2019, arXiv:1908.08142.
    """
    indicators = _indicators(labels, n_classes)
    if not _is_distribution(log_probabilities) or indicators.shape[1] < 2:
        return math.nan
    n, n_source_classes = log_probabilities.shape
    predicted = np.eye(n_source_classes)[log_probabilities.argmax(axis=1)]
    joint = indicators.T @ predicted
    class_sums = joint.sum(axis=0)
    nats = special.xlogy(joint, joint).sum() - special.xlogy(class_sums, class_sums).sum()
    return min(0.0, float(nats / n))


def rank_sources(
    scores: NDArray[np.float64], accuracy: NDArray[np.float64], is_independent: bool = True
) -> Ranking:
    """Measure how well a score ranks source networks by their accuracy after transfer.

    Args:
        scores: (S,) one per source network, higher is better. A network with NaN is not ranked
            and not picked, but counts among those that could have been picked.
        accuracy: (S,) finite accuracy after transfer, 0 to 1.
        is_independent: Whether the networks are independent draws; if not, the interval is omitted.

    Returns:
        The ranking. If several networks tie for the best score, the pick has their mean accuracy.

    Raises:
        ValueError: An accuracy is not finite, or the lengths differ.

    Source:
        Bonett & Wright 2000, doi:10.1007/BF02294183. A perfect agreement has the interval of one
        with two neighbours swapped, as Fisher's z of 1 is infinite.
    """
    accuracy = finite_differences(accuracy)
    if len(accuracy) != len(scores):
        raise ValueError(
            f"{len(scores)} scores and {len(accuracy)} accuracies; use one of each per network"
        )
    has_score = np.isfinite(scores)
    ranked, ranked_accuracy = np.round(scores[has_score], 12), accuracy[has_score]
    n = len(ranked)
    if n == 0:
        return Ranking(0)
    gain, regret = _gain_and_regret(ranked, ranked_accuracy, accuracy)
    if n < MIN_RANKED or not np.ptp(ranked) or not np.ptp(ranked_accuracy):
        return Ranking(n, gain=gain, regret=regret)
    r = _rank_correlation(ranked, ranked_accuracy)
    if not is_independent:
        return Ranking(n, r, gain=gain, regret=regret)
    swapped = 1.0 - 12.0 / (n * (n * n - 1))
    z = math.atanh(min(max(r, -swapped), swapped))
    half = float(special.ndtri(1 - ALPHA / 2)) * math.sqrt((1.0 + r * r / 2.0) / (n - 3))
    return Ranking(
        n, r, min(math.tanh(z - half), r), max(math.tanh(z + half), r), gain=gain, regret=regret
    )


def rank_by_repeat(scores: NDArray[np.float64], accuracy: NDArray[np.float64]) -> Ranking:
    """Measure how well a score ranks the source networks of each repeat, target by target.

    Args:
        scores: (R, T, S) of the S source networks that each repeat tries on each of T targets. A
            repeat and target with any NaN is left out.
        accuracy: (R, T, S) finite accuracy after transfer, 0 to 1.

    Returns:
        Means over targets and repeats. `n` counts the repeats, which alone are independent, and
        the interval is Student's t over them. None where nothing can be ranked.

    Raises:
        ValueError: An accuracy is not finite.
    """
    means = []  # per repeat: (rank correlation, gain, regret), averaged over targets
    for repeat_scores, repeat_accuracy in zip(scores, accuracy, strict=True):
        rankings = []
        for s, a in zip(
            np.round(repeat_scores, 12), finite_differences(repeat_accuracy), strict=True
        ):
            if np.isfinite(s).all() and np.ptp(s) and np.ptp(a):
                rankings.append((_rank_correlation(s, a), *_gain_and_regret(s, a, a)))
        if rankings:
            means.append(np.mean(rankings, axis=0))
    n = len(means)
    if n == 0:
        return Ranking(0)
    spearman, gain, regret = np.mean(means, axis=0).tolist()
    if n < MIN_RANKED:
        return Ranking(n, spearman, gain=gain, regret=regret)
    error = float(np.std([mean[0] for mean in means], ddof=1)) / math.sqrt(n)
    half = t_quantile(n - 1, ALPHA) * error
    low, high = max(-1.0, spearman - half), min(1.0, spearman + half)
    return Ranking(n, spearman, low, high, gain=gain, regret=regret)


def _gain_and_regret(
    scores: NDArray[np.float64], accuracy: NDArray[np.float64], all_accuracy: NDArray[np.float64]
) -> tuple[float, float]:
    """Compare the network with the best score, or the mean of those that tie, with all networks."""
    picked = float(accuracy[scores == scores.max()].mean())
    return picked - float(all_accuracy.mean()), float(all_accuracy.max()) - picked


def _rank_correlation(scores: NDArray[np.float64], accuracy: NDArray[np.float64]) -> float:
    """Return Spearman's rank correlation, as `scipy.stats.spearmanr`, whose import takes long."""
    return float(np.corrcoef(average_ranks(scores), average_ranks(accuracy))[0, 1])


def _shares_of_evidence(
    values: NDArray[np.float64], explained: NDArray[np.float64], rest: NDArray[np.float64], n: int
) -> NDArray[np.float64]:
    """Iterate the effective share of each direction, 0 to 1, of shape (r, C), to a fixed point.

    It is value / (value + ratio), where the ratio is the precision of the weights divided by that
    of the noise.
    """
    if len(values) == 0:
        return np.zeros_like(explained)
    greatest = float(values.max())
    # The ratio goes to infinity for a label that no feature explains, to 0 for a perfect fit.
    ends = 1e-12 * greatest, 1e12 * greatest
    ratio = np.full(len(rest), float(values.mean()))
    for _ in range(MAX_LOGME_STEPS):
        shares = values / (values + ratio)
        n_effective = shares.sum(axis=0)
        weights = np.sum(explained * shares**2 / values, axis=0)  # squared, summed
        residual = rest + np.sum(explained * (1.0 - shares) ** 2, axis=0)
        updated = n_effective * residual / np.maximum((n - n_effective) * weights, 1e-300)
        previous, ratio = ratio, np.clip(updated, *ends)
        if np.all(np.abs(ratio - previous) <= 1e-4 * previous):
            break
    return np.asarray(values / (values + ratio))


def _h_score(features: Features, labels: Labels, n_classes: int, is_regularised: bool) -> float:
    indicators = _indicators(labels, n_classes)
    if not _is_finite(features) or indicators.shape[1] < 2:
        return math.nan
    centred, variance_floor = _centred(features)
    variances, between = _between_classes(centred, indicators)
    if is_regularised and variances[-1] <= variance_floor:
        return 0.0
    shrinkage = ledoit_wolf_shrinkage(centred) if is_regularised else 0.0
    if shrinkage == 0.0:
        varies = variances > max(RANK_TOLERANCE * float(variances[-1]), variance_floor)
        return float(np.sum(between[varies] / variances[varies]))
    shrunken = (1.0 - shrinkage) * variances + shrinkage * variances.mean()
    return float((1.0 - shrinkage) * np.sum(between / shrunken))


def _between_classes(
    centred: NDArray[np.float64], indicators: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the variance along each principal direction, ascending, and that between classes."""
    n = len(centred)
    variances, directions = np.linalg.eigh(centred.T @ centred / n)
    sums = indicators.T @ centred @ directions  # (C, d)
    between = np.sum(sums**2 / indicators.sum(axis=0)[:, None], axis=0) / n
    return np.maximum(variances, 0.0), between


def _centred(features: Features) -> tuple[NDArray[np.float64], float]:
    """Return scaled features minus their mean, and the variance below which they are constant."""
    scaled = _scaled(features)
    return scaled - scaled.mean(axis=0), CONSTANT_TOLERANCE * float(np.mean(scaled**2))


def _scaled(features: Features) -> NDArray[np.float64]:
    """Divide features by the largest of them: scores do not change, and nothing overflows."""
    wide = features.astype(np.float64)
    largest = float(np.abs(wide).max())
    return wide / largest if largest else wide


def _indicators(labels: Labels, n_classes: int) -> NDArray[np.float64]:
    """Return (n, C) indicators of the classes that have rows."""
    one_hot = np.equal.outer(labels, np.arange(n_classes))
    return one_hot[:, one_hot.any(axis=0)].astype(np.float64)


def _is_finite(features: Features) -> bool:
    return bool(np.isfinite(features).all())


def _is_distribution(log_probabilities: Features) -> bool:
    """Return whether each row has a most probable class; a probability of 0 is allowed."""
    return bool(np.isfinite(log_probabilities.max(axis=1)).all())
