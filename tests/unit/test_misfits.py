"""A specification that cannot be run cannot be built: from Python and from JSON alike."""

# Values of wrong types are what is tested here.
# mypy: disable-error-code="arg-type, attr-defined, list-item, assignment"

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers.specs import SMALL, spec_of
from helpers.studies import grid_of

from blobtransfer.analysis.load import from_json
from blobtransfer.engines import load_engine
from blobtransfer.errors import ResultsFileError, SettingError
from blobtransfer.network import initial_weights
from blobtransfer.report.writers import to_json
from blobtransfer.running import single
from blobtransfer.running.run import compare
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.generated import BlobsSpec, MoonsSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.study import Axis, Cell, Study
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.specs.variant import (
    STANDALONE,
    NewHead,
    ReinitLayers,
    Unfreeze,
    Variant,
    parse_variant,
    transfer_variants,
)
from blobtransfer.studies.settings import ComparisonSettings

TRANSFER = Variant("transfer", 0)
RANDOM = Variant("random-frozen", 1)
FOUR = BlobsSpec(1, **SMALL, n_classes=4)

REMEDIES = ("use ", "leave ", "set ", "put ", "give ", "add ")
"""How a problem says what to do."""

MISFITS = {
    # the network against the data
    "network of 3 features": ("network", {"network": MLPSpec(n_features=3)}),
    "network of 500 features": ("network", {"network": MLPSpec(n_features=500)}),
    "network of 1 feature": ("network", {"network": MLPSpec(n_features=1)}),
    "network of 2 classes": ("network", {"network": MLPSpec(n_classes=2)}),
    "network of 9 classes": ("network", {"network": MLPSpec(n_classes=9)}),
    "target of 3 features": ("source", {"target": BlobsSpec(2, **SMALL, n_features=3)}),
    "target of 4 classes": ("network", {"target": BlobsSpec(2, **SMALL, n_classes=4)}),
    "target of another kind": ("network", {"target": MoonsSpec(2, **SMALL)}),
    # the source against the target
    "source of 3 features": ("source", {"source": BlobsSpec(1, **SMALL, n_features=3)}),
    "source of 4 classes": ("variant", {"source": FOUR}),
    "source of 4 classes, fresh": ("variant", {"source": FOUR, "questions": ("fresh",)}),
    "source of 4 classes, head kept": (
        "variant",
        {"source": FOUR, "variants": (STANDALONE, Variant("transfer", 1))},
    ),
    "source of 2 classes, one head kept": (
        "variant",
        {
            "source": MoonsSpec(1, **SMALL),
            "variants": (STANDALONE, parse_variant("new-head"), TRANSFER),
        },
    ),
    "no data": ("target", {"source": None, "target": None}),
    "no target": ("variant", {"target": None}),
    "no source for fresh sources": ("sources", {"source": None, "questions": ("fresh",)}),
    "no source for both": ("sources", {"source": None, "questions": ("one", "fresh")}),
    # the questions
    "no question": ("sources", {"questions": ()}),
    "a question twice": ("sources", {"questions": ("one", "one")}),
    "an unknown question": ("sources", {"questions": ("both",)}),
    # the variants
    "no variant": ("variant", {"variants": ()}),
    "standalone last": ("variant", {"variants": (TRANSFER, STANDALONE)}),
    "standalone second": ("variant", {"variants": (RANDOM, STANDALONE, TRANSFER)}),
    "no standalone": ("variant", {"variants": transfer_variants([0, 1], 2)}),
    "standalone twice": ("variant", {"variants": (STANDALONE, STANDALONE)}),
    "a variant twice": ("variant", {"variants": (STANDALONE, TRANSFER, TRANSFER)}),
    "more frozen layers than there are": (
        "variant",
        {"variants": (STANDALONE, Variant("transfer", 3))},
    ),
    "a frozen layer that is re-initialised": (
        "variant",
        {"variants": (STANDALONE, parse_variant("reinit=2,fixed=2"))},
    ),
    "all layers re-initialised": ("variant", {"variants": (STANDALONE, parse_variant("reinit=3"))}),
    "unfrozen after the end": (
        "variant",
        {"variants": (STANDALONE, parse_variant("fixed=1,unfreeze=2"))},
    ),
    "against what is not compared": ("against", {"against": RANDOM}),
    "against standalone": ("against", {"against": STANDALONE}),
    # the numbers
    "no repeats": ("repeats", {"n_repeats": 0}),
    "half a repeat": ("repeats", {"n_repeats": 2.5}),
    "repeats that are text": ("repeats", {"n_repeats": "3"}),
    "a margin that is not a number": ("margin", {"margin": float("nan")}),
    "a margin of 1": ("margin", {"margin": 1.0}),
    "a low line of 0": ("low", {"low": 0.0}),
    "a threshold above 1": ("threshold", {"threshold": 1.01}),
    "a negative seed": ("train-seed", {"train_seed": -1}),
    "a seed with a fraction": ("train-seed", {"train_seed": 0.5}),
    "an unknown engine": ("engine", {"engine": "torch"}),
    "nested repeats that do not multiply": (
        "nested",
        {"nested": (2, 2), "n_repeats": 5, "questions": ("fresh",)},
    ),
    "nested repeats of one source": ("nested", {"nested": (2, 2), "n_repeats": 4}),
    "nested, until decided": (
        "nested",
        {"nested": (2, 2), "n_repeats": 4, "questions": ("fresh",), "until_decided": True},
    ),
    "until decided, nothing compared": (
        "until-decided",
        {"variants": (STANDALONE,), "until_decided": True},
    ),
    "scores without fresh sources": ("scores", {"transferability": True}),
    "one rate to tune": ("tune", {"tune": (0.1,)}),
    "a rate twice": ("tune", {"tune": (0.1, 0.1)}),
    "a rate that is infinite": ("tune", {"tune": (0.1, float("inf"))}),
    "no source epochs": ("source-epochs", {"source_epochs": 0}),
    "source epochs without end": ("source-epochs", {"source_epochs": 1_000_001}),
    "no epochs of equal-compute": ("equal-compute-epochs", {"equal_compute_epochs": 0}),
    "trainings without end": ("repeats", {"n_repeats": 90_000_000}),
}


