"""Real commands in a temporary folder: exit codes, streams, files and error lines."""

import csv
import hashlib
import io
import json
import os
import re
import subprocess
import sys

import jsonschema
import pytest
from helpers.commands import assert_refused, rows_of, run_process, without_cautions
from helpers.specs import SMALL_OPTIONS
from helpers.texts import says_in_order
from helpers.trials import third_of
from PIL import Image

import blobtransfer
from blobtransfer.results.files.schema import json_schema
from blobtransfer.specs.variant import parse_variant

CSV = ("--no-plot", "--format", "csv", "-q")
HEAVY = (
    "numpy", "tensorflow", "keras", "sklearn", "matplotlib", "scipy", "h5py", "sqlite3",
    "distributed",
)  # fmt: skip


# ---------------------------------------------------------------- the commands that train


def test_plot_data_draws_and_prints_what_it_draws(run, tmp_path):
    done = run("plot-data", "-o", "d.csv", "-o", "d.json", "-o", "d.html")
    assert (done.code, done.err) == (
        0,
        "wrote d.csv\nwrote d.json\nwrote d.html\nwrote plot-data.png\n",
    )
    rows = rows_of((tmp_path / "d.csv").read_text())
    assert [(row["data"], row["class"]) for row in rows][:4] == [
        ("problem 1", "class 0"), ("problem 1", "class 1"), ("problem 1", "class 2"),
        ("problem 2", "class 0"),
    ]  # fmt: skip
    data = json.loads((tmp_path / "d.json").read_text())["data"]
    assert [record["n_train"] for record in data] == [500, 500]
    for record in data:
        row = next(row for row in rows if row["data"] == record["name"])
        assert float(row["best_possible"]) == record["best_possible"]
        assert f"{100 * record['best_possible']:.1f} %" in done.out
    assert sum(int(row["training_rows"]) for row in rows) == 1000
    assert "<svg" in (tmp_path / "d.html").read_text()


def test_plot_data_has_the_chance_level_alone_if_the_best_is_not_known(run):
    done = run("plot-data", "--task", "iris", "--no-plot")
    assert "chance level" in done.out and "best possible" not in done.out
    quiet = run("plot-data", "--task", "iris", "-q")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")


@pytest.mark.slow
def test_train_source_prints_a_table_and_saves_model_and_curves(run, tmp_path):
    done = run("train-source", *SMALL_OPTIONS)
    assert done.code == 0
    assert done.out.startswith("Source network 2-5-5-3 on problem 1\n")
    assert "63 of 63 weights trained in" in done.out
    assert done.err == "wrote model.keras\nwrote train-source.png\n"
    assert sorted(os.listdir(tmp_path)) == ["model.keras", "train-source.png"]


@pytest.mark.slow
def test_train_source_quietly_prints_just_the_models_path(run):
    done = run("train-source", *SMALL_OPTIONS, "-q", "--model", "a.keras")
    assert (done.code, done.out, done.err) == (0, "a.keras\n", "")


@pytest.mark.slow
def test_train_target_starts_from_scratch_or_from_a_model(run):
    run("train-source", *SMALL_OPTIONS, "--no-plot")
    alone = run("train-target", *SMALL_OPTIONS, "--plot", "alone.png")
    assert alone.out.startswith("Standalone network 2-5-5-3 on problem 2\n")
    transfer = ("--model", "model.keras", "--fixed", 1, "--save", "t.keras")
    moved = run("train-target", *SMALL_OPTIONS, *transfer)
    assert says_in_order(moved.out, "2-5-5-3", "model.keras", "frozen", "48 of 63 weights")
    assert without_cautions(moved.err) == "wrote t.keras\nwrote train-target.png\n"


@pytest.mark.slow
def test_train_target_quietly_prints_its_accuracy_or_where_it_saved(run):
    accuracy = run("train-target", *SMALL_OPTIONS, "-q", "--no-plot").out
    assert 0 <= float(accuracy) <= 1
    assert run("train-target", *SMALL_OPTIONS, "-q", "--save", "t.keras").out == "t.keras\n"


def test_compare_prints_a_row_a_variant(run, tmp_path):
    done = run("compare", *SMALL_OPTIONS, "--repeats", 2)
    assert done.code == 0
    lines = done.out.splitlines()
    for title in (
        "Fresh sources (a new source network each repeat): test",
        "One source (this source network): test",
    ):
        (first,) = [i for i, line in enumerate(lines) if line.startswith(title)]
        assert [line.split("  ")[0] for line in lines[first + 2 : first + 7]] == [
            "variant",
            "standalone",
            "transfer fixed=0",
            "transfer fixed=1",
            "transfer fixed=2",
        ]
    assert sum(line.startswith(("Fresh sources (", "One source (")) for line in lines) == 4
    wrote, *warnings = done.err.splitlines()
    assert wrote == "wrote compare.png"
    assert warnings and all(line.startswith("warning: ") for line in warnings)
    assert os.listdir(tmp_path) == ["compare.png"]


