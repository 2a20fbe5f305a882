"""What the commands that compare share: running what was settled, and delivering what it found."""

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from blobtransfer.cli.checks import check_only_filled, checked_figure
from blobtransfer.cli.comparison import Comparison
from blobtransfer.cli.delivery import deliver, finish, log_unless_quiet
from blobtransfer.cli.interrupts import deferred
from blobtransfer.cli.options import (
    FigureOptions,
    MessageOptions,
    ResultOptions,
    ScreenOptions,
    WorkOptions,
)
from blobtransfer.errors import MachineError, SettingError
from blobtransfer.specs.study import Study

if TYPE_CHECKING:
    from blobtransfer.results.store.store import RepeatCount, Store, StoredCommand


SECOND_LOOK = (
    "note: this is a second look, after one at {:,} repeats, and errs in more than 5 % of tables; "
    "--until-decided has intervals that hold at every look"
)

PART_OPTIONS = ("--only-repeats", "--store")

GOES_ON = "; the same command goes on"


def run(
    study: Study,
    said: Comparison,
    read: Sequence[tuple[str, Path | None]],
    work: WorkOptions,
    figure: FigureOptions,
    screen: ScreenOptions,
    result: ResultOptions,
    messages: MessageOptions,
) -> None:
    """Run a comparison or a study and deliver what it found.

    Args:
        study: What is run.
        said: The comparison whose problems and model are described.
        read: What each file that is read is called, and its path.
        work: Where it runs, and where it is kept.
        figure: Where the figure goes.
        screen: How much is shown.
        result: Where the numbers go.
        messages: How much is said.

    Raises:
        SettingError: Two options exclude each other.
    """
    work.check()
    if work.only(study.n_repeats) is not None:
        check_only_filled(figure, screen, result)
        if study.until_decided:
            problem = "it looks at all repeats from the first; leave one of the two out"
            raise SettingError("only-repeats", work.only_repeats or "", problem)
        figure = replace(figure, no_plot=True)
    path = checked_figure(
        study.kind, figure, result, read=read, summary=screen.summary, store=work.store
    )

    from blobtransfer.cli.progress import progress_of
    from blobtransfer.engines import load_engine
    from blobtransfer.report.figures.canvas import Canvas
    from blobtransfer.running.run import Resources, fill_store, run_study

    canvas = Canvas(figure.show, figure.style, figure.inches())
    said.say(messages)
    weights = None if said.saved is None else list(said.saved.weights)
    engine = load_engine(said.spec.engine, messages.verbose)
    with deferred() as pending, _opened(study, work, messages) as store:
        with (
            _elsewhere(work, messages, pending.check) as executor,
            progress_of(messages.quiet, pending.check, store is not None) as progress,
        ):
            only_repeats = work.only(study.n_repeats)
            resources = Resources(engine, progress, executor, store, work.mixed)
            if store is not None and only_repeats is not None:
                fill_store(study, store, only_repeats, weights, resources)
                _print_stored(store, study, messages)
                return
            results = run_study(study, weights, resources)
        provenance = replace(results.provenance, argv=tuple(sys.argv[1:]))
        results = replace(results, provenance=provenance)
        deliver(results, canvas, path, result, messages, pending, screen)
        if store is not None:
            _print_stored(store, study, messages, GOES_ON if results.interrupted else "")
    finish(results, canvas)


@contextmanager
def _opened(study: Study, work: WorkOptions, messages: MessageOptions) -> "Iterator[Store | None]":
    """Open the store, if there is one, and print how many repeats it has before and after."""
    if work.store is None:
        yield None
        return

    from blobtransfer.results.store.store import Store

    with Store.opened(work.store, writes=True) as store:
        there = store.count_repeats(study)
        if there.n_stored:
            log_unless_quiet(messages, f"{work.store} has {there}")
        only = work.only(study.n_repeats)
        argv = sys.argv[1:] if only is None else without_parts(sys.argv[1:])
        before = store.record_command(study, argv, is_part=only is not None)
        if before is not None and only is None and not there.is_at_most:
            n_seen = seen_of(before, there)
            if 0 < n_seen < study.n_repeats:
                log_unless_quiet(messages, SECOND_LOOK.format(n_seen))
        try:
            yield store
        except MachineError as error:
            raise MachineError(f"{error}; {store.count_repeats(study)} kept{GOES_ON}") from error
        except KeyboardInterrupt:
            _print_stored(store, study, messages, GOES_ON)
            raise


def seen_of(before: "StoredCommand", there: "RepeatCount") -> int:
    """Count the repeats of each experiment that a command has shown before this one.

    One that was to go on where it stopped has shown nothing that another would be added to.
    """
    n_stored = there.n_stored // len(before.study.cells)
    if before.study.until_decided:
        return n_stored
    is_shown = before.study.n_repeats <= n_stored and not before.is_part
    return before.study.n_repeats if is_shown else 0


def without_parts(argv: Sequence[str]) -> list[str]:
    """Give a command line without the options that say which part it computes, and where."""
    kept: list[str] = []
    is_value = False
    for word in argv:
        if not is_value and word.partition("=")[0] not in PART_OPTIONS:
            kept.append(word)
        is_value = not is_value and word in PART_OPTIONS
    return kept


@contextmanager
def _elsewhere(
    work: WorkOptions, messages: MessageOptions, check: Callable[[], None]
) -> "Iterator[Executor | None]":
    """Connect with the cluster, where one is asked for."""
    if work.scheduler is None:
        yield None
        return

    from blobtransfer.execution.dask import DaskExecutor

    with DaskExecutor(work.scheduler, partial(log_unless_quiet, messages), check) as executor:
        yield executor


def _print_stored(
    store: "Store",
    study: Study,
    messages: MessageOptions,
    goes_on: str = "",
) -> None:
    log_unless_quiet(messages, f"{store.path} keeps {store.count_repeats(study)}{goes_on}")


def refuse_curves(result: ResultOptions, command: str) -> None:
    """Raise `SettingError` where learning curves are wanted that are not kept."""
    if result.curves is not None:
        problem = f"{command} keeps no learning curves; use compare --speed, or sweep --speed"
        raise SettingError("curves", result.curves, problem)
