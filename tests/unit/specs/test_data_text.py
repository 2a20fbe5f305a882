"""How a user writes a problem."""

import pytest
from helpers.errors import raises_setting
from hypothesis import given
from hypothesis import strategies as st

from blobtransfer.errors import SettingError
from blobtransfer.specs.data_text import data_spec_text, parse_data_spec
from blobtransfer.specs.generated import (
    BlobsSpec,
    CirclesSpec,
    ClassificationSpec,
    MoonsSpec,
    QuantilesSpec,
)
from blobtransfer.specs.table import TableRequest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("blobs", BlobsSpec(7)),
        ("blobs:seed=1,std=3", BlobsSpec(1, cluster_std=3.0)),
        ("blobs:classes=4,features=3,samples=90,train=40,test=5",
         BlobsSpec(7, n_classes=4, n_features=3, n_samples=90, n_train=40, n_test=5)),
        ("moons:noise=0.3", MoonsSpec(7, noise=0.3)),
        ("moons:", MoonsSpec(7)),
        ("circles:factor=.8,noise=0", CirclesSpec(7, factor=0.8, noise=0.0)),
        ("classification:informative=4,redundant=2,clusters=2,sep=0.5,flip=0",
         ClassificationSpec(7, n_informative=4, n_redundant=2, n_clusters=2, separation=0.5,
                            flip=0.0)),
        ("quantiles:features=3,std=2", QuantilesSpec(7, n_features=3, std=2.0)),
    ],
)  # fmt: skip
def test_a_drawn_problem_is_read(text, expected):
    assert parse_data_spec("target", text, 7) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("iris", TableRequest("iris", False)),
        ("digits:classes=0-4", TableRequest("digits", False, classes="0-4")),
        ("wine:scale=none,train=100,test=20",
         TableRequest("wine", False, scale="none", train=100, test=20)),
        ("a.csv:label=y", TableRequest("a.csv", True, label="y")),
        ("C:x.csv:label=y", TableRequest("C:x.csv", True, label="y")),
        ("a:b.csv:label=y", TableRequest("a:b.csv", True, label="y")),
        ("dir/rows:label=y", TableRequest("dir/rows", True, label="y")),
        ("file:rows:label=y", TableRequest("rows", True, label="y")),
        ("file:iris:label=y", TableRequest("iris", True, label="y")),
        ("a.csv", TableRequest("a.csv", True)),
        ("a.csv:label=y,where=site:A", TableRequest("a.csv", True, "y", (("site", "A"),))),
        ("a.csv:label=y,where=t:12:30",
         TableRequest("a.csv", True, "y", (("t:12", "30"), ("t", "12:30")))),
        ("a.csv:label=y,where=s::A", TableRequest("a.csv", True, "y", (("s:", "A"), ("s", ":A")))),
        ('a.csv:label=y,where="s:":"a,b"', TableRequest("a.csv", True, "y", (("s:", "a,b"),))),
        ('a.csv:label=y,where="s:A"', TableRequest("a.csv", True, "y", (("s", "A"),))),
        ("a.csv:label=y,where=s:a=b", TableRequest("a.csv", True, "y", (("s", "a=b"),))),
        ('a.csv:label="y:drop=x"', TableRequest("a.csv", True, "y:drop=x")),
        ("a.csv:label=y,train=0.8,test=20%",
         TableRequest("a.csv", True, "y", train=0.8, test=0.2)),
        ("a.csv:label=y,missing=?,missing=mean,missing=-999",
         TableRequest("a.csv", True, "y", missing="mean", missing_values=("?", "-999"))),
        ('a.csv:label=y,missing="mean"',
         TableRequest("a.csv", True, "y", missing_values=("mean",))),
        ('a.csv:label=y,sep=;,head=none,name="Site A, 2024"',
         TableRequest("a.csv", True, "y", sep="semicolon", has_head=False, name="Site A, 2024")),
        ("a.csv:label=y,sep=tab", TableRequest("a.csv", True, "y", sep="tab")),
        ('a.csv:label=y,sep=","', TableRequest("a.csv", True, "y", sep="comma")),
        ("a.csv:label=y,sep=#", TableRequest("a.csv", True, "y", sep="#")),
        ('a.csv:label="a,b",drop="say ""no""",drop=c',
         TableRequest("a.csv", True, "a,b", drop=('say "no"', "c"))),
        ("a.csv:label=y,group=p,missing=mean,scale=source",
         TableRequest("a.csv", True, "y", group="p", missing="mean", scale="source")),
        ("a.csv:label=y,split=fold,missing=drop",
         TableRequest("a.csv", True, "y", split="fold", missing="drop")),
    ],
)  # fmt: skip
def test_a_table_is_asked_for(text, expected):
    assert parse_data_spec("target", text, 7) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("mons", "did you mean moons?"),
        ("digit:classes=0-4", "did you mean digits?"),
        ("", "no data is named"),
        ("moons:noize=1", "mean noise?"),
        ("moons:std=1", "unknown key std"),
        ("moons:noise", "noise is not of the form key=value"),
        ("moons:noise=", "noise= has no value"),
        ("moons:noise=1,,", "is not of the form key=value"),
        ("moons:noise=1,noise=2", "noise is repeated; give it once"),
        ("moons:noise=x", "noise=x: use a number"),
        ("moons:seed=1.5", "seed=1.5: use a whole number"),
        ("moons:seed=-1", "seed=-1: "),
        ("moons:train=1000", "train=1000: "),
        ("blobs:std=0", "std=0: "),
        ("a.csv:label=y,missing=meen", "did you mean mean?"),
        ("a.csv:label=y,missing=zero", "use one of mean, drop"),
        ("a.csv:label=y,missing=mean,missing=drop", "use one"),
        ("a.csv:label=y,train=1.0", "train=1.0: use a whole number of rows, or a share"),
        ("a.csv:label=y,train=80.5", "train=80.5: use a whole number of rows, or a share"),
        ("a.csv:label=y,train=100%", "train=100%: use a whole number of rows, or a share"),
        ("a.csv:label=y,test=-1", "test=-1: use 1 to"),
        ("a.csv:label=y,sep=ab", "sep=ab: use a character, or comma"),
        ("a.csv:label=y,sep=e", "sep=e: use a character, or comma"),
        ("a.csv:label=y,head=yes", "head=yes: use none"),
        ("a.csv:label=y,name=\x1b[31m", "printable"),
        ("a.csv:label=y,name=" + "x" * 300, "at most 200"),
        ("a.csv:label=y,where=:A", "where=:A: use where=COLUMN:VALUE"),
        ('a.csv:label=y,drop=""', "drop= has no value"),
        ("iris:name=x", "unknown key name"),
        ("a.csv:lable=y", "mean label?"),
        ("a.csv:label=y,where=site", "where=site: use where=COLUMN:VALUE"),
        ("a.csv:label=y,scale=sorce", "scale=sorce: did you mean source?"),
        ("a.csv:label=y,missing=refuse", "missing=refuse: use one of mean, drop, or"),
        ("a.csv:label=y,split=f,train=5", "leave train= out"),
        ("a.csv:label=y,split=f,group=g", "leave group= out"),
        ("a.csv:label=y,group=g,test=5", "leave test="),
        ("a.csv:label=y,drop=y", "column y is in label= and in drop="),
        ("a.csv:label=y,split=y", "label=y: another key already uses"),
        ("a.csv:label=y,train=0", "train=0: use 1 to 100,000,000"),
        ('a.csv:label="y', "is not of the form key=value"),
        ("file::label=y", "no file name"),
        ("iris:label=x", "unknown key label"),
        ("a.csv:label=y\0", "not a data specification"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_so_in_one_line(text, problem):
    with raises_setting("target", key=problem):
        parse_data_spec("target", text, 7)


@pytest.mark.parametrize(
    "spec",
    [BlobsSpec(3, cluster_std=2.5, n_test=9), MoonsSpec(1), CirclesSpec(2, factor=0.25),
     ClassificationSpec(4, n_train=300), QuantilesSpec(5, n_features=9)],
)  # fmt: skip
def test_a_drawn_problem_is_written_as_it_is_read(spec):
    assert parse_data_spec("task", data_spec_text(spec), 0) == spec


def test_quotes_take_no_time_to_read():
    for text in ('label="' + '""' * 4_990, "where=" + ":" * 9_000, "label=" + '"' * 9_000):
        try:
            parse_data_spec("target", f"a.csv:{text}", 1)
        except SettingError as error:
            assert error.problem


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        parse_data_spec("task", text, 1)
    except SettingError as error:
        assert error.problem


@given(st.text(alphabet='abc:=,".0-9/', max_size=30))
def test_any_text_of_the_signs_that_count_is_read_or_refused(rest):
    for head in ("moons:", "a.csv:label=y,", "digits:"):
        try:
            parse_data_spec("task", head + rest, 1)
        except SettingError as error:
            assert error.problem
