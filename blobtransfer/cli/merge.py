"""`merge`: join stores that hold parts of one command's repeats."""

import os
from pathlib import Path
from typing import Annotated

import typer

from blobtransfer.api.loading import STORE_SUFFIXES
from blobtransfer.cli.help import LONG_RUNS
from blobtransfer.cli.interrupts import defer_signals
from blobtransfer.cli.options import Mixed
from blobtransfer.cli.output import MessageOptions, check_file
from blobtransfer.cli.parsing import option
from blobtransfer.errors import SettingError


def merge(
    parts: Annotated[
        list[Path], typer.Argument(metavar="PART.db ...", help="Stores of the same command.")
    ],
    *,
    store: Annotated[
        Path,
        option("Store to merge them into (.db). Results in it are not replaced.", panel=LONG_RUNS),
    ],
    mixed: Mixed = False,
    messages: MessageOptions,
) -> None:
    """Merge stores that hold parts of the repeats of a command.

    Compute the parts on any machines, merge them, and show the result:
      blobtransfer compare --repeats 1000 --store 1.db --only-repeats 0..499
      blobtransfer compare --repeats 1000 --store 2.db --only-repeats 500..999
      blobtransfer merge 1.db 2.db --store all.db
      blobtransfer show all.db

    compare, sweep, pairs and grid store their results with --store FILE.db: the same command
    resumes where it stopped, and more --repeats add to the results. --only-repeats computes one
    part, such as one job of a job array. --scheduler ADDRESS lets a running Dask cluster divide
    the work; then no merge is needed.
    """
    check_file("store", store, STORE_SUFFIXES)
    for part in parts:
        if os.path.realpath(part) == os.path.realpath(store):
            raise SettingError(
                "store", store, f"the same file as the part {part}; use another name"
            )

    from blobtransfer.results.store.store import Store

    for part in parts:  # all are checked before a new store is created
        with Store.open(part, writes=False) as other:
            other.commands()
    with defer_signals() as pending, Store.open(store, writes=True) as merged:
        for part in parts:
            with Store.open(part, writes=False) as other:
                n_new = merged.merge_from(other, mixed, pending.check)
            messages.log(f"{part}: {n_new:,} repeats are new")
        for command in merged.commands():
            messages.log(f"{store} has {merged.count_repeats(command.study)}")
