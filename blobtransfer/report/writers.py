"""Registry of writers: to add a format, write one file and add a line to `WRITERS`.

Writers import libraries when they write, so that importing the registry is fast.
"""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from blobtransfer.atomic_write import write_text

if TYPE_CHECKING:
    from blobtransfer.report.report import Report
    from blobtransfer.results.results import JudgedResults, StudyResults, TrainingResults


SCREEN_WIDTH = 80
"""Width of a screen that is not a terminal, in characters."""


@dataclass(frozen=True)
class TextWriter:
    """A format of text, for files and streams.

    Args:
        suffixes: Suffixes of files in this format.
        pieces: Returns the text of a report, piece by piece.
    """

    suffixes: tuple[str, ...]
    pieces: Callable[["Report[Any]"], Iterable[str]]

    def write(self, report: "Report[Any]", path: Path) -> None:
        """Write a file, whole or not at all; raises `MachineError` if that fails."""
        write_text(path, self.pieces(report))


@dataclass(frozen=True)
class PictureWriter:
    """A format of figures, for files alone.

    Args:
        suffixes: Suffixes of files in this format.
        write: Writes a file, whole or not at all; raises `MachineError` if that fails.
    """

    suffixes: tuple[str, ...]
    write: Callable[["Report[Any]", Path], None]


def to_json(results: "StudyResults | TrainingResults | JudgedResults") -> Iterator[str]:
    """Write results as one JSON object; its schema is in `results/files/`.

    Yields:
        The text, piece by piece.
    """
    from blobtransfer.report.kinds import build_report

    yield from _json(build_report(results))


def write_summary(report: "Report[Any]", path: Path) -> None:
    """Write one row per variant, in the format of the suffix; raises `MachineError`."""
    from blobtransfer.report.render.summary import summary_text

    write_text(path, summary_text(report, path.suffix.lower()))


def write_curves(report: "Report[Any]", path: Path) -> None:
    """Write one row per epoch of each run as CSV; raises `MachineError`."""
    from blobtransfer.results.files.csv import curves_to_csv

    write_text(path, curves_to_csv((report.complete or report).results))


def print_on(
    stream: TextIO, report: "Report[Any]", full: bool = False, width: int | None = None
) -> None:
    """Print a report on a terminal.

    Args:
        stream: A terminal.
        report: Report with the tables to print.
        full: Print the whole tables of a comparison in place of its overview.
        width: Width of a text without colours; None: width and colours of the terminal.
    """
    from blobtransfer.report.render.screen import print_report
    from blobtransfer.report.render.terminal import new_console

    print_report(report, new_console(stream, width), full)


def screen_text(report: "Report[Any]") -> str:
    """Return what a terminal of `SCREEN_WIDTH` columns shows of a report, without colours."""
    stream = io.StringIO()
    printed = report.for_printing(full=False, is_explained=False)
    print_on(stream, printed, width=SCREEN_WIDTH)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def _explained(report: "Report[Any]") -> list[str]:
    """Return the explanations as lines, if they are requested."""
    lines = [f"{line}\n" for line in report.explanations if report.is_explained]
    return ["\n", *lines] if lines else []


def _text(report: "Report[Any]") -> Iterable[str]:
    from blobtransfer.report.render.terminal import to_text

    stopped = [] if report.stopped is None else [f"{report.stopped}\n\n"]
    return [*stopped, to_text(report.tables), *_explained(report)]


def _markdown(report: "Report[Any]") -> Iterable[str]:
    from blobtransfer.report.render.markdown import markdown_line, markdown_list, to_markdown

    if report.stopped is not None:
        yield f"{markdown_line(report.stopped)}\n"
    yield to_markdown(report.tables)
    if report.is_explained and report.explanations:
        yield f"\n{markdown_list(report.explanations)}"


def _csv(report: "Report[Any]") -> Iterable[str]:
    return report.view.to_csv((report.complete or report).results)


def _json(report: "Report[Any]") -> Iterable[str]:
    report = report.complete or report
    return report.view.to_json(report.results, report.sentences, report.cautions)


def _html(report: "Report[Any]") -> Iterable[str]:
    from blobtransfer.report.render.html import to_html

    return to_html(report)


def _figure(report: "Report[Any]", path: Path) -> None:
    from blobtransfer.report.figures.canvas import Canvas
    from blobtransfer.report.figures.pictures import picture_of_report, save

    save(picture_of_report(report, Canvas()), path)


LATEX_SUFFIX = ".tex"
"""Suffix of a format that only a summary has."""

SUMMARY_SUFFIXES = (".csv", ".md", LATEX_SUFFIX)
"""Suffixes of the formats of a summary."""

TEXT_WRITERS: Mapping[str, TextWriter] = {
    "table": TextWriter((".txt",), _text),
    "json": TextWriter((".json",), _json),
    "csv": TextWriter((".csv",), _csv),
    "markdown": TextWriter((".md",), _markdown),
}
"""Writers of text, by the value of `--format`."""

WRITERS: Mapping[str, TextWriter | PictureWriter] = {
    **TEXT_WRITERS,
    "html": TextWriter((".html",), _html),
    "figure": PictureWriter((".png", ".svg", ".pdf"), _figure),
}
"""Writers of all formats of results, by name."""


def writer_of(path: Path) -> TextWriter | PictureWriter | None:
    """Return the writer of a file's suffix; None if there is none."""
    suffix = path.suffix.lower()
    return next((writer for writer in WRITERS.values() if suffix in writer.suffixes), None)
