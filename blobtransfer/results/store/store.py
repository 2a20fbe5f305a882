"""Results kept block by block in one SQLite file, so that a command goes on where it stopped.

A block is some repeats of an experiment; which experiment it is of is told by what it trains
(`specs.identity`), not by how many repeats it has or how they are judged. A block is written in a
transaction of its own, and is on the disk before anybody is told that it is done.

    command       what was asked for: the spec of each command, with its repeats
    experiment    what is trained, its problems and its one source network's run
    maker         versions and machine that computed blocks
    block         first and last repeat, the maker, and the numbers, compressed, with their SHA-256

It contains no pickle. No block is larger than its spec says, and values pass the checks of a JSON
result (`results.checks`).
"""

import hashlib
import json
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from blobtransfer.errors import SettingError, StoreError
from blobtransfer.results.block import BlockResult
from blobtransfer.results.files.checks import (
    check_provenance,
    check_source_run,
    check_spec,
    check_study,
    check_tasks,
    check_texts,
)
from blobtransfer.results.files.schema import MAX_DISTANCE, MAX_SECONDS, encodable
from blobtransfer.results.provenance import Maker
from blobtransfer.results.results import TaskRecord
from blobtransfer.results.scores import Run
from blobtransfer.results.store.connection import FORMAT, Connection, connected, damaged, too_large
from blobtransfer.results.store.packing import packed, unpacked
from blobtransfer.specs.checks import MAX_COUNT, printable
from blobtransfer.specs.experiment import MAX_RUNS, ExperimentSpec
from blobtransfer.specs.identity import identity_1_of, identity_of
from blobtransfer.specs.study import StudySpec, experiments_of

Spec = ExperimentSpec | StudySpec

BLOCKS = """
SELECT {} FROM block JOIN maker ON maker.id = block.maker
    JOIN experiment ON experiment.id = block.experiment AND identity = ?
WHERE first >= ifnull((
    SELECT max(own.first) FROM block AS own
    WHERE own.experiment = experiment.id AND own.first <= ?
), ?) AND first < ? ORDER BY first
"""

MAX_COMMANDS = 10_000
"""Most commands that a store may have."""

BLOCKS_AT_ONCE = 1000
"""Blocks of another store that are in memory at a time."""

OF_MAKER: dict[str, type] = {"versions": str, "machine": str, "rounding": str}
"""Columns of who computed a block."""


