"""Canvas of figures: matplotlib settings, style and size.

A figure depends on the command alone: a `matplotlibrc` in the working directory or the user's
home, and MPLBACKEND, could change colours, start LaTeX, or make the import fail, so they are not
read. Figures are made without pyplot, which costs half a second and a window system, unless they
are to be shown in a window.
"""

import copy
import logging
import math
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any

from blobtransfer.errors import MachineError, SettingError
from blobtransfer.report.figures import style as figure_style
from blobtransfer.report.figures.style import LOOKS, MAX_NAME_WIDTH, shorten, width_in_letters
from blobtransfer.specs.checks import as_tuple, check_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINE_HEIGHT = 0.17
"""Height of a line of text, in inches at a font of 10 points."""

COLOUR_BAR_LABEL = "<colorbar>"
"""Label that matplotlib sets for the axes of a colour bar."""

LEGEND_MARK_WIDTH = 9
"""Width of the mark of a legend entry and of the gaps beside it, in average letters."""

MAX_TITLE_LINES = 8
"""Lines after which a long title is cut."""

MIN_NAME_WIDTH = 8.0
"""Width up to which no name is shortened, in letters of average width."""

MIN_PANEL_SIDE = 0.3
"""Shortest side of a readable panel, in inches."""

EMPTY_FOLDER = "/dev" if os.path.isdir("/dev") else os.path.dirname(__file__)
"""A folder without a matplotlibrc."""

_SETTINGS_LOCK = threading.RLock()
"""Held while matplotlib's settings, which all threads share, are those of a figure."""

SAVING_SETTINGS = {
    "svg.hashsalt": "blobtransfer",  # equal figures are byte-identical
    "svg.fonttype": "none",  # text stays text
    "pdf.fonttype": 42,  # journals refuse Type 3 fonts
}


def python_canvas(
    style: figure_style.Style = "screen", size: tuple[float, float] | None = None
) -> "Canvas":
    """Return the canvas of a figure for a Python program.

    Args:
        style: Name of the style.
        size: Width and height in inches, in place of those of the style.

    Raises:
        SettingError: There is no such style, or a side is out of range.
        MachineError: matplotlib is missing or broken.
    """
    if style not in figure_style.STYLES:
        raise SettingError("style", str(style), f"use one of {', '.join(figure_style.STYLES)}")
    if size is not None:
        sides = as_tuple("size", size)
        for side in sides:
            check_number("size", side)
        figure_style.check_size(sides, " ".join(map(str, sides)))
    import_matplotlib(is_configured=True)
    return Canvas(style=style, size=size)


