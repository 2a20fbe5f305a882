"""What is drawn in a figure, read back from its axes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.dataset import Dataset
from blobtransfer.report.figures.canvas import Canvas
from blobtransfer.report.figures.pictures import Picture, picture_of_report
from blobtransfer.report.kinds import build_report
from blobtransfer.report.kinds.data import DataResults
from blobtransfer.results.provenance import Provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text


def rows_of(axes: "Axes") -> list[str]:
    """Return the labels of the rows."""
    return [label.get_text() for label in axes.get_yticklabels()]


def dots_of(axes: "Axes") -> list[NDArray[np.float64]]:
    """Return the dots of each row of scores, (n, 2)."""
    return [np.asarray(collection.get_offsets()) for collection in axes.collections]


def lines_across(axes: "Axes") -> list[float]:
    """Return the places of the lines from the bottom of a panel to its top."""
    return [
        float(np.asarray(line.get_xdata())[0])
        for line in axes.lines
        if list(np.asarray(line.get_ydata())) == [0, 1]
    ]


def notes_in(axes: "Axes") -> list[str]:
    """Return the texts beside the rows."""
    return [text.get_text() for text in axes.texts]


def texts_in(figure: "Figure") -> list["Text"]:
    """Return every text that is seen."""
    from matplotlib.text import Text

    figure.draw_without_rendering()
    hidden = {id(label) for axes in figure.axes for label in _labels_beyond(axes)}
    return [
        text
        for text in figure.findobj(Text)
        if isinstance(text, Text)
        and text.get_text().strip()
        and text.get_visible()
        and (text.axes is None or text.axes.get_visible())
        and id(text) not in hidden
    ]


def _labels_beyond(axes: "Axes") -> list["Text"]:
    """Return the labels of ticks that lie beyond the ends of their axis, and are not drawn."""
    found = []
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
            if not low <= float(tick.get_loc()) <= high or not axes.get_visible():
                found += [tick.label1, tick.label2]
    return found


def picture_of_datasets(
    datasets: Sequence[Dataset], canvas: Canvas, argv: Sequence[str]
) -> Picture:
    """Draw data sets as `plot-data` does."""
    results = DataResults(tuple(datasets), Provenance("2026-01-01T00:00:00+00:00", 0.0))
    return picture_of_report(build_report(results), canvas, argv)
