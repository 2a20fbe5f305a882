"""The figure of datasets: one panel each, all on the same axes."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.dataset import Dataset, Plane, planes_of
from blobtransfer.report.figures.canvas import LINE_HEIGHT, Canvas
from blobtransfer.report.figures.classes import (
    BAR_ALPHA,
    GREY,
    class_handles,
    class_pattern,
    draw_balance,
    label_classes,
    scatter_classes,
)
from blobtransfer.report.figures.style import (
    Look,
    class_colours,
    data_title,
    escape_mathtext,
    shorten,
)
from blobtransfer.report.words import format_percent
from blobtransfer.results.results import MAX_DRAWN_CLASSES
from blobtransfer.specs.table import TableSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

N_BINS = 40
"""Number of bars over the range of a single feature."""

BALANCE_HEIGHT = 0.55
"""Height of the bar of a table's classes, in inches at a font of 10 points."""

MAX_RANGE_RATIO = 4.0
"""Ratio of the longer to the shorter range of the rows up to which axes are equal."""

DEFAULT_ASPECT = 0.8
"""Height over width of a panel whose axes are not equal."""

PANEL_WIDTH, MIN_PANEL_WIDTH = 4.0, 2.1
"""Preferred and least width of a panel, in inches at a font of 10 points."""


def draw_datasets(datasets: Sequence[Dataset], canvas: Canvas) -> "Figure":
    """Draw one panel per dataset: rows by class, true centres and best possible accuracy if known.

    Datasets with the same number of features share axes, those with the same classes a legend. A
    table has a bar of its classes below.
    """
    n_side, look = math.ceil(math.sqrt(len(datasets))), canvas.look
    n_columns = canvas.n_columns(n_side, PANEL_WIDTH * n_side, MIN_PANEL_WIDTH)
    n_rows = -(-len(datasets) // n_columns)
    width = canvas.width(0.8 + PANEL_WIDTH * n_columns)
    side = (width - 0.8) / n_columns
    is_shared = len({dataset.spec.n_features for dataset in datasets}) == 1
    planes, axis_names = [], []
    for group in [datasets] if is_shared else [[dataset] for dataset in datasets]:
        group_planes, names = planes_of(group)
        planes += group_planes
        axis_names += [names] * len(group)
    x_labels = [canvas.wrap(x_name, side) for x_name, _ in axis_names]
    titles = [canvas.wrap(data_title(dataset.spec), side) for dataset in datasets]
    has_bars = all(dataset.spec.n_features == 1 for dataset in datasets)
    handles = _shared_handles(datasets, canvas, width)
    legend_height = canvas.foot_height((), [handle.get_label() for handle in handles], width)
    n_more_lines = sum(max(text.count("\n") for text in texts) for texts in (x_labels, titles))
    text_height = 0.4 + LINE_HEIGHT * (4.2 + 1.2 * n_more_lines)
    aspects = [_aspect_of(planes if is_shared else [plane]) for plane in planes]
    aspect = DEFAULT_ASPECT if has_bars else aspects[0] or DEFAULT_ASPECT
    heights = [side * aspect + text_height]
    if any(map(_has_balance, datasets)):
        heights.append(BALANCE_HEIGHT)
    figure = canvas.new(width, sum(heights) * n_rows + legend_height + 0.2)
    n_kinds = len(heights)
    ratios = heights * n_rows if n_kinds > 1 else None
    grid = figure.subplots(n_rows * n_kinds, n_columns, squeeze=False, height_ratios=ratios)
    panels = list(grid[::n_kinds].flat)
    bars = list(grid[1::2].flat) if n_kinds > 1 else []
    for axes in (*panels[len(datasets) :], *bars[len(datasets) :]):
        axes.set_visible(False)
    for i, (dataset, plane, axes) in enumerate(zip(datasets, planes, panels, strict=False)):
        if is_shared and i:
            axes.sharex(panels[0])
            axes.sharey(panels[0])
        _draw_dataset(dataset, plane, axes, look, is_equal=aspects[i] is not None and is_shared)
        has_y_name = i % n_columns == 0 or not is_shared
        y_name = shorten(axis_names[i][1], canvas.max_name_width(side)) if has_y_name else ""
        _label_panel(dataset, titles[i], (x_labels[i], y_name), canvas, axes)
        axes.tick_params(labelleft=has_y_name)
        if not handles:
            names_width = canvas.max_name_width(side / 2)
            entries = class_handles(dataset.spec.class_names, look, names_width)
            axes.legend(handles=entries, loc="best", framealpha=0.6)
    canvas.add_letters(panels)
    if handles:
        canvas.add_foot(figure, (), width, handles)
    for dataset, axes in zip(datasets, bars, strict=False):
        axes.set_visible(_has_balance(dataset))
        if _has_balance(dataset):
            counts = np.bincount(_labels_of(dataset), minlength=dataset.spec.n_classes).tolist()
            room = side / canvas.width_of(1)
            draw_balance(axes, counts, dataset.spec.class_names, look, room)
    return figure


def _shared_handles(datasets: Sequence[Dataset], canvas: Canvas, width: float) -> list[Any]:
    """Return the legend of datasets with the same classes; empty for others.

    Args:
        datasets: The data.
        canvas: Canvas to draw on.
        width: Width of the figure, as in `Canvas.wrap`.
    """
    if len({dataset.spec.class_names for dataset in datasets}) > 1:
        return []
    return class_handles(
        datasets[0].spec.class_names,
        canvas.look,
        canvas.max_entry_width(width),
        has_centers=any(dataset.centers is not None for dataset in datasets),
        has_bars=all(dataset.spec.n_features == 1 for dataset in datasets),
    )


def _label_panel(
    dataset: Dataset, title: str, names: tuple[str, str], canvas: Canvas, axes: "Axes"
) -> None:
    """Title a panel and name its axes, as far as there are texts.

    Args:
        dataset: The data.
        title: Name of the data, in lines that fit.
        names: Names of the axes.
        canvas: Canvas to draw on.
        axes: Axes to draw on.
    """
    if canvas.has_title:
        best_possible = dataset.best_possible()
        best = "" if best_possible is None else f"\nbest possible {format_percent(best_possible)}"
        axes.set_title(escape_mathtext(title + best))
    axes.set_xlabel(escape_mathtext(names[0]))
    axes.set_ylabel(escape_mathtext(names[1]))


def _has_balance(dataset: Dataset) -> bool:
    """Return whether the classes of a dataset are shown as a bar."""
    return isinstance(dataset.spec, TableSpec) and dataset.spec.n_classes <= MAX_DRAWN_CLASSES


def _labels_of(dataset: Dataset) -> NDArray[np.int64]:
    """Return the classes of all rows, (n_train + n_test,)."""
    return np.concatenate([dataset.y_train, dataset.y_test])


def _aspect_of(planes: Sequence[Plane]) -> float | None:
    """Return the shape of a panel that holds all rows, with equal units on both axes.

    Returns:
        Height over width; None if the ranges of the axes differ so much that the rows would seem
        to lie on a line.
    """
    width, height = np.ptp(np.concatenate([plane.points for plane in planes]), axis=0)
    if not (width <= MAX_RANGE_RATIO * height and height <= MAX_RANGE_RATIO * width and width):
        return None
    return float(np.clip(height / width, 0.3, 3.0))


def _draw_dataset(dataset: Dataset, plane: Plane, axes: "Axes", look: Look, is_equal: bool) -> None:
    """Draw the rows of a dataset by class; a histogram if it has one feature.

    Args:
        dataset: The data.
        plane: Points of its rows.
        axes: Axes to draw on.
        look: Sizes.
        is_equal: Whether both axes have the same unit.
    """
    labels, n_classes = _labels_of(dataset), dataset.spec.n_classes
    if dataset.x_train.shape[1] > 1:
        scatter_classes(axes, plane, labels, n_classes, look)
        label_classes(axes, plane, labels, dataset.spec.class_names, look)
        if is_equal:
            axes.set_aspect("equal", adjustable="box")
        return
    values = plane.points[:, 0]
    low, high = float(values.min()), float(values.max())
    around = 0.0 if high > low else max(0.5, 0.05 * abs(low))
    edges = np.linspace(low - around, high + around, N_BINS + 1).tolist()
    if n_classes > MAX_DRAWN_CLASSES:
        axes.hist(values, edges, color=GREY, alpha=BAR_ALPHA)
        return
    for k, colour in enumerate(class_colours(n_classes)):
        pattern = class_pattern(k)
        axes.hist(values[labels == k], edges, facecolor=colour, alpha=BAR_ALPHA, **pattern)
        if plane.centers is not None:
            axes.axvline(plane.centers[k, 0], color=colour, linewidth=1.6 * look.scale)
