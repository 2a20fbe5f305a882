"""Tables -> tasks: splits, filling, scaling; nothing is learnt from test rows."""

import numpy as np
import pytest
from helpers.tables import write_rows

from blobtransfer.data import load_dataset, load_datasets
from blobtransfer.data.tables.resolve import resolve_data_specs
from blobtransfer.data.tables.rows import fit_scaler, n_duplicates, rows_of, split_of
from blobtransfer.errors import TableFileError
from blobtransfer.specs.data_text import parse_data_spec


def spec_of(text, train_seed=0):
    return resolve_data_specs({"target": parse_data_spec("target", text, 1)}, train_seed)["target"]


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits"])
def test_every_column_has_mean_0_and_std_1_on_the_training_rows(name):
    x = load_dataset(spec_of(name), 3, 1).x_train.astype(np.float64)
    varies = np.ptp(x, axis=0) > 0
    np.testing.assert_allclose(x.mean(axis=0), 0.0, atol=1e-6)
    np.testing.assert_allclose(x.std(axis=0)[varies], 1.0, atol=1e-6)
    assert (x[:, ~varies] == 0.0).all()  # a constant one is divided by 1


def test_each_repeat_splits_anew_and_is_the_same_again_whoever_asks():
    spec = spec_of("wine")
    first, other = load_dataset(spec, 0, 0), load_dataset(spec, 1, 0)
    assert not np.array_equal(first.y_train, other.y_train)
    again = load_dataset(spec, 1, 0)
    assert again.x_train.tobytes() == other.x_train.tobytes()
    assert load_dataset(spec, 1, 5).x_train.tobytes() != other.x_train.tobytes()
    assert [dataset.x_test.tobytes() for dataset in load_datasets(spec, [1], 0)] == [
        other.x_test.tobytes()
    ]


def test_a_split_is_by_class_and_leaves_no_row_out():
    spec = spec_of("iris:train=90,test=30")
    rows = rows_of(spec)
    train, test = split_of(spec, rows, 0, 0)
    assert np.bincount(rows.y[train]).tolist() == [30, 30, 30]
    assert np.bincount(rows.y[test]).tolist() == [10, 10, 10]
    whole = spec_of("iris")
    parts = np.concatenate(split_of(whole, rows_of(whole), 4, 0))
    assert sorted(parts) == list(range(150))


def test_groups_stay_on_one_side(sites):
    spec = spec_of(f"{sites}:label=outcome,drop=fold,drop=site,group=person")
    rows = rows_of(spec)
    for repeat in range(5):
        train, test = split_of(spec, rows, repeat, 0)
        assert not set(rows.groups[train]) & set(rows.groups[test])
        assert len(train) + len(test) == 80


def test_a_column_says_who_trains(sites):
    spec = spec_of(f"{sites}:label=outcome,drop=person,split=fold")
    assert not spec.is_resplit
    assert load_dataset(spec, 0, 0) is load_dataset(spec, 7, 3)
    assert len(load_dataset(spec).y_train) == spec.n_train == 40


def test_a_missing_number_is_the_mean_of_the_training_rows(tmp_path):
    rows = [["x", "y"], *([str(i), "01"[i % 2]] for i in range(19)), ["", "1"]]
    path = write_rows(tmp_path / "a.csv", rows)
    spec = spec_of(f"{path}:label=y,missing=mean,scale=none")
    for repeat in range(10):
        dataset = load_dataset(spec, repeat, 0)
        train, _ = split_of(spec, rows_of(spec), repeat, 0)
        known = rows_of(spec).x[train, 0]
        filled = np.float32(known[~np.isnan(known)].mean())
        x = np.concatenate([dataset.x_train, dataset.x_test])[:, 0]
        whole = {float(i) for i in range(19)}
        assert [one for one in x.tolist() if one not in whole] in ([filled], [])


