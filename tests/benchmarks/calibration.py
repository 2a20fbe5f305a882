"""How often the intervals of a comparison are wrong, in experiments whose truth is known.

    python tests/benchmarks/calibration.py           # 1,000 tables a cell, about ten minutes
    python tests/benchmarks/calibration.py 200       # so many

Mixtures: the differences of clean networks have a standard deviation of 0.2 points around 0, and
some networks fail to train. The expected number of failures among the n repeats is one of
`FAILURES`: few enough to be missed, enough to matter. A failure costs the whole range between the
best possible accuracy and chance, or less. It happens in a variant, in standalone (then it shifts
all variants of a table), or in both.

Real differences are those of 20,000 repeats of five comparisons, drawn with replacement, all
variants of a repeat together. They are recentred where the truth is to be 0.

An interval is wrong if the true mean is outside. Goals: any wrong interval in at most 5 % of
tables, and a wrong `no practical difference`, at a true difference of 1.5 margins, in at most 5 %.
"""

import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np
from common import N_THREADS, print_table
from numpy.typing import NDArray
from scipy import special

from blobtransfer.running.run import compare
from blobtransfer.specs.data import DataSpec
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.generated import BlobsSpec, CirclesSpec, MoonsSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.specs.variant import STANDALONE, transfer_variants
from blobtransfer.statistics.bootstrap import range_end
from blobtransfer.statistics.paired import compare_pairs
from blobtransfer.statistics.power import ALPHA

SIZES = (6, 10, 30, 60, 100, 200, 300, 1000)
FAILURES = (1.5, 2, 2.2, 2.5, 2.8, 3, 3.5, 4)
N_COMPARED = (1, 3, 12)
COSTS = {"the whole range": (0.5, 0.5), "40 points": (0.4, 0.4), "10 to 40 points": (0.1, 0.4)}
FAILING = {"the variants": (1, 0), "standalone": (0, 1), "both": (1, 1)}
"""Whether networks fail in the variants, and in standalone."""

MAX_DIFFERENCE = 0.5
CLEAN_STD = 0.002
MARGIN = 0.01
N_REPEATS = 20_000
CHUNK_NUMBERS = 2_000_000
"""Differences that are analysed at once."""

N_STEPS = 30
"""Steps of a search; fewer than 15 suffice."""

Numbers = NDArray[np.float64]


class Setting(NamedTuple):
    """A comparison whose differences are drawn."""

    source: DataSpec
    target: DataSpec
    training: TrainingSpec = TrainingSpec()
    network: MLPSpec = MLPSpec()


SETTINGS = {
    "default": Setting(BlobsSpec(1), BlobsSpec(2)),
    "near the best possible": Setting(BlobsSpec(1, cluster_std=0.5), BlobsSpec(2, cluster_std=0.5)),
    "40 training rows": Setting(BlobsSpec(1), BlobsSpec(2, n_train=40)),
    "Adam": Setting(
        BlobsSpec(1), BlobsSpec(2), TrainingSpec(optimizer="adam", learning_rate=0.001)
    ),
    "moons to circles": Setting(MoonsSpec(1), CirclesSpec(2), network=MLPSpec(n_classes=2)),
}


def main(n_tables: int) -> None:
    """Print the tables of the mixtures and of the real differences."""
    cells = list(product(COSTS, FAILING, SIZES))
    with ProcessPoolExecutor(N_THREADS, get_context("spawn")) as processes:
        columns = [*zip(*cells, strict=True), [n_tables] * len(cells)]
        rates = dict(zip(cells, processes.map(mixture_rates, *columns), strict=True))
    failures = ", ".join(map(str, FAILURES))
    print("any wrong interval, % of tables of 1 / 3 / 12 variants; the most over"
          f" {failures} expected failures\n")  # fmt: skip
    rows = [
        [cost, failing, *(percents(rates[cost, failing, n][0]) for n in SIZES)]
        for cost, failing in product(COSTS, FAILING)
    ]
    print_table(["a failure costs", "in", *(f"n = {n}" for n in SIZES)], rows)
    print_most_equivalences([rate[1].max() for rate in rates.values()])
    print("\nany wrong interval, and each variant decided, % of tables of three variants\n")
    rows, most = [], []
    for name, setting in SETTINGS.items():
        differences, max_difference = real_differences(setting)
        wrong, wrong_alike, *decided = real_rates(differences, max_difference, n_tables)
        most.append(max(wrong_alike))
        rows.append([name, "any wrong interval", *map(percent, wrong)])
        for mean, shares in zip(differences.mean(axis=0), decided, strict=True):
            rows.append([name, f"decided, true mean {100 * mean:+.1f}", *map(percent, shares)])
    print_table(["real differences", "", *(f"n = {n}" for n in SIZES)], rows)
    print_most_equivalences(most)


