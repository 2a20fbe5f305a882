"""Back-propagation, written once for the networks in the lanes of a vector register.

These functions are emitted for the shape of a network. `shuffle` draws the row orders of some
epochs and `pack_rows` copies the rows into these orders, for all blocks of a group;
`shuffle_and_pack` does both in one pass if a register holds a row. Then `train` trains one block on
the packed rows; with early stopping, `train_and_validate` calls `train` and `evaluate` for each
epoch. `train_group` calls these in turn, and `evaluate_group` calls `evaluate` for each block.

Each `Value` here stands for one number in every network of the block. A matrix product is
computed tile by tile, with the sums of a tile in registers; weights are updated in place as soon as
their gradient is known.
`docs/engine.md` has the memory layout with a drawing.

Source: Rumelhart, Hinton & Williams 1986, doi:10.1038/323533a0.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from llvmlite import ir

from blobtransfer.engines.compiled import vector_math
from blobtransfer.engines.compiled.memory import BEST_LOSS, MADE, WAITED
from blobtransfer.engines.compiled.simd import (
    DOUBLE,
    FLOAT,
    INT1,
    INT16,
    INT32,
    INT64,
    POINTER,
    UNROLLED,
    Array,
    Code,
    Index,
    Value,
    Variable,
    argument_types,
)
from blobtransfer.engines.compiled.update import (
    Update,
    UpdateRule,
    adam,
    adam_rate,
    sgd,
    with_penalty,
)
from blobtransfer.randomness import random_below
from blobtransfer.specs.network import MLPSpec

ROWS, COLUMNS = 4, 6
"""Largest tile over the rows of a batch: 24 sums in registers, and 7 more to feed them."""

SQUARE = 5
"""Largest side of a tile of gradients: 25 sums in registers, and 6 more to feed them."""

MAX_16_BIT_ROWS = 2**16
"""Maximum rows of an epoch for `shuffle_and_pack`, whose row numbers have 16 bits."""

SHUFFLE_ARGUMENTS = argument_types("order_keys row_orders", "first_epoch last_epoch n_rows")
PACK_ROWS_ARGUMENTS = argument_types("row_orders first_rows x y inputs labels", "n_rows")
SHUFFLE_AND_PACK_ARGUMENTS = argument_types(
    "order_keys row_orders first_rows records inputs labels", "first_epoch last_epoch n_rows"
)
TRAIN_ARGUMENTS = argument_types(
    "weights moments beta_powers anchors inputs labels workspace",
    "n_epochs n_rows batch_size n_frozen",
    "learning_rate momentum penalty_factor",
)
TRAIN_AND_VALIDATE_ARGUMENTS = TRAIN_ARGUMENTS | argument_types(
    "best_weights stopping n_running validation_x validation_y validation_first_rows "
    "validation_loss n_correct is_predicted",
    "n_validation_rows patience is_end_of_epoch",
    "penalty",
)
BLOCK_FIELDS = (
    "weights", "moments", "beta_powers", "anchors", "n_frozen", "best_weights", "stopping",
)  # fmt: skip
"""Arguments that differ between the blocks of a group: a row of `blocks`."""

GROUP_ARGUMENTS = argument_types(
    "blocks is_stopped n_done", "n_blocks n_runs n_packed_epochs n_packed_rows"
)
GROUP_ARGUMENTS |= SHUFFLE_ARGUMENTS | PACK_ROWS_ARGUMENTS | SHUFFLE_AND_PACK_ARGUMENTS
GROUP_ARGUMENTS |= {
    name: llvm_type
    for name, llvm_type in TRAIN_AND_VALIDATE_ARGUMENTS.items()
    if name not in (*BLOCK_FIELDS, "n_epochs", "is_end_of_epoch")
}
EVALUATE_ARGUMENTS = argument_types(
    "weights x y first_rows workspace n_correct loss is_predicted", "n_rows"
)
EVALUATE_GROUP_ARGUMENTS = argument_types("blocks", "n_blocks") | {
    name: llvm_type for name, llvm_type in EVALUATE_ARGUMENTS.items() if name not in BLOCK_FIELDS
}


Logits = list[Value] | Array
"""The logits of a row, in registers or in memory."""

FinishLogits = Callable[[Index, Logits], None]
"""Emits the code that uses the logits of a row; called with the row and its logits."""

FinishRow = Callable[[Index, list[Index], list[Value]], None]
"""Emits the code that uses entries of a matrix product; called with a row, columns and sums."""


@dataclass(frozen=True)
class Layout:
    """Offsets of a block's numbers in memory, counted in vectors.

    Rows are an odd number of vectors apart: a power of two would send them all to the same
    few lines of the cache.

    Args:
        network: Its shape.
        n_rows: Rows that are propagated at once.
    """

    network: MLPSpec
    n_rows: int

    def weights(self, layer: int) -> int:
        """Return the offset of a layer's kernel (fan_in rows); the bias follows as one more row."""
        shapes = self.network.shapes[:layer]
        return sum((fan_in + 1) * (fan_out | 1) for fan_in, fan_out in shapes)

    @cached_property
    def layers(self) -> tuple[tuple[tuple[int, int], tuple[int, int]], ...]:
        """Shape of each kernel; start and end of the kernel with its bias."""
        offsets = [self.weights(k) for k in range(len(self.network.shapes) + 1)]
        return tuple(zip(self.network.shapes, pairwise(offsets), strict=True))

    def units(self, layer: int) -> int:
        """Return the offset of the activations (n_rows rows) of a layer; the input is layer 0."""
        return self.n_rows * sum(stride_of(width) for width in self.network.layer_sizes[:layer])

    def deltas(self, layer: int) -> int:
        """Return the offset of a hidden layer's deltas; the output's overwrite the logits."""
        return self.units(len(self.network.layer_sizes)) + self.units(layer) - self.units(1)

    @property
    def inputs_stride(self) -> int:
        """Vectors per row of inputs."""
        return stride_of(self.network.n_features)

    def record_size(self, lanes: int) -> int:
        """Return how many numbers the record of a row has; see `memory.PackedRows.records`.

        A power of two, at least 4; 0 if a record does not fit in a register.
        """
        size = max(4, 1 << self.network.n_features.bit_length())
        return size if size <= lanes else 0

    @property
    def n_weights(self) -> int:
        """Vectors of all kernels and biases."""
        return self.weights(len(self.network.shapes))

    @property
    def n_units(self) -> int:
        """Vectors of all activations and deltas."""
        return self.deltas(len(self.network.shapes))


