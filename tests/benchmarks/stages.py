"""Run one command of the program in this process, and write how long its stages took.

Used by `commands.py`. Imports nothing heavy itself: the modules listed in modules.json are
imported first, as a stage of their own, so that no other stage hides an import.
"""

import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

STAGES = {
    "problems drawn": ("blobtransfer.data", "load_dataset"),
    "machine code compiled": ("blobtransfer.engines.compiled.compilation", "_compile"),
    "training and evaluation": ("blobtransfer.engines.compiled.engine", "CompiledEngine.train"),
    "statistics": ("blobtransfer.analysis.cells", "analyse"),
    "table": ("blobtransfer.report.kinds", "build_report"),
    "figure drawn": ("blobtransfer.report.figures.pictures", "picture_of_report"),
    "figure saved": ("blobtransfer.report.figures.pictures", "save"),
}


def main(arguments: list[str]) -> None:
    """Run the command with every stage timed, less the stages within it."""
    times = dict.fromkeys(("imports", *STAGES, "the rest of the program"), 0.0)
    outer: list[str] = []
    last = time.perf_counter()

    def account() -> None:
        nonlocal last
        now = time.perf_counter()
        times[outer[-1]] += now - last
        last = now

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        if outer:
            account()
        outer.append(name)
        try:
            yield
        finally:
            account()
            outer.pop()

    def timed(name: str, function: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            with stage(name):
                return function(*args, **options)

        return call

    with stage("imports"):
        for module in json.loads(Path("modules.json").read_text()):
            with suppress(ImportError):
                importlib.import_module(module)
    for name, (module, path) in STAGES.items():
        owner = importlib.import_module(module)
        *outer_names, attribute = path.split(".")
        for outer_name in outer_names:
            owner = getattr(owner, outer_name)
        function = getattr(owner, attribute)
        call = timed(name, function)
        # A module that has imported the function has a name of its own for it.
        for place in (owner, *list(sys.modules.values())):
            if place is owner or getattr(place, "__dict__", {}).get(attribute) is function:
                setattr(place, attribute, call)
    sys.argv = ["blobtransfer", *arguments]
    last = time.perf_counter()
    with stage("the rest of the program"):
        importlib.import_module("blobtransfer.cli.app").main()
    Path("stages.json").write_text(json.dumps(times))


if __name__ == "__main__":
    main(sys.argv[1:])
