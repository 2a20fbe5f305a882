"""What a network has to know to be used on a table, inside its `.keras` file.

It is one more member of the archive, which plain Keras leaves alone. It is read as data, and
everything in it is checked, as whoever made the file may have written anything.
"""

import json
import math
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from blobtransfer.specs.table import Column, Preparation, Scaler

MEMBER = "blobtransfer.json"

MAX_WORD = 1_000

LEAST_SCALE = 1e-200
"""Least divisor of an input; with a smaller one it would not be finite."""


def add_preparation(path: Path, preparation: Preparation) -> None:
    """Write it into a `.keras` file that is there."""
    text = json.dumps(asdict(preparation), allow_nan=False)
    with zipfile.ZipFile(path, "a") as archive:
        # of no date, as the same network is to make the same bytes
        archive.writestr(zipfile.ZipInfo(MEMBER), text)


def read_preparation(text: str, n_features: int, n_classes: int) -> Preparation:
    """Read what `add_preparation` wrote.

    Args:
        text: JSON.
        n_features: Inputs of the network beside it.
        n_classes: Outputs of that network.

    Raises:
        ValueError: It is damaged, or of another network.
    """
    try:
        record = json.loads(text)
        scaler = record["scaler"]
        preparation = Preparation(
            problem=_word(record["problem"]),
            label=_word(record["label"]),
            columns=tuple(
                Column(_word(one["name"]), None if one["levels"] is None else _words(one["levels"]))
                for one in _list(record["columns"])
            ),
            classes=_words(record["classes"]),
            scaler=None
            if scaler is None
            else Scaler(_numbers(scaler["means"]), _numbers(scaler["scales"])),
            trained_rows=_words(record["trained_rows"]),
        )
    except (KeyError, TypeError, RecursionError, OverflowError) as error:
        raise ValueError("it is not what blobtransfer writes") from error
    names = [one.name for one in preparation.columns]
    n_inputs = sum(len(one.feature_names) for one in preparation.columns)
    if len(set(names)) < len(names) or len(set(preparation.classes)) < len(preparation.classes):
        raise ValueError("a name is there twice")
    if (n_inputs, len(preparation.classes)) != (n_features, n_classes):
        raise ValueError("it is of another network")
    if preparation.scaler is not None and (
        {len(preparation.scaler.means), len(preparation.scaler.scales)} != {n_features}
        or min(preparation.scaler.scales) < LEAST_SCALE
    ):
        raise ValueError("it is of another network")
    return preparation


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
    if not all(type(one) in (int, float) and math.isfinite(one) for one in numbers):
        raise TypeError("not finite numbers")
    return tuple(map(float, numbers))
