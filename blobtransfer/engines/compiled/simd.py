"""Vector code written in Python: one value per network, a register full at a time.

Running a function on `Value`s does not compute it but writes it down as LLVM code: `a * b`
becomes an instruction, `for i in code.unrolled(n)` a loop (written out where n is small), and
`array[i] = a` a store. What reads like the arithmetic of one network is the arithmetic of
as many networks as a register has lanes. Nothing here knows what a network is.
"""

import platform
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

FLOAT, DOUBLE = ir.FloatType(), ir.DoubleType()
INT32, INT64 = ir.IntType(32), ir.IntType(64)
POINTER = ir.PointerType()

UNROLLED = 8
"""Loops of at most so many turns are written out."""


FLUSH_TO_ZERO = 0x8040
"""Bits FTZ and DAZ of MXCSR, Intel's manual volume 1, 10.2.3."""


class Value:
    """A number in a register: a scalar, or a vector with one number per lane.

    Whole numbers are unsigned and wrap around. A Python number on the other side of an
    operator takes the type of the value; a scalar goes into every lane of a vector.
    """

    def __init__(self, code: "Code", register: Any) -> None:
        self.code = code
        self.register = register

    def __add__(self, other: "Number") -> "Value":
        return self.code.operation("add", self, other)

    def __sub__(self, other: "Number") -> "Value":
        return self.code.operation("sub", self, other)

    def __mul__(self, other: "Number") -> "Value":
        return self.code.operation("mul", self, other)

    def __truediv__(self, other: "Number") -> "Value":
        return self.code.operation("div", self, other)

    def __radd__(self, other: "Number") -> "Value":
        return self.code.operation("add", other, self)

    def __rsub__(self, other: "Number") -> "Value":
        return self.code.operation("sub", other, self)

    def __rmul__(self, other: "Number") -> "Value":
        return self.code.operation("mul", other, self)

    def __rtruediv__(self, other: "Number") -> "Value":
        return self.code.operation("div", other, self)

    def __xor__(self, other: "Number") -> "Value":
        return self.code.operation("xor", self, other)

    def __and__(self, other: "Number") -> "Value":
        return self.code.operation("and_", self, other)

    def __lshift__(self, other: "Number") -> "Value":
        return self.code.operation("shl", self, other)

    def __rshift__(self, other: "Number") -> "Value":
        return self.code.operation("lshr", self, other)

    def __lt__(self, other: "Number") -> "Value":
        return self.code.compare("<", self, other)

    def __le__(self, other: "Number") -> "Value":
        return self.code.compare("<=", self, other)

    def __gt__(self, other: "Number") -> "Value":
        return self.code.compare(">", self, other)

    def eq(self, other: "Number") -> "Value":
        """Compare for equality, lane by lane."""
        return self.code.compare("==", self, other)


Number = Value | int | float
Index = Value | int


class Variable:
    """A value that changes while the code runs; LLVM keeps it in a register."""

    def __init__(self, code: "Code", value: Value) -> None:
        self._code = code
        self._type = value.register.type
        self._slot = code.allocate(self._type)
        self.value = value

    @property
    def value(self) -> Value:
        """What the variable holds at this place of the code."""
        return Value(self._code, self._code.builder.load(self._slot, typ=self._type))

    @value.setter
    def value(self, value: Value) -> None:
        self._code.builder.store(value.register, self._slot)


class Array:
    """Vectors in memory: `stride` of them a row, indexed by row and column or by place."""

    def __init__(
        self, code: "Code", pointer: Any, llvm_type: Any, offset: int, stride: int
    ) -> None:
        self._code, self._pointer, self._type = code, pointer, llvm_type
        self._offset, self._stride = offset, stride

    def __getitem__(self, at: Index | tuple[Index, Index]) -> Value:
        register = self._code.builder.load(self._address(at), typ=self._type, align=4)
        return Value(self._code, register)

    def __setitem__(self, at: Index | tuple[Index, Index], value: Value) -> None:
        self._code.builder.store(value.register, self._address(at), align=4)

    def vector(self, place: Value) -> Value:
        """Load a whole vector from an array of floats, from a place on."""
        llvm_type = self._code.floats
        return Value(
            self._code, self._code.builder.load(self._address(place), typ=llvm_type, align=4)
        )

    def address(self, place: Value) -> Value:
        """Give the address of a vector."""
        return Value(self._code, self._address(place))

    def from_row(self, row: Value) -> "Array":
        """Give the same array from a row on."""
        place = self._code.index(row * self._stride)
        pointer = self._code.builder.gep(
            self._pointer, [place.register], inbounds=True, source_etype=self._type
        )
        return Array(self._code, pointer, self._type, self._offset, self._stride)

    def _address(self, at: Index | tuple[Index, Index]) -> Any:
        row, column = at if isinstance(at, tuple) else (at, 0)
        # An instruction that changes nothing takes as long to write and to read as another.
        place, known = row if self._stride == 1 else row * self._stride, self._offset
        if isinstance(column, int):
            known += column
        else:
            place = place + column
        place = self._code.index(place + known if known else place)
        return self._code.builder.gep(
            self._pointer, [place.register], inbounds=True, source_etype=self._type
        )


