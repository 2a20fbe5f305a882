"""View of one training: `train-source` and `train-target`."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from blobtransfer.report.cautions import caution_text
from blobtransfer.report.kinds.texts import best_possible_note, explain_metric, training_paragraph
from blobtransfer.report.report import Report, View
from blobtransfer.report.table import Table
from blobtransfer.report.words import (
    BALANCED_ACCURACY_NOTE,
    describe_frozen_layers,
    format_loss,
    format_percent,
    test_metric,
)
from blobtransfer.results.files.schema import Sentence
from blobtransfer.results.findings import Summary
from blobtransfer.results.results import MAX_DRAWN_CLASSES, TrainingResults
from blobtransfer.specs.identity import plain
from blobtransfer.specs.network import MLPSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from blobtransfer.report.figures.canvas import Canvas


class TrainingView(View[TrainingResults]):
    """Report one training: its accuracies and losses, curves and decision regions."""

    def headline(self, results: TrainingResults) -> str:
        """Return the network and the data of the training."""
        network, label = results.spec.network, results.run.label
        return f"Training of a {network} network on {results.measured.name}: {label}"

    def tables(self, results: TrainingResults) -> tuple[Table, ...]:
        """Return the table of the run."""
        return (training_table(results),)

    def cautions(self, results: TrainingResults) -> Iterator[str]:
        """Yield each caution with its reason."""
        return (caution_text(caution, results) for caution in results.cautions)

    def method(self, results: TrainingResults) -> Iterator[str]:
        """Yield how networks are trained."""
        yield training_paragraph([results.spec])
        yield from explain_metric(results.spec)

    def caption(self, results: TrainingResults, sentences: Iterable[Sentence]) -> str:
        """Return the test accuracy and what the figure shows."""
        if results.run.status != "ok":
            return "The training diverged: its loss is not finite"
        accuracy = format_percent(results.accuracy_of(results.run) or 0.0)
        text = f"{test_metric(results.spec).capitalize()} {accuracy}"
        if results.spec.network.n_classes <= MAX_DRAWN_CLASSES:
            text += ", and the decision regions of the network"
        return text

    def settings(self, results: TrainingResults) -> Iterator[tuple[str, Any]]:
        """Yield the name and value of each setting; a nested setting is a dictionary."""
        yield from plain(results.spec).items()

    def draw(self, report: Report[TrainingResults], canvas: "Canvas") -> "Figure":
        """Draw learning curves and decision regions."""
        from blobtransfer.report.figures.training import draw_training

        return draw_training(report, canvas)


def training_table(results: TrainingResults) -> Table:
    """Return the accuracies and losses of the run, and notes on how it ended."""
    run, (summary,), data = results.run, results.summary, results.measured
    network = summary.arm.variant.network(results.spec.network)
    weights = f"{summary.trainable_parameters:,} of {network.n_parameters:,} weights trained"
    training = results.spec.training
    n_trained_rows = training.n_trained_rows(data.n_train)
    rows_used = f"; {n_trained_rows:,} training rows"
    notes = [best_possible_note(results)]
    if training.patience is not None:
        rows_used += f" and {data.n_train - n_trained_rows:,} validation rows"
        notes.append(
            f"early stopping: {run.epochs:,} of at most {training.epochs:,} epochs; the best "
            "weights are restored"
        )
    if results.baseline is not None and results.baseline.run.status == "ok":
        accuracy = format_percent(results.accuracy_of(results.baseline.run))
        notes.append(
            f"standalone, with the same order of rows: {test_metric(results.spec)} {accuracy}; a "
            "single run proves nothing, use compare"
        )
    if results.interrupted:
        notes.append("interrupted: the standalone network for comparison was not trained")
    rows = [
        ("accuracy", format_percent(run.train_accuracy), format_percent(run.test_accuracy)),
        ("cross-entropy loss", format_loss(run.train_loss), format_loss(run.test_loss)),
    ]
    if results.spec.metric == "balanced-accuracy":
        rows.insert(0, ("balanced accuracy", "", format_percent(run.balanced_accuracy)))
        notes.append(BALANCED_ACCURACY_NOTE)
    gap = None if run.status == "failed" else summary.gap
    if data.ceiling is not None:
        rows += [("best possible", "", format_percent(data.ceiling))]
        rows += [("gap to best", "", format_percent(gap))]
    else:
        rows.append(("chance level", "", format_percent(data.floor)))
    return Table(
        name="training",
        title=f"{_subject(results, summary, network)} on {data.name}",
        columns=("", "train", "test"),
        rows=tuple(rows),
        notes=(f"{weights}{rows_used}", *notes),
        printed_notes=(f"{weights} in {results.provenance.seconds:.2f} s{rows_used}", *notes),
    )


def _subject(results: TrainingResults, summary: Summary, network: MLPSpec) -> str:
    """Return the trained network, as the start of a title.

    Args:
        results: Results of the command.
        summary: Summary of the variant.
        network: The trained network.
    """
    if results.command == "train-source":
        return f"Source network {network}"
    origin = "" if results.spec.model_path is None else f" from {results.spec.model_path}"
    variant = summary.arm.variant
    if variant.kind == "standalone":
        return f"Standalone network {network}"
    if variant.kind == "transfer":
        frozen = f", {describe_frozen_layers(variant.n_frozen)}" if variant.n_frozen else ""
        return f"Network {network}{origin}{frozen},"
    return f"Network {network}{origin}, {summary.label},"
