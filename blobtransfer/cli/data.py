"""Options of data: a data specification, or the short options of blobs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from blobtransfer.api.data import BLOBS_FIELDS, Blobs, SourceAndTarget
from blobtransfer.cli.help import BLOBS, DATA
from blobtransfer.cli.output import NamedPath
from blobtransfer.cli.parsing import option
from blobtransfer.specs.data import GENERATED
from blobtransfer.specs.table import BUILT_IN, TableRequest, TableSpec
from blobtransfer.studies.settings import DataRequest


def description(help: str, **settings: Any) -> Any:
    """Declare an option that takes a data specification."""
    return option(
        help, panel=DATA, metavar="SPEC", autocompletion=lambda: [*GENERATED, *BUILT_IN], **settings
    )


@dataclass(frozen=True)
class BlobsOptions:
    """Size and shape of blobs."""

    panel: ClassVar[str] = BLOBS
    samples: Annotated[int | None, option()] = None
    classes: Annotated[int | None, option()] = None
    features: Annotated[int | None, option()] = None
    cluster_std: Annotated[float | None, option()] = None
    train_samples: Annotated[int | None, option()] = None
    test_samples: Annotated[int | None, option()] = None

    def to_blobs(self) -> Blobs:
        """Return the options that were given."""
        values = {word: getattr(self, word.replace("-", "_")) for word in BLOBS_FIELDS}
        return Blobs({word: value for word, value in values.items() if value is not None})


@dataclass(frozen=True)
class DataOptions:
    """The source and the target."""

    panel: ClassVar[str] = DATA
    source_seed: Annotated[int | None, option(panel=BLOBS)] = None
    target_seed: Annotated[int | None, option(panel=BLOBS)] = None
    source: Annotated[
        str | None,
        description(
            "Source data, such as moons:noise=0.2 or a.csv:label=y.", show_default="blobs:seed=1"
        ),
    ] = None
    target: Annotated[str | None, description("Target data.", show_default="blobs:seed=2")] = None
    reverse: Annotated[bool, option()] = False

    def to_data(self) -> SourceAndTarget:
        """Return the options as they are."""
        return SourceAndTarget(**vars(self))


def tables_of(*requests: DataRequest | None) -> list[NamedPath]:
    """Return the files of tables, which no output may replace."""
    origins = {
        request.origin
        for request in requests
        if (isinstance(request, TableRequest) and request.is_file)
        or (isinstance(request, TableSpec) and request.sha256 is not None)
    }
    return [("a table of the data", Path(origin)) for origin in sorted(origins)]
