"""What README and docs say is what the program does."""

import ast
import importlib.util
import os
import re
import shutil
import sys
from functools import cache
from importlib.metadata import version
from itertools import chain
from pathlib import Path

import nbformat
import pytest
from helpers import trials
from helpers.trials import third_of

import blobtransfer
from blobtransfer.api.keywords import DESCRIPTIONS
from blobtransfer.report.words import QUESTION_NAMES

TOP = Path(__file__).parents[2]
PAGES = sorted([*TOP.glob("*.md"), *(TOP / "docs").glob("*.md")])

spec = importlib.util.spec_from_file_location("update", TOP / "docs" / "update.py")
assert spec is not None and spec.loader is not None
update = importlib.util.module_from_spec(spec)
spec.loader.exec_module(update)


def blocks_of(page):
    return list(update.BLOCK.finditer((TOP / page).read_text()))


def commands_of(block):
    lines = block["body"].splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def cases():
    """Yield each block of commands on each page; a page of help is quick, Keras costly."""
    of_keras = []
    for page in update.PAGES:
        blocks = list(enumerate(blocks_of(page)))
        is_twice = page == "docs/tutorial.md"  # its notebook makes the same comparisons
        for i, block in third_of(blocks) if is_twice else blocks:
            commands = commands_of(block)
            marks = [] if all("--help" in command for command in commands) else [pytest.mark.slow]
            marks += [pytest.mark.exhaustive] if is_twice else []
            name = f"{page}: {commands[0]}"[:60]
            if "import keras" in commands[0]:
                marks.append(pytest.mark.exhaustive)
                of_keras.append(pytest.param(page, i, marks=marks, id=name))
            else:
                yield pytest.param(page, i, marks=marks, id=name)
    yield from third_of(of_keras)


def needed_by(blocks, i):
    """Return the numbers of earlier blocks that may have written a file which block i names."""
    tables = {path.name for path in (TOP / "docs" / "data").iterdir()}
    files = [set(re.findall(r"[\w-]+\.[a-z]\w*(?=\s)", block["body"])) - tables for block in blocks]
    named = set(" ".join(commands_of(blocks[i])).split())
    return [j for j in range(i) if named & files[j]]


def without_times(text):
    return re.sub(r"(in|about) [\d.,]+ (s|min|h|days)\b", r"\1 ...", text)


@pytest.fixture(scope="module")
def output_of(forks, tmp_path_factory):
    """Return a function that runs a block of a page, once, and returns its folder and its text."""
    environment = update.environment()
    if sys.platform == "linux":
        environment["PATH"] = f"{forks.folder}{os.pathsep}{environment['PATH']}"

    @cache
    def run(page, i):
        blocks, folder = blocks_of(page), tmp_path_factory.mktemp("block")
        update.lay_out(folder)
        for j in needed_by(blocks, i):
            shutil.copytree(run(page, j)[0], folder, dirs_exist_ok=True)
        return folder, update.run_block(blocks[i], folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(update, "environment", lambda: environment)
        yield run


@pytest.mark.parametrize(("page", "i"), list(cases()))
def test_every_output_shown_is_what_the_command_prints(page, i, output_of):
    _, text = output_of(page, i)
    assert without_times(text) == without_times(blocks_of(page)[i][0])


def test_the_figures_beside_the_published_ones_are_those_printed():
    page = (TOP / "docs" / "tutorial.md").read_text()
    # the first screen is that of thirty repeats
    screen = page[page.index("\none source") :]
    beside = re.findall(r"^\| (\w.*?) \| 0\.\d+ .*\| (\S+) \((\S+)\) \|$", page, re.MULTILINE)
    assert len(beside) == 4
    for variant, mean, std in beside:
        page_of = page if variant == "standalone" else screen
        first = re.search(rf"^ *{variant} +([\d.]+) +([\d.]+)( |$)", page_of, re.MULTILINE)
        assert (first[1], first[2]) == (mean, std)


def rows_on_screens(page):
    """Return difference and verdict of each question, variant and number of repeats on a page."""
    found = {}
    for block in update.BLOCK.finditer(page):
        if not block["screen"]:
            continue
        (n_repeats,) = re.findall(r"margin 1 point; (\d+) repeats$", block["body"], re.MULTILINE)
        question = ""
        for line in block["body"].splitlines():
            question = next(
                (name for name in QUESTION_NAMES.values() if line.startswith(name)), question
            )
            row = re.match(r"  transfer (\S+) .*?(\S+ \[\S+ \S+\]).* ([a-z]+)$", line)
            if row:
                found[question, row[1], n_repeats] = f"{row[2]} {row[3]}"
    return found


def test_the_two_questions_side_by_side_are_those_printed():
    page = (TOP / "docs" / "tutorial.md").read_text()
    printed = rows_on_screens(page)
    rows = re.findall(r"^\| (fixed=\d), (\d+) repeats \| (.*) \| (.*) \|$", page, re.MULTILINE)
    assert len(rows) >= 6
    for variant, n_repeats, *cells in rows:
        for question, cell in zip(QUESTION_NAMES.values(), cells, strict=True):
            assert printed[question, variant, n_repeats] == cell


def python_blocks(page):
    return list(update.PYTHON.finditer((TOP / page).read_text()))


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [page for page in update.PAGES if python_blocks(page) and page != "docs/gallery.md"]
)
def test_the_python_examples_print_what_they_say(page, tmp_path):
    update.lay_out(tmp_path)
    variables = {}
    for block in python_blocks(page):
        assert update.run_python(block, tmp_path, variables) == block[0]


