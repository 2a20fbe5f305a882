"""LLVM code -> machine code of this processor, in this process."""

import ctypes
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from llvmlite import binding as llvm
from llvmlite import ir

from blobtransfer.engines.compiled.simd import FLOAT, INT64, POINTER
from blobtransfer.errors import MachineError

Functions = dict[str, Callable[..., None]]
"""Machine code by name. A call takes its arguments by name and lets other Python threads run."""

C_TYPES = {POINTER: ctypes.c_void_p, INT64: ctypes.c_int64, FLOAT: ctypes.c_float}

_ENGINES: list[Any] = []
"""Kept, because machine code goes with its engine."""


@cache
def host_lanes() -> int:
    """Give how many float32 a vector register of this processor holds."""
    features = llvm.get_host_cpu_features()
    return 16 if features.get("avx512f") else 8 if features.get("avx") else 4


def compile_functions(module: ir.Module, arguments: Mapping[str, Mapping[str, Any]]) -> Functions:
    """Compile functions; 0.2 s for the default network, and a second for every ten layers more.

    Args:
        module: The LLVM code.
        arguments: Names and LLVM types of the arguments of each function.

    Raises:
        MachineError: LLVM cannot compile for this machine.
    """
    try:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        machine = llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=_host_features(), opt=3
        )
        parsed = llvm.parse_assembly(str(module))
        parsed.verify()
        parsed.triple, parsed.data_layout = llvm.get_process_triple(), str(machine.target_data)
        _optimise(parsed, machine)
        engine = llvm.create_mcjit_compiler(parsed, machine)
        engine.finalize_object()
        _ENGINES.append(engine)
    except RuntimeError as error:
        raise MachineError(
            f"LLVM cannot compile for this machine ({error}); use --engine keras"
        ) from error
    return {name: _function(engine, name, types) for name, types in arguments.items()}


def _optimise(parsed: Any, machine: Any) -> None:
    # The code is vectors already: variables become registers, and what is double goes. All of
    # LLVM's usual passes gain 1 to 3 % of speed for five times the time to compile.
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options())
    passes = llvm.create_new_function_pass_manager()
    passes.add_sroa_pass()
    passes.add_instruction_combine_pass()
    passes.add_simplify_cfg_pass()
    passes.add_instruction_combine_pass()
    for function in parsed.functions:
        if not function.is_declaration:
            passes.run(function, builder)


def _function(engine: Any, name: str, types: Mapping[str, Any]) -> Callable[..., None]:
    c_types = [C_TYPES[llvm_type] for llvm_type in types.values()]
    address = engine.get_function_address(name)
    machine_code = ctypes.CFUNCTYPE(None, *c_types)(address)

    def call(**values: Any) -> None:
        # A pointer in the place of another corrupts memory, so nothing is passed by position.
        if values.keys() != types.keys():
            raise TypeError(f"{name} takes the arguments {[*types]}, not {[*values]}")
        machine_code(*[values[argument] for argument in types])

    return call


def _host_features() -> str:
    features = llvm.get_host_cpu_features()
    # Else LLVM splits vectors of 512 bits on some processors that have them.
    wide = ",-prefer-256-bit" if features.get("avx512f") else ""
    return str(features.flatten()) + wide
