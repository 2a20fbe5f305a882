"""Tables on terminals of every width, in pipes and as Markdown; never a number cut."""

import io
import re

import pytest
from conftest import PlannedEngine
from test_experiment import spec_of
from test_formats import VARIANTS, varied

from blobtransfer.experiment.compare import compare
from blobtransfer.report.tables import print_on_terminal, report, to_markdown, to_text


@pytest.fixture(scope="module")
def results():
    spec = spec_of(8, questions=("one", "fresh"), variants=VARIANTS, speed=True)
    return compare(spec, None, PlannedEngine(varied))


@pytest.fixture(scope="module")
def nested():
    spec = spec_of(8, questions=("one", "fresh"), nested=(4, 2))
    return compare(spec, None, PlannedEngine(lambda key, *_: key % 100 / 100))


def on_terminal(results, width, monkeypatch, encoding="utf-8"):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    print_on_terminal(report(results), file)
    file.flush()
    return file.buffer.getvalue().decode(encoding)


def test_a_report_has_both_questions_then_controls_then_speed(results):
    titles = [table.title for table in report(results)]
    assert [re.split("[:(]", title)[0].strip() for title in titles] == [
        "This model",
        "The method",
        "What the controls tell",
        "This model",
        "The method",
    ]
    assert "speed of learning" in titles[-1]


def test_the_luck_of_the_source_has_a_table_where_the_design_is_nested(nested):
    tables = report(nested)
    assert tables[1].title.startswith("The method (4 source networks): test accuracy in %")
    assert tables[1].title.endswith("4 sources x 2 repeats")
    assert tables[2].columns == ("variant", "sources", "between sources", "within a source", "ICC")
    assert [row[:2] for row in tables[2].rows] == [
        ("transfer fixed=0", "4"),
        ("transfer fixed=2", "4"),
    ]


def test_the_columns_of_a_question_are_those_of_the_contract(nested):
    assert report(nested)[0].columns == (
        "variant",
        "mean",
        "std",
        "median",
        "collapsed",
        "gap",
        "difference [95 %]",
        "P(better)",
        "adj. p",
        "verdict",
    )


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 140, 300])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_narrow_terminal_drops_columns_and_cuts_no_number(results, monkeypatch, width, encoding):
    text = on_terminal(results, width, monkeypatch, encoding)
    number = re.compile(r"(?<![\d.])[+-]?\d+\.\d+(?![\d.])")
    ends = [end for one in results.summary for end in (one.min, one.max)]
    ends.append(results.task("target").ceiling)
    whole = to_text(report(results)) + " ".join(f"{100 * end:.1f}" for end in ends)
    if width >= 40:  # below, the terminal itself breaks lines
        assert set(number.findall(text)) <= set(number.findall(whole))
    if width >= 80:
        assert all(len(line) <= width for line in text.splitlines())
    for summary in results.summary:
        assert summary.label in text


def test_what_was_dropped_is_said_and_the_verdict_stays(nested, monkeypatch):
    text = on_terminal(nested, 60, monkeypatch)
    assert "no room for: P(better), gap" in text
    assert "verdict" in text and "difference [95 %]" in text
    assert "no room for" not in on_terminal(nested, 140, monkeypatch)


def test_the_terminal_shows_a_small_box_plot_and_a_pipe_does_not(nested, monkeypatch):
    assert "lowest, quartiles, median, highest" in on_terminal(nested, 100, monkeypatch)
    assert "├─█╋█─┤" in on_terminal(nested, 100, monkeypatch)
    assert "|-=#=-|" in on_terminal(nested, 100, monkeypatch, "ascii")
    assert "lowest, quartiles" not in to_text(report(nested))


def test_no_table_ever_says_nan_or_none(results, nested):
    for one in (results, nested):
        for text in (to_text(report(one)), to_markdown(report(one))):
            assert not re.search(r"\b(nan|None|inf)\b", text)


def test_a_comparison_whose_runs_all_failed_says_so():
    results = compare(spec_of(2), None, PlannedEngine(lambda *_: float("nan")))
    text = to_text(report(results))
    assert "undecided (every pair has a failed run)" in text
    assert "the source network failed: its loss is not finite" in text
    assert "nan" not in text


def test_one_repeat_has_means_and_nothing_that_needs_two():
    results = compare(spec_of(1), None, PlannedEngine(lambda *_: 0.5))
    text = to_text(report(results))
    assert "1 repeat\n" in text
    assert "are undecided (more repeats would tell)" in text


def test_markdown_has_every_table_and_every_answer(results):
    text = to_markdown(report(results))
    assert text.count("**This model") == 2 and text.count("\n\nThe method: ") == 1
    for line in text.splitlines():
        assert not line.startswith("|") or line.endswith("|")


def test_the_speed_of_a_nested_design_says_that_it_has_no_log_rank_test():
    spec = spec_of(8, questions=("one", "fresh"), nested=(4, 2), speed=True)
    results = compare(spec, None, PlannedEngine(lambda key, *_: key % 100 / 100))
    *_, one, fresh = report(results)
    assert "log-rank test" in one.notes[1]
    assert "without a test, as runs share their sources" in fresh.notes[1]
