"""How often 95 % intervals hold the truth, simulated; prints the table of docs/method.md.

.venv/bin/python tests/benchmarks/coverage.py [EXPERIMENTS]
"""

import sys
from collections.abc import Callable

import numpy as np

from blobtransfer.statistics.nested import nested_differences
from blobtransfer.statistics.paired import paired_differences

BETWEEN, WITHIN = 0.03, 0.01
"""Standard deviation of the differences between sources, and of repeats within one."""

Draw = Callable[[np.random.Generator], np.ndarray]


def fresh(n: int) -> Draw:
    """Draw a new source each repeat."""
    return lambda rng: rng.normal(0, BETWEEN, n) + rng.normal(0, WITHIN, n)


def one(n: int) -> Draw:
    """Draw one source for all repeats."""
    return lambda rng: rng.normal(0, BETWEEN) + rng.normal(0, WITHIN, n)


def with_dead(n: int) -> Draw:
    """Draw differences in which one of twenty networks ends 30 points away; mean 0."""
    return lambda rng: rng.normal(0, WITHIN, n) + 0.3 * (rng.random(n) < 0.05) - 0.015


def nested(n_sources: int, n_repeats: int, between: float) -> Draw:
    """Draw several repeats of several sources."""
    return lambda rng: (
        rng.normal(0, between, (n_sources, 1)) + rng.normal(0, WITHIN, (n_sources, n_repeats))
    )


DESIGNS: list[tuple[str, Draw]] = [
    *((f"fresh sources, {n} repeats", fresh(n)) for n in (5, 10, 30, 100)),
    ("one source taken for the method, 30 repeats", one(30)),
    *((f"one of 20 networks dead, {n} repeats", with_dead(n)) for n in (30, 100, 300)),
    *(
        (f"nested, {s} sources x {t} repeats", nested(s, t, BETWEEN))
        for s, t in ((5, 10), (10, 20), (30, 5))
    ),
    ("nested, 10 x 20, sources nearly alike", nested(10, 20, WITHIN / 4)),
]


def main(n_experiments: int) -> None:
    """Simulate each design and print how often the interval held the true mean, 0."""
    print(f"| design | holds the truth, of {n_experiments:,} |")
    print("| --- | ---: |")
    for name, draw in DESIGNS:
        n_held = 0
        for experiment in range(n_experiments):
            rng = np.random.default_rng([1, experiment])
            compare = nested_differences if name.startswith("nested") else paired_differences
            (difference,) = compare([draw(rng)], 0.01, rng)
            n_held += difference.ci_low <= 0.0 <= difference.ci_high
        print(f"| {name} | {100 * n_held / n_experiments:.1f} % |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
