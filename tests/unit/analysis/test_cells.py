"""From scores to findings: pairing, failed runs, and what is adjusted together."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.engines import PlannedEngine
from helpers.running import compare
from helpers.specs import VARIANTS, spec_of, varied

from blobtransfer.analysis.cells import analyse
from blobtransfer.analysis.load import from_json
from blobtransfer.report.writers import to_json
from blobtransfer.results.findings import LowAccuracyRuns, SameData
from blobtransfer.results.results import CellResults, DataRecord
from blobtransfer.results.scores import Scores
from blobtransfer.specs.training import BALANCED_ACCURACY, METRICS, TEST_ACCURACY
from blobtransfer.specs.variant import STANDALONE, parse_variant
from blobtransfer.statistics.paired import Verdict, compare_pairs, share_difference
from blobtransfer.statistics.sequential import sequence_interval

STANDALONE_SCORES = [0.5, 0.6, 0.7, 0.8, 0.5, 0.6, 0.7, 0.8]
SCORES = {
    # by arm: test accuracy by repeat; None is a failed run
    ("none", "standalone"): STANDALONE_SCORES,
    ("none", "random-frozen fixed=1"): [0.4, 0.5, 0.6, 0.7, 0.4, 0.5, 0.6, 0.75],
    ("one", "transfer fixed=1"): [0.6, 0.7, 0.8, 0.9, 0.6, 0.7, None, 0.9],
    ("fresh", "transfer fixed=1"): [0.5, 0.7, 0.7, 0.8, 0.4, 0.6, 0.7, 0.85],
}
"""Exact in the statistics up to rounding, which is why they are compared approximately."""


def design(*texts, **changes):
    """Return a comparison of some variants, 8 repeats of both questions."""
    variants = (STANDALONE, *map(parse_variant, texts))
    return spec_of(8, **{"variants": variants, "questions": ("one", "fresh")} | changes)


def scores_of(spec, scores=None, n_classes_seen=3):
    """Return planned accuracies, 0.5 where there are none, which the other metrics equal."""
    planned = [(scores or {}).get((arm.sources, arm.label), [0.5] * 8) for arm in spec.arms]
    values = np.array(planned, np.float64)
    return Scores(
        arms=spec.arms,
        repeats=np.arange(8),
        values=np.stack([values] * len(METRICS)),
        classes_predicted=np.full(values.shape, n_classes_seen),
        is_failed=np.isnan(values),
        earlier_accuracy=values,
    )


FLOOR = 0.4


def problem(ceiling: float | None = 0.9, floor=FLOOR):
    return DataRecord("target", "problem 2", 500, 500, ceiling, floor)


def certain(ceiling=0.9):
    """Return a problem of which all that can be lost is known, so that few pairs can decide."""
    return problem(ceiling, floor=ceiling)


def find(spec, scores=None, curves=None, measured=None, n_classes_seen=3):
    planned = scores_of(spec, scores, n_classes_seen)
    return analysed(spec, planned, measured, curves)


def analysed(spec, scores, measured=None, curves=None):
    """Analyse a comparison."""
    cell = CellResults(spec, (measured or problem(),), None, scores, curves or {})
    return analyse(cell, len(spec.variants) - 1)


def of(findings, sources, label):
    return next(s for s in findings.summary if (s.arm.sources, s.label) == (sources, label))


@pytest.fixture(scope="module")
def findings():
    return find(design("random-frozen,fixed=1", "fixed=1"), SCORES)


# ---------------------------------------------------------------- summary


def test_every_arm_has_a_summary_and_all_but_standalone_a_difference(findings):
    assert [(s.arm.sources, s.label) for s in findings.summary] == [
        ("none", "standalone"), ("none", "random-frozen fixed=1"),
        ("fresh", "transfer fixed=1"), ("one", "transfer fixed=1"),
    ]  # fmt: skip
    assert set(SCORES) == {(s.arm.sources, s.label) for s in findings.summary}
    assert findings.summary[0].difference is None and findings.summary[0].verdict is None
    assert all(s.difference is not None for s in findings.summary[1:])


def test_findings_are_about_the_judged_metric():
    spec = design("random-frozen,fixed=1", "fixed=1", speed=True)
    judged = scores_of(spec, SCORES)
    curves = {arm: np.full((1, 8, spec.n_epochs(arm) + 1), 0.5) for arm in spec.arms}
    by_recalls = replace(spec, metric="balanced-accuracy")
    for judging, other in ((spec, BALANCED_ACCURACY), (by_recalls, TEST_ACCURACY)):
        values = judged.values.copy()
        values[other] = 0.1
        found = analysed(judging, replace(judged, values=values), curves=curves)
        assert found == analysed(spec, judged, curves=curves)


def test_a_failed_run_counts_at_chance_level_and_the_mean_of_the_others_stands_beside(findings):
    one = of(findings, "one", "transfer fixed=1")
    assert (one.n, one.failed, one.difference.n) == (8, 1, 8)
    # seven runs that did not fail: 5.2 / 7
    assert one.mean_finished == pytest.approx(5.2 / 7)
    assert one.mean == pytest.approx((5.2 + FLOOR) / 8)
    assert one.min == FLOOR
    # seven times 0.1 better, once at 0.4 in place of 0.7
    assert one.difference.mean == pytest.approx((7 * 0.1 - 0.3) / 8)
    assert one.gap == pytest.approx(0.9 - (5.2 + FLOOR) / 8)
    assert findings.summary[0].mean == findings.summary[0].mean_finished


def test_a_difference_is_that_of_the_pairs_in_the_range_of_the_accuracies(findings):
    d = np.subtract(SCORES["fresh", "transfer fixed=1"], STANDALONE_SCORES)
    # two variants are compared in each question; 0.9 - 0.4 is what a network can lose
    expected = compare_pairs(d, max_difference=0.5, n_compared=2, margin=0.01)
    assert of(findings, "fresh", "transfer fixed=1").difference == expected


def test_the_intervals_of_a_question_hold_together_however_many_questions_there_are(findings):
    alone = find(design("fixed=1"), SCORES)
    both, one = (of(found, "fresh", "transfer fixed=1").difference for found in (findings, alone))
    assert (both.each_low, both.p_value) == (one.each_low, one.p_value)
    assert both.p_adjusted >= min(1, 2 * one.p_value) and one.p_adjusted == one.p_value
    assert both.ci_low < one.ci_low == one.each_low


# ---------------------------------------------------------------- low runs


@pytest.mark.parametrize(("ceiling", "low_line"), [(0.9, 0.7), (None, 0.55)])
def test_the_line_of_low_runs_is_below_the_ceiling_or_else_the_best_median(ceiling, low_line):
    # medians: standalone and the fresh transfer 0.65 and 0.7, the one transfer 0.7, its failed
    # run among the lowest: 0.4 0.6 0.6 0.7 0.7 0.8 0.9 0.9; so the best is 0.75 - 0.2
    scores = SCORES | {("fresh", "transfer fixed=1"): [0.75] * 8}
    found = find(design("fixed=1", low=0.2), scores, measured=problem(ceiling))
    assert found.low_line == pytest.approx(low_line)


def test_runs_below_the_line_are_counted_and_compared_with_standalones():
    # the line at 0.65: standalone 0.5 and 0.6 twice each; transfer 0.6 twice and a failed one
    found = find(design("fixed=1", low=0.25), SCORES)
    assert found.low_line == pytest.approx(0.65)
    assert found.summary[0].low_runs == LowAccuracyRuns(4 / 8)
    one = of(found, "one", "transfer fixed=1").low_runs
    own = np.array([1, 0, 0, 0, 1, 0, 1, 0], bool)
    between = share_difference(own, np.array([1, 1, 0, 0, 1, 1, 0, 0], bool))
    assert one == LowAccuracyRuns(3 / 8, 4 / 8, between.ci_low, between.ci_high)


def test_low_is_what_the_spec_says():
    for low in (0.001, 0.5):
        found = find(design("fixed=1", low=low), SCORES)
        assert found.summary[0].low_runs.share == (1.0 if low == 0.001 else 0.0)


# ---------------------------------------------------------------- verdicts


@pytest.mark.parametrize(
    ("margin", "verdict"),
    [(0.01, Verdict("no practical difference", "no")), (0.001, Verdict("better", "yes"))],
)
def test_the_margin_decides_what_matters(margin, verdict):
    close = {("one", "transfer fixed=1"): [a + 0.004 for a in STANDALONE_SCORES]}
    found = find(design("fixed=1", margin=margin), SCORES | close, measured=certain())
    assert of(found, "one", "transfer fixed=1").verdict == verdict


def test_runs_that_all_failed_are_all_at_chance_level():
    found = find(design("fixed=1"), SCORES | {("one", "transfer fixed=1"): [None] * 8})
    one = of(found, "one", "transfer fixed=1")
    assert (one.n, one.failed, one.mean_finished) == (8, 8, None)
    assert (one.mean, one.std) == (pytest.approx(FLOOR), pytest.approx(0))
    assert one.difference.mean == pytest.approx(FLOOR - 0.65)


def test_runs_that_never_predict_a_class_are_counted_where_they_did_not_fail():
    found = find(design("fixed=1"), SCORES, n_classes_seen=2)
    assert of(found, "one", "transfer fixed=1").collapsed == 7
    assert of(found, "none", "standalone").collapsed == 8


@pytest.mark.parametrize(
    ("text", "n"),
    [
        # 2-5-5-3: layers of 15, 30 and 18 weights
        ("fixed=0", 63),
        ("fixed=1", 48),
        ("random-frozen,fixed=2", 18),
        ("fixed=2,unfreeze=1", 63),
        ("add=4,fixed=2", 24 + 15),  # 2-5-5-4-3: 5*4 + 4 and 4*3 + 3 above
    ],
)
def test_the_weights_that_may_move_are_counted(text, n):
    assert find(design(text)).summary[-1].trainable_parameters == n


def test_a_problem_without_a_ceiling_has_no_gap():
    found = find(design("fixed=1"), SCORES, measured=problem(None))
    assert [one.gap for one in found.summary] == [None] * 3
    assert found.summary[0].mean == pytest.approx(0.65)


def test_source_and_target_that_are_one_problem_are_said_to_be():
    found = find(design("fixed=1", source=design().target), SCORES)
    assert SameData() in found.cautions
    assert SameData() not in find(design("fixed=1"), SCORES).cautions


def test_one_arm_alone_is_compared_with_nothing():
    found = find(design(questions=("one",)))
    assert len(found.summary) == 1
    assert found.summary[0].difference is None
    assert (found.contrasts, found.cautions, found.speed) == ((), (), ())


# ---------------------------------------------------------------- nested designs


def test_the_nested_design_has_a_row_of_repeats_for_each_source():
    spec = design("fixed=1", nested=(4, 2), questions=("fresh",))
    found = of(find(spec, SCORES), "fresh", "transfer fixed=1")
    assert found.difference.n == 4
    assert found.source_variance.n_sources == 4
    # all or half of the runs of a source are better, or as good
    means = [0.05, 0.0, -0.05, 0.025]
    assert found.difference.mean == pytest.approx(np.mean(means))
    expected = compare_pairs(np.array(means), 0.5, 1, 0.01)
    assert found.difference.ci_low == pytest.approx(expected.ci_low)
    # rows 0.5 0.7, 0.7 0.8, 0.4 0.6, 0.7 0.85: squared deviations within over 4
    within = (0.02 + 0.005 + 0.02 + 0.01125) / 4
    assert found.source_variance.within_std == pytest.approx(within**0.5)


def test_what_six_of_six_sources_show_is_known_as_well_as_six_pairs_show_it():
    spec = spec_of(18, (0,), nested=(6, 3), questions=("fresh",))
    values = np.stack([np.full((2, 18), 0.6)] * 4)
    values[:, 1] += 0.1
    seen, failed = np.full((2, 18), 3), np.zeros((2, 18), bool)
    found = analysed(spec, Scores(spec.arms, np.arange(18), values, seen, failed, values[0]))
    d = found.summary[1].difference
    assert (d.n, d.probability_better) == (6, 1.0)
    # Wilson's interval of 6 of 6, not of 18 of 18: 6 / (6 + 1.96^2) = 0.6097
    assert (d.probability_low, d.probability_high) == (pytest.approx(0.6097, abs=1e-4), 1.0)


def test_a_control_without_a_source_is_compared_run_by_run_in_a_nested_design_too():
    spec = design("random-frozen,fixed=1", nested=(4, 2), questions=("fresh",))
    found = find(spec, SCORES)
    (contrast,) = found.contrasts
    assert contrast.difference.n == found.summary[1].difference.n == 8
    assert contrast.difference.ci_low == found.summary[1].difference.ci_low
    assert found.summary[1].source_variance is None


def test_repeats_that_are_missing_leave_the_others_with_their_sources():
    spec = design("fixed=1", nested=(4, 2), questions=("fresh",))
    whole = scores_of(spec, SCORES)
    kept = [1, 2, 3]
    part = Scores(
        spec.arms, whole.repeats[kept], whole.values[:, :, kept],
        whole.classes_predicted[:, kept], whole.is_failed[:, kept],
        whole.earlier_accuracy[:, kept],
    )  # fmt: skip
    found = of(analysed(spec, part), "fresh", "transfer fixed=1")
    # sources of repeats 0 and 2; differences 0.1 alone, and 0 twice
    assert found.difference.n == 2
    assert found.difference.mean == pytest.approx(0.05)


# ---------------------------------------------------------------- what the controls tell


def test_controls_tell_what_freezing_costs_and_what_the_source_brings(findings):
    told = {(c.question, c.kind): c.difference.mean for c in findings.contrasts}
    assert told == {
        # seven times -0.1, and once -0.05
        ("one", "freezing"): pytest.approx(-0.09375),
        # six times 0.2, once 0.15, and once the failed run at 0.4 against 0.6
        ("one", "weights"): pytest.approx((6 * 0.2 + 0.15 - 0.2) / 8),
        ("fresh", "freezing"): pytest.approx(-0.09375),
        ("fresh", "weights"): pytest.approx(np.mean([0.1, 0.2, 0.1, 0.1, 0.0, 0.1, 0.1, 0.1])),
    }


@pytest.mark.parametrize(
    ("texts", "label"),
    [
        (("random-frozen,fixed=1", "reinit=2,fixed=1"), "reinit=2 fixed=1"),
        (("random-frozen,fixed=2", "new-head,fixed=2"), "new-head fixed=2"),
        (("random-frozen,fixed=1", "new-head,fixed=1"), None),
        (("random-frozen,fixed=1", "self-transfer,reinit=2,fixed=1"), None),
    ],
)
def test_features_are_told_alone_where_all_layers_above_are_fresh_on_both_sides(texts, label):
    found = find(design(*texts, questions=("one",)))
    told = [contrast.arm.label for contrast in found.contrasts if contrast.kind == "features"]
    assert told == ([label] if label else [])


def test_all_controls_are_compared_with_what_they_explain():
    texts = ("fixed=0", "fixed=1", "self-transfer,fixed=1", "equal-compute")
    found = find(design(*texts, questions=("one",)))
    assert [(c.kind, c.arm.label, c.baseline.label) for c in found.contrasts] == [
        ("extra updates", "equal-compute", "standalone"),
        ("beyond extra updates", "transfer fixed=0", "equal-compute"),
        ("beyond extra updates", "transfer fixed=1", "equal-compute"),
        ("own features", "self-transfer fixed=1", "standalone"),
        ("other problem", "transfer fixed=1", "self-transfer fixed=1"),
    ]


def test_all_variants_are_compared_with_the_one_that_was_named():
    texts = ("fixed=0", "fixed=1", "random-frozen,fixed=1")
    found = find(design(*texts, against=parse_variant("fixed=0")))
    told = [
        (c.question, c.arm.label, c.baseline.label) for c in found.contrasts if c.kind == "against"
    ]
    assert told == [
        (question, label, "transfer fixed=0")
        for question in ("fresh", "one")
        for label in ("random-frozen fixed=1", "transfer fixed=1")
    ]
    (first, *_) = (c for c in found.contrasts if c.kind == "against")
    # a contrast stands for itself
    assert first.difference.p_adjusted == first.difference.p_value


# ---------------------------------------------------------------- until decided


def test_the_interval_at_every_look_takes_the_place_of_what_holds_at_one():
    spec = design("fixed=1", "random-frozen,fixed=1", until_decided=True)
    d = of(find(spec, SCORES), "one", "transfer fixed=1").difference
    # a failed run is at 0.4; two variants are compared
    own = np.array([*SCORES["one", "transfer fixed=1"][:6], FLOOR, 0.9])
    assert (d.ci_low, d.ci_high) == sequence_interval(own - STANDALONE_SCORES, 0.05 / 2)
    assert d.mean == pytest.approx((7 * 0.1 - 0.3) / 8)
    assert (d.each_low, d.p_value, d.p_adjusted, d.probability_low) == (None,) * 4
    assert (d.detectable, d.repeats_needed, d.repeats_alike) == (None,) * 3
    assert d.typical.mean is not None and d.typical.ci_low is None


# ---------------------------------------------------------------- the speed of learning


def curves_of(spec, scores, first=0.1, middle=0.3):
    """Return learning curves that end at the scores: two epochs, or as many as an arm has."""
    return {
        arm: np.array(
            [
                [first + 0.1 * (arm.sources == "one"), *[middle] * (spec.n_epochs(arm) - 1), a]
                for a in scores.values[0, scores.arms.index(arm)]
            ]
        )[None]
        for arm in spec.arms
    }


def speed_of(spec, scores=None, measured=None):
    grid = scores_of(spec, scores)
    return analysed(spec, grid, measured, curves_of(spec, grid))


def test_the_speed_is_measured_and_compared_as_accuracy_is():
    spec = design("fixed=1", speed=True, threshold=0.65)
    found = speed_of(spec, SCORES, certain(0.9))
    assert found.threshold == 0.65
    by = {(s.arm.sources, s.metric): s for s in found.speed}
    assert len(by) == len(found.speed) == 15
    jumpstart = by["one", "jumpstart"]
    assert (jumpstart.n, jumpstart.difference.mean) == (8, pytest.approx(0.1))
    assert jumpstart.verdict.kind == "better"
    # trapezoids of 0.1, 0.3 and 0.65, the mean of the last scores
    assert by["none", "area"].value == pytest.approx((0.05 + 0.3 + 0.65 / 2) / 2)
    # standalone reaches 0.65 in the four repeats that end at 0.7 or 0.8
    assert by["none", "reached"].value == 0.5
    assert (by["none", "epochs"].value, by["none", "epochs"].verdict) == (2.0, None)
    reached = by["one", "reached"]
    # the failed run ends at the ceiling here, which is chance level too: 6 of 8
    assert (reached.value, reached.verdict) == (0.75, None)
    assert reached.difference.mean == pytest.approx(0.25)
    assert reached.difference.ci_low < 0.25 < reached.difference.ci_high
    assert by["one", "epochs"].verdict == Verdict("undecided")
    assert [band.arm.label for band in found.bands] == ["standalone"] + 2 * ["transfer fixed=1"]
    np.testing.assert_allclose(found.bands[0].median, [0.1, 0.3, 0.65])


def of_heights(by_standalone, by_transfer, n_epochs=200, n=8):
    """Return curves that reach 0.5 at the one epoch or the other."""
    spec = design("fixed=1", speed=True, threshold=0.5, questions=("one",))
    spec = replace(spec, training=replace(spec.training, epochs=n_epochs))
    curves = {
        arm: np.tile(np.where(np.arange(n_epochs + 1) < epoch, 0.1, 0.9), (1, n, 1))
        for arm, epoch in zip(spec.arms, (by_standalone, by_transfer), strict=True)
    }
    return analysed(spec, scores_of(spec), curves=curves)


@pytest.mark.parametrize(
    ("by_standalone", "by_transfer", "kind"),
    [(190, 20, "faster"), (20, 190, "slower"), (20, 30, "undecided"), (20, 20, "undecided")],
)
def test_who_reaches_the_threshold_first_by_far_is_faster(by_standalone, by_transfer, kind):
    *_, epochs = of_heights(by_standalone, by_transfer).speed
    assert (epochs.metric, epochs.verdict) == ("epochs", Verdict(kind))
    assert epochs.value == by_transfer
    d = epochs.difference
    assert d.mean == by_transfer - by_standalone
    expected = compare_pairs(np.full(8, d.mean), max_difference=200, n_compared=1)
    assert (d.ci_low, d.ci_high) == (expected.ci_low, expected.ci_high)


@pytest.mark.parametrize(("threshold", "ceiling", "expected"), [(None, 0.8, 0.76), (0.3, 0.8, 0.3)])
def test_the_default_threshold_is_95_percent_of_the_ceiling(threshold, ceiling, expected):
    spec = design("fixed=1", speed=True, threshold=threshold)
    assert speed_of(spec, measured=problem(ceiling)).threshold == pytest.approx(expected)


def test_without_a_ceiling_the_default_threshold_is_95_percent_of_the_best_median():
    found = speed_of(design("fixed=1", speed=True), measured=problem(None))
    best = max(one.median for one in found.summary)
    assert found.threshold == pytest.approx(0.95 * best)


def test_equal_compute_is_left_out_of_the_speed_and_has_its_band():
    found = speed_of(design("equal-compute", speed=True))
    assert {one.arm.label for one in found.speed} == {"standalone"}
    assert [(band.arm.label, len(band.median)) for band in found.bands] == [
        ("standalone", 3),
        ("equal-compute", 5),
    ]


def test_the_speed_of_a_nested_design_knows_only_as_many_pairs_as_sources():
    spec = design("fixed=1", speed=True, nested=(4, 2), questions=("fresh",))
    compared = [one for one in speed_of(spec, SCORES).speed if one.difference is not None]
    assert {one.metric: one.difference.n for one in compared if one.metric != "reached"} == {
        "jumpstart": 4, "area": 4, "last": 4, "epochs": 4,
    }  # fmt: skip


def test_runs_that_all_failed_have_no_band_and_the_speed_of_chance():
    spec = design("fixed=1", speed=True, questions=("one",))
    planned, grid = scores_of(spec, {("one", "transfer fixed=1"): [None] * 8}), {}
    for arm, curve in curves_of(spec, planned).items():
        grid[arm] = np.full_like(curve, np.nan) if arm.sources == "one" else curve
    found = analysed(spec, planned, curves=grid)
    assert [band.arm.label for band in found.bands] == ["standalone"]
    assert [(one.n, one.value) for one in found.speed[5:]] == [
        (8, pytest.approx(FLOOR)), (8, pytest.approx(FLOOR)), (8, pytest.approx(FLOOR)),
        (8, 0.0), (8, 2.0),
    ]  # fmt: skip


# ---------------------------------------------------------------- of what was written


@pytest.fixture(scope="module")
def comparison():
    spec = spec_of(8, questions=("one", "fresh"), variants=VARIANTS, speed=True)
    return compare(spec, None, PlannedEngine(varied))


def test_the_findings_of_written_results_are_computed_again_and_the_same(comparison):
    back = from_json("".join(to_json(comparison)).encode(), "r.json")
    assert back.cell.findings == comparison.cell.findings
    for band, other in zip(back.cell.findings.bands, comparison.cell.findings.bands, strict=True):
        np.testing.assert_array_equal(band.median, other.median)


def test_another_margin_gives_other_verdicts_and_the_same_differences(comparison):
    back = from_json("".join(to_json(comparison)).encode(), "r.json", margin=0.9)
    assert back.cell.spec.margin == 0.9
    verdicts = {one.verdict for one in back.cell.summary}
    assert verdicts == {None, Verdict("no practical difference", "no")}
    for one, other in zip(back.cell.summary, comparison.cell.summary, strict=True):
        assert one.mean == other.mean
