"""Parse and format data specifications: `NAME-or-FILE[:key=value[,key=value ...]]`.

    blobs:seed=1,std=2    moons:noise=0.2    digits:classes=0-4    sites.csv:label=outcome

The text describes generated data completely; a table is read later (`data.tables.resolve`).
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any

from blobtransfer.did_you_mean import suggest
from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import MAX_COUNT, read_number
from blobtransfer.specs.data import GENERATED, DataSpec
from blobtransfer.specs.generated import COMMON_KEYS, GeneratedSpec
from blobtransfer.specs.table import BUILT_IN, SCALE_BY, TableRequest

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
"""Longest specification, in characters."""

PART = re.compile(r'([\w-]+)=("(?:[^"]|"")*"|[^,"]*)(?:,|$)')
"""A key and its value; a value that contains a comma is quoted as in CSV."""

LIKE_PARTS = re.compile(r"([\w-]+)=")
"""Start of a key and its value."""

WORD_OF_SETTING = {"train-samples": "train", "test-samples": "test", "cluster-std": "std"}
"""Keys in a specification of settings whose option has another name."""


def parse_data_spec(setting: str, text: str, seed: int) -> DataSpec | TableRequest:
    """Parse a data specification.

    Args:
        setting: Name of the option, for the error.
        text: The specification; see the docstring of this module.
        seed: Seed of generated data if the text has none.

    Returns:
        A specification of generated data, or the request of a table.

    Raises:
        SettingError: The text cannot be parsed, or a value is impossible.
    """
    if len(text) > MAX_TEXT or "\0" in text:
        raise SettingError(setting, text[:60], "no problem is described like that; see --help")
    head, description = _cut(setting, text)
    is_file = head.startswith("file:") or "." in head or "/" in head
    if is_file:
        return _table(setting, text, head.removeprefix("file:"), True, _read(description, OF_FILES))
    if head in BUILT_IN:
        return _table(setting, text, head, False, _read(description, OF_SETS))
    if head in GENERATED:
        return _generated_spec(
            GENERATED[head], _read(description, (*COMMON_KEYS, *GENERATED[head].kind_keys)), seed
        )
    names = (*GENERATED, *BUILT_IN)
    suggestion = suggest(head, names)
    raise SettingError(
        setting,
        text,
        f"{head or 'nothing'} is no problem; {suggestion + ' ' if suggestion else ''}use one of "
        f"{', '.join(names)}, or a file such as rows.csv:label=outcome",
    )


def data_spec_text(spec: GeneratedSpec, changes: Mapping[str, Any] | None = None) -> str:
    """Return the text of generated data, which `parse_data_spec` parses.

    Args:
        spec: The specification.
        changes: Values of fields that replace those of `spec`; they are not checked.
    """
    defaults = {field.name: field.default for field in fields(spec)}
    values = {name: getattr(spec, name) for name in defaults} | dict(changes or {})
    words = [
        f"{key}={values[name]}"
        for key, name in {**COMMON_KEYS, **spec.kind_keys}.items()
        if key == "seed" or values[name] != defaults[name]
    ]
    return f"{spec.kind}:{','.join(words)}"


class _Parts:
    """The keys and values of a specification, as text, with the option name for errors."""

    def __init__(self, setting: str, text: str, rest: str) -> None:
        self.setting, self.text, self.rest = setting, text, rest

    def refused(self, problem: str) -> SettingError:
        return SettingError(self.setting, self.text, problem)


def _cut(setting: str, text: str) -> tuple[str, _Parts]:
    """Split a specification after a known name, or else at the last colon before a known key."""
    colons = [i for i, letter in enumerate(text) if letter == ":"]
    named = [i for i in colons if text[:i] in (*GENERATED, *BUILT_IN)]
    keys = {i: match[1] for i in colons if (match := LIKE_PARTS.match(text, i + 1))}
    known_keys = [i for i, key in keys.items() if key in ALL_KEYS]
    cut = named[0] if named else (known_keys or list(keys) or [len(text)])[-1]
    return text[:cut], _Parts(setting, text, text[cut + 1 :])


def _read(description: _Parts, keys: Collection[str]) -> "tuple[_Parts, dict[str, list[str]]]":
    """Parse keys and values; `drop` alone may be repeated."""
    values: dict[str, list[str]] = {}
    position, rest = 0, description.rest
    while position < len(rest):
        match = PART.match(rest, position)
        if match is None:
            word = rest[position:].partition(",")[0]
            raise description.refused(
                f"{word or 'an empty word'} is not key=value; use {', '.join(keys)}"
            )
        key, value = match[1], match[2]
        if key not in keys:
            suggestion = suggest(key, keys)
            raise description.refused(
                f"{key} is not known here; {suggestion + ' ' if suggestion else ''}"
                f"use {', '.join(keys)}"
            )
        if value.startswith('"'):
            value = value[1:-1].replace('""', '"')
        if not value:
            raise description.refused(f"{key}= has no value; give one, or leave it out")
        if key in values and key != "drop":
            raise description.refused(f"{key} is repeated; give it once")
        values.setdefault(key, []).append(value)
        position = match.end()
    return description, values


def _number(description: _Parts, key: str, value: str, kind: type[int] | type[float]) -> Any:
    number = read_number(value, kind)
    if number is None:
        raise description.refused(f"{key}={value}: use a {'whole ' if kind is int else ''}number")
    return number


def _generated_spec(
    kind: type[GeneratedSpec], read: "tuple[_Parts, dict[str, list[str]]]", seed: int
) -> DataSpec:
    description, texts = read
    words = {**COMMON_KEYS, **kind.kind_keys}
    defaults = {field.name: field.default for field in fields(kind)}
    values: dict[str, Any] = {"seed": seed}
    for key, (value,) in texts.items():
        is_real = isinstance(defaults[words[key]], float)
        values[words[key]] = _number(description, key, value, float if is_real else int)
    try:
        spec: Any = kind(**values)
    except SettingError as error:
        word = WORD_OF_SETTING.get(error.setting, error.setting)
        problem = error.problem.replace("--test-samples", "test=").replace("--samples", "samples=")
        raise description.refused(f"{word}={error.value}: {problem}") from error
    made: DataSpec = spec
    return made


def _table(
    setting: str, text: str, origin: str, is_file: bool, read: "tuple[_Parts, dict[str, list[str]]]"
) -> TableRequest:
    description, texts = read
    if is_file and not origin:
        raise description.refused("no file is named; write file:NAME")
    values: dict[str, Any] = {key: value for key, (value, *_) in texts.items()}
    if is_file and "label" not in values:
        raise description.refused(
            "which column holds the classes is not said; add :label=COLUMN"
            if not description.rest
            else "which column holds the classes is not said; add label=COLUMN"
        )
    if "where" in values:
        column, colon, row_value = values["where"].partition(":")
        if not (column and colon and row_value):
            raise description.refused(f"where={values['where']}: write where=COLUMN:VALUE")
        values["where"] = (column, row_value)
    values["drop"] = tuple(texts.get("drop", ()))
    for key, choices in (("scale", SCALE_BY), ("missing", ("mean", "drop"))):
        if key in values and values[key] not in choices:
            suggestion = suggest(values[key], choices)
            raise description.refused(
                f"{key}={values[key]}: {suggestion + ' ' if suggestion else ''}use one of "
                f"{', '.join(choices)}"
            )
    for key in ("train", "test"):
        if key in values:
            values[key] = _number(description, key, values[key], int)
            if not 1 <= values[key] <= MAX_COUNT:
                raise description.refused(f"{key}={values[key]}: use 1 to {MAX_COUNT:,}")
    for key in ("group", "train", "test"):
        if "split" in values and key in values:
            raise description.refused(f"split= says which rows train; leave {key}= out")
        if "group" in values and key in values and key != "group":
            raise description.refused(f"group= says how many rows stay together; leave {key}= out")
    named = [values.get("label"), values.get("group"), values.get("split")]
    for key, column in zip(("label", "group", "split"), named, strict=True):
        if column is not None and column in values["drop"]:
            raise description.refused(f"{column} is {key}= and drop= at once; leave one out")
        if column is not None and named.count(column) > 1:
            raise description.refused(
                f"{key}={column}: the column has another part; give each its own"
            )
    return TableRequest(origin, is_file, **values)
