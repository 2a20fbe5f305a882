"""Cautions in words: why results are less certain than they seem, and what to do."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from blobtransfer.report.words import (
    QUESTION_NAMES,
    format_amount,
    format_percent,
    format_points,
    join_and,
    label_of,
    metric_name,
    pluralise,
)
from blobtransfer.results import findings
from blobtransfer.results.results import (
    CellResults,
    ComparedResults,
    JudgedResults,
    StudyResults,
    TrainingResults,
)
from blobtransfer.results.study_findings import StudyCaution
from blobtransfer.specs.axis_text import changes_standalone
from blobtransfer.specs.experiment import Arm
from blobtransfer.specs.table import TableSpec
from blobtransfer.specs.training import earlier_epoch
from blobtransfer.statistics.pooled import MIN_POOLED_PAIRS

ENOUGH_REPEATS = 100
"""Number of repeats that is recommended if there are too few."""


def caution_text(caution: findings.Caution, results: CellResults) -> str:
    """Return why results are less certain than they seem, and what to do."""
    match caution:
        case findings.StillImproving():
            others = len(caution.rises) - 1
            also = f", and {pluralise(others, 'other variants')} may too" if others else ""
            return f"{_rise_text(caution, results)}{also}: {_length_advice(results)}"
        case findings.FewValidationRows():
            return (
                f"early stopping depends on {_validation_rows(caution)}: so few stop many "
                "trainings too early, which can look like transfer; use more training rows, or "
                "leave out --patience"
            )
        case findings.LittlePatience():
            patience = pluralise(caution.patience, "epochs")
            return (
                f"each training stops after {patience} without a lower validation loss, which can "
                f"be long before it has converged; {_more_patience(caution, results)}"
            )
        case findings.FewPairs():
            design, more = results.spec.nested, f"--repeats {ENOUGH_REPEATS}"
            if design is not None:
                more = f"--nested {ENOUGH_REPEATS} {design[1]}"
            n_pairs = pluralise(caution.n, caution.unit)
            return f"with {n_pairs} nothing can be decided; try {more}"
        case findings.OneSource():
            source = "--sources both" if results.spec.source is not None else "--source SPEC"
            return (
                "one source network: intervals do not cover the variation between source networks; "
                f"for an answer with fresh sources use {source}"
            )
        case findings.SameData():
            return (
                "source and target are the same problem: what starts from the source goes on "
                "with its training, which is not transfer; take another --source-seed"
            )
        case findings.OtherClasses():
            names = join_and(list(dict.fromkeys(_with_question(caution.arms, results))))
            return (
                f"{names}: the output layer was trained on other classes than the target's and "
                "starts no better than by chance; --variant new-head,fixed=0 re-initialises it"
            )
        case findings.SplitAnew():
            return (
                f"each repeat resplits the same {caution.n_rows:,} rows, so repeats are not "
                "independent, and intervals are Nadeau & Bengio's: "
                f"{_ways_to_narrow(caution)}"
            )
        case findings.LookAgain():
            nested = results.spec.nested is not None
            return (
                "undecided variants: adding repeats after looking has an error rate above 5 %; "
                f"for more than these {caution.n} {'sources' if nested else 'repeats'} use "
                f"{'--nested' if nested else '--repeats'} with another --train-seed"
            )
        case findings.Collapsed() if isinstance(results, TrainingResults):
            if results.run.status == "failed":
                return "the network diverged: its loss is not finite; try a smaller --learning-rate"
            return (
                f"the network collapsed: it predicts {results.run.classes_predicted} of "
                f"{results.spec.network.n_classes} classes; try {_other_training(results)}"
            )
        case findings.Collapsed():
            names = join_and(list(dict.fromkeys(_with_question(caution.arms, results))))
            return (
                f"most runs diverge or collapse, that is, never predict one of the classes "
                f"({names}): there is little to compare; try {_other_training(results)}"
            )
        case findings.FewTestRows():
            is_balanced = results.spec.metric == "balanced-accuracy"
            article = f"{'a' if is_balanced else 'an'} {metric_name(results.spec)}"
            return (
                f"{pluralise(caution.n_test, 'test rows')}: {article} has a standard error of "
                f"{format_points(caution.standard_error)} for new rows, the margin is "
                f"{format_points(caution.margin)}; the answers hold for these rows"
                + ("" if caution.n_enough is None else f", try {_more_rows(caution, results)}")
            )
        case findings.LargeClass():
            return (
                f"{_large_class(caution)}, so accuracy says little about the other classes; try "
                "--metric balanced-accuracy"
            )
        case findings.Mixed():
            return (
                f"{caution.n_repeats:,} of {results.scores.n_repeats:,} repeats were computed by "
                "other versions, or where arithmetic rounds differently: last digits may differ "
                "from one run to the next"
            )


def short_caution(caution: findings.Caution, results: CellResults) -> str:
    """Return a caution in one line, with the options to use."""
    match caution:
        case findings.StillImproving():
            return (
                f"still improving: {_rise_text(caution, results)}, so the difference may change; "
                f"{_length_setting(results)}"
            )
        case findings.FewValidationRows():
            return f"early stopping depends on {_validation_rows(caution)}; leave out --patience"
        case findings.LittlePatience():
            patience = pluralise(caution.patience, "epochs")
            return f"early stopping after only {patience}; {_more_patience(caution, results)}"
        case findings.OneSource():
            source = "--sources both" if results.spec.source is not None else "--source SPEC"
            return f"one source network; for fresh sources use {source}"
        case findings.SameData():
            return "source and target are the same problem; try another --source-seed"
        case findings.LookAgain():
            more = "--repeats" if results.spec.nested is None else "--nested"
            return f"to look again at more {more} take another --train-seed"
        case findings.FewTestRows():
            rows = pluralise(caution.n_test, "test rows")
            if caution.n_enough is None:
                return f"{rows}; the answers hold for these"
            return f"{rows}; for answers beyond them try {_more_rows(caution, results)}"
        case findings.OtherClasses():
            return "the output layer was trained on other classes; try --variant new-head,fixed=0"
        case findings.SplitAnew():
            return f"the same {caution.n_rows:,} rows are resplit: {_ways_to_narrow(caution)}"
        case findings.Collapsed():
            return f"most runs diverge or collapse; try {_other_training(results)}"
        case findings.LargeClass():
            return f"{_large_class(caution)}; try --metric balanced-accuracy"
        case findings.Mixed():
            return f"{caution.n_repeats:,} repeats may be rounded differently (--mixed)"
        case findings.FewPairs():
            return caution_text(caution, results)


def _large_class(caution: findings.LargeClass) -> str:
    """Return the share of the test rows that one class holds."""
    return f"one class holds {format_percent(caution.share)} of the test rows"


def _other_training(results: CellResults) -> str:
    """Return the settings that may help if most runs diverge or collapse."""
    n_diverged = sum(row.failed for row in results.summary)
    if n_diverged > sum(row.collapsed for row in results.summary):
        return "a smaller --learning-rate"
    data = results.spec.data
    unscaled = isinstance(data, TableSpec) and data.scale == "none"
    return f"{'scale=own, ' if unscaled else ''}another --learning-rate, or more --epochs"


def score_caution_text(caution: findings.ScoreCaution, results: JudgedResults) -> str:
    """Return why a judgement of scores is less certain than it seems, and what to do."""
    match caution:
        case findings.FewPairs():
            n_pairs = pluralise(caution.n, "repeats")
            return f"with {n_pairs} nothing can be decided; add repeats, such as {ENOUGH_REPEATS}"
        case findings.Collapsed():
            names = join_and(list(dict.fromkeys(_with_question(caution.arms, results))))
            return f"most runs fail, or never predict a class ({names}): there is little to compare"
        case findings.ConstantScores():
            names = join_and(list(_with_question(caution.arms, results)))
            text = (
                f"every repeat has the same score ({names}); check that repeats are different runs"
            )
            variants = [
                arm.label for arm in caution.arms if arm.label != str(results.spec.variants[0])
            ]
            if results.spec.metric is not None or not variants:
                return text
            verb, columns = ("is", "a variant") if len(variants) == 1 else ("are", "variants")
            these = "that column" if len(variants) == 1 else "those columns"
            return f"{text}, or remove {these} if {join_and(variants)} {verb} not {columns}"
        case findings.EqualScores():
            names = join_and(list(_with_question(caution.arms, results)))
            return f"equal scores in every repeat ({names}); check that they are different runs"
        case findings.OneSource():
            return (
                "one source network: intervals ignore the variation between source networks; for "
                "that judge runs with --sources both"
            )
        case findings.SplitAnew():
            return f"the same {caution.n_rows:,} rows are resplit: {_ways_to_narrow(caution)}"
        case findings.LookAgain():
            return (
                "undecided variants: adding repeats after looking has an error rate above 5 %; for "
                f"more than these {caution.n} repeats judge new ones alone"
            )
        case findings.NotChecked():
            resplit = ""
            if results.spec.resplit is None:
                resplit = "; if repeats resplit the same rows, use --resplit"
            return (
                'scores do not show how the runs were paired, trained or selected: see "What it '
                f'does not check" in judge.md{resplit}'
            )


def short_score_caution(caution: findings.ScoreCaution, results: JudgedResults) -> str:
    """Return a caution about scores from elsewhere in one line."""
    match caution:
        case findings.OneSource():
            return "one source network; for fresh sources judge runs with --sources both"
        case findings.LookAgain():
            return "to look again judge new repeats alone"
        case findings.NotChecked():
            return "not checked: pairing, independence, length of training, selection of runs"
        case _:
            return score_caution_text(caution, results)


def _validation_rows(caution: findings.FewValidationRows) -> str:
    """Return the number of validation rows and whose they are."""
    return f"{pluralise(caution.n_validation, 'validation rows')} of the {caution.role}"


def _more_patience(caution: findings.LittlePatience, results: CellResults) -> str:
    """Return the command or option that shows whether more patience changes the answer."""
    if isinstance(results, TrainingResults):
        return f"try --patience {4 * caution.patience}"
    values = ",".join(str(factor * caution.patience) for factor in (1, 4, 16))
    return f"try sweep --over patience={values}"


def _rise_text(caution: findings.StillImproving, results: CellResults) -> str:
    """Return the highest rise: how much its arm gained in the last quarter of its epochs."""
    rise = caution.rises[0]
    label = next(_with_question([rise.arm], results))
    if isinstance(results, TrainingResults) and rise.arm in results.scores.arms:
        label = "the network"
    verb = "gained" if rise.mean > 0.0 else "changed by"
    points = format_points(float(f"{rise.mean:.3f}"))
    interval = ""
    if rise.ci_low is not None and rise.ci_high is not None:
        interval = f" [{format_amount(rise.ci_low)}, {format_amount(rise.ci_high)}]"
    n_epochs = results.spec.n_epochs(rise.arm)
    n_last = n_epochs - earlier_epoch(n_epochs)
    last = "last" if n_last == 1 else f"last {n_last}"
    return f"{label} {verb} {points}{interval} in the {last} of {pluralise(n_epochs, 'epochs')}"


def _length_advice(results: CellResults) -> str:
    """Return what longer training may change, and the settings for it."""
    if isinstance(results, TrainingResults):
        metric = metric_name(results.spec)
        return f"its {metric} may change with more epochs; {_length_setting(results)}"
    text = f"the difference may change with more epochs; {_length_setting(results)}"
    return f"{text}{_budget_advice(results)}"


def _budget_advice(results: CellResults) -> str:
    """Return the option for as many updates on the target as on the source, if they are fewer."""
    spec = results.spec
    has_own_lengths = spec.source_epochs is not None or spec.training.patience is not None
    if spec.source is None or spec.target is None or has_own_lengths:
        return ""
    n_source = spec.source_training.n_updates(spec.source.n_train)
    n_target = spec.training.n_updates(spec.target.n_train)
    if n_target >= n_source:
        return ""
    return (
        f", or --budget updates: target networks make {n_target:,} updates, source networks "
        f"{n_source:,}"
    )


def _length_setting(results: CellResults) -> str:
    """Return the command or option that trains longer."""
    epochs, source_epochs = results.spec.training.epochs, results.spec.source_epochs
    if isinstance(results, TrainingResults):
        return f"try --epochs {2 * epochs}"
    values = ",".join(str(factor * epochs) for factor in (1, 2, 4, 8))
    of_sources = "" if source_epochs is None else f" --source-epochs {source_epochs}"
    return f"try sweep --over epochs={values}{of_sources}"


def _ways_to_narrow(caution: findings.SplitAnew) -> str:
    """Return what narrows the intervals over splits of one table."""
    if caution.n_rows_needed is None:
        text = "more rows narrow the intervals, more repeats hardly do"
    else:
        text = (
            f"about {caution.n_rows_needed:,} rows should settle differences of the observed sizes"
        )
    if caution.n_train_narrower is not None:
        text += f"; train={caution.n_train_narrower} in the target narrows the intervals"
    return text


def _more_rows(caution: findings.FewTestRows, results: CellResults) -> str:
    """Return the setting for more test rows."""
    is_blobs = results.spec.data.kind == "blobs"
    return f"--test-samples {caution.n_enough}" if is_blobs else f"test={caution.n_enough}"


def _with_question(arms: Sequence[Arm], results: ComparedResults) -> Iterator[str]:
    """Yield the names of arms, with the question if only one of two is affected."""
    for arm in arms:
        n_same = sum(other.label == arm.label for other in arms)
        label = label_of(arm, results)
        if arm.sources != "none" and n_same < len(results.spec.questions):
            label += f" with {QUESTION_NAMES[arm.sources]}"
        yield label


BEST_AGAINST_BEST = "; for the best against the best use --tune learning-rate=A,B,..."


def study_caution_text(caution: StudyCaution, results: StudyResults, cell_name: str) -> str:
    """Return why the results of a study are less certain than they seem, and what to do.

    Args:
        caution: A caution of the study.
        results: Results of the study.
        cell_name: Name of its cells, in the plural.
    """
    match caution.kind:
        case "sensitivity":
            axes = [axis.name for axis in results.study.axes if changes_standalone(axis.name)]
            changes = "changes" if len(axes) == 1 else "change"
            tuned = "" if results.study.cells[0].spec.tune else BEST_AGAINST_BEST
            return (
                f"{join_and(axes)} {changes} training from scratch too: this shows how much the "
                f"answer hangs on it, not which value is best{tuned}"
            )
        case "few pairs":
            n_pairs = pluralise(caution.n_cells, "pairs")
            return f"{n_pairs}: {MIN_POOLED_PAIRS} or more have an interval"
        case "halves of one table":
            return (
                "all pairs are halves of the classes of one table, so they share rows and are not "
                "independent: they say nothing of other tables, and intervals may be too narrow"
            )
        case "one problem":
            return (
                "the pairs differ in nothing but the rows that are drawn; blobs and classification "
                "are other problems each time"
            )
        case "shared problems":
            return (
                "cells of one row or column share a problem: no interval is taken over them; for "
                "problems like these in general use blobtransfer pairs"
            )
        case "in cells":
            assert caution.first is not None
            return _text_of_cells(caution.n_cells, caution.first, results, cell_name)
        case other:
            assert_never(other)


def _differs(caution: findings.Caution, results: StudyResults) -> bool:
    """Return whether cautions of this kind have other reasons in other cells."""
    reasons = {
        short_caution(other, cell).partition(";")[0]
        for cell in results.cells
        for other in cell.findings.cautions
        if other.kind == caution.kind
    }
    return len(reasons) > 1


def _text_of_cells(
    n_cells: int, caution: findings.Caution, results: StudyResults, cell_name: str
) -> str:
    """Return a caution about some cells of a study, in the words for one of them.

    Args:
        n_cells: Number of these cells.
        caution: The caution of one of them.
        results: Results of the study.
        cell_name: Name of the cells, in the plural.
    """
    first = next(
        (cell for cell in results.cells if caution in cell.findings.cautions), results.cell
    )
    where = f"in {n_cells} of {len(results.cells)} {cell_name}"
    is_improving = isinstance(caution, findings.StillImproving)
    if is_improving and results.study.pools_cells:
        where = f"on average over {len(results.cells)} {cell_name}"
    elif n_cells > 1 and (is_improving or _differs(caution, results)):
        axes = zip(results.study.axes, first.at, strict=True)
        preposition = "most with" if is_improving else "such as with"
        where += f", {preposition} {join_and([f'{axis.name} {value}' for axis, value in axes])}"
    if not isinstance(caution, findings.StillImproving):
        return f"{where}: {short_caution(caution, first)}"
    rise = f"{where}: {_rise_text(caution, first)}"
    if any(axis.name == "epochs" for axis in results.study.axes):
        return rise
    if results.study.kind == "sweep":
        return f"{rise}; {_length_setting(first)}"
    return f"{rise}; try --epochs {4 * first.spec.training.epochs}{_budget_advice(first)}"
