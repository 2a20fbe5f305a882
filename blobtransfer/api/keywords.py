"""Keywords of the functions: the options of the command line, with names, texts and defaults.

A keyword is annotated with its type, its meaning, and what its default None means. The command line
takes the texts of its options from here.
"""

import inspect
import os
import re
import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    Protocol,
    TypeAlias,
    TypedDict,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from blobtransfer.api.data import BLOBS_FIELDS, Blobs
from blobtransfer.api.values import plain_keywords
from blobtransfer.did_you_mean import suggest
from blobtransfer.specs.experiment import EngineName, SourcesChoice
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.network import ACTIVATIONS, INITIALIZERS, Initializer
from blobtransfer.specs.study import Budget
from blobtransfer.specs.training import LEARNING_RATES, Metric, Optimizer
from blobtransfer.studies.settings import DEFAULT_MAX_REPEATS, DEFAULT_REPEATS, DEFAULTS

if TYPE_CHECKING:
    from blobtransfer.keras_files.read import SourceNetwork

F = TypeVar("F", bound=Callable[..., Any])

Path = str | os.PathLike[str]


class KerasModel(Protocol):
    """A Keras model in memory."""

    name: str

    def save(self, filepath: Any) -> Any:
        """Write the model to a file."""


class TrainedNetwork(Protocol):
    """The result of `train_source` or `train_target`."""

    def source_network(self) -> "SourceNetwork":
        """Return the trained network."""


Model: TypeAlias = Path | KerasModel | TrainedNetwork
"""A file or an unzipped folder of Keras, or a network in memory."""


class BlobsKeywords(TypedDict, total=False):
    """Blobs, in place of a specification."""

    samples: Annotated[int | None, "Number of rows.", str(BlobsSpec.n_samples)]
    classes: Annotated[int | None, "Number of classes, one blob each.", str(BlobsSpec.n_classes)]
    features: Annotated[int | None, "Number of features.", str(BlobsSpec.n_features)]
    cluster_std: Annotated[
        float | None, "Standard deviation of each blob.", f"{BlobsSpec.cluster_std:g}"
    ]
    train_samples: Annotated[
        int | None, "Number of training rows, taken first.", str(BlobsSpec.n_train)
    ]
    test_samples: Annotated[
        int | None, "Number of new test rows from the same centres.", "the remaining rows"
    ]


class TrainingKeywords(TypedDict, total=False):
    """Network and training."""

    hidden: Annotated[
        int | Sequence[int] | None,
        "Widths of the hidden layers, input side first.",
        "5 5, or those of the model",
    ]
    activation: Annotated[
        str | Sequence[str] | None,
        "Activation of the hidden layers: one for all, or one per layer. Choices: "
        f"{', '.join(ACTIVATIONS)} and leaky_relu=SLOPE; silu is swish.",
        "relu, or that of the model",
    ]
    initializer: Annotated[
        Initializer, f"Weight initializer of the hidden layers. Choices: {', '.join(INITIALIZERS)}."
    ]
    epochs: Annotated[int, "Number of training epochs."]
    batch_size: Annotated[int, "Number of rows per update."]
    learning_rate: Annotated[
        float | None,
        "Learning rate, above 0.",
        ", ".join(f"{rate} for {optimizer}" for optimizer, rate in LEARNING_RATES.items()),
    ]
    optimizer: Annotated[Optimizer, "Optimizer, as in Keras."]
    momentum: Annotated[float, "Momentum of sgd, at least 0 and less than 1."]
    nesterov: Annotated[bool, "Use Nesterov momentum."]
    weight_decay: Annotated[
        float, "L2 penalty: factor of the sum of the squared kernels in the loss."
    ]
    patience: Annotated[
        int | None,
        "Stop training after this many epochs without a lower validation loss (early stopping). "
        "Validation rows are a fifth of the training rows; the best weights are restored.",
        "off",
    ]
    engine: Annotated[EngineName, "Training engine; both engines train the same networks."]
    train_seed: Annotated[int, "Seed of initial weights and batch order."]
    metric: Annotated[
        Metric, "Metric on test rows. balanced-accuracy is the mean of the recalls of the classes."
    ]


