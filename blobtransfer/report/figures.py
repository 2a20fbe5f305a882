"""Results or tasks -> figures, which are pictures; nothing is computed here.

Figures are made without pyplot, which costs half a second and a window system, unless
they are to be shown in a window.
"""

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.errors import MachineError
from blobtransfer.files import write_atomic
from blobtransfer.metrics import METRICS
from blobtransfer.report.sentences import count, verdict_word
from blobtransfer.results.results import Regions, Results
from blobtransfer.specs.experiment import Question
from blobtransfer.specs.variant import Variant
from blobtransfer.tasks.task import Plane, Task, plane_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Told apart with any colour vision (Okabe & Ito 2008); F0E442 is too pale on white."""

TRANSFER_COLOURS = ("#D55E00", "#009E73", "#CC79A7", "#AA4499", "#117733", "#CC6677")
KIND_COLOURS = {
    "standalone": "#0072B2",
    "random-frozen": "#E69F00",
    "self-transfer": "#56B4E9",
    "equal-compute": "#000000",
    "new-head": "#882255",
    "reinit": "#999933",
    "add": "#332288",
    "unfreeze": "#661100",
}
"""Of a variant, by the first word of its kind; a plain transfer by its frozen layers. With any
colour vision they differ (Okabe & Ito 2008; the muted colours of Tol 2021)."""

MARKERS = ("o", "s", "^", "D", "v", "P", "*")
LINE_STYLES = ("-", "--", "-.", ":")
"""What tells classes and variants apart in grey."""

CEILING: dict[str, Any] = {"color": "0.35", "linestyle": (0, (5, 3)), "linewidth": 1.0}

CENTER: dict[str, Any] = {
    "marker": "X",
    "markersize": 11,
    "markeredgecolor": "black",
    "markeredgewidth": 1.2,
    "linestyle": "",
}

PANELS_A_ROW = 4
MANY_DOTS = 5_000
"""From here on the dots of a vector figure are stored as a picture."""


class Canvas:
    """Makes figures, saves them, and shows them in windows where that was asked for.

    Args:
        show: Open windows.

    Attributes:
        has_windows: Whether figures are to be shown.

    Raises:
        MachineError: Windows are asked for and there is no display for them.
    """

    def __init__(self, show: bool = False) -> None:
        self.has_windows = show
        # It warns where it finds no folder for its caches, which costs the user nothing.
        logging.getLogger("matplotlib").setLevel(logging.ERROR)
        if show:
            import matplotlib.pyplot as plt

            probe = plt.figure()  # settles which backend works here
            plt.close(probe)
            if getattr(probe.canvas, "required_interactive_framework", None) is None:
                raise MachineError(
                    "--show: no window can be opened here (no display, or no window library "
                    "such as tkinter or PyQt6); leave --show out and open the file"
                )

    def new(self, width: float, height: float) -> "Figure":
        """Make an empty figure of that size in inches."""
        if self.has_windows:
            import matplotlib.pyplot as plt

            return plt.figure(figsize=(width, height), layout="constrained")
        from matplotlib.figure import Figure

        return Figure(figsize=(width, height), layout="constrained")

    def show(self) -> None:
        """Open the windows and wait until they are closed; nothing unless asked for."""
        if self.has_windows:
            import matplotlib.pyplot as plt

            plt.show()


def save(figure: "Figure", path: Path) -> None:
    """Write a figure in the format of its suffix; the same figure gives the same bytes.

    Raises:
        MachineError: The file cannot be written.
    """
    import matplotlib as mpl

    undated: dict[str, dict[str, Any]] = {
        ".svg": {"Date": None},
        ".pdf": {"CreationDate": None},
    }
    with (
        mpl.rc_context({"svg.hashsalt": "blobtransfer"}),
        write_atomic(path) as temporary,
        warnings.catch_warnings(),
    ):
        # A letter of a file's name that the font lacks is drawn as a box.
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        figure.savefig(temporary, dpi=150, metadata=undated.get(path.suffix.lower()))


def draw_tasks(tasks: Sequence[Task], canvas: Canvas) -> "Figure":
    """Draw a panel a problem: rows by class, and where known true centres and the ceiling."""
    from matplotlib.lines import Line2D

    n_columns = min(len(tasks), PANELS_A_ROW)
    n_rows = -(-len(tasks) // n_columns)
    figure = canvas.new(4.2 * n_columns, 4.0 * n_rows)
    panels = list(figure.subplots(n_rows, n_columns, squeeze=False).flat)
    for task, axes in zip(tasks, panels, strict=False):
        _draw_task(task, axes)
    if any(task.centers is not None for task in tasks):
        centre = Line2D([], [], **CENTER, markerfacecolor="0.8", label="true centre of a class")
        figure.legend(handles=[centre], loc="outside lower right", frameon=False)
    for axes in panels[len(tasks) :]:
        axes.set_visible(False)
    return figure


def draw_results(results: Results, canvas: Canvas) -> "Figure":
    """Draw what a command found."""
    if results.command == "compare":
        return draw_comparison(results, canvas)
    return draw_training(results, canvas)


def draw_training(results: Results, canvas: Canvas) -> "Figure":
    """Draw the learning of one run, and which class the network then sees where."""
    (curves,), record, (summary,) = results.curves.values(), results.measured, results.summary
    by_epoch = dict(zip(METRICS, curves[:, 0], strict=True))
    variant, regions = summary.arm.variant, results.regions
    figure = canvas.new(6.4 if regions is None else 11.0, 6.0)
    panels = figure.subplot_mosaic("L;A" if regions is None else "LM;AM")
    losses, accuracies = panels["L"], panels["A"]
    who = "source network" if record.role == "source" else summary.label
    network = variant.network(results.spec.network)
    figure.suptitle(_literal(f"{record.name.capitalize()}, {network}, {who}"))
    for name, style in (
        ("train", {"color": "0.55", "linestyle": ":"}),
        ("test", {"color": colour_of(variant)}),
    ):
        _draw_curve(losses, by_epoch[f"{name}_loss"], name, style, 1.0)
        _draw_curve(accuracies, by_epoch[f"{name}_accuracy"], name, style, 100.0)
    if record.ceiling is not None:
        accuracies.axhline(100 * record.ceiling, label="ceiling (test)", **CEILING)
    losses.set_ylabel("loss (nats)")
    accuracies.set_ylabel("accuracy (%)")
    for axes in (losses, accuracies):
        axes.set_xlabel("epoch (0: before training)")
        axes.legend(frameon=False, loc="best")
        axes.locator_params(axis="x", integer=True)
    if regions is not None:
        _draw_regions(regions, results.spec.network.n_classes, record.n_test, panels["M"])
    return figure


def draw_comparison(results: Results, canvas: Canvas) -> "Figure":
    """Draw scores, differences and, where they were kept, learning curves: a column a question."""
    questions, n_rows = results.spec.questions, len(results.spec.variants)
    has_curves = bool(results.findings.bands)
    heights = [1.2 + 0.42 * n_rows, 1.1 + 0.36 * (n_rows - 1)] + [3.4] * has_curves
    figure = canvas.new(1.6 + 5.0 * len(questions), sum(heights) + 0.6)
    panels = figure.subplots(
        len(heights), len(questions), squeeze=False, sharex="row", sharey="row",
        height_ratios=heights,
    )  # fmt: skip
    for column, question in enumerate(questions):
        scores, differences, *curves = panels[:, column]
        _draw_scores(results, question, scores)
        _draw_differences(results, question, differences)
        for axes in curves:
            _draw_bands(results, question, axes)
    figure.suptitle(_comparison_title(results))
    handles, labels = panels[-1 if has_curves else 0, 0].get_legend_handles_labels()
    n_columns = 1 if len(questions) == 1 else 2
    figure.legend(
        handles, labels, frameon=False, loc="outside lower center", ncols=2 * n_columns,
        fontsize="small",
    )  # fmt: skip
    return figure


def colour_of(variant: Variant) -> str:
    """Give the colour of a variant, the same in every figure of every command."""
    word, _ = variant.words[0]
    if variant.kind == "transfer":
        return TRANSFER_COLOURS[(variant.n_frozen or 0) % len(TRANSFER_COLOURS)]
    return KIND_COLOURS[word]


def _comparison_title(results: Results) -> str:
    spec = results.spec
    origin = "" if spec.source is None else f" from {results.task('source').name}"
    if spec.model_path is not None:
        name = Path(spec.model_path).name
        origin = f" from {name}" + (f", or{origin}" if "fresh" in spec.questions else "")
    return _literal(
        f"Transfer{origin} to {results.measured.name}, {spec.network}, "
        f"{count(results.scores.n_repeats, 'repeats')}"
    )


def _literal(text: str) -> str:
    # matplotlib would read a formula between two dollar signs
    return text.replace("$", r"\$")


def _draw_scores(results: Results, question: Question, axes: "Axes") -> None:
    """Draw a box a variant over the repeats' test accuracies, and every repeat as a dot."""
    shown = results.of_question(question)
    by_repeat = [results.scores.test_accuracy(summary.arm) for summary in shown]
    scores = [100 * row[~np.isnan(row)] for row in by_repeat]
    places = range(len(shown), 0, -1)
    axes.boxplot(
        scores,
        positions=places,
        orientation="horizontal",
        tick_labels=[summary.label for summary in shown],
        showfliers=False,
        widths=0.6,
        patch_artist=True,
        boxprops={"facecolor": "0.95", "edgecolor": "0.4"},
        medianprops={"color": "black", "linewidth": 1.6},
        whiskerprops={"color": "0.4"},
        capprops={"color": "0.4"},
    )
    n_dots = sum(map(len, scores))
    for place, summary, row in zip(places, shown, scores, strict=True):
        # Heights are spread by a fixed rule, so that the same results give the same picture.
        heights = place + 0.4 * ((np.arange(len(row)) * 0.618034) % 1.0 - 0.5)
        axes.scatter(
            row, heights, s=16, color=colour_of(summary.arm.variant), alpha=0.6, linewidths=0,
            zorder=3, rasterized=n_dots > MANY_DOTS,
        )  # fmt: skip
    if results.measured.ceiling is not None:
        axes.axvline(100 * results.measured.ceiling, label="ceiling", **CEILING)
    axes.set_xlabel("test accuracy (%)")
    axes.tick_params(axis="x", labelbottom=True)
    nested = results.spec.nested
    fresh = "a fresh source each repeat" if nested is None else f"{results.n_sources} sources"
    axes.set_title(
        "This model: one source network" if question == "one" else f"The method: {fresh}"
    )


