"""Pictures of a report or of problems: a figure with the texts that its file carries."""

import shlex
from collections.abc import Sequence
from functools import partial
from typing import Any

from blobtransfer.data.dataset import Dataset
from blobtransfer.report.figures.canvas import Canvas, Picture
from blobtransfer.report.figures.tasks import draw_tasks
from blobtransfer.report.report import Report
from blobtransfer.report.words import format_percent


def picture_of_report(report: Report[Any], canvas: Canvas, argv: Sequence[str] = ()) -> Picture:
    """Draw the figure of a report.

    Args:
        report: Report of the results of any command.
        canvas: Canvas to draw on.
        argv: Command line that draws it, without the program.

    Raises:
        MachineError: The figure cannot be drawn.
    """
    made_by = shlex.join(("blobtransfer", *(argv or (report.results.command,))))
    with canvas.settings():
        figure = canvas.draw_to_fit(partial(report.view.draw, report))
    return Picture(figure, report.headline, report.caption, made_by)


def picture_of_tasks(tasks: Sequence[Dataset], canvas: Canvas, argv: Sequence[str]) -> Picture:
    """Draw problems, one panel each.

    Args:
        tasks: The problems.
        canvas: Canvas to draw on.
        argv: Command line that draws them, without the program.

    Raises:
        MachineError: The figure cannot be drawn.
    """
    title = f"Rows of {', '.join(task.spec.name for task in tasks)}"
    texts = []
    for task in tasks:
        n_rows = len(task.y_train) + len(task.y_test)
        text = f"{task.spec.name}: {n_rows} rows in {task.spec.n_classes} classes"
        if task.ceiling is not None:
            text += f", best possible accuracy {format_percent(task.ceiling)}"
        texts.append(text)
    with canvas.settings():
        figure = canvas.draw_to_fit(partial(draw_tasks, tasks))
    return Picture(figure, title, "; ".join(texts), shlex.join(("blobtransfer", *argv)))
