"""Resolve requests of tables into specs: their columns, classes, rows and split.

The source and the target are resolved together: their columns are matched by name, words are
the same features on both sides, and no training row of the source may be a test row of the
target.
"""

from collections.abc import Mapping, Sequence

from blobtransfer.data.tables.leakage import check_no_leakage, check_not_trained_on
from blobtransfer.data.tables.request import RequestedTable
from blobtransfer.data.tables.rows import preprocess, rows_of, split_of
from blobtransfer.errors import TableFileError
from blobtransfer.specs.checks import escape_control_characters
from blobtransfer.specs.data import DataSpec, Role
from blobtransfer.specs.table import Column, Preprocessing, Scaler, TableRequest, TableSpec


def resolve_data_specs(
    requests: Mapping[Role, DataSpec | TableRequest],
    train_seed: int,
    preprocessing: Preprocessing | None = None,
) -> dict[Role, DataSpec]:
    """Read the tables among some requests and return a spec for each request.

    Args:
        requests: Requests of tables, or specs, which are returned unchanged; the source first.
        train_seed: Seed of the split of repeat 0.
        preprocessing: Of a saved source network; None if there is none.

    Returns:
        The specs by role, in the order of the requests.

    Raises:
        TableFileError: A table is missing, damaged, does not have what is requested, does not
            fit the other table, or its test rows are training rows of the source.
    """
    tables = {
        role: RequestedTable(request)
        for role, request in requests.items()
        if isinstance(request, TableRequest)
    }
    columns = _common_columns(list(tables.values()), preprocessing) if tables else ()
    specs: dict[Role, DataSpec] = {}
    for role, request in requests.items():
        if isinstance(request, TableRequest):
            scaler = _scaler_of_source(request, specs.get("source"), train_seed, preprocessing)
            specs[role] = tables[role].to_spec(columns, scaler)
        else:
            specs[role] = request
    source, target = specs.get("source"), specs.get("target")
    if isinstance(target, TableSpec):
        if isinstance(source, TableSpec):
            check_no_leakage(source, target)
        if preprocessing is not None:
            check_not_trained_on(target, preprocessing.trained_rows, preprocessing.problem)
    for role, table in tables.items():  # last, as it imports scikit-learn, which takes a second
        spec = specs[role]
        assert isinstance(spec, TableSpec)
        specs[role] = table.with_split_sizes(spec, train_seed)
    return specs


def _common_columns(
    tables: Sequence[RequestedTable], preprocessing: Preprocessing | None
) -> tuple[Column, ...]:
    """Match the columns of all tables by name and join the words of each column."""
    first = tables[0]
    if preprocessing is None:
        names, owner = first.features, first.raw.name
    else:
        names = [column.name for column in preprocessing.columns]
        owner = f"the source network, which learnt {preprocessing.problem},"
    for table in tables:
        for missing, without, having in (
            ([name for name in names if name not in table.features], "it", owner),
            ([name for name in table.features if name not in names], owner, "it"),
        ):
            if missing:
                listed = ", ".join(map(escape_control_characters, missing[:5])) + (
                    " ..." if missing[5:] else ""
                )
                raise table.raw.error(
                    f"{without} has no column {listed}, {having} has; columns are matched by "
                    "name: rename them, or leave them out with drop="
                )
    if preprocessing is not None:
        for column in preprocessing.columns:
            for table in tables:
                _check_kind(table, column.name, column.levels is None)
        return preprocessing.columns
    columns = []
    for name in names:
        is_number = first.raw.columns[name].codes is None
        levels: set[str] = set()
        for table in tables:
            _check_kind(table, name, is_number)
            levels |= set(table.words_of(name) or ())
        columns.append(Column(name, None if is_number else tuple(sorted(levels))))
    return tuple(columns)


def _check_kind(table: RequestedTable, name: str, is_number: bool) -> None:
    """Raise `TableFileError` unless a column has numbers, or words, as in the other table."""
    if (table.raw.columns[name].codes is None) != is_number:
        kinds = ("words", "numbers") if is_number else ("numbers", "words")
        raise table.raw.error(
            f"column {escape_control_characters(name)} holds {kinds[0]}, in the other problem "
            f"{kinds[1]}; "
            "mend one of the two, or leave it out with drop="
        )


def _scaler_of_source(
    request: TableRequest,
    source: DataSpec | None,
    train_seed: int,
    preprocessing: Preprocessing | None,
) -> Scaler | None:
    """Return the scaler of the source's training rows if the target is to be scaled by it.

    All repeats use the scaler of repeat 0.

    Raises:
        TableFileError: The source has no scaler.
    """
    if request.scale != "source":
        return None
    name = escape_control_characters(request.origin)
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
    return preprocess(source, rows, train)[1]
