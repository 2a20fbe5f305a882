"""The program: its commands and exit codes.

A command first checks all that can be checked without heavy imports, so that bad input is
rejected at once and nothing is written. Results go to standard output, all else to standard
error.
"""

import os
import shutil
import sys
from collections.abc import Sequence

import typer

from blobtransfer.cli.compare import compare
from blobtransfer.cli.failures import ENV_PREFIX, envvar_of, report, reportable_error
from blobtransfer.cli.grid import grid
from blobtransfer.cli.judge import judge
from blobtransfer.cli.merge import merge
from blobtransfer.cli.output import Version
from blobtransfer.cli.pairs import pairs
from blobtransfer.cli.parsing import Command, grouped
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

HELP_COLUMNS = 72
"""Smallest width of help; at a smaller width option names would be cut."""

app = typer.Typer(
    name="blobtransfer",
    help="Does starting from a network trained on a related problem help a small neural network, "
    "or was it luck?",
    epilog="Every option has an environment variable that sets its default: --learning-rate is "
    "BLOBTRANSFER_LEARNING_RATE.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


COMMANDS = (
    plot_data, train_source, train_target, show, merge, compare, sweep, pairs, grid, judge,
)  # fmt: skip

for function in COMMANDS:
    app.command(function.__name__.replace("_", "-"), cls=Command)(grouped(function))


@app.callback()
def _root(version: Version = False) -> None:
    """Compare learning a problem from scratch with starting from a trained network."""


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
    """Set the environment variables that Typer reads: the width of help, and no terminal."""
    if shutil.get_terminal_size().columns < HELP_COLUMNS:
        os.environ.setdefault("TERMINAL_WIDTH", str(HELP_COLUMNS))
    for name in ("GITHUB_ACTIONS", "PY_COLORS"):  # Typer treats these as a terminal
        os.environ.pop(name, None)
    if len(argv) == 2 and argv[0] in ("--show-completion", "--install-completion"):
        # Without this, Typer ignores a shell name and detects the parent shell.
        os.environ["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"


def _warn_of_unknown_variables() -> None:
    """Warn of environment variables with our prefix that belong to no option."""
    prefixed = [name for name in os.environ if name.startswith(ENV_PREFIX)]
    if not prefixed:
        return
    commands = vars(typer.main.get_command(app))["commands"].values()
    flags = {flag for command in commands for param in command.params for flag in param.opts}
    variables = {envvar_of(flag) for flag in flags if flag.startswith("--")}
    for name in sorted(set(prefixed) - variables):
        question = suggest(name, variables)
        advice = f"; {question}" if question else ""
        print_stderr(f"warning: {name} is not an option's variable{advice}")
