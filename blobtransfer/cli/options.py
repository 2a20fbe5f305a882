"""The options of the command line: flags, defaults and help, in groups that commands share.

A command takes whole groups, such as `def compare(problem: ProblemOptions, ...)`, and asks
them for settings by the user's word (`specs.settings`), where every default comes from too.
"""

from dataclasses import dataclass
from importlib.metadata import version
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from blobtransfer.cli.parsing import (
    NOTHING,
    NUMBERS,
    PAIR,
    WORDS,
    choice,
    file,
    integer,
    not_among,
    option,
    real,
    switch,
)
from blobtransfer.cli.streams import STANDARD_STREAM
from blobtransfer.did_you_mean import suggest
from blobtransfer.errors import SettingError
from blobtransfer.execution.dask import address_of
from blobtransfer.report.figures.style import STYLES, Style
from blobtransfer.report.writers import TEXT_WRITERS
from blobtransfer.specs.checks import join, read_number
from blobtransfer.specs.experiment import ENGINES, QUESTIONS, EngineName, Question
from blobtransfer.specs.network import (
    ACTIVATIONS,
    INITIALIZERS,
    Initializer,
    activation_word,
    split_activation,
)
from blobtransfer.specs.settings import default_of
from blobtransfer.specs.table import BUILT_IN
from blobtransfer.specs.task import GENERATED
from blobtransfer.specs.training import LEARNING_RATES, OPTIMIZERS, Optimizer
from blobtransfer.specs.variant import Variant, parse_variant

TRANSFER, PROBLEM, NETWORK = "Transfer", "Problem", "Network and training"
STATISTICS, RESULTS, MESSAGES = "Question and statistics", "Results", "Messages"
WORK = "Long work"
"""Panels of the help page."""

SOURCES = (*QUESTIONS, "both")

TUNED = "learning-rate"
"""The setting that runs can choose for themselves."""

MIN_SIDE, MAX_SIDE = 2.0, 50.0
"""Shortest and longest side of a figure, in inches."""


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"blobtransfer {version('blobtransfer')}")
        raise typer.Exit()


Version = Annotated[
    bool,
    typer.Option(
        "--version", help="Print the version.", metavar="", callback=_print_version, is_eager=True
    ),
]


def _blobs(flags: str, help: str, declare: Any = integer, show_default: str = "") -> Any:
    """Declare a short option of blobs; None where it is not given."""
    word = flags.removeprefix("--")
    return declare(flags, help, PROBLEM, show_default=show_default or str(default_of(word)))


def description(flags: str, help: str) -> Any:
    """Declare the option of a problem's description."""
    return option(
        flags, help, PROBLEM, metavar="SPEC", autocompletion=lambda: [*GENERATED, *BUILT_IN]
    )


@dataclass(frozen=True)
class ProblemOptions:
    """The size and shape of the blobs problems."""

    samples: Annotated[int | None, _blobs("--samples", "Rows that are drawn.")] = None
    classes: Annotated[int | None, _blobs("--classes", "Blobs, one a class.")] = None
    features: Annotated[int | None, _blobs("--features", "Coordinates of a row.")] = None
    cluster_std: Annotated[
        float | None, _blobs("--cluster-std", "Standard deviation of each blob.", real)
    ] = None
    train_samples: Annotated[
        int | None, _blobs("--train-samples", "The first rows, which train.")
    ] = None
    test_samples: Annotated[
        int | None,
        _blobs(
            "--test-samples",
            "Fresh test rows from the same centres, in place of the rows left over.",
            show_default="rest",
        ),
    ] = None

    def settings(self) -> dict[str, Any]:
        """Give the settings of a problem that were given, by the user's word."""
        given = {
            "samples": self.samples,
            "classes": self.classes,
            "features": self.features,
            "cluster-std": self.cluster_std,
            "train-samples": self.train_samples,
            "test-samples": self.test_samples,
        }
        return {word: value for word, value in given.items() if value is not None}


