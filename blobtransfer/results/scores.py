"""Scores by metric, arm and repeat in one array, and the record of a single run."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from blobtransfer.specs.experiment import Arm, Sources
from blobtransfer.specs.training import (
    BALANCED_ACCURACY,
    METRICS,
    TEST_ACCURACY,
    TEST_LOSS,
    TRAIN_ACCURACY,
    TRAIN_LOSS,
)

Share = Annotated[float, Interval(ge=0.0, le=1.0)]
Count = Annotated[int, Interval(ge=0)]
LEAST_LOSS, MOST_LOSS = -1e-3, 1e39
Loss = Annotated[float, Interval(ge=LEAST_LOSS, le=MOST_LOSS)]
"""Loss in nats: the range of float32, and slightly below 0 because of rounding."""


@dataclass(frozen=True, slots=True)
class Run:
    """One training: a row of the CSV. The last four values are None in older files.

    Args:
        sources: Source networks: `fresh` for a new one in each repeat, `one` for the same one in
            all repeats, `none` for runs without a source network.
        variant: The variant without its number of frozen layers, such as `transfer`.
        fixed: Number of frozen hidden layers, counted from the input; None for standalone.
        repeat: Number of the repeat, from 0.
        test_accuracy: Accuracy on the test rows at the end, a share; None if the run diverged.
        train_accuracy: Accuracy on the training rows at the end, a share; None if it diverged.
        test_loss: Cross-entropy loss on the test rows, in nats; None if not finite.
        train_loss: Cross-entropy loss on the training rows, in nats; None if not finite.
        classes_predicted: Number of classes that the network predicts on the test rows.
        status: `ok`, or `failed` if the training diverged: a loss or a weight is not finite.
        label: The variant as the user writes it, such as `transfer fixed=1`.
        source_repeat: Repeat whose source network the run starts from; None without one.
        source: Name of the data, or of the file, of that source network; empty without one.
        target: Name of the data that the run is trained on.
        learning_rate: Learning rate of the run.
        earlier_accuracy: Judged test accuracy after three quarters of the epochs, a share.
        epochs: Epochs of the run, fewer than those set if it stopped early.
        balanced_accuracy: Mean recall of the classes that the test rows have, a share.
    """

    sources: Sources
    variant: str
    fixed: Count | None
    repeat: Count
    test_accuracy: Share | None
    train_accuracy: Share | None
    test_loss: Loss | None
    train_loss: Loss | None
    classes_predicted: Count
    status: Literal["ok", "failed"]
    label: str = ""
    source_repeat: Count | None = None
    source: str = ""
    target: str = ""
    learning_rate: float | None = None
    earlier_accuracy: Share | None = None
    epochs: Count | None = None
    balanced_accuracy: Share | None = None


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of all runs: A arms, R repeats.

    Args:
        arms: The A arms.
        repeats: (R,) int64 numbers of the repeats, ascending.
        values: (5, A, R) float64 in the order of `METRICS`; accuracies in [0, 1], losses in
            nats, NaN or infinite where training diverged; balanced accuracies are NaN in older
            files.
        classes_predicted: (A, R) int64, number of classes that a network predicts on test rows.
        is_failed: (A, R) bool, whether a metric or a weight is not finite.
        earlier_accuracy: (A, R) float64 judged test accuracies after the `earlier_epoch` of each
            run; NaN in older files.
        learning_rates: (A, R) float64 chosen learning rates; None unless runs choose.
        epochs: (A, R) int64 epochs until each run stopped; None without early stopping.
    """

    arms: tuple[Arm, ...]
    repeats: NDArray[np.int64]
    values: NDArray[np.float64]
    classes_predicted: NDArray[np.int64]
    is_failed: NDArray[np.bool_]
    earlier_accuracy: NDArray[np.float64]
    learning_rates: NDArray[np.float64] | None = None
    epochs: NDArray[np.int64] | None = None

    @classmethod
    def join(cls, scores: Sequence["Scores"]) -> "Scores":
        """Join scores of the same arms, given in any order of repeats."""
        order = np.argsort(np.concatenate([block_scores.repeats for block_scores in scores]))

        def along_repeats(name: str) -> NDArray[Any]:
            whole: NDArray[Any] = np.concatenate(
                [getattr(block_scores, name) for block_scores in scores], axis=-1
            )
            return whole[..., order]

        return cls(
            scores[0].arms,
            along_repeats("repeats"),
            along_repeats("values"),
            along_repeats("classes_predicted"),
            along_repeats("is_failed"),
            along_repeats("earlier_accuracy"),
            None if scores[0].learning_rates is None else along_repeats("learning_rates"),
            None if scores[0].epochs is None else along_repeats("epochs"),
        )

    def at(self, is_selected: NDArray[np.bool_]) -> "Scores":
        """Return some of the repeats; `is_selected` has shape (R,)."""
        return Scores(
            self.arms,
            self.repeats[is_selected],
            self.values[..., is_selected],
            self.classes_predicted[:, is_selected],
            self.is_failed[:, is_selected],
            self.earlier_accuracy[:, is_selected],
            None if self.learning_rates is None else self.learning_rates[:, is_selected],
            None if self.epochs is None else self.epochs[:, is_selected],
        )

    def with_arms(self, arms: tuple[Arm, ...]) -> "Scores":
        """Return the scores with the same arms in another order."""
        if arms == self.arms:
            return self
        indices = [self.arms.index(arm) for arm in arms]
        return Scores(
            arms,
            self.repeats,
            self.values[:, indices],
            self.classes_predicted[indices],
            self.is_failed[indices],
            self.earlier_accuracy[indices],
            None if self.learning_rates is None else self.learning_rates[indices],
            None if self.epochs is None else self.epochs[indices],
        )

    @classmethod
    def from_rows(
        cls, rows: Sequence[Run], arms: Sequence[Arm], judged: int = TEST_ACCURACY
    ) -> "Scores":
        """Build scores from rows.

        Args:
            rows: Rows of runs, in any order.
            arms: Arms of the runs.
            judged: Index in `METRICS` of the accuracy that no row may lack.

        Raises:
            ValueError: A run is missing or repeated; the message names the row and the reason.
        """
        arm_of = {tuple(arm.columns.values()): a for a, arm in enumerate(arms)}
        repeats = sorted({row.repeat for row in rows})
        place_of = {repeat: r for r, repeat in enumerate(repeats)}
        shape = (len(arms), len(repeats))
        values = np.full((len(METRICS), *shape), np.nan)
        classes_predicted = np.full(shape, -1, np.int64)
        is_failed = np.zeros(shape, bool)
        earlier_accuracy, learning_rates = np.full((2, *shape), np.nan)
        epochs = np.zeros(shape, np.int64)
        for i, row in enumerate(rows):
            a = arm_of.get((row.sources, row.variant, row.fixed))
            if a is None:
                label = f"{row.sources} {row.variant} {row.fixed}"
                raise ValueError(f"runs.{i}: the spec has no variant {label}")
            r = place_of[row.repeat]
            if classes_predicted[a, r] >= 0:
                raise ValueError(f"runs.{i}: repeat {row.repeat} is repeated")
            metrics = [getattr(row, metric) for metric in METRICS]
            if row.status == "ok" and None in (*metrics[:BALANCED_ACCURACY], metrics[judged]):
                raise ValueError(f"runs.{i}: a score is missing, though the run did not fail")
            values[:, a, r] = [math.nan if value is None else value for value in metrics]
            classes_predicted[a, r] = row.classes_predicted
            is_failed[a, r] = row.status == "failed"
            if row.earlier_accuracy is not None:
                earlier_accuracy[a, r] = row.earlier_accuracy
            if row.learning_rate is not None:
                learning_rates[a, r] = row.learning_rate
            epochs[a, r] = row.epochs or 0
        missing = np.argwhere(classes_predicted < 0)
        if len(missing):
            a, r = missing[0]
            raise ValueError(f"runs: repeat {repeats[r]} has no run of {arms[a].label}")
        return cls(
            tuple(arms), np.array(repeats, np.int64), values, classes_predicted, is_failed,
            earlier_accuracy, learning_rates, epochs if (epochs > 0).all() else None,
        )  # fmt: skip

    def check(self, n_classes: int, judged: int) -> None:
        """Raise `ValueError` for numbers that no training can have.

        Args:
            n_classes: Classes of the networks.
            judged: Index in `METRICS` of the accuracy that no run may lack.
        """
        accuracies = self.values[[TEST_ACCURACY, TRAIN_ACCURACY, judged]]
        losses = self.values[[TEST_LOSS, TRAIN_LOSS]]
        is_fine = ((accuracies >= 0) & (accuracies <= 1)).all(axis=0)
        is_fine &= ((losses >= LEAST_LOSS) & (losses <= MOST_LOSS)).all(axis=0)
        for unknown_if_old in (self.earlier_accuracy, self.values[BALANCED_ACCURACY]):
            is_share = (unknown_if_old >= 0) & (unknown_if_old <= 1)
            is_fine &= is_share | np.isnan(unknown_if_old)
        are_classes = (self.classes_predicted >= 0) & (self.classes_predicted <= n_classes)
        if not (is_fine | self.is_failed).all() or not are_classes.all():
            raise ValueError("scores that no training gives")

    def __len__(self) -> int:
        """Count the runs."""
        return self.is_failed.size

    @property
    def n_repeats(self) -> int:
        """Number of repeats."""
        return len(self.repeats)

    def test_accuracy(self, arm: Arm, judged: int = TEST_ACCURACY) -> NDArray[np.float64]:
        """Return the (R,) test accuracies of an arm by repeat; NaN for a failed run.

        Args:
            arm: The arm.
            judged: Index in `METRICS` of the accuracy.
        """
        a = self.arms.index(arm)
        return np.where(self.is_failed[a], np.nan, self.values[judged, a])

    def imputed_accuracy(
        self, arm: Arm, chance_level: float, judged: int = TEST_ACCURACY
    ) -> NDArray[np.float64]:
        """Return the (R,) test accuracies of an arm by repeat, a failed run at chance level.

        Args:
            arm: The arm.
            chance_level: Chance level.
            judged: Index in `METRICS` of the accuracy.
        """
        return np.nan_to_num(self.test_accuracy(arm, judged), nan=chance_level)

    def n_failed(self, arm: Arm) -> int:
        """Count the runs of an arm that failed."""
        return int(self.is_failed[self.arms.index(arm)].sum())

    def n_collapsed(self, arm: Arm, n_classes: int) -> int:
        """Count the runs of an arm that did not fail and predict fewer than `n_classes` classes."""
        a = self.arms.index(arm)
        return int(((self.classes_predicted[a] < n_classes) & ~self.is_failed[a]).sum())


def finite(value: float | None) -> float | None:
    """Return the value, or None if it is NaN or infinite."""
    return float(value) if value is not None and math.isfinite(value) else None
