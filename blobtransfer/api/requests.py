"""What a call runs, built from keywords with the names of the options.

The command line and the functions of Python build the same requests, so that both have the same
defaults and checks.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from blobtransfer.api.data import SEEDS, Blobs, Data, SourceAndTarget, request_of
from blobtransfer.did_you_mean import suggest
from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import as_tuple, join, parse_number, split_numbers
from blobtransfer.specs.data import DataSpec
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.generated import MAX_DATA_VALUES
from blobtransfer.specs.study import Study
from blobtransfer.specs.variant import Variant, parse_variant
from blobtransfer.studies.comparison import build_comparison, read_data, read_source_network
from blobtransfer.studies.grid import build_grid
from blobtransfer.studies.pairs import (
    DEFAULT_FIRST_SEED,
    DEFAULT_PAIRS,
    DEFAULT_REPEATS,
    build_pairs,
)
from blobtransfer.studies.settings import ComparisonSettings, DataRequest
from blobtransfer.studies.sweep import sweep_with_base
from blobtransfer.studies.training import build_source_training, build_target_training

if TYPE_CHECKING:
    from blobtransfer.keras_files.read import SourceNetwork
    from blobtransfer.network import Weights
    from blobtransfer.report.kinds.data import DataResults

TUNED = "learning-rate"
"""Name of the setting that runs can choose."""

SEED = re.compile(r"[:,]seed=")

MAX_PANELS = 100
"""Largest number of panels of a figure."""


@dataclass(frozen=True)
class Request:
    """What a call runs: one training, or a study.

    Args:
        spec: The training, or the comparison of a study whose data and variants notes describe.
        settings: Settings of the call.
        source_network: The network of `model`.
        data: Data of the call.
    """

    spec: ExperimentSpec
    settings: ComparisonSettings
    source_network: "SourceNetwork | None" = None
    data: tuple[Data | None, ...] = ()

    @property
    def weights(self) -> "Weights | None":
        """Weights of the network of `model`."""
        return None if self.source_network is None else list(self.source_network.weights)


@dataclass(frozen=True, kw_only=True)
class StudyRequest(Request):
    """A study to run.

    Args:
        study: The study.
    """

    study: Study


def compare_request(data: SourceAndTarget, blobs: Blobs, values: Mapping[str, Any]) -> StudyRequest:
    """Return the request of a comparison.

    Args:
        data: Source and target.
        blobs: Short options of blobs.
        values: Other options by name.

    Raises:
        SettingError: An option has an impossible value, or options exclude each other.
        InputFileError: A table or a model cannot be used.
    """
    settings = _comparison_settings(data, blobs, values)
    source_network = read_source_network(settings)
    spec = build_comparison(settings, source_network)
    return StudyRequest(
        spec, settings, source_network, (data.source, data.target), study=Study.of_one(spec)
    )


def sweep_request(
    over: Sequence[str], data: SourceAndTarget, blobs: Blobs, values: Mapping[str, Any]
) -> StudyRequest:
    """Return the request of a sweep; see `compare_request`.

    Args:
        over: One or two settings with their values, such as `train-samples=10,30,100`.
        data: Source and target.
        blobs: Short options of blobs.
        values: Other options by name.
    """
    if data.source_seed is not None and any(text.startswith("source-seed=") for text in over):
        problem = "source-seed already varies in --over; leave one of the two out"
        raise SettingError("source-seed", data.source_seed, problem)
    settings = _comparison_settings(data, blobs, values)
    source_network = read_source_network(settings)
    base, study = sweep_with_base(settings, over, source_network)
    return StudyRequest(base, settings, source_network, (data.source, data.target), study=study)


def pairs_request(
    source: Data | None,
    target: Data | None,
    blobs: Blobs,
    values: Mapping[str, Any],
    *,
    pairs: int = DEFAULT_PAIRS,
    repeats: int = DEFAULT_REPEATS,
    first_seed: int = DEFAULT_FIRST_SEED,
) -> StudyRequest:
    """Return the request of pairs; see `compare_request`.

    Args:
        source: Kind of the source data.
        target: Kind of the target data.
        blobs: Short options of blobs.
        values: Other options by name.
        pairs: Number of pairs.
        repeats: Repeats of each pair.
        first_seed: Seed of the first source.
    """
    for role, data in (("source", source), ("target", target)):
        if isinstance(data, str) and SEED.search(data):
            problem = "each pair has its own seed; leave seed= out, or use --first-seed"
            raise SettingError(role, data, problem)
    both = SourceAndTarget(
        source=target if source is None else source, target=source if target is None else target
    )
    requests: Mapping[Any, DataRequest] = both.requests(blobs, None, "fresh")
    settings = settings_of(values, repeats=repeats, **requests)
    study = build_pairs(settings, pairs, first_seed)
    spec = study.cells[0].spec
    return StudyRequest(spec, settings, None, (both.source, both.target), study=study)


def grid_request(problems: Sequence[str | DataRequest], values: Mapping[str, Any]) -> StudyRequest:
    """Return the request of a grid; see `compare_request`.

    Args:
        problems: Two or more data specifications.
        values: Other options by name.
    """
    settings = settings_of(values)
    study = build_grid(problems, settings)
    return StudyRequest(study.cells[1].spec, settings, study=study)


def source_request(
    task: Data | None, seed: int | None, blobs: Blobs, values: Mapping[str, Any]
) -> Request:
    """Return the request of the training of a source network.

    Args:
        task: Data that it is trained on.
        seed: Seed of blobs.
        blobs: Short options of blobs.
        values: Other options by name.

    Raises:
        SettingError: An option has an impossible value, or options exclude each other.
        InputFileError: A table cannot be used.
    """
    request = request_of("task", task, "seed", seed, SEEDS["source"], blobs)
    settings = settings_of(values, source=request)
    return Request(build_source_training(settings), settings, None, (task,))


def target_request(
    task: Data | None, seed: int | None, blobs: Blobs, values: Mapping[str, Any]
) -> Request:
    """Return the request of the training of a target network; see `source_request`.

    Args:
        task: Data that it is trained on.
        seed: Seed of blobs.
        blobs: Short options of blobs.
        values: Other options by name.
    """
    request = request_of("task", task, "seed", seed, SEEDS["target"], blobs)
    settings = settings_of(values, target=request)
    source_network = read_source_network(settings)
    spec = build_target_training(settings, source_network)
    return Request(spec, settings, source_network, (task,))


def plot_requests(tasks: Sequence[Data], seeds: Sequence[int], blobs: Blobs) -> list[DataSpec]:
    """Return the data of a figure, one per panel; without tasks, blobs with the seeds.

    Args:
        tasks: Data specifications.
        seeds: Seeds of blobs; none: 1 and 2.
        blobs: Short options of blobs.

    Raises:
        SettingError: There are too many panels, or the same one twice.
        InputFileError: A table cannot be used.
    """
    seeds = seeds or (() if tasks else (1, 2))
    setting, values = ("task", tasks) if tasks else ("seed", seeds)
    words = "" if tasks else join(seeds)
    if len(values) > MAX_PANELS:
        raise SettingError(setting, words, f"{len(values):,} panels; use at most {MAX_PANELS}")
    names = [value for value in values if isinstance(value, str | int)]
    for i, value in enumerate(names):
        if value in names[:i]:
            word, subject = (value, "it") if tasks else (words, value)
            raise SettingError(setting, word, f"{subject} is repeated; give it once")
    if tasks:
        seed = seeds[0] if seeds else None
        requests = [
            request_of("task", task, "seed", seed, i, blobs) for i, task in enumerate(tasks, 1)
        ]
        settings = ComparisonSettings()
        return [read_data(settings, {"target": request})["target"] for request in requests]
    specs = [blobs.spec("seed", seed) for seed in seeds]
    n_values = sum((spec.n_train + spec.n_test_rows) * spec.n_features for spec in specs)
    if len(specs) > 1 and n_values > MAX_DATA_VALUES:
        problem = f"{n_values:,} numbers in all; use at most {MAX_DATA_VALUES:,}"
        raise SettingError("seed", words, problem)
    return [*specs]


def load_data(specs: Sequence[DataSpec], argv: Sequence[str] = ()) -> "DataResults":
    """Return the data of a figure, generated or read.

    Args:
        specs: The data, one per panel.
        argv: Command line.
    """
    from blobtransfer.data import load_dataset
    from blobtransfer.report.kinds.data import DataResults
    from blobtransfer.results.provenance import Clock, Provenance

    clock = Clock()
    datasets = tuple(map(load_dataset, specs))
    return DataResults(datasets, Provenance(clock.started, clock.seconds(), tuple(argv)))


def settings_of(values: Mapping[str, Any], **more: Any) -> ComparisonSettings:
    """Return the settings of options; missing options have their defaults.

    Args:
        values: Options by name; None stands for the default.
        more: Further settings.

    Raises:
        SettingError: A value is impossible.
    """
    settings = {name: value for name, value in {**values, **more}.items() if value is not None}
    for name, read in READERS.items():
        if name in settings:
            settings[name] = read(settings[name])
    return ComparisonSettings(**settings)


def _comparison_settings(
    data: SourceAndTarget, blobs: Blobs, values: Mapping[str, Any]
) -> ComparisonSettings:
    requests: Mapping[Any, DataRequest] = data.requests(
        blobs, values.get("model"), values.get("sources")
    )
    return settings_of(values, **requests)


def _read_rates(tune: object) -> tuple[float, ...]:
    """Read `learning-rate=A,B,...`, or the rates themselves."""
    if not isinstance(tune, str):
        return tune  # type: ignore[return-value]
    setting, equals, texts = tune.partition("=")
    if setting != TUNED or not equals:
        question = suggest(setting, [TUNED]) if setting != TUNED else ""
        problem = f"use {TUNED}=A,B,..., such as {TUNED}=0.003,0.01,0.03"
        raise SettingError("tune", tune, f"{question} {problem}".lstrip())
    rates = []
    for text in split_numbers("tune", tune, texts):
        try:
            rates.append(parse_number("tune", text))
        except SettingError as error:
            problem = f"{text or 'an empty value'}: {error.problem}"
            raise SettingError("tune", tune, problem) from error
    return tuple(rates)


def _read_model(model: Any) -> Any:
    """Return a path as it is; read a network in memory."""
    if isinstance(model, str | os.PathLike):
        return model
    if hasattr(model, "source_network"):
        return model.source_network()

    from blobtransfer.keras_files.read import is_keras_model, read_keras_model

    if not is_keras_model(model):
        advice = "use a file, a Keras model, or the result of train_source"
        problem = f"{type(model).__name__} is not a model; {advice}"
        raise SettingError("model", "", problem)
    return read_keras_model(model)


def _read_variant(variant: Any) -> Any:
    return parse_variant(variant) if isinstance(variant, str) else variant


def _read_variants(variants: Any) -> Any:
    if isinstance(variants, str | Variant):
        variants = [variants]
    return tuple(map(_read_variant, as_tuple("variant", variants)))


def _read_several(values: Any) -> Any:
    return (values,) if isinstance(values, int) and not isinstance(values, bool) else values


READERS = {
    "tune": _read_rates,
    "model": _read_model,
    "variants": _read_variants,
    "against": _read_variant,
    "fixed": _read_several,
    "hidden": _read_several,
}
"""Functions that read a value as users write it, by the name of the setting."""
