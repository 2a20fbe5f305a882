"""`compare`: training from scratch against starting from a source network, over many repeats."""

import sys
from dataclasses import replace

from blobtransfer.cli.checks import checked_figure
from blobtransfer.cli.comparison import Request, settled_comparison
from blobtransfer.cli.delivery import deliver, finish
from blobtransfer.cli.interrupts import deferred
from blobtransfer.cli.options import (
    FigureOptions,
    MessageOptions,
    ProblemOptions,
    QuestionOptions,
    ResultOptions,
    ScreenOptions,
    TrainingOptions,
    TransferOptions,
    VariantOptions,
)


def compare(
    *,
    transfer: TransferOptions,
    further: VariantOptions,
    question: QuestionOptions,
    problem: ProblemOptions,
    training: TrainingOptions,
    figure: FigureOptions,
    screen: ScreenOptions,
    result: ResultOptions,
    messages: MessageOptions,
) -> None:
    """Compare training from scratch with starting from a source network, over many repeats."""
    request = Request(transfer, further, question, problem, training)
    request.check(result)
    screen.check_format(result)
    asked = settled_comparison(request)
    path = checked_figure("compare", figure, result, read=asked.read, summary=screen.summary)

    from blobtransfer.cli.progress import progress_of
    from blobtransfer.engines import load_engine
    from blobtransfer.experiment import compare as experiment
    from blobtransfer.report.figures.canvas import Canvas

    canvas = Canvas(figure.show, figure.style, figure.inches())
    asked.say(messages)
    with deferred() as pending:
        with progress_of(messages.quiet, pending.check) as progress:
            weights = None if asked.saved is None else list(asked.saved.weights)
            engine = load_engine(asked.spec.engine, messages.verbose)
            results = experiment.compare(asked.spec, weights, engine, progress)
        results = replace(results, argv=tuple(sys.argv[1:]))
        deliver(results, canvas, path, result, messages, screen)
    finish(results, canvas, pending)
