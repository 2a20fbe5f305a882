"""The settings of an experiment by the user's word: `learning-rate` -> `training.learning_rate`.

One map serves the defaults and names of options, the errors (a `SettingError` names the same
word), and whatever changes a setting of a spec.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from blobtransfer.errors import SettingError
from blobtransfer.specs.drawn import BlobsSpec
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.task import ROLES
from blobtransfer.specs.training import TrainingSpec

SPEC_TYPES = {
    "source": BlobsSpec, "target": BlobsSpec, "network": MLPSpec, "training": TrainingSpec,
    "": ExperimentSpec,
}  # fmt: skip


def _of_both(field: str) -> tuple[str, ...]:
    return tuple(f"{role}.{field}" for role in ROLES)


SETTINGS: Mapping[str, tuple[str, ...]] = {
    "source-seed": ("source.seed",),
    "target-seed": ("target.seed",),
    "samples": _of_both("n_samples"),
    "classes": (*_of_both("n_classes"), "network.n_classes"),
    "features": (*_of_both("n_features"), "network.n_features"),
    "cluster-std": _of_both("cluster_std"),
    "train-samples": _of_both("n_train"),
    "test-samples": _of_both("n_test"),
    "hidden": ("network.hidden",),
    "activation": ("network.activation",),
    "initializer": ("network.initializer",),
    "epochs": ("training.epochs",),
    "batch-size": ("training.batch_size",),
    "learning-rate": ("training.learning_rate",),
    "momentum": ("training.momentum",),
    "optimizer": ("training.optimizer",),
    "nesterov": ("training.nesterov",),
    "weight-decay": ("training.weight_decay",),
    "repeats": ("n_repeats",),
    "max-repeats": ("n_repeats",),
    "until-decided": ("until_decided",),
    "nested": ("nested",),
    "train-seed": ("train_seed",),
    "engine": ("engine",),
    "margin": ("margin",),
    "low": ("low",),
    "tune": ("tune",),
    "speed": ("speed",),
    "threshold": ("threshold",),
}
"""The user's word -> the fields of `ExperimentSpec` that it sets, as `part.field`."""


def default_of(word: str) -> Any:
    """Give the default of a setting."""
    part, _, name = SETTINGS[word][0].rpartition(".")
    return next(field.default for field in fields(SPEC_TYPES[part]) if field.name == name)


def with_settings(spec: ExperimentSpec, values: Mapping[str, Any]) -> ExperimentSpec:
    """Change settings of a spec, all at once, so that only the whole has to be possible.

    Args:
        spec: Problems that it lacks are left out.
        values: By the user's word.

    Raises:
        SettingError: A value is impossible, alone or with the others.
    """
    changes: dict[str, dict[str, Any]] = {}
    for word, value in values.items():
        for path in SETTINGS[word]:
            part, _, name = path.rpartition(".")
            if not part or getattr(spec, part) is not None:
                changes.setdefault(part, {})[name] = value
    whole = changes.pop("", {})
    parts = {part: _changed(spec, part, changed) for part, changed in changes.items()}
    return replace(spec, **parts, **whole)


def _changed(spec: ExperimentSpec, part: str, changes: Mapping[str, Any]) -> Any:
    try:
        return replace(getattr(spec, part), **changes)
    except SettingError as error:
        if part in ROLES and error.setting == "seed":  # which has a word for each problem
            raise SettingError(f"{part}-seed", error.value, error.problem) from error
        raise
