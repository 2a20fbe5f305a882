"""SQLite store of blocks of repeats, so that an interrupted command can resume.

A block holds consecutive repeats of an experiment. The identity of an experiment
(`specs.identity`) is a hash of its trainings; it does not depend on the number of repeats or the
settings of the statistics. Each block is written in its own transaction, and is on disk before it
is reported as done.

    command       study and number of repeats of each command
    experiment    data and the run of the one source network of each experiment
    maker         environments: versions and machine that computed blocks
    block         first and last repeat, environment, and compressed numbers with their SHA-256

A store contains no pickle. The size of a block is limited by its spec, and values pass the checks
of `results.files.checks`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from blobtransfer.errors import StoreError
from blobtransfer.results.files.checks import check_study
from blobtransfer.results.store.connection import FORMAT, Connection, damage_error, open_connection
from blobtransfer.results.store.repeats import (
    StoredRepeats,
    read_record,
    record_text,
    translate_check_errors,
)
from blobtransfer.specs.checks import escape_control_characters
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.identity import identity_1_of, identity_of, plain
from blobtransfer.specs.study import Study

MAX_COMMANDS = 10_000
"""Largest number of commands in a store."""


@dataclass(frozen=True)
class StoredCommand:
    """A command whose repeats are stored.

    Args:
        study: Study of the command, with the largest number of repeats that was requested.
        argv: Its last command line, without the program.
        is_part: Whether the command only computed some of the repeats and printed no results.
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
    """SQLite store of blocks of repeats; open it with `Store.open`.

    Attributes:
        path: Path of the file as the user wrote it.
        connection: Connection to that file.
    """

    def __init__(self, connection: Connection) -> None:
        self.path = connection.path
        self.connection = connection

    @classmethod
    @contextmanager
    def open(cls, path: Path, writes: bool) -> Iterator["Store"]:
        """Open a store while the block runs; see `connection.open_connection`."""
        with open_connection(path, writes) as connection:
            store = cls(connection)
            if writes and connection.format == 1:
                store._convert()
            yield store

    def identity_of(self, spec: ExperimentSpec | Study) -> str:
        """Return the identity of a spec in the format of this store."""
        return identity_1_of(spec) if self.connection.format == 1 else identity_of(spec)

    def _convert(self) -> None:
        """Convert a store of format 1, whose identities hash all fields."""
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
        """Record a command.

        Args:
            study: Study of the command.
            argv: Command line, without the program.
            is_part: Whether the command computes only some of the repeats.

        Returns:
            The previous record of the command; None if it is new.
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
                (
                    identity,
                    study.kind,
                    record_text(plain(spec)),
                    record_text([*argv]),
                    int(is_part),
                ),
            )
        return before

    def n_commands(self) -> int:
        """Return the number of commands.

        Raises:
            StoreError: There are more than `MAX_COMMANDS`.
        """
        ((n_commands,),) = self.connection.rows("SELECT count(*) FROM command")
        if n_commands > MAX_COMMANDS:
            problem = f"it has {n_commands:,} commands, more than {MAX_COMMANDS:,}"
            raise StoreError(self.path, f"{problem}; use a copy, or start a new store")
        return int(n_commands)

    def commands(self, first: int = 0, n_commands: int = MAX_COMMANDS) -> list[StoredCommand]:
        """Read commands, in the order in which they were recorded.

        Args:
            first: Index of the first command, counted from 0.
            n_commands: Largest number of commands to read.

        Raises:
            StoreError: The file is damaged, or has more than `MAX_COMMANDS`.
        """
        self.n_commands()
        return self._commands("ORDER BY id LIMIT ? OFFSET ?", n_commands, first)

    def _commands(self, where: str, *values: object) -> list[StoredCommand]:
        query = f"SELECT name, spec, argv, is_part FROM command {where}"
        return [
            StoredCommand(
                _study_of(self.path, name, spec),
                tuple(
                    map(escape_control_characters, read_record(self.path, tuple[str, ...], argv))
                ),
                bool(is_part),
            )
            for name, spec, argv, is_part in self.connection.rows(
                query, values, [str, str, str, int]
            )
        ]

    def stored(self, spec: ExperimentSpec) -> StoredRepeats:
        """Return the stored repeats of an experiment, possibly none."""
        return StoredRepeats(self.connection, self.identity_of(spec), spec)

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
        """Add the commands and repeats of another store: all of them, or none after an error.

        Args:
            other: The other store.
            mixed: Also add repeats of other versions, or of machines that round differently.
            poll: Called for each block; may raise to stop.

        Returns:
            Number of repeats that were added.

        Raises:
            StoreError: The stores have different results of a repeat, or cannot be merged.
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
                self.record_command(command.study, command.argv, is_part=True)
        return n_new


def _with_repeats(spec: ExperimentSpec, n_repeats: int) -> ExperimentSpec:
    """Return a spec with another number of repeats; nested ones with more or fewer sources."""
    if spec.nested is None:
        return replace(spec, n_repeats=n_repeats)
    per_source = spec.nested[1]
    return replace(spec, n_repeats=n_repeats, nested=(n_repeats // per_source, per_source))


def _study_of(path: Path, name: str, text: str) -> Study:
    """Read the study of a command.

    Raises:
        StoreError: No command could have run the study.
    """
    with translate_check_errors(path):
        if name == "compare":
            study = Study.of_one(read_record(path, ExperimentSpec, text))
        else:
            study = read_record(path, Study, text)
        check_study(study)
        if name != study.kind:
            raise damage_error(path)
        return study
