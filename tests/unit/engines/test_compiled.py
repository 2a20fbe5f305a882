"""What only the compiled engine promises: the same bits however the work is cut, in any thread."""

import sys
import threading
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.activations import FUNCTIONS, WORDS
from helpers.commands import run_process, without_cautions
from helpers.results import runs_of
from helpers.running import compare_cell
from helpers.specs import SMALL_OPTIONS, VARIANTS, spec_of
from llvmlite import ir
from scipy.special import erf, expit

import blobtransfer
from blobtransfer.data import load_dataset
from blobtransfer.data.dataset import with_validation_rows
from blobtransfer.engines.compiled import engine as compiled
from blobtransfer.engines.compiled import native, scheduling, vector_math
from blobtransfer.engines.compiled.compilation import get_kernel
from blobtransfer.engines.compiled.engine import CompiledEngine
from blobtransfer.engines.compiled.memory import GroupNetworks, PackedRows
from blobtransfer.engines.compiled.simd import INT64, POINTER, Code
from blobtransfer.errors import MachineError
from blobtransfer.running.progress import SILENT
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TEST_LOSS, TrainingSpec


@pytest.fixture(scope="module")
def engine():
    """Compiles once for all that train the same shape."""
    return CompiledEngine()


@pytest.mark.parametrize("activation", WORDS)
def test_gradients_are_those_of_central_differences(job_of, small_dataset, activation):
    # One step over all rows at learning rate 1 moves every weight by minus its gradient.
    network = MLPSpec(2, (3, 2), 3, activation)
    job = job_of(small_dataset, network, TrainingSpec(1, batch_size=40, learning_rate=1.0))
    for biases in job.weights[1::2]:
        biases += np.float32(0.1)  # a unit at 0 sits on the bend of ReLU
    trained = CompiledEngine().train(job, SILENT.advance)
    weights = [stacked[0].astype(np.float64) for stacked in job.weights]

    def mean_loss():
        a = small_dataset.x_train.astype(np.float64)
        for w, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            a = FUNCTIONS[activation][0](a @ w + bias)
        z = a @ weights[-2] + weights[-1]
        log_sum = np.log(np.exp(z - z.max(1, keepdims=True)).sum(1)) + z.max(1)
        return np.mean(log_sum - z[np.arange(len(z)), small_dataset.y_train])

    for before, stacked in zip(weights, trained.weights, strict=True):
        gradient = before - stacked[0]
        for at in np.ndindex(before.shape):
            kept, step = before[at], 1e-6
            before[at] = kept + step
            above = mean_loss()
            before[at] = kept - step
            below = mean_loss()
            before[at] = kept
            assert gradient[at] == pytest.approx((above - below) / (2 * step), rel=1e-3, abs=2e-6)


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_the_bits_do_not_depend_on_threads_or_neighbours(job_of, small_dataset, n_threads):
    job = job_of(small_dataset, MLPSpec(), TrainingSpec(epochs=3), 41, np.arange(41) % 3)
    expected = CompiledEngine(1).train(job, SILENT.advance)
    engine = CompiledEngine(n_threads)
    np.testing.assert_array_equal(engine.train(job, SILENT.advance).scores, expected.scores)
    for r in (0, 17, 40):
        some = replace(
            job,
            weights=[stacked[: r + 1] for stacked in job.weights],
            n_frozen=job.n_frozen[: r + 1],
            order_keys=job.order_keys[: r + 1],
        )
        found = engine.train(some, SILENT.advance)
        np.testing.assert_array_equal(found.scores[:, r], expected.scores[:, r])


@pytest.mark.parametrize("lanes", [4, 8, 16])
@pytest.mark.parametrize("training", [TrainingSpec(2), TrainingSpec(2, optimizer="adam")])
def test_narrower_registers_give_the_same_bits(
    engine, job_of, small_dataset, monkeypatch, lanes, training
):
    job = job_of(small_dataset, MLPSpec(2, (3, 4), 3, "tanh"), training, 9)
    expected = engine.train(job, SILENT.advance)
    monkeypatch.setattr(native, "host_lanes", lambda: lanes)
    found = CompiledEngine().train(job, SILENT.advance)
    np.testing.assert_array_equal(found.scores, expected.scores)


