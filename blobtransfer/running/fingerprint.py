"""Who computes here: versions, the machine, and how its arithmetic rounds."""

import hashlib
import os
import socket
from dataclasses import replace

from blobtransfer.engines import Engine
from blobtransfer.network import initial_weights
from blobtransfer.results.provenance import Maker, installed_versions, this_machine
from blobtransfer.running.trainer import SourceKey, engine_of, ignore, train_arms
from blobtransfer.running.transferability import score_sources
from blobtransfer.specs.drawn import BlobsSpec
from blobtransfer.specs.experiment import ExperimentSpec

PROBED_REPEATS = 4
"""Networks that tell how a machine rounds."""

PROBED_EPOCHS = 3

TESTED_ROWS = 64

_KNOWN: dict[tuple[ExperimentSpec, type], str] = {}
"""What was found out in this process."""


def this_maker(spec: ExperimentSpec, engine: Engine | None = None) -> Maker:
    """Say who computes in this process.

    Args:
        spec: What is run; how a machine rounds may hang on the shape of its networks.
        engine: What trains, started; None: the one of the spec, kept by this process.
    """
    where = f"process {os.getpid()} on {socket.gethostname()}"
    rounding = _rounding(_probe(spec), engine or engine_of(spec.engine))
    if spec.transferability:
        rounding += _rounding_of_scores(spec)
    return Maker(installed_versions(), this_machine(), rounding, where)


def _rounding_of_scores(spec: ExperimentSpec) -> str:
    """Hash the scores of an untrained source network, whose sums are taken by NumPy and BLAS."""
    weights = initial_weights(spec.source_network, spec.train_seed, 0)
    scores = score_sources(spec, [0], {SourceKey("fresh", "transfer", 0): weights})
    return hashlib.sha256(scores.tobytes()).hexdigest()


def _probe(spec: ExperimentSpec) -> ExperimentSpec:
    """Give short trainings of the spec's own network and rule, the same for all its problems."""
    n_train = min(spec.task.n_train, 2 * spec.training.batch_size)
    task = BlobsSpec(
        seed=1,
        n_samples=n_train + TESTED_ROWS,
        n_classes=spec.network.n_classes,
        n_features=spec.network.n_features,
        n_train=n_train,
    )
    training = replace(spec.training, epochs=min(PROBED_EPOCHS, spec.training.epochs))
    return ExperimentSpec(
        network=spec.network, training=training, questions=("fresh",), target=task
    )


def _rounding(probe: ExperimentSpec, engine: Engine) -> str:
    """Hash the weights and scores of some networks, in hexadecimal digits, once a process."""
    key = (probe, type(engine))
    if key not in _KNOWN:
        _KNOWN[key] = _hash_of_networks(probe, engine)
    return _KNOWN[key]


def _hash_of_networks(probe: ExperimentSpec, engine: Engine) -> str:
    trained = train_arms(probe, range(PROBED_REPEATS), {}, engine, ignore, with_curves=False)
    found = hashlib.sha256()
    for one in trained.values():
        for weights in one.weights:
            found.update(weights.tobytes())
        found.update(one.curves.tobytes())
    return found.hexdigest()
