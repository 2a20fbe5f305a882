"""Vector code written in Python: one value per network, a register full at a time.

Running a function on `Value`s does not compute it but emits LLVM code: `a * b` becomes an
instruction, `for i in code.unroll(n)` a loop (unrolled where n is small), and `array[i] = a` a
store. Two traps:

- THE BODY OF A LOOP RUNS ONCE in Python and is emitted once, whatever the number of turns: no
  `break`, no Python counter and no Python `if` on a `Value` works in it.
- INTEGERS ARE UNSIGNED and wrap around: 0 - 1 is the largest integer, also in comparisons.

Code that reads like the arithmetic of one network computes as many networks as a register has
lanes. This module does not depend on networks.
"""

import platform
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

FLOAT, DOUBLE = ir.FloatType(), ir.DoubleType()
INT1, INT16, INT32, INT64 = (ir.IntType(n_bits) for n_bits in (1, 16, 32, 64))
POINTER = ir.PointerType()

UNROLLED = 8
"""Most turns of a loop that `Code.unroll` unrolls."""

FLUSH_TO_ZERO = 0x8040
"""Bits FTZ and DAZ of MXCSR, Intel's manual volume 1, 10.2.3."""


def argument_types(pointers: str, integers: str, floats: str = "") -> dict[str, Any]:
    """Return the LLVM types of arguments by name.

    Args:
        pointers: Names of the pointers, separated by spaces.
        integers: Names of the 64-bit integers.
        floats: Names of the float32 numbers.
    """
    names_of = {POINTER: pointers, INT64: integers, FLOAT: floats}
    return {name: llvm_type for llvm_type, names in names_of.items() for name in names.split()}


def _operator(name: str) -> "Operator":
    return lambda a, b: a.code.operation(name, a, b)


def _reflected(name: str) -> "Operator":
    return lambda a, b: a.code.operation(name, b, a)


def _relation(relation: str) -> "Operator":
    return lambda a, b: a.code.compare(relation, a, b)


class Value:
    """A number in a register: a scalar, or a vector with one number per lane.

    INTEGERS ARE UNSIGNED and wrap around: 0 - 1 is the largest integer, also in comparisons and
    in `>>`. A Python number on the other side of an operator takes the type of the value; a
    scalar is broadcast to every lane of a vector.
    """

    def __init__(self, code: "Code", register: Any) -> None:
        self.code = code
        self.register = register

    __add__, __radd__ = _operator("add"), _reflected("add")
    __sub__, __rsub__ = _operator("sub"), _reflected("sub")
    __mul__, __rmul__ = _operator("mul"), _reflected("mul")
    __truediv__, __rtruediv__ = _operator("div"), _reflected("div")
    __xor__, __and__, __or__ = _operator("xor"), _operator("and_"), _operator("or_")
    __lshift__, __rshift__ = _operator("shl"), _operator("lshr")
    __lt__, __le__, __gt__ = _relation("<"), _relation("<="), _relation(">")

    def eq(self, other: "Number") -> "Value":
        """Return whether two numbers are equal, lane by lane."""
        return self.code.compare("==", self, other)


Number = Value | int | float
Index = Value | int
Operator = Callable[[Value, Number], Value]


class Variable:
    """A value that changes while the code runs; LLVM keeps it in a register."""

    def __init__(self, code: "Code", value: Value) -> None:
        self._code = code
        self._type = value.register.type
        self._slot = code.allocate(self._type)
        self.value = value

    @property
    def value(self) -> Value:
        """Its value at this point of the code."""
        return Value(self._code, self._code.builder.load(self._slot, typ=self._type))

    @value.setter
    def value(self, value: Value) -> None:
        self._code.builder.store(value.register, self._slot)


