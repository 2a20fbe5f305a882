"""`compare`: training from scratch against starting from a source network, over many repeats."""

from blobtransfer.cli.comparison import Request, settled_comparison
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
    WorkOptions,
)
from blobtransfer.cli.run import run
from blobtransfer.specs.study import Study


def compare(
    *,
    transfer: TransferOptions,
    further: VariantOptions,
    question: QuestionOptions,
    problem: ProblemOptions,
    training: TrainingOptions,
    work: WorkOptions,
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
    run(Study.of_one(asked.spec), asked, asked.read, work, figure, screen, result, messages)
