"""The progress display: a bar with the time left, on a terminal's standard error only."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from blobtransfer.engines import Tick


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[str, int], Tick]]:
    """Show how far the work is while the block runs.

    Args:
        quiet: Show nothing, as also where standard error is no terminal.

    Yields:
        What an experiment calls at the start of each step.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda description, total: lambda n: None
        return

    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    # A descriptor of its own: descriptor 2 is turned away while TensorFlow is imported.
    with os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding=sys.stderr.encoding) as terminal:
        bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %", markup=False),
            TimeRemainingColumn(),
            console=Console(file=terminal),
            transient=True,
        )

        def step(description: str, total: int) -> Tick:
            bar = bars.add_task(description, total=total)
            return lambda n: bars.advance(bar, n)

        with bars:
            yield step
