"""A store: what goes in comes out, to the bit, and what is no store or is damaged is one line."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
import zlib
from contextlib import suppress
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest
from helpers.commands import contents
from helpers.engines import PlannedEngine
from helpers.specs import VARIANTS, spec_of, varied
from helpers.stores import super_journal
from helpers.studies import grid_of, pairs_of, sweep_of
from helpers.trials import trials
from hypothesis import given
from hypothesis import strategies as st

from blobtransfer.analysis.load import from_store
from blobtransfer.errors import MachineError, StoreError
from blobtransfer.results.provenance import Environment
from blobtransfer.results.results import BlockResult
from blobtransfer.results.scores import Scores
from blobtransfer.results.store import connection as connections
from blobtransfer.results.store.lock import SUFFIX, lock_for_writing
from blobtransfer.results.store.packing import pack, unpack
from blobtransfer.results.store.store import Store
from blobtransfer.running.block import run_block
from blobtransfer.running.checkpoint import header_of
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.generated import BlobsSpec, CirclesSpec, MoonsSpec
from blobtransfer.specs.identity import identity_1_of, identity_of
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.study import Study
from blobtransfer.specs.table import Column, TableSpec
from blobtransfer.specs.training import BALANCED_ACCURACY, TrainingSpec
from blobtransfer.specs.variant import STANDALONE, Variant, transfer_variants

HERE = Environment({"python": "3.11", "numpy": "2"}, {"cpus": 2}, "a")
SPEC = spec_of(100, questions=("fresh",))
HEAD = header_of(SPEC, is_stored=False)
KINDS = {
    "plain": {},
    "all variants": {"variants": VARIANTS},
    "curves": {
        "speed": True,
        "variants": (STANDALONE, Variant("equal-compute", None)),
        "equal_compute_epochs": 3,
    },
    "tuned": {"tune": (0.01, 0.1)},
    "scored": {"transferability": True},
    "nested": {"nested": (3, 4), "n_repeats": 12},
    "early stopping": {"training": TrainingSpec(2, patience=1), "tune": (0.01, 0.1), "speed": True},
}


def fresh(**changes):
    return spec_of(**{"n_repeats": 12, "questions": ("fresh",)} | changes)


def block_of(repeats, spec=SPEC):
    return run_block(spec, repeats, {}, PlannedEngine(varied))


def filled(path, *ranges, spec=SPEC, maker=HERE):
    """Make a store that keeps some repeats."""
    with Store.open(path, writes=True) as store:
        store.record_command(Study.of_one(spec), ["compare"])
        for repeats in ranges:
            store.stored(spec).add(HEAD, block_of(repeats, spec), maker, "2026", 1.5)
    return path


def read(path, spec=SPEC, repeats=range(100)):
    with Store.open(path, writes=False) as store:
        return store.stored(spec).blocks(repeats)


def assert_alike(a: BlockResult, b: BlockResult):
    assert a.scores.repeats.tolist() == b.scores.repeats.tolist()
    assert pack(a) == pack(b)
    assert list(a.curves) == list(b.curves)


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize("changes", KINDS.values(), ids=KINDS)
def test_a_block_comes_out_as_it_went_in(changes):
    spec = fresh(**changes)
    block = block_of(range(3, 9), spec)
    found = unpack(pack(block), spec, range(3, 9))
    assert_alike(found, block)
    assert found.scores.is_failed.any() and not found.scores.is_failed.all()
    for name in [field.name for field in fields(Scores)][2:]:
        own, theirs = (getattr(one.scores, name) for one in (found, block))
        assert (own is None and theirs is None) or (own.dtype, own.shape) == (
            theirs.dtype, theirs.shape,
        )  # fmt: skip
    for arm, curves in block.curves.items():
        np.testing.assert_array_equal(found.curves[arm], curves)


def test_a_block_is_packed_with_one_source_before_fresh_sources():
    """Assert the order of the arms in blocks of earlier versions, in which results list them."""
    spec = spec_of(2, questions=("fresh", "one"), tune=(0.01, 0.1), speed=True)
    arms = spec.arms
    assert [arm.sources for arm in arms] == ["none", "fresh", "fresh", "one", "one"]
    numbers = np.array([0, 3, 4, 1, 2])  # places of the arms in the block
    values = np.broadcast_to(numbers[:, None] / 10, (5, 5, 2)).copy()
    classes_predicted = np.broadcast_to(numbers[:, None] % 4, (5, 2)).copy()
    scores = Scores(
        arms, np.arange(2), values, classes_predicted, classes_predicted > 2, values[0] / 2,
        values[0] + 1,
    )  # fmt: skip
    curves = {arm: np.full((1, 2, 3), n / 10) for arm, n in zip(arms, numbers, strict=True)}
    block = BlockResult(scores, curves, None)
    body = pack(block)
    packed = np.frombuffer(zlib.decompress(body)[: 8 * 4 * 5 * 2], "<f8").reshape(4, 5, 2)
    assert packed[0, :, 0].tolist() == [0.0, 0.1, 0.2, 0.3, 0.4]
    unpacked = unpack(body, spec, range(2))
    assert_alike(unpacked, block)
    for name in (
        "values", "classes_predicted", "is_failed", "earlier_accuracy", "learning_rates"
    ):  # fmt: skip
        np.testing.assert_array_equal(getattr(unpacked.scores, name), getattr(scores, name))
    for arm, curve in unpacked.curves.items():
        np.testing.assert_array_equal(curve, curves[arm])


def older(block: BlockResult, n_missing: int) -> bytes:
    """Pack a block as an older version did, without the last one or two arrays of accuracies."""
    return zlib.compress(zlib.decompress(pack(block))[: -8 * n_missing * len(block.scores)])


def as_older(block: BlockResult, n_missing: int) -> BlockResult:
    """Return a block with unknown balanced accuracies, and with `n_missing` 2 earlier ones."""
    values, earlier = block.scores.values.copy(), block.scores.earlier_accuracy
    values[BALANCED_ACCURACY] = np.nan
    if n_missing == 2:
        earlier = np.full_like(earlier, np.nan)
    return replace(block, scores=replace(block.scores, values=values, earlier_accuracy=earlier))


@pytest.mark.parametrize("n_missing", [1, 2])
@pytest.mark.parametrize("changes", KINDS.values(), ids=KINDS)
def test_accuracies_that_a_block_of_an_older_version_does_not_have_are_unknown(changes, n_missing):
    spec = fresh(**changes)
    block = block_of(range(3, 9), spec)
    found = unpack(older(block, n_missing), spec, range(3, 9))
    assert_alike(found, as_older(block, n_missing))
    np.testing.assert_array_equal(found.scores.values, as_older(block, 1).scores.values)


@pytest.mark.parametrize("length", [0, 1, 50, -1])
def test_bytes_of_another_length_are_refused(length):
    body = pack(block_of(range(3)))
    with pytest.raises(Exception) as found:
        unpack(body[:length], SPEC, range(3))
    assert type(found.value).__name__ in ("ValueError", "error")
    with pytest.raises(ValueError):
        unpack(body, SPEC, range(4))


@pytest.mark.parametrize("epochs", [0, 3])
def test_epochs_that_no_training_makes_are_refused(epochs):
    spec = fresh(**KINDS["early stopping"])
    block = block_of(range(3), spec)
    block.scores.epochs[1, 2] = epochs
    with pytest.raises(ValueError, match="epochs"):
        unpack(pack(block), spec, range(3))


def test_what_swells_when_it_is_unpacked_is_refused_unread():
    bomb = zlib.compress(bytes(200_000_000))
    with pytest.raises(ValueError, match="number of values differs"):
        unpack(bomb, SPEC, range(3))


@pytest.mark.parametrize(
    "metric, value", [(0, 1.5), (0, -0.1), (2, 1e40), (1, np.nan), (3, np.inf)]
)
def test_scores_that_no_training_gives_are_refused(metric, value):
    block = run_block(SPEC, range(3), {}, PlannedEngine(lambda *_: 0.5))
    block.scores.values[metric, 0, 0] = value
    with pytest.raises(ValueError):
        unpack(pack(block), SPEC, range(3))


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8), st.randoms())
def test_blocks_join_to_the_same_whole_however_they_are_cut(sizes, rng):
    ends = np.cumsum(sizes).tolist()
    whole = block_of(range(ends[-1]))
    repeats = whole.scores.repeats
    parts = [
        whole.at((repeats >= end - size) & (repeats < end))
        for size, end in zip(sizes, ends, strict=True)
    ]
    rng.shuffle(parts)
    assert_alike(BlockResult.join(parts), whole)


# ---------------------------------------------------------------- which experiment


def test_what_plays_no_part_in_a_training_finds_the_same_repeats():
    spec = spec_of(5, speed=True)
    other = replace(
        spec, n_repeats=50, margin=0.03, low=0.2, threshold=0.7, against=spec.variants[1],
        until_decided=True, model_path="elsewhere.keras", model_notes=("a note",),
    )  # fmt: skip
    assert identity_of(spec) == identity_of(other)


@pytest.mark.parametrize(
    "changes",
    [
        {"train_seed": 1}, {"engine": "keras"}, {"speed": True}, {"model_sha256": "0"},
        {"variants": (STANDALONE,)}, {"tune": (0.01, 0.02)}, {"source_epochs": 3},
        {"questions": ("one",)}, {"equal_compute_epochs": 3}, {"metric": "balanced-accuracy"},
    ],
)  # fmt: skip
def test_what_plays_a_part_makes_another_experiment(changes):
    other = replace(SPEC, **changes)
    assert identity_of(SPEC) != identity_of(other)
    assert identity_1_of(SPEC) != identity_1_of(other)


@dataclass(frozen=True)
class WithMore(ExperimentSpec):
    """A spec of a later version, which has another setting."""

    patience: int = 0


def test_a_setting_that_is_added_later_leaves_the_identity_as_it_is():
    spec = spec_of(variants=VARIANTS)
    values = {field.name: getattr(spec, field.name) for field in fields(spec)}
    assert identity_of(WithMore(**values)) == identity_of(spec)
    assert identity_of(WithMore(**values, patience=3)) != identity_of(spec)


PINNED = {
    "compare": ExperimentSpec(
        source=BlobsSpec(1), target=BlobsSpec(2), variants=(STANDALONE, *transfer_variants(None, 2))
    ),
    "much": spec_of(
        variants=VARIANTS, questions=("one", "fresh"), nested=(2, 3), n_repeats=6, speed=True,
        tune=(0.01, 0.1), network=MLPSpec(hidden=(4, 3), activation=("tanh", "relu")),
        training=TrainingSpec(3, 16, 0.02, 0.9, nesterov=True), train_seed=7,
    ),
    "other data": ExperimentSpec(
        source=MoonsSpec(1), target=CirclesSpec(2), network=MLPSpec(n_classes=2),
        engine="keras", questions=("fresh",),
    ),
    "sweep": sweep_of((10, 20)),
    "table": ExperimentSpec(
        network=MLPSpec(1, (2,), 2), variants=(STANDALONE,),
        target=TableSpec("n", "o", "0" * 64, "y", (Column("x"),), ("a", "b"), 10, 5, 5),
    ),
}  # fmt: skip
"""Specs whose identities must never change, or stored repeats would not be found again."""

IDENTITIES = {
    "compare": "efc8770d80096210",
    "much": "d4522aa45e911ed9",
    "other data": "f34347495999c117",
    "sweep": "73633b77c36f0e1e",
    "table": "328a9c04cd751fa4",
}

IDENTITIES_1 = {
    "compare": "44dbfabd319d0067",
    "much": "a8a7558ff004f6a2",
    "other data": "6322f2e13b1a3000",
    "sweep": "3062f7d4b1365321",
    "table": "e95c88401cea7d4d",
}


@pytest.mark.parametrize("name", PINNED)
def test_identities_stay_as_they_are(name):
    assert identity_of(PINNED[name])[:16] == IDENTITIES[name]


@pytest.mark.parametrize("name", PINNED)
def test_identities_of_format_1_stay_as_they_are(name):
    assert identity_1_of(PINNED[name])[:16] == IDENTITIES_1[name]


def test_the_order_of_the_questions_plays_no_part():
    one_first, fresh_first = (
        spec_of(questions=questions) for questions in (("one", "fresh"), ("fresh", "one"))
    )
    assert identity_of(one_first) == identity_of(fresh_first)


def test_data_of_two_kinds_with_the_same_settings_are_two_experiments():
    moons, circles = (
        replace(PINNED["other data"], source=kind(1)) for kind in (MoonsSpec, CirclesSpec)
    )
    assert identity_of(moons) != identity_of(circles)


def as_format_1(path):
    """Rewrite a store as the program of format 1 has written it."""
    with Store.open(path, writes=False) as store:
        studies = [command.study for command in store.commands()]
    with sqlite3.connect(path) as connection:
        for study in studies:
            for table, parts in (("command", [study]), ("experiment", study.specs)):
                for part in parts:
                    connection.execute(
                        f"UPDATE {table} SET identity = ? WHERE identity = ?",
                        (identity_1_of(part), identity_of(part)),
                    )
        connection.execute("PRAGMA user_version = 1")
    connection.close()


def test_a_store_of_format_1_is_read_and_converted_when_it_is_written(tmp_path):
    path = filled(tmp_path / "a.db", range(4))
    with Store.open(path, writes=True) as store:
        store.record_command(Study.of_one(SPEC), ["compare"])
    as_format_1(path)
    before = path.read_bytes()
    with Store.open(path, writes=False) as store:
        assert store.connection.format == 1
        assert store.stored(SPEC).count(range(100)) == 4
    assert path.read_bytes() == before
    for _ in range(2):
        with Store.open(path, writes=True) as store:
            assert store.connection.format == 2
            assert store.stored(SPEC).count(range(100)) == 4
            assert len(store.commands()) == 1


@pytest.mark.parametrize("study", [sweep_of(), pairs_of(), grid_of(2)])
def test_a_study_in_a_store_of_format_1_is_converted_too(study, tmp_path):
    path = tmp_path / "a.db"
    with Store.open(path, writes=True) as store:
        store.record_command(study, ["x"])
    as_format_1(path)
    with Store.open(path, writes=True) as store:
        assert store.connection.format == 2
        store.record_command(study, ["y"])
        assert [command.argv for command in store.commands()] == [("y",)]


def test_a_setting_is_the_same_whether_it_was_typed_or_read():
    whole = replace(SPEC, training=TrainingSpec(epochs=2, learning_rate=1))
    read = replace(SPEC, training=TrainingSpec(epochs=2, learning_rate=1.0))
    identity_of.cache_clear()
    one = identity_of(whole)
    identity_of.cache_clear()
    assert identity_of(read) == one


def test_a_file_is_known_by_what_is_in_it_wherever_it_is():
    table = TableSpec(
        name="a.csv", origin="here/a.csv", sha256="0", label="y", columns=(Column("x"),),
        class_names=("a", "b"), n_rows=9, n_train=5, n_test=4,
    )  # fmt: skip
    spec = replace(SPEC, source=table, target=table, network=MLPSpec(1, (5, 5), 2))

    def of(**changes):
        return identity_of(replace(spec, source=replace(table, **changes)))

    assert of() == of(name="b", origin="there/a.csv") != of(sha256="1")
    assert of(sha256=None, origin="iris") != of(sha256=None, origin="wine")


def test_of_nested_repeats_only_those_of_each_source_count():
    def of(n_sources, n_each):
        spec = fresh(nested=(n_sources, n_each), n_repeats=n_sources * n_each)
        return identity_of(spec)

    assert of(3, 4) == of(30, 4) != of(3, 5)
    assert of(3, 4) != identity_of(fresh())


def test_a_study_is_the_same_with_more_repeats_and_another_with_other_points():
    assert identity_of(sweep_of(n_repeats=3)) == identity_of(sweep_of(n_repeats=30))
    assert identity_of(sweep_of((10, 20))) != identity_of(sweep_of((10, 20, 40)))


# ---------------------------------------------------------------- a file


def test_a_store_gives_the_repeats_that_are_asked_for(tmp_path):
    path = filled(tmp_path / "a.db", range(4, 10), range(0, 4), range(20, 30))
    for repeats in (range(100), range(2, 7), range(5, 6), range(8, 25)):
        blocks = read(path, repeats=repeats)
        found = np.concatenate([block.scores.repeats for block in blocks]).tolist()
        assert found == [r for r in repeats if r in (*range(10), *range(20, 30))]
        assert_alike(BlockResult.join(blocks), block_of(found))
    assert read(path, repeats=range(10, 20)) == []
    assert read(path, replace(SPEC, train_seed=9)) == []


def test_what_is_known_besides_is_kept(tmp_path):
    path = filled(tmp_path / "a.db", range(4), range(4, 6))
    with Store.open(path, writes=False) as store:
        kept = store.stored(SPEC)
        assert kept.header == HEAD
        assert (kept.seconds(range(100)), kept.started(range(100))) == (3.0, "2026")
        assert kept.seconds(range(4)) == 1.5 and kept.started(range(6, 9)) is None
        assert kept.environments() == [(HERE, 6)] and kept.environments(range(3, 5)) == [(HERE, 2)]
        assert kept.count(range(100)) == 6 and kept.count(range(3, 5)) == 2
        (command,) = store.commands()
        assert (command.study, command.argv) == (Study.of_one(SPEC), ("compare",))
        assert str(store.count_repeats(Study.of_one(SPEC))) == "6 of 100 repeats"
        assert store.stored(fresh(train_seed=5)).header is None


def test_a_command_is_remembered_as_it_was_given_last_and_parts_with_the_most_repeats(tmp_path):
    with Store.open(tmp_path / "a.db", writes=True) as store:
        asked = [(100, 0.01), (1000, 0.02), (30, 0.03)]
        before = [
            store.record_command(
                Study.of_one(replace(SPEC, n_repeats=n, margin=margin)), ["x", str(n)]
            )
            for n, margin in asked
        ]
        assert [one and one.study.n_repeats for one in before] == [None, 100, 1000]
        store.record_command(sweep_of(n_repeats=8), ["y"])
        store.record_command(sweep_of(n_repeats=5), ["y"], is_part=True)
        compare, sweep = store.commands()
    assert (compare.study.n_repeats, compare.study.margin, compare.argv) == (30, 0.03, ("x", "30"))
    assert sweep.study == sweep_of(n_repeats=8)


def test_more_repeats_of_nested_sources_are_more_sources(tmp_path):
    spec = fresh(nested=(3, 4))
    more = replace(spec, nested=(5, 4), n_repeats=20)
    with Store.open(tmp_path / "a.db", writes=True) as store:
        for part in (more, spec):
            store.record_command(Study.of_one(part), [], is_part=True)
        (command,) = store.commands()
    assert command.study == Study.of_one(more)


@pytest.mark.parametrize(
    "name", ["a b.db", "a?mode=memory.db", "a#b.db", "a%41.db", "ü.db", "caf\udce9.db"]
)
def test_a_store_may_have_any_name(name, tmp_path):
    path = filled(tmp_path / name, range(3))
    assert os.listdir(tmp_path) == [name]
    assert len(read(path)) == 1


def test_a_link_to_a_store_is_read_and_not_written(tmp_path):
    filled(tmp_path / "a.db", range(3))
    (tmp_path / "link.db").symlink_to("a.db")
    assert len(read(tmp_path / "link.db")) == 1
    before = contents(tmp_path)
    with pytest.raises(StoreError, match=r"a symbolic link to a\.db"):
        filled(tmp_path / "link.db", range(3, 5))
    assert contents(tmp_path) == before


# ---------------------------------------------------------------- merging


def merged(whole, *parts, mixed=False):
    with Store.open(whole, writes=True) as store:
        n_new = []
        for path in parts:
            with Store.open(path, writes=False) as part:
                n_new.append(store.merge_from(part, mixed))
    return n_new


def test_parts_join_whatever_they_have_in_common(tmp_path):
    a = filled(tmp_path / "a.db", range(0, 5), range(10, 20))
    b = filled(tmp_path / "b.db", range(3, 12), range(18, 25))
    c = filled(tmp_path / "c.db", range(40, 45))
    whole = tmp_path / "whole.db"
    assert merged(whole, a, b, c, a) == [15, 10, 5, 0]
    blocks = read(whole)
    assert_alike(BlockResult.join(blocks), block_of([*range(25), *range(40, 45)]))
    with Store.open(whole, writes=False) as store:
        assert [one.study for one in store.commands()] == [Study.of_one(SPEC)]
        # of a block of which some repeats were there already, its share
        assert store.stored(SPEC).seconds(range(100)) == pytest.approx(
            1.5 * (2 + 5 / 9 + 5 / 7 + 1)
        )


def test_a_part_of_an_older_version_joins_and_its_missing_accuracies_stay_unknown(tmp_path):
    a, b, whole = (tmp_path / f"{name}.db" for name in "abw")
    old = as_older(block_of(range(5)), 2)
    with Store.open(a, writes=True) as store:
        store.record_command(Study.of_one(SPEC), [])
        store.stored(SPEC).add(HEAD, old, HERE, "", 0.0)
    filled(b, range(3, 9))
    assert merged(whole, a, b) == [5, 4]
    found, new = BlockResult.join(read(whole)).scores, block_of(range(5, 9)).scores
    assert np.isnan(found.earlier_accuracy[:, :5]).all()
    assert np.isnan(found.values[BALANCED_ACCURACY, :, :5]).all()
    np.testing.assert_array_equal(found.earlier_accuracy[:, 5:], new.earlier_accuracy)
    np.testing.assert_array_equal(found.values[..., 5:], new.values)


def test_parts_of_a_study_join_cell_by_cell(tmp_path):
    spec = sweep_of((10, 20), n_repeats=6)
    for name, repeats in (("a", range(0, 3)), ("b", range(3, 6))):
        with Store.open(tmp_path / f"{name}.db", writes=True) as store:
            store.record_command(spec, [])
            for cell in spec.cells:
                store.stored(cell.spec).add(HEAD, block_of(repeats, cell.spec), HERE, "", 0.0)
    assert merged(tmp_path / "w.db", tmp_path / "a.db", tmp_path / "b.db") == [6, 6]
    with Store.open(tmp_path / "w.db", writes=False) as store:
        assert str(store.count_repeats(spec)) == "12 of 12 repeats"


def test_parts_that_disagree_about_a_repeat_are_refused_whole(tmp_path):
    a = filled(tmp_path / "a.db", range(0, 5))
    b = tmp_path / "b.db"
    with Store.open(b, writes=True) as store:
        store.record_command(Study.of_one(SPEC), [])
        kept = store.stored(SPEC)
        kept.add(HEAD, block_of(range(10, 15)), HERE, "", 0.0)
        other = run_block(SPEC, range(4, 8), {}, PlannedEngine(lambda *_: 0.25))
        kept.add(HEAD, other, HERE, "", 0.0)
    whole = tmp_path / "w.db"
    merged(whole, a)
    with pytest.raises(StoreError, match=r"b\.db: its repeat 4 "):
        merged(whole, b)
    with Store.open(whole, writes=False) as store:
        assert store.stored(SPEC).count(range(100)) == 5


@pytest.mark.parametrize(
    "other, says",
    [
        (replace(HERE, versions={"python": "3.12", "numpy": "2"}), "python 3.12, not 3.11"),
        (replace(HERE, versions={"python": "3.11"}), "numpy None, not 2"),
        (replace(HERE, rounding="b"), "its CPU rounds differently"),
    ],
)
def test_parts_that_were_computed_otherwise_join_only_if_they_may_be_mixed(tmp_path, other, says):
    a = filled(tmp_path / "a.db", range(0, 5))
    b = filled(tmp_path / "b.db", range(5, 9), maker=other)
    with pytest.raises(StoreError, match=f"b.db: .*{says}.*--mixed"):
        merged(tmp_path / "w.db", a, b)
    merged(tmp_path / "v.db", a, b, mixed=True)
    with Store.open(tmp_path / "v.db", writes=False) as store:
        assert store.stored(SPEC).environments() == [(HERE, 5), (other, 4)]


def test_keras_plays_no_part_in_what_the_compiled_engine_gives():
    other = replace(HERE, versions=HERE.versions | {"keras": "9"})
    assert not HERE.difference_from(other, "compiled")
    assert HERE.difference_from(other, "keras") == "keras None, not 9"
    assert not replace(HERE, machine={"cpus": 64}).difference_from(HERE, "keras")


def test_a_merge_that_is_stopped_takes_nothing(tmp_path):
    part, whole = filled(tmp_path / "a.db", range(3), range(3, 6)), tmp_path / "whole.db"

    def poll():
        if len(polls) == 1:
            raise KeyboardInterrupt
        polls.append(1)

    polls = []
    with (
        pytest.raises(KeyboardInterrupt),
        Store.open(whole, writes=True) as store,
        Store.open(part, writes=False) as other,
    ):
        store.merge_from(other, False, poll)
    assert read(whole) == []


# ---------------------------------------------------------------- no store, and damaged ones


def with_a_view(path):
    filled(path, range(3))
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE VIEW mine AS SELECT * FROM block")
    connection.close()


def foreign(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()


def newer(path):
    filled(path, range(3))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 3")
    connection.close()


NO_STORES = {
    "foreign": (foreign, "this SQLite file"),
    "with more in it": (with_a_view, "this store is damaged"),
    "newer": (newer, "format 3.* 1 to 2"),
    "text": (lambda path: path.write_text("a,b\n1,2\n"), "this looks like CSV"),
    "model": (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(50)), "an .h5 file"),
    "noise": (lambda path: path.write_bytes(bytes(range(200, 255))), "this is not a store"),
    "directory": (lambda path: path.mkdir(), "this is a directory"),
    "FIFO": (os.mkfifo, "this is not a regular file"),
}


@pytest.mark.parametrize("writes", [False, True])
@pytest.mark.parametrize("make, says", NO_STORES.values(), ids=NO_STORES)
def test_what_is_no_store_is_left_alone(make, says, writes, tmp_path):
    path = tmp_path / "a.db"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StoreError, match=says), Store.open(path, writes):
        pass
    assert before is None or path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.db"]


def test_a_reader_needs_a_file_with_something_in_it(tmp_path):
    with pytest.raises(StoreError, match="no such file"), Store.open(tmp_path / "a.db", False):
        pass
    (tmp_path / "a.db").touch()
    with (
        pytest.raises(StoreError, match="the store is empty"),
        Store.open(tmp_path / "a.db", False),
    ):
        pass
    filled(tmp_path / "a.db", range(3))  # an empty file is as good as none
    assert len(read(tmp_path / "a.db")) == 1


def test_a_store_that_is_cut_off_anywhere_is_damaged_or_empty(tmp_path):
    path = filled(tmp_path / "a.db", *(range(i, i + 4) for i in range(0, 100, 4)))
    content = path.read_bytes()
    outcomes = set()
    for size in range(0, len(content), 997):
        path.write_bytes(content[:size])
        for writes in (False, True):
            try:
                with Store.open(path, writes) as store:
                    blocks = store.stored(SPEC).blocks(range(100))
                outcomes.add(len(blocks))
            except StoreError as error:
                outcomes.add("refused")
                assert "\n" not in str(error)
        path.unlink()
    assert outcomes == {0, "refused"}


def test_a_store_with_a_changed_byte_gives_the_same_repeats_or_is_damaged(tmp_path):
    path = filled(tmp_path / "a.db", *(range(i, i + 4) for i in range(0, 40, 4)))
    content = path.read_bytes()
    whole = pack(BlockResult.join(read(path)))
    rng = np.random.default_rng(1)
    n_refused = 0
    for place in rng.integers(100, len(content), 300).tolist():
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        try:
            blocks = read(path)
        except (StoreError, MachineError):
            n_refused += 1
            continue
        assert not blocks or pack(BlockResult.join(blocks)) == whole
    assert n_refused > 10  # most of so small a file is empty


@pytest.mark.security
@pytest.mark.parametrize("writes", [False, True])
def test_a_schema_that_is_not_utf_8_is_damaged(writes, tmp_path):
    path = filled(tmp_path / "a.db", range(3))
    path.write_bytes(path.read_bytes().replace(b"tablemakermaker", b"table\x80akermaker"))
    with pytest.raises(StoreError, match="damaged"), Store.open(path, writes):
        pass


def edited(path, statement, *values):
    with sqlite3.connect(path) as connection:
        connection.execute(statement, values)
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE block SET first = -1 WHERE first = 0",
        "UPDATE block SET last = 7 WHERE first = 0",
        "UPDATE block SET last = 6 WHERE first = 4",
        "UPDATE block SET sha256 = '0'",
        "UPDATE block SET body = x'00'",
        "UPDATE block SET last = 5000000000000",
        "UPDATE block SET seconds = 'a'",
        "UPDATE block SET body = 'text'",
        "UPDATE block SET sha256 = 5",
        "UPDATE block SET rounding = x'00'",
        "UPDATE command SET argv = '5'",
        "UPDATE command SET argv = '['",
        "UPDATE command SET name = 'sweep'",
        "UPDATE experiment SET head = 7",
        "UPDATE experiment SET head = '{'",
        "UPDATE experiment SET head = '[]'",
        "UPDATE maker SET versions = '[1]'",
        "UPDATE command SET spec = '[]'",
        "DROP TABLE maker",
    ],
)
def test_a_store_that_was_edited_by_hand_is_damaged(statement, tmp_path):
    path = filled(tmp_path / "a.db", range(4), range(4, 8))
    edited(path, statement)
    with pytest.raises(StoreError, match="damaged"), Store.open(path, writes=False) as store:
        kept = store.stored(SPEC)
        assert kept.blocks(range(100)) and kept.header and kept.environments() and store.commands()
        assert kept.seconds(range(100))


HOSTILE = {
    "deep argv": ("UPDATE command SET argv = ?", "[" * 200_000),
    "deep versions": ("UPDATE maker SET versions = ?", "[" * 200_000),
    "deep machine": ("UPDATE maker SET machine = ?", "[" * 200_000),
    "deep head": ("UPDATE experiment SET head = ?", "[" * 200_000),
    "deep spec": ("UPDATE command SET spec = ?", "[" * 200_000),
    "versions not finite": ("UPDATE maker SET versions = ?", '{"python": NaN}'),
    "machine not finite": ("UPDATE maker SET machine = ?", '{"cpus": 1e400}'),
    "a version that acts on a terminal": (
        "UPDATE maker SET versions = ?",
        r'{"python": "\u001b[2J"}',
    ),
    "a machine that acts on a terminal": ("UPDATE maker SET machine = ?", r'{"\u202e": "x"}'),
    "a long version": ("UPDATE maker SET versions = ?", f'{{"python": "{"9" * 5000}"}}'),
    "a start that acts on a terminal": ("UPDATE block SET started = ?", "\x1b[2J"),
    "a rounding that acts on a terminal": ("UPDATE block SET rounding = ?", "\x1b[2J"),
    "a spec without a problem": ("UPDATE command SET spec = ?", "{}"),
    "seconds that are infinite": ("UPDATE block SET seconds = ?", 9e999),
    "seconds below 0": ("UPDATE block SET seconds = ?", -5.0),
    "seconds above the limit": ("UPDATE block SET seconds = ?", 1e300),
    "a last repeat of 2**63 - 1": ("UPDATE block SET last = ?", 2**63 - 1),
    "a block of most of all repeats": ("UPDATE block SET last = ? WHERE first = 4", 99_999_999),
    "a command of another kind": ("UPDATE command SET name = ?", "train-source"),
}


@pytest.mark.security
@pytest.mark.parametrize("statement, value", HOSTILE.values(), ids=HOSTILE)
def test_hostile_values_are_damage_to_readers_and_to_merge(statement, value, tmp_path):
    path = filled(tmp_path / "a.db", range(4), range(4, 8))
    edited(path, statement, value)
    with pytest.raises(StoreError, match="damaged"), Store.open(path, writes=False) as store:
        for command in store.commands():
            from_store(store, command)
    with pytest.raises(StoreError, match="damaged"):
        merged(tmp_path / "whole.db", path)
    with Store.open(tmp_path / "whole.db", writes=False) as store:
        assert not store.n_commands()


def edited_json(path, table, column, change):
    with sqlite3.connect(path) as connection:
        ((text,),) = connection.execute(f"SELECT {column} FROM {table}").fetchall()
        record = json.loads(text)
        change(record)
        connection.execute(f"UPDATE {table} SET {column} = ?", (json.dumps(record),))
    connection.close()


EDITS = {
    "no problems": ("experiment", "head", lambda head: head.update(tasks=[])),
    "problems in another order": ("experiment", "head", lambda head: head["tasks"].reverse()),
    "a distance below 0": ("experiment", "head", lambda head: head.update(distance=-1)),
    "a problem's name": (
        "experiment", "head", lambda head: head["tasks"][0].update(name="\x1b]0;PWN\x07"),
    ),
    "a long name": ("experiment", "head", lambda head: head["tasks"][0].update(name="a" * 5000)),
    "a model's path": ("command", "spec", lambda spec: spec.update(model_path="\x1b[2J")),
    "a note of a model": ("command", "spec", lambda spec: spec.update(model_notes=["\u202e"])),
    "no questions": ("command", "spec", lambda spec: spec.update(questions=[])),
    "classes of another problem": (
        "command", "spec", lambda spec: spec["network"].update(n_classes=7),
    ),
}  # fmt: skip


@pytest.mark.security
@pytest.mark.parametrize("table, column, change", EDITS.values(), ids=EDITS)
def test_a_store_with_values_that_json_refuses_is_damaged(table, column, change, tmp_path):
    path = filled(tmp_path / "a.db", range(8))
    edited_json(path, table, column, change)
    with pytest.raises(StoreError, match="damaged"), Store.open(path, writes=False) as store:
        for command in store.commands():
            from_store(store, command)


def test_words_of_a_command_that_would_act_on_a_terminal_are_escaped(tmp_path):
    path = filled(tmp_path / "a.db", range(3))
    edited(path, "UPDATE command SET argv = ?", json.dumps(["\x1b]0;PWN\x07\nerror: no"]))
    with Store.open(path, writes=False) as store:
        (command,) = store.commands()
    assert command.argv == (r"\x1b]0;PWN\x07\nerror: no",)


SCHEMAS = {
    "a check": "CREATE TABLE b (a, CHECK (length(hex(zeroblob(400000000))) > 0))",
    "a generated column": "CREATE TABLE b (a, c AS (hex(zeroblob(400000000))) STORED)",
    "an index of an expression": "CREATE INDEX b ON block (length(hex(zeroblob(first))))",
    "a trigger": "CREATE TRIGGER b AFTER INSERT ON block BEGIN DELETE FROM block; END",
    "a view": "CREATE VIEW b AS SELECT hex(zeroblob(400000000)) FROM block",
    "a virtual table": "CREATE VIRTUAL TABLE b USING fts5(a)",
}


@pytest.mark.security
@pytest.mark.parametrize("writes", [False, True])
@pytest.mark.parametrize("statement", SCHEMAS.values(), ids=SCHEMAS)
def test_nothing_of_a_foreign_schema_is_run(statement, writes, tmp_path, monkeypatch):
    path = filled(tmp_path / "a.db", range(3))
    edited(path, statement)
    content = path.read_bytes()
    statements = []
    real = connections.Connection.rows

    def rows(self, query, *args, **kwargs):
        statements.append(query)
        return real(self, query, *args, **kwargs)

    monkeypatch.setattr(connections.Connection, "rows", rows)
    with pytest.raises(StoreError, match="damaged"), Store.open(path, writes):
        pass
    assert not [query for query in statements if "check(" in query or "block" in query]
    assert path.read_bytes() == content


@pytest.mark.security
def test_a_statement_that_takes_too_long_ends(tmp_path, monkeypatch):
    path = filled(tmp_path / "a.db", range(3))
    monkeypatch.setattr(connections, "STATEMENT_S", 0.05)
    endless = "WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k) SELECT max(i) FROM k"
    with pytest.raises(StoreError, match="too long"), Store.open(path, writes=False) as store:
        store.connection.rows(endless)


@pytest.mark.security
def test_more_commands_than_a_store_may_have_are_not_read(tmp_path, monkeypatch):
    path = filled(tmp_path / "a.db", range(3))
    monkeypatch.setattr("blobtransfer.results.store.store.MAX_COMMANDS", 0)
    with pytest.raises(StoreError, match="commands"), Store.open(path, writes=False) as store:
        store.commands()


# ---------------------------------------------------------------- files beside a store


def beside(suffix, make):
    """Return what makes a file beside a store, given the store and a file of the user."""
    return lambda path, victim: make(path.with_name(path.name + suffix), victim)


BESIDE = {
    "a super-journal": super_journal,
    **{
        f"{suffix} is {kind}": beside(suffix, make)
        for suffix in ("-journal", "-wal", "-shm")
        for kind, make in {
            "a link": lambda path, victim: path.symlink_to(victim),
            "a dangling link": lambda path, victim: path.symlink_to("nothing"),
            "a second name": lambda path, victim: os.link(victim, path),
            "a FIFO": lambda path, victim: os.mkfifo(path),
            "a directory": lambda path, victim: path.mkdir(),
            "a file of the user": lambda path, victim: path.write_text("my own notes"),
        }.items()
    },
    "a WAL": beside("-wal", lambda path, victim: path.touch()),
}


@pytest.mark.security
@pytest.mark.parametrize("writes", [False, True])
@pytest.mark.parametrize("make", BESIDE.values(), ids=BESIDE)
def test_files_beside_a_store_are_neither_trusted_nor_touched(make, writes, tmp_path):
    path, victim = filled(tmp_path / "a.db", range(3)), tmp_path / "notes.txt"
    victim.write_text("mine")
    make(path, victim)
    before = contents(tmp_path)
    with pytest.raises(StoreError, match="beside it"), Store.open(path, writes):
        pass
    assert contents(tmp_path) == before


@pytest.mark.security
def test_a_store_in_wal_mode_is_refused_with_a_remedy(tmp_path):
    path = filled(tmp_path / "a.db", range(3))
    edited(path, "PRAGMA journal_mode = WAL")
    assert os.listdir(tmp_path) == ["a.db"]
    with pytest.raises(StoreError, match="WAL"), Store.open(path, writes=False):
        pass
    edited(path, "PRAGMA journal_mode = DELETE")
    assert len(read(path)) == 1


LOCKS = {
    "a link": lambda lock, victim: lock.symlink_to(victim),
    "a dangling link": lambda lock, victim: lock.symlink_to("nothing"),
    "a second name": lambda lock, victim: os.link(victim, lock),
    "a FIFO": lambda lock, victim: os.mkfifo(lock),
    "a directory": lambda lock, victim: lock.mkdir(),
    "a file of the user": lambda lock, victim: lock.write_text("my own notes"),
}


@pytest.mark.security
@pytest.mark.parametrize("is_new", [False, True])
@pytest.mark.parametrize("make", LOCKS.values(), ids=LOCKS)
def test_only_a_lock_file_is_taken_as_a_lock(make, is_new, tmp_path):
    path, victim = tmp_path / "a.db", tmp_path / "notes.txt"
    victim.write_text("process of my work")  # begins like a lock file
    if not is_new:
        filled(path, range(3))
    make(path.with_name(path.name + SUFFIX), victim)
    before = contents(tmp_path)
    with pytest.raises(StoreError, match="not a lock file"):
        filled(path, range(3, 6))
    assert contents(tmp_path) == before


def test_a_lock_that_was_replaced_is_not_removed(tmp_path):
    path = tmp_path / "a.db"
    lock = path.with_name(path.name + SUFFIX)
    with lock_for_writing(path):
        lock.unlink()
        lock.write_text("mine")
    assert lock.read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_store_that_cannot_be_written_is_one_line(tmp_path):
    path = filled(tmp_path / "a.db", range(3))
    path.chmod(0o400)
    with pytest.raises(MachineError, match="cannot be written"):
        filled(path, range(3, 6))


# ---------------------------------------------------------------- one writer


def test_a_second_writer_is_told_of_the_first_and_readers_go_on(tmp_path):
    path = filled(tmp_path / "a.db", range(3))
    with Store.open(path, writes=True) as store:
        with pytest.raises(MachineError, match=f"in use by process {os.getpid()} on "):
            filled(path, range(3, 6))
        store.stored(SPEC).add(HEAD, block_of(range(3, 6)), HERE, "", 0.0)
        assert len(read(path)) == 2
    filled(path, range(6, 9))
    assert os.listdir(tmp_path) == ["a.db"]


def test_a_lock_that_a_killed_process_has_left_is_none(tmp_path):
    path = tmp_path / "a.db"
    path.with_name(path.name + SUFFIX).write_text("process 1 on nowhere")
    filled(path, range(3))
    assert os.listdir(tmp_path) == ["a.db"]


def test_of_many_at_once_one_is_the_writer(tmp_path):
    """Each tries again and again, while the lock file comes and goes."""
    path, inside, most = tmp_path / "a.db", [], []

    def hold():
        n_held = 0
        while n_held < 50:
            with suppress(MachineError), lock_for_writing(path):
                inside.append(1)
                most.append(len(inside))
                inside.pop()
                n_held += 1

    threads = [threading.Thread(target=hold) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 200


@pytest.mark.slow
@pytest.mark.exhaustive
def test_writers_that_are_killed_lose_nothing_that_was_acknowledged(tmp_path):
    import helpers.killed_writers

    n_kills = trials(20)
    done = subprocess.run(
        [sys.executable, helpers.killed_writers.__file__, tmp_path / "a.db", str(n_kills), "7"],
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    acknowledged, kept, word = done.stdout.split()
    assert word == "ok" and n_kills < int(acknowledged) <= int(kept)
