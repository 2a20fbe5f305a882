"""Results -> tables: percent signs, digits and words; nothing is computed here.

A table is made once as text cells; the files in `render/` show it.
"""

from collections.abc import Callable, Sequence

from blobtransfer.report.sentences import answer, low_run_notes, ranking_sentence
from blobtransfer.report.table import Table
from blobtransfer.report.words import (
    QUESTION_NAMES,
    SCORE_NAMES,
    describe_design,
    describe_frozen_layers,
    format_interval,
    format_loss,
    format_number,
    format_p,
    format_percent,
    format_share,
    format_verdict,
    format_whole_percent,
    label_of,
    pluralise,
    suggest,
)
from blobtransfer.results.findings import Contrast, ContrastKind, SpeedMetric, Summary
from blobtransfer.results.results import Results, TaskRecord
from blobtransfer.specs.drawn import BlobsSpec
from blobtransfer.specs.experiment import Question
from blobtransfer.specs.network import MLPSpec
from blobtransfer.statistics.paired import Interval
from blobtransfer.statistics.transferability import Ranking, ScoreName

CONTRASTS: dict[ContrastKind, str] = {
    "freezing": "freezing alone",
    "weights": "the source's weights",
    "features": "the source's features",
    "own features": "the target's own features",
    "other problem": "another problem's features",
    "extra epochs": "the extra epochs",
    "beyond extra epochs": "beyond the extra epochs",
    "against": "one variant against another",
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
    "against": "what the first of the two brings more than the second",
}
"""What a comparison with a control tells, in a line."""

SPEED_METRICS: dict[SpeedMetric, str] = {
    "jumpstart": "jumpstart",
    "area": "height",
    "last": "last 10",
    "reached": "reached",
    "epochs": "epochs",
}


RANKING_COLUMNS = ("Spearman [95 %]", "gain", "regret")

RANKING_NOTES = (
    "Spearman: of the score with the test accuracy after transfer",
    "gain, regret: points of accuracy that the network with the best score is above the mean of "
    "all, and below the best of all",
    "a score says nothing about other targets, nor whether transfer beats training from scratch",
)

BEST_OF = ("best of 1", "best of 3", "best of 5")

SECONDARY = "secondary: not adjusted together with the answer about accuracy"


def tables_of(results: Results, with_time: bool = True) -> tuple[Table, ...]:
    """Lay out everything that a command found.

    Args:
        results: Of any command.
        with_time: Name the seconds of a training, which differ each time; off for files.
    """
    if results.command != "compare":
        return (training_table(results, with_time),)
    tables = [comparison_table(results, question) for question in results.spec.questions]
    tables.append(risk_table(results))
    if results.findings.rankings:
        tables.append(ranking_table(results))
    return (*tables, *further_tables(results))


def further_tables(results: Results) -> tuple[Table, ...]:
    """Lay out what was asked of a comparison besides its accuracies."""
    tables = []
    if results.spec.tune:
        tables.append(rates_table(results))
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
        *_ceiling_notes(results),
    ]
    if results.baseline is not None and results.baseline.run.status == "ok":
        accuracy = format_percent(results.baseline.run.test_accuracy)
        notes.append(
            f"from scratch, the rows in the same order: test accuracy {accuracy}; one run of each "
            "decides nothing, compare does"
        )
    if results.interrupted:
        notes.append("interrupted: no network from scratch was trained to be shown beside it")
    if run.status == "failed":
        notes.append("failed: the loss is not finite; try a smaller --learning-rate")
    elif run.classes_predicted < network.n_classes:
        notes.append(
            f"collapsed: only {run.classes_predicted} of {network.n_classes} classes are "
            "ever predicted"
        )
    rows = [
        ("accuracy", format_percent(run.train_accuracy), format_percent(run.test_accuracy)),
        ("loss", format_loss(run.train_loss), format_loss(run.test_loss)),
    ]
    gap = None if run.status == "failed" else summary.gap
    if task.ceiling is not None:
        rows += [("ceiling", "", format_percent(task.ceiling)), ("gap", "", format_percent(gap))]
    else:
        rows.append(("floor", "", format_percent(task.floor)))
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
        ("variant", lambda s: label_of(s.arm, results)),
        ("mean", lambda s: format_number(s.mean)),
        ("std", lambda s: format_number(s.std)),
        ("median", lambda s: format_number(s.median)),
        ("low", lambda s: format_whole_percent(s.low_runs.share if s.low_runs else None)),
        ("gap", lambda s: format_number(s.gap)),
        ("difference [95 %]", lambda s: format_interval(s.difference)),
        ("typical [95 %]", lambda s: format_interval(s.difference and s.difference.typical)),
        (
            "P(better)",
            lambda s: format_share(s.difference.probability_better if s.difference else None),
        ),
        ("adj. p", lambda s: format_p(s.difference.p_adjusted if s.difference else None)),
        ("verdict", lambda s: format_verdict(s.verdict)),
    ]
    left_out = ["gap"] if target.ceiling is None else []
    left_out += ["adj. p"] if results.spec.until_decided else []  # a sequence has none
    columns = [column for column in columns if column[0] not in left_out]
    if any(summary.failed for summary in shown):
        columns[1:1] = [("failed", lambda s: str(s.failed))]
    return Table(
        title=f"{_question_title(results, question)}: test accuracy in % on {target.name}, "
        f"{results.spec.network}, {describe_design(results, question)}",
        columns=tuple(head for head, _ in columns),
        rows=tuple(tuple(cell(s) for _, cell in columns) for s in shown),
        notes=tuple(_comparison_notes(results, question, shown)),
        sentence=answer(results, question),
        summaries=tuple(shown),
        ceiling=target.ceiling,
    )


