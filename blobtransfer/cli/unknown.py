"""Advice on words that a command does not expect: options, arguments and names of commands."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from blobtransfer.did_you_mean import ALIASES, closest_words, suggest
from blobtransfer.specs.data import GENERATED
from blobtransfer.specs.table import BUILT_IN

DATA_OPTIONS = {"--source": "--source SPEC and --target SPEC", "--task": "--task SPEC",
                "--problems": "--problems SPEC ..."}  # fmt: skip
"""Options that take data, and how they are written."""

DATA_WORDS = (
    "source target task problem problems data dataset data-set input file csv table".split()
)
"""Names of options that take data, here or in other programs."""

HINTS = {
    "train-seed": (
        "seed",
        "use --train-seed for weights and batch order; the seed of data is part of the data, such "
        "as blobs:seed=1",
    ),
    "format": ("json csv", "use --format {0}, or -o FILE.{0}"),
    "output": ("markdown md", "use -o FILE.md"),
    "explain": ("html", "use -o FILE.html"),
    "summary": ("tex latex", "use --summary FILE.tex"),
    "epochs": (
        "dropout batch-norm batchnorm batch-normalization",
        "networks have dense layers only; leave it out",
    ),
    "engine": ("gpu gpus device cuda", "networks are trained on the processor; leave it out"),
    "repeats": (
        "jobs n-jobs j threads n-threads workers num-workers",
        "all processors are used; leave it out",
    ),
    "margin": ("alpha level confidence ci", "the level of intervals is 95 %; leave it out"),
    "version": ("V", "use --version"),
}
"""Advice on options of other programs, for commands that have the option of the key."""

COMMAND_OF_FILE = {
    "show": ((".json", ".db"), "to show saved results: blobtransfer show {}"),
    "judge": ((".csv", ".tsv"), "to compare scores: blobtransfer judge {}"),
}
"""Suffixes of files that a command reads, and how it is called."""

NOTHING = "''"
"""Representation of an empty word."""

DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
"""Dashes that text editors and web pages write in place of hyphens."""


def option_advice(option: str, context: Any) -> str:
    """Return what to do about an unknown option.

    Args:
        option: The option as it was written.
        context: Context of the command.
    """
    command, program = context.command, context.find_root().command
    if program is command:
        advice = f"options follow the command, as in: blobtransfer compare {option}"
        return f"not an option of blobtransfer; {suggest(option, _flags_of(command)) or advice}"
    name, flags = command.name, _flags_of(command)
    stem = option.strip("-").replace("_", "-")
    data = next((text for flag, text in DATA_OPTIONS.items() if flag in flags), "")
    hints = [
        advice for flag, (words, advice) in HINTS.items()
        if stem in words.split() and f"--{flag}" in flags
    ]  # fmt: skip
    if hints:
        return f"not an option of {name}; {hints[0].format(stem)}"
    if stem in DATA_WORDS and data:
        return f"not an option of {name}; its data are given by {data}"
    if (name, stem) == ("train-source", "save"):
        return f"not an option of {name}; the trained network is saved to --model FILE"
    ours = f"--{ALIASES.get(stem, stem)}"
    commands = [program.get_command(context, name) for name in program.list_commands(context)]
    owners = [owner.name for owner in commands if ours in _flags_of(owner)]
    if owners and ours not in flags:
        last = owners.pop()
        listed = f"{', '.join(owners)} and {last}" if owners else last
        subject = "it" if ours == option else ours
        return f"not an option of {name}; {subject} belongs to {listed}; see {_help_of(name)}"
    return f"not an option of {name}; {suggest(option, flags) or 'see ' + _help_of(name)}"


def written_option(option: str, words: Sequence[str]) -> str:
    """Return an unknown option as it was written: `-lr` where a parser reads `-l`.

    Args:
        option: The option that the parser read.
        words: Words of the command line.
    """
    if len(option) > 2:
        return option
    long = (word.partition("=")[0] for word in words if re.match(r"-[a-zA-Z]{2}", word))
    return next((word for word in long if option[1:] in word[1:]), option)


def command_advice(word: str, commands: Sequence[str]) -> str:
    """Return what to do about the name of a command that does not exist.

    Args:
        word: The word in the place of a command.
        commands: Names of the commands.
    """
    advice = _file_advice(word) or suggest(word, commands)
    if not advice and is_data(word):
        advice = f"name a command first, as in: blobtransfer compare --source {word}"
    return advice or "see blobtransfer --help"


def unexpected_argument(words: Sequence[str], line: Sequence[str], command: Any) -> str:
    """Return the message for arguments that a command does not take.

    Args:
        words: The arguments.
        line: Words of the command line, after the command.
        command: The command.
    """
    word, option = words[0], _option_before(words[0], line, command)
    if option is None:
        return f"{word or NOTHING}: not an argument of {command.name}; {_advice(word, command)}"
    flag = max(option.opts, key=len)
    if option.multiple:
        return f"{word}: {flag} takes one value at a time; write {flag} {word}"
    advice = f"leave out {' '.join(words)}"
    if command.name == "train-target":
        advice += ", or use blobtransfer compare"
    return f"{flag}: {command.name} takes one value; {advice}"


def _advice(word: str, command: Any) -> str:
    """Return what to do about an argument that a command does not take."""
    flags = _flags_of(command)
    name, equals, value = word.partition("=")
    stem = name.lstrip(DASHES)
    matches = closest_words(f"--{stem}", flags) if equals or stem != name else []
    if f"--{name}" in flags or matches:
        flag = f"--{name}" if f"--{name}" in flags else matches[0]
        return f"options start with --; write {flag} {value}".rstrip()
    if Path(word).suffix.lower() in (".keras", ".h5") and "--model" in flags:
        return f"a saved network is given by --model {word}"
    advice = _file_advice(word, command.name)
    data = next((flag for flag in DATA_OPTIONS if flag in flags), "")
    if data and (is_data(word) or word.lower().endswith(COMMAND_OF_FILE["judge"][0])):
        label = "" if is_data(word) else ":label=COLUMN"
        return f"data are given by {data} {word}{label}{'; ' if advice else ''}{advice}"
    return advice or f"see {_help_of(command.name)}"


def is_data(word: str) -> bool:
    """Return whether a word is a data specification: a name, or a file with keys."""
    name, colon, _ = word.partition(":")
    return name in (*GENERATED, *BUILT_IN) or bool(colon and Path(name).suffix)


def _option_before(word: str, line: Sequence[str], command: Any) -> Any:
    """Return the option of one value, to whose values a user adds a word; None if there is none."""
    n_before = 0
    for arg in reversed(line[: line.index(word)]):
        n_before += 1
        if arg.startswith("-") and not re.match(r"-[\d.]", arg):
            options = {flag: option for option in command.params for flag in option.opts}
            option = options.get(arg.partition("=")[0])
            takes_values = option is not None and not option.is_flag
            return option if takes_values and ("=" in arg or n_before > 1) else None
    return None


def _file_advice(word: str, command: str = "") -> str:
    """Return how a file is read by its suffix; empty if that is unknown."""
    for name, (suffixes, advice) in COMMAND_OF_FILE.items():
        if word.lower().endswith(suffixes):
            return f"{name} takes one file" if name == command else advice.format(word)
    return ""


def _flags_of(command: Any) -> list[str]:
    """Return the long flags of a command."""
    return [flag for param in command.params for flag in param.opts if flag.startswith("--")]


def _help_of(command: str) -> str:
    return f"blobtransfer {command} --help-all"
