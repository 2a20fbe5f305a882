"""Texts, cells and tables that views of several kinds share."""

from collections.abc import Iterable, Iterator, Sequence

from blobtransfer.report import words
from blobtransfer.report.table import Table, blank_repeats
from blobtransfer.results.results import CellResults
from blobtransfer.specs.comparison import ComparisonSpec
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.statistics.paired import Interval
from blobtransfer.statistics.transferability import Ranking, ScoreName

EXPLAINED_VARIANTS = (
    "standalone: trained from random weights (from scratch)",
    "transfer fixed=n: starts from the weights of a source network, first n hidden layers frozen",
)

EXPLAINED_FRESH = "fresh sources: each repeat trains a new source network"

RANKING_COLUMNS = ("Spearman [95 %]", "gain", "regret")

RANKING_NOTES = (
    "Spearman: rank correlation of the score with the {test_metric} after transfer; its interval "
    "covers about 90 to 95 %",
    "gain, regret: points of {metric} by which the source network with the best score is above the "
    "mean of all source networks, and below the best",
    "scores show nothing about other targets, nor whether transfer beats standalone",
)


def secondary_note(spec: ExperimentSpec) -> str:
    """Return a note on findings besides the answer about the judged metric."""
    metric = words.metric_name(spec)
    return f"secondary: intervals and p are not adjusted together with the answer about {metric}"


def explain_metric(spec: ExperimentSpec) -> Iterator[str]:
    """Yield the meaning of the judged metric, unless it is plain accuracy."""
    if spec.metric == "balanced-accuracy":
        yield words.BALANCED_ACCURACY_NOTE


def describe_epochs(specs: Sequence[ExperimentSpec]) -> str | None:
    """Return the epochs of source and target networks in words; None if both have the same."""
    if all(spec.source_epochs is None and spec.equal_compute_epochs is None for spec in specs):
        return None
    epochs = {
        "source networks": {spec.source_training.epochs for spec in specs},
        "target networks": {spec.training.epochs for spec in specs},
        "equal-compute": {
            spec.n_epochs(arm)
            for spec in specs
            for arm in spec.arms
            if arm.variant.start == "equal-compute"
        },
    }
    lengths = [
        f"{name}: {words.format_count_range(min(counts), max(counts))}"
        for name, counts in epochs.items()
        if counts
    ]
    return ", ".join([f"{lengths[0]} epochs", *lengths[1:]])


def training_paragraph(specs: Sequence[ExperimentSpec]) -> str:
    """Return how networks are trained; settings that differ between cells are of the first."""
    spec = specs[0]
    training, lengths = spec.training, describe_epochs(specs)
    more = f", momentum {training.momentum:g}" if training.momentum else ""
    at_most = stopping = ""
    if training.patience is not None:
        at_most, stopping = "at most ", f"; {words.describe_early_stopping(training)}"
    how_long = f"each epoch, for {at_most}{words.pluralise(training.epochs, 'epochs')}"
    if lengths is not None:
        how_long = f"each epoch ({at_most}{lengths})"
    return (
        f"Networks {spec.network} ({spec.network.activation_text}, softmax output, "
        f"weights drawn from {spec.network.initializer}) were trained with {training.optimizer}, "
        f"learning rate {training.learning_rate:g}{more}, in batches of {training.batch_size} "
        f"rows, reshuffled {how_long}{stopping}; the loss is categorical cross-entropy. No "
        "setting is selected on the test rows."
    )


def design_paragraph(spec: ExperimentSpec) -> str:
    """Return a paragraph on the variants and on what the runs of a repeat share."""
    text = (
        "Standalone networks start from random weights; transfer variants start from a source "
        "network trained on the source problem, with the named number of hidden layers frozen. "
        "Within a repeat all variants share their random weights and the order of the training "
        "rows, so they are compared by their differences within repeats."
    )
    if "fresh" in spec.questions:
        text += " Fresh sources: each repeat trains a new source network."
    if "one" in spec.questions:
        text += (
            " One source: all repeats start from the same source network; intervals do not cover "
            "the variation between source networks."
        )
    return text


def interval_paragraph(spec: ComparisonSpec) -> str:
    """Return how intervals are computed."""
    if spec.resplit is not None:
        return (
            "Each repeat resplits the same rows, so repeats are not independent: intervals are "
            "those of Nadeau and Bengio (2003), with variance var(d) (1/J + n_test/n_train) and "
            "J - 1 degrees of freedom."
        )
    if spec.until_decided:
        return (
            "Repeats were added until every variant was decided; intervals are betting confidence "
            "sequences (Waudby-Smith and Ramdas 2024), which are valid at every look."
        )
    return (
        "Intervals of mean differences come from a Bayesian bootstrap (Rubin 1981) with one "
        "pseudo-observation at each end of the range of possible differences, which allows for "
        "failures not yet observed; the 95 % intervals of all variants of a question are "
        "simultaneous."
    )


