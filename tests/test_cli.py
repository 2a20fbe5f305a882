"""Real commands in a temporary folder: exit codes, streams, files and error lines."""

import csv
import hashlib
import io
import json
import os
import pty
import re
import subprocess
import sys

import jsonschema
import pytest

import blobtransfer
from blobtransfer.results.json_io import json_schema
from blobtransfer.specs.variant import parse_variant

QUICK = ("--samples", 60, "--train-samples", 40, "--epochs", 2)
HEAVY = ("numpy", "tensorflow", "keras", "sklearn", "matplotlib", "scipy", "h5py")


def blobtransfer_process(*argv, cwd, **settings):
    return subprocess.Popen(
        [sys.executable, "-m", "blobtransfer", *map(str, argv)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        text=True,
        **settings,
    )


# ---------------------------------------------------------------- the four commands


def test_plot_data_draws_and_prints_nothing(run, tmp_path):
    done = run("plot-data")
    assert (done.code, done.out, done.err) == (0, "", "wrote plot-data.png\n")
    assert os.listdir(tmp_path) == ["plot-data.png"]


def test_train_source_prints_a_table_and_saves_model_and_curves(run, tmp_path):
    done = run("train-source", *QUICK)
    assert done.code == 0
    assert done.out.startswith("Source network 2-5-5-3 on problem 1\n")
    assert "63 of 63 weights trained in" in done.out
    assert done.err == "wrote model.keras\nwrote train-source.png\n"
    assert sorted(os.listdir(tmp_path)) == ["model.keras", "train-source.png"]


def test_train_source_quietly_prints_just_the_models_path(run):
    done = run("train-source", *QUICK, "-q", "--model", "a.keras")
    assert (done.code, done.out, done.err) == (0, "a.keras\n", "")


def test_train_target_starts_from_scratch_or_from_a_model(run):
    run("train-source", *QUICK)
    alone = run("train-target", *QUICK)
    assert alone.out.startswith("Standalone network 2-5-5-3 on problem 2\n")
    moved = run("train-target", *QUICK, "--model", "model.keras", "--fixed", 1, "--save", "t.keras")
    assert moved.out.startswith(
        "Network 2-5-5-3 from model.keras, first 1 hidden frozen, on problem 2\n"
    )
    assert "48 of 63 weights trained" in moved.out
    assert moved.err == "wrote t.keras\nwrote train-target.png\n"


def test_train_target_quietly_prints_its_accuracy_or_where_it_saved(run):
    accuracy = run("train-target", *QUICK, "-q", "--no-plot").out
    assert 0 <= float(accuracy) <= 1
    assert run("train-target", *QUICK, "-q", "--save", "t.keras").out == "t.keras\n"


def test_compare_prints_a_row_a_variant(run, tmp_path):
    done = run("compare", *QUICK, "--repeats", 2)
    assert done.code == 0
    lines = done.out.splitlines()
    for title in ("This model (one source network): ", "The method (a fresh source network each"):
        (first,) = [i for i, line in enumerate(lines) if line.startswith(title)]
        assert [line.split("  ")[0] for line in lines[first + 2 : first + 7]] == [
            "variant",
            "standalone",
            "transfer fixed=0",
            "transfer fixed=1",
            "transfer fixed=2",
        ]
    assert sum(line.startswith(("This model: ", "The method: ")) for line in lines) == 2
    wrote, *warnings = done.err.splitlines()
    assert wrote == "wrote compare.png"
    assert warnings and all(line.startswith("warning: ") for line in warnings)
    assert os.listdir(tmp_path) == ["compare.png"]


def test_compare_with_the_model_of_train_source_gives_the_same_rows(run):
    run("train-source", *QUICK)
    compare = ("compare", *QUICK, "--repeats", 2, "--no-plot", "--format", "csv")
    assert run(*compare, "--model", "model.keras").out == run(*compare).out


def test_train_target_is_repeat_0_of_compare(run):
    run("train-source", *QUICK)
    rows = run("compare", *QUICK, "--repeats", 1, "--no-plot", "--format", "csv").out.splitlines()
    alone = ("train-target", *QUICK, "--no-plot", "--format", "csv")
    assert run(*alone).out.splitlines()[1] == rows[1]
    moved = run(*alone, "--model", "model.keras", "--fixed", "2").out.splitlines()[1]
    assert moved == rows[4]


# ---------------------------------------------------------------- questions and variants


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


CSV = ("--no-plot", "--format", "csv", "-q")


def test_each_question_can_be_asked_alone_and_has_the_same_rows(run):
    compare = ("compare", *QUICK, "--repeats", 3, *CSV)
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


def test_a_model_answers_for_this_model_and_fresh_sources_for_the_method(run):
    run("train-source", *QUICK, "--train-seed", 7)
    compare = ("compare", *QUICK, "--repeats", 2, *CSV)
    without = rows_of(run(*compare).out)
    with_model = rows_of(run(*compare, "--model", "model.keras").out)
    for a, b in zip(without, with_model, strict=True):
        assert (a == b) == (a["sources"] != "one")


def test_results_say_which_file_the_source_network_was(run, tmp_path):
    run("train-source", *QUICK)
    digest = hashlib.sha256((tmp_path / "model.keras").read_bytes()).hexdigest()
    for command in ("compare", "train-target"):
        options = ("--model", "model.keras", "--no-plot", "-o", "r.json")
        assert run(command, *QUICK, *options).code == 0
        spec = json.loads((tmp_path / "r.json").read_text())["spec"]
        assert (spec["model_path"], spec["model_sha256"]) == ("model.keras", digest)
        assert run("show", "r.json", "--no-plot").code == 0


def test_reverse_swaps_the_problems(run):
    compare = ("compare", *QUICK, "--repeats", 1, *CSV)
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


def test_every_variant_has_its_rows_and_the_controls_their_table(run, tmp_path):
    outputs = ("-o", "r.json", "-o", "r.csv", "--plot", "r.svg")
    done = run("compare", *QUICK, "--repeats", 2, "--fixed", 1, *given(VARIANTS), *outputs)
    assert done.code == 0
    assert "What the controls tell" in done.out
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
    assert {contrast["tells"] for contrast in record["contrasts"]} >= {"freezing", "weights"}


@pytest.mark.parametrize("variant", VARIANTS)
def test_train_target_trains_any_one_variant_and_saves_its_network(run, variant):
    is_transfer = "self" not in variant and "random" not in variant and "equal" not in variant
    if is_transfer:
        run("train-source", *QUICK, "--no-plot")
    options = ("--model", "model.keras") if is_transfer else ()
    outputs = ("-o", "t.json", "--save", "t.keras", "--no-plot")
    done = run("train-target", *QUICK, *options, "--variant", variant, *outputs)
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
    again = run("train-target", *QUICK, "--model", "t.keras", "--fixed", n_layers, "--no-plot")
    assert again.code == 0, again.err


def test_a_model_of_other_classes_serves_a_new_head(run):
    run("train-source", *QUICK, "--classes", 4)
    refused = run("compare", *QUICK, "--model", "model.keras", "--repeats", 1)
    assert refused.code == 2
    assert refused.err == (
        "error: --model model.keras: this network has 4 classes, the target problem 3; "
        "use --classes 4, --variant new-head,fixed=0 alone, or another model\n"
    )
    compare = ("compare", *QUICK, "--model", "model.keras", "--repeats", 1, *CSV)
    rows = rows_of(run(*compare, "--variant", "new-head", "--variant", "reinit=2").out)
    assert [row["variant"] for row in rows] == ["standalone"] + 2 * ["new-head", "reinit=2"]
    assert run("train-target", *QUICK, "--model", "model.keras", "--variant", "new-head").code == 0


def test_nested_sources_share_their_repeats_and_show_their_luck(run, tmp_path):
    done = run("compare", *QUICK, "--nested", 3, 2, "--fixed", 0, "-o", "n.json", "-o", "n.csv")
    assert "The luck of the source" in done.out
    assert "3 sources x 2 repeats" in done.out
    record = json.loads((tmp_path / "n.json").read_text())
    jsonschema.validate(record, json_schema())
    assert record["spec"]["nested"] == [3, 2]
    assert record["summary"][2]["source_luck"]["n_sources"] == 3
    assert len(rows_of((tmp_path / "n.csv").read_text())) == 6 * 3
    for spelling in (("--nested", "3,2"), ("--nested=3,2",), ("--nested", 3, "--nested", 2)):
        assert run("compare", *QUICK, *spelling, "--fixed", 0).out == done.out


def test_speed_has_its_tables_and_keeps_the_curves(run, tmp_path):
    plain = run("compare", *QUICK, "--repeats", 2, *CSV)
    outputs = ("-o", "s.json", "-o", "s.csv")
    done = run("compare", *QUICK, "--repeats", 2, "--speed", "--threshold", 0.3, *outputs)
    assert "speed of learning" in done.out and "to reach 30.0 %" in done.out
    assert (tmp_path / "s.csv").read_text() == plain.out
    record = json.loads((tmp_path / "s.json").read_text())
    jsonschema.validate(record, json_schema())
    assert len(record["curves"]) == len(record["runs"])
    assert len(record["curves"][0]["test_accuracy"]) == 3


# ---------------------------------------------------------------- show


@pytest.mark.parametrize(
    "command",
    [
        ("compare", "--repeats", 3, "--speed", "--variant", "random-frozen,fixed=1"),
        ("compare", "--nested", 2, 2),
        ("train-source",),
        ("train-target",),
    ],
    ids=lambda command: " ".join(map(str, command[:2])),
)
def test_show_prints_and_draws_all_of_it_again(run, tmp_path, command):
    formats = ("-o", "a.json", "-o", "a.csv", "-o", "a.md", "-o", "a.txt", "--plot", "a.png")
    run(*command, *QUICK, *formats)
    again = [word.replace("a.", "b.") for word in formats]
    shown = run("show", "a.json", *again)
    assert shown.code == 0
    assert shown.out == (
        (tmp_path / "a.txt").read_text()
        if command[0] == "compare"
        else (tmp_path / "b.txt").read_text().replace(" weights trained;", shown_time(shown.out))
    )
    for suffix in ("json", "csv", "md", "txt", "png"):
        a, b = ((tmp_path / f"{name}.{suffix}").read_bytes() for name in "ab")
        assert a == b, suffix


def shown_time(text):
    (time,) = re.findall(r" weights trained( in \S+ s);", text)
    return f" weights trained{time};"


def test_show_reads_standard_input(tmp_path):
    piped = (
        f"{sys.executable} -m blobtransfer compare {' '.join(map(str, QUICK))} --repeats 2 -q "
        f"--no-plot --format json | {sys.executable} -m blobtransfer show - -q --no-plot"
    )
    done = subprocess.run(piped, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("This model")
    assert os.listdir(tmp_path) == []


def test_show_takes_another_margin(run):
    run("compare", *QUICK, "--repeats", 8, "-o", "r.json")
    assert "no practical difference" in run("show", "r.json", "--margin", 0.99).out


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("none.json", "no such file or directory"),
        (".", "is a directory"),
        ("notes.json", "the text: invalid json"),
        ("old.json", "schema_version: field required"),
    ],
)
def test_show_refuses_what_is_no_result(run, tmp_path, name, problem):
    (tmp_path / "notes.json").write_text("my notes")
    (tmp_path / "old.json").write_text("{}")
    done = run("show", name, "--no-plot")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: {name}: {problem}")
    assert done.err.endswith("; give a JSON file that blobtransfer wrote\n")


