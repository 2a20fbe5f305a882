"""Judge scores of runs that another program trained, as `compare` judges its own."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from blobtransfer.analysis.judging import analyse_scores
from blobtransfer.data.score_table import ScoreTable, read_scores
from blobtransfer.did_you_mean import suggest
from blobtransfer.errors import SettingError, TableFileError
from blobtransfer.results.provenance import Clock, Provenance
from blobtransfer.results.results import JudgedResults
from blobtransfer.specs.checks import as_tuple, escape_control_characters
from blobtransfer.specs.scores import MARGIN_SHARE, MAX_VARIANTS, ScoresSpec, check_range
from blobtransfer.specs.training import Metric

if TYPE_CHECKING:
    from pandas import DataFrame

BASELINES = (
    "standalone", "baseline", "base", "scratch", "from scratch", "control", "reference",
    "no transfer", "no pretraining", "random init", "vanilla",
)  # fmt: skip
"""Names of a variant that is the baseline unless another is given."""

MAX_LISTED = 20
"""Largest number of variants that an error lists."""


def judge(
    scores: "str | Path | DataFrame | ScoreTable",
    *,
    baseline: str | None = None,
    range: Sequence[float] = (0.0, 1.0),
    lower_is_better: bool = False,
    resplit: Sequence[int] | None = None,
    margin: float | None = None,
    metric: Metric | None = None,
) -> JudgedResults:
    """Compare variants by scores of runs that another program trained.

    Args:
        scores: Path of a CSV file, or a `DataFrame`: one column per variant and one row per repeat,
            or one row per score with the columns variant, repeat and score, or the CSV of runs
            that a comparison wrote.
        baseline: Variant that the others are compared with; None: the one that is called so, such
            as `standalone`, `baseline` or `scratch`.
        range: Lowest and highest possible score. For the CSV of runs of a comparison: chance level
            and best possible accuracy.
        lower_is_better: Whether lower scores are better, as for a loss.
        resplit: Training and test rows of a split if each repeat resplits the same rows: intervals
            are then those of Nadeau & Bengio (2003).
        margin: Differences up to this are negligible, in the unit of the scores; None: 0.01 of
            their scale.
        metric: Metric of the CSV of runs of a comparison; None: its accuracy.

    Raises:
        TableFileError: The file cannot be read, or holds something else than paired scores.
        SettingError: A setting has an impossible value.
    """
    clock = Clock()
    table = scores if isinstance(scores, ScoreTable) else read_scores(scores, metric)
    ends = check_range(range)
    names = list(dict.fromkeys(column.variant for column in table.columns))
    if len(names) < 2:
        problem = f"only {names[0]} has scores"
        raise TableFileError(table.name, f"{problem}; add those of another variant")
    if len(names) > MAX_VARIANTS:
        problem = f"{len(names):,} variants; use at most {MAX_VARIANTS:,}"
        raise TableFileError(table.name, problem)
    name = _baseline(names, baseline)
    candidates = [a for a, column in enumerate(table.columns) if column.variant == name]
    table = table.with_first(candidates[0])
    has_metric = table.layout == "runs"
    low, high = scale = (0.0, 1.0) if has_metric else ends
    spec = ScoresSpec(
        name=table.name,
        columns=table.columns,
        score_range=ends,
        margin=float(f"{MARGIN_SHARE * (high - low):.12g}") if margin is None else margin,
        lower_is_better=lower_is_better,
        resplit_rows=None if resplit is None else as_tuple("resplit", resplit),
        metric=(metric or "accuracy") if has_metric else None,
    )
    table.check_range(*scale)
    provenance = Provenance(clock.started, clock.seconds())
    return analyse_scores(
        JudgedResults(spec, table.repeats, table.scores, table.status, provenance)
    )


def _baseline(names: list[str], baseline: str | None) -> str:
    """Return the name of the baseline.

    Args:
        names: Names of all variants.
        baseline: The requested name; None for a variant that is called so.

    Raises:
        SettingError: The variant does not exist, or the default baseline is not unique.
    """
    first_names = ", ".join(names[:MAX_LISTED])
    if baseline is not None:
        baseline = str(baseline)  # the column of a DataFrame may be called 0
        if baseline in names:
            return baseline
        question = suggest(baseline, names)
        value = escape_control_characters(baseline)
        advice = f"{question} " if question else ""
        problem = f"this variant does not exist; {advice}use one of {first_names}"
        raise SettingError("baseline", value, problem)
    matches = [name for name in names if re.sub(r"[\s_-]+", " ", name.lower()) in BASELINES]
    if len(matches) != 1:
        which = "several variants are" if matches else "no variant is"
        problem = (
            f"{which} called standalone, baseline, scratch or similar; use one of {first_names}"
        )
        raise SettingError("baseline", "", problem)
    return matches[0]
