"""How fast a variant learns: metrics of learning curves, and the time to a threshold.

Terms: Taylor & Stone 2009, JMLR 10:1633. A network that dies never reaches the threshold,
however long one waits; so its time is restricted to the epochs there were, and the share that
reaches it stands beside the mean.

Source: restricted mean, Royston & Parmar 2013, doi:10.1186/1471-2288-13-152.
"""

import numpy as np
from numpy.typing import NDArray

LAST_EPOCHS = 10


def curve_metrics(curves: NDArray[np.float64], threshold: float) -> dict[str, NDArray[np.float64]]:
    """Measure each learning curve.

    Args:
        curves: (n, E + 1) test accuracy by epoch, entry 0 untrained.
        threshold: Accuracy to be reached.

    Returns:
        Each (n,): `jumpstart`, the accuracy before training; `area`, the mean accuracy of the
        curve (the area under it by the trapezoidal rule, a share of the epochs); `last`, the
        mean of the last 10 epochs; `reached`, 1 where the threshold is reached and 0 where not;
        `epochs`, the first epoch at the threshold, E where it is never reached.
    """
    n_epochs = curves.shape[1] - 1
    is_reached = curves >= threshold
    reached = is_reached.any(axis=1)
    return {
        "jumpstart": curves[:, 0],
        "area": np.trapezoid(curves, axis=1) / n_epochs,
        "last": curves[:, 1:][:, -LAST_EPOCHS:].mean(axis=1),
        "reached": reached.astype(np.float64),
        "epochs": np.where(reached, is_reached.argmax(axis=1), n_epochs).astype(np.float64),
    }
