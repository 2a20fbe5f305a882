"""The figure of a sweep along one axis: accuracy above, differences below, question by question."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from blobtransfer.report.figures.canvas import LINE_HEIGHT, Canvas
from blobtransfer.report.figures.comparison import MIN_QUESTION_WIDTH, QUESTION_WIDTH
from blobtransfer.report.figures.marks import (
    draw_interval,
    draw_margin,
    has_drawn_interval,
    interval_note,
    is_decided,
    margin_note,
)
from blobtransfer.report.figures.style import (
    CEILING_LINE,
    LINE_STYLES,
    MARKERS,
    Look,
    colour_of,
    escape_mathtext,
    shorten,
)
from blobtransfer.report.report import Report
from blobtransfer.report.words import QUESTION_NAMES, test_metric
from blobtransfer.results.results import StudyResults
from blobtransfer.specs.experiment import Question
from blobtransfer.specs.study import Axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MIN_LOG_AXIS_RATIO = 8.0
"""Ratio of the largest to the smallest value above which an axis is logarithmic."""

DODGE_SHARE = 0.012
"""Distance between variants at the same point, as a share of the axis."""


def draw_sweep(report: Report[StudyResults], canvas: Canvas) -> "Figure":
    """Draw the mean test accuracy of each variant along the axis, and the differences below it.

    Intervals of the means are per comparison at 95 %, those of the differences simultaneous;
    decided differences are filled.
    """
    results, questions = report.results, report.results.study.questions
    width = canvas.width(QUESTION_WIDTH * len(questions))
    n_columns = canvas.n_columns(len(questions), width, MIN_QUESTION_WIDTH)
    n_blocks = -(-len(questions) // n_columns)
    title = canvas.wrap(report.headline, width / 1.25)
    height = LINE_HEIGHT * (title.count("\n") + 4) + 5.6 * n_blocks
    figure = canvas.new(width, height)
    ratios = [1.0, 1.0] * n_blocks
    grid = figure.subplots(
        2 * n_blocks, n_columns, squeeze=False, sharex=True, height_ratios=ratios
    )
    for i, question in enumerate(questions):
        row, column = divmod(i, n_columns)
        above, below = grid[2 * row][column], grid[2 * row + 1][column]
        _draw_means(results, question, above, canvas.look)
        _draw_differences(results, question, below, canvas.look)
        if len(questions) > 1:
            above.set_title(QUESTION_NAMES[question].capitalize(), loc="left")
        _set_axis(results.study.axes[0], (above, below), canvas.max_name_width())
    figure.suptitle(escape_mathtext(title))
    canvas.add_legend(figure, grid[0][0].get_legend_handles_labels()[0], width)
    return figure


def coordinates_of(axis: Axis) -> list[float]:
    """Return the coordinates of the values of an axis: the numbers, else their indices."""
    return list(axis.numbers or range(len(axis.values)))


def _draw_means(results: StudyResults, question: Question, axes: "Axes", look: Look) -> None:
    """Draw the mean test accuracies with their intervals, and the best possible ones.

    Args:
        results: Results of the command.
        question: Question whose variants are shown.
        axes: Axes to draw on.
        look: Sizes.
    """
    names = {0: "standalone", **results.variant_labels}
    for series, name in names.items():
        summaries = [cell.summary_of(question, series) for cell in results.cells]
        positions, style = _positions(results, series), _line_style(results, series)
        axes.plot(
            positions, [100 * (summary.mean or 0.0) for summary in summaries],
            label=escape_mathtext(name), marker=MARKERS[series % len(MARKERS)],
            markersize=5 * look.scale, linewidth=1.4 * look.scale, **style,
        )  # fmt: skip
        line: dict[str, Any] = {"color": style["color"], "linewidth": 1.2 * look.scale}
        for x, summary in zip(positions, summaries, strict=True):
            if has_drawn_interval(summary.n):
                ends = (summary.mean_low, summary.mean_high)
                draw_interval(axes, x, ends, is_upright=True, **line)
    ceilings = [cell.measured.ceiling for cell in results.cells]
    if None not in ceilings:
        heights = [100 * (ceiling or 0.0) for ceiling in ceilings]
        line = {"label": "best possible", "linewidth": look.scale, **CEILING_LINE}
        axes.plot(_positions(results), heights, **line)
    note = _interval_note("95 % interval, each alone", results)
    axes.set_ylabel(f"mean {test_metric(results.cell.spec)} (%)\n{note}")


def _draw_differences(results: StudyResults, question: Question, axes: "Axes", look: Look) -> None:
    """Draw the differences to standalone with their intervals.

    Args:
        results: Results of the command.
        question: Question whose variants are shown.
        axes: Axes to draw on.
        look: Sizes.
    """
    draw_margin(axes, results.study.margin, look, is_upright=True)
    for series, _ in results.variant_labels.items():
        summaries = [cell.summary_of(question, series) for cell in results.cells]
        positions, style = _positions(results, series), _line_style(results, series)
        means = [
            0.0 if summary.difference is None else 100 * (summary.difference.mean or 0.0)
            for summary in summaries
        ]
        axes.plot(positions, means, linewidth=look.scale, zorder=2, **style)
        for x, summary, mean in zip(positions, summaries, means, strict=True):
            d, colour = summary.difference, style["color"]
            if d is None or d.mean is None:
                continue
            line: dict[str, Any] = {"color": colour, "linewidth": 2.0 * look.scale, "zorder": 3}
            if has_drawn_interval(d.n):
                draw_interval(axes, x, (d.ci_low, d.ci_high), is_upright=True, **line)
            axes.plot(
                [x], [mean], marker=MARKERS[series % len(MARKERS)], markersize=6 * look.scale,
                color=colour if is_decided(summary.verdict) else "white", markeredgecolor=colour,
                markeredgewidth=1.4 * look.scale, zorder=4,
            )  # fmt: skip
    note = _interval_note("simultaneous 95 % intervals", results)
    axes.set_ylabel(f"difference to standalone (points)\n{note}")
    name = escape_mathtext(shorten(results.study.axes[0].name))
    axes.set_xlabel(f"{name}\nfilled: decided{margin_note(results.study.margin)}")
    axes.tick_params(axis="x", labelbottom=True)


def _interval_note(text: str, results: StudyResults) -> str:
    """Return a note on the intervals of all points, or that none is drawn."""
    return interval_note(text, (cell.scores.n_repeats for cell in results.cells))


def _line_style(results: StudyResults, series: int) -> dict[str, Any]:
    """Return the colour and line style of a variant; no line if the axis has no order."""
    is_line = results.study.axes[0].is_ordered
    return {
        "color": colour_of(results.study.cells[0].spec.variants[series]),
        "linestyle": LINE_STYLES[series % len(LINE_STYLES)] if is_line else "none",
    }


def _positions(results: StudyResults, series: int | None = None) -> list[float]:
    """Return the positions of cells on the axis; variants are dodged, so that none is hidden."""
    axis, n_variants = results.study.axes[0], len(results.study.cells[0].spec.variants)
    coordinates = coordinates_of(axis)
    by_value = dict(zip(axis.values, coordinates, strict=True))
    positions = np.array([by_value[cell.at[0]] for cell in results.cells])
    shift = 0.0 if series is None else DODGE_SHARE * (series - (n_variants - 1) / 2)
    if _is_log(axis):
        return list(positions * (max(coordinates) / min(coordinates)) ** shift)
    return list(positions + shift * (max(coordinates) - min(coordinates)))


def _is_log(axis: Axis) -> bool:
    """Return whether an axis is logarithmic."""
    numbers = axis.numbers or (0.0,)
    return min(numbers) > 0.0 and max(numbers) >= MIN_LOG_AXIS_RATIO * min(numbers)


def _set_axis(axis: Axis, panels: Sequence["Axes"], max_name_width: float) -> None:
    """Set a labelled tick at each value of the axis.

    Args:
        axis: Axis of the sweep.
        panels: Axes to set.
        max_name_width: Greatest width of a name, in letters of average width.
    """
    from matplotlib.ticker import NullLocator

    names = [escape_mathtext(shorten(value, max_name_width)) for value in axis.values]
    for axes in panels:
        if _is_log(axis):
            axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(coordinates_of(axis), names)
