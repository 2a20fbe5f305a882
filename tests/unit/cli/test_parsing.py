"""How numbers, words and groups of options are read from a command line and the environment."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import pytest
import typer

from blobtransfer.cli.parsing import NUMBERS, WORDS, Command, grouped, option


@dataclass(frozen=True)
class Group:
    """Options that two commands could share."""

    panel: ClassVar[str] = "Panel"
    rate: Annotated[float, option("A number.")] = 0.5
    is_loud: Annotated[bool, option("A switch.", flags="--loud -l")] = False
    word: Annotated[Literal["one", "two"], option("A word.")] = "one"


@pytest.fixture
def call(monkeypatch, tmp_path):
    """Return what parses words as the program does, and gives the values that a command gets."""
    monkeypatch.chdir(tmp_path)
    received = {}

    def command(
        *,
        fixed: Annotated[list[int] | None, option("Whole numbers.", metavar=NUMBERS)] = None,
        kind: Annotated[list[str] | None, option("Words.", metavar=WORDS)] = None,
        count: Annotated[int, option("A whole number.")] = 1,
        path: Annotated[Path | None, option("A file.")] = None,
        rest: Annotated[list[str] | None, option("Texts.", flags="-r")] = None,
        group: Group,
    ) -> None:
        received.update(fixed=fixed, kind=kind, count=count, path=path, rest=rest, group=group)

    app = typer.Typer(add_completion=False)
    app.command("it", cls=Command)(grouped(command))
    app.command("other")(lambda: None)

    def parse(*words):
        app(["it", *words], prog_name="program", standalone_mode=False)
        return received

    return parse


@pytest.mark.parametrize(
    "words",
    [
        ("--kind", "tanh", "leaky_relu=0.1"),
        ("--kind", "tanh,leaky_relu=0.1"),
        ("--kind=tanh,leaky_relu=0.1",),
        ("--kind", "tanh", "--kind=leaky_relu=0.1"),
    ],
)
def test_several_words_can_be_written_in_four_ways(call, words):
    assert call(*words)["kind"] == ["tanh", "leaky_relu=0.1"]
    assert call(*words, "--count", "3")["count"] == 3


@pytest.mark.parametrize(
    "words",
    [
        ("--fixed", "0", "-1", "12"),
        ("--fixed", "0,-1,12"),
        ("--fixed", "0 -1 12"),
        ("--fixed=0,-1,12",),
        ("--fixed", "0", "--fixed", "-1", "--fixed=12"),
        ("--fixed", "0", "-1,12", "--count", "1"),
        ("--fixed", "0, -1,", "12"),
    ],
)
def test_several_numbers_are_written_side_by_side_with_commas_or_one_by_one(call, words):
    assert call(*words)["fixed"] == [0, -1, 12]


def test_a_comma_within_a_number_separates_no_values(call):
    assert call("--fixed", "1,000", "10,1_000")["fixed"] == [1000, 10, 1000]
    assert call("--fixed", "10,100")["fixed"] == [10, 100]


def test_several_numbers_end_at_the_next_option(call):
    received = call("--fixed", "0", "1", "-l", "--rest", "2", "--rest", "3")
    assert (received["fixed"], received["rest"]) == ([0, 1], ["2", "3"])
    assert received["group"].is_loud


@pytest.mark.parametrize("text", ["0,2", "0 2", " 0, 2 "])
def test_the_environment_gives_several_numbers_and_the_command_line_wins(call, monkeypatch, text):
    monkeypatch.setenv("BLOBTRANSFER_FIXED", text)
    assert call()["fixed"] == [0, 2]
    assert call("--fixed", "1")["fixed"] == [1]


def test_an_empty_variable_of_the_environment_is_none(call, monkeypatch):
    monkeypatch.setenv("BLOBTRANSFER_FIXED", "")
    assert call()["fixed"] is None


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--fixed=",), "'': use a whole number"),
        (("--fixed", "0,x"), "x: use a whole number"),
        (("--fixed", "1.5"), "1.5: use a whole number"),
        (("--count", "1e3.5"), "1e3.5: use a whole number"),
        (("--rate", "nan"), "nan: use a finite number"),
        (("--rate", ""), "'': use a number"),
        (("--word", "three"), "three: use one of one, two"),
    ],
)
def test_a_bad_value_is_told_in_our_words(call, words, problem):
    with pytest.raises(typer.BadParameter) as caught:
        call(*words)
    assert caught.value.message == problem


def test_a_group_arrives_whole_with_its_defaults(call):
    assert call("--rate", "1e-3")["group"] == Group(rate=0.001)
    assert call("--word=two", "--loud")["group"] == Group(0.5, True, "two")


def test_names_keep_their_spaces_commas_and_equal_signs(call):
    received = call("--path", "a, b=c.csv", "--rest=d=e")
    assert (received["path"], received["rest"]) == (Path("a, b=c.csv"), ["d=e"])


def test_name_type_and_group_of_a_field_complete_its_option():
    def command(*, count: Annotated[int | None, option("A number.")] = None, group: Group) -> None:
        """Do nothing."""

    app = typer.Typer(add_completion=False)
    app.command("it", cls=Command)(grouped(command))
    params = {param.name: param for param in vars(typer.main.get_command(app))["params"]}
    assert params["count"].opts == ["--count"]
    assert (params["count"].metavar, params["count"].rich_help_panel) == ("N", None)
    assert params["rate"].envvar == "BLOBTRANSFER_RATE"
    assert (params["rate"].metavar, params["rate"].rich_help_panel) == ("X", "Panel")
    assert params["is_loud"].opts == ["--loud", "-l"]
    assert params["word"].metavar == "one|two"
