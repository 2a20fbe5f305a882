"""Results kept block by block in one SQLite file, so that a command goes on where it stopped.

A block is some repeats of an experiment; which experiment it is of is told by what it trains
(`specs.identity`), not by how many repeats it has or how they are judged. A block is written in a
transaction of its own, and is on the disk before anybody is told that it is done.

    command       what was asked for: the spec of each command, with its repeats
    experiment    what is trained, its problems and its one source network's run
    maker         versions and machine that computed blocks
    block         first and last repeat, the maker, and the numbers, compressed, with their SHA-256

There is no pickle in it, and nothing that is read is larger than what its spec says.
"""

import hashlib
import json
import os
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from blobtransfer.errors import MachineError, SettingError, StoreError
from blobtransfer.formats import SQLITE, START_BYTES, looks_like
from blobtransfer.results.block import BlockResult
from blobtransfer.results.lock import only_writer
from blobtransfer.results.packing import packed, unpacked
from blobtransfer.results.provenance import Maker
from blobtransfer.results.results import TaskRecord
from blobtransfer.results.scores import Run
from blobtransfer.specs.checks import MAX_COUNT
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.identity import identity_of
from blobtransfer.specs.study import StudySpec, experiments_of

Spec = ExperimentSpec | StudySpec

APPLICATION_ID = 0x626C6274
"""`blbt`: says in the head of an SQLite file whose it is."""

FORMAT = 1
"""The version of the tables, kept in `user_version`."""

BUSY_S = 10.0
"""Seconds for which a reader waits while a block is written."""

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
"""A file with anything else in it, such as a view or a trigger, is none of ours."""

BLOCKS = """
SELECT {} FROM block JOIN maker ON maker.id = block.maker
    JOIN experiment ON experiment.id = block.experiment AND identity = ?
WHERE first >= ifnull((
    SELECT max(own.first) FROM block AS own
    WHERE own.experiment = experiment.id AND own.first <= ?
), ?) AND first < ? ORDER BY first
"""

OF_MAKER: dict[str, type] = {"versions": str, "machine": str, "rounding": str}
"""Columns that say who computed a block."""

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
"""SQLite's codes of a file that another process is writing."""

_MACHINE = (
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOLFS,
)  # fmt: skip
"""Codes that blame the machine, not the file."""


@dataclass(frozen=True)
class Head:
    """What is known of an experiment but for its repeats.

    Args:
        tasks: The problems, source first.
        source_run: The training of the one source network, where it was trained for it.
        distance: Between the two problems, in standard deviations; None if not known.
    """

    tasks: tuple[TaskRecord, ...]
    source_run: Run | None
    distance: float | None = None


@dataclass(frozen=True)
class KeptCommand:
    """A command whose results a store keeps.

    Args:
        name: Of the command.
        spec: What it runs, with the most repeats that were asked for.
        argv: Its last command line, without the program.
        is_part: It computed some of the repeats alone, and showed nothing.
    """

    name: str
    spec: Spec
    argv: tuple[str, ...]
    is_part: bool


@dataclass(frozen=True)
class Tally:
    """How many repeats are kept, of how many; `is_most`: there may be fewer in the end."""

    n_kept: int
    n_wanted: int
    is_most: bool

    def __str__(self) -> str:
        most = "at most " if self.is_most else ""
        return f"{self.n_kept:,} of {most}{self.n_wanted:,} repeats"


