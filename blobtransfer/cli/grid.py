"""`grid`: every source problem against every target problem."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from blobtransfer.cli.comparison import Comparison, Problems, Request, settle
from blobtransfer.cli.options import (
    FIXED_OPTION,
    PROBLEM,
    SCORES_OPTION,
    TRANSFER,
    FigureOptions,
    MessageOptions,
    ProblemOptions,
    QuestionOptions,
    ResultOptions,
    ScreenOptions,
    StatisticsOptions,
    TrainingOptions,
    TransferOptions,
    VariantOptions,
    WorkOptions,
)
from blobtransfer.cli.parsing import SPECS, integer, option
from blobtransfer.cli.problems import problem_of, tables_of
from blobtransfer.cli.run import refuse_curves, run
from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import check_count
from blobtransfer.specs.study import Axis, Cell, Study
from blobtransfer.specs.table import TableRequest
from blobtransfer.specs.task import DataSpec

N_REPEATS = 100
"""Repeats of a cell, unless asked otherwise."""

MOST_PROBLEMS = 50
"""Most problems of one grid: 2,500 cells."""

OF_PROBLEMS = ("source", "target", "variant")
"""What may be wrong with two problems together."""

RANGE = re.compile(r"([:,]seed=)(\d+)\.\.(\d+)")
"""Several problems that differ by their seed."""


@dataclass(frozen=True)
class GridOptions:
    """Which problems there are, and how often each pair is tried."""

    problems: Annotated[
        list[str],
        option(
            "--problems",
            "Two or more problems, each in turn source and target; blobs:seed=1..4 are four.",
            PROBLEM,
            metavar=SPECS,
        ),
    ]
    repeats: Annotated[
        int, integer("--repeats", "Independent repeats of every variant in each cell.", TRANSFER)
    ] = N_REPEATS
    fixed: Annotated[list[int] | None, FIXED_OPTION] = None
    scores: Annotated[bool, SCORES_OPTION] = False


def grid(
    *,
    options: GridOptions,
    further: VariantOptions,
    statistics: StatisticsOptions,
    training: TrainingOptions,
    work: WorkOptions,
    figure: FigureOptions,
    screen: ScreenOptions,
    result: ResultOptions,
    messages: MessageOptions,
) -> None:
    """Compare from every problem to every other: which source helps on which target?"""
    refuse_curves(result, "grid")
    screen.check_format(result)
    for variant in further.variant or ():
        if variant.start == "self-transfer":
            problem = "the diagonal of the grid is that; leave it out"
            raise SettingError("variant", str(variant), problem)
    texts = [text for one in options.problems for text in _expanded(one)]
    asked = [problem_of("problems", text, "seed", None, 1, ProblemOptions()) for text in texts]
    if not 2 <= len(texts) <= MOST_PROBLEMS:
        problem = f"use 2 to {MOST_PROBLEMS} problems"
        raise SettingError("problems", " ".join(options.problems), problem)
    for i, text in enumerate(texts):
        if text in texts[:i]:
            raise SettingError("problems", text, "it is repeated; give it once")
    check_count("repeats", options.repeats)
    question = QuestionOptions(
        sources="fresh", margin=statistics.margin, low=statistics.low, tune=statistics.tune,
        scores=options.scores,
    )  # fmt: skip
    transfer = TransferOptions(repeats=options.repeats, fixed=options.fixed)
    request = Request(transfer, further, question, ProblemOptions(), training)
    found = _cells(request, asked, texts, None)
    if not all(one.output_fits for one in found.values()):
        found = _cells(request, asked, texts, False)
    problems = [found[i, i].spec.task for i in range(len(asked))]
    for i, text in enumerate(texts):
        if problems[i] in problems[:i]:
            same = texts[problems.index(problems[i])]
            raise SettingError("problems", text, f"it is the same problem as {same}; give it once")
    names = [found[i, i].spec.task.name for i in range(len(asked))]
    if len(set(names)) < len(names):
        names = texts
    axes = (Axis("source", tuple(names)), Axis("target", tuple(names)))
    cells = [Cell((names[i], names[j]), one.spec) for (i, j), one in found.items()]
    spec = Study("grid", axes, tuple(cells))
    run(spec, found[0, 1], tables_of(*asked), work, figure, screen, result, messages)


def _cells(
    request: Request,
    asked: Sequence[DataSpec | TableRequest],
    texts: Sequence[str],
    fits: bool | None,
) -> dict[tuple[int, int], Comparison]:
    """Settle every cell, source by source.

    Args:
        request: What is asked of each.
        asked: The problems.
        texts: How they were described.
        fits: Whether an output layer can be kept in all cells; None: each as it is.
    """
    found = {}
    for i, source in enumerate(asked):
        for j, target in enumerate(asked):
            try:
                found[i, j] = _cell(request, source, target, fits, i == j)
            except SettingError as error:
                if error.setting not in OF_PROBLEMS:
                    raise
                where = texts[i] if i == j else f"{texts[i]} {texts[j]}"
                raise SettingError("problems", where, str(error)) from error
    return found


def _cell(
    request: Request,
    source: DataSpec | TableRequest,
    target: DataSpec | TableRequest,
    fits: bool | None,
    is_diagonal: bool,
) -> Comparison:
    """Settle one cell; on the diagonal the source is another network of the same problem."""

    def change(_: Problems) -> Problems:
        return {"target": target} if is_diagonal else {"source": source, "target": target}

    if is_diagonal:  # whose sources do not belong to those that are ranked
        request = replace(request, question=replace(request.question, scores=False))
    return settle(request, None, change, fits, trains_own_source=is_diagonal)


def _expanded(text: str) -> list[str]:
    """Give the problems of a description, several where its seed is a range."""
    match = RANGE.search(text)
    if match is None:
        return [text]
    first, last = int(match[2]), int(match[3])
    if not first < last < first + MOST_PROBLEMS:
        problem = f"use FIRST..LAST with FIRST below LAST, at most {MOST_PROBLEMS} problems"
        raise SettingError("problems", text, problem)
    return [
        f"{text[: match.start()]}{match[1]}{seed}{text[match.end() :]}"
        for seed in range(first, last + 1)
    ]
