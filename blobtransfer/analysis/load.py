"""Load results from a JSON file or a store; nothing is trained."""

from dataclasses import replace

from blobtransfer.analysis.cells import analyse
from blobtransfer.analysis.judging import analyse_scores
from blobtransfer.analysis.stopping import StoppingRule, windows
from blobtransfer.analysis.studies import analyse_study, cell_results
from blobtransfer.errors import StoreError
from blobtransfer.results.files.json_reader import read_json
from blobtransfer.results.provenance import Provenance, join_provenances
from blobtransfer.results.results import (
    BlockResult,
    CellResults,
    JudgedResults,
    StudyResults,
    TrainingResults,
)
from blobtransfer.results.store.store import Store, StoredCommand
from blobtransfer.specs.study import Cell, Study


def from_json(
    text: bytes, name: str, margin: float | None = None
) -> StudyResults | TrainingResults | JudgedResults:
    """Load results from a JSON file; the findings are computed again, not read.

    Args:
        text: The file, in UTF-8.
        name: Name of the text in error messages.
        margin: Replaces the margin of the results; None: no change.

    Raises:
        ResultsFileError: The text is not a result, or no command could have written it.
    """
    results = read_json(text, name)
    if isinstance(results, JudgedResults):
        if margin is not None:
            results = replace(results, spec=replace(results.spec, margin=margin))
        return analyse_scores(results)
    if isinstance(results, TrainingResults):
        return replace(results, findings=analyse(results, 1))
    study = results.study.with_margin(margin)
    cells = [
        replace(cell, spec=planned.spec)
        for cell, planned in zip(results.cells, study.cells, strict=False)
    ]
    return analyse_study(study, cells, results.provenance)


def from_store(store: Store, command: StoredCommand, margin: float | None = None) -> StudyResults:
    """Analyse the stored repeats of a command.

    Args:
        store: The store.
        command: One of its commands.
        margin: Replaces the margin of the command, a share; None: no change.

    Raises:
        StoreError: None of its repeats is stored yet, or the store is damaged.
    """
    study = command.study.with_margin(margin)
    cells: list[CellResults] = []
    provenances: list[Provenance] = []
    for cell in study.cells:
        loaded = _load_cell(store, study, cell)
        if loaded is None or (loaded[0].interrupted and study.pools_cells):
            break
        cells.append(loaded[0])
        provenances.append(loaded[1])
        if loaded[0].interrupted:
            break
    if not cells:
        raise StoreError(store.path, "no repeat is complete yet; run the same command again")
    provenance = replace(join_provenances(provenances), argv=command.argv)
    return analyse_study(study, cells, provenance)


def _load_cell(store: Store, study: Study, cell: Cell) -> tuple[CellResults, Provenance] | None:
    """Return the stored repeats of a cell; None if none is stored.

    A comparison with `until_decided` ends at the repeat where the stopping rule stops.
    """
    spec = cell.spec
    stored, repeats = store.stored(spec), range(spec.n_repeats)
    header, blocks = stored.header, stored.blocks(repeats)
    if header is None or not blocks:
        return None
    header = header.with_names_of(spec)
    whole = BlockResult.join(blocks)
    rule = None
    if spec.until_decided:
        rule = StoppingRule(spec, header.tasks[-1], study.n_compared)
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
    block = whole.at(whole.scores.repeats < n_shown)
    if not len(block.scores):
        return None
    environments = stored.environments(repeats)
    distance = header.distance if study.pools_cells else None
    results = cell_results(
        cell, header, block, environments, interrupted=interrupted, distance=distance
    )
    started = stored.started(repeats) or ""
    return results, Provenance.of(environments, started, stored.seconds(repeats))
