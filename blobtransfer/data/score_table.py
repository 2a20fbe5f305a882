"""Read scores of runs from a CSV file or a `DataFrame`, in any of three layouts.

Wide: one column per variant, one row per repeat. Long: one row per score, with the columns variant,
repeat and score. Runs: the program's own CSV of runs. Errors name line, column and value.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.tables.reading import ReadOptions, TableProblem, check_file, read_bytes
from blobtransfer.data.tables.text import read_head
from blobtransfer.data.tables.text_rows import fitting_heads, limit_cells
from blobtransfer.errors import SettingError, TableFileError
from blobtransfer.file_signatures import identify_format
from blobtransfer.specs.checks import escape_control_characters, read_number
from blobtransfer.specs.scores import MAX_NAME, ScoreColumn
from blobtransfer.specs.training import JUDGED_METRICS, METRICS, Metric

if TYPE_CHECKING:
    from pandas import DataFrame

MAX_BYTES = 50_000_000
"""Largest file of scores, in bytes."""

Layout = Literal["wide", "long", "runs"]
RowWord = Literal["line", "row"]

REPEAT_WORDS = frozenset(
    ("repeat", "repeats", "repetition", "rep", "replicate", "trial", "seed", "random seed",
     "random state", "run", "run id", "fold", "split", "dataset", "data set", "task", "index", "id",
     "experiment")
)  # fmt: skip
VARIANT_WORDS = frozenset(
    ("variant", "variants", "method", "model", "algorithm", "arm", "system", "classifier",
     "condition", "treatment", "strategy", "config", "configuration")
)  # fmt: skip
SCORE_WORDS = frozenset(
    ("score", "scores", "value", "metric", "result", "accuracy", "acc", "test accuracy", "test acc",
     "test score", "balanced accuracy", "auc", "auroc", "f1", "bleu", "loss", "error", "error rate",
     "perplexity", "rmse", "mae")
)  # fmt: skip
"""Names of columns, in lower case and with blanks for `_` and `-`."""

INDEX_NAMES = ("", "Unnamed: 0")
"""Names of a first column that numbers the rows, as pandas and R write it."""

RUN_COLUMNS = frozenset(("sources", "variant", "fixed", "repeat", "test_accuracy", "status"))
"""Columns by which the program's own CSV of runs is known."""

SOURCES, STATUSES = ("none", "fresh", "one"), ("ok", "failed", "collapsed")

OTHER_TEXTS = ("JSON", "HTML or XML")
"""Formats of text that are not scores."""

