"""The report as a page: what stands in it, that it loads nothing, and that names are escaped."""

import os
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest
from helpers.engines import PlannedEngine
from helpers.names import table_called
from helpers.running import compare, run, with_cell
from helpers.specs import VARIANTS, spec_of, varied
from helpers.studies import grid_of, pairs_of, sweep_of

from blobtransfer.report.kinds import build_report
from blobtransfer.report.render.html import to_html
from blobtransfer.report.writers import writer_of
from blobtransfer.running.single import train_source
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.variant import STANDALONE

MAX_BYTES = 300_000
VOID = {"meta", "link", "br", "img", "input", "hr"}
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium to look at a page")


class Page(HTMLParser):
    """Reads a page and complains about tags that are not closed in their order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts = [], Counter(), [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def of(self, name):
        return [value for _, own, value in self.attributes if own == name]


def page_of(results):
    return "".join(to_html(build_report(results)))


@pytest.fixture(scope="module")
def found():
    engine = PlannedEngine(varied, n_at_once=100)
    alone = spec_of(1, variants=(STANDALONE,), target=None)
    both = spec_of(30, variants=VARIANTS, questions=("one", "fresh"), speed=True)
    return {
        "compare": compare(both, None, engine),
        "train-source": train_source(alone, PlannedEngine(lambda *_: 0.5)).results,
        "sweep": run(sweep_of(), engine=engine),
        "pairs": run(pairs_of(), engine=engine),
        "grid": run(grid_of(), engine=engine),
    }


@pytest.fixture(scope="module")
def pages(found):
    return {name: page_of(results) for name, results in found.items()}


NAMES = ("compare", "train-source", "sweep", "pairs", "grid")


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_well_formed_and_loads_nothing(pages, name):
    page = Page(pages[name])
    assert page.tags["script"] == page.tags["img"] == page.tags["link"] == page.tags["iframe"] == 0
    assert POLICY in page.of("content")
    assert not [value for value in page.of("src")]
    targets = page.of("href") + page.of("xlink:href")
    assert targets
    assert all(value.startswith(("#", "data:image/png;base64,")) for value in targets)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert not re.search(r"url\((?!#)", pages[name])
    assert "@import" not in pages[name]


@pytest.mark.parametrize("name", NAMES)
def test_every_id_is_there_once_and_whatever_names_one_finds_it(pages, name):
    page = Page(pages[name])
    ids = page.of("id")
    assert len(ids) == len(set(ids))
    named = [one for value in page.of("aria-labelledby") for one in value.split()]
    used = [value[1:] for value in page.of("xlink:href") if value.startswith("#")]
    used += re.findall(r"url\(#([^)]+)\)", pages[name])
    assert set(named) | set(used) <= set(ids)


@pytest.mark.parametrize("name", NAMES)
def test_tables_have_captions_and_heads_of_rows_and_columns(pages, found, name):
    page = Page(pages[name])
    tables = build_report(found[name]).tables
    assert page.tags["table"] == page.tags["caption"] == len(tables)
    assert Counter(page.of("scope")) == {
        "col": sum(len(list(filter(None, table.columns))) for table in tables),
        "row": sum(len(table.rows) for table in tables),
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_figure_has_a_name_and_the_answer_as_its_text(pages, name):
    page = Page(pages[name])
    assert page.tags["svg"] == 2  # for a screen and for a telephone
    assert page.attributes.count(("svg", "role", "img")) == 2
    for figure in ("figure", "narrow-figure"):
        assert ("svg", "aria-labelledby", f"{figure}-title {figure}-desc") in page.attributes


def test_a_page_of_30_repeats_can_be_mailed(pages):
    assert len(pages["compare"].encode()) < MAX_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_the_same_results_give_the_same_page(pages, found, name):
    assert page_of(found[name]) == pages[name]


def test_answers_cautions_methods_and_settings_are_on_the_page(pages, found):
    text = "".join(Page(pages["compare"]).texts)
    report = build_report(found["compare"])
    for sentence in report.sentences:
        assert sentence.text in text
    for caution in report.cautions:
        assert caution in text
    assert "is selected on the test rows" in text
    assert "training.learning_rate" in text
    assert found["compare"].provenance.versions["numpy"] in text


def test_options_are_code_and_the_command_has_those_that_matter(found):
    argv = ("compare", "--repeats", "30", "-o", "r.html", "--no-plot", "-q")
    results = found["compare"]
    page = page_of(replace(results, provenance=replace(results.provenance, argv=argv)))
    command = re.search(r'<pre class="command".*?</pre>', page)[0]
    assert re.findall("<span>(.*?)</span>", command) == [
        "blobtransfer",
        "compare",
        "--repeats",
        "30",
    ]
    assert "<code>--train-seed</code>" in page
    assert 'class="command"' not in page_of(
        replace(results, provenance=replace(results.provenance, argv=()))
    )


def test_difference_and_verdict_stand_beside_the_variant(pages):
    table = re.search(r"<thead>.*?</thead>", pages["compare"])[0]
    heads = re.findall(r"<th [^>]*>(.*?)</th>", table)
    assert heads[0] == "variant" and "difference" in heads[1] and heads[2] == "verdict"


def test_a_note_stands_below_the_first_of_the_tables(pages, found):
    first, second = build_report(found["compare"]).tables[:2]
    shared = set(first.notes) & set(second.notes)
    results, _, _ = pages["compare"].partition('id="methods"')
    text = unescape(re.sub(r"<[^>]+>", "", results))
    assert shared and {text.count(note) for note in shared} == {1}


def test_an_interrupted_command_says_so_first(found):
    stopped = with_cell(found["compare"], interrupted=True)
    assert "Stopped at 30 of 30 repeats" in "".join(Page(page_of(stopped)).texts)


def test_names_of_users_are_escaped_everywhere(found):
    hostile = '<script>alert("1")</script>&<b>'
    results = found["compare"]
    tasks = tuple(replace(data, name=hostile) for data in results.cell.tasks)
    spec = replace(results.cell.spec, model_path=hostile)
    provenance = replace(results.provenance, argv=("compare", hostile))
    renamed = replace(with_cell(results, tasks=tasks, spec=spec), provenance=provenance)
    page = page_of(renamed)
    assert "<script" not in page and "<b>" not in page
    assert Page(page).tags["script"] == 0
    assert hostile in "".join(Page(page).texts)


def test_the_suffix_picks_the_page(found, tmp_path):
    path = tmp_path / "report.html"
    writer = writer_of(path)
    assert writer is not None
    writer.write(build_report(found["compare"]), path)
    assert path.read_text().startswith("<!doctype html>")


@needs_chromium
@pytest.mark.slow
@pytest.mark.parametrize("name", ["compare", "grid"])
@pytest.mark.parametrize("width", [1000, 500])
def test_a_browser_shows_it_without_a_word_of_complaint(pages, tmp_path, name, width):
    path, picture = tmp_path / "r.html", tmp_path / "r.png"
    path.write_text(pages[name])
    done = subprocess.run(
        [
            CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},1400",
            f"--screenshot={picture}", path.as_uri(),
        ],
        capture_output=True, text=True, timeout=100, check=False,
        env=os.environ | {"HOME": str(tmp_path)},
    )  # fmt: skip
    assert picture.stat().st_size > 20_000, done.stderr
    assert "CONSOLE" not in done.stderr


def test_settings_list_twenty_values_and_count_the_others():
    features = {"n_features": 200, "n_classes": 60}
    source = BlobsSpec(1, n_samples=200, n_train=100, **features)
    spec = spec_of(
        1, variants=(STANDALONE,), target=None, network=MLPSpec(**features), source=source
    )
    results = train_source(spec, PlannedEngine(varied)).results
    results = replace(results, spec=replace(spec, source=table_called("a", source)))
    page = "".join(to_html(build_report(results)))
    assert "a18, a19 and 40 more" in page and "and 180 more" in page and "a20" not in page