def _draw_differences(results: Results, question: Question, axes: "Axes") -> None:
    """Draw each mean difference to standalone with its interval, over the margin's band."""
    shown = [one for one in results.of_question(question) if one.difference is not None]
    margin = 100 * results.spec.margin
    axes.axvspan(-margin, margin, color="0.9", zorder=0)
    axes.axvline(0, color="0.35", linewidth=1.0, zorder=1)
    places = range(len(shown), 0, -1)
    for place, one in zip(places, shown, strict=True):
        d = one.difference
        if d is None or d.mean is None:
            continue
        if d.ci_low is not None and d.ci_high is not None:
            ends = [100 * d.ci_low, 100 * d.ci_high]
            axes.plot(ends, [place, place], color=colour_of(one.arm.variant), linewidth=2.4)
        axes.plot(
            [100 * d.mean], [place], marker="o", markersize=6, color=colour_of(one.arm.variant),
            markeredgecolor="black", markeredgewidth=0.7,
        )  # fmt: skip
        axes.annotate(
            verdict_word(one.verdict),
            (100 * d.mean, place),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            fontsize="small",
        )
    axes.set_yticks(list(places), [one.label for one in shown])
    axes.set_ylim(0.4, len(shown) + 0.8)
    axes.set_xlabel(f"difference to standalone (points), 95 % interval\ngrey: margin of {margin:g}")
    axes.tick_params(axis="x", labelbottom=True)


