"""Whatever is asked, the answer is a documented one: exit code, streams, files.

Command lines are drawn from all options, good and bad values mixed; the trainings are tiny.
"""

import contextlib
import json
import os
import random
import tempfile
from functools import partial
from pathlib import Path

import jsonschema
import pytest
from helpers.commands import run_here, without_cautions
from helpers.models import write_keras
from helpers.results import no_number
from helpers.trials import trials
from hypothesis import HealthCheck, configuration, given, settings
from hypothesis import strategies as st

from blobtransfer.results.files.schema import json_schema

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]

SCHEMA = jsonschema.Draft202012Validator(json_schema())

BAD = ["0", "-1", "nan", "inf", "1e400", "-0.0", "1_0", "", "x", "9" * 50, "10000000000", "1.5"]
"""Values that some options take and others do not."""

VARIANTS = [
    "new-head",
    "new-head,fixed=1",
    "reinit=1",
    "reinit=2",
    "add=2",
    "add=2,fixed=1",
    "fixed=1,unfreeze=1",
    "fixed=1,unfreeze=1,factor=0.1",
    "random-frozen,fixed=1",
    "self-transfer,fixed=1",
    "self-transfer",
    "equal-compute",
    "anchor=0.01",
    "new-head,fixed=1,anchor=1e-300",
    "fixed=1,unfreeze=1,anchor=1000000",
]
BAD_VARIANTS = [
    "",
    "standalone",
    "fixed=9",
    "reinit=0",
    "add=-1",
    "unfreeze=3",
    "factor=nan",
    "anchor=0",
    "equal-compute,anchor=1",
    "\x1b",
]

PROBLEM = {
    "--samples": ["12", "30", "60"],
    "--classes": ["3"],
    "--features": ["2"],
    "--cluster-std": ["1e-30", "0.5", "2", "1e30"],
    "--train-samples": ["6", "9"],
    "--test-samples": ["1", "40"],
}
TRAINING = {
    "--hidden": ["2", "2 2", "2,2", "3 2 2"],
    "--activation": ["relu"],
    "--initializer": ["he_normal", "lecun_uniform"],
    "--epochs": ["1", "2", "3"],
    "--batch-size": ["1", "4", "100"],
    "--learning-rate": ["0.01", "1e-300", "1e6", "1e300"],
    "--momentum": ["0", "0.9"],
    "--optimizer": ["sgd", "adam"],
    "--weight-decay": ["0", "-0.0", "1e-320", "0.01", "1e6"],
    "--patience": ["1", "2", "1000000"],
    "--engine": ["compiled"],
    "--train-seed": ["0", "4294967295"],
}
RESULTS = {
    "--format": ["table", "json", "csv", "markdown"],
    "--output": ["-", "a.csv", "a.md", "a.txt"],
    "--plot": ["a.svg", "none/a.png", "m.keras", "r.json"],
}
COMPARE = {
    **PROBLEM,
    **TRAINING,
    **RESULTS,
    "--source-seed": ["0", "4294967295"],
    "--target-seed": ["1", "7"],
    "--model": ["m.keras", "none.h5"],
    "--repeats": ["1", "2", "4"],
    "--fixed": ["0", "1", "0 1", "0,1,2"],
    "--variant": VARIANTS,
    "--sources": ["one", "fresh", "both"],
    "--nested": ["2 2", "2,3"],
    "--max-repeats": ["1", "3", "110"],
    "--margin": ["0", "-0.0", "1e-6", "1e-320", "0.01", "0.9"],
    "--low": ["1e-320", "0.1", "0.999"],
    "--against": ["fixed=0", "fixed=1", "new-head", "random-frozen,fixed=1"],
    "--threshold": ["1e-320", "0.5", "1"],
    "--source-epochs": ["1", "3"],
    "--budget": ["epochs", "updates"],
}
TRAIN_TARGET = {
    **PROBLEM,
    **TRAINING,
    **RESULTS,
    "--seed": ["0", "4294967295"],
    "--model": ["m.keras", "none.h5"],
    "--fixed": ["0", "1"],
    "--variant": VARIANTS,
}
OTHER_BAD = {
    "--variant": BAD_VARIANTS,
    "--against": BAD_VARIANTS,
    "--hidden": ["0", "2 x", "9" * 20, "1 " * 65],
}

# what Hypothesis keeps between runs has no place in a working copy
configuration.set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "blobtransfer-hypothesis")

