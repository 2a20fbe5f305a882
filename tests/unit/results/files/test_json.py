"""Results out and in again; what no command could have written is refused."""

import json
from dataclasses import replace
from operator import itemgetter
from pathlib import Path

import numpy as np
import pytest
from helpers.engines import PlannedEngine
from helpers.results import put
from helpers.running import compare, with_cell
from helpers.specs import REPEAT_OF, VARIANTS, spec_of, varied

from blobtransfer.analysis.load import from_json
from blobtransfer.errors import ResultsFileError
from blobtransfer.network import initial_weights
from blobtransfer.report.kinds import build_report
from blobtransfer.report.writers import to_json
from blobtransfer.results.files.csv import to_csv
from blobtransfer.results.files.json_reader import read_json
from blobtransfer.results.findings import Findings
from blobtransfer.results.results import TrainingResults
from blobtransfer.running.single import train_source, train_target
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.specs.variant import STANDALONE, Variant, parse_variant

DATA = Path(__file__).parents[3] / "data"


@pytest.fixture(scope="module")
def comparison():
    spec = spec_of(8, questions=("one", "fresh"), variants=VARIANTS, speed=True)
    return compare(spec, None, PlannedEngine(varied))


@pytest.fixture(scope="module")
def stopped():
    """Return runs that stop early, at different epochs."""
    spec = spec_of(8, training=TrainingSpec(9, patience=2), questions=("one", "fresh"))
    return compare(spec, None, PlannedEngine(varied))


@pytest.fixture(scope="module")
def training():
    spec = spec_of(1, variants=(STANDALONE,), target=None)
    return train_source(spec, PlannedEngine(lambda *_: 0.5)).results


@pytest.fixture(scope="module")
def beside():
    """One network of which only the other, from scratch, may differ."""
    spec = spec_of(1, variants=(parse_variant("random-frozen,fixed=1"),), source=None)
    return train_target(spec, None, PlannedEngine(lambda *_: 0.5)).results


@pytest.fixture(scope="module")
def nested():
    spec = spec_of(8, questions=("fresh",), nested=(4, 2))
    return compare(spec, None, PlannedEngine(lambda key, *_: key % 100 / 100))


@pytest.fixture(scope="module")
def diverged():
    spec = spec_of(1, variants=(STANDALONE,), target=None)
    return train_source(spec, PlannedEngine(lambda *_: np.nan)).results


