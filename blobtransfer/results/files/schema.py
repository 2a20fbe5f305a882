"""The file format as types that pydantic uses to read, check and describe JSON files."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, is_dataclass, make_dataclass
from importlib.resources import files
from inspect import cleandoc
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Interval

from blobtransfer.results.findings import (
    Caution,
    Contrast,
    Rise,
    ScoreCaution,
    SourceRanking,
    Speed,
    Summary,
)
from blobtransfer.results.provenance import MAX_SECONDS
from blobtransfer.results.results import (
    MAX_DISTANCE,
    DataRecord,
    JudgedResults,
    Predictions,
    Regions,
)
from blobtransfer.results.scores import Count, Loss, Run, Share, finite
from blobtransfer.results.study_findings import (
    GridRanking,
    MarginalMean,
    PairRow,
    PooledSummary,
    StudyCaution,
    VerdictChange,
)
from blobtransfer.specs.experiment import Arm, ComparedQuestion, ExperimentSpec, Sources
from blobtransfer.specs.identity import plain
from blobtransfer.specs.scores import ScoreEnd, ScoresSpec
from blobtransfer.specs.study import ManyCellKind, Study

SCHEMA_VERSION = 2

DESCRIBED_BY = "described_by"
"""Attribute of a type with the classes whose docstrings describe its keys."""

SchemaName = Literal["results", "study", "judge"]


@dataclass(frozen=True)
class ArmColumns:
    """The variant that a row is about, and the source networks of its runs; see `Arm.columns`.

    Args:
        sources: Source networks: `fresh` for a new one in each repeat, `one` for the same one in
            all repeats, `none` for runs without a source network.
        variant: The variant without its number of frozen layers, such as `transfer`; `label` is
            the variant as the user writes it.
        fixed: Number of frozen hidden layers, counted from the input; null for standalone.
    """

    sources: Sources
    variant: str
    fixed: Count | None


@dataclass(frozen=True)
class LabelledArm(ArmColumns):
    """An arm in the findings.

    Args:
        label: The variant as the user writes it, such as `transfer fixed=1`; as in the runs.
    """

    label: str


@dataclass(frozen=True)
class CurveRow(ArmColumns):
    """The learning curve of one run; entry 0 is the untrained network.

    A comparison records only the judged metric, `test_accuracy` or `balanced_accuracy`.

    Args:
        repeat: Number of the repeat, from 0.
        test_accuracy: Accuracy on the test rows after each epoch, a share; null where diverged.
        train_accuracy: Accuracy on the training rows after each epoch, a share.
        test_loss: Loss on the test rows after each epoch, in nats.
        train_loss: Loss on the training rows after each epoch, in nats.
        balanced_accuracy: Mean recall of the classes of the test rows after each epoch, a share.
    """

    repeat: Count
    test_accuracy: tuple[Share | None, ...] | None = None
    train_accuracy: tuple[Share | None, ...] | None = None
    test_loss: tuple[Loss | None, ...] | None = None
    train_loss: tuple[Loss | None, ...] | None = None
    balanced_accuracy: tuple[Share | None, ...] | None = None


@dataclass(frozen=True)
class TransferabilityRow:
    """Transferability scores of the fresh source network of one repeat; null where it diverged.

    Args:
        repeat: Number of the repeat, from 0.
        h_score: H-score.
        h_score_regularised: Regularised H-score.
        logme: LogME.
        leep: LEEP, in nats.
        nce: Negative conditional entropy, in nats.
    """

    repeat: Count
    h_score: float | None
    h_score_regularised: float | None
    logme: float | None
    leep: float | None
    nce: float | None


@dataclass(frozen=True)
class BaselineRecord:
    """A training from scratch beside the network of `train-target`.

    Args:
        run: Scores of the training.
        curve: Its learning curve.
        regions: Its decision regions; null if they cannot be drawn.
        predictions: Its predictions if decision regions cannot be drawn; else null.
    """

    run: Run
    curve: CurveRow
    regions: Regions | None
    predictions: Predictions | None = None


@dataclass(frozen=True)
class Sentence:
    """The answer to a question, in words.

    Args:
        question: `fresh` (a new source network each repeat), `one` (the same source network in all
            repeats), or `scores` (of another program).
        text: The sentence.
    """

    question: ComparedQuestion
    text: str


@dataclass(frozen=True, kw_only=True)
class FileHeader:
    """What was run, when and where.

    Args:
        schema_version: Version of the file format.
        argv: Words of the command line, without the program; empty for results of a Python program.
        versions: Versions of Python and of the packages that can change a score.
        machine: Properties of the machine that can change a score or a time.
        started: Start of the command: UTC, ISO 8601.
        seconds: Seconds of all trainings, including their preparation.
        interrupted: Whether the command was stopped before all repeats were done.
    """

    __pydantic_config__: ClassVar[dict[str, bool]] = {"allow_inf_nan": False}

    schema_version: Literal[2]
    argv: tuple[str, ...]
    versions: dict[str, str]
    machine: dict[str, str | int | None]
    started: str
    seconds: Annotated[float, Interval(ge=0.0, le=MAX_SECONDS)]
    interrupted: bool


class FindingsRecord:
    """Findings in a file, for other readers; `blobtransfer` computes them again.

    Args:
        sentences: The answers in words, one per question or variant; none for a training.
        cautions: Reasons why the answers are less certain than they seem.
        summary: The statistics, one row per question and variant (and cell, of a study); of pairs
            one row per variant over all pairs.
        contrasts: Differences between two variants that explain an answer: to controls, or to a
            variant named by `against`.
        speed: Metrics of the speed of learning, if learning curves were recorded.
        rankings: How well transferability scores rank the source networks, if recorded.
        changes: Points of a sweep between which a verdict changes.
        pairs: The differences of each pair, one row per pair and variant.
        margins: Mean differences of the rows and columns of a grid.
    """


class FindingRow:
    """A row of the findings.

    Args:
        kind: Kind of the caution.
        text: The caution in words.
        at: Position of the cell: a value of each axis, as text.
    """


@dataclass(frozen=True, kw_only=True)
class CellRecord:
    """Scores of one comparison or training.

    Args:
        tasks: The data: source, if there is one, and target.
        source_run: Training of the source network that all repeats share; null if there is none,
            or if it was read from a file.
        runs: The runs, one row each, by repeat, then variant; the columns of the CSV.
        n_mixed: Number of repeats that were computed with other versions, or on machines that
            round differently.
        curves: Learning curves, one row per run; empty unless recorded.
        transferability: Transferability scores, one row per repeat; empty unless recorded.
    """

    tasks: tuple[DataRecord, ...]
    source_run: Run | None
    runs: list[Run]
    n_mixed: Count = 0
    curves: tuple[CurveRow, ...] = ()
    transferability: tuple[TransferabilityRow, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ResultsFile(CellRecord, FileHeader):
    """What is read of a training or a comparison; the statistics are computed again.

    Args:
        command: Name of the command.
        spec: All settings, with their defaults.
        regions: Decision regions of a training of two features or one; else null.
        predictions: Predictions of a training of more features; else null.
        baseline: Standalone training beside the network of `train-target`; else null.
    """

    command: Literal["train-source", "train-target", "compare"]
    spec: ExperimentSpec
    regions: Regions | None = None
    predictions: Predictions | None = None
    baseline: BaselineRecord | None = None


@dataclass(frozen=True, kw_only=True)
class StudyCellRecord(CellRecord):
    """Scores of one cell of a study.

    Args:
        at: Position of the cell: a value of each axis, as text.
        interrupted: Whether the cell was stopped before all its repeats were done.
        distance: Distance between the classes of source and target data of a pair, in standard
            deviations; null if unknown.
    """

    at: tuple[str, ...]
    interrupted: bool
    distance: Annotated[float, Interval(ge=0.0, le=MAX_DISTANCE)] | None = None


@dataclass(frozen=True, kw_only=True)
class StudyFile(FileHeader):
    """What is read of a study of several cells; the statistics are computed again.

    Args:
        command: Name of the command, which is the kind of the study.
        spec: All settings, with their defaults, and the axes.
        cells: The cells, one comparison each.
    """

    command: ManyCellKind
    spec: Study
    cells: tuple[StudyCellRecord, ...]


@dataclass(frozen=True)
class ScoreRow:
    """The score of one run of another program.

    Args:
        sources: Source networks of the run: `fresh`, `one`, or `none` without any or if unknown.
        variant: Name of the variant.
        repeat: Name of the repeat.
        score: The score, in the unit of the table that was read; null for a run that failed.
        status: `ok`, `failed` (no score), or `collapsed` (some classes are never predicted).
    """

    sources: Sources
    variant: str
    repeat: str
    score: ScoreEnd | None
    status: Literal["ok", "failed", "collapsed"] = "ok"


@dataclass(frozen=True, kw_only=True)
class JudgedFile(FileHeader):
    """What is read of a judgement of scores; the statistics are computed again.

    Args:
        command: Name of the command.
        spec: All settings, with their defaults.
        runs: The scores, one row per run, by repeat, then variant.
    """

    command: Literal["judge"]
    spec: ScoresSpec
    runs: tuple[ScoreRow, ...]


def score_rows(results: JudgedResults) -> Iterator[ScoreRow]:
    """Yield the row of each run, by repeat, then variant."""
    columns = results.spec.columns
    for r, repeat in enumerate(results.repeats):
        for column, score, status in zip(
            columns, results.scores[:, r].tolist(), results.status[:, r].tolist(), strict=True
        ):
            yield ScoreRow(column.sources, column.variant, repeat, finite(score), status)


def row_of(record: Any) -> dict[str, Any]:
    """Return a record of the findings as a JSON row, with the columns of `LabelledArm`."""
    row: dict[str, Any] = _plain(record.arm) if hasattr(record, "arm") else {}
    for column in fields(record):
        if column.name != "arm":
            row[column.name] = _plain(getattr(record, column.name))
    return row


def encodable(value: Any) -> Any:
    """Return plain data with each character escaped that UTF-8 cannot encode.

    File names may contain such characters (lone surrogates), which JSON parsers reject.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {name: encodable(item) for name, item in value.items()}
    return [encodable(item) for item in value] if isinstance(value, list | tuple) else value


