"""Identity of an experiment: a hash of its trainings, by which stored repeats are found.

The number of repeats and the settings of the statistics do not change a repeat: more repeats
extend the stored ones, and another margin uses them again. Settings with their default value are
left out, so that a new setting does not change the identity of stored repeats. For the same reason
a default must not change; tests pin some identities.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass, replace
from functools import lru_cache, partial
from typing import Any

from blobtransfer.specs.data import ROLES, DataSpec
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.study import MAX_STUDY_CELLS, Study
from blobtransfer.specs.table import TableSpec
from blobtransfer.specs.variant import Variant

JUDGING = (
    "until_decided", "margin", "low", "against", "threshold", "model_path", "model_notes",
)  # fmt: skip
"""Fields of an `ExperimentSpec` that do not change a training; a model is known by its hash."""

NEWER_THAN_1 = ("equal_compute_epochs", "metric")
"""Fields of an `ExperimentSpec` that stores of format 1 do not have."""

TABLES_NEWER_THAN_1 = ("missing_values", "sep", "has_head", "left_out", "is_in_memory")
"""Fields of a `TableSpec` that stores of format 1 do not have."""


def plain(value: Any, without_defaults: bool = False) -> Any:
    """Return a spec as plain data for files and stores: fields by name, variants as flat records.

    Args:
        value: A spec, or a part of a spec.
        without_defaults: Leave out fields with their default value, except `kind`, which
            identifies the kind of data.
    """
    if isinstance(value, Variant):
        value = value.record()
    if is_dataclass(value):
        return {
            field.name: plain(getattr(value, field.name), without_defaults)
            for field in fields(value)
            if not without_defaults
            or field.name == "kind"
            or field.default is MISSING
            or getattr(value, field.name) != field.default
        }
    if isinstance(value, list | tuple):
        return tuple(plain(item, without_defaults) for item in value)
    return value


def trained_part(spec: ExperimentSpec) -> ExperimentSpec:
    """Return a spec with the fields that change a repeat; all others have their defaults."""
    n_repeats, nested = 1, None
    if spec.nested is not None:  # which repeats share a source depends on the repeats of each
        nested = (2, spec.nested[1])
        n_repeats = 2 * spec.nested[1]
    defaults: dict[str, Any] = {
        field.name: field.default for field in fields(ExperimentSpec) if field.name in JUDGING
    }
    for role in ROLES:
        defaults[role] = _without_path(getattr(spec, role))
    return replace(spec, n_repeats=n_repeats, nested=nested, **defaults)


def _without_path(data: DataSpec | None) -> DataSpec | None:
    """Return data without the name and path of its file, which the hash identifies."""
    if isinstance(data, TableSpec) and data.sha256 is not None:
        return replace(data, name="", origin="")
    return data


@lru_cache(maxsize=2 * MAX_STUDY_CELLS)
def identity_of(spec: ExperimentSpec | Study) -> str:
    """Return the SHA-256, in hexadecimal digits, of the fields that differ from their defaults."""
    return _identity(spec, partial(plain, without_defaults=True))


def identity_1_of(spec: ExperimentSpec | Study) -> str:
    """Return the identity in stores of format 1: the SHA-256 of all fields."""

    def plain_1(value: Any) -> Any:
        if not isinstance(value, ExperimentSpec):
            return plain(value)
        # Such stores have the field `n_points` of each experiment, and list the question `one`
        # first.
        record = {**plain(value), "n_points": 1, "questions": value.questions[::-1]}
        unset = {name for name in NEWER_THAN_1 if record[name] == getattr(ExperimentSpec, name)}
        if value.training.patience is None:
            del record["training"]["patience"]
        for role in ROLES:
            table = getattr(value, role)
            for name in TABLES_NEWER_THAN_1 if isinstance(table, TableSpec) else ():
                if getattr(table, name) == getattr(TableSpec, name):
                    del record[role][name]
        return {name: record[name] for name in record.keys() - unset}

    return _identity(spec, plain_1)


def _identity(spec: ExperimentSpec | Study, plain: Callable[[Any], Any]) -> str:
    if isinstance(spec, ExperimentSpec):
        return _digest(plain(trained_part(spec)))
    if spec.kind == "compare":
        return _identity(spec.cells[0].spec, plain)
    cells = [(cell.at, _identity(cell.spec, plain)) for cell in spec.cells]
    return _digest([spec.kind, plain(spec.axes), spec.budget, cells])


def _digest(plain: Any) -> str:
    text = json.dumps(_normalised(plain), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _normalised(plain: Any) -> Any:
    """Return plain data with whole floats as integers: 1.0 and 1 are the same setting."""
    if isinstance(plain, dict):
        return {key: _normalised(value) for key, value in plain.items()}
    if isinstance(plain, list | tuple):
        return [_normalised(value) for value in plain]
    return int(plain) if isinstance(plain, float) and plain.is_integer() else plain
