"""View of one comparison: `compare`."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from blobtransfer.report import words
from blobtransfer.report.cautions import caution_text, short_caution
from blobtransfer.report.kinds import texts
from blobtransfer.report.kinds.answers import answer, low_run_notes, short_answer
from blobtransfer.report.kinds.details import brief_detail_tables, detail_tables
from blobtransfer.report.report import Report, View
from blobtransfer.report.table import (
    DIFFERENCE,
    STRIP,
    VERDICT,
    Overview,
    OverviewRow,
    SummaryRows,
    Table,
)
from blobtransfer.report.units import low_accuracy_head, unit_of
from blobtransfer.results.files.schema import Sentence
from blobtransfer.results.findings import Summary
from blobtransfer.results.results import CellResults, ComparedResults, DataRecord, StudyResults
from blobtransfer.specs.experiment import ComparedQuestion, Question
from blobtransfer.specs.identity import plain
from blobtransfer.statistics.paired import VerdictKind
from blobtransfer.statistics.transferability import Ranking, ScoreName

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
            return f"Source and target are both {target}: this is longer training, not transfer."
        source = cell.spec.model_path or f"a network trained on {cell.tasks[0].name}"
        return f"Does starting from {source} help on {target}?"

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
        cell = results.cell
        yield from sentences_of(cell, short_answer)
        if text := texts.short_ranking_sentence(_rankings(cell), cell.spec):
            yield Sentence("fresh", text)

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
        best_possible, questions = cell.best_possible, cell.spec.questions
        is_fresh = "fresh" in questions and cell.spec.nested is None
        legend = ["fresh: new source each repeat"] if is_fresh else []
        if best_possible is not None:
            legend += [f"best possible {words.format_number(best_possible, digits=1)}"]
        legend += [f"margin {words.format_points(cell.spec.margin)}"]
        legend += [words.describe_design(cell, questions[0])]
        if lengths := texts.describe_epochs([cell.spec]):
            legend.append(lengths)
        if cell.spec.training.patience is not None:
            legend.append("early stopping")
        return Overview(
            rows=tuple(overview_rows(cell)),
            columns=overview_columns(cell),
            priority=overview_priority(cell),
            scores=f"{words.metric_name(cell.spec)} in %",
            legend="; ".join(legend),
            verdicts=shared_verdicts(cell),
            n_tables=len(questions),
        )

    def brief_tables(self, results: StudyResults) -> Iterator[Table]:
        """Yield the tables of the primary question that the user has requested."""
        return brief_detail_tables(results.cell)

    def explanations(self, results: StudyResults) -> Iterator[str]:
        """Yield the meaning of each row and column, with the numbers of these results."""
        cell = results.cell
        spec, measured = cell.spec, cell.measured
        n_compared = len(spec.variants) - 1
        yield from texts.EXPLAINED_VARIANTS
        yield texts.EXPLAINED_FRESH
        yield "one source: all repeats start from the same source network"
        yield from explain_scores(cell, words.test_metric_plural(spec))
        yield from texts.explain_metric(spec)
        yield f"{low_accuracy_head(cell)}: share of the runs below that {words.metric_name(spec)}"
        if measured.ceiling is not None:
            yield (
                "gap to best: best possible (Bayes) "
                f"{words.metric_name(spec)}, {words.format_percent(measured.ceiling)}, minus mean"
            )
        yield from explain_differences(cell, "mean of (variant - standalone) per repeat")
        yield "undecided: none of these; more repeats, or more rows of a table, should settle it"
        if not spec.until_decided:
            yield explain_p(n_compared)
        yield from (
            "5 % quantile: one run in 20 ends below it",
            "worst tenth: mean of the lowest tenth of the runs",
            "best of 1, best of 3, best of 5: expected score of the best of that many runs",
        )
        if cell.n_failed:
            chance = words.format_percent(measured.floor)
            yield f"diverged: runs whose loss is not finite; they count as chance level, {chance}"

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

    def settings(self, results: StudyResults) -> Iterator[tuple[str, Any]]:
        """Yield the name and value of each setting; a nested setting is a dictionary."""
        yield from plain(results.cell.spec).items()

    def draw(self, report: Report[StudyResults], canvas: "Canvas") -> "Figure":
        """Draw differences, scores and learning curves."""
        from blobtransfer.report.figures.comparison import draw_comparison

        return draw_comparison(report, canvas)

    def summary(self, results: StudyResults) -> SummaryRows:
        """Return one row per variant."""
        cell = results.cell
        return summary_rows(cell)


def explain_scores(results: ComparedResults, scores: str) -> Iterator[str]:
    """Yield the meaning of the columns of scores.

    Args:
        results: Scores of the variants.
        scores: Name of the scores, in the plural.
    """
    unit = ", in %" if unit_of(results).is_percent else ""
    yield f"mean, std, median: of the {scores} of {results.n_repeats:,} repeats{unit}"


def explain_differences(results: ComparedResults, difference: str) -> Iterator[str]:
    """Yield the meaning of the columns of differences, and of the verdicts on them.

    Args:
        results: Scores of the variants.
        difference: Which score is subtracted from which.
    """
    spec, unit = results.spec, unit_of(results)
    n_compared, baseline = len(spec.variants) - 1, spec.variants[0]
    simultaneous = f"; the {n_compared} intervals are simultaneous" if n_compared > 1 else ""
    points = "in points, " if unit.is_percent else ""
    margin = unit.difference(spec.margin)
    yield f"difference [95 %]: {difference}, {points}with its 95 % interval{simultaneous}"
    yield (
        "trimmed mean [95 %]: mean of the middle 60 % of the differences, with its 95 % interval "
        "per comparison (unadjusted)"
    )
    yield f"P(better): share of the repeats in which the variant beats {baseline}; ties count half"
    yield "better, worse: the whole interval is above, below 0"
    yield f"no practical difference (negligible): the whole interval is within {margin} of 0"


def explain_p(n_compared: int) -> str:
    """Return the meaning of the adjusted p-value of some variants."""
    times = f", multiplied by the number of variants, {n_compared}" if n_compared > 1 else ""
    return f"adjusted p: p-value of no difference{times}"


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
            yield OverviewRow(words.QUESTION_NAMES[question], question, is_question=True)
        for summary in summaries:
            yield _overview_row(summary, results, level=1)


def _overview_row(summary: Summary, results: ComparedResults, level: int) -> OverviewRow:
    """Return the row of one variant.

    Args:
        summary: Summary of the variant.
        results: Results of the command.
        level: 1 below the name of a question, else 0.
    """
    difference = summary.difference
    cells = {head: cell(summary) for head, cell in _variant_columns(results, digits=1).items()}
    if difference is None or difference.mean is None:
        cells[DIFFERENCE] = ""
    question = None if summary.arm.sources == "none" else summary.arm.sources
    return OverviewRow(
        label=words.label_of(summary.arm, results),
        question=question,
        cells=cells,
        difference=difference,
        verdict=None if summary.verdict is None else summary.verdict.kind,
        level=level,
    )


def overview_columns(results: ComparedResults) -> tuple[str, ...]:
    """Return the heads of an overview of variants, in order."""
    heads = [head for head in _variant_columns(results) if head != VERDICT]
    heads.insert(heads.index(DIFFERENCE) + 1, STRIP)
    return (*heads, VERDICT)


def overview_priority(results: ComparedResults) -> tuple[str, ...]:
    """Return the heads of an overview of variants, the most important first."""
    first = (DIFFERENCE, VERDICT, "mean", "std", STRIP, "diverged")
    others = [head for head in overview_columns(results) if head not in (*first, GAP)]
    return (*(head for head in first if head in overview_columns(results)), *others, GAP)


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


GAP = "gap to best"

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
    summaries, columns = results.of_question(question), _variant_columns(results)
    if not any(summary.failed for summary in summaries):
        columns.pop("diverged", None)
    return Table(
        title=title,
        columns=("variant", *columns),
        rows=tuple(
            (words.label_of(s.arm, results), *(cell(s) for cell in columns.values()))
            for s in summaries
        ),
        name="variants",
        notes=tuple(notes),
        sentence=answer(results, question),
        summaries=tuple(summaries),
        best_possible=results.best_possible,
        unit=unit_of(results),
    )


def _variant_columns(
    results: ComparedResults, digits: int = 2
) -> dict[str, Callable[[Summary], str]]:
    """Return how the cells of a variant are written, by the head of their column.

    Args:
        results: Scores of the variants.
        digits: After the decimal point.
    """
    unit = unit_of(results)

    def share_of_low_runs(summary: Summary) -> str:
        low_runs = summary.low_runs
        return words.format_whole_percent(None if low_runs is None else low_runs.share)

    columns: dict[str, Callable[[Summary], str]] = {
        "diverged": lambda s: str(s.failed),
        "mean": lambda s: unit.number(s.mean, digits),
        "std": lambda s: unit.number(s.std, digits),
        "median": lambda s: unit.number(s.median, digits),
        low_accuracy_head(results): share_of_low_runs,
        GAP: lambda s: unit.number(s.gap, digits),
        DIFFERENCE: lambda s: unit.interval(s.difference, digits),
        "trimmed mean [95 %]": lambda s: unit.interval(
            s.difference and s.difference.typical, digits
        ),
        "P(better)": lambda s: words.format_probability_better(s.difference),
        "adjusted p": lambda s: words.format_adjusted_p(s.difference),
        VERDICT: lambda s: words.format_verdict(s.verdict),
    }
    if results.best_possible is None:
        del columns[GAP]
    if results.spec.until_decided:  # confidence sequences have no p-values
        del columns["adjusted p"]
    if not any(summary.failed for summary in results.summary):
        del columns["diverged"]
    return columns


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
        title=f"Worst and best cases: {scores}",
        name="cases",
        keys=("variant", "question"),
        columns=("variant", "question", quantile, "worst tenth", *BEST_OF),
        rows=tuple(
            (
                *(words.label_of(s.arm, results), words.question_of(s.arm)),
                *map(unit.number, (s.q05, s.worst_tenth, s.mean, s.best_of_3, s.best_of_5)),
            )
            for s in results.summary
        ),
        notes=(
            f"worst tenth: mean of the {lowest} tenth of the runs; best of k: expected score of "
            "the best of k runs",
        ),
        is_detail=True,
    )


def _rankings(results: CellResults) -> list[tuple[str, ScoreName, Ranking]]:
    """Return variant, score and ranking of source networks."""
    return [
        (words.label_of(finding.arm, results), finding.score, finding.ranking)
        for finding in results.findings.rankings
    ]


def _ranking_table(results: CellResults) -> Table:
    """Return the table of the rankings of source networks by transferability scores."""
    rankings = _rankings(results)
    n = rankings[0][-1].n
    return texts.ranking_table(
        f"How well do transferability scores rank the {words.pluralise(n, 'source networks')}? "
        f"Computed on the training rows of {results.measured.name}",
        ((label, *texts.ranking_cells(score, ranking)) for label, score, ranking in rankings),
        results.spec,
        sentence=texts.ranking_sentence(rankings, f"the {n} source networks", results.spec),
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
    spec, notes = results.spec, [texts.best_possible_note(results)]
    if lengths := texts.describe_epochs([spec]):
        notes.append(lengths)
    if question == "fresh":
        source = results.record_of("source") if spec.source else None
        if source is not None:
            notes.append(
                f"source networks trained on {source.name}{_bracketed_best_possible(source)}; "
                "intervals cover the variation between source networks, not between problems"
            )
    elif spec.model_path is not None:
        notes.append(f"one source network, {spec.model_path}: {ONE_SOURCE_NOTE}")
    elif results.source_run is not None:
        source, run = results.record_of("source"), results.source_run
        best_possible = _bracketed_best_possible(source).replace(" (", ", ").removesuffix(")")
        notes.append(
            f"one source network, trained on {source.name} "
            f"({words.test_metric(spec)} {words.format_percent(results.accuracy_of(run))}"
            f"{best_possible}): {ONE_SOURCE_NOTE}"
        )
        if run.status == "failed":
            notes.append("the source network diverged: its loss is not finite")
    notes += low_run_notes(summaries, results)
    n_compared = len(spec.variants) - 1
    if n_compared > 1:
        notes.append(f"the {n_compared} intervals of the difference are simultaneous")
    notes.append(TRIMMED_MEAN_NOTE)
    if spec.until_decided:
        is_at_most = results.interrupted or results.scores.n_repeats == spec.n_repeats
        how = f"up to {spec.n_repeats:,}" if is_at_most else "until all were decided"
        notes.append(
            f"repeats were added {how}: intervals of the difference are valid at every look, all "
            "others only without repeated looks"
        )
    if spec.data.is_resplit:
        notes.append(
            f"each repeat resplits the rows of {results.measured.name}: intervals and p are those "
            "of Nadeau & Bengio, which account for shared rows"
        )
    if question == "one" and "fresh" in spec.questions:
        notes.append(SECONDARY_QUESTION_NOTE)
    if any(summary.failed for summary in summaries):
        notes.append(
            "diverged: runs whose loss is not finite; they count as chance level, "
            f"{words.format_percent(results.measured.floor)}"
        )
    return notes


TRIMMED_MEAN_NOTE = "trimmed mean: mean of the middle 60 % of the differences"

SECONDARY_QUESTION_NOTE = "secondary: the answer with fresh sources is the primary one"

ONE_SOURCE_NOTE = "std and intervals do not cover the variation between source networks"


def _bracketed_best_possible(data: DataRecord) -> str:
    """Return the best possible accuracy in brackets; empty if not known."""
    return "" if data.ceiling is None else f" (best possible {words.format_percent(data.ceiling)})"
