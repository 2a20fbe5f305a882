"""train_source, train_target, compare: specs in, Results out.

A step decides which weights and batch orders each run of each arm gets, lets the engine
train them, and asks the statistics once. Nothing here knows how the user asked.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from blobtransfer.engines import Engine, Job, Scores, Tick, Trained
from blobtransfer.experiment.analyse import analyse
from blobtransfer.experiment.regions import decision_regions
from blobtransfer.network import Weights, initial_weights
from blobtransfer.randomness import Stream, order_key
from blobtransfer.results.results import SCORES, Curve, Results, Run, Runs, TaskRecord, finite
from blobtransfer.specs.experiment import Arm, ExperimentSpec, Question
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.variant import STANDALONE, Start
from blobtransfer.tasks.blobs import make_task
from blobtransfer.tasks.task import Task

Step = Callable[[str, int], Tick]
"""Told that a step begins, with its epochs summed over all runs; gives the teller of progress."""

Role = Literal["source", "target"]

Origins = Mapping[tuple[str, Start, int], Weights]
"""Source networks by question, start, and repeat (0 for the one source)."""


def silent(description: str, total: int) -> Tick:
    """Be a step that tells nobody."""
    return lambda n: None


@dataclass(frozen=True)
class Trainee:
    """What one training gave: its results, and the trained network to be saved."""

    results: Results
    network: MLPSpec
    weights: Weights


@dataclass(frozen=True)
class _Lab:
    """What every training needs: who trains, who is told, and the problems by role."""

    spec: ExperimentSpec
    engine: Engine
    step: Step
    tasks: Mapping[Role, Task]

    def train(self, job: Job, tick: Tick) -> Trained:
        """Train a job and make sure that frozen layers did not move by a single bit."""
        trained = self.engine.train(job, tick, lambda text: self.step(text, 1))
        for layer in range(len(job.network.shapes)):
            frozen = job.n_frozen > layer
            for i in (2 * layer, 2 * layer + 1):
                before, after = job.weights[i][frozen], trained.weights[i][frozen]
                if before.tobytes() != after.tobytes():
                    raise AssertionError(f"the engine moved weights of frozen layer {layer + 1}")
        return trained

    def records(self) -> tuple[TaskRecord, ...]:
        """Describe the problems, source first."""
        return tuple(
            TaskRecord(role, task.spec.seed, len(task.y_train), len(task.y_test), task.ceiling)
            for role, task in self.tasks.items()
        )


def train_source(
    spec: ExperimentSpec, engine: Engine, step: Step = silent, argv: Sequence[str] = ()
) -> Trainee:
    """Train the source network: repeat 0 of a standalone training on the source problem.

    Args:
        spec: What to run; it has a source problem, and no variant but standalone.
        engine: What trains.
        step: Told of progress.
        argv: The command line, for the record.

    Returns:
        Results with one run, its curve, and its decision regions.
    """
    assert spec.source is not None and spec.variants == (STANDALONE,)
    return _train_one(_Lab(spec, engine, step, {"source": make_task(spec.source)}), {}, argv)


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
        source_weights: Where a transfer starts; None for a variant that needs none.
        engine: What trains.
        step: Told of progress.
        argv: The command line, for the record.

    Returns:
        Results with one run, its curve, and its decision regions.
    """
    assert spec.target is not None and len(spec.variants) == 1
    lab = _Lab(spec, engine, step, {"target": make_task(spec.target)})
    (variant,) = spec.variants
    origins: dict[tuple[str, Start, int], Weights] = {}
    if source_weights is not None:
        origins["one", "transfer", 0] = source_weights
    if variant.start == "self-transfer":
        tick = step("training a first network", spec.training.epochs)
        origins = _train_sources(lab, "one", "self-transfer", [0], tick)
    return _train_one(lab, origins, argv)


