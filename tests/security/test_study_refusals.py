"""Bad input of studies, through the real command: one line, and nothing written."""

import shlex

import pytest
from helpers.commands import assert_refused, contents
from helpers.models import write_keras

from blobtransfer.studies import sweep

pytestmark = pytest.mark.security

SWEEP = [
    ("sweep", "sweep", "--over"),
    ("sweep --over", "--over", "SETTING"),
    ("sweep --over ''", "--over", "an empty name"),
    ("sweep --over train-sample=1,2", "--over train-sample=1,2", "mean train-samples?"),
    ("sweep --over train-samples", "--over train-samples", "30,100"),
    ("sweep --over train-samples=10", "--over train-samples=10", "--train-samples"),
    ("sweep --over train-samples=10,x", "--over train-samples=x", "a whole number"),
    ("sweep --over train-samples=10,10", "--over train-samples=10,10", "give it once"),
    ("sweep --over train-samples=10,5000", "--over train-samples=5000", "--samples"),
    ("sweep --over train-samples=1,10", "--over train-samples=1", "at least 3"),
    ("sweep --over hidden=5,0", "--over hidden=0", "1 or more units"),
    ("sweep --over hidden=5,5.5", "--over hidden=5.5", "a whole number"),
    ("sweep --over hidden=9..2", "--over hidden=9..2", "LOW..HIGH or LOW..HIGH/STEPS"),
    ("sweep --over fixed=0,3", "--over fixed=3", "0, 1 or 2"),
    ("sweep --over fixed=0,1 --fixed 1", "--fixed 1", "--over"),
    ("sweep --over epochs=0,10", "--over epochs=0", "1 or more"),
    ("sweep --over learning-rate=0.1,-1", "--over learning-rate=-1", "a finite number above 0"),
    ("sweep --over learning-rate=0.1,inf", "--over learning-rate=inf", "finite number"),
    ("sweep --over momentum=0.5,1", "--over momentum=1", "less than 1"),
    ("sweep --over nesterov=yes,no", "--over nesterov=yes", "on or off"),
    ("sweep --over optimizer=sgd,adm", "--over optimizer=adm", "one of sgd"),
    ("sweep --over activation=relu,rleu", "--over activation=rleu", "one of relu"),
    ("sweep --over initializer=he_uniform,x", "--over initializer=x", "one of he_uniform"),
    ("sweep --over batch-size=0,8", "--over batch-size=0", "1 or more"),
    ("sweep --over weight-decay=-1,0", "--over weight-decay=-1", "1,000,000"),
    ("sweep --over patience=0,1", "--over patience=0", "1 or more"),
    ("sweep --over patience=1.5,2", "--over patience=1.5", "a whole number"),
    ("sweep --over patience=1,2 --patience 3", "--patience 3", "--over"),
    ("sweep --over patience=1,2 --variant equal-compute", "--over patience=1", "leave one"),
    ("sweep --over train-samples=9,20 --patience 3", "--over train-samples=9", "9 training rows"),
    ("sweep --over target-seed=1,2", "--over target-seed=1,2", "pairs or grid"),
    ("sweep --over target.seed=1,2", "--over target.seed=1,2", "pairs or grid"),
    ("sweep --over train-seed=1,2", "--over train-seed=1,2", "--repeats"),
    ("sweep --over repeats=1,2", "--over repeats=1,2", "--repeats"),
    ("sweep --over margin=0.1,0.2", "--over margin=0.1,0.2", "--margin"),
    ("sweep --over target.noise=0.1,0.2", "--over target.noise=0.1", "seed, samples, train"),
    (
        "sweep --over cluster-std=1,2 --target moons --source moons",
        "--over cluster-std=1",
        "seed, samples, train",
    ),
    ("sweep --over features=2,3 --model m.keras", "--model m.keras", "data with 2"),
    (
        "sweep --over hidden=2,3 --over epochs=1,2 --over fixed=0,1",
        "--over fixed=0,1",
        "at most two",
    ),
    ("sweep --over hidden=2,3 --over hidden=4,5", "--over hidden=4,5", "another setting"),
    ("sweep --over hidden=2,3 --budget epoch", "--budget epoch", "mean epochs?"),
    ("sweep --over hidden=2,3 --repeats 5000000", "--repeats 5000000", "20,000,000"),
    ("sweep --over hidden=2,3 --nested 2 3 --repeats 4", "--repeats 4", "--nested"),
    ("sweep --over hidden=2,3 --threshold 0.5", "--threshold 0.5", "--speed"),
    ("sweep --over hidden=2,3 --curves c.csv", "--curves c.csv", "--speed"),
    ("sweep --over hidden=2,3 --scores --sources one", "--scores", "--sources"),
    (
        "sweep --over train-samples=10,20 --variant fixed=1,unfreeze=5",
        "--over train-samples=10",
        "--budget",
    ),
    ("sweep --over target.train=10,20 --source digits --target digits", "digits", "1,797"),
    (
        "sweep --over target.train=5,2000 --source digits:classes=0-4 --target digits:classes=5-9",
        "--over target.train=2000",
        "train 2000: use",
    ),
    (
        "sweep --over target.scale=own,none --source iris --target wine",
        "--over target.scale=own,none",
        "mean target.samples or target.sep?",
    ),
    ("sweep --over hidden=2,3 -o x.xyz", "--output x.xyz", ".txt, .json, .csv"),
    ("sweep --over hidden=2,3 --plot x.xyz", "--plot x.xyz", ".png, .svg, .pdf"),
    ("sweep --over hidden=2,3 --summary x.json", "--summary x.json", ".csv, .md, .tex"),
]

