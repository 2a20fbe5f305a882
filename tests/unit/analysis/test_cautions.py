"""What makes results less sure than they look, from planned summaries."""

from dataclasses import replace

import pytest
from helpers.engines import PlannedEngine
from helpers.running import compare_cell
from helpers.specs import spec_of

from blobtransfer.analysis.cautions import cautions_of, large_class_cautions
from blobtransfer.results.findings import (
    Collapsed,
    FewPairs,
    FewTestRows,
    LargeClass,
    LookAgain,
    OneSource,
    SameData,
)
from blobtransfer.results.results import DataRecord
from blobtransfer.results.study_findings import StudyCaution
from blobtransfer.statistics.paired import Verdict

MANY_ROWS = DataRecord("target", "problem 2", 500, 10**6, 0.9, 1 / 3)
FEW_ROWS = replace(MANY_ROWS, n_test=20)

ALIKE, UNDECIDED = Verdict("no practical difference", "no"), Verdict("undecided")


def summary_of(spec, accuracy=0.8, n_pairs=None, verdict=ALIKE, **changes):
    """Return the summary of a comparison, with the same changes to each of its arms."""
    results = compare_cell(spec, None, PlannedEngine(lambda key, *_: 0.8 + key % 10 / 1000, 1000))
    return [
        replace(
            one,
            mean=accuracy,
            verdict=one.difference and verdict,
            difference=one.difference and replace(one.difference, n=n_pairs or one.difference.n),
            **changes,
        )
        for one in results.summary
    ]


def both(n_repeats=30, fixed=(0, 2), **changes):
    return spec_of(n_repeats, fixed, **{"questions": ("one", "fresh")} | changes)


def test_enough_of_everything_is_no_reason_for_caution():
    spec = both()
    assert cautions_of(spec, 30, MANY_ROWS, summary_of(spec)) == ()


@pytest.mark.parametrize(("n_pairs", "is_few"), [(0, True), (5, True), (6, False), (30, False)])
def test_fewer_than_six_pairs_decide_nothing(n_pairs, is_few):
    spec = both()
    summary = [
        replace(one, difference=one.difference and replace(one.difference, n=n_pairs))
        for one in summary_of(spec)
    ]
    expected = (FewPairs(n_pairs, "repeats"),) if is_few else ()
    assert cautions_of(spec, 30, MANY_ROWS, summary) == expected


def test_sources_are_what_is_few_where_the_design_is_nested():
    spec = both(12, nested=(4, 3))
    assert cautions_of(spec, 12, MANY_ROWS, summary_of(spec)) == (FewPairs(4, "sources"),)


def test_what_holds_for_both_questions_is_said_once():
    spec = both(5)
    (caution,) = cautions_of(spec, 5, MANY_ROWS, summary_of(spec))
    assert caution.n == 5


def test_one_source_has_a_caution_that_fresh_sources_do_not_need():
    spec = both(questions=("one",))
    assert cautions_of(spec, 30, MANY_ROWS, summary_of(spec)) == (OneSource(),)
    fresh = both(questions=("fresh",))
    assert cautions_of(fresh, 30, MANY_ROWS, summary_of(fresh)) == ()


def test_source_and_target_that_are_one_problem_are_no_transfer():
    spec = both()
    same = replace(spec, source=spec.target)
    assert cautions_of(same, 30, MANY_ROWS, summary_of(same)) == (SameData(),)
    # of a model of a file it is not known
    given = replace(spec, source=None, questions=("one",))
    summary = summary_of(replace(spec, questions=("one",)))
    assert cautions_of(given, 30, MANY_ROWS, summary) == (OneSource(),)


def test_a_second_look_at_what_is_undecided_needs_other_repeats():
    spec = both()
    undecided = summary_of(spec, verdict=UNDECIDED)
    assert cautions_of(spec, 30, MANY_ROWS, undecided) == (LookAgain(30),)
    assert cautions_of(replace(spec, until_decided=True), 30, MANY_ROWS, undecided) == ()


def test_where_most_runs_collapsed_no_second_look_is_spoken_of():
    spec = both()
    (caution,) = cautions_of(spec, 30, MANY_ROWS, summary_of(spec, verdict=UNDECIDED, collapsed=16))
    assert isinstance(caution, Collapsed)


@pytest.mark.parametrize(("collapsed", "is_most"), [(15, False), (16, True)])
def test_arms_are_collapsed_where_most_of_their_runs_are(collapsed, is_most):
    spec = both()
    summary = summary_of(spec)
    summary[1] = replace(summary[1], collapsed=collapsed)
    expected = (Collapsed((summary[1].arm,)),) if is_most else ()
    assert cautions_of(spec, 30, MANY_ROWS, summary) == expected


def test_cautions_that_are_always_reported_come_first():
    spec = both(5, questions=("one",))
    cautions = cautions_of(spec, 5, FEW_ROWS, summary_of(spec, collapsed=5), n_mixed=2)
    assert len(cautions) > 3
    are_first = [caution.is_always_reported for caution in cautions]
    assert are_first == [True] + [False] * (len(cautions) - 1)
    assert isinstance(cautions[0], Collapsed)
    of_cells = [StudyCaution("in cells", 3, caution).is_always_reported for caution in cautions]
    assert of_cells == are_first
    assert not StudyCaution("shared problems", 4).is_always_reported


@pytest.mark.parametrize(("n_test", "is_few"), [(6_399, True), (6_401, False)])
def test_test_rows_are_few_where_their_standard_error_is_over_half_the_margin(n_test, is_few):
    # sqrt(0.8 * 0.2 / n) is 0.005 for n = 6,400
    spec = both()
    found = cautions_of(spec, 30, replace(MANY_ROWS, n_test=n_test), summary_of(spec))
    if is_few:
        error = pytest.approx(0.005, rel=1e-3)
        assert found == (FewTestRows(n_test, error, 0.01, n_enough=7_000),)
    else:
        assert found == ()


def test_a_rare_class_makes_balanced_accuracies_as_uncertain_as_few_rows():
    # sum(1 / n_k) / 2^2 of 10,000 and 100 rows is 1 / 396.04
    rows = replace(MANY_ROWS, n_test=10_100, test_class_counts=(10_000, 100, 0))
    assert cautions_of(both(), 30, rows, summary_of(both())) == ()
    spec = both(metric="balanced-accuracy")
    (caution,) = cautions_of(spec, 30, rows, summary_of(spec))
    assert caution.standard_error == pytest.approx((0.8 * 0.2 / 396.04) ** 0.5, rel=1e-3)


@pytest.mark.parametrize(
    ("metric", "share", "expected"),
    [
        ("accuracy", 0.81, (LargeClass(0.81),)),
        ("accuracy", 0.8, ()),
        ("balanced-accuracy", 0.5, ()),
    ],
)
def test_accuracy_says_little_if_one_class_holds_over_four_fifths_of_the_test_rows(
    metric, share, expected
):
    record = replace(MANY_ROWS, floor=share)
    assert large_class_cautions(both(metric=metric), record) == expected


def test_without_a_margin_no_number_of_test_rows_is_enough_and_none_is_asked_for():
    spec = both(margin=0.0)
    assert cautions_of(spec, 30, FEW_ROWS, summary_of(spec)) == ()


def test_runs_that_all_failed_leave_little_to_compare_and_decide_nothing():
    spec = both()
    results = compare_cell(spec, None, PlannedEngine(lambda *_: float("nan"), 30))
    (caution,) = cautions_of(spec, 30, MANY_ROWS, results.summary)
    assert caution == Collapsed(spec.arms)
    assert {one.verdict.kind for one in results.summary if one.verdict} == {"undecided"}
