"""Writes model files as Keras does, and as it never would; shared by the tests."""

import copy
import io
import json
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from helpers.activations import FUNCTIONS

SIZES = (2, 5, 4, 3)
NAMES = ("dense", "dense_1", "dense_2")


def weights(seed: int = 1234) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    arrays: list[np.ndarray] = []
    for fan_in, fan_out in pairwise(SIZES):
        arrays.append(rng.normal(size=(fan_in, fan_out)).astype(np.float32))
        arrays.append(rng.normal(size=fan_out).astype(np.float32))
    return arrays


def config() -> dict[str, Any]:
    """Return a Keras 3 `config.json`, needed keys only; `dense` of layer i is at index i + 1."""
    layers: list[dict[str, Any]] = [
        {
            "module": "keras.layers",
            "class_name": "InputLayer",
            "config": {"batch_shape": [None, SIZES[0]], "dtype": "float32", "name": "input_layer"},
            "registered_name": None,
        }
    ]
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}
    for name, fan_in, units in zip(NAMES, SIZES[:-1], SIZES[1:], strict=True):
        activation = "softmax" if name == NAMES[-1] else "relu"
        layers.append(
            {
                "module": "keras.layers",
                "class_name": "Dense",
                "config": {
                    "name": name,
                    "dtype": copy.deepcopy(policy),
                    "units": units,
                    "activation": activation,
                    "use_bias": True,
                    "quantization_config": None,
                },
                "registered_name": None,
                "build_config": {"input_shape": [None, fan_in]},
            }
        )
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "sequential", "layers": layers},
        "registered_name": None,
    }


def entry(kind: str, name: str, **settings: Any) -> dict[str, Any]:
    """Return the description of a layer of Keras."""
    return {
        "module": "keras.layers",
        "class_name": kind,
        "config": {"name": name, **settings},
        "registered_name": None,
    }


def functional() -> dict[str, Any]:
    """Return the same network as a Functional model of Keras 3."""
    model = config()
    layers = model["config"]["layers"]
    for before, layer in zip([None, *layers], layers, strict=False):
        layer["name"] = layer["config"]["name"]
        layer["inbound_nodes"] = [] if before is None else [call_of(before["config"]["name"])]
    model["config"]["input_layers"] = [layers[0]["name"], 0, 0]
    model["config"]["output_layers"] = [layers[-1]["name"], 0, 0]
    return model | {"module": "keras.src.models.functional", "class_name": "Functional"}


def call_of(*names: str, index: int = 0) -> dict[str, Any]:
    """Return the call of a layer on outputs of others, of their calls of an index."""
    tensors = [
        {"class_name": "__keras_tensor__", "config": {"keras_history": [name, index, 0]}}
        for name in names
    ]
    return {"args": tensors, "kwargs": {}}


def nested(depth: int = 1) -> dict[str, Any]:
    """Return the network with its hidden layers in a Sequential inside the model, or deeper."""
    model = config()
    first, *hidden, output = model["config"]["layers"]
    for level in range(depth):
        inside = entry("Sequential", f"base_{level}", layers=hidden) | {"module": "keras"}
        hidden = [inside]
    model["config"]["layers"] = [first, *hidden, output]
    return model


def h5_of_keras_archive(change: Callable[[h5py.File], None] | None = None) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for index, values in enumerate(weights()):
            file[f"layers/{NAMES[index // 2]}/vars/{index % 2}"] = values
        if change is not None:
            change(file)
    return buffer.getvalue()


def write_keras(
    path: Path,
    text: str | bytes | None = None,
    h5: bytes | None = None,
    compression: int = zipfile.ZIP_STORED,
) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in (
            ("metadata.json", '{"keras_version": "3.15.1"}'),
            ("config.json", json.dumps(config()) if text is None else text),
            ("model.weights.h5", h5_of_keras_archive() if h5 is None else h5),
        ):
            archive.writestr(zipfile.ZipInfo(name), content, compression)  # of a fixed date
    return path


def write_h5(
    path: Path,
    change: Callable[[h5py.File], None] | None = None,
    model: dict[str, Any] | None = None,
    names: tuple[str, ...] | None = None,
) -> Path:
    with h5py.File(path, "w") as file:
        names = names or NAMES
        file.attrs["model_config"] = json.dumps(config() if model is None else model)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = list(names)
        for index, name in enumerate(names):
            layer = group.create_group(name)
            pair = [f"{name}/kernel:0", f"{name}/bias:0"]
            layer.attrs["weight_names"] = [part.encode() for part in pair]
            for part, values in zip(pair, weights()[2 * index : 2 * index + 2], strict=True):
                layer[part] = values
        if change is not None:
            change(file)
    return path


def probabilities(
    activation: str | tuple[str, ...], arrays: tuple[np.ndarray, ...], x: np.ndarray
) -> np.ndarray:
    """Run a dense network on rows (N, F) in float64: the forward pass on paper."""
    for index in range(0, len(arrays), 2):
        x = x @ arrays[index].astype(np.float64) + arrays[index + 1]
        if index < len(arrays) - 2:
            word = activation if isinstance(activation, str) else activation[index // 2]
            x = FUNCTIONS[word][0](x)
    exponentials = np.exp(x - x.max(axis=1, keepdims=True))
    shares: np.ndarray = exponentials / exponentials.sum(axis=1, keepdims=True)
    return shares
