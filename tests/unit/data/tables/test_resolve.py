"""What is asked of tables -> problems with everything resolved, or one line."""

import datetime
import tracemalloc
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from helpers.tables import write_rows

from blobtransfer.data.tables import reading, request
from blobtransfer.data.tables.reading import ReadOptions
from blobtransfer.data.tables.resolve import resolve_data_specs
from blobtransfer.data.tables.rows import preprocessing_of, row_hashes, rows_of, split_of
from blobtransfer.errors import SettingError, TableFileError
from blobtransfer.specs.data_text import parse_data_spec
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.generated import MoonsSpec
from blobtransfer.specs.identity import identity_of
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.table import Column, Preprocessing, Scaler, TableRequest
from blobtransfer.specs.variant import STANDALONE

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


def test_columns_that_one_side_lacks_are_named(sites):
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
        ("0-12", "class 10 does not exist"),
        ("4-0", "use a range such as 0-4"),
        ("3", "one class; name two or more"),
        ("0+0", "0 is repeated"),
        ("0+x", "class x does not exist"),
        ("0+", "class '' does not exist"),
    ],
)
def test_classes_that_are_not_there_are_named(classes, problem):
    assert problem in refused(target=f"digits:classes={classes}")


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("label=outcom", "mean outcome?"),
        ("label=x", "columns: person, site, age, bmi, smoker"),
        ("label=outcome,drop=agee", "mean age?"),
        ("label=outcome,where=place:A", "where=place: no such column"),
        ("label=outcome,where=site:C", "where=site:C: no such value"),
        ("label=outcome,group=persons", "mean person?"),
        ("label=age", "is this regression?"),
        ("label=outcome,split=site,drop=person", "split=site: line 2 has A"),
        ("label=outcome,drop=person,train=80", "train=80: there are 80 rows"),
        ("label=outcome,drop=person,train=60,test=21", "train=60 test=21: there are 80 rows"),
        ("label=outcome,drop=person,test=80", "test=80: there are 80 rows"),
        ("label=outcome,drop=person,train=1", "train=1: fewer rows than the 2 classes"),
        ("label=outcome,group=site,drop=person", "group=site: only 2 groups"),
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
        (["1,500", *"123456789"], "column x has numbers such as 1,500, which may mean 1.500 or"),
        (["1e400", *"123456789"], "column x: inf in line 2 is not"),
        (["1e200", *"123456789"], "column x: 1e+200 in line 2 is too large"),
        ([f"w{i}" for i in range(60)], "column x has 60 distinct values"),
        (["2026-01-31", "2026-02-01 10:30"] * 9 + ["soon"], "column x has dates; "),
        (["1.2.2026", "31.12.26"] * 5, "column x has dates; "),
        (["1/31/2026", "2/1/2026 9:15 PM"] * 5, "column x has dates; "),
        (["31-Jan-2026", "Feb 1, 2026"] * 5, "column x has dates; "),
        (["a\nb", "c"] * 5, "line breaks or invisible"),
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
        (["a"] * 10 + ["b"] * 3, "class b has 3 rows"),
        ([f"{i / 7:.3f}" for i in range(40)], "is this regression?"),
        ([f"name{i}" for i in range(120)], "100 classes"),
        (["a\x1b[31m", "b"] * 5, "invisible characters"),
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
    assert "80 rows of " in refused(source=both, target=both)
    assert resolved(source=f"{sites}{SITE}A", target=f"{sites}{SITE}B")
    halves = f"{sites}:label=outcome,drop=person,split=fold"
    assert resolved(source=halves, target=halves)


def test_the_rows_of_one_table_are_known_in_another_file(sites, tmp_path):
    copy = tmp_path / "copy.csv"
    copy.write_text("\n".join(sites.read_text().split("\n")[:30]) + "\n")
    keys = ":label=outcome,drop=person,drop=fold"
    assert "29 rows of " in refused(source=f"{copy}{keys}", target=f"{sites}{keys}")


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
    assert "20 rows of " in refused(preprocessing, target=f"{sites}{SITE}A")
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
    with pytest.raises(SettingError, match="belong together"):
        replace(spec, scale="source")


