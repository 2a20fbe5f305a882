"""Ctrl-C, SIGTERM and SIGHUP, sent to this very process, which does not end by them here."""

import os
import signal

import pytest

from blobtransfer.cli import interrupts
from blobtransfer.cli.interrupts import SIGNALS, Interrupted, deferred, ignore, install


class Left(BaseException):
    """The process would have ended."""


@pytest.fixture(autouse=True)
def process(monkeypatch):
    """Answer signals as the program does, but for its end; afterwards as before."""
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def leave(code):
        raise Left(code)

    monkeypatch.setattr(os, "_exit", leave)
    install()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_the_process_at_once(number):
    with pytest.raises(Left, match=str(128 + number)):
        signal.raise_signal(number)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_deferred_signal_is_heard_where_the_work_tells_of_its_progress(number):
    with deferred() as pending:
        pending.check()
        assert pending.heard is None
        signal.raise_signal(number)
        assert pending.heard == number
        with pytest.raises(Interrupted) as caught:
            pending.check()
    assert isinstance(caught.value, KeyboardInterrupt)
    assert caught.value.exit_code == 128 + number


@pytest.mark.parametrize(
    ("first", "second"), [SIGNALS[:2], SIGNALS[1::-1], SIGNALS[1:], SIGNALS[:1] * 2]
)
def test_a_second_signal_ends_the_process_with_the_code_of_the_first(first, second):
    with deferred() as pending:
        signal.raise_signal(first)
        with pytest.raises(Left, match=str(128 + first)):
            signal.raise_signal(second)
        assert pending.heard == first


def test_once_all_is_delivered_a_signal_ends_the_process_again():
    with deferred():
        pass
    with pytest.raises(Left, match="130"):
        signal.raise_signal(signal.SIGINT)


def test_work_that_fails_leaves_the_answer_to_signals_as_it_was():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ZeroDivisionError), deferred():
        _ = 1 / 0
    assert signal.getsignal(signal.SIGTERM) == before


def test_one_piece_of_work_knows_nothing_of_the_signals_of_the_one_before():
    with deferred() as first:
        signal.raise_signal(signal.SIGINT)
    with deferred() as second:
        second.check()
    assert first.heard == signal.SIGINT


@pytest.mark.parametrize("number", SIGNALS)
def test_a_process_about_to_leave_answers_no_more(number):
    ignore()
    signal.raise_signal(number)


def test_what_was_ignored_before_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    install()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    with deferred() as pending:
        signal.raise_signal(signal.SIGINT)
        pending.check()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


@pytest.mark.parametrize(
    ("is_terminal", "kind", "expected"),
    [
        (True, "xterm", [interrupts.CLEAR_LINE_AND_SHOW_CURSOR]),
        (True, "dumb", []),
        (False, "xterm", []),
    ],
)
def test_a_terminal_gets_its_cursor_back(monkeypatch, is_terminal, kind, expected):
    written = []
    monkeypatch.setenv("TERM", kind)
    monkeypatch.setattr(os, "isatty", lambda descriptor: is_terminal)
    monkeypatch.setattr(os, "write", lambda descriptor, content: written.append(content))
    with pytest.raises(Left):
        signal.raise_signal(signal.SIGINT)
    monkeypatch.undo()
    assert written == expected
