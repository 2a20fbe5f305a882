"""Help pages: what they list, and how they fit a terminal."""

import re
from random import Random

import pytest
from fuzz.command_lines import value_of

from blobtransfer.cli.app import COMMANDS, build_command
from blobtransfer.cli.help import COMMANDS as PANELS_OF_COMMANDS
from blobtransfer.cli.help import HIDDEN, MIN_COLUMNS, PANELS, SHORT_HELP

MAX_LINES = 30
"""Longest short page, on a terminal of 80 columns."""


def flags_of(page):
    return re.findall(r"^  (?:-\w, )?(--[a-z-]+)", page, re.MULTILINE)


@pytest.fixture(autouse=True)
def _columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_short_page_has_its_options_and_the_whole_page_has_all(run, command):
    short, whole = run(command, "--help"), run(command, "--help-all")
    assert (short.code, whole.code) == (0, 0)
    assert flags_of(short.out) == list(SHORT_HELP[command])
    assert len(short.out.splitlines()) <= MAX_LINES
    assert f"  blobtransfer {command} " in short.out
    options = [param for param in build_command(command).params if param.opts[0][0] == "-"]
    flags = [max(option.opts, key=len) for option in options]
    flags = [flag for flag in flags if command not in HIDDEN.get(flag, ())]
    assert sorted(flags_of(whole.out)) == sorted([*flags, "--help"])
    assert {option.rich_help_panel for option in options} <= {None, *PANELS}


@pytest.mark.parametrize("columns", [MIN_COLUMNS, 40, 80, 160])
def test_only_words_that_are_wider_than_a_terminal_pass_its_edge(run, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    for argv in (("--help",), ("compare", "--help"), ("compare", "--help-all")):
        for line in run(*argv).out.splitlines():
            assert len(line) <= columns or len(line.replace(", ", ",").split()) <= 2, line


def test_only_the_command_that_is_called_is_built(run):
    build_command.cache_clear()
    run("compare", "--help")
    assert build_command.cache_info().currsize == 1


def test_no_option_has_a_type_of_python_or_a_default_in_brackets(run):
    for command in COMMANDS:
        page = run(command, "--help-all").out
        assert "<" not in page and "[default: (" not in page


def test_the_page_of_the_program_lists_all_commands_on_one_screen(run):
    page = run("--help").out
    names = [name for names in PANELS_OF_COMMANDS.values() for name in names]
    assert names == list(COMMANDS)
    assert re.findall(r"^  ([a-z-]+) {2,}\S", page, re.MULTILINE) == names
    assert len(page.splitlines()) < 24
    assert run("help").out == page


@pytest.mark.parametrize("words", [("help", "grid"), ("grid", "-h"), ("grid", "--bogus", "--help")])
def test_help_is_found_in_several_ways(run, words):
    assert run(*words).out == run("grid", "--help").out


def test_all_options_are_found_in_several_ways(run):
    page = run("grid", "--help-all").out
    assert run("grid", "--help", "all").out == run("grid", "--no-plot", "--help-all").out == page


@pytest.mark.parametrize("name", COMMANDS)
def test_fuzzing_has_values_of_every_option(name):
    for param in build_command(name).params:
        assert isinstance(value_of(param, Random(0)), str)