@pytest.mark.parametrize(("lanes", "n_features"), [(4, 15), (8, 37)])
def test_rows_wider_than_a_register_are_laid_out_alike_by_registers_of_any_width(
    job_of, monkeypatch, lanes, n_features
):
    dataset = load_dataset(BlobsSpec(4, n_samples=50, n_train=30, n_features=n_features))
    job = job_of(dataset, MLPSpec(n_features, (3,), 3), TrainingSpec(2), 9)
    expected = CompiledEngine().train(job, SILENT.advance)
    monkeypatch.setattr(native, "host_lanes", lambda: lanes)
    found = CompiledEngine().train(job, SILENT.advance)
    np.testing.assert_array_equal(found.scores, expected.scores)


@pytest.mark.parametrize(
    "training", [TrainingSpec(7, momentum=0.9), TrainingSpec(7, 16, optimizer="adam")]
)
def test_the_bits_do_not_depend_on_how_often_it_looks_up(
    engine, job_of, small_dataset, monkeypatch, training
):
    job = job_of(small_dataset, MLPSpec(), training, 3)
    expected = engine.train(job, SILENT.advance)
    monkeypatch.setattr(scheduling, "MAX_CALL_WORK", 2 * 40 * 63)  # two epochs
    found = engine.train(job, SILENT.advance)
    np.testing.assert_array_equal(found.scores, expected.scores)


@pytest.mark.parametrize("with_curves", [False, True])
@pytest.mark.parametrize("rows_at_once", [1, 20, 33, 90])
def test_the_bits_do_not_depend_on_how_many_rows_are_laid_out(
    engine, job_of, small_dataset, monkeypatch, rows_at_once, with_curves
):
    # 40 training rows in batches of 16: less than a batch, one, two, and two epochs at once
    job = job_of(small_dataset, MLPSpec(), TrainingSpec(5, 16, momentum=0.9), 3)
    if with_curves:
        job = replace(job, evaluated_epochs=tuple(range(job.training.epochs + 1)))
    expected = engine.train(job, SILENT.advance)
    monkeypatch.setattr(scheduling, "MAX_PACKED_VECTORS", rows_at_once * 4)
    monkeypatch.setattr(scheduling, "MAX_MULTI_EPOCH_VECTORS", rows_at_once * 4)
    found = engine.train(job, SILENT.advance)
    np.testing.assert_array_equal(found.curves, expected.curves)


def stopping_job(job_of, dataset, training, n_runs, **settings):
    """Return a job of runs that stop at different epochs, each with its validation rows."""
    datasets = with_validation_rows([dataset], range(n_runs), 0)
    return job_of(datasets, MLPSpec(), training, n_runs, with_curves=True, **settings)


@pytest.mark.parametrize("rows_at_once", [1, 20, 33, 90])
@pytest.mark.parametrize("lanes", [4, 8])
def test_early_stopping_does_not_depend_on_registers_or_on_how_rows_are_laid_out(
    engine, job_of, small_dataset, monkeypatch, rows_at_once, lanes
):
    job = stopping_job(job_of, small_dataset, TrainingSpec(9, 16, 0.2, patience=1), 21)
    expected = engine.train(job, SILENT.advance)
    assert len(set(expected.epochs)) > 2
    monkeypatch.setattr(native, "host_lanes", lambda: lanes)
    monkeypatch.setattr(scheduling, "MAX_PACKED_VECTORS", rows_at_once * 4)
    monkeypatch.setattr(scheduling, "MAX_MULTI_EPOCH_VECTORS", rows_at_once * 4)
    monkeypatch.setattr(scheduling, "MAX_GROUP_WEIGHTS", 63)
    last_only = replace(job, evaluated_epochs=(9,))
    trained = CompiledEngine(1).train(last_only, SILENT.advance)
    np.testing.assert_array_equal(trained.epochs, expected.epochs)
    np.testing.assert_array_equal(trained.scores, expected.scores)
    for a, b in zip(trained.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("training", "n_frozen", "pull"),
    [
        (TrainingSpec(6, 16, 0.5, weight_decay=0.05, patience=1), 0, None),
        (TrainingSpec(6, 16, 0.5, weight_decay=0.05, patience=1), 1, None),
        (TrainingSpec(6, 16, 0.5, patience=1), 2, 0.05),
    ],
)
def test_the_penalty_is_a_part_of_the_loss_that_stops_a_training(
    engine, job_of, small_dataset, training, n_frozen, pull
):
    job = stopping_job(job_of, small_dataset, training, 30, n_frozen=n_frozen, pull=pull)
    stopped = engine.train(job, SILENT.advance)
    losses = []
    for epochs in range(1, 7):
        watched = [replace(d, x_test=d.validation[0], y_test=d.validation[1]) for d in job.datasets]
        trained = engine.train(
            replace(
                job,
                datasets=tuple(watched),
                training=replace(training, epochs=epochs, patience=None),
                evaluated_epochs=(epochs,),
            ),
            SILENT.advance,
        )
        loss = trained.scores[TEST_LOSS].copy()
        for i in range(2 * n_frozen, 6):  # weights of frozen layers are not pulled
            axes = tuple(range(1, trained.weights[i].ndim))
            if pull is not None:
                distance = trained.weights[i] - job.anchor.weights[i]
                loss += pull * np.sum(distance**2, axis=axes, dtype=np.float64)
            elif i % 2 == 0:
                loss += 0.05 * np.sum(trained.weights[i] ** 2, axis=axes, dtype=np.float64)
        losses.append(loss)
    rises = np.diff(losses, axis=0) >= 0
    expected = np.where(rises.any(axis=0), rises.argmax(axis=0) + 2, 6)
    np.testing.assert_array_equal(stopped.epochs, expected)
    assert len(set(expected)) > 1