def test_a_result_of_huge_problems_is_read_without_drawing_them(comparison, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError

    record = json.loads(text_of(comparison))
    for role in ("source", "target"):
        record["spec"][role]["n_samples"] = 30_000_000
    monkeypatch.setattr("blobtransfer.data.generated.make", refuse)
    found = from_json(json.dumps(record).encode(), "huge.json")
    assert build_report(found).tables


def text_of(results):
    return "".join(to_json(results))


def record_of(results):
    return json.loads(text_of(results), parse_constant=pytest.fail)


# ---------------------------------------------------------------- there and back


@pytest.mark.parametrize(
    "name", ["comparison", "stopped", "training", "beside", "nested", "diverged"]
)
def test_what_is_written_can_be_read_and_is_the_same_again(name, request):
    results = request.getfixturevalue(name)
    text = text_of(results)
    back = from_json(text.encode(), "r.json")
    assert text_of(back) == text
    assert "".join(to_csv(back)) == "".join(to_csv(results))
    assert build_report(back).tables == build_report(results).tables
    for cell, written in zip(back.cells, results.cells, strict=True):
        assert (cell.spec, cell.findings) == (written.spec, written.findings)
    if isinstance(back, TrainingResults):
        assert back.regions == results.regions
        assert (back.baseline is None) == (name != "beside")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-32"])
def test_a_text_with_a_byte_order_mark_is_read(comparison, encoding):
    text = text_of(comparison)
    assert text_of(from_json(text.encode(encoding), "r.json")) == text


def test_a_text_of_either_order_of_bytes_is_read(comparison):
    text = text_of(comparison)
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        assert text_of(from_json(mark + text.encode(encoding), "r.json")) == text


def test_networks_and_notes_of_a_model_come_back(comparison):
    spec = replace(
        comparison.cell.spec,
        network=MLPSpec(activation=("tanh", "leaky_relu=0.1")),
        model_notes=("one", "two"),
    )
    record = record_of(with_cell(comparison, spec=spec))
    assert record["spec"]["network"]["activation"] == ["tanh", "leaky_relu=0.1"]
    assert record["spec"]["model_notes"] == ["one", "two"]
    assert read_json(json.dumps(record).encode(), "r.json").cell.spec == spec
    del record["spec"]["model_notes"]
    assert read_json(json.dumps(record).encode(), "r.json").cell.spec == replace(
        spec, model_notes=()
    )


def test_what_is_read_is_what_was_run_and_what_came_out_without_findings(comparison):
    back = read_json(text_of(comparison).encode(), "r.json")
    assert back.cell.findings == Findings()
    for name in ("values", "repeats", "classes_predicted", "is_failed"):
        np.testing.assert_array_equal(
            getattr(back.cell.scores, name), getattr(comparison.cell.scores, name)
        )
    for arm, curves in comparison.cell.curves.items():
        np.testing.assert_array_equal(back.cell.curves[arm], curves)


def test_the_statistics_are_computed_again_not_read(comparison):
    record = record_of(comparison)
    record["summary"][0]["mean"] = 0.99
    del record["speed"], record["sentences"]
    assert (
        from_json(json.dumps(record).encode(), "r.json").cell.findings == comparison.cell.findings
    )


def test_what_is_not_finite_is_null(diverged):
    record = record_of(diverged)
    assert record["runs"][0]["test_accuracy"] is None
    assert record["runs"][0]["status"] == "failed"
    assert record["curves"][0]["test_loss"] == [None] * 3


def test_a_summary_is_exactly_this():
    source = [layer + 1 for layer in initial_weights(MLPSpec(), 0, 0)]

    def plan(key, first_weight, n_frozen):
        repeat = REPEAT_OF[key]
        # standalone 0.5, 0.6 and 0.7; transfer 0.8, failed, and 0.6
        return [0.8, np.nan, 0.6][repeat] if n_frozen == 2 else 0.5 + 0.1 * repeat

    spec = spec_of(fixed=(2,), source=None, model_path="m.keras")
    summary = record_of(compare(spec, source, PlannedEngine(plan)))["summary"][1]
    difference = summary.pop("difference")
    assert summary == {
        "sources": "one",
        "variant": "transfer",
        "fixed": 2,
        "label": "transfer fixed=2",
        # the failed run counts at 0.5, the share of the largest class: 0.5, 0.6, 0.8
        "n": 3,
        "mean": pytest.approx(1.9 / 3),
        "std": pytest.approx((0.14 / 3 / 2) ** 0.5),
        "std_population": pytest.approx((0.14 / 3 / 3) ** 0.5),
        "median": 0.6,
        "q1": pytest.approx(0.55),
        "q3": pytest.approx(0.7),
        "min": 0.5,
        "max": 0.8,
        "q05": pytest.approx(0.51),
        "worst_tenth": 0.5,
        "best_of_3": pytest.approx(0.8),
        "best_of_5": None,
        "failed": 1,
        "mean_finished": pytest.approx(0.7),
        "collapsed": 0,
        # below 0.7, two of the three; of standalone 0.5, 0.6 and, but for rounding, 0.7
        "low_runs": {
            "share": pytest.approx(2 / 3),
            "share_standalone": 1.0,
            # 0.5 pairs more, 1.5 fewer of 5: -0.2 -+ 1.96 sqrt((2 / 5 - 0.04) / 5)
            "ci_low": pytest.approx(-0.7259, abs=1e-4),
            "ci_high": pytest.approx(0.3259, abs=1e-4),
        },
        "trainable_parameters": 18,
        "gap": pytest.approx(0.8 - 1.9 / 3),
        # what is needed for a std of 0.231, known from three pairs, to two digits
        "verdict": {"kind": "undecided", "beyond_margin": "maybe", "repeats_to_decide": None},
        "source_variance": None,
        "chosen_rates": [],
        "mean_epochs": None,
        # quantiles of the mean of 0.5, 0.6, 0.8 and both ends of the range, by random weights
        "mean_low": pytest.approx(0.5408, abs=1e-3),
        "mean_high": pytest.approx(0.7491, abs=1e-3),
    }
    # 0.3, -0.1, -0.1: squared deviations sum to 0.32 / 3
    assert difference["n"] == 3
    assert difference["mean"] == pytest.approx(0.1 / 3)
    assert difference["effect_size"] == pytest.approx(0.1 / 3 / (0.16 / 3) ** 0.5)
    assert difference["p_value"] == difference["p_adjusted"]
    assert difference["ci_low"] == difference["each_low"]
    assert difference["probability_better"] == pytest.approx(1 / 3)
    assert difference["typical"]["mean"] == pytest.approx(0.1 / 3)
    low, high = difference["repeats_needed"]
    assert 1_100 < low <= 1_200 and 160_000 < high <= 170_000


def test_results_of_an_interrupted_comparison_can_be_read(comparison):
    record = record_of(comparison)
    for name in ("runs", "curves"):
        record[name] = [row for row in record[name] if row["repeat"] < 3]
    record["interrupted"] = True
    back = from_json(json.dumps(record).encode(), "r.json")
    assert back.cell.scores.n_repeats == 3
    record["interrupted"] = False
    with pytest.raises(ResultsFileError, match="runs: of 3 repeats, not 8"):
        from_json(json.dumps(record).encode(), "r.json")


def test_results_until_decided_may_have_fewer_repeats_than_the_most(comparison):
    record = record_of(comparison)
    record["spec"]["n_repeats"] = 100_000
    with pytest.raises(ResultsFileError, match="runs: of 8 repeats, not 100000"):
        from_json(json.dumps(record).encode(), "r.json")
    record["spec"]["until_decided"] = True
    back = from_json(json.dumps(record).encode(), "r.json")
    assert back.cell.scores.n_repeats == 8
    assert text_of(from_json(text_of(back).encode(), "r.json")) == text_of(back)


def test_an_argument_that_is_no_text_is_written_all_the_same(training):
    argv = ("train-source", "--model", "\udcff.keras")
    odd = replace(training, provenance=replace(training.provenance, argv=argv))
    assert record_of(odd)["argv"][2] == "\\udcff.keras"


def test_a_problem_without_a_ceiling_has_none_in_its_file(comparison):
    record = record_of(comparison)
    for data in record["tasks"]:
        data["ceiling"] = None
    back = from_json(json.dumps(record).encode(), "r.json")
    assert back.cell.measured.ceiling is None
    assert {one["gap"] for one in record_of(back)["summary"]} == {None}


# ---------------------------------------------------------------- version 1


def old(name):
    return (DATA / f"results-v1-{name}.json").read_bytes()


UNCHANGED = {
    "summary": ("sources", "variant", "fixed", "n", "mean", "std", "std_population", "median", "q1",
                "q3", "min", "max", "failed", "collapsed", "trainable_parameters", "gap"),
    "difference": ("n", "mean", "probability_better", "probability_low", "probability_high",
                   "effect_size"),
}  # fmt: skip
"""Columns that mean today what they meant in version 1, whose runs did not fail."""


@pytest.mark.parametrize("name", ["compare", "train-source"])
def test_a_file_of_version_1_opens_with_what_it_found_where_that_means_the_same(name):
    record = json.loads(old(name))
    assert record["schema_version"] == 1
    again = record_of(from_json(old(name), "v1.json"))
    assert again["schema_version"] == 2
    assert len(again["summary"]) == len(record["summary"])
    # rows of fresh sources, which such files have last, come before those of one source
    summaries = (sorted(file["summary"], key=itemgetter("sources")) for file in (again, record))
    for one, recorded in zip(*summaries, strict=True):
        for column in UNCHANGED["summary"]:
            assert one[column] == approximately(recorded[column])
        if recorded["difference"] is not None:
            for column in UNCHANGED["difference"]:
                assert one["difference"][column] == approximately(recorded["difference"][column])
    was = {
        (one["sources"], one["variant"], one["fixed"], one["figure"]): one
        for one in record.get("speed", ())
    }
    assert len(again["speed"]) == len(was) / 4 * 5  # one is new: the share that gets there
    for one in again["speed"]:
        recorded = was.get((one["sources"], one["variant"], one["fixed"], one["metric"]))
        if one["metric"] in ("jumpstart", "area", "last"):
            assert one["value"] == approximately(recorded["value"])


@pytest.mark.parametrize("name", ["compare", "train-source"])
def test_chance_in_a_file_of_version_1_is_one_of_the_classes(name):
    back = from_json(old(name), "v1.json")
    assert {data.floor for data in back.cells[0].tasks} == {
        1 / back.cells[0].spec.network.n_classes
    }


def approximately(value):
    """Expect a number or a record of numbers up to rounding."""
    if isinstance(value, dict):
        return pytest.approx(value, rel=1e-9, abs=1e-12)
    return pytest.approx(value, rel=1e-9, abs=1e-12) if isinstance(value, float) else value


@pytest.mark.parametrize("name", ["compare", "train-source"])
def test_a_file_of_version_1_has_the_runs_and_curves_that_stand_in_it(name):
    record, back = json.loads(old(name)), from_json(old(name), "v1.json")
    again = record_of(back)
    for name in ("runs", "curves"):
        rows, recorded = (
            sorted(file[name], key=itemgetter("repeat", "sources")) for file in (again, record)
        )
        assert [{key: row[key] for key in recorded[0] if key in row} for row in rows] == recorded
    if record["source_run"] is not None:
        assert record["source_run"].items() <= again["source_run"].items()
    assert [data.name for data in back.cells[0].tasks] == [
        f"problem {t['seed']}" for t in record["tasks"]
    ]


@pytest.mark.parametrize("changes", [{"separators": (",", ":")}, {"sort_keys": True}])
def test_a_file_of_version_1_opens_however_other_tools_have_laid_it_out(changes):
    record = json.loads(old("compare"))
    again = from_json(json.dumps(record, **changes).encode(), "v1.json")
    assert again.cell.findings == from_json(old("compare"), "v1.json").cell.findings


def test_the_variants_and_regions_of_version_1_are_those_that_stand_in_it():
    variants = from_json(old("compare"), "v1.json").cell.spec.variants
    assert [str(variant) for variant in variants] == [
        "standalone", "transfer fixed=0", "transfer fixed=1", "transfer fixed=2",
        "new-head fixed=0",
    ]  # fmt: skip
    regions = from_json(old("train-source"), "v1.json").regions
    recorded = json.loads(old("train-source"))["regions"]
    assert [list(row) for row in regions.rows] == recorded["runs"]
    assert regions.classes().shape == (300, 300)


def test_the_tables_of_version_1_show_the_numbers_that_stand_in_it():
    record = json.loads(old("compare"))
    fresh, one, _, *speed = build_report(from_json(old("compare"), "v1.json")).tables
    for table, sources in ((one, ("none", "one")), (fresh, ("none", "fresh"))):
        rows = [row for row in record["summary"] if row["sources"] in sources]
        means = table.columns.index("mean")
        differences = table.columns.index("difference [95 %]")
        better = table.columns.index("P(better)")
        assert [row[means] for row in table.rows] == [f"{100 * row['mean']:.2f}" for row in rows]
        for cells, row in zip(table.rows[1:], rows[1:], strict=True):
            d = row["difference"]
            assert cells[differences].startswith(f"{100 * d['mean']:+.2f} [")
            assert cells[better] == f"{d['probability_better']:.2f}"
    assert [len(table.rows) for table in speed] == [25, 25]
    (training,) = build_report(from_json(old("train-source"), "v1.json")).tables
    assert training.rows[0] == ("accuracy", "62.5 %", "35.0 %")


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        (b'"n_fixed": null, ', b"", ""),
        (b'"seed": 1, "n_train"', b'"n_train"', ""),
        (b'"n_repeats": 3', b'"n_repeats": 0', "spec: repeats 0: "),
        (b'"command": "compare"', b'"command": "comp', "the text: invalid json"),
    ],
)
def test_a_damaged_file_of_version_1_is_refused_in_one_line(before, after, problem):
    text = old("compare")
    assert before in text
    with pytest.raises(ResultsFileError) as error:
        from_json(text.replace(before, after), "v1.json")
    assert str(error.value).startswith(f"v1.json: {problem}")
    assert "\n" not in str(error.value)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "the text: invalid json"),
        (b"[]", "the text: "),
        (b"{}", "command: field required"),
        (b"\xff\xfe", "the text: invalid json"),
        (b"[" * 100_000, "the text: invalid json"),
        (b'{"schema_version": 3, "command": "compare"}', "schema_version: "),
        (b'{"schema_version": 1, "command": "compare", "spec": 3}', "schema_version: "),
        (b'{"schema_version": 1, ' + b"[" * 100_000, "the text: invalid json"),
    ],
)
def test_what_is_no_result_is_refused_in_one_line(text, problem):
    with pytest.raises(ResultsFileError) as error:
        from_json(text, "r.json")
    assert str(error.value).startswith(f"r.json: {problem}")
    assert "\n" not in str(error.value)


