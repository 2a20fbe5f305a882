"""The forest plot of pairs: every pair with its interval, and a new pair below."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from blobtransfer.report.figures.canvas import LINE_HEIGHT, Canvas, new_panels
from blobtransfer.report.figures.marks import (
    draw_interval,
    draw_margin,
    has_drawn_interval,
    interval_note,
    is_decided,
    margin_note,
)
from blobtransfer.report.figures.style import Look, colour_of, escape_mathtext, shorten
from blobtransfer.report.report import Report
from blobtransfer.report.words import label_of, points_of
from blobtransfer.results.results import StudyResults
from blobtransfer.results.study_findings import PooledSummary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

VARIANT_WIDTH, MIN_VARIANT_WIDTH = 3.4, 2.2
"""Preferred and least width of a variant, in inches at a font of 10 points."""

MAX_NAMES_SHARE = 0.6
"""Greatest share of a column's width that names of pairs take."""

MAX_NAMED_PAIRS = 40
"""Largest number of pairs whose names are shown."""

PAIR_HEIGHT, MAX_PANELS_HEIGHT = 0.15, 9.0
"""Height of a pair, and of all panels below each other, in inches at a font of 10 points."""

SUMMARY_ROWS, MEAN_ROW, NEW_PAIR_ROW, LAST_ROW = 6.0, -2.2, -4.2, -5.4
"""Number of rows for the mean and the new pair, their positions, and the end of the axis."""