@pytest.mark.slow
def test_compare_with_the_model_of_train_source_gives_the_same_rows(run):
    run("train-source", *SMALL_OPTIONS, "--no-plot")
    compare = ("compare", *SMALL_OPTIONS, "--repeats", 2, "--no-plot", "--format", "csv")
    given = run(*compare, "--model", "model.keras").out
    assert given.replace(",model.keras,", ",problem 1,") == run(*compare).out


@pytest.mark.slow
def test_train_target_is_repeat_0_of_compare(run):
    run("train-source", *SMALL_OPTIONS, "--no-plot")
    rows = run("compare", *SMALL_OPTIONS, "--repeats", 1, *CSV).out.splitlines()
    alone = ("train-target", *SMALL_OPTIONS, *CSV)
    assert run(*alone).out.splitlines()[1] == rows[1]
    moved = run(*alone, "--model", "model.keras", "--fixed", "2").out.splitlines()[1]
    assert moved.replace(",model.keras,", ",problem 1,") == rows[7]


# ---------------------------------------------------------------- questions and variants


@pytest.mark.slow
def test_each_question_can_be_asked_alone_and_has_the_same_rows(run):
    compare = ("compare", *SMALL_OPTIONS, "--repeats", 3, *CSV)
    both = rows_of(run(*compare).out)
    for sources in ("one", "fresh"):
        alone = rows_of(run(*compare, "--sources", sources).out)
        assert alone == [row for row in both if row["sources"] in ("none", sources)]
    assert rows_of(run(*compare, "--sources", "both").out) == both
    # the one source is that of repeat 0
    scores = [
        [row["test_loss"] for row in both if (row["sources"], row["repeat"]) == (s, "0")]
        for s in ("one", "fresh")
    ]
    assert scores[0] == scores[1]


@pytest.mark.slow
def test_a_model_is_the_one_source_and_leaves_fresh_sources_alone(run):
    run("train-source", *SMALL_OPTIONS, "--train-seed", 7, "--no-plot")
    compare = ("compare", *SMALL_OPTIONS, "--repeats", 2, *CSV)
    without = rows_of(run(*compare).out)
    with_model = rows_of(run(*compare, "--model", "model.keras").out)
    for a, b in zip(without, with_model, strict=True):
        assert (a == b) == (a["sources"] != "one")


@pytest.mark.slow
def test_results_say_which_file_the_source_network_was(run, tmp_path):
    run("train-source", *SMALL_OPTIONS, "--no-plot")
    digest = hashlib.sha256((tmp_path / "model.keras").read_bytes()).hexdigest()
    for command in ("compare", "train-target"):
        options = ("--model", "model.keras", "--no-plot", "-o", "r.json")
        assert run(command, *SMALL_OPTIONS, *options).code == 0
        spec = json.loads((tmp_path / "r.json").read_text())["spec"]
        assert (spec["model_path"], spec["model_sha256"]) == ("model.keras", digest)
        assert run("show", "r.json", "--no-plot").code == 0


@pytest.mark.slow
def test_reverse_swaps_the_problems(run):
    compare = ("compare", *SMALL_OPTIONS, "--repeats", 1, *CSV)
    swapped = run(*compare, "--source-seed", 2, "--target-seed", 1).out
    assert run(*compare, "--reverse").out == swapped
    assert run(*compare, "--reverse", "--source-seed", 5).out == (
        run(*compare, "--source-seed", 2, "--target-seed", 5).out
    )


VARIANTS = (
    "new-head,fixed=1", "reinit=2", "add=3,fixed=2", "fixed=1,unfreeze=1,factor=0.5",
    "random-frozen,fixed=1", "self-transfer,fixed=1", "equal-compute",
)  # fmt: skip


def given(variants):
    return [word for variant in variants for word in ("--variant", variant)]


@pytest.mark.slow
def test_every_variant_has_its_rows_and_the_controls_their_table(run, tmp_path):
    outputs = ("-o", "r.json", "-o", "r.csv", "--plot", "r.svg")
    done = run("compare", *SMALL_OPTIONS, "--repeats", 2, "--fixed", 1, *given(VARIANTS), *outputs)
    assert done.code == 0
    assert "What the controls show" in done.out
    rows = rows_of((tmp_path / "r.csv").read_text())
    kinds = {(row["sources"], row["variant"], row["fixed"]) for row in rows}
    of_source = {
        ("transfer", "1"), ("new-head", "1"), ("reinit=2", "0"), ("add=3", "2"),
        ("unfreeze=1 factor=0.5", "1"), ("self-transfer", "1"),
    }  # fmt: skip
    assert kinds == {
        ("none", "standalone", ""), ("none", "random-frozen", "1"), ("none", "equal-compute", ""),
        *((sources, *arm) for sources in ("one", "fresh") for arm in of_source),
    }  # fmt: skip
    record = json.loads((tmp_path / "r.json").read_text())
    jsonschema.validate(record, json_schema())
    assert {contrast["kind"] for contrast in record["contrasts"]} >= {"freezing", "weights"}


