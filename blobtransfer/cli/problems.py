"""Which problems are meant: a SPEC, or the short options of blobs; tables among them are read."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from blobtransfer.cli.options import MessageOptions, ProblemOptions
from blobtransfer.cli.streams import print_stderr
from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import check_seed
from blobtransfer.specs.drawn import BlobsSpec, GeneratedSpec
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.settings import SETTINGS, with_settings
from blobtransfer.specs.table import Preprocessing, TableRequest, TableSpec
from blobtransfer.specs.task import ROLES, DataSpec, Role
from blobtransfer.specs.task_text import data_spec_text, parse_data_spec


def problem_of(
    option: str,
    text: str | None,
    seed_option: str,
    seed: int | None,
    default_seed: int,
    short: ProblemOptions,
) -> DataSpec | TableRequest:
    """Give the problem that is meant by one description, or by the short options of blobs.

    Args:
        option: The option of the description, without dashes.
        text: The description; None where there is none.
        seed_option: The short option that chooses the problem.
        seed: What it was given; None where it was not.
        default_seed: The problem, where nobody says which.
        short: The other short options.

    Raises:
        SettingError: Both are given, or the description cannot be read.
    """
    settings = short.settings()
    if text is None:
        chosen = default_seed if seed is None else seed
        check_seed(seed_option, chosen)
        return with_settings(ExperimentSpec(target=BlobsSpec(chosen)), settings).task
    asked = parse_data_spec(option, text, default_seed)
    given = settings if seed is None else {seed_option: seed, **settings}
    if given:
        setting, value = next(iter(given.items()))
        raise SettingError(setting, value, _merged(option, asked, given))
    return asked


def _merged(option: str, asked: DataSpec | TableRequest, given: Mapping[str, Any]) -> str:
    """Say how the problem is written that a description and short options mean together."""
    said = f"--{option} says what the problem is; "
    if not isinstance(asked, GeneratedSpec):
        return f"{said}leave one of the two out"
    own = {one.name for one in fields(asked)}
    changes = {_field_of(word): value for word, value in given.items() if _field_of(word) in own}
    if len(changes) < len(given):
        return f"{said}{asked.kind} has no such setting, leave it out"
    return f"{said}write --{option} {data_spec_text(asked, changes)}"


def _field_of(word: str) -> str:
    """Give the field of a problem that a short option sets."""
    return SETTINGS[word][0].rpartition(".")[2] if word in SETTINGS else "seed"


def tables_of(*asked: DataSpec | TableRequest) -> list[tuple[str, Path | None]]:
    """Name the files of tables among some problems, which no output may replace."""
    return [
        ("a table that is learnt", Path(one.origin))
        for one in asked
        if isinstance(one, TableRequest) and one.is_file
    ]


def settled(
    asked: Mapping[Role, DataSpec | TableRequest],
    train_seed: int,
    preprocessing: Preprocessing | None = None,
) -> dict[Role, DataSpec]:
    """Read the tables among some problems; see `data.tables.resolve`."""
    found = {role: one for role, one in asked.items() if not isinstance(one, TableRequest)}
    if len(found) < len(asked):
        from blobtransfer.data.tables.resolve import resolve_data_specs

        found = resolve_data_specs(asked, train_seed, preprocessing)
    return found


def network_of(task: DataSpec) -> MLPSpec:
    """Give the default network with the inputs and outputs of a problem."""
    return MLPSpec(n_features=task.n_features, n_classes=task.n_classes)


def say_problems(
    spec: ExperimentSpec, texts: Sequence[str | None], messages: MessageOptions
) -> None:
    """Say once what the descriptions of problems mean, if there are some, unless quiet.

    Args:
        spec: What is run.
        texts: The descriptions that were given.
        messages: How much is said.
    """
    if messages.quiet or not any(texts):
        return

    from blobtransfer.report.problems import describe_problem
    from blobtransfer.running.single import record_of

    for role in ROLES:
        task: DataSpec | None = getattr(spec, role)
        if task is not None:
            print_stderr(
                f"{role}: {describe_problem(task, record_of(role, task, spec.train_seed))}"
            )
        if isinstance(task, TableSpec):
            from blobtransfer.data.tables.rows import n_duplicates

            n = n_duplicates(task)
            if n and task.is_resplit:
                print_stderr(
                    f"note: {role}: {n:,} rows are copies of others, and may test what trains"
                )
