"""Bad descriptions of problems, and tables that cannot be learnt, through the real command.

Each is refused with exit code 2 and one line on standard error; nothing is created, and no file
changes by a byte.
"""

import shlex
import shutil
import struct
import zipfile

import numpy as np
import pytest
from helpers.commands import contents
from helpers.models import write_keras
from helpers.tables import write_rows, write_sites

pytestmark = pytest.mark.security

SITE = "sites.csv:label=outcome,drop=person,drop=fold,where=site"
TABLE_KEYS = "use label, where, classes, drop, group, split, scale, missing, train, test"
MOONS_KEYS = "use seed, samples, train, test, noise"
NAMES = (
    "use one of blobs, moons, circles, classification, quantiles, iris, wine, breast_cancer, "
    "digits, or a file such as rows.csv:label=outcome"
)

DESCRIPTIONS = [
    ("train-source --task mons", f"--task mons: mons is no problem; did you mean moons? {NAMES}"),
    ("train-target --task ''", f"--task: nothing is no problem; {NAMES}"),
    ("plot-data --task MNIST", f"--task MNIST: MNIST is no problem; {NAMES}"),
    (
        "compare --source moons:noize=1 --target moons",
        f"--source moons:noize=1: noize is not known here; did you mean noise? {MOONS_KEYS}",
    ),
    (
        "compare --source moons --target moons:noise",
        f"--target moons:noise: noise is not key=value; {MOONS_KEYS}",
    ),
    ("train-source --task moons:noise=", "--task moons:noise=: noise= has no value; give one, or "
     "leave it out"),
    ("train-source --task moons:noise=x", "--task moons:noise=x: noise=x: use a number"),
    ("train-source --task moons:noise=nan", "--task moons:noise=nan: noise=nan: use a number"),
    ("train-source --task moons:noise=-1", "--task moons:noise=-1: noise=-1.0: use a number from "
     "0 to 1e06"),
    ("train-source --task moons:samples=1", "--task moons:samples=1: samples=1: fewer rows than "
     "the 2 classes; use at least 2"),
    ("train-source --task moons:samples=99999999", "--task moons:samples=99999999: "
     "samples=99999999: 199,999,998 numbers with 2 features; use at most 100,000,000"),
    ("train-source --task moons:seed=4294967296", "--task moons:seed=4294967296: seed=4294967296: "
     "use a whole number from 0 to 4294967295"),
    ("train-source --task circles:factor=1", "--task circles:factor=1: factor=1.0: use a number "
     "from 0 up to, not with, 1"),
    ("train-source --task classification:informative=9,features=3",
     "--task classification:informative=9,features=3: informative=9: use 3 or less"),
    ("train-source --task quantiles:classes=1", "--task quantiles:classes=1: classes=1: use 2 or "
     "more"),
    ("train-source --task blobs:seed=1,seed=2", "--task blobs:seed=1,seed=2: seed is repeated; "
     "give it once"),
    ("train-source --task moons --seed 3", "--seed 3: --task says what the problem is; write "
     "--task moons:seed=3"),
    ("train-source --task moons:noise=0.1 --samples 80 --seed 3",
     "--seed 3: --task says what the problem is; write --task moons:seed=3,samples=80,noise=0.1"),
    ("train-source --task moons --cluster-std 1", "--cluster-std 1.0: --task says what the problem "
     "is; moons has no such setting, leave it out"),
    ("train-source --task iris --classes 2", "--classes 2: --task says what the problem is; leave "
     "one of the two out"),
    ("compare --source blobs:std=1 --source-seed 4", "--source-seed 4: --source says what the "
     "problem is; write --source blobs:seed=4,std=1.0"),
    ("compare --target moons", "--target moons: the source problem is not said; add --source SPEC, "
     "or --model FILE"),
    ("compare --source moons --target blobs:features=3", "--source moons 1: it has 2 features, "
     "problem 2 3 features; use a source and a target with the same features"),
    ("compare --source moons --target moons --fixed 0 --variant new-head,fixed=0 --until-decided "
     "--repeats 5", "--repeats 5: --until-decided finds out how many; give the most with "
     "--max-repeats"),
    ("compare --source blobs:classes=4 --target blobs --fixed 0", "--variant transfer fixed=0: it "
     "keeps the output layer of the 4 classes of problem 1, problem 2 has 3; use new-head,fixed=0"),
    ("plot-data --task moons --task moons", "--task moons: it is repeated; give it once"),
]  # fmt: skip

