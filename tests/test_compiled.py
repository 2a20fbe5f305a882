"""What only the compiled engine promises: the same bits however the work is cut, and its cache."""

import os
import threading

import numpy as np
import pytest
from test_engines import job_of, no_announce, no_tick

from blobtransfer.engines.compiled import engine as compiled
from blobtransfer.engines.compiled import native
from blobtransfer.engines.compiled.engine import CompiledEngine
from blobtransfer.errors import EnvironmentFailed
from blobtransfer.experiment import compare as experiment
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.task import TaskSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.specs.variant import STANDALONE, transfer_variants


def test_gradients_are_those_of_central_differences(small_task):
    # One step over all rows at learning rate 1 moves every weight by minus its gradient.
    for activation in ("relu", "tanh", "sigmoid"):
        network = MLPSpec(2, (3, 2), 3, activation)
        training = TrainingSpec(1, batch_size=40, learning_rate=1.0)
        job = job_of(small_task, network, training)
        for biases in job.weights[1::2]:
            biases += np.float32(0.1)  # a unit at 0 sits on the bend of ReLU
        trained = CompiledEngine().train(job, no_tick, no_announce)
        weights = [stacked[0].astype(np.float64) for stacked in job.weights]

        def mean_loss(weights, activation=activation):
            act = {
                "relu": lambda z: np.maximum(z, 0),
                "tanh": np.tanh,
                "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
            }[activation]
            a = small_task.x_train.astype(np.float64)
            for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
                a = act(a @ kernel + bias)
            z = a @ weights[-2] + weights[-1]
            log_sum = np.log(np.exp(z - z.max(1, keepdims=True)).sum(1)) + z.max(1)
            return np.mean(log_sum - z[np.arange(len(z)), small_task.y_train])

        for before, stacked in zip(weights, trained.weights, strict=True):
            gradient = before - stacked[0]
            for at in np.ndindex(before.shape):
                kept, step = before[at], 1e-6
                before[at] = kept + step
                above = mean_loss(weights)
                before[at] = kept - step
                below = mean_loss(weights)
                before[at] = kept
                assert gradient[at] == pytest.approx(
                    (above - below) / (2 * step), rel=1e-3, abs=2e-6
                )


def scores_of(trained):
    return np.stack(
        [trained.scores.test_accuracy, trained.scores.test_loss, trained.scores.train_loss]
    )


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_the_bits_do_not_depend_on_threads_or_neighbours(small_task, n_threads):
    training = TrainingSpec(epochs=3)
    n_frozen = np.arange(41) % 3
    job = job_of(small_task, MLPSpec(), training, 41, n_frozen)
    expected = CompiledEngine(1).train(job, no_tick, no_announce)
    found = CompiledEngine(n_threads).train(job, no_tick, no_announce)
    np.testing.assert_array_equal(scores_of(found), scores_of(expected))
    for r in (0, 17, 40):
        alone = job_of(small_task, MLPSpec(), training, r + 1, n_frozen[: r + 1])
        found = CompiledEngine(n_threads).train(alone, no_tick, no_announce)
        np.testing.assert_array_equal(scores_of(found)[:, r], scores_of(expected)[:, r])


def test_the_bits_do_not_depend_on_how_often_it_looks_up(small_task, monkeypatch):
    job = job_of(small_task, MLPSpec(), TrainingSpec(epochs=7, momentum=0.9), 3)
    expected = CompiledEngine().train(job, no_tick, no_announce)
    monkeypatch.setattr(compiled, "WORK_OF_A_CALL", 2 * 40 * 63)
    found = CompiledEngine().train(job, no_tick, no_announce)
    np.testing.assert_array_equal(scores_of(found), scores_of(expected))


def test_a_comparison_has_the_same_rows_however_it_is_cut(monkeypatch):
    task = {"n_samples": 60, "n_train": 40}
    spec = ExperimentSpec(
        MLPSpec(),
        TrainingSpec(epochs=2),
        variants=(STANDALONE, *transfer_variants((0, 2), 2)),
        n_repeats=20,
        source=TaskSpec(1, **task),
        target=TaskSpec(2, **task),
    )
    expected = experiment.compare(spec, None, CompiledEngine()).runs
    for at_once in (1, 7, 50):
        monkeypatch.setattr(CompiledEngine, "repeats_at_once", lambda self, spec, n=at_once: n)
        assert experiment.compare(spec, None, CompiledEngine()).runs == expected


def test_ctrl_c_stops_the_threads(small_task):
    job = job_of(small_task, MLPSpec(), TrainingSpec(epochs=1_000_000), 64)
    n_before = threading.active_count()

    def interrupt(n):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        CompiledEngine().train(job, interrupt, no_announce)
    assert threading.active_count() == n_before


def test_the_exp_of_the_kernel_does_not_overflow_where_logits_are_far_apart(small_task):
    job = job_of(small_task, MLPSpec(), TrainingSpec(epochs=1, learning_rate=1e-30))
    for stacked in job.weights[::2]:
        stacked *= 100
    trained = CompiledEngine().train(job, no_tick, no_announce)
    assert np.isfinite(trained.scores.test_loss[0])
    assert trained.scores.test_loss[0] > 87  # beyond where e^-x ends in float32


