"""Open the SQLite file of a store; an untrusted file can do no harm.

SQLite trusts the files beside a database: it replays a journal, removes the file that the journal
names, and follows links. It also runs the views, triggers and constraints of a schema. So the files
are inspected before SQLite opens any of them, the schema is compared before anything in it can run,
and every statement has a time limit. Source: the SQLite docs, "Defense Against The Dark Arts".
"""

import os
import sqlite3
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from blobtransfer.atomic_write import NO_FOLLOW, explain_symbolic_link, open_nonblocking
from blobtransfer.errors import MachineError, StoreError
from blobtransfer.file_signatures import SQLITE, START_BYTES, identify_format
from blobtransfer.results.store.lock import lock_for_writing

APPLICATION_ID = 0x626C6274
"""`blbt`: application ID in the header of an SQLite file."""

FORMAT = 2
"""Version of a store, `user_version` of the file; identities of format 1 hash all fields."""

TABLES = (
    "CREATE TABLE command (id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE, "
    "name TEXT NOT NULL, spec TEXT NOT NULL, argv TEXT NOT NULL, is_part INTEGER NOT NULL)",
    "CREATE TABLE experiment (id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE, "
    "head TEXT NOT NULL)",
    "CREATE TABLE maker (id INTEGER PRIMARY KEY, versions TEXT NOT NULL, machine TEXT NOT NULL, "
    "UNIQUE (versions, machine))",
    "CREATE TABLE block (experiment INTEGER NOT NULL REFERENCES experiment, "
    "first INTEGER NOT NULL, last INTEGER NOT NULL, maker INTEGER NOT NULL REFERENCES maker, "
    "rounding TEXT NOT NULL, started TEXT NOT NULL, seconds REAL NOT NULL, sha256 TEXT NOT NULL, "
    "body BLOB NOT NULL, PRIMARY KEY (experiment, first))",
)
"""The whole schema: a file with other objects, such as a view or a trigger, is not a store."""

BUSY_S = 10.0
"""Seconds to wait while another process writes a block."""

BUSY_POLL_S = 0.1
"""Longest wait inside SQLite, in seconds; signals are handled only after it."""

STATEMENT_S = 10.0
BYTES_PER_S = 20e6
"""CPU time limit of a statement: `STATEMENT_S`, and a second for each `BYTES_PER_S` of the file."""

STEPS_PER_CHECK = 10_000
"""Instructions of SQLite's virtual machine between two checks of the time and of signals."""

JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
"""First bytes of a synced journal; last bytes of one that names a super-journal."""

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
"""SQLite's codes for a file that another process is writing."""

_MACHINE = (
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOLFS,
)  # fmt: skip
"""SQLite codes of errors of the machine, not of the file."""


