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
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from blobtransfer.errors import SettingError, StoreError
from blobtransfer.results.files.checks import (
    check_provenance,
    check_source_run,
    check_study,
    check_tasks,
    check_texts,
)
from blobtransfer.results.files.schema import MAX_DISTANCE, encodable
from blobtransfer.results.provenance import MAX_SECONDS, Environment
from blobtransfer.results.results import BlockResult, TaskRecord
from blobtransfer.results.scores import Run
from blobtransfer.results.store.connection import (
    FORMAT,
    Connection,
    connected,
    damaged,
    too_large,
)
from blobtransfer.results.store.packing import packed, unpacked
from blobtransfer.specs.checks import MAX_COUNT, printable
from blobtransfer.specs.experiment import MAX_RUNS, ExperimentSpec
from blobtransfer.specs.identity import identity_1_of, identity_of
from blobtransfer.specs.study import Study

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

ENVIRONMENT_COLUMNS: dict[str, type] = {"versions": str, "machine": str, "rounding": str}
"""Columns of who computed a block."""


@dataclass(frozen=True)
class ExperimentHeader:
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

    def renamed(self, spec: ExperimentSpec) -> "ExperimentHeader":
        """Return the header with the data named as in a spec, whose files may have other names."""
        data = {"source": spec.source, "target": spec.target}
        tasks = [
            record if (named := data[record.role]) is None else replace(record, name=named.name)
            for record in self.tasks
        ]
        return replace(self, tasks=tuple(tasks))


@dataclass(frozen=True)
class StoredCommand:
    """A command whose repeats a store has.

    Args:
        study: What it runs, with the largest number of repeats that was asked for.
        argv: Its last command line, without the program.
        is_part: Whether it only computed some of the repeats, and showed nothing.
    """

    study: Study
    argv: tuple[str, ...]
    is_part: bool