SETS = [
    ("train-source --task digits:classes=0-12", "digits: classes=0-12: there is no class 10; there "
     "are 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"),
    ("train-source --task digits:classes=7", "digits: classes=7: one class; name two or more, "
     "joined by +"),
    ("train-source --task iris:classes=setosa+virginca", "iris: classes=setosa+virginca: there is "
     "no class virginca; did you mean virginica?"),
    ("train-source --task iris:scale=source", "iris: scale=source needs a source that is a "
     "table; use scale=own or scale=none"),
    ("train-source --task iris:label=x", "--task iris:label=x: label is not known here; use "
     "classes, drop, scale, train, test"),
    ("train-source --task iris:train=200", "iris: train=200: there are 150 rows; use fewer"),
    ("train-source --task 'iris:drop=sepal lenth'", "iris: drop=sepal lenth: no such column; did "
     "you mean sepal length or petal length?"),
    ("compare --source iris --target iris", "iris: 150 rows that may test the target train the "
     "source network (iris); tell them apart with where=, classes= or split="),
    ("compare --source digits:classes=0-4 --target digits:classes=5-9 --until-decided",
     "--until-decided: each repeat splits the rows of digits 5-9 anew, so repeats are not "
     "independent; use --repeats, or split=COLUMN in --target"),
    ("compare --source digits:classes=0-4 --target digits:classes=5-9 --nested 3 4",
     "--nested 3 4: each repeat splits the rows of digits 5-9 anew, so repeats are not "
     "independent; use --repeats, or split=COLUMN in --target"),
    ("compare --source digits:classes=0-4 --target digits:classes=5-9 "
     "--variant self-transfer,fixed=1",
     "--variant self-transfer fixed=1: one network trained on digits 5-9 has seen test rows of "
     "other repeats; use --sources fresh"),
    ("compare --model m.keras --target iris", "--model m.keras: it does not say which columns it "
     "learnt, nor how they were scaled; add --source SPEC, the table that it was trained on, or "
     "train it with blobtransfer train-source --task SPEC"),
    ("train-target --model m.keras --task iris", "--model m.keras: it does not say which columns "
     "it learnt, nor how they were scaled; train it with blobtransfer train-source --task SPEC"),
    ("compare --model m.keras --target moons --sources both", "--sources both: the method needs "
     "a source problem; add --source SPEC"),
    ("compare --model m.keras --target moons --nested 2 3", "--nested 2 3: fresh sources need a "
     "source problem; add --source SPEC"),
    ("compare --model m.keras --target classification", "--model m.keras: a network "
     "2-5-4-3: classification 2 has 10 features; use data with 2, or a network with 10 inputs"),
]  # fmt: skip

OUTPUTS = [
    (
        f"{command} --no-plot {option} {file}",
        f"{option} {file}: this would replace a table that is learnt; use another name",
    )
    for command, option, file in (
        (f"train-source --task {SITE}:A", "--output", "sites.csv"),
        (f"train-target --task {SITE}:A", "--curves", "sites.csv"),
        (f"compare --source {SITE}:A --target {SITE}:B", "--summary", "sites.csv"),
        (f"compare --source {SITE}:A --target {SITE}:B", "--output", "here/sites.csv"),
    )
]

