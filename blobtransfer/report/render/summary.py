"""A row a variant, for papers and data frames: as CSV, Markdown or LaTeX."""

from collections.abc import Iterator, Sequence
from typing import Any

from blobtransfer.report.render.markdown import markdown_row
from blobtransfer.report.words import label_of
from blobtransfer.results.csv_io import csv_line
from blobtransfer.results.findings import Summary
from blobtransfer.results.results import Results
from blobtransfer.results.study import StudyResults
from blobtransfer.results.study_findings import FamilySummary
from blobtransfer.specs.checks import printable

COLUMNS = (
    "sources", "variant", "n", "failed", "mean", "std", "median", "low_share", "difference",
    "ci_low", "ci_high", "p_adjusted", "verdict",
)  # fmt: skip


LATEX = str.maketrans(
    {letter: f"\\{letter}" for letter in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''"}
    # after the end of a row, * and [ would be arguments of it
    | {letter: f"{{{letter}}}" for letter in "*[]"}
)
"""Characters that LaTeX would take for something else."""

FAMILY_COLUMNS = (
    "variant", "n_pairs", "mean", "std", "difference", "ci_low", "ci_high", "tau",
    "prediction_low", "prediction_high", "better_share", "worse_share", "p_adjusted", "verdict",
)  # fmt: skip
"""Of pairs: a row a variant over all of them."""


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
        yield from map(csv_line, [columns, *rows])
    elif suffix == ".md":
        yield markdown_row(columns) + "\n"
        yield f"|{' --- |' * len(columns)}\n"
        yield from (markdown_row(_short(row)) + "\n" for row in rows)
    else:
        yield from _latex([_escaped(_short(row)) for row in [columns, *rows]])


def _lines_of(results: Results | StudyResults) -> tuple[tuple[str, ...], list[list[Any]]]:
    """Give the heads and the rows; of a sweep and a grid every cell's, with its place first."""
    if isinstance(results, Results):
        return COLUMNS, [_row(one, results) for one in results.summary]
    if results.spec.kind == "pairs":
        return FAMILY_COLUMNS, [_family_row(one, results) for one in results.findings.families]
    heads = (*(axis.name for axis in results.spec.axes), *COLUMNS)
    return heads, [
        [*cell.at, *_row(one, cell.results)]
        for cell in results.cells
        for one in cell.results.summary
    ]


def _family_row(one: FamilySummary, results: StudyResults) -> list[Any]:
    family = one.family
    return [
        label_of(one.arm, results.cells[0].results),
        len(results.cells),
        one.mean,
        one.std,
        *(
            (None,) * 9
            if family is None
            else (
                family.mean, family.ci_low, family.ci_high, family.tau, family.prediction_low,
                family.prediction_high, family.better_share, family.worse_share, family.p_adjusted,
            )
        ),
        None if one.verdict is None else one.verdict.kind,
    ]  # fmt: skip


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


def _latex(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    head, *body = rows
    n_words = 1 if head[1] == "n\\_pairs" else len(head) - len(COLUMNS) + 2
    yield f"\\begin{{tabular}}{{{'l' * n_words}{'r' * (len(head) - n_words - 1)}l}}\n\\hline\n"
    yield " & ".join(head) + " \\\\\n\\hline\n"
    for row in body:
        yield " & ".join(row) + " \\\\\n"
    yield "\\hline\n\\end{tabular}\n"


def _escaped(row: Sequence[str]) -> list[str]:
    return [printable(cell).translate(LATEX) for cell in row]
