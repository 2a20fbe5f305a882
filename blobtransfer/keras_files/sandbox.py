"""A saved model on standard input -> its architecture and weights on standard output.

Runs as a process of its own: HDF5 is a C library that some damaged files crash (a B-tree that
is its own child overflows the stack), make take all memory (a text that claims 4 GB) or keep
busy for ever; then only this process ends. It can open no file, write none, and has little
memory and time. Everything is checked before it is used: size before bytes, shape before
values. Only what Keras writes for plain dense networks is accepted; links, filters, virtual
and external storage, and whatever names code outside Keras, are refused, not followed.

Source:
    `keras/src/saving/saving_lib.py` (`.keras`) and `legacy/saving/legacy_h5_format.py`
    (`.h5`) of Keras 3.15.1; `tests/data/` has what Keras wrote from 2.1.6 on.
"""

import codecs
import contextlib
import io
import json
import os
import signal
import struct
import sys
import zipfile
import zlib
from dataclasses import replace
from typing import BinaryIO, Never

import h5py
import numpy as np

from blobtransfer.keras_files.archive import check_directory, check_names, read_member
from blobtransfer.keras_files.hdf5 import (
    find_dataset,
    find_group,
    has_link,
    read_strings,
    read_weights,
)
from blobtransfer.keras_files.keras_config import DenseLayer, dense_layers, network_of, width_of
from blobtransfer.keras_files.refusal import MAX_CONFIG_BYTES, Refused, refuse
from blobtransfer.specs.network import MAX_PARAMETERS, MLPSpec

BYTES_PER_WEIGHT = 24
"""Most that a saved network takes for each weight: a float64, and two of Adam."""

MAX_FILE_BYTES = BYTES_PER_WEIGHT * MAX_PARAMETERS + 8 * 2**20
"""Largest file: the largest network, and room for structure."""

ROOM_BYTES = 144 * 2**20
"""Memory for one file, besides the 40 MB of the libraries: the file, its weights as float32."""

CPU_S = 0.3
"""Processor time for a small file, which takes 0.01 s; some damage takes for ever."""

BYTES_PER_CPU_S = 5e6
"""Slowest reading of a large file, byte by byte of the file, packed or not; 1e8 were measured."""

MAX_CPU_S = 3.0
"""Most processor time besides that; the largest network takes 0.3 s."""

_Model = tuple[MLPSpec, tuple[np.ndarray, ...]]

# What os, zipfile, zlib, json and h5py raise on damaged input, as found by fuzzing. ValueError
# holds the decoding errors of JSON and Unicode, RuntimeError nesting too deep for JSON.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError,
    ValueError, LookupError, TypeError, RuntimeError, ArithmeticError, MemoryError,
)  # fmt: skip


def read_model(file: BinaryIO) -> tuple[MLPSpec, tuple[np.ndarray, ...]]:
    """Read a network that Keras saved, without running anything from the file.

    Args:
        file: An open regular file, `.keras` or `.h5`; the first bytes decide.

    Returns:
        The architecture (the initializer is the default, the file's is not read), and kernel,
        bias, kernel, bias, ... input side first: float32, C-contiguous, finite, of shapes
        (fan_in, fan_out) and (fan_out,).

    Raises:
        Refused: The file is damaged, or another network.
    """
    n_bytes = file.seek(0, os.SEEK_END)
    if n_bytes > MAX_FILE_BYTES:
        refuse(
            f"{n_bytes:,} bytes; at most {MAX_FILE_BYTES:,} are read, use a smaller network "
            "or save it without its optimizer"
        )
    try:
        file.seek(0)
        start = file.read(8)
        file.seek(0)
        if start.startswith(b"PK\x03\x04"):
            return _read_keras(file)
        if start == b"\x89HDF\r\n\x1a\n":
            return _read_h5(io.BytesIO(file.read(MAX_FILE_BYTES)))
    except _DAMAGE as error:
        raise Refused("it cannot be read and looks damaged; save it again") from error
    found = "neither a .keras nor an .h5 file" if start else "empty"
    refuse(f"the file is {found}; save a model with Keras")


