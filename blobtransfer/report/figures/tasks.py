"""The figure of problems: a panel each, all on the same axes."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from blobtransfer.report.figures.canvas import LINE, Canvas
from blobtransfer.report.figures.classes import (
    add_class_legend,
    class_labels,
    scatter_classes,
)
from blobtransfer.report.figures.style import Look, class_colours, literal
from blobtransfer.tasks.task import Plane, Task, planes_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

N_BINS = 40
"""Bars over the range of a single feature."""

PANEL = 4.0
NARROWEST = 2.1
"""Widths of a panel, in inches at a font of 10 points."""


def draw_tasks(tasks: Sequence[Task], canvas: Canvas) -> "Figure":
    """Draw a panel a problem: rows by class, and where known true centres and the ceiling."""
    wanted = math.ceil(math.sqrt(len(tasks)))
    n_columns = canvas.n_columns(wanted, PANEL * wanted, NARROWEST)
    n_rows = -(-len(tasks) // n_columns)
    width = canvas.width(0.8 + PANEL * n_columns)
    side = (width - 0.8) / n_columns
    planes, (x_label, y_label) = planes_of(tasks)
    x_label = canvas.wrapped(x_label, side)
    n_classes = max(task.spec.n_classes for task in tasks)
    has_centers = any(task.centers is not None for task in tasks)
    labels = class_labels(n_classes, has_centers)
    legend = 1.2 * LINE * -(-len(labels) // canvas.legend_columns(labels, width))
    words = 0.4 + LINE * (4.2 + 1.2 * x_label.count("\n"))
    has_bars = tasks[0].spec.n_features == 1
    ratio = 0.8 if has_bars else _height_over_width(planes)
    figure = canvas.new(width, (side * ratio + words) * n_rows + legend + 0.3)
    panels = list(figure.subplots(n_rows, n_columns, squeeze=False, sharex=True, sharey=True).flat)
    for i, (task, plane, axes) in enumerate(zip(tasks, planes, panels, strict=False)):
        _draw_task(task, plane, axes, canvas.look)
        axes.set_xlabel(x_label)
        if i % n_columns == 0:
            axes.set_ylabel(y_label)
        axes.tick_params(labelbottom=True)
    add_class_legend(figure, n_classes, has_centers, canvas, width, has_bars)
    for axes in panels[len(tasks) :]:
        axes.set_visible(False)
    return figure


def _height_over_width(planes: Sequence[Plane]) -> float:
    """Give the shape of a panel that holds all rows, one unit as long either way."""
    width, height = np.ptp(np.concatenate([plane.points for plane in planes]), axis=0)
    return float(np.clip(height / width, 0.3, 3.0)) if width else 1.0


def _draw_task(task: Task, plane: Plane, axes: "Axes", look: Look) -> None:
    """Draw the rows of a problem by class; of one feature, how many rows lie where."""
    labels = np.concatenate([task.y_train, task.y_test])
    n_classes = task.spec.n_classes
    if task.x_train.shape[1] == 1:
        places = plane.points[:, 0]
        edges = np.linspace(places.min(), places.max(), N_BINS + 1)
        for k, colour in enumerate(class_colours(n_classes)):
            axes.hist(places[labels == k], edges.tolist(), color=colour, alpha=0.45)
            if plane.centers is not None:
                axes.axvline(plane.centers[k, 0], color=colour, linewidth=1.6 * look.scale)
    else:
        scatter_classes(axes, plane, labels, n_classes, look)
        axes.set_aspect("equal", adjustable="box")
    ceiling = "" if task.ceiling is None else f"\nbest possible {100 * task.ceiling:.1f} %"
    axes.set_title(literal(f"{task.spec.name.capitalize()}{ceiling}"))
