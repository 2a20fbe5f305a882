"""What a model file may hold: plain dense networks are read, all else is refused."""

import io
import json
import os
import signal
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import h5py
import numpy as np
import pytest
from helpers import models
from helpers.models import NAMES, config, h5_of_keras_archive, weights, write_h5, write_keras

from blobtransfer.keras_files import sandbox
from blobtransfer.keras_files.refusal import MAX_CONFIG_BYTES, Unsupported
from blobtransfer.keras_files.sandbox import read_model
from blobtransfer.specs import network as specs
from blobtransfer.specs.network import MLPSpec

pytestmark = pytest.mark.security


def read(path: Path) -> tuple[MLPSpec, tuple[np.ndarray, ...]]:
    with path.open("rb") as file:
        model = read_model(file)
    return model.network, model.weights


def refusal(path: Path) -> str:
    with pytest.raises(Unsupported) as caught:
        read(path)
    message = str(caught.value)
    assert len(message) < 600
    return message


def changed(change: Callable[[list[dict[str, Any]]], None]) -> dict[str, Any]:
    """Return the description of the network with its list of layers changed."""
    model = config()
    change(model["config"]["layers"])
    return model


# --- What is accepted -----------------------------------------------------------------------


def test_an_h5_file_without_input_shapes_takes_them_from_the_weights(tmp_path):
    def drop(layers):
        del layers[0]
        for layer in layers:
            del layer["build_config"]

    model = changed(drop)
    assert read(write_h5(tmp_path / "m.h5", model=model))[0] == MLPSpec(2, (5, 4), 3)

    def flatten(file):
        for name in ("kernel:0", "bias:0"):
            del file[f"model_weights/dense/dense/{name}"]
            file[f"model_weights/dense/dense/{name}"] = np.float32(1)

    assert "input width 'null'" in refusal(write_h5(tmp_path / "m.h5", flatten, model))


def test_a_keras_file_without_an_input_layer_takes_the_shape_it_was_built_with(tmp_path):
    text = json.dumps(changed(lambda layers: layers.pop(0)))
    assert read(write_keras(tmp_path / "m.keras", text))[0] == MLPSpec(2, (5, 4), 3)


def test_the_bare_list_of_layers_of_early_keras_2_is_read(tmp_path):
    model = {"class_name": "Sequential", "config": config()["config"]["layers"]}
    assert read(write_h5(tmp_path / "m.h5", model=model))[0] == MLPSpec(2, (5, 4), 3)


def test_the_group_of_layers_of_keras_2_13_archives_is_read(tmp_path):
    def rename(file):
        file.move("layers", "_layer_checkpoint_dependencies")

    path = write_keras(tmp_path / "m.keras", h5=h5_of_keras_archive(rename))
    assert read(path)[0] == MLPSpec(2, (5, 4), 3)


def test_names_of_layers_may_hold_slashes_and_any_script(tmp_path):
    names = ("kopf/schicht", "층", "décision")

    def rename(layers):
        for layer, name in zip(layers[1:], names, strict=True):
            layer["config"]["name"] = name

    found = read(write_h5(tmp_path / "m.h5", model=changed(rename), names=names))[1]
    np.testing.assert_array_equal(found[4], weights()[4])


@pytest.mark.parametrize("dtype", ["<f2", "<f8", ">f2", ">f4", ">f8"])
def test_other_float_types_are_converted(tmp_path, dtype):
    def convert(file):
        for index, values in enumerate(weights()):
            name = f"layers/{NAMES[index // 2]}/vars/{index % 2}"
            del file[name]
            file[name] = values.astype(dtype)

    found = read(write_keras(tmp_path / "m.keras", h5=h5_of_keras_archive(convert)))[1]
    for part, values in zip(found, weights(), strict=True):
        assert part.dtype == np.float32
        np.testing.assert_array_equal(part, values.astype(dtype).astype(np.float32))


def test_texts_may_be_of_fixed_length_or_in_an_array_of_one(tmp_path):
    def as_bytes(file):
        file.attrs["model_config"] = np.array([json.dumps(config()).encode()])

    assert read(write_h5(tmp_path / "m.h5", as_bytes))[0] == MLPSpec(2, (5, 4), 3)