def verdict_paragraph(margin: str, failed: str = "chance level", notes: Iterable[str] = ()) -> str:
    """Return when a variant is called better or worse.

    Args:
        margin: The margin, with its unit.
        failed: Score that a diverged run counts as.
        notes: Notes on the metric.
    """
    return (
        "A variant is better or worse if its whole interval is above or below 0, makes no "
        f"practical difference if the whole interval is within {margin} of 0, and is undecided "
        f"otherwise. A run that diverged (loss not finite) counts as {failed}."
        + "".join(f" {note[0].upper()}{note[1:]}." for note in notes)
    )


def best_possible_note(results: CellResults) -> str:
    """Return the best possible accuracy, or the chance level if that is not known."""
    data, spec = results.measured, results.spec.data
    metric = words.metric_name(results.spec)
    if data.ceiling is None:
        chance = "the share of the largest class of the test rows"
        if results.spec.metric == "balanced-accuracy":
            chance = (
                f"1 / {sum(map(bool, data.test_class_counts))}, by the classes of the test rows"
            )
        return (
            f"chance level {words.format_percent(data.floor)}: {chance}; the best possible "
            f"{metric} is not known"
        )
    how = " by nearest true centre" if isinstance(spec, BlobsSpec) else ""
    return (
        f"best possible (Bayes) {metric}: {words.format_percent(data.ceiling)}{how}, on these "
        f"{data.n_test:,} test rows"
    )


def ranking_cells(score: ScoreName, ranking: Ranking) -> tuple[str, ...]:
    """Return the cells of the row of one score: its ranking of source networks."""
    spearman = Interval(ranking.spearman, ranking.ci_low, ranking.ci_high)
    return (
        words.SCORE_NAMES[score],
        words.format_interval(spearman, scale=1.0) if ranking.spearman is not None else "-",
        words.format_interval(Interval(ranking.gain, None, None)),
        words.format_number(ranking.regret),
    )


def describe_pick(ranking: Ranking) -> str:
    """Return the gain and the regret of picking the source network with the best score."""
    assert ranking.gain is not None and ranking.regret is not None
    where = "above" if ranking.gain >= 0.0 else "below"
    return (
        f"the network with the best score is {words.format_amount(abs(ranking.gain))} points "
        f"{where} a random one and {words.format_amount(ranking.regret)} below the best"
    )


def ranking_table(
    title: str,
    rows: Iterable[tuple[str, ...]],
    spec: ExperimentSpec,
    axis_names: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
    sentence: str | None = None,
) -> Table:
    """Return the table of the rankings of source networks by transferability scores.

    Args:
        title: Title of the table.
        rows: Position of the cell, variant, and `ranking_cells`.
        spec: The experiment, which sets the judged metric.
        axis_names: Column heads of the position of a cell; such a table is a detail.
        notes: Notes before those on the columns.
        sentence: The answer.
    """
    return Table(
        title=title,
        name="scores",
        keys=(*axis_names, "variant", "score"),
        columns=(*axis_names, "variant", "score", *RANKING_COLUMNS),
        rows=blank_repeats(rows, len(axis_names), 1),
        notes=(
            *notes,
            *(
                note.format(test_metric=words.test_metric(spec), metric=words.metric_name(spec))
                for note in RANKING_NOTES
            ),
        ),
        sentence=sentence,
        is_detail=bool(axis_names),
    )


def short_ranking_sentence(
    rankings: Iterable[tuple[str, ScoreName, Ranking]], spec: ExperimentSpec
) -> str | None:
    """Return the ranking by `HEADLINE_SCORE` in one line; see `ranking_sentence`."""
    for label, score, ranking in rankings:
        if score == words.HEADLINE_SCORE and ranking.gain is not None:
            where = "above" if ranking.gain >= 0.0 else "below"
            name = words.SCORE_NAMES[score]
            return (
                f"{name[0].upper()}{name[1:]}: Spearman {words.format_spearman(ranking)} with "
                f"{words.metric_name(spec)} after {label}; its pick is "
                f"{words.format_amount(abs(ranking.gain))} points {where} a random source"
            )
    return None


def ranking_sentence(
    rankings: Iterable[tuple[str, ScoreName, Ranking]], subject: str, spec: ExperimentSpec
) -> str | None:
    """Return a sentence on the ranking by `HEADLINE_SCORE`; None if it is unknown.

    Args:
        rankings: Variant, score and ranking; the first variant counts.
        subject: What is ranked, such as `the 40 source networks`.
        spec: The experiment, which sets the judged metric.
    """
    for label, score, ranking in rankings:
        if score != words.HEADLINE_SCORE:
            continue
        if ranking.gain is None or ranking.regret is None:
            return None
        return (
            f"{words.SCORE_NAMES[score][0].upper()}{words.SCORE_NAMES[score][1:]} on the training "
            f"rows: Spearman {words.format_spearman(ranking)} between the scores of {subject} and "
            f"their {words.metric_name(spec)} after {label}; {describe_pick(ranking)}"
        )
    return None
