"""Results in Python: texts, figures, files and equality."""

import copy
import html
import pickle
import re
import sys
from base64 import b64decode
from dataclasses import replace
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pyarrow
import pytest
from helpers.engines import PlannedEngine, planned
from helpers.running import compare, interrupted, run
from helpers.specs import spec_of, varied
from helpers.studies import pairs_of
from pandas import DataFrame, read_csv

from blobtransfer.api import functions as api
from blobtransfer.api.functions import load
from blobtransfer.api.result import Result, TrainingResult
from blobtransfer.errors import SettingError, TableFileError
from blobtransfer.running.single import train_source
from blobtransfer.specs.variant import STANDALONE
from blobtransfer.studies.judge import judge

ENGINE = PlannedEngine(varied, n_at_once=100)


def trained():
    spec = spec_of(1, target=None, variants=(STANDALONE,))
    single = train_source(spec, PlannedEngine(planned))
    return TrainingResult(single.results, (), single)


def compared(**changes):
    return compare(spec_of(8, questions=("one", "fresh"), speed=True, **changes), None, ENGINE)


def judged():
    scores = DataFrame({"base": [0.1, 0.2, 0.3], "a": [0.3, 0.4, 0.5]})
    return Result(judge(scores, baseline="base"))


KINDS = {
    "compare": lambda: Result(compared()),
    "pairs": lambda: Result(run(pairs_of(6, 2), engine=ENGINE)),
    "judge": judged,
    "train-source": trained,
}


@pytest.fixture(scope="module", params=KINDS)
def result(request):
    return KINDS[request.param]()


def test_a_repr_is_one_short_line(result):
    assert len(repr(result)) < 170 and "\n" not in repr(result)
    assert result._results.command in repr(result)


def test_interrupted_results_begin_with_what_is_done():
    result = Result(interrupted(compared()))
    assert result.is_interrupted
    for text in (repr(result), str(result), result._repr_html_()):
        assert "Stopped at" in text


@pytest.mark.parametrize("columns", ["40", "200"])
def test_the_text_depends_on_no_terminal(result, monkeypatch, columns):
    expected = str(result)
    assert max(map(len, expected.splitlines())) <= 80
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert str(result) == expected
    assert "\x1b" not in expected


