"""Standard streams as they come: a terminal, a pipe, a full disk, letters that do not fit."""

import errno
import io
import json
import os
import pty
import re
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from helpers.clusters import wait_until
from helpers.commands import run_process, start, without_cautions
from helpers.specs import SMALL_OPTIONS
from helpers.stores import ENDLESS, n_blocks

from blobtransfer.api import loading
from blobtransfer.cli import streams
from blobtransfer.cli.app import main
from blobtransfer.errors import InputFileError

pytestmark = pytest.mark.slow

COMPARE = ("compare", *SMALL_OPTIONS, "--repeats", 1)
TRAIN = ("train-target", *SMALL_OPTIONS, "--no-plot")


def on_a_terminal(forks, *argv, cwd, **environment):
    """Return what a command writes to both of its streams on a terminal of 80 columns."""
    leader, follower = pty.openpty()
    environment = {"TERM": "xterm", "COLUMNS": "80"} | environment
    process = forks.start(*argv, cwd=cwd, environment=environment, stdout=follower, stderr=follower)
    os.close(follower)
    seen = b""
    try:
        while chunk := os.read(leader, 65_536):
            seen += chunk
    except OSError:  # the terminal is gone
        pass
    os.close(leader)
    process.wait(timeout=120)
    return seen.decode()


def test_a_reader_that_leaves_early_is_no_error(forks, tmp_path):
    process = forks.start(*COMPARE, "--no-plot", "-q", cwd=tmp_path)
    process.stdout.close()
    assert without_cautions(process.stderr.read()) == ""
    assert process.wait(timeout=120) == 0


LOGIN = "import os, sys; os.login_tty(0); os.execvp(sys.argv[1], sys.argv[1:])"
"""Starts a program with its standard input as its terminal: SIGHUP comes when that closes."""


def test_a_terminal_that_closes_is_a_hang_up_and_costs_no_results(tmp_path):
    leader, follower = pty.openpty()
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), follower)
    by = (sys.executable, "-c", LOGIN)
    process = start(*ENDLESS, "-o", "o.json", "--store", "a.db", cwd=tmp_path, by=by, **streams)
    os.close(follower)
    while process.poll() is None and not n_blocks(tmp_path / "a.db"):
        if select.select([leader], [], [], 0.02)[0]:
            os.read(leader, 65_536)
    os.close(leader)
    assert process.wait(timeout=120) == 128 + signal.SIGHUP
    assert json.loads((tmp_path / "o.json").read_text())["interrupted"] is True
    assert sorted(os.listdir(tmp_path)) == ["a.db", "o.json"]


