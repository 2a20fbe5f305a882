"""A row a variant: the same numbers in every format, readable by other tools."""

import csv
import io

import pytest
from helpers.commands import assert_refused
from helpers.engines import PlannedEngine
from helpers.running import compare
from helpers.specs import spec_of, varied

from blobtransfer.report.kinds import VIEWS
from blobtransfer.report.kinds.comparison import SUMMARY_COLUMNS
from blobtransfer.report.render.summary import summary_text
from blobtransfer.report.writers import SUMMARY_SUFFIXES


@pytest.fixture(scope="module")
def results():
    return compare(spec_of(30, questions=("one", "fresh")), None, PlannedEngine(varied))


def test_csv_has_the_numbers_of_the_findings_in_full(results):
    rows = list(
        csv.DictReader(
            io.StringIO("".join(summary_text(VIEWS["compare"].summary(results), ".csv")))
        )
    )
    assert [row["variant"] for row in rows] == [one.label for one in results.cell.summary]
    for row, one in zip(rows, results.cell.summary, strict=True):
        assert float(row["mean"]) == one.mean
        if one.difference is None:
            assert row["difference"] == row["verdict"] == ""
        else:
            assert float(row["ci_low"]) == one.difference.ci_low
            assert row["verdict"] == one.verdict.kind


@pytest.mark.parametrize("suffix", SUMMARY_SUFFIXES)
def test_every_format_has_a_row_a_variant_and_every_column(results, suffix):
    text = "".join(summary_text(VIEWS["compare"].summary(results), suffix))
    assert all(
        name.replace("_", "\\_" if suffix == ".tex" else "_") in text for name in SUMMARY_COLUMNS
    )
    assert text.count("transfer fixed=") == 4 and text.count("standalone") == 1
    assert "None" not in text and "nan" not in text


def test_the_command_writes_it_and_refuses_other_formats(run, tmp_path):
    small = ("--samples", 60, "--train-samples", 40, "--epochs", 2, "--repeats", 3, "--no-plot")
    done = run("compare", *small, "-q", "--summary", "s.csv")
    assert done.code == 0 and (tmp_path / "s.csv").read_text().startswith(",".join(SUMMARY_COLUMNS))
    assert_refused(run("compare", *small, "--summary", "s.xls"), "--summary s.xls", ".csv")
