"""The figure of one training: what is drawn, read back from its axes."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.engines import PlannedEngine, by_key
from helpers.pictures import texts_in
from helpers.specs import SMALL, spec_of

from blobtransfer.report.figures.canvas import Canvas
from blobtransfer.report.figures.style import LOOKS
from blobtransfer.report.figures.training import draw_training
from blobtransfer.report.kinds import build_report
from blobtransfer.running.single import train_source, train_target
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TEST_ACCURACY, TEST_LOSS
from blobtransfer.specs.variant import STANDALONE, parse_variant


def drawn(results, canvas=None):
    return draw_training(build_report(results), canvas or Canvas())


def good(*_):
    return 0.9


def training_of(plan, **changes):
    spec = spec_of(1, **{"variants": (STANDALONE,), "target": None} | changes)
    return train_source(spec, PlannedEngine(plan)).results


def test_the_curves_have_loss_on_top_accuracy_below_and_epoch_0():
    losses, regions, accuracies = drawn(training_of(good)).axes
    assert [line.get_label() for line in losses.lines] == ["train", "test"]
    assert [line.get_label() for line in accuracies.lines] == [
        "train",
        "test",
        "best possible, 100.0",
    ]
    assert list(losses.lines[0].get_xdata()) == [0, 1, 2]
    assert list(accuracies.lines[1].get_ydata()) == [90, 90, 90]
    assert regions.get_title() == "decision regions: source network"


@pytest.mark.parametrize(
    ("losses", "scale"), [([0.9, 0.5, 0.2], "linear"), ([0.9, 0.5, 0.1], "log")]
)
def test_the_axis_of_losses_is_logarithmic_where_they_span_more_than_8_times(losses, scale):
    results = training_of(good)
    ((arm, curves),) = results.curves.items()
    curves = curves.copy()
    curves[TEST_LOSS:] = losses
    figure = drawn(replace(results, curves={arm: curves}))
    assert figure.axes[0].get_yscale() == scale
    np.testing.assert_allclose(figure.axes[0].lines[1].get_ydata(), losses)
    figure.draw_without_rendering()


@pytest.mark.parametrize(("n_features", "n_panels"), [(1, 3), (2, 3), (3, 4)])
def test_regions_are_drawn_where_a_plane_can_show_them_and_else_test_rows_and_a_bar_of_classes(
    n_features, n_panels
):
    source = BlobsSpec(1, **SMALL, n_features=n_features)
    results = training_of(by_key, network=MLPSpec(n_features), source=source)
    figure = drawn(results)
    assert len(figure.axes) == n_panels
    figure.draw_without_rendering()


def test_a_training_that_diverged_has_no_regions_and_can_be_drawn():
    figure = drawn(training_of(lambda *_: np.nan))
    assert len(figure.axes) == 2
    figure.draw_without_rendering()


@pytest.mark.parametrize(("n_classes", "n_panels"), [(49, 3), (50, 2)])
def test_too_many_classes_for_a_map_have_a_note_instead(n_classes, n_panels):
    source = BlobsSpec(1, n_samples=200, n_train=100, n_classes=n_classes)
    results = training_of(good, network=MLPSpec(n_classes=n_classes), source=source)
    figure = drawn(results)
    assert len(figure.axes) == n_panels
    assert figure.get_supxlabel().startswith("50 classes: ") == (n_panels == 2)


def test_a_map_of_too_many_classes_in_an_older_file_is_not_drawn():
    results = training_of(good)
    network = replace(results.spec.network, n_classes=1_000)
    source = BlobsSpec(1, n_samples=2_000, n_train=1_000, n_classes=1_000)
    spec = replace(results.spec, network=network, source=source)
    assert len(drawn(replace(results, spec=spec)).axes) == 2


def test_a_training_without_ceiling_and_centres_draws_neither():
    results = training_of(good)
    plain = replace(
        results,
        tasks=(replace(results.measured, ceiling=None),),
        regions=replace(results.regions, centers=None),
    )
    figure = drawn(plain)
    _, regions, accuracies = figure.axes
    assert [line.get_label() for line in accuracies.lines] == ["train", "test"]
    assert not regions.lines
    figure.draw_without_rendering()


# ---------------------------------------------------------------- regions


def contours_of(axes):
    from matplotlib.contour import QuadContourSet

    return [one for one in axes.collections if isinstance(one, QuadContourSet)]


def areas_of(axes):
    """Return the polygons of the areas of classes, and of the lines between them."""
    sets = contours_of(axes)
    return (
        [path.to_polygons() for one in sets if one.filled for path in one.get_paths()],
        [path.to_polygons(closed_only=False) for one in sets if not one.filled
         for path in one.get_paths()],
    )  # fmt: skip


def with_regions(rows):
    results = training_of(good)
    return replace(results, regions=replace(results.regions, rows=rows, points=(), labels=()))


def slanted(n=100):
    """Return rows of a grid of which class 1 has a triangle, and class 0 the rest."""
    return tuple((1, i + 1, 0, n - i - 1) if i + 1 < n else (1, n) for i in range(n))


def test_the_line_between_two_classes_is_smooth_where_the_grid_has_steps():
    axes = drawn(with_regions(slanted())).axes[1]
    line, *_ = (one.get_paths()[0].vertices for one in contours_of(axes) if not one.filled)
    x = (line[:, 0] - axes.get_xlim()[0]) / np.ptp(axes.get_xlim())
    y = (line[:, 1] - axes.get_ylim()[0]) / np.ptp(axes.get_ylim())
    inside = (x > 0.1) & (x < 0.9)
    # a step of the grid is 0.01 high; of the slanted line nearly nothing of it is left
    assert np.ptp((y - x)[inside]) < 0.002


def test_a_speck_of_a_class_is_not_drawn_and_leaves_no_hole():
    n = 100
    rows = [(0, n)] * n
    rows[50] = rows[51] = (0, 40, 1, 2, 0, n - 42)
    areas, lines = areas_of(drawn(with_regions(tuple(rows))).axes[1])
    assert [len(polygons) for polygons in areas if polygons] == [1]
    assert not any(lines)


def test_every_place_is_in_the_area_of_its_class():
    from matplotlib.path import Path

    results = with_regions(slanted()[:70] + ((1, 50, 2, 50),) * 30)
    axes = drawn(results).axes[1]
    classes = results.regions.classes()
    areas = areas_of(axes)[0]
    assert len(areas) == 3
    grid = np.stack(
        np.meshgrid(
            np.linspace(*results.regions.x, classes.shape[1]),
            np.linspace(*results.regions.y, classes.shape[0]),
        ),
        axis=-1,
    ).reshape(-1, 2)
    for k, polygons in enumerate(areas):
        is_inside = np.sum([Path(one).contains_points(grid) for one in polygons], axis=0) % 2 == 1
        assert np.mean(is_inside == (classes.ravel() == k)) > 0.97


# ---------------------------------------------------------------- beside standalone


@pytest.fixture(scope="module")
def transfer():
    spec = spec_of(1, variants=(parse_variant("random-frozen,fixed=1"),), source=None)
    return train_target(spec, None, PlannedEngine(by_key)).results


def test_standalone_is_drawn_beside_a_variant_in_curves_and_regions(transfer):
    losses, regions, beside, accuracies = drawn(transfer).axes
    for axes in (losses, accuracies):
        assert [line.get_label() for line in axes.lines][:3] == [
            "train",
            "test",
            "test, standalone",
        ]
    np.testing.assert_allclose(
        accuracies.lines[2].get_ydata(), 100 * transfer.baseline.curves[TEST_ACCURACY]
    )
    titles = [regions.get_title(), beside.get_title()]
    assert titles == [
        f"decision regions: {name}" for name in ("random-frozen fixed=1", "standalone")
    ]
    assert regions.get_xlim() == beside.get_xlim()


def test_where_there_was_no_time_for_it_nothing_is_beside(transfer):
    assert len(drawn(replace(transfer, baseline=None)).axes) == 3


@pytest.mark.parametrize("style", LOOKS)
def test_no_text_is_small_or_cut(transfer, style):
    canvas = Canvas(style=style)
    with canvas.settings():
        figure = drawn(transfer, canvas)
    texts = texts_in(figure)
    assert min(text.get_fontsize() for text in texts) >= canvas.look.small >= 8
    page = figure.bbox.padded(1)
    for text in texts:
        box = text.get_window_extent()
        assert page.contains(box.x0, box.y0) and page.contains(box.x1, box.y1), text.get_text()