def test_a_deflated_archive_is_read(tmp_path):
    path = write_keras(tmp_path / "m.keras", compression=zipfile.ZIP_DEFLATED)
    assert read(path)[0] == MLPSpec(2, (5, 4), 3)


def test_an_attribute_list_in_chunks_is_no_hindrance(tmp_path):
    def chunk(file):
        group = file["model_weights"]
        del group.attrs["layer_names"]
        group.attrs["layer_names0"], group.attrs["layer_names1"] = list(NAMES[:2]), [NAMES[2]]

    assert read(write_h5(tmp_path / "m.h5", chunk))[0] == MLPSpec(2, (5, 4), 3)


@pytest.mark.parametrize(("name", "value"), [("loss", "my_loss"), ("metrics", ["accuracy"])])
def test_what_only_training_uses_may_be_anything_but_foreign_code(tmp_path, name, value):
    # As Keras 3.15.1 describes a function, its own and the user's alike.
    function = {"module": "builtins", "class_name": "function", "config": "my_loss"}
    optimizer = {"module": "keras.optimizers", "class_name": "SGD", "config": {"momentum": 0.9}}
    training = {"optimizer": optimizer, "loss": function, name: value}
    text = json.dumps(config() | {"compile_config": training})
    assert read(write_keras(tmp_path / "m.keras", text))[0] == MLPSpec(2, (5, 4), 3)


def network_of(sizes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "SIZES", sizes)
    names = [f"dense_{i}".removesuffix("_0") for i in range(len(sizes) - 1)]
    monkeypatch.setattr(models, "NAMES", tuple(names))


@pytest.mark.parametrize("write", [write_keras, write_h5])
@pytest.mark.parametrize("first", [0, 1])  # With and without the input layer.
def test_64_layers_are_read_and_65_are_not(tmp_path, monkeypatch, write, first):
    network_of((2,) * 65, monkeypatch)
    assert read(write(tmp_path / "m"))[0] == MLPSpec(2, (2,) * 63, 2)
    network_of((2,) * 66, monkeypatch)
    model = config()
    del model["config"]["layers"][:first]
    changed = {"model": model} if write is write_h5 else {"text": json.dumps(model)}
    path = write(tmp_path / "m", **changed)
    assert "more than 64 layers" in refusal(path)


def test_4_million_weights_are_read_and_one_more_is_not(tmp_path, monkeypatch):
    network_of((3_999_995, 1, 2), monkeypatch)  # 3,999,996 * 1 + 2 * 2 = 4,000,000
    assert read(write_keras(tmp_path / "m"))[0].n_parameters == 4_000_000
    network_of((3_999_996, 1, 2), monkeypatch)
    assert refusal(write_keras(tmp_path / "m")).startswith("4,000,001 weights; at most 4,000,000")


def test_a_network_that_the_program_itself_refuses_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(specs, "MAX_PARAMETERS", 10)
    assert "weights; use at most 10" in refusal(write_keras(tmp_path / "m"))


# --- The description of the network ---------------------------------------------------------


def set_layer(index: int, key: str, value: object) -> Callable[[list[dict[str, Any]]], None]:
    return lambda layers: layers[index]["config"].__setitem__(key, value)


def set_entry(index: int, key: str, value: object) -> Callable[[list[dict[str, Any]]], None]:
    return lambda layers: layers[index].__setitem__(key, value)


