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
        (
            ("compare", "--seed", 1),
            "--seed",
            "mean --source-seed or --target-seed or --train-seed?",
        ),
        (("train",), "train", "mean train-source or train-target?"),
        (("comapre",), "comapre", "mean compare?"),
        (("plot_data",), "plot_data", "mean plot-data?"),
        (("zzz",), "zzz", "--help"),
        (("compare", "--engine", "kears"), "--engine kears", "mean keras?"),
        (("compare", 30), "got unexpected extra argument(s) (30)", "compare --help"),
        (("compare", "--margin", 1), "--margin 1.0", "0.01 is 1 point"),
    ],
)
def test_a_word_that_is_not_known_suggests_the_right_one(run, argv, name, key):
    assert_refused(run(*argv), name, key)


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
