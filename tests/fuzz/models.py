"""Mutated model files, read as `--model` reads them."""

import contextlib
import io
import json
import os
import subprocess
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, BinaryIO

import h5py
import numpy as np
from helpers.commands import run_here
from helpers.models import functional, weights, write_h5, write_keras
from helpers.specs import SMALL_OPTIONS
from helpers.tables import write_rows

from blobtransfer.cli.failures import report
from blobtransfer.errors import BlobTransferError
from blobtransfer.keras_files import sandbox
from blobtransfer.keras_files.read import read_source_file
from blobtransfer.keras_files.write import save_model
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.table import Column, Preprocessing, Scaler
from fuzz.child import fork
from fuzz.edits import ODD_NUMBERS, ODD_TEXTS, damaged_bytes, edited_json, edited_zip
from fuzz.mutation import Mutation

EVERY_COMMAND = 50
"""One mutation in so many goes through a command, which starts the reader as a process."""

DATA = Path(__file__).parents[1] / "data"

TABLE_MODELS = ("table.keras", "table.h5")
KERAS_MODELS = ("keras-2.1.6.h5", "keras-2.4.3.h5", "keras-3.3.3.keras")
VALID = (
    *TABLE_MODELS, "plain.keras", "functional.keras", "plain.h5", "functional.h5", *KERAS_MODELS
)  # fmt: skip

TABLE = "table.csv"

JSON_MEMBERS = ("config.json", "metadata.json", "blobtransfer.json")
WEIGHTS = "model.weights.h5"

HDF5_ERRORS = (OSError, ValueError, RuntimeError, TypeError, KeyError)
"""What h5py raises for an edit that it refuses."""

PREPROCESSING = Preprocessing(
    TABLE, "y", (Column("a"), Column("b")), ("p", "q", "r"), Scaler((0.0, 1.0), (1.0, 2.0)), ("f0",)
)


def prepare(valid: Path) -> None:
    """Write models as several versions of Keras do, some with the preprocessing of a table."""
    for name in TABLE_MODELS:
        save_model(MLPSpec(2, (5, 4), 3), weights(), valid / name, PREPROCESSING)
    write_keras(valid / "plain.keras")
    write_keras(valid / "functional.keras", json.dumps(functional()))
    write_h5(valid / "plain.h5")
    write_h5(valid / "functional.h5", model=functional())
    for name in KERAS_MODELS:
        (valid / name).write_bytes((DATA / name).read_bytes())
    rows = [[str(i % 7), str(i % 5), "pqr"[i % 3]] for i in range(40)]
    write_rows(valid / TABLE, [["a", "b", "y"], *rows])
    finished = run_here("train-target", *_options(valid, "table.keras", is_table=True))
    assert finished.code == 0, finished.err


def mutate(rng: Random, i: int, valid: Path) -> Mutation:
    """Write a mutated model."""
    name = rng.choice(VALID)
    content = (valid / name).read_bytes()
    is_archive = name.endswith(".keras")
    match rng.randrange(8):
        case 0:
            content = damaged_bytes(content, rng)
        case 1 if is_archive:
            content = edited_zip(content, rng)
        case _:
            content = _edited_archive(content, rng) if is_archive else _edited_hdf5(content, rng)
    path = Path(f"m{Path(name).suffix}")
    path.write_bytes(content)
    argv = ["train-target", *_options(valid, str(path), is_table=rng.random() < 0.5)]
    if i % EVERY_COMMAND == 0:
        return Mutation(argv)
    return Mutation(argv, main=lambda: _read(path))


def _options(valid: Path, model: str, is_table: bool) -> list[str]:
    problem = ["--task", f"{valid / TABLE}:label=y"] if is_table else [*SMALL_OPTIONS[:4]]
    return ["--model", model, *problem, "--epochs", "1", "--no-plot", "-q"]


def _read(path: Path) -> int:
    """Read a model in a forked process in place of a new one, and return the exit code."""
    subprocess.run = _run_forked  # type: ignore[assignment]
    try:
        read_source_file(path)
    except BlobTransferError as error:
        return report(error)
    return 0


def _run_forked(
    command: list[str], *, stdin: BinaryIO, **settings: Any
) -> subprocess.CompletedProcess[bytes]:
    """Run the reader of models as `subprocess.run` would, without the time of a new Python."""
    (out, out_end), (err, err_end) = os.pipe(), os.pipe()
    pid = fork(sandbox.main, (stdin.fileno(), out_end, err_end))
    os.close(out_end)
    os.close(err_end)
    with open(out, "rb") as out_file, open(err, "rb") as err_file:
        outputs = out_file.read(), err_file.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return subprocess.CompletedProcess(command, code, *outputs)


