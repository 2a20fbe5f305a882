"""Heat maps of a grid, or of a sweep along two axes: one panel per variant and question."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from blobtransfer.report.figures.canvas import LINE_HEIGHT, Canvas, new_panels
from blobtransfer.report.figures.rankings import RankingMark, new_with_rankings
from blobtransfer.report.figures.style import Look, escape_mathtext, shorten, width_in_letters
from blobtransfer.report.report import Report
from blobtransfer.report.words import (
    QUESTION_NAMES,
    format_judged_mean,
    format_points,
    metric_name,
    points_of,
)
from blobtransfer.results.results import StudyResults
from blobtransfer.specs.experiment import Question
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
"""Colours from worse to better, distinguishable with any colour vision."""

DARK_SHARE = 0.62
"""Cells beyond this share of the colour scale have white text."""

CELL_WIDTH, CELL_HEIGHT, MIN_CELL_WIDTH = 0.86, 0.5, 0.42
"""Width and height of a cell, and its least width, in inches at a font of 10 points."""

MAX_HEAT_COLUMNS = 3
"""Largest number of panels side by side."""

MAX_LABELS_SHARE = 0.3
"""Greatest share of the width that names of rows take."""

MAX_LEVEL_LABEL = 9.0
"""Column names wider than this, in average letters, are slanted."""

MIN_LIMIT = 1.0
"""Smallest end of the scale, in points; a smaller scale would emphasise noise."""


@dataclass(frozen=True)
class _HeatMap:
    """The cells of one variant.

    Args:
        title: Name of the variant, with the question if there are two.
        cells: Difference in points and verdict of each cell, by row and column.
    """

    title: str
    cells: dict[tuple[int, int], tuple[float, VerdictKind]]


def draw_heat(
    report: Report[StudyResults], canvas: Canvas, has_self_transfer: bool = False
) -> "Figure":
    """Draw the difference of every cell as a number, a mark and a colour.

    The colours of all panels are on one scale, symmetric about 0.

    Args:
        report: Report of a study with two axes.
        canvas: Canvas to draw on.
        has_self_transfer: Whether the diagonal, whose source is another network of the target
            data, is framed.
    """
    results, look = report.results, canvas.look
    labels = results.variant_labels
    maps = [_heat_map(results, q, i) for q in results.study.questions for i in labels]
    down, across = results.study.axes
    names_width = canvas.max_name_width(MAX_LABELS_SHARE * canvas.width(6.0))
    longest = max(width_in_letters(shorten(value, names_width)) for value in down.values)
    labels_width, n_side = 0.6 + canvas.width_of(longest), min(MAX_HEAT_COLUMNS, len(maps))
    panel_width = labels_width + CELL_WIDTH * len(across.values)
    width = canvas.width(max(6.0, n_side * panel_width + 1.0))
    min_width = labels_width + MIN_CELL_WIDTH * len(across.values)
    n_columns = canvas.n_columns(n_side, width, min_width)
    title = canvas.wrap(report.headline, width / 1.25)
    height = LINE_HEIGHT * (title.count("\n") + 6)
    height += -(-len(maps) // n_columns) * (CELL_HEIGHT * len(down.values) + 1.1)
    marks = [
        RankingMark(
            results.cells[1].spec.variants[finding.series],
            labels[finding.series],
            finding.score,
            finding.ranking,
        )
        for finding in results.findings.rankings
    ]
    whole, figure = new_with_rankings(canvas, width, height, marks, metric_name(results.cell.spec))
    panels = new_panels(figure, len(maps), n_columns)
    means = [abs(mean) for heat_map in maps for mean, _ in heat_map.cells.values()]
    limit = max([MIN_LIMIT, *means])
    for heat_map, axes in zip(maps, panels, strict=True):
        image = _draw_cells(results, heat_map, limit, axes, look, has_self_transfer)
        _set_labels(results, heat_map, axes, names_width)
    figure.suptitle(escape_mathtext(title))
    bar = figure.colorbar(image, ax=figure.axes, shrink=0.8)
    bar.set_label(f"difference to standalone ({points_of(results.cell.spec)})")
    margin = f" (less than {format_points(results.study.margin)})" if results.study.margin else ""
    note = (
        f"{SYMBOLS['better']} better   {SYMBOLS['worse']} worse   = no practical difference"
        f"{margin}   ? undecided, hatched"
    )
    note += "   framed: self-transfer" if has_self_transfer else ""
    canvas.add_note(figure, note, width)
    return whole


def _heat_map(results: StudyResults, question: Question, series: int) -> _HeatMap:
    """Return the cells of a variant that have a mean difference.

    Args:
        results: Results of the command.
        question: Question whose variants are shown.
        series: Index of the variant in each cell.
    """
    down, across = results.study.axes
    title = escape_mathtext(results.variant_labels[series])
    if len(results.study.questions) > 1:
        title = f"{QUESTION_NAMES[question].capitalize()}: {title}"
    cells: dict[tuple[int, int], tuple[float, VerdictKind]] = {}
    for cell in results.cells:
        summary = cell.summary_of(question, series)
        if summary.difference is not None and summary.difference.mean is not None:
            at = (down.values.index(cell.at[0]), across.values.index(cell.at[1]))
            kind = "undecided" if summary.verdict is None else summary.verdict.kind
            cells[at] = (100 * summary.difference.mean, kind)
    return _HeatMap(title, cells)


def _draw_cells(
    results: StudyResults,
    heat_map: _HeatMap,
    limit: float,
    axes: "Axes",
    look: Look,
    has_self_transfer: bool,
) -> "ScalarMappable":
    """Draw the cells of one variant.

    Args:
        results: Results of a study with two axes.
        heat_map: Its cells.
        limit: End of the scale, in points.
        axes: Axes to draw on.
        look: Sizes.
        has_self_transfer: Whether the diagonal is framed.

    Returns:
        The image, for a colour bar.
    """
    import numpy as np
    from matplotlib.patches import Rectangle

    down, across = results.study.axes
    values = np.full((len(down.values), len(across.values)), np.nan)
    for at, (mean, _) in heat_map.cells.items():
        values[at] = mean
    image = axes.imshow(values, cmap=COLOUR_MAP, vmin=-limit, vmax=limit, aspect="auto")
    for (row, column), (mean, kind) in heat_map.cells.items():
        text: dict[str, Any] = {"ha": "center", "va": "center", "linespacing": 1.0}
        text |= {"fontsize": look.small, "color": "black"}
        if kind == "undecided":
            hatch: dict[str, Any] = {"hatch": "////", "edgecolor": "0.75", "linewidth": 0}
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, **hatch))
            text["bbox"] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.0}
        elif abs(mean) > DARK_SHARE * limit:
            text["color"] = "white"
        axes.text(column, row, f"{format_judged_mean(mean / 100, kind)}\n{SYMBOLS[kind]}", **text)
        if has_self_transfer and down.values[row] == across.values[column]:
            corner, width = (column - 0.5 + 0.03, row - 0.5 + 0.03), 1.8 * look.scale
            frame: dict[str, Any] = {"edgecolor": "black", "fill": False, "linewidth": width}
            axes.add_patch(Rectangle(corner, 0.94, 0.94, **frame))
    return image


def _set_labels(
    results: StudyResults, heat_map: _HeatMap, axes: "Axes", names_width: float
) -> None:
    """Name the rows and columns of a panel; names are cut to a width in letters.

    Args:
        results: Results of the command.
        heat_map: Cells of the variant.
        axes: Axes to draw on.
        names_width: Greatest width of a name, in letters of average width.
    """
    down, across = results.study.axes
    rows, columns = (
        [escape_mathtext(shorten(value, names_width)) for value in axis.values]
        for axis in (down, across)
    )
    axes.set_yticks(range(len(rows)), rows)
    slant: dict[str, Any] = {"rotation": 0, "ha": "center"}
    if max(map(width_in_letters, columns)) > MAX_LEVEL_LABEL:
        slant = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(len(columns)), columns, **slant)
    axes.set_ylabel(escape_mathtext(shorten(down.name, names_width)))
    axes.set_xlabel(escape_mathtext(shorten(across.name, names_width)))
    axes.set_title(heat_map.title, loc="left")
