"""Arrays and data frames in memory as tables."""

import enum
import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.sparse import coo_array, csr_matrix

from blobtransfer.api.tables import data_of, table
from blobtransfer.data.tables import memory
from blobtransfer.data.tables.resolve import resolve_data_specs
from blobtransfer.data.tables.rows import rows_of
from blobtransfer.errors import SettingError, TableFileError
from blobtransfer.specs.table import TableRequest, TableSpec

RNG = np.random.default_rng(3)
X = RNG.normal(size=(60, 3))
Y = (X.sum(axis=1) > 0).astype(int)
WORDS = np.array(["no", "yes"])[Y]
FRAME = pd.DataFrame(X, columns=["a", "b", "c"]).assign(out=WORDS)


class OtherFrame:
    """A data frame as Polars has it: columns by name, each of which NumPy reads."""

    columns = FRAME.columns.tolist()

    def __getitem__(self, name: str) -> Any:
        return FRAME[name].to_numpy(object)


Color = enum.Enum("Color", "BLUE RED")


def spec_of(data: Any, label: Any = None) -> TableSpec:
    (request,) = data_of([("target", data)], label)
    spec = resolve_data_specs({"target": request}, 1)["target"]
    assert isinstance(spec, TableSpec)
    return spec


@pytest.mark.parametrize(
    ("labels", "class_names"),
    [
        (Y, ("0", "1")),
        (Y.tolist(), ("0", "1")),
        (Y[:, None], ("0", "1")),
        (Y.astype(float), ("0", "1")),
        (np.eye(2)[Y], ("0", "1")),
        (Y == 1, ("False", "True")),
        (WORDS, ("no", "yes")),
        (WORDS.astype("S"), ("no", "yes")),
        (WORDS.astype("S").astype(object), ("no", "yes")),
        (pd.Categorical(WORDS, categories=["yes", "other", "no"]), ("no", "yes")),
        (pd.Series(WORDS, index=range(60, 0, -1)), ("no", "yes")),
        (pd.DataFrame({"out": WORDS}), ("no", "yes")),
        ([("site", int(k)) for k in Y], ("('site', 0)", "('site', 1)")),
        ([frozenset([int(k)]) for k in Y], ("frozenset({0})", "frozenset({1})")),
        ([Color.RED if k else Color.BLUE for k in Y], ("Color.BLUE", "Color.RED")),
        (["one" if k else 1 for k in Y], ("1", "one")),
    ],
)
def test_labels_are_hashable_values_of_any_type(labels, class_names):
    spec = spec_of((X, labels))
    assert spec.class_names == class_names
    assert rows_of(spec).y.tolist() == Y.tolist()


@pytest.mark.parametrize(
    ("features", "names"),
    [
        (X, ("X_1", "X_2", "X_3")),
        (X.tolist(), ("X_1", "X_2", "X_3")),
        (X.astype("f2"), ("X_1", "X_2", "X_3")),
        (X.astype(np.longdouble), ("X_1", "X_2", "X_3")),
        (X.astype(object), ("X_1", "X_2", "X_3")),
        (X.astype(str), ("X_1", "X_2", "X_3")),
        (X.astype("S"), ("X_1", "X_2", "X_3")),
        (np.ma.masked_array(X), ("X_1", "X_2", "X_3")),
        (X[:, :2].reshape(60, 2, 1), ("X_1", "X_2")),
        (FRAME[["c", "a"]], ("c", "a")),
        (pa.table({"b": X[:, 0]}), ("b",)),
        (pd.DataFrame(X), ("0", "1", "2")),
    ],
)
def test_features_keep_their_names_or_are_numbered(features, names):
    spec = spec_of((features, Y))
    assert spec.feature_names == names
    assert rows_of(spec).x.shape == (60, len(names))


@pytest.mark.parametrize(
    ("data", "label"),
    [
        (FRAME, "out"),
        (FRAME.astype({"out": "category"}), "out"),
        (FRAME.set_axis(range(4), axis=1), 3),
        (FRAME.set_axis(pd.MultiIndex.from_product([["p"], FRAME.columns]), axis=1), ("p", "out")),
        (FRAME.set_index(FRAME.index[::-1].astype(str)), "out"),
        (FRAME.to_dict("list"), "out"),
        (FRAME.to_dict("records"), "out"),
        (FRAME.to_records(index=False), "out"),
        (pa.Table.from_pandas(FRAME), "out"),
        (OtherFrame(), "out"),
    ],
)
def test_frames_of_many_kinds_are_the_same_table(data, label):
    spec = spec_of(data, label)
    assert spec.class_names == ("no", "yes")
    np.testing.assert_array_equal(rows_of(spec).x, X)


