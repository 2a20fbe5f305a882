"""Interface for progress: stages, each with a number of epochs."""

from typing import Literal, Protocol

from blobtransfer.specs.study import ManyCellKind

Stage = Literal[
    "engine",
    "source",
    "own source",
    "network",
    "standalone",
    "comparison",
    "until decided",
    ManyCellKind,
]
"""Stages: `engine`, start of the engine; `source` and `own source`, training of a source network on
the source or on the target data; `network` and the standalone training beside it; all runs of a
comparison, which may end early with `until decided`; and all runs of a study, by its kind."""


class StageProgress(Protocol):
    """A stage that has begun."""

    def advance(self, n: int) -> None:
        """Report that `n` more epochs are done, 0 or more; may raise KeyboardInterrupt to stop."""


class Progress(Protocol):
    """Shows or counts progress."""

    def start(self, stage: Stage, total: int, n_repeats: int = 1) -> StageProgress:
        """Begin a stage.

        Args:
            stage: Name of the stage.
            total: Epochs, summed over all runs.
            n_repeats: Repeats of a comparison or cells of a study, at least 1.
        """


class Silent:
    """Progress that is not shown."""

    def start(self, stage: Stage, total: int, n_repeats: int = 1) -> StageProgress:
        """Begin a stage; see `Progress.start`."""
        return self

    def advance(self, n: int) -> None:
        """Ignore the progress."""


SILENT = Silent()
