"""The figure of problems: a panel each, all on the same axes."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from blobtransfer.data.dataset import Dataset, Plane, planes_of
from blobtransfer.report.figures.canvas import LINE_HEIGHT, Canvas
from blobtransfer.report.figures.classes import (
    GREY,
    add_class_legend,
    class_handles,
    class_labels,
    draw_balance,
    scatter_classes,
)
from blobtransfer.report.figures.style import Look, class_colours, literal, shortened, titled
from blobtransfer.report.words import format_percent
from blobtransfer.results.results import MAX_DRAWN_CLASSES
from blobtransfer.specs.table import TableSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

N_BINS = 40
"""Bars over the range of a single feature."""

BALANCE_HEIGHT = 0.55
"""Height of the bar of a table's classes, in inches at a font of 10 points."""

MOST_UNLIKE = 4.0
"""Ratio of the longer to the shorter range of the rows up to which axes are equal."""

DEFAULT_RATIO = 0.8
"""Height over width of a panel whose axes are not equal."""

PANEL_WIDTH = 4.0
MIN_PANEL_WIDTH = 2.1
"""Widths of a panel, in inches at a font of 10 points."""


def draw_tasks(tasks: Sequence[Dataset], canvas: Canvas) -> "Figure":
    """Draw a panel a problem: rows by class, and where known true centres and the ceiling.

    Problems of as many features share their axes, and problems of the same classes a legend. A
    table has a bar of its classes below.
    """
    wanted = math.ceil(math.sqrt(len(tasks)))
    n_columns = canvas.n_columns(wanted, PANEL_WIDTH * wanted, MIN_PANEL_WIDTH)
    n_rows = -(-len(tasks) // n_columns)
    width = canvas.width(0.8 + PANEL_WIDTH * n_columns)
    side = (width - 0.8) / n_columns
    is_shared = len({task.spec.n_features for task in tasks}) == 1
    groups = [tasks] if is_shared else [[task] for task in tasks]
    placed = [(plane, axes) for group in groups for planes, axes in [planes_of(group)]
              for plane in planes]  # fmt: skip
    planes = [plane for plane, _ in placed]
    x_labels = [literal(canvas.wrapped(axes[0], side)) for _, axes in placed]
    titles = [canvas.wrapped(titled(task.spec), side) for task in tasks]
    has_one_legend = len({task.spec.class_names for task in tasks}) == 1
    has_centers = any(task.centers is not None for task in tasks)
    has_bar = [
        isinstance(task.spec, TableSpec) and task.spec.n_classes <= MAX_DRAWN_CLASSES
        for task in tasks
    ]
    has_balance = any(has_bar)
    names = tasks[0].spec.class_names
    legend = 0.0
    if has_one_legend:
        entries = class_labels(names, has_centers, canvas.longest_entry(width))
        legend = 1.2 * LINE_HEIGHT * -(-len(entries) // canvas.legend_columns(entries, width))
    n_more_lines = max(text.count("\n") for text in x_labels)
    n_more_lines += max(text.count("\n") for text in titles)
    words = 0.4 + LINE_HEIGHT * (4.2 + 1.2 * n_more_lines)
    has_bars = all(task.spec.n_features == 1 for task in tasks)
    ratios_of = [_height_over_width(planes if is_shared else [plane]) for plane in planes]
    ratio = DEFAULT_RATIO if has_bars else ratios_of[0] or DEFAULT_RATIO
    balance = BALANCE_HEIGHT if has_balance else 0.0
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
        _draw_task(task, plane, axes, canvas.look, is_equal=ratios_of[i] is not None)
        best = "" if task.ceiling is None else f"\nbest possible {format_percent(task.ceiling)}"
        axes.set_title(literal(titles[i] + best))
        axes.set_xlabel(x_labels[i])
        if i % n_columns == 0 or not is_shared:
            axes.set_ylabel(literal(shortened(placed[i][1][1], canvas.longest_name(side))))
        elif is_shared:
            axes.tick_params(labelleft=False)
        if not has_one_legend:
            handles = class_handles(task.spec.class_names, most=canvas.longest_name(side / 2))
            axes.legend(handles=handles, loc="best", framealpha=0.6)
    if has_one_legend:
        add_class_legend(figure, names, has_centers, canvas, width, has_bars)
    bars = [axes for row in grid[1::2] for axes in row] if has_balance else []
    for task, axes, is_drawn in zip(tasks, bars, has_bar, strict=False):
        if not is_drawn:
            axes.set_visible(False)
            continue
        labels = np.concatenate([task.y_train, task.y_test])
        counts = np.bincount(labels, minlength=task.spec.n_classes)
        draw_balance(axes, counts.tolist(), canvas.look)
    for axes in (*panels[len(tasks) :], *bars[len(tasks) :]):
        axes.set_visible(False)
    return figure


def _height_over_width(planes: Sequence[Plane]) -> float | None:
    """Return the shape of a panel that holds all rows, one unit as long either way.

    Returns:
        Height over width; None if the ranges of the axes differ so much that the rows would seem
        to lie on a line.
    """
    width, height = np.ptp(np.concatenate([plane.points for plane in planes]), axis=0)
    if not (width <= MOST_UNLIKE * height and height <= MOST_UNLIKE * width and width):
        return None
    return float(np.clip(height / width, 0.3, 3.0))


def _draw_task(task: Dataset, plane: Plane, axes: "Axes", look: Look, is_equal: bool) -> None:
    """Draw the rows of a problem by class; of one feature, how many rows lie where."""
    labels = np.concatenate([task.y_train, task.y_test])
    n_classes = task.spec.n_classes
    if task.x_train.shape[1] == 1:
        places = plane.points[:, 0]
        low, high = float(places.min()), float(places.max())
        around = 0.0 if high > low else max(0.5, 0.05 * abs(low))
        edges = np.linspace(low - around, high + around, N_BINS + 1)
        if n_classes > MAX_DRAWN_CLASSES:
            axes.hist(places, edges.tolist(), color=GREY, alpha=0.45)
            n_classes = 0
        for k, colour in enumerate(class_colours(n_classes)):
            axes.hist(places[labels == k], edges.tolist(), color=colour, alpha=0.45)
            if plane.centers is not None:
                axes.axvline(plane.centers[k, 0], color=colour, linewidth=1.6 * look.scale)
    else:
        scatter_classes(axes, plane, labels, n_classes, look)
        if is_equal:
            axes.set_aspect("equal", adjustable="box")