class Canvas:
    """Make figures of one style, and show them in windows on request.

    Args:
        show: Open windows.
        style: Name of the style.
        size: Width and height in inches, in place of those of the style.

    Attributes:
        has_windows: Whether figures are to be shown.
        look: Sizes of the style.

    Raises:
        MachineError: Windows are requested, and matplotlib or a display is missing.
    """

    def __init__(
        self,
        show: bool = False,
        style: figure_style.Style = "screen",
        size: tuple[float, float] | None = None,
    ) -> None:
        self.has_windows = show
        self.look = LOOKS[style]
        self._width, self._height = size or (self.look.width, self.look.height)
        self._is_tight = False
        if show:
            import_matplotlib()
            import matplotlib.pyplot as plt

            probe = plt.figure()  # selects a backend that works here
            plt.close(probe)
            if getattr(probe.canvas, "required_interactive_framework", None) is None:
                raise MachineError(
                    "--show: no window can be opened here (no display, or no window library "
                    "such as tkinter or PyQt6); leave --show out and open the file"
                )

    def settings(self) -> AbstractContextManager[None]:
        """Draw in this style while the block runs.

        Raises:
            MachineError: The figure cannot be drawn, for whatever reason.
        """
        return matplotlib_settings(self.look.settings())

    def draw_to_fit(self, draw: Callable[["Canvas"], "Figure"]) -> "Figure":
        """Return a figure; draw it again with shorter names if its size is too small for them.

        Args:
            draw: Draws the figure on a canvas.
        """
        figure = draw(self)
        if self.has_free_height or _has_room(figure):
            return figure
        if self.has_windows:
            import matplotlib.pyplot as plt

            plt.close(figure)
        tight = copy.copy(self)
        tight._is_tight = True
        return draw(tight)

    @property
    def has_free_height(self) -> bool:
        """Whether a figure may be as high as its content needs."""
        return self._height is None

    def width(self, preferred: float) -> float:
        """Return the width of a figure as `new` takes it; a given one replaces `preferred`."""
        return preferred if self._width is None else self._width / self.look.unit

    def height(self, preferred: float) -> float:
        """Return the height of a figure as `new` takes it; a given one replaces `preferred`."""
        return preferred if self._height is None else self._height / self.look.unit

    def n_columns(self, n_panels: int, width: float, min_width: float) -> int:
        """Return how many panels are drawn side by side, at least one.

        Args:
            n_panels: Number of panels.
            width: Width of the figure if none is given, in inches at a font of 10 points.
            min_width: Width that a panel needs with its labels.
        """
        return max(1, min(n_panels, int(self.width(width) / min_width)))

    def new(self, width: float, height: float) -> "Figure":
        """Make an empty figure.

        Args:
            width: Preferred width, in inches at a font of 10 points.
            height: Preferred height.
        """
        size = (self.width(width) * self.look.unit, self.height(height) * self.look.unit)
        if self.has_windows:
            import matplotlib.pyplot as plt

            return plt.figure(figsize=size, layout="constrained")
        from blobtransfer.report.figures.inline import InlineFigure

        return InlineFigure(figsize=size, layout="constrained")

    def wrap(self, text: str, width: float) -> str:
        """Break a text into lines that fit a width, in inches at a font of 10 points.

        Words wider than a line are cut, and so is the text after the last line.
        """
        max_letters = max(12.0, width * 72 / (10 * figure_style.LETTER_WIDTH))
        max_lines = 1 if self._is_tight else MAX_TITLE_LINES
        lines: list[str] = []
        for word in (shorten(word, max_letters) for word in text.split()):
            longer = f"{lines[-1]} {word}" if lines else word
            if not lines or width_in_letters(longer) > max_letters:
                lines.append(word)
            else:
                lines[-1] = longer
            if len(lines) > max_lines:
                rest = " ".join(lines[max_lines - 1 :])
                return "\n".join([*lines[: max_lines - 1], shorten(f"{rest}...", max_letters)])
        return "\n".join(lines)

    def legend_columns(self, labels: Sequence[str], width: float) -> int:
        """Return how many entries of a legend stand side by side in a width, as in `wrap`."""
        longest = max(map(width_in_letters, labels), default=0) + LEGEND_MARK_WIDTH
        return max(1, min(len(labels), int(width / self.width_of(longest))))

    def add_legend(self, figure: "Figure", handles: Sequence[Any], width: float) -> None:
        """Add a legend below a figure.

        Args:
            figure: Figure, or the upper part of one.
            handles: Artists with labels.
            width: Width of the figure, as in `wrap`.
        """
        n_columns = self.legend_columns([handle.get_label() for handle in handles], width)
        figure.legend(handles=handles, frameon=False, loc="outside lower center", ncols=n_columns)

    def add_note(self, figure: "Figure", text: str, width: float) -> None:
        """Add a note below a figure, in small letters; `width` as in `wrap`.

        Args:
            figure: Figure to draw on.
            text: Text of the note.
            width: Width of the figure, as in `wrap`.
        """
        figure.supxlabel(self.wrap(text, width), fontsize=self.look.small)

    def max_name_width(self, width: float = math.inf) -> float:
        """Return the greatest width of a name, in letters of average width.

        Args:
            width: Room for the name, in inches at a font of 10 points.
        """
        longest = MIN_NAME_WIDTH if self._is_tight else MAX_NAME_WIDTH
        return min(longest, max(MIN_NAME_WIDTH, width / self.width_of(1)))

    def max_entry_width(self, width: float) -> float:
        """Return the greatest width of a legend entry of which two fit side by side in a width."""
        return self.max_name_width(width / 2 - self.width_of(LEGEND_MARK_WIDTH))

    def width_of(self, letters: float) -> float:
        """Return the width of a number of small letters, in inches at a font of 10 points."""
        return letters * figure_style.LETTER_WIDTH * self.look.small / 72 / self.look.unit

    def show(self) -> None:
        """Open the windows, if requested, and wait until they are closed."""
        if self.has_windows:
            import matplotlib.pyplot as plt

            plt.show()


