"""Sentences: exact words for planned findings."""

from dataclasses import replace

import pytest
from conftest import PlannedEngine
from test_experiment import spec_of

from blobtransfer.experiment.compare import compare
from blobtransfer.report.sentences import answer, count, design, points, warnings
from blobtransfer.results.results import Runs
from blobtransfer.specs.task import TaskSpec
from blobtransfer.statistics.paired import Difference


def results_of(verdicts, n_repeats=30, n_pairs=None, **changes):
    """Give results of fixed=0, 1 and 2 with given verdicts and means, the rest made up."""
    spec = spec_of(n_repeats, fixed=(0, 1, 2), **changes)
    results = compare(spec, None, PlannedEngine(lambda key, *_: 0.8 + key % 10 / 1000, n_repeats))
    summary = list(results.summary)
    places = [i for i, one in enumerate(summary) if one.difference is not None]
    for place, (verdict, mean) in zip(places, verdicts, strict=True):
        d = Difference(
            n_pairs or n_repeats, mean, mean - 0.01, mean + 0.02, 0, 0, 1, 1, 1, 1, 0.01, 120
        )
        summary[place] = replace(summary[place], difference=d, verdict=verdict)
    return replace(results, findings=replace(results.findings, summary=tuple(summary)))


UNDECIDED = "undecided (about 120 repeats would tell)"


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        (
            [("better", 0.031), ("better", 0.04), ("worse", -0.05)],
            "This model: transfer fixed=0 is better than standalone by 3.1 points (95 % interval "
            "2.1 to 5.1, 30 repeats); transfer fixed=1 by 4.0 (3.0 to 6.0); transfer fixed=2 is "
            "worse than standalone by 5.0 points (95 % interval 3.0 to 6.0, 30 repeats)",
        ),
        (
            [("no practical difference", 0), (UNDECIDED, 0), ("no practical difference", 0)],
            "This model: transfer fixed=0 and transfer fixed=2 make no practical difference to "
            "standalone (less than 1 point); transfer fixed=1 is undecided (about 120 repeats "
            "would tell)",
        ),
        (
            [(UNDECIDED, 0)] * 3,
            "This model: transfer fixed=0, transfer fixed=1 and transfer fixed=2 are undecided "
            "(about 120 repeats would tell)",
        ),
    ],
)
def test_the_answer_is_one_sentence_that_says_how_sure_it_is(verdicts, sentence):
    assert answer(results_of(verdicts), "one") == sentence


def test_each_question_has_its_answer():
    results = results_of([(UNDECIDED, 0)] * 6, questions=("one", "fresh"))
    assert answer(results, "one").startswith("This model: ")
    assert answer(results, "fresh").startswith("The method: ")


def test_without_a_comparison_there_is_no_answer():
    results = results_of([], variants=spec_of().variants[:1])
    assert answer(results, "one") is None


def test_warnings_say_the_next_step():
    few, one_source, rows = warnings(results_of([(UNDECIDED, 0)] * 3, n_repeats=5))
    assert few == "with 5 repeats no better or worse is possible; try --repeats 30"
    assert one_source == (
        "one source network: its luck is in no interval; --sources both asks about the method"
    )
    assert rows.startswith("20 test rows: an accuracy has a standard error of ")
    assert rows.endswith("; the answers hold for these rows, try --test-samples 7000")


def test_enough_of_everything_leaves_nothing_to_warn_of():
    target = TaskSpec(2, n_samples=60, n_train=40, n_test=20_000)
    assert (
        warnings(results_of([(UNDECIDED, 0)] * 6, questions=("one", "fresh"), target=target)) == []
    )


@pytest.mark.parametrize(
    ("n_repeats", "n_variants", "line"),
    [
        # 2 / 2^6 = 0.031 alone, 0.094 after Holm over three
        (6, 3, "with 6 repeats and 3 variants no better or worse is possible; try --repeats 30"),
        (6, 1, "with 6 repeats the intervals are rough; try --repeats 30"),
        (8, 3, "with 8 repeats the intervals are rough; try --repeats 30"),
        (10, 3, None),
    ],
)
def test_too_few_repeats_for_so_many_variants_are_said(n_repeats, n_variants, line):
    results = results_of([(UNDECIDED, 0)] * 3, n_repeats)
    kept = results.summary[: 1 + n_variants]
    results = replace(results, findings=replace(results.findings, summary=kept))
    assert [w for w in warnings(results) if w.startswith("with ")] == ([line] if line else [])


def test_pairs_lost_to_failed_runs_are_told():
    results = results_of([("better", 0.03), (UNDECIDED, 0), (UNDECIDED, 0)], 30, n_pairs=8)
    summary = tuple(replace(one, failed=22) for one in results.summary)
    results = replace(results, findings=replace(results.findings, summary=summary))
    assert "8 of 30 repeats without a failed run" in answer(results, "one")
    assert warnings(results)[0] == (
        "with 8 repeats the intervals are rough; try a smaller --learning-rate"
    )


def test_networks_that_are_nearly_all_dead_leave_little_to_compare():
    results = results_of([(UNDECIDED, 0)] * 3)
    summary = tuple(replace(one, collapsed=16) for one in results.summary)
    results = replace(results, findings=replace(results.findings, summary=summary))
    assert any("there is little to compare" in line for line in warnings(results))


def test_where_low_runs_may_have_been_missed_repeats_needed_are_a_lower_bound():
    results = results_of([(UNDECIDED, 0)] * 3)
    summary = tuple(replace(one, low_runs=1) for one in results.summary)
    low = replace(results, findings=replace(results.findings, summary=summary))
    assert "(about 120 repeats would tell)" in answer(results, "one")
    assert "(at least 120 repeats would tell)" in answer(low, "one")


def test_an_interrupted_nested_design_counts_the_sources_that_are_done():
    results = results_of([(UNDECIDED, 0)] * 3, 12, 2, questions=("fresh",), nested=(4, 3))
    done = Runs(run for run in results.runs if run.repeat < 6)
    results = replace(results, runs=done, interrupted=True)
    assert design(results, "fresh") == "2 sources x 3 repeats"
    assert warnings(results)[0].startswith("with 2 sources ")


def test_a_few_low_runs_are_named_where_they_make_the_spread():
    def plan(key, first_weight, n_frozen):
        return 0.4 if key % 20 == 0 and n_frozen == 1 else 0.8

    results = compare(spec_of(60, fixed=(0, 1)), None, PlannedEngine(plan, 60))
    n_low = results.summary[2].low_runs
    assert n_low == sum(a < 0.5 for a in results.test_accuracies(results.summary[2])) > 0
    (line,) = [line for line in warnings(results) if "low runs" in line]
    assert line == (
        f"a few low runs make most of the spread of transfer fixed=1 ({n_low} of 60, this model); "
        "look at the medians, and try --repeats 600"
    )


def test_nested_designs_are_told_in_sources():
    results = results_of([(UNDECIDED, 0)] * 3, 12, 4, questions=("fresh",), nested=(4, 3))
    assert "(about 120 sources would tell)" in answer(results, "fresh")
    assert warnings(results)[0] == (
        "with 4 sources no better or worse is possible; try --nested 30 3"
    )


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.01, "1 point"), (0.0, "0 points"), (0.005, "0.5 points"), (0.123456, "12.3 points")],
)
def test_points_are_written_as_people_do(share, text):
    assert points(share) == text
    assert (count(1, "repeats"), count(2, "repeats")) == ("1 repeat", "2 repeats")
