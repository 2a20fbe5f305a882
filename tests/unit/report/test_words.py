"""Numbers beside a verdict never contradict it by rounding, wherever they are shown."""

import io
import re
from dataclasses import replace

import pytest
from helpers.engines import PlannedEngine
from helpers.running import run
from helpers.studies import grid_of, pairs_of, sweep_of
from hypothesis import given
from hypothesis import strategies as st

from blobtransfer.report.figures.canvas import Canvas
from blobtransfer.report.figures.pictures import picture_of_report, save
from blobtransfer.report.kinds import build_report
from blobtransfer.report.render.html import to_html
from blobtransfer.report.render.summary import summary_text
from blobtransfer.report.words import (
    format_interval,
    format_judged_mean,
    format_nonzero,
    format_per_100_range,
    format_signed,
)
from blobtransfer.report.writers import TEXT_WRITERS, print_on
from blobtransfer.specs.study import Study
from blobtransfer.statistics.paired import Interval, Verdict

ZERO = re.compile(r"(?<![\d.])[+-]?0(\.0+)?(?![\d.]|e-)")
"""A number that prints as 0."""


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [
        (0.031, 1, "+3.1"), (-0.0004, 1, "-0.04"), (0.0004, 1, "+0.04"), (-0.000002, 1, "-0.0002"),
        (0.0004, 2, "+0.04"), (-0.00004, 2, "-0.004"), (0.003, 0, "+0.3"), (4e-8, 1, "+4e-06"),
        (0.0, 1, "+0.0"), (-0.0, 1, "+0.0"), (3e-18, 1, "+0.0"), (-3e-18, 1, "+0.0"),
    ],
)  # fmt: skip
def test_a_number_that_is_not_0_has_the_digits_that_show_it(share, digits, text):
    assert format_nonzero(share, digits) == text


def test_a_mean_that_rounds_to_0_has_no_minus():
    assert [format_signed(share) for share in (-0.0004, 0.0004, -0.1, -0.0006)] == [
        "+0.0", "+0.0", "-10.0", "-0.1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        ((-0.055, -0.0002), "-2.5 [-5.5, -0.02]"),
        ((0.00003, 0.05), "-2.5 [+0.003, +5.0]"),
        ((-0.0004, 0.031), "-2.5 [-0.04, +3.1]"),
        ((0.0, 0.031), "-2.5 [+0.0, +3.1]"),
        ((-0.055, None), "-2.5"),
    ],
)
def test_an_end_of_an_interval_never_rounds_to_0(ends, text):
    assert format_interval(Interval(-0.025, *ends), digits=1) == text


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(0.0003, 0.0001, 0.0006), "+0.03 [+0.01, +0.1]"),
        (Interval(0.0003, -0.01, 0.02), "+0.0 [-1.0, +2.0]"),
    ],
)
def test_a_mean_has_more_digits_only_where_its_interval_leaves_out_0(interval, text):
    assert format_interval(interval, digits=1) == text


@pytest.mark.parametrize(
    ("kind", "text"),
    [("better", "+0.04"), ("worse", "+0.04"), ("undecided", "+0.0"),
     ("no practical difference", "+0.0")],
)  # fmt: skip
def test_a_mean_in_a_cell_has_more_digits_beside_better_and_worse(kind, text):
    assert format_judged_mean(0.0004, kind) == text


def test_runs_of_100_have_the_digits_that_show_that_there_are_some():
    assert format_per_100_range(0.0004, 0.08) == "0.04 to 8"


@given(st.floats(-1, 1).filter(lambda end: abs(end) > 1e-10), st.sampled_from([0, 1, 2, 4]))
def test_the_sign_of_a_number_can_be_read_off_whatever_its_size(value, digits):
    assert float(format_nonzero(value, digits)) * value > 0


# ---------------------------------------------------------------- wherever numbers are shown


def narrowly_judged(summary):
    """Return a summary whose interval is just above 0, and whose verdict is `better`."""
    if summary.difference is None:
        return summary
    d = replace(
        summary.difference, mean=0.013, ci_low=0.00003, ci_high=0.026, p_adjusted=0.049,
        typical=Interval(0.013, 0.00003, 0.026),
    )  # fmt: skip
    return replace(summary, difference=d, verdict=Verdict("better", "maybe"), low_runs=None)


def narrow(study):
    """Return results of a study in which all differences are narrowly decided."""
    results = run(study, engine=PlannedEngine(lambda key, *_: 0.5 + key % 10 / 100))
    cells = [
        replace(
            cell,
            findings=replace(
                cell.findings,
                summary=tuple(map(narrowly_judged, cell.findings.summary)),
                contrasts=(),
            ),
        )
        for cell in results.cells
    ]
    pooled = [
        summary
        if summary.family is None
        else replace(
            summary,
            family=replace(
                summary.family, mean=0.013, ci_low=0.00003, ci_high=0.026, tau=0.01,
                prediction_low=-0.00004, prediction_high=0.03,
            ),
            verdict=Verdict("better", "maybe"),
        )
        for summary in results.findings.pooled
    ]  # fmt: skip
    findings = replace(results.findings, pooled=tuple(pooled))
    return replace(results, cells=tuple(cells), findings=findings)


@pytest.fixture(scope="module")
def studies():
    cell = sweep_of().cells[0].spec
    return {
        "compare": narrow(Study.of_one(replace(cell, questions=("fresh", "one")))),
        "sweep": narrow(sweep_of()),
        "pairs": narrow(pairs_of()),
        "grid": narrow(grid_of()),
    }


def intervals_in(text):
    """Return the ends of all intervals in a text, also of those in sentences."""
    brackets = re.findall(r"\[([^\[\]]*, [^\[\]]*)\]", text.replace("&#43;", "+"))
    words = re.findall(r"\((?:95 % interval )?([\de.-]+ to [\de.-]+)", text)
    return [end for pair in brackets + words for end in re.split(", | to ", pair)]


@pytest.mark.parametrize("name", ["compare", "sweep", "pairs", "grid"])
@pytest.mark.parametrize("form", ["table", "markdown", "screen", "html", "svg", "summary"])
def test_no_end_of_an_interval_prints_as_0_beside_a_verdict(
    studies, name, form, tmp_path, monkeypatch
):
    report = build_report(studies[name]).for_printing(full=True, is_explained=False)
    if form == "screen":
        monkeypatch.setenv("COLUMNS", "120")
        stream = io.StringIO()
        stream.isatty = lambda: True
        print_on(stream, report, full=True)
        text = stream.getvalue()
    elif form == "html":
        text = "".join(to_html(report))
    elif form == "svg":
        save(picture_of_report(report, Canvas()), tmp_path / "a.svg")
        text = (tmp_path / "a.svg").read_text()
    elif form == "summary":
        text = "".join(summary_text(report, ".md"))
    else:
        text = "".join(TEXT_WRITERS[form].pieces(report))
    ends = intervals_in(text)
    assert any("0.003" in end for end in ends) or form == "svg"
    assert [end for end in ends if ZERO.fullmatch(end)] == []
