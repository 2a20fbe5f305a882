"""Many comparisons as one study: a setting that varies, many pairs of problems, or all of some.

A study is a list of cells, each an experiment of its own, with its place on one axis or two.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Literal, get_args, overload

from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import join, read_number
from blobtransfer.specs.experiment import MAX_RUNS, ExperimentSpec, Question
from blobtransfer.specs.task import ROLES, DataSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.specs.variant import Variant

StudyKind = Literal["sweep", "pairs", "grid"]
STUDIES: tuple[StudyKind, ...] = get_args(StudyKind)

Budget = Literal["epochs", "updates"]
"""What all points of a sweep have alike: passes over their training rows, or steps."""
BUDGETS: tuple[Budget, ...] = get_args(Budget)

MAX_CELLS = 10_000
"""Most comparisons of one study."""

MAX_STEPS = 1_000
"""Most values of one axis that are written as a range."""


@dataclass(frozen=True)
class Axis:
    """What varies from cell to cell, and its values.

    Args:
        name: A setting by the user's word, or `pair`, `source`, `target`.
        values: As the user writes them; no two alike.

    Raises:
        SettingError: There is no value, or one twice.
    """

    name: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        known = set[str | float]()
        numbers: tuple[str | float, ...] = self.numbers or self.values
        for value, number in zip(self.values, numbers, strict=True):
            if value in known or number in known:
                raise SettingError(self.name, value, "it is repeated; give it once")
            known |= {value, number}
        if not self.values or not self.name:
            raise SettingError(self.name, "", "there is no value; give some")

    @property
    def numbers(self) -> tuple[float, ...] | None:
        """The values as numbers; None where one is none."""
        found = [read_number(value) for value in self.values]
        return None if None in found else tuple(map(float, found))

    @property
    def is_ordered(self) -> bool:
        """Whether values have neighbours: numbers that are no mere names, as seeds are."""
        return self.numbers is not None and not self.name.endswith("seed")


@dataclass(frozen=True)
class Cell:
    """One comparison of a study.

    Args:
        at: Its value on each axis.
        spec: What is run.
    """

    at: tuple[str, ...]
    spec: ExperimentSpec


@dataclass(frozen=True)
class StudySpec:
    """Everything that decides the results of one study.

    Args:
        kind: What is asked.
        axes: What varies, one or two.
        cells: Comparisons, in the order in which they are run.
        budget: What the points of a sweep have alike; None for other studies.

    Raises:
        SettingError: There are too many cells or runs, or cells that do not belong together.
    """

    kind: StudyKind
    axes: tuple[Axis, ...]
    cells: tuple[Cell, ...]
    budget: Budget | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.axes) <= 2 or not self.cells:
            raise SettingError("axes", join([axis.name for axis in self.axes]), "use one or two")
        if len({axis.name for axis in self.axes}) < len(self.axes):
            raise SettingError("over", self.axes[0].name, "it is given twice; use two settings")
        self._check_kind()
        if len(self.cells) > MAX_CELLS:
            raise SettingError(
                "repeats", self.n_repeats, f"{len(self.cells):,} cells; use at most {MAX_CELLS:,}"
            )
        known = set()
        for cell in self.cells:
            cell.spec.check_comparison()
            is_placed = len(cell.at) == len(self.axes) and all(
                value in axis.values for axis, value in zip(self.axes, cell.at, strict=False)
            )
            if not is_placed or cell.at in known:
                raise SettingError("cells", join(cell.at), "there is no such place, or it is taken")
            known.add(cell.at)
            if self._likeness(cell.spec) != self._likeness(self.cells[0].spec):
                raise SettingError("cells", join(cell.at), "it answers other questions")
        n_runs = sum(
            cell.spec.n_repeats * len(cell.spec.arms) * (1 + len(cell.spec.tune))
            for cell in self.cells
        )
        if n_runs > MAX_RUNS:
            raise SettingError(
                "repeats",
                self.n_repeats,
                f"that is {n_runs:,} trainings in {len(self.cells):,} cells; use at most "
                f"{MAX_RUNS:,}",
            )

    def _check_kind(self) -> None:
        """Raise `SettingError` unless there is a cell at every place, as its kind of study has."""
        names = tuple(axis.name for axis in self.axes)
        wanted = {"pairs": ("pair",), "grid": ROLES}.get(self.kind, names)
        n_places = prod(len(axis.values) for axis in self.axes)
        n_points = 1 if self.kind == "pairs" else n_places
        problem = None
        if names != wanted or (self.kind == "sweep" and {"pair", "source", "target"} & set(names)):
            problem = f"{self.kind} has the axes {join(wanted)}"
        elif self.kind == "grid" and self.axes[0].values != self.axes[1].values:
            problem = "every source is a target too"
        elif len(self.cells) != n_places or n_places < 2:
            problem = f"{len(self.cells)} cells at {n_places} places"
        elif (self.budget is None) == (self.kind == "sweep"):
            problem = "a sweep has a budget, and no other study"
        elif {cell.spec.n_points for cell in self.cells} != {n_points}:
            problem = f"n_points of each is {n_points}, as many intervals as hold together"
        if problem is not None:
            raise SettingError("cells", "", problem)

    @staticmethod
    def _likeness(spec: ExperimentSpec) -> tuple[object, ...]:
        return (spec.questions, spec.n_repeats, len(spec.variants), spec.margin, spec.until_decided)

    @property
    def n_repeats(self) -> int:
        """Repeats of each cell, or the most."""
        return self.cells[0].spec.n_repeats

    @property
    def questions(self) -> tuple[Question, ...]:
        """What each cell answers."""
        return self.cells[0].spec.questions

    @property
    def margin(self) -> float:
        """Differences of accuracy up to this do not matter in practice."""
        return self.cells[0].spec.margin


def experiments_of(spec: ExperimentSpec | StudySpec) -> list[ExperimentSpec]:
    """Give the experiments of a study; a comparison is one."""
    return [spec] if isinstance(spec, ExperimentSpec) else [cell.spec for cell in spec.cells]


@overload
def with_margin(spec: ExperimentSpec, margin: float) -> ExperimentSpec: ...


@overload
def with_margin(spec: StudySpec, margin: float) -> StudySpec: ...


def with_margin(spec: ExperimentSpec | StudySpec, margin: float) -> ExperimentSpec | StudySpec:
    """Return a spec with another margin, a share; of a study, in every cell."""
    if isinstance(spec, ExperimentSpec):
        return replace(spec, margin=margin)
    cells = [replace(cell, spec=replace(cell.spec, margin=margin)) for cell in spec.cells]
    return replace(spec, cells=tuple(cells))


def steps_of_an_epoch(training: TrainingSpec, task: DataSpec) -> int:
    """Count the updates of one pass over the training rows of a problem."""
    return -(-task.n_train // training.batch_size)


def with_updates_of(spec: ExperimentSpec, base: ExperimentSpec) -> ExperimentSpec:
    """Give an experiment the epochs that make about as many updates as another has.

    Args:
        spec: The one, with the epochs that were asked for.
        base: The other, whose training rows and batches they were meant for.

    Raises:
        SettingError: A variant counts epochs.
    """
    for variant in spec.variants:
        if variant.unfreeze is not None:
            problem = "unfreeze counts epochs, of which each point has its own; use --budget epochs"
            raise SettingError("variant", str(variant), problem)

    def epochs_for(own: DataSpec | None, others: DataSpec | None) -> int:
        if own is None or others is None:
            return spec.training.epochs
        updates = spec.training.epochs * steps_of_an_epoch(base.training, others)
        return max(1, round(updates / steps_of_an_epoch(spec.training, own)))

    of_source, of_target = (epochs_for(getattr(spec, role), getattr(base, role)) for role in ROLES)
    return replace(
        spec,
        training=replace(spec.training, epochs=of_target),
        source_epochs=None if of_source == of_target else of_source,
    )


def series_of(spec: StudySpec) -> Iterator[tuple[int, str]]:
    """Give what is compared with standalone in every cell: its place and its name.

    Where the variants differ from cell to cell, as along the axis `fixed`, the name is what is
    common to them; on the diagonal of a grid they have another.
    """
    cells = [cell for cell in spec.cells if spec.kind != "grid" or cell.at[0] != cell.at[1]]
    for i in range(1, len(spec.cells[0].spec.variants)):
        yield i, _common_name([cell.spec.variants[i] for cell in cells])


def _common_name(variants: list[Variant]) -> str:
    return str(variants[0]) if len(set(variants)) == 1 else variants[0].kind
