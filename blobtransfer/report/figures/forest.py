"""The forest plot of pairs: every pair with its interval, sorted, and the next pair below."""

from typing import TYPE_CHECKING

from blobtransfer.report.figures.canvas import LINE_HEIGHT, Canvas
from blobtransfer.report.figures.style import Look, colour_of, literal, shortened
from blobtransfer.report.report import Report
from blobtransfer.report.words import format_points, label_of
from blobtransfer.results.results import StudyResults
from blobtransfer.results.study_findings import PooledSummary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

VARIANT_WIDTH = 3.4
"""Width of a variant, in inches at a font of 10 points."""

MAX_NAMES_SHARE = 0.6
"""Greatest share of a column's width that names of pairs take."""

MAX_NAMED_PAIRS = 40
"""Pairs up to so many have their names beside them."""

PAIR_HEIGHT = 0.15
"""Height of a pair, in inches at a font of 10 points."""

MAX_HEIGHT = 9.0
"""Of all panels that stand below each other, in inches at a font of 10 points."""

SUMMARY_ROWS = 6.0
"""Rows that the mean and the next pair take."""


def draw_forest(report: Report[StudyResults], canvas: Canvas) -> "Figure":
    """Draw the difference of every pair with its 95 % interval, sorted; a panel a variant.

    Below them stand the mean over the pairs with its interval, and where the true difference of
    the next pair lies.
    """
    results = report.results
    families = [one for one in results.findings.pooled if one.family is not None]
    n_pairs = len(results.cells)
    width = canvas.width(max(6.3, VARIANT_WIDTH * len(families)))
    title = canvas.wrapped(report.headline, width / 1.25)
    n_columns = canvas.n_columns(len(families), width, 2.2)
    n_rows = -(-len(families) // n_columns)
    words = 1.0 + LINE_HEIGHT * (title.count("\n") + 3 + 3 * n_rows)
    wanted = words + n_rows * min(MAX_HEIGHT / n_rows, PAIR_HEIGHT * (n_pairs + SUMMARY_ROWS))
    figure = canvas.new(width, wanted)
    height = (canvas.height(wanted) - words) / n_rows
    unit = max(1.0, LINE_HEIGHT / 2 * (n_pairs + SUMMARY_ROWS) / max(height, 0.1))
    grid = figure.subplots(n_rows, n_columns, squeeze=False, sharex=True)
    most = 2 * canvas.longest_name(MAX_NAMES_SHARE / 2 * width / n_columns)
    for place, axes in enumerate(grid.flat):
        if place < len(families):
            longest = most if place % n_columns == 0 else None
            _draw_family(results, families[place], axes, canvas.look, unit, longest)
        else:
            axes.set_visible(False)
    figure.suptitle(literal(title))
    grey = (
        f"; grey: margin of {format_points(results.study.margin)}" if results.study.margin else ""
    )
    figure.supxlabel(
        canvas.wrapped(
            "difference to standalone in points: worse below 0, better above; pairs: 95 % "
            f"intervals, each alone; mean: intervals that hold together{grey}",
            width,
        ),
        fontsize=canvas.look.font,
    )
    return figure


def _draw_family(
    results: StudyResults,
    one: PooledSummary,
    axes: "Axes",
    look: Look,
    unit: float,
    longest_name: float | None,
) -> None:
    """Draw one variant.

    Args:
        results: Of pairs.
        one: The variant over all pairs.
        axes: Where it is drawn.
        look: Sizes.
        unit: Rows that a line of text is half as high as; what is below the pairs is so much
            apart.
        longest_name: Greatest width of the names beside it, in letters; None for no names.
    """
    is_first = longest_name is not None
    family, colour = one.family, colour_of(one.arm.variant)
    assert family is not None
    margin = 100 * results.study.margin
    axes.axvspan(-margin, margin, color="0.92", zorder=0)
    axes.axvline(0, color="0.35", linewidth=look.scale, zorder=1)
    rows = sorted(
        (row for row in results.findings.pairs if row.arm == one.arm), key=lambda r: r.difference
    )
    for place, row in enumerate(rows):
        if row.each_low is not None and row.each_high is not None:
            axes.plot(
                [100 * row.each_low, 100 * row.each_high], [place, place], color=colour,
                alpha=0.45, linewidth=1.4 * look.scale, solid_capstyle="butt", zorder=2,
            )  # fmt: skip
        axes.plot(
            [100 * row.difference], [place], marker="o", color=colour,
            markersize=3.2 * look.scale, zorder=3,
        )  # fmt: skip
    _draw_summary(one, unit, axes, look)
    axes.axhline(-unit, color="0.6", linewidth=0.8 * look.scale)
    ticks, names = [-2.2 * unit, -4.2 * unit], ["mean", "next pair"]
    if longest_name is not None and len(rows) <= MAX_NAMED_PAIRS:
        ticks += list(range(len(rows)))
        half = longest_name / 2
        names += [
            f"{row.pair}: {shortened(row.source, half)}, {shortened(row.target, half)}"
            for row in rows
        ]
        names = [shortened(name, longest_name) for name in names]
    axes.set_yticks(ticks, list(map(literal, names)) if is_first else [""] * len(ticks))
    if not is_first or len(rows) > MAX_NAMED_PAIRS:
        axes.tick_params(axis="y", length=0)
    if is_first and len(rows) > MAX_NAMED_PAIRS:
        axes.set_ylabel(f"{len(rows)} pairs, sorted")
    axes.set_ylim(-5.4 * unit, len(rows) - 0.3)
    axes.set_title(literal(label_of(one.arm, results.cell)), loc="left")
    axes.tick_params(axis="x", labelbottom=True)
    axes.locator_params(axis="x", nbins=5, steps=[1, 2, 5, 10], min_n_ticks=3)


def _draw_summary(one: PooledSummary, unit: float, axes: "Axes", look: Look) -> None:
    """Draw the mean as a diamond as wide as its interval, and the next pair as a bar."""
    mean_at, next_at = -2.2 * unit, -4.2 * unit
    family, colour = one.family, colour_of(one.arm.variant)
    if family is None or family.mean is None:
        return
    mean = 100 * family.mean
    if family.ci_low is not None and family.ci_high is not None:
        low, high = 100 * family.ci_low, 100 * family.ci_high
        is_decided = one.verdict is not None and one.verdict.kind != "undecided"
        axes.fill(
            [low, mean, high, mean], [mean_at, mean_at + 0.7 * unit, mean_at, mean_at - 0.7 * unit],
            facecolor=colour if is_decided else "white", edgecolor=colour,
            linewidth=1.4 * look.scale, zorder=4,
        )  # fmt: skip
    if family.prediction_low is not None and family.prediction_high is not None:
        axes.plot(
            [100 * family.prediction_low, 100 * family.prediction_high], [next_at, next_at],
            color=colour, linewidth=5.0 * look.scale, solid_capstyle="butt", zorder=4,
        )  # fmt: skip
        axes.plot([mean], [next_at], marker="|", color="white", markersize=7 * look.scale, zorder=5)
