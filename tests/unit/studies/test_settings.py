"""The settings of a comparison: named as the options, with their defaults, and checked."""

from dataclasses import fields

import pytest

from blobtransfer.cli.app import build_command
from blobtransfer.errors import SettingError
from blobtransfer.specs.generated import BlobsSpec, MoonsSpec
from blobtransfer.specs.variant import parse_variant
from blobtransfer.studies.comparison import build_comparison
from blobtransfer.studies.settings import DEFAULTS, ComparisonSettings

OPTIONS = {
    flag.removeprefix("--").replace("-", "_"): option
    for option in build_command("compare").params
    for flag in option.opts
}

IMPOSSIBLE = {
    "hidden": (),
    "activation": "selu",
    "initializer": "zeros",
    "epochs": 0,
    "source_epochs": 0,
    "budget": "steps",
    "batch_size": 0,
    "learning_rate": -1.0,
    "optimizer": "rmsprop",
    "momentum": 1.0,
    "nesterov": True,
    "weight_decay": -1.0,
    "patience": 0,
    "engine": "torch",
    "train_seed": -1,
    "fixed": (3,),
    "sources": "two",
    "repeats": 0,
    "max_repeats": 5,
    "nested": (1, 6),
    "margin": 1.0,
    "low": 0.0,
    "tune": (0.1,),
    "threshold": 0.7,
    "against": parse_variant("new-head"),
    "metric": "f1",
}


def test_every_setting_is_an_option_of_compare():
    names = {"variant" if field.name == "variants" else field.name
             for field in fields(ComparisonSettings)}  # fmt: skip
    assert not names - OPTIONS.keys()


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_setting_has_the_default_of_its_option(name):
    option = OPTIONS["variant" if name == "variants" else name]
    if option.default is not None:  # else the help text names it
        assert option.default == DEFAULTS[name]


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_an_impossible_value_is_rejected_by_the_name_of_its_option(name):
    with pytest.raises(SettingError) as error:
        build_comparison(ComparisonSettings(**{name: IMPOSSIBLE[name]}))
    assert error.value.setting == name.replace("_", "-")


@pytest.mark.parametrize(
    ("settings", "setting"),
    [
        ({"nested": (2, 3), "repeats": 6}, "repeats"),
        ({"nested": (2, 3, 4)}, "nested"),
        ({"until_decided": True, "repeats": 6}, "repeats"),
        ({"model": "a.keras", "sources": "fresh"}, "model"),
        ({"target": MoonsSpec(1), "sources": "fresh"}, "sources"),
        ({"target": MoonsSpec(1), "nested": (2, 3)}, "sources"),
        ({"target": MoonsSpec(1)}, "variant"),
        ({"source": MoonsSpec(1)}, "source"),
    ],
)
def test_settings_that_exclude_each_other_are_rejected(settings, setting):
    with pytest.raises(SettingError) as error:
        build_comparison(ComparisonSettings(**settings))
    assert error.value.setting == setting


def test_only_blobs_have_a_default_source():
    assert ComparisonSettings().data == {"source": BlobsSpec(1), "target": BlobsSpec(2)}
    assert ComparisonSettings(target=MoonsSpec(1)).data == {"target": MoonsSpec(1)}


def test_only_blobs_and_models_have_a_default_target():
    blobs, moons = BlobsSpec(7), MoonsSpec(1)
    assert ComparisonSettings(source=blobs).data == {"source": blobs, "target": BlobsSpec(2)}
    assert ComparisonSettings(source=moons, model="m.keras").data["target"] == BlobsSpec(2)


def test_lists_are_taken_for_tuples():
    assert ComparisonSettings(fixed=[0, 1]) == ComparisonSettings(fixed=(0, 1))


@pytest.mark.parametrize(
    ("settings", "n_repeats"),
    [
        ({}, 200),
        ({"repeats": 7}, 7),
        ({"nested": (3, 4)}, 12),
        ({"until_decided": True}, 100_000),
        ({"until_decided": True, "max_repeats": 50}, 50),
    ],
)
def test_the_number_of_repeats_comes_from_one_of_three_settings(settings, n_repeats):
    assert build_comparison(ComparisonSettings(**settings)).n_repeats == n_repeats


@pytest.mark.parametrize(
    ("sources", "questions"),
    [
        (None, ("fresh", "one")),
        ("both", ("fresh", "one")),
        ("one", ("one",)),
        ("fresh", ("fresh",)),
    ],
)
def test_both_questions_are_answered_unless_one_is_named(sources, questions):
    assert build_comparison(ComparisonSettings(sources=sources)).questions == questions
