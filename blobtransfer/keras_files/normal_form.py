"""Convert the layers of a model to a normal form: dense layers with activation and bias.

Layers that leave a trained network as it is are skipped, and activation layers are folded into
the dense layer before. The rest must be a network that can be trained here; ignored parts of
the file are noted.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise, product
from typing import Any

import numpy as np

from blobtransfer.errors import SettingError
from blobtransfer.keras_files.keras_config import (
    CHAIN,
    PLAIN,
    REJECTED,
    LayerConfig,
    declared_width,
    read_layers,
    width_of,
)
from blobtransfer.keras_files.refusal import Problems, Unsupported, list_some, quote, reject
from blobtransfer.specs.network import (
    MAX_LAYERS,
    MAX_PARAMETERS,
    MIN_SLOPE,
    MLPSpec,
    activation_word,
    split_activation,
)

ACTIVATION_LAYERS = ("Activation", "ReLU", "LeakyReLU", "ELU", "Softmax")
"""Keras layers that only apply an activation."""

CUSTOM_ACTIVATION = "of its own"
"""Word for an activation that is a function without a known name."""

READ_PAST = (
    "Dropout", "GaussianNoise", "GaussianDropout", "AlphaDropout", "ActivityRegularization",
    "Flatten",
)  # fmt: skip
"""Layers that do not change a trained network; rows are flat already."""

KNOWN = ("InputLayer", "Dense", *READ_PAST, *ACTIVATION_LAYERS)
"""Kinds of layers that a model may have."""

PREPARE = ("Normalization", "Rescaling")
"""Layers that preprocess the rows, and can be left out in front."""

BEFORE_QUANTIZE = "save it before model.quantize()"
WITHOUT_LORA = "load its weights into the same model without LoRA by load_weights, and save that"

SOFTMAX, LOGITS, PROBABILITY = "softmax", "linear", "sigmoid"
"""Activations of an output layer from which the class probabilities follow."""


@dataclass(frozen=True)
class DenseLayer:
    """A dense layer of the chain; see `LayerConfig`."""

    name: str
    fan_in: int | None
    units: int
    activation: str
    has_bias: bool
    group: tuple[str, ...]
    top: str
    is_trainable: bool


@dataclass
class DenseChain:
    """A model in its normal form.

    Args:
        layers: Input side first.
        notes: Names of layers by the note about them.
    """

    layers: list[DenseLayer] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)

    def note(self, text: str, what: str = "") -> None:
        """Add a note, about one more layer if it is named."""
        self.notes.setdefault(text, []).extend([what] if what else [])

    def notes_text(self) -> list[str]:
        """Return one line per note."""
        return [text.format(list_some(named, ", ")) for text, named in self.notes.items()]


def read_chain(config: bytes) -> DenseChain:
    """Read the JSON of a model and bring it into its normal form.

    Raises:
        Unsupported: It is not a chain of dense layers that can be trained here; with all problems.
    """
    problems, chain = Problems(), DenseChain()
    layers = read_layers(config, problems)
    width: int | None = None
    for layer in layers:
        if layer.kind == REJECTED:
            width = None
            continue
        if layer.kind not in KNOWN:
            is_first = layer.kind in PREPARE and not chain.layers
            way = _way_without(layer, layers, width) if is_first else CHAIN
            problems.add(f"is of class {quote(layer.kind)}", way, layer.name)
            width = None
            continue
        declared = declared_width(layer, problems)
        if None not in (declared, width) and declared != width and problems.are_in_order:
            reject(
                f"layer {quote(layer.name)} takes {declared} values but gets {width}; "
                "save the model again"
            )
        width = declared or width
        if layer.kind == "Dense":
            chain.layers.append(_dense(layer, width, chain, problems))
            width = chain.layers[-1].units
        elif layer.kind in READ_PAST:
            name = f"{quote(layer.name)} ({layer.kind})"
            chain.note("read past {}: training goes on without", name)
        elif layer.kind in ACTIVATION_LAYERS:
            _fold(layer, chain, problems)
    if len(chain.layers) > MAX_LAYERS:
        reject(f"more than {MAX_LAYERS} layers; use a smaller network")
    for hidden in chain.layers[:-1] if problems.are_in_order else ():
        _check_hidden(hidden, problems)
    problems.reject_if_any(CHAIN)
    if len(chain.layers) < 2:
        reject(f"a network of {len(chain.layers)} dense layers; use at least one hidden layer")
    _note_output(chain)
    return chain


def network_of(chain: DenseChain) -> MLPSpec:
    """Return the spec of a chain, its output layer as wide as it was saved.

    Raises:
        Unsupported: The input width is unknown, or the network is too large or too narrow.
    """
    *hidden, output = chain.layers
    n_features = hidden[0].fan_in
    if n_features is None:
        reject("the width of the input is not given; save the model after building it")
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

    Softmax of (0, z) is (1 - s, s) with s the sigmoid of z, and softmax of the logits is what a
    loss makes of them.

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
    is_logits = output == LOGITS and network.n_classes > 1
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
        chain.note("no bias in {}: one is learned from now on, from 0", quote(name))
    for what, setting in _penalties(config):
        chain.note(f"{what} of {{}} not carried on: training goes on without", setting)
    if config.get("lora_rank") is not None:
        problems.add("is fitted by LoRA (lora_rank)", WITHOUT_LORA, name)
    policy = _policy(config.get("dtype"))
    if config.get("quantization_config") is not None or _is_quantized(policy):
        problems.add("is quantized", BEFORE_QUANTIZE, name)
    elif policy in ("mixed_float16", "mixed_bfloat16"):
        chain.note(f"computed in {policy} when it was saved, in float32 from now on")
    elif policy not in (None, "float16", "float32", "float64"):
        problems.add(f"computes in {quote(policy)}, not float32", PLAIN, name)
    return DenseLayer(
        name,
        fan_in,
        width_of(config.get("units"), f"layer {quote(name)}: units"),
        activation_of(config.get("activation")),
        has_bias,
        layer.group,
        layer.top,
        layer.is_trainable,
    )


def _fold(layer: LayerConfig, chain: DenseChain, problems: Problems) -> None:
    """Move the activation of an activation layer to the dense layer before."""
    activation = activation_of_layer(layer.kind, layer.config)
    if activation == "linear":
        return
    if not chain.layers:
        problems.add("is an activation before the first Dense layer", CHAIN, layer.name)
    elif chain.layers[-1].activation != "linear":
        before = quote(chain.layers[-1].activation)
        problems.add(f"is an activation on top of {before}", CHAIN, layer.name)
    else:
        chain.layers[-1] = replace(chain.layers[-1], activation=activation)


def _leaky(slope: object) -> str:
    if isinstance(slope, int | float) and not isinstance(slope, bool) and math.isfinite(slope):
        if slope == 0:
            return "relu"
        if MIN_SLOPE <= slope < 1.0:
            # Shortest form of a float32 slope: 0.1, not 0.10000000149.
            return activation_word("leaky_relu", float(str(np.float32(slope))))
    return f"leaky_relu of slope {_unquoted(slope)}"


def _unquoted(value: object) -> str:
    return quote(value).strip("'")


def _check_hidden(layer: DenseLayer, problems: Problems) -> None:
    try:
        split_activation(layer.activation)
    except SettingError:
        problem = f"has the activation {quote(layer.activation)}"
        if layer.activation == "linear":
            problem = "has no activation"
        elif layer.activation == CUSTOM_ACTIVATION:
            problem = f"has an activation {CUSTOM_ACTIVATION}"
        if layer.activation != "linear" or not problems:  # else an unknown layer may be its own
            problems.add(problem, CHAIN, layer.name)


def _note_output(chain: DenseChain) -> None:
    output = chain.layers[-1]
    if output.activation == LOGITS and output.units > 1:
        chain.note("the output layer is linear: read as logits, with softmax from now on")
    if output.activation == PROBABILITY and output.units == 1:
        chain.note("the output is one sigmoid unit: read as softmax of two classes, its equal")


def _penalties(config: dict[str, object]) -> Iterator[tuple[str, str]]:
    """Yield each regularizer and constraint of a layer: its word, and the layer with its class."""
    for what, subject in product(("regularizer", "constraint"), ("kernel", "bias", "activity")):
        value = config.get(f"{subject}_{what}")
        if value is not None:
            kind = value.get("class_name") if isinstance(value, dict) else value
            yield what, f"{quote(config.get('name'))} ({str(kind)[:20]})"


def _way_without(layer: LayerConfig, layers: list[LayerConfig], width: int | None) -> str:
    """Return how to save a model without a layer in front that preprocesses the rows."""
    tops = {later.top for later in layers[layers.index(layer) + 1 :]}
    width = width or declared_width(layer, Problems())
    if layer.name != layer.top or width is None:
        return CHAIN
    return (
        f"save keras.Sequential([keras.Input(({width},)), "
        f"*model.layers[-{len(tops)}:]]), and prepare the rows beforehand"
    )


def _policy(dtype: object) -> object:
    """Return the name of a dtype policy; Keras 2 and 3 name its class differently."""
    if isinstance(dtype, dict):
        kind, config = dtype.get("class_name"), dtype.get("config")
        plain = kind in ("Policy", "DTypePolicy")
        return config.get("name") if plain and isinstance(config, dict) else kind
    return dtype


def _is_quantized(policy: object) -> bool:
    return isinstance(policy, str) and ("Quantized" in policy or "_from_" in policy)
