"""Everything that is shown of results, made once: every writer shows the same numbers."""

from dataclasses import dataclass, replace

from blobtransfer.report.cautions import caution_text
from blobtransfer.report.explain import explanations, study_explanations
from blobtransfer.report.sentences import answer, stopped_at
from blobtransfer.report.study_sentences import study_answers, study_caution, study_stopped_at
from blobtransfer.report.study_tables import tables_of_study
from blobtransfer.report.table import Table
from blobtransfer.report.tables import tables_of
from blobtransfer.results.record import Sentence
from blobtransfer.results.results import Results
from blobtransfer.results.study import StudyResults
from blobtransfer.specs.checks import printable


@dataclass(frozen=True, eq=False)
class Report:
    """What is shown of results.

    Args:
        results: Of any command.
        stopped: How far an interrupted command came, which is said first; None if finished.
        tables: In the order in which they are shown.
        sentences: The answers, question by question.
        cautions: What makes the answers less sure than they look, in words.
        explanations: What each word means; empty unless asked for.
    """

    results: Results | StudyResults
    stopped: str | None
    tables: tuple[Table, ...]
    sentences: tuple[Sentence, ...]
    cautions: tuple[str, ...]
    explanations: tuple[str, ...] = ()

    @property
    def is_explained(self) -> bool:
        """Whether each word is explained."""
        return bool(self.explanations)


def make_report(
    results: Results | StudyResults, with_time: bool = True, is_explained: bool = False
) -> Report:
    """Make all that is shown of results.

    Args:
        results: Of any command.
        with_time: Name the seconds of a training, which differ each time; off for files.
        is_explained: Explain each word of a comparison.
    """
    report = _make_report(results, with_time, is_explained)
    return replace(
        report,
        stopped=report.stopped and printable(report.stopped),
        tables=tuple(map(_printable, report.tables)),
        sentences=tuple(
            replace(sentence, text=printable(sentence.text)) for sentence in report.sentences
        ),
        cautions=tuple(map(printable, report.cautions)),
        explanations=tuple(map(printable, report.explanations)),
    )


def _printable(table: Table) -> Table:
    """Return a table with control characters escaped: names may come from a stranger's file."""
    return replace(
        table,
        title=printable(table.title),
        columns=tuple(map(printable, table.columns)),
        rows=tuple(tuple(map(printable, row)) for row in table.rows),
        notes=tuple(map(printable, table.notes)),
        sentence=table.sentence and printable(table.sentence),
    )


def _make_report(results: Results | StudyResults, with_time: bool, is_explained: bool) -> Report:
    if isinstance(results, StudyResults):
        return Report(
            results=results,
            stopped=study_stopped_at(results),
            tables=tables_of_study(results),
            sentences=tuple(
                Sentence(question, text)
                for question in results.spec.questions
                for text in study_answers(results, question)
            ),
            cautions=tuple(study_caution(one, results) for one in results.findings.cautions),
            explanations=study_explanations(results) if is_explained else (),
        )
    answers = [(question, answer(results, question)) for question in results.spec.questions]
    return Report(
        results=results,
        stopped=stopped_at(results),
        tables=tables_of(results, with_time),
        sentences=tuple(Sentence(question, text) for question, text in answers if text),
        cautions=tuple(caution_text(one, results) for one in results.findings.cautions),
        explanations=explanations(results) if is_explained and results.command == "compare" else (),
    )
