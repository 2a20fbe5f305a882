"""Run a study and deliver its results: shared by all commands that compare."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from blobtransfer.api.requests import StudyRequest
from blobtransfer.cli.data import tables_of
from blobtransfer.cli.delivery import deliver, finish, print_notes
from blobtransfer.cli.interrupts import defer_signals
from blobtransfer.cli.options import ExecutionOptions
from blobtransfer.cli.output import MessageOptions, OutputOptions
from blobtransfer.cli.streams import print_stderr
from blobtransfer.errors import MachineError, SettingError
from blobtransfer.specs.study import Axis, Study

if TYPE_CHECKING:
    from blobtransfer.results.store.store import RepeatCount, Store, StoredCommand

MODEL_FILE = "the source network (--model)"
"""Name of the file of --model in errors about output that would replace it."""

MORE_REPEATS = (
    "note: adding repeats after a look at {:,} repeats raises the error rate above 5 %; "
    "use --until-decided, or a new --train-seed"
)

PART_OPTIONS = ("--only-repeats", "--store")

CONTINUES = "; the same command resumes"

MANY_VALUES = 20
"""Number of values above which a range without steps gets a hint."""


def run(
    request: StudyRequest, execution: ExecutionOptions, output: OutputOptions, argv: tuple[str, ...]
) -> None:
    """Run a study and deliver its results.

    Args:
        request: What is run.
        execution: Where it runs, and where it is stored.
        output: Where results go.
        argv: Words of the command line.

    Raises:
        SettingError: `--only-repeats` and `--until-decided` are both given.
    """
    study, settings, messages = request.study, request.settings, output.messages
    execution.check()
    only_repeats = execution.range_of(study.n_repeats)
    if only_repeats is not None:
        output.check_none()
        if study.until_decided:
            problem = "--until-decided needs all repeats; leave one of the two out"
            raise SettingError("only-repeats", execution.only_repeats or "", problem)
        output = replace(output, figure=replace(output.figure, no_plot=True))
    targets = (spec.target for spec in study.specs)
    tables = tables_of(settings.source, settings.target, *targets)
    model = [] if settings.model is None else [(MODEL_FILE, Path(str(settings.model)))]
    path = output.check_files(study.kind, read=[*model, *tables], store=execution.store)

    from blobtransfer.engines import compile_ahead, load_engine

    engine = load_engine(request.spec.engine, messages.verbose)
    if execution.store is None:  # a store may hold all repeats, and then nothing is compiled
        compile_ahead(request.spec)

    from blobtransfer.api.progress import progress_of
    from blobtransfer.running.run import Resources, fill_store, run_study

    canvas = output.figure.canvas()
    print_notes(request, messages)
    with defer_signals() as pending, _opened(study, execution, messages, argv) as store:
        if study.kind != "compare":
            messages.log(_size_line(study, store, only_repeats, execution.scheduler is not None))
        with (
            _executor(execution, messages, pending.check) as executor,
            progress_of(messages.print_line, pending.check, store is not None) as progress,
        ):
            resources = Resources(engine, progress, executor, store, execution.mixed)
            if store is not None and only_repeats is not None:
                fill_store(study, store, only_repeats, request.weights, resources)
                _print_stored(store, study, messages)
                return
            results = run_study(study, request.weights, resources)
        results = replace(results, provenance=replace(results.provenance, argv=argv))
        deliver(results, canvas, path, output, argv, pending)
        if store is not None:
            _print_stored(store, study, messages, CONTINUES if results.interrupted else "")
    finish(results, canvas)


def _size_line(study: Study, store: "Store | None", repeats: range | None, is_remote: bool) -> str:
    """Return the line that describes the size of a study before it starts.

    Args:
        study: The study.
        store: Store whose repeats are not computed again.
        repeats: Repeats that are computed; None: all.
        is_remote: Whether other machines compute, for an unknown time.
    """
    from blobtransfer.api.progress import STAGE_UNITS, duration
    from blobtransfer.running.run import expected_seconds

    n_repeats = study.n_repeats if repeats is None else len(repeats)
    most = "at most " if study.until_decided else ""
    unit = STAGE_UNITS[study.kind]
    parts = [f"{study.kind}: {len(study.cells):,} {unit} x {most}{n_repeats:,} repeats"]
    seconds = None if is_remote else expected_seconds(study, store, repeats)
    if seconds is not None:
        parts.append(f"{most}about {duration(max(1.0, seconds))}")
    parts += [hint for axis in study.axes if (hint := _hint_of_steps(axis))]
    return "; ".join(parts)


def _hint_of_steps(axis: Axis) -> str:
    """Return how to choose fewer values of a range such as `10..100`; empty if there are few."""
    numbers, n = axis.numbers, len(axis.values)
    if axis.name == "pair" or numbers is None or n <= MANY_VALUES:
        return ""
    if numbers[0] <= 0 or numbers != tuple(float(numbers[0] + i) for i in range(n)):
        return ""
    return f"for 5 values use {axis.name}={axis.values[0]}..{axis.values[-1]}/5"


@contextmanager
def _opened(
    study: Study, execution: ExecutionOptions, messages: MessageOptions, argv: Sequence[str]
) -> "Iterator[Store | None]":
    """Open the store, if any, and print its number of repeats before and after."""
    if execution.store is None:
        yield None
        return

    from blobtransfer.results.store.store import Store

    with Store.open(execution.store, writes=True) as store:
        stored = store.count_repeats(study)
        if stored.n_stored:
            messages.log(f"{execution.store} has {stored}")
        is_part = execution.only_repeats is not None
        words = without_parts(argv) if is_part else list(argv)
        before = store.record_command(study, words, is_part=is_part)
        if before is not None and not is_part and not stored.is_at_most:
            n_seen = n_seen_repeats(before, stored)
            if 0 < n_seen < study.n_repeats:
                messages.log(MORE_REPEATS.format(n_seen))
        try:
            yield store
        except MachineError as error:
            raise MachineError(
                f"{error}; {store.count_repeats(study)} stored{CONTINUES}"
            ) from error
        except KeyboardInterrupt:
            _print_stored(store, study, messages, CONTINUES)
            raise


def n_seen_repeats(before: "StoredCommand", stored: "RepeatCount") -> int:
    """Count the repeats of each experiment whose results an earlier command printed.

    An interrupted command does not count.
    """
    n_stored = stored.n_stored // len(before.study.cells)
    if before.study.until_decided:
        return n_stored
    is_shown = before.study.n_repeats <= n_stored and not before.is_part
    return before.study.n_repeats if is_shown else 0


def without_parts(argv: Sequence[str]) -> list[str]:
    """Return a command line without the options that select repeats, and their values."""
    words: list[str] = []
    is_value = False
    for word in argv:
        if not is_value and word.partition("=")[0] not in PART_OPTIONS:
            words.append(word)
        is_value = not is_value and word in PART_OPTIONS
    return words


@contextmanager
def _executor(
    execution: ExecutionOptions, messages: MessageOptions, check: Callable[[], None]
) -> "Iterator[Executor | None]":
    """Connect to the cluster of `--scheduler`, if any."""
    if execution.scheduler is None:
        yield None
        return

    from blobtransfer.execution.dask import DaskExecutor

    with DaskExecutor(execution.scheduler, messages.log, check, print_stderr) as executor:
        yield executor


def _print_stored(store: "Store", study: Study, messages: MessageOptions, suffix: str = "") -> None:
    messages.log(f"{store.path} has {store.count_repeats(study)}{suffix}")
