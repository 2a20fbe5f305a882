"""Format numbers, lists, arms and data; names of questions and scores.

Accuracies and differences are shares, such as 0.031, and are formatted in percent or points.
"""

import re
from collections.abc import Sequence
from typing import Protocol

from blobtransfer.results.results import ComparedResults, DataRecord
from blobtransfer.specs.data import DataSpec
from blobtransfer.specs.experiment import Arm, ComparedQuestion, ExperimentSpec
from blobtransfer.specs.table import TableSpec
from blobtransfer.specs.training import Metric, TrainingSpec
from blobtransfer.statistics.paired import Difference, Verdict, VerdictKind
from blobtransfer.statistics.transferability import Ranking, ScoreName

QUESTION_NAMES: dict[ComparedQuestion, str] = {"fresh": "fresh sources", "one": "one source"}
"""Names of the questions that the program's own runs answer."""

SCORE_NAMES: dict[ScoreName, str] = {
    "h_score": "H-score",
    "h_score_regularised": "regularised H-score",
    "logme": "LogME",
    "leep": "LEEP",
    "nce": "NCE",
}
"""Transferability scores as their authors write them."""

HEADLINE_SCORE: ScoreName = "h_score_regularised"
"""The score that sentences report, fixed beforehand: the score for few rows."""

METRIC_NAMES: dict[Metric, str] = {
    "accuracy": "test accuracy",
    "balanced-accuracy": "balanced accuracy",
}
"""Metrics that networks are judged by; all are measured on test rows."""

BALANCED_ACCURACY_NOTE = (
    "balanced accuracy: the mean of the recalls of the classes that the test rows have"
)

VERDICT_CLAUSES: dict[VerdictKind, str] = {
    "better": "better",
    "worse": "worse",
    "no practical difference": "no practical difference",
    "undecided": "undecided",
}
"""Verdicts in a sentence, in the order in which they are named."""

MOSTLY_FAILS = "most runs diverge or collapse"
"""Reason why a difference is undecided whatever its interval."""

VERDICT_MARKS: dict[VerdictKind, str] = {
    "better": ">",
    "faster": ">",
    "worse": "<",
    "slower": "<",
    "no practical difference": "=",
    "undecided": "?",
}
"""Verdicts as one character beside a number."""

MARKS_LEGEND = "> better, < worse, = negligible, ? undecided"

SHORT_VERDICTS: dict[VerdictKind, str] = {"no practical difference": "negligible"}
"""Verdicts that are too long for a narrow table."""


class Estimate(Protocol):
    """A mean with its interval; None for unknown values."""

    @property
    def mean(self) -> float | None:
        """Point estimate."""

    @property
    def ci_low(self) -> float | None:
        """Lower end of the interval."""

    @property
    def ci_high(self) -> float | None:
        """Upper end of the interval."""


# ---------------------------------------------------------------- the judged metric


def test_metric(spec: ExperimentSpec) -> str:
    """Return the name of the judged metric: `test accuracy` or `balanced accuracy`."""
    return METRIC_NAMES[spec.metric]


def test_metric_plural(spec: ExperimentSpec) -> str:
    """Return the plural of `test_metric`."""
    return test_metric(spec).removesuffix("y") + "ies"


def metric_name(spec: ExperimentSpec) -> str:
    """Return the short name of the judged metric: `accuracy` or `balanced accuracy`."""
    return test_metric(spec).removeprefix("test ")


def points_of(spec: ExperimentSpec) -> str:
    """Return the unit of differences: `points`, or `points of balanced accuracy`."""
    return "points" if spec.metric == "accuracy" else f"points of {metric_name(spec)}"


# ---------------------------------------------------------------- lists and counts


def pluralise(n: int, things: str) -> str:
    """Return a number of things; `things` is the plural."""
    return f"{n} {things.removesuffix('s') if n == 1 else things}"


def join_and(labels: Sequence[str]) -> str:
    """Return labels separated by commas, the last one after `and`."""
    *first, last = labels
    return f"{', '.join(first)} and {last}" if first else last


def format_count_range(low: int, high: int) -> str:
    """Return `low to high`, or one number if they are equal."""
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


# ---------------------------------------------------------------- numbers in sentences


def format_points(share: float) -> str:
    """Return a difference of accuracies with its unit, such as `1 point`."""
    text = f"{100 * share:.3g}"
    return f"{text} point" if text in ("1", "-1") else f"{text} points"


def format_nonzero(
    value: float, digits: int = 1, scale: float = 100.0, has_sign: bool = True
) -> str:
    """Return a scaled number, with more digits if it would print as 0 although it is not 0.

    An end of an interval that prints as 0 would contradict a verdict beside it.

    Args:
        value: A share, unless `scale` is 1.
        digits: After the decimal point.
        scale: Factor; 100 gives points.
        has_sign: Whether a positive number has a sign.
    """
    sign = "+" if has_sign else ""
    scaled = round(scale * value, 9) + 0.0  # the rest is rounding error; -0.0 + 0.0 is 0.0
    text = f"{scaled:{sign}.{digits}f}"
    return text if float(text) or not scaled else f"{scaled:{sign}.1g}"


