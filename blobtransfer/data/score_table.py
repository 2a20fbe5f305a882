"""Read scores of runs from a CSV file or a `DataFrame`, in any of three layouts.

Wide: one column per variant, one row per repeat. Long: one row per score, with the columns variant,
repeat and score. Runs: the program's own CSV of runs. Errors name line, column and value.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.score_cells import ScoreCells, read_cells
from blobtransfer.data.tables.identifiers import UNNAMED
from blobtransfer.data.tables.rows import MAX_LISTED_COLUMNS
from blobtransfer.errors import SettingError, TableFileError
from blobtransfer.specs.checks import escape_control_characters
from blobtransfer.specs.scores import MAX_NAME, ScoreColumn
from blobtransfer.specs.training import JUDGED_METRICS, METRICS, Metric

if TYPE_CHECKING:
    from pandas import DataFrame

Layout = Literal["wide", "long", "runs"]

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

SUMMARY_WORDS = frozenset(
    ("mean", "average", "avg", "median", "std", "sd", "std dev", "stdev", "standard deviation",
     "variance", "var", "sem", "stderr", "min", "max", "total", "sum", "count")
)  # fmt: skip
"""Names of rows below the scores that summarise them, in lower case."""

RUN_COLUMNS = frozenset(("sources", "variant", "fixed", "repeat", "test_accuracy", "status"))
"""Columns by which the program's own CSV of runs is known."""

SOURCES, STATUSES = ("none", "fresh", "one"), ("ok", "failed", "collapsed")

WHOLE = re.compile(r"(\d+)[.,]0+\Z", re.ASCII)
"""A whole number with decimals."""

SHARES, PERCENT = (0.0, 1.0), (0.0, 100.0)


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Scores of A variants in R repeats.

    Args:
        cells: The table as it was read.
        layout: How it is laid out.
        columns: The A variants, in the order of the file.
        repeats: Name of each of the R repeats.
        scores: (A, R) scores; NaN for a run that failed.
        status: (A, R) `ok`, `failed`, or `collapsed` for a run that never predicts a class.
        rows: (A, R) index of the row that has the score.
        heads: Name of the column that has the scores of each variant.
        ignored: Names of columns that are not used.
    """

    cells: ScoreCells
    layout: Layout
    columns: tuple[ScoreColumn, ...]
    repeats: tuple[str, ...]
    scores: NDArray[np.float64]
    status: NDArray[np.str_]
    rows: NDArray[np.int64]
    heads: tuple[str, ...]
    ignored: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the scores in reports."""
        return self.cells.name

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
        """Reject scores outside of a range.

        Args:
            low: Lowest possible score.
            high: Highest possible score.

        Raises:
            TableFileError: A score is not between `low` and `high`.
        """
        outside = np.argwhere((self.scores < low) | (self.scores > high))
        if not len(outside):
            return
        a, r = min(outside.tolist(), key=lambda index: int(self.rows[*index]))
        where = self.cells.location(self.rows[a, r], self.heads[a])
        if self.layout == "runs":
            advice = "accuracies are from 0 to 1"
        else:
            advice = "use --range LOW HIGH, the lowest and the highest possible score"
            lowest, highest = np.nanmin(self.scores), np.nanmax(self.scores)
            if (low, high) == SHARES and PERCENT[0] <= lowest and highest <= PERCENT[1]:
                advice += ", such as --range 0 100 for percent"
        more = f" ({len(outside):,} scores in all)" if len(outside) > 1 else ""
        problem = f"{self.scores[a, r]:.12g} is outside of the range {low:g} to {high:g}{more}"
        raise self.cells.error(f"{where}: {problem}; {advice}")


def read_scores(
    source: "str | Path | bytes | DataFrame", metric: Metric | None = None, name: str = ""
) -> ScoreTable:
    """Read scores of runs.

    Args:
        source: Path of a file, its content, or a `DataFrame`.
        metric: Metric of the program's own CSV of runs; None: the accuracy.
        name: Name of the scores in reports; empty: the name of the file, or
            `the data frame`.

    Raises:
        TableFileError: The file cannot be read, or holds something else than paired scores.
        SettingError: The source has another type, or the table does not have the metric.
    """
    cells = read_cells(source, name)
    table = _Reader(cells).table(metric)
    names = [*(column.variant for column in table.columns), *table.repeats]
    longest = max(names, key=len)
    if len(longest) > MAX_NAME:
        problem = f"{longest[:40]}... is a name of more than {MAX_NAME} characters; shorten it"
        raise cells.error(problem)
    return table


