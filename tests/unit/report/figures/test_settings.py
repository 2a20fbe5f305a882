"""A figure depends on the command alone, whatever the machine's matplotlib is set to."""

import os

import pytest
from helpers.commands import run_process, without_cautions
from helpers.specs import SMALL_OPTIONS
from helpers.texts import says_in_order
from helpers.trials import third_of

COMMAND = ("compare", *SMALL_OPTIONS, "--repeats", 3, "-q", "--plot", "f.png")


@pytest.fixture(scope="module")
def expected(forks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    assert forks.run_process(*COMMAND, cwd=folder).code == 0
    return (folder / "f.png").read_bytes()


def colours(folder):
    settings = ("axes.facecolor: red", "font.size: 30", "text.usetex: True")
    (folder / "matplotlibrc").write_text("\n".join(settings))


def nonsense(folder):
    (folder / "matplotlibrc").write_bytes(b"\xff\xfe\x00 no settings")


def fifo(folder):
    os.mkfifo(folder / "matplotlibrc")


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("write", third_of([colours, nonsense, fifo]))
def test_a_matplotlibrc_where_the_command_runs_changes_no_byte(tmp_path, expected, write):
    write(tmp_path)
    done = run_process(*COMMAND, cwd=tmp_path, environment={"MPLBACKEND": "nonsense"})
    assert (done.code, without_cautions(done.err)) == (0, "")
    assert (tmp_path / "f.png").read_bytes() == expected


@pytest.mark.slow
def test_a_figure_that_cannot_be_drawn_is_one_line_and_costs_no_results(run, monkeypatch):
    from blobtransfer.report.figures import comparison

    def broken(*arguments):
        raise RuntimeError("no such font")

    monkeypatch.setattr(comparison, "draw_comparison", broken)
    done = run(*COMMAND, "-o", "r.csv")
    assert done.code == 1
    assert done.out.startswith("Fresh sources (")
    assert says_in_order(done.err, "error: ", "no such font", "--no-plot")
    with open("r.csv") as file:
        assert len(file.readlines()) > 1
