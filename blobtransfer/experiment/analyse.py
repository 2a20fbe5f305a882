"""Scores -> findings: every number that tables and figures show, computed once.

Each question compares its arms with standalone, by their differences within a repeat. An arm
without any source belongs to both questions; its adjusted p is the larger of the two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from itertools import groupby
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from blobtransfer.experiment.cautions import cautions_of
from blobtransfer.metrics import TEST_ACCURACY
from blobtransfer.randomness import statistics_rng
from blobtransfer.results.findings import (
    Band,
    Contrast,
    ContrastKind,
    Findings,
    Speed,
    Summary,
)
from blobtransfer.results.json_io import read_json
from blobtransfer.results.results import Curves, Results, TaskRecord
from blobtransfer.results.scores import Scores
from blobtransfer.specs.experiment import Arm, ExperimentSpec, Question
from blobtransfer.statistics.nested import nested_differences, source_variance
from blobtransfer.statistics.paired import (
    Difference,
    Verdict,
    holm,
    paired_differences,
    verdict_of,
)
from blobtransfer.statistics.power import ALPHA
from blobtransfer.statistics.spread import count_low_runs, describe
from blobtransfer.statistics.survival import (
    TimeToThreshold,
    curve_metrics,
    epochs_to_reach,
    log_rank_p,
    median_epochs,
)

THRESHOLD = 0.95
"""Share of the ceiling that a run is to reach, where no threshold was asked for."""

ByRepeat = NDArray[np.float64]
"""(R,) a metric of an arm by repeat, or its differences; NaN where a run failed."""


def analyse(
    spec: ExperimentSpec, scores: Scores, measured: TaskRecord, curves: Curves | None = None
) -> Findings:
    """Compute all statistics of a command.

    Args:
        spec: What was run.
        scores: What came out; some repeats may be missing.
        measured: The problem that the accuracies are of.
        curves: Learning curves of the runs, for the speed of learning.

    Returns:
        What the methods of `statistics/` say: paired differences to standalone with Holm's
        adjustment in each question, contrasts of the controls, and the speed.
    """
    accuracy = {arm: scores.test_accuracy(arm) for arm in spec.arms}
    standalone = _standalone(spec)
    differences: dict[Arm, Difference] = {}
    if standalone is not None:
        differences = _differences(spec, scores, accuracy, standalone)
    summary = tuple(
        _summarise(arm, spec, scores, accuracy[arm], differences.get(arm), measured.ceiling)
        for arm in spec.arms
    )
    found = Findings(
        summary=summary,
        contrasts=tuple(_contrasts(spec, scores, accuracy)) if standalone is not None else (),
        cautions=cautions_of(spec, scores.n_repeats, measured.n_test, summary)
        if differences
        else (),
    )
    if not curves:
        return found
    threshold = THRESHOLD * (measured.ceiling or 1.0) if spec.threshold is None else spec.threshold
    rows = {arm: curves[arm][TEST_ACCURACY] for arm in spec.arms}
    ok = {arm: rows[arm][~np.isnan(accuracy[arm])] for arm in spec.arms}
    return replace(
        found,
        speed=tuple(_speeds(spec, scores, accuracy, rows, threshold)),
        threshold=threshold,
        bands=tuple(_band(arm, ok[arm]) for arm in spec.arms if len(ok[arm])),
    )


def from_json(text: bytes, name: str, margin: float | None = None) -> Results:
    """Read what `to_json` wrote; the statistics in it are computed again, not read.

    Args:
        text: UTF-8.
        name: What the text is called where it is refused.
        margin: In place of the one that the results were computed with.

    Raises:
        ResultsFileError: The text is not a result, or not one that a command could have written.
    """
    results = read_json(text, name)
    spec = results.spec if margin is None else replace(results.spec, margin=margin)
    curves = results.curves if results.command == "compare" else None
    findings = analyse(spec, results.scores, results.measured, curves)
    return replace(results, spec=spec, findings=findings)


def _standalone(spec: ExperimentSpec) -> Arm | None:
    """Give the arm that others are compared with, where there are others."""
    if len(spec.arms) < 2:
        return None
    return next((arm for arm in spec.arms if arm.variant.start == "standalone"), None)


def _summarise(
    arm: Arm,
    spec: ExperimentSpec,
    scores: Scores,
    accuracy: ByRepeat,
    difference: Difference | None,
    ceiling: float | None,
) -> Summary:
    ok = accuracy[~np.isnan(accuracy)]
    spread = describe(ok)
    network = arm.variant.network(spec.network)
    n_frozen = 0 if arm.variant.unfreeze is not None else arm.variant.n_frozen or 0
    return Summary(
        **asdict(spread),
        arm=arm,
        failed=scores.n_failed(arm),
        collapsed=scores.n_collapsed(arm, spec.network.n_classes),
        low_runs=count_low_runs(ok),
        trainable_parameters=network.n_trainable(n_frozen),
        gap=None if spread.mean is None or ceiling is None else ceiling - spread.mean,
        difference=difference,
        verdict=None if difference is None else verdict_of(difference, spec.margin),
        source_variance=source_variance(_by_source(spec, scores, accuracy))
        if spec.is_nested(arm)
        else None,
    )


def _differences(
    spec: ExperimentSpec,
    scores: Scores,
    metric: Mapping[Arm, ByRepeat],
    standalone: Arm,
) -> dict[Arm, Difference]:
    """Compare a metric of all arms with standalone's, and adjust p within each question."""
    found: dict[Arm, Difference] = {}
    others = [arm for arm in metric if arm != standalone]
    for sources, arms in groupby(others, key=lambda arm: arm.sources):
        group = list(arms)
        paired = [metric[arm] - metric[standalone] for arm in group]
        of_group = _compare(spec, scores, sources == "fresh", paired)
        found.update(zip(group, of_group, strict=True))
    adjusted = _adjust(spec.questions, {arm: d.p_value for arm, d in found.items()})
    return {arm: replace(d, p_adjusted=adjusted.get(arm)) for arm, d in found.items()}


