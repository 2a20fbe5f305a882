"""NPZ of NumPy: each array is a column, or a block of columns; nothing in it is ever run."""

import io
import zipfile
import zlib

import numpy as np
from numpy.lib import format as npy

from blobtransfer.errors import TableFileError
from blobtransfer.specs.checks import printable
from blobtransfer.tasks.raw import MAX_CELLS, RawColumn, RawTable, check_size, coded, written

MAX_ARRAYS = 10_000

MAX_WORD = 10_000
"""Longest word, in letters."""

MAX_BYTES = 8 * MAX_CELLS
"""Most that the arrays of a file take unpacked."""


def read(name: str, content: bytes, suffix: str, as_words: frozenset[str]) -> RawTable:
    """Read the arrays of a file; see `raw.Reader`.

    An array of two dimensions called `X` gives the columns `X_1`, `X_2`, ...
    """
    columns: dict[str, RawColumn] = {}
    n_rows: int | None = None
    n_bytes = 0
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if len(archive.infolist()) > MAX_ARRAYS:
                raise TableFileError(name, f"more than {MAX_ARRAYS:,} arrays; use fewer")
            for member in archive.infolist():
                array = _array(name, archive, member)
                n_bytes += array.nbytes
                if n_bytes > MAX_BYTES:
                    raise TableFileError(
                        name, f"more than {MAX_BYTES:,} bytes unpacked; use fewer rows"
                    )
                key = printable(member.filename.removesuffix(".npy"))
                n_rows = len(array) if n_rows is None else n_rows
                if len(array) != n_rows:
                    raise TableFileError(
                        name,
                        f"{key} has {len(array):,} rows, an array before it {n_rows:,}; "
                        "give arrays of as many rows",
                    )
                parts = [array] if array.ndim == 1 else list(array.T)
                heads = [key] if array.ndim == 1 else [f"{key}_{i + 1}" for i in range(len(parts))]
                check_size(name, n_rows, len(columns) + len(parts))
                for head, part in zip(heads, parts, strict=True):
                    if head in columns:
                        raise TableFileError(name, f"two columns are called {head}; rename one")
                    columns[head] = _column(part, head in as_words)
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, RuntimeError) as error:
        raise TableFileError(name, "it cannot be read and looks damaged; save it again") from error
    if not columns or not n_rows:
        raise TableFileError(name, "no arrays with rows; save some with numpy.savez")
    return RawTable(name, None, columns, n_rows)


def _array(name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """Read one array, of a size that is known before anything is unpacked."""
    key = printable(member.filename)
    if not key.endswith(".npy"):
        raise TableFileError(name, f"{key} is no array; save arrays with numpy.savez")
    with archive.open(member) as stream:
        version = npy.read_magic(stream)
        header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = header(stream)
        if dtype.hasobject or dtype.kind not in "biufU":
            raise TableFileError(
                name, f"{key} holds {dtype}; give numbers or text, not Python objects"
            )
        if len(shape) not in (1, 2):
            raise TableFileError(name, f"{key} has shape {shape}; give rows, or rows by columns")
        n_cells = int(np.prod(shape, dtype=object))
        if n_cells > MAX_CELLS or n_cells * dtype.itemsize > MAX_BYTES:
            raise TableFileError(name, f"{key} has {n_cells:,} cells; at most {MAX_CELLS:,} fit")
        if dtype.kind == "U" and dtype.itemsize > 4 * MAX_WORD:
            raise TableFileError(
                name, f"{key} has words of more than {MAX_WORD:,} letters; cut them"
            )
    with archive.open(member) as stream:
        unpacked = io.BytesIO(stream.read(n_cells * dtype.itemsize + 100_000))
    array: np.ndarray = np.load(unpacked, allow_pickle=False)
    return array


def _column(part: np.ndarray, is_words: bool) -> RawColumn:
    if part.dtype.kind == "U":
        return coded(part.tolist())
    if is_words:
        return coded([written(float(one)) for one in part])
    return RawColumn(numbers=part.astype(np.float64))
