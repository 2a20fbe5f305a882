"""Write results as JSON.

`results.schema.json` describes the file of a training or a comparison, `study.schema.json` that
of a study of several cells, and `judge.schema.json` that of scores of another program. A file has
what was run, the scores, and findings for other readers.
"""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.results.files.columns import chunks, column_texts, rows_by_repeat
from blobtransfer.results.files.schema import (
    SCHEMA_VERSION,
    Sentence,
    encodable,
    row_of,
    score_rows,
)
from blobtransfer.results.findings import Caution, ScoreCaution
from blobtransfer.results.results import (
    CellResults,
    ColumnValues,
    JudgedResults,
    StudyResults,
    TrainingResults,
)
from blobtransfer.specs.experiment import STANDALONE_ARM, Arm, ExperimentSpec
from blobtransfer.specs.identity import plain
from blobtransfer.specs.scores import ScoresSpec
from blobtransfer.specs.study import Study
from blobtransfer.statistics.transferability import SCORES

Rows = Iterable[str]
"""JSON texts of rows, in order; a text may have several rows, joined by `ROW_SEPARATOR`."""

ROW_SEPARATOR = ",\n  "


def to_json(
    results: StudyResults | TrainingResults | JudgedResults,
    sentences: Sequence[Sentence] = (),
    cautions: Sequence[str] = (),
) -> Iterator[str]:
    """Write results as one JSON object; what is not finite is null.

    Args:
        results: Results of any command.
        sentences: The answers in words.
        cautions: The cautions of the findings in words, in their order.

    Yields:
        The text, piece by piece; a run, a curve and a row of findings take a line each.
    """
    if isinstance(results, JudgedResults):
        yield from _judged_file(results, sentences, cautions)
    elif isinstance(results, TrainingResults) or results.study.kind == "compare":
        yield from _results_file(results, sentences, cautions)
    else:
        yield from _study_file(results, sentences, cautions)


def _results_file(
    results: StudyResults | TrainingResults, sentences: Sequence[Sentence], cautions: Sequence[str]
) -> Iterator[str]:
    """Write a training or a comparison, which is its only cell."""
    (cell,) = results.cells
    findings, rows = cell.findings, _cell_rows(cell)
    record = _header(results, cell.spec) | _cell_values(cell) | {"n_mixed": cell.n_mixed}
    yield _open_object(record, indent=1)
    training = results if isinstance(results, TrainingResults) else None
    for name in ("regions", "predictions"):
        value = getattr(training, name, None)
        yield f',\n "{name}": {json.dumps(None if value is None else asdict(value))}'
    baseline = None if training is None else _baseline_record(training)
    yield f',\n "baseline": {json.dumps(baseline, allow_nan=False)}'
    yield from _lists(
        {
            "sentences": map(_dump, map(asdict, sentences)),
            "cautions": _caution_rows(findings.cautions, cautions),
            "summary": _finding_rows(findings.summary),
        }
        | {
            name: rows[name]
            for name in ("runs", "contrasts", "speed", "curves", "rankings", "transferability")
        }
    )
    yield "\n}\n"


def _judged_file(
    results: JudgedResults, sentences: Sequence[Sentence], cautions: Sequence[str]
) -> Iterator[str]:
    """Write scores of another program."""
    yield _open_object(_header(results, results.spec), indent=1)
    yield from _lists(
        {
            "sentences": map(_dump, map(asdict, sentences)),
            "cautions": _caution_rows(results.cautions, cautions),
            "summary": _finding_rows(results.summary),
            "runs": map(_dump, map(encodable, map(asdict, score_rows(results)))),
        }
    )
    yield "\n}\n"


def _caution_rows(cautions: Sequence[Caution | ScoreCaution], texts: Sequence[str]) -> Rows:
    """Yield cautions as JSON rows, each with its text."""
    for caution, text in zip(cautions, texts, strict=True):
        yield _dump({"text": text, **_caution_row(caution)})


def _caution_row(caution: Caution | ScoreCaution) -> dict[str, Any]:
    """Return a caution as a JSON row."""
    return {"kind": caution.kind, **row_of(caution)}


def _study_file(
    results: StudyResults, sentences: Sequence[Sentence], cautions: Sequence[str]
) -> Iterator[str]:
    """Write a study of several cells."""
    findings = results.findings
    record = {
        "sentences": [asdict(sentence) for sentence in sentences],
        "cautions": [
            {
                "kind": caution.kind,
                "n_cells": caution.n_cells,
                "first": caution.first and _caution_row(caution.first),
                "text": text,
            }
            for caution, text in zip(findings.cautions, cautions, strict=True)
        ],
    }
    yield _open_object(_header(results, results.study) | record, indent=1)
    cell_summaries = (
        _dump({"at": cell.at, **row_of(row)}) for cell in results.cells for row in cell.summary
    )
    yield from _lists(
        {
            "summary": _finding_rows(findings.pooled)
            if results.command == "pairs"
            else cell_summaries,
            "changes": _finding_rows(findings.changes),
            "pairs": _finding_rows(findings.pairs),
            "margins": _finding_rows(findings.marginal_means),
            "rankings": _finding_rows(findings.rankings),
        }
    )
    yield ',\n "cells": ['
    for i, cell in enumerate(results.cells):
        yield ("," if i else "") + "\n"
        own_values = {
            "interrupted": cell.interrupted,
            "n_mixed": cell.n_mixed,
            "distance": cell.distance,
        }
        yield _open_object({"at": cell.at} | _cell_values(cell) | own_values)
        rows = _cell_rows(cell)
        names = ("runs", "curves", "contrasts", "speed", "rankings", "transferability")
        yield from _lists({name: rows[name] for name in names})
        yield "\n }"
    yield "\n ]\n}\n"


