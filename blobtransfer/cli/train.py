"""`train-source` and `train-target`: train one network, save it, and show its results."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from blobtransfer.api.requests import source_request, target_request
from blobtransfer.cli.data import BlobsOptions, description, tables_of
from blobtransfer.cli.delivery import deliver, finish, print_notes, printing, save_network
from blobtransfer.cli.help import BLOBS, RESULTS, TRANSFER
from blobtransfer.cli.interrupts import defer_signals
from blobtransfer.cli.options import TrainingOptions, VariantOptions, values_of
from blobtransfer.cli.output import (
    FigureOptions,
    MessageOptions,
    OutputOptions,
    ResultOptions,
    check_model_file,
)
from blobtransfer.cli.parsing import option
from blobtransfer.cli.run import MODEL_FILE
from blobtransfer.cli.streams import write_stdout
from blobtransfer.errors import MachineError, SettingError
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.table import MAX_TRAINED_ROWS, Preprocessing

if TYPE_CHECKING:
    from blobtransfer.engines import Engine
    from blobtransfer.results.results import TrainingResults
    from blobtransfer.running.progress import Progress
    from blobtransfer.running.single import SingleRun


def train_source(
    *,
    seed: Annotated[
        int | None, option("Seed N: short for --task blobs:seed=N.", panel=BLOBS, show_default="1")
    ] = None,
    task: Annotated[
        str | None,
        description(
            "Data to train on, such as moons:noise=0.2 or a.csv:label=y.",
            show_default="blobs:seed=1",
        ),
    ] = None,
    model: Annotated[
        Path, option("File for the trained network (.keras or .h5).", panel=RESULTS)
    ] = Path("model.keras"),
    force: Annotated[bool, option("Replace an existing model file.", panel=RESULTS)] = False,
    blobs: BlobsOptions,
    training: TrainingOptions,
    figure: FigureOptions,
    result: ResultOptions,
    messages: MessageOptions,
    argv: tuple[str, ...],
) -> None:
    """Train a source network and save it.

    Examples:
      blobtransfer train-source --seed 1
      blobtransfer train-source --task a.csv:label=y --model a.keras
    """
    output = OutputOptions(figure=figure, result=result, messages=messages)
    request = source_request(task, seed, blobs.to_blobs(), values_of(training))
    spec, tables = request.spec, tables_of(request.settings.source)
    path = output.check_files("train-source", [("model", model)], tables)
    check_model_file("model", model, spec.network, force)

    print_notes(request, messages)

    def train(engine: "Engine", progress: "Progress") -> "SingleRun":
        from blobtransfer.running import single

        return single.train_source(spec, engine, progress)

    _train_and_deliver(train, spec, ("model", model), force, path, output, argv)


@dataclass(frozen=True)
class TargetOptions:
    """Data of the target network, and the network that it starts from."""

    panel: ClassVar[str] = TRANSFER
    seed: Annotated[
        int | None, option("Seed N: short for --task blobs:seed=N.", panel=BLOBS, show_default="2")
    ] = None
    task: Annotated[
        str | None,
        description(
            "Data to train on, such as moons:noise=0.2 or a.csv:label=y.",
            show_default="blobs:seed=2",
        ),
    ] = None
    model: Annotated[
        Path | None,
        option(
            "Saved network to start from. A .keras or .h5 file, or an unzipped folder of Keras.",
            show_default="random weights",
        ),
    ] = None
    fixed: Annotated[
        int | None, option("Number of hidden layers of --model to freeze.", show_default="0")
    ] = None


def train_target(
    *,
    target: TargetOptions,
    variants: VariantOptions,
    save: Annotated[
        Path | None, option("File for the trained network (.keras or .h5).", panel=RESULTS)
    ] = None,
    force: Annotated[bool, option("Replace an existing model file.", panel=RESULTS)] = False,
    blobs: BlobsOptions,
    training: TrainingOptions,
    figure: FigureOptions,
    result: ResultOptions,
    messages: MessageOptions,
    argv: tuple[str, ...],
) -> None:
    """Train a network on the target, from scratch or by transfer.

    Examples:
      blobtransfer train-target --seed 2
      blobtransfer train-target --seed 2 --model model.keras --fixed 1
    """
    output = OutputOptions(figure=figure, result=result, messages=messages)
    values = values_of(variants, training, model=target.model, fixed=target.fixed)
    request = target_request(target.task, target.seed, blobs.to_blobs(), values)
    spec, source_network = request.spec, request.source_network
    tables = tables_of(request.settings.target)
    read = [(MODEL_FILE, target.model), *tables]
    output.check_files("train-target", read=read)
    path = output.check_files("train-target", [("save", save)], tables if force else read)
    if force and save is None:
        raise SettingError("force", "", "nothing is saved; leave it out, or add --save FILE")
    if save is not None:
        check_model_file("save", save, spec.variants[0].network(spec.network), force)
    print_notes(request, messages)

    preprocessing = None if source_network is None else source_network.preprocessing

    def train(engine: "Engine", progress: "Progress") -> "SingleRun":
        from blobtransfer.running import single

        trained = single.train_target(spec, request.weights, engine, progress)
        return _with_earlier_rows(trained, preprocessing)

    _train_and_deliver(train, spec, ("save", save), force, path, output, argv)


def _train_and_deliver(
    train: Callable[["Engine", "Progress"], "SingleRun"],
    spec: ExperimentSpec,
    model: tuple[str, Path | None],
    force: bool,
    figure_path: Path | None,
    output: OutputOptions,
    argv: tuple[str, ...],
) -> None:
    """Train, then save, draw and print; the model is saved first, as its file may be rejected.

    Args:
        train: Function that trains the network with an engine and a progress display.
        spec: The experiment.
        model: Setting and path of the file that the network is saved to.
        force: Whether to replace that file.
        figure_path: Path of the figure; None if none is written.
        output: Output options.
        argv: Command line.
    """
    from blobtransfer.engines import compile_ahead, load_engine

    canvas, (setting, model_path), messages = output.figure.canvas(), model, output.messages
    engine = load_engine(spec.engine, messages.verbose)
    compile_ahead(spec)

    from blobtransfer.api.progress import progress_of

    with defer_signals() as pending:
        with progress_of(messages.print_line, pending.check) as progress:
            trained = train(engine, progress)
        provenance = replace(trained.results.provenance, argv=argv)
        results = replace(trained.results, provenance=provenance)
        unsaved = None
        try:
            if model_path is not None and not results.n_failed:
                save_network(trained, setting, model_path, force, messages)
        except MachineError as error:  # results are still delivered
            unsaved = error
        is_printed = not messages.quiet or output.result.wants_standard_output()
        deliver(results, canvas, figure_path, output, argv, pending, is_printed)
        if unsaved is not None:
            raise unsaved
        if not is_printed:
            with printing(pending):
                _print_short(results, model_path)
    finish(results, canvas)


def _with_earlier_rows(trained: "SingleRun", earlier: Preprocessing | None) -> "SingleRun":
    """Add the training rows of the source network to those of the network trained from it."""
    preprocessing = trained.preprocessing
    if preprocessing is None or earlier is None:
        return trained
    rows = earlier.trained_rows and (*preprocessing.trained_rows, *earlier.trained_rows)
    rows = rows if len(rows) <= MAX_TRAINED_ROWS else ()
    return replace(trained, preprocessing=replace(preprocessing, trained_rows=rows))


def _print_short(results: "TrainingResults", model_path: Path | None) -> None:
    """Print the value for scripts: the path of the model, or the judged test accuracy."""
    if model_path is None:
        write_stdout([f"{results.accuracy_of(results.run)}\n"])
    elif not results.n_failed:
        write_stdout([f"{model_path}\n"])
