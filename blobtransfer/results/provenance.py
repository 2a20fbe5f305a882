"""What a result depends on besides its spec: versions and machine."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

VERSIONED = ("blobtransfer", "numpy", "scikit-learn", "scipy", "llvmlite", "keras", "tensorflow")
"""Packages that can change a score."""


def installed_versions() -> dict[str, str]:
    """Give the versions of Python and of the packages that can change a score."""
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
