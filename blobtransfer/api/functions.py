"""The functions of Python: what the commands do, with the same names, defaults and checks."""

import os
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from blobtransfer.api.data import SourceAndTarget
from blobtransfer.api.keywords import (
    BlobsKeywords,
    ComparisonKeywords,
    GridKeywords,
    Model,
    PairsKeywords,
    SweepKeywords,
    TaskKeywords,
    blobs_of,
    values_of,
    with_keywords,
)
from blobtransfer.api.notes import notes_of, score_notes
from blobtransfer.api.requests import (
    Request,
    StudyRequest,
    compare_request,
    grid_request,
    load_data,
    pairs_request,
    plot_requests,
    source_request,
    sweep_request,
    target_request,
)
from blobtransfer.api.result import Result, TrainingResult
from blobtransfer.api.running import run_request, run_training
from blobtransfer.api.tables import AnyData, Frame, data_of
from blobtransfer.api.values import checked_path, plain_keywords, several
from blobtransfer.errors import SettingError
from blobtransfer.report.figures.style import Style
from blobtransfer.results.results import TrainingResults
from blobtransfer.specs.checks import plain_value
from blobtransfer.specs.study import Budget
from blobtransfer.specs.training import Metric
from blobtransfer.studies.pairs import DEFAULT_FIRST_SEED, DEFAULT_PAIRS
from blobtransfer.studies.pairs import DEFAULT_REPEATS as REPEATS_OF_A_PAIR
from blobtransfer.studies.settings import DEFAULT_REPEATS

OVER_ADVICE = "use settings with their values, such as {'target.train': [10, 30, 100]}"

PROBLEMS_ADVICE = "use a list of two or more data, such as ['moons', 'circles']"

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@with_keywords(ComparisonKeywords)
def compare(
    source: AnyData | None = None,
    target: AnyData | None = None,
    *,
    label: Hashable | None = None,
    **options: Unpack[ComparisonKeywords],
) -> Result:
    """Compare training from scratch with transfer learning.

    A Keras model that is given as `model` is not changed.

    Args:
        source: Data that source networks are trained on: a specification such as `"blobs:seed=1"`
            or `"rows.csv:label=y"`, a data frame with `label`, `(X, y)` of shapes (n_rows,
            n_features) and (n_rows,), or what `table` returns.
        target: Data on which the variants are trained and tested, in the same forms.
        label: Column of the classes of tables and data frames that do not name it.
        options: The options of `blobtransfer compare`, with underscores.

    Raises:
        SettingError: An option has an impossible value, or options exclude each other.
        InputFileError: A table, arrays, a model or a store cannot be used.
        MachineError: A library cannot be used, or memory is short.
    """
    data = _data(source, target, label, options)
    return _run(compare_request(data, blobs_of(options), values_of(options)), options)


@with_keywords(SweepKeywords)
def sweep(
    over: str | Sequence[str] | Mapping[str, Any],
    source: AnyData | None = None,
    target: AnyData | None = None,
    *,
    label: Hashable | None = None,
    budget: Budget | None = None,
    **options: Unpack[SweepKeywords],
) -> Result:
    """Compare at every value of a setting, such as training rows; see `compare`.

    Args:
        over: What varies: one or two settings with their values, such as
            `{"target.train": [10, 30, 100]}` or `"target.train=10,30,100"`.
        source: Data that source networks are trained on.
        target: Data on which the variants are trained and tested.
        label: Column of the classes of tables that do not name it.
        budget: Train all points for the same number of `epochs` or of `updates`. Default: updates
            if the number of rows or the batch size varies, else epochs.
        options: The options of `blobtransfer sweep`, with underscores.
    """
    if isinstance(over, Mapping):
        axes = [
            f"{str(name).replace('_', '-')}={','.join(map(_word, several(values)))}"
            for name, values in over.items()
        ]
    else:
        axes = [over] if isinstance(over, str) else _list_of(over, str, "over", OVER_ADVICE)
    if not axes:
        raise SettingError("over", "", OVER_ADVICE)
    data, values = _data(source, target, label, options), values_of({**options, "budget": budget})
    return _run(sweep_request(axes, data, blobs_of(options), values), options)


