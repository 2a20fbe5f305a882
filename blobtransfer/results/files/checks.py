"""Check values from JSON files and stores, which may have been edited.

Pydantic checks the types. The functions here check that a command could have written the values:
values are consistent, and texts are short and have no control characters.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from blobtransfer.results.results import DataRecord
from blobtransfer.results.scores import Run, Scores
from blobtransfer.specs.data import ROLES
from blobtransfer.specs.experiment import STANDALONE_ARM, ExperimentSpec
from blobtransfer.specs.study import Study
from blobtransfer.specs.training import TrainingSpec

MAX_TEXT = 4096
"""Longest name of a file, data or a class, in characters."""


def check_spec(spec: ExperimentSpec) -> None:
    """Raise `ValueError` unless a command could have run a spec."""
    check_texts("spec.model_path", [spec.model_path or ""])
    check_texts("spec.model_notes.{}", spec.model_notes)
    for role in ROLES:
        data = getattr(spec, role)
        if data is not None:
            check_texts(f"spec.{role}", [data.name, *data.class_names])


def check_study(study: Study) -> None:
    """Raise `ValueError` unless a command could have run a study."""
    check_texts("spec.axes", _axis_texts(study))
    for i, spec in enumerate(study.specs):
        try:
            check_spec(spec)
        except ValueError as error:
            raise ValueError(f"spec.cells.{i}.{error}") from error


def check_data_records(spec: ExperimentSpec, records: Sequence[DataRecord]) -> None:
    """Raise `ValueError` unless the records describe the data of a spec."""
    roles = [data.role for data in records]
    expected = [role for role in ROLES if getattr(spec, role) is not None]
    if roles != expected or not roles:
        raise ValueError(f"tasks: of {roles}, but the spec has {expected}")
    check_texts("tasks.{}.name", [data.name for data in records])


def check_source_run(spec: ExperimentSpec, run: Run | None) -> None:
    """Raise `ValueError` unless a run can be that of the one source network of a spec."""
    if run is None:
        return
    try:
        scores = Scores.from_rows([run], (STANDALONE_ARM,), spec.judged)
        training = spec.source_training
        check_epochs(scores, training, [training.epochs])
    except ValueError as error:
        raise ValueError(f"source_run: {str(error).partition(': ')[2]}") from error


def check_epochs(scores: Scores, training: TrainingSpec, n_epochs: Sequence[int]) -> None:
    """Raise `ValueError` unless a training could have made the epochs of the runs.

    Args:
        scores: Scores of the runs.
        training: How they are trained.
        n_epochs: Epochs of the runs of each arm, or with early stopping their maximum.
    """
    if scores.epochs is None:
        if training.patience is not None:
            raise ValueError("runs: the epochs of a run are missing")
        return
    most = np.array(n_epochs)[:, None]
    least = most if training.patience is None else 1
    if not ((scores.epochs >= least) & (scores.epochs <= most)).all():
        raise ValueError(f"runs: epochs that are not those of a training of {max(n_epochs)}")


def check_provenance(
    versions: Mapping[str, str], machine: Mapping[str, str | int | None], started: str
) -> None:
    """Raise `ValueError` for versions, a machine or a start with text that cannot be shown.

    Args:
        versions: Versions by package.
        machine: Properties of the machine by name.
        started: UTC, ISO 8601.
    """
    check_texts("versions", [*versions, *versions.values()])
    check_texts("machine", [*machine, *map(str, machine.values())])
    check_texts("started", [started])


def check_texts(key: str, texts: Iterable[str]) -> None:
    """Raise `ValueError` for a text that is too long, or contains control characters.

    Args:
        key: JSON path of the texts; {} is replaced by the index of the text.
        texts: The texts.
    """
    for i, text in enumerate(texts):
        if not text.isprintable():
            raise ValueError(f"{key.format(i)}: it contains control characters")
        if len(text) > MAX_TEXT:
            raise ValueError(f"{key.format(i)}: longer than {MAX_TEXT:,} characters")


def _axis_texts(study: Study) -> Iterator[str]:
    for axis in study.axes:
        yield axis.name
        yield from axis.values
