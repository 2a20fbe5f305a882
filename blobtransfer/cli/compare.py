"""`compare`: training from scratch against starting from a source network, over many repeats."""

import sys
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Annotated

from blobtransfer.cli.checks import (
    MODEL_FILE,
    check_output_layer,
    checked_figure,
    network_for,
    read_source,
    several_variants,
)
from blobtransfer.cli.delivery import deliver, finish
from blobtransfer.cli.interrupts import deferred
from blobtransfer.cli.options import (
    PROBLEM,
    TRANSFER,
    FigureOptions,
    MessageOptions,
    ProblemOptions,
    QuestionOptions,
    ResultOptions,
    ScreenOptions,
    TrainingOptions,
    VariantOptions,
)
from blobtransfer.cli.parsing import NUMBERS, file, integer, switch
from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import check_seed, join, printable
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.settings import with_settings
from blobtransfer.specs.task import BlobsSpec

N_REPEATS = 100
"""Repeats, unless asked otherwise."""

MAX_REPEATS = 100_000
"""Repeats of a comparison until decided, unless asked otherwise."""

SOURCE_SEED = 1
"""The source problem, unless asked otherwise."""


def compare(
    *,
    source_seed: Annotated[
        int | None, integer("--source-seed", "The source problem.", PROBLEM, show_default="1")
    ] = None,
    target_seed: Annotated[int, integer("--target-seed", "The target problem.", PROBLEM)] = 2,
    reverse: Annotated[
        bool, switch("--reverse", "Swap the source and the target problem.", PROBLEM)
    ] = False,
    model: Annotated[
        Path | None,
        file(
            "--model",
            "The one source network (.keras or .h5), in place of training one.",
            TRANSFER,
        ),
    ] = None,
    repeats: Annotated[
        int | None,
        integer("--repeats", "Independent repeats of every variant.", TRANSFER, show_default="100"),
    ] = None,
    until_decided: Annotated[
        bool,
        switch(
            "--until-decided",
            "Add repeats until every variant is decided, with intervals that hold at every look.",
            TRANSFER,
        ),
    ] = False,
    max_repeats: Annotated[
        int | None,
        integer(
            "--max-repeats",
            "The most repeats, for --until-decided.",
            TRANSFER,
            show_default=f"{MAX_REPEATS}",
        ),
    ] = None,
    fixed: Annotated[
        list[int] | None,
        integer(
            "--fixed",
            "Hidden layers to freeze, a variant each.",
            TRANSFER,
            NUMBERS,
            show_default="0 1 2, up to the depth",
        ),
    ] = None,
    further: VariantOptions,
    question: QuestionOptions,
    problem: ProblemOptions,
    training: TrainingOptions,
    figure: FigureOptions,
    screen: ScreenOptions,
    result: ResultOptions,
    messages: MessageOptions,
) -> None:
    """Compare training from scratch with starting from a source network, over many repeats."""
    _check_together(question, repeats, model, source_seed, reverse)
    screen.check_format(result)
    n_repeats = _n_repeats(question, repeats, until_decided, max_repeats)
    asked = with_settings(
        _problems(source_seed, target_seed, reverse),
        problem.settings() | training.settings() | question.settings(),
    )
    source = read_source(model, asked.task)
    network = network_for(asked.network, training, source)
    variants = several_variants(
        fixed, further.variant or [], source, asked.task, len(network.hidden)
    )
    check_output_layer(model, source, asked.task, variants)
    questions, nested = question.questions(), question.sources_and_repeats()
    spec = replace(
        asked,
        network=network,
        variants=variants,
        questions=questions,
        n_repeats=n_repeats,
        until_decided=until_decided,
        against=question.against,
        nested=nested,
        source=asked.source if model is None or "fresh" in questions else None,
        model_path=None if model is None else printable(str(model)),
        model_sha256=None if source is None else source.sha256,
    )
    for setting, value in (("threshold", question.threshold), ("curves", result.curves)):
        if value is not None and not question.speed:
            raise SettingError(setting, value, "it needs --speed; add that")
    path = checked_figure(
        "compare", figure, result, read=[(MODEL_FILE, model)], summary=screen.summary
    )

    from blobtransfer.cli.progress import progress_of
    from blobtransfer.engines import load_engine
    from blobtransfer.experiment import compare as experiment
    from blobtransfer.report.figures.canvas import Canvas

    canvas = Canvas(figure.show, figure.style, figure.inches())
    with deferred() as pending:
        with progress_of(messages.quiet, pending.check) as progress:
            weights = None if source is None else list(source.weights)
            engine = load_engine(spec.engine, messages.verbose)
            results = experiment.compare(spec, weights, engine, progress)
        results = replace(results, argv=tuple(sys.argv[1:]))
        deliver(results, canvas, path, result, messages, screen)
    finish(results, canvas, pending)


def _check_together(
    question: QuestionOptions,
    repeats: int | None,
    model: Path | None,
    source_seed: int | None,
    reverse: bool,
) -> None:
    """Raise `SettingError` for options of which one makes the other meaningless."""
    if question.nested is not None and repeats is not None:
        raise SettingError(
            "repeats",
            repeats,
            f"--nested {join(question.nested)} says how many; leave one of the two out",
        )
    if model is None:
        return
    read = f"the source network is read from --model {model}"
    if reverse:
        raise SettingError("reverse", "", f"{read}; leave one out")
    if source_seed is not None and question.questions() == ("one",):
        raise SettingError("source-seed", source_seed, f"{read}; leave one of the two out")


def _n_repeats(
    question: QuestionOptions, repeats: int | None, until_decided: bool, max_repeats: int | None
) -> int:
    """Give the repeats that were asked for, by whichever option."""
    if until_decided:
        if repeats is not None:
            problem = "--until-decided finds out how many; give the most with --max-repeats"
            raise SettingError("repeats", repeats, problem)
        return MAX_REPEATS if max_repeats is None else max_repeats
    if max_repeats is not None:
        raise SettingError("max-repeats", max_repeats, "it needs --until-decided; add that")
    nested = question.sources_and_repeats()
    return prod(nested) if nested else N_REPEATS if repeats is None else repeats


def _problems(source_seed: int | None, target_seed: int, reverse: bool) -> ExperimentSpec:
    """Give a spec of the two problems that were asked for."""
    seeds = [SOURCE_SEED if source_seed is None else source_seed, target_seed]
    for setting, seed in zip(("source-seed", "target-seed"), seeds, strict=True):
        check_seed(setting, seed)
    source, target = map(BlobsSpec, reversed(seeds) if reverse else seeds)
    return ExperimentSpec(source=source, target=target)
