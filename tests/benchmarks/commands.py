"""Whole commands as fresh processes, against the published way, and where the time goes.

    python tests/benchmarks/commands.py

A time is the median of five after one that is not counted. Nothing is written outside
temporary folders, but for the machine code that the program itself keeps.
"""

import json
import os
import shutil
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

import blobtransfer

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
    warm_s = median_s(COMPARE)
    for name, arguments, is_cold in (
        (" ".join(COMPARE), COMPARE, False),
        ("the same, nothing compiled before", COMPARE, True),
        ("train-source", ["train-source", "--force"], False),
        ("train-target", ["train-target"], False),
        ("--help", ["--help"], False),
    ):
        seconds = warm_s if arguments is COMPARE and not is_cold else median_s(arguments, is_cold)
        training = f"{training_s(arguments):.3f}" if name.startswith("train") else ""
        ratio = figure(published_s / seconds) if arguments is COMPARE else ""
        rows.append([f"`{name}`" if not is_cold else name, f"{seconds:.2f}", training, ratio])
    rows.append([f"the published way: {N_FITS} Keras fits", figure(published_s), "", "1"])
    print(f"{N_THREADS} cores; Keras: {N_FITS} x {fit_s:.2f} s, the mean of {N_KERAS_FITS} fits\n")
    print_table(["command", "s", "of it training, s", "times faster"], rows)
    print("\nWhere the time of the first goes\n")
    print_table(["stage", "s"], [[name, f"{s:.2f}"] for name, s in stages(warm_s).items()])


def keras_fit_s() -> float:
    """Time the published way, a fit; the first is not counted."""
    from keras_fit import train

    train(make_job(DEFAULT, 1, epochs=1))
    start = time.perf_counter()
    train(make_job(DEFAULT, N_KERAS_FITS))
    return (time.perf_counter() - start) / N_KERAS_FITS


def median_s(arguments: list[str], is_cold: bool = False) -> float:
    """Time the program: warm, or a copy that has no compiled code of any kind."""
    times = []
    for _ in range(1 + N_RUNS):
        with tempfile.TemporaryDirectory() as folder:
            environment = dict(os.environ)
            if is_cold:
                package = Path(blobtransfer.__file__).parent
                without = shutil.ignore_patterns("__pycache__")
                shutil.copytree(package, Path(folder, "blobtransfer"), ignore=without)
                environment["XDG_CACHE_HOME"] = str(Path(folder, "cache"))
                # matplotlib's list of fonts is no work of ours.
                environment["MPLCONFIGDIR"] = os.environ.get("MPLCONFIGDIR", font_cache())
            start = time.perf_counter()
            run([*PROGRAM, *arguments], folder, environment)
            times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def training_s(arguments: list[str]) -> float:
    """Give the seconds of training that the program itself tells."""
    with tempfile.TemporaryDirectory() as folder:
        done = run([*PROGRAM, *arguments, "--format", "json"], folder)
        return json.loads(done.stdout)["seconds"]


def stages(whole_s: float) -> dict[str, float]:
    """Say where the time of a warm `compare` goes.

    One process tells which modules it imports, and how their time is shared out. A second
    imports them all, and only then runs the command, so that no stage hides an import.
    """
    with tempfile.TemporaryDirectory() as folder:
        traced = run([sys.executable, "-X", "importtime", *PROGRAM[1:], *COMPARE], folder)
        modules = dict(imports(traced.stderr))
        Path(folder, "modules.json").write_text(json.dumps(list(modules)))
        parts = []
        for _ in range(N_RUNS):
            start = time.perf_counter()
            run([sys.executable, str(STAGES), *COMPARE], folder)
            seconds = time.perf_counter() - start
            part = json.loads(Path(folder, "stages.json").read_text())
            parts.append(part | {"Python itself, start and end": seconds - sum(part.values())})
    median = {name: statistics.median(part[name] for part in parts) for name in parts[0]}
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


def imports(log: str) -> Iterator[tuple[str, float]]:
    """Read modules and their own seconds from the log of `-X importtime`."""
    for line in log.splitlines():
        own, _, name = line.removeprefix("import time:").split("|") if "|" in line else ("", "", "")
        if own.strip().isdigit():
            yield name.strip(), int(own) / 1e6


def package_of(module: str) -> str:
    top = module.partition(".")[0]
    return "Python's own library" if top in sys.stdlib_module_names else top


def font_cache() -> str:
    import matplotlib

    return matplotlib.get_cachedir()


def run(command: list[str], folder: str, environment: dict[str, str] | None = None):
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    )


if __name__ == "__main__":
    main()
