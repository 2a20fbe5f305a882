"""Figures of planned results: what is drawn, read back from its axes."""

import os
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
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.task import BlobsSpec
from blobtransfer.specs.variant import STANDALONE, parse_variant
from blobtransfer.tasks import load_task


def planned(key, first_weight, n_frozen):
    """Source 0.9; standalone 0.5, 0.6, 0.7; fixed=0 always 0.75; fixed=2 0.8, failed, 0.6."""
    if key == SOURCE_KEY:
        return 0.9
    repeat = REPEAT_OF[key]
    fresh = initial_weights(MLPSpec(), 0, repeat)[0].flat[0]
    if n_frozen == 2:
        return [0.8, np.nan, 0.6][repeat]
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


def test_a_comparison_has_a_box_a_variant_and_a_dot_a_run_that_did_not_fail(results):
    scores, differences = draw_comparison(results, Canvas()).axes
    labels = [label.get_text() for label in scores.get_yticklabels()]
    assert labels == ["standalone", "transfer fixed=0", "transfer fixed=2"]
    dots = [collection.get_offsets().data for collection in scores.collections]
    assert [len(d) for d in dots] == [3, 3, 2]
    np.testing.assert_allclose(dots[2][:, 0], [80, 60])
    (ceiling,) = [line for line in scores.lines if line.get_label() == "ceiling"]
    assert ceiling.get_xdata()[0] == pytest.approx(100 * results.measured.ceiling)
    assert [label.get_text() for label in differences.get_yticklabels()] == labels[1:]


def test_differences_have_their_interval_their_verdict_and_the_margin_band(results):
    _, axes = draw_comparison(results, Canvas()).axes
    d = results.summary[1].difference
    intervals = [line.get_xdata() for line in axes.lines if len(line.get_xdata()) == 2]
    assert any(np.allclose(ends, [100 * d.ci_low, 100 * d.ci_high]) for ends in intervals)
    assert {text.get_text() for text in axes.texts} == {"undecided"}
    band = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    assert (band.x0, band.x1) == (pytest.approx(-1), pytest.approx(1))


def test_both_questions_stand_side_by_side_in_the_same_colours_with_their_curves(both):
    figure = draw_comparison(both, Canvas())
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


def test_a_nested_design_counts_its_sources_in_the_title():
    spec = spec_of(8, questions=("fresh",), nested=(4, 2))
    figure = draw_comparison(compare(spec, None, PlannedEngine(by_key)), Canvas())
    assert figure.axes[0].get_title() == "The method: 4 sources"


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


def test_a_panel_a_problem_with_its_ceiling_and_what_the_axes_are():
    tasks = [load_task(BlobsSpec(k, n_features=3)) for k in range(5)]
    figure = draw_tasks(tasks, Canvas())
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == 5
    assert shown[3].get_title() == f"Problem 3, ceiling {100 * tasks[3].ceiling:.1f} %"
    assert shown[0].get_xlabel() == "principal component 1 of 3 features"
    flat = draw_tasks([load_task(BlobsSpec(1))], Canvas()).axes[0]
    assert (flat.get_xlabel(), flat.get_ylabel()) == ("feature 1", "feature 2")
    # rows and a true centre of each of 3 classes
    assert len(flat.collections) == len(flat.lines) == 3


# ---------------------------------------------------------------- without ceiling and centres


@pytest.mark.parametrize("n_features", [1, 2, 3])
def test_a_problem_without_ceiling_and_centres_has_its_rows_alone(n_features):
    task = replace(load_task(BlobsSpec(1, n_features=n_features)), ceiling=None, centers=None)
    figure = draw_tasks([task], Canvas())
    (axes,) = figure.axes
    assert axes.get_title() == "Problem 1"
    assert (len(axes.collections), len(axes.lines)) == (3, 0)
    assert figure.legends == []
    figure.draw_without_rendering()


def test_a_comparison_without_a_ceiling_draws_none(both):
    tasks = tuple(replace(task, ceiling=None) for task in both.tasks)
    findings = analyse(both.spec, both.scores, tasks[-1], both.curves)
    figure = draw_comparison(replace(both, tasks=tasks, findings=findings), Canvas())
    lines = [line.get_label() for axes in figure.axes for line in axes.lines]
    assert "ceiling" not in lines
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
