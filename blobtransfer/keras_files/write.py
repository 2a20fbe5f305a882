"""Write a trained network as a file that plain Keras opens, without importing Keras.

The file, `.keras` or legacy `.h5`, has the content that Keras saves for an uncompiled Sequential
model of dense layers. Settings that Keras added after version 3.6 are omitted, since the network
uses their defaults. So every Keras from 3.6 on opens the file. A `leaky_relu` with another slope
than the default needs Keras 3.10: older versions cannot load a layer as an activation.

Source:
    `keras/src/saving/saving_lib.py` (`.keras`), `legacy/saving/legacy_h5_format.py` (`.h5`), and
    `get_config` of the layers in Keras 3.15.1.
"""

import io
import json
import zipfile
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from blobtransfer.atomic_write import write_atomic
from blobtransfer.keras_files.preprocessing import MEMBER, format_preprocessing
from blobtransfer.specs.network import LEAKY_SLOPE, Initializer, MLPSpec
from blobtransfer.specs.table import Preprocessing

Config = dict[str, Any]
"""Description of an object in the JSON of Keras."""

LEGACY_SUFFIX = ".h5"
"""Suffix of the legacy format of Keras."""

MODEL_NAME = "sequential"
"""Name that Keras gives to the first Sequential model of a process."""


def save_model(
    network: MLPSpec,
    weights: Sequence[NDArray[np.float32]],
    path: Path,
    preprocessing: Preprocessing | None = None,
    must_be_new: bool = False,
) -> None:
    """Save a network as a file that plain Keras opens.

    Args:
        network: Shape of the network.
        weights: Kernel (fan_in, fan_out), bias (fan_out,), ...
        path: Ends in `.keras` or `.h5`, which selects the format; written whole or not at all.
        preprocessing: Preprocessing of the inputs; None if the network was not trained on a table.
        must_be_new: Whether an existing file is an error.

    Raises:
        FileExistsError: The file exists, and `must_be_new` is given.
        MachineError: The file cannot be written.
    """
    is_legacy = path.suffix.lower() == LEGACY_SUFFIX
    content = (_h5_file if is_legacy else _keras_archive)(network, weights, preprocessing)
    with write_atomic(path, must_be_new) as temporary:
        temporary.write_bytes(content)


