"""Studies <-> JSON and CSV: nothing is lost, and what no command wrote is refused."""

import copy
import csv
import json

import jsonschema
import pytest
from helpers.engines import PlannedEngine
from helpers.results import put
from helpers.running import run
from helpers.specs import varied
from helpers.studies import grid_of, pairs_of, sweep_of

from blobtransfer.analysis.load import from_json
from blobtransfer.engines import load_engine
from blobtransfer.errors import ResultsFileError
from blobtransfer.report.writers import to_json
from blobtransfer.results.files.csv import curves_to_csv, to_csv
from blobtransfer.results.files.schema import json_schema, make_schema
from blobtransfer.results.results import StudyResults

STUDIES = ("sweep", "pairs", "grid")


@pytest.fixture(scope="module")
def studies():
    engine = PlannedEngine(varied, n_at_once=8)
    return {
        "sweep": run(sweep_of(speed=True, questions=("one", "fresh")), engine=engine),
        "pairs": run(pairs_of(), engine=engine),
        "grid": run(grid_of(3, transferability=True), engine=load_engine("compiled")),
    }


@pytest.fixture(scope="module")
def texts(studies):
    return {name: "".join(to_json(study)) for name, study in studies.items()}


def test_the_shipped_schema_is_the_one_that_the_types_make():
    assert json_schema("study") == make_schema("study")
    jsonschema.Draft202012Validator.check_schema(make_schema("study"))


@pytest.mark.parametrize("name", STUDIES)
def test_what_is_written_follows_the_schema(texts, name):
    record = json.loads(texts[name], parse_constant=pytest.fail)
    jsonschema.validate(record, json_schema("study"))
    assert (record["schema_version"], record["command"]) == (2, name)


@pytest.mark.parametrize("name", STUDIES)
def test_nothing_is_lost_on_the_way(studies, texts, name):
    found = from_json(texts[name].encode(), "r.json")
    assert isinstance(found, StudyResults)
    assert found.study == studies[name].study
    assert found.findings == studies[name].findings
    assert "".join(to_json(found)) == texts[name]
    assert list(to_csv(found)) == list(to_csv(studies[name]))


@pytest.mark.parametrize("name", STUDIES)
def test_another_margin_is_that_of_every_cell(texts, name):
    found = from_json(texts[name].encode(), "r.json", margin=0.3)
    assert {cell.spec.margin for cell in found.cells} == {0.3}
    assert {cell.spec.margin for cell in found.study.cells} == {0.3}


def test_pairs_have_a_family_a_variant_and_rows_of_their_own(texts):
    record = json.loads(texts["pairs"])
    standalone, first, _ = record["summary"]
    assert standalone["family"] is None
    assert {
        "n_pairs", "mean", "ci_low", "ci_high", "tau", "prediction_low", "prediction_high",
        "beyond_margin_share",
    } <= first["family"].keys()  # fmt: skip
    assert len(record["pairs"]) == 6 * 2
    assert record["pairs"][0]["source"] == "problem 1"


def csv_of(study):
    return list(csv.DictReader("".join(to_csv(study)).splitlines()))


def test_csv_has_a_column_for_what_varies_and_one_a_score(studies):
    sweep, pairs, grid = (csv_of(studies[name]) for name in STUDIES)
    assert [row["train-samples"] for row in sweep[:: len(sweep) // 3]][:3] == ["10", "20", "40"]
    assert {row["pair"] for row in pairs} == set("123456")
    # a grid is told apart by the problems, which have columns already
    assert list(grid[0])[-5:] == ["h_score", "h_score_regularised", "logme", "leep", "nce"]
    scored = {row["label"] for row in grid if row["h_score"]}
    assert scored == {"transfer fixed=0", "transfer fixed=2"}
    assert "h_score" not in sweep[0]


def test_curves_have_the_place_of_their_point(studies):
    rows = list(csv.DictReader("".join(curves_to_csv(studies["sweep"])).splitlines()))
    assert {row["train-samples"] for row in rows} == {"10", "20", "40"}
    assert {row["epoch"] for row in rows} == {"0", "1", "2"}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (put("command", "grid"), "spec: it is of pairs, not of grid"),
        (put("cells", []), "cells: "),
        (put("cells", 0, "at", ["2"]), "cells: "),
        (put("cells", 0, "at", ["x"]), "cells: "),
        (lambda record: record["cells"].pop(), "cells: 5 of 6"),
        (lambda record: record["cells"][1]["runs"].pop(), "cells.1.runs: repeat 7 has no run"),
        (put("cells", 1, "runs", 0, "repeat", 99), "cells.1.runs: repeat 99 is not in 0 to 7"),
        (put("cells", 0, "tasks", []), "cells.0.tasks: of [], but the spec has"),
        (put("spec", "axes", 0, "name", "pairs"), "spec: cells: the axes of pairs are pair"),
        (put("spec", "axes", []), "spec: cells: the axes of pairs are pair"),
        (put("spec", "axes", 0, "values", list("12345")), "spec: cells: 6 cells at 5 places"),
        (put("spec", "budget", "epochs"), "a sweep has a budget, and no other study"),
        (put("cells", 0, "distance", -1.0), "cells.0.distance"),
        (put("cells", 0, "distance", 1e308), "cells.0.distance"),
        (put("spec", "cells", 0, "spec", "n_repeats", 7), "spec: cells"),
        (put("spec", "kind", "x"), "spec.kind"),
        (put("seconds", None), "seconds"),
    ],
    ids=range(17),
)
def test_what_no_command_wrote_is_refused_with_its_place(texts, change, problem):
    record = json.loads(texts["pairs"])
    change(record)
    with pytest.raises(ResultsFileError) as error:
        from_json(json.dumps(record).encode(), "r.json")
    assert problem in str(error.value)


@pytest.mark.parametrize("name", STUDIES)
def test_a_text_that_is_cut_off_is_refused(texts, name):
    text = texts[name]
    for n in (20, len(text) // 2, len(text) - 5):
        with pytest.raises(ResultsFileError):
            from_json(text[:n].encode(), "r.json")


def test_names_that_would_act_on_a_terminal_are_refused(texts):
    record = json.loads(texts["sweep"])
    record["spec"]["axes"][0]["name"] = "rows\x1b[2J"
    with pytest.raises(ResultsFileError, match="control characters"):
        from_json(json.dumps(record).encode(), "r.json")


def test_scores_are_one_row_a_repeat(texts):
    record = json.loads(texts["grid"])
    for change in (
        lambda rows: rows.pop(),
        lambda rows: rows.append(rows[0]),
        lambda rows: put(0, "repeat", 50)(rows),
    ):
        own = copy.deepcopy(record)
        change(own["cells"][1]["transferability"])
        with pytest.raises(ResultsFileError, match=r"cells.1.transferability: not one row"):
            from_json(json.dumps(own).encode(), "r.json")
