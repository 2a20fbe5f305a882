"""Problems to be learnt: which rows, and their split into training and test.

A kind of problem is a dataclass with a `kind` that names its file in `tasks/`, a `name`, and
`n_features` and `n_classes`. `TaskSpec` is any of them; there is one kind so far.
"""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import check_count, check_seed, join

MAX_CELLS = 100_000_000
"""Most numbers in the rows of a problem, or in their distances to the centres: 0.8 GB."""


@dataclass(frozen=True)
class BlobsSpec:
    """One blobs problem and its split into training and test rows.

    Args:
        seed: The problem, `random_state` of `make_blobs`; 0 to 2**32 - 1.
        n_samples: Rows that are drawn.
        n_classes: Blobs, at least 2.
        n_features: Coordinates of a row, at least 1.
        cluster_std: Standard deviation of each blob, 1e-30 to 1e30.
        n_train: The first rows, which train.
        n_test: Fresh test rows from the same centres; None: the rows left after `n_train`.

    Raises:
        SettingError: A value is impossible.
    """

    kind: Literal["blobs"] = field(default="blobs", kw_only=True)
    seed: int
    n_samples: int = 1000
    n_classes: int = 3
    n_features: int = 2
    cluster_std: float = 2.0
    n_train: int = 500
    n_test: int | None = None

    def __post_init__(self) -> None:
        check_seed("seed", self.seed)
        check_count("classes", self.n_classes, 2)
        check_count("features", self.n_features)
        if not 1e-30 <= self.cluster_std <= 1e30:
            raise SettingError("cluster-std", self.cluster_std, "use a number from 1e-30 to 1e30")
        check_count("samples", self.n_samples)
        if self.n_samples < self.n_classes:
            raise SettingError(
                "samples",
                self.n_samples,
                f"fewer rows than the {self.n_classes} classes; use at least {self.n_classes}",
            )
        if self.n_train < self.n_classes:
            raise SettingError(
                "train-samples",
                self.n_train,
                f"fewer training rows than the {self.n_classes} classes; "
                f"use at least {self.n_classes}",
            )
        if self.n_test is not None:
            check_count("test-samples", self.n_test)
        for setting, n_rows in (("samples", self.n_samples), ("test-samples", self.n_test or 0)):
            for other, each in (("features", self.n_features), ("classes", self.n_classes)):
                if n_rows * each > MAX_CELLS:
                    most, least = sorted(((n_rows, setting), (each, other)), reverse=True)
                    raise SettingError(
                        most[1],
                        most[0],
                        f"{n_rows * each:,} numbers with {join(least)}; use at most {MAX_CELLS:,}",
                    )
        if self.n_train > self.n_samples:
            raise SettingError(
                "train-samples",
                self.n_train,
                f"the problem has {self.n_samples} rows; use fewer, or more --samples",
            )
        if self.n_train == self.n_samples and self.n_test is None:
            raise SettingError(
                "train-samples",
                self.n_train,
                f"all {self.n_samples} rows train and none is left to test; "
                "use fewer, more --samples, or --test-samples",
            )

    @property
    def name(self) -> str:
        """What people call the problem."""
        return f"problem {self.seed}"


TaskSpec: TypeAlias = BlobsSpec
"""A problem of any kind; `kind` tells them apart."""
