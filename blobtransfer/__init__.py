"""Does starting from a network trained on a related problem help, or was it luck?

The public API is loaded when it is first used, so that `import blobtransfer` is instant.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from blobtransfer.analysis.load import from_json, from_store
    from blobtransfer.data import load_dataset
    from blobtransfer.data.dataset import Dataset
    from blobtransfer.data.tables.resolve import resolve_data_specs
    from blobtransfer.engines import load_engine
    from blobtransfer.errors import BlobTransferError
    from blobtransfer.execution.dask import DaskExecutor
    from blobtransfer.keras_files.read import read_source_file
    from blobtransfer.report.writers import to_json
    from blobtransfer.results.files.csv import to_csv
    from blobtransfer.results.results import CellResults, StudyResults, TrainingResults
    from blobtransfer.results.store.store import Store
    from blobtransfer.running.run import Resources, compare, fill_store, run_study
    from blobtransfer.running.single import train_source, train_target
    from blobtransfer.specs.data import DataSpec
    from blobtransfer.specs.data_text import parse_data_spec
    from blobtransfer.specs.experiment import ExperimentSpec
    from blobtransfer.specs.generated import (
        BlobsSpec,
        CirclesSpec,
        ClassificationSpec,
        MoonsSpec,
        QuantilesSpec,
    )
    from blobtransfer.specs.network import MLPSpec
    from blobtransfer.specs.study import Axis, Cell, Study
    from blobtransfer.specs.table import TableSpec
    from blobtransfer.specs.training import TrainingSpec
    from blobtransfer.specs.variant import (
        STANDALONE,
        AddLayer,
        NewHead,
        ReinitLayers,
        Unfreeze,
        Variant,
        parse_variant,
        transfer_variants,
    )
    from blobtransfer.studies.comparison import build_comparison
    from blobtransfer.studies.grid import build_grid
    from blobtransfer.studies.pairs import build_pairs
    from blobtransfer.studies.settings import ComparisonSettings
    from blobtransfer.studies.sweep import build_sweep

__version__ = "0.1.0"

_HOME = {
    "AddLayer": "specs.variant",
    "Axis": "specs.study",
    "BlobTransferError": "errors",
    "BlobsSpec": "specs.generated",
    "Cell": "specs.study",
    "CellResults": "results.results",
    "CirclesSpec": "specs.generated",
    "ClassificationSpec": "specs.generated",
    "ComparisonSettings": "studies.settings",
    "DaskExecutor": "execution.dask",
    "DataSpec": "specs.data",
    "Dataset": "data.dataset",
    "ExperimentSpec": "specs.experiment",
    "MLPSpec": "specs.network",
    "MoonsSpec": "specs.generated",
    "NewHead": "specs.variant",
    "QuantilesSpec": "specs.generated",
    "ReinitLayers": "specs.variant",
    "Resources": "running.run",
    "STANDALONE": "specs.variant",
    "Store": "results.store.store",
    "Study": "specs.study",
    "StudyResults": "results.results",
    "TableSpec": "specs.table",
    "TrainingResults": "results.results",
    "TrainingSpec": "specs.training",
    "Unfreeze": "specs.variant",
    "Variant": "specs.variant",
    "build_comparison": "studies.comparison",
    "build_grid": "studies.grid",
    "build_pairs": "studies.pairs",
    "build_sweep": "studies.sweep",
    "compare": "running.run",
    "fill_store": "running.run",
    "from_json": "analysis.load",
    "from_store": "analysis.load",
    "load_dataset": "data",
    "load_engine": "engines",
    "parse_data_spec": "specs.data_text",
    "parse_variant": "specs.variant",
    "read_source_file": "keras_files.read",
    "resolve_data_specs": "data.tables.resolve",
    "run_study": "running.run",
    "to_csv": "results.files.csv",
    "to_json": "report.writers",
    "train_source": "running.single",
    "train_target": "running.single",
    "transfer_variants": "specs.variant",
}
"""Where each public name lives; a test holds this to the imports above."""

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'blobtransfer' has no attribute {name!r}")
    return getattr(import_module(f"blobtransfer.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
