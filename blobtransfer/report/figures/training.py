"""The figure of one training: learning curves, and which class the network then sees where."""

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.dataset import Plane
from blobtransfer.report.figures.canvas import Canvas
from blobtransfer.report.figures.classes import add_class_legend, draw_balance, scatter_classes
from blobtransfer.report.figures.style import (
    CEILING,
    Look,
    class_colours,
    colour_of,
    literal,
    shortened,
    titled,
)
from blobtransfer.report.words import format_number
from blobtransfer.results.results import MAX_DRAWN_CLASSES, Predictions, Regions, TrainingResults
from blobtransfer.specs.training import METRICS, TEST_LOSS, TRAIN_LOSS
from blobtransfer.specs.variant import STANDALONE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.contour import QuadContourSet
    from matplotlib.figure import Figure

PANEL_WIDTH = 4.6
MIN_PANEL_WIDTH = 2.7
"""Widths of a panel, in inches at a font of 10 points."""

MIN_AREA_SHARE = 0.03
"""Shortest area of a class that is drawn, as a share of the axes; smaller ones look like dirt."""

MIN_LOG_RATIO = 8.0
"""Losses that span more than so many times have a logarithmic axis."""


def draw_training(results: TrainingResults, canvas: Canvas) -> "Figure":
    """Draw the learning of one run, and which class the network then sees where.

    A run that is not standalone has the same of a training from scratch beside it.
    """
    ((arm, curves),), (summary,) = results.curves.items(), results.summary
    look, variant = canvas.look, arm.variant
    who = "source network" if results.measured.role == "source" else summary.label
    n_classes = results.spec.network.n_classes
    has_too_many = n_classes > MAX_DRAWN_CLASSES
    maps = [] if has_too_many else _maps(results, who)
    counts = results.measured.class_counts
    has_balance = bool(counts) and any(isinstance(one, Predictions) for _, one in maps)
    wanted = 0.4 + PANEL_WIDTH * (1 + len(maps)) if maps else 6.4
    width = canvas.width(wanted)
    is_stacked = width < MIN_PANEL_WIDTH * (1 + len(maps))
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
        draw_balance(panels["B"], counts, look)
    _draw_curves(results, curves[:, 0], panels["L"], panels["A"], look)
    network = variant.network(results.spec.network)
    cast(Any, figure.get_layout_engine()).set(wspace=0.06)
    title = f"{titled(results.spec.data)}, network {network}, {who}"
    figure.suptitle(literal(canvas.wrapped(title, width / 1.25)))
    if has_too_many:
        note = f"{n_classes:,} classes: too many to tell apart on a map, so no map is drawn"
        figure.supxlabel(canvas.wrapped(note, width), fontsize=look.small)
    for letter, (name, one) in zip(letters, maps, strict=True):
        axes = panels[letter]
        room = (width if is_stacked else width / (1 + len(maps))) - 0.6
        is_first = is_stacked or letter == "M"
        if isinstance(one, Predictions):
            _draw_predictions(one, n_classes, axes, look)
            axes.set_title(literal(canvas.wrapped(f"test rows: {name}, ringed where wrong", room)))
            axes.set_xlabel(literal(canvas.wrapped(one.axes[0], room)))
            across = literal(shortened(one.axes[1], canvas.longest_name()))
            axes.set_ylabel(across if is_first else "")
            continue
        _draw_regions(one, n_classes, axes, look)
        axes.set_title(literal(canvas.wrapped(f"decision regions: {name}", room)))
        longest = canvas.longest_name(room)
        names = [literal(shortened(name, longest)) for name in results.spec.data.axis_names]
        axes.set_xlabel(names[0])
        if is_first and one.y[0] != one.y[1]:
            axes.set_ylabel(names[1])
    if maps:
        has_centers = any(isinstance(one, Regions) and one.centers is not None for _, one in maps)
        add_class_legend(figure, results.spec.data.class_names, has_centers, canvas, width)
    return figure


def _maps(results: TrainingResults, who: str) -> list[tuple[str, Regions | Predictions]]:
    """Return the regions or predictions of the network, and of that from scratch."""
    found = [(who, results.regions or results.predictions)]
    if results.baseline is not None:
        beside = results.baseline.regions or results.baseline.predictions
        found.append((str(STANDALONE), beside))
    return [(name, one) for name, one in found if one is not None]


def _draw_predictions(found: Predictions, n_classes: int, axes: "Axes", look: Look) -> None:
    """Draw test rows by class on two principal components, ringed where the network is wrong."""
    points, labels = np.array(found.points), np.array(found.labels)
    scatter_classes(axes, Plane(points, None), labels, n_classes, look)
    wrong = points[labels != np.array(found.predicted)]
    axes.scatter(
        wrong[:, 0], wrong[:, 1], s=34 * look.scale**2, facecolors="none", edgecolors="black",
        linewidths=0.8 * look.scale,
    )  # fmt: skip


