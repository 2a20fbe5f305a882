"""From runs to findings: pairing, failed runs, and what is adjusted together."""

import numpy as np
import pytest

from blobtransfer.experiment.analyse import analyse
from blobtransfer.results.results import Curve, Run, Runs
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.specs.variant import STANDALONE, parse_variant
from blobtransfer.statistics.paired import holm

SCORES = {
    # by arm: test accuracy by repeat; None is a failed run
    ("none", "standalone", None): [0.5, 0.6, 0.7, 0.8, 0.5, 0.6, 0.7, 0.8],
    ("none", "random-frozen", 1): [0.4, 0.5, 0.6, 0.7, 0.4, 0.5, 0.6, 0.75],
    ("one", "transfer", 1): [0.6, 0.7, 0.8, 0.9, 0.6, 0.7, None, 0.9],
    ("fresh", "transfer", 1): [0.5, 0.7, 0.7, 0.8, 0.4, 0.6, 0.7, 0.85],
}


def spec_of(texts=("random-frozen,fixed=1", "fixed=1"), **changes):
    settings = {
        "network": MLPSpec(),
        "training": TrainingSpec(epochs=2),
        "variants": (STANDALONE, *map(parse_variant, texts)),
        "n_repeats": 8,
    } | changes
    return ExperimentSpec(**settings)


def runs_of(scores, n_classes_seen=3):
    return Runs(
        Run(*arm, repeat, a, a, a, a, n_classes_seen, "failed" if a is None else "ok")
        for repeat in range(8)
        for arm, row in scores.items()
        for a in [row[repeat]]
    )


@pytest.fixture
def findings():
    return analyse(spec_of(), runs_of(SCORES), ceiling=0.9)


def of(findings, sources, variant):
    return next(s for s in findings.summary if (s.sources, s.variant) == (sources, variant))


def test_every_arm_has_a_summary_and_all_but_standalone_a_difference(findings):
    labels = [(s.sources, s.label) for s in findings.summary]
    assert labels == [
        ("none", "standalone"),
        ("none", "random-frozen fixed=1"),
        ("one", "transfer fixed=1"),
        ("fresh", "transfer fixed=1"),
    ]
    assert findings.summary[0].difference is None and findings.summary[0].verdict is None
    assert all(s.difference is not None for s in findings.summary[1:])


def test_a_pair_with_a_failed_run_is_left_out_and_the_failure_counted(findings):
    one = of(findings, "one", "transfer")
    assert (one.n, one.failed, one.difference.n) == (7, 1, 7)
    assert one.difference.mean == pytest.approx(0.1)
    assert one.verdict == "better"
    assert one.gap == pytest.approx(0.9 - np.mean([0.6, 0.7, 0.8, 0.9, 0.6, 0.7, 0.9]))


def test_p_is_adjusted_within_each_question_and_a_control_takes_the_larger(findings):
    control, one, fresh = findings.summary[1:]
    p_control, p_one, p_fresh = (s.difference.p_value for s in (control, one, fresh))
    assert one.difference.p_adjusted == holm([p_control, p_one])[1]
    assert fresh.difference.p_adjusted == holm([p_control, p_fresh])[1]
    expected = max(holm([p_control, p_one])[0], holm([p_control, p_fresh])[0])
    assert control.difference.p_adjusted == expected


def test_controls_tell_what_freezing_costs_and_what_the_source_brings(findings):
    told = {(c.question, c.tells): c.difference.mean for c in findings.contrasts}
    assert told == {
        ("one", "freezing"): pytest.approx(-0.09375),
        ("one", "weights"): pytest.approx((7 * 0.2 - 0.05) / 7),
        ("fresh", "freezing"): pytest.approx(-0.09375),
        ("fresh", "weights"): pytest.approx(np.mean([0.1, 0.2, 0.1, 0.1, 0.0, 0.1, 0.1, 0.1])),
    }


@pytest.mark.parametrize(
    ("texts", "variant"),
    [
        (("random-frozen,fixed=1", "reinit=2,fixed=1"), "reinit=2 fixed=1"),
        (("random-frozen,fixed=2", "new-head,fixed=2"), "new-head fixed=2"),
        (("random-frozen,fixed=1", "new-head,fixed=1"), None),
        (("random-frozen,fixed=1", "self-transfer,reinit=2,fixed=1"), None),
    ],
)
def test_features_are_told_alone_where_all_layers_above_are_fresh_on_both_sides(texts, variant):
    spec = spec_of(texts, questions=("one",))
    scores = {tuple(arm.label_fields.values()): [0.5] * 8 for arm in spec.arms}
    found = analyse(spec, runs_of(scores), 0.9)
    assert [c.variant for c in found.contrasts if c.tells == "features"] == (
        [variant] if variant else []
    )


def test_a_control_without_a_source_is_compared_run_by_run_in_a_nested_design_too():
    spec = spec_of(("random-frozen,fixed=1",), nested=(4, 2), questions=("fresh",))
    scores = {key: SCORES[key] for key in list(SCORES)[:2]}
    found = analyse(spec, runs_of(scores), 0.9)
    (contrast,) = found.contrasts
    assert contrast.difference.n == found.summary[1].difference.n == 8
    assert contrast.difference.ci_low == found.summary[1].difference.ci_low


