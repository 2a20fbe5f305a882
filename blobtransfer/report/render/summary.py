"""Write one row per variant as CSV, Markdown or LaTeX, for spreadsheets and papers.

Accuracies are in percent and differences in points, with two digits; scores of another unit are in
that unit. CSV has a column per number, the other formats one for a difference and its interval.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from blobtransfer.report import words
from blobtransfer.report.render.citation import bibtex, command_of
from blobtransfer.report.render.markdown import markdown_row
from blobtransfer.report.report import Report
from blobtransfer.report.table import SummaryRows, blank_repeats
from blobtransfer.report.units import PERCENT, Unit, unit_of
from blobtransfer.results.files.csv import csv_line
from blobtransfer.results.results import ComparedResults, JudgedResults, StudyResults
from blobtransfer.specs.checks import escape_control_characters
from blobtransfer.statistics.paired import Interval

Values = Mapping[str, Any]
"""Values of a row by the name of their column."""

LATEX_ESCAPES = str.maketrans(
    {letter: f"\\{letter}" for letter in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''"}
    # after the end of a row, LaTeX parses * and [ as arguments
    | {letter: f"{{{letter}}}" for letter in "*[]"}
)
"""Characters with a special meaning in LaTeX."""


@dataclass(frozen=True)
class Column:
    """A column of a summary.

    Args:
        head: Its head, with the keys of `_placeholders` in braces.
        cell: Returns the text of a cell.
        needs: Column of the values that it shows; it is left out if there is none.
        is_number: Whether cells are numbers, aligned right.
    """

    head: str
    cell: Callable[[Values, Unit], str]
    needs: str
    is_number: bool = True


def summary_text(report: Report[StudyResults | JudgedResults], suffix: str) -> Iterator[str]:
    """Write one row per variant.

    Args:
        report: Report of a comparison.
        suffix: One of `writers.SUMMARY_SUFFIXES`.

    Yields:
        Lines.
    """
    summary = report.view.summary(report.results)
    rows = [dict(zip(summary.columns, row, strict=True)) for row in summary.rows]
    columns = _csv_columns(summary) if suffix == ".csv" else _text_columns(summary, rows)
    placeholders = _placeholders(report.results, summary.unit)
    heads = [column.head.format(**placeholders) for column in columns]
    cells = [tuple(column.cell(row, summary.unit) for column in columns) for row in rows]
    if suffix == ".csv":
        yield from map(csv_line, [heads, *cells])
    elif suffix == ".md":
        yield markdown_row(heads) + "\n"
        yield f"| {' | '.join('---:' if column.is_number else '---' for column in columns)} |\n"
        yield from (markdown_row(row) + "\n" for row in cells)
    else:
        caption = " ".join(_caption(report, rows, heads))
        yield from _latex(report, caption, columns, [tuple(heads), *cells])


def _placeholders(results: StudyResults | JudgedResults, unit: Unit) -> dict[str, str]:
    """Return the units of scores and differences, to append to a head, and words of a head."""
    return {
        "percent": " (%)" if unit.is_percent else "",
        "points": " (points)" if unit.is_percent else "",
        "diverged": "failed" if isinstance(results, JudgedResults) else "diverged",
        "Diverged": "Failed" if isinstance(results, JudgedResults) else "Diverged",
        "below": "above" if _compared(results).lower_is_better else "below",
        "Below_line": _line_of(results).capitalize(),
    }


def _line_of(results: StudyResults | JudgedResults) -> str:
    """Return which runs have a low accuracy, such as `below 74 %`."""
    compared = _compared(results)
    side, unit = "above" if compared.lower_is_better else "below", unit_of(compared)
    cells = results.cells if isinstance(results, StudyResults) else (results,)
    lines = {cell.findings.low_line for cell in cells}
    line = lines.pop()
    if lines or line is None:
        return f"{side} the line"
    return f"{side} {100 * line:.3g} %" if unit.is_percent else f"{side} {unit.score(line)}"


def _compared(results: StudyResults | JudgedResults) -> ComparedResults:
    """Return scores with the metric and baseline of results: of a study, those of a cell."""
    return results if isinstance(results, JudgedResults) else results.cell


# ---------------------------------------------------------------- columns


def _text(name: str, head: str = "") -> Column:
    """Return a column of a name, or of a count."""
    return Column(head or name, lambda row, _: _plain(row[name]), name, is_number=False)


def _count(name: str, head: str) -> Column:
    return Column(head, lambda row, _: _plain(row[name]), name)


def _score(name: str, head: str) -> Column:
    """Return a column of scores or standard deviations."""
    return Column(head, lambda row, unit: "" if row[name] is None else unit.number(row[name]), name)


def _difference(name: str, head: str) -> Column:
    """Return a column of differences, which never print as 0 unless they are."""

    def cell(row: Values, unit: Unit) -> str:
        return "" if row[name] is None else unit.nonzero(row[name], digits=2, has_sign=False)

    return Column(head, cell, name)


def _share(name: str, head: str) -> Column:
    """Return a column of shares, in percent whatever the unit of the scores."""
    return Column(head, lambda row, _: "" if row[name] is None else PERCENT.number(row[name]), name)


def _interval(names: tuple[str, str, str], head: str) -> Column:
    """Return a column of differences with their intervals."""

    def cell(row: Values, unit: Unit) -> str:
        interval = Interval(*(row[name] for name in names))
        return "" if interval.mean is None else unit.interval(interval)

    return Column(head, cell, names[0])


def _prediction(row: Values, unit: Unit) -> str:
    """Return a prediction interval."""
    low, high = row["prediction_low"], row["prediction_high"]
    return words.format_range(low, high, digits=2)


def _beyond_margin(row: Values, unit: Unit) -> str:
    """Return the shares of new pairs that are better and worse by more than the margin."""
    shares = (row["better_share"], row["worse_share"])
    return " / ".join(PERCENT.number(share, digits=0) for share in shares if share is not None)


def _plain(value: object) -> str:
    return "" if value is None else str(value)


CSV_COLUMNS = (
    _text("sources"),
    _text("variant", "label"),
    _count("n_pairs", "pairs"),
    _count("n", "runs"),
    _count("failed", "{diverged}"),
    _score("mean", "mean{percent}"),
    _score("std", "std{points}"),
    _score("median", "median{percent}"),
    _share("low_share", "runs {below} the line (%)"),
    _difference("difference", "difference{points}"),
    _difference("ci_low", "95 % interval low{points}"),
    _difference("ci_high", "95 % interval high{points}"),
    _difference("worst", "worst pair{points}"),
    _difference("tau", "between-pair std{points}"),
    _difference("prediction_low", "95 % prediction low{points}"),
    _difference("prediction_high", "95 % prediction high{points}"),
    _share("better_share", "new pairs better (%)"),
    _share("worse_share", "new pairs worse (%)"),
    Column(
        "adjusted p",
        lambda row, _: "" if row["p_adjusted"] is None else f"{row['p_adjusted']:.4g}",
        "p_adjusted",
    ),
    _text("verdict"),
)
"""Columns of CSV: one per number. `sources` and `label` are those of the runs."""

TEXT_COLUMNS = (
    Column(
        "Sources",
        lambda row, _: "" if row["sources"] == "none" else row["sources"],
        "sources",
        is_number=False,
    ),
    _text("variant", "Variant"),
    _count("failed", "{Diverged}"),
    _score("mean", "Mean{percent}"),
    _score("std", "SD"),
    Column(
        "{Below_line}", lambda row, _: words.format_whole_percent(row["low_share"]), "low_share"
    ),
    _interval(("difference", "ci_low", "ci_high"), "Difference{points} [95 % CI]"),
    _score("tau", "Between-pair SD"),
    Column("95 % prediction", _prediction, "prediction_low"),
    Column("Better / worse (%)", _beyond_margin, "better_share"),
    Column("Adjusted p", lambda row, _: words.format_p(row["p_adjusted"]), "p_adjusted"),
    _text("verdict", "Verdict"),
)
"""Columns of Markdown and LaTeX: one for a difference and its interval."""


def _axes_of(summary: SummaryRows) -> list[Column]:
    """Return the columns of the axes of a study."""
    names = {column.needs for column in CSV_COLUMNS}
    axes = (name for name in summary.columns if name not in names)
    return [_text(name, name.replace("{", "{{").replace("}", "}}")) for name in axes]


def _csv_columns(summary: SummaryRows) -> list[Column]:
    """Return the columns of CSV, those of the axes first."""
    named = (column for column in CSV_COLUMNS if column.needs in summary.columns)
    return [*_axes_of(summary), *named]


def _text_columns(summary: SummaryRows, rows: Iterable[Values]) -> list[Column]:
    """Return the columns of Markdown and LaTeX, without those in which no two rows differ."""
    columns = [column for column in TEXT_COLUMNS if column.needs in summary.columns]
    values = {column.needs: {row[column.needs] for row in rows} for column in columns}
    hidden = set()
    if len(values.get("sources", set()) - {"none"}) < 2:
        hidden.add("sources")
    if not any(values.get("failed", ())):
        hidden.add("failed")
    if values.get("p_adjusted") == {None}:  # confidence sequences have no p-values
        hidden.add("p_adjusted")
    return [*_axes_of(summary), *(column for column in columns if column.needs not in hidden)]


# ---------------------------------------------------------------- LaTeX


def _latex(
    report: Report[StudyResults | JudgedResults],
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[tuple[str, ...]],
) -> Iterator[str]:
    r"""Yield a table for `\input`, and after `\endinput` texts to paste.

    Args:
        report: Report of a comparison.
        caption: Caption of the table.
        columns: Columns of the table.
        rows: The heads, then the cells of each row.
    """
    heads, *cells = rows
    provenance, command = report.results.provenance, report.results.command
    yield "% Needs \\usepackage{booktabs}. \\input reads the table, up to \\endinput; a methods\n"
    yield "% paragraph and a BibTeX entry to paste are below it.\n"
    if command_words := command_of(provenance):
        yield f"% Command: {' '.join(command_words)}\n"
    yield "\\begin{table*}\n\\centering\\small\n"
    yield f"\\caption{{{_escaped(caption)}}}\n"
    yield f"\\label{{tab:blobtransfer-{command}}}\n"
    yield f"\\begin{{tabular}}{{{''.join('r' if c.is_number else 'l' for c in columns)}}}\n"
    yield f"\\toprule\n{' & '.join(map(_escaped, heads))} \\\\\n\\midrule\n"
    n_leading = next(i for i, column in enumerate(columns) if column.needs == "variant")
    for i, row in enumerate(blank_repeats(cells, n_leading)):
        if i and n_leading and cells[i][:n_leading] != cells[i - 1][:n_leading]:
            yield "\\addlinespace\n"
        texts = zip(columns, map(_escaped, row), strict=True)
        numbers = (text.replace("-", "$-$") if c.is_number else text for c, text in texts)
        yield " & ".join(numbers) + " \\\\\n"
    yield "\\bottomrule\n\\end{tabular}\n\\end{table*}\n\\endinput\n"
    version = provenance.versions.get("blobtransfer", "")
    computed = f"The comparison was computed with blobtransfer {version}".rstrip() + "."
    yield f"\n{_escaped(' '.join([*report.method, computed]))}\n\n{bibtex(provenance)}"


def _caption(
    report: Report[StudyResults | JudgedResults], rows: Sequence[Values], heads: Sequence[str]
) -> Iterator[str]:
    """Yield the sentences of the caption: the question, and the meaning of the columns.

    Args:
        report: Report of a comparison.
        rows: Values of the table.
        heads: Heads of the columns.
    """
    results, compared = report.results, _compared(report.results)
    yield report.headline if report.headline.endswith((".", "?")) else f"{report.headline}."
    scores = "scores"
    if isinstance(results, StudyResults):
        scores = words.test_metric_plural(results.cell.spec)
    counts = {row["n_pairs"] if "n_pairs" in row else row["n"] for row in rows}
    n = words.format_count_range(min(counts), max(counts))
    of = f"mean {scores} of {n} pairs" if "n_pairs" in rows[0] else f"{scores} of {n} runs each"
    yield f"Mean and SD: of the {of}."
    if "Sources" in heads:
        yield (
            "Sources: fresh, a new source network each repeat; one, the same source network in all "
            "repeats."
        )
    if "Below the line" in heads and isinstance(results, StudyResults):
        distance = words.format_points(results.cells[0].spec.low)
        yield (
            f"Below the line: runs more than {distance} below the best possible accuracy, or below "
            "the best median where that is unknown."
        )
    yield (
        f"Difference: mean difference to {compared.spec.variants[0]} with its simultaneous 95 % "
        "interval; above 0 is better."
    )
    if "95 % prediction" in heads:
        yield (
            "Between-pair SD: of the true differences. 95 % prediction: interval of the true "
            "difference of a new pair. Better / worse: probability that a new pair gains or loses "
            "more than the margin."
        )
    if "Adjusted p" in heads:
        yield "Adjusted p: p-value of no difference, adjusted for all comparisons."


def _escaped(text: str) -> str:
    """Return a text that LaTeX shows literally."""
    return escape_control_characters(text).translate(LATEX_ESCAPES)