def draw_forest(report: Report[StudyResults], canvas: Canvas) -> "Figure":
    """Draw the difference of every pair with its 95 % interval; one panel per variant.

    Every panel has the pairs in the order of their differences in the first one. Below them are
    the mean over the pairs with its interval, and the prediction interval of a new pair.
    """
    results = report.results
    families = [summary for summary in results.findings.pooled if summary.family is not None]
    rows = [row for row in results.findings.pairs if row.arm == families[0].arm]
    pairs = [row.pair for row in sorted(rows, key=lambda row: row.difference)]
    n_rows_of_panel = len(pairs) + (SUMMARY_ROWS if _has_mean(families[0]) else 1.0)
    width = canvas.width(max(6.3, VARIANT_WIDTH * len(families)))
    title = canvas.wrap(report.headline, width / 1.25)
    n_columns = canvas.n_columns(len(families), width, MIN_VARIANT_WIDTH)
    n_rows = -(-len(families) // n_columns)
    texts_height = 1.0 + LINE_HEIGHT * (title.count("\n") + 3 + 3 * n_rows)
    panel_height = min(MAX_PANELS_HEIGHT / n_rows, PAIR_HEIGHT * n_rows_of_panel)
    height = texts_height + n_rows * panel_height
    figure = canvas.new(width, height)
    panel_height = (canvas.height(height) - texts_height) / n_rows
    unit = max(1.0, LINE_HEIGHT / 2 * n_rows_of_panel / max(panel_height, 0.1))
    names_width = 2 * canvas.max_name_width(MAX_NAMES_SHARE / 2 * width / n_columns)
    panels = new_panels(figure, len(families), n_columns, sharex=True)
    for i, (summary, axes) in enumerate(zip(families, panels, strict=True)):
        max_width = names_width if i % n_columns == 0 else None
        _draw_family(results, summary, pairs, axes, canvas.look, unit, max_width)
    figure.suptitle(escape_mathtext(title))
    intervals = interval_note("95 % intervals, each alone", (row.n for row in rows))
    note = (
        f"difference to standalone in {points_of(results.cell.spec)}: worse below 0, better above; "
        f"pairs, sorted by {label_of(families[0].arm, results.cell)}: {intervals}"
    )
    if _has_mean(families[0]):
        note += "; mean: simultaneous intervals"
    note = canvas.wrap(note + margin_note(results.study.margin), width)
    figure.supxlabel(note, fontsize=canvas.look.font)
    return figure


def _has_mean(summary: PooledSummary) -> bool:
    """Return whether there are enough pairs for an interval of their mean."""
    return summary.family is not None and summary.family.ci_low is not None


def _draw_family(
    results: StudyResults,
    summary: PooledSummary,
    pairs: Sequence[str],
    axes: "Axes",
    look: Look,
    unit: float,
    max_name_width: float | None,
) -> None:
    """Draw one variant.

    Args:
        results: Results of pairs.
        summary: The variant over all pairs.
        pairs: Names of the pairs, from below.
        axes: Axes to draw on.
        look: Sizes.
        unit: Height of half a line of text, in rows; the scale of what is below the pairs.
        max_name_width: Greatest width of the names beside it, in letters; None for no names.
    """
    colour = colour_of(summary.arm.variant)
    draw_margin(axes, results.study.margin, look)
    by_pair = {row.pair: row for row in results.findings.pairs if row.arm == summary.arm}
    rows = [by_pair[pair] for pair in pairs]
    for y, row in enumerate(rows):
        if has_drawn_interval(row.n):
            ends, width = (row.each_low, row.each_high), 1.4 * look.scale
            draw_interval(axes, y, ends, color=colour, alpha=0.45, linewidth=width, zorder=2)
        dot: dict[str, Any] = {"marker": "o", "color": colour, "markersize": 3.2 * look.scale}
        axes.plot([100 * row.difference], [y], zorder=3, **dot)
    ticks, names, last = list[float](), list[str](), -0.7
    if _has_mean(summary):
        _draw_summary(summary, unit, axes, look)
        axes.axhline(-unit, color="0.6", linewidth=0.8 * look.scale)
        ticks, names = [MEAN_ROW * unit, NEW_PAIR_ROW * unit], ["mean", "next pair"]
        last = LAST_ROW * unit
    has_many = len(rows) > MAX_NAMED_PAIRS
    if max_name_width is not None and not has_many:
        ticks += range(len(rows))
        for row in rows:
            source, target = (shorten(n, max_name_width / 2) for n in (row.source, row.target))
            names.append(shorten(f"{row.pair}: {source}, {target}", max_name_width))
    if max_name_width is None:
        names = [""] * len(ticks)
    elif has_many:
        axes.set_ylabel(f"{len(rows)} pairs, sorted")
    axes.set_yticks(ticks, [escape_mathtext(name) for name in names])
    if max_name_width is None or has_many:
        axes.tick_params(axis="y", length=0)
    axes.set_ylim(last, len(rows) - 0.3)
    axes.set_title(escape_mathtext(label_of(summary.arm, results.cell)), loc="left")
    axes.tick_params(axis="x", labelbottom=True)
    axes.locator_params(axis="x", nbins=5, steps=[1, 2, 5, 10], min_n_ticks=3)


def _draw_summary(summary: PooledSummary, unit: float, axes: "Axes", look: Look) -> None:
    """Draw the mean as a diamond as wide as its interval, and the new pair as a bar.

    Args:
        summary: Summary of the variant.
        unit: Height of half a line of text, in rows.
        axes: Axes to draw on.
        look: Sizes.
    """
    family, colour = summary.family, colour_of(summary.arm.variant)
    if family is None or family.mean is None:
        return
    mean, y = 100 * family.mean, MEAN_ROW * unit
    if family.ci_low is not None and family.ci_high is not None:
        axes.fill(
            [100 * family.ci_low, mean, 100 * family.ci_high, mean],
            [y, y + 0.7 * unit, y, y - 0.7 * unit],
            facecolor=colour if is_decided(summary.verdict) else "white",
            edgecolor=colour,
            linewidth=1.4 * look.scale,
            zorder=4,
        )
    if family.prediction_low is not None and family.prediction_high is not None:
        ends = (family.prediction_low, family.prediction_high)
        y, width, size = NEW_PAIR_ROW * unit, 5.0 * look.scale, 7 * look.scale
        draw_interval(axes, y, ends, color=colour, linewidth=width, zorder=4)
        axes.plot([mean], [y], marker="|", color="white", markersize=size, zorder=5)
