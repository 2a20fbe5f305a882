"""ARFF -> raw tables: numbers, listed words and text; dense, sparse and quoted rows."""

import random

import pytest
from helpers.tables import columns_of, read_text
from helpers.trials import trials

from blobtransfer.data.tables import arff, reading, text_frame
from blobtransfer.data.tables.resolve import resolve_data_specs
from blobtransfer.errors import TableFileError
from blobtransfer.specs.data_text import parse_data_spec
from blobtransfer.specs.table import Column

ARFF = """@relation r
@attribute x numeric
@attribute w {a, b}
@attribute y {no, yes}
@data
1,a,no
?,b,yes
3,?,no
"""

COLUMNS = {"x": [1, None, 3], "w": ["a", "b", None], "y": ["no", "yes", "no"]}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("numeric", "REAL"),
        ("{a, b}", "{  a , b }"),
        ("{a, b}", "string"),
        ("{a, b}", "date 'yyyy'"),
        ("1,a,no", " 1 ,\ta , 'no' "),
        ("1,a,no", "1,\"a\",'no'"),
        ("1,a,no", "{0 1, 1 a}"),
        ("1,a,no", "{0 1,1 'a' , 2 no}, {5}"),
        ("1,a,no", "1,a,no,{2.5}"),
        ("1,a,no", "% {\n1,a,no"),
        ("@data", "@DATA % rows"),
    ],
)
def test_what_an_attribute_declares_is_read_from_every_kind_of_row(tmp_path, end, old, new):
    table = read_text(tmp_path, ARFF.replace(old, new).replace("\n", end), ".arff")
    assert columns_of(table) == COLUMNS
    assert table.line_of(2) == 8 + new.count("\n")


def test_listed_numbers_are_words(tmp_path):
    table = read_text(
        tmp_path,
        ARFF.replace("{a, b}", "{1,2}").replace(",a,", ",1,").replace(",b,", ",2,"),
        ".arff",
    )
    assert columns_of(table)["w"] == ["1", "2", None]


def test_listed_numbers_can_be_features(tmp_path):
    head = "@relation r\n@attribute w {1,2}\n@attribute y {0,1}\n@data\n"
    (tmp_path / "a.arff").write_text(head + "1,0\n2,1\n" * 4)
    request = parse_data_spec("target", f"{tmp_path / 'a.arff'}:label=y", 1)
    spec = resolve_data_specs({"target": request}, 0)["target"]
    assert spec.columns == (Column("w", ("1", "2")),)


def test_a_sparse_row_has_zeros_and_first_words(tmp_path):
    text = ARFF.replace("numeric", "numeric\n@attribute s string") + "{}\n{0 -1, 3 yes}\n"
    text = text.replace("1,a,no", "1,t,a,no").replace("?,b", "?,t,b").replace("3,?", "3,t,?")
    columns = columns_of(read_text(tmp_path, text, ".arff"))
    assert [values[3:] for values in columns.values()] == [
        [0, -1], [None, None], ["a", "a"], ["no", "yes"]
    ]  # fmt: skip


@pytest.mark.parametrize("quote", ["'", '"'])
@pytest.mark.parametrize("delimiter", [",", " , ", "\t", "  "])
def test_words_are_quoted_and_separated_in_several_ways(tmp_path, quote, delimiter):
    text = """@RELATION 'my rows'
% a comment
@ATTRIBUTE "the x" Real
@attribute "w"{  'a b' , c} % of words
@attribute y {no,yes}
@DATA
% a comment, with a comma
 1.5|'a b'|no

-2e1|c|yes
"""
    table = read_text(tmp_path, text.replace("'", quote).replace("|", delimiter), ".arff")
    assert columns_of(table) == {"the x": [1.5, -20], "w": ["a b", "c"], "y": ["no", "yes"]}
    assert [table.line_of(row) for row in range(2)] == [8, 10]


def test_escapes_are_read(tmp_path):
    text = ARFF.replace("{a, b}", r"{'it\'s', b, 'c\\d'}").replace(",a,", r",'it\'s',")
    assert columns_of(read_text(tmp_path, text, ".arff"))["w"] == ["it's", "b", None]


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("1,a,no", "1,z,no", "words that its attribute does not list ('z' in line 6)"),
        ("?,b,yes", "{1 z}", "words that its attribute does not list ('z' in line 7)"),
        ("{a, b}", "relational\n@attribute q {1}\n@end w", "relations"),
    ],
)
def test_words_that_are_not_listed_and_relations_are_refused_only_if_they_are_used(
    tmp_path, old, new, kind
):
    table = read_text(tmp_path, ARFF.replace(old, new), ".arff")
    assert table.column("x").numbers is not None
    with pytest.raises(TableFileError) as error:
        table.column("w")
    assert f"column w has {kind[:4]}" in str(error.value)
    assert kind in str(error.value)


