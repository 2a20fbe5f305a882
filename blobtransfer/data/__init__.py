"""Problems to be learnt: from a spec to rows of training and test; one file a kind."""

from collections.abc import Sequence
from functools import lru_cache

from blobtransfer.data.dataset import Dataset
from blobtransfer.specs.table import TableSpec
from blobtransfer.specs.task import DataSpec

MAX_CACHED_DATASETS = 2
"""Problems that are kept for the next block: the source and the target."""


def load_dataset(spec: DataSpec, repeat: int = 0, train_seed: int = 0) -> Dataset:
    """Make the rows of a problem; the last ones that all repeats share are kept.

    Args:
        spec: The problem.
        repeat: Which repeat, where each splits the rows anew.
        train_seed: All randomness of such a split.

    Raises:
        MachineError: The rows do not fit into memory.
        TableFileError: The file of a table has changed.
    """
    if spec.is_resplit:
        return _make(spec, repeat, train_seed)
    return _make_shared(spec)


def load_datasets(spec: DataSpec, repeats: Sequence[int], train_seed: int) -> tuple[Dataset, ...]:
    """Make the rows of a problem for some repeats: one task that they share, or one each."""
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
