"""Training rows cut in two: to train, and to choose a setting by. Test rows have no part in it."""

from dataclasses import replace

import numpy as np

from blobtransfer.data.dataset import Dataset
from blobtransfer.randomness import Stream, seed_sequence

TRAINING_ROWS_PER_VALIDATION_ROW = 5
"""One of so many training rows is for validation."""


def validation_dataset(task: Dataset, repeat: int, train_seed: int) -> Dataset:
    """Cut the training rows of a task in two, by chance.

    Args:
        task: Whose test rows are left out.
        repeat: Each has its own cut, the same for all arms.
        train_seed: All randomness.

    Returns:
        Four fifths of the training rows to train on, and the others in place of test rows.
    """
    rng = np.random.default_rng(seed_sequence(train_seed, Stream.VALIDATION, repeat))
    order = rng.permutation(len(task.y_train))
    n_chosen_by = max(1, len(order) // TRAINING_ROWS_PER_VALIDATION_ROW)
    chosen_by, train = np.sort(order[:n_chosen_by]), np.sort(order[n_chosen_by:])
    return replace(
        task,
        x_train=np.ascontiguousarray(task.x_train[train]),
        y_train=task.y_train[train],
        x_test=np.ascontiguousarray(task.x_train[chosen_by]),
        y_test=task.y_train[chosen_by],
        ceiling=None,
        centers=None,
    )
