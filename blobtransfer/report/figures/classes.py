"""Rows by class on a plane, and the legend of classes: what figures of problems share."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.dataset import Plane
from blobtransfer.report.figures.canvas import Canvas
from blobtransfer.report.figures.style import (
    LONGEST_NAME,
    Look,
    class_colours,
    class_marker,
    literal,
    shortened,
)
from blobtransfer.results.results import MAX_DRAWN_CLASSES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_NAMED = 12
"""Most classes in the legend."""

GREY = "0.45"
"""Colour of all rows if there are too many classes to tell apart."""

MANY_DOTS = 5_000
"""Beyond this many the dots of a vector figure are stored as a picture."""


def scatter_classes(
    axes: "Axes", plane: Plane, labels: NDArray[np.int64], n_classes: int, look: Look
) -> None:
    """Draw rows by class, each class with its own colour and marker, and the true centres.

    All rows are grey if there are too many classes to tell apart.

    Args:
        axes: The axes.
        plane: Rows as points of a plane.
        labels: (n_rows,) class numbers of the rows.
        n_classes: Number of classes.
        look: Sizes of text and marks.
    """
    if n_classes > MAX_DRAWN_CLASSES:
        axes.scatter(
            plane.points[:, 0], plane.points[:, 1], s=13 * look.scale**2, color=GREY, alpha=0.6,
            linewidths=0, rasterized=len(labels) > MANY_DOTS,
        )  # fmt: skip
        return
    for k, colour in enumerate(class_colours(n_classes)):
        rows = plane.points[labels == k]
        axes.scatter(
            rows[:, 0], rows[:, 1], s=13 * look.scale**2, color=colour, marker=class_marker(k),
            alpha=0.6, linewidths=0, rasterized=len(labels) > MANY_DOTS,
        )  # fmt: skip
        if plane.centers is not None:
            own = _centre(look) | {"marker": class_marker(k)}
            axes.plot(*plane.centers[k], **own, markerfacecolor=colour)


def class_labels(
    names: Sequence[str], has_centers: bool = False, most: float = LONGEST_NAME
) -> list[str]:
    """Return the entries of the legend of classes.

    Args:
        names: The classes; those beyond `MAX_NAMED` are only counted.
        has_centers: Whether true centres are drawn.
        most: Greatest width of an entry, in letters of average width.
    """
    if len(names) > MAX_DRAWN_CLASSES:
        return [f"{len(names):,} classes, too many for a colour each"]
    labels = [literal(shortened(name, most)) for name in names[:MAX_NAMED]]
    if len(names) > MAX_NAMED:
        labels[-1] = f"and {len(names) - MAX_NAMED + 1} more"
    return labels + ["true centre"] * has_centers


def class_handles(
    names: Sequence[str], has_bars: bool = False, most: float = LONGEST_NAME
) -> list[Any]:
    """Return the marks of the legend of classes.

    Args:
        names: The classes; those beyond `MAX_NAMED` are only counted.
        has_bars: Whether the rows are drawn as bars.
        most: Greatest width of an entry, in letters of average width.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    labels = class_labels(names, most=most)
    is_named = len(names) <= MAX_NAMED
    handles: list[Any] = []
    for k, (label, colour) in enumerate(zip(labels, class_colours(len(names)), strict=False)):
        if len(names) > MAX_DRAWN_CLASSES:
            colour = GREY
        elif not is_named and k == len(labels) - 1:
            handles.append(Line2D([], [], linestyle="", label=label))
            continue
        if has_bars:
            handles.append(Patch(color=colour, alpha=0.45, label=label))
        else:
            marker = class_marker(k)
            handles.append(Line2D([], [], marker=marker, color=colour, linestyle="", label=label))
    return handles


def draw_balance(axes: "Axes", counts: Sequence[int], look: Look) -> None:
    """Draw how many rows each class has, side by side as parts of one bar.

    Args:
        axes: The axes.
        counts: Number of rows of each class.
        look: Sizes of text.
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


def add_class_legend(
    figure: "Figure",
    names: Sequence[str],
    has_centers: bool,
    canvas: Canvas,
    width: float,
    has_bars: bool = False,
) -> None:
    """Put the legend of classes below a figure, and of their centres where there are some.

    Args:
        figure: Where.
        names: What the classes are called; not all may be named.
        has_centers: Whether true centres are drawn.
        canvas: Of the figure.
        width: Of the figure, as in `Canvas.wrapped`.
        has_bars: Whether rows are drawn as bars and centres as lines, in place of marks.
    """
    from matplotlib.lines import Line2D

    most = canvas.longest_entry(width)
    labels, handles = class_labels(names, has_centers, most), class_handles(names, has_bars, most)
    if has_centers and len(names) <= MAX_DRAWN_CLASSES:
        mark = {"color": "0.4"} if has_bars else _centre(canvas.look) | {"markerfacecolor": "0.8"}
        handles.append(Line2D([], [], **mark, label=labels[-1]))
    figure.legend(
        handles=handles, loc="outside lower center", frameon=False,
        ncols=canvas.legend_columns(labels, width),
    )  # fmt: skip


def _centre(look: Look) -> dict[str, Any]:
    return {
        "marker": "o",
        "markersize": 10 * look.scale,
        "markeredgecolor": "black",
        "markeredgewidth": 1.2 * look.scale,
        "linestyle": "",
    }