CHANGES: list[tuple[Callable[[list[dict[str, Any]]], None], str]] = [
    (set_entry(2, "class_name", "Lambda"), "'dense_1' is of class 'Lambda'"),
    (set_entry(2, "class_name", "InputLayer"), "'dense_1' is an input"),
    (set_entry(2, "class_name", ["Dense"]), "no usable class"),
    (set_entry(2, "registered_name", "my>Dense"), "is a custom Dense ('my>Dense')"),
    (set_entry(2, "module", "my.layers"), "is a custom Dense ('my.layers')"),
    (set_entry(2, "config", None), "not in the format of Keras"),
    (set_entry(2, "build_config", {"input_shape": [None, 6]}), "shape (6,) but gets (5,)"),
    (set_entry(1, "build_config", {"input_shape": [None, 6]}), "shape (6,) but gets (2,)"),
    (set_entry(1, "build_config", {"input_shape": [None, 3, 2]}), "shape (3, 2) but gets (2,)"),
    (set_layer(0, "batch_shape", [None]), "shape (2,) but gets ()"),
    (set_entry(1, "build_config", {"input_shape": "2"}), "takes rows of shape '2'"),
    (set_layer(0, "batch_shape", [None, 2.0]), "'2.0'"),
    (set_layer(0, "batch_input_shape", [None, 3]), "(2,) and (3,)"),
    (set_layer(1, "quantization_config", {"a": 1}), "quantized"),
    (set_layer(1, "lora_rank", 4), "LoRA"),
    (set_layer(1, "activation", {"class_name": "function"}), "activation of its own"),
    (set_layer(1, "activation", "selu"), "the activation 'selu'"),
    (set_layer(1, "activation", "linear"), "layer 'dense' has no activation; save"),
    (set_layer(1, "dtype", "bfloat16"), "'bfloat16'"),
    (set_layer(1, "dtype", {"class_name": "QuantizedDTypePolicy"}), "is quantized; save it before"),
    (set_layer(1, "dtype", {"class_name": "Policy", "config": 3}), "'Policy'"),
    (set_layer(1, "dtype", {"class_name": "DTypePolicy", "config": {"name": [1]}}), "'[1]'"),
    (set_layer(1, "name", "dense_1"), "two layers are called 'dense_1'"),
    (set_layer(1, "name", ""), "no usable name"),
    (set_layer(1, "name", 7), "no usable name"),
    (set_layer(1, "name", "x" * 501), "no usable name"),
    (set_layer(1, "units", True), "units 'true'"),
    (set_layer(1, "units", 0), "units '0'"),
    (set_layer(1, "units", "5"), "units '5'"),
    (set_layer(1, "units", 5.0), "units '5.0'"),
    (set_layer(1, "units", float("nan")), "units 'NaN'"),
    (set_layer(1, "units", 10**4000), "whole number from 1"),
    (set_layer(3, "units", 4_000_001), "units '4000001'"),
    (set_layer(3, "units", 4_000_000), "20,000,039 weights; at most 4,000,000"),
    (lambda layers: layers.clear(), "without hidden layers"),
    (lambda layers: layers.__delitem__(slice(2, None)), "without hidden layers"),
    (lambda layers: layers.append(cast(Any, 7)), "layer 4 is not in the format"),
    (lambda layers: layers.extend(layers[1:2] * 1_000), "more than 256 layers of all kinds"),
]


@pytest.mark.parametrize(("change", "problem"), CHANGES)
@pytest.mark.parametrize("kind", ["keras", "h5"])
def test_another_network_is_refused_by_what_it_is(tmp_path, change, problem, kind):
    model = changed(change)
    if kind == "h5":
        path = write_h5(tmp_path / "m.h5", model=model)
    else:
        path = write_keras(tmp_path / "m.keras", json.dumps(model))
    assert problem in refusal(path)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"class_name": "Sequential", "config": ' + b"9" * 5_000 + b"}",
        b'"text"',
        b"[]",
        b"null",
        b"NaN",
        b'{"class_name": "Functional"}',
        b'{"class_name": "Sequential"}',
        b'{"class_name": "Sequential", "config": {"layers": {}}}',
        b'{"class_name": "Sequential", "module": "my", "config": {"layers": []}}',
    ],
)
def test_a_description_that_is_none_is_refused(tmp_path, text):
    assert refusal(write_keras(tmp_path / "m.keras", text))


# --- The archive ----------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\3\4", b"\x89HDF\r\n\x1a\n", bytes(1_000)])
def test_a_stub_is_refused(tmp_path, content):
    (tmp_path / "m.keras").write_bytes(content)
    assert refusal(tmp_path / "m.keras")