def test_rows_that_datasets_share_are_in_memory_once():
    x, other_x = np.arange(6, dtype=np.float32).reshape(3, 2), np.ones((2, 2), np.float32)
    y, other_y = np.arange(3), np.arange(2)
    packed = PackedRows.pack([(x, y), (other_x, other_y), (x, y)], lanes=4)
    np.testing.assert_array_equal(packed.x, np.concatenate([x, other_x]))
    assert packed.y.tolist() == [0, 1, 2, 0, 1]
    assert (packed.first_rows.tolist(), packed.counts.tolist()) == ([0, 3, 0], [3, 2, 3])


def arms_of(job, n_frozen):
    """Return a job of some arms, which share the orders of each repeat."""
    n_arms = len(n_frozen)
    return replace(
        job,
        weights=[np.concatenate([stacked] * n_arms) for stacked in job.weights],
        n_frozen=np.repeat(n_frozen, job.n_runs),
        order_keys=np.tile(job.order_keys, n_arms),
    )


def test_the_orders_of_a_repeat_are_drawn_once_for_its_arms(job_of, small_dataset, monkeypatch):
    n_blocks = []

    def counted(*arguments):
        kernel = get_kernel(*arguments)

        def train_group(**arguments):
            n_blocks.append(arguments["n_blocks"])
            kernel.train_group(**arguments)

        return replace(kernel, train_group=train_group)

    monkeypatch.setattr(compiled, "get_kernel", counted)
    monkeypatch.setattr(native, "host_lanes", lambda: 16)
    job = arms_of(job_of(small_dataset, n_runs=16), [0, 0, 1, 2])
    CompiledEngine(1).train(job, SILENT.advance)
    assert n_blocks == [4]


def test_arms_trained_together_have_the_bits_of_each_alone(engine, job_of, small_dataset):
    job = job_of(small_dataset, MLPSpec(), TrainingSpec(3), 21)
    together = engine.train(arms_of(job, [0, 1, 0, 2]), SILENT.advance)
    for i, n_frozen in enumerate([0, 1, 0, 2]):
        alone = engine.train(replace(job, n_frozen=np.full(21, n_frozen)), SILENT.advance)
        arm = slice(i * 21, (i + 1) * 21)
        np.testing.assert_array_equal(together.scores[:, arm], alone.scores)


def test_a_comparison_has_the_same_rows_however_it_is_cut(engine, monkeypatch):
    spec = spec_of(20, questions=("one", "fresh"))
    expected = runs_of(compare_cell(spec, None, engine))
    for at_once in (1, 7, 50):
        monkeypatch.setattr(CompiledEngine, "repeats_at_once", lambda *_, n=at_once: n)
        assert runs_of(compare_cell(spec, None, engine)) == expected