@with_keywords(PairsKeywords)
def pairs(
    source: AnyData | None = None,
    target: AnyData | None = None,
    *,
    label: Hashable | None = None,
    pairs: int = DEFAULT_PAIRS,
    repeats: int = REPEATS_OF_A_PAIR,
    first_seed: int = DEFAULT_FIRST_SEED,
    **options: Unpack[PairsKeywords],
) -> Result:
    """Compare on many pairs of data sets, and predict for a new pair. See `compare`.

    Args:
        source: Kind of the source data. The classes of a table are split at random into source and
            target.
        target: Kind of the target data.
        label: Column of the classes of a table that does not name it.
        pairs: Number of pairs.
        repeats: Number of repeats per pair.
        first_seed: Seed of the first source: pair 1 has this seed and the next, pair 2 the two
            seeds after them.
        options: The options of `blobtransfer pairs`, with underscores.
    """
    source_data, target_data = data_of([("data", source), ("data", target)], label)
    request = pairs_request(
        source_data,
        target_data,
        blobs_of(options),
        values_of(options),
        pairs=pairs,
        repeats=repeats,
        first_seed=first_seed,
    )
    return _run(request, options)


@with_keywords(GridKeywords)
def grid(
    problems: Sequence[AnyData],
    *,
    label: Hashable | None = None,
    repeats: int = DEFAULT_REPEATS,
    **options: Unpack[GridKeywords],
) -> Result:
    """Compare every source with every target; see `compare`.

    Args:
        problems: Two or more data sets, each source and target in turn; `"blobs:seed=1..4"` stands
            for four.
        label: Column of the classes of tables that do not name it.
        repeats: Number of repeats per source and target.
        options: The options of `blobtransfer grid`, with underscores.
    """
    several_data = [problems] if isinstance(problems, str) else []
    several_data = several_data or _list_of(problems, object, "problems", PROBLEMS_ADVICE)
    data = data_of(_numbered(several_data), label)
    request = grid_request(data, values_of({**options, "repeats": repeats}))
    return _run(request, options)


@with_keywords(TaskKeywords)
def train_source(
    task: AnyData | None = None,
    *,
    label: Hashable | None = None,
    seed: int | None = None,
    progress: bool = True,
    **options: Unpack[TaskKeywords],
) -> TrainingResult:
    """Train a source network; `save_model` of the result writes it.

    Args:
        task: Data to train on; see `compare`.
        label: Column of the classes of a table that does not name it.
        seed: Seed N: short for `task="blobs:seed=N"`.
        progress: Whether to show a progress bar.
        options: The options of `blobtransfer train-source`, with underscores.

    Raises:
        SettingError: An option has an impossible value, or options exclude each other.
        InputFileError: A table cannot be used.
    """
    (data,) = data_of([("data", task)], label)
    request = source_request(data, seed, blobs_of(options), values_of(options))
    return _train(request, progress)


@with_keywords(TaskKeywords)
def train_target(
    task: AnyData | None = None,
    *,
    label: Hashable | None = None,
    seed: int | None = None,
    model: Model | None = None,
    fixed: int | None = None,
    variant: str | None = None,
    progress: bool = True,
    **options: Unpack[TaskKeywords],
) -> TrainingResult:
    """Train a network on the target, from scratch or by transfer.

    Args:
        task: Data to train on; see `compare`.
        label: Column of the classes of a table that does not name it.
        seed: Seed N: short for `task="blobs:seed=N"`.
        model: Saved network to start from: a .keras or .h5 file, an unzipped folder of Keras, or a
            Keras model in memory, which is not changed.
        fixed: Number of hidden layers of `model` to freeze.
        variant: Another variant or control, such as `"new-head"`.
        progress: Whether to show a progress bar.
        options: The options of `blobtransfer train-target`, with underscores.

    Raises:
        SettingError: An option has an impossible value, or options exclude each other.
        InputFileError: A table or the model cannot be used.
    """
    values = values_of({**options, "model": model, "fixed": fixed, "variant": variant})
    (data,) = data_of([("data", task)], label)
    request = target_request(data, seed, blobs_of(options), values)
    return _train(request, progress)


@with_keywords(BlobsKeywords)
def plot_data(
    task: AnyData | Sequence[AnyData] | None = None,
    *,
    label: Hashable | None = None,
    seed: int | Sequence[int] | None = None,
    style: Style = "screen",
    size: tuple[float, float] | None = None,
    title: bool = True,
    **options: Unpack[BlobsKeywords],
) -> "Figure":
    """Draw data sets, with the best possible accuracy.

    Args:
        task: Data, or a list of data, which get one panel each; see `compare`.
        label: Column of the classes of tables that do not name it.
        seed: Seed of blobs, or several seeds, one panel each; None: 1 and 2.
        style: `screen`, `slide` (16:9), `paper` (a column of a journal) or `paper-wide` (both
            columns).
        size: Width and height in inches; None: those of the style.
        title: Whether the panels have titles.
        options: The options of `blobtransfer plot-data`, with underscores.

    Raises:
        SettingError: An option has an impossible value, or options exclude each other.
        InputFileError: A table cannot be used.
        MachineError: The figure cannot be drawn.
    """
    tasks: list[Any] = task if isinstance(task, list) else [] if task is None else [task]
    data = data_of(_numbered(tasks), label)
    seeds = [] if seed is None else several(seed)
    specs = plot_requests(data, seeds, blobs_of(options))

    from blobtransfer.report.figures.canvas import python_canvas
    from blobtransfer.report.figures.pictures import picture_of_report
    from blobtransfer.report.kinds import build_report

    canvas = python_canvas(style, plain_value(size), title)
    return picture_of_report(build_report(load_data(specs)), canvas).figure


