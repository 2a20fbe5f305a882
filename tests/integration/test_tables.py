"""Tables through the whole program: compared, saved, shown again, learnt from a saved network."""

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import jsonschema
import numpy as np
import pytest
from helpers.commands import rows_of, without_cautions
from helpers.running import compare_cell
from helpers.tables import write_rows, write_sites
from helpers.texts import says_in_order

from blobtransfer.data.tables.resolve import resolve_data_specs
from blobtransfer.results.files.schema import json_schema
from blobtransfer.specs.data_text import parse_data_spec
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.specs.variant import STANDALONE, parse_variant

SITE = "sites.csv:label=outcome,drop=person,drop=fold,where=site"
FAST = ("--epochs", 3, "--no-plot")
BOTH = ("compare", *FAST, "--source", f"{SITE}:A", "--target", f"{SITE}:B")


@pytest.fixture
def here(run, tmp_path):
    """Run commands beside a table of two sites."""
    write_sites(tmp_path / "sites.csv")
    return run


def test_what_is_meant_is_said_once_and_not_when_quiet(here):
    done = here(*BOTH, "--repeats", 2)
    said = [line for line in done.err.splitlines() if line.startswith(("source:", "target:"))]
    roles = (("source", "A", "no 17, yes 23"), ("target", "B", "no 23, yes 17"))
    for line, (role, site, counts) in zip(said, roles, strict=True):
        assert says_in_order(
            line, f"{role}: sites.csv where site is {site}", "40 rows", "3 columns", "smoker",
            "4 features", "outcome", counts, "20 train", "20 test", "stratified",
        )  # fmt: skip
    assert without_cautions(here(*BOTH, "--repeats", 2, "-q").err) == ""


def test_results_of_a_table_follow_the_schema_and_show_again_what_they_showed(here):
    printed = here(*BOTH, "--repeats", 4, "--speed", "-o", "r.json")
    assert printed.code == 0, printed.err
    with open("r.json") as file:
        record = json.load(file)
    jsonschema.validate(record, json_schema())
    assert record["spec"]["target"]["columns"][2]["levels"] == ["no", "yes"]
    assert {one["kind"] for one in record["cautions"]} >= {"split anew"}
    assert here("show", "r.json", "--no-plot").out == printed.out


def test_balanced_accuracy_is_judged_recorded_and_shown_again(here, tmp_path):
    rng = np.random.default_rng(0)
    lines = [
        f"{x:.3f},{'rare' if i % 8 == 0 else 'common'},{'ab'[i // 60]}"
        for i, x in enumerate(rng.normal(size=120))
    ]
    (tmp_path / "rare.csv").write_text("\n".join(["x,y,site", *lines]))
    sites = [
        f"--{role}=rare.csv:label=y,where=site:{site}"
        for role, site in (("source", "a"), ("target", "b"))
    ]
    command = (
        "compare",
        *sites,
        *FAST,
        "--repeats",
        6,
        "--speed",
        "--metric",
        "balanced-accuracy",
        "--store",
        "s.db",
    )
    printed = here(*command, "-o", "r.json", "-o", "r.csv", "--curves", "c.csv")
    assert printed.code == 0, printed.err
    with open("r.json") as file:
        record = json.load(file)
    jsonschema.validate(record, json_schema())
    assert {task["floor"] for task in record["tasks"]} == {0.5}
    assert "large class" not in {caution["kind"] for caution in record["cautions"]}
    standalone = [run for run in record["runs"] if run["variant"] == "standalone"]
    shares = [run["balanced_accuracy"] for run in standalone]
    assert shares != [run["test_accuracy"] for run in standalone]
    assert record["summary"][0]["mean"] == pytest.approx(sum(shares) / 6)
    curves = [
        curve["balanced_accuracy"] for curve in record["curves"] if curve["variant"] == "standalone"
    ]
    assert [curve[-1] for curve in curves] == shares
    assert [curve[2] for curve in curves] == [run["earlier_accuracy"] for run in standalone]
    assert here("show", "r.json", "--no-plot").out == printed.out
    assert here("show", "s.db", "--no-plot").out == printed.out
    with open("r.csv") as file:
        assert file.readline().rstrip().endswith(",balanced_accuracy")

    source = ("train-source", "--task", "rare.csv:label=y", *FAST, "--format", "json", "--force")
    of_metric = {
        metric: json.loads(here(*source, "--metric", metric).out)
        for metric in ("accuracy", "balanced-accuracy")
    }
    plain, balanced = of_metric.values()
    assert [c["kind"] for c in plain["cautions"] if c["kind"] == "large class"] == ["large class"]
    assert plain["tasks"][0]["floor"] == pytest.approx(52 / 60, abs=0.02)
    assert balanced["curves"][0]["balanced_accuracy"][-1] == plain["runs"][0]["balanced_accuracy"]
    assert "test_accuracy" in plain["curves"][0] and "test_accuracy" not in balanced["curves"][0]


