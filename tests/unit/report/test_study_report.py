"""What a study says: sentences, tables and cautions, of planned accuracies."""

import io
import re
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from helpers.engines import PlannedEngine
from helpers.pictures import texts_in
from helpers.running import run
from helpers.specs import varied
from helpers.studies import grid_of, pairs_of, sweep_of
from helpers.texts import says_in_order
from helpers.trials import third_of

from blobtransfer.analysis.load import from_json
from blobtransfer.engines import load_engine
from blobtransfer.report.cautions import study_caution_text
from blobtransfer.report.figures.canvas import Canvas
from blobtransfer.report.figures.heat import SYMBOLS
from blobtransfer.report.figures.names import setting_name
from blobtransfer.report.figures.pictures import picture_of_report, save
from blobtransfer.report.figures.style import MARKERS, STYLES
from blobtransfer.report.kinds import VIEWS, build_report
from blobtransfer.report.render.summary import summary_text
from blobtransfer.report.words import MOSTLY_FAILS, format_judged_mean, format_signed, pluralise
from blobtransfer.report.writers import TEXT_WRITERS, print_on, to_json
from blobtransfer.results.study_findings import StudyCaution, VerdictChange
from blobtransfer.specs.axis_text import KEYS, SWEPT
from blobtransfer.specs.data import ROLES
from blobtransfer.specs.study import Axis, Cell, Study
from blobtransfer.statistics.paired import MIN_PAIRS, Verdict
from blobtransfer.statistics.pooled import PooledEffect

MAKE = {"sweep": sweep_of, "pairs": pairs_of, "grid": grid_of}


@pytest.fixture(scope="module")
def studies():
    engine = PlannedEngine(varied, n_at_once=8)
    return {name: run(make(), engine=engine) for name, make in MAKE.items()}


def judged(study, kinds):
    """Return a study whose variants have those verdicts, cell by cell."""
    cells = []
    for cell, kind in zip(study.cells, kinds, strict=True):
        findings = cell.findings
        summary = tuple(
            replace(one, verdict=None if one.verdict is None else Verdict(kind))
            for one in findings.summary
        )
        findings = replace(findings, summary=summary)
        cells.append(replace(cell, findings=findings))
    return replace(study, cells=tuple(cells))


# ---------------------------------------------------------------- sentences


def test_a_sweep_says_at_which_points_a_variant_is_what(studies):
    found = judged(studies["sweep"], ["worse", "undecided", "better"])
    first, _ = (sentence.text for sentence in build_report(found).sentences)
    assert says_in_order(first, "fixed=0", "better at 40", "worse at 10", "undecided at 20")
    everywhere = judged(studies["sweep"], ["undecided"] * 3)
    text = build_report(everywhere).sentences[0].text
    assert says_in_order(text, "fixed=0", "undecided everywhere")


def test_a_sweep_names_where_the_verdict_changes(studies):
    change = VerdictChange("fresh", 1, ("10", "40"), ("worse", "better"))
    found = judged(studies["sweep"], ["worse", "undecided", "better"])
    found = replace(found, findings=replace(found.findings, changes=(change,)))
    first, second = (sentence.text for sentence in build_report(found).sentences)
    assert says_in_order(first, "changes", "worse", "better", "10", "40")
    assert "changes" not in second


def test_a_sweep_along_two_axes_counts_points(studies):
    spec = studies["sweep"].study
    axes = (spec.axes[0], Axis("hidden", ("5",)))
    cells = tuple(replace(cell, at=(*cell.at, "5")) for cell in spec.cells)
    results = replace(
        studies["sweep"],
        study=Study("sweep", axes, cells, "epochs"),
        cells=tuple(replace(cell, at=(*cell.at, "5")) for cell in studies["sweep"].cells),
    )
    report = build_report(judged(results, ["worse", "undecided", "worse"]))
    first, _ = (sentence.text for sentence in report.sentences)
    assert says_in_order(first, "fixed=0", "worse at 2 of 3", "undecided at 1 of 3")
    assert all(setting_name(axis.name) in report.headline for axis in axes)


FAMILY = PooledEffect(
    60, -0.003, ci_low=-0.008, ci_high=0.002, tau=0.008, prediction_low=-0.021,
    prediction_high=0.015, better_share=0.1, worse_share=0.2, beyond_margin_share=0.3,
)  # fmt: skip


