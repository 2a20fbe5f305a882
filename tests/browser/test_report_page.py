"""The HTML report in a browser: what it loads, what it says, how it looks, who can use it.

Needs Chromium (Debian's package `chromium`), and `playwright` and `axe-playwright-python` of the
extra `browser`; the tests are skipped without. `nox -s browser` gets them where that is allowed.
"""

import shutil
from pathlib import Path

import pytest
from helpers.engines import PlannedEngine
from helpers.running import compare, run
from helpers.specs import VARIANTS, spec_of, varied
from helpers.studies import grid_of, pairs_of, sweep_of

from blobtransfer.report.kinds import build_report
from blobtransfer.report.render.html import to_html

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: nox -s browser"),
]
needs = "needs the extra browser: nox -s browser"
playwright = pytest.importorskip("playwright.sync_api", reason=needs)
axe = pytest.importorskip("axe_playwright_python", reason=needs)

NAMES = ("compare", "sweep", "pairs", "grid")
SIZES = {"desk": (1200, 900), "phone": (390, 844)}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return the page of each command as a file."""
    engine = PlannedEngine(varied, n_at_once=100)
    both = spec_of(30, variants=VARIANTS, questions=("one", "fresh"), speed=True)
    found = {
        "compare": compare(both, None, engine),
        "sweep": run(sweep_of(), engine=engine),
        "pairs": run(pairs_of(), engine=engine),
        "grid": run(grid_of(), engine=engine),
    }
    folder = tmp_path_factory.mktemp("pages")
    paths = {}
    for name, results in found.items():
        paths[name] = folder / f"{name}.html"
        paths[name].write_text("".join(to_html(build_report(results))))
    return paths


@pytest.fixture(scope="module")
def browser():
    """Lend a browser."""
    with playwright.sync_playwright() as control:
        browser = control.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def shown(browser, files):
    """Show a page, and see that it loads nothing but itself and says nothing."""
    contexts, heard = [], []

    def show(name, scheme="light", size="desk"):
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        requests = []
        page.on("request", lambda request: requests.append(request.url))
        page.goto(files[name].as_uri())
        assert requests == [files[name].as_uri()]
        return page

    yield show
    for context in contexts:
        context.close()
    assert heard == []


def open_all(page):
    for summary in page.locator("summary").all():
        summary.click()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", NAMES)
def test_a_page_can_be_used_by_all_as_far_as_rules_can_tell(name, scheme, size, shown):
    page = shown(name, scheme, size)
    open_all(page)
    page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text())
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    assert [
        (one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found["violations"]
    ] == []
    # what rules cannot decide: colours over pictures are not theirs
    assert {one["id"] for one in found["incomplete"]} <= {"color-contrast"}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_no_page_is_wider_than_the_screen(name, size, shown):
    page = shown(name, size=size)
    open_all(page)
    for zoom in (1, 2):
        page.evaluate(f"document.body.style.zoom = {zoom}")
        wide, screen = page.evaluate("[document.scrollingElement.scrollWidth, window.innerWidth]")
        assert wide <= screen, zoom


@pytest.mark.parametrize("name", NAMES)
def test_the_first_screen_of_a_telephone_has_the_answer_and_the_figure(name, shown):
    page = shown(name, size="phone")
    (figure,) = (one for one in page.locator("figure").all() if one.is_visible())
    top, width = figure.bounding_box()["y"], figure.bounding_box()["width"]
    assert top < 844 and width <= 390
    answer = page.locator(".answer").first.bounding_box()
    assert answer["y"] + answer["height"] < top
    if name == "pairs":
        cells = page.locator("table").first.locator("tbody tr").nth(1).locator("th, td").all()
        ends = [cell.bounding_box() for cell in cells[:3]]
        assert max(end["x"] + end["width"] for end in ends) <= 390


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_no_line_break_divides_an_option(name, size, shown):
    page = shown(name, size=size)
    open_all(page)
    options = page.locator("code, pre.command span")
    assert set(options.evaluate_all("all => all.map(e => e.getClientRects().length)")) <= {1}


@pytest.mark.parametrize("name", NAMES)
def test_tab_goes_through_all_that_can_be_used_in_the_order_of_the_page(name, shown):
    page = shown(name)
    wanted = page.evaluate(
        "[...document.querySelectorAll('[tabindex], summary')].filter("
        "e => !e.parentElement.closest('details:not([open])') || e.tagName === 'SUMMARY')"
        ".map(e => e.ariaLabel || e.textContent)"
    )
    assert len(wanted) > 4
    found = []
    for _ in wanted:
        page.keyboard.press("Tab")
        found.append(
            page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent")
        )
    assert found == wanted
    page.keyboard.press("Enter")  # on the last summary
    assert page.locator("details").last.get_attribute("open") is not None


def test_what_has_the_focus_can_be_seen(shown):
    page = shown("compare")
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


@pytest.mark.parametrize("name", NAMES)
def test_on_paper_everything_is_there_and_dark_is_light(name, shown):
    page = shown(name, "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 22, 22)"
    page.emulate_media(media="print", color_scheme="light")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    hidden = page.evaluate(
        "[...document.querySelectorAll('details table, details dl')]"
        ".filter(e => e.getBoundingClientRect().height < 10).length"
    )
    assert hidden == 0
    assert page.pdf().startswith(b"%PDF")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_it_looks_like_something(scheme, size, shown):
    picture = shown("compare", scheme, size).screenshot(full_page=True)
    assert len(picture) > 20_000
