"""The unit of work: variants re-use, freeze and redraw exactly what they say, on any engine."""

import pickle
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pytest
from helpers.engines import PlannedEngine
from helpers.results import assert_same_runs
from helpers.running import compare_cell
from helpers.specs import SMALL, spec_of, varied

from blobtransfer.engines import Engine, Job, Trained, load_engine
from blobtransfer.network import initial_weights, stacked_initial_weights
from blobtransfer.randomness import Stream, order_keys
from blobtransfer.running.block import fresh_sources, run_block
from blobtransfer.running.trainer import SourceKey, train_sources
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.specs.variant import STANDALONE, Variant, parse_variant

NETWORK = MLPSpec(hidden=(4, 3))
N_REPEATS = 2


@dataclass
class Recorder:
    """An engine that trains with another one and keeps what went in and came out."""

    engine: Engine
    n_at_once: int = N_REPEATS
    jobs: list[tuple[Job, Trained]] = field(default_factory=list)

    def start(self, spec):
        self.engine.start(spec)

    def repeats_at_once(self, spec):
        return self.n_at_once

    def train(self, job, on_epochs):
        trained = self.engine.train(job, on_epochs)
        self.jobs.append((job, trained))
        return trained


ENGINES = ["compiled", pytest.param("keras", marks=[pytest.mark.slow, pytest.mark.keras])]


@pytest.fixture(scope="module", params=ENGINES)
def engine(request):
    return load_engine(request.param)


def fresh(*texts, **changes):
    """Return a comparison of some variants with fresh sources."""
    settings = {
        "network": NETWORK,
        "training": TrainingSpec(epochs=4, batch_size=16),
        "variants": (STANDALONE, *map(parse_variant, texts)),
        "questions": ("fresh",),
    } | changes
    return spec_of(N_REPEATS, **settings)


def block_of(spec, engine):
    """Run all repeats of a spec as one block.

    Returns:
        What went in and came out of each job, in their order: sources, then arms by phase.
    """
    recorder = Recorder(engine)
    run_block(spec, range(spec.n_repeats), {}, recorder)
    return recorder.jobs


def of_run(weights, i):
    return [stacked[i] for stacked in weights]


def assert_same(a, b):
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        assert x.shape == y.shape and x.tobytes() == y.tobytes()


def assert_all_differ(a, b):
    for x, y in zip(a, b, strict=True):
        assert x.shape != y.shape or x.tobytes() != y.tobytes()


# ---------------------------------------------------------------- where the weights come from


@pytest.mark.parametrize("n_frozen", [0, 1, 2])
def test_transfer_starts_from_all_source_weights_and_freezes_the_first_layers(engine, n_frozen):
    (source_job, source), (job, trained) = block_of(fresh(f"fixed={n_frozen}"), engine)
    for r in range(N_REPEATS):
        first_draw = initial_weights(NETWORK, 0, r)
        assert_same(of_run(source_job.weights, r), first_draw)
        # arm by arm: standalone's repeats, then the variant's
        assert_same(of_run(job.weights, r), first_draw)
        assert_same(of_run(job.weights, N_REPEATS + r), of_run(source.weights, r))
        before, after = of_run(job.weights, N_REPEATS + r), of_run(trained.weights, N_REPEATS + r)
        assert_same(before[: 2 * n_frozen], after[: 2 * n_frozen])
        assert_all_differ(before[2 * n_frozen :], after[2 * n_frozen :])
        assert_all_differ(of_run(job.weights, r), of_run(trained.weights, r))


@pytest.mark.parametrize(("text", "n_kept"), [("new-head", 2), ("reinit=2", 1)])
def test_the_last_layers_are_drawn_afresh_and_the_others_are_the_sources(engine, text, n_kept):
    (_, source), (job, _) = block_of(fresh(text), engine)
    for r in range(N_REPEATS):
        start = of_run(job.weights, N_REPEATS + r)
        redrawn = initial_weights(NETWORK, 0, r, Stream.REINITIALISED)
        assert_same(start[: 2 * n_kept], of_run(source.weights, r)[: 2 * n_kept])
        assert_same(start[2 * n_kept :], redrawn[2 * n_kept :])
        # not the draw that the source and standalone started from
        kernels = slice(2 * n_kept, None, 2)
        assert_all_differ(start[kernels], initial_weights(NETWORK, 0, r)[kernels])