def _read_activation(text: str) -> str:
    if text.partition("=")[0] not in ACTIVATIONS:
        raise not_among(text, ACTIVATIONS)
    try:
        return activation_word(*split_activation(text))
    except SettingError as error:
        raise typer.BadParameter(f"{text}: {error.problem}") from error


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
        list[str] | None,
        option(
            "--activation",
            f"Of the hidden layers, one for all or one for each: {', '.join(ACTIVATIONS)}, or "
            "leaky_relu=SLOPE.",
            NETWORK,
            metavar=WORDS,
            parser=_read_activation,
            autocompletion=lambda: list(ACTIVATIONS),
            show_default="relu, or the model's",
        ),
    ] = None
    initializer: Annotated[
        Initializer,
        choice(
            "--initializer",
            f"Of the hidden kernels: {', '.join(INITIALIZERS)}.",
            NETWORK,
            INITIALIZERS,
            metavar="RULE",
        ),
    ] = default_of("initializer")
    epochs: Annotated[int, integer("--epochs", "Passes over the training rows.", NETWORK)] = (
        default_of("epochs")
    )
    batch_size: Annotated[int, integer("--batch-size", "Rows of one step.", NETWORK)] = default_of(
        "batch-size"
    )
    learning_rate: Annotated[
        float | None,
        real(
            "--learning-rate",
            "Above 0.",
            NETWORK,
            show_default=", ".join(f"{rate} for {one}" for one, rate in LEARNING_RATES.items()),
        ),
    ] = None
    optimizer: Annotated[
        Optimizer,
        choice("--optimizer", "By the rules of Keras.", NETWORK, OPTIMIZERS),
    ] = default_of("optimizer")
    momentum: Annotated[
        float, real("--momentum", "Of sgd: from 0 up to, not with, 1.", NETWORK)
    ] = default_of("momentum")
    nesterov: Annotated[bool, switch("--nesterov", "Look ahead along the momentum.", NETWORK)] = (
        default_of("nesterov")
    )
    weight_decay: Annotated[
        float,
        real("--weight-decay", "L2 in the loss: X times the sum of squared kernels.", NETWORK),
    ] = default_of("weight-decay")
    engine: Annotated[
        EngineName,
        choice("--engine", "What trains; both give the same networks.", NETWORK, ENGINES),
    ] = default_of("engine")
    train_seed: Annotated[
        int,
        integer("--train-seed", "All randomness of weights and batch order.", NETWORK),
    ] = default_of("train-seed")

    def settings(self, has_model: bool = False) -> dict[str, Any]:
        """Give the settings of a network and its training, but for those left to a model."""
        # One for each layer of the model, which is not known yet.
        activation = None if self.activation is None or has_model else tuple(self.activation)
        given = {
            "hidden": None if self.hidden is None else tuple(self.hidden),
            "activation": activation,
            "initializer": self.initializer,
            "epochs": self.epochs,
            "batch-size": self.batch_size,
            "learning-rate": LEARNING_RATES[self.optimizer]
            if self.learning_rate is None
            else self.learning_rate,
            "optimizer": self.optimizer,
            "momentum": self.momentum,
            "nesterov": self.nesterov,
            "weight-decay": self.weight_decay,
            "engine": self.engine,
            "train-seed": self.train_seed,
        }
        return {word: value for word, value in given.items() if value is not None}


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
            "fixed=N,unfreeze=EPOCHS,factor=X, each also with anchor=X, a pull towards the source; "
            "random-frozen,fixed=N, self-transfer,fixed=N, or equal-compute. Can be given more "
            "than once, but with train-target.",
            TRANSFER,
            metavar="SPEC",
            parser=_read_variant,
        ),
    ] = None


N_REPEATS = 100
"""Repeats of a comparison, unless asked otherwise."""

MAX_REPEATS = 100_000
"""Repeats of a comparison until decided, unless asked otherwise."""


FIXED_OPTION: Any = integer(
    "--fixed",
    "Hidden layers to freeze, a variant each.",
    TRANSFER,
    NUMBERS,
    show_default="0 1 2, up to the depth",
)


