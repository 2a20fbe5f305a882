"""Results -> CSV: one line a run, or one line an epoch of a run, full precision."""

from collections.abc import Iterator
from dataclasses import fields

from blobtransfer.metrics import METRICS
from blobtransfer.results.results import Results
from blobtransfer.results.scores import Run, finite
from blobtransfer.results.study import StudyResults
from blobtransfer.specs.experiment import Arm
from blobtransfer.statistics.transferability import SCORES

OWN_COLUMNS = ("source", "target")
"""Axes of a study that every run has a column of."""


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
    yield ",".join([*names, *scores, *_axes_of(results)]) + "\n"
    for at, own in _parts_of(results):
        places = "".join(f",{_cell(value)}" for value in at)
        n_arms = len(own.scores.arms)
        for i, run in enumerate(own.rows()):
            cells = [getattr(run, name) for name in names]
            if scores:
                cells += _scores_of(own, i // n_arms, run.sources, own.scores.arms[i % n_arms])
            yield ",".join(map(_cell, cells)) + places + "\n"


def _scores_of(results: Results, r: int, sources: str, arm: Arm) -> list[float | None]:
    """Give the transferability scores of the source network of a run; None where it has none."""
    if results.transferability is None or sources != "fresh" or arm.variant.start != "transfer":
        return [None] * len(SCORES)
    return [finite(value) for value in results.transferability[:, r].tolist()]


def _axes_of(results: Results | StudyResults) -> list[str]:
    if isinstance(results, Results):
        return []
    own = {column.name for column in fields(Run)}
    names = [axis.name for axis in results.spec.axes if axis.name not in OWN_COLUMNS]
    # `fixed` of a run of standalone is empty, wherever it stands along the axis
    return [f"over_{name}" if name in own else name for name in names]


def _parts_of(results: Results | StudyResults) -> Iterator[tuple[list[str], Results]]:
    """Give the results of each cell, with its place on the axes that have a column."""
    if isinstance(results, Results):
        yield [], results
        return
    kept = [i for i, axis in enumerate(results.spec.axes) if axis.name not in OWN_COLUMNS]
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
    columns = (*CURVE_COLUMNS, *_axes_of(results), "epoch", *METRICS[:n_metrics])
    yield ",".join(columns) + "\n"
    for at, own in _parts_of(results):
        n_arms = len(own.scores.arms)
        for i, run in enumerate(own.rows()):
            r, a = divmod(i, n_arms)
            key = ",".join(
                [*(_cell(getattr(run, name)) for name in CURVE_COLUMNS), *map(_cell, at)]
            )
            by_epoch = own.curves[own.scores.arms[a]][:, r].T.tolist()
            yield "".join(
                f"{key},{epoch},{','.join(_cell(finite(value)) for value in values)}\n"
                for epoch, values in enumerate(by_epoch)
            )


def _cell(value: object) -> str:
    if not isinstance(value, str):
        return "" if value is None else str(value)
    # So that no spreadsheet takes a name for a formula.
    return quoted(f"'{value}" if value.startswith(("=", "+", "-", "@")) else value)


def quoted(text: str) -> str:
    """Write a text as a cell of CSV."""
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n\r') else text
