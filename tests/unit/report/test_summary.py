"""One row per variant: the same numbers in every format, readable by other tools."""

import csv
import io
import re

import pytest
from helpers.commands import assert_refused
from helpers.engines import PlannedEngine
from helpers.running import compare, run
from helpers.specs import spec_of, varied
from helpers.studies import grid_of, pairs_of, sweep_of
from pandas import DataFrame

from blobtransfer.report.kinds import build_report
from blobtransfer.report.render.summary import summary_text
from blobtransfer.studies.judge import judge

KINDS = ("compare", "one question", "sweep", "pairs", "grid", "judge")

SCORES = DataFrame({"a": [7.0, 8.0, 9.0] * 3, "b": [7.5, 8.5, 9.4] * 3})
NUMBER = re.compile(r"[-+$]*\d+\.\d+")


@pytest.fixture(scope="module")
def reports():
    engine = PlannedEngine(varied, n_at_once=100)
    results = {
        "compare": compare(spec_of(30, questions=("one", "fresh")), None, engine),
        "one question": compare(spec_of(30, questions=("fresh",)), None, engine),
        "sweep": run(sweep_of(), engine=engine),
        "pairs": run(pairs_of(), engine=engine),
        "grid": run(grid_of(), engine=engine),
        "judge": judge(SCORES, baseline="a", range=(0.0, 10.0)),
    }
    return {kind: build_report(found) for kind, found in results.items()}


def written(report, suffix):
    return "".join(summary_text(report, suffix))


def rows_of(report):
    return list(csv.DictReader(io.StringIO(written(report, ".csv"))))


def test_csv_has_percent_and_points_with_two_digits(reports):
    report = reports["compare"]
    for row, summary in zip(rows_of(report), report.results.cell.summary, strict=True):
        assert (row["sources"], row["label"]) == (summary.arm.sources, summary.label)
        assert row["mean (%)"] == f"{100 * summary.mean:.2f}"
        if summary.difference is None:
            assert row["difference (points)"] == row["verdict"] == ""
        else:
            low = row["95 % interval low (points)"]
            assert low == f"{100 * summary.difference.ci_low:.2f}"
            assert row["verdict"] == summary.verdict.kind


def test_scores_in_a_unit_of_their_own_have_no_percent(reports):
    first, second = rows_of(reports["judge"])
    assert (first["mean"], first["std"], first["failed"]) == ("8.000", "0.866", "0")
    assert second["difference"] == "0.467"


@pytest.mark.parametrize("kind", KINDS)
def test_markdown_and_latex_have_the_same_numbers(reports, kind):
    report = reports[kind]
    markdown = [line.strip("|").split("|") for line in written(report, ".md").splitlines()[2:]]
    body = written(report, ".tex").partition("\\midrule\n")[2].partition("\\bottomrule")[0]
    latex = [line.split(" & ") for line in body.splitlines() if line != "\\addlinespace"]
    assert len(markdown) == len(latex) == len(report.view.summary(report.results).rows)
    for cells, others in zip(markdown, latex, strict=True):
        numbers, same = (NUMBER.findall(" ".join(row)) for row in (cells, others))
        assert [number.replace("$", "") for number in same] == numbers != []


@pytest.mark.parametrize("kind", KINDS)
def test_latex_is_whole(reports, kind):
    text = written(reports[kind], ".tex")
    table, rest = text.split("\\endinput\n")
    commands = re.findall(r"\\(begin|end)\{(.*?)\}", table)
    assert commands == [
        ("begin", "table*"),
        ("begin", "tabular"),
        ("end", "tabular"),
        ("end", "table*"),
    ]
    columns = re.search(r"tabular\}\{([lr]+)\}", table)[1]
    rows = [line for line in table.splitlines() if line.endswith("\\\\")]
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(columns) - 1}
    for part in (table, rest):
        plain = re.sub(r"\\[{}]", "", part)
        assert plain.count("{") == plain.count("}")
    assert "\\usepackage{booktabs}" in table and "\\caption{" in table and "\\label{" in table
    assert reports[kind].method[0][:40] in rest and "@misc{blobtransfer," in rest


def test_a_column_that_says_nothing_is_left_out_of_the_texts(reports):
    heads = {kind: written(reports[kind], ".md").splitlines()[0] for kind in KINDS}
    assert "Sources" in heads["compare"] and "Sources" not in heads["one question"]
    for kind in ("compare", "sweep"):
        n_diverged = sum(int(row["diverged"]) for row in rows_of(reports[kind]))
        assert ("Diverged" in heads[kind]) == (n_diverged > 0)


def test_the_command_writes_it_and_refuses_other_formats(run, tmp_path):
    small = ("--samples", 60, "--train-samples", 40, "--epochs", 2, "--repeats", 3, "--no-plot")
    done = run("compare", *small, "-q", "--summary", "s.csv")
    assert done.code == 0 and (tmp_path / "s.csv").read_text().startswith("sources,label,runs,")
    assert_refused(run("compare", *small, "--summary", "s.xls"), "--summary s.xls", ".csv")