def test_text_that_is_mostly_numbers_is_text(tmp_path):
    text = (
        ARFF.replace("{a, b}", "string").replace(",a,", ",1,").replace("?,b", "?,1") + "4,C D,no\n"
    )
    assert columns_of(read_text(tmp_path, text, ".arff"))["w"] == ["1", "1", None, "C D"]


def test_a_word_among_numbers_is_found(tmp_path):
    text = ARFF.replace("3,?,no", "3?,a,no") + "5,a,no\n"
    assert read_text(tmp_path, text, ".arff").column("x").stray_word == (2, "3?")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (ARFF.replace("{a, b}", "colour"), "line 3: attribute w is of type colour"),
        (ARFF.replace("{a, b}", "{a, 'b}"), 'line 3: " \'b" cannot be read'),
        (ARFF.replace("@attribute w", "@atribute w"), "line 3: '@atribute w"),
        (ARFF.replace("@attribute w", "@attribute ''"), "line 3: "),
        (ARFF.replace("3,?,no", "3,a,no,9"), "line 8 has 4 values"),
        (ARFF.replace("3,?,no", "3,a"), "line 8 has 2 values"),
        (ARFF.replace("3,?,no", "3,'a,no"), "line 8: a quote"),
        (ARFF.replace("3,?,no", '3,"a",\'no'), 'line 8: "\'no" cannot be read'),
        (ARFF.replace("3,?,no", "3,\"a\",'no',"), "line 8 has 4 values"),
        (ARFF.replace("3,?,no", "{0 3, 3 no}"), "line 8: '{0 3, 3 no}' is not a sparse row"),
        (ARFF.replace("3,?,no", "{0 3, no}"), "line 8: "),
        (ARFF.replace("3,?,no", "{0 3"), "line 8: "),
        (ARFF.partition("1,a")[0], "no rows"),
        ("@data\n1,2\n", "no attributes are declared"),
        ("hello\n", "no @data line"),
        (ARFF.encode() + b"4,\x81,no\n", "line 9 is neither in UTF-8 nor in cp1252"),
    ],
)
def test_a_damaged_arff_is_one_line(tmp_path, text, problem):
    with pytest.raises(TableFileError) as error:
        read_text(tmp_path, text, ".arff")
    assert problem in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("row", ["1,a,no\n", "{2 yes}\n", "1,\"a\",'no'\n"])
def test_rows_are_counted_before_they_are_split(tmp_path, monkeypatch, row):
    for module in (reading, text_frame):
        monkeypatch.setattr(module, "MAX_TABLE_CELLS", 10)
    start = ARFF.partition("1,a")[0]
    assert read_text(tmp_path, start + row * 3 + "% more\n" * 9, ".arff").n_rows == 3
    monkeypatch.setattr(text_frame, "_parse", None)
    with pytest.raises(TableFileError, match="more than 10 cells"):
        read_text(tmp_path, start + row * 4, ".arff")


def test_lines_that_are_too_long_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(arff, "MAX_ROW_CHARS", 1000)
    for old, new in (("{a, b}", "{" + "a," * 600 + "b}"), ("3,?,no", "{" + "0 1," * 600)):
        with pytest.raises(TableFileError, match="more than 1,000 characters"):
            read_text(tmp_path, ARFF.replace(old, new), ".arff")


WORDS = ("a", "b c", "d,e", "it's", 'f"g', "h\\i", "{j}", "%k", "é", "?l")


@pytest.mark.exhaustive
def test_random_tables_are_read_back(tmp_path):
    for seed in range(trials(40)):
        rng = random.Random(seed)
        rows = [
            (rng.choice((None, 0, rng.gauss(0, 9))), rng.choice((None, *WORDS)), rng.choice("pq"))
            for _ in range(rng.randrange(1, 9))
        ]
        quote = rng.choice("'\"")

        def written(value, quote=quote):
            if value is None:
                return "?"
            if not isinstance(value, str) or value in "apq":
                return str(value)
            return quote + value.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote

        lines = ["@relation r", "@attribute x real"]
        lines += ["@attribute w {" + ", ".join(map(written, WORDS)) + "}", "@attribute y {p,q}"]
        lines.append("@data")
        for row in rows:
            if rng.random() < 0.3:
                defaults = (0, "a", "p")
                lines.append("{" + ", ".join(
                    f"{i} {written(value)}"
                    for i, value in enumerate(row)
                    if value != defaults[i] or rng.random() < 0.2
                ) + "}")  # fmt: skip
            else:
                lines.append(rng.choice((",", ", ")).join(map(written, row)))
        columns = columns_of(read_text(tmp_path, "\n".join(lines), ".arff"))
        assert [list(values) for values in zip(*rows, strict=True)] == list(columns.values()), lines