def test_an_added_layer_sits_below_a_new_output_layer(engine):
    (_, source), _, (job, trained) = block_of(fresh("add=6,fixed=2"), engine)
    assert job.network.hidden == (4, 3, 6)
    for r in range(N_REPEATS):
        start = of_run(job.weights, r)
        assert [w.shape for w in start] == [(2, 4), (4,), (4, 3), (3,), (3, 6), (6,), (6, 3), (3,)]
        assert_same(start[:4], of_run(source.weights, r)[:4])
        assert_same(start[4:], initial_weights(job.network, 0, r, Stream.REINITIALISED)[4:])
        after = of_run(trained.weights, r)
        assert_same(start[:4], after[:4])
        assert_all_differ(start[4:], after[4:])


def test_unfreezing_trains_frozen_then_free_at_the_other_rate(engine):
    spec = fresh("fixed=1,unfreeze=3,factor=0.5")
    (_, source), _, (first, half_way), (second, trained) = block_of(spec, engine)
    assert (first.first_epoch, first.training.epochs) == (0, 3)
    assert (second.first_epoch, second.training.epochs) == (3, 4)
    assert second.training.learning_rate == 0.5 * first.training.learning_rate
    for r in range(N_REPEATS):
        middle, after = of_run(half_way.weights, r), of_run(trained.weights, r)
        assert_same(of_run(source.weights, r)[:2], middle[:2])
        assert_same(of_run(second.weights, r), middle)
        assert_all_differ(middle, after)


def test_an_anchor_is_the_source_and_0_for_layers_that_are_drawn_afresh(engine):
    spec = fresh("new-head,fixed=1,anchor=0.5", training=TrainingSpec(2, weight_decay=0.1))
    (_, source), (standalone, _), (job, _) = block_of(spec, engine)
    assert standalone.anchor is None and job.anchor.strength == 0.5
    for r in range(N_REPEATS):
        pulled = of_run(job.anchor.weights, r)
        assert_same(pulled[:4], of_run(source.weights, r)[:4])
        assert not any(weight.any() for weight in pulled[4:])
        assert_same(pulled[:4], of_run(job.weights, r)[:4])


def test_the_stronger_an_anchor_the_nearer_to_its_source_a_network_ends(engine):
    texts = ("anchor=1e-9", "anchor=0.1", "anchor=10")
    (_, source), (_, free), *anchored = block_of(fresh("fixed=0", *texts), engine)

    def distance(weights):
        return sum(np.abs(a - b).sum() for a, b in zip(weights, source.weights, strict=True))

    of_free = distance([stacked[N_REPEATS:] for stacked in free.weights])
    weak, medium, strong = (distance(trained.weights) for _, trained in anchored)
    assert weak == pytest.approx(of_free, rel=1e-3)
    assert strong < medium / 2 and medium < of_free


def test_a_random_frozen_network_freezes_the_draw_of_standalone(engine):
    # one job: no source network is trained
    ((job, trained),) = block_of(fresh("random-frozen,fixed=1"), engine)
    for r in range(N_REPEATS):
        standalone, frozen = of_run(job.weights, r), of_run(job.weights, N_REPEATS + r)
        assert_same(standalone, frozen)
        after = of_run(trained.weights, N_REPEATS + r)
        assert_same(frozen[:2], after[:2])
        assert_all_differ(frozen[2:], after[2:])


def test_self_transfer_starts_from_another_network_of_the_target_problem(engine):
    spec = fresh("self-transfer,fixed=1")
    (source_job, source), (job, _) = block_of(spec, engine)
    assert source_job.datasets[0].spec == spec.target
    for r in range(N_REPEATS):
        assert_same(of_run(job.weights, N_REPEATS + r), of_run(source.weights, r))
        assert source_job.order_keys[r] == order_keys(0, Stream.SOURCE_ORDER, [r])
        assert job.order_keys[r] == order_keys(0, Stream.TARGET_ORDER, [r])


def test_equal_compute_is_standalone_and_then_as_many_epochs_again(engine):
    (alone, short), (twice, long) = block_of(fresh("equal-compute"), engine)
    assert (alone.training.epochs, twice.training.epochs) == (4, 8)
    assert_same(of_run(alone.weights, 0), of_run(twice.weights, 0))
    # its first epochs are standalone's: four more from there lead to the same network
    more = engine.train(replace(twice, weights=short.weights, first_epoch=4), lambda n: None)
    assert_same(more.weights, long.weights)


def test_the_one_source_is_that_of_repeat_0_and_serves_every_repeat(engine):
    recorder = Recorder(engine)
    compare_cell(fresh("fixed=0", questions=("one", "fresh")), engine=recorder)
    (_, one), (_, of_each), (job, _) = recorder.jobs
    assert_same(of_run(one.weights, 0), of_run(of_each.weights, 0))
    for r in range(N_REPEATS):
        assert_same(of_run(job.weights, N_REPEATS + r), of_run(of_each.weights, r))
        assert_same(of_run(job.weights, 2 * N_REPEATS + r), of_run(one.weights, 0))


