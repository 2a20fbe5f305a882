"""Heat maps of a grid, or of a sweep along two axes: one panel per variant and question."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from blobtransfer.report.figures.canvas import LINE_HEIGHT, Canvas, new_panels
from blobtransfer.report.figures.names import setting_name, without_shared_words
from blobtransfer.report.figures.rankings import RankingMark, new_with_rankings
from blobtransfer.report.figures.style import (
    DARK_TEXT,
    LIGHT_TEXT,
    Look,
    escape_mathtext,
    shorten,
    width_in_letters,
)
from blobtransfer.report.report import Report
from blobtransfer.report.words import (
    QUESTION_NAMES,
    format_judged_mean,
    format_points,
    format_signed,
    metric_name,
    points_of,
)
from blobtransfer.results.results import StudyResults
from blobtransfer.specs.data import ROLES
from blobtransfer.specs.experiment import Question
from blobtransfer.specs.study import Axis
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

CELL_WIDTH, CELL_HEIGHT, MIN_CELL_WIDTH = 0.86, 0.42, 0.42
"""Width and height of a cell, and its least width, in inches at a font of 10 points."""

CELL_LETTERS, CELL_LETTERS_OF_A_LINE = 5, 6.5
"""Letters of the number of a cell, and of the number with its mark beside it."""

SLANT_WIDTH = 0.82
"""Width of a slanted name, as a share of its length."""

MAP_TEXTS_HEIGHT = 0.6
"""Height of the title of a map and of its axis without the names, as above."""

MEAN_GAP = 0.25
"""Gap between a map and its means, in cells."""

MAX_HEAT_COLUMNS = 3
"""Largest number of panels side by side."""

MAX_LABELS_SHARE = 0.3
"""Greatest share of the width that names of rows take."""

BAR_WIDTH, BAR_HEIGHT, MIN_WIDTH_WITH_BAR = 1.4, 0.8, 5.5
"""Width of a colour bar with its label, height of one below the panels, and least width of a
figure with a bar beside them, in inches at a font of 10 points."""

BAR_LETTERS = 20
"""Letters of the longer line of the label of a colour bar beside the panels."""

MIN_LIMIT = 1.0
"""Smallest end of the scale, in points; a smaller scale would emphasise noise."""


@dataclass(frozen=True)
class _HeatMap:
    """The cells of one variant.

    Args:
        title: Name of the variant, with the question if there are two.
        cells: Difference in points and verdict of each cell, by row and column.
        row_means: Mean difference in points of each row that has one, by index.
        column_means: Mean difference in points of each column that has one, by index.
    """

    title: str
    cells: dict[tuple[int, int], tuple[float, VerdictKind]]
    row_means: dict[int, float]
    column_means: dict[int, float]


@dataclass(frozen=True)
class _Layout:
    """Sizes of the panels, in inches at a font of 10 points.

    Args:
        width: Width of the figure.
        height: Preferred height of the figure.
        n_columns: Panels side by side.
        rows: Name of the axis of rows, and their names.
        columns: Name of the axis of columns, and their names.
        is_slanted: Whether the names of columns are slanted.
        n_lines: Lines of text that a cell has room for: 2, 1, or 0 for none.
        has_bar_below: Whether the colour bar is below the panels, not beside them.
    """

    width: float
    height: float
    n_columns: int
    rows: tuple[str, list[str]]
    columns: tuple[str, list[str]]
    is_slanted: bool
    n_lines: int
    has_bar_below: bool


def draw_heat(
    report: Report[StudyResults], canvas: Canvas, has_self_transfer: bool = False
) -> "Figure":
    """Draw the difference of every cell as a number, a mark and a colour.

    The colours of all panels are on one scale, symmetric about 0. Means of rows and columns, which
    a grid has, stand beside the map.

    Args:
        report: Report of a study with two axes.
        canvas: Canvas to draw on.
        has_self_transfer: Whether the diagonal, whose source is another network of the target
            data, is framed.
    """
    results = report.results
    labels, variants = results.variant_labels, results.cells[-1].spec.variants
    if has_self_transfer and len(results.cells) > 1:
        variants = results.cells[1].spec.variants
    maps = [_heat_map(results, q, i) for q in results.study.questions for i in labels]
    notes = _notes(results, maps[0], has_self_transfer)
    layout = _layout_of(report, maps, notes, canvas)
    marks = [
        RankingMark(
            variants[finding.series], labels[finding.series], finding.score, finding.ranking
        )
        for finding in results.findings.rankings
    ]
    metric = metric_name(results.cell.spec)
    whole, figure, rankings = new_with_rankings(
        canvas, layout.width, layout.height, marks, variants, metric
    )
    panels = new_panels(figure, len(maps), layout.n_columns)
    means = [abs(mean) for heat_map in maps for mean, _ in heat_map.cells.values()]
    limit = max([MIN_LIMIT, *means])
    for i, (heat_map, axes) in enumerate(zip(maps, panels, strict=True)):
        image = _draw_cells(results, heat_map, limit, axes, canvas.look, layout.n_lines)
        if has_self_transfer:
            _frame_diagonal(results, axes, canvas.look)
        if layout.n_lines:
            _write_means(heat_map, axes, canvas.look)
        has_columns_below = i + layout.n_columns < len(maps)
        _set_labels(heat_map, layout, axes, i % layout.n_columns > 0, has_columns_below)
    canvas.add_letters([*panels, *rankings])
    canvas.add_title(whole, report.headline, layout.width)
    bar_options: dict[str, Any] = {"shrink": 0.8}
    if layout.has_bar_below:
        bar_options |= {"location": "bottom", "aspect": 30, "pad": 0.02}
    bar = figure.colorbar(image, ax=panels, **bar_options)
    separator = " " if layout.has_bar_below else "\n"
    bar.set_label(f"difference to{separator}standalone ({points_of(results.cell.spec)})")
    if not layout.n_lines:
        notes = ["hatched: undecided", *["framed: self-transfer"] * has_self_transfer]
    canvas.add_foot(figure, notes, layout.width)
    return whole


def _layout_of(
    report: Report[StudyResults], maps: Sequence[_HeatMap], notes: Sequence[str], canvas: Canvas
) -> _Layout:
    """Choose the sizes of the panels; see `draw_heat`."""
    down, across = report.results.study.axes
    names_width = canvas.max_name_width(MAX_LABELS_SHARE * canvas.width(6.0))
    rows, columns = (_axis_names(axis, names_width) for axis in (down, across))
    has_means = bool(maps[0].row_means or maps[0].column_means)
    n_across, n_down = (len(axis.values) + 1.25 * has_means for axis in (across, down))
    labels_width = 0.6 + canvas.width_of(max(map(width_in_letters, rows[1])))
    n_side = min(MAX_HEAT_COLUMNS, len(maps))
    width = canvas.width(max(6.0, labels_width + n_side * CELL_WIDTH * n_across + 1.0))
    has_bar_below = width < MIN_WIDTH_WITH_BAR
    room = width - labels_width - (0.3 if has_bar_below else BAR_WIDTH)
    widths = [canvas.width_of(width_in_letters(name)) for name in columns[1]]
    for n_columns in range(n_side, 0, -1):
        cell_width = room / n_columns / n_across
        is_slanted = max(widths) + canvas.width_of(1) > cell_width
        if is_slanted:  # names of columns reach below the panel to the left
            reach = [SLANT_WIDTH * w - (i + 0.5) * cell_width for i, w in enumerate(widths)]
            cell_width -= (n_columns - 1) * max(0.0, *reach) / n_columns / n_across
        if cell_width >= MIN_CELL_WIDTH:
            break
    names_height = 0.6 * max(widths) if is_slanted else LINE_HEIGHT
    n_rows = -(-len(maps) // n_columns)
    texts = canvas.title_height(report.headline, width) + canvas.foot_height(notes, (), width)
    n_named = 2 if n_rows > 1 and len(maps) % n_columns else 1  # rows of panels with names below
    texts += n_rows * MAP_TEXTS_HEIGHT + n_named * names_height + BAR_HEIGHT * has_bar_below
    min_map_height = canvas.width_of(max(width_in_letters(rows[0]), BAR_LETTERS))
    height = texts + n_rows * max(CELL_HEIGHT * n_down, min_map_height)
    cell_height = (canvas.height(height) - texts) / n_rows / n_down
    n_lines = 0
    if cell_width >= canvas.width_of(CELL_LETTERS):
        n_lines = min(2, int(cell_height / (1.2 * canvas.look.line_height)))
        if n_lines == 1 and cell_width < canvas.width_of(CELL_LETTERS_OF_A_LINE):
            n_lines = 0
    return _Layout(width, height, n_columns, rows, columns, is_slanted, n_lines, has_bar_below)


def _axis_names(axis: Axis, max_width: float) -> tuple[str, list[str]]:
    """Return the name of an axis in words, and the names of its values without shared words."""
    name = setting_name(axis.name)
    shared, values = "", list(axis.values)
    if axis.name in ROLES:
        shared, values = without_shared_words(values)
    names = [escape_mathtext(shorten(value, max_width)) for value in values]
    return escape_mathtext(f"{name} {shared}".strip()), names


def _notes(results: StudyResults, heat_map: _HeatMap, has_self_transfer: bool) -> list[str]:
    """Return what explains the panels.

    Args:
        results: Results of the command.
        heat_map: One of the maps.
        has_self_transfer: Whether the diagonal is framed.
    """
    margin = f" (within {format_points(results.study.margin)})" if results.study.margin else ""
    notes = [
        f"{SYMBOLS['better']} better", f"{SYMBOLS['worse']} worse",
        f"{SYMBOLS['no practical difference']} no practical difference{margin}",
        f"{SYMBOLS['undecided']} and hatched: undecided",
    ]  # fmt: skip
    if has_self_transfer:
        notes.append("framed: self-transfer")
    if heat_map.row_means or heat_map.column_means:
        notes.append("means without self-transfer" if has_self_transfer else "means")
    return notes


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
    row_means, column_means = (
        {
            axis.values.index(mean.at): 100 * mean.mean
            for mean in results.findings.marginal_means
            if mean.series == series and mean.axis == axis.name
        }
        for axis in (down, across)
    )
    return _HeatMap(title, cells, row_means, column_means)


def _draw_cells(
    results: StudyResults, heat_map: _HeatMap, limit: float, axes: "Axes", look: Look, n_lines: int
) -> "ScalarMappable":
    """Draw the cells of one variant.

    Args:
        results: Results of a study with two axes.
        heat_map: Its cells.
        limit: End of the scale, in points.
        axes: Axes to draw on.
        look: Sizes.
        n_lines: Lines of text in a cell.

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
        text |= {"fontsize": look.small, "color": DARK_TEXT}
        if kind == "undecided":
            hatch: dict[str, Any] = {"hatch": "////", "edgecolor": "0.75", "linewidth": 0}
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, **hatch))
            text["bbox"] = {"facecolor": LIGHT_TEXT, "edgecolor": "none", "alpha": 0.8, "pad": 1.0}
        elif abs(mean) > DARK_SHARE * limit:
            text["color"] = LIGHT_TEXT
        between = "\n" if n_lines == 2 else " "
        if n_lines:
            number = format_judged_mean(mean / 100, kind)
            axes.text(column, row, f"{number}{between}{SYMBOLS[kind]}", **text)
    return image