WRONG: list[tuple[str, Callable[[], Any], str]] = [
    ("one dimension", lambda: (X[:, 0], Y), "reshape(-1, 1)"),
    ("no array", lambda: (None, Y), "NoneType"),
    ("ragged", lambda: ([[1.0], [1.0, 2.0]], [0, 1]), "cannot be read"),
    ("lengths", lambda: (X, Y[:5]), "60 rows, but y has 5"),
    ("no rows", lambda: (X[:0], Y[:0]), "no rows"),
    ("no features", lambda: (X[:, :0], Y), "no column"),
    ("sparse", lambda: (csr_matrix(X), Y), "toarray()"),
    ("sparse array", lambda: (coo_array(X), Y), "toarray()"),
    ("sparse labels", lambda: (X, csr_matrix(Y)), "toarray()"),
    (
        "sparse frame",
        lambda: (pd.DataFrame.sparse.from_spmatrix(csr_matrix(X)), Y),
        "column 0 is sparse",
    ),
    ("NaN", lambda: (np.where(X > 2, np.nan, X), Y), "missing=mean"),
    ("masked", lambda: (np.ma.masked_array(X, X > 1), Y), "missing=mean"),
    ("infinite", lambda: (np.where(X == X[7, 1], np.inf, X), Y), "row 7"),
    ("complex", lambda: (X + 1j, Y), "complex numbers"),
    ("dates", lambda: (X.astype("M8[s]"), Y), "dates"),
    ("y among X", lambda: (FRAME.rename(columns={"a": "y"}), Y), "leave it out of X"),
    ("three arrays", lambda: (X, Y, Y), "3 arrays"),
    ("two-dimensional labels", lambda: (X, X), "one class per row"),
    ("regression", lambda: (X, X[:, 0]), "regression"),
    ("NaN label", lambda: (X, np.where(Y, np.nan, 1.0)), "missing"),
    ("labels of one text", lambda: (X, [1 if k else "1" for k in Y]), "same text"),
    ("labels with blanks", lambda: (X, ["a" if k else "a " for k in Y]), "same text"),
    ("number", lambda: 5, "not a table"),
    ("bytes", lambda: b"rows.csv", "not a table"),
    ("frame without label", lambda: FRAME, "label=COLUMN"),
]


@pytest.mark.parametrize(("data", "words"), [case[1:] for case in WRONG], ids=lambda _: "")
def test_data_that_cannot_be_used_is_rejected_in_one_line(data, words):
    with pytest.raises(TableFileError) as error:
        spec_of(data())
    assert words in str(error.value)
    assert str(error.value).startswith("target: ")
    assert str(error.value).isprintable()


def test_what_arrays_are_turned_into_is_reported():
    (request,) = data_of([("target", (X.reshape(60, 3, 1), np.eye(2)[Y]))], None)
    assert len(request.content.notes) == 2


def test_the_keys_of_a_table_are_keywords():
    frame = FRAME.assign(site=np.arange(60) % 3, kind="k")
    request = table(
        frame, "out", where={"site": 2.0}, drop=["kind", "b"], classes=["yes", "no"], train=0.8,
        scale="none", missing=["drop", -999], name="site two",
    )  # fmt: skip
    spec = spec_of(request)
    assert (spec.name, spec.where, spec.n_rows) == ("site two", ("site", "2.0"), 20)
    assert (spec.n_train, spec.scale, spec.missing) == (16, "none", "drop")
    assert spec.feature_names == ("a", "c")
    assert spec.missing_values == ("-999",)
    fold = np.where(np.arange(60) < 45, "train", "test")
    assert spec_of(table(FRAME.assign(fold=fold), "out", split="fold")).n_train == 45


@pytest.mark.parametrize(
    "values",
    [
        {"scale": "owm"}, {"train": 2.0}, {"missing": "median"}, {"where": ("a",)},
        {"where": {"a": 1, "b": 2}}, {"group": "out"}, {"split": "a", "train": 3}, {"name": "a\nb"},
    ],
)  # fmt: skip
def test_impossible_keywords_of_a_table_are_rejected(values):
    with pytest.raises(SettingError) as error:
        table(FRAME, "out", **values)
    assert str(error.value).isprintable()


def test_a_label_that_no_table_takes_is_rejected():
    for data in ("blobs:seed=1", "iris", (X, Y)):
        with pytest.raises(SettingError) as error:
            data_of([("target", data)], "out")
        assert error.value.setting == "label"
    (request,) = data_of([("target", "rows.csv")], "out")
    assert request == TableRequest("rows.csv", is_file=True, label="out")


def test_tables_of_the_same_content_are_one_and_leave_memory_with_their_requests():
    first, second = table(FRAME, "out"), table(FRAME.copy(), "out", name="copy")
    assert first.sha256 == second.sha256
    assert first.content is second.content
    assert table(FRAME.assign(a=0.5 * FRAME.a), "out").sha256 != first.sha256
    spec = spec_of(first)
    rows_of.cache_clear()
    assert len(rows_of(spec).y) == 60
    rows_of.cache_clear()
    memory._read_cached.cache_clear()
    del first, second
    gc.collect()
    with pytest.raises(TableFileError, match="another process"):
        rows_of(spec)


def test_later_changes_of_the_caller_do_not_change_the_table():
    x, frame = X.copy(), FRAME.copy()
    specs = [table((x, Y)), table(frame, "out")]
    x[:] = 0.0
    frame.loc[:, "a"] = 0.0
    for request in specs:
        np.testing.assert_array_equal(rows_of(spec_of(request)).x, X)
