"""Tables of planned results: their titles, columns, cells and notes."""

import re
from dataclasses import replace

import numpy as np
import pytest
from helpers.engines import PlannedEngine
from helpers.running import analysed_with, compare, with_cell
from helpers.specs import VARIANTS, spec_of, varied
from helpers.texts import says_in_order

from blobtransfer.network import initial_weights
from blobtransfer.report.kinds import build_report
from blobtransfer.report.kinds.texts import secondary_note
from blobtransfer.running.single import train_source, train_target
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.variant import STANDALONE, parse_variant


@pytest.fixture(scope="module")
def results():
    spec = spec_of(8, questions=("one", "fresh"), variants=VARIANTS, speed=True)
    return compare(spec, None, PlannedEngine(varied))


@pytest.fixture(scope="module")
def nested():
    spec = spec_of(8, questions=("one", "fresh"), nested=(4, 2), speed=True)
    return compare(spec, None, PlannedEngine(lambda key, *_: key % 100 / 100))


def reported(results):
    """Return the tables as they are printed."""
    return build_report(results).for_printing(full=True, is_explained=False).tables


def without_ceiling(results):
    """Return the same results of problems whose best possible accuracy is not known."""
    tasks = tuple(replace(data, ceiling=None) for data in results.cells[0].tasks)
    return analysed_with(results, tasks=tasks)


def text_in(tables):
    """Return all that tables say."""
    return [
        text
        for table in tables
        for text in (table.title, *table.columns, *sum(table.rows, ()), *table.notes,
                     table.sentence or "")
    ]  # fmt: skip


# ---------------------------------------------------------------- of a comparison


def test_a_report_has_both_questions_then_controls_then_speed(results):
    titles = [table.title for table in reported(results)]
    assert [re.split("[:(]", title)[0].strip() for title in titles] == [
        "Fresh sources",
        "One source",
        "Worst and best cases",
        "What the controls show",
        "Fresh sources",
        "One source",
    ]
    assert "training speed" in titles[-1]


def test_variation_between_sources_has_a_table_if_the_design_is_nested(nested):
    fresh, _, _, variation, *_ = reported(nested)
    assert says_in_order(fresh.title, "4 source networks", "4 sources x 2 repeats")
    assert variation.columns == ("variant", "sources", "between sources", "within a source", "ICC")
    assert [row[:2] for row in variation.rows] == [
        ("transfer fixed=0", "4"),
        ("transfer fixed=2", "4"),
    ]


def test_the_columns_of_a_question_are_those_of_the_contract(nested, results):
    columns = (
        "variant", "mean", "std", "median", "below 70 %", "gap to best", "difference [95 %]",
        "trimmed mean [95 %]", "P(better)", "adjusted p", "verdict",
    )  # fmt: skip
    assert reported(nested)[0].columns == columns
    # some runs of these diverged
    assert reported(results)[0].columns == ("variant", "diverged", *columns[1:])


def test_the_columns_of_the_speed_are_those_of_the_contract(results):
    *_, speed = reported(results)
    assert speed.columns == (
        "variant",
        "metric",
        "value",
        "difference [95 %]",
        "adjusted p",
        "verdict",
    )
    metrics = [row[1] for row in speed.rows]
    assert metrics == ["jumpstart", "curve mean", "last 10", "reached", "epochs"] * 6
    labels = [row[0] for row in speed.rows]
    assert [label for label in labels if label] == [
        "standalone", "random-frozen fixed=1", "transfer fixed=0", "transfer fixed=1",
        "new-head fixed=0", "unfreeze=1 factor=0.5 fixed=1",
    ]  # fmt: skip


def test_the_controls_have_a_column_a_question_and_a_line_of_help_a_kind(results):
    controls = reported(results)[3]
    assert controls.columns == ("what", "of", "fresh sources", "one source")
    assert [row[:2] for row in controls.rows] == [
        ("freezing alone, fixed=1", "random-frozen fixed=1 - standalone"),
        ("the source's weights, fixed=1", "transfer fixed=1 - random-frozen fixed=1"),
    ]
    assert [note.partition(":")[0] for note in controls.notes] == [
        "freezing alone",
        "the source's weights",
        "secondary",
    ]


def test_variants_that_are_compared_with_another_have_a_table_of_their_own():
    spec = spec_of(8, source=None, against=parse_variant("fixed=0"))
    results = compare(spec, initial_weights(MLPSpec(), 1, 0), PlannedEngine(lambda *_: 0.5))
    table = reported(results)[2]
    assert table.columns == ("what", "of", "one source")
    (row,) = table.rows
    assert row[:2] == ("one variant against another", "transfer fixed=2 - transfer fixed=0")
    assert row[2].startswith("+0.00 [-")