SHARES, PERCENT = (0.0, 1.0), (0.0, 100.0)


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Scores of A variants in R repeats.

    Args:
        name: Name of the file or table.
        layout: How it is laid out.
        columns: The A variants, in the order of the file.
        repeats: Name of each of the R repeats.
        scores: (A, R) scores; NaN for a run that failed.
        status: (A, R) `ok`, `failed`, or `collapsed` for a run that never predicts a class.
        rows: (A, R) number of the row that has the score.
        heads: Name of the column that has the scores of each variant.
        ignored: Names of columns that are not used.
        row_word: What these numbers count.
        notes: What the user should know about how the file was read.
    """

    name: str
    layout: Layout
    columns: tuple[ScoreColumn, ...]
    repeats: tuple[str, ...]
    scores: NDArray[np.float64]
    status: NDArray[np.str_]
    rows: NDArray[np.int64]
    heads: tuple[str, ...]
    row_word: RowWord
    notes: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    def with_first(self, a: int) -> "ScoreTable":
        """Return the table with a variant, by its index, moved to the front."""
        order = [a, *(i for i in range(len(self.columns)) if i != a)]
        return replace(
            self,
            columns=tuple(self.columns[i] for i in order),
            scores=self.scores[order],
            status=self.status[order],
            rows=self.rows[order],
            heads=tuple(self.heads[i] for i in order),
        )

    def check_range(self, low: float, high: float) -> None:
        """Raise `TableFileError` for a score that is not between `low` and `high`."""
        outside = np.argwhere((self.scores < low) | (self.scores > high))
        if not len(outside):
            return
        a, r = min(outside.tolist(), key=lambda place: int(self.rows[*place]))
        where = f"{self.row_word} {self.rows[a, r]}, column {self.heads[a]}"
        if self.layout == "runs":
            advice = "accuracies are from 0 to 1"
        else:
            advice = "use --range LOW HIGH, the lowest and the highest possible score"
            lowest, highest = np.nanmin(self.scores), np.nanmax(self.scores)
            if (low, high) == SHARES and PERCENT[0] <= lowest and highest <= PERCENT[1]:
                advice += ", such as --range 0 100 for percent"
        more = f" ({len(outside):,} scores are)" if len(outside) > 1 else ""
        problem = f"{self.scores[a, r]:.12g} is outside of the range {low:g} to {high:g}{more}"
        raise TableFileError(self.name, f"{where}: {problem}; {advice}")


def read_scores(
    source: "str | Path | bytes | DataFrame", metric: Metric | None = None, name: str = ""
) -> ScoreTable:
    """Read scores of runs.

    Args:
        source: Path of a file, its content, or a `DataFrame`.
        metric: Metric of the program's own CSV of runs; None: the accuracy.
        name: Name of the scores in reports; empty: the name of the file, or `scores`.

    Raises:
        TableFileError: The file cannot be read, or holds something else than paired scores.
        SettingError: The source has another type, or there is no such metric.
    """
    if isinstance(source, str | Path):
        check_file(source)
        name, source = name or str(source), read_bytes(source, MAX_BYTES)
    name = escape_control_characters(name or "scores")
    if isinstance(source, bytes):
        cells = _cells_of_text(source, name)
    elif hasattr(source, "columns") and hasattr(source, "to_numpy"):
        cells = _cells_of_frame(source, name)
    else:
        value = escape_control_characters(type(source).__name__)
        raise SettingError("scores", value, "use a DataFrame, or the path of a CSV file")
    table = _Reader(cells).table(metric)
    names = [*(column.variant for column in table.columns), *table.repeats]
    longest = max(names, key=len)
    if len(longest) > MAX_NAME:
        problem = f"{longest[:40]}... is a name of more than {MAX_NAME} characters; shorten it"
        raise cells.error(problem)
    return table


# ---------------------------------------------------------------- cells


@dataclass(frozen=True, eq=False)
class _Cells:
    """A table as it was read.

    Args:
        name: Name of the file or table.
        heads: Name of each of the C columns.
        values: (N, C) texts, or numbers of a `DataFrame`; None for a missing value.
        rows: (N,) number of each row in the file or table.
        row_word: What these numbers count.
        has_decimal_comma: Whether a comma may stand before the decimals.
        notes: What the user should know about how the file was read.
    """

    name: str
    heads: tuple[str, ...]
    values: NDArray[np.object_]
    rows: NDArray[np.int64]
    row_word: RowWord
    has_decimal_comma: bool = False
    notes: tuple[str, ...] = ()

    def error(self, problem: str) -> TableFileError:
        return TableFileError(self.name, problem)

    def location(self, i: int, head: str | None = None) -> str:
        return f"{self.row_word} {self.rows[i]}" + ("" if head is None else f", column {head}")


def _cells_of_text(content: bytes, name: str) -> _Cells:
    """Split CSV text into cells.

    Args:
        content: The text.
        name: Name of the file.

    Raises:
        TableFileError: It is too long or not CSV, or a row does not fit the head.
    """
    if len(content) > MAX_BYTES:
        raise TableFileError(name, f"more than {MAX_BYTES:,} bytes; use fewer scores")
    kind = identify_format(content)
    if kind in OTHER_TEXTS:
        raise TableFileError(name, f"it looks like {kind}; save the scores as CSV")
    try:
        with limit_cells():
            text = read_head(content, ReadOptions())
            heads = fitting_heads(text.rows, text.heads, text.head_line)
            rows = list(text.rows.split())
    except TableProblem as error:
        raise TableFileError(name, str(error)) from error
    values = np.full((len(rows), len(heads)), "", object)
    for i, (_, texts) in enumerate(rows):
        values[i, : len(texts)] = texts
    lines = np.array([line for line, _ in rows], np.int64)
    cells = _Cells(
        name, tuple(map(_text, heads)), values, lines, "line", text.rows.sep != ",", text.notes
    )
    return _without_blanks(cells)


def _cells_of_frame(frame: "DataFrame", name: str) -> _Cells:
    """Return the cells of a `DataFrame`; the levels of its index that have a name are columns."""
    levels = [name for name in frame.index.names if name is not None and name not in frame.columns]
    if levels:
        frame = frame.reset_index(levels)
    values = frame.astype(object).where(frame.notna(), None).to_numpy(object)
    heads = tuple(map(_text, frame.columns))
    return _without_blanks(_Cells(name, heads, values, np.arange(1, len(values) + 1), "row"))


def _without_blanks(cells: _Cells) -> _Cells:
    """Return cells without empty rows, and without empty last columns that have no name."""
    is_blank = np.array([[_text(cell) == "" for cell in row] for row in cells.values], bool)
    is_blank = is_blank.reshape(cells.values.shape)
    n_columns = len(cells.heads)
    while n_columns and not cells.heads[n_columns - 1] and is_blank[:, n_columns - 1].all():
        n_columns -= 1
    keeps = ~is_blank.all(axis=1)
    heads = cells.heads[:n_columns]
    for i, head in enumerate(heads):
        if head in heads[:i]:
            shown = head or "''"
            raise cells.error(f"two columns are called {shown}; give each its own name")
    if not keeps.any():
        raise cells.error("a head and no rows; give a table with rows")
    return replace(
        cells, heads=heads, values=cells.values[keeps, :n_columns], rows=cells.rows[keeps]
    )


def _text(cell: Any) -> str:
    """Return a cell as printable text: empty if it is missing, whole numbers without a point."""
    if cell is None:
        return ""
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        cell = int(cell)
    return escape_control_characters(str(cell).strip())


# ---------------------------------------------------------------- layouts


class _Reader:
    """Recognises the layout of a table, and reads it.

    Args:
        cells: The table.
    """

    def __init__(self, cells: _Cells) -> None:
        self.cells = cells
        self.words = [re.sub(r"[\s_-]+", " ", head.lower()) for head in cells.heads]

    def table(self, metric: Metric | None) -> ScoreTable:
        """Read the table in its layout."""
        if set(self.cells.heads) >= RUN_COLUMNS:
            return self._runs(metric or "accuracy")
        if metric is not None:
            problem = "only the program's own CSV of runs has several metrics; leave it out"
            raise SettingError("metric", metric, problem)
        variant = next((i for i, word in enumerate(self.words) if word in VARIANT_WORDS), None)
        if variant is not None and any(
            _number(cell, self.cells) is None for cell in self.cells.values[:, variant]
        ):
            return self._long(variant)
        return self._wide()

    def _repeat_columns(self) -> list[int]:
        """Return the columns that name the repeats together."""
        columns = [i for i, word in enumerate(self.words) if word in REPEAT_WORDS]
        if not columns and self.cells.heads[0] in INDEX_NAMES:
            columns = [0]
        return columns

    def _wide(self) -> ScoreTable:
        """Read one column per variant, one row per repeat."""
        cells, named = self.cells, self._repeat_columns()
        columns = [i for i in range(len(cells.heads)) if i not in named]
        if not columns:
            raise cells.error("no column of scores; give one column per variant")
        for i in columns:
            if not cells.heads[i]:
                raise cells.error(f"column {i + 1} has no name; give it the name of its variant")
        n_rows = len(cells.values)
        repeats = [self._joined(row, named) for row in cells.values]
        if not named:
            repeats = [str(i + 1) for i in range(n_rows)]
        lines: dict[str, int] = {}
        for i, repeat in enumerate(repeats):
            if repeat in lines:
                self._raise_repeated(f"repeat {repeat}", lines[repeat], i)
            lines[repeat] = i
        scores = np.array([[self._score(i, column) for i in range(n_rows)] for column in columns])
        heads = tuple(cells.heads[i] for i in columns)
        return ScoreTable(
            cells.name, "wide", tuple(map(ScoreColumn, heads)), tuple(repeats),
            scores.reshape(len(heads), n_rows), np.full((len(heads), n_rows), "ok"),
            np.tile(cells.rows, (len(heads), 1)), heads, cells.row_word, cells.notes,
        )  # fmt: skip

    def _long(self, variant: int) -> ScoreTable:
        """Read one row per score; `variant` is the column of the variants."""
        cells, named = self.cells, self._repeat_columns()
        if not named:
            problem = "no column repeat or seed shows which scores belong together; add one"
            raise cells.error(problem)
        others = [i for i in range(len(cells.heads)) if i not in (variant, *named)]
        sources = self._coded(others, "sources", SOURCES)
        status = self._coded(others, "status", STATUSES)
        score = self._score_column([i for i in others if i not in (sources, status)])
        used = {variant, score, sources, status, *named}
        keys = [
            ScoreColumn(_text(row[variant]), "none" if sources is None else _text(row[sources]))  # type: ignore[arg-type]
            for row in cells.values
        ]
        table = self._pivoted("long", keys, named, score, status)
        return replace(
            table, ignored=tuple(head for i, head in enumerate(cells.heads) if i not in used)
        )

    def _runs(self, metric: Metric) -> ScoreTable:
        """Read the program's own CSV of runs."""
        cells = self.cells
        at = {head: i for i, head in enumerate(cells.heads)}
        column = METRICS[JUDGED_METRICS[metric]]
        if column not in at:
            problem = f"{cells.name} has no column {column}; leave it out"
            raise SettingError("metric", metric, problem)
        keys = []
        for row in cells.values:
            label, fixed = _text(row[at["variant"]]), _text(row[at["fixed"]])
            label = f"{label} fixed={fixed}" if fixed else label
            if "label" in at:
                label = _text(row[at["label"]]) or label
            keys.append(ScoreColumn(label, _text(row[at["sources"]])))  # type: ignore[arg-type]
        self._check_sources(keys, at)
        table = self._pivoted("runs", keys, [at["repeat"]], at[column], at["status"])
        if "classes_predicted" in at:
            of_classes = [
                _number(cell, cells) or 0.0 for cell in cells.values[:, at["classes_predicted"]]
            ]
            row_of = {row: i for i, row in enumerate(cells.rows.tolist())}
            n_predicted = np.array(
                [[of_classes[row_of[row]] for row in rows] for rows in table.rows.tolist()]
            )
            is_collapsed = (n_predicted < n_predicted.max()) & (table.status == "ok")
            table = replace(table, status=np.where(is_collapsed, "collapsed", table.status))
        return table

    def _check_sources(self, keys: Sequence[ScoreColumn], at: dict[str, int]) -> None:
        """Raise `TableFileError` unless each fresh-source run of a variant has its own source."""
        cells = self.cells
        for i, key in enumerate(keys):
            if key.sources not in SOURCES:
                where = cells.location(i, "sources")
                raise cells.error(f"{where}: use none, fresh or one")
        if "source_repeat" not in at:
            return
        seen = set[tuple[ScoreColumn, str]]()
        for key, row in zip(keys, cells.values, strict=True):
            source = (key, _text(row[at["source_repeat"]]))
            if key.sources == "fresh" and source in seen and source[1] != _text(row[at["repeat"]]):
                problem = "several repeats share a source network (--nested)"
                raise cells.error(f"{problem}; save that comparison as JSON, and use show")
            seen.add(source)

    def _pivoted(
        self,
        layout: Layout,
        keys: Sequence[ScoreColumn],
        named: Sequence[int],
        score: int,
        status: int | None,
    ) -> ScoreTable:
        """Return one row per score as a table of variants and repeats.

        Args:
            layout: Layout of the file.
            keys: Variant of each row.
            named: Columns that name the repeats.
            score: Column of the scores.
            status: Column of the status of the runs, if any.
        """
        cells = self.cells
        columns, names = (
            list(dict.fromkeys(keys)),
            [self._joined(row, named) for row in cells.values],
        )
        repeats = list(dict.fromkeys(names))
        if all(name.isdecimal() for name in repeats):
            repeats.sort(key=int)
        row_of: dict[tuple[ScoreColumn, str], int] = {}
        for i, place in enumerate(zip(keys, names, strict=True)):
            if not place[0].variant:
                raise cells.error(f"{cells.location(i)} has no variant; add its name")
            if place in row_of:
                what = f"repeat {place[1]} of {_named(place[0])}"
                self._raise_repeated(what, row_of[place], i, layout == "runs")
            row_of[place] = i
        missing = [(c, name) for name in repeats for c in columns if (c, name) not in row_of]
        if missing:
            column, name = missing[0]
            more = f" ({len(missing):,} scores are missing)" if len(missing) > 1 else ""
            problem = f"repeat {name} has no score of {_named(column)}{more}"
            raise cells.error(f"{problem}; add it, or leave the repeat out for all variants")
        rows = np.array([[row_of[column, name] for name in repeats] for column in columns])
        statuses = np.full(len(keys), "ok", "U9")
        if status is not None:
            statuses = np.array([_text(row[status]) for row in cells.values], "U9")
        scores = np.array(
            [np.nan if statuses[i] == "failed" else self._score(i, score) for i in range(len(keys))]
        )
        return ScoreTable(
            cells.name, layout, tuple(columns), tuple(repeats), scores[rows], statuses[rows],
            cells.rows[rows], (cells.heads[score],) * len(columns), cells.row_word, cells.notes,
        )  # fmt: skip

    def _coded(self, columns: Sequence[int], word: str, codes: Sequence[str]) -> int | None:
        """Return the column with a name whose values are all among some words, if any."""
        for i in columns:
            if self.words[i] == word and all(_text(c) in codes for c in self.cells.values[:, i]):
                return i
        return None

    def _score_column(self, columns: Sequence[int]) -> int:
        """Return the column of the scores of a long table."""
        known = [i for i in columns if self.words[i] in SCORE_WORDS]
        exact = [i for i in known if self.words[i] in ("score", "scores")]
        for choice in (exact, known, columns):
            if len(choice) == 1:
                return choice[0]
        heads = ", ".join(self.cells.heads[i] for i in known or columns)
        problem = f"several columns may be the scores ({heads})" if heads else "no column of scores"
        raise self.cells.error(f"{problem}; call the one to be judged score")

    def _joined(self, row: NDArray[np.object_], named: Sequence[int]) -> str:
        """Return the name of the repeat of a row."""
        return "/".join(_text(row[i]) for i in named)

    def _score(self, i: int, column: int) -> float:
        """Return a cell as a score.

        Raises:
            TableFileError: It is not a number.
        """
        cells = self.cells
        cell = cells.values[i, column]
        number = _number(cell, cells)
        if number is not None:
            return number
        text = _text(cell)[:60]
        problem = f"'{text}' is not a number; write one, or leave the column out"
        if not text:
            problem = "an empty cell; write the score, or the worst possible one for a failed run"
        elif text.endswith("%"):
            problem = f"'{text}' has a percent sign; remove these signs and use --range 0 100"
        raise cells.error(f"{cells.location(i, cells.heads[column])}: {problem}")

    def _raise_repeated(self, what: str, first: int, second: int, are_runs: bool = False) -> None:
        """Raise `TableFileError` for a repeat that is there twice.

        Args:
            what: The repeat.
            first: Index of the first row.
            second: Index of the second row.
            are_runs: Whether it is the program's own CSV of runs.
        """
        cells = self.cells
        advice = "give each repeat its own name"
        if are_runs:
            advice = "keep the rows of one comparison of a sweep, pairs or a grid"
        lines = f"{cells.location(first)} and {cells.location(second)}"
        raise cells.error(f"{what} is there twice, in {lines}; {advice}")


def _named(column: ScoreColumn) -> str:
    """Return a variant with its sources, as far as they are known."""
    sources = "" if column.sources == "none" else f" ({column.sources})"
    return f"{column.variant}{sources}"


def _number(cell: Any, cells: _Cells) -> float | None:
    """Return a cell as a finite number; None if it is not one."""
    if isinstance(cell, bool | np.bool_):
        return None
    if isinstance(cell, int | float | np.integer | np.floating):
        return float(cell) if np.isfinite(cell) else None
    text = _text(cell)
    if cells.has_decimal_comma and text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    number = read_number(text)
    return None if number is None else float(number)
