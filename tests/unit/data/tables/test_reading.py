"""Files -> raw tables: what is read, and one line for what cannot be."""

import io
import struct
import tracemalloc
import warnings
import zipfile
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.tables import write_rows

from blobtransfer.data.tables import arff, csv, npz, parquet, reading
from blobtransfer.data.tables.reading import read_table
from blobtransfer.errors import TableFileError

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
    monkeypatch.setattr(csv, "TEXT_ROWS_AT_ONCE", 2)
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
        ("x,y\n1,2\n3\n", "line 3 has 1 values"),
        ("x,y\n1,2,3\n", "line 2 has 3 values"),
        ("x,x\n1,2\n", "two columns are called x"),
        ("x,\n1,2\n", "column 2 has no name"),
        ("x;y\n1;2\n", "semicolons"),
        ("x\ty\n1\t2\n", "call it .tsv"),
        ('x,y\n1,"2\n3,4\n', "line 2: a quote"),
        ('x,y\n1,"a"b\n', "line 2: "),
        ("x,y\n1," + "9" * 100_001 + "\n", "line 2: a value of more than 100,000"),
        (b"x,y\n1,\xe9\n", "line 2 is not in UTF-8"),
        ("x,y\n1,2\n".encode("utf-16"), "it is in UTF-16"),
        ("x,y\n1,2\n".encode("utf-16-be"), "has a null character"),
        ("x,y\n1,2\n".encode("utf-16-le"), "UTF-16 without a byte order mark"),
        (b"x,y\n1,\x00\n", "line 2 has a null character"),
        (b"PK\x03\x04....", "a zip archive"),
        (",".join(f"c{i}" for i in range(10_001)) + "\n", "line 1: more than 10,000 values"),
        ("x,y\n" + "," * 10_000 + "\n", "line 2: more than 10,000 values"),
        ("x,y\n" + "," * 100 + "\n", "line 2 has 101 values"),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path, text, problem):
    with pytest.raises(TableFileError) as error:
        read_text(tmp_path, text)
    assert problem in str(error.value)
    assert str(error.value).startswith(str(tmp_path / "a.csv"))
    assert "\n" not in str(error.value)


def test_a_table_of_too_many_cells_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_TABLE_CELLS", 7)
    with pytest.raises(TableFileError, match="more than 7 cells"):
        read_text(tmp_path, "x,y\n" + "1,2\n" * 4)


def test_a_file_of_too_many_bytes_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 5)
    with pytest.raises(TableFileError, match="8 bytes; at most 5 are read"):
        read_text(tmp_path, "x,y\n1,2\n")


def test_quoted_cells_may_hold_more_delimiters_than_there_are_columns(tmp_path):
    table = read_text(tmp_path, 'x,w\n1,"' + "," * 10_001 + '"\n2,"\n' + "," * 10_002 + '"\n')
    assert [len(word) for word in table.columns["w"].words] == [10_001, 10_002]


@pytest.mark.parametrize(
    "row", ["1" * 40_000 + ",2", '"' + "\n" * 40_000 + '",2', '"\n",' * 20_000 + "2"]
)
def test_a_row_is_refused_before_it_takes_much_memory(tmp_path, monkeypatch, row):
    monkeypatch.setattr(csv, "MAX_ROW_CHARS", 20_000)
    with pytest.raises(TableFileError, match="more than 20,000 characters"):
        read_text(tmp_path, f"x,y\n1,2\n{row}\n")
    read_text(tmp_path, "x,y\n" + "1,2\n" * 20_000)  # of rows that are short, any number


def test_words_are_counted_over_all_columns_and_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_WORDS", 6)
    text = "x,y\na,p\nb,q\na,p\nc,q\n"
    assert read_text(tmp_path, text).columns["x"].codes.tolist() == [0, 1, 0, 2]
    with pytest.raises(TableFileError, match="more than 6 different words"):
        read_text(tmp_path, text + "d,r\n")


def test_a_column_that_begins_with_words_is_read_once(tmp_path, monkeypatch):
    monkeypatch.setattr(csv, "TEXT_ROWS_AT_ONCE", 2)
    starts = []
    monkeypatch.setattr(csv, "check_text", lambda *args: starts.append(args))
    table = read_text(tmp_path, "x,w\n1,a\n2,7\n3,7\n4,7\n")
    assert len(starts) == 1
    assert table.columns["w"].words == ("a", "7")
    assert table.columns["w"].odd == (0, "a")  # most are numbers


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


