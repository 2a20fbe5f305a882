"""Where figures are drawn: in which style and size, into files and windows.

Figures are made without pyplot, which costs half a second and a window system, unless
they are to be shown in a window.
"""

import copy
import html
import io
import logging
import math
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blobtransfer.atomic_write import write_atomic
from blobtransfer.errors import MachineError
from blobtransfer.report.figures.settings import import_matplotlib, own_settings
from blobtransfer.report.figures.style import (
    LETTER,
    LONGEST_NAME,
    LOOKS,
    Style,
    shortened,
    width_in_letters,
)
from blobtransfer.specs.checks import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 150
"""Dots of an inch in a PNG file."""

LINE_HEIGHT = 0.17
"""Height of a line of text, in inches at a font of 10 points."""

COLOUR_BAR = "<colorbar>"
"""Label that matplotlib gives the scale of colours."""

LEGEND_MARK = 9
"""Width of the mark of an entry of a legend and of the gaps beside it, in average letters."""

MOST_LINES = 8
"""Lines of a title; the rest of a long title is cut."""

SHORTEST_NAME = 8.0
"""Width up to which no name is shortened, in letters of average width."""

SHORTEST_SIDE = 0.3
"""Of a panel that can be read, in inches."""

MOST_READ = 100_000_000
"""Bytes of an older figure that are looked at."""


@dataclass(frozen=True)
class Picture:
    """A figure and what is said of it in its file.

    Args:
        figure: What is drawn.
        title: What it shows, in a line.
        text: What can be read off it, for who cannot see it.
        made_by: The command line that made it.
    """

    figure: "Figure"
    title: str
    text: str
    made_by: str


class Canvas:
    """Makes figures of one style, and shows them in windows where that was asked for.

    Args:
        show: Open windows.
        style: What the figure is for.
        size: Width and height in inches, in place of those of the style.

    Attributes:
        has_windows: Whether figures are to be shown.
        look: The sizes of the style.

    Raises:
        MachineError: Windows are asked for and there is no display for them.
    """

    def __init__(
        self, show: bool = False, style: Style = "screen", size: tuple[float, float] | None = None
    ) -> None:
        self.has_windows = show
        self.look = LOOKS[style]
        self._size = size
        self._is_tight = False
        # It warns where it finds no folder for its caches, which costs the user nothing.
        logging.getLogger("matplotlib").setLevel(logging.ERROR)
        import_matplotlib()
        if show:
            import matplotlib.pyplot as plt

            probe = plt.figure()  # settles which backend works here
            plt.close(probe)
            if getattr(probe.canvas, "required_interactive_framework", None) is None:
                raise MachineError(
                    "--show: no window can be opened here (no display, or no window library "
                    "such as tkinter or PyQt6); leave --show out and open the file"
                )

    @contextmanager
    def settings(self) -> Iterator[None]:
        """Draw in this style while the block runs.

        Raises:
            MachineError: What is drawn cannot be drawn, for whatever reason.
        """
        with own_settings(self.look.settings()):
            yield

    def draw_to_fit(self, draw: Callable[["Canvas"], "Figure"]) -> "Figure":
        """Return a figure; draw it again with shorter names if its size is too small for them.

        Args:
            draw: Draws the figure on a canvas.
        """
        figure = draw(self)
        has_free_height = math.isinf(self.height(math.inf))
        if has_free_height or _has_room(figure):
            return figure
        if self.has_windows:
            import matplotlib.pyplot as plt

            plt.close(figure)
        tight = copy.copy(self)
        tight._is_tight = True
        return draw(tight)

    def width(self, wanted: float) -> float:
        """Return the width of a figure as `new` takes it; the given one replaces `wanted`."""
        given = self.look.width if self._size is None else self._size[0]
        return wanted if given is None else given / self.look.unit

    def height(self, wanted: float) -> float:
        """Return the height of a figure as `new` takes it; the given one replaces `wanted`."""
        given = self.look.height if self._size is None else self._size[1]
        return wanted if given is None else given / self.look.unit

    def n_columns(self, wanted: int, width: float, least: float) -> int:
        """Return how many panels are drawn side by side.

        Args:
            wanted: At most.
            width: Of a figure that may choose it.
            least: Width that a panel needs with its labels.
        """
        return max(1, min(wanted, int(self.width(width) / least)))

    def new(self, width: float, height: float) -> "Figure":
        """Make an empty figure.

        Args:
            width: Inches that it would take with a font of 10 points, unless it is given.
            height: The same.
        """
        size = (self.width(width) * self.look.unit, self.height(height) * self.look.unit)
        if self.has_windows:
            import matplotlib.pyplot as plt

            return plt.figure(figsize=size, layout="constrained")
        from matplotlib.figure import Figure

        return Figure(figsize=size, layout="constrained")

    def wrapped(self, text: str, width: float) -> str:
        """Break a text into lines that fit a width, in inches at a font of 10 points.

        Words wider than a line are cut, and so is the text after the last line.
        """
        most = max(12.0, width * 72 / (10 * LETTER))
        most_lines = 1 if self._is_tight else MOST_LINES
        lines: list[str] = []
        for word in (shortened(word, most) for word in text.split()):
            longer = f"{lines[-1]} {word}" if lines else word
            if not lines or width_in_letters(longer) > most:
                lines.append(word)
            else:
                lines[-1] = longer
            if len(lines) > most_lines:
                cut = " ".join(lines[most_lines - 1 :])
                return "\n".join([*lines[: most_lines - 1], shortened(f"{cut}...", most)])
        return "\n".join(lines)

    def legend_columns(self, labels: Sequence[str], width: float) -> int:
        """Return how many entries of a legend stand side by side in a width, as in `wrapped`."""
        longest = max(map(width_in_letters, labels), default=0) + LEGEND_MARK
        return max(1, min(len(labels), int(width / self.width_of(longest))))

    def longest_name(self, width: float = math.inf) -> float:
        """Return the greatest width of a name, in letters of average width.

        Args:
            width: Room for the name, in inches at a font of 10 points.
        """
        longest = SHORTEST_NAME if self._is_tight else LONGEST_NAME
        return min(longest, max(SHORTEST_NAME, width / self.width_of(1)))

    def longest_entry(self, width: float) -> float:
        """Return the greatest width of a legend entry of which two fit side by side in a width."""
        return self.longest_name(width / 2 - self.width_of(LEGEND_MARK))

    def width_of(self, letters: float) -> float:
        """Return the width of a number of small letters, in inches at a font of 10 points."""
        return letters * LETTER * self.look.small / 72 / self.look.unit

    def show(self) -> None:
        """Open the windows and wait until they are closed; nothing unless asked for."""
        if self.has_windows:
            import matplotlib.pyplot as plt

            plt.show()


