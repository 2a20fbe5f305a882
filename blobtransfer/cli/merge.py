"""`merge`: join stores that hold parts of one command's repeats."""

import os
from pathlib import Path
from typing import Annotated

import typer

from blobtransfer.cli.interrupts import defer_signals
from blobtransfer.cli.options import Mixed
from blobtransfer.cli.output import STORE_SUFFIXES, MessageOptions, check_file
from blobtransfer.cli.parsing import RESULTS, option
from blobtransfer.errors import SettingError


def merge(
    parts: Annotated[
        list[Path],
        typer.Argument(metavar="PART.db [PART.db ...]", help="What commands kept with --store."),
    ],
    *,
    store: Annotated[
        Path, option("Where the parts go (.db); what it keeps already stays.", panel=RESULTS)
    ],
    mixed: Mixed = False,
    messages: MessageOptions,
) -> None:
    """Join stores: what several jobs computed, each some of the repeats, becomes one result."""
    check_file("store", store, STORE_SUFFIXES)
    for part in parts:
        if os.path.realpath(part) == os.path.realpath(store):
            raise SettingError("store", store, f"it is the part {part} too; use another name")

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
            messages.log(f"{store} keeps {merged.count_repeats(command.study)}")
