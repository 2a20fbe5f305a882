"""The figure of a comparison: differences first, then contrasts, scores and learning curves."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from blobtransfer.report.figures.canvas import LINE_HEIGHT, Canvas
from blobtransfer.report.figures.marks import DECIDED_NOTE, interval_note, margin_notes
from blobtransfer.report.figures.panels import (
    MAX_DOTS,
    MAX_LABEL_LINES,
    MIN_BOXED_RUNS,
    Room,
    contrast_labels,
    draw_contrasts,
    draw_curves,
    draw_differences,
    draw_profile,
    draw_scores,
    row_labels,
)
from blobtransfer.report.figures.rankings import RankingMark, new_with_rankings
from blobtransfer.report.figures.style import escape_mathtext, shorten
from blobtransfer.report.report import Report
from blobtransfer.report.units import unit_of
from blobtransfer.report.words import (
    describe_design,
    label_of,
    metric_name,
    name_of,
    question_title,
    test_metric,
)
from blobtransfer.results.results import CellResults, ComparedResults, StudyResults
from blobtransfer.specs.experiment import ComparedQuestion

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

QUESTION_WIDTH, MIN_QUESTION_WIDTH = 6.3, 3.9
"""Width of a question with its labels and numbers, in inches at a font of 10 points, and the width
below which two questions stand below each other."""

DIFFERENCE_LETTERS = 18
"""Letters of a difference with its interval, beside its panel."""

MIN_PANEL_SHARE = 0.4
"""Share of its height to which a panel may shrink on a page of a given height."""

MIN_TWO_LINE_ROW = 0.29
"""Height of a row below which two lines of text beside it overlap those of the next row."""

TITLED = ("differences", "contrasts", "scores")
"""Kinds of panels that have a title."""

DRAW = {
    "differences": draw_differences,
    "contrasts": draw_contrasts,
    "scores": draw_scores,
    "profile": draw_profile,
    "curves": draw_curves,
}
"""Function that draws the panels of each kind."""


@dataclass(frozen=True)
class _Layout:
    """Positions and sizes of panels, in inches at a font of 10 points.

    Args:
        width: Width of the figure.
        height: Preferred height of the figure.
        n_columns: Questions side by side.
        heights: Height of the panels of each kind, from the top; the same for each question.
        is_wide: Whether a single question has two columns of panels.
        titles: Name of each question, in lines that fit.
        notes: Explanations below the panels.
        room: Room for text in the panels.
    """

    width: float
    height: float
    n_columns: int
    heights: Mapping[str, float]
    is_wide: bool
    titles: Mapping[ComparedQuestion, str]
    notes: Sequence[str]
    room: Room


def draw_comparison(report: Report[StudyResults], canvas: Canvas) -> "Figure":
    """Draw the figure of a comparison."""
    results = report.results.cell
    return draw_variants(report, results, f"{test_metric(results.spec)} (%)", canvas)


def draw_variants(
    report: Report[Any], results: ComparedResults, scores: str, canvas: Canvas
) -> "Figure":
    """Draw differences, contrasts, scores and, if recorded, learning curves.

    Each question has a column of panels. If two columns do not fit, the questions stand below each
    other; on a wide page a single question has two columns. Panels that do not fit a page of a
    given height are left out, except the differences.

    Args:
        report: Report of the results.
        results: The results.
        scores: Label of the axis of scores.
        canvas: Canvas to draw on.
    """
    layout = _layout_of(report, results, scores, canvas)
    questions = results.spec.questions
    marks = [
        RankingMark(
            finding.arm.variant, label_of(finding.arm, results), finding.score, finding.ranking
        )
        for finding in results.findings.rankings
    ]
    metric = metric_name(results.spec) if isinstance(results, CellResults) else ""
    whole, figure, rankings = new_with_rankings(
        canvas, layout.width, layout.height, marks, results.spec.variants, metric
    )
    columns = _panels(figure, len(questions), layout)
    for question, panels in zip(questions, columns, strict=True):
        panels[0].set_title(escape_mathtext(layout.titles[question]), loc="left")
        for kind, axes in zip(layout.heights, panels, strict=True):
            DRAW[kind](results, question, axes, canvas.look, layout.room)
    rows = zip(*columns, strict=True) if layout.n_columns > 1 else columns
    canvas.add_letters([*(axes for row in rows for axes in row), *rankings])
    canvas.add_title(whole, report.headline, layout.width)
    handles: list[Any] = []
    if not layout.heights.keys().isdisjoint(("curves", "profile")):
        handles, _ = columns[-1][-1].get_legend_handles_labels()
    canvas.add_foot(figure, layout.notes, layout.width, handles)
    return whole


def _layout_of(
    report: Report[Any], results: ComparedResults, scores: str, canvas: Canvas
) -> _Layout:
    """Choose the panels and their sizes; see `draw_variants`."""
    questions = results.spec.questions
    n_rows = max(len(results.of_question(question)) for question in questions)
    preferred_width = QUESTION_WIDTH * len(questions)
    n_columns = canvas.n_columns(len(questions), preferred_width, MIN_QUESTION_WIDTH)
    n_columns = n_columns if n_columns == len(questions) else 1
    width, n_blocks = canvas.width(preferred_width), len(questions) // n_columns
    short_names = row_labels(results.summary, results, is_narrow=True)
    is_wide = len(questions) == 1 and width >= 2 * MIN_QUESTION_WIDTH
    is_wide = is_wide and max(name.count("\n") for name in short_names) < 2
    column_width = width / (2 if is_wide else n_columns)
    is_narrow = column_width < QUESTION_WIDTH - 1.0
    names = row_labels(results.summary, results, is_narrow)
    contrasts = [contrast_labels(results, question, is_narrow) for question in questions]
    lines = [line for labels in (names, *contrasts) for name in labels for line in name.split("\n")]
    labels_width = 0.3 + canvas.width_of(max(map(len, lines)) + 1)
    numbers_width = 0.2 + canvas.width_of(DIFFERENCE_LETTERS)
    heights = _heights(results, n_rows, names, contrasts)
    text_heights = {
        kind: 0.35 + LINE_HEIGHT * (2.2 if kind in TITLED or canvas.look.has_letters else 1.0)
        for kind in heights
    }
    has_legend = "curves" in heights or "profile" in heights
    labels = [label_of(summary.arm, results) for summary in results.summary] * has_legend
    top = canvas.title_height(report.headline, width)
    top += canvas.foot_height(_notes(results, list(heights)), labels, width)
    least = {kind: MIN_PANEL_SHARE * heights[kind] + text_heights[kind] for kind in heights}
    kinds = _kinds(results, n_blocks, least, canvas.height(math.inf) - top, is_wide)
    texts = top + n_blocks * _column_height(kinds, text_heights, is_wide)
    panels = n_blocks * _column_height(kinds, heights, is_wide)
    shrinkage = (canvas.height(texts + panels) - texts) / panels
    labels_of = {"differences": names[1:], "contrasts": contrasts[0], "scores": names}
    max_lines = {
        kind: max(1, min(MAX_LABEL_LINES, int(shrinkage * heights[kind] / len(rows) / LINE_HEIGHT)))
        for kind, rows in labels_of.items()
        if kind in kinds
    }
    count_width = canvas.width_of(len(f"{results.n_repeats:,}") + 1.5)
    room = Room(
        is_narrow=is_narrow,
        is_dense=shrinkage * heights["differences"] < MIN_TWO_LINE_ROW * (n_rows - 1),
        max_lines=max_lines,
        scores=scores,
        differences=_difference_label(results),
        beyond=min(0.3, count_width / max(1.0, column_width - labels_width - numbers_width)),
    )
    return _Layout(
        width=width,
        height=texts + panels,
        n_columns=n_columns,
        heights={kind: heights[kind] for kind in kinds},
        is_wide=is_wide,
        titles={q: canvas.wrap(_title(results, q, is_narrow), column_width) for q in questions},
        notes=_notes(results, kinds),
        room=room,
    )


def _difference_label(results: ComparedResults) -> str:
    """Return the label of an axis of differences."""
    unit = " (points)" if unit_of(results).is_percent else ""
    return escape_mathtext(f"difference to {shorten(str(results.spec.variants[0]))}{unit}")


def _title(results: ComparedResults, question: ComparedQuestion, is_narrow: bool) -> str:
    """Return the title of the panels of a question; empty for scores of another program."""
    if question == "scores":
        return ""
    return name_of(question).capitalize() if is_narrow else question_title(results, question)


def _heights(
    results: ComparedResults, n_rows: int, names: Sequence[str], contrasts: Sequence[Sequence[str]]
) -> dict[str, float]:
    """Return the preferred height of the panels of each kind, from the top.

    Args:
        results: Results of the command.
        n_rows: Rows of scores.
        names: Names of the rows.
        contrasts: Names of the contrasts of each question.
    """
    label_height = LINE_HEIGHT * max(name.count("\n") + 1.5 for name in names)
    heights = {"differences": 0.2 + max(0.5, label_height) * max(1, n_rows - 1)}
    if any(contrasts):
        n_lines = max(name.count("\n") + 1.5 for labels in contrasts for name in labels)
        heights["contrasts"] = 0.2 + LINE_HEIGHT * n_lines * max(map(len, contrasts))
    nested = results.spec.nested
    if results.n_repeats > MAX_DOTS and nested is None:
        heights["profile"] = 2.6
    else:
        row_height = max(0.36 if nested is None else 0.6, label_height)
        heights["scores"] = 0.2 + row_height * n_rows
    if results.findings.bands:
        heights["curves"] = 2.6
    return heights


def _notes(results: ComparedResults, kinds: Sequence[str]) -> list[str]:
    """Return what explains the panels of some kinds, and the size of the comparison."""
    spec, unit = results.spec, unit_of(results)
    notes = [f"network {results.spec.network}"] if isinstance(results, CellResults) else []
    notes.append(describe_design(results, spec.questions[0]))
    ns = [s.difference.n for s in results.summary if s.difference is not None]
    intervals = "95 % intervals" if len(spec.variants) == 2 else "simultaneous 95 % intervals"
    if "contrasts" in kinds:
        intervals += " (of contrasts: unadjusted)"
    notes += [interval_note(intervals, ns), DECIDED_NOTE, *margin_notes(spec.margin, unit)]
    if "scores" in kinds and results.n_repeats >= MIN_BOXED_RUNS:
        notes.append("boxes: quartiles and median")
    if results.best_possible is not None and not {"scores", "profile", "curves"}.isdisjoint(kinds):
        notes.append("dashed: best possible accuracy")
    if "curves" in kinds:
        notes += ["curves: median and quartiles", "marks on curves: mean epochs to the threshold"]
    return notes


def _columns_of(
    kinds: Iterable[str], heights: Mapping[str, float], is_wide: bool
) -> list[list[str]]:
    """Return the kinds of panels of each column of a question, the differences first.

    Args:
        kinds: Kinds of panels.
        heights: Height of a panel of each kind.
        is_wide: Whether there are two columns, of nearly equal heights.
    """
    columns: list[list[str]] = [[], []] if is_wide else [[]]
    for kind in kinds:
        min(columns, key=lambda column: sum(heights[k] for k in column)).append(kind)
    return [column for column in columns if column]


def _column_height(kinds: Iterable[str], heights: Mapping[str, float], is_wide: bool) -> float:
    """Return the height of a question, that of its highest column; see `_columns_of`."""
    columns = _columns_of(kinds, heights, is_wide)
    return max(sum(heights[kind] for kind in column) for column in columns)


def _kinds(
    results: ComparedResults,
    n_blocks: int,
    least: Mapping[str, float],
    height: float,
    is_wide: bool,
) -> list[str]:
    """Choose the kinds of panels: as many as fit into a height, the differences always.

    Args:
        results: Results of the command.
        n_blocks: Questions below each other.
        least: Least height of a panel of each kind.
        height: Height of the page.
        is_wide: As in `_columns_of`.
    """
    scores = "profile" if "profile" in least else "scores"
    choices = [["differences", scores], ["differences"]]
    if results.findings.bands:
        choices.insert(0, ["differences", "curves"])
        if n_blocks == 1:
            choices.insert(0, ["differences", scores, "curves"])
    if "contrasts" in least:
        with_contrasts = [[kinds[0], "contrasts", *kinds[1:]] for kinds in choices]
        choices = [with_contrasts[0], *choices[:-1], *with_contrasts[1:], choices[-1]]
    fits = (k for k in choices if n_blocks * _column_height(k, least, is_wide) <= height)
    return next(fits, ["differences"])


def _panels(figure: Any, n_questions: int, layout: _Layout) -> list[list["Axes"]]:
    """Return the panels of each question; panels of one kind share their axes.

    Args:
        figure: Figure to draw on, or a part of one.
        n_questions: Number of questions.
        layout: Positions and sizes of the panels.
    """
    heights, n_kinds = list(layout.heights.values()), len(layout.heights)
    columns = _columns_of(layout.heights, layout.heights, layout.is_wide)
    if len(columns) > 1:
        panels: dict[str, Axes] = {}
        for subfigure, kinds in zip(figure.subfigures(1, len(columns)), columns, strict=True):
            ratios = [layout.heights[kind] for kind in kinds]
            axes = subfigure.subplots(len(kinds), 1, squeeze=False, height_ratios=ratios)[:, 0]
            panels |= dict(zip(kinds, axes, strict=True))
        return [[panels[kind] for kind in layout.heights]]
    if layout.n_columns == n_questions:
        grid = figure.subplots(
            n_kinds, n_questions, squeeze=False, sharex="row", sharey="row", height_ratios=heights
        )
        return [list(column) for column in grid.T]
    ratios = heights * n_questions
    rows = figure.subplots(n_kinds * n_questions, 1, squeeze=False, height_ratios=ratios)[:, 0]
    for i in range(n_kinds, len(rows)):
        rows[i].sharex(rows[i % n_kinds])
        rows[i].sharey(rows[i % n_kinds])
    return [list(rows[i : i + n_kinds]) for i in range(0, len(rows), n_kinds)]
