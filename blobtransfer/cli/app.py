"""Options -> specs -> experiment -> tables and figures; an error becomes one line.

A command first checks all that can be checked without heavy imports, so that bad input
is answered at once and nothing is written. Results go to standard output, all else to
standard error.
"""

import os
import re
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blobtransfer import interrupts
from blobtransfer.cli.checks import (
    check_output_layer,
    network_for,
    one_variant,
    read_source,
    several_variants,
)
from blobtransfer.cli.delivery import (
    ReaderGone,
    check_apart,
    check_model_file,
    check_result_files,
    checked_figure_path,
    close,
    emit,
    note,
    open_streams,
    print_results,
    read_input,
    save_drawn,
    save_trained,
    say,
    write_results,
)
from blobtransfer.cli.options import (
    PROBLEM,
    RESULTS,
    TRANSFER,
    FigureOptions,
    ProblemOptions,
    QuestionOptions,
    ResultOptions,
    ShownMargin,
    TalkOptions,
    TrainingOptions,
    VariantOptions,
    Version,
)
from blobtransfer.cli.parsing import (
    NUMBERS,
    NumbersCommand,
    envvar_of,
    file,
    grouped,
    integer,
    switch,
)
from blobtransfer.errors import (
    BlobTransferError,
    EnvironmentFailed,
    SettingError,
    SourceFileError,
)
from blobtransfer.specs.checks import join, printable
from blobtransfer.specs.experiment import ExperimentSpec, check_margin
from blobtransfer.specs.task import MAX_CELLS

if TYPE_CHECKING:
    from blobtransfer.experiment.compare import Trainee
    from blobtransfer.keras_files.read import SourceNetwork
    from blobtransfer.network import Weights
    from blobtransfer.report.figures import Canvas
    from blobtransfer.results.results import Results

SOURCE = "the source network (--model)"

N_REPEATS = 30
"""Of a comparison, unless asked otherwise."""

MAX_PANELS = 100
"""Most problems in one figure."""

SOME_RUNS_FAILED = 3
INTERRUPTED = 130

MAX_LINE = 2000
"""Longest error; of a longer one the middle is left out."""

HELP_COLUMNS = 72
"""Narrower help would cut the names of options; the terminal may wrap its lines instead."""

