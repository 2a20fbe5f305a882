"""A saved model on standard input -> its architecture and weights on standard output.

Runs as a process of its own: HDF5 is a C library that some damaged files crash (a B-tree that
is its own child overflows the stack), make take all memory (a text that claims 4 GB) or keep
busy for ever; then only this process ends. It can open no file, write none, and has little
memory and time. Nothing is believed before it is checked: size before bytes, shape before
values. Only what Keras writes for plain dense networks is accepted; links, filters, virtual
and external storage, and whatever names code outside Keras, are refused, not followed.

Source:
    `keras/src/saving/saving_lib.py` (`.keras`) and `legacy/saving/legacy_h5_format.py`
    (`.h5`) of Keras 3.15.1; `tests/data/` has what Keras wrote from 2.1.6 on.
"""

import builtins
import codecs
import contextlib
import io
import json
import math
import os
import signal
import stat
import struct
import sys
import zipfile
import zlib
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import BinaryIO, Never

import h5py
import numpy as np

from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import ACTIVATIONS, MAX_LAYERS, MAX_PARAMETERS, MLPSpec, join

MAX_CONFIG_BYTES = 2**20
"""Largest description of a network; Keras writes about 1 KB a layer."""

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
_DIRECTORY_END = struct.Struct("<4s4H2LH")  # APPNOTE.TXT 4.3.16, the last bytes of a zip
_MAX_DIRECTORY_BYTES = 2**16
_MAX_NAME = 500

# IEEE 754, in either order of bytes: not bfloat16, which h5py would show as float32.
_FLOATS = (
    h5py.h5t.IEEE_F16LE, h5py.h5t.IEEE_F32LE, h5py.h5t.IEEE_F64LE,
    h5py.h5t.IEEE_F16BE, h5py.h5t.IEEE_F32BE, h5py.h5t.IEEE_F64BE,
)  # fmt: skip

# What os, zipfile, zlib, json and h5py raise on damaged input, as found by fuzzing. ValueError
# holds the decoding errors of JSON and Unicode, RuntimeError nesting too deep for JSON.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError,
    ValueError, LookupError, TypeError, RuntimeError, ArithmeticError, MemoryError,
)  # fmt: skip


@dataclass(frozen=True)
class _Dense:
    name: str
    fan_in: int | None
    units: int
    activation: str


