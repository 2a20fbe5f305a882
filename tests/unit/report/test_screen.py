"""The answer on one screen: it fits, cuts no number, and says what the tables say."""

import io
import re
from dataclasses import replace

import pytest
from helpers.engines import PlannedEngine
from helpers.running import compare, with_cell
from helpers.specs import spec_of, varied
from helpers.texts import says_in_order

from blobtransfer.report.kinds import build_report
from blobtransfer.report.render.screen import print_report
from blobtransfer.report.render.terminal import new_console
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.variant import STANDALONE, transfer_variants
from blobtransfer.statistics.paired import Verdict


@pytest.fixture(scope="module")
def results():
    variants = (STANDALONE, *transfer_variants([0, 1, 2], 2))
    spec = spec_of(30, questions=("one", "fresh"), variants=variants)
    return compare(spec, None, PlannedEngine(varied))


def on_screen(results, width, monkeypatch, encoding="utf-8", is_terminal=False, label=None):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    if is_terminal:
        file.isatty = lambda: True
    report = build_report(results)
    if label:
        rows = tuple(replace(row, label=label) for row in report.overview.rows)
        report = replace(report, overview=replace(report.overview, rows=rows))
    print_report(report, new_console(file), full=False)
    file.flush()
    return file.buffer.getvalue().decode(encoding)


def test_the_default_comparison_fits_a_terminal_of_80_x_24(results, monkeypatch):
    lines = on_screen(results, 80, monkeypatch).splitlines()
    # beside the prompt, the command and the line of the figure
    assert len(lines) <= 24 - 3
    assert all(len(line) <= 80 for line in lines)


def test_the_question_comes_first_and_then_an_answer_for_each(results, monkeypatch):
    lines = on_screen(results, 200, monkeypatch).splitlines()
    assert says_in_order(lines[0], "problem 1", "problem 2", "?")
    assert lines[1].startswith("Fresh sources: ") and lines[2].startswith("One source: ")


@pytest.mark.parametrize(("width", "is_one_line"), [(80, True), (40, False)])
def test_the_legend_says_what_fresh_sources_are_in_a_line_of_80(
    results, monkeypatch, width, is_one_line
):
    lines = on_screen(results, width, monkeypatch).splitlines()
    (legend,) = [line for line in lines if line.startswith("fresh: ")]
    assert ("30 repeats" in legend) == is_one_line


def test_standalone_stands_once_above_both_questions(results, monkeypatch):
    lines = on_screen(results, 100, monkeypatch).splitlines()
    text = "\n".join(line.rstrip() for line in lines)
    assert text.count("\nstandalone ") == 1
    assert re.search(r"standalone .*\nfresh sources\n(  transfer .*\n){3}one source\n", text)


@pytest.mark.parametrize("width", [40, 50, 60, 70, 80, 120])
def test_the_difference_with_its_interval_is_never_cut(results, monkeypatch, width):
    text = on_screen(results, width, monkeypatch)
    for one in results.cell.summary:
        if one.difference is not None:
            d = one.difference
            shown = f"{100 * d.mean:+.1f} [{100 * d.ci_low:+.1f}, {100 * d.ci_high:+.1f}]"
            assert shown in text
    assert "…" not in text


@pytest.mark.parametrize("width", [24, 40, 60])
def test_a_long_name_does_not_push_the_verdict_off_a_narrow_screen(results, monkeypatch, width):
    label = "a variant with a name of many words that goes on and on and on"
    lines = on_screen(results, width, monkeypatch, label=label).splitlines()
    assert all(len(line) <= width for line in lines)
    assert sum("undecided" in line for line in lines) >= 6


@pytest.mark.parametrize("width", [60, 80, 120])
def test_mean_and_std_stay_where_there_is_any_room(results, monkeypatch, width):
    text = on_screen(results, width, monkeypatch)
    assert re.search(r"accuracy in % .*mean +std ", text)
    assert f"{100 * results.cell.summary[0].mean:.1f}" in text


def test_words_are_not_broken_at_the_edge(results, monkeypatch):
    for width in (40, 60, 80):
        text = " ".join(on_screen(results, width, monkeypatch).split())
        assert "--test-samples" in text and "--train-seed" in text


