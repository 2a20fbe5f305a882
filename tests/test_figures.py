import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import PlannedEngine
from test_experiment import planned, spec_of

from blobtransfer.data import make_task
from blobtransfer.errors import EnvironmentFailed
from blobtransfer.experiment import compare, silent, train_source
from blobtransfer.figures import Canvas, draw_comparison, draw_curves, draw_tasks, save
from blobtransfer.specs import TaskSpec


@pytest.fixture
def results():
    return compare(spec_of(), None, PlannedEngine(planned), silent)


def test_a_comparison_has_a_box_a_variant_and_a_dot_a_run_that_did_not_fail(results):
    (axes,) = draw_comparison(results, Canvas()).axes
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["standalone", "transfer\nfixed=0", "transfer\nfixed=2"]
    dots = [collection.get_offsets().data for collection in axes.collections]
    assert [len(d) for d in dots] == [3, 3, 2]
    np.testing.assert_allclose(dots[2][:, 1], [80, 60])
    (ceiling,) = [line for line in axes.lines if line.get_label() == "ceiling"]
    assert ceiling.get_ydata()[0] == pytest.approx(100 * results.task("target").ceiling)


def test_the_curves_have_loss_on_top_accuracy_below_and_epoch_0(results):
    trained = train_source(spec_of(), PlannedEngine(planned), silent)
    losses, accuracies = draw_curves(trained.results, Canvas()).axes
    assert [line.get_label() for line in losses.lines] == ["train", "test"]
    assert [line.get_label() for line in accuracies.lines] == ["train", "test", "ceiling (test)"]
    assert list(losses.lines[0].get_xdata()) == [0, 1, 2]
    assert list(accuracies.lines[1].get_ydata()) == [90, 90, 90]


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
        [sys.executable, "-c", "from blobtransfer.figures import Canvas\nCanvas(show=True)"],
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
            "from blobtransfer.figures import Canvas\n"
            "Canvas().new(3, 3).subplots()\n"
            "assert 'matplotlib.pyplot' not in sys.modules",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