class Store:
    """The blocks in one file; made by `opened`.

    Attributes:
        path: As the user wrote it.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    @contextmanager
    def opened(cls, path: Path, writes: bool) -> Iterator["Store"]:
        """Open a store while the block runs.

        Args:
            path: Of the file; a writer makes it where there is none.
            writes: Blocks are added; else they are only read.

        Raises:
            StoreError: The file is damaged, or no store.
            MachineError: The file cannot be read or written, or another process writes it.
        """
        place = Path(os.path.realpath(path))
        if not writes:
            with _connected(path, place, "rw") as connection:
                yield cls._checked(path, connection)
            return
        with only_writer(place, path), _connected(path, place, "rwc") as connection:
            yield cls._checked(path, connection, makes=True)

    @classmethod
    def _checked(cls, path: Path, connection: sqlite3.Connection, makes: bool = False) -> "Store":
        """Give the store of a connection, once the file has proved to be one."""
        store = cls(path, connection)
        with _told(path):
            connection.execute("PRAGMA synchronous = EXTRA")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA trusted_schema = OFF")
            (owner,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            n_tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if not (owner or version or n_tables):
                if not makes:
                    raise StoreError(path, "there is nothing in it; give compare --store this file")
                with store._transaction():
                    for statement in TABLES:
                        connection.execute(statement)
                    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    connection.execute(f"PRAGMA user_version = {FORMAT}")
                return store
            if owner != APPLICATION_ID:
                raise StoreError(
                    path, "this SQLite file is not one of blobtransfer's; use another name"
                )
            if version != FORMAT:
                raise StoreError(
                    path,
                    f"it is of format {version}, and this blobtransfer reads {FORMAT}; use the "
                    "blobtransfer that wrote it",
                )
            (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            made = connection.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL").fetchall()
            if found != "ok" or {sql for (sql,) in made} != set(TABLES):
                raise _damaged(path)
        return store

    def remember(
        self, name: str, spec: Spec, argv: Sequence[str], is_part: bool = False
    ) -> KeptCommand | None:
        """Note that a command was given.

        Args:
            name: Of the command.
            spec: What it runs.
            argv: Its command line, without the program.
            is_part: It was one of several that compute parts of the most repeats of all.

        Returns:
            What was noted of it before; None where it is new.
        """
        before = None
        identity = identity_of(spec)
        with self._transaction() as connection:
            for one in self._commands("WHERE identity = ?", identity):
                before = one
                if is_part:
                    spec = with_repeats(spec, max(spec.n_repeats, one.spec.n_repeats))
            connection.execute(
                "INSERT OR REPLACE INTO command (identity, name, spec, argv, is_part) "
                "VALUES (?, ?, ?, ?, ?)",
                (identity, name, _text(asdict(spec)), _text([*argv]), int(is_part)),
            )
        return before

    def commands(self) -> list[KeptCommand]:
        """Give the commands, the last that was given last."""
        return self._commands("ORDER BY id")

    def _commands(self, where: str, *values: object) -> list[KeptCommand]:
        query = f"SELECT name, spec, argv, is_part FROM command {where}"
        rows = self._rows(query, values, [str, str, str, int])
        return [
            KeptCommand(
                name,
                _spec_of(self.path, name, spec),
                tuple(_words(self.path, argv)),
                bool(is_part),
            )
            for name, spec, argv, is_part in rows
        ]

    def kept(self, spec: ExperimentSpec) -> "Kept":
        """Give what is kept of an experiment, which may be nothing."""
        return Kept(self, spec)

    def tally(self, spec: Spec) -> "Tally":
        """Count the repeats that are kept of an experiment, or of all cells of a study."""
        specs = experiments_of(spec)
        return Tally(
            sum(self.kept(one).count(range(one.n_repeats)) for one in specs),
            sum(one.n_repeats for one in specs),
            specs[0].until_decided,
        )

    def absorb(self, part: "Store", mixed: bool) -> int:
        """Take in what another store keeps, all or nothing.

        Args:
            part: The other store.
            mixed: Take repeats of other versions, or of machines that round differently, too.

        Returns:
            How many repeats are new.

        Raises:
            StoreError: Both have a repeat and disagree about it, or they do not go together.
        """
        n_new = 0
        commands = part.commands()
        with self._transaction():
            for command in commands:
                for spec in experiments_of(command.spec):
                    n_new += self.kept(spec).absorb(part.kept(spec), mixed)
                self.remember(command.name, command.spec, command.argv, is_part=True)
        return n_new

    def _rows(
        self, query: str, values: Sequence[object], kinds: Sequence[type]
    ) -> list[tuple[Any, ...]]:
        """Ask the file, which may have been edited: what comes back is of the right kinds."""
        with _told(self.path):
            rows: list[tuple[Any, ...]] = self._connection.execute(query, values).fetchall()
        if not all(
            isinstance(value, kind) for row in rows for value, kind in zip(row, kinds, strict=True)
        ):
            raise _damaged(self.path)
        return rows

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Do some things together or not at all; within another transaction, as a part of it."""
        with _told(self.path):
            if self._connection.in_transaction:
                yield self._connection
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")


