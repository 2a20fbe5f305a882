"""The options of the command line: flags, defaults and help, in groups that commands share.

A command takes whole groups, such as `def compare(problem: ProblemOptions, ...)`, and asks
them for specs. A number that a user can set has its default in `specs.py`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import typer

import blobtransfer
from blobtransfer.cli.parsing import (
    NOTHING,
    NUMBERS,
    PAIR,
    choice,
    file,
    integer,
    option,
    real,
    switch,
)
from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import check_seed, join
from blobtransfer.specs.experiment import ENGINES, QUESTIONS, EngineName, ExperimentSpec, Question
from blobtransfer.specs.network import ACTIVATIONS, INITIALIZERS, Activation, Initializer, MLPSpec
from blobtransfer.specs.task import TaskSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.specs.variant import Variant, parse_variant

TRANSFER, PROBLEM, NETWORK = "Transfer", "Problem", "Network and training"
STATISTICS, RESULTS, TALK = "Question and statistics", "Results", "Messages"
"""Panels of the help page."""

STANDARD_OUTPUT = Path("-")
"""What stands for it among result files."""

ResultFormat = Literal["table", "json", "csv", "markdown"]
SOURCES = (*QUESTIONS, "both")

RESULT_FORMATS: tuple[ResultFormat, ...] = ("table", "json", "csv", "markdown")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"blobtransfer {blobtransfer.__version__}")
        raise typer.Exit()


Version = Annotated[
    bool,
    typer.Option(
        "--version", help="Print the version.", metavar="", callback=_print_version, is_eager=True
    ),
]


@dataclass(frozen=True)
class ProblemOptions:
    """The size and shape of the blobs problems."""

    samples: Annotated[int, integer("--samples", "Rows that are drawn.", PROBLEM)] = (
        TaskSpec.n_samples
    )
    classes: Annotated[int, integer("--classes", "Blobs, one a class.", PROBLEM)] = (
        TaskSpec.n_classes
    )
    features: Annotated[int, integer("--features", "Coordinates of a row.", PROBLEM)] = (
        TaskSpec.n_features
    )
    cluster_std: Annotated[
        float, real("--cluster-std", "Standard deviation of each blob.", PROBLEM)
    ] = TaskSpec.cluster_std
    train_samples: Annotated[
        int, integer("--train-samples", "The first rows, which train.", PROBLEM)
    ] = TaskSpec.n_train
    test_samples: Annotated[
        int | None,
        integer(
            "--test-samples",
            "Fresh test rows from the same centres, in place of the rows left over.",
            PROBLEM,
            show_default="rest",
        ),
    ] = None

    def task(self, seed: int, setting: str = "seed") -> TaskSpec:
        """Give the problem of that seed, which the user knows by the name of `setting`."""
        check_seed(setting, seed)
        return TaskSpec(
            seed=seed,
            n_samples=self.samples,
            n_classes=self.classes,
            n_features=self.features,
            cluster_std=self.cluster_std,
            n_train=self.train_samples,
            n_test=self.test_samples,
        )


@dataclass(frozen=True)
class TrainingOptions:
    """The network and how it learns."""

    hidden: Annotated[
        list[int] | None,
        integer(
            "--hidden",
            "Widths of the hidden layers, input side first.",
            NETWORK,
            metavar=NUMBERS,
            show_default="5 5, or the model's",
        ),
    ] = None
    activation: Annotated[
        str | None,
        choice(
            "--activation",
            "Of the hidden layers.",
            NETWORK,
            ACTIVATIONS,
            show_default="relu, or the model's",
        ),
    ] = None
    initializer: Annotated[
        str,
        choice(
            "--initializer",
            f"Of the hidden kernels: {', '.join(INITIALIZERS)}.",
            NETWORK,
            INITIALIZERS,
            metavar="RULE",
        ),
    ] = MLPSpec.initializer
    epochs: Annotated[int, integer("--epochs", "Passes over the training rows.", NETWORK)] = (
        TrainingSpec.epochs
    )
    batch_size: Annotated[int, integer("--batch-size", "Rows of one step.", NETWORK)] = (
        TrainingSpec.batch_size
    )
    learning_rate: Annotated[float, real("--learning-rate", "Above 0.", NETWORK)] = (
        TrainingSpec.learning_rate
    )
    momentum: Annotated[float, real("--momentum", "From 0 up to, not with, 1.", NETWORK)] = (
        TrainingSpec.momentum
    )
    engine: Annotated[
        str, choice("--engine", "What trains; both give the same networks.", NETWORK, ENGINES)
    ] = ExperimentSpec.engine
    train_seed: Annotated[
        int,
        integer("--train-seed", "All randomness of weights, batch order and statistics.", NETWORK),
    ] = 0

    def network(self, n_features: int, n_classes: int) -> MLPSpec:
        """Give the network for a problem, with the defaults where nothing was asked."""
        return MLPSpec(
            n_features=n_features,
            hidden=MLPSpec.hidden if self.hidden is None else tuple(self.hidden),
            n_classes=n_classes,
            activation=cast(Activation, self.activation or MLPSpec.activation),
            initializer=cast(Initializer, self.initializer),
        )

    def engine_name(self) -> EngineName:
        """Give the engine."""
        return cast(EngineName, self.engine)

    def training(self) -> TrainingSpec:
        """Give the training."""
        return TrainingSpec(self.epochs, self.batch_size, self.learning_rate, self.momentum)


def _read_variant(text: str | Variant) -> Variant:
    try:
        return text if isinstance(text, Variant) else parse_variant(text)
    except SettingError as error:
        raise typer.BadParameter(f"{error.value or NOTHING}: {error.problem}") from error


@dataclass(frozen=True)
class VariantOptions:
    """Further variants."""

    variant: Annotated[
        list[Variant] | None,
        option(
            "--variant",
            "A further variant or control: new-head, reinit=K, add=WIDTH, or "
            "fixed=N,unfreeze=EPOCHS,factor=X; random-frozen,fixed=N, self-transfer,fixed=N, or "
            "equal-compute. All but the last two words go with fixed=N. Can be given more than "
            "once with compare.",
            TRANSFER,
            metavar="SPEC",
            parser=_read_variant,
        ),
    ] = None


def _margin(show_default: str) -> Any:
    text = "Differences of accuracy up to this do not matter in practice."
    return real("--margin", text, STATISTICS, show_default=show_default)


ShownMargin = Annotated[float | None, _margin("that of the results")]


@dataclass(frozen=True)
class QuestionOptions:
    """What is asked, and how much is said about it."""

    sources: Annotated[
        str | None,
        choice(
            "--sources",
            "one: does this model help? fresh: does the method, with a source network drawn "
            "anew each repeat?",
            STATISTICS,
            SOURCES,
            show_default="both",
        ),
    ] = None
    nested: Annotated[
        list[int] | None,
        integer(
            "--nested",
            "S source networks, T repeats of each: how much is the luck of the source? In place "
            "of --repeats.",
            STATISTICS,
            PAIR,
        ),
    ] = None
    margin: Annotated[float | None, _margin(str(ExperimentSpec.margin))] = None
    speed: Annotated[
        bool, switch("--speed", "Also compare how fast the variants learn.", STATISTICS)
    ] = False
    threshold: Annotated[
        float | None,
        real(
            "--threshold",
            "Test accuracy to be reached, for --speed.",
            STATISTICS,
            show_default="95 % of the ceiling",
        ),
    ] = None

    def questions(self) -> tuple[Question, ...]:
        """Give the questions, this model first."""
        return QUESTIONS if self.sources in (None, "both") else (cast(Question, self.sources),)

    def design(self) -> tuple[int, int] | None:
        """Give sources and repeats of each, where that was asked for."""
        if self.nested is None:
            return None
        if len(self.nested) != 2:
            raise SettingError(
                "nested", join(self.nested), "use two numbers: sources, and repeats of each"
            )
        return self.nested[0], self.nested[1]


@dataclass(frozen=True)
class FigureOptions:
    """Where the figure goes."""

    plot: Annotated[
        Path | None,
        file(
            "--plot",
            "The figure; the suffix picks the format: png, svg or pdf.",
            RESULTS,
            show_default="<command>.png",
        ),
    ] = None
    no_plot: Annotated[
        bool, switch("--no-plot", "Draw no figure, unless --plot names one.", RESULTS)
    ] = False
    show: Annotated[bool, switch("--show", "Also open the figure in a window.", RESULTS)] = False

    def path(self, command: str) -> Path | None:
        """Give the figure's path; None where none is wanted."""
        if self.plot is None and self.no_plot:
            return None
        return self.plot or Path(f"{command}.png")


@dataclass(frozen=True)
class ResultOptions:
    """Where the numbers go."""

    format: Annotated[
        str | None,
        choice(
            "--format",
            "What goes to standard output.",
            RESULTS,
            RESULT_FORMATS,
            show_default="table",
        ),
    ] = None
    output: Annotated[
        list[Path] | None,
        option(
            "--output -o",
            "Also write the results there; .json, .csv, .md or .txt picks the format, - is "
            "standard output. Can be given more than once.",
            RESULTS,
            metavar="FILE",
        ),
    ] = None

    def files(self) -> list[Path]:
        """Give the result files, without standard output."""
        return [path for path in self.output or () if path != STANDARD_OUTPUT]

    def wants_standard_output(self) -> bool:
        """Say whether results on standard output were asked for by name."""
        return self.format is not None or STANDARD_OUTPUT in (self.output or ())


@dataclass(frozen=True)
class TalkOptions:
    """How much is said."""

    quiet: Annotated[bool, switch("--quiet -q", "No progress, no notes.", TALK)] = False
    verbose: Annotated[bool, switch("--verbose -v", "Show TensorFlow's log.", TALK)] = False
    debug: Annotated[bool, switch("--debug", "Show where an error comes from.", TALK)] = False
    version: Version = False
