"""Put the layers of a Functional model in forward order."""

from typing import Any

from blobtransfer.keras_files.refusal import Problems

ONE_WAY = (None, False)
"""Values of further arguments of a call that change nothing: `mask=None`, `training=False`."""


def in_order(
    entries: list[dict[str, Any]], config: dict[str, Any], problems: Problems, way: str
) -> list[dict[str, Any]]:
    """Return the layers of a Functional model from its input to its output.

    Args:
        entries: Its layers, each a mapping with a unique `name`.
        config: Settings of the model.
        problems: Collects what keeps it from being a chain.
        way: Solution for these problems.

    Returns:
        The chain; if it is not a chain, all layers in the order of the file.
    """
    chain = _chain(entries, config, problems, way)
    problems.are_in_order &= chain is not None
    return chain or entries


def _chain(
    entries: list[dict[str, Any]], config: dict[str, Any], problems: Problems, way: str
) -> list[dict[str, Any]] | None:
    by_name = {str(_name_of(entry)): entry for entry in entries}
    inputs, outputs = (_ends(config.get(f"{side}_layers")) for side in ("input", "output"))
    n_layers = len(entries)
    for side, ends in (("input", inputs), ("output", outputs)):
        if len(ends) != 1:
            problems.add(f"it has {len(ends)} {side}s", way)
            return None
    chain: list[dict[str, Any]] = []
    name: str | None = outputs[0]
    while name is not None and len(chain) <= n_layers:  # longer chains are cycles
        entry = by_name.get(name)
        if entry is None:
            break
        chain.append(entry)
        nodes = entry.get("inbound_nodes")
        if name == inputs[0]:
            break
        if not isinstance(nodes, list) or len(nodes) != 1:
            problems.add("is used more than once", way, name)
            return None
        name = _source_of(nodes[0])
    if len(chain) != n_layers or str(_name_of(chain[-1])) != inputs[0]:
        problems.add("its layers are no chain, they branch or end nowhere", way)
        return None
    return chain[::-1]


def _name_of(entry: dict[str, Any]) -> object:
    config = entry.get("config")
    return entry.get("name", config.get("name") if isinstance(config, dict) else None)


def _ends(value: object) -> list[str]:
    """Return the names of the first or last layers: of one layer, a list, or a mapping."""
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list) or not value:
        return []
    ends = [value] if isinstance(value[0], str) else value
    return [str(end[0]) for end in ends if isinstance(end, list) and end]


def _source_of(node: object) -> str | None:
    """Return the name of the layer whose output is the only input of a call; None if it is not."""
    if isinstance(node, dict):  # Keras 3
        args, kwargs = node.get("args"), node.get("kwargs", {})
        tensor = args[0] if isinstance(args, list) and len(args) == 1 else None
        config = tensor.get("config") if isinstance(tensor, dict) else None
        history = config.get("keras_history") if isinstance(config, dict) else None
    else:  # Keras 2
        history = node[0] if isinstance(node, list) and len(node) == 1 else None
        kwargs = history[3] if isinstance(history, list) and len(history) == 4 else {}
    if not isinstance(history, list) or len(history) < 3 or not isinstance(kwargs, dict):
        return None
    name, _, tensor_index = history[:3]
    if tensor_index != 0 or any(value not in ONE_WAY for value in kwargs.values()):
        return None
    return name if isinstance(name, str) else None
