"""Draw the rankings by transferability scores: one row per score, one mark per variant."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from blobtransfer.report.figures.canvas import Canvas
from blobtransfer.report.figures.marks import draw_interval
from blobtransfer.report.figures.style import MARKERS, Look, colour_of, escape_mathtext
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
    canvas: Canvas, width: float, height: float, marks: Sequence[RankingMark], metric: str
) -> tuple["Figure", Any]:
    """Make a figure, with the panel of rankings at its foot if the height is free.

    Args:
        canvas: Canvas to draw on.
        width: Preferred width, in inches at a font of 10 points.
        height: Preferred height of the rest.
        marks: Marks of the panel; without marks there is no panel.
        metric: Name of the judged metric.

    Returns:
        The figure, and the upper part of it, for the rest.
    """
    if not (marks and canvas.has_free_height):
        figure = canvas.new(width, height)
        return figure, figure
    figure = canvas.new(width, height + RANKINGS_HEIGHT)
    subfigures: Any = figure.subfigures(2, 1, height_ratios=[height, RANKINGS_HEIGHT])
    axes = subfigures[1].subplots()
    _draw_rankings(axes, marks, canvas.look)
    axes.set_xlabel(f"Spearman of score and {metric} after transfer, 95 % intervals")
    return figure, subfigures[0]


def _draw_rankings(axes: "Axes", marks: Sequence[RankingMark], look: Look) -> None:
    """Draw the rank correlation of each score with its interval, variants side by side.

    Args:
        axes: Axes to draw on.
        marks: Marks, at least one.
        look: Sizes.
    """
    labels = list(dict.fromkeys(mark.label for mark in marks))
    axes.axvline(0, color="0.35", linewidth=look.scale, zorder=1)
    for i, label in enumerate(labels):
        colour = colour_of(next(mark.variant for mark in marks if mark.label == label))
        shift = 0.22 * ((len(labels) - 1) / 2 - i)
        correlations, heights = [], []
        for mark in marks:
            if mark.label != label or mark.ranking.spearman is None:
                continue
            correlations.append(mark.ranking.spearman)
            heights.append(len(SCORES) - SCORES.index(mark.score) + shift)
            ends = (mark.ranking.ci_low, mark.ranking.ci_high)
            line: dict[str, Any] = {"color": colour, "linewidth": 2.0 * look.scale, "zorder": 2}
            draw_interval(axes, heights[-1], ends, scale=1.0, **line)
        style: dict[str, Any] = {"linestyle": "", "markersize": 5 * look.scale, "zorder": 3}
        marker = MARKERS[(i + 1) % len(MARKERS)]
        axes.plot(
            correlations,
            heights,
            color=colour,
            marker=marker,
            label=escape_mathtext(label),
            **style,
        )
    axes.set_yticks(range(len(SCORES), 0, -1), [SCORE_NAMES[score] for score in SCORES])
    axes.set_ylim(0.4, len(SCORES) + 0.6)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
