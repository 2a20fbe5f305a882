"""The panels of a comparison: differences, contrasts, scores and curves of one question."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.report.figures.marks import (
    BAND_ALPHA,
    draw_interval,
    draw_margin,
    has_drawn_interval,
    is_decided,
    mark_face,
)
from blobtransfer.report.figures.style import (
    BACKGROUND,
    BEST_POSSIBLE_LINE,
    INK,
    THRESHOLD_LINE,
    Look,
    escape_mathtext,
    style_of,
)
from blobtransfer.report.units import Unit, unit_of
from blobtransfer.report.words import format_number, format_verdict, label_of
from blobtransfer.results.findings import Summary
from blobtransfer.results.results import CellResults, ComparedResults
from blobtransfer.specs.experiment import Arm, ComparedQuestion

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_DOTS = 200
"""Largest number of runs of a variant that are drawn as dots; more are drawn as a profile."""

MAX_PROFILE_POINTS = 1_000
"""Largest number of points of a profile."""

MAX_JOINED_SOURCES = 60
"""Largest number of sources whose dots are joined in a nested design."""

MAX_LABEL_LINES = 4
"""Largest number of lines of the name of a row."""

LABEL_WIDTH, NARROW_LABEL_WIDTH = 24, 14
"""Letters of a line of the name of a row, and of one in a narrow panel."""

MIN_BOXED_RUNS = 5
"""Fewest runs for which a box of quartiles is drawn."""


@dataclass(frozen=True)
class Room:
    """Room for text in a panel.

    Args:
        is_narrow: Use short texts.
        is_dense: Write one line, not two, beside a row of differences.
        max_lines: Largest number of lines of the name of a row, by kind of panel.
        beyond: Share of the axis of scores that is reserved for the number of runs beyond its end.
        scores: Label of the axis of scores.
        differences: Label of the axis of differences.
    """

    is_narrow: bool
    is_dense: bool
    max_lines: Mapping[str, int]
    beyond: float
    scores: str
    differences: str


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
        d, style = summary.difference, style_of(summary.arm.variant, variants)
        if d is None or d.mean is None:
            continue
        if has_drawn_interval(d.n):
            line: dict[str, Any] = {"color": style.colour, "linewidth": 2.6 * look.scale}
            draw_interval(axes, y, (d.ci_low, d.ci_high), scale=unit.factor, **line)
        axes.plot(
            [unit.factor * d.mean], [y], marker=style.marker, markersize=7 * look.scale,
            color=mark_face(style.colour, summary.verdict), markeredgecolor=style.colour,
            markeredgewidth=1.6 * look.scale, zorder=4,
        )  # fmt: skip
        text = unit.interval(d, digits=1)
        if not room.is_dense:
            verdict = format_verdict(summary.verdict)
            text += "\n" + (verdict.replace(" ", "\n", 1) if room.is_narrow else verdict)
        _write_beside(axes, y, text, look, is_bold=is_decided(summary.verdict))
    _set_rows(
        axes, row_labels(summaries, results, room.is_narrow, room.max_lines["differences"]), top=0.6
    )
    _label_differences(axes, room.differences, room.is_narrow)


def draw_contrasts(
    results: ComparedResults, question: ComparedQuestion, axes: "Axes", look: Look, room: Room
) -> None:
    """Draw the differences between variants and controls, which explain an effect.

    Args:
        results: Results of a comparison.
        question: Question whose contrasts are drawn.
        axes: Axes to draw on.
        look: Sizes.
        room: Room for text.
    """
    contrasts = [c for c in results.findings.contrasts if c.question == question]
    draw_margin(axes, results.spec.margin, look)
    for y, contrast in zip(range(len(contrasts), 0, -1), contrasts, strict=True):
        d, variant = contrast.difference, contrast.arm.variant
        colour = style_of(variant, results.spec.variants).colour
        if d.mean is None:
            continue
        if has_drawn_interval(d.n):
            line: dict[str, Any] = {"color": colour, "linewidth": 1.8 * look.scale}
            draw_interval(axes, y, (d.ci_low, d.ci_high), **line)
        axes.plot([100 * d.mean], [y], marker="|", markersize=9 * look.scale, color=colour)
        _write_beside(axes, y, unit_of(results).interval(d, digits=1), look)
    _set_rows(
        axes,
        contrast_labels(results, question, room.is_narrow, room.max_lines["contrasts"]),
        top=0.6,
    )
    axes.set_title("contrasts between variants", loc="left", fontsize=look.small)
    _label_differences(axes, "difference (points)", room.is_narrow)


def _write_beside(axes: "Axes", y: float, text: str, look: Look, is_bold: bool = False) -> None:
    """Write a text beside a row, right of a panel.

    Args:
        axes: Axes of the panel.
        y: Height of the row.
        text: The text.
        look: Sizes.
        is_bold: Whether it is bold.
    """
    axes.annotate(
        text, (1, y), xytext=(5 * look.scale, 0), xycoords=("axes fraction", "data"),
        textcoords="offset points", fontsize=look.small, va="center",
        fontweight="bold" if is_bold else "normal",
    )  # fmt: skip


def _label_differences(axes: "Axes", label: str, is_narrow: bool) -> None:
    """Label an axis of differences; a narrow one has fewer ticks."""
    axes.set_xlabel(label)
    n_ticks = 5 if is_narrow else 9
    axes.locator_params(axis="x", nbins=n_ticks, steps=[1, 2, 5, 10], min_n_ticks=3)


# ---------------------------------------------------------------- scores


def draw_scores(
    results: ComparedResults, question: ComparedQuestion, axes: "Axes", look: Look, room: Room
) -> None:
    """Draw the test accuracies of each variant: a box, and one dot per repeat.

    A diverged run is drawn at chance level. The axis ends twice as far below the best possible
    accuracy as the line of low accuracy; the number of runs beyond its end is written there. In a
    nested design the standard deviations between and within sources stand beside each row.

    Args:
        results: Results of a comparison.
        question: Question whose variants are drawn.
        axes: Axes to draw on.
        look: Sizes.
        room: Room for text.
    """
    summaries, unit = results.of_question(question), unit_of(results)
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
        variance = summary.source_variance
        if variance is not None and not room.is_dense:
            stds = (variance.between_std, variance.within_std)
            between, within = (format_number(std, digits=1) for std in stds)
            _write_beside(axes, y, f"SD between {between}\nSD within {within}", look)
    if is_cut:
        axes.axvspan(left, end, facecolor=INK, alpha=BAND_ALPHA, lw=0, zorder=0)
        beyond = "above" if results.lower_is_better else "below"
        percent = " %" if unit.is_percent else ""
        title = f"grey strip: runs {beyond} {unit.sign * end:.4g}{percent}"
        axes.set_title(title, loc="left", fontsize=look.small)
    if results.best_possible is not None:
        axes.axvline(
            unit.factor * results.best_possible, linewidth=look.scale, **BEST_POSSIBLE_LINE
        )
    _set_rows(
        axes, row_labels(summaries, results, room.is_narrow, room.max_lines["scores"]), top=0.7
    )
    axes.set_xlim(left, right)
    _tick_from(axes, end if is_cut else left, unit)
    axes.set_xlabel(room.scores)


def draw_profile(
    results: ComparedResults, question: ComparedQuestion, axes: "Axes", look: Look, room: Room
) -> None:
    """Draw the share of the runs of each variant that reach each score, its performance profile.

    These profiles show two groups of runs as two steps (Agarwal et al. 2021, arXiv:2108.13264).

    Args:
        results: Results of a comparison.
        question: Question whose variants are drawn.
        axes: Axes to draw on.
        look: Sizes.
        room: Room for text.

    """
    unit, variants = unit_of(results), results.spec.variants
    all_scores = [_scaled(results, summary.arm) for summary in results.summary]
    left, right = (float(end(map(end, all_scores))) for end in (min, max))
    for summary in results.of_question(question):
        scores = np.sort(_scaled(results, summary.arm))
        indices = np.unique(np.linspace(0, len(scores) - 1, MAX_PROFILE_POINTS).round().astype(int))
        reached = 100.0 * (1.0 - indices / len(scores))
        style = style_of(summary.arm.variant, variants)
        axes.plot(
            [left, *scores[indices], right], [100.0, *reached, 0.0], drawstyle="steps-pre",
            color=style.colour, linestyle=style.line, linewidth=1.5 * look.scale,
            label=escape_mathtext(label_of(summary.arm, results)),
        )  # fmt: skip
    if results.best_possible is not None:
        best_possible = unit.factor * results.best_possible
        axes.axvline(
            best_possible, label="best possible", linewidth=look.scale, **BEST_POSSIBLE_LINE
        )
    axes.set_xlim(left, right + 0.008 * unit.width)
    _tick_from(axes, left, unit)
    axes.set_ylim(0, 103)
    axes.tick_params(labelbottom=True)
    axes.set_xlabel(room.scores)
    axes.set_ylabel("runs that reach it (%)")


def _draw_runs(
    results: ComparedResults,
    summary: Summary,
    y: int,
    accuracies: NDArray[np.float64],
    end: float,
    axes: "Axes",
    look: Look,
) -> None:
    """Draw the runs of one variant as dots; those that share a source are joined.

    Args:
        results: Results of a comparison.
        summary: Summary of the variant.
        y: Height of its row.
        accuracies: (n_repeats,) scaled scores, higher ones better.
        end: Lower end of the axis.
        axes: Axes to draw on.
        look: Sizes.
    """
    inside, variant = accuracies[accuracies >= end], summary.arm.variant
    style = style_of(variant, results.spec.variants)
    heights = y + 0.6 * _heights(results, summary, accuracies >= end)
    size = 5 if len(accuracies) > MAX_DOTS else 14
    axes.scatter(
        inside, heights, s=size * look.scale**2, color=style.colour, alpha=0.55, linewidths=0,
        marker=style.marker, zorder=3,
    )  # fmt: skip
    if results.spec.is_nested(summary.arm) and results.n_sources <= MAX_JOINED_SOURCES:
        levels = np.unique(heights)
        groups = [inside[heights == level] for level in levels]
        lows, highs = [group.min() for group in groups], [group.max() for group in groups]
        width = 1.2 * look.scale
        axes.hlines(levels, lows, highs, color=style.colour, alpha=0.55, linewidth=width, zorder=2)


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
    grey = {"color": INK, "alpha": 0.75, "linewidth": look.scale}
    axes.bxp(
        boxes,
        positions=list(boxed),
        orientation="horizontal",
        manage_ticks=False,
        showfliers=False,
        widths=0.34,
        patch_artist=True,
        boxprops={"facecolor": "none", "edgecolor": INK, "alpha": 0.75, "linewidth": look.scale},
        medianprops={"color": INK, "linewidth": 1.6 * look.scale},
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
    if results.best_possible is not None:
        inside = np.append(inside, unit.factor * results.best_possible)
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
        question: Question whose variants are drawn.
        axes: Axes to draw on.
        look: Sizes.
        room: Room for text.
    """
    findings, variants = results.findings, results.spec.variants
    for band in findings.bands:
        if not band.arm.belongs_to(question):
            continue
        epochs, style = np.arange(len(band.median)), style_of(band.arm.variant, variants)
        between = (100 * band.q1, 100 * band.q3)
        axes.fill_between(epochs, *between, color=style.colour, alpha=0.10, lw=0)
        axes.plot(
            epochs, 100 * band.median, label=label_of(band.arm, results), color=style.colour,
            linestyle=style.line, linewidth=1.5 * look.scale,
        )  # fmt: skip
    if results.best_possible is not None:
        best_possible = 100 * results.best_possible
        axes.axhline(
            best_possible, label="best possible", linewidth=look.scale, **BEST_POSSIBLE_LINE
        )
    if findings.threshold is not None:
        height = 100 * findings.threshold
        axes.axhline(height, label="threshold", linewidth=look.scale, **THRESHOLD_LINE)
        for speed in findings.speed:
            if speed.metric != "epochs" or not speed.arm.belongs_to(question):
                continue
            if speed.value is not None:
                style = style_of(speed.arm.variant, variants)
                axes.plot(
                    [speed.value], [height], marker=style.marker, linestyle="", zorder=5,
                    color=style.colour, markeredgecolor=BACKGROUND, markersize=8 * look.scale,
                    markeredgewidth=look.scale,
                )  # fmt: skip
    axes.set_xlabel("epoch")
    axes.set_ylabel(room.scores)