def stride_of(width: int) -> int:
    """Return how many vectors apart the rows of a layer are: an odd number, at least its width."""
    return width | 1


def write_module(
    network: MLPSpec,
    n_rows: int,
    rule: UpdateRule,
    has_own_rows: bool,
    stops_early: bool,
    lanes: int,
) -> ir.Module:
    """Return a module with the functions for a network; the docstring of this file lists them.

    Args:
        network: Shape of the networks.
        n_rows: Maximum rows of a batch, of training or of evaluation.
        rule: How a gradient moves a weight.
        has_own_rows: Whether each lane evaluates its own rows, from `first_rows` on.
        stops_early: Whether trainings end once their validation loss does not improve.
        lanes: Networks in a block.
    """
    module = ir.Module("blobtransfer")
    layout = Layout(network, n_rows)
    _write_shuffle(Code(module, "shuffle", SHUFFLE_ARGUMENTS, lanes))
    _write_pack_rows(Code(module, "pack_rows", PACK_ROWS_ARGUMENTS, lanes), layout)
    has_records = layout.record_size(lanes) > 0
    if has_records:
        code = Code(module, "shuffle_and_pack", SHUFFLE_AND_PACK_ARGUMENTS, lanes)
        _write_shuffle_and_pack(code, layout, has_own_rows)
    code = Code(module, "train", TRAIN_ARGUMENTS, lanes)
    _write_train(code, _Network(code, layout), rule)
    code = Code(module, "evaluate", EVALUATE_ARGUMENTS, lanes)
    _write_evaluate(code, _Network(code, layout), has_own_rows)
    if stops_early:
        code = Code(module, "train_and_validate", TRAIN_AND_VALIDATE_ARGUMENTS, lanes)
        _write_train_and_validate(code, _Network(code, layout), rule)
    code = Code(module, "train_group", GROUP_ARGUMENTS, lanes)
    _write_train_group(code, has_records, stops_early)
    code = Code(module, "evaluate_group", EVALUATE_GROUP_ARGUMENTS, lanes)
    _write_evaluate_group(code, network.n_classes)
    return module