@dataclass(frozen=True)
class RepeatCount:
    """Number of repeats that are stored.

    Args:
        n_stored: Repeats of all cells that are stored.
        n_planned: Repeats of all cells.
        is_at_most: Whether cells may stop before all planned repeats.
    """

    n_stored: int
    n_planned: int
    is_at_most: bool

    def __str__(self) -> str:
        at_most = "at most " if self.is_at_most else ""
        return f"{self.n_stored:,} of {at_most}{self.n_planned:,} repeats"


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

    def identity_of(self, spec: ExperimentSpec | Study) -> str:
        """Return the identity of a spec in the format of this store."""
        return identity_1_of(spec) if self.connection.format == 1 else identity_of(spec)

    def _convert(self) -> None:
        """Convert a store of format 1, whose identities were of all fields."""
        with self.connection.transaction():
            for command in self.commands():
                self._convert_identity("command", command.study)
                for spec in command.study.specs:
                    self._convert_identity("experiment", spec)
            self.connection.rows(f"PRAGMA user_version = {FORMAT}")
        self.connection.format = FORMAT

    def _convert_identity(self, table: str, spec: ExperimentSpec | Study) -> None:
        self.connection.rows(
            f"UPDATE {table} SET identity = ? WHERE identity = ?",
            (identity_of(spec), identity_1_of(spec)),
        )

    def record_command(
        self, study: Study, argv: Sequence[str], is_part: bool = False
    ) -> StoredCommand | None:
        """Record that a command was given.

        Args:
            study: What it runs.
            argv: Its command line, without the program.
            is_part: Whether it is one of several that compute parts of the repeats.

        Returns:
            What was recorded of it before; None if it is new.
        """
        before = None
        identity = self.identity_of(study)
        with self.connection.transaction():
            for command in self._commands("WHERE identity = ?", identity):
                before = command
                if is_part:
                    n_repeats = max(study.n_repeats, command.study.n_repeats)
                    study = study.with_specs(partial(_with_repeats, n_repeats=n_repeats))
            spec = study.cells[0].spec if study.kind == "compare" else study
            self.connection.rows(
                "INSERT OR REPLACE INTO command (identity, name, spec, argv, is_part) "
                "VALUES (?, ?, ?, ?, ?)",
                (identity, study.kind, _text(asdict(spec)), _text([*argv]), int(is_part)),
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

    def commands(self, first: int = 0, n_commands: int = MAX_COMMANDS) -> list[StoredCommand]:
        """Read commands, in the order in which they were given.

        Args:
            first: The number of the first, counted from 0.
            n_commands: How many, at most.

        Raises:
            StoreError: The file is damaged, or has more commands than a store may have.
        """
        self.n_commands()
        return self._commands("ORDER BY id LIMIT ? OFFSET ?", n_commands, first)

    def _commands(self, where: str, *values: object) -> list[StoredCommand]:
        query = f"SELECT name, spec, argv, is_part FROM command {where}"
        return [
            StoredCommand(
                _study_of(self.path, name, spec),
                tuple(map(printable, _read(self.path, tuple[str, ...], argv))),
                bool(is_part),
            )
            for name, spec, argv, is_part in self.connection.rows(
                query, values, [str, str, str, int]
            )
        ]

    def stored(self, spec: ExperimentSpec) -> "StoredRepeats":
        """Return the stored repeats of an experiment; there may be none."""
        return StoredRepeats(self, spec)

    def count_repeats(self, study: Study) -> RepeatCount:
        """Count the stored repeats of all cells of a study."""
        return RepeatCount(
            sum(self.stored(spec).count(range(spec.n_repeats)) for spec in study.specs),
            sum(spec.n_repeats for spec in study.specs),
            study.until_decided,
        )

    def merge_from(
        self, other: "Store", mixed: bool, poll: Callable[[], None] = lambda: None
    ) -> int:
        """Add the commands and repeats of another store: all of them or, after an error, none.

        Args:
            other: The other store.
            mixed: Also add repeats of other versions, or of machines that round differently.
            poll: Called for each block; may raise to stop.

        Returns:
            How many repeats are new.

        Raises:
            StoreError: Both have a repeat and disagree about it, or they do not go together.
        """
        n_new = 0
        commands = {identity_of(command.study): command for command in other.commands()}
        specs = {
            identity_of(spec): spec for command in commands.values() for spec in command.study.specs
        }
        with self.connection.transaction():
            for spec in specs.values():
                n_new += self.stored(spec).merge_from(other.stored(spec), mixed, poll)
            for command in commands.values():
                self.record_command(command.study, command.argv, is_other=True)
        return n_new


class StoredRepeats:
    """What a store keeps of one experiment.

    Args:
        store: The store.
        spec: The experiment.
    """

    def __init__(self, store: Store, spec: ExperimentSpec) -> None:
        self._store, self._spec = store, spec
        self._identity = store.identity_of(spec)

    @property
    def header(self) -> ExperimentHeader | None:
        """What is known of the experiment besides its repeats; None if nothing is stored."""
        query = "SELECT head FROM experiment WHERE identity = ?"
        rows = self._store.connection.rows(query, (self._identity,), [str])
        if not rows:
            return None
        header: ExperimentHeader = _read(self._store.path, ExperimentHeader, rows[0][0])
        with _checked(self._store.path):
            check_tasks(self._spec, header.tasks)
            check_source_run(self._spec, header.source_run)
        return header

    def count(self, repeats: range) -> int:
        """Count those of some repeats that are kept."""
        return sum(
            max(0, min(last + 1, repeats.stop) - max(first, repeats.start))
            for first, last in self._blocks(repeats)
        )

    def seconds(self, repeats: range) -> float:
        """Return the seconds that some repeats took, without the work shared by all.

        Raises:
            StoreError: The file is damaged.
        """
        seconds = float(sum(row[-1] for row in self._blocks(repeats, {"seconds": float})))
        if seconds > MAX_SECONDS:
            raise damaged(self._store.path)
        return seconds

    def started(self, repeats: range) -> str | None:
        """Return when the first of some repeats began, UTC, ISO 8601; None if none is stored."""
        rows = self._blocks(repeats, {"started": str})
        return min((row[-1] for row in rows), default=None)

    def blocks(self, repeats: range) -> list[BlockResult]:
        """Read what is kept of some repeats, first to last.

        Raises:
            StoreError: The file is damaged.
        """
        blocks = []
        for block, _, _ in self._read_blocks(repeats):
            repeat_numbers = block.scores.repeats
            is_asked = (repeat_numbers >= repeats.start) & (repeat_numbers < repeats.stop)
            blocks.append(block if is_asked.all() else block.at(is_asked))
        return blocks

    def environments(self, repeats: range = range(MAX_COUNT)) -> list[tuple[Environment, int]]:
        """Return each environment with the number of its repeats, that of the first one first."""
        counts: dict[tuple[str, str, str], int] = {}
        for first, last, *columns in self._blocks(repeats, ENVIRONMENT_COLUMNS):
            key = (columns[0], columns[1], columns[2])
            n = min(last + 1, repeats.stop) - max(first, repeats.start)
            counts[key] = counts.get(key, 0) + n
        return [(self._environment(*key), n) for key, n in counts.items()]

    def _environment(self, versions: str, machine: str, rounding: str) -> Environment:
        """Read who computed a block.

        Raises:
            StoreError: The file is damaged.
        """
        path = self._store.path
        environment = Environment(
            _read(path, dict[str, str], versions),
            _read(path, dict[str, str | int | None], machine),
            rounding,
        )
        with _checked(path):
            check_provenance(environment.versions, environment.machine, "")
        return environment

    def add(
        self,
        header: ExperimentHeader,
        block: BlockResult,
        environment: Environment,
        started: str,
        seconds: float,
    ) -> None:
        """Keep a block of repeats that follow on one another, of which none is kept yet.

        Args:
            header: What is known of the experiment besides.
            block: What came out.
            environment: Where it was computed.
            started: When, UTC, ISO 8601.
            seconds: How long it took.

        Raises:
            MachineError: It cannot be written; what was kept before is safe.
        """
        origin = (
            _text(environment.versions),
            _text(environment.machine),
            environment.rounding,
            started,
            seconds,
        )
        repeats = block.scores.repeats
        self._insert(
            _text(asdict(header)), int(repeats[0]), int(repeats[-1]), packed(block), origin
        )

    def merge_from(self, other: "StoredRepeats", mixed: bool, poll: Callable[[], None]) -> int:
        """Take in the repeats of the same experiment in another store; see `Store.merge_from`."""
        header = other.header
        if header is None:
            return 0
        counted = (*self.environments(), *other.environments())
        for environment, _ in counted:
            difference = environment.difference_from(counted[0][0], self._spec.engine)
            if difference and not mixed:
                raise other_environment_error(other._store.path, difference)
        n_new, head_text = 0, _text(asdict(header))
        stored_ends = self._blocks(range(MAX_COUNT))
        columns = ENVIRONMENT_COLUMNS | {"started": str, "seconds": float}
        for block, body, origin in other._read_blocks(range(MAX_COUNT), columns):
            poll()
            repeats = block.scores.repeats
            first, last = int(repeats[0]), int(repeats[-1])
            i = bisect_left(stored_ends, first, key=lambda ends: ends[1])
            if i == len(stored_ends) or stored_ends[i][0] > last:  # no repeat is stored yet
                self._insert(head_text, first, last, body, origin)
                n_new += len(repeats)
                continue
            is_new = np.ones(len(repeats), bool)
            for block_here in self.blocks(range(first, last + 1)):
                is_common = np.isin(repeats, block_here.scores.repeats)
                is_new &= ~is_common
                if packed(block_here) != packed(block.at(is_common)):
                    raise StoreError(
                        other._store.path,
                        f"its repeat {block_here.scores.repeats[0]} and others are not those of "
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
            head: The `ExperimentHeader` of the experiment as JSON.
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


def _with_repeats(spec: ExperimentSpec, n_repeats: int) -> ExperimentSpec:
    """Return a spec with another number of repeats; nested ones with more or fewer sources."""
    if spec.nested is None:
        return replace(spec, n_repeats=n_repeats)
    per_source = spec.nested[1]
    return replace(spec, n_repeats=n_repeats, nested=(n_repeats // per_source, per_source))


def n_mixed_of(environments: Sequence[tuple[Environment, int]], engine: str) -> int:
    """Count the repeats that may be rounded differently from the first.

    Args:
        environments: Each environment with the number of its repeats, that of the first one first.
        engine: What trains.
    """
    return sum(n for other, n in environments if other.difference_from(environments[0][0], engine))


def other_environment_error(path: Path, unlike: str) -> StoreError:
    """Make the error that what a store keeps was not computed as what is to go with it."""
    problem = f"what it keeps was computed otherwise ({unlike}); use another store, or add --mixed"
    return StoreError(path, problem)


def _study_of(path: Path, name: str, text: str) -> Study:
    """Read what a command runs.

    Raises:
        StoreError: No command could have run it.
    """
    with _checked(path):
        if name == "compare":
            study = Study.of_one(_read(path, ExperimentSpec, text))
        else:
            study = _read(path, Study, text)
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
