"""Notes on data, model, variants and scores, one line each."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from blobtransfer.api.requests import Request
from blobtransfer.specs.checks import escape_control_characters
from blobtransfer.specs.data import ROLES, DataSpec
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.table import TableSpec
from blobtransfer.specs.variant import NewHead
from blobtransfer.studies.settings import ComparisonSettings

if TYPE_CHECKING:
    from blobtransfer.data.score_table import ScoreTable
    from blobtransfer.data.tables.notes import Note
    from blobtransfer.keras_files.read import SourceNetwork
    from blobtransfer.results.results import JudgedResults


def notes_of(request: Request, only_warnings: bool = False) -> tuple[str, ...]:
    """Return the notes on data, model and variants of a request, one line each.

    Args:
        request: The request.
        only_warnings: Return only warnings, which are printed with `-q` too.
    """
    spec = request.spec
    notes: list[str] = []
    if not only_warnings:
        notes += model_notes(request.source_network, request.settings.model, spec)
    if any(data is not None for data in request.data):
        notes += _data_notes(spec, only_warnings)
    if not only_warnings:
        notes += new_head_notes(spec, request.settings)
    return tuple(map(escape_control_characters, notes))


def model_notes(
    source_network: "SourceNetwork | None", path: object, spec: ExperimentSpec
) -> Iterator[str]:
    """Yield the notes on a model file, and one on training rows that are not recorded.

    Args:
        source_network: The network of the file; None if there is none.
        path: Path of the file.
        spec: The experiment that uses it.
    """
    if source_network is None:
        return
    for note in spec.model_notes:
        yield f"note: {path}: {note}"
    if source_network.preprocessing and not source_network.preprocessing.trained_rows:
        yield f"note: {path}: its training rows are not known; make sure that none is a test row"


def _data_notes(spec: ExperimentSpec, only_warnings: bool) -> Iterator[str]:
    """Yield a description of the source and of the target, and notes on tables, which it reads.

    Args:
        spec: The experiment.
        only_warnings: Yield only warnings, which are printed with `-q` too.
    """
    from blobtransfer.report.words import describe_data
    from blobtransfer.running.single import record_of

    roles_of: dict[Note, list[str]] = {}
    tables = {}
    for role in ROLES:
        data: DataSpec | None = getattr(spec, role)
        if data is None:
            continue
        if not only_warnings:
            yield f"{role}: {describe_data(data, record_of(role, data, spec.train_seed))}"
        if isinstance(data, TableSpec):
            from blobtransfer.data.tables import notes

            tables[role] = data
            for note in notes.table_notes(data):
                roles_of.setdefault(note, []).append(role)
    for note, roles in roles_of.items():
        yield from _lines(note, f"{' and '.join(roles)}: ", only_warnings)
    if "target" in tables:
        for note in notes.trained_row_note(tables["target"]):
            yield from _lines(note, "target: ", only_warnings)
    if len(tables) == len(ROLES):
        for note in notes.pair_notes(tables["source"], tables["target"]):
            yield from _lines(note, "", only_warnings)


def _lines(note: "Note", start: str, only_warnings: bool) -> Iterator[str]:
    is_warning, text = note
    if is_warning or not only_warnings:
        yield f"{'warning' if is_warning else 'note'}: {start}{text}"


def new_head_notes(spec: ExperimentSpec, settings: ComparisonSettings) -> Iterator[str]:
    """Yield a note if the default variants do not keep the output layer of the source.

    Args:
        spec: The experiment; its last variant stands for all.
        settings: Settings of the spec.
    """
    is_default = settings.fixed is None and not settings.variants
    if is_default and spec.variants[-1].top == NewHead():
        source: object = settings.model
        if source is None and spec.source is not None:
            source = spec.source.name
        yield (
            f"note: {source} and {spec.data.name} have different classes, so the output layer is "
            "re-initialised (new-head)"
        )


def score_notes(
    table: "ScoreTable", results: "JudgedResults", baseline: object, score_range: object
) -> Iterator[str]:
    """Yield notes on how scores were read, and on a baseline and a range that were not given.

    Args:
        table: The scores.
        results: Their judgement.
        baseline: The baseline that was given; None for none.
        score_range: The range that was given; None for none.
    """
    from blobtransfer.report.words import pluralise

    scores = {
        "wide": "one column per variant, one row per repeat",
        "long": "one row per score",
        "runs": "runs of blobtransfer",
    }[table.layout]
    variants = pluralise(len(results.spec.variants), "variants")
    repeats = pluralise(results.n_repeats, "repeats")
    yield f"note: {table.name}: {scores}; {variants}, {repeats}"
    for note in table.cells.notes:
        yield f"note: {table.name}: {note}"
    if baseline is None:
        yield f"note: the baseline is {results.spec.variants[0]}; --baseline NAME chooses another"
    if table.ignored:
        yield f"note: {table.name}: ignored columns: {', '.join(table.ignored)}"
    if table.layout != "runs":
        return
    if score_range is None:
        yield (
            "note: --range CHANCE BEST (chance level and best possible accuracy) narrows the "
            "intervals"
        )
    if results.spec.resplit is None:
        yield (
            "note: if each repeat resplits a table, use `--resplit TRAIN TEST` with the rows that "
            "compare prints; without it the intervals are too narrow"
        )
