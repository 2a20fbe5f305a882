"""Summaries -> a small box plot in letters, for a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass

from blobtransfer.results.results import Summary

FEWEST_COLUMNS = 12
"""A plot that is narrower shows nothing."""


@dataclass(frozen=True)
class Letters:
    """What a plot is drawn with."""

    low_end: str
    whisker: str
    high_end: str
    box: str
    median: str
    ceiling: str


UNICODE = Letters("├", "─", "┤", "█", "╋", "┊")
ASCII = Letters("|", "-", "|", "=", "#", ":")


def box_plot(summaries: Sequence[Summary], ceiling: float, width: int, encoding: str) -> list[str]:
    """Draw a box a variant: lowest run, quartiles, median and highest run, in one scale.

    Args:
        summaries: One a row; those without a run give an empty row.
        ceiling: Best possible accuracy, drawn through all rows.
        width: Letters of a line.
        encoding: Of the terminal; plain ASCII where it has no box letters.

    Returns:
        Lines, the scale below; none where there is no room or nothing to draw.
    """
    labels = max((len(one.label) for one in summaries), default=0) + 1
    n_columns = width - labels - 1
    ends = [end for one in summaries for end in (one.min, one.max) if end is not None]
    if n_columns < FEWEST_COLUMNS or not ends:
        return []
    low, high = min([*ends, ceiling]), max([*ends, ceiling])
    scale = (n_columns - 1) / (high - low) if high > low else 0.0
    letters = UNICODE if _can_write(UNICODE, encoding) else ASCII

    def place(share: float) -> int:
        return round((share - low) * scale)

    lines = []
    for one in summaries:
        row = [" "] * n_columns
        row[place(ceiling)] = letters.ceiling
        figures = (one.min, one.q1, one.median, one.q3, one.max)
        places = [place(figure) for figure in figures if figure is not None]
        if places:
            _draw(row, places, letters)
        lines.append(one.label.ljust(labels) + "".join(row).rstrip())
    left, right = f"{100 * low:.1f} %", f"{100 * high:.1f} %"
    gap = max(1, n_columns - len(left) - len(right))
    lines.append(" " * labels + left + " " * gap + right)
    lines.append(
        f"{letters.low_end}{letters.whisker}{letters.box}{letters.median}{letters.box}"
        f"{letters.whisker}{letters.high_end} lowest, quartiles, median, highest; "
        f"{letters.ceiling} ceiling"
    )
    return lines


def _draw(row: list[str], places: Sequence[int], letters: Letters) -> None:
    low, q1, median, q3, high = places
    row[low : high + 1] = letters.whisker * (high + 1 - low)
    row[low], row[high] = letters.low_end, letters.high_end
    row[q1 : q3 + 1] = letters.box * (q3 + 1 - q1)
    row[median] = letters.median


def _can_write(letters: Letters, encoding: str) -> bool:
    try:
        "".join(vars(letters).values()).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
