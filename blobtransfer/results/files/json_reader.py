"""Read results from JSON files of this version or the one before, without the findings.

The findings are computed again by `analysis.load`. Values are checked: a file may be anybody's.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.errors import ResultsFileError, SettingError
from blobtransfer.file_signatures import detect_encoding, identify_format
from blobtransfer.results.files.checks import (
    check_data_records,
    check_epochs,
    check_provenance,
    check_source_run,
    check_spec,
    check_study,
    check_texts,
)
from blobtransfer.results.files.schema import (
    CellRecord,
    CurveRow,
    FileHeader,
    JudgedFile,
    ResultsFile,
    StudyFile,
)
from blobtransfer.results.files.version_1 import convert_from_1
from blobtransfer.results.provenance import Provenance
from blobtransfer.results.results import (
    CellResults,
    Curves,
    JudgedResults,
    Predictions,
    Regions,
    StandaloneTraining,
    StudyResults,
    TrainingResults,
)
from blobtransfer.results.scores import Run, Scores
from blobtransfer.specs.checks import escape_control_characters
from blobtransfer.specs.experiment import STANDALONE_ARM, ExperimentSpec
from blobtransfer.specs.scores import ScoreColumn
from blobtransfer.specs.study import Study
from blobtransfer.statistics.transferability import SCORES

NO_VERSION = re.compile(rb'"schema_version"\s*:\s*\d+[.eE]')
"""A version such as 2.0 or 2e0, which pydantic would accept as a whole number."""

MAX_GRID_POINTS = 4_000_000
"""Largest number of grid points of decision regions."""


def read_json(text: bytes, name: str) -> StudyResults | TrainingResults | JudgedResults:
    """Read a file of the current or the previous version, without the findings.

    Args:
        text: UTF-8, or UTF-16 with a byte order mark, as Windows shells write it.
        name: Name of the text in error messages.

    Raises:
        ResultsFileError: The text is not a result, or no command could have written it.
    """
    from pydantic import Discriminator, TypeAdapter, ValidationError

    text = _in_utf8(text, name)
    if NO_VERSION.search(text):
        raise ResultsFileError(name, "schema_version: input should be 2")
    try:
        kinds: Any = Annotated[ResultsFile | StudyFile | JudgedFile, Discriminator("command")]
        file = TypeAdapter(kinds).validate_json(convert_from_1(text), strict=True)
        if isinstance(file, JudgedFile):
            return _judged_of(file)
        return _study_of(file) if isinstance(file, StudyFile) else _results_of(file)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        for details in problems:
            cause = details.get("ctx", {}).get("error")
            if isinstance(cause, SettingError):
                raise ResultsFileError(name, f"spec: {cause}") from error
        kind = identify_format(text)
        if problems[0]["type"] == "json_invalid" and kind not in (None, "JSON"):
            judged = ", which blobtransfer judge reads" if kind == "CSV" else ""
            raise ResultsFileError(name, f"this looks like {kind}{judged}") from error
        key, problem = _first_problem(problems)
        raise ResultsFileError(name, f"{key}: {problem.lower()}") from error
    except SettingError as error:
        raise ResultsFileError(name, f"spec: {error}") from error
    except ValueError as error:
        raise ResultsFileError(name, str(error)) from error


def _in_utf8(text: bytes, name: str) -> bytes:
    """Return a text as UTF-8 without byte order mark; text without one is unchanged."""
    encoding = detect_encoding(text)
    try:
        if encoding is not None:
            return text.decode(encoding).encode()
        if identify_format(text) == "JSON":
            text.decode()
        return text
    except UnicodeError as error:
        encoding = (encoding or "utf-8").removesuffix("-sig").upper()
        raise ResultsFileError(name, f"the text is not valid {encoding}") from error


def _first_problem(errors: Sequence[Any]) -> tuple[str, str]:
    """Return the key and the message of the first error.

    A data specification is validated as each kind; errors of other kinds are ignored.
    """
    of_kind = [error for error in errors if error["loc"][-1:] == ("kind",)]
    other_kinds = [error["loc"][:-1] for error in of_kind]
    relevant = [
        error for error in errors if not any(error["loc"][: len(loc)] == loc for loc in other_kinds)
    ]
    first = (relevant or of_kind)[0]
    if first["type"].startswith("union_tag"):
        missing = first["type"] == "union_tag_not_found"
        expected = first.get("ctx", {}).get("expected_tags", "")
        return "command", "field required" if missing else f"input should be {expected}"
    names = [str(word) for word in first["loc"][1:] if not str(word).endswith("Spec")]
    return ".".join(names) or "the text", str(first["msg"])


def _results_of(file: ResultsFile) -> StudyResults | TrainingResults:
    """Return the results of a training or a comparison, without the findings.

    Raises:
        ValueError: No command could have written the file; the message says where.
    """
    spec = file.spec
    check_spec(spec)
    provenance = _provenance_of(file)
    if file.command == "compare":
        study = Study.of_one(spec)
        values = _values_of(file, spec, file.interrupted)
        _check_maps(file.regions, file.predictions, spec.network.n_classes)
        _baseline_of(file)
        return StudyResults(study, (CellResults(**values),), provenance)
    if len(file.runs) * len(spec.arms) != 1:
        raise ValueError(f"runs: {file.command} has one run of one variant")
    values = _values_of(file, spec, file.interrupted, spec.curve_metrics)
    _check_maps(file.regions, file.predictions, spec.network.n_classes)
    return TrainingResults(
        **values,
        command=file.command,
        provenance=provenance,
        regions=file.regions,
        predictions=file.predictions,
        baseline=_baseline_of(file),
    )


def _study_of(file: StudyFile) -> StudyResults:
    """Return the results of a study of several cells, without the findings.

    Raises:
        ValueError: No command could have written the file; the message says where.
    """
    study = file.spec
    if file.command != study.kind:
        raise ValueError(f"spec: it is of {study.kind}, not of {file.command}")
    check_study(study)
    provenance = _provenance_of(file)
    n_cells = len(file.cells)
    if not n_cells or [cell.at for cell in file.cells] != [
        cell.at for cell in study.cells[:n_cells]
    ]:
        raise ValueError("cells: they are not those of the spec")
    if n_cells < len(study.cells) and not file.interrupted:
        raise ValueError(f"cells: {n_cells} of {len(study.cells)}, though it was not interrupted")
    cells = []
    for i, (record, spec) in enumerate(zip(file.cells, study.specs, strict=False)):
        try:
            values = _values_of(record, spec, record.interrupted)
        except ValueError as error:
            raise ValueError(f"cells.{i}.{error}") from error
        cells.append(CellResults(**values, at=record.at, distance=record.distance))
    return StudyResults(study, tuple(cells), provenance)


def _judged_of(file: JudgedFile) -> JudgedResults:
    """Return a judgement of scores, without the findings.

    Raises:
        ValueError: The command could not have written the file; the message says where.
    """
    spec = file.spec
    check_texts("spec", [spec.name, *(column.variant for column in spec.columns)])
    check_texts("runs.{}.repeat", [row.repeat for row in file.runs])
    repeats = tuple(dict.fromkeys(row.repeat for row in file.runs))
    if not repeats:
        raise ValueError("runs: the list is empty")
    index_of = {column: a for a, column in enumerate(spec.columns)}
    repeat_of = {repeat: r for r, repeat in enumerate(repeats)}
    scores = np.full((len(spec.columns), len(repeats)), math.nan)
    status = np.full(scores.shape, "", "U9")
    (low, high) = spec.scale
    for i, row in enumerate(file.runs):
        a, r = index_of.get(ScoreColumn(row.variant, row.sources)), repeat_of[row.repeat]
        if a is None:
            raise ValueError(f"runs.{i}: the spec has no variant {row.sources} {row.variant}")
        if status[a, r]:
            raise ValueError(f"runs.{i}: repeat {row.repeat} is repeated")
        if (row.score is None) != (row.status == "failed"):
            raise ValueError(f"runs.{i}: a score is missing, or its run failed")
        if row.score is not None and not low <= row.score <= high:
            raise ValueError(f"runs.{i}: {row.score:g} is not in {low:g} to {high:g}")
        scores[a, r] = math.nan if row.score is None else row.score
        status[a, r] = row.status
    if not status.all():
        raise ValueError("runs: not one of each variant in each repeat")
    return JudgedResults(spec, repeats, scores, status, _provenance_of(file))


def _provenance_of(file: FileHeader) -> Provenance:
    check_provenance(file.versions, file.machine, file.started)
    argv = tuple(map(escape_control_characters, file.argv))
    return Provenance(file.started, file.seconds, argv, file.versions, file.machine)


def _values_of(
    record: CellRecord,
    spec: ExperimentSpec,
    interrupted: bool,
    metrics: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Return the fields of `CellResults` that a record contains.

    Args:
        record: The record of a cell.
        spec: The experiment.
        interrupted: Whether repeats may be missing.
        metrics: Metrics of the learning curves; None: the metrics of a comparison.

    Raises:
        ValueError: No command could have written the record.
    """
    check_data_records(spec, record.tasks)
    check_source_run(spec, record.source_run)
    if not record.runs:
        raise ValueError("runs: the list is empty")
    for run in record.runs:
        if run.repeat >= spec.n_repeats:
            raise ValueError(f"runs: repeat {run.repeat} is not in 0 to {spec.n_repeats - 1}")
        if run.classes_predicted > spec.network.n_classes:
            raise ValueError(f"runs: {run.classes_predicted} classes cannot be predicted")
    scores = Scores.from_rows(record.runs, spec.arms, spec.judged)
    check_epochs(scores, spec.training, [spec.n_epochs(arm) for arm in spec.arms])
    if spec.training.patience is None:
        scores = replace(scores, epochs=None)
    if scores.n_repeats < spec.n_repeats and not (interrupted or spec.until_decided):
        raise ValueError(f"runs: of {scores.n_repeats} repeats, not {spec.n_repeats}")
    if metrics is None:
        metrics = spec.curve_metrics[:1] if spec.speed else ()
    return {
        "spec": spec,
        "tasks": record.tasks,
        "source_run": record.source_run,
        "scores": scores,
        "curves": _curves_of(record, spec, metrics),
        "transferability": _transferability_of(record, spec),
        "interrupted": interrupted,
        "n_mixed": record.n_mixed,
    }


