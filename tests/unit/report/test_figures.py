"""Figures of planned results: what is drawn, read back from its axes."""

import os
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from helpers.engines import PlannedEngine
from helpers.specs import REPEAT_OF, SMALL, SOURCE_KEY, spec_of

from blobtransfer.errors import MachineError
from blobtransfer.experiment.analyse import analyse
from blobtransfer.experiment.compare import compare
from blobtransfer.experiment.single import train_source
from blobtransfer.metrics import TEST_ACCURACY, TEST_LOSS
from blobtransfer.network import initial_weights
from blobtransfer.report.figures import (
    Canvas,
    colour_of,
    draw_comparison,
    draw_results,
    draw_tasks,
    draw_training,
    save,
)
from blobtransfer.report.sentences import design
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.task import BlobsSpec
from blobtransfer.specs.variant import STANDALONE, parse_variant
from blobtransfer.statistics.paired import Verdict
from blobtransfer.tasks import load_task
from blobtransfer.tasks.task import planes_of


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


def by_key(key, first_weight, n_frozen):
    return (key % 1000 + n_frozen) / 2000


def training_of(plan, **changes):
    spec = spec_of(1, **{"variants": (STANDALONE,), "target": None} | changes)
    return train_source(spec, PlannedEngine(plan)).results


@pytest.fixture(scope="module")
def results():
    return compare(spec_of(), None, PlannedEngine(planned))


@pytest.fixture(scope="module")
def both():
    spec = spec_of(questions=("one", "fresh"), speed=True)
    return compare(spec, None, PlannedEngine(by_key))


# ---------------------------------------------------------------- comparisons


def panels_of(results):
    """Give differences, scores and learning curves, each by question."""
    axes, n = draw_comparison(results, Canvas()).axes, len(results.spec.questions)
    return axes[:n], axes[n : 2 * n], axes[2 * n :]