# ---------------------------------------------------------------- options


@pytest.mark.parametrize(
    "fixed",
    [
        ("--fixed", "0", "2"),
        ("--fixed", "2", "0"),
        ("--fixed", "0,2"),
        ("--fixed=0,2",),
        ("--fixed", "0", "--fixed", "2"),
        ("--fixed=0", "--fixed", "2"),
    ],
)
def test_several_numbers_can_be_written_in_any_way_and_place(run, fixed):
    rest = ("--epochs", "1", "--samples", "60", "--train-samples", "40", "--repeats", "1")
    rest += ("--no-plot", "--format", "csv")
    expected = run("compare", *rest, "--fixed", 0, 2)
    assert len(expected.out.splitlines()) == 1 + 1 + 2 + 2
    assert run("compare", *fixed, *rest).out == expected.out
    assert run("compare", *rest, *fixed).out == expected.out


def test_the_environment_sets_defaults_and_the_command_line_wins(run, monkeypatch):
    monkeypatch.setenv("BLOBTRANSFER_REPEATS", "2")
    monkeypatch.setenv("BLOBTRANSFER_FIXED", "0,1")
    monkeypatch.setenv("BLOBTRANSFER_NO_PLOT", "1")
    monkeypatch.setenv("BLOBTRANSFER_FORMAT", "csv")
    assert len(run("compare", *QUICK).out.splitlines()) == 1 + 2 * 5
    assert len(run("compare", *QUICK, "--repeats", 1, "--fixed", 2).out.splitlines()) == 1 + 3


