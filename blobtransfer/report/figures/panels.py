"""The panels of a comparison: differences, scores, learning curves; a question each."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from blobtransfer.report.figures.style import (
    CEILING,
    LINE_STYLES,
    THRESHOLD,
    Look,
    colour_of,
    marker_of,
)
from blobtransfer.report.words import format_interval, format_points, format_verdict, label_of
from blobtransfer.results.findings import Summary
from blobtransfer.results.results import CellResults
from blobtransfer.specs.experiment import Arm, Question

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MANY_RUNS = 200
"""Beyond this many a half violin shows the runs of a variant, in place of dots."""

MANY_SOURCES = 60
"""Up to here the dots of each source of a nested design are joined, however many they are."""

FEWEST_BOXED = 5
"""Below, a box of quartiles would be made of too little."""


@dataclass(frozen=True)
class Room:
    """How much room a panel has for words.

    Args:
        is_narrow: Short words alone.
        is_dense: One line beside a row of differences.
        beyond: Share of the axis of scores that is kept for how many runs lie beyond its end.
    """

    is_narrow: bool
    is_dense: bool
    beyond: float


# ---------------------------------------------------------------- differences


def draw_differences(
    results: CellResults, question: Question, axes: "Axes", look: Look, room: Room
) -> None:
    """Draw each mean difference to standalone with its interval, numbers and verdict beside it.

    Where rows are dense there is room for the numbers alone; bold ones are decided.

    Args:
        results: Results of a comparison.
        question: Source mode that the panel answers.
        axes: The axes.
        look: Sizes of text and marks.
        room: Room that the panel has.
    """
    shown = [one for one in results.of_question(question) if one.difference is not None]
    margin = 100 * results.spec.margin
    axes.axvspan(-margin, margin, color="0.92", zorder=0)
    axes.axvline(0, color="0.35", linewidth=look.scale, zorder=1)
    places = range(len(shown), 0, -1)
    for place, one in zip(places, shown, strict=True):
        d, colour = one.difference, colour_of(one.arm.variant)
        if d is None or d.mean is None:
            continue
        if d.ci_low is not None and d.ci_high is not None:
            ends = [100 * d.ci_low, 100 * d.ci_high]
            axes.plot(
                ends, [place, place], color=colour, linewidth=2.6 * look.scale,
                solid_capstyle="butt",
            )  # fmt: skip
        is_decided = one.verdict is not None and one.verdict.kind != "undecided"
        axes.plot(
            [100 * d.mean], [place], marker=marker_of(one.arm.variant, results.spec.variants),
            markersize=7 * look.scale, color=colour if is_decided else "white",
            markeredgecolor=colour, markeredgewidth=1.6 * look.scale, zorder=4,
        )  # fmt: skip
        numbers, word = format_interval(d, digits=1), format_verdict(one.verdict)
        if room.is_narrow:
            word = word.replace(" ", "\n", 1)
        axes.annotate(
            numbers if room.is_dense else f"{numbers}\n{word}",
            (1, place), xytext=(5 * look.scale, 0), xycoords=("axes fraction", "data"),
            textcoords="offset points", fontsize=look.small, va="center",
            fontweight="bold" if is_decided else "normal",
        )  # fmt: skip
    axes.set_yticks(
        list(places), row_labels([label_of(one.arm, results) for one in shown], room.is_narrow)
    )
    axes.set_ylim(0.4, len(shown) + 0.6)
    grey = f"; grey: margin of {format_points(results.spec.margin)}" if margin else ""
    axes.set_xlabel(
        f"worse < difference in points > better\n95 % intervals{grey}"
        if room.is_narrow
        else "difference to standalone in points: worse below 0, better above\n"
        f"95 % intervals that hold together{grey}"
    )
    axes.tick_params(axis="x", labelbottom=True)
    axes.locator_params(
        axis="x", nbins=5 if room.is_narrow else 9, steps=[1, 2, 5, 10], min_n_ticks=3
    )


# ---------------------------------------------------------------- scores


def draw_scores(
    results: CellResults, question: Question, axes: "Axes", look: Look, room: Room
) -> None:
    """Draw the test accuracies of each variant: a box, and a dot a repeat or a half violin.

    A failed run is at chance level, where it counts. The axis ends twice as far below the ceiling
    as the line of low accuracy; the number of runs beyond it is written there.

    Args:
        results: Results of a comparison.
        question: Source mode that the panel answers.
        axes: The axes.
        look: Sizes of text and marks.
        room: Room that the panel has.
    """
    shown = results.of_question(question)
    scores = [_percent(results, one.arm) for one in shown]
    end = _low_end(results)
    left, right, is_cut = _score_limits(results, room.beyond)
    places = range(len(shown), 0, -1)
    _draw_boxes(scores, places, end, axes, look)
    for place, one, row in zip(places, shown, scores, strict=True):
        inside = row[row >= end]
        colour = colour_of(one.arm.variant)
        is_nested = results.spec.is_nested(one.arm) and results.n_sources <= MANY_SOURCES
        has_many = len(row) > MANY_RUNS and not is_nested
        if has_many and len(inside) and np.ptp(inside) > 0:
            violin = axes.violinplot(
                inside, [place], orientation="horizontal", side="high", widths=0.85,
                showextrema=False,
            )  # fmt: skip
            for body in cast(Any, violin["bodies"]):
                body.set(facecolor=colour, alpha=0.45)
        else:
            heights = place + 0.6 * _heights(results, one, row >= end)
            size = (14 if len(row) <= MANY_RUNS else 5) * look.scale**2
            axes.scatter(
                inside, heights, s=size, color=colour, alpha=0.55, linewidths=0,
                marker=marker_of(one.arm.variant, results.spec.variants), zorder=3,
            )  # fmt: skip
            if is_nested:
                _join_sources(inside, heights, colour, axes, look)
        if len(inside) < len(row):
            axes.annotate(
                f"{len(row) - len(inside):,}", (left, place), xytext=(3 * look.scale, 0),
                xycoords="data", textcoords="offset points", fontsize=look.small, va="center",
                zorder=6,
            )  # fmt: skip
    if is_cut:
        axes.axvspan(left, end, color="0.92", lw=0, zorder=0)
    if results.measured.ceiling is not None:
        axes.axvline(100 * results.measured.ceiling, linewidth=look.scale, **CEILING)
    axes.set_yticks(
        list(places), row_labels([label_of(one.arm, results) for one in shown], room.is_narrow)
    )
    axes.set_xlim(left, right)
    _tick_from(axes, end if is_cut else left)
    axes.set_ylim(0.4, len(shown) + 0.7)
    words = ["test accuracy (%)"]
    words += ["dashed: best possible"] * (results.measured.ceiling is not None)
    words += [f"grey: runs below {end:.4g}"] * is_cut
    axes.set_xlabel(_joined(words, room.is_narrow))
    axes.tick_params(axis="x", labelbottom=True)


def _draw_boxes(
    scores: Sequence[NDArray[np.float64]],
    places: Sequence[int],
    end: float,
    axes: "Axes",
    look: Look,
) -> None:
    """Draw the middle half of each row, its median and whiskers, as far as the axis goes.

    A row whose median lies beyond the end has none.
    """
    from matplotlib.cbook import boxplot_stats

    boxed = [
        (row, place)
        for row, place in zip(scores, places, strict=True)
        if len(row) >= FEWEST_BOXED and np.median(row) >= end
    ]
    stats = boxplot_stats([row for row, _ in boxed]) if boxed else []
    for one in stats:
        one["whislo"], one["q1"] = max(one["whislo"], end), max(one["q1"], end)
    grey = {"color": "0.25", "linewidth": look.scale}
    axes.bxp(
        stats,
        positions=[place for _, place in boxed],
        orientation="horizontal",
        manage_ticks=False,
        showfliers=False,
        widths=0.34,
        patch_artist=True,
        boxprops={"facecolor": "none", "edgecolor": "0.25", "linewidth": look.scale},
        medianprops={"color": "black", "linewidth": 1.6 * look.scale},
        whiskerprops=grey,
        capprops=grey,
        zorder=4,
    )


def _join_sources(
    places: NDArray[np.float64],
    heights: NDArray[np.float64],
    colour: str,
    axes: "Axes",
    look: Look,
) -> None:
    """Draw a line through the dots that share a source, which are at one height."""
    sources = np.unique(heights)
    own = [places[heights == height] for height in sources]
    axes.hlines(
        sources, [one.min() for one in own], [one.max() for one in own], color=colour, alpha=0.55,
        linewidth=1.2 * look.scale, zorder=2,
    )  # fmt: skip


def _low_end(results: CellResults) -> float:
    """Return the accuracy in percent at which the axis of scores ends."""
    line = results.findings.low_line
    return 0.0 if line is None else max(0.0, round(100 * (line - results.spec.low), 9))


def _score_limits(results: CellResults, beyond: float) -> tuple[float, float, bool]:
    """Return the ends of the axis of scores in percent, and whether runs are below it."""
    end, ceiling = _low_end(results), 100 * (results.measured.ceiling or 0.0)
    accuracy = np.concatenate([_percent(results, arm) for arm in results.scores.arms])
    inside = np.append(accuracy[accuracy >= end], ceiling)
    right = float(inside.max()) + 0.8
    if len(inside) <= len(accuracy):
        return end - beyond / (1 - beyond) * (right - end), right, True
    return max(end, float(inside.min()) - 1.0), right, False


def _percent(results: CellResults, arm: Arm) -> NDArray[np.float64]:
    return 100 * results.scores.imputed_accuracy(arm, results.measured.floor)


def _tick_from(axes: "Axes", left: float) -> None:
    """Put round numbers at the axis, none of them left of its end."""
    from matplotlib.ticker import FixedLocator, MaxNLocator

    right = axes.get_xlim()[1]
    found = MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(left, right)
    axes.xaxis.set_major_locator(FixedLocator([one for one in found if left <= one <= right]))
    axes.xaxis.set_major_formatter("{x:g}")


def _heights(results: CellResults, one: Summary, is_kept: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Spread dots over a row by a fixed rule; those that share a source are at one height."""
    repeats = results.scores.repeats[is_kept]
    nested = results.spec.nested
    if nested is not None and results.spec.is_nested(one.arm):
        return np.asarray((repeats // nested[1]) / max(1, nested[0] - 1) - 0.5)
    return np.asarray((np.arange(len(repeats)) * 0.618034) % 1.0 - 0.5)


# ---------------------------------------------------------------- learning curves


def draw_curves(
    results: CellResults, question: Question, axes: "Axes", look: Look, room: Room
) -> None:
    """Draw the median learning curve of each variant, and a band between the quartiles.

    A mark on the threshold shows the mean number of epochs until it is reached.

    Args:
        results: Results of a comparison with learning curves.
        question: Source mode that the panel answers.
        axes: The axes.
        look: Sizes of text and marks.
        room: Room that the panel has.
    """
    findings, variants = results.findings, results.spec.variants
    for band in findings.bands:
        if not band.arm.is_asked_by(question):
            continue
        variant = band.arm.variant
        epochs, colour = np.arange(len(band.median)), colour_of(variant)
        axes.fill_between(epochs, 100 * band.q1, 100 * band.q3, color=colour, alpha=0.10, lw=0)
        style = LINE_STYLES[variants.index(variant) % len(LINE_STYLES)]
        axes.plot(
            epochs, 100 * band.median, color=colour, linestyle=style, linewidth=1.5 * look.scale,
            label=label_of(band.arm, results),
        )  # fmt: skip
    if results.measured.ceiling is not None:
        ceiling = 100 * results.measured.ceiling
        axes.axhline(ceiling, label="best possible", linewidth=look.scale, **CEILING)
    if findings.threshold is not None:
        height = 100 * findings.threshold
        axes.axhline(height, label="threshold", linewidth=look.scale, **THRESHOLD)
        for one in findings.speed:
            if one.metric == "epochs" and one.arm.is_asked_by(question) and one.value is not None:
                variant = one.arm.variant
                axes.plot(
                    [one.value], [height], marker=marker_of(variant, variants),
                    color=colour_of(variant), markeredgecolor="white", linestyle="",
                    markersize=8 * look.scale, markeredgewidth=look.scale, zorder=5,
                )  # fmt: skip
    axes.set_xlabel(
        _joined(
            ["epoch", "line: median, band: middle half", "mark: mean epochs to the threshold"],
            room.is_narrow,
        )
    )
    axes.set_ylabel("test accuracy (%)")


# ---------------------------------------------------------------- words


def row_labels(labels: Sequence[str], is_narrow: bool) -> list[str]:
    """Write the names of rows, long ones on several lines; short ones where there is no room."""
    if not is_narrow:
        return [textwrap.fill(label, 24) for label in labels]
    return [
        textwrap.fill(label.removeprefix("transfer "), 14, break_on_hyphens=False)
        for label in labels
    ]


def _joined(words: Sequence[str], is_narrow: bool) -> str:
    """Join what is said below an axis; on two lines where there is little room."""
    if not is_narrow or len(words) < 2:
        return "; ".join(words)
    return f"{words[0]}; {words[1]}" + "".join(f"\n{word}" for word in words[2:])