@pytest.mark.parametrize("write", [write_keras, write_h5])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_refused(tmp_path, write, part):
    path = write(tmp_path / "m")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    assert refusal(path)


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_must_be_there_once(tmp_path, name):
    path = write_keras(tmp_path / "m.keras")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, "{}")
    assert f"2 members called {name}" in refusal(path)
    with zipfile.ZipFile(path, "w") as archive:
        if name != "config.json":
            archive.writestr("config.json", json.dumps(config()))
        archive.writestr("metadata.json", "{}")
    assert f"0 members called {name}" in refusal(path)


def test_a_description_that_inflates_to_a_gigabyte_is_not_inflated(tmp_path):
    text = b" " * (MAX_CONFIG_BYTES + 1)
    path = write_keras(tmp_path / "m.keras", text, compression=zipfile.ZIP_DEFLATED)
    assert "1,048,577 bytes" in refusal(path)


def test_weights_that_inflate_beyond_the_network_are_not_inflated(tmp_path):
    h5 = h5_of_keras_archive() + bytes(2 * 2**20)
    path = write_keras(tmp_path / "m.keras", h5=h5, compression=zipfile.ZIP_DEFLATED)
    assert "model.weights.h5 has" in refusal(path)


def patch_directory(path: Path, name: str, offset: int, value: bytes) -> Path:
    """Overwrite bytes of the central directory entry of a member."""
    content = bytearray(path.read_bytes())
    start = content.rindex(name.encode()) - 46
    assert content[start : start + 4] == b"PK\1\2"
    content[start + offset : start + offset + len(value)] = value
    path.write_bytes(content)
    return path


def test_a_member_that_lies_about_its_size_is_refused(tmp_path):
    text = json.dumps(config()) + " " * 1_000
    path = write_keras(tmp_path / "m.keras", text, compression=zipfile.ZIP_DEFLATED)
    assert refusal(patch_directory(path, "config.json", 24, struct.pack("<L", 9)))
    assert refusal(patch_directory(path, "config.json", 24, struct.pack("<L", 99_999)))


def test_an_encrypted_member_is_refused(tmp_path):
    path = patch_directory(write_keras(tmp_path / "m.keras"), "config.json", 8, b"\1\0")
    assert "encrypted" in refusal(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_way_of_packing_that_keras_does_not_use_is_refused(tmp_path, compression):
    path = write_keras(tmp_path / "m.keras", compression=compression)
    assert "packed in a way" in refusal(path)


def test_an_archive_of_very_many_members_is_refused_before_they_are_listed(tmp_path):
    path = write_keras(tmp_path / "m.keras")
    with zipfile.ZipFile(path, "a") as archive:
        for index in range(2_000):
            archive.writestr(str(index), b"")
    assert "too many members" in refusal(path)


def test_a_wrong_checksum_is_refused(tmp_path):
    path = patch_directory(write_keras(tmp_path / "m.keras"), "config.json", 16, b"abcd")
    assert "damaged" in refusal(path)


# --- The weights ----------------------------------------------------------------------------

KERNEL = "layers/dense_1/vars/0"


def replaced(make: Callable[[h5py.File], object]) -> bytes:
    def change(file: h5py.File) -> None:
        del file[KERNEL]
        make(file)

    return h5_of_keras_archive(change)


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((5, 4), "f4")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "values", (5, 4))
    file.create_virtual_dataset(KERNEL, layout)


def reference(file: h5py.File) -> None:
    data = np.full((5, 4), file.ref, dtype=h5py.ref_dtype)
    file.create_dataset(KERNEL, data=data, dtype=h5py.ref_dtype)


def declared(shape: tuple[int, ...]) -> Callable[[h5py.File], object]:
    return lambda file: file.create_dataset(KERNEL, shape, "f4")


