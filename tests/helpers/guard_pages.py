"""Memory behind which nothing can be read: a read beyond the end kills the process.

Run as a program, evaluates a network of as many features as its argument says on rows of two.
"""

import ctypes
import mmap
import sys

import numpy as np

from blobtransfer.engines.compiled.compilation import get_kernel
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TrainingSpec

N_ROWS, N_FEATURES = 8, 2

_PAGES: list[mmap.mmap] = []


def before_a_guard_page(n_bytes: int) -> int:
    """Return the address of the last bytes of a page, behind which a page is protected."""
    page = mmap.PAGESIZE
    pages = mmap.mmap(-1, 2 * page)
    _PAGES.append(pages)
    start = ctypes.addressof(ctypes.c_char.from_buffer(pages))
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(start + page), page, 0) == 0  # PROT_NONE
    return start + page - n_bytes


def evaluate(n_features: int) -> None:
    """Evaluate a network on rows of two features that end before a guard page."""
    kernel = get_kernel(MLPSpec(n_features), TrainingSpec(), False, N_ROWS, False)
    n_vectors = kernel.layout.n_weights + kernel.layout.n_units
    vectors = np.zeros((n_vectors, kernel.lanes), np.float32)
    results = [np.zeros((3, kernel.lanes)) for _ in range(3)]
    addresses = [result.ctypes.data for result in results]
    fields = np.full(len(kernel.block_fields), vectors.ctypes.data)
    kernel.evaluate_group(
        blocks=fields.ctypes.data,
        n_blocks=1,
        x=before_a_guard_page(4 * N_ROWS * N_FEATURES),
        y=before_a_guard_page(4 * N_ROWS),
        first_rows=addresses[0],
        workspace=vectors[kernel.layout.n_weights :].ctypes.data,
        n_rows=N_ROWS,
        n_correct=addresses[0],
        loss=addresses[1],
        is_predicted=addresses[2],
    )


if __name__ == "__main__":
    evaluate(int(sys.argv[1]))
