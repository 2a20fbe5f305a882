"""A report as one HTML page that people can forward: no script, and nothing that is loaded.

A content security policy in the page forbids all else, so a browser proves it. Names of files,
classes and problems come from users: everything but the figure is escaped by the template.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any

from blobtransfer.report.figures.canvas import Canvas
from blobtransfer.report.figures.pictures import picture_of_report, svg_text
from blobtransfer.report.report import Report
from blobtransfer.report.table import WORD_COLUMNS
from blobtransfer.specs.checks import printable

MOST_LISTED = 20
"""Most values of a setting that are listed, such as classes or columns; JSON has all of them."""

FIGURE = "figure"
"""Begins every id in the figure, so that none is that of something else on the page."""


def to_html(report: Report[Any]) -> Iterator[str]:
    """Write a report as one page; the same results give the same bytes.

    Yields:
        The text.

    Raises:
        MachineError: The figure cannot be drawn.
    """
    import jinja2
    from markupsafe import Markup

    results = report.results
    provenance = results.provenance
    picture = picture_of_report(report, Canvas())
    source = files("blobtransfer.report.render").joinpath("report.html.j2").read_text("utf-8")
    environment = jinja2.Environment(
        autoescape=True,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    yield environment.from_string(source).render(
        question=report.headline,
        stopped=report.stopped,
        sentences=[sentence.text for sentence in report.sentences],
        cautions=report.cautions,
        svg=Markup(_apart(svg_text(picture))),
        caption=report.caption,
        tables=report.tables,
        words=WORD_COLUMNS,
        method=report.method,
        explanations=report.explanations,
        settings=[
            pair for name, value in report.view.settings(results) for pair in _flat(name, value)
        ],
        versions=[*provenance.versions.items(), *provenance.machine.items()],
        version=provenance.versions.get("blobtransfer", ""),
        command=shlex.join(("blobtransfer", *provenance.argv))
        if provenance.argv
        else "blobtransfer",
    )


def _apart(svg: str) -> str:
    """Take what is no picture off an SVG, and give its ids names of their own."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{FIGURE}-', svg)
    svg = re.sub(r"url\(#", f"url(#{FIGURE}-", svg)
    svg = re.sub(r'href="#', f'href="#{FIGURE}-', svg)
    head, end, rest = svg.partition(">")
    return f'{head} aria-labelledby="{FIGURE}-title {FIGURE}-desc"{end}{_named(rest)}'


def _named(svg: str) -> str:
    """Add to title and description the ids that name the figure."""
    svg = svg.replace("<title>", f'<title id="{FIGURE}-title">', 1)
    return svg.replace("<desc>", f'<desc id="{FIGURE}-desc">', 1)


def _flat(place: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _flat(f"{place}.{name}" if place else name, one)
    elif isinstance(value, list | tuple) and any(isinstance(one, dict) for one in value):
        for i, one in enumerate(value[:MOST_LISTED]):
            yield from _flat(f"{place}.{i}", one)
        if len(value) > MOST_LISTED:
            yield place, f"and {len(value) - MOST_LISTED:,} more"
    elif value not in (None, (), []):
        yield place, _listed(value) if isinstance(value, list | tuple) else str(value)


def _shown(value: object) -> object:
    """Escape control characters of a text; markup, which has `__html__`, stays as it is."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return printable(value)
    return value


def _listed(values: Sequence[object]) -> str:
    """Return the first values and the number of the others."""
    text = ", ".join(map(str, values[:MOST_LISTED]))
    n_more = len(values) - MOST_LISTED
    return f"{text} and {n_more:,} more" if n_more > 0 else text
