"""The Keras engine against `keras.Model.fit`; the Keras model, its file, and a quiet import."""

import numpy as np
import pytest
from helpers.commands import run_python
from helpers.specs import spec_of
from helpers.trials import third_of

from blobtransfer.data.dataset import with_validation_rows
from blobtransfer.engines import Job, Trained
from blobtransfer.engines.keras import engine as keras_engine
from blobtransfer.engines.keras.engine import KerasEngine
from blobtransfer.engines.keras.model import build_mlp, get_weights
from blobtransfer.engines.keras.quiet import load_keras
from blobtransfer.network import initial_weights
from blobtransfer.randomness import batch_orders
from blobtransfer.running.progress import SILENT
from blobtransfer.running.trainer import SourceKey, train_arms
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.specs.variant import STANDALONE, parse_variant

pytestmark = [pytest.mark.slow, pytest.mark.keras]

NETWORK = MLPSpec(4, (6, 3), 5, activation="tanh")


class FitEngine:
    """Trains each run with a new model and `keras.Model.fit`, one call per epoch."""

    def train(self, job: Job, on_epochs) -> Trained:
        runs = [self._fit(job, run) for run in range(job.n_runs)]
        weights, curves, classes_predicted = zip(*runs, strict=True)
        return Trained(
            weights=[np.stack(layer) for layer in zip(*weights, strict=True)],
            curves=np.stack(curves, axis=1),
            classes_predicted=np.array(classes_predicted),
            epochs=np.full(job.n_runs, job.n_epochs),
        )

    def _fit(self, job: Job, run: int):
        training, dataset, loss = job.training, job.dataset_of(run), "categorical_crossentropy"
        model = compiled_model(job, run, metrics=["accuracy", loss])
        one_hot = np.eye(job.network.n_classes, dtype=np.float32)
        x, y = dataset.x_train, one_hot[dataset.y_train]

        def evaluate():
            scores = []
            for rows in ((dataset.x_test, one_hot[dataset.y_test]), (x, y)):
                model.reset_metrics()
                scores.append(model.test_on_batch(*rows, return_dict=True))
            return [float(score[name]) for name in ("accuracy", loss) for score in scores]

        curve = [evaluate()]
        epochs = range(job.first_epoch, training.epochs)
        for order in batch_orders(int(job.order_keys[run]), epochs, len(x)):
            model.fit(x[order], y[order], training.batch_size, shuffle=False, verbose=0)
            curve.append(evaluate())
        classes = np.asarray(model(dataset.x_test)).argmax(axis=1)
        evaluated = [epoch - job.first_epoch for epoch in job.evaluated_epochs]
        return get_weights(model), np.array(curve)[evaluated].T, len(np.unique(classes))


def compiled_model(job: Job, run: int, metrics=()):
    """Return a new model with the initial weights of a run, ready for `fit`."""
    keras, training = load_keras(), job.training
    if training.optimizer == "adam":
        optimizer = keras.optimizers.Adam(training.learning_rate)
    else:
        optimizer = keras.optimizers.SGD(
            training.learning_rate, momentum=training.momentum, nesterov=training.nesterov
        )
    model = build_mlp(job.network, int(job.n_frozen[run]))
    if job.anchor is not None:
        l2 = keras.regularizers.L2(job.anchor.strength)
        for weight, anchor in zip(model.weights, job.anchor.weights, strict=True):
            weight.regularizer = lambda w, anchor=anchor[run]: l2(w - anchor)
    elif training.weight_decay:
        for kernel in model.weights[::2]:
            kernel.regularizer = keras.regularizers.L2(training.weight_decay)
    model.compile(optimizer, "categorical_crossentropy", metrics=list(metrics))
    model.set_weights([stacked[run] for stacked in job.weights])
    return model


MIXED = (
    "gelu",
    "tanh",
    "elu",
    "swish",
    "sigmoid",
    "leaky_relu",
    "leaky_relu=0.1",
    "softplus",
    "relu",
)


