"""Results or tasks -> pictures: a figure, and what is said of it in its file."""

import shlex
from collections.abc import Sequence

from blobtransfer.report.figures.canvas import Canvas, Picture
from blobtransfer.report.figures.comparison import draw_comparison
from blobtransfer.report.figures.tasks import draw_tasks
from blobtransfer.report.figures.training import draw_training
from blobtransfer.report.sentences import answer, headline
from blobtransfer.results.results import Results
from blobtransfer.tasks.task import Task


def picture_of_results(results: Results, canvas: Canvas, argv: Sequence[str] = ()) -> Picture:
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
        if results.command == "compare":
            answers = [answer(results, question) for question in results.spec.questions]
            text = ". ".join(one for one in answers if one)
            return Picture(draw_comparison(results, canvas), headline(results), text, made_by)
        run, name = results.run, results.measured.name
        title = f"Training of a network {results.spec.network} on {name}: {run.label}"
        text = "The loss is not finite"
        if run.status == "ok":
            text = (
                f"Test accuracy {100 * (run.test_accuracy or 0.0):.1f} %, and where the network "
                "sees which class"
            )
        return Picture(draw_training(results, canvas), title, text, made_by)


def picture_of_tasks(tasks: Sequence[Task], canvas: Canvas, argv: Sequence[str]) -> Picture:
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
            "" if task.ceiling is None else f", best possible accuracy {100 * task.ceiling:.1f} %"
        )
        texts.append(f"{task.spec.name}: {n_rows} rows in {task.spec.n_classes} classes{best}")
    with canvas.settings():
        figure = draw_tasks(tasks, canvas)
    return Picture(figure, title, "; ".join(texts), shlex.join(("blobtransfer", *argv)))
