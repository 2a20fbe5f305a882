"""Random edits of bytes, zip archives, text and JSON."""

import copy
import json
import math
import struct
from collections.abc import Sequence
from random import Random
from typing import Any

ODD_TEXTS = (
    "", "x", "0", "nan", "\x1b[31mred\x07", "a\nerror: disk failed", "\u202eabc", "\ud800", "\0",
    "=HYPERLINK(1)", "<img src=x onerror=alert(1)>", "[x](javascript:1)", "|", "../../etc/passwd",
    "é" * 300, "y" * 5000, "-", "  ", "{}", "2026-01-01", "$x_1^2$", "\\",
)  # fmt: skip

ODD_NUMBERS = (
    0, 1, 2, 3, 7, -1, 100, 0.5, -0.0, 1e-320, 1e308, -1e308, math.nan, math.inf, 2**31, 2**63 - 1,
    2**63, 2**64, 10**30, -(10**30), 10**400, 100_000_000, 4_294_967_296,
)  # fmt: skip

RAW_JSON = {
    "@deep list@": "[" * 100_000 + "]" * 100_000,
    "@deep object@": '{"a":' * 100_000 + "0" + "}" * 100_000,
    "@many digits@": "9" * 5000,
    "@large exponent@": "1e400",
    "@half an escape@": '"\\ud83d"',
    "@comment@": "/* */ 1",
}
"""Texts that stand for JSON which `json.dumps` cannot write."""

SNIPPETS = (
    "'", '"', ",", "\t", "\n", "\r", "{", "}", "[", "]", ":", "%", "nan", "NaN", "inf", "1e999",
    "1_0", "\0", "\x1b[31m", "\\", "\\u0000", "?", "NA", "x" * 300, "9" * 500, "\u2028", "\ufeff",
    "=1+1", "-", "null", "true", '"\n"', ",,,,", "{" * 50, '"command": 1, ', "@data\n",
    "@attribute z string\n", "@attribute z date\n", "@attribute z {}\n", "@attribute z numeric\n",
    "@attribute '", "@attribute z relational\n", "@end z\n", "@relation", "{0 1, 1 2}\n",
)  # fmt: skip

ENCODINGS = ("utf-16", "utf-32", "utf-8-sig", "cp037", "utf-16-le")


def damaged_bytes(content: bytes, rng: Random, first: int = 0, last: int | None = None) -> bytes:
    """Return bytes with some of them flipped, replaced, removed, repeated or cut off.

    Args:
        content: The bytes.
        rng: Source of randomness.
        first: Where the damage begins at the earliest.
        last: Where it begins at the latest; None: at the end.
    """
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 1, 2, 5, 20))):
        if len(changed) < 2:
            break
        low = min(first, len(changed) - 1)
        high = min(len(changed) if last is None else last, len(changed))
        i = rng.randrange(low, max(low + 1, high))
        match rng.randrange(10):
            case 0 | 1 | 2 | 3:
                changed[i] ^= 1 << rng.randrange(8)
            case 4 | 5 | 6:
                changed[i] = rng.choice((0, 255, 127, 128, rng.randrange(256)))
            case 7:
                number = rng.choice((0, 1, 2**31 - 1, 2**32 - 1, 10**7))
                changed[i : i + 4] = struct.pack("<I", number)
            case 8:
                del changed[i : i + rng.choice((1, 4, 50))]
            case 9:
                changed[i:i] = changed[max(0, i - 20) : i] * rng.choice((1, 3))
    if rng.random() < 0.15 and len(changed) > 1:
        del changed[rng.randrange(1, len(changed)) :]
    return bytes(changed)


