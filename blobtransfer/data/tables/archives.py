"""Zip archives, whose members may take much more memory than the file."""

import io
import zipfile

from blobtransfer.data.tables.reading import TableProblem
from blobtransfer.specs.checks import escape_control_characters

MAX_MEMBERS = 10_000

ENTRY = b"PK\1\2"
"""First bytes of a member's entry in the directory of an archive."""


def open_archive(content: bytes) -> zipfile.ZipFile:
    """Open an archive whose members Python unpacks no further than they are read.

    Args:
        content: The bytes of the archive.

    Raises:
        TableProblem: It has too many members, or one of an unusual compression.
    """
    if content.count(ENTRY) > MAX_MEMBERS:  # zipfile would read the whole directory
        raise TableProblem(f"more than {MAX_MEMBERS:,} arrays or sheets; use fewer")
    archive = zipfile.ZipFile(io.BytesIO(content))
    for member in archive.infolist():
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # For other methods Python unpacks all data, however few bytes are read.
            name = escape_control_characters(member.filename)
            raise TableProblem(f"{name} has a compression that is not read; save the file again")
    return archive
