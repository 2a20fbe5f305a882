"""Calls with data and models in memory, and what they leave as it was."""

import gc
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas import ArrowDtype, Series
from pyarrow import int64, list_

from blobtransfer.api.functions import compare, grid, load, pairs, sweep, train_source, train_target
from blobtransfer.api.tables import table
from blobtransfer.data.tables import memory
from blobtransfer.engines.compiled import compilation
from blobtransfer.errors import SettingError, SourceFileError, TableFileError
from blobtransfer.results.results import StudyResults

RNG = np.random.default_rng(3)
X, X_SOURCE = RNG.normal(size=(2, 60, 2))
Y, Y_SOURCE = (X.sum(axis=1) > 0).astype(int), (X_SOURCE.sum(axis=1) > 0.5).astype(int)
FRAME = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "out": Y})
SOURCE_FRAME = pd.DataFrame({"a": X_SOURCE[:, 0], "b": X_SOURCE[:, 1], "out": Y_SOURCE})
FAST_SWEEP: Any = {"repeats": 2, "fixed": 0, "progress": False}
FAST: Any = {**FAST_SWEEP, "epochs": 1}


def test_arrays_and_frames_give_the_results_of_a_file(tmp_path):
    FRAME.to_csv(tmp_path / "target.csv", index=False)
    SOURCE_FRAME.to_csv(tmp_path / "source.csv", index=False)
    results = [
        compare((X_SOURCE, Y_SOURCE), (X, Y), **FAST),
        compare(SOURCE_FRAME, FRAME, label="out", **FAST),
        compare(tmp_path / "source.csv", str(tmp_path / "target.csv"), label="out", **FAST),
    ]
    accuracies = [result.runs()["test_accuracy"].tolist() for result in results]
    assert accuracies[0] == accuracies[1] == accuracies[2]
    assert "train" in results[0].notes[1]


def test_all_functions_take_data_in_memory():
    swept = sweep({"epochs": [1, 2]}, target=FRAME, source=SOURCE_FRAME, label="out", **FAST_SWEEP)
    assert "target" in swept.question
    halves = np.arange(60) % 4
    result = pairs((X, halves), pairs=2, repeats=2, epochs=1, progress=False)
    assert "data" in result.question
    cells = grid([SOURCE_FRAME, FRAME], label="out", **FAST).summary()
    assert set(cells["target"]) == {"data 1", "data 2"}
    assert train_target((X, Y), epochs=1, progress=False).test_accuracy is not None


def test_results_of_data_in_memory_are_stored_saved_and_loaded(tmp_path):
    store = tmp_path / "study.db"
    first = compare((X_SOURCE, Y_SOURCE), (X, Y), store=store, **FAST)
    more = compare((X_SOURCE.copy(), Y_SOURCE), (X, list(Y)), store=store, **FAST | {"repeats": 4})
    first.save(tmp_path / "r.json")
    rows_of_first = first.runs().to_dict("records")
    assert [row for row in more.runs().to_dict("records") if row["repeat"] < 2] == rows_of_first
    del first
    memory._read_cached.cache_clear()
    loaded = load(tmp_path / "r.json")
    assert loaded.runs().to_dict("records") == rows_of_first
    assert load(store) == more
    assert isinstance(loaded._results, StudyResults)
    assert loaded._results.study.specs[0].target.is_in_memory


def test_workers_cannot_have_a_table_in_memory():
    with pytest.raises(SettingError) as error:
        compare((X_SOURCE, Y_SOURCE), (X, Y), scheduler="tcp://127.0.0.1:1", **FAST)
    assert error.value.setting == "scheduler"


def test_a_saved_network_knows_the_rows_that_trained_it(tmp_path):
    train_source((X, Y), epochs=1, progress=False).save_model(tmp_path / "m.keras")
    with pytest.raises(TableFileError, match="source training rows"):
        compare(target=(X, Y), model=tmp_path / "m.keras", **FAST)