class Code:
    """One function while it is written.

    Args:
        module: What it becomes part of.
        name: Its name there.
        arguments: Names and types; `POINTER` for arrays. It returns nothing.
        lanes: Numbers in a vector.
    """

    def __init__(
        self, module: ir.Module, name: str, arguments: Mapping[str, Any], lanes: int
    ) -> None:
        self.lanes = lanes
        self.floats = ir.VectorType(FLOAT, lanes)
        self.doubles = ir.VectorType(DOUBLE, lanes)
        self.int32s = ir.VectorType(INT32, lanes)
        self.int64s = ir.VectorType(INT64, lanes)
        llvm_type = ir.FunctionType(ir.VoidType(), list(arguments.values()))
        function = ir.Function(module, llvm_type, name)
        self._module = module
        self._arguments = dict(zip(arguments, function.args, strict=True))
        # Variables are allocated in the entry, wherever they are made: not anew in each turn.
        self._entry = ir.IRBuilder(function.append_basic_block("entry"))
        self._body = function.append_basic_block("body")
        self.builder = ir.IRBuilder(self._body)
        self._mode: Any = None
        self._constants: dict[tuple[Any, str], Any] = {}

    def flush_tiny(self) -> None:
        """Take numbers below 1e-38 for 0 until the function ends, as TensorFlow does.

        x86 is many times slower with such numbers, to which the velocity of a dead unit
        shrinks; other processors are left as they are.
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
        """End the function."""
        if self._mode is not None:
            self._mode_call("ldmxcsr", self._mode)
        self.builder.ret_void()
        self._entry.branch(self._body)

    # Values

    def argument(self, name: str) -> Value:
        """Give a scalar argument."""
        return Value(self, self._arguments[name])

    def index(self, value: Index) -> Value:
        """Give a whole number as a 64-bit scalar."""
        return value if isinstance(value, Value) else Value(self, INT64(value))

    def constant(self, value: float, llvm_type: Any = None) -> Value:
        """Give a number of a type, floats in all lanes by default."""
        llvm_type = llvm_type or self.floats
        key = llvm_type, str(value)  # 0.0 equals -0.0, their texts do not
        if key not in self._constants:
            # A vector is as many objects as lanes, and writes its text but once.
            number = _fitting(value, _element(llvm_type))
            is_vector = isinstance(llvm_type, ir.VectorType)
            self._constants[key] = ir.Constant(
                llvm_type, [number] * llvm_type.count if is_vector else number
            )
        return Value(self, self._constants[key])

    def variable(self, value: Number) -> Variable:
        """Make a variable; a plain number starts floats in all lanes."""
        return Variable(self, value if isinstance(value, Value) else self.constant(value))

    def allocate(self, llvm_type: Any) -> Any:
        """Reserve a place for a variable."""
        return self._entry.alloca(llvm_type)

    def broadcast(self, scalar: Value) -> Value:
        """Put a scalar into every lane."""
        undefined = ir.Constant(ir.VectorType(scalar.register.type, self.lanes), ir.Undefined)
        one = self.builder.insert_element(undefined, scalar.register, INT32(0))
        zeros = ir.Constant(self.int32s, [0] * self.lanes)
        return Value(self, self.builder.shuffle_vector(one, undefined, zeros))

    def lane(self, value: Value, lane: int) -> Value:
        """Give the whole number in one lane as a 64-bit scalar."""
        number = self.builder.extract_element(value.register, INT32(lane))
        return Value(self, self.builder.zext(number, INT64))

    def operation(self, name: str, a: Number, b: Number) -> Value:
        """Write an arithmetic instruction."""
        x, y = self._alike(a, b)
        return Value(self, getattr(self.builder, f"f{name}" if _is_real(x) else name)(x, y))

    def compare(self, relation: str, a: Number, b: Number) -> Value:
        """Write a comparison; with NaN it is false."""
        x, y = self._alike(a, b)
        write = self.builder.fcmp_ordered if _is_real(x) else self.builder.icmp_unsigned
        return Value(self, write(relation, x, y))

    def select(self, condition: Value, a: Number, b: Number) -> Value:
        """Choose a in the lanes where the condition holds, else b."""
        return Value(self, self.builder.select(condition.register, *self._alike(a, b)))

    def minimum(self, value: Value, most: Number) -> Value:
        """Write the smaller of two numbers."""
        return self.select(value < most, value, most)

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """Write a * b + c, rounded once where the processor can."""
        return self._call(f"llvm.fmuladd.v{self.lanes}f32", self.floats, a, b, c)

    def square_root(self, value: Value) -> Value:
        """Write the square root of a float, or of floats."""
        suffix = f"v{self.lanes}f32" if _is_vector(value) else "f32"
        return self._call(f"llvm.sqrt.{suffix}", value.register.type, value)

    def bits(self, value: Value) -> Value:
        """Read floats as the 32-bit numbers that stand for them, or the other way round."""
        llvm_type = self.int32s if value.register.type == self.floats else self.floats
        return Value(self, self.builder.bitcast(value.register, llvm_type))

    def convert(self, value: Value, llvm_type: Any) -> Value:
        """Convert to another type of number."""
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
        """Give an argument as an array, of vectors of floats by default."""
        return Array(self, self._arguments[name], llvm_type or self.floats, offset, stride)

    def gather(self, name: str, llvm_type: Any, place: Value) -> Value:
        """Load from an argument, in each lane at a place of its own (32-bit)."""
        vector = ir.VectorType(llvm_type, self.lanes)
        undefined = Value(self, ir.Constant(vector, ir.Undefined))
        mask, places = self._everywhere(), self._places(name, llvm_type, place)
        align = Value(self, INT32(4))
        return self._call(
            f"llvm.masked.gather.{self._suffix(llvm_type)}", vector, places, align, mask, undefined
        )

    def gather_runs(self, name: str, places: list[Value]) -> list[Value]:
        """Load floats from an argument, in each lane a run of its own: as many as there are lanes.

        Args:
            name: The argument.
            places: Where the run of each lane begins.

        Returns:
            The first of every run, the second, ...: what so many `gather` give, in a quarter
            of the time.
        """
        array = self.array(name, FLOAT)
        rows = [array.vector(place).register for place in places]
        # A matrix is transposed by exchanging halves, then quarters, ... of pairs of rows.
        step = self.lanes // 2
        while step:
            own, other = self._exchanges(step)
            for i in (i for i in range(self.lanes) if not i & step):
                a, b = rows[i], rows[i + step]
                rows[i] = self.builder.shuffle_vector(a, b, own)
                rows[i + step] = self.builder.shuffle_vector(a, b, other)
            step //= 2
        return [Value(self, row) for row in rows]

    def scatter(self, name: str, llvm_type: Any, place: Value, value: Value) -> None:
        """Store into an argument, in each lane at a place of its own (32-bit)."""
        mask, places = self._everywhere(), self._places(name, llvm_type, place)
        align = Value(self, INT32(4))
        self._call(
            f"llvm.masked.scatter.{self._suffix(llvm_type)}",
            ir.VoidType(),
            value,
            places,
            align,
            mask,
        )

    # Flow

    def unrolled(self, n: Index) -> Iterator[Any]:
        """Go through 0 .. n - 1: written out where n is known and small, a loop otherwise.

        The body of the `for` is run once for a loop, so it must not leave it early.
        """
        if isinstance(n, int) and n <= UNROLLED:
            yield from range(n)
        else:
            with self.loop(0, n) as i:
                yield i

    @contextmanager
    def loop(self, start: Index, stop: Index, step: Index = 1) -> Iterator[Value]:
        """Write a loop over start, start + step, ... below stop."""
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
        """Write code that runs only where a scalar condition holds."""
        with self.builder.if_then(condition.register):
            yield

    def call(self, name: str, arguments: Mapping[str, Any], known: Mapping[str, Value]) -> None:
        """Call a function of the module.

        Args:
            name: Its name.
            arguments: Names and types of its arguments.
            known: Some of them; the others are arguments of this function, of the same names.
        """
        values = [known.get(one) or self.argument(one) for one in arguments]
        self._call(name, ir.VoidType(), *values)

    # Private

    def _mode_call(self, name: str, slot: Any) -> None:
        """Store or load the register that says how x86 treats odd numbers."""
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

    def _everywhere(self) -> Value:
        return self.constant(1, ir.VectorType(ir.IntType(1), self.lanes))

    def _places(self, name: str, llvm_type: Any, place: Value) -> Value:
        addresses = self.builder.gep(
            self._arguments[name], [place.register], inbounds=True, source_etype=llvm_type
        )
        addresses.type = ir.VectorType(POINTER, self.lanes)  # llvmlite takes it for one pointer
        return Value(self, addresses)

    def _exchanges(self, step: int) -> tuple[Any, Any]:
        """Give the lanes that rows i and i + step of a matrix have after their exchange."""
        n = self.lanes
        own = [n + j - step if j & step else j for j in range(n)]
        other = [n + j if j & step else j + step for j in range(n)]
        return ir.Constant(self.int32s, own), ir.Constant(self.int32s, other)

    def _suffix(self, llvm_type: Any) -> str:
        return f"v{self.lanes}{'f' if llvm_type == FLOAT else 'i'}32.v{self.lanes}p0"


def _element(llvm_type: Any) -> Any:
    return llvm_type.element if isinstance(llvm_type, ir.VectorType) else llvm_type


def _is_vector(value: Value) -> bool:
    return isinstance(value.register.type, ir.VectorType)


def _is_real(register: Any) -> bool:
    return isinstance(_element(register.type), ir.FloatType | ir.DoubleType)


def _fitting(value: float, llvm_type: Any) -> float:
    """Round a number to what a type holds: LLVM refuses floats that are not exact."""
    if isinstance(llvm_type, ir.IntType):
        return int(value)
    return struct.unpack("f", struct.pack("f", value))[0] if llvm_type == FLOAT else float(value)