@dataclass(frozen=True)
class TransferOptions:
    """From which problem to which, by which variants, and how often."""

    source_seed: Annotated[
        int | None, integer("--source-seed", "The source problem.", PROBLEM, show_default="1")
    ] = None
    target_seed: Annotated[
        int | None, integer("--target-seed", "The target problem.", PROBLEM, show_default="2")
    ] = None
    source: Annotated[
        str | None,
        description("--source", "The source problem, such as moons:noise=0.2 or a.csv:label=y."),
    ] = None
    target: Annotated[str | None, description("--target", "The target problem, likewise.")] = None
    reverse: Annotated[
        bool, switch("--reverse", "Swap the source and the target problem.", PROBLEM)
    ] = False
    model: Annotated[
        Path | None,
        file(
            "--model",
            "The one source network (.keras or .h5), in place of training one.",
            TRANSFER,
        ),
    ] = None
    repeats: Annotated[
        int | None,
        integer("--repeats", "Independent repeats of every variant.", TRANSFER, show_default="100"),
    ] = None
    until_decided: Annotated[
        bool,
        switch(
            "--until-decided",
            "Add repeats until every variant is decided, with intervals that hold at every look.",
            TRANSFER,
        ),
    ] = False
    max_repeats: Annotated[
        int | None,
        integer(
            "--max-repeats",
            "The most repeats, for --until-decided.",
            TRANSFER,
            show_default=f"{MAX_REPEATS}",
        ),
    ] = None
    fixed: Annotated[list[int] | None, FIXED_OPTION] = None

    def check_together(self, question: "QuestionOptions") -> None:
        """Raise `SettingError` for options of which one makes the other meaningless."""
        if question.nested is not None and self.repeats is not None:
            raise SettingError(
                "repeats",
                self.repeats,
                f"--nested {join(question.nested)} says how many; leave one of the two out",
            )
        if self.model is None:
            return
        if question.sources == "fresh":
            problem = "--sources fresh trains all source networks itself; leave one of the two out"
            raise SettingError("model", self.model, problem)
        read = f"the source network is read from --model {self.model}"
        if self.reverse:
            raise SettingError("reverse", "", f"{read}; leave one out")
        if self.source_seed is not None and question.sources == "one":
            raise SettingError("source-seed", self.source_seed, f"{read}; leave one of the two out")

    def n_repeats(self, question: "QuestionOptions") -> int:
        """Return the number of repeats, by whichever option.

        Raises:
            SettingError: Two options exclude each other.
        """
        if self.until_decided:
            if self.repeats is not None:
                problem = "--until-decided finds out how many; give the most with --max-repeats"
                raise SettingError("repeats", self.repeats, problem)
            return MAX_REPEATS if self.max_repeats is None else self.max_repeats
        if self.max_repeats is not None:
            problem = "it needs --until-decided; add that"
            raise SettingError("max-repeats", self.max_repeats, problem)
        nested = question.sources_and_repeats()
        return prod(nested) if nested else N_REPEATS if self.repeats is None else self.repeats


def _margin(show_default: str) -> Any:
    text = "Differences of accuracy up to this do not matter in practice."
    return real("--margin", text, STATISTICS, show_default=show_default)


ShownMargin = Annotated[float | None, _margin("that of the results")]


def _read_rates(text: str) -> tuple[float, ...]:
    """Read `learning-rate=A,B,...`."""
    setting, equals, values = text.partition("=")
    if setting != TUNED or not equals:
        asked = suggest(setting, [TUNED]) if setting != TUNED else ""
        problem = f"use {TUNED}=A,B,..., such as {TUNED}=0.003,0.01,0.03"
        raise SettingError("tune", text, f"{asked + ' ' if asked else ''}{problem}")
    rates = [read_number(value) for value in values.split(",")]
    if None in rates:
        wrong = values.split(",")[rates.index(None)]
        raise SettingError("tune", text, f"{wrong or 'an empty value'} is no finite number")
    return tuple(map(float, rates))


SCORES_OPTION: Any = switch(
    "--scores",
    "Also score every fresh source network by the target's training rows (H-score, LogME, LEEP, "
    "NCE), and say how well that ranks them.",
    STATISTICS,
)