COLLAPSING = (*SMALL_OPTIONS, "--learning-rate", 1000, "--no-plot", "-q", "-o", "r.json")


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("compare", "--repeats", 2),
        ("sweep", "--repeats", 2, "--over", "batch-size=20,40"),
        ("pairs", "--repeats", 2, "--pairs", 2),
        ("train-source",),
        ("train-target",),
    ],
    ids=lambda command: command[0],
)
def test_most_runs_that_collapse_are_reported_with_q_too(run, tmp_path, command):
    done = run(*command, *COLLAPSING)
    record = json.loads((tmp_path / "r.json").read_text())
    cautions = [
        caution
        for caution in record["cautions"]
        if (caution.get("first") or caution)["kind"] in ("still improving", "collapsed")
    ]
    assert cautions == record["cautions"][: len(cautions)]
    assert (cautions[-1].get("first") or cautions[-1])["kind"] == "collapsed"
    assert done.err.startswith("warning: ") and done.err.count("\n") == 1
    assert "collapse" in done.err
    shown = run("show", "r.json", "--no-plot", "-q")
    assert (shown.code, shown.err) == (0, done.err)
    loud = run("show", "r.json", "--no-plot")
    assert loud.err.startswith("".join(f"warning: {caution['text']}\n" for caution in cautions))


@pytest.mark.slow
def test_networks_that_have_learnt_are_reported_without_a_warning_with_q(run):
    learning = ("--epochs", 200, "--momentum", 0.9, "--no-plot", "-q")
    assert run("train-target", *learning).err == ""
    assert run("compare", "--repeats", 2, "--fixed", 0, "--sources", "one", *learning).err == ""


@pytest.mark.slow
def test_the_epochs_of_all_networks_are_recorded_and_printed(run, tmp_path):
    data = ("--source", "moons:train=300", "--target", "moons:train=60", "--sources", "fresh")
    outputs = ("--speed", "--no-plot", "-o", "r.json")
    variants = ("--fixed", 0, "--variant", "equal-compute")
    compare = ("compare", *data, *variants, "--epochs", 3, "--repeats", 2, *outputs)
    for more, epochs, line in (  # 10 batches of 32 in the source, 2 in the target
        ((), (3, None, 18), "source networks: 3 epochs, target networks: 3, equal-compute: 18"),
        (
            ("--budget", "updates"), (15, 3, None),
            "source networks: 3 epochs, target networks: 15, equal-compute: 30",
        ),
        (
            ("--source-epochs", 2), (3, 2, 13),
            "source networks: 2 epochs, target networks: 3, equal-compute: 13",
        ),
    ):  # fmt: skip
        done = run(*compare, *more)
        assert (done.code, line in done.out) == (0, True)
        record = json.loads((tmp_path / "r.json").read_text())
        jsonschema.validate(record, json_schema())
        spec = record["spec"]
        lengths = (spec["training"]["epochs"], spec["source_epochs"], spec["equal_compute_epochs"])
        assert lengths == epochs
        assert {contrast["kind"] for contrast in record["contrasts"]} == {
            "extra updates", "beyond extra updates"
        }  # fmt: skip
        assert run("show", "r.json", "--no-plot").out == done.out


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("variant", third_of(v for v in VARIANTS if v != "equal-compute"))
def test_train_target_trains_any_one_variant_and_saves_its_network(run, variant):
    is_transfer = "self" not in variant and "random" not in variant
    if is_transfer:
        run("train-source", *SMALL_OPTIONS, "--no-plot")
    options = ("--model", "model.keras") if is_transfer else ()
    outputs = ("-o", "t.json", "--save", "t.keras", "--no-plot")
    done = run("train-target", *SMALL_OPTIONS, *options, "--variant", variant, *outputs)
    assert done.code == 0, done.err
    title = done.out.splitlines()[0]
    shape = "2-5-5-3-3" if "add" in variant else "2-5-5-3"
    origin = " from model.keras" if is_transfer else ""
    assert title == f"Network {shape}{origin}, {parse_variant(variant)}, on problem 2"
    trained, whole = map(int, re.findall(r"(\d+) of (\d+) weights trained", done.out)[0])
    assert trained <= whole == (75 if "add" in variant else 63)
    with open("t.json") as file:
        record = json.load(file)
    jsonschema.validate(record, json_schema())
    n_layers = 3 if "add" in variant else 2
    transfer = ("--model", "t.keras", "--fixed", n_layers, "--no-plot")
    again = run("train-target", *SMALL_OPTIONS, *transfer)
    assert again.code == 0, again.err