UNDECIDED = Verdict("undecided", "maybe")


def of_family(study, family, verdict=UNDECIDED):
    families = tuple(
        one if one.family is None else replace(one, family=family, verdict=verdict)
        for one in study.findings.pooled
    )
    return replace(study, findings=replace(study.findings, pooled=families))


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ((-0.021, 0.015), ("may lose 2.1", "gain 1.5")),
        ((0.004, 0.02), ("gains 0.4 to 2.0",)),
        ((-0.06, -0.02), ("loses 2.0 to 6.0",)),
    ],
)
def test_pairs_speak_of_the_next_pair(studies, ends, said):
    family = replace(FAMILY, prediction_low=ends[0], prediction_high=ends[1])
    report = build_report(of_family(studies["pairs"], family))
    first, _ = (sentence.text for sentence in report.sentences)
    average = ("undecided", "-0.3 [-0.8, +0.2]", "60 pairs")
    assert says_in_order(first, "New pair", "fixed=0", *said, "95 %", *average)


def test_pairs_say_why_an_interval_clear_of_zero_is_undecided(studies):
    family = replace(FAMILY, ci_high=-0.002)
    texts = []
    for verdict in (Verdict("undecided"), Verdict("worse", "maybe")):  # the first: failed networks
        report = build_report(of_family(studies["pairs"], family, verdict))
        texts.append(report.sentences[0].text)
    assert [MOSTLY_FAILS in text for text in texts] == [True, False]


def test_few_pairs_say_nothing_of_the_next(studies):
    found = of_family(studies["pairs"], PooledEffect(3, 0.01))
    first, _ = (sentence.text for sentence in build_report(found).sentences)
    assert says_in_order(first, "fixed=0", "+1.0", "3 pairs") and "95 %" not in first


def test_a_grid_counts_transfers_without_the_diagonal(studies):
    kinds = ["better", "worse", "undecided"] * 3  # the diagonal: better, worse, undecided
    report = build_report(judged(studies["grid"], kinds))
    first, _ = (sentence.text for sentence in report.sentences)
    assert says_in_order(first, "fixed=0", "better in 2", "worse in 2", "undecided in 2 of 6")


@pytest.mark.parametrize(
    ("name", "parts"), [("sweep", "points"), ("pairs", "pairs"), ("grid", "cells")]
)
def test_an_interrupted_study_says_first_how_far_it_came(studies, name, parts):
    found = replace(studies[name], cells=studies[name].cells[:2])
    n = len(studies[name].cells)
    assert build_report(found).stopped == f"Stopped at 2 of {n} {parts}"
    assert build_report(found).headline.startswith(f"Stopped at 2 of {n} {parts}. ")
    last = replace(found.cells[1], interrupted=True)
    part = replace(found, cells=(found.cells[0], last))
    assert build_report(part).stopped.endswith(", the last with 8 of 8 repeats")
    assert build_report(studies[name]).stopped is None


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("pairs", "few pairs", "3 pairs"),
        ("pairs", "halves of one table", "specific to this table"),
        ("pairs", "one problem", "only in the rows"),
        ("grid", "shared problems", "blobtransfer pairs"),
    ],
)
def test_every_caution_says_what_to_know(studies, name, kind, said):
    cell_name = VIEWS[name].cell_name
    assert said in study_caution_text(StudyCaution(kind, 3), studies[name], cell_name)


def test_settings_of_the_training_are_said_to_change_standalone_too(studies):
    spec = studies["sweep"].study
    axes = (spec.axes[0], Axis("epochs", ("2",)))
    cells = tuple(replace(cell, at=(*cell.at, "2")) for cell in spec.cells)
    found = replace(studies["sweep"], study=replace(spec, axes=axes, cells=cells))
    text = study_caution_text(StudyCaution("sensitivity", 3), found, VIEWS[found.command].cell_name)
    assert says_in_order(text, "epochs", "--tune learning-rate=")


def test_cautions_of_cells_say_in_how_many(studies):
    texts = build_report(studies["grid"]).cautions
    assert any(text.startswith("in 9 of 9 cells: ") for text in texts)


# ---------------------------------------------------------------- tables


