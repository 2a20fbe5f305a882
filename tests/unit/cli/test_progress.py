"""What of the work is told, to whom, and that a signal is looked for wherever it is told."""

import io
import pty
import re
import select
import signal
import sys
import time

import pytest

from blobtransfer.cli.interrupts import Interrupted
from blobtransfer.cli.progress import STAGES, progress_of

END = "all has been written"


@pytest.fixture
def told(monkeypatch):
    """Give what runs a function with a terminal as standard error, and gives what that shows."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")

    def run(function):
        leader, follower = pty.openpty()
        with open(leader, "rb", buffering=0) as shown, open(follower, "w") as terminal:
            monkeypatch.setattr(sys, "stderr", terminal)
            function()
            print(END, file=terminal, flush=True)
            seen = ""
            while END not in seen and select.select([shown], [], [], 10)[0]:
                seen += shown.read(65_536).decode()
            return seen.partition(END)[0]

    return run


def work(quiet=False, check=lambda: None):
    with progress_of(quiet, check) as progress:
        for stage in ("source", "comparison"):
            one = progress.start(stage, 4)
            one.advance(1)
            one.advance(3)


def test_a_terminal_sees_each_stage_and_gets_its_cursor_back(told):
    seen = told(work)
    assert seen.index(STAGES["source"]) < seen.index(STAGES["comparison"])
    assert "100 %" in seen
    assert seen.rindex("\x1b[?25h") > seen.rindex("\x1b[?25l")


def words(seen):
    """Give what a terminal showed, without its escapes."""
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", seen)


def repeats(stage):
    with progress_of(False, lambda: None) as progress:
        one = progress.start(stage, 40_000, 2_000)
        for _ in range(3):
            one.advance(10_010)
            time.sleep(0.11)  # a picture is drawn ten times a second


def test_repeats_are_counted_with_their_rate_and_the_time_left(told):
    seen = words(told(lambda: repeats("comparison")))
    assert "comparing " in seen
    assert "500 of 2,000 repeats" in seen
    assert re.search(r"1,501 of 2,000 repeats, \d:\d\d:\d\d left, [\d,.]+/s", seen)


def test_where_they_may_be_fewer_that_is_said(told):
    seen = words(told(lambda: repeats("until decided")))
    assert "comparing" in seen
    assert "1,501 of at most 2,000 repeats, " in seen


@pytest.mark.parametrize("width", [40, 60, 80])
def test_words_are_never_broken_into_lines(told, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    seen = words(told(lambda: repeats("until decided")))
    assert "\n" not in seen.rpartition("\r\n")[0]  # the last is taken back again
    assert "comparing 1,501" in seen


def test_nothing_is_shown_where_quiet_is_asked_for(told):
    assert told(lambda: work(quiet=True)) == ""


def test_nothing_is_shown_where_standard_error_is_no_terminal(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    work()
    assert stream.getvalue() == ""


@pytest.mark.parametrize("quiet", [True, False])
def test_a_signal_is_looked_for_at_every_step_shown_or_not(told, quiet):
    calls = []
    told(lambda: work(quiet, lambda: calls.append("check")))
    assert len(calls) == 4


def test_an_interrupted_bar_gives_the_terminal_back(told):
    def stop():
        raise Interrupted(signal.SIGINT)

    def interrupted_work():
        with pytest.raises(Interrupted):
            work(check=stop)

    assert "\x1b[?25h" in told(interrupted_work)
