"""What it saves to draw the orders of a repeat, and lay its rows out, once for all its arms.

    .venv/bin/python tests/benchmarks/arms.py

One thread trains 64 repeats of some arms, in block groups and then each block by itself, in turns;
the least CPU time of each counts.
"""

import time
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
from common import DEFAULT, ignore, make_job, print_table

from blobtransfer.engines import Job
from blobtransfer.engines.compiled import engine as compiled
from blobtransfer.engines.compiled import scheduling

N_REPEATS, N_TURNS = 64, 15
FROZEN = {1: [0], 4: [0, 0, 1, 2], 7: [0, 0, 1, 2, 0, 1, 2]}
"""The frozen layers of `compare`'s arms, for one question and for both."""


def main() -> None:
    """Print a row for each number of arms."""
    engine, block_groups = compiled.CompiledEngine(1), scheduling.block_groups
    rows = []
    for n_arms, n_frozen in FROZEN.items():
        job = job_of_arms(n_frozen)

        def alone(*arguments: Any) -> list[list[np.ndarray]]:
            return [[block] for group in block_groups(*arguments) for block in group]

        best = {"together": np.inf, "alone": np.inf}
        for _ in range(N_TURNS):
            best["together"] = min(best["together"], seconds(engine, job))
            with patch.object(scheduling, "block_groups", alone):
                best["alone"] = min(best["alone"], seconds(engine, job))
        rates = [f"{job.n_runs / best[how]:,.0f}" for how in ("alone", "together")]
        rows.append([n_arms, *rates, f"{best['alone'] / best['together']:.2f}"])
    heads = ["arms", "fits a CPU second, each alone", "together", "times as fast"]
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