class Kept:
    """What a store keeps of one experiment.

    Args:
        store: The store.
        spec: The experiment.
    """

    def __init__(self, store: Store, spec: ExperimentSpec) -> None:
        self._store, self._spec = store, spec
        self._identity = identity_of(spec)

    @property
    def head(self) -> Head | None:
        """What is known of it but for the repeats; None where nothing is kept."""
        from pydantic import TypeAdapter, ValidationError

        query = "SELECT head FROM experiment WHERE identity = ?"
        rows = self._store._rows(query, (self._identity,), [str])
        if not rows:
            return None
        try:
            return TypeAdapter(Head).validate_json(rows[0][0], strict=True)
        except ValidationError as error:
            raise _damaged(self._store.path) from error

    def count(self, repeats: range) -> int:
        """Count those of some repeats that are kept."""
        return sum(
            max(0, min(last + 1, repeats.stop) - max(first, repeats.start))
            for first, last in self._blocks(repeats)
        )

    def seconds(self, repeats: range) -> float:
        """Give the seconds that some repeats took, without what there was to do besides."""
        rows = self._blocks(repeats, {"seconds": float})
        return float(sum(row[-1] for row in rows))

    def started(self, repeats: range) -> str | None:
        """Say when the first of some repeats was begun, UTC, ISO 8601; None where none is kept."""
        rows = self._blocks(repeats, {"started": str})
        return min((row[-1] for row in rows), default=None)

    def blocks(self, repeats: range) -> list[BlockResult]:
        """Read what is kept of some repeats, first to last.

        Raises:
            StoreError: The file is damaged.
        """
        found = []
        last_seen = -1
        columns = {"sha256": str, "body": bytes}
        for first, last, sha256, body in self._blocks(repeats, columns):
            if not last_seen < first <= last < MAX_COUNT:
                raise _damaged(self._store.path)
            last_seen = last
            if hashlib.sha256(body).hexdigest() != sha256:
                raise _damaged(self._store.path)
            try:
                block = unpacked(body, self._spec, range(first, last + 1))
            except (ValueError, zlib.error) as error:
                raise _damaged(self._store.path) from error
            own = block.scores.repeats
            is_wanted = (own >= repeats.start) & (own < repeats.stop)
            found.append(block if is_wanted.all() else block.at(is_wanted))
        return found

    def makers(self, repeats: range = range(MAX_COUNT)) -> list[tuple[Maker, int]]:
        """Give who computed some repeats, and how many each; the maker of the first one first."""
        found: dict[tuple[str, str, str], int] = {}
        for first, last, *who in self._blocks(repeats, OF_MAKER):
            key = (who[0], who[1], who[2])
            n = min(last + 1, repeats.stop) - max(first, repeats.start)
            found[key] = found.get(key, 0) + n
        try:
            return [
                (Maker(_object(versions), _object(machine), rounding), n)
                for (versions, machine, rounding), n in found.items()
            ]
        except ValueError as error:
            raise _damaged(self._store.path) from error

    def add(
        self, head: Head, block: BlockResult, maker: Maker, started: str, seconds: float
    ) -> None:
        """Keep a block of repeats that follow on one another, of which none is kept yet.

        Args:
            head: What is known of the experiment besides.
            block: What came out.
            maker: Who computed it.
            started: When, UTC, ISO 8601.
            seconds: How long it took.

        Raises:
            MachineError: It cannot be written; what was kept before is safe.
        """
        who = (_text(maker.versions), _text(maker.machine), maker.rounding, started, seconds)
        self._insert(head, block, who)

    def absorb(self, part: "Kept", mixed: bool) -> int:
        """Take in the repeats of the same experiment in another store; see `Store.absorb`."""
        head = part.head
        if head is None:
            return 0
        makers = [maker for maker, _ in (*self.makers(), *part.makers())]
        for maker in makers:
            if not mixed and (unlike := maker.unlike(makers[0], self._spec.engine)):
                raise other_makers(part._store.path, unlike)
        n_new = 0
        columns = OF_MAKER | {"started": str, "seconds": float}
        for first, last, *who in part._blocks(range(MAX_COUNT), columns):
            (theirs,) = part.blocks(range(first, last + 1))
            is_new = np.ones(theirs.scores.n_repeats, bool)
            for own in self.blocks(range(first, last + 1)):
                places = np.isin(theirs.scores.repeats, own.scores.repeats)
                is_new &= ~places
                if packed(own) != packed(theirs.at(places)):
                    raise StoreError(
                        part._store.path,
                        f"its repeat {own.scores.repeats[0]} and others are not those of "
                        f"{self._store.path}, though the settings are the same; leave it out",
                    )
            *own_maker, started, seconds = who
            for run in _runs(theirs.scores.repeats[is_new]):
                new = theirs.at(np.isin(theirs.scores.repeats, run))
                share = len(run) / theirs.scores.n_repeats
                self._insert(head, new, (*own_maker, started, share * seconds))
                n_new += len(run)
        return n_new

    def _insert(self, head: Head, block: BlockResult, who: tuple[Any, ...]) -> None:
        versions, machine, rounding, started, seconds = who
        body = packed(block)
        repeats = block.scores.repeats
        with self._store._transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO experiment (identity, head) VALUES (?, ?)",
                (self._identity, _text(asdict(head))),
            )
            connection.execute(
                "INSERT OR IGNORE INTO maker (versions, machine) VALUES (?, ?)", (versions, machine)
            )
            connection.execute(
                "INSERT INTO block SELECT experiment.id, ?, ?, maker.id, ?, ?, ?, ?, ? FROM "
                "experiment, maker WHERE identity = ? AND versions = ? AND machine = ?",
                (
                    int(repeats[0]), int(repeats[-1]), rounding, started, seconds,
                    hashlib.sha256(body).hexdigest(), body, self._identity, versions, machine,
                ),
            )  # fmt: skip

    def _blocks(
        self, repeats: range, more: Mapping[str, type] = MappingProxyType({})
    ) -> list[tuple[Any, ...]]:
        """Give the ends of the blocks that have some repeats, and more columns, first to last."""
        columns = {"first": int, "last": int, **more}
        values = (self._identity, repeats.start, repeats.start, repeats.stop)
        query = BLOCKS.format(", ".join(columns))
        rows = self._store._rows(query, values, list(columns.values()))
        # the first row may be of a block that ends before
        return [row for row in rows if row[1] >= repeats.start]


