"""Results out and in again; what no command could have written is refused."""

import json
from dataclasses import replace

import jsonschema
import pytest
from conftest import PlannedEngine
from test_experiment import spec_of

from blobtransfer.errors import ResultsFileError
from blobtransfer.experiment.compare import compare, train_source
from blobtransfer.report.tables import report, to_text
from blobtransfer.results.json_io import from_json, json_schema, to_csv, to_json
from blobtransfer.specs.variant import STANDALONE, parse_variant, transfer_variants


def varied(key, first_weight, n_frozen):
    return float("nan") if key % 7 == 0 else (key % 1000 + n_frozen) / 2000


VARIANTS = (
    STANDALONE,
    *transfer_variants([0, 1], 2),
    *map(parse_variant, ("random-frozen,fixed=1", "new-head", "fixed=1,unfreeze=1,factor=0.5")),
)


@pytest.fixture(scope="module")
def comparison():
    spec = spec_of(8, questions=("one", "fresh"), variants=VARIANTS, speed=True)
    return compare(spec, None, PlannedEngine(varied), argv=["compare"])


@pytest.fixture(scope="module")
def training():
    spec = spec_of(variants=(STANDALONE,), target=None)
    return train_source(spec, PlannedEngine(lambda *_: 0.5)).results


@pytest.fixture(scope="module")
def nested():
    spec = spec_of(8, questions=("fresh",), nested=(4, 2))
    return compare(spec, None, PlannedEngine(lambda key, *_: key % 100 / 100))


def text_of(results):
    return "".join(to_json(results))


@pytest.mark.parametrize("name", ["comparison", "training", "nested"])
def test_what_is_written_can_be_read_and_is_the_same_again(name, request):
    results = request.getfixturevalue(name)
    text = text_of(results)
    jsonschema.validate(json.loads(text, parse_constant=pytest.fail), json_schema())
    back = from_json(text.encode(), "r.json")
    assert text_of(back) == text
    assert "".join(to_csv(back)) == "".join(to_csv(results))
    assert to_text(report(back)) == to_text(report(results))
    assert back.spec == results.spec


def test_the_statistics_are_computed_again_not_read(comparison):
    record = json.loads(text_of(comparison))
    record["summary"][0]["mean"] = 0.99
    back = from_json(json.dumps(record).encode(), "r.json")
    assert back.findings == comparison.findings


def test_another_margin_gives_other_verdicts_and_the_same_differences(comparison):
    back = from_json(text_of(comparison).encode(), "r.json", margin=0.9)
    assert back.spec == replace(comparison.spec, margin=0.9)
    assert {s.verdict for s in back.summary} == {None, "no practical difference"}
    for one, other in zip(back.summary, comparison.summary, strict=True):
        assert one.mean == other.mean


def test_the_schema_knows_every_key_and_no_other(comparison):
    record = json.loads(text_of(comparison))
    assert set(record) <= set(json_schema()["properties"])
    for name in ("summary", "runs", "contrasts", "speed", "curves"):
        for key in record[name][0]:
            broken = json.loads(text_of(comparison))
            broken[name][0][key + "_"] = 1
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate(broken, json_schema())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "the text: invalid json"),
        (b"[]", "the text: input should be an object"),
        (b"{}", "schema_version: field required"),
        (b"\xff\xfe", "the text: invalid json"),
        (b"[" * 100_000, "the text: invalid json"),
        (b'{"schema_version": 2}', "schema_version: input should be 1"),
    ],
)
def test_what_is_no_result_is_refused_in_one_line(text, problem):
    with pytest.raises(ResultsFileError) as error:
        from_json(text, "r.json")
    assert str(error.value).startswith(f"r.json: {problem}")
    assert str(error.value).endswith("; give a JSON file that blobtransfer wrote")
    assert "\n" not in str(error.value)


def remove(key):
    def change(record):
        del record[key]

    return change


def put(*path_and_value):
    *path, last, value = path_and_value

    def change(record):
        for step in path:
            record = record[step]
        record[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (remove("spec"), "spec: field required"),
        (put("spec", "n_repeats", 0), "spec: repeats 0: use 1 or more"),
        (put("spec", "n_repeats", 2.5), "spec.n_repeats: input should be a valid integer"),
        (put("spec", "n_repeats", "8"), "spec.n_repeats: input should be a valid integer"),
        (put("spec", "network", "hidden", [0]), "spec: hidden 0"),
        (put("spec", "variants", 1, "n_fixed", 9), "spec: variant transfer fixed=9"),
        (put("command", "rm"), "command: input should be"),
        (put("tasks", []), "tasks: of []"),
        (put("tasks", 0, "ceiling", 1.5), "tasks: a ceiling is no share"),
        (put("runs", []), "runs: there is none"),
        (put("runs", 0, "variant", "magic"), "runs.0: the spec has no variant none magic None"),
        (put("runs", 0, "repeat", 8), "runs.0: repeat 8 is not in 0 to 7"),
        (put("runs", 0, "repeat", -1), "runs.0: repeat -1"),
        (put("runs", 0, "repeat", 1), "repeat 1 is there twice"),
        (put("runs", 0, "test_accuracy", 1.01), "runs.0: an accuracy is no share"),
        (put("runs", 0, "test_accuracy", None), "runs.0: a score is missing"),
        (put("runs", 0, "test_accuracy", "a"), "runs.0.test_accuracy: input should be a valid"),
        (put("runs", 0, "classes_predicted", 4), "runs.0: 4 classes cannot be predicted"),
        (put("runs", 0, "status", "fine"), "runs.0.status: input should be 'ok' or 'failed'"),
        (remove("curves"), "curves: they are not those of the runs"),
        (put("curves", 0, "test_accuracy", [0.5]), "curves.0.test_accuracy: not one figure"),
        (put("regions", {"x": [0, 1], "y": [0, 1], "runs": [[0]]}), "regions: a row is no list"),
        (put("regions", {"x": [0, 1], "y": [0, 1], "runs": []}), "regions: the rows are not"),
        (put("regions", {"x": [0, 1], "y": [0, 1], "runs": [[5, 1]]}), "regions: there is an un"),
        (
            put("regions", {"x": [0, 1], "y": [0, 1], "runs": [[0, 10**9]]}),
            "regions: the rows are not of one length",
        ),
    ],
)
def test_what_no_command_could_have_written_is_refused(comparison, change, problem):
    record = json.loads(text_of(comparison))
    change(record)
    with pytest.raises(ResultsFileError) as error:
        from_json(json.dumps(record).encode(), "r.json")
    assert problem in str(error.value)


def test_a_number_that_is_not_finite_is_refused(comparison):
    for number in ("NaN", "Infinity", "1e999"):
        text = text_of(comparison).replace('"seconds": ', f'"seconds": {number}, "was": ')
        with pytest.raises(ResultsFileError, match="seconds: input should be a finite number"):
            from_json(text.encode(), "r.json")


def test_results_of_an_interrupted_comparison_can_be_read(comparison):
    record = json.loads(text_of(comparison))
    for name in ("runs", "curves"):
        record[name] = [row for row in record[name] if row["repeat"] < 3]
    record["interrupted"] = True
    back = from_json(json.dumps(record).encode(), "r.json")
    assert back.runs.n_repeats == 3
