"""Many differences judged together, stage by stage: Holm's procedure, with intervals that fit it.

All differences are judged among all of them; those that do not hold are judged again among as
many as are left, until a stage finds no more. A difference's interval is at the level of its
stage, so that it leaves out 0 just where its p is below 5 %.
"""

from collections.abc import Callable

from blobtransfer.statistics.power import ALPHA


def step_down(
    n: int, p_among: Callable[[int, int], float | None], n_more: int = 0
) -> tuple[list[int], list[float | None]]:
    """Judge n differences stage by stage.

    Args:
        n: How many there are.
        p_among: Gives the p of a difference, by its place, that is judged among so many; None
            where there is none.
        n_more: Further differences that count, though nothing is known of them.

    Returns:
        For each, among how many it is judged, and its p there, at least that of every one found
        in an earlier stage.

    Source:
        Holm 1979, Scand. J. Statist. 6:65, who finds the same differences; that their signs are
        told rightly with the same chance, Shaffer 1980, doi:10.1214/aos/1176345034.
    """
    p_values: list[float | None] = [None] * n
    among = [n + n_more] * n
    left = list(range(n))
    least = 0.0
    while left:
        found = []
        for i in left:
            among[i] = len(left) + n_more
            p = p_among(i, among[i])
            p_values[i] = None if p is None else max(p, least)
            if p is not None and p < ALPHA:
                found.append(i)
        if not found:
            break
        least = max(p for i in found if (p := p_values[i]) is not None)
        left = [i for i in left if i not in set(found)]
    return among, p_values
