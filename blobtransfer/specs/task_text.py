"""Read and write descriptions of data: `NAME-or-FILE[:key=value[,key=value ...]]`.

    blobs:seed=1,std=2    moons:noise=0.2    digits:classes=0-4    sites.csv:label=outcome

Generated data is complete with that; a table is read later (`data.tables.resolve`).
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any

from blobtransfer.did_you_mean import suggest
from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import MAX_COUNT, read_number
from blobtransfer.specs.drawn import COMMON_KEYS, GeneratedSpec
from blobtransfer.specs.table import BUILT_IN, SCALE_BY, TableRequest
from blobtransfer.specs.task import GENERATED, DataSpec

OF_SETS = ("classes", "drop", "scale", "train", "test")
"""Keys of a built-in table."""

OF_FILES = (
    "label", "where", "classes", "drop", "group", "split", "scale", "missing", "train", "test",
)  # fmt: skip

ALL_KEYS = {
    *OF_FILES,
    *COMMON_KEYS,
    *(key for spec in GENERATED.values() for key in spec.kind_keys),
}

MAX_TEXT = 10_000
"""Longest description, in characters."""

PART = re.compile(r'([\w-]+)=("(?:[^"]|"")*"|[^,"]*)(?:,|$)')
"""A key and its value; quoted as in CSV where it holds a comma."""

LIKE_PARTS = re.compile(r"([\w-]+)=")
"""Start of a key and its value."""

WORD_OF_SETTING = {
    "train-samples": "train",
    "test-samples": "test",
    "cluster-std": "std",
}
"""Keys of settings that have another name in a description."""


def parse_data_spec(setting: str, text: str, seed: int) -> DataSpec | TableRequest:
    """Return the data that a description means.

    Args:
        setting: Name of the option, for the error.
        text: The description; see this module.
        seed: Seed of generated data if the description has none.

    Returns:
        A specification of generated data, or the request of a table.

    Raises:
        SettingError: The description cannot be read, or a value is impossible.
    """
    if len(text) > MAX_TEXT or "\0" in text:
        raise SettingError(setting, text[:60], "no problem is described like that; see --help")
    head, parts = _cut(setting, text)
    is_file = head.startswith("file:") or "." in head or "/" in head
    if is_file:
        return _table(setting, text, head.removeprefix("file:"), True, _read(parts, OF_FILES))
    if head in BUILT_IN:
        return _table(setting, text, head, False, _read(parts, OF_SETS))
    if head in GENERATED:
        return _drawn(
            GENERATED[head], _read(parts, (*COMMON_KEYS, *GENERATED[head].kind_keys)), seed
        )
    names = (*GENERATED, *BUILT_IN)
    asked = suggest(head, names)
    raise SettingError(
        setting,
        text,
        f"{head or 'nothing'} is no problem; {asked + ' ' if asked else ''}use one of "
        f"{', '.join(names)}, or a file such as rows.csv:label=outcome",
    )


def data_spec_text(spec: GeneratedSpec, changes: Mapping[str, Any] | None = None) -> str:
    """Return the description of generated data, which `parse_data_spec` reads.

    Args:
        spec: The specification.
        changes: Values of fields that replace those of `spec`; they are not checked.
    """
    defaults = {one.name: one.default for one in fields(spec)}
    values = {name: getattr(spec, name) for name in defaults} | dict(changes or {})
    parts = [
        f"{key}={values[name]}"
        for key, name in {**COMMON_KEYS, **spec.kind_keys}.items()
        if key == "seed" or values[name] != defaults[name]
    ]
    return f"{spec.kind}:{','.join(parts)}"


class _Parts:
    """The keys and values of a description, as text, with its option for errors."""

    def __init__(self, setting: str, text: str, rest: str) -> None:
        self.setting, self.text, self.rest = setting, text, rest

    def refused(self, problem: str) -> SettingError:
        return SettingError(self.setting, self.text, problem)


def _cut(setting: str, text: str) -> tuple[str, _Parts]:
    """Split a description after a known name, else at the last colon before a known key."""
    places = [i for i, letter in enumerate(text) if letter == ":"]
    named = [i for i in places if text[:i] in (*GENERATED, *BUILT_IN)]
    keys = {i: match[1] for i in places if (match := LIKE_PARTS.match(text, i + 1))}
    known = [i for i, key in keys.items() if key in ALL_KEYS]
    cut = named[0] if named else (known or list(keys) or [len(text)])[-1]
    return text[:cut], _Parts(setting, text, text[cut + 1 :])


def _read(parts: _Parts, keys: Collection[str]) -> "tuple[_Parts, dict[str, list[str]]]":
    """Read keys and values; `drop` may be repeated, all others not."""
    found: dict[str, list[str]] = {}
    place, rest = 0, parts.rest
    while place < len(rest):
        match = PART.match(rest, place)
        if match is None:
            part = rest[place:].partition(",")[0]
            raise parts.refused(
                f"{part or 'an empty part'} is not key=value; use {', '.join(keys)}"
            )
        key, value = match[1], match[2]
        if key not in keys:
            asked = suggest(key, keys)
            raise parts.refused(
                f"{key} is not known here; {asked + ' ' if asked else ''}use {', '.join(keys)}"
            )
        if value.startswith('"'):
            value = value[1:-1].replace('""', '"')
        if not value:
            raise parts.refused(f"{key}= has no value; give one, or leave it out")
        if key in found and key != "drop":
            raise parts.refused(f"{key} is repeated; give it once")
        found.setdefault(key, []).append(value)
        place = match.end()
    return parts, found


def _number(parts: _Parts, key: str, value: str, kind: type[int] | type[float]) -> Any:
    number = read_number(value, kind)
    if number is None:
        raise parts.refused(f"{key}={value}: use a {'whole ' if kind is int else ''}number")
    return number


def _drawn(
    kind: type[GeneratedSpec], read: "tuple[_Parts, dict[str, list[str]]]", seed: int
) -> DataSpec:
    parts, found = read
    words = {**COMMON_KEYS, **kind.kind_keys}
    defaults = {one.name: one.default for one in fields(kind)}
    values: dict[str, Any] = {"seed": seed}
    for key, (value,) in found.items():
        is_real = isinstance(defaults[words[key]], float)
        values[words[key]] = _number(parts, key, value, float if is_real else int)
    try:
        spec: Any = kind(**values)
    except SettingError as error:
        word = WORD_OF_SETTING.get(error.setting, error.setting)
        problem = error.problem.replace("--test-samples", "test=").replace("--samples", "samples=")
        raise parts.refused(f"{word}={error.value}: {problem}") from error
    made: DataSpec = spec
    return made


def _table(
    setting: str,
    text: str,
    origin: str,
    is_file: bool,
    read: "tuple[_Parts, dict[str, list[str]]]",
) -> TableRequest:
    parts, found = read
    if is_file and not origin:
        raise parts.refused("no file is named; write file:NAME")
    values: dict[str, Any] = {key: value for key, (value, *_) in found.items()}
    if is_file and "label" not in values:
        raise parts.refused(
            "which column holds the classes is not said; add :label=COLUMN"
            if not parts.rest
            else "which column holds the classes is not said; add label=COLUMN"
        )
    if "where" in values:
        column, colon, wanted = values["where"].partition(":")
        if not (column and colon and wanted):
            raise parts.refused(f"where={values['where']}: write where=COLUMN:VALUE")
        values["where"] = (column, wanted)
    values["drop"] = tuple(found.get("drop", ()))
    for key, choices in (("scale", SCALE_BY), ("missing", ("mean", "drop"))):
        if key in values and values[key] not in choices:
            asked = suggest(values[key], choices)
            raise parts.refused(
                f"{key}={values[key]}: {asked + ' ' if asked else ''}use one of "
                f"{', '.join(choices)}"
            )
    for key in ("train", "test"):
        if key in values:
            values[key] = _number(parts, key, values[key], int)
            if not 1 <= values[key] <= MAX_COUNT:
                raise parts.refused(f"{key}={values[key]}: use 1 to {MAX_COUNT:,}")
    for key in ("group", "train", "test"):
        if "split" in values and key in values:
            raise parts.refused(f"split= says which rows train; leave {key}= out")
        if "group" in values and key in values and key != "group":
            raise parts.refused(f"group= says how many rows stay together; leave {key}= out")
    named = [values.get("label"), values.get("group"), values.get("split")]
    for key, column in zip(("label", "group", "split"), named, strict=True):
        if column is not None and column in values["drop"]:
            raise parts.refused(f"{column} is {key}= and drop= at once; leave one out")
        if column is not None and named.count(column) > 1:
            raise parts.refused(f"{key}={column}: the column has another part; give each its own")
    return TableRequest(origin, is_file, **values)
