"""The members of a `.keras` archive: looked at before they are unpacked, never to a file."""

import io
import os
import stat
import struct
import zipfile
from typing import BinaryIO

from blobtransfer.keras_files.refusal import quoted, reject

_DIRECTORY_END = struct.Struct("<4s4H2LH")  # APPNOTE.TXT 4.3.16, the last bytes of a zip

_MAX_DIRECTORY_BYTES = 2**16


def check_directory(file: BinaryIO) -> None:
    """Refuse an archive of very many members: `zipfile` would read the whole list at once."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _DIRECTORY_END.size - 20))
    locator, end = file.read(20), file.read()
    file.seek(0)
    if len(end) != _DIRECTORY_END.size or not end.startswith(b"PK\x05\x06"):
        reject("the archive has no end, it looks cut short; save it again")
    directory_bytes = _DIRECTORY_END.unpack(end)[5]
    # `PK\6\7` points to a zip64 directory, which would count instead.
    if directory_bytes > _MAX_DIRECTORY_BYTES or locator.startswith(b"PK\x06\x07"):
        reject("an archive of very many members; give a model that Keras saved")


def check_names(archive: zipfile.ZipFile) -> None:
    """Refuse what no honest archive holds; nothing is ever unpacked to a file here."""
    for member in archive.infolist():
        name = member.orig_filename  # As it is in the file: `filename` ends at a null character.
        leads_out = name.startswith("/") or ".." in name.split("/")
        if leads_out or not {"\\", ":", "\0"}.isdisjoint(name):
            reject(f"the archive has a member called {quoted(name)}; give a model Keras saved")
        if stat.S_ISLNK(member.external_attr >> 16):
            reject(f"{quoted(name)} in the archive is a link; give a model Keras saved")


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
        reject(f"{name} is not as long as the archive says; save it again")
    content.seek(0)
    return content