def _header(
    results: StudyResults | TrainingResults | JudgedResults,
    spec: ExperimentSpec | Study | ScoresSpec,
) -> dict[str, Any]:
    """Return what was run, where and when: the first keys of every file."""
    provenance = results.provenance
    return {
        "schema_version": SCHEMA_VERSION,
        "command": results.command,
        "argv": encodable(provenance.argv),
        "spec": encodable(plain(spec)),
        "versions": provenance.versions,
        "machine": provenance.machine,
        "started": provenance.started,
        "seconds": provenance.seconds,
        "interrupted": results.interrupted,
    }


def _cell_values(cell: CellResults) -> dict[str, Any]:
    """Return the values of a cell, without its lists."""
    return {
        "tasks": [asdict(task) for task in cell.tasks],
        "source_run": None if cell.source_run is None else asdict(cell.source_run),
    }


def _cell_rows(cell: CellResults) -> dict[str, Rows]:
    """Return the lists of a cell."""
    run_chunks = rows_by_repeat(cell, lambda arm, repeats: _column_rows(cell.columns(arm, repeats)))
    return {
        "runs": map(ROW_SEPARATOR.join, run_chunks),
        "curves": _curve_rows(cell),
        "contrasts": _finding_rows(cell.findings.contrasts),
        "speed": _finding_rows(cell.findings.speed),
        "rankings": _finding_rows(cell.findings.rankings),
        "transferability": _transferability_rows(cell),
    }


def _finding_rows(findings: Iterable[Any]) -> Rows:
    """Return the row of each finding."""
    return map(_dump, map(row_of, findings))


def _column_rows(columns: Mapping[str, ColumnValues]) -> Rows:
    """Return the rows of some columns, at least one of them an array."""
    pieces: list[Iterable[str]] = []
    for name, column in columns.items():
        pieces += [
            itertools.repeat(f'{", " if pieces else "{"}"{name}": '),
            column_texts(column, _dump),
        ]
    return map("".join, zip(*pieces, itertools.repeat("}"), strict=False))


def _open_object(record: Mapping[str, Any], indent: int | None = None) -> str:
    """Return an object that more keys can be added to."""
    text = json.dumps(record, indent=indent, allow_nan=False)
    return text.removesuffix("}").removesuffix("\n")


def _lists(lists: Mapping[str, Rows]) -> Iterator[str]:
    """Write lists as the last keys of an object that is open; a row takes a line."""
    for name, rows in lists.items():
        yield f',\n "{name}": ['
        for i, row in enumerate(rows):
            yield (ROW_SEPARATOR if i else "\n  ") + row
        yield "\n ]"


def _curve_rows(cell: CellResults) -> Rows:
    """Yield the curve of every run, by repeat, then arm."""
    for r, repeat in enumerate(cell.scores.repeats.tolist() if cell.curves else ()):
        for arm in cell.scores.arms:
            yield _dump(_curve_row(arm, repeat, cell.curves[arm][:, r], cell.spec))


def _curve_row(
    arm: Arm, repeat: int, curves: NDArray[np.float64], spec: ExperimentSpec
) -> dict[str, Any]:
    """Return the curves of a run as a JSON row.

    Args:
        arm: The arm.
        repeat: The repeat.
        curves: (M, E + 1), the first M of the `curve_metrics` of the spec.
        spec: The experiment.
    """
    values = curves.astype(object)
    values[~np.isfinite(curves)] = None
    by_metric = dict(zip(spec.curve_metrics, values.tolist(), strict=False))
    return {**arm.columns, "repeat": repeat, **by_metric}


def _transferability_rows(cell: CellResults) -> Rows:
    """Yield the scores of the source network of every repeat."""
    if cell.transferability is not None:
        for repeats in chunks(cell.scores.n_repeats):
            scores = zip(SCORES, cell.transferability[:, repeats], strict=True)
            yield from _column_rows({"repeat": cell.scores.repeats[repeats], **dict(scores)})


def _dump(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def _baseline_record(results: TrainingResults) -> dict[str, Any] | None:
    baseline = results.baseline
    if baseline is None:
        return None
    return {
        "run": asdict(baseline.run),
        "curve": _curve_row(STANDALONE_ARM, baseline.run.repeat, baseline.curves, results.spec),
        "regions": None if baseline.regions is None else asdict(baseline.regions),
        "predictions": None if baseline.predictions is None else asdict(baseline.predictions),
    }
