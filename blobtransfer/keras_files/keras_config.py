"""The JSON that describes a Keras model -> its dense layers; nothing in it is ever run."""

import builtins
import json
from dataclasses import dataclass
from itertools import pairwise

from blobtransfer.errors import SettingError
from blobtransfer.keras_files.refusal import MAX_CONFIG_BYTES, MAX_NAME, Refused, refuse, shown
from blobtransfer.specs.checks import join
from blobtransfer.specs.network import ACTIVATIONS, MAX_LAYERS, MAX_PARAMETERS, MLPSpec


@dataclass(frozen=True)
class DenseLayer:
    """A dense layer as a file describes it; `fan_in` is None where the file does not say."""

    name: str
    fan_in: int | None
    units: int
    activation: str


def dense_layers(config: bytes) -> list[DenseLayer]:
    """Turn the JSON of a model into its dense layers, input side first."""
    if len(config) > MAX_CONFIG_BYTES:
        refuse(f"a description of {len(config):,} bytes; at most {MAX_CONFIG_BYTES:,} are read")
    model = _mapping(json.loads(config.decode()), "the description of the model")
    _check_class(model, ("Sequential",), "the model")
    settings = model.get("config")
    # Keras before 2.2.3 gave the bare list of layers.
    entries = (
        settings if isinstance(settings, list) else _mapping(settings, "the model").get("layers")
    )
    if not isinstance(entries, list):
        refuse("no list of layers in the file; save the model again")
    if len(entries) > MAX_LAYERS + 1:  # One for the input.
        refuse(f"more than {MAX_LAYERS} layers; use a smaller network")
    layers: list[DenseLayer] = []
    declared: int | None = None
    for position, value in enumerate(entries):
        entry = _mapping(value, f"layer {position}")
        config_of_layer = _mapping(entry.get("config"), f"layer {position}")
        name = config_of_layer.get("name")
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
            refuse(f"layer {position} has no usable name; save the model again")
        where = f"layer {shown(name)}"
        _check_class(entry, ("Dense", "InputLayer") if position == 0 else ("Dense",), where)
        _check_dtype(config_of_layer.get("dtype"), where)
        fan_in = _declared_width(entry, config_of_layer, where)
        if entry["class_name"] == "InputLayer":
            declared = fan_in
            continue
        expected = layers[-1].units if layers else declared
        if None not in (fan_in, expected) and fan_in != expected:
            refuse(f"{where} takes {fan_in} values but gets {expected}; save the model again")
        if any(name == layer.name for layer in layers):
            refuse(f"two layers are called {shown(name)}; give each its own name")
        layers.append(_dense(name, fan_in or expected, config_of_layer, where))
    _check_parts(model)
    return layers


def _dense(name: str, fan_in: int | None, config: dict[str, object], where: str) -> DenseLayer:
    for option in ("quantization_config", "lora_rank"):
        if config.get(option) is not None:
            refuse(f"{where} is quantized or has LoRA ({option}); save a plain Dense layer")
    if config.get("use_bias", True) is not True:
        refuse(f"{where} has no bias; train it with use_bias=True")
    units, activation = config.get("units"), config.get("activation")
    if not isinstance(activation, str):
        refuse(f"{where} has an activation of its own; use one of {join(ACTIVATIONS)}")
    return DenseLayer(name, fan_in, width_of(units, f"{where}: units"), activation)


def _declared_width(entry: dict[str, object], config: dict[str, object], where: str) -> int | None:
    build = entry.get("build_config")
    shapes = [config.get("batch_shape"), config.get("batch_input_shape")]
    shapes.append(build.get("input_shape") if isinstance(build, dict) else None)
    widths = set()
    for shape in shapes:
        if shape is None:
            continue
        if not isinstance(shape, list) or len(shape) != 2:
            refuse(f"{where} takes inputs of shape {shown(shape)}; use rows: (None, features)")
        widths.add(width_of(shape[1], f"{where}: features"))
    if len(widths) > 1:
        refuse(f"{where} has inputs of {join(sorted(widths))} features; save the model again")
    return widths.pop() if widths else None