def test_runs_that_share_a_source_get_no_log_rank_test():
    spec = spec_of(("fixed=1",), speed=True, nested=(4, 2), questions=("fresh",))
    scores = {k: v for k, v in SCORES.items() if k[1] != "random-frozen" and k[0] != "one"}
    curves = [
        Curve(*arm, repeat, np.array([0.1, 0.3, a]))
        for arm, row in scores.items()
        for repeat, a in enumerate(row)
    ]
    epochs = [s for s in analyse(spec, runs_of(scores), 0.9, curves).speed if s.figure == "epochs"]
    assert [(s.p_value, s.verdict) for s in epochs] == [(None, None)] * 2


def test_all_controls_are_compared_with_what_they_explain():
    texts = ("fixed=0", "fixed=1", "self-transfer,fixed=1", "equal-compute")
    spec = spec_of(texts, questions=("one",))
    scores = {tuple(arm.label_fields.values()): [0.5] * 8 for arm in spec.arms}
    found = analyse(spec, runs_of(scores), 0.9)
    assert [(c.tells, c.variant, c.baseline) for c in found.contrasts] == [
        ("extra epochs", "equal-compute", "standalone"),
        ("beyond extra epochs", "transfer fixed=0", "equal-compute"),
        ("beyond extra epochs", "transfer fixed=1", "equal-compute"),
        ("own features", "self-transfer fixed=1", "standalone"),
        ("other problem", "transfer fixed=1", "self-transfer fixed=1"),
    ]


def test_the_margin_decides_what_matters():
    standalone = SCORES["none", "standalone", None]
    close = SCORES | {("one", "transfer", 1): [a + 0.004 for a in standalone]}
    for margin, verdict in ((0.01, "no practical difference"), (0.001, "better")):
        found = analyse(spec_of(margin=margin), runs_of(close), 0.9)
        assert of(found, "one", "transfer").verdict == verdict


def test_runs_that_all_failed_leave_no_figure_and_a_clear_verdict():
    scores = SCORES | {("one", "transfer", 1): [None] * 8}
    one = of(analyse(spec_of(), runs_of(scores), 0.9), "one", "transfer")
    assert (one.n, one.failed, one.mean, one.gap, one.difference.mean) == (0, 8, None, None, None)
    assert one.verdict == "undecided (every pair has a failed run)"


def test_runs_that_never_predict_a_class_are_counted():
    assert of(analyse(spec_of(), runs_of(SCORES, 2), 0.9), "one", "transfer").collapsed == 7


def test_the_nested_design_has_a_row_of_repeats_for_each_source():
    spec = spec_of(("fixed=1",), nested=(4, 2), questions=("fresh",))
    scores = {k: v for k, v in SCORES.items() if k[1] != "random-frozen" and k[0] != "one"}
    found = of(analyse(spec, runs_of(scores), 0.9), "fresh", "transfer")
    assert found.difference.n == 4
    assert found.source_luck.n_sources == 4
    # rows 0.5 0.7, 0.7 0.8, 0.4 0.6, 0.7 0.85: squared deviations within over 4
    within = (0.02 + 0.005 + 0.02 + 0.01125) / 4
    assert found.source_luck.within_std == pytest.approx(within**0.5)


def test_the_speed_is_measured_and_compared_as_accuracy_is():
    scores = {k: v for k, v in SCORES.items() if k[1] != "random-frozen"}
    curves = [
        Curve(*arm, repeat, np.array([0.1 + 0.1 * (arm[0] == "one"), 0.3, a or np.nan]))
        for arm, row in scores.items()
        for repeat, a in enumerate(row)
    ]
    spec = spec_of(("fixed=1",), speed=True, threshold=0.65)
    found = analyse(spec, runs_of(scores), 0.9, curves)
    assert found.threshold == 0.65
    by = {(s.sources, s.figure): s for s in found.speed}
    assert len(by) == len(found.speed) == 12
    assert by["one", "jumpstart"].difference.mean == pytest.approx(0.1)
    assert by["one", "jumpstart"].n == 7
    assert by["one", "jumpstart"].verdict == "better"
    assert by["none", "area"].value == pytest.approx((0.05 + 0.3 + 0.65 / 2) / 2)
    # standalone reaches 0.65 in the four repeats that end at 0.7 or 0.8
    assert (by["none", "epochs"].n_censored, by["none", "epochs"].value) == (4, 2.0)
    assert by["none", "epochs"].verdict is None
    assert by["one", "epochs"].n_censored == 2
    assert 0 < by["one", "epochs"].p_value <= by["one", "epochs"].p_adjusted <= 1
    assert [band.label for band in found.bands] == ["standalone"] + 2 * ["transfer fixed=1"]
    np.testing.assert_allclose(found.bands[0].mean, [0.1, 0.3, 0.65])


def test_the_default_threshold_is_95_percent_of_the_ceiling():
    scores = {("none", "standalone", None): [0.5] * 8}
    curves = [Curve(*arm, r, np.full(3, 0.5)) for arm in scores for r in range(8)]
    found = analyse(spec_of((), speed=True), runs_of(scores), 0.8, curves)
    assert found.threshold == pytest.approx(0.76)


def test_equal_compute_is_left_out_of_the_speed():
    spec = spec_of(("equal-compute",), speed=True)
    scores = {tuple(arm.label_fields.values()): [0.5] * 8 for arm in spec.arms}
    curves = [
        Curve(*arm, r, np.full(5 if arm[1] == "equal-compute" else 3, 0.5))
        for arm in scores
        for r in range(8)
    ]
    found = analyse(spec, runs_of(scores), 0.9, curves)
    assert {s.variant for s in found.speed} == {"standalone"}
