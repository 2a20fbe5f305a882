"""Declare and parse options beyond what Typer does.

`grouped` lets commands share whole groups of options, written as dataclasses.
`Command` parses options with several values, written in any of four ways, and reports an error in
one line. Every option has an environment variable and its own message for a bad value.
"""

import inspect
import mmap
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand
from typer.models import OptionInfo

from blobtransfer.api.keywords import DESCRIPTIONS
from blobtransfer.cli.failures import FROM_ENVIRONMENT, TYPED, envvar_of, report, reportable_error
from blobtransfer.cli.help import command_help, is_coloured
from blobtransfer.cli.interrupts import INTERRUPTED
from blobtransfer.cli.unknown import NOTHING, unexpected_argument
from blobtransfer.did_you_mean import suggest
from blobtransfer.errors import InputError, MachineError, SettingError
from blobtransfer.specs.checks import is_split_number, parse_number

KEYWORD_ONLY = inspect.Parameter.KEYWORD_ONLY

HELP_ALL = "--help-all"
SHOWS_ALL = "blobtransfer.shows_all"
"""Key of a context's `meta`: whether the help page shows every option."""

LIBRARY_BYTES = 160 << 20
"""Smallest free memory that the libraries of any command need."""

NUMBERS, PAIR, WORDS, SPECS = "N ...", "S T", "NAME ...", "SPEC ..."
RANGE, ROWS = "LOW HIGH", "TRAIN TEST"
"""Metavars of options with several values, by which `Command` recognises them."""

OF_TWO = (RANGE, ROWS)
"""Metavars of options that take two values, after which an argument may stand."""


def option(help: str = "", *, panel: str | None = None, flags: str = "", **settings: Any) -> Any:
    """Declare an option; its flag, metavar and parser follow from the name and type of the field.

    Args:
        help: Help text, one line; empty: that of the keyword of the same name in Python, with
            what its default None means.
        panel: Panel of the page of all options; None: the `panel` of its group.
        flags: A short flag, or a long flag that differs from the name.
        settings: Further arguments of `typer.Option`.
    """
    return OptionInfo(
        default=..., param_decls=flags.split(), help=help, rich_help_panel=panel, **settings
    )


def choice(help: str, choices: Sequence[str], **settings: Any) -> Any:
    """Declare an option whose value is one of some words."""

    def read(text: str) -> str:
        if text not in choices:
            raise choice_error(text, choices)
        return text

    settings.setdefault("metavar", "|".join(choices))
    return option(help, parser=read, autocompletion=lambda: list(choices), **settings)


def choice_error(text: str, choices: Sequence[str]) -> typer.BadParameter:
    """Return the error for a word that is not among the choices; it suggests a similar one."""
    question = suggest(text, choices)
    return typer.BadParameter(
        f"{text or NOTHING}: {question + ' ' if question else ''}use one of {', '.join(choices)}"
    )


def _check_memory() -> None:
    """Raise `MachineError` if memory is so short that OpenBLAS would retry forever."""
    try:
        mmap.mmap(-1, LIBRARY_BYTES).close()
    except OSError as error:
        problem = f"the libraries need {LIBRARY_BYTES >> 20} MB of memory, and less is free"
        raise MachineError(f"{problem}; free some, or raise the limit (ulimit -v)") from error


def print_all_options(context: typer.Context, is_requested: bool) -> None:
    """Print the help page with all options of a command, and end it.

    Raises:
        Exit: The page was printed.
    """
    if is_requested and not context.resilient_parsing:
        context.meta[SHOWS_ALL] = True
        typer.echo(context.get_help(), color=context.color)
        raise typer.Exit()


FIRST_WORDS = {"grid": "--problems"}
"""Options whose values may be the first words of a command, without the flag."""

SAME_OPTIONS = {"--freeze": "--fixed"}
"""Other names of options."""


