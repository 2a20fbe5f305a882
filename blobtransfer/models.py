"""THE network: the Keras MLP, built, given weights, first n layers frozen, saved.

Keras is loaded by `load_keras` and by nothing else: it takes seconds, writes to the
terminal, and could be set up by the user's files to compute something else.
"""

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.errors import EnvironmentFailed
from blobtransfer.files import replacing
from blobtransfer.schedule import Weights
from blobtransfer.specs import MLPSpec


@cache
def load_keras(show_log: bool = False) -> ModuleType:
    """Import Keras on TensorFlow, in silence.

    Args:
        show_log: Let TensorFlow write its log to standard error.

    Returns:
        The module `keras`.

    Raises:
        EnvironmentFailed: Keras or TensorFlow is missing, broken, or was already imported
            on another backend.
    """
    # Also beats ~/.keras/keras.json, which could name another backend.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    if not show_log:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    try:
        with nullcontext() if show_log else _silenced_stderr():
            import keras
            import tensorflow as tf

            tf.constant(0.0)  # the first operation looks for devices and logs
            if not show_log:
                tf.get_logger().setLevel("ERROR")
    except ImportError as error:
        raise EnvironmentFailed(
            f"Keras on TensorFlow cannot be imported ({error}); install keras and tensorflow"
        ) from error
    if keras.config.backend() != "tensorflow":
        raise EnvironmentFailed(
            f"Keras was already imported on the backend {keras.config.backend()}; "
            "start a new process, or set KERAS_BACKEND=tensorflow"
        )
    module: ModuleType = keras
    return module


def build_mlp(network: MLPSpec, n_frozen: int = 0, show_log: bool = False) -> Any:
    """Build the network in Keras, not yet compiled.

    Args:
        network: Its shape; the kernels are left to `set_weights`.
        n_frozen: Layers, counted from the input, that will not be trained. Keras fixes
            what is trainable at `compile`, so this is decided here.
        show_log: See `load_keras`.

    Returns:
        A built `keras.Sequential` of Dense layers in float32.

    Raises:
        EnvironmentFailed: See `load_keras`.
    """
    keras = load_keras(show_log)
    # float32 is named, because ~/.keras/keras.json can change the default.
    model = keras.Sequential([keras.layers.Input((network.n_features,), dtype="float32")])
    for width in network.hidden:
        model.add(
            keras.layers.Dense(
                width,
                activation=network.activation,
                kernel_initializer=network.initializer,
                dtype="float32",
            )
        )
    model.add(keras.layers.Dense(network.n_classes, activation="softmax", dtype="float32"))
    for layer in model.layers[:n_frozen]:
        layer.trainable = False
    return model


def save_model(
    network: MLPSpec,
    weights: Sequence[NDArray[np.float32]],
    path: Path,
    must_be_new: bool = False,
    show_log: bool = False,
) -> None:
    """Save a network as a `.keras` file that plain Keras opens.

    Args:
        network: Its shape.
        weights: Kernel (fan_in, fan_out), bias (fan_out,), ...
        path: Ends in `.keras`; written whole or not at all.
        must_be_new: Never replace a file.
        show_log: See `load_keras`.

    Raises:
        FileExistsError: There is a file, and it must be new.
        EnvironmentFailed: The file cannot be written, or see `load_keras`.
    """
    model = build_mlp(network, show_log=show_log)
    model.set_weights(weights)
    with replacing(path, must_be_new) as temporary:
        model.save(temporary)


def get_weights(model: Any) -> Weights:
    """Copy the weights of a Keras model: kernel, bias, ... from the input to the output."""
    return [np.asarray(weight, np.float32) for weight in model.get_weights()]


@contextmanager
def _silenced_stderr() -> Iterator[None]:
    """Keep what is written to file descriptor 2; give it back only if the block fails."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as log:
        terminal = os.dup(2)
        os.dup2(log.fileno(), 2)
        try:
            yield
        except Exception:
            os.dup2(terminal, 2)
            log.seek(0)
            os.write(2, log.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