TABLES = [
    ("train-source --task sites.csv", "--task sites.csv: which column holds the classes is not "
     "said; add :label=COLUMN"),
    ("train-source --task sites.csv:lable=outcome", "--task sites.csv:lable=outcome: lable is not "
     f"known here; did you mean label? {TABLE_KEYS}"),
    ("train-source --task sites.csv:label=outcom", "sites.csv: label=outcom: no such column; did "
     "you mean outcome?"),
    ("train-source --task ids.csv:label=y", "ids.csv: column x: 60 different words, as names or "
     "numbers of things have; leave it out: drop=x"),
    ("train-source --task sites.csv:label=age,drop=person", "sites.csv: label=age: 71 different "
     "values in 80 rows; is this regression? give a column of classes"),
    (f"train-source --task {SITE}:C", "sites.csv: where=site:C: no row has that; there are A, B"),
    (f"train-source --task {SITE}", f"--task {SITE}: where=site: write where=COLUMN:VALUE"),
    (f"train-source --task {SITE}:A,scale=sorce", f"--task {SITE}:A,scale=sorce: scale=sorce: did "
     "you mean source? use one of own, source, none"),
    (f"train-source --task {SITE}:A,missing=zero", f"--task {SITE}:A,missing=zero: missing=zero: "
     "use one of mean, drop"),
    (f"train-source --task {SITE}:A,split=smoker", "sites.csv: split=smoker: line 2 says no; give "
     "train or test in each row"),
    (f"train-source --task {SITE}:A,group=smoker", "sites.csv: group=smoker: 2 groups; four or "
     "more are needed, two to train and two to test"),
    (f"train-source --task {SITE}:A,train=5,split=smoker", f"--task {SITE}:A,train=5,split=smoker: "
     "split= says which rows train; leave train= out"),
    (f"train-source --task {SITE}:A,drop=outcome", f"--task {SITE}:A,drop=outcome: outcome is "
     "label= and drop= at once; leave one out"),
    (f"compare --source {SITE}:A --target {SITE}:A", "sites.csv: 40 rows that may test the target "
     "train the source network (sites.csv where site is A); tell them "
     "apart with where=, classes= or split="),
    (f"compare --source {SITE}:A --target copy.csv:label=outcome,drop=person,drop=fold,drop=site",
     "copy.csv: 40 rows that may test the target train the source network (sites.csv where site "
     "is A, and then copy.csv); tell them apart with where=, classes= or split="),
    (f"compare --source iris --target {SITE}:A", "sites.csv: it has no column sepal length, "
     "sepal width, petal length, petal width, iris has; columns are matched by name: rename them, "
     "or leave them out with drop="),
    ("train-source --task none.csv:label=y", "none.csv: no such file; check the path"),
    ("train-source --task dir.csv:label=y", "dir.csv: a directory; give a file"),
    ("train-source --task pipe.csv:label=y", "pipe.csv: not a regular file; give a file"),
    ("train-source --task a.xlsx:label=y", "a.xlsx: no table has the suffix .xlsx; use .csv, .tsv, "
     ".npz, .arff, .parquet"),
    ("train-source --task file:noext:label=y", "noext: no suffix; use .csv, .tsv, .npz, .arff, "
     ".parquet"),
    ("train-source --task ragged.csv:label=y", "ragged.csv: line 3 has 1 values, the head has 2 "
     "columns; mend that line"),
    ("train-source --task wide.csv:label=y", "wide.csv: line 1: more than 10,000 values; use "
     "at most 10,000 columns"),
    ("train-source --task null.csv:label=y", "null.csv: line 2 has a null character; save it as "
     "UTF-8 text"),
    ("train-source --task utf16.csv:label=y", "utf16.csv: it is in UTF-16; save it as UTF-8"),
    ("train-source --task latin.csv:label=y", "latin.csv: line 3 is not in UTF-8 (invalid "
     "continuation byte); save it as UTF-8"),
    ("train-source --task semicolon.csv:label=y", "semicolon.csv: its values are apart by "
     "semicolons, commas are expected; save it with commas"),
    ("train-source --task empty.csv:label=y", "empty.csv: the file is empty; give a table with a "
     "head"),
    ("train-source --task head.csv:label=y", "head.csv: a head and no rows; give a table with "
     "rows"),
    ("train-source --task twice.csv:label=y", "twice.csv: two columns are called x; give each its "
     "own name"),
    ("train-source --task quote.csv:label=y", "quote.csv: line 2: a quote that is never closed; "
     "mend that line"),
    ("train-source --task formula.csv:label=y", "formula.csv: column x: '=HYPERLINK(A1)' in line 2 "
     "is a formula, not a value; mend it, or leave the column out: drop=x"),
    ("train-source --task lines.csv:label=y", "lines.csv: column w: 'a\\nb' in line 3 has line "
     "ends or signs that no screen shows; mend it, or leave the column out"),
    ("train-source --task missing.csv:label=y", "missing.csv: column x: 2 of 12 rows empty, first "
     "in line 2; use missing=mean, missing=drop or drop=x"),
    ("train-source --task unlabelled.csv:label=y", "unlabelled.csv: label=y: 1 of 12 rows have no "
     "class, first in line 13; use missing=drop, or fill them"),
    ("train-source --task word.csv:label=y", "word.csv: column x: 'oops' in line 4 is no number; "
     "mend it, or leave the column out: drop=x"),
    ("train-source --task comma.csv:label=y", "comma.csv: column x: '0,5' has a comma; write "
     "0.5"),
    ("train-source --task alone.csv:label=y", "alone.csv: label=y: one class, 0; there have to be "
     "two or more"),
    ("train-source --task rare.csv:label=y", "rare.csv: class 1: 1 rows, of which 0 train and "
     "0 test; at least 2 and 1 have to, leave it out with classes= or add rows"),
    ("train-source --task pickled.npz:label=y", "pickled.npz: x.npy holds object; give numbers or "
     "text, not Python objects"),
    ("train-source --task cut.npz:label=y", "cut.npz: it cannot be read and looks damaged; save it "
     "again"),
    ("train-source --task rows.npz:label=y", "rows.npz: y has 3 rows, an array before it 4; give "
     "arrays of as many rows"),
    ("train-source --task words.arff:label=y", "words.arff: attribute x is of type string, which "
     "is not read; leave it out of the file"),
    ("train-source --task dates.arff:label=y", "dates.arff: attribute y is of type date, which is "
     "not read; leave it out of the file"),
    ("train-source --task extra.arff:label=y", "extra.arff: line 5 has 3 values, the head has 2 "
     "columns; mend that line"),
    ("train-source --task header.npz:label=y", "header.npz: x.npy has a header of 3,900,000,000 "
     "bytes; at most 10,000 are read, save the array again with numpy.savez"),
    ("train-source --task true.npz:label=y", "true.npz: it cannot be read and looks damaged; save "
     "it again"),
    ("train-source --task complex.npz:label=y", "complex.npz: x.npy holds complex128; give "
     "numbers of up to 64 bits, or text"),
    ("train-source --task nested.npz:label=y", "nested.npz: it cannot be read and looks damaged; "
     "save it again"),
    ("train-source --task cut.parquet:label=y", "cut.parquet: it cannot be read and looks damaged; "
     "save it again"),
    ("train-source --task model.csv:label=y", "model.csv: it looks like a .keras file; save it as "
     "CSV in UTF-8"),
]  # fmt: skip


