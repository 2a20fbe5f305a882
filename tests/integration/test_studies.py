"""Real sweeps, pairs and grids in a temporary folder: cells, streams, files and exit codes."""

import csv
import io
import json
import os
import signal
from pathlib import Path

import jsonschema
import pytest
from helpers.clusters import wait_until
from helpers.commands import without_cautions
from helpers.specs import SMALL_OPTIONS
from helpers.stores import n_blocks
from helpers.tables import write_rows
from helpers.texts import says_in_order

from blobtransfer.results.files.schema import json_schema

CSV = ("--no-plot", "--format", "csv", "-q")
SMALL = (*SMALL_OPTIONS, "--repeats", "8")
NETWORK = ("--epochs", "2", "--repeats", "8")
BLOBS = "samples=60,train=40"

STUDIES = {
    "sweep": ("sweep", *SMALL, "--over", "train-samples=10,20,40"),
    "pairs": ("pairs", *SMALL, "--pairs", "6"),
    "grid": ("grid", *NETWORK, "--problems", f"blobs:seed=1..3,{BLOBS}", "--scores"),
}


def read(name):
    return json.loads(Path(name).read_text())


def rows_of(text, **wanted):
    """Return the runs of a CSV that have these values, without the columns of a study."""
    rows = csv.DictReader(io.StringIO(text, newline=""))
    kept = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    return [
        {name: row[name] for name in list(row)[: list(row).index("learning_rate") + 1]}
        for row in kept
    ]


def test_a_point_of_a_sweep_is_the_comparison_with_that_setting(run):
    swept = run(*STUDIES["sweep"], *CSV)
    assert (swept.code, without_cautions(swept.err)) == (0, "")
    # 2 epochs of 2 batches, which are 4 epochs of one batch
    alone = run(
        "compare", *SMALL, *CSV, "--train-samples", "20", "--test-samples", "20", "--epochs", "4",
        "--sources", "fresh",
    )  # fmt: skip
    assert rows_of(swept.out, **{"train-samples": "20"}) == rows_of(alone.out)


def test_equal_epochs_are_there_for_the_asking(run):
    swept = run(*STUDIES["sweep"], *CSV, "--budget", "epochs")
    alone = run(
        "compare", *SMALL, *CSV, "--train-samples", "20", "--test-samples", "20",
        "--sources", "fresh",
    )  # fmt: skip
    assert rows_of(swept.out, **{"train-samples": "20"}) == rows_of(alone.out)


def test_a_pair_is_the_comparison_of_its_two_problems(run):
    pairs = run(*STUDIES["pairs"], *CSV)
    assert (pairs.code, without_cautions(pairs.err)) == (0, "")
    alone = run(
        "compare", *SMALL, *CSV, "--source-seed", "5", "--target-seed", "6", "--train-seed", "2",
        "--sources", "fresh",
    )  # fmt: skip
    assert rows_of(pairs.out, pair="3") == rows_of(alone.out)


def test_more_pairs_keep_the_first_ones_and_another_first_seed_moves_on(run):
    fewer, more = (run("pairs", *SMALL, *CSV, "--pairs", n).out for n in ("3", "4"))
    assert more.startswith(fewer)
    moved = run("pairs", *SMALL, *CSV, "--pairs", "2", "--first-seed", "3")
    names = {(row["source"], row["target"]) for row in rows_of(moved.out) if row["source"]}
    assert names == {("problem 3", "problem 4"), ("problem 5", "problem 6")}


def test_a_cell_of_a_grid_is_the_comparison_of_its_two_problems(run):
    grid = run(*STUDIES["grid"], *CSV)
    assert (grid.code, without_cautions(grid.err)) == (0, "")
    alone = run(
        "compare", *SMALL, *CSV, "--source-seed", "3", "--target-seed", "2", "--sources", "fresh",
        "--scores",
    )  # fmt: skip
    own = rows_of(grid.out, source="problem 3", target="problem 2")
    assert own == [row for row in rows_of(alone.out) if row["source"]]
    scores = [
        [row["leep"] for row in csv.DictReader(text.splitlines()) if row["source"] == "problem 3"
         and row["target"] == "problem 2"]
        for text in (grid.out, alone.out)
    ]  # fmt: skip
    assert scores[0] == scores[1] and all(scores[0])


@pytest.mark.parametrize("over", [
    "hidden=2,5", "hidden=5+5,3", "activation=relu,tanh", "initializer=he_uniform,glorot_normal",
    "epochs=1,3", "batch-size=8,32", "learning-rate=0.01..0.04/3", "optimizer=sgd,adam",
    "momentum=0,0.9", "nesterov=off,on", "weight-decay=0,0.1", "patience=1,2", "fixed=0..2",
    "cluster-std=1,2", "source-seed=1,3", "samples=60,80", "test-samples=10,20", "features=2,3",
    "classes=3,4", "target.train=10,40", "source.std=1,3",
])  # fmt: skip
def test_any_setting_can_vary(run, over):
    fixed = () if over.startswith("fixed") else ("--fixed", "0")
    more = ("--momentum", "0.5") if over.startswith("nesterov") else ()
    size = SMALL_OPTIONS[:4] if over.startswith("epochs") else SMALL_OPTIONS
    argv = (*size, "--repeats", "2", *fixed, *more)
    done = run("sweep", *argv, "--over", over, *CSV)
    assert (done.code, without_cautions(done.err)) == (0, "")
    name = over.partition("=")[0]
    values = {row[name] for row in csv.DictReader(done.out.splitlines())}
    assert len(values) >= 2


