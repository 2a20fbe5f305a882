"""Results -> tables: percent signs, digits and words; nothing is computed here.

A table is made once as text cells and then shown in one of three ways: by rich on a
terminal, as aligned text in a pipe, as Markdown in a file.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TextIO

from blobtransfer.report.render.terminal import box_plot
from blobtransfer.report.sentences import QUESTION_NAMES, answer, count, design
from blobtransfer.results.results import Contrast, Results, Speed, Summary, TaskRecord
from blobtransfer.specs.network import MLPSpec
from blobtransfer.statistics.paired import Difference

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

LEFT = ("variant", "figure", "what", "of", "verdict", "")
"""Columns of words; the others are figures, and end at the right."""

DROPPED_FIRST = ("P(better)", "gap", "n", "collapsed", "adj. p", "of", "value", "std", "median")
DROPPED_LAST = ("mean", "difference [95 %]")
"""Columns that a terminal too narrow for all does without, in this order."""

PLOT_WIDTH = 78
"""Widest plot in letters."""

TELLS = {
    "freezing": "freezing alone",
    "weights": "the source's weights",
    "features": "the source's features",
    "own features": "the target's own features",
    "other problem": "another problem's features",
    "extra epochs": "the extra epochs",
    "beyond extra epochs": "beyond the extra epochs",
}
"""What a comparison with a control tells, in a few words."""

GUIDE = {
    "freezing": "what it costs to freeze layers that were never trained",
    "weights": "what all the source brings: its frozen features, and the start of the layers above",
    "features": "what the frozen features bring alone, the layers above drawn afresh",
    "own features": "what a start from another network of the target problem brings",
    "other problem": "what is lost because the source is another problem",
    "extra epochs": "what standalone gains in the epochs that the source network took",
    "beyond extra epochs": "what transfer brings more than those epochs",
}
"""What a comparison with a control tells, in a line."""

FIGURES = {
    "jumpstart": "jumpstart",
    "area": "height",
    "last": "last 10",
    "epochs": "epochs",
}
"""Figures of the speed of learning."""


@dataclass(frozen=True)
class Table:
    """Cells as text.

    Args:
        title: What the table shows.
        columns: Heads.
        rows: One tuple of cells a row.
        notes: Lines below it.
        sentence: The answer, below it.
        summaries: What a small plot below it shows on a terminal.
        ceiling: The plot's best possible accuracy.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    sentence: str | None = None
    summaries: tuple[Summary, ...] = ()
    ceiling: float = 1.0


def report(results: Results, with_time: bool = True) -> list[Table]:
    """Lay out everything that a command found.

    Args:
        results: Of any command.
        with_time: Name the seconds of a training, which differ each time; off for files.
    """
    if results.command != "compare":
        return [training_table(results, with_time)]
    tables = [comparison_table(results, question) for question in results.spec.questions]
    if results.spec.nested is not None:
        tables.append(luck_table(results))
    if results.findings.contrasts:
        tables.append(controls_table(results))
    if results.findings.speed:
        tables += [speed_table(results, question) for question in results.spec.questions]
    return tables


def training_table(results: Results, with_time: bool = True) -> Table:
    """Lay out the one run of `train-source` or `train-target`.

    Args:
        results: With one run.
        with_time: Name the seconds, which differ each time; off for files.
    """
    (run,), (summary,), (task,) = results.runs, results.summary, results.tasks
    (variant,) = results.spec.variants
    network = variant.network(results.spec.network)
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
        title=f"{_subject(results, summary, network)} on problem {task.seed}",
        columns=("", "train", "test"),
        rows=(
            ("accuracy", _percent(run.train_accuracy), _percent(run.test_accuracy)),
            ("loss", _loss(run.train_loss), _loss(run.test_loss)),
            ("ceiling", "", _percent(task.ceiling)),
            ("gap", "", _percent(summary.gap)),
        ),
        notes=tuple(notes),
    )


