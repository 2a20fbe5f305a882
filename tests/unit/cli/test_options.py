"""The groups of options: what of them was asked for, and in whose words."""

from pathlib import Path

import pytest
import typer

from blobtransfer.cli.app import app
from blobtransfer.cli.options import (
    FigureOptions,
    ProblemOptions,
    QuestionOptions,
    ResultOptions,
    TrainingOptions,
)
from blobtransfer.errors import SettingError
from blobtransfer.specs.drawn import BlobsSpec
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.settings import SETTINGS, with_settings

COMMANDS = vars(typer.main.get_command(app))["commands"]


def test_options_left_alone_change_no_spec():
    spec = ExperimentSpec(source=BlobsSpec(1), target=BlobsSpec(2))
    groups = (ProblemOptions(), TrainingOptions(), QuestionOptions())
    settings = {word: value for group in groups for word, value in group.settings().items()}
    assert settings.keys() <= SETTINGS.keys()
    assert with_settings(spec, settings) == spec


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_a_sentence_and_the_environment_variable_of_its_flag(command):
    for option in COMMANDS[command].params:
        flag = max(option.opts, key=len)
        if flag.startswith("--") and flag not in ("--help", "--version"):
            assert option.envvar == "BLOBTRANSFER_" + flag[2:].upper().replace("-", "_")
            assert option.help.endswith((".", "?"))


@pytest.mark.parametrize(
    ("sources", "questions"),
    [
        (None, ("one", "fresh")),
        ("both", ("one", "fresh")),
        ("one", ("one",)),
        ("fresh", ("fresh",)),
    ],
)
def test_both_questions_are_asked_unless_one_is_named(sources, questions):
    assert QuestionOptions(sources=sources).questions() == questions


def test_nested_takes_two_numbers():
    assert QuestionOptions().sources_and_repeats() is None
    assert QuestionOptions(nested=[3, 4]).sources_and_repeats() == (3, 4)
    with pytest.raises(SettingError, match="nested 3 4 5: use two numbers"):
        QuestionOptions(nested=[3, 4, 5]).sources_and_repeats()


@pytest.mark.parametrize(
    ("options", "path"),
    [
        (FigureOptions(), Path("show.png")),
        (FigureOptions(no_plot=True), None),
        (FigureOptions(plot=Path("a.svg")), Path("a.svg")),
        (FigureOptions(plot=Path("a.svg"), no_plot=True), Path("a.svg")),
    ],
)
def test_the_figure_is_named_by_the_command_unless_asked_otherwise(options, path):
    assert options.path("show") == path


def test_standard_output_is_no_file():
    options = ResultOptions(output=[Path("a.csv"), Path("-")])
    assert options.files() == [Path("a.csv")]
    assert options.wants_standard_output()
    assert not ResultOptions(output=[Path("a.csv")]).wants_standard_output()
    assert ResultOptions(format="csv").wants_standard_output()
