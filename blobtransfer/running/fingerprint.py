"""Environment fingerprint: versions, machine, and a hash of a few trained networks.

The hash shows how the CPU rounds.
"""

import hashlib
import os
import socket
from dataclasses import replace

from blobtransfer.engines import Engine
from blobtransfer.network import initial_weights
from blobtransfer.results.provenance import Environment, installed_versions, this_machine
from blobtransfer.running.trainer import SourceKey, engine_of, ignore, train_arms
from blobtransfer.running.transferability import score_sources
from blobtransfer.specs.experiment import FEWEST_TO_CUT, ExperimentSpec
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.training import BALANCED_ACCURACY

PROBED_REPEATS = 4
"""Number of networks that are trained for the hash."""

PROBED_EPOCHS = 3

TESTED_ROWS = 64


_ROUNDING: dict[tuple[ExperimentSpec, type], str] = {}
"""Hash of the networks of each probe, by spec and type of the engine."""


def current_environment(spec: ExperimentSpec, engine: Engine | None = None) -> Environment:
    """Return the environment of this process.

    Args:
        spec: The experiment; rounding may depend on the shape of its networks.
        engine: Started engine; None: the engine of the spec, cached by this process.
    """
    host = f"process {os.getpid()} on {socket.gethostname()}"
    rounding = _rounding(_probe(spec), engine or engine_of(spec.engine))
    if spec.transferability:
        rounding += _rounding_of_scores(spec)
    return Environment(installed_versions(), this_machine(), rounding, host)


def _rounding_of_scores(spec: ExperimentSpec) -> str:
    """Hash the transferability scores of an untrained network, which NumPy and BLAS compute."""
    weights = initial_weights(spec.source_network, spec.train_seed, 0)
    scores = score_sources(spec, [0], {SourceKey("fresh", "transfer", 0): weights})
    return hashlib.sha256(scores.tobytes()).hexdigest()


def _probe(spec: ExperimentSpec) -> ExperimentSpec:
    """Return a spec of short trainings of the same network, independent of the data."""
    n_train = 2 * spec.training.batch_size
    if spec.training.patience is not None:  # some of them are validation rows
        n_train = max(n_train, FEWEST_TO_CUT)
    n_train = min(spec.data.n_train, n_train)
    data = BlobsSpec(
        seed=1,
        n_samples=n_train + TESTED_ROWS,
        n_classes=spec.network.n_classes,
        n_features=spec.network.n_features,
        n_train=n_train,
    )
    training = replace(spec.training, epochs=min(PROBED_EPOCHS, spec.training.epochs))
    return ExperimentSpec(
        network=spec.network, training=training, questions=("fresh",), target=data
    )


def _rounding(probe: ExperimentSpec, engine: Engine) -> str:
    """Return the hash of the trained networks, in hexadecimal digits; computed once per process."""
    key = (probe, type(engine))
    if key not in _ROUNDING:
        _ROUNDING[key] = _hash_of_networks(probe, engine)
    return _ROUNDING[key]


def _hash_of_networks(probe: ExperimentSpec, engine: Engine) -> str:
    trained = train_arms(probe, range(PROBED_REPEATS), {}, engine, ignore, with_curves=False)
    digest = hashlib.sha256()
    for networks in trained.values():
        for weights in networks.weights:
            digest.update(weights.tobytes())
        # Balanced accuracies round nothing new, and the hashes in older stores are without them.
        digest.update(networks.scores[:BALANCED_ACCURACY].tobytes())
    return digest.hexdigest()
