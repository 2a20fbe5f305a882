"""Read the tables that come with scikit-learn; their classes are in the column `class`."""

import warnings
from functools import lru_cache
from typing import Any

import numpy as np

from blobtransfer.data.tables.reading import MAX_CACHED_TABLES, RawColumn, RawTable

BUILT_IN_LABEL = "class"

BUILT_IN_CLASSES = {
    "iris": ("setosa", "versicolor", "virginica"),
    "wine": ("class_0", "class_1", "class_2"),
    "breast_cancer": ("malignant", "benign"),
    "digits": tuple("0123456789"),
}
"""Names of the classes, known before scikit-learn is imported, which takes a second."""


@lru_cache(MAX_CACHED_TABLES)
def read_set(name: str) -> RawTable:
    """Return a built-in table by its name; see `specs.table.BUILT_IN`."""
    with warnings.catch_warnings():  # of shared memory, which scikit-learn may want
        warnings.simplefilter("ignore")
        from sklearn import datasets
    bunch: Any = getattr(datasets, f"load_{name}")()
    names = [str(feature).removesuffix(" (cm)") for feature in bunch.feature_names]
    columns = {
        column: RawColumn(numbers=np.asarray(values, np.float64))
        for column, values in zip(names, bunch.data.T, strict=True)
    }
    words = tuple(str(word) for word in bunch.target_names)
    columns[BUILT_IN_LABEL] = RawColumn(codes=np.asarray(bunch.target, np.int32), words=words)
    return RawTable(name, None, columns, len(bunch.target))
