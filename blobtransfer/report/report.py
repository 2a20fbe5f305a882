"""The report: all texts and tables of a command's results, built once and read by every writer.

`build_report` in `kinds` builds it. A `View` for each kind of results provides the parts that
depend on the kind.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar, cast

from blobtransfer.errors import SettingError
from blobtransfer.report.table import Matrix, Overview, SummaryRows, Table
from blobtransfer.results.files.schema import Sentence
from blobtransfer.results.findings import Caution, ScoreCaution
from blobtransfer.results.provenance import Provenance
from blobtransfer.results.study_findings import StudyCaution
from blobtransfer.specs.checks import escape_control_characters

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from blobtransfer.report.figures.canvas import Canvas


class Reported(Protocol):
    """What every view and writer reads of results."""

    @property
    def command(self) -> str:
        """The name of the command."""

    @property
    def provenance(self) -> Provenance:
        """Time, command and environment."""

    @property
    def cautions(self) -> Sequence[Caution | StudyCaution | ScoreCaution]:
        """Reasons why the results are less certain than they seem."""

    @property
    def n_runs(self) -> int:
        """Number of trainings."""

    @property
    def n_failed(self) -> int:
        """Number of trainings that diverged."""


R = TypeVar("R", bound=Reported)


@dataclass(frozen=True, eq=False)
class Report(Generic[R]):
    """All texts and tables of results, with control characters escaped.

    Args:
        results: Results of any command.
        view: View of their kind.
        headline: The question that the results answer, or a title; after the
            progress of the command if it was interrupted.
        stopped: Progress of an interrupted command; None if it finished.
        sentences: Answers, question by question.
        short_sentences: Short answers; the first of a question is the answer to it.
        cautions: Reasons why the answers are less certain than they seem.
        always_reported: The first of the cautions: those that `-q` prints too.
        short_cautions: The cautions, one line each.
        tables: Tables in the order in which they are printed.
        overview: What one screen shows in place of the first tables; None for a training.
        brief_tables: Further tables of that screen.
        explanations: Meaning of each row and column.
        method: What was trained, compared and concluded, in paragraphs.
        caption: Text alternative of the figure.
        is_explained: Whether text and Markdown end with the explanations.
        complete: Report of all results if this one shows a selection; files of data have it.
    """

    results: R
    view: "View[R]"
    headline: str
    stopped: str | None
    sentences: tuple[Sentence, ...]
    short_sentences: tuple[Sentence, ...]
    cautions: tuple[str, ...]
    always_reported: tuple[str, ...]
    short_cautions: tuple[str, ...]
    tables: tuple[Table, ...]
    overview: Overview | Matrix | None
    brief_tables: tuple[Table, ...]
    explanations: tuple[str, ...]
    method: tuple[str, ...]
    caption: str
    is_explained: bool = False
    complete: "Report[R] | None" = None

    def with_title(self, title: str) -> "Report[R]":
        """Return the report with another title; that of an interrupted command still says so."""
        title = escape_control_characters(title)
        stopped = "" if self.stopped is None else f"{self.stopped}. "
        return replace(self, headline=f"{stopped}{title}")

    def only_table(self, name: str) -> "Report[R]":
        """Return the report with the tables of one name, such as `controls`, and nothing else.

        Raises:
            SettingError: Unknown table.
        """
        tables = tuple(table for table in self.tables if table.name == name)
        if not tables:
            names = dict.fromkeys(table.name for table in self.tables)
            problem = f"the results have no such table; use one of {', '.join(names)}"
            raise SettingError("table", escape_control_characters(name), problem)
        return replace(self, tables=tables, overview=None, sentences=(), cautions=())

    def for_printing(self, full: bool, is_explained: bool) -> "Report[R]":
        """Return the report as it is printed: with the time, and without tables of details.

        Args:
            full: Keep tables of details.
            is_explained: End with the explanations.
        """
        hides_details = self.view.is_condensed and not full
        tables = tuple(
            table if table.printed_notes is None else replace(table, notes=table.printed_notes)
            for table in self.tables
            if not (hides_details and table.is_detail)
        )
        return replace(self, tables=tables, is_explained=is_explained)


class View(ABC, Generic[R]):
    """Reports results of one kind; each method returns one field of the report.

    A kind defines `headline`, `tables`, `method` and `draw`; the other fields are empty
    unless it defines them.

    Attributes:
        is_condensed: Print tables of details only with `--full`.
    """

    is_condensed: ClassVar[bool] = False

    @abstractmethod
    def headline(self, results: R) -> str:
        """Return the question that the results answer, or a title; `report` adds `stopped_at`."""

    def stopped_at(self, results: R) -> str | None:
        """Return the progress of an interrupted command; None if it finished."""
        return None

    def sentences(self, results: R) -> Iterable[Sentence]:
        """Return the answers, question by question."""
        return ()

    def short_sentences(self, results: R) -> Iterable[Sentence]:
        """Return the short answers; the first of a question is the answer to it."""
        return ()

    def cautions(self, results: R) -> Iterable[str]:
        """Return the cautions, each with its reason."""
        return ()

    def short_cautions(self, results: R) -> Iterable[str]:
        """Return the cautions in one line each."""
        return ()

    @abstractmethod
    def tables(self, results: R) -> Iterable[Table]:
        """Return all tables in the order in which they are printed."""

    def overview(self, results: R) -> Overview | Matrix | None:
        """Return what one screen shows in place of the first tables, if this kind has it."""
        return None

    def brief_tables(self, results: R) -> Iterable[Table]:
        """Return further tables of that screen."""
        return ()

    def explanations(self, results: R) -> Iterable[str]:
        """Return the meaning of each row and column, one line each."""
        return ()

    @abstractmethod
    def method(self, results: R) -> Iterable[str]:
        """Return what was trained, compared and concluded, in paragraphs."""

    def caption(self, results: R, sentences: Iterable[Sentence]) -> str:
        """Return the text alternative of the figure.

        Args:
            results: Results of this kind.
            sentences: Answers with control characters escaped.
        """
        return ". ".join(sentence.text for sentence in sentences)

    @abstractmethod
    def draw(self, report: Report[R], canvas: "Canvas") -> "Figure":
        """Draw the figure on a canvas."""

    def summary(self, results: R) -> SummaryRows:
        """Return one row per variant, for papers and data frames; empty for a training."""
        return SummaryRows((), [])

    @abstractmethod
    def settings(self, results: R) -> Iterator[tuple[str, Any]]:
        """Yield the name and value of each setting; a nested setting is a dictionary."""

    def to_csv(self, results: R) -> Iterable[str]:
        """Return the text of a CSV file: one row per run."""
        from blobtransfer.results.files.csv import to_csv

        return to_csv(cast(Any, results))

    def to_json(
        self, results: R, sentences: Sequence[Sentence], cautions: Sequence[str]
    ) -> Iterable[str]:
        """Return the text of a JSON file.

        Args:
            results: Results of this kind.
            sentences: The answers in words.
            cautions: The cautions in words.
        """
        from blobtransfer.results.files.json_writer import to_json

        return to_json(cast(Any, results), sentences, cautions)

    def report(self, results: R) -> Report[R]:
        """Build the report; all text is escaped, as names may come from an untrusted file."""
        headline, stopped = self.headline(results), self.stopped_at(results)
        overview = self.overview(results)
        sentences = _escaped(self.sentences(results))
        cautions = tuple(map(escape_control_characters, self.cautions(results)))
        n_always = sum(caution.is_always_reported for caution in results.cautions)
        return Report(
            results=results,
            view=self,
            headline=escape_control_characters(
                headline if stopped is None else f"{stopped}. {headline}"
            ),
            stopped=stopped and escape_control_characters(stopped),
            sentences=sentences,
            short_sentences=_escaped(self.short_sentences(results)),
            cautions=cautions,
            always_reported=cautions[:n_always],
            short_cautions=tuple(map(escape_control_characters, self.short_cautions(results))),
            tables=tuple(
                table.with_text(escape_control_characters) for table in self.tables(results)
            ),
            overview=overview and overview.with_text(escape_control_characters),
            brief_tables=tuple(
                table.with_text(escape_control_characters) for table in self.brief_tables(results)
            ),
            explanations=tuple(map(escape_control_characters, self.explanations(results))),
            method=tuple(map(escape_control_characters, self.method(results))),
            caption=escape_control_characters(self.caption(results, sentences)),
        )


def _escaped(sentences: Iterable[Sentence]) -> tuple[Sentence, ...]:
    """Return sentences with control characters escaped."""
    return tuple(
        replace(sentence, text=escape_control_characters(sentence.text)) for sentence in sentences
    )
