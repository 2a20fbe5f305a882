"""Results -> sentences: what is known, how surely, and what to do next.

Words only: every number comes from the findings.
"""

import math
from collections.abc import Sequence

from blobtransfer.results import Results, Summary
from blobtransfer.stats import n_that_would_tell

QUESTION_NAMES = {"one": "this model", "fresh": "the method"}

FEW_REPEATS = 10
"""Below, even 95 % intervals that mean to be honest are rough (`docs/method.md`)."""


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
                f"(95 % interval {interval}, {design(results, question)})"
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
            f"{_what_would_tell(undecided, results, question)}"
        )
    return f"{QUESTION_NAMES[question].capitalize()}: {'; '.join(clauses)}"


def warnings(results: Results) -> list[str]:
    """Say what makes the results of a comparison less sure than they look, and what to do."""
    if results.command != "compare":
        return []
    spec, found = results.spec, []
    n_repeats = results.runs.n_repeats
    n_independent = spec.nested[0] if spec.nested else n_repeats
    unit = "sources" if spec.nested else "repeats"
    if n_independent < FEW_REPEATS:
        what = "no finding is possible" if n_independent < 6 else "the intervals are rough"
        enough = f"--nested 30 {spec.nested[1]}" if spec.nested else "--repeats 30"
        found.append(f"with {count(n_independent, unit)} {what}; try {enough}")
    if spec.questions == ("one",):
        found.append(
            "one source network: its luck is in no interval; --sources both asks about the method"
        )
    more = (
        f"--nested {10 * spec.nested[0]} {spec.nested[1]}"
        if spec.nested
        else f"--repeats {10 * n_repeats}"
    )
    low = [one for one in results.summary if one.low_runs and (one.std or 0) > spec.margin]
    if low:
        found.append(
            f"a few low runs make most of the spread of {', '.join(map(_low_runs, low))}; "
            f"look at the medians, and try {more}"
        )
    target = results.task("target")
    means = [one.mean for one in results.summary if one.mean is not None]
    if means and spec.margin:
        share = sum(means) / len(means)
        error = math.sqrt(share * (1 - share) / target.n_test)
        if error > spec.margin / 2:
            n_rows = math.ceil(4 * share * (1 - share) / spec.margin**2 / 1000) * 1000
            found.append(
                f"{target.n_test} test rows: an accuracy has a standard error of "
                f"{points(error)} for new rows, the margin is {points(spec.margin)}; "
                f"the answers hold for these rows, try --test-samples {n_rows}"
            )
    return found


def points(share: float) -> str:
    """Write a difference of accuracies."""
    text = f"{100 * share:.3g}"
    return f"{text} point" if text == "1" else f"{text} points"


def count(n: int, things: str) -> str:
    """Write a number of things, given in the plural."""
    return f"{n} {things.removesuffix('s') if n == 1 else things}"


def design(results: Results, question: str) -> str:
    """Say how many repeats a question's intervals rest on."""
    nested = results.spec.nested
    if nested is not None and question == "fresh":
        return f"{nested[0]} sources x {nested[1]} repeats"
    return count(results.runs.n_repeats, "repeats")


def _amount(one: Summary) -> tuple[str, str]:
    """Write by how much a variant is better or worse, and the interval of that."""
    d = one.difference
    assert d is not None and d.mean is not None and d.ci_low is not None and d.ci_high is not None
    low, high = (d.ci_low, d.ci_high) if d.mean > 0 else (-d.ci_high, -d.ci_low)
    return f"{100 * abs(d.mean):.1f}", f"{100 * low:.1f} to {100 * high:.1f}"


def _what_would_tell(undecided: Sequence[Summary], results: Results, question: str) -> str:
    """Say how many repeats decide the slowest of some variants."""
    numbers = [n_that_would_tell(one.difference) for one in undecided if one.difference]
    if None in numbers:
        verdict = undecided[numbers.index(None)].verdict
        return (verdict or "").partition(" ")[2]
    unit = "sources" if results.spec.nested and question == "fresh" else "repeats"
    return f"(about {max(n for n in numbers if n)} {unit} would tell)"


def _low_runs(one: Summary) -> str:
    where = "" if one.sources == "none" else f", {QUESTION_NAMES[one.sources]}"
    collapsed = f", {one.collapsed} collapsed" if one.collapsed else ""
    return f"{one.label} ({one.low_runs} of {one.n}{where}{collapsed})"


def _labels(group: Sequence[Summary]) -> str:
    *first, last = [one.label for one in group]
    return f"{', '.join(first)} and {last}" if first else last
