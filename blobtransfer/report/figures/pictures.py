"""Results or tasks -> pictures: a figure, and what is said of it in its file."""

import shlex
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from blobtransfer.data.dataset import Dataset
from blobtransfer.report.figures.canvas import Canvas, Picture
from blobtransfer.report.figures.comparison import draw_comparison
from blobtransfer.report.figures.forest import draw_forest
from blobtransfer.report.figures.heat import draw_heat
from blobtransfer.report.figures.sweep import draw_sweep
from blobtransfer.report.figures.tasks import draw_tasks
from blobtransfer.report.figures.training import draw_training
from blobtransfer.report.sentences import answer, headline
from blobtransfer.report.study_sentences import study_answers, study_headline
from blobtransfer.report.words import format_percent
from blobtransfer.results.results import MAX_DRAWN_CLASSES, Results
from blobtransfer.results.study import StudyResults

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def picture_of_results(
    results: Results | StudyResults, canvas: Canvas, argv: Sequence[str] = ()
) -> Picture:
    """Draw what a command found.

    Args:
        results: Of any command.
        canvas: What they are drawn on.
        argv: The command line that draws it, without the program.

    Raises:
        MachineError: It cannot be drawn.
    """
    made_by = shlex.join(("blobtransfer", *(argv or (results.command,))))
    with canvas.settings():
        if isinstance(results, StudyResults):
            said = ". ".join(
                text
                for question in results.spec.questions
                for text in study_answers(results, question)
            )
            figure = canvas.fitted(partial(draw_study, results))
            return Picture(figure, study_headline(results), said, made_by)
        if results.command == "compare":
            answers = [answer(results, question) for question in results.spec.questions]
            text = ". ".join(one for one in answers if one)
            figure = canvas.fitted(partial(draw_comparison, results))
            return Picture(figure, headline(results), text, made_by)
        run, name = results.run, results.measured.name
        title = f"Training of a network {results.spec.network} on {name}: {run.label}"
        text = "The loss is not finite"
        if run.status == "ok":
            text = f"Test accuracy {format_percent(run.test_accuracy or 0.0)}"
            if results.spec.network.n_classes <= MAX_DRAWN_CLASSES:
                text += ", and where the network sees which class"
        return Picture(canvas.fitted(partial(draw_training, results)), title, text, made_by)


def draw_study(results: StudyResults, canvas: Canvas) -> "Figure":
    """Draw the figure of a study, by what it asks."""
    if results.spec.kind == "pairs":
        return draw_forest(results, canvas)
    return (
        draw_heat(results, canvas) if len(results.spec.axes) == 2 else draw_sweep(results, canvas)
    )


def picture_of_tasks(tasks: Sequence[Dataset], canvas: Canvas, argv: Sequence[str]) -> Picture:
    """Draw problems.

    Args:
        tasks: One a panel.
        canvas: What they are drawn on.
        argv: The command line, without the program.

    Raises:
        MachineError: They cannot be drawn.
    """
    title = f"Rows of {', '.join(task.spec.name for task in tasks)}"
    texts = []
    for task in tasks:
        n_rows = len(task.y_train) + len(task.y_test)
        best = (
            ""
            if task.ceiling is None
            else f", best possible accuracy {format_percent(task.ceiling)}"
        )
        texts.append(f"{task.spec.name}: {n_rows} rows in {task.spec.n_classes} classes{best}")
    with canvas.settings():
        figure = canvas.fitted(partial(draw_tasks, tasks))
    return Picture(figure, title, "; ".join(texts), shlex.join(("blobtransfer", *argv)))
