"""Rows by class on a plane, and the legend of classes: what figures of problems share."""

from collections.abc import Sequence
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
"""From here on the dots of a vector figure are stored as a picture."""


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


def add_class_legend(
    figure: "Figure", n_classes: int, has_centers: bool, canvas: Canvas, width: float
) -> None:
    """Put the legend of classes below a figure, and of their centres where there are some."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], marker=class_marker(k), color=colour, linestyle="", label=f"class {k}")
        for k, colour in enumerate(class_colours(n_classes))
    ][:MAX_NAMED]
    if has_centers:
        centre = _centre(canvas.look)
        handles.append(Line2D([], [], **centre, markerfacecolor="0.8", label="true centre"))
    labels: Sequence[str] = [str(handle.get_label()) for handle in handles]
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
