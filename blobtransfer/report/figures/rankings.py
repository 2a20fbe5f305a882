"""How well transferability scores rank source networks: a row a score, a mark a variant."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from blobtransfer.report.figures.canvas import Canvas
from blobtransfer.report.figures.style import MARKERS, Look, colour_of, literal
from blobtransfer.report.words import SCORE_NAMES
from blobtransfer.specs.variant import Variant
from blobtransfer.statistics.transferability import SCORES, Ranking, ScoreName

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RANKINGS_HEIGHT = 2.6
"""Of the panel, in inches at a font of 10 points."""


@dataclass(frozen=True)
class Ranked:
    """One mark.

    Args:
        variant: What starts from the source networks.
        label: Its name.
        score: Which score.
        ranking: How well that ranks them.
    """

    variant: Variant
    label: str
    score: ScoreName
    ranking: Ranking


def has_room(canvas: Canvas) -> bool:
    """Return whether a figure may grow by the panel."""
    return math.isinf(canvas.height(math.inf))


def with_rankings(figure: "Figure", height: float, ranked: Sequence[Ranked], look: Look) -> Any:
    """Draw the panel at the foot of a figure.

    Args:
        figure: Empty, and higher by `RANKINGS_HEIGHT` than what is drawn else.
        height: Of what is drawn else.
        ranked: At least one.
        look: Sizes.

    Returns:
        The part of the figure above it.
    """
    parts: Any = figure.subfigures(2, 1, height_ratios=[height, RANKINGS_HEIGHT])
    above, below = parts
    axes = below.subplots()
    labels = list(dict.fromkeys(one.label for one in ranked))
    axes.axvline(0, color="0.35", linewidth=look.scale, zorder=1)
    for i, label in enumerate(labels):
        own = [one for one in ranked if one.label == label and one.ranking.spearman is not None]
        shift = 0.22 * ((len(labels) - 1) / 2 - i)
        colour = colour_of(next(one.variant for one in ranked if one.label == label))
        places = [len(SCORES) - SCORES.index(one.score) + shift for one in own]
        for place, one in zip(places, own, strict=True):
            if one.ranking.ci_low is not None and one.ranking.ci_high is not None:
                axes.plot(
                    [one.ranking.ci_low, one.ranking.ci_high], [place, place], color=colour,
                    linewidth=2.0 * look.scale, solid_capstyle="butt", zorder=2,
                )  # fmt: skip
        axes.plot(
            [one.ranking.spearman or 0.0 for one in own], places, color=colour, linestyle="",
            marker=MARKERS[(i + 1) % len(MARKERS)], markersize=5 * look.scale, zorder=3,
            label=literal(label),
        )  # fmt: skip
    axes.set_yticks(range(len(SCORES), 0, -1), [SCORE_NAMES[score] for score in SCORES])
    axes.set_ylim(0.4, len(SCORES) + 0.6)
    axes.set_xlabel("Spearman of score and accuracy after transfer, 95 % intervals")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return above