def _draw_bands(results: Results, question: Question, axes: "Axes") -> None:
    """Draw the mean learning curve of each variant, and a band between the quartiles."""
    for band in results.findings.bands:
        if not band.arm.is_asked_by(question):
            continue
        variant = band.arm.variant
        epochs, colour = np.arange(len(band.mean)), colour_of(variant)
        axes.fill_between(epochs, 100 * band.q1, 100 * band.q3, color=colour, alpha=0.13, lw=0)
        n_frozen = -1 if variant.n_frozen is None else variant.n_frozen
        style = LINE_STYLES[(n_frozen + 1) % len(LINE_STYLES)]
        axes.plot(
            epochs, 100 * band.mean, color=colour, linestyle=style, linewidth=1.5,
            label=band.arm.label,
        )  # fmt: skip
    if results.measured.ceiling is not None:
        axes.axhline(100 * results.measured.ceiling, label="ceiling", **CEILING)
    axes.set_xlabel("epoch; line: mean, band: middle half of the runs")
    axes.set_ylabel("test accuracy (%)")


def _draw_regions(regions: Regions, n_classes: int, n_test: int, axes: "Axes") -> None:
    """Draw which class a trained network sees where, under the rows it was tested on."""
    from matplotlib.colors import ListedColormap

    is_flat = regions.y[0] == regions.y[1]
    y = (-1.0, 1.0) if is_flat else regions.y
    classes = regions.classes()
    axes.imshow(
        classes, origin="lower", extent=(*regions.x, *y), aspect="auto", alpha=0.3,
        cmap=ListedColormap(_cycle(n_classes)), vmin=-0.5, vmax=n_classes - 0.5,
        interpolation="nearest",
    )  # fmt: skip
    if not is_flat:
        grid = [
            np.linspace(*ends, n) for ends, n in zip((regions.x, y), classes.T.shape, strict=True)
        ]
        for k in range(n_classes):
            if 0 < np.mean(classes == k) < 1:
                axes.contour(*grid, classes == k, levels=[0.5], colors="0.25", linewidths=0.8)
    points = np.array(regions.points).reshape(-1, 2)
    centers = None if regions.centers is None else np.array(regions.centers)
    _scatter_classes(axes, Plane(points, centers), np.array(regions.labels), n_classes)
    axes.set_xlim(regions.x)
    axes.set_ylim(y)
    rows = "the test rows" if len(points) in (0, n_test) else f"{len(points):,} test rows"
    seen = f", and {rows}" if len(points) else ""
    axes.set_title(f"Class that the network sees{seen}", fontsize="medium")
    axes.set_xlabel("feature 1")
    axes.set_ylabel("" if is_flat else "feature 2")
    if is_flat:
        axes.set_yticks([])


