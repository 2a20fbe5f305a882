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
    from blobtransfer.results.results import (
        CellResults,
        JudgedResults,
        StudyResults,
        TrainingResults,
    )
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
    from blobtransfer.studies.judge import judge
    from blobtransfer.studies.pairs import build_pairs
    from blobtransfer.studies.settings import ComparisonSettings
    from blobtransfer.studies.sweep import build_sweep

__version__ = "0.1.0"

_EXPORTS = {
    "analysis.load": "from_json from_store",
    "data": "load_dataset",
    "data.dataset": "Dataset",
    "data.tables.resolve": "resolve_data_specs",
    "engines": "load_engine",
    "errors": "BlobTransferError",
    "execution.dask": "DaskExecutor",
    "keras_files.read": "read_source_file",
    "report.writers": "to_json",
    "results.files.csv": "to_csv",
    "results.results": "CellResults JudgedResults StudyResults TrainingResults",
    "results.store.store": "Store",
    "running.run": "Resources compare fill_store run_study",
    "running.single": "train_source train_target",
    "specs.data": "DataSpec",
    "specs.data_text": "parse_data_spec",
    "specs.experiment": "ExperimentSpec",
    "specs.generated": "BlobsSpec CirclesSpec ClassificationSpec MoonsSpec QuantilesSpec",
    "specs.network": "MLPSpec",
    "specs.study": "Axis Cell Study",
    "specs.table": "TableSpec",
    "specs.training": "TrainingSpec",
    "specs.variant": "AddLayer NewHead ReinitLayers STANDALONE Unfreeze Variant parse_variant "
    "transfer_variants",
    "studies.comparison": "build_comparison",
    "studies.grid": "build_grid",
    "studies.judge": "judge",
    "studies.pairs": "build_pairs",
    "studies.settings": "ComparisonSettings",
    "studies.sweep": "build_sweep",
}
"""Public names of each module; a test compares them with the imports above."""

_HOME = {name: module for module, names in _EXPORTS.items() for name in names.split()}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'blobtransfer' has no attribute {name!r}")
    return getattr(import_module(f"blobtransfer.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
