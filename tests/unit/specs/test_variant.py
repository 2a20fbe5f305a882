"""Variants as they are written, and what they ask of a network and its training."""

import json
import math
from dataclasses import asdict, replace

import pytest
from helpers.errors import raises_setting
from pydantic import TypeAdapter

from blobtransfer.specs.identity import plain
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.specs.variant import (
    STANDALONE,
    AddLayer,
    NewHead,
    Phase,
    ReinitLayers,
    Unfreeze,
    Variant,
    VariantRecord,
    parse_variant,
    transfer_variants,
)

TRAINING = TrainingSpec(epochs=4, learning_rate=0.2)


@pytest.mark.parametrize(
    ("text", "variant", "label"),
    [
        ("new-head", Variant("transfer", 0, NewHead()), "new-head fixed=0"),
        ("fixed=1,new-head", Variant("transfer", 1, NewHead()), "new-head fixed=1"),
        ("reinit=2 fixed=1", Variant("transfer", 1, ReinitLayers(2)), "reinit=2 fixed=1"),
        ("add=8", Variant("transfer", 0, AddLayer(8)), "add=8 fixed=0"),
        (
            " fixed=2, unfreeze=50, factor=1e-1 ",
            Variant("transfer", 2, unfreeze=Unfreeze(50, 0.1)),
            "unfreeze=50 factor=0.1 fixed=2",
        ),
        ("transfer", Variant("transfer", 0), "transfer fixed=0"),
        ("fixed=0,anchor=0.010", Variant("transfer", 0, anchor=0.01), "anchor=0.01 fixed=0"),
        (
            "anchor=0.123456789,new-head,fixed=1",
            Variant("transfer", 1, NewHead(), anchor=0.123456789),
            "new-head anchor=0.123456789 fixed=1",
        ),
        (
            "self-transfer,anchor=2",
            Variant("self-transfer", 0, anchor=2.0),
            "self-transfer anchor=2 fixed=0",
        ),
        ("random-frozen,fixed=2", Variant("random-frozen", 2), "random-frozen fixed=2"),
        (
            "self-transfer,reinit=1",
            Variant("self-transfer", 0, ReinitLayers(1)),
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
        ("magic", "magic is not known"),
        ("reverse", "use --reverse"),
        ("standalone", "always compared"),
        ("fixed=x", "use a whole number"),
        ("fixed=1_", "use a whole number"),
        ("fixed=", "use a whole number"),
        ("fixed=-1", "use fixed=0 or more"),
        ("fixed=1,fixed=2", "fixed is repeated"),
        ("new-head=1", "new-head=1 is not known"),
        ("reinit", "reinit is not known"),
        ("reinit=0", "use reinit=1 or more"),
        ("add=0", "use add=1 or more"),
        ("new-head,reinit=2", "exclude each other"),
        ("transfer,self-transfer", "exclude each other"),
        ("random-frozen", "random-frozen needs fixed=N"),
        ("random-frozen,fixed=0", "freezes nothing"),
        ("random-frozen,fixed=1,new-head", "starts from new random weights"),
        ("equal-compute,fixed=1", "freezes nothing"),
        ("unfreeze=5", "transfer needs fixed=N"),
        ("fixed=0,unfreeze=5", "nothing is frozen"),
        ("fixed=1,unfreeze=0", "use unfreeze=1 or more"),
        ("fixed=1,factor=0.1", "factor needs unfreeze"),
        ("fixed=1,unfreeze=2,factor=0", "a finite factor above 0"),
        ("fixed=1,unfreeze=2,factor=nan", "use a finite number"),
        ("anchor", "anchor is not known"),
        ("anchor=x", "anchor=x: use a number"),
        ("anchor=0", "use an anchor above 0 and at most 1,000,000"),
        ("anchor=-1", "use an anchor above 0 and at most 1,000,000"),
        ("anchor=1e7", "use an anchor above 0 and at most 1,000,000"),
        ("anchor=1,anchor=2", "anchor is repeated"),
        ("random-frozen,fixed=1,anchor=1", "no source network"),
        ("equal-compute,anchor=1", "no source network"),
        ("fixed=1,unfreeze=2,factor=1e999", "finite number"),
    ],
)
def test_a_variant_that_cannot_be_is_refused_with_its_reason(text, problem):
    with raises_setting("variant", key=problem):
        parse_variant(text)


@pytest.mark.parametrize(
    ("part", "values", "value"),
    [
        (ReinitLayers, (0,), "reinit=0"),
        (ReinitLayers, (100_000_001,), "reinit=100000001"),
        (AddLayer, (0,), "add=0"),
        (Unfreeze, (0,), "unfreeze=0"),
        (Unfreeze, (1, 0.0), "factor=0.0"),
        (Unfreeze, (1, math.inf), "factor=inf"),
        (Variant, ("transfer", -1), "fixed=-1"),
        (Variant, ("magic",), "magic"),
        (Variant, ("standalone", None, NewHead()), "standalone new-head"),
        (Variant, ("random-frozen", 1, ReinitLayers(1)), "random-frozen reinit=1 fixed=1"),
    ],
)
def test_a_part_of_a_variant_that_is_out_of_range_cannot_be_built(part, values, value):
    with raises_setting("variant", value):
        part(*values)


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("fixed=1", {"n_frozen": 1}),
        ("new-head,fixed=1", {"n_frozen": 1, "new_head": True}),
        ("self-transfer,reinit=2", {"start": "self-transfer", "n_frozen": 0, "reinit": 2}),
        ("add=8,anchor=2", {"n_frozen": 0, "add": 8, "anchor": 2.0}),
        ("fixed=2,unfreeze=5,factor=0.1", {"n_frozen": 2, "unfreeze": 5, "factor": 0.1}),
        ("equal-compute", {"start": "equal-compute"}),
    ],
)
def test_a_file_has_the_flat_record_of_a_variant(text, changes):
    variant, default = parse_variant(text), VariantRecord("transfer")
    assert variant.record() == replace(default, **changes)
    assert plain(variant) == asdict(default) | changes
    assert plain(variant, without_defaults=True) == {"start": "transfer"} | changes
    assert variant.record().variant() == variant
    assert TypeAdapter(Variant).validate_json(json.dumps(plain(variant)), strict=True) == variant


