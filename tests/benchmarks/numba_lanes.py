"""numba: compiled loops with the network as the innermost (SIMD) axis.

The other way to write this project's kernel. Its vector type, LANES float32 with a few lines
of LLVM for each operation, makes every load and fused multiply-add packed: left alone, numba
keeps part of such loops scalar. All numbers of a block of networks lie in one array `m` of
shape (any, LANES), at places that are constants of the compiled code.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, reduce
from itertools import accumulate, pairwise
from typing import Any

import numba
import numpy as np
from common import N_THREADS, layers, weights_of, with_ones
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from blobtransfer.engines import Job
from blobtransfer.network import Weights

LANES = 16  # float32 in one AVX-512 register; LLVM splits it in two on AVX2

jit = numba.njit(nogil=True, error_model="numpy")


def train(job: Job) -> Weights:
    """Train every run of a job."""
    training, n_rows = job.training, len(job.datasets[0].y_train)
    train_block, n_vectors = compiled(job.network.layer_sizes, training.batch_size)
    x, y = with_ones(job.datasets[0].x_train), job.datasets[0].y_train
    flat = np.concatenate([w.reshape(job.n_runs, -1) for w in layers(job.weights)], axis=1)
    trained, n_weights = np.empty_like(flat), flat.shape[1]

    def train_runs(first: int) -> None:
        runs = np.arange(first, min(first + LANES, job.n_runs))
        lanes = np.pad(runs, (0, LANES - len(runs)), mode="edge")
        memory = np.zeros((n_vectors + 1) * LANES, np.float32)
        memory = memory[-memory.ctypes.data % 64 // 4 :]  # vectors start where cache lines do
        m = memory[: n_vectors * LANES].reshape(n_vectors, LANES)
        m[:n_weights] = flat[lanes].T
        orders = np.repeat(np.arange(n_rows, dtype=np.uint32)[:, None], LANES, axis=1)
        rate = np.float32(training.learning_rate)
        train_block(m, orders, job.order_keys[lanes], x, y, training.epochs, rate)
        trained[runs] = m[:n_weights, : len(runs)].T

    with ThreadPoolExecutor(N_THREADS) as pool:
        list(pool.map(train_runs, range(0, job.n_runs, LANES)))
    ends = list(accumulate((fan_in + 1) * fan_out for fan_in, fan_out in job.network.shapes))
    parts = zip(np.split(trained, ends[:-1], axis=1), job.network.layer_sizes[1:], strict=True)
    return weights_of(part.reshape(job.n_runs, fan_out, -1) for part, fan_out in parts)


# --- vectors: one float32 of each network ---------------------------------------------------


class Vector(types.Type):
    """numba's type of LANES float32 in one register."""


VECTOR = Vector("Vector")
REGISTER = ir.VectorType(ir.FloatType(), LANES)
INTEGERS = ir.VectorType(ir.IntType(32), LANES)


@register_model(Vector)
class VectorModel(models.PrimitiveModel):
    """Represent a vector by LLVM's own vector type."""

    def __init__(self, manager: Any, fe_type: types.Type) -> None:
        super().__init__(manager, fe_type, REGISTER)


