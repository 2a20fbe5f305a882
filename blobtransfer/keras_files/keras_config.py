"""Parse the JSON of a Keras model into its layers, in forward order; no code is run.

Nested models are flattened and graphs are ordered, within limits of depth and number.
"""

import builtins
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from blobtransfer.keras_files.graph import in_order
from blobtransfer.keras_files.refusal import MAX_CONFIG_BYTES, MAX_NAME, Problems, quote, reject
from blobtransfer.keras_files.remedies import CHAIN, PLAIN, PLAIN_LOSS
from blobtransfer.specs.network import MAX_LAYERS, MAX_PARAMETERS

Shape = tuple[int, ...]
"""Shape of one row: (features,), unless the rows are not flat."""

MODELS = {"Sequential": "sequential", "Functional": "functional", "Model": "functional"}
"""Classes of models, and the Keras names of their groups of weights."""

MAX_DEPTH = 8
"""Deepest nesting of models."""

MAX_ENTRIES = 4 * MAX_LAYERS
"""Largest number of layers of all kinds, such as dense layers, activations and dropout."""


@dataclass(frozen=True)
class LayerConfig:
    """A layer as a file describes it.

    Args:
        kind: Its class.
        path: Names of the models that it is inside of, outermost first, and its own name, which
            is unique in the innermost of them.
        config: Its settings.
        shapes: Shapes of its inputs, as far as the file has them.
        group: The groups of its weights in a `.keras` file, outermost first.
        is_trainable: Whether it is trained; frozen layers come last in an `.h5` file.
        is_reported: Whether its problem is reported already: its class is not of Keras, or it is
            an input in the middle.
    """

    kind: str
    path: tuple[str, ...]
    config: dict[str, Any]
    shapes: tuple[object, ...]
    group: tuple[str, ...]
    is_trainable: bool
    is_reported: bool

    @property
    def name(self) -> str:
        """Its own name."""
        return self.path[-1]


def read_layers(config: bytes, problems: Problems) -> list[LayerConfig]:
    """Read the layers of a model from its JSON, input side first.

    Args:
        config: The JSON.
        problems: Collects what keeps the model from being a chain of layers of Keras.
    """
    if len(config) > MAX_CONFIG_BYTES:
        reject(f"a description of {len(config):,} bytes; at most {MAX_CONFIG_BYTES:,} are read")
    model = _mapping(json.loads(config.decode()), "the description of the model")
    layers: list[LayerConfig] = []
    for layer in _flattened(model, (), (), True, problems):
        layers.append(layer)
        if len(layers) > MAX_ENTRIES:
            reject(f"more than {MAX_ENTRIES} layers of all kinds; use a smaller network")
    _check_modules(model, problems)
    return layers


def _flattened(
    model: dict[str, Any],
    group: tuple[str, ...],
    path: tuple[str, ...],
    is_trainable: bool,
    problems: Problems,
) -> Iterator[LayerConfig]:
    """Yield the layers of a model; a nested model is replaced by its layers.

    Args:
        model: The model.
        group: Groups of its weights; empty if it is the outermost model.
        path: Names of the models that it is inside of, and its own; empty if it is the outermost.
        is_trainable: Whether its layers may be trained.
        problems: Collects what keeps it from being a chain of layers of Keras.
    """
    if len(group) >= MAX_DEPTH:
        reject(f"more than {MAX_DEPTH} models inside one another; use a smaller network")
    settings, kind = model.get("config"), str(model.get("class_name"))
    if not _is_plain(model, tuple(MODELS)):
        name = model.get("registered_name") or model.get("module") or model.get("class_name")
        problems.add(f"the model is a custom {kind[:60]} ({quote(name)})", PLAIN)
        return
    entries = _entries(settings)
    if kind != "Sequential":
        entries = in_order(entries, _mapping(settings, "the model"), problems, is_nested=bool(path))
    n_of_kind: dict[str, int] = {}
    for position, entry in enumerate(entries):
        config, kind = _mapping(entry.get("config"), "a layer"), str(entry.get("class_name"))
        name = str(config["name"])
        # Keras names the groups of weights, whatever the names of the layers: dense, dense_1.
        word = MODELS.get(kind, "dense")
        n_before = n_of_kind.get(word, 0)
        layer_group = (*group, f"{word}_{n_before}" if n_before else word)
        may_train = is_trainable and config.get("trainable", True) is not False
        if kind in MODELS and _is_plain(entry, (kind,)):
            n_of_kind[word] = n_before + 1
            yield from _flattened(entry, layer_group, (*path, name), may_train, problems)
            continue
        if kind == "Dense":
            n_of_kind[word] = n_before + 1
        is_input_inside = kind == "InputLayer" and position > 0 and problems.are_in_order
        is_custom = not _is_plain(entry, (kind,))
        if is_custom:
            custom = entry.get("registered_name")
            custom = custom if custom not in (None, kind) else entry.get("module")
            problems.add(f"is a custom {kind[:60]} ({quote(custom)})", PLAIN, name)
        elif is_input_inside:
            problems.add("is an input in the middle", CHAIN, name)
        shapes, is_reported = tuple(_shapes(entry, config)), is_custom or is_input_inside
        yield LayerConfig(kind, (*path, name), config, shapes, layer_group, may_train, is_reported)


