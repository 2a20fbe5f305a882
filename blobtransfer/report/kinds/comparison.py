"""View of one comparison: `compare`."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from blobtransfer.report import words
from blobtransfer.report.cautions import caution_text, short_caution
from blobtransfer.report.kinds import texts
from blobtransfer.report.kinds.answers import answer, low_run_notes, short_answer
from blobtransfer.report.kinds.details import detail_tables
from blobtransfer.report.report import Report, View
from blobtransfer.report.table import Overview, OverviewRow, SummaryRows, Table
from blobtransfer.report.units import unit_of
from blobtransfer.results.files.schema import Sentence
from blobtransfer.results.findings import Summary
from blobtransfer.results.results import CellResults, ComparedResults, DataRecord, StudyResults
from blobtransfer.specs.experiment import ComparedQuestion, Question
from blobtransfer.statistics.paired import VerdictKind

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from blobtransfer.report.figures.canvas import Canvas


SUMMARY_COLUMNS = (
    "sources", "variant", "n", "failed", "mean", "std", "median", "low_share", "difference",
    "ci_low", "ci_high", "p_adjusted", "verdict",
)  # fmt: skip


class ComparisonView(View[StudyResults]):
    """Report variants against standalone, question by question."""

    def headline(self, results: StudyResults) -> str:
        """Return the question that the comparison answers."""
        cell = results.cell
        target = cell.measured.name
        if cell.spec.is_same_data:
            return f"Source and target are both {target}: this is training on, not transfer."
        source = cell.spec.model_path or f"a network trained on {cell.tasks[0].name}"
        return f"Does a start from {source} help on {target}?"

    def stopped_at(self, results: StudyResults) -> str | None:
        """Return how many repeats an interrupted comparison has."""
        cell = results.cell
        if not results.interrupted:
            return None
        at_most = "at most " if cell.spec.until_decided else ""
        n_done, n_repeats = cell.scores.n_repeats, cell.spec.n_repeats
        return f"Stopped at {n_done:,} of {at_most}{n_repeats:,} repeats"

    def sentences(self, results: StudyResults) -> Iterator[Sentence]:
        """Yield the answer to each question."""
        return sentences_of(results.cell, answer)

    def short_sentences(self, results: StudyResults) -> Iterator[Sentence]:
        """Yield the short answer to each question."""
        return sentences_of(results.cell, short_answer)

    def cautions(self, results: StudyResults) -> Iterator[str]:
        """Yield each caution with its reason."""
        cell = results.cell
        return (caution_text(caution, cell) for caution in cell.findings.cautions)

    def short_cautions(self, results: StudyResults) -> Iterator[str]:
        """Yield each caution in one line."""
        cell = results.cell
        return (short_caution(caution, cell) for caution in cell.findings.cautions)

    def tables(self, results: StudyResults) -> Iterator[Table]:
        """Yield one table per question, then risk, rankings and details."""
        cell = results.cell
        for question in cell.spec.questions:
            yield comparison_table(cell, question)
        yield risk_table(cell, f"{words.test_metric(cell.spec)} in %")
        if cell.findings.rankings:
            yield _ranking_table(cell)
        yield from detail_tables(cell)

    def overview(self, results: StudyResults) -> Overview:
        """Return all variants in one table: standalone once, then each question."""
        cell = results.cell
        ceiling, questions = cell.measured.ceiling, cell.spec.questions
        is_fresh = "fresh" in questions and cell.spec.nested is None
        legend = ["fresh: new source each repeat"] if is_fresh else []
        if ceiling is not None:
            legend += [f"best possible {words.format_number(ceiling, digits=1)}"]
        legend += [f"margin {words.format_points(cell.spec.margin)}"]
        legend += [words.describe_design(cell, questions[0])]
        if lengths := texts.describe_epochs([cell.spec]):
            legend.append(lengths)
        if cell.spec.training.patience is not None:
            legend.append("early stopping")
        return Overview(
            rows=tuple(overview_rows(cell)),
            scores=f"{words.metric_name(cell.spec)} in %",
            legend="; ".join(legend),
            verdicts=shared_verdicts(cell),
            n_tables=len(questions),
        )

    def explanations(self, results: StudyResults) -> Iterator[str]:
        """Yield the meaning of each row and column, with the numbers of these results."""
        cell = results.cell
        spec, measured = cell.spec, cell.measured
        n_compared = len(spec.variants) - 1
        yield from texts.EXPLAINED_VARIANTS
        yield texts.EXPLAINED_FRESH
        yield "one source: all repeats start from the same source network"
        n_repeats, accuracies = cell.scores.n_repeats, words.test_metric_plural(spec)
        yield f"mean, std, median: of the {accuracies} of {n_repeats} repeats, in %"
        yield from texts.explain_metric(spec)
        if cell.findings.low_line is not None:
            yield f"low: runs that end below {words.format_percent(cell.findings.low_line)}"
        if measured.ceiling is not None:
            yield (
                f"gap: from the mean to the best possible, {words.format_percent(measured.ceiling)}"
            )
        simultaneous = ""
        if n_compared > 1:
            simultaneous = f"; the {n_compared} intervals of a question are simultaneous"
        yield from (
            "difference [95 %]: mean of (variant - standalone) per repeat, in points, with its "
            f"95 % interval{simultaneous}",
            "typical [95 %]: the same of the middle three fifths of the repeats, per comparison",
            "P(better): share of the repeats in which the variant beats standalone, ties by half",
            "better, worse: the whole interval is above, below 0",
            f"no practical difference (alike): it is within {words.format_points(spec.margin)} of "
            "0, the margin",
            "undecided: neither; more repeats, or more rows of a table, should settle it",
            "5 % quantile: one run of 20 ends below it",
            "worst tenth: mean of the lowest tenth of the runs",
            "best of 1, best of 3, best of 5: what to expect of the best of so many runs",
        )
        if not spec.until_decided:
            times = (
                f", multiplied by the {n_compared} variants of a question" if n_compared > 1 else ""
            )
            yield f"adj. p: p-value for no difference{times}"
        if cell.n_failed:
            floor = words.format_percent(measured.floor)
            yield f"failed: loss not finite; such runs count at chance level, {floor}"

    def method(self, results: StudyResults) -> Iterator[str]:
        """Yield how networks are trained, compared and judged."""
        cell = results.cell
        spec = cell.spec
        yield texts.training_paragraph([spec])
        yield texts.design_paragraph(spec)
        yield texts.interval_paragraph(spec)
        yield texts.verdict_paragraph(
            words.format_points(spec.margin), notes=texts.explain_metric(spec)
        )

    def draw(self, report: Report[StudyResults], canvas: "Canvas") -> "Figure":
        """Draw differences, scores and learning curves."""
        from blobtransfer.report.figures.comparison import draw_comparison

        return draw_comparison(report, canvas)

    def summary(self, results: StudyResults) -> SummaryRows:
        """Return one row per variant."""
        cell = results.cell
        return summary_rows(cell)


def sentences_of(
    results: ComparedResults, write: Callable[[ComparedResults, ComparedQuestion], str | None]
) -> Iterator[Sentence]:
    """Yield the answer to each question that has one."""
    for question in results.spec.questions:
        if text := write(results, question):
            yield Sentence(question, text)


def summary_rows(results: ComparedResults) -> SummaryRows:
    """Return one row per arm."""
    rows = [summary_row(summary, results) for summary in results.summary]
    return SummaryRows(SUMMARY_COLUMNS, rows, unit_of(results))


def summary_row(summary: Summary, results: ComparedResults) -> list[Any]:
    """Return the values of a variant in the order of `SUMMARY_COLUMNS`."""
    d, low_runs, verdict = summary.difference, summary.low_runs, summary.verdict
    return [
        *(summary.arm.sources, words.label_of(summary.arm, results), summary.n, summary.failed),
        *(summary.mean, summary.std, summary.median, low_runs and low_runs.share),
        *((None,) * 4 if d is None else (d.mean, d.ci_low, d.ci_high, d.p_adjusted)),
        verdict and verdict.kind,
    ]


def overview_rows(results: ComparedResults) -> Iterator[OverviewRow]:
    """Yield standalone once, then the variants of each question below its name."""
    for summary in results.summary:
        if summary.arm.sources == "none":
            yield _overview_row(summary, results, level=0)
    for question in results.spec.questions:
        summaries = [summary for summary in results.summary if summary.arm.sources == question]
        if summaries:
            yield OverviewRow(words.QUESTION_NAMES[question], is_question=True)
        for summary in summaries:
            yield _overview_row(summary, results, level=1)


def _overview_row(summary: Summary, results: ComparedResults, level: int) -> OverviewRow:
    """Return the row of one variant.

    Args:
        summary: Summary of the variant.
        results: Results of the command.
        level: 1 below the name of a question, else 0.
    """
    difference, unit = summary.difference, unit_of(results)
    is_empty = difference is None or difference.mean is None
    return OverviewRow(
        label=words.label_of(summary.arm, results),
        mean=unit.number(summary.mean, digits=1),
        std=unit.number(summary.std, digits=1),
        interval="" if is_empty else unit.interval(difference, digits=1),
        difference=difference,
        verdict=None if summary.verdict is None else summary.verdict.kind,
        level=level,
    )


def shared_verdicts(results: ComparedResults) -> dict[ComparedQuestion, VerdictKind | None]:
    """Return the verdict that all variants of each question have; None if they differ."""
    shared: dict[ComparedQuestion, VerdictKind | None] = {}
    for question in results.spec.questions:
        kinds = {
            summary.verdict.kind
            for summary in results.of_question(question)
            if summary.verdict is not None
        }
        shared[question] = kinds.pop() if len(kinds) == 1 else None
    return shared


BEST_OF = ("best of 1", "best of 3", "best of 5")


def comparison_table(results: CellResults, question: Question) -> Table:
    """Return the table of one question, one row per variant, with its answer."""
    early_stopping = "" if results.spec.training.patience is None else "early stopping, "
    title = (
        f"{words.question_title(results, question)}: {words.test_metric(results.spec)} in % on "
        f"{results.measured.name}, {results.spec.network}, {early_stopping}"
        f"{words.describe_design(results, question)}"
    )
    notes = _comparison_notes(results, question, results.of_question(question))
    return variant_table(results, question, title, notes)


def variant_table(
    results: ComparedResults, question: ComparedQuestion, title: str, notes: Sequence[str]
) -> Table:
    """Return the table of a question, one row per variant, with its answer.

    Args:
        results: Scores of the variants.
        question: The question.
        title: Title of the table.
        notes: Lines below it.
    """
    summaries, unit = results.of_question(question), unit_of(results)
    columns: list[tuple[str, Callable[[Summary], str]]] = [
        ("variant", lambda s: words.label_of(s.arm, results)),
        ("mean", lambda s: unit.number(s.mean)),
        ("std", lambda s: unit.number(s.std)),
        ("median", lambda s: unit.number(s.median)),
        (
            "high" if results.lower_is_better else "low",
            lambda s: words.format_whole_percent(s.low_runs.share if s.low_runs else None),
        ),
        ("gap", lambda s: unit.number(s.gap)),
        ("difference [95 %]", lambda s: unit.interval(s.difference)),
        ("typical [95 %]", lambda s: unit.interval(s.difference and s.difference.typical)),
        ("P(better)", lambda s: words.format_probability_better(s.difference)),
        ("adj. p", lambda s: words.format_adjusted_p(s.difference)),
        ("verdict", lambda s: words.format_verdict(s.verdict)),
    ]
    left_out = ["gap"] if results.ceiling is None else []
    left_out += (
        ["adj. p"] if results.spec.until_decided else []
    )  # confidence sequences have no p-values
    columns = [column for column in columns if column[0] not in left_out]
    if any(summary.failed for summary in summaries):
        columns[1:1] = [("failed", lambda s: str(s.failed))]
    return Table(
        title=title,
        columns=tuple(head for head, _ in columns),
        rows=tuple(tuple(cell(s) for _, cell in columns) for s in summaries),
        notes=tuple(notes),
        sentence=answer(results, question),
        summaries=tuple(summaries),
        ceiling=results.ceiling,
        unit=unit,
    )


def risk_table(results: ComparedResults, scores: str) -> Table:
    """Return the table of bad quantiles, and of the best of several runs.

    Args:
        results: Scores of the variants.
        scores: Name of the scores, with their unit.
    """
    unit = unit_of(results)
    quantile, lowest = "5 % quantile", "lowest"
    if results.lower_is_better:
        quantile, lowest = "95 % quantile", "highest"
    return Table(
        title=f"What is at risk: {scores}",
        columns=("variant", "question", quantile, "worst tenth", *BEST_OF),
        rows=tuple(
            (
                *(words.label_of(s.arm, results), words.question_of(s.arm)),
                *map(unit.number, (s.q05, s.worst_tenth, s.mean, s.best_of_3, s.best_of_5)),
            )
            for s in results.summary
        ),
        notes=(
            f"worst tenth: the mean of the {lowest} tenth of the runs; best of k: to be expected "
            "of the best of k runs",
        ),
        is_detail=True,
    )


def _ranking_table(results: CellResults) -> Table:
    """Return the table of the rankings of source networks by transferability scores."""
    rankings = [
        (words.label_of(finding.arm, results), finding.score, finding.ranking)
        for finding in results.findings.rankings
    ]
    n = rankings[0][-1].n
    return texts.ranking_table(
        f"Which of {words.pluralise(n, 'source networks')} would one pick? Scores on the training "
        f"rows of {results.measured.name}",
        ((label, *texts.ranking_cells(score, ranking)) for label, score, ranking in rankings),
        results.spec,
        sentence=texts.ranking_sentence(rankings, f", the {n} source networks", results.spec),
    )


def _comparison_notes(
    results: CellResults, question: Question, summaries: Sequence[Summary]
) -> list[str]:
    """Return notes on sources, low accuracies, intervals and failed runs.

    Args:
        results: Results of the command.
        question: Question whose variants are shown.
        summaries: Summary of each row.
    """
    spec, notes = results.spec, [texts.ceiling_note(results)]
    if lengths := texts.describe_epochs([spec]):
        notes.append(lengths)
    if question == "fresh":
        source = results.record_of("source") if spec.source else None
        if source is not None:
            notes.append(
                f"source networks trained on {source.name}{_bracketed_ceiling(source)}: the "
                "intervals hold for new source networks, on this target problem"
            )
    elif spec.model_path is not None:
        notes.append(f"one source network, {spec.model_path}: {ONE_SOURCE_NOTE}")
    elif results.source_run is not None:
        source, run = results.record_of("source"), results.source_run
        ceiling = (
            "" if source.ceiling is None else f", ceiling {words.format_percent(source.ceiling)}"
        )
        notes.append(
            f"one source network, trained on {source.name} "
            f"({words.test_metric(spec)} {words.format_percent(results.accuracy_of(run))}"
            f"{ceiling}): {ONE_SOURCE_NOTE}"
        )
        if run.status == "failed":
            notes.append("the source network failed: its loss is not finite")
    notes += low_run_notes(summaries, results)
    n_compared = len(spec.variants) - 1
    together = (
        f"; the {n_compared} intervals of the mean are simultaneous" if n_compared > 1 else ""
    )
    notes.append(
        f"low: runs below {words.format_percent(results.findings.low_line)}; typical: the middle "
        f"three fifths of the differences{together}"
    )
    if spec.until_decided:
        is_at_most = results.interrupted or results.scores.n_repeats == spec.n_repeats
        how = f"at most {spec.n_repeats:,} repeats" if is_at_most else "until all was decided"
        notes.append(
            f"looked at again and again, {how}: the intervals of the mean hold at every look, "
            "all others at one"
        )
    if spec.data.is_resplit:
        notes.append(
            f"each repeat splits the rows of {results.measured.name} anew: intervals and p are "
            "Nadeau & Bengio's, which know that the splits share rows"
        )
    if question == "one" and "fresh" in spec.questions:
        notes.append("secondary: the answer with fresh sources is the primary one")
    if any(summary.failed for summary in summaries):
        notes.append(
            "failed: runs whose loss is not finite; they count at chance level, "
            f"{words.format_percent(results.measured.floor)}"
        )
    return notes


ONE_SOURCE_NOTE = "std and intervals do not cover the variation between source networks"


def _bracketed_ceiling(data: DataRecord) -> str:
    """Return the best possible accuracy in brackets; empty if not known."""
    return "" if data.ceiling is None else f" (ceiling {words.format_percent(data.ceiling)})"