def test_every_option_has_its_environment_variable(run, monkeypatch):
    monkeypatch.setenv("BLOBTRANSFER_LEARNING_RATE", "fast")
    done = run("compare")
    assert (done.code, done.err) == (
        2,
        "error: BLOBTRANSFER_LEARNING_RATE fast: use a finite number\n",
    )


def test_the_network_follows_the_options(run):
    settings = ("--hidden", 4, 3, 2, "--features", 3, "--classes", 4, "--activation", "tanh")
    settings += ("--initializer", "glorot_normal", "--momentum", 0.5, "--batch-size", 16)
    done = run("train-source", *QUICK, *settings, "--format", "json", "--test-samples", 30)
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
    moved = run("compare", *QUICK, "--features", 3, "--classes", 4, "--model", "model.keras",
                "--repeats", 1, "--format", "json", "--no-plot", "--sources", "one")  # fmt: skip
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


@pytest.mark.parametrize("argv", [("--help",), ("compare", "--help"), ("compare", "--fixed", "7")])
def test_help_and_refusals_load_nothing_heavy(argv, tmp_path):
    code = (
        "import sys\n"
        f"sys.argv = ['blobtransfer', *{argv!r}]\n"
        "from blobtransfer.cli.app import main\n"
        "main()\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "sys.exit(f'loaded: {loaded}' if loaded else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


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


# ---------------------------------------------------------------- results


def test_results_go_to_files_by_suffix_and_to_standard_output(run, tmp_path):
    outputs = ("-o", "o.json", "-o", "o.csv", "--output", "o.md", "--output=o.txt", "-o", "-")
    done = run("compare", *QUICK, "--repeats", 2, *outputs, "--format", "csv")
    assert done.out == (tmp_path / "o.csv").read_text()
    record = json.loads((tmp_path / "o.json").read_text())
    jsonschema.validate(record, json_schema())
    rows = list(csv.DictReader(io.StringIO(done.out)))
    for row, of_json in zip(rows, record["runs"], strict=True):
        assert row == {k: "" if v is None else str(v) for k, v in of_json.items()}
    assert record["argv"][:2] == ["compare", "--samples"]
    assert (tmp_path / "o.md").read_text().startswith("**This model (one")
    assert (tmp_path / "o.txt").read_text() == run("compare", *QUICK, "--repeats", 2).out
    assert done.err.splitlines()[:5] == [
        "wrote o.json", "wrote o.csv", "wrote o.md", "wrote o.txt", "wrote compare.png",
    ]  # fmt: skip


def test_the_same_command_gives_the_same_bytes(run, tmp_path):
    outputs = ("-o", "o.csv", "-o", "o.md", "-o", "o.txt")
    contents = []
    for _ in range(2):
        done = run("compare", *QUICK, "--repeats", 2, *outputs)
        files = [(tmp_path / f"o.{s}").read_bytes() for s in ("csv", "md", "txt")]
        contents.append((done.out, files, (tmp_path / "compare.png").read_bytes()))
    assert contents[0] == contents[1]


def test_more_repeats_keep_the_earlier_lines(run):
    compare = ("compare", *QUICK, "--no-plot", "--format", "csv", "--fixed", 1, "--repeats")
    assert run(*compare, 3).out.startswith(run(*compare, 2).out)


def test_a_run_that_diverges_is_counted_and_ends_with_3(run, tmp_path):
    settings = ("--learning-rate", "3e38", "--activation", "tanh")
    done = run("compare", *QUICK, *settings, "--repeats", 2, "--fixed", 0, "-o", "o.csv")
    assert done.code == 3
    assert "not finite" in done.err
    assert "failed" in done.out
    assert ",failed" in (tmp_path / "o.csv").read_text()
    trained = run("train-source", *QUICK, *settings)
    assert trained.code == 3
    assert not (tmp_path / "model.keras").exists()


# ---------------------------------------------------------------- model files


def test_a_model_is_never_replaced_without_force_but_the_same_one_may_stay(run, tmp_path):
    run("train-source", *QUICK)
    before = (tmp_path / "model.keras").read_bytes()
    same = run("train-source", *QUICK)
    assert same.code == 0
    assert "holds this very network already; left as it is" in same.err
    for changed in (("--train-seed", 1), ("--hidden", 4)):
        (tmp_path / "train-source.png").unlink(missing_ok=True)
        other = run("train-source", *QUICK, *changed)
        assert other.code == 2
        assert other.err.startswith("error: --model model.keras: exists and holds a")
        assert other.err.endswith("use another name, or --force to replace it\n")
        assert os.listdir(tmp_path) == ["model.keras"]
    assert (tmp_path / "model.keras").read_bytes() == before
    assert run("train-source", *QUICK, "--train-seed", 1, "--force").code == 0
    assert (tmp_path / "model.keras").read_bytes() != before


def test_a_file_that_is_no_model_is_not_replaced(run, tmp_path):
    (tmp_path / "model.keras").write_text("my notes")
    done = run("train-source", *QUICK)
    assert done.code == 2
    assert "exists and holds a file that is no such model" in done.err
    assert (tmp_path / "model.keras").read_text() == "my notes"


# ---------------------------------------------------------------- errors

FIT = "use --features 2 or another model"


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        ("compare --repeats 0", "--repeats 0: use 1 or more"),
        ("compare --repeats many", "--repeats many: use a whole number"),
        ("compare --repeats 1.5", "--repeats 1.5: use a whole number"),
        ("compare --fixed 3", "--fixed 3: the network has 2 hidden layers; use 0, 1 or 2"),
        ("compare --fixed -1", "--fixed -1: the network has 2 hidden layers; use 0, 1 or 2"),
        ("compare --fixed 0 0", "--fixed 0 0: 0 is repeated; give it once"),
        ("compare --fixed=", "--fixed '': use a whole number"),
        ("compare --fixed", "Option '--fixed' requires an argument; see blobtransfer --help"),
        ("compare --fixed 0 x", "--fixed x: use a whole number"),
        ("compare --learning-rate nan", "--learning-rate nan: use a finite number"),
        ("compare --learning-rate inf", "--learning-rate inf: use a finite number"),
        ("compare --learning-rate 1e400", "--learning-rate 1e400: use a finite number"),
        ("compare --learning-rate -0.0", "--learning-rate -0.0: use a finite number above 0"),
        (
            "compare --samples 2",
            "--samples 2: fewer rows than the 3 classes; use at least 3",
        ),
        ("compare --activation gelu", "--activation gelu: use one of relu, tanh, sigmoid"),
        ("compare --format xml", "--format xml: use one of table, json, csv, markdown"),
        (
            "compare --source-seed 3 --sources one --model m.keras",
            "--source-seed 3: the source network is read from --model m.keras; "
            "leave one of the two out",
        ),
        (
            "compare --reverse --model m.keras",
            "--reverse: the source network is read from --model m.keras; leave one out",
        ),
        ("compare --nested 3", "--nested 3: use two numbers: sources, and repeats of each"),
        (
            "compare --nested 3 1",
            "--nested 3 1: use 2 or more sources, 2 or more repeats of each",
        ),
        (
            "compare --nested 3 4 --repeats 5",
            "--repeats 5: --nested 3 4 says how many; leave one of the two out",
        ),
        (
            "compare --nested 3 4 --sources one",
            "--nested 3 4: it asks about several source networks; leave out --sources one",
        ),
        (
            "compare --margin 1",
            "--margin 1.0: use a share from 0 up to, not with, 1, such as 0.01",
        ),
        ("compare --threshold 0.5", "--threshold 0.5: it needs --speed; add that"),
        (
            "compare --speed --threshold 0",
            "--threshold 0.0: use an accuracy above 0 and up to 1",
        ),
        ("compare --sources some", "--sources some: use one of one, fresh, both"),
        (
            "compare --variant random-frozen",
            "--variant random-frozen: add fixed=n to random-frozen",
        ),
        (
            "compare --variant fixed=1",
            "--variant transfer fixed=1: it is repeated; give it once",
        ),
        (
            "compare --repeats 5000000",
            "--repeats 5000000: that is 35,000,000 trainings; use at most 10,000,000",
        ),
        (
            "compare --repeats 100000 --speed",
            "--repeats 100000: with --speed that is 70,700,000 accuracies to keep; "
            "use at most 25,000,000",
        ),
        (
            "train-target --variant new-head",
            "--variant new-head fixed=0: there is no source network; give --model FILE",
        ),
        (
            "train-target --variant equal-compute --fixed 1",
            "--fixed 1: write fixed=1 in --variant, or leave it out",
        ),
        (
            "train-target --variant equal-compute --variant new-head",
            "--variant new-head fixed=0: one training has one variant; give one",
        ),
        ("train-target --fixed 1", "--fixed 1: there is no network to freeze; give --model FILE"),
        (
            "compare -o out.xls",
            "--output out.xls: no format has the suffix .xls; use .json, .csv, .md, .txt",
        ),
        (
            "compare -o out",
            "--output out: there is no suffix; use .json, .csv, .md, .txt",
        ),
        (
            "compare --plot .",
            "--plot .: there is no suffix; use .png, .svg, .pdf",
        ),
        (
            "train-source --model m.h5",
            "--model m.h5: no format has the suffix .h5; use .keras",
        ),
        ("plot-data --seed -1", "--seed -1: use a whole number from 0 to 4294967295"),
        ("compare more", "Got unexpected extra argument(s) (more); see blobtransfer --help"),
        ("fly", "No such command 'fly'; see blobtransfer --help"),
        (
            "compare --repeat 3",
            "No such option: --repeat (Possible options: --format, --repeats); "
            "see blobtransfer --help",
        ),
    ],
)
def test_bad_input_gives_one_line_and_2_and_writes_nothing(run, tmp_path, argv, line):
    done = run(*argv.split(" "))
    assert (done.code, done.out, done.err) == (2, "", f"error: {line}\n")
    assert os.listdir(tmp_path) == []


