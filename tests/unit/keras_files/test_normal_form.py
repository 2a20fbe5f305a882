"""Descriptions of models, however they are written down -> one chain, or all that is against it."""

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers.models import call_of, config, entry, functional, nested, probabilities, weights

from blobtransfer.keras_files.chain import DenseChain
from blobtransfer.keras_files.normal_form import (
    activation_of,
    activation_of_layer,
    read_chain,
    with_softmax,
)
from blobtransfer.keras_files.refusal import Unsupported
from blobtransfer.keras_files.unchanged import ONLY_IN_TRAINING
from blobtransfer.specs.network import MLPSpec

Layers = list[dict[str, Any]]


def chain_of(model: dict[str, Any]) -> DenseChain:
    return read_chain(json.dumps(model).encode())


def refusal_of(model: dict[str, Any]) -> str:
    with pytest.raises(Unsupported) as caught:
        chain_of(model)
    return str(caught.value)


def changed(change: Callable[[Layers], object], model: dict[str, Any] | None = None) -> Any:
    model = model or config()
    change(model["config"]["layers"])
    return model


def of_keras_2(model: dict[str, Any]) -> dict[str, Any]:
    """Rewrite a Functional model as Keras 2 does: calls as lists, ends as lists of lists."""
    for layer in model["config"]["layers"]:
        layer["inbound_nodes"] = [
            [[tensor["config"]["keras_history"][0], 0, 0, {}] for tensor in call["args"]]
            for call in layer["inbound_nodes"]
        ]
    for side in ("input_layers", "output_layers"):
        model["config"][side] = [model["config"][side]]
    return model


# --- One network in many spellings ------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        config(),
        functional(),
        of_keras_2(functional()),
        functional() | {"class_name": "Model", "module": None},
        functional() | {"registered_name": "Functional"},
        nested(),
        nested(7),
        changed(lambda layers: layers.reverse(), functional()),
    ],
    ids=[
        "Sequential", "Functional", "Keras 2", "Model", "registered", "nested", "7 deep",
        "out of order",
    ],
)  # fmt: skip
def test_the_same_chain_is_found_however_it_is_written_down(model):
    chain = chain_of(model)
    assert [layer.name for layer in chain.layers] == ["dense", "dense_1", "dense_2"]
    assert [(layer.fan_in, layer.units) for layer in chain.layers] == [(2, 5), (5, 4), (4, 3)]
    assert [layer.activation for layer in chain.layers] == ["relu", "relu", "softmax"]
    assert chain.notes_text() == []


def test_the_groups_of_weights_are_counted_in_each_model_by_class():
    chain = chain_of(nested(2))
    assert [layer.group for layer in chain.layers] == [
        ("sequential", "sequential", "dense"),
        ("sequential", "sequential", "dense_1"),
        ("dense",),
    ]
    assert [layer.top for layer in chain.layers] == ["base_1", "base_1", "dense_2"]


def test_layers_of_models_inside_may_have_the_name_of_others():
    def rename(layers):
        layers[1]["config"]["layers"][0]["config"]["name"] = "dense_2"

    assert [layer.name for layer in chain_of(changed(rename, nested())).layers] == [
        "dense_2", "dense_1", "dense_2"
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ONLY_IN_TRAINING)
def test_layers_that_a_trained_network_does_without_are_read_past_and_told(kind):
    chain = chain_of(changed(lambda layers: layers.insert(2, entry(kind, "it", rate=0.2))))
    assert [layer.name for layer in chain.layers] == ["dense", "dense_1", "dense_2"]
    (note,) = chain.notes_text()
    assert f"'it' ({kind})" in note


def between(*layers: dict[str, Any]) -> Callable[[Layers], object]:
    """Insert layers behind the first dense layer, which has 5 units."""
    return lambda entries: entries.__setitem__(slice(2, 2), layers)


IDENTITIES = {
    "identity": [entry("Identity", "i")],
    "linear": [entry("Activation", "i", activation="linear")],
    "slope 1": [entry("LeakyReLU", "i", negative_slope=1.0)],
    "relu again": [entry("ReLU", "i")],
    "flatten": [entry("Flatten", "i", data_format="channels_first")],
    "reshape": [entry("Reshape", "i", target_shape=[5])],
    "to the rest": [entry("Reshape", "i", target_shape=[-1])],
    "there and back": [
        entry("Reshape", "i", target_shape=[1, -1, 1]),
        entry("SpatialDropout2D", "s"),
        entry("Permute", "p", dims=[2, 1, 3]),
        entry("Flatten", "f"),
    ],
    "permute": [entry("Permute", "i", dims=[1])],
    "scale 1": [entry("Rescaling", "i", scale=1.0)],
    "scales 1": [entry("Rescaling", "i", scale=[1.0] * 5, offset=[0] * 5)],
}


