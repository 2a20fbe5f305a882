"""Render a report as one self-contained HTML page without scripts.

A content security policy in the page makes browsers enforce this. Names of files, classes and data
come from users: the template escapes everything except the figure.
"""

import re
import shlex
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from typing import Any

from blobtransfer.report.figures.canvas import Canvas
from blobtransfer.report.figures.pictures import picture_of_report, svg_text
from blobtransfer.report.render.screen import MAX_CAUTIONS
from blobtransfer.report.report import Report
from blobtransfer.report.table import WORD_COLUMNS
from blobtransfer.report.words import SHORT_VERDICTS
from blobtransfer.specs.checks import escape_control_characters

MAX_LISTED_VALUES = 20
"""Largest number of listed values of a setting, such as classes; JSON has all of them."""

FIGURE_ID = "figure"
"""Prefix of every id in the figure, so that it is unique on the page."""


def to_html(report: Report[Any]) -> Iterator[str]:
    """Write a report as one page; equal results give byte-identical pages.

    Yields:
        The text.

    Raises:
        MachineError: The figure cannot be drawn.
    """
    from markupsafe import Markup

    results = (report.complete or report).results
    provenance = results.provenance
    yield _rendered(
        "report.html.j2",
        question=report.headline,
        stopped=report.stopped,
        sentences=[sentence.text for sentence in report.sentences],
        cautions=report.cautions,
        svg=Markup(_embedded(_svg_of(report))),
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


def to_fragment(report: Report[Any], advise: Callable[[str], str]) -> str:
    """Return a report for a notebook: what the screen shows, and the figure.

    Colours and fonts are those of the notebook, and only the figure has a white background. It is
    an image, whose ids are its own, so that a page can have several results.

    Args:
        report: The report.
        advise: Changes a caution, which advises options, to the words of the notebook.

    Raises:
        MachineError: The figure cannot be drawn.
    """
    n_tables = 0 if report.overview is None else report.overview.n_tables
    return _rendered(
        "notebook.html.j2",
        question=report.headline,
        sentences=[sentence.text for sentence in report.short_sentences or report.sentences],
        cautions=[*map(advise, (report.short_cautions or report.cautions)[:MAX_CAUTIONS])],
        overview=report.overview,
        verdicts=SHORT_VERDICTS,
        tables=[table for table in report.tables[n_tables:] if not table.is_detail],
        words=WORD_COLUMNS,
        svg=b64encode(_svg_of(report).encode()).decode(),
        caption=report.caption,
    )


def _svg_of(report: Report[Any]) -> str:
    """Return the figure as SVG."""
    return svg_text(picture_of_report(report, Canvas()))


def _rendered(template: str, **values: Any) -> str:
    """Return a template with values.

    Args:
        template: Name of the file.
        values: The values.
    """
    import jinja2

    source = files("blobtransfer.report.render").joinpath(template).read_text("utf-8")
    environment = jinja2.Environment(
        autoescape=True,
        finalize=_escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.from_string(source).render(values)


def _embedded(svg: str) -> str:
    """Return an SVG for a page: without a prologue and metadata, and with ids of its own."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\1{FIGURE_ID}-", svg)
    head, end, rest = svg.partition(">")
    for name in ("title", "desc"):
        rest = rest.replace(f"<{name}>", f'<{name} id="{FIGURE_ID}-{name}">', 1)
    return f'{head} aria-labelledby="{FIGURE_ID}-title {FIGURE_ID}-desc"{end}{rest}'


def _flat(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the dotted path and the text of each setting in a value."""
    if isinstance(value, dict):
        for name, nested in value.items():
            yield from _flat(f"{path}.{name}" if path else name, nested)
    elif isinstance(value, list | tuple) and any(isinstance(item, dict) for item in value):
        for i, item in enumerate(value[:MAX_LISTED_VALUES]):
            yield from _flat(f"{path}.{i}", item)
        if len(value) > MAX_LISTED_VALUES:
            yield path, f"and {len(value) - MAX_LISTED_VALUES:,} more"
    elif value not in (None, (), []):
        yield path, _listed(value) if isinstance(value, list | tuple) else str(value)


def _escaped(value: object) -> object:
    """Escape control characters of a text; markup, which has `__html__`, stays as it is."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return escape_control_characters(value)
    return value


def _listed(values: Sequence[object]) -> str:
    """Return the first values and the number of the others."""
    text = ", ".join(map(str, values[:MAX_LISTED_VALUES]))
    n_more = len(values) - MAX_LISTED_VALUES
    return f"{text} and {n_more:,} more" if n_more > 0 else text
