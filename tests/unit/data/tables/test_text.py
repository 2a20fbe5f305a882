"""Text files -> raw tables: what is detected, exact values, and the line of what is wrong."""

import csv
import io
import math
import random
import string

import numpy as np
import pandas as pd
import pytest
from helpers.tables import columns_of, read_text
from helpers.trials import trials

from blobtransfer.data.tables import reading, text, text_frame, text_rows
from blobtransfer.errors import TableFileError

EXAMPLE = {"x": [1.5, -2.0, 0.25], "y": ["a", "b", "a"]}


@pytest.mark.parametrize(
    "content",
    [
        "x,y\n1.5,a\n-2,b\n.25,a\n",
        "x;y\n1.5;a\n-2;b\n.25;a\n",
        "x\ty\n1.5\ta\n-2\tb\n.25\ta",
        "x|y\n1.5|a\n-2|b\n.25|a\n",
        "x y\n1.5 a\n-2 b\n.25 a\n",
        "  x   y\n 1.5   a\n-2.0\tb \n 2.5e-1  a\n",
        '"x", "y"\n"1.5", "a"\n-2, "b"\n.25, "a"\n',
        "'x' 'y'\n1.5 a\n-2 'b'\n.25 a\n",
        "x;y\n1,5;a\n-2;b\n0,25;a\n",
        "x\ty\n1,5\ta\n-2\tb\n0,25\ta\n",
        'x,y\n"1,5",a\n"-2",b\n"0,25",a\n',
        "x y\n1,5 a\n-2 b\n0,25 a\n",
        "sep=;\nx;y\n1,5;a\n-2;b\n0,25;a\n",
        '"sep=|"\r\nx|y\r\n1.5|a\r\n-2|b\r\n.25|a\r\n',
        "# a logger, 2024\n# units: cm, cm\nx,y\n1.5,a\n-2,b\n.25,a\n",
        "% a, b\n\nx,y\n1.5,a\n# a note\n-2,b\n\n   \n.25,a\n# end",
        "# x y\n1.5 a\n-2 b\n.25 a\n",
        "#x,y\n1.5,a\n-2,b\n.25,a\n",
        "x,y,\n1.5,a,\n-2,b,\n.25,a,\n",
        "x,y,\n1.5,a\n-2,b\n.25,a\n",
        "x,y\n1.5,a,\n-2,b,\n.25,a,\n",
        "x,y,,\n1.5,a,,\n-2,b,,\n.25,a,,\n,,,\n,,,\n",
        "x,y\r1.5,a\r-2,b\r.25,a\r",
        "x,y\r\n1.5,a\n-2,b\r.25,a",
        "\ufeffx,y\n1.5,a\n-2,b\n.25,a\n",
        "x,y\n1.5,a\n\N{MINUS SIGN}2,b\n.25,a\n",
        "x,y\n1.5,a\n-2,b\n.25,a\n".encode("utf-16"),
        "x,y\n1.5,a\n-2,b\n.25,a\n".encode("utf-32"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".TXT"])
def test_a_table_is_read_however_it_is_written(tmp_path, content, suffix):
    table = read_text(tmp_path, content, suffix)
    assert columns_of(table) == EXAMPLE
    assert table.notes == ()


@pytest.mark.parametrize(
    ("content", "heads", "columns"),
    [
        (',x\n0,a\n1,b\n', ("", "x"), {"column 1": [0, 1], "x": ["a", "b"]}),
        ('"x" "y"\n"1" 5 a\n"2" 6 NA\n', ("", "x", "y"),
         {"column 1": [1, 2], "x": [5, 6], "y": ["a", None]}),
        ('x,y\nr1,5,a\nr2,6,\n', ("", "x", "y"),
         {"column 1": ["r1", "r2"], "x": [5, 6], "y": ["a", None]}),
        ("x,x,\n1,2,3\n", ("x", "x", ""), {"x": [1], "column 2": [2], "column 3": [3]}),
        ("c,x\n#ff0000,1\n#00ff00,2\n# a comment\n", ("c", "x"),
         {"c": ["#ff0000", "#00ff00"], "x": [1, 2]}),
        ('w,x\n"a\n# b",1\nc,2\n', ("w", "x"), {"w": ["a\n# b", "c"], "x": [1, 2]}),
        ("x;w\n1;a,b\n2;c,d\n", ("x", "w"), {"x": [1, 2], "w": ["a,b", "c,d"]}),
        ("x,w\n1,a;b\n2,c;d\n", ("x", "w"), {"x": [1, 2], "w": ["a;b", "c;d"]}),
        ("first name,x\njohn smith,1\nmary jane,2\n", ("first name", "x"),
         {"first name": ["john smith", "mary jane"], "x": [1, 2]}),
        ("\tx\na\t1\nb\t2\n", ("", "x"), {"column 1": ["a", "b"], "x": [1, 2]}),
        ("x\n1\n2\n", ("x",), {"x": [1, 2]}),
        ("#v,w\na,b\nc,b\n", ("v", "w"), {"v": ["a", "c"], "w": ["b", "b"]}),
        ("# by Ann, Bob\nv,w\na,b\nc,b\n", ("v", "w"), {"v": ["a", "c"], "w": ["b", "b"]}),
        ("x,y\n1,TRUE\n2,FALSE\n", ("x", "y"), {"x": [1, 2], "y": [1, 0]}),
    ],
)  # fmt: skip
def test_names_and_values_are_those_of_the_file(tmp_path, content, heads, columns):
    table = read_text(tmp_path, content)
    assert table.heads == heads
    assert columns_of(table) == columns


def test_a_file_without_a_head_has_numbered_columns(tmp_path):
    for content in ("5,1,a\n4,3,b\n", "# note\n5 1 a\n4 3 b\n", "5,1,a,\n4,3,b,\n"):
        table = read_text(tmp_path, content, ".data", has_head=False)
        assert columns_of(table) == {"1": [5, 4], "2": [1, 3], "3": ["a", "b"]}
        assert table.line_of(1) == 2 + content.startswith("#")


def test_a_separator_that_is_set_is_used(tmp_path):
    table = read_text(tmp_path, "x y:z\n1 2:3\n", sep=":")
    assert columns_of(table) == {"x y": ["1 2"], "z": [3]}
    assert columns_of(read_text(tmp_path, "x,y z\n1,5 2\n", sep=" ")) == {"x,y": [1.5], "z": [2]}


@pytest.mark.parametrize(
    ("head", "is_noted"),
    [
        ("5.1,3.5,1.4,0.2,setosa", True),
        ("150,4,setosa,versicolor,virginica", True),
        ("5,0,0,0", True),
        ("x,2019,2020", False),
        ("x,2020", False),
        ("0,1,2,label", False),
        ("1,2", False),
        ("x,400.5,401,402.5", False),
        ("x,y", False),
    ],
)
def test_a_head_that_looks_like_values_is_noted(tmp_path, head, is_noted):
    table = read_text(tmp_path, f"{head}\n" + "1" + ",2" * head.count(",") + "\n")
    assert table.heads == tuple(head.split(","))
    assert ["head=none" in note for note in table.notes] == [True] * is_noted


# ------------------------------------------------------------------------------ numbers


@pytest.mark.parametrize("mark", [".", ","])
def test_numbers_are_those_that_python_reads(tmp_path, mark):
    rng = random.Random(1)
    texts = [repr(rng.uniform(-1, 1) * 10.0 ** rng.randrange(-300, 300)) for _ in range(2000)]
    texts += [f"{rng.gauss(0, 100):.{rng.randrange(1, 22)}f}" for _ in range(2000)]
    texts += ["5e-324", "2.4e-324", "1.7976931348623157e308", "-0.0", "9007199254740993.0", "+.5"]
    content = "x;w\n" + "".join(f"{text.replace('.', mark)};a\n" for text in texts)
    numbers = read_text(tmp_path, content).column("x").numbers
    assert numbers.tobytes() == np.array(list(map(float, texts))).tobytes()


@pytest.mark.parametrize("content", ["x,y\n{},1\n", "x;y\n{};1,5\n", "x y\n{} 1\n"])
def test_words_are_read_as_they_are_written(tmp_path, content):
    for word in ("007", "1750000000000000001", "1.50", "99999999999999999999"):
        table = read_text(tmp_path, content.format(word), as_words={"x"})
        assert table.frame[0].tolist() == [word]


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["1.234,5", "2,5", "1.234"], [1234.5, 2.5, 1234]),
        (["1,234.5", "2,345", "7"], [1234.5, 2345, 7]),
        (["1,234,567", "5"], [1234567, 5]),
        (["1 234.5", "2\N{NARROW NO-BREAK SPACE}345", "7"], [1234.5, 2345, 7]),
        (["1 234,5", "-2 345 678"], [1234.5, -2345678]),
        (["1'234.5", "1'234'567"], [1234.5, 1234567]),
        (["0,125", "1,234"], [0.125, 1.234]),
        (["1,5e3", "NA", "-,5"], [1500, None, -0.5]),
        (["5.5", "\N{MINUS SIGN}1"], [5.5, -1]),
    ],
)
@pytest.mark.parametrize("sep", [",", ";"])
def test_marks_of_other_countries_are_understood(tmp_path, texts, numbers, sep):
    content = f"x{sep}w\n" + "".join(f'"{text}"{sep}a\n' for text in texts)
    assert columns_of(read_text(tmp_path, content))["x"] == numbers