def _frame_diagonal(results: StudyResults, axes: "Axes", look: Look) -> None:
    """Frame the cells whose source and target are the same data."""
    from matplotlib.patches import Rectangle

    down, across = results.study.axes
    for row, value in enumerate(down.values):
        if value in across.values:
            column = across.values.index(value)
            frame: dict[str, Any] = {"edgecolor": DARK_TEXT, "linewidth": 1.8 * look.scale}
            corner = (column - 0.5 + 0.03, row - 0.5 + 0.03)
            axes.add_patch(Rectangle(corner, 0.94, 0.94, fill=False, **frame))


def _write_means(heat_map: _HeatMap, axes: "Axes", look: Look) -> None:
    """Write the means of rows and columns beside a map, with a gap between.

    Args:
        heat_map: The map.
        axes: Its axes.
        look: Sizes.
    """
    right, bottom = axes.get_xlim()[1], axes.get_ylim()[0]
    text: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": look.small}
    edge_x, edge_y = right + MEAN_GAP + 0.5, bottom + MEAN_GAP + 0.5
    means: list[tuple[float, float, float]] = [
        *((edge_x, row, mean) for row, mean in heat_map.row_means.items()),
        *((column, edge_y, mean) for column, mean in heat_map.column_means.items()),
    ]
    if not means:
        return
    for x, y, mean in means:
        axes.text(x, y, format_signed(mean / 100), **text)
    axes.set_xlim(right=right + MEAN_GAP + 1)
    axes.set_ylim(bottom=bottom + MEAN_GAP + 1)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _set_labels(
    heat_map: _HeatMap, layout: _Layout, axes: "Axes", has_left: bool, has_below: bool
) -> None:
    """Name a panel, and its rows and columns unless another panel names them.

    Args:
        heat_map: Cells of the variant.
        layout: Names of rows and columns.
        axes: Axes of the panel.
        has_left: Whether a panel to the left names the rows.
        has_below: Whether a panel below names the columns.
    """
    (down, rows), (across, columns) = layout.rows, layout.columns
    has_means = axes.get_xlim()[1] > len(columns) - 0.5
    mean_at, mean_name = ([len(columns) + MEAN_GAP], ["mean"]) if has_means else ([], [])
    slant: dict[str, Any] = {"rotation": 0, "ha": "center"}
    if layout.is_slanted:
        slant = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks([*range(len(columns)), *mean_at], [*columns, *mean_name], **slant)
    mean_at = [len(rows) + MEAN_GAP] if has_means else []
    axes.set_yticks([*range(len(rows)), *mean_at], [*rows, *mean_name])
    axes.tick_params(length=0)
    if has_left:
        axes.tick_params(labelleft=False)
    else:
        axes.set_ylabel(down)
    if has_below:
        axes.tick_params(labelbottom=False)
    else:
        axes.set_xlabel(across)
    axes.set_title(heat_map.title, loc="left")
