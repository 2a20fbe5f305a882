"""What is asked of tables -> problems with everything resolved, or one line."""

import tracemalloc
from dataclasses import replace

import pytest
from helpers.tables import write_rows

from blobtransfer.data.tables import reading, request
from blobtransfer.data.tables.resolve import resolve_data_specs
from blobtransfer.data.tables.rows import preprocessing_of, rows_of, split_of
from blobtransfer.errors import SettingError, TableFileError
from blobtransfer.specs.data_text import parse_data_spec
from blobtransfer.specs.generated import MoonsSpec
from blobtransfer.specs.table import Column, Preprocessing, Scaler, TableRequest

SITE = ":label=outcome,drop=person,drop=fold,where=site:"


def resolved(preprocessing=None, **texts):
    asked = {role: parse_data_spec(role, text, 1) for role, text in texts.items()}
    return resolve_data_specs(asked, 0, preprocessing)


def refused(preprocessing=None, **texts):
    with pytest.raises((TableFileError, SettingError)) as error:
        resolved(preprocessing, **texts)
    assert "\n" not in str(error.value)
    return str(error.value)


def table_of(tmp_path, rows, name="a.csv"):
    return write_rows(tmp_path / name, rows)


def test_a_table_is_described_as_a_whole(sites):
    spec = resolved(target=f"{sites}{SITE}B")["target"]
    assert spec.name == f"{sites} where site is B"
    assert [one.name for one in spec.columns] == ["age", "bmi", "smoker"]
    assert spec.columns[2].levels == ("no", "yes")
    assert spec.feature_names == ("age", "bmi", "smoker=no", "smoker=yes")
    assert (spec.class_names, spec.n_features) == (("no", "yes"), 4)
    assert (spec.n_rows, spec.n_train, spec.n_test) == (40, 20, 20)
    assert spec.is_resplit and spec.scale == "own"


def test_the_words_of_both_tables_are_the_features_of_each(tmp_path):
    rows = [["w", "y"], *([one, k] for one in "ab" for k in "0101")]
    other = [["w", "y"], *([one, k] for one in "bc" for k in "0101")]
    source, target = table_of(tmp_path, rows), table_of(tmp_path, other, "b.csv")
    found = resolved(source=f"{source}:label=y", target=f"{target}:label=y")
    assert found["source"].columns == found["target"].columns
    assert found["target"].columns == (Column("w", ("a", "b", "c")),)


def test_columns_are_matched_by_name_whatever_their_order(tmp_path):
    rows = [["a", "b", "y"], *([str(i), str(i + 10), "01"[i % 2]] for i in range(8))]
    other = [["y", "b", "a"], *(["01"[i % 2], str(i + 50), str(i + 90)] for i in range(8))]
    found = resolved(
        source=f"{table_of(tmp_path, rows)}:label=y",
        target=f"{table_of(tmp_path, other, 'b.csv')}:label=y",
    )
    assert [one.name for one in found["target"].columns] == ["a", "b"]
    assert rows_of(found["target"]).x[0].tolist() == [90.0, 50.0]


def test_columns_that_one_side_lacks_are_named(sites, tmp_path):
    line = refused(source=f"{sites}:label=outcome,drop=person,drop=fold", target=f"{sites}{SITE}B")
    assert "has no column site" in line
    assert "matched by name" in line


def test_classes_are_chosen_by_range_by_name_and_sorted_by_size():
    assert resolved(target="digits:classes=0-4")["target"].class_names == tuple("01234")
    assert resolved(target="digits:classes=7+0")["target"].class_names == ("0", "7")
    found = resolved(target="iris:classes=virginica+setosa")["target"]
    assert (found.class_names, found.n_rows) == (("setosa", "virginica"), 100)
    assert found.name == "iris virginica+setosa"


@pytest.mark.parametrize(
    ("classes", "problem"),
    [
        ("0-12", "there is no class 10"),
        ("4-0", "use a range such as 0-4"),
        ("3", "one class; name two or more"),
        ("0+0", "0 is there twice"),
        ("0+x", "there is no class x"),
        ("0+", "there is no class of no name"),
    ],
)
def test_classes_that_are_not_there_are_named(classes, problem):
    assert problem in refused(target=f"digits:classes={classes}")


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("label=outcom", "mean outcome?"),
        ("label=x", "there are person, site, age, bmi, smoker"),
        ("label=outcome,drop=agee", "mean age?"),
        ("label=outcome,where=place:A", "where=place: no such column"),
        ("label=outcome,where=site:C", "where=site:C: no row"),
        ("label=outcome,group=persons", "mean person?"),
        ("label=age", "is this regression?"),
        ("label=outcome,split=site,drop=person", "split=site: line 2 says A"),
        ("label=outcome,drop=person,train=80", "train=80: there are 80 rows"),
        ("label=outcome,drop=person,train=60,test=21", "train=60 test=21: there are 80 rows"),
        ("label=outcome,drop=person,test=80", "test=80: there are 80 rows"),
        ("label=outcome,drop=person,train=1", "train=1: fewer rows than the 2 classes"),
        ("label=outcome,group=site,drop=person", "group=site: 2 groups"),
        ("label=site,where=site:A", "label=site: one class, A"),
    ],
)
def test_what_a_table_has_not_is_one_line(sites, keys, problem):
    assert problem in refused(target=f"{sites}:{keys}")