@pytest.mark.slow
def test_a_model_of_other_classes_serves_a_new_head(run):
    run("train-source", *SMALL_OPTIONS, "--classes", 4, "--no-plot")
    refused = run("compare", *SMALL_OPTIONS, "--model", "model.keras", "--fixed", 0)
    assert_refused(refused, "--model model.keras", "--variant new-head,fixed=0")
    assert says_in_order(refused.err, "2-5-5-4", "4 classes", "3 classes")
    compare = ("compare", *SMALL_OPTIONS, "--model", "model.keras", "--repeats", 1, *CSV)
    rows = rows_of(run(*compare, "--variant", "new-head", "--variant", "reinit=2").out)
    assert [row["variant"] for row in rows] == ["standalone"] + 2 * ["new-head", "reinit=2"]
    train = ("train-target", *SMALL_OPTIONS, "--model", "model.keras", "--no-plot")
    assert run(*train, "--variant", "new-head").code == 0


def test_nested_sources_share_their_repeats_and_show_their_luck(run, tmp_path):
    compare = ("compare", *SMALL_OPTIONS, "--fixed", 0)
    done = run(*compare, "--nested", 3, 2, "-o", "n.json", "-o", "n.csv", "--no-plot")
    assert "Variation between source networks" in done.out
    assert "3 sources x 2 repeats" in done.out
    record = json.loads((tmp_path / "n.json").read_text())
    jsonschema.validate(record, json_schema())
    assert record["spec"]["nested"] == [3, 2]
    assert record["summary"][1]["source_variance"]["n_sources"] == 3
    assert len(rows_of((tmp_path / "n.csv").read_text())) == 6 * 3
    assert run(*compare, "--nested=3,2", "--no-plot").out == done.out


@pytest.mark.slow
def test_speed_has_its_tables_and_keeps_the_curves(run, tmp_path):
    plain = run("compare", *SMALL_OPTIONS, "--repeats", 2, *CSV)
    outputs = ("-o", "s.json", "-o", "s.csv")
    speed = ("--speed", "--threshold", 0.3, "--no-plot")
    done = run("compare", *SMALL_OPTIONS, "--repeats", 2, *speed, *outputs)
    assert "training speed" in done.out and "that reach 30.0 %" in done.out
    assert (tmp_path / "s.csv").read_text() == plain.out
    record = json.loads((tmp_path / "s.json").read_text())
    jsonschema.validate(record, json_schema())
    assert len(record["curves"]) == len(record["runs"])
    assert len(record["curves"][0]["test_accuracy"]) == 3


# ---------------------------------------------------------------- show


SHOWN = [
    ("compare", "--repeats", 3, "--speed", "--variant", "random-frozen,fixed=1"),
    ("compare", "--nested", 2, 2),
    ("train-source",),
    ("train-target",),
]


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize(
    "command", third_of(SHOWN), ids=lambda command: " ".join(map(str, command[:2]))
)
def test_show_prints_and_draws_all_of_it_again(run, tmp_path, command):
    formats = ("-o", "a.json", "-o", "a.csv", "-o", "a.md", "-o", "a.txt", "--plot", "a.png")
    run(*command, *SMALL_OPTIONS, *formats)
    again = [word.replace("a.", "b.") for word in formats]
    shown = run("show", "a.json", *again)
    assert shown.code == 0
    assert shown.out == (
        (tmp_path / "a.txt").read_text()
        if command[0] == "compare"
        else (tmp_path / "b.txt").read_text().replace(" weights trained;", shown_time(shown.out))
    )
    for suffix in ("json", "csv", "md", "txt"):
        a, b = ((tmp_path / f"{name}.{suffix}").read_bytes() for name in "ab")
        assert a == b, suffix
    # each figure tells the command that drew it; they look alike
    with Image.open(tmp_path / "a.png") as a, Image.open(tmp_path / "b.png") as b:
        assert a.tobytes() == b.tobytes()


def shown_time(text):
    (time,) = re.findall(r" weights trained( in \S+ s);", text)
    return f" weights trained{time};"