def _draw_curves(
    results: TrainingResults,
    curves: NDArray[np.float64],
    losses: "Axes",
    accuracies: "Axes",
    look: Look,
) -> None:
    """Draw loss and accuracy by epoch, of (M, E + 1) curves and of those beside them."""
    baseline, (arm,) = results.baseline, results.scores.arms
    drawn = [
        ("train", curves, "train", {"color": "0.55", "linestyle": ":"}),
        ("test", curves, "test", {"color": colour_of(arm.variant)}),
    ]
    if baseline is not None and baseline.run.status == "ok":
        style = {"color": colour_of(STANDALONE), "linestyle": "--"}
        drawn.append(("test", baseline.curves, "test, standalone", style))
    for rows, own, label, style in drawn:
        by_metric = dict(zip(METRICS, own, strict=True))
        _draw_curve(losses, by_metric[f"{rows}_loss"], label, style, look)
        _draw_curve(accuracies, 100 * by_metric[f"{rows}_accuracy"], label, style, look)
    ceiling = results.measured.ceiling
    if ceiling is not None:
        label = f"best possible, {format_number(ceiling, digits=1)}"
        accuracies.axhline(100 * ceiling, label=label, linewidth=look.scale, **CEILING)
    _scale_losses(losses, np.concatenate([own[[TEST_LOSS, TRAIN_LOSS]] for _, own, *_ in drawn]))
    losses.set_ylabel("loss (nats)")
    accuracies.set_ylabel("accuracy (%)")
    for axes in (losses, accuracies):
        axes.set_xlabel("epoch (0: before training)")
        axes.legend(frameon=False, loc="best")
        axes.locator_params(axis="x", integer=True)


def _scale_losses(axes: "Axes", losses: NDArray[np.float64]) -> None:
    """Make the axis logarithmic where the first epochs would hide all that comes after."""
    from matplotlib.ticker import LogLocator, NullFormatter

    finite = losses[np.isfinite(losses)]
    if len(finite) and finite.min() > 0 and finite.max() > MIN_LOG_RATIO * finite.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())


def _draw_curve(
    axes: "Axes", curve: NDArray[np.float64], label: str, style: dict[str, Any], look: Look
) -> None:
    heights = np.where(np.isfinite(curve), curve, np.nan)
    # A run that diverged at once has a single point, which no line shows.
    marker = "o" if np.isfinite(heights).sum() == 1 else None
    axes.plot(heights, marker=marker, label=label, linewidth=1.4 * look.scale, **style)


def _draw_regions(regions: Regions, n_classes: int, axes: "Axes", look: Look) -> None:
    """Draw which class a trained network sees where, under the rows it was tested on."""
    is_flat = regions.y[0] == regions.y[1]
    y = (-1.0, 1.0) if is_flat else regions.y
    classes = regions.classes()
    if is_flat:
        classes = np.repeat(classes, 2, axis=0)
    grid = [np.linspace(*ends, n) for ends, n in zip((regions.x, y), classes.T.shape, strict=True)]
    least = MIN_AREA_SHARE * np.array([regions.x[1] - regions.x[0], y[1] - y[0]])
    leads = _leads(classes, n_classes)
    for k, colour in enumerate(class_colours(n_classes)):
        if np.any(leads[k] > 0):
            area = axes.contourf(*grid, leads[k], levels=[0.0, np.inf], colors=[colour], alpha=0.3)
            _leave_out_specks(area, least)
        if np.any(leads[k] > 0) and np.any(leads[k] < 0):
            width = 0.8 * look.scale
            line = axes.contour(*grid, leads[k], levels=[0.0], colors="0.25", linewidths=width)
            _leave_out_specks(line, least)
    points = np.array(regions.points).reshape(-1, 2)
    centers = None if regions.centers is None else np.array(regions.centers)
    scatter_classes(axes, Plane(points, centers), np.array(regions.labels), n_classes, look)
    axes.set_xlim(regions.x)
    axes.set_ylim(y)
    if is_flat:
        axes.set_yticks([])


def _leads(classes: NDArray[np.int64], n_classes: int) -> NDArray[np.float64]:
    """Return by how much each class leads at each point of a grid, (K, ...).

    The grid is smoothed over neighbouring places, so that the line between two classes, where the
    lead is 0, runs straight through its steps.
    """
    shares = np.stack([_smooth((classes == k).astype(np.float64)) for k in range(n_classes)])
    leads = np.empty_like(shares)
    for k in range(n_classes):
        others = np.delete(shares, k, axis=0)
        leads[k] = shares[k] - (others.max(axis=0) if len(others) else 0.0)
    return leads


def _leave_out_specks(contours: "QuadContourSet", least: NDArray[np.float64]) -> None:
    """Leave out areas and holes that are shorter than `least`, (2,), along both axes."""
    from matplotlib.path import Path

    kept = []
    for path in contours.get_paths():
        path.should_simplify = False  # else areas would move apart by a little
        parts = [
            Path(part)
            for part in path.to_polygons(closed_only=False)
            if np.any(np.ptp(part, axis=0) > least)
        ]
        kept.append(Path.make_compound_path(*parts) if parts else Path(np.empty((0, 2))))
    contours.set_paths(kept)


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average over neighbouring places, twice each way, with weights 1 4 6 4 1."""
    weights = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16.0
    for axis in (0, 1, 0, 1):
        if values.shape[axis] < len(weights):
            continue
        width = [(2, 2) if i == axis else (0, 0) for i in range(2)]
        wide = np.pad(values, width, mode="edge")
        n = values.shape[axis]
        values = sum(
            weight * np.take(wide, range(i, i + n), axis=axis) for i, weight in enumerate(weights)
        )
    return values
