"""Find the reasons why the results of a comparison are less certain than they seem."""

import math
from collections.abc import Sequence
from dataclasses import replace

from blobtransfer.results.findings import (
    Caution,
    Collapsed,
    FewPairs,
    FewTestRows,
    LargeClass,
    LookAgain,
    Mixed,
    OneSource,
    OtherClasses,
    SameData,
    SplitAnew,
    Summary,
)
from blobtransfer.results.results import DataRecord
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.table import TableSpec
from blobtransfer.statistics.paired import MIN_PAIRS, Difference, Verdict
from blobtransfer.statistics.resplit import rows_needed

LARGE_TRAIN_SHARE = 0.8
"""Share of training rows that is recommended for a table: intervals are a quarter narrower."""

MAX_TEST_TO_TRAIN = 0.5
"""Test rows divided by training rows up to which no other share is recommended."""


LARGE_CLASS_SHARE = 0.8
"""Share of the test rows in one class above which accuracy says little about the others."""


def cautions_of(
    spec: ExperimentSpec,
    n_repeats: int,
    measured: DataRecord,
    summary: Sequence[Summary],
    n_mixed: int = 0,
) -> tuple[Caution, ...]:
    """Return the cautions of a comparison; those that are always reported come first.

    Args:
        spec: The experiment.
        n_repeats: Number of finished repeats.
        measured: Record of the target.
        summary: Summary of each arm.
        n_mixed: Number of repeats that may be rounded differently from the first.
    """
    cautions: dict[Caution, None] = dict.fromkeys(collapse_cautions(summary))
    if n_mixed:
        cautions[Mixed(n_mixed)] = None
    if spec.is_same_data:
        cautions[SameData()] = None
    if not spec.has_same_classes:
        keep = [
            row.arm
            for row in summary
            if row.arm.variant.start == "transfer" and not row.arm.variant.top.n_reinitialised
        ]
        if keep:
            cautions[OtherClasses(tuple(keep))] = None
    is_resplit = spec.data.is_resplit
    if is_resplit:
        cautions[_split_anew(spec, summary)] = None
    for row in summary:
        if row.difference is not None and row.difference.n < MIN_PAIRS:
            is_nested = spec.is_nested(row.arm)
            cautions[FewPairs(row.difference.n, "sources" if is_nested else "repeats")] = None
    is_few = any(isinstance(row, FewPairs) for row in cautions)
    if spec.questions == ("one",):
        cautions[OneSource()] = None
    is_settled = spec.until_decided or is_resplit or is_few or summary[0].mostly_fails
    if not is_settled and any(
        row.verdict is not None and row.verdict.kind == "undecided" and not row.mostly_fails
        for row in summary
    ):
        cautions[LookAgain(spec.nested[0] if spec.nested else n_repeats)] = None
    means = [row.mean for row in summary if row.mean is not None]
    if means and spec.margin and not is_resplit:
        share = sum(means) / len(means)
        error = math.sqrt(share * (1 - share) / _effective_n_test(spec, measured))
        if error > spec.margin / 2:
            n_enough = math.ceil(4 * share * (1 - share) / spec.margin**2 / 1000) * 1000
            can_be_drawn = not isinstance(spec.data, TableSpec)
            cautions[
                FewTestRows(measured.n_test, error, spec.margin, n_enough if can_be_drawn else None)
            ] = None
    return tuple(sorted(cautions, key=lambda caution: not caution.is_always_reported))


def collapse_cautions(summary: Sequence[Summary]) -> tuple[Collapsed, ...]:
    """Return a caution if most runs of an arm fail or collapse.

    Args:
        summary: Summary of each arm of a comparison, or of the only arm of a training.
    """
    collapsed = tuple(row.arm for row in summary if row.mostly_fails)
    return (Collapsed(collapsed),) if collapsed else ()


def large_class_cautions(spec: ExperimentSpec, measured: DataRecord) -> tuple[Caution, ...]:
    """Return a caution if accuracy is judged and one class holds most test rows.

    Args:
        spec: The experiment.
        measured: Record of the data that accuracies are measured on.
    """
    is_large = spec.metric == "accuracy" and measured.floor > LARGE_CLASS_SHARE
    return (LargeClass(measured.floor),) if is_large else ()


def _effective_n_test(spec: ExperimentSpec, measured: DataRecord) -> float:
    """Return the number of independent test rows whose accuracy is as uncertain as the judged one.

    If K classes with n_k rows have the same recall p, their mean has the variance
    p (1 - p) sum(1 / n_k) / K^2.
    """
    counts = [n for n in measured.test_class_counts if n]
    if spec.metric == "accuracy" or not counts:
        return measured.n_test
    return len(counts) ** 2 / sum(1 / n for n in counts)


def withhold_verdicts(summary: Sequence[Summary]) -> tuple[Summary, ...]:
    """Return the summaries with arms undecided whose runs mostly fail, as the baseline's do.

    Failed networks are equal, which is not evidence about trained networks.
    """
    return tuple(
        replace(row, verdict=Verdict("undecided")) if row.verdict and row.mostly_fails else row
        for row in summary
    )


def undecided_differences(summary: Sequence[Summary]) -> list[Difference]:
    """Return the differences of the arms that are undecided."""
    return [
        row.difference
        for row in summary
        if row.difference is not None
        and row.verdict is not None
        and row.verdict.kind == "undecided"
    ]


def _split_anew(spec: ExperimentSpec, summary: Sequence[Summary]) -> SplitAnew:
    """Return the caution about the resplit rows of a table, with what would narrow the intervals.

    Args:
        spec: The experiment.
        summary: Summary of each arm.
    """
    n_rows = spec.data.n_train + spec.data.n_test_rows
    undecided = undecided_differences(summary)
    n_train = round(LARGE_TRAIN_SHARE * n_rows)
    can_be_set = getattr(spec.data, "group", None) is None
    is_narrower = can_be_set and spec.data.test_to_train > MAX_TEST_TO_TRAIN
    return SplitAnew(
        n_rows, rows_needed(undecided, n_rows, spec.margin), n_train if is_narrower else None
    )