def save(picture: Picture, path: Path) -> None:
    """Write a figure in the format of its suffix; the same figure gives the same bytes.

    Raises:
        MachineError: The file cannot be written.
    """
    suffix = path.suffix.lower()
    with _saving(path.name), write_atomic(path) as temporary:
        picture.figure.savefig(temporary, dpi=DPI, metadata=_metadata(picture)[suffix])
        _check_room(picture.figure)
        if suffix == ".svg":
            temporary.write_text(_described(temporary.read_text("utf-8"), picture.text), "utf-8")


def svg_text(picture: Picture) -> str:
    """Return a figure as the text of an SVG file; see `save`."""
    text = io.StringIO()
    with _saving("the figure"):
        picture.figure.savefig(text, format="svg", metadata=_metadata(picture)[".svg"])
        _check_room(picture.figure)
    return _described(text.getvalue(), picture.text)


@contextmanager
def _saving(name: str) -> Iterator[None]:
    """Save a figure while the block runs, whatever letters it holds."""
    with own_settings(), _laid_out():
        try:
            yield
        except UserWarning as error:
            raise MachineError(
                f"{name}: the figure has too little room; use a larger --size"
            ) from error


def _has_room(figure: "Figure") -> bool:
    """Lay a figure out, and return whether every panel is large enough."""
    with _laid_out():
        try:
            figure.draw_without_rendering()
            _check_room(figure)
        except UserWarning:
            return False
    return True


@contextmanager
def _laid_out() -> Iterator[None]:
    """Raise `UserWarning` in the block if a figure has too little room for its layout."""
    with warnings.catch_warnings():
        # A letter of a file's name that the font lacks is drawn as a box.
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        warnings.filterwarnings("error", "constrained_layout not applied", UserWarning)
        yield


def _metadata(picture: Picture) -> dict[str, dict[str, Any]]:
    """Return the metadata of a figure for each suffix."""
    title, made_by = plain(picture.title), plain(picture.made_by)
    return {
        ".png": {"Title": title, "Description": made_by},
        ".svg": {"Title": printable(picture.title), "Description": made_by, "Date": None},
        ".pdf": {"Title": title, "Subject": made_by, "CreationDate": None},
    }


def _check_room(figure: "Figure") -> None:
    """Raise `UserWarning` where a panel came out too small to read anything off it."""
    for axes in figure.axes:
        box = axes.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
        is_bar = axes.get_label() == COLOUR_BAR or not axes.axison  # which may be flat
        has_axes = axes.get_visible() and not is_bar
        if has_axes and min(box.width, box.height) < SHORTEST_SIDE:
            raise UserWarning("a panel is too small")


def made_by(path: Path) -> str | None:
    """Return the command line that made an older figure; None for a file of another program."""
    try:
        if not path.is_file() or path.stat().st_size > MOST_READ:
            return None
        data = path.read_bytes()
    except OSError:
        return None
    if data.startswith(b"\x89PNG"):
        key = data.find(b"tEXtDescription\0")
        length = int.from_bytes(data[max(0, key - 4) : key])
        found = data[key + 16 : key + 4 + length] if key > 0 else b""
    elif data.startswith(b"%PDF"):
        subject = re.search(rb"/Subject \(((?:[^()\\]|\\.)*)\)", data)
        found = b"" if subject is None else re.sub(rb"\\(.)", rb"\1", subject[1])
    else:
        description = re.search(rb"<dc:description>([^<]*)</dc:description>", data)
        text = b"" if description is None else description[1]
        found = html.unescape(text.decode("ascii", "replace")).encode()
    command = found.decode("ascii", "replace")
    return command if command.startswith("blobtransfer ") and command.isprintable() else None


def plain(text: str) -> str:
    """Return a text in characters that the metadata of every format can hold."""
    return printable(text).encode("ascii", "backslashreplace").decode()


def _described(drawn: str, text: str) -> str:
    """Add a role and a description to an SVG; matplotlib writes neither."""
    description = f"</title>\n <desc>{html.escape(printable(text), quote=False)}</desc>\n"
    return drawn.replace("</title>\n", description, 1).replace("<svg ", '<svg role="img" ', 1)
