"""Metrics of learning curves: how fast a variant learns, and its time to a threshold.

Terms: Taylor & Stone 2009, JMLR 10:1633. A network that fails to train never reaches the
threshold, so its time is restricted to the number of epochs; the share of runs that reach the
threshold is reported beside the restricted mean.

Source: restricted mean, Royston & Parmar 2013, doi:10.1186/1471-2288-13-152.
"""

import numpy as np
from numpy.typing import NDArray

N_LAST_EPOCHS = 10
"""Epochs whose mean accuracy is the metric `last`."""


def curve_metrics(curves: NDArray[np.float64], threshold: float) -> dict[str, NDArray[np.float64]]:
    """Compute the metrics of each learning curve.

    Args:
        curves: (n, E + 1) finite test accuracy by epoch, 0 to 1; entry 0 is untrained.
        threshold: Accuracy to be reached, 0 to 1.

    Returns:
        Metric name -> (n,) values: `jumpstart`, the accuracy before training; `area`, the mean
        accuracy of the curve (area by the trapezoidal rule, divided by E); `last`, the mean of the
        last 10 epochs; `reached`, 1 if the threshold is reached and 0 if not; `epochs`, the first
        epoch at the threshold, E if it is never reached.
    """
    n_epochs = curves.shape[1] - 1
    is_reached = curves >= threshold
    reached = is_reached.any(axis=1)
    return {
        "jumpstart": curves[:, 0],
        "area": np.trapezoid(curves, axis=1) / n_epochs,
        "last": curves[:, 1:][:, -N_LAST_EPOCHS:].mean(axis=1),
        "reached": reached.astype(np.float64),
        "epochs": np.where(reached, is_reached.argmax(axis=1), n_epochs).astype(np.float64),
    }
