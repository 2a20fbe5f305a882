"""Datasets: training and test rows of a data specification, generated or from a table."""

from collections.abc import Sequence
from functools import lru_cache

from blobtransfer.data.dataset import Dataset
from blobtransfer.specs.data import DataSpec
from blobtransfer.specs.table import TableSpec

MAX_CACHED_DATASETS = 2
"""Datasets that are cached for the next block: the source and the target."""


def load_dataset(spec: DataSpec, repeat: int = 0, train_seed: int = 0) -> Dataset:
    """Return the dataset of a spec; the last ones that all repeats share are cached.

    Args:
        spec: Specification of the data.
        repeat: Index of the repeat, at least 0; used if each repeat has its own split.
        train_seed: Seed of all splits; used likewise.

    Raises:
        MachineError: The rows do not fit into memory.
        TableFileError: The file of a table has changed since the spec was made.
    """
    return _make(spec, repeat, train_seed) if spec.is_resplit else _make_shared(spec)


def load_datasets(spec: DataSpec, repeats: Sequence[int], train_seed: int) -> tuple[Dataset, ...]:
    """Return the datasets of some repeats: one that they share, or one for each repeat.

    Args:
        spec: Specification of the data.
        repeats: Indices of the repeats.
        train_seed: Seed of all splits; used if each repeat has its own split.
    """
    if spec.is_resplit:
        return tuple(load_dataset(spec, repeat, train_seed) for repeat in repeats)
    return (load_dataset(spec),)


@lru_cache(MAX_CACHED_DATASETS)
def _make_shared(spec: DataSpec) -> Dataset:
    return _make(spec, 0, 0)


def _make(spec: DataSpec, repeat: int, train_seed: int) -> Dataset:
    if isinstance(spec, TableSpec):
        from blobtransfer.data.tables import rows

        return rows.make(spec, repeat, train_seed)
    from blobtransfer.data import generated

    return generated.make(spec)
