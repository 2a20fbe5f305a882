"""Draw rows by class on a plane, and the legend of classes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.dataset import Plane
from blobtransfer.report.figures.style import (
    MAX_NAME_WIDTH,
    Look,
    class_colours,
    class_marker,
    escape_mathtext,
    shorten,
)
from blobtransfer.results.results import MAX_DRAWN_CLASSES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_NAMED_CLASSES = 12
"""Largest number of classes in the legend."""

GREY = "0.45"
"""Colour of all rows if there are too many classes to distinguish."""

MAX_VECTOR_DOTS = 5_000
"""Largest number of dots that a vector figure stores as vectors; more are stored as an image."""

BAR_ALPHA = 0.45
"""Opacity of the bars of a histogram."""


def scatter_classes(
    axes: "Axes", plane: Plane, labels: NDArray[np.int64], n_classes: int, look: Look
) -> None:
    """Draw rows by class, each class with its own colour and marker, and the true centres.

    All rows are grey, without centres, if there are too many classes to distinguish.

    Args:
        axes: Axes to draw on.
        plane: Points of the rows.
        labels: (n_rows,) class numbers.
        n_classes: Number of classes.
        look: Sizes.
    """
    groups = [(k, plane.points[labels == k], c) for k, c in enumerate(class_colours(n_classes))]
    if n_classes > MAX_DRAWN_CLASSES:
        groups = [(0, plane.points, GREY)]
    is_image = len(labels) > MAX_VECTOR_DOTS
    for k, points, colour in groups:
        style: dict[str, Any] = {"color": colour, "marker": class_marker(k), "alpha": 0.6}
        size = 13 * look.scale**2
        axes.scatter(points[:, 0], points[:, 1], s=size, linewidths=0, rasterized=is_image, **style)
        if plane.centers is not None and n_classes <= MAX_DRAWN_CLASSES:
            centre = _centre_style(look) | {"marker": class_marker(k)}
            axes.plot(*plane.centers[k], **centre, markerfacecolor=colour)


def class_handles(
    names: Sequence[str],
    look: Look,
    max_width: float = MAX_NAME_WIDTH,
    has_centers: bool = False,
    has_bars: bool = False,
) -> list[Any]:
    """Return the entries of the legend of classes.

    Args:
        names: Names of the classes; those beyond `MAX_NAMED_CLASSES` are only counted.
        look: Sizes.
        max_width: Greatest width of an entry, in letters of average width.
        has_centers: Whether true centres are drawn.
        has_bars: Whether rows are drawn as bars and centres as lines, in place of marks.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    def handle(k: int, colour: str, label: str) -> Any:
        """Return the entry of one class."""
        if has_bars:
            return Patch(color=colour, alpha=BAR_ALPHA, label=label)
        return Line2D([], [], marker=class_marker(k), color=colour, linestyle="", label=label)

    n = len(names)
    if n > MAX_DRAWN_CLASSES:
        return [handle(0, GREY, f"{n:,} classes, too many for a colour each")]
    n_named = n if n <= MAX_NAMED_CLASSES else MAX_NAMED_CLASSES - 1
    handles = [
        handle(k, colour, escape_mathtext(shorten(names[k], max_width)))
        for k, colour in enumerate(class_colours(n_named))
    ]
    if n_named < n:
        handles.append(Line2D([], [], linestyle="", label=f"and {n - n_named} more"))
    if has_centers:
        mark = {"color": "0.4"} if has_bars else _centre_style(look) | {"markerfacecolor": "0.8"}
        handles.append(Line2D([], [], **mark, label="true centre"))
    return handles


def draw_balance(axes: "Axes", counts: Sequence[int], look: Look) -> None:
    """Draw how many rows each class has, as segments of one bar.

    Args:
        axes: Axes to draw on.
        counts: Rows of each class.
        look: Sizes.
    """
    start, total = 0, max(1, sum(counts))
    for colour, n in zip(class_colours(len(counts)), counts, strict=True):
        axes.barh(0.0, n, left=start, height=1.0, color=colour, alpha=0.75, edgecolor="white")
        if n > 0.05 * total:
            axes.text(start + n / 2, 0.0, f"{n:,}", ha="center", va="center", fontsize=look.small)
        start += n
    axes.set_xlim(0, total)
    axes.set_axis_off()
    axes.set_title("rows of each class", fontsize=look.small, loc="left", pad=2.0)


def _centre_style(look: Look) -> dict[str, Any]:
    """Return the style of true centres, without the colour."""
    edge = {"markeredgecolor": "black", "markeredgewidth": 1.2 * look.scale}
    return {"marker": "o", "markersize": 10 * look.scale, "linestyle": "", **edge}
