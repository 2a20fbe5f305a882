"""Whole commands as fresh processes, against the published way, and where the time goes.

    python tests/benchmarks/commands.py

A time is the median of five after one that is not counted. Nothing is written outside
temporary folders.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from common import DEFAULT, N_THREADS, figure, make_job, print_table

COMPARE = ["compare", "--repeats", "30", "--fixed", "0", "1", "2"]
N_FITS = 4 * 30
N_KERAS_FITS = 3
N_RUNS = 5
PROGRAM = [sys.executable, "-m", "blobtransfer"]
STAGES = Path(__file__).with_name("stages.py")


def main() -> None:
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        fit_s = process.submit(keras_fit_s).result()
    published_s = N_FITS * fit_s
    rows = []
    compare_s = median_s(COMPARE)
    for arguments in (COMPARE, ["train-source"], ["train-target"], ["--help"]):
        is_compare = arguments is COMPARE
        seconds = compare_s if is_compare else median_s(arguments)
        training = f"{training_s(arguments):.3f}" if arguments[0].startswith("train") else ""
        ratio = figure(published_s / seconds) if is_compare else ""
        rows.append([f"`{' '.join(arguments)}`", f"{seconds:.2f}", training, ratio])
    rows.append([f"the published way: {N_FITS} Keras fits", figure(published_s), "", "1"])
    print(f"{N_THREADS} cores; Keras: {N_FITS} x {fit_s:.2f} s, the mean of {N_KERAS_FITS} fits\n")
    print_table(["command", "s", "of it training, s", "times faster"], rows)
    print("\nWhere the time of the first goes\n")
    print_table(["stage", "s"], [[name, f"{s:.2f}"] for name, s in stages(compare_s).items()])


def keras_fit_s() -> float:
    """Time the published way, a fit; the first is not counted."""
    from keras_fit import train

    train(make_job(DEFAULT, 1, epochs=1))
    start = time.perf_counter()
    train(make_job(DEFAULT, N_KERAS_FITS))
    return (time.perf_counter() - start) / N_KERAS_FITS


def median_s(arguments: list[str]) -> float:
    """Time the program, in an empty folder each time."""
    times = []
    for _ in range(1 + N_RUNS):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            run([*PROGRAM, *arguments], folder)
            times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def training_s(arguments: list[str]) -> float:
    """Give the seconds of training and evaluation, imports and compilation left out."""
    return median_stages(arguments, [])["training and evaluation"]


def stages(whole_s: float) -> dict[str, float]:
    """Say where the time of `compare` goes.

    One process tells which modules it imports, and how their time is shared out. Others
    import them all, and only then run the command, so that no stage hides an import.
    """
    with tempfile.TemporaryDirectory() as folder:
        traced = run([sys.executable, "-X", "importtime", *PROGRAM[1:], *COMPARE], folder)
    modules = dict(imports(traced.stderr))
    median = median_stages(COMPARE, list(modules))
    by_package: dict[str, float] = defaultdict(float)
    for module, seconds in modules.items():
        by_package[package_of(module)] += seconds
    share = median.pop("imports") / sum(by_package.values())
    biggest = sorted(by_package.items(), key=lambda item: -item[1])
    found = {f"import {name}": share * seconds for name, seconds in biggest[:7]}
    found["import all else"] = share * sum(seconds for _, seconds in biggest[7:])
    found |= median
    found["difference of the two processes"] = whole_s - sum(found.values())
    return found | {"the whole command": whole_s}


def median_stages(arguments: list[str], modules: list[str]) -> dict[str, float]:
    """Time the stages of a command in processes that import some modules first."""
    parts = []
    for _ in range(N_RUNS):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "modules.json").write_text(json.dumps(modules))
            start = time.perf_counter()
            run([sys.executable, str(STAGES), *arguments], folder)
            seconds = time.perf_counter() - start
            part = json.loads(Path(folder, "stages.json").read_text())
        parts.append(part | {"Python itself, start and end": seconds - sum(part.values())})
    return {name: statistics.median(part[name] for part in parts) for name in parts[0]}


def imports(log: str) -> Iterator[tuple[str, float]]:
    """Read modules and their own seconds from the log of `-X importtime`."""
    for line in log.splitlines():
        own, _, name = line.removeprefix("import time:").split("|") if "|" in line else ("", "", "")
        if own.strip().isdigit():
            yield name.strip(), int(own) / 1e6


def package_of(module: str) -> str:
    top = module.partition(".")[0]
    return "Python's own library" if top in sys.stdlib_module_names else top


def run(command: list[str], folder: str):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)


if __name__ == "__main__":
    main()
