"""Options of data: a data specification, or the short options of blobs."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar

from blobtransfer.cli.output import NamedPath
from blobtransfer.cli.parsing import PROBLEM, option
from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import check_seed
from blobtransfer.specs.data import GENERATED, Role
from blobtransfer.specs.data_text import data_spec_text, parse_data_spec
from blobtransfer.specs.generated import BlobsSpec, GeneratedSpec
from blobtransfer.specs.table import BUILT_IN, TableRequest, TableSpec
from blobtransfer.studies.settings import NO_TARGET, DataRequest

FIELDS = {
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


def description(help: str, **settings: Any) -> Any:
    """Declare an option that takes a data specification."""
    return option(
        help,
        panel=PROBLEM,
        metavar="SPEC",
        autocompletion=lambda: [*GENERATED, *BUILT_IN],
        **settings,
    )


@dataclass(frozen=True)
class BlobsOptions:
    """Size and shape of blobs."""

    panel: ClassVar[str] = PROBLEM
    samples: Annotated[
        int | None, option("Rows that are drawn.", show_default=str(BlobsSpec.n_samples))
    ] = None
    classes: Annotated[
        int | None, option("Blobs, one a class.", show_default=str(BlobsSpec.n_classes))
    ] = None
    features: Annotated[
        int | None, option("Coordinates of a row.", show_default=str(BlobsSpec.n_features))
    ] = None
    cluster_std: Annotated[
        float | None,
        option("Standard deviation of each blob.", show_default=str(BlobsSpec.cluster_std)),
    ] = None
    train_samples: Annotated[
        int | None, option("The first rows, which train.", show_default=str(BlobsSpec.n_train))
    ] = None
    test_samples: Annotated[
        int | None,
        option(
            "Fresh test rows from the same centres, in place of the rows left over.",
            show_default="rest",
        ),
    ] = None

    def given(self) -> dict[str, Any]:
        """Return the values of the options that were given, by key."""
        values = {word: getattr(self, word.replace("-", "_")) for word in FIELDS}
        return {word: value for word, value in values.items() if value is not None}

    def spec(self, seed_option: str, seed: int) -> BlobsSpec:
        """Return the blobs with a seed, which has its own option.

        Raises:
            SettingError: A value is impossible.
        """
        check_seed(seed_option, seed)
        return BlobsSpec(seed, **{FIELDS[word]: value for word, value in self.given().items()})


@dataclass(frozen=True)
class DataOptions:
    """The source and the target."""

    panel: ClassVar[str] = PROBLEM
    source_seed: Annotated[int | None, option("The source problem.", show_default="1")] = None
    target_seed: Annotated[int | None, option("The target problem.", show_default="2")] = None
    source: Annotated[
        str | None, description("The source problem, such as moons:noise=0.2 or a.csv:label=y.")
    ] = None
    target: Annotated[str | None, description("The target problem, likewise.")] = None
    reverse: Annotated[bool, option("Swap the source and the target problem.")] = False

    @property
    def descriptions(self) -> tuple[str | None, ...]:
        """The texts of the options for source and target."""
        return self.source, self.target

    def requests(
        self, blobs: BlobsOptions, model: Path | None, sources: str | None
    ) -> dict[Role, DataRequest]:
        """Return the data by role; the target alone if there is no source.

        Args:
            blobs: The short options.
            model: File of the one source network.
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
        is_default = self.source is None and self.source_seed is None and not blobs.given()
        if model is not None and is_default:
            return {"target": target}
        if self.source is None and not isinstance(target, BlobsSpec):
            if model is None:
                problem = "needs a source; add --source SPEC, or --model FILE"
                raise SettingError("target", self.target, problem)
            return {"target": target}
        if self.target is None and model is None and not isinstance(source, BlobsSpec):
            raise SettingError("source", self.source, NO_TARGET)
        if self.reverse:
            source, target = target, source
        return {"source": source, "target": target}

    def _request(self, role: Role, blobs: BlobsOptions) -> DataRequest:
        text, seed = getattr(self, role), getattr(self, f"{role}_seed")
        return request_of(role, text, f"{role}-seed", seed, SEEDS[role], blobs)


def request_of(
    option: str,
    text: str | None,
    seed_option: str,
    seed: int | None,
    default_seed: int,
    blobs: BlobsOptions,
) -> DataRequest:
    """Return the data of a specification, or of the short options of blobs.

    Args:
        option: Option of the specification, without dashes.
        text: The specification; None if there is none.
        seed_option: Short option of the seed.
        seed: The seed; None if it was not given.
        default_seed: Seed if none is given.
        blobs: The other short options.

    Raises:
        SettingError: Both are given, or the specification cannot be parsed.
    """
    given = blobs.given()
    if text is None:
        return blobs.spec(seed_option, default_seed if seed is None else seed)
    request = parse_data_spec(option, text, default_seed)
    if seed is not None:
        given = {seed_option: seed, **given}
    if not given:
        return request
    problem = f"--{option} says what the problem is; "
    changes = {FIELDS.get(word, "seed"): value for word, value in given.items()}
    if not isinstance(request, GeneratedSpec):
        problem += "leave one of the two out"
    elif not changes.keys() <= {field.name for field in fields(request)}:
        problem += f"{request.kind} has no such setting, leave it out"
    else:
        problem += f"write --{option} {data_spec_text(request, changes)}"
    setting, value = next(iter(given.items()))
    raise SettingError(setting, value, problem)


def tables_of(*requests: DataRequest | None) -> list[NamedPath]:
    """Return the files of tables, which no output may replace."""
    origins = {
        request.origin
        for request in requests
        if (isinstance(request, TableRequest) and request.is_file)
        or (isinstance(request, TableSpec) and request.sha256 is not None)
    }
    return [("a table of the data", Path(origin)) for origin in sorted(origins)]
