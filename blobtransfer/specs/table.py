"""Specifications of tables: from a file, in memory, or built in (from scikit-learn).

A `TableRequest` holds the settings of the user. A `TableSpec` is the request resolved against the
table: its columns, classes and numbers of rows are known without reading the file again.
"""

from dataclasses import dataclass, field
from typing import Literal, get_args

from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import check_count

BuiltIn = Literal["iris", "wine", "breast_cancer", "digits"]
BUILT_IN: tuple[BuiltIn, ...] = get_args(BuiltIn)

ScaleBy = Literal["own", "source", "none"]
"""Training rows whose mean and scale standardise the inputs: those of this data, or the source."""
SCALE_BY: tuple[ScaleBy, ...] = get_args(ScaleBy)

Missing = Literal["refuse", "mean", "drop"]
"""Treatment of missing values: reject them, fill in the mean, or drop the row."""
MISSING: tuple[Missing, ...] = get_args(Missing)

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|", "space": " "}
"""Separators of the values of a text file that have a name."""

MAX_TRAINED_ROWS = 40_000
"""Largest number of training rows whose hashes are saved with a network: 0.8 MB."""


@dataclass(frozen=True)
class TableRequest:
    """A table as the user requests it.

    Args:
        origin: Path of a file, name of a built-in table, or what a table in memory is called.
        is_file: Whether `origin` is a path.
        label: Column of the classes; None for the classes of a built-in table.
        where: A column and the value that rows must have in it, in each way that the text can be
            read, the longest name of a column first; empty for all rows.
        classes: Names of the classes that are used, as `0-4` or `a+b`; None for all.
        drop: Columns that are left out, by name, by number (from 1), or as a range such as `3-7`.
        group: Column whose equal values stay on one side of the split.
        split: Column with `train` or `test` in each row.
        scale: See `ScaleBy`; None for `own`.
        missing: See `Missing`.
        missing_values: Texts that stand for a missing value, besides the usual ones.
        train: Number of training rows, or their share if above 0 and below 1; None for half of
            the rows.
        test: Number, or share, of test rows; None for the remaining rows.
        sep: Separator of the values of a text file: a character, or its name in `SEPARATORS`;
            None to detect it.
        has_head: Whether the first row of the file has the names of the columns.
        name: Name of the data in reports; None for the name of the file.
        sha256: Hash of the content of a table in memory; None for other tables.
        content: The table in memory, which exists as long as a request holds it.
    """

    origin: str
    is_file: bool
    label: str | None = None
    where: tuple[tuple[str, str], ...] = ()
    classes: str | None = None
    drop: tuple[str, ...] = ()
    group: str | None = None
    split: str | None = None
    scale: ScaleBy | None = None
    missing: Missing = "refuse"
    missing_values: tuple[str, ...] = ()
    train: int | float | None = None
    test: int | float | None = None
    sep: str | None = None
    has_head: bool = True
    name: str | None = None
    sha256: str | None = None
    content: object = field(default=None, compare=False, repr=False)

    @property
    def is_in_memory(self) -> bool:
        """Whether the table is in the memory of this process."""
        return self.sha256 is not None

    @property
    def is_built_in(self) -> bool:
        """Whether `origin` is the name of a built-in table."""
        return not self.is_file and not self.is_in_memory


@dataclass(frozen=True)
class Column:
    """A column of features: numbers, or words that are one-hot encoded.

    Args:
        name: Name of the column.
        levels: The words that are encoded; None for numbers.
    """

    name: str
    levels: tuple[str, ...] | None = None

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features of the column."""
        if self.levels is None:
            return (self.name,)
        return tuple(f"{self.name}={level}" for level in self.levels)


@dataclass(frozen=True)
class Scaler:
    """How features are standardised: (x - mean) / scale.

    Args:
        means: (n_features,) finite.
        scales: (n_features,) finite and above 0; 1 for a constant feature.
    """

    means: tuple[float, ...]
    scales: tuple[float, ...]


@dataclass(frozen=True)
class Preprocessing:
    """How a table is turned into the inputs of a saved network.

    Args:
        problem: Name of the data that the network was trained on.
        label: Column of the classes.
        columns: Columns of features, in the order of the inputs of the network.
        classes: Names of the classes, in the order of its outputs.
        scaler: Scaler of the training rows; None if they were not standardised.
        trained_rows: A hash of each training row; empty if there were more than
            `MAX_TRAINED_ROWS`.
    """

    problem: str
    label: str
    columns: tuple[Column, ...]
    classes: tuple[str, ...]
    scaler: Scaler | None
    trained_rows: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableSpec:
    """A table request resolved against the table.

    Args:
        kind: Name of the kind.
        name: Name of the data in reports.
        origin: Path of the file as the user wrote it, name of a built-in table, or what a table in
            memory was called.
        sha256: Hash of the file, or of the content of a table in memory, in hexadecimal digits;
            None for a built-in table.
        label: Column of the classes.
        columns: Columns of features, in order.
        class_names: Names of the classes, in order.
        n_rows: Number of rows that are used.
        n_train: Number of training rows; approximate if groups stay together.
        n_test: Number of test rows; approximate if groups stay together.
        where: A column and the value that rows must have in it; None for all rows.
        group: Column whose equal values stay on one side of the split; None for none.
        split: Column with `train` or `test` in each row; None for none.
        scale: Rows that standardise the inputs: training rows of this data (`own`), of the source
            (`source`), or `none`.
        missing: Treatment of missing values: `refuse` them, fill in the `mean`, or `drop` the row.
        scaler: Scaler of the training rows of the source; only if `scale` is `source`.
        split_train: Number of training rows of the split; the first `n_train` are used, so that the
            test rows do not depend on `n_train`. None to use all.
        missing_values: Texts that stand for a missing value, besides the usual ones.
        sep: Separator of the values of a text file; None if it was detected.
        has_head: Whether the first row of the file has the names of the columns.
        left_out: Indices in the file of rows that are not used, because the other table, or the
            training rows of a saved network, have them too.
        is_in_memory: Whether the table was an array or a frame in the memory of a process.

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
    missing_values: tuple[str, ...] = ()
    sep: str | None = None
    has_head: bool = True
    left_out: tuple[int, ...] = ()
    is_in_memory: bool = False

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
            raise SettingError(
                "scale",
                self.scale,
                "scale=source and the scaler of a source belong together; use both or neither",
            )

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(name for column in self.columns for name in column.feature_names)

    @property
    def n_features(self) -> int:
        """Number of features."""
        return sum(len(column.feature_names) for column in self.columns)

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def n_test_rows(self) -> int:
        """Number of test rows."""
        return self.n_test

    @property
    def test_to_train(self) -> float:
        """Ratio of test rows to training rows; with groups, its average."""
        return 1.0 if self.group is not None else self.n_test / self.n_train

    @property
    def axis_names(self) -> tuple[str, ...]:
        """Labels of the features along an axis."""
        unit = "" if self.scale == "none" else " (standardised)"
        return tuple(f"{name}{unit}" for name in self.feature_names)

    @property
    def is_resplit(self) -> bool:
        """Whether each repeat has its own split of the same rows, so that repeats are dependent."""
        return self.split is None
