"""Writers of a store that are killed at random moments, one after another.

Run as a program of one thread, which may fork: `python killed_writers.py FILE N SEED`. It prints
how many blocks were acknowledged, how many are kept, and `ok` where each of them is as it was.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np

from blobtransfer.results.provenance import Environment
from blobtransfer.results.results import BlockResult
from blobtransfer.results.scores import Scores
from blobtransfer.results.store.packing import pack
from blobtransfer.results.store.store import Store
from blobtransfer.running.checkpoint import header_of
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.training import METRICS

N_AT_ONCE = 3
SPEC = ExperimentSpec(target=BlobsSpec(2), n_repeats=10_000_000)
MAKER = Environment({"python": "3"}, {"system": "none"}, "0")
HEAD = header_of(SPEC, is_stored=False)


def block_of(first: int) -> BlockResult:
    """Return the block that begins with a repeat; its numbers are a function of them."""
    repeats = np.arange(first, first + N_AT_ONCE)
    shape = (len(METRICS), len(SPEC.arms), N_AT_ONCE)
    values = np.random.default_rng(first).random(shape)
    classes, is_failed = np.full(shape[1:], 3), np.zeros(shape[1:], bool)
    return BlockResult(Scores(SPEC.arms, repeats, values, classes, is_failed, values[0]))


def write(path: Path, told: int) -> None:
    """Write blocks without end, and tell of each once it is kept."""
    with Store.open(path, writes=True) as store:
        kept = store.stored(SPEC)
        first = kept.count(range(SPEC.n_repeats))
        while True:
            kept.add(HEAD, block_of(first), MAKER, "now", 0.0)
            os.write(told, first.to_bytes(8))
            first += N_AT_ONCE


def main(path: Path, n: int, seed: int) -> None:
    """Kill writers, and look after each at what it has left."""
    rng = random.Random(seed)
    acknowledged: set[int] = set()
    for _ in range(n):
        reading, telling = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(reading)
            write(path, telling)
        os.close(telling)
        with os.fdopen(reading, "rb") as acknowledgements:
            content = acknowledgements.read(8 * rng.randrange(4))
            time.sleep(rng.random() * 0.01)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            content += acknowledgements.read()
        firsts = {int.from_bytes(content[i : i + 8]) for i in range(0, len(content), 8)}
        acknowledged |= firsts
        if acknowledged:
            with Store.open(path, writes=rng.random() < 0.5) as store:
                kept = store.stored(SPEC)
                assert kept.count(range(SPEC.n_repeats)) >= N_AT_ONCE * len(acknowledged)
                for first in firsts:
                    (found,) = kept.blocks(range(first, first + N_AT_ONCE))
                    assert pack(found) == pack(block_of(first))
    with Store.open(path, writes=False) as store:
        blocks = store.stored(SPEC).blocks(range(SPEC.n_repeats))
    firsts = {int(block.scores.repeats[0]) for block in blocks}
    assert acknowledged <= firsts
    assert all(pack(one) == pack(block_of(int(one.scores.repeats[0]))) for one in blocks)
    print(len(acknowledged), len(blocks), "ok")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
