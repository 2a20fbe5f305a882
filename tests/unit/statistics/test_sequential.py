"""Intervals that hold at every look: by a second implementation, and by simulation."""

import math
from itertools import pairwise

import numpy as np
import pytest
from helpers.running import compare_cell
from helpers.specs import spec_of
from helpers.trials import third_of
from scipy import stats

from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.statistics import sequential
from blobtransfer.statistics.sequential import BettingSequence, look_schedule, sequence_interval

ALPHA = 0.05 / 3


def deaths(q, n, generator):
    """Draw n differences of mean 0 of which a share q has lost 10 to 40 points."""
    d = generator.normal(0.0, 0.01, n)
    is_dead = generator.random(n) < q
    return np.where(is_dead, generator.uniform(-0.4, -0.1, n), d) + q * 0.25


# ---------------------------------------------------------------- look_schedule


def test_the_first_look_is_at_100_pairs_and_each_has_a_quarter_more():
    # 1.25 times 100 125 157 197 247, rounded up; the last is where it ends
    assert look_schedule(300) == [100, 125, 157, 197, 247, 300]


@pytest.mark.parametrize(("n_most", "expected"), [(1, [1]), (99, [99]), (100, [100])])
def test_there_is_one_look_where_there_are_few_pairs(n_most, expected):
    assert look_schedule(n_most) == expected


def test_a_hundred_thousand_pairs_are_looked_at_32_times():
    # 100 * 1.25^31 = 101,000, a little less for the rounding up
    found = look_schedule(100_000)
    assert found[-1] == 100_000 and len(found) == 32
    assert all(a < b <= math.ceil(1.25 * a) for a, b in pairwise(found))


# ---------------------------------------------------------------- the interval


def plain_interval(differences, alpha, n_means=41):
    """Return the hull of the means never excluded: the hedged capital process, in two loops.

    Waudby-Smith & Ramdas 2024, theorem 3 with theta = 1/2 and the bets of their equation 26.
    """
    x = [(d + 1) / 2 for d in differences]
    kept = []
    for m in [j / (n_means - 1) for j in range(n_means)]:
        up = down = 0.5
        total, squares, is_kept = 0.0, 0.0, True
        for t, value in enumerate(x, 1):
            variance = (0.01 + squares) / t
            bet = math.sqrt(2 * math.log(2 / alpha) / (variance * t * math.log(t + 1)))
            up *= 1 + min(bet, 0.95 / m if m else math.inf) * (value - m)
            down *= 1 - min(bet, 0.95 / (1 - m) if m < 1 else math.inf) * (value - m)
            total += value
            squares += (value - (0.5 + total) / (t + 1)) ** 2
            is_kept = is_kept and max(up, down) < 1 / alpha
        if is_kept:
            kept.append(2 * m - 1)
    return min(kept), max(kept)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n", [3, 40, 200])
def test_the_interval_is_that_of_two_plain_loops(seed, n, monkeypatch):
    monkeypatch.setattr(sequential, "N_MEANS", 2_001)
    generator = np.random.default_rng([seed, n])
    d = np.clip(generator.normal(0.1 * seed - 0.3, [0.02, 0.3][seed % 2], n), -1, 1)
    low, high = sequence_interval(d, ALPHA)
    plain_low, plain_high = plain_interval(d.tolist(), ALPHA, 401)
    # means 0.001 and 0.005 apart; ours reaches to the next one that was excluded
    assert plain_low == pytest.approx(low, abs=0.006) and plain_low >= low
    assert plain_high == pytest.approx(high, abs=0.006) and plain_high <= high


def test_before_the_first_pair_everything_is_possible_and_the_interval_never_widens():
    sequence = BettingSequence(ALPHA)
    low, high = sequence.interval
    assert (low, high) == (-1.0, 1.0)
    for d in deaths(0.1, 300, np.random.default_rng(2)):
        sequence.add([d])
        now = sequence.interval
        assert low <= now[0] <= now[1] <= high
        low, high = now
    assert high - low < 0.2