def test_nested_repeats_share_the_source_of_the_first_of_them():
    recorder = Recorder(load_engine("compiled"), n_at_once=3)  # across the borders of the sources
    compare_cell(replace(fresh("fixed=0"), nested=(3, 2), n_repeats=6), engine=recorder)
    keys = {int(key): r for r, key in enumerate(order_keys(0, Stream.TARGET_ORDER, range(6)))}
    starts = {
        keys[int(key)]: of_run(job.weights, job.n_runs // 2 + i)
        for job, _ in recorder.jobs
        if int(job.order_keys[0]) in keys
        for i, key in enumerate(job.order_keys[: job.n_runs // 2])
    }
    assert sorted(starts) == list(range(6))
    for r in (0, 2, 4):
        assert_same(starts[r], starts[r + 1])
    assert_all_differ(starts[0], starts[2])


def test_a_source_with_another_number_of_classes_serves_new_heads():
    theirs = initial_weights(replace(NETWORK, n_classes=7), 5, 0)
    spec = fresh("new-head,fixed=1", questions=("one",))
    recorder = Recorder(load_engine("compiled"))
    run_block(spec, [0, 1], {SourceKey("one", "transfer", 0): theirs}, recorder)
    ((job, _),) = recorder.jobs
    assert_same(of_run(job.weights, N_REPEATS)[:4], theirs[:4])
    assert job.weights[-1].shape == (4, 3)


@pytest.mark.slow
@pytest.mark.keras
def test_both_engines_train_every_variant_to_the_same_networks():
    texts = ("fixed=1,unfreeze=2,factor=0.1", "add=3,fixed=1", "equal-compute", "reinit=2")
    texts += ("anchor=0.1", "anchor=0.5", "new-head,fixed=1,anchor=0.1")
    spec = replace(fresh(*texts), speed=True, n_repeats=1)
    a, b = (run_block(spec, [0], {}, load_engine(name)) for name in ("compiled", "keras"))
    np.testing.assert_allclose(a.scores.values[2:], b.scores.values[2:], rtol=1e-4)
    for arm in spec.arms:
        # of 20 test rows, one may lie so close to a border that rounding decides
        np.testing.assert_allclose(a.curves[arm], b.curves[arm], atol=0.051)


def test_an_engine_that_moves_a_frozen_weight_is_caught():
    class Careless(PlannedEngine):
        def train(self, job, on_epochs):
            trained = super().train(job, on_epochs)
            trained.weights[3][-1, 0] = np.nextafter(trained.weights[3][-1, 0], 1)
            return trained

    with pytest.raises(AssertionError, match="frozen layer 2"):
        run_block(spec_of(fixed=(2,), questions=("fresh",)), [0], {}, Careless(lambda *_: 0.5))


def test_source_and_standalone_networks_of_a_block_share_one_draw():
    stacked_initial_weights.cache_clear()
    run_block(fresh("fixed=0", "random-frozen,fixed=1"), [0, 1], {}, PlannedEngine(varied))
    assert stacked_initial_weights.cache_info().misses == 1


# ---------------------------------------------------------------- plain data in and out


def test_a_block_names_the_sources_that_its_repeats_start_from():
    variants = (STANDALONE, Variant("transfer", 0), Variant("self-transfer", 0))
    spec = spec_of(6, nested=(2, 3), questions=("fresh",), variants=variants)
    assert fresh_sources(spec, [2, 3, 4]) == [
        ("fresh", "self-transfer", 0),
        ("fresh", "self-transfer", 3),
        ("fresh", "transfer", 0),
        ("fresh", "transfer", 3),
    ]
    assert fresh_sources(replace(spec, nested=None), [4]) == [
        ("fresh", "self-transfer", 4),
        ("fresh", "transfer", 4),
    ]


def test_a_source_that_is_known_is_not_trained_again():
    spec = fresh("fixed=1")
    engine = load_engine("compiled")
    sources = train_sources(spec, fresh_sources(spec, [0, 1]), engine)
    recorder = Recorder(engine)
    given = run_block(spec, [0, 1], sources, recorder)
    assert [job.n_runs for job, _ in recorder.jobs] == [4]
    np.testing.assert_array_equal(
        given.scores.values, run_block(spec, [0, 1], {}, engine).scores.values
    )


@pytest.mark.parametrize("speed", [False, True])
def test_curves_are_kept_where_the_speed_is_asked_for(speed):
    spec = fresh("equal-compute", speed=speed, equal_compute_epochs=6)
    block = run_block(spec, [0, 1], {})
    shapes = {arm.label: curve.shape for arm, curve in block.curves.items()}
    # test accuracy alone, 2 repeats, the epochs and the untrained network
    assert shapes == ({"standalone": (1, 2, 5), "equal-compute": (1, 2, 7)} if speed else {})


def test_the_curve_of_an_unfrozen_run_has_every_epoch_once():
    spec = fresh("fixed=1,unfreeze=3", speed=True)
    block = run_block(spec, [0, 1], {})
    for arm in spec.arms:
        assert block.curves[arm].shape == (1, 2, 5)
        a = spec.arms.index(arm)
        np.testing.assert_array_equal(block.curves[arm][0, :, -1], block.scores.values[0, a])


@pytest.mark.parametrize("unfreeze", [2, 3])
def test_the_curves_of_a_block_do_not_change_its_scores(unfreeze):
    text = f"fixed=1,unfreeze={unfreeze}"
    plain, with_curves = (
        run_block(fresh(text, "equal-compute", speed=speed), [0, 1], {}) for speed in (False, True)
    )
    np.testing.assert_array_equal(plain.scores.values, with_curves.scores.values)
    for arm, curve, earlier in zip(
        plain.scores.arms, with_curves.curves.values(), plain.scores.earlier_accuracy, strict=True
    ):
        epoch = {"equal-compute": 6}.get(arm.label, 3)  # three quarters of 8 and of 4 epochs
        np.testing.assert_array_equal(earlier, curve[0, :, epoch])
    np.testing.assert_array_equal(
        plain.scores.earlier_accuracy, with_curves.scores.earlier_accuracy
    )


def test_the_earlier_accuracy_of_a_training_of_one_epoch_is_that_of_the_untrained_network():
    block = run_block(fresh("fixed=1", training=TrainingSpec(1), speed=True), [0, 1], {})
    for a, arm in enumerate(block.scores.arms):
        np.testing.assert_array_equal(block.scores.earlier_accuracy[a], block.curves[arm][0, :, 0])


def test_a_block_and_its_result_can_be_pickled():
    call = partial(run_block, fresh("fixed=1", "new-head", speed=True), range(2), {})
    here = call()
    there = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(call))()))
    assert_same_runs(here, there)


