"""Everything that a study found out: the results of each cell, and what they say together."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from blobtransfer.results.findings import Summary
from blobtransfer.results.provenance import installed_versions, this_machine
from blobtransfer.results.results import Results
from blobtransfer.results.scores import Run
from blobtransfer.results.study_findings import StudyFindings
from blobtransfer.specs.experiment import Question
from blobtransfer.specs.study import StudyKind, StudySpec


@dataclass(frozen=True, eq=False)
class CellResults:
    """What came out of one cell.

    Args:
        at: Its value on each axis.
        results: Those of a comparison.
        distance: How far apart its two problems are, in standard deviations; None if not known.
    """

    at: tuple[str, ...]
    results: Results
    distance: float | None = None

    def summary(self, question: Question, series: int) -> Summary:
        """Give what the cell says of the variant at a place of its spec, in a question."""
        variant = self.results.spec.variants[series]
        shown = self.results.of_question(question)
        return next(one for one in shown if one.arm.variant == variant)


@dataclass(frozen=True, eq=False)
class StudyResults:
    """Everything a study found out, in plain data.

    Args:
        spec: What was run.
        cells: What came out, in the order of the spec; fewer where it was interrupted.
        started: UTC, ISO 8601.
        seconds: Of all trainings and what was needed for them.
        findings: What the cells say together.
        interrupted: Stopped before all cells were done.
        argv: The command line, without the program.
        versions: Of Python and of the packages that can change a score.
        machine: As far as it can change a score or a time.
    """

    spec: StudySpec
    cells: tuple[CellResults, ...]
    started: str
    seconds: float
    findings: StudyFindings = field(default_factory=StudyFindings)
    interrupted: bool = False
    argv: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=lambda: installed_versions())
    machine: dict[str, str | int | None] = field(default_factory=lambda: this_machine())

    @property
    def command(self) -> StudyKind:
        """The command's name."""
        return self.spec.kind

    @property
    def n_runs(self) -> int:
        """How many trainings there were, single source networks included."""
        return sum(cell.results.n_runs for cell in self.cells)

    @property
    def n_failed(self) -> int:
        """Runs whose loss is not finite."""
        return sum(cell.results.n_failed for cell in self.cells)

    @property
    def has_curves(self) -> bool:
        """Whether learning curves were kept."""
        return any(cell.results.curves for cell in self.cells)

    def rows(self) -> Iterator[tuple[tuple[str, ...], Run]]:
        """Give the runs one by one, each with the place of its cell."""
        for cell in self.cells:
            for run in cell.results.rows():
                yield cell.at, run
