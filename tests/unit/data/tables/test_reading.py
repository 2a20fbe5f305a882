"""Files -> raw tables, whatever their format: one line for what cannot be read."""

import gzip
import sys
import warnings

import pytest
from helpers.tables import columns_of, read_file, read_text, write_rows

from blobtransfer.data.tables import npz, reading
from blobtransfer.data.tables.reading import ReadOptions, positions_of, read_table
from blobtransfer.errors import MachineError, TableFileError


def test_columns_without_a_name_of_their_own_have_a_number():
    assert positions_of(["", "x", "x", "column 9"]) == {
        "column 1": 0, "x": 1, "column 3": 2, "column 9": 3
    }  # fmt: skip


def test_a_compressed_text_is_read_up_to_the_limit(tmp_path, monkeypatch):
    content = gzip.compress(b"x,y\n" + b"1,2\n" * 50)
    assert columns_of(read_text(tmp_path, content, ".csv.gz"))["x"] == [1] * 50
    for damaged in (content[:-9], b"x,y\n1,2\n"):
        with pytest.raises(TableFileError, match="looks damaged"):
            read_text(tmp_path, damaged, ".csv.gz")
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 200)
    with pytest.raises(TableFileError, match="more than 200 bytes unpacked"):
        read_text(tmp_path, content, ".csv.gz")


def test_a_file_of_too_many_bytes_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 5)
    with pytest.raises(TableFileError, match="8 bytes; at most 5 are read"):
        read_text(tmp_path, "x,y\n1,2\n")


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (MemoryError(), "needs more memory than is free"),
        (RecursionError(), "looks damaged"),
        (SystemError("of a library"), "looks damaged"),
    ],
)
def test_whatever_a_reader_raises_is_one_line_about_the_file(tmp_path, monkeypatch, error, problem):
    def read(*args):
        warnings.warn("of a library", RuntimeWarning, stacklevel=1)
        raise error

    monkeypatch.setattr(npz, "read", read)
    with pytest.raises(TableFileError, match=problem) as caught:
        read_text(tmp_path, "x", ".npz")
    assert caught.value.__cause__ is error


def test_an_interrupt_passes_through_a_reader(tmp_path, monkeypatch):
    def read(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(npz, "read", read)
    with pytest.raises(KeyboardInterrupt):
        read_text(tmp_path, "x", ".npz")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("none.csv", "no such file"),
        ("d.csv", "a directory"),
        ("a.foo", ".foo is not supported"),
        ("a.xls", "save it as .xlsx"),
        ("a.pkl", "may run code"),
        ("a.npz.gz", "unpack it first"),
        ("a", "no suffix"),
        ("/dev/null.csv", "no such file"),
    ],
)
def test_what_is_not_a_table_is_one_line(tmp_path, name, problem):
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(TableFileError, match=problem):
        read_file(tmp_path / name)


def test_a_table_is_read_once_until_the_file_or_the_options_change(tmp_path):
    path = write_rows(tmp_path / "a.csv", [["x"], ["1"]])
    first = read_table(str(path), ReadOptions())
    assert len(first.sha256) == 64
    assert read_table(str(path), ReadOptions()) is first
    assert read_table(str(path), ReadOptions(sep=";")) is not first
    write_rows(path, [["x"], ["1"], ["2"]])
    assert read_table(str(path), ReadOptions()) is not first


@pytest.mark.parametrize(
    ("suffix", "library", "package"),
    [
        (".parquet", "pyarrow", r"blobtransfer\[parquet\]"),
        (".feather", "pyarrow", r"blobtransfer\[parquet\]"),
        (".xlsx", "openpyxl", r"blobtransfer\[excel\]"),
        (".csv", "pandas", "pandas"),
    ],
)
def test_a_format_without_its_library_says_what_to_install(
    tmp_path, monkeypatch, suffix, library, package
):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MachineError, match=f"pip install '{package}'"):
        read_text(tmp_path, "x,y\n1,2\n", suffix)
