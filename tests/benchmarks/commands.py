"""Whole commands as fresh processes, beside the bare imports of the modules that they load.

    python tests/benchmarks/commands.py                # about two minutes
    python tests/benchmarks/commands.py --rounds 1

A command and its imports run in turns; the medians of the rounds are printed. The time of the
published experiment is that of 120 fits of Keras, at the best rate of a few rounds; it excludes the
imports and the source network.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

from common import DEFAULT, MAX_KERAS_ROUNDS, N_THREADS, figure, make_job, print_table

COMPARE = ["compare", "--repeats", "30", "--fixed", "0", "1", "2"]
COMMANDS = (
    [*COMPARE, "--no-plot"],
    COMPARE,
    ["train-source"],
    ["train-source", "--no-plot"],
    ["train-target"],
    ["plot-data"],
    ["--help"],
)
N_PUBLISHED_FITS = 4 * 30
"""Standalone and three transfers, 30 repeats each."""

N_KERAS_FITS = 3
PROGRAM = [sys.executable, "-m", "blobtransfer"]
IMPORT = """
import importlib, os, sys
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as the program sets it
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ImportError:  # modules of other systems, which libraries look for
        pass
"""


class Cost(NamedTuple):
    """Wall-clock seconds and CPU seconds of a process."""

    s: float
    cpu_s: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    n_rounds = parser.parse_args().rounds
    costs: dict[str, Cost] = {}
    rows = []
    for arguments in COMMANDS:
        command = [*PROGRAM, *arguments]
        bare = [sys.executable, "-c", IMPORT, *modules_of(arguments)]
        rounds = [(cost_of(command), cost_of(bare)) for _ in range(n_rounds)]
        whole, imports = (median(column) for column in zip(*rounds, strict=True))
        name = " ".join(arguments)
        costs[name] = whole
        cells = [f"{seconds:.2f}" for seconds in (*whole, *imports)]
        rows.append([f"`{name}`", *cells, f"{whole.s / imports.s:.2f}"])
    print(f"{N_THREADS} cores, {n_rounds} rounds\n")
    head = ["command", "s", "CPU s", "imports, s", "imports, CPU s", "s / imports, s"]
    print_table(head, rows)
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        fit_s = min(process.submit(keras_fit_s).result() for _ in range(MAX_KERAS_ROUNDS))
    published_s = N_PUBLISHED_FITS * fit_s
    print(
        f"\nThe published experiment makes {N_PUBLISHED_FITS} Keras fits on problem 2, of"
        f" {fit_s:.2f} s each: {published_s:.0f} s in all,\n"
        f"{figure(published_s / costs[' '.join(COMPARE)].s)} times as long as `compare` with its"
        " figure."
    )


def modules_of(arguments: list[str]) -> list[str]:
    """Return the modules that a command loads, in the order in which their imports end."""
    command = [sys.executable, "-X", "importtime", *PROGRAM[1:], *arguments]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return [line.rpartition("|")[2].strip() for line in lines[1:]]


def cost_of(command: list[str]) -> Cost:
    """Run a command in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    assert status == 0, command
    return Cost(seconds, usage.ru_utime + usage.ru_stime)


def median(costs: tuple[Cost, ...]) -> Cost:
    """Return the median wall-clock seconds and the median CPU seconds."""
    return Cost(*map(statistics.median, zip(*costs, strict=True)))


def keras_fit_s() -> float:
    """Return the seconds of a Keras fit; the first is not counted."""
    from keras_fit import train

    train(make_job(DEFAULT, 1, epochs=1))
    start = time.perf_counter()
    train(make_job(DEFAULT, N_KERAS_FITS))
    return (time.perf_counter() - start) / N_KERAS_FITS


if __name__ == "__main__":
    main()
