"""`show`: print and draw saved results again, without training."""

import shlex
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blobtransfer.cli.checks import checked_figure
from blobtransfer.cli.delivery import COMPARING, deliver, log_unless_quiet
from blobtransfer.cli.interrupts import deferred
from blobtransfer.cli.options import (
    RESULTS,
    FigureOptions,
    MessageOptions,
    ResultOptions,
    ScreenOptions,
    ShownMargin,
)
from blobtransfer.cli.parsing import integer
from blobtransfer.cli.streams import STANDARD_STREAM, read_input
from blobtransfer.errors import SettingError, StoreError
from blobtransfer.formats import SQLITE
from blobtransfer.specs.experiment import check_margin

if TYPE_CHECKING:
    from blobtransfer.results.results import Results
    from blobtransfer.results.study import StudyResults


def show(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS",
            help="What a command wrote as JSON, or kept with --store; - reads standard input.",
        ),
    ],
    *,
    number: Annotated[
        int | None,
        integer(
            "--command",
            "Which of the commands that a store keeps, counted from 1.",
            RESULTS,
            show_default="the last",
        ),
    ] = None,
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
    if _is_store(file):
        results = _of_store(file, number, margin, messages)
    elif number is not None:
        raise SettingError("command", number, f"{file} is no store and has one; leave it out")
    else:
        text = read_input(file)

        from blobtransfer.experiment.from_json import from_json

        results = from_json(text, str(file), margin)

    from blobtransfer.report.figures.canvas import Canvas

    canvas = Canvas(figure.show, figure.style, figure.inches())
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


def _is_store(path: Path) -> bool:
    """Say whether a file is one of SQLite's; what cannot be read is left to others to refuse."""
    if path == STANDARD_STREAM:
        return False
    with suppress(OSError, ValueError):
        if path.is_file():
            with path.open("rb") as file:
                return file.read(len(SQLITE)) == SQLITE
    return False


def _of_store(
    path: Path, number: int | None, margin: float | None, messages: MessageOptions
) -> "Results | StudyResults":
    """Read what a store keeps of one of its commands."""
    from blobtransfer.experiment.from_store import from_store
    from blobtransfer.results.store import Store

    with Store.opened(path, writes=False) as store:
        commands = store.commands()
        if not commands:
            raise StoreError(path, "there is nothing in it; give compare --store this file")
        wanted = len(commands) if number is None else number
        if not 1 <= wanted <= len(commands):
            problem = f"{path} keeps {len(commands)}; use one of them, counted from 1"
            raise SettingError("command", wanted, problem)
        if len(commands) > 1:
            log_unless_quiet(
                messages, f"{path} keeps {len(commands)} commands, of which this is {wanted}:"
            )
            for i, one in enumerate(commands, 1):
                log_unless_quiet(
                    messages,
                    f"  --command {i}  {store.tally(one.spec)}  {shlex.join(one.argv)}",
                )
        return from_store(store, commands[wanted - 1], margin)
