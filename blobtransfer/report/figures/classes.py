"""Draw rows by class on a plane, and the legend of classes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.dataset import Plane
from blobtransfer.report.figures.style import (
    BACKGROUND,
    CLASS_COLOURS,
    INK,
    MAX_NAME_WIDTH,
    Look,
    class_colours,
    class_marker,
    escape_mathtext,
    has_pattern,
    shorten,
    width_in_letters,
)
from blobtransfer.results.results import MAX_DRAWN_CLASSES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_NAMED_CLASSES = 12
"""Largest number of classes in the legend."""

CLASS_HATCH = "///"
"""Pattern of areas and bars of a class whose colour an earlier class has."""

MAX_LABEL_WIDTH = 8.0
"""Greatest width of the name of a class beside its rows, in letters of average width."""

LABEL_DISTANCE = 0.12
"""Least distance of the names of two classes, in widths of the plane."""

GREY = "#737373"
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
        style: dict[str, Any] = {"facecolors": colour, "linewidths": 0}
        if has_pattern(k):
            style = {"facecolors": "none", "edgecolors": colour, "linewidths": 0.8 * look.scale}
        style |= {"marker": class_marker(k), "alpha": 0.6, "rasterized": is_image}
        axes.scatter(points[:, 0], points[:, 1], s=13 * look.scale**2, **style)
        if plane.centers is not None and n_classes <= MAX_DRAWN_CLASSES:
            centre = _centre_style(look) | {"marker": class_marker(k)}
            axes.plot(*plane.centers[k], **centre, markerfacecolor=colour)


def label_classes(
    axes: "Axes", plane: Plane, labels: NDArray[np.int64], names: Sequence[str], look: Look
) -> None:
    """Write the name of each class beside its rows if colours are used twice.

    Args:
        axes: Axes to draw on.
        plane: Points of the rows.
        labels: (n_rows,) class numbers.
        names: Names of the classes.
        look: Sizes.
    """
    if not len(CLASS_COLOURS) < len(names) <= MAX_NAMED_CLASSES:
        return
    scale = np.ptp(plane.points, axis=0) * (1.0, 0.5)  # a label is wider than high
    spots: list[NDArray[np.float64]] = []
    for k, (name, colour) in enumerate(zip(names, class_colours(len(names)), strict=True)):
        points = plane.points[labels == k] / np.where(scale > 0, scale, 1.0)
        if len(points):
            spots.append(_label_spot(points, spots))
            axes.annotate(
                escape_mathtext(shorten(name, MAX_LABEL_WIDTH)), spots[-1] * scale,
                ha="center", va="center", fontsize=look.small, zorder=6,
                bbox=_text_box(colour, 0.8 * look.scale),
            )  # fmt: skip


def _label_spot(
    points: NDArray[np.float64], spots: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Return where the name of a class stands: at its median, or at a row away from other names.

    Args:
        points: (n, 2) rows of the class, in widths of the plane.
        spots: Places of other names.
    """
    median = np.median(points, axis=0)
    if not spots or np.min(np.linalg.norm(np.array(spots) - median, axis=1)) > LABEL_DISTANCE:
        return np.asarray(median)
    order = np.argsort(np.linalg.norm(points - median, axis=1))
    central = points[order[: 1 + 3 * len(points) // 4]]
    distances = np.linalg.norm(central[:, None] - np.array(spots)[None], axis=2).min(axis=1)
    return np.asarray(central[np.argmax(distances)])


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
            return Patch(facecolor=colour, alpha=BAR_ALPHA, label=label, **class_pattern(k))
        style: dict[str, Any] = {"marker": class_marker(k), "color": colour, "linestyle": ""}
        if has_pattern(k):
            style["markerfacecolor"] = "none"
        return Line2D([], [], label=label, **style)

    n = len(names)
    if n > MAX_DRAWN_CLASSES:
        return [handle(0, GREY, f"{n:,} classes: too many for one colour per class")]
    n_named = n if n <= MAX_NAMED_CLASSES else MAX_NAMED_CLASSES - 1
    handles = [
        handle(k, colour, escape_mathtext(shorten(names[k], max_width)))
        for k, colour in enumerate(class_colours(n_named))
    ]
    if n_named < n:
        handles.append(Line2D([], [], linestyle="", label=f"and {n - n_named} more"))
    if has_centers:
        mark = {"color": GREY} if has_bars else _centre_style(look) | {"markerfacecolor": "0.8"}
        handles.append(Line2D([], [], **mark, label="true centre"))
    return handles


def class_pattern(k: int) -> dict[str, Any]:
    """Return the pattern of an area of class `k`; empty for the first class of its colour."""
    return {"hatch": CLASS_HATCH, "edgecolor": BACKGROUND} if has_pattern(k) else {}


def draw_balance(
    axes: "Axes", counts: Sequence[int], names: Sequence[str], look: Look, width: float
) -> None:
    """Draw how many rows each class has, as segments of one bar, with names where they fit.

    Args:
        axes: Axes to draw on.
        counts: Rows of each class.
        names: Names of the classes.
        look: Sizes.
        width: Width of the bar, in letters of average width.
    """
    start, total = 0, max(1, sum(counts))
    for k, (colour, n) in enumerate(zip(class_colours(len(counts)), counts, strict=True)):
        style: dict[str, Any] = {"alpha": 0.75, "edgecolor": BACKGROUND} | class_pattern(k)
        axes.barh(0.0, n, left=start, height=1.0, color=colour, **style)
        if n > 0.05 * total:
            text = f"{n:,}"
            named = f"{names[k]}: {n:,}"
            if width_in_letters(named) + 1 < width * n / total:
                text = escape_mathtext(named)
            axes.text(
                start + n / 2, 0.0, text, ha="center", va="center", fontsize=look.small,
                bbox=_text_box("none", 0.0),
            )  # fmt: skip
        start += n
    axes.set_xlim(0, total)
    axes.set_axis_off()
    axes.set_title("rows of each class", fontsize=look.small, loc="left", pad=2.0)


def _text_box(edge: str, width: float) -> dict[str, Any]:
    """Return the style of the box of a text on coloured areas.

    Args:
        edge: Colour of the edge.
        width: Width of the edge, in points.
    """
    return {"facecolor": (BACKGROUND, 0.8), "edgecolor": edge, "linewidth": width, "pad": 1.0}


def _centre_style(look: Look) -> dict[str, Any]:
    """Return the style of true centres, without the colour."""
    edge = {"markeredgecolor": INK, "markeredgewidth": 1.2 * look.scale}
    return {"marker": "o", "markersize": 10 * look.scale, "linestyle": "", **edge}