@pytest.mark.slow
def test_show_reads_standard_input(forks, run, tmp_path):
    run("compare", *SMALL_OPTIONS, "--repeats", 2, "-q", "--no-plot", "-o", "r.json")
    with open("r.json") as results:
        done = forks.run_process("show", "-", "-q", "--no-plot", cwd=tmp_path, stdin=results)
    assert (done.code, without_cautions(done.err)) == (0, "")
    assert done.out == run("show", "r.json", "-q", "--no-plot").out
    assert os.listdir() == ["r.json"]


def test_repeats_are_added_until_all_is_decided_or_there_are_the_most(run, tmp_path):
    until = ("--until-decided", "--fixed", 0, "--no-plot", "-o", "u.json", "-o", "u.csv")
    # where all that can happen is within the margin, the first look decides
    done = run("compare", *SMALL_OPTIONS, *until, "--margin", 0.95)
    assert done.code == 0
    assert "no practical difference" in done.out
    record = json.loads((tmp_path / "u.json").read_text())
    jsonschema.validate(record, json_schema())
    assert (record["spec"]["n_repeats"], record["spec"]["until_decided"]) == (100_000, True)
    assert record["runs"][-1]["repeat"] == 99
    plain = run("compare", *SMALL_OPTIONS, "--fixed", 0, "--repeats", 100, *CSV)
    assert (tmp_path / "u.csv").read_text() == plain.out
    assert run("show", "u.json", "--no-plot").out == done.out
    few = run("compare", *SMALL_OPTIONS, *until, "--max-repeats", 3)
    assert "is undecided" in few.out and "problem 2, 2-5-5-3, 3 repeats" in few.out


@pytest.mark.security
def test_a_figure_without_a_name_replaces_only_our_own(run, tmp_path):
    path = tmp_path / "plot-data.png"
    path.write_text("a photo")
    done = run("plot-data", *SMALL_OPTIONS[:4])
    assert (done.code, path.read_text()) == (2, "a photo")
    assert done.err.count("\n") == 1 and "--plot plot-data.png" in done.err
    assert run("plot-data", *SMALL_OPTIONS[:4], "--plot", path.name).code == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    assert run("plot-data", *SMALL_OPTIONS[:4]).code == 0
    path.unlink()
    path.symlink_to("elsewhere.png")
    assert run("plot-data", *SMALL_OPTIONS[:4]).code == 2
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("suffix", third_of(["png", "svg", "pdf"]))
def test_a_figure_of_another_command_is_not_replaced_silently(run, tmp_path, suffix):
    name = f"f.{suffix}"
    first = ("plot-data", *SMALL_OPTIONS[:4], "--plot", name)
    assert run(*first).err == f"wrote {name}\n"
    assert run(*first).err == f"wrote {name}\n"  # the same again
    second = ("train-target", *SMALL_OPTIONS, "--plot", name)
    before = " ".join(map(str, ("blobtransfer", *first)))
    assert f"wrote {name} (replaced the figure of: {before})\n" in run(*second).err
    (tmp_path / name).write_text("a photo")
    note = f"wrote {name} (replaced a file that blobtransfer had not made)\n"
    assert note in run(*second).err
    assert without_cautions(run(*second, "-q").err) == ""


SIZES = [
    (("--style", "paper", "--size", "3.5x4"), (525, 600)),
    (("--style", "slide"), (2000, 1125)),
    (("--size", "8x6"), (1200, 900)),
]


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize(("options", "size"), third_of(SIZES))
def test_the_size_of_a_figure_is_that_of_its_style_or_as_asked(run, tmp_path, options, size):
    for command in (("compare", "--repeats", 2, "--sources", "one"), ("train-target",)):
        done = run(*command, *SMALL_OPTIONS, "-q", "--plot", "f.png", *options)
        assert (done.code, without_cautions(done.err)) == (0, "")
        with Image.open(tmp_path / "f.png") as picture:
            assert picture.size == size


@pytest.mark.slow
def test_the_curves_of_a_comparison_are_the_same_from_its_saved_results(run, tmp_path):
    files = ("-q", "--no-plot", "-o", "r.json", "--curves", "a.csv")
    assert run("compare", *SMALL_OPTIONS, "--repeats", 2, "--speed", *files).code == 0
    assert run("show", "r.json", "-q", "--no-plot", "--curves", "b.csv").code == 0
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert run("train-target", *SMALL_OPTIONS, "--no-plot", "--curves", "t.csv").code == 0
    head, first, *_ = (tmp_path / "t.csv").read_text().splitlines()
    assert head.endswith("epoch,test_accuracy,train_accuracy,test_loss,train_loss")
    assert first.startswith("none,standalone,,0,standalone,,,problem 2,0,")


