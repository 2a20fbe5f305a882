"""The same comparisons here and on a Dask cluster of the same cores: what a cluster adds.

    python tests/benchmarks/clusters.py              # about five minutes
    python tests/benchmarks/clusters.py --rounds 1

Here a command trains with a thread a core; the cluster is a scheduler and a worker of one thread
a core, on the loopback address, started before. All are whole commands in processes of their own,
in turns; the best round counts. What a repeat costs is the slope from fewer repeats to more.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from commands import PROGRAM
from common import N_THREADS, print_table, run

COMMAND = ["compare", "-q", "--no-plot"]
SIZES = (4_000, 16_000)


def main() -> None:
    from helpers.clusters import Cluster

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    n_rounds = parser.parse_args().rounds
    times: dict[tuple[str, int], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder))
        try:
            for _ in range(N_THREADS):
                cluster.add_worker()
            there, kept = ["--scheduler", str(cluster.file)], ["--store", "a.db"]
            ways: dict[str, list[str]] = {
                "here": [],
                "here, with `--store`": kept,
                "on the cluster": there,
                "on the cluster, with `--store`": [*there, *kept],
            }
            run([*PROGRAM, *COMMAND, "--repeats", "100", *there], folder)
            for _ in range(n_rounds):
                for n in SIZES:
                    for name, options in ways.items():
                        for store in Path(folder).glob("*.db"):
                            store.unlink()
                        start = time.perf_counter()
                        run([*PROGRAM, *COMMAND, "--repeats", str(n), *options], folder)
                        times[name, n].append(time.perf_counter() - start)
        finally:
            cluster.close()
    rows = []
    base = 0.0
    for name in ways:
        few, more = (min(times[name, n]) for n in SIZES)
        slope = (more - few) / (SIZES[1] - SIZES[0])
        base = base or slope
        start_s = few - slope * SIZES[0]
        rows.append([name, f"{start_s:.1f}", f"{1e3 * slope:.2f}", f"{slope / base:.2f}"])
    print(f"`blobtransfer {' '.join(COMMAND)} --repeats N`, {N_THREADS} cores\n")
    print_table(["", "start, s", "ms per repeat", "of the first"], rows)


if __name__ == "__main__":
    main()
