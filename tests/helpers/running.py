"""Run comparisons and studies with each resource as an argument of its own."""

from concurrent.futures import Executor
from dataclasses import replace
from typing import Any, TypeVar

from blobtransfer.analysis.cells import analyse
from blobtransfer.analysis.studies import analyse_study
from blobtransfer.engines import Engine
from blobtransfer.network import Weights
from blobtransfer.results.results import CellResults, StudyResults, TrainingResults
from blobtransfer.running.progress import SILENT, Progress
from blobtransfer.running.run import Resources, run_study
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.study import Study


def run(
    study: Study,
    source_weights: Weights | None = None,
    engine: Engine | None = None,
    progress: Progress = SILENT,
    executor: Executor | None = None,
    **resources: Any,
) -> StudyResults:
    """Run a study; see `Resources`."""
    return run_study(study, source_weights, Resources(engine, progress, executor, **resources))


def compare(spec: ExperimentSpec, *resources: Any, **more_resources: Any) -> StudyResults:
    """Run a comparison; see `run`."""
    return run(Study.of_one(spec), *resources, **more_resources)


def compare_cell(spec: ExperimentSpec, *resources: Any, **more_resources: Any) -> CellResults:
    """Run a comparison and return its only cell; see `run`."""
    return compare(spec, *resources, **more_resources).cell


def with_cell(results: StudyResults, **changes: Any) -> StudyResults:
    """Return a comparison with changes of its only cell."""
    return replace(results, cells=(replace(results.cell, **changes),))


R = TypeVar("R", StudyResults, TrainingResults)


def interrupted(results: R) -> R:
    """Return results as if the last cell had been interrupted."""
    if isinstance(results, TrainingResults):
        return replace(results, interrupted=True)
    *cells, last = results.cells
    return replace(results, cells=(*cells, replace(last, interrupted=True)))


def analysed_with(results: R, **changes: Any) -> R:
    """Return a comparison or a training with changes of its only cell, analysed again."""
    if isinstance(results, TrainingResults):
        changed = replace(results, **changes)
        return replace(changed, findings=analyse(changed, 1))
    compared = with_cell(results, **changes)
    return analyse_study(compared.study, compared.cells, compared.provenance)
