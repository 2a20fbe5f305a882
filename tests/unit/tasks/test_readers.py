"""Files -> raw tables: what is read, and one line for what cannot be."""

import io
import zipfile

import numpy as np
import pytest
from helpers.tables import write_rows

from blobtransfer.errors import TableFileError
from blobtransfer.tasks import delimited, raw
from blobtransfer.tasks.raw import read_table

NOTHING = frozenset[str]()


def read_text(tmp_path, text, suffix=".csv", as_words=NOTHING):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(str(path), as_words)


def test_numbers_and_words_are_told_apart(tmp_path):
    table = read_text(tmp_path, "x,w,y\n1,a,0\n-2.5e1,b,1\n.5, a ,0\n", as_words=frozenset("y"))
    assert table.columns["x"].numbers.tolist() == [1.0, -25.0, 0.5]
    assert table.columns["w"].words == ("a", "b")
    assert table.columns["w"].codes.tolist() == [0, 1, 0]
    assert table.columns["y"].words == ("0", "1")
    assert table.lines.tolist() == [2, 3, 4]
    assert len(table.sha256) == 64


def test_words_that_are_wanted_stay_as_they_are_written(tmp_path):
    table = read_text(tmp_path, "y\n007\n7\n7.0\n", as_words=frozenset("y"))
    assert table.columns["y"].words == ("007", "7", "7.0")


@pytest.mark.parametrize("mark", ["", "NA", "N/A", "nan", "NULL", "?", "  "])
def test_a_missing_value_is_known_among_numbers_and_words(tmp_path, mark):
    table = read_text(tmp_path, f"x,w\n1,a\n{mark},{mark}\n")
    assert table.columns["x"].is_missing.tolist() == [False, True]
    assert table.columns["w"].is_missing.tolist() == [False, True]


@pytest.mark.parametrize("word", ["1_000", "inf", "-Infinity", "0x10", "٣", "1,5"])
def test_what_python_alone_takes_for_a_number_is_none(tmp_path, word):
    table = read_text(tmp_path, f'x\n1\n2\n3\n"{word}"\n')
    assert table.columns["x"].odd == (3, word)


def test_a_column_that_turns_out_to_hold_words_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "ROWS_AT_ONCE", 2)
    table = read_text(tmp_path, "x,w\n1,1\n2,2\n3,b\n4,c\n5,d\n")
    assert table.columns["w"].words == ("1", "2", "b", "c", "d")
    assert table.columns["w"].odd is None  # most are words
    assert table.columns["x"].numbers.tolist() == [1, 2, 3, 4, 5]


def test_quoted_line_ends_and_a_byte_order_mark_are_read_as_they_are_meant(tmp_path):
    table = read_text(tmp_path, b'\xef\xbb\xbfx,note\r\n1,"two\r\nlines"\r\n\r\n2,b\r\n')
    assert table.columns["x"].numbers.tolist() == [1.0, 2.0]
    assert table.columns["note"].words == ("two\r\nlines", "b")
    assert table.lines.tolist() == [3, 5]