HOSTILE: dict[str, tuple[Callable[[h5py.File], object], str]] = {
    "missing": (lambda file: None, "does not hold exactly a kernel and a bias"),
    "group": (lambda file: file.create_group(KERNEL), "holds no values"),
    "cycle": (lambda file: file.__setitem__(KERNEL, file), "holds no values"),
    "type": (lambda file: file.__setitem__(KERNEL, np.dtype("f4")), "holds no values"),
    "soft link": (lambda file: file.__setitem__(KERNEL, h5py.SoftLink("/a")), "is a link"),
    "external link": (
        lambda file: file.__setitem__(KERNEL, h5py.ExternalLink("/etc/passwd", "/")),
        "is a link",
    ),
    "external storage": (
        lambda file: file.create_dataset(
            KERNEL, (5, 4), "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)]
        ),
        "stored in another file",
    ),
    "virtual": (virtual, "stored in another file"),
    "chunked": (
        lambda file: file.create_dataset(KERNEL, (5, 4), "f4", chunks=(5, 4)),
        "another file",
    ),
    "compressed": (
        lambda file: file.create_dataset(KERNEL, (5, 4), "f4", compression="gzip"),
        "compressed",
    ),
    "resizable": (lambda file: file.create_dataset(KERNEL, (5, 4), "f4", maxshape=(None, 4)), "el"),
    "shape": (lambda file: file.__setitem__(KERNEL, np.zeros((4, 5), "f4")), "has shape (4, 5)"),
    "scalar": (lambda file: file.__setitem__(KERNEL, np.float32(1)), "has shape ()"),
    "null": (lambda file: file.__setitem__(KERNEL, h5py.Empty("f4")), "has shape None"),
    "shape bomb": (declared((2**30, 2**30)), "has shape"),
    "no values": (declared((5, 4)), "without its values"),
    "integers": (lambda file: file.__setitem__(KERNEL, np.zeros((5, 4), "i4")), "holds int32"),
    "texts": (
        lambda file: file.create_dataset(KERNEL, (5, 4), h5py.string_dtype()),
        "holds object",
    ),
    "references": (reference, "holds object"),
    "complex": (lambda file: file.__setitem__(KERNEL, np.zeros((5, 4), "c8")), "holds complex64"),
    "raw": (lambda file: file.__setitem__(KERNEL, np.zeros((5, 4), "V2")), "holds |V2"),
    "nan": (lambda file: file.__setitem__(KERNEL, np.full((5, 4), np.nan, "f4")), "not finite"),
    "inf": (lambda file: file.__setitem__(KERNEL, np.full((5, 4), np.inf, "f2")), "not finite"),
    "too large": (lambda file: file.__setitem__(KERNEL, np.full((5, 4), 1e300)), "not finite"),
    "third": (
        lambda file: [declared((5, 4))(file), declared((5,))(file["layers/dense_1/vars"])],
        "does not hold exactly",
    ),
}


@pytest.mark.parametrize(("make", "problem"), HOSTILE.values(), ids=HOSTILE)
def test_weights_that_are_not_plain_floats_in_the_file_are_refused(tmp_path, make, problem):
    assert problem in refusal(write_keras(tmp_path / "m.keras", h5=replaced(make)))


def test_groups_that_are_links_are_refused(tmp_path):
    def link(file):
        file.move("layers", "elsewhere")
        file["layers"] = h5py.SoftLink("/elsewhere")

    path = write_keras(tmp_path / "m.keras", h5=h5_of_keras_archive(link))
    assert "is a link" in refusal(path)


def test_weights_that_are_no_hdf5_are_refused(tmp_path):
    assert "damaged" in refusal(write_keras(tmp_path / "m.keras", h5=b"weights"))


def test_a_layer_without_a_group_is_refused(tmp_path):
    def drop(file):
        del file["model_weights/dense_1"]

    assert "'model_weights/dense_1' is missing" in refusal(write_h5(tmp_path / "m.h5", drop))


def test_a_layer_whose_group_is_a_dataset_is_refused(tmp_path):
    def change(file):
        del file["model_weights/dense_1"]
        file["model_weights/dense_1"] = 7

    assert "is not a group" in refusal(write_h5(tmp_path / "m.h5", change))


def test_a_keras_file_that_names_no_input_width_is_refused(tmp_path):
    def drop(layers):
        del layers[0]
        del layers[0]["build_config"]

    assert "no input width" in refusal(write_keras(tmp_path / "m", json.dumps(changed(drop))))


