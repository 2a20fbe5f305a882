"""Every option of a command is a keyword of its function, with the same default."""

import inspect

import numpy as np
import pandas as pd
import pytest

import blobtransfer
from blobtransfer.api.keywords import DESCRIPTIONS, in_python
from blobtransfer.cli.app import COMMANDS, build_command
from blobtransfer.errors import SettingError

COMMANDS = {name: build_command(name) for name in COMMANDS}

FUNCTIONS = {name: name.replace("-", "_") for name in COMMANDS if name not in ("show", "merge")} | {
    "show": "load"
}

METHODS = {
    "plot": "plot", "no-plot": "plot", "show": "plot", "style": "plot", "size": "plot",
    "no-title": "plot",
    "output": "save", "format": "save", "curves": "curves", "summary": "summary",
    "full": "_repr_html_", "explain": "_repr_html_", "sources": "plot", "only": "plot",
    "title": "plot", "table": "_repr_html_",
}  # fmt: skip
"""Options for which a result has a method."""

OUTPUTS = {"model": "train-source", "save": "train-target", "force": "train-source train-target"}
"""Options of the file of a network, for which `TrainingResult` has `save_model`; their commands."""

TERMINAL = ("quiet", "verbose", "debug", "version", "help", "help-all", "only-repeats")
"""Options of messages, and of the jobs of an array."""


def options_of(command):
    for option in COMMANDS[command].params:
        yield max(option.opts, key=len).removeprefix("--"), option


def parameters_of(command):
    function = getattr(blobtransfer, FUNCTIONS[command])
    return inspect.signature(function).parameters


@pytest.mark.parametrize("command", FUNCTIONS)
def test_an_option_is_a_keyword_with_the_same_default(command):
    parameters = parameters_of(command)
    for name, option in options_of(command):
        if option.param_type_name == "argument" or command in OUTPUTS.get(name, "").split():
            continue
        if name.replace("-", "_") not in parameters:
            assert name in METHODS or name in TERMINAL, name
            continue
        default = parameters[name.replace("-", "_")].default
        if option.required:
            assert default is inspect.Parameter.empty
        elif option.default is None:
            assert default is None or str(default) == option.show_default, name
        else:
            assert default == option.default, name


@pytest.mark.parametrize("command", FUNCTIONS)
def test_a_keyword_is_an_option_or_an_argument(command):
    names = {name.replace("-", "_") for name, _ in options_of(command)}
    names |= {name.removeprefix("no_") for name in names}
    arguments = {"show": {"path"}}.get(command, set())
    assert set(parameters_of(command)) <= names | arguments | {"label", "progress"}


def test_options_without_a_keyword_have_a_method():
    assert all(hasattr(blobtransfer.Result, name) for name in METHODS.values())
    assert hasattr(blobtransfer.TrainingResult, "save_model")


@pytest.mark.parametrize("command", FUNCTIONS)
def test_every_keyword_is_described(command):
    function = getattr(blobtransfer, FUNCTIONS[command])
    for name in parameters_of(command):
        assert f" {name}: " in function.__doc__
    assert "options:" not in function.__doc__


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_a_description_is_a_sentence(name):
    assert DESCRIPTIONS[name].text.endswith((".", "?"))


