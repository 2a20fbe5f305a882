"""Help pages: plain text as wide as the terminal.

The short page of a command, `--help`, lists the options of `SHORT_HELP` with the first sentence of
each text. The whole page, `--help-all`, lists all options with their whole texts, by panel.
"""

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import typer

DATA, TRANSFER, VERDICTS = "Data", "Source network and variants", "Repeats and verdicts"
QUESTIONS, NETWORK, FIGURE, RESULTS = "More questions", "Network and training", "Figure", "Results"
LONG_RUNS = "Long runs: stores, parts and clusters (steps: blobtransfer merge --help)"
BLOBS, GENERAL = "Short forms of blobs:KEY=VALUE", "Messages and help"
PANELS = (
    DATA, TRANSFER, VERDICTS, QUESTIONS, NETWORK, FIGURE, RESULTS, LONG_RUNS, BLOBS, GENERAL,
)  # fmt: skip
"""Panels of a whole page, in their order."""

_OUTPUT = ("--plot", "--no-plot", "--output", "--quiet", "--help-all")
_RUNS = ("--margin", "--epochs", "--train-seed", *_OUTPUT)
_TRAINING = ("--hidden", "--epochs", "--train-seed", *_OUTPUT)
SHORT_HELP = {
    "compare": (
        "--source", "--target", "--model", "--fixed", "--variant", "--repeats", "--until-decided",
        "--sources", *_RUNS,
    ),
    "sweep": (
        "--over", "--source", "--target", "--fixed", "--repeats", "--sources", *_RUNS,
    ),
    "pairs": ("--source", "--target", "--pairs", "--repeats", "--fixed", "--variant", *_RUNS),
    "grid": ("--problems", "--repeats", "--fixed", "--variant", "--budget", *_RUNS),
    "judge": ("--baseline", "--range", "--lower-is-better", "--resplit", "--margin", *_OUTPUT),
    "train-source": ("--task", "--seed", "--model", "--force", *_TRAINING),
    "train-target": (
        "--task", "--seed", "--model", "--fixed", "--variant", "--save", "--force", *_TRAINING,
    ),
    "plot-data": ("--task", "--seed", "--plot", "--style", "--show", "--quiet", "--help-all"),
    "show": (
        "--sources", "--only", "--margin", "--full", "--explain", "--command", "--format",
        *_OUTPUT,
    ),
    "merge": ("--store", "--mixed", "--quiet", "--help-all"),
}  # fmt: skip
"""Flags on the short page of each command, in their order."""

HIDDEN = {"--curves": ("pairs", "grid", "judge")}
"""Commands whose whole page leaves an option out, because they always reject it."""

CLAUSES = {
    "--curves": {"compare": "Requires --speed.", "sweep": "Requires --speed."},
    "--variant": dict.fromkeys(("compare", "sweep", "pairs", "grid"), "Repeatable."),
}
"""Sentences that the text of an option has on the whole page of some commands only."""

COMMANDS = {
    "Compare": ("compare", "sweep", "pairs", "grid", "judge"),
    "Single steps": ("train-source", "train-target", "plot-data"),
    "Saved results": ("show", "merge"),
}
"""Names of all commands, by panel of the program's page."""

VALUES = {
    "N": "A whole number. Several: 0 1 2, or 0,1,2.",
    "X": "A number, such as 0.01.",
    "SPEC": "Data: NAME-or-FILE[:KEY=VALUE,...], such as blobs:seed=1,std=2, moons:noise=0.2, "
    "digits:classes=0-4 or a.csv:label=y.",
    "VARIANT": "A variant: a word or KEY=VALUE, several joined by commas; see --variant.",
}
"""What the placeholders of values stand for."""

MAX_COLUMNS, MIN_COLUMNS = 100, 20
"""Largest and smallest width of a page."""

STACKED_COLUMNS = 60
"""Width below which a text stands below its option, not beside it."""

MAX_LEFT = 20
"""Widest column of options; the text of a longer option starts on the next line."""

Row = tuple[str, str]
"""An option or a command, and its text."""


