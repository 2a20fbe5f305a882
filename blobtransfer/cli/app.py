"""The program: its commands and exit codes.

A command first checks all that can be checked without heavy imports, so that bad input is
rejected at once and nothing is written. Results go to standard output, all else to standard
error.
"""

import os
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import typer
from typer.core import TyperGroup

from blobtransfer.cli.compare import compare
from blobtransfer.cli.failures import ENV_PREFIX, envvar_of, report, reportable_error
from blobtransfer.cli.grid import grid
from blobtransfer.cli.help import is_coloured, program_help
from blobtransfer.cli.judge import judge
from blobtransfer.cli.merge import merge
from blobtransfer.cli.output import Version
from blobtransfer.cli.pairs import pairs
from blobtransfer.cli.parsing import HELP_ALL, Command, grouped
from blobtransfer.cli.plot_data import plot_data
from blobtransfer.cli.show import show
from blobtransfer.cli.streams import (
    ReaderGone,
    discard,
    prepare_streams,
    print_stderr,
    write_stdout,
)
from blobtransfer.cli.sweep import sweep
from blobtransfer.cli.train import train_source, train_target
from blobtransfer.did_you_mean import suggest
from blobtransfer.errors import InputError

COMPLETE = "_BLOBTRANSFER_COMPLETE"
"""Environment variable that a shell sets to ask for completion."""

COMMANDS: dict[str, Callable[..., None]] = {
    function.__name__.replace("_", "-"): function
    for function in (
        compare, sweep, pairs, grid, judge, train_source, train_target, plot_data, show, merge,
    )
}  # fmt: skip
"""Functions of the commands by name."""


class Program(TyperGroup):
    """All commands; a command is built when it is needed."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command; None if there is none of this name."""
        return build_command(cmd_name) if cmd_name in COMMANDS else None

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help page of the program."""
        ctx.color = is_coloured()
        summaries = {name: (COMMANDS[name].__doc__ or "").split("\n")[0] for name in COMMANDS}
        formatter.write(program_help(self.help or "", self.epilog or "", summaries))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the options before the command; `help COMMAND` is `COMMAND --help`.

        Raises:
            Exit: The command line is empty; the help page was printed.
        """
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help(), color=ctx.color)
            raise typer.Exit(2)
        if args[:1] in (["help"], [HELP_ALL]):
            args = [*args[1:], "--help"]
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="blobtransfer",
    cls=Program,
    help="Does transfer learning help a small neural network, or is the difference chance?\n"
    "Try: blobtransfer compare --repeats 30",
    epilog="Options of a command: blobtransfer COMMAND --help; version: --version.\n"
    "Defaults from the environment: BLOBTRANSFER_EPOCHS=20 stands for --epochs 20.\n"
    "Completion in this shell: blobtransfer --install-completion.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _root(version: Version = False) -> None:
    """Compare training from scratch with starting from a trained network."""


@cache
def build_command(name: str) -> Any:
    """Return a command with its options.

    Args:
        name: Name of the command.
    """
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name, cls=Command)(grouped(COMMANDS[name]))
    return typer.main.get_command(alone)


def main() -> int:
    """Run the program on the command line of the process.

    Returns:
        The exit code: 0 done, 1 the environment failed, 2 the input is wrong, 3 some runs
        failed, 130 interrupted, 143 terminated, 129 hung up.
    """
    prepare_streams()
    argv = tuple(sys.argv[1:])
    _configure_typer(argv)
    _warn_of_unknown_variables()
    try:
        status = app(argv, prog_name="blobtransfer", standalone_mode=False, obj=argv)
        write_stdout([])
        return status if isinstance(status, int) else 0
    except typer.TyperException as error:
        if not error.format_message():  # the help page was requested and printed
            return error.exit_code
        return report(error)
    except (ReaderGone, SystemExit):  # Typer raises SystemExit if nobody reads its help
        discard(sys.stdout)
        return 0
    except Exception as error:
        if COMPLETE in os.environ:  # Typer reads other variables of the shell without checks
            name = f"{COMPLETE}={os.environ[COMPLETE]}"
            return report(InputError(f"{name}: only shell completion sets this; unset it"))
        reportable = reportable_error(error)
        if reportable is None:
            raise
        if isinstance(error, OSError):
            discard(sys.stdout)
        return report(reportable)


def _configure_typer(argv: Sequence[str]) -> None:
    """Set the environment variable by which Typer accepts the name of a shell."""
    if len(argv) == 2 and argv[0] in ("--show-completion", "--install-completion"):
        # Without this, Typer ignores a shell name and detects the parent shell.
        os.environ["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"


def _warn_of_unknown_variables() -> None:
    """Warn of environment variables with our prefix that belong to no option."""
    prefixed = [name for name in os.environ if name.startswith(ENV_PREFIX)]
    if not prefixed:
        return
    commands = map(build_command, COMMANDS)
    flags = {flag for command in commands for param in command.params for flag in param.opts}
    variables = {envvar_of(flag) for flag in flags if flag.startswith("--")}
    for name in sorted(set(prefixed) - variables):
        question = suggest(name, variables)
        advice = f"; {question}" if question else ""
        print_stderr(f"warning: {name} does not belong to any option{advice}")
