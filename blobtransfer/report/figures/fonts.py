"""Fonts for characters that the font of figures lacks, such as Chinese names of columns."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from blobtransfer.report.figures.style import FONT_FAMILY

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.ft2font import FT2Font

UNSUITABLE = ("Last Resort", "STIXNonUnicode", "STIXSize", "cmex", "cmsy", "cmmi")
"""Starts of the names of fonts that have boxes or other characters in place of the right ones."""

MAX_LISTED = 10
"""Largest number of characters that a note lists."""


def missing_characters(figure: "Figure") -> set[str]:
    """Return the characters in texts of a figure that its font lacks."""
    characters = {
        character for text in _texts_of(figure) if not text.isascii() for character in text
    }
    font = _font_of(FONT_FAMILY)
    return {c for c in characters if c.isprintable() and not _is_in(c, font)}


def fallback_families(missing: Iterable[str]) -> tuple[list[str], set[str]]:
    """Choose installed font families that have missing characters.

    Args:
        missing: The characters.

    Returns:
        The families, and the characters that no font has.
    """
    from matplotlib.font_manager import fontManager, get_font

    rest, families = set(missing), list[str]()
    entries = sorted(
        fontManager.ttflist,
        key=lambda e: (e.style != "normal", e.weight != 400, "Sans" not in e.name, e.name, e.fname),
    )
    for entry in entries:
        if not rest:
            break
        if entry.name in families or entry.name.startswith(UNSUITABLE):
            continue
        font = get_font(entry.fname)
        supported = {character for character in rest if _is_in(character, font)}
        if supported:
            families.append(entry.name)
            rest -= supported
    return families, rest


def missing_note(missing: Iterable[str]) -> str:
    """Return a note on characters that no installed font has; empty if there are none."""
    characters = sorted(missing)
    if not characters:
        return ""
    n_more = len(characters) - MAX_LISTED
    listed = " ".join(characters[:MAX_LISTED]) + (f" and {n_more} more" if n_more > 0 else "")
    return f"no installed font has {listed}; the figure shows boxes in their place"


def _texts_of(figure: Any) -> Iterator[str]:
    """Yield the texts of a figure, or of a part of one, except numbers at ticks."""
    from matplotlib.ticker import FixedFormatter

    for subfigure in figure.subfigs:
        yield from _texts_of(subfigure)
    for axes in figure.axes:
        yield from (axes.get_title(), axes.get_title("left"), axes.get_xlabel(), axes.get_ylabel())
        for axis in (axes.xaxis, axes.yaxis):
            formatter = axis.get_major_formatter()
            if isinstance(formatter, FixedFormatter):
                yield from formatter.seq
    legends = [axes.get_legend() for axes in figure.axes] + figure.legends
    for artist in (figure, *figure.axes, *filter(None, legends)):
        yield from (text.get_text() for text in getattr(artist, "texts", ()))


@cache
def _font_of(family: str) -> "FT2Font":
    """Return the font that matplotlib uses for a family."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return get_font(findfont(FontProperties(family=[family])))


def _is_in(character: str, font: "FT2Font") -> bool:
    """Return whether a font has a character."""
    return bool(font.get_char_index(ord(character)))
