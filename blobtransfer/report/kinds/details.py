"""Tables of a comparison besides its accuracies: rates, variances, controls, speed."""

from collections.abc import Iterator
from dataclasses import replace

from blobtransfer.report import words
from blobtransfer.report.kinds.texts import secondary_note
from blobtransfer.report.table import DIFFERENCE, Table, blank_repeats
from blobtransfer.results.findings import Contrast, ContrastKind, SpeedMetric
from blobtransfer.results.results import CellResults
from blobtransfer.specs.experiment import Question

CONTRASTS: dict[ContrastKind, str] = {
    "freezing": "freezing alone",
    "weights": "the source's weights",
    "features": "the source's features",
    "own features": "the target's own features",
    "other problem": "another problem's features",
    "extra updates": "the extra updates",
    "beyond extra updates": "beyond the extra updates",
    "against": "one variant against another",
}
"""Meaning of a comparison with a control, in a few words."""


CONTRAST_HELP: dict[ContrastKind, str] = {
    "freezing": "effect of freezing layers with random weights",
    "weights": "effect of all weights of the source network, frozen or not",
    "features": "effect of the frozen layers alone; the other layers are re-initialised",
    "own features": "effect of starting from another network trained on the target problem",
    "other problem": "effect of a source trained on another problem instead of the target problem",
    "extra updates": "effect of extra updates of standalone, as many as a source network takes",
    "beyond extra updates": "effect of transfer compared with those extra updates",
    "against": "first variant minus second variant",
}
"""Meaning of a comparison with a control, in one line."""


SPEED_METRICS: dict[SpeedMetric, str] = {
    "jumpstart": "jumpstart",
    "area": "curve mean",
    "last": "last 10",
    "reached": "reached",
    "epochs": "epochs",
}


def detail_tables(results: CellResults) -> Iterator[Table]:
    """Yield the tables of rates, epochs, variances, controls and speed, as far as requested."""
    if results.spec.tune:
        yield rates_table(results)
    if results.spec.training.patience is not None:
        yield epochs_table(results)
    if any(summary.source_variance is not None for summary in results.summary):
        yield variance_table(results)
    if results.findings.contrasts:
        yield controls_table(results)
    if results.findings.speed:
        yield from (speed_table(results, question) for question in results.spec.questions)


def brief_detail_tables(results: CellResults) -> Iterator[Table]:
    """Yield the detail tables of the primary question for one screen, as far as requested."""
    question = results.spec.questions[0]
    if any(summary.source_variance is not None for summary in results.summary):
        yield replace(variance_table(results), notes=())
    if results.findings.contrasts:
        yield _brief_controls_table(results, question)
    if results.findings.speed:
        yield _brief_speed_table(results, question)


def rates_table(results: CellResults) -> Table:
    """Return the table of the learning rates that runs have chosen."""
    rates = [f"{rate:g}" for rate in sorted(results.spec.tune)]
    is_balanced = results.spec.metric == "balanced-accuracy"
    chosen_by = "balanced accuracy" if is_balanced else "accuracy"
    return Table(
        name="rates",
        keys=("variant", "question"),
        title="Chosen learning rates: number of runs",
        columns=("variant", "question", *rates),
        rows=tuple(
            (
                words.label_of(summary.arm, results),
                words.question_of(summary.arm),
                *(str(chosen.n) for chosen in summary.chosen_rates),
            )
            for summary in results.summary
        ),
        notes=(
            f"each run uses the rate with the highest {chosen_by} on a fifth of its training rows, "
            "and is then trained on all of them; source networks use "
            f"{results.spec.training.learning_rate:g}",
        ),
        is_detail=True,
    )


def epochs_table(results: CellResults) -> Table:
    """Return the table of the epochs after which runs have stopped."""
    training = results.spec.training
    return Table(
        name="epochs",
        keys=("variant", "question"),
        title="Early stopping: mean number of epochs",
        columns=("variant", "question", "epochs"),
        rows=tuple(
            (
                words.label_of(summary.arm, results),
                words.question_of(summary.arm),
                words.format_number(summary.mean_epochs, scale=1.0, digits=1),
            )
            for summary in results.summary
        ),
        notes=(f"{words.describe_early_stopping(training)}; at most {training.epochs:,} epochs",),
        is_detail=True,
    )


def variance_table(results: CellResults) -> Table:
    """Return the table of the variation between and within source networks."""
    return Table(
        name="variation",
        title="Variation between source networks: std of "
        f"{words.test_metric(results.spec)} in points",
        columns=("variant", "sources", "between sources", "within a source", "ICC"),
        rows=tuple(
            (
                words.label_of(summary.arm, results),
                str(variance.n_sources),
                words.format_number(variance.between_std),
                words.format_number(variance.within_std),
                words.format_share(variance.icc),
            )
            for summary in results.summary
            if (variance := summary.source_variance) is not None
        ),
        notes=("ICC: share of the variance that is due to the source network",),
    )


