"""Saved files against those that Keras saves for the same network."""

import io
import json
import zipfile
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from helpers.trials import third_of

from blobtransfer.errors import SourceFileError
from blobtransfer.keras_files.read import read_source_file
from blobtransfer.keras_files.write import save_model
from blobtransfer.network import initial_weights
from blobtransfer.specs.network import ACTIVATIONS, INITIALIZERS, MLPSpec
from blobtransfer.specs.table import Column, Preprocessing, Scaler

SUFFIXES = (".keras", ".h5")

ADDED_SETTINGS: dict[str, dict[str, Any]] = {
    "Sequential": {"compile_config": {}},
    "InputLayer": {"ragged": False, "optional": False},
    "Dense": {"quantization_config": None},
    **{
        initializer.title().replace("_", ""): {"input_axes": None, "output_axes": None}
        for initializer in INITIALIZERS
    },
}
"""Settings that Keras added after version 3.6, by class, with their defaults.

`save_model` omits them: an older Keras rejects a file with settings that it does not know.
"""

NETWORKS = [
    MLPSpec(activation=("relu", "tanh"), initializer="he_uniform"),
    MLPSpec(activation=("sigmoid", "elu"), initializer="he_normal"),
    MLPSpec(activation=("gelu", "swish"), initializer="glorot_uniform"),
    MLPSpec(1, (3,), 2, "leaky_relu=0.1", "glorot_normal"),
    MLPSpec(
        30, (7, 6, 5, 4), 10, ("leaky_relu=0.3", "tanh", "leaky_relu=0.01", "leaky_relu"),
        "lecun_uniform",
    ),
    MLPSpec(2, (3,) * 12, 3, "softplus", "lecun_normal"),
]  # fmt: skip

PREPROCESSING = Preprocessing(
    "a.csv", "y", (Column("age"), Column("b", ("x", "é"))), ("0", "1"),
    Scaler((1.0, 2.0, 3.0), (0.5, 1.0, 1e-3)), tuple(f"{row:016x}" for row in range(40_000)),
)  # fmt: skip

ROWS = np.random.default_rng(1234).normal(0, 3, (64, 2)).astype(np.float32)


def weights_of(network: MLPSpec) -> list[np.ndarray]:
    """Return random weights, with random biases too."""
    rng = np.random.default_rng(1)
    return [
        (weight + rng.normal(0, 0.1, weight.shape)).astype(np.float32)
        for weight in initial_weights(network, 0, 0)
    ]


def tree_of(file: h5py.File) -> dict[str, Any]:
    """Return the groups and datasets of a file by their paths, with types and attributes."""
    tree: dict[str, Any] = {}

    def add(path: str, node: h5py.Group | h5py.Dataset) -> None:
        attributes = {name: attribute_of(node, name) for name in node.attrs}
        values = None
        if isinstance(node, h5py.Dataset):
            values = (node.shape, node.dtype.str, node.chunks, node.compression, node[()].tobytes())
        tree[path] = (attributes, values)

    add("", file)
    file.visititems(add)
    return tree


def attribute_of(node: h5py.Group | h5py.Dataset, name: str) -> tuple[Any, ...]:
    value, attribute = node.attrs[name], node.attrs.get_id(name)
    is_json = name == "model_config"
    content = plain_settings(json.loads(value)) if is_json else np.asarray(value).tolist()
    return content, attribute.shape, attribute.dtype, h5py.check_string_dtype(attribute.dtype)


def plain_settings(value: Any) -> Any:
    """Remove the settings of `ADDED_SETTINGS` that have their defaults."""
    if isinstance(value, list):
        return [plain_settings(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    added = ADDED_SETTINGS.get(str(value.get("class_name")), {})

    def without_defaults(settings: dict[str, Any]) -> dict[str, Any]:
        return {
            key: plain_settings(entry)
            for key, entry in settings.items()
            if key not in added or entry != added[key]
        }

    value = without_defaults(value)
    if added:
        value["config"] = without_defaults(value["config"])
    return value


def members_of(path: Path) -> dict[str, Any]:
    """Return the members of a `.keras` file in their order, and how each is stored."""
    members: dict[str, Any] = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            content: Any = archive.read(member)
            if member.filename.endswith(".json"):
                content = json.loads(content)
            if member.filename == "config.json":
                content = plain_settings(content)
            if member.filename == "model.weights.h5":
                with h5py.File(io.BytesIO(content)) as file:
                    content = tree_of(file)
            stored_as = (member.compress_type, member.external_attr, member.flag_bits)
            members[member.filename] = (content, stored_as)
    return members


def tree_of_h5(path: Path) -> dict[str, Any]:
    with h5py.File(path) as file:
        return tree_of(file)


@pytest.fixture
def keras():
    """Return Keras with its name counters reset, as in a new process."""
    from blobtransfer.engines.keras.quiet import load_keras

    keras = load_keras()
    keras.utils.clear_session()
    return keras


def keras_model(network: MLPSpec) -> Any:
    from blobtransfer.engines.keras.model import build_mlp

    model = build_mlp(network)
    model.set_weights(weights_of(network))
    return model


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: f"{n.activation_text[:20]} {n}"[:40])
def test_the_members_of_a_keras_file_are_those_that_keras_writes(keras, tmp_path, network):
    keras_model(network).save(tmp_path / "keras.keras")
    save_model(network, weights_of(network), tmp_path / "direct.keras")
    by_keras, direct = (members_of(tmp_path / f"{name}.keras") for name in ("keras", "direct"))
    metadata, direct_metadata = (members.pop("metadata.json")[0] for members in (by_keras, direct))
    assert direct == by_keras
    assert list(direct) == list(by_keras)
    assert direct_metadata.keys() == metadata.keys() == {"keras_version", "date_saved"}
    assert direct_metadata["keras_version"] == metadata["keras_version"] == keras.__version__


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: f"{n.activation_text[:20]} {n}"[:40])
def test_the_tree_of_an_h5_file_is_the_one_that_keras_writes(keras, tmp_path, network):
    keras_model(network).save(tmp_path / "keras.h5")
    save_model(network, weights_of(network), tmp_path / "direct.h5")
    direct = tree_of_h5(tmp_path / "direct.h5")
    assert direct == tree_of_h5(tmp_path / "keras.h5")
    assert direct[""][0]["keras_version"][0] == keras.__version__


