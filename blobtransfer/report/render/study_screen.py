"""The answer of a study on a terminal: sentences first, then its tables, then what to know."""

from dataclasses import replace
from typing import TextIO

from blobtransfer.report.render.screen import wrapped
from blobtransfer.report.render.terminal import print_on_terminal
from blobtransfer.report.report import Report
from blobtransfer.report.study_sentences import study_headline
from blobtransfer.results.study import StudyResults


def print_study(report: Report, stream: TextIO, full: bool) -> None:
    """Print the answer of a study.

    Args:
        report: Of a study, with the tables that are wanted.
        stream: A terminal.
        full: Whether those are all.
    """
    from rich.console import Console

    assert isinstance(report.results, StudyResults)
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    console.print(*wrapped(study_headline(report.results), console.width), sep="\n", style="bold")
    for sentence in report.sentences:
        console.print(*wrapped(sentence.text, console.width), sep="\n")
    console.print()
    print_on_terminal([replace(one, sentence=None) for one in report.tables], stream)
    for caution in report.cautions:
        console.print(*wrapped(f"note: {caution}", console.width), sep="\n", style="dim")
    hints = [] if full else ["all tables: --full"]
    hints += [] if report.is_explained else ["what they mean: --explain"]
    if hints:
        console.print("   ".join(hints), style="dim")
