"""What was asked of a transfer: the source network, the variants, and whether they fit together."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from blobtransfer.cli.options import TrainingOptions
from blobtransfer.errors import SettingError, SourceFileError
from blobtransfer.specs.checks import join
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.task import TaskSpec
from blobtransfer.specs.variant import STANDALONE, Variant, transfer_variants

if TYPE_CHECKING:
    from blobtransfer.keras_files.read import SourceNetwork


def read_source(path: Path | None, task: TaskSpec) -> "SourceNetwork | None":
    """Read the source network of --model and see that it takes the rows of the problem."""
    if path is None:
        return None

    from blobtransfer.keras_files.read import read_source_file

    source = read_source_file(path)
    theirs, ours = source.network.n_features, task.n_features
    if theirs != ours:
        raise SourceFileError(
            path,
            f"this network has {theirs} features, the target problem {ours}; "
            f"use --features {theirs} or another model",
        )
    return source


def _heads_differ(source: "SourceNetwork | None", task: TaskSpec) -> bool:
    return source is not None and source.network.n_classes != task.n_classes


def check_output_layer(
    path: Path | None,
    source: "SourceNetwork | None",
    task: TaskSpec,
    variants: Sequence[Variant],
) -> None:
    """See that the model's output layer fits the problem, where a variant keeps it."""
    is_kept = any(variant.start == "transfer" and not variant.n_redrawn for variant in variants)
    if source is not None and is_kept and _heads_differ(source, task):
        theirs = source.network.n_classes
        raise SourceFileError(
            path,
            f"this network has {theirs} classes, the target problem {task.n_classes}; "
            f"use --classes {theirs}, --variant new-head,fixed=0 alone, or another model",
        )


def several_variants(
    fixed: Sequence[int] | None,
    further: Sequence[Variant],
    source: "SourceNetwork | None",
    task: TaskSpec,
    n_hidden: int,
) -> tuple[Variant, ...]:
    """Give the variants of a comparison, `standalone` first.

    Those of --fixed are left out where they cannot be and nobody asked for them: they keep
    an output layer that does not fit the problem.
    """
    if fixed is None and further and _heads_differ(source, task):
        return (STANDALONE, *further)
    return (STANDALONE, *transfer_variants(fixed, n_hidden), *further)


def one_variant(
    fixed: int | None, further: Sequence[Variant], model: Path | None, n_hidden: int
) -> Variant:
    """Give the variant that one training is of."""
    if len(further) > 1:
        raise SettingError("variant", str(further[1]), "one training has one variant; give one")
    if further and fixed is not None:
        raise SettingError("fixed", fixed, f"write fixed={fixed} in --variant, or leave it out")
    if not further and model is None:
        if fixed is not None:
            raise SettingError("fixed", fixed, "there is no network to freeze; give --model FILE")
        return STANDALONE
    variant = further[0] if further else transfer_variants([fixed or 0], n_hidden)[0]
    if variant.start == "transfer" and model is None:
        raise SettingError("variant", str(variant), "there is no source network; give --model FILE")
    if variant.start != "transfer" and model is not None:
        raise SettingError("model", model, f"{variant} does not start from it; leave one out")
    return variant


def network_for(
    training: TrainingOptions, task: TaskSpec, source: "SourceNetwork | None"
) -> MLPSpec:
    """Give the network that was asked for, which must be the model's where there is a model."""
    asked = training.network(task.n_features, task.n_classes)
    if source is None:
        return asked
    theirs = source.network
    if training.hidden is not None and asked.hidden != theirs.hidden:
        raise SettingError(
            "hidden",
            join(asked.hidden),
            f"the model's hidden layers are {join(theirs.hidden)}; leave --hidden out",
        )
    if training.activation is not None and asked.activation != theirs.activation:
        raise SettingError(
            "activation",
            asked.activation,
            f"the model's activation is {theirs.activation}; leave --activation out",
        )
    return replace(theirs, initializer=asked.initializer, n_classes=task.n_classes)