def judge(
    scores: str | os.PathLike[str] | Frame | Mapping[Any, Any],
    *,
    baseline: str | None = None,
    range: Sequence[float] | None = None,
    lower_is_better: bool = False,
    resplit: Sequence[int] | None = None,
    margin: float | None = None,
    metric: Metric | None = None,
) -> Result:
    """Compare scores of runs that another program trained.

    Args:
        scores: Path of a CSV file, or a data frame (pandas, Polars, Arrow, or a dict of columns):
            one column per variant and one row per repeat, or one row per score with the columns
            variant, repeat and score, or `runs()` of a comparison.
        baseline: Variant that the others are compared with; None: the one called `standalone`,
            `baseline`, `scratch` or similar.
        range: Lowest and highest possible score; None: 0 and 1. For runs of `compare`: chance level
            and best possible accuracy.
        lower_is_better: Whether lower scores are better, as for a loss.
        resplit: Training and test rows of a split, if repeats resplit the same rows: intervals are
            then those of Nadeau & Bengio (2003).
        margin: Largest difference that is negligible, in the unit of the scores; None: 0.01 of
            their range.
        metric: Metric of runs of `compare`; None: accuracy.

    Raises:
        TableFileError: The scores cannot be read, or are not paired.
        SettingError: An option has an impossible value.
    """
    from blobtransfer.data.score_table import read_scores
    from blobtransfer.studies.judge import judge as judge_scores

    keywords = {"lower_is_better": lower_is_better, "metric": metric}
    values = plain_keywords(keywords, {"lower_is_better": bool, "metric": Metric})
    source: Any = Path(scores) if isinstance(scores, str | os.PathLike) else scores
    table = read_scores(source, metric)
    results = judge_scores(
        table,
        baseline=plain_value(baseline),
        range=(0.0, 1.0) if range is None else plain_value(range),
        resplit=plain_value(resplit),
        margin=plain_value(margin),
        **values,
    )
    return Result(results, tuple(score_notes(table, results, baseline, range)))


def load(
    path: str | os.PathLike[str], *, margin: float | None = None, command: int | None = None
) -> Result | TrainingResult:
    """Load results from a JSON file or a store, without training.

    Args:
        path: JSON file or store (.db) of a command.
        margin: Largest difference that is negligible; None: as in the results.
        command: Number of the command in a store, counted from 1; None: the last.

    Raises:
        InputFileError: The file is damaged, or holds something else.
    """
    from blobtransfer.api.loading import load_results, read_file

    results = load_results(
        checked_path("path", path), read_file, plain_value(margin), plain_value(command)
    )
    if isinstance(results, TrainingResults):
        return TrainingResult(results)
    return Result(results)


def _data(
    source: AnyData | None,
    target: AnyData | None,
    label: Hashable | None,
    options: Mapping[str, Any],
) -> SourceAndTarget:
    names = ("source_seed", "target_seed", "reverse")
    choices = {name: options[name] for name in names if options.get(name) is not None}
    return SourceAndTarget(*data_of([("source", source), ("target", target)], label), **choices)


def _numbered(several_data: Iterable[AnyData]) -> list[tuple[str, AnyData]]:
    """Return data with names for errors: `data 1`, `data 2`, ..."""
    return [(f"data {i}", data) for i, data in enumerate(several_data, 1)]


def _list_of(values: Any, kind: type, setting: str, advice: str) -> list[Any]:
    """Return several values as a list.

    Args:
        values: A list, a tuple, an iterator, ..., but no mapping and no data frame.
        kind: Type of each value, which is not None.
        setting: Name of the keyword.
        advice: What to use.

    Raises:
        SettingError: It is something else.
    """
    is_list = isinstance(values, Iterable) and not isinstance(values, Mapping | bytes)
    items = [*values] if is_list and not hasattr(values, "columns") else [None]
    if not all(isinstance(item, kind) and item is not None for item in items):
        raise SettingError(setting, "", advice)
    return items


def _word(value: Any) -> str:
    """Return a value as the command line takes it: `5+5` for widths of layers, `on` for True."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return "+".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _run(request: StudyRequest, options: Mapping[str, Any]) -> Result:
    return Result(run_request(request, options), notes_of(request))


def _train(request: Request, progress: bool) -> TrainingResult:
    run = run_training(request, progress)
    return TrainingResult(run.results, notes_of(request), run)
