"""How an experiment tells of its progress: stages, each with a number of epochs."""

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
"""What takes time: starting the engine, training a source network on the source problem or on
the target problem itself, training the one network and one from scratch to be shown beside it,
training all runs of a comparison, of which there may be fewer than was said where it stops as
soon as all is decided; training all runs of all cells of a study."""


class StageProgress(Protocol):
    """A stage that has begun."""

    def advance(self, n: int) -> None:
        """Report that `n` more epochs are done, 0 or more; may raise KeyboardInterrupt to stop."""


class Progress(Protocol):
    """Shows or counts progress."""

    def start(self, stage: Stage, total: int, n_repeats: int = 1) -> StageProgress:
        """Begin a stage.

        Args:
            stage: What takes time.
            total: Epochs, summed over all runs.
            n_repeats: Repeats of a comparison or cells of a study, at least 1.
        """


class Silent:
    """Progress that is not shown."""

    def start(self, stage: Stage, total: int, n_repeats: int = 1) -> StageProgress:
        """Begin a stage; see `Progress.start`."""
        return self

    def advance(self, n: int) -> None:
        """Take no notice."""


SILENT = Silent()
