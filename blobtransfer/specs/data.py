"""Specifications of data of any kind: which rows there are, and how they are split.

A kind is a dataclass with a `kind`, a `name`, its features, its classes and its numbers of
training and test rows; `data` makes its rows.
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
"""What data is for: to train the source network, or to be measured on."""
ROLES: tuple[Role, ...] = get_args(Role)

GENERATED: dict[str, type[GeneratedSpec]] = {
    "blobs": BlobsSpec,
    "moons": MoonsSpec,
    "circles": CirclesSpec,
    "classification": ClassificationSpec,
    "quantiles": QuantilesSpec,
}
"""The kinds of generated data, by the name that a user writes."""


def have_same_classes(source: DataSpec, target: DataSpec) -> bool:
    """Return whether an output layer for the source can be used on the target.

    Tables must have classes of the same names, generated data must be of the same kind too.
    """
    if source.class_names != target.class_names:
        return False
    return isinstance(source, TableSpec) == isinstance(target, TableSpec) and (
        isinstance(source, TableSpec) or source.kind == target.kind
    )
