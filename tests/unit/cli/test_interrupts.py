"""Ctrl-C, SIGTERM and SIGHUP, sent to this very process, which does not end by them here."""

import os
import pkgutil
import signal
from itertools import cycle
from typing import get_args

import pytest
from helpers.specs import SMALL_OPTIONS

from blobtransfer.api.progress import _Stages
from blobtransfer.atomic_write import write_atomic
from blobtransfer.cli import interrupts
from blobtransfer.cli.delivery import printing
from blobtransfer.cli.interrupts import SIGNALS, Interrupted, defer_signals, ignore, install
from blobtransfer.cli.streams import ReaderGone
from blobtransfer.engines.compiled.engine import CompiledEngine
from blobtransfer.errors import MachineError
from blobtransfer.running.progress import Stage


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
    with pytest.raises(Interrupted) as caught, defer_signals() as pending:
        pending.check()
        assert pending.signal_number is None
        signal.raise_signal(number)
        assert pending.signal_number == number
        pending.check()
    assert isinstance(caught.value, KeyboardInterrupt)
    assert caught.value.exit_code == 128 + number


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("error", [None, KeyboardInterrupt()], ids=["nothing", "interrupt"])
def test_the_end_of_the_work_names_the_signal_whatever_the_work_raises(number, error):
    with pytest.raises(Interrupted) as caught, defer_signals():
        signal.raise_signal(number)
        if error is not None:
            raise error
    assert caught.value.exit_code == 128 + number
    with pytest.raises(Left, match=str(128 + number)):
        signal.raise_signal(number)


def test_an_error_of_the_work_is_reported_though_a_signal_has_arrived():
    with pytest.raises(MachineError), defer_signals():
        signal.raise_signal(signal.SIGTERM)
        raise MachineError("o.json: cannot be written")


def test_an_interrupt_without_a_signal_stays_one():
    with pytest.raises(KeyboardInterrupt) as caught, defer_signals():
        raise KeyboardInterrupt
    assert not isinstance(caught.value, Interrupted)


@pytest.mark.parametrize("error", [MachineError("standard output"), ReaderGone()])
def test_a_signal_is_the_reason_why_standard_output_cannot_be_written(error, monkeypatch):
    monkeypatch.setattr("blobtransfer.cli.delivery.discard", lambda stream: None)
    with pytest.raises(Interrupted), defer_signals() as pending, printing(pending):
        signal.raise_signal(signal.SIGHUP)
        raise error
    with pytest.raises(type(error)), defer_signals() as pending, printing(pending):
        raise error


@pytest.mark.parametrize(
    ("first", "second"), [SIGNALS[:2], SIGNALS[1::-1], SIGNALS[1:], SIGNALS[:1] * 2]
)
def test_a_second_signal_ends_the_process_with_the_code_of_the_first(first, second):
    with pytest.raises(Interrupted), defer_signals() as pending:
        signal.raise_signal(first)
        with pytest.raises(Left, match=str(128 + first)):
            signal.raise_signal(second)
        assert pending.signal_number == first


def test_once_all_is_delivered_a_signal_ends_the_process_again():
    with defer_signals():
        pass
    with pytest.raises(Left, match="130"):
        signal.raise_signal(signal.SIGINT)


def test_work_that_fails_leaves_the_answer_to_signals_as_it_was():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ZeroDivisionError), defer_signals():
        _ = 1 / 0
    assert signal.getsignal(signal.SIGTERM) == before


def test_one_piece_of_work_knows_nothing_of_the_signals_of_the_one_before():
    with pytest.raises(Interrupted), defer_signals() as first:
        signal.raise_signal(signal.SIGINT)
    with defer_signals() as second:
        second.check()
    assert first.signal_number == signal.SIGINT


@pytest.mark.parametrize("number", SIGNALS)
def test_a_process_about_to_leave_answers_no_more(number):
    ignore()
    signal.raise_signal(number)


def test_what_was_ignored_before_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    install()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    with defer_signals() as pending:
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


# ---------------------------------------------------------------- whole commands

