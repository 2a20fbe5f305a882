import os
import signal

import pytest

from blobtransfer import interrupts


class Left(BaseException):
    """The process would have ended."""


@pytest.fixture(autouse=True)
def process(monkeypatch):
    """Answer signals as the program does, but for its end; afterwards as before."""
    before = {number: signal.getsignal(number) for number in interrupts.SIGNALS}
    monkeypatch.setattr(interrupts._State, "heard", 0)
    monkeypatch.setattr(interrupts._State, "is_at_work", False)

    def leave(code):
        raise Left(code)

    monkeypatch.setattr(os, "_exit", leave)
    interrupts.install()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", interrupts.SIGNALS)
def test_before_any_training_a_signal_ends_the_process_at_once(number):
    with pytest.raises(Left, match=str(128 + number)):
        signal.raise_signal(number)


@pytest.mark.parametrize("number", interrupts.SIGNALS)
def test_a_training_hears_of_a_signal_where_it_tells_of_its_progress(number):
    interrupts.check()
    signal.raise_signal(number)
    with pytest.raises(KeyboardInterrupt):
        interrupts.check()
    assert interrupts.exit_code() == 128 + number


def test_the_second_signal_ends_the_process_with_the_code_of_the_first():
    interrupts.check()
    signal.raise_signal(signal.SIGTERM)
    with pytest.raises(Left, match="143"):
        signal.raise_signal(signal.SIGINT)


def test_once_all_is_delivered_a_signal_ends_the_process_again():
    interrupts.check()
    interrupts.finish()
    with pytest.raises(Left, match="130"):
        signal.raise_signal(signal.SIGINT)


def test_a_signal_that_came_before_all_was_delivered_opens_no_window():
    interrupts.check()
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        interrupts.finish()


def test_without_a_signal_there_is_no_code_and_then_none_is_answered_any_more():
    assert interrupts.exit_code() is None
    signal.raise_signal(signal.SIGTERM)


def test_what_is_under_way_is_tidied_up_last_things_first_and_whatever_fails():
    done = []
    with interrupts.tidied(lambda: done.append("over")):
        pass
    with (
        interrupts.tidied(lambda: done.append("outer")),
        interrupts.tidied(lambda: 1 / 0),
        interrupts.tidied(lambda: done.append("inner")),
        pytest.raises(Left),
    ):
        signal.raise_signal(signal.SIGINT)
    assert done == ["inner", "outer"]


def test_what_was_ignored_before_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupts.install()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
