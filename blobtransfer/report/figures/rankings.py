"""Draw the rankings by transferability scores: one row per score, one mark per variant."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from blobtransfer.report.figures.canvas import Canvas
from blobtransfer.report.figures.marks import draw_interval
from blobtransfer.report.figures.style import INK, Look, escape_mathtext, style_of
from blobtransfer.report.words import SCORE_NAMES
from blobtransfer.specs.variant import Variant
from blobtransfer.statistics.transferability import SCORES, Ranking, ScoreName

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RANKINGS_HEIGHT = 2.6
"""Height of the panel, in inches at a font of 10 points."""


@dataclass(frozen=True)
class RankingMark:
    """One mark of the panel.

    Args:
        variant: Variant that starts from the source networks.
        label: Name of the variant.
        score: Transferability score.
        ranking: Quality of the ranking of the source networks.
    """

    variant: Variant
    label: str
    score: ScoreName
    ranking: Ranking


def new_with_rankings(
    canvas: Canvas,
    width: float,
    height: float,
    marks: Sequence[RankingMark],
    variants: Sequence[Variant],
    metric: str,
) -> tuple["Figure", Any, list["Axes"]]:
    """Make a figure, with the panel of rankings at its foot if the height is free.

    Args:
        canvas: Canvas to draw on.
        width: Preferred width, in inches at a font of 10 points.
        height: Preferred height of the rest.
        marks: Marks of the panel; without marks the panel is omitted.
        variants: All variants of the run.
        metric: Name of the judged metric.

    Returns:
        The figure, the upper part of it, for the rest, and the panel of rankings if there is one.
    """
    if not (marks and canvas.has_free_height):
        figure = canvas.new(width, height)
        return figure, figure, []
    notes = [f"rank correlation of score and {metric} after transfer", "95 % intervals"]
    labels = list(dict.fromkeys(mark.label for mark in marks))
    foot_height = canvas.foot_height(notes, labels, canvas.width(width))
    below = RANKINGS_HEIGHT + foot_height
    figure = canvas.new(width, height + below)
    subfigures: Any = figure.subfigures(2, 1, height_ratios=[height, below])
    axes = subfigures[1].subplots()
    _draw_rankings(axes, marks, variants, canvas.look)
    axes.set_title("Transferability scores", loc="left")
    axes.set_xlabel("Spearman correlation")
    handles = axes.get_legend_handles_labels()[0]
    canvas.add_foot(subfigures[1], notes, canvas.width(width), handles)
    return figure, subfigures[0], [axes]


def _draw_rankings(
    axes: "Axes", marks: Sequence[RankingMark], variants: Sequence[Variant], look: Look
) -> None:
    """Draw the rank correlation of each score with its interval, variants side by side.

    Args:
        axes: Axes to draw on.
        marks: Marks, at least one.
        variants: All variants of the run.
        look: Sizes.
    """
    labels = list(dict.fromkeys(mark.label for mark in marks))
    axes.axvline(0, color=INK, alpha=0.65, linewidth=look.scale, zorder=1)
    for i, label in enumerate(labels):
        variant = next(mark.variant for mark in marks if mark.label == label)
        variant_style = style_of(variant, variants)
        shift = 0.22 * ((len(labels) - 1) / 2 - i)
        correlations, heights = [], []
        for mark in marks:
            if mark.label != label or mark.ranking.spearman is None:
                continue
            correlations.append(mark.ranking.spearman)
            heights.append(len(SCORES) - SCORES.index(mark.score) + shift)
            ends = (mark.ranking.ci_low, mark.ranking.ci_high)
            line: dict[str, Any] = {
                "color": variant_style.colour,
                "linewidth": 2.0 * look.scale,
                "zorder": 2,
            }
            draw_interval(axes, heights[-1], ends, scale=1.0, **line)
        axes.plot(
            correlations, heights, color=variant_style.colour, marker=variant_style.marker,
            label=escape_mathtext(label), linestyle="", markersize=5 * look.scale, zorder=3,
        )  # fmt: skip
    axes.set_yticks(range(len(SCORES), 0, -1), [SCORE_NAMES[score] for score in SCORES])
    axes.set_ylim(0.4, len(SCORES) + 0.6)
