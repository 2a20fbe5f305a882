"""The figure of problems: a panel each, all on the same axes."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from blobtransfer.report.figures.canvas import LINE, Canvas
from blobtransfer.report.figures.classes import (
    add_class_legend,
    class_handles,
    class_labels,
    draw_balance,
    scatter_classes,
)
from blobtransfer.report.figures.style import Look, class_colours, literal, shortened, titled
from blobtransfer.specs.table import TableSpec
from blobtransfer.tasks.task import Plane, Task, planes_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

N_BINS = 40
"""Bars over the range of a single feature."""

BALANCE = 0.55
"""Height of the bar of a table's classes, in inches at a font of 10 points."""

PANEL = 4.0
NARROWEST = 2.1
"""Widths of a panel, in inches at a font of 10 points."""


def draw_tasks(tasks: Sequence[Task], canvas: Canvas) -> "Figure":
    """Draw a panel a problem: rows by class, and where known true centres and the ceiling.

    Problems of as many features share their axes, and problems of the same classes a legend. A
    table has a bar of its classes below.
    """
    wanted = math.ceil(math.sqrt(len(tasks)))
    n_columns = canvas.n_columns(wanted, PANEL * wanted, NARROWEST)
    n_rows = -(-len(tasks) // n_columns)
    width = canvas.width(0.8 + PANEL * n_columns)
    side = (width - 0.8) / n_columns
    is_shared = len({task.spec.n_features for task in tasks}) == 1
    groups = [tasks] if is_shared else [[task] for task in tasks]
    placed = [(plane, axes) for group in groups for planes, axes in [planes_of(group)]
              for plane in planes]  # fmt: skip
    planes = [plane for plane, _ in placed]
    x_labels = [canvas.wrapped(literal(axes[0]), side) for _, axes in placed]
    has_one_legend = len({task.spec.class_names for task in tasks}) == 1
    has_centers = any(task.centers is not None for task in tasks)
    has_balance = any(isinstance(task.spec, TableSpec) for task in tasks)
    names = tasks[0].spec.class_names
    legend = 0.0
    if has_one_legend:
        entries = class_labels(names, has_centers)
        legend = 1.2 * LINE * -(-len(entries) // canvas.legend_columns(entries, width))
    words = 0.4 + LINE * (4.2 + 1.2 * max(label.count("\n") for label in x_labels))
    has_bars = all(task.spec.n_features == 1 for task in tasks)
    ratio = 0.8 if has_bars else _height_over_width(planes if is_shared else planes[:1])
    balance = BALANCE if has_balance else 0.0
    figure = canvas.new(width, (side * ratio + words + balance) * n_rows + legend + 0.3)
    ratios = [side * ratio + words, balance] if has_balance else [1.0]
    grid = figure.subplots(
        n_rows * len(ratios), n_columns, squeeze=False, height_ratios=ratios * n_rows
    )
    panels = [axes for row in grid[:: len(ratios)] for axes in row]
    for i, (task, plane, axes) in enumerate(zip(tasks, planes, panels, strict=False)):
        if is_shared and i:
            axes.sharex(panels[0])
            axes.sharey(panels[0])
        _draw_task(task, plane, axes, canvas.look)
        axes.set_xlabel(x_labels[i])
        if i % n_columns == 0 or not is_shared:
            axes.set_ylabel(literal(shortened(placed[i][1][1])))
        elif is_shared:
            axes.tick_params(labelleft=False)
        if not has_one_legend:
            axes.legend(handles=class_handles(task.spec.class_names), loc="best", framealpha=0.6)
    if has_one_legend:
        add_class_legend(figure, names, has_centers, canvas, width, has_bars)
    bars = [axes for row in grid[1::2] for axes in row] if has_balance else []
    for task, axes in zip(tasks, bars, strict=False):
        if not isinstance(task.spec, TableSpec):
            axes.set_visible(False)
            continue
        labels = np.concatenate([task.y_train, task.y_test])
        counts = np.bincount(labels, minlength=task.spec.n_classes)
        draw_balance(axes, counts.tolist(), canvas.look)
    for axes in (*panels[len(tasks) :], *bars[len(tasks) :]):
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
    axes.set_title(literal(f"{titled(task.spec)}{ceiling}"))
