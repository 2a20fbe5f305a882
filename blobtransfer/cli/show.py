"""`show`: print and draw saved results again, without training."""

from pathlib import Path
from typing import Annotated

import typer

from blobtransfer.cli.checks import checked_figure
from blobtransfer.cli.delivery import COMPARING, deliver
from blobtransfer.cli.interrupts import deferred
from blobtransfer.cli.options import (
    FigureOptions,
    MessageOptions,
    ResultOptions,
    ScreenOptions,
    ShownMargin,
)
from blobtransfer.cli.streams import read_input
from blobtransfer.errors import SettingError
from blobtransfer.specs.experiment import check_margin


def show(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS.json", help="What a command wrote as JSON; - reads standard input."
        ),
    ],
    *,
    margin: ShownMargin = None,
    figure: FigureOptions,
    screen: ScreenOptions,
    result: ResultOptions,
    messages: MessageOptions,
) -> None:
    """Print every table and draw every figure of a saved result again, without training."""
    if margin is not None:
        check_margin(margin)
    screen.check_format(result)
    read = [("the results to be shown", file)]
    path = checked_figure("show", figure, result, read=read, summary=screen.summary)
    text = read_input(file)

    from blobtransfer.experiment.from_json import from_json
    from blobtransfer.report.figures.canvas import Canvas

    canvas = Canvas(figure.show, figure.style, figure.inches())
    results = from_json(text, str(file), margin)
    if results.command not in COMPARING:
        for setting, value, thing in (
            ("summary", screen.summary, "a summary"),
            ("margin", margin, "a margin"),
            ("explain", "" if screen.explain else None, "words to explain"),
        ):
            if value is not None:
                problem = f"{file} is of {results.command}; only a comparison has {thing}"
                raise SettingError(setting, value, problem)
    if result.curves is not None and not results.has_curves:
        problem = f"{file} holds no learning curves; compare keeps them with --speed"
        raise SettingError("curves", result.curves, problem)
    with deferred() as pending:
        deliver(results, canvas, path, result, messages, screen)
    pending.check()
    canvas.show()
