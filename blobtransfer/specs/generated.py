"""Specifications of generated data, one class for each generator of scikit-learn.

The first `n_train` rows are training rows. The remaining rows are test rows, unless `n_test`
asks for new ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import ClassVar, Literal

from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import (
    check_count,
    check_number,
    check_seed,
    check_whole,
    join,
    plain_value,
)

MAX_DATA_VALUES = 100_000_000
"""Largest number of values in a dataset, or of distances to the centres: 0.8 GB."""


COMMON_KEYS: Mapping[str, str] = {
    "seed": "seed",
    "samples": "n_samples",
    "train": "n_train",
    "test": "n_test",
}
"""Keys of all kinds of generated data in a specification, and their fields."""


@dataclass(frozen=True)
class GeneratedSpec:
    """Base of the specifications of generated data.

    Attributes:
        kind_keys: Keys that only this kind has in a specification, and their fields.

    Args:
        kind: Name of the kind.
        seed: `random_state` of scikit-learn's generator, 0 to 2**32 - 1.
        n_samples: Number of rows, at least the number of classes.
        n_train: Number of training rows, taken first.
        n_test: Number of new test rows; None to test on the rows left after `n_train`.

    Raises:
        SettingError: A value is impossible.
    """

    seed_draws_rows_only: ClassVar[bool] = False
    kind_keys: ClassVar[Mapping[str, str]] = {}

    kind: str = field(default="", kw_only=True)
    seed: int
    n_samples: int = field(default=1000, kw_only=True)
    n_train: int = field(default=500, kw_only=True)
    n_test: int | None = field(default=None, kw_only=True)

    @property
    def n_features(self) -> int:
        """Number of features."""
        return 2

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return 2

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in order."""
        return tuple(f"class {k}" for k in range(self.n_classes))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(f"feature {i + 1}" for i in range(self.n_features))

    @property
    def axis_names(self) -> tuple[str, ...]:
        """Labels of the features along an axis."""
        return self.feature_names

    @property
    def test_to_train(self) -> float:
        """Ratio of test rows to training rows."""
        return self.n_test_rows / self.n_train

    @property
    def name(self) -> str:
        """Name of the data in reports."""
        defaults = {field.name: field.default for field in fields(self)}
        changed = [
            f"{key} {getattr(self, name):g}"
            for key, name in self.kind_keys.items()
            if getattr(self, name) != defaults[name]
        ]
        return f"{self.kind} {self.seed}" + (f" ({', '.join(changed)})" if changed else "")

    @property
    def n_test_rows(self) -> int:
        """Number of test rows."""
        return self.n_samples - self.n_train if self.n_test is None else self.n_test

    @property
    def is_resplit(self) -> bool:
        """Whether each repeat has its own split of the same rows; never for generated data."""
        return False

    def _make_plain(self) -> None:
        """Replace numbers of NumPy by those of Python."""
        for name in [entry.name for entry in fields(self)]:
            object.__setattr__(self, name, plain_value(getattr(self, name)))

    def __post_init__(self) -> None:
        check_seed("seed", self.seed)
        if self.kind != type(self).kind:
            raise SettingError("kind", self.kind, f"use {type(self).kind}")
        n_classes = self.n_classes
        check_count("samples", self.n_samples)
        check_whole("train-samples", self.n_train)
        for setting, n_rows, which in (
            ("samples", self.n_samples, "rows"),
            ("train-samples", self.n_train, "training rows"),
        ):
            if n_rows < n_classes:
                problem = f"fewer {which} than the {n_classes} classes; use at least {n_classes}"
                raise SettingError(setting, n_rows, problem)
        if self.n_test is not None:
            check_count("test-samples", self.n_test)
        for setting, n_rows in (("samples", self.n_samples), ("test-samples", self.n_test or 0)):
            for other, n_each in (("features", self.n_features), ("classes", n_classes)):
                if n_rows * n_each > MAX_DATA_VALUES:
                    most, least = sorted(((n_rows, setting), (n_each, other)), reverse=True)
                    raise SettingError(
                        most[1],
                        most[0],
                        f"{n_rows * n_each:,} numbers with {join(least)}; "
                        f"use at most {MAX_DATA_VALUES:,}",
                    )
        if self.n_train > self.n_samples:
            problem = f"the problem has {self.n_samples} rows; use fewer, or more --samples"
            raise SettingError("train-samples", self.n_train, problem)
        if self.n_train == self.n_samples and self.n_test is None:
            raise SettingError(
                "train-samples",
                self.n_train,
                f"all {self.n_samples} rows train and none is left to test; "
                "use fewer, more --samples, or --test-samples",
            )


@dataclass(frozen=True)
class BlobsSpec(GeneratedSpec):
    """Blobs of `make_blobs`, one blob per class.

    Args:
        n_classes: Number of blobs, at least 2.
        n_features: Number of features, at least 1.
        cluster_std: Standard deviation of each blob, 1e-30 to 1e30.
    """

    kind_keys: ClassVar[Mapping[str, str]] = {
        "classes": "n_classes",
        "features": "n_features",
        "std": "cluster_std",
    }

    kind: Literal["blobs"] = field(default="blobs", kw_only=True)
    n_classes: int = field(default=3, kw_only=True)
    n_features: int = field(default=2, kw_only=True)
    cluster_std: float = field(default=2.0, kw_only=True)

    def __post_init__(self) -> None:
        self._make_plain()
        check_seed("seed", self.seed)
        _check_shape(self.n_classes, self.n_features)
        _check_range("cluster-std", self.cluster_std, 1e-30, 1e30)
        super().__post_init__()

    @property
    def name(self) -> str:
        """Name of the data in reports."""
        return f"problem {self.seed}"


