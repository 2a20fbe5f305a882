"""Results of a study <-> JSON: each cell as a comparison has it, and what they say together.

The format is described by `study.schema.json` beside this file. What is read back is what was
run and what came out; the statistics are computed again by `analysis.load`.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, make_dataclass
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Interval

from blobtransfer.results.files.checks import check_study
from blobtransfer.results.files.json import (
    comparison_of,
    curve_rows,
    json_head,
    json_lists,
    transferability_rows,
)
from blobtransfer.results.files.schema import (
    MAX_DISTANCE,
    MAX_SECONDS,
    CurveRow,
    ResultsFile,
    Sentence,
    TransferabilityRow,
    row_of,
    row_type,
    schema_of,
)
from blobtransfer.results.findings import Contrast, SourceRanking, Speed, Summary
from blobtransfer.results.results import TaskRecord
from blobtransfer.results.scores import Count, Run
from blobtransfer.results.study import CellResults, StudyResults
from blobtransfer.results.study_findings import (
    Change,
    FamilySummary,
    GridRanking,
    Margin,
    PairRow,
    StudyCautionKind,
)
from blobtransfer.specs.checks import printable
from blobtransfer.specs.study import StudyKind, StudySpec


@dataclass(frozen=True)
class CellRecord:
    """What came out of one cell."""

    at: tuple[str, ...]
    tasks: tuple[TaskRecord, ...]
    source_run: Run | None
    interrupted: bool
    runs: list[Run]
    n_mixed: Count = 0
    distance: Annotated[float, Interval(ge=0.0, le=MAX_DISTANCE)] | None = None
    curves: tuple[CurveRow, ...] = ()
    transferability: tuple[TransferabilityRow, ...] = ()


@dataclass(frozen=True)
class StudyFile:
    """What is read of the JSON of a study; the statistics in it are computed again."""

    __pydantic_config__: ClassVar[dict[str, bool]] = {"allow_inf_nan": False}

    schema_version: Literal[2]
    command: StudyKind
    argv: tuple[str, ...]
    spec: StudySpec
    versions: dict[str, str]
    machine: dict[str, str | int | None]
    started: str
    seconds: Annotated[float, Interval(ge=0.0, le=MAX_SECONDS)]
    interrupted: bool
    cells: tuple[CellRecord, ...]


def study_to_json(
    results: StudyResults, sentences: Sequence[Sentence] = (), cautions: Sequence[str] = ()
) -> Iterator[str]:
    """Write one object that follows `study.schema.json`; what is not finite is null.

    Args:
        results: Of a study.
        sentences: The answers in words.
        cautions: The cautions of the findings in words, in their order.

    Yields:
        The text, piece by piece; a run and a row of the summary take a line each.
    """
    findings = results.findings
    record = {
        **json_head(results),
        "sentences": [asdict(one) for one in sentences],
        "cautions": [
            {"kind": one.kind, "n_cells": one.n_cells, "text": text}
            for one, text in zip(findings.cautions, cautions, strict=True)
        ],
    }
    yield json.dumps(record, indent=1, allow_nan=False).removesuffix("\n}")
    lists: dict[str, Iterable[dict[str, Any]]] = {
        "summary": (
            {"at": cell.at, **row_of(one)} for cell in results.cells for one in cell.results.summary
        )
        if results.command != "pairs"
        else map(row_of, findings.families),
        "changes": map(row_of, findings.changes),
        "pairs": map(row_of, findings.pairs),
        "margins": map(row_of, findings.margins),
        "rankings": map(row_of, findings.rankings),
    }
    yield from json_lists(lists)
    yield ',\n "cells": ['
    for i, cell in enumerate(results.cells):
        yield ("," if i else "") + "\n"
        yield from _cell(cell)
    yield "\n ]\n}\n"


def _cell(cell: CellResults) -> Iterator[str]:
    own = cell.results
    record = {
        "at": cell.at,
        "tasks": [asdict(task) for task in own.tasks],
        "source_run": None if own.source_run is None else asdict(own.source_run),
        "interrupted": own.interrupted,
        "n_mixed": own.n_mixed,
        "distance": cell.distance,
    }
    yield json.dumps(record, allow_nan=False).removesuffix("}")
    names = [column.name for column in fields(Run)]
    lists: dict[str, Iterable[dict[str, Any]]] = {
        "runs": ({name: getattr(run, name) for name in names} for run in own.rows()),
        "curves": curve_rows(own),
        "contrasts": map(row_of, own.findings.contrasts),
        "speed": map(row_of, own.findings.speed),
        "rankings": map(row_of, own.findings.rankings),
        "transferability": map(asdict, transferability_rows(own)),
    }
    yield from json_lists(lists)
    yield "\n }"


def study_of(file: StudyFile) -> StudyResults:
    """Lay out what was read of a study, without the findings.

    Raises:
        ValueError: It is not one that a command could have written; the message says where.
    """
    specs = {cell.at: cell.spec for cell in file.spec.cells}
    if file.command != file.spec.kind:
        raise ValueError(f"spec: it is of {file.spec.kind}, not of {file.command}")
    check_study(file.spec)
    places = [cell.at for cell in file.cells]
    wanted = [cell.at for cell in file.spec.cells]
    if not places or places != wanted[: len(places)]:
        raise ValueError("cells: they are not those of the spec")
    if len(places) < len(wanted) and not file.interrupted:
        raise ValueError(f"cells: {len(places)} of {len(wanted)}, though it was not interrupted")
    cells = []
    for i, cell in enumerate(file.cells):
        try:
            results = comparison_of(_file_of(file, cell, specs[cell.at]))
        except ValueError as error:
            raise ValueError(f"cells.{i}.{error}") from error
        cells.append(CellResults(cell.at, results, cell.distance))
    return StudyResults(
        spec=file.spec,
        cells=tuple(cells),
        started=file.started,
        seconds=file.seconds,
        interrupted=file.interrupted,
        argv=tuple(map(printable, file.argv)),
        versions=file.versions,
        machine=file.machine,
    )


def _file_of(file: StudyFile, cell: CellRecord, spec: Any) -> ResultsFile:
    return ResultsFile(
        schema_version=file.schema_version,
        command="compare",
        argv=file.argv,
        spec=spec,
        versions=file.versions,
        machine=file.machine,
        started=file.started,
        seconds=file.seconds,
        interrupted=cell.interrupted,
        tasks=cell.tasks,
        source_run=cell.source_run,
        runs=cell.runs,
        n_mixed=cell.n_mixed,
        curves=cell.curves,
        transferability=cell.transferability,
    )


def make_study_schema() -> dict[str, Any]:
    """Describe the whole file of a study as a JSON Schema (2020-12); see `record.make_schema`."""
    many: Any = tuple.__class_getitem__
    caution = make_dataclass(
        "Caution", [("kind", StudyCautionKind), ("n_cells", int), ("text", str)]
    )
    rows = row_type(Summary, at=tuple[str, ...]) | row_type(FamilySummary)
    cell = make_dataclass(
        "CellRow",
        [
            ("contrasts", many((row_type(Contrast), ...))),
            ("speed", many((row_type(Speed), ...))),
            ("rankings", many((row_type(SourceRanking), ...))),
        ],
        bases=(CellRecord,),
        frozen=True,
        kw_only=True,
    )
    whole = make_dataclass(
        "File",
        [
            ("cells", many((cell, ...))),
            ("sentences", tuple[Sentence, ...]),
            ("cautions", many((caution, ...))),
            ("summary", many((rows, ...))),
            ("changes", many((row_type(Change), ...))),
            ("pairs", many((row_type(PairRow), ...))),
            ("margins", many((row_type(Margin), ...))),
            ("rankings", many((row_type(GridRanking), ...))),
        ],
        bases=(StudyFile,),
        frozen=True,
        kw_only=True,
    )
    return schema_of(whole, "Results of a blobtransfer study: sweep, pairs or grid")
