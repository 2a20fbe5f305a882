"""What each decision in the compiled engine brings, and where its time goes.

    .venv/bin/python tests/benchmarks/tuning.py

Every variant trains the same block of networks on one thread and evaluates it once; the variants
take turns, and the fastest turn of each counts.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import numpy as np
from common import job_of
from llvmlite import binding as llvm

from blobtransfer.engines.compiled import compilation, kernel, memory, native, simd, vector_math
from blobtransfer.engines.compiled.engine import _JobTraining
from blobtransfer.engines.compiled.update import UpdateRule
from blobtransfer.randomness import Stream, order_keys
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TrainingSpec

SMALL, WIDE = MLPSpec(), MLPSpec(64, (64, 64), 10)
EPOCHS = {SMALL: 100, WIDE: 3}
TURNS = {SMALL: 40, WIDE: 12}


def vectors_off_the_cache_lines(self: memory.Vectors, n: int, lanes: int) -> None:
    """Allocate as NumPy does: at a multiple of 16 bytes, here never of 64."""
    n_bytes = n * lanes * 4
    memory = np.zeros(n_bytes + 128, np.uint8)
    start = -memory.ctypes.data % 64 + 16
    self.values = memory[start : start + n_bytes].view(np.float32).reshape(n, lanes)
    self.address = int(self.values.ctypes.data)


def optimise_with_all_passes(parsed: llvm.ModuleRef, machine: llvm.TargetMachine) -> None:
    """Optimise as LLVM does at its second level."""
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(2))
    builder.getModulePassManager().run(parsed, builder)


def nothing(*_: object, **__: object) -> None:
    """Write no code."""


def empty(code: simd.Code, *_: object) -> None:
    """Write a function that does nothing."""
    code.finish()


DECISIONS = {
    "as it is": [],
    "buffers off the cache lines": [
        patch.object(memory.Vectors, "__init__", vectors_off_the_cache_lines)
    ],
    "one sum in registers at a time": [patch.multiple(kernel, ROWS=1, COLUMNS=1, SQUARE=1)],
    "tiles of at most 2 x 3": [patch.multiple(kernel, ROWS=2, COLUMNS=3, SQUARE=3)],
    "no loop written out": [patch.object(module, "UNROLLED", 1) for module in (simd, kernel)],
    "8 networks a vector": [patch.object(native, "host_lanes", lambda: 8)],
    "4 networks a vector": [patch.object(native, "host_lanes", lambda: 4)],
    "all passes of LLVM": [patch.object(native, "_optimise", optimise_with_all_passes)],
}
PARTS = {
    "everything": [],
    "without shuffling and packing rows": [
        patch.object(kernel, name, empty)
        for name in ("_write_shuffle", "_write_pack_rows", "_write_shuffle_and_pack")
    ],
    "without the forward pass": [patch.object(kernel._Network, "forward", nothing)],
    "without sending deltas down": [patch.object(kernel._Network, "delta_below", nothing)],
    "without moving weights": [patch.object(kernel._Network, "update", nothing)],
    "without exp": [patch.object(vector_math, "exp_of_negative", lambda code, x: x)],
}


@contextmanager
def all_of(patches: list[patch]) -> Iterator[None]:
    """Apply some patches."""
    with ExitStack() as stack:
        for one in patches:
            stack.enter_context(one)
        yield


def prepare(network: MLPSpec, patches: list[patch]) -> tuple[float, Callable[[], float]]:
    """Compile one variant; give the seconds that took, and what trains once and times it.

    The time is that of as many networks as the widest vectors hold.
    """
    spec = BlobsSpec(2, n_features=network.n_features, n_classes=network.n_classes)
    training = TrainingSpec(EPOCHS[network])
    with all_of(patches):
        rule = UpdateRule.from_training(training, is_anchored=False)
        start = time.perf_counter()
        compile_kernel = compilation._compile.__wrapped__  # without the cache
        code = compile_kernel(network, 64, rule, False, native.host_lanes())
        seconds = time.perf_counter() - start
    keys = order_keys(0, Stream.TARGET_ORDER, range(code.lanes))
    job = job_of(spec, network, training, keys)

    def train() -> float:
        with all_of(patches):
            work = _JobTraining(job, code)
            start = time.perf_counter()
            work.train_groups(iter(work.groups(1)))
            seconds = time.perf_counter() - start
        return seconds * native.host_lanes() / code.lanes

    return seconds, train


def race(title: str, variants: dict[str, list[patch]]) -> None:
    """Print a row a variant: time to compile, and time to train against the first."""
    heads = [f"compile {SMALL}", f"train {SMALL}", f"train {WIDE}"]
    print(f"\n| {title} | {' | '.join(heads)} |\n| --- | ---: | ---: | ---: |")
    prepared = {
        (name, network): prepare(network, patches)
        for name, patches in variants.items()
        for network in (SMALL, WIDE)
    }
    best = dict.fromkeys(prepared, np.inf)
    for network, n_turns in TURNS.items():
        for _ in range(n_turns):
            for name in variants:
                at = (name, network)
                best[at] = min(best[at], prepared[at][1]())
    first = next(iter(variants))
    for name in variants:
        cells = [f"{prepared[name, SMALL][0]:.2f} s"]
        for network in (SMALL, WIDE):
            cells.append(f"x {best[name, network] / best[first, network]:.2f}")
        print(f"| {name} | {' | '.join(cells)} |")
    rate = native.host_lanes() * EPOCHS[SMALL] / 100 / best[first, SMALL]
    print(f"\nx 1.00 of {SMALL} is {rate:,.0f} fits a second on one thread.")


if __name__ == "__main__":
    race("decision taken back", DECISIONS)
    race("part left out", PARTS)
