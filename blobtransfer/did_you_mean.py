"""Suggest the closest choice for an unknown word: an alias, a prefix, or similar spelling."""

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
"""Names in other programs -> our options."""


def closest_words(word: str, choices: Iterable[str]) -> list[str]:
    """Return up to 3 choices that an unknown word probably means, best first; may be empty."""
    words = {choice.lower(): choice for choice in choices}
    if ALIASES.get(word) in words:
        return [ALIASES[word]]
    if not _letters(word):
        return []
    lowered = word.lower().replace("_", "-")
    stem = lowered.strip("-")
    same = [choice for choice in words if _letters(choice) == _letters(lowered)]
    begins = [c for c in words if c.strip("-").startswith(stem) or stem in c.strip("-").split("-")]
    near = difflib.get_close_matches(word.lower(), words, n=2, cutoff=0.7)
    return [words[choice] for choice in dict.fromkeys([*same, *begins, *near])][:3]


def suggest(word: str, choices: Iterable[str]) -> str:
    """Return "did you mean ...?" for an unknown word; empty if no choice is close."""
    matches = closest_words(word, choices)
    return f"did you mean {' or '.join(matches)}?" if matches else ""


def _letters(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())