def edited_zip(content: bytes, rng: Random) -> bytes:
    """Return a zip archive with odd fields in its directory or in the heads of its members."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 3))):
        signature = rng.choice((b"PK\1\2", b"PK\3\4", b"PK\5\6"))
        start = max(changed.find(signature, rng.randrange(len(changed) // 2)), 0)
        field = start + rng.randrange(4, 46)
        number = rng.choice((0, 1, 8, 12, 14, 65535, rng.randrange(65536)))
        changed[field : field + 2] = struct.pack("<H", number)
    return bytes(changed)


def edited_text(text: str, rng: Random) -> str:
    """Return a text with snippets put in, letters removed, or its lines reordered."""
    for _ in range(rng.choice((1, 1, 2, 6))):
        if rng.random() < 0.3:
            lines = text.splitlines(keepends=True)
            if rng.random() < 0.5:
                rng.shuffle(lines)
            if lines:
                lines.pop(rng.randrange(len(lines)))
            text = "".join(lines)
            continue
        i = rng.randrange(len(text) + 1)
        snippet = rng.choice(SNIPPETS) * rng.choice((1, 1, 20))
        text = text[:i] + snippet + text[i + rng.choice((0, 0, 3)) :]
    return text


def edited_json(text: str, rng: Random, numbers: Sequence[float] = ODD_NUMBERS) -> str:
    """Return JSON of which some values are odd, moved, removed or added.

    Args:
        text: Valid JSON, an object or a list.
        rng: Source of randomness.
        numbers: Numbers that replace values.
    """
    tree = json.loads(text)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        _edit(tree, rng, numbers)
    return _json_text(tree)


def odd_value(rng: Random, numbers: Sequence[float] = ODD_NUMBERS) -> Any:
    """Return a value that a reader of JSON may not expect."""
    match rng.randrange(6):
        case 0 | 1:
            return rng.choice(numbers)
        case 2 | 3:
            return rng.choice(ODD_TEXTS)
        case 4:
            return rng.choice(tuple(RAW_JSON))
    return rng.choice((None, True, False, [], {}, [[]], [None], {"a": 1}, [0.5] * 1000, ["x"] * 3))


def _edit(tree: Any, rng: Random, numbers: Sequence[float]) -> None:
    """Edit one place of a tree of lists and dicts."""
    if not tree:
        return
    container, key = _random_place(tree, rng)
    value = container[key]
    match rng.randrange(10):
        case 0 | 1 | 2 | 3:
            container[key] = odd_value(rng, numbers)
        case 4:
            other, other_key = _random_place(tree, rng)
            container[key] = copy.deepcopy(other[other_key])
        case 5 | 6:
            container[key] = _near(value, rng)
        case 7 | 8:
            del container[key]
        case 9 if isinstance(container, list):
            container.insert(rng.randrange(len(container) + 1), value)
        case 9:
            container[rng.choice(("x", "", f"{key} ", "\x1b", str(key).upper()))] = value


def _random_place(tree: Any, rng: Random) -> tuple[Any, Any]:
    """Descend at random and return a container and a key or index in it.

    Args:
        tree: A container that is not empty.
        rng: Source of randomness.
    """
    while True:
        key = rng.choice(list(tree) if isinstance(tree, dict) else range(len(tree)))
        child = tree[key]
        if not isinstance(child, dict | list) or not child or rng.random() < 0.2:
            return tree, key
        tree = child


def _near(value: Any, rng: Random) -> Any:
    """Return a value of the same type that is not far off."""
    match value:
        case bool():
            return not value
        case int() | float() if abs(value) < 1e300:
            return rng.choice((value + 1, value - 1, -value, value * 2, value / 2, float(value)))
        case str():
            return rng.choice((value + "x", value[:-1], value.upper(), value * 2, f" {value}"))
        case list():
            return rng.choice((value[1:], value[:-1], value[::-1], value * 2, value[:1]))
        case dict():
            return dict(reversed(value.items()))
    return 0


def _json_text(tree: Any) -> str:
    text = json.dumps(tree)
    for name, raw in RAW_JSON.items():
        text = text.replace(json.dumps(name), raw)
    return text