def test_curves_that_were_not_kept_cannot_be_written(run, tmp_path):
    run("compare", *SMALL_OPTIONS, "--repeats", 2, "-q", "--no-plot", "-o", "r.json")
    assert_refused(run("show", "r.json", "--curves", "c.csv"), "--curves c.csv", "--speed")
    assert os.listdir(tmp_path) == ["r.json"]


@pytest.mark.slow
def test_a_variant_can_be_compared_with_another(run):
    done = run("compare", *SMALL_OPTIONS, "--repeats", 2, "--against", "fixed=0", "--no-plot")
    assert done.code == 0, done.err
    assert "Variants compared with each other" in done.out
    assert "transfer fixed=2 - transfer fixed=0" in done.out


def test_show_takes_another_margin(run):
    run("compare", *SMALL_OPTIONS, "--repeats", 30, "--no-plot", "-o", "r.json")
    shown = run("show", "r.json", "--margin", 0.99, "--no-plot")
    assert "no practical difference" in shown.out


def test_show_takes_one_question_and_some_variants(run, tmp_path):
    run(
        "compare", *SMALL_OPTIONS, "--repeats", 8, "--no-plot", "-o", "r.json", "--summary", "a.csv"
    )
    choice = ("--sources", "one", "--only", "fixed=1", "--only", "transfer,fixed=0")
    shown = run("show", "r.json", *choice, "--summary", "b.csv", "-o", "s.json", "--plot", "b.png")
    assert shown.code == 0 and (tmp_path / "b.png").exists()
    assert (tmp_path / "s.json").read_bytes() == (tmp_path / "r.json").read_bytes()
    rows = rows_of((tmp_path / "a.csv").read_text())
    expected = [row for row in rows if row["sources"] != "fresh" and "fixed=2" not in row["label"]]
    assert rows_of((tmp_path / "b.csv").read_text()) == expected
    assert len(run("show", "r.json", *choice, "--no-plot", "-q").out.splitlines()) == 1
    assert_refused(run("show", "r.json", "--only", "fixed=3"), "--only fixed=3", "fixed=2")


def test_show_prints_one_table_and_takes_another_title(run, tmp_path):
    variants = ("--variant", "random-frozen,fixed=1", "--fixed", 1)
    run("compare", *SMALL_OPTIONS, "--repeats", 2, *variants, "-o", "r.json", "--no-plot", "-q")
    show = ("show", "r.json", "--no-plot")
    table = run(*show, "--table", "controls")
    assert table.code == 0 and says_in_order(table.out, "fresh sources", "freezing alone")
    assert "trimmed mean" not in table.out
    markdown = run(*show, "--table", "controls", "--format", "markdown", "-q")
    assert markdown.out.count("| freezing alone, fixed=1 |") == 1
    assert_refused(run(*show, "--table", "speed"), "--table speed", "variants, cases, controls")
    assert_refused(run(*show, "--table", "cases", "--format", "csv"), "--table cases", "csv")
    assert_refused(run(*show, "--title", " "), "--title", "empty")
    title = ("--title", "Sites <A> and B")
    assert run("show", "r.json", *title, "--plot", "f.svg", "-o", "r.html", "-q").code == 0
    assert "Sites &lt;A&gt; and B" in (tmp_path / "r.html").read_text()
    assert "Sites &lt;A&gt; and B" in (tmp_path / "f.svg").read_text()
    assert "Sites" not in run(*show, *title, "--format", "json").out


# ---------------------------------------------------------------- options


def test_options_can_come_in_any_place(run):
    rest = ("--repeats", 1, *CSV)
    expected = run("compare", *SMALL_OPTIONS, *rest, "--fixed", 0, 2)
    assert len(expected.out.splitlines()) == 1 + 1 + 2 + 2
    assert run("compare", "--fixed", 0, 2, *SMALL_OPTIONS, *rest).out == expected.out
    assert run("compare", "--fixed=0,2", *SMALL_OPTIONS, *rest).out == expected.out


def test_the_environment_sets_defaults_and_the_command_line_wins(run, monkeypatch):
    monkeypatch.setenv("BLOBTRANSFER_REPEATS", "2")
    monkeypatch.setenv("BLOBTRANSFER_FIXED", "0,1")
    monkeypatch.setenv("BLOBTRANSFER_NO_PLOT", "1")
    monkeypatch.setenv("BLOBTRANSFER_FORMAT", "csv")
    compare = ("compare", *SMALL_OPTIONS)
    assert len(run(*compare).out.splitlines()) == 1 + 2 * 5
    assert len(run(*compare, "--repeats", 1, "--fixed", 2).out.splitlines()) == 1 + 3