@pytest.mark.parametrize("layers", IDENTITIES.values(), ids=IDENTITIES)
def test_layers_that_leave_the_rows_unchanged_are_skipped_without_a_note(layers):
    chain = chain_of(changed(between(*layers)))
    assert [layer.name for layer in chain.layers] == ["dense", "dense_1", "dense_2"]
    assert [layer.activation for layer in chain.layers] == ["relu", "relu", "softmax"]
    assert chain.notes_text() == [
        "ignored 's' (SpatialDropout2D): training continues without"
        for layer in layers
        if layer["config"]["name"] == "s"
    ]


def test_images_that_are_flattened_first_are_rows_of_their_pixels():
    def flatten(layers):
        layers[0]["config"]["batch_shape"] = [None, 2, 1]
        layers.insert(1, entry("Flatten", "flat"))

    assert chain_of(changed(flatten)).layers[0].fan_in == 2


CHANGING = {
    "scale": [entry("Rescaling", "i", scale=0.5)],
    "offset": [entry("Rescaling", "i", scale=1, offset=[0, 0, 0, 0, 1])],
    "more scales": [entry("Rescaling", "i", scale=[1.0] * 4)],
    "no scale": [entry("Rescaling", "i")],
    "mask of 1": [entry("Masking", "i", mask_value=1.0)],
    "no target": [entry("Reshape", "i", newshape=[-1, 5])],
    "other size": [entry("Reshape", "i", target_shape=[6])],
    "size 0": [entry("Reshape", "i", target_shape=[0, -1])],
    "two rests": [entry("Reshape", "i", target_shape=[-1, -1])],
    "text": [entry("Reshape", "i", target_shape=["5"])],
    "transposed": [
        entry("Reshape", "r", target_shape=[5, 1]),
        entry("Dropout", "d"),
        entry("Permute", "i", dims=[2, 2]),
    ],
    "no axes": [entry("Permute", "i", dims=7)],
}


@pytest.mark.parametrize("layers", CHANGING.values(), ids=CHANGING)
def test_layers_that_change_the_rows_are_refused(layers):
    assert "layer 'i' is a " in refusal_of(changed(between(*layers)))


def test_axes_in_another_order_are_another_row():
    image = entry("Reshape", "r", target_shape=[2, 2])
    layers = (image, entry("Permute", "i", dims=[2, 1]), entry("Flatten", "f"))
    model = changed(lambda entries: entries.__setitem__(slice(3, 3), layers))
    assert "layer 'i' is a Permute that changes the rows" in refusal_of(model)


def test_outputs_that_are_no_rows_are_refused():
    model = changed(lambda layers: layers.append(entry("Reshape", "r", target_shape=[3, 1])))
    assert "shape (3, 1), not of classes" in refusal_of(model)


def test_of_many_that_are_read_past_the_first_are_named():
    def add(layers):
        layers[2:2] = [entry("Dropout", f"drop_{i}") for i in range(9)]

    (note,) = chain_of(changed(add)).notes_text()
    assert [f"'drop_{i}'" in note for i in range(9)] == [True] * 3 + [False] * 6
    assert "6 more" in note


@pytest.mark.parametrize(
    ("kind", "settings", "word"),
    [
        ("Activation", {"activation": "tanh"}, "tanh"),
        ("Activation", {"activation": "gelu"}, "gelu"),
        ("ReLU", {"max_value": None, "negative_slope": 0.0, "threshold": 0.0}, "relu"),
        ("ReLU", {"negative_slope": 0.2}, "leaky_relu"),
        ("LeakyReLU", {"negative_slope": 0.1}, "leaky_relu=0.1"),
        ("LeakyReLU", {"alpha": 0.10000000149011612}, "leaky_relu=0.1"),
        ("LeakyReLU", {}, "leaky_relu=0.3"),
        ("LeakyReLU", {"negative_slope": 0}, "relu"),
        ("ELU", {"alpha": 1.0}, "elu"),
        ("ELU", {}, "elu"),
    ],
)
def test_an_activation_of_its_own_layer_is_that_of_the_dense_layer_before(kind, settings, word):
    def split(layers):
        layers[1]["config"]["activation"] = "linear"
        layers[2:2] = [entry("Dropout", "drop"), entry(kind, "it", **settings)]

    assert [layer.activation for layer in chain_of(changed(split)).layers] == [
        word, "relu", "softmax"
    ]  # fmt: skip


