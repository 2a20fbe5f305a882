"""A JSON result as types: pydantic reads, checks and describes files by them."""

from dataclasses import asdict, dataclass, fields, is_dataclass, make_dataclass
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Interval

from blobtransfer.results.findings import Caution, Contrast, SourceRanking, Speed, Summary
from blobtransfer.results.results import Command, Predictions, Regions, TaskRecord
from blobtransfer.results.scores import Count, Loss, Run, Share
from blobtransfer.specs.experiment import Arm, ExperimentSpec, Question, Sources

SCHEMA_VERSION = 2

MAX_SECONDS = 1e9
"""Longest command: 30 years."""

MAX_DISTANCE = 1e9
"""Largest distance between two problems, in standard deviations."""


@dataclass(frozen=True)
class ArmColumns:
    """Which arm a row is about; see `Arm.columns`."""

    sources: Sources
    variant: str
    fixed: Count | None


@dataclass(frozen=True)
class CurveRow(ArmColumns):
    """The learning of one run by epoch, entry 0 untrained; what is not finite is null."""

    repeat: Count
    test_accuracy: tuple[Share | None, ...]
    train_accuracy: tuple[Share | None, ...] | None = None
    test_loss: tuple[Loss | None, ...] | None = None
    train_loss: tuple[Loss | None, ...] | None = None


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
    """Training from scratch, beside the one network of `train-target`."""

    run: Run
    curve: CurveRow
    regions: Regions | None
    predictions: Predictions | None = None


@dataclass(frozen=True)
class Sentence:
    """The answer to a question, in words."""

    question: Question
    text: str


@dataclass(frozen=True)
class ResultsFile:
    """What is read of a JSON result; the statistics in it are computed again."""

    __pydantic_config__: ClassVar[dict[str, bool]] = {"allow_inf_nan": False}

    schema_version: Literal[2]
    command: Command
    argv: tuple[str, ...]
    spec: ExperimentSpec
    versions: dict[str, str]
    machine: dict[str, str | int | None]
    started: str
    seconds: Annotated[float, Interval(ge=0.0, le=MAX_SECONDS)]
    interrupted: bool
    tasks: tuple[TaskRecord, ...]
    source_run: Run | None
    runs: list[Run]
    n_mixed: Count = 0
    regions: Regions | None = None
    predictions: Predictions | None = None
    baseline: BaselineRecord | None = None
    curves: tuple[CurveRow, ...] = ()
    transferability: tuple[TransferabilityRow, ...] = ()


def row_of(record: Any) -> dict[str, Any]:
    """Write a record of the findings as JSON has it: its arm as the columns of a run."""
    row: dict[str, Any] = dict(record.arm.columns) if hasattr(record, "arm") else {}
    for column in fields(record):
        if column.name != "arm":
            row[column.name] = _plain(getattr(record, column.name))
    return row


def encodable(value: Any) -> Any:
    """Return plain data with each character escaped that UTF-8 cannot encode.

    File names may contain such characters (lone surrogates), and readers of JSON refuse them.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {name: encodable(item) for name, item in value.items()}
    return [encodable(item) for item in value] if isinstance(value, list | tuple) else value


def make_schema() -> dict[str, Any]:
    """Describe a whole file as a JSON Schema (2020-12) that knows every key and no other."""
    return schema_of(_whole_file(), "Results of a blobtransfer command")


def schema_of(kind: Any, title: str) -> dict[str, Any]:
    """Describe a type as a JSON Schema (2020-12) that knows every key and no other."""
    from pydantic import TypeAdapter
    from pydantic.json_schema import GenerateJsonSchema

    schema = TypeAdapter(kind).json_schema()
    _close(schema)
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        **schema,
        "title": title,
        "description": "Accuracies are shares in [0, 1], losses are in nats; what is not finite "
        "is null.",
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Arm):
        return value.columns
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def _whole_file() -> Any:
    """Give the type of all that is written: what is read, and the findings as `row_of` has them."""
    cautions = [row_type(one, kind=Literal[one.kind], text=str) for one in get_args(Caution)]
    many: Any = tuple.__class_getitem__
    return make_dataclass(
        "File",
        [
            ("regions", Regions | None),
            ("predictions", Predictions | None),
            ("baseline", BaselineRecord | None),
            ("curves", tuple[CurveRow, ...]),
            ("transferability", tuple[TransferabilityRow, ...]),
            ("sentences", tuple[Sentence, ...]),
            ("cautions", many((Union.__getitem__(tuple(cautions)), ...))),
            ("summary", many((row_type(Summary), ...))),
            ("contrasts", many((row_type(Contrast), ...))),
            ("speed", many((row_type(Speed), ...))),
            ("rankings", many((row_type(SourceRanking), ...))),
        ],
        bases=(ResultsFile,),
        frozen=True,
        kw_only=True,
    )


def row_type(record: Any, **more: Any) -> Any:
    """Give the type of what `row_of` makes of a record, and of more columns."""
    hints = get_type_hints(record, include_extras=True)
    names = [column.name for column in fields(record)]
    columns = get_type_hints(ArmColumns, include_extras=True) if "arm" in names else {}
    columns |= {name: _json_type(hints[name]) for name in names if name != "arm"}
    return make_dataclass(record.__name__, (columns | more).items())


def _json_type(kind: Any) -> Any:
    if kind is Arm:
        return ArmColumns
    if get_origin(kind) is tuple:
        return tuple.__class_getitem__(tuple(_json_type(one) for one in get_args(kind)))
    return kind


def _close(schema: Any) -> None:
    """Allow no other properties in any object that names its own."""
    for value in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(value, dict | list):
            _close(value)
    if isinstance(schema, dict) and "properties" in schema:
        schema["additionalProperties"] = False