def with_repeats(spec: Spec, n_repeats: int) -> Spec:
    """Give a spec another number of repeats; of a study, in every cell."""
    if isinstance(spec, StudySpec):
        cells = [replace(one, spec=_repeated(one.spec, n_repeats)) for one in spec.cells]
        return replace(spec, cells=tuple(cells))
    return _repeated(spec, n_repeats)


def _repeated(spec: ExperimentSpec, n_repeats: int) -> ExperimentSpec:
    if spec.nested is None:
        return replace(spec, n_repeats=n_repeats)
    of_each = spec.nested[1]
    return replace(spec, n_repeats=n_repeats, nested=(n_repeats // of_each, of_each))


@contextmanager
def _connected(path: Path, place: Path, mode: str) -> Iterator[sqlite3.Connection]:
    """Lend a connection to a file, which must look like one of SQLite's unless it is empty."""
    try:
        with open(place, "rb") as file:
            start = file.read(START_BYTES)
    except FileNotFoundError:
        start = b""
        if "c" not in mode:
            raise StoreError(path, "there is no such file; check the name") from None
    except OSError as error:
        raise StoreError(path, f"{error.strerror}; name a file that can be read") from error
    if start and not start.startswith(SQLITE):
        kind = looks_like(start)
        found = f"this looks like {kind}, and" if kind else "this"
        raise StoreError(path, f"{found} is no store; use another name")
    with _told(path):
        connection = sqlite3.connect(
            f"file:{quote(os.fsencode(place))}?mode={mode}",
            uri=True,
            timeout=BUSY_S,
            isolation_level=None,
        )
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Make one of our errors of one of SQLite's."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in _BUSY:
            problem = "in use by another process; try again, or name another store"
            raise MachineError(f"{path}: {problem}") from error
        if code in _MACHINE:
            raise MachineError(
                f"{path}: cannot be written ({error}); free some room, or name another store"
            ) from error
        raise _damaged(path) from error


def other_makers(path: Path, unlike: str) -> StoreError:
    """Make the error that what a store keeps was not computed as what is to go with it."""
    problem = f"what it keeps was computed otherwise ({unlike}); use another store, or add --mixed"
    return StoreError(path, problem)


def _damaged(path: Path) -> StoreError:
    return StoreError(path, "this store is damaged; use a copy, or begin another")


def _spec_of(path: Path, name: str, text: str) -> Spec:
    """Read a spec that was written as JSON."""
    from pydantic import TypeAdapter, ValidationError

    kind: Any = ExperimentSpec if name == "compare" else StudySpec
    try:
        spec: Spec = TypeAdapter(kind).validate_json(text, strict=True)
    except (ValidationError, SettingError) as error:
        raise _damaged(path) from error
    return spec


def _words(path: Path, text: str) -> list[str]:
    """Read a command line that was written as JSON."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise _damaged(path) from error
    if not isinstance(found, list):
        raise _damaged(path)
    return [str(word) for word in found]


def _text(record: Any) -> str:
    """Write JSON; a name that is no UTF-8 is escaped, as readers of JSON insist on it."""
    return json.dumps(_in_utf8(record))


def _in_utf8(record: Any) -> Any:
    if isinstance(record, dict):
        return {key: _in_utf8(value) for key, value in record.items()}
    if isinstance(record, list | tuple):
        return [_in_utf8(value) for value in record]
    if isinstance(record, str):
        return record.encode("utf-8", "backslashreplace").decode()
    return record


def _object(text: str) -> dict[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("no object")
    return {str(key): value for key, value in found.items()}


def _runs(repeats: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Cut ascending repeats where one is missing."""
    if not len(repeats):
        return []
    return np.split(repeats, np.flatnonzero(np.diff(repeats) > 1) + 1)
