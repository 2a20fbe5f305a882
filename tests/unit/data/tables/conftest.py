"""A table of two sites."""

from pathlib import Path

import pytest
from helpers.tables import write_sites


@pytest.fixture
def sites(tmp_path: Path) -> Path:
    """Return the path of a CSV file of two sites, 80 rows."""
    return write_sites(tmp_path / "sites.csv")