app = typer.Typer(
    name="blobtransfer",
    help="Does starting from a network trained on a related problem help a small neural network, "
    "or was it luck?",
    epilog="Every option has an environment variable that sets its default: --learning-rate is "
    "BLOBTRANSFER_LEARNING_RATE.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> int:
    """Run the program on the command line of the process.

    Returns:
        The exit code: 0 done, 1 the environment failed, 2 the input is wrong, 3 some runs
        failed, 130 interrupted.
    """
    open_streams()
    if shutil.get_terminal_size().columns < HELP_COLUMNS:
        os.environ.setdefault("TERMINAL_WIDTH", str(HELP_COLUMNS))
    try:
        status = app(prog_name="blobtransfer", standalone_mode=False)
        emit([])
        return status if isinstance(status, int) else 0
    except typer.TyperException as error:
        if not error.format_message():  # the help page was wanted and has been shown
            return error.exit_code
        return _report(error, _usage_line(error))
    except SettingError as error:
        return _report(
            error,
            f"{_typed_name('--' + error.setting)} {error.value}".strip() + f": {error.problem}",
        )
    except SourceFileError as error:
        return _report(error, f"{_typed_name('--model')} {error}")
    except BlobTransferError as error:
        return _report(error, str(error))
    except MemoryError as error:
        return _report(error, "out of memory; use fewer rows, smaller layers or fewer repeats")
    except OSError as error:  # such as standard output on a full disk while Typer shows help
        close(sys.stdout)
        return _report(error, f"{error.strerror or error}; free what is missing and try again")
    except KeyboardInterrupt:
        return INTERRUPTED
    except (ReaderGone, SystemExit):  # Typer leaves by SystemExit when its help meets no reader
        close(sys.stdout)
        return 0


def command(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command whose parameters may be groups of options."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        app.command(name, cls=NumbersCommand)(grouped(function))
        return function

    return register


@app.callback()
def _root(version: Version = False) -> None:
    """Compare learning a problem from scratch with starting from a trained network."""


@command("plot-data")
def plot_data(
    *,
    seed: Annotated[
        list[int] | None,
        integer("--seed", "Problems, a panel each.", PROBLEM, NUMBERS, show_default="1 2"),
    ] = None,
    problem: ProblemOptions,
    figure: FigureOptions,
    talk: TalkOptions,
) -> None:
    """Draw problems: rows by class, true centres, and the best possible accuracy."""
    seeds = seed or [1, 2]
    if len(seeds) > MAX_PANELS:
        raise SettingError("seed", join(seeds), f"{len(seeds):,} panels; use at most {MAX_PANELS}")
    for one in seeds:
        if seeds.count(one) > 1:
            raise SettingError("seed", join(seeds), f"{one} is repeated; give it once")
    specs = [problem.task(one) for one in seeds]
    n_cells = sum((spec.n_samples + (spec.n_test or 0)) * spec.n_features for spec in specs)
    if len(seeds) > 1 and n_cells > MAX_CELLS:
        raise SettingError(
            "seed", join(seeds), f"{n_cells:,} numbers in all; use at most {MAX_CELLS:,}"
        )
    path = checked_figure_path(figure, "plot-data")
    if path is None and not figure.show:
        raise SettingError("no-plot", "", "nothing is left to do; leave it out, or add --show")

    from blobtransfer.report.figures import Canvas, draw_tasks
    from blobtransfer.tasks.blobs import make_task

    canvas = Canvas(figure.show)
    drawn = draw_tasks([make_task(spec) for spec in specs], canvas)
    save_drawn(drawn, path, talk)
    if talk.quiet and path is not None:
        emit([f"{path}\n"])
    _show(canvas)


@command("train-source")
def train_source(
    *,
    seed: Annotated[int, integer("--seed", "The source problem.", PROBLEM)] = 1,
    model: Annotated[
        Path, file("--model", "Where the trained network is saved (.keras).", RESULTS)
    ] = Path("model.keras"),
    force: Annotated[bool, switch("--force", "Replace an existing model file.", RESULTS)] = False,
    problem: ProblemOptions,
    training: TrainingOptions,
    figure: FigureOptions,
    result: ResultOptions,
    talk: TalkOptions,
) -> None:
    """Train the source network and save it."""
    spec = ExperimentSpec(
        network=training.network(problem.features, problem.classes),
        training=training.training(),
        train_seed=training.train_seed,
        engine=training.engine_name(),
        source=problem.task(seed),
    )
    path = checked_figure_path(figure, "train-source")
    check_result_files(result)
    check_apart([("model", model), *_files(path, result)])
    check_model_file("model", model, spec.network, force)

    from blobtransfer.experiment import compare as experiment
    from blobtransfer.report.figures import Canvas

    canvas = Canvas(figure.show)
    with _engine_and_progress(spec, talk) as (engine, step):
        trainee = experiment.train_source(spec, engine, step, sys.argv[1:])
    _finish_training(trainee, canvas, path, result, talk, "model", model, force)


@command("train-target")
def train_target(
    *,
    seed: Annotated[int, integer("--seed", "The target problem.", PROBLEM)] = 2,
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
    talk: TalkOptions,
) -> None:
    """Train on the target problem: from scratch, or from a saved network with --model."""
    task = problem.task(seed)
    source = read_source(model, task)
    network = network_for(training, task, source)
    variant = one_variant(fixed, further.variant or [], model, len(network.hidden))
    check_output_layer(model, source, task, [variant])
    spec = ExperimentSpec(
        network=network,
        training=training.training(),
        variants=(variant,),
        questions=("one",),
        train_seed=training.train_seed,
        engine=training.engine_name(),
        target=task,
        model_path=None if model is None else printable(str(model)),
        model_sha256=None if source is None else source.sha256,
    )
    path = checked_figure_path(figure, "train-target")
    check_result_files(result)
    files = _files(path, result)
    check_apart(files, [(SOURCE, model)])
    check_apart([("save", save), *files], [] if force else [(SOURCE, model)])
    if save is not None:
        check_model_file("save", save, variant.network(network), force)

    from blobtransfer.experiment import compare as experiment
    from blobtransfer.report.figures import Canvas

    canvas = Canvas(figure.show)
    with _engine_and_progress(spec, talk) as (engine, step):
        trainee = experiment.train_target(spec, _weights(source), engine, step, sys.argv[1:])
    _finish_training(trainee, canvas, path, result, talk, "save", save, force)


@command("compare")
def compare(
    *,
    source_seed: Annotated[
        int | None, integer("--source-seed", "The source problem.", PROBLEM, show_default="1")
    ] = None,
    target_seed: Annotated[int, integer("--target-seed", "The target problem.", PROBLEM)] = 2,
    reverse: Annotated[
        bool, switch("--reverse", "Swap the source and the target problem.", PROBLEM)
    ] = False,
    model: Annotated[
        Path | None,
        file(
            "--model",
            "The one source network (.keras or .h5), in place of training one.",
            TRANSFER,
        ),
    ] = None,
    repeats: Annotated[
        int | None,
        integer("--repeats", "Independent repeats of every variant.", TRANSFER, show_default="30"),
    ] = None,
    fixed: Annotated[
        list[int] | None,
        integer(
            "--fixed",
            "Hidden layers to freeze, a variant each.",
            TRANSFER,
            NUMBERS,
            show_default="0 1 2, up to the depth",
        ),
    ] = None,
    further: VariantOptions,
    question: QuestionOptions,
    problem: ProblemOptions,
    training: TrainingOptions,
    figure: FigureOptions,
    result: ResultOptions,
    talk: TalkOptions,
) -> None:
    """Compare training from scratch with starting from a source network, over many repeats."""
    questions, nested = question.questions(), question.design()
    if nested is not None and repeats is not None:
        raise SettingError(
            "repeats", repeats, f"--nested {join(nested)} says how many; leave one of the two out"
        )
    if model is not None:
        if reverse:
            raise SettingError(
                "reverse", "", f"the source network is read from --model {model}; leave one out"
            )
        if source_seed is not None and questions == ("one",):
            raise SettingError(
                "source-seed",
                source_seed,
                f"the source network is read from --model {model}; leave one of the two out",
            )
    source_setting, target_setting = "source-seed", "target-seed"
    source_seed = 1 if source_seed is None else source_seed
    if reverse:
        source_seed, target_seed = target_seed, source_seed
        source_setting, target_setting = target_setting, source_setting
    target = problem.task(target_seed, target_setting)
    source = read_source(model, target)
    network = network_for(training, target, source)
    variants = several_variants(fixed, further.variant or [], source, target, len(network.hidden))
    check_output_layer(model, source, target, variants)
    spec = ExperimentSpec(
        network=network,
        training=training.training(),
        variants=variants,
        questions=questions,
        n_repeats=prod(nested) if nested else N_REPEATS if repeats is None else repeats,
        nested=nested,
        train_seed=training.train_seed,
        engine=training.engine_name(),
        source=problem.task(source_seed, source_setting)
        if model is None or "fresh" in questions
        else None,
        target=target,
        model_path=None if model is None else printable(str(model)),
        model_sha256=None if source is None else source.sha256,
        margin=ExperimentSpec.margin if question.margin is None else question.margin,
        speed=question.speed,
        threshold=question.threshold,
    )
    if question.threshold is not None and not question.speed:
        raise SettingError("threshold", question.threshold, "it needs --speed; add that")
    path = checked_figure_path(figure, "compare")
    check_result_files(result)
    check_apart(_files(path, result), [(SOURCE, model)])

    from blobtransfer.experiment import compare as experiment
    from blobtransfer.report.figures import Canvas

    canvas = Canvas(figure.show)
    with _engine_and_progress(spec, talk) as (engine, step):
        results = experiment.compare(spec, _weights(source), engine, step, sys.argv[1:])
    _present(results, canvas, path, result, talk)
    _show(canvas)
    if results.interrupted:
        raise typer.Exit(INTERRUPTED)
    _exit_if_failed(results)


@command("show")
def show(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS.json", help="What a command wrote as JSON; - reads standard input."
        ),
    ],
    *,
    margin: ShownMargin = None,
    figure: FigureOptions,
    result: ResultOptions,
    talk: TalkOptions,
) -> None:
    """Print every table and draw every figure of a saved result again, without training."""
    if margin is not None:
        check_margin(margin)
    path = checked_figure_path(figure, "show")
    check_result_files(result)
    check_apart(_files(path, result), [("the results to be shown", file)])
    text = read_input(file)

    from blobtransfer.report.figures import Canvas
    from blobtransfer.results.json_io import from_json

    canvas = Canvas(figure.show)
    _present(from_json(text, str(file), margin), canvas, path, result, talk)
    _show(canvas)


