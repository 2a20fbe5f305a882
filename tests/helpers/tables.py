"""Small tables of the kinds that people have."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np


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