def remove(key):
    return lambda record: record.pop(key)


def regions(**changes):
    grid = {"x": [0, 1], "y": [0, 1], "rows": [[0, 2], [1, 1, 2, 1]]}
    return put("regions", grid | changes)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (remove("spec"), "spec: field required"),
        (put("spec", "n_repeats", "8"), "spec.n_repeats: "),
        (put("spec", "variants", 1, "n_frozen", 9), "spec: variant transfer fixed=9"),
        (put("spec", "questions", []), "spec: sources: use fresh, one"),
        (put("tasks", []), "tasks: of [], "),
        (lambda record: record["tasks"].reverse(), "tasks: of ['target', 'source'], "),
        (put("runs", []), "runs: the list is empty"),
        (put("command", "train-target"), "runs: train-target "),
        (put("source_run", "variant", "transfer"), "source_run: the spec has no variant"),
        (put("runs", 0, "variant", "magic"), "runs.0: the spec has no variant none magic"),
        (put("runs", 0, "repeat", 8), "runs: repeat 8 is not in 0 to 7"),
        (put("runs", 0, "classes_predicted", 4), "runs: 4 classes cannot be predicted"),
        (put("runs", 0, "epochs", 1), "runs: epochs that are not those of a training of 2"),
        (put("source_run", "epochs", 3), "source_run: epochs that are not those"),
        (remove("curves"), "curves: "),
        (lambda record: record["curves"].pop(), "curves: "),
        (put("curves", 0, "test_accuracy", [0.5]), "curves: not one test_accuracy"),
        (put("curves", 0, "test_accuracy", 1, None), "curves: an accuracy is missing"),
        (regions(rows=[[0]]), "regions: a row "),
        (regions(rows=[]), "regions: a row "),
        (regions(rows=[[5, 1]]), "regions: unknown class"),
        (regions(rows=[[0, 10**9]]), "regions: more than 4,000,000 places"),
        (regions(rows=[[0, 9999]] * 401), "regions: more than 4,000,000 places"),
        (regions(x=[0.0, 0.0]), "regions: the last place "),
        (regions(y=[1.0, 0.0]), "regions: the last place "),
        (regions(x=[-1e308, 1e308]), "regions.x"),
        (regions(rows=[[0, 1], [0, 2]]), "regions: the rows "),
        (regions(points=[[0, 0]]), "regions: not one label for each point"),
        (regions(points=[[0, 0]], labels=[3]), "regions: unknown class"),
        (regions(centers=[[0, 0]]), "regions: not one centre for each class"),
    ],
)
def test_what_no_command_could_have_written_is_refused(comparison, change, problem):
    record = record_of(comparison)
    change(record)
    with pytest.raises(ResultsFileError) as error:
        from_json(json.dumps(record).encode(), "r.json")
    assert str(error.value).startswith(f"r.json: {problem}")


