"""Results -> tables: percent signs, digits and words; nothing is computed here.

A table is made once as text cells and then shown in one of three ways: by rich on a
terminal, as aligned text in a pipe, as Markdown in a file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from blobtransfer.results import Results, Summary, TaskRecord


@dataclass(frozen=True)
class Table:
    """Cells as text; the first column reads from the left, the others are figures.

    Args:
        title: What the table shows.
        columns: Heads.
        rows: One tuple of cells a row.
        notes: Lines below it.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def training_table(results: Results, with_time: bool = True) -> Table:
    """Lay out the one run of `train-source` or `train-target`.

    Args:
        results: With one run.
        with_time: Name the seconds, which differ each time; off for files.
    """
    (run,), (summary,), (task,) = results.runs, results.summary, results.tasks
    network = results.spec.network
    notes = [
        f"{summary.trainable_parameters} of {network.n_parameters} weights trained"
        + (f" in {results.seconds:.2f} s" if with_time else "")
        + f"; {task.n_train} training rows",
        _ceiling_note(task),
    ]
    if not run.is_ok:
        notes.append("failed: the loss is not finite; try a smaller --learning-rate")
    elif run.classes_predicted < network.n_classes:
        notes.append(
            f"collapsed: only {run.classes_predicted} of {network.n_classes} classes are "
            "ever predicted"
        )
    return Table(
        title=f"{_subject(results, summary)} on problem {task.seed}",
        columns=("", "train", "test"),
        rows=(
            ("accuracy", _percent(run.train_accuracy), _percent(run.test_accuracy)),
            ("loss", _loss(run.train_loss), _loss(run.test_loss)),
            ("ceiling", "", _percent(task.ceiling)),
            ("gap", "", _percent(summary.gap)),
        ),
        notes=tuple(notes),
    )


def comparison_table(results: Results) -> Table:
    """Lay out the variants of `compare`, one a row."""
    target = results.task("target")
    spec = results.spec
    columns: list[tuple[str, Callable[[Summary], str]]] = [
        ("variant", lambda s: s.label),
        ("n", lambda s: str(s.n)),
        ("mean", lambda s: _points(s.mean)),
        ("std", lambda s: _points(s.std)),
        ("gap", lambda s: _points(s.gap)),
        ("min", lambda s: _points(s.min)),
        ("max", lambda s: _points(s.max)),
        ("collapsed", lambda s: str(s.collapsed)),
        ("trainable", lambda s: str(s.trainable_parameters)),
    ]
    if any(summary.failed for summary in results.summary):
        columns.insert(2, ("failed", lambda s: str(s.failed)))
    n_done = len({run.repeat for run in results.runs})
    return Table(
        title=f"Test accuracy in % on problem {target.seed}, {spec.network}, {_repeats(n_done)}",
        columns=tuple(head for head, _ in columns),
        rows=tuple(tuple(cell(s) for _, cell in columns) for s in results.summary),
        notes=tuple(_comparison_notes(results, n_done)),
    )


def print_on_terminal(table: Table, file: TextIO) -> None:
    """Print a table with rich, or as plain text where the terminal is too narrow for it."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    console = Console(file=file, highlight=False, markup=False, emoji=False)
    # Narrow gaps, so that a comparison fits into 80 columns.
    grid = RichTable(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for i, head in enumerate(table.columns):
        grid.add_column(Text(head), justify="left" if i == 0 else "right", overflow="fold")
    for row in table.rows:
        grid.add_row(*map(Text, row))
    unbounded = console.options.update(width=10_000)
    if console.measure(grid, options=unbounded).maximum > console.width:
        file.write(to_text(table))
        return
    console.print(Text(table.title, style="bold"), "", grid, "", sep="\n")
    for note in table.notes:
        console.print(Text(note, style="dim"))


def to_text(table: Table) -> str:
    """Write a table as aligned plain text, never cut to a width."""
    lines = [table.columns, *table.rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [table.title, ""]
    for row in lines:
        first, *rest = (cell for cell in row)
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        text.append("  ".join(cells).rstrip())
    return "\n".join([*text, "", *table.notes]) + "\n"


def to_markdown(table: Table) -> str:
    """Write a table as Markdown."""
    rule = ("---", *["---:"] * (len(table.columns) - 1))
    rows = [table.columns, rule, *table.rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    notes = [f"- {note}" for note in table.notes]
    return "\n".join([f"**{table.title}**", "", *lines, "", *notes]) + "\n"


def _subject(results: Results, summary: Summary) -> str:
    network = results.spec.network
    if results.command == "train-source":
        return f"Source network {network}"
    if summary.fixed is None:
        return f"Standalone network {network}"
    frozen = f", first {summary.fixed} hidden frozen" if summary.fixed else ""
    return f"Network {network} from {results.spec.model_path}{frozen},"


def _comparison_notes(results: Results, n_done: int) -> list[str]:
    target, spec = results.task("target"), results.spec
    notes = [
        _ceiling_note(target),
    ]
    if spec.model_path is not None:
        notes.append(f"one source network, {spec.model_path}: {_ONE_SOURCE}")
    if results.source_run is not None:
        source, run = results.task("source"), results.source_run
        notes.append(
            f"one source network, trained on problem {source.seed} "
            f"(test accuracy {_percent(run.test_accuracy)}, ceiling {_percent(source.ceiling)}): "
            f"{_ONE_SOURCE}"
        )
        if not run.is_ok:
            notes.append("the source network failed: its loss is not finite")
    if any(summary.collapsed for summary in results.summary):
        notes.append("collapsed: runs that never predict one of the classes")
    if any(summary.failed for summary in results.summary):
        notes.append("failed: runs whose loss is not finite; they count in no other column")
    if results.interrupted:
        notes.append(f"interrupted after {n_done} of {_repeats(spec.n_repeats)}")
    return notes


def _ceiling_note(task: TaskRecord) -> str:
    return (
        f"gap: to the ceiling {_percent(task.ceiling)}, the best possible on these {task.n_test} "
        "test rows (nearest true centre)"
    )


_ONE_SOURCE = "the std leaves out the luck of its draw"


def _repeats(n: int) -> str:
    return "1 repeat" if n == 1 else f"{n} repeats"


def _percent(share: float | None) -> str:
    return "not finite" if share is None else f"{100 * share:.1f} %"


def _points(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f}"


def _loss(loss: float | None) -> str:
    return "not finite" if loss is None else f"{loss:.4f}"
