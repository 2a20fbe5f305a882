"""How often splits of one table call two equal learners different: plain t, and ours.

    python tests/benchmarks/resplits.py [TABLES]

Each learner takes the middle between the means of two classes along a feature of its own. Both
features are equally good, so any verdict but "undecided" is an error. Prints a table in Markdown.
"""

import sys

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from blobtransfer.statistics.resplit import compare_resplits

DESIGNS = ((0.5, 30), (0.5, 300), (0.8, 30), (0.9, 100))
"""Share of the rows that train, and splits."""

N_ROWS = 200


def main(n_tables: int) -> None:
    """Print the share of tables with p below 0.05."""
    print(f"| rows that train | splits | plain t, % of {n_tables:,} tables | corrected, % |")
    print("| ---: | ---: | ---: | ---: |")
    for share, n_splits in DESIGNS:
        rng = np.random.default_rng(1)
        n_train = round(share * N_ROWS)
        plain = corrected = 0
        for _ in range(n_tables):
            d = differences(rng, n_train, n_splits)
            plain += stats.ttest_1samp(d, 0.0).pvalue < 0.05
            p = compare_resplits(d, (N_ROWS - n_train) / n_train).p_value
            corrected += p is not None and p < 0.05
        print(
            f"| {share:.0%} | {n_splits} | {100 * plain / n_tables:.0f} "
            f"| {100 * corrected / n_tables:.1f} |"
        )


def differences(rng: np.random.Generator, n_train: int, n_splits: int) -> NDArray[np.float64]:
    """Return how much more accurate the first learner is, by split of one table."""
    y = rng.integers(0, 2, N_ROWS)
    x = rng.normal(size=(N_ROWS, 2)) + 0.8 * y[:, None]
    found = []
    for _ in range(n_splits):
        order = rng.permutation(N_ROWS)
        train, test = order[:n_train], order[n_train:]
        means = [x[train][y[train] == k].mean(axis=0) for k in (0, 1)]
        right = ((x[test] > (means[0] + means[1]) / 2) == y[test, None]).mean(axis=0)
        found.append(right[0] - right[1])
    return np.array(found)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