def new_panels(figure: "Figure", n_panels: int, n_columns: int, **options: Any) -> list["Axes"]:
    """Add panels to a figure, row by row, and hide unused panels of the last row.

    Args:
        figure: Empty figure.
        n_panels: Number of panels.
        n_columns: Panels side by side.
        **options: Passed on to `Figure.subplots`.
    """
    grid = figure.subplots(-(-n_panels // n_columns), n_columns, squeeze=False, **options)
    for axes in grid.flat[n_panels:]:
        axes.set_visible(False)
    return list(grid.flat[:n_panels])


def import_matplotlib(is_configured: bool = False) -> ModuleType:
    """Import matplotlib, unless it is imported.

    Args:
        is_configured: Import it with the configuration of the user. Figures do not depend on that,
            but other figures of the same Python program do.

    Raises:
        MachineError: matplotlib is missing or broken.
    """
    if "matplotlib" in sys.modules:
        return sys.modules["matplotlib"]
    try:
        with nullcontext() if is_configured else _hidden_configuration():
            import matplotlib as mpl
    except (Exception, SystemExit) as error:  # the import of a large library may raise anything
        raise MachineError(
            f"matplotlib cannot be imported ({error}); reinstall it, or use --no-plot"
        ) from error
    return mpl


@contextmanager
def _hidden_configuration() -> Iterator[None]:
    """Hide the configuration of the user from matplotlib while it is imported."""
    # matplotlib warns if there is no folder for its caches, which is harmless.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    hidden = {
        name: os.environ.pop(name) for name in ("MPLBACKEND", "MATPLOTLIBRC") if name in os.environ
    }
    os.environ["MATPLOTLIBRC"] = os.devnull
    here = None
    try:
        with suppress(OSError):  # the working directory may be gone
            here = os.open(os.curdir, os.O_RDONLY)
            os.chdir(EMPTY_FOLDER)
        yield
    finally:
        if here is not None:
            os.chdir(here)
            os.close(here)
        del os.environ["MATPLOTLIBRC"]
        os.environ |= hidden


@contextmanager
def matplotlib_settings(more: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Draw and save by matplotlib's defaults and `SAVING_SETTINGS` while the block runs.

    Args:
        more: Further settings.

    Raises:
        MachineError: The figure cannot be drawn, for whatever reason.
    """
    mpl = import_matplotlib()
    try:
        defaults = {key: value for key, value in mpl.rcParamsDefault.items() if key != "backend"}
        with (
            _SETTINGS_LOCK,
            _any_backend(mpl),
            mpl.rc_context(defaults | SAVING_SETTINGS | dict(more or {})),
        ):
            yield
    except (MachineError, MemoryError):
        raise
    except Exception as error:
        raise MachineError(
            f"the figure cannot be drawn ({type(error).__name__}: {error}); use --no-plot"
        ) from error


@contextmanager
def _any_backend(mpl: ModuleType) -> Iterator[None]:
    """Keep matplotlib from choosing a backend for windows, which would import pyplot."""
    backend = dict.__getitem__(mpl.rcParams, "backend")
    if not isinstance(backend, str):  # it is chosen when a function reads it, such as `Axes.bxp`
        dict.__setitem__(mpl.rcParams, "backend", "agg")
    try:
        yield
    finally:
        dict.__setitem__(mpl.rcParams, "backend", backend)


@contextmanager
def strict_layout() -> Iterator[None]:
    """Raise `UserWarning` in the block if a figure has too little room for its layout."""
    with warnings.catch_warnings():
        # A letter of a file's name that the font lacks is drawn as a box.
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        warnings.filterwarnings("error", "constrained_layout not applied", UserWarning)
        yield


def check_room(figure: "Figure") -> None:
    """Raise `UserWarning` if a panel is too small to be read."""
    for axes in figure.axes:
        box = axes.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
        may_be_flat = axes.get_label() == COLOUR_BAR_LABEL or not axes.axison
        if axes.get_visible() and not may_be_flat and min(box.width, box.height) < MIN_PANEL_SIDE:
            raise UserWarning("a panel is too small")


def _has_room(figure: "Figure") -> bool:
    """Lay a figure out, and return whether every panel is large enough."""
    with strict_layout():
        try:
            figure.draw_without_rendering()
            check_room(figure)
        except UserWarning:
            return False
    return True
