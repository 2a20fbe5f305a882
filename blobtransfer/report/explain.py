"""What each word of a comparison or a study means, in a line: `--explain`."""

from blobtransfer.report.words import format_percent, format_points
from blobtransfer.results.results import Results
from blobtransfer.results.study import StudyResults
from blobtransfer.specs.study import StudyKind


def explanations(results: Results) -> tuple[str, ...]:
    """Explain the rows and columns of a comparison, with the numbers of these results."""
    spec, measured = results.spec, results.measured
    n_compared = len(spec.variants) - 1
    lines = [
        "standalone: training from fresh weights, all layers free",
        "transfer fixed=n: a start from a source network, its first n hidden layers frozen",
        "this model: all repeats start from one source network",
        "the method: every repeat trains a source network of its own",
        f"mean, std, median: of the test accuracies of {results.scores.n_repeats} repeats, in %",
    ]
    if results.findings.low_line is not None:
        lines.append(f"low: runs that end below {format_percent(results.findings.low_line)}")
    if measured.ceiling is not None:
        lines.append(f"gap: from the mean to the best possible, {format_percent(measured.ceiling)}")
    lines += [
        "difference [95 %]: mean of variant less standalone in the same repeat, in points, and "
        f"where it would lie with very many repeats; the {n_compared} of a question hold together",
        "typical [95 %]: the same of the middle three fifths of the repeats, each alone",
        "P(better): share of the repeats in which the variant beats standalone, ties by half",
        "better, worse: the whole interval is above, below 0",
        f"no practical difference (alike): it is within {format_points(spec.margin)} of 0, the "
        "margin",
        "undecided: neither; more repeats, or more rows of a table, would tell",
        "5 % quantile: one run of 20 ends below it",
        "worst tenth: mean of the lowest tenth of the runs",
        "best of 1, best of 3, best of 5: what to expect of the best of so many runs",
    ]
    if not spec.until_decided:
        times = f", times the {n_compared} variants of a question" if n_compared > 1 else ""
        lines.append(f"adj. p: of no difference{times}")
    if results.n_failed:
        floor = format_percent(measured.floor)
        lines.append(f"failed: loss not finite; such runs count at chance level, {floor}")
    return tuple(lines)


def study_explanations(results: StudyResults) -> tuple[str, ...]:
    """Explain the rows and columns of a study, with the numbers of these results."""
    spec = results.spec
    lines = [
        "standalone: training from fresh weights, all layers free",
        "transfer fixed=n: a start from a source network, its first n hidden layers frozen",
        "the method: every repeat trains a source network of its own",
        *STUDY_LINES[spec.kind],
        "better, worse: the whole interval is above, below 0",
        f"alike: no practical difference, the interval is within {format_points(spec.margin)} of 0",
        "undecided: neither",
    ]
    return tuple(lines)


STUDY_LINES: dict[StudyKind, tuple[str, ...]] = {
    "sweep": (
        "epochs, updates: passes over the training rows of a point, and steps in all",
        "mean, std: of the test accuracies of the repeats of a point, in %",
        "difference [95 %]: mean of variant less standalone in the same repeat, in points, and "
        "where it would lie with very many repeats; those of all points hold together",
    ),
    "pairs": (
        "mean, std: of the mean test accuracies on the pairs, in %, and between pairs",
        "difference [95 %]: mean over the pairs of variant less standalone, in points, and where "
        "it would lie with very many pairs; those of all variants hold together",
        "tau: standard deviation of the true differences between pairs",
        "next pair [95 %]: where the true difference of a further pair of such problems lies",
        "beyond the margin: share of such pairs that gain more, that lose more than the margin",
        "Wilcoxon p: of the signed-rank test over the pairs, times the variants; a check",
    ),
    "grid": (
        "a number: mean of variant less standalone in the same repeat, in points",
        "[ ]: the source is another network that was trained on the target problem itself",
        "adj. p: of no difference, by Holm over all cells and variants",
    ),
}
"""What the columns of each kind of study mean."""
