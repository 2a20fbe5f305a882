"""Build a grid: a comparison for every pair of source and target data."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import join
from blobtransfer.specs.data import DataSpec, Role
from blobtransfer.specs.data_text import parse_data_spec
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.study import Axis, Study
from blobtransfer.specs.table import TableRequest
from blobtransfer.studies.comparison import can_keep_output, experiment_of, read_data, study_of
from blobtransfer.studies.settings import ComparisonSettings, DataRequest, fresh_settings

MAX_PROBLEMS = 50
"""Largest number of data specifications of a grid: 2,500 cells."""

OF_DATA = ("source", "target", "variant")
"""Settings whose errors depend on both source and target."""

SEED_RANGE = re.compile(r"([:,]seed=)(\d+)\.\.(\d+)")
"""Range of seeds in a data specification."""

UNUSED = ("source", "target", "model", "until_decided", "nested", "against", "speed")
"""Settings of a comparison that a grid does not use."""


def build_grid(
    problems: Sequence[str | DataRequest], settings: ComparisonSettings | None = None
) -> Study:
    """Build the study that `grid` runs: a comparison with fresh sources for every pair of data.

    On the diagonal, variants start from another network trained on the target.

    Args:
        problems: 2 to 50 data specifications, also as text; `blobs:seed=1..4` stands for four.
        settings: Settings of every comparison; their data is ignored. None: the defaults.

    Raises:
        SettingError: A setting has an impossible value, or is not used by a grid.
        TableFileError: A table cannot be used.
    """
    settings = fresh_settings(settings or ComparisonSettings(), UNUSED, "grid")
    for variant in settings.variants:
        if variant.start == "self-transfer":
            problem = "the diagonal of a grid is self-transfer already; leave it out"
            raise SettingError("variant", str(variant), problem)
    requests = [
        (label, request) for data in problems for label, request in _labelled_requests(data)
    ]
    labels = [label for label, _ in requests]
    if not 2 <= len(labels) <= MAX_PROBLEMS:
        problem = f"use 2 to {MAX_PROBLEMS} problems"
        raise SettingError("problems", join(problems), problem)
    for i, label in enumerate(labels):
        if requests[i] in requests[:i]:
            raise SettingError("problems", label, "it is repeated; give it once")
    specs = _cells(settings, requests)
    targets = [specs[i, i].data for i in range(len(labels))]
    for i, label in enumerate(labels):
        if targets[i] in targets[:i]:
            same = labels[targets.index(targets[i])]
            problem = f"the same data as {same}; use it once"
            raise SettingError("problems", label, problem)
    names = [target.name for target in targets]
    if len(set(names)) < len(names):
        names = labels
    axes = (Axis("source", tuple(names)), Axis("target", tuple(names)))
    cells: dict[tuple[str, ...], ExperimentSpec] = {
        (names[i], names[j]): spec for (i, j), spec in specs.items()
    }
    return study_of("grid", axes, cells)


def _cells(
    settings: ComparisonSettings, requests: Sequence[tuple[str, DataRequest]]
) -> dict[tuple[int, int], ExperimentSpec]:
    """Build the comparison of every cell, source by source, by the indices of its data."""
    n = len(requests)
    data: dict[tuple[int, int], dict[Role, DataSpec]] = {}
    for i, j in product(range(n), repeat=2):
        pair: dict[Role, DataRequest] = {"source": requests[i][1], "target": requests[j][1]}
        if i == j:
            del pair["source"]
        data[i, j] = read_data(settings, pair)
    keeps_output = all(
        can_keep_output(None, pair.get("source"), pair["target"]) for pair in data.values()
    )
    specs = {}
    for (i, j), pair_data in data.items():
        # sources on the diagonal are not ranked
        cell_settings = replace(settings, scores=False) if i == j else settings
        try:
            specs[i, j] = experiment_of(
                cell_settings, pair_data, None, keeps_output, is_self_transfer=i == j
            )
        except SettingError as error:
            if error.setting not in OF_DATA:
                raise
            where = " ".join(requests[k][0] for k in sorted({i, j}, key=(i, j).index))
            raise SettingError("problems", where, str(error)) from error
    return specs


def _labelled_requests(problem: str | DataRequest) -> list[tuple[str, DataRequest]]:
    """Return the data of a specification with labels; several if its seed is a range."""
    if isinstance(problem, TableRequest):
        return [(problem.origin, problem)]
    if not isinstance(problem, str):
        return [(problem.name, problem)]
    match = SEED_RANGE.search(problem)
    if match is None:
        return [(problem, parse_data_spec("problems", problem, 1))]
    first, last = int(match[2]), int(match[3])
    if not first < last < first + MAX_PROBLEMS:
        advice = f"use FIRST..LAST with FIRST below LAST, at most {MAX_PROBLEMS} problems"
        raise SettingError("problems", problem, advice)
    texts = [
        f"{problem[: match.start()]}{match[1]}{seed}{problem[match.end() :]}"
        for seed in range(first, last + 1)
    ]
    return [(text, parse_data_spec("problems", text, 1)) for text in texts]
