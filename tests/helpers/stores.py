"""Hostile files beside a store."""

import os
import struct
from pathlib import Path

from blobtransfer.results.connection import JOURNAL_MAGIC
from blobtransfer.results.lock import SUFFIX


def super_journal(path: Path, victim: Path) -> None:
    """Write a journal beside a store that names a file, which SQLite would remove."""
    name = os.fsencode(victim)
    page = int.from_bytes(path.read_bytes()[16:18])
    n_pages = path.stat().st_size // page
    head = (JOURNAL_MAGIC + struct.pack(">iIIII", 0, 0, n_pages, 512, page)).ljust(512, b"\0")
    tail = struct.pack(">I", 0x40000000 // page + 1) + name
    tail += struct.pack(">II", len(name), sum(name)) + JOURNAL_MAGIC
    path.with_name(f"{path.name}-journal").write_bytes(head + tail)


def lock_that_is_a_link(path: Path, victim: Path) -> None:
    """Make the lock file of a store a link to a file, which a careless writer would empty."""
    path.with_name(path.name + SUFFIX).symlink_to(victim)


def journal_that_is_a_fifo(path: Path, victim: Path) -> None:
    """Make the journal of a store a FIFO, on which SQLite would wait for ever."""
    os.mkfifo(path.with_name(f"{path.name}-journal"))
