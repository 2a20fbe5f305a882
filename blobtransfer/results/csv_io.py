"""Results -> CSV: one line a run, or one line an epoch of a run, full precision."""

from collections.abc import Iterator
from dataclasses import fields

from blobtransfer.metrics import METRICS
from blobtransfer.results.results import Results
from blobtransfer.results.scores import Run, finite


def to_csv(results: Results) -> Iterator[str]:
    """Write one line a run, with a header; the same runs give the same bytes.

    Yields:
        The text, line by line.
    """
    names = [column.name for column in fields(Run)]
    yield ",".join(names) + "\n"
    for run in results.rows():
        yield ",".join(_cell(getattr(run, name)) for name in names) + "\n"


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


def curves_to_csv(results: Results) -> Iterator[str]:
    """Write one line an epoch of each run, with a header: `epoch`, and the metrics that were kept.

    Args:
        results: With curves; epoch 0 is the untrained network.

    Yields:
        The text, run by run.
    """
    n_metrics = len(next(iter(results.curves.values())))
    yield ",".join((*CURVE_COLUMNS, "epoch", *METRICS[:n_metrics])) + "\n"
    n_arms = len(results.scores.arms)
    for i, run in enumerate(results.rows()):
        r, a = divmod(i, n_arms)
        key = ",".join(_cell(getattr(run, name)) for name in CURVE_COLUMNS)
        by_epoch = results.curves[results.scores.arms[a]][:, r].T.tolist()
        yield "".join(
            f"{key},{epoch},{','.join(_cell(finite(value)) for value in values)}\n"
            for epoch, values in enumerate(by_epoch)
        )


def _cell(value: object) -> str:
    if not isinstance(value, str):
        return "" if value is None else str(value)
    # As CSV quotes it, and so that no spreadsheet takes a name for a formula.
    text = f"'{value}" if value.startswith(("=", "+", "-", "@")) else value
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n\r') else text