def test_the_numbers_of_a_row_are_those_of_the_findings(results):
    table = reported(results)[0]
    one = results.cell.of_question("fresh")[2]
    row = dict(zip(table.columns, table.rows[2], strict=True))
    assert row["variant"] == one.label
    assert row["mean"] == f"{100 * one.mean:.2f}"
    assert row["gap to best"] == f"{100 * one.gap:.2f}"
    d = one.difference
    ends = f"[{100 * d.ci_low:+.2f}, {100 * d.ci_high:+.2f}]"
    assert row["difference [95 %]"] == f"{100 * d.mean:+.2f} {ends}"
    typical = d.typical
    ends = f"[{100 * typical.ci_low:+.2f}, {100 * typical.ci_high:+.2f}]"
    assert row["trimmed mean [95 %]"] == f"{100 * typical.mean:+.2f} {ends}"
    assert (row["diverged"], row["below 70 %"]) == (
        str(one.failed),
        f"{100 * one.low_runs.share:.0f} %",
    )


def test_worst_and_best_cases_have_a_row_per_arm_and_are_not_on_the_one_screen(results):
    risk = reported(results)[2]
    assert [row[:2] for row in risk.rows][:3] == [
        ("standalone", ""),
        ("random-frozen fixed=1", ""),
        ("transfer fixed=0", "fresh sources"),
    ]
    one = results.cell.summary[2]
    numbers = (one.q05, one.worst_tenth, one.mean, one.best_of_3, one.best_of_5)
    assert risk.rows[2][2:] == tuple(f"{100 * number:.2f}" for number in numbers)
    assert [table.is_detail for table in reported(results)[:4]] == [False, False, True, False]


def test_what_is_not_adjusted_together_with_the_answer_is_called_secondary(results):
    fresh, one, _, controls, *speed = reported(results)
    assert all(secondary_note(results.cell.spec) in table.notes for table in (controls, *speed))
    assert [sum("secondary" in note for note in table.notes) for table in (one, fresh)] == [1, 0]


def test_the_head_names_the_line_of_low_accuracy_and_a_note_the_trimmed_mean(results):
    for table in reported(results)[:2]:
        assert "below 70 %" in table.columns
        assert any("the 5 intervals" in note for note in table.notes)
        assert any(says_in_order(note, "trimmed mean", "60 %") for note in table.notes)


def test_a_comparison_until_decided_says_how_it_was_looked_at():
    spec = spec_of(8, until_decided=True)
    results = compare(spec, None, PlannedEngine(lambda *_: 0.5))
    table, _ = reported(results)
    assert any("up to 8" in note for note in table.notes)
    early, _ = reported(with_cell(results, spec=replace(spec, n_repeats=100)))
    assert any("until all were decided" in note for note in early.notes)
    assert not any("up to" in note for note in early.notes)
    # no number that holds at one look alone
    assert table.rows[1][table.columns.index("trimmed mean [95 %]")] == "+0.00"
    assert "adjusted p" not in table.columns
    assert table.title.endswith("8 repeats")


def test_a_comparison_of_a_problem_with_itself_says_so_in_its_title():
    spec = spec_of(8, questions=("one", "fresh"), source=spec_of().target, speed=True)
    tables = reported(compare(spec, None, PlannedEngine(lambda *_: 0.5)))
    assert ["same problem" in table.title for table in tables] == [True, True, False, True, True]
    for text in text_in(tables):
        assert "transfer" not in text.replace("(not transfer)", "")


def test_a_p_is_never_0():
    def plan(key, first_weight, n_frozen):
        return 0.5 + (key % 97) / 1000 + 0.2 * (n_frozen == 2)

    table, *_ = reported(compare(spec_of(30), None, PlannedEngine(plan, 30)))
    assert table.rows[2][-2:] == ("<0.001", "better")


def test_no_table_ever_says_nan_or_none(results, nested):
    failed = compare(spec_of(2, speed=True), None, PlannedEngine(lambda *_: np.nan))
    for one in (results, nested, failed, without_ceiling(results)):
        for text in text_in(reported(one)):
            assert not re.search(r"\b(nan|None|inf)\b", text)


def test_a_comparison_whose_runs_all_failed_says_so():
    table, *_ = reported(compare(spec_of(2), None, PlannedEngine(lambda *_: np.nan)))
    # at chance level: half of the 20 test rows are of one class
    assert table.rows[1][:6] == ("transfer fixed=0", "2", "50.00", "0.00", "50.00", "100 %")
    assert table.rows[1][-1] == "undecided"
    failed = [note for note in table.notes if "diverged" in note]
    assert len(failed) == 2 and "50.0 %" in failed[1] and "source network" in failed[0]