@pytest.mark.parametrize(
    ("other", "numbers"), [("1.5", [1234, 2345]), ('"0,5"', [1.234, 2.345]), ("a", None)]
)
def test_other_columns_decide_what_a_comma_means(tmp_path, other, numbers):
    table = read_text(tmp_path, f'x,y\n"1,234",{other}\n"2,345",{other}\n')
    column = table.column("x")
    if numbers is None:
        assert "1.234 or 1234" in column.kind
    else:
        assert column.numbers.tolist() == numbers


def test_points_beside_decimal_commas_may_be_either(tmp_path):
    table = read_text(tmp_path, "x;y\n1.234;0,5\n2.345;1,5\n")
    assert "1234 or 1.234" in table.column("x").kind
    assert table.column("y").numbers.tolist() == [0.5, 1.5]


def test_a_word_among_decimal_commas_is_found(tmp_path):
    table = read_text(tmp_path, "x;y\n1,5;a\n2,5;a\nn.d.;b\n")
    assert table.column("x").stray_word == (2, "n.d.")


@pytest.mark.parametrize("word", ["1_000", "0x10", "٣", "1,5x", "12 %", "2020-01-01", "1 2"])
def test_what_is_not_a_number_stays_text(tmp_path, word):
    table = read_text(tmp_path, f'x,y\n1,a\n2,a\n3,a\n"{word}",a\n')
    assert table.column("x").stray_word == (3, word)