class _Network:
    """The arrays of a block of networks, and back-propagation through them."""

    def __init__(self, code: Code, layout: Layout) -> None:
        self.code, self.spec, self.layout = code, layout.network, layout
        sizes = self.spec.layer_sizes
        self.activations = [
            code.array("workspace", offset=layout.units(k), stride=stride_of(width))
            for k, width in enumerate(sizes)
        ]
        self.deltas = [
            code.array("workspace", offset=layout.deltas(k), stride=stride_of(width))
            for k, width in enumerate(sizes)
        ]
        self.deltas[-1] = self.activations[-1]
        self.weights = self.like_weights("weights")
        self.logits = self.activations[-1]

    def like_weights(self, argument: str, n_before: int = 0) -> list[Array]:
        """Return an argument as one array per layer: kernel rows, then the bias row.

        Args:
            argument: Name of the argument.
            n_before: Sets of numbers of this layout that precede it in the same memory.
        """
        start = n_before * self.layout.n_weights
        return [
            self.code.array(argument, offset=start + self.layout.weights(k), stride=fan_out | 1)
            for k, (_, fan_out) in enumerate(self.spec.shapes)
        ]

    def forward(self, n_rows: Index, finish_logits: FinishLogits | None = None) -> None:
        """Emit the forward pass of rows to the logits.

        Args:
            n_rows: Number of rows.
            finish_logits: In training, emits the output deltas of a row from its logits; the
                derivatives that `backward` needs are stored as well. None: the logits are stored.
        """
        output = len(self.spec.hidden)
        for layer in range(output):
            self.hidden_layer(layer, n_rows, finish_logits is not None)
        if finish_logits is None:
            self.weighted_sums(output, n_rows, self.store_logits)
        elif self.spec.n_classes <= min(COLUMNS, UNROLLED):  # the logits of a row share a tile
            self.weighted_sums(output, n_rows, lambda b, _, logits: finish_logits(b, logits))
        else:
            self.weighted_sums(output, n_rows, self.store_logits)
            with self.code.loop(0, n_rows) as b:
                finish_logits(b, self.logits.row(b))

    def hidden_layer(self, layer: int, n_rows: Index, is_trained: bool) -> None:
        """Emit the forward pass through a hidden layer: a_above = f(a W + b)."""
        above, derivatives = self.activations[layer + 1], self.deltas[layer + 1]

        def activate(b: Index, columns: list[Index], sums: list[Value]) -> None:
            for o, z in zip(columns, sums, strict=True):
                above[b, o], derivative = self.activation(layer, z)
                if is_trained and derivative is not None:
                    derivatives[b, o] = derivative  # until the delta of the unit overwrites it

        self.weighted_sums(layer, n_rows, activate)

    def store_logits(self, b: Index, columns: list[Index], sums: list[Value]) -> None:
        """Emit the stores of some logits of a row."""
        for c, z in zip(columns, sums, strict=True):
            self.logits[b, c] = z

    def weighted_sums(self, layer: int, n_rows: Index, finish: FinishRow) -> None:
        """Emit the weighted sums of a layer's inputs: z = a W + b."""
        fan_in, fan_out = self.spec.shapes[layer]
        activations, weights = self.activations[layer], self.weights[layer]
        _product(
            self.code,
            (n_rows, fan_out, fan_in),
            (ROWS, COLUMNS),
            start=lambda b, o: weights[fan_in, o],
            left=lambda b, i: activations[b, i],
            right=lambda i, o: weights[i, o],
            finish=finish,
        )

    def backward(self, n_rows: Index, n_frozen: Value, update: "Update") -> None:
        """Emit the backward pass from the output deltas, and the update of each trainable layer."""
        for layer in reversed(range(len(self.spec.shapes))):
            if layer > 0:
                with self.code.if_(n_frozen < layer):
                    self.delta_below(layer, n_rows)
            with self.code.if_(n_frozen < layer + 1):
                self.update(layer, n_rows, update)

    def delta_below(self, layer: int, n_rows: Index) -> None:
        """Emit the deltas of the layer below: d_below = (d W^T) f'(a_below)."""
        fan_in, fan_out = self.spec.shapes[layer]
        deltas, weights, below = self.deltas[layer + 1], self.weights[layer], self.deltas[layer]

        def finish(b: Index, columns: list[Index], sums: list[Value]) -> None:
            for i, delta in zip(columns, sums, strict=True):
                below[b, i] = self.times_derivative(layer - 1, b, i, delta)

        _product(
            self.code,
            (n_rows, fan_in, fan_out),
            (ROWS, COLUMNS),
            start=lambda b, i: self.code.constant(0.0),
            left=lambda b, o: deltas[b, o],
            right=lambda o, i: weights[i, o],
            finish=finish,
        )

    def update(self, layer: int, n_rows: Index, update: "Update") -> None:
        """Emit the update of a layer; gradient of W: a_below^T d, of b: sum of d over the rows."""
        fan_in, fan_out = self.spec.shapes[layer]
        below, deltas = self.activations[layer], self.deltas[layer + 1]

        def finish(i: Index, columns: list[Index], gradients: list[Value]) -> None:
            for o, gradient in zip(columns, gradients, strict=True):
                update(layer, i, o, gradient)

        _product(
            self.code,
            (fan_in + 1, fan_out, n_rows),  # the last row is the bias, whose unit is always 1
            (SQUARE, SQUARE),
            start=lambda i, o: self.code.constant(0.0),
            left=lambda i, b: None if i == fan_in else below[b, i],
            right=lambda b, o: deltas[b, o],
            finish=finish,
        )

    def add_squares(self, total: Variable, rule: UpdateRule) -> None:
        """Emit the sum of squares that the penalty of a rule is proportional to.

        Args:
            total: Gets the squares of the trainable weights, or of their distances from the anchor.
            rule: Decay, of kernels; or anchor, of kernels and biases.
        """
        is_anchored = rule.penalty == "anchor"
        anchors, n_frozen = self.like_weights("anchors"), self.code.argument("n_frozen")
        for layer, (fan_in, fan_out) in enumerate(self.spec.shapes):
            with (
                self.code.if_(n_frozen < layer + 1),
                self.code.loop(0, fan_in + is_anchored) as row,
                self.code.loop(0, fan_out) as column,
            ):
                distance = self.weights[layer][row, column]
                if is_anchored:
                    distance = distance - anchors[layer][row, column]
                total.value = self.code.fma(distance, distance, total.value)

    def activation(self, layer: int, z: Value) -> tuple[Value, Value | None]:
        """Emit f(z) of a hidden layer, counted from 0.

        Returns:
            f(z), and f'(z) where it cannot be computed from f(z); NaN stays NaN.
        """
        name, slope = self.spec.activation_of(layer)
        match name:
            case "relu":
                return self.code.select(z < 0.0, 0.0, z), None
            case "tanh":
                return 1.0 - 2.0 / (vector_math.exp(self.code, z + z) + 1.0), None
            case "sigmoid":
                return 1.0 / (vector_math.exp(self.code, 0.0 - z) + 1.0), None
            case "elu":
                return self.code.select(z < 0.0, vector_math.exp_minus_1(self.code, z), z), None
            case "gelu":
                below = vector_math.normal_cdf(self.code, z)
                density = vector_math.normal_density(self.code, z)
                return z * below, below + z * density
            case "swish":
                sigmoid = 1.0 / (vector_math.exp(self.code, 0.0 - z) + 1.0)
                return z * sigmoid, sigmoid * (1.0 + z * (1.0 - sigmoid))
            case "softplus":
                return vector_math.softplus(self.code, z)
            case _:
                return self.code.select(z > 0.0, z, z * slope), None

    def times_derivative(self, layer: int, b: Index, i: Index, delta: Value) -> Value:
        """Emit delta * f'(z) of a unit, with f' computed from its activation a = f(z)."""
        a, (name, slope) = self.activations[layer + 1][b, i], self.spec.activation_of(layer)
        match name:
            case "relu":
                return self.code.select(a <= 0.0, 0.0, delta)
            case "tanh":
                return delta * (1.0 - a * a)
            case "sigmoid":
                return delta * (a * (1.0 - a))
            case "elu":
                return self.code.select(a < 0.0, delta * (a + 1.0), delta)
            case "gelu" | "swish" | "softplus":
                return delta * self.deltas[layer + 1][b, i]  # where `hidden_layer` stored it
            case _:
                return self.code.select(a > 0.0, delta, delta * slope)

    def softmax_parts(self, logits: Logits) -> tuple[Value, Value]:
        """Overwrite the logits z of a row by e^(z - max z); return max z and the sum of these."""
        code = self.code
        biggest = code.variable(logits[0])
        for c in code.unroll(self.spec.n_classes):
            z = logits[c]
            biggest.value = code.select(z > biggest.value, z, biggest.value)
        total = code.variable(0.0)
        for c in code.unroll(self.spec.n_classes):
            power = vector_math.exp_of_negative(code, logits[c] - biggest.value)
            logits[c] = power
            total.value = total.value + power
        return biggest.value, total.value


