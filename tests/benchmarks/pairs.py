"""`pairs` as a whole command for more and more pairs, and its training beside JAX `vmap`.

    python tests/benchmarks/pairs.py              # about four minutes
    python tests/benchmarks/pairs.py --rounds 1   # one

Rounds go over the commands and, pair by pair, over the ways to train, each in a process of
its own, so that other work on the machine hits all alike; the best round counts. The trainings
are those that the command makes of its first pairs, the sources and then the arms together.
The peer has no frozen layers: it trains all arms free, and so does an entry of ours.
"""

import argparse
import resource
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np
from commands import PROGRAM, run
from common import N_THREADS, accuracy, figure, print_table
from throughput import function

from blobtransfer.engines import Job, OnEpochs, Trained, load_engine
from blobtransfer.running.block import run_block
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.variant import STANDALONE, Variant

COMMAND = ["pairs", "--repeats", "60", "--fixed", "0", "1", "2", "-q", "--no-plot"]
COUNTS, N_PAIRS, N_TRAINED, N_REPEATS = (15, 30, 60, 120), 60, 6, 60
VARIANTS = (STANDALONE, *(Variant("transfer", n_frozen) for n_frozen in (0, 1, 2)))
SPEC = ExperimentSpec(
    variants=VARIANTS,
    questions=("fresh",),
    n_repeats=N_REPEATS,
    source=BlobsSpec(1),
    target=BlobsSpec(2),
)
ENTRIES = {
    "blobtransfer, compiled engine": ("ours.train_compiled", False),
    "blobtransfer, compiled engine, no layer frozen": ("ours.train_compiled", True),
    "JAX `vmap` + `scan` + `jit`, no layer frozen": ("jax_vmap.train", True),
}


class Cost(NamedTuple):
    """Seconds of the clock and of the processor; the mean test accuracy where it trained."""

    s: float
    cpu_s: float
    accuracy: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    n_rounds = parser.parse_args().rounds
    jobs = [job for pair in range(N_TRAINED) for job in jobs_of(pair)]
    processes = {name: ProcessPoolExecutor(1, get_context("spawn")) for name in ENTRIES}
    one_epoch = [replace(job, training=replace(job.training, epochs=1)) for job in jobs[:2]]
    first_s = {
        name: sum(process.submit(train, *ENTRIES[name], job).result().s for job in one_epoch)
        for name, process in processes.items()
    }
    commands: dict[int, list[Cost]] = defaultdict(list)
    trained: dict[str, list[list[Cost]]] = {name: [[] for _ in jobs] for name in processes}
    for _ in range(n_rounds):
        for n_pairs in COUNTS:
            commands[n_pairs].append(command(n_pairs))
        for i, job in enumerate(jobs):
            for name, process in processes.items():
                trained[name][i].append(process.submit(train, *ENTRIES[name], job).result())
    show_commands({n_pairs: best(costs) for n_pairs, costs in commands.items()})
    show_trained({name: [*map(best, costs)] for name, costs in trained.items()}, first_s)


def jobs_of(pair: int) -> list[Job]:
    """Give the jobs that the command makes of a pair: its sources, then its arms."""
    engine, jobs = load_engine("compiled"), []
    source, target = BlobsSpec(2 * pair + 1), BlobsSpec(2 * pair + 2)
    spec = replace(SPEC, train_seed=pair, source=source, target=target)

    class Recorder:
        def train(self, job: Job, on_epochs: OnEpochs) -> Trained:
            jobs.append(job)
            return engine.train(job, on_epochs)

    run_block(spec, range(N_REPEATS), {}, Recorder())
    return jobs


def command(n_pairs: int) -> Cost:
    """Run the whole command in a fresh process and an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        run([*PROGRAM, *COMMAND, "--pairs", str(n_pairs)], folder)
        seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(seconds, sum(after[:2]) - sum(before[:2]))


def train(path: str, is_free: bool, job: Job) -> Cost:
    """Train a job once; in the process of the entry."""
    job = replace(job, n_frozen=job.n_frozen * (not is_free))
    entry, cpu, start = function(path), time.process_time(), time.perf_counter()
    weights = entry(job)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return Cost(seconds, cpu, accuracy(job, weights))


def best(costs: list[Cost]) -> Cost:
    """Give the least of both times; accuracies are the same in all rounds."""
    return Cost(min(one.s for one in costs), min(one.cpu_s for one in costs), costs[0].accuracy)


def show_commands(found: dict[int, Cost]) -> None:
    """Print what the command costs, and the straight lines nearest to that."""
    rows, lines = [[n] for n in found], []
    for i, unit in enumerate(("s", "CPU s")):
        counts, costs = np.array(list(found)), np.array([one[i] for one in found.values()])
        for row, cost, share in zip(rows, costs, costs / counts, strict=True):
            row += [f"{cost:.2f}", f"{share:.3f}", f"{share / found[N_PAIRS][i] * N_PAIRS:.2f}"]
        slope, fixed = np.polyfit(counts, costs, 1)
        off = np.abs(costs - fixed - slope * counts).max()
        lines.append(f"{fixed:.2f} {unit} + {slope:.3f} {unit} a pair, off by {off:.2f} at most")
    print(f"`{' '.join(COMMAND)} --pairs N`, {N_THREADS} cores\n")
    ratio = f"of that at {N_PAIRS}"
    print_table(["pairs", "s", "s a pair", ratio, "CPU s", "CPU s a pair", ratio], rows)
    print(f"\nNearest lines: {'; '.join(lines)}.")


def show_trained(found: dict[str, list[Cost]], first_s: dict[str, float]) -> None:
    """Print the rates of the entries; see that those learn alike that do the same work."""
    n_fits, rows, free = N_TRAINED * N_REPEATS * (1 + len(VARIANTS)), [], []
    ours_s = sum(one.s for one in next(iter(found.values())))
    for name, (_, is_free) in ENTRIES.items():
        s, cpu_s, _ = np.sum(found[name], axis=0)
        percents = [100 * np.mean([one.accuracy for one in found[name][i::2]]) for i in (0, 1)]
        free += [percents] if is_free else []
        rates = map(figure, (n_fits / s, s * N_PAIRS / N_TRAINED, s / ours_s, n_fits / cpu_s))
        rows.append([name, *rates, f"{first_s[name]:.1f}", *(f"{one:.1f} %" for one in percents)])
    print("\nThe trainings alone\n")
    head = ["", f"fits/s ({N_TRAINED} pairs)", f"s for {N_PAIRS} pairs", "times slower"]
    head += ["fits a CPU second", "first calls, s", "accuracy of sources", "of arms"]
    print_table(head, rows)
    apart = np.ptp(free, axis=0).max()
    assert apart < 1, f"mean accuracies differ by {apart:.1f} points"
    print(f"\nCheck: with no layer frozen, mean accuracies differ by {apart:.2f} points at most.")


if __name__ == "__main__":
    main()
