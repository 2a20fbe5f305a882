"""Rows by class on a plane, and the legend of classes: what figures of problems share."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.report.figures.canvas import Canvas
from blobtransfer.report.figures.style import Look, class_colours, class_marker
from blobtransfer.tasks.task import Plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_NAMED = 12
"""Most classes in the legend."""

MANY_DOTS = 5_000
"""Beyond this many the dots of a vector figure are stored as a picture."""


def scatter_classes(
    axes: "Axes", plane: Plane, labels: NDArray[np.int64], n_classes: int, look: Look
) -> None:
    """Draw rows by class, each class with its own colour and marker, and the true centres."""
    for k, colour in enumerate(class_colours(n_classes)):
        rows = plane.points[labels == k]
        axes.scatter(
            rows[:, 0], rows[:, 1], s=13 * look.scale**2, color=colour, marker=class_marker(k),
            alpha=0.6, linewidths=0, rasterized=len(labels) > MANY_DOTS,
        )  # fmt: skip
        if plane.centers is not None:
            own = _centre(look) | {"marker": class_marker(k)}
            axes.plot(*plane.centers[k], **own, markerfacecolor=colour)


def class_labels(n_classes: int, has_centers: bool) -> list[str]:
    """Give what the legend of classes says."""
    labels = [f"class {k}" for k in range(n_classes)][:MAX_NAMED]
    if n_classes > MAX_NAMED:
        labels[-1] += f" ... {n_classes - 1}"
    return labels + ["true centre"] * has_centers


def add_class_legend(
    figure: "Figure",
    n_classes: int,
    has_centers: bool,
    canvas: Canvas,
    width: float,
    has_bars: bool = False,
) -> None:
    """Put the legend of classes below a figure, and of their centres where there are some.

    Args:
        figure: Where.
        n_classes: How many; not all may be named.
        has_centers: Whether true centres are drawn.
        canvas: Of the figure.
        width: Of the figure, as in `Canvas.wrapped`.
        has_bars: Whether rows are drawn as bars and centres as lines, in place of marks.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    labels = class_labels(n_classes, has_centers)
    handles: list[Any] = []
    for k, (label, colour) in enumerate(zip(labels, class_colours(n_classes), strict=False)):
        if has_bars:
            handles.append(Patch(color=colour, alpha=0.45, label=label))
        else:
            marker = class_marker(k)
            handles.append(Line2D([], [], marker=marker, color=colour, linestyle="", label=label))
    if has_centers:
        del handles[len(labels) - 1 :]
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