class Connection:
    """A connection to the SQLite file of a store.

    Args:
        path: The file as the user wrote it.
        connection: The connection, in autocommit mode.
        n_bytes: Size of the file, which sets the time limit of a statement.

    Attributes:
        format: The version of the store, 1 to `FORMAT`.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, n_bytes: int) -> None:
        self.path = path
        self.format = FORMAT
        self._connection = connection
        self._limit_s = STATEMENT_S + n_bytes / BYTES_PER_S
        self._deadline = 0.0
        connection.set_progress_handler(self._is_late, STEPS_PER_CHECK)

    def rows(
        self, query: str, values: Sequence[object] = (), types: Sequence[type] = ()
    ) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows.

        Args:
            query: The statement.
            values: Its parameters.
            types: Types of the columns, which are checked: the file may have been edited.

        Raises:
            StoreError: The file is damaged, or a value has another type.
            MachineError: The file cannot be read or written, or another process writes it.
        """
        with _translated(self.path):
            rows: list[tuple[Any, ...]] = self._execute(query, values).fetchall()
        if types and not all(
            isinstance(value, kind) for row in rows for value, kind in zip(row, types, strict=True)
        ):
            raise damage_error(self.path)
        return rows

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Apply all statements of the block or none; a nested block joins the outer transaction."""
        with _translated(self.path):
            if self._connection.in_transaction:
                yield
                return
            self._execute("BEGIN IMMEDIATE")
            try:
                yield
                self._execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._execute("ROLLBACK")

    def _execute(self, query: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        """Run a statement up to its first row, and retry while another process writes."""
        busy_until = time.monotonic() + BUSY_S
        while True:
            self._deadline = time.thread_time() + self._limit_s
            try:
                return self._connection.execute(query, values)
            except sqlite3.OperationalError as error:
                if _code_of(error) not in _BUSY or time.monotonic() > busy_until:
                    raise

    def _is_late(self) -> bool:
        """Return whether a statement is past its time limit; running Python handles signals."""
        return time.thread_time() > self._deadline


@contextmanager
def open_connection(path: Path, writes: bool) -> Iterator[Connection]:
    """Check that a file is a store, and open it while the block runs.

    Args:
        path: The file; a writer creates it if it does not exist.
        writes: Whether to write, which takes the lock of the only writer.

    Yields:
        The open store.

    Raises:
        StoreError: The file, or one beside it, is damaged or is not part of a store.
        MachineError: The file cannot be read or written, or another process writes it.
    """
    real_path = Path(os.path.realpath(path))
    if not writes:
        with _opened(path, real_path, "rw") as connection:
            _check(connection, *_header(connection))
            yield connection
        return
    if path.is_symlink():  # only readers follow links
        raise StoreError(path, f"{explain_symbolic_link(path)}; use another name")
    with lock_for_writing(real_path, path), _opened(path, real_path, "rwc") as connection:
        header = _header(connection)
        if any(header):
            _check(connection, *header)
        else:
            _make_tables(connection)
        yield connection


def damage_error(path: Path) -> StoreError:
    """Return the error for a store with content that no command has written."""
    return StoreError(path, "this store is damaged; use a copy, or start a new store")


def size_error(path: Path) -> StoreError:
    """Return the error for a store that does not fit into memory."""
    return StoreError(path, "it needs more memory than is free; free some, or use a smaller store")


@contextmanager
def _opened(path: Path, real_path: Path, mode: str) -> Iterator[Connection]:
    """Open an SQLite file without reading from it, and close it after the block."""
    try:
        start, n_bytes = _start_of(path, real_path)
    except FileNotFoundError:
        start, n_bytes = b"", 0
        if "c" not in mode:
            raise StoreError(path, "no such file; check the path") from None
    except OSError as error:
        raise StoreError(path, f"{error.strerror}; name a file that can be read") from error
    if start and not start.startswith(SQLITE):
        kind = identify_format(start)
        content = f"this looks like {kind}, which" if kind else "this"
        raise StoreError(path, f"{content} is not a store; use another name")
    try:
        _check_beside(path, real_path, start)
    except OSError as error:
        problem = f"its journal cannot be read ({error.strerror}); see its permissions"
        raise StoreError(path, problem) from error
    with _translated(path):
        connection = sqlite3.connect(
            f"file:{quote(os.fsencode(real_path))}?mode={mode}",
            uri=True,
            timeout=BUSY_POLL_S,
            isolation_level=None,
        )
    try:
        opened = Connection(path, connection, n_bytes)
        for setting in ("trusted_schema = OFF", "cell_size_check = ON", "synchronous = EXTRA",
                        "foreign_keys = ON"):  # fmt: skip
            opened.rows(f"PRAGMA {setting}")
        yield opened
    finally:
        connection.close()


def _start_of(path: Path, real_path: Path) -> tuple[bytes, int]:
    """Read the first bytes of a store, and its size.

    Raises:
        StoreError: It is not a regular file.
    """
    mode = real_path.lstat().st_mode
    if stat.S_ISREG(mode):  # checked first: opening a device may have effects
        descriptor = open_nonblocking(real_path, os.O_RDONLY | NO_FOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(START_BYTES), os.fstat(descriptor).st_size
    kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
    raise StoreError(path, f"this is {kind}; name a store")


def _check_beside(path: Path, real_path: Path, start: bytes) -> None:
    """Inspect the files beside a store that SQLite would read, replay or remove.

    Args:
        path: The store as the user wrote it.
        real_path: Path of the file without symbolic links.
        start: First bytes of the file.

    Raises:
        StoreError: One of them was not written by this program.
    """
    names = [f"{real_path.name}{suffix}" for suffix in ("-wal", "-shm")]
    beside = [name for name in names if os.path.lexists(real_path.with_name(name))]
    if start[18:20] not in (b"", b"\1\1") or beside:
        reason = f"{beside[0]} lies beside it" if beside else "it is in WAL mode"
        raise StoreError(
            path,
            f"{reason}, and blobtransfer does not read WAL mode; if you trust this store, run "
            "PRAGMA journal_mode = DELETE on it in sqlite3",
        )
    journal = real_path.with_name(f"{real_path.name}-journal")
    problem = f"{journal.name} beside it is not a journal of blobtransfer; move it away"
    try:
        if not stat.S_ISREG(journal.lstat().st_mode):
            raise StoreError(path, problem)
        descriptor = open_nonblocking(journal, os.O_RDONLY | NO_FOLLOW)
    except FileNotFoundError:  # the common case, or its writer has just removed it
        return
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        head = file.read(len(JOURNAL_MAGIC))
        file.seek(max(0, status.st_size - len(JOURNAL_MAGIC)))
        tail = file.read()
    # A journal begins with zeros until it is synced. With a second name (a hard link) it may be a
    # file of the user. The magic number at the end announces the name of a super-journal, a file
    # that SQLite would remove; this program never uses one.
    is_journal = head == JOURNAL_MAGIC or not head.strip(b"\0")
    if status.st_nlink > 1 or not is_journal or (tail == JOURNAL_MAGIC and status.st_size > 8):
        raise StoreError(path, problem)


def _header(connection: Connection) -> tuple[int, int, frozenset[str]]:
    """Read the owner of an SQLite file, the version of its tables, and its schema."""
    ((owner,),) = connection.rows("PRAGMA application_id")
    ((version,),) = connection.rows("PRAGMA user_version")
    query = f"SELECT sql FROM sqlite_master WHERE sql NOT NULL LIMIT {len(TABLES) + 1}"
    return owner, version, frozenset(sql for (sql,) in connection.rows(query, types=[str]))


def _check(connection: Connection, owner: int, version: int, schema: frozenset[str]) -> None:
    """Raise `StoreError` unless a file has the header of a store and is undamaged."""
    path = connection.path
    if not (owner or version or schema):
        raise StoreError(path, "the store is empty; run a command with --store and this file first")
    if owner != APPLICATION_ID:
        raise StoreError(path, "this SQLite file was not written by blobtransfer; use another name")
    if not 1 <= version <= FORMAT:
        raise StoreError(
            path,
            f"it is of format {version}, and this blobtransfer reads 1 to {FORMAT}; use the "
            "blobtransfer that wrote it",
        )
    connection.format = version
    # The integrity check runs the CHECK constraints of the schema, so compare the schema first.
    if schema != set(TABLES) or connection.rows("PRAGMA integrity_check(1)") != [("ok",)]:
        raise damage_error(path)


def _make_tables(connection: Connection) -> None:
    with connection.transaction():
        for statement in TABLES:
            connection.rows(statement)
        connection.rows(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.rows(f"PRAGMA user_version = {FORMAT}")


def _code_of(error: sqlite3.Error) -> int:
    """Return the primary SQLite code of an error; SQLITE_ERROR if Python's module raised it."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Translate SQLite errors of the block into StoreError and MachineError."""
    try:
        yield
    except MemoryError as error:
        raise size_error(path) from error
    except UnicodeDecodeError as error:  # SQLite quotes the schema in a message, as bytes
        raise damage_error(path) from error
    except sqlite3.Error as error:
        code = _code_of(error)
        if code in _BUSY:
            problem = "in use by another process; try again, or name another store"
            raise MachineError(f"{path}: {problem}") from error
        if code in _MACHINE:
            raise MachineError(
                f"{path}: cannot be written ({error}); free some space, or name another store"
            ) from error
        if code == sqlite3.SQLITE_INTERRUPT:
            problem = "reading it takes too long, so it looks damaged; use a copy, or another store"
            raise StoreError(path, problem) from error
        raise damage_error(path) from error
