"""Remedies for models that are rejected: code that keeps the trained weights, if there is any.

A remedy is a line of Python for a model that Keras has loaded as `model`, with the names of its
layers; the model that it makes can be read. A test follows each of them.
"""

from collections.abc import Sequence
from dataclasses import replace

from blobtransfer.errors import SettingError
from blobtransfer.keras_files.chain import DenseLayer
from blobtransfer.specs.checks import join
from blobtransfer.specs.network import ACTIVATIONS, split_activation

CHAIN = (
    f"its weights cannot be reused: train a chain of Dense layers ({join(ACTIVATIONS)}), "
    "the last with softmax; "
    "Dropout between them is fine"
)
PLAIN = (
    "build the same chain of plain Dense layers, set the weights of each by "
    "new.set_weights(old.get_weights()), and save that"
)
PLAIN_LOSS = "save keras.Sequential(model.layers), without code of your own"
BEFORE_QUANTIZE = "save it before model.quantize()"
WITHOUT_LORA = "load its weights into the same model without LoRA by load_weights, and save that"
"""Remedies that name no layer."""

MAX_CODE = 700
"""Longest line of code, in characters; instead of a longer one the remedy is `PLAIN`."""

_OTHER_OUTPUTS = "  # keeps the Dense weights, not the outputs"

_SIMILAR = {
    "selu": "elu", "celu": "elu", "mish": "swish", "hard_silu": "swish", "hard_swish": "swish",
    "hard_sigmoid": "sigmoid", "hard_tanh": "tanh", "softsign": "tanh",
}  # fmt: skip
"""Supported activation that is similar to another one of Keras; `relu` for all others."""

_OUTPUTS = ("softmax", "linear", "log_softmax", "sigmoid")
"""Activations of the output layer that a copy keeps."""


def save_last_layers(width: int | None, n_layers: int, is_chain: bool) -> str:
    """Return the remedy for a model whose first layers cannot be read.

    Args:
        width: Features that the layers after them take; None if unknown.
        n_layers: Number of layers after them.
        is_chain: Whether the first layers are a chain.
    """
    shape = f"({width},)" if width else f"model.layers[-{n_layers}].input.shape[1:]"
    first = f"keras.Model(model.inputs, model.layers[-{n_layers + 1}].output)"
    if is_chain:
        first = f"keras.Sequential(model.layers[:-{n_layers}])"
    return (
        f"save keras.Sequential([keras.Input({shape}), *model.layers[-{n_layers}:]]), "
        f"and prepare the rows beforehand, as {first} does"
    )


def save_output(name: str) -> str:
    """Return the remedy for a model of several outputs: one of them, by the name of its layer."""
    return f"save keras.Model(model.inputs, model.get_layer({name!r}).output)"


def save_unbranched(name: str, n_classes: int) -> str:
    """Return the remedy that keeps the layers before a branch, below a new output layer.

    Args:
        name: Name of the last of these layers.
        n_classes: Units of the output layer.
    """
    return (
        f"save keras.Sequential([keras.Model(model.inputs, model.get_layer({name!r}).output), "
        f"keras.layers.Dense({n_classes}, 'softmax')]), with a new output layer: "
        "other weights of a branched network cannot be reused"
    )


def save_without(classes: Sequence[str], names: Sequence[str]) -> str:
    """Return the remedy that leaves layers out.

    Args:
        classes: Classes of these layers; empty if other layers have them too.
        names: Names of these layers, used without classes.
    """
    subject = "type(layer).__name__" if classes else "layer.name"
    unwanted = list(dict.fromkeys(classes or names))
    code = f"[layer for layer in model.layers if {subject} not in {unwanted!r}]"
    return f"save keras.Sequential({code}){_OTHER_OUTPUTS}" if len(code) <= MAX_CODE else PLAIN


def save_copy(layers: Sequence[DenseLayer], is_complete: bool) -> str:
    """Return the remedy that copies dense layers to a plain network.

    Args:
        layers: The dense layers, input side first; the width of the input is known.
        is_complete: Whether the model has no other layers that change the rows.
    """
    copies = [replace(layer, activation=_similar(layer.activation)) for layer in layers[:-1]]
    output = layers[-1].activation
    copies.append(replace(layers[-1], activation=output if output in _OUTPUTS else "softmax"))
    code = (
        f"plain = keras.Sequential([keras.Input(({layers[0].fan_in},)), "
        f"{', '.join(map(_new_layer, copies))}]); "
        f"plain.set_weights([w for layer in [{', '.join(map(_old_layer, layers))}] "
        "for w in layer.get_weights()])"
    )
    if len(code) > MAX_CODE:
        return PLAIN
    is_same = is_complete and copies == list(layers)
    return f"save a plain copy: {code}{'' if is_same else _OTHER_OUTPUTS}"


def _similar(activation: str) -> str:
    return activation if is_supported(activation) else _SIMILAR.get(activation, "relu")


def _new_layer(layer: DenseLayer) -> str:
    name, _, slope = layer.activation.partition("=")
    activation = f"keras.layers.LeakyReLU({slope})" if slope else repr(name)
    bias = "" if layer.has_bias else ", use_bias=False"
    return f"keras.layers.Dense({layer.units}, {activation}{bias})"


def _old_layer(layer: DenseLayer) -> str:
    return "model" + "".join(f".get_layer({name!r})" for name in layer.path)


def is_supported(activation: str) -> bool:
    """Return whether a hidden layer may have an activation."""
    try:
        split_activation(activation)
    except SettingError:
        return False
    return True