def _check_maps(regions: Regions | None, predictions: Predictions | None, n_classes: int) -> None:
    if regions is not None:
        _check_regions(regions, n_classes)
    if predictions is not None:
        _check_predictions(predictions, n_classes)


def _check_predictions(predictions: Predictions, n_classes: int) -> None:
    if (
        len({len(predictions.points), len(predictions.labels), len(predictions.predicted)}) > 1
        or not predictions.points
    ):
        raise ValueError("predictions: not one label and one prediction for each point")
    if max(*predictions.labels, *predictions.predicted) >= n_classes:
        raise ValueError("predictions: unknown class")
    if not all(map(str.isprintable, predictions.axes)):
        raise ValueError("predictions: it contains control characters")


def _check_regions(regions: Regions, n_classes: int) -> None:
    rows = regions.rows
    if not rows or any(len(row) % 2 for row in rows):
        raise ValueError("regions: a row is not a list of classes and counts, or there are none")
    if len({sum(row[1::2]) for row in rows}) != 1 or not sum(rows[0][1::2]):
        raise ValueError("regions: the rows are not of one length")
    if len(rows) * sum(rows[0][1::2]) > MAX_GRID_POINTS:
        raise ValueError(f"regions: more than {MAX_GRID_POINTS:,} places")
    if not regions.x[0] < regions.x[1] or regions.y[0] > regions.y[1]:
        raise ValueError("regions: the last place is not beyond the first")
    if max(max(row[::2]) for row in rows) >= n_classes or max(regions.labels, default=0) >= (
        n_classes
    ):
        raise ValueError("regions: unknown class")
    if len(regions.points) != len(regions.labels):
        raise ValueError("regions: not one label for each point")
    if regions.centers is not None and len(regions.centers) != n_classes:
        raise ValueError("regions: not one centre for each class")


