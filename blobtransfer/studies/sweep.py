"""Build a sweep: the same comparison at every value of one or two settings."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from blobtransfer.errors import SettingError
from blobtransfer.specs.axis_text import FIXED, SOURCE_EPOCHS, TRAINING_WORDS, parse_axis, paths_of
from blobtransfer.specs.checks import join, parse_number
from blobtransfer.specs.data import ROLES, DataSpec, Role
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.generated import COMMON_KEYS
from blobtransfer.specs.study import MAX_STUDY_CELLS, Axis, Study
from blobtransfer.specs.table import TableSpec
from blobtransfer.studies.comparison import experiment_of, read_data, read_source_network, study_of
from blobtransfer.studies.settings import DEFAULTS, ComparisonSettings

if TYPE_CHECKING:
    from blobtransfer.keras_files.read import SourceNetwork

MAX_AXES = 2

CHANGES_UPDATES = {"batch-size", "source.train", "target.train"}
"""Settings that change the number of updates of an epoch."""

CHANGES_TEST_ROWS = ("samples", "train")
"""Keys of generated data that change the test rows."""

SWITCHES = {"on": True, "off": False}


def build_sweep(
    settings: ComparisonSettings, over: Sequence[str], source_network: "SourceNetwork | None" = None
) -> Study:
    """Build the study that `sweep` runs: a comparison at every value, or pair of values.

    Args:
        settings: Settings of every comparison, except those that vary.
        over: One or two settings with their values, such as `train-samples=10,30,100`.
        source_network: The network of `settings.model`; None: the file is read.

    Raises:
        SettingError: A setting cannot vary, or a comparison cannot be built.
        TableFileError: A table cannot be used.
        SourceFileError: The source network cannot be used.
    """
    return sweep_with_base(settings, over, source_network)[1]


def sweep_with_base(
    settings: ComparisonSettings, over: Sequence[str], source_network: "SourceNetwork | None" = None
) -> tuple[ExperimentSpec, Study]:
    """Return the comparison without varied settings, and the sweep.

    Args:
        settings: As in `build_sweep`.
        over: As in `build_sweep`.
        source_network: As in `build_sweep`.

    Raises:
        SettingError: As in `build_sweep`.
    """
    axes = _axes(over)
    names = [axis.name for axis in axes]
    _check_not_set(settings, names)
    if settings.sources is None and settings.model is None:
        settings = replace(settings, sources="fresh")
    for axis in axes:
        if axis.name == FIXED:
            settings = replace(settings, fixed=(parse_number(FIXED, axis.values[0], int),))
    budget = settings.budget
    settings = replace(settings, budget=None)
    if budget is None:
        varying = {*names, *(path for name in names for path in paths_of(name))}
        budget = "updates" if varying & CHANGES_UPDATES else "epochs"
    source_network = source_network or read_source_network(settings)
    data = read_data(settings, settings.data, source_network)
    base = experiment_of(settings, data, source_network)
    specs: dict[tuple[str, ...], ExperimentSpec] = {}
    for values in product(*(axis.values for axis in axes)):
        at = dict(zip(names, values, strict=True))
        try:
            changed = replace(settings, **_changed_settings(base, at))
            specs[values] = experiment_of(
                changed,
                _changed_data(base, data, at),
                source_network,
                base=base if budget == "updates" else None,
            )
        except SettingError as error:
            where = " ".join(f"{name}={value}" for name, value in at.items())
            is_named = error.setting in {*at, *(path for name in at for path in paths_of(name))}
            problem = error.problem if is_named else str(error)
            raise SettingError("over", where, problem) from error
    seen: dict[ExperimentSpec, str] = {}
    for values, spec in specs.items():
        where = " ".join(values)
        if seen.setdefault(spec, where) != where:
            problem = f"the same experiment as at {seen[spec]}; leave one of the two out"
            raise SettingError("over", where, problem)
    return base, study_of("sweep", axes, specs, budget)


def _axes(texts: Sequence[str]) -> tuple[Axis, ...]:
    if len(texts) > MAX_AXES:
        raise SettingError(
            "over", texts[MAX_AXES], "a sweep varies at most two settings; leave this one out"
        )
    axes = tuple(map(parse_axis, texts))
    if len({axis.name for axis in axes}) < len(axes):
        raise SettingError("over", texts[1], f"{axes[0].name} already varies; use another setting")
    n_points = prod(len(axis.values) for axis in axes)
    if n_points > MAX_STUDY_CELLS:  # checked early, as building many points takes long
        problem = f"{n_points:,} points in all; use at most {MAX_STUDY_CELLS:,}"
        raise SettingError("over", axes[-1].name, problem)
    return axes


def _check_not_set(settings: ComparisonSettings, names: list[str]) -> None:
    """Raise `SettingError` if a setting that varies is also set for all points."""
    for name in names:
        setting = "tune" if name == "learning-rate" and settings.tune else name
        field = setting.replace("-", "_")
        if field not in DEFAULTS or getattr(settings, field) == DEFAULTS[field]:
            continue
        value = getattr(settings, field)
        if setting == "tune":
            value = f"{name}={','.join(map(str, value))}"
        elif isinstance(value, tuple):
            value = join(value)
        raise SettingError(
            setting, value, f"{name} already varies in --over; leave one of the two out"
        )


def _changed_settings(base: ExperimentSpec, at: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings of network, training and variants at one point, by field."""
    changes: dict[str, Any] = {}
    for name, text in at.items():
        field = name.replace("-", "_")
        default = DEFAULTS.get(field)
        if name == FIXED:
            changes[field] = (parse_number(name, text, int),)
        elif name == SOURCE_EPOCHS:
            changes[field] = parse_number(name, text, int)
        elif name not in TRAINING_WORDS:
            continue
        elif name == "hidden":
            widths = [parse_number(name, width, int) for width in text.split("+")]
            # a single width applies to all layers
            changes[field] = widths if len(widths) > 1 else widths * len(base.network.hidden)
        elif name == "activation":
            changes[field] = text.split("+")
        elif isinstance(default, bool):
            if text not in SWITCHES:
                raise SettingError(name, text, "use on or off")
            changes[field] = SWITCHES[text]
        elif isinstance(default, str):
            changes[field] = text
        else:
            is_whole = name == "patience" or isinstance(default, int)
            changes[field] = parse_number(name, text, int if is_whole else float)
    return changes


