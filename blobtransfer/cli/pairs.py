"""`pairs`: does transfer help on problems like these? Many pairs, each drawn anew."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from math import comb
from typing import Annotated

from blobtransfer.cli.comparison import Comparison, Problems, Request, settle
from blobtransfer.cli.options import (
    FIXED_OPTION,
    PROBLEM,
    TRANSFER,
    FigureOptions,
    MessageOptions,
    ProblemOptions,
    QuestionOptions,
    ResultOptions,
    ScreenOptions,
    StatisticsOptions,
    TrainingOptions,
    TransferOptions,
    VariantOptions,
    WorkOptions,
    description,
)
from blobtransfer.cli.parsing import integer
from blobtransfer.cli.problems import settled
from blobtransfer.cli.run import refuse_curves, run
from blobtransfer.cli.streams import print_stderr
from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import MAX_SEED, check_count, check_seed, printable
from blobtransfer.specs.drawn import GeneratedSpec
from blobtransfer.specs.study import MAX_STUDY_CELLS, Axis, Cell, Study
from blobtransfer.specs.table import TableRequest

N_PAIRS, N_REPEATS = 60, 60
"""Pairs, and repeats of each, unless asked otherwise."""

FIRST_SEED = 1
"""The first problem that is drawn."""

FEWEST_CLASSES = 4
"""Of a table whose halves are to be problems."""

SEED = re.compile(r"[:,]seed=")


@dataclass(frozen=True)
class FamilyOptions:
    """Which problems are drawn, and how many."""

    pairs: Annotated[int, integer("--pairs", "Pairs of problems that are drawn.", TRANSFER)] = (
        N_PAIRS
    )
    repeats: Annotated[
        int, integer("--repeats", "Independent repeats of every variant on each pair.", TRANSFER)
    ] = N_REPEATS
    first_seed: Annotated[
        int,
        integer(
            "--first-seed",
            "The first problem: pair 1 goes from it to the next, pair 2 from the one after that.",
            PROBLEM,
        ),
    ] = FIRST_SEED
    source: Annotated[
        str | None,
        description(
            "--source",
            "The kind of the source problems, such as moons:noise=0.2; a table gives random "
            "halves of its classes.",
        ),
    ] = None
    target: Annotated[
        str | None, description("--target", "The kind of the target problems, likewise.")
    ] = None
    fixed: Annotated[list[int] | None, FIXED_OPTION] = None


def pairs(
    *,
    family: FamilyOptions,
    further: VariantOptions,
    statistics: StatisticsOptions,
    problem: ProblemOptions,
    training: TrainingOptions,
    work: WorkOptions,
    figure: FigureOptions,
    screen: ScreenOptions,
    result: ResultOptions,
    messages: MessageOptions,
) -> None:
    """Compare on many pairs of problems: what may the next one like them see?"""
    check_count("pairs", family.pairs, 2, MAX_STUDY_CELLS)
    check_seed("first-seed", family.first_seed)
    check_seed("train-seed", training.train_seed)
    refuse_curves(result, "pairs")
    screen.check_format(result)
    for option, text in (("source", family.source), ("target", family.target)):
        if text is not None and SEED.search(text):
            problem_said = "every pair draws its own seed; leave seed= out, or use --first-seed"
            raise SettingError(option, text, problem_said)
    transfer = TransferOptions(
        source=family.source or family.target,
        target=family.target or family.source,
        repeats=family.repeats,
        fixed=family.fixed,
    )
    question = QuestionOptions(
        sources="fresh", margin=statistics.margin, low=statistics.low, tune=statistics.tune
    )
    request = Request(transfer, further, question, problem, training)
    changes = _changes(family, request)
    axis = Axis("pair", tuple(str(i + 1) for i in range(family.pairs)))
    settled_pairs = [
        _settled(request, i, change) for i, change in enumerate(islice(changes, family.pairs))
    ]
    cells = [Cell((at,), own.spec) for at, own in zip(axis.values, settled_pairs, strict=True)]
    spec = Study("pairs", (axis,), tuple(cells))
    first = settled_pairs[0]
    if (family.source or family.target) and not messages.quiet:
        print_stderr("the problems of the first pair:")
    run(spec, first, first.read, work, figure, screen, result, messages)


def _settled(request: Request, i: int, change: Callable[[Problems], Problems]) -> Comparison:
    """Settle a pair, whose networks are drawn by a seed of its own.

    Else all pairs would share the luck of the initial weights, and not be independent.
    """
    training = request.training
    own = replace(training, train_seed=(training.train_seed + i) % (MAX_SEED + 1))
    return settle(replace(request, training=own), None, change)


def _changes(family: FamilyOptions, request: Request) -> Iterator[Callable[[Problems], Problems]]:
    """Give what makes the problems of each pair of those that were asked for."""
    asked = request.problems()
    source, target = asked["source"], asked["target"]
    if isinstance(source, TableRequest) or isinstance(target, TableRequest):
        if source != target or not isinstance(source, TableRequest):
            name = family.target or family.source or ""
            problem = (
                "a table is one problem, of which random halves of the classes make pairs; give "
                "it as --source alone"
            )
            raise SettingError("target", name, problem)
        return _halves(family, request, source)
    last = family.first_seed + 2 * family.pairs - 1
    if last > MAX_SEED:
        most = MAX_SEED - 2 * family.pairs + 1
        raise SettingError("first-seed", family.first_seed, f"use {most} or less")
    return (
        lambda asked, i=i: {  # type: ignore[misc]
            role: replace(one, seed=family.first_seed + 2 * i + place)
            for place, (role, one) in enumerate(asked.items())
            if isinstance(one, GeneratedSpec)
        }
        for i in range(family.pairs)
    )


def _halves(
    family: FamilyOptions, request: Request, table: TableRequest
) -> Iterator[Callable[[Problems], Problems]]:
    """Give what makes two problems of a table, each of half its classes, at random.

    Source:
        The A/B split of Yosinski et al. 2014, arXiv:1411.1792.

    Yields:
        For each pair, the function that makes its source and target.

    Raises:
        SettingError: The table has too few classes for halves, or for so many pairs.
    """
    whole = settled({"target": table}, request.training.train_seed)["target"]
    names = whole.class_names
    n = comb(len(names), len(names) // 2) // (1 if len(names) % 2 else 2)
    problem = None
    if len(names) < FEWEST_CLASSES:
        problem = f"{len(names)} classes; {FEWEST_CLASSES} or more are needed, two for each half"
    elif table.split is not None or table.group is not None:
        problem = "leave split= and group= out: halves of the classes are split by class"
    elif any("+" in name for name in names):
        problem = "a class has + in its name, which joins names; rename it"
    if problem is not None:
        raise SettingError("source", printable(family.source or ""), problem)
    if family.pairs > n:
        raise SettingError(
            "pairs",
            family.pairs,
            f"{len(names)} classes can be halved in {n} ways; use at most {n}",
        )
    for half in _subsets(len(names), family.pairs, family.first_seed):
        own = "+".join(names[k] for k in half)
        other = "+".join(name for k, name in enumerate(names) if k not in half)
        yield lambda asked, own=own, other=other: {  # type: ignore[misc]
            "source": replace(table, classes=own),
            "target": replace(table, classes=other),
        }


def _subsets(n: int, n_wanted: int, seed: int) -> Iterator[tuple[int, ...]]:
    """Draw halves of n classes at random, none of them together with its other half."""
    import numpy as np

    from blobtransfer.randomness import Stream, seed_sequence

    rng = np.random.default_rng(seed_sequence(seed, Stream.SPLIT, 0))
    known: set[tuple[int, ...]] = set()
    while len(known) < n_wanted:
        order = rng.permutation(n).tolist()
        half, other = tuple(sorted(order[: n // 2])), tuple(sorted(order[n // 2 :]))
        if half not in known and other not in known:
            known.add(half)
            yield half
