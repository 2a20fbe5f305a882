"""Results -> CSV: one line a run, or one line an epoch of a run, full precision."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import fields
from functools import lru_cache

from blobtransfer.results.results import Results
from blobtransfer.results.scores import Run, finite
from blobtransfer.results.study import StudyResults
from blobtransfer.specs.checks import printable, read_number
from blobtransfer.specs.experiment import Arm
from blobtransfer.specs.task import ROLES
from blobtransfer.specs.training import METRICS
from blobtransfer.statistics.transferability import SCORES


def to_csv(results: Results | StudyResults) -> Iterator[str]:
    """Write one line a run, with a header; the same runs give the same bytes.

    Where source networks were scored there is a column a score; a study has one for what varies
    from cell to cell, such as `train-samples`.

    Yields:
        The text, line by line.
    """
    names = [column.name for column in fields(Run)]
    has_scores = any(own.transferability is not None for _, own in _parts_of(results))
    scores = list(SCORES) if has_scores else []
    yield csv_line([*names, *scores, *_axes_of(results)])
    for at, own in _parts_of(results):
        n_arms = len(own.scores.arms)
        for i, run in enumerate(own.rows()):
            cells = [getattr(run, name) for name in names]
            if scores:
                cells += _scores_of(own, i // n_arms, run.sources, own.scores.arms[i % n_arms])
            yield csv_line([*cells, *at])


def _scores_of(results: Results, r: int, sources: str, arm: Arm) -> list[float | None]:
    """Give the transferability scores of the source network of a run; None where it has none."""
    if results.transferability is None or sources != "fresh" or arm.variant.start != "transfer":
        return [None] * len(SCORES)
    return [finite(value) for value in results.transferability[:, r].tolist()]


def _axes_of(results: Results | StudyResults) -> list[str]:
    if isinstance(results, Results):
        return []
    own = {column.name for column in fields(Run)}
    names = [axis.name for axis in results.spec.axes if axis.name not in ROLES]  # a run has both
    # `fixed` of a run of standalone is empty, wherever it stands along the axis
    return [f"over_{name}" if name in own else name for name in names]


def _parts_of(results: Results | StudyResults) -> Iterator[tuple[list[str], Results]]:
    """Give the results of each cell, with its place on the axes that have a column."""
    if isinstance(results, Results):
        yield [], results
        return
    kept = [i for i, axis in enumerate(results.spec.axes) if axis.name not in ROLES]
    for cell in results.cells:
        yield [cell.at[i] for i in kept], cell.results


CURVE_COLUMNS = (
    "sources",
    "variant",
    "fixed",
    "repeat",
    "label",
    "source_repeat",
    "source",
    "target",
)
"""Which run a line of the curves is of: columns of the runs' CSV, under the same names."""


def curves_to_csv(results: Results | StudyResults) -> Iterator[str]:
    """Write one line an epoch of each run, with a header: `epoch`, and the metrics that were kept.

    Args:
        results: With curves; epoch 0 is the untrained network.

    Yields:
        The text, run by run.
    """
    _, first = next(_parts_of(results))
    n_metrics = len(next(iter(first.curves.values())))
    yield csv_line([*CURVE_COLUMNS, *_axes_of(results), "epoch", *METRICS[:n_metrics]])
    for at, own in _parts_of(results):
        n_arms = len(own.scores.arms)
        for i, run in enumerate(own.rows()):
            r, a = divmod(i, n_arms)
            key = csv_line([*(getattr(run, name) for name in CURVE_COLUMNS), *at]).rstrip("\n")
            by_epoch = own.curves[own.scores.arms[a]][:, r].T.tolist()
            yield "".join(
                f"{key},{csv_line([epoch, *map(finite, values)])}"
                for epoch, values in enumerate(by_epoch)
            )


_FORMULA = re.compile(r"(^|;)(?=\s*[-=+@\uff0d\uff1d\uff0b\uff20])")
"""Where a formula begins in a spreadsheet that splits lines at commas or at semicolons.

Full-width signs begin one in East Asian locales.
"""


def csv_line(values: Iterable[object]) -> str:
    """Return one line of CSV: numbers in full precision, and texts that cannot become formulas."""
    return ",".join(map(_cell, values)) + "\n"


def _cell(value: object) -> str:
    if isinstance(value, str):
        return _text_cell(value)
    return "" if value is None else str(value)


@lru_cache(10_000)
def _text_cell(text: str) -> str:
    # An apostrophe makes a spreadsheet show a text as it is. A negative number needs none.
    shown = text if read_number(text) is not None else _FORMULA.sub(r"\1'", text)
    shown = printable(shown)
    return '"' + shown.replace('"', '""') + '"' if set(shown) & set(',;"') else shown
