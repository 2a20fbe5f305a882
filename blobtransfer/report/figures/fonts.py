"""Fonts for characters that the font of figures lacks, such as Chinese names of columns."""

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.ft2font import FT2Font

UNSUITABLE = ("Last Resort", "STIXNonUnicode", "STIXSize", "cmex", "cmsy", "cmmi")
"""Starts of the names of fonts that have boxes or other characters in place of the right ones."""

MAX_LISTED = 10
"""Largest number of characters that a note lists."""


def missing_characters(figure: "Figure") -> set[str]:
    """Return the characters of a figure that its fonts lack."""
    from matplotlib.text import Text

    characters: dict[tuple[str, ...], set[str]] = {}
    for text in figure.findobj(Text):
        if isinstance(text, Text) and not text.get_text().isascii():
            families = tuple(text.get_fontfamily())
            characters.setdefault(families, set()).update(text.get_text())
    missing: set[str] = set()
    for families, used in characters.items():
        fonts = [_font_of(family) for family in families]
        missing |= {character for character in used if not _is_in(character, fonts)}
    return {character for character in missing if character.isprintable()}


def fallback_families(figure: "Figure") -> list[str]:
    """Return installed font families with the characters that the fonts of a figure lack."""
    from matplotlib.font_manager import fontManager, get_font

    missing = missing_characters(figure)
    families: list[str] = []
    entries = sorted(
        fontManager.ttflist,
        key=lambda e: (e.style != "normal", e.weight != 400, "Sans" not in e.name, e.name, e.fname),
    )
    for entry in entries:
        if not missing:
            break
        if entry.name in families or entry.name.startswith(UNSUITABLE):
            continue
        font = get_font(entry.fname)
        supported = {character for character in missing if _is_in(character, [font])}
        if supported:
            families.append(entry.name)
            missing -= supported
    return families


def missing_note(figure: "Figure") -> str:
    """Return a note on characters that no installed font has; empty if there are none."""
    missing = sorted(missing_characters(figure))
    if not missing:
        return ""
    listed = " ".join(missing[:MAX_LISTED])
    more = f" and {len(missing) - MAX_LISTED} more" if len(missing) > MAX_LISTED else ""
    return f"no installed font has {listed}{more}; the figure shows boxes in their place"


@cache
def _font_of(family: str) -> "FT2Font":
    """Return the font that matplotlib uses for a family."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return get_font(findfont(FontProperties(family=[family])))


def _is_in(character: str, fonts: Iterable["FT2Font"]) -> bool:
    """Return whether one of the fonts has a character."""
    return character.isspace() or any(font.get_char_index(ord(character)) for font in fonts)
