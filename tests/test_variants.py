"""Variants re-use, freeze and redraw exactly what they say, with either engine."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from blobtransfer.engines import Job, Trained, load_engine
from blobtransfer.errors import SettingError
from blobtransfer.experiment.compare import compare, train_target
from blobtransfer.network import initial_weights
from blobtransfer.randomness import Stream, order_key
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.task import TaskSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.specs.variant import STANDALONE, Variant, parse_variant

NETWORK = MLPSpec(hidden=(4, 3))
TRAINING = TrainingSpec(epochs=4, batch_size=16)
ROWS = {"n_samples": 60, "n_train": 40}
N_REPEATS = 2


@dataclass
class Recorder:
    """An engine that trains with another one and keeps what went in and came out."""

    engine: object
    jobs: list[tuple[Job, Trained]] = field(default_factory=list)

    def repeats_at_once(self, spec):
        return N_REPEATS

    def train(self, job, tick, announce):
        trained = self.engine.train(job, tick, announce)
        self.jobs.append((job, trained))
        return trained


@pytest.fixture(scope="module", params=["compiled", "keras"])
def engine(request):
    return load_engine(request.param)


def spec_of(*texts, **changes):
    settings = {
        "network": NETWORK,
        "training": TRAINING,
        "variants": (STANDALONE, *map(parse_variant, texts)),
        "questions": ("fresh",),
        "n_repeats": N_REPEATS,
        "source": TaskSpec(1, **ROWS),
        "target": TaskSpec(2, **ROWS),
    } | changes
    return ExperimentSpec(**settings)


def trained_by(engine, text, **changes):
    """Run one variant with fresh sources.

    Returns:
        Source networks by repeat, and the jobs of the variant alone: what each run started
        from and became, by phase.
    """
    recorder = Recorder(engine)
    compare(spec_of(text, **changes), None, recorder)
    sources, phases = None, []
    for job, trained in recorder.jobs:
        n_arms = job.n_runs // N_REPEATS
        if n_arms == 1 and not phases and sources is None and job.first_epoch == 0:
            sources = (job, trained)
        else:
            phases.append((job, trained))
    return sources, phases


def of_run(weights, i):
    return [stacked[i] for stacked in weights]


def assert_same(a, b):
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        assert x.shape == y.shape and x.tobytes() == y.tobytes()


def assert_all_differ(a, b):
    for x, y in zip(a, b, strict=True):
        assert x.shape != y.shape or x.tobytes() != y.tobytes()


@pytest.mark.parametrize("n_fixed", [0, 1, 2])
def test_transfer_starts_from_all_source_weights_and_freezes_the_first_layers(engine, n_fixed):
    (source_job, source), [(job, trained)] = trained_by(engine, f"fixed={n_fixed}")
    for r in range(N_REPEATS):
        fresh = initial_weights(NETWORK, 0, r)
        assert_same(of_run(source_job.weights, r), fresh)
        # arm by arm: standalone's repeats, then the variant's
        assert_same(of_run(job.weights, r), fresh)
        assert_same(of_run(job.weights, N_REPEATS + r), of_run(source.weights, r))
        before, after = of_run(job.weights, N_REPEATS + r), of_run(trained.weights, N_REPEATS + r)
        assert_same(before[: 2 * n_fixed], after[: 2 * n_fixed])
        assert_all_differ(before[2 * n_fixed :], after[2 * n_fixed :])
        assert_all_differ(of_run(job.weights, r), of_run(trained.weights, r))


@pytest.mark.parametrize(("text", "n_kept"), [("new-head", 2), ("reinit=2", 1)])
def test_the_last_layers_are_drawn_afresh_and_the_others_are_the_sources(engine, text, n_kept):
    (_, source), [(job, _)] = trained_by(engine, text)
    for r in range(N_REPEATS):
        start = of_run(job.weights, N_REPEATS + r)
        redrawn = initial_weights(NETWORK, 0, r, Stream.REDRAWN)
        assert_same(start[: 2 * n_kept], of_run(source.weights, r)[: 2 * n_kept])
        assert_same(start[2 * n_kept :], redrawn[2 * n_kept :])
        # not the draw that the source and standalone started from
        kernels = slice(2 * n_kept, None, 2)
        assert_all_differ(start[kernels], initial_weights(NETWORK, 0, r)[kernels])


def test_an_added_layer_sits_below_a_new_output_layer(engine):
    (_, source), phases = trained_by(engine, "add=6,fixed=2")
    ((job, trained),) = [phase for phase in phases if phase[0].network.hidden == (4, 3, 6)]
    for r in range(N_REPEATS):
        start = of_run(job.weights, r)
        assert [w.shape for w in start] == [(2, 4), (4,), (4, 3), (3,), (3, 6), (6,), (6, 3), (3,)]
        assert_same(start[:4], of_run(source.weights, r)[:4])
        assert_same(start[4:], initial_weights(job.network, 0, r, Stream.REDRAWN)[4:])
        after = of_run(trained.weights, r)
        assert_same(start[:4], after[:4])
        assert_all_differ(start[4:], after[4:])


def test_unfreezing_trains_frozen_then_free_at_the_other_rate(engine):
    (_, source), phases = trained_by(engine, "fixed=1,unfreeze=3,factor=0.5")
    (first, half_way), (second, trained) = [p for p in phases if p[0].n_runs == N_REPEATS][-2:]
    assert (first.first_epoch, first.training.epochs) == (0, 3)
    assert (second.first_epoch, second.training.epochs) == (3, 4)
    assert second.training.learning_rate == 0.5 * first.training.learning_rate
    for r in range(N_REPEATS):
        middle, after = of_run(half_way.weights, r), of_run(trained.weights, r)
        assert_same(of_run(source.weights, r)[:2], middle[:2])
        assert_same(of_run(second.weights, r), middle)
        assert_all_differ(middle, after)


def test_a_random_frozen_network_freezes_the_draw_of_standalone(engine):
    recorder = Recorder(engine)
    compare(spec_of("random-frozen,fixed=1"), None, recorder)
    ((job, trained),) = recorder.jobs  # no source network is trained
    for r in range(N_REPEATS):
        standalone, frozen = of_run(job.weights, r), of_run(job.weights, N_REPEATS + r)
        assert_same(standalone, frozen)
        after = of_run(trained.weights, N_REPEATS + r)
        assert_same(frozen[:2], after[:2])
        assert_all_differ(frozen[2:], after[2:])


def test_self_transfer_starts_from_another_network_of_the_target_problem(engine):
    (source_job, source), [(job, _)] = trained_by(engine, "self-transfer,fixed=1")
    assert source_job.task.spec.seed == 2
    for r in range(N_REPEATS):
        assert_same(of_run(job.weights, N_REPEATS + r), of_run(source.weights, r))
        assert source_job.order_keys[r] == order_key(0, Stream.SOURCE_ORDER, r)
        assert job.order_keys[r] == order_key(0, Stream.TARGET_ORDER, r)


def test_equal_compute_is_standalone_and_then_as_many_epochs_again(engine):
    recorder = Recorder(engine)
    compare(spec_of("equal-compute"), None, recorder)
    (alone, short), (twice, long) = recorder.jobs
    assert (alone.training.epochs, twice.training.epochs) == (4, 8)
    assert_same(of_run(alone.weights, 0), of_run(twice.weights, 0))
    # its first epochs are standalone's: four more from there lead to the same network
    more = engine.train(
        replace(twice, weights=short.weights, first_epoch=4), lambda n: None, lambda t: print
    )
    for x, y in zip(more.weights, long.weights, strict=True):
        np.testing.assert_array_equal(x, y)


def test_the_one_source_is_that_of_repeat_0_and_serves_every_repeat(engine):
    recorder = Recorder(engine)
    results = compare(spec_of("fixed=0", questions=("one", "fresh")), None, recorder)
    (_, one), (_, fresh), (job, _) = recorder.jobs
    assert_same(of_run(one.weights, 0), of_run(fresh.weights, 0))
    for r in range(N_REPEATS):
        assert_same(of_run(job.weights, N_REPEATS + r), of_run(one.weights, 0))
        assert_same(of_run(job.weights, 2 * N_REPEATS + r), of_run(fresh.weights, r))
    rows = [(run.sources, run.repeat) for run in results.runs]
    assert rows == [(s, r) for r in range(2) for s in ("none", "one", "fresh")]


def test_nested_repeats_share_the_source_of_the_first_of_them():
    engine = Recorder(load_engine("compiled"))
    engine.repeats_at_once = lambda spec: 3  # across the borders of the sources
    spec = spec_of("fixed=0", nested=(3, 2), n_repeats=6)
    compare(spec, None, engine)
    starts = {}
    for job, _ in engine.jobs:
        if job.task.spec.seed == 2:
            n = job.n_runs // 2
            keys = {order_key(0, Stream.TARGET_ORDER, r): r for r in range(6)}
            for i in range(n):
                starts[keys[int(job.order_keys[i])]] = of_run(job.weights, n + i)
    assert sorted(starts) == list(range(6))
    for r in (0, 2, 4):
        assert_same(starts[r], starts[r + 1])
    assert_all_differ(starts[0], starts[2])


def test_a_source_with_another_number_of_classes_serves_new_heads():
    theirs = initial_weights(replace(NETWORK, n_classes=7), 5, 0)
    spec = spec_of("new-head,fixed=1", questions=("one",))
    recorder = Recorder(load_engine("compiled"))
    compare(spec, theirs, recorder)
    ((job, _),) = recorder.jobs
    assert_same(of_run(job.weights, N_REPEATS)[:4], theirs[:4])
    assert job.weights[-1].shape == (4, 3)


def test_both_engines_train_every_variant_to_the_same_networks():
    texts = ("fixed=1,unfreeze=2,factor=0.1", "add=3,fixed=1", "equal-compute", "reinit=2")
    spec = spec_of(*texts, questions=("one", "fresh"), speed=True, n_repeats=1)
    a, b = (compare(spec, None, load_engine(name)) for name in ("compiled", "keras"))
    for one, other in zip(a.runs, b.runs, strict=True):
        assert one.test_loss == pytest.approx(other.test_loss, rel=1e-4)
    for one, other in zip(a.curves, b.curves, strict=True):
        np.testing.assert_allclose(one.test_accuracy, other.test_accuracy, atol=0.051)
    lengths = {curve.variant: len(curve.test_accuracy) for curve in a.curves}
    assert lengths["unfreeze=2 factor=0.1"] == 5
    assert lengths["equal-compute"] == 9


@pytest.mark.parametrize(
    "text", ["equal-compute", "self-transfer,fixed=1", "random-frozen,fixed=2"]
)
def test_one_training_of_a_control_is_repeat_0_of_the_comparison(text):
    engine = load_engine("compiled")
    compared = compare(spec_of(text, questions=("one",)), None, engine)
    alone = train_target(
        spec_of(variants=(parse_variant(text),), n_repeats=1, questions=("one",)), None, engine
    )
    assert alone.results.runs[0] in compared.runs


# ---------------------------------------------------------------- how they are written


@pytest.mark.parametrize(
    ("text", "variant", "label"),
    [
        ("new-head", Variant("transfer", 0, new_head=True), "new-head fixed=0"),
        ("fixed=1,new-head", Variant("transfer", 1, new_head=True), "new-head fixed=1"),
        ("reinit=2 fixed=1", Variant("transfer", 1, reinit=2), "reinit=2 fixed=1"),
        ("add=8", Variant("transfer", 0, add=8), "add=8 fixed=0"),
        (
            " fixed=2, unfreeze=50, factor=1e-1 ",
            Variant("transfer", 2, unfreeze=50, factor=0.1),
            "unfreeze=50 factor=0.1 fixed=2",
        ),
        ("transfer", Variant("transfer", 0), "transfer fixed=0"),
        ("random-frozen,fixed=2", Variant("random-frozen", 2), "random-frozen fixed=2"),
        (
            "self-transfer,reinit=1",
            Variant("self-transfer", 0, reinit=1),
            "self-transfer reinit=1 fixed=0",
        ),
        ("equal-compute", Variant("equal-compute"), "equal-compute"),
    ],
)
def test_a_variant_is_read_as_it_is_written_and_its_label_can_be_read_again(text, variant, label):
    assert parse_variant(text) == variant
    assert str(variant) == label
    assert parse_variant(label) == variant


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "an empty variant is not known"),
        ("magic", "magic is not known; use transfer, random-frozen"),
        ("reverse", "use --reverse"),
        ("standalone", "always compared"),
        ("fixed=x", "use a whole number"),
        ("fixed=1_0", "use a whole number"),
        ("fixed=", "use a whole number"),
        ("fixed=-1", "use fixed=0 or more"),
        ("fixed=1,fixed=2", "fixed is repeated"),
        ("new-head=1", "new-head=1 is not known"),
        ("reinit", "reinit is not known"),
        ("reinit=0", "use reinit=1 or more"),
        ("add=0", "use add=1 or more"),
        ("new-head,reinit=2", "exclude each other"),
        ("transfer,self-transfer", "exclude each other"),
        ("random-frozen", "add fixed=n"),
        ("random-frozen,fixed=0", "nothing is frozen"),
        ("random-frozen,fixed=1,new-head", "starts from fresh weights"),
        ("equal-compute,fixed=1", "freezes nothing"),
        ("unfreeze=5", "add fixed=n to transfer"),
        ("fixed=0,unfreeze=5", "nothing is frozen"),
        ("fixed=1,unfreeze=0", "use unfreeze=1 or more"),
        ("fixed=1,factor=0.1", "factor needs unfreeze"),
        ("fixed=1,unfreeze=2,factor=0", "a finite factor above 0"),
        ("fixed=1,unfreeze=2,factor=nan", "use a number"),
    ],
)
def test_a_variant_that_cannot_be_is_refused_with_its_reason(text, problem):
    with pytest.raises(SettingError, match=r"^variant") as error:
        parse_variant(text)
    assert problem in error.value.problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("fixed=3", "the network has 2 hidden layers; use fixed=0, 1 or 2"),
        ("reinit=3", "use reinit=1 to 2"),
        ("reinit=2,fixed=2", "layer 2 is drawn afresh"),
        ("fixed=1,unfreeze=4", "the training has 4 epochs"),
        ("fixed=1,unfreeze=3,factor=1e999", "use a number"),
    ],
)
def test_a_variant_that_does_not_fit_the_network_or_the_training_is_refused(text, problem):
    with pytest.raises(SettingError) as error:
        spec_of(text)
    assert problem in error.value.problem


def test_a_variant_given_twice_is_refused():
    with pytest.raises(SettingError, match="repeated"):
        spec_of("new-head", "new-head,fixed=0")
