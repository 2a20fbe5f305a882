"""What can be refused before any work: files that cannot be written, requests that do not fit."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from blobtransfer.atomic_write import find_write_obstacle
from blobtransfer.cli.options import FigureOptions, ResultOptions, ScreenOptions, TrainingOptions
from blobtransfer.cli.streams import STANDARD_STREAM
from blobtransfer.errors import SettingError, SourceFileError
from blobtransfer.report.writers import SUMMARY_SUFFIXES, TEXT_WRITERS, WRITERS, TextWriter
from blobtransfer.specs.checks import join
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.table import Preprocessing, TableRequest
from blobtransfer.specs.task import DataSpec, Role
from blobtransfer.specs.variant import STANDALONE, Variant, transfer_variants

if TYPE_CHECKING:
    from blobtransfer.keras_files.read import SourceNetwork

MODEL_FILE = "the source network (--model)"
"""What the file of --model is called where something would replace it."""

ADD_SOURCE_ADVICE = "add --source SPEC, the table that it was trained on"

STORE_SUFFIXES = (".db",)

# ---------------------------------------------------------------- files


def checked_figure(
    command: str,
    figure: FigureOptions,
    result: ResultOptions,
    written: Sequence[tuple[str, Path | None]] = (),
    read: Sequence[tuple[str, Path | None]] = (),
    summary: Path | None = None,
    store: Path | None = None,
) -> Path | None:
    """See that all files of a command can be written, each under a name of its own.

    Args:
        command: Names the figure by default.
        figure: Where the figure goes.
        result: Where the numbers go.
        written: The setting and path of further files; None where there is none.
        read: What each input is called, and its path.
        summary: Where the summary of a comparison goes, if anywhere.
        store: Where results are kept, if anywhere.

    Returns:
        The path of the figure; None where none is wanted.

    Raises:
        SettingError: A file could not be written, or would be written twice or over an input.
    """
    path = figure.path(command)
    figure.check_drawn(path)
    if path is not None:
        _check_file("plot", path, WRITERS["figure"].suffixes)
        if figure.plot is None and _is_foreign(path):
            problem = "it exists and was not made by blobtransfer"
            advice = f"name another file with --plot, or add --plot {path} to replace it"
            raise SettingError("plot", path, f"{problem}; {advice}")
    texts = [writer for writer in WRITERS.values() if isinstance(writer, TextWriter)]
    suffixes = tuple(suffix for writer in texts for suffix in writer.suffixes)
    for result_path in result.files():
        _check_file("output", result_path, suffixes)
    if store is not None:
        check_store(store)
    if summary is not None:
        _check_file("summary", summary, SUMMARY_SUFFIXES)
    if result.curves is not None:
        _check_file("curves", result.curves, TEXT_WRITERS["csv"].suffixes)
    written = [*written, ("summary", summary), ("curves", result.curves), ("store", store)]
    check_apart([*written, ("plot", path), *(("output", one) for one in result.files())], read)
    return path


def _is_foreign(path: Path) -> bool:
    """Return whether a file exists and is not a figure that this program made."""
    if not path.exists():
        return False

    from blobtransfer.report.figures.canvas import made_by

    return made_by(path) is None


def check_store(path: Path) -> None:
    """Raise `SettingError` if results could not be kept in a file."""
    _check_file("store", path, STORE_SUFFIXES)
    if path.exists() and not os.access(path, os.W_OK):
        raise SettingError("store", path, "it cannot be written; name another store")


def check_only_filled(figure: FigureOptions, screen: ScreenOptions, result: ResultOptions) -> None:
    """Raise `SettingError` where something is to be shown of a store that is only filled.

    Args:
        figure: Where the figure goes.
        screen: How much is shown.
        result: Where the numbers go.
    """
    for setting, value in (
        ("plot", figure.plot), ("show", figure.show), ("format", result.format),
        ("output", result.output and result.output[0]), ("curves", result.curves),
        ("summary", screen.summary), ("full", screen.full), ("explain", screen.explain),
    ):  # fmt: skip
        if value:
            shown = "" if value is True else value
            problem = (
                "--only-repeats shows nothing; leave it out, and use it with blobtransfer show"
            )
            raise SettingError(setting, shown, problem)


def check_apart(
    written: Sequence[tuple[str, Path | None]], read: Sequence[tuple[str, Path | None]] = ()
) -> None:
    """Raise `SettingError` if a file would be written twice, or over an input."""
    taken = {
        os.path.realpath(path): f"this would replace {name}"
        for name, path in read
        if path is not None and path != STANDARD_STREAM
    }
    for setting, path in written:
        if path is not None:
            place = os.path.realpath(path)
            if place in taken:
                or_force = ", or --force to replace it" if setting == "save" else ""
                raise SettingError(setting, path, f"{taken[place]}; use another name{or_force}")
            taken[place] = f"this is the file of --{setting} too"


def check_model_file(setting: str, path: Path, network: MLPSpec, force: bool) -> None:
    """Raise `SettingError` if a network could not be saved.

    Whether an old file of the same shape holds this very network is known only after training.

    Args:
        setting: Option that names the file.
        path: The file.
        network: Shape of the network.
        force: Replace an existing file.

    Raises:
        SettingError: The file cannot be written, or holds another network.
    """
    _check_file(setting, path, (".keras",))
    if path.exists() and not force:
        from blobtransfer.keras_files.read import read_source_file

        try:
            source = read_source_file(path)
        except SourceFileError as error:
            raise would_replace(setting, path, "a file that is not such a model") from error
        theirs = source.network
        if source.output != "softmax" or source.notes:
            raise would_replace(setting, path, f"a network {theirs} of another kind")
        if (theirs.layer_sizes, theirs.activation) != (network.layer_sizes, network.activation):
            raise would_replace(setting, path, f"a {theirs.activation_text} network {theirs}")


def would_replace(setting: str, path: Path, found: str) -> SettingError:
    """Return the error that a file exists and is not to be lost.

    Args:
        setting: Option that names the file.
        path: The file.
        found: What the file holds.
    """
    return SettingError(
        setting, path, f"exists and holds {found}; use another name, or --force to replace it"
    )


def _check_file(setting: str, path: Path, suffixes: Sequence[str]) -> None:
    if path.suffix.lower() not in suffixes:
        found = f"no format has the suffix {path.suffix}" if path.suffix else "there is no suffix"
        raise SettingError(setting, path, f"{found}; use {', '.join(suffixes)}")
    problem = find_write_obstacle(path)
    if problem is not None:
        raise SettingError(setting, path, problem)


# ---------------------------------------------------------------- a transfer


def read_source(path: Path | None) -> "SourceNetwork | None":
    """Read the source network of --model."""
    if path is None:
        return None

    from blobtransfer.keras_files.read import read_source_file

    return read_source_file(path)


def required_preprocessing(
    path: Path | None,
    source: "SourceNetwork | None",
    problems: Mapping[Role, DataSpec | TableRequest],
    can_name_source: bool = True,
) -> Preprocessing | None:
    """Return the preprocessing of the model, which is required if the target is a table.

    Args:
        path: The file of the model, for the error.
        source: The model; None if there is none.
        problems: What the user asked for, by role.
        can_name_source: Whether the command has an option for the source data.

    Raises:
        SourceFileError: The file has no preprocessing, and the source is not a table either.
    """
    if source is None or not isinstance(problems["target"], TableRequest):
        return None
    if source.preprocessing is None and not isinstance(problems.get("source"), TableRequest):
        raise SourceFileError(
            path,
            "it does not say which columns it learnt, nor how they were scaled; "
            + (f"{ADD_SOURCE_ADVICE}, or " if can_name_source else "")
            + "train it with blobtransfer train-source --task SPEC",
        )
    return source.preprocessing


def output_fits(source: "SourceNetwork | None", spec: ExperimentSpec) -> bool:
    """Say whether the output layer of the source network is of the target's classes."""
    assert spec.target is not None
    if source is None:
        return spec.has_same_classes
    if source.preprocessing is not None:
        return source.preprocessing.classes == spec.target.class_names
    is_as_wide = source.network.n_classes == spec.target.n_classes
    return source.output == "softmax" and is_as_wide and spec.has_same_classes


