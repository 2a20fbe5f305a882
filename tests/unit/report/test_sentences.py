"""Sentences: verdicts and numbers of planned findings; `tests/golden/` has their wording."""

from dataclasses import replace

import pytest
from helpers.engines import PlannedEngine
from helpers.running import compare_cell
from helpers.specs import spec_of
from helpers.texts import says_in_order

from blobtransfer.report.cautions import caution_text, short_caution
from blobtransfer.report.kinds.answers import answer, low_run_notes, short_answer
from blobtransfer.report.words import (
    describe_design,
    describe_frozen_layers,
    format_points,
    format_verdict,
    label_of,
    pluralise,
)
from blobtransfer.results.findings import (
    Collapsed,
    FewPairs,
    FewTestRows,
    LookAgain,
    LowAccuracyRuns,
    OneSource,
    Rise,
    SameData,
    StillImproving,
)
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.variant import STANDALONE, parse_variant
from blobtransfer.statistics.paired import Difference, Interval, Verdict

UNDECIDED = Verdict("undecided", "maybe", (90, 120))
ALIKE = Verdict("no practical difference", "no")
BETTER, WORSE = Verdict("better", "yes"), Verdict("worse", "yes")


def results_of(verdicts, n_repeats=30, **changes):
    """Return results of fixed=0, 1 and 2 with given verdicts and means, the rest made up."""
    spec = spec_of(n_repeats, **{"fixed": (0, 1, 2)} | changes)
    results = compare_cell(
        spec, None, PlannedEngine(lambda key, *_: 0.8 + key % 10 / 1000, n_repeats)
    )
    planned = iter(verdicts)
    summary = []
    for one in results.summary:
        if one.difference is not None:
            verdict, mean = next(planned)
            ends = (mean - 0.01, mean + 0.02)
            needed = verdict.repeats_to_decide
            d = Difference(n_repeats, mean, *ends, repeats_needed=needed)
            one = replace(one, difference=d, verdict=verdict)
        summary.append(one)
    return with_summary(results, summary)


def with_summary(results, summary):
    return replace(results, findings=replace(results.findings, summary=tuple(summary)))


def with_all(results, **changes):
    """Change all arms alike."""
    return with_summary(results, [replace(one, **changes) for one in results.summary])


# ---------------------------------------------------------------- answers


MAYBE_WORSE = Verdict("worse", "maybe")


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        (
            [(BETTER, 0.031), (BETTER, 0.04), (WORSE, -0.05)],
            [
                "fixed=0 is better", "3.1", "2.1 to 5.1", "30 repeats", "fixed=1", "4.0",
                "3.0 to 6.0", "fixed=2 is worse", "5.0", "3.0 to 6.0", "30 repeats",
            ],
        ),
        (
            [(ALIKE, 0), (UNDECIDED, 0), (ALIKE, 0)],
            [
                "fixed=0", "fixed=2", "no practical difference", "1 point",
                "fixed=1 is undecided", "90 to 120 repeats", "1 point",
            ],
        ),
        (
            # better than nothing, perhaps by less than the margin
            [(MAYBE_WORSE, -0.021), (MAYBE_WORSE, -0.04), (ALIKE, 0)],
            [
                "fixed=0 is worse", "2.1", "0.1 to 3.1", "negligible", "below 1 point", "fixed=1",
                "4.0", "2.0 to 5.0", "negligible", "fixed=2", "no practical difference",
            ],
        ),
        (
            [(ALIKE, 0), (BETTER, 0.02), (BETTER, 0.02)],
            ["fixed=1 is better", "2.0", "fixed=2", "2.0", "fixed=0", "no practical difference"],
        ),
        (
            [(UNDECIDED, 0)] * 3,
            ["fixed=0", "fixed=1", "fixed=2", "undecided", "90 to 120 repeats", "1 point"],
        ),
        (
            # the slowest of them decides
            [(UNDECIDED, 0), (Verdict("undecided", "maybe", (80, 450)), 0), (ALIKE, 0)],
            [
                "fixed=2", "no practical difference", "fixed=0", "fixed=1", "undecided",
                "80 to 450 repeats",
            ],
        ),
        (
            [(Verdict("undecided", "maybe"), 0), (UNDECIDED, 0), (UNDECIDED, 0)],
            ["fixed=0", "fixed=1", "fixed=2", "undecided", "more repeats"],
        ),
    ],
)  # fmt: skip
def test_the_answer_has_each_verdict_with_its_numbers(verdicts, words):
    text = answer(results_of(verdicts), "one")
    assert text.startswith("One source (this source network): ")
    assert says_in_order(text, *words)
    assert text.count("negligible") == words.count("negligible")