def _edited_archive(content: bytes, rng: Random) -> bytes:
    """Return a `.keras` archive with an edited member; its checksum is right all the same."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    i = rng.randrange(len(members))
    name, member = members[i]
    match rng.randrange(10):
        case 0:
            member = damaged_bytes(member, rng)
        case 1:
            name = rng.choice(("x", "", "../x", "/x", "\x1b", name.upper(), *JSON_MEMBERS, WEIGHTS))
        case 2:
            members.append(rng.choice(members))
        case 3:
            member = b""
        case _ if name in JSON_MEMBERS:
            member = edited_json(member.decode(), rng).encode()
        case _:
            member = _edited_hdf5(member, rng)
    members[i] = name, member
    buffer = io.BytesIO()
    packing = rng.choice((zipfile.ZIP_STORED,) * 5 + (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", packing) as archive:
        warnings.simplefilter("ignore")  # of a name that is there twice
        for name, member in members:
            archive.writestr(zipfile.ZipInfo(name), member, packing)
    return buffer.getvalue()


def _edited_hdf5(content: bytes, rng: Random) -> bytes:
    """Return an HDF5 file with edited attributes, datasets or links."""
    buffer = io.BytesIO(content)
    with contextlib.suppress(*HDF5_ERRORS), h5py.File(buffer, "r+") as file:
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            names: list[str] = []
            file.visit(names.append)
            if names:
                with contextlib.suppress(*HDF5_ERRORS):
                    rng.choice(HDF5_EDITS)(file, rng.choice(names), rng)
    return buffer.getvalue()


def _edit_attribute(file: Any, name: str, rng: Random) -> None:
    """Set an attribute of the file or of an object in it, mostly one that is there."""
    node = rng.choice((file, file[name]))
    key = rng.choice([*node.attrs, *node.attrs, "x"])
    value = node.attrs.get(key)
    if isinstance(value, str | bytes) and rng.random() < 0.8:
        text = value if isinstance(value, str) else value.decode()
        node.attrs[key] = edited_json(text, rng) if text.startswith("{") else text + "x"
    else:
        node.attrs[key] = _odd_hdf5_value(rng)


def _edit_dataset(file: Any, name: str, rng: Random) -> None:
    """Replace a dataset by one of another type, shape, layout or content."""
    values = np.asarray(file[name][()])
    shape = rng.choice((values.shape, values.shape[::-1], values.shape[:1], (*values.shape, 1)))
    values = np.resize(values, shape)
    values = values.astype(rng.choice(("f2", "f4", ">f8", "i4", "?", "c8", "S5")))
    settings = rng.choice(({}, {}, {"compression": "gzip"}, {"chunks": True}, {"maxshape": None}))
    if values.size and values.dtype.kind == "f" and rng.random() < 0.3:
        values.flat[rng.randrange(values.size)] = rng.choice((np.nan, np.inf, 6e4))
    del file[name]
    file.create_dataset(name, data=values, **settings)


def _edit_values(file: Any, name: str, rng: Random) -> None:
    """Replace an object by an odd dataset."""
    value = _odd_hdf5_value(rng)
    del file[name]
    file[name] = value


def _remove(file: Any, name: str, rng: Random) -> None:
    del file[name]


def _link(file: Any, name: str, rng: Random) -> None:
    """Replace an object by a link."""
    links = (
        h5py.SoftLink("/"), h5py.SoftLink(f"/{name}"), h5py.SoftLink("/none"),
        h5py.ExternalLink("notes.txt", "/"), h5py.ExternalLink("m.h5", f"/{name}"),
    )  # fmt: skip
    del file[name]
    file[name] = rng.choice((*links, file["/"]))


def _rename(file: Any, name: str, rng: Random) -> None:
    file.move(name, rng.choice((f"{name}x", "x", name.upper(), name.rpartition("/")[2])))


def _odd_hdf5_value(rng: Random) -> Any:
    empty = h5py.Empty("f4")
    arrays = (np.zeros(0), np.zeros((2, 5)), np.zeros((1, 1, 1)), np.full((5, 5), np.nan))
    texts = [text.encode("utf-8", "surrogatepass") for text in ODD_TEXTS]
    return rng.choice(
        (empty, rng.choice(arrays), rng.choice(texts), rng.choice(ODD_NUMBERS), texts[:3])
    )


HDF5_EDITS: tuple[Callable[[Any, str, Random], None], ...] = (
    _edit_attribute, _edit_attribute, _edit_dataset, _edit_dataset, _edit_values, _remove, _link,
    _rename,
)  # fmt: skip