def test_a_long_description_in_an_h5_file_is_refused(tmp_path):
    model = config() | {"padding": " " * MAX_CONFIG_BYTES}
    assert "a description of" in refusal(write_h5(tmp_path / "m.h5", model=model))


@pytest.mark.parametrize("sign", ["layer_names", "layers", "_layer_checkpoint_dependencies"])
def test_a_file_of_weights_only_is_refused_as_such(tmp_path, sign):
    def drop(file):
        del file.attrs["model_config"]
        if sign == "layer_names":
            file.attrs[sign] = list(NAMES)
        else:
            file.create_group(sign)

    assert "weights only" in refusal(write_h5(tmp_path / "m.h5", drop))


def test_an_hdf5_file_that_is_no_model_is_refused_as_such(tmp_path):
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["values"] = 7
    assert "without a Keras model" in refusal(tmp_path / "m.h5")


@pytest.mark.parametrize(
    "value",
    [
        7,
        [1.0, 2.0],
        h5py.Empty("S10"),
        [b"dense/kernel:0"],
        [b"dense/kernel:0"] * 3,
        [b"dense/bias:0", b"dense/kernel:0"],
        [b"dense/kernel:0", b"dense/kernel:0"],
        [b"../dense_1/dense_1/kernel:0", b"dense/bias:0"],
        [b"/etc/passwd", b"dense/bias:0"],
        [b"dense", b"dense/bias:0"],
        [b"", b""],
        [b"\xff", b"\xff"],
    ],
    ids=str,
)
def test_names_of_weights_that_lead_nowhere_are_refused(tmp_path, value):
    def change(file):
        file["model_weights/dense"].attrs["weight_names"] = value

    assert refusal(write_h5(tmp_path / "m.h5", change))


# --- The process ----------------------------------------------------------------------------


class Stream(io.StringIO):
    """Standard output of the reader: text in front, bytes behind."""

    def __init__(self):
        super().__init__()
        self.buffer = io.BytesIO()


@pytest.mark.parametrize("text", [None, "{"])
def test_the_process_answers_one_line_of_json_and_then_the_weights(tmp_path, monkeypatch, text):
    path = write_keras(tmp_path / "m.keras", text)
    out = Stream()
    monkeypatch.setattr(sandbox, "_limit_process", lambda n_bytes: None)
    monkeypatch.setattr(sandbox.sys, "stdout", out)
    monkeypatch.setattr("builtins.open", lambda *_, **__: path.open("rb"))
    monkeypatch.setattr(sandbox.os, "fstat", lambda _: path.stat())
    sandbox.main()
    header, _, values = out.buffer.getvalue().partition(b"\n")
    if text is None:
        assert json.loads(header) == {
            "sizes": [2, 5, 4, 3], "activation": "relu", "output": "softmax", "notes": [],
            "preprocessing": None,
        }  # fmt: skip
        assert values == b"".join(part.tobytes() for part in weights())
    else:
        assert "damaged" in json.loads(header)["refused"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX")
@pytest.mark.parametrize(
    ("attempt", "error"),
    [
        ("open('/dev/null')", "OSError: [Errno 24]"),
        ("os.write(1, b'x')", "OSError: [Errno 27]"),
        pytest.param(
            "bytearray(200 * 2**20)",
            "MemoryError",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="needs /proc"),
        ),
        ("exec('while True: pass')", "killed"),
    ],
)
def test_the_process_can_open_no_file_nor_write_one_and_has_little_memory_and_time(
    tmp_path, attempt, error
):
    code = (
        "import os, signal; from blobtransfer.keras_files import sandbox;"
        f"signal.signal(signal.SIGXFSZ, signal.SIG_IGN); sandbox._limit_process(0); {attempt}"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with (tmp_path / "out").open("wb") as out:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=out, stderr=subprocess.PIPE, env=environment,
            check=False, timeout=60,
        )  # fmt: skip
    assert (tmp_path / "out").stat().st_size == 0
    if error == "killed":
        assert done.returncode == -signal.SIGPROF
    else:
        assert error in done.stderr.decode()
