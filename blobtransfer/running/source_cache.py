"""Source cache: a source network that several comparisons start from is trained once.

A source network, also of `self-transfer`, is a pure function of its data, shape, training, seed and
repeat.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from blobtransfer.network import Weights
from blobtransfer.running.trainer import SourceKey
from blobtransfer.specs.data import DataSpec
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.specs.variant import Start

MAX_CACHED_WEIGHTS = 32_000_000
"""Largest number of cached weights: 0.13 GB. Networks beyond that are trained again."""

Train = Callable[[ExperimentSpec, Sequence[SourceKey]], dict[SourceKey, Weights]]


class SourceSettings(NamedTuple):
    """Data, network, training and seed: with the repeat they determine a source network."""

    data: DataSpec
    network: MLPSpec
    training: TrainingSpec
    train_seed: int


def source_settings_of(spec: ExperimentSpec, start: Start) -> SourceSettings:
    """Return the settings of the source networks of a start in an experiment."""
    data = spec.source if start == "transfer" else spec.target
    network = spec.source_network if start == "transfer" else spec.network
    assert data is not None
    return SourceSettings(data, network, spec.source_training, spec.train_seed)


class SourceNetworkCache:
    """Caches the fresh source networks that two or more experiments start from.

    Args:
        specs: The experiments, in the order in which they run.
    """

    def __init__(self, specs: Iterable[ExperimentSpec]) -> None:
        self._n_users = Counter(settings for spec in specs for settings in _all_settings(spec))
        self._shared = {settings for settings, n in self._n_users.items() if n > 1}
        self._networks: dict[SourceSettings, dict[int, Weights]] = {}
        self._n_free = MAX_CACHED_WEIGHTS

    def shares(self, spec: ExperimentSpec) -> bool:
        """Return whether an experiment shares source networks with others."""
        return any(settings in self._shared for settings in _all_settings(spec))

    def get_or_train(
        self, spec: ExperimentSpec, keys: Sequence[SourceKey], train: Train
    ) -> dict[SourceKey, Weights]:
        """Return source networks, and train those that are not cached.

        Args:
            spec: The experiment.
            keys: Keys of the source networks.
            train: Function that trains the missing networks.

        Returns:
            Kernel (fan_in, fan_out), bias (fan_out,), ... of each key.
        """
        cached = {
            key: networks[key.repeat]
            for key in keys
            if key.repeat in (networks := self._of(spec, key))
        }
        missing = [key for key in keys if key not in cached]
        trained = train(spec, missing) if missing else {}
        # A worker may return the keys as plain tuples, which are equal.
        new = {key: trained[key] for key in missing}
        for key, weights in new.items():
            is_shared = source_settings_of(spec, key.start) in self._shared
            if is_shared and _size(weights) <= self._n_free:
                self._n_free -= _size(weights)
                self._of(spec, key)[key.repeat] = weights
        return cached | new

    def release(self, spec: ExperimentSpec) -> None:
        """Drop the networks that no later experiment starts from."""
        for settings in _all_settings(spec):
            self._n_users[settings] -= 1
            if not self._n_users[settings]:
                self._n_free += sum(map(_size, self._networks.pop(settings, {}).values()))

    def _of(self, spec: ExperimentSpec, key: SourceKey) -> dict[int, Weights]:
        """Return the cached networks with the settings of a key, by repeat."""
        return self._networks.setdefault(source_settings_of(spec, key.start), {})


def _size(weights: Weights) -> int:
    return sum(layer.size for layer in weights)


def _all_settings(spec: ExperimentSpec) -> set[SourceSettings]:
    return {source_settings_of(spec, start) for start in spec.source_starts("fresh")}