class Refused(Exception):
    """The file cannot be used: what was found and what to do."""


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
        _refuse(
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
    _refuse(f"the file is {found}; save a model with Keras")


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
    # Time of the processor, not of the clock: a busy machine is no reason to refuse a file.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    most_s = CPU_S + min(n_bytes / BYTES_PER_CPU_S, MAX_CPU_S)
    signal.setitimer(signal.ITIMER_PROF, most_s)


def _read_keras(file: BinaryIO) -> _Model:
    _check_directory(file)
    with zipfile.ZipFile(file) as archive:
        _check_names(archive)
        config = _read_member(archive, "config.json", MAX_CONFIG_BYTES)
        layers = _dense_layers(config.getvalue())
        network = _network(layers)
        max_bytes = 2**20 + 2**16 * len(layers) + BYTES_PER_WEIGHT * network.n_parameters
        saved = _read_member(archive, "model.weights.h5", max_bytes)
    with h5py.File(saved, "r") as weights:
        # Keras 2.13 called the group of all layers by another name.
        root = "layers" if _has_link(weights, "layers") else "_layer_checkpoint_dependencies"
        # Layers are counted here, whatever their names: dense, dense_1, ...
        groups = [f"{root}/dense_{i}".removesuffix("_0") for i in range(len(layers))]
        for group in groups:
            if len(_find_group(weights, f"{group}/vars")) != 2:
                _refuse(f"{group} holds more or less than a kernel and a bias; save it again")
        names = [f"{group}/vars/{index}" for group in groups for index in (0, 1)]
        datasets = [_find_dataset(weights, name) for name in names]
        return network, _read_weights(network, datasets)


def _read_h5(content: io.BytesIO) -> _Model:
    with h5py.File(content, "r") as saved:
        if "model_config" not in saved.attrs:
            _refuse_without_network(saved)
        (config,) = _read_strings(saved, "model_config", 1)
        layers = _dense_layers(config)
        if layers and layers[0].fan_in is None:  # Keras 2 need not say; the kernel does.
            shape = _h5_datasets(saved, layers[0])[0].shape or (None,)
            layers[0] = replace(layers[0], fan_in=_width(shape[0], "input width"))
        network = _network(layers)
        datasets = [part for layer in layers for part in _h5_datasets(saved, layer)]
        return network, _read_weights(network, datasets)


def _refuse_without_network(saved: h5py.File) -> Never:
    groups = ("layers", "_layer_checkpoint_dependencies")  # of Keras 3, and of tf.keras 2.12
    if "layer_names" in saved.attrs or any(_has_link(saved, group) for group in groups):
        _refuse("it holds weights only, not their network; save the whole model with model.save()")
    _refuse("an .h5 file without a Keras model; save one with model.save()")


def _h5_datasets(saved: h5py.File, layer: _Dense) -> list[h5py.Dataset]:
    group = _find_group(saved, f"model_weights/{layer.name}")
    return [_find_dataset(group, name.decode()) for name in _read_strings(group, "weight_names", 2)]


def _check_directory(file: BinaryIO) -> None:
    """Refuse an archive of very many members: `zipfile` would read the whole list at once."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _DIRECTORY_END.size - 20))
    locator, end = file.read(20), file.read()
    file.seek(0)
    if len(end) != _DIRECTORY_END.size or not end.startswith(b"PK\x05\x06"):
        _refuse("the archive has no end, it looks cut short; save it again")
    directory_bytes = _DIRECTORY_END.unpack(end)[5]
    # `PK\6\7` points to a zip64 directory, which would count instead.
    if directory_bytes > _MAX_DIRECTORY_BYTES or locator.startswith(b"PK\x06\x07"):
        _refuse("an archive of very many members; give a model that Keras saved")


def _check_names(archive: zipfile.ZipFile) -> None:
    """Refuse what no honest archive holds; nothing is ever unpacked to a file here."""
    for member in archive.infolist():
        name = member.orig_filename  # As it is in the file: `filename` ends at a null character.
        leads_out = name.startswith("/") or ".." in name.split("/")
        if leads_out or not {"\\", ":", "\0"}.isdisjoint(name):
            _refuse(f"the archive has a member called {_shown(name)}; give a model Keras saved")
        if stat.S_ISLNK(member.external_attr >> 16):
            _refuse(f"{_shown(name)} in the archive is a link; give a model Keras saved")


def _read_member(archive: zipfile.ZipFile, name: str, max_bytes: int) -> io.BytesIO:
    members = [member for member in archive.infolist() if member.filename == name]
    if len(members) != 1:
        _refuse(f"the archive has {len(members)} members called {name}, not 1; save it again")
    (member,) = members
    if member.flag_bits & 1 or member.compress_type not in (
        zipfile.ZIP_STORED,
        zipfile.ZIP_DEFLATED,
    ):
        _refuse(f"{name} is encrypted or packed in a way Keras does not use; save it again")
    if member.file_size > max_bytes:
        _refuse(f"{name} has {member.file_size:,} bytes; at most {max_bytes:,} are read")
    content = io.BytesIO()
    with archive.open(member) as stream:
        # Piece by piece, or it would be there twice; to the end, where the checksum is.
        while piece := stream.read(2**20):
            content.write(piece)
    if content.tell() != member.file_size:
        _refuse(f"{name} is not as long as the archive says; save it again")
    content.seek(0)
    return content


def _dense_layers(config: bytes) -> list[_Dense]:
    """Turn the JSON of a model into its dense layers, input side first."""
    if len(config) > MAX_CONFIG_BYTES:
        _refuse(f"a description of {len(config):,} bytes; at most {MAX_CONFIG_BYTES:,} are read")
    model = _mapping(json.loads(config.decode()), "the description of the model")
    _check_class(model, ("Sequential",), "the model")
    settings = model.get("config")
    # Keras before 2.2.3 gave the bare list of layers.
    entries = (
        settings if isinstance(settings, list) else _mapping(settings, "the model").get("layers")
    )
    if not isinstance(entries, list):
        _refuse("no list of layers in the file; save the model again")
    if len(entries) > MAX_LAYERS + 1:  # One for the input.
        _refuse(f"more than {MAX_LAYERS} layers; use a smaller network")
    layers: list[_Dense] = []
    declared: int | None = None
    for position, value in enumerate(entries):
        entry = _mapping(value, f"layer {position}")
        config_of_layer = _mapping(entry.get("config"), f"layer {position}")
        name = config_of_layer.get("name")
        if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME:
            _refuse(f"layer {position} has no usable name; save the model again")
        where = f"layer {_shown(name)}"
        _check_class(entry, ("Dense", "InputLayer") if position == 0 else ("Dense",), where)
        _check_dtype(config_of_layer.get("dtype"), where)
        fan_in = _declared_width(entry, config_of_layer, where)
        if entry["class_name"] == "InputLayer":
            declared = fan_in
            continue
        expected = layers[-1].units if layers else declared
        if None not in (fan_in, expected) and fan_in != expected:
            _refuse(f"{where} takes {fan_in} values but gets {expected}; save the model again")
        if any(name == layer.name for layer in layers):
            _refuse(f"two layers are called {_shown(name)}; give each its own name")
        layers.append(_dense(name, fan_in or expected, config_of_layer, where))
    _check_parts(model)
    return layers


def _dense(name: str, fan_in: int | None, config: dict[str, object], where: str) -> _Dense:
    for option in ("quantization_config", "lora_rank"):
        if config.get(option) is not None:
            _refuse(f"{where} is quantized or has LoRA ({option}); save a plain Dense layer")
    if config.get("use_bias", True) is not True:
        _refuse(f"{where} has no bias; train it with use_bias=True")
    units, activation = config.get("units"), config.get("activation")
    if not isinstance(activation, str):
        _refuse(f"{where} has an activation of its own; use one of {join(ACTIVATIONS)}")
    return _Dense(name, fan_in, _width(units, f"{where}: units"), activation)


def _declared_width(entry: dict[str, object], config: dict[str, object], where: str) -> int | None:
    build = entry.get("build_config")
    shapes = [config.get("batch_shape"), config.get("batch_input_shape")]
    shapes.append(build.get("input_shape") if isinstance(build, dict) else None)
    widths = set()
    for shape in shapes:
        if shape is None:
            continue
        if not isinstance(shape, list) or len(shape) != 2:
            _refuse(f"{where} takes inputs of shape {_shown(shape)}; use rows: (None, features)")
        widths.add(_width(shape[1], f"{where}: features"))
    if len(widths) > 1:
        _refuse(f"{where} has inputs of {join(sorted(widths))} features; save the model again")
    return widths.pop() if widths else None


def _width(value: object, where: str) -> int:
    if type(value) is not int or not 1 <= value <= MAX_PARAMETERS:  # True is no width
        _refuse(f"{where} {_shown(value)}; use a whole number from 1 to {MAX_PARAMETERS:,}")
    return value


def _check_class(entry: dict[str, object], allowed: tuple[str, ...], where: str) -> None:
    found, module = entry.get("class_name"), entry.get("module")
    registered = entry.get("registered_name")
    if found not in allowed:
        _refuse(f"{where} is of class {_shown(found)}; use {' and '.join(allowed)} only")
    if module not in (None, "keras", "keras.layers") or registered not in (None, found):
        custom = registered if registered not in (None, found) else module
        _refuse(f"{where} is a custom {found} ({_shown(custom)}); use the one of Keras")


def _check_parts(description: object) -> None:
    """Refuse a description that names code outside Keras, also where only training uses it."""
    pending = [description]
    while pending:  # No recursion: how deep it goes is up to the file.
        value = pending.pop()
        if isinstance(value, list):
            pending.extend(value)
        if isinstance(value, dict):
            pending.extend(value.values())
            if not _is_of_keras(value):
                keys = ("module", "class_name", "config")
                name = " ".join(value[key] for key in keys if isinstance(value.get(key), str))
                _refuse(
                    f"it names {_shown(name)}, which is not a plain part of Keras; "
                    "save keras.Sequential(model.layers), without code of your own"
                )


def _is_of_keras(part: dict[str, object]) -> bool:
    found, module, registered = map(part.get, ("class_name", "module", "registered_name"))
    if found in ("Lambda", "__lambda__") or ">" in f"{found}{registered}":
        return False
    if (module, found) == ("builtins", "function"):
        # So Keras describes a loss given as a function, and looks it up in that module.
        name = part.get("config")
        return isinstance(name, str) and not hasattr(builtins, name)
    return module is None or str(module).split(".")[0] == "keras"


def _check_dtype(dtype: object, where: str) -> None:
    if isinstance(dtype, dict):  # A policy; Keras 2 and 3 name its class differently.
        kind, config = dtype.get("class_name"), dtype.get("config")
        plain = kind in ("Policy", "DTypePolicy")
        dtype = config.get("name") if plain and isinstance(config, dict) else kind
    if dtype not in (None, "float16", "float32", "float64"):
        _refuse(f"{where} computes in {_shown(dtype)}; use float32")


def _mapping(value: object, where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        _refuse(f"{where} is not described as Keras does; save the model again")
    return value


def _network(layers: list[_Dense]) -> MLPSpec:
    if len(layers) < 2:
        _refuse(f"a network of {len(layers)} dense layers; use at least one hidden layer")
    if len(layers) > MAX_LAYERS:
        _refuse(f"more than {MAX_LAYERS} layers; use a smaller network")
    *hidden, output = layers
    if output.activation != "softmax":
        _refuse(f"the output layer is {_shown(output.activation)}; use softmax")
    kinds = sorted({layer.activation for layer in hidden})
    activation = next((known for known in ACTIVATIONS if kinds == [known]), None)
    if activation is None:
        found = ", ".join(map(_shown, kinds[:5]))
        _refuse(f"hidden layers are {found}; use the same for all, one of {join(ACTIVATIONS)}")
    n_features = layers[0].fan_in
    if n_features is None:
        _refuse("the width of the input is not given; save the model after building it")
    widths = [n_features, *(layer.units for layer in layers)]
    n_weights = sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(widths))
    if n_weights > MAX_PARAMETERS:
        _refuse(
            f"{n_weights:,} weights; at most {MAX_PARAMETERS:,} are read, use a smaller network"
        )
    try:
        return MLPSpec(n_features, tuple(widths[1:-1]), output.units, activation)
    except SettingError as error:
        raise Refused(error.problem) from None


def _find_group(parent: h5py.Group, path: str) -> h5py.Group:
    found = _find(parent, path)
    if not isinstance(found, h5py.Group):
        _refuse(f"{_shown(path)} is no group; save the model again")
    return found


def _find_dataset(parent: h5py.Group, path: str) -> h5py.Dataset:
    """Find a dataset whose values lie in the file as they are; nothing of it is read yet."""
    found = _find(parent, path)
    if not isinstance(found, h5py.Dataset):
        _refuse(f"{_shown(path)} holds no values; save the model again")
    # Before its shape is asked for: that alone makes HDF5 open the sources of a virtual dataset.
    storage = found.id.get_create_plist()
    if (
        storage.get_layout() not in (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT)
        or storage.get_external_count() > 0
        or storage.get_nfilters() > 0
    ):
        _refuse(f"{_shown(path)} is compressed or kept elsewhere; save the model with Keras")
    return found


def _find(parent: h5py.Group, path: str) -> object:
    """Walk a path of hard links only: soft and external links may lead out of the file."""
    found: object = parent
    parts = path.split("/")
    if len(path) > 2 * _MAX_NAME or not set(parts).isdisjoint({"", ".", ".."}):
        _refuse(f"no layer can be called {_shown(path)}; save the model again")
    for part in parts:
        if not isinstance(found, h5py.Group) or not _has_link(found, part):
            _refuse(f"{_shown(path)} is missing; save the model again")
        if found.id.links.get_info(part.encode()).type != h5py.h5l.TYPE_HARD:
            _refuse(f"{_shown(path)} is a link; save the model with Keras")
        found = found[part]
    return found


def _has_link(group: h5py.Group, name: str) -> bool:
    # `name in group` could follow it.
    return bool(group.id.links.exists(name.encode()))


def _read_strings(group: h5py.Group, name: str, count: int) -> list[bytes]:
    if name not in group.attrs:
        _refuse(f"{_shown(group.name)} has no {name}; save the model again")
    attribute = group.attrs.get_id(name)
    if (
        h5py.check_string_dtype(attribute.dtype) is None
        or math.prod(attribute.shape) != count
        or attribute.get_storage_size() > MAX_CONFIG_BYTES
    ):
        _refuse(f"{_shown(group.name)}: {name} is no text of {count} parts; save the model again")
    texts = np.asarray(group.attrs[name], dtype=object).ravel().tolist()
    return [
        text.encode(errors="surrogateescape") if isinstance(text, str) else bytes(text)
        for text in texts
    ]


def _read_weights(network: MLPSpec, datasets: list[h5py.Dataset]) -> tuple[np.ndarray, ...]:
    shapes = [part for shape in network.shapes for part in (shape, shape[1:])]
    for shape, dataset in zip(shapes, datasets, strict=True):
        if dataset.shape != shape:
            _refuse(f"{_shown(dataset.name)} has shape {dataset.shape}, not {shape}; save it again")
        if dataset.id.get_type() not in _FLOATS:
            _refuse(
                f"{_shown(dataset.name)} holds {dataset.dtype} or its like; "
                "use float16, float32 or float64"
            )
        # A dataset without stored values would read as zeros, however large.
        if dataset.id.get_storage_size() != math.prod(shape) * dataset.dtype.itemsize:
            _refuse(f"{_shown(dataset.name)} was saved without its values; save it again")
    return tuple(map(_read_floats, datasets))


def _read_floats(dataset: h5py.Dataset) -> np.ndarray:
    values = np.empty(dataset.shape, np.float32)
    # HDF5 converts piece by piece; what is too large for float32 becomes infinite.
    dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, values)
    if not np.isfinite(values).all():
        _refuse(f"{_shown(dataset.name)} has values that are not finite; train it again")
    return values


def _shown(value: object) -> str:
    """Quote what the file says, cut to a sane length; the caller makes it printable."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return f"'{text if len(text) <= 60 else text[:57] + '...'}'"


def _refuse(problem: str) -> Never:
    raise Refused(problem)


if __name__ == "__main__":
    main()
