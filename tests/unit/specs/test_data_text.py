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
        ("a.csv:label=y,where=site:A", TableRequest("a.csv", True, "y", ("site", "A"))),
        ("a.csv:label=y,where=t:12:30", TableRequest("a.csv", True, "y", ("t", "12:30"))),
        ("a.csv:label=y,where=s:a=b", TableRequest("a.csv", True, "y", ("s", "a=b"))),
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
        ("", "nothing is no problem"),
        ("moons:noize=1", "mean noise?"),
        ("moons:std=1", "std is not known here"),
        ("moons:noise", "noise is not key=value"),
        ("moons:noise=", "noise= has no value"),
        ("moons:noise=1,,", "is not key=value"),
        ("moons:noise=1,noise=2", "noise is repeated; give it once"),
        ("moons:noise=x", "noise=x: use a number"),
        ("moons:seed=1.5", "seed=1.5: use a whole number"),
        ("moons:seed=-1", "seed=-1: "),
        ("moons:train=1000", "train=1000: "),
        ("blobs:std=0", "std=0.0: "),
        ("a.csv", "add :label=COLUMN"),
        ("a.csv:drop=b", "add label=COLUMN"),
        ("a.csv:lable=y", "mean label?"),
        ("a.csv:label=y,where=site", "where=site: write where=COLUMN:VALUE"),
        ("a.csv:label=y,scale=sorce", "scale=sorce: did you mean source?"),
        ("a.csv:label=y,missing=refuse", "missing=refuse: use one of mean, drop"),
        ("a.csv:label=y,split=f,train=5", "leave train= out"),
        ("a.csv:label=y,split=f,group=g", "leave group= out"),
        ("a.csv:label=y,group=g,test=5", "leave test="),
        ("a.csv:label=y,drop=y", "y is label= and drop= at once"),
        ("a.csv:label=y,split=y", "label=y: the column has another part"),
        ("a.csv:label=y,train=0", "train=0: use 1 to 100,000,000"),
        ('a.csv:label="y', "is not key=value"),
        ("file::label=y", "no file is named"),
        ("iris:label=x", "label is not known here"),
        ("a.csv:label=y\0", "no problem is described like that"),
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