def test_tabs_are_expected_in_tsv(tmp_path):
    table = read_text(tmp_path, "x\ty\n1\t2\n", ".tsv")
    assert list(table.columns) == ["x", "y"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file has no head"),
        ("x,y\n", "a head and no rows"),
        ("x,y\n1,2\n3\n", "line 3 has 1 values, the head has 2 columns"),
        ("x,y\n1,2,3\n", "line 2 has 3 values, the head has 2 columns"),
        ("x,x\n1,2\n", "two columns are called x"),
        ("x,\n1,2\n", "column 2 has no name"),
        ("x;y\n1;2\n", "its values are apart by semicolons, commas are expected"),
        ("x\ty\n1\t2\n", "its values are apart by tabs, commas are expected; call it .tsv"),
        ('x,y\n1,"2\n3,4\n', "line 2: a quote that is never closed"),
        ('x,y\n1,"a"b\n', "line 2: "),
        ("x,y\n1," + "9" * 100_001 + "\n", "line 2: a value of more than 100,000 characters"),
        (b"x,y\n1,\xe9\n", "line 2 is not in UTF-8"),
        ("x,y\n1,2\n".encode("utf-16"), "it is in UTF-16; save it as UTF-8"),
        ("x,y\n1,2\n".encode("utf-16-be"), "has a null character"),
        ("x,y\n1,2\n".encode("utf-16-le"), "UTF-16 without a byte order mark"),
        (b"x,y\n1,\x00\n", "line 2 has a null character"),
        (b"PK\x03\x04....", "it looks like a zip archive; save it as CSV in UTF-8"),
        (",".join(f"c{i}" for i in range(10_001)) + "\n", "10,001 columns; at most 10,000"),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path, text, problem):
    with pytest.raises(TableFileError) as error:
        read_text(tmp_path, text)
    assert problem in str(error.value)
    assert str(error.value).startswith(str(tmp_path / "a.csv"))
    assert "\n" not in str(error.value)


def test_a_table_of_too_many_cells_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(raw, "MAX_CELLS", 7)
    with pytest.raises(TableFileError, match="more than 7 cells; use fewer rows or columns, such "):
        read_text(tmp_path, "x,y\n" + "1,2\n" * 4)


def test_a_file_of_too_many_bytes_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(raw, "MAX_FILE_BYTES", 5)
    with pytest.raises(TableFileError, match="8 bytes; at most 5 are read"):
        read_text(tmp_path, "x,y\n1,2\n")


def test_what_is_no_file_is_one_line(tmp_path):
    (tmp_path / "d.csv").mkdir()
    for name, problem in (
        ("none.csv", "no such file"),
        ("d.csv", "a directory"),
        ("a.xlsx", "no table has the suffix .xlsx; use .csv, .tsv, .npz, .arff, .parquet"),
        ("a", "no suffix"),
        ("/dev/null.csv", "no such file"),
    ):
        with pytest.raises(TableFileError, match=problem):
            read_table(str(tmp_path / name), NOTHING)


def test_a_table_is_read_once_until_the_file_changes(tmp_path):
    path = write_rows(tmp_path / "a.csv", [["x"], ["1"]])
    assert read_table(str(path), NOTHING) is read_table(str(path), NOTHING)
    first = read_table(str(path), NOTHING)
    write_rows(path, [["x"], ["1"], ["2"]])
    assert read_table(str(path), NOTHING) is not first


# ---------------------------------------------------------------- NPZ


def test_arrays_are_columns_or_blocks_of_columns(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(
        path, X=np.arange(6.0).reshape(3, 2), y=np.array([0, 1, 0]), w=np.array(["a", "b", ""])
    )
    table = read_table(str(path), frozenset("y"))
    assert list(table.columns) == ["X_1", "X_2", "y", "w"]
    assert table.columns["X_2"].numbers.tolist() == [1.0, 3.0, 5.0]
    assert table.columns["y"].words == ("0", "1")
    assert table.columns["w"].codes.tolist() == [0, 1, -1]


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"x": np.zeros(3), "y": np.zeros(2)}, "y has 2 rows, an array before it 3"),
        ({"x": np.zeros((2, 2, 2))}, "x.npy has shape"),
        ({"x": np.array([{}, 1], object)}, "not Python objects"),
        ({"x": np.zeros(2, complex)}, "holds complex128"),
        ({"x": np.zeros(0)}, "no arrays with rows"),
        ({}, "no arrays with rows"),
    ],
)
def test_arrays_that_are_no_table_are_one_line(tmp_path, arrays, problem):
    path = tmp_path / "a.npz"
    np.savez(path, **arrays)
    with pytest.raises(TableFileError, match=problem):
        read_table(str(path), NOTHING)


