"""Problems to be learnt, of any kind: which rows, and their split into training and test.

A kind of problem is a dataclass with a `kind`, a `name`, its `n_features`, `n_classes` and their
names, and how many rows train and test; `data/generated.py` draws its rows.
"""

from typing import Literal, TypeAlias, get_args

from blobtransfer.specs.drawn import (
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
"""A problem of any kind; `kind` tells them apart."""

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
"""The kinds that are drawn, by the user's word."""


def have_same_classes(source: DataSpec, target: DataSpec) -> bool:
    """Say whether an output layer of the one can be used on the other.

    Tables go by the names of their classes; drawn problems of one kind by their number, as the
    well-known experiment on blobs does.
    """
    if source.class_names != target.class_names:
        return False
    return isinstance(source, TableSpec) == isinstance(target, TableSpec) and (
        isinstance(source, TableSpec) or source.kind == target.kind
    )
