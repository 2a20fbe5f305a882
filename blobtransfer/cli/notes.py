"""Notes on data, model and variants before a comparison runs, one line each."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from blobtransfer.specs.data import ROLES, DataSpec
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.table import TableSpec
from blobtransfer.specs.variant import NewHead
from blobtransfer.studies.settings import ComparisonSettings

if TYPE_CHECKING:
    from blobtransfer.keras_files.read import SourceNetwork


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
        yield f"note: {path}: which rows trained it is not known; see that none of them tests"


def data_notes(spec: ExperimentSpec) -> Iterator[str]:
    """Yield a description of the source and of the target; this reads tables."""
    from blobtransfer.report.words import describe_data
    from blobtransfer.running.single import record_of

    for role in ROLES:
        data: DataSpec | None = getattr(spec, role)
        if data is None:
            continue
        yield f"{role}: {describe_data(data, record_of(role, data, spec.train_seed))}"
        if isinstance(data, TableSpec):
            from blobtransfer.data.tables.rows import n_duplicates

            n = n_duplicates(data)
            if n and data.is_resplit:
                problem = f"{n:,} rows are copies of others, and may test what trains"
                yield f"note: {role}: {problem}"


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
            f"note: the output layer of {source} is not of the classes of {spec.data.name}: it is "
            "drawn afresh (new-head)"
        )
