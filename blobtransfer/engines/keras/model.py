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
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.errors import EnvironmentFailed
from blobtransfer.files import write_atomic
from blobtransfer.randomness import Weights
from blobtransfer.specs.checks import MLPSpec


def load_keras(show_log: bool = False) -> ModuleType:
    """Import Keras on TensorFlow, in silence and as nobody has configured it.

    Args:
        show_log: Let TensorFlow write its log to standard error.

    Returns:
        The module `keras`.

    Raises:
        EnvironmentFailed: Keras or TensorFlow is missing or broken, or this process has
            set Keras to compute something else.
    """
    keras = _import_keras(show_log)
    settings = keras.config
    for name, wanted, found in (
        ("backend", "tensorflow", settings.backend()),
        ("floatx", "float32", settings.floatx()),
        ("dtype policy", "float32", settings.dtype_policy().name),
        ("epsilon", 1e-7, settings.epsilon()),
        ("max_epochs", None, getattr(settings, "max_epochs", lambda: None)()),
        ("max_steps_per_epoch", None, getattr(settings, "max_steps_per_epoch", lambda: None)()),
    ):
        if found != wanted:
            raise EnvironmentFailed(
                f"Keras was already set to {name} {found} in this process, which changes results; "
                f"set it to {wanted}, or start a new process"
            )
    return keras


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
    # float32 is named, so that the saved file does not depend on who reads it.
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
    with (
        write_atomic(path, must_be_new) as temporary,
        _temporary_directory_or(temporary.parent),
    ):
        model.save(temporary)


def get_weights(model: Any) -> Weights:
    """Copy the weights of a Keras model: kernel, bias, ... from the input to the output."""
    return [np.asarray(weight, np.float32) for weight in model.get_weights()]


@cache
def _import_keras(show_log: bool) -> ModuleType:
    if not show_log:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    try:
        with (
            nullcontext() if show_log else _silenced_stderr(),
            _without_configuration(),
            # TensorFlow asks for the name of one, and then does not use it.
            _temporary_directory_or(os.devnull),
        ):
            import keras
            import tensorflow as tf

            tf.constant(0.0)  # the first operation looks for devices and logs
            if not show_log:
                tf.get_logger().setLevel("ERROR")
    except Exception as error:  # an import of so much can fail in any way
        is_missing = isinstance(error, ImportError)
        advice = "install keras and tensorflow" if is_missing else "--debug shows where"
        raise EnvironmentFailed(
            f"Keras on TensorFlow cannot be imported ({error}); {advice}"
        ) from error
    module: ModuleType = keras
    return module


@contextmanager
def _without_configuration() -> Iterator[None]:
    """Hide the user's `keras.json` and KERAS_ variables, which Keras reads when imported.

    They can name another backend and another float type, and cut trainings short.
    """
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name[:6] == "KERAS_"}
    # Nothing can be read from there, and nothing written.
    os.environ |= {"KERAS_BACKEND": "tensorflow", "KERAS_HOME": os.devnull}
    try:
        yield
    finally:
        del os.environ["KERAS_BACKEND"], os.environ["KERAS_HOME"]
        os.environ |= hidden


@contextmanager
def _temporary_directory_or(path: Path | str) -> Iterator[None]:
    """Name a path for temporary files, should there be no place for them."""
    before = tempfile.tempdir
    try:
        tempfile.gettempdir()
    except OSError:
        tempfile.tempdir = str(path)
    try:
        yield
    finally:
        tempfile.tempdir = before


@contextmanager
def _silenced_stderr() -> Iterator[None]:
    """Keep what is written to file descriptor 2; give it back only if the block fails."""
    sys.stderr.flush()
    with _scratch_file() as log:
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


def _scratch_file() -> IO[bytes]:
    """Open a file without a name, or what swallows all where there is no place for one."""
    try:
        return tempfile.TemporaryFile()
    except OSError:
        return open(os.devnull, "w+b")