def test_a_sweep_has_epochs_and_updates_in_the_first_line_of_each_point(studies):
    (table,) = build_report(studies["sweep"]).tables
    assert table.columns[:4] == ("train-samples", "epochs", "updates", "variant")
    # batches of 32: 1, 1 and 2 an epoch, and 2 epochs
    assert [row[:4] for row in table.rows[::3]] == [
        ("10", "2", "2", "standalone"),
        ("20", "2", "2", "standalone"),
        ("40", "2", "4", "standalone"),
    ]
    assert any("6 differences" in note for note in table.notes)


def test_pairs_have_a_row_a_variant_and_a_detail_a_pair(studies):
    family, *_, detail = build_report(studies["pairs"]).tables
    assert [row[0] for row in family.rows] == ["standalone", "transfer fixed=0", "transfer fixed=2"]
    assert detail.is_detail and len(detail.rows) == 12
    assert detail.rows[0][:3] == ("1", "problem 1", "problem 2")
    assert detail.rows[1][:3] == ("", "", "")


def test_a_grid_has_a_table_a_variant_with_a_mark_in_every_cell(studies):
    first, second, detail = build_report(studies["grid"]).tables
    assert first.title.startswith("transfer fixed=0") and second.title.startswith(
        "transfer fixed=2"
    )
    assert [row[0] for row in first.rows] == ["problem 1", "problem 2", "problem 3", "mean"]
    for i, row in enumerate(first.rows[:3]):
        for j, cell in enumerate(row[1:4]):
            assert (cell[0] == "[") == (i == j)
            assert cell.strip("[] ")[-1] in "<>=?"
    assert detail.is_detail


def test_a_cell_that_was_not_run_is_empty(studies):
    found = replace(studies["grid"], cells=studies["grid"].cells[:4])
    first, *_ = build_report(found).tables
    assert first.rows[2][1:4] == ("", "", "")


def test_scores_have_their_table_and_sentence():
    found = run(grid_of(3, transferability=True), engine=load_engine("compiled"))
    table = build_report(found).tables[2]
    assert "2 sources" in table.title
    assert len(table.rows) == 2 * 5
    assert "Regularised H-score" in table.sentence


