"""Results or tasks -> figures, which are pictures; nothing is computed here.

Figures are made without pyplot, which costs half a second and a window system, unless
they are to be shown in a window.
"""

import logging
import math
import textwrap
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from blobtransfer.errors import MachineError
from blobtransfer.files import write_atomic
from blobtransfer.metrics import METRICS, TEST_ACCURACY, TEST_LOSS
from blobtransfer.report.picture_settings import import_matplotlib, own_settings
from blobtransfer.report.sentences import design, label_of, points, short_answer, verdict_word
from blobtransfer.results.findings import Summary
from blobtransfer.results.results import Regions, Results
from blobtransfer.specs.experiment import Question
from blobtransfer.specs.variant import Variant
from blobtransfer.tasks.task import Plane, Task, planes_of

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
    "marker": "o",
    "markersize": 10,
    "markeredgecolor": "black",
    "markeredgewidth": 1.2,
    "linestyle": "",
}

N_BINS = 40
"""Bars over the range of a single feature."""

MAX_NAMED = 12
"""Most classes in the legend."""

MANY_RUNS = 200
"""From here on a half violin shows the runs of a variant, in place of dots."""

FEWEST_BOXED = 5
"""Below, a box of quartiles would be made of too little."""

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
        import_matplotlib()
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
    undated: dict[str, dict[str, Any]] = {
        ".svg": {"Date": None},
        ".pdf": {"CreationDate": None},
    }
    with (
        own_settings(),
        write_atomic(path) as temporary,
        warnings.catch_warnings(),
    ):
        # A letter of a file's name that the font lacks is drawn as a box.
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        figure.savefig(temporary, dpi=150, metadata=undated.get(path.suffix.lower()))


def draw_tasks(tasks: Sequence[Task], canvas: Canvas) -> "Figure":
    """Draw a panel a problem: rows by class, and where known true centres and the ceiling.

    Raises:
        MachineError: It cannot be drawn.
    """
    with own_settings():
        return _draw_tasks(tasks, canvas)


def _draw_tasks(tasks: Sequence[Task], canvas: Canvas) -> "Figure":
    n_columns = math.ceil(math.sqrt(len(tasks)))
    n_rows = -(-len(tasks) // n_columns)
    figure = canvas.new(0.8 + 4.0 * n_columns, 1.0 + 3.7 * n_rows)
    panels = list(figure.subplots(n_rows, n_columns, squeeze=False, sharex=True, sharey=True).flat)
    planes, axis_labels = planes_of(tasks)
    for task, plane, axes in zip(tasks, planes, panels, strict=False):
        _draw_task(task, plane, axes)
        axes.set_xlabel(axis_labels[0])
        axes.set_ylabel(axis_labels[1])
        axes.tick_params(labelbottom=True)
    figure.legend(
        handles=_class_handles(tasks), loc="outside lower center", frameon=False, ncols=6,
        fontsize="small",
    )  # fmt: skip
    for axes in panels[len(tasks) :]:
        axes.set_visible(False)
    return figure


def _class_handles(tasks: Sequence[Task]) -> list[Any]:
    """Make the legend of classes, and of their centres where there are some."""
    from matplotlib.lines import Line2D

    n_classes = max(task.spec.n_classes for task in tasks)
    handles = [
        Line2D([], [], marker=_marker(k), color=colour, linestyle="", label=f"class {k}")
        for k, colour in enumerate(_cycle(n_classes))
    ][:MAX_NAMED]
    if any(task.centers is not None for task in tasks):
        centre = Line2D([], [], **CENTER, markerfacecolor="0.8", label="large: the true centres")
        handles.append(centre)
    return handles


def draw_results(results: Results, canvas: Canvas) -> "Figure":
    """Draw what a command found.

    Raises:
        MachineError: It cannot be drawn.
    """
    with own_settings():
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
    finite = curves[TEST_LOSS:][np.isfinite(curves[TEST_LOSS:])]
    if len(finite) and finite.min() > 0 and finite.max() > 8 * finite.min():
        losses.set_yscale("log")  # else the first epochs hide all that comes after
    accuracies.set_ylabel("accuracy (%)")
    for axes in (losses, accuracies):
        axes.set_xlabel("epoch (0: before training)")
        axes.legend(frameon=False, loc="best")
        axes.locator_params(axis="x", integer=True)
    if regions is not None:
        _draw_regions(regions, results.spec.network.n_classes, record.n_test, panels["M"])
    return figure


def draw_comparison(results: Results, canvas: Canvas) -> "Figure":
    """Draw differences, scores and, where they were kept, learning curves: a column a question.

    The differences, which the answer is about, come first; the answer stands above them.
    """
    questions, n_rows = results.spec.questions, len(results.spec.variants)
    has_curves = bool(results.findings.bands)
    heights = [1.6 + 0.5 * (n_rows - 1), 1.2 + 0.34 * n_rows] + [3.4] * has_curves
    figure = canvas.new(2.2 + 5.2 * len(questions), sum(heights) + 0.9)
    panels = figure.subplots(
        len(heights), len(questions), squeeze=False, sharex="row", sharey="row",
        height_ratios=heights,
    )  # fmt: skip
    for column, question in enumerate(questions):
        differences, scores, *curves = panels[:, column]
        _draw_differences(results, question, differences)
        _draw_scores(results, question, scores)
        for axes in curves:
            _draw_bands(results, question, axes)
    figure.suptitle(_comparison_title(results))
    if has_curves:
        handles, labels = panels[-1, 0].get_legend_handles_labels()
        figure.legend(
            handles, labels, frameon=False, loc="outside lower center", ncols=4, fontsize="small"
        )
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
        f"{design(results, spec.questions[-1])}"
    )


