"""Progress display: a bar, the amount done, the rate and the time left; and interrupts of calls.

A command shows the bar on a terminal only, and prints the duration of long work anywhere, once. A
call from Python shows it on a terminal or in a notebook, and prints nothing.
"""

import html
import io
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from blobtransfer.imports import clean_import
from blobtransfer.running.progress import Progress, Stage, StageProgress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress
    from rich.progress import Task

STAGES: dict[Stage, str] = {
    "engine": "starting the engine",
    "source": "training the source network",
    "own source": "training a network on the target problem",
    "network": "training the target network",
    "standalone": "training standalone for comparison",
    "sweep": "sweeping",
}
"""Text of each stage; of others, `comparing`."""

LONG_S = 20.0
"""Duration in seconds above which the estimate is printed at the start."""

MEASURED_S = 2.0
"""Seconds of work from which the duration is estimated."""

LATE_S = 2.0
"""Seconds after which a call from Python shows a bar."""

REFRESH_S = 0.25
"""Least number of seconds between two states of a bar in a notebook."""

WORTH_STORING_S = 600.0
"""Duration in seconds above which `--store` is recommended."""

REPEATS = "repeats"

STAGE_UNITS: dict[str, str] = {"sweep": "points", "pairs": "pairs", "grid": "cells"}
"""Unit of stages that do not count repeats."""


@contextmanager
def progress_of(
    print_line: Callable[[str], None] | None,
    check: Callable[[], None],
    is_stored: bool | None = None,
) -> Iterator[Progress]:
    """Show the progress of a command while the block runs.

    Args:
        print_line: Prints a line if no bar is shown; None to print nothing.
        check: Called at every report of progress; raises to stop the work.
        is_stored: Whether results are stored; None for a command without a store.

    Yields:
        Progress to report to.
    """
    descriptor = _terminal()
    if print_line is None or descriptor is None:
        yield _Stages(None, check, _Estimate(print_line, is_stored))
        return
    with _terminal_bars(descriptor) as bars:
        print_above = partial(bars.console.print, markup=False, highlight=False, soft_wrap=True)
        yield _Stages(bars, check, _Estimate(print_above, is_stored))


@contextmanager
def show_progress(is_shown: bool) -> Iterator[Progress]:
    """Show the progress of a call from Python while the block runs.

    A bar appears after `LATE_S` seconds, in a notebook or in a terminal, and is removed at the
    end. Calls of other threads have none.

    Ctrl-C, or interrupting the kernel, stops the work at the next report of progress, so that the
    results of complete repeats are returned; a second one raises `KeyboardInterrupt` at once. In
    other threads nothing is interrupted.

    Args:
        is_shown: Whether there is a bar.

    Yields:
        Progress to report to.

    Raises:
        KeyboardInterrupt: The call was interrupted twice, or the work did not handle it.
    """
    with clean_import():  # at the latest when results are shown, rich is imported
        import rich.style  # noqa: F401
    is_main = threading.current_thread() is threading.main_thread()
    descriptor = _terminal()
    with _interrupts() if is_main else nullcontext(lambda: None) as check, ExitStack() as stack:
        if is_shown and is_main and _is_notebook():
            yield _LateStages(_notebook_stages, check, stack)
        elif is_shown and is_main and descriptor is not None:
            yield _LateStages(partial(_terminal_stages, descriptor), check, stack)
        else:
            yield _Stages(None, check)


class _SecondInterrupt(BaseException):
    """A second interrupt, which no handler of `KeyboardInterrupt` takes for the first."""


@contextmanager
def _interrupts() -> Iterator[Callable[[], None]]:
    """Record SIGINT while the block runs in the main thread; the second one ends the block.

    Yields:
        Function that raises `KeyboardInterrupt` once SIGINT has arrived.

    Raises:
        KeyboardInterrupt: SIGINT has arrived twice.
    """
    pending: list[int] = []

    def check() -> None:
        if pending:
            raise KeyboardInterrupt

    def record(number: int, frame: object) -> None:
        pending.append(number)
        if len(pending) > 1:
            raise _SecondInterrupt

    before = signal.getsignal(signal.SIGINT)
    if before in (None, signal.SIG_IGN):  # of another program, or not wanted
        yield check
        return
    signal.signal(signal.SIGINT, record)
    try:
        yield check
    except _SecondInterrupt:
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGINT, before)


