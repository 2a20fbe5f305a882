"""Mutated stores and files beside them, through `show`, `merge` and `compare --store`."""

import contextlib
import hashlib
import math
import os
import shutil
import sqlite3
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random

from helpers.commands import run_here
from helpers.specs import SMALL_OPTIONS
from pydantic import TypeAdapter

from blobtransfer.errors import BlobTransferError
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.identity import identity_of
from blobtransfer.specs.study import Study
from fuzz.edits import RAW_JSON, damaged_bytes, edited_json
from fuzz.mutation import VICTIM, Mutation, show

STORE = "s.db"

JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")

COMMANDS = {
    "compare": ("compare", *SMALL_OPTIONS, "--repeats", "3", "--speed", "-q", "--no-plot"),
    "sweep": (
        "sweep", *SMALL_OPTIONS, "--repeats", "3", "--over", "hidden=2,3", "-q", "--no-plot",
    ),
}  # fmt: skip

COLUMNS = {
    "command": ("id", "identity", "name", "spec", "argv", "is_part"),
    "experiment": ("id", "identity", "head"),
    "maker": ("id", "versions", "machine"),
    "block": (
        "experiment", "first", "last", "maker", "rounding", "started", "seconds", "sha256", "body",
    ),
}  # fmt: skip

JSON_COLUMNS = (
    ("command", "spec"), ("command", "argv"), ("experiment", "head"), ("maker", "versions"),
    ("maker", "machine"),
)  # fmt: skip

ODD_COLUMNS: tuple[object, ...] = (
    None, 0, 1, -1, 2, 3, 2**31, 2**63 - 1, -(2**63), 0.5, -5.0, 1e10, 1e308, float("inf"),
    "", "x", "1", "compare", "sweep", "pairs", "\x1b]0;title\x07", "a\nerror: b", "\u202e",
    "9" * 5000, "\0", b"", b"\0\xff", b"\xff" * 1000, "{}", "[]", "null", '{"python": NaN}',
    '{"python": "\\u001b[2J"}', '["\\u001b]0;title\\u0007"]', '{"cpu": 1e400}',
    *RAW_JSON.values(),
)  # fmt: skip

ODD_FLOATS = (0.0, 1.0, -1.0, 5.0, 1e-320, 1e308, math.inf, math.nan)

SCHEMA_EDITS = (
    "CREATE TABLE more (a)",
    "CREATE TABLE more (a CHECK (length(hex(zeroblob(100000000))) > 0))",
    "CREATE TABLE more (a, b AS (hex(randomblob(1000))))",
    "CREATE VIEW more AS SELECT * FROM block",
    "CREATE INDEX more ON block (seconds)",
    "CREATE INDEX more ON block (abs(seconds))",
    "CREATE TRIGGER more AFTER INSERT ON block BEGIN DELETE FROM block; END",
    "CREATE VIRTUAL TABLE more USING fts5 (a)",
    "ALTER TABLE block ADD COLUMN more",
    "ALTER TABLE maker RENAME TO makers",
    "DROP TABLE block",
    "DROP TABLE maker",
    "DELETE FROM block",
    "DELETE FROM experiment",
    "DELETE FROM maker",
    "DELETE FROM command",
    "INSERT INTO block SELECT experiment, first + 1, last + 1, maker, rounding, started, seconds, "
    "sha256, body FROM block LIMIT 1",
    "INSERT INTO command SELECT id + 10, identity || 'x', name, spec, argv, is_part FROM command",
    "PRAGMA user_version = 1",
    "PRAGMA application_id = 0",
    "PRAGMA journal_mode = WAL",
    "PRAGMA encoding = 'UTF-16'",
    "PRAGMA auto_vacuum = FULL",
    "VACUUM",
    "ANALYZE",
)


def prepare(valid: Path) -> None:
    """Write a store of each kind of command, and a part of one to be merged."""
    for name, options in COMMANDS.items():
        for more in ((f"{name}.db",), ("part.db", "--only-repeats", "1..1")):
            finished = run_here(*options, "--store", *more)
            assert finished.code == 0, finished.err


def mutate(rng: Random, i: int, valid: Path) -> Mutation:
    """Write a mutated store, or files beside a valid one."""
    name = rng.choice(tuple(COMMANDS))
    store = Path(STORE)
    shutil.copy(valid / f"{name}.db", store)
    match rng.randrange(10):
        case 0:
            store.write_bytes(damaged_bytes(store.read_bytes(), rng))
        case 1 | 2:
            _add_beside(rng)
        case _:
            _edit_rows(store, rng)
            if rng.random() < 0.1:
                _add_beside(rng)
    shutil.copy(valid / "part.db", "part.db")
    match rng.randrange(6):
        case 0:
            return Mutation(["merge", STORE, "--store", "new.db", "-q"])
        case 1:
            return Mutation(["merge", "part.db", "--store", STORE, *_some(rng, "-q", "--mixed")])
        case 2:
            return Mutation([*COMMANDS[name], "--store", STORE, *_some(rng, "--mixed")])
        case 3:  # not quiet: it lists all commands of a store
            return Mutation(["show", STORE, "--no-plot", *_some(rng, "--full", "--command=1")])
    return show(STORE, rng, i)


