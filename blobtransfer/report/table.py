"""The table that every format writes: cells as text, with a title, an answer and notes."""

from dataclasses import dataclass

from blobtransfer.results.findings import Summary

WORD_COLUMNS = (
    "variant", "question", "metric", "what", "of", "verdict", "pair", "source", "score", "",
)  # fmt: skip
"""Columns of words; the others are numbers, and end at the right."""


@dataclass(frozen=True)
class Table:
    """Cells as text.

    Args:
        title: What the table shows.
        columns: Heads.
        rows: One tuple of cells a row.
        notes: Lines below it.
        sentence: The answer, below it.
        summaries: What a small plot below it shows on a terminal.
        ceiling: The plot's best possible accuracy; None where it is not known.
        is_detail: Left out where the answer is to fit one screen.
        is_tight: Columns stand close to one another, so that no one is left out for room.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    sentence: str | None = None
    summaries: tuple[Summary, ...] = ()
    ceiling: float | None = None
    is_detail: bool = False
    is_tight: bool = False