# ---------------------------------------------------------------- labels


def row_labels(
    summaries: Sequence[Summary],
    results: ComparedResults,
    is_narrow: bool,
    max_lines: int = MAX_LABEL_LINES,
) -> list[str]:
    """Return the names of rows, long ones on several lines.

    Args:
        summaries: Summary of each row.
        results: Results of a comparison.
        is_narrow: Whether names are shortened.
        max_lines: Largest number of lines of a name.
    """
    names = [label_of(summary.arm, results) for summary in summaries]
    return [_row_label(name, is_narrow, max_lines) for name in names]


def contrast_labels(
    results: ComparedResults,
    question: ComparedQuestion,
    is_narrow: bool,
    max_lines: int = MAX_LABEL_LINES,
) -> list[str]:
    """Return the names of the contrasts of a question: the purpose, and what tells them apart.

    Args:
        results: Results of a comparison.
        question: The question.
        is_narrow: Whether names are shortened.
        max_lines: Largest number of lines of a name.
    """
    from blobtransfer.report.kinds.details import CONTRASTS

    contrasts = [c for c in results.findings.contrasts if c.question == question]
    names = [CONTRASTS[contrast.kind] for contrast in contrasts]
    depths = [contrast.arm.variant.n_frozen for contrast in contrasts]
    labels = [
        name if depth is None else f"{name}, fixed={depth}"
        for name, depth in zip(names, depths, strict=True)
    ]
    for i, contrast in enumerate(contrasts):
        if contrast.kind == "against" or labels.count(labels[i]) > 1:
            arms = [label_of(arm, results) for arm in (contrast.arm, contrast.baseline)]
            names[i] = " - ".join(arms)
        else:
            names[i] = labels[i]
    return [_row_label(name, is_narrow, max_lines) for name in names]


