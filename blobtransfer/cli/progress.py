"""The progress display: a bar with the time left, on a terminal's standard error only.

Whether it shows or not, a training that tells of its progress is where Ctrl-C is answered.
"""

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from blobtransfer import interrupts
from blobtransfer.engines import Tick

CLEAR_LINE_AND_SHOW_CURSOR = b"\r\x1b[2K\x1b[?25h"


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[str, int], Tick]]:
    """Show how far the work is while the block runs.

    Args:
        quiet: Show nothing, as also where standard error is no terminal.

    Yields:
        What an experiment calls at the start of each step. What it gives raises
        KeyboardInterrupt once a signal has arrived.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda description, total: lambda n: interrupts.check()
        return

    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    # A descriptor of its own: descriptor 2 is turned away while TensorFlow is imported.
    with _Terminal(os.fdopen(os.dup(sys.stderr.fileno()), "wb"), sys.stderr.encoding) as terminal:
        console = Console(file=terminal)
        bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %", markup=False),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )

        def step(description: str, total: int) -> Tick:
            bar = bars.add_task(description, total=total)

            def tick(n: int) -> None:
                bars.advance(bar, n)
                interrupts.check()

            return tick

        def leave() -> None:
            if not console.is_dumb_terminal:
                os.write(terminal.fileno(), CLEAR_LINE_AND_SHOW_CURSOR)

        with interrupts.tidied(leave), bars:
            yield step


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