@pytest.mark.parametrize("name", MAKE)
@pytest.mark.parametrize("writer", ["table", "markdown"])
def test_every_text_has_all_tables(studies, name, writer):
    report = build_report(studies[name]).for_printing(True, True)
    text = "".join(TEXT_WRITERS[writer].pieces(report))
    for table in report.tables:
        assert table.title in text
    assert report.explanations[0] in text


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.mark.parametrize("name", MAKE)
def test_on_80_columns_the_answer_comes_first_with_mean_and_std(studies, name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    report = build_report(studies[name])
    stream = Terminal()
    print_on(stream, report)
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith(build_report(studies[name]).headline[:40])
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 23
    assert any("mean" in line and ("std" in line or name == "grid") for line in lines)


@pytest.mark.parametrize("suffix", [".csv", ".md", ".tex"])
def test_a_summary_has_the_place_of_each_row(studies, suffix):
    text = "".join(summary_text(build_report(studies["sweep"]), suffix))
    text = text.partition("\\midrule\n")[2].partition("\\endinput")[0] or text
    assert text.count("standalone") == 3
    if suffix == ".csv":
        assert text.splitlines()[0].startswith("train-samples,sources,label,runs,")
        assert text.splitlines()[1].startswith("10,none,standalone,8,")


# ---------------------------------------------------------------- figures


def panels_of(study):
    figure = VIEWS[study.command].draw(build_report(study), Canvas())
    return [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]


def test_a_sweep_draws_means_above_and_differences_below(studies):
    above, below = panels_of(studies["sweep"])
    variants = [line for line in above.lines if len(line.get_xdata()) == 3]
    assert len(variants) == 3 + 1  # and the best possible
    marks = [line for line in below.lines if len(line.get_xdata()) == 1]
    assert len(marks) == 3 * 2
    means = [
        100 * one.difference.mean
        for series in (1, 2)
        for cell in studies["sweep"].cells
        if (one := cell.summary_of("fresh", series))
    ]
    assert [float(line.get_ydata()[0]) for line in marks] == pytest.approx(means)
    assert [text.get_text() for text in below.get_xticklabels()] == ["10", "20", "40"]


@pytest.mark.parametrize("n_repeats", [3, 6])
def test_the_axes_of_a_sweep_are_not_set_by_intervals_of_few_repeats(n_repeats):
    study = run(sweep_of(n_repeats=n_repeats), engine=PlannedEngine(varied, n_at_once=8))
    above, below = panels = panels_of(study)
    note = " ".join(panels[0].figure.legends[0].get_title().get_text().split())
    assert ("not drawn" in note) == (n_repeats < MIN_PAIRS)
    summaries = [cell.of_question("fresh") for cell in study.cells]
    differences = [s.difference for row in summaries for s in row if s.difference is not None]
    means = [100 * s.mean for row in summaries for s in row]
    means += [100 * cell.measured.ceiling for cell in study.cells]
    for axes, values in ((above, means), (below, [100 * d.mean for d in differences] + [-1, 1])):
        intervals = [line for line in axes.lines if len(set(line.get_ydata())) == 2]
        intervals = [line for line in intervals if len(line.get_xdata()) == 2]
        assert bool(intervals) == (n_repeats >= MIN_PAIRS)
        ends = [*values, *(end for line in intervals for end in line.get_ydata())]
        low, high = axes.get_ylim()
        assert low <= min(ends) and max(ends) <= high
        assert high - low < 1.2 * (max(ends) - min(ends))


def test_words_on_an_axis_stand_one_after_another(studies):
    spec = studies["sweep"].study
    names = ("relu", "tanh", "$elu$")
    cells = tuple(Cell((name,), cell.spec) for name, cell in zip(names, spec.cells, strict=True))
    own = tuple(
        replace(cell, at=(name,)) for name, cell in zip(names, studies["sweep"].cells, strict=True)
    )
    axis = Axis("activation", names)
    found = replace(studies["sweep"], study=replace(spec, axes=(axis,), cells=cells), cells=own)
    _, below = panels_of(found)
    assert list(below.get_xticks()) == [0, 1, 2]


def pairs_in(axes):
    """Return the difference of each pair by its height."""
    dots = [line for line in axes.lines if line.get_marker() in MARKERS]
    return {float(dot.get_ydata()[0]): float(dot.get_xdata()[0]) for dot in dots}


@pytest.mark.parametrize("style", STYLES)
def test_a_forest_names_the_right_pair_in_every_panel(style):
    study = run(pairs_of(20, fixed=(0, 1, 2)), engine=PlannedEngine(varied, n_at_once=8))
    rows = study.findings.pairs
    by_arm = {
        arm: {row.pair: 100 * row.difference for row in rows if row.arm == arm}
        for arm in dict.fromkeys(row.arm for row in rows)
    }
    figure = VIEWS["pairs"].draw(build_report(study), Canvas(style=style))
    panels = figure.axes
    prefix = "problem "
    pair_of = {
        f"{row.source.removeprefix(prefix)} → {row.target.removeprefix(prefix)}": row.pair
        for row in rows
    }
    orders = [sorted(differences, key=differences.get) for differences in by_arm.values()]
    assert orders[1] != orders[0] != orders[2]
    names = {}
    for axes, differences in zip(panels, by_arm.values(), strict=True):
        ticks = zip(axes.get_yticks(), axes.get_yticklabels(), strict=False)
        labels = {height: label.get_text() for height, label in ticks}
        names |= {height: pair_of[text] for height, text in labels.items() if text in pair_of}
        assert [names[float(y)] for y in range(20)] == orders[0]
        drawn = {names[y]: x for y, x in pairs_in(axes).items()}
        assert drawn == pytest.approx(differences)
    assert str(next(iter(by_arm)).label) in figure.get_supxlabel().replace("\n", " ")
    assert "source problem → target problem" in figure.get_supxlabel().replace("\n", " ")


def test_a_forest_does_not_draw_the_intervals_of_few_repeats():
    for n_repeats in (3, MIN_PAIRS):
        study = run(pairs_of(6, n_repeats), engine=PlannedEngine(varied, n_at_once=8))
        for axes in panels_of(study):
            rows = [line for line in axes.lines if len(set(line.get_xdata())) == 2]
            intervals = [line for line in rows if set(line.get_ydata()) <= set(range(6))]
            assert len(intervals) == (6 if n_repeats == MIN_PAIRS else 0)


def test_a_forest_draws_each_pair_the_mean_and_the_next(studies):
    panels = panels_of(studies["pairs"])
    assert len(panels) == 2
    values = list(pairs_in(panels[0]).values())
    assert len(values) == 6 and values == sorted(values)
    names = [text.get_text() for text in panels[0].get_yticklabels()]
    assert names[:2] == ["mean", "new pair"]


@pytest.mark.parametrize("name", ["grid"])
def test_a_heat_map_has_number_and_mark_in_every_cell(studies, name):
    panels = panels_of(studies[name])
    assert len(panels) == 2
    texts = [text.get_text() for text in panels[0].texts]
    for text, cell in zip(texts[:9], studies[name].cells, strict=True):
        one = cell.summary_of("fresh", 1)
        mean = format_judged_mean(one.difference.mean, one.verdict.kind)
        assert text == f"{mean}\n{SYMBOLS[one.verdict.kind]}"
    frames = [patch for patch in panels[0].patches if patch.get_hatch() is None]
    assert len(frames) == 3  # the diagonal
    means = [mean for mean in studies[name].findings.marginal_means if mean.series == 1]
    expected = [format_signed(mean.mean) for mean in means]
    assert sorted(texts[9:]) == sorted(expected) and len(expected) == 6


def test_axes_are_named_in_words_and_their_values_without_shared_ones(studies):
    *_, below = panels_of(studies["sweep"])
    assert below.get_xlabel() == "training rows"
    first, *_ = panels_of(studies["grid"])
    assert (first.get_xlabel(), first.get_ylabel()) == ("target problem", "source problem")
    assert [text.get_text() for text in first.get_yticklabels()] == ["1", "2", "3", "mean"]


def test_every_setting_that_varies_has_a_name_in_words():
    swept_names = (*SWEPT, *(f"{role}.{key}" for role in ROLES for key in KEYS))
    names = [setting_name(name) for name in swept_names]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[A-Za-z:() ]+", name) for name in names)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", ["sweep", "pairs", "grid"])
