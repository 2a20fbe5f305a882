"""Which trainings a spec asks for, so that what is kept of them can be found again.

How many repeats there are, and how they are judged, plays no part in what a repeat gives: more
repeats extend what is there, and another margin reads it again.
"""

import hashlib
import json
from dataclasses import asdict, fields, replace
from functools import lru_cache
from typing import Any

from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.study import MAX_CELLS, StudySpec
from blobtransfer.specs.table import TableSpec
from blobtransfer.specs.task import ROLES, DataSpec

JUDGING = (
    "until_decided", "margin", "low", "against", "threshold", "n_points", "model_path",
    "model_notes",
)  # fmt: skip
"""Fields of an `ExperimentSpec` that no training hangs on; a model is known by its content."""


def trained_part(spec: ExperimentSpec) -> ExperimentSpec:
    """Give what of a spec decides what a repeat gives; the rest as it is by default."""
    n_repeats, nested = 1, None
    if spec.nested is not None:  # which repeats share a source hangs on the repeats of each alone
        nested = (2, spec.nested[1])
        n_repeats = 2 * spec.nested[1]
    defaults: dict[str, Any] = {
        one.name: one.default for one in fields(ExperimentSpec) if one.name in JUDGING
    }
    for role in ROLES:
        defaults[role] = _without_place(getattr(spec, role))
    return replace(spec, n_repeats=n_repeats, nested=nested, **defaults)


def _without_place(task: DataSpec | None) -> DataSpec | None:
    """Give a problem without the name and place of its file, which is known by its content."""
    if isinstance(task, TableSpec) and task.sha256 is not None:
        return replace(task, name="", origin="")
    return task


@lru_cache(maxsize=2 * MAX_CELLS)
def identity_of(spec: ExperimentSpec | StudySpec) -> str:
    """Give the SHA-256, in hexadecimal digits, of the trainings that a spec asks for."""
    if isinstance(spec, ExperimentSpec):
        return _digest(asdict(trained_part(spec)))
    cells = [(cell.at, identity_of(cell.spec)) for cell in spec.cells]
    return _digest([spec.kind, [asdict(axis) for axis in spec.axes], spec.budget, cells])


def _digest(plain: Any) -> str:
    text = json.dumps(_alike(plain), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _alike(plain: Any) -> Any:
    """Write 1.0 as 1, which is the same setting whether it was typed or read."""
    if isinstance(plain, dict):
        return {key: _alike(value) for key, value in plain.items()}
    if isinstance(plain, list | tuple):
        return [_alike(value) for value in plain]
    return int(plain) if isinstance(plain, float) and plain.is_integer() else plain