class StudyKeywords(TypedDict, total=False):
    """Variants and statistics."""

    fixed: Annotated[
        int | Sequence[int] | None,
        "Numbers of hidden layers to freeze, one variant per number.",
        "0 1 2, up to the depth",
    ]
    variant: Annotated[
        str | Sequence[str] | None,
        "Another variant or control, such as new-head. Variants: new-head "
        "(new output layer), reinit=K (last K layers re-initialised), add=WIDTH (new hidden "
        "layer), fixed=N,unfreeze=EPOCHS,factor=X (frozen layers are trained after EPOCHS, at X "
        "times the learning rate), each also with anchor=X (L2-SP). Controls: "
        "random-frozen,fixed=N, self-transfer,fixed=N and equal-compute.",
    ]
    margin: Annotated[
        float | None,
        "Largest difference that is negligible. 0.01 is 1 point.",
        str(DEFAULTS["margin"]),
    ]
    low: Annotated[
        float | None,
        "Count runs whose accuracy is more than this below the best possible.",
        str(DEFAULTS["low"]),
    ]
    tune: Annotated[
        str | Sequence[float] | None,
        "Tune the learning rate of each run: learning-rate=A,B,... The best rate is chosen on a "
        "fifth of the training rows, never on test rows.",
        "off",
    ]
    source_epochs: Annotated[
        int | None, "Number of training epochs of source networks.", "as --epochs"
    ]


class ExecutionKeywords(TypedDict, total=False):
    """Long runs."""

    store: Annotated[
        Path | None,
        "Store results in this file (.db). The same command then resumes where it stopped, and "
        "one with more repeats adds to them.",
    ]
    scheduler: Annotated[
        Path | None,
        "Compute on a running Dask cluster: address or file of its scheduler, such as "
        "tcp://HOST:8786.",
        "this machine",
    ]
    mixed: Annotated[
        bool, "Allow results of other versions, or of machines that round differently."
    ]
    progress: Annotated[bool, "Show a progress bar."]


class BudgetKeywords(TypedDict, total=False):
    """Length of training."""

    budget: Annotated[
        Budget | None,
        "Train target networks for as many epochs, or for as many updates, as source networks.",
        "epochs",
    ]


class ScoresKeywords(TypedDict, total=False):
    """Transferability scores."""

    scores: Annotated[
        bool,
        "Also compute transferability scores (H-score, LogME, LEEP, NCE) of fresh source networks. "
        "They use the training rows of the target; the report shows how well they rank the "
        "networks.",
    ]


class QuestionKeywords(TypedDict, total=False):
    """Source networks, repeats and questions."""

    model: Annotated[
        Model | None,
        "Saved source network, instead of training one. A .keras or .h5 file, or an unzipped "
        "folder of Keras.",
    ]
    source_seed: Annotated[int | None, "Seed of the source blobs.", "1"]
    target_seed: Annotated[int | None, "Seed of the target blobs.", "2"]
    reverse: Annotated[bool, "Swap source and target."]
    sources: Annotated[
        SourcesChoice | None,
        "A new source network in each repeat, one for all repeats, or both.",
        "both; fresh in a sweep",
    ]
    repeats: Annotated[int | None, "Number of repeats.", str(DEFAULT_REPEATS)]
    until_decided: Annotated[
        bool, "Add repeats until every variant is decided. The intervals allow for repeated looks."
    ]
    max_repeats: Annotated[
        int | None, "Largest number of repeats with --until-decided.", str(DEFAULT_MAX_REPEATS)
    ]
    nested: Annotated[
        Sequence[int] | None,
        "Train S source networks and run T repeats with each, to measure how much source networks "
        "vary. Replaces --repeats.",
    ]
    against: Annotated[
        str | None, "Also compare all other variants with this one, such as fixed=0."
    ]
    speed: Annotated[bool, "Also compare how fast the variants learn."]
    threshold: Annotated[
        float | None, "Test accuracy to reach, with --speed.", "95 % of the best possible"
    ]


class TaskKeywords(TrainingKeywords, BlobsKeywords, total=False):
    """Keywords of the training of one network."""


class GridKeywords(
    StudyKeywords, BudgetKeywords, ScoresKeywords, TrainingKeywords, ExecutionKeywords, total=False
):
    """Keywords of a grid."""


