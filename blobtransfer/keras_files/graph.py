"""Put the layers of a Functional model in forward order."""

from typing import Any

from blobtransfer.keras_files.refusal import Problems
from blobtransfer.keras_files.remedies import CHAIN, PLAIN, save_output
from blobtransfer.specs.network import MAX_LAYERS

Entry = dict[str, Any]
"""A layer as the JSON describes it."""

Call = tuple[str, int]
"""Name of a layer, and the index of one of its calls."""

ONE_WAY = (None, False)
"""Values of further arguments of a call that change nothing: `mask=None`, `training=False`."""


def in_order(
    entries: list[Entry], config: Entry, problems: Problems, is_nested: bool
) -> list[Entry]:
    """Return the layers of a Functional model from its input to its output.

    Args:
        entries: Its layers, each a mapping with a unique `name`.
        config: Settings of the model.
        problems: Collects what keeps it from being a chain.
        is_nested: Whether it is a layer of another model.

    Returns:
        The chain, with a layer as often as it is called; of a model of several outputs, one chain.
        Without a chain, the layers behind the last one that has several sources.
    """
    by_name = {str(_name_of(entry)): entry for entry in entries}
    inputs, outputs = (_ends(config.get(f"{side}_layers")) for side in ("input", "output"))
    n_calls = sum(len(_nodes(entry)) for entry in entries)
    chains = [_walk_back(by_name, call, inputs, n_calls) for call in outputs]
    if len(outputs) > 1:
        complete = [chain for chain in chains if _is_complete(chain, inputs)]
        chain = max(complete, key=_has_softmax, default=[])  # the first one of those
        remedy = CHAIN if is_nested or not chain else save_output(str(_name_of(chain[-1])))
        problems.add(f"it has {len(outputs)} outputs", remedy)
        return chain
    chain = chains[0] if chains else []
    if len(inputs) != 1 or len(outputs) != 1:
        side, n_ends = ("input", len(inputs)) if len(inputs) != 1 else ("output", len(outputs))
        problems.add(f"it has {n_ends} {side}s", CHAIN if is_nested else None)
    elif not _is_complete(chain, inputs) or len(chain) != n_calls + 1:
        problem = "the layers do not form a chain: they branch, or one leads nowhere"
        problems.add(problem, CHAIN if is_nested else None)
        problems.unbranched = _longest_chain_end(by_name, inputs)
    else:
        names = [_name_of(entry) for entry in chain]
        for entry in entries:
            if names.count(_name_of(entry)) > 1 and _has_weights(entry):
                problems.add("is used more than once", PLAIN, str(_name_of(entry)))
        return chain
    problems.are_in_order = False
    return [entry for entry in chain if _name_of(entry) not in {name for name, _ in inputs}]


def _longest_chain_end(by_name: dict[str, Entry], inputs: list[Call]) -> str:
    """Return the last layer of the chain of most dense layers from the input.

    Args:
        by_name: All layers.
        inputs: Call of the only input.

    Returns:
        Name of a dense layer that is used once; empty without one.
    """
    ends = [
        name
        for name, entry in by_name.items()
        if entry.get("class_name") == "Dense" and len(_nodes(entry)) == 1
    ]
    chains = [_walk_back(by_name, (name, 0), inputs, MAX_LAYERS) for name in ends]
    complete = [chain for chain in chains if _is_complete(chain, inputs)]
    chain = max(complete, key=lambda chain: sum(map(_has_weights, chain)), default=[])
    return _name_of(chain[-1]) if chain else ""


def _walk_back(
    by_name: dict[str, Entry], call: Call, inputs: list[Call], n_calls: int
) -> list[Entry]:
    """Return the layers before an output, input side first.

    Args:
        by_name: All layers.
        call: Call that computes the output.
        inputs: Calls of the inputs.
        n_calls: Number of all calls; a longer chain is a cycle.

    Returns:
        The chain ends at an input, or behind a layer that has not one source.
    """
    chain: list[Entry] = []
    source: Call | None = call
    while source is not None and len(chain) <= n_calls:
        name, index = source
        entry = by_name.get(name)
        if entry is None:
            break
        if name in [name for name, _ in inputs]:
            return [entry, *chain[::-1]]
        nodes = _nodes(entry)
        source = _source_of(nodes[index]) if index < len(nodes) else None
        if source is not None:
            chain.append(entry)
    return chain[::-1]


def _is_complete(chain: list[Entry], inputs: list[Call]) -> bool:
    """Return whether a chain begins at the only input."""
    return len(inputs) == 1 and bool(chain) and _name_of(chain[0]) == inputs[0][0]


def _has_softmax(chain: list[Entry]) -> bool:
    config = chain[-1].get("config")
    return isinstance(config, dict) and config.get("activation") == "softmax"


def _has_weights(entry: Entry) -> bool:
    return entry.get("class_name") in ("Dense", "Sequential", "Functional", "Model")


def _nodes(entry: Entry) -> list[Any]:
    """Return the calls of a layer."""
    nodes = entry.get("inbound_nodes")
    return nodes if isinstance(nodes, list) else []


def _name_of(entry: Entry) -> str:
    config = entry.get("config")
    return str(entry.get("name", config.get("name") if isinstance(config, dict) else None))


def _ends(value: object) -> list[Call]:
    """Return the first or last calls: of one layer, a list, or a mapping."""
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list) or not value:
        return []
    ends = [value] if isinstance(value[0], str) else value
    calls = [_call(end) for end in ends if isinstance(end, list)]
    return [call for call in calls if call is not None]


def _call(history: object) -> Call | None:
    """Return a call as the JSON refers to it: by name, index, and index of one of its outputs."""
    if not isinstance(history, list) or len(history) < 3:
        return None
    name, index, tensor_index = history[:3]
    is_call = isinstance(name, str) and type(index) is int and index >= 0 and tensor_index == 0
    return (name, index) if is_call else None


def _source_of(node: object) -> Call | None:
    """Return the call whose output is the only input of another call; None if it is not."""
    if isinstance(node, dict):  # Keras 3
        args, kwargs = node.get("args"), node.get("kwargs", {})
        tensor = args[0] if isinstance(args, list) and len(args) == 1 else None
        config = tensor.get("config") if isinstance(tensor, dict) else None
        history = config.get("keras_history") if isinstance(config, dict) else None
    else:  # Keras 2
        history = node[0] if isinstance(node, list) and len(node) == 1 else None
        kwargs = history[3] if isinstance(history, list) and len(history) == 4 else {}
    if not isinstance(kwargs, dict) or any(value not in ONE_WAY for value in kwargs.values()):
        return None
    return _call(history)
