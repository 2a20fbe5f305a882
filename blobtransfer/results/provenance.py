"""What a result depends on besides its spec: versions, machine, and when it was made."""

import os
import platform
import sys
import time
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version

VERSIONED = ("blobtransfer", "numpy", "scikit-learn", "scipy", "llvmlite", "keras", "tensorflow")
"""Packages that can change a score."""


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