def test_an_array_that_claims_more_than_fits_is_refused_before_it_is_unpacked(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (10**10,)}
    )
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", header.getvalue())
    with pytest.raises(TableFileError, match="10,000,000,000 cells; at most 20,000,000 fit"):
        read_table(str(tmp_path / "a.npz"), NOTHING)


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"not a zip", b"\0" * 100])
def test_a_damaged_npz_is_one_line(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(TableFileError, match="looks damaged; save it again"):
        read_table(str(tmp_path / "a.npz"), NOTHING)


def test_other_members_than_arrays_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("note.txt", "hello")
    with pytest.raises(TableFileError, match=r"note.txt is no array"):
        read_table(str(tmp_path / "a.npz"), NOTHING)


# ---------------------------------------------------------------- ARFF and Parquet

ARFF = """@relation r
@attribute x numeric
@attribute w {a, b}
@attribute y {no, yes}
@data
1,a,no
?,b,yes
3,?,no
"""


def test_arff_has_numbers_and_listed_words(tmp_path):
    table = read_text(tmp_path, ARFF, ".arff")
    assert table.columns["x"].is_missing.tolist() == [False, True, False]
    assert table.columns["w"].codes.tolist() == [0, 1, -1]
    assert table.columns["y"].words == ("no", "yes")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (ARFF.replace("{a, b}", "string"), "a column of free text or dates"),
        (ARFF.replace("1,a,no", "1,z,no"), "it cannot be read"),
        ("hello\n", "it cannot be read"),
        (ARFF.encode("utf-16"), "it is not UTF-8"),
    ],
)
def test_a_damaged_arff_is_one_line(tmp_path, text, problem):
    with pytest.raises(TableFileError) as error:
        read_text(tmp_path, text, ".arff")
    assert problem in str(error.value)
    assert "\n" not in str(error.value)


def test_parquet_has_numbers_and_words(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = {"x": [1.5, None], "w": ["a", "b"], "y": [True, False]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    table = read_table(str(tmp_path / "a.parquet"), frozenset("y"))
    assert table.columns["x"].is_missing.tolist() == [False, True]
    assert table.columns["w"].words == ("a", "b")
    assert table.columns["y"].words == ("True", "False")


def test_a_damaged_parquet_is_one_line(tmp_path):
    pytest.importorskip("pyarrow")
    with pytest.raises(TableFileError, match="looks damaged; save it again"):
        read_text(tmp_path, "PAR1 and no more", ".parquet")


def test_parquet_without_its_library_says_what_to_install(tmp_path, monkeypatch):
    import sys

    from blobtransfer.errors import MachineError

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MachineError, match=r"install blobtransfer\[parquet\]"):
        read_text(tmp_path, "PAR1", ".parquet")


def test_long_numbers_that_are_words_keep_all_their_digits(tmp_path):
    text = ARFF.replace("1,a,no", "12345671,a,no").replace("3,?,no", "12345672,?,no")
    assert read_text(tmp_path, text, ".arff", frozenset("x")).columns["x"].words == (
        "12345671",
        "12345672",
    )


def test_whole_numbers_are_the_same_words_whatever_their_type_and_their_neighbours(tmp_path):
    for values in (np.array([0, 1]), np.array([0.0, 1.0]), np.array([0.0, 1.0, np.nan])):
        np.savez(tmp_path / "a.npz", y=values)
        assert read_table(str(tmp_path / "a.npz"), frozenset("y")).columns["y"].words == ("0", "1")
    np.savez(tmp_path / "b.npz", y=np.array([0.5, np.inf]))
    assert read_table(str(tmp_path / "b.npz"), frozenset("y")).columns["y"].words == ("0.5", "inf")


def test_words_that_few_bytes_stand_for_are_not_unpacked(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"w": ["x" * 10**6] * 200}), tmp_path / "a.parquet")
    with pytest.raises(TableFileError, match="column w has a word of 1,000,000 bytes"):
        read_table(str(tmp_path / "a.parquet"), NOTHING)
    np.savez_compressed(tmp_path / "a.npz", w=np.array(["x" * 20_000]))
    with pytest.raises(TableFileError, match="words of more than 10,000 letters"):
        read_table(str(tmp_path / "a.npz"), NOTHING)
