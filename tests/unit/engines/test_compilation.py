"""Each kernel is compiled once per process, and freed when it has left the cache."""

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from blobtransfer import engines
from blobtransfer.engines import compile_ahead, load_engine
from blobtransfer.engines.compiled import compilation, native
from blobtransfer.engines.compiled.compilation import get_kernel
from blobtransfer.running.run import compare
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.specs.variant import STANDALONE


@pytest.fixture
def compiled_modules(monkeypatch):
    """Start with an empty cache, and list the modules that are compiled."""
    compilation._compile.cache_clear()
    modules = []
    compile_functions = native.compile_functions

    def recorded(module, arguments):
        modules.append(module)
        return compile_functions(module, arguments)

    monkeypatch.setattr(native, "compile_functions", recorded)
    return modules


def kernel_of(n_hidden=3, training=TrainingSpec(), initializer=MLPSpec.initializer):
    network = MLPSpec(hidden=(n_hidden,), initializer=initializer)
    return get_kernel(network, training, False, 90, False)


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_comparisons_in_a_loop_compile_each_kernel_once_and_keep_no_memory(compiled_modules):
    spec = ExperimentSpec(
        source=BlobsSpec(1, n_samples=20, n_train=10),
        target=BlobsSpec(2, n_samples=20, n_train=10),
        training=TrainingSpec(epochs=1),
        n_repeats=1,
    )

    def compare_often(n_times):
        for _ in range(n_times):
            compare(spec)
        gc.collect()
        return resident_bytes()

    before = compare_often(20)
    n_compiled = len(compiled_modules)
    after = compare_often(300)
    assert len(compiled_modules) == n_compiled == 1
    # A kernel takes 2.5 MB, so 300 of them 750 MB; the allocator may keep some itself.
    assert after - before < 10e6


def test_threads_that_need_one_kernel_compile_it_once(compiled_modules):
    with ThreadPoolExecutor(8) as pool:
        kernels = list(pool.map(lambda _: kernel_of(), range(8)))
    assert len(compiled_modules) == len(set(map(id, kernels))) == 1


@pytest.mark.parametrize(
    "training", [TrainingSpec(9), TrainingSpec(learning_rate=0.5), TrainingSpec(batch_size=7)]
)
def test_a_setting_that_does_not_enter_the_code_compiles_nothing(compiled_modules, training):
    assert kernel_of() is kernel_of(training=training)
    assert len(compiled_modules) == 1


def test_the_initializer_does_not_enter_the_code(compiled_modules):
    assert kernel_of() is kernel_of(initializer="glorot_normal")
    assert len(compiled_modules) == 1


def test_a_kernel_that_has_left_the_cache_is_freed(compiled_modules):
    kernel = kernel_of()
    engine = weakref.ref(kernel.train_group._engine.result())
    for thread in threading.enumerate():  # the one that has compiled it
        if thread is not threading.current_thread():
            thread.join(1.0)
    compilation._compile.cache_clear()
    assert engine() is not None  # its machine code can still be called
    del kernel
    assert engine() is None


def test_an_engine_starts_with_the_kernels_that_were_compiled_ahead(compiled_modules):
    spec = ExperimentSpec(source=BlobsSpec(1), target=BlobsSpec(2))
    compile_ahead(replace(spec, engine="keras"))
    assert compiled_modules == []
    compile_ahead(spec)
    assert len(compiled_modules) == 1
    load_engine("compiled").start(spec)
    assert len(compiled_modules) == 1


def test_short_of_memory_nothing_is_compiled_ahead_or_in_a_thread(compiled_modules, monkeypatch):
    for module in (engines, native):
        monkeypatch.setattr(module, "has_spare_memory", lambda: False)
    compile_ahead(ExperimentSpec(target=BlobsSpec(2), variants=(STANDALONE,)))
    assert compiled_modules == []
    assert kernel_of().train_group._engine.done()
