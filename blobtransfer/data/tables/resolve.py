"""What is asked of tables -> problems with everything resolved: columns, classes, rows, split.

The source and the target are resolved together: their columns are matched by name, words are
the same features on both sides, and no training row of the one may be a test row of the other.
"""

from collections.abc import Mapping, Sequence

from blobtransfer.data.tables.leakage import check_apart, check_unseen
from blobtransfer.data.tables.request import Draft
from blobtransfer.data.tables.rows import prepared, rows_of, split_of
from blobtransfer.errors import TableFileError
from blobtransfer.specs.checks import printable
from blobtransfer.specs.table import Column, Preprocessing, Scaler, TableRequest, TableSpec
from blobtransfer.specs.task import DataSpec, Role


def resolve_data_specs(
    asked: Mapping[Role, DataSpec | TableRequest],
    train_seed: int,
    preprocessing: Preprocessing | None = None,
) -> dict[Role, DataSpec]:
    """Read the tables among some problems and settle what they are.

    Args:
        asked: Problems; a drawn one is settled already.
        train_seed: All randomness, for the scaler of the source.
        preprocessing: What a saved source network says of the table that it learnt.

    Returns:
        A problem each, with its columns, classes and numbers of rows.

    Raises:
        TableFileError: A table is missing, damaged, or not one that can be learnt.
    """
    requests = {role: one for role, one in asked.items() if isinstance(one, TableRequest)}
    if not requests:
        return {role: one for role, one in asked.items() if not isinstance(one, TableRequest)}
    tables = {role: Draft(request) for role, request in requests.items()}
    columns = _common_columns(list(tables.values()), preprocessing)
    found: dict[Role, DataSpec] = {}
    for role, one in asked.items():
        if isinstance(one, TableRequest):
            scaler = _scaler_of_source(one, found.get("source"), train_seed, preprocessing)
            found[role] = tables[role].settled(columns, scaler)
        else:
            found[role] = one
    source, target = found.get("source"), found.get("target")
    if isinstance(target, TableSpec):
        if isinstance(source, TableSpec):
            check_apart(source, target)
        if preprocessing is not None:
            check_unseen(target, preprocessing.trained_rows, preprocessing.problem)
    for role, table in tables.items():  # last, as it imports scikit-learn, which takes a second
        one = found[role]
        assert isinstance(one, TableSpec)
        found[role] = table.split_once(one, train_seed)
    return found


def _common_columns(
    tables: Sequence[Draft], preprocessing: Preprocessing | None
) -> tuple[Column, ...]:
    """Match the columns of all tables by name and join the words of each."""
    first = tables[0]
    wanted = [one.name for one in preprocessing.columns] if preprocessing else first.features
    who = first.raw.name
    if preprocessing:
        who = f"the source network, which learnt {preprocessing.problem},"
    for table in tables:
        for missing, of, has in (
            ([one for one in wanted if one not in table.features], "it", who),
            ([one for one in table.features if one not in wanted], who, "it"),
        ):
            if missing:
                shown = ", ".join(map(printable, missing[:5])) + (" ..." if missing[5:] else "")
                raise table.raw.refused(
                    f"{of} has no column {shown}, {has} has; columns are matched by name: rename "
                    "them, or leave them out with drop="
                )
    if preprocessing:
        for column in preprocessing.columns:
            for table in tables:
                _check_kind(table, column.name, column.levels is None)
        return preprocessing.columns
    columns = []
    for name in wanted:
        is_number = first.raw.columns[name].codes is None
        levels: set[str] = set()
        for table in tables:
            _check_kind(table, name, is_number)
            levels |= set(table.words_of(name) or ())
        columns.append(Column(name, None if is_number else tuple(sorted(levels))))
    return tuple(columns)


def _check_kind(table: Draft, name: str, is_number: bool) -> None:
    if (table.raw.columns[name].codes is None) != is_number:
        kinds = ("words", "numbers") if is_number else ("numbers", "words")
        raise table.raw.refused(
            f"column {printable(name)} holds {kinds[0]}, in the other problem {kinds[1]}; "
            "mend one of the two, or leave it out with drop="
        )


def _scaler_of_source(
    request: TableRequest,
    source: DataSpec | None,
    train_seed: int,
    preprocessing: Preprocessing | None,
) -> Scaler | None:
    """Give the scaler that the target is seen through, where it is to be the source's.

    That is the one of the source's training rows in repeat 0, for all repeats.
    """
    if request.scale != "source":
        return None
    name = printable(request.origin)
    if preprocessing is not None:
        if preprocessing.scaler is None:
            raise TableFileError(name, "the model learnt inputs as they are; use scale=none")
        return preprocessing.scaler
    if not isinstance(source, TableSpec):
        raise TableFileError(
            name, "scale=source needs a source that is a table; use scale=own or scale=none"
        )
    if source.scale == "none":
        raise TableFileError(
            name, "scale=source, but the source is not scaled; use scale=none, or scale the source"
        )
    rows = rows_of(source)
    train, _ = split_of(source, rows, 0, train_seed)
    return prepared(source, rows, train)[1]
