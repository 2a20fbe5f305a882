"""Render a report as one self-contained HTML page without scripts.

A content security policy in the page makes browsers enforce this. Names of files, classes and data
come from users: the template escapes everything except the figure.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Any

from blobtransfer.report.figures.canvas import Canvas
from blobtransfer.report.figures.pictures import page_svg, picture_of_report, svg_text
from blobtransfer.report.figures.style import Style
from blobtransfer.report.kinds.texts import EXPLAINED_VARIANTS
from blobtransfer.report.render.citation import bibtex, command_of
from blobtransfer.report.render.screen import MAX_CAUTIONS
from blobtransfer.report.report import Report
from blobtransfer.report.table import WORD_COLUMNS, Matrix, Overview, Table
from blobtransfer.report.words import SHORT_VERDICTS
from blobtransfer.specs.checks import escape_control_characters

MAX_LISTED_VALUES = 20
"""Largest number of listed values of a setting, such as classes; JSON has all of them."""

FIGURES: dict[str, Style] = {"figure": "screen", "narrow-figure": "paper"}
"""The figures by prefix of their ids, which makes ids unique: one for screens and paper, and one
for telephones, in the style of a narrow column."""

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*(?<!-)")
"""An option of the command line in a text."""


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
        variants=[line for line in report.explanations if line in EXPLAINED_VARIANTS],
        figures={name: Markup(_figure(report, name, style)) for name, style in FIGURES.items()},
        caption="" if report.sentences else report.caption,
        tables=list(_notes_once(map(_answer_first, report.tables))),
        words=WORD_COLUMNS,
        method=report.method,
        explanations=report.explanations,
        settings=[
            pair for name, value in report.view.settings(results) for pair in _flat(name, value)
        ],
        versions=[*provenance.versions.items(), *provenance.machine.items()],
        version=provenance.versions.get("blobtransfer", ""),
        command=command_of(provenance),
        bibtex=bibtex(provenance).splitlines(),
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
    overview = report.overview
    n_tables = 0 if overview is None else overview.n_tables
    matrix = overview.layouts[0] if isinstance(overview, Matrix) else ()
    return _rendered(
        "notebook.html.j2",
        question=report.headline,
        sentences=[sentence.text for sentence in report.short_sentences or report.sentences],
        cautions=[*map(advise, (report.short_cautions or report.cautions)[:MAX_CAUTIONS])],
        overview=overview if isinstance(overview, Overview) else None,
        legend="" if overview is None else overview.legend,
        verdicts=SHORT_VERDICTS,
        tables=[*matrix, *(table for table in report.tables[n_tables:] if not table.is_detail)],
        words=WORD_COLUMNS,
        svg=b64encode(
            svg_text(picture_of_report(report, Canvas(has_title=False))).encode()
        ).decode(),
        caption=report.caption,
    )


def _figure(report: Report[Any], name: str, style: Style) -> str:
    """Return the figure as SVG that is part of the page."""
    return _embedded(
        page_svg(picture_of_report(report, Canvas(style=style, has_title=False))), name
    )


def _answer_first(table: Table) -> Table:
    """Return a table with difference and verdict right after the names, for narrow screens."""
    heads = table.columns
    names = [i for i, head in enumerate(heads) if head == "variant"]
    answers = [i for i, head in enumerate(heads) if head == "verdict" or "difference" in head]
    if not names or not answers:
        return table
    n_first = names[0] + 1
    order = [*range(n_first), *answers]
    order += [i for i in range(n_first, len(heads)) if i not in answers]

    def reordered(cells: Sequence[str]) -> tuple[str, ...]:
        return tuple(cells[i] for i in order)

    return replace(table, columns=reordered(heads), rows=tuple(map(reordered, table.rows)))


def _notes_once(tables: Iterable[Table]) -> Iterator[Table]:
    """Yield tables without the notes that stand below a table above."""
    shown: set[str] = set()
    for table in tables:
        notes = tuple(note for note in table.notes if note not in shown)
        if not table.is_detail:  # which may be folded
            shown.update(notes)
        yield replace(table, notes=notes)


def _with_code(text: str) -> str:
    """Return a text as HTML with options as code, which no line break divides."""
    from markupsafe import Markup, escape

    pieces, end = [], 0
    for match in OPTION.finditer(text):
        pieces += [escape(text[end : match.start()]), Markup("<code>{}</code>").format(match[0])]
        end = match.end()
    return Markup("").join([*pieces, escape(text[end:])])


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
    environment.filters["with_code"] = _with_code
    return environment.from_string(source).render(values)


def _embedded(svg: str, name: str) -> str:
    """Return an SVG for a page: without a prologue and metadata, and with ids of its own.

    Args:
        svg: The figure.
        name: Prefix of its ids.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\1{name}-", svg)
    head, end, rest = svg.partition(">")
    for tag in ("title", "desc"):
        rest = rest.replace(f"<{tag}>", f'<{tag} id="{name}-{tag}">', 1)
    return f'{head} aria-labelledby="{name}-title {name}-desc"{end}{rest}'


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