def test_each_question_has_its_answer():
    results = results_of([(UNDECIDED, 0)] * 6, questions=("one", "fresh"))
    assert answer(results, "one").startswith("One source (this source network): ")
    assert answer(results, "fresh").startswith("Fresh sources (a new source network each repeat): ")


def test_without_a_comparison_there_is_no_answer():
    results = results_of([], variants=spec_of().variants[:1])
    assert answer(results, "one") is None


def test_where_most_runs_collapsed_no_number_of_repeats_is_named():
    results = results_of([(UNDECIDED, 0)] * 3)
    summary = list(results.summary)
    summary[0] = replace(summary[0], collapsed=15)
    assert "90 to 120 repeats" in answer(with_summary(results, summary), "one")
    summary[0] = replace(summary[0], collapsed=16)
    text = answer(with_summary(results, summary), "one")
    assert "undecided" in text and "120" not in text


def test_what_no_repeats_decided_is_said_with_their_number():
    results = results_of([(Verdict("undecided", "maybe"), 0)] * 3, until_decided=True)
    assert says_in_order(answer(results, "one"), "undecided", "after 30 repeats")


@pytest.mark.parametrize(
    ("to_decide", "needed", "alike", "words"),
    [
        ((90, 120), (90, 120), (70, 80), ("90 to 120 repeats", "1 point or more")),
        ((90, 90), (90, 90), None, ("about 90 repeats", "1 point or more")),
        # as many as would tell of a difference were made already
        ((90, 120), (20, 30), (90, 120), ("90 to 120 repeats", "no practical difference")),
        ((90, 120), None, (90, 120), ("90 to 120 repeats", "no practical difference")),
        ((90, 120), None, None, ("90 to 120 repeats",)),
    ],
)
def test_it_is_said_what_more_repeats_would_tell(to_decide, needed, alike, words):
    results = results_of([(Verdict("undecided", "maybe", to_decide), 0)] * 3)
    summary = [
        one
        if one.difference is None
        else replace(
            one, difference=replace(one.difference, repeats_needed=needed, repeats_alike=alike)
        )
        for one in results.summary
    ]
    results = with_summary(results, summary)
    text, short = answer(results, "one"), short_answer(results, "one")
    assert says_in_order(text, "undecided", *words)
    for what in ("1 point or more", "no practical difference"):
        assert (what in text) == (what in words)
    # where there is no room, how surely is left out
    clauses = [text.partition(": ")[2] for text in (short, text)]
    assert words[0] in short and len(clauses[0]) < len(clauses[1]) / 2


def test_a_difference_that_would_print_as_0_has_two_digits():
    results = results_of([(BETTER, 0.0003), (WORSE, -0.0004), (ALIKE, 0)])
    summary = list(results.summary)
    ends = ((0.0001, 0.0006), (-0.0007, -0.0002))
    for i, (low, high) in enumerate(ends, 1):
        d = replace(summary[i].difference, ci_low=low, ci_high=high)
        summary[i] = replace(summary[i], difference=d)
    text = answer(with_summary(results, summary), "one")
    assert says_in_order(text, "fixed=0 is better", "0.03", "0.01 to 0.1")
    assert says_in_order(text, "fixed=1 is worse", "0.04", "0.02 to 0.1")


def test_the_short_answer_has_the_clauses_of_the_long_one():
    results = results_of([(BETTER, 0.031), (Verdict("worse", "maybe"), -0.05), (UNDECIDED, 0)])
    assert says_in_order(
        short_answer(results, "one"),
        "fixed=0 gains 3.1", "fixed=1 costs 5.0", "negligible", "fixed=2", "90 to 120 repeats",
    )  # fmt: skip
    alike = results_of([(BETTER, 0.031), (BETTER, 0.04), (ALIKE, 0)])
    assert says_in_order(
        short_answer(alike, "one"), "fixed=0 gains 3.1", "fixed=1 gains 4.0", "fixed=2", ALIKE.kind
    )


