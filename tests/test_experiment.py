"""The experiment with a fake engine: planned accuracies in, exact tables out."""

import json

import jsonschema
import numpy as np
import pytest
from conftest import PlannedEngine

from blobtransfer.experiment.compare import compare, silent, train_source, train_target
from blobtransfer.network import initial_weights
from blobtransfer.randomness import Stream, order_key
from blobtransfer.report.tables import report, to_markdown, to_text
from blobtransfer.results.json_io import json_schema, to_csv, to_json
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.task import TaskSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.specs.variant import STANDALONE, transfer_variants

TASK = {"n_samples": 60, "n_train": 40}
SOURCE_KEY = order_key(0, Stream.SOURCE_ORDER, 0)
REPEAT_OF = {order_key(0, Stream.TARGET_ORDER, r): r for r in range(100)}


def spec_of(n_repeats=3, fixed=(0, 2), **changes):
    settings = {
        "network": MLPSpec(),
        "training": TrainingSpec(epochs=2),
        "variants": (STANDALONE, *transfer_variants(fixed, 2)),
        "questions": ("one",),
        "n_repeats": n_repeats,
        "source": TaskSpec(1, **TASK),
        "target": TaskSpec(2, **TASK),
    } | changes
    return ExperimentSpec(**settings)


def planned(key, first_weight, n_frozen):
    """Source 0.9; standalone 0.5, 0.6, 0.7; fixed=0 always 0.75; fixed=2 0.8, failed, 0.6."""
    if key == SOURCE_KEY:
        return 0.9
    r = REPEAT_OF[key]
    fresh = initial_weights(MLPSpec(), 0, r)[0].flat[0]
    if n_frozen == 2:
        return [0.8, np.nan, 0.6][r]
    return 0.5 + 0.1 * r if first_weight == fresh and r > 0 else 0.75


@pytest.fixture
def results():
    # Repeat 0's standalone network and the fake source share their weights, so they are
    # told apart by a shifted source network.
    source = [w + 1 for w in initial_weights(MLPSpec(), 0, 0)]

    def plan(key, first_weight, n_frozen):
        r = REPEAT_OF[key]
        if n_frozen == 2:
            return [0.8, np.nan, 0.6][r]
        return 0.75 if first_weight == source[0].flat[0] else 0.5 + 0.1 * r

    return compare(spec_of(source=None, model_path="m.keras"), source, PlannedEngine(plan), silent)


def test_the_table_of_a_comparison_is_exactly_this(results):
    # Differences of fixed=0: 0.25, 0.15, 0.05; of fixed=2, whose repeat 1 failed: 0.3, -0.1.
    # Sign-flip p of three of one sign: 2 / 8; of 0.3 and -0.1 all four flips are as far: 1.
    # Holm doubles the smaller one.
    assert to_text(report(results)) == (
        "This model (one source network): test accuracy in % on problem 2, 2-5-5-3, 3 repeats\n"
        "\n"
        "variant           n  failed   mean    std  median  collapsed    gap        "
        "difference [95 %]  P(better)  adj. p  verdict\n"
        "standalone        3       0  60.00  10.00   60.00          0  20.00\n"
        "transfer fixed=0  3       0  75.00   0.00   75.00          0   5.00   "
        "+15.00 [+5.00, +25.00]       1.00   0.500  undecided\n"
        "transfer fixed=2  2       1  70.00  14.14   70.00          0  10.00  "
        "+10.00 [-10.00, +30.00]       0.50   1.000  undecided\n"
        "\n"
        "This model: transfer fixed=0 and transfer fixed=2 are undecided (about 6300 repeats "
        "would tell)\n"
        "\n"
        "gap: to the ceiling 80.0 %, the best possible on these 20 test rows "
        "(nearest true centre)\n"
        "one source network, m.keras: the luck of its draw is in no std and no interval\n"
        "failed: runs whose loss is not finite; they count in no other column\n"
    )


