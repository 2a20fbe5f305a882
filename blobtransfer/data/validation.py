"""Validation split of the training rows, to choose a setting without using test rows."""

from dataclasses import replace

import numpy as np

from blobtransfer.data.dataset import Dataset
from blobtransfer.randomness import Stream, seed_sequence

TRAINING_ROWS_PER_VALIDATION_ROW = 5
"""One of this many training rows is a validation row."""


def validation_dataset(dataset: Dataset, repeat: int, train_seed: int) -> Dataset:
    """Return a dataset whose training and test rows are a random split of the training rows.

    Args:
        dataset: The dataset to split; its test rows are left out.
        repeat: Index of the repeat; each has its own split, the same for all arms.
        train_seed: Seed of all splits.

    Returns:
        A dataset with four fifths of the training rows, and the other fifth as test rows.
    """
    rng = np.random.default_rng(seed_sequence(train_seed, Stream.VALIDATION, repeat))
    order = rng.permutation(len(dataset.y_train))
    n_validation = max(1, len(order) // TRAINING_ROWS_PER_VALIDATION_ROW)
    validation, train = np.sort(order[:n_validation]), np.sort(order[n_validation:])
    return replace(
        dataset,
        x_train=np.ascontiguousarray(dataset.x_train[train]),
        y_train=dataset.y_train[train],
        x_test=np.ascontiguousarray(dataset.x_train[validation]),
        y_test=dataset.y_train[validation],
        ceiling=None,
        centers=None,
    )
