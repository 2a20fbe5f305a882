"""Python and machine code of a repeat, in microseconds, and the time that they predict.

    python tests/benchmarks/overhead.py              # predicts for 16 cores
    python tests/benchmarks/overhead.py --cores 64

Times are CPU seconds of `run_block`, the minimum over several blocks: other work on the machine
hardly changes them.

- Python in the main thread prepares and collects jobs while no thread trains; this is the serial
  time. It includes the little time that polling the threads takes.
- Python in the threads runs in one of them at a time, while others run machine code.
- The predicted time is the time of the main thread plus the longer of two times: the Python of the
  threads, or their Python and machine code divided by the number of cores.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import fields, replace
from typing import NamedTuple

from common import N_THREADS, figure, print_table

from blobtransfer.data.tables.resolve import resolve_data_specs
from blobtransfer.engines import load_engine
from blobtransfer.engines.compiled import engine as compiled
from blobtransfer.engines.compiled.compilation import Kernel
from blobtransfer.network import initial_weights
from blobtransfer.running.block import run_block
from blobtransfer.running.trainer import SourceKey
from blobtransfer.specs.data_text import parse_data_spec
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.variant import STANDALONE, transfer_variants

N_ROUNDS = 7

COMPARE = ExperimentSpec(
    variants=(STANDALONE, *transfer_variants([0, 1, 2], 2)),
    n_repeats=100_000,
    source=BlobsSpec(1),
    target=BlobsSpec(2),
)
IRIS = resolve_data_specs({"target": parse_data_spec("target", "iris", 0)}, 0)["target"]

CASES = {
    "`compare`, 8 fits": COMPARE,
    "`--initializer he_normal`, 8 fits": replace(COMPARE, network=MLPSpec(initializer="he_normal")),
    "standalone, 1 fit": replace(COMPARE, variants=(STANDALONE,), source=None),
    "`--target iris`, a new split per repeat, 8 fits": replace(
        COMPARE, network=MLPSpec(n_features=4), source=BlobsSpec(1, n_features=4), target=IRIS
    ),
}


class Cost(NamedTuple):
    """CPU seconds per repeat: Python in the main thread and in the threads, machine code."""

    main: float
    threads: float
    machine_code: float

    def predicted(self, n_cores: int) -> float:
        """Return the predicted seconds per repeat on `n_cores` cores."""
        return self.main + max(self.threads, (self.threads + self.machine_code) / n_cores)


def main() -> None:
    """Print a row for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", type=int, default=16)
    n_cores = parser.parse_args().cores
    rows = []
    for name, spec in CASES.items():
        rounds = [measure(spec, i) for i in range(N_ROUNDS)]
        cost = Cost(*map(min, zip(*rounds, strict=True)))
        predicted = cost.predicted(n_cores)
        rows.append(
            [
                name,
                *(figure(1e6 * seconds) for seconds in cost),
                f"{100 * cost.main / sum(cost):.1f} %",
                figure(1e6 * predicted),
                f"{sum(cost) / predicted:.1f}",
            ]
        )
    print(f"\N{MICRO SIGN}s per repeat, measured with {N_THREADS} threads\n")
    heads = ["case", "Python, main thread", "Python, threads", "machine code", "serial fraction"]
    print_table([*heads, f"predicted, {n_cores} cores", "times as fast as 1 core"], rows)


def measure(spec: ExperimentSpec, i: int) -> Cost:
    """Measure block `i`, whose number of repeats the engine chooses."""
    engine = load_engine(spec.engine)
    engine.start(spec)
    n = engine.repeats_at_once(spec)
    repeats = range(i * n, (i + 1) * n)
    sources = {SourceKey("one", "transfer", 0): initial_weights(spec.network, 0, 0)}
    times: list[float] = []
    get_kernel = compiled.get_kernel
    compiled.get_kernel = lambda *arguments: with_timed_functions(get_kernel(*arguments), times)
    try:
        main_start, start = time.thread_time(), time.process_time()
        run_block(spec, repeats, sources, engine)
        main_s, all_s = time.thread_time() - main_start, time.process_time() - start
    finally:
        compiled.get_kernel = get_kernel
    machine_code_s = sum(times)
    return Cost(main_s / n, (all_s - main_s - machine_code_s) / n, machine_code_s / n)


def with_timed_functions(kernel: Kernel, times: list[float]) -> Kernel:
    """Return a kernel that appends the CPU seconds of each call of machine code to a list."""

    def timed(function: Callable[..., None]) -> Callable[..., None]:
        def call(**arguments: object) -> None:
            start = time.thread_time()
            function(**arguments)
            times.append(time.thread_time() - start)

        return call

    values = {field.name: getattr(kernel, field.name) for field in fields(kernel)}
    return replace(
        kernel, **{name: timed(value) for name, value in values.items() if callable(value)}
    )


if __name__ == "__main__":
    main()