def test_nested_designs_are_told_in_sources():
    results = results_of(
        [(UNDECIDED, 0), (BETTER, 0.03), (UNDECIDED, 0)],
        12, questions=("fresh",), nested=(4, 3),
    )  # fmt: skip
    assert says_in_order(answer(results, "fresh"), "4 sources x 3 repeats", "90 to 120 sources")


def test_an_interrupted_nested_design_counts_the_sources_that_are_done():
    results = results_of([(UNDECIDED, 0)] * 3, 12, questions=("fresh",), nested=(4, 3))
    scores = results.scores
    done = replace(
        scores,
        repeats=scores.repeats[:6],
        values=scores.values[:, :, :6],
        classes_predicted=scores.classes_predicted[:, :6],
        is_failed=scores.is_failed[:, :6],
    )
    assert describe_design(replace(results, scores=done, interrupted=True), "fresh") == (
        "2 sources x 3 repeats"
    )


# ---------------------------------------------------------------- cautions


@pytest.mark.parametrize(
    ("caution", "words"),
    [
        (FewPairs(5, "repeats"), ("5 repeats", "--repeats 100")),
        (FewPairs(1, "repeats"), ("1 repeat ", "--repeats 100")),
        (SameData(), ("same problem", "--source-seed")),
        (LookAgain(30), ("repeats", "30", "--until-decided", "--train-seed")),
        (OneSource(), ("one source network", "--sources both")),
        (
            FewTestRows(20, 0.0894, 0.01, 7000),
            ("20 test rows", "8.94 points", "1 point", "--test-samples 7000"),
        ),
    ],
)
def test_a_caution_has_its_numbers_and_the_option_of_the_next_step(caution, words):
    assert says_in_order(caution_text(caution, results_of([(UNDECIDED, 0)] * 3)), *words)


def test_few_sources_are_more_sources_to_try():
    results = results_of([(UNDECIDED, 0)] * 3, 12, questions=("fresh",), nested=(4, 3))
    text = caution_text(FewPairs(4, "sources"), results)
    assert says_in_order(text, "4 sources", "--nested 100 3")


def test_collapsed_variants_are_named_once_whatever_their_sources():
    results = results_of([(UNDECIDED, 0)] * 6, questions=("one", "fresh"))
    standalone, fresh, _, _, one, *_ = results.spec.arms
    text = caution_text(Collapsed((standalone, one, fresh)), results)
    assert says_in_order(text, "standalone", "transfer fixed=0", "--learning-rate", "--epochs")
    assert text.count("transfer") == 1


@pytest.mark.parametrize("changes", [{}, {"questions": ("fresh",), "nested": (4, 3)}])
def test_another_look_is_at_more_of_what_was_counted(changes):
    text = caution_text(LookAgain(12), results_of([(UNDECIDED, 0)] * 3, 12, **changes))
    unit = "sources" if changes else "repeats"
    assert says_in_order(text, unit, "12", f"add {unit}", "--train-seed")
    assert ("--until-decided" in text) == (not changes)


def test_every_caution_is_said_shortly_with_what_to_type():
    results = results_of([(UNDECIDED, 0)] * 3)
    cautions = [
        FewPairs(5, "repeats"), OneSource(), SameData(), LookAgain(30),
        Collapsed(results.spec.arms), FewTestRows(20, 0.0894, 0.01, 7000),
    ]  # fmt: skip
    for caution in cautions:
        text = short_caution(caution, results)
        assert "--" in text
        assert len(text) <= 90


@pytest.mark.parametrize(
    ("changes", "has_source_epochs", "has_budget"),
    [({}, False, True), ({"source_epochs": 9}, True, False)],
)
def test_longer_training_is_advised_by_settings_that_go_together(
    changes, has_source_epochs, has_budget
):
    results = results_of([(UNDECIDED, 0)] * 3, source=BlobsSpec(1), **changes)
    caution = StillImproving((Rise(results.spec.arms[0], 0.02),))
    text = caution_text(caution, results)
    assert says_in_order(text, "2 points", "--over epochs=2,4,8,16")
    assert ("--source-epochs 9" in text) == has_source_epochs
    assert ("--budget updates" in text) == has_budget


# ---------------------------------------------------------------- low runs