def test_a_word_that_no_training_row_has_is_none_of_them(tmp_path):
    rows = [["w", "x", "y", "f"]]
    rows += [["ab"[i % 2], str(i), "01"[i // 2 % 2], "train"] for i in range(12)]
    rows += [["c", "1", "0", "test"], ["a", "2", "1", "test"]]
    path = write_rows(tmp_path / "a.csv", rows)
    dataset = load_dataset(spec_of(f"{path}:label=y,split=f,scale=none"))
    assert dataset.x_test[:, :3].tolist() == [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]


def test_a_missing_word_is_none_of_them(tmp_path):
    rows = [["w", "y"], *([["a", "b", ""][i % 3], "01"[i % 2]] for i in range(18))]
    path = write_rows(tmp_path / "a.csv", rows)
    rows = rows_of(spec_of(f"{path}:label=y,missing=mean")).x
    assert rows[:3].tolist() == [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]


def test_the_scaler_is_exact_for_numbers_of_any_size():
    x = np.array([[1e-150, 1e99, 5.0], [3e-150, 3e99, 5.0]])
    found = fit_scaler(x)
    np.testing.assert_allclose(found.means, [2e-150, 2e99, 5.0])
    np.testing.assert_allclose(found.scales, [1e-150, 1e99, 1.0])


def test_a_file_that_has_changed_is_not_taken_for_the_one_that_was_described(sites):
    spec = spec_of(f"{sites}:label=outcome,drop=person,drop=fold")
    rows_of.cache_clear()
    sites.write_text(sites.read_text() + "\n")
    with pytest.raises(TableFileError, match="changed since it was described"):
        load_dataset(spec, 0, 0)


def test_groups_of_unequal_size_are_halved_in_many_ways(tmp_path):
    rows = [["x", "y", "g"]]
    for group, n_rows in enumerate((60, 40, *([5] * 8))):
        rows += [[str(len(rows)), "01"[i % 2], f"g{group}"] for i in range(n_rows)]
    spec = spec_of(f"{write_rows(tmp_path / 'a.csv', rows)}:label=y,group=g")
    made = rows_of(spec)
    halves = {split_of(spec, made, repeat, 0)[0].tobytes() for repeat in range(40)}
    assert len(halves) > 30
    assert spec.test_to_train == 1.0  # on average, whatever the first repeat has


def test_every_repeat_has_two_training_rows_of_each_class(tmp_path):
    labels = ["a"] * 30 + ["b"] * 4
    rows = [["x", "y"], *([f"{i}.5", label] for i, label in enumerate(labels))]
    spec = spec_of(f"{write_rows(tmp_path / 'a.csv', rows)}:label=y")
    for repeat in range(50):
        dataset = load_dataset(spec, repeat, 0)
        assert np.bincount(dataset.y_train).min() >= 2
        assert np.bincount(dataset.y_test).min() >= 1


def both_of(source, target):
    asked = {"source": source, "target": target}
    return resolve_data_specs(
        {role: parse_data_spec(role, text, 1) for role, text in asked.items()}, 0
    )


def test_a_word_that_only_the_source_has_is_the_same_in_training_and_test_rows(tmp_path):
    heads, more = ["w", "x", "y"], [["c", str(i), "01"[i % 2]] for i in range(8)]
    rows = [["ab"[i % 2], f"{i}.5", "01"[i // 2 % 2]] for i in range(24)]
    source = write_rows(tmp_path / "s.csv", [heads, *([w, f"{x}5", y] for w, x, y in rows), *more])
    target = write_rows(tmp_path / "t.csv", [heads, *rows])
    found = both_of(f"{source}:label=y", f"{target}:label=y,scale=source")
    dataset = load_dataset(found["target"], 0, 0)
    (value,) = set(dataset.x_train[:, 2]) | set(dataset.x_test[:, 2])
    assert value < 0.0  # as every row without that word has in the source


def test_the_scaler_of_a_source_with_missing_values_is_the_one_it_learns_with(tmp_path):
    rows = [["x", "y"], *([str(3 * i), "01"[i % 2]] for i in range(20)), ["", "1"], ["", "0"]]
    source = write_rows(tmp_path / "s.csv", rows)
    target = write_rows(
        tmp_path / "t.csv", [["x", "y"], *([f"{i}.5", "01"[i % 2]] for i in range(9))]
    )
    found = both_of(f"{source}:label=y,missing=mean", f"{target}:label=y,scale=source")
    assert found["target"].scaler == load_dataset(found["source"], 0, 0).scaler
    assert found["target"].scaler.scales[0] > 5.0


def test_copies_of_rows_are_counted(tmp_path):
    rows = [["x", "y"], *([str(i // 2), "01"[i // 2 % 2]] for i in range(20))]
    path = write_rows(tmp_path / "a.csv", rows)
    assert n_duplicates(spec_of(f"{path}:label=y")) == 10
    assert n_duplicates(spec_of("wine")) == 0
