"""What of the work is told, to whom, and that a signal is looked for wherever it is told."""

import contextlib
import io
import pty
import re
import select
import signal
import sys
import threading

import pytest

from blobtransfer.api.progress import STAGES, duration, progress_of, show_progress
from blobtransfer.cli.interrupts import Interrupted
from blobtransfer.cli.streams import print_stderr

END = "all has been written"


@pytest.fixture
def told(monkeypatch):
    """Return what runs a function with a terminal as standard error, and gives what that shows."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("JPY_PARENT_PID", "JPY_SESSION_NAME", "MPLBACKEND"):  # as in a terminal
        monkeypatch.delenv(name, raising=False)

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
    with progress_of(None if quiet else print_stderr, check) as progress:
        for stage in ("source", "comparison"):
            one = progress.start(stage, 4)
            one.advance(1)
            one.advance(3)


def test_a_terminal_sees_each_stage_and_gets_its_cursor_back(told):
    seen = told(work)
    assert seen.index(STAGES["source"]) < seen.index("comparing")
    assert "100 %" in seen
    assert seen.rindex("\x1b[?25h") > seen.rindex("\x1b[?25l")


def words(seen):
    """Return what a terminal showed, without its escapes."""
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", seen)


def repeats(stage):
    with progress_of(print_stderr, lambda: None) as progress:
        one = progress.start(stage, 40_000, 2_000)
        for _ in range(3):
            one.advance(10_010)
            one.bars.refresh()  # now, not at the next of ten times a second


def test_repeats_are_counted_with_their_rate_and_the_time_left(told):
    seen = words(told(lambda: repeats("comparison")))
    assert "comparing " in seen
    assert "500 of 2,000 repeats" in seen
    assert re.search(r"1,501 of 2,000 .*\d:\d\d:\d\d.*[\d,.]+/s", seen)


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


def parts_of_a_study():
    with progress_of(print_stderr, lambda: None) as progress:
        one = progress.start("sweep", 40_000, 5)
        for _ in range(3):
            one.advance(10_010)
            one.bars.refresh()


def test_of_a_study_the_share_is_told_since_its_points_take_unlike_times(told):
    seen = words(told(parts_of_a_study))
    assert "sweeping 75 % of 5 points" in seen
    assert "/s" not in seen


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JPY_PARENT_PID", "1"),
        ("JPY_SESSION_NAME", "a.ipynb"),
        ("MPLBACKEND", "module://matplotlib_inline.backend_inline"),
    ],
)
def test_a_cell_of_a_notebook_records_no_bar_of_a_command(told, monkeypatch, clock, name, value):
    monkeypatch.setenv(name, value)
    assert told(work) == ""
    assert told(lambda: call(clock)) == ""


# ---------------------------------------------------------------- calls from Python


def call(clock, seconds=3.0, is_shown=True):
    with show_progress(is_shown) as progress:
        stage = progress.start("comparison", 40, 10)
        stage.advance(10)
        clock[0] += seconds
        stage.advance(10)


def test_a_long_call_shows_a_bar_and_what_is_done(told, clock):
    seen = told(lambda: call(clock))
    assert "comparing 5 of 10 repeats" in words(seen)
    assert seen.rindex("\x1b[?25h") > seen.rindex("\x1b[?25l")


def test_other_calls_show_nothing(told, clock, monkeypatch):
    def in_thread():
        thread = threading.Thread(target=call, args=(clock,))
        thread.start()
        thread.join()

    assert told(lambda: call(clock, seconds=1.0)) == ""
    assert told(lambda: call(clock, is_shown=False)) == ""
    assert told(in_thread) == ""
    pipe = io.StringIO()
    for stream in (pipe, None):
        monkeypatch.setattr(sys, "stderr", stream)
        call(clock)
    assert pipe.getvalue() == ""


# ---------------------------------------------------------------- how long it will take


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that stands still until it is advanced."""
    at = [0.0]
    monkeypatch.setattr("blobtransfer.api.progress.time.monotonic", lambda: at[0])
    return at


def estimated(clock, steps, total=1_000, stage="comparison", quiet=False, is_stored=None):
    """Return what is said of steps that take some seconds each."""
    said = io.StringIO()
    print_line = None if quiet else print_stderr
    shown = progress_of(print_line, lambda: None, is_stored)
    with contextlib.redirect_stderr(said), shown as progress:
        one = progress.start(stage, total, 10)
        for seconds, n in steps:
            clock[0] += seconds
            one.advance(n)
    return said.getvalue()


def test_long_work_says_once_at_the_start_how_long_it_will_take(clock):
    steps = [(30.0, 100), *[(1.0, 10)] * 20]
    # what was before the first step is no work: 1 s for 10 of 880 that are left then
    assert estimated(clock, steps, quiet=False) == "this will take about 88 s\n"


def test_short_work_says_nothing(clock):
    assert estimated(clock, [(0.5, 100)] * 10, quiet=False) == ""


@pytest.mark.parametrize("is_kept, hint", [(True, False), (False, True), (None, False)])
def test_very_long_work_says_how_to_keep_what_is_done(clock, is_kept, hint):
    said = estimated(clock, [(10.0, 1)] * 3, quiet=False, is_stored=is_kept)
    assert said.startswith("this will take about 2.8 h")
    assert ("--store FILE.db" in said) is hint


def test_work_that_may_end_sooner_says_at_most(clock):
    said = estimated(clock, [(1.0, 10)] * 9, 700, "until decided", quiet=False)
    assert said == "this will take at most about 67 s\n"


def test_nothing_is_said_of_time_where_quiet_is_asked_for(clock):
    assert estimated(clock, [(10.0, 1)] * 9, quiet=True) == ""


def test_a_terminal_says_it_above_the_bar(told, clock):
    def long():
        with progress_of(print_stderr, lambda: None) as progress:
            one = progress.start("comparison", 700, 10)
            for _ in range(4):
                clock[0] += 1.0
                one.advance(10)

    assert "this will take about 67 s\r\n" in words(told(long))


@pytest.mark.parametrize(
    "seconds, text",
    [(0.4, "0 s"), (89.4, "89 s"), (90, "2 min"), (600, "10 min"), (5_399, "90 min"),
     (5_400, "1.5 h"), (36_000, "10 h"), (129_600, "1.5 days"), (8_640_000, "100 days")],
)  # fmt: skip
def test_a_time_is_told_in_the_unit_that_people_think_in(seconds, text):
    assert duration(seconds) == text


def test_an_interrupted_bar_gives_the_terminal_back(told):
    def stop():
        raise Interrupted(signal.SIGINT)

    def interrupted_work():
        with pytest.raises(Interrupted):
            work(check=stop)

    assert "\x1b[?25h" in told(interrupted_work)
