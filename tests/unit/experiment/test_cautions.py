"""What makes results less sure than they look, from planned summaries."""

from dataclasses import replace

import pytest
from helpers.engines import PlannedEngine
from helpers.specs import spec_of

from blobtransfer.experiment.cautions import cautions_of
from blobtransfer.experiment.compare import compare
from blobtransfer.results.findings import Collapsed, FewPairs, FewTestRows, LowRuns, OneSource

MANY_ROWS = 10**6


def summary_of(spec, accuracy=0.8, n_pairs=None, **changes):
    """Give the summary of a comparison, with the same changes to each of its arms."""
    results = compare(spec, None, PlannedEngine(lambda key, *_: 0.8 + key % 10 / 1000, 1000))
    return [
        replace(
            one,
            mean=accuracy,
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


@pytest.mark.parametrize(
    ("n_pairs", "fixed", "can_decide"),
    [
        (5, (0,), False),  # 2 / 2^5 = 0.0625
        (6, (0,), True),  # 0.031
        (6, (0, 1, 2), False),  # 0.094 after Holm over three
        (7, (0, 1, 2), True),  # 0.047
        (9, (0, 1, 2), True),
    ],
)
def test_few_pairs_can_decide_where_the_least_p_after_holm_is_below_5_percent(
    n_pairs, fixed, can_decide
):
    spec = both(fixed=fixed)
    (caution,) = cautions_of(spec, 30, MANY_ROWS, summary_of(spec, n_pairs=n_pairs))
    assert caution == FewPairs(n_pairs, "repeats", len(fixed), can_decide, has_failures=False)


@pytest.mark.parametrize(
    ("n_pairs", "fixed", "is_few"),
    [(10, (0, 1, 2), False), (9, (0,), True)],
)
def test_ten_pairs_are_no_longer_few(n_pairs, fixed, is_few):
    spec = both(fixed=fixed)
    assert bool(cautions_of(spec, 30, MANY_ROWS, summary_of(spec, n_pairs=n_pairs))) == is_few


def test_failed_runs_are_named_where_they_made_the_pairs_few():
    spec = both()
    (caution,) = cautions_of(spec, 30, MANY_ROWS, summary_of(spec, n_pairs=8, failed=22))
    assert caution == FewPairs(8, "repeats", 2, can_decide=True, has_failures=True)


def test_sources_are_what_is_few_where_the_design_is_nested():
    spec = both(12, nested=(4, 3))
    (caution,) = cautions_of(spec, 12, MANY_ROWS, summary_of(spec))
    # 2 variants x 2 / 2^4 = 0.25
    assert caution == FewPairs(4, "sources", 2, can_decide=False, has_failures=False)


def test_what_holds_for_both_questions_is_said_once():
    spec = both(5)
    (caution,) = cautions_of(spec, 5, MANY_ROWS, summary_of(spec))
    assert caution.n == 5


def test_one_source_tells_nothing_of_the_method():
    spec = both(questions=("one",))
    assert cautions_of(spec, 30, MANY_ROWS, summary_of(spec)) == (OneSource(),)
    fresh = both(questions=("fresh",))
    assert cautions_of(fresh, 30, MANY_ROWS, summary_of(fresh)) == ()


def test_low_runs_matter_where_the_spread_is_more_than_the_margin():
    spec = both()
    summary = summary_of(spec, std=0.02)
    summary[2] = replace(summary[2], low_runs=3)
    assert cautions_of(spec, 30, MANY_ROWS, summary) == (LowRuns((summary[2].arm,), 30),)
    assert cautions_of(replace(spec, margin=0.03), 30, MANY_ROWS, summary) == ()


@pytest.mark.parametrize(("collapsed", "is_most"), [(15, False), (16, True)])
def test_arms_are_collapsed_where_most_of_their_runs_are(collapsed, is_most):
    spec = both()
    summary = summary_of(spec)
    summary[1] = replace(summary[1], collapsed=collapsed)
    expected = (Collapsed((summary[1].arm,)),) if is_most else ()
    assert cautions_of(spec, 30, MANY_ROWS, summary) == expected


@pytest.mark.parametrize(("n_test", "is_few"), [(6_399, True), (6_401, False)])
def test_test_rows_are_few_where_their_standard_error_is_over_half_the_margin(n_test, is_few):
    # sqrt(0.8 * 0.2 / n) is 0.005 for n = 6,400
    spec = both()
    found = cautions_of(spec, 30, n_test, summary_of(spec))
    if is_few:
        error = pytest.approx(0.005, rel=1e-3)
        assert found == (FewTestRows(n_test, error, 0.01, n_enough=7_000),)
    else:
        assert found == ()


def test_without_a_margin_no_number_of_test_rows_is_enough_and_none_is_asked_for():
    spec = both(margin=0.0)
    assert cautions_of(spec, 30, 20, summary_of(spec)) == ()


def test_runs_that_all_failed_leave_few_pairs_and_no_accuracy_to_doubt():
    spec = both()
    results = compare(spec, None, PlannedEngine(lambda *_: float("nan"), 30))
    assert cautions_of(spec, 30, 20, results.summary) == (
        FewPairs(0, "repeats", 2, can_decide=False, has_failures=True),
    )
