"""Names in figures and headlines: settings in words, data without words that all names share."""

from collections.abc import Sequence

from blobtransfer.specs.data import ROLES

SETTING_NAMES = {
    "cluster-std": "standard deviation of blobs",
    "fixed": "frozen hidden layers",
    "hidden": "widths of the hidden layers",
    "activation": "activation of the hidden layers",
    "initializer": "weight initializer",
    "nesterov": "Nesterov momentum",
    "patience": "patience of early stopping in epochs",
    "samples": "rows",
    "source-epochs": "epochs of source networks",
    "source-seed": "seed of the source",
    "test-samples": "test rows",
    "train-samples": "training rows",
}
"""Settings in words; in the others hyphens stand for spaces, as in `batch-size`."""

DATA_KEY_NAMES = {
    "clusters": "clusters per class",
    "factor": "ratio of the radii",
    "flip": "share of flipped labels",
    "informative": "informative features",
    "redundant": "redundant features",
    "samples": "rows",
    "sep": "distance between classes",
    "std": "standard deviation",
    "test": "test rows",
    "train": "training rows",
}
"""Keys of data specifications in words; the others are words, as `noise`."""


def setting_name(name: str) -> str:
    """Return the name of an axis of a study in words, such as `training rows of the target`."""
    role, _, key = name.rpartition(".")
    if role in ROLES:
        return f"{DATA_KEY_NAMES.get(key, key)} of the {role}"
    return SETTING_NAMES.get(name, name.replace("-", " "))


def without_shared_words(names: Sequence[str]) -> tuple[str, list[str]]:
    """Split off the first words that all names share.

    Args:
        names: Names, such as `problem 1` and `problem 2`.

    Returns:
        The shared words, such as `problem`, and the rest of each name; no words are shared if
        there is a single name.
    """
    split = [name.split(" ") for name in names]
    shortest = min(map(len, split))
    n_shared = 0
    while len(set(names)) > 1 and n_shared < shortest - 1:
        if len({words[n_shared] for words in split}) > 1:
            break
        n_shared += 1
    shared = " ".join(split[0][:n_shared]) if split else ""
    return shared, [" ".join(words[n_shared:]) for words in split]
