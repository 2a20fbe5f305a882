"""The groups of options: what of them was asked for, and in whose words."""

from pathlib import Path

import pytest

from blobtransfer.api.requests import settings_of
from blobtransfer.cli.app import COMMANDS, build_command
from blobtransfer.cli.options import QuestionOptions, TrainingOptions, values_of
from blobtransfer.cli.output import FigureOptions, ResultOptions
from blobtransfer.errors import SettingError
from blobtransfer.studies.settings import ComparisonSettings


def test_options_left_alone_have_the_default_settings():
    assert settings_of(values_of(TrainingOptions(), QuestionOptions())) == ComparisonSettings()


@pytest.mark.parametrize(
    "text", ["", "momentum=1,2", "learning-rate", "learning-rate=0.1,x", "learning-rate=0.1,"]
)
def test_rates_that_cannot_be_read_are_rejected(text):
    with pytest.raises(SettingError) as error:
        settings_of(values_of(QuestionOptions(tune=text)))
    assert (error.value.setting, error.value.value) == ("tune", text)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_a_sentence_and_the_environment_variable_of_its_flag(command):
    for option in build_command(command).params:
        flag = max(option.opts, key=len)
        if flag.startswith("--") and flag not in ("--help", "--help-all", "--version"):
            assert option.envvar == "BLOBTRANSFER_" + flag[2:].upper().replace("-", "_")
            assert option.help.endswith((".", "?"))


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