@dataclass(frozen=True)
class MoonsSpec(GeneratedSpec):
    """Two interleaving half circles of `make_moons`.

    Args:
        noise: Standard deviation around the curves, 0 to 1e6.
    """

    kind_keys: ClassVar[Mapping[str, str]] = {"noise": "noise"}

    seed_draws_rows_only: ClassVar[bool] = True
    kind: Literal["moons"] = field(default="moons", kw_only=True)
    noise: float = field(default=0.2, kw_only=True)

    def __post_init__(self) -> None:
        self._make_plain()
        _check_range("noise", self.noise, 0.0, 1e6)
        super().__post_init__()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in order."""
        return ("upper", "lower")


@dataclass(frozen=True)
class CirclesSpec(GeneratedSpec):
    """A circle inside another, of `make_circles`.

    Args:
        noise: Standard deviation around the curves, 0 to 1e6.
        factor: Radius of the inner circle, at least 0 and less than 1; the outer radius is 1.
    """

    kind_keys: ClassVar[Mapping[str, str]] = {"noise": "noise", "factor": "factor"}

    seed_draws_rows_only: ClassVar[bool] = True
    kind: Literal["circles"] = field(default="circles", kw_only=True)
    noise: float = field(default=0.1, kw_only=True)
    factor: float = field(default=0.5, kw_only=True)

    def __post_init__(self) -> None:
        self._make_plain()
        _check_range("noise", self.noise, 0.0, 1e6)
        if not 0.0 <= self.factor < 1.0:
            raise SettingError("factor", self.factor, "use a number of at least 0 and less than 1")
        super().__post_init__()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in order."""
        return ("outer", "inner")


@dataclass(frozen=True)
class ClassificationSpec(GeneratedSpec):
    """Clusters at the corners of a hypercube, of `make_classification`.

    Args:
        n_classes: Number of classes, at least 2.
        n_features: Number of features, at least 1; the remaining features are noise.
        n_informative: Number of informative features.
        n_redundant: Number of features that are linear combinations of informative ones.
        n_clusters: Number of clusters of each class.
        separation: Half the side of the hypercube, 1e-30 to 1e6.
        flip: Share of the rows whose class is random, 0 to 1.
    """

    kind_keys: ClassVar[Mapping[str, str]] = {
        "classes": "n_classes",
        "features": "n_features",
        "informative": "n_informative",
        "redundant": "n_redundant",
        "clusters": "n_clusters",
        "sep": "separation",
        "flip": "flip",
    }

    kind: Literal["classification"] = field(default="classification", kw_only=True)
    n_classes: int = field(default=3, kw_only=True)
    n_features: int = field(default=10, kw_only=True)
    n_informative: int = field(default=5, kw_only=True)
    n_redundant: int = field(default=0, kw_only=True)
    n_clusters: int = field(default=1, kw_only=True)
    separation: float = field(default=1.0, kw_only=True)
    flip: float = field(default=0.01, kw_only=True)

    def __post_init__(self) -> None:
        self._make_plain()
        _check_shape(self.n_classes, self.n_features)
        check_count("informative", self.n_informative, 1, self.n_features)
        check_count("redundant", self.n_redundant, 0, self.n_features - self.n_informative)
        most = 2 ** min(self.n_informative, 30) // self.n_classes
        if most < 1:
            raise SettingError(
                "informative",
                self.n_informative,
                f"too few for {self.n_classes} classes; use {(self.n_classes - 1).bit_length()} "
                "or more",
            )
        check_count("clusters", self.n_clusters, 1, most)
        _check_range("sep", self.separation, 1e-30, 1e6)
        _check_range("flip", self.flip, 0.0, 1.0)
        super().__post_init__()


@dataclass(frozen=True)
class QuantilesSpec(GeneratedSpec):
    """A normal distribution cut into shells of equal size, of `make_gaussian_quantiles`.

    Args:
        n_classes: Number of shells, at least 2.
        n_features: Number of features, at least 1.
        std: Standard deviation of each feature, 1e-30 to 1e15.
    """

    kind_keys: ClassVar[Mapping[str, str]] = {
        "classes": "n_classes",
        "features": "n_features",
        "std": "std",
    }

    seed_draws_rows_only: ClassVar[bool] = True
    kind: Literal["quantiles"] = field(default="quantiles", kw_only=True)
    n_classes: int = field(default=3, kw_only=True)
    n_features: int = field(default=2, kw_only=True)
    std: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        self._make_plain()
        _check_shape(self.n_classes, self.n_features)
        _check_range("std", self.std, 1e-30, 1e15)
        super().__post_init__()


def _check_shape(n_classes: int, n_features: int) -> None:
    check_count("classes", n_classes, 2)
    check_count("features", n_features)


def _check_range(setting: str, value: float, least: float, most: float) -> None:
    check_number(setting, value)
    if not least <= value <= most:
        raise SettingError(
            setting, value, f"use a number from {least:g} to {most:g}".replace("+", "")
        )
