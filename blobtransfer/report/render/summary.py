"""A row a variant, for papers and data frames: as CSV, Markdown or LaTeX."""

from collections.abc import Iterator, Sequence
from typing import Any

from blobtransfer.report.sentences import label_of
from blobtransfer.results.findings import Summary
from blobtransfer.results.results import Results
from blobtransfer.results.study import StudyResults

COLUMNS = (
    "sources", "variant", "n", "failed", "mean", "std", "median", "low_share", "difference",
    "ci_low", "ci_high", "p_adjusted", "verdict",
)  # fmt: skip


def summary_text(results: Results | StudyResults, suffix: str) -> Iterator[str]:
    """Write the summary of a comparison or a study; accuracies and differences are shares.

    Args:
        results: Of a comparison or a study.
        suffix: One of `writers.SUMMARY_SUFFIXES`; CSV has full precision, the others four digits.

    Yields:
        Lines.
    """
    columns, rows = _lines_of(results)
    if suffix == ".csv":
        yield ",".join(columns) + "\n"
        for row in rows:
            yield ",".join("" if value is None else str(value) for value in row) + "\n"
    elif suffix == ".md":
        yield from _markdown([columns, ["---"] * len(columns), *map(_short, rows)])
    else:
        yield from _latex([_escaped(_short(row)) for row in [columns, *rows]])


def _lines_of(results: Results | StudyResults) -> tuple[tuple[str, ...], list[list[Any]]]:
    """Give the heads and the rows; of a study every cell's, with its place first."""
    if isinstance(results, Results):
        return COLUMNS, [_row(one, results) for one in results.summary]
    heads = (*(axis.name for axis in results.spec.axes), *COLUMNS)
    return heads, [
        [*cell.at, *_row(one, cell.results)]
        for cell in results.cells
        for one in cell.results.summary
    ]


def _row(one: Summary, results: Results) -> list[Any]:
    d = one.difference
    return [
        one.arm.sources,
        label_of(one.arm, results),
        one.n,
        one.failed,
        one.mean,
        one.std,
        one.median,
        None if one.low_runs is None else one.low_runs.share,
        *((None,) * 4 if d is None else (d.mean, d.ci_low, d.ci_high, d.p_adjusted)),
        None if one.verdict is None else one.verdict.kind,
    ]


def _short(row: Sequence[Any]) -> list[str]:
    return ["" if v is None else f"{v:.4f}" if isinstance(v, float) else str(v) for v in row]


def _markdown(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in rows:
        yield "| " + " | ".join(row) + " |\n"


def _latex(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    head, *body = rows
    n_words = len(head) - len(COLUMNS) + 2
    yield f"\\begin{{tabular}}{{{'l' * n_words}{'r' * (len(head) - n_words - 1)}l}}\n\\hline\n"
    yield " & ".join(head) + " \\\\\n\\hline\n"
    for row in body:
        yield " & ".join(row) + " \\\\\n"
    yield "\\hline\n\\end{tabular}\n"


def _escaped(row: Sequence[str]) -> list[str]:
    return [cell.replace("_", "\\_").replace("%", "\\%") for cell in row]
