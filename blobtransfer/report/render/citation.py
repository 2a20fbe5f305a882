"""How readers reproduce and cite results: the command, and a BibTeX entry."""

import shlex
from collections.abc import Iterator, Sequence

from blobtransfer.results.provenance import Provenance
from blobtransfer.specs.checks import escape_control_characters

OUTPUT_OPTIONS = (
    "--plot", "--style", "--size", "--format", "--output", "--curves", "--summary", "--title",
    "--table", "--store", "--scheduler", "--save",
)  # fmt: skip
"""Options with a value that change no number: what is written, and where runs are computed."""

OUTPUT_FLAGS = (
    "--no-plot", "--no-title", "--show", "--full", "--explain", "--quiet", "--verbose", "--debug",
    "--force",
)  # fmt: skip
"""Options without a value that change no number."""


def command_of(provenance: Provenance) -> list[str]:
    """Return the command that computes the numbers, without its output options.

    Returns:
        The words, quoted for a shell; empty for results of a Python program.
    """
    if not provenance.argv:
        return []
    words = ("blobtransfer", *_without_output(provenance.argv))
    return [escape_control_characters(shlex.quote(word)) for word in words]


def bibtex(provenance: Provenance) -> str:
    """Return the BibTeX entry of the program, with the version and the year of the results."""
    return (
        "@misc{blobtransfer,\n"
        "  author = {{blobtransfer contributors}},\n"
        "  title  = {{blobtransfer}},\n"
        f"  year   = {{{provenance.started[:4]}}},\n"
        f"  note   = {{Computer program, version {provenance.versions.get('blobtransfer', '')}}}\n"
        "}\n"
    )


def _without_output(argv: Sequence[str]) -> Iterator[str]:
    """Yield the words of a command line that are not output options or their values."""
    valued = (*OUTPUT_OPTIONS, *(("--model",) if argv[0] == "train-source" else ()))
    words = iter(argv)
    for word in words:
        name, has_value, _ = word.partition("=")
        if name in valued:
            if not has_value:
                next(words, None)
        elif word[:1] == "-" and word[1:2].isalpha():  # -q, -o FILE, -oFILE, or several such as -qo
            if word.find("o") == len(word) - 1:
                next(words, None)
        elif name not in OUTPUT_FLAGS:
            yield word