def compare(
    spec: ExperimentSpec,
    source_weights: Weights | None,
    engine: Engine,
    step: Step = silent,
    argv: Sequence[str] = (),
) -> Results:
    """Train every arm in every repeat on the target problem.

    Within a repeat all arms see the rows in the same order, so that they are compared by
    their differences (common random numbers).

    Args:
        spec: What to run; it has a target problem, and a source problem where a source
            network is to be trained.
        source_weights: The one source network, whose output layer may be another where all
            variants draw theirs afresh; None: that of repeat 0, as `train_source` trains it.
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
    tasks: dict[Role, Task] = {}
    if spec.source is not None:
        tasks["source"] = make_task(spec.source)
    tasks["target"] = make_task(spec.target)
    lab = _Lab(spec, engine, step, tasks)
    origins: dict[tuple[str, Start, int], Weights] = {}
    source_run = None
    one_starts = _starts(spec, "one")
    if "transfer" in one_starts and source_weights is None:
        source = train_source(replace(spec, variants=(STANDALONE,), nested=None), engine, step)
        source_weights, source_run = source.weights, source.results.runs[0]
    if source_weights is not None:
        origins["one", "transfer", 0] = source_weights
    if "self-transfer" in one_starts:
        tick = step("training a network on the target problem", spec.training.epochs)
        origins |= _train_sources(lab, "one", "self-transfer", [0], tick)

    runs = Runs()
    curves: list[Curve] = []
    interrupted = False
    tick = step("comparing", _n_epochs(spec))
    at_once = engine.repeats_at_once(spec)
    try:
        for first in range(0, spec.n_repeats, at_once):
            repeats = range(first, min(first + at_once, spec.n_repeats))
            fresh: dict[tuple[str, Start, int], Weights] = {}
            for start in _starts(spec, "fresh"):
                needed = sorted({spec.source_repeat(repeat) for repeat in repeats})
                fresh |= _train_sources(lab, "fresh", start, needed, tick)
            trained = _train_arms(lab, "target", repeats, origins | fresh, tick, spec.speed)
            if spec.speed:  # before the runs, which are not to be without
                curves += _curves(repeats, trained, ["test_accuracy"])
            runs.extend(Runs(_runs(repeats, trained)))
    except KeyboardInterrupt:
        if not runs:
            raise
        interrupted = True
    return Results(
        command="compare",
        argv=tuple(argv),
        spec=spec,
        started=clock.started,
        seconds=clock.seconds(),
        tasks=lab.records(),
        source_run=source_run,
        runs=runs,
        findings=analyse(spec, runs, tasks["target"].ceiling, curves),
        curves=tuple(curves),
        interrupted=interrupted,
    )


def _train_one(lab: _Lab, origins: Origins, argv: Sequence[str]) -> Trainee:
    """Train repeat 0 of the one arm on the one problem, with its curves."""
    clock = _Clock()
    ((role, task),) = lab.tasks.items()
    (variant,) = lab.spec.variants
    tick = lab.step(f"training the {role} network", variant.n_epochs(lab.spec.training))
    trained = _train_arms(lab, role, range(1), origins, tick, with_curves=True)
    runs = Runs(_runs(range(1), trained))
    (one,) = trained.values()
    network, weights = variant.network(lab.spec.network), [w[0] for w in one.weights]
    results = Results(
        command="train-source" if role == "source" else "train-target",
        argv=tuple(argv),
        spec=lab.spec,
        started=clock.started,
        seconds=clock.seconds(),
        tasks=lab.records(),
        source_run=None,
        runs=runs,
        findings=analyse(lab.spec, runs, task.ceiling),
        curves=tuple(_curves(range(1), trained)),
        regions=decision_regions(network, weights, task) if runs[0].is_ok else None,
    )
    return Trainee(results, network, weights)


def _train_sources(
    lab: _Lab, question: str, start: Start, repeats: Sequence[int], tick: Tick
) -> dict[tuple[str, Start, int], Weights]:
    """Train the source networks of some repeats.

    They start as the standalone networks of their repeats do. Those of `self-transfer`
    learn the target problem, in the order of the rows that a source network sees.
    """
    spec = lab.spec
    role: Role = "source" if start == "transfer" else "target"
    weights = [initial_weights(spec.network, spec.train_seed, repeat) for repeat in repeats]
    keys = [order_key(spec.train_seed, Stream.SOURCE_ORDER, repeat) for repeat in repeats]
    trained = lab.train(
        Job(
            network=spec.network,
            training=spec.training,
            task=lab.tasks[role],
            weights=_stacked(weights),
            n_frozen=np.zeros(len(repeats), np.int64),
            order_keys=np.array(keys, np.uint64),
        ),
        tick,
    )
    return {
        (question, start, repeat): [stacked[i] for stacked in trained.weights]
        for i, repeat in enumerate(repeats)
    }


def _train_arms(
    lab: _Lab,
    role: Role,
    repeats: range,
    origins: Origins,
    tick: Tick,
    with_curves: bool,
) -> dict[Arm, Trained]:
    """Train every arm in some repeats; arms of one shape and one course of training together."""
    groups: dict[Any, list[Arm]] = {}
    for arm in lab.spec.arms:
        course = [(p.first_epoch, p.training) for p in arm.variant.phases(lab.spec.training)]
        groups.setdefault((arm.variant.network(lab.spec.network), *course), []).append(arm)
    trained = {}
    for arms in groups.values():
        together = _train_group(lab, role, arms, repeats, origins, tick, with_curves)
        for i, arm in enumerate(arms):
            trained[arm] = _part(together, slice(i * len(repeats), (i + 1) * len(repeats)))
    return trained


def _train_group(
    lab: _Lab,
    role: Role,
    arms: Sequence[Arm],
    repeats: range,
    origins: Origins,
    tick: Tick,
    with_curves: bool,
) -> Trained:
    """Train arms that differ in no more than their start and their frozen layers.

    Returns:
        Arm by arm, each repeat by repeat.
    """
    spec = lab.spec
    stream = Stream.SOURCE_ORDER if role == "source" else Stream.TARGET_ORDER
    keys = np.array([order_key(spec.train_seed, stream, r) for r in repeats], np.uint64)
    weights = _stacked([_start(spec, arm, r, origins) for arm in arms for r in repeats])
    done: list[Trained] = []
    for phases in zip(*(arm.variant.phases(spec.training) for arm in arms), strict=True):
        job = Job(
            network=arms[0].variant.network(spec.network),
            training=phases[0].training,
            task=lab.tasks[role],
            weights=done[-1].weights if done else weights,
            n_frozen=np.repeat([phase.n_frozen for phase in phases], len(repeats)),
            order_keys=np.tile(keys, len(arms)),
            first_epoch=phases[0].first_epoch,
            with_curves=with_curves,
        )
        done.append(lab.train(job, tick))
    return replace(done[-1], curves=_joined([one.curves for one in done if one.curves]))


def _start(spec: ExperimentSpec, arm: Arm, repeat: int, origins: Origins) -> Weights:
    """Give the weights that an arm starts from in a repeat."""
    variant = arm.variant
    if variant.starts_fresh:
        return initial_weights(spec.network, spec.train_seed, repeat)
    source_repeat = spec.source_repeat(repeat) if arm.sources == "fresh" else 0
    source = origins[arm.sources, variant.start, source_repeat]
    if not variant.n_redrawn:
        return source
    network = variant.network(spec.network)
    redrawn = initial_weights(network, spec.train_seed, repeat, Stream.REDRAWN)
    n_kept = 2 * (len(network.shapes) - variant.n_redrawn)
    return source[:n_kept] + redrawn[n_kept:]


def _runs(repeats: range, trained: Mapping[Arm, Trained]) -> Iterator[Run]:
    """Give the runs by repeat, then arm."""
    figures = {arm: asdict(one.scores) for arm, one in trained.items()}
    are_ok = {arm: _are_finite(one) for arm, one in trained.items()}
    for i, repeat in enumerate(repeats):
        for arm, one in trained.items():
            scores: Any = {name: finite(figure[i]) for name, figure in figures[arm].items()}
            yield Run(
                **arm.label_fields,
                repeat=repeat,
                classes_predicted=int(one.classes_predicted[i]),
                status="ok" if are_ok[arm][i] else "failed",
                **scores,
            )


def _curves(
    repeats: range, trained: Mapping[Arm, Trained], names: Sequence[str] = SCORES
) -> Iterator[Curve]:
    """Give some figures of every run by epoch, by repeat, then arm."""
    for i, repeat in enumerate(repeats):
        for arm, one in trained.items():
            figures = {name: getattr(one.curves, name)[i] for name in names}
            yield Curve(**arm.label_fields, repeat=repeat, **figures)


def _are_finite(trained: Trained) -> NDArray[np.bool_]:
    """Say of each run (R,) whether its scores and weights are finite."""
    figures = [*asdict(trained.scores).values(), *trained.weights]
    are_finite = [np.isfinite(f).all(axis=tuple(range(1, f.ndim))) for f in figures]
    return np.asarray(np.all(are_finite, axis=0))


def _part(trained: Trained, runs: slice) -> Trained:
    """Give some of the runs."""
    return Trained(
        weights=[stacked[runs] for stacked in trained.weights],
        scores=_mapped(trained.scores, lambda figure: figure[runs]),
        classes_predicted=trained.classes_predicted[runs],
        curves=trained.curves and _mapped(trained.curves, lambda figure: figure[runs]),
    )


def _joined(curves: Sequence[Scores]) -> Scores | None:
    """Join the curves of phases; the first entry of each is the last of the phase before."""
    if not curves:
        return None
    first, *later = [asdict(one) for one in curves]
    return Scores(
        **{
            name: np.concatenate([figure, *(one[name][:, 1:] for one in later)], axis=1)
            for name, figure in first.items()
        }
    )


def _mapped(scores: Scores, change: Callable[[Any], Any]) -> Scores:
    return Scores(**{name: change(figure) for name, figure in asdict(scores).items()})


def _stacked(weights: Sequence[Weights]) -> Weights:
    return [np.stack(layer) for layer in zip(*weights, strict=True)]


def _starts(spec: ExperimentSpec, question: Question) -> list[Start]:
    """Give the kinds of source networks that a question's arms start from."""
    return sorted({arm.variant.start for arm in spec.arms if arm.sources == question})


def _n_epochs(spec: ExperimentSpec) -> int:
    """Count the epochs of all trainings, those of the one source left out."""
    of_arms = sum(arm.variant.n_epochs(spec.training) for arm in spec.arms)
    n_sources = spec.nested[0] if spec.nested else spec.n_repeats
    of_sources = n_sources * len(_starts(spec, "fresh")) * spec.training.epochs
    return spec.n_repeats * of_arms + of_sources


class _Clock:
    """When a command started, and how long it has run."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self._start = time.perf_counter()

    def seconds(self) -> float:
        return round(time.perf_counter() - self._start, 3)
