"""Read architecture and weights of a saved model as data; nothing is executed.

A caller gets layers that can be trained here and finite weights, whatever the file holds. The
file is read in a process of its own (`sandbox`, about 0.2 s), because a damaged one can crash
or hang the HDF5 library.
"""

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
import tempfile
import warnings
import zipfile
from dataclasses import dataclass, replace
from io import BufferedRandom, BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from blobtransfer.atomic_write import NO_FOLLOW, open_nonblocking
from blobtransfer.errors import MachineError, SourceFileError
from blobtransfer.keras_files.preprocessing import MEMBER, read_preprocessing
from blobtransfer.keras_files.refusal import (
    CHECKPOINT,
    CONFIG,
    MAX_CONFIG_BYTES,
    MAX_FILE_BYTES,
    WEIGHTS,
)
from blobtransfer.specs.checks import escape_control_characters
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.table import Preprocessing

TIMEOUT_S = 10.0
"""Longest time to read a file; the largest takes about half a second.

It is reached only if the disk or the machine hangs: the reader ends itself long before.
"""

_FOLDERS = {
    "keras_metadata.pb": "a TensorFlow SavedModel; load it with TensorFlow 2.15 or older by "
    "tf.keras.models.load_model, and save it as .h5",
    "saved_model.pb": "an exported TensorFlow SavedModel, without its Keras model; save that "
    "with model.save()",
}
"""Error message for a folder that contains a file of that name."""

FOLDER_LIMITS = {CONFIG: MAX_CONFIG_BYTES, WEIGHTS: MAX_FILE_BYTES, MEMBER: MAX_CONFIG_BYTES}
"""Largest number of bytes of each file of a model folder that is read."""

MAX_NOTES, MAX_LINE = 20, 1000
"""Most that is reported of a file: lines, and characters of a line."""

_DAMAGED = "it cannot be read and looks damaged; save it again"


@dataclass(frozen=True)
class SourceNetwork:
    """A network as it was saved, or as it is in memory.

    Args:
        network: The architecture; `initializer` is the default, the file's is not read.
        weights: Kernel, bias, kernel, bias, ... input side first: float32, C-contiguous,
            finite, shapes (fan_in, fan_out) and (fan_out,) of `network.shapes`.
        sha256: Hash of the file, in hexadecimal digits; of a folder, of the archive made of it; of
            a model in memory, of its architecture and weights.
        preprocessing: Preprocessing of the inputs; None if the file has none.
        output: Activation of the output layer; `softmax`, or it can only be re-initialised.
        notes: Ignored parts of the file, one line each.
        name: Name of a model in memory.
    """

    network: MLPSpec
    weights: tuple[np.ndarray, ...]
    sha256: str
    preprocessing: Preprocessing | None = None
    output: str = "softmax"
    notes: tuple[str, ...] = ()
    name: str = ""

    def __str__(self) -> str:
        return self.name


def is_keras_model(model: object) -> bool:
    """Return whether an object is a model of Keras, which it has imported then."""
    return any(
        base.__name__ == "Model" and base.__module__.partition(".")[0] in ("keras", "tf_keras")
        for base in type(model).__mro__
    )


def read_keras_model(model: Any) -> SourceNetwork:
    """Read a Keras model in memory: it is saved to a temporary file, which is read and removed.

    Args:
        model: A built `keras.Model`; it is not changed.

    Raises:
        SourceFileError: It cannot be saved, or is another network; see `read_source_file`.
        MachineError: The disk is full, or no process can be started to read it.
    """
    name = escape_control_characters(str(model.name))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        try:
            with warnings.catch_warnings():  # of models that are not built, which reading rejects
                warnings.simplefilter("ignore")
                model.save(path)
        except OSError as error:
            raise MachineError(
                f"{name}: no temporary file for it can be written: {error}"
            ) from error
        except Exception as error:  # of a layer of the user
            reason = escape_control_characters(str(error).strip().partition("\n")[0][:MAX_LINE])
            raise SourceFileError(
                name, f"Keras cannot save it ({reason}); use a model file"
            ) from error
        with path.open("rb") as file:
            source = _source_network(name, _run_reader(name, file))
    return in_memory(source, name)