def _entries(settings: Any) -> list[dict[str, Any]]:
    """Return the layers in the config of a model, each with a class and a name of its own."""
    # Keras before 2.2.3 wrote the bare list of layers.
    entries = (
        settings if isinstance(settings, list) else _mapping(settings, "the model").get("layers")
    )
    if not isinstance(entries, list):
        reject("no list of layers in the file; save the model again")
    if len(entries) > MAX_ENTRIES:
        reject(f"more than {MAX_ENTRIES} layers of all kinds; use a smaller network")
    entries = [_mapping(value, f"layer {position}") for position, value in enumerate(entries)]
    names = [_name_of(position, entry) for position, entry in enumerate(entries)]
    for entry in entries:
        if not isinstance(entry.get("class_name"), str):
            reject("a layer has no usable class; save the model again")
    for name in names:
        if names.count(name) > 1:
            reject(f"two layers are called {quote(name)}; rename one")
    return entries


def _name_of(position: int, entry: dict[str, Any]) -> str:
    name = _mapping(entry.get("config"), f"layer {position}").get("name")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
        reject(f"layer {position} has no usable name; save the model again")
    return name


def _shapes(entry: dict[str, Any], config: dict[str, Any]) -> Iterator[object]:
    build = entry.get("build_config")
    built = build.get("input_shape") if isinstance(build, dict) else None
    for shape in (config.get("batch_shape"), config.get("batch_input_shape"), built):
        if shape is not None:
            yield shape


def declared_shape(layer: LayerConfig) -> Shape | None:
    """Return the shape of a row that a layer takes; None if the file does not specify all of it."""
    where = f"layer {quote(layer.name)}"
    shapes = set()
    for shape in layer.shapes:
        if not isinstance(shape, list) or not shape:
            reject(f"{where} takes rows of shape {quote(shape)}; save the model again")
        if None not in shape[1:]:
            shapes.add(tuple(width_of(size, f"{where}: features") for size in shape[1:]))
    if len(shapes) > 1:
        texts = " and ".join(map(str, sorted(shapes)))
        reject(f"{where} takes rows of shapes {texts}; save the model again")
    return shapes.pop() if shapes else None


def width_of(value: object, where: str) -> int:
    """Return a number of units or features that a file names, or reject it."""
    if type(value) is not int or not 1 <= value <= MAX_PARAMETERS:  # True is an int in Python
        reject(f"{where} {quote(value)}; use a whole number from 1 to {MAX_PARAMETERS:,}")
    return value


def _is_plain(entry: dict[str, Any], classes: tuple[str, ...]) -> bool:
    """Return whether an object is of one of some classes of Keras, and not of a custom class."""
    name, registered = entry.get("class_name"), entry.get("registered_name")
    return name in classes and registered in (None, name) and _is_in_keras(entry.get("module"))


def _is_in_keras(module: object) -> bool:
    return module is None or str(module).split(".")[0] == "keras"


def _check_modules(description: dict[str, Any], problems: Problems) -> None:
    """Check that a description names no code outside Keras, also where only training uses it."""
    pending: list[tuple[Any, str]] = [
        (entry, PLAIN_LOSS if key == "compile_config" else PLAIN)
        for key, entry in description.items()
    ]
    while pending:  # No recursion: how deep it goes is up to the file.
        value, remedy = pending.pop()
        if isinstance(value, list):
            pending.extend((entry, remedy) for entry in value)
        if isinstance(value, dict):
            pending.extend((entry, remedy) for entry in value.values())
            if not _is_of_keras(value):
                keys = ("module", "class_name", "config")
                name = " ".join(value[key] for key in keys if isinstance(value.get(key), str))
                problems.add(f"it names {quote(name)}, which is not a plain part of Keras", remedy)


def _is_of_keras(entry: dict[str, Any]) -> bool:
    kind, module, registered = map(entry.get, ("class_name", "module", "registered_name"))
    if kind in ("Lambda", "__lambda__") or ">" in f"{kind}{registered}":
        return False
    if (module, kind) == ("builtins", "function"):
        # So Keras describes a loss given as a function, and looks it up in that module.
        name = entry.get("config")
        return isinstance(name, str) and not hasattr(builtins, name)
    return _is_in_keras(module)


def _mapping(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        reject(f"{where} is not in the format of Keras; save the model again")
    return value
