"""Build the `ExperimentSpec` of one training, on the source or on the target."""

from dataclasses import replace
from typing import TYPE_CHECKING

from blobtransfer.errors import SettingError
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.variant import STANDALONE, NewHead, Variant, transfer_variants
from blobtransfer.studies.comparison import (
    can_keep_output,
    network_of,
    read_data,
    read_source_network,
    training_spec,
)
from blobtransfer.studies.settings import DEFAULT_SOURCE, DEFAULT_TARGET, ComparisonSettings

if TYPE_CHECKING:
    from blobtransfer.keras_files.read import SourceNetwork


def build_source_training(settings: ComparisonSettings) -> ExperimentSpec:
    """Build the spec that `train-source` runs: one network, trained on `settings.source`.

    Args:
        settings: Source, network and training; the others are not used.

    Raises:
        SettingError: A setting has an impossible value.
        TableFileError: A table cannot be used.
    """
    source = read_data(settings, {"source": settings.source or DEFAULT_SOURCE})["source"]
    return training_spec(settings, source=source, network=network_of(settings, source))


def build_target_training(
    settings: ComparisonSettings, source_network: "SourceNetwork | None" = None
) -> ExperimentSpec:
    """Build the spec that `train-target` runs: one network, trained on the target.

    Args:
        settings: Target, model, network and training, and `fixed` or `variants` with one value;
            the others are not used.
        source_network: The network of `settings.model`; None: the file is read.

    Raises:
        SettingError: A setting has an impossible value, or settings cannot be combined.
        TableFileError: A table cannot be used.
        SourceFileError: The source network cannot be used.
    """
    source_network = source_network or read_source_network(settings)
    request = settings.target or DEFAULT_TARGET
    data = read_data(settings, {"target": request}, source_network)
    network = network_of(settings, data["target"], source_network)
    keeps_output = can_keep_output(source_network, None, data["target"])
    variant = _variant(settings, keeps_output, len(network.hidden))
    return training_spec(
        settings,
        source_network,
        network=network,
        variants=(variant,),
        questions=("one",),
        target=data["target"],
    )


def _variant(settings: ComparisonSettings, keeps_output: bool, n_hidden: int) -> Variant:
    """Return the one variant of a training."""
    fixed, variants, model = settings.fixed, settings.variants, settings.model
    if len(variants) > 1:
        problem = "train-target trains one network; use one variant, or compare"
        raise SettingError("variant", str(variants[1]), problem)
    if fixed is not None and len(fixed) != 1:
        raise SettingError(
            "fixed", str(fixed), "train-target trains one network; use one number, or compare"
        )
    if variants and fixed is not None:
        problem = f"use fixed={fixed[0]} in --variant, or leave it out"
        raise SettingError("fixed", fixed[0], problem)
    if not variants and model is None:
        if fixed is not None:
            problem = "it freezes layers of a source network, and none is given; add --model FILE"
            raise SettingError("fixed", fixed[0], problem)
        return STANDALONE
    variant = variants[0] if variants else transfer_variants(fixed or (0,), n_hidden)[0]
    if fixed is None and not (variants or keeps_output):
        variant = replace(variant, top=NewHead())
    if variant.start == "transfer" and model is None:
        raise SettingError("variant", str(variant), "no source network is given; add --model FILE")
    if variant.start != "transfer" and model is not None:
        raise SettingError(
            "model",
            model,
            f"{variant} does not start from a source network; leave one of the two out",
        )
    if variant.start == "equal-compute":
        problem = (
            "train-target has no source training to match; leave it out, and use more --epochs"
        )
        raise SettingError("variant", str(variant), problem)
    return variant
