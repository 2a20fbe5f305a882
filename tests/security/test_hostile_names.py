"""Hostile names in every text of results: every output format shows them as text only."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from itertools import product
from xml.etree import ElementTree

import pytest
from helpers.engines import PlannedEngine
from helpers.names import (
    FORMULAS,
    HOSTILE_NAMES,
    LARGE_NAMES,
    MARKUP_NAMES,
    UNPRINTABLE_NAMES,
    renamed,
    table_called,
)
from helpers.pictures import picture_of_datasets
from helpers.running import compare, interrupted, run
from helpers.specs import SMALL, VARIANTS, spec_of, varied
from helpers.studies import grid_of, pairs_of, sweep_of
from helpers.trials import third_of
from markdown_it import MarkdownIt

from blobtransfer.data import load_dataset
from blobtransfer.network import initial_weights
from blobtransfer.report.figures.canvas import Canvas
from blobtransfer.report.figures.pictures import made_by, picture_of_report, save, svg_text
from blobtransfer.report.figures.style import MAX_NAME_WIDTH, shorten, width_in_letters
from blobtransfer.report.kinds import build_report
from blobtransfer.report.render.html import to_html
from blobtransfer.report.render.markdown import to_markdown
from blobtransfer.report.render.summary import summary_text
from blobtransfer.report.table import Table
from blobtransfer.report.writers import TEXT_WRITERS
from blobtransfer.results.files.csv import csv_line, curves_to_csv, to_csv
from blobtransfer.results.files.json_reader import read_json
from blobtransfer.running.single import train_target
from blobtransfer.specs.checks import escape_control_characters
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.variant import STANDALONE, parse_variant

pytestmark = pytest.mark.security


def short_id(name: object) -> str:
    return ascii(name)[:30]


KINDS = ("compare", "model", "transfer", "many features", "sweep", "pairs", "grid")


@pytest.fixture(scope="module")
def results():
    engine = PlannedEngine(varied, n_at_once=8)
    weights = initial_weights(MLPSpec(), 1, 0)
    transfer = spec_of(1, variants=(parse_variant("random-frozen,fixed=1"),), source=None)
    features = {"target": BlobsSpec(2, **SMALL, n_features=3), "network": MLPSpec(3)}
    alone = spec_of(1, variants=(STANDALONE,), source=None, **features)
    both = spec_of(8, questions=("one", "fresh"), variants=VARIANTS, speed=True)
    return {
        "compare": compare(both, None, engine),
        "model": compare(spec_of(8, source=None, model_path="m.keras"), weights, engine),
        "transfer": train_target(transfer, None, engine).results,
        "many features": train_target(alone, None, engine).results,
        "sweep": run(sweep_of(speed=True), engine=engine),
        "pairs": run(pairs_of(), engine=engine),
        "grid": run(grid_of(), engine=engine),
    }


# ---------------------------------------------------------------- Markdown

FRAME = {
    "table_open", "table_close", "thead_open", "thead_close", "tbody_open", "tbody_close",
    "tr_open", "tr_close", "th_open", "th_close", "td_open", "td_close", "paragraph_open",
    "paragraph_close", "bullet_list_open", "bullet_list_close", "list_item_open",
    "list_item_close", "inline", "text", "strong_open", "strong_close",
}  # fmt: skip
"""Tokens of bold titles, tables and lists; every other would come from a name."""


def texts_of(markdown: str) -> Iterator[str]:
    """Yield the texts of a Markdown document, and assert that it contains nothing else."""
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown):
        assert token.type in FRAME, (token.type, token.content)
        if token.type == "inline":
            children = token.children or []
            assert {child.type for child in children} <= FRAME, token.content
            yield "".join(child.content for child in children)


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=short_id)
def test_markdown_shows_a_name_letter_by_letter_wherever_it_stands(name):
    table = Table(name, (name, "variant"), ((name, name),), (name,), sentence=name)
    markdown = to_markdown([table])
    shown = escape_control_characters(name).strip()
    assert list(texts_of(markdown)) == [shown, shown, "variant", shown, shown, shown, shown]
    assert not re.search(r"(?<!\\)://|www\.", markdown)  # GitHub makes links of both


@pytest.mark.parametrize("name", ["<img src=x>", "[x](y)", "![x](y)", "*a*", "`a`", "- # a"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_text_of_results_becomes_markup_in_markdown(results, kind, name):
    report = build_report(renamed(interrupted(results[kind]), name)).for_printing(True, True)
    shown = list(texts_of("".join(TEXT_WRITERS["markdown"].pieces(report))))
    assert any(name in text for text in shown)
    for table in report.tables:
        assert {table.title, *table.columns, *table.notes} <= set(shown)
    if kind not in ("transfer", "many features"):
        assert list(texts_of("".join(summary_text(report, ".md"))))


@pytest.mark.parametrize(
    "text",
    ["problem 1", "new-head fixed=0", "sites.csv", "+0.10 [-3.40, +4.10]", "difference [95 %]",
     "[+1.2 >]", "ci_low", "-0.5", "best of 1", "<0.001", "a (b), c: 1 / 2"],
)  # fmt: skip
def test_ordinary_names_and_numbers_look_the_same_in_the_source(text):
    row = to_markdown([Table("t", (text,), ((text,),))]).splitlines()[-1]
    assert row.replace("\\<", "<") == f"| {text} |"


# ---------------------------------------------------------------- CSV and LaTeX


def is_formula(cell: str) -> bool:
    """Return whether a spreadsheet that splits lines at commas or semicolons computes a cell."""
    return any(re.match(r"\s*[-=+@\uff0d\uff1d\uff0b\uff20]", field) for field in cell.split(";"))


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=short_id)
def test_a_name_is_one_cell_of_csv_and_no_formula(name):
    (row,) = csv.reader(io.StringIO(csv_line(["a", name, 1]), newline=""))
    assert len(row) == 3 and not is_formula(row[1])
    row[1].encode()
    if name in MARKUP_NAMES and not is_formula(name):
        assert row[1] == name


@pytest.mark.parametrize("number", ["-0.5", "+1", "-1e-5", "0.1", "-3"])
def test_a_number_stays_a_number(number):
    assert csv_line([number, float(number)]) == f"{number},{float(number)}\n"


@pytest.mark.parametrize("name", [*FORMULAS[:4], 'a"b,c', "a;=b"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_csv_of_results_has_a_formula_or_a_ragged_row(results, kind, name):
    hostile = renamed(results[kind], name)
    texts = ["".join(to_csv(hostile))]
    if hostile.has_curves:
        texts.append("".join(curves_to_csv(hostile)))
    if kind not in ("transfer", "many features"):
        texts.append("".join(summary_text(build_report(hostile), ".csv")))
    for text in texts:
        rows = list(csv.reader(io.StringIO(text, newline="")))
        assert {len(row) for row in rows} == {len(rows[0])}
        for cell in (cell for row in rows for cell in row):
            assert not is_formula(cell) or is_number(cell)


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=short_id)
def test_a_name_is_text_in_latex(results, name):
    text = "".join(summary_text(build_report(renamed(results["grid"], name)), ".tex"))
    caption = text.partition("\\caption{")[2].partition("}\n\\label")[0]
    methods = text.partition("\\endinput\n\n")[2].partition("\n")[0]
    body = text.partition("\\midrule\n")[2].partition("\\bottomrule\n")[0]
    body = body.replace("\\addlinespace\n", "")
    assert body.count(" \\\\\n") == body.count("\n") == 27
    for shown in (caption, methods, *body.replace(" \\\\\n", " & ").split(" & ")):
        plain = re.sub(r"\$-\$|\\text[a-z]+\{\}|\\[&%$#_{}]|\{[*\[\]]\}", "", shown)
        assert not set(plain) & set('\\&%$#_{}~^<>|"*[]'), shown


# ---------------------------------------------------------------- HTML


class Tags(HTMLParser):
    """Collects tags and the names of their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts.update([tag, *(f"{tag} {name}" for name, _ in attrs)])


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", third_of(KINDS))
def test_no_name_adds_a_tag_or_an_attribute_to_a_page(results, kind):
    names = (*MARKUP_NAMES[:10], *UNPRINTABLE_NAMES, "a" * 4_000)
    pages = [
        "".join(to_html(build_report(renamed(results[kind], *new_names))))
        for new_names in (("a",), names)
    ]
    ordinary, hostile = (Tags(re.sub("<svg.*</svg>", "", page, flags=re.S)) for page in pages)
    assert ordinary.counts == hostile.counts
    assert pages[1].encode() and not set(pages[1]) & set("\x1b\x00\x07\u202e")