@pytest.mark.parametrize(
    "changes, of_2, of_16",
    [
        ({}, 3968, 31_746),
        ({"training": TrainingSpec(1_000_000)}, 16, 128),  # that takes long
        ({"network": MLPSpec(2, (1000, 1000), 3)}, 16, 16),  # that takes memory
    ],
)
def test_blocks_keep_all_threads_busy_and_memory_small(changes, of_2, of_16):
    spec = spec_of(fixed=(0,), **changes)
    found = [CompiledEngine(n_threads).repeats_at_once(spec) for n_threads in (1, 2, 16)]
    assert found == [of_2, of_2, of_16]


def test_ctrl_c_stops_the_threads(engine, job_of, small_dataset):
    job = job_of(small_dataset, MLPSpec(), TrainingSpec(epochs=1_000_000), 64)
    n_before = threading.active_count()

    def interrupt(n):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.train(job, interrupt)
    assert threading.active_count() == n_before


def test_the_exp_of_the_kernel_does_not_overflow_where_logits_are_far_apart(
    engine, job_of, small_dataset
):
    job = job_of(small_dataset, MLPSpec(), TrainingSpec(epochs=1, learning_rate=1e-30))
    for stacked in job.weights[::2]:
        stacked *= 100
    (loss,) = engine.train(job, SILENT.advance).scores[TEST_LOSS]
    assert np.isfinite(loss)
    assert loss > 87  # beyond where e^-x ends in float32


