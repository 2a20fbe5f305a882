"""From scores to findings: pairing, failed runs, and what is adjusted together."""

import numpy as np
import pytest
from helpers.engines import PlannedEngine
from helpers.specs import VARIANTS, spec_of, varied

from blobtransfer.experiment.analyse import analyse, from_json
from blobtransfer.experiment.compare import compare
from blobtransfer.report.writers import to_json
from blobtransfer.results.results import TaskRecord
from blobtransfer.results.scores import Scores
from blobtransfer.specs.variant import STANDALONE, parse_variant
from blobtransfer.statistics.paired import Verdict, holm

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
    """Give a comparison of some variants, 8 repeats of both questions."""
    variants = (STANDALONE, *map(parse_variant, texts))
    return spec_of(8, **{"variants": variants, "questions": ("one", "fresh")} | changes)


def scores_of(spec, scores=None, n_classes_seen=3):
    """Give planned accuracies, 0.5 where there are none, which the other metrics equal."""
    planned = [(scores or {}).get((arm.sources, arm.label), [0.5] * 8) for arm in spec.arms]
    values = np.array(planned, np.float64)
    return Scores(
        arms=spec.arms,
        repeats=np.arange(8),
        values=np.stack([values] * 4),
        classes_predicted=np.full(values.shape, n_classes_seen),
        is_failed=np.isnan(values),
    )


def problem(ceiling=0.9, n_test=500):
    return TaskRecord("target", "problem 2", 500, n_test, ceiling)


def find(spec, scores=None, curves=None, ceiling=0.9, n_classes_seen=3):
    return analyse(spec, scores_of(spec, scores, n_classes_seen), problem(ceiling), curves)


def of(findings, sources, label):
    return next(s for s in findings.summary if (s.arm.sources, s.label) == (sources, label))


@pytest.fixture(scope="module")
def findings():
    return find(design("random-frozen,fixed=1", "fixed=1"), SCORES)


# ---------------------------------------------------------------- summary


def test_every_arm_has_a_summary_and_all_but_standalone_a_difference(findings):
    assert [(s.arm.sources, s.label) for s in findings.summary] == list(SCORES)
    assert findings.summary[0].difference is None and findings.summary[0].verdict is None
    assert all(s.difference is not None for s in findings.summary[1:])


def test_a_pair_with_a_failed_run_is_left_out_and_the_failure_counted(findings):
    one = of(findings, "one", "transfer fixed=1")
    assert (one.n, one.failed, one.difference.n) == (7, 1, 7)
    assert one.difference.mean == pytest.approx(0.1)
    assert one.verdict.kind == "better"
    # seven runs that did not fail: 5.2 / 7
    assert one.gap == pytest.approx(0.9 - 5.2 / 7)


@pytest.mark.parametrize("is_swapped", [False, True])
def test_p_is_adjusted_within_each_question_and_a_control_takes_the_larger(is_swapped):
    # of 2^8 flips as many are as far: 2 of the clear winner, 4 of the control, whose +0.01 may
    # have either sign, more of the other; so the control's p is doubled in one question alone
    clear, unclear = [a + 0.1 for a in STANDALONE_SCORES], SCORES["fresh", "transfer fixed=1"]
    one, fresh = (unclear, clear) if is_swapped else (clear, unclear)
    scores = SCORES | {
        ("none", "random-frozen fixed=1"): [*SCORES["none", "random-frozen fixed=1"][:7], 0.81],
        ("one", "transfer fixed=1"): one,
        ("fresh", "transfer fixed=1"): fresh,
    }
    found = find(design("random-frozen,fixed=1", "fixed=1"), scores)
    control, of_one, of_fresh = (one.difference for one in found.summary[1:])
    by_one = holm([control.p_value, of_one.p_value])
    by_fresh = holm([control.p_value, of_fresh.p_value])
    assert (of_one.p_adjusted, of_fresh.p_adjusted) == (by_one[1], by_fresh[1])
    assert (by_one[0] > by_fresh[0]) == is_swapped
    assert control.p_adjusted == max(by_one[0], by_fresh[0])


