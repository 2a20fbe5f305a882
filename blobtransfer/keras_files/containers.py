"""Containers of saved models: members of a `.keras` archive, and weights in an HDF5 file.

Members are checked before they are unpacked, and never to a file. Of HDF5, only hard links,
plain storage and finite floats are accepted.
"""

import io
import math
import os
import stat
import struct
import zipfile
from typing import BinaryIO

import h5py
import numpy as np

from blobtransfer.keras_files.refusal import MAX_CONFIG_BYTES, MAX_NAME, quote, reject
from blobtransfer.specs.network import MLPSpec

_DIRECTORY_END = struct.Struct("<4s4H2LH")  # APPNOTE.TXT 4.3.16, the last bytes of a zip

_MAX_DIRECTORY_BYTES = 2**16

# IEEE 754, in either order of bytes: not bfloat16, which h5py would show as float32.
_FLOATS = (
    h5py.h5t.IEEE_F16LE, h5py.h5t.IEEE_F32LE, h5py.h5t.IEEE_F64LE,
    h5py.h5t.IEEE_F16BE, h5py.h5t.IEEE_F32BE, h5py.h5t.IEEE_F64BE,
)  # fmt: skip


def check_directory(file: BinaryIO) -> None:
    """Reject an archive of very many members: `zipfile` would read the whole list at once."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _DIRECTORY_END.size - 20))
    locator, end = file.read(20), file.read()
    file.seek(0)
    if len(end) != _DIRECTORY_END.size or not end.startswith(b"PK\x05\x06"):
        reject("the archive looks cut short; save it again")
    directory_bytes = _DIRECTORY_END.unpack(end)[5]
    # `PK\6\7` points to a zip64 directory, which would count instead.
    if directory_bytes > _MAX_DIRECTORY_BYTES or locator.startswith(b"PK\x06\x07"):
        reject("the archive has too many members; use a model that Keras saved")


def check_names(archive: zipfile.ZipFile) -> None:
    """Reject names and links that Keras never writes; nothing is ever unpacked to a file here."""
    for member in archive.infolist():
        name = member.orig_filename  # As it is in the file: `filename` ends at a null character.
        leads_out = name.startswith("/") or ".." in name.split("/")
        if leads_out or not {"\\", ":", "\0"}.isdisjoint(name):
            reject(f"the archive has a member called {quote(name)}; use a model that Keras saved")
        if stat.S_ISLNK(member.external_attr >> 16):
            reject(f"{quote(name)} in the archive is a link; use a model that Keras saved")


def read_member(archive: zipfile.ZipFile, name: str, max_bytes: int) -> io.BytesIO:
    """Unpack one member in memory.

    Args:
        archive: The archive.
        name: Name of the member.
        max_bytes: Largest size unpacked, in bytes.

    Raises:
        Unsupported: There is not one member of that name, or it is too large, is not as long as
            the archive says, or is packed in a way that Keras does not use.
    """
    members = [member for member in archive.infolist() if member.filename == name]
    if len(members) != 1:
        reject(f"the archive has {len(members)} members called {name}, not 1; save it again")
    (member,) = members
    if member.flag_bits & 1 or member.compress_type not in (
        zipfile.ZIP_STORED,
        zipfile.ZIP_DEFLATED,
    ):
        reject(f"{name} is encrypted or packed in a way Keras does not use; save it again")
    if member.file_size > max_bytes:
        reject(f"{name} has {member.file_size:,} bytes; at most {max_bytes:,} are read")
    content = io.BytesIO()
    with archive.open(member) as stream:
        # Piece by piece, or it would be there twice; to the end, where the checksum is.
        while piece := stream.read(2**20):
            content.write(piece)
    if content.tell() != member.file_size:
        reject(f"{name} has another size than the archive states; save it again")
    content.seek(0)
    return content


def find_group(parent: h5py.Group, path: str) -> h5py.Group:
    """Find a group by a path of hard links."""
    group = _find(parent, path)
    if not isinstance(group, h5py.Group):
        reject(f"{quote(path)} is not a group; save the model again")
    return group


def find_dataset(parent: h5py.Group, path: str) -> h5py.Dataset:
    """Find a dataset whose values are stored plainly in the file; no value is read yet."""
    dataset = _find(parent, path)
    if not isinstance(dataset, h5py.Dataset):
        reject(f"{quote(path)} holds no values; save the model again")
    # Before its shape is read: that alone makes HDF5 open the sources of a virtual dataset.
    storage = dataset.id.get_create_plist()
    if (
        storage.get_layout() not in (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT)
        or storage.get_external_count() > 0
        or storage.get_nfilters() > 0
    ):
        reject(f"{quote(path)} is compressed or stored in another file; save the model with Keras")
    return dataset


def _find(parent: h5py.Group, path: str) -> object:
    """Follow a path of hard links only: soft and external links may lead out of the file."""
    node: object = parent
    names = path.split("/")
    if len(path) > 2 * MAX_NAME or not set(names).isdisjoint({"", ".", ".."}):
        reject(f"no layer can be called {quote(path)}; save the model as .keras")
    for name in names:
        if not isinstance(node, h5py.Group) or not has_link(node, name):
            reject(f"{quote(path)} is missing; save the model again")
        if node.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
            reject(f"{quote(path)} is a link; save the model with Keras")
        node = node[name]
    return node


def has_link(group: h5py.Group, name: str) -> bool:
    """Return whether a group has a link of that name, without following it."""
    # `name in group` could follow it.
    return bool(group.id.links.exists(name.encode()))


def read_strings(group: h5py.Group, name: str, count: int) -> list[bytes]:
    """Read an attribute of several texts, however long each is stored.

    Args:
        group: The group that has the attribute.
        name: Name of the attribute.
        count: Number of texts, at least 1.

    Raises:
        Unsupported: The group has no such attribute, or it is something else.
    """
    if name not in group.attrs:
        reject(f"{quote(group.name)} has no {name}; save the model again")
    attribute = group.attrs.get_id(name)
    if (
        h5py.check_string_dtype(attribute.dtype) is None
        or math.prod(attribute.shape) != count
        or attribute.get_storage_size() > MAX_CONFIG_BYTES
    ):
        reject(f"{quote(group.name)}: {name} is not a text of {count} parts; save the model again")
    texts = np.asarray(group.attrs[name], dtype=object).ravel().tolist()
    return [
        text.encode(errors="surrogateescape") if isinstance(text, str) else bytes(text)
        for text in texts
    ]


def read_weights(network: MLPSpec, datasets: list[h5py.Dataset | None]) -> tuple[np.ndarray, ...]:
    """Read the weights of a network.

    Args:
        network: Its shape.
        datasets: Kernel, bias, kernel, bias, ...; None for a bias that is 0.

    Returns:
        Kernel (fan_in, fan_out), bias (fan_out,), ...; float32, C-contiguous, finite.

    Raises:
        Unsupported: A dataset has another shape or type, or a value that is not finite.
    """
    shapes = [array for shape in network.shapes for array in (shape, shape[1:])]
    for shape, dataset in zip(shapes, datasets, strict=True):
        if dataset is None:
            continue
        if dataset.shape != shape:
            reject(f"{quote(dataset.name)} has shape {dataset.shape}, not {shape}; save it again")
        if dataset.id.get_type() not in _FLOATS:
            reject(
                f"{quote(dataset.name)} holds {dataset.dtype} or its like; "
                "use float16, float32 or float64"
            )
        # A dataset without stored values would read as zeros, however large.
        if dataset.id.get_storage_size() != math.prod(shape) * dataset.dtype.itemsize:
            reject(f"{quote(dataset.name)} was saved without its values; save it again")
    return tuple(
        np.zeros(shape, np.float32) if dataset is None else _read_floats(dataset)
        for shape, dataset in zip(shapes, datasets, strict=True)
    )


def _read_floats(dataset: h5py.Dataset) -> np.ndarray:
    values = np.empty(dataset.shape, np.float32)
    # HDF5 converts piece by piece; what is too large for float32 becomes infinite.
    dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, values)
    if not np.isfinite(values).all():
        reject(f"{quote(dataset.name)} has values that are not finite; train it again")
    return values
