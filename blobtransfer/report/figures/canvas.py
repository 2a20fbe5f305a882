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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from blobtransfer.errors import MachineError, SettingError
from blobtransfer.report.figures import style as figure_style
from blobtransfer.report.figures.fonts import fallback_families, missing_characters
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

TITLE_SCALE = 1.25
"""Size of the headline, as a share of that of other text."""

UNITS = ("%", "point", "points", "repeats")
"""Words that stand on one line with the number before them."""

FOOT_INSET = 0.3
"""Width of a figure that notes below it leave free, in inches at a font of 10 points."""

PANEL_LETTERS = "abcdefghijklmnopqrstuvwxyz"

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
    style: figure_style.Style = "screen",
    size: tuple[float, float] | None = None,
    title: bool = True,
) -> "Canvas":
    """Return the canvas of a figure for a Python program.

    Args:
        style: Name of the style.
        size: Width and height in inches, in place of those of the style.
        title: Whether figures have a headline.

    Raises:
        SettingError: Unknown style, or a side is out of range.
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
    return Canvas(style=style, size=size, has_title=title)


class Canvas:
    """Make figures of one style, and show them in windows on request.

    Args:
        show: Open windows.
        style: Name of the style.
        size: Width and height in inches, in place of those of the style.
        has_title: Whether figures have a headline.

    Attributes:
        has_windows: Whether figures are to be shown.
        has_title: As above.
        missing_characters: Characters of the figure drawn last that no installed font has.
        look: Sizes of the style.

    Raises:
        MachineError: Windows are requested, and matplotlib or a display is missing.
    """

    def __init__(
        self,
        show: bool = False,
        style: figure_style.Style = "screen",
        size: tuple[float, float] | None = None,
        has_title: bool = True,
    ) -> None:
        self.has_windows = show
        self.has_title = has_title
        self.missing_characters = set[str]()
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
        """Return a figure; draw it again if it needs other fonts, or shorter names for its size.

        Args:
            draw: Draws the figure on a canvas.
        """
        figure = draw(self)
        self.missing_characters = missing_characters(figure)
        if self.missing_characters:
            families, self.missing_characters = fallback_families(self.missing_characters)
            if families:
                self._close(figure)
                family = [figure_style.FONT_FAMILY, *families]
                with import_matplotlib().rc_context({"font.family": family}):
                    return self._fitted(draw(self), draw)
        return self._fitted(figure, draw)

    def _fitted(self, figure: "Figure", draw: Callable[["Canvas"], "Figure"]) -> "Figure":
        """Return a figure if it has room, else draw it again with shorter names."""
        if self.has_free_height or _has_room(figure):
            return figure
        self._close(figure)
        tight = copy.copy(self)
        tight._is_tight = True
        return draw(tight)

    def _close(self, figure: "Figure") -> None:
        """Close the window of a figure that is drawn again."""
        if self.has_windows:
            import matplotlib.pyplot as plt

            plt.close(figure)

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
        space = width_in_letters("a a") - 2 * width_in_letters("a")
        lines: list[str] = []
        line_width = 0.0
        for word in (shorten(word, max_letters) for word in _words(text)):
            word_width = width_in_letters(word)
            if not lines or line_width + space + word_width > max_letters:
                lines.append(word)
                line_width = word_width
            else:
                lines[-1] += f" {word}"
                line_width += space + word_width
            if len(lines) > max_lines:
                rest = " ".join(lines[max_lines - 1 :])
                lines = [*lines[: max_lines - 1], shorten(f"{rest}...", max_letters)]
                break
        return "\n".join(lines)

    def legend_columns(self, labels: Sequence[str], width: float) -> int:
        """Return how many entries of a legend stand side by side in a width, as in `wrap`."""
        longest = max(map(width_in_letters, labels), default=0) + LEGEND_MARK_WIDTH
        return max(1, min(len(labels), int(width / self.width_of(longest))))

    def title_height(self, title: str, width: float) -> float:
        """Return the height of a headline, in inches at a font of 10 points.

        Args:
            title: Text of the headline.
            width: Width of the figure, as in `wrap`.
        """
        if not self.has_title:
            return 0.0
        return 0.1 + TITLE_SCALE * LINE_HEIGHT * self._n_lines(title, width / TITLE_SCALE)

    def add_title(self, figure: "Figure", title: str, width: float) -> None:
        """Add the headline of a figure, unless the canvas has none.

        Args:
            figure: Figure to draw on.
            title: Text of the headline.
            width: Width of the figure, as in `wrap`.
        """
        if self.has_title:
            lines = self.wrap(title, width / TITLE_SCALE)
            figure.suptitle(figure_style.escape_mathtext(lines))

    def foot_height(self, notes: Sequence[str], labels: Sequence[str], width: float) -> float:
        """Return the height of notes and a legend below a figure, in inches at 10 points.

        Args:
            notes: Notes.
            labels: Entries of the legend.
            width: Width of the figure, as in `wrap`.
        """
        n_columns = self.legend_columns(labels, width)
        n_lines = self._n_lines("; ".join(notes), width - FOOT_INSET) if notes else 0
        return 0.1 + LINE_HEIGHT * (n_lines + 1.3 * -(-len(labels) // n_columns))

    def add_foot(
        self, figure: "Figure", notes: Sequence[str], width: float, handles: Sequence[Any] = ()
    ) -> None:
        """Explain a figure once, below all of its panels, in small letters.

        Args:
            figure: Figure, or the upper part of one.
            notes: Notes.
            width: Width of the figure, as in `wrap`.
            handles: Artists with labels, for a legend below the notes.
        """
        text = figure_style.escape_mathtext(self.wrap("; ".join(notes), width - FOOT_INSET))
        if not handles:
            figure.supxlabel(text, fontsize=self.look.small)
            return
        n_columns = self.legend_columns([handle.get_label() for handle in handles], width)
        legend = figure.legend(
            handles=handles, frameon=False, loc="outside lower center", ncols=n_columns,
            title=text or None, title_fontsize=self.look.small,
        )  # fmt: skip
        legend.get_title().set_multialignment("center")

    def add_letters(self, panels: Iterable["Axes"]) -> None:
        """Letter the panels of a figure (a), (b), ... if the style asks for it.

        Args:
            panels: Panels in the order in which they are read.
        """
        shown = [axes for axes in panels if axes.get_visible()]
        if not self.look.has_letters or len(shown) < 2:
            return
        for letter, axes in zip(PANEL_LETTERS, shown, strict=False):
            loc: Literal["left", "center"] = "center" if axes.get_title() else "left"
            axes.set_title(f"({letter}) {axes.get_title(loc)}".rstrip(), loc=loc)

    def _n_lines(self, text: str, width: float) -> int:
        return self.wrap(text, width).count("\n") + 1

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


def _words(text: str) -> list[str]:
    """Return the words of a text; a number and its unit, such as `95 %`, are one word."""
    words: list[str] = []
    for word in text.split():
        if words and word.rstrip(";,.)") in UNITS and words[-1][-1].isdigit():
            words[-1] += f" {word}"
        else:
            words.append(word)
    return words


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
    # Without a folder for its caches, matplotlib prints a harmless warning.
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
    """Return whether every panel of a figure is large enough after its layout."""
    with strict_layout():
        try:
            figure.draw_without_rendering()
            check_room(figure)
        except UserWarning:
            return False
    return True