def test_what_is_no_file_is_one_line(tmp_path):
    (tmp_path / "d.csv").mkdir()
    for name, problem in (
        ("none.csv", "no such file"),
        ("d.csv", "a directory"),
        ("a.xlsx", "the suffix .xlsx"),
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
    with pytest.raises(TableFileError, match="more than 20,000,000 cells"):
        read_table(str(tmp_path / "a.npz"), NOTHING)


FLOATS = "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }"


def write_members(path, members, compression=zipfile.ZIP_STORED):
    """Write arrays by their names: header, data, and what differs from version 1 of the format."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, (header, data, *other) in members.items():
            version, length = other or ((1, 0), len(header))
            size = struct.pack("<H" if version == (1, 0) else "<I", length)
            content = b"\x93NUMPY" + bytes(version) + size + header.encode() + data
            archive.writestr(f"{name}.npy", content)
    return str(path)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_a_header_that_claims_to_be_long_is_refused_unread(tmp_path, version):
    length = 65_000 if version == (1, 0) else 3_900_000_000
    path = write_members(tmp_path / "a.npz", {"x": (FLOATS, b"", version, length)})
    with pytest.raises(TableFileError, match=f"x.npy has a header of {length:,} bytes"):
        read_table(path, NOTHING)
    path = write_members(tmp_path / "b.npz", {"x": (FLOATS, b"\0" * 24, version, len(FLOATS))})
    assert read_table(path, NOTHING).columns["x"].numbers.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "header",
    [
        *(
            FLOATS.replace("'<f8'", descr)
            for descr in ("'<f16'", "'<c16'", "'|S8'", "'|V8'", "'<M8[s]'", "'|O'", "'<U0'",
                          "'<U10001'", "[('a', '<f8')]", "('<f4', (2,))", "None", "'f9'")
        ),
        *(
            FLOATS.replace("(3,)", shape)
            for shape in ("(True,)", "(-3,)", "(3.0,)", "()", "3", "[3]", "(3, 1, 1)")
        ),
        "(" * 9_000, "-" * 9_000 + "1", "9" * 9_000, "{}", "", "\n",
    ],
)  # fmt: skip
def test_arrays_of_other_types_and_shapes_are_one_line(tmp_path, header):
    path = write_members(tmp_path / "a.npz", {"x": (header, b"\0" * 24)})
    with pytest.raises(TableFileError) as error:
        read_table(path, NOTHING)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("version", [(0, 0), (1, 1), (4, 0)])
def test_versions_that_numpy_does_not_write_are_damage(tmp_path, version):
    path = write_members(tmp_path / "a.npz", {"x": (FLOATS, b"\0" * 24, version, len(FLOATS))})
    with pytest.raises(TableFileError, match="looks damaged"):
        read_table(path, NOTHING)


@pytest.mark.parametrize(
    ("shape", "problem"),
    [
        ("(1, 20000000)", "20,000,000 columns; at most 10,000"),
        ("(0, 20000000)", "20,000,000 columns; at most 10,000"),
        ("(3, 9000000)", "9,000,000 columns; at most 10,000"),
        ("(30000000,)", "more than 20,000,000 cells"),
    ],
)
def test_an_array_is_measured_by_its_shape(tmp_path, shape, problem):
    path = write_members(tmp_path / "a.npz", {"x": (FLOATS.replace("(3,)", shape), b"")})
    with pytest.raises(TableFileError, match=problem):
        read_table(path, NOTHING)


def test_all_headers_are_added_up_before_any_data_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "MAX_UNPACKED_BYTES", 40)
    path = write_members(tmp_path / "a.npz", {"x": (FLOATS, b"cut"), "y": (FLOATS, b"cut")})
    with pytest.raises(TableFileError, match="more than 40 bytes unpacked"):
        read_table(path, NOTHING)


@pytest.mark.parametrize("n_bytes", [0, 23, 25, 100_000])
def test_an_array_whose_data_is_not_as_long_as_its_header_says_is_damaged(tmp_path, n_bytes):
    path = write_members(tmp_path / "a.npz", {"x": (FLOATS, b"\0" * n_bytes)})
    with pytest.raises(TableFileError, match="looks damaged"):
        read_table(path, NOTHING)


def test_words_that_are_not_unicode_are_damage(tmp_path):
    words = FLOATS.replace("<f8", "<U1")
    path = write_members(tmp_path / "a.npz", {"x": (words, struct.pack("<I", 0x7FFFFFFF) * 3)})
    with pytest.raises(TableFileError, match="looks damaged"):
        read_table(path, NOTHING)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_that_python_would_unpack_without_bound_are_refused(tmp_path, compression):
    path = write_members(tmp_path / "a.npz", {"x": (FLOATS, b"\0" * 24)}, compression)
    with pytest.raises(TableFileError, match="compression"):
        read_table(path, NOTHING)


def test_members_are_counted_before_they_are_listed(tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "MAX_ARRAYS", 2)
    np.savez(path := tmp_path / "a.npz", **{name: np.zeros(1) for name in "xyz"})
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(TableFileError, match="more than 2 arrays"):
        read_table(str(path), NOTHING)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["?", "i1", ">i2", "u4", "u8", "f2", ">f4", "f8"])
def test_numbers_of_every_type_and_order_are_read(tmp_path, kind, order):
    values = np.array([[0, 1], [1, 0], [1, 1]], kind, order=order)
    np.savez(tmp_path / "a.npz", X=values)
    table = read_table(str(tmp_path / "a.npz"), NOTHING)
    assert [column.numbers.tolist() for column in table.columns.values()] == [[0, 1, 1], [1, 0, 1]]


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"not a zip", b"\0" * 100])
def test_a_damaged_npz_is_one_line(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(TableFileError, match="looks damaged; save it again"):
        read_table(str(tmp_path / "a.npz"), NOTHING)


def test_other_members_than_arrays_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("note.txt", "hello")
    with pytest.raises(TableFileError, match=r"note.txt is not an array"):
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
        (ARFF.replace("{a, b}", "string"), "attribute w is of type string"),
        (ARFF.replace("{a, b}", "date yyyy-MM-dd"), "attribute w is of type date"),
        (ARFF.replace("{no, yes}", "Date 'yyyy'"), "attribute y is of type date"),
        (ARFF.replace("{a, b}", "relational"), "attribute w is of type relational"),
        (ARFF.replace("{a, b}", "colour"), "line 3: attribute w is of type colour"),
        (ARFF.replace("@attribute w", "@attribute x"), "two attributes are called x"),
        (ARFF.replace("@attribute w", "@atribute w"), "line 3: '@atribute w"),
        (ARFF.replace("1,a,no", "1,z,no"), "line 6: 'z'"),
        (ARFF.replace("3,?,no", "3?,a,no"), "line 8: '3?' is not a number"),
        (ARFF.replace("3,?,no", "3,a,no,9"), "line 8 has 4 values"),
        (ARFF.replace("3,?,no", "3,a"), "line 8 has 2 values"),
        (ARFF.replace("3,?,no", "{0 3, 2 no}"), "its rows are sparse"),
        (ARFF.partition("1,a")[0], "no rows"),
        ("@data\n1,2\n", "it has no attributes"),
        ("hello\n", "there is no @data line"),
        (ARFF.encode("utf-16"), "it is in UTF-16"),
        (ARFF.encode() + b"4,\xe9,no\n", "line 9 is not in UTF-8"),
        (ARFF.replace("{a, b}", "{a, \xe9}").encode("latin-1"), "line 3 is not in UTF-8"),
    ],
)
def test_a_damaged_arff_is_one_line(tmp_path, text, problem):
    with pytest.raises(TableFileError) as error:
        read_text(tmp_path, text, ".arff")
    assert problem in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("quote", ["'", '"'])
@pytest.mark.parametrize("delimiter", [",", " , ", "\t"])
def test_arff_quotes_words_and_separates_them_in_several_ways(tmp_path, quote, delimiter):
    text = """@RELATION 'my rows'
% a comment
@ATTRIBUTE "the x" Real
@attribute "w" {  'a b' , c}
@attribute y {NA,yes}
@DATA
% a comment, with a comma
 1.5|'a b'|NA

-2e1|c|yes
"""
    text = text.replace("'", quote).replace("|", delimiter)
    table = read_text(tmp_path, text, ".arff")
    assert table.columns["the x"].numbers.tolist() == [1.5, -20.0]
    assert table.columns["w"].words == ("a b", "c")
    assert table.columns["y"].codes.tolist() == [-1, 0]
    assert table.lines.tolist() == [8, 10]


@pytest.mark.parametrize(
    ("text", "suffix"), [("x,y\n1,a\n", ".csv"), (ARFF, ".arff"), ("x\n1,2", ".csv")]
)
def test_the_limit_of_cells_is_that_of_the_process_afterwards(tmp_path, text, suffix):
    import csv as standard_csv

    before = standard_csv.field_size_limit()
    with suppress(TableFileError):
        read_text(tmp_path, text, suffix)
    assert standard_csv.field_size_limit() == before != csv.MAX_CELL_CHARS


def test_rows_of_arff_are_counted_before_they_are_split(tmp_path, monkeypatch):
    for module in (arff, reading):
        monkeypatch.setattr(module, "MAX_TABLE_CELLS", 10)
    assert read_text(tmp_path, ARFF + "% more\n" * 9, ".arff").n_rows == 3
    monkeypatch.setattr(arff, "read_columns", None)
    with pytest.raises(TableFileError, match="more than 10 cells"):
        read_text(tmp_path, ARFF + "1,a,no\n", ".arff")


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
    with pytest.raises(TableFileError, match=r"column w .* 1,000,000 bytes"):
        read_table(str(tmp_path / "a.parquet"), NOTHING)
    np.savez_compressed(tmp_path / "a.npz", w=np.array(["x" * 20_000]))
    with pytest.raises(TableFileError, match="words of 20,000 letters"):
        read_table(str(tmp_path / "a.npz"), NOTHING)


WORD_TYPES = ("string", "large_string", "string_view", "dictionary")


@pytest.mark.parametrize("kind", WORD_TYPES)
@pytest.mark.parametrize("use_dictionary", [True, False])
def test_words_of_every_type_are_the_same_column(tmp_path, kind, use_dictionary):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as written

    words = pyarrow.array(["b", None, "a", "b", "", "c", "a"])
    words = words.dictionary_encode() if kind == "dictionary" else words.cast(kind)
    written.write_table(
        pyarrow.table({"w": words}), path := tmp_path / "a.parquet",
        row_group_size=2, use_dictionary=use_dictionary,
    )  # fmt: skip
    column = read_table(str(path), NOTHING).columns["w"]
    assert column.words == ("b", "a", "c")
    assert column.codes.tolist() == [0, -1, 1, 0, -1, 2, 1]


def test_words_that_no_row_has_are_not_read(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as written

    column = pyarrow.DictionaryArray.from_arrays([1, 1], ["unused", "a"])
    written.write_table(pyarrow.table({"w": column}), tmp_path / "a.parquet")
    assert read_table(str(tmp_path / "a.parquet"), NOTHING).columns["w"].words == ("a",)


@pytest.mark.parametrize("kind", ["bool", "int8", "uint64", "float16", "float32", "float64"])
def test_numbers_of_every_type_are_read_with_what_is_missing(tmp_path, kind):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as written

    values = pyarrow.array(np.array([1, 0, 1], kind), mask=np.array([False, False, True]))
    written.write_table(pyarrow.table({"x": values}), tmp_path / "a.parquet", row_group_size=2)
    numbers = read_table(str(tmp_path / "a.parquet"), NOTHING).columns["x"].numbers
    assert numbers.dtype == np.float64
    assert np.array_equal(numbers, [1, 0, np.nan], equal_nan=True)


def test_numbers_of_parquet_never_are_python_objects(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as written

    n_rows = 200_000
    values = np.arange(n_rows) + 0.5
    written.write_table(pyarrow.table({"x": values}), path := tmp_path / "a.parquet")
    parquet.read(path.read_bytes(), ".parquet", NOTHING)  # imports
    tracemalloc.start()
    try:
        parquet.read(path.read_bytes(), ".parquet", NOTHING)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < path.stat().st_size + 2.5 * 8 * n_rows  # a Python float takes 24 bytes, and 8


@pytest.mark.parametrize(
    ("kind", "value"),
    [("list", [1]), ("binary", b"a"), ("large_binary", b"a"), ("struct", {"a": 1}),
     ("timestamp", 1), ("null", None), ("decimal", 1)],
)  # fmt: skip
def test_types_that_are_not_read_are_refused_by_the_schema(tmp_path, monkeypatch, kind, value):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as written

    types = {
        "list": pyarrow.list_(pyarrow.int64()), "binary": pyarrow.binary(),
        "large_binary": pyarrow.large_binary(), "struct": pyarrow.struct({"a": pyarrow.int8()}),
        "timestamp": pyarrow.timestamp("s"), "null": pyarrow.null(),
        "decimal": pyarrow.decimal128(3, 1),
    }  # fmt: skip
    table = pyarrow.table({"x": [1], "z": pyarrow.array([value], types[kind])})
    written.write_table(table, tmp_path / "a.parquet")
    monkeypatch.setattr(parquet, "_numbers", None)
    monkeypatch.setattr(parquet, "_codes", None)
    with pytest.raises(TableFileError, match=f"column z holds {kind}"):
        read_table(str(tmp_path / "a.parquet"), NOTHING)


@pytest.mark.parametrize(
    ("n_rows", "n_bytes", "problem"),
    [(10**8, 10, "more than 20,000,000 cells"), (5, 10**9, "bytes unpacked"), (0, 0, "no rows")],
)
def test_parquet_is_measured_by_its_metadata(n_rows, n_bytes, problem):
    pyarrow = pytest.importorskip("pyarrow")
    schema = pyarrow.schema({"x": pyarrow.int8(), "y": pyarrow.string()})
    metadata = SimpleNamespace(
        num_rows=n_rows,
        num_row_groups=2,
        row_group=lambda i: SimpleNamespace(total_byte_size=n_bytes // 2),
    )
    with pytest.raises(reading.TableProblem, match=problem):
        parquet._check_metadata(["x", "y"], schema, metadata)


@pytest.mark.parametrize("n_announced", [3, 8, 20])
def test_parquet_is_read_no_further_than_the_announced_rows(tmp_path, monkeypatch, n_announced):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as written

    written.write_table(pyarrow.table({"x": list(range(10))}), path := tmp_path / "a.parquet")
    monkeypatch.setattr(parquet, "BATCH_ROWS", 2)
    n_read = []
    numbers_of = parquet._numbers

    def counted(values):
        n_read.append(len(values))
        return numbers_of(values)

    monkeypatch.setattr(parquet, "_numbers", counted)
    assert read_table(str(path), NOTHING).n_rows == sum(n_read) == 10
    n_read.clear()
    # The rows of the file, before its row groups: 10 is written as 20, for the sign.
    content = path.read_bytes()
    before = b"\x16\x14\x19"
    assert content.count(before) == 1
    path.write_bytes(content.replace(before, bytes([0x16, 2 * n_announced, 0x19])))
    with pytest.raises(TableFileError, match="looks damaged"):
        read_table(str(path), NOTHING)
    assert sum(n_read) <= n_announced


def test_metadata_of_parquet_is_measured_before_it_is_unpacked(tmp_path):
    pytest.importorskip("pyarrow")
    content = b"PAR1" + struct.pack("<I", 30_000_000) + b"PAR1"
    with pytest.raises(TableFileError, match="30,000,000 bytes of metadata"):
        read_text(tmp_path, content, ".parquet")


@pytest.mark.parametrize("kind", WORD_TYPES)
def test_a_word_of_parquet_that_is_too_long_is_refused(tmp_path, kind):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as written

    words = pyarrow.array(["x" * 10_001, "a"])
    words = words.dictionary_encode() if kind == "dictionary" else words.cast(kind)
    written.write_table(pyarrow.table({"w": words}), tmp_path / "a.parquet")
    with pytest.raises(TableFileError, match=r"column w .* 10,001 bytes"):
        read_table(str(tmp_path / "a.parquet"), NOTHING)
