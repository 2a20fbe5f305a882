"""The figure of a sweep along one axis: accuracy above, differences below, a column a question."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from blobtransfer.report.figures.canvas import LINE_HEIGHT, Canvas
from blobtransfer.report.figures.style import (
    CEILING,
    LINE_STYLES,
    MARKERS,
    Look,
    colour_of,
    literal,
    shortened,
)
from blobtransfer.report.report import Report
from blobtransfer.report.words import QUESTION_NAMES, format_points
from blobtransfer.results.findings import Summary
from blobtransfer.results.results import StudyResults
from blobtransfer.specs.experiment import Question
from blobtransfer.specs.study import Axis, variant_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

QUESTION_WIDTH = 6.3
"""Width of a question, in inches at a font of 10 points."""

MIN_QUESTION_WIDTH = 3.9
"""Width below which two questions stand below each other."""

LOG_RATIO = 8.0
"""An axis whose last value is so many times the first is drawn in steps of one factor."""

DODGE = 0.012
"""Share of the axis by which variants stand beside each other."""


def draw_sweep(report: Report[StudyResults], canvas: Canvas) -> "Figure":
    """Draw the mean test accuracy of each variant along the axis, and the differences below it.

    Intervals of the means are each alone at 95 %, those of the differences hold together; what
    is decided is filled.
    """
    results, questions = report.results, report.results.study.questions
    width = canvas.width(QUESTION_WIDTH * len(questions))
    n_columns = canvas.n_columns(
        len(questions), QUESTION_WIDTH * len(questions), MIN_QUESTION_WIDTH
    )
    blocks = -(-len(questions) // n_columns)
    title = canvas.wrapped(report.headline, width / 1.25)
    words = LINE_HEIGHT * (title.count("\n") + 4)
    figure = canvas.new(width, words + 5.6 * blocks)
    grid = figure.subplots(
        2 * blocks, n_columns, squeeze=False, sharex=True, height_ratios=[1.0, 1.0] * blocks
    )
    for i, question in enumerate(questions):
        row, column = divmod(i, n_columns)
        above, below = grid[2 * row][column], grid[2 * row + 1][column]
        _draw_means(results, question, above, canvas.look)
        _draw_differences(results, question, below, canvas.look)
        if len(questions) > 1:
            above.set_title(QUESTION_NAMES[question].capitalize(), loc="left")
        _set_axis(results.study.axes[0], (above, below), canvas.longest_name())
    figure.suptitle(literal(title))
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(
        handles, labels, frameon=False, loc="outside lower center",
        ncols=canvas.legend_columns(labels, width),
    )  # fmt: skip
    return figure


def places_of(axis: Axis) -> list[float]:
    """Return the coordinates of the values of an axis: the numbers, else their indices."""
    return list(axis.numbers or range(len(axis.values)))


def _draw_means(results: StudyResults, question: Question, axes: "Axes", look: Look) -> None:
    n_variants = len(results.study.cells[0].spec.variants)
    for series in range(n_variants):
        found = [cell.summary_of(question, series) for cell in results.cells]
        places = _dodged(results, series, n_variants)
        means = [100 * (one.mean or 0.0) for one in found]
        around = [_around(one) for one in found]
        colour, label = _look_of(results, series)
        axes.errorbar(
            places, means, yerr=np.transpose(around), color=colour, label=label,
            marker=MARKERS[series % len(MARKERS)], markersize=5 * look.scale,
            linestyle=_line_of(results, series), linewidth=1.4 * look.scale,
            elinewidth=1.2 * look.scale,
        )  # fmt: skip
    ceilings = [cell.measured.ceiling for cell in results.cells]
    if all(one is not None for one in ceilings):
        axes.plot(
            _places(results), [100 * (one or 0.0) for one in ceilings], label="best possible",
            linewidth=look.scale, **CEILING,
        )  # fmt: skip
    axes.set_ylabel("mean test accuracy (%)\n95 % interval, each alone")


def _draw_differences(results: StudyResults, question: Question, axes: "Axes", look: Look) -> None:
    margin, n_variants = 100 * results.study.margin, len(results.study.cells[0].spec.variants)
    axes.axhspan(-margin, margin, color="0.92", zorder=0)
    axes.axhline(0, color="0.35", linewidth=look.scale, zorder=1)
    for series, _ in variant_labels(results.study):
        colour, _ = _look_of(results, series)
        places = _dodged(results, series, n_variants)
        found = [cell.summary_of(question, series) for cell in results.cells]
        axes.plot(
            places, [100 * _mean(one) for one in found], color=colour, linewidth=look.scale,
            linestyle=_line_of(results, series), zorder=2,
        )  # fmt: skip
        for place, one in zip(places, found, strict=True):
            d = one.difference
            if d is None or d.mean is None:
                continue
            if d.ci_low is not None and d.ci_high is not None:
                axes.plot(
                    [place, place], [100 * d.ci_low, 100 * d.ci_high], color=colour,
                    linewidth=2.0 * look.scale, solid_capstyle="butt", zorder=3,
                )  # fmt: skip
            is_decided = one.verdict is not None and one.verdict.kind != "undecided"
            axes.plot(
                [place], [100 * d.mean], marker=MARKERS[series % len(MARKERS)],
                markersize=6 * look.scale, color=colour if is_decided else "white",
                markeredgecolor=colour, markeredgewidth=1.4 * look.scale, zorder=4,
            )  # fmt: skip
    grey = f"; grey: margin of {format_points(results.study.margin)}" if margin else ""
    axes.set_ylabel("difference to standalone (points)\n95 % intervals that hold together")
    axes.set_xlabel(f"{literal(shortened(results.study.axes[0].name))}\nfilled: decided{grey}")
    axes.tick_params(axis="x", labelbottom=True)


def _look_of(results: StudyResults, series: int) -> tuple[str, str]:
    """Return the colour and the name of a variant."""
    if series == 0:
        return colour_of(results.study.cells[0].spec.variants[0]), "standalone"
    label = next(name for i, name in variant_labels(results.study) if i == series)
    return colour_of(results.study.cells[0].spec.variants[series]), literal(label)


def _line_of(results: StudyResults, series: int) -> str:
    """Return the line style of a variant; none if the axis has no order."""
    is_line = results.study.axes[0].is_ordered
    return LINE_STYLES[series % len(LINE_STYLES)] if is_line else "none"


def _places(results: StudyResults) -> list[float]:
    axis = results.study.axes[0]
    place = dict(zip(axis.values, places_of(axis), strict=True))
    return [place[cell.at[0]] for cell in results.cells]


def _dodged(results: StudyResults, series: int, n_variants: int) -> list[float]:
    """Move a variant a little along the axis, so that no interval hides another."""
    axis, places = results.study.axes[0], np.array(_places(results))
    shift = DODGE * (series - (n_variants - 1) / 2)
    every = places_of(axis)
    if _is_log(axis):
        return list(places * (max(every) / min(every)) ** shift)
    return list(places + shift * (max(every) - min(every)))


def _is_log(axis: Axis) -> bool:
    numbers = axis.numbers
    return numbers is not None and min(numbers) > 0.0 and max(numbers) >= LOG_RATIO * min(numbers)


def _set_axis(axis: Axis, panels: Sequence["Axes"], longest: float) -> None:
    from matplotlib.ticker import FixedLocator, NullLocator

    names = [literal(shortened(value, longest)) for value in axis.values]
    for axes in panels:
        if _is_log(axis):
            axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(places_of(axis)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(places_of(axis), names)


def _mean(one: Summary) -> float:
    return 0.0 if one.difference is None or one.difference.mean is None else one.difference.mean


def _around(one: Summary) -> tuple[float, float]:
    """Return the lower and upper half-width of the interval of a mean, in points."""
    if one.mean is None or one.mean_low is None or one.mean_high is None:
        return 0.0, 0.0
    return 100 * (one.mean - one.mean_low), 100 * (one.mean_high - one.mean)
