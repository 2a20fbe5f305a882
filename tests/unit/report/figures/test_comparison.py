"""The figure of a comparison, of planned results: what is drawn, read back from its axes."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.engines import PlannedEngine, by_key
from helpers.pictures import dots_of, lines_across, notes_in, rows_of, texts_in
from helpers.running import analysed_with, compare, with_cell
from helpers.specs import REPEAT_OF, SOURCE_KEY, spec_of

from blobtransfer.network import initial_weights
from blobtransfer.report.figures.canvas import Canvas
from blobtransfer.report.figures.comparison import draw_comparison
from blobtransfer.report.figures.style import BACKGROUND, LOOKS, STYLES, style_of
from blobtransfer.report.kinds import build_report
from blobtransfer.report.words import describe_design
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.scores import NamedVariant
from blobtransfer.specs.training import METRICS, TEST_ACCURACY
from blobtransfer.specs.variant import STANDALONE, parse_variant
from blobtransfer.statistics.paired import MIN_PAIRS, Verdict


def planned(key, first_weight, n_frozen):
    """Source 0.9; standalone 0.5, 0.6, 0.7; fixed=0 always 0.75; fixed=2 0.8, failed, 0.65."""
    if key == SOURCE_KEY:
        return 0.9
    repeat = REPEAT_OF[key]
    fresh = initial_weights(MLPSpec(), 0, repeat)[0].flat[0]
    if n_frozen == 2:
        return [0.8, np.nan, 0.65][repeat]
    # repeat 0's standalone network starts as the source network does
    return 0.5 + 0.1 * repeat if first_weight == fresh and repeat > 0 else 0.75


@pytest.fixture(scope="module")
def results():
    return compare(spec_of(), None, PlannedEngine(planned))


@pytest.fixture(scope="module")
def both():
    spec = spec_of(questions=("one", "fresh"), speed=True)
    return compare(spec, None, PlannedEngine(by_key))


def unwrapped(text):
    return " ".join(text.split())


def panels_of(results):
    """Return differences, scores and learning curves, each by question."""
    axes, n = (
        draw_comparison(build_report(results), Canvas()).axes,
        len(results.cell.spec.questions),
    )
    return axes[:n], axes[n : 2 * n], axes[2 * n :]


def marks_of(axes):
    """Return the marks of the mean differences."""
    return [line for line in axes.lines if len(line.get_xdata()) == 1]


def with_scores(results, rows):
    """Change the test accuracies of some arms, by their place, and say what follows."""
    values = results.cell.scores.values.copy()
    for i, row in rows.items():
        values[TEST_ACCURACY, i] = row
    scores = replace(results.cell.scores, values=values)
    return analysed_with(results, scores=scores)


def with_verdicts(results, kinds):
    planned = iter(kinds)
    summary = tuple(
        one if one.verdict is None else replace(one, verdict=Verdict(next(planned)))
        for one in results.cell.summary
    )
    return with_cell(results, findings=replace(results.cell.findings, summary=summary))


def good(key, *_):
    """No run ends low: 0.7 to 0.8."""
    return 0.7 + key % 100 / 1000


def test_a_comparison_has_a_box_a_variant_and_a_dot_a_run_a_failed_one_at_chance_level():
    results = compare(spec_of(8), None, PlannedEngine(good))
    failed = results.cell.scores.is_failed.copy()
    failed[2, 3] = True
    scores = with_scores(results, {2: [0.8, 0.7, 0.75, np.nan, 0.8, 0.8, 0.8, 0.8]}).cell.scores
    results = with_cell(results, scores=replace(scores, is_failed=failed))
    (differences,), (axes,), _ = panels_of(results)
    assert rows_of(axes) == ["standalone", "transfer fixed=0", "transfer fixed=2"]
    assert rows_of(differences) == rows_of(axes)[1:]
    dots = dots_of(axes)
    assert [len(d) for d in dots] == [8, 8, 7]
    np.testing.assert_allclose(dots[2][:, 0], [80, 70, 75, 80, 80, 80, 80])
    # each in its row, from the top
    for row, place in zip(dots, (3, 2, 1), strict=True):
        assert np.all(np.abs(row[:, 1] - place) < 0.5)
    assert len(axes.patches) == 3 + 1  # and the field of runs beyond the axis
    assert lines_across(axes) == [pytest.approx(100 * results.cell.measured.ceiling)]
    assert notes_in(axes) == ["1"]


def test_too_few_runs_have_dots_and_no_box_of_quartiles(results):
    _, (axes,), _ = panels_of(results)
    assert [len(d) for d in dots_of(axes)] == [3, 3, 2]
    assert notes_in(axes) == ["1"]  # which failed
    field = axes.patches[-1]
    drawn = [patch.get_path().vertices for patch in axes.patches if patch is not field]
    assert not any(np.isfinite(vertices).all() for vertices in drawn)


def test_differences_come_first_with_interval_numbers_verdict_and_the_margin_band():
    results = compare(spec_of(8), None, PlannedEngine(good))
    (axes,), _, _ = panels_of(results)
    compared = results.cell.summary[1:]
    intervals = [line for line in axes.lines if len(set(line.get_xdata())) == 2]
    for line, mark, one, note in zip(
        intervals, marks_of(axes), compared, notes_in(axes), strict=True
    ):
        d = one.difference
        np.testing.assert_allclose(line.get_xdata(), [100 * d.ci_low, 100 * d.ci_high])
        assert mark.get_xdata() == [pytest.approx(100 * d.mean)]
        assert list(line.get_ydata()) == list(mark.get_ydata()) * 2
        numbers = f"{100 * d.mean:+.1f} [{100 * d.ci_low:+.1f}, {100 * d.ci_high:+.1f}]"
        assert note == f"{numbers}\nundecided"
    band = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    assert (band.x0, band.x1) == (pytest.approx(-1), pytest.approx(1))
    assert lines_across(axes) == [0]


def intervals_in(axes):
    """Return the ends of the intervals that are drawn."""
    return [line.get_xdata() for line in axes.lines if len(set(line.get_xdata())) == 2]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("n_repeats", [1, 3, 5, 6])
def test_the_interval_of_few_repeats_is_not_drawn_and_does_not_set_the_axis(n_repeats, style):
    results = compare(spec_of(n_repeats), None, PlannedEngine(good))
    figure = draw_comparison(build_report(results), Canvas(style=style))
    axes = figure.axes[0]
    differences = [s.difference for s in results.cell.summary if s.difference is not None]
    means = [100 * d.mean for d in differences]
    assert [mark.get_xdata()[0] for mark in marks_of(axes)] == pytest.approx(means)
    assert len(intervals_in(axes)) == (2 if n_repeats >= MIN_PAIRS else 0)
    assert ("not drawn" in unwrapped(figure.get_supxlabel())) == (n_repeats < MIN_PAIRS)
    shown = [*means, -1.0, 1.0]  # the margin, too
    if n_repeats >= MIN_PAIRS:
        shown += [100 * end for d in differences for end in (d.ci_low, d.ci_high)]
    low, high = axes.get_xlim()
    assert low <= min(shown) and max(shown) <= high
    assert high - low < 1.2 * (max(shown) - min(shown))


@pytest.mark.parametrize(
    ("kind", "is_filled"),
    [("better", True), ("worse", True), ("no practical difference", True), ("undecided", False)],
)
def test_a_mark_is_hollow_where_it_is_undecided_and_filled_where_it_is_decided(
    results, kind, is_filled
):
    (axes,), _, _ = panels_of(with_verdicts(results, [kind, "undecided"]))
    first, second = marks_of(axes)
    variants = results.cell.spec.variants
    colours = [style_of(variant, variants).colour for variant in variants[1:]]
    assert first.get_markerfacecolor() == (colours[0] if is_filled else BACKGROUND)
    assert second.get_markerfacecolor() == BACKGROUND
    # either way the edge tells which variant it is
    assert [mark.get_markeredgecolor() for mark in (first, second)] == colours
    first_note, second_note = axes.texts
    assert first_note.get_text().endswith(f"\n{kind}")
    assert (first_note.get_fontweight() == "bold") == is_filled
    assert second_note.get_fontweight() == "normal"


def test_what_was_found_decided_is_filled():
    def plan(key, first_weight, n_frozen):
        return 0.5 + (key % 97) / 1000 + 0.2 * (n_frozen == 2)

    results = compare(spec_of(30), None, PlannedEngine(plan, 30))
    (axes,), _, _ = panels_of(results)
    assert [note.split("\n")[1] for note in notes_in(axes)] == ["undecided", "better"]
    assert [mark.get_markerfacecolor() == BACKGROUND for mark in marks_of(axes)] == [True, False]


def test_a_low_run_does_not_squeeze_the_axis_and_is_counted():
    plain = compare(spec_of(20), None, PlannedEngine(good))
    row = plain.cell.scores.test_accuracy(plain.cell.summary[2].arm).copy()
    row[[4, 9]] = 0.05, 0.3
    low = with_scores(plain, {2: row})
    _, (axes,), _ = panels_of(low)
    _, (before,), _ = panels_of(plain)
    (note,) = axes.texts
    assert note.get_text() == "2"
    assert note.xy[1] == 1  # in its own row
    assert [len(d) for d in dots_of(axes)] == [20, 20, 18]
    (left, right), (left_before, right_before) = axes.get_xlim(), before.get_xlim()
    assert right == right_before
    # the band at the end is all that the low runs take
    assert left_before - left < 15
    assert "60 %" in axes.get_title("left") and not before.get_title("left")
    assert min(tick for tick in axes.get_xticks()) >= left
    assert notes_in(before) == []


def test_the_axis_of_scores_has_every_dot_and_the_ceiling():
    results = compare(spec_of(20), None, PlannedEngine(good))
    _, (axes,), _ = panels_of(results)
    left, right = axes.get_xlim()
    places = np.concatenate(dots_of(axes))[:, 0]
    assert left < places.min() and places.max() < right
    assert left < 100 * results.cell.measured.ceiling < right


def test_both_questions_stand_side_by_side_in_the_same_colours_with_their_curves(both):
    figure = draw_comparison(build_report(both), Canvas())
    titles = [axes.get_title("left").partition(" (")[0] for axes in figure.axes[:2]]
    assert titles == ["Fresh sources", "One source"]
    _, _, curve_panels = panels_of(both)
    for axes in curve_panels:
        curves = [line for line in axes.lines if len(line.get_xdata()) > 2]
        colours = [line.get_color() for line in curves]
        variants = both.cell.spec.variants
        assert colours == [style_of(variant, variants).colour for variant in variants]


def test_a_nested_design_has_its_sources_below_and_the_spread_between_them_beside_the_rows():
    spec = spec_of(8, questions=("fresh",), nested=(4, 2))
    results = compare(spec, None, PlannedEngine(by_key))
    figure = draw_comparison(build_report(results), Canvas())
    assert describe_design(results.cell, "fresh") in unwrapped(figure.get_supxlabel())
    spreads = [s.source_variance for s in results.cell.summary if s.source_variance is not None]
    assert len(spreads) == 2
    assert [note for note in notes_in(figure.axes[1]) if "between" in note] == [
        f"SD between {100 * spread.between_std:.1f}\nSD within {100 * spread.within_std:.1f}"
        for spread in spreads
    ]


@pytest.mark.parametrize("n_failed", [0, 1, 6])
def test_comparisons_whose_runs_failed_can_be_drawn(n_failed):
    failing = iter([np.nan] * n_failed)
    spec = spec_of(2, speed=True, questions=("fresh",))
    results = compare(spec, None, PlannedEngine(lambda *_: next(failing, 0.5), 2))
    draw_comparison(build_report(results), Canvas()).draw_without_rendering()


def test_every_variant_has_a_colour_of_its_own_that_other_variants_do_not_change():
    texts = (
        "fixed=0", "fixed=1", "fixed=2", "random-frozen,fixed=1", "self-transfer", "equal-compute",
        "new-head", "reinit=2", "add=3", "fixed=1,unfreeze=1,factor=0.5", "random-frozen,fixed=2",
    )  # fmt: skip
    variants = [STANDALONE, *map(parse_variant, texts)]
    styles = [style_of(variant, variants) for variant in variants]
    assert len({style.colour for style in styles}) == len(variants) == 12
    fixed_2 = style_of(variants[3], (STANDALONE, variants[3]))
    assert (fixed_2.colour, fixed_2.marker) == (styles[3].colour, styles[3].marker)


def test_fifty_names_have_a_colour_and_a_mark_each():
    variants = [NamedVariant("transfer" if i else "standalone", name=f"v{i}") for i in range(50)]
    styles = [style_of(variant, variants) for variant in variants]
    assert len({(style.colour, style.marker) for style in styles}) == 50


def test_a_comparison_without_a_ceiling_draws_none(both):
    tasks = tuple(replace(data, ceiling=None) for data in both.cell.tasks)
    figure = draw_comparison(build_report(analysed_with(both, tasks=tasks)), Canvas())
    lines = [line.get_label() for axes in figure.axes for line in axes.lines]
    assert "ceiling" not in lines
    assert "threshold" in lines
    assert [lines_across(axes) for axes in figure.axes[2:4]] == [[], []]
    figure.draw_without_rendering()


# ---------------------------------------------------------------- order, marks, sources


def test_the_rows_are_in_the_order_that_was_asked_for():
    texts = ("fixed=1", "random-frozen,fixed=1", "fixed=0", "equal-compute", "new-head,fixed=0")
    variants = (STANDALONE, *map(parse_variant, texts))
    results = compare(spec_of(6, variants=variants), None, PlannedEngine(good))
    differences, _, axes = draw_comparison(build_report(results), Canvas()).axes
    assert rows_of(axes) == [str(variant) for variant in variants]
    assert rows_of(differences) == rows_of(axes)[1:]


def test_a_variant_has_one_mark_in_all_panels(both):
    (differences, _), (scores, _), (curves, _) = panels_of(both)
    variants = both.cell.spec.variants
    expected = [style_of(variant, variants).marker for variant in variants]
    assert len(set(expected)) == 3
    assert [mark.get_marker() for mark in marks_of(differences)] == expected[1:]
    on_threshold = [mark.get_marker() for mark in marks_of(curves)]
    assert on_threshold == expected
    shapes = {dots.get_paths()[0].vertices.tobytes() for dots in scores.collections[:3]}
    assert len(shapes) == 3


def test_the_dots_of_one_source_are_at_one_height_and_joined():
    spec = spec_of(12, questions=("fresh",), nested=(4, 3))
    results = compare(spec, None, PlannedEngine(lambda key, *_: 0.7 + key % 100 / 1000))
    _, (axes,), _ = panels_of(results)
    rows = [dots for dots in axes.collections if len(dots.get_offsets()) == 12]
    heights = np.asarray(rows[1].get_offsets())[:, 1].reshape(4, 3)
    assert np.ptp(heights, axis=1).max() == 0 and len(np.unique(heights)) == 4
    lines = [one for one in axes.collections if hasattr(one, "get_segments")]
    assert [len(one.get_segments()) for one in lines] == [4, 4]
    for (start, end), own in zip(
        lines[0].get_segments(), np.asarray(rows[1].get_offsets()).reshape(4, 3, 2), strict=True
    ):
        assert (start[0], end[0]) == (own[:, 0].min(), own[:, 0].max())
        assert start[1] == end[1] == own[0, 1]


def test_sources_are_joined_however_many_runs_they_have_unless_there_are_many_sources():
    for nested, is_joined in (((10, 30), True), ((80, 4), False)):
        spec = spec_of(nested[0] * nested[1], questions=("fresh",), nested=nested)
        results = compare(spec, None, PlannedEngine(lambda key, *_: 0.7 + key % 97 / 1000))
        _, (axes,), _ = panels_of(results)
        lines = [one for one in axes.collections if hasattr(one, "get_segments")]
        assert [len(one.get_segments()) for one in lines] == ([nested[0]] * 2 if is_joined else [])


def test_the_curves_are_medians_with_the_epochs_to_the_threshold_marked(both):
    _, _, (axes, _) = panels_of(both)
    bands = [band for band in both.cell.findings.bands if band.arm.belongs_to("one")]
    curves = [line for line in axes.lines if len(line.get_xdata()) > 2]
    for curve, band in zip(curves, bands, strict=True):
        np.testing.assert_allclose(curve.get_ydata(), 100 * band.median)
    epochs = [
        one.value
        for one in both.cell.findings.speed
        if one.metric == "epochs" and one.arm.belongs_to("one")
    ]
    assert [mark.get_xdata()[0] for mark in marks_of(axes)] == epochs
    heights = {mark.get_ydata()[0] for mark in marks_of(axes)}
    assert heights == {100 * both.cell.findings.threshold}


# ---------------------------------------------------------------- any number of runs


@pytest.mark.parametrize("n", [3, 30, 10_000])
def test_three_runs_are_drawn_as_well_as_ten_thousand(n):
    small = compare(spec_of(3, questions=("fresh",)), None, PlannedEngine(good))
    rng = np.random.default_rng(1)
    dead = rng.random((3, n)) < 0.1
    accuracy = np.where(dead, rng.uniform(0.3, 0.6, dead.shape), rng.normal(0.8, 0.02, dead.shape))
    values = np.tile(np.clip(accuracy, 0, 1), (len(METRICS), 1, 1))
    scores = replace(
        small.cell.scores,
        repeats=np.arange(n),
        values=values,
        classes_predicted=np.full((3, n), 3),
        is_failed=np.zeros((3, n), bool),
        earlier_accuracy=values[TEST_ACCURACY],
    )
    spec = replace(small.cell.spec, n_repeats=n)
    results = analysed_with(small, spec=spec, scores=scores)
    figure = draw_comparison(build_report(results), Canvas())
    figure.draw_without_rendering()
    _, axes = figure.axes
    line = 100 * (results.cell.findings.low_line - spec.low)
    below = (100 * values[TEST_ACCURACY] < line).sum(axis=1)
    # One dot per run as long as they can be told apart, then the share of the runs that reach
    # each accuracy.
    if n <= 200:
        assert sum(len(dots) for dots in dots_of(axes) if len(dots) > 1) == 3 * n - below.sum()
        assert len(axes.patches) >= (3 if n >= 5 else 0)
        assert sum(int(note.replace(",", "")) for note in notes_in(axes)) == below.sum()
        return
    for curve, n_below in zip(axes.lines[:3], below, strict=True):
        x, share = np.asarray(curve.get_xdata()), np.asarray(curve.get_ydata())
        assert np.all(np.diff(share) <= 0) and (share[0], share[-1]) == (100, 0)
        assert share[x >= line][0] == pytest.approx(100 * (1 - n_below / n), abs=0.2)


def test_contrasts_of_controls_have_a_panel_with_their_intervals():
    controls = ("random-frozen,fixed=1", "self-transfer,fixed=1")
    variants = (STANDALONE, *map(parse_variant, ("fixed=1", *controls)))
    results = compare(spec_of(8, variants=variants), None, PlannedEngine(good))
    _, axes, _ = draw_comparison(build_report(results), Canvas()).axes
    contrasts = results.cell.findings.contrasts
    means = [100 * contrast.difference.mean for contrast in contrasts]
    assert [mark.get_xdata()[0] for mark in marks_of(axes)] == pytest.approx(means)
    ends = [[100 * c.difference.ci_low, 100 * c.difference.ci_high] for c in contrasts]
    np.testing.assert_allclose(intervals_in(axes), ends)
    assert len(set(rows_of(axes))) == len(contrasts) == 4
    names = [t.get_text() for a in with_styles(results, "slide").axes for t in a.get_yticklabels()]
    assert names and not any("..." in name for name in names)


def test_a_variant_of_which_most_runs_are_beyond_the_end_has_no_box():
    plain = compare(spec_of(20), None, PlannedEngine(good))
    dead = with_scores(plain, {2: [0.3] * 19 + [0.79]})
    figure = draw_comparison(build_report(dead), Canvas())
    figure.draw_without_rendering()
    assert len(figure.axes[1].patches) == 3  # two boxes, and the strip of runs beyond
    assert notes_in(figure.axes[1]) == ["19"]


# ---------------------------------------------------------------- styles


def with_styles(results, style, **size):
    canvas = Canvas(style=style, **size)
    with canvas.settings():
        return draw_comparison(build_report(results), canvas)


def are_apart(texts):
    """Return whether no two texts lie over each other, a little at the edges left aside."""
    boxes = [text.get_window_extent().shrunk(0.9, 0.8) for text in texts]
    return not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.parametrize("style", LOOKS)
@pytest.mark.parametrize("name", ["results", "both"])
def test_no_text_is_small_cut_or_over_another(style, name, request):
    figure = with_styles(request.getfixturevalue(name), style)
    texts = texts_in(figure)
    least = {"screen": 9, "slide": 14, "paper": 8, "paper-wide": 8}[style]
    assert min(text.get_fontsize() for text in texts) >= least
    page = figure.bbox.padded(1)
    for text in texts:
        box = text.get_window_extent()
        assert page.contains(box.x0, box.y0) and page.contains(box.x1, box.y1), text.get_text()
    assert are_apart(texts)


def test_a_column_of_a_journal_has_the_questions_below_each_other_and_a_slide_beside(both):
    paper, slide = with_styles(both, "paper"), with_styles(both, "slide")
    wide = with_styles(both, "paper-wide")
    assert wide.get_figwidth() == pytest.approx(7.0)
    assert wide.axes[0].get_gridspec().ncols == 2
    titles = [axes.get_title("left").partition(" ")[0] for axes in wide.axes]
    assert titles == [f"({letter})" for letter in "abcdef"]
    assert paper.get_figwidth() == pytest.approx(3.5)
    assert paper.axes[0].get_gridspec().ncols == 1
    assert list(slide.get_size_inches()) == pytest.approx([40 / 3, 7.5])
    assert slide.axes[0].get_gridspec().ncols == 2


@pytest.mark.parametrize("size", [(6.0, 4.0), (3.5, 6.0)])
def test_what_has_no_room_on_a_page_is_left_out_and_the_differences_stay(both, size):
    figure = with_styles(both, "screen", size=size)
    assert list(figure.get_size_inches()) == pytest.approx(size)
    titled = [axes for axes in figure.axes if "source" in axes.get_title("left")]
    assert len(titled) == 2 and all(marks_of(axes) for axes in titled)
    assert len(figure.axes) < 6
    figure.draw_without_rendering()


@pytest.mark.parametrize("style", STYLES)
def test_the_scores_of_one_question_stand_beside_the_differences_on_a_wide_page(style):
    results = compare(spec_of(8), None, PlannedEngine(good))
    figure = with_styles(results, style)
    figure.draw_without_rendering()
    differences, scores = (axes.get_window_extent() for axes in figure.axes)
    assert (differences.x1 < scores.x0) == (style in ("slide", "paper-wide"))


def test_a_figure_without_title_has_no_headline_and_is_lower(both):
    assert with_styles(both, "paper").get_suptitle()
    bare = with_styles(both, "paper", has_title=False)
    assert not bare.get_suptitle()
    assert bare.get_figheight() < with_styles(both, "paper").get_figheight()
