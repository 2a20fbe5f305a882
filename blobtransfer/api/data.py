"""Data as users give it, in Python and on the command line, turned into requests."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import check_seed
from blobtransfer.specs.data import Role
from blobtransfer.specs.data_text import data_spec_text, parse_data_spec
from blobtransfer.specs.generated import BlobsSpec, GeneratedSpec
from blobtransfer.specs.table import TableRequest
from blobtransfer.studies.settings import NO_TARGET, DataRequest

Data: TypeAlias = str | DataRequest
"""Data as the user gives it: a specification as text, or as an object."""

BLOBS_FIELDS = {
    "samples": "n_samples",
    "classes": "n_classes",
    "features": "n_features",
    "cluster-std": "cluster_std",
    "train-samples": "n_train",
    "test-samples": "n_test",
}
"""Short options of blobs, and the fields of generated data that they set."""

SEEDS: dict[Role, int] = {"source": 1, "target": 2}
"""Default seeds."""


@dataclass(frozen=True)
class Blobs:
    """Short options of blobs: the values that were given, by the names of `BLOBS_FIELDS`."""

    values: Mapping[str, Any]

    def spec(self, seed_option: str, seed: int) -> BlobsSpec:
        """Return the blobs with a seed, which has its own option.

        Raises:
            SettingError: A value is impossible.
        """
        check_seed(seed_option, seed)
        return BlobsSpec(seed, **{BLOBS_FIELDS[word]: value for word, value in self.values.items()})


@dataclass(frozen=True)
class SourceAndTarget:
    """Options of the source and the target.

    Args:
        source: The source data; None if it is not given.
        target: The target data.
        source_seed: Short option of the seed of the source.
        target_seed: Short option of the seed of the target.
        reverse: Whether source and target are swapped.
    """

    source: Data | None = None
    target: Data | None = None
    source_seed: int | None = None
    target_seed: int | None = None
    reverse: bool = False

    def requests(self, blobs: Blobs, model: object, sources: str | None) -> dict[Role, DataRequest]:
        """Return the data by role; without a source, only the target.

        Args:
            blobs: The other short options.
            model: The one source network, or its file; None without.
            sources: Source networks that are used.

        Raises:
            SettingError: Options exclude each other, or a specification cannot be parsed.
        """
        if model is not None:
            problem = f"the source network is read from --model {model}; leave one "
            if self.reverse:
                raise SettingError("reverse", "", f"{problem}out")
            if self.source_seed is not None and sources == "one":
                raise SettingError("source-seed", self.source_seed, f"{problem}of the two out")
        source = self._request("source", blobs)
        target = self._request("target", blobs)
        is_default = self.source is None and self.source_seed is None and not blobs.values
        if model is not None and is_default:
            return {"target": target}
        if self.source is None and not isinstance(target, BlobsSpec):
            if model is None:
                problem = "it needs a source; add --source SPEC, or --model FILE"
                raise SettingError("target", name_of(self.target), problem)
            return {"target": target}
        if self.target is None and model is None and not isinstance(source, BlobsSpec):
            raise SettingError("source", name_of(self.source), NO_TARGET)
        if self.reverse:
            source, target = target, source
        return {"source": source, "target": target}

    def _request(self, role: Role, blobs: Blobs) -> DataRequest:
        data, seed = getattr(self, role), getattr(self, f"{role}_seed")
        return request_of(role, data, f"{role}-seed", seed, SEEDS[role], blobs)


def name_of(data: Data | None) -> str:
    """Return data as the user would write it, for errors."""
    if data is None or isinstance(data, str):
        return data or ""
    if isinstance(data, TableRequest):  # a table in memory without a name is called by its role
        return (data.name or "") if data.is_in_memory else data.origin
    return data.name


def request_of(
    option: str,
    data: Data | None,
    seed_option: str,
    seed: int | None,
    default_seed: int,
    blobs: Blobs,
) -> DataRequest:
    """Return the data of a specification, or of the short options of blobs.

    Args:
        option: Option of the specification, without dashes.
        data: The specification; None if there is none.
        seed_option: Short option of the seed.
        seed: The seed; None if it was not given.
        default_seed: Seed if none is given.
        blobs: The other short options.

    Raises:
        SettingError: Both are given, or the specification cannot be parsed.
    """
    if data is None:
        return blobs.spec(seed_option, default_seed if seed is None else seed)
    request = parse_data_spec(option, data, default_seed) if isinstance(data, str) else data
    options = dict(blobs.values)
    if seed is not None:
        options = {seed_option: seed, **options}
    if not options:
        return request
    problem = f"--{option} already describes the data; "
    changes = {BLOBS_FIELDS.get(word, "seed"): value for word, value in options.items()}
    if not isinstance(request, GeneratedSpec):
        problem += "leave one of the two out"
    elif not changes.keys() <= {field.name for field in fields(request)}:
        problem += f"{request.kind} data has no such key, leave it out"
    else:
        problem += f"write --{option} {data_spec_text(request, changes)}"
    setting, value = next(iter(options.items()))
    raise SettingError(setting, value, problem)