# ---------------------------------------------------------------- JSON


def test_json_of_a_file_whose_name_utf_8_cannot_hold_can_be_read(results):
    training = results["transfer"]
    spec = training.spec
    table = replace(table_called("a", spec.target), origin="\udcff.csv", group=None, split=None)
    provenance = replace(training.provenance, argv=("\udcff.csv",))
    hostile = replace(training, spec=replace(spec, target=table), provenance=provenance)
    text = "".join(TEXT_WRITERS["json"].pieces(build_report(hostile)))
    read = read_json(text.encode(), "r.json")
    assert read.provenance.argv == ("\\udcff.csv",) and read.spec.target.origin == "\\udcff.csv"


# ---------------------------------------------------------------- figures


@pytest.mark.exhaustive
@pytest.mark.parametrize(("style", "kind"), third_of(product(["screen", "paper"], KINDS)))
def test_every_figure_can_be_drawn_and_is_well_formed_whatever_names_are_in_it(
    results, kind, style
):
    names = UNPRINTABLE_NAMES if style == "screen" else LARGE_NAMES
    picture = picture_of_report(
        build_report(renamed(results[kind], *names)), Canvas(style=style), names
    )
    root = ElementTree.fromstring(svg_text(picture).encode())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"


NAMES = ("\u0301" * 2_000, "W" * 300, "\ud800\x1b]]>--<&\ufffe")
CALLED = [(n, NAMES[(n + i) % 3]) for n in (1, 2, 3) for i in range(3)]
"""Number of features and name of a problem; each third has every number and every name."""