def test_a_missing_directory_is_named_whole(run, tmp_path):
    done = run("compare", "-o", "none/out.csv")
    line = f"--output none/out.csv: there is no directory {tmp_path}/none; make it first"
    assert (done.code, done.err) == (2, f"error: {line}\n")


def test_a_model_that_does_not_fit_is_refused_before_training(run, tmp_path):
    run("train-source", *QUICK, "--no-plot")
    for option, line in (
        (("--features", 3), "this network has 2 features, the target problem 3"),
        (("--classes", 4), "this network has 3 classes, the target problem 4"),
        (("--hidden", 7), "--hidden 7: the model's hidden layers are 5 5; leave --hidden out"),
        (("--activation", "tanh"), "--activation tanh: the model's activation is relu"),
    ):
        for command in ("compare", "train-target"):
            done = run(command, "--model", "model.keras", *option)
            assert done.code == 2
            assert line in done.err
            assert done.err.count("\n") == 1
    assert os.listdir(tmp_path) == ["model.keras"]


def test_a_missing_or_damaged_model_is_refused_before_training(run, tmp_path):
    (tmp_path / "bad.keras").write_bytes(b"PK\x03\x04 and no more")
    for name in ("none.keras", "bad.keras"):
        done = run("compare", "--model", name)
        assert done.code == 2
        assert done.err.startswith(f"error: --model {name}: ")
        assert done.err.count("\n") == 1
    assert os.listdir(tmp_path) == ["bad.keras"]


