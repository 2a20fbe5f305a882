"""Answers of a comparison in sentences: verdicts, intervals, and what to do next."""

from collections.abc import Sequence

from blobtransfer.report import words
from blobtransfer.report.units import low_accuracy_head, unit_of
from blobtransfer.results.findings import Summary, Unit
from blobtransfer.results.results import ComparedResults
from blobtransfer.specs.experiment import Arm, ComparedQuestion
from blobtransfer.statistics.paired import MIN_PAIRS, VerdictKind
from blobtransfer.statistics.resplit import rows_needed

MAX_NAMED = 3
"""Greatest number of undecided variants that a short answer names."""


def answer(results: ComparedResults, question: ComparedQuestion) -> str | None:
    """Return the answer to a question in a sentence; None if nothing was compared."""
    by_kind = _by_kind(results, question)
    if not by_kind:
        return None
    baseline, unit, clauses = results.spec.variants[0], unit_of(results), []
    kinds: tuple[VerdictKind, ...] = ("better", "worse")
    for kind in kinds:
        for i, summary in enumerate(by_kind.get(kind, [])):
            amount, interval = _amount(summary, results)
            label, slight = words.label_of(summary.arm, results), _negligible_note(summary, results)
            size = _sample_size(summary, results)
            clauses.append(
                f"{label} by {amount} ({interval}){slight}"
                if i
                else f"{label} is {kind} than {baseline} by {amount}{unit.points} (95 % interval "
                f"{interval}, {size}){slight}"
            )
    if negligible := by_kind.get("no practical difference"):
        clauses.append(
            f"{_labels(negligible, results)} {'makes' if len(negligible) == 1 else 'make'} no "
            f"practical difference to {baseline} (less than {unit.difference(results.spec.margin)})"
        )
    if undecided := by_kind.get("undecided"):
        clauses.append(
            f"{_labels(undecided, results)} {'is' if len(undecided) == 1 else 'are'} undecided "
            f"({_needed_repeats(undecided, results)})"
        )
    return f"{words.question_title(results, question)}: {'; '.join(clauses)}"


def short_answer(results: ComparedResults, question: ComparedQuestion) -> str | None:
    """Return the answer to a question in a few words; None if nothing was compared."""
    by_kind = _by_kind(results, question)
    if not by_kind:
        return None
    points, clauses = unit_of(results).points, []
    verbs: dict[VerdictKind, str] = {"better": "gains", "worse": "costs"}
    if results.lower_is_better:
        verbs = {"better": "is better by", "worse": "is worse by"}
    for kind, verb in verbs.items():
        for i, summary in enumerate(by_kind.get(kind, [])):
            amount, _ = _amount(summary, results)
            unit = points if i == 0 else ""
            label = words.label_of(summary.arm, results)
            slight = ", possibly negligible" if _is_possibly_negligible(summary) else ""
            clauses.append(f"{label} {verb} {amount}{unit}{slight}")
    if negligible := by_kind.get("no practical difference"):
        clauses.append(f"{_labels(negligible, results)}: no practical difference")
    if undecided := by_kind.get("undecided"):
        what = _needed_repeats(undecided, results).partition(", with")[0]
        named = "" if len(by_kind) == 1 else f"{_labels(undecided, results)}: "
        if named and len(undecided) > MAX_NAMED:
            named = f"{len(undecided)} others: "
        clauses.append(f"{named}undecided ({what})")
    return f"{words.name_of(question).capitalize()}: {'; '.join(clauses)}"


def low_run_notes(summaries: Sequence[Summary], results: ComparedResults) -> list[str]:
    """Return notes on variants with more or fewer low-accuracy runs than standalone."""
    notes = []
    for summary in summaries:
        low, d = summary.low_runs, summary.difference
        if low is None or d is None or low.share_standalone is None or d.n < MIN_PAIRS:
            continue
        if low.ci_low is None or low.ci_high is None or low.ci_low <= 0.0 <= low.ci_high:
            continue
        difference = low.share - low.share_standalone
        more = "more" if difference > 0 else "fewer"
        label, baseline = words.label_of(summary.arm, results), results.spec.variants[0]
        notes.append(
            f"{label}: {_typical_clause(summary, results)}; per 100 runs, "
            f"{words.format_per_100(difference)} {more} end {low_accuracy_head(results)} "
            f"than with {baseline} "
            f"(95 % interval {words.format_per_100_range(low.ci_low, low.ci_high)})"
        )
    return notes


def _by_kind(
    results: ComparedResults, question: ComparedQuestion
) -> dict[VerdictKind, list[Summary]]:
    """Return the compared variants of a question by their verdict."""
    by_kind: dict[VerdictKind, list[Summary]] = {}
    for summary in results.of_question(question):
        if summary.verdict is not None:
            by_kind.setdefault(summary.verdict.kind, []).append(summary)
    return by_kind