@pytest.mark.exhaustive
@pytest.mark.parametrize(("n_features", "name"), third_of(CALLED), ids=short_id)
def test_problems_can_be_drawn_whatever_they_are_called(n_features, name):
    dataset = load_dataset(BlobsSpec(1, **SMALL, n_features=n_features))
    datasets = [replace(dataset, spec=table_called(f"{name}{i}", dataset.spec)) for i in range(2)]
    ElementTree.fromstring(svg_text(picture_of_datasets(datasets, Canvas(), [name])).encode())


def test_a_long_name_fits_a_small_figure_that_has_room_for_a_short_one(results):
    for kind in ("grid", "compare"):
        for name in ("a", "W" * 300):
            svg_text(
                picture_of_report(
                    build_report(renamed(results[kind], name)), Canvas(size=(5.0, 4.0))
                )
            )


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_command_in_a_figure_is_one_printable_line(results, tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    argv = ("train-target", *UNPRINTABLE_NAMES, "]]>--<&")
    save(picture_of_report(build_report(results["many features"]), Canvas(), argv), path)
    command = made_by(path)
    assert command is not None
    assert "\\udcff" in command and "\\x1b" in command and "]]>--<&" in command


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=short_id)
def test_a_name_in_a_figure_is_cut_to_its_width(name):
    assert width_in_letters(shorten(name)) <= MAX_NAME_WIDTH
    shorten(name).encode()
