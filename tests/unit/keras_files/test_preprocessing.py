"""What a saved network carries for tables: read back exactly, or refused."""

import json
from dataclasses import asdict

import pytest

from blobtransfer.keras_files.preprocessing import read_preprocessing
from blobtransfer.specs.table import Column, Preprocessing, Scaler

WHOLE = Preprocessing(
    "sites", "y", (Column("age"), Column("w", ("a", "b"))), ("no", "yes"),
    Scaler((1.0, 0.5, 0.5), (2.0, 1.0, 1.0)), ("00ff",),
)  # fmt: skip


@pytest.mark.parametrize("scaler", [WHOLE.scaler, None])
def test_what_is_written_is_read_back(scaler):
    written = asdict(WHOLE) | {"scaler": None if scaler is None else asdict(scaler)}
    found = read_preprocessing(json.dumps(written), 3, 2)
    assert (found.columns, found.classes, found.scaler) == (WHOLE.columns, WHOLE.classes, scaler)


@pytest.mark.parametrize(
    "change",
    [
        {"columns": [{"name": "age", "levels": None}]},
        {"columns": [{"name": "age", "levels": None}] * 3},
        {"columns": [{"name": "a\x1b[31m", "levels": ["a", "b", "c"]}]},
        {"columns": "age"},
        {"columns": [{"name": 1, "levels": None}]},
        {"classes": ["no"]},
        {"classes": ["no", "no"]},
        {"classes": ["no", ""]},
        {"classes": ["no", "x" * 1_001]},
        {"scaler": {"means": [1.0], "scales": [1.0]}},
        {"scaler": {"means": [0, 0, 0], "scales": [1, 1, 0]}},
        {"scaler": {"means": [0, 0, 0], "scales": [1, 1, -1]}},
        {"scaler": {"means": [0, 0, "0"], "scales": [1, 1, 1]}},
        {"scaler": {"means": [0, 0, float("nan")], "scales": [1, 1, 1]}},
        {"scaler": {"means": [0, 0, True], "scales": [1, 1, 1]}},
        {"scaler": {"means": [0, 0, 10**400], "scales": [1, 1, 1]}},
        {"scaler": {"means": [0, 0, 0], "scales": [1, 1, 1e-320]}},
        {"trained_rows": [1]},
        {"label": None},
    ],
)
def test_what_nobody_has_written_is_refused(change):
    with pytest.raises(ValueError, match=r"it is|a name"):
        read_preprocessing(json.dumps(asdict(WHOLE) | change), 3, 2)


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"scaler": 1}', "[" * 100_000])
def test_what_is_no_description_at_all_is_refused(text):
    with pytest.raises(ValueError):
        read_preprocessing(text, 3, 2)