def test_missing_values_are_the_set_of_pandas_and_what_is_added(tmp_path):
    for mark in sorted(reading.MISSING):
        table = read_text(tmp_path, f"x,w,y\n{mark},{mark},{mark}\n1,a,p\n", as_words={"y"})
        assert columns_of(table) == {"x": [None, 1], "w": [None, "a"], "y": [None, "p"]}
    table = read_text(tmp_path, "x,y\n-999,a\n-999.0,.\n2,b\n", missing={"-999", "."})
    assert columns_of(table) == {"x": [None, None, 2], "y": ["a", None, "b"]}


# ----------------------------------------------------------------------------- encodings


def test_text_that_is_not_utf8_is_read_as_cp1252_and_noted(tmp_path):
    content = "x,espèce\n1,sétosa\n2,œ€\n".encode("cp1252")
    table = read_text(tmp_path, content)
    assert columns_of(table) == {"x": [1, 2], "espèce": ["sétosa", "œ€"]}
    (note,) = table.notes
    assert "line 1 " in note and "cp1252" in note


@pytest.mark.parametrize("position", [0, 1, 2, 3, 4])
def test_characters_stay_whole_where_a_text_is_checked_in_pieces(tmp_path, monkeypatch, position):
    monkeypatch.setattr(text, "SAMPLE_BYTES", 8)
    content = "x," + "y" * position + "é€😀é€😀\n1,2\n"
    assert read_text(tmp_path, content).notes == ()
    table = read_text(tmp_path, content.encode() + b"3,\xe9\n")
    assert "line 3 " in table.notes[0]


# -------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "the file is empty"),
        ("\n\n", "no line of column names"),
        ("# a\n# b\n", "no line of column names"),
        ("x,y\n", "no rows"),
        ("x,y\n,\n", "no rows"),
        ("x,y\n1,2\n3\n", "line 3 has 1 value,"),
        ("x,y\n1,2\n\n3,4,5\n", "line 4 has 3 values"),
        ("x,y\n1,2,3\n", "line 2 has 3 values"),
        ("x,y,z\n1,2\n3,4\n5,6\n", "line 1 has 3 names, but most rows have 2 values"),
        ("# a\nx,y\n1.5,2,3\n1.5,5,6\n", "line 2 has 2 names, but most rows have 3 values"),
        ("x,y\n1,2\n3,4\n5,6,7\n8,9,0\n", "line 4 has 3 values"),
        ('x,y\n1,"a\nb"\n3\n', "line 4 has 1 value,"),
        ("x y\n1 2\n3\n", "line 3 has 1 value,"),
        ('x,y\n1,2\n3,"4\n5,6\n', "line 3: a quote"),
        (b"x,y\n1,\x81\xe9\n", "line 2 is neither in UTF-8 nor in cp1252"),
        ("x,y\n1,2\n".encode("utf-16")[:-1], "damaged UTF-16"),
        ("x,y\n1,2\n".encode("utf-16-be"), "line 1 has a null character"),
        ("x,y\n1,2\n".encode("utf-16-le"), "UTF-16 without a byte order mark"),
        (b"x,y\r1,2\r3,\x00\r", "line 3 has a null character"),
        (b"PK\x03\x04....", "a zip archive"),
        (",".join(f"c{i}" for i in range(10_001)) + "\n", "10,001 columns"),
        ("x,y\n" + "1," * 10_000 + "1\n", "10,001 columns"),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path, content, problem):
    with pytest.raises(TableFileError) as error:
        read_text(tmp_path, content)
    assert problem in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("gap", ["", "\n", "# note\n", "  \n"])