def make_schema(name: SchemaName) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a file; it describes every key and allows no other.

    Args:
        name: `results` for a training or a comparison, `study` for several cells, `judge` for
            scores of another program.
    """
    from pydantic import TypeAdapter
    from pydantic.json_schema import GenerateJsonSchema

    class DescribedProperties(GenerateJsonSchema):
        def encode_default(self, dft: Any) -> Any:
            return super().encode_default(plain(dft))

        def dataclass_schema(self, schema: Any) -> dict[str, Any]:
            described = super().dataclass_schema(schema)
            described["description"] = _summary_of(schema["cls"])
            for name, text in _arguments_of(schema["cls"]).items():
                if name in described["properties"]:
                    described["properties"][name]["description"] = text
            return described

    shares = "Accuracies and their differences are shares in [-1, 1], losses are in nats"
    scores = "Scores and their differences are in the unit of the scores, shares are in [0, 1]"
    file, title, unit = {
        "results": (_results_file, "Results of a blobtransfer command", shares),
        "study": (_study_file, "Results of a blobtransfer study: sweep, pairs or grid", shares),
        "judge": (_judged_file, "Results of blobtransfer judge: scores of another program", scores),
    }[name]
    schema = TypeAdapter(file()).json_schema(schema_generator=DescribedProperties)
    _close(schema)
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        **schema,
        "title": title,
        "description": f"{unit}; what is not finite is null.",
    }


def json_schema(name: SchemaName = "results") -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a file; see `make_schema`."""
    text = files("blobtransfer.results.files").joinpath(f"{name}.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def _plain(value: Any) -> Any:
    if isinstance(value, Arm):
        return {**value.columns, "label": value.label}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "arm"):
        return row_of(value)
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def _results_file() -> Any:
    """Return the type of the file of a training or a comparison, findings included."""
    return _with_lists(
        ResultsFile,
        sentences=Sentence,
        cautions=_any_caution(text=str),
        summary=_row_type(Summary),
        **_cell_findings(),
    )


