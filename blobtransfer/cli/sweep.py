"""`sweep`: the same comparison at every value of a setting, or of two."""

from collections.abc import Mapping
from dataclasses import fields, replace
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Annotated, Any

from blobtransfer.cli.checks import read_source
from blobtransfer.cli.comparison import Comparison, Problems, Request, settle
from blobtransfer.cli.options import (
    TUNED,
    FigureOptions,
    MessageOptions,
    ProblemOptions,
    QuestionOptions,
    ResultOptions,
    ScreenOptions,
    TrainingOptions,
    TransferOptions,
    VariantOptions,
    WorkOptions,
)
from blobtransfer.cli.parsing import choice, option
from blobtransfer.cli.run import run
from blobtransfer.errors import SettingError
from blobtransfer.specs.axis_text import FIXED, TRAINING_WORDS, parse_axis, paths_of
from blobtransfer.specs.checks import join, read_number
from blobtransfer.specs.drawn import COMMON_KEYS, GeneratedSpec
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.settings import default_of
from blobtransfer.specs.study import (
    BUDGETS,
    MAX_STUDY_CELLS,
    Axis,
    Budget,
    Cell,
    Study,
    with_updates_of,
)
from blobtransfer.specs.table import TableRequest, TableSpec
from blobtransfer.specs.task import ROLES
from blobtransfer.specs.training import OPTIMIZERS

if TYPE_CHECKING:
    from blobtransfer.keras_files.read import SourceNetwork

SWEEP = "Sweep"
"""Panel of the help page."""

MAX_AXES = 2

CHANGES_UPDATES = ("batch-size", "source.train", "target.train")
"""What decides how many updates an epoch has."""

CHANGES_TEST_ROWS = ("samples", "train")
"""Keys of a drawn problem that change which rows are left to test."""

SWITCHES = {"on": True, "off": False}


def sweep(
    *,
    over: Annotated[
        list[str],
        option(
            "--over",
            "What varies: a setting and its values, such as train-samples=10,30,100, "
            "hidden=2..32/5 or target.noise=0.1,0.3. Given twice, every value of the one is tried "
            "with every value of the other.",
            SWEEP,
            metavar="SETTING=A,B,...",
        ),
    ],
    budget: Annotated[
        Budget | None,
        choice(
            "--budget",
            "What all points have alike: passes over their rows, or steps.",
            SWEEP,
            BUDGETS,
            show_default="updates where rows or batches vary, else epochs",
        ),
    ] = None,
    transfer: TransferOptions,
    further: VariantOptions,
    question: QuestionOptions,
    problem: ProblemOptions,
    training: TrainingOptions,
    work: WorkOptions,
    figure: FigureOptions,
    screen: ScreenOptions,
    result: ResultOptions,
    messages: MessageOptions,
) -> None:
    """Compare at every value of a setting: where does transfer begin, or cease, to help?"""
    axes = _axes(over)
    if question.sources is None and transfer.model is None:
        question = replace(question, sources="fresh")
    request = Request(transfer, further, question, problem, training)
    request.check(result)
    screen.check_format(result)
    base, spec = _study(request, axes, budget)
    run(spec, base, base.read, work, figure, screen, result, messages)


def _axes(texts: list[str]) -> tuple[Axis, ...]:
    if len(texts) > MAX_AXES:
        raise SettingError("over", texts[MAX_AXES], "give at most two settings that vary")
    axes = tuple(map(parse_axis, texts))
    if len({axis.name for axis in axes}) < len(axes):
        raise SettingError("over", texts[1], f"{axes[0].name} varies already; use two settings")
    n_points = prod(len(axis.values) for axis in axes)
    if n_points > MAX_STUDY_CELLS:  # checked here, as settling so many points takes long
        problem = f"{n_points:,} points in all; use at most {MAX_STUDY_CELLS:,}"
        raise SettingError("over", axes[-1].name, problem)
    return axes


def _study(
    request: Request, axes: tuple[Axis, ...], budget: Budget | None
) -> tuple[Comparison, Study]:
    """Settle the comparison as it would be without the sweep, and that of every point."""
    names = [axis.name for axis in axes]
    _check_apart(request, names)
    if FIXED in names:
        (axis,) = (axis for axis in axes if axis.name == FIXED)
        first = [_whole(FIXED, axis.values[0])]
        request = replace(request, transfer=replace(request.transfer, fixed=first))
    changed = {path for name in names for path in (*paths_of(name), name)}
    if budget is None:
        budget = "updates" if changed & set(CHANGES_UPDATES) else "epochs"
    saved = read_source(request.transfer.model)
    base = settle(request, saved)
    cells = []
    for values in product(*(axis.values for axis in axes)):
        at = dict(zip(names, values, strict=True))
        try:
            spec = _point(request, saved, base.spec, at)
            if budget == "updates":
                spec = with_updates_of(spec, base.spec)
        except SettingError as error:
            where = " ".join(f"{name}={value}" for name, value in at.items())
            is_said = error.setting in {*at, *(path for name in at for path in paths_of(name))}
            problem = error.problem if is_said else str(error)
            raise SettingError("over", where, problem) from error
        cells.append(Cell(values, spec))
    known: dict[ExperimentSpec, str] = {}
    for cell in cells:
        where = " ".join(cell.at)
        if known.setdefault(cell.spec, where) != where:
            problem = f"the same experiment as at {known[cell.spec]}; leave one of the two out"
            raise SettingError("over", where, problem)
    return base, Study("sweep", axes, tuple(cells), budget)


