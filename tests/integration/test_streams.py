"""Standard streams as they come: a terminal, a pipe, a full disk, letters that do not fit."""

import os
import pty
import re

import pytest
from helpers.commands import run_process, start
from helpers.specs import SMALL_OPTIONS

pytestmark = pytest.mark.slow

COMPARE = ("compare", *SMALL_OPTIONS, "--repeats", 1)
TRAIN = ("train-target", *SMALL_OPTIONS, "--no-plot")


def on_a_terminal(*argv, cwd, **environment):
    """Give what a terminal of 80 columns would get on its two streams, which are one."""
    leader, follower = pty.openpty()
    environment = {"TERM": "xterm", "COLUMNS": "80"} | environment
    process = start(*argv, cwd=cwd, environment=environment, stdout=follower, stderr=follower)
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


def test_a_reader_that_leaves_early_is_no_error(tmp_path):
    process = start(*COMPARE, "--no-plot", "-q", cwd=tmp_path)
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=120) == 0


def test_an_ascii_terminal_and_an_odd_file_name_are_no_trouble(tmp_path):
    name = "[bold] é.csv"
    ascii_only = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = run_process(*COMPARE, "--no-plot", "-o", name, cwd=tmp_path, environment=ascii_only)
    assert done.code == 0
    assert done.err.startswith("wrote [bold] \\xe9.csv\nwarning: ")
    assert done.out.startswith("This model")
    assert os.listdir(tmp_path) == [name]


def test_a_terminal_shows_progress_and_a_table_in_80_columns(tmp_path):
    seen = on_a_terminal(*COMPARE, "--no-plot", cwd=tmp_path)
    assert "comparing" in seen
    assert "100 %" in seen
    table = seen[seen.index("test accuracy in %") :]
    assert "transfer fixed=2" in table
    assert "\x1b[1m" in seen


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_no_colour_where_none_is_wanted(tmp_path, environment):
    seen = on_a_terminal(*TRAIN, "-q", "--format", "table", cwd=tmp_path, **environment)
    assert "accuracy" in seen
    assert "\x1b[3" not in seen


def test_forced_colour_does_not_reach_a_pipe(tmp_path):
    done = run_process(*TRAIN, cwd=tmp_path, environment={"FORCE_COLOR": "1"})
    assert (done.code, done.err) == (0, "")
    assert "\x1b" not in done.out


def test_a_narrow_terminal_gets_whole_rows(tmp_path):
    seen = on_a_terminal(*COMPARE, "--no-plot", "-q", cwd=tmp_path, COLUMNS="40")
    assert re.search(r"transfer fixed=2.*undecided", seen)
    assert "no room for" in seen


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_notes_that_cannot_be_written_cost_no_results(tmp_path):
    with open("/dev/full", "w") as full:
        done = run_process(*COMPARE, cwd=tmp_path, stderr=full)
    assert done.code == 0
    assert done.out.startswith("This model")
