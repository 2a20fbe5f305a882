"""Output options of a command, and checks that its files can be written.

These checks run before any work, so that a long run does not end in an error.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeAlias

import typer

from blobtransfer.api.loading import STORE_SUFFIXES
from blobtransfer.atomic_write import find_write_obstacle
from blobtransfer.cli.help import FIGURE, GENERAL, RESULTS
from blobtransfer.cli.parsing import HELP_ALL, choice, option, print_all_options
from blobtransfer.cli.streams import STANDARD_STREAM, print_stderr
from blobtransfer.errors import SettingError, SourceFileError
from blobtransfer.keras_files import NETWORK_SUFFIXES
from blobtransfer.report.figures.style import Style, check_size
from blobtransfer.report.writers import (
    LATEX_SUFFIX,
    SUMMARY_SUFFIXES,
    TEXT_WRITERS,
    WRITERS,
    TextWriter,
)
from blobtransfer.specs.checks import parse_number
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.study import COMPARISONS

if TYPE_CHECKING:
    from blobtransfer.report.figures.canvas import Canvas

NamedPath: TypeAlias = tuple[str, Path | None]
"""Name of a setting or an input, and its path; None without a file."""


def _print_version(is_requested: bool) -> None:
    if is_requested:
        typer.echo(f"blobtransfer {version('blobtransfer')}")
        raise typer.Exit()


Version = Annotated[
    bool,
    typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True),
]

HelpAll = Annotated[
    bool,
    typer.Option(HELP_ALL, help="Show all options.", callback=print_all_options, is_eager=True),
]


@dataclass(frozen=True)
class FigureOptions:
    """Path and appearance of the figure."""

    panel: ClassVar[str] = FIGURE
    plot: Annotated[
        Path | None, option("Figure file: .png, .svg or .pdf.", show_default="<command>.png")
    ] = None
    no_plot: Annotated[bool, option("Draw no figure, unless --plot is given.")] = False
    show: Annotated[bool, option("Also open the figure in a window.")] = False
    style: Annotated[
        Style,
        option("Style of the figure: slide is 16:9, paper one column, paper-wide two columns."),
    ] = "screen"
    no_title: Annotated[bool, option("Draw no title, for a figure with a caption.")] = False
    size: Annotated[
        str | None,
        option("Width and height of the figure in inches, such as 3.5x4.", metavar="WIDTHxHEIGHT"),
    ] = None

    def inches(self) -> tuple[float, float] | None:
        """Return width and height; None for those of the style.

        Raises:
            SettingError: The size cannot be read, or a side is out of range.
        """
        if self.size is None:
            return None
        sides = [0.0]  # no size, and rejected
        with suppress(SettingError):
            sides = [parse_number("size", side) for side in self.size.lower().split("x")]
        check_size(sides, self.size)
        return sides[0], sides[1]

    def canvas(self) -> "Canvas":
        """Return the canvas of figures."""
        from blobtransfer.report.figures.canvas import Canvas

        return Canvas(self.show, self.style, self.inches(), has_title=not self.no_title)

    def path(self, command: str) -> Path | None:
        """Return the path of the figure; None if none is written."""
        if self.plot is None and self.no_plot:
            return None
        return self.plot or Path(f"{command}.png")


FormatOption = Annotated[
    str | None, choice("Format of standard output.", tuple(TEXT_WRITERS), show_default="table")
]

OutputFiles = Annotated[
    list[Path] | None,
    option(
        "Results file: .json, .csv, .md, .txt or .html (report). - is standard output. Repeatable.",
        flags="-o",
        metavar="FILE",
    ),
]


@dataclass(frozen=True)
class ResultOptions:
    """Format and files of the results."""

    panel: ClassVar[str] = RESULTS
    format: FormatOption = None
    output: OutputFiles = None
    curves: Annotated[Path | None, option("Learning curves file (.csv), one row per epoch.")] = None

    def files(self) -> list[Path]:
        """Return the result files, without standard output."""
        return [path for path in self.output or () if path != STANDARD_STREAM]

    def wants_standard_output(self) -> bool:
        """Return whether `--format` or `--output -` writes results to standard output."""
        return self.format is not None or STANDARD_STREAM in (self.output or ())


@dataclass(frozen=True)
class ScreenOptions:
    """Amount of output on the screen, and the file of the summary."""

    panel: ClassVar[str] = RESULTS
    full: Annotated[bool, option("Show all columns and all results on a terminal.")] = False
    explain: Annotated[bool, option("Explain the words of the tables.")] = False
    summary: Annotated[
        Path | None, option("Summary file, one row per variant: .csv, .md or .tex.")
    ] = None


@dataclass(frozen=True)
class MessageOptions:
    """Which messages are printed."""

    panel: ClassVar[str] = GENERAL
    quiet: Annotated[bool, option("Print neither progress nor notes.", flags="-q")] = False
    verbose: Annotated[bool, option("Show the log of TensorFlow.", flags="-v")] = False
    debug: Annotated[bool, option("Show the traceback of an error.")] = False
    version: Version = False
    help_all: HelpAll = False

    @property
    def print_line(self) -> Callable[[str], None] | None:
        """Function that prints a line on standard error; None if quiet."""
        return None if self.quiet else print_stderr

    def log(self, *lines: str) -> None:
        """Print lines on standard error, unless quiet."""
        for line in () if self.quiet else lines:
            print_stderr(line)


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """Figure, screen, files and messages."""

    figure: FigureOptions
    screen: ScreenOptions = ScreenOptions()
    result: ResultOptions = ResultOptions()
    messages: MessageOptions

    def check_files(
        self,
        command: str,
        written: Sequence[NamedPath] = (),
        read: Sequence[NamedPath] = (),
        store: Path | None = None,
    ) -> Path | None:
        """Check that all files of a command can be written, each to a different path.

        Args:
            command: Name of the command, the default name of the figure.
            written: Further files that the command writes, by their settings.
            read: Files that the command reads.
            store: File in which results are stored.

        Returns:
            The path of the figure; None if none is written.

        Raises:
            SettingError: A file cannot be written, or would replace another file of the command.
        """
        figure, result, summary = self.figure, self.result, self.screen.summary
        path = figure.path(command)
        if path is None and not figure.show:
            for setting, value in (
                ("style", figure.style), ("size", figure.size), ("no-title", figure.no_title),
            ):  # fmt: skip
                if value not in ("screen", None, False):
                    problem = "--no-plot draws no figure; leave one of the two out"
                    text = "" if value is True else value
                    raise SettingError(setting, text, problem)
        writers = [writer for writer in WRITERS.values() if isinstance(writer, TextWriter)]
        text_suffixes = [suffix for writer in writers for suffix in writer.suffixes]
        if command in (*COMPARISONS, "show"):
            text_suffixes.append(LATEX_SUFFIX)
        files: list[tuple[str, Path | None, Sequence[str]]] = [
            ("summary", summary, SUMMARY_SUFFIXES),
            ("curves", result.curves, TEXT_WRITERS["csv"].suffixes),
            ("store", store, STORE_SUFFIXES),
            ("plot", path, WRITERS["figure"].suffixes),
            *(("output", result_path, text_suffixes) for result_path in result.files()),
        ]
        others = {suffix: "plot" for suffix in WRITERS["figure"].suffixes}
        others |= {suffix: "output" for suffix in text_suffixes} | {".tex": "summary"}
        for setting, file_path, suffixes in files:
            check_file(setting, file_path, suffixes, others)
        if path is not None and figure.plot is None and path.exists():
            from blobtransfer.report.figures.pictures import made_by

            if made_by(path) is None:
                problem = "it exists and was not made by blobtransfer"
                advice = f"name another file with --plot, or add --plot {path} to replace it"
                raise SettingError("plot", path, f"{problem}; {advice}")
        check_distinct_paths([*written, *((name, file_path) for name, file_path, _ in files)], read)
        return path

    def check_contents(self, command: str, has_curves: bool = False) -> None:
        """Raise `SettingError` if a command does not produce the requested output.

        Args:
            command: Name of the command.
            has_curves: Whether it records learning curves.
        """
        if self.result.curves is not None and not has_curves:
            problem = "it requires --speed; add it"
            if command == "judge":
                problem = "scores have no learning curves; leave --curves out"
            elif command not in ("compare", "sweep"):
                problem = (
                    f"{command} records no learning curves; use compare --speed or sweep --speed"
                )
            raise SettingError("curves", self.result.curves, problem)
        if self.screen.explain and self.result.format in ("csv", "json"):
            problem = f"--format {self.result.format} has no words to explain; "
            raise SettingError("explain", "", f"{problem}leave one of the two out")

    def check_none(self) -> None:
        """Raise `SettingError` for output options of a command that only fills a store."""
        figure, screen, result = self.figure, self.screen, self.result
        for setting, value in (
            ("plot", figure.plot), ("show", figure.show), ("format", result.format),
            ("output", result.output and result.output[0]), ("curves", result.curves),
            ("summary", screen.summary), ("full", screen.full), ("explain", screen.explain),
        ):  # fmt: skip
            if value:
                problem = "--only-repeats prints no results; leave it out, and add it to"
                text = "" if value is True else value
                raise SettingError(setting, text, f"{problem} blobtransfer show")


def check_distinct_paths(written: Sequence[NamedPath], read: Sequence[NamedPath] = ()) -> None:
    """Raise `SettingError` if a file would be written twice, or over an input."""
    problems = {
        os.path.realpath(path): f"this would replace {name}"
        for name, path in read
        if path is not None and path != STANDARD_STREAM
    }
    for setting, path in written:
        if path is not None:
            real_path = os.path.realpath(path)
            folder = os.path.dirname(real_path)
            replaced = folder if folder in problems and path.exists() else real_path
            if replaced in problems:
                or_force = ", or --force to replace it" if setting == "save" else ""
                problem = f"{problems[replaced]}; use another name{or_force}"
                raise SettingError(setting, path, problem)
            problems[real_path] = f"this is the file of --{setting} too"


def check_model_file(setting: str, path: Path, network: MLPSpec, force: bool) -> None:
    """Raise `SettingError` if a network could not be saved.

    Args:
        setting: Setting of the path.
        path: Path of the saved network.
        network: Shape of the network.
        force: Whether to replace a file.

    Whether an existing file of the same shape holds the same network is known only after training.
    """
    check_file(setting, path, NETWORK_SUFFIXES)
    if path.exists() and not force:
        from blobtransfer.keras_files.read import read_source_file

        try:
            source = read_source_file(path)
        except SourceFileError as error:
            raise replacement_error(setting, path, "a file that is not such a model") from error
        saved = source.network
        if source.output != "softmax" or source.notes:
            raise replacement_error(setting, path, f"a network {saved} of another kind")
        if (saved.layer_sizes, saved.activation) != (network.layer_sizes, network.activation):
            raise replacement_error(setting, path, f"a {saved.activation_text} network {saved}")


def replacement_error(setting: str, path: Path, content: str) -> SettingError:
    """Return the error for a file that would be replaced.

    Args:
        setting: Setting of the path.
        path: Path of the file.
        content: Description of its content.
    """
    return SettingError(
        setting, path, f"exists and holds {content}; use another name, or --force to replace it"
    )


def check_file(
    setting: str,
    path: Path | None,
    suffixes: Sequence[str],
    others: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Raise `SettingError` if a file cannot be written.

    Args:
        setting: Setting of the path.
        path: Path of the file; None to check nothing.
        suffixes: Accepted suffixes.
        others: Settings that accept other suffixes, by suffix.
    """
    if path is None:
        return
    if path.suffix.lower() not in suffixes:
        problem = (
            f"no format has the suffix {path.suffix}" if path.suffix else "the name has no suffix"
        )
        use = ", ".join(suffixes)
        if setting == "output" and path.suffix.lower() in NETWORK_SUFFIXES:
            use += "; train-source saves its network with --model, train-target with --save"
        if other := others.get(path.suffix.lower()):
            use += f", or --{other} {path}"
        raise SettingError(setting, path, f"{problem}; use {use}")
    obstacle = find_write_obstacle(path)
    if obstacle is None and setting == "store" and path.exists() and not os.access(path, os.W_OK):
        obstacle = "it cannot be written; name another store"
    if obstacle is not None:
        raise SettingError(setting, path, obstacle)