def test_a_softmax_layer_is_the_activation_of_the_output():
    def split(layers):
        layers[3]["config"]["activation"] = "linear"
        layers.append(entry("Softmax", "it", axis=-1))

    chain = chain_of(changed(split))
    assert (chain.layers[-1].activation, chain.notes_text()) == ("softmax", [])


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (None, "linear"),
        ("relu", "relu"),
        ("softmax_v2", "softmax"),
        ({"module": "builtins", "class_name": "function", "config": "softmax_v2"}, "softmax"),
        ({"module": "builtins", "class_name": "function", "config": "swish"}, "swish"),
        (entry("LeakyReLU", "it", negative_slope=0.1), "leaky_relu=0.1"),
        (entry("Dense", "it", units=3), "of its own"),
        ({"class_name": "__lambda__", "config": {"code": "AAAA"}}, "of its own"),
        (["relu"], "of its own"),
        (7, "of its own"),
    ],
)
def test_an_activation_is_known_by_its_name_its_function_or_its_layer(value, word):
    assert activation_of(value) == word


@pytest.mark.parametrize(
    ("kind", "settings", "word"),
    [
        ("ReLU", {"max_value": 6.0}, "relu with a limit or threshold"),
        ("ReLU", {"threshold": 1.0}, "relu with a limit or threshold"),
        ("ELU", {"alpha": 0.5}, "elu of alpha 0.5"),
        ("LeakyReLU", {"negative_slope": -0.1}, "leaky_relu of slope -0.1"),
        ("LeakyReLU", {"negative_slope": 1e-60}, "leaky_relu of slope 1e-60"),
        ("LeakyReLU", {"negative_slope": True}, "leaky_relu of slope true"),
        ("LeakyReLU", {"negative_slope": float("nan")}, "leaky_relu of slope NaN"),
        ("LeakyReLU", {"negative_slope": [0.1]}, "leaky_relu of slope [0.1]"),
        ("Softmax", {"axis": 0}, "softmax along axis 0"),
    ],
)
def test_an_activation_that_is_another_function_is_called_what_it_is(kind, settings, word):
    assert activation_of_layer(kind, settings) == word


# --- What plays no part from now on -----------------------------------------------------------


def set_dense(**settings: object) -> Callable[[Layers], object]:
    return lambda layers: layers[1]["config"].update(settings)


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (set_dense(use_bias=False), "no bias in 'dense'"),
        (
            set_dense(kernel_regularizer={"class_name": "L2", "config": {"l2": 0.01}}),
            "ignored regularizer of 'dense' (L2)",
        ),
        (
            set_dense(bias_constraint={"class_name": "MaxNorm", "config": {"max_value": 3}}),
            "ignored constraint of 'dense' (MaxNorm)",
        ),
        (set_dense(dtype="mixed_float16"), "saved with mixed_float16"),
        (
            set_dense(dtype={"class_name": "Policy", "config": {"name": "mixed_bfloat16"}}),
            "saved with mixed_bfloat16",
        ),
        (
            lambda layers: layers[3]["config"].update(activation="linear"),
            "the output layer is linear",
        ),
    ],
)
def test_what_is_not_used_is_told_in_a_line(change, note):
    (text,) = chain_of(changed(change)).notes_text()
    assert text.startswith(note) and "\n" not in text


def test_one_sigmoid_unit_is_softmax_of_two_classes():
    arrays = [*weights()[:-2], np.float32([[1], [-2], [0.5], [3]]), np.float32([0.25])]
    network, found, output = with_softmax(MLPSpec(2, (5, 4), 1), arrays, "sigmoid")
    assert (network, output) == (MLPSpec(2, (5, 4), 2), "softmax")
    rows = np.random.default_rng(1).normal(size=(20, 2))
    shares = probabilities("relu", found, rows)
    hidden = rows
    for kernel, bias in zip(arrays[:-2:2], arrays[1:-2:2], strict=True):
        hidden = np.maximum(hidden @ kernel + bias, 0)
    second = 1 / (1 + np.exp(-(hidden @ arrays[-2] + arrays[-1])))
    np.testing.assert_allclose(shares, np.hstack([1 - second, second]), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("n_classes", "output", "found"),
    [(3, "softmax", "softmax"), (3, "linear", "softmax"), (3, "log_softmax", "softmax"),
     (1, "linear", "linear"), (3, "sigmoid", "sigmoid"), (3, "of its own", "of its own")],
)  # fmt: skip
def test_another_output_stays_what_it_is(n_classes, output, found):
    network = MLPSpec(2, (5, 4), n_classes)
    before = weights()
    same, after, said = with_softmax(network, before, output)
    assert (same, said) == (network, found)
    assert all(a is b for a, b in zip(before, after, strict=True))


