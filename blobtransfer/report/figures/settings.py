"""matplotlib as nobody has configured it, so that a figure depends on the command alone.

A `matplotlibrc` in the working directory or the user's home, and MPLBACKEND, could change its
colours, start LaTeX, or make the import fail; they are neither read nor obeyed here.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import MappingProxyType, ModuleType
from typing import Any

from blobtransfer.errors import MachineError

EMPTY_FOLDER = "/dev" if os.path.isdir("/dev") else os.path.dirname(__file__)
"""A folder that holds no matplotlibrc."""

SETTINGS = {
    "svg.hashsalt": "blobtransfer",  # the same figure, the same bytes
    "svg.fonttype": "none",  # text stays text
    "pdf.fonttype": 42,  # journals refuse Type 3 fonts
}

NO_MORE: Mapping[str, Any] = MappingProxyType({})


def import_matplotlib() -> ModuleType:
    """Import matplotlib without reading anybody's configuration.

    Raises:
        MachineError: It is missing or broken.
    """
    hidden = {
        name: os.environ.pop(name) for name in ("MPLBACKEND", "MATPLOTLIBRC") if name in os.environ
    }
    os.environ["MATPLOTLIBRC"] = os.devnull
    here = None
    try:
        with suppress(OSError):  # the working directory may be gone
            here = os.open(os.curdir, os.O_RDONLY)
            os.chdir(EMPTY_FOLDER)
        import matplotlib as mpl
    except Exception as error:  # an import of so much can fail in any way
        raise MachineError(f"matplotlib cannot be imported ({error}); use --no-plot") from error
    finally:
        if here is not None:
            os.chdir(here)
            os.close(here)
        del os.environ["MATPLOTLIBRC"]
        os.environ |= hidden
    return mpl


@contextmanager
def own_settings(more: Mapping[str, Any] = NO_MORE) -> Iterator[ModuleType]:
    """Draw and save by matplotlib's defaults and `SETTINGS` while the block runs.

    Args:
        more: Further settings.

    Yields:
        The module `matplotlib`.

    Raises:
        MachineError: What is drawn cannot be drawn, for whatever reason.
    """
    mpl = import_matplotlib()
    defaults = {key: value for key, value in mpl.rcParamsDefault.items() if key != "backend"}
    try:
        with mpl.rc_context(defaults | SETTINGS | dict(more)):
            yield mpl
    except (MachineError, MemoryError):
        raise
    except Exception as error:
        raise MachineError(
            f"the figure cannot be drawn ({type(error).__name__}: {error}); use --no-plot"
        ) from error