def test_a_keyword_of_another_function_is_an_error():
    with pytest.raises(TypeError, match="speed"):
        blobtransfer.grid(["moons", "circles"], speed=True)
    with pytest.raises(TypeError, match="did you mean repeats"):
        blobtransfer.compare(repeat=3)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("lr", "did you mean learning_rate?"),
        ("freeze", "did you mean fixed?"),
        ("plot", "use the method plot() of the result"),
        ("output", "use the method save(path) of the result"),
        ("colour", "see help(blobtransfer.compare)"),
    ],
)
def test_an_unknown_keyword_is_answered_with_what_to_use(name, advice):
    with pytest.raises(TypeError) as caught:
        blobtransfer.compare(**{name: 1})
    assert str(caught.value).endswith(advice)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("to look again at more --repeats take another --train-seed",
         "to look again at more repeats take another train_seed"),
        ("try --test-samples 7000", "try test_samples=7000"),
        ("try --nested 100 10; more", "try nested=(100, 10); more"),
        ("use --range LOW HIGH, the lowest", "use range=(LOW, HIGH), the lowest"),
        ("add --source SPEC, or --model FILE", "add source=SPEC, or model=FILE"),
        ("runs with --sources both", 'runs with sources="both"'),
        ("try --metric balanced-accuracy", 'try metric="balanced-accuracy"'),
        ("try --variant new-head,fixed=0", 'try variant="new-head,fixed=0"'),
        ("use --tune learning-rate=A,B,...", 'use tune="learning-rate=A,B,..."'),
        ("rounded differently (--mixed)", "rounded differently (mixed)"),
        ("try sweep --over epochs=100,200", 'try sweep("epochs=100,200")'),
        ("sweep --over epochs=1,2 --source-epochs 3", 'sweep("epochs=1,2", source_epochs=3)'),
        ("sweep --over epochs=1,2, or --budget updates: x",
         'sweep("epochs=1,2"), or budget="updates": x'),
    ],
)  # fmt: skip
def test_advice_names_keywords(text, expected):
    assert in_python(text) == expected


def test_numbers_are_of_python_or_numpy():
    few = {"epochs": 1, "samples": 20, "train_samples": 10, "progress": False}
    expected = blobtransfer.compare(fixed=[0, 1], hidden=[3, 3], repeats=2, train_seed=3, **few)
    for fixed in (range(2), np.arange(2), (np.int64(0), np.int32(1))):
        values = {"hidden": np.array([3, 3]), "repeats": np.int64(2), "train_seed": np.uint8(3)}
        assert blobtransfer.compare(fixed=fixed, **values, **few) == expected


@pytest.mark.parametrize(
    ("over", "values"),
    [
        ({"hidden": [(2, 3), 4]}, ("2+3", "4")),
        ({"batch_size": np.array([5, 10])}, ("5", "10")),
        ({"nesterov": (False, True)}, ("off", "on")),
        ("batch-size=5,10", ("5", "10")),
    ],
)
def test_values_of_a_sweep_are_written_as_in_python(over, values):
    result = blobtransfer.sweep(
        over, fixed=0, momentum=0.9, epochs=1, repeats=1, samples=20, train_samples=10
    )
    assert result._results.axes[0].values == values


def test_numbers_and_arrays_of_numpy_and_pandas_are_those_of_python():
    result = blobtransfer.compare(
        [blobtransfer.BlobsSpec(seed) for seed in np.arange(2)][1],
        repeats=np.int64(1),
        epochs=np.array(1),
        margin=np.float32(0.25),
        fixed=range(2),
        hidden=pd.Series([2, 3]),
        nested=None,
        speed=np.True_,
    )
    assert result == blobtransfer.compare(
        repeats=1, epochs=1, margin=0.25, fixed=[0, 1], hidden=[2, 3], speed=True
    )


@pytest.mark.parametrize("keyword", DESCRIPTIONS)
def test_a_value_of_another_type_is_an_error_of_one_line(keyword):
    for value in (object(), [[]], {"a": 1}, b"a", pd.Series(["a", "b"])):
        with pytest.raises(SettingError) as info:
            blobtransfer.compare("blobs", **{keyword: value})
        assert "\n" not in str(info.value)
        assert keyword.split("_")[0] in str(info.value)


@pytest.mark.parametrize(
    ("function", "value"),
    [
        ("sweep", None), ("sweep", {}), ("sweep", [1]), ("sweep", [("epochs", [1])]),
        ("sweep", pd.DataFrame({"a": [1]})), ("grid", None), ("grid", 5), ("grid", {"a": 1}),
        ("grid", ["moons", None]),
    ],
)  # fmt: skip
def test_what_varies_and_problems_are_settings_and_data(function, value):
    with pytest.raises(SettingError, match=r"(over|problems): use .* such as"):
        getattr(blobtransfer, function)(value)


def test_one_text_may_stand_for_several_problems():
    result = blobtransfer.grid("blobs:seed=1..2", fixed=0, epochs=1, repeats=1)
    assert len(result._results.cells) == 4
