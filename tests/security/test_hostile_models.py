"""Attacks by hand and damage by chance: a file loads or is refused, and nothing else happens.

`PYTHONPATH=tests python tests/security/test_hostile_models.py N SEED [FOLDER]` reads N damaged
files, prints what came of them as JSON, and keeps in FOLDER those that crashed the reader or
used up its time; with `attacks` in place of N and SEED it prints what each attack costs the
command line.
"""

import base64
import collections
import ctypes
import io
import json
import marshal
import math
import os
import random
import signal
import stat
import subprocess
import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from helpers.commands import Finished, run_process
from helpers.models import (
    call_of,
    config,
    entry,
    functional,
    h5_of_keras_archive,
    nested,
    write_h5,
    write_keras,
)
from helpers.trials import third_of, trials

from blobtransfer.errors import MachineError, SourceFileError
from blobtransfer.keras_files import read as reading
from blobtransfer.keras_files import sandbox
from blobtransfer.keras_files.refusal import Unsupported

TESTS = Path(__file__).parents[1]
DATA = TESTS / "data"
HOSTILE = Path(__file__).parent / "hostile_models"
HANG_S = 60.0
"""Wall-clock seconds, many more than the CPU seconds that a reader may take."""

pytestmark = pytest.mark.security

# --- Damage by chance -----------------------------------------------------------------------

ODD_NUMBERS = (0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**32 - 1, 2**63 - 1)
ODD_TEXTS = (b"null", b"[]", b"{}", b"-1", b"1e999", b"NaN", b'""', b"true", b"9" * 20, b"[" * 99)


def good_models() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m"
        written = [
            write_keras(path).read_bytes(),
            write_h5(path).read_bytes(),
            write_keras(path, json.dumps(functional())).read_bytes(),
            write_h5(path, model=functional()).read_bytes(),
        ]
    kept = [path for path in sorted(DATA.iterdir()) if path.suffix in (".keras", ".h5")]
    return written + [path.read_bytes() for path in kept if ".weights" not in path.suffixes]


def damaged(rng: random.Random, models: list[bytes]) -> bytes:
    """Damage a model; an archive mostly inside its members, or a checksum would tell at once."""
    content = rng.choice(models)
    if content[:2] != b"PK" or rng.random() < 0.2:
        return scrambled(rng, content)
    buffer = io.BytesIO()
    victim = rng.choice(["config.json", "model.weights.h5", "model.weights.h5"])
    packing = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w", packing) as new:
        for name in old.namelist():
            member = old.read(name)
            # ZipInfo has a fixed date: the same seed gives the same bytes.
            new.writestr(
                zipfile.ZipInfo(name), scrambled(rng, member) if name == victim else member, packing
            )
    return buffer.getvalue()


