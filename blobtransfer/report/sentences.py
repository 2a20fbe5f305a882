"""Results -> sentences: what is known, how surely, and what to do next.

Words only: every number comes from the findings.
"""

import math
from collections.abc import Sequence

from blobtransfer.results.results import Results, Summary
from blobtransfer.statistics.paired import n_that_would_tell
from blobtransfer.statistics.power import ALPHA

QUESTION_NAMES = {"one": "this model", "fresh": "the method"}

FEW_REPEATS = 10
"""Below, even 95 % intervals that mean to be honest are rough (`docs/method.md`)."""

MANY_REPEATS = 1_000
"""From here on, more repeats are no remedy for a few low runs."""


def answer(results: Results, question: str) -> str | None:
    """Answer one question in a sentence; None where nothing was compared."""
    compared = [one for one in results.of_question(question) if one.verdict is not None]
    if not compared:
        return None
    clauses = []
    for word in ("better", "worse"):
        decided = [one for one in compared if one.verdict == word]
        for i, one in enumerate(decided):
            amount, interval = _amount(one)
            clauses.append(
                f"{one.label} by {amount} ({interval})"
                if i
                else f"{one.label} is {word} than standalone by {amount} points "
                f"(95 % interval {interval}, {_basis(one, results)})"
            )
    alike = [one for one in compared if one.verdict == "no practical difference"]
    if alike:
        clauses.append(
            f"{_labels(alike)} {'makes' if len(alike) == 1 else 'make'} no practical difference "
            f"to standalone (less than {points(results.spec.margin)})"
        )
    undecided = [one for one in compared if one.verdict and one.verdict.startswith("undecided")]
    if undecided:
        clauses.append(
            f"{_labels(undecided)} {'is' if len(undecided) == 1 else 'are'} undecided "
            f"{_what_would_tell(undecided, results)}"
        )
    return f"{QUESTION_NAMES[question].capitalize()}: {'; '.join(clauses)}"


def warnings(results: Results) -> list[str]:
    """Say what makes the results of a comparison less sure than they look, and what to do."""
    if results.command != "compare":
        return []
    spec, found = results.spec, []
    n_repeats = results.runs.n_repeats
    found += _warnings_of_few(results)
    if spec.questions == ("one",):
        found.append(
            "one source network: its luck is in no interval; --sources both asks about the method"
        )
    low = [one for one in results.summary if one.low_runs and (one.std or 0) > spec.margin]
    if low:
        more = f", and try {_more(results, 10)}" if n_repeats < MANY_REPEATS else ""
        found.append(
            f"a few low runs make most of the spread of {', '.join(map(_low_runs, low))}; "
            f"look at the medians{more}"
        )
    dead = {one.label: one for one in results.summary if 2 * one.collapsed > one.n}
    if dead:
        names = _labels(list(dead.values()))
        found.append(
            f"most runs never predict one of the classes ({names}): there is little to "
            "compare; try a smaller --learning-rate, or wider --hidden layers"
        )
    target = results.task("target")
    means = [one.mean for one in results.summary if one.mean is not None]
    if means and spec.margin:
        share = sum(means) / len(means)
        error = math.sqrt(share * (1 - share) / target.n_test)
        if error > spec.margin / 2:
            n_rows = math.ceil(4 * share * (1 - share) / spec.margin**2 / 1000) * 1000
            found.append(
                f"{count(target.n_test, 'test rows')}: an accuracy has a standard error of "
                f"{points(error)} for new rows, the margin is {points(spec.margin)}; "
                f"the answers hold for these rows, try --test-samples {n_rows}"
            )
    return found


def _warnings_of_few(results: Results) -> list[str]:
    """Warn of each question that has too few repeats, or sources, for what was asked of it."""
    found: dict[str, None] = {}
    for question in results.spec.questions:
        compared = [one.difference for one in results.of_question(question) if one.difference]
        if not compared:
            continue
        n = min(difference.n for difference in compared)
        unit = _unit(results, question)
        # The smallest p of the sign-flip test, after Holm.
        if len(compared) * 2.0 ** (1 - n) >= ALPHA:
            of_many = f" and {len(compared)} variants" if n > 5 else ""
            what = f"with {count(n, unit)}{of_many} no better or worse is possible"
        elif n < FEW_REPEATS:
            what = f"with {count(n, unit)} the intervals are rough"
        else:
            continue
        has_failures = any(one.failed for one in results.of_question(question))
        remedy = "a smaller --learning-rate" if has_failures else _more(results, 1, 30)
        found[f"{what}; try {remedy}"] = None
    return list(found)


def _more(results: Results, times: int, least: int = 0) -> str:
    """Write the option that asks for more repeats, or sources."""
    if results.spec.nested is not None:
        n_sources, n_repeats = results.spec.nested
        return f"--nested {max(least, times * n_sources)} {n_repeats}"
    return f"--repeats {max(least, times * results.runs.n_repeats)}"


def points(share: float) -> str:
    """Write a difference of accuracies."""
    text = f"{100 * share:.3g}"
    return f"{text} point" if text == "1" else f"{text} points"


def count(n: int, things: str) -> str:
    """Write a number of things, given in the plural."""
    return f"{n} {things.removesuffix('s') if n == 1 else things}"


def design(results: Results, question: str) -> str:
    """Say how many repeats were made for a question."""
    nested = results.spec.nested
    if nested is not None and question == "fresh":
        return f"{results.n_sources} sources x {nested[1]} repeats"
    return count(results.runs.n_repeats, "repeats")


def _basis(one: Summary, results: Results) -> str:
    """Say how many repeats the difference of a variant rests on."""
    all_repeats = results.runs.n_repeats
    if one.difference is None or _unit(results, one.sources) == "sources":
        return design(results, one.sources)
    if one.difference.n < all_repeats:
        return f"{one.difference.n} of {all_repeats} repeats without a failed run"
    return count(all_repeats, "repeats")


def _unit(results: Results, sources: str) -> str:
    return "sources" if results.spec.nested is not None and sources == "fresh" else "repeats"


def _amount(one: Summary) -> tuple[str, str]:
    """Write by how much a variant is better or worse, and the interval of that."""
    d = one.difference
    assert d is not None and d.mean is not None and d.ci_low is not None and d.ci_high is not None
    low, high = (d.ci_low, d.ci_high) if d.mean > 0 else (-d.ci_high, -d.ci_low)
    return f"{100 * abs(d.mean):.1f}", f"{100 * low:.1f} to {100 * high:.1f}"


def _what_would_tell(undecided: Sequence[Summary], results: Results) -> str:
    """Say how many repeats decide the slowest of some variants."""
    numbers = [n_that_would_tell(one.difference) for one in undecided if one.difference]
    if None in numbers:
        verdict = undecided[numbers.index(None)].verdict
        return (verdict or "").partition(" ")[2]
    slowest = max(range(len(numbers)), key=lambda i: numbers[i] or 0)
    unit = _unit(results, undecided[slowest].sources)
    # Low runs that these repeats have not met make the differences vary more than they show.
    is_sure = not any(one.low_runs for one in results.summary)
    return f"({'about' if is_sure else 'at least'} {numbers[slowest]} {unit} would tell)"


def _low_runs(one: Summary) -> str:
    where = "" if one.sources == "none" else f", {QUESTION_NAMES[one.sources]}"
    collapsed = f", {one.collapsed} collapsed" if one.collapsed else ""
    return f"{one.label} ({one.low_runs} of {one.n}{where}{collapsed})"


def _labels(group: Sequence[Summary]) -> str:
    *first, last = [one.label for one in group]
    return f"{', '.join(first)} and {last}" if first else last
