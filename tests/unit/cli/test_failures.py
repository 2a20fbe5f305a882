"""An error becomes one line that names the option as the user gave it, and an exit code."""

from importlib import import_module

import pytest
from helpers.commands import Finished, assert_one_line, assert_refused

from blobtransfer.cli.failures import MAX_LINE, report
from blobtransfer.errors import BlobTransferError, MachineError, SettingError, SourceFileError


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (SettingError("margin", 2, "use less"), 2, "--margin 2: use less"),
        (SettingError("reverse", "", "leave it out"), 2, "--reverse: leave it out"),
        (SourceFileError("m.h5", "is empty"), 2, "--model m.h5: is empty"),
        (MachineError("the disk is full"), 1, "the disk is full"),
        (BlobTransferError("something else"), 1, "something else"),
        (MemoryError("unable to allocate"), 1, "out of memory"),
        (OSError(28, "No space left"), 1, "No space left"),
        (MachineError("a\nb\x1b[31m"), 1, r"a\nb\x1b[31m"),
    ],
    ids=lambda part: str(part)[:30],
)
def test_an_error_is_one_line_and_its_code(capsys, error, code, line):
    exit_code = report(error)
    assert_one_line(Finished(exit_code, *capsys.readouterr()), line, code)


def test_of_an_endless_line_the_middle_is_left_out(capsys):
    report(MachineError("a" * 5000 + "b" * 5000))
    line = capsys.readouterr().err.removeprefix("error: ").rstrip("\n")
    assert line == "a" * (MAX_LINE // 2) + " ... " + "b" * (MAX_LINE // 2)


@pytest.mark.parametrize(
    ("name", "value", "key"),
    [
        ("REPEATS", "0", "1 or more"),
        ("FIXED", "9", "0, 1 or 2"),
        ("MODEL", "none.h5", "check the path"),
        ("SPEED", "maybe", "1 or 0"),
    ],
)
def test_an_option_that_the_environment_set_is_named_by_its_variable(
    run, monkeypatch, name, value, key
):
    monkeypatch.setenv(f"BLOBTRANSFER_{name}", value)
    assert_refused(run("compare"), f"BLOBTRANSFER_{name} {value}", key)


def test_an_option_that_the_command_line_overrules_is_named_by_its_flag(run, monkeypatch):
    monkeypatch.setenv("BLOBTRANSFER_REPEATS", "0")
    assert_refused(run("compare", "--repeats", "-1"), "--repeats -1")


def test_debug_shows_the_traceback_before_the_line(run):
    done = run("compare", "--repeats", 0, "--debug")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Traceback (most recent call last):\n")
    assert done.err.endswith("\nerror: --repeats 0: use 1 or more\n")


def test_the_traceback_of_debug_has_no_control_character_of_the_input(run):
    done = run("plot-data", "--task", "\x1b[2J:label=y", "--debug", "--no-plot")
    assert "Traceback" in done.err and "\x1b" not in done.err


def test_a_library_that_cannot_be_loaded_is_the_machines_fault(run, monkeypatch):
    def missing(*_):
        raise ImportError("libfoo.so: failed to map segment from shared object")

    monkeypatch.setattr("blobtransfer.specs.experiment.check_margin", missing)
    done = run("compare")
    assert_one_line(done, code=1)
    assert "(libfoo.so: " in done.err


def test_whatever_a_library_raises_while_it_is_imported_is_the_machines_fault(
    run, monkeypatch, tmp_path
):
    (tmp_path / "broken.py").write_text("int('abc')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(
        "blobtransfer.specs.experiment.check_margin", lambda *_: import_module("broken")
    )
    done = run("compare")
    assert_one_line(done, code=1)
    assert "(ValueError: " in done.err and "'abc')" in done.err


def test_a_mistake_of_ours_stays_a_traceback(run, monkeypatch):
    def mistake(*_):
        raise IndexError("ours")

    monkeypatch.setattr("blobtransfer.specs.experiment.check_margin", mistake)
    with pytest.raises(IndexError, match="ours"):
        run("compare")
