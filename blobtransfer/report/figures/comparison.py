"""The figure of a comparison: differences first, then scores, then learning curves."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blobtransfer.report.figures.canvas import LINE_HEIGHT, Canvas
from blobtransfer.report.figures.panels import (
    Room,
    draw_curves,
    draw_differences,
    draw_scores,
    row_labels,
)
from blobtransfer.report.figures.rankings import RANKINGS_HEIGHT, Ranked, has_room, with_rankings
from blobtransfer.report.figures.style import LONGEST_IN_TITLE, literal, shortened
from blobtransfer.report.report import Report
from blobtransfer.report.words import describe_design, label_of
from blobtransfer.results.results import CellResults, StudyResults
from blobtransfer.specs.experiment import Question

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

QUESTION_WIDTH = 6.3
"""Width of a question with its labels and numbers, in inches at a font of 10 points."""

MIN_QUESTION_WIDTH = 3.9
"""Width below which two questions stand below each other."""

NUMBERS_WIDTH = 18
"""Letters of a difference with its interval, beside its panel."""

MIN_PANEL_SHARE = 0.4
"""Share of its height to which a panel may shrink on a page of a given height."""

MIN_TWO_LINE_ROW = 0.29
"""Height of a row below which two lines of text beside it would touch those of the next."""


@dataclass(frozen=True)
class _Layout:
    """Where panels stand and how large they are, in inches at a font of 10 points.

    Args:
        width: Of the figure.
        height: Of the figure, where none is given.
        n_columns: Questions side by side.
        kinds: Of panels, from the top; the same for each question.
        heights: Of the panels of each kind, to each other.
        title: In lines that fit.
        captions: The answer to each question, in lines that fit.
        room: For words.
    """

    width: float
    height: float
    n_columns: int
    kinds: Sequence[str]
    heights: Sequence[float]
    title: str
    captions: Mapping[Question, str]
    room: Room


def draw_comparison(report: Report[StudyResults], canvas: Canvas) -> "Figure":
    """Draw differences, scores and, where they were kept, learning curves: a column a question.

    The differences, which the answer is about, come first; the answer stands above them. Where
    there is no room for two columns, the questions stand below each other. What has no room on a
    page of a given height is left out, scores or curves.
    """
    results, layout = report.results.cell, _layout_of(report, canvas)
    questions = results.spec.questions
    ranked = [
        Ranked(one.arm.variant, label_of(one.arm, results), one.score, one.ranking)
        for one in results.findings.rankings
        if has_room(canvas)
    ]
    whole = canvas.new(layout.width, layout.height + (RANKINGS_HEIGHT if ranked else 0.0))
    figure = with_rankings(whole, layout.height, ranked, canvas.look) if ranked else whole
    panels = _panels(figure, len(questions), layout.n_columns, layout.heights)
    draw = {"differences": draw_differences, "scores": draw_scores, "curves": draw_curves}
    for question, own in zip(questions, panels, strict=True):
        own[0].set_title(literal(layout.captions[question]), loc="left")
        for kind, axes in zip(layout.kinds, own, strict=True):
            draw[kind](results, question, axes, canvas.look, layout.room)
    figure.suptitle(literal(layout.title))
    if "curves" in layout.kinds:
        handles, labels = panels[-1][-1].get_legend_handles_labels()
        n_columns = canvas.legend_columns(labels, layout.width)
        figure.legend(handles, labels, frameon=False, loc="outside lower center", ncols=n_columns)
    return whole


def _layout_of(report: Report[StudyResults], canvas: Canvas) -> _Layout:
    results = report.results.cell
    questions, n_rows = results.spec.questions, len(results.spec.variants)
    wanted = QUESTION_WIDTH * len(questions)
    n_columns = canvas.n_columns(len(questions), wanted, MIN_QUESTION_WIDTH)
    n_columns = n_columns if n_columns == len(questions) else 1
    width, blocks = canvas.width(wanted), len(questions) // n_columns
    column = width / n_columns
    is_narrow = column < QUESTION_WIDTH - 1.0
    names = row_labels([label_of(one.arm, results) for one in results.summary], is_narrow)
    longest = max(len(line) for name in names for line in name.split("\n"))
    labels, numbers = 0.3 + canvas.width_of(longest + 1), 0.2 + canvas.width_of(NUMBERS_WIDTH)
    captions = {
        question: canvas.wrapped(report.short_answers.get(question, ""), column - labels)
        for question in questions
    }
    n_lines = max(caption.count("\n") + 1 for caption in captions.values())
    most = LINE_HEIGHT * max(name.count("\n") + 1.5 for name in names)
    score_row = 0.36 if results.spec.nested is None else 0.6
    heights = {
        "differences": 0.2 + max(0.5, most) * max(1, n_rows - 1),
        "scores": 0.2 + max(score_row, most) * n_rows,
        "curves": 2.6,
    }
    texts = {
        "differences": 0.35 + LINE_HEIGHT * (2 + n_lines),
        "scores": 0.35 + LINE_HEIGHT * (1 + is_narrow),
        "curves": 0.45 + LINE_HEIGHT * (1 + is_narrow),
    }
    title = canvas.wrapped(_title(results, report.stopped), width / 1.25)
    top = 1.3 * LINE_HEIGHT * (title.count("\n") + 1) + (
        3 * LINE_HEIGHT if results.findings.bands else 0.1
    )
    least = {kind: blocks * (MIN_PANEL_SHARE * heights[kind] + texts[kind]) for kind in heights}
    kinds = _kinds(results, blocks, least, canvas.height(math.inf) - top)
    words = top + blocks * sum(texts[kind] for kind in kinds)
    panels = blocks * sum(heights[kind] for kind in kinds)
    squeezed = (canvas.height(words + panels) - words) / panels
    for_counts = canvas.width_of(len(f"{results.scores.n_repeats:,}") + 1.5)
    room = Room(
        is_narrow=is_narrow,
        is_dense=squeezed * heights["differences"] < MIN_TWO_LINE_ROW * (n_rows - 1),
        beyond=min(0.3, for_counts / max(1.0, column - labels - numbers)),
    )
    return _Layout(
        width=width,
        height=words + panels,
        n_columns=n_columns,
        kinds=kinds,
        heights=[heights[kind] for kind in kinds],
        title=title,
        captions=captions,
        room=room,
    )


def _kinds(
    results: CellResults, blocks: int, least: Mapping[str, float], height: float
) -> list[str]:
    """Choose the kinds of panels: as many as fit into a height, the differences always."""
    choices = [["differences", "scores"], ["differences"]]
    if results.findings.bands:
        choices.insert(0, ["differences", "curves"])
        if blocks == 1:
            choices.insert(0, ["differences", "scores", "curves"])
    fits = (kinds for kinds in choices if sum(least[kind] for kind in kinds) <= height)
    return next(fits, ["differences"])


def _panels(
    figure: "Figure", n_questions: int, n_columns: int, heights: Sequence[float]
) -> list[list["Axes"]]:
    """Return the panels of each question; panels of one kind share their axes."""
    n_kinds = len(heights)
    if n_columns == n_questions:
        grid = figure.subplots(
            n_kinds, n_questions, squeeze=False, sharex="row", sharey="row",
            height_ratios=heights,
        )  # fmt: skip
        return [list(grid[:, column]) for column in range(n_questions)]
    rows = figure.subplots(
        n_kinds * n_questions, 1, squeeze=False, height_ratios=[*heights] * n_questions
    )[:, 0]
    for i in range(n_kinds, len(rows)):
        rows[i].sharex(rows[i % n_kinds])
        rows[i].sharey(rows[i % n_kinds])
    return [list(rows[i : i + n_kinds]) for i in range(0, len(rows), n_kinds)]


def _title(results: CellResults, stopped: str | None) -> str:
    spec = results.spec
    target = shortened(results.measured.name, LONGEST_IN_TITLE)
    origin = ""
    if spec.source is not None:
        origin = f" from {shortened(results.record_of('source').name, LONGEST_IN_TITLE)}"
    if spec.model_path is not None:
        name = shortened(Path(spec.model_path).name, LONGEST_IN_TITLE)
        origin = f" from {name}" + (f", or{origin}" if "fresh" in spec.questions else "")
    how_many = f"s{stopped[1:]}" if stopped else describe_design(results, spec.questions[-1])
    return f"Transfer{origin} to {target}, network {spec.network}, {how_many}"