FITS = {
    # 40 training rows: the last batch of most has fewer rows.
    "momentum": (MLPSpec(), TrainingSpec(3, 16, momentum=0.9), ("fixed=1,unfreeze=2,factor=0.5",)),
    "sgd": (MLPSpec(), TrainingSpec(3), ("fixed=2", "new-head,fixed=1,anchor=0.1")),
    "batch of 1": (
        MLPSpec(),
        TrainingSpec(2, 1, momentum=0.5, nesterov=True, weight_decay=0.1),
        (),
    ),
    "adam": (MLPSpec(), TrainingSpec(3, 15, optimizer="adam", weight_decay=0.01), ("anchor=1",)),
    "one batch": (MLPSpec(), TrainingSpec(3, 1000), ()),
    "gelu": (MLPSpec(activation="gelu"), TrainingSpec(3, 7, 0.1, momentum=0.9), ()),
    "activations": (
        MLPSpec(hidden=(4, 5, 3, 6, 2, 7, 3, 5, 4), activation=MIXED),
        TrainingSpec(3, 16, 0.1),
        (),
    ),
    "diverged": (MLPSpec(), TrainingSpec(3, learning_rate=1e30), ()),
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", third_of(FITS))
def test_trained_networks_are_those_of_keras_fit_to_the_bit(name):
    network, training, variants = FITS[name]
    spec = spec_of(
        1, network=network, training=training, variants=(STANDALONE, *map(parse_variant, variants))
    )
    sources = {SourceKey("one", "transfer", 0): initial_weights(network, 5, 0)}
    arms, arms_by_fit = (
        train_arms(spec, range(1), sources, engine, SILENT.advance, with_curves=True)
        for engine in (KerasEngine(), FitEngine())
    )
    for arm, by_fit in arms_by_fit.items():
        for a, b in zip(arms[arm].weights, by_fit.weights, strict=True):
            np.testing.assert_array_equal(a, b)
        # Keras rounds the accuracies to float32.
        n_metrics = len(by_fit.curves)  # all but the balanced accuracy
        curves = arms[arm].curves[:n_metrics].astype(np.float32)
        np.testing.assert_array_equal(curves, by_fit.curves)
        np.testing.assert_array_equal(arms[arm].classes_predicted, by_fit.classes_predicted)


STOPPING_FITS = [
    (TrainingSpec(20, 7, 0.2, momentum=0.5, patience=1), 0, None, 2),
    (TrainingSpec(20, 7, 0.2, weight_decay=0.01, patience=2), 1, None, 1),
    (TrainingSpec(20, 7, 0.03, optimizer="adam", patience=2), 0, 0.01, 1),
]


@pytest.mark.exhaustive
@pytest.mark.parametrize(("training", "n_frozen", "pull", "n_runs"), third_of(STOPPING_FITS))
def test_early_stopping_is_that_of_the_callback_of_keras_to_the_bit(
    job_of, small_dataset, training, n_frozen, pull, n_runs
):
    keras = load_keras()
    datasets = with_validation_rows([small_dataset], range(n_runs), 0)
    job = job_of(datasets, MLPSpec(), training, n_runs, n_frozen=n_frozen, pull=pull)
    trained = KerasEngine().train(job, SILENT.advance)
    one_hot = np.eye(3, dtype=np.float32)
    for run, dataset in enumerate(datasets):
        model = compiled_model(job, run)
        stopping = keras.callbacks.EarlyStopping(
            "val_loss", patience=training.patience, restore_best_weights=True
        )
        # A generator brings the batches in the order of the job, epoch after epoch.
        orders = batch_orders(int(job.order_keys[run]), range(training.epochs), 32)
        firsts = range(0, 32, training.batch_size)
        batches = [order[i : i + training.batch_size] for order in orders for i in firsts]
        x_validation, y_validation = dataset.validation
        history = model.fit(
            ((dataset.x_train[rows], one_hot[dataset.y_train[rows]]) for rows in batches),
            epochs=training.epochs,
            steps_per_epoch=len(firsts),
            validation_data=(x_validation, one_hot[y_validation]),
            validation_batch_size=training.batch_size,
            callbacks=[stopping],
            shuffle=False,
            verbose=0,
        )
        assert trained.epochs[run] == len(history.epoch)
        for a, b in zip(trained.weights, get_weights(model), strict=True):
            np.testing.assert_array_equal(a[run], b)
    assert trained.epochs.min() < training.epochs


def test_epochs_per_call_change_no_bit(monkeypatch, job_of, small_dataset):
    job = job_of(small_dataset, MLPSpec(), TrainingSpec(5, optimizer="adam"))
    in_one_call, in_two_calls = [], []
    engine = KerasEngine()
    whole = engine.train(job, in_one_call.append)
    work = 40 * (MLPSpec().n_parameters + keras_engine.ORDER_WORK) + 2 * keras_engine.STEP_WORK
    monkeypatch.setattr(keras_engine, "MAX_CALL_WORK", 3 * work)
    in_pieces = engine.train(job, in_two_calls.append)
    assert (in_one_call, in_two_calls) == ([5], [3, 2])
    for a, b in zip(whole.weights, in_pieces.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_model_is_a_sequential_of_dense_layers_in_float32():
    model = build_mlp(NETWORK)
    assert [layer.name.partition("_")[0] for layer in model.layers] == ["dense"] * 3
    assert [w.shape for w in model.get_weights()] == [(4, 6), (6,), (6, 3), (3,), (3, 5), (5,)]
    assert {w.dtype for w in model.get_weights()} == {np.dtype("float32")}
    assert [layer.activation.__name__ for layer in model.layers] == ["tanh", "tanh", "softmax"]


@pytest.mark.parametrize("n_frozen", [0, 1, 2])
def test_the_first_layers_are_frozen(n_frozen):
    model = build_mlp(MLPSpec(), n_frozen)
    n_trainable = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert n_trainable == MLPSpec().n_trainable(n_frozen)


def test_what_was_kept_quiet_is_told_when_the_import_fails(tmp_path):
    (tmp_path / "tensorflow.py").write_text(
        "import os\nos.write(2, b'a hint from below\\n')\nraise ImportError('broken')\n"
    )
    done = run_python(
        "from blobtransfer.errors import MachineError\n"
        "from blobtransfer.engines.keras.quiet import load_keras\n"
        "try: load_keras()\n"
        "except MachineError as error: print(error)\n",
        PYTHONPATH=str(tmp_path),
    )
    assert "(broken)" in done.stdout and "install keras" in done.stdout
    assert "a hint from below" in done.stderr
