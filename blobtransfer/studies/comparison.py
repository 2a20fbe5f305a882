"""Build the `ExperimentSpec` of a comparison from its settings, and a study of comparisons.

This module reads tables, and chooses network, variants and questions that the settings leave open
so that they fit the data and the source network.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from blobtransfer.errors import SettingError, SourceFileError
from blobtransfer.specs.checks import escape_control_characters, join
from blobtransfer.specs.data import DataSpec, Role, have_same_classes
from blobtransfer.specs.experiment import ExperimentSpec, Question
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.study import Axis, Budget, Cell, Study, StudyKind
from blobtransfer.specs.table import ScaleBy, TableRequest, TableSpec
from blobtransfer.specs.variant import STANDALONE, NewHead, Variant, transfer_variants
from blobtransfer.studies.settings import ComparisonSettings, DataRequest
from blobtransfer.studies.training_length import (
    equal_compute_epochs,
    with_target_updates,
    with_updates_of,
)

if TYPE_CHECKING:
    from blobtransfer.keras_files.read import SourceNetwork

SAME_FIELDS = (
    "n_repeats", "until_decided", "nested", "margin", "low", "against", "speed", "threshold",
    "tune",
)  # fmt: skip
"""Names shared by settings of a comparison and fields of its spec."""

NO_PREPROCESSING = (
    "it does not record its input columns or their scale; add scale=none (raw values) or scale=own "
    "(standardised) to the target, or train a network with blobtransfer train-source --task SPEC"
)

SCALES: dict[ScaleBy, str] = {
    "own": "standardised by the training rows of the target (scale=own)",
    "source": "standardised by the training rows of the source (scale=source)",
    "none": "as they are in the table (scale=none)",
}

MAX_LISTED_INPUTS = 8
"""Largest number of inputs of a network that a note lists in full."""


def build_comparison(
    settings: ComparisonSettings, source_network: "SourceNetwork | None" = None
) -> ExperimentSpec:
    """Build the spec that `compare` runs.

    Args:
        settings: Settings of the comparison.
        source_network: The network of `settings.model`; None: the file is read.

    Raises:
        SettingError: A setting has an impossible value, or settings cannot be combined.
        TableFileError: A table cannot be used.
        SourceFileError: The source network cannot be used.
    """
    source_network = source_network or read_source_network(settings)
    data = read_data(settings, settings.data, source_network)
    return experiment_of(settings, data, source_network)


def read_source_network(settings: ComparisonSettings) -> "SourceNetwork | None":
    """Return the source network of `settings.model`, which may be a file; None without.

    Raises:
        SourceFileError: The file cannot be used.
    """
    if settings.model is None:
        return None

    from blobtransfer.keras_files.read import SourceNetwork, read_source_file

    if isinstance(settings.model, SourceNetwork):
        return settings.model
    return read_source_file(settings.model)


def read_data(
    settings: ComparisonSettings,
    data: Mapping[Role, DataRequest],
    source_network: "SourceNetwork | None" = None,
) -> dict[Role, DataSpec]:
    """Resolve the tables among data requests.

    Args:
        settings: Settings; `train_seed` splits the rows.
        data: Requests by role, the source first.
        source_network: The network of `settings.model`, whose preprocessing a table needs.

    Raises:
        TableFileError: A table cannot be used.
        SourceFileError: The network has no preprocessing, and the target, a file, no `scale`.
    """
    specs = {role: spec for role, spec in data.items() if not isinstance(spec, TableRequest)}
    if len(specs) == len(data):
        return specs
    preprocessing = None
    target = data.get("target")
    if source_network is not None and isinstance(target, TableRequest):
        preprocessing = source_network.preprocessing
        if preprocessing is None and target.scale is None:
            if not target.is_in_memory:
                raise SourceFileError(settings.model, NO_PREPROCESSING)
            data = {role: _unscaled(request) for role, request in data.items()}

    from blobtransfer.data.tables.resolve import resolve_data_specs

    return resolve_data_specs(data, settings.train_seed, preprocessing)


def _unscaled(request: DataRequest) -> DataRequest:
    """Return a request of a table that keeps its values unless it has a `scale`."""
    if isinstance(request, TableRequest) and request.scale is None:
        return replace(request, scale="none")
    return request


def experiment_of(
    settings: ComparisonSettings,
    data: Mapping[Role, DataSpec],
    source_network: "SourceNetwork | None" = None,
    keeps_output: bool | None = None,
    is_self_transfer: bool = False,
    base: ExperimentSpec | None = None,
) -> ExperimentSpec:
    """Build the spec of a comparison of data whose tables have been read.

    Args:
        settings: Settings of the comparison; of their data, only whether a source is set counts.
        data: Data by role; without source data, only the target.
        source_network: The network of `settings.model`.
        keeps_output: Whether the default variants keep the output layer of the source network;
            None: if source and target have the same classes.
        is_self_transfer: Whether the variants start from another network trained on the target.
        base: A comparison whose trainings make as many updates; None: the settings set the length
            of the trainings.
    """
    source, target = data.get("source"), data["target"]
    network = network_of(settings, target, source_network)
    if keeps_output is None:
        keeps_output = can_keep_output(source_network, source, target)
    variants = _variants(settings, keeps_output, len(network.hidden))
    if is_self_transfer:
        variants = tuple(
            replace(variant, start="self-transfer") if variant.start == "transfer" else variant
            for variant in variants
        )
    questions = settings.questions(source is not None)
    _check_source_epochs(settings, questions, variants)
    trained_on = target if is_self_transfer else source
    if settings.model is not None and settings.source is None:
        trained_on = None  # the model was not trained on the default source
    if base is None:
        settings = with_target_updates(settings, trained_on, target)
    else:
        settings = with_updates_of(settings, data, base)
    return training_spec(
        settings,
        source_network,
        network=network,
        variants=variants,
        questions=questions,
        source=source if settings.model is None or "fresh" in questions else None,
        target=target,
        transferability=settings.scores,
        source_epochs=None if settings.source_epochs == settings.epochs else settings.source_epochs,
        equal_compute_epochs=equal_compute_epochs(settings, trained_on, target)
        if any(variant.start == "equal-compute" for variant in variants)
        else None,
        **{name: getattr(settings, name) for name in SAME_FIELDS},
    )


def _check_source_epochs(
    settings: ComparisonSettings, questions: Sequence[Question], variants: Sequence[Variant]
) -> None:
    """Raise `SettingError` if `source_epochs` is set and no variant depends on it.

    Args:
        settings: Settings of the comparison.
        questions: Its questions.
        variants: Its variants.
    """
    trains_transfer = settings.model is None or "fresh" in questions
    dependent = {"self-transfer", "equal-compute", *(["transfer"] if trains_transfer else [])}
    if settings.source_epochs is not None and not any(v.start in dependent for v in variants):
        problem = "no source network is trained; leave it out"
        raise SettingError("source-epochs", settings.source_epochs, problem)


def study_of(
    kind: StudyKind,
    axes: tuple[Axis, ...],
    specs: Mapping[tuple[str, ...], ExperimentSpec],
    budget: Budget | None = None,
) -> Study:
    """Return a study of some comparisons.

    Args:
        kind: Kind of the study.
        axes: Settings that vary, with their values.
        specs: The comparisons by their values on the axes, in the order in which they run.
        budget: See `Budget`; None unless the study is a sweep.

    Raises:
        SettingError: There are too many cells or runs.
    """
    return Study(kind, axes, tuple(Cell(at, spec) for at, spec in specs.items()), budget)


def training_spec(
    settings: ComparisonSettings, source_network: "SourceNetwork | None" = None, **changes: Any
) -> ExperimentSpec:
    """Build a spec from settings: training, engine, seed and model.

    Args:
        settings: The settings.
        source_network: The network of `settings.model`.
        changes: The remaining fields of `ExperimentSpec`.
    """
    training = settings.training
    with model_errors(settings.model):
        spec = ExperimentSpec(
            training=training,
            engine=settings.engine,
            train_seed=settings.train_seed,
            metric=settings.metric,
            model_path=None
            if settings.model is None
            else escape_control_characters(str(settings.model)),
            model_sha256=None if source_network is None else source_network.sha256,
            model_notes=_model_notes(source_network, changes.get("target")),
            **changes,
        )
        if source_network is None:
            spec.check_source_network(None)
        else:
            spec.check_source_network(source_network.network.shapes, source_network.output)
    return spec


def _model_notes(
    source_network: "SourceNetwork | None", target: DataSpec | None
) -> tuple[str, ...]:
    """Return the notes on a model file, with the inputs that are assumed if it records none."""
    if source_network is None:
        return ()
    if source_network.preprocessing is not None or not isinstance(target, TableSpec):
        return source_network.notes
    names = [escape_control_characters(name) for name in target.feature_names]
    if len(names) > MAX_LISTED_INPUTS:
        names = [*names[: MAX_LISTED_INPUTS - 1], f"... ({len(names)} in all)"]
    inputs = f"inputs are assumed to be, in this order, {', '.join(names)}, {SCALES[target.scale]}"
    return (inputs, *source_network.notes)


@contextmanager
def model_errors(model: object) -> Iterator[None]:
    """Raise `SourceFileError` instead of a `SettingError` about the network of a model."""
    try:
        yield
    except SettingError as error:
        if model is None or error.setting not in ("network", "model"):
            raise
        raise SourceFileError(model, f"a network {error.value}: {error.problem}") from error


def network_of(
    settings: ComparisonSettings, data: DataSpec, source_network: "SourceNetwork | None" = None
) -> MLPSpec:
    """Return the network of the settings, which must match the model if there is one.

    Args:
        settings: The settings.
        data: Data that the network is trained on.
        source_network: The network of `settings.model`.

    Raises:
        SettingError: The settings are impossible, or differ from the model.
    """
    hidden = MLPSpec.hidden if settings.hidden is None else settings.hidden
    initializer, activation = settings.initializer, settings.activation
    if source_network is None:
        activation = MLPSpec.activation if activation is None else activation
        return MLPSpec(data.n_features, hidden, data.n_classes, activation, initializer)
    saved = source_network.network
    network = MLPSpec(data.n_features, hidden, data.n_classes, initializer=initializer)
    if settings.hidden is not None and network.hidden != saved.hidden:
        problem = f"the model's hidden layers are {join(saved.hidden)}; leave --hidden out"
        raise SettingError("hidden", join(network.hidden), problem)
    if activation is not None and replace(saved, activation=activation) != saved:
        words = activation if isinstance(activation, str) else join(activation)
        problem = f"the model's activation is {saved.activation_text}; leave --activation out"
        raise SettingError("activation", words, problem)
    return replace(saved, initializer=initializer, n_classes=data.n_classes)


def can_keep_output(
    source_network: "SourceNetwork | None", source: DataSpec | None, target: DataSpec
) -> bool:
    """Return whether the output layer of the source network has the classes of the target.

    Args:
        source_network: The network of a model file; None if it is trained on the source.
        source: Data that it is trained on; None if there is none.
        target: Data of the comparison.
    """
    if source_network is not None and source_network.preprocessing is not None:
        return source_network.preprocessing.classes == target.class_names
    if source is not None and not have_same_classes(source, target):
        return False
    return source_network is None or (
        source_network.output == "softmax" and source_network.network.n_classes == target.n_classes
    )


def _variants(
    settings: ComparisonSettings, keeps_output: bool, n_hidden: int
) -> tuple[Variant, ...]:
    """Return the variants of a comparison, standalone first."""
    if settings.fixed is not None or keeps_output:
        return (STANDALONE, *transfer_variants(settings.fixed, n_hidden), *settings.variants)
    defaults = (replace(variant, top=NewHead()) for variant in transfer_variants(None, n_hidden))
    return (STANDALONE, *(settings.variants or defaults))