def risk_table(results: Results) -> Table:
    """Lay out what a person may get who trains once, or a few times and keeps the best."""
    return Table(
        title="What is at risk: test accuracy in %",
        columns=("variant", "question", "5 % quantile", "worst tenth", *BEST_OF),
        rows=tuple(
            (
                label_of(one.arm, results),
                suggest(one.arm),
                *map(
                    format_number,
                    (one.q05, one.worst_tenth, one.mean, one.best_of_3, one.best_of_5),
                ),
            )
            for one in results.summary
        ),
        notes=(
            "worst tenth: the mean of the lowest tenth of the runs; best of k: to be expected of "
            "the best of k runs",
        ),
        is_detail=True,
    )


def ranking_table(results: Results) -> Table:
    """Lay out how well each transferability score ranks the source networks."""
    rows, last = [], None
    for one in results.findings.rankings:
        label = label_of(one.arm, results)
        rows.append(("" if label == last else label, *ranking_cells(one.score, one.ranking)))
        last = label
    n = results.findings.rankings[0].ranking.n
    return Table(
        title=f"Which of {pluralise(n, 'source networks')} would one pick? Scores on the training "
        f"rows of {results.measured.name}",
        columns=("variant", "score", *RANKING_COLUMNS),
        rows=tuple(rows),
        notes=RANKING_NOTES,
        sentence=ranking_sentence(results),
    )


def ranking_cells(score: ScoreName, ranking: Ranking) -> tuple[str, ...]:
    """Write how well a score ranks source networks."""
    found = Interval(ranking.spearman, ranking.ci_low, ranking.ci_high)
    return (
        SCORE_NAMES[score],
        format_interval(found, scale=1.0) if ranking.spearman is not None else "-",
        format_interval(Interval(ranking.gain, None, None)),
        format_number(ranking.regret),
    )


def rates_table(results: Results) -> Table:
    """Lay out which learning rates the runs have chosen."""
    rates = [f"{rate:g}" for rate in sorted(results.spec.tune)]
    return Table(
        title="The learning rates that were chosen: runs",
        columns=("variant", "question", *rates),
        rows=tuple(
            (
                label_of(one.arm, results),
                suggest(one.arm),
                *(str(chosen.n) for chosen in one.chosen_rates),
            )
            for one in results.summary
        ),
        notes=(
            "each run takes the rate that is most accurate on a fifth of its training rows, and "
            "learns all of them with it; source networks learn with "
            f"{results.spec.training.learning_rate:g}",
        ),
        is_detail=True,
    )


