"""Parse the axis of a sweep: `SETTING=A,B,C`.

    train-samples=10,30,100    hidden=2..32/5    learning-rate=0.003,0.01    target.noise=0.1,0.3

A setting is one of `SWEPT`, or a key of a data specification after `source.` or `target.`.
`LOW..HIGH` is every whole number from LOW to HIGH; `LOW..HIGH/N` is N values with a constant
ratio.
"""

import re
from contextlib import suppress

from blobtransfer.did_you_mean import suggest
from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import parse_number, read_number, split_numbers
from blobtransfer.specs.data import GENERATED, ROLES
from blobtransfer.specs.generated import COMMON_KEYS
from blobtransfer.specs.study import MAX_STEPS, MAX_STUDY_CELLS, Axis

DATA_KEYS = {
    "source-seed": ("source.seed",),
    **{
        word: tuple(f"{role}.{key}" for role in ROLES)
        for word, key in (
            ("samples", "samples"),
            ("classes", "classes"),
            ("features", "features"),
            ("cluster-std", "std"),
            ("train-samples", "train"),
            ("test-samples", "test"),
        )
    },
}
"""Settings of the data by option name, with the keys of the data specifications that they set."""

KEYS = sorted(
    {*COMMON_KEYS, *(key for kind in GENERATED.values() for key in kind.kind_keys)} - {"seed"}
)
"""Keys of the source or of the target data that may vary."""

TRAINING_WORDS = (
    "hidden", "activation", "initializer", "epochs", "batch-size", "learning-rate", "optimizer",
    "momentum", "nesterov", "weight-decay", "patience",
)  # fmt: skip

SOURCE_EPOCHS, FIXED = "source-epochs", "fixed"

SWEPT = (*DATA_KEYS, *TRAINING_WORDS, SOURCE_EPOCHS, FIXED)
"""Every setting that a sweep may vary, except the keys of the source or target data alone."""

OTHER_ROWS = ("target-seed", "target.seed")

NEVER = {
    **dict.fromkeys(OTHER_ROWS, "each point would have different test rows; use pairs or grid"),
    "train-seed": "repeats vary it already; use --repeats",
    "repeats": "all points have the same number; use --repeats",
    "margin": "it changes no training; use show RESULTS --margin",
    "metric": "all points are judged by the same metric; use --metric",
}
"""Settings that cannot be swept, each with the reason."""

OTHER_WORDS = {
    "rows": "did you mean train-samples or samples?",
    "width": "did you mean hidden?",
    "depth": "did you mean hidden, such as hidden=5,5+5,5+5+5?",
    "noise": "did you mean target.noise or source.noise?",
}
"""Advice for settings that are called otherwise here."""

RANGE = re.compile(r"([^/]+?)\.\.([^/]+)(?:/(.+))?")
"""`LOW..HIGH` or `LOW..HIGH/N`."""

EXAMPLE = "use SETTING=A,B,..., such as train-samples=10,30,100"


def parse_axis(text: str) -> Axis:
    """Parse an axis as the user writes it; see the docstring of this module.

    Raises:
        SettingError: The text cannot be parsed, the setting cannot vary, or a value is repeated.
    """
    name, equals, values = text.partition("=")
    if name in NEVER:
        raise SettingError("over", text, f"{name}: {NEVER[name]}")
    problem, dot, key = name.partition(".")
    if name not in SWEPT and not (dot and problem in ROLES and (key in KEYS or key == "seed")):
        swept_names = (*SWEPT, *(f"{role}.{key}" for role in ROLES for key in KEYS))
        suggestion = suggest(name, swept_names)
        choices = f"use {', '.join(SWEPT)}, or source.KEY or target.KEY"
        advice = suggestion or OTHER_WORDS.get(name) or choices
        raise SettingError("over", text, f"{name or 'an empty name'} cannot be swept; {advice}")
    if not equals or not values:
        raise SettingError("over", text, EXAMPLE)
    n_values = values.count(",") + 1
    if n_values > MAX_STUDY_CELLS:
        raise SettingError("over", text, f"{n_values:,} values; use at most {MAX_STUDY_CELLS:,}")
    if ".." in values:
        axis_values = _range(text, values)
    else:
        axis_values = [_plain_number(value) for value in split_numbers("over", text, values)]
    if "" in axis_values:
        raise SettingError("over", text, f"a value is empty; {EXAMPLE}")
    if len(axis_values) < 2:
        role, dot, key = name.partition(".")
        one_value = f"{key}= in --{role}" if dot else f"--{name}"
        raise SettingError(
            "over", text, f"only one value is given; use two or more, or {one_value}"
        )
    numbers = [read_number(value) for value in axis_values]
    if None not in numbers:  # sorted, so that a verdict changes between neighbours
        axis_values = [value for _, value in sorted(zip(numbers, axis_values, strict=True))]
    try:
        return Axis(name, tuple(axis_values))
    except SettingError as error:
        raise SettingError(
            "over", text, f"{error.value} {error.problem.removeprefix('it ')}"
        ) from error


def changes_standalone(axis: str) -> bool:
    """Return whether an axis changes the standalone training by more than its training rows."""
    return axis in TRAINING_WORDS


def paths_of(axis: str) -> tuple[str, ...]:
    """Return the data keys that an axis sets, such as `source.train`; empty for other axes."""
    return DATA_KEYS.get(axis, (axis,) if "." in axis else ())


def _plain_number(text: str) -> str:
    """Return a number such as `1_000` in plain digits; other texts, and plain numbers, as is."""
    if read_number(text) is None:
        with suppress(SettingError):
            return repr(parse_number("over", text)).removesuffix(".0")
    return text


def _range(text: str, values: str) -> list[str]:
    match = RANGE.fullmatch(values)
    low, high, n = 0.0, 0.0, None
    with suppress(SettingError):
        if match is not None:
            n = None if match[3] is None else parse_number("over", match[3], int)
            low, high = (parse_number("over", match[i]) for i in (1, 2))
    if low >= high:
        raise SettingError("over", text, "use LOW..HIGH or LOW..HIGH/STEPS with LOW below HIGH")
    is_whole = low.is_integer() and high.is_integer()
    if n is None:
        if not is_whole:
            raise SettingError("over", text, "give the number of steps: LOW..HIGH/STEPS")
        if high - low >= MAX_STEPS:
            raise SettingError("over", text, f"use at most {MAX_STEPS:,} values")
        return [str(value) for value in range(int(low), int(high) + 1)]
    if not (2 <= n <= MAX_STEPS and low > 0.0):
        raise SettingError("over", text, f"use 2 to {MAX_STEPS:,} steps, LOW above 0; or a list")
    steps = [low * (high / low) ** (i / (n - 1)) for i in range(n)]
    return list(dict.fromkeys(f"{step:.0f}" if is_whole else f"{step:.3g}" for step in steps))