def test_rows_name_their_problems_and_more_repeats_keep_the_earlier_ones(here):
    few = rows_of(here(*BOTH, "--repeats", 3, "--format", "csv").out)
    more = rows_of(here(*BOTH, "--repeats", 5, "--format", "csv").out)
    assert more[: len(few)] == few
    assert {(row["sources"], row["source"]) for row in few} == {
        ("none", ""),
        ("one", "sites.csv where site is A"),
        ("fresh", "sites.csv where site is A"),
    }
    assert {row["target"] for row in few} == {"sites.csv where site is B"}


def test_the_intervals_are_those_of_splits_that_share_rows(here):
    asked = ("--sources", "fresh", "--fixed", 0, "--repeats", 40, "--format", "json")
    d = json.loads(here(*BOTH, *asked).out)["summary"][1]["difference"]
    # by hand: 20 rows test and 20 train, and t(39) at 97.5 % is 2.0227
    half = 2.0227 * abs(d["mean"] / d["effect_size"]) * (1 / 40 + 1) ** 0.5
    assert d["ci_high"] - d["mean"] == pytest.approx(half, rel=1e-4)


def test_one_split_that_the_table_names_takes_no_correction(here):
    keys = ":label=outcome,drop=person,split=fold,where=site:"
    done = here("compare", *FAST, "--source", f"sites.csv{keys}A", "--target", f"sites.csv{keys}B",
                "--repeats", 8, "--format", "json")  # fmt: skip
    record = json.loads(done.out)
    assert "split anew" not in {one["kind"] for one in record["cautions"]}
    assert record["summary"][1]["difference"]["typical"]["ci_low"] is not None


def test_a_row_of_both_files_is_left_out_wherever_repeats_are_computed(run, tmp_path):
    rng = np.random.default_rng(4)
    rows = [
        [f"{a:.3f}", f"{b:.3f}", "pq"[i % 2]] for i, (a, b) in enumerate(rng.normal(size=(60, 2)))
    ]
    write_rows(
        tmp_path / "a.csv",
        [["", "u", "v", "y"], *([str(i), *row] for i, row in enumerate(rows[:31]))],
    )
    write_rows(
        tmp_path / "b.csv", [["v", "u", "y"], *([row[1], row[0], row[2]] for row in rows[30:])]
    )
    both = ("compare", *FAST, "--source", "a.csv:label=y,name=Site A", "--target", "b.csv:label=y")
    more = run(*both, "--repeats", 4, "--format", "csv")
    assert "note: line 32 of a.csv equals line 2 of b.csv" in more.err
    assert run(*both, "--repeats", 2, "--store", "s.db").code == 0
    resumed = run(*both, "--repeats", 4, "--store", "s.db", "--format", "csv", "-o", "r.json")
    assert resumed.out == more.out
    with open("r.json") as file:
        record = json.load(file)
    jsonschema.validate(record, json_schema())
    source = record["spec"]["source"]
    assert (source["left_out"], source["n_rows"], source["name"]) == ([30], 30, "Site A")
    assert run("show", "r.json", "--no-plot", "--format", "csv").out == more.out
    assert run("show", "s.db", "--no-plot", "--format", "csv").out == more.out