REFUSED: Any = [
    ((X, np.array([(1.0,)] * 60, [("a", float)])), "fields a"),
    ((X, (label for label in Y)), r"generator\) has no rows"),
    ((None, Y), "NoneType"),
    ((X, ["a", "a "] * 30), "spaces at their ends"),
    ((X, ["\ud800", "b"] * 30), "surrogate"),
    (FRAME.astype({"a": "Sparse[float]"}), "column a is sparse"),
    (FRAME.assign(a=Series([[1]] * 60, dtype=ArrowDtype(list_(int64())))), "column a has lists"),
    (pd.DataFrame, "type is not a table"),
]


@pytest.mark.parametrize(("data", "problem"), REFUSED, ids=[problem for _, problem in REFUSED])
def test_data_that_cannot_be_used_is_refused_by_its_name(data, problem):
    label = None if isinstance(data, tuple) else "out"
    with pytest.raises(TableFileError, match=f"^data: .*{problem}"):
        train_source(data, label=label)


def test_arrays_of_any_byte_order_or_fields_are_the_same_data():
    fields = np.array([*zip(*X.T, strict=True)], [("a", float), ("b", float)])
    result = train_source((X, Y), epochs=1)
    for x, y in ((X.astype(">f8"), Y.astype(">i4")), (fields, Y)):
        assert train_source((x, y), epochs=1).test_accuracy == result.test_accuracy


def test_a_name_with_a_line_end_leaves_a_note_of_one_line():
    (note,) = train_source(FRAME.rename(columns={"out": "a\nb"}), label="a\nb", epochs=1).notes
    assert "label a\\nb " in note


def test_columns_are_dropped_by_any_sequence_of_names():
    frame = FRAME.assign(c=1.5, d=2.5)
    for drop in (frame.columns[3:], {"c", "d"}, np.array(["c", "d"]), ("c", "d")):
        assert table(frame, "out", drop=drop).drop in (("c", "d"), ("d", "c"))


@pytest.mark.parametrize(
    ("keyword", "name"),
    [
        ("random_state", "train_seed"), ("hidden_layer_sizes", "hidden"), ("max_iter", "epochs"),
        ("drop", "table"), ("lr", "learning_rate"), ("freeze", "fixed"), ("reapeats", "repeats"),
    ],
)  # fmt: skip
def test_an_unknown_keyword_is_answered_with_the_known_one(keyword, name):
    with pytest.raises(TypeError, match=name):
        compare(**{keyword: 1})


def test_features_without_labels_are_answered_with_the_pair():
    with pytest.raises(TableFileError, match=r"give both as a pair \(X, y\)"):
        compare(X_SOURCE, Y_SOURCE, **FAST)


def test_a_source_without_a_target_is_named_once():
    with pytest.raises(SettingError, match=r"^source: it needs a target"):
        compare((X_SOURCE, Y_SOURCE), **FAST)


def test_a_question_that_does_not_exist_is_answered_with_all():
    with pytest.raises(SettingError, match="use fresh, one or both"):
        compare(**{**FAST, "sources": "once"})


def test_a_wrong_value_is_a_value_error():
    for call in (lambda: compare(repeats=0), lambda: compare((X, Y), (X[:3], Y))):
        with pytest.raises(ValueError, match=": "):
            call()