def test_ctrl_c_that_ends_the_reader_too_is_an_interrupt(forks, tmp_path):
    process = forks.start(*ENDLESS, "-o", "o.json", "--store", "a.db", cwd=tmp_path)
    process.stdout.close()
    wait_until(lambda: n_blocks(tmp_path / "a.db") > 0 or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    assert without_cautions(process.stderr.read()) == ""
    assert process.wait(timeout=120) == 130
    assert json.loads((tmp_path / "o.json").read_text())["interrupted"] is True


def test_an_ascii_terminal_and_an_odd_file_name_are_no_trouble(tmp_path):
    name = "[bold] é.csv"
    ascii_only = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = run_process(*COMPARE, "--no-plot", "-o", name, cwd=tmp_path, environment=ascii_only)
    assert done.code == 0
    assert done.err.startswith("wrote [bold] \\xe9.csv\nwarning: ")
    assert done.out.startswith("Fresh sources")
    assert os.listdir(tmp_path) == [name]


def test_a_terminal_that_fails_costs_no_files(tmp_path, monkeypatch, capsys):
    class Broken(io.StringIO):
        encoding = "utf-8"

        def isatty(self):
            return True

        def write(self, text):
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(streams, "discard", lambda stream: None)
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(sys, "argv", ["blobtransfer", *map(str, COMPARE), "-o", "r.csv"])
        broken.setattr(sys, "stdout", Broken())
        assert main() == 1
    assert sorted(os.listdir(tmp_path)) == ["compare.png", "r.csv"]
    assert re.search("error: standard output: .*Input/output error", capsys.readouterr().err)


def plain(seen):
    """Return the lines of what a terminal got, without colours."""
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", seen).splitlines()


def test_a_terminal_shows_progress_and_the_answer_on_one_screen(forks, tmp_path):
    seen = on_a_terminal(forks, *COMPARE, "--no-plot", cwd=tmp_path)
    assert "comparing" in seen
    assert "100 %" in seen
    assert "\x1b[1m" in seen
    screen = plain(seen[seen.index("Does starting from") :])
    assert len(screen) < 24 and max(map(len, screen)) <= 80
    assert any(line.startswith("accuracy in %") for line in screen)
    assert any(line.startswith("  transfer fixed=2 ") for line in screen)
    assert screen[-1].startswith("all columns") and "--full" in screen[-1]
    # networks of two epochs still improve: that is the first caution, and the only warning
    cautions = [line for line in screen if line.startswith(("note: ", "warning: "))]
    first = screen.index(cautions[0])
    assert cautions[0].startswith("warning: ")
    assert "epochs" in " ".join(screen[first : first + 2])
    assert all("still improving" not in line for line in cautions[1:])


def test_full_shows_the_whole_tables_in_80_columns(forks, tmp_path):
    seen = on_a_terminal(forks, *COMPARE, "--no-plot", "--full", "-q", cwd=tmp_path)
    table = seen[seen.index("test accuracy in %") :]
    assert "transfer fixed=2" in table
    assert "\x1b[1m" in seen
    assert max(map(len, plain(seen[: seen.index("test accuracy in %")]))) <= 80


def test_quiet_prints_the_sentences_and_a_warning_on_a_terminal_too(forks, tmp_path):
    lines = plain(on_a_terminal(forks, *COMPARE, "--no-plot", "-q", cwd=tmp_path))
    heads = [line.partition(" (")[0].partition(": ")[0] for line in lines]
    assert heads == ["Fresh sources", "One source", "warning"]


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_no_colour_where_none_is_wanted(forks, tmp_path, environment):
    seen = on_a_terminal(forks, *TRAIN, "-q", "--format", "table", cwd=tmp_path, **environment)
    assert "accuracy" in seen
    assert "\x1b[3" not in seen


def test_forced_colour_does_not_reach_a_pipe(tmp_path):
    done = run_process(*TRAIN, cwd=tmp_path, environment={"FORCE_COLOR": "1"})
    assert (done.code, without_cautions(done.err)) == (0, "")
    assert "\x1b" not in done.out


def test_a_narrow_terminal_gets_whole_rows(forks, tmp_path):
    seen = on_a_terminal(forks, *COMPARE, "--no-plot", "--full", "-q", cwd=tmp_path, COLUMNS="40")
    assert all(len(line) <= 40 for line in plain(seen))
    assert all(head in seen for head in ("P(better)", "adjusted p", "trimmed mean", "verdict"))
    seen = on_a_terminal(forks, *COMPARE, "--no-plot", cwd=tmp_path, COLUMNS="40")
    rows = [line for line in plain(seen) if re.match(r"  +[-+]\d+\.\d +[a-z]+", line)]
    assert len(rows) == 6 and max(map(len, rows)) <= 40


def test_20_columns_cut_no_name_and_no_number_of_the_screen(forks, tmp_path):
    seen = on_a_terminal(forks, *COMPARE, "--no-plot", cwd=tmp_path, COLUMNS="20")
    screen = seen[seen.index("Does starting from") :]
    assert "transfer fixed=2" in screen and "…" not in screen


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_notes_that_cannot_be_written_cost_no_results(forks, tmp_path):
    with open("/dev/full", "w") as full:
        done = forks.run_process(*COMPARE, cwd=tmp_path, stderr=full)
    assert done.code == 0
    assert done.out.startswith("Fresh sources")


@pytest.mark.security
def test_what_is_printed_does_not_act_on_a_terminal(capsys):
    streams.print_stderr("a\x1b]0;PWN\x07\nerror: \u202eforged\udcff")
    streams.write_stdout(["two\nlines\n", "a\x1b[2J\rb\n"])
    out, err = capsys.readouterr()
    assert err == "a\\x1b]0;PWN\\x07\\nerror: \\u202eforged\\udcff\n"
    assert out == "two\nlines\na\\x1b[2J\\rb\n"


@pytest.mark.security
def test_standard_input_that_is_closed_or_endless_is_one_line(forks, tmp_path):
    with open("/dev/zero") as endless:
        done = forks.run_process("show", "-", cwd=tmp_path, stdin=endless)
    assert (done.code, done.err.count("\n")) == (2, 1)
    closed = ("sh", "-c", 'exec "$@" <&-', "sh")
    done = run_process("show", "-", cwd=tmp_path, by=closed)
    assert (done.code, done.err.count("\n")) == (2, 1)


class Endless(io.RawIOBase):
    """Bytes without end, which counts how often it is read."""

    def __init__(self, pattern):
        self.pattern, self.n_reads = pattern, 0

    def read(self, size=-1):
        self.n_reads += 1
        return (self.pattern * size)[:size]


@pytest.mark.security
@pytest.mark.parametrize("pattern, n_reads", [(b"y\n", 1), (b"\0", 1), (b"{", 4), (b" ", 4)])
def test_results_are_read_as_far_as_they_can_be_results(monkeypatch, pattern, n_reads):
    monkeypatch.setattr(loading, "READ_AT_ONCE", 10)
    monkeypatch.setattr(loading, "MAX_RESULT_BYTES", 30)
    endless = Endless(pattern)
    with suppress(InputFileError):
        loading.read_bounded(Path("-"), endless)
    assert endless.n_reads == n_reads