def _files(figure_path: Path | None, result: ResultOptions) -> list[tuple[str, Path | None]]:
    """Give the setting and path of every file that shows results."""
    return [("plot", figure_path), *(("output", path) for path in result.files())]


def _present(
    results: "Results",
    canvas: "Canvas",
    figure_path: Path | None,
    result: ResultOptions,
    talk: TalkOptions,
    is_printed: bool = True,
) -> None:
    """Write, draw and print what was found, and say how sure it is."""
    from blobtransfer.report.figures import draw_results
    from blobtransfer.report.sentences import warnings

    with ExitStack() as whatever_becomes_of_the_rest:
        if is_printed:
            whatever_becomes_of_the_rest.callback(print_results, results, result)
        write_results(results, result, talk)
        if figure_path is not None or canvas.has_windows:
            save_drawn(draw_results(results, canvas), figure_path, talk)
    for warning in warnings(results):
        note(talk, f"warning: {warning}")


def _finish_training(
    trainee: "Trainee",
    canvas: "Canvas",
    figure_path: Path | None,
    result: ResultOptions,
    talk: TalkOptions,
    setting: str,
    model_path: Path | None,
    force: bool,
) -> None:
    """Save, draw and print what one training gave; the model first, as it can be refused."""
    results = trainee.results
    unsaved = None
    try:
        if model_path is not None and not results.n_failed:
            save_trained(trainee, setting, model_path, force, talk)
    except EnvironmentFailed as error:  # the results come out all the same
        unsaved = error
    is_printed = not talk.quiet or result.wants_standard_output()
    _present(results, canvas, figure_path, result, talk, is_printed)
    if unsaved is not None:
        raise unsaved
    if not is_printed:
        if model_path is None:
            emit([f"{results.runs[0].test_accuracy}\n"])
        elif not results.n_failed:
            emit([f"{model_path}\n"])
    _show(canvas)
    _exit_if_failed(results)


