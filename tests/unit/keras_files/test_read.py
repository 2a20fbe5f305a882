"""What a caller gets of a model file, and what is no fault of the file."""

import json
import os
import socket
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.models import probabilities, weights, write_h5, write_keras

from blobtransfer.errors import MachineError, SourceFileError
from blobtransfer.keras_files import read as reading
from blobtransfer.keras_files.read import read_source_file
from blobtransfer.keras_files.refusal import WEIGHTS
from blobtransfer.keras_files.write import save_model
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.table import Column, Preprocessing

DATA = Path(__file__).parents[2] / "data"

PREPROCESSING = Preprocessing(
    "a.csv", "y", (Column("a"), Column("b")), ("p", "q", "r"), None, ("row",)
)


def problem_of(path: str | Path) -> str:
    with pytest.raises(SourceFileError) as caught:
        read_source_file(path)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 400 + len(str(path))
    return message


def test_a_model_that_keras_2_wrote_predicts_what_it_predicted_there():
    expected = json.loads((DATA / "keras2_model.json").read_text())
    source = read_source_file(DATA / "keras2_model.h5")
    assert source.network == MLPSpec(2, (5, 5), 3, "relu")
    found = probabilities("relu", source.weights, np.array(expected["inputs"]))
    # Keras computed in float32.
    np.testing.assert_allclose(found, expected["predictions"], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "name",
    [
        "keras-2.1.6.h5", "keras-2.2.4.h5", "keras-2.3.1.h5", "keras-2.4.3.h5", "keras-3.3.3.h5",
        "tf-2.15.1.keras", "keras-3.3.3.keras",
    ],
)  # fmt: skip
def test_a_model_of_every_keras_since_2_1_is_read_exactly(name):
    source = read_source_file(DATA / name)
    assert source.network == MLPSpec(2, (5, 4), 3, "tanh")
    for i, part in enumerate(source.weights):
        # The rule of data/write_old_models.py.
        expected = ((37 * np.arange(part.size) + i) % 101 - 50) / 64
        np.testing.assert_array_equal(part.ravel(), expected)


@pytest.mark.parametrize("name", ["keras-2.1.6.weights.h5", "keras-3.3.3.weights.h5"])
def test_weights_only_are_refused_as_such(name):
    assert "weights only" in problem_of(DATA / name)
    assert problem_of(DATA / name).endswith("save the whole model with model.save()")


