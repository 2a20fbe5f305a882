"""Choose the epochs of source and target networks so that trainings make the requested updates.

An epoch of few rows makes few updates, so that equal epochs are not equal training.
"""

from collections.abc import Mapping
from dataclasses import replace

from blobtransfer.errors import SettingError
from blobtransfer.specs.data import DataSpec, Role
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.training import MAX_EPOCHS, TrainingSpec
from blobtransfer.studies.settings import ComparisonSettings

SOURCE_ADVICE = "add --source SPEC, the data that it was trained on"


def with_target_updates(
    settings: ComparisonSettings, source: DataSpec | None, target: DataSpec
) -> ComparisonSettings:
    """Return settings in which target networks make as many updates as source networks.

    Args:
        settings: Settings of a comparison; returned unchanged unless the budget is updates.
        source: Data that source networks are trained on; None if it is not known.
        target: Data of the comparison.

    Raises:
        SettingError: The source training is not known, `source_epochs` is set, or a variant counts
            epochs.
    """
    if settings.budget != "updates":
        return settings
    if settings.source_epochs is not None:
        problem = "--budget updates sets the epochs of source and target networks too"
        advice = "leave one of the two out"
        raise SettingError("source-epochs", settings.source_epochs, f"{problem}; {advice}")
    if source is None:
        problem = f"the training of the source network is unknown; {SOURCE_ADVICE}"
        raise SettingError("budget", "updates", problem)
    training = settings.training
    epochs = training.epochs_of(training.n_updates(source.n_train), target.n_train)
    _check_variants(settings, training.epochs, epochs)
    settings = _with_epochs(settings, training.epochs, epochs)
    return replace(settings, budget=None)


def with_updates_of(
    settings: ComparisonSettings, data: Mapping[Role, DataSpec], base: ExperimentSpec
) -> ComparisonSettings:
    """Return settings whose trainings make as many updates as those of another comparison.

    Args:
        settings: Settings of a comparison, with the requested epochs.
        data: Data of the comparison by role.
        base: The other comparison, whose training rows and batches the epochs refer to.

    Raises:
        SettingError: A variant counts epochs.
    """

    def epochs_on(role: Role, training: TrainingSpec) -> int:
        base_data: DataSpec | None = getattr(base, role)
        if base_data is None:
            return training.epochs
        base_training = replace(base.training, epochs=training.epochs)
        return training.epochs_of(base_training.n_updates(base_data.n_train), data[role].n_train)

    source_epochs = epochs_on("source", settings.source_training)
    _check_variants(settings, source_epochs, epochs_on("target", settings.source_training))
    return _with_epochs(settings, source_epochs, epochs_on("target", settings.training))


def equal_compute_epochs(
    settings: ComparisonSettings, source: DataSpec | None, target: DataSpec
) -> int | None:
    """Return the epochs of `equal-compute`; None for twice those of the target.

    They make as many updates as the trainings on the source and on the target together.

    Args:
        settings: Settings of a comparison.
        source: Data that source networks are trained on; None if it is not known.
        target: Data of the comparison.

    Raises:
        SettingError: The source training is not known, or there are too many epochs.
    """
    if source is None:
        problem = f"the training of the source network is unknown; {SOURCE_ADVICE}"
        raise SettingError("variant", "equal-compute", problem)
    n_updates = settings.source_training.n_updates(source.n_train)
    epochs = settings.epochs + settings.training.epochs_of(n_updates, target.n_train)
    _check_epochs("variant", "equal-compute", epochs)
    return None if epochs == 2 * settings.epochs else epochs


def _with_epochs(
    settings: ComparisonSettings, source_epochs: int, epochs: int
) -> ComparisonSettings:
    """Return settings with other epochs.

    Args:
        settings: The settings.
        source_epochs: Epochs of source networks.
        epochs: Epochs of target networks.

    Raises:
        SettingError: There are too many epochs.
    """
    _check_epochs("budget", "updates", max(source_epochs, epochs))
    return replace(settings, epochs=epochs, source_epochs=source_epochs)


def _check_epochs(setting: str, value: str, epochs: int) -> None:
    """Raise `SettingError` if there are too many epochs.

    Args:
        setting: Name of the setting that they depend on.
        value: Its value.
        epochs: Epochs of a training.
    """
    if epochs > MAX_EPOCHS:
        problem = f"it takes {epochs:,} epochs, of which at most {MAX_EPOCHS:,} are possible"
        raise SettingError(setting, value, f"{problem}; use fewer --epochs")


def _check_variants(
    settings: ComparisonSettings, source_epochs: int, self_transfer_epochs: int
) -> None:
    """Raise `SettingError` if a variant has no epochs that make the requested updates.

    Args:
        settings: Settings with the variants.
        source_epochs: Epochs of a source network on the source data.
        self_transfer_epochs: Epochs that make as many updates on the target data.
    """
    for variant in settings.variants:
        problem = None
        if variant.unfreeze is not None:
            problem = "unfreeze counts epochs, whose updates depend on the rows"
        elif variant.start == "self-transfer" and source_epochs != self_transfer_epochs:
            problem = "its source networks would make more or fewer updates than those of transfer"
        if problem is not None:
            raise SettingError("variant", str(variant), f"{problem}; use --budget epochs")
