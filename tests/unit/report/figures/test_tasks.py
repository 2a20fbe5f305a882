"""The figure of problems: what is drawn, read back from its axes."""

import re
from dataclasses import replace

import numpy as np
import pytest
from helpers.pictures import dots_of, lines_across, picture_of_datasets

from blobtransfer.data import load_dataset
from blobtransfer.data.dataset import planes_of
from blobtransfer.report.figures.canvas import Canvas
from blobtransfer.report.figures.pictures import svg_text
from blobtransfer.report.figures.tasks import draw_datasets
from blobtransfer.specs.generated import BlobsSpec


def problems(n_features, n=5):
    return [load_dataset(BlobsSpec(k, n_features=n_features)) for k in range(n)]


def shown_in(figure):
    return [axes for axes in figure.axes if axes.get_visible()]


def legend_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


CLASSES = ["class 0", "class 1", "class 2"]


def test_a_panel_a_problem_with_its_ceiling_and_what_the_axes_are():
    datasets = problems(3)
    shown = shown_in(draw_datasets(datasets, Canvas()))
    assert len(shown) == 5
    assert (
        shown[3].get_title()
        == f"Problem 3\nbest possible {100 * datasets[3].best_possible():.1f} %"
    )
    for axes in shown:
        assert re.match(r"component 1 of 3 features \(\d+ %", axes.get_xlabel())
    for axes in (shown[0], shown[3]):  # the first of each row
        assert re.fullmatch(r"component 2 \(\d+ %\)", axes.get_ylabel())
    figure = draw_datasets(problems(2, 1), Canvas())
    (flat,) = figure.axes
    assert (flat.get_xlabel(), flat.get_ylabel()) == ("feature 1", "feature 2")
    # rows and a true centre of each of 3 classes
    assert len(flat.collections) == len(flat.lines) == 3
    assert legend_of(figure) == [*CLASSES, "true centre"]


@pytest.mark.parametrize("n_features", [1, 2, 3])
def test_all_panels_of_problems_have_the_same_limits(n_features):
    datasets = problems(n_features)
    figure = draw_datasets(datasets, Canvas())
    figure.draw_without_rendering()
    limits = {(*axes.get_xlim(), *axes.get_ylim()) for axes in shown_in(figure)}
    assert len(limits) == 1
    left, right, *_ = limits.pop()
    planes, _ = planes_of(datasets)
    places = np.concatenate([plane.points[:, 0] for plane in planes])
    assert left <= places.min() and places.max() <= right


@pytest.mark.parametrize(("n", "layout"), [(1, (1, 1)), (2, (1, 2)), (4, (2, 2)), (7, (3, 3))])
def test_the_panels_of_problems_are_laid_out_nearly_as_a_square(n, layout):
    figure = draw_datasets(problems(2, n), Canvas())
    assert figure.axes[0].get_gridspec().get_geometry() == layout
    assert len(shown_in(figure)) == n


def test_points_of_two_features_are_as_far_apart_one_way_as_the_other():
    for axes in shown_in(draw_datasets(problems(2, 2), Canvas())):
        assert axes.get_aspect() == 1


@pytest.mark.parametrize(
    ("scales", "is_equal"),
    [((1.0, 1.0), True), ((1.0, 3.0), True), ((1.0, 100.0), False), ((1e-6, 1e9), False),
     ((1.0, 0.0), False), ((0.0, 0.0), False)],
)  # fmt: skip
def test_columns_of_unlike_ranges_are_drawn_each_on_its_own_scale(scales, is_equal):
    rng = np.random.default_rng(1234)
    dataset = load_dataset(BlobsSpec(1))
    for rows in (dataset.x_train, dataset.x_test):
        rows[:] = rng.uniform(-1, 1, rows.shape) * scales
    dataset = replace(dataset, centers=None)
    picture = picture_of_datasets([dataset], Canvas(), [])
    assert svg_text(picture)  # it has room
    (axes,) = picture.figure.axes
    assert (axes.get_aspect() == 1) == is_equal


@pytest.mark.parametrize("value", [0.0, 3e30])
def test_a_single_feature_that_does_not_vary_is_drawn(value):
    dataset = load_dataset(BlobsSpec(1, n_features=1))
    dataset.x_train[:] = dataset.x_test[:] = value
    (axes,) = draw_datasets([dataset], Canvas()).axes
    assert sum(bar.get_height() for bar in axes.patches) == len(dataset.y_train) + len(
        dataset.y_test
    )


@pytest.mark.parametrize("n_features", [1, 2, 3])
def test_a_thousand_classes_are_one_grey_class_in_the_figure(n_features):
    spec = BlobsSpec(1, n_features=n_features, n_classes=1_000, n_samples=2_000, n_train=1_000)
    figure = draw_datasets([load_dataset(spec)], Canvas())
    (axes,) = figure.axes
    assert len(axes.collections) <= 1 and not axes.lines
    (entry,) = legend_of(figure)
    assert "1,000 classes" in entry


def test_a_legend_names_twelve_entries_at_most_and_counts_the_others():
    for n_classes, last in ((12, "class 11"), (13, "and 2 more"), (49, "and 38 more")):
        figure = draw_datasets([load_dataset(BlobsSpec(1, n_classes=n_classes))], Canvas())
        *entries, centre = legend_of(figure)
        assert (len(entries), entries[-1], centre) == (12, last, "true centre")


def test_a_legend_of_short_names_is_as_wide_as_its_figure_at_most():
    dataset = load_dataset(BlobsSpec(1, n_classes=10))
    figure = draw_datasets([dataset], Canvas())
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert figure.bbox.contains(box.x0, box.y0) and figure.bbox.contains(box.x1, box.y1)


def test_one_feature_is_counted_in_bars_by_class():
    (dataset,) = datasets = problems(1, 1)
    (axes,) = draw_datasets(datasets, Canvas()).axes
    heights = np.array([bar.get_height() for bar in axes.patches]).reshape(3, -1)
    labels = np.concatenate([dataset.y_train, dataset.y_test])
    assert list(heights.sum(axis=1)) == list(np.bincount(labels))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("feature 1", "rows")
    np.testing.assert_allclose(lines_across(axes), dataset.centers[:, 0])


@pytest.mark.parametrize("n_features", [1, 2, 3])
def test_a_problem_without_ceiling_and_centres_has_its_rows_alone(n_features):
    dataset = replace(
        load_dataset(BlobsSpec(1, n_features=n_features)), best_classes=None, centers=None
    )
    figure = draw_datasets([dataset], Canvas())
    (axes,) = figure.axes
    assert axes.get_title() == "Problem 1"
    n_rows = len(dataset.y_train) + len(dataset.y_test)
    if n_features == 1:
        assert sum(bar.get_height() for bar in axes.patches) == n_rows
    else:
        assert sum(map(len, dots_of(axes))) == n_rows
    assert list(axes.lines) == []
    assert legend_of(figure) == CLASSES
    figure.draw_without_rendering()