def write_tables(folder):
    """Write a table of each kind that is refused."""
    write_sites(folder / "sites.csv")
    (folder / "copy.csv").write_text((folder / "sites.csv").read_text() + "\n")
    write_keras(folder / "m.keras")
    shutil.copy(folder / "m.keras", folder / "model.csv")
    (folder / "dir.csv").mkdir()
    (folder / "here").symlink_to(".")
    numbers = [[str(i), "01"[i % 2]] for i in range(12)]
    for name, content in {
        "empty.csv": b"",
        "head.csv": b"x,y\n",
        "ragged.csv": b"x,y\n1,2\n3\n",
        "wide.csv": b",".join(b"c%d" % i for i in range(1_000_000)) + b"\n",
        "null.csv": b"x,y\n1,\0\n",
        "utf16.csv": "x,y\n1,2\n".encode("utf-16"),
        "latin.csv": b"x,y\n1,a\n2,\xe9t\xe9\n",
        "semicolon.csv": b"x;y\n1;2\n",
        "twice.csv": b"x,x\n1,2\n",
        "quote.csv": b'x,y\n1,"2\n3,4\n',
        "noext": b"x,y\n1,2\n",
        "cut.npz": b"PK\x03\x04",
        "cut.parquet": b"PAR1",
        "words.arff": b"@relation r\n@attribute x string\n@attribute y {a,b}\n@data\n'z',a\n",
    }.items():
        (folder / name).write_bytes(content)
    for name, rows in {
        "formula.csv": [["=HYPERLINK(A1)", "0"], *numbers],
        "missing.csv": [["", "0"], *numbers[:10], ["NA", "1"]],
        "unlabelled.csv": [*numbers[:11], ["5", ""]],
        "word.csv": [*numbers[:2], ["oops", "1"], *numbers],
        "comma.csv": [[f"{i},5", "01"[i % 2]] for i in range(12)],
        "ids.csv": [[f"p{i}", "01"[i % 2]] for i in range(60)],
        "alone.csv": [[str(i), "0"] for i in range(12)],
        "rare.csv": [*([str(i), "0"] for i in range(12)), ["5", "1"]],
    }.items():
        write_rows(folder / name, [["x", "y"], *rows])
    write_rows(folder / "lines.csv", [["w", "y"], *(["a\nb", "0"], ["c", "1"]) * 6])
    start = "@relation r\n@attribute x real\n"
    (folder / "dates.arff").write_text(f"{start}@attribute y date 'yyyy'\n@data\n1,2001\n")
    (folder / "extra.arff").write_text(f"{start}@attribute y {{a}}\n@data\n1,a,2\n")
    shape = "{'descr': '<f8', 'fortran_order': False, 'shape': (%s,), }\n"
    for name, head in {
        "header": b"\2\0" + struct.pack("<I", 3_900_000_000),
        "true": b"\1\0" + struct.pack("<H", len(shape % True)) + (shape % True).encode(),
        "nested": b"\1\0" + struct.pack("<H", 9_000) + b"(" * 9_000,
        "complex": b"\1\0" + struct.pack("<H", 59) + (shape % 1).replace("f8", "c16").encode(),
    }.items():
        with zipfile.ZipFile(folder / f"{name}.npz", "w") as archive:
            archive.writestr("x.npy", b"\x93NUMPY" + head)
    np.savez(folder / "pickled.npz", x=np.array([{}, {}], object), y=np.array([0, 1]))
    np.savez(folder / "rows.npz", x=np.zeros(4), y=np.zeros(3))


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    write_tables(folder)
    return folder


@pytest.mark.parametrize(
    ("argv", "line"), [*DESCRIPTIONS, *SETS, *OUTPUTS, *TABLES], ids=lambda part: str(part)[:60]
)
def test_bad_input_is_one_line_and_leaves_every_file_as_it_was(
    run, template, monkeypatch, argv, line
):
    import os

    monkeypatch.chdir(template)
    if "pipe.csv" in argv and not (template / "pipe.csv").exists():
        os.mkfifo(template / "pipe.csv")
    before = contents(template)
    done = run(*shlex.split(argv))
    assert (done.code, done.out, done.err) == (2, "", f"error: {line}\n")
    assert contents(template) == before