def _write_shuffle(code: Code) -> None:
    """Emit the row orders of some epochs, one after another; see `randomness.batch_orders`."""
    n_rows, first_epoch = code.argument("n_rows"), code.argument("first_epoch")
    keys, orders = code.array("order_keys", code.int64s)[0], code.array("row_orders", code.int32s)
    # Lanes lie side by side: lane l of order q is number q * lanes + l.
    lane = Value(code, ir.Constant(code.int32s, list(range(code.lanes))))
    with code.loop(first_epoch, code.argument("last_epoch")) as epoch:
        start = (epoch - first_epoch) * n_rows
        with code.loop(0, n_rows) as position:
            orders[start + position] = code.broadcast(code.convert(position, INT32))
        with code.loop(0, n_rows - 1) as turn:
            last = n_rows - 1 - turn
            other = random_below(keys, epoch * n_rows + last, last + 1)
            index = code.convert(other + start, code.int32s) * code.lanes + lane
            chosen = code.gather("row_orders", INT32, index)
            code.scatter("row_orders", INT32, index, orders[start + last])
            orders[start + last] = chosen
    code.finish()


def _write_pack_rows(code: Code, layout: Layout) -> None:
    """Emit copies of `n_rows` rows in their order: features as inputs, and labels."""
    orders, labels = code.array("row_orders", code.int32s), code.array("labels", code.int32s)
    inputs = code.array("inputs", stride=layout.inputs_stride)
    n_features = layout.network.n_features
    with code.loop(0, code.argument("n_rows")) as b:
        row = orders[b] + _first_rows(code)
        n_consecutive = n_features - n_features % code.lanes
        if n_consecutive:
            starts = [code.lane(row * n_features, lane) for lane in range(code.lanes)]
            with code.loop(0, n_consecutive, code.lanes) as first:
                starts_of_lanes = [start + first for start in starts]
                features = code.gather_consecutive("x", starts_of_lanes, code.lanes)
                for i, feature in enumerate(features):
                    inputs[b, first + i] = feature
        for i in code.unroll(n_features - n_consecutive):
            index = row * n_features + n_consecutive + code.convert(code.index(i), INT32)
            inputs[b, n_consecutive + i] = code.gather("x", FLOAT, index)
        labels[b] = code.gather("y", INT32, row)
    code.finish()