class Array:
    """Numbers or vectors in memory, `stride` per row; indexed by `[row, column]` or `[index]`.

    Args:
        code: The function that reads and writes them.
        pointer: Register with their address.
        llvm_type: Type of an element.
        offset: Elements before the first row.
        stride: Elements per row.
    """

    def __init__(
        self, code: "Code", pointer: Any, llvm_type: Any, offset: int, stride: int
    ) -> None:
        self._code, self._pointer, self._type = code, pointer, llvm_type
        self._offset, self._stride = offset, stride
        self._align = 2 if llvm_type == INT16 else 4

    def __getitem__(self, at: Index | tuple[Index, Index]) -> Value:
        register = self._code.builder.load(self._address(at), typ=self._type, align=self._align)
        return Value(self._code, register)

    def __setitem__(self, at: Index | tuple[Index, Index], value: Value) -> None:
        self._code.builder.store(value.register, self._address(at), align=self._align)

    def vector(self, index: Value, n: int) -> Value:
        """Load a vector of n numbers that starts at an index of an array of scalars."""
        load, llvm_type = self._code.builder.load, ir.VectorType(self._type, n)
        return Value(self._code, load(self._address(index), typ=llvm_type, align=self._align))

    def address(self, index: Value) -> Value:
        """Return the address of an element."""
        return Value(self._code, self._address(index))

    def row(self, row: Index) -> "Array":
        """Return a row as an array that is indexed by column."""
        address = self._address(row)
        return Array(self._code, address, self._type, offset=0, stride=1)

    def from_row(self, row: Value) -> "Array":
        """Return the same array without the rows before a row."""
        pointer = self._code.element_address(self._pointer, self._type, row * self._stride)
        return Array(self._code, pointer, self._type, self._offset, self._stride)

    def _address(self, at: Index | tuple[Index, Index]) -> Any:
        row, column = at if isinstance(at, tuple) else (at, 0)
        # Leave out `* 1` and `+ 0`: LLVM spends time on them too.
        index, constant = row if self._stride == 1 else row * self._stride, self._offset
        if isinstance(column, int):
            constant += column
        else:
            index = index + column
        index = self._code.index(index + constant if constant else index)
        return self._code.element_address(self._pointer, self._type, index)