def in_memory(source: SourceNetwork, name: str) -> SourceNetwork:
    """Return a network with its name, and with the hash of its architecture and weights."""
    digest = hashlib.sha256(repr((source.network, source.output)).encode())
    for weights in source.weights:
        digest.update(weights.tobytes())
    return replace(source, sha256=digest.hexdigest(), name=name)


def read_source_file(path: str | os.PathLike[str]) -> SourceNetwork:
    """Read a network that Keras saved, without running anything from the file.

    Args:
        path: `.keras` as Keras 3 writes it, or `.h5` as Keras 2 or 3 wrote it; the first
            bytes decide, not the suffix. Or a folder with the files of a `.keras` archive. A
            chain of Dense layers, however it is written down: see `normal_form`.

    Returns:
        The architecture and its weights; float16 and float64 are converted to float32.

    Raises:
        SourceFileError: The file is missing, unreadable, damaged, or another network.
        MachineError: No process can be started to read it.

    Source:
        Keras loads the weights of `.keras` by the order of layers, those of `.h5` by
        `weight_names`; so does this.
    """
    name = escape_control_characters(os.fspath(path))
    try:
        with _open_model(name, Path(os.fsdecode(path))) as file:
            source = _source_network(name, _run_reader(name, file))
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except SourceFileError:
        raise
    except FileNotFoundError as error:
        problem = "no such file; check the path"
        if os.path.exists(f"{os.fspath(path)}.index"):
            problem = CHECKPOINT
        raise SourceFileError(name, problem) from error
    except PermissionError as error:
        raise SourceFileError(name, "cannot be read; check its permissions") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise SourceFileError(name, "cannot be opened as a file; check the path") from error
    return replace(source, sha256=digest)


def _open_model(name: str, path: Path) -> BufferedReader | BufferedRandom:
    """Open a model file, or a temporary archive of the files of a model folder."""
    if path.is_dir():
        return _pack_folder(name, path)
    if path.name in FOLDER_LIMITS and _is_folder(path.parent):
        raise SourceFileError(name, f"one file of a model folder; use {str(path.parent)!r}")
    if re.search(r"\.data-\d{5}-of-\d{5}$", name):
        raise SourceFileError(name, CHECKPOINT)
    return _open_regular(name, path, "not a regular file; use a .keras or .h5 file")


def _open_regular(name: str, path: Path, problem: str, flags: int = 0) -> BufferedReader:
    """Open a file for reading, or raise `SourceFileError` if it is not a regular file."""
    is_followed = not flags & NO_FOLLOW
    # Before opening: that alone can set off a device.
    if not stat.S_ISREG(path.stat(follow_symlinks=is_followed).st_mode):
        raise SourceFileError(name, problem)
    file = open(path, "rb", opener=lambda path, mode: open_nonblocking(path, mode | flags))
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise SourceFileError(name, problem)
    return file


def _is_folder(path: Path) -> bool:
    """Return whether a folder has the files that Keras saves with `zipped=False`."""
    return all((path / member).exists() for member in (CONFIG, WEIGHTS))


def _pack_folder(name: str, folder: Path) -> BufferedRandom:
    """Return a temporary archive of the files of a folder; its bytes depend on theirs alone.

    Raises:
        SourceFileError: It is not the folder of a model, or a file is a link or too large.
        MachineError: The archive cannot be written.
    """
    for member, problem in _FOLDERS.items():
        if (folder / member).exists():
            raise SourceFileError(name, problem)
    if not _is_folder(folder):
        missing = [member for member in (CONFIG, WEIGHTS) if not (folder / member).exists()]
        problem = f"a folder without {' and '.join(missing)}; use a .keras or .h5 file"
        raise SourceFileError(name, problem)
    contents = {}
    for member, max_bytes in FOLDER_LIMITS.items():
        if member != MEMBER or (folder / member).exists():
            problem = f"{member} in it is a link, or not a regular file; use a copy (cp -rL)"
            with _open_regular(name, folder / member, problem, NO_FOLLOW) as file:
                n_bytes = os.fstat(file.fileno()).st_size
                if n_bytes > max_bytes:
                    problem = f"{member} has {n_bytes:,} bytes; at most {max_bytes:,} are read"
                    raise SourceFileError(name, problem)
                contents[member] = file.read(n_bytes)
    try:
        packed = tempfile.TemporaryFile()
        with zipfile.ZipFile(packed, "w") as archive:
            for member, content in contents.items():
                archive.writestr(zipfile.ZipInfo(member), content)  # of a fixed date
        packed.seek(0)
    except OSError as error:
        raise MachineError(f"{name}: no temporary file for it can be written: {error}") from error
    return packed


