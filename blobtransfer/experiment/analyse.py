"""Runs -> Findings: every number that tables and figures show, computed once.

Each question compares its arms with standalone, by their differences within a repeat. An arm
without any source belongs to both questions; its adjusted p is the larger of the two.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import groupby
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from blobtransfer.randomness import statistics_rng
from blobtransfer.results.results import (
    ArmScores,
    Band,
    Contrast,
    Curve,
    Findings,
    Runs,
    Speed,
    Summary,
    Tells,
)
from blobtransfer.specs.experiment import Arm, ExperimentSpec, Question
from blobtransfer.statistics.nested import nested_differences, source_luck
from blobtransfer.statistics.paired import Difference, holm, paired_differences, verdict_of
from blobtransfer.statistics.power import ALPHA
from blobtransfer.statistics.spread import count_low_runs, describe
from blobtransfer.statistics.survival import (
    Reached,
    epochs_to_reach,
    figures_of,
    log_rank_p,
    median_epochs,
)

THRESHOLD = 0.95
"""Share of the ceiling that a run is to reach, where no threshold was asked for."""

Paired = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Repeats, and a figure's differences in them."""


def analyse(
    spec: ExperimentSpec, runs: Runs, ceiling: float, curves: Sequence[Curve] = ()
) -> Findings:
    """Compute all statistics of a command.

    Args:
        spec: What was run.
        runs: What came out; some repeats may be missing.
        ceiling: Best possible test accuracy.
        curves: Learning curves of the runs, for the speed of learning.
    """
    scores = {arm: runs.of(arm, spec.network.n_classes) for arm in spec.arms}
    standalone = next((arm for arm in spec.arms if arm.variant.start == "standalone"), None)
    differences: dict[Arm, Difference] = {}
    if standalone is not None and len(spec.arms) > 1:
        others = [arm for arm in spec.arms if arm != standalone]
        differences = _ask(spec, {arm: _paired(scores[arm], scores[standalone]) for arm in others})
    threshold = THRESHOLD * ceiling if spec.threshold is None else spec.threshold
    heights = {arm: _heights(spec, arm, scores[arm], curves) for arm in spec.arms if curves}
    return Findings(
        summary=tuple(
            _summarise(arm, spec, scores[arm], differences.get(arm), ceiling) for arm in spec.arms
        ),
        contrasts=tuple(_contrasts(spec, scores)) if standalone is not None else (),
        speed=tuple(_speeds(spec, scores, heights, threshold)) if curves else (),
        threshold=threshold if curves else None,
        bands=tuple(_band(arm, rows) for arm, rows in heights.items() if len(rows)),
    )


def _summarise(
    arm: Arm,
    spec: ExperimentSpec,
    scores: ArmScores,
    difference: Difference | None,
    ceiling: float,
) -> Summary:
    spread = describe(scores.test_accuracy)
    network = arm.variant.network(spec.network)
    return Summary(
        **arm.label_fields,
        **asdict(spread),
        failed=scores.n_failed,
        collapsed=scores.n_collapsed,
        low_runs=count_low_runs(scores.test_accuracy),
        trainable_parameters=network.n_trainable(
            0 if arm.variant.unfreeze is not None else arm.variant.n_frozen
        ),
        gap=None if spread.mean is None else ceiling - spread.mean,
        difference=difference,
        verdict=None
        if difference is None
        else verdict_of(difference, spec.margin, _unit(spec, arm)),
        source_luck=source_luck(_by_source(spec, scores.repeats, scores.test_accuracy))
        if _unit(spec, arm) == "sources"
        else None,
    )


def _ask(spec: ExperimentSpec, paired: dict[Arm, Paired]) -> dict[Arm, Difference]:
    """Compare arms by their paired differences, and adjust p within each question."""
    found: dict[Arm, Difference] = {}
    for sources, arms in groupby(paired, key=lambda arm: arm.sources):
        group = list(arms)
        of_group = _compare(spec, sources == "fresh", [paired[arm] for arm in group])
        found.update(zip(group, of_group, strict=True))
    adjusted = _adjust(spec.questions, {arm: d.p_value for arm, d in found.items()})
    return {arm: replace(d, p_adjusted=adjusted.get(arm)) for arm, d in found.items()}


def _adjust(questions: Sequence[Question], p_values: dict[Arm, float | None]) -> dict[Arm, float]:
    """Give Holm's p of each question; the larger one where an arm belongs to both."""
    adjusted: dict[Arm, float] = {}
    for question in questions:
        asked = {
            arm: p
            for arm, p in p_values.items()
            if p is not None and arm.sources in ("none", question)
        }
        for arm, p in zip(asked, holm(list(asked.values())), strict=True):
            adjusted[arm] = max(p, adjusted.get(arm, 0.0))
    return adjusted


def _compare(spec: ExperimentSpec, is_fresh: bool, paired: Sequence[Paired]) -> list[Difference]:
    """Say what is known about some sets of differences, by the design of the question."""
    rng = statistics_rng(spec.train_seed)
    if is_fresh and spec.nested is not None:
        return nested_differences([_by_source(spec, *one) for one in paired], spec.margin, rng)
    return paired_differences([differences for _, differences in paired], spec.margin, rng)


def _paired(scores: ArmScores, baseline: ArmScores) -> Paired:
    """Give the differences in the repeats in which neither run failed."""
    repeats, own, other = np.intersect1d(
        scores.repeats, baseline.repeats, assume_unique=True, return_indices=True
    )
    return repeats, scores.test_accuracy[own] - baseline.test_accuracy[other]


