"""Transferability scores: by hand, by scikit-learn, by what they must not depend on."""

import math
from typing import get_args

import numpy as np
import pytest
from scipy import stats
from sklearn.covariance import LedoitWolf
from sklearn.linear_model import BayesianRidge

from blobtransfer.statistics.transferability import (
    SCORES,
    Ranking,
    ScoreName,
    h_score,
    h_score_regularised,
    ledoit_wolf_shrinkage,
    leep,
    logme,
    nce,
    rank_sources,
    transferability,
)

BY_FEATURES = (h_score, h_score_regularised, logme)
BY_PROBABILITIES = (leep, nce)


def network(seed, n=60, d=5, n_classes=3, signal=1.0, n_source_classes=3):
    """Draw features, log-probabilities and labels of a source network that tells something."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(n) % n_classes)
    centres = generator.normal(size=(n_classes, d))
    features = np.maximum(0.0, 1 + generator.normal(size=(n, d)) + signal * centres[labels])
    logits = generator.normal(size=(n, n_source_classes))
    logits += 2 * signal * np.eye(max(n_classes, n_source_classes))[labels][:, :n_source_classes]
    return features, log_softmax(logits), labels


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def entropy(labels):
    shares = np.unique(labels, return_counts=True)[1] / len(labels)
    return -float(np.sum(shares * np.log(shares)))


def log_of(probabilities):
    with np.errstate(divide="ignore"):
        return np.log(np.array(probabilities))


# ---------------------------------------------------------------- all of them


def test_the_scores_come_in_the_order_of_their_names():
    features, log_probabilities, labels = network(0)
    assert get_args(ScoreName) == SCORES
    expected = [score(features, labels, 3) for score in BY_FEATURES]
    expected += [score(log_probabilities, labels, 3) for score in BY_PROBABILITIES]
    found = transferability(features, log_probabilities, labels, 3)
    assert [name.__name__ for name in (*BY_FEATURES, *BY_PROBABILITIES)] == list(SCORES)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("seed", range(5))
def test_a_source_that_tells_more_scores_higher(seed):
    scores = [transferability(*network(seed, signal=s), 3) for s in (0.2, 1.0, 3.0)]
    assert (np.diff(scores, axis=0) > 0).all()


@pytest.mark.parametrize("n", [12, 60, 500])
def test_single_precision_makes_no_difference(n):
    features, log_probabilities, labels = network(n, n=n)
    single = transferability(
        features.astype(np.float32), log_probabilities.astype(np.float32), labels, 3
    )
    np.testing.assert_allclose(
        single, transferability(features, log_probabilities, labels, 3), atol=1e-5
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["features", "probabilities"])
def test_a_network_that_diverged_has_no_score(bad, where):
    features, log_probabilities, labels = network(0)
    broken = features if where == "features" else log_probabilities
    broken[3] = bad
    assert np.isnan(transferability(features, log_probabilities, labels, 3)).all()
    scores, own = (
        (BY_FEATURES, features) if where == "features" else (BY_PROBABILITIES, log_probabilities)
    )
    assert all(math.isnan(score(own, labels, 3)) for score in scores)


@pytest.mark.parametrize("n", [0, 1, 20])
def test_rows_of_fewer_than_two_classes_have_no_score(n):
    features, log_probabilities, _ = network(0)
    scores = transferability(features[:n], log_probabilities[:n], np.full(n, 2), 3)
    assert np.isnan(scores).all()


def test_a_class_without_rows_changes_nothing():
    features, log_probabilities, labels = network(1, n_classes=2)
    np.testing.assert_array_equal(
        transferability(features, log_probabilities, 2 * labels, 4),
        transferability(features, log_probabilities, labels, 2),
    )


def test_the_names_of_the_classes_do_not_matter():
    features, log_probabilities, labels = network(1)
    np.testing.assert_allclose(
        transferability(features, log_probabilities[:, [2, 0, 1]], (labels + 1) % 3, 3),
        transferability(features, log_probabilities, labels, 3),
    )


@pytest.mark.parametrize("factor", [100.0, 0.01, 1e30, 1e-30])
def test_the_scale_of_the_features_does_not_matter(factor):
    features, _, labels = network(2)
    for score in BY_FEATURES:
        assert score(factor * features, labels, 3) == pytest.approx(
            score(features, labels, 3), rel=1e-9
        )


# ---------------------------------------------------------------- H-score


def test_the_h_score_of_one_feature_is_the_share_of_variance_between_classes():
    # 0 2 | 4 6: mean 3, squares 9 1 1 9 are 20 in all; between the classes (1, 5) 4 a row, 16
    features, labels = np.array([[0.0], [2], [4], [6]]), np.array([0, 0, 1, 1])
    assert h_score(features, labels, 2) == pytest.approx(16 / 20)
    assert h_score_regularised(features, labels, 2) == pytest.approx(16 / 20)


@pytest.mark.parametrize("seed", range(5))
def test_the_h_score_is_its_formula(seed):
    features, _, labels = network(seed)
    means = np.stack([features[labels == label].mean(axis=0) for label in range(3)])[labels]
    expected = np.trace(np.linalg.inv(np.cov(features.T)) @ np.cov(means.T))
    assert h_score(features, labels, 3) == pytest.approx(expected)


@pytest.mark.parametrize("n", [10, 30, 200])
def test_the_regularised_h_score_is_its_formula_with_scikit_learns_covariance(n):
    features, _, labels = network(n, n=n)
    oracle = LedoitWolf().fit(features)
    centred = features - features.mean(axis=0)
    assert ledoit_wolf_shrinkage(centred) == pytest.approx(oracle.shrinkage_)
    means = np.stack([centred[labels == label].mean(axis=0) for label in range(3)])[labels]
    between = (1 - oracle.shrinkage_) * means.T @ means / n
    expected = np.trace(np.linalg.inv(oracle.covariance_) @ between)
    assert h_score_regularised(features, labels, 3) == pytest.approx(expected)


@pytest.mark.parametrize("d", [1, 2, 5])
def test_the_h_score_of_perfect_features_is_the_smaller_of_classes_less_one_and_units(d):
    labels = np.arange(60) % 4
    features = np.eye(5)[labels][:, :d] + (0.0 if d > 1 else labels[:, None])
    assert h_score(features, labels, 4) == pytest.approx(min(3, d))
    assert 0 <= h_score_regularised(features, labels, 4) <= min(3, d)


@pytest.mark.parametrize("n", [5, 10, 60])
@pytest.mark.parametrize("d", [1, 2, 5, 30])
def test_the_h_score_is_never_more(n, d):
    features, _, labels = network([n, d], n=n, d=d)
    for score in (h_score, h_score_regularised):
        assert 0 <= score(features, labels, 3) <= min(2, d) + 1e-9


def test_random_labels_score_by_the_units_and_rows_unless_regularised():
    generator = np.random.default_rng(0)
    features, labels = generator.normal(size=(300, 30, 5)), np.arange(30) % 3
    plain, regularised = (
        np.mean([score(f, labels, 3) for f in features]) for score in (h_score, h_score_regularised)
    )
    assert plain == pytest.approx(5 * 2 / 29, abs=0.03)  # d (C - 1) / (n - 1)
    assert regularised < 0.05  # 0.03; 0.17 where the units are correlated


@pytest.mark.parametrize("value", [0.0, 0.1, 1.0, -3.3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_features_that_are_all_constant_have_an_h_score_of_0(value, dtype):
    features, labels = np.full((31, 5), value, dtype), np.arange(31) % 3
    assert h_score(features, labels, 3) == 0.0
    assert h_score_regularised(features, labels, 3) == 0.0


def test_features_that_vary_by_rounding_are_constant():
    labels = np.arange(30) % 3
    features = np.nextafter(np.float32(1), np.float32(0)) * np.ones((30, 5), np.float32)
    features[labels == 1] = 1  # saturated: one unit in the last place tells the class
    assert h_score(features, labels, 3) == 0.0


@pytest.mark.parametrize("value", [0.0, 0.7])
def test_dead_units_change_no_plain_h_score(value):
    features, _, labels = network(3)
    dead = np.c_[features, np.full((60, 2), value)]
    assert h_score(dead, labels, 3) == pytest.approx(h_score(features, labels, 3))
    assert np.isfinite(h_score_regularised(dead, labels, 3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_doubled_units_and_sums_of_units_change_no_plain_h_score(dtype):
    features, _, labels = network(3)
    features = features.astype(dtype)
    doubled = np.c_[features, features[:, :2], features[:, 0] + dtype(0.3) * features[:, 1]]
    assert h_score(doubled, labels, 3) == pytest.approx(h_score(features, labels, 3), abs=1e-5)
    assert np.isfinite(h_score_regularised(doubled, labels, 3))


# ---------------------------------------------------------------- LogME


def evidence_of(features, y):
    """Return the log evidence of a row by scikit-learn, without its priors of the precisions."""
    model = BayesianRidge(
        compute_score=True,
        fit_intercept=False,
        max_iter=3_000,
        tol=1e-10,
        alpha_1=0,
        alpha_2=0,
        lambda_1=0,
        lambda_2=0,
    )
    return model.fit(features, y).scores_[-1] / len(y)


@pytest.mark.parametrize(("n", "d"), [(30, 5), (60, 5), (200, 5), (60, 20)])
def test_logme_is_the_evidence_of_scikit_learns_bayesian_ridge(n, d):
    features, _, labels = network([n, d], n=n, d=d)
    expected = np.mean([evidence_of(features, (labels == c).astype(float)) for c in range(3)])
    assert logme(features, labels, 3) == pytest.approx(expected, abs=1e-5)


def test_logme_ranks_sources_as_bayesian_ridge_with_its_usual_priors_does():
    scores, expected = [], []
    for seed in range(12):
        features, _, labels = network(seed, signal=seed / 6)
        scores.append(logme(features, labels, 3))
        models = [
            BayesianRidge(compute_score=True, fit_intercept=False).fit(features, labels == c)
            for c in range(3)
        ]
        expected.append(sum(model.scores_[-1] for model in models))
    np.testing.assert_array_equal(np.argsort(scores), np.argsort(expected))


@pytest.mark.parametrize("n", [20, 60])
@pytest.mark.parametrize("signal", [0.0, 0.3, 2.0])
def test_no_other_precisions_have_more_evidence(n, signal):
    features, _, labels = network(n, n=n, d=4, signal=signal, n_classes=2)
    values, vectors = np.linalg.eigh(features @ features.T)
    # log N(y; 0, I / beta + F F' / alpha) on a grid
    alpha, beta = (p.ravel() for p in np.meshgrid(np.logspace(-3, 9, 100), np.logspace(-1, 4, 80)))
    variances = 1 / beta + np.maximum(values, 0)[:, None] / alpha
    best = []
    for y in (labels == 0, labels == 1):
        squares = (vectors.T @ y)[:, None] ** 2
        best.append(stats.norm.logpdf(np.sqrt(squares), scale=np.sqrt(variances)).sum(axis=0).max())
    assert logme(features, labels, 2) == pytest.approx(np.mean(best) / n, abs=2e-3)


def test_the_logme_of_features_that_are_0_is_the_evidence_of_noise():
    # variance 1 / 2 of y = 0 1: log N at its best is -(log(2 pi / 2) + 1) / 2
    labels = np.arange(30) % 2
    expected = -(math.log(math.pi) + 1) / 2
    assert logme(np.zeros((30, 5)), labels, 2) == pytest.approx(expected)
    assert logme(np.eye(5)[labels], labels, 2) > expected + 5


def test_dead_and_doubled_units_do_not_break_logme():
    features, _, labels = network(3)
    expected = logme(features, labels, 3)
    assert logme(np.c_[features, np.zeros((60, 2))], labels, 3) == pytest.approx(expected)
    doubled = np.c_[features, features].astype(np.float32)
    assert logme(doubled, labels, 3) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("n", "d"), [(5, 5), (10, 30), (30, 300)])
def test_logme_is_finite_where_units_outnumber_the_rows(n, d):
    features, _, labels = network([n, d], n=n, d=d)
    assert np.isfinite(logme(features, labels, 3))
    assert np.isfinite(h_score_regularised(features, labels, 3))


# ---------------------------------------------------------------- LEEP and NCE


def test_leep_and_nce_are_as_on_paper():
    # two rows of each class; the source says 0 with 3/4 for the first three and 1/4 for the last
    labels = np.array([0, 0, 1, 1])
    log_probabilities = log_of([[0.75, 0.25]] * 3 + [[0.25, 0.75]])
    # P(y = 0 | z): 1.5 / 2.5 and 0.5 / 1.5
    first = 0.6 * 0.75 + (1 / 3) * 0.25
    last = 0.4 * 0.25 + (2 / 3) * 0.75
    expected = (2 * math.log(first) + math.log(1 - first) + math.log(last)) / 4
    assert leep(log_probabilities, labels, 2) == pytest.approx(expected)
    # class 0 of the source holds three rows, 2 : 1; the other holds one
    assert nce(log_probabilities, labels, 2) == pytest.approx(
        (2 * math.log(2 / 3) + math.log(1 / 3)) / 4
    )


def test_a_source_that_knows_the_classes_scores_0():
    labels = np.arange(12) % 3
    perfect = log_of(np.eye(3)[[2, 0, 1]][labels])
    assert leep(perfect, labels, 3) == 0.0
    assert nce(perfect, labels, 3) == 0.0
    single = (1000 * np.eye(3)[labels]).astype(np.float32)
    assert leep(single - single.max(axis=1, keepdims=True), labels, 3) == 0.0


def test_a_source_that_says_the_same_of_all_rows_scores_the_entropy_of_the_labels():
    labels = np.array([0] * 5 + [1] * 3 + [2] * 2)
    uniform = np.full((10, 4), -math.log(4))
    assert leep(uniform, labels, 3) == pytest.approx(-entropy(labels))
    assert nce(uniform, labels, 3) == pytest.approx(-entropy(labels))
    constant = np.tile(log_of([0.1, 0.7, 0.2]), (10, 1))
    assert leep(constant, labels, 3) == pytest.approx(-entropy(labels))
    assert nce(constant, labels, 3) == pytest.approx(-entropy(labels))


@pytest.mark.parametrize("least", [-np.inf, -1e4, -300.0])
def test_a_source_class_that_is_never_predicted_changes_nothing(least):
    _, log_probabilities, labels = network(4)
    more = np.c_[log_probabilities, np.full((60, 2), least)]
    for score in BY_PROBABILITIES:
        assert score(more, labels, 3) == pytest.approx(score(log_probabilities, labels, 3))


@pytest.mark.parametrize("n_source_classes", [1, 2, 5])
def test_scores_lie_between_the_entropy_and_0(n_source_classes):
    _, log_probabilities, labels = network(5, n_source_classes=n_source_classes)
    floor = -entropy(labels) - 1e-12
    assert floor <= nce(log_probabilities, labels, 3) <= 0
    assert floor <= leep(log_probabilities, labels, 3) <= 0


# ---------------------------------------------------------------- the ranking


def test_the_pick_is_weighed_as_on_paper():
    accuracy = np.array([0.70, 0.80, 0.90, 0.60])
    # the second is picked: the mean is 0.75, the best 0.90
    r = rank_sources(np.array([1.0, 4.0, 3.0, 2.0]), accuracy)
    assert (r.n, r.spearman, r.ci_low) == (4, None, None)
    assert (r.gain, r.regret) == pytest.approx((0.05, 0.10))


def test_equal_best_scores_pick_the_mean_of_their_networks():
    scores = np.array([0.3, 0.1 + 0.2, 0.1, 0.2])  # equal but for rounding
    r = rank_sources(scores, np.array([0.9, 0.7, 0.5, 0.5]))
    assert (r.gain, r.regret) == pytest.approx((0.15, 0.10))


def test_a_network_without_a_score_is_not_picked_but_might_have_been():
    accuracy = np.r_[np.linspace(0.5, 0.8, 7), 0.9]
    r = rank_sources(np.r_[np.arange(7.0), np.nan], accuracy)
    assert (r.n, r.spearman) == (7, pytest.approx(1.0))
    assert (r.gain, r.regret) == pytest.approx((0.8 - accuracy.mean(), 0.1))
    assert rank_sources(np.full(8, np.nan), accuracy) == Ranking(0)
    assert rank_sources(np.array([]), np.array([])) == Ranking(0)


@pytest.mark.parametrize("seed", range(5))
def test_the_correlation_is_scipys_with_ties(seed):
    generator = np.random.default_rng(seed)
    scores = np.round(generator.normal(size=30), 1)
    accuracy = np.round(0.8 + 0.02 * scores + generator.normal(0, 0.03, 30), 2)
    r = rank_sources(scores, accuracy)
    assert r.spearman == pytest.approx(stats.spearmanr(scores, accuracy).statistic)


def test_the_interval_is_bonett_and_wrights_as_on_paper():
    # ranks 2 1 4 3 6 5: six squares of 1, r = 1 - 36 / 210 = 0.828571; z = 1.183562,
    # error sqrt((1 + 0.343265) / 3) = 0.669145
    r = rank_sources(np.arange(6.0), np.array([0.2, 0.1, 0.4, 0.3, 0.6, 0.5]))
    half = 1.959964 * 0.669145
    assert r.spearman == pytest.approx(0.828571, abs=1e-6)
    assert (r.ci_low, r.ci_high) == pytest.approx(
        (math.tanh(1.183562 - half), math.tanh(1.183562 + half)), abs=1e-5
    )


@pytest.mark.parametrize("sign", [1, -1])
def test_a_perfect_agreement_is_not_certain(sign):
    r = rank_sources(sign * np.arange(10.0), np.linspace(0.5, 0.9, 10))
    inner, outer = sorted((r.ci_low, r.ci_high), key=abs)
    assert (r.spearman, outer) == (pytest.approx(sign), r.spearman)
    assert 0.9 < sign * inner < 0.99


def test_where_nothing_varies_there_is_a_pick_but_no_correlation():
    accuracy = np.linspace(0.5, 0.9, 10)
    for scores, reached in ((np.zeros(10), accuracy), (accuracy, np.full(10, 0.7))):
        r = rank_sources(scores, reached)
        assert (r.n, r.spearman, r.ci_low, r.gain) == (10, None, None, pytest.approx(0.0))


def test_networks_that_are_not_independent_have_no_interval():
    scores = np.arange(10.0)
    r = rank_sources(scores, scores**2 / 100, is_independent=False)
    assert (r.spearman, r.ci_low, r.ci_high) == (pytest.approx(1.0), None, None)
    assert r.gain == pytest.approx(0.81 - 0.285)


@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_the_interval_holds_as_often_as_it_says(correlation):
    n_experiments, generator = 1_000, np.random.default_rng(7)
    x, noise = generator.normal(size=(2, n_experiments, 30))
    y = correlation * x + math.sqrt(1 - correlation**2) * noise
    truth = 6 / math.pi * math.asin(correlation / 2)  # of a bivariate normal distribution
    rankings = [rank_sources(*pair) for pair in zip(x, y, strict=True)]
    held = np.mean([r.ci_low <= truth <= r.ci_high for r in rankings])
    assert held == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / n_experiments))


def test_an_accuracy_that_is_none_is_refused():
    with pytest.raises(ValueError, match="not finite"):
        rank_sources(np.arange(3.0), np.array([0.1, np.nan, 0.2]))
    with pytest.raises(ValueError, match="3 scores and 2 accuracies"):
        rank_sources(np.arange(3.0), np.array([0.1, 0.2]))
