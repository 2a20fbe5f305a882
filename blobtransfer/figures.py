"""Results or Task -> figures: draws, never computes.

Figures are made without pyplot, which costs half a second and a window system, unless
they are to be shown in a window.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blobtransfer.data import Task, principal_plane
from blobtransfer.errors import EnvironmentFailed
from blobtransfer.files import replacing
from blobtransfer.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Told apart with any colour vision (Okabe & Ito 2008); F0E442 is too pale on white."""

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
        EnvironmentFailed: Windows are asked for and there is no display for them.
    """

    def __init__(self, show: bool = False) -> None:
        self.has_windows = show
        if show:
            import matplotlib.pyplot as plt

            probe = plt.figure()  # settles which backend works here
            plt.close(probe)
            if getattr(probe.canvas, "required_interactive_framework", None) is None:
                raise EnvironmentFailed(
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
        EnvironmentFailed: The file cannot be written.
    """
    import matplotlib as mpl

    undated: dict[str, dict[str, Any]] = {
        ".svg": {"Date": None},
        ".pdf": {"CreationDate": None},
    }
    with mpl.rc_context({"svg.hashsalt": "blobtransfer"}), replacing(path) as temporary:
        figure.savefig(temporary, dpi=150, metadata=undated.get(path.suffix.lower()))


def draw_tasks(tasks: Sequence[Task], canvas: Canvas) -> "Figure":
    """Draw a panel a problem: rows by class, true centres, the ceiling in the title."""
    from matplotlib.lines import Line2D

    n_columns = min(len(tasks), PANELS_A_ROW)
    n_rows = -(-len(tasks) // n_columns)
    figure = canvas.new(4.2 * n_columns, 4.0 * n_rows)
    panels = list(figure.subplots(n_rows, n_columns, squeeze=False).flat)
    for task, axes in zip(tasks, panels, strict=False):
        _draw_task(task, axes)
    centre = Line2D([], [], **CENTER, markerfacecolor="0.8", label="true centre of a class")
    figure.legend(handles=[centre], loc="outside lower right", frameon=False)
    for axes in panels[len(tasks) :]:
        axes.set_visible(False)
    return figure


def draw_curves(results: Results, canvas: Canvas) -> "Figure":
    """Draw the learning of one run: loss on top, accuracy below, epoch 0 included."""
    (curve,), (task,), (summary,) = results.curves, results.tasks, results.summary
    figure = canvas.new(6.4, 6.0)
    losses, accuracies = figure.subplots(2, 1, sharex=True)
    who = "source network" if task.role == "source" else summary.label
    losses.set_title(f"Problem {task.seed}, {results.spec.network}, {who}")
    for name, colour in (("train", COLOURS[0]), ("test", COLOURS[1])):
        _draw_curve(losses, getattr(curve, f"{name}_loss"), name, colour, 1.0)
        _draw_curve(accuracies, getattr(curve, f"{name}_accuracy"), name, colour, 100.0)
    accuracies.axhline(100 * task.ceiling, label="ceiling (test)", **CEILING)
    losses.set_ylabel("loss (nats)")
    accuracies.set_ylabel("accuracy (%)")
    accuracies.set_xlabel("epoch (0: before training)")
    losses.legend(frameon=False)
    accuracies.legend(frameon=False, loc="best")
    accuracies.xaxis.get_major_locator().set_params(integer=True)
    return figure


def draw_comparison(results: Results, canvas: Canvas) -> "Figure":
    """Draw a box a variant over the repeats' test accuracies, and every repeat as a dot."""
    target = results.task("target")
    n_variants = len(results.summary)
    figure = canvas.new(max(5.0, 1.2 + 1.5 * n_variants), 4.8)
    axes = figure.subplots()
    scores = [100 * np.array(results.test_accuracies(summary)) for summary in results.summary]
    axes.boxplot(
        scores,
        tick_labels=[summary.label.replace(" ", "\n") for summary in results.summary],
        showfliers=False,
        widths=0.6,
        patch_artist=True,
        boxprops={"facecolor": "0.95", "edgecolor": "0.4"},
        medianprops={"color": "black", "linewidth": 1.6},
        whiskerprops={"color": "0.4"},
        capprops={"color": "0.4"},
    )
    n_dots = sum(map(len, scores))
    for place, (column, colour) in enumerate(zip(scores, _cycle(n_variants), strict=True), 1):
        # Places are spread by a fixed rule, so that the same results give the same picture.
        places = place + 0.36 * ((np.arange(len(column)) * 0.618034) % 1.0 - 0.5)
        axes.scatter(
            places, column, s=22, color=colour, alpha=0.6, linewidths=0, zorder=3,
            rasterized=n_dots > MANY_DOTS,
        )  # fmt: skip
    axes.axhline(100 * target.ceiling, label="ceiling", **CEILING)
    axes.legend(frameon=False, loc="best")
    axes.set_ylabel("test accuracy (%)")
    origin = (
        f"problem {results.task('source').seed}"
        if results.source_run is not None
        else Path(results.spec.model_path or "").name
    )
    n_repeats = len({run.repeat for run in results.runs})
    axes.set_title(
        f"Transfer from {origin} to problem {target.seed}\n"
        f"{results.spec.network}, one source network, {n_repeats} repeats",
        fontsize="medium",
    )
    return figure


def _draw_task(task: Task, axes: "Axes") -> None:
    points, centers = principal_plane(task)
    labels = np.concatenate([task.y_train, task.y_test])
    n_features = task.x_train.shape[1]
    for k, colour in enumerate(_cycle(len(centers))):
        rows = points[labels == k]
        axes.scatter(
            rows[:, 0], rows[:, 1], s=9, color=colour, alpha=0.55, linewidths=0,
            rasterized=len(labels) > MANY_DOTS,
        )  # fmt: skip
        axes.plot(*centers[k], **CENTER, markerfacecolor=colour)
    axes.set_title(f"Problem {task.spec.seed}, ceiling {100 * task.ceiling:.1f} %")
    if n_features > 2:
        axes.set_xlabel(f"principal component 1 of {n_features} features")
        axes.set_ylabel("principal component 2")
    else:
        axes.set_xlabel("feature 1")
        axes.set_ylabel("feature 2" if n_features == 2 else "")
    axes.set_aspect("equal", adjustable="datalim")


def _draw_curve(
    axes: "Axes", curve: Sequence[float | None], label: str, colour: str, scale: float
) -> None:
    heights = [np.nan if value is None else scale * value for value in curve]
    # A run that diverged at once has a single point, which no line shows.
    marker = "o" if np.isfinite(heights).sum() == 1 else None
    axes.plot(heights, marker=marker, label=label, color=colour, linewidth=1.4)


def _cycle(n: int) -> list[str]:
    return [COLOURS[i % len(COLOURS)] for i in range(n)]
