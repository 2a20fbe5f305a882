"""View of scores of another program: `judge`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from blobtransfer.report import words
from blobtransfer.report.cautions import score_caution_text, short_score_caution
from blobtransfer.report.kinds import texts
from blobtransfer.report.kinds.answers import answer, low_run_notes, short_answer
from blobtransfer.report.kinds.comparison import (
    SECONDARY_QUESTION_NOTE,
    TRIMMED_MEAN_NOTE,
    explain_differences,
    explain_p,
    explain_scores,
    overview_columns,
    overview_priority,
    overview_rows,
    risk_table,
    sentences_of,
    shared_verdicts,
    summary_rows,
    variant_table,
)
from blobtransfer.report.report import Report, View
from blobtransfer.report.table import Overview, SummaryRows, Table
from blobtransfer.report.units import low_accuracy_head, unit_of
from blobtransfer.results.files.schema import Sentence
from blobtransfer.results.results import JudgedResults
from blobtransfer.specs.experiment import ComparedQuestion
from blobtransfer.specs.identity import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from blobtransfer.report.figures.canvas import Canvas


class JudgeView(View[JudgedResults]):
    """Report variants against their baseline, question by question."""

    def headline(self, results: JudgedResults) -> str:
        """Return the question that the scores answer."""
        spec = results.spec
        baseline, *others = dict.fromkeys(summary.label for summary in results.summary)
        subject = f"Is {others[0]}" if len(others) == 1 else f"Are {len(others)} variants"
        return f"{subject} better than {baseline}? Scores of {spec.name}"

    def sentences(self, results: JudgedResults) -> Iterator[Sentence]:
        """Yield the answer to each question."""
        return sentences_of(results, answer)

    def short_sentences(self, results: JudgedResults) -> Iterator[Sentence]:
        """Yield the short answer to each question."""
        return sentences_of(results, short_answer)

    def cautions(self, results: JudgedResults) -> Iterator[str]:
        """Yield each caution with its reason."""
        return (score_caution_text(caution, results) for caution in results.cautions)

    def short_cautions(self, results: JudgedResults) -> Iterator[str]:
        """Yield each caution in one line."""
        return (short_score_caution(caution, results) for caution in results.cautions)

    def tables(self, results: JudgedResults) -> Iterator[Table]:
        """Yield one table per question, then risk."""
        for question in results.spec.questions:
            scores, name = _scores(results), results.spec.name
            subject = words.question_title(results, question)
            title = f"{subject} of {name}: {scores}"
            if question != "scores":
                title = f"{subject}: {scores} of {name}"
            title += f", {words.describe_design(results, question)}"
            yield variant_table(results, question, title, _notes(results, question))
        yield risk_table(results, _scores(results))

    def overview(self, results: JudgedResults) -> Overview:
        """Return all variants in one table: the baseline once, then each question."""
        spec, unit = results.spec, unit_of(results)
        legend = [f"range {_range(results)}", f"margin {unit.difference(spec.margin)}"]
        legend.append(words.describe_design(results, spec.questions[0]))
        if spec.lower_is_better:
            legend.append("lower is better: + is an improvement")
        return Overview(
            rows=tuple(overview_rows(results)),
            columns=overview_columns(results),
            priority=overview_priority(results),
            legend="; ".join(legend),
            verdicts=shared_verdicts(results),
            n_tables=len(spec.questions),
            scores=_scores(results),
            unit=unit,
        )

    def explanations(self, results: JudgedResults) -> Iterator[str]:
        """Yield the meaning of each row and column, with the numbers of these results."""
        spec = results.spec
        baseline, n_compared = spec.variants[0], len(spec.variants) - 1
        yield f"{baseline}: the baseline"
        yield from explain_scores(results, "scores")
        side = "above" if results.lower_is_better else "below"
        yield f"{low_accuracy_head(results)}: share of the runs {side} that score"
        yield from explain_differences(results, _difference(results))
        more = "repeats" if spec.resplit is None else "rows"
        yield f"undecided: none of these; more {more} should settle it"
        yield explain_p(n_compared)

    def method(self, results: JudgedResults) -> Iterator[str]:
        """Yield how scores are compared and judged."""
        spec = results.spec
        yield (
            f"The scores of {spec.name} come from runs that another program trained. Repeats "
            f"are paired: a difference is the {_difference(results)}. Scores range from "
            f"{_range(results)}. How the runs were trained, paired and selected is not known."
        )
        yield texts.interval_paragraph(spec)
        yield texts.verdict_paragraph(unit_of(results).difference(spec.margin), "the worst score")

    def draw(self, report: Report[JudgedResults], canvas: "Canvas") -> "Figure":
        """Draw differences and scores."""
        from blobtransfer.report.figures.comparison import draw_variants

        results = report.results
        scores = "accuracy (%)" if results.spec.metric else "score"
        if results.spec.metric is None and unit_of(results).is_percent:
            scores = "score (%)"
        if results.lower_is_better:
            scores += ", lower is better"
        return draw_variants(report, results, scores, canvas)

    def summary(self, results: JudgedResults) -> SummaryRows:
        """Return one row per variant."""
        return summary_rows(results)

    def settings(self, results: JudgedResults) -> Iterator[tuple[str, Any]]:
        """Yield the name and value of each setting."""
        yield from plain(results.spec).items()


def _scores(results: JudgedResults) -> str:
    """Return the name of the scores, with their unit."""
    name = (results.spec.metric or "score").replace("-", " ")
    return f"{name} in %" if unit_of(results).is_percent else name


def _range(results: JudgedResults) -> str:
    """Return the range of the scores."""
    unit = unit_of(results)
    low, high = (f"{unit.factor * end:.6g}" for end in results.spec.score_range)
    return f"{low} to {high}{' %' if unit.is_percent else ''}"


def _difference(results: JudgedResults) -> str:
    """Return which score is subtracted from which."""
    baseline = results.spec.variants[0]
    if results.lower_is_better:
        return f"mean of ({baseline} - variant) per repeat, as lower scores are better"
    return f"mean of (variant - {baseline}) per repeat"


def _notes(results: JudgedResults, question: ComparedQuestion) -> list[str]:
    """Return notes on the range, intervals, and failed runs."""
    spec, unit, summaries = results.spec, unit_of(results), results.of_question(question)
    notes = [f"range: {_range(results)}; margin: {unit.difference(spec.margin)}"]
    if spec.lower_is_better:
        notes.append(f"differences: {_difference(results)}")
    notes += low_run_notes(summaries, results)
    n_compared = len(spec.variants) - 1
    if n_compared > 1:
        notes.append(f"the {n_compared} intervals of the difference are simultaneous")
    notes.append(TRIMMED_MEAN_NOTE)
    if spec.resplit is not None:
        notes.append(
            f"each repeat resplits the same rows, {spec.resplit.n_train:,} train and "
            f"{spec.resplit.n_test:,} test: intervals and p are those of Nadeau & Bengio"
        )
    if question == "one" and "fresh" in spec.questions:
        notes.append(SECONDARY_QUESTION_NOTE)
    if any(summary.failed for summary in summaries):
        worst = spec.score_range[1 if spec.lower_is_better else 0]
        notes.append(f"diverged: such runs count as {unit.score(worst)}, the worst of the range")
    return notes
