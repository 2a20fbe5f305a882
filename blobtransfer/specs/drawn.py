"""Problems that are drawn: fresh rows for the asking, so that repeats are independent.

The first `n_train` rows train. The rows left over test, unless `n_test` asks for fresh ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import ClassVar, Literal

from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import check_count, check_seed, join

MAX_DATA_VALUES = 100_000_000
"""Most numbers in the rows of a problem, or in their distances to the centres: 0.8 GB."""


COMMON_KEYS: Mapping[str, str] = {
    "seed": "seed",
    "samples": "n_samples",
    "train": "n_train",
    "test": "n_test",
}
"""The user's words for what all drawn problems have, and their fields."""


@dataclass(frozen=True)
class GeneratedSpec:
    """What all drawn problems have.

    Attributes:
        kind_keys: The user's words for what only this kind has, and their fields.

    Args:
        seed: The problem, `random_state` of scikit-learn's generator; 0 to 2**32 - 1.
        n_samples: Rows that are drawn.
        n_train: The first rows, which train.
        n_test: Fresh test rows of the same problem; None: the rows left after `n_train`.

    Raises:
        SettingError: A value is impossible.
    """

    kind_keys: ClassVar[Mapping[str, str]] = {}

    kind: str = field(default="", kw_only=True)
    seed: int
    n_samples: int = field(default=1000, kw_only=True)
    n_train: int = field(default=500, kw_only=True)
    n_test: int | None = field(default=None, kw_only=True)

    @property
    def n_features(self) -> int:
        """Coordinates of a row."""
        return 2

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return 2

    @property
    def class_names(self) -> tuple[str, ...]:
        """What the classes are called, in their order."""
        return tuple(f"class {k}" for k in range(self.n_classes))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What the coordinates are called."""
        return tuple(f"feature {i + 1}" for i in range(self.n_features))

    @property
    def axis_names(self) -> tuple[str, ...]:
        """What the coordinates are called along an axis."""
        return self.feature_names

    @property
    def test_to_train(self) -> float:
        """Test rows over training rows."""
        return self.n_test_rows / self.n_train

    @property
    def name(self) -> str:
        """What people call the problem."""
        defaults = {one.name: one.default for one in fields(self)}
        changed = [
            f"{key} {getattr(self, name):g}"
            for key, name in self.kind_keys.items()
            if getattr(self, name) != defaults[name]
        ]
        return f"{self.kind} {self.seed}" + (f" ({', '.join(changed)})" if changed else "")

    @property
    def n_test_rows(self) -> int:
        """Rows that test."""
        return self.n_samples - self.n_train if self.n_test is None else self.n_test

    @property
    def is_resplit(self) -> bool:
        """Whether each repeat splits the same rows anew; never, as rows are drawn."""
        return False

    def __post_init__(self) -> None:
        check_seed("seed", self.seed)
        n_classes = self.n_classes
        check_count("samples", self.n_samples)
        for setting, n_rows, which in (
            ("samples", self.n_samples, "rows"),
            ("train-samples", self.n_train, "training rows"),
        ):
            if n_rows < n_classes:
                raise SettingError(
                    setting,
                    n_rows,
                    f"fewer {which} than the {n_classes} classes; use at least {n_classes}",
                )
        if self.n_test is not None:
            check_count("test-samples", self.n_test)
        for setting, n_rows in (("samples", self.n_samples), ("test-samples", self.n_test or 0)):
            for other, each in (("features", self.n_features), ("classes", n_classes)):
                if n_rows * each > MAX_DATA_VALUES:
                    most, least = sorted(((n_rows, setting), (each, other)), reverse=True)
                    raise SettingError(
                        most[1],
                        most[0],
                        f"{n_rows * each:,} numbers with {join(least)}; "
                        f"use at most {MAX_DATA_VALUES:,}",
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


@dataclass(frozen=True)
class BlobsSpec(GeneratedSpec):
    """Blobs of `make_blobs`, one a class.

    Args:
        n_classes: Blobs, at least 2.
        n_features: Coordinates of a row, at least 1.
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
        check_seed("seed", self.seed)
        _check_shape(self.n_classes, self.n_features)
        _check_range("cluster-std", self.cluster_std, 1e-30, 1e30)
        super().__post_init__()

    @property
    def name(self) -> str:
        """What people call the problem."""
        return f"problem {self.seed}"


@dataclass(frozen=True)
class MoonsSpec(GeneratedSpec):
    """Two half circles that reach into one another, of `make_moons`.

    Args:
        noise: Standard deviation around them, 0 to 1e6.
    """

    kind_keys: ClassVar[Mapping[str, str]] = {"noise": "noise"}

    kind: Literal["moons"] = field(default="moons", kw_only=True)
    noise: float = field(default=0.2, kw_only=True)

    def __post_init__(self) -> None:
        _check_range("noise", self.noise, 0.0, 1e6)
        super().__post_init__()

    @property
    def class_names(self) -> tuple[str, ...]:
        """What the classes are called, in their order."""
        return ("upper", "lower")


@dataclass(frozen=True)
class CirclesSpec(GeneratedSpec):
    """A circle around another, of `make_circles`.

    Args:
        noise: Standard deviation around them, 0 to 1e6.
        factor: Radius of the inner circle, that of the outer being 1; 0 up to, not with, 1.
    """

    kind_keys: ClassVar[Mapping[str, str]] = {"noise": "noise", "factor": "factor"}

    kind: Literal["circles"] = field(default="circles", kw_only=True)
    noise: float = field(default=0.1, kw_only=True)
    factor: float = field(default=0.5, kw_only=True)

    def __post_init__(self) -> None:
        _check_range("noise", self.noise, 0.0, 1e6)
        if not 0.0 <= self.factor < 1.0:
            raise SettingError("factor", self.factor, "use a number from 0 up to, not with, 1")
        super().__post_init__()

    @property
    def class_names(self) -> tuple[str, ...]:
        """What the classes are called, in their order."""
        return ("outer", "inner")


@dataclass(frozen=True)
class ClassificationSpec(GeneratedSpec):
    """Clusters at the corners of a cube among features without meaning, of `make_classification`.

    Args:
        n_classes: At least 2.
        n_features: Coordinates of a row.
        n_informative: Of them, those that tell something.
        n_redundant: Of them, those that are mixtures of the informative ones; the rest is noise.
        n_clusters: Clusters of each class.
        separation: Half a side of the cube, above 0 to 1e6.
        flip: Share of the rows that get a class by chance, 0 to 1.
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
    """A normal distribution cut into shells of equally many rows, of `make_gaussian_quantiles`.

    Args:
        n_classes: Shells, at least 2.
        n_features: Coordinates of a row, at least 1.
        std: Of each coordinate, 1e-30 to 1e15.
    """

    kind_keys: ClassVar[Mapping[str, str]] = {
        "classes": "n_classes",
        "features": "n_features",
        "std": "std",
    }

    kind: Literal["quantiles"] = field(default="quantiles", kw_only=True)
    n_classes: int = field(default=3, kw_only=True)
    n_features: int = field(default=2, kw_only=True)
    std: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        _check_shape(self.n_classes, self.n_features)
        _check_range("std", self.std, 1e-30, 1e15)
        super().__post_init__()


def _check_shape(n_classes: int, n_features: int) -> None:
    check_count("classes", n_classes, 2)
    check_count("features", n_features)


def _check_range(setting: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise SettingError(
            setting, value, f"use a number from {least:g} to {most:g}".replace("+", "")
        )
