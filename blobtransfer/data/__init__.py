"""Problems to be learnt: from a spec to rows of training and test; one file a kind."""

from collections.abc import Sequence
from functools import lru_cache

from blobtransfer.data.dataset import Task
from blobtransfer.specs.table import TableSpec
from blobtransfer.specs.task import TaskSpec

KEPT_TASKS = 2
"""Problems that are kept for the next block: the source and the target."""


def load_task(spec: TaskSpec, repeat: int = 0, train_seed: int = 0) -> Task:
    """Make the rows of a problem; the last ones that all repeats share are kept.

    Args:
        spec: The problem.
        repeat: Which repeat, where each splits the rows anew.
        train_seed: All randomness of such a split.

    Raises:
        MachineError: The rows do not fit into memory.
        TableFileError: The file of a table has changed.
    """
    if spec.is_split_anew:
        return _make(spec, repeat, train_seed)
    return _make_shared(spec)


def load_tasks(spec: TaskSpec, repeats: Sequence[int], train_seed: int) -> tuple[Task, ...]:
    """Make the rows of a problem for some repeats: one task that they share, or one each."""
    if spec.is_split_anew:
        return tuple(load_task(spec, repeat, train_seed) for repeat in repeats)
    return (load_task(spec),)


@lru_cache(KEPT_TASKS)
def _make_shared(spec: TaskSpec) -> Task:
    return _make(spec, 0, 0)


def _make(spec: TaskSpec, repeat: int, train_seed: int) -> Task:
    if isinstance(spec, TableSpec):
        from blobtransfer.data.tables import rows

        return rows.make(spec, repeat, train_seed)
    from blobtransfer.data import generated

    return generated.make(spec)