def _transferability_of(record: CellRecord, spec: ExperimentSpec) -> NDArray[np.float64] | None:
    """Return the (5, R) scores of the source networks; None if they were not recorded.

    Raises:
        ValueError: There is not exactly one set of scores for each repeat.
    """
    by_repeat = {row.repeat: row for row in record.transferability}
    repeats = sorted({run.repeat for run in record.runs}) if spec.transferability else []
    if sorted(by_repeat) != repeats or len(by_repeat) < len(record.transferability):
        raise ValueError("transferability: not one row for each repeat")
    if not repeats:
        return None
    rows = [[getattr(by_repeat[repeat], name) for name in SCORES] for repeat in repeats]
    return np.array(rows, float).T


def _baseline_of(file: ResultsFile) -> StandaloneTraining | None:
    """Return the standalone training that `train-target` compares its network with.

    Raises:
        ValueError: `train-target` could not have written it.
    """
    record = file.baseline
    if record is None:
        return None
    if file.command != "train-target" or file.spec.arms == (STANDALONE_ARM,):
        raise ValueError("baseline: the command has none")
    try:
        scores = Scores.from_rows([record.run], (STANDALONE_ARM,), file.spec.judged)
        check_epochs(scores, file.spec.training, [file.spec.n_epochs(STANDALONE_ARM)])
    except ValueError as error:
        raise ValueError(f"baseline: {str(error).partition(': ')[2]}") from error
    if _key(record.curve) != _key(record.run) or record.run.repeat != file.runs[0].repeat:
        raise ValueError("baseline: it is not of the run beside it")
    _check_maps(record.regions, record.predictions, file.spec.network.n_classes)
    n_epochs = file.spec.n_epochs(STANDALONE_ARM)
    curves = _curve_grid([record.curve], n_epochs, file.spec.curve_metrics)
    return StandaloneTraining(record.run, curves[:, 0], record.regions, record.predictions)