def test_the_result_of_a_training_is_a_source_network_as_its_file_is(tmp_path):
    source = train_source("digits:classes=0-4", epochs=1, initializer="he_normal", progress=False)
    source.save_model(tmp_path / "m.keras")
    results = [
        train_target("digits:classes=5-9", model=model, epochs=1, progress=False)
        for model in (source, tmp_path / "m.keras")
    ]
    for a, b in zip(*(result.weights for result in results), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(TableFileError, match="source training rows"):
        train_target("digits", model=source, epochs=1, progress=False)
    source.save(tmp_path / "r.json")
    for model in (load(tmp_path / "r.json"), 3):
        with pytest.raises(SettingError):
            train_target("digits:classes=5-9", model=model, progress=False)


@pytest.mark.keras
def test_a_keras_model_is_the_source_network_and_is_not_changed(tmp_path):
    keras = pytest.importorskip("keras")
    layers = [keras.layers.Dense(5, "relu"), keras.layers.Dense(2, "softmax")]
    unbuilt = keras.Sequential(layers[:])
    with pytest.raises(SourceFileError, match="no input width"):
        compare(target=(X, Y), model=unbuilt, **FAST)
    assert not unbuilt.built
    model = keras.Sequential([keras.Input((2,)), *layers], name="mine")
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X, Y, verbose=0)
    before = [*model.get_weights(), *(np.array(v) for v in model.optimizer.variables)]
    config, state = model.get_config(), np.random.get_state()[1].tolist()  # noqa: NPY002

    result = compare((X_SOURCE, Y_SOURCE), (X, Y), model=model, **FAST)
    assert "mine" in result.question
    assert [data.scale for data in _data_of(result)] == ["none", "none"]  # as `predict` takes them
    again = compare((X_SOURCE, Y_SOURCE), (X, Y), model=model, **FAST)
    assert again == result  # the same identity, whenever it was saved
    model.save(tmp_path / "m.keras")
    file = compare((X_SOURCE, Y_SOURCE), (X, Y), model=tmp_path / "m.keras", **FAST)
    assert file.runs()["test_loss"].tolist() == result.runs()["test_loss"].tolist()
    assert train_target((X, Y), model=model, epochs=1, progress=False).test_accuracy is not None

    after = [*model.get_weights(), *(np.array(v) for v in model.optimizer.variables)]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert model.get_config() == config
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002
    for wrong in (5, layers[0]):
        with pytest.raises(SettingError) as error:
            compare(target=(X, Y), model=wrong, **FAST)
        assert error.value.setting == "model"


def _data_of(result):
    (spec,) = result._results.study.specs
    return spec.source, spec.target


CALL = """
import os, random, signal, sys, warnings
import numpy as np, pandas as pd, matplotlib
import scipy.special  # adds a filter for its own warnings
matplotlib.rcParams["lines.linewidth"] = 7.0
os.environ["MPLBACKEND"] = "svg"

def state():
    return {
        "numpy": (np.random.get_state()[1].tolist(), np.random.get_state()[2], np.geterr()),
        "random": random.getstate(), "environment": dict(os.environ), "folder": os.getcwd(),
        "filters": [*warnings.filters], "signals": [*map(signal.getsignal, signal.valid_signals())],
        "path": [*sys.path], "settings": dict(matplotlib.rcParams),
        "backend": matplotlib.get_backend(auto_select=False), "show": warnings.showwarning,
    }

x, source = np.random.default_rng(3).normal(size=(2, 60, 2))
for array in (x, source):
    array.flags.writeable = False
y = (x[:, 0] > 0).astype(int)
frame = pd.DataFrame({"X_1": source[:, 0], "X_2": source[:, 1], "y": pd.Categorical(y)})
copy, before = frame.copy(), state()
from blobtransfer.api.functions import compare, load
result = compare(frame, (x, y), label="y", repeats=2, epochs=1)
after_call = state()
str(result), result.plot(), result._repr_html_(), result.summary()
for suffix in ("json", "html", "svg"):
    result.save("r." + suffix)
load("r.json")
after = state()
pd.testing.assert_frame_equal(frame, copy)
print([key for key in before if not before[key] == after_call[key] == after[key]])
"""


@pytest.mark.slow
def test_nothing_of_the_caller_changes(tmp_path):
    # libraries are imported once in a process, which is when they change it
    command = [sys.executable, "-W", "ignore", "-c", CALL]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_many_calls_neither_compile_again_nor_grow():
    def call(i):
        compare((X_SOURCE + i, Y_SOURCE), (X, Y), **FAST)

    call(0)
    n_compiled = compilation._compile.cache_info().misses
    gc.collect()
    n_objects, n_tables = len(gc.get_objects()), len(memory._TABLES)
    for i in range(1, 9):
        call(i)
    gc.collect()
    assert compilation._compile.cache_info().misses == n_compiled
    assert len(memory._TABLES) <= n_tables
    assert len(gc.get_objects()) < n_objects + 500