class Command(TyperCommand):
    """A command whose options with several values take `0 1 2`, `0,1,2` or one at a time."""

    allow_extra_args = True  # they are rejected with advice

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help page: the short page, or all options with --help-all."""
        ctx.color = is_coloured()
        formatter.write(command_help(self, ctx, SHOWS_ALL in ctx.meta))

    def invoke(self, ctx: Any) -> Any:
        """Run the command; an error becomes one line and an exit code.

        Raises:
            Exit: The command ended with an error or by Ctrl-C.
        """
        try:
            _check_memory()
            return super().invoke(ctx)
        except Exception as error:
            reportable = reportable_error(error)
            if reportable is None:
                raise
            raise typer.Exit(report(reportable, ctx)) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(getattr(error, "exit_code", INTERRUPTED)) from error

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Rewrite runs of values into repeated options, then parse as Typer does.

        Raises:
            InputError: There are arguments that the command does not take.
        """
        if HELP_ALL in args or args[-2:] in (["--help", "all"], ["-h", "all"]):
            args = [HELP_ALL]
        elif "--help" in args or "-h" in args:  # even beside options that do not exist
            args = ["--help"]
        if args and not args[0].startswith("-") and self.name in FIRST_WORDS:
            args = [FIRST_WORDS[self.name], *args]
        metavars = {
            flag: param.metavar
            for param in self.params
            if getattr(param, "metavar", None) in (NUMBERS, PAIR, WORDS, SPECS, *OF_TWO)
            for flag in param.opts
        }
        # Whether commas do not split the value of a flag.
        flags = {flag: metavar == SPECS for flag, metavar in metavars.items()}
        rewritten = []
        rest = list(args)
        while rest:
            flag, equals, value = rest.pop(0).partition("=")
            flag = SAME_OPTIONS.get(flag, flag)
            if flag not in flags:
                is_short = re.fullmatch("-[a-z]", flag)  # `-o=FILE` is `-o FILE`
                rewritten += [flag, value] if equals and is_short else [flag + equals + value]
                continue
            values = [value] if equals else []
            is_of_two = metavars[flag] in OF_TWO
            while not equals and rest and re.match(r"[^-]|-\d", rest[0]):
                if is_of_two and _is_complete(values, rest[0]):
                    break
                values.append(rest.pop(0))
            # with two words a comma belongs to a number, such as 1,000
            are_whole = flags[flag] or (metavars[flag] in (PAIR, *OF_TWO) and len(values) > 1)
            rewritten += _repeated(flag, values, are_whole) if equals or values else [flag]
        for flag in flags:
            from_environment = os.environ.get(envvar_of(flag))
            if from_environment and not any(arg.startswith(flag + "=") for arg in rewritten):
                rewritten += _repeated(flag, from_environment.split(), flags[flag])
                ctx.meta.setdefault(FROM_ENVIRONMENT, set()).add(flag)
        ctx.meta[TYPED] = _typed_values(rewritten)
        try:
            words = super().parse_args(ctx, [*rewritten])
        except typer.TyperException as error:
            if getattr(error, "ctx", None) is None:  # as for an option without its value
                cast(Any, error).ctx = ctx
            raise
        if words and not ctx.resilient_parsing:
            raise InputError(unexpected_argument(words, rewritten, self))
        return words


def grouped(function: Callable[..., None]) -> Callable[..., None]:
    """Turn the option groups among a command's parameters into single options.

    Args:
        function: A command; parameters whose type is a dataclass are groups, which may hold
            groups. A parameter `argv` gets the words of the command line.

    Returns:
        A command in which every field is a separate option.
    """
    hints = get_type_hints(function, include_extras=True)
    parameters = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name == "argv":
            parameters.append(inspect.Parameter(name, KEYWORD_ONLY, annotation=typer.Context))
        elif is_dataclass(hints[name]):
            parameters += _options_of(hints[name])
        else:
            _complete(name, hints[name])
            parameters.append(parameter.replace(kind=KEYWORD_ONLY))

    @wraps(function)
    def command(**values: Any) -> None:
        if "argv" in values:
            values["argv"] = values["argv"].obj
        for name, hint in hints.items():
            if is_dataclass(hint):
                values[name] = _group_of(hint, values)
        function(**values)

    signature = inspect.Signature(parameters)
    cast(Any, command).__signature__ = signature
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def _options_of(group: Any) -> list[inspect.Parameter]:
    """Return the options of a group and of the groups in it, as parameters."""
    hints = get_type_hints(group, include_extras=True)
    parameters = []
    for field in fields(group):
        name, hint = field.name, hints[field.name]
        if is_dataclass(hint):
            parameters += _options_of(hint)
            continue
        _complete(name, hint, group.panel)
        default = inspect.Parameter.empty if field.default is MISSING else field.default
        parameters.append(inspect.Parameter(name, KEYWORD_ONLY, default=default, annotation=hint))
    return parameters