def _write_shuffle_and_pack(code: Code, layout: Layout, has_own_rows: bool) -> None:
    """Emit one pass that does the work of `shuffle` and `pack_rows`, for whole epochs.

    Row numbers have 16 bits, so that those of an epoch fit in the L1 cache. They are swapped lane
    by lane, which is faster than to gather and scatter them. The record of a row is copied as soon
    as its position is final.
    """
    n_rows, first_epoch = code.argument("n_rows"), code.argument("first_epoch")
    keys = code.array("order_keys", code.int64s)[0]
    labels = code.array("labels", code.int32s)
    inputs = code.array("inputs", stride=layout.inputs_stride)
    positions = code.array("row_orders", code.int16s)
    row_numbers = code.array("row_orders", INT16)
    drawn_positions = code.array("labels", INT32)
    size = layout.record_size(code.lanes)
    first_rows = [code.lane(_first_rows(code), lane) for lane in range(code.lanes)]
    with code.loop(first_epoch, code.argument("last_epoch")) as epoch:
        start = (epoch - first_epoch) * n_rows
        with code.loop(0, n_rows) as position:
            positions[position] = code.broadcast(code.convert(position, INT16))
            drawn = random_below(keys, epoch * n_rows + position, position + 1)
            # The memory of the labels holds the drawn positions until the labels overwrite them.
            labels[start + position] = code.convert(drawn, code.int32s) * code.lanes
        with code.loop(0, n_rows) as turn:
            last = n_rows - 1 - turn
            records = []
            for lane, first_row in enumerate(first_rows):
                drawn = code.convert(drawn_positions[(start + last) * code.lanes, lane], INT64)
                row = code.convert(row_numbers[drawn, lane], INT64)
                row_numbers[drawn, lane] = row_numbers[last * code.lanes, lane]
                records.append((row + first_row if has_own_rows else row) * size)
            *features, label = code.gather_consecutive("records", records, size)
            for i in range(layout.network.n_features):
                inputs[start + last, i] = features[i]
            labels[start + last] = code.bits(label)
    code.finish()


def _write_train(code: Code, network: _Network, rule: UpdateRule) -> None:
    """Emit the training of a block for `n_epochs` epochs of `n_rows` packed rows."""
    spec = network.spec
    n_rows, batch_size = code.argument("n_rows"), code.argument("batch_size")
    inputs = code.array("inputs", stride=network.layout.inputs_stride)
    output_deltas = network.deltas[-1]
    is_adam = rule.optimizer == "adam"
    # The rate is in the gradients of SGD already.
    scale = code.constant(1.0, FLOAT) if is_adam else code.argument("learning_rate")
    rate_of_step = code.variable(code.constant(0.0, FLOAT))
    weights = network.weights
    moments = [network.like_weights("moments", n) for n in range(rule.n_moments)]
    if is_adam:
        move = adam(code, weights, moments, rate_of_step)
    else:
        move = sgd(code, rule, weights, moments)
    if rule.penalty == "none":
        update = move
    else:
        bias_rows = [fan_in for fan_in, _ in spec.shapes]
        anchors = network.like_weights("anchors")
        update = with_penalty(code, rule, weights, anchors, bias_rows, move)

    code.flush_tiny()
    with code.loop(0, code.argument("n_epochs")) as epoch:
        with code.loop(0, n_rows, batch_size) as first:
            n_batch = code.minimum(n_rows - first, batch_size)
            row = epoch * n_rows + first
            network.activations[0] = inputs.from_row(row)
            if is_adam:
                rate_of_step.value = adam_rate(code)
            rate = code.broadcast(scale / code.convert(n_batch, FLOAT))
            labels = code.array("labels", code.int32s).from_row(row)

            def finish_logits(
                b: Index, logits: Logits, labels: Array = labels, rate: Value = rate
            ) -> None:
                _, total = network.softmax_parts(logits)
                share = rate / total
                for c in code.unroll(spec.n_classes):
                    # rate * (probability - 1 for the label's class)
                    is_label = labels[b].eq(code.convert(code.index(c), INT32))
                    hit = code.select(is_label, rate, code.constant(0.0))
                    output_deltas[b, c] = logits[c] * share - hit

            network.forward(n_batch, finish_logits)
            network.backward(n_batch, code.argument("n_frozen"), update)
    code.finish()


