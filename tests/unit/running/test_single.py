"""One training: repeat 0 of a comparison, alone, with its curves and its regions."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.engines import PlannedEngine, planned
from helpers.results import runs_of
from helpers.running import compare_cell
from helpers.specs import spec_of

from blobtransfer.data import load_dataset
from blobtransfer.engines import load_engine
from blobtransfer.network import initial_weights
from blobtransfer.report.kinds import build_report
from blobtransfer.results.results import DataRecord
from blobtransfer.running.single import record_of, train_source, train_target
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.variant import STANDALONE, parse_variant


def source_spec(**changes):
    return spec_of(1, **{"variants": (STANDALONE,), "target": None} | changes)


def target_spec(variant, **changes):
    return spec_of(1, **{"variants": (variant,)} | changes)


def without_names(run):
    return replace(run, source="", target="", learning_rate=None)


@pytest.mark.parametrize("variant", spec_of().variants)
def test_one_training_is_repeat_0_of_the_comparison(variant):
    engine = PlannedEngine(planned)
    source = train_source(source_spec(), engine)
    compared = compare_cell(spec_of(), None, engine)
    assert compared.source_run == source.results.run
    alone = train_target(target_spec(variant), source.weights, engine)
    assert without_names(alone.results.run) in map(without_names, runs_of(compared))
    assert alone.results.run.repeat == 0


@pytest.mark.parametrize(
    "text", ["equal-compute", "self-transfer,fixed=1", "random-frozen,fixed=2"]
)
def test_one_training_of_a_control_is_repeat_0_of_the_comparison(text):
    engine, variant = load_engine("compiled"), parse_variant(text)
    compared = compare_cell(spec_of(2, variants=(STANDALONE, variant)), None, engine)
    alone = train_target(target_spec(variant), None, engine)
    assert without_names(alone.results.run) in map(without_names, runs_of(compared))


def test_a_source_network_learns_the_source_problem_from_the_first_draw():
    engine = PlannedEngine(planned)
    source = train_source(source_spec(), engine)
    (job,) = engine.jobs
    assert job.datasets[0].spec == source_spec().source
    assert source.results.command == "train-source"
    assert [data.role for data in source.results.tasks] == ["source"]
    for trained, first_draw in zip(source.weights, initial_weights(MLPSpec(), 0, 0), strict=True):
        np.testing.assert_array_equal(trained, first_draw)  # a planned engine moves nothing


def test_the_network_that_is_saved_is_the_one_that_was_trained():
    given = initial_weights(MLPSpec(), 7, 0)
    variant = parse_variant("add=4,fixed=2")
    trained = train_target(target_spec(variant, source=None), given, PlannedEngine(planned))
    assert trained.network.hidden == (5, 5, 4)
    assert [layer.shape for layer in trained.weights] == [
        (2, 5), (5,), (5, 5), (5,), (5, 4), (4,), (4, 3), (3,),
    ]  # fmt: skip
    np.testing.assert_array_equal(trained.weights[2], given[2])


def test_all_metrics_have_a_curve_and_the_last_of_it_is_the_score():
    results = train_source(source_spec(), load_engine("compiled")).results
    ((_, curves),) = results.curves.items()
    assert curves.shape == (4, 1, 3)  # metrics, the run, 2 epochs and the untrained network
    np.testing.assert_array_equal(curves[:, :, -1], results.scores.values[:4, 0])


def test_the_regions_are_those_of_the_network_and_a_failed_one_has_none():
    assert train_source(source_spec(), PlannedEngine(planned)).results.regions is not None
    failed = train_source(source_spec(), PlannedEngine(lambda *_: np.nan)).results
    assert failed.regions is None
    assert (failed.n_failed, failed.n_runs, failed.run.status) == (1, 1, "failed")


@pytest.mark.parametrize(("n_features", "has_regions"), [(1, True), (2, True), (3, False)])
def test_more_features_than_a_plane_shows_have_no_regions(n_features, has_regions):
    source = replace(source_spec().source, n_features=n_features)
    spec = source_spec(network=MLPSpec(n_features), source=source)
    results = train_source(spec, PlannedEngine(planned)).results
    assert (results.regions is not None) == has_regions


def test_a_problem_without_ceiling_and_centres_is_learnt_all_the_same(monkeypatch):
    def load(spec, *_):
        return replace(load_dataset(spec), best_classes=None, centers=None)

    monkeypatch.setattr("blobtransfer.running.single.load_dataset", load)
    results = train_source(source_spec(), PlannedEngine(planned)).results
    assert (results.measured.ceiling, results.summary[0].gap) == (None, None)
    assert results.regions.centers is None


@pytest.mark.parametrize("text", ["fixed=1", "random-frozen,fixed=1", "equal-compute"])
def test_beside_a_variant_stands_what_training_from_scratch_would_have_given(text):
    engine = PlannedEngine(planned)
    source = train_source(source_spec(), engine)
    beside = train_target(target_spec(parse_variant(text)), source.weights, engine).results.baseline
    alone = train_target(target_spec(STANDALONE), None, engine).results
    assert beside.run == alone.run
    ((_, curves),) = alone.curves.items()
    np.testing.assert_array_equal(beside.curves, curves[:, 0])
    assert beside.regions == alone.regions
    assert alone.baseline is None


def test_an_interrupt_beside_the_network_costs_only_what_is_beside_it():
    class Stopping:
        def start(self, stage, total, n_repeats=1):
            self.stage = stage
            return self

        def advance(self, n):
            if self.stage == "standalone":
                raise KeyboardInterrupt

    variant = parse_variant("random-frozen,fixed=1")
    results = train_target(target_spec(variant), None, PlannedEngine(planned), Stopping()).results
    assert (results.run.variant, results.baseline) == ("random-frozen", None)
    assert results.interrupted
    report = build_report(results)
    assert report.stopped is None
    assert any(note.startswith("interrupted: ") for note in report.tables[0].notes)


def test_progress_tells_of_the_engine_and_of_each_stage():
    told = []

    class Told:
        def start(self, stage, total, n_repeats=1):
            told.append([stage, total, 0])
            return self

        def advance(self, n):
            told[-1][2] += n

    train_source(source_spec(), PlannedEngine(planned), Told())
    assert told == [["engine", 1, 1], ["source", 2, 2]]
    told.clear()
    variant = parse_variant("self-transfer")
    train_target(target_spec(variant), None, PlannedEngine(planned), Told())
    assert told == [["engine", 1, 1], ["own source", 2, 2], ["network", 2, 2], ["standalone", 2, 2]]


def test_a_problem_is_recorded_as_it_is_used():
    spec = BlobsSpec(3, n_samples=60, n_train=40, cluster_std=1e-9, n_test=7)
    labels = load_dataset(spec).y_test.tolist()
    largest = max(labels.count(label) for label in range(3)) / 7
    # blobs that small do not overlap
    counts = tuple(np.bincount(np.append(load_dataset(spec).y_train, labels)).tolist())
    record = DataRecord(
        "target", "problem 3", 40, 7, ceiling=1.0, floor=largest, class_counts=counts,
        test_class_counts=tuple(labels.count(label) for label in range(3)),
    )  # fmt: skip
    assert record_of("target", spec, 0) == record
    by_recalls = replace(record, floor=1 / len(set(labels)))
    assert record_of("target", spec, 0, "balanced-accuracy") == by_recalls


@pytest.mark.parametrize(
    ("ceiling", "floor", "largest"), [(0.84, 0.34, 0.5), (None, 0.4, 0.6), (0.3, 0.4, 0.0)]
)
def test_two_accuracies_differ_by_the_best_possible_minus_chance_at_most(ceiling, floor, largest):
    record = DataRecord("target", "problem 2", 500, 500, ceiling, floor)
    assert record.max_difference == pytest.approx(largest)