def format_signed(value: float, digits: int = 1, scale: float = 100.0) -> str:
    """Return a scaled number with a sign; one that rounds to 0 is positive.

    Args:
        value: A share, unless `scale` is 1.
        digits: After the decimal point.
        scale: Factor; 100 gives points.
    """
    return f"{round(scale * value, digits) + 0.0:+.{digits}f}"


def format_judged_mean(mean: float, kind: VerdictKind) -> str:
    """Return a mean difference beside its verdict, in points with one digit."""
    return (format_nonzero if kind in ("better", "worse") else format_signed)(mean)


def format_amount(share: float) -> str:
    """Return points with one digit, or with more if it would print 0.0 for another number."""
    return format_nonzero(share, has_sign=False)


def format_percent(share: float | None) -> str:
    """Return a share in percent; `not finite` if there is none."""
    return "not finite" if share is None else f"{100 * share:.1f} %"


def format_per_100(share: float) -> str:
    """Return the absolute share as runs of 100, with one digit below 1."""
    return format_nonzero(abs(share), digits=0 if abs(share) >= 0.01 else 1, has_sign=False)


def format_per_100_range(low: float, high: float) -> str:
    """Return the interval of a difference of shares as an amount, in runs of 100."""
    return " to ".join(map(format_per_100, sorted((abs(low), abs(high)))))


def format_spearman(ranking: Ranking) -> str:
    """Return a rank correlation with its interval."""
    if ranking.spearman is None:
        return "(not known)"
    if ranking.ci_low is None or ranking.ci_high is None:
        return f"{ranking.spearman:.2f}"
    return f"{ranking.spearman:.2f} [{ranking.ci_low:.2f}, {ranking.ci_high:.2f}]"


# ---------------------------------------------------------------- cells of a table


def format_number(value: float | None, digits: int = 2, scale: float = 100.0) -> str:
    """Return a scaled number; a dash if there is none.

    Args:
        value: A share, unless `scale` is 1.
        digits: After the decimal point.
        scale: Factor; 100 gives percent or points.
    """
    return "-" if value is None else f"{scale * value:.{digits}f}"


def format_interval(estimate: Estimate | None, digits: int = 2, scale: float = 100.0) -> str:
    """Return a mean with a sign and its interval, as far as they are known.

    Args:
        estimate: Of shares, unless `scale` is 1; None gives an empty cell.
        digits: After the decimal point.
        scale: Factor; 100 gives points.
    """
    if estimate is None:
        return ""
    if estimate.mean is None:
        return "-"
    low, high = estimate.ci_low, estimate.ci_high
    if low is None or high is None:
        return format_signed(estimate.mean, digits, scale)
    excludes_0 = low > 0.0 or high < 0.0
    mean = (format_nonzero if excludes_0 else format_signed)(estimate.mean, digits, scale)
    return f"{mean} {format_range(low, high, digits, scale)}"


def format_range(
    low: float | None, high: float | None, digits: int = 1, scale: float = 100.0
) -> str:
    """Return an interval; empty if an end is not known.

    Args:
        low: Lower end; a share, unless `scale` is 1.
        high: Upper end.
        digits: After the decimal point.
        scale: Factor; 100 gives points.
    """
    if low is None or high is None:
        return ""
    return f"[{format_nonzero(low, digits, scale)}, {format_nonzero(high, digits, scale)}]"


def format_share(share: float | None) -> str:
    """Return a share between 0 and 1; empty if there is none."""
    return "" if share is None else f"{share:.2f}"


def format_whole_percent(share: float | None) -> str:
    """Return a share in whole percent; empty if there is none."""
    return "" if share is None else f"{100 * share:.0f} %"


def format_loss(loss: float | None) -> str:
    """Return a loss in nats; `not finite` if there is none."""
    return "not finite" if loss is None else f"{loss:.4f}"


def format_p(p: float | None) -> str:
    """Return a p-value; empty if there is none."""
    if p is None:
        return ""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def format_adjusted_p(difference: Difference | None) -> str:
    """Return the adjusted p-value of a difference; empty if there is none."""
    return "" if difference is None else format_p(difference.p_adjusted)


def format_probability_better(difference: Difference | None) -> str:
    """Return the share of repeats with a difference above 0; empty if there is none."""
    return "" if difference is None else format_share(difference.probability_better)


def format_verdict(verdict: Verdict | None) -> str:
    """Return a verdict in words; empty if there is none."""
    return "" if verdict is None else verdict.kind


def format_short_verdict(verdict: Verdict | None) -> str:
    """Return a verdict in one word; empty if there is none."""
    return "" if verdict is None else SHORT_VERDICTS.get(verdict.kind, verdict.kind)


def format_mark(verdict: Verdict | None) -> str:
    """Return the mark of a verdict; empty if there is none."""
    return "" if verdict is None else VERDICT_MARKS[verdict.kind]


def format_mean_and_std(mean: float | None, std: float | None) -> str:
    """Return a mean with the standard deviation in brackets, in percent."""
    return f"{format_number(mean, digits=1)} ({format_number(std, digits=1)})"