def _terminal() -> int | None:
    """Return the descriptor of standard error if a person sees it; None otherwise.

    The command of a notebook cell, `!blobtransfer compare`, has a terminal too, but the notebook
    records all that is printed there.
    """
    with suppress(AttributeError, OSError, ValueError):  # no stream, or one without a descriptor
        if sys.stderr.isatty() and not _is_recorded():
            return sys.stderr.fileno()
    return None


def _is_recorded() -> bool:
    """Return whether a notebook cell has started this process, and records what it prints."""
    names = ("JPY_PARENT_PID", "JPY_SESSION_NAME")
    is_inline = "inline" in os.environ.get("MPLBACKEND", "")
    return is_inline or any(name in os.environ for name in names)


def _is_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = getattr(ipython, "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def _new_bars(console: "Console") -> "RichProgress":
    """Return bars that are not yet shown; the text is cut after the bar is as short as can be."""
    from rich.progress import BarColumn, SpinnerColumn, TextColumn
    from rich.progress import Progress as RichProgress
    from rich.table import Column

    return RichProgress(
        SpinnerColumn(),
        TextColumn(
            "{task.description} {task.fields[text]}",
            markup=False,
            table_column=Column(no_wrap=True),
        ),
        BarColumn(),
        console=console,
        transient=True,
    )


@contextmanager
def _terminal_bars(descriptor: int) -> Iterator["RichProgress"]:
    """Yield bars that the terminal of a descriptor shows while the block runs."""
    from rich.console import Console

    # A descriptor of its own: descriptor 2 is redirected while TensorFlow is imported.
    stream = os.fdopen(os.dup(descriptor), "wb")
    with _Terminal(stream, sys.stderr.encoding) as terminal:
        with _new_bars(Console(file=terminal, force_jupyter=False)) as bars:
            yield bars


@contextmanager
def _terminal_stages(descriptor: int, check: Callable[[], None]) -> Iterator["_Stages"]:
    """Show the stages of a call in a terminal while the block runs.

    Args:
        descriptor: Descriptor of the terminal.
        check: Called at every report of progress.

    Yields:
        The stages.
    """
    with _terminal_bars(descriptor) as bars:
        yield _Stages(bars, check)


@contextmanager
def _notebook_stages(check: Callable[[], None]) -> Iterator["_Stages"]:
    """Show the stages of a call below a notebook cell while the block runs.

    The bar is one output that is updated, and empty at the end, so that a saved notebook has no
    trace of it.

    Args:
        check: Called at every report of progress.

    Yields:
        The stages.
    """
    from IPython.display import DisplayHandle
    from rich.console import Console

    bars = _new_bars(Console(file=io.StringIO(), force_jupyter=False))  # they count, unseen
    handle, shown_at = DisplayHandle(), -math.inf
    handle.display({"text/plain": ""}, raw=True)

    def refresh() -> None:
        nonlocal shown_at
        if time.monotonic() - shown_at >= REFRESH_S:
            shown_at = time.monotonic()
            handle.update(_mime_bundle(bars.tasks[0]), raw=True)

    try:
        yield _Stages(bars, check, refresh=refresh)
    finally:
        handle.update({"text/plain": ""}, raw=True)


def _mime_bundle(task: "Task") -> dict[str, str]:
    """Return a bar with its text for a notebook."""
    text = f"{task.description} {task.fields['text']}"
    bar = f'<progress max="{task.total}" value="{task.completed}"></progress>'
    return {"text/plain": text, "text/html": f"{bar} {html.escape(text)}"}


class _LateStages:
    """Shows stages from `LATE_S` seconds after its start.

    Args:
        open_stages: Begins to show stages, given `check`.
        check: Called at every report of progress.
        stack: Ends the display.
    """

    def __init__(
        self,
        open_stages: "Callable[[Callable[[], None]], AbstractContextManager[_Stages]]",
        check: Callable[[], None],
        stack: ExitStack,
    ) -> None:
        self._open_stages, self._check, self._stack = open_stages, check, stack
        self._begun = time.monotonic()
        self._stages: _Stages | None = None

    def start(self, stage: Stage, total: int, n_repeats: int = 1) -> StageProgress:
        self._stage, self._n_done = (stage, total, n_repeats), 0
        if self._stages is not None:
            self._stages.start(*self._stage)
        return self

    def advance(self, n: int) -> None:
        self._n_done += n
        if self._stages is None and time.monotonic() - self._begun >= LATE_S:
            self._stages = self._stack.enter_context(self._open_stages(self._check))
            self._stages.start(*self._stage)
            n = self._n_done
        if self._stages is None:
            self._check()
        else:
            self._stages.advance(n)


@dataclass(frozen=True)
class _Stages:
    """Shows one stage at a time, as its own `StageProgress`, on bars or nowhere.

    Args:
        bars: The bars; None if nothing is shown.
        check: Called at every report of progress.
        estimate: Prints the estimated duration; None to print nothing.
        refresh: Shows bars that do not refresh themselves.
    """

    bars: "RichProgress | None"
    check: Callable[[], None]
    estimate: "_Estimate | None" = None
    refresh: Callable[[], None] | None = None

    def start(self, stage: Stage, total: int, n_repeats: int = 1) -> StageProgress:
        if self.estimate is not None:
            self.estimate.start(total, is_most=stage == "until decided")
        if self.bars is not None:
            for done in self.bars.task_ids:
                self.bars.remove_task(done)
            of = "of at most" if stage == "until decided" else "of"
            self.bars.add_task(
                STAGES.get(stage, "comparing"), total=total, text="", n_parts=n_repeats, of=of,
                parts=STAGE_UNITS.get(stage, REPEATS),
            )  # fmt: skip
        return self

    def advance(self, n: int) -> None:
        if self.bars is not None:
            (task,) = self.bars.tasks
            self.bars.update(task.id, advance=n)
            self.bars.update(task.id, text=_progress_text(task))
        if self.refresh is not None:
            self.refresh()
        if self.estimate is not None:
            self.estimate.advance(n)
        self.check()


class _Estimate:
    """Prints the estimated duration of long work once.

    Args:
        print_line: Prints a line; None to print nothing.
        is_stored: See `progress_of`.
    """

    def __init__(self, print_line: Callable[[str], None] | None, is_stored: bool | None) -> None:
        self._print_line, self._is_stored = print_line, is_stored
        self.start(0, is_most=False)

    def start(self, total: int, is_most: bool) -> None:
        """Begin a stage with a total, or largest, amount of work."""
        self._total, self._is_most = total, is_most
        self._n_done, self._n_first = 0, 0
        self._first_at: float | None = None

    def advance(self, n: int) -> None:
        """Count `n` more as done."""
        self._n_done += n
        if self._print_line is None or not n:
            return
        now = time.monotonic()
        if self._first_at is None:  # earlier time includes preparation
            self._first_at, self._n_first = now, self._n_done
            return
        elapsed, n_measured = now - self._first_at, self._n_done - self._n_first
        if elapsed < MEASURED_S:
            return
        left = elapsed / n_measured * (self._total - self._n_done)
        if left > LONG_S:
            most = "at most " if self._is_most else ""
            hint = ""
            if self._is_stored is False and left > WORTH_STORING_S:
                hint = "; --store FILE.db saves finished repeats"
            self._print_line(f"this will take {most}about {duration(left)}{hint}")
        self._print_line = None


def duration(seconds: float) -> str:
    """Format a duration approximately, in a suitable unit."""
    for size, unit in ((86_400.0, "days"), (3_600.0, "h"), (60.0, "min")):
        if seconds >= 1.5 * size:
            n = seconds / size
            return f"{n:.1f} {unit}" if n < 10 and unit != "min" else f"{n:,.0f} {unit}"
    return f"{seconds:.0f} s"


def _progress_text(task: "Task") -> str:
    """Return the amount done, the rate and the estimated time left."""
    share = task.completed / task.total if task.total else 0.0
    n_parts = task.fields["n_parts"]
    if n_parts == 1 or task.fields["parts"] != REPEATS:
        of_parts = "" if n_parts == 1 else f" of {n_parts:,} {task.fields['parts']}"
        parts = [f"{100 * share:.0f} %{of_parts}"]
    else:
        n_done = math.floor(share * n_parts + 1e-9)  # 29 of 100 is 28.999...
        parts = [f"{n_done:,} {task.fields['of']} {n_parts:,} {task.fields['parts']}"]
    if task.time_remaining is not None:
        parts.append(f"{timedelta(seconds=math.ceil(task.time_remaining))} left")
    if n_parts > 1 and task.fields["parts"] == REPEATS and task.speed and task.total:
        rate = task.speed / task.total * n_parts
        parts.append(f"{rate:,.{0 if rate >= 10 else 1}f}/s")
    return ", ".join(parts)


class _Terminal(io.TextIOWrapper):
    """A terminal that may be closed: its errors do not stop the work."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()

    def close(self) -> None:
        with suppress(OSError):
            super().close()
