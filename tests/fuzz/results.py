"""Mutated files of results, through `show`."""

import shutil
from pathlib import Path
from random import Random

from helpers.commands import run_here
from helpers.models import write_keras
from helpers.specs import SMALL_OPTIONS, spec_of
from helpers.tables import write_sites

from blobtransfer.engines import load_engine
from blobtransfer.results.files.json_writer import to_json
from blobtransfer.running.single import train_source
from blobtransfer.specs.variant import STANDALONE
from fuzz.edits import ENCODINGS, damaged_bytes, edited_json, edited_text
from fuzz.mutation import Mutation, show

SMALL_NETWORKS = ("--repeats", "3", *SMALL_OPTIONS[-2:])

COMMANDS = {
    "speed": ("compare", *SMALL_OPTIONS, "--repeats", "3", "--speed"),
    "scores": ("compare", *SMALL_OPTIONS, "--repeats", "3", "--scores", "--sources", "fresh"),
    "nested": ("compare", *SMALL_OPTIONS, "--nested", "2", "2", "--against", "fixed=1"),
    "sweep": ("sweep", *SMALL_OPTIONS, "--repeats", "3", "--over", "hidden=2,3"),
    "pairs": ("pairs", *SMALL_OPTIONS, "--repeats", "3", "--pairs", "3"),
    "grid": ("grid", *SMALL_NETWORKS, "--problems", "blobs:samples=60,train=40,seed=1..2"),
    "tables": (
        "compare", *SMALL_NETWORKS, "--source", "sites.csv:label=outcome,where=site:A,drop=person",
        "--target", "sites.csv:label=outcome,where=site:B,drop=person",
    ),
    "train-target": ("train-target", *SMALL_OPTIONS, "--model", "model.keras"),
}  # fmt: skip

DATA = Path(__file__).parents[1] / "data"

OLD = ("results-v1-compare.json", "results-v1-train-source.json")
"""Results of an older version in `tests/data`."""


def prepare(valid: Path) -> None:
    """Write the results of each kind of command."""
    write_sites(valid / "sites.csv")
    write_keras(valid / "model.keras")
    for name, options in COMMANDS.items():
        finished = run_here(*options, "-q", "--no-plot", "-o", f"{name}.json")
        assert finished.code == 0, finished.err
    (valid / "sites.csv").unlink()
    (valid / "model.keras").unlink()
    # The command would import Keras to save the network: seconds, and threads that stay.
    spec = spec_of(1, variants=(STANDALONE,), target=None)
    trained = train_source(spec, load_engine("compiled")).results
    (valid / "train-source.json").write_text("".join(to_json(trained)))
    for name in OLD:
        shutil.copy(DATA / name, valid)
    for path in valid.glob("*.json"):
        assert run_here("show", path, "-q", "--no-plot").code == 0


def mutate(rng: Random, i: int, valid: Path) -> Mutation:
    """Write mutated results."""
    text = rng.choice(sorted(valid.glob("*.json"))).read_text()
    match rng.randrange(10):
        case 0:
            content = damaged_bytes(text.encode(), rng)
        case 1:
            content = edited_text(text, rng).encode("utf-8", "surrogatepass")
        case 2:
            content = text.encode(rng.choice(ENCODINGS))
        case _:
            content = edited_json(text, rng).encode()
    Path("r.json").write_bytes(content)
    return show("r.json", rng, i)