def _row_label(label: str, is_narrow: bool, max_lines: int) -> str:
    """Return the name of a row, a long one on several lines.

    Args:
        label: The name.
        is_narrow: Whether it has short lines. They are longer where the name would be cut.
        max_lines: Largest number of lines.
    """
    cut: dict[str, Any] = {"max_lines": max_lines, "placeholder": "..."}
    if not is_narrow:
        return textwrap.fill(label, LABEL_WIDTH, **cut)
    name = label.removeprefix("transfer ")
    for width in range(NARROW_LABEL_WIDTH, LABEL_WIDTH):
        lines = textwrap.wrap(name, width, break_on_hyphens=False)
        if len(lines) <= max_lines:
            return "\n".join(lines)
    return textwrap.fill(name, LABEL_WIDTH, break_on_hyphens=False, **cut)


def _set_rows(axes: "Axes", labels: Sequence[str], top: float) -> None:
    """Name the rows of a panel, from the top.

    Args:
        axes: Axes to draw on.
        labels: Names of the rows.
        top: Room above the first row, in rows.
    """
    axes.set_yticks(range(len(labels), 0, -1), [escape_mathtext(label) for label in labels])
    axes.set_ylim(0.4, len(labels) + top)
    axes.tick_params(axis="x", labelbottom=True)
