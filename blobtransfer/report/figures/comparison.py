"""The figure of a comparison: differences first, then scores, then learning curves."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blobtransfer.report.figures.canvas import LINE_HEIGHT, Canvas
from blobtransfer.report.figures.panels import (
    Room,
    draw_curves,
    draw_differences,
    draw_scores,
    row_labels,
)
from blobtransfer.report.figures.rankings import RankingMark, new_with_rankings
from blobtransfer.report.figures.style import MAX_NAME_WIDTH_IN_TITLE, escape_mathtext, shorten
from blobtransfer.report.report import Report
from blobtransfer.report.words import describe_design, label_of, metric_name, test_metric
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

DRAW = {"differences": draw_differences, "scores": draw_scores, "curves": draw_curves}
"""Function that draws the panels of each kind."""


@dataclass(frozen=True)
class _Layout:
    """Positions and sizes of panels, in inches at a font of 10 points.

    Args:
        width: Width of the figure.
        height: Preferred height of the figure.
        n_columns: Questions side by side.
        heights: Height of the panels of each kind, from the top; the same for each question.
        title: Title in lines that fit.
        captions: The answer to each question, in lines that fit.
        room: Room for text in the panels.
    """

    width: float
    height: float
    n_columns: int
    heights: Mapping[str, float]
    title: str
    captions: Mapping[ComparedQuestion, str]
    room: Room


def draw_comparison(report: Report[StudyResults], canvas: Canvas) -> "Figure":
    """Draw the figure of a comparison."""
    results = report.results.cell
    title = _title(results, report.stopped)
    return draw_variants(report, results, title, f"{test_metric(results.spec)} (%)", canvas)


def draw_variants(
    report: Report[Any], results: ComparedResults, title: str, scores: str, canvas: Canvas
) -> "Figure":
    """Draw differences, scores and, if recorded, learning curves: one column per question.

    The differences, which the answer is about, come first; the answer stands above them. Where
    there is no room for two columns, the questions stand below each other. Scores or curves that
    have no room on a page of a given height are left out.

    Args:
        report: Report of the results.
        results: The results.
        title: Title of the figure.
        scores: Label of the axis of scores.
        canvas: Canvas to draw on.
    """
    layout = _layout_of(report, results, title, scores, canvas)
    questions = results.spec.questions
    marks = [
        RankingMark(
            finding.arm.variant, label_of(finding.arm, results), finding.score, finding.ranking
        )
        for finding in results.findings.rankings
    ]
    metric = metric_name(results.spec) if isinstance(results, CellResults) else ""
    whole, figure = new_with_rankings(canvas, layout.width, layout.height, marks, metric)
    heights = list(layout.heights.values())
    columns = _panels(figure, len(questions), layout.n_columns, heights)
    for question, panels in zip(questions, columns, strict=True):
        panels[0].set_title(escape_mathtext(layout.captions[question]), loc="left")
        for kind, axes in zip(layout.heights, panels, strict=True):
            DRAW[kind](results, question, axes, canvas.look, layout.room)
    figure.suptitle(escape_mathtext(layout.title))
    if "curves" in layout.heights:
        handles, _ = columns[-1][-1].get_legend_handles_labels()
        canvas.add_legend(figure, handles, layout.width)
    return whole


def _layout_of(
    report: Report[Any], results: ComparedResults, title: str, scores: str, canvas: Canvas
) -> _Layout:
    """Choose the panels and their sizes; see `draw_variants`."""
    questions = results.spec.questions
    n_rows = max(len(results.of_question(question)) for question in questions)
    preferred_width = QUESTION_WIDTH * len(questions)
    n_columns = canvas.n_columns(len(questions), preferred_width, MIN_QUESTION_WIDTH)
    n_columns = n_columns if n_columns == len(questions) else 1
    width, n_blocks = canvas.width(preferred_width), len(questions) // n_columns
    column_width = width / n_columns
    is_narrow = column_width < QUESTION_WIDTH - 1.0
    names = row_labels(results.summary, results, is_narrow)
    longest = max(len(line) for name in names for line in name.split("\n"))
    labels_width = 0.3 + canvas.width_of(longest + 1)
    numbers_width = 0.2 + canvas.width_of(DIFFERENCE_LETTERS)
    captions = {
        question: canvas.wrap(report.short_answers.get(question, ""), column_width - labels_width)
        for question in questions
    }
    n_lines = max(caption.count("\n") + 1 for caption in captions.values())
    label_height = LINE_HEIGHT * max(name.count("\n") + 1.5 for name in names)
    score_height = 0.36 if results.spec.nested is None else 0.6
    heights = {
        "differences": 0.2 + max(0.5, label_height) * max(1, n_rows - 1),
        "scores": 0.2 + max(score_height, label_height) * n_rows,
        "curves": 2.6,
    }
    text_heights = {
        "differences": 0.35 + LINE_HEIGHT * (2 + n_lines),
        "scores": 0.35 + LINE_HEIGHT * (1 + is_narrow),
        "curves": 0.45 + LINE_HEIGHT * (1 + is_narrow),
    }
    title = canvas.wrap(title, width / 1.25)
    top = 1.3 * LINE_HEIGHT * (title.count("\n") + 1)
    top += 3 * LINE_HEIGHT if results.findings.bands else 0.1
    least = {
        kind: n_blocks * (MIN_PANEL_SHARE * heights[kind] + text_heights[kind]) for kind in heights
    }
    kinds = _kinds(results, n_blocks, least, canvas.height(math.inf) - top)
    texts = top + n_blocks * sum(text_heights[kind] for kind in kinds)
    panels = n_blocks * sum(heights[kind] for kind in kinds)
    shrinkage = (canvas.height(texts + panels) - texts) / panels
    count_width = canvas.width_of(len(f"{results.n_repeats:,}") + 1.5)
    room = Room(
        is_narrow=is_narrow,
        is_dense=shrinkage * heights["differences"] < MIN_TWO_LINE_ROW * (n_rows - 1),
        scores=scores,
        beyond=min(0.3, count_width / max(1.0, column_width - labels_width - numbers_width)),
    )
    heights = {kind: heights[kind] for kind in kinds}
    return _Layout(width, texts + panels, n_columns, heights, title, captions, room)


def _kinds(
    results: ComparedResults, n_blocks: int, least: Mapping[str, float], height: float
) -> list[str]:
    """Choose the kinds of panels: as many as fit into a height, the differences always.

    Args:
        results: Results of the command.
        n_blocks: Questions below each other.
        least: Least height of the panels of each kind.
        height: Height of the page.
    """
    choices = [["differences", "scores"], ["differences"]]
    if results.findings.bands:
        choices.insert(0, ["differences", "curves"])
        if n_blocks == 1:
            choices.insert(0, ["differences", "scores", "curves"])
    fits = (kinds for kinds in choices if sum(least[kind] for kind in kinds) <= height)
    return next(fits, ["differences"])


def _panels(
    figure: "Figure", n_questions: int, n_columns: int, heights: Sequence[float]
) -> list[list["Axes"]]:
    """Return the panels of each question; panels of one kind share their axes.

    Args:
        figure: Figure to draw on.
        n_questions: Number of questions.
        n_columns: Questions side by side.
        heights: Height of the panels of each kind.
    """
    n_kinds = len(heights)
    if n_columns == n_questions:
        grid = figure.subplots(
            n_kinds, n_questions, squeeze=False, sharex="row", sharey="row", height_ratios=heights
        )
        return [list(column) for column in grid.T]
    ratios = [*heights] * n_questions
    rows = figure.subplots(n_kinds * n_questions, 1, squeeze=False, height_ratios=ratios)[:, 0]
    for i in range(n_kinds, len(rows)):
        rows[i].sharex(rows[i % n_kinds])
        rows[i].sharey(rows[i % n_kinds])
    return [list(rows[i : i + n_kinds]) for i in range(0, len(rows), n_kinds)]


def _title(results: CellResults, stopped: str | None) -> str:
    """Return the title: source, target and number of repeats."""
    spec = results.spec
    target = shorten(results.measured.name, MAX_NAME_WIDTH_IN_TITLE)
    origin = ""
    if spec.source is not None:
        origin = f" from {shorten(results.record_of('source').name, MAX_NAME_WIDTH_IN_TITLE)}"
    if spec.model_path is not None:
        name = shorten(Path(spec.model_path).name, MAX_NAME_WIDTH_IN_TITLE)
        origin = f" from {name}" + (f", or{origin}" if "fresh" in spec.questions else "")
    design = f"s{stopped[1:]}" if stopped else describe_design(results, spec.questions[0])
    return f"Transfer{origin} to {target}, network {spec.network}, {design}"
