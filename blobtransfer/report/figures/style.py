"""Style of figures: colours, markers, line styles, sizes, and widths of names."""

import re
import warnings
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, islice
from typing import Any, Literal, get_args
from unicodedata import category, normalize

from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import escape_control_characters
from blobtransfer.specs.data import DataSpec
from blobtransfer.specs.scores import NamedVariant
from blobtransfer.specs.table import TableSpec
from blobtransfer.specs.variant import Variant

Style = Literal["screen", "slide", "paper", "paper-wide"]
STYLES: tuple[Style, ...] = get_args(Style)

MIN_SIDE, MAX_SIDE = 2.0, 50.0
"""Shortest and longest side of a figure, in inches."""

CLASS_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Colours of classes, distinguishable with any colour vision (Okabe & Ito 2008, without F0E442)."""

TRANSFER_COLOURS = ("#D55E00", "#009E73", "#CC79A7", "#AA4499", "#117733", "#CC6677")
BASELINE_COLOUR = "#0072B2"
KIND_COLOURS = {
    "standalone": BASELINE_COLOUR,
    "random-frozen": "#E69F00",
    "self-transfer": "#56B4E9",
    "equal-compute": "#000000",
    "new-head": "#882255",
    "reinit": "#999933",
    "add": "#332288",
    "unfreeze": "#661100",
    "anchor": "#CC6677",
}
"""Colours of variants: of a plain transfer by its number of frozen layers, of the others by the
first word of their kind. With any colour vision they differ (Okabe & Ito 2008; the muted colours
of Tol 2021)."""

SHADES = (("#000000", 0.45), ("#FFFFFF", 0.45))
"""Colours that are mixed into that of a variant if an earlier variant has it, and their shares."""

MARKERS = ("o", "s", "^", "D", "v", "P", "*", "X", "<", ">")
LINE_STYLES = ("-", "--", "-.", ":")
"""Line styles, which distinguish classes and variants in greyscale."""

INK, BACKGROUND = "#000000", "#FFFFFF"
"""Colours of text and axes, and of what is empty; in a page they are those of the page."""

DARK_TEXT, LIGHT_TEXT = "#111111", "#FEFEFE"
"""Colours of text on a coloured area, which are the same in every page."""

BEST_POSSIBLE_LINE: dict[str, Any] = {"color": INK, "alpha": 0.65, "linestyle": (0, (5, 3))}
THRESHOLD_LINE: dict[str, Any] = {"color": INK, "alpha": 0.65, "linestyle": ":"}

MAX_DARK = 110
"""Greatest brightness of a colour, of 255, that is hard to see on a dark page."""

FONT_FAMILY = "DejaVu Sans"
"""The font of figures, which comes with matplotlib."""

LETTER_WIDTH = 0.53
"""Average width of a letter, as a share of the size of its font."""

MAX_NAME_WIDTH = 30
"""Greatest width of the name of a column or class, in letters of average width."""

MAX_NAME_WIDTH_IN_TITLE = 60
"""Greatest width of a name in a title, in letters of average width."""

MAX_ACCENTS = 1
"""Largest number of combining accents that are drawn on a letter."""

MAX_LETTERS = 400
"""Largest number of characters of a name that are measured; the rest is cut."""


@dataclass(frozen=True)
class Look:
    """The sizes of a style.

    Args:
        font: Size of most text, in points.
        small: Size of numbers at the axes and of legends, in points; nothing is smaller.
        scale: Scale of lines and marks, 1 for a font of 10 points.
        width: Width of a figure, in inches; None: what its content needs.
        height: Height of a figure, in inches; None: what its content needs.
        has_letters: Whether several panels are lettered (a), (b), ..., as journals ask.
    """

    font: float
    small: float
    scale: float
    width: float | None = None
    height: float | None = None
    has_letters: bool = False

    @property
    def unit(self) -> float:
        """Inches in this style that correspond to one inch at a font of 10 points."""
        return self.font / 10.0

    @property
    def line_height(self) -> float:
        """Least height of a row with small text, in inches at a font of 10 points."""
        return 0.95 * self.small / 72 / self.unit

    def settings(self) -> dict[str, Any]:
        """Return the sizes as matplotlib's settings."""
        sizes: dict[str, Any] = {"lines.linewidth": 1.5 * self.scale}
        sizes |= {"axes.linewidth": 0.8 * self.scale, "patch.linewidth": 1.0 * self.scale}
        for axis in ("xtick", "ytick"):
            sizes |= {f"{axis}.major.width": 0.8 * self.scale}
            sizes |= {f"{axis}.major.size": 3.5 * self.scale}
            sizes |= {f"{axis}.minor.width": 0.6 * self.scale}
            sizes |= {f"{axis}.minor.size": 2.0 * self.scale}
            sizes |= {f"{axis}.labelsize": self.small}
        sizes |= {"font.size": self.font, "axes.titlesize": self.font, "axes.labelsize": self.font}
        return sizes | {"figure.titlesize": 1.2 * self.font, "legend.fontsize": self.small}


LOOKS: dict[Style, Look] = {
    "screen": Look(font=10.0, small=9.0, scale=1.0),
    # a slide of 16:9
    "slide": Look(font=16.0, small=14.0, scale=1.6, width=40 / 3, height=7.5),
    # one column of a journal, and both
    "paper": Look(font=8.0, small=8.0, scale=0.7, width=3.5, has_letters=True),
    "paper-wide": Look(font=8.0, small=8.0, scale=0.7, width=7.0, has_letters=True),
}