def _adjust(questions: Sequence[Question], p_values: dict[Arm, float | None]) -> dict[Arm, float]:
    """Give Holm's p of each question; the larger one where an arm belongs to both."""
    adjusted: dict[Arm, float] = {}
    for question in questions:
        asked = {
            arm: p for arm, p in p_values.items() if p is not None and arm.is_asked_by(question)
        }
        for arm, p in zip(asked, holm(list(asked.values())), strict=True):
            adjusted[arm] = max(p, adjusted.get(arm, 0.0))
    return adjusted


def _compare(
    spec: ExperimentSpec, scores: Scores, is_fresh: bool, paired: Sequence[ByRepeat]
) -> list[Difference]:
    """Say what is known about some sets of differences, by the design of the question."""
    rng = statistics_rng(spec.train_seed)
    if is_fresh and spec.nested is not None:
        return nested_differences([_by_source(spec, scores, d) for d in paired], spec.margin, rng)
    return paired_differences([d[~np.isnan(d)] for d in paired], spec.margin, rng)


def _by_source(spec: ExperimentSpec, scores: Scores, by_repeat: ByRepeat) -> NDArray[np.float64]:
    """Lay a metric out as (S, T), a source a row; NaN where a repeat has none."""
    assert spec.nested is not None
    matrix = np.full(spec.n_repeats, np.nan)
    matrix[scores.repeats] = by_repeat
    return matrix.reshape(spec.nested)


# ---------------------------------------------------------------- what the controls tell


