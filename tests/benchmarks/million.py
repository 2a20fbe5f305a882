"""Up to a million fits as whole commands, kept in a store and not: time, memory, and the file.

    python tests/benchmarks/million.py                    # about a quarter of an hour
    python tests/benchmarks/million.py --repeats 1000     # the largest of the sizes

Every command is a process of its own, the two of a size one after the other. `compare` trains
eight networks a repeat: a source, standalone, and three transfers from each kind of source. `show`
analyses and writes what `compare` does after training: the CSV, and then the CSV and the JSON.
"""

import argparse
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from commands import PROGRAM
from common import N_THREADS, figure, print_table

COMMAND = ["compare", "--no-plot", "--format", "csv"]
FITS_A_REPEAT = 8
PARTS = (8, 4, 2, 1)


class Cost(NamedTuple):
    """Seconds of the clock and of the processor, peak memory in MB, and what was foretold."""

    s: float
    cpu_s: float
    peak_mb: float
    foretold: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=125_000)
    most = parser.parse_args().repeats
    print(f"`blobtransfer {' '.join(COMMAND)} --repeats N`, {N_THREADS} cores\n")
    rows = []
    points = []
    with tempfile.TemporaryDirectory() as folder:
        for part in PARTS:
            n = most // part
            store = Path(folder, f"{n}.db")
            plain = cost_of([*COMMAND, "--repeats", str(n)], folder, "plain.csv")
            kept = cost_of(
                [*COMMAND, "--repeats", str(n), "--store", store.name], folder, "kept.csv"
            )
            show = ["show", store.name, *COMMAND[1:]]
            shown = cost_of(show, folder, "shown.csv")
            with_json = cost_of([*show, "-o", "shown.json"], folder, "shown.csv")
            texts = [
                Path(folder, f"{name}.csv").read_bytes() for name in ("plain", "kept", "shown")
            ]
            assert texts[0] == texts[1] == texts[2]
            points.append((n, kept.s))
            rows.append(
                [
                    f"{n:,}", f"{n * FITS_A_REPEAT:,}", f"{plain.s:.1f}", f"{kept.s:.1f}",
                    f"{kept.cpu_s:.1f}", figure(FITS_A_REPEAT * n / kept.s),
                    f"{plain.peak_mb:,.0f}", f"{kept.peak_mb:,.0f}",
                    f"{store.stat().st_size / 1e6:.1f}", f"{shown.s:.1f}", f"{with_json.s:.1f}",
                    kept.foretold,
                ]
            )  # fmt: skip
    print_table(
        [
            "repeats", "fits", "s", "s with `--store`", "CPU s", "fits/s", "peak MB",
            "with `--store`", "store, MB", "`show`, s", "with JSON, s", "foretold",
        ],
        rows,
    )  # fmt: skip
    (n1, s1), (n2, s2) = points[0], points[-1]
    slope = (s2 - s1) / (n2 - n1)
    start = s1 - slope * n1
    off = max(abs(s - start - slope * n) / s for n, s in points)
    print(
        f"\nThe line through the first and the last: {start:.1f} s + {1e3 * slope:.3f} ms a "
        f"repeat; the others are off by {100 * off:.0f} % at most. The three CSV of a size are the "
        "same bytes."
    )


def cost_of(arguments: list[str], folder: str, output: str) -> Cost:
    """Run a command, its standard output into a file."""
    start = time.perf_counter()
    with open(Path(folder, output), "wb") as out, open(Path(folder, "notes"), "w+b") as notes:
        process = subprocess.Popen([*PROGRAM, *arguments], cwd=folder, stdout=out, stderr=notes)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        notes.seek(0)
        text = notes.read().decode()
    assert status == 0, text
    found = re.search(r"about (.*)", text.partition(";")[0].splitlines()[0] if text else "")
    foretold = found[1] if found else ""
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, foretold)


if __name__ == "__main__":
    main()
