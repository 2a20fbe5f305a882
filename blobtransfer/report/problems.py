"""The description of a problem that commands print before they train."""

from blobtransfer.report.words import pluralise
from blobtransfer.results.results import DataRecord
from blobtransfer.specs.data import DataSpec
from blobtransfer.specs.table import TableSpec

MAX_CLASSES_NAMED = 6
"""Most classes that are counted one by one."""


def describe_problem(spec: DataSpec, record: DataRecord) -> str:
    """Return the rows, columns, classes with their counts, split and scaling of a problem."""
    classes = [
        f"{name} {n:,}" for name, n in zip(spec.class_names, record.class_counts, strict=True)
    ]
    if len(classes) > MAX_CLASSES_NAMED:
        classes[MAX_CLASSES_NAMED - 1 : -1] = ["..."]
    n_rows = f"{record.n_train + record.n_test:,} rows"
    split = f"{record.n_train:,} train, {record.n_test:,} test"
    if not isinstance(spec, TableSpec):
        features = pluralise(spec.n_features, "features")
        return f"{spec.name}, {n_rows}, {features} ({', '.join(classes)}); {split}"
    of_words = [column.name for column in spec.columns if column.levels is not None]
    columns = pluralise(len(spec.columns), "columns")
    if of_words:
        named = ", ".join(of_words[:3]) + (", ..." if len(of_words) > 3 else "")
        columns += f" (of words: {named}; {pluralise(spec.n_features, 'features')} in all)"
    how = "split anew each repeat, stratified"
    if spec.group is not None:
        how += f", {spec.group} on one side; about {split}"
    elif spec.split is not None:
        how = f"split by {spec.split}"
    scaling = {
        "own": "standardised on its training rows",
        "source": "standardised as the source's training rows were",
        "none": "as they are",
    }[spec.scale]
    missing = ", missing ones filled with the mean" if spec.missing == "mean" else ""
    return (
        f"{spec.name}, {spec.n_rows:,} rows, {columns}, label {spec.label} ({', '.join(classes)}); "
        f"{how if spec.group else f'{split}, {how}'}; inputs {scaling}{missing}"
    )