def _write_train_and_validate(code: Code, network: _Network, rule: UpdateRule) -> None:
    """Emit the training of a block with early stopping; rows are packed as for `train`.

    If `is_end_of_epoch` is 1, the packed rows are the last of each of their epochs, after which the
    networks are evaluated on their validation rows. A network has stopped once it has waited for
    `patience` epochs. Its lane is trained on with the others, but its `best_weights` and `stopping`
    do not change. Once all lanes have stopped, `n_running` falls by 1 and nothing is trained.

    Source: `keras.callbacks.EarlyStopping` with `restore_best_weights`.
    """
    n_rows, n_validation_rows = code.argument("n_rows"), code.argument("n_validation_rows")
    inputs = code.array("inputs", stride=network.layout.inputs_stride)
    labels, epochs = code.array("labels", code.int32s), code.array("stopping", code.int32s)
    losses, loss_sums = code.array("stopping"), code.array("validation_loss", code.doubles)
    weights, best_weights = code.array("weights"), code.array("best_weights")
    n_running = code.array("n_running", INT64)
    patience = code.convert(code.argument("patience"), INT32)
    validation_rows = {
        name: code.argument(f"validation_{name}") for name in ("x", "y", "first_rows", "loss")
    }
    penalty = None if rule.penalty == "none" else code.variable(0.0)

    code.flush_tiny()
    with (
        code.loop(0, code.argument("n_epochs")) as epoch,
        code.if_(code.any_lane(epochs[WAITED] < patience)),
    ):
        packed = {
            "inputs": inputs.address(epoch * n_rows),
            "labels": labels.address(epoch * n_rows),
        }
        code.call("train", TRAIN_ARGUMENTS, packed | {"n_epochs": code.index(1)})
        with code.if_(code.argument("is_end_of_epoch").eq(1)):
            loss_sums[0] = code.constant(0.0, code.doubles)
            code.call(
                "evaluate", EVALUATE_ARGUMENTS, validation_rows | {"n_rows": n_validation_rows}
            )
            loss = loss_sums[0] / code.convert(n_validation_rows, DOUBLE)
            loss = code.convert(loss, code.floats)
            if penalty is not None:
                penalty.value = code.constant(0.0)
                network.add_squares(penalty, rule)
                loss = loss + penalty.value * code.argument("penalty")
            waited, made = epochs[WAITED], epochs[MADE]
            is_running = waited < patience
            # The first loss is the best so far, whatever it is; NaN is never better.
            is_better = is_running & (made.eq(0) | (loss < losses[BEST_LOSS]))
            losses[BEST_LOSS] = code.select(is_better, loss, losses[BEST_LOSS])
            with code.loop(0, network.layout.n_weights) as i:
                best_weights[i] = code.select(is_better, weights[i], best_weights[i])
            epochs[MADE] = code.select(is_running, made + 1, made)
            waited = code.select(is_running, waited + 1, waited)
            epochs[WAITED] = code.select(is_better, 0, waited)
            with code.if_(code.any_lane(epochs[WAITED] < patience).eq(0)):
                n_running[0] = n_running[0] - 1
    code.finish()


