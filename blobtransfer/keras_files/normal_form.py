"""Convert the layers of a model to a normal form: dense layers with activation and bias.

Layers that leave the rows unchanged are skipped, and activation layers are folded into
the dense layer before. The rest must be a network that can be trained here; ignored parts of
the file are noted.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np

from blobtransfer.errors import SettingError
from blobtransfer.keras_files.chain import DenseChain, DenseLayer
from blobtransfer.keras_files.keras_config import (
    LayerConfig,
    Shape,
    declared_shape,
    read_layers,
    width_of,
)
from blobtransfer.keras_files.refusal import Problems, Unsupported, quote, reject
from blobtransfer.keras_files.remedies import (
    BEFORE_QUANTIZE,
    CHAIN,
    PLAIN,
    WITHOUT_LORA,
    is_supported,
    save_copy,
    save_last_layers,
    save_unbranched,
    save_without,
)
from blobtransfer.keras_files.unchanged import ONLY_IN_TRAINING, PASSING, passed_shape
from blobtransfer.specs.network import (
    MAX_LAYERS,
    MAX_PARAMETERS,
    MIN_SLOPE,
    MLPSpec,
    activation_word,
)

ACTIVATION_LAYERS = ("Activation", "ReLU", "LeakyReLU", "ELU", "Softmax")
"""Keras layers that only apply an activation."""

CUSTOM_ACTIVATION = "of its own"
"""Word for an activation that is a function without a known name."""

KNOWN = ("InputLayer", "Dense", *PASSING, *ACTIVATION_LAYERS)
"""Kinds of layers that a model may have."""

SOFTMAX, LOGITS, LOG_SOFTMAX, PROBABILITY = "softmax", "linear", "log_softmax", "sigmoid"
"""Activations of an output layer from which the class probabilities follow."""


def read_chain(config: bytes) -> DenseChain:
    """Read the JSON of a model and bring it into its normal form.

    Raises:
        Unsupported: It is not a chain of dense layers that can be trained here; with all problems.
    """
    problems, chain = Problems(), DenseChain()
    layers = read_layers(config, problems)
    shape: Shape | None = None  # of a row before the layer
    left_out: list[LayerConfig] = []
    for layer in layers:
        is_dense = layer.kind == "Dense" or (layer.is_reported and "units" in layer.config)
        is_known = is_dense or (layer.kind in KNOWN and not layer.is_reported)
        if is_known:
            shape = _shape_before(layer, shape, problems)
        problem = ""
        if (is_dense or layer.kind in ACTIVATION_LAYERS) and not _is_flat(shape):
            problem = f"acts on rows of shape {shape}, not of features"
        elif is_dense:
            fan_in = None if shape is None else shape[0]
            chain.layers.append(_dense(layer, fan_in, chain, problems))
            shape = (chain.layers[-1].units,)
        elif not is_known:
            problem = f"is of class {quote(layer.kind)}"
        elif layer.kind in ACTIVATION_LAYERS:
            problem = _fold(layer, chain)
        elif layer.kind in PASSING:
            is_unchanged, shape = passed_shape(layer, shape)
            if not is_unchanged:
                problem = f"is a {layer.kind} that changes the rows"
            elif layer.kind in ONLY_IN_TRAINING:
                name = f"{quote(layer.name)} ({layer.kind})"
                chain.note("ignored {}: training continues without", name)
        if problem:
            left_out.append(layer)
            shape = _shape_behind(layer, shape)
            if not layer.is_reported:
                problems.add(problem, None, layer.name)
    if not _is_flat(shape):
        problems.add(f"its outputs are rows of shape {shape}, not of classes", None)
        left_out.append(layers[-1])
    if len(chain.layers) > MAX_LAYERS:
        reject(f"more than {MAX_LAYERS} layers; use a smaller network")
    for hidden in chain.layers[:-1] if problems.are_in_order else ():
        _check_hidden(hidden, problems)
    if problems:
        problems.reject(_remedy(problems, layers, chain.layers, left_out))
    if len(chain.layers) < 2:
        reject("a network without hidden layers; use at least one")
    _note_output(chain)
    return chain


def _is_flat(shape: Shape | None) -> bool:
    return shape is None or len(shape) == 1


def _shape_before(layer: LayerConfig, shape: Shape | None, problems: Problems) -> Shape | None:
    """Return the shape of a row that a layer takes, of the layer before or as the file has it."""
    declared = declared_shape(layer)
    if declared is None or shape is None:
        return shape if declared is None else declared
    if declared != shape and problems.are_in_order:
        reject(
            f"layer {quote(layer.name)} takes rows of shape {declared} but gets {shape}; "
            "save the model again"
        )
    return declared


def _shape_behind(layer: LayerConfig, shape: Shape | None) -> Shape | None:
    """Return the shape of a row behind a layer that cannot be read; None if unknown."""
    if layer.kind in ACTIVATION_LAYERS:
        return shape
    if layer.kind != "Dense" or shape is None:
        return None
    return (*shape[:-1], width_of(layer.config.get("units"), f"layer {quote(layer.name)}: units"))


def network_of(chain: DenseChain) -> MLPSpec:
    """Return the spec of a chain, its output layer as wide as it was saved.

    Raises:
        Unsupported: The input width is unknown, or the network is too large or too narrow.
    """
    *hidden, output = chain.layers
    n_features = hidden[0].fan_in
    if n_features is None:
        reject("the model has no input width; build it, and save it again")
    widths = [n_features, *(layer.units for layer in chain.layers)]
    n_weights = sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(widths))
    if n_weights > MAX_PARAMETERS:
        reject(f"{n_weights:,} weights; at most {MAX_PARAMETERS:,} are read, use a smaller network")
    activations = tuple(layer.activation for layer in hidden)
    try:
        return MLPSpec(n_features, tuple(widths[1:-1]), output.units, activations)
    except SettingError as error:
        raise Unsupported(error.problem) from None


def with_softmax(
    network: MLPSpec, weights: Sequence[np.ndarray], output: str
) -> tuple[MLPSpec, tuple[np.ndarray, ...], str]:
    """Replace the output layer by an equivalent softmax layer, if there is one.

    Softmax of (0, z) is (1 - s, s) with s the sigmoid of z, softmax of the logits is what a loss
    makes of them, and log_softmax is the logarithm of softmax.

    Args:
        network: Shape of the network.
        weights: Kernel (fan_in, fan_out), bias (fan_out,), ...
        output: Activation of its output layer.

    Returns:
        The network, its weights, kernel (fan_in, fan_out), bias (fan_out,), ..., and the
        activation of its output layer, softmax if possible.
    """
    *below, kernel, bias = weights
    if output == PROBABILITY and network.n_classes == 1:
        kernel, bias = (np.concatenate([np.zeros_like(w), w], axis=-1) for w in (kernel, bias))
        return replace(network, n_classes=2), (*below, kernel, bias), SOFTMAX
    is_logits = output in (LOGITS, LOG_SOFTMAX) and network.n_classes > 1
    return network, tuple(weights), SOFTMAX if is_logits else output


def activation_of(value: object) -> str:
    """Return the activation that a layer names; the word of Keras for one that is unknown here."""
    if value is None:
        return "linear"
    if isinstance(value, str):
        # So TensorFlow calls functions that it has changed: tf.nn.softmax is softmax_v2.
        return value.removesuffix("_v2")
    if isinstance(value, dict):
        kind, config = value.get("class_name"), value.get("config")
        if kind == "function" and isinstance(config, str):
            return config.removesuffix("_v2")
        if kind in ACTIVATION_LAYERS and isinstance(config, dict):
            return activation_of_layer(kind, config)
    return CUSTOM_ACTIVATION


def activation_of_layer(kind: str, config: dict[str, Any]) -> str:
    """Return the activation of a layer of `ACTIVATION_LAYERS`, or a description if unknown."""
    match kind:
        case "ReLU":
            if config.get("max_value") is None and config.get("threshold", 0) in (None, 0):
                return _leaky(config.get("negative_slope") or 0.0)
            return "relu with a limit or threshold"
        case "LeakyReLU":
            # Keras 2 calls it alpha; both have the same default.
            return _leaky(config.get("negative_slope", config.get("alpha", 0.3)))
        case "ELU":
            alpha = config.get("alpha", 1.0)
            return "elu" if alpha == 1.0 else f"elu of alpha {_unquoted(alpha)}"
        case "Softmax":
            axis = config.get("axis", -1)
            return "softmax" if axis in (-1, 1) else f"softmax along axis {_unquoted(axis)}"
        case _:
            return activation_of(config.get("activation"))


def _dense(
    layer: LayerConfig, fan_in: int | None, chain: DenseChain, problems: Problems
) -> DenseLayer:
    config, name = layer.config, layer.name
    has_bias = config.get("use_bias", True) is not False
    if not has_bias:
        chain.note("no bias in {}: a bias is added and trained, from 0", quote(name))
    for what, setting in _penalties(config):
        chain.note(f"ignored {what} of {{}}: training continues without", setting)
    if config.get("lora_rank") is not None:
        problems.add("is fitted by LoRA (lora_rank)", WITHOUT_LORA, name)
    policy = _policy(config.get("dtype"))
    if config.get("quantization_config") is not None or _is_quantized(policy):
        problems.add("is quantized", BEFORE_QUANTIZE, name)
    elif policy in ("mixed_float16", "mixed_bfloat16"):
        chain.note(f"saved with {policy}, computed in float32 here")
    elif policy not in (None, "float16", "float32", "float64"):
        problems.add(f"computes in {quote(policy)}, not float32", PLAIN, name)
    return DenseLayer(
        layer.path,
        fan_in,
        width_of(config.get("units"), f"layer {quote(name)}: units"),
        activation_of(config.get("activation")),
        has_bias,
        layer.group,
        layer.is_trainable,
    )


def _fold(layer: LayerConfig, chain: DenseChain) -> str:
    """Move the activation of an activation layer to the dense layer before.

    Returns:
        Problem of the layer; empty without one.
    """
    activation = activation_of_layer(layer.kind, layer.config)
    before = chain.layers[-1].activation if chain.layers else None
    if activation == "linear" or activation == before == "relu":
        return ""
    if before is None:
        return "is an activation before the first Dense layer"
    if before != "linear":
        return f"follows a layer that already has the activation {quote(before)}"
    chain.layers[-1] = replace(chain.layers[-1], activation=activation)
    return ""


def _leaky(slope: object) -> str:
    if isinstance(slope, int | float) and not isinstance(slope, bool) and math.isfinite(slope):
        if slope in (0, 1):
            return "linear" if slope else "relu"
        if MIN_SLOPE <= slope < 1.0:
            # Shortest form of a float32 slope: 0.1, not 0.10000000149.
            return activation_word("leaky_relu", float(str(np.float32(slope))))
    return f"leaky_relu of slope {_unquoted(slope)}"


def _unquoted(value: object) -> str:
    return quote(value).strip("'")


def _check_hidden(layer: DenseLayer, problems: Problems) -> None:
    if is_supported(layer.activation):
        return
    problem = f"has the activation {quote(layer.activation)}"
    if layer.activation == "linear":
        problem = "has no activation"
    elif layer.activation == CUSTOM_ACTIVATION:
        problem = f"has an activation {CUSTOM_ACTIVATION}"
    if layer.activation != "linear" or not problems:  # else an unknown layer may be its own
        problems.add(problem, None, layer.name)


def _note_output(chain: DenseChain) -> None:
    output = chain.layers[-1]
    if output.activation == LOGITS and output.units > 1:
        chain.note("the output layer is linear: read as logits, and softmax is added")
    if output.activation == LOG_SOFTMAX and output.units > 1:
        chain.note("the output layer is log_softmax: read as softmax")
    if output.activation == PROBABILITY and output.units == 1:
        chain.note("the output is one sigmoid unit: read as the equivalent softmax of two classes")


def _penalties(config: dict[str, object]) -> Iterator[tuple[str, str]]:
    """Yield each regularizer and constraint of a layer: its word, and the layer with its class."""
    for what, subject in product(("regularizer", "constraint"), ("kernel", "bias", "activity")):
        value = config.get(f"{subject}_{what}")
        if value is not None:
            kind = value.get("class_name") if isinstance(value, dict) else value
            yield what, f"{quote(config.get('name'))} ({str(kind)[:20]})"


def _remedy(
    problems: Problems,
    layers: list[LayerConfig],
    dense: list[DenseLayer],
    left_out: list[LayerConfig],
) -> str:
    """Return how to save a model so that it can be read, with its weights if possible.

    Args:
        problems: Its problems.
        layers: All its layers.
        dense: The dense layers among them.
        left_out: Layers that cannot be read.
    """
    needs_copy = PLAIN in problems.remedies
    if remedy := next((remedy for remedy in problems.remedies if remedy != PLAIN), None):
        return remedy
    if any(layer.is_reported for layer in left_out) or (needs_copy and not dense):
        return PLAIN
    paths = [layer.path for layer in layers]
    first_readable = max((paths.index(layer.path) for layer in left_out), default=-1) + 1
    last = [layer for layer in dense if paths.index(layer.path) >= first_readable]
    last_tops = {path[0] for path in paths[paths.index(last[0].path) :]} if last else set()
    can_be_cut = not any(layer.path[0] in last_tops for layer in left_out)
    are_supported = all(is_supported(layer.activation) for layer in last[:-1])
    # In h5 files the width behind a layer of another class is unknown.
    fits = all(above.fan_in in (None, below.units) for below, above in pairwise(dense))
    is_chain = fits and problems.are_in_order
    prefers_last = (left_out and last == dense) or not is_chain
    if prefers_last and len(last) > 1 and can_be_cut and are_supported and not needs_copy:
        return save_last_layers(last[0].fan_in, len(last_tops), problems.are_in_order)
    if not problems.are_in_order and problems.unbranched and dense:
        return save_unbranched(problems.unbranched, dense[-1].units)
    if len(dense) < 2 or not is_chain:
        return CHAIN
    is_flat = all(len(path) == 1 for path in paths)
    if is_flat and not needs_copy and all(is_supported(layer.activation) for layer in dense[:-1]):
        kinds = [layer.kind for layer in left_out]
        is_shared = any(layer.kind in kinds and layer not in left_out for layer in layers)
        return save_without([] if is_shared else kinds, [layer.name for layer in left_out])
    return PLAIN if dense[0].fan_in is None else save_copy(dense, is_complete=not left_out)


def _policy(dtype: object) -> object:
    """Return the name of a dtype policy; Keras 2 and 3 name its class differently."""
    if isinstance(dtype, dict):
        kind, config = dtype.get("class_name"), dtype.get("config")
        plain = kind in ("Policy", "DTypePolicy")
        return config.get("name") if plain and isinstance(config, dict) else kind
    return dtype


def _is_quantized(policy: object) -> bool:
    return isinstance(policy, str) and ("Quantized" in policy or "_from_" in policy)
