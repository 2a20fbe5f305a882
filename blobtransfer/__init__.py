"""Does starting from a network trained on a related problem help, or is the difference chance?

The public names are loaded when they are first used, so that `import blobtransfer` is instant.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from blobtransfer.api.functions import compare as compare
    from blobtransfer.api.functions import grid as grid
    from blobtransfer.api.functions import judge as judge
    from blobtransfer.api.functions import load as load
    from blobtransfer.api.functions import pairs as pairs
    from blobtransfer.api.functions import plot_data as plot_data
    from blobtransfer.api.functions import sweep as sweep
    from blobtransfer.api.functions import train_source as train_source
    from blobtransfer.api.functions import train_target as train_target
    from blobtransfer.api.result import Result as Result
    from blobtransfer.api.result import TrainingResult as TrainingResult
    from blobtransfer.api.tables import table as table
    from blobtransfer.errors import BlobTransferError as BlobTransferError
    from blobtransfer.errors import InputFileError as InputFileError
    from blobtransfer.errors import MachineError as MachineError
    from blobtransfer.errors import SettingError as SettingError
    from blobtransfer.specs.generated import BlobsSpec as BlobsSpec
    from blobtransfer.specs.generated import CirclesSpec as CirclesSpec
    from blobtransfer.specs.generated import ClassificationSpec as ClassificationSpec
    from blobtransfer.specs.generated import MoonsSpec as MoonsSpec
    from blobtransfer.specs.generated import QuantilesSpec as QuantilesSpec

__version__ = "0.1.0"

__all__ = [
    "BlobTransferError",
    "BlobsSpec",
    "CirclesSpec",
    "ClassificationSpec",
    "InputFileError",
    "MachineError",
    "MoonsSpec",
    "QuantilesSpec",
    "Result",
    "SettingError",
    "TrainingResult",
    "compare",
    "grid",
    "judge",
    "load",
    "pairs",
    "plot_data",
    "sweep",
    "table",
    "train_source",
    "train_target",
]

_EXPORTS = {
    "api.functions": "compare grid judge load pairs plot_data sweep train_source train_target",
    "api.result": "Result TrainingResult",
    "api.tables": "table",
    "errors": "BlobTransferError InputFileError MachineError SettingError",
    "specs.generated": "BlobsSpec CirclesSpec ClassificationSpec MoonsSpec QuantilesSpec",
}
"""Public names of each module; a test compares them with the imports above."""

_HOME = {name: module for module, names in _EXPORTS.items() for name in names.split()}

if not TYPE_CHECKING:

    def __getattr__(name):
        if name not in _HOME:
            raise AttributeError(f"module 'blobtransfer' has no attribute {name!r}")
        return getattr(import_module(f"blobtransfer.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__]