def _check_apart(request: Request, names: list[str]) -> None:
    """Raise `SettingError` for what is given once for all points, and varies."""
    given = {
        "fixed": request.transfer.fixed,
        "source-seed": request.transfer.source_seed,
        "tune": request.question.tune,
    }
    for name in TRAINING_WORDS:
        value, default = getattr(request.training, name.replace("-", "_")), default_of(name)
        is_default = value in (None, default)
        given[name] = None if is_default else value
    for name in names:
        key = "tune" if name == TUNED and given["tune"] is not None else name
        if given.get(key) is not None:
            value = given[key]
            shown = join(value) if isinstance(value, list) else value
            raise SettingError(key, shown, f"{name} varies in --over; leave one of the two out")


def _point(
    request: Request, saved: "SourceNetwork | None", base: ExperimentSpec, at: Mapping[str, str]
) -> ExperimentSpec:
    """Settle the comparison at one point."""
    keys = {path: value for name, value in at.items() for path in paths_of(name)}
    training = {name: value for name, value in at.items() if name in TRAINING_WORDS}
    own = request
    if training:
        own = replace(own, training=_changed_training(own.training, base, training))
    if FIXED in at:
        own = replace(own, transfer=replace(own.transfer, fixed=[_whole(FIXED, at[FIXED])]))
    rows: dict[str, int] = {}

    def change(asked: Problems) -> Problems:
        changed = dict(asked)
        for role in ROLES:
            values = {
                path.partition(".")[2]: value
                for path, value in keys.items()
                if path.startswith(f"{role}.")
            }
            if not values:
                continue
            if role not in changed or (role == "source" and own.questions() == ("one",) and saved):
                raise SettingError(role, "", "there is no source problem; add --source SPEC")
            one = changed[role]
            if isinstance(one, GeneratedSpec):
                changed[role] = _changed_problem(one, role, values)
            elif isinstance(one, TableRequest):
                rows[role] = _training_rows(one, role, values)
        return changed

    spec = settle(own, saved, change).spec
    for role, n_train in rows.items():
        table = getattr(base, role)
        if isinstance(table, TableSpec):
            fewer = replace(getattr(spec, role), n_train=n_train, split_train=table.n_train)
            spec = replace(spec, **{role: fewer})
    return spec


def _changed_problem(spec: Any, role: str, values: Mapping[str, str]) -> Any:
    """Give a drawn problem with other values of some keys, tested on the same rows."""
    words = {**COMMON_KEYS, **spec.kind_keys}
    defaults = {one.name: one.default for one in fields(spec)}
    changes: dict[str, Any] = {}
    if spec.n_test is None and any(key in values for key in CHANGES_TEST_ROWS):
        changes["n_test"] = spec.n_test_rows
    for key, text in values.items():
        if key not in words:
            problem = f"{spec.kind} has no such setting; use {', '.join(words)}"
            raise SettingError(f"{role}.{key}", text, problem)
        is_real = isinstance(defaults[words[key]], float)
        changes[words[key]] = _number(f"{role}.{key}", text, float if is_real else int)
    return replace(spec, **changes)


def _training_rows(request: TableRequest, role: str, values: Mapping[str, str]) -> int:
    """Read how many training rows of a table are used."""
    for key, text in values.items():
        if key != "train":
            raise SettingError(f"{role}.{key}", text, "of a table only train can vary")
        for other in ("split", "group"):
            if getattr(request, other) is not None:
                problem = f"{other}= says which rows train; leave that out"
                raise SettingError(f"{role}.{key}", text, problem)
    return _whole("train", values["train"])


def _changed_training(
    options: TrainingOptions, base: ExperimentSpec, at: Mapping[str, str]
) -> TrainingOptions:
    """Give the options of network and training with other values of some."""
    changes: dict[str, Any] = {}
    for name, text in at.items():
        field = name.replace("-", "_")
        default = default_of(name)
        if name == "hidden":
            widths = [_whole(name, part) for part in text.split("+")]
            # one width is that of all layers
            changes[field] = widths if len(widths) > 1 else widths * len(base.network.hidden)
        elif name == "activation":
            changes[field] = text.split("+")
        elif isinstance(default, bool):
            if text not in SWITCHES:
                raise SettingError(name, text, "use on or off")
            changes[field] = SWITCHES[text]
        elif isinstance(default, str):
            if name == "optimizer" and text not in OPTIMIZERS:
                raise SettingError(name, text, f"use one of {', '.join(OPTIMIZERS)}")
            changes[field] = text
        else:
            changes[field] = _number(name, text, type(default))
    return replace(options, **changes)


def _whole(name: str, text: str) -> int:
    return int(_number(name, text, int))


def _number(name: str, text: str, kind: Any) -> Any:
    number = read_number(text, kind)
    if number is None:
        raise SettingError(name, text, f"use a {'whole ' if kind is int else ''}number")
    return number