COMPARE = ("compare", *SMALL_OPTIONS, "--repeats", "2", "--fixed", "0")
COMMANDS: dict[Stage, tuple[str, ...]] = {
    "engine": COMPARE,
    "source": COMPARE,
    "own source": ("train-target", *SMALL_OPTIONS, "--variant", "self-transfer,fixed=0"),
    "network": ("train-target", *SMALL_OPTIONS),
    "standalone": ("train-target", *SMALL_OPTIONS, "--variant", "random-frozen,fixed=1"),
    "comparison": COMPARE,
    "until decided": (
        "compare",
        *SMALL_OPTIONS,
        "--until-decided",
        "--max-repeats",
        "20",
        "--fixed",
        "0",
    ),
    "sweep": ("sweep", *SMALL_OPTIONS, "--over", "hidden=2,3", "--repeats", "2", "--fixed", "0"),
    "pairs": ("pairs", *SMALL_OPTIONS, "--pairs", "2", "--repeats", "2"),
    "grid": ("grid", "--problems", "blobs:seed=1..2", "--epochs", "2", "--repeats", "2"),
}


def test_every_stage_has_a_command():
    assert set(COMMANDS) == set(get_args(Stage))


@pytest.mark.parametrize(("stage", "number"), list(zip(COMMANDS, cycle(SIGNALS[1:]), strict=False)))
def test_a_signal_at_any_stage_is_the_exit_code(stage, number, run, monkeypatch, tmp_path):
    start = _Stages.start

    def start_and_signal(stages, name, total, n_repeats=1):
        if name == stage:
            signal.raise_signal(number)
        return start(stages, name, total, n_repeats)

    monkeypatch.setattr(_Stages, "start", start_and_signal)
    done = run(*COMMANDS[stage], "--no-plot", "-o", "o.json")
    # Commands with repeats show nothing before one repeat is complete.
    has_results = stage == "standalone"
    assert (done.code, bool(done.out)) == (128 + number, has_results)
    assert "error" not in done.err and "Traceback" not in done.err
    assert os.listdir(tmp_path) == ["o.json"] * has_results


@pytest.mark.parametrize("command", ["compare", "pairs", "grid"])
def test_a_signal_after_some_repeats_of_the_first_cell_is_the_exit_code(command, run, monkeypatch):
    n_blocks = 0
    train = CompiledEngine.train

    def train_and_signal(engine, job, on_epochs):
        nonlocal n_blocks
        n_blocks += 1
        if n_blocks == 20:
            signal.raise_signal(signal.SIGTERM)
        return train(engine, job, on_epochs)

    monkeypatch.setattr(CompiledEngine, "train", train_and_signal)
    monkeypatch.setattr(CompiledEngine, "repeats_at_once", lambda engine, spec: 1)
    argv = next(argv for argv in COMMANDS.values() if argv[0] == command)
    done = run(*argv, "--repeats", "100", "--no-plot")
    # `pairs` shows only complete pairs.
    assert (done.code, done.out.startswith("Stopped at")) == (143, command != "pairs")


@pytest.mark.parametrize(
    ("argv", "writer", "written"),
    [
        (("plot-data",), "report.figures.pictures.save", "plot-data.png"),
        (("show", "a.db"), "report.figures.pictures.save", "show.png"),
        (("merge", "a.db", "--store", "b.db"), "results.store.store.Store.merge_from", "b.db"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_a_signal_while_results_are_written_is_the_exit_code(
    argv, writer, written, run, monkeypatch, tmp_path
):
    assert run(*COMPARE, "--no-plot", "--store", "a.db").code == 0
    write = pkgutil.resolve_name(f"blobtransfer.{writer}")

    def write_and_signal(*given, **settings):
        signal.raise_signal(signal.SIGTERM)
        return write(*given, **settings)

    monkeypatch.setattr(f"blobtransfer.{writer}", write_and_signal)
    assert run(*argv).code == 143
    assert (tmp_path / written).exists()


def test_a_signal_that_ends_the_process_removes_the_file_that_is_being_written(
    tmp_path, monkeypatch
):
    files = []

    def leave(code):
        files.append(os.listdir(tmp_path))
        raise Left(code)

    monkeypatch.setattr(os, "_exit", leave)
    with pytest.raises(Left), write_atomic(tmp_path / "a.csv") as temporary:
        assert os.listdir(tmp_path) == [temporary.name]
        signal.raise_signal(signal.SIGTERM)
    assert files == [[]]
