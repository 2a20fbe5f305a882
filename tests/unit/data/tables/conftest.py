"""A table of two sites."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from helpers.tables import table_of_frame, write_sites

from blobtransfer.data.tables import rows
from blobtransfer.data.tables.reading import RawTable, ReadOptions

if TYPE_CHECKING:
    from pandas import DataFrame


@pytest.fixture
def sites(tmp_path: Path) -> Path:
    """Return the path of a CSV file of two sites, 80 rows."""
    return write_sites(tmp_path / "sites.csv")


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that stands a `DataFrame` in for a file and returns the file's name."""
    files: dict[str, Callable[[ReadOptions], RawTable]] = {}

    def add(frame: "DataFrame", name: str = "a.parquet", **fields: Any) -> str:
        files[name] = lambda options: table_of_frame(frame, options, name, **fields)
        rows.rows_of.cache_clear()
        rows.identifiers_of.cache_clear()
        return name

    monkeypatch.setattr(rows, "read_table", lambda origin, options: files[origin](options))
    return add
