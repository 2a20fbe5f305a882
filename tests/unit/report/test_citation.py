"""The command that readers copy: no option that only writes or shows, and all others."""

from dataclasses import fields

import pytest

from blobtransfer.cli.output import FigureOptions, MessageOptions, ResultOptions, ScreenOptions
from blobtransfer.report.render.citation import OUTPUT_FLAGS, OUTPUT_OPTIONS, bibtex, command_of
from blobtransfer.results.provenance import Provenance


def provenance_of(*argv):
    return Provenance("2026-03-01T00:00:00+00:00", 1.0, argv, {"blobtransfer": "1.2"}, {})


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("compare --fixed 0 1 -o a.json --repeats 9", "compare --fixed 0 1 --repeats 9"),
        ("compare -oa.json -q -qo b.csv --margin 2%", "compare --margin 2%"),
        ("sweep --plot=p.png --over epochs=1,2 --no-plot", "sweep --over epochs=1,2"),
        ("compare --model m.keras --target t.csv", "compare --model m.keras --target t.csv"),
        ("train-source --model m.keras --seed 3 --force", "train-source --seed 3"),
        ("compare --store s.db --style slide -v", "compare"),
        ("compare --learning-rate -1", "compare --learning-rate -1"),
    ],
)
def test_output_options_are_left_out(line, command):
    assert command_of(provenance_of(*line.split())) == ["blobtransfer", *command.split()]


def test_every_option_of_output_is_known():
    groups = (FigureOptions, ResultOptions, ScreenOptions, MessageOptions)
    flags = {f"--{field.name.replace('_', '-')}" for group in groups for field in fields(group)}
    assert flags - {"--version", "--help-all"} <= {*OUTPUT_OPTIONS, *OUTPUT_FLAGS}


def test_a_line_break_of_a_name_stays_within_the_line():
    words = command_of(provenance_of("compare", "--target", "a\n\\input{b}.csv"))
    assert len(words) == 4 and not any("\n" in word for word in words)


def test_results_of_python_have_no_command():
    assert command_of(provenance_of()) == []


def test_the_entry_names_version_and_year():
    entry = bibtex(provenance_of())
    assert "blobtransfer contributors" in entry and "1.2" in entry and "{2026}" in entry
