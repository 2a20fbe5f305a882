"""Suggest the closest choice for an unknown word: an alias, a prefix, or similar spelling."""

import difflib
import re
from collections.abc import Iterable

ALIASES = {
    name: ours
    for ours, names in {
        "learning-rate": "lr eta learning-rate-init",
        "batch-size": "batch bs minibatch",
        "repeats": "n n-repeats runs n-runs trials n-trials reps replicates",
        "epochs": "iterations iters n-iter max-iter steps n-epochs num-epochs",
        "hidden": "layers units neurons hidden-layers hidden-layer-sizes hidden-units",
        "fixed": "freeze frozen n-frozen",
        "train-seed": "seed random-state random-seed rng",
        "seed": "seeds",
        "optimizer": "solver opt",
        "weight-decay": "l2 wd regularization",
        "patience": "early-stopping n-iter-no-change",
        "initializer": "init kernel-initializer",
        "progress": "verbose",
        "output": "out outfile out-file",
        "plot": "figure fig png svg pdf",
        "metric": "score scoring",
        "show": "report view print load display",
        "compare": "run transfer start",
        "plot-data": "draw",
        "judge": "test evaluate",
        "markdown": "md",
        "table": "text txt",
    }.items()
    for name in names.split()
}
"""Names in other programs -> our options, keywords and commands."""


def closest_words(word: str, choices: Iterable[str]) -> list[str]:
    """Return up to 3 choices that an unknown word probably means, best first; may be empty."""
    words = {choice.lower().replace("_", "-"): choice for choice in choices}
    if not _letters(word):
        return []
    lowered = word.lower().replace("_", "-")
    stem = lowered.strip("-")
    alias = [choice for choice in words if choice.strip("-") == ALIASES.get(stem)]
    if alias:
        return [words[alias[0]]]
    same = [words[choice] for choice in words if _letters(choice) == _letters(lowered)]
    if same:
        return same[:3]
    begins = [c for c in words if c.strip("-").startswith(stem) or stem in c.strip("-").split("-")]
    near = difflib.get_close_matches(lowered, words, n=2, cutoff=0.7)
    return [words[choice] for choice in dict.fromkeys([*begins, *near])][:3]


def suggest(word: str, choices: Iterable[str]) -> str:
    """Return "did you mean ...?" for an unknown word; empty if no choice is close."""
    matches = closest_words(word, choices)
    return f"did you mean {' or '.join(matches)}?" if matches else ""


def _letters(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())
