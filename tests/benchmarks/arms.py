"""Fits per CPU second of the arms of a repeat, and the share of the arithmetic limit.

    .venv/bin/python tests/benchmarks/arms.py

One thread trains 64 repeats of some arms, in block groups that share the orders of the rows, and
then each block by itself, in turns; the table has the least CPU time of each.
"""

import time
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
from common import DEFAULT, ignore, make_job, print_table
from peak import peak_flops
from throughput import flops

from blobtransfer.engines import Job
from blobtransfer.engines.compiled import engine as compiled
from blobtransfer.engines.compiled import scheduling

N_REPEATS, N_TURNS = 64, 15
CASES = {
    "standalone": [0],
    "`compare --sources fresh`": [0, 0, 1, 2],
    "`compare`": [0, 0, 1, 2, 0, 1, 2],
    "`compare`, no layer frozen": [0] * 7,
}
"""The frozen layers of each arm."""


def main() -> None:
    """Print a row for each case."""
    engine, block_groups = compiled.CompiledEngine(1), scheduling.block_groups
    limit, rows = peak_flops(), []
    for name, n_frozen in CASES.items():
        job = job_of_arms(n_frozen)

        def alone(*arguments: Any) -> list[list[np.ndarray]]:
            return [[block] for group in block_groups(*arguments) for block in group]

        best = {"together": np.inf, "alone": np.inf}
        for _ in range(N_TURNS):
            best["together"] = min(best["together"], seconds(engine, job))
            with patch.object(scheduling, "block_groups", alone):
                best["alone"] = min(best["alone"], seconds(engine, job))
        limit = max(limit, peak_flops())
        rates = [f"{job.n_runs / best[how]:,.0f}" for how in ("alone", "together")]
        work = N_REPEATS * sum(flops(DEFAULT, n) for n in n_frozen)
        share = f"{100 * work / best['together'] / limit:.0f}"
        rows.append([name, len(n_frozen), *rates, share])
    heads = ["arms of", "arms", "fits per CPU s, each arm alone", "together", "% of the limit"]
    print_table(heads, rows)


def job_of_arms(n_frozen: list[int]) -> Job:
    """Make a job of arms that see the rows of each repeat in the same order."""
    job, n_arms = make_job(DEFAULT, N_REPEATS), len(n_frozen)
    return replace(
        job,
        weights=[np.concatenate([stacked] * n_arms) for stacked in job.weights],
        n_frozen=np.repeat(n_frozen, N_REPEATS),
        order_keys=np.tile(job.order_keys, n_arms),
    )


def seconds(engine: compiled.CompiledEngine, job: Job) -> float:
    """Train once and give the CPU time."""
    start = time.process_time()
    engine.train(job, ignore)
    return time.process_time() - start


if __name__ == "__main__":
    main()
