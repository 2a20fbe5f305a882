"""Tables: problems of finitely many rows, from a file or a set that comes with scikit-learn.

A `TableRequest` is what a user asks for. Which columns, classes and rows there are shows when
the table is read; a `TableSpec` has all that resolved, so that nobody need ask the file again.
"""

from dataclasses import dataclass, field
from typing import Literal, get_args

from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import check_count

BuiltIn = Literal["iris", "wine", "breast_cancer", "digits"]
BUILT_IN: tuple[BuiltIn, ...] = get_args(BuiltIn)

ScaleBy = Literal["own", "source", "none"]
"""By whose training rows the inputs are standardised: the problem's own, the source problem's."""
SCALE_BY: tuple[ScaleBy, ...] = get_args(ScaleBy)

Missing = Literal["refuse", "mean", "drop"]
"""What is done with a value that is missing."""
MISSING: tuple[Missing, ...] = get_args(Missing)


MAX_TRAINED_ROWS = 40_000
"""Most rows whose hashes a saved network carries: 0.8 MB."""


@dataclass(frozen=True)
class TableRequest:
    """A table as the user asks for it.

    Args:
        origin: A file, or the name of a set that comes with scikit-learn.
        is_file: Which of the two.
        label: Column of the classes; None where the set has its own.
        where: A column and the value that rows must have in it; None for all rows.
        classes: Names of the classes that are kept, as `0-4` or `a+b`; None for all.
        drop: Columns that are left out.
        group: Column whose equal values stay on one side of the split.
        split: Column that says `train` or `test` of each row.
        scale: See `ScaleBy`; None: `own`.
        missing: See `Missing`.
        train: Training rows; None: half of them.
        test: Test rows; None: the rest.
    """

    origin: str
    is_file: bool
    label: str | None = None
    where: tuple[str, str] | None = None
    classes: str | None = None
    drop: tuple[str, ...] = ()
    group: str | None = None
    split: str | None = None
    scale: ScaleBy | None = None
    missing: Missing = "refuse"
    train: int | None = None
    test: int | None = None


@dataclass(frozen=True)
class Column:
    """A column of features: numbers, or words of which each is a feature of 0 and 1.

    Args:
        name: Its head.
        levels: The words that are known; None for numbers.
    """

    name: str
    levels: tuple[str, ...] | None = None

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What its features are called."""
        if self.levels is None:
            return (self.name,)
        return tuple(f"{self.name}={level}" for level in self.levels)


@dataclass(frozen=True)
class Scaler:
    """How features are standardised: (x - mean) / scale.

    Args:
        means: (n_features,) finite.
        scales: (n_features,) finite and above 0; 1 for a column that does not vary.
    """

    means: tuple[float, ...]
    scales: tuple[float, ...]


@dataclass(frozen=True)
class Preprocessing:
    """What a network has to know to be used on a table.

    Args:
        problem: What people call the problem that it was trained on.
        label: Column of the classes.
        columns: Features, in the order of the network's inputs.
        classes: Names, in the order of its outputs.
        scaler: Of its training rows; None where they were taken as they are.
        trained_rows: A hash of each of those rows; none where they were too many to be kept.
    """

    problem: str
    label: str
    columns: tuple[Column, ...]
    classes: tuple[str, ...]
    scaler: Scaler | None
    trained_rows: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableSpec:
    """A problem of finitely many rows.

    Args:
        name: What people call it.
        origin: The file as it was asked for, or the name of a set of scikit-learn's.
        sha256: Of the file, in hexadecimal digits; None for a set of scikit-learn's.
        label: Column of the classes.
        columns: Features, in order.
        class_names: In order.
        n_rows: Rows that are used.
        n_train: Training rows; about so many where groups stay together.
        n_test: Test rows, likewise.
        where: As in `TableRequest`.
        group: As in `TableRequest`.
        split: As in `TableRequest`.
        scale: By whose training rows the inputs are standardised.
        missing: What is done with a value that is missing.
        scaler: Of the source's training rows, where `scale` is `source`.
        split_train: Training rows that the split leaves, of which `n_train` are used, the same in
            every larger choice; None: all. So the test rows are the same whatever `n_train` is.

    Raises:
        SettingError: A value is impossible.
    """

    kind: Literal["table"] = field(default="table", kw_only=True)
    name: str
    origin: str
    sha256: str | None
    label: str
    columns: tuple[Column, ...]
    class_names: tuple[str, ...]
    n_rows: int
    n_train: int
    n_test: int
    where: tuple[str, str] | None = None
    group: str | None = None
    split: str | None = None
    scale: ScaleBy = "own"
    missing: Missing = "refuse"
    scaler: Scaler | None = None
    split_train: int | None = None

    def __post_init__(self) -> None:
        for word, value, least in (
            ("classes", self.n_classes, 2),
            ("features", self.n_features, 1),
            ("train", self.n_train, 1),
            ("test", self.n_test, 1),
        ):
            check_count(word, value, least)
        if self.split_train is not None:
            check_count("train", self.n_train, self.n_classes, self.split_train)
        if self.scaler is not None and {self.n_features} != {
            len(self.scaler.means),
            len(self.scaler.scales),
        }:
            raise SettingError("scale", self.scale, "the scaler is of other features")
        if (self.scaler is None) == (self.scale == "source"):
            raise SettingError("scale", self.scale, "there is no scaler of a source, or it is idle")

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What the features are called."""
        return tuple(name for column in self.columns for name in column.feature_names)

    @property
    def n_features(self) -> int:
        """Inputs of a network."""
        return sum(1 if one.levels is None else len(one.levels) for one in self.columns)

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    @property
    def n_test_rows(self) -> int:
        """Rows that test."""
        return self.n_test

    @property
    def test_to_train(self) -> float:
        """Test rows over training rows; where groups stay together, as they are on average."""
        return 1.0 if self.group is not None else self.n_test / self.n_train

    @property
    def axis_names(self) -> tuple[str, ...]:
        """What the features are called along an axis."""
        unit = "" if self.scale == "none" else " (standardised)"
        return tuple(f"{name}{unit}" for name in self.feature_names)

    @property
    def is_resplit(self) -> bool:
        """Whether each repeat splits the same rows anew, so that repeats are not independent."""
        return self.split is None
