"""How often the interval of the next pair holds its true effect, beside the usual interval.

    python tests/benchmarks/next_pair.py           # about a minute
    python tests/benchmarks/next_pair.py 500       # fewer simulations

True effects are normal with a standard deviation of tau; a pair measures its own with a standard
error of 1 on average, the same for all pairs or unlike (a factor of 4 between the extremes). The
usual interval takes tau for known: mean +- t(K - 1) sqrt(tau^2 + s^2 / K).
"""

import math
import sys

import numpy as np
from common import print_table
from scipy import special

from blobtransfer.statistics.pooled import pool_pairs

N_PAIRS = (6, 10, 20, 60)
TAUS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
N_SIMULATIONS = 2_000
SCALE = 0.01  # one standard error of a pair, as a share


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else N_SIMULATIONS
    print(f"{n:,} families each; Monte Carlo error {100 * math.sqrt(0.05 * 0.95 / n):.1f} points\n")
    rows = []
    for unlike in (False, True):
        for n_pairs in N_PAIRS:
            for tau in TAUS:
                ours, usual, width = coverage(n_pairs, tau, unlike, n)
                rows.append(
                    [
                        "unlike" if unlike else "alike", n_pairs, f"{tau:g}", f"{100 * ours:.1f}",
                        f"{100 * usual:.1f}", f"{width:.2f}",
                    ]
                )  # fmt: skip
    print_table(
        ["standard errors", "pairs", "tau", "ours, %", "the usual one, %", "times as wide"], rows
    )


def coverage(n_pairs: int, tau: float, unlike: bool, n: int) -> tuple[float, float, float]:
    """Return the coverage of both intervals, and the mean width of ours in times of the other's."""
    rng = np.random.default_rng([n_pairs, int(100 * tau), unlike])
    t = float(special.stdtrit(n_pairs - 1, 0.975))
    n_ours = n_usual = 0
    widths = np.zeros(2)
    for _ in range(n):
        errors = SCALE * (np.geomspace(0.5, 2.0, n_pairs) if unlike else np.ones(n_pairs))
        truth = rng.normal(0.0, tau * SCALE, n_pairs)
        effects = truth + errors * rng.standard_normal(n_pairs)
        # what a pair says of its own standard error is itself measured, by 59 degrees of freedom
        variances = errors**2 * rng.chisquare(59, n_pairs) / 59
        found = pool_pairs(effects, variances)
        next_truth = rng.normal(0.0, tau * SCALE)
        half = t * math.sqrt(found.tau**2 + effects.var(ddof=1) / n_pairs)
        n_ours += found.prediction_low <= next_truth <= found.prediction_high
        n_usual += abs(next_truth - found.mean) <= half
        widths += found.prediction_high - found.prediction_low, 2 * half
    return n_ours / n, n_usual / n, float(widths[0] / widths[1])


if __name__ == "__main__":
    main()
