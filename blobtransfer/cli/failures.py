"""Report an error as one line on standard error and an exit code.

The line names an option as the user gave it: by its flag, or by its environment variable.
"""

import os
import re
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer

from blobtransfer.cli.streams import print_stderr
from blobtransfer.cli.unknown import NOTHING, command_advice, option_advice, written_option
from blobtransfer.errors import BlobTransferError, MachineError, SettingError, SourceFileError
from blobtransfer.specs.checks import parse_number
from blobtransfer.specs.variant import parse_variant

ENV_PREFIX = "BLOBTRANSFER_"

FROM_ENVIRONMENT = "blobtransfer.from_environment"
"""Key of a context's `meta`: flags whose numbers were taken from the environment."""

MAX_LINE = 2000
"""Longest error message; a longer one is shortened in the middle."""

REPORTED = (BlobTransferError, MemoryError, OSError, ImportError)
"""Errors that are reported in one line; all others are bugs and print a traceback."""

TYPED = "blobtransfer.typed"
"""Key of a context's `meta`: the values of each flag as they were typed."""

PACKAGE = Path(__file__).parents[1]
"""Folder of our own modules."""


def envvar_of(flag: str) -> str:
    """Return the environment variable that sets an option's default."""
    return ENV_PREFIX + flag.removeprefix("--").replace("-", "_").upper()


def reportable_error(error: Exception) -> Exception | None:
    """Return the error that is reported in one line; None for a bug, which prints a traceback.

    Any error during the import of a library becomes an `ImportError`: some libraries raise other
    errors if they cannot parse an environment variable.
    """
    if isinstance(error, REPORTED):
        return error
    frames = traceback.extract_tb(error.__traceback__)
    library_frames = [frame for frame in frames if PACKAGE not in Path(frame.filename).parents]
    is_raised_by_library = library_frames[-1:] == frames[-1:]
    if not is_raised_by_library or all(frame.name != "<module>" for frame in library_frames):
        return None
    import_error = ImportError(f"{type(error).__name__}: {error}")
    import_error.__cause__ = error
    return import_error


def report(error: BaseException, context: Any = None) -> int:
    """Print an error as one line, after its traceback with --debug.

    Args:
        error: An error of `REPORTED`, or of Typer.
        context: Context of the command that was running, if any.

    Returns:
        The exit code.
    """
    if context is not None and context.params.get("debug"):
        for line in "".join(traceback.format_exception(error)).rstrip("\n").split("\n"):
            print_stderr(line)
    line = _line(error, context)
    if len(line) > MAX_LINE:
        line = f"{line[: MAX_LINE // 2]} ... {line[-MAX_LINE // 2 :]}"
    print_stderr(f"error: {line}")
    return int(getattr(error, "exit_code", MachineError.exit_code))


def _line(error: BaseException, context: Any) -> str:
    match error:
        case SettingError():
            flag = f"--{error.setting}"
            value = _as_typed(context, flag, error.value)
            return f"{_name_of(context, flag)} {value}".strip() + f": {error.problem}"
        case SourceFileError():
            return f"{_name_of(context, '--model')} {error}"
        case MemoryError():
            return "out of memory; use fewer rows, smaller layers or fewer repeats"
        case ImportError():
            return (
                f"a library cannot be loaded ({error}); free some memory, check your environment "
                "variables, or install blobtransfer again"
            )
        case OSError():  # such as standard output on a full disk while Typer shows help
            return f"{error.strerror or error}; free what is missing and try again"
        case typer.TyperException():
            return _usage_line(error)
        case _:
            return str(error)


def _usage_line(error: typer.TyperException) -> str:
    """Return the message for a usage error of Typer, in the wording of this program."""
    param: Any = getattr(error, "param", None)
    context: Any = getattr(error, "ctx", None)
    if isinstance(error, typer.BadParameter) and param is not None:
        flag = max(param.opts, key=len)
        if getattr(param, "is_flag", False):  # a flag takes no value on the command line
            return f"{envvar_of(flag)} {os.environ.get(envvar_of(flag), '')}: use 1 or 0"
        if error.message:
            line = f"{_name_of(context, flag)} {error.message}"
            return line.replace(" Value error,", ":")  # of a choice of Typer
        return f"{context.command.name}: {_written(param)} is missing; {_example_of(context)}"
    option = getattr(error, "option_name", None)
    if option is not None and context is not None:
        params = {flag: param for param in context.command.params for flag in param.opts}
        if option not in params:
            option = written_option(option, context.obj or ())
            return f"{option}: {option_advice(option, context)}"
        if params[option].is_flag:
            return f"{option}: it takes no value; leave the value out"
        return f"{option}: its value is missing; use {option} {params[option].metavar}"
    match = re.search(r"No such command '(.*)'", error.format_message())
    if match:
        word = match[1] or NOTHING
        advice = command_advice(word, context.command.list_commands(context))
        return f"{word}: not a command; {advice}"
    message = error.format_message().rstrip(".")
    return f"{message[:1].lower()}{message[1:]}; see blobtransfer --help"


def _written(param: Any) -> str:
    """Return an option or argument with the placeholder of its value."""
    is_option = param.param_type_name == "option"
    return f"{max(param.opts, key=len)} {param.metavar}" if is_option else str(param.metavar)


def _example_of(context: Any) -> str:
    """Return the first example of a command's help page."""
    command = f"blobtransfer {context.command.name} "
    lines = [line.strip() for line in (context.command.help or "").splitlines()]
    examples = [line for line in lines if line.startswith(command)]
    return f"for example: {examples[0]}" if examples else f"see {command}--help"


def _as_typed(context: Any, flag: str, value: str) -> str:
    """Return the value of an error as it was typed, such as `5%` for 0.05, if it was a number."""
    if context is None:
        return value
    environment = os.environ.get(envvar_of(flag), "").split()
    texts = context.meta.get(TYPED, {}).get(flag) or environment
    with suppress(SettingError, ValueError):
        values = [float(word) for word in value.split()]
        numbers = [parse_number("", text, is_share=True) for text in texts]
        if values == numbers:
            return " ".join(texts)
        if len(values) == 1:
            return str(texts[numbers.index(values[0])])
    for text in texts if flag in ("--variant", "--against") else ():
        with suppress(SettingError):
            if str(parse_variant(text)) == value:
                return str(text)
    return value


def _name_of(context: Any, flag: str) -> str:
    """Return the flag of an option, or its environment variable if that set the value."""
    if context is None:
        return flag
    if flag in context.meta.get(FROM_ENVIRONMENT, ()):
        return envvar_of(flag)
    for param in context.command.params:
        if flag in param.opts:
            source = context.get_parameter_source(param.name)
            return envvar_of(flag) if getattr(source, "name", "") == "ENVIRONMENT" else flag
    return flag