def _changed_data(
    base: ExperimentSpec, data: Mapping[Role, DataSpec], at: Mapping[str, str]
) -> dict[Role, DataSpec]:
    """Return the data at one point."""
    changed = dict(data)
    paths = {path: value for name, value in at.items() for path in paths_of(name)}
    for role in ROLES:
        prefix = f"{role}."
        values = {
            path.removeprefix(prefix): value
            for path, value in paths.items()
            if path.startswith(prefix)
        }
        if not values:
            continue
        if getattr(base, role) is None:
            raise SettingError(role, "", "no source data is given; add --source SPEC")
        change = _changed_table if isinstance(data[role], TableSpec) else _changed_generated
        changed[role] = change(data[role], role, values)
    return changed


def _changed_generated(spec: Any, role: str, values: Mapping[str, str]) -> Any:
    """Return generated data with changed keys and the same test rows."""
    words = {**COMMON_KEYS, **spec.kind_keys}
    defaults = {field.name: field.default for field in fields(spec)}
    changes: dict[str, Any] = {}
    if spec.n_test is None and any(key in values for key in CHANGES_TEST_ROWS):
        changes["n_test"] = spec.n_test_rows
    for key, text in values.items():
        setting = f"{role}.{key}"
        if key not in words:
            problem = f"{spec.kind} data has no such key; use {', '.join(words)}"
            raise SettingError(setting, text, problem)
        is_real = isinstance(defaults[words[key]], float)
        changes[words[key]] = parse_number(setting, text, float if is_real else int)
    return replace(spec, **changes)


def _changed_table(spec: Any, role: str, values: Mapping[str, str]) -> Any:
    """Return a table with fewer training rows and the same test rows."""
    for key, text in values.items():
        if key != "train":
            raise SettingError(
                f"{role}.{key}", text, "of a table only the key train can vary; use target.train"
            )
        for other in ("split", "group"):
            if getattr(spec, other) is not None:
                problem = f"{other}= already selects the training rows; leave {other}= out"
                raise SettingError(f"{role}.{key}", text, problem)
    n_train = parse_number("train", values["train"], int)
    return replace(spec, n_train=n_train, split_train=spec.n_train)
