"""The progress display: a bar with the time left, on a terminal's standard error only."""

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blobtransfer.experiment.progress import Progress, Stage, StageProgress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

STAGES: dict[Stage, str] = {
    "engine": "starting the engine",
    "source": "training the source network",
    "own source": "training a network on the target problem",
    "network": "training the target network",
    "comparison": "comparing",
}


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
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    # A descriptor of its own: descriptor 2 is turned away while TensorFlow is imported.
    with _Terminal(os.fdopen(os.dup(sys.stderr.fileno()), "wb"), sys.stderr.encoding) as terminal:
        bars = RichProgress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %", markup=False),
            TimeRemainingColumn(),
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

    def start(self, stage: Stage, total: int) -> StageProgress:
        if self.bars is not None:
            for done in self.bars.task_ids:
                self.bars.remove_task(done)
            self.bars.add_task(STAGES[stage], total=total)
        return self

    def advance(self, n: int) -> None:
        if self.bars is not None:
            self.bars.advance(self.bars.task_ids[0], n)
        self.check()


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
