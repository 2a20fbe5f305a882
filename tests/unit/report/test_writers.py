"""Every format of results: the same numbers in each, and its suffix."""

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.engines import PlannedEngine
from helpers.running import compare, with_cell
from helpers.specs import REPEAT_OF, VARIANTS, spec_of, varied

from blobtransfer.errors import MachineError
from blobtransfer.network import initial_weights
from blobtransfer.report.kinds import build_report
from blobtransfer.report.render.markdown import to_markdown
from blobtransfer.report.render.terminal import to_text
from blobtransfer.report.table import Table
from blobtransfer.report.writers import TEXT_WRITERS, WRITERS, print_on, to_json, writer_of
from blobtransfer.running.single import train_target
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.variant import STANDALONE


@pytest.fixture(scope="module")
def planned():
    """Standalone 0.5, 0.6, 0.7; fixed=0 always 0.75; fixed=2 0.8, failed, 0.6."""
    # its weights are not those of any fresh network
    source = [layer + 1 for layer in initial_weights(MLPSpec(), 0, 0)]

    def plan(key, first_weight, n_frozen):
        repeat = REPEAT_OF[key]
        if n_frozen == 2:
            return [0.8, np.nan, 0.6][repeat]
        return 0.75 if first_weight == source[0].flat[0] else 0.5 + 0.1 * repeat

    spec = spec_of(source=None, model_path="m.keras")
    return build_report(compare(spec, source, PlannedEngine(plan)))


@pytest.fixture(scope="module")
def report():
    spec = spec_of(8, questions=("one", "fresh"), variants=VARIANTS, speed=True)
    return build_report(compare(spec, None, PlannedEngine(varied)))


def written(name, report):
    return "".join(TEXT_WRITERS[name].pieces(report))


def test_the_numbers_of_a_comparison_are_those_worked_out_by_hand(planned):
    # Differences of fixed=0: 0.25, 0.15, 0.05; of fixed=2, whose failed run counts at 0.5, the
    # largest class: 0.3, -0.1, -0.1. A network can lose 0.8 - 0.5 = 0.3, so the ends of the range
    # are 0.4 above and below 0. With random Dirichlet weights the 1.25 % and 98.75 % quantiles of
    # the mean are -19.9 and +29.3 for fixed=0, -24.2 and +27.4 for fixed=2; p of fixed=0 is 0.80.
    # Typical, no whole fifth to cut: mean -+ 4.3027 std / sqrt(3).
    answers, risk = planned.tables
    assert answers.rows == (
        ("standalone", "0", "60.00", "10.00", "60.00", "100 %", "20.00", "", "", "", "", ""),
        (
            "transfer fixed=0", "0", "75.00", "0.00", "75.00", "0 %", "5.00",
            "+15.00 [-20.13, +29.43]", "+15.00 [-9.84, +39.84]", "1.00", "0.812", "undecided",
        ),
        (
            "transfer fixed=2", "1", "63.33", "15.28", "60.00", "67 %", "16.67",
            "+3.33 [-24.33, +27.47]", "+3.33 [-54.04, +60.70]", "0.33", "1.000", "undecided",
        ),
    )  # fmt: skip
    # of 0.5, 0.6 and 0.7, and of 0.5 (the failed run), 0.6 and 0.8
    assert risk.rows == (
        ("standalone", "", "51.00", "50.00", "60.00", "70.00", "-"),
        ("transfer fixed=0", "one source", "75.00", "75.00", "75.00", "75.00", "-"),
        ("transfer fixed=2", "one source", "51.00", "50.00", "63.33", "80.00", "-"),
    )


def test_numbers_are_right_aligned_in_text_and_in_markdown(planned):
    head, *rows = written("table", planned).splitlines()[2:6]
    means = zip(rows, ("60.00", "75.00", "63.33"), strict=True)
    assert {row.index(mean) + len(mean) for row, mean in means} == {head.index("mean") + 4}
    alignment = written("markdown", planned).splitlines()[3]
    assert alignment == f"| --- |{' ---: |' * 10} --- |"


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_how_far_an_interrupted_comparison_came_is_said_first(report, name):
    spec = replace(report.results.cell.spec, n_repeats=10_000)
    stopped = build_report(with_cell(report.results, interrupted=True, spec=spec))
    assert written(name, stopped) == "Stopped at 8 of 10,000 repeats\n\n" + written(name, report)


def test_a_comparison_until_decided_that_is_interrupted_had_no_number_to_reach(report):
    spec = replace(report.results.cell.spec, n_repeats=10_000, until_decided=True)
    stopped = build_report(with_cell(report.results, interrupted=True, spec=spec))
    assert stopped.stopped == "Stopped at 8 of at most 10,000 repeats"


