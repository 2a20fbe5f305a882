"""Marks that several figures share: intervals, the margin around 0, and decided verdicts."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from blobtransfer.report.figures.style import BACKGROUND, INK, Look
from blobtransfer.report.units import PERCENT, Unit
from blobtransfer.statistics.paired import MIN_PAIRS, Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes


BAND_ALPHA = 0.08
"""Opacity of grey bands."""


def draw_interval(
    axes: "Axes",
    at: float,
    ends: tuple[float | None, float | None],
    is_upright: bool = False,
    scale: float = 100.0,
    **line: Any,
) -> None:
    """Draw an interval as a line; nothing if an end is not known.

    Args:
        axes: Axes to draw on.
        at: Position of the line on the other axis.
        ends: Lower and upper end; shares, unless `scale` is 1.
        is_upright: Whether the line is vertical.
        scale: Factor of the ends; 100 gives points.
        **line: Style of the line.
    """
    low, high = ends
    if low is not None and high is not None:
        values, positions = [scale * low, scale * high], [at, at]
        points = (positions, values) if is_upright else (values, positions)
        axes.plot(*points, solid_capstyle="butt", **line)


def draw_margin(
    axes: "Axes", margin: float, look: Look, is_upright: bool = False, scale: float = 100.0
) -> None:
    """Draw the line of no difference, with the margin around it in grey.

    Args:
        axes: Axes to draw on.
        margin: The margin; a share, unless `scale` is 1.
        look: Sizes.
        is_upright: Whether differences are on the y axis.
        scale: Factor of the margin; 100 gives points.
    """
    span, line = (axes.axhspan, axes.axhline) if is_upright else (axes.axvspan, axes.axvline)
    span(-scale * margin, scale * margin, facecolor=INK, alpha=BAND_ALPHA, lw=0, zorder=0)
    line(0, color=INK, alpha=0.65, linewidth=look.scale, zorder=1)


def has_drawn_interval(n: int) -> bool:
    """Return whether the interval of `n` paired observations is drawn.

    Fewer decide nothing, and their intervals would make the differences and the margin too small
    to be seen.
    """
    return n >= MIN_PAIRS


def interval_note(text: str, ns: Iterable[int]) -> str:
    """Return a note on intervals, or that none is drawn.

    Args:
        text: The note.
        ns: Number of observations of each interval.
    """
    if any(map(has_drawn_interval, ns)):
        return text
    return f"intervals of fewer than {MIN_PAIRS} repeats are not drawn"


def margin_notes(margin: float, unit: Unit = PERCENT) -> list[str]:
    """Return a note on the grey band; none without a margin."""
    return [f"grey band: ±{unit.difference(margin)}"] if margin else []


DECIDED_NOTE = "filled marks: decided"
"""Note on the marks of `mark_face`."""


def mark_face(colour: str, verdict: Verdict | None) -> str:
    """Return the inner colour of a mark: hollow while its verdict is undecided."""
    return colour if is_decided(verdict) else BACKGROUND


def is_decided(verdict: Verdict | None) -> bool:
    """Return whether a verdict is better, worse or no practical difference."""
    return verdict is not None and verdict.kind != "undecided"
