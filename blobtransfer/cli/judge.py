"""`judge`: the verdict on scores of runs that another program trained."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from blobtransfer.api.notes import score_notes
from blobtransfer.cli.delivery import deliver
from blobtransfer.cli.help import VERDICTS
from blobtransfer.cli.interrupts import defer_signals
from blobtransfer.cli.output import OutputOptions
from blobtransfer.cli.parsing import RANGE, ROWS, option
from blobtransfer.cli.streams import STANDARD_STREAM
from blobtransfer.specs.training import Metric

STANDARD_INPUT = "standard input"


@dataclass(frozen=True)
class JudgeOptions:
    """Baseline, range and other properties of the scores."""

    panel: ClassVar[str] = VERDICTS
    baseline: Annotated[
        str | None,
        option(
            "Variant that the others are compared with.",
            metavar="NAME",
            show_default="standalone, baseline or similar",
        ),
    ] = None
    score_range: Annotated[
        list[float] | None,
        option(
            "Lowest and highest possible score. For runs of compare: chance level and best "
            "possible accuracy.",
            flags="--range",
            metavar=RANGE,
            show_default="0 1",
        ),
    ] = None
    lower_is_better: Annotated[bool, option("Lower scores are better, as for a loss.")] = False
    resplit: Annotated[
        list[int] | None,
        option(
            "Training and test rows of a split, if repeats resplit the same rows.",
            metavar=ROWS,
            show_default="independent repeats",
        ),
    ] = None
    margin: Annotated[
        float | None,
        option("Largest difference that is negligible.", show_default="0.01 of the range"),
    ] = None
    metric: Annotated[
        Metric | None,
        option(
            "Metric of runs of compare.",
            metavar="accuracy|balanced-accuracy",
            show_default="accuracy",
        ),
    ] = None


def judge(
    scores: Annotated[
        Path,
        typer.Argument(
            metavar="SCORES",
            help="CSV file: one column per variant and one row per repeat, or the columns variant, "
            "repeat and score, or runs of compare; - reads standard input.",
        ),
    ],
    *,
    question: JudgeOptions,
    output: OutputOptions,
    argv: tuple[str, ...],
) -> None:
    """Compare scores of runs that another program trained.

    Examples:
      blobtransfer judge scores.csv --baseline scratch --range 0 100
      blobtransfer judge losses.csv --range 0 5 --lower-is-better
      blobtransfer judge runs.csv --range 0.33 0.87
    """
    output.check_contents("judge")
    path = output.check_files("judge", read=[("the scores to be judged", scores)])

    from blobtransfer.data.score_cells import MAX_BYTES
    from blobtransfer.data.score_table import read_scores
    from blobtransfer.studies.judge import judge as judge_scores

    source: bytes | Path = scores
    if scores == STANDARD_STREAM:
        source = sys.stdin.buffer.read(MAX_BYTES + 1)
    table = read_scores(source, question.metric, STANDARD_INPUT if source != scores else "")
    results = judge_scores(
        table,
        baseline=question.baseline,
        range=question.score_range or (0.0, 1.0),
        lower_is_better=question.lower_is_better,
        resplit=question.resplit,
        margin=question.margin,
        metric=question.metric,
    )
    output.messages.log(*score_notes(table, results, question.baseline, question.score_range))
    results = replace(results, provenance=replace(results.provenance, argv=argv))
    canvas = output.figure.canvas()
    with defer_signals() as pending:
        deliver(results, canvas, path, output, argv, pending)
    canvas.show()
