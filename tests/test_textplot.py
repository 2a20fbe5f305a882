from dataclasses import replace

import pytest
from conftest import PlannedEngine
from test_experiment import spec_of

from blobtransfer.experiment.compare import compare
from blobtransfer.report.render.terminal import box_plot


@pytest.fixture(scope="module")
def summaries():
    results = compare(spec_of(5, fixed=(0,)), None, PlannedEngine(lambda *_: 0.5, 5))
    a, b = results.summary
    return [
        replace(a, min=0.0, q1=0.2, median=0.3, q3=0.4, max=0.9),
        replace(b, min=0.5, q1=0.6, median=0.7, q3=0.7, max=0.7),
    ]


def test_the_boxes_stand_at_their_places_under_one_scale(summaries):
    # 47 letters less 17 of labels less 1: 29 columns over 0 to 0.9, so 28 / 0.9 = 31.1 a unit.
    # standalone: 0, 6, 9, 12, 28; transfer: 16, 19, 22, 22, 22; ceiling 0.8 at 25.
    assert box_plot(summaries, 0.8, 47, "ascii") == [
        "standalone       |-----===#===---------------|",
        "transfer fixed=0                 |--===#  :",
        "                 0.0 %                  90.0 %",
        "|-=#=-| lowest, quartiles, median, highest; : ceiling",
    ]


@pytest.mark.parametrize(
    ("encoding", "box"), [("utf-8", "█"), ("ascii", "="), ("latin-1", "="), ("cp437", "=")]
)
def test_letters_fall_back_to_ascii_where_the_terminal_lacks_one(summaries, encoding, box):
    lines = box_plot(summaries, 0.8, 60, encoding)
    assert box in lines[0]
    "\n".join(lines).encode(encoding)


@pytest.mark.parametrize("width", [20, 28, 29, 60, 200])
def test_no_line_of_the_plot_is_wider_than_the_terminal(summaries, width):
    lines = box_plot(summaries, 0.8, width, "utf-8")
    assert all(len(line) <= width for line in lines[:-1])
    assert bool(lines) == (width >= 30)


def test_a_variant_without_a_run_has_an_empty_row_and_equal_runs_have_a_point(summaries):
    empty = replace(summaries[0], min=None, q1=None, median=None, q3=None, max=None)
    point = replace(summaries[1], min=0.5, q1=0.5, median=0.5, q3=0.5, max=0.5)
    lines = box_plot([empty, point], 0.5, 40, "ascii")
    assert lines[0].split() == ["standalone", ":"]
    assert lines[1].split() == ["transfer", "fixed=0", "#"]


def test_nothing_to_draw_gives_no_lines(summaries):
    empty = replace(summaries[0], min=None, q1=None, median=None, q3=None, max=None)
    assert box_plot([empty], 0.5, 60, "utf-8") == []
    assert box_plot([], 0.5, 60, "utf-8") == []