def _study_file() -> Any:
    """Return the type of the file of a study of several cells, findings included."""
    return _with_lists(
        StudyFile,
        cells=_with_lists(StudyCellRecord, **_cell_findings()),
        sentences=Sentence,
        cautions=_row_type(StudyCaution, first=_any_caution() | None, text=str),
        summary=_row_type(Summary, at=tuple[str, ...]) | _row_type(PooledSummary),
        changes=_row_type(VerdictChange),
        pairs=_row_type(PairRow),
        margins=_row_type(MarginalMean),
        rankings=_row_type(GridRanking),
    )


def _judged_file() -> Any:
    """Return the type of the file of a judgement of scores, findings included."""
    return _with_lists(
        JudgedFile,
        sentences=Sentence,
        cautions=_any_caution(ScoreCaution, text=str),
        summary=_row_type(Summary),
    )


def _any_caution(cautions: Any = Caution, **more: Any) -> Any:
    """Return the type of the rows of all cautions, with more columns."""
    kinds = get_args(cautions)
    return Union.__getitem__(
        tuple(_row_type(kind, kind=Literal[kind.kind], **more) for kind in kinds)
    )


def _cell_findings() -> dict[str, Any]:
    """Return the types of the rows of findings of a cell."""
    records = {"contrasts": Contrast, "speed": Speed, "rankings": SourceRanking}
    return {name: _row_type(record) for name, record in records.items()}


