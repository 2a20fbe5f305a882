"""The user's words for the settings: what each changes, and that all places agree on them."""

import dataclasses

import pytest
import typer
from helpers.errors import raises_setting
from helpers.specs import spec_of

from blobtransfer.cli.app import app
from blobtransfer.errors import SettingError
from blobtransfer.specs.drawn import BlobsSpec
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.settings import SETTINGS, default_of, with_settings
from blobtransfer.specs.training import TrainingSpec

BASE = spec_of(source=BlobsSpec(1), target=BlobsSpec(2), questions=("fresh",), n_repeats=6)

CHANGES = {
    # word -> a value that is possible in BASE, and another that never is
    "source-seed": (5, -1),
    "target-seed": (5, -1),
    "samples": (2000, 0),
    "classes": (4, 1),
    "features": (3, 0),
    "cluster-std": (1.5, 0.0),
    "train-samples": (400, 0),
    "test-samples": (300, 0),
    "hidden": ((7, 7), ()),
    "activation": ("tanh", "selu"),
    "initializer": ("he_normal", "zeros"),
    "epochs": (9, 0),
    "batch-size": (8, 0),
    "learning-rate": (0.5, -1.0),
    "momentum": (0.9, 1.0),
    "optimizer": ("adam", "rmsprop"),
    "nesterov": (True, None),
    "weight-decay": (0.1, -1.0),
    "repeats": (4, 0),
    "max-repeats": (5, None),
    "until-decided": (True, None),
    "nested": ((2, 3), (1, 6)),
    "train-seed": (5, -1),
    "engine": ("keras", None),
    "margin": (0.05, 1.0),
    "low": (0.2, 0.0),
    "speed": (True, None),
    "threshold": (0.7, 2.0),
    "tune": ((0.1, 0.01), (0.1,)),
}

NEEDS = {"nesterov": {"momentum": 0.5}}
"""What a word's value is possible with."""

PARTS = {"source": BlobsSpec, "target": BlobsSpec, "network": MLPSpec, "training": TrainingSpec}


def flat(spec):
    """Give the fields of a spec and of its parts by path."""
    values = {}
    for field in dataclasses.fields(spec):
        value = getattr(spec, field.name)
        if field.name in PARTS:
            values |= {f"{field.name}.{name}": one for name, one in vars(value).items()}
        else:
            values[field.name] = value
    return values


def test_every_setting_is_tried_here():
    assert CHANGES.keys() == SETTINGS.keys()


@pytest.mark.parametrize("word", SETTINGS)
def test_a_word_changes_the_fields_it_names_and_no_other(word):
    value, _ = CHANGES[word]
    base = with_settings(BASE, NEEDS.get(word, {}))
    before, after = flat(base), flat(with_settings(base, {word: value}))
    changed = {path for path in before if before[path] != after[path]}
    assert changed == set(SETTINGS[word])
    assert all(after[path] == value for path in changed)


@pytest.mark.parametrize("word", [word for word, (_, bad) in CHANGES.items() if bad is not None])
def test_an_impossible_value_is_refused_by_the_same_word(word):
    _, value = CHANGES[word]
    with raises_setting(word):
        with_settings(BASE, {word: value})


@pytest.mark.parametrize(
    "values",
    [
        {"samples": 90, "train-samples": 60},
        {"samples": 400, "train-samples": 400, "test-samples": 50},
        {"nested": (2, 4), "repeats": 8},
    ],
)
def test_values_that_are_possible_together_alone_are_set_together(values):
    changed = with_settings(BASE, values)
    for word, value in values.items():
        assert all(flat(changed)[path] == value for path in SETTINGS[word])
    first, *_ = values
    with pytest.raises(SettingError):
        with_settings(BASE, {first: values[first]})


def test_repeats_of_a_comparison_until_decided_are_refused_as_the_most_of_them():
    with raises_setting("max-repeats", 0):
        with_settings(BASE, {"until-decided": True, "max-repeats": 0})


def test_a_problem_that_is_not_there_is_left_out():
    changed = with_settings(spec_of(source=None), {"samples": 90, "source-seed": 5})
    assert changed.source is None
    assert changed.target.n_samples == 90


def test_no_value_changes_nothing():
    assert with_settings(BASE, {}) == BASE


@pytest.mark.parametrize("word", [word for word in SETTINGS if not word.endswith("-seed")])
def test_the_default_is_that_of_every_field_of_the_word(word):
    for path in SETTINGS[word]:
        part, _, name = path.rpartition(".")
        whole = {
            "": ExperimentSpec(target=BlobsSpec(2)),
            "source": BlobsSpec(1),
            "target": BlobsSpec(2),
            "network": MLPSpec(),
            "training": TrainingSpec(),
        }[part]
        assert getattr(whole, name) == default_of(word)


def test_every_word_is_an_option_of_compare():
    command = typer.main.get_command(app).commands["compare"]
    options = {name for parameter in command.params for name in parameter.opts}
    missing = {word for word in SETTINGS if f"--{word}" not in options}
    assert not missing
