"""Bad descriptions of problems, and tables that cannot be learnt, through the real command.

Each is refused with exit code 2 and one line on standard error; nothing is created, and no file
changes by a byte.
"""

import os
import shlex
import shutil
import struct
import zipfile

import numpy as np
import pytest
from helpers.commands import assert_refused, contents
from helpers.models import write_keras
from helpers.tables import write_rows, write_sites

pytestmark = pytest.mark.security

SITE = "sites.csv:label=outcome,drop=person,drop=fold,where=site"

DESCRIPTIONS = [
    ("train-source --task mons", "--task mons", "mean moons?"),
    ("train-target --task ''", "--task", "no data is named"),
    ("plot-data --task MNIST", "--task MNIST", "unknown data MNIST"),
    ("compare --source moons:noize=1 --target moons", "--source moons:noize=1", "mean noise?"),
    (
        "compare --source moons --target moons:noise",
        "--target moons:noise",
        "noise is not of the form",
    ),
    ("train-source --task moons:noise=", "--task moons:noise=", "give one, or"),
    ("train-source --task moons:noise=x", "--task moons:noise=x", "noise=x: use a number"),
    (
        "train-source --task moons:noise=nan",
        "--task moons:noise=nan",
        "noise=nan: use a finite number",
    ),
    ("train-source --task moons:noise=-1", "--task moons:noise=-1", "0 to 1e06"),
    ("train-source --task moons:samples=1", "--task moons:samples=1", "at least 2"),
    ("train-source --task moons:samples=99999999", "--task moons:samples=99999999", "199,999,998"),
    (
        "train-source --task moons:seed=4294967296",
        "--task moons:seed=4294967296",
        "0 to 4294967295",
    ),
    ("train-source --task circles:factor=1", "--task circles:factor=1", "less than 1"),
    (
        "train-source --task classification:informative=9,features=3",
        "--task classification:informative=9,features=3",
        "informative=9: use 3",
    ),
    (
        "train-source --task quantiles:classes=1",
        "--task quantiles:classes=1",
        "classes=1: use 2 or more",
    ),
    ("train-source --task blobs:seed=1,seed=2", "--task blobs:seed=1,seed=2", "give it once"),
    ("train-source --task moons --seed 3", "--seed 3", "--task"),
    ("train-source --task moons:noise=0.1 --samples 80 --seed 3", "--seed 3", "--task"),
    ("train-source --task moons --cluster-std 1", "--cluster-std 1", "--task"),
    ("train-source --task iris --classes 2", "--classes 2", "--task"),
    ("compare --source blobs:std=1 --source-seed 4", "--source-seed 4", "--source"),
    ("compare --target moons", "--target moons", "--source"),
    ("compare --source moons", "--source moons", "--target"),
    ("compare --source iris --target-seed 3", "--source iris", "--target"),
    ("compare --source iris --reverse", "--source iris", "--target"),
    ("sweep --over epochs=1,2 --source moons", "--source moons", "--target"),
    ("compare --source moons --target blobs:features=3", "--source moons 1", "same number of"),
    (
        "compare --source moons --target moons --fixed 0 --variant new-head,fixed=0 "
        "--until-decided --repeats 5",
        "--repeats 5",
        "--until-decided",
    ),
    (
        "compare --source blobs:classes=4 --target blobs --fixed 0",
        "--variant transfer fixed=0",
        "new-head,fixed=0",
    ),
    ("plot-data --task moons --task moons", "--task moons", "give it once"),
]