@dataclass(frozen=True)
class StatisticsOptions:
    """How differences are judged, and learning rates chosen."""

    margin: Annotated[float | None, _margin(str(default_of("margin")))] = None
    low: Annotated[
        float | None,
        real(
            "--low",
            "A run ends low that is further below the ceiling than this.",
            STATISTICS,
            show_default=str(default_of("low")),
        ),
    ] = None
    tune: Annotated[
        str | None,
        option(
            "--tune",
            "learning-rate=A,B,...: each run takes the rate that is best for it on a fifth of its "
            "training rows, never on test rows.",
            NETWORK,
            metavar="SETTING=X,X...",
            show_default="--learning-rate for all",
        ),
    ] = None


@dataclass(frozen=True)
class QuestionOptions(StatisticsOptions):
    """What is asked, and how much is said about it."""

    sources: Annotated[
        Literal[Question, "both"] | None,
        choice(
            "--sources",
            "one: does this model help? fresh: does the method, with a source network drawn "
            "anew each repeat?",
            STATISTICS,
            SOURCES,
            show_default="both; of a sweep fresh",
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
    against: Annotated[
        Variant | None,
        option(
            "--against",
            "Compare all other variants with this one too, such as fixed=0.",
            STATISTICS,
            metavar="SPEC",
            parser=_read_variant,
        ),
    ] = None
    speed: Annotated[
        bool, switch("--speed", "Also compare how fast the variants learn.", STATISTICS)
    ] = False
    scores: Annotated[bool, SCORES_OPTION] = False
    threshold: Annotated[
        float | None,
        real(
            "--threshold",
            "Test accuracy to be reached, for --speed.",
            STATISTICS,
            show_default="95 % of the ceiling",
        ),
    ] = None

    def settings(self) -> dict[str, Any]:
        """Give the settings of the statistics."""
        given = {
            "margin": self.margin,
            "low": self.low,
            "tune": None if self.tune is None else _read_rates(self.tune),
            "speed": self.speed,
            "threshold": self.threshold,
        }
        return {word: value for word, value in given.items() if value is not None}

    def questions(self) -> tuple[Question, ...]:
        """Give the questions, this model first."""
        return QUESTIONS if self.sources is None or self.sources == "both" else (self.sources,)

    def sources_and_repeats(self) -> tuple[int, int] | None:
        """Return S and T of --nested; None without it.

        Raises:
            SettingError: There are not two numbers.
        """
        if self.nested is None:
            return None
        if len(self.nested) != 2:
            raise SettingError(
                "nested", join(self.nested), "use two numbers: sources, and repeats of each"
            )
        return self.nested[0], self.nested[1]


def _read_range(text: str) -> range:
    """Read `A..B`, the last one with it."""
    first, dots, last = text.partition("..")
    ends = [read_number(end, int) for end in (first, last)]
    if not dots or None in ends or not 0 <= ends[0] <= ends[1]:
        problem = "use FIRST..LAST, such as 0..499; the first repeat is 0"
        raise SettingError("only-repeats", text, problem)
    return range(ends[0], ends[1] + 1)


Mixed = Annotated[
    bool,
    switch(
        "--mixed",
        "Allow repeats of other versions, or of machines that round differently.",
        WORK,
    ),
]


@dataclass(frozen=True)
class WorkOptions:
    """Where long work runs, and where it is kept."""

    store: Annotated[
        Path | None,
        file(
            "--store",
            "Keep results block by block in this file (.db): the same command goes on where it "
            "stopped, more repeats extend.",
            WORK,
        ),
    ] = None
    only_repeats: Annotated[
        str | None,
        option(
            "--only-repeats",
            "Compute these repeats alone, such as 0..499, into --store, and show nothing; "
            "blobtransfer merge joins the parts.",
            WORK,
            metavar="A..B",
            show_default="all",
        ),
    ] = None
    scheduler: Annotated[
        str | None,
        option(
            "--scheduler",
            "Run on a Dask cluster that was started before: the address of its scheduler, such as "
            "tcp://HOST:8786, or its scheduler file.",
            WORK,
            metavar="ADDRESS",
            show_default="this machine",
        ),
    ] = None
    mixed: Mixed = False

    def only(self, n_repeats: int) -> range | None:
        """Give the repeats that alone are computed; None for all.

        Raises:
            SettingError: They cannot be, or there is no store to keep them.
        """
        if self.only_repeats is None:
            return None
        only = _read_range(self.only_repeats)
        problem = None
        if self.store is None:
            problem = "they have to be kept; add --store FILE.db"
        elif only.stop > n_repeats:
            problem = f"there are {n_repeats:,} repeats, 0 to {n_repeats - 1}; use --repeats"
        if problem is not None:
            raise SettingError("only-repeats", self.only_repeats, problem)
        return only

    def check(self) -> None:
        """Raise `SettingError` for what cannot be meant."""
        if self.mixed and self.store is None and self.scheduler is None:
            problem = "nothing is mixed without --store or --scheduler; leave it out"
            raise SettingError("mixed", "", problem)
        if self.scheduler is not None:
            address_of(self.scheduler)


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

    style: Annotated[
        Style,
        choice(
            "--style",
            "What the figure is for: slide is a page of 16:9, paper a column of a journal.",
            RESULTS,
            STYLES,
        ),
    ] = "screen"
    size: Annotated[
        str | None,
        option(
            "--size",
            "Width and height of the figure in inches, such as 3.5x4.",
            RESULTS,
            metavar="WxH",
        ),
    ] = None

    def inches(self) -> tuple[float, float] | None:
        """Return width and height in inches; None for the default.

        Raises:
            SettingError: The text is not two numbers in range.
        """
        if self.size is None:
            return None
        found = [read_number(part) for part in self.size.split("x")]
        if len(found) != 2 or any(
            side is None or not MIN_SIDE <= side <= MAX_SIDE for side in found
        ):
            problem = f"use two numbers of inches from {MIN_SIDE:g} to {MAX_SIDE:g}, such as 3.5x4"
            raise SettingError("size", self.size, problem)
        width, height = map(float, filter(None, found))
        return width, height

    def check_drawn(self, path: Path | None) -> None:
        """Raise `SettingError` where a figure is to look in some way and none is drawn."""
        if path is not None or self.show:
            return
        for setting, value in (("style", self.style), ("size", self.size)):
            if value not in ("screen", None):
                problem = "--no-plot draws no figure; leave one of the two out"
                raise SettingError(setting, value, problem)

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
            tuple(TEXT_WRITERS),
            show_default="table",
        ),
    ] = None
    output: Annotated[
        list[Path] | None,
        option(
            "--output -o",
            "Also write the results there; .json, .csv, .md, .txt or .html (a report to forward) "
            "picks the format, - is standard output. Can be given more than once.",
            RESULTS,
            metavar="FILE",
        ),
    ] = None

    curves: Annotated[
        Path | None,
        file(
            "--curves",
            "Also write the learning curves there, a row an epoch (.csv); compare needs --speed.",
            RESULTS,
        ),
    ] = None

    def files(self) -> list[Path]:
        """Give the result files, without standard output."""
        return [path for path in self.output or () if path != STANDARD_STREAM]

    def wants_standard_output(self) -> bool:
        """Say whether results on standard output were asked for by name."""
        return self.format is not None or STANDARD_STREAM in (self.output or ())


@dataclass(frozen=True)
class ScreenOptions:
    """How a comparison is shown, and the summary of it."""

    full: Annotated[bool, switch("--full", "Show every column on a terminal.", RESULTS)] = False
    explain: Annotated[
        bool, switch("--explain", "Say what each word of a comparison means.", RESULTS)
    ] = False
    summary: Annotated[
        Path | None,
        file(
            "--summary",
            "Also write a row a variant of a comparison there; .csv, .md or .tex.",
            RESULTS,
        ),
    ] = None

    def check_format(self, result: ResultOptions) -> None:
        """Raise `SettingError` where a word is to be explained that is not printed."""
        if self.explain and result.format in ("csv", "json"):
            problem = f"--format {result.format} has no words to explain; leave one of the two out"
            raise SettingError("explain", "", problem)


@dataclass(frozen=True)
class MessageOptions:
    """How much is said."""

    quiet: Annotated[bool, switch("--quiet -q", "No progress, no notes.", MESSAGES)] = False
    verbose: Annotated[bool, switch("--verbose -v", "Show TensorFlow's log.", MESSAGES)] = False
    debug: Annotated[bool, switch("--debug", "Show where an error comes from.", MESSAGES)] = False
    version: Version = False
