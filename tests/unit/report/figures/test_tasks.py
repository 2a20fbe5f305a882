"""The figure of problems: what is drawn, read back from its axes."""

import re
from dataclasses import replace

import numpy as np
import pytest
from helpers.pictures import dots_of, lines_across

from blobtransfer.report.figures.canvas import Canvas
from blobtransfer.report.figures.tasks import draw_tasks
from blobtransfer.specs.drawn import BlobsSpec
from blobtransfer.tasks import load_task
from blobtransfer.tasks.task import planes_of


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
    assert shown[3].get_title() == f"Problem 3\nbest possible {100 * tasks[3].ceiling:.1f} %"
    for axes in shown:
        assert re.fullmatch(
            r"component 1 of 3 features \(\d+ % of the variance\)", axes.get_xlabel()
        )
    for axes in (shown[0], shown[3]):  # the first of each row
        assert re.fullmatch(r"component 2 \(\d+ %\)", axes.get_ylabel())
    figure = draw_tasks(problems(2, 1), Canvas())
    (flat,) = figure.axes
    assert (flat.get_xlabel(), flat.get_ylabel()) == ("feature 1", "feature 2")
    # rows and a true centre of each of 3 classes
    assert len(flat.collections) == len(flat.lines) == 3
    assert legend_of(figure) == [*CLASSES, "true centre"]


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
