"""Cautions in words: why results are less certain than they seem, and what to do."""

from collections.abc import Sequence
from typing import assert_never

from blobtransfer.report.words import (
    MOSTLY_FAILS,
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
            also = f", and {pluralise(others, 'other variants')} may be improving" if others else ""
            return f"{_rise_text(caution, results)}{also}: {_length_advice(results)}"
        case findings.FewValidationRows():
            return (
                f"early stopping depends on {_validation_rows(caution)}: with so few, many "
                "trainings stop too early, which can look like an effect of transfer; use more "
                "training rows, or leave out --patience"
            )
        case findings.LittlePatience():
            patience = pluralise(caution.patience, "epochs")
            return (
                f"training stops after {patience} without a lower validation loss, possibly long "
                f"before it has converged; {_more_patience(caution, results)}"
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
                f"to cover it, use {source}"
            )
        case findings.SameData():
            return (
                "source and target are the same problem: a network that starts from the source "
                "only trains longer, which is not transfer; use another --source-seed"
            )
        case findings.OtherClasses():
            names = _arm_names(caution.arms, results)
            return (
                f"{names}: the output layer was trained on classes that the target does not have, "
                "so it starts at chance level; --variant new-head,fixed=0 re-initialises it"
            )
        case findings.SplitAnew():
            return (
                f"each repeat resplits the same {caution.n_rows:,} rows, so repeats are not "
                "independent (intervals are those of Nadeau & Bengio): "
                f"{_ways_to_narrow(caution)}"
            )
        case findings.LookAgain():
            nested = results.spec.nested is not None
            return (
                f"adding {'sources' if nested else 'repeats'} because these {caution.n} are "
                f"undecided raises the error rate above 5 %; {_more_repeats(results)}"
            )
        case findings.Collapsed() if isinstance(results, TrainingResults):
            if results.run.status == "failed":
                return "the network diverged: its loss is not finite; try a smaller --learning-rate"
            return (
                f"the network collapsed: it predicts {results.run.classes_predicted} of "
                f"{results.spec.network.n_classes} classes; try {_other_training(results)}"
            )
        case findings.Collapsed():
            names = _arm_names(caution.arms, results)
            return (
                f"most runs diverge or collapse (never predict one of the classes) with {names}, "
                f"so there is little to compare; try {_other_training(results)}"
            )
        case findings.FewTestRows():
            is_balanced = results.spec.metric == "balanced-accuracy"
            article = f"{'a' if is_balanced else 'an'} {metric_name(results.spec)}"
            return (
                f"{pluralise(caution.n_test, 'test rows')}: {article} has a standard error of "
                f"{format_points(caution.standard_error)} for new rows, and the margin is "
                f"{format_points(caution.margin)}; results are specific to these rows"
                + ("" if caution.n_enough is None else f"; try {_more_rows(caution, results)}")
            )
        case findings.LargeClass():
            return (
                f"{_large_class(caution)}, so accuracy shows little about the other classes; try "
                "--metric balanced-accuracy"
            )
        case findings.Mixed():
            return (
                f"{caution.n_repeats:,} of {results.scores.n_repeats:,} repeats were computed by "
                "other versions or on CPUs that round differently: last digits may differ between "
                "runs"
            )


def short_caution(caution: findings.Caution, results: CellResults) -> str:
    """Return a caution in one line, with the options to use."""
    match caution:
        case findings.StillImproving():
            return (
                f"still improving: {_rise_text(caution, results, has_interval=False)}; "
                f"{_length_setting(results)}"
            )
        case findings.FewValidationRows():
            return f"early stopping depends on {_validation_rows(caution)}; leave out --patience"
        case findings.LittlePatience():
            patience = pluralise(caution.patience, "epochs")
            return f"early stopping after only {patience}; {_more_patience(caution, results)}"
        case findings.OneSource():
            source = "--sources both" if results.spec.source is not None else "--source SPEC"
            return f"one source network: intervals do not cover the choice of source; use {source}"
        case findings.SameData():
            return "source and target are the same problem; try another --source-seed"
        case findings.LookAgain():
            return _more_repeats(results)
        case findings.FewTestRows():
            rows = pluralise(caution.n_test, "test rows")
            more = "" if caution.n_enough is None else f"; try {_more_rows(caution, results)}"
            return f"only {rows}: results are specific to them{more}"
        case findings.OtherClasses():
            return "the output layer was trained on other classes; add --variant new-head,fixed=0"
        case findings.SplitAnew():
            return f"repeats resplit the same {caution.n_rows:,} rows: {_ways_to_narrow(caution)}"
        case findings.Collapsed():
            return f"{MOSTLY_FAILS}; try {_other_training(results)}"
        case findings.LargeClass():
            return f"{_large_class(caution)}; try --metric balanced-accuracy"
        case findings.Mixed():
            return f"{caution.n_repeats:,} repeats come from other versions or CPUs (--mixed)"
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
            names = _arm_names(caution.arms, results)
            return f"{MOSTLY_FAILS} with {names}, so there is little to compare"
        case findings.ConstantScores():
            names = _arm_names(caution.arms, results)
            text = (
                f"every repeat has the same score ({names}); check that repeats are separate runs"
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
            names = _arm_names(caution.arms, results)
            return f"equal scores in every repeat ({names}); check that they are separate runs"
        case findings.OneSource():
            return (
                "one source network: intervals do not cover the variation between source networks; "
                "to cover it, judge runs of compare --sources both"
            )
        case findings.SplitAnew():
            return f"repeats resplit the same {caution.n_rows:,} rows: {_ways_to_narrow(caution)}"
        case findings.LookAgain():
            return (
                f"adding repeats because these {caution.n} are undecided raises the error rate "
                "above 5 %; judge new repeats separately"
            )
        case findings.NotChecked():
            resplit = ""
            if results.spec.resplit is None:
                resplit = "; if repeats resplit the same rows, use --resplit"
            return (
                "scores do not show how the runs were paired, trained and selected: see "
                f'"What it does not check" in judge.md{resplit}'
            )


def short_score_caution(caution: findings.ScoreCaution, results: JudgedResults) -> str:
    """Return a caution about scores of another program in one line."""
    match caution:
        case findings.OneSource():
            return (
                "one source network: intervals do not cover the choice of source; judge runs of "
                "compare --sources both"
            )
        case findings.LookAgain():
            return "if undecided, judge new repeats separately, not together with these"
        case findings.NotChecked():
            return "not checked: pairing, independence, training length, selection of runs"
        case _:
            return score_caution_text(caution, results)


def _more_repeats(results: CellResults) -> str:
    """Return how repeats, or sources, are added to an undecided result."""
    if results.spec.nested is not None:
        return "to add sources, use a new --train-seed"
    return "to add repeats, use --until-decided or a new --train-seed"


def _validation_rows(caution: findings.FewValidationRows) -> str:
    """Return the number of validation rows and whose they are."""
    return f"{pluralise(caution.n_validation, 'validation rows')} of the {caution.role}"


def _more_patience(caution: findings.LittlePatience, results: CellResults) -> str:
    """Return the command or option that shows whether more patience changes the answer."""
    if isinstance(results, TrainingResults):
        return f"try --patience {4 * caution.patience}"
    values = ",".join(str(factor * caution.patience) for factor in (1, 4, 16))
    return f"try sweep --over patience={values}"


def _rise_text(
    caution: findings.StillImproving, results: CellResults, has_interval: bool = True
) -> str:
    """Return the highest rise: how much its arm gained in the last quarter of its epochs.

    Args:
        caution: The caution.
        results: Results of its cell.
        has_interval: Whether the interval follows.
    """
    rise = caution.rises[0]
    label = _arm_names([rise.arm], results)
    if isinstance(results, TrainingResults) and rise.arm in results.scores.arms:
        label = "the network"
    verb = "gained" if rise.mean > 0.0 else "changed by"
    points = format_points(float(f"{rise.mean:.3f}"))
    interval = ""
    if has_interval and rise.ci_low is not None and rise.ci_high is not None:
        interval = f" [{format_amount(rise.ci_low)}, {format_amount(rise.ci_high)}]"
    n_epochs = results.spec.n_epochs(rise.arm)
    n_last = n_epochs - earlier_epoch(n_epochs)
    last = "last" if n_last == 1 else f"last {n_last}"
    epochs = f"{last} of {n_epochs} epochs" if n_epochs > 1 else "only epoch"
    return f"{label} {verb} {points}{interval} in the {epochs}"


def _length_advice(results: CellResults) -> str:
    """Return what longer training may change, and the settings for it."""
    if isinstance(results, TrainingResults):
        metric = metric_name(results.spec)
        return f"its {metric} may change with more epochs; {_length_setting(results)}"
    text = f"the difference may be due to training time; {_length_setting(results)}"
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


def _arm_names(arms: Sequence[Arm], results: ComparedResults) -> str:
    """Return the names of arms, with the question if only one of two is affected."""
    names: list[str] = []
    for arm in arms:
        n_same = sum(other.label == arm.label for other in arms)
        label = label_of(arm, results)
        if arm.sources != "none" and n_same < len(results.spec.questions):
            label += f" with {QUESTION_NAMES[arm.sources]}"
        names.append(label)
    return join_and(list(dict.fromkeys(names)))


BEST_AGAINST_BEST = "; to compare tuned networks, use --tune learning-rate=A,B,..."


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
                f"{join_and(axes)} {changes} standalone networks too: the sweep shows how much the "
                f"answer depends on the setting, not which value is best{tuned}"
            )
        case "few pairs":
            n_pairs = pluralise(caution.n_cells, "pairs")
            return f"{n_pairs} are too few for an interval; use {MIN_POOLED_PAIRS} or more"
        case "halves of one table":
            return (
                "all pairs are halves of the classes of one table, so they share rows: results "
                "are specific to this table, and intervals may be too narrow"
            )
        case "one problem":
            return (
                "the pairs differ only in the rows that are drawn; use blobs or classification "
                "for pairs of different problems"
            )
        case "shared problems":
            return (
                "cells of a row or column share a problem, so their mean has no interval; for "
                "problems of this kind in general, use blobtransfer pairs"
            )
        case "in cells":
            assert caution.first is not None
            return _text_of_cells(caution.n_cells, caution.first, results, cell_name)
        case other:
            assert_never(other)


def _differs(caution: findings.Caution, results: StudyResults) -> bool:
    """Return whether cautions of this kind have different reasons in different cells."""
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
    """Return a caution about some cells of a study, in the words of one of them.

    Args:
        n_cells: Number of these cells.
        caution: The caution of one of them.
        results: Results of the study.
        cell_name: Name of the cells, in the plural.
    """
    first = _cell_of(caution, results)
    where = _where(n_cells, results, cell_name)
    is_improving = isinstance(caution, findings.StillImproving)
    if (
        n_cells > 1
        and not results.study.pools_cells
        and (is_improving or _differs(caution, results))
    ):
        axes = zip(results.study.axes, first.at, strict=True)
        preposition = "most at" if is_improving else "such as at"
        where += f", {preposition} {join_and([f'{axis.name} {value}' for axis, value in axes])}"
    if isinstance(caution, findings.StillImproving):
        return f"still improving {where}: {_rise_text(caution, first)}{_longer(results, first)}"
    return _located(where, caution, first, results)


def short_study_caution(caution: StudyCaution, results: StudyResults, cell_name: str) -> str:
    """Return a caution of a study in one line; see `study_caution_text`."""
    if caution.first is None:
        return study_caution_text(caution, results, cell_name)
    first = _cell_of(caution.first, results)
    where = _where(caution.n_cells, results, cell_name)
    if isinstance(caution.first, findings.StillImproving):
        return f"still improving {where}{_longer(results, first, has_budget=False)}"
    return _located(where, caution.first, first, results)


def _cell_of(caution: findings.Caution, results: StudyResults) -> CellResults:
    """Return the cell that has a caution."""
    return next((cell for cell in results.cells if caution in cell.findings.cautions), results.cell)


def _where(n_cells: int, results: StudyResults, cell_name: str) -> str:
    """Return how many cells a caution concerns."""
    if results.study.pools_cells:
        return f"on average over {len(results.cells)} {cell_name}"
    return f"in {n_cells} of {len(results.cells)} {cell_name}"


def _located(
    where: str, caution: findings.Caution, cell: CellResults, results: StudyResults
) -> str:
    """Return a caution of one cell after where it holds, with options that the command has."""
    text = short_caution(caution, cell)
    if isinstance(caution, findings.LookAgain):
        where = f"undecided {where}"
        if results.study.kind != "sweep":
            text = "to add repeats, use a new --train-seed"
    return f"{where}: {text}"


def _longer(results: StudyResults, cell: CellResults, has_budget: bool = True) -> str:
    """Return the option that trains longer; empty if the study varies the epochs.

    Args:
        results: Results of the study.
        cell: The cell whose runs are still improving.
        has_budget: Whether to name `--budget` too.
    """
    if any(axis.name == "epochs" for axis in results.study.axes):
        return ""
    if results.study.budget == "updates":
        return "; try more --epochs"
    budget = _budget_advice(cell) if has_budget and results.study.kind != "sweep" else ""
    return f"; try --epochs {4 * cell.spec.training.epochs}{budget}"
