"""Scores of source networks: which network is scored on which rows, and how that is ranked."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.running import compare_cell, run
from helpers.specs import spec_of
from helpers.studies import grid_of

from blobtransfer.analysis.rankings import rankings_of
from blobtransfer.data import load_dataset
from blobtransfer.engines import load_engine
from blobtransfer.errors import SettingError
from blobtransfer.network import forward
from blobtransfer.running.trainer import SourceKey, train_sources
from blobtransfer.running.transferability import score_sources
from blobtransfer.statistics.transferability import SCORES, rank_sources, transferability


@pytest.fixture(scope="module")
def engine():
    return load_engine("compiled")


def fresh(**changes):
    return spec_of(8, questions=("fresh",), transferability=True, **changes)


def test_each_repeat_has_the_scores_of_its_source_network_on_the_targets_training_rows(engine):
    spec = fresh()
    results = compare_cell(spec, engine=engine)
    assert results.transferability.shape == (5, 8)
    keys = [SourceKey("fresh", "transfer", r) for r in range(8)]
    sources, dataset = train_sources(spec, keys, engine), load_dataset(spec.data)
    for r, key in enumerate(keys):
        features, logits = forward(spec.network, sources[key], dataset.x_train)
        shifted = logits.astype(float) - logits.max(axis=1, keepdims=True)
        log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        expected = transferability(features, log_probabilities, dataset.y_train, 3)
        assert results.transferability[:, r] == pytest.approx(expected, rel=1e-9, nan_ok=True)


def test_scores_do_not_change_the_runs(engine):
    spec = fresh()
    plain = compare_cell(replace(spec, transferability=False), engine=engine)
    assert plain.transferability is None and plain.findings.rankings == ()
    assert np.array_equal(plain.scores.values, compare_cell(spec, engine=engine).scores.values)


def test_every_score_ranks_the_sources_of_every_variant_that_starts_from_them(engine):
    spec = fresh()
    results = compare_cell(spec, engine=engine)
    assert [(one.arm.label, one.score) for one in results.findings.rankings] == [
        (label, score) for label in ("transfer fixed=0", "transfer fixed=2") for score in SCORES
    ]
    first = results.findings.rankings[0]
    accuracy = results.scores.imputed_accuracy(first.arm, results.measured.floor)
    assert first.ranking == rank_sources(results.transferability[0], accuracy)


def test_repeats_that_share_a_source_are_one_network_with_their_mean():
    spec = replace(fresh(), nested=(4, 2))
    arm = spec.arms[1]
    accuracy = {one: np.arange(8) / 10 for one in spec.arms}
    scores = np.tile(np.repeat([4.0, 3.0, 2.0, 1.0], 2), (5, 1))
    found = next(rankings_of(spec, accuracy, np.arange(8), scores))
    assert found.arm == arm
    assert found.ranking == rank_sources(
        np.array([4.0, 3, 2, 1]), np.array([0.05, 0.25, 0.45, 0.65])
    )


def test_nested_sources_are_scored_once(engine):
    spec = replace(fresh(), nested=(4, 2))
    results = compare_cell(spec, engine=engine)
    scores = results.transferability
    assert np.array_equal(scores[:, ::2], scores[:, 1::2], equal_nan=True)


def test_only_fresh_sources_of_another_problem_can_be_ranked():
    with pytest.raises(SettingError, match="--sources fresh"):
        replace(fresh(), questions=("one",))


def test_a_network_that_diverged_has_no_score(engine):
    spec = replace(fresh(), training=replace(fresh().training, learning_rate=1e30))
    found = score_sources(
        spec, [0], train_sources(spec, [SourceKey("fresh", "transfer", 0)], engine)
    )
    assert np.isnan(found).all()


def test_a_grid_ranks_the_sources_of_each_target(engine):
    found = run(grid_of(3, transferability=True), engine=engine)
    assert [(one.series, one.score) for one in found.findings.rankings] == [
        (series, score) for series in (1, 2) for score in SCORES
    ]
    assert all(one.ranking.n <= 8 for one in found.findings.rankings)
    assert run(grid_of(2, transferability=True), engine=engine).findings.rankings == ()