@pytest.mark.parametrize("epochs", [None, 0, 10])
def test_epochs_that_early_stopping_cannot_make_are_refused(stopped, epochs):
    record = record_of(stopped)
    record["runs"][3]["epochs"] = epochs
    with pytest.raises(ResultsFileError, match=r"^r\.json: runs: .*epochs"):
        from_json(json.dumps(record).encode(), "r.json")


def test_runs_of_an_older_file_without_early_stopping_have_the_epochs_of_their_training(comparison):
    record = record_of(comparison)
    for run in (*record["runs"], record["source_run"]):
        del run["epochs"], run["earlier_accuracy"], run["balanced_accuracy"]
    found = from_json(json.dumps(record).encode(), "r.json")
    assert {row["epochs"] for row in record_of(found)["runs"]} == {2}
    assert np.isnan(found.cell.scores.earlier_accuracy).all()
    assert {row["balanced_accuracy"] for row in record_of(found)["runs"]} == {None}


def test_a_file_without_the_judged_accuracy_is_refused(comparison):
    record = record_of(comparison)
    record["spec"]["metric"] = "balanced-accuracy"
    for row in record["curves"]:
        row["balanced_accuracy"] = row.pop("test_accuracy")
    from_json(json.dumps(record).encode(), "r.json")
    record["runs"][3]["balanced_accuracy"] = None
    with pytest.raises(ResultsFileError, match=r"^r\.json: runs\.3: a score is missing"):
        from_json(json.dumps(record).encode(), "r.json")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (put("baseline", "run", "epochs", 1), "baseline: epochs that are not those"),
        (put("baseline", "run", "variant", "transfer"), "baseline: the spec has no variant"),
        (put("baseline", "run", "test_loss", None), "baseline: a score is missing"),
        (put("baseline", "run", "repeat", 1), "baseline: it is not of the run beside it"),
        (put("baseline", "curve", "fixed", 1), "baseline: it is not of the run beside it"),
        (put("baseline", "curve", "test_loss", [0.5]), "curves: not one test_loss for each of 2"),
        (put("baseline", "curve", "train_loss", None), "curves: not one train_loss for each of 2"),
        (put("baseline", "regions", "labels", [3]), "regions: unknown class"),
        (put("baseline", "curve", {}), "baseline.curve.sources: field required"),
    ],
)
def test_a_baseline_that_no_command_could_have_written_is_refused(beside, change, problem):
    record = record_of(beside)
    change(record)
    with pytest.raises(ResultsFileError) as error:
        from_json(json.dumps(record).encode(), "r.json")
    assert str(error.value).startswith(f"r.json: {problem}")


