"""Problems to be learnt: from a spec to rows of training and test; one file a kind."""

from functools import lru_cache
from importlib import import_module

from blobtransfer.specs.task import TaskSpec
from blobtransfer.tasks.task import Task

KEPT_TASKS = 2
"""Problems that are kept for the next block: the source and the target."""


@lru_cache(KEPT_TASKS)
def load_task(spec: TaskSpec) -> Task:
    """Make the rows of a problem; the last ones made are kept.

    Args:
        spec: The problem; its `kind` names the file here that makes it.

    Raises:
        MachineError: The rows do not fit into memory.
    """
    task: Task = import_module(f"blobtransfer.tasks.{spec.kind}").make(spec)
    return task
