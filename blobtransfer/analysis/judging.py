"""Compute the findings of scores of another program, by the statistics of a comparison."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.analysis.cautions import (
    collapse_cautions,
    undecided_differences,
    withhold_verdicts,
)
from blobtransfer.analysis.rankings import ByRepeat
from blobtransfer.results.findings import (
    ConstantScores,
    EqualScores,
    FewPairs,
    Findings,
    LookAgain,
    LowAccuracyRuns,
    NotChecked,
    OneSource,
    ScoreCaution,
    SplitAnew,
    Summary,
)
from blobtransfer.results.results import JudgedResults
from blobtransfer.specs.experiment import Arm
from blobtransfer.specs.scores import ScoresSpec
from blobtransfer.statistics.descriptive import Spread, describe
from blobtransfer.statistics.paired import (
    MIN_PAIRS,
    Difference,
    Interval,
    compare_pairs,
    estimate_mean,
    share_difference,
    verdict_of,
)
from blobtransfer.statistics.resplit import compare_resplits, rows_needed


def analyse_scores(results: JudgedResults) -> JudgedResults:
    """Return the results with their findings and cautions.

    Differences are those of ascending scores: above 0 a variant is better than the baseline.
    """
    spec = results.spec
    ascending = {arm: results.ascending_scores(arm) for arm in spec.arms}
    medians = [float(np.median(scores)) for scores in ascending.values()]
    low_line = (max(medians) if results.best_possible is None else results.best_possible) - spec.low
    summary = tuple(_summarise(arm, results, ascending, low_line) for arm in spec.arms)
    if summary[0].mostly_fails:
        summary = withhold_verdicts(summary)
    findings = Findings(summary=summary, low_line=-low_line if spec.lower_is_better else low_line)
    cautions = _cautions(results, ascending, summary)
    ordered = sorted(cautions, key=lambda caution: not caution.is_always_reported)
    return replace(results, findings=findings, cautions=tuple(ordered))


def _summarise(
    arm: Arm, results: JudgedResults, ascending: Mapping[Arm, ByRepeat], low_line: float
) -> Summary:
    """Return the summary of an arm.

    Args:
        arm: The arm.
        results: Scores of all arms.
        ascending: (R,) scores by arm, higher ones better.
        low_line: Score below which a run counts as low.
    """
    spec, scores = results.spec, ascending[arm]
    status = results.status[spec.arms.index(arm)]
    baseline = spec.arms[0]
    spread, of_mean = describe(scores), _mean_interval(spec, scores)
    finished = scores[status != "failed"]
    mean_finished = float(finished.mean()) if len(finished) else None
    if spec.lower_is_better:
        spread, of_mean = _negated(spread), _negated_interval(of_mean)
        mean_finished = None if mean_finished is None else -mean_finished
    difference = None if arm == baseline else _difference(spec, scores - ascending[baseline])
    low, high = spec.scale
    return Summary(
        **asdict(spread),
        arm=arm,
        failed=int((status == "failed").sum()),
        mean_finished=mean_finished,
        collapsed=int((status == "collapsed").sum()),
        low_runs=_low_runs(spec, scores < low_line, ascending[baseline] < low_line, difference),
        trainable_parameters=None,
        gap=None if results.best_possible is None else results.best_possible - float(scores.mean()),
        difference=difference,
        verdict=None if difference is None else verdict_of(difference, spec.margin),
        mean_low=None if of_mean.ci_low is None else max(low, of_mean.ci_low),
        mean_high=None if of_mean.ci_high is None else min(high, of_mean.ci_high),
    )


def _difference(spec: ScoresSpec, differences: ByRepeat) -> Difference:
    """Estimate the mean of the differences from the baseline."""
    n_compared = len(spec.variants) - 1
    if spec.resplit is not None:
        return compare_resplits(differences, spec.resplit.test_to_train, n_compared, spec.margin)
    low, high = spec.score_range
    return compare_pairs(differences, high - low, n_compared, spec.margin)


def _mean_interval(spec: ScoresSpec, scores: ByRepeat) -> Interval:
    """Return the mean of ascending scores with its unadjusted interval."""
    if spec.resplit is not None:
        mean = compare_resplits(scores, spec.resplit.test_to_train)
        return Interval(mean.mean, mean.each_low, mean.each_high)
    low, high = spec.score_range
    return estimate_mean(scores, *((-high, -low) if spec.lower_is_better else (low, high)))


def _negated(spread: Spread) -> Spread:
    """Return the statistics of scores from those of the negated scores.

    The 5 % quantile, the worst tenth and the best of several runs stay those of bad and good runs.
    """
    numbers: dict[str, Any] = {
        name: -value
        for name, value in asdict(spread).items()
        if value is not None and name not in ("n", "std", "std_population")
    }
    numbers |= {"q1": numbers["q3"], "q3": numbers["q1"]}
    numbers |= {"min": numbers["max"], "max": numbers["min"]}
    return replace(spread, **numbers)


def _negated_interval(estimate: Interval) -> Interval:
    """Return the interval of a mean from that of the negated scores."""
    if estimate.mean is None or estimate.ci_low is None or estimate.ci_high is None:
        return Interval(None, None, None)
    return Interval(-estimate.mean, -estimate.ci_high, -estimate.ci_low)


def _low_runs(
    spec: ScoresSpec,
    is_low: NDArray[np.bool_],
    is_low_baseline: NDArray[np.bool_],
    difference: Difference | None,
) -> LowAccuracyRuns:
    """Return the share of low runs of an arm, beside that of the baseline.

    Args:
        spec: The judgement.
        is_low: (R,) whether a run of the arm is low.
        is_low_baseline: (R,) whether a run of the baseline is low.
        difference: Difference from the baseline; None for the baseline itself.
    """
    share, share_baseline = float(is_low.mean()), float(is_low_baseline.mean())
    if difference is None:
        return LowAccuracyRuns(share)
    if spec.resplit is not None:  # dependent runs
        return LowAccuracyRuns(share, share_baseline)
    between = share_difference(is_low, is_low_baseline)
    return LowAccuracyRuns(share, share_baseline, between.ci_low, between.ci_high)


def _cautions(
    results: JudgedResults, ascending: Mapping[Arm, ByRepeat], summary: tuple[Summary, ...]
) -> Iterator[ScoreCaution]:
    """Yield the cautions about scores of another program.

    Args:
        results: Scores of all arms.
        ascending: (R,) scores by arm.
        summary: Summary of each arm.
    """
    spec, n_repeats = results.spec, results.n_repeats
    yield from collapse_cautions(summary)
    if n_repeats > 1:
        constant = tuple(arm for arm, scores in ascending.items() if not np.ptp(scores))
        if constant:
            yield ConstantScores(constant)
        groups: dict[bytes, list[Arm]] = {}
        for arm, scores in ascending.items():
            groups.setdefault(scores.tobytes(), []).append(arm)
        for group in groups.values():
            if len(group) > 1 and group[0] not in constant:
                yield EqualScores(tuple(group))
    is_few = n_repeats < MIN_PAIRS
    if is_few:
        yield FewPairs(n_repeats, "repeats")
    if spec.questions == ("one",):
        yield OneSource()
    undecided = undecided_differences([row for row in summary if not row.mostly_fails])
    if spec.resplit is not None:
        n_rows = spec.resplit.n_train + spec.resplit.n_test
        yield SplitAnew(n_rows, rows_needed(undecided, n_rows, spec.margin))
    elif undecided and not (is_few or summary[0].mostly_fails):
        yield LookAgain(n_repeats)
    yield NotChecked()
