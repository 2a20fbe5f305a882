"""`plot-data`: draw data sets."""

from typing import Annotated

from blobtransfer.api.requests import load_data, plot_requests
from blobtransfer.cli.data import BlobsOptions, description, tables_of
from blobtransfer.cli.delivery import deliver
from blobtransfer.cli.help import BLOBS
from blobtransfer.cli.interrupts import defer_signals
from blobtransfer.cli.output import (
    FigureOptions,
    FormatOption,
    MessageOptions,
    OutputFiles,
    OutputOptions,
    ResultOptions,
)
from blobtransfer.cli.parsing import NUMBERS, option
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
    format: FormatOption = None,
    output: OutputFiles = None,
    messages: MessageOptions,
    argv: tuple[str, ...],
) -> None:
    """Draw data sets, with the best possible accuracy.

    Examples:
      blobtransfer plot-data --seed 1 2
      blobtransfer plot-data --task moons:noise=0.2 --task a.csv:label=y
    """
    specs = plot_requests(task or (), seed or (), blobs.to_blobs())
    result = ResultOptions(format=format, output=output)
    outputs = OutputOptions(figure=figure, result=result, messages=messages)
    path = outputs.check_files("plot-data", read=tables_of(*specs))
    is_printed = not messages.quiet or result.wants_standard_output()
    if not (is_printed or path or figure.show or result.files()):
        raise SettingError("quiet", "", "nothing is left to do; leave -q or --no-plot out")

    canvas, results = figure.canvas(), load_data(specs, argv)
    with defer_signals() as pending:
        deliver(results, canvas, path, outputs, argv, pending, is_printed)
    canvas.show()
