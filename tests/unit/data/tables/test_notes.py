"""What is noted about tables: what may mislead is a warning."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from blobtransfer.data.tables.notes import pair_notes, table_notes, trained_row_note
from blobtransfer.data.tables.resolve import resolve_data_specs
from blobtransfer.specs.data_text import parse_data_spec

X = np.random.default_rng(2).normal(size=120)
Y = ["a", "b"] * 60


def specs_of(**texts):
    requests = {role: parse_data_spec(role, text, 1) for role, text in texts.items()}
    return resolve_data_specs(requests, 0)


def notes_on(frames, keys="", **columns):
    frames(pd.DataFrame({"x": X, "y": Y, **columns}))
    return list(table_notes(specs_of(target=f"a.parquet:label=y{keys}")["target"]))


def notes_on_both(frames, source, target, same=()):
    for name, columns, x in (
        ("a", source, X),
        ("b", target, [*X[: len(same)], *X[len(same) :] + 9]),
    ):
        frames(pd.DataFrame({"x": x, "y": Y, **columns}), f"{name}.parquet")
    specs = specs_of(source="a.parquet:label=y", target="b.parquet:label=y")
    return list(pair_notes(specs["source"], specs["target"]))


@pytest.mark.parametrize("number", [9, -999, 0.5])
def test_a_plain_table_has_no_notes(frames, number):
    assert notes_on(frames, constant=[number] * 120, two=[number, number + 1] * 60) == []


@pytest.mark.parametrize(
    ("keys", "columns", "is_warning", "words"),
    [
        ("", {"mrn": np.arange(120) ** 2}, True, ("mrn", "drop=mrn")),
        (
            "",
            {"z": [-999, 4, *X[2:118], -999, -999]},
            True,
            ("-999 in row 1", "2 more", "missing=-999"),
        ),
        ("", {"y": ["Yes", "no", "yes"] * 40}, False, ("Yes and yes", "classes")),
        ("", {"w": ["u", "U"] * 60}, False, ("U and u", "words")),
        ("", {"w": ["u", "?"] * 60}, False, ("the word ?", "missing=?")),
        ("", {"w": ["5.1%", "-2%", "3%"] * 40}, False, ("column w", "5.1%")),
        ("", {"w": ["$5", "$1,200", "$3"] * 40}, False, ("column w", "$")),
        ("", {"y": ["1.1", "1.10", "2.5"] * 40}, True, ("1.1 and 1.10", "class")),
        ("", {"y": ["0", "0.0", "1"] * 40}, False, ("0 and 0.0", "class")),
        ("", {"t": np.arange(120) // 2}, True, ("sorted", "drop=t")),
        ("", {"t": np.arange(120, 0, -1) ** 1.5}, True, ("sorted", "drop=t")),
        ("", {"t": (np.arange(120) / 70).round(3)}, True, ("equally spaced", "drop=t")),
        (",missing=drop", {"z": [np.nan, *X[1:]]}, False, ("1 of 120 rows", "z 1", "left out")),
        (",missing=mean", {"z": [np.nan, *X[1:]]}, False, ("1 of 120 rows", "z 1", "mean")),
        (",missing=mean", {"w": [None, *Y[1:]]}, False, ("1 of 120 rows", "w 1", "zeros")),
        (",missing=drop", {"y": [None, *Y[1:]]}, False, ("1 of 120 rows have no class", "NA")),
    ],
)  # fmt: skip
def test_what_a_reader_should_know_is_noted(frames, keys, columns, is_warning, words):
    ((is_found_warning, text),) = notes_on(frames, keys, **columns)
    assert is_found_warning == is_warning
    assert all(word in text for word in words)


def test_notes_of_the_reader_and_columns_left_out_are_noted(frames):
    frame = pd.DataFrame({"i": range(120), "x": X, "y": Y, "e": [None] * 120})
    frames(frame, heads=("", "x", "y", ""), notes=("separated by semicolons",))
    texts = [text for _, text in table_notes(specs_of(target="a.parquet:label=y")["target"])]
    assert texts[0] == "separated by semicolons"
    assert [text[:8] for text in texts[1:]] == ["column 1", "column 4"]


def test_copies_are_counted_apart_from_identifiers(frames):
    notes = notes_on(frames, x=np.repeat(X[:60], 2), y=np.repeat(Y[:60], 2), id=np.arange(120) ** 2)
    assert any(text.startswith("60 rows equal") for _, text in notes)


def test_test_rows_that_are_copies_of_training_rows_are_counted(frames):
    split = ["train"] * 60 + ["test"] * 60
    x, y = np.append(X[:60], [*X[:9], *X[:9], *X[60:102]]), [*Y[:60], *Y[:9], *Y[:9], *Y[60:102]]
    ((_, text),) = notes_on(frames, ",split=s", x=x, y=y, s=split)
    assert text.startswith("18 of 60 test rows are copies")


def test_many_columns_are_one_line(frames):
    notes = notes_on(frames, **{f"id{i}": np.arange(120) ** 2 + i for i in range(9)})
    assert len(notes) == 6
    assert "4 more columns" in notes[-1][1]


def test_words_that_one_table_has_alone_are_noted(frames):
    ((is_warning, text),) = notes_on_both(frames, {"w": ["u", "v"] * 60}, {"w": ["u", "z"] * 60})
    assert (is_warning, "source has v" in text, "target has z" in text) == (False, True, True)
    ((is_warning, text),) = notes_on_both(frames, {"w": ["yes", "no"] * 60}, {"w": ["Y", "N"] * 60})
    assert (is_warning, "share no word" in text) == (True, True)


def test_classes_that_one_table_has_alone_are_noted_if_some_are_shared(frames):
    ((is_warning, text),) = notes_on_both(frames, {"y": Y}, {"y": ["a", "c"] * 60})
    assert (is_warning, "source has b" in text, "target has c" in text) == (False, True, True)
    assert notes_on_both(frames, {"y": Y}, {"y": ["c", "d"] * 60}) == []
    ((is_warning, text),) = notes_on_both(frames, {"y": Y}, {"y": ["A", "B "] * 60})[:1]
    assert (is_warning, "class a" in text) == (True, True)


def test_rows_that_two_tables_share_are_named_or_counted(frames):
    ((_, text),) = notes_on_both(frames, {}, {}, same=[0])
    assert text.startswith("row 1 of a.parquet equals row 1 of b.parquet")
    many = {"x": np.tile(X[:20], 6), "y": Y}
    frames(pd.DataFrame(many), "b.parquet")
    frames(pd.DataFrame({"x": [*X[:2], *X[20:78]], "y": Y[:60]}), "a.parquet")
    specs = specs_of(source="a.parquet:label=y", target="b.parquet:label=y")
    ((_, text),) = pair_notes(specs["source"], specs["target"])
    assert text.startswith("12 rows of the target")
    assert specs["source"].left_out == ()


def test_groups_that_two_files_share_are_counted(frames):
    for name, first in (("a", 0), ("b", 50)):
        groups = [f"p{first + i // 2}" for i in range(120)]
        frames(pd.DataFrame({"x": X + first, "y": Y, "g": groups}), f"{name}.parquet", sha256=name)
    specs = specs_of(source="a.parquet:label=y,group=g", target="b.parquet:label=y,group=g")
    ((is_warning, text),) = pair_notes(specs["source"], specs["target"])
    assert is_warning
    assert text.startswith("10 of 60 groups")


def test_rows_that_trained_a_saved_network_are_named(frames):
    frames(pd.DataFrame({"x": X, "y": Y}))
    spec = specs_of(target="a.parquet:label=y")["target"]
    assert list(trained_row_note(spec)) == []
    ((_, text),) = trained_row_note(replace(spec, left_out=(4, 7)))
    assert text.startswith("row 5, row 8 ")
