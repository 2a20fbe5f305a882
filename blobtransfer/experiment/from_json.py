"""Results that were saved as JSON -> results, with all statistics computed again."""

from dataclasses import replace

from blobtransfer.experiment.analyse import analyse
from blobtransfer.experiment.study_analysis import analyse_study
from blobtransfer.results.json_io import read_json
from blobtransfer.results.results import Results
from blobtransfer.results.study import CellResults, StudyResults


def from_json(text: bytes, name: str, margin: float | None = None) -> Results | StudyResults:
    """Read what `to_json` wrote; the statistics in it are computed again, not read.

    Args:
        text: UTF-8.
        name: What the text is called where it is refused.
        margin: In place of the one that the results were computed with.

    Raises:
        ResultsFileError: The text is not a result, or not one that a command could have written.
    """
    results = read_json(text, name)
    if isinstance(results, Results):
        return _analysed(results, margin)
    spec = results.spec
    if margin is not None:
        cells = tuple(replace(cell, spec=replace(cell.spec, margin=margin)) for cell in spec.cells)
        spec = replace(spec, cells=cells)
    found = tuple(
        CellResults(cell.at, _analysed(cell.results, margin), cell.distance)
        for cell in results.cells
    )
    return analyse_study(replace(results, spec=spec, cells=found))


def _analysed(results: Results, margin: float | None) -> Results:
    spec = results.spec if margin is None else replace(results.spec, margin=margin)
    curves = results.curves if results.command == "compare" else None
    findings = analyse(
        spec, results.scores, results.measured, curves, results.transferability, results.n_mixed
    )
    return replace(results, spec=spec, findings=findings)
