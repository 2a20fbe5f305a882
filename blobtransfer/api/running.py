"""Run requests with the resources that the keywords name."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blobtransfer.api.progress import show_progress
from blobtransfer.api.requests import Request, StudyRequest
from blobtransfer.engines import load_engine
from blobtransfer.errors import SettingError
from blobtransfer.running.run import Resources, run_study
from blobtransfer.running.single import SingleRun, train_source, train_target
from blobtransfer.specs.table import TableSpec

if TYPE_CHECKING:
    from blobtransfer.results.results import StudyResults
    from blobtransfer.results.store.store import Store


def run_request(request: StudyRequest, options: Mapping[str, Any]) -> "StudyResults":
    """Run a study.

    Args:
        request: The study.
        options: Keywords of the call: `store`, `scheduler`, `mixed` and `progress` count.

    Raises:
        SettingError: Workers cannot have a table that is in memory.
        MachineError: A library cannot be used, memory is short, or the store cannot be written.
        StoreError: The store is damaged, or its repeats have another environment.
        KeyboardInterrupt: The call was interrupted before a repeat was complete.
    """
    scheduler = options.get("scheduler")
    if scheduler is not None:
        scheduler = os.fspath(scheduler)
        _check_tables(request, scheduler)
    with ExitStack() as stack:
        store = stack.enter_context(_opened(request, options.get("store")))
        progress = stack.enter_context(show_progress(options.get("progress", True)))
        executor = None
        if scheduler is not None:
            from blobtransfer.execution.dask import DaskExecutor

            poll = partial(progress.start("engine", 1).advance, 0)
            executor = stack.enter_context(DaskExecutor(scheduler, lambda line: None, poll))
        resources = Resources(
            load_engine(request.spec.engine), progress, executor, store, options.get("mixed", False)
        )
        return run_study(request.study, request.weights, resources)


def run_training(request: Request, progress: bool) -> SingleRun:
    """Train one network.

    Args:
        request: The training.
        progress: Whether to show a progress bar.
    """
    engine = load_engine(request.spec.engine)
    with show_progress(progress) as display:
        if request.spec.target is None:
            return train_source(request.spec, engine, display)
        return train_target(request.spec, request.weights, engine, display)


def _check_tables(request: StudyRequest, scheduler: str) -> None:
    """Raise `SettingError` if a table is in memory, where workers of a scheduler cannot read it."""
    for data in (data for spec in request.study.specs for data in (spec.source, spec.target)):
        if isinstance(data, TableSpec) and data.is_in_memory:
            problem = (
                f"{data.name} is in the memory of this process, which workers do not have; save it "
                "as a file that they can read, and use that"
            )
            raise SettingError("scheduler", scheduler, problem)


@contextmanager
def _opened(request: StudyRequest, path: Any) -> "Iterator[Store | None]":
    """Open the store, if any, and record the call in it."""
    if path is None:
        yield None
        return

    from blobtransfer.results.store.store import Store

    with Store.open(Path(path), writes=True) as store:
        store.record_command(request.study, [request.study.kind], is_part=False)
        yield store