def _run_reader(name: str, file: BinaryIO) -> bytes:
    """Pass the open file, not its path, to the reader, and return its answer."""
    try:
        # -P: a numpy.py in the current directory is not imported.
        reader = subprocess.run(
            [sys.executable, "-P", "-W", "ignore", "-m", "blobtransfer.keras_files.sandbox"],
            stdin=file,
            capture_output=True,
            env=_environment(),
            timeout=TIMEOUT_S,
            check=False,
            start_new_session=True,  # Ctrl-C must not end the reader while this process finishes.
        )
    except subprocess.TimeoutExpired as error:
        # Damage runs out of time of the processor first; so this machine is busy or stopped.
        raise MachineError(
            f"{name}: not read after {TIMEOUT_S:g} s, this machine is too busy; try again"
        ) from error
    except OSError as error:
        raise MachineError(f"no process can be started to read {name}: {error}") from error
    return _answer(name, reader.returncode, reader.stdout, reader.stderr)


def _answer(name: str, status: int, stdout: bytes, stderr: bytes) -> bytes:
    """Return what a reader printed, or raise the error that its exit status means."""
    if status == 1:  # A Python traceback: not the file's doing, as far as we know.
        reason = escape_control_characters(
            stderr.decode(errors="replace").strip().rpartition("\n")[2]
        )
        raise MachineError(f"{name}: the reader of model files failed: {reason}")
    if status != 0:  # Killed: a crash in the HDF5 library, or out of time.
        raise SourceFileError(name, _DAMAGED)
    return stdout


def _environment() -> dict[str, str]:
    paths = [str(Path(__file__).absolute().parents[2]), os.environ.get("PYTHONPATH")]
    # HDF5_* could name plug-ins and other ways to open a file.
    return {key: value for key, value in os.environ.items() if not key.startswith("HDF5_")} | {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "HDF5_PLUGIN_PRELOAD": "::",  # No plug-ins, wherever there are some.
        "OPENBLAS_NUM_THREADS": "1",  # Each thread would reserve memory.
    }


def _source_network(name: str, answer: bytes) -> SourceNetwork:
    """Parse the answer of the reader, which a hostile file may have corrupted."""
    header, _, values = answer.partition(b"\n")
    try:
        record = json.loads(header)
        if "refused" in record:
            raise SourceFileError(name, _line(record["refused"]))
        n_features, *hidden, n_classes = map(int, record["sizes"])
        activation = record["activation"]
        if not isinstance(activation, str):
            activation = tuple(map(str, activation))
        network = MLPSpec(n_features, tuple(hidden), n_classes, activation)
        output, notes = _line(record["output"]), tuple(map(_line, record["notes"][:MAX_NOTES]))
        preprocessing_text = record["preprocessing"]
        preprocessing = None
        if preprocessing_text is not None:
            preprocessing = read_preprocessing(str(preprocessing_text), n_features, n_classes)
        flat = np.frombuffer(values, dtype="<f4").astype(np.float32)
    except SourceFileError:
        raise
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise SourceFileError(name, _DAMAGED) from error
    if flat.size != network.n_parameters or not np.isfinite(flat).all():
        raise SourceFileError(name, _DAMAGED)
    weights: list[np.ndarray] = []
    for fan_in, fan_out in network.shapes:
        kernel, bias, flat = np.split(flat, [fan_in * fan_out, (fan_in + 1) * fan_out])
        weights += [kernel.reshape(fan_in, fan_out), bias]
    return SourceNetwork(network, tuple(weights), "", preprocessing, output, notes)


def _line(text: object) -> str:
    """Return a line of the reader: printable, and of limited length."""
    return escape_control_characters(str(text)[:MAX_LINE])