def command_help(command: Any, context: Any, is_whole: bool) -> str:
    """Return the help page of a command.

    Args:
        command: The command.
        context: Its context.
        is_whole: Whether the page lists all options.
    """
    params = command.get_params(context)
    arguments = [param for param in params if param.param_type_name == "argument"]
    options = [param for param in params if param.param_type_name == "option"]
    order = {flag: i for i, flag in enumerate(SHORT_HELP.get(command.name, ()))}
    short = {order[flag]: option for option in options for flag in option.opts if flag in order}
    usage = ["blobtransfer", command.name, *(param.metavar for param in arguments), "[OPTIONS]"]
    summary, _, rest = _reflowed(command.help or "").partition("\n\n")
    sections: list[tuple[str, list[Row]]] = [
        ("Arguments", [(param.metavar, param.help) for param in arguments])
    ]
    if is_whole:
        options = [*(short[i] for i in sorted(short)), *options]
        panels: dict[str, dict[Any, Row]] = {panel: {} for panel in PANELS}
        for option in options:
            if any(command.name in HIDDEN.get(flag, ()) for flag in option.opts):
                continue
            panels[option.rich_help_panel or GENERAL][option] = _row(option, command.name)
        sections += [(panel, [*rows.values()]) for panel, rows in panels.items()]
        words = {word for option in options for word in re.findall(r"\w+", option.metavar or "")}
        sections.append(("Values", [row for row in VALUES.items() if row[0] in words]))
    else:
        rows = [_first_sentence(_row(short[i], command.name)) for i in sorted(short)]
        sections.append(("Options", rows))
    return _page(f"{summary}\n\nUsage: {' '.join(usage)}\n{rest}", sections)


def program_help(help: str, epilog: str, summaries: Mapping[str, str]) -> str:
    """Return the help page of the program.

    Args:
        help: Text above the commands.
        epilog: Text below the commands.
        summaries: One line on each command, by name.
    """
    sections = [
        (panel, [(name, summaries[name]) for name in names]) for panel, names in COMMANDS.items()
    ]
    return f"{_page(help, sections)}\n\n{_page(epilog, [])}"


def is_coloured() -> bool:
    """Return whether headings on standard output may be bold."""
    environment = os.environ
    if environment.get("NO_COLOR") or environment.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty() or bool(environment.get("FORCE_COLOR"))


def _row(option: Any, command: str) -> Row:
    """Return flags and placeholder of an option, and its text with the default."""
    flags = ", ".join(sorted(option.opts, key=len))
    left = flags if option.is_flag else f"{flags} {option.metavar}"
    default = option.default if option.show_default is True else option.show_default
    text = "Show the most used options." if "--help" in option.opts else str(option.help)
    for flag in option.opts:
        text = f"{text} {CLAUSES.get(flag, {}).get(command, '')}".rstrip()
    if option.required:
        text += " [required]"
    elif not option.is_flag and default is not None:
        word = f"{default:g}" if isinstance(default, float) else str(default)
        word, _, in_a_sweep = word.partition("; ")  # such as "both; fresh in a sweep"
        if in_a_sweep and command == "sweep":
            word = in_a_sweep.removesuffix(" in a sweep")
        text += f" [default: {word.replace('<command>', command)}]"
    return left, text


def _reflowed(text: str) -> str:
    """Return a text whose paragraphs are single lines; indented lines stay as they are."""
    return re.sub(r"(?<=[^:\n])\n(?=\S)", " ", text)


def _first_sentence(row: Row) -> Row:
    """Return a row with the first sentence of its text, and its default."""
    text, bracket, default = row[1].partition(" [")
    first = re.split(r"(?<=[.?]) ", text)[0]
    return row[0], f"{first}{bracket}{default}"


def _page(text: str, sections: Sequence[tuple[str, Sequence[Row]]]) -> str:
    """Return a text and sections of rows; rows of all sections are aligned."""
    columns = min(max(shutil.get_terminal_size().columns, MIN_COLUMNS), MAX_COLUMNS)
    widths = [len(left) for _, rows in sections for left, _ in rows]
    n_left = max((width for width in widths if width <= MAX_LEFT), default=0)
    lines = [
        line for paragraph in text.strip().split("\n") for line in _wrapped(paragraph, columns)
    ]
    for title, rows in sections:
        if rows:
            heading = _wrapped(f"{title}:", columns)
            lines += ["", *(typer.style(line, bold=True) for line in heading)]
            lines += [line for row in rows for line in _lines(row, n_left, columns)]
    return "\n".join(lines)


def _lines(row: Row, n_left: int, columns: int) -> Iterator[str]:
    """Yield the lines of a row."""
    left, text = row
    if columns < STACKED_COLUMNS:
        yield from _wrapped(f"  {left}", columns)
        yield from _wrapped(f"      {text}", columns)
        return
    indent = " " * (n_left + 4)
    if len(left) > n_left:
        yield f"  {left}"
        left = ""
    yield from _wrapped(f"  {left:<{n_left}}  {text}", columns, indent)


def _wrapped(line: str, columns: int, indent: str | None = None) -> list[str]:
    """Return the lines of one line; None: those that follow are indented as it is."""
    if indent is None:
        indent = line[: len(line) - len(line.lstrip())]
    default = rf"\[default: [^]]{{,{columns // 3}}}\]$"  # a short one is not divided
    line = re.sub(default, lambda match: match[0].replace(" ", "\0"), line)
    lines = textwrap.wrap(
        line, columns, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return [line.replace("\0", " ") for line in lines] or [""]
