"""The file format as types that pydantic uses to read, check and describe JSON files."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, is_dataclass, make_dataclass
from importlib.resources import files
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
    StudyCautionKind,
    VerdictChange,
)
from blobtransfer.specs.experiment import Arm, ComparedQuestion, ExperimentSpec, Sources
from blobtransfer.specs.identity import plain
from blobtransfer.specs.scores import ScoreEnd, ScoresSpec
from blobtransfer.specs.study import ManyCellKind, Study

SCHEMA_VERSION = 2

SchemaName = Literal["results", "study", "judge"]


@dataclass(frozen=True)
class ArmColumns:
    """Which arm a row is about; see `Arm.columns`."""

    sources: Sources
    variant: str
    fixed: Count | None


@dataclass(frozen=True)
class CurveRow(ArmColumns):
    """The learning of one run by epoch, entry 0 untrained; what is not finite is null.

    Either `test_accuracy` or `balanced_accuracy` is recorded: the metric that is judged.
    """

    repeat: Count
    test_accuracy: tuple[Share | None, ...] | None = None
    train_accuracy: tuple[Share | None, ...] | None = None
    test_loss: tuple[Loss | None, ...] | None = None
    train_loss: tuple[Loss | None, ...] | None = None
    balanced_accuracy: tuple[Share | None, ...] | None = None


@dataclass(frozen=True)
class TransferabilityRow:
    """Scores of the fresh source network of one repeat; null where it has diverged."""

    repeat: Count
    h_score: float | None
    h_score_regularised: float | None
    logme: float | None
    leep: float | None
    nce: float | None


@dataclass(frozen=True)
class BaselineRecord:
    """A training from scratch beside the network of `train-target`."""

    run: Run
    curve: CurveRow
    regions: Regions | None
    predictions: Predictions | None = None


@dataclass(frozen=True)
class Sentence:
    """The answer to a question, in words."""

    question: ComparedQuestion
    text: str


@dataclass(frozen=True, kw_only=True)
class FileHeader:
    """What was run, when and where."""

    __pydantic_config__: ClassVar[dict[str, bool]] = {"allow_inf_nan": False}

    schema_version: Literal[2]
    argv: tuple[str, ...]
    versions: dict[str, str]
    machine: dict[str, str | int | None]
    started: str
    seconds: Annotated[float, Interval(ge=0.0, le=MAX_SECONDS)]
    interrupted: bool


@dataclass(frozen=True, kw_only=True)
class CellRecord:
    """Scores of one comparison or training."""

    tasks: tuple[DataRecord, ...]
    source_run: Run | None
    runs: list[Run]
    n_mixed: Count = 0
    curves: tuple[CurveRow, ...] = ()
    transferability: tuple[TransferabilityRow, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ResultsFile(CellRecord, FileHeader):
    """What is read of a training or a comparison; the statistics are computed again."""

    command: Literal["train-source", "train-target", "compare"]
    spec: ExperimentSpec
    regions: Regions | None = None
    predictions: Predictions | None = None
    baseline: BaselineRecord | None = None


@dataclass(frozen=True, kw_only=True)
class StudyCellRecord(CellRecord):
    """Scores of one cell of a study."""

    at: tuple[str, ...]
    interrupted: bool
    distance: Annotated[float, Interval(ge=0.0, le=MAX_DISTANCE)] | None = None


@dataclass(frozen=True, kw_only=True)
class StudyFile(FileHeader):
    """What is read of a study of several cells; the statistics are computed again."""

    command: ManyCellKind
    spec: Study
    cells: tuple[StudyCellRecord, ...]


@dataclass(frozen=True)
class ScoreRow:
    """The score of one run that was trained elsewhere; null for a run that failed."""

    sources: Sources
    variant: str
    repeat: str
    score: ScoreEnd | None
    status: Literal["ok", "failed", "collapsed"] = "ok"


@dataclass(frozen=True, kw_only=True)
class JudgedFile(FileHeader):
    """What is read of a judgement of scores; the statistics are computed again."""

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
    """Return a record of the findings as a JSON row, with the arm as the columns of a run."""
    row: dict[str, Any] = dict(record.arm.columns) if hasattr(record, "arm") else {}
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
            scores from elsewhere.
    """
    from pydantic import TypeAdapter
    from pydantic.json_schema import GenerateJsonSchema

    class PlainDefaults(GenerateJsonSchema):
        def encode_default(self, dft: Any) -> Any:
            return super().encode_default(plain(dft))

    file, title = {
        "results": (_results_file, "Results of a blobtransfer command"),
        "study": (_study_file, "Results of a blobtransfer study: sweep, pairs or grid"),
        "judge": (_judged_file, "Results of blobtransfer judge: scores from elsewhere"),
    }[name]
    schema = TypeAdapter(file()).json_schema(schema_generator=PlainDefaults)
    _close(schema)
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        **schema,
        "title": title,
        "description": "Accuracies are shares in [0, 1], losses are in nats; what is not finite "
        "is null.",
    }


def json_schema(name: SchemaName = "results") -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a file; see `make_schema`."""
    text = files("blobtransfer.results.files").joinpath(f"{name}.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def _plain(value: Any) -> Any:
    if isinstance(value, Arm):
        return value.columns
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
        cautions=make_dataclass(
            "StudyCaution",
            [
                ("kind", StudyCautionKind),
                ("n_cells", int),
                ("first", _any_caution() | None),
                ("text", str),
            ],
        ),
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
    return make_dataclass(base.__name__, columns, bases=(base,), frozen=True, kw_only=True)


def _row_type(record: Any, **more: Any) -> Any:
    """Return the type of the rows that `row_of` returns for a record."""
    hints = get_type_hints(record, include_extras=True)
    names = [column.name for column in fields(record)]
    columns = get_type_hints(ArmColumns, include_extras=True) if "arm" in names else {}
    columns |= {name: _json_type(hints[name]) for name in names if name != "arm"}
    return make_dataclass(record.__name__, (columns | more).items())


def _json_type(kind: Any) -> Any:
    if kind is Arm:
        return ArmColumns
    if kind is Rise:
        return _row_type(kind)
    if get_origin(kind) is tuple:
        return tuple.__class_getitem__(tuple(_json_type(item) for item in get_args(kind)))
    return kind


def _close(schema: Any) -> None:
    """Forbid additional properties in every object with named properties."""
    for value in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(value, dict | list):
            _close(value)
    if isinstance(schema, dict) and "properties" in schema:
        schema["additionalProperties"] = False
