"""Heat maps of a grid, or of a sweep along two axes: a panel a variant and question."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blobtransfer.report.figures.canvas import LINE_HEIGHT, Canvas
from blobtransfer.report.figures.rankings import RANKINGS_HEIGHT, Ranked, has_room, with_rankings
from blobtransfer.report.figures.style import Look, literal, shortened, width_in_letters
from blobtransfer.report.report import Report
from blobtransfer.report.words import QUESTION_NAMES, format_points, format_signed_points
from blobtransfer.results.findings import Summary
from blobtransfer.results.results import StudyResults
from blobtransfer.specs.experiment import Question
from blobtransfer.specs.study import variant_labels
from blobtransfer.statistics.paired import VerdictKind

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

SYMBOLS: dict[VerdictKind, str] = {
    "better": "▲",
    "worse": "▼",
    "no practical difference": "=",
    "undecided": "?",
}
"""Verdicts beside the number of a cell; an undecided one is hatched as well."""

COLOUR_MAP = "PuOr"
"""Colours from worse to better, told apart with any colour vision."""

DARK_SHARE = 0.62
"""Share of the scale from which on the text of a cell is white."""

CELL_WIDTH, CELL_HEIGHT, MIN_CELL_WIDTH = 0.86, 0.5, 0.42
"""Width and height of a cell, and its least width, in inches at a font of 10 points."""

MAX_LABELS_SHARE = 0.3
"""Greatest share of the width that names of rows take."""

LONG_LABEL = 9.0
"""Width beyond which names of columns are slanted, in letters of average width."""

MIN_LIMIT = 1.0
"""Points; a scale that ended below would make noise look like something."""


@dataclass(frozen=True)
class _Panel:
    question: Question
    series: int
    label: str


def draw_heat(
    report: Report[StudyResults], canvas: Canvas, has_self_transfer: bool = False
) -> "Figure":
    """Draw the difference of every cell as a number, a mark and a colour.

    The colours of all panels are on one scale, symmetric about 0.

    Args:
        report: Report of a study with two axes.
        canvas: Canvas to draw on.
        has_self_transfer: Whether the diagonal, whose source is another network of the target
            problem, is framed.
    """
    results = report.results
    names = list(variant_labels(results.study))
    panels = [
        _Panel(question, i, name) for question in results.study.questions for i, name in names
    ]
    down, across = results.study.axes
    longest = canvas.longest_name(MAX_LABELS_SHARE * canvas.width(6.0))
    row_names = [shortened(value, longest) for value in down.values]
    labels = 0.6 + canvas.width_of(max(map(width_in_letters, row_names)))
    wanted = labels + CELL_WIDTH * len(across.values)
    width = canvas.width(max(6.0, min(3, len(panels)) * wanted + 1.0))
    n_columns = canvas.n_columns(
        min(3, len(panels)), width, labels + MIN_CELL_WIDTH * len(across.values)
    )
    n_rows = -(-len(panels) // n_columns)
    title = canvas.wrapped(report.headline, width / 1.25)
    words = LINE_HEIGHT * (title.count("\n") + 6)
    height = words + n_rows * (CELL_HEIGHT * len(down.values) + 1.1)
    ranked = [
        Ranked(results.cells[1].spec.variants[one.series], label, one.score, one.ranking)
        for one in results.findings.rankings
        for i, label in names
        if i == one.series and has_room(canvas)
    ]
    whole = canvas.new(width, height + (RANKINGS_HEIGHT if ranked else 0.0))
    figure = with_rankings(whole, height, ranked, canvas.look) if ranked else whole
    grid = figure.subplots(n_rows, n_columns, squeeze=False)
    limit = _limit(results, panels)
    image = None
    for place, axes in enumerate(grid.flat):
        if place < len(panels):
            image = _draw_panel(results, panels[place], limit, axes, canvas.look, has_self_transfer)
            _set_labels(results, panels[place], axes, longest)
        else:
            axes.set_visible(False)
    figure.suptitle(literal(title))
    if image is not None:
        bar = figure.colorbar(image, ax=list(grid.flat), shrink=0.8)
        bar.set_label("difference to standalone (points)")
    margin = f" (less than {format_points(results.study.margin)})" if results.study.margin else ""
    figure.supxlabel(
        canvas.wrapped(
            f"{SYMBOLS['better']} better   {SYMBOLS['worse']} worse   = no practical difference"
            f"{margin}   ? undecided, hatched"
            + ("   framed: self-transfer" if has_self_transfer else ""),
            width,
        ),
        fontsize=canvas.look.small,
    )
    return whole


def _draw_panel(
    results: StudyResults,
    panel: _Panel,
    limit: float,
    axes: "Axes",
    look: Look,
    has_self_transfer: bool,
) -> "ScalarMappable":
    import numpy as np
    from matplotlib.patches import Rectangle

    down, across = results.study.axes
    values = np.full((len(down.values), len(across.values)), np.nan)
    found = _summaries(results, panel)
    for (row, column), one in found.items():
        if one.difference is not None and one.difference.mean is not None:
            values[row, column] = 100 * one.difference.mean
    image = axes.imshow(values, cmap=COLOUR_MAP, vmin=-limit, vmax=limit, aspect="auto")
    for (row, column), one in found.items():
        if not np.isfinite(values[row, column]):
            continue
        kind = "undecided" if one.verdict is None else one.verdict.kind
        box = (column - 0.5, row - 0.5)
        if kind == "undecided":
            axes.add_patch(
                Rectangle(box, 1, 1, fill=False, hatch="////", edgecolor="0.75", linewidth=0)
            )
        is_dark = kind != "undecided" and abs(values[row, column]) > DARK_SHARE * limit
        axes.text(
            column, row, f"{format_signed_points(values[row, column] / 100)}\n{SYMBOLS[kind]}",
            ha="center", va="center",
            fontsize=look.small, color="white" if is_dark else "black", linespacing=1.0,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.0}
            if kind == "undecided"
            else None,
        )  # fmt: skip
        if has_self_transfer and down.values[row] == across.values[column]:
            axes.add_patch(
                Rectangle(
                    (box[0] + 0.03, box[1] + 0.03), 0.94, 0.94, fill=False, edgecolor="black",
                    linewidth=1.8 * look.scale,
                )
            )  # fmt: skip
    return image


def _set_labels(results: StudyResults, panel: _Panel, axes: "Axes", longest: float) -> None:
    """Name the rows and columns of a panel; names are cut to a width in letters."""
    down, across = results.study.axes
    shown = [
        [literal(shortened(value, longest)) for value in axis.values] for axis in (down, across)
    ]
    is_long = max(map(width_in_letters, shown[1])) > LONG_LABEL
    axes.set_yticks(range(len(shown[0])), shown[0])
    axes.set_xticks(
        range(len(shown[1])), shown[1], rotation=35 if is_long else 0,
        ha="right" if is_long else "center", rotation_mode="anchor" if is_long else None,
    )  # fmt: skip
    axes.set_ylabel(literal(shortened(down.name, longest)))
    axes.set_xlabel(literal(shortened(across.name, longest)))
    name = literal(panel.label)
    if len(results.study.questions) > 1:
        name = f"{QUESTION_NAMES[panel.question].capitalize()}: {name}"
    axes.set_title(name, loc="left")


def _summaries(results: StudyResults, panel: _Panel) -> dict[tuple[int, int], Summary]:
    """Return the summary of each cell by its row and column."""
    down, across = results.study.axes
    return {
        (down.values.index(cell.at[0]), across.values.index(cell.at[1])): cell.summary_of(
            panel.question, panel.series
        )
        for cell in results.cells
    }


def _limit(results: StudyResults, panels: Sequence[_Panel]) -> float:
    """Return the end of the scale, in points."""
    means = [
        abs(100 * one.difference.mean)
        for panel in panels
        for one in _summaries(results, panel).values()
        if one.difference is not None and one.difference.mean is not None
    ]
    return max([MIN_LIMIT, *means])