# --- What is refused, for all its reasons -----------------------------------------------------

TRAIN = "its weights cannot be reused: train a chain of Dense layers"
COPY = "save a plain copy: plain = keras.Sequential([keras.Input((2,)), keras.layers.Dense(5, "
WITHOUT = "save keras.Sequential([layer for layer in model.layers if "


def test_all_reasons_are_told_in_one_line():
    def change(layers):
        layers[1]["config"]["activation"] = "selu"
        layers[2]["config"]["lora_rank"] = 4
        layers.insert(2, entry("BatchNormalization", "norm"))
        layers.insert(4, entry("BatchNormalization", "norm_1"))

    found = refusal_of(changed(change))
    for reason in (
        "'norm' 'norm_1'",
        "'dense_1' is fitted by LoRA",
        "activation 'selu'",
        "LoRA by",
    ):
        assert reason in found
    assert "\n" not in found


def test_of_very_many_reasons_the_first_are_told_and_the_rest_counted():
    def change(layers):
        layers[2:2] = [entry(f"{i}{'X' * 100}", f"{i}{'n' * 100}") for i in range(100)]

    found = refusal_of(changed(change))
    assert " and 97 more; build the same chain" in found  # the code would be too long
    assert len(found) < 600


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda layers: layers.insert(1, entry("ReLU", "it")), "'it' is an activation before"),
        (
            lambda layers: layers.insert(2, entry("ELU", "it")),
            "'it' follows a layer that already has",
        ),
        (lambda layers: layers.insert(2, entry("ELU", "it")), f"{WITHOUT}type(layer).__name__ not"),
        (
            lambda layers: layers.__setitem__(
                slice(1, 2), [layers[1], entry("Activation", "it", activation="tanh")]
            ),
            f"{WITHOUT}type(layer).__name__ not in ['Activation']])",
        ),
        (
            lambda layers: [
                set_dense(activation="linear")(layers),
                between(entry("ReLU", "it"), entry("ReLU", "no", max_value=6))(layers),
            ],
            f"{WITHOUT}layer.name not in ['no']])",
        ),
        (set_dense(dtype="int8_from_float32"), "is quantized"),
        (set_dense(lora_rank=2), "is fitted by LoRA (lora_rank)"),
        (set_dense(activation="softmax"), "the activation 'softmax'"),
        (lambda layers: layers.insert(1, entry("Normalization", "it")), "*model.layers[-3:]])"),
        (
            lambda layers: layers.insert(2, entry("Normalization", "it")),
            f"'Normalization'; {WITHOUT}type(layer).__name__ not in ['Normalization']])",
        ),
        (set_dense(activation="selu"), f"{COPY}'elu')"),
        (set_dense(activation="linear", use_bias=False), f"{COPY}'relu', use_bias=False)"),
        (set_dense(dtype="int4"), f"{COPY}'relu')"),
        (
            lambda layers: (
                layers[0]["config"].update(batch_shape=[None, 4, 1]),
                [layer.pop("build_config", None) for layer in layers],
            ),
            "layer 'dense' acts on rows of shape (4, 1), not of features",
        ),
    ],
)
def test_what_cannot_be_used_is_called_what_it_is_with_a_way_out(change, problem):
    assert problem in refusal_of(changed(change))


def test_a_model_of_a_class_of_its_own_is_refused_with_a_way_to_save_its_weights():
    found = refusal_of({"class_name": "Mine", "registered_name": "Mine", "config": {}})
    assert "custom Mine" in found and "build the same chain" in found


def test_code_of_ones_own_in_the_loss_has_another_way_out_than_in_a_layer():
    loss = {"module": "mine", "class_name": "Loss", "config": {}}
    found = refusal_of(config() | {"compile_config": {"loss": loss}})
    assert "keras.Sequential(model.layers)" in found
    found = refusal_of(changed(set_dense(kernel_initializer=loss)))
    assert COPY in found
    assert "not the outputs" not in found


# --- Graphs -----------------------------------------------------------------------------------