def test_debug_adds_the_traceback(run):
    done = run("compare", "--repeats", 0, "--debug")
    assert done.code == 2
    assert "Traceback" in done.err
    assert done.err.endswith("error: --repeats 0: use 1 or more\n")


# ---------------------------------------------------------------- streams and signals


def test_a_reader_that_leaves_early_is_no_error(tmp_path):
    process = blobtransfer_process("compare", *QUICK, "--repeats", 1, "--no-plot", cwd=tmp_path)
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_one_line_and_1(tmp_path):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "blobtransfer", "train-target", *map(str, QUICK), "--no-plot"],
            stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path, timeout=120,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == (
        "error: standard output: cannot be written (No space left on device); send it elsewhere\n"
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_help_on_a_full_disk_is_one_line_and_1(tmp_path):
    command = f"{sys.executable} -m blobtransfer --help >/dev/full"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == ("error: No space left on device; free what is missing and try again\n")


def test_an_ascii_terminal_and_an_odd_file_name_are_no_trouble(tmp_path):
    name = "[bold] é.csv"
    process = blobtransfer_process(
        "compare", *QUICK, "--repeats", 1, "--no-plot", "-o", name, cwd=tmp_path,
        env=os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
    )  # fmt: skip
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0
    assert err.startswith("wrote [bold] \\xe9.csv\nwarning: ")
    assert out.startswith("This model")
    assert os.listdir(tmp_path) == [name]


def on_a_terminal(*argv, cwd, **environment):
    """Give what a terminal of 80 columns would get on its two streams, which are one."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "blobtransfer", *map(str, argv)],
        stdout=follower, stderr=follower, cwd=cwd,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "80"} | environment,
    )  # fmt: skip
    os.close(follower)
    seen = b""
    try:
        while chunk := os.read(leader, 65536):
            seen += chunk
    except OSError:  # the terminal is gone
        pass
    process.wait(timeout=120)
    return seen.decode()


def test_a_terminal_shows_progress_and_a_table_in_80_columns(tmp_path):
    seen = on_a_terminal("compare", *QUICK, "--repeats", 1, "--no-plot", cwd=tmp_path)
    assert "comparing" in seen
    assert "100 %" in seen
    table = seen[seen.index("test accuracy in %") :]
    assert "transfer fixed=2" in table
    assert "\x1b[1m" in seen


def test_no_colour_where_none_is_wanted(tmp_path):
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        seen = on_a_terminal(
            "train-target", *QUICK, "--no-plot", "-q", "--format", "table", cwd=tmp_path,
            **environment,
        )  # fmt: skip
        assert "accuracy" in seen
        assert "\x1b[3" not in seen


def test_forced_colour_does_not_reach_a_pipe(tmp_path):
    process = blobtransfer_process(
        "train-target", *QUICK, "--no-plot", cwd=tmp_path, env=os.environ | {"FORCE_COLOR": "1"}
    )
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert "\x1b" not in out


def test_a_narrow_terminal_gets_whole_rows(tmp_path):
    seen = on_a_terminal(
        "compare", *QUICK, "--repeats", 1, "--no-plot", "-q", cwd=tmp_path, COLUMNS="40"
    )
    assert re.search(r"transfer fixed=2.*undecided", seen)
    assert "no room for" in seen


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_trouble(tmp_path, closed):
    options = " ".join(map(str, QUICK))
    command = f"{sys.executable} -m blobtransfer compare {options} --repeats 1 -o o.csv {closed}"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert sorted(os.listdir(tmp_path)) == ["compare.png", "o.csv"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_notes_that_cannot_be_written_cost_no_results(tmp_path):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "blobtransfer", "compare", *map(str, QUICK), "--repeats", "1"],
            stdout=subprocess.PIPE, stderr=full, text=True, cwd=tmp_path, timeout=120,
        )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout.startswith("This model")


def test_numbers_without_end_are_refused(run):
    for option in ("--repeats", "--epochs", "--samples", "--test-samples", "--features"):
        done = run("compare", option, 10**20)
        assert done.code == 2
        assert re.search(r"use [\d,]+ or less", done.err)


def test_names_in_the_environment_keep_their_spaces_and_switches_can_be_off(run, monkeypatch):
    monkeypatch.setenv("BLOBTRANSFER_OUTPUT", "my results.csv")
    monkeypatch.setenv("BLOBTRANSFER_DEBUG", "0")
    monkeypatch.setenv("BLOBTRANSFER_REPEATS", "0")
    done = run("compare", *QUICK)
    assert (done.code, done.err) == (2, "error: BLOBTRANSFER_REPEATS 0: use 1 or more\n")
    assert "wrote my results.csv\n" in run("compare", *QUICK, "--repeats", 1).err


def test_one_file_is_not_written_twice(run, tmp_path):
    (tmp_path / "link.csv").symlink_to(tmp_path / "a.csv")
    done = run("compare", *QUICK, "-o", "a.csv", "-o", "link.csv")
    assert done.code == 2
    assert done.err == "error: --output link.csv: this file is named twice; name it once\n"


def test_a_seed_is_refused_by_the_name_it_was_given(run):
    for option in ("--source-seed", "--target-seed"):
        assert run("compare", option, 2**32).err.startswith(f"error: {option} 4294967296: use")


def test_nothing_to_do_is_said(run):
    assert "nothing is left to do" in run("plot-data", "--no-plot").err