@contextmanager
def model_errors(path: Path | None) -> Iterator[None]:
    """Raise `SourceFileError` where the network of --model does not fit the rest."""
    try:
        yield
    except SettingError as error:
        if path is None or error.setting not in ("network", "model"):
            raise
        raise SourceFileError(path, f"a network {error.value}: {error.problem}") from error


def several_variants(
    fixed: Sequence[int] | None, further: Sequence[Variant], output_fits: bool, n_hidden: int
) -> tuple[Variant, ...]:
    """Return the variants of a comparison, `standalone` first.

    Where the source's output layer is of other classes, it is re-initialised by default.

    Args:
        fixed: Numbers of frozen layers; None for the default.
        further: Further variants.
        output_fits: Whether the output layer of the source has the classes of the target.
        n_hidden: Hidden layers of the network.
    """
    if fixed is None and not output_fits:
        if further:
            return (STANDALONE, *further)
        transfers = transfer_variants(fixed, n_hidden)
        return (STANDALONE, *(replace(one, new_head=True) for one in transfers))
    return (STANDALONE, *transfer_variants(fixed, n_hidden), *further)


def one_variant(
    fixed: int | None,
    further: Sequence[Variant],
    model: Path | None,
    output_fits: bool,
    n_hidden: int,
) -> Variant:
    """Return the variant of one training.

    Args:
        fixed: Number of frozen layers; None for the default.
        further: Variants of `--variant`.
        model: File of the source network; None without one.
        output_fits: Whether the output layer of the source has the classes of the target.
        n_hidden: Hidden layers of the network.

    Raises:
        SettingError: There are several variants, or the variant does not fit the other options.
    """
    if len(further) > 1:
        raise SettingError("variant", str(further[1]), "one training has one variant; give one")
    if further and fixed is not None:
        raise SettingError("fixed", fixed, f"write fixed={fixed} in --variant, or leave it out")
    if not further and model is None:
        if fixed is not None:
            raise SettingError("fixed", fixed, "there is no network to freeze; give --model FILE")
        return STANDALONE
    variant = further[0] if further else transfer_variants([fixed or 0], n_hidden)[0]
    if fixed is None and not (further or output_fits):
        variant = replace(variant, new_head=True)
    if variant.start == "transfer" and model is None:
        raise SettingError("variant", str(variant), "there is no source network; give --model FILE")
    if variant.start != "transfer" and model is not None:
        raise SettingError("model", model, f"{variant} does not start from it; leave one out")
    return variant


def network_for(
    asked: MLPSpec, training: TrainingOptions, source: "SourceNetwork | None"
) -> MLPSpec:
    """Return the requested network, which must be the model's where there is a model.

    Args:
        asked: The network by its options.
        training: The options.
        source: The model; None if there is none.

    Raises:
        SettingError: An option differs from the model.
    """
    if source is None:
        return asked
    theirs = source.network
    if training.hidden is not None and asked.hidden != theirs.hidden:
        raise SettingError(
            "hidden",
            join(asked.hidden),
            f"the model's hidden layers are {join(theirs.hidden)}; leave --hidden out",
        )
    if training.activation is not None:
        wanted = replace(theirs, activation=tuple(training.activation))
        if wanted.activation != theirs.activation:
            raise SettingError(
                "activation",
                join(training.activation),
                f"the model's activation is {theirs.activation_text}; leave --activation out",
            )
    return replace(theirs, initializer=asked.initializer, n_classes=asked.n_classes)