def test_the_csv_of_a_comparison_is_exactly_this(results):
    assert "".join(to_csv(results)).splitlines() == [
        "sources,variant,fixed,repeat,test_accuracy,train_accuracy,test_loss,train_loss,"
        "classes_predicted,status",
        "none,standalone,,0,0.5,0.5,0.5,0.5,3,ok",
        "one,transfer,0,0,0.75,0.75,0.75,0.75,3,ok",
        "one,transfer,2,0,0.8,0.8,0.8,0.8,3,ok",
        "none,standalone,,1,0.6,0.6,0.6,0.6,3,ok",
        "one,transfer,0,1,0.75,0.75,0.75,0.75,3,ok",
        "one,transfer,2,1,,,,,3,failed",
        "none,standalone,,2,0.7,0.7,0.7,0.7,3,ok",
        "one,transfer,0,2,0.75,0.75,0.75,0.75,3,ok",
        "one,transfer,2,2,0.6,0.6,0.6,0.6,3,ok",
    ]


def test_markdown_is_a_table_that_markdown_can_read(results):
    lines = to_markdown(report(results)).splitlines()
    assert lines[0].startswith("**This model (one source network): test accuracy in % on problem 2")
    assert lines[2].startswith("| variant | n | failed | mean |")
    assert lines[3] == "| --- |" + " ---: |" * 10 + " --- |"
    assert all(line.count("|") == 13 for line in lines[2:7])
    assert lines[8].startswith("This model: transfer fixed=0 and")


def test_json_follows_the_schema_and_says_null_for_what_is_not_finite(results):
    record = json.loads("".join(to_json(results)), parse_constant=pytest.fail)
    jsonschema.validate(record, json_schema())
    assert record["runs"][5]["test_accuracy"] is None
    summary = record["summary"][2]
    difference = summary.pop("difference")
    assert summary == {
        "sources": "one",
        "variant": "transfer",
        "fixed": 2,
        "n": 2,
        "mean": pytest.approx(0.7),
        "std": pytest.approx(0.02**0.5),
        "std_population": pytest.approx(0.1),
        "median": pytest.approx(0.7),
        "q1": pytest.approx(0.65),
        "q3": pytest.approx(0.75),
        "min": 0.6,
        "max": 0.8,
        "failed": 1,
        "collapsed": 0,
        "low_runs": 0,
        "trainable_parameters": 18,
        "gap": pytest.approx(0.1),
        "verdict": "undecided (about 6300 repeats would tell)",
        "source_luck": None,
    }
    assert difference["n"] == 2
    assert difference["mean"] == pytest.approx(0.1)
    assert (difference["p_value"], difference["p_adjusted"]) == (1.0, 1.0)
    assert difference["effect_size"] == pytest.approx(0.1 / 0.08**0.5)


def test_the_schema_refuses_what_is_not_in_the_contract(results):
    record = json.loads("".join(to_json(results)))
    record["runs"][0]["verdict"] = "better"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(record, json_schema())


def test_a_comparison_without_a_model_trains_the_source_of_repeat_0_first():
    steps = []

    def step(description, total):
        steps.append((description, total))
        return lambda n: steps.append(n)

    engine = PlannedEngine(planned)
    results = compare(spec_of(n_repeats=2), None, engine, step)
    assert results.source_run.test_accuracy == 0.9
    assert [task.role for task in results.tasks] == ["source", "target"]
    # 1 run x 2 epochs, then 2 repeats x 3 variants x 2 epochs, a job each repeat
    assert steps == [("training the source network", 2), 2, ("comparing", 12), 6, 6]
    jsonschema.validate(json.loads("".join(to_json(results))), json_schema())


