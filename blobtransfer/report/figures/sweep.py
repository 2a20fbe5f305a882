"""The figure of a sweep along one axis: accuracy above, differences below, question by question."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from blobtransfer.report.figures.canvas import Canvas
from blobtransfer.report.figures.comparison import MIN_QUESTION_WIDTH, QUESTION_WIDTH
from blobtransfer.report.figures.marks import (
    DECIDED_NOTE,
    draw_interval,
    draw_margin,
    has_drawn_interval,
    interval_note,
    margin_notes,
    mark_face,
)
from blobtransfer.report.figures.names import setting_name
from blobtransfer.report.figures.style import (
    BEST_POSSIBLE_LINE,
    Look,
    VariantStyle,
    escape_mathtext,
    shorten,
    style_of,
)
from blobtransfer.report.report import Report
from blobtransfer.report.words import QUESTION_NAMES, points_of, test_metric
from blobtransfer.results.results import StudyResults
from blobtransfer.specs.experiment import Question
from blobtransfer.specs.study import Axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL_PAIR_HEIGHT = 5.4
"""Height of the means and differences of a question, in inches at a font of 10 points."""

AXIS_HEIGHT = 0.6
"""Height of the ticks and the label of an axis."""

MIN_LABEL_WIDTH = 1.2
"""Width to which the label of an axis is wrapped at least."""

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
    notes = _notes(results)
    names = {0: "standalone", **results.variant_labels}
    texts = canvas.title_height(report.headline, width)
    texts += canvas.foot_height(notes, [*names.values(), "best possible"], width)
    height = texts + PANEL_PAIR_HEIGHT * n_blocks
    figure = canvas.new(width, height)
    panel_height = (canvas.height(height) - texts) / (2 * n_blocks) - AXIS_HEIGHT
    grid = figure.subplots(2 * n_blocks, n_columns, squeeze=False, sharex=True)
    for i, question in enumerate(questions):
        row, column = divmod(i, n_columns)
        above, below = grid[2 * row][column], grid[2 * row + 1][column]
        _draw_means(results, question, above, canvas.look)
        _draw_differences(results, question, below, canvas.look)
        if i:
            above.sharey(grid[0][0])
            below.sharey(grid[1][0])
        labels = (
            f"mean {test_metric(results.cell.spec)} (%)",
            f"difference to standalone ({points_of(results.cell.spec)})",
        )
        for axes, label in zip((above, below), labels, strict=True):
            axes.set_ylabel(canvas.wrap(label, max(panel_height, MIN_LABEL_WIDTH)))
        if len(questions) > 1:
            above.set_title(QUESTION_NAMES[question].capitalize(), loc="left")
        _set_axis(results.study.axes[0], (above, below), canvas.max_name_width())
    canvas.add_letters(grid.flat)
    canvas.add_title(figure, report.headline, width)
    canvas.add_foot(figure, notes, width, grid[0][0].get_legend_handles_labels()[0])
    return figure


def _notes(results: StudyResults) -> list[str]:
    """Return what explains the panels."""
    ns = [cell.scores.n_repeats for cell in results.cells]
    intervals = "95 % intervals: of means unadjusted, of differences simultaneous"
    notes = [interval_note(intervals, ns), DECIDED_NOTE]
    return [*notes, *margin_notes(results.study.margin)]


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
        positions, style = _positions(results, series), _style_of(results, series)
        axes.plot(
            positions, [100 * (summary.mean or 0.0) for summary in summaries],
            label=escape_mathtext(name), marker=style.marker, markersize=5 * look.scale,
            linewidth=1.4 * look.scale, color=style.colour, linestyle=style.line,
        )  # fmt: skip
        line: dict[str, Any] = {"color": style.colour, "linewidth": 1.2 * look.scale}
        for x, summary in zip(positions, summaries, strict=True):
            if has_drawn_interval(summary.n):
                ends = (summary.mean_low, summary.mean_high)
                draw_interval(axes, x, ends, is_upright=True, **line)
    best_possible = [cell.measured.ceiling for cell in results.cells]
    if None not in best_possible:
        heights = [100 * (accuracy or 0.0) for accuracy in best_possible]
        line = {"label": "best possible", "linewidth": look.scale, **BEST_POSSIBLE_LINE}
        axes.plot(_positions(results), heights, **line)


def _draw_differences(results: StudyResults, question: Question, axes: "Axes", look: Look) -> None:
    """Draw the differences to standalone with their intervals.

    Args:
        results: Results of the command.
        question: Question whose variants are shown.
        axes: Axes to draw on.
        look: Sizes.
    """
    draw_margin(axes, results.study.margin, look, is_upright=True)
    for series in results.variant_labels:
        summaries = [cell.summary_of(question, series) for cell in results.cells]
        positions, style = _positions(results, series), _style_of(results, series)
        means = [
            0.0 if summary.difference is None else 100 * (summary.difference.mean or 0.0)
            for summary in summaries
        ]
        line: dict[str, Any] = {"color": style.colour, "linewidth": look.scale, "zorder": 2}
        axes.plot(positions, means, linestyle=style.line, **line)
        for x, summary, mean in zip(positions, summaries, means, strict=True):
            d = summary.difference
            if d is None or d.mean is None:
                continue
            line |= {"linewidth": 2.0 * look.scale, "zorder": 3}
            if has_drawn_interval(d.n):
                draw_interval(axes, x, (d.ci_low, d.ci_high), is_upright=True, **line)
            axes.plot(
                [x], [mean], marker=style.marker, markersize=6 * look.scale,
                color=mark_face(style.colour, summary.verdict), markeredgecolor=style.colour,
                markeredgewidth=1.4 * look.scale, zorder=4,
            )  # fmt: skip
    axes.set_xlabel(escape_mathtext(setting_name(results.study.axes[0].name)))
    axes.tick_params(axis="x", labelbottom=True)


def _style_of(results: StudyResults, series: int) -> VariantStyle:
    """Return how a variant is drawn; without a line if the axis has no order."""
    variants = results.study.cells[0].spec.variants
    style = style_of(variants[series], variants)
    return style if results.study.axes[0].is_ordered else replace(style, line="none")


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
