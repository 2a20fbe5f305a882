"""Jobs that do not fit are rejected before an engine sees them."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import guard_pages
from helpers.running import compare_cell
from helpers.specs import spec_of

from blobtransfer.engines import Anchor
from blobtransfer.errors import InputError, SettingError
from blobtransfer.specs.network import MLPSpec


@pytest.fixture
def job(job_of, small_dataset):
    """Make a job of three runs on 40 rows of 2 features and 3 classes."""
    return job_of(small_dataset, n_runs=3, pull=0.1)


@pytest.mark.parametrize(
    ("network", "setting", "value"),
    [
        (MLPSpec(n_features=3), "n_features", "3"),
        (MLPSpec(n_features=500), "n_features", "500"),
        (MLPSpec(n_features=1), "n_features", "1"),
        (MLPSpec(n_classes=2), "n_classes", "2"),
    ],
)
def test_a_network_that_does_not_fit_the_task_is_rejected_by_the_setting(
    job_of, small_dataset, network, setting, value
):
    with pytest.raises(SettingError) as raised:
        job_of(small_dataset, network)
    assert (raised.value.setting, raised.value.value) == (setting, value)


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_that_is_not_a_class_is_rejected_in_training_and_test_rows(
    job, small_dataset, part, label
):
    y = getattr(small_dataset, f"y_{part}").copy()
    y[-1] = label
    with pytest.raises(SettingError) as raised:
        replace(job, datasets=(small_dataset, replace(small_dataset, **{f"y_{part}": y})))
    assert raised.value.setting == "n_classes"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("x_train", lambda x: x[:-1]),
        ("x_train", lambda x: x.astype(np.float64)),
        ("x_train", np.ravel),
        ("x_test", lambda x: x[:, :, None]),
        ("y_train", lambda y: y[:-1]),
        ("y_test", lambda y: y.astype(np.float32)),
        ("y_test", lambda y: y[:, None]),
    ],
)
def test_rows_of_another_shape_or_type_are_rejected(job, small_dataset, name, change):
    dataset = replace(small_dataset, **{name: change(getattr(small_dataset, name))})
    with pytest.raises(InputError):
        replace(job, datasets=(dataset,))


def test_a_task_without_test_rows_is_rejected(job, small_dataset):
    empty = replace(small_dataset, x_test=small_dataset.x_test[:0], y_test=small_dataset.y_test[:0])
    with pytest.raises(InputError, match=r"^y: "):
        replace(job, datasets=(empty,))


def test_early_stopping_needs_validation_rows_that_fit(job, small_dataset):
    training = replace(job.training, patience=1)
    with pytest.raises(InputError, match="patience: "):
        replace(job, training=training)
    x, y = small_dataset.x_test, small_dataset.y_test
    for rows in ((x[:, :1], y), (x, y + 3)):
        with pytest.raises(SettingError):
            replace(job, training=training, datasets=(replace(small_dataset, validation=rows),))
    for rows in ((x[:0], y[:0]), (x, y[:-1]), (x.astype(np.float64), y)):
        with pytest.raises(InputError):
            replace(job, training=training, datasets=(replace(small_dataset, validation=rows),))


@pytest.mark.parametrize(
    "change",
    [
        lambda job: {"datasets": ()},
        lambda job: {"weights": job.weights[:-1]},
        lambda job: {"weights": [stacked[:2] for stacked in job.weights]},
        lambda job: {"weights": [stacked.astype(np.float64) for stacked in job.weights]},
        lambda job: {"weights": [job.weights[0].swapaxes(1, 2), *job.weights[1:]]},
        lambda job: {"anchor": Anchor(0.1, [stacked[:2] for stacked in job.weights])},
        lambda job: {"n_frozen": job.n_frozen[:2]},
        lambda job: {"n_frozen": job.n_frozen + 0.0},
        lambda job: {"n_frozen": job.n_frozen + 3},  # the network has three layers
        lambda job: {"n_frozen": job.n_frozen - 1},
        lambda job: {"order_keys": job.order_keys[:2]},
        lambda job: {"order_keys": job.order_keys[:0]},
        lambda job: {"order_keys": job.order_keys.astype(np.int64)},
        lambda job: {"first_epoch": -1},
        lambda job: {"first_epoch": 2},  # the training has one epoch
        lambda job: {"evaluated_epochs": (0, 2)},
        lambda job: {"evaluated_epochs": (1, 0)},
        lambda job: {"evaluated_epochs": (0, 0)},
        lambda job: {"evaluated_epochs": (0, 1), "first_epoch": 1},
    ],
)
def test_runs_that_do_not_fit_the_network_are_rejected(job, change):
    with pytest.raises(InputError):
        replace(job, **change(job))


def test_a_comparison_whose_network_does_not_fit_ends_before_machine_code_runs():
    with pytest.raises(SettingError):
        compare_cell(replace(spec_of(), network=MLPSpec(n_features=500)))


@pytest.mark.skipif(sys.platform != "linux", reason="guard pages are made with mprotect")
@pytest.mark.parametrize(("n_features", "is_in_bounds"), [(2, True), (3, False)])
def test_machine_code_reads_no_byte_behind_the_rows_of_a_network_that_fits(
    n_features, is_in_bounds
):
    # A network that does not fit, which no job can have, shows that the guard page works.
    module = Path(guard_pages.__file__)
    done = subprocess.run(
        [sys.executable, "-P", module, str(n_features)], capture_output=True, check=False
    )
    assert done.returncode == (0 if is_in_bounds else -signal.SIGSEGV), done.stderr.decode()
