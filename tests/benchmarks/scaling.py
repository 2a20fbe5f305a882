"""Cost against work of the compiled engine: one thing is varied at a time.

    python tests/benchmarks/scaling.py

Every line is a process of its own, and its time the best of three calls, or of those in 5 s.
"""

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from common import DEFAULT, N_THREADS, figure, make_job, print_table

CASES = {
    "runs": [{"n_runs": n} for n in (1, 10, 100, 1_000, 10_000, 100_000)],
    "epochs": [{"epochs": n} for n in (10, 30, 100, 300, 1_000)],
    "rows": [{"n_rows": n} for n in (100, 300, 1_000, 3_000, 10_000)],
    "widths": [{"sizes": (2, n, n, 3), "n_runs": 128} for n in (4, 8, 16, 32, 64, 128)],
}
BASE = {"sizes": DEFAULT, "n_runs": 1_000, "epochs": 100, "n_rows": 500}


def main() -> None:
    print(f"Base: {', '.join(f'{name} {value}' for name, value in BASE.items())}; ", end="")
    print(f"{N_THREADS} cores\n")
    rows = []
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as fresh:
        for name, cases in CASES.items():
            for case in cases:
                settings = BASE | case
                seconds, cores, n_weights, peak_mb = fresh.submit(measure, settings).result()
                n_rows = settings["n_runs"] * settings["epochs"] * settings["n_rows"]
                value = next(iter(case.values()))
                rows.append(
                    [
                        name,
                        "-".join(map(str, value)) if name == "widths" else f"{value:,}",
                        f"{settings['n_runs']:,}",
                        figure(seconds),
                        figure(1e6 * seconds / settings["n_runs"]),
                        figure(1e9 * seconds / n_rows),
                        figure(1e12 * seconds / n_rows / n_weights),
                        f"{cores:.1f}",
                        f"{peak_mb:,.0f}",
                    ]
                )
    head = ["varied", "value", "runs", "s", "\N{MICRO SIGN}s a fit", "ns a training row"]
    print_table([*head, "ps a row and weight", "cores busy", "peak MB"], rows)


def measure(settings: dict[str, object]) -> tuple[float, float, int, float]:
    """Give the seconds of a job, the cores busy, its weights, and the peak memory in MB."""
    import resource

    from ours import train_compiled

    job = make_job(**settings)
    train_compiled(make_job(**settings | {"n_runs": 1, "epochs": 1}))  # compiles
    times = []
    while len(times) < 3 and sum(times) < 5.0:
        start, cpu = time.perf_counter(), time.process_time()
        train_compiled(job)
        times.append(time.perf_counter() - start)
        if times[-1] == min(times):
            cores = (time.process_time() - cpu) / times[-1]
    unit = 2**20 if sys.platform == "darwin" else 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return min(times), cores, job.network.n_parameters, peak


if __name__ == "__main__":
    main()
