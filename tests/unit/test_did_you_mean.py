"""What is suggested for a word that is not known."""

import pytest

from blobtransfer.did_you_mean import closest_words
from blobtransfer.specs.network import ACTIVATIONS


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (("compare", "--lr", 1), "--lr: not known; did you mean --learning-rate?"),
        (("compare", "--epoch", 1), "--epoch: not known; did you mean --epochs?"),
        (
            ("compare", "--seed", 1),
            "--seed: not known; did you mean --source-seed or --target-seed or --train-seed?",
        ),
        (("train",), "train: not known; did you mean train-source or train-target?"),
        (("comapre",), "comapre: not known; did you mean compare?"),
        (("plot_data",), "plot_data: not known; did you mean plot-data?"),
        (("zzz",), "zzz: not known; see blobtransfer --help"),
        (
            ("compare", "--engine", "kears"),
            "--engine kears: did you mean keras? use one of compiled, keras",
        ),
        (("compare", 30), "got unexpected extra argument(s) (30); see blobtransfer compare --help"),
        (
            ("compare", "--margin", 1),
            "--margin 1.0: use a share from 0 up to, not with, 1; 0.01 is 1 point",
        ),
    ],
)
def test_a_word_that_is_not_known_suggests_the_right_one(run, argv, line):
    done = run(*argv)
    assert (done.code, done.out, done.err) == (2, "", f"error: {line}\n")


def test_a_variable_that_is_no_options_is_told(run, monkeypatch):
    monkeypatch.setenv("BLOBTRANSFER_REPEAT", "3")
    done = run("--version")
    assert done.code == 0
    assert done.err.startswith("warning: BLOBTRANSFER_REPEAT is not an option's variable; did you")
    assert "BLOBTRANSFER_REPEATS" in done.err


def test_nothing_is_suggested_where_nothing_is_near():
    assert closest_words("--xyzzy", ["--epochs", "--model"]) == []


def test_the_short_help_has_the_first_week_and_the_long_one_everything(run):
    short, long = run("compare", "--help"), run("compare", "--help-all")
    assert (short.code, long.code) == (0, 0)
    assert len(short.out.splitlines()) < 0.75 * len(long.out.splitlines())
    assert "--repeats" in short.out and "--momentum" not in short.out
    assert "--help-all" in short.out and short.out.count("blobtransfer compare --") >= 3
    assert "--momentum" in long.out


def test_the_words_of_a_choice_complete_in_a_shell(run, monkeypatch):
    import typer

    from blobtransfer.cli.app import app

    command = vars(typer.main.get_command(app))["commands"]["compare"]
    options = {flag: param for param in command.params for flag in param.opts}
    for flag, words in (("--engine", ["compiled", "keras"]), ("--activation", list(ACTIVATIONS))):
        found = options[flag].shell_complete(typer.Context(command), "")
        assert [one.value for one in found] == words
