"""Does starting from a network trained on a related problem help, or was it luck?

The public API is loaded when it is first used, so that `import blobtransfer` is instant.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from blobtransfer.data import Task, make_task
    from blobtransfer.design import ExperimentSpec
    from blobtransfer.engines import load_engine
    from blobtransfer.errors import BlobTransferError
    from blobtransfer.experiment import compare, train_source, train_target
    from blobtransfer.formats import from_json, to_csv, to_json
    from blobtransfer.results import Results
    from blobtransfer.source_file import read_source_file
    from blobtransfer.specs import MLPSpec, TaskSpec, TrainingSpec
    from blobtransfer.variants import STANDALONE, Variant, parse_variant, transfer_variants

__version__ = "0.1.0"

_HOME = {
    "STANDALONE": "variants",
    "BlobTransferError": "errors",
    "ExperimentSpec": "design",
    "MLPSpec": "specs",
    "Results": "results",
    "Task": "data",
    "TaskSpec": "specs",
    "TrainingSpec": "specs",
    "Variant": "variants",
    "compare": "experiment",
    "from_json": "formats",
    "load_engine": "engines",
    "make_task": "data",
    "parse_variant": "variants",
    "read_source_file": "source_file",
    "to_csv": "formats",
    "to_json": "formats",
    "train_source": "experiment",
    "train_target": "experiment",
    "transfer_variants": "variants",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'blobtransfer' has no attribute {name!r}")
    return getattr(import_module(f"blobtransfer.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