def main() -> None:
    """Read the model on standard input; write one line of JSON, then the weights, float32."""
    _limit_process(os.fstat(0).st_size)
    out = sys.stdout.buffer
    try:
        with open(0, "rb", closefd=False) as file:
            network, weights = read_model(file)
    except Refused as refused:
        out.write(json.dumps({"refused": str(refused)}).encode())
        return
    answer = {"sizes": network.layer_sizes, "activation": network.activation}
    out.write(json.dumps(answer).encode() + b"\n")
    for part in weights:
        out.write(part.astype("<f4", copy=False).data)


def _limit_process(n_bytes: int) -> None:
    """Take from this process, for good, what reading a file of `n_bytes` does not need."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for encoding in ("ascii", "cp437"):  # Of h5py and zipfile; Python opens a file to load one.
        codecs.lookup(encoding)
    limits = [
        (resource.RLIMIT_NOFILE, 3),  # The standard streams are open: nothing else can be.
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ]
    with contextlib.suppress(OSError), open("/proc/self/statm") as statm:  # Linux only
        n_pages = int(statm.read().split()[0])
        limits.append((resource.RLIMIT_AS, n_pages * resource.getpagesize() + ROOM_BYTES))
    for limit, most in limits:
        with contextlib.suppress(OSError, ValueError):  # Not every system has every limit.
            resource.setrlimit(limit, (most, most))
    # Time of the processor, not of the clock: a file must not be refused because a machine is busy.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    most_s = CPU_S + min(n_bytes / BYTES_PER_CPU_S, MAX_CPU_S)
    signal.setitimer(signal.ITIMER_PROF, most_s)


def _read_keras(file: BinaryIO) -> _Model:
    check_directory(file)
    with zipfile.ZipFile(file) as archive:
        check_names(archive)
        config = read_member(archive, "config.json", MAX_CONFIG_BYTES)
        layers = dense_layers(config.getvalue())
        network = network_of(layers)
        max_bytes = 2**20 + 2**16 * len(layers) + BYTES_PER_WEIGHT * network.n_parameters
        saved = read_member(archive, "model.weights.h5", max_bytes)
    with h5py.File(saved, "r") as weights:
        # Keras 2.13 called the group of all layers by another name.
        root = "layers" if has_link(weights, "layers") else "_layer_checkpoint_dependencies"
        # Layers are counted here, whatever their names: dense, dense_1, ...
        groups = [f"{root}/dense_{i}".removesuffix("_0") for i in range(len(layers))]
        for group in groups:
            if len(find_group(weights, f"{group}/vars")) != 2:
                refuse(f"{group} holds more or less than a kernel and a bias; save it again")
        names = [f"{group}/vars/{index}" for group in groups for index in (0, 1)]
        datasets = [find_dataset(weights, name) for name in names]
        return network, read_weights(network, datasets)


def _read_h5(content: io.BytesIO) -> _Model:
    with h5py.File(content, "r") as saved:
        if "model_config" not in saved.attrs:
            _refuse_without_network(saved)
        (config,) = read_strings(saved, "model_config", 1)
        layers = dense_layers(config)
        if layers and layers[0].fan_in is None:  # Keras 2 need not say; the kernel does.
            shape = _h5_datasets(saved, layers[0])[0].shape or (None,)
            layers[0] = replace(layers[0], fan_in=width_of(shape[0], "input width"))
        network = network_of(layers)
        datasets = [part for layer in layers for part in _h5_datasets(saved, layer)]
        return network, read_weights(network, datasets)


def _refuse_without_network(saved: h5py.File) -> Never:
    groups = ("layers", "_layer_checkpoint_dependencies")  # of Keras 3, and of tf.keras 2.12
    if "layer_names" in saved.attrs or any(has_link(saved, group) for group in groups):
        refuse("it holds weights only, not their network; save the whole model with model.save()")
    refuse("an .h5 file without a Keras model; save one with model.save()")


def _h5_datasets(saved: h5py.File, layer: DenseLayer) -> list[h5py.Dataset]:
    group = find_group(saved, f"model_weights/{layer.name}")
    return [find_dataset(group, name.decode()) for name in read_strings(group, "weight_names", 2)]


if __name__ == "__main__":
    main()
