"""Blocks that run in other processes, here or on other machines: one thread each."""

from collections.abc import Sequence

from blobtransfer.network import Weights
from blobtransfer.results.block import BlockResult
from blobtransfer.results.provenance import Maker
from blobtransfer.running.block import run_block
from blobtransfer.running.fingerprint import this_maker
from blobtransfer.running.trainer import (
    SourceKey,
    SourceWeights,
    engine_of,
    train_sources,
)
from blobtransfer.specs.experiment import ExperimentSpec


def run_block_elsewhere(
    spec: ExperimentSpec, repeats: Sequence[int], sources: SourceWeights
) -> tuple[BlockResult, Maker]:
    """Run a block as `run_block` does, and say who did it."""
    engine = engine_of(spec.engine, n_threads=1)
    return run_block(spec, repeats, sources, engine), this_maker(spec, engine)


def maker_elsewhere(spec: ExperimentSpec) -> Maker:
    """Say who computes in this process, before it is given any block."""
    return this_maker(spec, engine_of(spec.engine, n_threads=1))


def train_sources_elsewhere(
    spec: ExperimentSpec, keys: Sequence[SourceKey]
) -> dict[SourceKey, Weights]:
    """Train source networks as `train_sources` does."""
    return train_sources(spec, keys, engine_of(spec.engine, n_threads=1))