SETS = [
    ("train-source --task digits:classes=0-12", "digits", "class 10 does not exist"),
    ("train-source --task digits:classes=7", "digits", "one class"),
    ("train-source --task iris:classes=setosa+virginca", "iris", "mean virginica?"),
    ("train-source --task iris:scale=source", "iris", "scale=own or scale=none"),
    ("train-source --task iris:label=x", "--task iris:label=x", "classes, drop, scale"),
    ("train-source --task iris:train=200", "iris", "150 rows"),
    ("train-source --task 'iris:drop=sepal lenth'", "iris", "mean sepal length or petal length?"),
    ("compare --source iris --target iris", "iris", "separate them with where="),
    (
        "compare --source digits:classes=0-4 --target digits:classes=5-9 --until-decided",
        "--until-decided",
        "--repeats",
    ),
    (
        "compare --source digits:classes=0-4 --target digits:classes=5-9 --nested 3 4",
        "--nested 3 4",
        "--repeats",
    ),
    (
        "compare --source digits:classes=0-4 --target digits:classes=5-9 "
        "--variant self-transfer,fixed=1",
        "--variant self-transfer,fixed=1",
        "--sources",
    ),
    ("compare --model m.keras --target iris", "--model m.keras", "scale=none"),
    ("compare --model m.keras --source iris --target iris", "--model m.keras", "scale=none"),
    ("sweep --over epochs=1,2 --model m.keras --target iris", "--model m.keras", "scale=none"),
    ("train-target --model m.keras --task iris", "--model m.keras", "scale=none"),
    ("compare --model m.keras --target moons --sources both", "--sources fresh", "set one"),
    ("compare --model m.keras --target moons --nested 2 3", "--sources fresh", "set one"),
    ("compare --model m.keras --target classification", "--model m.keras", "data with 2"),
]

OUTPUTS = [
    (f"{command} --no-plot {option} {file}", f"{option} {file}", "replace a table")
    for command, option, file in (
        (f"train-source --task {SITE}:A", "--output", "sites.csv"),
        (f"train-target --task {SITE}:A", "--curves", "sites.csv"),
        (f"compare --source {SITE}:A --target {SITE}:B", "--summary", "sites.csv"),
        (f"compare --source {SITE}:A --target {SITE}:B", "--output", "here/sites.csv"),
    )
]

