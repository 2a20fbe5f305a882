"""Specification of a judgement: which scores are compared, and by which rules.

The scores come from trainings of another program, or from this program's own CSV of runs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Interval

from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import as_tuple, check_count, check_number, check_type, join
from blobtransfer.specs.experiment import QUESTIONS, Arm, ComparedQuestion, Resplit, Sources
from blobtransfer.specs.training import Metric
from blobtransfer.specs.variant import Start, Variant

MAX_NAME = 200
"""Longest name of a variant or a repeat, in characters."""

MAX_VARIANTS = 1_000
"""Largest number of variants."""

MAX_SCORE = 1e12
"""Largest absolute score."""

MIN_WIDTH = 1e-6
"""Smallest width of the range of scores: differences are rounded to 12 digits."""

MARGIN_SHARE, LOW_SHARE = 0.01, 0.1
"""Default margin and distance of the line of low scores, as shares of the scale of the scores."""

ScoreEnd = Annotated[float, Interval(ge=-MAX_SCORE, le=MAX_SCORE)]


@dataclass(frozen=True)
class NamedVariant(Variant):
    """A variant of which only the name is known.

    Args:
        start: `standalone` for the baseline, `transfer` for all others.
        name: Name of its scores.
    """

    name: str = ""

    def __post_init__(self) -> None:
        """Accept the name, which `ScoresSpec` checks."""

    @property
    def kind(self) -> str:
        """The name."""
        return self.name

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class ScoreColumn:
    """The scores of one variant.

    Args:
        variant: Name of the variant.
        sources: Source networks of its runs; `none` without any, or if they are unknown.
    """

    variant: str
    sources: Sources = "none"


@dataclass(frozen=True)
class ScoresSpec:
    """All settings of a judgement.

    Args:
        name: Name of the scores in reports, such as that of their file.
        columns: The variants, the baseline first.
        score_range: Lowest and highest possible score. For the program's own CSV of runs: chance
            level and best possible accuracy, 0 and 1 where unknown.
        margin: Differences up to this are negligible, in the unit of the scores.
        lower_is_better: Whether lower scores are better, as for a loss.
        resplit_rows: Training and test rows of a split if each repeat resplits the same rows.
        metric: What the program's own CSV of runs is judged by; None for scores of another program.

    Raises:
        SettingError: A value is impossible, or fewer than two variants have scores.
    """

    until_decided: ClassVar = False
    nested: ClassVar = None
    is_same_data: ClassVar = False

    name: str
    columns: tuple[ScoreColumn, ...]
    score_range: tuple[ScoreEnd, ScoreEnd] = (0.0, 1.0)
    margin: float = MARGIN_SHARE
    lower_is_better: bool = False
    resplit_rows: tuple[int, int] | None = None
    metric: Metric | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", as_tuple("scores", self.columns))
        object.__setattr__(self, "score_range", check_range(self.score_range))
        check_type("lower-is-better", self.lower_is_better, bool, "True or False")
        low, high = self.score_range
        if self.metric is not None and not 0.0 <= low < high <= 1.0:
            problem = "accuracies are shares; use chance level and best possible accuracy"
            raise SettingError("range", f"{low:g} {high:g}", f"{problem}, such as 0.33 0.87")
        if self.metric is not None and self.lower_is_better:
            problem = "higher accuracies are better; leave it out"
            raise SettingError("lower-is-better", "", problem)
        self._check_columns()
        if self.resplit_rows is not None:
            rows = as_tuple("resplit", self.resplit_rows)
            object.__setattr__(self, "resplit_rows", rows)
            if len(rows) != 2:
                problem = "use two numbers: the training rows and the test rows of a split"
                raise SettingError("resplit", join(rows), problem)
            for n_rows in rows:
                check_count("resplit", n_rows)
        low, high = self.scale
        check_number("margin", self.margin)
        if not 0.0 <= self.margin < high - low:
            problem = f"use at least 0 and less than {high - low:g}, the width of the range"
            raise SettingError("margin", self.margin, problem)

    def _check_columns(self) -> None:
        """Raise `SettingError` unless a baseline comes first, and different variants follow."""
        if len(self.columns) > MAX_VARIANTS:
            problem = f"{len(self.columns):,} variants; use at most {MAX_VARIANTS:,}"
            raise SettingError("scores", self.name, problem)
        for i, column in enumerate(self.columns):
            check_type("scores", column, ScoreColumn, "ScoreColumns")
            check_type("scores", column.variant, str, "names of variants")
            if not column.variant or len(column.variant) > MAX_NAME:
                problem = f"use names of 1 to {MAX_NAME} characters"
                raise SettingError("scores", column.variant[:60], problem)
            if column in self.columns[:i]:
                raise SettingError("scores", column.variant, "it is repeated; give it once")
        if len(self.columns) < 2:
            problem = "nothing is compared; add the scores of another variant"
            raise SettingError("scores", self.name, problem)
        baseline, *others = self.columns
        if baseline.sources != "none" or baseline.variant in [c.variant for c in others]:
            problem = "its runs start from source networks; use one without, such as standalone"
            raise SettingError("baseline", baseline.variant, problem)

    @property
    def scale(self) -> tuple[float, float]:
        """Ends of the scale of the scores: of accuracies, 0 and 1."""
        return self.score_range if self.metric is None else (0.0, 1.0)

    @property
    def low(self) -> float:
        """Distance of the line of low scores below the best possible, or the best median."""
        low, high = self.scale
        return LOW_SHARE * (high - low)

    @property
    def variants(self) -> tuple[NamedVariant, ...]:
        """All variants, the baseline first."""
        names = dict.fromkeys(column.variant for column in self.columns)
        return tuple(map(self._variant, names))

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The arm of each column."""
        return tuple(Arm(self._variant(column.variant), column.sources) for column in self.columns)

    @property
    def questions(self) -> tuple[ComparedQuestion, ...]:
        """Questions that the scores answer, the primary one first."""
        sources = {column.sources for column in self.columns}
        return tuple(question for question in QUESTIONS if question in sources) or ("scores",)

    @property
    def resplit(self) -> Resplit | None:
        """Split of the rows that each repeat resplits; None if repeats are independent."""
        if self.resplit_rows is None:
            return None
        n_train, n_test = self.resplit_rows
        return Resplit(n_train, n_test, n_test / n_train)

    def is_nested(self, arm: Arm) -> bool:
        """Return whether several runs of an arm share a source: never."""
        return False

    def _variant(self, name: str) -> NamedVariant:
        start: Start = "standalone" if name == self.columns[0].variant else "transfer"
        return NamedVariant(start, name=name)


def check_range(ends: Sequence[float]) -> tuple[float, float]:
    """Return the range of scores.

    Args:
        ends: Lowest and highest possible score.

    Raises:
        SettingError: The ends are not two finite numbers, the lower one first.
    """
    ends = as_tuple("range", ends)
    for end in ends:
        check_number("range", end)
    value = " ".join(f"{end:g}" for end in ends)
    problem = None
    if len(ends) != 2:
        problem = "use two numbers: the lowest and the highest possible score"
    elif not all(map(math.isfinite, ends)):
        problem = "use finite numbers: the lowest and the highest possible score"
    elif ends[0] >= ends[1]:
        problem = "use the lowest possible score first, then a higher one"
    elif max(map(abs, ends)) > MAX_SCORE:
        problem = f"the largest score is {MAX_SCORE:g}; divide all scores, such as by 1000"
    elif ends[1] - ends[0] < MIN_WIDTH:
        problem = f"the smallest range is {MIN_WIDTH:g}; multiply all scores, such as by 1000"
    if problem is not None:
        raise SettingError("range", value, problem)
    return float(ends[0]), float(ends[1])
