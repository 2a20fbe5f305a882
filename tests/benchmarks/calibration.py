"""What the intervals and verdicts of a comparison hold, in experiments whose truth is known.

    python tests/benchmarks/calibration.py            # 4,000 experiments a cell
    python tests/benchmarks/calibration.py 400        # so many
    python tests/benchmarks/calibration.py held-out   # families that chose nothing

Differences of three variants are drawn from 20,000 real repeats of the default comparison (the
rows together, so that their correlation stays), or from mixtures: a normal of 1 point in which
one network in 50, 20 or 10 dies and loses 10 to 40 points. They are shifted to the truth that is
wanted and go through the program's own functions. Goals: any false better or worse in at most 5 %
of tables, which is all intervals holding in at least 95 %, and a wrong `no practical difference`,
at a truth of 1.5 margins, in at most 5 %.

Beside the program's interval stands a plainer one, Student's t with four pseudo-runs whatever is
asked and without the term for skewness. `held-out` runs families that had no part in the choice
between them.
"""

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from blobtransfer.running.run import compare
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.variant import STANDALONE, transfer_variants
from blobtransfer.statistics.paired import compare_pairs, verdict_of

SIZES = (6, 7, 10, 30, 60, 100, 300, 1000)
DEATHS = (0.02, 0.05, 0.10)
DEATHS_IN_ALL = (3, 4, 5, 6, 7)
"""Deaths to be expected among n runs: few enough to be missed, enough to matter."""

N_VARIANTS = 3
MARGIN = 0.01
REACH = 0.25
"""Half of what a network of the default problem can lose, about."""

WHAT = (
    "any false better or worse",
    "any interval without the truth",
    "any wrong no practical difference",
    "any interval without the truth, plainer",
)

Draw = Callable[[int, np.random.Generator], NDArray[np.float64]]


