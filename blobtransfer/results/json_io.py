"""Results <-> files: CSV out, JSON out and in; the same numbers in every format.

The JSON format is described by `results.schema.json` beside this file. What is read back is
what was run and what came out; the statistics are computed from it again.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from importlib.resources import files
from typing import Any, ClassVar, Literal

import numpy as np

from blobtransfer.errors import ResultsFileError, SettingError
from blobtransfer.experiment.analyse import analyse
from blobtransfer.results.results import (
    SCHEMA_VERSION,
    SCORES,
    Curve,
    Regions,
    Results,
    Run,
    Runs,
    TaskRecord,
    finite,
)
from blobtransfer.specs.experiment import Arm, ExperimentSpec
from blobtransfer.specs.variant import STANDALONE


def to_csv(results: Results) -> Iterator[str]:
    """Write one line a run, with a header; the same runs give the same bytes.

    Yields:
        The text, line by line.
    """
    names = [column.name for column in fields(Run)]
    yield ",".join(names) + "\n"
    for run in results.runs:
        yield ",".join(_cell(getattr(run, name)) for name in names) + "\n"


def to_json(results: Results) -> Iterator[str]:
    """Write one object that follows `results.schema.json`; what is not finite is null.

    Yields:
        The text, piece by piece; a run, a curve and a summary take a line each.
    """
    record: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "command": results.command,
        # bytes that are no UTF-8 are no text, which a reader of JSON may insist on
        "argv": [arg.encode("utf-8", "backslashreplace").decode() for arg in results.argv],
        "spec": asdict(results.spec),
        "versions": results.versions,
        "machine": results.machine,
        "started": results.started,
        "seconds": results.seconds,
        "interrupted": results.interrupted,
        "tasks": [asdict(task) for task in results.tasks],
        "source_run": None if results.source_run is None else asdict(results.source_run),
        "regions": None if results.regions is None else asdict(results.regions),
    }
    # asdict copies deeply, which takes most of the time where there are many runs
    names = [column.name for column in fields(Run)]
    lists: dict[str, Iterable[dict[str, Any]]] = {
        "summary": map(asdict, results.findings.summary),
        "runs": ({name: getattr(run, name) for name in names} for run in results.runs),
    }
    if results.findings.contrasts:
        lists["contrasts"] = map(asdict, results.findings.contrasts)
    if results.findings.speed:
        lists["speed"] = map(asdict, results.findings.speed)
    if results.curves:
        lists["curves"] = map(_curve_as_dict, results.curves)
    yield json.dumps(record, indent=1, allow_nan=False).removesuffix("\n}")
    for name, rows in lists.items():
        yield f',\n "{name}": ['
        for i, row in enumerate(rows):
            yield ("," if i else "") + "\n  " + json.dumps(row, allow_nan=False)
        yield "\n ]"
    yield "\n}\n"


def from_json(text: bytes, name: str, margin: float | None = None) -> Results:
    """Read what `to_json` wrote; the statistics in it are computed again, not read.

    Args:
        text: UTF-8.
        name: What the text is called where it is refused.
        margin: In place of the one that the results were computed with.

    Raises:
        ResultsFileError: These are no results, or not such as a command could have written.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        file: _File = TypeAdapter(_File).validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the text"
        raise ResultsFileError(name, f"{place}: {first['msg'].lower()}") from error
    except SettingError as error:
        raise ResultsFileError(name, f"spec: {error}") from error
    problem = _inconsistency(file)
    if problem is not None:
        raise ResultsFileError(name, problem)
    spec = file.spec if margin is None else replace(file.spec, margin=margin)
    runs = Runs(file.runs)
    curves = tuple(_curve_from(row) for row in file.curves)
    return Results(
        command=file.command,
        argv=file.argv,
        spec=spec,
        started=file.started,
        seconds=file.seconds,
        tasks=file.tasks,
        source_run=file.source_run,
        runs=runs,
        findings=analyse(
            spec,
            runs,
            file.tasks[-1].ceiling,
            curves if file.command == "compare" else (),
        ),
        curves=curves,
        regions=file.regions,
        interrupted=file.interrupted,
        versions=file.versions,
        machine=file.machine,
    )


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema (2020-12) that every JSON result follows."""
    text = files("blobtransfer.results").joinpath("results.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


@dataclass(frozen=True)
class _CurveRow:
    """A curve as JSON has it."""

    sources: str
    variant: str
    fixed: int | None
    repeat: int
    test_accuracy: list[float | None]
    train_accuracy: list[float | None] | None = None
    test_loss: list[float | None] | None = None
    train_loss: list[float | None] | None = None


@dataclass(frozen=True)
class _File:
    """What is read of a JSON result."""

    __pydantic_config__: ClassVar[dict[str, bool]] = {"allow_inf_nan": False}

    schema_version: Literal[1]
    command: Literal["train-source", "train-target", "compare"]
    argv: tuple[str, ...]
    spec: ExperimentSpec
    versions: dict[str, str]
    machine: dict[str, str | int | None]
    started: str
    seconds: float
    interrupted: bool
    tasks: tuple[TaskRecord, ...]
    source_run: Run | None
    runs: list[Run]
    regions: Regions | None = None
    curves: tuple[_CurveRow, ...] = ()


def _inconsistency(file: _File) -> str | None:
    """Find what could not have been written by a command, though every value has its type."""
    if not (file.spec.model_path or "").isprintable():
        return "spec.model_path: it would act on a terminal"
    if file.seconds < 0.0:
        return "seconds: below 0"
    roles = [task.role for task in file.tasks]
    wanted = [role for role in ("source", "target") if getattr(file.spec, role) is not None]
    if roles != wanted or not roles:
        return f"tasks: of {roles}, but the spec has {wanted}"
    if not all(
        0.0 <= task.ceiling <= 1.0 and min(task.n_train, task.n_test) > 0 for task in file.tasks
    ):
        return "tasks: a ceiling is no share, or there are no rows"
    if not file.spec.questions:
        return "spec.questions: there is none"
    if not file.runs:
        return "runs: there is none"
    arms = {tuple(arm.label_fields.values()) for arm in file.spec.arms}
    if file.command != "compare" and len(file.runs) * len(arms) != 1:
        return f"runs: {file.command} has one run of one variant"
    seen = set()
    for i, run in enumerate(file.runs):
        arm = (run.sources, run.variant, run.fixed)
        place = f"runs.{i}"
        if arm not in arms:
            return f"{place}: the spec has no variant {' '.join(map(str, arm))}"
        if not 0 <= run.repeat < file.spec.n_repeats:
            return f"{place}: repeat {run.repeat} is not in 0 to {file.spec.n_repeats - 1}"
        if (arm, run.repeat) in seen:
            return f"{place}: repeat {run.repeat} is there twice"
        seen.add((arm, run.repeat))
    runs = {f"runs.{i}": run for i, run in enumerate(file.runs)}
    if file.source_run is not None:
        runs["source_run"] = file.source_run
        label = (file.source_run.sources, file.source_run.variant, file.source_run.fixed)
        if label != tuple(Arm(STANDALONE, "none").label_fields.values()):
            return "source_run: it is no standalone run"
    for place, run in runs.items():
        scores = [getattr(run, score) for score in SCORES]
        if run.is_ok and None in scores:
            return f"{place}: a score is missing, though the run did not fail"
        if not all(score is None or 0.0 <= score <= 1.0 for score in scores[:2]):
            return f"{place}: an accuracy is no share"
        if not 0 <= run.classes_predicted <= file.spec.network.n_classes:
            return f"{place}: {run.classes_predicted} classes cannot be predicted"
    return _inconsistent_drawing(file)


def _inconsistent_drawing(file: _File) -> str | None:
    """Find what is wrong with curves and regions."""
    if {(c.sources, c.variant, c.fixed, c.repeat) for c in file.curves} != (
        {(r.sources, r.variant, r.fixed, r.repeat) for r in file.runs}
        if file.spec.speed or file.command != "compare"
        else set()
    ):
        return "curves: they are not those of the runs"
    epochs = {
        tuple(arm.label_fields.values()): arm.variant.n_epochs(file.spec.training)
        for arm in file.spec.arms
    }
    failed = {(r.sources, r.variant, r.fixed, r.repeat) for r in file.runs if not r.is_ok}
    for i, curve in enumerate(file.curves):
        label = (curve.sources, curve.variant, curve.fixed, curve.repeat)
        wanted = epochs[curve.sources, curve.variant, curve.fixed] + 1
        for score in SCORES:
            heights = getattr(curve, score)
            if heights is None and file.command == "compare":
                continue
            if heights is None or len(heights) != wanted:
                return f"curves.{i}.{score}: not one figure for each of {wanted - 1} epochs and 0"
            if score in SCORES[:2] and not all(
                label in failed if height is None else 0.0 <= height <= 1.0 for height in heights
            ):
                return f"curves.{i}.{score}: an accuracy is no share"
    if file.regions is not None:
        rows = file.regions.runs
        if any(len(row) % 2 or min(row, default=0) < 0 for row in rows):
            return "regions: a row is no list of classes and counts"
        if len({sum(row[1::2]) for row in rows}) != 1 or not 0 < sum(rows[0][1::2]) < 10_000:
            return "regions: the rows are not of one length"
        if max(max(row[::2]) for row in rows) >= file.spec.network.n_classes:
            return "regions: there is an unknown class"
    return None


def _curve_as_dict(curve: Curve) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(curve, name) for name in ("sources", "variant", "fixed")}
    row["repeat"] = curve.repeat
    for score in SCORES:
        heights = getattr(curve, score)
        if heights is not None:
            row[score] = [finite(height) for height in heights]
    return row


def _curve_from(row: _CurveRow) -> Curve:
    label = {name: getattr(row, name) for name in ("sources", "variant", "fixed", "repeat")}
    return Curve(**label, **{score: _heights(getattr(row, score)) for score in SCORES})


def _heights(values: list[float | None] | None) -> Any:
    return None if values is None else np.array(values, np.float64)


def _cell(value: object) -> str:
    return "" if value is None else str(value)
