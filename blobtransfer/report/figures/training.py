"""The figure of one training: learning curves, and decision regions or predictions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.dataset import Plane
from blobtransfer.report.figures.canvas import Canvas
from blobtransfer.report.figures.classes import (
    CLASS_HATCH,
    GREY,
    class_handles,
    draw_balance,
    label_classes,
    scatter_classes,
)
from blobtransfer.report.figures.style import (
    BEST_POSSIBLE_LINE,
    INK,
    Look,
    class_colours,
    escape_mathtext,
    has_pattern,
    shorten,
    style_of,
)
from blobtransfer.report.report import Report
from blobtransfer.report.words import format_number, metric_name
from blobtransfer.results.results import MAX_DRAWN_CLASSES, Predictions, Regions, TrainingResults
from blobtransfer.specs.data import DataSpec
from blobtransfer.specs.training import TEST_LOSS, TRAIN_LOSS
from blobtransfer.specs.variant import STANDALONE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.contour import QuadContourSet
    from matplotlib.figure import Figure

MAP_WIDTH, MIN_MAP_WIDTH = 4.6, 2.7
"""Preferred and least width of a panel, in inches at a font of 10 points."""

MIN_AREA_SHARE = 0.03
"""Length of the smallest area of a class that is drawn, as a share of the axes."""

MIN_LOG_LOSS_RATIO = 8.0
"""Ratio of the largest to the smallest loss above which the axis is logarithmic."""


def draw_training(report: Report[TrainingResults], canvas: Canvas) -> "Figure":
    """Draw the learning curves of one run, and its decision regions or predictions.

    If the run is not standalone, a standalone training is drawn beside it.

    Args:
        report: Report of one training.
        canvas: Canvas to draw on.
    """
    results = report.results
    (curves,), (summary,) = results.curves.values(), results.summary
    look, data = canvas.look, results.spec.data
    name = "source network" if results.measured.role == "source" else summary.label
    n_classes = results.spec.network.n_classes
    has_too_many = n_classes > MAX_DRAWN_CLASSES
    maps = {} if has_too_many else _maps(results, name)
    counts, n_columns = results.measured.class_counts, 1 + len(maps)
    has_balance = bool(counts) and any(isinstance(m, Predictions) for m in maps.values())
    width = canvas.width(0.4 + MAP_WIDTH * n_columns if maps else 6.4)
    is_stacked = width < MIN_MAP_WIDTH * n_columns
    letters = "MS"[: len(maps)]
    rows = list("LA" + letters) if is_stacked else [f"L{letters}", f"A{letters}"]
    height = 0.9 + (2.3 * 2 + 3.6 * len(maps) if is_stacked else 5.2)
    ratios = [2.0, 2.0] + [3.4] * len(maps) if is_stacked else [1.0, 1.0]
    if has_balance:
        rows, ratios = [*rows, "B" * len(rows[0])], [*ratios, 0.13 * ratios[0]]
        height += 0.5
    figure = canvas.new(width, height)
    panels = figure.subplot_mosaic("\n".join(rows), height_ratios=ratios)
    if has_balance:
        draw_balance(panels["B"], counts, data.class_names, look, width / canvas.width_of(1))
    _draw_curves(results, curves[:, 0], panels["L"], panels["A"], look)
    cast(Any, figure.get_layout_engine()).set(wspace=0.06)
    canvas.add_title(figure, report.headline, width)
    notes = []
    if has_too_many:
        notes.append(f"{n_classes:,} classes: too many for distinct colours, so no map is drawn")
    room = (width if is_stacked else width / n_columns) - 0.6
    for letter, (map_name, class_map) in zip(letters, maps.items(), strict=True):
        has_y_name = is_stacked or letter == "M"
        _draw_map(class_map, map_name, data, panels[letter], canvas, room, has_y_name)
    canvas.add_letters(
        panels[letter] for letter in ("LA" + letters if is_stacked else "L" + letters + "A")
    )
    if any(isinstance(class_map, Predictions) for class_map in maps.values()):
        notes.append("ringed: wrong prediction")
    handles = []
    if maps:
        has_centers = any(getattr(m, "centers", None) is not None for m in maps.values())
        entry_width = canvas.max_entry_width(width)
        handles = class_handles(data.class_names, look, entry_width, has_centers=has_centers)
    canvas.add_foot(figure, notes, width, handles)
    return figure


def _maps(results: TrainingResults, name: str) -> dict[str, Regions | Predictions]:
    """Return the regions or predictions of the network, and of the standalone network."""
    maps = {name: results.regions or results.predictions}
    if results.baseline is not None:
        maps[str(STANDALONE)] = results.baseline.regions or results.baseline.predictions
    return {name: class_map for name, class_map in maps.items() if class_map is not None}


def _draw_map(
    class_map: Regions | Predictions,
    name: str,
    data: DataSpec,
    axes: "Axes",
    canvas: Canvas,
    room: float,
    has_y_name: bool,
) -> None:
    """Draw the decision regions or the predictions of a network.

    Args:
        class_map: Regions or predictions.
        name: Name of the network.
        data: Specification of the data.
        axes: Axes to draw on.
        canvas: Canvas of the figure.
        room: Width of the panel, as in `Canvas.wrap`.
        has_y_name: Whether the y axis is named.
    """
    if isinstance(class_map, Predictions):
        _draw_predictions(class_map, data.class_names, axes, canvas.look)
        title = f"test rows: {name}"
        x_name = canvas.wrap(class_map.axes[0], room)
        y_name = shorten(class_map.axes[1], canvas.max_name_width())
    else:
        _draw_regions(class_map, data.class_names, axes, canvas.look)
        title = f"decision regions: {name}"
        is_flat = class_map.y[0] == class_map.y[1]
        names = (data.axis_names[0], "") if is_flat else data.axis_names
        x_name, y_name = (shorten(axis, canvas.max_name_width(room)) for axis in names)
    axes.set_title(escape_mathtext(canvas.wrap(title, room)))
    axes.set_xlabel(escape_mathtext(x_name))
    if has_y_name:
        axes.set_ylabel(escape_mathtext(y_name))


def _draw_predictions(
    predictions: Predictions, class_names: Sequence[str], axes: "Axes", look: Look
) -> None:
    """Draw test rows by class on two principal components, ringed where the network is wrong.

    Args:
        predictions: Test rows and their predicted classes.
        class_names: Names of the classes.
        axes: Axes to draw on.
        look: Sizes.
    """
    plane, labels = Plane(np.array(predictions.points), None), np.array(predictions.labels)
    scatter_classes(axes, plane, labels, len(class_names), look)
    wrong = plane.points[labels != np.array(predictions.predicted)]
    axes.scatter(
        wrong[:, 0], wrong[:, 1], s=34 * look.scale**2, facecolors="none", edgecolors=INK,
        linewidths=0.8 * look.scale,
    )  # fmt: skip
    label_classes(axes, plane, labels, class_names, look)


def _draw_curves(
    results: TrainingResults,
    curves: NDArray[np.float64],
    losses: "Axes",
    accuracies: "Axes",
    look: Look,
) -> None:
    """Draw loss and accuracy by epoch.

    Args:
        results: Results of one training.
        curves: (n_metrics, n_epochs + 1) curves of the run.
        losses: Axes of the losses.
        accuracies: Axes of the accuracies.
        look: Sizes.
    """
    spec, baseline, (arm,) = results.spec, results.baseline, results.scores.arms
    variants = tuple(dict.fromkeys((STANDALONE, arm.variant)))
    lines: list[tuple[str, Any, str, dict[str, Any]]] = [
        ("train", curves, "train", {"color": GREY, "linestyle": ":"}),
        ("test", curves, "test", {"color": style_of(arm.variant, variants).colour}),
    ]
    if baseline is not None and baseline.run.status == "ok":
        dashed = {"color": style_of(STANDALONE, variants).colour, "linestyle": "--"}
        lines.append(("test", baseline.curves, "test, standalone", dashed))
    for rows, metrics, label, style in lines:
        by_metric = dict(zip(spec.curve_metrics, metrics, strict=True))
        style = {"label": label, "linewidth": 1.4 * look.scale} | style
        _draw_curve(losses, by_metric[f"{rows}_loss"], style)
        if rows == "test":
            _draw_curve(accuracies, 100 * metrics[0], style)
        elif spec.metric == "accuracy":  # else the accuracy on training rows is another metric
            _draw_curve(accuracies, 100 * by_metric["train_accuracy"], style)
    best_possible = results.measured.ceiling
    if best_possible is not None:
        label = f"best possible, {format_number(best_possible, digits=1)}"
        accuracies.axhline(
            100 * best_possible, label=label, linewidth=look.scale, **BEST_POSSIBLE_LINE
        )
    drawn_losses = [metrics[[TEST_LOSS, TRAIN_LOSS]] for _, metrics, *_ in lines]
    _scale_losses(losses, np.concatenate(drawn_losses))
    for axes, label in ((losses, "cross-entropy loss"), (accuracies, f"{metric_name(spec)} (%)")):
        axes.set_ylabel(label)
        axes.set_xlabel("epoch (0: before training)")
        axes.legend(frameon=False, loc="best")
        axes.locator_params(axis="x", integer=True)


def _scale_losses(axes: "Axes", losses: NDArray[np.float64]) -> None:
    """Make the axis logarithmic if the first losses would hide later ones."""
    from matplotlib.ticker import LogLocator, NullFormatter

    finite = losses[np.isfinite(losses)]
    if len(finite) and finite.min() > 0 and finite.max() > MIN_LOG_LOSS_RATIO * finite.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())


def _draw_curve(axes: "Axes", curve: NDArray[np.float64], style: dict[str, Any]) -> None:
    """Draw one (n_epochs + 1,) curve, without values that are not finite.

    Args:
        axes: Axes to draw on.
        curve: (n_epochs + 1,) values.
        style: Label, colour and line.
    """
    heights = np.where(np.isfinite(curve), curve, np.nan)
    # A run that diverged at once has a single point, which needs a marker.
    axes.plot(heights, marker="o" if np.isfinite(heights).sum() == 1 else None, **style)


def _draw_regions(regions: Regions, class_names: Sequence[str], axes: "Axes", look: Look) -> None:
    """Draw the decision regions of a network below its test rows.

    Args:
        regions: Classes on a grid, and the test rows.
        class_names: Names of the classes.
        axes: Axes to draw on.
        look: Sizes.
    """
    is_flat = regions.y[0] == regions.y[1]
    y = (-1.0, 1.0) if is_flat else regions.y
    classes = regions.classes()
    if is_flat:
        classes = np.repeat(classes, 2, axis=0)
    grid = [np.linspace(*ends, n) for ends, n in zip((regions.x, y), classes.T.shape, strict=True)]
    min_lengths = MIN_AREA_SHARE * np.array([regions.x[1] - regions.x[0], y[1] - y[0]])
    n_classes = len(class_names)
    leads = _leads(classes, n_classes)
    for k, (lead, colour) in enumerate(zip(leads, class_colours(n_classes), strict=True)):
        if np.any(lead > 0):
            fill: dict[str, Any] = {"levels": [0.0, np.inf], "colors": [colour], "alpha": 0.3}
            if has_pattern(k):
                fill["hatches"] = [CLASS_HATCH]
            area = axes.contourf(*grid, lead, **fill)
            _remove_specks(area, min_lengths)
        if np.any(lead > 0) and np.any(lead < 0):
            width = 0.8 * look.scale
            edge: dict[str, Any] = {"levels": [0.0], "colors": INK, "alpha": 0.75}
            line = axes.contour(*grid, lead, linewidths=width, **edge)
            _remove_specks(line, min_lengths)
    points = np.array(regions.points).reshape(-1, 2)
    centers = None if regions.centers is None else np.array(regions.centers)
    plane, labels = Plane(points, centers), np.array(regions.labels)
    scatter_classes(axes, plane, labels, n_classes, look)
    label_classes(axes, plane, labels, class_names, look)
    axes.set_xlim(regions.x)
    axes.set_ylim(y)
    if is_flat:
        axes.set_yticks([])


def _leads(classes: NDArray[np.int64], n_classes: int) -> NDArray[np.float64]:
    """Return by how much each class leads at each point of a grid, (K, ...).

    The grid is smoothed over neighbouring points, so that the line between two classes, where the
    lead is 0, runs straight through its steps.
    """
    shares = np.stack([_smooth((classes == k).astype(np.float64)) for k in range(n_classes)])
    leads = np.empty_like(shares)
    for k in range(n_classes):
        others = np.delete(shares, k, axis=0)
        leads[k] = shares[k] - (others.max(axis=0) if len(others) else 0.0)
    return leads


def _remove_specks(contours: "QuadContourSet", min_lengths: NDArray[np.float64]) -> None:
    """Remove areas and holes that are shorter than `min_lengths`, (2,), along both axes."""
    from matplotlib.path import Path

    paths = []
    for path in contours.get_paths():
        path.should_simplify = False  # otherwise gaps would appear between areas
        polygons = [
            Path(polygon)
            for polygon in path.to_polygons(closed_only=False)
            if np.any(np.ptp(polygon, axis=0) > min_lengths)
        ]
        paths.append(Path.make_compound_path(*polygons) if polygons else Path(np.empty((0, 2))))
    contours.set_paths(paths)


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average over neighbouring points, twice along each axis, with weights 1 4 6 4 1."""
    weights = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16.0
    for axis in (0, 1, 0, 1):
        n = values.shape[axis]
        if n < len(weights):
            continue
        widths = [(2, 2) if i == axis else (0, 0) for i in range(2)]
        padded = np.pad(values, widths, mode="edge")
        values = sum(
            weight * np.take(padded, range(i, i + n), axis=axis) for i, weight in enumerate(weights)
        )
    return values
