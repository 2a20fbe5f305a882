"""What was done, in words for a reader who knows neither the program nor the command."""

from collections.abc import Iterator

from blobtransfer.report.words import format_points, pluralise
from blobtransfer.results.results import Results
from blobtransfer.results.study import StudyResults
from blobtransfer.specs.experiment import ExperimentSpec


def method_of(results: Results | StudyResults) -> Iterator[str]:
    """Say in a few paragraphs what was trained, compared and concluded."""
    if isinstance(results, StudyResults):
        first = results.cells[0].results
        yield from _training(first.spec)
        yield from _studies(results)
        yield _verdict(first.spec)
        return
    yield from _training(results.spec)
    if results.command != "compare":
        return
    yield _design(results.spec)
    yield _interval(results.spec)
    yield _verdict(results.spec)


def _training(spec: ExperimentSpec) -> Iterator[str]:
    training = spec.training
    more = f", momentum {training.momentum:g}" if training.momentum else ""
    yield (
        f"Networks {spec.network} ({spec.network.activation_text}, softmax output, "
        f"{spec.network.initializer} kernels) learn by {training.optimizer} with a learning rate "
        f"of {training.learning_rate:g}{more}, batches of {training.batch_size} rows, shuffled "
        f"anew in each of {pluralise(training.epochs, 'epochs')}; the loss is the categorical "
        "cross-entropy. Nothing is chosen on the test rows."
    )


def _design(spec: ExperimentSpec) -> str:
    text = (
        "Standalone networks start from fresh weights; the variants from a source network that "
        "learnt the source problem, with as many layers frozen as they say. Within a repeat all "
        "variants have the same draw of weights and see the rows in the same order, so they are "
        "compared by their differences within a repeat."
    )
    if "one" in spec.questions:
        text += (
            " This model: all repeats start from one source network, whose luck is in no interval."
        )
    if "fresh" in spec.questions:
        text += " The method: every repeat trains a source network of its own."
    return text


def _interval(spec: ExperimentSpec) -> str:
    if spec.task.is_resplit:
        return (
            "Each repeat splits the same rows anew, so repeats are not independent: intervals are "
            "Nadeau and Bengio's (2003): var(d) (1/J + n_test/n_train), J - 1 degrees of freedom."
        )
    if spec.until_decided:
        return (
            "Repeats were added until every variant was decided; intervals are betting confidence "
            "sequences (Waudby-Smith and Ramdas 2024), which hold at every look."
        )
    return (
        "Intervals of a mean difference are Student's t with pseudo-runs for networks that die and "
        "were not seen yet, and an end on the side of the longer tail that is moved out for the "
        "skewness; those of the variants of a question hold together at 95 %."
    )


def _verdict(spec: ExperimentSpec) -> str:
    return (
        "A variant is called better or worse where the whole interval is above or below 0, of no "
        f"practical difference where it is all within {format_points(spec.margin)}, and else "
        "undecided. A run whose loss is not finite counts at chance level."
    )


def _studies(results: StudyResults) -> Iterator[str]:
    n_repeats, n_cells = (
        pluralise(results.spec.n_repeats, "repeats"),
        f"{len(results.spec.cells):,}",
    )
    yield _design(results.cells[0].results.spec)
    match results.spec.kind:
        case "sweep":
            yield (
                f"The comparison was made at {n_cells} points, with {n_repeats} each, on the same "
                "test rows and with the same draws; the intervals of all points and variants hold "
                "together."
            )
        case "pairs":
            yield (
                f"The comparison was made on {n_cells} pairs of problems, with {n_repeats} each. A "
                "pair is one observation: the mean over pairs has Student's t interval, tau is the "
                "spread of the true differences between pairs, and the interval of the next pair "
                "does not take tau for known."
            )
        case "grid":
            yield (
                f"Every problem was source and target in turn, with {n_repeats} a cell; all cells "
                "and variants are judged together by Holm's procedure. On the diagonal the source "
                "is another network of the target problem."
            )