def test_two_columns_of_one_name_and_different_kinds_do_not_go_together(tmp_path):
    rows = [["x", "y"], *([str(i), "01"[i % 2]] for i in range(8))]
    words = [["x", "y"], *(["ab"[i % 2], "01"[i // 4]] for i in range(8))]
    line = refused(
        source=f"{table_of(tmp_path, rows)}:label=y",
        target=f"{table_of(tmp_path, words, 'b.csv')}:label=y",
    )
    assert "column x has words, such as 'a' in line 2" in line


def test_two_files_of_the_same_rows_are_known_though_each_row_stands_there_twice(tmp_path):
    rows = [[str(i // 2), str(i // 4), "01"[i // 2 % 2]] for i in range(40)]
    one = table_of(tmp_path, [["a", "b", "y"], *rows])
    other = table_of(tmp_path, [["a", "b", "y"], *rows[::-1]], "b.csv")
    assert "40 rows of " in refused(source=f"{one}:label=y", target=f"{other}:label=y")


def test_the_rows_of_a_group_do_not_train_the_source_and_test_the_target(sites):
    keys = ":label=outcome,drop=fold,group=person,where=site:"
    line = refused(source=f"{sites}{keys}A", target=f"{sites}{keys}B")
    assert "group=person: 40 groups" in line


@pytest.mark.parametrize(
    ("rows", "keys", "problem"),
    [
        ([[str(i), "", "01"[i % 2]] for i in range(12)], "label=y", "column b has no value at all"),
        (
            [[str(i), "", "01"[i % 2]] for i in range(12)],
            "label=y,missing=drop",
            "empty in 12 of 12",
        ),
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
        ([["1,000", str(i), "01"[i % 2]] for i in range(12)], "label=y", "1,000, which may mean"),
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
    path = table_of(tmp_path, [["x", "y"], *([f"{i}.5", name] for i, name in enumerate(names * 4))])
    reading.read_table(str(path), ReadOptions(frozenset("y")))  # is cached
    tracemalloc.start()
    try:
        resolved(target=f"{path}:label=y,classes=a+b")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 30_000_000  # an array of all these words as long as the longest takes 60 MB


RNG = np.random.default_rng(1)
X = RNG.normal(size=60).round(3)
Y = ["a", "b"] * 30


def frame_of(**columns):
    return pd.DataFrame({"x": X, **columns, "y": Y})


@pytest.mark.parametrize("index", [range(60), range(59, -1, -1), [f"row {i}" for i in range(60)]])
@pytest.mark.parametrize("head", ["", "Unnamed: 0", "...1"])
def test_an_index_without_a_name_is_left_out(frames, index, head):
    frame = pd.DataFrame({"i": list(index), "x": X, "y": Y})
    spec = resolved(target=f"{frames(frame, heads=(head, 'x', 'y'))}:label=y")["target"]
    assert [column.name for column in spec.columns] == ["x"]


@pytest.mark.parametrize("values", [RNG.permutation(60) * 2, [f"{i}.0" for i in range(60)]])
def test_a_named_column_that_numbers_the_rows_is_refused(frames, values):
    line = refused(target=f"{frames(frame_of(id=values))}:label=y")
    assert "column id numbers the rows, " in line and line.endswith("drop it with drop=id")
    for key in ("drop=id", "drop=2", "group=id"):
        found = resolved(target=f"a.parquet:label=y,{key}")["target"]
        assert [column.name for column in found.columns] == ["x"]


def test_numbers_of_the_rows_of_one_site_are_refused(frames):
    frame = frame_of(n=[*range(30), *range(30)], site=["A"] * 30 + ["B"] * 30)
    frames(frame)
    assert "column n numbers the rows" in refused(target="a.parquet:label=y,where=site:A")
    assert resolved(target="a.parquet:label=y,drop=site")


def test_all_columns_that_cannot_be_trained_on_are_refused_at_once_with_a_command(frames):
    frame = frame_of(
        t=pd.date_range("2024-01-01", periods=60),
        date=[datetime.date(2024, 1, 1)] * 60,
        items=[[1, 2]] * 60,
        raw=[b"z"] * 60,
        **{"name, first": [f"n{i}" for i in range(60)]},
        price=[Decimal("1.10"), Decimal("2.00")] * 30,
    )
    frame.insert(7, "u", X)
    heads = tuple("" if head == "u" else head for head in frame.columns)
    frames(frame, heads=heads)
    line = refused(target="a.parquet:label=y")
    drops = 'drop=t,drop=date,drop=items,drop=raw,drop="name, first",drop=8'
    assert line.endswith(drops)
    spec = resolved(target=f"a.parquet:label=y,{drops}")["target"]
    assert [column.name for column in spec.columns] == ["x", "price"]
    assert rows_of(spec).x[:2, 1].tolist() == [1.1, 2.0]
    assert resolved(target="a.parquet:label=y,drop=2-6,drop=8") == {"target": spec}
    assert "there are columns 1 to 9" in refused(target="a.parquet:label=y,drop=3-10")
    assert "has lists" in refused(target="a.parquet:label=items,drop=2-3,drop=5-8")


def test_two_columns_of_one_name_are_told_apart_by_number(frames):
    frames(frame_of(z=X * 2), heads=("0", "0", "y"), line_of=lambda row: row + 2)
    line = refused(target="a.parquet:label=y")
    assert "drop=2" in line and "head=none" in line
    found = resolved(target="a.parquet:label=y,drop=2")["target"]
    assert rows_of(found).x[:, 0].tolist() == X.tolist()
    assert "no column is left" in refused(target="a.parquet:label=y,drop=0")
    assert "head=none" in refused(target="a.parquet:label=setosa")
    frames(frame_of(z=X * 2), heads=("0", "0", "y"))
    assert "head=none" not in refused(target="a.parquet:label=setosa")
    assert "head= is for text" in refused(target="a.parquet:label=y,head=none")


def test_64_bit_numbers_of_groups_stay_apart(frames):
    ids = 1_750_000_000_000_000_000 + np.arange(60) // 3
    decimals = [Decimal(int(i)) for i in ids]
    for values in (ids, ids.astype(str), pd.array(ids, dtype="Int64"), decimals):
        frames(frame_of(patient=values))
        spec = resolved(target="a.parquet:label=y,group=patient")["target"]
        assert len(np.unique(rows_of(spec).groups)) == 20
    where = f"where=patient:{ids[0]}"
    assert "there are 3 rows" in refused(target=f"a.parquet:label=y,train=9,{where}")


TRUTHS = np.arange(60) % 2 == 0


@pytest.mark.parametrize(
    "spellings",
    [
        [TRUTHS * 1, TRUTHS * 1.0, (TRUTHS * 1).astype(str), (TRUTHS * 1.0).astype(str),
         [Decimal(int(k)) for k in TRUTHS], pd.Categorical(TRUTHS * 1)],
        [TRUTHS, TRUTHS.astype(str), [str(k).upper() for k in TRUTHS],
         [str(k).lower() for k in TRUTHS], pd.array(TRUTHS, dtype="boolean")],
    ],
)  # fmt: skip
def test_one_value_has_one_spelling_whatever_the_type(frames, spellings):
    resolved_specs = []
    for values in spellings:
        frames(pd.DataFrame({"x": X, "big": values, "y": values}))
        spec = resolved(target="a.parquet:label=y")["target"]
        resolved_specs.append((spec.class_names, spec.columns, rows_of(spec).x.tolist()))
    assert all(spec == resolved_specs[0] for spec in resolved_specs)


@pytest.mark.parametrize(
    ("values", "texts", "n_rows"),
    [
        ([0, 1, 1], ("1", "1.0", "1e0", "01"), (40, 40, 40, None)),
        (["007", "7", "x"], ("007", "7", "7.0"), (20, 20, None)),
        ([True, False, True], ("TRUE", "true", "1"), (40, 40, None)),
        (["a:b", "a", "c"], ("a:b", "a"), (20, 20)),
        (["\u00e9", "e\u0301", "c"], ("\u00e9", "e\u0301"), (40, 40)),
    ],
)  # fmt: skip
def test_where_takes_a_value_as_the_file_or_the_program_spells_it(frames, values, texts, n_rows):
    frames(pd.DataFrame({"x": X, "site": values * 20, "y": Y}))
    for text, n in zip(texts, n_rows, strict=True):
        if n is None:
            assert "no such value" in refused(target=f"a.parquet:label=y,where=site:{text}")
        else:
            assert resolved(target=f"a.parquet:label=y,where=site:{text}")["target"].n_rows == n


@pytest.mark.parametrize(
    ("keys", "where"),
    [
        ("where=school::B", ("school:", "B")),
        ('where="school:":B', ("school:", "B")),
        ('where="school":B', ("school", "B")),
        ("where=school:B", ("school", "B")),
    ],
)
def test_the_longest_column_that_fits_is_meant_by_where(frames, keys, where):
    columns = {"x": X, "school": ["B", "B", "C", "C"] * 15, "school:": ["B", "C"] * 30}
    frames(pd.DataFrame({**columns, "y": ["a", "a", "a", "b", "b", "b"] * 10}))
    spec = resolved(target=f"a.parquet:label=y,{keys}")["target"]
    assert spec.where == where
    assert where[0] not in [column.name for column in spec.columns]


def test_classes_are_chosen_in_any_spelling(frames):
    frames(pd.DataFrame({"x": X, "y": [0.0, 1.0, 2.0] * 20}))
    assert resolved(target="a.parquet:label=y,classes=0.0+2")["target"].class_names == ("0", "2")


@pytest.mark.parametrize(
    ("size", "n_train", "n_test"),
    [("train=0.8", 48, 12), ("train=80%", 48, 12), ("test=0.25", 45, 15),
     ("train=0.3,test=0.3", 18, 18), ("train=0.29,test=10", 17, 10)],
)  # fmt: skip
def test_a_share_of_the_rows_can_train_or_test(frames, size, n_train, n_test):
    spec = resolved(target=f"{frames(frame_of())}:label=y,{size}")["target"]
    assert (spec.n_train, spec.n_test) == (n_train, n_test)


def test_shares_that_are_more_than_all_rows_are_refused(frames):
    frames(frame_of())
    for size in ("train=0.8,test=0.3", "train=0.001", "test=99%,train=0.5"):
        assert "60 rows" in refused(target=f"a.parquet:label=y,{size}")


def test_a_name_is_given_and_changes_no_identity(frames):
    frames(frame_of())
    identities = set()
    for key, name in (("", "a.parquet"), (",name=Site A", "Site A")):
        spec = resolved(target=f"a.parquet:label=y{key}")["target"]
        assert spec.name == name
        network = MLPSpec(spec.n_features, (2,), spec.n_classes)
        identities.add(identity_of(ExperimentSpec(network, variants=(STANDALONE,), target=spec)))
    assert len(identities) == 1


def test_the_split_of_a_file_holds_unless_another_is_given(frames):
    fold = ["train", "train", "train", "train", "test", "test"] * 10
    frames(frame_of(split=fold), split="split")
    spec = resolved(target="a.parquet:label=y")["target"]
    assert (spec.split, spec.n_train, spec.is_resplit) == ("split", 40, False)
    frames(frame_of(split=fold, person=[i // 3 for i in range(60)]), split="split")
    for keys in ("train=10", "test=0.5", "group=person"):
        spec = resolved(target=f"a.parquet:label=y,{keys}")["target"]
        assert spec.split is None
        assert "split" not in [column.name for column in spec.columns]


def test_a_label_is_asked_for_with_the_columns_to_choose_from(frames):
    frames(frame_of())
    assert refused(target="a.parquet").endswith("add :label=COLUMN; columns: x, y")
    assert refused(target="a.parquet:train=9").endswith("add label=COLUMN; columns: x, y")


def test_words_that_stand_for_a_missing_value_can_be_added(frames):
    values = ["?", "-999", ".", *(f"{i}.5" for i in range(57))]
    frames(frame_of(z=values))
    line = refused(target="a.parquet:label=y")
    assert "column z" in line and "'?' in row 1" in line and "missing=?,missing=mean" in line
    line = refused(target="a.parquet:label=y,missing=mean,missing=?")
    assert "'.' in row 3" in line and line.count("missing=") == 1
    keys = "missing=?,missing=.,missing=-999,missing=drop"
    spec = resolved(target=f"a.parquet:label=y,{keys}")["target"]
    assert spec.n_rows == 57
    assert spec.missing_values == ("?", ".", "-999")


def test_rows_without_a_class_are_counted_where_one_class_is_left(frames):
    labels = np.array([*["NA"] * 30, *["crack"] * 30], object)
    line = refused(target=f"{frames(pd.DataFrame({'x': X, 'y': labels}))}:label=y")
    assert "one class, crack; 30 of 60 rows are NA, which is read as missing" in line


def sites_with(n_shared, n=60):
    """Return rows of two sites, of which the last ones of the first are at the second too."""
    a = pd.DataFrame({"x": X[:n], "z": X[::-1][:n], "y": Y[:n]})
    b = pd.DataFrame({"x": X[:n] + 9, "z": X[:n], "y": Y[:n]})
    b.iloc[:n_shared] = a.iloc[n - n_shared :].to_numpy()
    return a, b


BOTH = {"source": "a.parquet:label=y", "target": "b.parquet:label=y"}


@pytest.mark.parametrize("n_shared", [1, 2])
def test_single_rows_of_both_files_are_left_out_of_the_source(frames, n_shared):
    for name, frame in zip("ab", sites_with(n_shared), strict=True):
        frames(frame, f"{name}.parquet")
    found = resolved(**BOTH)
    assert found["source"].left_out == tuple(range(60 - n_shared, 60))
    assert (found["source"].n_rows, found["target"].n_rows) == (60 - n_shared, 60)
    assert found["source"].n_train + found["source"].n_test == 60 - n_shared
    assert not set(rows_of(found["source"]).indices) & set(found["source"].left_out)
    assert found["target"].left_out == ()


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("spelling", [{}, {"a": "0", "b": "1"}])
def test_more_shared_rows_are_refused_with_an_example(frames, spelling, precision):
    a, b = sites_with(3)
    frames(a.astype({"x": precision}), "a.parquet")
    frames(b.replace({"y": spelling}), "b.parquet")
    line = refused(**BOTH)
    assert "3 rows of " in line
    assert "row 58 of a.parquet = row 1 of b.parquet, row 59" in line


def test_shared_rows_are_found_though_an_identifier_differs(frames):
    for shift, (name, frame) in enumerate(zip("ab", sites_with(2), strict=True)):
        frames(
            frame.assign(id=np.arange(60) + np.arange(60) // 9 + 1000 * shift), f"{name}.parquet"
        )
    assert resolved(**BOTH)["source"].left_out == (58, 59)


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@pytest.mark.parametrize("spelling", [{}, {"a": "0", "b": "1"}])
def test_a_row_that_trained_a_saved_network_is_left_out_of_the_target(frames, spelling, precision):
    a, b = sites_with(1)
    frames(a, "a.parquet")
    frames(b.replace({"y": spelling}), "b.parquet")
    source = resolved(target="a.parquet:label=y")["target"]
    hashes = tuple(row_hashes(source, np.arange(60), precision=precision))
    preprocessing = replace(preprocessing_of(source, 0, 0), trained_rows=hashes)
    target = resolved(preprocessing, target="b.parquet:label=y")["target"]
    assert (target.left_out, target.n_rows) == ((0,), 59)


def test_a_saved_network_keeps_the_columns_that_it_was_trained_on(frames):
    frames(frame_of(id=range(60)))
    columns = (Column("id"), Column("x"))
    preprocessing = Preprocessing("p", "y", columns, ("a", "b"), None)
    assert resolved(preprocessing, target="a.parquet:label=y")["target"].columns == columns