def _write_train_group(code: Code, has_records: bool, stops_early: bool) -> None:
    """Emit the training of the blocks of a group, from `first_epoch` up to `last_epoch` - 1.

    Either all rows of some epochs, or some rows of one epoch, are packed at a time. Once
    `is_stopped` is not 0 the weights do not change; `n_done` grows by the epochs of all `n_runs`.

    Args:
        code: Function to emit into.
        has_records: Whether the module has `shuffle_and_pack`.
        stops_early: Whether the module has `train_and_validate`.
    """
    n_rows, last_epoch = code.argument("n_rows"), code.argument("last_epoch")
    at_once, rows_at_once = code.argument("n_packed_epochs"), code.argument("n_packed_rows")
    is_stopped, n_done = code.array("is_stopped", INT64), code.array("n_done", INT64)
    fields = {
        name: code.array("blocks", TRAIN_AND_VALIDATE_ARGUMENTS[name], stride=len(BLOCK_FIELDS))
        for name in BLOCK_FIELDS
    }

    def train_blocks(first: Value, n_epochs: Value) -> None:
        epochs = {"first_epoch": first, "last_epoch": first + n_epochs}
        is_one_pass = code.constant(0, INT1)
        if has_records:
            # `shuffle_and_pack` writes all rows of an epoch, so the memory must hold them.
            is_one_pass = n_rows <= code.minimum(rows_at_once, MAX_16_BIT_ROWS)
            with code.if_(is_one_pass):
                code.call("shuffle_and_pack", SHUFFLE_AND_PACK_ARGUMENTS, epochs)
        with code.if_(is_one_pass.eq(0)):
            code.call("shuffle", SHUFFLE_ARGUMENTS, epochs)
        with code.loop(0, n_rows, rows_at_once) as start:
            n = code.minimum(n_rows - start, rows_at_once)
            row_orders = code.array("row_orders", code.int32s).address(start)
            packed = {"row_orders": row_orders, "n_rows": n_epochs * n}
            with code.if_(is_one_pass.eq(0)):
                code.call("pack_rows", PACK_ROWS_ARGUMENTS, packed)
            with code.loop(0, code.argument("n_blocks")) as block, code.if_(is_stopped[0].eq(0)):
                values = {name: fields[name][block, i] for i, name in enumerate(BLOCK_FIELDS)}
                values |= {"n_epochs": n_epochs, "n_rows": n}
                if stops_early:
                    values["is_end_of_epoch"] = code.convert((start + n).eq(n_rows), INT64)
                    code.call("train_and_validate", TRAIN_AND_VALIDATE_ARGUMENTS, values)
                else:
                    code.call("train", TRAIN_ARGUMENTS, values)

    with (
        code.loop(code.argument("first_epoch"), last_epoch, at_once) as first,
        code.if_(is_stopped[0].eq(0)),
    ):
        n_epochs = code.minimum(last_epoch - first, at_once)
        if stops_early:
            with code.if_(code.array("n_running", INT64)[0] > 0):
                train_blocks(first, n_epochs)
        else:
            train_blocks(first, n_epochs)
        n_done[0] = n_done[0] + n_epochs * code.argument("n_runs")
    code.finish()


def _write_evaluate(code: Code, network: _Network, has_own_rows: bool) -> None:
    """Emit an evaluation: correct rows and predictions by class, summed loss without penalty."""
    spec, layout = network.spec, network.layout
    n_rows = code.argument("n_rows")
    n_correct = code.array("n_correct", code.int32s)
    loss = code.array("loss", code.doubles)
    is_predicted = code.array("is_predicted", code.int32s)
    inputs, logits = network.activations[0], network.logits

    def row_of_lanes(row: Value) -> Value:
        if not has_own_rows:
            return row
        return code.broadcast(code.convert(row, INT32)) + _first_rows(code)

    def load(name: str, llvm_type: Any, start: Value, i: Index) -> Value:
        if not has_own_rows:
            return code.broadcast(code.array(name, llvm_type)[start, i])
        return code.gather(
            name, llvm_type, start + code.broadcast(code.convert(code.index(i), INT32))
        )

    def count(c: Index, is_correct: Value) -> None:
        n_correct[c] = code.select(is_correct, n_correct[c] + 1, n_correct[c])

    code.flush_tiny()
    with code.loop(0, n_rows, layout.n_rows) as first:
        n_batch = code.minimum(n_rows - first, layout.n_rows)
        with code.loop(0, n_batch) as b:
            start = row_of_lanes(first + b) * spec.n_features
            for i in code.unroll(spec.n_features):
                inputs[b, i] = load("x", FLOAT, start, i)
        network.forward(n_batch)
        with code.loop(0, n_batch) as b:
            label = load("y", INT32, row_of_lanes(first + b), 0)
            best, winner = code.variable(logits[b, 0]), code.variable(code.constant(0, code.int32s))
            of_label = code.variable(best.value)
            for c in code.unroll(spec.n_classes):
                z, number = logits[b, c], code.broadcast(code.convert(code.index(c), INT32))
                winner.value = code.select(z > best.value, number, winner.value)
                best.value = code.select(z > best.value, z, best.value)
                of_label.value = code.select(label.eq(number), z, of_label.value)
            is_correct = winner.value.eq(label)
            for c in code.unroll(spec.n_classes):
                is_winner = winner.value.eq(code.broadcast(code.convert(code.index(c), INT32)))
                is_predicted[c] = code.select(is_winner, 1, is_predicted[c])
                if has_own_rows:
                    count(c, is_winner & is_correct)
            if not has_own_rows:  # the row, and so its class, is the same in all lanes
                count(code.convert(code.array("y", INT32)[first + b], INT64), is_correct)
            biggest, total = network.softmax_parts(logits.row(b))
            row_loss = vector_math.log(code, total) + (biggest - of_label.value)
            loss[0] = loss[0] + code.convert(row_loss, code.doubles)
    code.finish()


