"""Functions that run in a worker: another process with one thread, possibly on another machine."""

from collections.abc import Sequence

from blobtransfer.network import Weights
from blobtransfer.results.provenance import Environment
from blobtransfer.results.results import BlockResult
from blobtransfer.running.block import run_block
from blobtransfer.running.fingerprint import current_environment
from blobtransfer.running.trainer import SourceKey, SourceWeights, engine_of, train_sources
from blobtransfer.specs.experiment import ExperimentSpec


def run_block_in_worker(
    spec: ExperimentSpec, repeats: Sequence[int], sources: SourceWeights
) -> tuple[BlockResult, Environment]:
    """Train a block as `run_block` does, and also return the environment of the worker.

    Args:
        spec: The experiment.
        repeats: Indices of the repeats, ascending.
        sources: Source networks that are already trained.
    """
    engine = engine_of(spec.engine, n_threads=1)
    return run_block(spec, repeats, sources, engine), current_environment(spec, engine)


def environment_of_worker(spec: ExperimentSpec) -> Environment:
    """Return the environment of the worker, before it gets a block."""
    return current_environment(spec, engine_of(spec.engine, n_threads=1))


def train_sources_in_worker(
    spec: ExperimentSpec, keys: Sequence[SourceKey]
) -> dict[SourceKey, Weights]:
    """Train source networks: kernel (fan_in, fan_out), bias (fan_out,), ... of each key."""
    return train_sources(spec, keys, engine_of(spec.engine, n_threads=1))