def test_what_is_standalone_itself_or_compared_has_no_baseline(comparison, training, beside):
    for results in (comparison, training):
        record = record_of(results) | {"baseline": record_of(beside)["baseline"]}
        with pytest.raises(ResultsFileError, match="baseline: the command has none"):
            from_json(json.dumps(record).encode(), "r.json")


def test_a_file_of_version_2_from_before_the_baseline_can_be_read(beside):
    record = record_of(beside)
    del record["baseline"]
    assert from_json(json.dumps(record).encode(), "r.json").baseline is None


def test_a_file_from_before_equal_compute_counted_updates_has_twice_the_epochs():
    variants = (STANDALONE, Variant("equal-compute"))
    spec = spec_of(2, variants=variants, source=BlobsSpec(1, n_samples=90, n_train=70), speed=True)
    written = json.loads("".join(to_json(compare(spec, None, PlannedEngine(lambda *_: 0.5)))))
    del written["spec"]["equal_compute_epochs"]
    for contrast in written["contrasts"]:
        contrast["kind"] = contrast["kind"].replace("updates", "epochs")
    (cell,) = from_json(json.dumps(written).encode(), "r.json").cells
    assert cell.spec == spec
    assert [cell.curves[arm].shape[-1] for arm in spec.arms] == [3, 5]
    assert {contrast.kind for contrast in cell.findings.contrasts} == {"extra updates"}


def test_the_curve_of_a_failed_run_may_have_gaps(comparison):
    record = record_of(comparison)
    failed = next(run for run in record["runs"] if run["status"] == "failed")
    key = ("sources", "variant", "fixed", "repeat")
    (curve,) = (c for c in record["curves"] if all(c[k] == failed[k] for k in key))
    curve["test_accuracy"][1] = None
    assert len(from_json(json.dumps(record).encode(), "r.json").cell.scores) == len(record["runs"])


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_refused(training, number):
    text = text_of(training).replace('"seconds": ', f'"seconds": {number}, "was": ')
    with pytest.raises(ResultsFileError, match="seconds: input should be a finite number"):
        from_json(text.encode(), "r.json")