MEANINGLESS = [
    ("sweep --over epochs=5,10 --epochs 20", "--epochs 20", "--over"),
    (
        "sweep --over learning-rate=0.01,0.1 --tune learning-rate=0.01,0.1",
        "--tune learning-rate=0.01,0.1",
        "--over",
    ),
    ("sweep --over source-seed=1,3 --source-seed 2", "--source-seed 2", "--over"),
    (
        "sweep --over source-seed=1,3 --target moons --model m.keras",
        "--over source-seed=1",
        "--source",
    ),
    ("sweep --over train-samples=30,30.0", "--over train-samples=30,30.0", "give it once"),
    ("sweep --over hidden=5,5+5", "--over 5+5", "leave one of the two out"),
    (
        "grid --problems blobs:seed=1 blobs:seed=1,std=2.0",
        "--problems blobs:seed=1,std=2.0",
        "use it once",
    ),
    ("grid --problems junk", "--problems junk", "unknown data junk"),
]

PAIRS = [
    ("pairs --pairs 1", "--pairs 1", "2 or more"),
    ("pairs --pairs 0", "--pairs 0", "2 or more"),
    ("pairs --pairs x", "--pairs x", "a whole number"),
    ("pairs --pairs 100000", "--pairs 100000", "10,000"),
    ("pairs --repeats 0", "--repeats 0", "1 or more"),
    ("pairs --first-seed -1", "--first-seed -1", "0 to 4294967295"),
    ("pairs --first-seed 4294967290", "--first-seed 4294967290", "4294967176 or less"),
    ("pairs --source blobs:seed=3", "--source blobs:seed=3", "--first-seed"),
    ("pairs --source moons:noise=x", "--source moons:noise=x", "noise=x: use a number"),
    ("pairs --source moon", "--source moon", "mean moons?"),
    ("pairs --source wine", "--source wine", "4 or more"),
    ("pairs --source digits --target iris", "--target iris", "--source"),
    ("pairs --source digits --pairs 300", "--pairs 300", "at most 126"),
    ("pairs --source digits:train=x", "--source digits:train=x", "train=x: use a"),
    ("pairs --curves c.csv", "--curves c.csv", "--speed"),
    ("pairs --cluster-std 1 --source moons", "--cluster-std 1", "--source"),
    ("pairs --fixed 3", "--fixed 3", "0, 1 or 2"),
    ("pairs --train-seed -1", "--train-seed -1", "0 to 4294967295"),
    ("pairs --speed", "--speed", "--help"),
    ("pairs --sources one", "--sources", "compare, sweep"),
]

