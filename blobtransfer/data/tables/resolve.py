"""Resolve requests of tables into specs: their columns, classes, rows and split.

The source and the target are resolved together: their columns are matched by name, words are
the same features on both sides, and no training row of the source is a test row of the target.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from blobtransfer.data.tables.features import words_of
from blobtransfer.data.tables.leakage import rows_tested_by, rows_trained_on
from blobtransfer.data.tables.request import RequestedTable
from blobtransfer.data.tables.rows import column_key, preprocess, rows_of, split_of
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
    learned = () if preprocessing is None else [column.name for column in preprocessing.columns]
    tables = {
        role: RequestedTable(request, learned)
        for role, request in requests.items()
        if isinstance(request, TableRequest)
    }
    columns = _common_columns(list(tables.values()), preprocessing) if tables else ()
    specs: dict[Role, DataSpec] = {
        role: tables[role].to_spec(columns) if isinstance(request, TableRequest) else request
        for role, request in requests.items()
    }
    if isinstance(specs.get("target"), TableSpec):
        _leave_shared_rows_out(specs, tables, columns, preprocessing)
    for role, table in tables.items():
        if table.request.scale == "source":
            source = None if role == "source" else specs.get("source")
            scaler = _scaler_of_source(table.request, source, train_seed, preprocessing)
            specs[role] = replace(specs[role], scale="source", scaler=scaler)  # type: ignore[arg-type]
    for role, table in tables.items():  # last, as it imports scikit-learn, which takes a second
        spec = specs[role]
        assert isinstance(spec, TableSpec)
        specs[role] = table.with_split_sizes(spec, train_seed)
    return specs


def _leave_shared_rows_out(
    specs: dict[Role, DataSpec],
    tables: Mapping[Role, RequestedTable],
    columns: tuple[Column, ...],
    preprocessing: Preprocessing | None,
) -> None:
    """Leave a few rows out that would train a source network and test the target.

    Args:
        specs: Specs by role, which are replaced; the target is a table.
        tables: The tables by role.
        columns: Columns of features.
        preprocessing: Of a saved source network; None if there is none.

    Raises:
        TableFileError: There are more such rows than may be left out.
    """

    def leave_out(role: Role, rows: Sequence[int]) -> None:
        if len(rows):
            tables[role].leave_out(rows)
            specs[role] = tables[role].to_spec(columns)

    def table_spec(role: Role) -> TableSpec | None:
        spec = specs.get(role)
        return spec if isinstance(spec, TableSpec) else None

    target = table_spec("target")
    assert target is not None
    if preprocessing is not None:
        leave_out("target", rows_trained_on(target, preprocessing))
    source, target = table_spec("source"), table_spec("target")
    if source is not None and target is not None:
        leave_out("source", rows_tested_by(source, target))


def _common_columns(
    tables: Sequence[RequestedTable], preprocessing: Preprocessing | None
) -> tuple[Column, ...]:
    """Match the columns of all tables by name and join the words of each column."""
    first = tables[0]
    if preprocessing is None:
        names, owner = first.features, first.raw.name
    else:
        names = [column.name for column in preprocessing.columns]
        owner = f"the source network, which was trained on {preprocessing.problem},"
    expected = set(names)
    for table in tables:
        features = set(table.features)
        for missing, without, having in (
            ([name for name in names if name not in features], "it", owner),
            ([name for name in table.features if name not in expected], owner, "it"),
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
        is_number = first.raw.column(name).codes is None
        levels: set[str] = set()
        for table in tables:
            _check_kind(table, name, is_number)
            levels |= set(words_of(table.raw, name, table.indices) or ())
        columns.append(Column(name, None if is_number else tuple(sorted(levels))))
    return tuple(columns)


def _check_kind(table: RequestedTable, name: str, is_number: bool) -> None:
    """Raise `TableFileError` unless a column has numbers, or words, as in the other table."""
    raw, column = table.raw, table.raw.column(name)
    if (column.codes is None) == is_number:
        return
    kinds = ("numbers", "words") if column.codes is None else ("words", "numbers")
    row = int(table.indices[(~column.is_missing[table.indices]).argmax()])
    if column.numbers is not None:
        value = f"{column.numbers[row]:g}"
    else:
        value = column.words[column.word_codes[row]]
    raise raw.error(
        f"column {escape_control_characters(name)} has {kinds[0]}, such as "
        f"{escape_control_characters(value[:40])!r} in {raw.location(row)}, in the other table "
        f"{kinds[1]}; correct one of the two, or leave the column out of both: "
        f"drop={column_key(raw, name)}"
    )


def _scaler_of_source(
    request: TableRequest,
    source: DataSpec | None,
    train_seed: int,
    preprocessing: Preprocessing | None,
) -> Scaler | None:
    """Return the scaler of the source's training rows.

    All repeats use the scaler of repeat 0.

    Raises:
        TableFileError: The source has no scaler.
    """
    name = escape_control_characters(request.origin)
    if preprocessing is not None:
        if preprocessing.scaler is None:
            raise TableFileError(name, "the model was trained on unscaled inputs; use scale=none")
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