def print_most_equivalences(rates: list[float]) -> None:
    """Print the largest rate of a wrong `no practical difference`."""
    print(f"\nany wrong `no practical difference`: at most {percent(max(rates))} % in any cell")


def mixture_rates(cost: str, failing: str, n: int, n_tables: int) -> Numbers:
    """Return the largest rates over `FAILURES` of wrong intervals and wrong equivalences.

    Args:
        cost: Key of `COSTS`.
        failing: Key of `FAILING`.
        n: Repeats.
        n_tables: Tables of twelve variants; tables of three or one are cut from them.

    Returns:
        (2, K) rates for the K numbers of `N_COMPARED`.
    """
    rates = []
    for n_failures in FAILURES:
        rng = np.random.default_rng([n, round(10 * n_failures)])
        rate = min(0.5, n_failures / n)
        in_variants, in_standalone = FAILING[failing]
        truth = rate * np.mean(COSTS[cost]) * (in_standalone - in_variants)
        errors = []
        for size in chunk_sizes(n_tables, n * max(N_COMPARED)):
            d = rng.normal(0.0, CLEAN_STD, (size, max(N_COMPARED), n))
            if in_variants:
                d -= failures(rng, rate, COSTS[cost], d.shape)
            if in_standalone:
                d += failures(rng, rate, COSTS[cost], (size, 1, n))
            errors.append(errors_of(d, truth, MAX_DIFFERENCE))
        levels = [np.concatenate(chunks) for chunks in zip(*errors, strict=True)]
        rates.append([[any_of(level, k) for k in N_COMPARED] for level in levels])
    return np.max(rates, axis=0)


def failures(
    rng: np.random.Generator, rate: float, cost: tuple[float, float], shape: tuple[int, ...]
) -> Numbers:
    """Draw the cost of each run: 0, or with probability `rate` uniform between two costs."""
    return np.where(rng.random(shape) < rate, rng.uniform(*cost, shape), 0.0)


def errors_of(d: Numbers, truth: Numbers | float, max_difference: float) -> tuple[Numbers, Numbers]:
    """Return the level at which each interval, and each equivalence, is wrong.

    Args:
        d: (T, V, n) differences with the mean `truth`.
        truth: True mean of each variant, (V,), or of all.
        max_difference: See `compare_pairs`.

    Returns:
        (T, V) smallest alpha / k at which the interval is wrong; the same for `no practical
        difference` if the true difference were -1.5 margins.
    """
    n_tables, n_variants, n = d.shape
    truths = np.broadcast_to(truth, (n_tables, n_variants)).reshape(-1)
    samples = d.reshape(-1, n)
    above = upper_tails(samples, truths, max_difference)
    wrong = 2 * np.minimum(above, 1 - above)
    shifted = samples - truths[:, None] - 1.5 * MARGIN
    outside = np.maximum(
        1 - upper_tails(shifted, -MARGIN, max_difference),
        upper_tails(shifted, MARGIN, max_difference),
    )
    check(samples[0], truths[0], max_difference, wrong[0])
    return wrong.reshape(n_tables, n_variants), 2 * outside.reshape(n_tables, n_variants)


def check(d: Numbers, truth: float, max_difference: float, level: float) -> None:
    """Check one level against the program's own interval."""
    for n_compared in N_COMPARED:
        difference = compare_pairs(d, max_difference, n_compared)
        alpha = ALPHA / n_compared
        if abs(level / alpha - 1) > 1e-3:
            assert (difference.ci_low <= truth <= difference.ci_high) == (level > alpha)


