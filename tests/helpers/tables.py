"""Small tables of the kinds that people have."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blobtransfer.data.tables.reading import RawTable, ReadOptions, read_table

if TYPE_CHECKING:
    from pandas import DataFrame


def write_sites(path: Path, n_rows: int = 80, delimiter: str = ",") -> Path:
    """Write rows of two sites: two numbers, two columns of words, a person, a fold, an outcome."""
    rng = np.random.default_rng(5)
    heads = ["person", "site", "age", "bmi", "smoker", "outcome", "fold"]
    rows = []
    for i in range(n_rows):
        age, bmi, smoker = rng.normal(50, 10), rng.normal(27, 4), rng.choice(["no", "yes"])
        outcome = (age - 50) / 10 + (bmi - 27) / 4 + (smoker == "yes") + rng.normal() > 0.5
        rows.append(
            [f"p{i // 2}", "AB"[i % 2], f"{age:.1f}", f"{bmi:.2f}", smoker,
             "yes" if outcome else "no", "train" if i % 4 < 2 else "test"]
        )  # fmt: skip
    return write_rows(path, [heads, *rows], delimiter)


def write_rows(path: Path, rows: Sequence[Sequence[str]], delimiter: str = ",") -> Path:
    """Write rows as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


def read_text(folder: Path, text: str | bytes, suffix: str = ".csv", **options: Any) -> RawTable:
    """Write a text and read it as a table.

    Args:
        folder: Where the file is written.
        text: The text; encoded as UTF-8 if it is not bytes.
        suffix: Suffix of the file.
        options: Of `ReadOptions`; sets for names and texts.
    """
    path = folder / f"a{suffix}"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_file(path, **options)


def read_file(path: Path, **options: Any) -> RawTable:
    """Read a table; the options are those of `ReadOptions`, sets for names and texts."""
    frozen: dict[str, Any] = {
        key: frozenset(value) if isinstance(value, set) else value for key, value in options.items()
    }
    return read_table(str(path), ReadOptions(**frozen))


def columns_of(table: RawTable) -> dict[str, list[Any]]:
    """Return the values of each column by its name: numbers or words, None if missing."""
    columns: dict[str, list[Any]] = {}
    for name in table.positions:
        column = table.column(name)
        if column.numbers is not None:
            columns[name] = [None if math.isnan(x) else x for x in column.numbers.tolist()]
        else:
            columns[name] = [
                column.words[code] if code >= 0 else None for code in column.word_codes
            ]
    return columns


def table_of_frame(
    frame: "DataFrame", options: ReadOptions, name: str = "a.parquet", **fields: Any
) -> RawTable:
    """Return the table that a reader makes of a `DataFrame`.

    Args:
        frame: Columns with names.
        options: How it is read.
        name: Name of its file.
        fields: Fields of the table that differ from what a plain file has.
    """
    plain = frame.set_axis(range(frame.shape[1]), axis=1)
    values: dict[str, Any] = {"heads": tuple(map(str, frame.columns)), "sha256": name}
    return RawTable(plain, options=options, name=name, **(values | fields))
