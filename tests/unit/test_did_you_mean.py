"""What is suggested for a word that is not known."""

import pytest
import typer
from helpers.commands import assert_refused

from blobtransfer.cli.app import build_command
from blobtransfer.did_you_mean import closest_words
from blobtransfer.specs.network import ACTIVATIONS


@pytest.mark.parametrize(
    ("argv", "name", "key"),
    [
        (("compare", "--lr", 1), "--lr", "mean --learning-rate?"),
        (("compare", "--epoch", 1), "--epoch", "mean --epochs?"),
        (("compare", "--seed", 1), "--seed", "--train-seed"),
        (("compare", "-lr", 1), "-lr", "mean --learning-rate?"),
        (("compare", "--iterations", 1), "--iterations", "mean --epochs?"),
        (("train-source", "--n-repeats", 1), "--n-repeats", "compare, sweep, pairs and grid"),
        (("train-source", "--source", "moons"), "--source", "--task"),
        (("train-source", "--save", "a.keras"), "--save", "--model"),
        (("grid", "--target", "moons"), "--target", "--problems"),
        (("compare", "--over", "epochs=1,2"), "--over", "sweep"),
        (("compare", "--json"), "--json", "--format json"),
        (("compare", "--dropout", 0.2), "--dropout", "leave it out"),
        (("--repeats", 3, "compare"), "--repeats", "blobtransfer compare --repeats"),
        (("train",), "train", "mean train-source or train-target?"),
        (("comapre",), "comapre", "mean compare?"),
        (("plot_data",), "plot_data", "mean plot-data?"),
        (("zzz",), "zzz", "--help"),
        (("compare", "--engine", "kears"), "--engine kears", "mean keras?"),
        (("results.json",), "results.json", "blobtransfer show results.json"),
        (("moons",), "moons", "compare --source moons"),
        (("compare", 30), "30", "compare --help"),
        (("compare", ""), "''", "compare --help"),
        (("compare", "results.json"), "results.json", "blobtransfer show results.json"),
        (("compare", "scores.csv"), "scores.csv", "--source scores.csv:label=COLUMN"),
        (("compare", "net.keras"), "net.keras", "--model net.keras"),
        (("show", "a.json", "b.json"), "b.json", "one file"),
        (("plot-data", "moons"), "moons", "--task moons"),
        (("compare", "repeats=30"), "repeats=30", "write --repeats 30"),
        (("compare", "\u2014repeats", 30), "\u2014repeats", "write --repeats"),
        (("train-target", "--fixed", 0, 1, 2), "--fixed", "leave out 1 2"),
        (("compare", "-o", "a.json", "b.json"), "b.json", "--output b.json"),
        (("compare", "--repeats"), "--repeats", "--repeats N"),
        (("compare", "--quiet=1"), "--quiet", "no value"),
        (("sweep",), "sweep", "blobtransfer sweep --over"),
        (("merge", "a.db"), "merge", "--store FILE"),
        (("compare", "--margin", 1), "--margin 1", "1 point is 0.01"),
    ],
)
def test_a_word_that_is_not_known_suggests_the_right_one(run, argv, name, key):
    assert_refused(run(*argv), name, key)


def test_two_spellings_are_accepted_for_freezing_and_for_the_data_of_a_grid(run):
    assert_refused(run("compare", "--freeze", 7), "--fixed 7")
    assert_refused(run("grid", "moons", "circles", "--fixed", 7), "--fixed 7")


def test_a_variable_that_is_no_options_is_told(run, monkeypatch):
    monkeypatch.setenv("BLOBTRANSFER_REPEAT", "3")
    done = run("--version")
    assert done.code == 0
    assert done.err.startswith("warning: BLOBTRANSFER_REPEAT ")
    assert "BLOBTRANSFER_REPEATS" in done.err


def test_nothing_is_suggested_where_nothing_is_near():
    assert closest_words("--xyzzy", ["--epochs", "--model"]) == []


def test_the_words_of_a_choice_complete_in_a_shell():
    command = build_command("compare")
    options = {flag: param for param in command.params for flag in param.opts}
    for flag, words in (("--engine", ["compiled", "keras"]), ("--activation", list(ACTIVATIONS))):
        items = options[flag].shell_complete(typer.Context(command), "")
        assert [item.value for item in items] == words