def _write_evaluate_group(code: Code, n_classes: int) -> None:
    """Emit the evaluation of the blocks of a group; their results follow one another."""
    weights = code.array("blocks", POINTER, BLOCK_FIELDS.index("weights"), len(BLOCK_FIELDS))
    results = {
        "n_correct": code.array("n_correct", code.int32s, stride=n_classes),
        "loss": code.array("loss", code.doubles),
        "is_predicted": code.array("is_predicted", code.int32s, stride=n_classes),
    }
    with code.loop(0, code.argument("n_blocks")) as block:
        values = {name: array.address(block) for name, array in results.items()}
        code.call("evaluate", EVALUATE_ARGUMENTS, values | {"weights": weights[block]})
    code.finish()


def _first_rows(code: Code) -> Value:
    return code.array("first_rows", code.int32s)[0]


def _product(
    code: Code,
    size: tuple[Index, Index, Index],
    tile: tuple[int, int],
    start: Callable[[Index, Index], Value],
    left: Callable[[Index, Index], Value | None],
    right: Callable[[Index, Index], Value],
    finish: FinishRow,
) -> None:
    """Emit a matrix product: sum over k of left(row, k) * right(k, column).

    Args:
        code: Function to emit into.
        size: Rows, columns, and terms of each sum.
        tile: Maximum rows and columns whose sums are in registers at once.
        start: Returns the initial value of the sum of a row and column.
        left: Returns an entry of the left matrix by row and term, None where it is 1. If the number
            of rows is a Python integer, the last row is passed as a Python integer.
        right: Returns an entry of the right matrix by term and column.
        finish: Called with a row, the columns of a tile and their sums.
    """
    n_rows, n_columns, n_terms = size

    def write_tile(first_row: Index, n_r: int, first_column: Index, n_c: int) -> None:
        rows = [first_row + r for r in range(n_r)]
        columns = [first_column + c for c in range(n_c)]
        sums = [[code.variable(start(row, column)) for column in columns] for row in rows]
        for k in code.unroll(n_terms):
            factors = [right(k, column) for column in columns]
            for row, row_sums in zip(rows, sums, strict=True):
                left_factor = left(row, k)
                for total, factor in zip(row_sums, factors, strict=True):
                    if left_factor is None:
                        total.value = total.value + factor
                    else:
                        total.value = code.fma(left_factor, factor, total.value)
        for row, row_sums in zip(rows, sums, strict=True):
            finish(row, columns, [total.value for total in row_sums])

    # The outer loop is over columns, whose entries of the right matrix stay in the L1 cache.
    for first_column, n_c in _tiles(code, n_columns, tile[1]):
        for first_row, n_r in _tiles(code, n_rows, tile[0], is_last_outside_loop=True):
            write_tile(first_row, n_r, first_column, n_c)


def _tiles(code: Code, n: Index, most: int, is_last_outside_loop: bool = False) -> Any:
    """Yield the first index and the size of tiles that cover 0 .. n - 1.

    Args:
        code: Function to emit the loops over the tiles into.
        n: Number of indices, at least 1.
        most: Maximum size of a tile.
        is_last_outside_loop: Whether the last tile is emitted outside the loop, so that its first
            index is a Python integer if n is one.
    """
    if isinstance(n, int):
        size = -(-n // -(-n // most))  # as even as can be: 64 in tiles of at most 6 is 10 x 6 + 4
        full = (n - is_last_outside_loop) // size
        if full == 1:
            yield 0, size
        elif full:
            with code.loop(0, full * size, size) as first:
                yield first, size
        if full * size < n:
            yield full * size, n - full * size
    else:
        remainder = Value(code, code.builder.urem(n.register, code.index(most).register))
        full_rows = n - remainder
        with code.loop(0, full_rows, most) as first:
            yield first, most
        with code.loop(full_rows, n) as first:
            yield first, 1
