"""The right word for one that is not known: an alias, a beginning, or the nearest in letters."""

import difflib
import re
from collections.abc import Iterable

ALIASES = {
    "--lr": "--learning-rate",
    "--batch": "--batch-size",
    "--n": "--repeats",
    "--runs": "--repeats",
    "--layers": "--hidden",
    "--units": "--hidden",
    "--out": "--output",
    "--seeds": "--seed",
}
"""What other programs call our options."""


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """Give the known words that are likely meant, best first; none where none is near."""
    words = {one.lower(): one for one in known}
    if ALIASES.get(word) in words:
        return [ALIASES[word]]
    if not _letters(word):
        return []
    stem = word.lower().replace("_", "-")
    own, parts = stem.strip("-"), {one: one.strip("-").split("-") for one in words}
    same = [one for one in words if _letters(one) == _letters(stem)]
    begins = [one for one in words if one.strip("-").startswith(own) or own in parts[one]]
    near = difflib.get_close_matches(word.lower(), words, n=2, cutoff=0.7)
    return [words[one] for one in dict.fromkeys([*same, *begins, *near])][:3]


def question_of(word: str, known: Iterable[str]) -> str:
    """Ask whether another word was meant; nothing where none is near."""
    found = nearest(word, known)
    return f"did you mean {' or '.join(found)}?" if found else ""


def _letters(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())
