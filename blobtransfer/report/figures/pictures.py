"""Pictures: a figure with the texts of its file, and functions to save them.

Files of equal figures are byte-identical, and contain the command line that drew them.
"""

import html
import io
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blobtransfer.atomic_write import write_atomic
from blobtransfer.errors import MachineError
from blobtransfer.report.figures.canvas import (
    Canvas,
    check_room,
    matplotlib_settings,
    strict_layout,
)
from blobtransfer.report.figures.fonts import missing_note
from blobtransfer.report.figures.style import BACKGROUND, DARK_TEXT, INK, is_dark, mixed
from blobtransfer.report.report import Report
from blobtransfer.specs.checks import escape_control_characters

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 150
"""Resolution of a PNG file, in dots per inch."""

MAX_READ_BYTES = 100_000_000
"""Size in bytes of the largest file that is searched for its command line."""


@dataclass(frozen=True)
class Picture:
    """A figure and the texts in its file.

    Args:
        figure: The figure.
        title: One line on what it shows.
        text: Text alternative.
        made_by: Command line that drew it.
        note: What the user should know about the figure, or empty.
    """

    figure: "Figure"
    title: str
    text: str
    made_by: str
    note: str = ""


def picture_of_report(report: Report[Any], canvas: Canvas, argv: Sequence[str] = ()) -> Picture:
    """Draw the figure of a report.

    Args:
        report: Report of the results of any command.
        canvas: Canvas to draw on.
        argv: Command line that draws it, without the program.

    Raises:
        MachineError: The figure cannot be drawn.
    """
    made_by = shlex.join(("blobtransfer", *(argv or (report.results.command,))))
    with canvas.settings():
        figure = canvas.draw_to_fit(partial(report.view.draw, report))
    return Picture(
        figure, report.headline, report.caption, made_by, missing_note(canvas.missing_characters)
    )


def save(picture: Picture, path: Path) -> None:
    """Write a figure in the format of its suffix.

    Raises:
        MachineError: The file cannot be written.
    """
    suffix = path.suffix.lower()
    with _saving(path.name), write_atomic(path) as temporary:
        picture.figure.savefig(temporary, dpi=DPI, metadata=_metadata(picture)[suffix])
        check_room(picture.figure)
        if suffix == ".svg":
            temporary.write_text(_described(temporary.read_text("utf-8"), picture.text), "utf-8")


def svg_text(picture: Picture) -> str:
    """Return a figure as the text of an SVG file; see `save`."""
    text = io.StringIO()
    with _saving("the figure"):
        picture.figure.savefig(text, format="svg", metadata=_metadata(picture)[".svg"])
        check_room(picture.figure)
    return _described(text.getvalue(), picture.text)


def page_svg(picture: Picture) -> str:
    """Return a figure as SVG for a page: transparent, with text and axes in the page's colours.

    Dark colours of variants and classes are lighter where the page is dark.
    """
    text = io.StringIO()
    with _saving("the figure"):
        metadata = _metadata(picture)[".svg"]
        picture.figure.savefig(text, format="svg", transparent=True, metadata=metadata)
        check_room(picture.figure)
    svg = re.sub(r"\b(fill|stroke): (#[0-9a-f]{6})", _page_colour, text.getvalue())
    # An element without a colour is black, which is the colour of the page's text here.
    return _described(svg, picture.text).replace("<svg ", '<svg fill="currentColor" ', 1)


def _page_colour(match: re.Match[str]) -> str:
    """Return the colour of an element in a page, given that on white."""
    name, colour = match[1], match[2].upper()
    if colour == INK:
        return f"{name}: currentColor"
    if colour == BACKGROUND:
        return f"{name}: var(--ground, Canvas)"
    if colour != DARK_TEXT and is_dark(colour):
        # The first is for browsers that do not know the second.
        light = mixed(colour, BACKGROUND, 0.4)
        return f"{name}: {colour}; {name}: light-dark({colour}, {light})"
    return match[0]


def made_by(path: Path) -> str | None:
    """Return the command line that drew a saved figure; None for a file of another program."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_READ_BYTES:
            return None
        data = path.read_bytes()
    except OSError:
        return None
    if data.startswith(b"\x89PNG"):
        key = data.find(b"tEXtDescription\0")
        length = int.from_bytes(data[max(0, key - 4) : key])
        raw = data[key + 16 : key + 4 + length] if key > 0 else b""
    elif data.startswith(b"%PDF"):
        subject = re.search(rb"/Subject \(((?:[^()\\]|\\.)*)\)", data)
        raw = b"" if subject is None else re.sub(rb"\\(.)", rb"\1", subject[1])
    else:
        description = re.search(rb"<dc:description>([^<]*)</dc:description>", data)
        text = b"" if description is None else description[1]
        raw = html.unescape(text.decode("ascii", "replace")).encode()
    command = raw.decode("ascii", "replace")
    return command if command.startswith("blobtransfer ") and command.isprintable() else None


def metadata_text(text: str) -> str:
    """Return a text with only the characters that the metadata of every format supports."""
    return escape_control_characters(text).encode("ascii", "backslashreplace").decode()


@contextmanager
def _saving(name: str) -> Iterator[None]:
    """Set matplotlib up for saving; a warning about the layout becomes a `MachineError`."""
    with matplotlib_settings(), strict_layout():
        try:
            yield
        except UserWarning as error:
            raise MachineError(
                f"{name}: the figure has too little room; use a larger --size"
            ) from error


def _metadata(picture: Picture) -> dict[str, dict[str, Any]]:
    """Return the metadata of a figure for each suffix."""
    title, command = metadata_text(picture.title), metadata_text(picture.made_by)
    return {
        ".png": {"Title": title, "Description": command},
        ".svg": {
            "Title": escape_control_characters(picture.title),
            "Description": command,
            "Date": None,
        },
        ".pdf": {"Title": title, "Subject": command, "CreationDate": None},
    }


def _described(svg: str, text: str) -> str:
    """Add a role and a description to an SVG; matplotlib writes neither."""
    description = (
        f"</title>\n <desc>{html.escape(escape_control_characters(text), quote=False)}</desc>\n"
    )
    return svg.replace("</title>\n", description, 1).replace("<svg ", '<svg role="img" ', 1)
