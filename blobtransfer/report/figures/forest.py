"""The forest plot of pairs: every pair with its interval, and a new pair below."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from blobtransfer.report.figures.canvas import LINE_HEIGHT, Canvas, new_panels
from blobtransfer.report.figures.marks import (
    DECIDED_NOTE,
    draw_interval,
    draw_margin,
    has_drawn_interval,
    interval_note,
    margin_notes,
    mark_face,
)
from blobtransfer.report.figures.names import without_shared_words
from blobtransfer.report.figures.style import (
    BACKGROUND,
    INK,
    Look,
    escape_mathtext,
    shorten,
    style_of,
    width_in_letters,
)
from blobtransfer.report.report import Report
from blobtransfer.report.words import label_of, points_of
from blobtransfer.results.results import StudyResults
from blobtransfer.results.study_findings import PairRow, PooledSummary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

VARIANT_WIDTH, NARROW_WIDTH, MIN_VARIANT_WIDTH = 2.4, 1.6, 1.1
"""Preferred width of a variant without the names, width below which it has few ticks, and least
width, in inches at a font of 10 points."""

MAX_NAMES_SHARE = 0.6
"""Greatest share of a column's width that names of pairs take."""

MAX_NAMED_PAIRS = 40
"""Largest number of pairs whose names are shown."""

PAIR_HEIGHT, MAX_PANELS_HEIGHT = 0.19, 9.0
"""Height of a pair, and of all panels without names below each other, as above."""

TITLE_AND_AXIS_HEIGHT = 0.5
"""Height of the title and the axis of a panel."""

LETTER_LETTERS = 6
"""Letters that the title of a panel needs besides the name of the variant."""

SUMMARY_ROWS, MEAN_ROW, NEW_PAIR_ROW, LAST_ROW = 6.0, -2.2, -4.2, -5.4
"""Number of rows for the mean and the new pair, their positions, and the end of the axis."""


def draw_forest(report: Report[StudyResults], canvas: Canvas) -> "Figure":
    """Draw the difference of every pair with its 95 % interval; one panel per variant.

    Every panel has the pairs in the order of their differences in the first one. Below them are
    the mean over the pairs with its interval, and the prediction interval of a new pair.
    """
    results, look = report.results, canvas.look
    families = [summary for summary in results.findings.pooled if summary.family is not None]
    rows = [row for row in results.findings.pairs if row.arm == families[0].arm]
    rows = sorted(rows, key=lambda row: row.difference)
    preferred = VARIANT_WIDTH * len(families)
    longest = canvas.max_name_width(MAX_NAMES_SHARE / 2 * canvas.width(preferred + 1.0))
    shared, names = _pair_names(rows, longest)
    names_width = 0.3 + canvas.width_of(max(map(width_in_letters, (*names, "new pair"))))
    width = canvas.width(max(6.3, names_width + preferred))
    room = width - names_width
    n_columns = max(1, min(len(families), int(room / MIN_VARIANT_WIDTH)))
    n_rows = -(-len(families) // n_columns)
    notes = _notes(results, families[0], shared)
    texts = canvas.title_height(report.headline, width) + canvas.foot_height(notes, (), width)
    texts += n_rows * TITLE_AND_AXIS_HEIGHT
    n_slots = len(rows) + (SUMMARY_ROWS if _has_mean(families[0]) else 1.0)
    panel_height = PAIR_HEIGHT * n_slots
    if len(rows) > MAX_NAMED_PAIRS:
        panel_height = min(MAX_PANELS_HEIGHT / n_rows, panel_height)
    height = texts + n_rows * panel_height
    figure = canvas.new(width, height)
    panel_height = max(0.1, (canvas.height(height) - texts) / n_rows)
    has_names = len(rows) <= MAX_NAMED_PAIRS and panel_height / n_slots >= look.line_height
    unit = max(1.0, LINE_HEIGHT / 2 * n_slots / panel_height)
    panels = new_panels(figure, len(families), n_columns, sharex=True)
    for i, (summary, axes) in enumerate(zip(families, panels, strict=True)):
        _draw_family(results, summary, [row.pair for row in rows], axes, look, unit)
        n_ticks = 2 if room / n_columns < NARROW_WIDTH else 5
        axes.locator_params(axis="x", nbins=n_ticks, steps=[1, 2, 5, 10], min_n_ticks=2)
        title = label_of(summary.arm, results.cell)
        if room / n_columns < canvas.width_of(width_in_letters(title) + LETTER_LETTERS):
            title = title.removeprefix("transfer ")
        axes.set_title(escape_mathtext(title), loc="left")
        _name_rows(axes, names if has_names else [], _has_mean(summary), unit)
        if i % n_columns:
            axes.tick_params(axis="y", length=0, labelleft=False)
        elif not has_names:
            axes.set_ylabel(f"{len(rows)} pairs, sorted")
    canvas.add_letters(panels)
    canvas.add_title(figure, report.headline, width)
    canvas.add_foot(figure, notes, width)
    return figure


def _pair_names(rows: Sequence[PairRow], longest: float) -> tuple[str, list[str]]:
    """Return the words that all names of data share, and the name of each pair without them.

    Args:
        rows: Pairs.
        longest: Greatest width of the name of data, in letters of average width.
    """
    data_names = [name for row in rows for name in (row.source, row.target)]
    shared, short_names = without_shared_words(data_names)
    ends = [shorten(name, longest) for name in short_names]
    names = [f"{a} → {b}" for a, b in zip(ends[::2], ends[1::2], strict=True)]
    if len(set(names)) < len(names):
        names = [f"{row.pair}: {name}" for row, name in zip(rows, names, strict=True)]
    return shared, names


def _notes(results: StudyResults, first: PooledSummary, shared: str) -> list[str]:
    """Return what explains the panels.

    Args:
        results: Results of pairs.
        first: The variant by whose differences the pairs are sorted.
        shared: Words that all names of data share.
    """
    notes = [f"difference to standalone ({points_of(results.cell.spec)})"]
    pairs = f"source {shared} → target {shared}" if shared else "source → target"
    order = f"rows: {pairs}, sorted by {label_of(first.arm, results.cell)}"
    ns = (row.n for row in results.findings.pairs)
    notes += [order, interval_note("95 % intervals of pairs unadjusted", ns)]
    if _has_mean(first):
        notes += ["of means (diamonds) simultaneous", "bars: prediction intervals of a new pair"]
        notes.append(DECIDED_NOTE)
    return [*notes, *margin_notes(results.study.margin)]


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
) -> None:
    """Draw one variant.

    Args:
        results: Results of pairs.
        summary: The variant over all pairs.
        pairs: Names of the pairs, from below.
        axes: Axes to draw on.
        look: Sizes.
        unit: Height of half a line of text, in rows; the scale of what is below the pairs.
    """
    style = style_of(summary.arm.variant, results.cell.spec.variants)
    draw_margin(axes, results.study.margin, look)
    by_pair = {row.pair: row for row in results.findings.pairs if row.arm == summary.arm}
    for y, pair in enumerate(pairs):
        row = by_pair[pair]
        if has_drawn_interval(row.n):
            ends, width = (row.each_low, row.each_high), 1.4 * look.scale
            draw_interval(axes, y, ends, color=style.colour, alpha=0.45, linewidth=width, zorder=2)
        axes.plot(
            [100 * row.difference], [y], marker=style.marker, color=style.colour,
            markersize=3.6 * look.scale, zorder=3,
        )  # fmt: skip
    last = -0.7
    if _has_mean(summary):
        _draw_summary(summary, unit, style.colour, axes, look)
        axes.axhline(-unit, color=INK, alpha=0.4, linewidth=0.8 * look.scale)
        last = LAST_ROW * unit
    axes.set_ylim(last, len(pairs) - 0.3)
    axes.tick_params(axis="x", labelbottom=True)