def test_names_in_the_environment_keep_their_spaces_and_switches_can_be_off(run, monkeypatch):
    monkeypatch.setenv("BLOBTRANSFER_OUTPUT", "my results.csv")
    monkeypatch.setenv("BLOBTRANSFER_DEBUG", "0")
    monkeypatch.setenv("BLOBTRANSFER_REPEATS", "0")
    assert_refused(run("compare", *SMALL_OPTIONS), "BLOBTRANSFER_REPEATS 0")
    done = run("compare", *SMALL_OPTIONS, "--repeats", 1, "--no-plot")
    assert "wrote my results.csv\n" in done.err


@pytest.mark.slow
def test_the_network_follows_the_options(run):
    settings = ("--hidden", 4, 3, 2, "--features", 3, "--classes", 4, "--activation", "tanh")
    settings += ("--initializer", "glorot_normal", "--momentum", 0.5, "--batch-size", 16)
    form = ("--format", "json", "--no-plot")
    done = run("train-source", *SMALL_OPTIONS, *settings, *form, "--test-samples", 30)
    record = json.loads(done.out)
    jsonschema.validate(record, json_schema())
    assert record["spec"]["network"] == {
        "n_features": 3,
        "hidden": [4, 3, 2],
        "n_classes": 4,
        "activation": "tanh",
        "initializer": "glorot_normal",
    }
    assert record["spec"]["training"]["momentum"] == 0.5
    assert record["tasks"][0]["n_test"] == 30
    assert len(record["curves"][0]["test_loss"]) == 3
    problem = ("--features", 3, "--classes", 4, "--model", "model.keras", "--sources", "one")
    moved = run("compare", *SMALL_OPTIONS, *problem, *form, "--repeats", 1)
    record = json.loads(moved.out)
    jsonschema.validate(record, json_schema())
    assert record["spec"]["network"]["hidden"] == [4, 3, 2]
    assert record["spec"]["network"]["activation"] == "tanh"
    assert record["spec"]["source"] is None


def test_help_and_version_are_everywhere(run):
    for command in ("plot-data", "train-source", "train-target", "compare", "show"):
        assert run(command, "--version").out == f"blobtransfer {blobtransfer.__version__}\n"
        assert run(command, "-h").out == run(command, "--help").out
    assert run("--version").out == f"blobtransfer {blobtransfer.__version__}\n"
    assert "compare" in run("-h").out


def test_no_command_shows_the_help_and_is_a_mistake(run):
    done = run()
    assert done.code == 2
    assert "train-source" in done.out + done.err


