"""Everything that is shown of results is made once."""

import pytest
from helpers.engines import PlannedEngine
from helpers.running import compare
from helpers.specs import spec_of

from blobtransfer.report.cautions import caution_text
from blobtransfer.report.kinds import build_report
from blobtransfer.report.kinds.answers import answer
from blobtransfer.results.files.schema import Sentence
from blobtransfer.running.single import train_source
from blobtransfer.specs.variant import STANDALONE


def test_each_question_has_its_sentence_and_each_caution_its_words():
    spec = spec_of(questions=("one", "fresh"))
    results = compare(spec, None, PlannedEngine(lambda key, *_: key % 100 / 100))
    report = build_report(results)
    assert report.results is results
    assert report.sentences == tuple(
        Sentence(question, answer(results.cell, question)) for question in ("fresh", "one")
    )
    sentences = [table.sentence for table in report.tables if table.sentence]
    assert sentences == [one.text for one in report.sentences]
    cautions = results.cell.findings.cautions
    assert cautions
    assert report.cautions == tuple(caution_text(one, results.cell) for one in cautions)


def test_one_training_has_a_table_and_neither_answer_nor_caution():
    spec = spec_of(1, variants=(STANDALONE,), target=None)
    results = train_source(spec, PlannedEngine(lambda *_: 0.5)).results
    report = build_report(results)
    assert (len(report.tables), report.sentences, report.cautions) == (1, (), ())


def test_the_seconds_are_left_out_where_they_are_not_wanted():
    spec = spec_of(1, variants=(STANDALONE,), target=None)
    results = train_source(spec, PlannedEngine(lambda *_: 0.5)).results
    report = build_report(results)
    for with_time in (True, False):
        (table,) = (report.for_printing(True, False) if with_time else report).tables
        assert (" s;" in table.notes[0]) == with_time


# ---------------------------------------------------------------- explanations


@pytest.fixture(scope="module")
def compared():
    spec = spec_of(8, questions=("one", "fresh"))
    return compare(spec, None, PlannedEngine(lambda key, *_: key % 100 / 100))


def explained(report):
    """Return what is explained: the words before the colon."""
    heads = [line.partition(": ")[0] for line in report.explanations]
    return {word for head in heads for word in head.replace(" (alike)", ", alike").split(", ")}


def columns_of(report):
    """Return the columns whose head says what they are; rows and verdicts say it in their cells."""
    heads = {head for table in report.tables for head in table.columns}
    return heads - {"variant", "question", "verdict"}


def test_the_explanations_name_every_column_of_the_full_table(compared):
    report = build_report(compared).for_printing(True, True)
    assert len(columns_of(report)) >= 9
    assert columns_of(report) <= explained(report)
