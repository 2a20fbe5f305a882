"""`plot-data`: draw data sets."""

from typing import Annotated

from blobtransfer.api.requests import plot_requests
from blobtransfer.cli.data import BlobsOptions, description
from blobtransfer.cli.delivery import save_figure
from blobtransfer.cli.help import BLOBS
from blobtransfer.cli.interrupts import defer_signals
from blobtransfer.cli.output import FigureOptions, MessageOptions, OutputOptions
from blobtransfer.cli.parsing import NUMBERS, option
from blobtransfer.cli.streams import write_stdout
from blobtransfer.errors import SettingError


def plot_data(
    *,
    seed: Annotated[
        list[int] | None,
        option("Seeds of blobs, one panel each.", panel=BLOBS, metavar=NUMBERS, show_default="1 2"),
    ] = None,
    task: Annotated[
        list[str] | None,
        description("Data to draw, such as moons:noise=0.2 or a.csv:label=y. Repeatable."),
    ] = None,
    blobs: BlobsOptions,
    figure: FigureOptions,
    messages: MessageOptions,
    argv: tuple[str, ...],
) -> None:
    """Draw data sets, with the best possible accuracy.

    Examples:
      blobtransfer plot-data --seed 1 2
      blobtransfer plot-data --task moons:noise=0.2 --task a.csv:label=y
    """
    specs = plot_requests(task or (), seed or (), blobs.given())
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