@pytest.mark.keras
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Of TensorFlow, not ours.
@pytest.mark.parametrize(
    ("suffix", "activation", "hidden"), [(".keras", "relu", (5, 5)), (".h5", "tanh", (7,))]
)
def test_a_model_that_keras_3_writes_predicts_the_same(tmp_path, suffix, activation, hidden):
    keras = pytest.importorskip("keras")
    widths = [keras.layers.Dense(width, activation) for width in hidden]
    model = keras.Sequential([keras.Input((2,)), *widths, keras.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(1234)
    rows = rng.normal(size=(64, 2)).astype(np.float32)
    model.fit(rows, rng.integers(0, 3, 64), verbose=0)
    path = tmp_path / f"model{suffix}"
    model.save(path)
    source = read_source_file(path)
    assert source.network == MLPSpec(2, hidden, 3, activation)
    for found, saved in zip(source.weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, saved)
    found = probabilities(activation, source.weights, rows)
    np.testing.assert_allclose(found, model.predict(rows, verbose=0), rtol=0, atol=1e-6)


@pytest.mark.parametrize("write", [write_keras, write_h5])
def test_weights_come_back_bit_identical_whatever_the_suffix(tmp_path, write):
    source = read_source_file(write(tmp_path / "model.txt"))
    assert source.network == MLPSpec(2, (5, 4), 3)
    for found, saved in zip(source.weights, weights(), strict=True):
        assert found.dtype == np.float32
        assert found.flags.c_contiguous
        np.testing.assert_array_equal(found, saved)


def test_a_file_is_read_from_another_folder_by_a_relative_name(tmp_path, monkeypatch):
    write_keras(tmp_path / "model.keras")
    (tmp_path / "numpy.py").write_text("raise SystemExit('ran a file of the current folder')")
    monkeypatch.chdir(tmp_path)
    assert read_source_file("model.keras").network == MLPSpec(2, (5, 4), 3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PYTHONWARNINGS", "error"),
        ("PYTHONINSPECT", "1"),
        ("PYTHONIOENCODING", "utf-16"),
        ("HDF5_DRIVER", "core"),
        ("HDF5_VOL_CONNECTOR", "none"),
    ],
)
def test_the_environment_does_not_change_how_a_model_is_read(tmp_path, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert read_source_file(write_h5(tmp_path / "model.h5")).network == MLPSpec(2, (5, 4), 3)
    (tmp_path / "text").write_text("open('executed', 'w')\n")
    assert "looks like plain text" in problem_of(tmp_path / "text")


def test_reading_imports_neither_keras_nor_h5py_into_this_process(tmp_path):
    write_keras(tmp_path / "model.keras")
    code = (
        "import sys; from blobtransfer.keras_files.read import read_source_file as read;"
        "read(sys.argv[1]); print({'keras', 'tensorflow', 'h5py'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "model.keras")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "set()\n"


def test_ctrl_c_at_a_terminal_does_not_reach_the_reader(tmp_path, monkeypatch):
    """Otherwise a source network would seem damaged when Ctrl-C comes while it is read."""
    executable, session = tmp_path / "python", tmp_path / "session"
    executable.write_text(
        f"#!{sys.executable}\n"
        "import os, pathlib, sys\n"
        f"pathlib.Path({str(session)!r}).write_text(str(os.getsid(0)))\n"
        f"os.execv({sys.executable!r}, [{sys.executable!r}, *sys.argv[1:]])\n"
    )
    executable.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(executable))
    read_source_file(write_h5(tmp_path / "model.h5"))
    assert int(session.read_text()) != os.getsid(0)


def test_a_missing_file_is_told_by_its_name(tmp_path):
    assert problem_of(tmp_path / "no.keras").startswith(f"{tmp_path}/no.keras: ")


def test_a_path_with_control_characters_stays_one_line(tmp_path):
    assert "a\\nb\\x1b" in problem_of(tmp_path / "a\nb\x1b")


@pytest.mark.parametrize("path", ["a\0b", "x" * 5_000])
def test_an_impossible_path_is_refused(path):
    assert "cannot be opened" in problem_of(path)


def unpacked(folder: Path) -> Path:
    """Write a model as Keras does with `zipped=False`, or as an upload unpacks an archive."""
    folder.mkdir()
    save_model(MLPSpec(2, (5, 4), 3), weights(), folder / "m.keras", PREPROCESSING)
    with zipfile.ZipFile(folder / "m.keras") as archive:
        archive.extractall(folder)
    (folder / "assets").mkdir()
    return folder


def test_a_folder_is_read_as_the_archive_is(tmp_path):
    folder = unpacked(tmp_path / "model")
    source, archived = read_source_file(folder), read_source_file(folder / "m.keras")
    assert source.network == archived.network and source.preprocessing == PREPROCESSING
    for found, expected in zip(source.weights, archived.weights, strict=True):
        np.testing.assert_array_equal(found, expected)
    (folder / "metadata.json").unlink()  # has the date
    os.utime(folder / "config.json", (0, 0))
    assert read_source_file(f"{folder}/").sha256 == source.sha256 != archived.sha256


def instead(name: str, make: Callable[[Path], object]) -> Callable[[Path], object]:
    """Replace a file of a folder; it stays beside it."""

    def change(folder: Path) -> None:
        (folder / name).rename(folder / "old")
        make(folder / name)

    return change


FOLDERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (lambda folder: (folder / "config.json").unlink(), "a folder without"),
    "no weights": (lambda folder: (folder / WEIGHTS).unlink(), "a folder without"),
    "saved model": (lambda folder: (folder / "saved_model.pb").touch(), "SavedModel"),
    "huge weights": (
        lambda folder: os.truncate(folder / WEIGHTS, 2**40),  # sparse: takes no room
        "model.weights.h5 has 1,099,511,627,776 bytes; at most",
    ),
    "huge text": (lambda folder: os.truncate(folder / "config.json", 2**21), "1,048,576 are read"),
    "link": (instead(WEIGHTS, lambda path: path.symlink_to("old")), "in it is a link"),
    "device": (instead(WEIGHTS, lambda path: path.symlink_to("/dev/zero")), "in it is a link"),
    "fifo": (instead("config.json", os.mkfifo), "config.json in it is a link, or not a regular"),
    "folder": (instead("blobtransfer.json", Path.mkdir), "blobtransfer.json in it is a link, or"),
    "damaged": (instead(WEIGHTS, lambda path: path.write_bytes(b"weights")), "damaged"),
    "custom": (instead("config.json", lambda path: path.write_text("{}")), "the model is a custom"),
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX")
@pytest.mark.parametrize(("change", "problem"), FOLDERS.values(), ids=FOLDERS)
def test_a_folder_that_is_no_model_is_refused(tmp_path, change, problem):
    folder = unpacked(tmp_path / "model")
    change(folder)
    assert problem in problem_of(folder)


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_for_a_file_of_a_folder_the_folder_is_named(tmp_path, name):
    folder = unpacked(tmp_path / "model")
    assert problem_of(folder / name).endswith(f"one file of a model folder; use '{folder}'")


def test_a_folder_that_cannot_be_packed_is_not_to_blame(tmp_path, monkeypatch):
    folder = unpacked(tmp_path / "model")
    monkeypatch.setattr(reading.tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(MachineError, match="no temporary file"):
        read_source_file(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX")
def test_a_fifo_nobody_writes_to_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    assert "not a regular file" in problem_of(tmp_path / "fifo")


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs Linux")
def test_a_file_of_the_system_that_cannot_be_read_is_the_files_fault(tmp_path):
    (tmp_path / "model.keras").symlink_to("/proc/self/mem")
    assert "damaged" in problem_of(tmp_path / "model.keras")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs POSIX")
def test_a_device_is_refused_without_opening_it(monkeypatch):
    monkeypatch.setattr(reading, "open_nonblocking", lambda *_: pytest.fail("opened"))
    assert "not a regular file" in problem_of("/dev/zero")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX")
def test_a_fifo_that_takes_the_place_of_the_file_is_refused_without_waiting(tmp_path, monkeypatch):
    good = write_keras(tmp_path / "model.keras")
    os.mkfifo(tmp_path / "fifo")
    before = good.stat()
    monkeypatch.setattr(Path, "stat", lambda path, follow_symlinks=True: before)
    monkeypatch.setattr(Path, "is_dir", lambda path: False)
    assert "not a regular file" in problem_of(tmp_path / "fifo")


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs POSIX")
def test_a_socket_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # The name of a socket must be short.
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        assert "not a regular file" in problem_of("socket")


def test_a_file_that_may_not_be_read_is_told_so(tmp_path, monkeypatch):
    # Root may read everything, so the refusal is played.
    def refuse(*_: object) -> int:
        raise PermissionError

    path = write_keras(tmp_path / "model.keras")
    monkeypatch.setattr(reading.os, "open", refuse)
    assert "permissions" in problem_of(path)


def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "huge.h5").open("wb") as file:
        file.truncate(2**40)  # Sparse: takes no room.
    assert "1,099,511,627,776 bytes" in problem_of(tmp_path / "huge.h5")


def test_a_tree_that_is_its_own_child_crashes_the_reader_only(tmp_path):
    path = write_h5(tmp_path / "model.h5")
    content = bytearray(path.read_bytes())
    tree = content.index(b"TREE")
    content[tree + 5] = 1  # Level: an inner node, ...
    struct.pack_into("<Q", content, tree + 32, tree)  # ... whose first child is itself.
    path.write_bytes(content)
    assert "damaged" in problem_of(path)


def test_a_text_that_claims_4_gb_is_refused(tmp_path):
    path = write_h5(tmp_path / "model.h5")
    content = bytearray(path.read_bytes())
    length = struct.pack("<I", len(json.dumps(json.loads(_config_text(path)))))
    place = content.index(length + struct.pack("<Q", content.index(b"GCOL")))
    struct.pack_into("<I", content, place, 0xFFFFFFFF)
    path.write_bytes(content)
    assert "damaged" in problem_of(path)


def _config_text(path: Path) -> str:
    import h5py

    with h5py.File(path, "r") as file:
        return str(file.attrs["model_config"])


def test_a_reader_that_cannot_start_is_no_fault_of_the_file(tmp_path, monkeypatch):
    path = write_keras(tmp_path / "model.keras")
    monkeypatch.setattr(reading.sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(MachineError, match="no process"):
        read_source_file(path)


def test_a_reader_that_fails_by_itself_is_no_fault_of_the_file(tmp_path, monkeypatch):
    path = write_keras(tmp_path / "model.keras")
    monkeypatch.setattr(reading, "__file__", str(tmp_path / "a" / "b" / "c.py"))
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))
    with pytest.raises(MachineError, match="reader of model files failed"):
        read_source_file(path)


def test_a_reader_that_never_ends_is_stopped_and_the_machine_is_blamed(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "TIMEOUT_S", 0.001)
    with pytest.raises(MachineError, match="this machine is too busy; try again"):
        read_source_file(write_keras(tmp_path / "model.keras"))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]\n",
        b"7\n",
        b'{"sizes": [2, 5, 3], "activation": "relu", "output": "", "notes": []}\n' + bytes(7),
        b'{"sizes": [2, 5, 3], "activation": "relu", "output": "", "notes": []}\n' + bytes(8),
        b'{"sizes": [2, 5, 3], "activation": "relu", "output": "", "notes": []}\n'
        + b"\xff" * 4 * 33,
        b'{"sizes": [2], "activation": "relu", "output": "", "notes": []}\n',
        b'{"sizes": [2, 5, 3], "activation": "selu", "output": "", "notes": []}\n' + bytes(4 * 33),
    ],
)
def test_an_answer_that_makes_no_sense_is_damage(answer):
    with pytest.raises(SourceFileError, match="damaged"):
        reading._source_network("model.keras", answer)