def graph(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    model = functional()
    change(model["config"])
    return model


def node(index: int, *calls: object) -> Callable[[dict[str, Any]], object]:
    return lambda model: model["layers"][index].update(inbound_nodes=list(calls))


NO_CHAIN = "the layers do not form a chain"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (node(2, call_of("dense"), call_of("dense_1")), NO_CHAIN),
        (node(2), NO_CHAIN),
        (node(2, call_of("dense", index=-1)), NO_CHAIN),
        (node(2, call_of("dense", index=1)), NO_CHAIN),
        (node(2, call_of("dense", "input_layer")), NO_CHAIN),
        (node(2, call_of("input_layer")), NO_CHAIN),
        (node(2, call_of("nobody")), NO_CHAIN),
        (node(2, call_of("dense_2")), NO_CHAIN),
        (node(1, call_of("dense_1")), NO_CHAIN),
        (node(2, {"args": [[]], "kwargs": {}}), NO_CHAIN),
        (node(2, {"args": call_of("dense")["args"], "kwargs": {"training": True}}), NO_CHAIN),
        (node(2, [["dense", 0, 0, {"training": True}]]), NO_CHAIN),
        (node(2, [["dense", 0, 1, {}]]), NO_CHAIN),
        (node(2, [["dense", 0]]), NO_CHAIN),
        (node(2, [7]), NO_CHAIN),
        (node(2, 7), NO_CHAIN),
        (lambda model: model["layers"][2].update(inbound_nodes=7), NO_CHAIN),
        (lambda model: model.update(input_layers=[]), "it has 0 inputs"),
        (lambda model: model.update(input_layers=7), "it has 0 inputs"),
        (lambda model: model.update(input_layers=[["a", 0, 0], ["b", 0, 0]]), "it has 2 inputs"),
        (lambda model: model.update(output_layers={"a": ["dense", 0, 0]}), NO_CHAIN),
        (lambda model: model.update(output_layers=["nobody", 0, 0]), NO_CHAIN),
        (lambda model: model.update(output_layers=[["dense", 0, 0], ["dense_2", 0, 0]]), "2 outp"),
    ],
)
def test_a_graph_that_is_no_chain_is_refused(change, problem):
    found = refusal_of(graph(change))
    assert problem in found
    assert re.search(rf"; ({TRAIN}|save keras\..*model\.(layers\[-|get_layer\())", found)


def test_a_layer_without_weights_may_be_called_several_times():
    def share(model):
        _, first, second, last = model["layers"]
        for dense in (first, second):
            dense["config"]["activation"] = "linear"
        calls = [call_of("dense"), call_of("dense_1")]
        relu = entry("ReLU", "relu") | {"name": "relu", "inbound_nodes": calls}
        second["inbound_nodes"] = [call_of("relu")]
        last["inbound_nodes"] = [call_of("relu", index=1)]
        model["layers"].append(relu)

    chain = chain_of(graph(share))
    assert [layer.name for layer in chain.layers] == ["dense", "dense_1", "dense_2"]
    assert [layer.activation for layer in chain.layers] == ["relu", "relu", "softmax"]


def test_a_layer_with_weights_that_is_called_twice_is_copied_twice():
    def share(model):
        model["layers"][2]["config"]["units"] = 5
        model["layers"][2]["inbound_nodes"] = [call_of("dense"), call_of("dense_1")]
        model["layers"][3]["inbound_nodes"] = [call_of("dense_1", index=1)]
        model["layers"][3].pop("build_config")

    found = refusal_of(graph(share))
    assert "layer 'dense_1' is used more than once; save a plain copy" in found
    assert found.count("model.get_layer('dense_1')") == found.count("Dense(5, 'relu')") - 1 == 2


def test_of_several_outputs_one_with_softmax_is_proposed():
    ends = {"a": ["dense", 0, 0], "b": ["dense_2", 0, 0]}
    found = refusal_of(graph(lambda model: model.update(output_layers=ends)))
    assert found.endswith("; save keras.Model(model.inputs, model.get_layer('dense_2').output)")


def test_behind_the_last_branch_a_chain_can_be_saved():
    def join(model):
        other = entry("InputLayer", "other", batch_shape=[None, 1])
        both = entry("Concatenate", "both") | {"inbound_nodes": [call_of("input_layer", "other")]}
        model["layers"] += [layer | {"name": layer["config"]["name"]} for layer in (other, both)]
        model["layers"][1] |= {"inbound_nodes": [call_of("both")]}
        model["layers"][1]["build_config"]["input_shape"] = [None, 3]
        model["input_layers"] = [["input_layer", 0, 0], ["other", 0, 0]]

    found = refusal_of(graph(join))
    assert "; save keras.Sequential([keras.Input((3,)), *model.layers[-3:]])" in found
    assert "as keras.Model(model.inputs, model.layers[-4].output) does" in found


@pytest.mark.parametrize("value", [None, False])
def test_a_call_with_arguments_that_change_nothing_is_one_of_a_chain(value):
    call = call_of("dense") | {"kwargs": {"mask": None, "training": value}}
    assert len(chain_of(graph(node(2, call))).layers) == 3
