"""Format and read the preprocessing of a network that was trained on a table.

In a `.keras` file it is an additional member of the archive, in an `.h5` file an additional
attribute; plain Keras ignores both. It is read as data, and everything in it is checked, because
the file may be hostile.
"""

import json
import math
from dataclasses import asdict
from typing import Any

from blobtransfer.specs.table import Column, Preprocessing, Scaler

MEMBER = "blobtransfer.json"
"""Name of the member of a `.keras` file, or of the attribute of an `.h5` file."""

MAX_WORD = 1_000

LEAST_SCALE = 1e-200
"""Smallest scale of an input; with a smaller one the input would not be finite."""


def format_preprocessing(preprocessing: Preprocessing) -> str:
    """Return a preprocessing as JSON, which `read_preprocessing` reads."""
    return json.dumps(asdict(preprocessing), allow_nan=False)


def read_preprocessing(text: str, n_features: int, n_classes: int) -> Preprocessing:
    """Return the preprocessing that `format_preprocessing` wrote.

    Args:
        text: JSON.
        n_features: Inputs of the network beside it.
        n_classes: Outputs of that network.

    Raises:
        ValueError: It is damaged, or belongs to another network.
    """
    try:
        record = json.loads(text)
        scaler = record["scaler"]
        preprocessing = Preprocessing(
            problem=_word(record["problem"]),
            label=_word(record["label"]),
            columns=tuple(map(_column, _list(record["columns"]))),
            classes=_words(record["classes"]),
            scaler=None
            if scaler is None
            else Scaler(_numbers(scaler["means"]), _numbers(scaler["scales"])),
            trained_rows=_words(record["trained_rows"]),
        )
    except (KeyError, TypeError, RecursionError, OverflowError) as error:
        raise ValueError("it is not what blobtransfer writes") from error
    names = [column.name for column in preprocessing.columns]
    n_inputs = sum(len(column.feature_names) for column in preprocessing.columns)
    if len(set(names)) < len(names) or len(set(preprocessing.classes)) < len(preprocessing.classes):
        raise ValueError("a name is repeated")
    if (n_inputs, len(preprocessing.classes)) != (n_features, n_classes):
        raise ValueError("it is of another network")
    if preprocessing.scaler is not None and (
        {len(preprocessing.scaler.means), len(preprocessing.scaler.scales)} != {n_features}
        or min(preprocessing.scaler.scales) < LEAST_SCALE
    ):
        raise ValueError("it is of another network")
    return preprocessing


def _column(record: Any) -> Column:
    levels = record["levels"]
    return Column(_word(record["name"]), None if levels is None else _words(levels))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value


def _word(value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= MAX_WORD:
        raise TypeError("not a word")
    return value


def _words(value: Any) -> tuple[str, ...]:
    return tuple(map(_word, _list(value)))


def _numbers(value: Any) -> tuple[float, ...]:
    numbers = _list(value)
    if not all(type(number) in (int, float) and math.isfinite(number) for number in numbers):
        raise TypeError("not finite numbers")
    return tuple(map(float, numbers))
