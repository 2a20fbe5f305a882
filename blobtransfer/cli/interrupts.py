"""Ctrl-C, SIGTERM and SIGHUP: finished work is delivered, and a second signal ends the process.

Outside `defer_signals` a signal ends the process at once. Inside it the first signal is recorded,
and `check` raises it when the work reports its progress; the rest of the block still runs. The end
of the block raises it again, so that the exit code names the signal even if the work caught it.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from blobtransfer.atomic_write import remove_unfinished

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Signals that ask to stop; SIGHUP arrives when a terminal or a connection is closed."""

INTERRUPTED = 128 + signal.SIGINT
"""Exit code after Ctrl-C."""

CLEAR_LINE_AND_SHOW_CURSOR = b"\r\x1b[2K\x1b[?25h"


class Interrupted(KeyboardInterrupt):
    """A signal has arrived and the work is to stop.

    Args:
        number: Number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


class Deferred:
    """Records the first signal that arrives while signals are deferred.

    Attributes:
        signal_number: The number of the first signal, or None.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None

    def check(self) -> None:
        """Raise `Interrupted` once a signal has arrived."""
        if self.signal_number is not None:
            raise Interrupted(self.signal_number)

    def record(self, number: int, frame: FrameType | None) -> None:
        """Record the first signal; at the second, exit with the code of the first."""
        if self.signal_number is not None:
            _leave(self.signal_number, frame)
        self.signal_number = number


def install() -> None:
    """Let the first signal end the process from now on, except ignored signals."""
    _handle(_leave)


def ignore() -> None:
    """Ignore signals from now on, as the process is about to end."""
    _handle(signal.SIG_IGN)


@contextmanager
def defer_signals() -> Iterator[Deferred]:
    """Record signals instead of ending the process, while the block runs.

    Yields:
        The signals that have arrived.

    Raises:
        Interrupted: A signal has arrived and the block has ended without an error.
        KeyboardInterrupt: The block raised it without a signal.
    """
    pending = Deferred()
    before = {number: signal.getsignal(number) for number in SIGNALS}
    _handle(pending.record)
    try:
        yield pending
    except KeyboardInterrupt:
        pending.check()  # adds the number of the signal, which the error of the work may lack
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    pending.check()


def _handle(handler: object) -> None:
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)  # type: ignore[arg-type]


def _leave(number: int, frame: FrameType | None) -> None:
    if os.isatty(2) and os.environ.get("TERM") != "dumb":  # end the line of a progress bar
        os.write(2, CLEAR_LINE_AND_SHOW_CURSOR)
    remove_unfinished()
    os._exit(128 + number)
