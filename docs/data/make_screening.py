"""Generate `screening.csv`: two made-up clinics, in which about one person of 12 is ill.

    python docs/data/make_screening.py

The risk of illness depends on the markers in the same way in both clinics, which measure them in
other units. Of each clinic, half of the rows are for training.
"""

import csv
from pathlib import Path

import numpy as np


def main() -> None:
    """Write the table beside this script."""
    rng = np.random.default_rng(2026)
    rows: list[list[str]] = []
    for clinic, n_rows, unit in (("A", 600, 1.0), ("B", 300, 1.8)):
        for i in range(n_rows):
            markers = rng.normal(size=3)
            risk = markers[0] + markers[1] * markers[2] + rng.normal(0.0, 0.4)
            diagnosis = "ill" if risk > 2.1 else "well"
            values = (f"{unit * (10.0 + marker):.2f}" for marker in markers)
            rows.append([clinic, "test" if i % 2 else "train", *values, diagnosis])
    with (Path(__file__).parent / "screening.csv").open("w", newline="", encoding="utf-8") as file:
        heads = ["clinic", "set", "marker_1", "marker_2", "marker_3", "diagnosis"]
        csv.writer(file, lineterminator="\n").writerows([heads, *rows])


if __name__ == "__main__":
    main()