@pytest.mark.parametrize(
    ("margin", "verdict"),
    [(0.01, Verdict("no practical difference", "no")), (0.001, Verdict("better", "yes"))],
)
def test_the_margin_decides_what_matters(margin, verdict):
    close = {("one", "transfer fixed=1"): [a + 0.004 for a in STANDALONE_SCORES]}
    found = find(design("fixed=1", margin=margin), SCORES | close)
    assert of(found, "one", "transfer fixed=1").verdict == verdict


def test_runs_that_all_failed_leave_no_number_and_nothing_decided():
    found = find(design("fixed=1"), SCORES | {("one", "transfer fixed=1"): [None] * 8})
    one = of(found, "one", "transfer fixed=1")
    assert (one.n, one.failed, one.mean, one.gap, one.difference.mean) == (0, 8, None, None, None)
    assert one.verdict == Verdict("undecided")


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
    found = find(design("fixed=1"), SCORES, ceiling=None)
    assert [one.gap for one in found.summary] == [None] * 3
    assert found.summary[0].mean == pytest.approx(0.65)


def test_one_arm_alone_is_compared_with_nothing():
    found = find(design(questions=("one",)))
    assert len(found.summary) == 1
    assert found.summary[0].difference is None
    assert (found.contrasts, found.cautions, found.speed) == ((), (), ())


def test_variants_without_standalone_are_compared_with_nothing():
    variants = (parse_variant("fixed=0"), parse_variant("fixed=1"))
    found = find(design(variants=variants, questions=("one",)))
    assert [one.difference for one in found.summary] == [None, None]
    assert found.contrasts == ()


# ---------------------------------------------------------------- nested designs


def test_the_nested_design_has_a_row_of_repeats_for_each_source():
    spec = design("fixed=1", nested=(4, 2), questions=("fresh",))
    found = of(find(spec, SCORES), "fresh", "transfer fixed=1")
    assert found.difference.n == 4
    assert found.source_variance.n_sources == 4
    # rows 0.5 0.7, 0.7 0.8, 0.4 0.6, 0.7 0.85: squared deviations within over 4
    within = (0.02 + 0.005 + 0.02 + 0.01125) / 4
    assert found.source_variance.within_std == pytest.approx(within**0.5)


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
    )  # fmt: skip
    found = of(analyse(spec, part, problem()), "fresh", "transfer fixed=1")
    # sources of repeats 0 and 2; differences 0.1 alone, and 0 twice
    assert found.difference.n == 2
    assert found.difference.mean == pytest.approx(0.05)


# ---------------------------------------------------------------- what the controls tell


def test_controls_tell_what_freezing_costs_and_what_the_source_brings(findings):
    told = {(c.question, c.kind): c.difference.mean for c in findings.contrasts}
    assert told == {
        # seven times -0.1, and once -0.05
        ("one", "freezing"): pytest.approx(-0.09375),
        ("one", "weights"): pytest.approx((6 * 0.2 + 0.15) / 7),
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
        ("extra epochs", "equal-compute", "standalone"),
        ("beyond extra epochs", "transfer fixed=0", "equal-compute"),
        ("beyond extra epochs", "transfer fixed=1", "equal-compute"),
        ("own features", "self-transfer fixed=1", "standalone"),
        ("other problem", "transfer fixed=1", "self-transfer fixed=1"),
    ]


# ---------------------------------------------------------------- the speed of learning


def curves_of(spec, scores, first=0.1, middle=0.3):
    """Give learning curves that end at the scores: two epochs, or as many as an arm has."""
    return {
        arm: np.array(
            [
                [first + 0.1 * (arm.sources == "one"), *[middle] * (spec.n_epochs(arm) - 1), a]
                for a in scores.values[0, scores.arms.index(arm)]
            ]
        )[None]
        for arm in spec.arms
    }


def speed_of(spec, scores=None, ceiling=0.9):
    grid = scores_of(spec, scores)
    return analyse(spec, grid, problem(ceiling), curves_of(spec, grid))


