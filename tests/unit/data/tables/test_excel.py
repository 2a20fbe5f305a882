"""Excel files -> raw tables."""

import datetime
import zipfile

import openpyxl
import pytest
from helpers.tables import columns_of, read_file, read_text

from blobtransfer.data.tables import excel, reading
from blobtransfer.errors import TableFileError


@pytest.fixture
def path(tmp_path):
    """Return the path of a workbook whose first sheet has a table that begins in B3."""
    book = openpyxl.Workbook()
    sheet = book.active
    rows = [
        ("x", "w", "day", "is", "f", "y"),
        (0.5, "a", datetime.date(2020, 1, 1), True, "=B4*2", 1750000000000001),
        ("NA", " b ", None, False, "=B5*2", 1750000000000002),
        (),
        (2, "a", datetime.date(2020, 1, 3), True, "=B7*2", 1750000000000001),
    ]
    for i, row in enumerate(rows, 3):
        for j, value in enumerate(row, 2):
            sheet.cell(i, j, value)
    sheet.cell(30, 2, "")
    book.create_sheet("other")
    book.save(tmp_path / "a.xlsx")
    return tmp_path / "a.xlsx"


def rewritten(path, part, change):
    """Replace a part of a workbook."""
    new = path.with_name("b.xlsx")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in old.namelist():
            content = old.read(name)
            archive.writestr(name, change(content) if name.endswith(part) else content)
    return new


def test_the_first_sheet_is_read_from_its_head_on(path):
    table = read_file(path, as_words={"y"})
    columns = columns_of(table)
    assert columns["x"] == [0.5, None, 2]
    assert columns["w"] == ["a", "b", "a"]
    assert columns["is"] == [1, 0, 1]
    assert "formulas" in table.column("f").kind  # they were never computed
    assert columns["y"] == ["1750000000000001", "1750000000000002", "1750000000000001"]
    assert table.column("day").kind is not None
    assert [table.line_of(row) for row in range(3)] == [4, 5, 7]
    assert "first of 2 sheets" in table.notes[0]


def test_a_sheet_without_a_head_has_numbered_columns(path):
    table = read_file(path, has_head=False)
    assert table.heads == tuple("1234567")
    assert table.line_of(0) == 3


@pytest.mark.parametrize(
    ("part", "change", "problem"),
    [
        ("sheet1.xml", lambda c: c[: len(c) // 2], "looks damaged"),
        ("sheet1.xml", lambda c: c.replace(b'<row r="7"', b'<row r="900000000"'), "beyond row"),
        ("workbook.xml", lambda c: b"", "looks damaged"),
        ("sheet1.xml", lambda c: b"<worksheet/>", "no rows"),
    ],
)
def test_a_damaged_workbook_is_one_line(path, part, change, problem):
    with pytest.raises(TableFileError, match=problem) as error:
        read_file(rewritten(path, part, change))
    assert "\n" not in str(error.value)


def test_entities_that_stand_for_much_text_are_refused(path):
    entities = "".join(f"<!ENTITY l{i} '{f'&l{i - 1};' * 10}'>" for i in range(1, 10))
    start = f"<!DOCTYPE l [<!ENTITY l0 'lollollol'>{entities}]>".encode()
    bomb = rewritten(path, "sheet1.xml", lambda c: start + c.replace(b"<v>0.5</v>", b"<v>&l9;</v>"))
    with pytest.raises(TableFileError):
        read_file(bomb)


def test_parts_are_measured_before_they_are_unpacked(path, monkeypatch):
    for module in (excel, reading):
        monkeypatch.setattr(module, "MAX_FILE_BYTES", path.stat().st_size + 1)
    with pytest.raises(TableFileError, match="bytes unpacked"):
        read_file(path)


def test_cells_are_counted_while_they_are_read(path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_TABLE_CELLS", 15)
    with pytest.raises(TableFileError, match="more than 15 cells"):
        read_file(path)


def test_what_is_not_a_workbook_is_one_line(tmp_path):
    with pytest.raises(TableFileError, match="looks damaged"):
        read_text(tmp_path, "PK no workbook", ".xlsx")
