"""What a result depends on besides its spec: versions, machine, and when it was made."""

import os
import platform
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version

VERSIONED = ("blobtransfer", "numpy", "scikit-learn", "scipy", "llvmlite", "keras", "tensorflow")
"""Packages that can change a score."""

OF_KERAS = ("keras", "tensorflow")
"""Those of them that can change a score of the Keras engine alone."""


def installed_versions() -> dict[str, str]:
    """Give the versions of Python and of the packages that can change a score."""
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
    """Describe the machine as far as it can change a score or a time."""
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "byteorder": sys.byteorder,
    }


@dataclass(frozen=True)
class Maker:
    """Who computed some repeats, as far as that can change a score.

    Args:
        versions: Of Python and of the packages that can change a score.
        machine: As far as it can change a score or a time.
        rounding: SHA-256, in hexadecimal digits, of a few networks that were trained there, and
            of scores where these are asked for.
        where: The machine's name and the process, for people.
    """

    versions: dict[str, str]
    machine: dict[str, str | int | None]
    rounding: str
    where: str = ""

    def unlike(self, other: "Maker", engine: str) -> str:
        """Say what may make scores of another maker differ, such as `numpy 2.3.0, not 2.4.6`.

        Args:
            other: The other maker.
            engine: What trains.

        Returns:
            Nothing where the two give the same scores to the bit.
        """
        found = versions_unlike(self.versions, other.versions, engine)
        if not found and self.rounding != other.rounding:
            return "its processor rounds differently"
        return found


def versions_unlike(own: dict[str, str], others: dict[str, str], engine: str) -> str:
    """Say which packages that can change a score of an engine have other versions; see `unlike`."""
    names = [
        name
        for name in ("python", *VERSIONED)
        if own.get(name) != others.get(name) and (engine == "keras" or name not in OF_KERAS)
    ]
    return ", ".join(f"{name} {own.get(name)}, not {others.get(name)}" for name in names)


class Clock:
    """When a command started, and how long it has run; starts when it is made.

    Attributes:
        started: UTC, ISO 8601.
    """

    def __init__(self) -> None:
        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self._start = time.perf_counter()

    def seconds(self) -> float:
        """Give the seconds since then, to the millisecond."""
        return round(time.perf_counter() - self._start, 3)