def test_a_row_knows_its_line(tmp_path, end, gap):
    content = f'x,w\n1,a\n{gap}2,"b\nb"\n3,c'.replace("\n", end)
    table = read_text(tmp_path, content)
    n = gap.count("\n")
    assert [table.line_of(row) for row in range(3)] == [2, 3 + n, 5 + n]


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("sep", [",", " "])
def test_a_table_of_too_many_cells_is_refused_before_it_is_split(tmp_path, monkeypatch, sep, quote):
    for module in (reading, text_frame):
        monkeypatch.setattr(module, "MAX_TABLE_CELLS", 7)
    monkeypatch.setattr(text_frame, "_parse", None)
    row = f"{quote}1{quote}{sep}2\n"
    with pytest.raises(TableFileError, match="more than 7 cells"):
        read_text(tmp_path, f"x{sep}y\n" + row * 4)
    monkeypatch.undo()
    for module in (reading, text_frame):
        monkeypatch.setattr(module, "MAX_TABLE_CELLS", 7)
    blank = "\n" * 30 + "# a longer note\n" * 30
    assert read_text(tmp_path, f"x{sep}y\n{row}{blank}{row}{row}").n_rows == 3


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_comments_are_found_beside_quotes_that_are_not_closed_as_they_should(tmp_path, end):
    content = 'x,w\n1,"a"b\n# "é\n2,c"\n# 3, 4, 5\n\n3,"d"\n# end\n\n'.replace("\n", end)
    table = read_text(tmp_path, content)
    assert columns_of(table) == {"x": [1, 2, 3], "w": ["ab", 'c"', "d"]}
    assert [table.line_of(row) for row in range(3)] == [2, 4, 7]


def test_long_rows_and_many_comments_are_refused(tmp_path, monkeypatch):
    for module in (text, text_rows):
        monkeypatch.setattr(module, "MAX_ROW_CHARS", 20_000)
        monkeypatch.setattr(module, "MAX_COMMENTS", 10)
    monkeypatch.setattr(text, "SAMPLE_BYTES", 100)
    for content, problem in (
        ("x" * 20_001 + "\n1\n", "line 1: a row of more than 20,000 characters"),
        ('x,y\n1,2\n3,"' + "\n" * 20_001, "line 3: a row of more than 20,000 characters"),
        ("# a\n" * 11 + "x,y\n1,2\n", "more than 10 comment lines"),
        ("x,y\n" + "1,2\n# a\n" * 11, "more than 10 comment lines"),
        ("x,y\n" + '1,"2"\n# a\n' * 11, "more than 10 comment lines"),
    ):
        with pytest.raises(TableFileError, match=problem):
            read_text(tmp_path, content)


def test_free_text_that_is_not_used_is_no_limit(tmp_path):
    content = 'x,w\n1,"' + "a, b\n" * 50_000 + '"\n2,b\n'
    assert read_text(tmp_path, content).column("x").numbers.tolist() == [1, 2]


@pytest.mark.parametrize("content", ["x,y\n1,a\n", "x\n1,2", 'x\n"1'])
def test_the_limit_of_cells_is_that_of_the_process_afterwards(tmp_path, content):
    limit = csv.field_size_limit()
    try:
        read_text(tmp_path, content)
    except TableFileError:
        pass
    assert csv.field_size_limit() == limit != text_rows.MAX_ROW_CHARS


# ---------------------------------------------------------------------------- round trips

WORDS = ("a", "b c", "d,e", 'f"g', "h;i", "j|k", "é", "#l", "m\nn", "o'p", " q ", "1x")