def _show(canvas: "Canvas") -> None:
    """Open the windows that were asked for, now that everything is delivered."""
    interrupts.finish()
    canvas.show()


def _exit_if_failed(results: "Results") -> None:
    if results.n_failed:
        n_runs = len(results.runs) + (results.source_run is not None)
        say(
            f"warning: {results.n_failed} of {n_runs} trainings failed, their loss is not finite; "
            "try a smaller --learning-rate"
        )
        raise typer.Exit(SOME_RUNS_FAILED)


def _weights(source: "SourceNetwork | None") -> "Weights | None":
    return None if source is None else list(source.weights)


@contextmanager
def _engine_and_progress(spec: ExperimentSpec, talk: TalkOptions) -> Iterator[Any]:
    from blobtransfer.cli.progress import progress
    from blobtransfer.engines import load_engine

    with progress(talk.quiet) as step:
        yield load_engine(spec.engine, talk.verbose), step


def _report(error: BaseException, line: str) -> int:
    """Print an error as one line, after its traceback where --debug asks for it."""
    by_environment = os.environ.get(envvar_of("--debug"), "").lower()
    if "--debug" in sys.argv or by_environment in ("1", "true", "t", "yes", "y", "on"):
        traceback.print_exception(error)
    line = printable(line)
    if len(line) > MAX_LINE:
        line = f"{line[: MAX_LINE // 2]} ... {line[-MAX_LINE // 2 :]}"
    say(f"error: {line}")
    return int(getattr(error, "exit_code", EnvironmentFailed.exit_code))


def _usage_line(error: typer.TyperException) -> str:
    """Say in our words what Typer found wrong with the command line."""
    param = getattr(error, "param", None)
    if isinstance(error, typer.BadParameter) and param is not None:
        if getattr(param, "is_flag", False):  # on the command line a switch takes no value
            name = envvar_of(max(param.opts, key=len))
            return f"{name} {os.environ.get(name, '')}: use 1 or 0"
        if error.message:  # none where an argument is missing
            return f"{_typed_name(*param.opts)} {error.message}"
    return f"{error.format_message().rstrip('.')}; see blobtransfer --help"


def _typed_name(*flags: str) -> str:
    """Name an option by its flag, or by its environment variable if that has set it."""
    flag = max(flags, key=len)
    is_typed = any(arg.partition("=")[0] in flags for arg in sys.argv) or (
        flag == "--output" and any(re.match(r"-[qv]*o", arg) for arg in sys.argv)
    )
    return envvar_of(flag) if envvar_of(flag) in os.environ and not is_typed else flag