def controls_table(results: CellResults) -> Table:
    """Return the table of comparisons with the controls, which explain a difference."""
    questions = results.spec.questions
    by_row: dict[tuple[ContrastKind, str, str], dict[Question, Contrast]] = {}
    for contrast in results.findings.contrasts:
        label, baseline = (
            words.label_of(arm, results) for arm in (contrast.arm, contrast.baseline)
        )
        key = (contrast.kind, label, baseline)
        by_row.setdefault(key, {})[contrast.question] = contrast
    is_why = any(kind != "against" for kind, *_ in by_row)
    title = "What the controls show" if is_why else "Variants compared with each other"
    rows = []
    for (kind, label, baseline), cells in by_row.items():
        n_frozen = next(iter(cells.values())).arm.variant.n_frozen
        is_of_one = n_frozen is not None and kind != "against"
        what = CONTRASTS[kind] + (f", fixed={n_frozen}" if is_of_one else "")
        differences = [cells[question].difference for question in questions]
        rows.append((what, f"{label} - {baseline}", *map(words.format_interval, differences)))
    return Table(
        name="controls",
        title=f"{title}: differences in points [95 % interval, unadjusted]",
        columns=("what", "of", *(words.QUESTION_NAMES[question] for question in questions)),
        rows=tuple(rows),
        notes=(
            *(
                f"{CONTRASTS[kind]}: {CONTRAST_HELP[kind]}"
                for kind in dict.fromkeys(kind for kind, *_ in by_row)
            ),
            secondary_note(results.spec),
        ),
    )


def _brief_controls_table(results: CellResults, question: Question) -> Table:
    """Return the comparisons with the controls in one question."""
    table = controls_table(results)
    name = words.QUESTION_NAMES[question]
    i = table.columns.index(name)
    return replace(
        table,
        title=f"{table.title}, {name}" if len(table.columns) > 3 else table.title,
        columns=("what", DIFFERENCE),
        rows=tuple((row[0], row[i]) for row in table.rows if row[i]),
        notes=(),
    )


def _brief_speed_table(results: CellResults, question: Question) -> Table:
    """Return the training speed of the variants in one question, one row per variant."""
    rows: dict[str, list[str]] = {}
    for speed in results.findings.speed:
        if speed.arm.belongs_to(question):
            scale = 1.0 if speed.metric == "epochs" else 100.0
            text = words.format_number(speed.value, digits=1, scale=scale)
            cells = rows.setdefault(words.label_of(speed.arm, results), [])
            cells.append(f"{text} {words.format_mark(speed.verdict) or ' '}")
    return Table(
        name="speed",
        title=f"Training speed in %, {words.QUESTION_NAMES[question]}: epochs to reach "
        f"{words.format_percent(results.findings.threshold)}; {words.MARKS_LEGEND}",
        columns=("variant", *(f"{name}  " for name in SPEED_METRICS.values())),
        rows=tuple((label, *cells) for label, cells in rows.items()),
    )


def speed_table(results: CellResults, question: Question) -> Table:
    """Return the table of the training speed of variants, one row per metric."""
    rows = []
    for speed in results.findings.speed:
        if speed.arm.belongs_to(question):
            scale = 1.0 if speed.metric == "epochs" else 100.0
            row = (words.label_of(speed.arm, results), SPEED_METRICS[speed.metric])
            numbers = (
                words.format_number(speed.value, scale=scale),
                words.format_interval(speed.difference, scale=scale),
                words.format_adjusted_p(speed.difference),
            )
            rows.append((*row, *numbers, words.format_verdict(speed.verdict)))
    return Table(
        name="speed",
        keys=("variant", "metric"),
        title=f"{words.question_title(results, question)}: training speed in %, "
        f"{words.describe_design(results, question)}",
        columns=("variant", "metric", "value", "difference [95 %]", "adjusted p", "verdict"),
        rows=blank_repeats(rows, 1),
        notes=(
            f"jumpstart: {words.test_metric(results.spec)} before training; curve mean: mean of "
            "the learning curve; last 10: mean of the last 10 epochs",
            "reached: share of the runs that reach "
            f"{words.format_percent(results.findings.threshold)}; epochs: number of epochs to "
            f"reach it, {results.spec.training.epochs} for runs that never do",
            secondary_note(results.spec),
        ),
    )