def variance_table(results: Results) -> Table:
    """Lay out how much of the spread comes from which source network was drawn."""
    return Table(
        title="The luck of the source: std of test accuracy in points",
        columns=("variant", "sources", "between sources", "within a source", "ICC"),
        rows=tuple(
            (
                label_of(summary.arm, results),
                str(variance.n_sources),
                format_number(variance.between_std),
                format_number(variance.within_std),
                format_share(variance.icc),
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
        label, baseline = (label_of(arm, results) for arm in (contrast.arm, contrast.baseline))
        key = (contrast.kind, label, baseline)
        by_row.setdefault(key, {})[contrast.question] = contrast
    is_why = any(kind != "against" for kind, *_ in by_row)
    title = "What the controls tell" if is_why else "The variants against each other"
    rows = []
    for (kind, label, baseline), cells in by_row.items():
        n_frozen = next(iter(cells.values())).arm.variant.n_frozen
        is_of_one = n_frozen is not None and kind != "against"
        what = CONTRASTS[kind] + (f", fixed={n_frozen}" if is_of_one else "")
        differences = [cells[question].difference for question in questions]
        rows.append((what, f"{label} - {baseline}", *map(format_interval, differences)))
    return Table(
        title=f"{title}: differences in points [95 % interval, each alone]",
        columns=("what", "of", *(QUESTION_NAMES[question] for question in questions)),
        rows=tuple(rows),
        notes=(
            *(
                f"{CONTRASTS[kind]}: {CONTRAST_HELP[kind]}"
                for kind in dict.fromkeys(kind for kind, *_ in by_row)
            ),
            SECONDARY,
        ),
    )


def speed_table(results: Results, question: Question) -> Table:
    """Lay out how fast the variants of one question learn, a metric a row."""
    shown = [one for one in results.findings.speed if one.arm.is_asked_by(question)]
    rows, last = [], None
    for one in shown:
        scale = 1.0 if one.metric == "epochs" else 100.0
        rows.append(
            (
                "" if one.arm == last else label_of(one.arm, results),
                SPEED_METRICS[one.metric],
                format_number(one.value, scale=scale),
                format_interval(one.difference, scale=scale),
                format_p(one.difference.p_adjusted if one.difference else None),
                format_verdict(one.verdict),
            )
        )
        last = one.arm
    return Table(
        title=f"{_question_title(results, question)}: speed of learning in %, "
        f"{describe_design(results, question)}",
        columns=("variant", "metric", "value", "difference [95 %]", "adj. p", "verdict"),
        rows=tuple(rows),
        notes=(
            "test accuracy: jumpstart, before training; height, mean of the learning curve; "
            "last 10, mean of the last epochs",
            f"reached: runs that reach {format_percent(results.findings.threshold)}; epochs: until "
            f"then, {results.spec.training.epochs} where it is never reached",
            SECONDARY,
        ),
    )


def _question_title(results: Results, question: Question) -> str:
    name = QUESTION_NAMES[question].capitalize()
    if results.spec.is_same_problem:
        return f"{name}, source and target being the same problem (not transfer)"
    if question == "one":
        return f"{name} (one source network)"
    if results.spec.nested is not None:
        return f"{name} ({pluralise(results.n_sources, 'source networks')})"
    return f"{name} (a fresh source network each repeat)"


def _subject(results: Results, summary: Summary, network: MLPSpec) -> str:
    if results.command == "train-source":
        return f"Source network {network}"
    origin = "" if results.spec.model_path is None else f" from {results.spec.model_path}"
    variant = summary.arm.variant
    if variant.kind == "standalone":
        return f"Standalone network {network}"
    if variant.kind == "transfer":
        frozen = f", {describe_frozen_layers(variant.n_frozen)}" if variant.n_frozen else ""
        return f"Network {network}{origin}{frozen},"
    return f"Network {network}{origin}, {summary.label},"


def _comparison_notes(results: Results, question: Question, shown: Sequence[Summary]) -> list[str]:
    spec, notes = results.spec, _ceiling_notes(results)
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
        ceiling = "" if source.ceiling is None else f", ceiling {format_percent(source.ceiling)}"
        notes.append(
            f"one source network, trained on {source.name} "
            f"(test accuracy {format_percent(run.test_accuracy)}{ceiling}): {_ONE_SOURCE}"
        )
        if run.status == "failed":
            notes.append("the source network failed: its loss is not finite")
    notes += low_run_notes(shown, results)
    n_compared = len(spec.variants) - 1
    together = f"; the {n_compared} intervals of the mean hold together" if n_compared > 1 else ""
    notes.append(
        f"low: runs below {format_percent(results.findings.low_line)}; typical: the middle three "
        f"fifths of the differences{together}"
    )
    if spec.until_decided:
        is_at_most = results.scores.n_repeats == spec.n_repeats
        is_at_most = is_at_most or results.interrupted
        how = f"at most {spec.n_repeats:,} repeats" if is_at_most else "until all was decided"
        notes.append(
            f"looked at again and again, {how}: the intervals of the mean hold at every look, "
            "all others at one"
        )
    if spec.task.is_resplit:
        notes.append(
            f"each repeat splits the rows of {results.measured.name} anew: intervals and p are "
            "Nadeau & Bengio's, which know that the splits share rows"
        )
    if question == "one" and "fresh" in spec.questions:
        notes.append("secondary: the answer about the method is the primary one")
    if any(summary.failed for summary in shown):
        notes.append(
            "failed: runs whose loss is not finite; they count at chance level, "
            f"{format_percent(results.measured.floor)}"
        )
    return notes


def _ceiling_notes(results: Results) -> list[str]:
    task, spec = results.measured, results.spec.task
    if task.ceiling is None:
        return [
            f"floor: {format_percent(task.floor)}, the share of the largest class among the test "
            "rows; the best possible accuracy is not known"
        ]
    how = " (nearest true centre)" if isinstance(spec, BlobsSpec) else ""
    return [
        f"gap: to the ceiling {format_percent(task.ceiling)}, the best possible on these "
        f"{task.n_test} test rows{how}"
    ]


def _ceiling_in_brackets(task: TaskRecord) -> str:
    return "" if task.ceiling is None else f" (ceiling {format_percent(task.ceiling)})"


_ONE_SOURCE = "the luck of its draw is in no std and no interval"