def _literal(text: str) -> str:
    # matplotlib would read a formula between two dollar signs
    return text.replace("$", r"\$")


def _draw_scores(results: Results, question: Question, axes: "Axes") -> None:
    """Draw the test accuracies of each variant: a box, and a dot a repeat or a half violin.

    The axis ends twice as far below the ceiling as a run ends low; how many runs lie beyond is
    written there, so that they squeeze nothing.
    """
    shown = results.of_question(question)
    scores = []
    for one in shown:
        row = results.scores.test_accuracy(one.arm)
        scores.append(100 * row[~np.isnan(row)])
    end = _low_end(results)
    places = range(len(shown), 0, -1)
    axes.boxplot(
        [row if len(row) >= FEWEST_BOXED else [] for row in scores],
        positions=places,
        orientation="horizontal",
        manage_ticks=False,
        showfliers=False,
        widths=0.34,
        patch_artist=True,
        boxprops={"facecolor": "none", "edgecolor": "0.25"},
        medianprops={"color": "black", "linewidth": 1.6},
        whiskerprops={"color": "0.25"},
        capprops={"color": "0.25"},
        zorder=4,
    )
    for place, one, row in zip(places, shown, scores, strict=True):
        inside = row[row >= end]
        colour = colour_of(one.arm.variant)
        if len(row) > MANY_RUNS and len(inside) and np.ptp(inside) > 0:
            violin = axes.violinplot(
                inside, [place], orientation="horizontal", side="high", widths=0.85,
                showextrema=False,
            )  # fmt: skip
            for body in cast(Any, violin["bodies"]):
                body.set(facecolor=colour, alpha=0.45)
        else:
            heights = place + 0.6 * _heights(results, question, one, row >= end)
            axes.scatter(inside, heights, s=14, color=colour, alpha=0.55, linewidths=0, zorder=3)
        if len(inside) < len(row):
            axes.annotate(
                f"{len(row) - len(inside)} below", (0, place), xytext=(4, 0), zorder=6,
                xycoords=("axes fraction", "data"), textcoords="offset points", fontsize="small",
                va="center", bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
            )  # fmt: skip
    if results.measured.ceiling is not None:
        axes.axvline(100 * results.measured.ceiling, **CEILING)
    axes.set_yticks(list(places), [label_of(one.arm, results) for one in shown])
    axes.set_xlim(_score_limits(results))
    axes.set_ylim(0.4, len(shown) + 0.7)
    has_ceiling = results.measured.ceiling is not None
    axes.set_xlabel("test accuracy (%)" + ("; dashed: best possible" if has_ceiling else ""))
    axes.tick_params(axis="x", labelbottom=True)


def _low_end(results: Results) -> float:
    """Give the accuracy in percent at which the axis of scores ends."""
    line = results.findings.low_line
    return 0.0 if line is None else max(0.0, round(100 * (line - results.spec.low), 9))


def _score_limits(results: Results) -> tuple[float, float]:
    """Give the ends of the axis of scores in percent, the same for both questions."""
    end, accuracy = _low_end(results), 100 * results.scores.values[TEST_ACCURACY]
    inside = accuracy[~results.scores.is_failed & (accuracy >= end)]
    highest = [100 * (results.measured.ceiling or 0.0), *inside]
    return max(end, min([*inside, *highest[:1]]) - 1.0), max(highest) + 0.8


