"""What varies in a sweep, as a user writes it."""

from dataclasses import fields

import pytest
from helpers.errors import raises_setting

from blobtransfer.api.data import BLOBS_FIELDS
from blobtransfer.specs.axis_text import NEVER, SWEPT, parse_axis, paths_of
from blobtransfer.specs.study import Axis
from blobtransfer.specs.training import TrainingSpec


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("train-samples=10,30,100", Axis("train-samples", ("10", "30", "100"))),
        ("hidden=5+5,10", Axis("hidden", ("5+5", "10"))),
        ("fixed=0..2", Axis("fixed", ("0", "1", "2"))),
        # each three times the one before: 10, 30, 90
        ("train-samples=10..90/3", Axis("train-samples", ("10", "30", "90"))),
        ("learning-rate=0.01..0.04/3", Axis("learning-rate", ("0.01", "0.02", "0.04"))),
        ("target.noise=0.1,0.3", Axis("target.noise", ("0.1", "0.3"))),
        ("source.seed=1..3", Axis("source.seed", ("1", "2", "3"))),
        ("epochs=1_0,1e3,5.", Axis("epochs", ("5.", "10", "1e3"))),
        ("epochs=1_0..4e1/3", Axis("epochs", ("10", "20", "40"))),
        ("optimizer=sgd,adam", Axis("optimizer", ("sgd", "adam"))),
    ],
)
def test_a_setting_and_its_values_are_read(text, axis):
    assert parse_axis(text) == axis


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("train-sample=1,2", "did you mean train-samples?"),
        ("target.nose=1,2", "did you mean target.noise"),
        ("=1,2", "an empty name cannot be swept"),
        ("hidden", "use SETTING=A,B"),
        ("hidden=", "use SETTING=A,B"),
        ("hidden=5", "or --hidden"),
        ("hidden=5,", "a value is empty"),
        ("hidden=5,5", "5 is repeated"),
        ("epochs=1000,1e3", "1e3 is repeated"),
        ("epochs=10,1,000", "write 1000 and 0.01 without a comma"),
        ("learning-rate=0,01,0,1", "write 1000 and 0.01 without a comma"),
        ("learning-rate=0.5,0.1,0.50", "0.50 is repeated"),
        ("hidden=5..", "LOW..HIGH"),
        ("hidden=9..2", "LOW below HIGH"),
        ("hidden=2..9/x", "LOW..HIGH/STEPS"),
        ("hidden=2..9/1", "2 to 1,000 steps"),
        ("hidden=0..9/3", "LOW above 0; or a list"),
        ("hidden=0..9999", "at most 1,000 values"),
        pytest.param(
            "hidden=" + ",".join(map(str, range(1, 10_002))), "10,001 values", id="hidden=1,2,..."
        ),
        ("learning-rate=0.1..0.5", "give the number of steps"),
        ("target-seed=1,2", "different test rows; use pairs or grid"),
        ("target.seed=1,2", "different test rows; use pairs or grid"),
        ("train-seed=1,2", "use --repeats"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_way_out(text, problem):
    with raises_setting("over", key=problem):
        parse_axis(text)


def test_settings_of_both_problems_set_both():
    assert paths_of("train-samples") == ("source.train", "target.train")
    assert paths_of("source-seed") == ("source.seed",)
    assert paths_of("target.noise") == ("target.noise",)
    assert paths_of("hidden") == ()


def test_every_setting_of_problems_network_and_training_can_vary_or_is_said_not_to():
    training = {field.name.replace("_", "-") for field in fields(TrainingSpec)}
    assert {*training, *BLOBS_FIELDS, "source-seed", "target-seed"} - set(SWEPT) - set(
        NEVER
    ) == set()
