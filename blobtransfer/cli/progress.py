"""Progress display: a bar, the amount done, the rate and the time left.

The bar is shown on a terminal only; the duration of long work is printed anywhere, once.
"""

import io
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from blobtransfer.cli.streams import print_stderr
from blobtransfer.running.progress import Progress, Stage, StageProgress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import Task

STAGES: dict[Stage, str] = {
    "engine": "starting the engine",
    "source": "training the source network",
    "own source": "training a network on the target problem",
    "network": "training the target network",
    "standalone": "training from scratch, to be shown beside it",
    "sweep": "sweeping",
}
"""Text of each stage; of others, `comparing`."""

LONG_S = 20.0
"""Duration in seconds above which the estimate is printed at the start."""

MEASURED_S = 2.0
"""Seconds of work from which the duration is estimated."""

WORTH_STORING_S = 600.0
"""Duration in seconds above which `--store` is recommended."""

REPEATS = "repeats"

STAGE_UNITS: dict[Stage, str] = {"sweep": "points", "pairs": "pairs", "grid": "cells"}
"""Unit of stages that do not count repeats."""


@contextmanager
def progress_of(
    quiet: bool, check: Callable[[], None], is_stored: bool | None = None
) -> Iterator[Progress]:
    """Show the progress while the block runs.

    Args:
        quiet: Show nothing.
        check: Called at every report of progress; raises to stop the work.
        is_stored: Whether results are stored; None for a command without a store.

    Yields:
        Progress to report to.
    """
    if quiet or not sys.stderr.isatty():
        yield _Stages(None, check, _Estimate(None if quiet else print_stderr, is_stored))
        return

    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn
    from rich.progress import Progress as RichProgress
    from rich.table import Column

    # A descriptor of its own: descriptor 2 is redirected while TensorFlow is imported.
    with _Terminal(os.fdopen(os.dup(sys.stderr.fileno()), "wb"), sys.stderr.encoding) as terminal:
        # On a narrow terminal the bar is shortened first, then the text is cut at its end.
        bars = RichProgress(
            SpinnerColumn(),
            TextColumn(
                "{task.description} {task.fields[text]}",
                markup=False,
                table_column=Column(no_wrap=True),
            ),
            BarColumn(),
            console=Console(file=terminal),
            transient=True,
        )
        with bars:
            print_line = partial(bars.console.print, markup=False, highlight=False, soft_wrap=True)
            yield _Stages(bars, check, _Estimate(print_line, is_stored))


@dataclass(frozen=True)
class _Stages:
    """Shows one stage at a time, as its own `StageProgress`, on bars or nowhere."""

    bars: "RichProgress | None"
    check: Callable[[], None]
    estimate: "_Estimate"

    def start(self, stage: Stage, total: int, n_repeats: int = 1) -> StageProgress:
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
                hint = "; --store FILE.db would keep what is done"
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