def _scatter_classes(axes: "Axes", plane: Plane, labels: NDArray[np.int64], n_classes: int) -> None:
    """Draw rows by class, each class with its own colour and marker, and the true centres."""
    for k, colour in enumerate(_cycle(n_classes)):
        rows = plane.points[labels == k]
        # Every seven classes share their colours, and have other markers.
        marker = MARKERS[(k + k // len(COLOURS)) % len(MARKERS)]
        axes.scatter(
            rows[:, 0], rows[:, 1], s=13, color=colour, marker=marker, alpha=0.6, linewidths=0,
            rasterized=len(labels) > MANY_DOTS,
        )  # fmt: skip
        if plane.centers is not None:
            axes.plot(*plane.centers[k], **CENTER, markerfacecolor=colour)


def _draw_task(task: Task, axes: "Axes") -> None:
    labels = np.concatenate([task.y_train, task.y_test])
    n_features = task.x_train.shape[1]
    _scatter_classes(axes, plane_of(task), labels, task.spec.n_classes)
    ceiling = "" if task.ceiling is None else f", ceiling {100 * task.ceiling:.1f} %"
    axes.set_title(_literal(f"{task.spec.name.capitalize()}{ceiling}"))
    if n_features > 2:
        axes.set_xlabel(f"principal component 1 of {n_features} features")
        axes.set_ylabel("principal component 2")
    else:
        axes.set_xlabel("feature 1")
        axes.set_ylabel("feature 2" if n_features == 2 else "")
    axes.set_aspect("equal", adjustable="datalim")


def _draw_curve(
    axes: "Axes", curve: NDArray[np.float64], label: str, style: dict[str, Any], scale: float
) -> None:
    heights = np.where(np.isfinite(curve), scale * curve, np.nan)
    # A run that diverged at once has a single point, which no line shows.
    marker = "o" if np.isfinite(heights).sum() == 1 else None
    axes.plot(heights, marker=marker, label=label, linewidth=1.4, **style)


def _cycle(n: int) -> list[str]:
    return [COLOURS[i % len(COLOURS)] for i in range(n)]