class PairsKeywords(StudyKeywords, BudgetKeywords, TaskKeywords, ExecutionKeywords, total=False):
    """Keywords of pairs."""


class SweepKeywords(
    StudyKeywords, QuestionKeywords, ScoresKeywords, TaskKeywords, ExecutionKeywords, total=False
):
    """Keywords of a sweep."""


class ComparisonKeywords(SweepKeywords, BudgetKeywords, total=False):
    """Keywords of a comparison."""


GROUPS = (
    StudyKeywords, QuestionKeywords, ScoresKeywords, TrainingKeywords, BudgetKeywords,
    BlobsKeywords, ExecutionKeywords,
)  # fmt: skip
"""Groups of keywords in the order of the docs; their docstrings are their titles."""


@dataclass(frozen=True)
class Description:
    """What a keyword, or the option of its name, means.

    Args:
        text: Its meaning.
        default: What the default None means; empty if the default is a value.
        type: Type of its values.
    """

    text: str
    default: str
    type: str


def _described(hint: Any) -> Description:
    values, text, *default = get_args(hint)
    return Description(text, default[0] if default else "", _type_text(values))


def _type_text(hint: Any) -> str:
    """Return a type as it is written, without the modules of its names, and without None."""
    if get_origin(hint) in (Union, UnionType):
        return " | ".join(_type_text(member) for member in get_args(hint) if member is not NoneType)
    if get_origin(hint) is Literal:
        return " | ".join(map(repr, get_args(hint)))
    text = hint.__name__ if isinstance(hint, type) else str(hint)
    return re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Z])", "", text)


HINTS: dict[str, Any] = {
    name: hint for group in GROUPS for name, hint in get_type_hints(group).items()
}
"""Annotations by keyword."""

DESCRIPTIONS: dict[str, Description] = {
    name: _described(hint)
    for group in GROUPS
    for name, hint in get_type_hints(group, include_extras=True).items()
}
"""Descriptions by keyword."""

RENAMED = {"variant": "variants"}
"""Fields of `ComparisonSettings` that have another name than their option."""

METHODS = {
    "plot": "plot()",
    "style": "plot(style=...)",
    "size": "plot(size=...)",
    "only": "plot(only=...)",
    "output": "save(path)",
    "save": "save(path)",
    "curves": "curves()",
    "summary": "summary()",
}
"""Options of output, and the methods of a result that take their place."""

DATA_ARGUMENTS = ("source", "target", "task", "problems", "over", "label")
"""Arguments that are data, or names in data: functions take them as they are."""

TABLE_KEYWORDS = ("where", "drop", "group", "split", "train", "test", "scale", "missing", "name")
"""Keywords of `table` that no other function has."""

SWEEP = re.compile(r"sweep --over (?P<axis>[^\s;]+)(?: --source-epochs (?P<epochs>\d+))?")
"""A command that varies a setting."""

OPTION = re.compile(
    r"--(?P<name>[a-z]+(?:-[a-z]+)*)(?: (?P<value>"
    r"\d[\d.]*\b|[A-Z]{2,}\b|(?:both|fresh|one|sgd|updates|epochs|balanced-accuracy)\b"
    r"|[a-z-]+[=,][^\s;)]*[^\s;),])(?: (?P<second>\d+\b|[A-Z]{2,}\b))?)?"
)
"""An option, with its values if they follow."""

NO_SETTINGS = {"reverse": False, "mixed": False, "progress": True}
"""Defaults of keywords that are no settings of a comparison."""

COLUMNS = 92
"""Width of the docstrings of functions, in characters."""