def _keras_archive(
    network: MLPSpec, weights: Sequence[NDArray[np.float32]], preprocessing: Preprocessing | None
) -> bytes:
    """Return the bytes of a `.keras` file; see `save_model`."""
    layers = _layer_configs(network)
    build = {"build_config": {"input_shape": [None, network.n_features]}}
    config = _object("keras", "Sequential", _model_config(network, layers)) | build
    now = datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    metadata = {"keras_version": version("keras"), "date_saved": now}
    members: dict[str, str | bytes] = {
        "metadata.json": json.dumps(metadata),
        "config.json": json.dumps(config),
        "model.weights.h5": _weights_file(layers, weights),
    }
    if preprocessing is not None:
        members[MEMBER] = format_preprocessing(preprocessing)
    archive_bytes = io.BytesIO()
    with zipfile.ZipFile(archive_bytes, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # the date of a new ZipInfo is fixed
    return archive_bytes.getvalue()


def _weights_file(layers: Sequence[Config], weights: Sequence[NDArray[np.float32]]) -> bytes:
    """Return the bytes of the HDF5 file of the weights in a `.keras` file."""
    file_bytes = io.BytesIO()
    with h5py.File(file_bytes, "w") as file:
        file.create_group("vars").attrs["name"] = MODEL_NAME
        for layer, kernel, bias in _dense_layers(layers, weights):
            name, activation = layer["name"], layer["activation"]
            variables = file.create_group(f"layers/{name}/vars")
            variables.attrs["name"] = name
            variables["0"], variables["1"] = kernel, bias
            if isinstance(activation, dict):
                variables = file.create_group(f"layers/{name}/activation/vars")
                variables.attrs["name"] = activation["config"]["name"]
    return file_bytes.getvalue()


def _h5_file(
    network: MLPSpec, weights: Sequence[NDArray[np.float32]], preprocessing: Preprocessing | None
) -> bytes:
    """Return the bytes of an `.h5` file; see `save_model`."""
    layers = _layer_configs(network)
    legacy = [{"class_name": layer["class_name"], "config": layer["config"]} for layer in layers]
    config = {"class_name": "Sequential", "config": _model_config(network, legacy)}
    keras_version, backend = version("keras"), "tensorflow"
    file_bytes = io.BytesIO()
    with h5py.File(file_bytes, "w") as file:
        file.attrs["keras_version"] = keras_version
        file.attrs["backend"] = backend
        file.attrs["model_config"] = json.dumps(config).encode()
        if preprocessing is not None:
            file.attrs[MEMBER] = format_preprocessing(preprocessing)
        # The texts of these attributes are bytes, which HDF5 stores as ASCII.
        group = file.create_group("model_weights")
        group.attrs["keras_version"] = keras_version.encode()
        group.attrs["backend"] = backend.encode()
        group.attrs["layer_names"] = [layer["config"]["name"].encode() for layer in layers[1:]]
        group.create_group("top_level_model_weights").attrs["weight_names"] = []
        for layer, kernel, bias in _dense_layers(layers, weights):
            variables = group.create_group(layer["name"])
            paths = [f"{MODEL_NAME}/{layer['name']}/{name}" for name in ("kernel", "bias")]
            variables.attrs["weight_names"] = [path.encode() for path in paths]
            variables[paths[0]], variables[paths[1]] = kernel, bias
    return file_bytes.getvalue()


def _dense_layers(
    layers: Sequence[Config], weights: Sequence[NDArray[np.float32]]
) -> list[tuple[Config, NDArray[np.float32], NDArray[np.float32]]]:
    """Return the settings, the kernel and the bias of each dense layer."""
    settings = [layer["config"] for layer in layers[1:]]
    return list(zip(settings, weights[::2], weights[1::2], strict=True))


def _model_config(network: MLPSpec, layers: Sequence[Config]) -> Config:
    return {
        "name": MODEL_NAME,
        "trainable": True,
        "dtype": _float32(),
        "layers": layers,
        "build_input_shape": [None, network.n_features],
    }


def _layer_configs(network: MLPSpec) -> list[Config]:
    """Return the input layer and the dense layers, with the names that Keras gives them."""
    input_config = {
        "batch_shape": [None, network.n_features],
        "dtype": "float32",
        "sparse": False,
        "name": "input_layer",
    }
    layers = [_object("keras.layers", "InputLayer", input_config)]
    n_leaky = 0
    for layer, (fan_in, fan_out) in enumerate(network.shapes):
        activation: str | Config = "softmax"
        initializer: Initializer = "glorot_uniform"
        if layer < len(network.hidden):
            initializer = network.initializer
            activation, slope = network.activation_of(layer)
            if activation == "swish":
                activation = "silu"  # the name by which Keras 3 saves it
            if activation == "leaky_relu" and slope != LEAKY_SLOPE:
                activation = _leaky_relu(_numbered("leaky_re_lu", n_leaky), slope)
                n_leaky += 1
        config = {
            "name": _numbered("dense", layer),
            "trainable": True,
            "dtype": _float32(),
            "units": fan_out,
            "activation": activation,
            "use_bias": True,
            "kernel_initializer": _kernel_initializer(initializer),
            "bias_initializer": _object("keras.initializers", "Zeros", {}),
            "kernel_regularizer": None,
            "bias_regularizer": None,
            "kernel_constraint": None,
            "bias_constraint": None,
        }
        build = {"build_config": {"input_shape": [None, fan_in]}}
        layers.append(_object("keras.layers", "Dense", config) | build)
    return layers


def _leaky_relu(name: str, slope: float) -> Config:
    config = {"name": name, "trainable": True, "dtype": _float32(), "negative_slope": slope}
    return _object("keras.layers", "LeakyReLU", config)


def _kernel_initializer(initializer: Initializer) -> Config:
    class_name = initializer.title().replace("_", "")  # he_uniform: HeUniform
    return _object("keras.initializers", class_name, {"seed": None})


def _float32() -> Config:
    return _object("keras", "DTypePolicy", {"name": "float32"})


def _object(module: str, class_name: str, config: Config) -> Config:
    return {"module": module, "class_name": class_name, "config": config, "registered_name": None}


def _numbered(name: str, index: int) -> str:
    return f"{name}_{index}" if index else name