def _contrasts(
    spec: ExperimentSpec, scores: Scores, accuracy: Mapping[Arm, ByRepeat]
) -> list[Contrast]:
    """Compare the controls with what they are there to be compared with, in both questions."""
    contrasts = []
    for question in spec.questions:
        arms = [arm for arm in spec.arms if arm.is_asked_by(question)]
        for kind, arm, baseline in _pairs_that_tell(arms, len(spec.network.shapes)):
            is_fresh = "fresh" in (arm.sources, baseline.sources)
            paired = [accuracy[arm] - accuracy[baseline]]
            (difference,) = _compare(spec, scores, is_fresh, paired)
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
            # The features alone: the layers above them are fresh on both sides.
            pairs += [
                ("features", other, arm)
                for other in arms
                if other.variant.start == "transfer"
                and other.variant.n_frozen == n_frozen
                and other.variant.n_redrawn == n_layers - (n_frozen or 0)
                and (other.variant.add, other.variant.unfreeze) == (None, None)
            ]
        elif kind == "self-transfer":
            pairs.append(("own features", arm, standalone))
            if transfer is not None:
                pairs.append(("other problem", transfer, arm))
        elif kind == "equal-compute":
            pairs.append(("extra epochs", arm, standalone))
            pairs += [
                ("beyond extra epochs", other, arm)
                for other in arms
                if other.variant.kind == "transfer"
            ]
    return pairs


# ---------------------------------------------------------------- the speed of learning


def _band(arm: Arm, rows: NDArray[np.float64]) -> Band:
    q1, q3 = np.quantile(rows, [0.25, 0.75], axis=0)
    return Band(arm, mean=rows.mean(axis=0), q1=q1, q3=q3)


def _speeds(
    spec: ExperimentSpec,
    scores: Scores,
    accuracy: Mapping[Arm, ByRepeat],
    rows: Mapping[Arm, NDArray[np.float64]],
    threshold: float,
) -> list[Speed]:
    """Measure the curves of every arm, and compare them with standalone's.

    `equal-compute` is left out: it learns as standalone does, and then goes on.

    Args:
        spec: What was run.
        scores: For the repeats.
        accuracy: Final test accuracies, NaN where a run failed.
        rows: (R, E + 1) test accuracy by epoch.
        threshold: Accuracy to be reached, a share.

    Returns:
        Arm by arm: jumpstart, area, last, epochs.
    """
    standalone, *others = arms = [a for a in spec.arms if a.variant.start != "equal-compute"]
    metrics = {arm: curve_metrics(rows[arm]) for arm in arms}
    measured: dict[Literal["jumpstart", "area", "last"], dict[Arm, ByRepeat]] = {
        name: {arm: np.where(np.isnan(accuracy[arm]), np.nan, metrics[arm][name]) for arm in arms}
        for name in ("jumpstart", "area", "last")
    }
    compared = {
        name: _differences(spec, scores, metric, standalone) for name, metric in measured.items()
    }
    reached = {arm: epochs_to_reach(rows[arm][~np.isnan(accuracy[arm])], threshold) for arm in arms}
    p_values = {
        # The test takes runs for independent, which those that share a source are not.
        arm: None if spec.is_nested(arm) else log_rank_p(reached[arm], reached[standalone])
        for arm in others
    }
    adjusted = _adjust(spec.questions, p_values)
    speeds: list[Speed] = []
    for arm in arms:
        for name, metric in measured.items():
            ok = metric[arm][~np.isnan(metric[arm])]
            difference = compared[name].get(arm)
            speeds.append(
                Speed(
                    arm,
                    name,
                    n=len(ok),
                    value=float(ok.mean()) if len(ok) else None,
                    difference=difference,
                    verdict=None if difference is None else verdict_of(difference, spec.margin),
                )
            )
        speeds.append(
            Speed(
                arm,
                "epochs",
                n=len(reached[arm].epochs),
                value=median_epochs(reached[arm]),
                n_censored=int(reached[arm].is_censored.sum()),
                p_value=p_values.get(arm),
                p_adjusted=adjusted.get(arm),
                verdict=None
                if arm == standalone or spec.is_nested(arm)
                else _faster_or_slower(reached[arm], reached[standalone], adjusted.get(arm)),
            )
        )
    return speeds


def _faster_or_slower(
    reached: TimeToThreshold, baseline: TimeToThreshold, p_adjusted: float | None
) -> Verdict:
    if p_adjusted is None or p_adjusted >= ALPHA:
        return Verdict("undecided")
    # The mean up to the last epoch, censored or not: its sign is that of the log-rank test
    # but where the curves cross.
    return Verdict("faster" if reached.epochs.mean() < baseline.epochs.mean() else "slower")