def test_a_block_is_a_pure_function_of_its_repeats():
    spec = replace(fresh("fixed=1", "self-transfer"), n_repeats=5)
    whole = run_block(spec, range(5), {}).scores
    for repeats in ([0], [3, 4], [1, 4]):
        part = run_block(spec, repeats, {}).scores
        np.testing.assert_array_equal(part.values, whole.values[:, :, repeats])
        assert part.repeats.tolist() == repeats


def test_a_run_whose_loss_is_not_finite_is_failed():
    block = run_block(spec_of(20, questions=("fresh",)), range(20), {}, PlannedEngine(varied))
    assert block.scores.is_failed.any() and not block.scores.is_failed.all()
    np.testing.assert_array_equal(block.scores.is_failed, np.isnan(block.scores.values[0]))


def test_a_run_whose_weights_are_not_finite_is_failed_whatever_its_scores():
    class Diverging(PlannedEngine):
        def train(self, job, on_epochs):
            trained = super().train(job, on_epochs)
            trained.weights[0][1, 0, 0] = np.inf
            return trained

    spec = spec_of(3, variants=(STANDALONE,), source=None, questions=("fresh",))
    block = run_block(spec, range(3), {}, Diverging(lambda *_: 0.5))
    assert block.scores.is_failed.tolist() == [[False, True, False]]


def test_progress_tells_of_every_epoch_once():
    told = []
    spec = fresh("fixed=1", "equal-compute", "fixed=1,unfreeze=3")
    run_block(spec, range(N_REPEATS), {}, load_engine("compiled"), told.append)
    # of 2 repeats: source, standalone, transfer and unfreeze 4 epochs each, equal-compute 8
    assert sum(told) == 2 * (4 + 4 + 4 + 4 + 8)


def test_the_rows_of_a_block_are_those_of_the_spec():
    recorder = Recorder(load_engine("compiled"))
    run_block(fresh("fixed=1"), [0], {}, recorder)
    (source_job, _), (job, _) = recorder.jobs
    assert (source_job.datasets[0].spec.seed, job.datasets[0].spec.seed) == (1, 2)
    assert len(job.datasets[0].y_train) == SMALL["n_train"]