@dataclass(frozen=True)
class Head:
    """What is known of an experiment but for its repeats.

    Args:
        tasks: The problems, source first.
        source_run: The training of the one source network, where it was trained for it.
        distance: Between the two problems, in standard deviations; None if not known.
    """

    __pydantic_config__: ClassVar[dict[str, bool]] = {"allow_inf_nan": False}

    tasks: tuple[TaskRecord, ...]
    source_run: Run | None
    distance: Annotated[float, Interval(ge=0.0, le=MAX_DISTANCE)] | None = None

    def renamed(self, spec: ExperimentSpec) -> "Head":
        """Return the head with the data named as in a spec, whose files may have other names."""
        data = {"source": spec.source, "target": spec.target}
        tasks = [
            record if (named := data[record.role]) is None else replace(record, name=named.name)
            for record in self.tasks
        ]
        return replace(self, tasks=tuple(tasks))


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
        connection: To that file.
    """

    def __init__(self, connection: Connection) -> None:
        self.path = connection.path
        self.connection = connection

    @classmethod
    @contextmanager
    def opened(cls, path: Path, writes: bool) -> Iterator["Store"]:
        """Open a store while the block runs; see `connection.connected`."""
        with connected(path, writes) as connection:
            store = cls(connection)
            if writes and connection.format == 1:
                store._convert()
            yield store

    def identity_of(self, spec: Spec) -> str:
        """Return the identity of a spec in the format of this store."""
        return identity_1_of(spec) if self.connection.format == 1 else identity_of(spec)

    def _convert(self) -> None:
        """Convert a store of format 1, whose identities were of all fields."""
        with self.connection.transaction():
            for command in self.commands():
                for table, specs in (
                    ("command", [command.spec]),
                    ("experiment", experiments_of(command.spec)),
                ):
                    for spec in specs:
                        self.connection.rows(
                            f"UPDATE {table} SET identity = ? WHERE identity = ?",
                            (identity_of(spec), identity_1_of(spec)),
                        )
            self.connection.rows(f"PRAGMA user_version = {FORMAT}")
        self.connection.format = FORMAT

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
        identity = self.identity_of(spec)
        with self.connection.transaction():
            for command in self._commands("WHERE identity = ?", identity):
                before = command
                if is_part:
                    spec = with_repeats(spec, max(spec.n_repeats, command.spec.n_repeats))
            self.connection.rows(
                "INSERT OR REPLACE INTO command (identity, name, spec, argv, is_part) "
                "VALUES (?, ?, ?, ?, ?)",
                (identity, name, _text(asdict(spec)), _text([*argv]), int(is_part)),
            )
        return before

    def n_commands(self) -> int:
        """Return the number of commands.

        Raises:
            StoreError: There are more than a store may have.
        """
        ((n_commands,),) = self.connection.rows("SELECT count(*) FROM command")
        if n_commands > MAX_COMMANDS:
            problem = f"it has {n_commands:,} commands, more than {MAX_COMMANDS:,}"
            raise StoreError(self.path, f"{problem}; use a copy, or begin another")
        return int(n_commands)

    def commands(self, first: int = 0, n_commands: int = MAX_COMMANDS) -> list[KeptCommand]:
        """Read commands, in the order in which they were given.

        Args:
            first: The number of the first, counted from 0.
            n_commands: How many, at most.

        Raises:
            StoreError: The file is damaged, or has more commands than a store may have.
        """
        self.n_commands()
        return self._commands("ORDER BY id LIMIT ? OFFSET ?", n_commands, first)

    def _commands(self, where: str, *values: object) -> list[KeptCommand]:
        query = f"SELECT name, spec, argv, is_part FROM command {where}"
        return [
            KeptCommand(
                name,
                _spec_of(self.path, name, spec),
                tuple(map(printable, _read(self.path, tuple[str, ...], argv))),
                bool(is_part),
            )
            for name, spec, argv, is_part in self.connection.rows(
                query, values, [str, str, str, int]
            )
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

    def absorb(self, part: "Store", mixed: bool, poll: Callable[[], None] = lambda: None) -> int:
        """Add the commands and repeats of another store: all of them or, after an error, none.

        Args:
            part: The other store.
            mixed: Also add repeats of other versions, or of machines that round differently.
            poll: Called for each block; may raise to stop.

        Returns:
            How many repeats are new.

        Raises:
            StoreError: Both have a repeat and disagree about it, or they do not go together.
        """
        n_new = 0
        commands = {identity_of(command.spec): command for command in part.commands()}
        specs = {
            identity_of(spec): spec
            for command in commands.values()
            for spec in experiments_of(command.spec)
        }
        with self.connection.transaction():
            for spec in specs.values():
                n_new += self.kept(spec).absorb(part.kept(spec), mixed, poll)
            for command in commands.values():
                self.remember(command.name, command.spec, command.argv, is_part=True)
        return n_new


class Kept:
    """What a store keeps of one experiment.

    Args:
        store: The store.
        spec: The experiment.
    """

    def __init__(self, store: Store, spec: ExperimentSpec) -> None:
        self._store, self._spec = store, spec
        self._identity = store.identity_of(spec)

    @property
    def head(self) -> Head | None:
        """What is known of it but for the repeats; None where nothing is kept."""
        query = "SELECT head FROM experiment WHERE identity = ?"
        rows = self._store.connection.rows(query, (self._identity,), [str])
        if not rows:
            return None
        head: Head = _read(self._store.path, Head, rows[0][0])
        with _checked(self._store.path):
            check_tasks(self._spec, head.tasks)
            check_source_run(self._spec, head.source_run)
        return head

    def count(self, repeats: range) -> int:
        """Count those of some repeats that are kept."""
        return sum(
            max(0, min(last + 1, repeats.stop) - max(first, repeats.start))
            for first, last in self._blocks(repeats)
        )

    def seconds(self, repeats: range) -> float:
        """Give the seconds that some repeats took, without what there was to do besides."""
        seconds = float(sum(row[-1] for row in self._blocks(repeats, {"seconds": float})))
        if seconds > MAX_SECONDS:
            raise damaged(self._store.path)
        return seconds

    def started(self, repeats: range) -> str | None:
        """Say when the first of some repeats was begun, UTC, ISO 8601; None where none is kept."""
        rows = self._blocks(repeats, {"started": str})
        return min((row[-1] for row in rows), default=None)

    def blocks(self, repeats: range) -> list[BlockResult]:
        """Read what is kept of some repeats, first to last.

        Raises:
            StoreError: The file is damaged.
        """
        blocks = []
        for block, _, _ in self._read_blocks(repeats):
            places = block.scores.repeats
            is_asked = (places >= repeats.start) & (places < repeats.stop)
            blocks.append(block if is_asked.all() else block.at(is_asked))
        return blocks

    def makers(self, repeats: range = range(MAX_COUNT)) -> list[tuple[Maker, int]]:
        """Give who computed some repeats, and how many each; the maker of the first one first."""
        counts: dict[tuple[str, str, str], int] = {}
        for first, last, *columns in self._blocks(repeats, OF_MAKER):
            key = (columns[0], columns[1], columns[2])
            n = min(last + 1, repeats.stop) - max(first, repeats.start)
            counts[key] = counts.get(key, 0) + n
        return [(self._maker(*key), n) for key, n in counts.items()]

    def _maker(self, versions: str, machine: str, rounding: str) -> Maker:
        """Read who computed a block.

        Raises:
            StoreError: The file is damaged.
        """
        path = self._store.path
        maker = Maker(
            _read(path, dict[str, str], versions),
            _read(path, dict[str, str | int | None], machine),
            rounding,
        )
        with _checked(path):
            check_provenance(maker.versions, maker.machine, "")
        return maker

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
        origin = (_text(maker.versions), _text(maker.machine), maker.rounding, started, seconds)
        repeats = block.scores.repeats
        self._insert(_text(asdict(head)), int(repeats[0]), int(repeats[-1]), packed(block), origin)

    def absorb(self, part: "Kept", mixed: bool, poll: Callable[[], None]) -> int:
        """Take in the repeats of the same experiment in another store; see `Store.absorb`."""
        head = part.head
        if head is None:
            return 0
        makers = [maker for maker, _ in (*self.makers(), *part.makers())]
        for maker in makers:
            if not mixed and (unlike := maker.unlike(makers[0], self._spec.engine)):
                raise other_makers(part._store.path, unlike)
        n_new, head_text = 0, _text(asdict(head))
        stored_ends = self._blocks(range(MAX_COUNT))
        columns = OF_MAKER | {"started": str, "seconds": float}
        for block, body, origin in part._read_blocks(range(MAX_COUNT), columns):
            poll()
            repeats = block.scores.repeats
            first, last = int(repeats[0]), int(repeats[-1])
            i = bisect_left(stored_ends, first, key=lambda ends: ends[1])
            if i == len(stored_ends) or stored_ends[i][0] > last:  # no repeat is stored yet
                self._insert(head_text, first, last, body, origin)
                n_new += len(repeats)
                continue
            is_new = np.ones(len(repeats), bool)
            for own in self.blocks(range(first, last + 1)):
                is_common = np.isin(repeats, own.scores.repeats)
                is_new &= ~is_common
                if packed(own) != packed(block.at(is_common)):
                    raise StoreError(
                        part._store.path,
                        f"its repeat {own.scores.repeats[0]} and others are not those of "
                        f"{self._store.path}, though the settings are the same; leave it out",
                    )
            *origin_texts, seconds = origin
            for run in _runs(repeats[is_new]):
                new_body = packed(block.at(np.isin(repeats, run)))
                share = len(run) / len(repeats)
                new_origin = (*origin_texts, share * seconds)
                self._insert(head_text, int(run[0]), int(run[-1]), new_body, new_origin)
                n_new += len(run)
        return n_new

    def _insert(self, head: str, first: int, last: int, body: bytes, origin: Sequence[Any]) -> None:
        """Write a block.

        Args:
            head: The `Head` of the experiment as JSON.
            first: The first repeat.
            last: The last repeat.
            body: The numbers, as `packed` writes them.
            origin: Versions, machine, rounding, start and seconds, as they are stored.
        """
        versions, machine, rounding, started, seconds = origin
        connection = self._store.connection
        with connection.transaction():
            connection.rows(
                "INSERT OR IGNORE INTO experiment (identity, head) VALUES (?, ?)",
                (self._identity, head),
            )
            connection.rows(
                "INSERT OR IGNORE INTO maker (versions, machine) VALUES (?, ?)", (versions, machine)
            )
            connection.rows(
                "INSERT INTO block SELECT experiment.id, ?, ?, maker.id, ?, ?, ?, ?, ? FROM "
                "experiment, maker WHERE identity = ? AND versions = ? AND machine = ?",
                (
                    first, last, rounding, started, seconds,
                    hashlib.sha256(body).hexdigest(), body, self._identity, versions, machine,
                ),
            )  # fmt: skip

    def _read_blocks(
        self, repeats: range, more: Mapping[str, type] = MappingProxyType({})
    ) -> Iterator[tuple[BlockResult, bytes, list[Any]]]:
        """Read the blocks that have some repeats, first to last.

        Yields:
            A whole block, its bytes, and the values of more columns.

        Raises:
            StoreError: The file is damaged.
        """
        columns = {"sha256": str, "body": bytes, **more}
        ends = self._blocks(repeats)
        for i in range(0, len(ends), BLOCKS_AT_ONCE):
            batch = ends[i : i + BLOCKS_AT_ONCE]
            window = range(batch[0][0], batch[-1][1] + 1)
            for first, last, sha256, body, *values in self._blocks(window, columns):
                if hashlib.sha256(body).hexdigest() != sha256:
                    raise damaged(self._store.path)
                try:
                    block = unpacked(body, self._spec, range(first, last + 1))
                except (ValueError, zlib.error) as error:
                    raise damaged(self._store.path) from error
                except MemoryError as error:
                    raise too_large(self._store.path) from error
                yield block, body, values

    def _blocks(
        self, repeats: range, more: Mapping[str, type] = MappingProxyType({})
    ) -> list[tuple[Any, ...]]:
        """Read the first and last repeat of the blocks that have some repeats, and more columns.

        Raises:
            StoreError: The file is damaged.
        """
        columns = {"first": int, "last": int, **more}
        parameters = (self._identity, repeats.start, repeats.start, repeats.stop)
        query = BLOCKS.format(", ".join(columns))
        rows = self._store.connection.rows(query, parameters, list(columns.values()))
        max_repeats = max(1, MAX_RUNS // len(self._spec.arms))
        last_before = -1
        for first, last, *_ in rows:
            if not (last_before < first <= last < MAX_COUNT and last - first < max_repeats):
                raise damaged(self._store.path)
            last_before = last
        with _checked(self._store.path):
            for name, values in zip(columns, zip(*rows, strict=True), strict=False):
                if name == "seconds" and not all(0.0 <= value <= MAX_SECONDS for value in values):
                    raise ValueError("seconds: not a duration that a command can have")
                if columns[name] is str:
                    check_texts(name, values)
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


def n_mixed_of(environments: Sequence[tuple[Maker, int]], engine: str) -> int:
    """Count the repeats that may be rounded differently from the first.

    Args:
        environments: Each environment with the number of its repeats, that of the first one first.
        engine: What trains.
    """
    return sum(n for maker, n in environments if maker.unlike(environments[0][0], engine))


def other_makers(path: Path, unlike: str) -> StoreError:
    """Make the error that what a store keeps was not computed as what is to go with it."""
    problem = f"what it keeps was computed otherwise ({unlike}); use another store, or add --mixed"
    return StoreError(path, problem)


def _spec_of(path: Path, name: str, text: str) -> Spec:
    """Read the spec of a command.

    Raises:
        StoreError: No command could have run it.
    """
    with _checked(path):
        if name == "compare":
            spec: ExperimentSpec = _read(path, ExperimentSpec, text)
            check_spec(spec)
            spec.check_comparison()
            return spec
        study: StudySpec = _read(path, StudySpec, text)
        check_study(study)
        if name != study.kind:
            raise damaged(path)
        return study


def _read(path: Path, kind: Any, text: str) -> Any:
    """Read JSON as a value of a type, strictly.

    Raises:
        StoreError: The JSON is damaged or of another type.
    """
    from pydantic import ValidationError

    try:
        return _adapter(kind).validate_json(text, strict=True)
    except (ValidationError, SettingError) as error:
        raise damaged(path) from error


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


@contextmanager
def _checked(path: Path) -> Iterator[None]:
    """Turn a failed check of `results.checks` into the error of a damaged store."""
    try:
        yield
    except (ValueError, SettingError) as error:
        raise damaged(path) from error


def _text(record: Any) -> str:
    return json.dumps(encodable(record))


def _runs(repeats: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Cut ascending repeats where one is missing."""
    if not len(repeats):
        return []
    return np.split(repeats, np.flatnonzero(np.diff(repeats) > 1) + 1)
