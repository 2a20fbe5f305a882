"""An error becomes one line that names the option as the user gave it, and an exit code."""

from importlib import import_module

import pytest

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
        (
            MemoryError("unable to allocate"),
            1,
            "out of memory; use fewer rows, smaller layers or fewer repeats",
        ),
        (OSError(28, "No space left"), 1, "No space left; free what is missing and try again"),
        (MachineError("a\nb\x1b[31m"), 1, r"a\nb\x1b[31m"),
    ],
    ids=lambda part: str(part)[:30],
)
def test_an_error_is_one_line_and_its_code(capsys, error, code, line):
    assert report(error) == code
    assert capsys.readouterr() == ("", f"error: {line}\n")


def test_of_an_endless_line_the_middle_is_left_out(capsys):
    report(MachineError("a" * 5000 + "b" * 5000))
    line = capsys.readouterr().err.removeprefix("error: ").rstrip("\n")
    assert line == "a" * (MAX_LINE // 2) + " ... " + "b" * (MAX_LINE // 2)


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("REPEATS", "0", "BLOBTRANSFER_REPEATS 0: use 1 or more"),
        ("FIXED", "9", "BLOBTRANSFER_FIXED 9: the network has 2 hidden layers; use 0, 1 or 2"),
        ("MODEL", "none.h5", "BLOBTRANSFER_MODEL none.h5: no such file; check the path"),
        ("SPEED", "maybe", "BLOBTRANSFER_SPEED maybe: use 1 or 0"),
    ],
)
def test_an_option_that_the_environment_set_is_named_by_its_variable(
    run, monkeypatch, name, value, line
):
    monkeypatch.setenv(f"BLOBTRANSFER_{name}", value)
    done = run("compare")
    assert (done.code, done.out, done.err) == (2, "", f"error: {line}\n")


def test_an_option_that_the_command_line_overrules_is_named_by_its_flag(run, monkeypatch):
    monkeypatch.setenv("BLOBTRANSFER_REPEATS", "0")
    assert run("compare", "--repeats", "-1").err == "error: --repeats -1: use 1 or more\n"


def test_debug_shows_the_traceback_before_the_line(run):
    done = run("compare", "--repeats", 0, "--debug")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Traceback (most recent call last):\n")
    assert done.err.endswith("\nerror: --repeats 0: use 1 or more\n")


def test_a_library_that_cannot_be_loaded_is_the_machines_fault(run, monkeypatch):
    def missing(*_):
        raise ImportError("libfoo.so: failed to map segment from shared object")

    monkeypatch.setattr("blobtransfer.specs.experiment.check_margin", missing)
    done = run("compare")
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert "(libfoo.so: failed to map segment from shared object)" in done.err


def test_whatever_a_library_raises_while_it_is_imported_is_the_machines_fault(
    run, monkeypatch, tmp_path
):
    (tmp_path / "broken.py").write_text("int('abc')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(
        "blobtransfer.specs.experiment.check_margin", lambda *_: import_module("broken")
    )
    done = run("compare")
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert "(ValueError: invalid literal for int() with base 10: 'abc')" in done.err


def test_a_mistake_of_ours_stays_a_traceback(run, monkeypatch):
    def mistake(*_):
        raise IndexError("ours")

    monkeypatch.setattr("blobtransfer.specs.experiment.check_margin", mistake)
    with pytest.raises(IndexError, match="ours"):
        run("compare")
