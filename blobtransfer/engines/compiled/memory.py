"""Memory that machine code reads and writes: packed rows, weights and workspace.

A vector holds one number of every network of a block, one network per lane. Where a number lies
is decided by `kernel.Layout`; here NumPy arrays are packed into vectors and unpacked again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.engines.compiled.compilation import Kernel
from blobtransfer.errors import MachineError
from blobtransfer.network import Weights

CACHE_LINE = 64
"""Bytes. A vector that lies across two lines costs two loads."""

WAITED, MADE, BEST_LOSS = range(3)
"""State of early stopping: epochs since the best one, and epochs made, int32; the lowest loss."""

_LANES_SECOND = {3: (0, 2, 1), 4: (0, 3, 1, 2)}
_LANES_LAST = {3: (0, 2, 1), 4: (0, 2, 3, 1)}
"""Order of the axes of biases (3) and of kernels (4), which `np.moveaxis` computes slowly."""


@dataclass(frozen=True)
class PackedRows:
    """Rows of all datasets as the kernel reads them, one dataset after the other.

    Args:
        x: (rows of all datasets, n_features) float32, contiguous.
        y: (rows of all datasets,) int32 class numbers, contiguous.
        first_rows: (T,) int32, the first row of each dataset; of each lane after `of_lanes`.
        counts: (T,) number of rows of each dataset; of each lane after `of_lanes`.
    """

    x: NDArray[np.float32]
    y: NDArray[np.int32]
    first_rows: NDArray[np.int32]
    counts: NDArray[np.int64]

    @classmethod
    def pack(
        cls, rows: Sequence[tuple[NDArray[np.float32], NDArray[np.int64]]], lanes: int
    ) -> "PackedRows":
        """Copy the rows of datasets after one another; an array that they share is copied once.

        Args:
            rows: Features (N, n_features) and class numbers (N,) of each dataset.
            lanes: Numbers in a vector.

        Raises:
            MachineError: There are too many rows for 32-bit indices.
        """
        keys = [(id(x), id(y)) for x, y in rows]
        unique = dict(zip(keys, rows, strict=True))
        index_of = {key: i for i, key in enumerate(unique)}
        indices = [index_of[key] for key in keys]
        xs, ys = zip(*unique.values(), strict=True)
        counts = np.array(list(map(len, ys)))
        if max(sum(x.size for x in xs), counts.sum() * lanes) >= 2**31:
            raise MachineError(
                f"{counts.sum():,} rows are too many for the compiled engine, which counts in 32 "
                "bits; use fewer rows, or --engine keras"
            )
        return cls(
            np.ascontiguousarray(np.concatenate(xs), np.float32),
            np.ascontiguousarray(np.concatenate(ys), np.int32),
            (np.cumsum(counts) - counts).astype(np.int32)[indices],
            counts[indices],
        )

    def of_lanes(self, datasets: NDArray[np.intp]) -> "PackedRows":
        """Return the rows of the dataset of each lane, (lanes,); all have as many rows."""
        return PackedRows(self.x, self.y, self.first_rows[datasets], self.counts[datasets])

    def records(self, size: int) -> NDArray[np.float32]:
        """Return a record of each row, (rows, size): features, zeros, and the class number last.

        The class number has the bits of an int32. For size 0 the array is empty.
        """
        if size == 0:
            return np.empty((0, 0), np.float32)
        records = np.zeros((len(self.y), size), np.float32)
        records[:, : self.x.shape[1]] = self.x
        records.view(np.int32)[:, -1] = self.y
        return records

    @property
    def n(self) -> int:
        """Number of rows of each dataset, or lane, if all have the same number."""
        return int(self.counts[0])


class Vectors:
    """Vectors of zeros that start where a cache line does.

    Attributes:
        values: (n, lanes) float32.
    """

    def __init__(self, n: int, lanes: int) -> None:
        n_bytes = n * lanes * 4
        memory = np.zeros(n_bytes + CACHE_LINE, np.uint8)
        start = -memory.ctypes.data % CACHE_LINE
        self.values = memory[start : start + n_bytes].view(np.float32).reshape(n, lanes)
        # Looked up once: NumPy takes as long for an address as a kernel for several rows.
        self.address = int(self.values.ctypes.data)


class Workspace:
    """Memory that the blocks of a thread share: packed rows, activations and deltas.

    Args:
        kernel: The kernel that reads and writes it.
        n_epochs: Epochs for which rows are packed at a time.
        n_rows: Rows of each epoch that are packed at a time.
        n_all_rows: All rows of an epoch, whose order is drawn at once.
    """

    def __init__(self, kernel: Kernel, n_epochs: int, n_rows: int, n_all_rows: int) -> None:
        self.n_epochs, self.n_rows, self.n_all_rows = n_epochs, n_rows, n_all_rows
        self.row_orders = Vectors(n_epochs * n_all_rows, kernel.lanes)
        self.inputs = Vectors(n_epochs * n_rows * kernel.layout.inputs_stride, kernel.lanes)
        self.labels = Vectors(n_epochs * n_rows, kernel.lanes)
        self.units = Vectors(kernel.layout.n_units, kernel.lanes)
        # Results of the evaluation on validation rows; the losses are float64.
        self.validation_loss = Vectors(2, kernel.lanes)
        n_classes = kernel.layout.network.n_classes
        self.n_correct = Vectors(n_classes, kernel.lanes)
        self.is_predicted = Vectors(n_classes, kernel.lanes)


class GroupNetworks:
    """The networks of a block group: in each block, a vector has one number of every network.

    Args:
        kernel: The kernel that trains them.
        weights: Initial kernels (blocks, lanes, fan_in, fan_out) and biases
            (blocks, lanes, fan_out).
        anchors: Anchors of the weights, of the same shapes; None without anchors.
        n_frozen: (blocks,) number of frozen layers of each block, counted from the input.

    Attributes:
        fields: (blocks, fields) arguments of the kernel for each block, in the order of
            `kernel.BLOCK_FIELDS`.
    """

    def __init__(
        self, kernel: Kernel, weights: Weights, anchors: Weights | None, n_frozen: NDArray[np.int64]
    ) -> None:
        self._kernel, self._n_blocks = kernel, len(n_frozen)
        n_weights = kernel.layout.n_weights
        self._weights = self._vectors(n_weights)
        self._moments = self._vectors(kernel.rule.n_moments * n_weights)
        self._beta_powers = np.ones((self._n_blocks, 2))
        self._anchors = self._vectors(0 if anchors is None else n_weights)
        self._pack(weights, self._weights)
        self._best_weights = self._vectors(n_weights if kernel.stops_early else 0)
        self._stopping = self._vectors(3 if kernel.stops_early else 0)
        if kernel.stops_early:
            self._best_weights.values[:] = self._weights.values
        if anchors is not None:
            self._pack(anchors, self._anchors)
        fields = {
            "weights": self._addresses(self._weights.values),
            "moments": self._addresses(self._moments.values),
            "beta_powers": self._addresses(self._beta_powers),
            "anchors": self._addresses(self._anchors.values),
            "n_frozen": n_frozen.astype(np.int64),
            "best_weights": self._addresses(self._best_weights.values),
            "stopping": self._addresses(self._stopping.values),
        }
        self.fields = np.stack([fields[name] for name in kernel.block_fields], axis=1)

    def evaluate(
        self, rows: PackedRows, units: Vectors
    ) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int64]]:
        """Evaluate the networks.

        Args:
            rows: Rows to evaluate on.
            units: Memory of the activations.

        Returns:
            Correct rows of each class, (blocks, classes, lanes); mean loss and number of classes
            predicted, each (blocks, lanes).
        """
        shape = n_blocks, lanes = self._n_blocks, self._kernel.lanes
        loss = np.zeros(shape, np.float64)
        n_classes = self._kernel.layout.network.n_classes
        n_correct, is_predicted = np.zeros((2, n_blocks, n_classes, lanes), np.int32)
        self._kernel.evaluate_group(
            blocks=self.fields.ctypes.data,
            n_blocks=n_blocks,
            x=rows.x.ctypes.data,
            y=rows.y.ctypes.data,
            first_rows=rows.first_rows.ctypes.data,
            workspace=units.address,
            n_rows=rows.n,
            n_correct=n_correct.ctypes.data,
            loss=loss.ctypes.data,
            is_predicted=is_predicted.ctypes.data,
        )
        return n_correct, loss / rows.n, is_predicted.sum(axis=1)

    def restore_best_weights(self, patience: int, is_end: bool) -> None:
        """Restore the best weights of the networks that have stopped; at the end, of all."""
        is_restored = (self._stopping_of_lanes(WAITED) >= patience) | is_end
        weights, best_weights = (
            vectors.values.reshape(self._n_blocks, -1, self._kernel.lanes)
            for vectors in (self._weights, self._best_weights)
        )
        np.copyto(weights, best_weights, where=is_restored[:, None])

    @property
    def epochs_made(self) -> NDArray[np.int32]:
        """(blocks, lanes) epochs until each network stopped; for early stopping."""
        return self._stopping_of_lanes(MADE)

    def unpack_weights(self) -> Weights:
        """Return views of the kernels and biases.

        Returns:
            Kernel (blocks, lanes, fan_in, fan_out), bias (blocks, lanes, fan_out), ...; float32.
        """
        layers = self._layers(self._weights)
        return [layer.transpose(_LANES_SECOND[layer.ndim]) for layer in layers]

    def _stopping_of_lanes(self, number: int) -> NDArray[np.int32]:
        """Return a number of the state of early stopping, (blocks, lanes)."""
        shape = self._n_blocks, -1, self._kernel.lanes
        return self._stopping.values.view(np.int32).reshape(shape)[:, number]

    def _vectors(self, n_per_block: int) -> Vectors:
        return Vectors(self._n_blocks * n_per_block, self._kernel.lanes)

    def _addresses(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """Return the address of the values of each block, (blocks,)."""
        block_bytes = values.nbytes // self._n_blocks
        return values.ctypes.data + block_bytes * np.arange(self._n_blocks, dtype=np.int64)

    def _pack(self, weights: Weights, vectors: Vectors) -> None:
        for layer, stacked in zip(self._layers(vectors), weights, strict=True):
            layer[:] = stacked.transpose(_LANES_LAST[stacked.ndim])

    def _layers(self, vectors: Vectors) -> Iterator[NDArray[np.float32]]:
        """Yield views of each layer.

        Yields:
            Kernel (blocks, fan_in, fan_out, lanes), bias (blocks, fan_out, lanes), ...; float32.
        """
        n_blocks, lanes = self._n_blocks, self._kernel.lanes
        values = vectors.values.reshape(n_blocks, -1, lanes)
        for (fan_in, fan_out), (start, end) in self._kernel.layout.layers:
            layer = values[:, start:end].reshape(n_blocks, fan_in + 1, -1, lanes)
            yield layer[:, :fan_in, :fan_out]
            yield layer[:, fan_in, :fan_out]
