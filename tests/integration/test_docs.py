"""What README and docs say is what the program does."""

import ast
import importlib.util
import os
import re
import shutil
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest
from helpers.trials import third_of

import blobtransfer
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
        for i, block in enumerate(blocks_of(page)):
            commands = commands_of(block)
            marks = [] if all("--help" in command for command in commands) else [pytest.mark.slow]
            name = f"{page}: {commands[0]}"[:60]
            if "import keras" in commands[0]:
                marks.append(pytest.mark.exhaustive)
                of_keras.append(pytest.param(page, i, marks=marks, id=name))
            else:
                yield pytest.param(page, i, marks=marks, id=name)
    yield from third_of(of_keras)


def needed_by(blocks, i):
    """Return the numbers of earlier blocks that wrote a file which the commands of block i name."""
    named = set(" ".join(commands_of(blocks[i])).split())
    wrote = re.compile(r"^wrote (\S+)$", re.MULTILINE)
    return [j for j in range(i) if named & set(wrote.findall(blocks[j]["body"]))]


def without_times(text):
    return re.sub(r"in \d+\.\d+ s", "in ... s", text)


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


def test_every_page_whose_output_is_renewed_shows_some():
    assert all(blocks_of(page) for page in update.PAGES)


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
    """Give difference and verdict of each question, variant and number of repeats on a page."""
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


@pytest.mark.slow
def test_the_python_examples_print_what_they_say(capsys):
    page = (TOP / "README.md").read_text()
    examples = re.findall(
        r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL
    )
    assert len(examples) == page.count("```python") == 2
    for code, expected in examples:
        exec(code, {})
        assert capsys.readouterr().out == expected


def test_the_readme_has_two_commands_and_ci_runs_the_second_to_the_letter():
    install_and_run, install_and_test = re.findall(
        r"^```sh\n(.+)\n```$", (TOP / "README.md").read_text(), re.MULTILINE
    )
    assert re.search(r" && \.venv/bin/blobtransfer compare( --\w+( \d+)+)*$", install_and_run)
    assert install_and_test in (TOP / ".ci" / "run").read_text().splitlines()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text())
    assert all((page.parent / link).exists() for link in links if "://" not in link)


def test_the_version_is_one():
    assert version("blobtransfer") == blobtransfer.__version__


def test_the_public_api_is_complete():
    for name in blobtransfer.__all__:
        assert getattr(blobtransfer, name) is not None
        assert name in dir(blobtransfer)
    with pytest.raises(AttributeError):
        _ = blobtransfer.nothing


def test_what_is_imported_for_type_checkers_is_what_is_loaded_when_used():
    tree = ast.parse(Path(blobtransfer.__file__).read_text())
    imported = {
        alias.name: statement.module.removeprefix("blobtransfer.")
        for branch in tree.body
        if isinstance(branch, ast.If)
        for statement in branch.body
        for alias in statement.names
    }
    assert imported == blobtransfer._HOME


def test_every_promise_names_a_test_that_exists():
    page = (TOP / "docs" / "reliability.md").read_text()
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", page)
    assert len(named) > 30
    paths = list((TOP / "tests").rglob("test_*.py"))
    for file, test in named:
        code = "".join(path.read_text() for path in paths if path.name == file)
        assert f"def {test}(" in code, f"{file}::{test}"
