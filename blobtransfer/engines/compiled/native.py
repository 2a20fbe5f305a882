"""Compile LLVM code to machine code of this processor, in this process."""

import ctypes
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any

from llvmlite import binding as llvm
from llvmlite import ir

from blobtransfer.engines import has_spare_memory, thread_error
from blobtransfer.engines.compiled.simd import FLOAT, INT64, POINTER
from blobtransfer.errors import MachineError

C_TYPES = {POINTER: ctypes.c_void_p, INT64: ctypes.c_int64, FLOAT: ctypes.c_float}


@cache
def host_lanes() -> int:
    """Return how many float32 numbers a vector register of this processor has."""
    features = llvm.get_host_cpu_features()
    return 16 if features.get("avx512f") else 8 if features.get("avx") else 4


def compile_functions(
    module: ir.Module, arguments: Mapping[str, Mapping[str, Any]]
) -> dict[str, "MachineFunction"]:
    """Begin to compile functions in a thread, as LLVM lets other Python threads run.

    It takes 0.2 s for the default network, and a second for every ten layers more. If memory is
    short, they are compiled before this function returns.

    Args:
        module: The LLVM code.
        arguments: Names and LLVM types of the arguments of each function that will be called.

    Returns:
        The functions by name.

    Raises:
        MachineError: LLVM cannot compile for this machine, or no thread can be started.
    """
    engine: Future[Any] = Future()
    text = str(module)
    if has_spare_memory():
        executor = ThreadPoolExecutor(1)
        try:
            engine = executor.submit(_compile, text)
        except RuntimeError as error:
            raise thread_error(error) from error
        executor.shutdown(wait=False)
    else:
        engine.set_result(_compile(text))
    return {name: MachineFunction(engine, name, types) for name, types in arguments.items()}


class MachineFunction:
    """A function in machine code, called with its arguments by name.

    It owns the LLVM engine whose memory its code lies in. While it runs, other Python threads do.

    Args:
        engine: The LLVM engine, once it has compiled the function.
        name: Its name in the module.
        types: Names and LLVM types of its arguments.
    """

    def __init__(self, engine: "Future[Any]", name: str, types: Mapping[str, Any]) -> None:
        self._engine, self._name, self._types = engine, name, types
        self._code: Callable[..., None] | None = None

    def wait(self) -> Callable[..., None]:
        """Wait until the function is compiled, and return it.

        Raises:
            MachineError: LLVM cannot compile for this machine.
        """
        if self._code is None:
            address = self._engine.result().get_function_address(self._name)
            c_types = [C_TYPES[llvm_type] for llvm_type in self._types.values()]
            self._code = ctypes.CFUNCTYPE(None, *c_types)(address)
        return self._code

    def __call__(self, **values: Any) -> None:
        """Call it; a pointer in the place of another would corrupt memory, so names are checked.

        Raises:
            TypeError: The names are not those of the arguments.
            MachineError: LLVM cannot compile for this machine.
        """
        if values.keys() != self._types.keys():
            raise TypeError(f"{self._name} takes {[*self._types]}, not {[*values]}")
        code = self._code or self.wait()
        code(*[values[name] for name in self._types])


def _compile(text: str) -> Any:
    """Compile LLVM code and return the engine that owns the machine code."""
    features = str(llvm.get_host_cpu_features().flatten())
    if host_lanes() == 16:  # otherwise LLVM splits vectors of 512 bits on some processors
        features += ",-prefer-256-bit"
    try:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        machine = llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=features, opt=3
        )
        parsed = llvm.parse_assembly(text)
        parsed.verify()
        parsed.triple, parsed.data_layout = llvm.get_process_triple(), str(machine.target_data)
        _optimise(parsed, machine)
        engine = llvm.create_mcjit_compiler(parsed, machine)
        engine.finalize_object()
    except RuntimeError as error:
        raise MachineError(
            f"LLVM cannot compile for this machine ({error}); use --engine keras"
        ) from error
    return engine


def _optimise(parsed: Any, machine: Any) -> None:
    # The code is vectorised already: variables become registers, repeated terms are removed. All
    # of LLVM's usual passes gain 1 to 3 % of speed for five times the time to compile.
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options())
    passes = llvm.create_new_function_pass_manager()
    passes.add_sroa_pass()
    passes.add_instruction_combine_pass()
    passes.add_simplify_cfg_pass()
    passes.add_instruction_combine_pass()
    for function in parsed.functions:
        if not function.is_declaration:
            passes.run(function, builder)