@pytest.mark.parametrize("name", MISFITS)
def test_a_spec_that_does_not_fit_is_an_error_with_a_remedy(name):
    setting, changes = MISFITS[name]
    with pytest.raises(SettingError) as error:
        spec_of(**changes)
    assert error.value.setting == setting
    assert any(word in error.value.problem for word in REMEDIES)


@pytest.mark.parametrize(
    ("change", "setting"),
    [
        (lambda spec: spec["network"].update(n_features=500), "network"),
        (lambda spec: spec["network"].update(n_classes=2), "network"),
        (lambda spec: spec["source"].update(n_features=3), "source"),
        (lambda spec: spec["source"].update(n_classes=4), "variant"),
        (lambda spec: spec.update(target=None), "variant"),
        (lambda spec: spec.update(source=None, questions=["fresh"]), "sources"),
        (lambda spec: spec.update(questions=[]), "sources"),
        (lambda spec: spec["variants"].reverse(), "variant"),
        (lambda spec: spec["variants"].pop(0), "variant"),
        (lambda spec: spec.update(variants=[]), "variant"),
    ],
)
def test_a_spec_that_does_not_fit_is_refused_in_json_too(change, setting):
    written = "".join(to_json(compare(spec_of())))
    record = json.loads(written)
    change(record["spec"])
    with pytest.raises(ResultsFileError, match=f"spec: {setting}"):
        from_json(json.dumps(record).encode(), "r.json")


def test_a_comparison_needs_a_target_and_standalone():
    alone = ExperimentSpec(source=BlobsSpec(1, **SMALL))
    with pytest.raises(SettingError) as error:
        compare(alone)
    assert error.value.setting == "target"
    with pytest.raises(SettingError) as error:
        compare(spec_of(variants=(TRANSFER,)))
    assert error.value.setting == "variant"


@pytest.mark.parametrize(
    ("network", "changes", "setting"),
    [
        (None, {"source": None}, "variant"),
        (MLPSpec(hidden=(4, 5)), {}, "model"),
        (MLPSpec(hidden=(5,)), {}, "model"),
        (MLPSpec(n_features=3), {}, "model"),
        (MLPSpec(n_classes=4), {}, "model"),
    ],
)
def test_a_source_network_that_does_not_fit_is_an_error(network, changes, setting):
    weights = None if network is None else initial_weights(network, 0, 0)
    with pytest.raises(SettingError) as error:
        compare(spec_of(**changes), weights)
    assert error.value.setting == setting
    assert any(word in error.value.problem for word in REMEDIES)


def test_a_source_network_of_other_classes_can_get_a_new_head():
    spec = spec_of(source=None, variants=(STANDALONE, parse_variant("new-head,fixed=1")))
    weights = initial_weights(MLPSpec(n_classes=4), 0, 0)
    assert compare(spec, weights).n_runs == 6