def with_keywords(keywords: type) -> Callable[[F], F]:
    """Put the keywords of a `TypedDict` in place of `**options` in a signature and a docstring.

    The function raises `TypeError` for other keywords.

    Args:
        keywords: The `TypedDict`.
    """

    def complete(function: F) -> F:
        signature = inspect.signature(function)
        parameters = {
            name: parameter.replace(annotation=inspect.Parameter.empty)
            for name, parameter in signature.parameters.items()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        }
        names = [name for name in get_type_hints(keywords) if name not in parameters]
        for group in GROUPS:
            for name in get_type_hints(group):
                if name in names:
                    parameters[name] = inspect.Parameter(
                        name, inspect.Parameter.KEYWORD_ONLY, default=default_of(name)
                    )

        @wraps(function)
        def checked(*arguments: Any, **options: Any) -> Any:
            for name in options:
                if name not in parameters:
                    raise TypeError(_unknown_keyword(function.__name__, name, list(parameters)))
            data = {name: options.pop(name) for name in DATA_ARGUMENTS if name in options}
            return function(*arguments, **data, **plain_keywords(options, HINTS))

        decorated = cast(Any, checked)
        decorated.__signature__ = signature.replace(parameters=[*parameters.values()])
        decorated.__doc__ = re.sub(
            r"(?m)^ *options: .*\n", lambda line: _keyword_sections(names), function.__doc__ or ""
        )
        return cast(F, decorated)

    return complete


def _unknown_keyword(function: str, name: str, names: Sequence[str]) -> str:
    advice = suggest(name, names) or f"see help(blobtransfer.{function})"
    if name in METHODS and function != "plot_data":
        advice = f"use the method {METHODS[name]} of the result"
    if name in TABLE_KEYWORDS:
        advice = "it is for data: use blobtransfer.table(data, ...)"
    return f"{function}() has no keyword {name!r}; {advice}"


def _keyword_sections(names: Collection[str]) -> str:
    """Return one section of a docstring per group of keywords."""
    wrapper = textwrap.TextWrapper(COLUMNS, " " * 8, " " * 12, break_on_hyphens=False)
    sections = []
    for group in GROUPS:
        texts = [
            wrapper.fill(f"{name}: {description_in_python(name)}")
            for name in get_type_hints(group)
            if name in names
        ]
        if texts:
            title = (group.__doc__ or "").rstrip(".")
            sections.append("\n".join(["", f"    {title}:", *texts, ""]))
    return "".join(sections)


def description_in_python(name: str) -> str:
    """Return type, meaning and default of a keyword, in the words of Python."""
    description = DESCRIPTIONS[name]
    text = f"{description.type}. {description.text}"
    if description.default and default_of(name) is None:
        text += f" Default: {description.default}."
    return with_names_of_keywords(text)


def with_names_of_keywords(text: str) -> str:
    """Return a text on options with the names that they have in Python."""
    return re.sub(r"--([a-z-]+)", lambda flag: f"`{flag[1].replace('-', '_')}`", text)


def in_python(text: str) -> str:
    """Return a text that advises options as the keywords that they are in Python.

    For example, `try --test-samples 7000` becomes `try test_samples=7000`.

    Args:
        text: A note or a caution.
    """
    return OPTION.sub(_keyword, SWEEP.sub(_sweep_call, text))


def _sweep_call(command: re.Match[str]) -> str:
    axis, epochs = command["axis"], command["epochs"]
    end = "," if axis.endswith(",") and epochs is None else ""
    more = "" if epochs is None else f", source_epochs={epochs}"
    return f'sweep("{axis.removesuffix(",")}"{more}){end}'


def _keyword(option: re.Match[str]) -> str:
    name, value, second = option["name"].replace("-", "_"), option["value"], option["second"]
    if value is None:
        return name
    if second is not None:
        return f"{name}=({value}, {second})"
    return f"{name}={value}" if re.match(r"[\dA-Z]", value) else f'{name}="{value}"'


def default_of(keyword: str) -> Any:
    """Return the default of a keyword; None for an empty one."""
    default = DEFAULTS.get(RENAMED.get(keyword, keyword), NO_SETTINGS.get(keyword))
    return None if default == () else default


def blobs_of(options: Mapping[str, Any]) -> Blobs:
    """Return the short options of blobs among some keywords."""
    values = {word: options.get(word.replace("-", "_")) for word in BLOBS_FIELDS}
    return Blobs({word: value for word, value in values.items() if value is not None})


def values_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keywords that are fields of `ComparisonSettings`, by the name of the field."""
    renamed = {RENAMED.get(name, name): value for name, value in options.items()}
    return {
        name: value
        for name, value in renamed.items()
        if name in DEFAULTS and name not in ("source", "target")
    }
