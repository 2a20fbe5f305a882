"""`plot-data`: draw data sets."""

from collections.abc import Sequence
from typing import Annotated

from blobtransfer.cli.data import BlobsOptions, description, request_of
from blobtransfer.cli.delivery import save_figure
from blobtransfer.cli.interrupts import defer_signals
from blobtransfer.cli.output import FigureOptions, MessageOptions, OutputOptions
from blobtransfer.cli.parsing import NUMBERS, PROBLEM, option
from blobtransfer.cli.streams import write_stdout
from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import join
from blobtransfer.specs.generated import MAX_DATA_VALUES
from blobtransfer.studies.comparison import read_data
from blobtransfer.studies.settings import ComparisonSettings, DataRequest

MAX_PANELS = 100
"""Largest number of panels of a figure."""


def plot_data(
    *,
    seed: Annotated[
        list[int] | None,
        option("Problems, a panel each.", panel=PROBLEM, metavar=NUMBERS, show_default="1 2"),
    ] = None,
    task: Annotated[
        list[str] | None,
        description("A problem, such as moons:noise=0.2 or a.csv:label=y. Repeatable."),
    ] = None,
    blobs: BlobsOptions,
    figure: FigureOptions,
    messages: MessageOptions,
    argv: tuple[str, ...],
) -> None:
    """Draw problems: rows by class, true centres, and the best possible accuracy."""
    specs = [
        read_data(ComparisonSettings(), {"target": request})["target"]
        for request in _requests(task, seed, blobs)
    ]
    path = OutputOptions(figure=figure, messages=messages).check_files("plot-data")
    if path is None and not figure.show:
        raise SettingError("no-plot", "", "nothing is left to do; leave it out, or add --show")

    from blobtransfer.data import load_dataset
    from blobtransfer.report.figures.pictures import picture_of_datasets

    canvas = figure.canvas()
    picture = picture_of_datasets([load_dataset(spec) for spec in specs], canvas, argv)
    with defer_signals():
        save_figure(picture, path, messages)
    if messages.quiet and path is not None:
        write_stdout([f"{path}\n"])
    canvas.show()


def _requests(
    texts: Sequence[str] | None, seeds: Sequence[int] | None, blobs: BlobsOptions
) -> list[DataRequest]:
    """Return the data of specifications, or blobs with the seeds if there are none."""
    setting, values = ("task", texts) if texts else ("seed", seeds or [1, 2])
    words = "" if texts else join(values)
    if len(values) > MAX_PANELS:
        raise SettingError(setting, words, f"{len(values):,} panels; use at most {MAX_PANELS}")
    for i, value in enumerate(values):
        if value in values[:i]:
            word, subject = (value, "it") if texts else (words, value)
            raise SettingError(setting, word, f"{subject} is repeated; give it once")
    if texts:
        seed = seeds[0] if seeds else None
        return [request_of("task", text, "seed", seed, i, blobs) for i, text in enumerate(texts, 1)]
    specs = [blobs.spec("seed", seed) for seed in seeds or [1, 2]]
    n_values = sum((spec.n_train + spec.n_test_rows) * spec.n_features for spec in specs)
    if len(specs) > 1 and n_values > MAX_DATA_VALUES:
        problem = f"{n_values:,} numbers in all; use at most {MAX_DATA_VALUES:,}"
        raise SettingError("seed", words, problem)
    return [*specs]
