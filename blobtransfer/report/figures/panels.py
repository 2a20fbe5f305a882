"""The panels of a comparison: differences, scores and learning curves of one question."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

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
    THRESHOLD_LINE,
    Look,
    colour_of,
    escape_mathtext,
    marker_of,
    shorten,
)
from blobtransfer.report.units import Unit, unit_of
from blobtransfer.report.words import format_verdict, label_of
from blobtransfer.results.findings import Summary
from blobtransfer.results.results import CellResults, ComparedResults
from blobtransfer.specs.experiment import Arm, ComparedQuestion

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_DOTS = 200
"""Largest number of runs of a variant that are drawn as dots; more are drawn as a half violin."""

MAX_JOINED_SOURCES = 60
"""Largest number of sources whose dots are joined in a nested design."""

MIN_BOXED_RUNS = 5
"""Fewest runs for which a box of quartiles is drawn."""


@dataclass(frozen=True)
class Room:
    """Room for text in a panel.

    Args:
        is_narrow: Use short texts.
        is_dense: Write one line, not two, beside a row of differences.
        beyond: Share of the axis of scores that is reserved for the number of runs beyond its end.
        scores: Label of the axis of scores.
    """

    is_narrow: bool
    is_dense: bool
    beyond: float
    scores: str


# ---------------------------------------------------------------- differences


def draw_differences(
    results: ComparedResults, question: ComparedQuestion, axes: "Axes", look: Look, room: Room
) -> None:
    """Draw each mean difference to standalone with its interval, numbers and verdict beside it.

    Dense rows show the numbers only; decided ones are bold.

    Args:
        results: Results of a comparison.
        question: Question whose variants are drawn.
        axes: Axes to draw on.
        look: Sizes.
        room: Room for text.
    """
    summaries = [s for s in results.of_question(question) if s.difference is not None]
    unit, variants = unit_of(results), results.spec.variants
    draw_margin(axes, results.spec.margin, look, scale=unit.factor)
    for y, summary in zip(range(len(summaries), 0, -1), summaries, strict=True):
        d, colour = summary.difference, colour_of(summary.arm.variant, variants)
        if d is None or d.mean is None:
            continue
        if has_drawn_interval(d.n):
            line: dict[str, Any] = {"color": colour, "linewidth": 2.6 * look.scale}
            draw_interval(axes, y, (d.ci_low, d.ci_high), scale=unit.factor, **line)
        is_bold = is_decided(summary.verdict)
        axes.plot(
            [unit.factor * d.mean], [y], marker=marker_of(summary.arm.variant, variants),
            markersize=7 * look.scale, color=colour if is_bold else "white",
            markeredgecolor=colour, markeredgewidth=1.6 * look.scale, zorder=4,
        )  # fmt: skip
        text = unit.interval(d, digits=1)
        if not room.is_dense:
            verdict = format_verdict(summary.verdict)
            text += "\n" + (verdict.replace(" ", "\n", 1) if room.is_narrow else verdict)
        axes.annotate(
            text, (1, y), xytext=(5 * look.scale, 0), xycoords=("axes fraction", "data"),
            textcoords="offset points", fontsize=look.small, va="center",
            fontweight="bold" if is_bold else "normal",
        )  # fmt: skip
    _set_rows(axes, summaries, results, room, top=0.6)
    in_points = " in points" if unit.is_percent else ""
    if room.is_narrow:
        label, intervals = f"worse < difference{in_points} > better", "95 % intervals"
    else:
        label = f"difference to {escape_mathtext(shorten(str(variants[0])))}{in_points}"
        label += ": worse below 0, better above"
        intervals = "simultaneous 95 % intervals"
    note = interval_note(intervals, (s.difference.n for s in summaries if s.difference))
    axes.set_xlabel(f"{label}\n{note}{margin_note(results.spec.margin, unit)}")
    n_ticks = 5 if room.is_narrow else 9
    axes.locator_params(axis="x", nbins=n_ticks, steps=[1, 2, 5, 10], min_n_ticks=3)


# ---------------------------------------------------------------- scores


def draw_scores(
    results: ComparedResults, question: ComparedQuestion, axes: "Axes", look: Look, room: Room
) -> None:
    """Draw the test accuracies of each variant: a box, and one dot per repeat or a half violin.

    A failed run is drawn at chance level. The axis ends twice as far below the ceiling as the line
    of low accuracy; the number of runs beyond its end is written there.

    Args:
        results: Results of a comparison.
        question: Question whose variants are drawn.
        axes: Axes to draw on.
        look: Sizes.
        room: Room for text.
    """
    summaries, ceiling = results.of_question(question), results.ceiling
    unit = unit_of(results)
    scores = [_scaled(results, summary.arm) for summary in summaries]
    end = _axis_end(results)
    left, right, is_cut = _score_limits(results, room.beyond)
    heights = range(len(summaries), 0, -1)
    _draw_boxes(scores, heights, end, axes, look)
    for y, summary, accuracies in zip(heights, summaries, scores, strict=True):
        _draw_runs(results, summary, y, accuracies, end, axes, look)
        if n_beyond := int(np.sum(accuracies < end)):
            axes.annotate(
                f"{n_beyond:,}", (left, y), xytext=(3 * look.scale, 0), xycoords="data",
                textcoords="offset points", fontsize=look.small, va="center", zorder=6,
            )  # fmt: skip
    if is_cut:
        axes.axvspan(left, end, color="0.92", lw=0, zorder=0)
    if ceiling is not None:
        axes.axvline(100 * ceiling, linewidth=look.scale, **CEILING_LINE)
    _set_rows(axes, summaries, results, room, top=0.7)
    axes.set_xlim(left, right)
    _tick_from(axes, end if is_cut else left, unit)
    clauses = [room.scores]
    clauses += ["dashed: best possible"] * (ceiling is not None)
    beyond = "above" if results.lower_is_better else "below"
    clauses += [f"grey: runs {beyond} {unit.sign * end:.4g}"] * is_cut
    axes.set_xlabel(_joined(clauses, room.is_narrow))


def _draw_runs(
    results: ComparedResults,
    summary: Summary,
    y: int,
    accuracies: NDArray[np.float64],
    end: float,
    axes: "Axes",
    look: Look,
) -> None:
    """Draw the runs of one variant as dots or as a half violin.

    Args:
        results: Results of a comparison.
        summary: Summary of the variant.
        y: Height of its row.
        accuracies: (n_repeats,) scaled scores, higher ones better.
        end: Lower end of the axis.
        axes: Axes to draw on.
        look: Sizes.
    """
    variants = results.spec.variants
    inside, colour = accuracies[accuracies >= end], colour_of(summary.arm.variant, variants)
    is_joined = results.spec.is_nested(summary.arm) and results.n_sources <= MAX_JOINED_SOURCES
    has_many = len(accuracies) > MAX_DOTS
    if has_many and not is_joined and len(inside) and np.ptp(inside) > 0:
        shape: dict[str, Any] = {"orientation": "horizontal", "side": "high", "widths": 0.85}
        violin = axes.violinplot(inside, [y], showextrema=False, **shape)
        for body in cast(Any, violin["bodies"]):
            body.set(facecolor=colour, alpha=0.45)
        return
    heights = y + 0.6 * _heights(results, summary, accuracies >= end)
    axes.scatter(
        inside, heights, s=(5 if has_many else 14) * look.scale**2, color=colour, alpha=0.55,
        linewidths=0, marker=marker_of(summary.arm.variant, variants), zorder=3,
    )  # fmt: skip
    if is_joined:  # dots that share a source are at one height
        levels = np.unique(heights)
        groups = [inside[heights == level] for level in levels]
        lows, highs = [group.min() for group in groups], [group.max() for group in groups]
        width = 1.2 * look.scale
        axes.hlines(levels, lows, highs, color=colour, alpha=0.55, linewidth=width, zorder=2)


def _draw_boxes(
    scores: Sequence[NDArray[np.float64]],
    heights: Sequence[int],
    end: float,
    axes: "Axes",
    look: Look,
) -> None:
    """Draw the middle half of each row, its median and whiskers, as far as the axis goes.

    A row whose median lies beyond the end has none.

    Args:
        scores: Scaled scores of each row.
        heights: Height of each row.
        end: Lower end of the axis.
        axes: Axes to draw on.
        look: Sizes.
    """
    from matplotlib.cbook import boxplot_stats

    boxed = {
        y: accuracies
        for y, accuracies in zip(heights, scores, strict=True)
        if len(accuracies) >= MIN_BOXED_RUNS and np.median(accuracies) >= end
    }
    boxes = boxplot_stats(list(boxed.values())) if boxed else []
    for box in boxes:
        box["whislo"], box["q1"] = max(box["whislo"], end), max(box["q1"], end)
    grey = {"color": "0.25", "linewidth": look.scale}
    axes.bxp(
        boxes,
        positions=list(boxed),
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


def _axis_end(results: ComparedResults) -> float:
    """Return the scaled score at which the axis of scores ends."""
    line, unit = results.findings.low_line, unit_of(results)
    worst = unit.factor * (-results.scale[1] if results.lower_is_better else results.scale[0])
    if line is None:
        return worst
    return max(worst, round(unit.factor * (unit.sign * line - results.spec.low), 9))


def _score_limits(results: ComparedResults, beyond: float) -> tuple[float, float, bool]:
    """Return the ends of the axis of scores, scaled, and whether runs are below it."""
    end, unit = _axis_end(results), unit_of(results)
    scores = np.concatenate([_scaled(results, summary.arm) for summary in results.summary])
    inside = scores[scores >= end]
    is_cut = len(inside) < len(scores)
    if results.ceiling is not None:
        inside = np.append(inside, unit.factor * results.ceiling)
    right = float(inside.max()) + 0.008 * unit.width
    if is_cut:
        return end - beyond / (1 - beyond) * (right - end), right, True
    return max(end, float(inside.min()) - 0.01 * unit.width), right, False


def _scaled(results: ComparedResults, arm: Arm) -> NDArray[np.float64]:
    """Return the scores of an arm as they are drawn, higher ones better, (n_repeats,)."""
    return unit_of(results).factor * results.ascending_scores(arm)


def _tick_from(axes: "Axes", left: float, unit: Unit) -> None:
    """Set ticks at round numbers, none below the end of the axis."""
    from matplotlib.ticker import MaxNLocator

    right = axes.get_xlim()[1]
    ticks = MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(left, right)
    axes.set_xticks([tick for tick in ticks if left <= tick <= right])
    axes.xaxis.set_major_formatter(partial(_tick_label, unit.sign))


def _tick_label(sign: float, x: float, index: int) -> str:
    """Return the label of a tick; a figure with this function can be pickled.

    Args:
        sign: -1 where lower scores are better, else 1.
        x: Position of the tick.
        index: Index of the tick.
    """
    return f"{sign * x + 0.0:g}"


def _heights(
    results: ComparedResults, summary: Summary, is_inside: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Spread dots over a row by a fixed rule; those that share a source are at one height.

    Args:
        results: Results of a comparison.
        summary: Summary of the variant.
        is_inside: (n_repeats,) whether a run is drawn.

    Returns:
        (n_drawn,) heights from -0.5 to 0.5.
    """
    nested = results.spec.nested
    if nested is not None and isinstance(results, CellResults):
        if results.spec.is_nested(summary.arm):
            repeats = results.scores.repeats[is_inside]
            return np.asarray((repeats // nested[1]) / max(1, nested[0] - 1) - 0.5)
    return np.asarray((np.arange(is_inside.sum()) * 0.618034) % 1.0 - 0.5)


# ---------------------------------------------------------------- learning curves


def draw_curves(
    results: ComparedResults, question: ComparedQuestion, axes: "Axes", look: Look, room: Room
) -> None:
    """Draw the median learning curve of each variant, and a band between the quartiles.

    A mark on the threshold shows the mean number of epochs until it is reached.

    Args:
        results: Results of a comparison.
        question: ComparedQuestion whose variants are drawn.
        axes: Axes to draw on.
        look: Sizes.
        room: Room for text.
    """
    findings, variants = results.findings, results.spec.variants
    for band in findings.bands:
        if not band.arm.is_asked_by(question):
            continue
        variant = band.arm.variant
        epochs, colour = np.arange(len(band.median)), colour_of(variant)
        axes.fill_between(epochs, 100 * band.q1, 100 * band.q3, color=colour, alpha=0.10, lw=0)
        style = LINE_STYLES[variants.index(variant) % len(LINE_STYLES)]
        line: dict[str, Any] = {"color": colour, "linestyle": style, "linewidth": 1.5 * look.scale}
        axes.plot(epochs, 100 * band.median, label=label_of(band.arm, results), **line)
    if results.ceiling is not None:
        ceiling = 100 * results.ceiling
        axes.axhline(ceiling, label="best possible", linewidth=look.scale, **CEILING_LINE)
    if findings.threshold is not None:
        height = 100 * findings.threshold
        axes.axhline(height, label="threshold", linewidth=look.scale, **THRESHOLD_LINE)
        for speed in findings.speed:
            if speed.metric != "epochs" or not speed.arm.is_asked_by(question):
                continue
            if speed.value is not None:
                variant = speed.arm.variant
                axes.plot(
                    [speed.value], [height], marker=marker_of(variant, variants), linestyle="",
                    color=colour_of(variant), markeredgecolor="white", zorder=5,
                    markersize=8 * look.scale, markeredgewidth=look.scale,
                )  # fmt: skip
    clauses = ["epoch", "line: median, band: middle half", "mark: mean epochs to the threshold"]
    axes.set_xlabel(_joined(clauses, room.is_narrow))
    axes.set_ylabel(room.scores)


# ---------------------------------------------------------------- labels


def row_labels(
    summaries: Sequence[Summary], results: ComparedResults, is_narrow: bool
) -> list[str]:
    """Return the names of rows, long ones on several lines.

    Args:
        summaries: Summary of each row.
        results: Results of a comparison.
        is_narrow: Whether names are shortened.
    """
    labels = [label_of(summary.arm, results) for summary in summaries]
    if not is_narrow:
        return [textwrap.fill(label, 24) for label in labels]
    labels = [label.removeprefix("transfer ") for label in labels]
    return [textwrap.fill(label, 14, break_on_hyphens=False) for label in labels]


def _set_rows(
    axes: "Axes", summaries: Sequence[Summary], results: ComparedResults, room: Room, top: float
) -> None:
    """Name the rows of a panel, from the top; `top` is the room above the first, in rows.

    Args:
        axes: Axes to draw on.
        summaries: Summary of each row.
        results: Results of the command.
        room: Room for text.
        top: Room above the first row, in rows.
    """
    n_rows = len(summaries)
    axes.set_yticks(range(n_rows, 0, -1), row_labels(summaries, results, room.is_narrow))
    axes.set_ylim(0.4, n_rows + top)
    axes.tick_params(axis="x", labelbottom=True)


def _joined(clauses: Sequence[str], is_narrow: bool) -> str:
    """Join clauses below an axis; in narrow panels two are on the first line."""
    return "\n".join(["; ".join(clauses[:2]), *clauses[2:]]) if is_narrow else "; ".join(clauses)
