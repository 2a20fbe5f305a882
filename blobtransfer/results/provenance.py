"""Provenance of results: versions, machine, time and command line."""

import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version

VERSIONED = ("blobtransfer", "numpy", "scikit-learn", "scipy", "llvmlite", "keras", "tensorflow")
"""Packages that can change a score."""

MAX_SECONDS = 1e9
"""Longest command: 30 years."""

OF_KERAS = ("keras", "tensorflow")
"""Packages that can change only the scores of the Keras engine."""


def installed_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that can change a score."""
    return dict(_installed_versions())


@cache
def _installed_versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in VERSIONED:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def this_machine() -> dict[str, str | int | None]:
    """Return the properties of the machine that can change a score or a time."""
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "byteorder": sys.byteorder,
    }


@dataclass(frozen=True)
class Environment:
    """Environment of repeats: versions, machine and rounding, which can change a score.

    Args:
        versions: Versions of Python and of the packages that can change a score.
        machine: Properties of the machine that can change a score or a time.
        rounding: SHA-256, in hexadecimal digits, of a few networks trained in the environment,
            and of their transferability scores if these are requested.
        host: Name of the machine and number of the process, for messages.
    """

    versions: dict[str, str]
    machine: dict[str, str | int | None]
    rounding: str
    host: str = ""

    def difference_from(self, other: "Environment", engine: str) -> str:
        """Return why scores of another environment may differ, such as `numpy 2.3.0, not 2.4.6`.

        Args:
            other: The other environment.
            engine: Engine that trains.

        Returns:
            An empty text if the scores are bit-identical.
        """
        difference = version_difference(self.versions, other.versions, engine)
        if not difference and self.rounding != other.rounding:
            return "its CPU rounds differently"
        return difference


@dataclass(frozen=True)
class Provenance:
    """Time, command and environment of results.

    Args:
        started: UTC, ISO 8601.
        seconds: Seconds of all trainings, including their preparation.
        argv: The command line, without the program; empty for results of a Python program.
        versions: Versions of Python and of the packages that can change a score.
        machine: Properties of the machine that can change a score or a time.
    """

    started: str
    seconds: float
    argv: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=lambda: installed_versions())
    machine: dict[str, str | int | None] = field(default_factory=lambda: this_machine())

    @classmethod
    def of(
        cls, environments: Sequence[tuple[Environment, int]], started: str, seconds: float
    ) -> "Provenance":
        """Return the provenance of repeats that some environments computed.

        Args:
            environments: Each environment with the number of its repeats, that of the first repeat
                first; empty: this process computed them.
            started: UTC, ISO 8601.
            seconds: Seconds of all trainings, including their preparation.
        """
        if not environments:
            return cls(started, seconds)
        first = environments[0][0]
        return cls(started, seconds, versions=first.versions, machine=first.machine)


def join_provenances(provenances: Sequence[Provenance]) -> Provenance:
    """Return the provenance of cells as that of their study; at least one."""
    seconds = sum(provenance.seconds for provenance in provenances)
    return replace(
        provenances[0],
        started=min(provenance.started for provenance in provenances),
        seconds=round(min(seconds, MAX_SECONDS), 3),
    )


def version_difference(
    versions: dict[str, str], other_versions: dict[str, str], engine: str
) -> str:
    """Return the packages whose versions differ; see `Environment.difference_from`."""
    names = [
        name
        for name in ("python", *VERSIONED)
        if versions.get(name) != other_versions.get(name)
        and (engine == "keras" or name not in OF_KERAS)
    ]
    return ", ".join(
        f"{name} {versions.get(name)}, not {other_versions.get(name)}" for name in names
    )


def n_mixed_of(environments: Sequence[tuple[Environment, int]], engine: str) -> int:
    """Count the repeats that may be rounded differently from the first.

    Args:
        environments: Each environment with the number of its repeats, that of the first one first.
        engine: Engine that trains.
    """
    return sum(n for other, n in environments if other.difference_from(environments[0][0], engine))


class Clock:
    """Start and elapsed time of a command; starts when it is built.

    Attributes:
        started: UTC, ISO 8601.
    """

    def __init__(self) -> None:
        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self._start = time.perf_counter()

    def seconds(self) -> float:
        """Return the seconds since the start, to the millisecond."""
        return round(time.perf_counter() - self._start, 3)