def _is_possibly_negligible(summary: Summary) -> bool:
    """Return whether the interval of a difference reaches below the margin."""
    return summary.verdict is not None and summary.verdict.beyond_margin == "maybe"


def _negligible_note(summary: Summary, results: ComparedResults) -> str:
    """Return a note if the interval reaches below the margin; else empty."""
    if not _is_possibly_negligible(summary):
        return ""
    margin = unit_of(results).difference(results.spec.margin)
    return f", possibly negligible (the interval reaches below {margin})"


def _typical_clause(summary: Summary, results: ComparedResults) -> str:
    """Return a clause on the difference in a typical run."""
    assert summary.difference is not None
    typical, margin, unit = summary.difference.typical, results.spec.margin, unit_of(results)
    if typical.mean is None:
        return "the trimmed mean is not known"
    if typical.ci_low is None or typical.ci_high is None:
        return f"in a typical run it differs by {unit.interval(typical, digits=1)}{unit.points}"
    if -margin < typical.ci_low and typical.ci_high < margin:
        return "in a typical run no practical difference"
    if typical.ci_low <= 0.0 <= typical.ci_high:
        return "in a typical run undecided"
    word = "better" if typical.mean > 0 else "worse"
    return f"in a typical run {word} by {unit.amount(abs(typical.mean))}{unit.points}"


def _sample_size(summary: Summary, results: ComparedResults) -> str:
    """Return the sample size of a difference."""
    if results.spec.is_nested(summary.arm):
        return words.describe_design(results, "fresh")
    return words.pluralise(results.n_repeats, "repeats")


def _sampling_unit(results: ComparedResults, arm: Arm) -> Unit:
    """Return the unit of observation of an arm."""
    return "sources" if results.spec.is_nested(arm) else "repeats"


def _amount(summary: Summary, results: ComparedResults) -> tuple[str, str]:
    """Return the size of a difference, with its interval."""
    d, unit = summary.difference, unit_of(results)
    assert d is not None and d.mean is not None and d.ci_low is not None and d.ci_high is not None
    low, high = (d.ci_low, d.ci_high) if d.mean > 0 else (-d.ci_high, -d.ci_low)
    return unit.amount(abs(d.mean)), f"{unit.amount(low)} to {unit.amount(high)}"


def _needed_repeats(undecided: Sequence[Summary], results: ComparedResults) -> str:
    """Return how many repeats should decide all undecided variants."""
    standalone = results.summary[0]
    if any(summary.mostly_fails for summary in (standalone, *undecided)):
        return words.MOSTLY_FAILS
    numbers = []
    for summary in undecided:
        to_decide = None if summary.verdict is None else summary.verdict.repeats_to_decide
        if to_decide is None and results.spec.until_decided:
            return f"after {words.pluralise(results.n_repeats, 'repeats')}"
        if to_decide is None and results.spec.resplit is not None and _has_interval(summary):
            return _needed_rows(undecided, results)
        if to_decide is None:
            return f"more {_sampling_unit(results, summary.arm)} should settle it"
        numbers.append((to_decide, summary))
    (low, high), slowest = max(numbers, key=lambda number: number[0][1])
    numbers_of = f"{low} to {high}" if low < high else f"about {low}"
    text = f"{numbers_of} {_sampling_unit(results, slowest.arm)} should settle it"
    d = slowest.difference
    assert d is not None
    if d.repeats_needed is not None and d.repeats_needed[1] > d.n:
        difference = unit_of(results).difference(results.spec.margin)
        return f"{text}, with 80 % power for a difference of {difference} or more"
    if d.repeats_alike is not None and d.repeats_alike[1] > d.n:
        return f"{text}, with 80 % power to show no practical difference"
    return text


def _needed_rows(undecided: Sequence[Summary], results: ComparedResults) -> str:
    """Return how many rows of a table should decide all undecided variants."""
    margin, split = results.spec.margin, results.spec.resplit
    assert split is not None
    differences = [row.difference for row in undecided if row.difference is not None]
    n_needed = rows_needed(differences, split.n_train + split.n_test, margin)
    of_what = (
        f" a difference of {unit_of(results).difference(margin)}" if margin else " the difference"
    )
    repeats = f"more repeats do not settle{of_what}"
    if n_needed is not None:
        return f"{repeats}; about {n_needed:,} rows should settle one of the observed size"
    return f"{repeats}; more {'training rows' if split.test_to_train > 1.0 else 'rows'} would"


def _has_interval(summary: Summary) -> bool:
    """Return whether a difference has an interval of enough pairs."""
    d = summary.difference
    return d is not None and d.ci_low is not None and d.n >= MIN_PAIRS


def _labels(group: Sequence[Summary], results: ComparedResults) -> str:
    """Return the names of variants, joined."""
    return words.join_and([words.label_of(summary.arm, results) for summary in group])
