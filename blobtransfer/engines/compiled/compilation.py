"""Compile each kernel once per process, in the first thread that needs it.

A kernel owns its machine code: both are freed once a kernel has left the cache and no training
uses it any more.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING

from blobtransfer.errors import MachineError
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TrainingSpec

if TYPE_CHECKING:
    from blobtransfer.engines.compiled.kernel import Layout
    from blobtransfer.engines.compiled.native import MachineFunction
    from blobtransfer.engines.compiled.update import UpdateRule

MIN_ROWS = 64
"""Rows that are evaluated at once where batches are smaller."""

MAX_CACHED_KERNELS = 64
"""Kernels in the cache, about 2.5 MB each for small networks."""

_COMPILING = Lock()


@dataclass(frozen=True)
class Kernel:
    """Machine code for one network shape and update rule, and the memory layout it expects.

    Args:
        layout: Offsets of weights and units, `kernel.Layout`.
        rule: How a gradient moves a weight.
        lanes: Networks in a block.
        stops_early: Whether trainings end once their validation loss does not improve.
        block_fields: Names of the arguments that differ between the blocks of a call.
        train_group: Machine code, see `kernel.GROUP_ARGUMENTS`.
        evaluate_group: Machine code, see `kernel.EVALUATE_GROUP_ARGUMENTS`.
    """

    layout: "Layout"
    rule: "UpdateRule"
    lanes: int
    stops_early: bool
    block_fields: tuple[str, ...]
    train_group: "MachineFunction"
    evaluate_group: "MachineFunction"


def get_kernel(
    network: MLPSpec, training: TrainingSpec, is_anchored: bool, n_train: int, has_own_rows: bool
) -> Kernel:
    """Return the kernel that trains a network; it is compiled unless this process has it already.

    The first call of its machine code waits until it is compiled.

    Args:
        network: Shape of the networks.
        training: How they are trained.
        is_anchored: Whether weights are pulled towards an anchor.
        n_train: Training rows of the largest dataset.
        has_own_rows: Whether the lanes of a block train on different datasets; with early stopping
            they always may.

    Raises:
        MachineError: LLVM is missing, or no thread can be started.
    """
    try:
        from blobtransfer.engines.compiled import native, update
    except (ImportError, OSError) as error:  # OSError: the library of llvmlite is missing
        raise MachineError(
            f"LLVM cannot be imported ({error}); install llvmlite, or use --engine keras"
        ) from error
    n_rows = max(min(training.batch_size, n_train), MIN_ROWS)
    network = replace(network, initializer=MLPSpec.initializer)  # does not enter the code
    rule = update.UpdateRule.from_training(training, is_anchored)
    with _COMPILING:
        stops_early = training.patience is not None
        has_own_rows = has_own_rows or stops_early
        return _compile(network, n_rows, rule, has_own_rows, stops_early, native.host_lanes())


@lru_cache(MAX_CACHED_KERNELS)
def _compile(
    network: MLPSpec,
    n_rows: int,
    rule: "UpdateRule",
    has_own_rows: bool,
    stops_early: bool,
    lanes: int,
) -> Kernel:
    """Compile a kernel; the arguments are all that its code depends on."""
    from blobtransfer.engines.compiled import kernel, native

    functions = native.compile_functions(
        kernel.write_module(network, n_rows, rule, has_own_rows, stops_early, lanes),
        {"train_group": kernel.GROUP_ARGUMENTS, "evaluate_group": kernel.EVALUATE_GROUP_ARGUMENTS},
    )
    layout = kernel.Layout(network, n_rows)
    return Kernel(layout, rule, lanes, stops_early, kernel.BLOCK_FIELDS, **functions)
