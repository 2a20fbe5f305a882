"""What the commands that compare share: running what was settled, and delivering what it found."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from blobtransfer.cli.checks import checked_figure
from blobtransfer.cli.comparison import Comparison
from blobtransfer.cli.delivery import deliver, finish
from blobtransfer.cli.interrupts import deferred
from blobtransfer.cli.options import FigureOptions, MessageOptions, ResultOptions, ScreenOptions
from blobtransfer.errors import SettingError
from blobtransfer.specs.study import StudySpec

if TYPE_CHECKING:
    from blobtransfer.engines import Engine
    from blobtransfer.experiment.progress import Progress
    from blobtransfer.network import Weights
    from blobtransfer.results.results import Results
    from blobtransfer.results.study import StudyResults

    Found = TypeVar("Found", Results, StudyResults)
    Work = Callable[[Weights | None, Engine, Progress], Found]


def carry_out(
    command: str,
    work: "Work[Found]",
    said: Comparison,
    read: Sequence[tuple[str, Path | None]],
    figure: FigureOptions,
    screen: ScreenOptions,
    result: ResultOptions,
    messages: MessageOptions,
) -> None:
    """Run what a command is about and deliver what it found.

    Args:
        command: Its name.
        work: Trains and analyses, given the weights of --model, an engine and a progress.
        said: The comparison whose problems and model are described.
        read: What each file that is read is called, and its path.
        figure: Where the figure goes.
        screen: How much is shown.
        result: Where the numbers go.
        messages: How much is said.
    """
    path = checked_figure(command, figure, result, read=read, summary=screen.summary)

    from blobtransfer.cli.progress import progress_of
    from blobtransfer.engines import load_engine
    from blobtransfer.report.figures.canvas import Canvas

    canvas = Canvas(figure.show, figure.style, figure.inches())
    said.say(messages)
    with deferred() as pending:
        with progress_of(messages.quiet, pending.check) as progress:
            weights = None if said.saved is None else list(said.saved.weights)
            engine = load_engine(said.spec.engine, messages.verbose)
            results = work(weights, engine, progress)
        results = replace(results, argv=tuple(sys.argv[1:]))
        deliver(results, canvas, path, result, messages, screen)
    finish(results, canvas, pending)


def run(
    spec: StudySpec,
    said: Comparison,
    read: Sequence[tuple[str, Path | None]],
    figure: FigureOptions,
    screen: ScreenOptions,
    result: ResultOptions,
    messages: MessageOptions,
) -> None:
    """Run a study and deliver what it found; see `carry_out`."""

    def work(weights: "Weights | None", engine: "Engine", progress: "Progress") -> "StudyResults":
        from blobtransfer.experiment.study import run_study

        return run_study(spec, weights, engine, progress)

    carry_out(spec.kind, work, said, read, figure, screen, result, messages)


def refuse_curves(result: ResultOptions, command: str) -> None:
    """Raise `SettingError` where learning curves are wanted that are not kept."""
    if result.curves is not None:
        problem = f"{command} keeps no learning curves; use compare --speed, or sweep --speed"
        raise SettingError("curves", result.curves, problem)