GRID = [
    ("grid", "grid", "--problems"),
    ("grid --problems", "--problems", "SPEC"),
    ("grid --problems blobs:seed=1", "--problems blobs:seed=1", "2 to 50 problems"),
    ("grid --problems blobs:seed=1 blobs:seed=1", "--problems blobs:seed=1", "give it once"),
    ("grid --problems blobs:seed=4..1", "--problems blobs:seed=4..1", "FIRST..LAST with FIRST"),
    ("grid --problems blobs:seed=1..99", "--problems blobs:seed=1..99", "FIRST..LAST with FIRST"),
    ("grid --problems blobs moon", "--problems moon", "mean moons?"),
    (
        "grid --problems blobs:seed=1 classification",
        "--problems blobs:seed=1 classification",
        "same number of",
    ),
    (
        "grid --problems moons circles --fixed 0 --variant self-transfer,fixed=1",
        "--variant self-transfer,fixed=1",
        "leave it out",
    ),
    (
        "grid --problems blobs:seed=1 blobs:seed=2,classes=4 --fixed 0",
        "--problems blobs:seed=1 blobs:seed=2,classes=4",
        "new-head,fixed=0",
    ),
    ("grid --problems blobs:seed=1 missing.csv:label=y", "missing.csv", "check the path"),
    ("grid --problems digits digits", "--problems digits", "give it once"),
    ("grid --problems blobs:seed=1 blobs:seed=2 --curves c.csv", "--curves c.csv", "--speed"),
    ("grid --problems blobs:seed=1 blobs:seed=2 --repeats 0", "--repeats 0", "1 or more"),
    ("grid --problems blobs:seed=1 blobs:seed=2 --nested 2 2", "--nested", "compare and sweep"),
    (
        "grid --problems blobs:seed=1 blobs:seed=2 --scores --variant random-frozen,fixed=1 "
        "--fixed ''",
        "--fixed ''",
        "a whole number",
    ),
]

SCORES = [("compare --scores --sources one", "--scores", "--sources")]


@pytest.mark.parametrize(
    ("argv", "name", "key"),
    [*SWEEP, *MEANINGLESS, *PAIRS, *GRID, *SCORES],
    ids=lambda part: str(part)[:70],
)
def test_bad_input_is_one_line_and_writes_nothing(run, tmp_path, argv, name, key):
    write_keras(tmp_path / "m.keras")
    before = contents(tmp_path)
    assert_refused(run(*shlex.split(argv)), name, key)
    assert contents(tmp_path) == before


def test_points_are_counted_before_any_is_built(run, monkeypatch):
    monkeypatch.setattr(sweep, "experiment_of", None)
    values = ",".join(map(str, range(1, 102)))
    done = run("sweep", "--over", f"hidden={values}", "--over", f"batch-size={values}")
    assert_refused(done, "--over batch-size", "10,201 points")


@pytest.mark.parametrize(
    ("variable", "value", "argv", "key"),
    [
        ("BLOBTRANSFER_OVER", "hiden=1,2", "sweep", "did you mean hidden?"),
        ("BLOBTRANSFER_PAIRS", "one", "pairs", "whole number"),
        ("BLOBTRANSFER_PROBLEMS", "moon", "grid", "did you mean moons?"),
    ],
)
def test_a_bad_value_in_the_environment_is_refused_by_its_variables_name(
    run, monkeypatch, variable, value, argv, key
):
    monkeypatch.setenv(variable, value)
    assert_refused(run(argv), f"{variable} {value}", key)