def rows_of(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def dots_of(axes):
    """Give the dots of each row of scores, (n, 2)."""
    return [np.asarray(collection.get_offsets()) for collection in axes.collections]


def marks_of(axes):
    """Give the marks of the mean differences."""
    return [line for line in axes.lines if len(line.get_xdata()) == 1]


def lines_across(axes):
    """Give the places of the lines from the bottom of a panel to its top."""
    return [line.get_xdata()[0] for line in axes.lines if list(line.get_ydata()) == [0, 1]]


def notes_in(axes):
    return [text.get_text() for text in axes.texts]


def with_scores(results, rows):
    """Change the test accuracies of some arms, by their place, and say what follows."""
    values = results.scores.values.copy()
    for i, row in rows.items():
        values[TEST_ACCURACY, i] = row
    scores = replace(results.scores, values=values)
    findings = analyse(results.spec, scores, results.measured, results.curves)
    return replace(results, scores=scores, findings=findings)


def with_verdicts(results, kinds):
    planned = iter(kinds)
    summary = tuple(
        one if one.verdict is None else replace(one, verdict=Verdict(next(planned)))
        for one in results.summary
    )
    return replace(results, findings=replace(results.findings, summary=summary))


def good(key, *_):
    """No run ends low: 0.7 to 0.8."""
    return 0.7 + key % 100 / 1000


def test_a_comparison_has_a_box_a_variant_and_a_dot_a_run_that_did_not_fail():
    results = compare(spec_of(8), None, PlannedEngine(good))
    failed = results.scores.is_failed.copy()
    failed[2, 3] = True
    scores = with_scores(results, {2: [0.8, 0.7, 0.75, np.nan, 0.8, 0.8, 0.8, 0.8]}).scores
    results = replace(results, scores=replace(scores, is_failed=failed))
    (differences,), (axes,), _ = panels_of(results)
    assert rows_of(axes) == ["standalone", "transfer fixed=0", "transfer fixed=2"]
    assert rows_of(differences) == rows_of(axes)[1:]
    dots = dots_of(axes)
    assert [len(d) for d in dots] == [8, 8, 7]
    np.testing.assert_allclose(dots[2][:, 0], [80, 70, 75, 80, 80, 80, 80])
    # each in its row, from the top
    for row, place in zip(dots, (3, 2, 1), strict=True):
        assert np.all(np.abs(row[:, 1] - place) < 0.5)
    assert len(axes.patches) == 3
    assert lines_across(axes) == [pytest.approx(100 * results.measured.ceiling)]
    assert notes_in(axes) == []


def test_too_few_runs_have_dots_and_no_box_of_quartiles(results):
    _, (axes,), _ = panels_of(results)
    assert [len(d) for d in dots_of(axes)] == [3, 3, 2]
    assert notes_in(axes) == []
    drawn = [patch.get_path().vertices for patch in axes.patches]
    assert not any(np.isfinite(vertices).all() for vertices in drawn)


def test_differences_come_first_with_interval_numbers_verdict_and_the_margin_band(results):
    (axes,), _, _ = panels_of(results)
    compared = results.summary[1:]
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


@pytest.mark.parametrize(
    ("kind", "is_filled"),
    [("better", True), ("worse", True), ("no practical difference", True), ("undecided", False)],
)
def test_a_mark_is_hollow_where_it_is_undecided_and_filled_where_it_is_decided(
    results, kind, is_filled
):
    (axes,), _, _ = panels_of(with_verdicts(results, [kind, "undecided"]))
    first, second = marks_of(axes)
    colours = [colour_of(one.arm.variant) for one in results.summary[1:]]
    assert first.get_markerfacecolor() == (colours[0] if is_filled else "white")
    assert second.get_markerfacecolor() == "white"
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
    assert [mark.get_markerfacecolor() == "white" for mark in marks_of(axes)] == [True, False]


def test_a_low_run_does_not_squeeze_the_axis_and_is_counted():
    plain = compare(spec_of(20), None, PlannedEngine(good))
    row = plain.scores.test_accuracy(plain.summary[2].arm).copy()
    row[[4, 9]] = 0.05, 0.3
    low = with_scores(plain, {2: row})
    _, (axes,), _ = panels_of(low)
    _, (before,), _ = panels_of(plain)
    (note,) = axes.texts
    assert note.get_text() == "2 below"
    assert note.xy[1] == 1  # in its own row
    assert [len(d) for d in dots_of(axes)] == [20, 20, 18]
    np.testing.assert_allclose(axes.get_xlim(), before.get_xlim(), atol=1)
    assert axes.get_xlim()[0] > 60
    assert notes_in(before) == []


def test_the_axis_of_scores_has_every_dot_and_the_ceiling():
    results = compare(spec_of(20), None, PlannedEngine(good))
    _, (axes,), _ = panels_of(results)
    left, right = axes.get_xlim()
    places = np.concatenate(dots_of(axes))[:, 0]
    assert left < places.min() and places.max() < right
    assert left < 100 * results.measured.ceiling < right


def test_both_questions_stand_side_by_side_in_the_same_colours_with_their_curves(both):
    figure = draw_comparison(both, Canvas())
    titles = [title for axes in figure.axes if (title := axes.get_title("left"))]
    assert [title.partition(":")[0] for title in titles] == ["This model", "The method"]
    _, _, (one, fresh) = panels_of(both)
    for axes in (one, fresh):
        curves = [line for line in axes.lines if len(line.get_xdata()) > 2]
        colours = [line.get_color() for line in curves]
        assert colours == [colour_of(variant) for variant in both.spec.variants]


def test_a_nested_design_counts_its_sources_in_the_title():
    spec = spec_of(8, questions=("fresh",), nested=(4, 2))
    results = compare(spec, None, PlannedEngine(by_key))
    figure = draw_comparison(results, Canvas())
    assert design(results, "fresh") in figure.get_suptitle()


@pytest.mark.parametrize("n_failed", [0, 1, 6])
def test_comparisons_whose_runs_failed_can_be_drawn(n_failed):
    failing = iter([np.nan] * n_failed)
    spec = spec_of(2, speed=True, questions=("fresh",))
    results = compare(spec, None, PlannedEngine(lambda *_: next(failing, 0.5), 2))
    draw_comparison(results, Canvas()).draw_without_rendering()


def test_every_variant_has_a_colour_of_its_own():
    texts = (
        "fixed=0", "fixed=1", "fixed=2", "random-frozen,fixed=1", "self-transfer", "equal-compute",
        "new-head", "reinit=2", "add=3", "fixed=1,unfreeze=1,factor=0.5",
    )  # fmt: skip
    variants = [STANDALONE, *map(parse_variant, texts)]
    assert len({colour_of(variant) for variant in variants}) == len(variants) == 11


# ---------------------------------------------------------------- one training


def test_the_curves_have_loss_on_top_accuracy_below_and_epoch_0():
    losses, regions, accuracies = draw_training(training_of(planned), Canvas()).axes
    assert [line.get_label() for line in losses.lines] == ["train", "test"]
    assert [line.get_label() for line in accuracies.lines] == ["train", "test", "ceiling (test)"]
    assert list(losses.lines[0].get_xdata()) == [0, 1, 2]
    assert list(accuracies.lines[1].get_ydata()) == [90, 90, 90]
    (image,) = regions.images
    assert image.get_array().shape == (300, 300)


@pytest.mark.parametrize(
    ("losses", "scale"), [([0.9, 0.5, 0.2], "linear"), ([0.9, 0.5, 0.1], "log")]
)
def test_the_axis_of_losses_is_logarithmic_where_they_span_more_than_8_times(losses, scale):
    results = training_of(planned)
    ((arm, curves),) = results.curves.items()
    curves = curves.copy()
    curves[TEST_LOSS:] = losses
    figure = draw_training(replace(results, curves={arm: curves}), Canvas())
    assert figure.axes[0].get_yscale() == scale
    np.testing.assert_allclose(figure.axes[0].lines[1].get_ydata(), losses)
    figure.draw_without_rendering()


@pytest.mark.parametrize(("n_features", "n_panels"), [(1, 3), (2, 3), (3, 2)])
def test_regions_are_drawn_where_a_plane_can_show_them(n_features, n_panels):
    source = BlobsSpec(1, **SMALL, n_features=n_features)
    results = training_of(by_key, network=MLPSpec(n_features), source=source)
    figure = draw_training(results, Canvas())
    assert len(figure.axes) == n_panels
    figure.draw_without_rendering()


def test_a_training_that_diverged_has_no_regions_and_can_be_drawn():
    figure = draw_training(training_of(lambda *_: np.nan), Canvas())
    assert len(figure.axes) == 2
    figure.draw_without_rendering()


def test_the_figure_of_results_is_that_of_their_command(results):
    assert len(draw_results(results, Canvas()).axes) == 2
    assert len(draw_results(training_of(planned), Canvas()).axes) == 3


# ---------------------------------------------------------------- problems


def problems(n_features, n=5):
    return [load_task(BlobsSpec(k, n_features=n_features)) for k in range(n)]


def shown_in(figure):
    return [axes for axes in figure.axes if axes.get_visible()]


def legend_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


CLASSES = ["class 0", "class 1", "class 2"]


def test_a_panel_a_problem_with_its_ceiling_and_what_the_axes_are():
    tasks = problems(3)
    shown = shown_in(draw_tasks(tasks, Canvas()))
    assert len(shown) == 5
    assert shown[3].get_title() == f"Problem 3, ceiling {100 * tasks[3].ceiling:.1f} %"
    for axes in shown:
        assert re.fullmatch(
            r"component 1 of 3 features \(\d+ % of the variance\)", axes.get_xlabel()
        )
        assert re.fullmatch(r"component 2 \(\d+ %\)", axes.get_ylabel())
    figure = draw_tasks(problems(2, 1), Canvas())
    (flat,) = figure.axes
    assert (flat.get_xlabel(), flat.get_ylabel()) == ("feature 1", "feature 2")
    # rows and a true centre of each of 3 classes
    assert len(flat.collections) == len(flat.lines) == 3
    assert legend_of(figure) == [*CLASSES, "large: the true centres"]


@pytest.mark.parametrize("n_features", [1, 2, 3])
def test_all_panels_of_problems_have_the_same_limits(n_features):
    tasks = problems(n_features)
    figure = draw_tasks(tasks, Canvas())
    figure.draw_without_rendering()
    limits = {(*axes.get_xlim(), *axes.get_ylim()) for axes in shown_in(figure)}
    assert len(limits) == 1
    left, right, *_ = limits.pop()
    planes, _ = planes_of(tasks)
    places = np.concatenate([plane.points[:, 0] for plane in planes])
    assert left <= places.min() and places.max() <= right


@pytest.mark.parametrize(("n", "layout"), [(1, (1, 1)), (2, (1, 2)), (4, (2, 2)), (7, (3, 3))])
def test_the_panels_of_problems_are_laid_out_nearly_as_a_square(n, layout):
    figure = draw_tasks(problems(2, n), Canvas())
    assert figure.axes[0].get_gridspec().get_geometry() == layout
    assert len(shown_in(figure)) == n


def test_points_of_two_features_are_as_far_apart_one_way_as_the_other():
    for axes in shown_in(draw_tasks(problems(2, 2), Canvas())):
        assert axes.get_aspect() == 1


def test_one_feature_is_counted_in_bars_by_class():
    (task,) = tasks = problems(1, 1)
    (axes,) = draw_tasks(tasks, Canvas()).axes
    heights = np.array([bar.get_height() for bar in axes.patches]).reshape(3, -1)
    labels = np.concatenate([task.y_train, task.y_test])
    assert list(heights.sum(axis=1)) == list(np.bincount(labels))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("feature 1", "rows")
    np.testing.assert_allclose(lines_across(axes), task.centers[:, 0])


# ---------------------------------------------------------------- without ceiling and centres


@pytest.mark.parametrize("n_features", [1, 2, 3])
def test_a_problem_without_ceiling_and_centres_has_its_rows_alone(n_features):
    task = replace(load_task(BlobsSpec(1, n_features=n_features)), ceiling=None, centers=None)
    figure = draw_tasks([task], Canvas())
    (axes,) = figure.axes
    assert axes.get_title() == "Problem 1"
    n_rows = len(task.y_train) + len(task.y_test)
    if n_features == 1:
        assert sum(bar.get_height() for bar in axes.patches) == n_rows
    else:
        assert sum(map(len, dots_of(axes))) == n_rows
    assert list(axes.lines) == []
    assert legend_of(figure) == CLASSES
    figure.draw_without_rendering()


def test_a_comparison_without_a_ceiling_draws_none(both):
    tasks = tuple(replace(task, ceiling=None) for task in both.tasks)
    findings = analyse(both.spec, both.scores, tasks[-1], both.curves)
    figure = draw_comparison(replace(both, tasks=tasks, findings=findings), Canvas())
    lines = [line.get_label() for axes in figure.axes for line in axes.lines]
    assert "ceiling" not in lines
    assert "threshold" in lines
    assert [lines_across(axes) for axes in figure.axes[2:4]] == [[], []]
    figure.draw_without_rendering()


def test_a_training_without_ceiling_and_centres_draws_neither():
    results = training_of(planned)
    plain = replace(
        results,
        tasks=(replace(results.measured, ceiling=None),),
        regions=replace(results.regions, centers=None),
    )
    figure = draw_training(plain, Canvas())
    _, regions, accuracies = figure.axes
    assert [line.get_label() for line in accuracies.lines] == ["train", "test"]
    assert not regions.lines
    figure.draw_without_rendering()


# ---------------------------------------------------------------- files and windows


@pytest.mark.parametrize(
    ("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_the_suffix_picks_the_format_and_the_same_figure_gives_the_same_bytes(
    results, tmp_path, suffix, start
):
    paths = [tmp_path / f"{i}.{suffix}" for i in (1, 2)]
    for path in paths:
        save(draw_comparison(results, Canvas()), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].read_bytes().startswith(start)


@pytest.mark.parametrize("name", ["模型.keras", "$x_{$.keras"])
def test_a_name_that_the_font_or_a_formula_cannot_take_makes_no_noise(tmp_path, name):
    spec = spec_of(source=None, model_path=name)
    results = compare(spec, initial_weights(MLPSpec(), 1, 0), PlannedEngine(by_key))
    save(draw_comparison(results, Canvas()), tmp_path / "a.png")
    assert (tmp_path / "a.png").exists()


def run_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=False, env=os.environ | environment,
    )  # fmt: skip


def test_a_window_that_cannot_open_is_said_before_any_work():
    code = "from blobtransfer.report.figures import Canvas\nCanvas(show=True)"
    done = run_python(code, MPLBACKEND="agg")
    assert f"{MachineError.__name__}: --show: no window can be opened here" in done.stderr


def test_drawing_without_windows_does_not_load_pyplot():
    done = run_python(
        "import sys\n"
        "from blobtransfer.report.figures import Canvas\n"
        "Canvas().new(3, 3).subplots()\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    assert (done.returncode, done.stderr) == (0, "")
