"""A study: one comparison, or many: a sweep of a setting, pairs of data, or a grid.

A study is a list of cells. Each cell is a comparison at a point of up to two axes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import Literal, get_args

from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import (
    as_tuple,
    check_type,
    escape_control_characters,
    join,
    read_number,
)
from blobtransfer.specs.data import ROLES
from blobtransfer.specs.experiment import MAX_RUNS, ExperimentSpec, Question
from blobtransfer.specs.variant import Variant

ManyCellKind = Literal["sweep", "pairs", "grid"]
"""Kinds of studies that have several cells."""

StudyKind = Literal["compare", ManyCellKind]
STUDIES: tuple[StudyKind, ...] = get_args(StudyKind)
"""Commands that run comparisons."""

COMPARISONS = (*STUDIES, "judge")
"""Commands whose results compare variants with a baseline."""

Budget = Literal["epochs", "updates"]
"""What trainings on different numbers of rows have in common: epochs, or updates.

All points of a sweep; the source and the target networks of any other comparison.
"""
BUDGETS: tuple[Budget, ...] = get_args(Budget)

MAX_STUDY_CELLS = 10_000
"""Largest number of comparisons of one study."""

MAX_STEPS = 1_000
"""Largest number of values of a range."""


@dataclass(frozen=True)
class Axis:
    """A setting that varies from cell to cell, and its values.

    Args:
        name: Option name of a setting, or `pair`, `source`, `target`.
        values: Values as the user writes them; all different.

    Raises:
        SettingError: No value is given, or a value is repeated.
    """

    name: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        check_type("over", self.name, str, "the name of a setting")
        object.__setattr__(self, "values", as_tuple(self.name, self.values))
        for text in (self.name, *self.values):
            check_type("over", text, str, "texts, as on the command line")
            if not text.isprintable():
                shown = escape_control_characters(text)
                raise SettingError("over", shown, "it contains control characters")
        seen = set[str | float]()
        numbers: tuple[str | float, ...] = self.numbers or self.values
        for value, number in zip(self.values, numbers, strict=True):
            if value in seen or number in seen:
                raise SettingError(self.name, value, "it is repeated; give it once")
            seen |= {value, number}
        if not self.values or not self.name:
            raise SettingError(self.name, "", "no value is given; add two or more")

    @property
    def numbers(self) -> tuple[float, ...] | None:
        """The values as numbers; None if a value is not a number."""
        numbers = [read_number(value) for value in self.values]
        return None if None in numbers else tuple(map(float, numbers))

    @property
    def is_ordered(self) -> bool:
        """Whether the values have an order: numbers, except seeds, which are only names."""
        return self.numbers is not None and not self.name.endswith("seed")


@dataclass(frozen=True)
class Cell:
    """One comparison of a study.

    Args:
        at: Value of the cell on each axis.
        spec: The comparison.

    Raises:
        SettingError: A value has another type.
    """

    at: tuple[str, ...]
    spec: ExperimentSpec

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", as_tuple("cells", self.at))
        check_type("cells", self.spec, ExperimentSpec, "an ExperimentSpec")


@dataclass(frozen=True)
class Study:
    """Comparisons that are run and analysed together; a single comparison is a study of one cell.

    Args:
        kind: Kind of the study, which is the name of its command.
        axes: Settings that vary from cell to cell: none for a single comparison, else one or two.
        cells: Comparisons, in the order in which they are run.
        budget: What all points of a sweep have in common; None unless the study is a sweep.

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
        for name in ("axes", "cells"):
            object.__setattr__(self, name, as_tuple(name, getattr(self, name)))
        for axis in self.axes:
            check_type("axes", axis, Axis, "Axis objects")
        for cell in self.cells:
            check_type("cells", cell, Cell, "Cell objects")
        if not self.cells:
            raise SettingError("cells", "", "no cell is given; add one or more")
        if len({axis.name for axis in self.axes}) < len(self.axes):
            raise SettingError("over", self.axes[0].name, "it is given twice; use two settings")
        self._check_kind()
        if len(self.cells) > MAX_STUDY_CELLS:
            problem = f"{len(self.cells):,} cells; use at most {MAX_STUDY_CELLS:,}"
            raise SettingError("repeats", self.n_repeats, problem)
        if [cell.at for cell in self.cells] != list(product(*(axis.values for axis in self.axes))):
            problem = "use one cell for each combination of values, in the order of the axes"
            raise SettingError("cells", join(self.cells[0].at), problem)
        seen: dict[ExperimentSpec, str] = {}
        for cell in self.cells:
            cell.spec.check_comparison()
            if _common_settings(cell.spec) != _common_settings(self.cells[0].spec):
                raise SettingError(
                    "cells",
                    join(cell.at),
                    "its questions, repeats or variants differ from those of the other cells",
                )
            if seen.setdefault(cell.spec, join(cell.at)) != join(cell.at):
                problem = f"the same experiment as at {seen[cell.spec]}; leave one of the two out"
                raise SettingError("cells", join(cell.at), problem)
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
        if self.kind not in STUDIES:
            raise SettingError("kind", self.kind, f"use one of {join(STUDIES)}")
        if self.budget is not None and self.budget not in BUDGETS:
            raise SettingError("budget", self.budget, f"use one of {join(BUDGETS)}")
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
        elif self.kind in ("pairs", "grid") and self.questions != ("fresh",):
            problem = f"{self.kind} has fresh source networks only"
        elif self.kind in ("pairs", "grid") and self.until_decided:
            problem = f"{self.kind} is not judged cell by cell; leave until_decided out"
        elif self.kind != "compare" and len(self.cells[0].spec.variants) < 2:
            problem = "nothing is compared; add a variant"
        if problem is not None:
            raise SettingError("cells", "", problem)

    @property
    def specs(self) -> list[ExperimentSpec]:
        """The comparison of each cell."""
        return [cell.spec for cell in self.cells]

    @property
    def n_repeats(self) -> int:
        """Repeats of each cell, or their maximum."""
        return self.cells[0].spec.n_repeats

    @property
    def questions(self) -> tuple[Question, ...]:
        """Questions that each cell answers."""
        return self.cells[0].spec.questions

    @property
    def margin(self) -> float:
        """Differences of accuracy up to this are negligible."""
        return self.cells[0].spec.margin

    @property
    def until_decided(self) -> bool:
        """Whether cells may stop before all repeats are done."""
        return self.cells[0].spec.until_decided

    @property
    def pools_cells(self) -> bool:
        """Whether each cell is one observation of a pooled estimate, which needs complete cells."""
        return self.kind == "pairs"

    @property
    def n_compared(self) -> int:
        """Number of differences from standalone whose intervals hold simultaneously, per question.

        If cells are pooled, the intervals hold simultaneously within each cell only.
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
    return (
        (spec.questions, spec.n_repeats, spec.nested, len(spec.variants), spec.until_decided),
        (spec.margin, spec.low, spec.against, spec.speed, spec.engine, spec.metric),
    )


def variant_labels(study: Study) -> Iterator[tuple[int, str]]:
    """Yield the index and the label of each variant that is compared with standalone.

    If the variants differ from cell to cell, as along the axis `fixed`, the label is their
    kind; the diagonal of a grid is ignored.
    """
    cells = [cell for cell in study.cells if study.kind != "grid" or cell.at[0] != cell.at[1]]
    for i in range(1, len(study.cells[0].spec.variants)):
        yield i, _common_name([cell.spec.variants[i] for cell in cells])


def _common_name(variants: list[Variant]) -> str:
    return str(variants[0]) if len(set(variants)) == 1 else variants[0].kind