def notes_of(low_runs, typical, verdict=UNDECIDED):
    """Return the notes on low runs where fixed=1 has such."""
    results = results_of([(verdict, 0)] * 3)
    summary = list(results.summary)
    difference = replace(summary[2].difference, typical=typical)
    summary[2] = replace(summary[2], low_runs=low_runs, difference=difference)
    return low_run_notes(with_summary(results, summary).summary, results)


@pytest.mark.parametrize(
    ("low_runs", "typical", "words"),
    [
        (
            LowAccuracyRuns(0.12, 0.02, 0.03, 0.18),
            Interval(0.001, -0.003, 0.005),
            ("no practical difference", "per 100 runs, 10 more"),
        ),
        (
            LowAccuracyRuns(0.02, 0.12, -0.18, -0.03),
            Interval(0.01, -0.01, 0.03),
            ("undecided", "per 100 runs, 10 fewer"),
        ),
        (
            LowAccuracyRuns(0.12, 0.02, 0.03, 0.18),
            Interval(0.02, 0.015, 0.03),
            ("better by 2.0", "10 more"),
        ),
        (
            LowAccuracyRuns(0.12, 0.02, 0.03, 0.18),
            Interval(-0.02, -0.03, -0.015),
            ("worse by 2.0", "10 more"),
        ),
        (
            # where one looks again and again, an interval of it would not hold
            LowAccuracyRuns(0.12, 0.02, 0.03, 0.18),
            Interval(-0.02, None, None),
            ("differs by -2.0", "10 more"),
        ),
    ],
)
def test_low_runs_that_are_more_or_fewer_are_told_beside_what_is_typical(low_runs, typical, words):
    (note,) = notes_of(low_runs, typical)
    assert says_in_order(note, "transfer fixed=1: ", *words, "3 to 18")


@pytest.mark.parametrize(
    "low_runs", [LowAccuracyRuns(0.05, 0.02, -0.03, 0.08), LowAccuracyRuns(0.5), None]
)
def test_low_runs_that_may_be_as_many_are_not_spoken_of(low_runs):
    assert notes_of(low_runs, Interval(0.0, -0.001, 0.001)) == []


def test_deaths_are_told_where_the_typical_run_is_as_good():
    def plan(key, first_weight, n_frozen):
        return 0.4 if key % 8 == 0 and n_frozen == 1 else 0.75

    results = compare_cell(spec_of(200, fixed=(0, 1), low=0.3), None, PlannedEngine(plan, 200))
    share = results.summary[2].low_runs.share
    assert 0.05 < share < 0.2
    (note,) = low_run_notes(results.summary, results)
    assert says_in_order(
        note, "transfer fixed=1: ", "no practical", f"per 100 runs, {100 * share:.0f} more"
    )


# ---------------------------------------------------------------- one problem twice


def test_what_starts_from_the_same_problem_is_never_called_transfer():
    variants = (STANDALONE, *map(parse_variant, ("fixed=0", "random-frozen,fixed=1")))
    spec = spec_of(8, variants=variants, source=spec_of().target)
    results = compare_cell(spec, None, PlannedEngine(lambda key, *_: key % 10 / 10))
    assert [label_of(one.arm, results) for one in results.summary] == [
        "standalone", "random-frozen fixed=1", "same problem fixed=0",
    ]  # fmt: skip
    assert "transfer" not in answer(results, "one").replace("(not transfer)", "")
    assert "same problem fixed=0" in answer(results, "one")


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.01, "1 point"), (0.0, "0 points"), (0.005, "0.5 points"), (0.123456, "12.3 points")],
)
def test_points_are_written_as_people_do(share, text):
    assert format_points(share) == text


@pytest.mark.parametrize(("n", "text"), [(1, "1 repeat"), (2, "2 repeats"), (0, "0 repeats")])
def test_one_thing_is_counted_in_the_singular(n, text):
    assert pluralise(n, "repeats") == text


@pytest.mark.parametrize(
    ("n_frozen", "text"), [(1, "first hidden layer frozen"), (2, "first 2 hidden layers frozen")]
)
def test_frozen_layers_are_counted_from_the_first(n_frozen, text):
    assert describe_frozen_layers(n_frozen) == text


@pytest.mark.parametrize(
    ("verdict", "word"), [(None, ""), (UNDECIDED, "undecided"), (ALIKE, "no practical difference")]
)
def test_a_verdict_is_a_word_or_three(verdict, word):
    assert format_verdict(verdict) == word