def test_pairs_can_be_added_in_parts_of_any_size():
    d = deaths(0.05, 150, np.random.default_rng(3))
    sequence = BettingSequence(ALPHA)
    for part in (d[:1], d[1:100], d[100:]):
        sequence.add(part)
    assert sequence.interval == sequence_interval(d, ALPHA)


def test_a_smaller_chance_of_error_has_the_wider_interval():
    d = deaths(0.05, 200, np.random.default_rng(4))
    (a, b), (c, e) = (sequence_interval(d, alpha) for alpha in (0.05, 0.001))
    assert c < a and b < e


@pytest.mark.parametrize("d", [1.001, -1.5, math.nan, math.inf])
def test_a_difference_that_is_none_of_accuracies_is_refused(d):
    with pytest.raises(ValueError, match="is not between -1 and 1"):
        BettingSequence(ALPHA).add([0.5, d])


@pytest.mark.parametrize("d", [-1.0, 0.0, 1.0])
def test_equal_differences_at_the_ends_are_held_for_good(d):
    low, high = sequence_interval(np.full(500, d), ALPHA)
    assert low <= d <= high
    assert high - low < 0.05


# ---------------------------------------------------------------- simulation


@pytest.fixture(scope="module")
def real():
    """Return 300 real differences of three variants, and their common mean as 0."""
    spec = spec_of(
        300, (0, 1, 2), questions=("fresh",), training=TrainingSpec(epochs=30),
        source=BlobsSpec(1), target=BlobsSpec(2),
    )  # fmt: skip
    scores = compare_cell(spec).scores
    standalone, *others = (scores.test_accuracy(arm) for arm in spec.arms)
    rows = [other - standalone for other in others]
    return [row - row.mean() for row in rows]


def n_violations(draw, n_runs=40, n=2_000):
    """Count the runs whose interval excludes 0, the truth, after any of n pairs.

    As it is an intersection, what it excludes once it excludes at the end.
    """
    n_outside = 0
    for run in range(n_runs):
        low, high = sequence_interval(draw(n, np.random.default_rng([7, run])), ALPHA)
        n_outside += not low <= 0.0 <= high
    return n_outside


MOST_VIOLATIONS = int(stats.binom.ppf(0.999, 40, ALPHA))
"""Of 40 runs, each outside with a chance of ALPHA: 4, and more in one simulation of 1,000."""


@pytest.fixture
def coarse(monkeypatch):
    """Try means 0.1 points apart, of which 0 is one; it takes a tenth of the time."""
    monkeypatch.setattr(sequential, "N_MEANS", 2_001)


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("q", third_of([0.02, 0.05, 0.10]))
def test_looking_after_every_pair_excludes_the_truth_as_rarely_as_promised(coarse, q):
    assert n_violations(lambda n, generator: deaths(q, n, generator)) <= MOST_VIOLATIONS


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("v", third_of(range(3)))
def test_looking_after_every_pair_of_real_differences_does_so_too(coarse, real, v):
    draw = lambda n, generator: generator.choice(real[v], n)  # noqa: E731
    assert n_violations(draw) <= MOST_VIOLATIONS


@pytest.mark.slow
def test_a_t_interval_looked_at_after_every_pair_excludes_it_far_more_often():
    n_outside = 0
    for run in range(40):
        d = deaths(0.05, 2_000, np.random.default_rng([7, run]))
        n = np.arange(1, len(d) + 1)
        mean = np.cumsum(d) / n
        std = np.sqrt(np.maximum(np.cumsum(d**2) / n - mean**2, 0))
        is_outside = np.abs(mean) > stats.norm.ppf(1 - ALPHA / 2) * std / np.sqrt(n)
        n_outside += bool(is_outside[20:].any())
    assert n_outside > 3 * MOST_VIOLATIONS
