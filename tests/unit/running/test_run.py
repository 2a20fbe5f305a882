"""Studies with a planned engine: each cell is the comparison it stands for, sources are shared."""

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from helpers.engines import PlannedEngine
from helpers.running import compare_cell, run
from helpers.specs import varied
from helpers.studies import grid_of, pairs_of, sweep_of

from blobtransfer.data import load_dataset
from blobtransfer.engines import load_engine
from blobtransfer.randomness import Stream, order_keys
from blobtransfer.running.source_cache import SourceNetworkCache
from blobtransfer.running.trainer import SourceKey

SOURCE_KEYS = {
    int(key) for seed in range(10) for key in order_keys(seed, Stream.SOURCE_ORDER, range(20))
}


@dataclass
class Counted:
    """Progress that counts epochs, and may stop the study after so many calls."""

    stop_at: int | None = None
    stages: Counter[str] = field(default_factory=Counter)
    totals: dict[str, int] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=dict)
    n_calls: int = 0

    def start(self, stage, total, n_repeats=1):
        self.totals[stage], self.parts[stage] = total, n_repeats
        return _Stage(self, stage)


@dataclass
class _Stage:
    told: Counted
    name: str

    def advance(self, n):
        self.told.stages[self.name] += n
        self.told.n_calls += self.name in ("sweep", "pairs", "grid")
        if self.told.stop_at is not None and self.told.n_calls > self.told.stop_at:
            raise KeyboardInterrupt


def n_sources_in(engine):
    """Count the source networks that an engine was asked for."""
    return sum(1 for job in engine.jobs for key in job.order_keys.tolist() if key in SOURCE_KEYS)


@pytest.mark.parametrize("make", [sweep_of, pairs_of, grid_of])
def test_every_cell_is_to_the_bit_the_comparison_that_it_stands_for(make):
    spec, engine = make(n_repeats=4), load_engine("compiled")
    found = run(spec, engine=engine)
    assert [cell.at for cell in found.cells] == [cell.at for cell in spec.cells]
    for cell, own in zip(spec.cells, found.cells, strict=True):
        alone = compare_cell(cell.spec, engine=engine)
        assert np.array_equal(alone.scores.values, own.scores.values, equal_nan=True)


def test_a_source_serves_a_whole_row_of_a_grid_and_its_diagonal():
    engine = PlannedEngine(varied, n_at_once=3)
    run(grid_of(3, n_repeats=8), engine=engine)
    assert n_sources_in(engine) == 3 * 8


def test_the_points_of_a_sweep_share_sources_where_these_are_the_same():
    engine = PlannedEngine(varied, n_at_once=8)
    run(sweep_of((10, 20, 40)), engine=engine)
    assert n_sources_in(engine) == 3 * 8
    spec = sweep_of((10, 20, 40))
    one = spec.cells[0].spec.source
    shared = tuple(replace(cell, spec=replace(cell.spec, source=one)) for cell in spec.cells)
    engine = PlannedEngine(varied, n_at_once=8)
    run(replace(spec, cells=shared), engine=engine)
    assert n_sources_in(engine) == 8


@pytest.mark.parametrize("make", [sweep_of, pairs_of, grid_of])
def test_progress_counts_every_epoch_once(make):
    told = Counted()
    spec = make()
    run(spec, engine=PlannedEngine(varied, n_at_once=3), progress=told)
    kind = spec.kind
    assert told.parts[kind] == len(spec.cells)
    assert told.stages[kind] == told.totals[kind] > 0


def test_an_interrupted_sweep_keeps_what_is_done():
    spec = sweep_of(n_repeats=8)
    found = run(spec, engine=PlannedEngine(varied, n_at_once=2), progress=Counted(stop_at=13))
    assert found.interrupted
    assert [cell.at for cell in found.cells] == [("10",), ("20",)]
    assert [cell.scores.n_repeats for cell in found.cells] == [8, 2]


def test_interrupted_pairs_keep_whole_pairs_alone():
    spec = pairs_of(n_repeats=8)
    found = run(spec, engine=PlannedEngine(varied, n_at_once=2), progress=Counted(stop_at=13))
    assert found.interrupted
    assert [cell.scores.n_repeats for cell in found.cells] == [8]


@pytest.mark.parametrize("make", [sweep_of, pairs_of, grid_of])
def test_a_study_without_anything_to_show_is_an_interrupt(make):
    with pytest.raises(KeyboardInterrupt):
        run(make(), engine=PlannedEngine(varied), progress=Counted(stop_at=1))


def test_pairs_know_how_far_their_problems_are_apart():
    found = run(pairs_of(), engine=PlannedEngine(varied, n_at_once=8))
    assert all(cell.distance is not None and cell.distance > 0.0 for cell in found.cells)
    swept = run(sweep_of(), engine=PlannedEngine(varied, n_at_once=8))
    assert all(cell.distance is None for cell in swept.cells)


# ---------------------------------------------------------------- the bank of sources


def trained(n_numbers):
    def train(spec, keys):
        calls.append(len(keys))
        return {key: [np.full(n_numbers, key.repeat, np.float32)] for key in keys}

    calls = []
    return train, calls


def test_a_bank_keeps_what_is_shared_until_nobody_needs_it():
    specs = [cell.spec for cell in grid_of(2).cells]
    bank, keys = SourceNetworkCache(specs), [SourceKey("fresh", "transfer", r) for r in range(3)]
    own = [SourceKey("fresh", "self-transfer", r) for r in range(3)]
    train, calls = trained(10)
    bank.get_or_train(specs[1], keys, train)
    found = bank.get_or_train(specs[0], own, train)
    assert calls == [3]
    assert [found[key][0][0] for key in own] == [0.0, 1.0, 2.0]
    bank.release(specs[0])
    bank.release(specs[1])
    bank.get_or_train(specs[1], keys, train)
    assert calls == [3, 3]


def test_a_bank_keeps_nothing_that_one_experiment_needs_alone():
    spec = pairs_of().cells[0].spec
    bank, keys = SourceNetworkCache([spec]), [SourceKey("fresh", "transfer", 0)]
    train, calls = trained(10)
    assert not bank.shares(spec)
    bank.get_or_train(spec, keys, train)
    bank.get_or_train(spec, keys, train)
    assert calls == [1, 1]


def test_a_bank_has_room_for_so_many_numbers(monkeypatch):
    monkeypatch.setattr("blobtransfer.running.source_cache.MAX_CACHED_WEIGHTS", 25)
    specs = [cell.spec for cell in grid_of(2).cells]
    bank, keys = SourceNetworkCache(specs), [SourceKey("fresh", "transfer", r) for r in range(3)]
    train, calls = trained(10)
    first = bank.get_or_train(specs[1], keys, train)
    again = bank.get_or_train(specs[1], keys, train)
    assert calls == [3, 1]
    assert all(np.array_equal(first[key][0], again[key][0]) for key in keys)


# ---------------------------------------------------------------- test rows


def test_all_points_of_a_sweep_are_tested_on_the_same_rows():
    datasets = [load_dataset(cell.spec.data) for cell in sweep_of().cells]
    assert [len(dataset.y_train) for dataset in datasets] == [10, 20, 40]
    for dataset in datasets[1:]:
        assert np.array_equal(dataset.x_test, datasets[0].x_test)
        assert np.array_equal(dataset.x_train[:10], datasets[0].x_train)
