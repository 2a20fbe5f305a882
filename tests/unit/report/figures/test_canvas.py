"""Files and windows: what figures say of themselves, how large they are, and what they replace."""

import os
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from helpers.commands import run_python
from helpers.engines import PlannedEngine, by_key
from helpers.pictures import picture_of_datasets
from helpers.running import compare
from helpers.specs import spec_of
from helpers.texts import says_in_order

from blobtransfer.data import load_dataset
from blobtransfer.errors import MachineError
from blobtransfer.network import initial_weights
from blobtransfer.report.figures.canvas import Canvas
from blobtransfer.report.figures.pictures import (
    made_by,
    page_svg,
    picture_of_report,
    save,
    svg_text,
)
from blobtransfer.report.figures.style import CLASS_COLOURS, KIND_COLOURS, TRANSFER_COLOURS
from blobtransfer.report.kinds import build_report
from blobtransfer.running.single import train_source
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.variant import STANDALONE, parse_variant


@pytest.fixture(scope="module")
def results():
    return compare(spec_of(), None, PlannedEngine(by_key))


@pytest.mark.parametrize(
    ("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_the_suffix_picks_the_format_and_the_same_figure_gives_the_same_bytes(
    results, tmp_path, suffix, start
):
    paths = [tmp_path / f"{i}.{suffix}" for i in (1, 2)]
    for path in paths:
        save(picture_of_report(build_report(results), Canvas()), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].read_bytes().startswith(start)


@pytest.mark.parametrize(
    ("name", "missing", "families"),
    [
        ("$x_{$.keras", "", []),
        ("模.keras", "模", []),  # matplotlib has no Chinese font
        ("⌚⌣.keras", "", ["STIXGeneral"]),
    ],
)
def test_a_name_is_drawn_by_a_font_that_has_it_and_a_note_lists_what_none_has(
    tmp_path, monkeypatch, name, missing, families
):
    from matplotlib import font_manager

    fonts = [font for font in font_manager.fontManager.ttflist if "mpl-data" in font.fname]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", fonts)
    spec = spec_of(source=None, model_path=name)
    results = compare(spec, initial_weights(MLPSpec(), 1, 0), PlannedEngine(by_key))
    picture = picture_of_report(build_report(results), Canvas())
    save(picture, tmp_path / "a.png")
    assert (tmp_path / "a.png").exists()
    assert bool(picture.note) == bool(missing) and missing in picture.note
    assert picture.figure._suptitle.get_fontfamily()[1:] == families


def test_a_figure_in_a_page_has_its_colours_and_no_background():
    variants = (STANDALONE, parse_variant("fixed=0"), parse_variant("fixed=1"))
    results = compare(spec_of(variants=variants), None, PlannedEngine(by_key))
    picture = picture_of_report(build_report(results), Canvas())
    alone, inside = svg_text(picture), page_svg(picture)
    assert "#ffffff" in alone and "currentColor" not in alone
    assert "#ffffff" not in inside and "#000000" not in inside
    assert '<svg fill="currentColor"' in inside and "var(--ground, Canvas)" in inside
    bright, dark = TRANSFER_COLOURS[:2]
    assert f"stroke: {bright.lower()}" in alone and f"stroke: {bright.lower()}" in inside
    assert f"stroke: {dark}; stroke: light-dark({dark}, #" in inside


def test_a_window_that_cannot_open_is_said_before_any_work():
    code = "from blobtransfer.report.figures.canvas import Canvas\nCanvas(show=True)"
    done = run_python(code, MPLBACKEND="agg")
    assert f"{MachineError.__name__}: --show: no window can be opened here" in done.stderr


def test_drawing_without_windows_does_not_load_pyplot():
    done = run_python(
        "import sys\n"
        "from blobtransfer.report.figures.canvas import Canvas\n"
        "Canvas().new(3, 3).subplots()\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    assert (done.returncode, done.stderr) == (0, "")


# ---------------------------------------------------------------- what a file says of itself

ARGV = ("compare", "--model", "a (b) \\ <c> & \u00e9.keras", "--repeats", "3")
COMMAND = "blobtransfer compare --model 'a (b) \\ <c> & \\xe9.keras' --repeats 3"


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_a_figure_tells_the_command_that_made_it(results, tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    save(picture_of_report(build_report(results), Canvas(), ARGV), path)
    assert made_by(path) == COMMAND


def test_files_of_others_tell_none(tmp_path):
    texts = (b"", b"no figure", b"\x89PNG", b"\x89PNGtEXtDescription\0", b"%PDF /Subject (me)",
             b"<svg><dc:description>rm -rf</dc:description></svg>",
             b"<dc:description>blobtransfer \x1b[31m</dc:description>")  # fmt: skip
    for i, text in enumerate(texts):
        path = tmp_path / str(i)
        path.write_bytes(text)
        assert made_by(path) is None
    assert made_by(tmp_path / "none") is None
    assert made_by(tmp_path) is None


def test_an_svg_has_text_as_text_a_title_and_a_description(results, tmp_path):
    path = tmp_path / "a.svg"
    save(picture_of_report(build_report(results), Canvas()), path)
    root = ElementTree.parse(path).getroot()
    name = "{http://www.w3.org/2000/svg}"
    assert root.get("role") == "img"
    assert root.find(f"{name}title").text.startswith("Does starting from a network trained on")
    assert root.find(f"{name}desc").text.startswith(
        "One source (this source network): transfer fixed=0 and "
    )
    texts = ["".join(text.itertext()) for text in root.iter(f"{name}text")]
    assert "transfer fixed=0" in texts and "standalone" in texts


def test_the_fonts_of_a_pdf_are_type_42(results, tmp_path):
    path = tmp_path / "a.pdf"
    save(picture_of_report(build_report(results), Canvas()), path)
    found = set(re.findall(rb"/Subtype /(Type3|TrueType|Type0|CIDFontType2)", path.read_bytes()))
    assert found and b"Type3" not in found


def test_problems_are_described_too(tmp_path):
    datasets = [load_dataset(BlobsSpec(k)) for k in (1, 2)]
    picture = picture_of_datasets(datasets, Canvas(), ["plot-data", "-q"])
    assert picture.title == "Rows of problem 1, problem 2"
    assert says_in_order(picture.text, "problem 1", "1000 rows", "3 classes", "93.6 %", "problem 2")
    save(picture, tmp_path / "a.png")
    assert made_by(tmp_path / "a.png") == "blobtransfer plot-data -q"


@pytest.mark.parametrize(
    ("accuracy", "start"), [(0.8, "Test accuracy 80.0 %"), (np.nan, "The training diverged")]
)
def test_a_training_is_described_too(accuracy, start):
    spec = spec_of(1, variants=(STANDALONE,), target=None)
    trained = train_source(spec, PlannedEngine(lambda *_: accuracy)).results
    picture = picture_of_report(build_report(trained), Canvas())
    assert says_in_order(picture.title, "2-5-5-3", "problem 1", "standalone")
    assert picture.text.startswith(start)


def test_a_figure_with_too_little_room_is_refused_and_nothing_is_written(results, tmp_path):
    path = tmp_path / "a.png"
    picture = picture_of_report(build_report(results), Canvas(size=(2.0, 2.0)))
    with pytest.raises(MachineError, match="--size"):
        save(picture, path)
    assert os.listdir(tmp_path) == []


# ---------------------------------------------------------------- colours for any vision

# Machado, Oliveira & Fernandes 2009, doi:10.1109/TVCG.2009.113, severity 1.0, on linear RGB
VISIONS = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
}  # fmt: skip


def lab_of(colour, vision):
    """Return CIE L*a*b* (D65) of a colour as somebody sees it."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.asarray(VISIONS[vision]) @ linear, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.asarray(to_xyz) @ seen / [0.9505, 1.0, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize(
    "colours",
    [
        CLASS_COLOURS,
        (KIND_COLOURS["standalone"], *TRANSFER_COLOURS[:3]),
        tuple(KIND_COLOURS.values()),
    ],
    ids=["classes", "standalone and transfer", "kinds"],
)
def test_colours_are_told_apart_with_any_vision(colours, vision):
    places = [lab_of(colour, vision) for colour in colours]
    apart = [np.linalg.norm(a - b) for i, a in enumerate(places) for b in places[:i]]
    # a difference of 2.3 is just noticed; shapes and labels tell apart, too
    assert min(apart) > 10
