"""Early stopping: the validation rows of each run, and the same results however the work is cut."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.engines import PlannedEngine, planned
from helpers.results import assert_same_runs
from helpers.running import compare_cell
from helpers.specs import SMALL, spec_of

from blobtransfer.data import load_dataset
from blobtransfer.data.tables.resolve import resolve_data_specs
from blobtransfer.engines import load_engine
from blobtransfer.running.single import train_source, train_target
from blobtransfer.running.trainer import SourceKey, train_sources
from blobtransfer.specs.data_text import parse_data_spec
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.specs.variant import STANDALONE, parse_variant

TRAINING = TrainingSpec(9, 16, 0.2, patience=1)
VARIANTS = (STANDALONE, *map(parse_variant, ("fixed=1", "new-head,anchor=0.1", "self-transfer")))
IRIS = resolve_data_specs({"target": parse_data_spec("target", "iris", 0)}, 0)["target"]

DESIGNS = {
    "both questions": {"questions": ("one", "fresh"), "speed": True},
    "nested": {"questions": ("fresh",), "nested": (3, 2)},
    "tuned": {"questions": ("fresh",), "tune": (0.05, 0.2)},
    "scored": {"questions": ("fresh",), "transferability": True, "source_epochs": 5},
    "table": {
        "network": MLPSpec(n_features=4),
        "questions": ("fresh",),
        "source": BlobsSpec(1, n_features=4, **SMALL),
        "target": IRIS,
    },
}


def design(**changes):
    return spec_of(6, **{"training": TRAINING, "variants": VARIANTS} | changes)


@pytest.mark.parametrize("changes", DESIGNS.values(), ids=DESIGNS)
def test_a_repeat_is_the_same_however_many_there_are_and_however_they_are_cut(changes, monkeypatch):
    engine, spec = load_engine("compiled"), design(**changes)
    expected = compare_cell(spec, None, engine)
    assert len(np.unique(expected.scores.epochs)) > 2
    monkeypatch.setattr(type(engine), "repeats_at_once", lambda *_: 2)
    assert_same_runs(compare_cell(spec, None, engine), expected)


@pytest.mark.parametrize("changes", DESIGNS.values(), ids=DESIGNS)
def test_validation_rows_are_a_fifth_of_the_training_rows_the_same_for_all_arms(changes):
    engine = PlannedEngine(planned, n_at_once=6)
    spec = design(**changes)
    compare_cell(spec, None, engine)
    rows_of_key, validation_rows_of_key = {}, {}
    for job in engine.jobs:
        assert job.training.patience == 1
        for run, key in enumerate(job.order_keys.tolist()):
            dataset = job.dataset_of(run)
            x, y = dataset.validation
            n_rows = len(y) + len(dataset.y_train)
            assert len(y) == n_rows // 5
            everything = np.concatenate([dataset.x_train, x])
            repeat = key if dataset.spec.is_resplit else 0
            whole = rows_of_key.setdefault((dataset.spec, repeat), set(map(bytes, everything)))
            assert set(map(bytes, everything)) == whole
            key_of_rows = (dataset.spec, key)
            assert validation_rows_of_key.setdefault(key_of_rows, x.tobytes()) == x.tobytes()
    for data in {spec.source, spec.target} - {IRIS}:
        whole = load_dataset(data)
        assert rows_of_key[data, 0] == set(map(bytes, whole.x_train))


def test_the_one_source_network_is_that_of_train_source():
    engine, spec = load_engine("compiled"), design(questions=("one",))
    results = compare_cell(spec, None, engine)
    source = train_source(spec.source_alone(), engine)
    assert results.source_run == source.results.run
    assert 1 < source.results.run.epochs < 9
    key = SourceKey("fresh", "transfer", 0)
    for a, b in zip(train_sources(spec, [key], engine)[key], source.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_one_training_is_repeat_0_of_the_comparison():
    engine, spec = load_engine("compiled"), design(variants=VARIANTS[:2])
    compared = compare_cell(spec, None, engine).scores
    source = train_source(spec.source_alone(), engine).weights
    alone = train_target(replace(spec, n_repeats=1, variants=VARIANTS[1:2]), source, engine).results
    for name in ("values", "earlier_accuracy", "epochs"):
        a, b = getattr(compared, name), getattr(alone.scores, name)
        np.testing.assert_array_equal(a[..., 1, :1], b[..., 0, :])
    assert alone.baseline.run.epochs == compared.epochs[0, 0]
    # after the end, the curve is that of the network with the best weights
    ((_, curves),) = alone.curves.items()
    end = alone.run.epochs
    assert (curves[:, 0, end:] == curves[:, 0, -1:]).all()


def test_the_kernel_of_a_comparison_is_compiled_when_it_has_started(monkeypatch):
    from blobtransfer.engines.compiled import native

    # More rows in a batch than train; the source network is trained alone.
    source, target = (BlobsSpec(seed, n_samples=300, n_train=200) for seed in (1, 2))
    training = replace(TRAINING, batch_size=1000)
    spec = design(training=training, source=source, target=target)
    engine = load_engine("compiled")
    engine.start(spec)
    monkeypatch.setattr(native, "compile_functions", lambda *_: pytest.fail("compiled again"))
    compare_cell(spec, None, engine)
