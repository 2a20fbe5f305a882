"""Sentences: exact words for planned findings."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.engines import PlannedEngine
from helpers.specs import spec_of

from blobtransfer.experiment.compare import compare
from blobtransfer.report.sentences import (
    answer,
    caution_text,
    count,
    design,
    frozen_words,
    points,
    verdict_word,
)
from blobtransfer.results.findings import (
    Collapsed,
    FewPairs,
    FewTestRows,
    LowRuns,
    OneSource,
)
from blobtransfer.statistics.paired import NO_DIFFERENCE, Difference, Verdict

UNDECIDED = Verdict("undecided", "maybe", (120, 120))
ALIKE = Verdict("no practical difference", "no")
BETTER, WORSE = Verdict("better", "yes"), Verdict("worse", "yes")


def results_of(verdicts, n_repeats=30, n_pairs=None, **changes):
    """Give results of fixed=0, 1 and 2 with given verdicts and means, the rest made up."""
    spec = spec_of(n_repeats, **{"fixed": (0, 1, 2)} | changes)
    results = compare(spec, None, PlannedEngine(lambda key, *_: 0.8 + key % 10 / 1000, n_repeats))
    planned = iter(verdicts)
    summary = []
    for one in results.summary:
        if one.difference is not None:
            verdict, mean = next(planned)
            ends = (mean - 0.01, mean + 0.02)
            d = Difference(n_pairs or n_repeats, mean, *ends, 0, 0, 1, 1, 1, 1, 0.01, 120)
            one = replace(one, difference=d, verdict=verdict)
        summary.append(one)
    return with_summary(results, summary)


def with_summary(results, summary):
    return replace(results, findings=replace(results.findings, summary=tuple(summary)))


def with_all(results, **changes):
    """Change all arms alike."""
    return with_summary(results, [replace(one, **changes) for one in results.summary])


# ---------------------------------------------------------------- answers


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        (
            [(BETTER, 0.031), (BETTER, 0.04), (WORSE, -0.05)],
            "This model: transfer fixed=0 is better than standalone by 3.1 points (95 % interval "
            "2.1 to 5.1, 30 repeats); transfer fixed=1 by 4.0 (3.0 to 6.0); transfer fixed=2 is "
            "worse than standalone by 5.0 points (95 % interval 3.0 to 6.0, 30 repeats)",
        ),
        (
            [(ALIKE, 0), (UNDECIDED, 0), (ALIKE, 0)],
            "This model: transfer fixed=0 and transfer fixed=2 make no practical difference to "
            "standalone (less than 1 point); transfer fixed=1 is undecided (about 120 repeats "
            "would tell)",
        ),
        (
            [(ALIKE, 0), (BETTER, 0.02), (BETTER, 0.02)],
            "This model: transfer fixed=1 is better than standalone by 2.0 points (95 % interval "
            "1.0 to 4.0, 30 repeats); transfer fixed=2 by 2.0 (1.0 to 4.0); transfer fixed=0 "
            "makes no practical difference to standalone (less than 1 point)",
        ),
        (
            [(UNDECIDED, 0)] * 3,
            "This model: transfer fixed=0, transfer fixed=1 and transfer fixed=2 are undecided "
            "(about 120 repeats would tell)",
        ),
        (
            # the slowest of them decides
            [(UNDECIDED, 0), (Verdict("undecided", "maybe", (90, 450)), 0), (ALIKE, 0)],
            "This model: transfer fixed=2 makes no practical difference to standalone (less than "
            "1 point); transfer fixed=0 and transfer fixed=1 are undecided (about 450 repeats "
            "would tell)",
        ),
        (
            [(Verdict("undecided", "maybe"), 0), (UNDECIDED, 0), (UNDECIDED, 0)],
            "This model: transfer fixed=0, transfer fixed=1 and transfer fixed=2 are undecided "
            "(more repeats would tell)",
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


def test_where_every_pair_has_a_failed_run_no_number_of_repeats_would_tell():
    results = results_of([(Verdict("undecided"), 0)] * 3)
    failed = with_summary(
        results,
        [replace(one, difference=one.difference and NO_DIFFERENCE) for one in results.summary],
    )
    assert "are undecided (every pair has a failed run)" in answer(failed, "one")


def test_pairs_lost_to_failed_runs_are_told():
    results = results_of([(BETTER, 0.03), (UNDECIDED, 0), (UNDECIDED, 0)], n_pairs=8)
    assert "8 of 30 repeats without a failed run" in answer(results, "one")


def test_where_low_runs_may_have_been_missed_repeats_needed_are_a_lower_bound():
    results = results_of([(UNDECIDED, 0)] * 3)
    assert "(about 120 repeats would tell)" in answer(results, "one")
    low = with_all(results, low_runs=1)
    assert "(at least 120 repeats would tell)" in answer(low, "one")


def test_nested_designs_are_told_in_sources():
    results = results_of(
        [(UNDECIDED, 0), (BETTER, 0.03), (UNDECIDED, 0)],
        12, 4, questions=("fresh",), nested=(4, 3),
    )  # fmt: skip
    assert "(about 120 sources would tell)" in answer(results, "fresh")
    assert "4 sources x 3 repeats)" in answer(results, "fresh")


def test_an_interrupted_nested_design_counts_the_sources_that_are_done():
    results = results_of([(UNDECIDED, 0)] * 3, 12, 2, questions=("fresh",), nested=(4, 3))
    scores = results.scores
    done = replace(
        scores,
        repeats=scores.repeats[:6],
        values=scores.values[:, :, :6],
        classes_predicted=scores.classes_predicted[:, :6],
        is_failed=scores.is_failed[:, :6],
    )
    assert design(replace(results, scores=done, interrupted=True), "fresh") == (
        "2 sources x 3 repeats"
    )


# ---------------------------------------------------------------- cautions


@pytest.mark.parametrize(
    ("caution", "line"),
    [
        (
            FewPairs(5, "repeats", 3, can_decide=False, has_failures=False),
            "with 5 repeats no better or worse is possible; try --repeats 30",
        ),
        (
            FewPairs(6, "repeats", 3, can_decide=False, has_failures=False),
            "with 6 repeats and 3 variants no better or worse is possible; try --repeats 30",
        ),
        (
            FewPairs(8, "repeats", 3, can_decide=True, has_failures=False),
            "with 8 repeats the intervals are rough; try --repeats 30",
        ),
        (
            FewPairs(8, "repeats", 3, can_decide=True, has_failures=True),
            "with 8 repeats the intervals are rough; try a smaller --learning-rate",
        ),
        (
            FewPairs(1, "repeats", 1, can_decide=False, has_failures=False),
            "with 1 repeat no better or worse is possible; try --repeats 30",
        ),
        (
            OneSource(),
            "one source network: its luck is in no interval; --sources both asks about the method",
        ),
        (
            FewTestRows(20, 0.0894, 0.01, 7000),
            "20 test rows: an accuracy has a standard error of 8.94 points for new rows, the "
            "margin is 1 point; the answers hold for these rows, try --test-samples 7000",
        ),
    ],
)
def test_a_caution_says_what_is_unsure_and_the_next_step(caution, line):
    assert caution_text(caution, results_of([(UNDECIDED, 0)] * 3)) == line


def test_few_sources_are_more_sources_to_try():
    results = results_of([(UNDECIDED, 0)] * 3, 12, questions=("fresh",), nested=(4, 3))
    caution = FewPairs(4, "sources", 3, can_decide=False, has_failures=False)
    assert caution_text(caution, results) == (
        "with 4 sources no better or worse is possible; try --nested 30 3"
    )


def test_collapsed_variants_are_named_once_whatever_their_sources():
    results = results_of([(UNDECIDED, 0)] * 6, questions=("one", "fresh"))
    standalone, one, _, _, fresh, *_ = results.spec.arms
    assert caution_text(Collapsed((standalone, one, fresh)), results) == (
        "most runs never predict one of the classes (standalone and transfer fixed=0): there is "
        "little to compare; try a smaller --learning-rate, or wider --hidden layers"
    )


@pytest.mark.parametrize(("n_repeats", "more"), [(30, ", and try --repeats 300"), (1_000, "")])
def test_low_runs_are_counted_and_more_repeats_asked_for_where_they_help(n_repeats, more):
    results = results_of([(UNDECIDED, 0)] * 3)
    arm = results.summary[2].arm
    summary = list(results.summary)
    summary[2] = replace(summary[2], low_runs=3, n=29, collapsed=2)
    assert caution_text(LowRuns((arm,), n_repeats), with_summary(results, summary)) == (
        "a few low runs make most of the spread of transfer fixed=1 (3 of 29, this model, "
        f"2 collapsed); look at the medians{more}"
    )


def test_a_few_low_runs_are_found_and_named_where_they_make_the_spread():
    def plan(key, first_weight, n_frozen):
        return 0.4 if key % 20 == 0 and n_frozen == 1 else 0.8

    results = compare(spec_of(60, fixed=(0, 1)), None, PlannedEngine(plan, 60))
    low = results.summary[2]
    assert low.low_runs == np.sum(results.scores.test_accuracy(low.arm) < 0.5) > 0
    (caution,) = (one for one in results.findings.cautions if isinstance(one, LowRuns))
    assert caution_text(caution, results) == (
        f"a few low runs make most of the spread of transfer fixed=1 ({low.low_runs} of 60, "
        "this model); look at the medians, and try --repeats 600"
    )


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.01, "1 point"), (0.0, "0 points"), (0.005, "0.5 points"), (0.123456, "12.3 points")],
)
def test_points_are_written_as_people_do(share, text):
    assert points(share) == text


@pytest.mark.parametrize(("n", "text"), [(1, "1 repeat"), (2, "2 repeats"), (0, "0 repeats")])
def test_one_thing_is_counted_in_the_singular(n, text):
    assert count(n, "repeats") == text


@pytest.mark.parametrize(
    ("n_frozen", "text"),
    [(1, "first hidden layer frozen"), (2, "first 2 hidden layers frozen")],
)
def test_frozen_layers_are_counted_from_the_first(n_frozen, text):
    assert frozen_words(n_frozen) == text


@pytest.mark.parametrize(
    ("verdict", "word"),
    [(None, ""), (UNDECIDED, "undecided"), (ALIKE, "no practical difference")],
)
def test_a_verdict_is_a_word_or_three(verdict, word):
    assert verdict_word(verdict) == word
