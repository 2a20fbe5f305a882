"""Load results from a JSON file or a store and analyse them; nothing is trained."""

from dataclasses import replace

from blobtransfer.analysis.cells import analyse, comparison_results
from blobtransfer.analysis.stopping import StoppingRule, windows
from blobtransfer.analysis.studies import analyse_study, joined_cells
from blobtransfer.errors import StoreError
from blobtransfer.results.block import BlockResult
from blobtransfer.results.files.json import read_json
from blobtransfer.results.results import Results
from blobtransfer.results.store.store import KeptCommand, Store
from blobtransfer.results.study import CellResults, StudyResults
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.study import with_margin


def from_json(text: bytes, name: str, margin: float | None = None) -> Results | StudyResults:
    """Read what `to_json` wrote; its statistics are computed again, not read.

    Args:
        text: UTF-8.
        name: What error messages call the text.
        margin: Replaces the margin of the results, a share; None: their own.

    Raises:
        ResultsFileError: The text is not a result, or no command could have written it.
    """
    results = read_json(text, name)
    if isinstance(results, Results):
        return _analysed(results, margin)
    spec = results.spec if margin is None else with_margin(results.spec, margin)
    cells = [replace(cell, results=_analysed(cell.results, margin)) for cell in results.cells]
    return analyse_study(replace(results, spec=spec, cells=tuple(cells)))


def _analysed(results: Results, margin: float | None) -> Results:
    spec = results.spec if margin is None else with_margin(results.spec, margin)
    curves = results.curves if results.command == "compare" else None
    findings = analyse(
        spec, results.scores, results.measured, curves, results.transferability, results.n_mixed
    )
    return replace(results, spec=spec, findings=findings)


def from_store(
    store: Store, command: KeptCommand, margin: float | None = None
) -> Results | StudyResults:
    """Analyse the stored repeats of a command; nothing is trained.

    Args:
        store: The store.
        command: One of its commands.
        margin: Replaces the margin of the command, a share; None: its own.

    Raises:
        StoreError: None of its repeats is stored yet, or the store is damaged.
    """
    spec = command.spec if margin is None else with_margin(command.spec, margin)
    if isinstance(spec, ExperimentSpec):
        results = _comparison(store, spec)
        if results is None:
            raise _nothing(store)
        return replace(results, argv=command.argv)
    cells: list[CellResults] = []
    interrupted = False
    for cell in spec.cells:
        results = _comparison(store, cell.spec)
        interrupted = results is None or results.interrupted
        # A pair counts as a whole.
        if results is not None and not (interrupted and spec.kind == "pairs"):
            head = store.kept(cell.spec).head if spec.kind == "pairs" else None
            cells.append(CellResults(cell.at, results, None if head is None else head.distance))
        if interrupted:
            break
    if not cells:
        raise _nothing(store)
    return replace(analyse_study(joined_cells(spec, cells, interrupted)), argv=command.argv)


def _nothing(store: Store) -> StoreError:
    return StoreError(store.path, "nothing is complete yet; give the same command again")


def _comparison(store: Store, spec: ExperimentSpec) -> Results | None:
    """Analyse the stored repeats of one experiment; None if none is stored.

    A comparison until decided has the repeats that it would have stopped at.
    """
    stored, repeats = store.kept(spec), range(spec.n_repeats)
    head, blocks = stored.head, stored.blocks(repeats)
    if head is None or not blocks:
        return None
    head = head.renamed(spec)
    whole = BlockResult.joined(blocks)
    rule = StoppingRule(spec, head.tasks[-1]) if spec.until_decided else None
    n_shown, interrupted = 0, False
    for window in windows(spec):
        done = whole.scores.repeats
        is_inside = (done >= window.start) & (done < window.stop)
        n_shown = window.stop
        interrupted = int(is_inside.sum()) < len(window)
        if interrupted:
            break
        if rule is not None and not rule.update(whole.at(is_inside).scores):
            break
    shown = whole.at(whole.scores.repeats < n_shown)
    if not len(shown.scores):
        return None
    return comparison_results(
        spec,
        head,
        shown,
        stored.makers(repeats),
        started=stored.started(repeats) or "",
        seconds=stored.seconds(repeats),
        interrupted=interrupted,
    )