@pytest.mark.parametrize(
    ("train", "spec", "setting"),
    [
        ("train_source", spec_of(), "source"),
        ("train_source", ExperimentSpec(target=BlobsSpec(2, **SMALL)), "source"),
        ("train_target", ExperimentSpec(source=BlobsSpec(1, **SMALL)), "target"),
        ("train_target", spec_of(), "variant"),
        ("train_target", spec_of(variants=(TRANSFER,), source=None), "variant"),
    ],
)
def test_one_training_has_one_variant_and_its_data(train, spec, setting):
    engine = load_engine("compiled")
    arguments = (spec, engine) if train == "train_source" else (spec, None, engine)
    with pytest.raises(SettingError) as error:
        getattr(single, train)(*arguments)
    assert error.value.setting == setting


def test_cells_of_a_study_are_comparisons():
    axis = Axis("train-samples", ("10", "20"))
    alone = spec_of(variants=(TRANSFER,))
    with pytest.raises(SettingError) as error:
        Study("sweep", (axis,), tuple(Cell((at,), alone) for at in axis.values), "epochs")
    assert error.value.setting == "cells"


AXIS = Axis("epochs", ("2", "3"))
CELLS = [Cell((n,), spec_of(training=TrainingSpec(epochs=int(n)))) for n in AXIS.values]
GRID = grid_of(2)


@pytest.mark.parametrize(
    ("make", "setting"),
    [
        (lambda: Study("foo", (), (Cell((), spec_of()),)), "kind"),
        (lambda: Study("sweep", (AXIS,), CELLS, "foo"), "budget"),
        (lambda: Study("sweep", AXIS, CELLS, "epochs"), "axes"),
        (lambda: Study("sweep", (AXIS,), [1, 2], "epochs"), "cells"),
        (lambda: Study("sweep", (AXIS,), CELLS[::-1], "epochs"), "cells"),
        (
            lambda: Study("sweep", (AXIS,), [CELLS[0], Cell(("3",), CELLS[0].spec)], "epochs"),
            "cells",
        ),
        (lambda: Study.of_one(None), "cells"),
        (lambda: Axis("epochs", "12"), "epochs"),
        (lambda: Axis("epochs", (1, 2)), "over"),
        (lambda: Axis("e\x1b[31m", ("1",)), "over"),
        (lambda: GRID.with_specs(lambda spec: replace(spec, questions=("one",))), "cells"),
        (lambda: GRID.with_specs(lambda spec: replace(spec, until_decided=True)), "cells"),
        (lambda: Variant("transfer", 1, top=NewHead), "variant"),
        (lambda: Variant("transfer", 1, unfreeze=3), "variant"),
        (lambda: Variant("transfer", 1, anchor="x"), "variant"),
        (lambda: ReinitLayers(1.5), "variant"),
        (lambda: Unfreeze(3, "x"), "variant"),
        (lambda: BlobsSpec(1, n_train=float("nan")), "train-samples"),
        (lambda: BlobsSpec(1, cluster_std="x"), "cluster-std"),
        (lambda: BlobsSpec(1, kind="x"), "kind"),
        (lambda: spec_of(network=3), "network"),
        (lambda: spec_of(training=None), "training"),
        (lambda: spec_of(source="blobs"), "source"),
        (lambda: spec_of(variants=3), "variants"),
        (lambda: spec_of(nested=3), "nested"),
        (lambda: spec_of(nested=(2,)), "nested"),
        (lambda: spec_of(speed="x"), "speed"),
        (lambda: spec_of(model_path=1), "model_path"),
        (lambda: ComparisonSettings(fixed=1), "fixed"),
        (lambda: ComparisonSettings(target="moons"), "target"),
        (lambda: ComparisonSettings(variants=("add=3",)), "variant"),
        (lambda: compare(spec_of(), []), "source_weights"),
        (lambda: compare(spec_of(), [1, 2]), "source_weights"),
    ],
)
def test_a_value_of_another_type_or_kind_is_an_error_of_its_setting(make, setting):
    with pytest.raises(SettingError) as error:
        make()
    assert error.value.setting == setting


def test_settings_that_are_lists_are_kept_as_tuples():
    spec = spec_of(variants=[STANDALONE, TRANSFER], questions=["one"], tune=[0.1, 0.2])
    assert spec == replace(spec, variants=(STANDALONE, TRANSFER))
    assert hash(spec) == hash(spec_of(fixed=(0,), tune=(0.1, 0.2)))
    assert np.isfinite(compare(replace(spec, tune=())).cell.scores.values).all()


def test_a_training_that_does_not_fit_is_an_error():
    for changes in ({"epochs": 0}, {"epochs": 1.5}, {"batch_size": "2"}, {"momentum": None}):
        with pytest.raises(SettingError):
            TrainingSpec(**changes)
