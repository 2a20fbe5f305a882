"""`compare`: training from scratch against starting from a source network, over many repeats."""

from typing import TYPE_CHECKING

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
)
from blobtransfer.cli.study import carry_out

if TYPE_CHECKING:
    from blobtransfer.engines import Engine
    from blobtransfer.experiment.progress import Progress
    from blobtransfer.network import Weights
    from blobtransfer.results.results import Results


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

    def work(weights: "Weights | None", engine: "Engine", progress: "Progress") -> "Results":
        from blobtransfer.experiment import compare as experiment

        return experiment.compare(asked.spec, weights, engine, progress)

    carry_out("compare", work, asked, asked.read, figure, screen, result, messages)
