"""Import Keras on TensorFlow: without output, and without the configuration of the user.

The import takes seconds, writes to the terminal, and could be set up by the user's files to
compute something else; so `load_keras` is the only way to Keras.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import IO

from blobtransfer.errors import MachineError


def load_keras(show_log: bool = False) -> ModuleType:
    """Import Keras on TensorFlow, without output and without the user's configuration.

    Args:
        show_log: Let TensorFlow write its log to standard error.

    Returns:
        The module `keras`.

    Raises:
        MachineError: Keras or TensorFlow is missing or broken, or this process has
            set Keras to compute something else.
    """
    keras = _import_keras(show_log)
    settings = keras.config
    for name, expected, actual in (
        ("backend", "tensorflow", settings.backend()),
        ("floatx", "float32", settings.floatx()),
        ("dtype policy", "float32", settings.dtype_policy().name),
        ("epsilon", 1e-7, settings.epsilon()),
        ("max_epochs", None, getattr(settings, "max_epochs", lambda: None)()),
        ("max_steps_per_epoch", None, getattr(settings, "max_steps_per_epoch", lambda: None)()),
    ):
        if actual != expected:
            raise MachineError(
                f"Keras was already set to {name} {actual} in this process, which changes results; "
                f"set it to {expected}, or start a new process"
            )
    return keras


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
        raise MachineError(f"Keras on TensorFlow cannot be imported ({error}); {advice}") from error
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
    """Set a path for temporary files where the system has no folder for them."""
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
    """Open a file without a name, or the null device where no file can be made."""
    try:
        return tempfile.TemporaryFile()
    except OSError:
        return open(os.devnull, "w+b")
