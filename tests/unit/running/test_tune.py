"""Runs that choose their learning rate: by validation rows, and each repeat for itself."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from helpers.engines import PlannedEngine
from helpers.errors import raises_setting
from helpers.results import runs_of
from helpers.running import compare_cell
from helpers.specs import REPEAT_OF, SMALL, VARIANTS, spec_of

from blobtransfer.data import load_dataset
from blobtransfer.data.dataset import with_validation_rows
from blobtransfer.data.tables import rows
from blobtransfer.data.tables.resolve import resolve_data_specs
from blobtransfer.engines import load_engine
from blobtransfer.randomness import Stream, seed_sequence
from blobtransfer.specs.data_text import parse_data_spec
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import BALANCED_ACCURACY, TEST_ACCURACY

RATES = (0.01, 0.1, 1.0)


@dataclass
class EngineByRate(PlannedEngine):
    """Gives a run the accuracy that `by_rate` plans for its repeat and rate, and that as loss."""

    by_rate: object = None

    def train(self, job, on_epochs):
        rate = job.training.learning_rate
        self.plan = lambda key, *_: self.by_rate(REPEAT_OF.get(key, 0), rate)
        return super().train(job, on_epochs)


def tuned(by_rate, n_repeats=4, **changes):
    engine = EngineByRate(plan=None, n_at_once=2, by_rate=by_rate)
    spec = spec_of(n_repeats, tune=RATES, questions=("fresh",), **changes)
    return compare_cell(spec, None, engine), engine


def test_a_run_takes_the_rate_that_is_most_accurate_on_its_validation_rows():
    results, _ = tuned(lambda repeat, rate: 0.9 if rate == RATES[repeat % 3] else 0.5)
    rates = {run.repeat: run.learning_rate for run in runs_of(results)}
    assert rates == {0: 0.01, 1: 0.1, 2: 1.0, 3: 0.01}
    chosen = results.summary[0].chosen_rates
    assert [(one.learning_rate, one.n) for one in chosen] == [(0.01, 2), (0.1, 1), (1.0, 1)]


def test_a_rate_that_diverges_is_never_chosen():
    results, _ = tuned(lambda repeat, rate: np.nan if rate < 1.0 else 0.1)
    assert {run.learning_rate for run in runs_of(results)} == {1.0}


def test_no_test_row_has_a_part_in_the_choice():
    results, engine = tuned(lambda repeat, rate: 0.5)
    whole = load_dataset(results.spec.target)
    test_rows = {row.tobytes() for row in whole.x_test}
    tried = [job for job in engine.jobs if len(job.datasets[0].y_train) < len(whole.y_train)]
    assert len(tried) == 2 * len(RATES)  # two blocks
    for dataset in (dataset for job in tried for dataset in job.datasets):
        assert not test_rows & {row.tobytes() for row in (*dataset.x_train, *dataset.x_test)}
        assert (len(dataset.y_train), len(dataset.y_test)) == (32, 8)


def test_the_validation_rows_are_a_fifth_of_the_training_rows_and_differ_by_repeat(small_dataset):
    first, other = with_validation_rows([small_dataset], [0, 1], 0)
    rows = np.concatenate([first.x_train, first.validation[0]])
    assert sorted(map(bytes, rows)) == sorted(map(bytes, small_dataset.x_train))
    assert len(first.validation[1]) == 8
    assert first.validation[0].tobytes() != other.validation[0].tobytes()
    (alone,) = with_validation_rows([small_dataset], [1], 0)
    assert alone.validation[0].tobytes() == other.validation[0].tobytes()
    # as `numpy.random.default_rng` splits them
    order = np.random.default_rng(seed_sequence(0, Stream.VALIDATION, 0)).permutation(40)
    np.testing.assert_array_equal(first.x_train, small_dataset.x_train[np.sort(order[8:])])


def test_the_rate_is_that_of_the_highest_judged_accuracy():
    class Recalling(PlannedEngine):
        def train(self, job, on_epochs):
            trained = super().train(job, on_epochs)
            rate = job.training.learning_rate
            trained.curves[TEST_ACCURACY], trained.curves[BALANCED_ACCURACY] = rate, 1 - rate
            return trained

    for metric, chosen in (("accuracy", max(RATES)), ("balanced-accuracy", min(RATES))):
        cell = compare_cell(spec_of(2, tune=RATES, metric=metric), None, Recalling(lambda *_: 0.5))
        assert {run.learning_rate for run in runs_of(cell)} == {chosen}


@pytest.mark.parametrize("changes", [{}, {"speed": True}])
def test_a_repeat_is_the_same_however_many_there_are_and_however_they_are_cut(changes, monkeypatch):
    engine = load_engine("compiled")
    spec = spec_of(5, tune=RATES, variants=VARIANTS, **changes)
    expected = runs_of(compare_cell(spec, None, engine))
    monkeypatch.setattr(type(engine), "repeats_at_once", lambda *_: 2)
    fewer = compare_cell(replace(spec, n_repeats=3), None, engine)
    assert runs_of(fewer) == expected[: 3 * len(spec.arms)]


def test_a_run_has_the_scores_of_a_run_with_the_rate_that_it_chose():
    engine = load_engine("compiled")
    spec = spec_of(4, tune=RATES)
    for run in runs_of(compare_cell(spec, None, engine)):
        plain = replace(
            spec, tune=(), training=replace(spec.training, learning_rate=run.learning_rate)
        )
        # the source network learns with the rate that was asked for
        if run.variant == "standalone":
            assert run in runs_of(compare_cell(plain, None, engine))


def test_every_run_is_trained_on_the_split_of_its_repeat_which_is_made_once(monkeypatch):
    repeats_made = []
    make = rows.make
    monkeypatch.setattr(
        rows,
        "make",
        lambda spec, repeat, seed: repeats_made.append(repeat) or make(spec, repeat, seed),
    )
    iris = resolve_data_specs({"target": parse_data_spec("target", "iris", 0)}, 0)["target"]
    results, engine = tuned(
        lambda repeat, rate: 0.9 if rate == RATES[repeat % 3] else 0.5,
        network=MLPSpec(n_features=4),
        source=BlobsSpec(1, n_features=4, **SMALL),
        target=iris,
    )
    splits = {repeat: make(iris, repeat, 0).x_train.tobytes() for repeat in range(4)}
    final_runs = [
        (REPEAT_OF[int(key)], job.dataset_of(run))
        for job in engine.jobs
        for run, key in enumerate(job.order_keys)
        if int(key) in REPEAT_OF and len(job.datasets[0].y_train) == iris.n_train
    ]
    assert len(final_runs) == 4 * len(results.spec.arms)
    for repeat, dataset in final_runs:
        assert dataset.x_train.tobytes() == splits[repeat]
    assert sorted(repeats_made) == [0, *range(4)]  # the header also describes repeat 0


@pytest.mark.parametrize(
    ("rates", "problem"),
    [
        ((0.1,), "--learning-rate"),
        ((0.1, 0.1), "0.1 is repeated"),
        ((0.1, -1.0), "-1: "),
        ((0.1, float("inf")), "inf: "),
        (tuple(i / 100 for i in range(1, 22)), "20 rates"),
    ],
)
def test_rates_that_are_no_choice_are_refused(rates, problem):
    with raises_setting("tune", key=problem):
        spec_of(tune=rates)