def check_size(sides: Sequence[float], text: str) -> None:
    """Raise `SettingError` unless these are the width and the height of a figure.

    Args:
        sides: Sides in inches.
        text: The sides as the user writes them.
    """
    if len(sides) != 2 or any(not MIN_SIDE <= side <= MAX_SIDE for side in sides):
        problem = f"use two numbers of inches from {MIN_SIDE:g} to {MAX_SIDE:g}, such as 3.5x4"
        raise SettingError("size", text, problem)


@dataclass(frozen=True)
class VariantStyle:
    """How a variant is drawn.

    Args:
        colour: Colour, by the kind of the variant.
        marker: Marker, by the number of frozen layers.
        line: Line style, by the position of the variant.
    """

    colour: str
    marker: str
    line: str


def style_of(variant: Variant, variants: Sequence[Variant]) -> VariantStyle:
    """Return how a variant is drawn, the same in every figure of a run.

    Args:
        variant: The variant.
        variants: All variants of the run.
    """
    return _styles_of(tuple(variants))[variant]


@lru_cache(maxsize=8)
def _styles_of(variants: tuple[Variant, ...]) -> dict[Variant, VariantStyle]:
    """Return how each variant is drawn: no two alike as long as there are shades and markers."""
    styles: dict[Variant, VariantStyle] = {}
    for i, variant in enumerate(variants):
        base = _base_colour(variant, i)
        used = Counter(style.colour for style in styles.values())
        shades = [base, *(mixed(base, other, share) for other, share in SHADES)]
        colour = min(shades, key=lambda shade: used[shade])
        n_frozen = variant.n_frozen
        first = i if isinstance(variant, NamedVariant) else 0 if n_frozen is None else n_frozen + 1
        markers = [MARKERS[(first + k) % len(MARKERS)] for k in range(len(MARKERS))]
        taken = [style.marker for style in styles.values() if style.colour == colour]
        marker = min(markers, key=taken.count)
        styles[variant] = VariantStyle(colour, marker, LINE_STYLES[i % len(LINE_STYLES)])
    return styles


def _base_colour(variant: Variant, i: int) -> str:
    """Return the colour of the kind of a variant; of one of which only the name is known, by `i`.

    Args:
        variant: The variant.
        i: Its position among the variants.
    """
    if isinstance(variant, NamedVariant):
        return TRANSFER_COLOURS[(i - 1) % len(TRANSFER_COLOURS)] if i else BASELINE_COLOUR
    if variant.kind == "transfer":
        return TRANSFER_COLOURS[(variant.n_frozen or 0) % len(TRANSFER_COLOURS)]
    return KIND_COLOURS[re.split("[ =]", variant.kind)[0]]


def mixed(colour: str, other: str, share: float) -> str:
    """Return a mixture of two colours.

    Args:
        colour: A colour.
        other: Another colour.
        share: Share of the other one.
    """
    channels = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round((1 - share) * a + share * b):02X}" for a, b in channels)


def _channels(colour: str) -> tuple[int, ...]:
    """Return red, green and blue of a colour, from 0 to 255."""
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


def is_dark(colour: str) -> bool:
    """Return whether a colour is hard to see on a dark page."""
    red, green, blue = _channels(colour)
    return 0.299 * red + 0.587 * green + 0.114 * blue <= MAX_DARK


def class_colours(n: int) -> list[str]:
    """Return the colours of `n` classes."""
    return [CLASS_COLOURS[k % len(CLASS_COLOURS)] for k in range(n)]


def has_pattern(k: int) -> bool:
    """Return whether class `k` has hollow marks and hatched areas, as its colour is used before."""
    return k // len(CLASS_COLOURS) % 2 == 1


def class_marker(k: int) -> str:
    """Return the marker of class `k`; classes of one colour have different markers."""
    return MARKERS[(k + k // len(CLASS_COLOURS)) % len(MARKERS)]


def data_title(spec: DataSpec) -> str:
    """Return the name of data as a title; the names of files and columns keep their case."""
    name = shorten(spec.name, MAX_NAME_WIDTH_IN_TITLE)
    return name if isinstance(spec, TableSpec) else name[:1].upper() + name[1:]


def width_in_letters(text: str) -> float:
    """Return the width of a line as it is drawn, in letters of average width."""
    from matplotlib import rcParams

    return _width(_drawable(text), tuple(rcParams["font.family"]))


@lru_cache(maxsize=4096)
def _width(line: str, families: tuple[str, ...]) -> float:
    """Return the width of a line in letters of average width.

    Args:
        line: The line, escaped.
        families: Families of its font.
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    size = 10.0
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        width, _, _ = text_to_path.get_text_width_height_descent(
            line, FontProperties(family=list(families), size=size), ismath=False
        )
    return float(width / (size * LETTER_WIDTH))


def shorten(text: str, max_width: float = MAX_NAME_WIDTH) -> str:
    """Cut a line to a width.

    Args:
        text: A line, such as the name of a file, a column or a class.
        max_width: Greatest width, in letters of average width.
    """
    line = _drawable(text)
    if len(line) <= MAX_LETTERS and width_in_letters(line) <= max_width:
        return line
    line = line[:MAX_LETTERS]
    n_fitting = bisect_left(
        range(len(line)), True, key=lambda n: width_in_letters(f"{line[:n]}...") > max_width
    )
    return f"{line[: max(0, n_fitting - 1)]}..."


def escape_mathtext(text: str) -> str:
    """Escape a text for all formats of figures, and so that matplotlib parses no formula in it."""
    return "\n".join(map(_drawable, text.split("\n"))).replace("$", r"\$")


def _drawable(line: str) -> str:
    """Escape characters that a format of figures cannot store, and drop stacked accents."""
    letters = escape_control_characters(normalize("NFC", line))
    groups = groupby(letters, key=lambda letter: category(letter) in ("Mn", "Me"))
    return "".join(
        "".join(islice(group, MAX_ACCENTS) if is_accent else group) for is_accent, group in groups
    )
