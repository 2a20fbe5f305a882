"""Read a saved model from standard input; write architecture and weights to standard output.

Runs as a process of its own: HDF5 is a C library that some damaged files crash (a B-tree that
is its own child overflows the stack), exhaust memory (a text that claims 4 GB) or run for ever;
then only this process ends. It can neither open nor write files, and has little memory and time.
Everything is checked before it is used: size before bytes, shape before values. Only what Keras
writes for plain dense networks is accepted; links, filters, virtual and external storage, and
names of code outside Keras, are rejected, not followed.

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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import BinaryIO, Never

import h5py
import numpy as np

from blobtransfer.file_signatures import START_BYTES, identify_format
from blobtransfer.keras_files import containers
from blobtransfer.keras_files.chain import DenseChain, DenseLayer
from blobtransfer.keras_files.keras_config import width_of
from blobtransfer.keras_files.normal_form import network_of, read_chain, with_softmax
from blobtransfer.keras_files.preprocessing import MEMBER
from blobtransfer.keras_files.refusal import (
    BYTES_PER_WEIGHT,
    CHECKPOINT,
    CONFIG,
    MAX_CONFIG_BYTES,
    MAX_FILE_BYTES,
    WEIGHTS,
    Unsupported,
    reject,
)
from blobtransfer.specs.network import MLPSpec

ROOM_BYTES = 144 * 2**20
"""Memory for one file, besides the 40 MB of the libraries: the file, its weights as float32."""

CPU_S = 0.3
"""Processor time for a small file, which takes 0.01 s; some damage takes for ever."""

BYTES_PER_CPU_S = 5e6
"""Slowest reading of a large file, byte by byte of the file, packed or not; 1e8 were measured."""

MAX_CPU_S = 3.0
"""Most processor time besides that; the largest network takes 0.3 s."""


@dataclass(frozen=True)
class LoadedModel:
    """The network of a file.

    Args:
        network: The architecture; the initializer is the default, the file's is not read.
        weights: Kernel, bias, kernel, bias, ... input side first: float32, C-contiguous, finite,
            of shapes (fan_in, fan_out) and (fan_out,).
        output: Activation of the output layer: `softmax`, or one without an equivalent here.
        notes: Ignored parts of the file, one line each.
        preprocessing: JSON of the preprocessing of the table that it was trained on; None if the
            file has none.
    """

    network: MLPSpec
    weights: tuple[np.ndarray, ...]
    output: str
    notes: list[str]
    preprocessing: str | None = None


CHECKPOINT_END = bytes.fromhex("57fb808b247547db")
"""Last bytes of the `.index` of a checkpoint, a table of LevelDB."""

# What os, zipfile, zlib, json and h5py raise on damaged input, as found by fuzzing. ValueError
# holds the decoding errors of JSON and Unicode, RuntimeError nesting too deep for JSON.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError,
    ValueError, LookupError, TypeError, RuntimeError, ArithmeticError, MemoryError,
)  # fmt: skip


def read_model(file: BinaryIO) -> LoadedModel:
    """Read a network that Keras saved, without running anything from the file.

    Args:
        file: An open regular file, `.keras` or `.h5`; the first bytes decide.

    Raises:
        Unsupported: The file is damaged, or another network.
    """
    try:
        n_bytes = file.seek(0, os.SEEK_END)
        if n_bytes > MAX_FILE_BYTES:
            reject(
                f"{n_bytes:,} bytes; at most {MAX_FILE_BYTES:,} are read, use a smaller network "
                "or save it without its optimizer"
            )
        file.seek(0)
        start = file.read(START_BYTES)
        file.seek(0)
        file_format = identify_format(start)
        if start.startswith(b"PK\x03\x04") and file_format in ("a .keras file", "a zip archive"):
            return _read_keras(file)
        if file_format == "an .h5 file":
            return _read_h5(io.BytesIO(file.read(MAX_FILE_BYTES)))
    except _DAMAGE as error:
        raise Unsupported("it cannot be read and looks damaged; save it again") from error
    file.seek(max(0, n_bytes - len(CHECKPOINT_END)))
    if file.read() == CHECKPOINT_END:
        reject(CHECKPOINT)
    if file_format is not None:
        reject(f"this looks like {file_format}, not a .keras or .h5 file; save a model with Keras")
    problem = "neither a .keras nor an .h5 file" if start else "empty"
    reject(f"the file is {problem}; save a model with Keras")


def main() -> None:
    """Read the model on standard input; write one line of JSON, then the weights, float32."""
    _limit_process(os.fstat(0).st_size)
    out = sys.stdout.buffer
    try:
        with open(0, "rb", closefd=False) as file:
            model = read_model(file)
    except Unsupported as refused:
        out.write(json.dumps({"refused": str(refused)}).encode())
        return
    answer = {
        "sizes": model.network.layer_sizes,
        "activation": model.network.activation,
        "output": model.output,
        "notes": model.notes,
        "preprocessing": model.preprocessing,
    }
    out.write(json.dumps(answer).encode() + b"\n")
    for weights in model.weights:
        out.write(weights.astype("<f4", copy=False).data)


def _limit_process(n_bytes: int) -> None:
    """Limit this process, for good, to what reading a file of `n_bytes` needs."""
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


def _read_keras(file: BinaryIO) -> LoadedModel:
    containers.check_directory(file)
    with zipfile.ZipFile(file) as archive:
        containers.check_names(archive)
        config = containers.read_member(archive, CONFIG, MAX_CONFIG_BYTES)
        chain = read_chain(config.getvalue())
        network = network_of(chain)
        max_bytes = 2**20 + 2**16 * len(chain.layers) + BYTES_PER_WEIGHT * network.n_parameters
        saved = containers.read_member(archive, WEIGHTS, max_bytes)
        preprocessing = None
        if MEMBER in archive.namelist():
            preprocessing = (
                containers.read_member(archive, MEMBER, MAX_CONFIG_BYTES).getvalue().decode()
            )
    with h5py.File(saved, "r") as weights:
        # Keras 2.13 called the group of all layers by another name.
        root = (
            "layers" if containers.has_link(weights, "layers") else "_layer_checkpoint_dependencies"
        )
        datasets: list[h5py.Dataset | None] = []
        for layer in chain.layers:
            path = "/".join(f"{root}/{name}" for name in layer.group)
            group = containers.find_group(weights, f"{path}/vars")
            if len(group) != 1 + layer.has_bias:
                what = "a kernel and a bias" if layer.has_bias else "a kernel"
                reject(f"{path} does not hold exactly {what}; save it again")
            datasets.append(containers.find_dataset(group, "0"))
            datasets.append(containers.find_dataset(group, "1") if layer.has_bias else None)
        return replace(_model(network, datasets, chain), preprocessing=preprocessing)


def _read_h5(content: io.BytesIO) -> LoadedModel:
    with h5py.File(content, "r") as saved:
        if "model_config" not in saved.attrs:
            _refuse_without_network(saved)
        (config,) = containers.read_strings(saved, "model_config", 1)
        chain = read_chain(config)
        if chain.layers[0].fan_in is None:  # Keras 2 need not say; the kernel does.
            kernel = _h5_datasets(saved, chain.layers)[0]
            shape = (kernel.shape if kernel is not None else None) or (None,)
            chain.layers[0] = replace(chain.layers[0], fan_in=width_of(shape[0], "input width"))
        model = _model(network_of(chain), _h5_datasets(saved, chain.layers), chain)
        if MEMBER not in saved.attrs:
            return model
        (preprocessing,) = containers.read_strings(saved, MEMBER, 1)
        if len(preprocessing) > MAX_CONFIG_BYTES:
            reject(
                f"{MEMBER} has {len(preprocessing):,} bytes; at most {MAX_CONFIG_BYTES:,} are read"
            )
        return replace(model, preprocessing=preprocessing.decode())


def _model(network: MLPSpec, datasets: list[h5py.Dataset | None], chain: DenseChain) -> LoadedModel:
    weights = containers.read_weights(network, datasets)
    network, weights, output = with_softmax(network, weights, chain.layers[-1].activation)
    return LoadedModel(network, weights, output, chain.notes_text())


def _refuse_without_network(saved: h5py.File) -> Never:
    groups = ("layers", "_layer_checkpoint_dependencies")  # of Keras 3, and of tf.keras 2.12
    if "layer_names" in saved.attrs or any(containers.has_link(saved, group) for group in groups):
        reject("it holds weights only, not their network; save the whole model with model.save()")
    reject("an .h5 file without a Keras model; save one with model.save()")


def _h5_datasets(saved: h5py.File, layers: Sequence[DenseLayer]) -> list[h5py.Dataset | None]:
    """Find kernel and bias of each layer; None for a layer without bias.

    A nested model has one group for the weights of all its layers.
    """
    datasets: dict[DenseLayer, list[h5py.Dataset | None]] = {}
    for top in dict.fromkeys(layer.top for layer in layers):
        inside = [layer for layer in layers if layer.top == top]
        group = containers.find_group(saved, f"model_weights/{top}")
        n_weights = sum(1 + layer.has_bias for layer in inside)
        texts = containers.read_strings(group, "weight_names", n_weights)
        for layer, names in _names_by_layer([text.decode() for text in texts], inside).items():
            datasets[layer] = [containers.find_dataset(group, name) for name in names]
            datasets[layer] += [] if layer.has_bias else [None]
    return [dataset for layer in layers for dataset in datasets[layer]]


def _names_by_layer(names: list[str], layers: Sequence[DenseLayer]) -> dict[DenseLayer, list[str]]:
    """Assign the names of weights to layers: by the layer that they name, or else by their order.

    Keras loads a group by its order, in which frozen layers come last.
    """
    of_layer: dict[str, list[str]] = {}
    for name in names:
        of_layer.setdefault(name.rpartition("/")[0].rpartition("/")[2], []).append(name)
    if all(len(of_layer.get(layer.name, ())) == 1 + layer.has_bias for layer in layers):
        return {layer: of_layer[layer.name] for layer in layers}
    rest = iter(names)
    frozen_last = sorted(layers, key=lambda layer: not layer.is_trainable)
    return {layer: list(islice(rest, 1 + layer.has_bias)) for layer in frozen_last}


if __name__ == "__main__":
    main()
