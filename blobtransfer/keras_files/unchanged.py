"""Layers of Keras that return the numbers of a row unchanged when a trained network predicts."""

import math
from typing import TypeGuard

from blobtransfer.keras_files.keras_config import LayerConfig, Shape

ONLY_IN_TRAINING = (
    "Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout",
    "GaussianDropout", "GaussianNoise", "ActivityRegularization", "Masking",
)  # fmt: skip
"""Layers that change rows or losses in training."""

EDGES = {
    f"{kind}{n_axes}D": setting
    for kind, setting in (("Cropping", "cropping"), ("ZeroPadding", "padding"))
    for n_axes in (1, 2, 3)
}
"""Layers that remove or add values at the ends of axes, and the setting of how many."""

PASSING = (
    *ONLY_IN_TRAINING, *EDGES, "Identity", "Rescaling", "Flatten", "Reshape", "Permute",
    "RepeatVector",
)  # fmt: skip
"""Layers that may leave the numbers of a row unchanged; `passed_shape` decides."""


def passed_shape(layer: LayerConfig, shape: Shape | None) -> tuple[bool, Shape | None]:
    """Return whether a layer of `PASSING` keeps the numbers of each row and their order.

    Args:
        layer: The layer.
        shape: Shape of a row before it; None if unknown.

    Returns:
        Whether it does, and the shape of a row behind it; None if unknown.
    """
    config = layer.config
    match layer.kind:
        case "Masking":  # sets rows to 0 whose numbers all have this value
            return config.get("mask_value", 0) == 0, shape
        case "Rescaling":
            scale, offset = config.get("scale"), config.get("offset", 0)
            return _is_all(1, scale, shape) and _is_all(0, offset, shape), shape
        case "Flatten":
            # `channels_first` moves the first axis behind the others.
            keeps_order = config.get("data_format") != "channels_first" or len(shape or (0, 0)) == 1
            return keeps_order, None if shape is None else (math.prod(shape),)
        case "Reshape":
            return _reshaped(config.get("target_shape"), shape)
        case "RepeatVector":
            return config.get("n") == 1, None if shape is None else (1, *shape)
        case kind if kind in EDGES:
            return _are_zero(config.get(EDGES[kind])), shape
        case "Permute":
            return _permuted(config.get("dims"), shape)
        case _:
            return True, shape


def _is_all(number: int, value: object, shape: Shape | None) -> bool:
    """Return whether a setting is a number, for all features or in a list for each."""
    if isinstance(value, list):
        has_one_each = shape is not None and (len(value),) == shape
        return has_one_each and all(_is_all(number, entry, None) for entry in value)
    return type(value) in (int, float) and value == number


def _reshaped(target: object, shape: Shape | None) -> tuple[bool, Shape | None]:
    """Return the outcome of Reshape; -1 stands for the size that is left."""
    if not _are_whole(target):
        return False, None
    if target.count(-1) == 1 and shape is not None:
        known = math.prod(size for size in target if size != -1)
        target = [math.prod(shape) // known if size == -1 and known else size for size in target]
    if -1 in target:
        return shape is None, None
    keeps_order = min(target, default=1) > 0 and (
        shape is None or math.prod(target) == math.prod(shape)
    )
    return keeps_order, tuple(target)


def _permuted(dims: object, shape: Shape | None) -> tuple[bool, Shape | None]:
    """Return the outcome of Permute, which keeps the order if longer axes stay in theirs."""
    axes = list(range(1, len(shape or ()) + 1))
    if shape is None or not _are_whole(dims) or sorted(dims) != axes:
        return False, None
    longer = [axis for axis in dims if shape[axis - 1] > 1]
    return longer == sorted(longer), tuple(shape[axis - 1] for axis in dims)


def _are_zero(value: object) -> bool:
    """Return whether a setting is 0, or a list of zeros, in pairs or not."""
    if isinstance(value, list):
        return all(_are_zero(entry) for entry in value)
    return type(value) is int and value == 0


def _are_whole(values: object) -> TypeGuard[list[int]]:
    return isinstance(values, list) and all(type(value) is int for value in values)
