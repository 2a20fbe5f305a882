"""Findings -> sentences: what is known, how surely, and what to do next.

All words about findings are made here; every number comes from them.
"""

from collections.abc import Sequence

from blobtransfer.results.findings import (
    Caution,
    Collapsed,
    FewPairs,
    FewTestRows,
    LowRuns,
    OneSource,
    Summary,
    Unit,
)
from blobtransfer.results.results import Results
from blobtransfer.specs.experiment import Arm, Question, Sources
from blobtransfer.statistics.paired import Verdict

QUESTION_NAMES: dict[Question, str] = {"one": "this model", "fresh": "the method"}

FEW_REPEATS = 5
"""Up to here it is the pairs that are too few, whatever the number of variants."""

MANY_REPEATS = 1_000
"""From here on, more repeats do not help against a few low runs."""


def answer(results: Results, question: Question) -> str | None:
    """Answer one question in a sentence; None where nothing was compared."""
    compared = [
        (one, one.verdict) for one in results.of_question(question) if one.verdict is not None
    ]
    if not compared:
        return None
    clauses = []
    for kind in ("better", "worse"):
        decided = [one for one, verdict in compared if verdict.kind == kind]
        for i, one in enumerate(decided):
            amount, interval = _amount(one)
            clauses.append(
                f"{one.label} by {amount} ({interval})"
                if i
                else f"{one.label} is {kind} than standalone by {amount} points "
                f"(95 % interval {interval}, {_basis(one, results)})"
            )
    alike = [one for one, verdict in compared if verdict.kind == "no practical difference"]
    if alike:
        clauses.append(
            f"{_labels(alike)} {'makes' if len(alike) == 1 else 'make'} no practical difference "
            f"to standalone (less than {points(results.spec.margin)})"
        )
    undecided = [one for one, verdict in compared if verdict.kind == "undecided"]
    if undecided:
        clauses.append(
            f"{_labels(undecided)} {'is' if len(undecided) == 1 else 'are'} undecided "
            f"({_what_would_tell(undecided, results)})"
        )
    return f"{QUESTION_NAMES[question].capitalize()}: {'; '.join(clauses)}"


def verdict_word(verdict: Verdict | None) -> str:
    """Write a verdict in a word or three; nothing where there is none."""
    return "" if verdict is None else verdict.kind


def caution_text(caution: Caution, results: Results) -> str:
    """Say what makes results less sure than they look, and what to do."""
    match caution:
        case FewPairs():
            return _few_pairs(caution, results)
        case OneSource():
            return (
                "one source network: its luck is in no interval; "
                "--sources both asks about the method"
            )
        case LowRuns():
            is_few = caution.n_repeats < MANY_REPEATS
            more = f", and try {_more(results, 10)}" if is_few else ""
            low = [one for one in results.summary if one.arm in caution.arms]
            return (
                f"a few low runs make most of the spread of {', '.join(map(_low_runs, low))}; "
                f"look at the medians{more}"
            )
        case Collapsed():
            names = _joined([arm.label for arm in dict.fromkeys(_one_of_each(caution.arms))])
            return (
                f"most runs never predict one of the classes ({names}): there is little to "
                "compare; try a smaller --learning-rate, or wider --hidden layers"
            )
        case FewTestRows():
            return (
                f"{count(caution.n_test, 'test rows')}: an accuracy has a standard error of "
                f"{points(caution.standard_error)} for new rows, the margin is "
                f"{points(caution.margin)}; the answers hold for these rows, "
                f"try --test-samples {caution.n_enough}"
            )


def points(share: float) -> str:
    """Write a difference of accuracies."""
    text = f"{100 * share:.3g}"
    return f"{text} point" if text == "1" else f"{text} points"


def count(n: int, things: str) -> str:
    """Write a number of things, given in the plural."""
    return f"{n} {things.removesuffix('s') if n == 1 else things}"


def frozen_words(n_frozen: int) -> str:
    """Say which hidden layers are frozen."""
    layers = "hidden layer" if n_frozen == 1 else f"{n_frozen} hidden layers"
    return f"first {layers} frozen"


def design(results: Results, question: Question) -> str:
    """Say how many repeats were made for a question."""
    nested = results.spec.nested
    if nested is not None and question == "fresh":
        return f"{results.n_sources} sources x {nested[1]} repeats"
    return count(results.scores.n_repeats, "repeats")


def _few_pairs(caution: FewPairs, results: Results) -> str:
    what = f"with {count(caution.n, caution.unit)}"
    if caution.can_decide:
        what += " the intervals are rough"
    else:
        of_many = f" and {caution.n_variants} variants" if caution.n > FEW_REPEATS else ""
        what += f"{of_many} no better or worse is possible"
    remedy = "a smaller --learning-rate" if caution.has_failures else _more(results, 1, 30)
    return f"{what}; try {remedy}"


def _more(results: Results, times: int, least: int = 0) -> str:
    """Write the option that asks for more repeats, or sources."""
    if results.spec.nested is not None:
        n_sources, n_repeats = results.spec.nested
        return f"--nested {max(least, times * n_sources)} {n_repeats}"
    return f"--repeats {max(least, times * results.scores.n_repeats)}"


def _basis(one: Summary, results: Results) -> str:
    """Say how many repeats the difference of a variant rests on."""
    all_repeats = results.scores.n_repeats
    if one.difference is None or results.spec.is_nested(one.arm):
        return design(results, "fresh")
    if one.difference.n < all_repeats:
        return f"{one.difference.n} of {all_repeats} repeats without a failed run"
    return count(all_repeats, "repeats")


def _unit(results: Results, arm: Arm) -> Unit:
    return "sources" if results.spec.is_nested(arm) else "repeats"


def _amount(one: Summary) -> tuple[str, str]:
    """Write by how much a variant is better or worse, and the interval of that."""
    d = one.difference
    assert d is not None and d.mean is not None and d.ci_low is not None and d.ci_high is not None
    low, high = (d.ci_low, d.ci_high) if d.mean > 0 else (-d.ci_high, -d.ci_low)
    return f"{100 * abs(d.mean):.1f}", f"{100 * low:.1f} to {100 * high:.1f}"


def _what_would_tell(undecided: Sequence[Summary], results: Results) -> str:
    """Say how many repeats decide the slowest of some variants."""
    numbers = []
    for one in undecided:
        to_decide = None if one.verdict is None else one.verdict.repeats_to_decide
        if to_decide is None:
            if one.difference is None or one.difference.mean is None:
                return "every pair has a failed run"
            return f"more {_unit(results, one.arm)} would tell"
        numbers.append((to_decide[1], _unit(results, one.arm)))
    n, unit = max(numbers, key=lambda number: number[0])
    # Low runs that these repeats have not met make the differences vary more than they show.
    is_sure = not any(one.low_runs for one in results.summary)
    return f"{'about' if is_sure else 'at least'} {n} {unit} would tell"


def _low_runs(one: Summary) -> str:
    where: dict[Sources, str] = {"none": "", **{q: f", {n}" for q, n in QUESTION_NAMES.items()}}
    collapsed = f", {one.collapsed} collapsed" if one.collapsed else ""
    return f"{one.label} ({one.low_runs} of {one.n}{where[one.arm.sources]}{collapsed})"


def _one_of_each(arms: Sequence[Arm]) -> list[Arm]:
    """Give one arm for each variant, whatever its sources."""
    return list({arm.label: arm for arm in arms}.values())


def _labels(group: Sequence[Summary]) -> str:
    return _joined([one.label for one in group])


def _joined(labels: Sequence[str]) -> str:
    *first, last = labels
    return f"{', '.join(first)} and {last}" if first else last
