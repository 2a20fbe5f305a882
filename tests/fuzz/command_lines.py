"""Random command lines: options of every command with good and odd values, and odd variables."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

from helpers.commands import run_here
from helpers.models import write_keras
from helpers.specs import SMALL_OPTIONS
from helpers.tables import write_rows, write_sites

from blobtransfer.cli.app import COMMANDS, COMPLETE, build_command
from blobtransfer.cli.failures import envvar_of
from blobtransfer.cli.parsing import NUMBERS, OF_TWO, PAIR, RANGE, ROWS, SPECS, WORDS
from fuzz.mutation import VICTIM, Mutation

TABLE, MODEL, RESULTS, STORE, SCORES = "t.csv", "m.keras", "r.json", "s.db", "scores.csv"
"""Files that are there."""

INTEGERS = ("0", "-1", "-0", "+2", "007", "1e3", "1.5", "x", "", " ", "nan", "1_0", "0x10", "٣",
            "9" * 20, "9" * 500, "4294967296", "2 2", "2,2", "-", "\x1b[2J")  # fmt: skip
"""Values that are refused, or small: none makes a run take long."""

REALS = ("0", "-0.0", "0.5", "1", "-1", "1e-320", "1e308", "1e309", "nan", "-inf", "1e-5000", "½",
         "0x1p3", "1_0.0", ".5", "5.", "x", "", "0,5")  # fmt: skip

PROBLEMS = (
    f"{TABLE}:label=outcome,drop=person", f"{TABLE}:label=outcome,group=person,where=site:A",
    "moons:samples=60,train=40,noise=0.2", "circles:samples=60,train=30", "iris", "blobs:seed=2",
    "quantiles:samples=60,train=30,classes=2", "iris:classes=0-1", f"{TABLE}:label=none", TABLE,
    "iris:classes=9", "moons:noise=nan", "moons:samples=99999999999", "moons:bogus=1", "blobs:",
    "none.csv:label=y", "", ":", "x", "moons:noise=", "folder:label=y", "fifo.csv:label=y",
    "\x1b[2J:label=y", f"{MODEL}:label=y", "iris:label=x", f"{TABLE}:label=outcome,label=site",
)  # fmt: skip

VARIANTS = ("fixed=1", "new-head", "reinit=1", "add=2", "fixed=1,unfreeze=1,factor=0.1",
            "random-frozen,fixed=1", "self-transfer", "equal-compute", "anchor=0.01", "standalone",
            "fixed=9", "", "reinit=0", "add=99999999999", "factor=nan", "fixed=1,fixed=1", "=", ",",
            "anchor=1e400", "\x1b[2J", "fixed", "new-head=1")  # fmt: skip

AXES = ("hidden=2,3", "train-samples=20,30", "fixed=0,1", "learning-rate=0.1,0.2", "epochs=1..2",
        "target.noise=0.1,0.2", "source-epochs=1,3", "optimizer=sgd,adam",
        "hidden=", "hidden", "hidden=2", "x=1,2",
        "epochs=0,1", "hidden=1..99999999999", "hidden=2..3/0", "hidden=2..3/99999", "seed=1,2",
        "learning-rate=nan,1", "hidden=2,2", "hidden=" + "2," * 20_000, "", "=", "..", "/",
        "train-samples=20,1e400", "hidden=2..32/5/5", "\x1b[2J=1,2")  # fmt: skip

FILES = ("o.json", "o.csv", "o.md", "o.txt", "o.html", "o.svg", "o.tex", "o.db", "o.keras", "o",
         "-", "", " ", ".", "/", "folder", "folder/o.csv", "none/o.csv", "link.csv", "hard.csv",
         "fifo.csv", "dangling.json", "\x1b[31m.csv", "\udcff.md", "n" * 300 + ".csv", "$x$.svg",
         ".json", "o.JSON", "~/none/x", RESULTS, MODEL, STORE, TABLE)  # fmt: skip

POOLS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "N": (("1", "2", "3"), INTEGERS),
    "X": (("0.01", "0.5", "0.01", "0.5", "1e-300", "1e6", "1e300"), REALS),
    NUMBERS: (("1", "0 1", "2 3", "2,3"), INTEGERS),
    PAIR: (("2 2", "2,3"), ("2", "2 2 2", "0 1", "2 99999999999", *INTEGERS)),
    WORDS: (("relu", "tanh", "leaky_relu=0.1"), ("relu tanh relu", "x", "", "leaky_relu=nan")),
    SPECS: (("blobs:samples=60,train=40,seed=1..2", "moons:samples=60 circles:samples=60"),
            (*PROBLEMS, "blobs:seed=1..9999999", "blobs:seed=2..1", "moons moons")),
    "--initializer": (("he_normal", "lecun_uniform"), ("", "x", "He_Normal")),
    "FILE": (FILES[:9], FILES),
    "A..B": (("0..0", "1..1"), ("0..99", "1..0", "0", "..", "", "-1..1", "0..9999999999", "x..y")),
    "WIDTHxHEIGHT": (("5x4",), ("0x0", "5", "x", "", "5x", "nanx5", "1e9x5", "5x4x3", "5*4")),
    "--tune": (("learning-rate=0.1,0.2",), ("learning-rate=", "x=1,2", "learning-rate=nan",
                       "learning-rate=" + "1," * 30, "", "hidden=2,3")),
    "SETTING=A,B,...": (AXES[:8], AXES),
    "ADDRESS": (("x",), ("", "tcp://h:99999", RESULTS, "folder", "fifo.csv", "tcp://", "\x1b")),
    "RESULTS": ((RESULTS, STORE), ("none.json", "folder", TABLE, MODEL, "-", "", "link.csv")),
    "SCORES": ((SCORES,), ("none.csv", TABLE, MODEL, "folder", "-", "", "link.csv")),
    "TEXT": (("a title",), ("", "x" * 3000, "$\\alpha$", "\x1b[2J", "<b>&", "\u202e")),
    "--table": (("cases", "variants"), ("", "x", "controls", "\x1b[2J", "n" * 300)),
    "NAME": (("base", "tuned"), ("", "x", "Base", "\x1b[2J", "n" * 300)),
    RANGE: (("0 1", "0 100"), ("0", "1 0", "0 0", "nan 1", "0 1e400", *REALS)),
    ROWS: (("80 20",), ("80", "0 0", "1 99999999999", *INTEGERS)),
    "PART.db ...": ((STORE,), ("none.db", RESULTS, "folder", "fifo.csv", "", "link.csv")),
}  # fmt: skip
"""Small valid values of an option, by its metavar or flag, and odd ones."""

SMALL = {
    "--samples": "60", "--train-samples": "40", "--test-samples": "20", "--epochs": "2",
    "--repeats": "2", "--pairs": "2", "--classes": "3", "--features": "2", "--max-repeats": "4",
    "--model": MODEL,
}  # fmt: skip
"""Valid values of options for which others do not fit."""

BASE = (("--samples", "60"), ("--train-samples", "40"), ("--epochs", "2"), ("--repeats", "2"),
        ("--pairs", "2"), ("--no-plot",))  # fmt: skip
"""Options that make a run small, for the commands that have them."""

EXCLUDES = {
    "--repeats": {"--nested", "--until-decided"},
    "--samples": {"--source", "--target", "--task"},
    "--train-samples": {"--source", "--target", "--task"},
}
"""Options beside which one of `BASE` would be refused."""

ODD_WORDS = ("--bogus", "-Z", "--épochs", "--epoch", "---", "--", "-", "\x1b[31m", "=x", "--=", "",
             "--epochs=", "--epochs", "x" * 5000, "\udcff", "\u202e", "--help", "--help-all",
             "-h", "--quiet=1", "-qq", "-qv", "a\nerror: b")  # fmt: skip

VARIABLES = {
    "COLUMNS": ("0", "-1", "x", "20", "1000000"),
    "NO_COLOR": ("1",),
    "TERM": ("dumb", "\x1b"),
    "SOURCE_DATE_EPOCH": ("x", "-1"),
    COMPLETE: ("complete_bash", "complete_zsh", "source_fish", "x"),
    "BLOBTRANSFER_": ("1",),
    "BLOBTRANSFER_BOGUS": ("1",),
    "BLOBTRANSFER_\x1b[2J": ("1",),
    "BLOBTRANSFER_EPOCH": ("x",),
}

OPENS_WINDOW = {"--show"}
"""Left out: a test must not open a window where there is a display."""


def prepare(valid: Path) -> None:
    """Write a table, a model, results and a store."""
    write_sites(valid / TABLE)
    scores = [["base", "tuned"], *([f"0.{i % 7}", f"0.{i % 5}"] for i in range(1, 21))]
    write_rows(valid / SCORES, scores)
    write_keras(valid / MODEL)
    finished = run_here(
        "compare", *SMALL_OPTIONS, "--repeats=2", "--no-plot", "-o", RESULTS, "--store", STORE
    )
    assert finished.code == 0, finished.err


def mutate(rng: Random, i: int, valid: Path) -> Mutation:
    """Return a random command line, in a folder of files of many kinds."""
    shutil.copytree(valid, ".", dirs_exist_ok=True)
    Path("folder").mkdir()
    Path("link.csv").symlink_to(VICTIM)
    Path("dangling.json").symlink_to("none")
    Path("hard.csv").hardlink_to(VICTIM)
    os.mkfifo("fifo.csv")
    name = rng.choice(tuple(COMMANDS))
    params = [param for param in build_command(name).params if not OPENS_WINDOW & {*param.opts}]
    wanted = [param for param in params if param.required and rng.random() < 0.95]
    wanted += rng.choices(params, k=rng.choice((0, 1, 2, 3, 4, 8)))
    given = {flag for param in wanted for flag in param.opts}
    groups = [_words(param, rng) for param in wanted]
    known = {flag for param in params for flag in param.opts}
    groups += [
        list(words)
        for words in BASE
        if words[0] in known and not (given & EXCLUDES.get(words[0], set()))
    ]
    if "--until-decided" in given:
        groups.append(["--max-repeats", "4"])
    if rng.random() < 0.15:
        groups.append([rng.choice(ODD_WORDS)])
    rng.shuffle(groups)
    words = [word for group in groups for word in group]
    if rng.random() < 0.05 and words:
        words.remove(rng.choice(words))
    environment = _environment(params, rng) if rng.random() < 0.2 else {}
    return Mutation([name, *words], environment)


def _words(param: Any, rng: Random) -> list[str]:
    """Return an argument, or an option with its value, as a user may write it."""
    if getattr(param, "is_flag", False):
        return [rng.choice(param.opts)]
    value = value_of(param, rng)
    if not param.opts[0].startswith("-"):
        return [value]
    flag = rng.choice(param.opts)
    if rng.random() < 0.3:
        return [f"{flag}={value}"]
    is_list = param.metavar in (NUMBERS, PAIR, WORDS, SPECS, *OF_TWO)
    return [flag, *(value.split(" ") if is_list else [value])]


def value_of(param: Any, rng: Random) -> str:
    """Return a value for an option or argument, mostly a valid one."""
    flag, metavar, is_valid = str(param.opts[0]), str(param.metavar), rng.random() < 0.8
    if is_valid and flag in SMALL:
        return SMALL[flag]
    if getattr(param, "is_flag", False):
        return rng.choice(("1", "0", "yes", "x", ""))
    if metavar in ("SPEC", "VARIANT"):
        pool = PROBLEMS if metavar == "SPEC" else VARIANTS
        return rng.choice(pool[:6] if is_valid else pool)
    if "|" in metavar:
        choices = metavar.replace("|keras", "").split("|")
        return rng.choice(choices if is_valid else ("", "x", choices[0].upper(), f"{choices[0]} "))
    return rng.choice(POOLS[flag if flag in POOLS else metavar][0 if is_valid else 1])


def _environment(params: list[Any], rng: Random) -> dict[str, str]:
    """Return variables of the environment: defaults of options, and others that are read."""
    options = [param for param in params if param.opts[0].startswith("--")]
    chosen = rng.choices(options, k=rng.choice((1, 1, 3)))
    variables = {envvar_of(param.opts[0]): value_of(param, rng) for param in chosen}
    if rng.random() < 0.4:
        name = rng.choice(tuple(VARIABLES))
        variables[name] = rng.choice(VARIABLES[name])
    return variables