def test_one_repeat_has_means_and_nothing_that_needs_two():
    table, *_ = reported(compare(spec_of(1), None, PlannedEngine(lambda *_: 0.5)))
    assert table.title.endswith("1 repeat")
    assert table.rows[1][1:4] == ("50.00", "-", "50.00")
    assert table.rows[1][6] == "+0.00"


@pytest.mark.parametrize("with_model", [False, True])
def test_a_note_says_where_the_one_source_network_came_from(with_model):
    if with_model:
        spec = spec_of(source=None, model_path="m.keras")
        results = compare(spec, initial_weights(MLPSpec(), 1, 0), PlannedEngine(lambda *_: 0.5))
        origin = ("m.keras",)
    else:
        results = compare(spec_of(), None, PlannedEngine(lambda *_: 0.5))
        # each of the 20 test rows of problem 1 is nearest to the centre of its own class
        origin = ("problem 1", "50.0 %", "100.0 %")
    table, *_ = reported(results)
    assert any(says_in_order(note, "one source network", *origin) for note in table.notes)


# ---------------------------------------------------------------- without a ceiling


def test_without_a_ceiling_a_comparison_has_no_gap_and_no_word_of_it(results):
    plain = without_ceiling(results)
    assert {one.gap for one in plain.cell.summary} == {None}
    tables = reported(plain)
    assert all(table.best_possible is None for table in tables)
    for text in text_in(tables):
        assert "gap" not in text and "best possible" not in text.replace("the best possible", "")
    # all other columns stay
    for table, before in zip(tables, reported(results), strict=True):
        assert set(before.columns) - set(table.columns) <= {
            "gap to best",
            "below 70 %",
        }  # the line is below the best


def test_without_a_ceiling_one_training_has_its_accuracy_and_its_loss_alone():
    spec = spec_of(1, variants=(STANDALONE,), target=None)
    plain = without_ceiling(train_source(spec, PlannedEngine(lambda *_: 0.5)).results)
    (table,) = build_report(plain).tables
    floor = f"{100 * plain.measured.floor:.1f} %"
    assert table.rows == (
        ("accuracy", "50.0 %", "50.0 %"),
        ("cross-entropy loss", "0.5000", "0.5000"),
        ("chance level", "", floor),
    )
    trained, of_floor = table.notes
    assert says_in_order(trained, "63 of 63 weights", "40 training rows")
    assert of_floor.startswith(f"chance level {floor}")


# ---------------------------------------------------------------- of one training


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, ("Standalone", "2-5-5-3")),
        ("fixed=0", ("2-5-5-3", "m.keras")),
        ("fixed=1", ("2-5-5-3", "m.keras", "first hidden layer frozen")),
        ("fixed=2", ("2-5-5-3", "m.keras", "first 2 hidden layers frozen")),
        ("new-head,fixed=1", ("2-5-5-3", "m.keras", "new-head fixed=1")),
        ("add=4", ("2-5-5-4-3", "m.keras", "add=4 fixed=0")),
    ],
)
def test_the_title_of_one_training_says_what_was_trained(text, words):
    variant = STANDALONE if text is None else parse_variant(text)
    spec = spec_of(1, variants=(variant,), source=None, model_path="m.keras")
    source = initial_weights(MLPSpec(), 1, 0)
    results = train_target(spec, source, PlannedEngine(lambda *_: 0.5)).results
    (table,) = reported(results)
    assert says_in_order(table.title, *words, "problem 2")
    assert ("frozen" in table.title) == any("frozen" in word for word in words)


def test_the_time_of_a_training_is_named_where_it_is_wanted():
    spec = spec_of(1, variants=(STANDALONE,), target=None)
    results = train_source(spec, PlannedEngine(lambda *_: 0.5)).results
    provenance = replace(results.provenance, seconds=1.234)
    (table,) = reported(replace(results, provenance=provenance))
    assert "1.23 s" in table.notes[0]


def test_a_training_that_collapsed_has_a_caution():
    class Collapsed(PlannedEngine):
        def train(self, job, on_epochs):
            trained = super().train(job, on_epochs)
            trained.classes_predicted[:] = 1
            return trained

    spec = spec_of(1, variants=(STANDALONE,))
    report = build_report(train_target(spec, None, Collapsed(lambda *_: 0.5)).results)
    (caution,) = report.cautions
    assert report.always_reported == report.cautions
    assert says_in_order(caution, "collapsed", "1 of 3 classes")
