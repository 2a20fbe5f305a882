"""`compare`: training from scratch against starting from a source network, over many repeats."""

import sys
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from blobtransfer.cli.checks import (
    MODEL_FILE,
    carried_by,
    check_features,
    check_output_layer,
    checked_figure,
    network_for,
    output_fits,
    read_source,
    several_variants,
)
from blobtransfer.cli.delivery import deliver, finish, tell_new_head, tell_notes
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
    description,
)
from blobtransfer.cli.parsing import NUMBERS, file, integer, switch
from blobtransfer.cli.problems import network_of, problem_of, say_problems, settled, tables_of
from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import join, printable
from blobtransfer.specs.experiment import ExperimentSpec, Question
from blobtransfer.specs.settings import with_settings
from blobtransfer.specs.table import TableRequest
from blobtransfer.specs.task import TaskSpec
from blobtransfer.specs.task_text import is_blobs

if TYPE_CHECKING:
    from blobtransfer.tasks.resolve import Role

N_REPEATS = 100
"""Repeats, unless asked otherwise."""

MAX_REPEATS = 100_000
"""Repeats of a comparison until decided, unless asked otherwise."""

SOURCE_SEED, TARGET_SEED = 1, 2
"""The two problems, unless asked otherwise."""


def compare(
    *,
    source_seed: Annotated[
        int | None, integer("--source-seed", "The source problem.", PROBLEM, show_default="1")
    ] = None,
    target_seed: Annotated[
        int | None, integer("--target-seed", "The target problem.", PROBLEM, show_default="2")
    ] = None,
    source: Annotated[
        str | None,
        description("--source", "The source problem, such as moons:noise=0.2 or a.csv:label=y."),
    ] = None,
    target: Annotated[str | None, description("--target", "The target problem, likewise.")] = None,
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
    _check_together(question, repeats, model, source_seed, source, reverse)
    screen.check_format(result)
    n_repeats = _n_repeats(question, repeats, until_decided, max_repeats)
    has_source = source is not None or target is None or is_blobs(target)
    questions = _questions(question, model, target, has_source)
    saved = read_source(model)
    asked_source = problem_of("source", source, "source-seed", source_seed, SOURCE_SEED, problem)
    asked_target = problem_of("target", target, "target-seed", target_seed, TARGET_SEED, problem)
    if reverse:
        asked_source, asked_target = asked_target, asked_source
    problems: dict[Role, TaskSpec | TableRequest] = {"target": asked_target}
    if has_source:
        problems = {"source": asked_source, **problems}
    found = settled(problems, training.train_seed, carried_by(model, saved, problems))
    check_features(model, saved, found["target"])
    asked = with_settings(
        ExperimentSpec(
            source=found.get("source"), target=found["target"], network=network_of(found["target"])
        ),
        training.settings(model is not None) | question.settings(),
    )
    network = network_for(asked.network, training, saved)
    fits = output_fits(saved, asked)
    variants = several_variants(fixed, further.variant or [], fits, len(network.hidden))
    check_output_layer(model, saved, asked, variants)
    spec = replace(
        asked,
        network=network,
        variants=variants,
        questions=questions,
        n_repeats=n_repeats,
        until_decided=until_decided,
        against=question.against,
        nested=question.sources_and_repeats(),
        source=asked.source if model is None or "fresh" in questions else None,
        model_path=None if model is None else printable(str(model)),
        model_sha256=None if saved is None else saved.sha256,
        model_notes=() if saved is None else saved.notes,
    )
    for setting, value in (("threshold", question.threshold), ("curves", result.curves)):
        if value is not None and not question.speed:
            raise SettingError(setting, value, "it needs --speed; add that")
    path = checked_figure(
        "compare",
        figure,
        result,
        read=[(MODEL_FILE, model), *tables_of(*problems.values())],
        summary=screen.summary,
    )
    tell_notes(saved, model, messages)

    from blobtransfer.cli.progress import progress_of
    from blobtransfer.engines import load_engine
    from blobtransfer.experiment import compare as experiment
    from blobtransfer.report.figures.canvas import Canvas

    canvas = Canvas(figure.show, figure.style, figure.inches())
    say_problems(spec, (source, target), messages)
    of_what = str(model) if asked.source is None or model is not None else asked.source.name
    is_default = fixed is None and not further.variant
    tell_new_head(is_default, fits, of_what, asked.task.name, messages)
    with deferred() as pending:
        with progress_of(messages.quiet, pending.check) as progress:
            weights = None if saved is None else list(saved.weights)
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
    source: str | None,
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
    if question.questions() == ("fresh",):
        problem = "--sources fresh trains all source networks itself; leave one of the two out"
        raise SettingError("model", model, problem)
    read = f"the source network is read from --model {model}"
    if reverse:
        raise SettingError("reverse", "", f"{read}; leave one out")
    if source_seed is not None and question.questions() == ("one",):
        raise SettingError("source-seed", source_seed, f"{read}; leave one of the two out")


def _questions(
    question: QuestionOptions, model: Path | None, target: str | None, has_source: bool
) -> tuple[Question, ...]:
    """Give the questions; without a source problem there is only that about the model."""
    if has_source:
        return question.questions()
    if model is None:
        assert target is not None
        problem = "the source problem is not said; add --source SPEC, or --model FILE"
        raise SettingError("target", target, problem)
    if question.sources not in (None, "one"):
        problem = "the method needs a source problem; add --source SPEC"
        raise SettingError("sources", question.sources, problem)
    if question.nested is not None:
        problem = "fresh sources need a source problem; add --source SPEC"
        raise SettingError("nested", join(question.nested), problem)
    return ("one",)


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
