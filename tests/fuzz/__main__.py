"""Run random mutations of inputs through the program: `python -m fuzz KINDS N SEED`.

A program of one thread: it imports everything once, writes valid inputs into a temporary folder,
and runs each mutation in a forked child process, in an empty working directory. It prints every
mutation whose command breaks a rule of `oracle`, and then ends with exit code 1. Mutation i
depends only on KIND, SEED and i, but for the times in the results that it is made from.
"""

import argparse
import gc
import importlib
import os
import shlex
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from random import Random
from typing import cast

from fuzz.child import run_in_child
from fuzz.mutation import Kind
from fuzz.oracle import problems, write_victim

KINDS = ("stores", "tables", "results", "models", "command_lines")

LIBRARIES = (
    "blobtransfer.api.progress", "blobtransfer.engines.compiled.engine",
    "blobtransfer.running.run", "blobtransfer.analysis.load",
    "blobtransfer.keras_files.sandbox", "blobtransfer.keras_files.write",
    "blobtransfer.report.figures.pictures", "blobtransfer.report.render.html",
    "blobtransfer.report.writers", "blobtransfer.results.store.store",
    "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg",
    "openpyxl", "pandas", "pyarrow.feather", "pyarrow.parquet", "sklearn.datasets",
    "sklearn.model_selection",
)  # fmt: skip
"""What commands import once they need it."""


def fuzz(name: str, n: int, seed: int, first: int, folder: Path) -> int:
    """Run mutations and return how many commands broke a rule.

    Args:
        name: The kind of input.
        n: Number of mutations.
        seed: Of all of them.
        first: Number of the first mutation.
        folder: Where the working directories go; those of commands that broke a rule stay.
    """
    kind = cast(Kind, importlib.import_module(f"fuzz.{name}"))
    n_failed, cpu_s, codes = 0, 0.0, Counter[int]()
    with tempfile.TemporaryDirectory() as temporary:
        valid, streams = Path(temporary, "valid"), Path(temporary, "streams")
        valid.mkdir()
        streams.mkdir()
        os.chdir(valid)
        kind.prepare(valid)
        gc.freeze()  # or looking for garbage would copy the memory shared with each child
        for i in range(first, first + n):
            work = folder / f"{name}-{seed}-{i}"
            shutil.rmtree(work, ignore_errors=True)  # of an earlier run
            work.mkdir()
            os.chdir(work)
            write_victim()
            mutation = kind.mutate(Random(f"{seed}/{name}/{i}"), i, valid)
            inputs = {path.name for path in work.iterdir()}
            outcome = run_in_child(mutation, streams)
            cpu_s += outcome.cpu_s
            codes[outcome.code] += 1
            wrong = list(problems(mutation, outcome, inputs))
            os.chdir(valid)
            if not wrong:
                shutil.rmtree(work)
                continue
            n_failed += 1
            print(f"{name} {seed} {i}: {'; '.join(wrong)}")
            print(f"  blobtransfer {shlex.join(mutation.argv)!a} {dict(mutation.environment)!a}")
            print(f"  {outcome.err[-1500:]!a}", flush=True)
    ended = ", ".join(f"{codes[code]} by exit code {code}" for code in sorted(codes))
    print(f"{name}: {n} mutations of seed {seed}, {n_failed} failed; {ended}; {cpu_s:.0f} CPU s")
    return n_failed


def main() -> int:
    """Read the command line, run its mutations, and return the exit code."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a process that forks has one thread
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("kinds", help=f"some of {','.join(KINDS)}")
    parser.add_argument("n", type=int, help="number of mutations of each kind")
    parser.add_argument("seed", type=int)
    parser.add_argument("first", type=int, nargs="?", default=0, help="number of the first one")
    parser.add_argument("--keep", type=Path, help="folder for the input of failures")
    given = parser.parse_args()
    for library in LIBRARIES:
        importlib.import_module(library)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) if given.keep is None else given.keep.absolute()
        folder.mkdir(parents=True, exist_ok=True)
        counts = [
            fuzz(kind, given.n, given.seed, given.first, folder) for kind in given.kinds.split(",")
        ]
        return int(any(counts))


if __name__ == "__main__":
    raise SystemExit(main())
