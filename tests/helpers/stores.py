"""Commands that tests extend and resume, what a store holds, and hostile files beside it."""

import json
import os
import sqlite3
import struct
from pathlib import Path

from blobtransfer.results.store.connection import JOURNAL_MAGIC
from blobtransfer.results.store.lock import SUFFIX
from helpers.specs import SMALL_OPTIONS

FRESH = ("compare", *SMALL_OPTIONS, "--sources", "fresh")
DIGITS = ("compare", "--source", "digits:classes=0-4", "--target", "digits:classes=5-9")
FEW, MORE = ("--repeats", "5"), ("--repeats", "9")
COMMANDS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "compare": (("compare", *SMALL_OPTIONS), ("--repeats", "7"), ("--repeats", "20")),
    "nested": (
        (*FRESH, "--patience", "1"), ("--nested", "3", "4"), ("--nested", "5", "4"),
    ),
    "speed": ((*FRESH, "--speed", "--variant", "equal-compute"), FEW, MORE),
    "scores": ((*FRESH, "--scores"), FEW, MORE),
    "tune": ((*FRESH, "--tune", "learning-rate=0.01,0.1"), FEW, MORE),
    "until decided": (
        (*FRESH, "--until-decided"), ("--max-repeats", "110"), ("--max-repeats", "300"),
    ),
    "table": ((*DIGITS, "--epochs", "1"), FEW, MORE),
    "sweep": (("sweep", *SMALL_OPTIONS, "--over", "train-samples=10,20,30"), FEW, MORE),
    "pairs": (("pairs", *SMALL_OPTIONS, "--pairs", "6"), FEW, MORE),
    "grid": (
        ("grid", "--problems", "blobs:seed=1..3,samples=60,train=40", "--epochs", "2"), FEW, MORE,
    ),
}  # fmt: skip
"""Command, options of the first run, options that extend it."""

QUIET = ("-q", "--no-plot")
LONG = (
    "compare", *SMALL_OPTIONS, "--hidden", "64", "64", "--fixed", "0", "--sources", "one",
    "--repeats", "6000", *QUIET,
)  # fmt: skip
"""A command with several hundred blocks."""

ENDLESS = tuple({"6000": "4000000"}.get(word, word) for word in LONG)
"""The same command with more repeats than a test waits for."""


def without_times(path: Path) -> str:
    """Return a JSON result without what differs each time."""
    record = json.loads(path.read_text())
    for key in ("argv", "started", "seconds"):
        del record[key]
    return json.dumps(record)  # in the order of its keys


def n_blocks(path: Path) -> int:
    """Count the blocks that another process has stored so far."""
    if not path.exists():
        return 0
    connection = sqlite3.connect(path, timeout=10)
    try:
        return int(connection.execute("SELECT count(*) FROM block").fetchone()[0])
    except sqlite3.OperationalError:  # there are no tables yet
        return 0
    finally:
        connection.close()


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
