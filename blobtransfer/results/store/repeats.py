"""The stored repeats of one experiment: header, blocks and their environments."""

import hashlib
import json
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.errors import SettingError, StoreError
from blobtransfer.results.files.checks import (
    check_data_records,
    check_provenance,
    check_source_run,
    check_texts,
)
from blobtransfer.results.files.schema import encodable
from blobtransfer.results.provenance import MAX_SECONDS, Environment
from blobtransfer.results.results import BlockResult, ExperimentHeader
from blobtransfer.results.scores import Scores
from blobtransfer.results.store.connection import Connection, damage_error, size_error
from blobtransfer.results.store.packing import pack, unpack
from blobtransfer.specs.checks import MAX_COUNT
from blobtransfer.specs.experiment import MAX_RUNS, ExperimentSpec
from blobtransfer.specs.training import BALANCED_ACCURACY

BLOCKS = """
SELECT {} FROM block JOIN maker ON maker.id = block.maker
    JOIN experiment ON experiment.id = block.experiment AND identity = ?
WHERE first >= ifnull((
    SELECT max(own.first) FROM block AS own
    WHERE own.experiment = experiment.id AND own.first <= ?
), ?) AND first < ? ORDER BY first
"""

BLOCKS_AT_ONCE = 1000
"""Number of blocks of another store that are in memory at a time."""

ENVIRONMENT_COLUMNS: dict[str, type] = {"versions": str, "machine": str, "rounding": str}
"""Columns of the environment of a block."""