def test_words_are_explained_where_words_are_written(report):
    explained = build_report(report.results).for_printing(True, True)
    lines = explained.explanations
    assert written("table", explained) == (
        written("table", report) + "\n" + "".join(f"{line}\n" for line in lines)
    )
    assert written("markdown", explained) == (
        written("markdown", report) + "\n" + "".join(f"- {line}\n" for line in lines)
    )


def test_a_failed_training_has_no_number_but_the_ceiling():
    # the gap of chance, 80 - 50, would look as if it had learned something
    spec = spec_of(1, variants=(STANDALONE,))
    trained = train_target(spec, None, PlannedEngine(lambda *_: np.nan))
    report = build_report(trained.results)
    (table,) = report.tables
    assert table.rows == (
        ("accuracy", "not finite", "not finite"),
        ("cross-entropy loss", "not finite", "not finite"),
        ("best possible", "", "80.0 %"),
        ("gap to best", "", "not finite"),
    )
    (caution,) = report.always_reported
    assert "diverged" in caution and "--learning-rate" in caution


def test_a_line_that_would_end_a_cell_of_markdown_is_escaped():
    table = Table("t", ("variant", "mean"), (("a|b", "1"),))
    assert to_markdown([table]).splitlines()[4] == "| a\\|b | 1 |"


def test_tables_follow_each_other_after_an_empty_line():
    table = Table("t", ("variant",), (("a",),))
    assert to_text([table, table]) == "t\n\nvariant\na\n\nt\n\nvariant\na\n"


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_text_and_markdown_have_every_cell_every_note_and_every_answer(report, name):
    text = written(name, report)
    for table in report.tables:
        assert table.title in text
        for row in table.rows:
            for cell in row:
                assert cell in text
        for line in (*table.notes, *([table.sentence] if table.sentence else [])):
            assert re.search(rf"^(- )?{re.escape(line)}$", text, re.MULTILINE)


def test_markdown_has_lines_that_are_tables_or_none(report):
    for line in written("markdown", report).splitlines():
        assert not line.startswith("|") or line.endswith("|")


def test_every_text_format_writes_the_same_numbers(report):
    rows = json.loads(written("json", report))
    lines = list(csv.DictReader(io.StringIO(written("csv", report))))
    assert len(rows["runs"]) == len(lines) == len(report.results.cell.scores)
    for run, line in zip(rows["runs"], lines, strict=True):
        assert {k: "" if v is None else str(v) for k, v in run.items()} == line
    cells = [
        (row[0], row[table.columns.index("mean")])
        for table in report.tables[:2]
        for row in table.rows
    ]
    means = [
        (one.label, f"{100 * one.mean:.2f}")
        for question in ("one", "fresh")
        for one in report.results.cell.of_question(question)
    ]
    assert cells == means
    by_arm = {(one["sources"], one["variant"], one["fixed"]): one for one in rows["summary"]}
    for one in report.results.cell.summary:
        assert by_arm[tuple(one.arm.columns.values())]["mean"] == one.mean
    assert [one["text"] for one in rows["sentences"]] == [one.text for one in report.sentences]
    assert [one["text"] for one in rows["cautions"]] == list(report.cautions)


def test_the_public_json_is_that_of_the_writer(report):
    assert "".join(to_json(report.results)) == written("json", report)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("r.txt", "table"),
        ("r.json", "json"),
        ("a.b/r.CSV", "csv"),
        ("r.md", "markdown"),
        ("r.png", "figure"),
        ("r.SVG", "figure"),
        ("r.pdf", "figure"),
        ("r.gif", None),
        ("txt", None),
        ("", None),
    ],
)
def test_the_suffix_of_a_file_picks_its_writer(path, name):
    assert writer_of(Path(path)) is (None if name is None else WRITERS[name])


def test_no_suffix_is_that_of_two_writers():
    suffixes = [suffix for writer in WRITERS.values() for suffix in writer.suffixes]
    assert len(set(suffixes)) == len(suffixes)


@pytest.mark.parametrize("name", WRITERS)
def test_every_writer_writes_a_file_whole_and_the_same_again(planned, tmp_path, name):
    suffix = WRITERS[name].suffixes[0]
    paths = [tmp_path / f"{i}{suffix}" for i in range(2)]
    for path in paths:
        WRITERS[name].write(planned, path)
    assert paths[0].read_bytes() == paths[1].read_bytes() != b""
    if name in TEXT_WRITERS:
        assert paths[0].read_text("utf-8") == written(name, planned)
    assert sorted(tmp_path.iterdir()) == paths


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_cannot_be_written_is_an_error_of_the_machine(planned, tmp_path, name):
    with pytest.raises(MachineError):
        WRITERS[name].write(planned, tmp_path / f"none/r{WRITERS[name].suffixes[0]}")


def test_a_report_is_printed_on_a_stream(planned):
    stream = io.StringIO()
    print_on(stream, planned)
    assert planned.tables[0].sentence.split()[0] in stream.getvalue()
