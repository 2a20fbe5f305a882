"""Results -> CSV: one line a run, full precision."""

from collections.abc import Iterator
from dataclasses import fields

from blobtransfer.results.results import Results
from blobtransfer.results.scores import Run


def to_csv(results: Results) -> Iterator[str]:
    """Write one line a run, with a header; the same runs give the same bytes.

    Yields:
        The text, line by line.
    """
    names = [column.name for column in fields(Run)]
    yield ",".join(names) + "\n"
    for run in results.rows():
        yield ",".join(_cell(getattr(run, name)) for name in names) + "\n"


def _cell(value: object) -> str:
    return "" if value is None else str(value)
