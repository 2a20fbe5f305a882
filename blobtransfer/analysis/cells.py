"""Compute findings from scores: every number that tables and figures show.

Each question compares its arms with standalone by their differences within a repeat; the
intervals of a question hold simultaneously. An arm without a source belongs to both questions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from blobtransfer.analysis.cautions import (
    cautions_of,
    collapse_cautions,
    large_class_cautions,
    withhold_verdicts,
)
from blobtransfer.analysis.convergence import early_stopping_cautions, rises_of, still_improving
from blobtransfer.analysis.rankings import ByRepeat, rankings_of
from blobtransfer.results.findings import (
    Band,
    ChosenRate,
    Contrast,
    ContrastKind,
    Findings,
    LowAccuracyRuns,
    Speed,
    SpeedMetric,
    Summary,
)
from blobtransfer.results.results import CellResults, DataRecord
from blobtransfer.results.scores import Scores
from blobtransfer.specs.experiment import Arm, ExperimentSpec
from blobtransfer.specs.variant import STANDALONE, AddLayer
from blobtransfer.statistics.descriptive import (
    curve_metrics,
    describe,
    source_means,
    variance_components,
)
from blobtransfer.statistics.paired import (
    Difference,
    Interval,
    Verdict,
    compare_pairs,
    estimate_mean,
    share_difference,
    verdict_of,
    wilson_interval,
)
from blobtransfer.statistics.power import ALPHA
from blobtransfer.statistics.resplit import compare_resplits
from blobtransfer.statistics.sequential import sequence_interval

THRESHOLD_SHARE = 0.95
"""Default threshold: this share of the best possible accuracy, or of the best median if unknown."""


def analyse(
    cell: CellResults, n_compared: int, step_down: Mapping[Arm, int] = MappingProxyType({})
) -> Findings:
    """Compute all statistics of a cell.

    Args:
        cell: Scores, curves and transferability scores; some repeats may be missing.
        n_compared: Differences whose intervals hold simultaneously: the significance level is
            divided by it.
        step_down: Number that replaces `n_compared` for the accuracy of an arm, if a step-down
            procedure is used.

    Returns:
        Paired differences from standalone, contrasts of the controls, cautions, rankings of
        source networks and, if learning curves were recorded, the speed of learning.
    """
    spec, scores, measured = cell.spec, cell.scores, cell.measured
    # Intention to treat: a failed run counts at chance level.
    accuracy = {arm: cell.ascending_scores(arm) for arm in spec.arms}
    standalone = _standalone(spec)
    differences: dict[Arm, Difference] = {}
    if standalone is not None:
        max_difference, margin = measured.max_difference, spec.margin
        n_of = {arm: step_down.get(arm, n_compared) for arm in spec.arms}
        differences = _differences(spec, scores, accuracy, max_difference, margin, n_of)
        if spec.until_decided:
            differences = {
                arm: _at_every_look(d, accuracy[arm] - accuracy[standalone], n_of[arm])
                for arm, d in differences.items()
            }
    low_line = _low_line(spec, measured, accuracy)
    summary = tuple(
        _summarise(arm, spec, scores, accuracy, measured, low_line, differences.get(arm))
        for arm in spec.arms
    )
    if any(row.arm == standalone and row.mostly_fails for row in summary):
        summary = withhold_verdicts(summary)
    failing = {row.arm for row in summary if row.mostly_fails}
    rises = {arm: values for arm, values in rises_of(cell).items() if arm not in failing}
    improving = still_improving(rises, spec.margin)
    lengths = [*([] if improving is None else [improving]), *early_stopping_cautions(spec)]
    cautions = (
        cautions_of(spec, scores.n_repeats, measured, summary, cell.n_mixed)
        if differences
        else collapse_cautions(summary)
    )
    findings = Findings(
        summary=summary,
        contrasts=tuple(_contrasts(spec, scores, accuracy, measured.max_difference))
        if differences
        else (),
        cautions=(*lengths, *large_class_cautions(spec, measured), *cautions),
        low_line=low_line,
        rankings=tuple(rankings_of(spec, accuracy, scores.repeats, cell.transferability)),
    )
    if not cell.curves or standalone is None:
        return findings
    return _with_speed(findings, cell, accuracy, n_compared)


def _with_speed(
    findings: Findings,
    cell: CellResults,
    accuracy: Mapping[Arm, NDArray[np.float64]],
    n_compared: int,
) -> Findings:
    """Return findings with the speed of learning.

    Args:
        findings: The other findings.
        cell: A cell with learning curves.
        accuracy: (R,) judged test accuracies of each arm, a failed run at chance level.
        n_compared: See `analyse`.
    """
    spec, scores, measured = cell.spec, cell.scores, cell.measured
    best = measured.ceiling or max(float(np.median(values)) for values in accuracy.values())
    threshold = THRESHOLD_SHARE * best if spec.threshold is None else spec.threshold
    rows = {arm: cell.curves[arm][0] for arm in spec.arms}
    finished = {arm: rows[arm][~scores.is_failed[scores.arms.index(arm)]] for arm in spec.arms}
    return replace(
        findings,
        speed=tuple(_speeds(spec, scores, rows, threshold, measured, n_compared)),
        threshold=threshold,
        bands=tuple(_band(arm, finished[arm]) for arm in spec.arms if len(finished[arm])),
    )


def difference_among(cell: CellResults, arm: Arm, n_compared: int) -> Difference:
    """Compare one arm with standalone.

    Args:
        cell: The results; findings are not needed.
        arm: The arm.
        n_compared: Differences whose intervals hold simultaneously, 1 or more.
    """
    spec, measured = cell.spec, cell.measured
    standalone = _standalone(spec)
    assert standalone is not None
    accuracy = {compared: cell.ascending_scores(compared) for compared in (arm, standalone)}
    max_difference, margin = measured.max_difference, spec.margin
    return _compare(
        spec, cell.scores, (arm, standalone), accuracy, max_difference, n_compared, margin
    )


def _standalone(spec: ExperimentSpec) -> Arm | None:
    """Return the arm that others are compared with; None if there is only one."""
    if len(spec.arms) < 2:
        return None
    return next((arm for arm in spec.arms if arm.variant.start == "standalone"), None)


def _low_line(
    spec: ExperimentSpec, measured: DataRecord, accuracy: Mapping[Arm, ByRepeat]
) -> float:
    """Return the accuracy below which a run counts as low accuracy."""
    if measured.ceiling is not None:
        return measured.ceiling - spec.low
    return max(float(np.median(values)) for values in accuracy.values()) - spec.low


def _summarise(
    arm: Arm,
    spec: ExperimentSpec,
    scores: Scores,
    accuracy: Mapping[Arm, ByRepeat],
    measured: DataRecord,
    low_line: float,
    difference: Difference | None,
) -> Summary:
    accuracies = accuracy[arm]
    spread = describe(accuracies)
    finished = scores.test_accuracy(arm, spec.judged)
    finished = finished[~np.isnan(finished)]
    network = arm.variant.network(spec.network)
    of_mean = _mean_interval(spec, scores, accuracies, measured, spec.is_nested(arm))
    n_frozen = 0 if arm.variant.unfreeze is not None else arm.variant.n_frozen or 0
    best_possible = measured.ceiling
    return Summary(
        **asdict(spread),
        arm=arm,
        failed=scores.n_failed(arm),
        mean_finished=float(finished.mean()) if len(finished) else None,
        collapsed=scores.n_collapsed(arm, spec.network.n_classes),
        low_runs=_low_runs(spec, arm, accuracy, low_line, _standalone(spec)),
        trainable_parameters=network.n_trainable(n_frozen),
        gap=None if spread.mean is None or best_possible is None else best_possible - spread.mean,
        difference=difference,
        verdict=None if difference is None else verdict_of(difference, spec.margin),
        source_variance=variance_components(_by_source(spec, scores, accuracies))
        if spec.is_nested(arm)
        else None,
        chosen_rates=_chosen_rates(spec, arm, scores),
        mean_epochs=_mean_epochs(scores, arm),
        mean_low=None if of_mean.ci_low is None else max(0.0, of_mean.ci_low),
        mean_high=None if of_mean.ci_high is None else min(1.0, of_mean.ci_high),
    )


def _mean_epochs(scores: Scores, arm: Arm) -> float | None:
    """Return the mean number of epochs until the runs of an arm stopped, if they stop early."""
    if scores.epochs is None or not scores.n_repeats:
        return None
    return float(scores.epochs[scores.arms.index(arm)].mean())


def _mean_interval(
    spec: ExperimentSpec,
    scores: Scores,
    accuracies: ByRepeat,
    measured: DataRecord,
    is_nested: bool,
) -> Interval:
    """Return the mean accuracy of an arm with its interval, by the design of the comparison."""
    if spec.data.is_resplit:
        difference = compare_resplits(accuracies, spec.data.test_to_train)
        return Interval(difference.mean, difference.each_low, difference.each_high)
    if is_nested:
        accuracies = source_means(_by_source(spec, scores, accuracies))
    return estimate_mean(accuracies, *measured.accuracy_range)


def _chosen_rates(spec: ExperimentSpec, arm: Arm, scores: Scores) -> tuple[ChosenRate, ...]:
    """Count how often the runs of an arm have chosen each learning rate."""
    if not spec.tune or scores.learning_rates is None:
        return ()
    chosen = scores.learning_rates[scores.arms.index(arm)]
    return tuple(ChosenRate(rate, int(np.sum(chosen == rate))) for rate in sorted(spec.tune))


def _low_runs(
    spec: ExperimentSpec,
    arm: Arm,
    accuracy: Mapping[Arm, ByRepeat],
    low_line: float,
    standalone: Arm | None,
) -> LowAccuracyRuns:
    is_low = accuracy[arm] < low_line
    share = float(is_low.mean())
    if standalone is None or arm == standalone:
        return LowAccuracyRuns(share)
    is_low_standalone = accuracy[standalone] < low_line
    share_standalone = float(is_low_standalone.mean())
    if spec.is_nested(arm) or spec.data.is_resplit:  # dependent runs
        return LowAccuracyRuns(share, share_standalone)
    between = share_difference(is_low, is_low_standalone)
    return LowAccuracyRuns(share, share_standalone, between.ci_low, between.ci_high)


def _differences(
    spec: ExperimentSpec,
    scores: Scores,
    metric: Mapping[Arm, ByRepeat],
    max_difference: float,
    margin: float,
    n_compared: Mapping[Arm, int],
) -> dict[Arm, Difference]:
    """Compare a metric of each arm with that of standalone."""
    standalone = _standalone(spec)
    assert standalone is not None
    return {
        arm: _compare(
            spec, scores, (arm, standalone), metric, max_difference, n_compared[arm], margin
        )
        for arm in metric
        if arm != standalone
    }


def _at_every_look(d: Difference, paired: ByRepeat, n_compared: int) -> Difference:
    """Return a difference with an interval that holds at every look, and no p-value."""
    low, high = sequence_interval(paired, ALPHA / n_compared)
    return Difference(
        n=d.n,
        mean=d.mean,
        ci_low=low,
        ci_high=high,
        typical=Interval(d.typical.mean, None, None),
        probability_better=d.probability_better,
        effect_size=d.effect_size,
    )


def _compare(
    spec: ExperimentSpec,
    scores: Scores,
    arms: tuple[Arm, Arm],
    metric: Mapping[Arm, ByRepeat],
    max_difference: float,
    n_compared: int,
    margin: float,
) -> Difference:
    """Compare two arms by a metric."""
    d = metric[arms[0]] - metric[arms[1]]
    return _known(
        spec, scores, d, max_difference, n_compared, margin, any(map(spec.is_nested, arms))
    )


def _known(
    spec: ExperimentSpec,
    scores: Scores,
    d: ByRepeat,
    max_difference: float,
    n_compared: int,
    margin: float,
    is_nested: bool,
) -> Difference:
    """Return the mean of a metric and its intervals, by the design of the comparison."""
    if spec.data.is_resplit:
        return compare_resplits(d, spec.data.test_to_train, n_compared, margin)
    if not is_nested:
        return compare_pairs(d, max_difference, n_compared, margin)
    by_source = _by_source(spec, scores, d)
    difference = compare_pairs(source_means(by_source), max_difference, n_compared, margin)
    # The share is over runs, but its interval uses the number of sources.
    share = float(np.mean(d > 0) + 0.5 * np.mean(d == 0))
    low, high = wilson_interval(share, difference.n)
    return replace(difference, probability_better=share, probability_low=low, probability_high=high)


def _by_source(spec: ExperimentSpec, scores: Scores, by_repeat: ByRepeat) -> NDArray[np.float64]:
    """Return a metric as (S, T), one row per source; NaN for a repeat that is not done."""
    assert spec.nested is not None
    matrix = np.full(spec.n_repeats, np.nan)
    matrix[scores.repeats] = by_repeat
    return matrix.reshape(spec.nested)


# ---------------------------------------------------------------- controls


def _contrasts(
    spec: ExperimentSpec, scores: Scores, accuracy: Mapping[Arm, ByRepeat], max_difference: float
) -> list[Contrast]:
    """Compare each control with its counterpart, in both questions."""
    contrasts = []
    for question in spec.questions:
        arms = [arm for arm in spec.arms if arm.belongs_to(question)]
        pairs = _pairs_that_tell(arms, len(spec.network.shapes))
        for kind, arm, baseline in [*pairs, *_pairs_against(spec, arms)]:
            difference = _compare(
                spec, scores, (arm, baseline), accuracy, max_difference, 1, spec.margin
            )
            contrasts.append(Contrast(question, kind, arm, baseline, difference))
    return contrasts


def _pairs_that_tell(arms: Sequence[Arm], n_layers: int) -> list[tuple[ContrastKind, Arm, Arm]]:
    by_variant = {(arm.variant.kind, arm.variant.n_frozen): arm for arm in arms}
    standalone = by_variant["standalone", None]
    pairs: list[tuple[ContrastKind, Arm, Arm]] = []
    for (kind, n_frozen), arm in by_variant.items():
        transfer = by_variant.get(("transfer", n_frozen))
        if kind == "random-frozen":
            pairs.append(("freezing", arm, standalone))
            if transfer is not None:
                pairs.append(("weights", transfer, arm))
            # The features only: the layers above them are re-initialised in both arms.
            pairs += [
                ("features", other, arm)
                for other in arms
                if other.variant.start == "transfer"
                and other.variant.n_frozen == n_frozen
                and other.variant.top.n_reinitialised == n_layers - (n_frozen or 0)
                and not isinstance(other.variant.top, AddLayer)
                and (other.variant.unfreeze, other.variant.anchor) == (None, None)
            ]
        elif kind == "self-transfer":
            pairs.append(("own features", arm, standalone))
            if transfer is not None:
                pairs.append(("other problem", transfer, arm))
        elif kind == "equal-compute":
            pairs.append(("extra updates", arm, standalone))
            pairs += [
                ("beyond extra updates", other, arm)
                for other in arms
                if other.variant.kind == "transfer"
            ]
    return pairs


def _pairs_against(
    spec: ExperimentSpec, arms: Sequence[Arm]
) -> list[tuple[ContrastKind, Arm, Arm]]:
    """Pair every arm except standalone with the arm of `against`."""
    baselines = [arm for arm in arms if arm.variant == spec.against]
    compared = [arm for arm in arms if arm.variant not in (spec.against, STANDALONE)]
    return [("against", arm, baseline) for baseline in baselines for arm in compared]


# ---------------------------------------------------------------- training speed


def _band(arm: Arm, rows: NDArray[np.float64]) -> Band:
    q1, median, q3 = np.quantile(rows, [0.25, 0.5, 0.75], axis=0)
    return Band(arm, median=median, q1=q1, q3=q3)


def _speeds(
    spec: ExperimentSpec,
    scores: Scores,
    rows: Mapping[Arm, NDArray[np.float64]],
    threshold: float,
    measured: DataRecord,
    n_compared: int,
) -> list[Speed]:
    """Measure the learning curves of every arm, and compare them with those of standalone.

    `equal-compute` is left out: it is standalone with more epochs.

    Args:
        spec: The experiment.
        scores: Scores of the runs.
        rows: (R, E + 1) test accuracy by epoch of each arm.
        threshold: Accuracy that measures the speed, a share.
        measured: Record of the data that accuracies are measured on.
        n_compared: See `analyse`.

    Returns:
        Arm by arm, its metrics in the order of `SpeedMetric`.
    """
    arms = [arm for arm in spec.arms if arm.variant.start != "equal-compute"]
    metrics = {
        arm: curve_metrics(np.where(np.isfinite(rows[arm]), rows[arm], measured.floor), threshold)
        for arm in arms
    }
    names: tuple[SpeedMetric, ...] = get_args(SpeedMetric)
    differences: dict[str, dict[Arm, Difference]] = {}
    for name in names:
        by_arm = {arm: metrics[arm][name] for arm in arms}
        max_difference, margin = measured.max_difference, spec.margin
        if name == "epochs":  # the first to the last epoch are possible
            max_difference, margin = float(spec.training.epochs), 0.0
        differences[name] = (
            _reached(spec, by_arm)
            if name == "reached"
            else _differences(
                spec, scores, by_arm, max_difference, margin, dict.fromkeys(arms, n_compared)
            )
        )
    speeds = []
    for arm in arms:
        for name in names:
            values, difference = metrics[arm][name], differences[name].get(arm)
            verdict = None
            if difference is not None and name != "reached":
                verdict = verdict_of(difference, 0.0 if name == "epochs" else spec.margin)
                if name == "epochs":
                    verdict = _as_time(verdict)
            speeds.append(Speed(arm, name, len(values), float(values.mean()), difference, verdict))
    return speeds


def _reached(spec: ExperimentSpec, reached: Mapping[Arm, ByRepeat]) -> dict[Arm, Difference]:
    """Compare the share of runs that reach the threshold with that of standalone.

    Runs that share a source or the rows of a table are dependent, and have no interval.
    """
    standalone = _standalone(spec)
    assert standalone is not None
    differences = {}
    for arm, has_reached in reached.items():
        if arm != standalone:
            between = share_difference(has_reached > 0, reached[standalone] > 0)
            low, high = between.ci_low, between.ci_high
            if spec.is_nested(arm) or spec.data.is_resplit:
                low = high = None
            differences[arm] = Difference(len(has_reached), between.mean, low, high, low, high)
    return differences


def _as_time(verdict: Verdict) -> Verdict:
    """Invert a verdict on a difference of epochs, since fewer epochs are better."""
    if verdict.kind in ("better", "worse"):
        return Verdict("slower" if verdict.kind == "better" else "faster")
    return Verdict("undecided")