def test_no_text_is_cut_or_over_another(studies, name, style):
    picture = picture_of_report(build_report(studies[name]), Canvas(style=style))
    texts = texts_in(picture.figure)
    page = picture.figure.bbox.padded(1)
    boxes = [text.get_window_extent() for text in texts]
    cut = [
        text.get_text()
        for text, box in zip(texts, boxes, strict=True)
        if not (page.contains(box.x0, box.y0) and page.contains(box.x1, box.y1))
    ]
    assert not cut
    boxes = [box.shrunk(0.9, 0.8) for box in boxes]
    overlapping = [
        (texts[i].get_text(), texts[j].get_text())
        for i in range(len(boxes))
        for j in range(i)
        if boxes[i].overlaps(boxes[j])
    ]
    assert not overlapping


@pytest.mark.parametrize("style", STYLES)
def test_the_labels_of_a_low_heat_map_are_whole(studies, style):
    sweep = studies["sweep"]
    axes = (Axis("hidden", ("5",)), *sweep.study.axes)
    specs = tuple(replace(cell, at=("5", *cell.at)) for cell in sweep.study.cells)
    cells = tuple(replace(cell, at=("5", *cell.at)) for cell in sweep.cells)
    low = replace(sweep, study=Study("sweep", axes, specs, "epochs"), cells=cells)
    figure = picture_of_report(build_report(low), Canvas(style=style)).figure
    page = figure.bbox.padded(1)
    for text in texts_in(figure):
        box = text.get_window_extent()
        assert page.contains(box.x0, box.y0) and page.contains(box.x1, box.y1), text.get_text()


@pytest.mark.exhaustive
@pytest.mark.parametrize(("name", "style"), third_of(product(MAKE, STYLES)))
def test_every_style_can_be_drawn_and_is_the_same_twice(studies, name, style, tmp_path):
    texts = []
    for i in range(2):
        path = tmp_path / f"{i}.svg"
        save(picture_of_report(build_report(studies[name]), Canvas(style=style), ["x"]), path)
        texts.append(path.read_text())
    assert texts[0] == texts[1]
    assert "<desc>" in texts[0]


@pytest.mark.parametrize("name", MAKE)
def test_what_is_shown_again_is_the_same(studies, name):
    again = from_json("".join(to_json(studies[name])).encode(), "r.json")
    first, second = build_report(studies[name]), build_report(again)
    assert (first.tables, first.sentences, first.cautions) == (
        second.tables, second.sentences, second.cautions
    )  # fmt: skip


def test_counts_have_their_number():
    assert pluralise(1, "pairs") == "1 pair"
    assert np.isfinite(FAMILY.mean)
