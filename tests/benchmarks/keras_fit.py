"""The way of the published experiment: a new Keras model per training, `fit`, then `evaluate`."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from blobtransfer.engines import Job
from blobtransfer.network import Weights


def train(job: Job) -> Weights:
    """Train every run of a job."""
    network, training, dataset = job.network, job.training, job.datasets[0]
    one_hot = keras.utils.to_categorical(dataset.y_train, network.n_classes)
    test_one_hot = keras.utils.to_categorical(dataset.y_test, network.n_classes)
    trained = []
    for run in range(job.n_runs):
        model = keras.Sequential(
            [
                keras.Input((network.n_features,)),
                *(keras.layers.Dense(width, activation="relu") for width in network.hidden),
                keras.layers.Dense(network.n_classes, activation="softmax"),
            ]
        )
        model.compile(
            optimizer=keras.optimizers.SGD(training.learning_rate),
            loss="categorical_crossentropy",
            metrics=["accuracy"],
        )
        model.set_weights([stacked[run] for stacked in job.weights])
        model.fit(
            dataset.x_train,
            one_hot,
            epochs=training.epochs,
            batch_size=training.batch_size,
            verbose=0,
        )
        model.evaluate(dataset.x_test, test_one_hot, verbose=0)
        trained.append(model.get_weights())
    return [np.stack(layer) for layer in zip(*trained, strict=True)]