def _complete(name: str, hint: Any, panel: str | None = None) -> None:
    """Complete an option from the name, type and group of its field.

    Args:
        name: Name of the field.
        hint: `Annotated` type of the field, with the option.
        panel: Panel of the group.
    """
    value_type, declared = get_args(hint)[:2]
    if not isinstance(declared, OptionInfo) or declared.is_eager:
        return
    flags = declared.param_decls or ()
    if not any(flag.startswith("--") for flag in flags):
        flags = (f"--{name.replace('_', '-')}", *flags)
    while get_origin(value_type) not in (None, Literal):  # `list[int] | None` -> `int`
        value_type = get_args(value_type)[0]
    made = option("") if get_origin(value_type) is None else choice("", get_args(value_type))
    metavar, parser = TYPES.get(value_type, (made.metavar, made.parser))
    description = DESCRIPTIONS.get(flags[0][2:].replace("-", "_"))
    if description is not None and not declared.help:
        declared.help = description.text
        if declared.show_default is True and description.default:
            declared.show_default = description.default
    declared.param_decls, declared.envvar, declared.show_envvar = flags, envvar_of(flags[0]), False
    declared.rich_help_panel = declared.rich_help_panel or panel
    declared.metavar = metavar if declared.metavar is None else declared.metavar
    declared.parser = declared.parser or parser
    declared.autocompletion = declared.autocompletion or made.autocompletion


def _group_of(group: Any, values: dict[str, Any]) -> Any:
    """Build a group from the values of its options, which are removed from `values`."""
    hints = get_type_hints(group)
    return group(
        **{
            field.name: _group_of(hints[field.name], values)
            if is_dataclass(hints[field.name])
            else values.pop(field.name)
            for field in fields(group)
        }
    )


def _is_complete(values: Sequence[str], following: str) -> bool:
    """Return whether an option of two numbers has them, so that an argument follows."""
    is_number = re.fullmatch(r"[-+]?[\d.,_]*\d[\d.,_]*(e[-+]?\d+)?", following) is not None
    return len(values) > 1 or (len(_repeated("", values, False)) > 1 and not is_number)


def _typed_values(args: Sequence[str]) -> dict[str, list[str]]:
    """Return the values of each flag of a command line, as they were typed."""
    values: dict[str, list[str]] = {}
    for arg, following in zip(args, [*args[1:], ""], strict=False):
        flag, equals, value = arg.partition("=")
        if flag.startswith("--"):
            values.setdefault(flag, []).append(value if equals else following)
    return values


def _repeated(flag: str, values: Sequence[str], are_whole: bool) -> list[str]:
    """Return `--flag=0 --flag=1` for `0,1`; an empty value is kept, to be rejected later.

    A data specification, which may contain commas, is not split, nor is a number such as `1,000`.
    """
    if are_whole:
        return [f"{flag}={value}" for value in values]
    words: list[str] = []
    for value in values:
        parts = re.split(r"[,\s]+", value.strip(", "))
        words += [value] if is_split_number(parts) else parts
    return [f"{flag}={word}" for word in words]


def _number_parser(
    kind: type[int] | type[float], *, is_share: bool = False
) -> Callable[[object], Any]:
    def parse(text: object) -> Any:
        try:
            return parse_number("", str(text), kind, is_share=is_share)
        except SettingError as error:
            raise typer.BadParameter(f"{text or NOTHING}: {error.problem}") from error

    return parse


parse_share = _number_parser(float, is_share=True)
"""Parser of an option whose value is a share, such as `0.05` or `5%`."""

TYPES: dict[Any, tuple[str, Callable[[Any], Any] | None]] = {
    int: ("N", _number_parser(int)),
    float: ("X", _number_parser(float)),
    Path: ("FILE", None),
}
"""Metavar and parser of an option by the type of its value."""