def test_the_networks_have_every_activation_and_initializer():
    words = {word.partition("=")[0] for network in NETWORKS for word in network.activations}
    assert words == set(ACTIVATIONS)
    assert {network.initializer for network in NETWORKS} == set(INITIALIZERS)


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("suffix", third_of(SUFFIXES))
def test_keras_opens_a_saved_network_predicts_the_same_bits_and_trains_it_on(
    keras, tmp_path, suffix
):
    activations = ("gelu", "leaky_relu=0.1", "swish", "softplus", "elu")
    network = MLPSpec(hidden=(5, 4, 6, 5, 3), activation=activations)
    keras_model(network).save(tmp_path / f"keras{suffix}")
    save_model(network, weights_of(network), tmp_path / f"direct{suffix}")
    labels = np.arange(len(ROWS)) % 3
    trained = []
    for name in ("keras", "direct"):
        model = keras.saving.load_model(tmp_path / f"{name}{suffix}")
        assert not model.compiled
        trained.append([model.predict_on_batch(ROWS).tobytes()])
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(ROWS, labels, epochs=2, shuffle=False, verbose=0)
        trained[-1] += [weight.tobytes() for weight in model.get_weights()]
    assert trained[0] == trained[1]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("network", [*NETWORKS[-3:], MLPSpec(2, (2,) * 63, 3)], ids=str)
def test_a_saved_network_is_read_back_bit_identical(tmp_path, network, suffix):
    save_model(network, weights_of(network), tmp_path / f"model{suffix}")
    source = read_source_file(tmp_path / f"model{suffix}")
    expected_network = replace(network, initializer="he_uniform")  # of no use to a reader
    assert (source.network, source.output, source.notes) == (expected_network, "softmax", ())
    for weight, expected in zip(source.weights, weights_of(network), strict=True):
        np.testing.assert_array_equal(weight, expected)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_preprocessing_of_the_largest_number_of_rows_is_read_back(tmp_path, suffix):
    network = MLPSpec(3, (4,), 2)
    save_model(network, weights_of(network), tmp_path / f"model{suffix}", PREPROCESSING)
    assert read_source_file(tmp_path / f"model{suffix}").preprocessing == PREPROCESSING


def test_preprocessing_that_is_too_long_is_rejected_in_an_h5_file(tmp_path):
    network = MLPSpec(3, (4,), 2)
    save_model(network, weights_of(network), tmp_path / "model.h5", PREPROCESSING)
    with h5py.File(tmp_path / "model.h5", "r+") as file:
        file.attrs["blobtransfer.json"] += " " * 2**20
    with pytest.raises(SourceFileError, match=r"blobtransfer\.json has [\d,]+ bytes; at most"):
        read_source_file(tmp_path / "model.h5")


def test_h5_files_of_the_same_network_are_byte_identical(tmp_path):
    for name in ("a.h5", "B.H5"):
        save_model(MLPSpec(), weights_of(MLPSpec()), tmp_path / name)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "B.H5").read_bytes()


def test_files_of_the_same_network_differ_only_in_the_date_of_their_metadata(tmp_path):
    contents = []
    for name in ("a.keras", "b.keras"):
        save_model(MLPSpec(), weights_of(MLPSpec()), tmp_path / name)
        with zipfile.ZipFile(tmp_path / name) as archive:
            members = {member.filename: archive.read(member) for member in archive.infolist()}
            assert {member.date_time[0] for member in archive.infolist()} == {1980}
        metadata = json.loads(members.pop("metadata.json"))
        assert metadata["keras_version"] == version("keras")
        contents.append(members)
    assert contents[0] == contents[1]