def test_a_study_prints_its_size_before_it_starts(run):
    more = ("--fixed", "0", "--repeats", "2", "--over", "batch-size=10..40", "--no-plot")
    lines = run("sweep", *SMALL_OPTIONS, *more).err.splitlines()
    assert lines[0] == (
        "sweep: 31 points x 2 repeats; about 1 s; for 5 values use batch-size=10..40/5"
    )
    assert "points x" not in run("sweep", *SMALL_OPTIONS, *more, "-q").err


def test_two_settings_make_a_point_of_each_two_values(run):
    done = run(
        "sweep", *SMALL, "--over", "hidden=2,3", "--over", "cluster-std=1,2", "-q", "-o", "s.json",
    )  # fmt: skip
    assert done.code == 0
    record = read("s.json")
    assert [cell["at"] for cell in record["cells"]] == [
        ["2", "1"],
        ["2", "2"],
        ["3", "1"],
        ["3", "2"],
    ]
    assert os.path.exists("sweep.png")


def test_a_sweep_until_decided_stops_point_by_point(run):
    done = run(
        "sweep", *SMALL_OPTIONS[:4], "--over", "epochs=2,30", "--until-decided",
        "--max-repeats", "250", "--fixed", "2", "--margin", "0.3", *CSV,
    )  # fmt: skip
    assert done.code == 0
    counts = {}
    for row in csv.DictReader(done.out.splitlines()):
        counts[row["epochs"]] = counts.get(row["epochs"], 0) + 1
    assert set(counts) == {"2", "30"}
    assert all(n <= 2 * 250 for n in counts.values())