def _name_rows(axes: "Axes", names: Sequence[str], has_mean: bool, unit: float) -> None:
    """Name the rows of a panel.

    Args:
        axes: Axes of the panel.
        names: Names of the pairs, from below; empty if they are not shown.
        has_mean: Whether the mean and a new pair are drawn below the pairs.
        unit: As in `_draw_family`.
    """
    ticks = [MEAN_ROW * unit, NEW_PAIR_ROW * unit] if has_mean else []
    texts = ["mean", "new pair"] if has_mean else []
    axes.set_yticks([*ticks, *range(len(names))], [*texts, *map(escape_mathtext, names)])


def _draw_summary(
    summary: PooledSummary, unit: float, colour: str, axes: "Axes", look: Look
) -> None:
    """Draw the mean as a diamond as wide as its interval, and the new pair as a bar.

    Args:
        summary: Summary of the variant.
        unit: Height of half a line of text, in rows.
        colour: Colour of the variant.
        axes: Axes to draw on.
        look: Sizes.
    """
    family = summary.family
    if family is None or family.mean is None:
        return
    mean, y = 100 * family.mean, MEAN_ROW * unit
    if family.ci_low is not None and family.ci_high is not None:
        axes.fill(
            [100 * family.ci_low, mean, 100 * family.ci_high, mean],
            [y, y + 0.7 * unit, y, y - 0.7 * unit],
            facecolor=mark_face(colour, summary.verdict),
            edgecolor=colour,
            linewidth=1.4 * look.scale,
            zorder=4,
        )
    if family.prediction_low is not None and family.prediction_high is not None:
        ends = (family.prediction_low, family.prediction_high)
        y, width, size = NEW_PAIR_ROW * unit, 5.0 * look.scale, 7 * look.scale
        draw_interval(axes, y, ends, color=colour, linewidth=width, zorder=4)
        axes.plot([mean], [y], marker="|", color=BACKGROUND, markersize=size, zorder=5)