@pytest.mark.parametrize(
    "changes",
    [
        {"new_head": True, "reinit": 1},
        {"new_head": True, "add": 1},
        {"reinit": 1, "add": 1},
        {"factor": 0.5},
        {"add": 0},
        {"start": "standalone"},
    ],
)
def test_a_file_of_parts_that_exclude_each_other_is_refused(changes):
    record = asdict(VariantRecord("transfer", 1)) | changes
    with pytest.raises(ValueError, match="variant"):
        TypeAdapter(Variant).validate_json(json.dumps(record), strict=True)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("fixed=3", "fixed=0, 1 or 2"),
        ("reinit=3", "reinit=1 to 2"),
        ("reinit=2,fixed=2", "layer 2 "),
        ("fixed=1,unfreeze=4", "4 epochs"),
    ],
)
def test_a_variant_that_does_not_fit_the_network_or_the_training_is_refused(text, problem):
    with raises_setting("variant", parse_variant(text), problem):
        parse_variant(text).check_fits(n_hidden=2, epochs=4)


@pytest.mark.parametrize("text", ["add=3,fixed=2", "reinit=2,fixed=1", "fixed=2,unfreeze=3"])
def test_a_variant_that_just_fits_is_taken(text):
    parse_variant(text).check_fits(n_hidden=2, epochs=4)


@pytest.mark.parametrize(
    ("text", "n_reinitialised", "has_source"),
    [
        ("fixed=1", 0, True),
        ("new-head", 1, True),
        ("reinit=2", 2, True),
        ("add=3", 2, True),
        ("self-transfer,new-head", 1, True),
        ("random-frozen,fixed=1", 0, False),
        ("equal-compute", 0, False),
    ],
)
def test_a_variant_knows_which_layers_its_source_does_not_give(text, n_reinitialised, has_source):
    variant = parse_variant(text)
    assert (variant.top.n_reinitialised, variant.has_source) == (n_reinitialised, has_source)


@pytest.mark.parametrize(
    ("text", "phases"),
    [
        ("fixed=1", [Phase(0, TRAINING, 1)]),
        (
            "fixed=2,unfreeze=3,factor=0.5",
            [
                Phase(0, replace(TRAINING, epochs=3), 2),
                Phase(3, replace(TRAINING, learning_rate=0.1), 0),
            ],
        ),
    ],
)
def test_the_course_of_a_training_is_that_of_its_variant(text, phases):
    assert list(parse_variant(text).phases(TRAINING)) == phases


def test_an_added_layer_is_the_last_hidden_one():
    assert parse_variant("add=8").network(MLPSpec()).hidden == (5, 5, 8)
    assert STANDALONE.network(MLPSpec()) == MLPSpec()


@pytest.mark.parametrize(
    ("fixed", "n_hidden", "setting", "value", "key"),
    [
        ([], 2, "fixed", "", "one or more of 0, 1 or 2"),
        ([3], 2, "fixed", "3", "0, 1 or 2"),
        ([-1], 1, "fixed", "-1", "0 or 1"),
        ([9], 5, "fixed", "9", "0 to 5"),
        ([0, 1, 0], 2, "fixed", "0 1 0", "give it once"),
    ],
)
def test_numbers_of_frozen_layers_that_cannot_be_are_refused_with_one_line(
    fixed, n_hidden, setting, value, key
):
    with raises_setting(setting, value, key):
        transfer_variants(fixed, n_hidden)


@pytest.mark.parametrize(("n_hidden", "fixed"), [(1, [0, 1]), (4, [0, 1, 2])])
def test_without_a_wish_up_to_two_hidden_layers_are_frozen(n_hidden, fixed):
    assert [variant.n_frozen for variant in transfer_variants(None, n_hidden)] == fixed


def test_transfer_variants_are_in_ascending_order_whatever_the_wish():
    assert transfer_variants([2, 0], 2) == (Variant("transfer", 0), Variant("transfer", 2))


def test_an_added_layer_has_the_activation_of_the_last_hidden_one():
    source = MLPSpec(hidden=(5, 4), activation=("relu", "tanh"))
    network = parse_variant("add=3").network(source)
    assert (network.hidden, network.activation) == ((5, 4, 3), ("relu", "tanh", "tanh"))
    assert parse_variant("add=3").network(MLPSpec(activation="elu")).activation == "elu"