def scrambled(rng: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 10, 30])):
        if len(changed) < 16:
            break
        at = rng.randrange(len(changed) - 8)
        other = rng.randrange(len(content))
        length = rng.choice([1, 2, 4, 8, 16, 64, 512])
        match rng.randrange(10):
            case 0:
                changed[at] = rng.randrange(256)
            case 1:
                changed[at] ^= 1 << rng.randrange(8)
            case 2:
                width = rng.choice([1, 2, 4, 8])
                number = rng.choice(ODD_NUMBERS) % 256**width
                changed[at : at + width] = number.to_bytes(width, "little")
            case 3 | 4 | 5:  # An address in HDF5 that leads to another part of the file.
                words = np.frombuffer(changed, "<u8", len(changed) // 8)
                addresses = np.flatnonzero((words > 0) & (words < len(changed))).tolist()
                del words  # Or the array could not change its length.
                if addresses:
                    tree = content.find(rng.choice([b"TREE", b"HEAP", b"SNOD", b"GCOL"]))
                    target = rng.choice([8 * rng.choice(addresses), 8 * (other // 8), max(0, tree)])
                    at = 8 * rng.choice(addresses)
                    changed[at : at + 8] = target.to_bytes(8, "little")
            case 6:
                del changed[at : at + length]
            case 7:
                changed[at:at] = content[other : other + length]
            case 8:
                changed[at : at + length] = content[other : other + length]
            case 9:
                text = rng.choice(ODD_TEXTS)
                at = changed.find(rng.choice([b"units", b"shape", b"name", b": ", b", "]), at)
                at += rng.randrange(12)
                changed[at : at + len(text)] = text
    return bytes(changed[: rng.randrange(len(changed))] if rng.random() < 0.05 else changed)


def read_in_fork(content: bytes) -> tuple[int, bytes, bytes]:
    """Do what the reader does, but in a fork of this process: it need not load HDF5 again."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        streams = [os.pipe(), os.pipe()]
        child = os.fork()
        if child == 0:
            try:
                for number, descriptor in enumerate((file.fileno(), *(end for _, end in streams))):
                    os.dup2(descriptor, number)
                os.closerange(3, 100)
                signal.setitimer(signal.ITIMER_REAL, HANG_S)
                sandbox.main()
                sys.stdout.flush()
            except BaseException:
                os.write(2, traceback.format_exc().encode())
                os._exit(1)
            os._exit(0)
        answers = []
        for reading, writing in streams:
            os.close(writing)
            with open(reading, "rb") as stream:
                answers.append(stream.read())
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status, answers[0], answers[1]


def outcome(status: int, stdout: bytes, stderr: bytes) -> str:
    try:
        answer = reading._answer("model", status, stdout, stderr)
        reading._source_network("model", answer)
    except MachineError:
        return "traceback"
    except SourceFileError as error:
        assert str(error).isprintable()
        if status == -signal.SIGALRM:
            return "hang"
        return {0: "refused", -signal.SIGPROF: "refused, no time left"}.get(
            status, "refused, crashed"
        )
    return "loaded"


def fuzz(n_files: int, seed: int, folder: Path | None = None) -> dict[str, float]:
    rng = random.Random(seed)
    models = good_models()
    counts: dict[str, float] = collections.defaultdict(float)
    slowest = 0.0
    for trial in range(n_files):
        content = damaged(rng, models)
        start = time.monotonic()
        status, stdout, stderr = read_in_fork(content)
        slowest = max(slowest, time.monotonic() - start)
        found = outcome(status, stdout, stderr)
        counts[found] += 1
        if folder is not None and found not in ("loaded", "refused"):
            name = found.replace(", ", "-").replace(" ", "-")
            (folder / f"{name}-{-status}-{seed}-{trial}").write_bytes(content)
            (folder / f"{name}-{-status}-{seed}-{trial}.txt").write_bytes(stderr)
    return {**counts, "slowest_s": round(slowest, 2)}


# --- Attacks by hand ------------------------------------------------------------------------

PROGRAM = "open('executed', 'w')"
CODE = base64.b64encode(marshal.dumps(compile(PROGRAM, "attack", "exec"))).decode()
LAMBDA_2 = {"name": "lambda", "function": [CODE, None, None], "function_type": "lambda"}
LAMBDA_3 = {"name": "lambda", "function": {"class_name": "__lambda__", "config": {"code": CODE}}}
SYSTEM = {"module": "os", "class_name": "system", "config": "touch executed"}
EVAL = {"module": "builtins", "class_name": "function", "config": "eval"}
DENSE = "layers/dense_1/vars/0"
VICTIM = "elsewhere/victim.h5"

Attack = Callable[[Path], Path]


def described(change: Callable[[dict[str, Any]], object], write: Callable[..., Path]) -> Attack:
    """Return a model with a hostile description, in one of the two formats."""

    def attack(folder: Path) -> Path:
        model = config()
        change(model)
        if write is write_h5:
            return write_h5(folder / "m.h5", model=model)
        return write_keras(folder / "m.keras", json.dumps(model))

    return attack


def with_layer(entry: dict[str, Any]) -> Callable[[dict[str, Any]], object]:
    return lambda model: model["config"]["layers"].insert(2, entry)


def with_setting(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda model: model["config"]["layers"][1]["config"].update({name: value})


def deep(n_levels: int) -> Callable[[dict[str, Any]], object]:
    def change(model: dict[str, Any]) -> None:
        model.clear()
        model.update(nested(n_levels))

    return change


def wide(model: dict[str, Any]) -> None:
    """Twenty models of forty layers inside a model."""
    many = [entry("Dropout", f"d{i}") for i in range(40)]
    model["config"]["layers"][2:2] = [entry("Sequential", f"s{i}", layers=many) for i in range(20)]


def graph(change: Callable[[list[dict[str, Any]]], object]) -> Callable[[dict[str, Any]], object]:
    def apply(model: dict[str, Any]) -> None:
        model.clear()
        model.update(functional())
        change(model["config"]["layers"])

    return apply


def cycle(layers: list[dict[str, Any]]) -> None:
    layers[1]["inbound_nodes"] = [call_of("dense_1")]


def many_calls(layers: list[dict[str, Any]]) -> None:
    layers[2]["inbound_nodes"] = [call_of(*["dense"] * 5_000)] * 2


def with_units(*units: int) -> Callable[[dict[str, Any]], object]:
    def change(model: dict[str, Any]) -> None:
        dense = model["config"]["layers"][1:]
        for layer in dense:
            layer.pop("build_config")
        for layer, width in zip(dense, units, strict=False):
            layer["config"]["units"] = width

    return change


def text(content: bytes) -> Attack:
    return lambda folder: write_keras(folder / "m.keras", content)


def text_h5(content: str) -> Attack:
    return lambda folder: write_h5(
        folder / "m.h5", lambda file: file.attrs.__setitem__("model_config", content)
    )


def member(name: str, mode: int = 0) -> Attack:
    def attack(folder: Path) -> Path:
        path = write_keras(folder / "m.keras")
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(info, "../elsewhere/victim.h5")
        return path

    return attack


def many_members(folder: Path) -> Path:
    path = write_keras(folder / "m.keras")
    with zipfile.ZipFile(path, "a") as archive:
        for index in range(20_000):
            archive.writestr(str(index), b"")
    return path


def bomb(name: str, n_megabytes: int, *units: int) -> Attack:
    """Return an archive with a member of zeros, a thousand times as many as it has bytes."""

    def attack(folder: Path) -> Path:
        model = config()
        with_units(*units)(model)
        with zipfile.ZipFile(folder / "m.keras", "w", zipfile.ZIP_DEFLATED) as archive:
            if name != "config.json":
                archive.writestr("config.json", json.dumps(model))
            with archive.open(name, "w") as member:
                for _ in range(n_megabytes):
                    member.write(bytes(10**6))
        return folder / "m.keras"

    return attack


def instead(make: Callable[[h5py.File, str], object], write: Callable[..., Path]) -> Attack:
    """Return a model with one kernel replaced."""

    def attack(folder: Path) -> Path:
        def change(file: h5py.File) -> None:
            name = DENSE if write is write_keras else "model_weights/dense_1/dense_1/kernel:0"
            del file[name]
            make(file, name)

        if write is write_h5:
            return write_h5(folder / "m.h5", change)
        return write_keras(folder / "m.keras", h5=h5_of_keras_archive(change))

    return attack


def linked_group(link: object) -> Attack:
    """Return an h5 file whose whole layer is behind a link."""

    def change(file: h5py.File) -> None:
        del file["model_weights/dense_1"]
        file["model_weights/dense_1"] = link

    return lambda folder: write_h5(folder / "m.h5", change)


def virtual(file: h5py.File, name: str) -> None:
    layout = h5py.VirtualLayout((5, 4), "f4")
    layout[:] = h5py.VirtualSource(VICTIM, "values", (5, 4))
    file.create_virtual_dataset(name, layout)


def external(file: h5py.File, name: str) -> None:
    file.create_dataset(name, (5, 4), "f4", external=[(VICTIM, 0, h5py.h5f.UNLIMITED)])


def plugin(file: h5py.File, name: str) -> None:
    """Write a dataset with a filter that HDF5 would look for among its plug-ins."""
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_chunk((5, 4))
    creation.set_filter(32_000, h5py.h5z.FLAG_OPTIONAL)
    space = h5py.h5s.create_simple((5, 4))
    dataset = h5py.h5d.create(file.id, name.encode(), h5py.h5t.IEEE_F32LE, space, creation)
    dataset.write_direct_chunk((0, 0), bytes(80))


def bfloat16(file: h5py.File, name: str) -> None:
    kind = h5py.h5t.IEEE_F16LE.copy()
    kind.set_fields(15, 7, 8, 0, 7)
    kind.set_ebias(127)
    space = h5py.h5s.create_simple((5, 4))
    h5py.h5d.create(file.id, name.encode(), kind, space).write(
        h5py.h5s.ALL, h5py.h5s.ALL, np.ones((5, 4), "f4")
    )


def shape_bomb(layout: dict[str, object]) -> Attack:
    """Return a file of a few KB that declares a kernel of 3.9 GB, as its description does."""

    def attack(folder: Path) -> Path:
        model = config()
        with_units(31_250, 31_250)(model)

        def change(file: h5py.File) -> None:
            name = "model_weights/dense_1/dense_1/kernel:0"
            del file[name]
            file.create_dataset(name, (31_250, 31_250), "f4", **layout)

        return write_h5(folder / "m.h5", change, model)

    return attack


def filled(value: float, kind: str) -> Callable[[h5py.File, str], object]:
    return lambda file, name: file.__setitem__(name, np.full((5, 4), value, kind))


def link_of(link: object) -> Callable[[h5py.File, str], object]:
    return lambda file, name: file.__setitem__(name, link)


def fifo(folder: Path) -> Path:
    os.mkfifo(folder / "m.keras")
    return folder / "m.keras"


LAMBDA = {"class_name": "Lambda", "config": LAMBDA_2}
EXTERNAL_LINK = h5py.ExternalLink(VICTIM, "/values")
BOTH: dict[str, Callable[..., Path]] = {"keras": write_keras, "h5": write_h5}
OF_EACH_FORMAT: dict[str, tuple[Callable[[Callable[..., Path]], Attack], str]] = {
    "Lambda of Keras 2": (partial(described, with_layer(LAMBDA)), "of class 'Lambda'"),
    "Lambda of Keras 3": (
        partial(described, with_layer({**LAMBDA, "module": "keras.layers", "config": LAMBDA_3})),
        "of class 'Lambda'",
    ),
    "Lambda as the activation": (
        partial(described, with_setting("activation", LAMBDA_3["function"])),
        "an activation of its own",
    ),
    "Lambda as the initializer": (
        partial(described, with_setting("kernel_initializer", LAMBDA_3["function"])),
        "'__lambda__', which is not a plain part of Keras",
    ),
    "foreign layer": (
        partial(described, with_layer({**SYSTEM, "config": {"name": "a"}})),
        "custom system ('os')",
    ),
    "foreign Dense": (
        partial(described, lambda model: model["config"]["layers"][1].update(module="os")),
        "custom Dense ('os')",
    ),
    "foreign model": (partial(described, lambda model: model.update(module="os")), "('os')"),
    "foreign initializer": (
        partial(described, with_setting("kernel_initializer", SYSTEM)),
        "'os system touch executed', which is not",
    ),
    "foreign constraint": (
        partial(described, with_setting("bias_constraint", [{"a": {"b": SYSTEM}}])),
        "'os system touch executed', which is not",
    ),
    "foreign loss": (
        partial(described, lambda model: model.update(compile_config={"loss": SYSTEM})),
        "'os system touch executed', which is not",
    ),
    "builtin as the loss": (
        partial(described, lambda model: model.update(compile_config={"loss": EVAL})),
        "'builtins function eval', which is not",
    ),
    "registered initializer": (
        partial(
            described,
            with_setting("kernel_initializer", {"class_name": "A", "registered_name": "my>A"}),
        ),
        "'A', which is not",
    ),
    "100 models inside one another": (
        partial(described, deep(100)),
        "more than 8 models inside one another",
    ),
    "models of many layers": (partial(described, wide), "more than 256 layers of all kinds"),
    "300 layers that do nothing": (
        partial(
            described,
            lambda model: model["config"]["layers"].extend(
                entry("Dropout", f"d{i}") for i in range(300)
            ),
        ),
        "more than 256 layers of all kinds",
    ),
    "a graph that leads back": (partial(described, graph(cycle)), "do not form a chain"),
    "a layer that feeds itself": (
        partial(
            described, graph(lambda layers: layers[2].update(inbound_nodes=[call_of("dense_1")]))
        ),
        "do not form a chain",
    ),
    "thousands of calls": (partial(described, graph(many_calls)), "do not form a chain"),
    "code inside a model inside": (
        partial(
            described,
            lambda model: model["config"]["layers"].insert(
                2, entry("Sequential", "base", layers=[LAMBDA | {"config": LAMBDA_3}])
            ),
        ),
        "of class 'Lambda'",
    ),
    "billion units": (partial(described, with_units(10**9)), "units '1000000000'"),
    "too many weights": (partial(described, with_units(2000, 2000)), "4,014,003 weights"),
    "product of all": (partial(described, with_units(4 * 10**6, 4 * 10**6)), "weights; at most"),
    "soft link": (partial(instead, link_of(h5py.SoftLink("/elsewhere"))), "is a link"),
    "external link": (partial(instead, link_of(EXTERNAL_LINK)), "is a link"),
    "link to a FIFO": (partial(instead, link_of(h5py.ExternalLink("fifo", "/"))), "is a link"),
    "external storage": (partial(instead, external), "stored in another file"),
    "virtual dataset": (partial(instead, virtual), "stored in another file"),
    "plug-in": (partial(instead, plugin), "compressed or stored in another file"),
    "bfloat16": (partial(instead, bfloat16), "use float16, float32 or float64"),
    "nan": (partial(instead, filled(math.nan, "f4")), "not finite"),
    "inf": (partial(instead, filled(math.inf, "f2")), "not finite"),
    "-inf": (partial(instead, filled(-math.inf, "f8")), "not finite"),
    "above float32": (partial(instead, filled(1e39, "f8")), "not finite"),
}
ATTACKS: dict[str, tuple[Attack, str]] = {
    f"{name}, {kind}": (attack(write), problem)
    for name, (attack, problem) in OF_EACH_FORMAT.items()
    for kind, write in BOTH.items()
} | {
    "group behind a soft link": (linked_group(h5py.SoftLink("/model_weights/dense")), "is a link"),
    "group behind an external link": (linked_group(h5py.ExternalLink(VICTIM, "/")), "is a link"),
    "deep lists": (text(b"[" * 500_000), "damaged"),
    "deep mappings": (text(b'{"a":' * 200_000), "damaged"),
    "deep lists, h5": (text_h5("[" * 500_000), "damaged"),
    "zip traversal": (member("../../executed"), "a member called '../../executed'"),
    "zip traversal inside": (member("assets/../../executed"), "a member called"),
    "absolute name in zip": (member("/tmp/executed"), "a member called"),
    "windows name in zip": (member("..\\executed"), "a member called"),
    "drive in zip": (member("c:executed"), "a member called"),
    "link in zip": (member("assets", stat.S_IFLNK | 0o777), "is a link"),
    "many members": (many_members, "too many members"),
    "bomb of text": (bomb("config.json", 300), "config.json has 300,000,000 bytes"),
    "bomb of weights": (bomb("model.weights.h5", 300), "model.weights.h5 has 300,000,000 bytes"),
    "bomb as large as allowed": (bomb("model.weights.h5", 95, 1990, 1990), "damaged"),
    "declared 3.9 GB": (shape_bomb({}), "weights; at most 4,000,000"),
    "declared 3.9 GB in chunks": (shape_bomb({"chunks": (100, 100)}), "weights; at most"),
    "kernel of 3.9 GB": (
        instead(lambda file, name: file.create_dataset(name, (31_250, 31_250), "f4"), write_h5),
        "has shape (31250, 31250), not (5, 4)",
    ),
    "text of 10 MB": (text_h5(" " * 10**7), "a description of 10,000,000 bytes"),
}
if hasattr(os, "mkfifo"):
    ATTACKS["FIFO"] = (fifo, "not a regular file")


@pytest.fixture
def room(tmp_path, monkeypatch) -> Path:
    """Return the current folder, with a file elsewhere that a hostile model may want."""
    (tmp_path / "elsewhere").mkdir()
    with h5py.File(tmp_path / VICTIM, "w") as file:
        file["values"] = np.ones((5, 4), "f4")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "fifo")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def nobody_opens(folder: Path) -> Iterator[None]:
    """Fail if a file of the folder is opened, by this process or any other (Linux only)."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "inotify_init1"):
        yield
        return
    watch = library.inotify_init1(os.O_NONBLOCK)
    library.inotify_add_watch(watch, os.fsencode(folder), 0xFFF)  # IN_ALL_EVENTS
    try:
        yield
        with pytest.raises(BlockingIOError):  # Nothing happened.
            os.read(watch, 4096)
        next(folder.iterdir()).read_bytes()
        assert os.read(watch, 4096)  # The watch works.
    finally:
        os.close(watch)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", third_of(ATTACKS))
def test_an_attack_is_refused_and_nothing_is_executed_written_or_read_elsewhere(room, name):
    attack, problem = ATTACKS[name]
    path = attack(room)
    before = sorted(room.rglob("*"))
    with nobody_opens(room / "elsewhere"):
        with pytest.raises(SourceFileError) as caught:
            reading.read_source_file(path)
        if path.is_file():  # Without the limits of the process, too: nothing is even tried.
            with path.open("rb") as file, pytest.raises(Unsupported):
                sandbox.read_model(file)
    message = str(caught.value)
    assert problem in message
    assert message.isprintable()
    assert len(message) < 600 + len(str(path))
    assert sorted(room.rglob("*")) == before


LAUNCHER = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def run_measured(path: Path) -> tuple[Finished, int]:
    """Pass a model to the command line; return what that leaves behind, and the most KB it used.

    A small process starts it, as the memory of the one that starts it counts too.
    """
    done = run_process(
        "train-target", "--no-plot", "--model", path, cwd=path.parent,
        by=(sys.executable, "-c", LAUNCHER),
    )  # fmt: skip
    out, _, numbers = ("\n" + done.out.rstrip("\n")).rpartition("\n")
    code, kilobytes = map(int, numbers.split())
    return Finished(code, out, done.err), kilobytes


SAMPLE = (
    "Lambda of Keras 2, h5", "Lambda of Keras 3, keras", "foreign initializer, keras",
    "zip traversal", "bomb of text", "bomb as large as allowed", "declared 3.9 GB",
    "billion units, keras", "deep lists, h5", "external link, h5", "virtual dataset, keras",
    "nan, h5", "text of 10 MB", "FIFO",
)  # fmt: skip


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", third_of(SAMPLE))
def test_the_command_refuses_an_attack_with_one_line_exit_2_and_little_memory(room, name):
    attack, problem = ATTACKS[name]
    path = attack(room)
    before = sorted(room.rglob("*"))
    with nobody_opens(room / "elsewhere"):
        done, kilobytes = run_measured(path)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ") and problem in done.err
    assert done.err.count("\n") == 1 and done.err.endswith("\n")
    assert sorted(room.rglob("*")) == before
    if sys.platform == "linux":  # Elsewhere the unit is another.
        assert kilobytes < 200_000


def test_a_link_that_leads_back_into_the_file_is_refused_too(tmp_path):
    def move(file: h5py.File) -> None:
        file.move("layers/dense_1", "there")
        file["layers/dense_1"] = h5py.SoftLink("/there")

    path = write_keras(tmp_path / "m.keras", h5=h5_of_keras_archive(move))
    with pytest.raises(SourceFileError, match="is a link"):
        reading.read_source_file(path)


@pytest.mark.parametrize("write", BOTH.values(), ids=BOTH)
def test_a_hard_link_is_followed(tmp_path, write):
    def share(file: h5py.File) -> None:
        group = "model_weights/dense_1" if write is write_h5 else "layers/dense_1"
        file["there"] = file[group]
        del file[group]
        file[group] = file["there"]

    if write is write_h5:
        path = write_h5(tmp_path / "m", share)
    else:
        path = write_keras(tmp_path / "m", h5=h5_of_keras_archive(share))
    assert reading.read_source_file(path).network.hidden == (5, 4)


@pytest.mark.parametrize("part", [i / 16 for i in range(16)])
@pytest.mark.parametrize("name", ["keras-2.1.6.h5", "keras-3.3.3.h5", "keras-3.3.3.keras"])
def test_a_model_of_keras_cut_short_is_refused(name, part):
    content = (DATA / name).read_bytes()
    # All but the end: HDF5 pads a file, and the last bytes may be of no use.
    content = content[: int(part * len(content))]
    with pytest.raises(Unsupported):
        sandbox.read_model(io.BytesIO(content))


# --- Damage that was found by chance --------------------------------------------------------

FOUND = sorted(path for path in HOSTILE.iterdir() if path.suffix in (".keras", ".h5"))


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.name)
def test_damage_that_hdf5_never_finishes_is_refused(path):
    with pytest.raises(SourceFileError, match="looks damaged"):
        reading.read_source_file(path)


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_damaged_models_load_or_are_refused_and_never_worse(tmp_path):
    n_files = trials(200)
    # No threads when it forks.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(TESTS)}
    done = subprocess.run(
        [sys.executable, "-W", "error", __file__, str(n_files), "1234", str(tmp_path)],
        capture_output=True, text=True, env=environment, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts.pop("slowest_s") < HANG_S
    assert counts["loaded"] > n_files / 20
    assert counts["refused"] > n_files / 2
    allowed = {"loaded", "refused", "refused, crashed", "refused, no time left"}
    assert set(counts) <= allowed
    assert sum(counts.values()) == n_files
    assert not (tmp_path / "executed").exists()


def test_a_sample_of_them_loads_or_is_refused_by_the_reader_itself(tmp_path):
    rng = random.Random(4321)
    models = good_models()
    for trial in range(12):
        path = tmp_path / str(trial)
        path.write_bytes(damaged(rng, models))
        try:
            source = reading.read_source_file(path)
        except SourceFileError as error:
            assert str(error).isprintable()
            continue
        assert all(np.isfinite(part).all() for part in source.weights)


def measure() -> None:
    """Print what each attack costs through the command: seconds, MB, exit code."""
    for name, (attack, _) in ATTACKS.items():
        with tempfile.TemporaryDirectory() as folder:
            path = attack(Path(folder))
            start = time.monotonic()
            done, kilobytes = run_measured(path)
            seconds = time.monotonic() - start
        cost = f"{seconds:.2f} s {kilobytes / 1000:4.0f} MB exit {done.code}"
        print(f"{cost} {name}: {done.err}", end="")


if __name__ == "__main__":
    if sys.argv[1] == "attacks":
        measure()
    else:
        keep = Path(sys.argv[3]) if len(sys.argv) > 3 else None
        print(json.dumps(fuzz(int(sys.argv[1]), int(sys.argv[2]), keep)))