def _heights(
    results: Results, question: Question, one: Summary, is_kept: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Spread dots over a row by a fixed rule; those that share a source are at one height."""
    accuracy = results.scores.test_accuracy(one.arm)
    repeats = results.scores.repeats[~np.isnan(accuracy)][is_kept]
    nested = results.spec.nested
    if nested is not None and results.spec.is_nested(one.arm):
        return np.asarray((repeats // nested[1]) / max(1, nested[0] - 1) - 0.5)
    return np.asarray((np.arange(len(repeats)) * 0.618034) % 1.0 - 0.5)


def _draw_differences(results: Results, question: Question, axes: "Axes") -> None:
    """Draw each mean difference to standalone with its interval, numbers and verdict beside it."""
    shown = [one for one in results.of_question(question) if one.difference is not None]
    margin = 100 * results.spec.margin
    axes.axvspan(-margin, margin, color="0.92", zorder=0)
    axes.axvline(0, color="0.35", linewidth=1.0, zorder=1)
    places = range(len(shown), 0, -1)
    for i, (place, one) in enumerate(zip(places, shown, strict=True)):
        d, colour = one.difference, colour_of(one.arm.variant)
        if d is None or d.mean is None:
            continue
        numbers = f"{100 * d.mean:+.1f}"
        if d.ci_low is not None and d.ci_high is not None:
            ends = [100 * d.ci_low, 100 * d.ci_high]
            axes.plot(ends, [place, place], color=colour, linewidth=2.6, solid_capstyle="butt")
            numbers += f" [{ends[0]:+.1f}, {ends[1]:+.1f}]"
        is_decided = one.verdict is not None and one.verdict.kind != "undecided"
        axes.plot(
            [100 * d.mean], [place], marker=MARKERS[i % len(MARKERS)], markersize=7,
            color=colour if is_decided else "white", markeredgecolor=colour, markeredgewidth=1.6,
            zorder=4,
        )  # fmt: skip
        axes.annotate(
            f"{numbers}\n{verdict_word(one.verdict)}", (1, place), xytext=(6, 0),
            xycoords=("axes fraction", "data"), textcoords="offset points", fontsize="small",
            va="center", fontweight="bold" if is_decided else "normal",
        )  # fmt: skip
    axes.set_yticks(list(places), [label_of(one.arm, results) for one in shown])
    axes.set_ylim(0.4, len(shown) + 0.6)
    axes.set_xlabel(
        "difference to standalone in points: worse below 0, better above\n"
        f"95 % intervals that hold together; grey: margin of {points(results.spec.margin)}"
    )
    axes.tick_params(axis="x", labelbottom=True)
    sentence = short_answer(results, question)
    caption = textwrap.fill(sentence or "", 62)
    axes.set_title(_literal(caption), fontsize="medium", loc="left")


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
            label=label_of(band.arm, results),
        )  # fmt: skip
    if results.measured.ceiling is not None:
        axes.axhline(100 * results.measured.ceiling, label="ceiling", **CEILING)
    if results.findings.threshold is not None:
        axes.axhline(
            100 * results.findings.threshold, color="0.35", linestyle=":", label="threshold"
        )
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
        axes.scatter(
            rows[:, 0], rows[:, 1], s=13, color=colour, marker=_marker(k), alpha=0.6, linewidths=0,
            rasterized=len(labels) > MANY_DOTS,
        )  # fmt: skip
        if plane.centers is not None:
            axes.plot(*plane.centers[k], **CENTER | {"marker": _marker(k)}, markerfacecolor=colour)


def _draw_task(task: Task, plane: Plane, axes: "Axes") -> None:
    """Draw the rows of a problem by class; of one feature, how many rows lie where."""
    labels = np.concatenate([task.y_train, task.y_test])
    n_classes = task.spec.n_classes
    if task.x_train.shape[1] == 1:
        places = plane.points[:, 0]
        edges = np.linspace(places.min(), places.max(), N_BINS + 1)
        for k, colour in enumerate(_cycle(n_classes)):
            axes.hist(places[labels == k], edges.tolist(), color=colour, alpha=0.45)
            if plane.centers is not None:
                axes.axvline(plane.centers[k, 0], color=colour, linewidth=1.6)
    else:
        _scatter_classes(axes, plane, labels, n_classes)
        axes.set_aspect("equal", adjustable="box")
    ceiling = "" if task.ceiling is None else f", ceiling {100 * task.ceiling:.1f} %"
    axes.set_title(_literal(f"{task.spec.name.capitalize()}{ceiling}"))


def _draw_curve(
    axes: "Axes", curve: NDArray[np.float64], label: str, style: dict[str, Any], scale: float
) -> None:
    heights = np.where(np.isfinite(curve), scale * curve, np.nan)
    # A run that diverged at once has a single point, which no line shows.
    marker = "o" if np.isfinite(heights).sum() == 1 else None
    axes.plot(heights, marker=marker, label=label, linewidth=1.4, **style)


def _cycle(n: int) -> list[str]:
    return [COLOURS[i % len(COLOURS)] for i in range(n)]


def _marker(k: int) -> str:
    """Give the marker of a class: every seven share their colours, and have other markers."""
    return MARKERS[(k + k // len(COLOURS)) % len(MARKERS)]