def width_of(value: object, where: str) -> int:
    """Give a number of units or features that a file names, or refuse it."""
    if type(value) is not int or not 1 <= value <= MAX_PARAMETERS:  # True is an int in Python
        refuse(f"{where} {shown(value)}; use a whole number from 1 to {MAX_PARAMETERS:,}")
    return value


def _check_class(entry: dict[str, object], allowed: tuple[str, ...], where: str) -> None:
    found, module = entry.get("class_name"), entry.get("module")
    registered = entry.get("registered_name")
    if found not in allowed:
        refuse(f"{where} is of class {shown(found)}; use {' and '.join(allowed)} only")
    if module not in (None, "keras", "keras.layers") or registered not in (None, found):
        custom = registered if registered not in (None, found) else module
        refuse(f"{where} is a custom {found} ({shown(custom)}); use the one of Keras")


def _check_parts(description: object) -> None:
    """Refuse a description that names code outside Keras, also where only training uses it."""
    pending = [description]
    while pending:  # No recursion: how deep it goes is up to the file.
        value = pending.pop()
        if isinstance(value, list):
            pending.extend(value)
        if isinstance(value, dict):
            pending.extend(value.values())
            if not _is_of_keras(value):
                keys = ("module", "class_name", "config")
                name = " ".join(value[key] for key in keys if isinstance(value.get(key), str))
                refuse(
                    f"it names {shown(name)}, which is not a plain part of Keras; "
                    "save keras.Sequential(model.layers), without code of your own"
                )


def _is_of_keras(part: dict[str, object]) -> bool:
    found, module, registered = map(part.get, ("class_name", "module", "registered_name"))
    if found in ("Lambda", "__lambda__") or ">" in f"{found}{registered}":
        return False
    if (module, found) == ("builtins", "function"):
        # So Keras describes a loss given as a function, and looks it up in that module.
        name = part.get("config")
        return isinstance(name, str) and not hasattr(builtins, name)
    return module is None or str(module).split(".")[0] == "keras"


def _check_dtype(dtype: object, where: str) -> None:
    if isinstance(dtype, dict):  # A policy; Keras 2 and 3 name its class differently.
        kind, config = dtype.get("class_name"), dtype.get("config")
        plain = kind in ("Policy", "DTypePolicy")
        dtype = config.get("name") if plain and isinstance(config, dict) else kind
    if dtype not in (None, "float16", "float32", "float64"):
        refuse(f"{where} computes in {shown(dtype)}; use float32")


def _mapping(value: object, where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        refuse(f"{where} is not described as Keras does; save the model again")
    return value


def network_of(layers: list[DenseLayer]) -> MLPSpec:
    """Make the spec of a chain of dense layers, or say why it cannot be used here."""
    if len(layers) < 2:
        refuse(f"a network of {len(layers)} dense layers; use at least one hidden layer")
    if len(layers) > MAX_LAYERS:
        refuse(f"more than {MAX_LAYERS} layers; use a smaller network")
    *hidden, output = layers
    if output.activation != "softmax":
        refuse(f"the output layer is {shown(output.activation)}; use softmax")
    kinds = sorted({layer.activation for layer in hidden})
    activation = next((known for known in ACTIVATIONS if kinds == [known]), None)
    if activation is None:
        found = ", ".join(map(shown, kinds[:5]))
        refuse(f"hidden layers are {found}; use the same for all, one of {join(ACTIVATIONS)}")
    n_features = layers[0].fan_in
    if n_features is None:
        refuse("the width of the input is not given; save the model after building it")
    widths = [n_features, *(layer.units for layer in layers)]
    n_weights = sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(widths))
    if n_weights > MAX_PARAMETERS:
        refuse(f"{n_weights:,} weights; at most {MAX_PARAMETERS:,} are read, use a smaller network")
    try:
        return MLPSpec(n_features, tuple(widths[1:-1]), output.units, activation)
    except SettingError as error:
        raise Refused(error.problem) from None