def _by_source(
    spec: ExperimentSpec, repeats: NDArray[np.int64], figures: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Lay figures out as (S, T), a source a row; NaN where a repeat has none."""
    assert spec.nested is not None
    matrix = np.full(spec.n_repeats, np.nan)
    matrix[repeats] = figures
    return matrix.reshape(spec.nested)


# ---------------------------------------------------------------- what the controls tell


def _contrasts(spec: ExperimentSpec, scores: dict[Arm, ArmScores]) -> list[Contrast]:
    """Compare what the controls are there to be compared with, in both questions."""
    contrasts = []
    for question in spec.questions:
        arms = [arm for arm in spec.arms if arm.sources in ("none", question)]
        for tells, arm, baseline in _pairs_that_tell(arms, len(spec.network.shapes)):
            paired = _paired(scores[arm], scores[baseline])
            is_fresh = "fresh" in (arm.sources, baseline.sources)
            (difference,) = _compare(spec, is_fresh, [paired])
            contrasts.append(
                Contrast(question, tells, str(arm.variant), str(baseline.variant), difference)
            )
    return contrasts


def _pairs_that_tell(arms: Sequence[Arm], n_layers: int) -> list[tuple[Tells, Arm, Arm]]:
    by_variant = {(arm.variant.kind, arm.variant.n_fixed): arm for arm in arms}
    standalone = by_variant["standalone", None]
    pairs: list[tuple[Tells, Arm, Arm]] = []
    for (kind, n_fixed), arm in by_variant.items():
        transfer = by_variant.get(("transfer", n_fixed))
        if kind == "random-frozen":
            pairs.append(("freezing", arm, standalone))
            if transfer is not None:
                pairs.append(("weights", transfer, arm))
            # The features alone: the layers above them are fresh on both sides.
            pairs += [
                ("features", other, arm)
                for other in arms
                if other.variant.start == "transfer"
                and other.variant.n_fixed == n_fixed
                and other.variant.n_redrawn == n_layers - (n_fixed or 0)
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


def _heights(
    spec: ExperimentSpec, arm: Arm, scores: ArmScores, curves: Sequence[Curve]
) -> NDArray[np.float64]:
    """Give the learning curves of the runs of an arm that did not fail, (n, E + 1)."""
    own = {curve.repeat: curve.test_accuracy for curve in curves if curve.is_arm(arm)}
    rows = [own[repeat] for repeat in scores.repeats]
    return np.array(rows).reshape(len(rows), arm.variant.n_epochs(spec.training) + 1)


def _band(arm: Arm, heights: NDArray[np.float64]) -> Band:
    q1, q3 = np.quantile(heights, [0.25, 0.75], axis=0)
    return Band(**arm.label_fields, mean=heights.mean(axis=0), q1=q1, q3=q3)


def _speeds(
    spec: ExperimentSpec,
    scores: dict[Arm, ArmScores],
    heights: dict[Arm, NDArray[np.float64]],
    threshold: float,
) -> list[Speed]:
    """Measure the curves of every arm, and compare them with standalone's.

    `equal-compute` is left out: it learns as standalone does, and then goes on.
    """
    arms = [arm for arm in spec.arms if arm.variant.start != "equal-compute"]
    measured: dict[Arm, dict[str, ArmScores]] = {}
    reached = {}
    for arm in arms:
        measured[arm] = {
            name: replace(scores[arm], test_accuracy=figure)
            for name, figure in figures_of(heights[arm]).items()
        }
        reached[arm] = epochs_to_reach(heights[arm], threshold)
    standalone, *others = arms
    speeds: list[Speed] = []
    for figure in ("jumpstart", "area", "last"):
        found = _ask(
            spec,
            {arm: _paired(measured[arm][figure], measured[standalone][figure]) for arm in others},
        )
        speeds += [_speed(spec, arm, figure, measured[arm][figure], found.get(arm)) for arm in arms]
    p_values = {
        # The test takes runs for independent, which those that share a source are not.
        arm: None
        if _unit(spec, arm) == "sources"
        else log_rank_p(reached[arm], reached[standalone])
        for arm in others
    }
    adjusted = _adjust(spec.questions, p_values)
    for arm in arms:
        speeds.append(
            Speed(
                **arm.label_fields,
                figure="epochs",
                n=len(reached[arm].epochs),
                value=median_epochs(reached[arm]),
                n_censored=int(reached[arm].is_censored.sum()),
                p_value=p_values.get(arm),
                p_adjusted=adjusted.get(arm),
                verdict=None
                if arm == standalone or _unit(spec, arm) == "sources"
                else _faster_or_slower(reached[arm], reached[standalone], adjusted.get(arm)),
            )
        )
    return sorted(speeds, key=lambda speed: [speed.is_arm(arm) for arm in arms].index(True))


def _speed(
    spec: ExperimentSpec,
    arm: Arm,
    figure: Literal["jumpstart", "area", "last"],
    measured: ArmScores,
    difference: Difference | None,
) -> Speed:
    heights = measured.test_accuracy
    return Speed(
        **arm.label_fields,
        figure=figure,
        n=len(heights),
        value=float(heights.mean()) if len(heights) else None,
        difference=difference,
        verdict=None
        if difference is None
        else verdict_of(difference, spec.margin, _unit(spec, arm)),
    )


def _faster_or_slower(reached: Reached, baseline: Reached, p_adjusted: float | None) -> str:
    if p_adjusted is None or p_adjusted >= ALPHA:
        return "undecided"
    # The mean up to the last epoch, censored or not: its sign is that of the log-rank test
    # but where the curves cross.
    return "faster" if reached.epochs.mean() < baseline.epochs.mean() else "slower"


def _unit(spec: ExperimentSpec, arm: Arm) -> str:
    return "sources" if spec.nested is not None and arm.sources == "fresh" else "repeats"