def random_columns(rng, n_rows):
    columns = {}
    for i in range(rng.randrange(2, 6)):
        name = rng.choice(string.ascii_letters) + str(i)
        kind = rng.randrange(4)
        if kind == 0:
            columns[name] = [rng.randrange(-(10**9), 10**9) for _ in range(n_rows)]
        elif kind == 1:
            columns[name] = [rng.gauss(0, 10.0 ** rng.randrange(-5, 9)) for _ in range(n_rows)]
        elif kind == 2:
            columns[name] = [rng.choice((None, rng.uniform(-9, 9), 0.5)) for _ in range(n_rows)]
            columns[name][0] = columns[name][-1] = 0.25  # rows at the end are not empty
        else:
            columns[name] = [rng.choice(WORDS) for _ in range(n_rows)]
            columns[name][0] = "word"
    return columns


def expected(columns):
    """Return the columns as they are read: words without blanks around them."""
    return {
        name: [value.strip() if isinstance(value, str) else value for value in values]
        for name, values in columns.items()
    }


@pytest.mark.exhaustive
def test_what_pandas_writes_is_read_back(tmp_path):
    for seed in range(trials(25)):
        rng = random.Random(seed)
        columns = random_columns(rng, rng.choice((1, 2, 30)))
        sep, decimal = rng.choice(
            [(",", "."), (";", "."), (";", ","), ("\t", "."), ("\t", ","), ("|", ".")]
        )
        encoding = rng.choice(("utf-8", "utf-8-sig", "utf-16", "cp1252"))
        frame = pd.DataFrame({name: pd.Series(v, dtype=object) for name, v in columns.items()})
        frame = frame.infer_objects()
        content = frame.to_csv(
            index=False, sep=sep, decimal=decimal, lineterminator=rng.choice(("\n", "\r\n")),
            quoting=rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC)),
        ).encode(encoding)  # fmt: skip
        table = read_text(tmp_path, content)
        assert columns_of(table) == expected(columns), (seed, content[:300])


@pytest.mark.exhaustive
def test_what_the_csv_module_writes_is_read_back_with_its_lines(tmp_path):
    for seed in range(trials(25)):
        rng = random.Random(seed)
        columns = random_columns(rng, rng.choice((1, 3, 30)))
        stream = io.StringIO()
        writer = csv.writer(
            stream, delimiter=rng.choice(",;\t|"), lineterminator=rng.choice(("\n", "\r\n"))
        )
        writer.writerow(columns)
        rows = list(zip(*columns.values(), strict=True))
        lines = []
        for row in rows:
            if rng.random() < 0.1:
                stream.write(rng.choice(("\n", "# note\n")))
            lines.append(
                1 + text_rows.count_lines(content := stream.getvalue().encode(), 0, len(content))
            )
            writer.writerow(["" if value is None else value for value in row])
        table = read_text(tmp_path, stream.getvalue())
        assert columns_of(table) == expected(columns), (seed, stream.getvalue()[:300])
        assert [table.line_of(row) for row in range(len(rows))] == lines


def test_what_savetxt_and_r_write_is_read_back(tmp_path):
    rows = np.array([[1.5, 2], [math.pi, -4]])
    for delimiter in (" ", ",", "\t"):
        stream = io.StringIO()
        header = f"two lines\na{delimiter}b"
        np.savetxt(stream, rows, fmt="%.17g", delimiter=delimiter, header=header)
        table = read_text(tmp_path, stream.getvalue(), ".txt")
        assert columns_of(table) == {"a": rows[:, 0].tolist(), "b": rows[:, 1].tolist()}
        assert table.line_of(0) == 3


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_title_above_the_head_is_named_with_its_line(tmp_path, mark):
    rows = [["Export", "", ""], ["a", "b", "y"], ["1", "2", "u"], ["2", "1", "v"]]
    text = "".join(mark.join(row) + "\n" for row in rows)
    with pytest.raises(TableFileError, match=r"line 1 has 1 name, but the next row has 3 values"):
        read_text(tmp_path, text)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"PAR1\x15\0", ".parquet"),
        (b"PK\3\4" + bytes(22) + b"\x10\0\0\0docProps/app.xml", ".xlsx"),
        (b"<!DOCTYPE html>\n<p>a,b</p>", "HTML"),
        (b'{"a": 1, "b": 2}\n{"a": 3, "b": 4}\n', "JSON"),
    ],
)
def test_a_file_of_another_format_is_named(tmp_path, content, problem):
    with pytest.raises(TableFileError, match=problem):
        read_text(tmp_path, content)


def test_a_column_may_be_called_like_a_comment(tmp_path):
    assert read_text(tmp_path, "#,x,y\n1,0.5,a\n2,0.7,a\n").heads == ("#", "x", "y")
    assert read_text(tmp_path, "a,b,c,d,e,f,7,y\n1,2,3,4,5,6,7,a\n").notes == ()