quick = partial(
    settings,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@st.composite
def command_lines(draw, command, options, switches, always):
    """Draw a command line: a few options with good values, sometimes one with a bad one."""
    words = [command, *always]
    names = draw(st.lists(st.sampled_from(sorted(options)), max_size=6, unique=True))
    for name in names:
        values = draw(st.sampled_from(options[name])).split(" ")
        words += [name, *values] if draw(st.booleans()) else [f"{name}={','.join(values)}"]
    words += draw(st.lists(st.sampled_from(switches), max_size=2))
    if draw(st.integers(0, 2)) == 0:
        name = draw(st.sampled_from(sorted(options)))
        words.append(f"{name}={draw(st.sampled_from(OTHER_BAD.get(name, BAD)))}")
    return words


@contextlib.contextmanager
def folder_with_a_model():
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        write_keras(Path("m.keras"))
        yield


def assert_documented(argv):
    """Run a command; see that its exit code, streams and files are such as the docs say."""
    with folder_with_a_model():
        model = Path("m.keras").read_bytes()
        done = run_here(*argv)
        assert done.code in (0, 2, 3)
        assert Path("m.keras").read_bytes() == model
        if done.code == 2:
            assert done.out == ""
            assert done.err.startswith("error: ")
            assert done.err.endswith("\n") and done.err.count("\n") == 1
            assert os.listdir() == ["m.keras"]
            return
        assert "error: " not in done.err and "Traceback" not in done.err
        record = json.loads(Path("r.json").read_text(), parse_constant=no_number)
        SCHEMA.validate(record)
        runs = [*record["runs"], *filter(None, [record["source_run"]])]
        assert (done.code == 3) == any(run["status"] == "failed" for run in runs)
        shown = run_here("show", "r.json", "--no-plot", "-o", "again.json", "-q")
        assert (shown.code, without_cautions(shown.err)) == (0, "")
        assert Path("again.json").read_bytes() == Path("r.json").read_bytes()


TINY = ("--samples", "30", "--train-samples", "20", "--epochs", "2", "--hidden", "2", "--no-plot")


@quick(max_examples=trials(8))
@given(
    command_lines(
        "compare",
        COMPARE,
        ["--reverse", "--speed", "--speed", "--until-decided", "--nesterov", "-q", "-v"],
        [*TINY, "-o", "r.json"],
    )
)
def test_compare_answers_any_command_line_in_a_documented_way(argv):
    if not any(word.startswith(("--repeats", "--nested", "--max-repeats")) for word in argv):
        argv = [*argv, "--max-repeats" if "--until-decided" in argv else "--repeats", "2"]
    assert_documented(argv)


@quick(max_examples=trials(5))
@given(command_lines("train-target", TRAIN_TARGET, ["-q", "-v"], [*TINY, "-o", "r.json"]))
def test_train_target_answers_any_command_line_in_a_documented_way(argv):
    assert_documented(argv)


# ---------------------------------------------------------------- results, damaged


@pytest.fixture(scope="module")
def results():
    """Return the bytes of good results, as a command writes them."""
    with folder_with_a_model():
        more = "--repeats 3 --speed --variant random-frozen,fixed=1 --variant new-head".split()
        assert run_here("compare", *TINY, *more, "-o", "r.json", "-q").code == 0
        return Quiet(Path("r.json").read_bytes())


class Quiet(bytes):
    """Bytes that do not fill the screen where a test fails."""

    def __repr__(self):
        return f"{len(self)} bytes"


PUT = [
    *[None, True, 0, -1, 1, 10**9, 10**40, 1.5, -0.0, 1e308, 1e-320, "", "x", "[/x]", "\x1b[31m"],
    *["$x_{", "\n", "x" * 5000, "1", "one", [], {}, [[]], [None], [0.5, 0.5], {"a": 1}],
]
"""What takes the place of something in a damaged file."""


def places(value, path=()):
    """Yield the paths to everything in a JSON value."""
    children = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, child in children:
        yield (*path, key)
        yield from places(child, (*path, key))


def damage(record, rng):
    """Put, drop, double or swap one thing in a record."""
    # a place near the top as often as one of the many places deep down
    depth = rng.randint(1, 4)
    path = rng.choice([path for path in places(record) if len(path) <= depth])
    for key in path[:-1]:
        record = record[key]
    last = path[-1]
    match rng.randrange(4):
        case 0:
            del record[last]
        case 1 if isinstance(record[last], list):
            record[last] = record[last] * 2
        case 2 if isinstance(record, list):
            record[last] = record[0]
        case _:
            record[last] = rng.choice(PUT)


def assert_shown_or_refused(text):
    with folder_with_a_model():
        Path("x.json").write_bytes(text)
        done = run_here("show", "x.json", "--no-plot", "-q", "-o", "y.json", "-o", "y.txt")
        if done.code == 2:
            assert done.out == ""
            assert done.err.startswith("error: x.json: ")
            assert done.err.count("\n") == 1
            assert sorted(os.listdir()) == ["m.keras", "x.json"]
            return
        assert (done.code, without_cautions(done.err)) == (0, "")
        SCHEMA.validate(json.loads(Path("y.json").read_text(), parse_constant=no_number))
        assert "\x1b" not in done.out


@quick(max_examples=trials(15))
@given(seed=st.integers(0, 2**32 - 1), n_times=st.integers(1, 3))
def test_results_with_a_thing_changed_are_shown_or_refused(results, seed, n_times):
    rng = random.Random(seed)
    record = json.loads(results)
    for _ in range(n_times):
        damage(record, rng)
    assert_shown_or_refused(json.dumps(record).encode())


@quick(max_examples=trials(6))
@given(
    at=st.floats(0, 1),
    cut=st.integers(0, 40),
    put=st.binary(max_size=8) | st.sampled_from([b"NaN", b"{", b"]", b'"', b"\0", b"1e999", b","]),
)
def test_results_with_bytes_changed_are_shown_or_refused(results, at, cut, put):
    start = int(at * len(results))
    assert_shown_or_refused(results[:start] + put + results[start + cut :])


@quick(max_examples=trials(6))
@given(text=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode()))
def test_bytes_that_are_no_results_are_refused(text):
    assert_shown_or_refused(text)


# ---------------------------------------------------------------- what can be typed at all


@quick(max_examples=trials(15))
@given(
    command=st.sampled_from(["plot-data", "train-source", "train-target", "compare", "show"]),
    option=st.sampled_from(sorted({*COMPARE, *TRAIN_TARGET, "--save", "-o"})),
    value=st.text(st.characters(exclude_characters="\0"), max_size=30),
)
def test_any_text_as_any_value_is_refused_in_one_line(command, option, value):
    with folder_with_a_model():
        # --repeats 0 is refused last of all, where the text before it was a good one
        done = run_here(command, f"{option}={value}", "--epochs=0", "--samples=0", "--margin=2")
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("error: ")
        assert done.err[:-1].isprintable() and done.err[-1] == "\n"
        assert os.listdir() == ["m.keras"]
