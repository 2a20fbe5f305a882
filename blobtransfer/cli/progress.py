"""The progress display: a bar, what is done of how much, the rate and the time left.

On a terminal's standard error only.
"""

import io
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from blobtransfer.experiment.progress import Progress, Stage, StageProgress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import Task

STAGES: dict[Stage, str] = {
    "engine": "starting the engine",
    "source": "training the source network",
    "own source": "training a network on the target problem",
    "network": "training the target network",
    "standalone": "training from scratch, to be shown beside it",
    "comparison": "comparing",
    "until decided": "comparing",
    "sweep": "sweeping",
    "pairs": "comparing",
    "grid": "comparing",
}

PARTS: dict[Stage, str] = {"sweep": "points", "pairs": "pairs", "grid": "cells"}
"""What is counted, where it is not repeats."""


@contextmanager
def progress_of(quiet: bool, check: Callable[[], None]) -> Iterator[Progress]:
    """Show how far the work is while the block runs.

    Args:
        quiet: Show nothing, as also where standard error is not a terminal.
        check: Called wherever the work tells of itself; raises to stop it.
    """
    if quiet or not sys.stderr.isatty():
        yield _Stages(None, check)
        return

    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn
    from rich.progress import Progress as RichProgress
    from rich.table import Column

    # A descriptor of its own: descriptor 2 is turned away while TensorFlow is imported.
    with _Terminal(os.fdopen(os.dup(sys.stderr.fileno()), "wb"), sys.stderr.encoding) as terminal:
        # Where there is little room the bar gets shorter, and then the end of the words goes.
        bars = RichProgress(
            SpinnerColumn(),
            TextColumn(
                "{task.description} {task.fields[told]}",
                markup=False,
                table_column=Column(no_wrap=True),
            ),
            BarColumn(),
            console=Console(file=terminal),
            transient=True,
        )
        with bars:
            yield _Stages(bars, check)


@dataclass(frozen=True)
class _Stages:
    """Shows one stage at a time, as its own `StageProgress`, on bars or nowhere."""

    bars: "RichProgress | None"
    check: Callable[[], None]

    def start(self, stage: Stage, total: int, n_repeats: int = 1) -> StageProgress:
        if self.bars is not None:
            for done in self.bars.task_ids:
                self.bars.remove_task(done)
            of = "of at most" if stage == "until decided" else "of"
            self.bars.add_task(
                STAGES[stage], total=total, told="", n_parts=n_repeats, of=of,
                parts=PARTS.get(stage, "repeats"),
            )  # fmt: skip
        return self

    def advance(self, n: int) -> None:
        if self.bars is not None:
            (task,) = self.bars.tasks
            self.bars.update(task.id, advance=n)
            self.bars.update(task.id, told=_told(task))
        self.check()


def _told(task: "Task") -> str:
    """Say how much is done, how fast that is, and how long the rest may take."""
    share = task.completed / task.total if task.total else 0.0
    n_parts = task.fields["n_parts"]
    if n_parts == 1:
        parts = [f"{100 * share:.0f} %"]
    else:
        n_done = math.floor(share * n_parts + 1e-9)  # 29 of 100 is 28.999...
        parts = [f"{n_done:,} {task.fields['of']} {n_parts:,} {task.fields['parts']}"]
    if task.time_remaining is not None:
        parts.append(f"{timedelta(seconds=math.ceil(task.time_remaining))} left")
    if n_parts > 1 and task.speed and task.total:
        rate = task.speed / task.total * n_parts
        parts.append(f"{rate:,.{0 if rate >= 10 else 1}f}/s")
    return ", ".join(parts)


class _Terminal(io.TextIOWrapper):
    """A terminal that may go away: what cannot be shown costs no results."""

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
