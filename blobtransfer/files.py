"""The one way a file is written: whole or not at all.

A writer gets a temporary path beside the target; when it is done the file is synced and
renamed over the target. Whatever goes wrong before that, the old file is still there.
"""

import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from blobtransfer.errors import EnvironmentFailed


@contextmanager
def replacing(path: Path, must_be_new: bool = False) -> Iterator[Path]:
    """Lend a temporary path whose file becomes `path` when the block ends well.

    Args:
        path: The target; a link is followed. Its directory must exist.
        must_be_new: Never replace a file, not even one that appears meanwhile.

    Yields:
        A path in the same directory with the same suffix; the block writes it.

    Raises:
        FileExistsError: There is a file, and it must be new.
        EnvironmentFailed: The file cannot be written: disk full, no permission.
    """
    target = path.resolve()
    try:
        descriptor, name = tempfile.mkstemp(
            dir=target.parent, prefix=".blobtransfer-", suffix=target.suffix
        )
        os.close(descriptor)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(_mode_for(target))
            _sync(temporary)
            if must_be_new:
                os.link(temporary, target)
            else:
                os.replace(temporary, target)
            _sync(target.parent)
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()
    except FileExistsError:
        raise
    except OSError as error:
        raise EnvironmentFailed(
            f"{path}: cannot be written ({error.strerror or error}); nothing was changed"
        ) from error


def write_text(path: Path, pieces: Iterable[str]) -> None:
    """Write a text, given piece by piece, as UTF-8 with the line ends it has; see `replacing`."""
    with (
        replacing(path) as temporary,
        open(temporary, "w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        file.writelines(pieces)


def why_not_writable(path: Path) -> str | None:
    """Find out before any work whether a file could be written.

    Returns:
        What stands in the way and what to do, or None.
    """
    try:
        return _obstacle(path.resolve())
    except OSError as error:
        return f"{error.strerror}; choose another name"


def _obstacle(target: Path) -> str | None:
    if target.is_dir():
        return "this is a directory; name a file in it"
    if target.exists() and not target.is_file():
        return "this is no ordinary file; choose another name"
    if not target.parent.is_dir():
        return f"there is no directory {target.parent}; make it first"
    if not os.access(target.parent, os.W_OK | os.X_OK):
        return f"no permission to write into {target.parent}; choose another directory"
    return None


def _mode_for(target: Path) -> int:
    """Keep the mode of a file that is replaced; a new one gets what `open` would give it."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        # Some file systems cannot sync a directory; the rename is then as safe as they make it.
        with suppress(OSError) if path.is_dir() else nullcontext():
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
