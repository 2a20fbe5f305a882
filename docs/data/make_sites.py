"""Make `sites.csv`: 520 rows of two made-up sites with one and the same law of the outcome.

    python docs/data/make_sites.py

Nobody was measured. Site B is smaller, its people are older, and its scales weigh otherwise.
"""

import csv
from pathlib import Path

import numpy as np


def main() -> None:
    """Write the table beside this script."""
    rng = np.random.default_rng(2026)
    rows: list[list[str]] = []
    for site, n_rows, age, weight in (("A", 400, 48.0, 1.0), ("B", 120, 61.0, 2.2)):
        for _ in range(n_rows):
            own = rng.normal(age, 11.0)
            kilograms, pressure = rng.normal(78.0, 13.0), rng.normal(128.0, 16.0)
            smoker = rng.choice(["never", "former", "now"], p=[0.5, 0.3, 0.2])
            risk = (
                (own - age) / 11.0
                + ((kilograms - 78.0) / 13.0) * ((pressure - 128.0) / 16.0)
                + {"never": -0.5, "former": 0.0, "now": 1.2}[str(smoker)]
            )
            outcome = "yes" if risk + rng.normal(0.0, 0.5) > 0.3 else "no"
            rows.append(
                [f"p{len(rows) + 1:03d}", site, f"{own:.0f}", f"{kilograms * weight:.1f}",
                 f"{pressure:.0f}", smoker, outcome]
            )  # fmt: skip
    with (Path(__file__).parent / "sites.csv").open("w", newline="", encoding="utf-8") as file:
        heads = ["patient", "site", "age", "weight", "pressure", "smoker", "outcome"]
        csv.writer(file, lineterminator="\n").writerows([heads, *rows])


if __name__ == "__main__":
    main()
