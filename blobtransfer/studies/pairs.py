"""Build pairs: the same comparison on many pairs of data with different seeds."""

from collections.abc import Iterator
from dataclasses import replace
from math import comb
from typing import Any

from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import MAX_SEED, check_count, check_seed, escape_control_characters
from blobtransfer.specs.data import Role
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.generated import GeneratedSpec
from blobtransfer.specs.study import MAX_STUDY_CELLS, Axis, Study
from blobtransfer.specs.table import TableRequest
from blobtransfer.studies.comparison import experiment_of, read_data, study_of
from blobtransfer.studies.settings import ComparisonSettings, DataRequest, fresh_settings

DEFAULT_PAIRS, DEFAULT_REPEATS = 60, 60
"""Number of pairs, and of repeats of each pair."""

DEFAULT_FIRST_SEED = 1
"""Seed of the source of the first pair."""

MIN_CLASSES = 4
"""Fewest classes of a table whose halves become the source and the target."""

UNUSED = ("model", "until_decided", "nested", "against", "speed", "scores")
"""Settings of a comparison that pairs do not use."""


def build_pairs(
    settings: ComparisonSettings, n_pairs: int = DEFAULT_PAIRS, first_seed: int = DEFAULT_FIRST_SEED
) -> Study:
    """Build the study that `pairs` runs: a comparison with fresh sources on each pair.

    Args:
        settings: Settings of every comparison; source and target set the kind of the data. A
            table as both source and target is divided into random halves of its classes.
        n_pairs: Number of pairs, at least 2.
        first_seed: Seed of the source of the first pair; its target has the next seed, and so
            on. For a table, the seed of the halves.

    Raises:
        SettingError: A setting has an impossible value, or is not used by pairs.
        TableFileError: A table cannot be used.
    """
    check_count("pairs", n_pairs, 2, MAX_STUDY_CELLS)
    check_seed("first-seed", first_seed)
    check_seed("train-seed", settings.train_seed)
    settings = fresh_settings(settings, UNUSED, "pairs")
    if settings.repeats is None:
        settings = replace(settings, repeats=DEFAULT_REPEATS)
    data = settings.data
    source, target = data.get("source"), data["target"]
    if isinstance(source, TableRequest) and source == target:
        pairs = _halves(settings, source, n_pairs, first_seed)
    elif isinstance(source, GeneratedSpec) and isinstance(target, GeneratedSpec):
        last_seed = MAX_SEED - 2 * n_pairs + 1
        if first_seed > last_seed:
            raise SettingError("first-seed", first_seed, f"use {last_seed} or less")
        pairs = _reseeded(source, target, first_seed)
    else:
        name = target.origin if isinstance(target, TableRequest) else target.name
        problem = "pairs are random halves of the classes of one table; use it only as --source"
        raise SettingError("target", name, problem)
    specs: dict[tuple[str, ...], ExperimentSpec] = {}
    for i, pair in zip(range(n_pairs), pairs, strict=False):
        # Each pair has its own train seed: pairs with shared initial weights are dependent.
        own_seed = (settings.train_seed + i) % (MAX_SEED + 1)
        pair_settings = replace(settings, train_seed=own_seed)
        specs[str(i + 1),] = experiment_of(pair_settings, read_data(pair_settings, pair))
    axis = Axis("pair", tuple(number for (number,) in specs))
    return study_of("pairs", (axis,), specs)


def _reseeded(source: Any, target: Any, seed: int) -> Iterator[dict[Role, DataRequest]]:
    """Yield pairs of generated data with the seeds `seed`, `seed` + 1, ..."""
    while True:
        yield {"source": replace(source, seed=seed), "target": replace(target, seed=seed + 1)}
        seed += 2


def _halves(
    settings: ComparisonSettings, table: TableRequest, n_pairs: int, seed: int
) -> Iterator[dict[Role, DataRequest]]:
    """Yield pairs of requests of a table, each of half its classes, at random.

    Source:
        The A/B split of Yosinski et al. 2014, arXiv:1411.1792.
    """
    names = read_data(settings, {"target": table})["target"].class_names
    n_halvings = comb(len(names), len(names) // 2) // (1 if len(names) % 2 else 2)
    problem = None
    if len(names) < MIN_CLASSES:
        problem = f"{len(names)} classes; {MIN_CLASSES} or more are needed, two for each half"
    elif table.split is not None or table.group is not None:
        problem = "leave split= and group= out: halves of the classes are split by class"
    elif any("+" in name for name in names):
        problem = "a class has + in its name, which joins names; rename it"
    if problem is not None:
        raise SettingError("source", escape_control_characters(table.origin), problem)
    if n_pairs > n_halvings:
        problem = f"{len(names)} classes can be halved in {n_halvings} ways; use at most "
        raise SettingError("pairs", n_pairs, f"{problem}{n_halvings}")
    for half in _random_halves(len(names), n_pairs, seed):
        rest = (k for k in range(len(names)) if k not in half)
        source, target = (
            replace(table, classes=classes, name=table.name and f"{table.name} {classes}")
            for classes in ("+".join(names[k] for k in ks) for ks in (half, rest))
        )
        yield {"source": source, "target": target}


def _random_halves(n: int, n_halves: int, seed: int) -> Iterator[tuple[int, ...]]:
    """Yield random halves of `range(n)`, never the same half or its complement again."""
    import numpy as np

    from blobtransfer.randomness import Stream, seed_sequence

    rng = np.random.default_rng(seed_sequence(seed, Stream.SPLIT, 0))
    seen: set[tuple[int, ...]] = set()
    while len(seen) < n_halves:
        order = rng.permutation(n).tolist()
        half, rest = tuple(sorted(order[: n // 2])), tuple(sorted(order[n // 2 :]))
        if half not in seen and rest not in seen:
            seen.add(half)
            yield half
