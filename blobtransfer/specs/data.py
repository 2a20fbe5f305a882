"""Specifications of data of any kind: its rows and their split into training and test rows.

Each kind is a dataclass with a `kind`, a `name`, features, classes, and numbers of training and
test rows. The package `data` generates or reads the rows.
"""

from typing import Literal, TypeAlias, get_args

from blobtransfer.specs.generated import (
    BlobsSpec,
    CirclesSpec,
    ClassificationSpec,
    GeneratedSpec,
    MoonsSpec,
    QuantilesSpec,
)
from blobtransfer.specs.table import TableSpec

DataSpec: TypeAlias = (
    BlobsSpec | MoonsSpec | CirclesSpec | ClassificationSpec | QuantilesSpec | TableSpec
)
"""A specification of data of any kind, named by its `kind`."""

Role = Literal["source", "target"]
"""Use of the data: `source` trains the source network, `target` trains and tests the variants."""
ROLES: tuple[Role, ...] = get_args(Role)

GENERATED: dict[str, type[GeneratedSpec]] = {
    "blobs": BlobsSpec,
    "moons": MoonsSpec,
    "circles": CirclesSpec,
    "classification": ClassificationSpec,
    "quantiles": QuantilesSpec,
}
"""Classes of generated data, by the name that the user writes."""


def have_same_classes(source: DataSpec, target: DataSpec) -> bool:
    """Return whether an output layer for the source can be used on the target.

    Tables must have classes of the same names, generated data must be of the same kind too.
    """
    if source.class_names != target.class_names:
        return False
    return isinstance(source, TableSpec) == isinstance(target, TableSpec) and (
        isinstance(source, TableSpec) or source.kind == target.kind
    )