TABLES = [
    ("train-source --task sites.csv", "sites.csv", "add :label=COLUMN"),
    (
        "train-source --task sites.csv:lable=outcome",
        "--task sites.csv:lable=outcome",
        "mean label?",
    ),
    ("train-source --task sites.csv:label=outcom", "sites.csv", "mean outcome?"),
    ("train-source --task ids.csv:label=y", "ids.csv", "drop it with drop=x"),
    ("train-source --task numbered.csv:label=y", "numbered.csv", "drop=id,drop=note"),
    ("train-source --task numbered.csv:label=y,drop=9", "numbered.csv", "columns 1 to 4"),
    ("train-source --task numbered.csv:label=y,drop=nte", "numbered.csv", "mean note?"),
    ("train-source --task numbered.csv:label=y,drop=4,drop=1-2", "numbered.csv", "y is label="),
    ("train-source --task nameless.csv:label=y", "nameless.csv", "drop it with drop=2"),
    ("train-source --task defects.csv:label=y", "defects.csv", "10 of 20 rows are"),
    ("train-source --task marks.csv:label=y", "marks.csv", "missing=?,missing=mean"),
    ("train-source --task marks.csv:label=y,where=z::a", "marks.csv", "no such column"),
    (f"train-source --task {SITE}:A,train=1.5", f"--task {SITE}:A,train=1.5", "such as 0.8 or"),
    (f"train-source --task {SITE}:A,train=0.001", "sites.csv", "use more"),
    (f"train-source --task {SITE}:A,sep=xx", f"--task {SITE}:A,sep=xx", "a character, or comma"),
    (f"train-source --task {SITE}:A,head=no", f"--task {SITE}:A,head=no", "use none"),
    ("train-source --task rows.npz:label=y,sep=tab", "rows.npz", "sep= is for text"),
    ("train-source --task rows.npz:label=y,head=none", "rows.npz", "head= is for text"),
    ("train-source --task sites.csv:label=age,drop=person", "sites.csv", "is this regression?"),
    (f"train-source --task {SITE}:C", "sites.csv", "A, B"),
    (f"train-source --task {SITE}", f"--task {SITE}", "where=site: use where=COLUMN"),
    (f"train-source --task {SITE}:A,scale=sorce", f"--task {SITE}:A,scale=sorce", "mean source?"),
    (
        f"train-source --task {SITE}:A,missing=zero",
        f"--task {SITE}:A,missing=zero",
        "missing=zero: use one",
    ),
    (f"train-source --task {SITE}:A,split=smoker", "sites.csv", "use train or"),
    (f"train-source --task {SITE}:A,group=smoker", "sites.csv", "at least four"),
    (
        f"train-source --task {SITE}:A,train=5,split=smoker",
        f"--task {SITE}:A,train=5,split=smoker",
        "leave train= out",
    ),
    (f"train-source --task {SITE}:A,drop=outcome", f"--task {SITE}:A,drop=outcome", "remove one"),
    (f"compare --source {SITE}:A --target {SITE}:A", "sites.csv", "separate them with where="),
    (
        f"compare --source {SITE}:A "
        "--target copy.csv:label=outcome,drop=person,drop=fold,drop=site",
        "copy.csv",
        "remove them from one",
    ),
    (f"compare --source iris --target {SITE}:A", "sites.csv", "columns are matched"),
    ("train-source --task none.csv:label=y", "none.csv", "check the path"),
    ("train-source --task dir.csv:label=y", "dir.csv", "use a file"),
    ("train-source --task pipe.csv:label=y", "pipe.csv", "use a file"),
    ("train-source --task a.xls:label=y", "a.xls", "save it as .xlsx"),
    ("train-source --task file:noext:label=y", "noext", ".csv, .tsv, .txt"),
    ("train-source --task ragged.csv:label=y", "ragged.csv", "correct that line"),
    ("train-source --task wide.csv:label=y", "wide.csv", "10,000"),
    ("train-source --task null.csv:label=y", "null.csv", "save it as UTF-8 text"),
    ("train-source --task utf16.csv:label=y", "utf16.csv", "save it as UTF-8"),
    ("train-source --task latin.csv:label=y", "latin.csv", "save it as UTF-8"),
    ("train-source --task packed.csv.gz:label=y", "packed.csv.gz", "save it again"),
    ("train-source --task empty.csv:label=y", "empty.csv", "use a table with column names"),
    ("train-source --task head.csv:label=y", "head.csv", "no rows; add some"),
    ("train-source --task twice.csv:label=y", "twice.csv", "column 2"),
    ("train-source --task quote.csv:label=y", "quote.csv", "correct that line"),
    ("train-source --task formula.csv:label=y", "formula.csv", "correct it, or"),
    ("train-source --task lines.csv:label=y", "lines.csv", "correct it, or"),
    ("train-source --task missing.csv:label=y", "missing.csv", "missing=mean, missing=drop or"),
    ("train-source --task unlabelled.csv:label=y", "unlabelled.csv", "missing=drop, or fill"),
    ("train-source --task word.csv:label=y", "word.csv", "correct it, or"),
    ("train-source --task comma.csv:label=y", "comma.csv", "1.500 or 1500"),
    ("train-source --task alone.csv:label=y", "alone.csv", "use two or more classes"),
    ("train-source --task rare.csv:label=y", "rare.csv", "at least 2"),
    ("train-source --task pickled.npz:label=y", "pickled.npz", "Python objects"),
    ("train-source --task cut.npz:label=y", "cut.npz", "save it again"),
    ("train-source --task rows.npz:label=y", "rows.npz", "use arrays"),
    ("train-source --task words.arff:label=y", "words.arff", "'z' in line 5"),
    ("train-source --task sparse.arff:label=y", "sparse.arff", "correct that line"),
    ("train-source --task extra.arff:label=y", "extra.arff", "correct that line"),
    ("train-source --task header.npz:label=y", "header.npz", "3,900,000,000"),
    ("train-source --task true.npz:label=y", "true.npz", "save it again"),
    ("train-source --task complex.npz:label=y", "complex.npz", "complex128"),
    ("train-source --task nested.npz:label=y", "nested.npz", "save it again"),
    ("train-source --task cut.parquet:label=y", "cut.parquet", "save it again"),
    ("train-source --task cut.feather:label=y", "cut.feather", "save it again"),
    ("train-source --task cut.xlsx:label=y", "cut.xlsx", "save it again"),
    ("train-source --task model.csv:label=y", "model.csv", "save it as CSV in UTF-8"),
]