def _curves_of(record: CellRecord, spec: ExperimentSpec, metrics: Sequence[str]) -> Curves:
    """Return the learning curves by arm; empty without a metric.

    Raises:
        ValueError: There is not exactly one curve for each run, with the epochs of its arm.
    """
    by_key = {_key(row): row for row in record.curves}
    if by_key.keys() != ({_key(run) for run in record.runs} if metrics else set()):
        raise ValueError("curves: they are not those of the runs")
    if not by_key:
        return {}
    repeats = sorted({run.repeat for run in record.runs})
    finished = {_key(run) for run in record.runs if run.status == "ok"}
    accuracies = {key: getattr(row, metrics[0]) or () for key, row in by_key.items()}
    if any(None in accuracy for key, accuracy in accuracies.items() if key in finished):
        raise ValueError("curves: an accuracy is missing, though the run did not fail")
    return {
        arm: _curve_grid(
            [by_key[(*arm.columns.values(), repeat)] for repeat in repeats],
            spec.n_epochs(arm),
            metrics,
        )
        for arm in spec.arms
    }


def _curve_grid(
    rows: Sequence[CurveRow], n_epochs: int, metrics: Sequence[str]
) -> NDArray[np.float64]:
    """Return the curves of the rows, (M, R, E + 1)."""
    grid = np.empty((len(metrics), len(rows), n_epochs + 1))
    for r, row in enumerate(rows):
        for m, metric in enumerate(metrics):
            values = getattr(row, metric)
            if values is None or len(values) != n_epochs + 1:
                raise ValueError(f"curves: not one {metric} for each of {n_epochs} epochs and 0")
            grid[m, r] = [math.nan if value is None else value for value in values]
    return grid


def _key(row: CurveRow | Run) -> tuple[str, str, int | None, int]:
    return row.sources, row.variant, row.fixed, row.repeat
