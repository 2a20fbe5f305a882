"""What makes the results of a comparison less sure than they look, as data."""

import math
from collections.abc import Sequence

from blobtransfer.results.findings import (
    Caution,
    Collapsed,
    FewPairs,
    FewTestRows,
    LowRuns,
    OneSource,
    Summary,
)
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.statistics.power import ALPHA

FEW_REPEATS = 10
"""Below, even 95 % intervals that mean to be honest are rough (`docs/method.md`)."""


def cautions_of(
    spec: ExperimentSpec, n_repeats: int, n_test: int, summary: Sequence[Summary]
) -> tuple[Caution, ...]:
    """Find what limits the answers of a comparison.

    Args:
        spec: What was run.
        n_repeats: Repeats that are done.
        n_test: Test rows of the target problem.
        summary: What came out.
    """
    found: dict[Caution, None] = dict.fromkeys(_of_few(spec, summary))
    if spec.questions == ("one",):
        found[OneSource()] = None
    low = [one.arm for one in summary if one.low_runs and (one.std or 0) > spec.margin]
    if low:
        found[LowRuns(tuple(low), n_repeats)] = None
    collapsed = [one.arm for one in summary if 2 * one.collapsed > one.n]
    if collapsed:
        found[Collapsed(tuple(collapsed))] = None
    means = [one.mean for one in summary if one.mean is not None]
    if means and spec.margin:
        share = sum(means) / len(means)
        error = math.sqrt(share * (1 - share) / n_test)
        if error > spec.margin / 2:
            n_enough = math.ceil(4 * share * (1 - share) / spec.margin**2 / 1000) * 1000
            found[FewTestRows(n_test, error, spec.margin, n_enough)] = None
    return tuple(found)


def _of_few(spec: ExperimentSpec, summary: Sequence[Summary]) -> list[FewPairs]:
    """Look for questions that have too few repeats, or sources, for what was asked of them."""
    found = []
    for question in spec.questions:
        asked = [one for one in summary if one.arm.is_asked_by(question)]
        compared = [one.difference for one in asked if one.difference is not None]
        if not compared:
            continue
        n = min(difference.n for difference in compared)
        # The smallest p of the sign-flip test, after Holm.
        can_decide = len(compared) * 2.0 ** (1 - n) < ALPHA
        if can_decide and n >= FEW_REPEATS:
            continue
        found.append(
            FewPairs(
                n=n,
                unit="sources" if spec.nested is not None and question == "fresh" else "repeats",
                n_variants=len(compared),
                can_decide=can_decide,
                has_failures=any(one.failed for one in asked),
            )
        )
    return found