def upper_tails(d: Numbers, mean: Numbers | float, max_difference: float) -> Numbers:
    """Return the tails of `bootstrap.BootstrapMean` above a mean, for many samples at once.

    Args:
        d: (S, n) samples.
        mean: One for each sample, (S,), or for all.
        max_difference: See `compare_pairs`.
    """
    ends = range_end(np.maximum(max_difference, np.abs(d).max(axis=1)), d.shape[1])[:, None]
    values = np.concatenate([d, -ends, ends], axis=1) - np.broadcast_to(mean, len(d))[:, None]
    sides = np.where(values.sum(axis=1) > 0.0, -1.0, 1.0)
    values *= sides[:, None]
    s, low, high = np.zeros(len(d)), np.zeros(len(d)), 1.0 / values.max(axis=1)
    for _ in range(N_STEPS):
        terms = values / (1.0 - s[:, None] * values)
        slope = terms.sum(axis=1)
        low, high = np.where(slope < 0.0, s, low), np.where(slope < 0.0, high, s)
        step = s - slope / np.einsum("ij,ij->i", terms, terms)
        following = np.where((step > low) & (step < high), step, (low + high) / 2)
        is_done = np.abs(following - s) <= 1e-9 * following
        s = following
        if is_done.all():
            break
    weights = 1.0 / (1.0 - s[:, None] * values)
    root = np.sqrt(np.maximum(-2.0 * np.log(weights).sum(axis=1), 1e-12))
    spread = np.sqrt(np.maximum(((weights - 1.0) ** 2).sum(axis=1), 1e-12))
    density = np.exp(-(root**2) / 2) / np.sqrt(2.0 * np.pi)
    tails = special.ndtr(-root) + density * (1.0 / spread - 1.0 / root)
    return np.where(sides > 0.0, tails, 1.0 - tails)


def any_of(levels: Numbers, n_compared: int) -> float:
    """Return the share of tables of some variants in which any is wrong."""
    n_tables, n_variants = levels.shape
    n_groups = n_variants // n_compared
    groups = levels[:, : n_groups * n_compared].reshape(n_tables * n_groups, n_compared)
    return float((groups <= ALPHA / n_compared).any(axis=1).mean())


def chunk_sizes(n_tables: int, n_numbers: int) -> Iterator[int]:
    """Yield numbers of tables, each with `n_numbers` differences, that are analysed at once."""
    size = max(1, CHUNK_NUMBERS // n_numbers)
    for first in range(0, n_tables, size):
        yield min(size, n_tables - first)


def real_differences(setting: Setting) -> tuple[Numbers, float]:
    """Run a comparison with fresh sources.

    Returns:
        (R, 3) differences from standalone, and the largest possible one.
    """
    spec = ExperimentSpec(
        network=setting.network,
        training=setting.training,
        variants=(STANDALONE, *transfer_variants(None, 2)),
        questions=("fresh",),
        n_repeats=N_REPEATS,
        source=setting.source,
        target=setting.target,
    )
    cell = compare(spec).cell
    floor = cell.measured.floor
    standalone, *others = (cell.scores.imputed_accuracy(arm, floor) for arm in spec.arms)
    return np.stack([other - standalone for other in others], axis=1), cell.measured.max_difference


def real_rates(differences: Numbers, max_difference: float, n_tables: int) -> Numbers:
    """Return the rates of wrong intervals, wrong equivalences, and of each variant decided.

    Args:
        differences: (R, V) differences.
        max_difference: See `compare_pairs`.
        n_tables: Tables per cell.

    Returns:
        (2 + V, S) rates for the S numbers of repeats of `SIZES`.
    """
    truth = differences.mean(axis=0)
    columns = []
    for n in SIZES:
        rng = np.random.default_rng(n)
        chunks = []
        for size in chunk_sizes(n_tables, n * len(truth)):
            d = differences[rng.integers(len(differences), size=(size, n))].swapaxes(1, 2)
            above = upper_tails(d.reshape(-1, n), 0.0, max_difference).reshape(size, -1)
            errors = errors_of(d - truth[:, None], 0.0, max_difference)
            chunks.append((*errors, 2 * np.minimum(above, 1 - above)))
        wrong, wrong_alike, p = map(np.concatenate, zip(*chunks, strict=True))
        decided = (p <= ALPHA / len(truth)).mean(axis=0)
        columns.append([any_of(wrong, len(truth)), any_of(wrong_alike, len(truth)), *decided])
    return np.transpose(columns)


def percent(rate: float) -> str:
    """Format a rate."""
    return f"{100 * rate:.1f}"


def percents(rates: Numbers) -> str:
    """Format the rates of the numbers of variants."""
    return " / ".join(map(percent, rates))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