def comparison_table(results: Results, question: str) -> Table:
    """Lay out the variants of one question, one a row, and the answer to it."""
    target = results.task("target")
    shown = results.of_question(question)
    columns: list[tuple[str, Callable[[Summary], str]]] = [
        ("variant", lambda s: s.label),
        ("mean", lambda s: _points(s.mean)),
        ("std", lambda s: _points(s.std)),
        ("median", lambda s: _points(s.median)),
        ("collapsed", lambda s: str(s.collapsed)),
        ("gap", lambda s: _points(s.gap)),
        ("difference [95 %]", lambda s: _interval(s.difference)),
        ("P(better)", lambda s: _share(s.difference.probability_better if s.difference else None)),
        ("adj. p", lambda s: _p(s.difference.p_adjusted if s.difference else None)),
        ("verdict", lambda s: (s.verdict or "").partition(" (")[0]),
    ]
    if any(summary.failed for summary in shown):
        columns[1:1] = [("n", lambda s: str(s.n)), ("failed", lambda s: str(s.failed))]
    return Table(
        title=f"{_question_title(results, question)}: test accuracy in % on problem "
        f"{target.seed}, {results.spec.network}, {design(results, question)}",
        columns=tuple(head for head, _ in columns),
        rows=tuple(tuple(cell(s) for _, cell in columns) for s in shown),
        notes=tuple(_comparison_notes(results, question, shown)),
        sentence=answer(results, question),
        summaries=tuple(shown),
        ceiling=target.ceiling,
    )


def luck_table(results: Results) -> Table:
    """Lay out how much of the spread comes from which source network was drawn."""
    rows = []
    for summary in results.summary:
        luck = summary.source_luck
        if luck is not None:
            rows.append(
                (
                    summary.label,
                    str(luck.n_sources),
                    _points(luck.between_std),
                    _points(luck.within_std),
                    _share(luck.icc),
                )
            )
    return Table(
        title="The luck of the source: std of test accuracy in points",
        columns=("variant", "sources", "between sources", "within a source", "ICC"),
        rows=tuple(rows),
        notes=("ICC: the share of the variance that comes from which source network was drawn",),
    )


def controls_table(results: Results) -> Table:
    """Lay out what the controls tell: why a variant wins or loses."""
    questions = results.spec.questions
    by_row: dict[tuple[str, str, str], dict[str, Contrast]] = {}
    for contrast in results.findings.contrasts:
        key = (contrast.tells, contrast.variant, contrast.baseline)
        by_row.setdefault(key, {})[contrast.question] = contrast
    rows = []
    for (tells, variant, baseline), cells in by_row.items():
        differences = [cells[question].difference for question in questions]
        _, equals, n_fixed = variant.rpartition("fixed=")
        what = TELLS[tells] + (f", fixed={n_fixed}" if equals else "")
        rows.append((what, f"{variant} - {baseline}", *map(_interval, differences)))
    return Table(
        title="What the controls tell: differences in points [95 % interval, not adjusted]",
        columns=("what", "of", *(QUESTION_NAMES[question] for question in questions)),
        rows=tuple(rows),
        notes=tuple(
            f"{TELLS[tells]}: {GUIDE[tells]}" for tells in dict.fromkeys(t for t, *_ in by_row)
        ),
    )


def speed_table(results: Results, question: str) -> Table:
    """Lay out how fast the variants of one question learn, a figure a row."""
    shown = [one for one in results.findings.speed if one.sources in ("none", question)]
    rows, last = [], None
    for one in shown:
        is_epochs = one.figure == "epochs"
        rows.append(
            (
                "" if one.label == last else one.label,
                FIGURES[one.figure],
                _epochs(one) if is_epochs else _points(one.value),
                _censored(one) if is_epochs else _interval(one.difference),
                _p((one.difference or one).p_adjusted),
                (one.verdict or "").partition(" (")[0],
            )
        )
        last = one.label
    is_tested = results.spec.nested is None or question == "one"
    test = "and log-rank test" if is_tested else "without a test, as runs share their sources"
    return Table(
        title=f"{_question_title(results, question)}: speed of learning in %, "
        f"{design(results, question)}",
        columns=("variant", "figure", "value", "difference [95 %]", "adj. p", "verdict"),
        rows=tuple(rows),
        notes=(
            "test accuracy: jumpstart, before training; height, mean of the learning curve; "
            "last 10, mean of the last epochs",
            f"epochs: to reach {_percent(results.findings.threshold)}, median (Kaplan-Meier) "
            f"{test}; runs that never get there are censored",
        ),
    )


