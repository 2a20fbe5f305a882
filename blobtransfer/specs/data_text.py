"""Parse and format data specifications: `NAME-or-FILE[:key=value[,key=value ...]]`.

    blobs:seed=1,std=2    moons:noise=0.2    digits:classes=0-4    sites.csv:label=outcome

The text describes generated data completely; a table is read later (`data.tables.resolve`).
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any

from blobtransfer.did_you_mean import suggest
from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import MAX_COUNT, escape_control_characters, parse_number
from blobtransfer.specs.data import GENERATED, DataSpec
from blobtransfer.specs.generated import COMMON_KEYS, GeneratedSpec
from blobtransfer.specs.table import BUILT_IN, SCALE_BY, SEPARATORS, TableRequest

OF_SETS = ("classes", "drop", "scale", "train", "test")
"""Keys of a built-in table."""

OF_FILES = (
    "label", "where", "classes", "drop", "group", "split", "scale", "missing", "train", "test",
    "sep", "head", "name",
)  # fmt: skip
"""Keys of a file."""

REPEATABLE = ("drop", "missing")

TREATMENTS = ("mean", "drop")
"""Treatments of missing values, for `missing=`."""

OTHER_TREATMENTS = ("median", "mode", "zero", "fill", "refuse", "ignore")
"""Treatments of other programs, which are unlikely to stand for a missing value."""

MAX_NAME = 200
"""Longest `name=`, in characters."""

MAX_COLONS = 20
"""Most colons of `where=` at which a name of a column may end."""

ALL_KEYS = {
    *OF_FILES,
    *COMMON_KEYS,
    *(key for spec in GENERATED.values() for key in spec.kind_keys),
}

MAX_TEXT = 10_000
"""Longest specification, in characters."""

QUOTED = re.compile(r'"((?:[^"]|"")*+)"')
"""A text in quotes, as in CSV: a quote within it is written twice."""

KEY_VALUE = re.compile(
    rf'([\w-]+)=([+-]?\d+(?:,\d+)+%?(?=,|$)|(?:{QUOTED.pattern}|[^,"])*+)(?:,|$)'
)
"""A key and its value: a number, which may hold commas, or a text, some or all of it quoted."""

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
        raise SettingError(
            setting,
            text[:60],
            "not a data specification; use NAME:key=value, such as moons:noise=0.2",
        )
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
    problem = f"unknown data {head}" if head else "no data is named"
    advice = f"{suggestion + ' ' if suggestion else ''}use one of {', '.join(names)}"
    raise SettingError(
        setting, text, f"{problem}; {advice}, or a file such as rows.csv:label=outcome"
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
        return SettingError(self.setting, self.text, escape_control_characters(problem))


def _cut(setting: str, text: str) -> tuple[str, _Parts]:
    """Split a specification after a known name, or else at the last colon before a known key."""
    # a colon after an odd number of quotes is quoted
    colons = [
        i for i, letter in enumerate(text) if letter == ":" and text.count('"', 0, i) % 2 == 0
    ]
    named = [i for i in colons if text[:i] in (*GENERATED, *BUILT_IN)]
    keys = {i: match[1] for i in colons if (match := LIKE_PARTS.match(text, i + 1))}
    known_keys = [i for i, key in keys.items() if key in ALL_KEYS]
    cut = named[0] if named else (known_keys or list(keys) or [len(text)])[-1]
    return text[:cut], _Parts(setting, text, text[cut + 1 :])


def _read(description: _Parts, keys: Collection[str]) -> "tuple[_Parts, dict[str, list[str]]]":
    """Parse keys and their values, which are still quoted."""
    values: dict[str, list[str]] = {}
    position, rest = 0, description.rest
    while position < len(rest):
        match = KEY_VALUE.match(rest, position)
        if match is None:
            word = rest[position:].partition(",")[0]
            raise description.refused(
                f"{word or 'an empty word'} is not of the form key=value; the keys are "
                f"{', '.join(keys)}"
            )
        key, value = match[1], match[2]
        if key not in keys:
            suggestion = suggest(key, keys)
            raise description.refused(
                f"unknown key {key}; {suggestion + ' ' if suggestion else ''}use {', '.join(keys)}"
            )
        if not _unquote(value):
            raise description.refused(f"{key}= has no value; give one, or leave it out")
        if key in values and key not in REPEATABLE:
            raise description.refused(f"{key} is repeated; give it once")
        values.setdefault(key, []).append(value)
        position = match.end()
    return description, values


def quote(text: str) -> str:
    """Return a text as the value of a key, quoted if it has to be."""
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',":') else text


def _unquote(text: str) -> str:
    return QUOTED.sub(lambda match: match[1].replace('""', '"'), text)


def _number(description: _Parts, key: str, value: str, kind: type[int] | type[float]) -> Any:
    try:
        return parse_number(key, value, kind)
    except SettingError as error:
        raise description.refused(f"{key}={value}: {error.problem}") from error


def _generated_spec(
    kind: type[GeneratedSpec], read: "tuple[_Parts, dict[str, list[str]]]", seed: int
) -> DataSpec:
    description, texts = read
    words = {**COMMON_KEYS, **kind.kind_keys}
    defaults = {field.name: field.default for field in fields(kind)}
    values: dict[str, Any] = {"seed": seed}
    for key, (value,) in texts.items():
        is_real = isinstance(defaults[words[key]], float)
        number = _number(description, key, _unquote(value), float if is_real else int)
        values[words[key]] = number
    try:
        spec: Any = kind(**values)
    except SettingError as error:
        word = WORD_OF_SETTING.get(error.setting, error.setting)
        value = texts.get(word, [error.value])[0]
        problem = error.problem.replace("--test-samples", "test=").replace("--samples", "samples=")
        raise description.refused(f"{word}={value}: {problem}") from error
    made: DataSpec = spec
    return made


def _table(
    setting: str, text: str, origin: str, is_file: bool, read: "tuple[_Parts, dict[str, list[str]]]"
) -> TableRequest:
    description, texts = read
    if is_file and not origin:
        raise description.refused("no file name; use file:NAME")
    return TableRequest(origin, is_file, **_values(description, texts))


def parse_table_values(setting: str, texts: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the fields of a `TableRequest` for keys of a table that are given one by one.

    Args:
        setting: Name of the option, for the error.
        texts: The values of each key, as in a specification.

    Raises:
        SettingError: A value is impossible.
    """
    return _values(_Parts(setting, "", ""), texts)


