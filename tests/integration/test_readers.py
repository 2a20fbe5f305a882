"""What others read results with: pandas and DuckDB see what the program says it found."""

import json

import duckdb
import pandas as pd
import pytest
from helpers.commands import run_here
from helpers.specs import SMALL_OPTIONS

pytestmark = pytest.mark.slow

KEY = ["sources", "label"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with the files of one comparison, nested and with its curves."""
    folder = tmp_path_factory.mktemp("readers")
    files = [folder / name for name in ("r.json", "r.csv", "c.csv", "s.csv")]
    done = run_here(
        "compare", *SMALL_OPTIONS, "--nested", 3, 4, "--speed", "--no-plot", "-q",
        "-o", files[0], "-o", files[1], "--curves", files[2], "--summary", files[3],
    )  # fmt: skip
    assert done.code == 0
    return folder


@pytest.fixture(scope="module")
def record(folder):
    return json.loads((folder / "r.json").read_text())


def by_arm(rows, number):
    """Return a number of each arm; `rows` have the columns of `KEY` and the number."""
    return {(row["sources"], row["label"]): row[number] for row in rows}


@pytest.fixture(scope="module")
def means(record):
    """Return the means of the program, by arm."""
    return by_arm(record["summary"], "mean")


def test_a_plain_groupby_of_pandas_has_every_arm_standalone_too(folder, means):
    runs = pd.read_csv(folder / "r.csv", keep_default_na=False, na_values=[""])
    found = runs.groupby(KEY)["test_accuracy"].mean()
    assert found.to_dict() == pytest.approx(means)
    assert runs["fixed"].dropna().unique().tolist() == [0, 1, 2]


def test_with_all_defaults_pandas_keeps_every_row_of_standalone(folder, record):
    runs = pd.read_csv(folder / "r.csv")
    n_repeats = record["spec"]["n_repeats"]
    # "none" and "one" are words; nothing of them is read as a missing value
    assert (runs.groupby(KEY).size() == n_repeats).all()
    assert len(runs.groupby(KEY)) == len(record["summary"])


def test_a_mixed_model_finds_which_runs_share_a_source(folder):
    runs = pd.read_csv(folder / "r.csv")
    fresh = runs[(runs["sources"] == "fresh") & (runs["fixed"] == 0)]
    assert fresh.groupby("source_repeat").size().to_dict() == {0: 4, 4: 4, 8: 4}
    assert set(runs.loc[runs["sources"] == "one", "source_repeat"]) == {0}
    assert runs.loc[runs["sources"] == "none", "source_repeat"].isna().all()


def test_duckdb_reads_numbers_as_numbers_and_finds_the_same_means(folder, means):
    runs = duckdb.read_csv(folder / "r.csv")
    types = dict(zip(runs.columns, map(str, runs.types), strict=True))
    assert types["test_accuracy"] == types["test_loss"] == "DOUBLE"
    assert types["repeat"] == types["fixed"] == types["source_repeat"] == "BIGINT"
    assert types["label"] == "VARCHAR"
    rows = duckdb.sql("select sources, label, avg(test_accuracy) from runs group by all").fetchall()
    assert {(sources, label): mean for sources, label, mean in rows} == pytest.approx(means)


def test_the_summary_is_a_row_an_arm_with_its_verdict(folder, record, means):
    summary = pd.read_csv(folder / "s.csv")
    percent = by_arm(summary.to_dict("records"), "mean (%)")
    assert percent == {arm: round(100 * mean, 2) for arm, mean in means.items()}
    verdicts = [one["verdict"]["kind"] for one in record["summary"] if one["verdict"]]
    assert summary["verdict"].dropna().tolist() == verdicts
    assert duckdb.read_csv(folder / "s.csv").shape == summary.shape


def test_the_curves_join_their_runs_and_end_where_the_runs_do(folder, record):
    runs, curves = (pd.read_csv(folder / name) for name in ("r.csv", "c.csv"))
    n_epochs = record["spec"]["training"]["epochs"]
    assert len(curves) == len(runs) * (n_epochs + 1)
    last = curves[curves["epoch"] == n_epochs].merge(runs, on=[*KEY, "repeat"], validate="1:1")
    assert last["test_accuracy_x"].tolist() == last["test_accuracy_y"].tolist()


def test_duckdb_finds_the_mean_height_of_the_curves(folder, record):
    curves = duckdb.read_csv(folder / "c.csv")
    ((height,),) = duckdb.sql(
        "select avg(h) from (select repeat, (sum(test_accuracy) - "
        "(min_by(test_accuracy, epoch) + max_by(test_accuracy, epoch)) / 2) / max(epoch) as h "
        "from curves where sources = 'none' group by repeat)"
    ).fetchall()
    (area,) = [
        one["value"]
        for one in record["speed"]
        if (one["sources"], one["metric"]) == ("none", "area")
    ]
    assert curves.columns[-2:] == ["epoch", "test_accuracy"]
    assert height == pytest.approx(area)


def test_the_json_opens_as_tables_of_pandas_and_duckdb(folder, record, means):
    runs = pd.json_normalize(record["runs"])
    assert runs.groupby(KEY)["test_accuracy"].mean().to_dict() == pytest.approx(means)
    summary = pd.json_normalize(record["summary"])
    assert summary["difference.ci_low"].notna().sum() == len(record["summary"]) - 1
    path = folder / "r.json"
    query = "select count(*) from (select unnest(summary, recursive := true) from read_json($path))"
    assert duckdb.execute(query, {"path": str(path)}).fetchall() == [(len(record["summary"]),)]
