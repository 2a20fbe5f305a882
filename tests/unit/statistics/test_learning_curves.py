"""Metrics of learning curves, by hand."""

import numpy as np
import pytest

from blobtransfer.statistics.descriptive import curve_metrics


def test_the_metrics_of_a_curve_are_what_paper_gives():
    metrics = curve_metrics(np.array([[0.2, 0.4, 0.8], [0.5, 0.5, 0.5]]), 0.6)
    assert list(metrics) == ["jumpstart", "area", "last", "reached", "epochs"]
    assert list(metrics["jumpstart"]) == [0.2, 0.5]
    # (0.2 / 2 + 0.4 + 0.8 / 2) / 2 epochs
    np.testing.assert_allclose(metrics["area"], [0.45, 0.5])
    np.testing.assert_allclose(metrics["last"], [0.6, 0.5])
    assert list(metrics["reached"]) == [1.0, 0.0]
    # the second never gets there: as many epochs as there were
    assert list(metrics["epochs"]) == [2.0, 2.0]


def test_the_last_epochs_are_ten_and_never_the_untrained_one():
    curve = np.r_[np.zeros(1), np.full(5, 0.3), np.full(10, 0.7)][None]
    assert curve_metrics(curve, 0.5)["last"] == pytest.approx(0.7)
    assert curve_metrics(curve[:, :4], 0.5)["last"] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("curve", "epochs", "is_reached"),
    [
        ([0.1, 0.5, 0.4], 1, True),  # at the threshold is enough, and once is
        ([0.6, 0.1, 0.1], 0, True),
        ([0.1, 0.2, 0.5], 2, True),  # at the last epoch, and never: the same time
        ([0.1, 0.2, 0.3], 2, False),
    ],
)
def test_the_time_to_the_threshold_is_restricted_to_the_epochs_there_were(
    curve, epochs, is_reached
):
    metrics = curve_metrics(np.array([curve]), 0.5)
    assert (metrics["epochs"][0], metrics["reached"][0]) == (epochs, is_reached)