IMPORT, *CALLS = python_blocks("docs/gallery.md")


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.parametrize("block", third_of(CALLS), ids=lambda block: block["code"][:40])
def test_a_call_of_the_gallery_draws_the_figure_below_it(block, tmp_path):
    update.lay_out(tmp_path)
    variables = {}
    update.run_python(IMPORT, tmp_path, variables)
    update.run_python(block, tmp_path, variables)
    figures = [path.name for path in tmp_path.glob("gallery-*.png")]
    assert figures
    shown = block.string[block.end() :].split("```")[0]
    assert sorted(re.findall(r"\(figures/(.*)\)", shown)) == sorted(figures)


def texts_of(notebook):
    """Return the printed texts and the values of each cell, without pictures and HTML."""
    return [
        [output.get("text") or output["data"]["text/plain"] for output in cell.get("outputs", ())]
        for cell in notebook.cells
    ]


@pytest.mark.slow
def test_the_notebook_of_the_tutorial_shows_what_its_cells_print(tmp_path):
    path = TOP / "docs" / "tutorial.ipynb"
    update.lay_out(tmp_path)
    notebook = nbformat.read(path, as_version=4)
    assert len(notebook.cells) <= 40
    assert texts_of(update.run_notebook(path, tmp_path)) == texts_of(notebook)


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.skipif(trials.times == 1, reason="imports TensorFlow in a process of its own")
def test_the_notebook_of_the_researcher_shows_what_its_cells_print(tmp_path):
    path = TOP / "docs" / "researcher.ipynb"
    update.lay_out(tmp_path)
    before, after = (
        [re.sub(r"[\d.]+", "0", " ".join(text.split())) for text in chain(*texts_of(notebook))]
        for notebook in (nbformat.read(path, as_version=4), update.run_notebook(path, tmp_path))
    )
    assert after == before  # processors round the training with Keras differently


@pytest.mark.parametrize("name", update.NOTEBOOKS)
def test_a_notebook_is_small_and_names_no_folder(name):
    text = (TOP / name).read_text()
    assert len(text) < 1_000_000
    assert not re.search(r"/(home|root|tmp|Users)/", text)


@pytest.mark.parametrize("name", ["python.md", "formats.md"])
def test_a_reference_is_what_the_code_says(name):
    page = (TOP / "docs" / name).read_text()
    assert update.REFERENCE.sub(update.reference, page) == page


def test_every_key_of_a_json_file_has_a_meaning():
    page = (TOP / "docs" / "formats.md").read_text()
    assert not re.findall(r"^\| `\w+` \|.*\|  \|$", page, re.MULTILINE)


def test_every_option_is_on_the_page_of_the_command_line():
    page = (TOP / "docs" / "cli.md").read_text()
    options = {f"--{name.replace('_', '-')}" for name in DESCRIPTIONS}
    assert options - set(re.findall(r"--[a-z-]+", page)) == {"--progress"}  # only in Python


def test_the_reference_of_python_shows_every_public_name():
    page = (TOP / "docs" / "python.md").read_text()
    assert not [name for name in blobtransfer.__all__ if f"bt.{name}" not in page]


def test_the_readme_has_two_commands_and_ci_runs_the_second_to_the_letter():
    install_and_run, install_and_test = re.findall(
        r"^```sh\n(.+)\n```$", (TOP / "README.md").read_text(), re.MULTILINE
    )
    assert re.search(r" && \.venv/bin/blobtransfer compare( --\w+( \d+)+)*$", install_and_run)
    assert install_and_test in (TOP / ".ci" / "run").read_text().splitlines()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#]*)(?:#([^)]+))?\)", page.read_text().replace("\n", " "))
    for path, heading in links:
        if "://" not in path:
            linked = page.parent / path if path else page
            assert linked.exists(), path
            assert not heading or heading in anchors_of(linked), f"{path}#{heading}"


@cache
def anchors_of(page):
    """Return the anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", without_code(page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def without_code(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_lines_outside_tables_and_code_have_at_most_100_characters(page):
    lines = without_code(page.read_text()).splitlines()
    long = [line for line in lines if len(line) > 100 and " " in line.strip()]
    assert not [line for line in long if not line.startswith(("|", "!["))]


def test_the_version_is_one():
    assert version("blobtransfer") == blobtransfer.__version__


def test_public_names_can_be_imported_and_are_all_that_is_shown():
    for name in blobtransfer.__all__:
        assert getattr(blobtransfer, name) is not None
    assert dir(blobtransfer) == blobtransfer.__all__
    with pytest.raises(AttributeError):
        getattr(blobtransfer, "nothing")  # noqa: B009


def test_what_is_imported_for_type_checkers_is_what_is_loaded_when_used():
    tree = ast.parse(Path(blobtransfer.__file__).read_text())
    imported = {
        alias.asname: statement.module.removeprefix("blobtransfer.")
        for branch in tree.body
        if isinstance(branch, ast.If)
        for statement in branch.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    assert imported == blobtransfer._HOME
    assert sorted(imported) == blobtransfer.__all__


def test_every_promise_names_a_test_that_exists():
    page = (TOP / "docs" / "reliability.md").read_text()
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", page)
    assert len(named) > 30
    paths = list((TOP / "tests").rglob("test_*.py"))
    for file, test in named:
        code = "".join(path.read_text() for path in paths if path.name == file)
        assert f"def {test}(" in code, f"{file}::{test}"
