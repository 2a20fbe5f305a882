"""The glossary and the code use the same words."""

import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
CODE = {
    path.relative_to(TOP).as_posix(): path.read_text()
    for path in (TOP / "blobtransfer").rglob("*.py")
}
ROWS = re.findall(
    r"^\| (.+?) \| (.+) \|$", (TOP / "docs" / "glossary.md").read_text(), re.MULTILINE
)[2:]
NAMES = [name for _, meaning in ROWS for name in re.findall(r"`([^`]+)`", meaning)]

ABANDONED = (
    "label_fields", "Trainee", "_Lab", "Tick", "Announce", "EnvironmentFailed", 
    "ArmScores", "make_task", "whatever_becomes_of_the_rest", "paired_differences",
    "TimeToThreshold", "count_low_runs", "statistics_rng",
)  # fmt: skip
"""Former names of what the glossary has another word for."""


def test_the_terms_are_in_alphabetical_order_and_each_stands_once():
    terms = [term for term, _ in ROWS]
    assert len(terms) > 30
    assert terms == sorted(set(terms), key=str.lower)


@pytest.mark.parametrize("name", sorted(set(NAMES)))
def test_what_the_code_is_said_to_call_a_thing_stands_in_the_code(name):
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    assert any(word.search(text) for text in CODE.values())


@pytest.mark.parametrize("name", ABANDONED)
def test_a_former_name_stands_nowhere_in_the_code(name):
    word = re.compile(rf"(?<!\w){name}(?!\w)")
    assert [path for path, text in CODE.items() if word.search(text)] == []


def test_a_figure_is_a_picture_in_the_code():
    """`figure` names pictures; only what draws, saves or asks for them may use the word."""
    drawing = {
        "blobtransfer/report/writers.py", "blobtransfer/report/tables.py",
        "blobtransfer/report/__init__.py", "blobtransfer/report/render/html.py",
        "blobtransfer/experiment/analyse.py",
    }  # fmt: skip
    rooms = ("blobtransfer/cli/", "blobtransfer/report/figures/")
    users = {path for path, text in CODE.items() if re.search(r"\bfigures?\b", text)}
    assert {path for path in users if not path.startswith(rooms)} <= drawing
