"""The arithmetic limit of this machine, measured: fused multiply-adds in registers, nothing else.

python tests/benchmarks/peak.py
"""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from common import N_THREADS
from llvmlite import ir

from blobtransfer.engines.compiled import native
from blobtransfer.engines.compiled.simd import INT64, POINTER, Code

N_SUMS = 24
"""Sums that do not wait for each other, as many as a tile of the engine has."""

N_TURNS = 2_000_000
ARGUMENTS = {"numbers": POINTER, "n_turns": INT64}


def main() -> None:
    """Print the peak of all cores."""
    print(f"{peak_flops() / 1e9:.0f} GFLOP in float32 in a second of one of {N_THREADS} cores")


def peak_flops(n_rounds: int = 3) -> float:
    """Measure the multiplications and additions in a CPU second, all threads busy; best round."""
    lanes = native.host_lanes()
    module = ir.Module("peak")
    code = Code(module, "multiply", ARGUMENTS, lanes)
    numbers = code.array("numbers")
    factor, term = numbers[0], numbers[1]
    sums = [code.variable(numbers[2 + i]) for i in range(N_SUMS)]
    with code.loop(0, code.argument("n_turns")):
        for total in sums:
            total.value = code.fma(total.value, factor, term)
    for i, total in enumerate(sums):
        numbers[2 + i] = total.value
    code.finish()
    multiply = native.compile_functions(module, {"multiply": ARGUMENTS})["multiply"]
    memories = [np.full((2 + N_SUMS, lanes), 0.5, np.float32) for _ in range(N_THREADS)]
    best = float("inf")
    with ThreadPoolExecutor(N_THREADS) as pool:
        for _ in range(n_rounds):
            start = time.process_time()
            list(
                pool.map(
                    lambda memory: multiply(numbers=memory.ctypes.data, n_turns=N_TURNS), memories
                )
            )
            best = min(best, time.process_time() - start)
    return 2.0 * lanes * N_SUMS * N_TURNS * N_THREADS / best


if __name__ == "__main__":
    main()