def _some(rng: Random, *options: str) -> tuple[str, ...]:
    return tuple(option for option in options if rng.random() < 0.5)


def _edit_rows(store: Path, rng: Random) -> None:
    """Edit rows and the schema of a store, which SQLite may refuse."""
    connection = sqlite3.connect(store, isolation_level=None)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        with contextlib.suppress(sqlite3.Error, zlib.error, TypeError, ValueError, RecursionError):
            match rng.randrange(10):
                case 0 | 1 | 2:
                    table = rng.choice(tuple(COLUMNS))
                    value = rng.choice(ODD_COLUMNS)
                    _update(connection, rng, table, rng.choice(COLUMNS[table]), value)
                case 3 | 4 | 5 | 6:
                    _edit_json(connection, rng)
                case 7 | 8:
                    _edit_body(connection, rng)
                case 9:
                    connection.execute(rng.choice(SCHEMA_EDITS))
    connection.close()


def _update(
    connection: sqlite3.Connection, rng: Random, table: str, column: str, value: object
) -> None:
    """Set a column of one row or of all rows."""
    rowids = [rowid for (rowid,) in connection.execute(f"SELECT rowid FROM {table}")]
    where = f"WHERE rowid = {rng.choice(rowids)}" if rowids and rng.random() < 0.5 else ""
    connection.execute(f"UPDATE {table} SET {column} = ? {where}", (value,))


def _edit_json(connection: sqlite3.Connection, rng: Random) -> None:
    """Edit JSON in a column; an edited spec mostly gets the identity that belongs to it."""
    table, column = rng.choice(JSON_COLUMNS)
    rowid, text = connection.execute(f"SELECT rowid, {column} FROM {table}").fetchone()
    text = edited_json(text, rng)
    connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (text, rowid))
    if column == "spec" and rng.random() < 0.8:
        (name,) = connection.execute("SELECT name FROM command").fetchone()
        kind = ExperimentSpec if name == "compare" else Study
        with contextlib.suppress(BlobTransferError, RecursionError):  # an impossible spec
            identity = identity_of(TypeAdapter(kind).validate_json(text))
            connection.execute("UPDATE command SET identity = ?", (identity,))
            if name == "compare":
                connection.execute("UPDATE experiment SET identity = ?", (identity,))


def _edit_body(connection: sqlite3.Connection, rng: Random) -> None:
    """Edit the numbers of a block, so that its checksum is right all the same."""
    rowid, body = connection.execute("SELECT rowid, body FROM block").fetchone()
    numbers = bytearray(zlib.decompress(body))
    for _ in range(rng.choice((1, 1, 5))):
        start = 8 * rng.randrange(len(numbers) // 8)
        odd = [struct.pack("<d", number) for number in (rng.random(), *ODD_FLOATS)]
        numbers[start : start + 8] = rng.choice((*odd, rng.randbytes(8), b"\xff" * 8, b""))
    body = zlib.compress(numbers)
    connection.execute(
        "UPDATE block SET body = ?, sha256 = ? WHERE rowid = ?",
        (body, hashlib.sha256(body).hexdigest(), rowid),
    )


def _add_beside(rng: Random) -> None:
    """Put something beside the store, or in its place, that SQLite or the lock may trust."""
    suffix = rng.choice(("", "-journal", "-journal", "-journal", "-wal", "-shm", ".lock", ".lock"))
    path = Path(STORE + suffix)
    path.unlink(missing_ok=True)
    victim = Path(VICTIM)
    head = JOURNAL_MAGIC + rng.randbytes(20).ljust(504, b"\0")
    name = str(victim.absolute()).encode()
    super_journal = (
        b"\0\0\0\1" + name + len(name).to_bytes(4) + sum(name).to_bytes(4) + JOURNAL_MAGIC
    )
    contents = (b"", b"process 1 on x", rng.randbytes(600), b"\0" * 512, head, super_journal,
                head + super_journal, JOURNAL_MAGIC)  # fmt: skip
    makers: tuple[Callable[[], object], ...] = (
        lambda: path.symlink_to(victim),
        lambda: path.symlink_to("dangling"),
        lambda: path.hardlink_to(victim),
        lambda: os.mkfifo(path),
        path.mkdir,
    )
    if rng.random() < 0.5:
        rng.choice(makers)()
    else:
        path.write_bytes(rng.choice(contents))