def place(context: Any, builder: ir.IRBuilder, array_type: types.Array, array: Any, i: Any) -> Any:
    """Return the address of `array[i, :]`."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(builder.bitcast(data, REGISTER.as_pointer()), [i])


@intrinsic
def load(_, array, i):
    """Return the vector `array[i, :]`."""

    def emit(context, builder, signature, args):
        return builder.load(place(context, builder, signature.args[0], *args), align=4)

    return VECTOR(array, types.intp), emit


@intrinsic
def store(_, array, i, vector):
    """Set `array[i, :]`."""

    def emit(context, builder, signature, args):
        builder.store(args[2], place(context, builder, signature.args[0], *args[:2]), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, VECTOR), emit


@intrinsic
def splat(_, x):
    """Return a vector with `x` in every lane."""

    def emit(_context, builder, _signature, args):
        empty, zero = ir.Constant(REGISTER, ir.Undefined), ir.Constant(INTEGERS, None)
        one = builder.insert_element(empty, args[0], ir.IntType(32)(0))
        return builder.shuffle_vector(one, empty, zero)

    return VECTOR(types.float32), emit


def operation(n_args: int, build: Callable[..., Any]) -> Any:
    """Make a numba function of vectors from the LLVM instructions that compute it."""

    def emit(_context, builder, _signature, args):
        return build(builder, *args)

    made = VECTOR(*[VECTOR] * n_args), emit
    typers = (lambda _, x: made, lambda _, x, y: made, lambda _, x, y, z: made)
    return intrinsic(typers[n_args - 1])


def build_fma(b: ir.IRBuilder, *args: Any) -> Any:
    """Write x * y + z; `IRBuilder.fma` takes no vectors."""
    kind = ir.FunctionType(REGISTER, [REGISTER] * 3)
    return b.call(cgutils.get_or_insert_function(b.module, kind, f"llvm.fma.v{LANES}f32"), args)


def build_power(b: ir.IRBuilder, x: Any) -> Any:
    """Write 2^n for the whole number n in the lowest bits of x."""
    bias, shift = (ir.Constant(INTEGERS, [c] * LANES) for c in (127, 23))
    return b.bitcast(b.shl(b.add(b.bitcast(x, INTEGERS), bias), shift), REGISTER)


add = operation(2, lambda b, x, y: b.fadd(x, y))
sub = operation(2, lambda b, x, y: b.fsub(x, y))
mul = operation(2, lambda b, x, y: b.fmul(x, y))
div = operation(2, lambda b, x, y: b.fdiv(x, y))
fma = operation(3, build_fma)
maximum = operation(2, lambda b, x, y: b.select(b.fcmp_ordered(">", x, y), x, y))
where_not_zero = operation(3, lambda b, x, y, z: b.select(b.fcmp_ordered("!=", x, z), y, z))
power_of_two = operation(1, build_power)


@jit
def exp(x):
    """Return e^x for x <= 0, as the Cephes library does."""
    x = maximum(x, splat(-87.0))
    shifted = fma(x, splat(1.44269504), splat(12582912.0))  # 1.5 * 2^23: rounds
    n = sub(shifted, splat(12582912.0))
    r = fma(n, splat(2.12194440e-4), fma(n, splat(-0.693359375), x))
    p = fma(splat(1.9875691500e-4), r, splat(1.3981999507e-3))
    p = fma(fma(p, r, splat(8.3334519073e-3)), r, splat(4.1665795894e-2))
    p = fma(fma(p, r, splat(1.6666665459e-1)), r, splat(5.0000001201e-1))
    return mul(add(fma(p, mul(r, r), r), splat(1.0)), power_of_two(shifted))


# --- the kernel -----------------------------------------------------------------------------


def product(n_rows, n_columns, n_terms, left, right, finish):
    """Compile a matrix product: sum over k of left[row, k] * right[k, column].

    Args:
        n_rows: Its rows; 0 stands for the rows of the batch.
        n_columns: Its columns.
        n_terms: Terms of each sum; 0 stands for the rows of the batch.
        left: Where that matrix lies in `m`: its start, and its steps to the next row and column.
        right: The same of the other.
        finish: Gets `m`, a row, a column and their sum.
    """
    left_start, left_row, left_column = left
    right_start, right_row, right_column = right

    @jit
    def run(m, n_batch):
        last_row, terms = (n_rows or n_batch), (n_terms or n_batch)
        for row in range(0, last_row, 4):
            for column in range(0, n_columns, 2):
                # The tile may reach over the edge: what is summed there is not used.
                s00 = s10 = s20 = s30 = s01 = s11 = s21 = s31 = splat(0.0)
                for k in range(terms):
                    at = left_start + row * left_row + k * left_column
                    l0, l1 = load(m, at), load(m, at + left_row)
                    l2, l3 = load(m, at + 2 * left_row), load(m, at + 3 * left_row)
                    at = right_start + k * right_row + column * right_column
                    r0, r1 = load(m, at), load(m, at + right_column)
                    s00, s10 = fma(l0, r0, s00), fma(l1, r0, s10)
                    s20, s30 = fma(l2, r0, s20), fma(l3, r0, s30)
                    s01, s11 = fma(l0, r1, s01), fma(l1, r1, s11)
                    s21, s31 = fma(l2, r1, s21), fma(l3, r1, s31)
                for c, sums in enumerate(((s00, s10, s20, s30), (s01, s11, s21, s31))):
                    for r in range(4):
                        if row + r < last_row and column + c < n_columns:
                            finish(m, row + r, column + c, sums[r])

    return run


def then(first: Any, second: Any) -> Any:
    """Compile the function that calls one after the other."""

    @jit
    def both(m, n_batch):
        first(m, n_batch)
        second(m, n_batch)

    return both


@cache
def compiled(sizes: tuple[int, ...], batch_size: int) -> tuple[Any, int]:
    """Compile the training of one block of networks; say how many vectors its `m` has."""
    shapes, n_classes = list(pairwise(sizes)), sizes[-1]
    steps = [(width + 1) | 1 for width in sizes]  # from row to row; odd, to spread over the cache
    n_weights = [(fan_in + 1) * fan_out for fan_in, fan_out in shapes]
    parts = [*n_weights, *(batch_size * step for step in steps + steps)]
    *starts, n_vectors = accumulate(parts, initial=0)
    weights, units, deltas = (starts[i:] for i in (0, len(shapes), len(shapes) + len(sizes)))
    deltas[len(shapes)] = units[len(shapes)]  # those of the output take the logits' place

    def dense(k):
        (fan_in, fan_out), w, a, d = shapes[k], weights[k], units[k], deltas[k]
        above, step, step_above = units[k + 1], steps[k], steps[k + 1]
        is_output = k == len(shapes) - 1

        @jit
        def keep(m, row, column, z):
            store(m, above + row * step_above + column, z if is_output else maximum(z, splat(0.0)))

        @jit
        def keep_delta(m, row, column, slope):
            unit = load(m, a + row * step + column)
            store(m, d + row * step + column, where_not_zero(unit, slope, splat(0.0)))

        @jit
        def update(m, row, column, gradient):
            at = w + row * (fan_in + 1) + column
            store(m, at, sub(load(m, at), gradient))

        inputs, d_above = (a, step, 1), deltas[k + 1]
        forward = product(0, fan_out, fan_in + 1, inputs, (w, 1, fan_in + 1), keep)
        backward = product(fan_out, fan_in + 1, 0, (d_above, 1, step_above), inputs, update)
        if k > 0:
            left, right = (d_above, step_above, 1), (w, fan_in + 1, 1)
            backward = then(product(0, fan_in, fan_out, left, right, keep_delta), backward)
        return forward, backward

    made = [dense(k) for k in range(len(shapes))]
    forward = reduce(then, [f for f, _ in made])
    backward = reduce(then, [b for _, b in reversed(made)])
    logits, step_logits, step_inputs, inputs = units[len(shapes)], steps[-1], steps[0], units[0]
    hidden = range(1, len(shapes))
    ones = np.array([units[k] + b * steps[k] + sizes[k] for k in hidden for b in range(batch_size)])

    @jit
    def train_block(m, orders, states, x, y, epochs, rate):
        for i in ones:
            m[i, :] = 1.0
        for _ in range(epochs):
            shuffle(orders, states)
            for start in range(0, len(x), batch_size):
                n = min(batch_size, len(x) - start)
                for b in range(n):
                    for i in range(x.shape[1]):
                        for lane in range(LANES):
                            m[inputs + b * step_inputs + i, lane] = x[orders[start + b, lane], i]
                forward(m, n)
                for b in range(n):
                    row = logits + b * step_logits
                    softmax(m, row, n_classes, rate / np.float32(n))
                    for lane in range(LANES):
                        m[row + y[orders[start + b, lane]], lane] -= rate / np.float32(n)
                backward(m, n)

    return train_block, n_vectors + 4 * max(steps)  # the last tile may reach over the end


@jit
def softmax(m, row, n_classes, scale):
    """Turn the logits of a row into `scale` times their probabilities."""
    highest = load(m, row)
    for c in range(1, n_classes):
        highest = maximum(highest, load(m, row + c))
    total = splat(0.0)
    for c in range(n_classes):
        power = exp(sub(load(m, row + c), highest))
        store(m, row + c, power)
        total = add(total, power)
    factor = div(splat(scale), total)
    for c in range(n_classes):
        store(m, row + c, mul(load(m, row + c), factor))


@jit
def shuffle(orders, states):
    """Shuffle each lane's column of `orders`: Fisher-Yates on SplitMix64, lanes side by side."""
    for last in range(len(orders) - 1, 0, -1):
        for lane in range(LANES):
            states[lane] += np.uint64(0x9E3779B97F4A7C15)
            z = states[lane]
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z = (z ^ (z >> np.uint64(31))) >> np.uint64(32)
            other = (z * np.uint64(last + 1)) >> np.uint64(32)
            orders[last, lane], orders[other, lane] = orders[other, lane], orders[last, lane]
