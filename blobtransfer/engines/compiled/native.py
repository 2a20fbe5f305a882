"""LLVM code -> machine code of this processor, kept on disk: only the first run compiles."""

import ctypes
import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
from llvmlite import binding as llvm
from llvmlite import ir
from platformdirs import user_cache_path

from blobtransfer.engines.compiled.simd import FLOAT, INT64, POINTER
from blobtransfer.errors import EnvironmentFailed
from blobtransfer.files import write_atomic

Functions = dict[str, Callable[..., None]]
"""Machine code by name; a call lets other threads of Python run."""

MAX_KEPT = 200
"""Pieces of machine code that are kept, about 30 KB each; the oldest go first."""

C_TYPES = ((POINTER, ctypes.c_void_p), (INT64, ctypes.c_int64), (FLOAT, ctypes.c_float))


_ENGINES: list[Any] = []
"""Kept, because machine code goes with its engine."""


@cache
def host_lanes() -> int:
    """Give how many float32 a vector register of this processor holds."""
    features = llvm.get_host_cpu_features()
    return 16 if features.get("avx512f") else 8 if features.get("avx") else 4


def cache_key(*what: object) -> str:
    """Name machine code by all that decides it: the compiler, the processor and `what`.

    Args:
        what: The sources and settings of the code, each with a repr that tells it.
    """
    compiler = (llvmlite.__version__, llvm.llvm_version_info)
    processor = (llvm.get_process_triple(), llvm.get_host_cpu_name(), _host_features())
    return hashlib.sha256(repr((compiler, processor, what)).encode()).hexdigest()


def is_kept(key: str) -> bool:
    """Tell whether machine code is kept on disk, so that loading it takes no time."""
    return any(_path(folder, key).exists() for folder in _folders())


def load_functions(
    key: str, write: Callable[[], ir.Module], arguments: Mapping[str, Mapping[str, Any]]
) -> Functions:
    """Give functions as machine code: from disk, or compiled and then kept if possible.

    Args:
        key: From `cache_key`.
        write: Writes the LLVM code; called only where nothing is kept.
        arguments: Names and LLVM types of the arguments of each function.

    Raises:
        EnvironmentFailed: LLVM cannot compile for this machine.
    """
    try:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        machine = llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=_host_features(), opt=3
        )
        code = _kept(key)
        if code is None:
            code = _compile(write(), machine)
            _keep(key, code)
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        engine.finalize_object()
        _ENGINES.append(engine)
    except RuntimeError as error:
        raise EnvironmentFailed(
            f"LLVM cannot compile for this machine ({error}); use --engine keras"
        ) from error
    return {name: _function(engine, name, types) for name, types in arguments.items()}


def _compile(module: ir.Module, machine: Any) -> bytes:
    parsed = llvm.parse_assembly(str(module))
    parsed.verify()
    parsed.triple, parsed.data_layout = llvm.get_process_triple(), str(machine.target_data)
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
    code: bytes = machine.emit_object(parsed)
    return code


def _function(engine: Any, name: str, types: Mapping[str, Any]) -> Callable[..., None]:
    c_types = [next(c for kind, c in C_TYPES if kind == wanted) for wanted in types.values()]
    function: Callable[..., None] = ctypes.CFUNCTYPE(None, *c_types)(
        engine.get_function_address(name)
    )
    return function


def _host_features() -> str:
    features = llvm.get_host_cpu_features()
    # Else LLVM splits vectors of 512 bits on some processors that have them.
    wide = ",-prefer-256-bit" if features.get("avx512f") else ""
    return str(features.flatten()) + wide


def _folders() -> tuple[Path, ...]:
    """Where machine code may be kept: with the package, or else with the user's caches."""
    return (Path(__file__).parent / "__pycache__", user_cache_path("blobtransfer", False))


def _path(folder: Path, key: str) -> Path:
    return folder / f"kernel-{key}.o"


def _kept(key: str) -> bytes | None:
    for folder in _folders():
        with suppress(OSError):
            content = _path(folder, key).read_bytes()
            checksum, code = content[:32], content[32:]
            # LLVM does not survive damaged code.
            if hashlib.sha256(code).digest() == checksum:
                return code
    return None


def _keep(key: str, code: bytes) -> None:
    for folder in _folders():
        with suppress(OSError, EnvironmentFailed):
            folder.mkdir(parents=True, exist_ok=True)
            with write_atomic(_path(folder, key)) as temporary:
                temporary.write_bytes(hashlib.sha256(code).digest() + code)
            kept = sorted(folder.glob("kernel-*.o"), key=lambda path: path.stat().st_mtime)
            for path in kept[:-MAX_KEPT]:
                path.unlink()
            return
