"""Results <-> JSON: what was run and what came out, with the same numbers in every format.

The format is described by `results.schema.json` beside this file. What is read back is what
was run and what came out; the statistics are computed again by `analysis.load`.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from importlib.resources import files
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from blobtransfer.errors import ResultsFileError, SettingError
from blobtransfer.file_signatures import detect_encoding, identify_format
from blobtransfer.results.files.checks import (
    check_provenance,
    check_source_run,
    check_spec,
    check_tasks,
)
from blobtransfer.results.files.schema import (
    SCHEMA_VERSION,
    CurveRow,
    ResultsFile,
    Sentence,
    TransferabilityRow,
    encodable,
    row_of,
)
from blobtransfer.results.results import Baseline, Curves, Predictions, Regions, Results
from blobtransfer.results.scores import Run, Scores, finite
from blobtransfer.results.study import StudyResults
from blobtransfer.specs.checks import printable
from blobtransfer.specs.experiment import Arm
from blobtransfer.specs.task import ROLES
from blobtransfer.specs.training import METRICS
from blobtransfer.specs.variant import STANDALONE
from blobtransfer.statistics.transferability import SCORES

VERSION_1 = re.compile(rb'"schema_version"\s*:\s*1\b')

NO_VERSION = re.compile(rb'"schema_version"\s*:\s*\d+[.eE]')
"""A version that is not a whole number, which a reader would take for one."""

OF_A_STUDY = re.compile(rb'^\s*\{[^{}]*"command"\s*:\s*"(sweep|pairs|grid)"')
"""How a study begins."""

FROM_SCRATCH = Arm(STANDALONE, "none")

MAX_PLACES = 4_000_000
"""Most places of a grid."""


def to_json(
    results: Results, sentences: Sequence[Sentence] = (), cautions: Sequence[str] = ()
) -> Iterator[str]:
    """Write one object that follows `results.schema.json`; what is not finite is null.

    Args:
        results: Of any command.
        sentences: The answers in words.
        cautions: The cautions of the findings in words, in their order.

    Yields:
        The text, piece by piece; a run, a curve and a summary take a line each.
    """
    record = {
        **json_head(results),
        "tasks": [asdict(task) for task in results.tasks],
        "source_run": None if results.source_run is None else asdict(results.source_run),
        "n_mixed": results.n_mixed,
    }
    findings = results.findings
    # asdict copies deeply, which takes most of the time where there are many runs
    names = [column.name for column in fields(Run)]
    lists: dict[str, Iterable[dict[str, Any]]] = {
        "sentences": map(asdict, sentences),
        "cautions": (
            {"kind": caution.kind, "text": text, **row_of(caution)}
            for caution, text in zip(findings.cautions, cautions, strict=True)
        ),
        "summary": map(row_of, findings.summary),
        "runs": ({name: getattr(run, name) for name in names} for run in results.rows()),
        "contrasts": map(row_of, findings.contrasts),
        "speed": map(row_of, findings.speed),
        "curves": curve_rows(results),
        "rankings": map(row_of, findings.rankings),
        "transferability": map(asdict, transferability_rows(results)),
    }
    yield json.dumps(record, indent=1, allow_nan=False).removesuffix("\n}")
    yield ',\n "regions": '
    yield json.dumps(None if results.regions is None else asdict(results.regions))
    yield ',\n "predictions": '
    yield json.dumps(None if results.predictions is None else asdict(results.predictions))
    yield ',\n "baseline": '
    yield json.dumps(_baseline_record(results), allow_nan=False)
    yield from json_lists(lists)
    yield "\n}\n"


def json_head(results: Results | StudyResults) -> dict[str, Any]:
    """Say what was run, where and when: the first keys of every file of results."""
    return {
        "schema_version": SCHEMA_VERSION,
        "command": results.command,
        "argv": encodable(results.argv),
        "spec": encodable(asdict(results.spec)),
        "versions": results.versions,
        "machine": results.machine,
        "started": results.started,
        "seconds": results.seconds,
        "interrupted": results.interrupted,
    }


def json_lists(lists: Mapping[str, Iterable[dict[str, Any]]]) -> Iterator[str]:
    """Write lists as the last keys of an object that is open; a row takes a line."""
    for name, rows in lists.items():
        yield f',\n "{name}": ['
        for i, row in enumerate(rows):
            yield ("," if i else "") + "\n  " + json.dumps(row, allow_nan=False)
        yield "\n ]"


def read_json(text: bytes, name: str) -> Results | StudyResults:
    """Read what a command wrote, of this version or the one before, without the findings.

    Args:
        text: UTF-8, or UTF-16 with a byte order mark, as shells of Windows write it.
        name: What the text is called where it is refused.

    Raises:
        ResultsFileError: The text is not a result, or not one that a command could have written.
    """
    from pydantic import TypeAdapter, ValidationError

    from blobtransfer.results.files.study_json import StudyFile, study_of

    text = _in_utf8(text, name)
    if NO_VERSION.search(text):
        raise ResultsFileError(name, "schema_version: input should be 2")
    try:
        if OF_A_STUDY.search(text):
            return study_of(TypeAdapter(StudyFile).validate_json(text, strict=True))
        file = TypeAdapter(ResultsFile).validate_json(_in_this_version(text), strict=True)
        return comparison_of(file)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        kind = identify_format(text)
        if problems[0]["type"] == "json_invalid" and kind not in (None, "JSON"):
            raise ResultsFileError(name, f"this looks like {kind}") from error
        place, problem = _first_problem(problems)
        raise ResultsFileError(name, f"{place}: {problem.lower()}") from error
    except SettingError as error:
        raise ResultsFileError(name, f"spec: {error}") from error
    except ValueError as error:
        raise ResultsFileError(name, str(error)) from error


def comparison_of(file: ResultsFile) -> Results:
    """Lay out what was read of any command but a study, without the findings.

    Raises:
        ValueError: It is not one that a command could have written; the message says where.
    """
    _check(file)
    return Results(
        command=file.command,
        spec=file.spec,
        started=file.started,
        seconds=file.seconds,
        tasks=file.tasks,
        source_run=file.source_run,
        scores=_scores_of(file),
        curves=_curves_of(file),
        transferability=_transferability_of(file),
        regions=file.regions,
        predictions=file.predictions,
        baseline=_baseline_of(file),
        interrupted=file.interrupted,
        n_mixed=file.n_mixed,
        argv=tuple(map(printable, file.argv)),
        versions=file.versions,
        machine=file.machine,
    )


def json_schema(name: Literal["results", "study"] = "results") -> dict[str, Any]:
    """Give the JSON Schema (2020-12) that every JSON result follows, or that of a study does."""
    text = files("blobtransfer.results.files").joinpath(f"{name}.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def _in_utf8(text: bytes, name: str) -> bytes:
    """Rewrite a text that begins with a byte order mark; leave all else to the reader."""
    encoding = detect_encoding(text)
    try:
        if encoding is not None:
            return text.decode(encoding).encode()
        if identify_format(text) == "JSON":
            text.decode()
        return text
    except UnicodeError as error:
        encoding = (encoding or "utf-8").removesuffix("-sig").upper()
        raise ResultsFileError(name, f"the text is no {encoding} all through") from error


def _in_this_version(text: bytes) -> bytes:
    """Rewrite a file of version 1; leave all else, good or bad, to the reader."""
    if not VERSION_1.search(text):
        return text
    try:
        record = json.loads(text)
        if type(record["schema_version"]) is not int or record["schema_version"] != 1:
            return text
        record["schema_version"] = SCHEMA_VERSION
        for role in ROLES:
            if record["spec"][role] is not None:
                record["spec"][role]["kind"] = "blobs"
        for variant in record["spec"]["variants"]:
            variant["n_frozen"] = variant.pop("n_fixed")
        for task in record["tasks"]:
            task["name"] = f"problem {task.pop('seed')}"
            task["floor"] = 1 / record["spec"]["network"]["n_classes"]
        if record.get("regions") is not None:
            record["regions"]["rows"] = record["regions"].pop("runs")
        return json.dumps(record).encode()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return text


def _first_problem(errors: Sequence[Any]) -> tuple[str, str]:
    """Give place and text of the first error, of a problem those of its own kind.

    Every kind of problem is tried, and complains; those whose `kind` is another do not count.
    """
    others = [one["loc"][:-1] for one in errors if one["loc"][-1:] == ("kind",)]
    own = [one for one in errors if not any(one["loc"][: len(loc)] == loc for loc in others)]
    of_kind = [one for one in errors if one["loc"][-1:] == ("kind",)]
    first = (own or of_kind)[0]
    names = [str(part) for part in first["loc"] if not str(part).endswith("Spec")]
    return ".".join(names) or "the text", str(first["msg"])


def _check(file: ResultsFile) -> None:
    """Raise `ValueError` for what no command could have written, though its types are right."""
    spec = file.spec
    check_spec(spec)
    if file.command == "compare":
        spec.check_comparison()
    check_tasks(spec, file.tasks)
    check_provenance(file.versions, file.machine, file.started)
    check_source_run(spec, file.source_run)
    if not file.runs:
        raise ValueError("runs: there is none")
    if file.command != "compare" and len(file.runs) * len(spec.arms) != 1:
        raise ValueError(f"runs: {file.command} has one run of one variant")
    for run in file.runs:
        if run.repeat >= spec.n_repeats:
            raise ValueError(f"runs: repeat {run.repeat} is not in 0 to {spec.n_repeats - 1}")
        if run.classes_predicted > spec.network.n_classes:
            raise ValueError(f"runs: {run.classes_predicted} classes cannot be predicted")
    if file.regions is not None:
        _check_regions(file.regions, spec.network.n_classes)
    if file.predictions is not None:
        _check_predictions(file.predictions, spec.network.n_classes)


def _check_predictions(found: Predictions, n_classes: int) -> None:
    if len({len(found.points), len(found.labels), len(found.predicted)}) > 1 or not found.points:
        raise ValueError("predictions: not one label and one prediction for each point")
    if max(*found.labels, *found.predicted) >= n_classes:
        raise ValueError("predictions: there is an unknown class")
    if not all(map(str.isprintable, found.axes)):
        raise ValueError("predictions: it contains control characters")


def _check_regions(regions: Regions, n_classes: int) -> None:
    rows = regions.rows
    if not rows or any(len(row) % 2 for row in rows):
        raise ValueError("regions: a row is not a list of classes and counts, or there are none")
    if len({sum(row[1::2]) for row in rows}) != 1 or not sum(rows[0][1::2]):
        raise ValueError("regions: the rows are not of one length")
    if len(rows) * sum(rows[0][1::2]) > MAX_PLACES:
        raise ValueError(f"regions: more than {MAX_PLACES:,} places")
    if not regions.x[0] < regions.x[1] or regions.y[0] > regions.y[1]:
        raise ValueError("regions: the last place is not beyond the first")
    if max(max(row[::2]) for row in rows) >= n_classes or max(regions.labels, default=0) >= (
        n_classes
    ):
        raise ValueError("regions: there is an unknown class")
    if len(regions.points) != len(regions.labels):
        raise ValueError("regions: not one label for each point")
    if regions.centers is not None and len(regions.centers) != n_classes:
        raise ValueError("regions: not one centre for each class")


def _scores_of(file: ResultsFile) -> Scores:
    scores = Scores.from_rows(file.runs, file.spec.arms)
    may_be_fewer = file.interrupted or file.spec.until_decided
    if scores.n_repeats < file.spec.n_repeats and not may_be_fewer:
        raise ValueError(f"runs: of {scores.n_repeats} repeats, not {file.spec.n_repeats}")
    return scores


def curve_rows(results: Results) -> Iterator[dict[str, Any]]:
    """Give the curve of every run, by repeat, then arm."""
    for r, repeat in enumerate(results.scores.repeats if results.curves else ()):
        for arm in results.scores.arms:
            yield _curve_row(arm, int(repeat), results.curves[arm][:, r])


def transferability_rows(results: Results) -> Iterator[TransferabilityRow]:
    """Give the scores of the source network of every repeat."""
    if results.transferability is not None:
        for repeat, own in zip(results.scores.repeats, results.transferability.T, strict=True):
            yield TransferabilityRow(int(repeat), *map(finite, own.tolist()))


def _transferability_of(file: ResultsFile) -> NDArray[np.float64] | None:
    """Lay the scores of the source networks out.

    Raises:
        ValueError: They are not one set for each repeat.
    """
    by_repeat = {row.repeat: row for row in file.transferability}
    repeats = sorted({run.repeat for run in file.runs}) if file.spec.transferability else []
    if sorted(by_repeat) != repeats or len(by_repeat) < len(file.transferability):
        raise ValueError("transferability: not one row for each repeat")
    if not repeats:
        return None
    rows = [[getattr(by_repeat[repeat], name) for name in SCORES] for repeat in repeats]
    return np.array(rows, float).T


def _curve_row(arm: Arm, repeat: int, curves: NDArray[np.float64]) -> dict[str, Any]:
    by_metric = {
        metric: [finite(value) for value in curve.tolist()]
        for metric, curve in zip(METRICS, curves, strict=False)
    }
    return {**arm.columns, "repeat": repeat, **by_metric}


def _baseline_record(results: Results) -> dict[str, Any] | None:
    baseline = results.baseline
    if baseline is None:
        return None
    return {
        "run": asdict(baseline.run),
        "curve": _curve_row(FROM_SCRATCH, baseline.run.repeat, baseline.curves),
        "regions": None if baseline.regions is None else asdict(baseline.regions),
        "predictions": None if baseline.predictions is None else asdict(baseline.predictions),
    }


def _baseline_of(file: ResultsFile) -> Baseline | None:
    """Lay out the training from scratch beside the one network.

    Raises:
        ValueError: It is not one that `train-target` could have written.
    """
    record = file.baseline
    if record is None:
        return None
    if file.command != "train-target" or file.spec.arms == (FROM_SCRATCH,):
        raise ValueError("baseline: the command has none")
    try:
        Scores.from_rows([record.run], (FROM_SCRATCH,))
    except ValueError as error:
        raise ValueError(f"baseline: {str(error).partition(': ')[2]}") from error
    if _key(record.curve) != _key(record.run) or record.run.repeat != file.runs[0].repeat:
        raise ValueError("baseline: it is not of the run beside it")
    if record.regions is not None:
        _check_regions(record.regions, file.spec.network.n_classes)
    if record.predictions is not None:
        _check_predictions(record.predictions, file.spec.network.n_classes)
    curves = _curve_grid(
        file, {_key(record.curve): record.curve}, FROM_SCRATCH, [record.run.repeat], METRICS
    )
    return Baseline(record.run, curves[:, 0], record.regions, record.predictions)


def _curves_of(file: ResultsFile) -> Curves:
    """Lay the curves out by arm.

    Raises:
        ValueError: They are not one for each run, of the epochs of its arm.
    """
    is_wanted = file.spec.speed or file.command != "compare"
    metrics = METRICS[:1] if file.command == "compare" else METRICS
    own = {_key(row): row for row in file.curves}
    if own.keys() != ({_key(run) for run in file.runs} if is_wanted else set()):
        raise ValueError("curves: they are not those of the runs")
    if not own:
        return {}
    repeats = sorted({run.repeat for run in file.runs})
    ok = {_key(run) for run in file.runs if run.status == "ok"}
    if any(None in row.test_accuracy for key, row in own.items() if key in ok):
        raise ValueError("curves: an accuracy is missing, though the run did not fail")
    return {arm: _curve_grid(file, own, arm, repeats, metrics) for arm in file.spec.arms}


def _curve_grid(
    file: ResultsFile,
    own: dict[Any, CurveRow],
    arm: Arm,
    repeats: Sequence[int],
    metrics: Sequence[str],
) -> NDArray[np.float64]:
    """Give the curves of one arm, (M, R, E + 1)."""
    n = file.spec.n_epochs(arm) + 1
    grid = np.empty((len(metrics), len(repeats), n))
    for r, repeat in enumerate(repeats):
        row = own[(*arm.columns.values(), repeat)]
        for m, metric in enumerate(metrics):
            values = getattr(row, metric)
            if values is None or len(values) != n:
                raise ValueError(f"curves: not one {metric} for each of {n - 1} epochs and 0")
            grid[m, r] = [math.nan if value is None else value for value in values]
    return grid


def _key(row: CurveRow | Run) -> tuple[str, str, int | None, int]:
    return row.sources, row.variant, row.fixed, row.repeat