def join_verdicts(verdicts: Sequence[tuple[VerdictKind, str]]) -> str:
    """Return verdicts, each with the places where it holds, in a few words."""
    return ", ".join(f"{VERDICT_CLAUSES[kind]} {where}" for kind, where in verdicts)


def verdicts_clause(verdicts: Sequence[tuple[VerdictKind, str]]) -> str:
    """Return verdicts, each with the places where it holds, as the rest of a sentence."""
    negligible = "no practical difference"
    adjectives = [(kind, where) for kind, where in verdicts if kind != negligible]
    clauses = [f"is {join_verdicts(adjectives)}"] if adjectives else []
    clauses += [f"makes {kind} {where}" for kind, where in verdicts if kind == negligible]
    return " and ".join(clauses)


# ---------------------------------------------------------------- labels and designs


def label_of(arm: Arm, results: ComparedResults) -> str:
    """Return the label of an arm; if source and target are the same data it is not a transfer."""
    if not results.spec.is_same_data:
        return arm.label
    is_transfer = arm.variant.start == "transfer"
    return re.sub("^transfer", "same problem", arm.label) if is_transfer else arm.label


def question_of(arm: Arm) -> str:
    """Return the name of the question that an arm answers; empty for standalone."""
    return "" if arm.sources == "none" else QUESTION_NAMES[arm.sources]


def describe_frozen_layers(n_frozen: int) -> str:
    """Return which hidden layers are frozen, such as `first 2 hidden layers frozen`."""
    layers = "hidden layer" if n_frozen == 1 else f"{n_frozen} hidden layers"
    return f"first {layers} frozen"


def name_of(question: ComparedQuestion) -> str:
    """Return the name of a question; that of scores of another program is `scores`."""
    return QUESTION_NAMES.get(question, question)


def question_title(results: ComparedResults, question: ComparedQuestion) -> str:
    """Return the name of a question with its source networks, as the start of a line."""
    name = name_of(question).capitalize()
    if results.spec.is_same_data:
        return f"{name}, same problem (not transfer)"
    if question == "one":
        return f"{name} (this source network)"
    if question == "scores":
        return name
    if results.spec.nested is not None:
        return f"{name} ({pluralise(results.n_sources, 'source networks')})"
    return f"{name} (a new source network each repeat)"


def describe_design(results: ComparedResults, question: ComparedQuestion) -> str:
    """Return the number of repeats of a question, or of sources and repeats per source."""
    nested = results.spec.nested
    if nested is not None and question == "fresh":
        n_sources, n_repeats = results.n_sources, results.n_repeats
        if n_sources * nested[1] != n_repeats:  # an interrupted run
            return f"{n_sources} sources, {n_repeats} repeats in all"
        return f"{n_sources} sources x {nested[1]} repeats"
    return pluralise(results.n_repeats, "repeats")


def describe_early_stopping(training: TrainingSpec) -> str:
    """Return the rule by which a training stops early."""
    return (
        "training stops when the loss on the validation rows (a fifth of the training rows, held "
        f"out) has not improved for {pluralise(training.patience or 0, 'epochs')}, and the best "
        "weights are restored"
    )


# ---------------------------------------------------------------- data


MAX_CLASSES_NAMED = 6
"""Largest number of classes whose counts are listed."""


def describe_data(spec: DataSpec, record: DataRecord) -> str:
    """Return the rows, columns, class counts, split and scaling of data."""
    classes = [
        f"{name} {n:,}" for name, n in zip(spec.class_names, record.class_counts, strict=True)
    ]
    if len(classes) > MAX_CLASSES_NAMED:
        classes[MAX_CLASSES_NAMED - 1 : -1] = ["..."]
    n_rows = f"{record.n_train + record.n_test:,} rows"
    split = f"{record.n_train:,} train, {record.n_test:,} test"
    if not isinstance(spec, TableSpec):
        features = pluralise(spec.n_features, "features")
        return f"{spec.name}, {n_rows}, {features} ({', '.join(classes)}); {split}"
    of_words = [column.name for column in spec.columns if column.levels is not None]
    columns = pluralise(len(spec.columns), "columns")
    if of_words:
        named = ", ".join(of_words[:3]) + (", ..." if len(of_words) > 3 else "")
        columns += f" (categorical: {named}; {pluralise(spec.n_features, 'features')} in all)"
    how = "new stratified split each repeat"
    if spec.group is not None:
        how += f", no {spec.group} on both sides; about {split}"
    elif spec.split is not None:
        how = f"split by {spec.split}"
    scaling = {
        "own": "standardised on its training rows",
        "source": "standardised like the source's training rows",
        "none": "not scaled",
    }[spec.scale]
    missing = ", missing values filled with the mean" if spec.missing == "mean" else ""
    return (
        f"{spec.name}, {spec.n_rows:,} rows, {columns}, label {spec.label} ({', '.join(classes)}); "
        f"{how if spec.group else f'{split}, {how}'}; inputs {scaling}{missing}"
    )
