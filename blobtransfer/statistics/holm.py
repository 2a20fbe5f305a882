"""Holm's step-down procedure for simultaneous tests, in stages that also give interval levels.

In each stage every difference that is not yet significant is tested at alpha over the number of
such differences, until a stage rejects nothing. The interval of a difference has the level of its
last stage, so it excludes 0 exactly where its p is below 5 %.
"""

from collections.abc import Callable

from blobtransfer.statistics.power import ALPHA


def holm_step_down(
    n: int, p_among: Callable[[int, int], float | None], n_more: int = 0
) -> tuple[list[int], list[float | None]]:
    """Test n differences stage by stage.

    Args:
        n: Number of differences, at least 0.
        p_among: Takes the index of a difference (0 to n - 1) and the number of simultaneous
            comparisons; returns the p adjusted for that number, or None without a test.
        n_more: Further comparisons that count though they have no test, at least 0.

    Returns:
        Per difference, the number of simultaneous comparisons in its last stage, and its p there,
        at least as large as every p that was significant in an earlier stage.

    Source:
        Holm 1979, Scand. J. Statist. 6:65, rejects the same hypotheses; Shaffer 1980,
        doi:10.1214/aos/1176345034, shows that the signs have the same error rate.
    """
    p_values: list[float | None] = [None] * n
    n_compared = [n + n_more] * n
    remaining = list(range(n))
    p_floor = 0.0
    while remaining:
        rejected: dict[int, float] = {}
        for i in remaining:
            n_compared[i] = len(remaining) + n_more
            p = p_among(i, n_compared[i])
            p_values[i] = None if p is None else max(p, p_floor)
            if p is not None and p < ALPHA:
                rejected[i] = max(p, p_floor)
        if not rejected:
            break
        p_floor = max(rejected.values())
        remaining = [i for i in remaining if i not in rejected]
    return n_compared, p_values
