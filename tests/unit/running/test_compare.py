"""A comparison with a planned engine: which runs there are, and that it is cut at will."""

import multiprocessing
from collections import Counter
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
import pytest
from helpers.engines import PlannedEngine, planned
from helpers.results import assert_same_runs, runs_of
from helpers.running import compare, compare_cell
from helpers.specs import REPEAT_OF, SOURCE_KEY, VARIANTS, spec_of

from blobtransfer.analysis.load import from_json
from blobtransfer.data import load_dataset
from blobtransfer.engines import load_engine
from blobtransfer.errors import SettingError
from blobtransfer.network import initial_weights
from blobtransfer.randomness import Stream, order_keys
from blobtransfer.report.writers import to_json
from blobtransfer.results.store.store import Store
from blobtransfer.running.fingerprint import current_environment
from blobtransfer.running.transferability import score_sources
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.study import Study
from blobtransfer.specs.variant import STANDALONE, Variant, parse_variant
from blobtransfer.statistics.sequential import look_schedule

SOURCE_KEYS = set(order_keys(0, Stream.SOURCE_ORDER, range(100)).tolist())


@dataclass
class Told:
    """Progress that keeps what it is told of each stage, and may stop the comparison."""

    stop_at: int | None = None
    stages: dict[str, "Stage"] = field(default_factory=dict)

    def start(self, stage, total, n_repeats=1):
        stop_at = self.stop_at if stage in ("comparison", "until decided") else None
        return self.stages.setdefault(stage, Stage(total, stop_at))


@dataclass
class Stage:
    """A stage, and the epochs it was told of; it stops when it was told that often."""

    total: int
    stop_at: int | None
    told: list[int] = field(default_factory=list)

    def advance(self, n):
        if n:
            self.told.append(n)
        if self.stop_at is not None and len(self.told) >= self.stop_at:
            raise KeyboardInterrupt


@dataclass
class Cut:
    """An engine that wants few repeats at once."""

    engine: object
    n_at_once: int

    def start(self, spec):
        self.engine.start(spec)

    def repeats_at_once(self, spec):
        return self.n_at_once

    def train(self, job, on_epochs):
        return self.engine.train(job, on_epochs)


# ---------------------------------------------------------------- which runs there are


def test_there_is_a_run_for_each_arm_in_each_repeat():
    results = compare_cell(
        spec_of(2, fixed=(0,), questions=("one", "fresh")), None, PlannedEngine(planned)
    )
    assert [(run.sources, run.variant, run.fixed, run.repeat) for run in runs_of(results)] == [
        (*arm, repeat)
        for repeat in range(2)
        for arm in (("none", "standalone", None), ("fresh", "transfer", 0), ("one", "transfer", 0))
    ]


def test_a_comparison_without_a_model_trains_the_source_of_repeat_0_first():
    engine, progress = PlannedEngine(lambda key, *_: 0.9 if key == SOURCE_KEY else 0.5), Told()
    results = compare_cell(spec_of(2), None, engine, progress)
    assert results.source_run.test_accuracy == 0.9
    assert [data.role for data in results.tasks] == ["source", "target"]
    # 1 run x 2 epochs, then 2 repeats x 3 variants x 2 epochs, a job each repeat
    source, comparison = progress.stages["source"], progress.stages["comparison"]
    assert (source.total, source.told) == (2, [2])
    assert (comparison.total, comparison.told) == (12, [6, 6])


def test_a_given_network_is_the_one_source_and_none_is_trained():
    given = initial_weights(MLPSpec(), 7, 0)
    engine = PlannedEngine(planned)
    results = compare_cell(spec_of(2, source=None, model_path="m.keras"), given, engine)
    assert results.source_run is None
    assert [data.role for data in results.tasks] == ["target"]
    assert all(job.datasets[0].spec.seed == 2 for job in engine.jobs)
    # standalone, then the variants from the source
    assert engine.jobs[0].weights[0][1:].tobytes() == np.stack([given[0]] * 2).tobytes()


def test_other_variants_leave_the_rows_of_a_variant_alone():
    def of_two(fixed):
        results = compare_cell(spec_of(fixed=fixed), None, PlannedEngine(planned))
        return [run for run in runs_of(results) if run.fixed in (None, 2)]

    assert of_two((0, 1, 2)) == of_two((2,))