def test_a_page_is_self_contained_and_clashes_with_no_other(result):
    page = result._repr_html_()
    assert " id=" not in page and page.count("<img ") == 1
    rules = re.search(r"<style>(.*)</style>", page, re.DOTALL)[1]
    assert all(line.startswith(".blobtransfer") for line in rules.split("\n") if line)
    assert "http" not in page and "<script" not in page
    svg = b64decode(re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', page)[1])
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert html.escape(result.question) in page


def test_jupyter_does_not_realign_the_tables_of_a_page(result):
    rules = re.search(r"<style>(.*)</style>", result._repr_html_(), re.DOTALL)[1]
    selectors = re.findall(r"[^{},]*(?:\bt[dh]|\.word|\.inner)(?=[ ,{])", rules)
    assert len(selectors) >= 4
    for selector in selectors:  # `.jp-RenderedHTMLCommon:not(.jp-RenderedMarkdown) td` is weaker
        assert selector.strip().startswith(".blobtransfer .wide t"), selector


def test_results_in_a_list_are_shown_as_lines(result):
    from IPython.lib.pretty import pretty

    assert pretty(result) == str(result)
    assert pretty([result]) == f"[{result!r}]"


def settings():
    """Return the settings of matplotlib; to read them otherwise chooses a backend."""
    return {name: dict.__getitem__(mpl.rcParams, name) for name in dict.__iter__(mpl.rcParams)}


def test_a_figure_shows_itself_and_changes_no_setting_of_matplotlib():
    had_pyplot, before = "matplotlib.pyplot" in sys.modules, settings()
    figure = judged().plot(style="paper")
    png, size = figure._repr_png_()
    assert png.startswith(b"\x89PNG") and size["width"] == round(72 * figure.get_figwidth())
    assert settings() == before
    assert ("matplotlib.pyplot" in sys.modules) == had_pyplot
    assert figure.canvas.manager is None  # pyplot does not know it


def test_a_figure_shows_some_of_the_variants():
    result = Result(compared(fixed=(0, 1, 2)))
    n_rows = len(result.plot().axes[0].get_yticks())
    figure = result.plot(sources="fresh", only=["fixed=1"])
    assert (n_rows, len(figure.axes[0].get_yticks())) == (3, 1)


@pytest.mark.parametrize(
    ("setting", "choice"),
    [
        ("style", {"style": "poster"}),
        ("size", {"size": (1, 4)}),
        ("size", {"size": "3x4"}),
        ("size", {"size": ("3", 4)}),
        ("size", {"size": (3,)}),
        ("size", {"size": (float("nan"), 4)}),
    ],
)
def test_a_figure_that_cannot_be_drawn_is_refused(setting, choice):
    with pytest.raises(SettingError) as caught:
        trained().plot(**choice)
    assert caught.value.setting == setting


def test_a_figure_takes_arrays():
    result = Result(compared())
    size, only = np.array([4, 4]), np.array(["fixed=0"])
    assert result.plot(size=size, only=only).get_size_inches().tolist() == [4.0, 4.0]


def test_scores_may_be_any_data_frame():
    scores = {"base": [0.1, 0.2, 0.3], "a": [0.3, 0.4, 0.5]}
    results = [api.judge(frame) for frame in (scores, pyarrow.table(scores), DataFrame(scores))]
    assert results[0] == results[1] == results[2]
    with pytest.raises(TableFileError, match="same length"):
        api.judge({"base": [0.1], "a": []})


def test_a_suffix_selects_the_format(tmp_path):
    result = judged()
    for suffix in (".json", ".csv", ".md", ".txt", ".html", ".png", ".svg", ".pdf", ".tex"):
        result.save(str(tmp_path / f"r{suffix}"))
    assert len(read_csv(tmp_path / "r.csv")) == len(result.runs())
    assert "\\begin{tabular}" in (tmp_path / "r.tex").read_text()
    for other, name in ((result, "r.xyz"), (result, "r"), (trained(), "r.tex")):
        with pytest.raises(SettingError):
            other.save(tmp_path / name)


def test_results_survive_pickles_copies_and_files(result, tmp_path):
    result.save(tmp_path / "r.json")
    copies = [pickle.loads(pickle.dumps(result)), copy.deepcopy(result), load(tmp_path / "r.json")]
    for other in copies:
        assert other == result
        assert str(other) == str(result)


def test_results_are_equal_whenever_they_were_computed():
    results = compared()
    later = replace(results.provenance, started="2030-01-01T00:00:00+00:00", seconds=1e6)
    assert Result(replace(results, provenance=later)) == Result(results)
    assert Result(results) != Result(compared(train_seed=1))
    assert Result(results) != Result(compared(margin=0.5))
    assert Result(results) != trained() and Result(results) != 1


def test_a_training_keeps_its_weights():
    result = trained()
    for other in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):
        assert [layer.tobytes() for layer in other.weights] == [
            layer.tobytes() for layer in result.weights
        ]
    with pytest.raises(SettingError):
        _ = TrainingResult(result._results).weights


def test_a_network_is_saved_again_only_if_it_differs(tmp_path):
    path, first, other = tmp_path / "m.keras", trained(), api.train_source(epochs=1)
    first.save_model(path)
    first.save_model(path)
    with pytest.raises(SettingError, match="replace=True replaces it"):
        other.save_model(path)
    other.save_model(path, replace=True)
    with pytest.raises(SettingError, match=r"use \.keras or \.h5"):
        first.save_model(tmp_path / "m.json")


def test_a_network_that_diverged_has_no_accuracy_and_starts_nothing(tmp_path):
    result = api.train_source(epochs=2, learning_rate=1e35)
    assert result.test_accuracy is None
    assert "diverged" in repr(result)
    for use in (lambda: result.save_model(tmp_path / "m.keras"), result.source_network):
        with pytest.raises(SettingError, match="diverged"):
            use()


def test_changing_the_weights_that_are_shown_does_not_change_the_network():
    result = trained()
    result.weights[0][:] = 7.0
    assert not (result.weights[0] == 7.0).any()


def test_a_figure_can_be_pickled():
    figure = pickle.loads(pickle.dumps(judged().plot()))
    assert figure._repr_png_()[0].startswith(b"\x89PNG")