def _values(description: _Parts, texts: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    values: dict[str, Any] = {key: _unquote(value) for key, (value, *_) in texts.items()}
    if "where" in values:
        values["where"] = _where(texts["where"][0])
        if not values["where"]:
            problem = "use where=COLUMN:VALUE"
            raise description.refused(f"where={_unquote(texts['where'][0])}: {problem}")
    values["drop"] = tuple(map(_unquote, texts.get("drop", ())))
    if "scale" in values and values["scale"] not in SCALE_BY:
        suggestion = suggest(values["scale"], SCALE_BY)
        raise description.refused(
            f"scale={values['scale']}: {suggestion + ' ' if suggestion else ''}use one of "
            f"{', '.join(SCALE_BY)}"
        )
    values |= _missing(description, texts.get("missing", ()))
    for key in ("train", "test"):
        if key in values:
            values[key] = _size(description, key, values[key])
    values |= _layout(description, values)
    for key in ("group", "train", "test"):
        if "split" in values and key in values:
            raise description.refused(f"split= already selects the training rows; leave {key}= out")
        if "group" in values and key in values and key != "group":
            raise description.refused(f"with group= half of the groups train; leave {key}= out")
    named = [values.get("label"), values.get("group"), values.get("split")]
    for key, column in zip(("label", "group", "split"), named, strict=True):
        if column is not None and column in values["drop"]:
            raise description.refused(
                f"column {column} is in {key}= and in drop=; remove one of the two"
            )
        if column is not None and named.count(column) > 1:
            raise description.refused(
                f"{key}={column}: another key already uses this column; use another column"
            )
    return values


def _where(text: str) -> tuple[tuple[str, str], ...]:
    """Return the columns and values that a text can mean, the longest name of a column first."""
    column = QUOTED.match(text)
    if column is not None and text[column.end() :][:1] == ":":
        pairs = [(_unquote(column[0]), _unquote(text[column.end() + 1 :]))]
    else:
        text = _unquote(text)
        colons = [i for i, letter in enumerate(text) if letter == ":"][:MAX_COLONS]
        pairs = [(text[:i], text[i + 1 :]) for i in reversed(colons)]
    return tuple(pair for pair in pairs if all(pair))


def _missing(description: _Parts, texts: Collection[str]) -> dict[str, Any]:
    """Return the treatment of missing values and the texts that stand for one.

    A quoted text is not a treatment.
    """
    treatments = list(dict.fromkeys(text for text in texts if text in TREATMENTS))
    if len(treatments) > 1:
        raise description.refused("missing=drop and missing=mean exclude each other; use one")
    for text in texts:
        suggestion = suggest(text, TREATMENTS) if '"' not in text else ""
        if text not in TREATMENTS and (suggestion or text in OTHER_TREATMENTS):
            raise description.refused(
                f"missing={text}: {suggestion + ' ' if suggestion else ''}use one of "
                f'{", ".join(TREATMENTS)}, or missing="{text}" for a text that means missing'
            )
    values = dict.fromkeys(_unquote(text) for text in texts if text not in TREATMENTS)
    for value in values:
        if not value.isprintable():
            problem = "use a text of printable characters"
            raise description.refused(f"missing={value}: {problem}")
    return {"missing": treatments[0] if treatments else "refuse", "missing_values": tuple(values)}


def _size(description: _Parts, key: str, text: str) -> int | float:
    """Return a number of rows, or a share of them above 0 and below 1."""
    problem = "use a whole number of rows, or a share such as 0.8 or 80%"
    try:
        number = parse_number(key, text, int)
    except SettingError:
        try:
            number = parse_number(key, text, is_share=True)
        except SettingError as error:
            has_advice = "decimal point" in error.problem
            advice = error.problem if has_advice else problem
            raise description.refused(f"{key}={text}: {advice}") from error
        if not 0.0 < number < 1.0:
            raise description.refused(f"{key}={text}: {problem}") from None
    if not 0 < number <= MAX_COUNT:
        raise description.refused(f"{key}={text}: use 1 to {MAX_COUNT:,} rows")
    return number  # type: ignore[no-any-return]


def _layout(description: _Parts, values: dict[str, Any]) -> dict[str, Any]:
    """Return how the file is laid out and called: `sep`, `has_head` and `name`."""
    sep, head, name = values.get("sep"), values.pop("head", None), values.get("name")
    if sep is not None and sep not in SEPARATORS:
        names = {character: word for word, character in SEPARATORS.items()}
        if (
            len(sep) != 1
            or sep.isalnum()
            or sep in "\"'.-+"
            or not (sep.isprintable() or sep == "\t")
        ):
            problem = f"use a character, or {', '.join(SEPARATORS)}"
            raise description.refused(f"sep={sep}: {problem}")
        sep = names.get(sep, sep)
    if head not in (None, "none"):
        raise description.refused(f"head={head}: use none, or leave it out")
    if name is not None and not (name.isprintable() and name.strip() and len(name) <= MAX_NAME):
        problem = f"use at most {MAX_NAME} printable characters"
        raise description.refused(f"name={name[:60]}: {problem}")
    return {"sep": sep, "has_head": head is None, "name": name}