@pytest.mark.parametrize("repeats_at_once", [1, 2, 3, 1000])
def test_more_repeats_keep_the_earlier_rows_however_they_are_grouped(repeats_at_once):
    def plan(key, first_weight, n_frozen):
        return (key % 1000 + n_frozen) / 2000 + abs(first_weight) / 100

    def rows(n_repeats, at_once):
        engine = PlannedEngine(plan, at_once)
        spec = spec_of(n_repeats, questions=("one", "fresh"))
        return compare(spec, None, engine, silent).runs

    assert rows(7, repeats_at_once)[:15] == rows(3, 1)


def test_other_variants_leave_the_rows_of_a_variant_alone():
    def rows(fixed):
        engine = PlannedEngine(lambda key, weight, n_frozen: abs(weight) / 10)
        runs = compare(spec_of(fixed=fixed), None, engine, silent).runs
        return [run for run in runs if run.fixed in (None, 2)]

    assert rows((0, 1, 2)) == rows((2,))


def test_ctrl_c_keeps_the_repeats_that_were_complete():
    def plan(key, first_weight, n_frozen):
        if REPEAT_OF.get(key) == 2 and n_frozen == 2:
            raise KeyboardInterrupt
        return 0.5

    results = compare(spec_of(n_repeats=5), None, PlannedEngine(plan), silent)
    assert results.interrupted
    assert [run.repeat for run in results.runs] == [0, 0, 0, 1, 1, 1]
    assert "interrupted after 2 of 5 repeats" in to_text(report(results))


def test_ctrl_c_before_the_first_repeat_is_passed_on():
    def plan(key, first_weight, n_frozen):
        if key in REPEAT_OF:
            raise KeyboardInterrupt
        return 0.5

    with pytest.raises(KeyboardInterrupt):
        compare(spec_of(), None, PlannedEngine(plan), silent)


def test_an_engine_that_moves_a_frozen_weight_is_caught():
    class Careless(PlannedEngine):
        def train(self, job, tick, announce):
            trained = super().train(job, tick, announce)
            trained.weights[3][-1, 0] = np.nextafter(trained.weights[3][-1, 0], 1)
            return trained

    with pytest.raises(AssertionError, match="frozen layer 2"):
        compare(spec_of(fixed=(2,)), None, Careless(lambda *_: 0.5), silent)


def test_one_training_is_repeat_0_of_the_comparison():
    def plan(key, first_weight, n_frozen):
        return (key % 1000 + n_frozen) / 2000 + abs(first_weight) / 100

    engine = PlannedEngine(plan)
    source = train_source(spec_of(variants=(STANDALONE,)), engine, silent)
    compared = compare(spec_of(), None, engine, silent)
    assert compared.source_run == source.results.runs[0]
    for variant in spec_of().variants:
        alone = train_target(spec_of(variants=(variant,)), source.weights, engine, silent)
        assert alone.results.runs[0] in compared.runs
        assert alone.results.runs[0].repeat == 0


def test_the_table_of_one_training_says_what_failed_and_what_collapsed():
    class Collapsed(PlannedEngine):
        def train(self, job, tick, announce):
            trained = super().train(job, tick, announce)
            trained.classes_predicted[:] = 1
            return trained

    spec = spec_of(variants=(STANDALONE,))
    trained = train_target(spec, None, Collapsed(lambda *_: np.nan), silent)
    table = to_text(report(trained.results, with_time=False))
    assert table == (
        "Standalone network 2-5-5-3 on problem 2\n"
        "\n"
        "               train        test\n"
        "accuracy  not finite  not finite\n"
        "loss      not finite  not finite\n"
        "ceiling                   80.0 %\n"
        "gap                   not finite\n"
        "\n"
        "63 of 63 weights trained; 40 training rows\n"
        "gap: to the ceiling 80.0 %, the best possible on these 20 test rows "
        "(nearest true centre)\n"
        "failed: the loss is not finite; try a smaller --learning-rate\n"
    )
    assert trained.results.n_failed == 1
    jsonschema.validate(json.loads("".join(to_json(trained.results))), json_schema())