def test_a_warning_about_a_table_is_printed_when_quiet_too(run, tmp_path):
    rows = [[f"{i * i}.5", str(i + i // 9), "pq"[i % 2]] for i in range(30)]
    write_rows(tmp_path / "a.csv", [["x", "mrn", "y"], *rows])
    done = run("train-source", *FAST, "--task", "a.csv:label=y", "-q")
    assert done.err.startswith("warning: source: column mrn")
    done = run("train-source", *FAST, "--task", "a.csv:label=y,drop=mrn", "-q", "--force")
    assert "warning: source" not in done.err


@pytest.mark.slow
def test_a_saved_network_is_used_on_a_table_with_what_it_carries(here):
    trained = here("train-source", *FAST, "--task", f"{SITE}:A", "-q")
    assert trained.code == 0, trained.err
    target = f"{SITE}:B,scale=source"
    done = here("train-target", *FAST, "--model", "model.keras", "--task", target, "-o", "t.json")
    assert done.code == 0, done.err
    with open("t.json") as file:
        record = json.load(file)
    scaler = record["spec"]["target"]["scaler"]
    assert 30 < scaler["means"][0] < 70  # of an age
    compared = here("compare", *FAST, "--model", "model.keras", "--target", target, "--repeats", 2)
    assert compared.code == 0, compared.err
    assert "Fresh sources" not in compared.out  # it needs a source problem
    seen = here("train-target", *FAST, "--model", "model.keras", "--task", f"{SITE}:A")
    assert (seen.code, "target test rows" in seen.err) == (2, True)
    # and so do those of a network that started from it
    more = ("--model", "model.keras", "--task", f"{SITE}:B", "--save", "more.keras")
    assert here("train-target", *FAST, *more).code == 0
    for site in "AB":
        seen = here("train-target", *FAST, "--model", "more.keras", "--task", f"{SITE}:{site}")
        assert (seen.code, "target test rows" in seen.err) == (2, True)


@pytest.mark.slow
@pytest.mark.keras
def test_plain_keras_opens_a_network_that_carries_a_table(here, tmp_path):
    import zipfile

    from blobtransfer.engines.keras.quiet import load_keras

    assert here("train-source", *FAST, "--task", f"{SITE}:A", "-q").code == 0
    assert "blobtransfer.json" in zipfile.ZipFile(tmp_path / "model.keras").namelist()
    assert load_keras().saving.load_model(tmp_path / "model.keras").count_params() == 67
    assert here("train-source", *FAST, "--task", f"{SITE}:A", "--model", "m.h5").code == 0
    assert load_keras().saving.load_model(tmp_path / "m.h5").count_params() == 67
    seen = here("train-target", *FAST, "--model", "m.h5", "--task", f"{SITE}:A")
    assert (seen.code, "target test rows" in seen.err) == (2, True)


@pytest.mark.slow
def test_figures_of_tables_are_drawn(here, tmp_path):
    for name, argv in {
        "data.png": ("plot-data", "--task", f"{SITE}:A", "--task", f"{SITE}:B"),
        "mixed.svg": ("plot-data", "--task", "iris", "--task", "moons", "--task", f"{SITE}:A"),
        "train.png": ("train-target", "--epochs", 2, "--task", "wine"),
        "beside.pdf": ("train-target", "--epochs", 2, "--task", f"{SITE}:B", "--variant",
                       "self-transfer,fixed=1", "--style", "paper"),
    }.items():  # fmt: skip
        done = here(*argv, "--plot", name)
        assert done.code == 0, done.err
        assert (tmp_path / name).stat().st_size > 5_000


@pytest.mark.slow
def test_blocks_of_a_table_have_the_same_bits_in_other_processes(tmp_path):
    write_sites(tmp_path / "sites.csv")
    keys = ":label=outcome,drop=fold,where=site:"
    asked = {
        role: parse_data_spec(role, f"{tmp_path}/sites.csv{keys}{site}", 1)
        for role, site in (("source", "A,drop=person"), ("target", "B,group=person"))
    }
    found = resolve_data_specs(asked, 0)
    spec = ExperimentSpec(
        network=MLPSpec(found["target"].n_features, (5, 5), 2),
        training=TrainingSpec(epochs=2),
        variants=(STANDALONE, parse_variant("fixed=1")),
        n_repeats=20,
        **found,
    )
    here = compare_cell(spec)
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        elsewhere = compare_cell(spec, executor=pool)
    assert elsewhere.scores.values.tobytes() == here.scores.values.tobytes()
    assert replace(elsewhere.findings, bands=()) == replace(here.findings, bands=())


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda r: r["spec"]["target"].update(kind="cubes"), "spec.target.kind: "),
        (lambda r: r["spec"]["target"].update(n_train=-1), "spec: train -1: use 1 or more"),
        (lambda r: r["spec"]["target"].update(class_names=["a", "b", "c"]), "spec: network "),
        (lambda r: r["spec"]["target"].update(name="\x1b[31m"), "spec.target: it contains control"),
        (lambda r: r["spec"]["target"]["columns"].pop(), "spec: source "),
        (
            lambda r: r["spec"]["target"].update(scale="source"),
            "spec: scale source: scale=source and",
        ),
        (lambda r: r["spec"]["target"].pop("label"), "spec.target.label: field required"),
    ],
)
def test_a_damaged_result_of_a_table_is_one_line(here, change, problem):
    here(*BOTH, "--repeats", 2, "-q", "-o", "r.json")
    with open("r.json") as file:
        record = json.load(file)
    change(record)
    with open("r.json", "w") as file:
        json.dump(record, file)
    done = here("show", "r.json", "--no-plot")
    assert done.code == 2
    assert done.err.startswith(f"error: r.json: {problem}")
    assert done.err.count("\n") == 1
