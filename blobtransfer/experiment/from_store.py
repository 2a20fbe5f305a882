"""What a store keeps -> results, without training."""

from dataclasses import replace

from blobtransfer.errors import StoreError
from blobtransfer.experiment.compare import compare
from blobtransfer.experiment.keeping import NOTHING, Keeping
from blobtransfer.experiment.study import run_study
from blobtransfer.results.results import Results
from blobtransfer.results.store import KeptCommand, Store
from blobtransfer.results.study import StudyResults
from blobtransfer.specs.experiment import ExperimentSpec


def from_store(
    store: Store, command: KeptCommand, margin: float | None = None
) -> Results | StudyResults:
    """Analyse all that a store keeps of a command, as if it had just been computed.

    Args:
        store: The store.
        command: One of its commands.
        margin: In place of the one that the command was given.

    Raises:
        StoreError: Nothing is kept of it yet, or the store is damaged.
    """
    spec = command.spec
    keeping = Keeping(store, only=NOTHING)
    try:
        if isinstance(spec, ExperimentSpec):
            if margin is not None:
                spec = replace(spec, margin=margin)
            results: Results | StudyResults = compare(spec, keeping=keeping)
        else:
            if margin is not None:
                cells = [replace(one, spec=replace(one.spec, margin=margin)) for one in spec.cells]
                spec = replace(spec, cells=tuple(cells))
            results = run_study(spec, keeping=keeping)
    except KeyboardInterrupt as error:
        problem = "nothing is complete yet; give the same command again"
        raise StoreError(store.path, problem) from error
    return replace(results, argv=command.argv)