def test_problems_without_ceiling_and_centres_are_compared_all_the_same(monkeypatch):
    def load(spec, *_):
        return replace(load_dataset(spec), best_classes=None, centers=None)

    monkeypatch.setattr("blobtransfer.running.single.load_dataset", load)
    results = compare_cell(spec_of(2, speed=True), None, PlannedEngine(planned))
    assert [data.ceiling for data in results.tasks] == [None, None]
    assert {one.gap for one in results.summary} == {None}
    medians = [one.median for one in results.summary]
    assert results.findings.threshold == pytest.approx(0.95 * max(medians))


@pytest.mark.parametrize("questions", [("one",), ("fresh", "one")])
def test_all_can_be_compared_with_one_variant_that_was_named(questions):
    against = parse_variant("fixed=0")
    results = compare_cell(
        spec_of(3, against=against, questions=questions), None, PlannedEngine(planned)
    )
    told = [(c.question, c.kind, c.arm.label, c.baseline.label) for c in results.findings.contrasts]
    assert told == [
        (question, "against", "transfer fixed=2", "transfer fixed=0") for question in questions
    ]


# ---------------------------------------------------------------- until all is decided


def plan_with(better_by, spread):
    """Plan accuracies around 0.5, better with 2 frozen layers; each run has its own noise."""

    def plan(key, first_weight, n_frozen):
        return 0.5 + better_by * (n_frozen == 2) + spread * (key // (1 + n_frozen) % 97 / 96 - 0.5)

    return plan


@pytest.mark.parametrize("n_at_once", [7, 1000])
@pytest.mark.parametrize(
    ("better_by", "spread", "n_repeats"),
    [
        (0.3, 0.1, 100),  # clear at the first look
        (0.01, 0.3, 400),  # at no look: the most there may be
    ],
)
def test_repeats_are_added_until_the_first_look_at_which_all_is_decided(
    better_by, spread, n_repeats, n_at_once
):
    spec = spec_of(400, (2,), until_decided=True, questions=("one", "fresh"))
    engine = PlannedEngine(plan_with(better_by, spread), n_at_once)
    results = compare_cell(spec, None, engine)
    assert results.scores.repeats.tolist() == list(range(n_repeats))
    assert not results.interrupted
    kinds = {one.verdict.kind for one in results.summary[1:]}
    assert kinds == ({"better"} if n_repeats == 100 else {"undecided"})
    whole = compare_cell(spec_of(n_repeats, (2,), questions=("one", "fresh")), None, engine)
    assert_same_runs(results, whole)


def test_the_look_at_which_it_stops_is_the_first_that_decides():
    spec = spec_of(5_000, (2,), until_decided=True)
    engine = PlannedEngine(plan_with(0.03, 0.2), 1000)
    results = compare_cell(spec, None, engine)
    n = results.scores.n_repeats
    assert n in look_schedule(5_000)[1:-1]
    (verdict,) = (one.verdict for one in results.summary[1:])
    assert verdict.kind == "better"
    # at the look before, it is not decided
    before = max(look for look in look_schedule(5_000) if look < n)
    (verdict,) = (
        one.verdict
        for one in compare_cell(replace(spec, n_repeats=before), None, engine).summary[1:]
    )
    assert verdict.kind == "undecided"


def test_the_findings_of_a_comparison_until_decided_are_the_same_when_read_again():
    spec = spec_of(400, (2,), until_decided=True, speed=True)
    results = compare(spec, None, PlannedEngine(plan_with(0.3, 0.05), 100))
    back = from_json("".join(to_json(results)).encode(), "r.json")
    assert back.cell.findings == results.cell.findings
    assert back.cell.scores.n_repeats == results.cell.scores.n_repeats < spec.n_repeats


def test_a_failed_run_counts_at_chance_level_at_every_look_as_it_does_in_the_end():
    def plan(key, first_weight, n_frozen):
        return np.nan if n_frozen == 2 else 0.9

    results = compare_cell(spec_of(200, (2,), until_decided=True), None, PlannedEngine(plan, 1000))
    assert results.scores.n_repeats == 100
    assert results.summary[1].verdict.kind == "worse"
    assert results.summary[1].difference.mean == pytest.approx(0.5 - 0.9)


def test_a_comparison_until_decided_can_be_interrupted():
    def plan(key, first_weight, n_frozen):
        if len(engine.jobs) > 130:
            raise KeyboardInterrupt
        return 0.5

    engine = PlannedEngine(plan)
    results = compare_cell(spec_of(400, (2,), until_decided=True), None, engine)
    assert results.interrupted and 100 < results.scores.n_repeats < 400


# ---------------------------------------------------------------- however the repeats are cut


@pytest.mark.parametrize("n_at_once", [1, 2, 3, 1000])
def test_more_repeats_keep_the_earlier_rows_however_they_are_cut(n_at_once):
    def of(n_repeats, n_at_once):
        spec = spec_of(n_repeats, questions=("one", "fresh"))
        return runs_of(compare_cell(spec, None, PlannedEngine(planned, n_at_once)))

    assert of(7, n_at_once)[:15] == of(3, 1)


DESIGNS = {
    # (variants, changes of the spec, source networks by starting kind)
    "nested": (
        (STANDALONE, Variant("transfer", 0), Variant("transfer", 2)),
        {"nested": (4, 2), "n_repeats": 8},
        {"transfer": 4},
    ),
    "long nested": (
        (STANDALONE, Variant("transfer", 0)),
        {"nested": (2, 17), "n_repeats": 34},
        {"transfer": 2},
    ),
    "nested, both kinds": (
        (STANDALONE, Variant("transfer", 1), Variant("self-transfer", 1)),
        {"nested": (4, 5), "n_repeats": 20},
        {"transfer": 4, "self-transfer": 4},
    ),
    "fresh": (
        (STANDALONE, Variant("transfer", 0), Variant("self-transfer", 0)),
        {"n_repeats": 20},
        {"transfer": 20, "self-transfer": 20},
    ),
    "nested, and the one": (
        (STANDALONE, Variant("transfer", 1), Variant("self-transfer", 1)),
        {"nested": (3, 2), "n_repeats": 6, "questions": ("one", "fresh")},
        # one of each kind before the comparison
        {"transfer": 3 + 1, "self-transfer": 3 + 1},
    ),
}


def design_of(name):
    variants, changes, n_sources = DESIGNS[name]
    return spec_of(**{"variants": variants, "questions": ("fresh",)} | changes), n_sources


@pytest.mark.parametrize("n_at_once", [1, 3, 16, 1000])
@pytest.mark.parametrize("with_executor", [False, True])
@pytest.mark.parametrize("name", DESIGNS)
def test_every_source_network_is_trained_once_however_the_repeats_are_cut(
    name, n_at_once, with_executor, monkeypatch
):
    spec, n_sources = design_of(name)
    engine, progress = PlannedEngine(planned, n_at_once), Told()
    if with_executor:
        # what a process of its own would load
        name = "blobtransfer.running.worker.engine_of"
        monkeypatch.setattr(name, lambda _, n_threads: engine)
        with ThreadPoolExecutor(2) as executor:
            results = compare_cell(spec, None, engine, progress, executor)
    else:
        results = compare_cell(spec, None, engine, progress)
    trained = Counter(
        "transfer" if job.datasets[0].spec == spec.source else "self-transfer"
        for job in engine.jobs
        for key in job.order_keys
        if int(key) in SOURCE_KEYS
    )
    assert trained == n_sources
    comparison = progress.stages["comparison"]
    assert sum(comparison.told) == comparison.total
    assert_same_runs(results, compare_cell(spec, None, PlannedEngine(planned)))


@pytest.mark.parametrize("name", DESIGNS)
def test_a_block_of_threads_trains_the_networks_that_are_trained_here(name):
    spec, _ = design_of(name)
    engine = load_engine("compiled")
    here = compare_cell(spec, None, engine)
    with ThreadPoolExecutor(2) as executor:
        assert_same_runs(here, compare_cell(spec, None, Cut(engine, 3), executor=executor))


@pytest.mark.slow
def test_processes_of_their_own_train_the_networks_that_are_trained_here():
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as executor:
        for name, speed in product(("nested, both kinds", "fresh"), (False, True)):
            spec, _ = design_of(name)
            spec = replace(spec, speed=speed)
            engine = Cut(load_engine("compiled"), 3)
            there = compare_cell(spec, None, engine, executor=executor)
            assert_same_runs(compare_cell(spec, None, engine), there)


def test_the_engine_is_started_before_anything_is_trained():
    started = []

    class Watched(PlannedEngine):
        def start(self, spec):
            started.append((spec, len(self.jobs)))

    spec = spec_of()
    compare_cell(spec, None, Watched(planned))
    assert started[0] == (spec, 0)


def test_without_an_engine_it_is_that_of_the_spec():
    spec = spec_of(2)
    assert_same_runs(compare_cell(spec), compare_cell(spec, None, load_engine(spec.engine)))


# ---------------------------------------------------------------- interrupts


def test_ctrl_c_keeps_the_repeats_that_were_complete():
    def plan(key, first_weight, n_frozen):
        if REPEAT_OF.get(key) == 2 and n_frozen == 2:
            raise KeyboardInterrupt
        return 0.5

    results = compare_cell(spec_of(5), None, PlannedEngine(plan))
    assert results.interrupted
    assert [run.repeat for run in runs_of(results)] == [0, 0, 0, 1, 1, 1]


def test_ctrl_c_before_the_first_repeat_is_passed_on():
    def plan(key, first_weight, n_frozen):
        if key in REPEAT_OF:
            raise KeyboardInterrupt
        return 0.5

    with pytest.raises(KeyboardInterrupt):
        compare_cell(spec_of(), None, PlannedEngine(plan))


@pytest.mark.parametrize("speed", [False, True])
def test_progress_may_stop_a_comparison_and_keeps_what_is_done(speed):
    spec = spec_of(5, variants=VARIANTS, questions=("fresh",), speed=speed)
    results = compare_cell(spec, None, PlannedEngine(planned), Told(stop_at=7))
    whole = compare_cell(spec, None, PlannedEngine(planned))
    assert results.interrupted
    # a repeat tells four times: of its source, of its plain arms, and of two phases of one
    assert results.scores.repeats.tolist() == [0]
    np.testing.assert_array_equal(results.scores.values, whole.scores.values[:, :, :1])
    for arm, curve in results.curves.items():
        np.testing.assert_array_equal(curve, whole.curves[arm][:, :1])


class OneByOne(Executor):
    """Runs the first call at once, and leaves the others waiting."""

    def __init__(self):
        self.futures = []

    def submit(self, call, *args):
        future = Future()
        if not self.futures:
            future.set_running_or_notify_cancel()
            future.set_result(call(*args))
        self.futures.append(future)
        return future


def test_an_interrupt_while_an_executor_works_keeps_what_is_done_and_cancels_the_rest():
    spec = spec_of(5, questions=("fresh",))
    engine, executor = Cut(load_engine("compiled"), 2), OneByOne()
    results = compare_cell(spec, None, engine, Told(stop_at=1), executor)
    assert results.interrupted
    assert results.scores.repeats.tolist() == [0, 1]
    np.testing.assert_array_equal(
        results.scores.values, compare_cell(spec, None, engine).scores.values[:, :, :2]
    )
    assert [future.cancelled() for future in executor.futures] == [False, True, True]


def test_an_interrupt_before_an_executor_has_done_anything_is_passed_on():
    with ThreadPoolExecutor(2) as executor, pytest.raises(KeyboardInterrupt):
        compare_cell(spec_of(5), None, load_engine("compiled"), Told(stop_at=0), executor)


def test_nothing_depends_on_global_random_state_nor_changes_it():
    spec = spec_of(7, questions=("one", "fresh"))
    found = []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002
        before = np.random.get_state()[1].tolist()  # noqa: NPY002
        found.append(compare_cell(spec).summary)
        assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    assert found[0] == found[1]


def test_a_network_that_is_given_is_kept_by_its_hash_or_not_at_all(tmp_path):
    weights = initial_weights(MLPSpec(), 0, 0)
    spec = spec_of(3)
    engine = PlannedEngine(planned)
    with Store.open(tmp_path / "a.db", writes=True) as store:
        with pytest.raises(SettingError, match="model_sha256"):
            compare_cell(spec, weights, engine, store=store)
        known = replace(spec, model_sha256="0")
        assert compare_cell(known, weights, engine, store=store).scores.n_repeats == 3
        assert str(store.count_repeats(Study.of_one(known))) == "3 of 3 repeats"


def test_a_maker_of_scores_is_known_by_what_rounds_them_too(monkeypatch):
    spec = spec_of(3, questions=("fresh",))
    engine = load_engine("compiled")
    plain = current_environment(spec, engine)
    scored = replace(spec, transferability=True)
    one = current_environment(scored, engine)
    assert one.rounding.startswith(plain.rounding) and one.rounding != plain.rounding
    name = "blobtransfer.running.fingerprint.score_sources"
    monkeypatch.setattr(name, lambda *_: np.nextafter(score_sources(scored, *_[1:]), 1))
    assert (
        current_environment(scored, engine).difference_from(one, "compiled")
        == "its CPU rounds differently"
    )
    assert current_environment(spec, engine) == plain
