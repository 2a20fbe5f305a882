"""Up to a million trainings as whole commands, with and without a store: time and memory.

    python tests/benchmarks/million.py                    # about five minutes
    python tests/benchmarks/million.py --repeats 1000     # the largest of the sizes

`compare` trains eight networks per repeat: a source, standalone, and three transfers from each kind
of source. `show` does with the store what `compare` does after training: it analyses the repeats
and writes a CSV, and in a second run also JSON.
"""

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from commands import PROGRAM
from common import N_THREADS, figure, print_table

COMMAND = ["compare", "--no-plot", "--format", "csv"]
FITS_PER_REPEAT = 8
DIVISORS = (16, 4, 1)
"""Divisors of the largest number of repeats, one per row of the table."""


class Cost(NamedTuple):
    """Wall-clock seconds, CPU seconds, and peak memory in MB."""

    s: float
    cpu_s: float
    peak_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=125_000)
    most = parser.parse_args().repeats
    print(f"`blobtransfer {' '.join(COMMAND)} --repeats N`, {N_THREADS} cores\n")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for divisor in DIVISORS:
            n = most // divisor
            store = Path(folder, f"{n}.db")
            plain = cost_of([*COMMAND, "--repeats", str(n)], folder, "plain.csv")
            stored = cost_of(
                [*COMMAND, "--repeats", str(n), "--store", store.name], folder, "stored.csv"
            )
            show = ["show", store.name, *COMMAND[1:]]
            shown = cost_of(show, folder, "shown.csv")
            with_json = cost_of([*show, "-o", "shown.json"], folder, "shown.csv")
            texts = [
                Path(folder, f"{name}.csv").read_bytes() for name in ("plain", "stored", "shown")
            ]
            assert texts[0] == texts[1] == texts[2]
            rows.append(
                [
                    f"{n * FITS_PER_REPEAT:,}", f"{plain.s:.1f}", f"{plain.cpu_s:.1f}",
                    figure(FITS_PER_REPEAT * n / plain.s), f"{plain.peak_mb:,.0f}",
                    f"{stored.s:.1f}", f"{stored.cpu_s:.1f}",
                    f"{store.stat().st_size / 1e6:.1f}",
                    f"{shown.cpu_s:.1f}", f"{with_json.cpu_s:.1f}",
                ]
            )  # fmt: skip
    print_table(
        [
            "trainings", "s", "CPU s", "trainings/s", "peak MB", "s with `--store`",
            "CPU s with `--store`", "store, MB", "CPU s of `show`", "of `show` with JSON",
        ],
        rows,
    )  # fmt: skip


def cost_of(arguments: list[str], folder: str, output: str) -> Cost:
    """Run a command with its standard output written to a file."""
    start = time.perf_counter()
    with open(Path(folder, output), "wb") as out:
        process = subprocess.Popen(
            [*PROGRAM, *arguments], cwd=folder, stdout=out, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, arguments
    seconds = time.perf_counter() - start
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


if __name__ == "__main__":
    main()
