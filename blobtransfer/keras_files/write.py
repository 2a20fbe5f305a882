"""Write a trained network as a `.keras` file that plain Keras opens."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blobtransfer.atomic_write import write_atomic
from blobtransfer.engines.keras.model import build_mlp
from blobtransfer.engines.keras.quiet import temporary_directory_or
from blobtransfer.keras_files.preprocessing import add_preprocessing
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.table import Preprocessing


def save_model(
    network: MLPSpec,
    weights: Sequence[NDArray[np.float32]],
    path: Path,
    preprocessing: Preprocessing | None = None,
    must_be_new: bool = False,
    show_log: bool = False,
) -> None:
    """Save a network as a `.keras` file that plain Keras opens.

    Args:
        network: Shape of the network.
        weights: Kernel (fan_in, fan_out), bias (fan_out,), ...
        path: Ends in `.keras`; written whole or not at all.
        preprocessing: Preprocessing of the inputs; None if it was not trained on a table.
        must_be_new: Never replace a file.
        show_log: See `load_keras`.

    Raises:
        FileExistsError: There is a file, and it must be new.
        MachineError: The file cannot be written, or see `load_keras`.
    """
    model = build_mlp(network, show_log=show_log)
    model.set_weights(weights)
    with write_atomic(path, must_be_new) as temporary, temporary_directory_or(temporary.parent):
        model.save(temporary)
        if preprocessing is not None:
            add_preprocessing(temporary, preprocessing)