class StoredRepeats:
    """The stored repeats of one experiment.

    Args:
        connection: Connection to the file of the store.
        identity: Identity of the experiment in the format of that file.
        spec: The experiment.
    """

    def __init__(self, connection: Connection, identity: str, spec: ExperimentSpec) -> None:
        self._connection, self._identity, self._spec = connection, identity, spec
        self._path = connection.path

    @property
    def header(self) -> ExperimentHeader | None:
        """Header of the experiment; None if nothing is stored."""
        query = "SELECT head FROM experiment WHERE identity = ?"
        rows = self._connection.rows(query, (self._identity,), [str])
        if not rows:
            return None
        header: ExperimentHeader = read_record(self._path, ExperimentHeader, rows[0][0])
        with translate_check_errors(self._path):
            check_data_records(self._spec, header.tasks)
            check_source_run(self._spec, header.source_run)
        return header

    def count(self, repeats: range) -> int:
        """Count the stored repeats in a range."""
        return sum(
            max(0, min(last + 1, repeats.stop) - max(first, repeats.start))
            for first, last in self._blocks(repeats)
        )

    def seconds(self, repeats: range) -> float:
        """Return the seconds of the stored repeats in a range, without the work shared by all.

        Raises:
            StoreError: The file is damaged.
        """
        seconds = float(sum(row[-1] for row in self._blocks(repeats, {"seconds": float})))
        if seconds > MAX_SECONDS:
            raise damage_error(self._path)
        return seconds

    def started(self, repeats: range) -> str | None:
        """Return the start of the first stored repeat in a range, UTC, ISO 8601; None if none."""
        rows = self._blocks(repeats, {"started": str})
        return min((row[-1] for row in rows), default=None)

    def blocks(self, repeats: range) -> list[BlockResult]:
        """Read the stored repeats in a range, in ascending order.

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
        """Read the environment of a block.

        Raises:
            StoreError: The file is damaged.
        """
        path = self._path
        environment = Environment(
            read_record(path, dict[str, str], versions),
            read_record(path, dict[str, str | int | None], machine),
            rounding,
        )
        with translate_check_errors(path):
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
        """Store a block of consecutive repeats, none of which is stored yet.

        Args:
            header: Header of the experiment.
            block: Results of the repeats.
            environment: Environment that computed them.
            started: Start, UTC, ISO 8601.
            seconds: Duration in seconds.

        Raises:
            MachineError: The block cannot be written; stored blocks are unchanged.
        """
        origin = (
            record_text(environment.versions),
            record_text(environment.machine),
            environment.rounding,
            started,
            seconds,
        )
        repeats = block.scores.repeats
        self._insert(
            record_text(asdict(header)), int(repeats[0]), int(repeats[-1]), pack(block), origin
        )

    def merge_from(self, other: "StoredRepeats", mixed: bool, poll: Callable[[], None]) -> int:
        """Add the repeats of the same experiment in another store; see `Store.merge_from`."""
        header = other.header
        if header is None:
            return 0
        counted = (*self.environments(), *other.environments())
        for environment, _ in counted:
            difference = environment.difference_from(counted[0][0], self._spec.engine)
            if difference and not mixed:
                raise other_environment_error(other._path, difference)
        n_new, head_text = 0, record_text(asdict(header))
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
                if not _are_same(block_here, block.at(is_common)):
                    raise StoreError(
                        other._path,
                        f"its repeat {block_here.scores.repeats[0]} and others differ from "
                        f"those of {self._path}, though the settings are the same; leave it out",
                    )
            *origin_texts, seconds = origin
            for run in _runs(repeats[is_new]):
                new_body = pack(block.at(np.isin(repeats, run)))
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
            body: The numbers, as `pack` returns them.
            origin: Versions, machine, rounding, start and seconds, in the form of the columns.
        """
        versions, machine, rounding, started, seconds = origin
        with self._connection.transaction():
            self._connection.rows(
                "INSERT OR IGNORE INTO experiment (identity, head) VALUES (?, ?)",
                (self._identity, head),
            )
            self._connection.rows(
                "INSERT OR IGNORE INTO maker (versions, machine) VALUES (?, ?)", (versions, machine)
            )
            self._connection.rows(
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
        """Read the blocks that overlap a range of repeats, in ascending order.

        Yields:
            A whole block, its bytes, and the values of the additional columns.

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
                    raise damage_error(self._path)
                try:
                    block = unpack(body, self._spec, range(first, last + 1))
                except (ValueError, zlib.error) as error:
                    raise damage_error(self._path) from error
                except MemoryError as error:
                    raise size_error(self._path) from error
                yield block, body, values

    def _blocks(
        self, repeats: range, more: Mapping[str, type] = MappingProxyType({})
    ) -> list[tuple[Any, ...]]:
        """Read first and last repeat, and additional columns, of the blocks that overlap a range.

        Raises:
            StoreError: The file is damaged.
        """
        columns = {"first": int, "last": int, **more}
        parameters = (self._identity, repeats.start, repeats.start, repeats.stop)
        query = BLOCKS.format(", ".join(columns))
        rows = self._connection.rows(query, parameters, list(columns.values()))
        max_repeats = max(1, MAX_RUNS // len(self._spec.arms))
        last_before = -1
        for first, last, *_ in rows:
            if not (last_before < first <= last < MAX_COUNT and last - first < max_repeats):
                raise damage_error(self._path)
            last_before = last
        with translate_check_errors(self._path):
            for name, values in zip(columns, zip(*rows, strict=True), strict=False):
                if name == "seconds" and not all(0.0 <= value <= MAX_SECONDS for value in values):
                    raise ValueError("seconds: not a duration that a command can have")
                if columns[name] is str:
                    check_texts(name, values)
        # the first row may be a block that ends before the range
        return [row for row in rows if row[1] >= repeats.start]


def other_environment_error(path: Path, unlike: str) -> StoreError:
    """Return the error for repeats whose environment differs from that of the stored ones."""
    problem = f"its repeats have another environment ({unlike}); use another store, or add --mixed"
    return StoreError(path, problem)


def read_record(path: Path, kind: Any, text: str) -> Any:
    """Parse JSON as a value of a type, strictly.

    Args:
        path: Path of the store, for the error.
        kind: The type.
        text: The JSON text.

    Raises:
        StoreError: The JSON is damaged or of another type.
    """
    from pydantic import ValidationError

    try:
        return _adapter(kind).validate_json(text, strict=True)
    except (ValidationError, SettingError) as error:
        raise damage_error(path) from error


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


@contextmanager
def translate_check_errors(path: Path) -> Iterator[None]:
    """Raise `StoreError` if a check in the block fails."""
    try:
        yield
    except StoreError:
        raise
    except ValueError as error:
        raise damage_error(path) from error


def record_text(record: Any) -> str:
    """Return a record as JSON text."""
    return json.dumps(encodable(record))


def _are_same(a: BlockResult, b: BlockResult) -> bool:
    """Return whether two blocks agree; accuracies of newer versions only where both know them."""
    is_unknown = np.isnan([_newer_accuracies(block.scores) for block in (a, b)]).any(axis=0)
    bodies = []
    for block in (a, b):
        earlier, balanced = np.where(is_unknown, np.nan, _newer_accuracies(block.scores))
        values = np.concatenate([block.scores.values[:BALANCED_ACCURACY], balanced[None]])
        scores = replace(block.scores, values=values, earlier_accuracy=earlier)
        bodies.append(pack(replace(block, scores=scores)))
    return bodies[0] == bodies[1]


def _newer_accuracies(scores: Scores) -> NDArray[np.float64]:
    """Return the accuracies that blocks of older versions do not have, (2, A, R)."""
    return np.stack([scores.earlier_accuracy, scores.values[BALANCED_ACCURACY]])


def _runs(repeats: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Split ascending repeats into consecutive runs."""
    if not len(repeats):
        return []
    return np.split(repeats, np.flatnonzero(np.diff(repeats) > 1) + 1)
