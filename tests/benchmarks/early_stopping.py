"""CPU seconds of a comparison with early stopping, relative to the same epochs without it.

    .venv/bin/python tests/benchmarks/early_stopping.py

With a patience of as many epochs as there are, no training ends early, so both sides make the same
number of epochs. The two are run in turns; the table has the least CPU time of each.
"""

import time

import numpy as np
from common import print_table

from blobtransfer.engines.compiled.engine import CompiledEngine
from blobtransfer.running.run import Resources, compare
from blobtransfer.studies.comparison import build_comparison
from blobtransfer.studies.settings import ComparisonSettings

N_REPEATS, N_TURNS, EPOCHS = 4_000, 5, 100


def main() -> None:
    """Print a row without and a row with early stopping."""
    resources = Resources(CompiledEngine())
    seconds = {patience: np.inf for patience in (None, EPOCHS)}
    for turn in range(N_TURNS + 1):
        for patience in seconds:
            settings = ComparisonSettings(
                sources="fresh", repeats=N_REPEATS, epochs=EPOCHS, patience=patience
            )
            spec = build_comparison(settings)
            before = time.process_time()
            compare(spec, None, resources)
            if turn:  # the first turn compiles
                seconds[patience] = min(seconds[patience], time.process_time() - before)
    rows = [
        ["off" if patience is None else patience, f"{spent:.2f}", f"{spent / seconds[None]:.2f}"]
        for patience, spent in seconds.items()
    ]
    print_table(["`--patience`", "CPU seconds", "times"], rows)


if __name__ == "__main__":
    main()
