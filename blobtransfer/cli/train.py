"""`train-source` and `train-target`: train one network, save it, and show what it learnt."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from blobtransfer.cli.checks import (
    MODEL_FILE,
    check_model_file,
    checked_figure,
    model_errors,
    network_for,
    one_variant,
    output_fits,
    read_source,
    required_preprocessing,
)
from blobtransfer.cli.delivery import (
    deliver,
    finish,
    printing,
    save_network,
    tell_new_head,
    tell_notes,
)
from blobtransfer.cli.interrupts import deferred
from blobtransfer.cli.options import (
    PROBLEM,
    RESULTS,
    TRANSFER,
    FigureOptions,
    MessageOptions,
    ProblemOptions,
    ResultOptions,
    TrainingOptions,
    VariantOptions,
    description,
)
from blobtransfer.cli.parsing import file, integer, switch
from blobtransfer.cli.problems import network_of, problem_of, say_problems, settled, tables_of
from blobtransfer.cli.streams import write_stdout
from blobtransfer.errors import MachineError, SettingError
from blobtransfer.specs.checks import printable
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.settings import with_settings
from blobtransfer.specs.table import MAX_TRAINED_ROWS, Preprocessing

if TYPE_CHECKING:
    from blobtransfer.engines import Engine
    from blobtransfer.results.results import TrainingResults
    from blobtransfer.running.progress import Progress
    from blobtransfer.running.single import SingleRun


def train_source(
    *,
    seed: Annotated[
        int | None, integer("--seed", "The source problem.", PROBLEM, show_default="1")
    ] = None,
    task: Annotated[
        str | None,
        description("--task", "The source problem, such as moons:noise=0.2 or a.csv:label=y."),
    ] = None,
    model: Annotated[
        Path, file("--model", "Where the trained network is saved (.keras).", RESULTS)
    ] = Path("model.keras"),
    force: Annotated[bool, switch("--force", "Replace an existing model file.", RESULTS)] = False,
    problem: ProblemOptions,
    training: TrainingOptions,
    figure: FigureOptions,
    result: ResultOptions,
    messages: MessageOptions,
) -> None:
    """Train the source network and save it."""
    asked = problem_of("task", task, "seed", seed, 1, problem)
    source = settled({"source": asked}, training.train_seed)["source"]
    base = ExperimentSpec(source=source, network=network_of(source))
    spec = with_settings(base, training.settings())
    path = checked_figure("train-source", figure, result, [("model", model)], tables_of(asked))
    check_model_file("model", model, spec.network, force)

    from blobtransfer.running import single

    say_problems(spec, [task], messages)

    _train_and_deliver(
        lambda engine, progress: single.train_source(spec, engine, progress),
        spec, ("model", model), force, path, figure, result, messages,
    )  # fmt: skip


def train_target(
    *,
    seed: Annotated[
        int | None, integer("--seed", "The target problem.", PROBLEM, show_default="2")
    ] = None,
    task: Annotated[
        str | None,
        description("--task", "The target problem, such as moons:noise=0.2 or a.csv:label=y."),
    ] = None,
    model: Annotated[
        Path | None,
        file("--model", "Start from this network (.keras or .h5): transfer.", TRANSFER),
    ] = None,
    fixed: Annotated[
        int | None,
        integer("--fixed", "Hidden layers of the model to freeze.", TRANSFER, show_default="0"),
    ] = None,
    further: VariantOptions,
    save: Annotated[
        Path | None, file("--save", "Save the trained network there (.keras).", RESULTS)
    ] = None,
    force: Annotated[bool, switch("--force", "Replace an existing model file.", RESULTS)] = False,
    problem: ProblemOptions,
    training: TrainingOptions,
    figure: FigureOptions,
    result: ResultOptions,
    messages: MessageOptions,
) -> None:
    """Train on the target problem: from scratch, or from a saved network with --model."""
    source = read_source(model)
    wanted = problem_of("task", task, "seed", seed, 2, problem)
    preprocessing = required_preprocessing(model, source, {"target": wanted}, can_name_source=False)
    target = settled({"target": wanted}, training.train_seed, preprocessing)["target"]
    base = ExperimentSpec(questions=("one",), target=target, network=network_of(target))
    asked = with_settings(base, training.settings(model is not None))
    network = network_for(asked.network, training, source)
    fits = output_fits(source, asked)
    variant = one_variant(fixed, further.variant or [], model, fits, len(network.hidden))
    with model_errors(model):
        spec = replace(
            asked,
            network=network,
            variants=(variant,),
            model_path=None if model is None else printable(str(model)),
            model_sha256=None if source is None else source.sha256,
            model_notes=() if source is None else source.notes,
        )
        if source is not None:
            spec.check_source_network(source.network.shapes, source.output)
    read = [(MODEL_FILE, model)]
    tables = tables_of(wanted)
    checked_figure("train-target", figure, result, read=[*read, *tables])
    kept = tables if force else [*read, *tables]
    path = checked_figure("train-target", figure, result, [("save", save)], kept)
    if force and save is None:
        raise SettingError("force", "", "nothing is saved; leave it out, or add --save FILE")
    if save is not None:
        check_model_file("save", save, variant.network(network), force)

    tell_notes(source, model, messages)
    is_default = fixed is None and not further.variant and model is not None
    tell_new_head(is_default, fits, str(model), target.name, messages)

    from blobtransfer.running import single

    say_problems(spec, [task], messages)
    weights = None if source is None else list(source.weights)
    _train_and_deliver(
        lambda engine, progress: _with_ancestors(
            single.train_target(spec, weights, engine, progress), preprocessing
        ),
        spec, ("save", save), force, path, figure, result, messages,
    )  # fmt: skip


def _train_and_deliver(
    train: Callable[["Engine", "Progress"], "SingleRun"],
    spec: ExperimentSpec,
    model: tuple[str, Path | None],
    force: bool,
    figure_path: Path | None,
    figure: FigureOptions,
    result: ResultOptions,
    messages: MessageOptions,
) -> None:
    """Train, then save, draw and print; the model first, as it can be refused.

    Args:
        train: What is to be done.
        spec: Of it.
        model: The setting and path of the file that the network is saved in.
        force: Replace that file.
        figure_path: Where the figure goes, if anywhere.
        figure: Whether windows are wanted.
        result: Where the numbers go.
        messages: How much is said.
    """
    from blobtransfer.cli.progress import progress_of
    from blobtransfer.engines import load_engine
    from blobtransfer.report.figures.canvas import Canvas

    canvas, (setting, model_path) = Canvas(figure.show, figure.style, figure.inches()), model
    with deferred() as pending:
        with progress_of(messages.quiet, pending.check) as progress:
            trained = train(load_engine(spec.engine, messages.verbose), progress)
        provenance = replace(trained.results.provenance, argv=tuple(sys.argv[1:]))
        results = replace(trained.results, provenance=provenance)
        unsaved = None
        try:
            if model_path is not None and not results.n_failed:
                save_network(trained, setting, model_path, force, messages)
        except MachineError as error:  # the results come out all the same
            unsaved = error
        is_printed = not messages.quiet or result.wants_standard_output()
        deliver(results, canvas, figure_path, result, messages, pending, is_printed=is_printed)
        if unsaved is not None:
            raise unsaved
        if not is_printed:
            with printing(pending):
                _print_short(results, model_path)
    finish(results, canvas)


def _with_ancestors(trained: "SingleRun", of_source: Preprocessing | None) -> "SingleRun":
    """Add the rows that trained the network it started from to those that trained it."""
    preprocessing = trained.preprocessing
    if preprocessing is None or of_source is None:
        return trained
    rows = of_source.trained_rows and (*preprocessing.trained_rows, *of_source.trained_rows)
    kept = rows if len(rows) <= MAX_TRAINED_ROWS else ()
    return replace(trained, preprocessing=replace(preprocessing, trained_rows=kept))


def _print_short(results: "TrainingResults", model_path: Path | None) -> None:
    """Print what a script wants to know: the model's path, or the accuracy."""
    if model_path is None:
        write_stdout([f"{results.run.test_accuracy}\n"])
    elif not results.n_failed:
        write_stdout([f"{model_path}\n"])
