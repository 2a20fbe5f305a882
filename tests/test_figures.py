import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import PlannedEngine
from test_experiment import planned, spec_of

from blobtransfer.errors import EnvironmentFailed
from blobtransfer.experiment.compare import compare, silent, train_source
from blobtransfer.network import initial_weights
from blobtransfer.report.figures import (
    Canvas,
    colour_of,
    draw_comparison,
    draw_tasks,
    draw_training,
    save,
)
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.task import TaskSpec
from blobtransfer.specs.variant import STANDALONE, parse_variant
from blobtransfer.tasks.blobs import make_task


def varied(key, first_weight, n_frozen):
    return (key % 1000 + n_frozen) / 2000


@pytest.fixture
def results():
    return compare(spec_of(), None, PlannedEngine(planned), silent)


def test_a_comparison_has_a_box_a_variant_and_a_dot_a_run_that_did_not_fail(results):
    scores, differences = draw_comparison(results, Canvas()).axes
    labels = [label.get_text() for label in scores.get_yticklabels()]
    assert labels == ["standalone", "transfer fixed=0", "transfer fixed=2"]
    dots = [collection.get_offsets().data for collection in scores.collections]
    assert [len(d) for d in dots] == [3, 3, 2]
    np.testing.assert_allclose(dots[2][:, 0], [80, 60])
    (ceiling,) = [line for line in scores.lines if line.get_label() == "ceiling"]
    assert ceiling.get_xdata()[0] == pytest.approx(100 * results.task("target").ceiling)
    assert [label.get_text() for label in differences.get_yticklabels()] == labels[1:]


def test_differences_have_their_interval_their_verdict_and_the_margin_band(results):
    _, axes = draw_comparison(results, Canvas()).axes
    d = results.summary[1].difference
    intervals = [line.get_xdata() for line in axes.lines if len(line.get_xdata()) == 2]
    assert any(np.allclose(ends, [100 * d.ci_low, 100 * d.ci_high]) for ends in intervals)
    assert {text.get_text() for text in axes.texts} == {"undecided"}
    band = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    assert (band.x0, band.x1) == (pytest.approx(-1), pytest.approx(1))


def test_both_questions_stand_side_by_side_in_the_same_colours_with_their_curves():
    results = compare(
        spec_of(questions=("one", "fresh"), speed=True), None, PlannedEngine(varied), silent
    )
    figure = draw_comparison(results, Canvas())
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == ["This model: one source network", "The method: a fresh source each repeat"]
    assert len(figure.axes) == 6
    one, fresh = figure.axes[4:]
    assert [line.get_color() for line in one.lines] == [line.get_color() for line in fresh.lines]
    assert [line.get_label() for line in one.lines[:3]] == [
        "standalone",
        "transfer fixed=0",
        "transfer fixed=2",
    ]


def test_every_variant_has_a_colour_of_its_own_whatever_else_is_compared():
    texts = (
        "fixed=0", "fixed=1", "fixed=2", "random-frozen,fixed=1", "self-transfer", "equal-compute",
        "new-head", "reinit=2", "add=3", "fixed=1,unfreeze=1,factor=0.5",
    )  # fmt: skip
    spec = spec_of(variants=(STANDALONE, *map(parse_variant, texts)))
    results = compare(spec, None, PlannedEngine(varied), silent)
    colours = {summary.label: colour_of(summary) for summary in results.summary}
    assert len(set(colours.values())) == len(colours) == 11
    few = compare(spec_of(), None, PlannedEngine(varied), silent)
    for summary in few.summary:
        assert colour_of(summary) == colours[summary.label]


def test_the_curves_have_loss_on_top_accuracy_below_and_epoch_0():
    trained = train_source(spec_of(variants=(STANDALONE,)), PlannedEngine(planned), silent)
    losses, regions, accuracies = draw_training(trained.results, Canvas()).axes
    assert [line.get_label() for line in losses.lines] == ["train", "test"]
    assert [line.get_label() for line in accuracies.lines] == ["train", "test", "ceiling (test)"]
    assert list(losses.lines[0].get_xdata()) == [0, 1, 2]
    assert list(accuracies.lines[1].get_ydata()) == [90, 90, 90]
    (image,) = regions.images
    assert image.get_array().shape == (300, 300)


@pytest.mark.parametrize(("n_features", "n_panels"), [(1, 3), (2, 3), (3, 2)])
def test_regions_are_drawn_where_a_plane_can_show_them(n_features, n_panels):
    source = TaskSpec(1, n_samples=60, n_train=40, n_features=n_features)
    spec = spec_of(variants=(STANDALONE,), network=MLPSpec(n_features), source=source)
    trained = train_source(spec, PlannedEngine(varied), silent)
    figure = draw_training(trained.results, Canvas())
    assert len(figure.axes) == n_panels
    figure.draw_without_rendering()


def test_a_panel_a_problem_with_its_ceiling_and_what_the_axes_are():
    tasks = [make_task(TaskSpec(k, n_features=3)) for k in range(5)]
    figure = draw_tasks(tasks, Canvas())
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == 5
    assert shown[3].get_title() == f"Problem 3, ceiling {100 * tasks[3].ceiling:.1f} %"
    assert shown[0].get_xlabel() == "principal component 1 of 3 features"
    flat = draw_tasks([make_task(TaskSpec(1))], Canvas()).axes[0]
    assert (flat.get_xlabel(), flat.get_ylabel()) == ("feature 1", "feature 2")
    assert len(flat.collections) == len(flat.lines) == 3


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


def test_a_window_that_cannot_open_is_said_before_any_work(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    done = subprocess.run(
        [sys.executable, "-c", "from blobtransfer.report.figures import Canvas\nCanvas(show=True)"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    assert f"{EnvironmentFailed.__name__}: --show: no window can be opened here" in done.stderr


def test_drawing_without_windows_does_not_load_pyplot():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys\n"
            "from blobtransfer.report.figures import Canvas\n"
            "Canvas().new(3, 3).subplots()\n"
            "assert 'matplotlib.pyplot' not in sys.modules",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_name_with_letters_that_the_font_lacks_makes_no_noise(tmp_path):
    spec = spec_of(source=None, model_path="模型.keras")
    source = initial_weights(MLPSpec(), 1, 0)
    results = compare(spec, source, PlannedEngine(varied), silent)
    save(draw_comparison(results, Canvas()), tmp_path / "a.png")
    assert (tmp_path / "a.png").exists()