def table_with(tmp_path, cells, y="01" * 8):
    rows = [["x", "y"], *([cell, label] for cell, label in zip(cells, y, strict=False))]
    return table_of(tmp_path, rows)


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        (["", *"123456789"], "column x: 1 of 10 rows empty"),
        (["oops", *"123456789"], "column x: 'oops' in line 2 "),
        (["=A1", *"123456789"], "column x: '=A1' in line 2 is a formula"),
        (["1,5", *"123456789"], "'1,5' in line 2 is not a number; write 1.5"),
        (["1,5", "2,5"] * 5, "column x: '1,5' has a comma; write 1.5"),
        (["1e400", *"123456789"], "column x: '1e400' in line 2 is not a number"),
        (["1e200", *"123456789"], "column x: 1e+200 in line 2 is too large"),
        ([f"w{i}" for i in range(60)], "column x: 60 different words"),
        (["a\nb", "c"] * 5, "line ends or signs"),
        (["=cmd()", "c"] * 5, "'=cmd()' in line 2 is a formula"),
        (["v" * 300, "c"] * 5, "300 letters"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_learnt_is_named_with_its_place(tmp_path, cells, problem):
    path = table_with(tmp_path, cells, "01" * 40)
    assert problem in refused(target=f"{path}:label=y")


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        (["a", "b", ""] * 5, "5 of 15 rows have no class"),
        (["a"] * 10, "label=y: one class, a"),
        (["a"] * 10 + ["b"] * 3, "class b: 3 rows"),
        ([f"{i / 7:.3f}" for i in range(40)], "is this regression?"),
        ([f"name{i}" for i in range(120)], "at most 100 classes"),
        (["a\x1b[31m", "b"] * 5, "signs"),
    ],
)
def test_a_column_that_holds_no_classes_is_refused(tmp_path, labels, problem):
    rows = [["x", "y"], *([str(i), label] for i, label in enumerate(labels))]
    assert problem in refused(target=f"{table_of(tmp_path, rows)}:label=y")


def test_rows_with_missing_values_go_where_that_is_asked(tmp_path):
    path = table_with(tmp_path, ["", *"123456789"])
    spec = resolved(target=f"{path}:label=y,missing=drop")["target"]
    assert spec.n_rows == 9


def test_one_table_twice_is_refused_and_its_parts_are_not(sites):
    both = f"{sites}:label=outcome,drop=person,drop=fold"
    assert "80 rows that may test" in refused(source=both, target=both)
    assert resolved(source=f"{sites}{SITE}A", target=f"{sites}{SITE}B")
    halves = f"{sites}:label=outcome,drop=person,split=fold"
    assert resolved(source=halves, target=halves)


def test_the_rows_of_one_table_are_known_in_another_file(sites, tmp_path):
    copy = tmp_path / "copy.csv"
    copy.write_text("\n".join(sites.read_text().split("\n")[:30]) + "\n")
    keys = ":label=outcome,drop=person,drop=fold"
    assert "29 rows that may test" in refused(source=f"{copy}{keys}", target=f"{sites}{keys}")


def test_rows_of_few_different_values_may_be_alike_by_chance(tmp_path):
    rows = [["a", "b", "y"], *([str(i % 2), str(i % 3), "01"[i % 2]] for i in range(24))]
    source, target = table_of(tmp_path, rows), table_of(tmp_path, rows[:20], "b.csv")
    assert resolved(source=f"{source}:label=y", target=f"{target}:label=y")


def test_the_target_is_seen_through_the_scaler_of_the_source(sites):
    found = resolved(source=f"{sites}{SITE}A", target=f"{sites}{SITE}B,scale=source")
    source = found["source"]
    train, _ = split_of(source, rows_of(source), 0, 0)
    assert found["target"].scaler.means[0] == pytest.approx(rows_of(source).x[train, 0].mean())


def test_there_has_to_be_a_scaler_of_the_source(sites):
    moons = {"source": "moons", "target": f"{sites}{SITE}B,scale=source"}
    assert "needs a source that is a table" in refused(**moons)
    none = {"source": f"{sites}{SITE}A,scale=none", "target": f"{sites}{SITE}B,scale=source"}
    assert "the source is not scaled" in refused(**none)


def test_a_saved_network_brings_its_columns_words_and_scaler(sites):
    source = resolved(source=f"{sites}{SITE}A")["source"]
    preprocessing = preprocessing_of(source, 0, 0)
    found = resolved(preprocessing, target=f"{sites}{SITE}B,scale=source")["target"]
    assert (found.columns, found.scaler) == (source.columns, preprocessing.scaler)
    line = refused(preprocessing, target=f"{sites}:label=outcome,drop=person,drop=fold")
    assert "the source network" in line and "has no column site" in line


