"""A study: one comparison, or many along a setting, over pairs of problems, or over a grid.

A study is a list of cells. Each cell is a comparison at a point of up to two axes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Literal, get_args

from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import join, read_number
from blobtransfer.specs.data import ROLES, DataSpec
from blobtransfer.specs.experiment import MAX_RUNS, ExperimentSpec, Question
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.specs.variant import Variant

ManyCellKind = Literal["sweep", "pairs", "grid"]
"""Kinds of studies that have several cells."""

StudyKind = Literal["compare", ManyCellKind]
STUDIES: tuple[StudyKind, ...] = get_args(StudyKind)
"""Commands that compare, whose answer is a sentence."""

Budget = Literal["epochs", "updates"]
"""What all points of a sweep have alike: passes over their training rows, or steps."""
BUDGETS: tuple[Budget, ...] = get_args(Budget)

MAX_STUDY_CELLS = 10_000
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
        seen = set[str | float]()
        numbers: tuple[str | float, ...] = self.numbers or self.values
        for value, number in zip(self.values, numbers, strict=True):
            if value in seen or number in seen:
                raise SettingError(self.name, value, "it is repeated; give it once")
            seen |= {value, number}
        if not self.values or not self.name:
            raise SettingError(self.name, "", "there is no value; give some")

    @property
    def numbers(self) -> tuple[float, ...] | None:
        """The values as numbers; None where one is none."""
        numbers = [read_number(value) for value in self.values]
        return None if None in numbers else tuple(map(float, numbers))

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
class Study:
    """Comparisons that are run and judged together; a single comparison is a study of one cell.

    Args:
        kind: What is asked; also the name of the command.
        axes: What varies from cell to cell; none for a single comparison, else one or two.
        cells: Comparisons, in the order in which they are run.
        budget: What the points of a sweep have in common; None for other studies.

    Raises:
        SettingError: There are too many cells or runs, or cells that do not belong together.
    """

    kind: StudyKind
    axes: tuple[Axis, ...]
    cells: tuple[Cell, ...]
    budget: Budget | None = None

    @classmethod
    def of_one(cls, spec: ExperimentSpec) -> "Study":
        """Return the study of a single comparison."""
        return cls("compare", (), (Cell((), spec),))

    def __post_init__(self) -> None:
        if not self.cells:
            raise SettingError("cells", "", "there is none")
        if len({axis.name for axis in self.axes}) < len(self.axes):
            raise SettingError("over", self.axes[0].name, "it is given twice; use two settings")
        self._check_kind()
        if len(self.cells) > MAX_STUDY_CELLS:
            problem = f"{len(self.cells):,} cells; use at most {MAX_STUDY_CELLS:,}"
            raise SettingError("repeats", self.n_repeats, problem)
        seen = set()
        for cell in self.cells:
            cell.spec.check_comparison()
            is_on_axes = len(cell.at) == len(self.axes) and all(
                value in axis.values for axis, value in zip(self.axes, cell.at, strict=False)
            )
            if not is_on_axes or cell.at in seen:
                raise SettingError("cells", join(cell.at), "there is no such place, or it is taken")
            seen.add(cell.at)
            if _common_settings(cell.spec) != _common_settings(self.cells[0].spec):
                raise SettingError("cells", join(cell.at), "it answers other questions")
        n_runs = sum(spec.n_repeats * len(spec.arms) * (1 + len(spec.tune)) for spec in self.specs)
        if n_runs > MAX_RUNS:
            raise SettingError(
                "repeats",
                self.n_repeats,
                f"that is {n_runs:,} trainings in {len(self.cells):,} cells; use at most "
                f"{MAX_RUNS:,}",
            )

    def _check_kind(self) -> None:
        """Raise `SettingError` unless the axes and cells are those of this kind of study."""
        names = tuple(axis.name for axis in self.axes)
        n_places = prod(len(axis.values) for axis in self.axes)
        if self.kind == "sweep":
            is_right = 1 <= len(names) <= 2 and not {"pair", *ROLES} & set(names)
            expected = "one or two settings"
        else:
            expected_names = {"compare": (), "pairs": ("pair",), "grid": ROLES}[self.kind]
            is_right, expected = names == expected_names, join(expected_names) or "none"
        problem = None
        if not is_right:
            problem = f"the axes of {self.kind} are {expected}"
        elif self.kind == "grid" and self.axes[0].values != self.axes[1].values:
            problem = "every source is a target too"
        elif len(self.cells) != n_places or (n_places < 2 and self.kind != "compare"):
            problem = f"{len(self.cells)} cells at {n_places} places"
        elif (self.budget is None) == (self.kind == "sweep"):
            problem = "a sweep has a budget, and no other study"
        if problem is not None:
            raise SettingError("cells", "", problem)

    @property
    def specs(self) -> list[ExperimentSpec]:
        """The comparison of each cell."""
        return [cell.spec for cell in self.cells]

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

    @property
    def until_decided(self) -> bool:
        """Whether cells may stop before all repeats."""
        return self.cells[0].spec.until_decided

    @property
    def pools_cells(self) -> bool:
        """Whether each cell is one observation, which counts only if it is complete."""
        return self.kind == "pairs"

    @property
    def n_compared(self) -> int:
        """Differences from standalone whose intervals hold simultaneously, in each question.

        Where cells are pooled, the intervals of a cell hold in that cell alone.
        """
        n_cells = 1 if self.pools_cells else len(self.cells)
        return (len(self.cells[0].spec.variants) - 1) * n_cells

    def with_specs(self, change: Callable[[ExperimentSpec], ExperimentSpec]) -> "Study":
        """Return the study with a changed comparison in each cell."""
        cells = tuple(replace(cell, spec=change(cell.spec)) for cell in self.cells)
        return replace(self, cells=cells)

    def with_margin(self, margin: float | None) -> "Study":
        """Return the study with another margin, a share; None: the same study."""
        if margin is None:
            return self
        return self.with_specs(lambda spec: replace(spec, margin=margin))


def _common_settings(spec: ExperimentSpec) -> tuple[object, ...]:
    """Return the settings that all cells of a study have in common."""
    return (spec.questions, spec.n_repeats, len(spec.variants), spec.margin, spec.until_decided)


def steps_of_an_epoch(training: TrainingSpec, data: DataSpec) -> int:
    """Count the updates of one pass over the training rows of a problem."""
    return -(-data.n_train // training.batch_size)


def with_updates_of(spec: ExperimentSpec, base: ExperimentSpec) -> ExperimentSpec:
    """Return an experiment with as many epochs as make about as many updates as another has.

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

    def epochs_for(data: DataSpec | None, base_data: DataSpec | None) -> int:
        if data is None or base_data is None:
            return spec.training.epochs
        updates = spec.training.epochs * steps_of_an_epoch(base.training, base_data)
        return max(1, round(updates / steps_of_an_epoch(spec.training, data)))

    of_source, of_target = (epochs_for(getattr(spec, role), getattr(base, role)) for role in ROLES)
    return replace(
        spec,
        training=replace(spec.training, epochs=of_target),
        source_epochs=None if of_source == of_target else of_source,
    )


def variant_labels(study: Study) -> Iterator[tuple[int, str]]:
    """Yield the index and the label of each variant that is compared with standalone.

    Where the variants differ from cell to cell, as along the axis `fixed`, the label is their
    kind; the diagonal of a grid does not count.
    """
    cells = [cell for cell in study.cells if study.kind != "grid" or cell.at[0] != cell.at[1]]
    for i in range(1, len(study.cells[0].spec.variants)):
        yield i, _common_name([cell.spec.variants[i] for cell in cells])


def _common_name(variants: list[Variant]) -> str:
    return str(variants[0]) if len(set(variants)) == 1 else variants[0].kind
