"""Results -> tables: percent signs, digits and words; nothing is computed here.

A table is made once as text cells; the files in `render/` show it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from blobtransfer.report.sentences import (
    QUESTION_NAMES,
    answer,
    count,
    design,
    frozen_words,
    verdict_word,
)
from blobtransfer.results.findings import Contrast, ContrastKind, Speed, Summary
from blobtransfer.results.results import Results, TaskRecord
from blobtransfer.specs.experiment import Question
from blobtransfer.specs.network import MLPSpec
from blobtransfer.statistics.paired import Difference

WORD_COLUMNS = ("variant", "metric", "what", "of", "verdict", "")
"""Columns of words; the others are numbers, and end at the right."""

CONTRASTS: dict[ContrastKind, str] = {
    "freezing": "freezing alone",
    "weights": "the source's weights",
    "features": "the source's features",
    "own features": "the target's own features",
    "other problem": "another problem's features",
    "extra epochs": "the extra epochs",
    "beyond extra epochs": "beyond the extra epochs",
}
"""What a comparison with a control tells, in a few words."""

CONTRAST_HELP: dict[ContrastKind, str] = {
    "freezing": "what it costs to freeze layers that were never trained",
    "weights": "what all the source brings: its frozen features, and the start of the layers above",
    "features": "what the frozen features bring alone, the layers above drawn afresh",
    "own features": "what a start from another network of the target problem brings",
    "other problem": "what is lost because the source is another problem",
    "extra epochs": "what standalone gains in the epochs that the source network took",
    "beyond extra epochs": "what transfer brings more than those epochs",
}
"""What a comparison with a control tells, in a line."""

SPEED_METRICS = {
    "jumpstart": "jumpstart",
    "area": "height",
    "last": "last 10",
    "epochs": "epochs",
}


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
        ceiling: The plot's best possible accuracy; None where it is not known.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    sentence: str | None = None
    summaries: tuple[Summary, ...] = ()
    ceiling: float | None = None


def tables_of(results: Results, with_time: bool = True) -> tuple[Table, ...]:
    """Lay out everything that a command found.

    Args:
        results: Of any command.
        with_time: Name the seconds of a training, which differ each time; off for files.
    """
    if results.command != "compare":
        return (training_table(results, with_time),)
    tables = [comparison_table(results, question) for question in results.spec.questions]
    if results.spec.nested is not None:
        tables.append(variance_table(results))
    if results.findings.contrasts:
        tables.append(controls_table(results))
    if results.findings.speed:
        tables += [speed_table(results, question) for question in results.spec.questions]
    return tuple(tables)


def training_table(results: Results, with_time: bool = True) -> Table:
    """Lay out the one run of `train-source` or `train-target`.

    Args:
        results: With one run.
        with_time: Name the seconds, which differ each time; off for files.
    """
    run, (summary,), task = results.run, results.summary, results.measured
    network = summary.arm.variant.network(results.spec.network)
    notes = [
        f"{summary.trainable_parameters} of {network.n_parameters} weights trained"
        + (f" in {results.seconds:.2f} s" if with_time else "")
        + f"; {task.n_train} training rows",
        *_ceiling_notes(task),
    ]
    if run.status == "failed":
        notes.append("failed: the loss is not finite; try a smaller --learning-rate")
    elif run.classes_predicted < network.n_classes:
        notes.append(
            f"collapsed: only {run.classes_predicted} of {network.n_classes} classes are "
            "ever predicted"
        )
    rows = [
        ("accuracy", _percent(run.train_accuracy), _percent(run.test_accuracy)),
        ("loss", _loss(run.train_loss), _loss(run.test_loss)),
    ]
    if task.ceiling is not None:
        rows += [("ceiling", "", _percent(task.ceiling)), ("gap", "", _percent(summary.gap))]
    return Table(
        title=f"{_subject(results, summary, network)} on {task.name}",
        columns=("", "train", "test"),
        rows=tuple(rows),
        notes=tuple(notes),
    )


def comparison_table(results: Results, question: Question) -> Table:
    """Lay out the variants of one question, one a row, and the answer to it."""
    target = results.measured
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
        ("verdict", lambda s: verdict_word(s.verdict)),
    ]
    if target.ceiling is None:
        columns = [column for column in columns if column[0] != "gap"]
    if any(summary.failed for summary in shown):
        columns[1:1] = [("n", lambda s: str(s.n)), ("failed", lambda s: str(s.failed))]
    return Table(
        title=f"{_question_title(results, question)}: test accuracy in % on {target.name}, "
        f"{results.spec.network}, {design(results, question)}",
        columns=tuple(head for head, _ in columns),
        rows=tuple(tuple(cell(s) for _, cell in columns) for s in shown),
        notes=tuple(_comparison_notes(results, question, shown)),
        sentence=answer(results, question),
        summaries=tuple(shown),
        ceiling=target.ceiling,
    )


def variance_table(results: Results) -> Table:
    """Lay out how much of the spread comes from which source network was drawn."""
    return Table(
        title="The luck of the source: std of test accuracy in points",
        columns=("variant", "sources", "between sources", "within a source", "ICC"),
        rows=tuple(
            (
                summary.label,
                str(variance.n_sources),
                _points(variance.between_std),
                _points(variance.within_std),
                _share(variance.icc),
            )
            for summary in results.summary
            if (variance := summary.source_variance) is not None
        ),
        notes=("ICC: the share of the variance that comes from which source network was drawn",),
    )


def controls_table(results: Results) -> Table:
    """Lay out what the controls tell: why a variant wins or loses."""
    questions = results.spec.questions
    by_row: dict[tuple[ContrastKind, str, str], dict[Question, Contrast]] = {}
    for contrast in results.findings.contrasts:
        key = (contrast.kind, contrast.arm.label, contrast.baseline.label)
        by_row.setdefault(key, {})[contrast.question] = contrast
    rows = []
    for (kind, label, baseline), cells in by_row.items():
        n_frozen = next(iter(cells.values())).arm.variant.n_frozen
        what = CONTRASTS[kind] + ("" if n_frozen is None else f", fixed={n_frozen}")
        differences = [cells[question].difference for question in questions]
        rows.append((what, f"{label} - {baseline}", *map(_interval, differences)))
    return Table(
        title="What the controls tell: differences in points [95 % interval, not adjusted]",
        columns=("what", "of", *(QUESTION_NAMES[question] for question in questions)),
        rows=tuple(rows),
        notes=tuple(
            f"{CONTRASTS[kind]}: {CONTRAST_HELP[kind]}"
            for kind in dict.fromkeys(kind for kind, *_ in by_row)
        ),
    )


def speed_table(results: Results, question: Question) -> Table:
    """Lay out how fast the variants of one question learn, a metric a row."""
    shown = [one for one in results.findings.speed if one.arm.is_asked_by(question)]
    rows, last = [], None
    for one in shown:
        is_epochs = one.metric == "epochs"
        rows.append(
            (
                "" if one.arm == last else one.arm.label,
                SPEED_METRICS[one.metric],
                _epochs(one) if is_epochs else _points(one.value),
                _censored(one) if is_epochs else _interval(one.difference),
                _p((one.difference or one).p_adjusted),
                verdict_word(one.verdict),
            )
        )
        last = one.arm
    is_tested = results.spec.nested is None or question == "one"
    test = "and log-rank test" if is_tested else "without a test, as runs share their sources"
    return Table(
        title=f"{_question_title(results, question)}: speed of learning in %, "
        f"{design(results, question)}",
        columns=("variant", "metric", "value", "difference [95 %]", "adj. p", "verdict"),
        rows=tuple(rows),
        notes=(
            "test accuracy: jumpstart, before training; height, mean of the learning curve; "
            "last 10, mean of the last epochs",
            f"epochs: to reach {_percent(results.findings.threshold)}, median (Kaplan-Meier) "
            f"{test}; runs that never get there are censored",
        ),
    )


def _question_title(results: Results, question: Question) -> str:
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
    variant = summary.arm.variant
    if variant.kind == "standalone":
        return f"Standalone network {network}"
    if variant.kind == "transfer":
        frozen = f", {frozen_words(variant.n_frozen)}" if variant.n_frozen else ""
        return f"Network {network}{origin}{frozen},"
    return f"Network {network}{origin}, {summary.label},"


def _comparison_notes(results: Results, question: Question, shown: Sequence[Summary]) -> list[str]:
    spec, notes = results.spec, _ceiling_notes(results.measured)
    if question == "fresh":
        source = results.task("source") if spec.source else None
        if source is not None:
            notes.append(
                f"source networks trained on {source.name}{_ceiling_in_brackets(source)}: the "
                "intervals hold for the method, on this target problem"
            )
    elif spec.model_path is not None:
        notes.append(f"one source network, {spec.model_path}: {_ONE_SOURCE}")
    elif results.source_run is not None:
        source, run = results.task("source"), results.source_run
        ceiling = "" if source.ceiling is None else f", ceiling {_percent(source.ceiling)}"
        notes.append(
            f"one source network, trained on {source.name} "
            f"(test accuracy {_percent(run.test_accuracy)}{ceiling}): {_ONE_SOURCE}"
        )
        if run.status == "failed":
            notes.append("the source network failed: its loss is not finite")
    if any(summary.collapsed for summary in shown):
        notes.append("collapsed: runs that never predict one of the classes")
    if any(summary.failed for summary in shown):
        notes.append("failed: runs whose loss is not finite; they count in no other column")
    if results.interrupted:
        n_done = results.scores.n_repeats
        notes.append(f"interrupted after {n_done} of {count(spec.n_repeats, 'repeats')}")
    return notes


def _ceiling_notes(task: TaskRecord) -> list[str]:
    if task.ceiling is None:
        return []
    return [
        f"gap: to the ceiling {_percent(task.ceiling)}, the best possible on these {task.n_test} "
        "test rows (nearest true centre)"
    ]


def _ceiling_in_brackets(task: TaskRecord) -> str:
    return "" if task.ceiling is None else f" (ceiling {_percent(task.ceiling)})"


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