def write_tables(folder):
    """Write a table of each kind that is refused."""
    write_sites(folder / "sites.csv")
    (folder / "copy.csv").write_text((folder / "sites.csv").read_text() + "\n")
    write_keras(folder / "m.keras")
    shutil.copy(folder / "m.keras", folder / "model.csv")
    (folder / "dir.csv").mkdir()
    os.mkfifo(folder / "pipe.csv")
    (folder / "here").symlink_to(".")
    numbers = [[str(i), "01"[i % 2]] for i in range(12)]
    for name, content in {
        "empty.csv": b"",
        "head.csv": b"x,y\n",
        "ragged.csv": b"x,y\n1,2\n3\n",
        "wide.csv": b",".join(b"c%d" % i for i in range(1_000_000)) + b"\n",
        "null.csv": b"x,y\n1,\0\n",
        "utf16.csv": "x,y\n1,2\n".encode("utf-16")[:-1],
        "latin.csv": b"x,y\n1,a\n2,\xe9t\x81\n",
        "packed.csv.gz": b"\x1f\x8b\x08\0",
        "twice.csv": b"x,x\n1,2\n",
        "quote.csv": b'x,y\n1,"2\n3,4\n',
        "noext": b"x,y\n1,2\n",
        "cut.npz": b"PK\x03\x04",
        "cut.parquet": b"PAR1",
        "cut.feather": b"ARROW1\0\0",
        "cut.xlsx": b"PK\x03\x04",
    }.items():
        (folder / name).write_bytes(content)
    for name, rows in {
        "formula.csv": [["=HYPERLINK(A1)", "0"], *numbers],
        "missing.csv": [["", "0"], *numbers[:10], ["NA", "1"]],
        "unlabelled.csv": [*numbers[:11], ["5", ""]],
        "word.csv": [*numbers[:2], ["oops", "1"], *numbers],
        "comma.csv": [["1,500", "01"[i % 2]] for i in range(12)],
        "ids.csv": [[f"p{i}", "01"[i % 2]] for i in range(60)],
        "alone.csv": [[str(i), "0"] for i in range(12)],
        "rare.csv": [*([str(i), "0"] for i in range(12)), ["5", "1"]],
    }.items():
        write_rows(folder / name, [["x", "y"], *rows])
    for name, heads, rows in (
        ("numbered", ["id", "note", "x", "y"],
         [[str(i), f"n{i}", f"{i}.5", "01"[i % 2]] for i in range(30)]),
        ("nameless", ["x", "", "y"], [[f"{i}.5", f"{i % 9}", "01"[i % 2]] for i in range(30)]),
        ("defects", ["x", "y"], [[f"{i}.5", ["NA", "crack"][i % 2]] for i in range(20)]),
        ("marks", ["x", "y"], [["?", "0"], *([f"{i}.5", "01"[i % 2]] for i in range(12))]),
    ):  # fmt: skip
        write_rows(folder / f"{name}.csv", [heads, *rows])
    write_rows(folder / "lines.csv", [["w", "y"], *(["a\nb", "0"], ["c", "1"]) * 6])
    start = "@relation r\n@attribute x real\n"
    for name, row in {"words": "1,z", "sparse": "{2 a}", "extra": "1,a,2"}.items():
        (folder / f"{name}.arff").write_text(f"{start}@attribute y {{a,b}}\n@data\n{row}\n")
    shape = "{'descr': '<f8', 'fortran_order': False, 'shape': (%s,), }\n"
    for name, head in {
        "header": b"\2\0" + struct.pack("<I", 3_900_000_000),
        "true": b"\1\0" + struct.pack("<H", len(shape % True)) + (shape % True).encode(),
        "nested": b"\1\0" + struct.pack("<H", 9_000) + b"(" * 9_000,
    }.items():
        with zipfile.ZipFile(folder / f"{name}.npz", "w") as archive:
            archive.writestr("x.npy", b"\x93NUMPY" + head)
    labels = np.arange(12) % 2
    np.savez(folder / "pickled.npz", x=np.array([{}] * 12, object), y=labels)
    np.savez(folder / "complex.npz", x=np.zeros(12, complex), y=labels)
    np.savez(folder / "rows.npz", x=np.zeros(4), y=np.zeros(3))


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    write_tables(folder)
    return folder


@pytest.fixture(scope="module")
def contents_before(template):
    return contents(template)


@pytest.mark.parametrize(
    ("argv", "name", "key"),
    [*DESCRIPTIONS, *SETS, *OUTPUTS, *TABLES],
    ids=lambda part: str(part)[:60],
)
def test_bad_input_is_one_line_and_leaves_every_file_as_it_was(
    run, template, contents_before, monkeypatch, argv, name, key
):
    monkeypatch.chdir(template)
    assert_refused(run(*shlex.split(argv)), name, key)
    assert contents(template) == contents_before