def test_rows_that_32_bits_cannot_count_are_refused():
    y = np.broadcast_to(np.int64(0), 2**31 // 16)
    x = np.broadcast_to(np.float32(0), (len(y), 2))
    with pytest.raises(EnvironmentFailed, match="use fewer rows, or --engine keras"):
        compiled._Rows.of(x, y, lanes=16)


# ---------------------------------------------------------------- machine code on disk


@pytest.fixture
def folders(tmp_path, monkeypatch):
    folders = (tmp_path / "package", tmp_path / "user")
    monkeypatch.setattr(native, "_folders", lambda: folders)
    return folders


def train_and_hear(small_task):
    heard = []

    def announce(text):
        heard.append(text)
        return heard.append

    job = job_of(small_task, MLPSpec(), TrainingSpec(epochs=1))
    return CompiledEngine().train(job, no_tick, announce), heard


def test_only_the_first_run_compiles_and_says_so(folders, small_task):
    first, heard = train_and_hear(small_task)
    assert heard == ["compiling for 2-5-5-3, once", 1]
    assert len(os.listdir(folders[0])) == 1
    again, heard = train_and_hear(small_task)
    assert heard == []
    np.testing.assert_array_equal(scores_of(again), scores_of(first))


def test_damaged_machine_code_is_compiled_again(folders, small_task):
    train_and_hear(small_task)
    (path,) = folders[0].iterdir()
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    train_and_hear(small_task)
    checked = path.read_bytes()
    assert native.hashlib.sha256(checked[32:]).digest() == checked[:32]


def test_a_closed_package_folder_is_replaced_by_the_users_and_nothing_at_all_will_do(
    folders, small_task
):
    folders[0].write_text("a file where the folder should be")
    train_and_hear(small_task)
    assert len(os.listdir(folders[1])) == 1
    (kept,) = folders[1].iterdir()
    kept.unlink()
    folders[1].rmdir()
    folders[1].write_text("another")
    trained, _ = train_and_hear(small_task)
    assert np.isfinite(trained.scores.test_loss[0])


def test_old_machine_code_makes_room(folders, small_task, monkeypatch):
    monkeypatch.setattr(native, "MAX_KEPT", 2)
    folders[0].mkdir()
    for age in range(4):
        path = folders[0] / f"kernel-{age}.o"
        path.write_bytes(b"")
        os.utime(path, (age, age))
    train_and_hear(small_task)
    assert len(os.listdir(folders[0])) == 2
    assert (folders[0] / "kernel-3.o").exists()


def test_another_processor_or_source_has_machine_code_of_its_own(monkeypatch):
    key = native.cache_key("source")
    assert native.cache_key("source") == key
    assert native.cache_key("other source") != key
    monkeypatch.setattr(native.llvm, "get_host_cpu_name", lambda: "another")
    assert native.cache_key("source") != key


@pytest.mark.parametrize("lanes", [4, 8, 16])
def test_narrower_registers_give_the_same_bits(small_task, monkeypatch, folders, lanes):
    job = job_of(small_task, MLPSpec(activation="tanh"), TrainingSpec(epochs=2), 9)
    expected = CompiledEngine().train(job, no_tick, no_announce)
    monkeypatch.setattr(native, "host_lanes", lambda: lanes)
    found = CompiledEngine().train(job, no_tick, no_announce)
    np.testing.assert_array_equal(scores_of(found), scores_of(expected))


def test_a_deep_network_trains(small_task):
    network = MLPSpec(hidden=(9, 3) * 4, activation="tanh")
    trained = CompiledEngine().train(
        job_of(small_task, network, TrainingSpec(epochs=1), n_frozen=5), no_tick, no_announce
    )
    assert np.isfinite(trained.scores.test_loss).all()


def test_tiny_numbers_are_as_before_when_the_kernel_is_done(small_task):
    code = compiled._Kernel.load(MLPSpec(), 64, False, no_announce)
    job = job_of(small_task, MLPSpec(), TrainingSpec(epochs=1), code.lanes)
    block = compiled._Block(code, job.weights, job.order_keys, False)
    rows = compiled._Rows.of(small_task.x_train, small_task.y_train, code.lanes)
    block.train(rows, 0, 1, job.training, 0)
    block.evaluate(rows)
    assert np.float32(1e-40) * np.float32(0.5) > 0


def test_a_mistake_of_ours_in_a_thread_is_raised_here(small_task, monkeypatch):
    def mistake(self):
        raise IndexError("ours")

    monkeypatch.setattr(compiled._Block, "unpacked", mistake)
    with pytest.raises(IndexError, match="ours"):
        CompiledEngine().train(
            job_of(small_task, MLPSpec(), TrainingSpec(epochs=1)), no_tick, no_announce
        )


def test_a_thread_that_cannot_start_is_told_in_one_line(small_task, monkeypatch):
    def start(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    job = job_of(small_task, MLPSpec(), TrainingSpec(epochs=1), 1)
    with pytest.raises(EnvironmentFailed, match="no thread can be started"):
        CompiledEngine().train(job, no_tick, no_announce)