def test_help_and_refusals_load_nothing_heavy(tmp_path):
    command_lines = (
        ("--help",), ("compare", "--help"), ("compare", "--fixed", "7"), ("grid", "--help"),
        ("pairs", "--pairs", "1"), ("sweep", "--over", "fixed=0,7"),
    )  # fmt: skip
    code = (
        "import sys\n"
        "from blobtransfer.cli.app import main\n"
        f"for argv in {command_lines!r}:\n"
        "    sys.argv = ['blobtransfer', *argv]\n"
        "    main()\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "sys.exit(f'loaded: {loaded}' if loaded else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_answer_needs_neither_matplotlib_nor_other_slow_imports(tmp_path):
    (tmp_path / "matplotlib").mkdir()
    (tmp_path / "matplotlib" / "__init__.py").write_text("raise RuntimeError('broken')\n")
    code = (
        "import sys\n"
        "from blobtransfer.__main__ import run\n"
        "code = run()\n"
        "slow = ('matplotlib', 'sklearn', 'scipy.stats', 'pandas', 'tensorflow', 'sqlite3')\n"
        "print([name for name in slow if name in sys.modules], file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    command = [sys.executable, "-c", code, "compare", *SMALL_OPTIONS, "--repeats", "2"]
    settings = {
        "cwd": tmp_path, "capture_output": True, "text": True,
        "env": os.environ | {"PYTHONPATH": str(tmp_path)},
    }  # fmt: skip
    drawn = subprocess.run(command, **settings)
    *_, error, loaded = drawn.stderr.splitlines()
    assert (drawn.returncode, loaded) == (1, "[]")
    assert error.startswith("error: matplotlib cannot be imported (broken)")
    plain = subprocess.run([*command, "--no-plot"], **settings)
    assert (plain.returncode, plain.stderr.splitlines()[-1]) == (0, "[]")
    assert drawn.stdout == plain.stdout != ""


def test_completion_offers_options_and_loads_nothing_heavy(tmp_path):
    code = (
        "import sys\n"
        "from blobtransfer.cli.app import main\n"
        "sys.argv = ['blobtransfer']\n"
        "try: main()\n"
        "finally:\n"
        f"    loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "    assert not loaded, loaded\n"
    )
    environment = os.environ | {
        "_BLOBTRANSFER_COMPLETE": "complete_bash",
        "COMP_WORDS": "blobtransfer compare --fixed 0 --rep",
        "COMP_CWORD": "4",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=environment
    )
    assert "--repeats" in done.stdout
    assert done.stderr == ""


def test_help_in_a_pipe_has_no_colours_wherever_it_runs(tmp_path):
    plain = run_process("compare", "--help", cwd=tmp_path)
    colours = {"GITHUB_ACTIONS": "true", "PY_COLORS": "true"}
    done = run_process("compare", "--help", cwd=tmp_path, environment=colours)
    assert (done.code, done.out) == (0, plain.out)
    assert "\x1b" not in done.out


def test_help_in_a_pipe_has_colours_where_they_are_forced(tmp_path):
    done = run_process("compare", "--help", cwd=tmp_path, environment={"FORCE_COLOR": "1"})
    assert "\x1b" in done.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_that_is_named_is_shown_from_any_other(tmp_path, shell):
    by = ("sh", "-c", '"$@"; exit $?', "sh")
    done = run_process("--show-completion", shell, cwd=tmp_path, by=by)
    assert (done.code, done.err) == (0, "")
    assert "_BLOBTRANSFER_COMPLETE" in done.out


# ---------------------------------------------------------------- results


@pytest.mark.slow
def test_results_go_to_files_by_suffix_and_to_standard_output(run, tmp_path):
    outputs = ("-o", "o.json", "-o", "o.csv", "--output", "o.md", "--output=o.txt", "-o", "-")
    done = run("compare", *SMALL_OPTIONS, "--repeats", 2, *outputs, "--format", "csv")
    assert done.out == (tmp_path / "o.csv").read_text()
    record = json.loads((tmp_path / "o.json").read_text())
    jsonschema.validate(record, json_schema())
    rows = list(csv.DictReader(io.StringIO(done.out)))
    for row, of_json in zip(rows, record["runs"], strict=True):
        assert row == {k: "" if v is None else str(v) for k, v in of_json.items()}
    assert record["argv"][:2] == ["compare", "--samples"]
    assert (tmp_path / "o.md").read_text().startswith("**Fresh sources (a new")
    assert (tmp_path / "o.txt").read_text() == run("show", "o.json", "--no-plot").out
    assert done.err.splitlines()[:5] == [
        "wrote o.json", "wrote o.csv", "wrote o.md", "wrote o.txt", "wrote compare.png",
    ]  # fmt: skip


@pytest.mark.slow
def test_the_same_command_gives_the_same_bytes(run, tmp_path):
    outputs = ("-o", "o.csv", "-o", "o.md", "-o", "o.txt")
    contents = []
    for _ in range(2):
        done = run("compare", *SMALL_OPTIONS, "--repeats", 2, *outputs)
        files = [(tmp_path / f"o.{s}").read_bytes() for s in ("csv", "md", "txt")]
        contents.append((done.out, files, (tmp_path / "compare.png").read_bytes()))
    assert contents[0] == contents[1]


def test_more_repeats_keep_the_earlier_lines(run):
    compare = ("compare", *SMALL_OPTIONS, "--no-plot", "--format", "csv", "--fixed", 1, "--repeats")
    assert run(*compare, 3).out.startswith(run(*compare, 2).out)


@pytest.mark.slow
def test_a_run_that_diverges_is_counted_and_ends_with_3(run, tmp_path):
    settings = ("--learning-rate", "3e38", "--activation", "tanh", "--no-plot")
    done = run("compare", *SMALL_OPTIONS, *settings, "--repeats", 2, "--fixed", 0, "-o", "o.csv")
    assert done.code == 3
    assert "not finite" in done.err
    assert "diverged" in done.out
    assert ",failed" in (tmp_path / "o.csv").read_text()
    trained = run("train-source", *SMALL_OPTIONS, *settings)
    assert trained.code == 3
    assert not (tmp_path / "model.keras").exists()


# ---------------------------------------------------------------- model files


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("name", third_of(["model.keras", "model.h5"]))
def test_a_model_is_never_replaced_without_force_but_the_same_one_may_stay(run, tmp_path, name):
    train = ("train-source", *SMALL_OPTIONS, "--model", name)
    run(*train, "--no-plot")
    before = (tmp_path / name).read_bytes()
    same = run(*train)
    assert same.code == 0
    assert "already" in same.err
    for changed in (("--train-seed", 1), ("--hidden", 4)):
        (tmp_path / "train-source.png").unlink(missing_ok=True)
        other = run(*train, *changed)
        assert_refused(other, f"--model {name}", "--force")
        assert os.listdir(tmp_path) == [name]
    assert (tmp_path / name).read_bytes() == before
    assert run(*train, "--train-seed", 1, "--force").code == 0
    assert (tmp_path / name).read_bytes() != before
