"""train_source, train_target, compare: specs in, Results out.

A step decides which weights and batch orders each run of each variant gets, lets the
engine train them, and asks the statistics once. Nothing here knows how the user asked.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np

from blobtransfer.data import Task, make_task
from blobtransfer.engines import Engine, Job, Tick, Trained
from blobtransfer.results import Curve, Results, Run, Runs, Summary, TaskRecord, finite
from blobtransfer.schedule import Stream, Weights, initial_weights, order_key
from blobtransfer.specs import STANDALONE, ExperimentSpec, MLPSpec, TaskSpec, Variant
from blobtransfer.stats import describe

Step = Callable[[str, int], Tick]
"""Told that a step begins, with its epochs summed over all runs; gives the teller of progress."""


def silent(description: str, total: int) -> Tick:
    """Be a step that tells nobody."""
    return lambda n: None


@dataclass(frozen=True)
class Trainee:
    """What one training gave: its results, and the trained weights to be saved."""

    results: Results
    weights: Weights


def train_source(
    spec: ExperimentSpec, engine: Engine, step: Step = silent, argv: Sequence[str] = ()
) -> Trainee:
    """Train the source network: repeat 0 of a standalone training on the source problem.

    Args:
        spec: What to run; it has a source problem.
        engine: What trains.
        step: Told of progress.
        argv: The command line, for the record.

    Returns:
        Results with one run and its curve.
    """
    assert spec.source is not None
    return _train_one(spec, "source", spec.source, STANDALONE, None, engine, step, argv)


def train_target(
    spec: ExperimentSpec,
    source_weights: Weights | None,
    engine: Engine,
    step: Step = silent,
    argv: Sequence[str] = (),
) -> Trainee:
    """Train one network on the target problem: repeat 0 of the spec's one variant.

    Args:
        spec: What to run; it has a target problem and one variant.
        source_weights: Where a transfer starts; None for standalone.
        engine: What trains.
        step: Told of progress.
        argv: The command line, for the record.

    Returns:
        Results with one run and its curve.
    """
    assert spec.target is not None
    (variant,) = spec.variants
    return _train_one(spec, "target", spec.target, variant, source_weights, engine, step, argv)


def compare(
    spec: ExperimentSpec,
    source_weights: Weights | None,
    engine: Engine,
    step: Step = silent,
    argv: Sequence[str] = (),
) -> Results:
    """Train every variant in every repeat on the target problem.

    Within a repeat all variants see the rows in the same order, so that they are compared
    by their differences (common random numbers).

    Args:
        spec: What to run; it has a target problem.
        source_weights: The one source network; None: it is trained on the source problem
            first, as `train_source` does.
        engine: What trains.
        step: Told of progress.
        argv: The command line, for the record.

    Returns:
        Results of all repeats; Ctrl-C gives those of the repeats that were complete by then.

    Raises:
        KeyboardInterrupt: Ctrl-C before the first repeat was complete.
    """
    assert spec.target is not None
    clock = _Clock()
    tasks: list[TaskRecord] = []
    source_run = None
    if source_weights is None:
        source = train_source(spec, engine, step)
        source_weights, source_run = source.weights, source.results.runs[0]
        tasks += source.results.tasks
    task = make_task(spec.target)
    tasks.append(_record("target", task))

    chunks: list[Runs] = []
    interrupted = False
    tick = step("comparing", spec.n_repeats * len(spec.variants) * spec.training.epochs)
    at_once = engine.repeats_at_once(spec)
    try:
        for first in range(0, spec.n_repeats, at_once):
            repeats = range(first, min(first + at_once, spec.n_repeats))
            job = _job(spec, task, Stream.TARGET_ORDER, spec.variants, repeats, source_weights)
            chunks.append(Runs(_runs(spec.variants, repeats, _train(engine, job, tick, step))))
    except KeyboardInterrupt:
        if not chunks:
            raise
        interrupted = True
    runs = Runs()
    for chunk in chunks:
        runs.extend(chunk)
    return Results(
        command="compare",
        argv=tuple(argv),
        spec=spec,
        started=clock.started,
        seconds=clock.seconds(),
        tasks=tuple(tasks),
        source_run=source_run,
        runs=runs,
        summary=_summarise(spec.variants, runs, spec.network, task.ceiling),
        interrupted=interrupted,
    )


def _train_one(
    spec: ExperimentSpec,
    role: Literal["source", "target"],
    task_spec: TaskSpec,
    variant: Variant,
    source_weights: Weights | None,
    engine: Engine,
    step: Step,
    argv: Sequence[str],
) -> Trainee:
    clock = _Clock()
    task = make_task(task_spec)
    stream = Stream.SOURCE_ORDER if role == "source" else Stream.TARGET_ORDER
    job = _job(spec, task, stream, (variant,), range(1), source_weights, with_curves=True)
    tick = step(f"training the {role} network", spec.training.epochs)
    trained = _train(engine, job, tick, step)
    runs = Runs(_runs((variant,), range(1), trained))
    results = Results(
        command=f"train-{role}",
        argv=tuple(argv),
        spec=spec,
        started=clock.started,
        seconds=clock.seconds(),
        tasks=(_record(role, task),),
        source_run=None,
        runs=runs,
        summary=_summarise((variant,), runs, spec.network, task.ceiling),
        curves=tuple(_curves(runs, trained)),
    )
    return Trainee(results, [stacked[0] for stacked in trained.weights])


def _job(
    spec: ExperimentSpec,
    task: Task,
    stream: Stream,
    variants: Sequence[Variant],
    repeats: range,
    source_weights: Weights | None,
    with_curves: bool = False,
) -> Job:
    """Set up every variant of some repeats, repeat by repeat."""
    starts: list[Weights] = []
    order_keys = []
    for repeat in repeats:
        fresh_weights = initial_weights(spec.network, spec.train_seed, repeat)
        key = order_key(spec.train_seed, stream, repeat)
        for variant in variants:
            start = fresh_weights if variant.name == "standalone" else source_weights
            assert start is not None
            starts.append(start)
            order_keys.append(key)
    return Job(
        network=spec.network,
        training=spec.training,
        task=task,
        weights=[np.stack(layer) for layer in zip(*starts, strict=True)],
        n_frozen=np.tile([variant.n_frozen for variant in variants], len(repeats)),
        order_keys=np.array(order_keys, np.uint64),
        with_curves=with_curves,
    )


def _train(engine: Engine, job: Job, tick: Tick, step: Step) -> Trained:
    """Train a job and make sure that frozen layers did not move by a single bit."""
    trained = engine.train(job, tick, lambda text: step(text, 1))
    for layer in range(len(job.network.shapes)):
        frozen = job.n_frozen > layer
        for i in (2 * layer, 2 * layer + 1):
            before, after = job.weights[i][frozen], trained.weights[i][frozen]
            if before.tobytes() != after.tobytes():
                raise AssertionError(f"the engine moved weights of frozen layer {layer + 1}")
    return trained


def _runs(variants: Sequence[Variant], repeats: range, trained: Trained) -> Iterator[Run]:
    scores = asdict(trained.scores)
    is_finite = np.all([np.isfinite(figure) for figure in scores.values()], axis=0)
    for stacked in trained.weights:
        is_finite &= np.isfinite(stacked).all(axis=tuple(range(1, stacked.ndim)))
    labels = ((repeat, variant) for repeat in repeats for variant in variants)
    for i, (repeat, variant) in enumerate(labels):
        yield Run(
            sources=variant.sources,
            variant=variant.name,
            fixed=variant.n_fixed,
            repeat=repeat,
            classes_predicted=int(trained.classes_predicted[i]),
            status="ok" if is_finite[i] else "failed",
            **{name: finite(figure[i]) for name, figure in scores.items()},
        )


def _curves(runs: Sequence[Run], trained: Trained) -> list[Curve]:
    assert trained.curves is not None
    figures = asdict(trained.curves)
    return [
        Curve(
            sources=run.sources,
            variant=run.variant,
            fixed=run.fixed,
            repeat=run.repeat,
            **{name: tuple(finite(value) for value in by[i]) for name, by in figures.items()},
        )
        for i, run in enumerate(runs)
    ]


def _summarise(
    variants: Sequence[Variant], runs: Runs, network: MLPSpec, ceiling: float
) -> tuple[Summary, ...]:
    summary = []
    for variant in variants:
        own = list(runs.of(variant.sources, variant.name, variant.n_fixed))
        ok = [run for run in own if run.is_ok]
        spread = describe(np.array([run.test_accuracy for run in ok], np.float64))
        summary.append(
            Summary(
                sources=variant.sources,
                variant=variant.name,
                fixed=variant.n_fixed,
                failed=len(own) - len(ok),
                collapsed=sum(run.classes_predicted < network.n_classes for run in ok),
                trainable_parameters=network.n_trainable(variant.n_frozen),
                gap=None if spread.mean is None else ceiling - spread.mean,
                **asdict(spread),
            )
        )
    return tuple(summary)


def _record(role: Literal["source", "target"], task: Task) -> TaskRecord:
    return TaskRecord(role, task.spec.seed, len(task.y_train), len(task.y_test), task.ceiling)


class _Clock:
    """When a command started, and how long it has run."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self._start = time.perf_counter()

    def seconds(self) -> float:
        return round(time.perf_counter() - self._start, 3)