def test_the_speed_is_measured_and_compared_as_accuracy_is():
    spec = design("fixed=1", speed=True, threshold=0.65)
    found = speed_of(spec, SCORES)
    assert found.threshold == 0.65
    by = {(s.arm.sources, s.metric): s for s in found.speed}
    assert len(by) == len(found.speed) == 12
    assert by["one", "jumpstart"].difference.mean == pytest.approx(0.1)
    assert by["one", "jumpstart"].n == 7
    assert by["one", "jumpstart"].verdict.kind == "better"
    # trapezoids of 0.1, 0.3 and 0.65, the mean of the last scores
    assert by["none", "area"].value == pytest.approx((0.05 + 0.3 + 0.65 / 2) / 2)
    # standalone reaches 0.65 in the four repeats that end at 0.7 or 0.8
    assert (by["none", "epochs"].n_censored, by["none", "epochs"].value) == (4, 2.0)
    assert by["none", "epochs"].verdict is None
    assert by["one", "epochs"].n_censored == 2
    assert 0 < by["one", "epochs"].p_value <= by["one", "epochs"].p_adjusted <= 1
    assert by["one", "epochs"].verdict == Verdict("undecided")
    assert [band.arm.label for band in found.bands] == ["standalone"] + 2 * ["transfer fixed=1"]
    np.testing.assert_allclose(found.bands[0].mean, [0.1, 0.3, 0.65])


@pytest.mark.parametrize(
    ("by_standalone", "by_transfer", "kind"), [(0.2, 0.8, "faster"), (0.8, 0.2, "slower")]
)
def test_who_reaches_the_threshold_first_in_every_run_is_faster(by_standalone, by_transfer, kind):
    spec = design("fixed=1", speed=True, threshold=0.5, questions=("one",))
    grid = scores_of(spec, {})
    curves = {
        arm: np.tile([0.1, height, 0.9], (1, 8, 1))
        for arm, height in zip(spec.arms, (by_standalone, by_transfer), strict=True)
    }
    found = analyse(spec, grid, problem(), curves)
    *_, epochs = found.speed
    # the one at epoch 1, the other at epoch 2
    assert (epochs.metric, epochs.verdict) == ("epochs", Verdict(kind))
    assert {one.value for one in found.speed if one.metric == "epochs"} == {1.0, 2.0}


@pytest.mark.parametrize(
    ("threshold", "ceiling", "expected"),
    [(None, 0.8, 0.76), (None, None, 0.95), (0.3, 0.8, 0.3)],
)
def test_the_default_threshold_is_95_percent_of_the_ceiling(threshold, ceiling, expected):
    spec = design(speed=True, threshold=threshold)
    assert speed_of(spec, ceiling=ceiling).threshold == pytest.approx(expected)


def test_equal_compute_is_left_out_of_the_speed_and_has_its_band():
    found = speed_of(design("equal-compute", speed=True))
    assert {one.arm.label for one in found.speed} == {"standalone"}
    assert [(band.arm.label, len(band.mean)) for band in found.bands] == [
        ("standalone", 3),
        ("equal-compute", 5),
    ]


def test_runs_that_share_a_source_get_no_log_rank_test():
    spec = design("fixed=1", speed=True, nested=(4, 2), questions=("fresh",))
    epochs = [one for one in speed_of(spec, SCORES).speed if one.metric == "epochs"]
    assert [(one.p_value, one.p_adjusted, one.verdict) for one in epochs] == [(None,) * 3] * 2


def test_runs_that_all_failed_have_no_band_and_no_speed():
    spec = design("fixed=1", speed=True, questions=("one",))
    found = speed_of(spec, {("one", "transfer fixed=1"): [None] * 8})
    assert [band.arm.label for band in found.bands] == ["standalone"]
    assert [(one.n, one.value) for one in found.speed[4:]] == [(0, None)] * 4


# ---------------------------------------------------------------- of what was written


@pytest.fixture(scope="module")
def comparison():
    spec = spec_of(8, questions=("one", "fresh"), variants=VARIANTS, speed=True)
    return compare(spec, None, PlannedEngine(varied))


def test_the_findings_of_written_results_are_computed_again_and_the_same(comparison):
    back = from_json("".join(to_json(comparison)).encode(), "r.json")
    assert back.findings == comparison.findings
    for band, other in zip(back.findings.bands, comparison.findings.bands, strict=True):
        np.testing.assert_array_equal(band.mean, other.mean)


def test_another_margin_gives_other_verdicts_and_the_same_differences(comparison):
    back = from_json("".join(to_json(comparison)).encode(), "r.json", margin=0.9)
    assert back.spec.margin == 0.9
    verdicts = {one.verdict for one in back.summary}
    assert verdicts == {None, Verdict("no practical difference", "no")}
    for one, other in zip(back.summary, comparison.summary, strict=True):
        assert one.mean == other.mean