def test_the_training_rows_of_a_table_can_vary_and_its_test_rows_stay(run, tmp_path):
    rows = [[str((i * 7) % 10 + 3 * (i % 2)), str((i * 3) % 7), "ab"[i % 2], "AB"[i // 40]]
            for i in range(80)]  # fmt: skip
    write_rows(tmp_path / "sites.csv", [["x", "y", "label", "site"], *rows])
    problem = "sites.csv:label=label,where=site:"
    argv = ("--source", problem + "A", "--target", problem + "B", *NETWORK, "--fixed", "0")
    done = run("sweep", *argv, "--over", "target.train=6,20", "-q", "-o", "s.json", "--no-plot")
    assert (done.code, without_cautions(done.err)) == (0, "")
    record = read("s.json")
    targets = [cell["tasks"][1] for cell in record["cells"]]
    assert [(dataset["n_train"], dataset["n_test"]) for dataset in targets] == [(6, 20), (20, 20)]
    # All rows that the split leaves are those of the comparison itself.
    whole = run("compare", *argv, "--sources", "fresh", *CSV)
    swept = run("show", "s.json", *CSV)
    epochs = {cell["spec"]["training"]["epochs"] for cell in record["spec"]["cells"]}
    assert epochs == {2}  # one batch either way
    assert rows_of(swept.out, **{"target.train": "20"}) == rows_of(whole.out)


def test_pairs_of_a_table_are_random_halves_of_its_classes(run):
    done = run("pairs", "--source", "digits", "--pairs", "3", "--repeats", "2", "--epochs", "1",
               "--fixed", "0", "--no-plot", "-o", "p.json", "-q")  # fmt: skip
    assert done.code == 0, done.err
    record = read("p.json")
    halves = [
        [set(cell["spec"][role]["class_names"]) for role in ("source", "target")]
        for cell in record["spec"]["cells"]
    ]
    assert all(len(a) == len(b) == 5 and not a & b for a, b in halves)
    assert len({frozenset(a) for a, _ in halves}) == 3
    assert [caution["kind"] for caution in record["cautions"]][:3] == [
        "in cells", "few pairs", "halves of one table",
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_every_output_has_it_and_show_prints_and_draws_it_again(run, tmp_path, name):
    outputs = [arg for suffix in ("json", "csv", "md", "txt") for arg in ("-o", f"r.{suffix}")]
    done = run(*STUDIES[name], *outputs, "--plot", "r.svg", "--summary", "s.csv", "--full")
    assert done.code == 0
    assert "wrote r.svg\n" in done.err
    record = json.loads((tmp_path / "r.json").read_text())
    jsonschema.validate(record, json_schema("study"))
    assert record["argv"][0] == name
    again = run(
        "show", "r.json", "--plot", "again.svg", "--summary", "s2.csv", "-o", "again.csv",
        "-o", "again.md", "--full",
    )  # fmt: skip
    assert again.code == 0
    assert again.out == done.out
    for first, second in (("r.csv", "again.csv"), ("r.md", "again.md"), ("s.csv", "s2.csv")):
        assert (tmp_path / first).read_bytes() == (tmp_path / second).read_bytes()
    drawn, again_drawn = ((tmp_path / one).read_text() for one in ("r.svg", "again.svg"))
    # the same but for the command that drew it
    assert drawn.split("</metadata>")[1] == again_drawn.split("</metadata>")[1]


@pytest.mark.parametrize("name", STUDIES)
def test_quietly_the_answers_alone_are_printed(run, name):
    done = run(*STUDIES[name], "-q", "--no-plot")
    lines = done.out.splitlines()
    assert (done.code, without_cautions(done.err)) == (0, "")
    assert len(lines) == 3
    assert all("transfer fixed=" in line for line in lines)


def test_another_margin_changes_the_words_of_a_saved_study(run):
    argv = ("pairs", *SMALL[:4], "--epochs", "60", "--repeats", "8", "--pairs", "6", "--fixed", "0")
    run(*argv, "-q", "--no-plot", "-o", "p.json")
    wide = run("show", "p.json", "--margin", "0.9", "-q", "--no-plot")
    assert "no practical difference" in wide.out


def test_problems_that_are_one_are_never_answered_as_transfer(run):
    done = run("sweep", *SMALL, "--over", "source-seed=1,2", "--fixed", "0", "--no-plot")
    assert "same problem fixed=0" in done.out
    assert says_in_order(done.out, "at 2 source and target are the same", "not transfer")


def test_the_csv_of_a_sweep_of_frozen_layers_keeps_the_column_of_the_runs(run):
    done = run("sweep", *SMALL, "--over", "fixed=0,1", *CSV)
    rows = list(csv.DictReader(done.out.splitlines()))
    assert {(row["fixed"], row["over_fixed"]) for row in rows} == {
        ("", "0"), ("0", "0"), ("", "1"), ("1", "1"),
    }  # fmt: skip


def test_a_summary_quotes_names_with_commas(run, tmp_path):
    problems = (f"blobs:seed=1,{BLOBS}", f"blobs:seed=1,{BLOBS},std=1")
    run("grid", *NETWORK, "--problems", *problems, "-q", "--no-plot", "--summary", "s.csv")
    rows = list(csv.reader((tmp_path / "s.csv").read_text().splitlines()))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert {row[0] for row in rows[1:]} == set(problems)


def test_what_else_was_asked_of_the_points_is_shown_in_full(run):
    argv = (*STUDIES["sweep"], "--speed", "--against", "fixed=0", "--no-plot")
    done = run(*argv, "--full", "-o", "s.json")
    assert says_in_order(done.out, "train-samples 10: ", "against", "train-samples 40: ", "speed")
    cell = read("s.json")["cells"][0]
    assert cell["contrasts"] and cell["speed"]


def test_details_are_left_out_of_a_pipe_unless_wanted(run):
    short, full = (run(*STUDIES["pairs"], "--no-plot", *more).out for more in ((), ("--full",)))
    assert "Pair by pair" not in short
    assert full.startswith(short.rstrip("\n"))
    assert "Pair by pair" in full


def test_learning_curves_of_a_sweep_have_their_point(run, tmp_path):
    done = run(*STUDIES["sweep"], "--speed", "--curves", "c.csv", "-q", "--no-plot")
    assert done.code == 0
    rows = list(csv.DictReader((tmp_path / "c.csv").read_text().splitlines()))
    epochs = {(row["train-samples"], row["epoch"]) for row in rows}
    # 2 epochs of 2 batches are 4 epochs of one
    assert max(int(epoch) for at, epoch in epochs if at == "10") == 4
    assert max(int(epoch) for at, epoch in epochs if at == "40") == 2


def test_a_model_can_be_swept_as_well(run):
    run("train-source", *SMALL_OPTIONS, "--no-plot", "-q")
    done = run("sweep", *SMALL, "--model", "model.keras", "--over", "learning-rate=0.01,0.1", *CSV)
    assert (done.code, without_cautions(done.err)) == (0, "")
    assert {row["sources"] for row in rows_of(done.out)} == {"none", "one", "fresh"}


def test_runs_that_fail_in_some_cells_are_counted_and_end_with_3(run):
    done = run("sweep", *SMALL, "--over", "learning-rate=0.01,1e30", "--no-plot", "-q")
    assert done.code == 3
    assert "runs diverged" in done.err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sweep", "pairs"])
def test_ctrl_c_keeps_what_is_done(forks, tmp_path, name):
    argv = {
        "sweep": ("sweep", "--over", "epochs=50,100,4000", "--repeats", "20000"),
        "pairs": ("pairs", "--pairs", "2000", "--repeats", "8"),
    }[name]
    options = ("--fixed", "0", "--no-plot", "-o", "r.json", "--store", "a.db")
    process = forks.start(*argv, *options, cwd=tmp_path)
    # A pair is one block, and only a whole one is shown.
    wait_until(lambda: n_blocks(tmp_path / "a.db") > 1 or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 130, err
    assert out.startswith("Stopped at ")
    shown = forks.run_process("show", "r.json", "-q", "--no-plot", cwd=tmp_path)
    assert shown.code == 0, shown.err
    assert shown.out.startswith("Stopped at ")