class _Reader:
    """Recognise the layout of a table of scores, and read it.

    Args:
        cells: The table.
    """

    def __init__(self, cells: ScoreCells) -> None:
        self.cells = cells
        self.words = [re.sub(r"[\s_-]+", " ", head.lower()) for head in cells.heads]

    def table(self, metric: Metric | None) -> ScoreTable:
        """Read the table in its layout."""
        cells = self.cells
        if set(cells.heads) >= RUN_COLUMNS:
            return self._runs(metric or "accuracy")
        if metric is not None:
            problem = "only the program's own CSV of runs has several metrics; leave it out"
            raise SettingError("metric", metric, problem)
        variant = next((i for i, word in enumerate(self.words) if word in VARIANT_WORDS), None)
        is_long = variant is not None and (
            not SCORE_WORDS.isdisjoint(self.words)
            or any(cells.number(i, variant) is None for i in range(cells.n_rows))
        )
        return self._long(variant) if variant is not None and is_long else self._wide()

    def _repeat_columns(self) -> list[int]:
        """Return the columns that name the repeats together."""
        columns = [i for i, word in enumerate(self.words) if word in REPEAT_WORDS]
        levels = range(self.cells.n_levels)
        columns = columns or [i for i in levels if self.words[i] not in VARIANT_WORDS]
        if not columns and self._has_index:
            columns = [0]
        return columns

    @property
    def _has_index(self) -> bool:
        """Whether the first column is an index, such as pandas and R write it."""
        return UNNAMED.fullmatch(self.cells.heads[0]) is not None

    def _counts_rows(self) -> bool:
        """Return whether the first column is an index of whole numbers."""
        texts = self.cells.column_texts(0)
        return self._has_index and all(map(str.isdecimal, texts))

    def _wide(self) -> ScoreTable:
        """Read one column per variant, one row per repeat."""
        cells, repeat_columns = self.cells, self._repeat_columns()
        columns = [i for i in range(len(cells.heads)) if i not in repeat_columns]
        ignored = [0] if 0 in columns and self._counts_rows() else []
        columns = columns[len(ignored) :]
        if not columns:
            raise cells.error("no column of scores; add one column per variant")
        for i in columns:
            if not cells.heads[i]:
                raise cells.error(f"column {i + 1} has no name; use the name of its variant")
        repeats = self._repeats(repeat_columns)
        for i, repeat in enumerate(repeats):
            if repeat.lower().strip(" .:") in SUMMARY_WORDS:
                problem = f"{cells.location(i)}: {repeat} is a summary, not a repeat"
                raise cells.error(f"{problem}; remove that line")
        row_of: dict[str, int] = {}
        for i, repeat in enumerate(repeats):
            if repeat in row_of:
                advice = "use a different name for each repeat"
                raise self._repeated(f"repeat {repeat}", (row_of[repeat], i), advice)
            row_of[repeat] = i
        scores = np.array([[self._score(i, k) for i in range(cells.n_rows)] for k in columns])
        heads = tuple(cells.heads[i] for i in columns)
        return ScoreTable(
            cells,
            layout="wide",
            columns=tuple(map(ScoreColumn, heads)),
            repeats=tuple(repeats),
            scores=scores,
            status=np.full(scores.shape, "ok"),
            rows=np.tile(np.arange(cells.n_rows), (len(heads), 1)),
            heads=heads,
            ignored=tuple(cells.heads[i] or "1 (no name)" for i in ignored),
        )

    def _long(self, variant: int) -> ScoreTable:
        """Read one row per score; `variant` is the column of the variants."""
        cells, repeat_columns = self.cells, self._repeat_columns()
        # A number that no other row has cannot show which scores belong together.
        is_unused = repeat_columns != [0] or len(set(cells.column_texts(0))) == cells.n_rows
        index = [0] if is_unused and self._counts_rows() else []
        repeat_columns = [i for i in repeat_columns if i not in index]
        if not repeat_columns:
            problem = (
                "no column repeat or seed shows which scores belong together "
                f"(columns: {_listed(cells.heads)}); add one"
            )
            raise cells.error(problem)
        others = [i for i in range(len(cells.heads)) if i not in (variant, *repeat_columns, *index)]
        sources = self._column_of_codes(others, "sources", SOURCES)
        status = self._column_of_codes(others, "status", STATUSES)
        score = self._score_column([i for i in others if i not in (sources, status)])
        used = {variant, score, sources, status, *repeat_columns}
        variants = cells.column_texts(variant)
        sources_of = ["none"] * cells.n_rows if sources is None else cells.column_texts(sources)
        table = self._pivot(
            "long",
            list(map(ScoreColumn, variants, sources_of)),  # type: ignore[arg-type]
            self._repeats(repeat_columns),
            ["ok"] * cells.n_rows if status is None else cells.column_texts(status),
            score,
        )
        return replace(
            table,
            ignored=tuple(
                head or f"{i + 1} (no name)" for i, head in enumerate(cells.heads) if i not in used
            ),
        )

    def _runs(self, metric: Metric) -> ScoreTable:
        """Read the program's own CSV of runs."""
        cells = self.cells
        column_of = {head: i for i, head in enumerate(cells.heads)}
        texts = {
            head: cells.column_texts(column_of[head])
            for head in (*RUN_COLUMNS, "label", "source_repeat")
            if head in column_of
        }
        column = METRICS[JUDGED_METRICS[metric]]
        if column not in column_of:
            problem = f"{cells.name} has no column {column}, only {_listed(cells.heads)}"
            raise SettingError("metric", metric, f"{problem}; leave --metric out")
        for head, codes in (("sources", SOURCES), ("status", STATUSES)):
            for i, text in enumerate(texts[head]):
                if text not in codes:
                    advice = f"use {', '.join(codes[:-1])} or {codes[-1]}"
                    raise cells.error(f"{cells.location(i, head)}: {advice}")
        labels = [
            f"{variant} fixed={fixed}" if fixed else variant
            for variant, fixed in zip(texts["variant"], texts["fixed"], strict=True)
        ]
        if "label" in texts:
            labels = [label or name for label, name in zip(texts["label"], labels, strict=True)]
        variants = list(map(ScoreColumn, labels, texts["sources"]))  # type: ignore[arg-type]
        repeat_of: dict[tuple[ScoreColumn, str], str] = {}
        for variant, source, repeat in zip(
            variants, texts.get("source_repeat", texts["repeat"]), texts["repeat"], strict=True
        ):
            is_shared = repeat_of.setdefault((variant, source), repeat) != repeat
            if is_shared and variant.sources == "fresh":
                problem = "several repeats share a source network (--nested)"
                raise cells.error(f"{problem}; save that comparison as JSON, and use show")
        status = texts["status"]
        if "classes_predicted" in column_of:
            i = column_of["classes_predicted"]
            n_predicted = [cells.number(row, i) or 0.0 for row in range(cells.n_rows)]
            status = [
                "collapsed" if word == "ok" and n < max(n_predicted) else word
                for word, n in zip(status, n_predicted, strict=True)
            ]
        return self._pivot("runs", variants, texts["repeat"], status, column_of[column])

    def _pivot(
        self,
        layout: Layout,
        variants: Sequence[ScoreColumn],
        repeats: Sequence[str],
        status: Sequence[str],
        score: int,
    ) -> ScoreTable:
        """Return one row per score as a table of variants and repeats.

        Args:
            layout: Layout of the file.
            variants: Variant of each row.
            repeats: Repeat of each row.
            status: Status of the run of each row.
            score: Column of the scores.

        Raises:
            TableFileError: A variant has no score in a repeat, or two.
        """
        cells = self.cells
        columns, names = list(dict.fromkeys(variants)), list(dict.fromkeys(repeats))
        if all(name.isdecimal() and len(name) <= MAX_NAME for name in names):
            names.sort(key=int)
        row_of: dict[tuple[ScoreColumn, str], int] = {}
        for i, (variant, repeat) in enumerate(zip(variants, repeats, strict=True)):
            if not variant.variant:
                raise cells.error(f"{cells.location(i)} has no variant; add its name")
            if (variant, repeat) in row_of:
                advice = "use a different name for each repeat"
                if layout == "runs":
                    advice = "use the rows of one comparison of the sweep, pairs or grid"
                name = f"repeat {repeat} of {_describe(variant)}"
                raise self._repeated(name, (row_of[variant, repeat], i), advice)
            row_of[variant, repeat] = i
        missing = [(c, name) for name in names for c in columns if (c, name) not in row_of]
        if missing:
            variant, repeat = missing[0]
            more = f" ({len(missing):,} scores are missing)" if len(missing) > 1 else ""
            problem = f"repeat {repeat} has no score of {_describe(variant)}{more}"
            raise cells.error(f"{problem}; add it, or leave the repeat out for all variants")
        rows = np.array([[row_of[c, name] for name in names] for c in columns])
        scores = np.array(
            [np.nan if word == "failed" else self._score(i, score) for i, word in enumerate(status)]
        )
        return ScoreTable(
            cells,
            layout=layout,
            columns=tuple(columns),
            repeats=tuple(names),
            scores=scores[rows],
            status=np.array(status)[rows],
            rows=rows,
            heads=(cells.heads[score],) * len(columns),
        )

    def _column_of_codes(
        self, columns: Sequence[int], word: str, codes: Sequence[str]
    ) -> int | None:
        """Return the column with a name whose values are all among some words, if any.

        Args:
            columns: Columns to search.
            word: Name of the column.
            codes: The words.
        """
        for i in columns:
            if self.words[i] == word and set(self.cells.column_texts(i)) <= set(codes):
                return i
        return None

    def _score_column(self, columns: Sequence[int]) -> int:
        """Return the column of the scores of a long table."""
        candidates = [i for i in columns if self.words[i] in SCORE_WORDS]
        exact = [i for i in candidates if self.words[i] in ("score", "scores")]
        for choice in (exact, candidates, columns):
            if len(choice) == 1:
                return choice[0]
        heads = ", ".join(self.cells.heads[i] for i in candidates or columns)
        problem = f"several columns may be the scores ({heads})"
        if not heads:
            problem = f"no column of scores among {_listed(self.cells.heads)}"
        raise self.cells.error(f"{problem}; call the column to be judged score")

    def _repeats(self, columns: Sequence[int]) -> list[str]:
        """Return the name of the repeat of each row, from the columns that name it together.

        1.0 is the repeat 1.
        """
        if not columns:
            return [str(i + 1) for i in range(self.cells.n_rows)]
        names_of = zip(*map(self.cells.column_texts, columns), strict=True)
        return ["/".join(WHOLE.sub(r"\1", name) for name in names) for names in names_of]

    def _score(self, row: int, column: int) -> float:
        """Return a cell as a score.

        Raises:
            TableFileError: It is not a number.
        """
        cells = self.cells
        number = cells.number(row, column)
        if number is not None:
            return number
        text = cells.text(row, column)[:60]
        problem = f"'{text}' is not a number; write one, or leave the column out"
        if not text:
            problem = "an empty cell; write the score, or the worst possible one for a failed run"
        elif text.endswith("%"):
            problem = f"'{text}' has a percent sign; remove these signs and use --range 0 100"
        raise cells.error(f"{cells.location(row, cells.heads[column])}: {problem}")

    def _repeated(self, repeat: str, rows: tuple[int, int], advice: str) -> TableFileError:
        """Return the error that a repeat is in two rows.

        Args:
            repeat: The repeat.
            rows: Indices of the rows.
            advice: What to do.
        """
        lines = " and ".join(map(self.cells.location, rows))
        return self.cells.error(f"{repeat} occurs twice, in {lines}; {advice}")


def _listed(heads: Sequence[str]) -> str:
    """Return the names of the columns, for an error."""
    more = f", ... ({len(heads):,} in all)" if len(heads) > MAX_LISTED_COLUMNS else ""
    return ", ".join(map(escape_control_characters, heads[:MAX_LISTED_COLUMNS])) + more


def _describe(column: ScoreColumn) -> str:
    """Return a variant with its sources, as far as they are known."""
    sources = "" if column.sources == "none" else f" ({column.sources})"
    return f"{column.variant}{sources}"