def computed(function, x):
    """Return what code of the kernel makes of numbers, in this processor's vectors."""
    lanes = native.host_lanes()
    arguments = {"x": POINTER, "y": POINTER, "n": INT64}
    module = ir.Module("test")
    code = Code(module, "apply", arguments, lanes)
    with code.loop(0, code.argument("n")) as i:
        code.array("y")[i] = function(code, code.array("x")[i])
    code.finish()
    apply = native.compile_functions(module, {"apply": arguments})["apply"]
    x = np.resize(np.asarray(x, np.float32), (-(-len(x) // lanes), lanes))
    y = np.empty_like(x)
    apply(x=x.ctypes.data, y=y.ctypes.data, n=len(x))
    return x.ravel().astype(np.float64), y.ravel()


def softplus(code, z):
    return vector_math.softplus(code, z)[0]


def derivative_of_softplus(code, z):
    return vector_math.softplus(code, z)[1]


@pytest.mark.parametrize(
    ("function", "exact", "n_units"),
    [
        (vector_math.erf, erf, 2),
        (vector_math.exp_minus_1, np.expm1, 2),
        (softplus, lambda z: np.logaddexp(z, 0.0), 5),  # far below 0 by `exp_of_negative`
        (derivative_of_softplus, expit, 5),
    ],
)
def test_elementary_functions_are_within_units_of_the_last_place(function, exact, n_units):
    near = np.geomspace(1e-30, 4, 20_000)
    x, found = computed(function, np.concatenate([-near, near, np.linspace(-30, 30, 20_000)]))
    expected = exact(x)
    units = np.spacing(np.abs(expected).astype(np.float32))
    assert (np.abs(found - expected) / units).max() < n_units


def test_exp_of_negative_is_close_and_exact_at_0():
    x, found = computed(vector_math.exp_of_negative, [0.0, *-np.geomspace(1e-30, 87, 20_000)])
    assert np.abs(found / np.exp(x) - 1).max() < 5e-7
    assert found[0] == 1.0
    far = computed(vector_math.exp_of_negative, [-100.0, -np.inf, np.nan])[1]
    assert 0 < far[0] == far[1] < 2e-38
    assert np.isnan(far[2])


def test_erf_and_exp_minus_1_have_their_limits_and_keep_what_is_no_number():
    odd = [0.0, np.inf, -np.inf, np.nan]
    assert computed(vector_math.erf, odd)[1][:3].tolist() == [0.0, 1.0, -1.0]
    assert computed(vector_math.exp_minus_1, odd)[1][2] == -1.0
    assert all(np.isnan(computed(f, odd)[1][3]) for f in (vector_math.erf, vector_math.exp_minus_1))


@pytest.mark.parametrize("arguments", [{"x": 0, "y": 0}, {"x": 0, "y": 0, "m": 0}, {}])
def test_machine_code_is_not_called_without_exactly_its_arguments(arguments):
    signature = {"x": POINTER, "y": POINTER, "n": INT64}
    module = ir.Module("test")
    Code(module, "nothing", signature, 4).finish()
    nothing = native.compile_functions(module, {"nothing": signature})["nothing"]
    with pytest.raises(TypeError, match="nothing takes"):
        nothing(**arguments)


def test_rows_that_32_bits_cannot_count_are_refused(engine, job_of, small_dataset):
    y = np.broadcast_to(np.int64(0), 2**31 // native.host_lanes())
    x = np.broadcast_to(np.float32(0), (len(y), 2))
    dataset = replace(small_dataset, x_train=x, y_train=y)
    with pytest.raises(MachineError, match="use fewer rows, or --engine keras"):
        engine.train(job_of(dataset), SILENT.advance)


def test_tiny_numbers_are_as_before_once_the_kernel_is_done(
    engine, job_of, small_dataset, monkeypatch
):
    # Blocks train in this thread, whose way to round the kernel changes for itself.
    here = SimpleNamespace(submit=done_at_once, shutdown=lambda cancel_futures: None)
    monkeypatch.setattr(compiled, "ThreadPoolExecutor", lambda n_threads: here)
    engine.train(job_of(small_dataset), SILENT.advance)
    assert np.float32(1e-40) * np.float32(0.5) > 0


def done_at_once(function, *arguments):
    future = Future()
    future.set_result(function(*arguments))
    return future


def test_a_mistake_of_ours_in_a_thread_is_raised_here(engine, job_of, small_dataset, monkeypatch):
    def mistake(self):
        raise IndexError("ours")

    monkeypatch.setattr(GroupNetworks, "unpack_weights", mistake)
    with pytest.raises(IndexError, match="ours"):
        engine.train(job_of(small_dataset), SILENT.advance)


def test_a_thread_that_cannot_start_is_told_in_one_line(engine, job_of, small_dataset, monkeypatch):
    def start(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(MachineError, match="no thread can be started"):
        engine.train(job_of(small_dataset), SILENT.advance)


def test_all_is_compiled_when_it_has_started(monkeypatch):
    spec = spec_of(variants=VARIANTS)
    engine = CompiledEngine()
    engine.start(spec)
    monkeypatch.setattr(native, "compile_functions", lambda *_: pytest.fail("compiled again"))
    assert compare_cell(spec, None, engine).n_runs == 1 + 3 * len(VARIANTS)


def test_code_that_llvm_refuses_is_told_in_one_line(job_of, small_dataset, monkeypatch):
    def refuse(*_):
        raise RuntimeError("no such processor")

    monkeypatch.setattr(native.llvm, "parse_assembly", refuse)
    with pytest.raises(MachineError, match=r"no such processor.*--engine keras"):
        CompiledEngine().train(job_of(small_dataset, MLPSpec(2, (1, 2, 1), 3)), SILENT.advance)


def test_llvm_that_is_missing_is_told_in_one_line(monkeypatch):
    monkeypatch.delattr("blobtransfer.engines.compiled.native")
    monkeypatch.setitem(sys.modules, "blobtransfer.engines.compiled.native", None)
    with pytest.raises(MachineError, match="install llvmlite"):
        CompiledEngine().start(spec_of())


@pytest.mark.slow
def test_a_command_leaves_no_machine_code_on_the_disk(tmp_path):
    folders = {name: tmp_path / name for name in ("home", "cache", "temporary", "here")}
    for folder in folders.values():
        folder.mkdir()
    package = Path(blobtransfer.__file__).parent
    before = files_but_bytecode(package)
    done = run_process(
        "train-target", *SMALL_OPTIONS, "--no-plot", cwd=folders["here"],
        environment={
            "HOME": str(folders["home"]),
            "XDG_CACHE_HOME": str(folders["cache"]),
            "TMPDIR": str(folders["temporary"]),
        },
    )  # fmt: skip
    assert (done.code, without_cautions(done.err)) == (0, "")
    assert not [path for folder in folders.values() for path in folder.iterdir()]
    assert files_but_bytecode(package) == before


def files_but_bytecode(folder):
    return {path for path in folder.rglob("*") if "__pycache__" not in path.parts}