class Code:
    """Builder of one LLVM function: its methods emit instructions at the current point.

    Args:
        module: Module that gets the function.
        name: Name of the function in the module.
        arguments: Names and LLVM types; `POINTER` for arrays. The function returns nothing.
        lanes: Numbers in a vector.
    """

    def __init__(
        self, module: ir.Module, name: str, arguments: Mapping[str, Any], lanes: int
    ) -> None:
        self.lanes = lanes
        self.floats = ir.VectorType(FLOAT, lanes)
        self.doubles = ir.VectorType(DOUBLE, lanes)
        self.int16s = ir.VectorType(INT16, lanes)
        self.int32s = ir.VectorType(INT32, lanes)
        self.int64s = ir.VectorType(INT64, lanes)
        llvm_type = ir.FunctionType(ir.VoidType(), list(arguments.values()))
        function = ir.Function(module, llvm_type, name)
        self._module = module
        self._arguments = dict(zip(arguments, function.args, strict=True))
        # Variables are allocated at the entry, wherever they are made: once, not in each turn.
        self._entry = ir.IRBuilder(function.append_basic_block("entry"))
        self._body = function.append_basic_block("body")
        self.builder = ir.IRBuilder(self._body)
        self._mode: Any = None
        self._constants: dict[tuple[Any, str], Any] = {}

    def flush_tiny(self) -> None:
        """Emit: treat numbers below 1e-38 as 0 until the function ends, as TensorFlow does.

        x86 is many times slower with such numbers, to which the velocity of an inactive unit
        shrinks; other processors are not changed.
        """
        if platform.machine().lower() not in ("x86_64", "amd64"):
            return
        self._mode = self.allocate(INT32)
        self._mode_call("stmxcsr", self._mode)
        flushing = self.allocate(INT32)
        mode = self.builder.load(self._mode, typ=INT32)
        self.builder.store(self.builder.or_(mode, INT32(FLUSH_TO_ZERO)), flushing)
        self._mode_call("ldmxcsr", flushing)

    def finish(self) -> None:
        """Emit the return; must be the last call."""
        if self._mode is not None:
            self._mode_call("ldmxcsr", self._mode)
        self.builder.ret_void()
        self._entry.branch(self._body)

    # Values

    def argument(self, name: str) -> Value:
        """Return a scalar argument."""
        return Value(self, self._arguments[name])

    def index(self, value: Index) -> Value:
        """Return an integer as a 64-bit scalar."""
        return value if isinstance(value, Value) else Value(self, INT64(value))

    def constant(self, value: float, llvm_type: Any = None) -> Value:
        """Return a constant, by default a vector with the float in all lanes."""
        llvm_type = llvm_type or self.floats
        key = llvm_type, str(value)  # 0.0 equals -0.0, their texts do not
        if key not in self._constants:
            # A constant vector makes one object per lane, and its text is built only once.
            number = _fitting(value, _element(llvm_type))
            is_vector = isinstance(llvm_type, ir.VectorType)
            self._constants[key] = ir.Constant(
                llvm_type, [number] * llvm_type.count if is_vector else number
            )
        return Value(self, self._constants[key])

    def variable(self, value: Number) -> Variable:
        """Create a variable; a Python number becomes a vector of floats."""
        return Variable(self, value if isinstance(value, Value) else self.constant(value))

    def allocate(self, llvm_type: Any) -> Any:
        """Reserve stack memory for a variable, and return its address."""
        return self._entry.alloca(llvm_type)

    def broadcast(self, scalar: Value) -> Value:
        """Emit a copy of a scalar to every lane."""
        undefined = ir.Constant(ir.VectorType(scalar.register.type, self.lanes), ir.Undefined)
        first_lane = self.builder.insert_element(undefined, scalar.register, INT32(0))
        zeros = ir.Constant(self.int32s, [0] * self.lanes)
        return Value(self, self.builder.shuffle_vector(first_lane, undefined, zeros))

    def lane(self, value: Value, lane: int) -> Value:
        """Return the integer of a lane, counted from 0, as a 64-bit scalar."""
        number = self.builder.extract_element(value.register, INT32(lane))
        return Value(self, self.builder.zext(number, INT64))

    def operation(self, name: str, a: Number, b: Number) -> Value:
        """Emit an arithmetic instruction; integers are unsigned.

        Args:
            name: Method of the LLVM builder for integers, such as `add`.
            a: First number.
            b: Second number.
        """
        x, y = self._alike(a, b)
        return Value(self, getattr(self.builder, f"f{name}" if _is_real(x) else name)(x, y))

    def compare(self, relation: str, a: Number, b: Number) -> Value:
        """Emit a comparison; false with NaN, unsigned for integers.

        Args:
            relation: `<`, `<=`, `>` or `==`.
            a: Number on its left.
            b: Number on its right.
        """
        x, y = self._alike(a, b)
        write = self.builder.fcmp_ordered if _is_real(x) else self.builder.icmp_unsigned
        return Value(self, write(relation, x, y))

    def select(self, condition: Value, a: Number, b: Number) -> Value:
        """Emit a choice between two numbers, lane by lane.

        Args:
            condition: Bits from a comparison.
            a: Number where the condition holds.
            b: Number where it does not hold.
        """
        return Value(self, self.builder.select(condition.register, *self._alike(a, b)))

    def any_lane(self, condition: Value) -> Value:
        """Emit whether a comparison of vectors is true in any lane, as a scalar condition."""
        return self._call(f"llvm.vector.reduce.or.v{self.lanes}i1", INT1, condition)

    def minimum(self, value: Value, most: Number) -> Value:
        """Emit the smaller of two numbers, unsigned for integers."""
        return self.select(value < most, value, most)

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """Emit a * b + c, rounded once where the processor can.

        Args:
            a: Vector of floats.
            b: Vector of floats.
            c: Vector of floats.
        """
        return self._call(f"llvm.fmuladd.v{self.lanes}f32", self.floats, a, b, c)

    def square_root(self, value: Value) -> Value:
        """Emit the square root of a float, or of a vector of floats."""
        suffix = f"v{self.lanes}f32" if _is_vector(value) else "f32"
        return self._call(f"llvm.sqrt.{suffix}", value.register.type, value)

    def bits(self, value: Value) -> Value:
        """Emit a bit cast of floats to 32-bit integers, or back."""
        llvm_type = self.int32s if value.register.type == self.floats else self.floats
        return Value(self, self.builder.bitcast(value.register, llvm_type))

    def convert(self, value: Value, llvm_type: Any) -> Value:
        """Emit a conversion to another type; from integer to float it is signed."""
        old, new = _element(value.register.type), _element(llvm_type)
        if isinstance(old, ir.IntType) and isinstance(new, ir.IntType):
            write = self.builder.zext if new.width > old.width else self.builder.trunc
        elif isinstance(old, ir.IntType):
            write = self.builder.sitofp
        else:
            write = self.builder.fpext if isinstance(new, ir.DoubleType) else self.builder.fptrunc
        return Value(self, write(value.register, llvm_type))

    # Memory

    def array(self, name: str, llvm_type: Any = None, offset: int = 0, stride: int = 1) -> Array:
        """Return a pointer argument as an array.

        Args:
            name: The argument.
            llvm_type: Type of an element, by default a vector of floats.
            offset: Elements before the first row.
            stride: Elements per row.
        """
        return Array(self, self._arguments[name], llvm_type or self.floats, offset, stride)

    def element_address(self, pointer: Any, llvm_type: Any, index: Value) -> Any:
        """Emit the address of an element of an array, or one address per lane.

        Args:
            pointer: Register with the address of the array.
            llvm_type: Type of an element.
            index: Index of the element; a vector has one index per lane.
        """
        return self.builder.gep(pointer, [index.register], inbounds=True, source_etype=llvm_type)

    def gather(self, name: str, llvm_type: Any, index: Value) -> Value:
        """Emit a load from an argument, in each lane at the lane's own index.

        Args:
            name: The argument.
            llvm_type: Type of an element.
            index: 32-bit index of each lane.
        """
        vector = ir.VectorType(llvm_type, self.lanes)
        undefined = Value(self, ir.Constant(vector, ir.Undefined))
        intrinsic = f"llvm.masked.gather.{self._suffix(llvm_type)}"
        return self._call(
            intrinsic, vector, *self._elements_of_lanes(name, llvm_type, index), undefined
        )

    def gather_consecutive(self, name: str, starts: list[Value], n: int) -> list[Value]:
        """Emit loads of n consecutive floats in each lane, which start at an index of the lane.

        Args:
            name: The argument.
            starts: Index of the first float of each lane.
            n: A power of two, at most `lanes`.

        Returns:
            The first float of every lane, the second, ...: the same as n calls of `gather`, but
            several times as fast.
        """
        array = self.array(name, FLOAT)
        loaded = [array.vector(index, n).register for index in starts]
        # n x n matrices, side by side: row i has the floats of lanes i, i + n, i + 2 n, ...
        rows = [self._concatenated(loaded[i::n]) for i in range(n)]
        # A matrix is transposed by exchanging halves, then quarters, ... of pairs of rows.
        step = n // 2
        while step:
            low_lanes, high_lanes = self._exchanges(step)
            for i in (i for i in range(n) if not i & step):
                a, b = rows[i], rows[i + step]
                rows[i] = self.builder.shuffle_vector(a, b, low_lanes)
                rows[i + step] = self.builder.shuffle_vector(a, b, high_lanes)
            step //= 2
        return [Value(self, row) for row in rows]

    def scatter(self, name: str, llvm_type: Any, index: Value, value: Value) -> None:
        """Emit a store to an argument, in each lane at the lane's own index.

        Args:
            name: The argument.
            llvm_type: Type of an element.
            index: 32-bit index of each lane.
            value: Vector to be stored.
        """
        intrinsic = f"llvm.masked.scatter.{self._suffix(llvm_type)}"
        self._call(
            intrinsic, ir.VoidType(), value, *self._elements_of_lanes(name, llvm_type, index)
        )

    # Flow

    def unroll(self, n: Index) -> Iterator[Any]:
        """Yield 0 .. n - 1 as integers where n is known and small; otherwise emit a loop.

        THE BODY OF THE LOOP RUNS ONCE, and is emitted once, with `i` a `Value`: it must not leave
        the `for` early, nor count in Python variables.
        """
        if isinstance(n, int) and n <= UNROLLED:
            yield from range(n)
        else:
            with self.loop(0, n) as i:
                yield i

    @contextmanager
    def loop(self, start: Index, stop: Index, step: Index = 1) -> Iterator[Value]:
        """Emit a loop over start, start + step, ... below stop.

        THE BODY OF THE `with` RUNS ONCE, and is emitted once, whatever the number of turns.

        Args:
            start: First index.
            stop: End of the indices, which is not among them.
            step: Difference of two indices, above 0.

        Yields:
            The index of the current turn.
        """
        first, last, by = (self.index(i).register for i in (start, stop, step))
        before, builder = self.builder.block, self.builder
        test, body, after = (builder.append_basic_block(n) for n in ("test", "turn", "after"))
        builder.branch(test)
        builder.position_at_end(test)
        i = builder.phi(INT64)
        i.add_incoming(first, before)
        builder.cbranch(builder.icmp_signed("<", i, last), body, after)
        builder.position_at_end(body)
        yield Value(self, i)
        i.add_incoming(builder.add(i, by), builder.block)
        builder.branch(test)
        builder.position_at_end(after)

    @contextmanager
    def if_(self, condition: Value) -> Iterator[None]:
        """Emit the body of the `with` under a scalar condition; in Python the body always runs."""
        with self.builder.if_then(condition.register):
            yield

    def call(self, name: str, arguments: Mapping[str, Any], values: Mapping[str, Value]) -> None:
        """Emit a call of a function of the module.

        Args:
            name: Name of the function.
            arguments: Names and LLVM types of its arguments.
            values: Values of some arguments; the others are this function's arguments of that name.
        """
        in_order = [values.get(argument) or self.argument(argument) for argument in arguments]
        self._call(name, ir.VoidType(), *in_order)

    # Private

    def _mode_call(self, name: str, slot: Any) -> None:
        """Emit a store or load of MXCSR, which controls how x86 treats tiny numbers."""
        self._call(f"llvm.x86.sse.{name}", ir.VoidType(), Value(self, slot))

    def _call(self, name: str, llvm_type: Any, *arguments: Value) -> Value:
        registers = [argument.register for argument in arguments]
        function = self._module.globals.get(name)
        if function is None:
            function_type = ir.FunctionType(llvm_type, [register.type for register in registers])
            function = ir.Function(self._module, function_type, name)
        return Value(self, self.builder.call(function, registers))

    def _alike(self, a: Number, b: Number) -> tuple[Any, Any]:
        if not isinstance(a, Value):
            a = self.constant(a, b.register.type if isinstance(b, Value) else self.floats)
        if not isinstance(b, Value):
            b = self.constant(b, a.register.type)
        if _is_vector(a) and not _is_vector(b):
            b = self.broadcast(b)
        if _is_vector(b) and not _is_vector(a):
            a = self.broadcast(a)
        return a.register, b.register

    def _elements_of_lanes(
        self, name: str, llvm_type: Any, index: Value
    ) -> tuple[Value, Value, Value]:
        """Return the address of the element of each lane, its alignment, and a full mask."""
        addresses = self.element_address(self._arguments[name], llvm_type, index)
        addresses.type = ir.VectorType(POINTER, self.lanes)  # llvmlite takes it for one pointer
        mask = self.constant(1, ir.VectorType(INT1, self.lanes))
        return Value(self, addresses), Value(self, INT32(4)), mask

    def _concatenated(self, vectors: list[Any]) -> Any:
        """Emit the concatenation of 1, 2, 4, ... vectors."""
        while len(vectors) > 1:
            n = 2 * vectors[0].type.count
            mask = ir.Constant(ir.VectorType(INT32, n), list(range(n)))
            pairs = zip(vectors[::2], vectors[1::2], strict=True)
            vectors = [self.builder.shuffle_vector(a, b, mask) for a, b in pairs]
        return vectors[0]

    def _exchanges(self, step: int) -> tuple[Any, Any]:
        """Return the lanes of rows i and i + step of a matrix after their exchange."""
        n = self.lanes
        low_lanes = [n + j - step if j & step else j for j in range(n)]
        high_lanes = [n + j if j & step else j + step for j in range(n)]
        return ir.Constant(self.int32s, low_lanes), ir.Constant(self.int32s, high_lanes)

    def _suffix(self, llvm_type: Any) -> str:
        return f"v{self.lanes}{'f' if llvm_type == FLOAT else 'i'}32.v{self.lanes}p0"


def _element(llvm_type: Any) -> Any:
    return llvm_type.element if isinstance(llvm_type, ir.VectorType) else llvm_type


def _is_vector(value: Value) -> bool:
    return isinstance(value.register.type, ir.VectorType)


def _is_real(register: Any) -> bool:
    return isinstance(_element(register.type), ir.FloatType | ir.DoubleType)


def _fitting(value: float, llvm_type: Any) -> float:
    """Return a number rounded to a type: LLVM rejects floats that are not exact."""
    if isinstance(llvm_type, ir.IntType):
        return int(value)
    return struct.unpack("f", struct.pack("f", value))[0] if llvm_type == FLOAT else float(value)