def print_on_terminal(tables: Sequence[Table], file: TextIO) -> None:
    """Print tables with rich; a narrow terminal drops columns, and never cuts a number."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=file, highlight=False, markup=False, emoji=False)
    for i, table in enumerate(tables):
        dropped = _dropped(table, console)
        if dropped is None:
            file.write(("\n" if i else "") + to_text([_without(table, DROPPED_FIRST)]))
            continue
        grid = _grid(_without(table, dropped))
        console.print(*([""] if i else []), Text(table.title, style="bold"), "", grid, sep="\n")
        width = min(console.width, PLOT_WIDTH)
        plot = box_plot(table.summaries, table.ceiling, width, console.encoding)
        if plot:
            console.print("", *map(Text, plot), sep="\n")
        if table.sentence:
            console.print("", Text(table.sentence, style="bold"), sep="\n")
        notes = list(table.notes)
        if dropped:
            notes.append(f"no room for: {', '.join(dropped)}")
        if notes:
            console.print("", *(Text(note, style="dim") for note in notes), sep="\n")


def _dropped(table: Table, console: "Console") -> list[str] | None:
    """Choose the columns that a terminal has no room for; None where not enough can go."""
    unbounded = console.options.update(width=10_000)

    def fits(without: Sequence[str]) -> bool:
        grid = _grid(_without(table, without))
        return console.measure(grid, options=unbounded).maximum <= console.width

    order = [head for head in (*DROPPED_FIRST, *DROPPED_LAST) if head in table.columns]
    n = next((n for n in range(len(order) + 1) if fits(order[:n])), None)
    if n is None:
        return None
    dropped = order[:n]
    for head in reversed(order[:n][:-1]):  # a narrow one may fit where a wide one went
        without = [one for one in dropped if one != head]
        if fits(without):
            dropped = without
    return dropped


def to_text(tables: Sequence[Table]) -> str:
    """Write tables as aligned plain text, never cut to a width."""
    return "\n".join(map(_to_text, tables))


def to_markdown(tables: Sequence[Table]) -> str:
    """Write tables as Markdown."""
    return "\n".join(map(_to_markdown, tables))


def _without(table: Table, heads: Sequence[str]) -> Table:
    """Leave some columns out."""
    kept = [i for i, head in enumerate(table.columns) if head == "" or head not in heads]
    return replace(
        table,
        columns=tuple(table.columns[i] for i in kept),
        rows=tuple(tuple(row[i] for i in kept) for row in table.rows),
    )


def _grid(table: Table) -> "RichTable":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    # Narrow gaps, so that a comparison fits into 80 columns.
    grid = RichTable(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for head in table.columns:
        grid.add_column(Text(head), justify="left" if head in LEFT else "right", overflow="fold")
    for row in table.rows:
        grid.add_row(*map(Text, row))
    return grid


def _to_text(table: Table) -> str:
    lines = [table.columns, *table.rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [table.title, ""]
    for row in lines:
        cells = [
            cell.ljust(width) if head in LEFT else cell.rjust(width)
            for head, cell, width in zip(table.columns, row, widths, strict=True)
        ]
        text.append("  ".join(cells).rstrip())
    sentence = ["", table.sentence] if table.sentence else []
    notes = ["", *table.notes] if table.notes else []
    return "\n".join([*text, *sentence, *notes]) + "\n"


def _to_markdown(table: Table) -> str:
    rule = tuple("---" if head in LEFT else "---:" for head in table.columns)
    rows = [table.columns, rule, *table.rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    sentence = ["", table.sentence] if table.sentence else []
    notes = ["", *(f"- {note}" for note in table.notes)] if table.notes else []
    return "\n".join([f"**{table.title}**", "", *lines, *sentence, *notes]) + "\n"


def _question_title(results: Results, question: str) -> str:
    name = QUESTION_NAMES[question].capitalize()
    if question == "one":
        return f"{name} (one source network)"
    if results.spec.nested is not None:
        return f"{name} ({count(results.n_sources, 'source networks')})"
    return f"{name} (a fresh source network each repeat)"


def _subject(results: Results, summary: Summary, network: MLPSpec) -> str:
    if results.command == "train-source":
        return f"Source network {network}"
    origin = "" if results.spec.model_path is None else f" from {results.spec.model_path}"
    if summary.variant == "standalone":
        return f"Standalone network {network}"
    if summary.variant == "transfer":
        frozen = f", first {summary.fixed} hidden frozen" if summary.fixed else ""
        return f"Network {network}{origin}{frozen},"
    return f"Network {network}{origin}, {summary.label},"


def _comparison_notes(results: Results, question: str, shown: Sequence[Summary]) -> list[str]:
    spec, notes = results.spec, [_ceiling_note(results.task("target"))]
    if question == "fresh":
        source = results.task("source") if spec.source else None
        if source is not None:
            notes.append(
                f"source networks trained on problem {source.seed} (ceiling "
                f"{_percent(source.ceiling)}): the intervals hold for the method, on this target "
                "problem"
            )
    elif spec.model_path is not None:
        notes.append(f"one source network, {spec.model_path}: {_ONE_SOURCE}")
    elif results.source_run is not None:
        source, run = results.task("source"), results.source_run
        notes.append(
            f"one source network, trained on problem {source.seed} "
            f"(test accuracy {_percent(run.test_accuracy)}, ceiling {_percent(source.ceiling)}): "
            f"{_ONE_SOURCE}"
        )
        if not run.is_ok:
            notes.append("the source network failed: its loss is not finite")
    if any(summary.collapsed for summary in shown):
        notes.append("collapsed: runs that never predict one of the classes")
    if any(summary.failed for summary in shown):
        notes.append("failed: runs whose loss is not finite; they count in no other column")
    if results.interrupted:
        n_done = results.runs.n_repeats
        notes.append(f"interrupted after {n_done} of {count(spec.n_repeats, 'repeats')}")
    return notes


def _ceiling_note(task: TaskRecord) -> str:
    return (
        f"gap: to the ceiling {_percent(task.ceiling)}, the best possible on these {task.n_test} "
        "test rows (nearest true centre)"
    )


_ONE_SOURCE = "the luck of its draw is in no std and no interval"


def _percent(share: float | None) -> str:
    return "not finite" if share is None else f"{100 * share:.1f} %"


def _points(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f}"


def _loss(loss: float | None) -> str:
    return "not finite" if loss is None else f"{loss:.4f}"


def _interval(difference: Difference | None) -> str:
    if difference is None:
        return ""
    if difference.mean is None:
        return "-"
    mean = f"{100 * difference.mean:+.2f}"
    if difference.ci_low is None or difference.ci_high is None:
        return mean
    return f"{mean} [{100 * difference.ci_low:+.2f}, {100 * difference.ci_high:+.2f}]"


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.2f}"


def _censored(speed: Speed) -> str:
    return f"{speed.n_censored} of {speed.n} never" if speed.n else "-"


def _p(p: float | None) -> str:
    if p is None:
        return ""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _epochs(speed: Speed) -> str:
    if not speed.n:
        return "-"
    return "never" if speed.value is None else f"{speed.value:.0f}"