def test_the_rows_that_trained_a_saved_network_do_not_test_it(sites):
    source = resolved(source=f"{sites}{SITE}A")["source"]
    preprocessing = preprocessing_of(source, 0, 0)
    assert len(preprocessing.trained_rows) == 20
    assert "20 rows that may test" in refused(preprocessing, target=f"{sites}{SITE}A")
    unknown = replace(preprocessing, trained_rows=())
    assert resolved(unknown, target=f"{sites}{SITE}A")


def test_a_network_that_learnt_inputs_as_they_are_has_no_scaler_to_lend(sites):
    columns = resolved(target=f"{sites}{SITE}B")["target"].columns
    preprocessing = Preprocessing("p", "outcome", columns, ("no", "yes"), None)
    assert "use scale=none" in refused(preprocessing, target=f"{sites}{SITE}B,scale=source")


def test_drawn_problems_are_settled_as_they_are():
    asked = {"source": MoonsSpec(1), "target": TableRequest("iris", False)}
    assert resolve_data_specs(asked, 0)["source"] == MoonsSpec(1)


def test_a_scaler_belongs_to_its_features(sites):
    spec = resolved(target=f"{sites}{SITE}B")["target"]
    with pytest.raises(SettingError, match="of other features"):
        replace(spec, scale="source", scaler=Scaler((0.0,), (1.0,)))
    with pytest.raises(SettingError, match="no scaler"):
        replace(spec, scale="source")


def test_two_columns_of_one_name_and_different_kinds_do_not_go_together(tmp_path):
    rows = [["x", "y"], *([str(i), "01"[i % 2]] for i in range(8))]
    words = [["x", "y"], *(["ab"[i % 2], "01"[i // 4]] for i in range(8))]
    line = refused(
        source=f"{table_of(tmp_path, rows)}:label=y",
        target=f"{table_of(tmp_path, words, 'b.csv')}:label=y",
    )
    assert "column x holds words" in line


def test_two_files_of_the_same_rows_are_known_though_each_row_stands_there_twice(tmp_path):
    rows = [[str(i // 2), str(i // 4), "01"[i // 2 % 2]] for i in range(40)]
    one = table_of(tmp_path, [["a", "b", "y"], *rows])
    other = table_of(tmp_path, [["a", "b", "y"], *rows[::-1]], "b.csv")
    assert "40 rows that may test" in refused(source=f"{one}:label=y", target=f"{other}:label=y")


def test_the_rows_of_a_group_do_not_train_the_source_and_test_the_target(sites):
    keys = ":label=outcome,drop=fold,group=person,where=site:"
    line = refused(source=f"{sites}{keys}A", target=f"{sites}{keys}B")
    assert "group=person: 40 groups" in line


@pytest.mark.parametrize(
    ("rows", "keys", "problem"),
    [
        ([[str(i), "", "01"[i % 2]] for i in range(12)], "label=y", "column b: no value at all"),
        ([[str(i), "", "01"[i % 2]] for i in range(12)], "label=y,missing=drop", "no row is left"),
        (
            [[str(i), f"{i % 3}" if i else "", "01"[i % 2]] for i in range(12)],
            "label=y,group=b",
            "group=b: 1 of 12 rows have no group",
        ),
        (
            [
                [str(i), "train" if i < 9 else "test", "01"[i % 2 if i < 9 else 0]]
                for i in range(14)
            ],
            "label=y,split=b",
            "class 1: 0 of its 4 rows test",
        ),
        ([["1,000", str(i), "01"[i % 2]] for i in range(12)], "label=y", "'1,000' has a comma"),
        (
            [["1,000" if i == 3 else str(i), "1", "01"[i % 2]] for i in range(12)],
            "label=y",
            "'1,000' in line 5",
        ),
    ],
)
def test_what_would_be_learnt_wrong_is_refused(tmp_path, rows, keys, problem):
    path = table_of(tmp_path, [["a", "b", "y"], *rows])
    assert problem in refused(target=f"{path}:{keys}")


def test_words_that_would_become_too_many_numbers_are_refused(tmp_path, monkeypatch):
    rows = [["w", "v", "y"], *([word, word, k] for word in "abc" for k in "0101")]
    path = table_of(tmp_path, rows)
    monkeypatch.setattr(request, "MAX_DATA_VALUES", 12 * 6)
    assert resolved(target=f"{path}:label=y")["target"].n_features == 6
    monkeypatch.setattr(request, "MAX_DATA_VALUES", 12 * 6 - 1)
    assert "12 rows of 6 features" in refused(target=f"{path}:label=y")
    assert resolved(target=f"{path}:label=y,drop=v")["target"].n_features == 3


def test_one_long_word_among_many_classes_takes_no_memory(tmp_path):
    names = ["a", "b", *(f"c{i}" for i in range(300)), "x" * 50_000]
    path = table_of(tmp_path, [["x", "y"], *([str(i), name] for i, name in enumerate(names * 4))])
    reading.read_table(str(path), frozenset("y"))  # is kept
    tracemalloc.start()
    try:
        resolved(target=f"{path}:label=y,classes=a+b")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 30_000_000  # an array of all these words as long as the longest takes 60 MB
