"""One page of text for each kind of report, compared whole with `tests/golden/`.

`pytest tests/integration/test_golden.py --rewrite-golden` writes the pages again. The engine is
planned, so the pages depend on no machine.
"""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from helpers.commands import run_here
from helpers.engines import PlannedEngine
from helpers.models import write_keras
from helpers.specs import SMALL_OPTIONS

from blobtransfer.engines import Job, OnEpochs, Trained
from blobtransfer.specs.generated import BlobsSpec

GOLDEN = Path(__file__).parents[1] / "golden"

PAGES = {
    "train-source": "train-source",
    "train-target": "train-target --model m.keras --hidden 5 4 --fixed 1",
    "compare": "compare --repeats 40 --speed --variant random-frozen,fixed=1 --explain --full",
    "sweep": "sweep --over batch-size=8,16,32 --repeats 40 --fixed 0 2 --explain --full",
    "sweep-two": "sweep --over batch-size=8,32 --over hidden=3+3,5+5 --repeats 40 --fixed 0",
    "pairs": "pairs --pairs 6 --repeats 40 --fixed 0 2 --explain --full",
    "grid": "grid --problems blobs:seed=1 blobs:seed=2 blobs:seed=3,std=2 --repeats 40 --fixed 0 2 "
    "--explain --full",
    "judge": "judge c45.csv --baseline C4.5 --explain --full",
}
"""The command of each page."""


class GoldenEngine(PlannedEngine):
    """Plans accuracies that depend on the repeat, the start, the frozen layers and the problem.

    A trained network has weights above 5. It starts better than a new one, and the worse the
    more layers are frozen; with small batches it starts worse.
    """

    def train(self, job: Job, on_epochs: OnEpochs) -> Trained:
        planned = iter([planned_accuracy(job, i) for i in range(job.n_runs)])
        self.plan = lambda *_: next(planned)
        trained = super().train(job, on_epochs)
        for layer in trained.weights:
            layer[job.n_frozen == 0] += 10
        return trained


def planned_accuracy(job: Job, i: int) -> float:
    """Return the test accuracy of run `i` of a job."""
    first_weight = float(job.weights[0][i].flat[0])
    noise = int(job.order_keys[i]) % 97 / 1000 + int(abs(first_weight) * 1000) % 20 / 1000
    gain = 0.0
    if first_weight > 5:
        spec = job.datasets[i % len(job.datasets)].spec
        assert isinstance(spec, BlobsSpec)
        gain = 0.1 + 0.03 * (spec.seed % 3 - 1)
        gain *= {8: -1.0, 16: 0.1}.get(job.training.batch_size, 1.0)
    return 0.7 + noise + gain - 0.06 * int(job.n_frozen[i])


def page_of(command: str) -> str:
    """Return what a command prints, without times."""
    small = () if command.startswith(("grid", "judge")) else SMALL_OPTIONS
    done = run_here(*shlex.split(command), *small, "--no-plot")
    assert done.code == 0, done.err
    page = f"$ blobtransfer {command}\n{done.out}\nstandard error:\n{done.err}"
    return re.sub(r"\b[\d.]+ s\b", "T s", page)


@pytest.mark.parametrize("name", PAGES)
def test_the_page_of_each_kind_of_report_is_exactly_this(name, request, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(
        "blobtransfer.engines.compiled.engine.create",
        lambda *_: GoldenEngine(lambda *_: 0.0, n_at_once=100),
    )
    shutil.copy(GOLDEN.parents[1] / "docs" / "data" / "c45.csv", tmp_path)
    if "m.keras" in PAGES[name]:
        write_keras(tmp_path / "m.keras")
    page, path = page_of(PAGES[name]), GOLDEN / f"{name}.txt"
    if request.config.getoption("--rewrite-golden"):
        path.write_text(page, "utf-8")
    assert page == path.read_text("utf-8")


def test_every_golden_page_is_of_a_command():
    assert {path.stem for path in GOLDEN.iterdir()} == set(PAGES)