@pytest.fixture(scope="module")
def small(results):
    """Decide all differences of `results`, which are of few points: the strip fits."""
    means = iter([-0.02, 0.01, 0.03, -0.02, 0.01, 0.03])
    summary = []
    for one in results.cell.summary:
        if one.difference is not None:
            mean = next(means)
            d = replace(one.difference, mean=mean, ci_low=mean - 0.01, ci_high=mean + 0.02)
            one = replace(one, difference=d, verdict=Verdict("no practical difference", "no"))
        summary.append(one)
    return with_cell(results, findings=replace(results.cell.findings, summary=tuple(summary)))


def strips(text, letters):
    """Return the head of the strip, and the strip of each row that has one."""
    lines = text.splitlines()
    head = next(line for line in lines if line.startswith("accuracy in %"))
    scale = re.search(r"[+-]\d+ +[+-]\d+", head)
    own = [line[scale.start() : scale.end()] for line in lines if line.startswith("  transfer")]
    return scale.group().split(), [strip for strip in own if set(strip) & set(letters)]


@pytest.mark.parametrize(
    ("encoding", "line", "mean", "zero"), [("utf-8", "─", "●", "│"), ("ascii", "-", "o", "|")]
)
def test_the_strip_has_one_scale_and_letters_that_the_terminal_has(
    small, monkeypatch, encoding, line, mean, zero
):
    text = on_screen(small, 80, monkeypatch, encoding)
    ends, rows = strips(text, line + mean + zero)
    # from the lowest end to the highest
    assert ends == ["-3", "+5"]
    assert len(rows) == 6
    # zero is at one place in all rows, and the means are in their order
    assert len({row.index(zero) for row in rows}) == 1
    below, above, far = (row.index(mean) for row in rows[:3])
    assert below < rows[0].index(zero) < above < far
    assert rows[:3] == rows[3:]
    assert rows[0].lstrip()[0] == line and rows[2].rstrip()[-1] == line
    assert all(set(row) <= {line, mean, zero, " "} for row in rows)


def test_the_strip_is_not_set_by_intervals_of_few_repeats(small, monkeypatch):
    cell = small.cell
    few = [
        one
        if one.difference is None
        else replace(one, difference=replace(one.difference, n=5, ci_low=-0.9, ci_high=0.9))
        for one in cell.summary
    ]
    results = with_cell(small, findings=replace(cell.findings, summary=tuple(few)))
    ends, rows = strips(on_screen(results, 80, monkeypatch), "─●│")
    assert ends == ["-2", "+3"]
    assert len(rows) == 6 and not any("─" in row for row in rows)
    assert {row.index("│") for row in rows} == {rows[0].index("│")}


def test_where_there_is_no_room_for_the_strip_the_numbers_stay(small, monkeypatch):
    text = on_screen(small, 60, monkeypatch)
    assert "●" not in text
    assert "-2.0 [-3.0, +0.0]" in text


def test_the_way_to_the_explanations_is_shown_until_they_are(results, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for is_explained in (False, True):
        file = io.StringIO()
        report = build_report(results).for_printing(False, is_explained)
        print_report(report, new_console(file), full=False)
        assert ("--explain" in file.getvalue()) != is_explained


def test_verdicts_have_colours_on_a_terminal_and_words_everywhere(results, monkeypatch):
    coloured = on_screen(results, 80, monkeypatch, is_terminal=True)
    assert "\x1b[31mworse" in coloured or " undecided" in coloured
    assert "\x1b[33m" not in coloured  # yellow is not readable on white
    assert "\x1b" not in on_screen(results, 80, monkeypatch)


def test_an_interrupted_comparison_says_so_first(results, monkeypatch):
    stopped = with_cell(
        results, interrupted=True, spec=replace(results.cell.spec, n_repeats=100_000)
    )
    first = on_screen(stopped, 120, monkeypatch).splitlines()[0]
    assert first.startswith("Stopped at 30 of 100,000 repeats.")


def test_the_same_problem_is_said_in_the_first_line_and_never_called_transfer(monkeypatch):
    same = BlobsSpec(2, n_samples=60, n_train=40)
    results = compare(spec_of(8, source=same, target=same), None, PlannedEngine(varied))
    text = on_screen(results, 100, monkeypatch)
    assert says_in_order(text.splitlines()[0], "both problem 2", "not transfer")
    assert "transfer fixed" not in text


def test_at_most_three_notes_of_one_line_say_what_to_type(results, monkeypatch):
    notes = [x for x in on_screen(results, 90, monkeypatch).splitlines() if x.startswith("note: ")]
    assert 0 < len(notes) <= 3
    assert all("--" in note for note in notes)
