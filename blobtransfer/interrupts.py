"""Ctrl-C and SIGTERM: what is finished is kept, and who asks twice is let go at once.

A signal never breaks into the work. Before any training has got anywhere it ends the
process there and then. Later it is noted, and `check` raises it where a training tells of
its progress; what comes after the training is short and is done. A second one ends the
process. Only the program installs this: in Python, Ctrl-C is as ever.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _State:
    """What has happened to this process."""

    heard = 0
    is_at_work = False
    tidying: tuple[Callable[[], None], ...] = ()


def install() -> None:
    """Answer the signals from now on, but for those that whoever started us had ignored."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _hear)


def check() -> None:
    """Note that a training is under way, which is worth an orderly end.

    Raises:
        KeyboardInterrupt: A signal has arrived.
    """
    _State.is_at_work = True
    if _State.heard:
        raise KeyboardInterrupt


def finish() -> None:
    """Note that everything is delivered: a signal again ends the process at once.

    Raises:
        KeyboardInterrupt: A signal has arrived.
    """
    check()
    _State.is_at_work = False


def exit_code() -> int | None:
    """Give the exit code that says which signal arrived: 130, 143, or None.

    Further signals are ignored: what is left is only to leave.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    return 128 + _State.heard if _State.heard else None


@contextmanager
def tidied(tidy: Callable[[], None]) -> Iterator[None]:
    """Have something tidied up, should the process end at once before the block does."""
    before = _State.tidying
    _State.tidying = (*before, tidy)
    try:
        yield
    finally:
        _State.tidying = before


def _hear(number: int, frame: FrameType | None) -> None:
    is_first = not _State.heard
    _State.heard = _State.heard or number
    if is_first and _State.is_at_work:
        return
    for tidy in reversed(_State.tidying):
        with suppress(Exception):
            tidy()
    os._exit(128 + _State.heard)