def _with_lists(base: type, **rows: Any) -> Any:
    """Return a type with additional keys, each a list of rows of one type."""
    many: Any = tuple.__class_getitem__
    columns = [(name, many((row, ...))) for name, row in rows.items()]
    return make_dataclass(
        base.__name__,
        columns,
        bases=(base, FindingsRecord),
        namespace={"__doc__": base.__doc__},
        frozen=True,
        kw_only=True,
    )


def _row_type(record: Any, **more: Any) -> Any:
    """Return the type of the rows that `row_of` returns for a record."""
    hints = get_type_hints(record, include_extras=True)
    names = [column.name for column in fields(record)]
    columns = get_type_hints(LabelledArm, include_extras=True) if "arm" in names else {}
    columns |= {name: _json_type(hints[name]) for name in names if name != "arm"}
    described_by = (FindingRow, LabelledArm, record)
    return make_dataclass(
        record.__name__,
        (columns | more).items(),
        namespace={"__doc__": record.__doc__, DESCRIBED_BY: described_by},
    )


def _json_type(kind: Any) -> Any:
    if kind is Arm:
        return LabelledArm
    if kind is Rise:
        return _row_type(kind)
    if get_origin(kind) is tuple:
        return tuple.__class_getitem__(tuple(_json_type(item) for item in get_args(kind)))
    return kind


def _summary_of(record: type) -> str:
    """Return the first paragraph of a docstring."""
    return _with_null(cleandoc(record.__doc__ or "").partition("\n\n")[0])


def _arguments_of(record: type) -> dict[str, str]:
    """Return the description of each argument in the docstrings of a class and its bases."""
    texts: dict[str, str] = {}
    for base in reversed(record.__mro__):
        for other in vars(base).get(DESCRIBED_BY, ()):
            texts |= _arguments_of(other)
        _, _, section = cleandoc(base.__doc__ or "").partition("Args:\n")
        section = section.partition("\n\n")[0]
        for name, text in re.findall(r"^    (\w+): (.*(?:\n {5,}.*)*)", section, re.MULTILINE):
            texts[name] = _with_null(text)
    return texts


def _with_null(text: str) -> str:
    """Return a text of a docstring in one line, in the words of JSON."""
    return re.sub(r"\bNone\b", "null", " ".join(text.split()))


def _close(schema: Any) -> None:
    """Forbid additional properties in every object with named properties."""
    for value in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(value, dict | list):
            _close(value)
    if isinstance(schema, dict) and "properties" in schema:
        schema["additionalProperties"] = False
