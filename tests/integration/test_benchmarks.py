"""Every benchmark runs: a tiny round of each script, in this process."""

import contextlib
import importlib
import sys
from concurrent.futures import Executor, Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers.commands import run_here
from helpers.specs import SMALL_OPTIONS

from blobtransfer.specs.training import TrainingSpec

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of the peers

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


class InProcessExecutor(Executor):
    """Runs each call at once, in this process."""

    def __init__(self, *settings, **more_settings):
        pass

    def submit(self, call, *arguments):
        future = Future()
        try:
            future.set_result(call(*arguments))
        except ModuleNotFoundError as error:
            future.set_exception(error)
        return future


def run(command, folder):
    """Run a command of the program in this process, without its option --scheduler."""
    _, _, _, *argv = command
    if "--scheduler" in argv:
        at = argv.index("--scheduler")
        del argv[at : at + 2]
    with contextlib.chdir(folder):
        done = run_here(*argv)
    assert done.code == 0, done.err


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    """Make the scripts importable, and unload them afterwards: their names are common words."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setitem(sys.modules, "coverage", sys.modules.get("coverage"))
    yield
    for path in BENCHMARKS.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.fixture
def benchmark(monkeypatch):
    """Return a function that imports a script, patches some of its names, and runs its `main`."""

    def main(name, *arguments, argv=(), **changes):
        module = importlib.import_module(name)
        for attribute, value in changes.items():
            monkeypatch.setattr(module, attribute, value)
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *argv])
        module.main(*arguments)

    return main


def table_of(capsys):
    """Return the rows of all Markdown tables that were printed, as lists of cells."""
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
    return [row for row in rows if not set("".join(row)) <= set("-: ")]


def test_arms(benchmark, capsys):
    benchmark("arms", N_REPEATS=2, N_TURNS=1, CASES={"four": [0, 0, 1, 2]}, peak_flops=lambda: 1.0)
    assert [row[1] for row in table_of(capsys)] == ["arms", "4"]


def test_calibration(benchmark, capsys):
    benchmark(
        "calibration", 20, SIZES=(6, 30), FAILURES=(2.5,), N_REPEATS=50,
        ProcessPoolExecutor=InProcessExecutor,
    )  # fmt: skip
    assert len(table_of(capsys)) == 1 + 9 + 1 + 5 * 4


@pytest.mark.parametrize("cost", ["the whole range", "10 to 40 points"])
@pytest.mark.parametrize("place", ["the variants", "standalone"])
@pytest.mark.parametrize("n", [30, 100])
def test_where_networks_fail_few_intervals_are_wrong(cost, place, n):
    calibration = importlib.import_module("calibration")
    wrong, wrong_alike = calibration.mixture_rates(cost, place, n, 100)
    # 1,200 tables of one variant, 400 of three, 100 of twelve; the goal is 5 %
    assert (wrong <= [0.09, 0.09, 0.12]).all()
    assert (wrong_alike <= 0.05).all()


def test_early_stopping(benchmark, capsys):
    benchmark("early_stopping", N_REPEATS=2, N_TURNS=1, EPOCHS=4)
    assert [row[0] for row in table_of(capsys)] == ["`--patience`", "off", "4"]


def test_clusters(benchmark, capsys, monkeypatch):
    no_cluster = SimpleNamespace(file="none", add_worker=lambda: None, close=lambda: None)
    monkeypatch.setattr("helpers.clusters.Cluster", lambda folder: no_cluster)
    command = ["compare", *SMALL_OPTIONS, "-q", "--no-plot"]
    benchmark("clusters", argv=("--rounds", "1"), SIZES=(1, 2), COMMAND=command, run=run)
    assert len(table_of(capsys)) == 1 + 4


def test_million(benchmark, capsys):
    million = importlib.import_module("million")

    def cost_of(arguments, folder, output):
        with contextlib.chdir(folder):
            done = run_here(*arguments, *SMALL_OPTIONS * (arguments[0] == "compare"))
        assert done.code == 0, done.err
        Path(folder, output).write_text(done.out)
        return million.Cost(1.0, 1.0, 1.0)

    benchmark("million", argv=("--repeats", "2"), DIVISORS=(2, 1), cost_of=cost_of)
    assert [row[0] for row in table_of(capsys)[1:]] == ["8", "16"]


def test_next_pair(benchmark, capsys):
    benchmark("next_pair", argv=("2",), N_PAIRS=(6,), TAUS=(0.0, 1.0))
    assert len(table_of(capsys)) == 1 + 4


def test_peak(benchmark, capsys):
    benchmark("peak", N_TURNS=100)
    assert "GFLOP" in capsys.readouterr().out


def test_resplits(benchmark, capsys):
    benchmark("resplits", 3)
    assert len(table_of(capsys)) > 4


def test_rounding(benchmark, capsys):
    small = {"OWN": {"this processor": ""}, "NUMPY": {"all it has": ""}, "ACTIVATIONS": ("relu",)}
    benchmark("rounding", **small)
    assert "not here" not in table_of(capsys)[1]


def test_throughput(benchmark, capsys):
    throughput = importlib.import_module("throughput")
    entries = {
        name: path for name, path in throughput.ENTRIES.items() if path not in throughput.KERAS
    }
    benchmark(
        "throughput", argv=("--rounds", "1"), ENTRIES=entries,
        CASES=((throughput.DEFAULT, 3),),
        Entry=partial(throughput.Entry, process=InProcessExecutor()),
    )  # fmt: skip
    assert [row[0] for row in table_of(capsys)[1:]] == list(entries)


def test_overhead(benchmark, capsys):
    overhead = importlib.import_module("overhead")
    spec = replace(overhead.COMPARE, training=TrainingSpec(epochs=1))
    benchmark("overhead", N_ROUNDS=1, CASES={"tiny": spec})
    _, (case, *costs) = table_of(capsys)
    assert case == "tiny" and len(costs) == 6


@pytest.mark.keras
def test_parity(benchmark, capsys):
    parity = importlib.import_module("parity")
    seed, n_frozen, training = parity.LONG[0]
    benchmark(
        "parity", 1, PARITY_CASES=parity.PARITY_CASES[:1], ANCHORED=parity.ANCHORED[:1],
        LONG=[(seed, n_frozen, replace(training, epochs=2))],
        STOPPING=[(seed, n_frozen, replace(training, epochs=2, patience=1))],
    )  # fmt: skip
    assert len(table_of(capsys)) == 1 + 2 + 1 + 1 + 1 + 1


@pytest.mark.keras
def test_commands(benchmark, capsys):
    commands = importlib.import_module("commands")
    make_job = commands.make_job
    benchmark(
        "commands", argv=("--rounds", "1"), COMMANDS=(["--help"],), COMPARE=["--help"],
        N_KERAS_FITS=1, ProcessPoolExecutor=InProcessExecutor,
        make_job=lambda sizes, n, epochs=2: make_job(sizes, n, 2),
    )  # fmt: skip
    assert [row[0] for row in table_of(capsys)] == ["command", "`--help`"]


def test_every_benchmark_has_a_test():
    scripts = {path.stem for path in BENCHMARKS.glob("*.py")}
    peers = {"jax_vmap", "keras_fit", "numba_lanes", "numpy_matmul", "ours", "torch_bmm"}
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert scripts - peers - {"common"} <= tested