def main(n_experiments: int) -> None:
    """Print the table of each family, and the power on the real differences."""
    real = real_differences()
    print(f"true means {np.round(100 * real.mean(axis=0), 2)} points, "
          f"std {np.round(100 * real.std(axis=0), 1)}")  # fmt: skip
    families = {"real": resampled(real - real.mean(axis=0))}
    families |= {f"one in {round(1 / q)} dies": mixture(q) for q in DEATHS}
    print_errors({name: lambda n, draw=draw: draw for name, draw in families.items()},
                 n_experiments)  # fmt: skip
    print("\n| called worse, % | " + " | ".join(f"n = {n}" for n in SIZES) + " |")
    print("| --- |" + " ---: |" * len(SIZES))
    power = [found_worse(resampled(real), n, n_experiments // 4) for n in SIZES]
    for i, name in enumerate(("", ", plainer")):
        for v in range(N_VARIANTS):
            row = " | ".join(f"{100 * p[i][v]:.0f}" for p in power)
            print(f"| fixed={v}{name} | {row} |")


def held_out(n_experiments: int = 1_000) -> None:
    """Print the table of the families that had no part in any choice."""
    families: dict[str, Callable[[int], Draw]] = {
        f"{c} of n die, lose {100 * low:.0f} to {100 * high:.0f} points": (
            lambda n, c=c, low=low, high=high: mixture(min(0.5, c / n), low, high)
        )
        for low, high in ((0.10, 0.40), (0.30, 0.50))
        for c in DEATHS_IN_ALL
    }
    families |= {
        "either run of a pair dies, one in 20": lambda n: both_die(0.05),
        "one in 20 of standalone dies": lambda n: negative(mixture(0.05)),
        "long tails: t with 3 degrees": lambda n: long_tails,
        "one in 20 loses 20 points on average, exponential": lambda n: exponential(0.05),
    }
    print_errors(families, n_experiments)


def print_errors(families: dict[str, Callable[[int], Draw]], n_experiments: int) -> None:
    """Print how often each of `WHAT` happens, by family and number of repeats."""
    print("\n| family | what, % of tables | " + " | ".join(f"n = {n}" for n in SIZES) + " |")
    print("| --- | --- |" + " ---: |" * len(SIZES))
    for name, draw_of in families.items():
        cells = [cell(draw_of(n), n, n_experiments) for n in SIZES]
        for i, what in enumerate(WHAT):
            print(f"| {name} | {what} | " + " | ".join(f"{100 * c[i]:.1f}" for c in cells) + " |")


def real_differences(n_repeats: int = 20_000) -> NDArray[np.float64]:
    """Run the default comparison with fresh sources; (R, 3) differences to standalone."""
    spec = ExperimentSpec(
        variants=(STANDALONE, *transfer_variants(None, 2)),
        questions=("fresh",),
        n_repeats=n_repeats,
        source=BlobsSpec(1),
        target=BlobsSpec(2),
    )
    scores = compare(spec).cell.scores
    standalone, *others = (scores.test_accuracy(arm) for arm in spec.arms)
    return np.stack([other - standalone for other in others], axis=1)


def resampled(rows: NDArray[np.float64]) -> Draw:
    """Draw n rows of (R, 3) differences, with replacement."""
    return lambda n, rng: rows[rng.integers(len(rows), size=n)]


def mixture(q: float, low: float = 0.10, high: float = 0.40) -> Draw:
    """Draw (n, 3) differences of mean 0 of which a share q has lost from `low` to `high`."""

    def draw(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        d = rng.normal(0.0, 0.01, (n, N_VARIANTS))
        is_dead = rng.random(d.shape) < q
        return np.where(is_dead, rng.uniform(-high, -low, d.shape), d) + q * (low + high) / 2

    return draw


def negative(draw: Draw) -> Draw:
    """Draw the differences the other way round."""
    return lambda n, rng: -draw(n, rng)


def both_die(q: float) -> Draw:
    """Draw differences of mean 0 in which either run of a pair may die."""

    def draw(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        own, other = mixture(q)(n, rng), mixture(q)(n, rng)
        return own - other

    return draw


def long_tails(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw (n, 3) differences of mean 0 with a scale of 3 points."""
    return np.clip(0.03 * rng.standard_t(3, (n, N_VARIANTS)), -0.5, 0.5)


def exponential(q: float, mean: float = 0.20) -> Draw:
    """Draw (n, 3) differences of mean 0 of which a share q has an exponential loss."""

    def draw(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        d = rng.normal(0.0, 0.01, (n, N_VARIANTS))
        is_dead = rng.random(d.shape) < q
        return np.where(is_dead, -rng.exponential(mean, d.shape), d) + q * mean

    return draw


def cell(draw: Draw, n: int, n_experiments: int) -> NDArray[np.float64]:
    """Give the share of tables with each of `WHAT`: of no difference, or one of 1.5 margins."""
    rng = np.random.default_rng([n, n_experiments])
    found = np.zeros(len(WHAT))
    for _ in range(n_experiments):
        d = draw(n, rng)
        alike = [compare_pairs(d[:, v], REACH, N_VARIANTS) for v in range(N_VARIANTS)]
        worse = [kind(d[:, v] - 1.5 * MARGIN) for v in range(N_VARIANTS)]
        low, high = plainer(d)
        found += (
            any(verdict_of(one, MARGIN).kind in ("better", "worse") for one in alike),
            any(not (one.ci_low or 0.0) <= 0.0 <= (one.ci_high or 0.0) for one in alike),
            "no practical difference" in worse,
            np.any((low > 0.0) | (high < 0.0)),
        )
    return found / n_experiments


def found_worse(draw: Draw, n: int, n_experiments: int) -> NDArray[np.float64]:
    """Give, for each variant, the share of tables that call it worse: ours, and by `plainer`."""
    rng = np.random.default_rng([n, 1])
    found = np.zeros((2, N_VARIANTS))
    for _ in range(n_experiments):
        d = draw(n, rng)
        found[0] += [kind(d[:, v]) == "worse" for v in range(N_VARIANTS)]
        found[1] += plainer(d)[1] < 0.0
    return found / n_experiments


def plainer(d: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the ends of Student's t with four pseudo-runs, no skewness, for (n, 3) differences."""
    n = len(d)
    error = np.sqrt((d.var(axis=0, ddof=1) + 4 * REACH**2 / n) / n)
    half = stats.t(n - 1).ppf(1 - 0.05 / (2 * N_VARIANTS)) * error
    return d.mean(axis=0) - half, d.mean(axis=0) + half


def kind(d: NDArray[np.float64]) -> str:
    """Give the verdict on the differences of one variant of three."""
    return verdict_of(compare_pairs(d, REACH, N_VARIANTS), MARGIN).kind


if __name__ == "__main__":
    if sys.argv[1:] == ["held-out"]:
        held_out()
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 4_000)
