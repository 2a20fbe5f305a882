"""Bad command lines, settings and files, through the real command.

Each is refused with exit code 2 and one line on standard error that names the option and
the value and says what to do; nothing is created, and no file changes by a byte.
"""

import csv
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from helpers import results
from helpers.commands import (
    assert_one_line,
    assert_refused,
    contents,
    run_process,
    without_cautions,
)
from helpers.models import call_of, config, entry, functional, write_h5, write_keras
from helpers.results import no_number
from helpers.specs import SMALL_OPTIONS
from helpers.trials import third_of

pytestmark = pytest.mark.security

TINY = (*SMALL_OPTIONS, "--hidden", "3")
BILLION, TEN_BILLION = str(10**9), str(10**10)

WHOLE = "whole number"
FINITE = "finite number"
ACTIVATION = "relu, tanh, sigmoid, elu, gelu"
NO_MODEL = "not a .keras or .h5 file"
SLOPE = "leaky_relu=0.1"
SEED = "0 to 4294967295"
SHARE = "1 point is 0.01"
LOW = "such as 0.1"
MOMENTUM = " 1"
COUNT = "100,000,000 or less"
CELLS = "at most 100,000,000"
HIDDEN = "2 hidden layers"
SIZE = "3.5x4"
STYLE = "screen, slide, paper"
ONCE = "the file of --output too"
SHOWN = "replace the results"
HELP = "--help"
COMPARE_HELP = "compare --help"
VARIANTS = "self-transfer, equal-compute"


def linked(option, name, target):
    """Return what the error of an output that is a symbolic link names, and its key."""
    return f"--{option} {name}", f"symbolic link to {target}"


NUMBERS = [
    ("plot-data --seed -1", "--seed -1", SEED),
    ("plot-data --seed 4294967296", "--seed 4294967296", SEED),
    (f"plot-data --seed 1 {TEN_BILLION}", f"--seed {TEN_BILLION}", SEED),
    ("plot-data --seed 1 1", "--seed 1 1", "give it once"),
    ("train-source --seed -1", "--seed -1", SEED),
    ("train-source --seed 1.5", "--seed 1.5", WHOLE),
    ("train-target --seed 4294967296", "--seed 4294967296", SEED),
    ("compare --source-seed -1", "--source-seed -1", SEED),
    ("compare --source-seed 4294967296", "--source-seed 4294967296", SEED),
    ("compare --target-seed 1e400", "--target-seed 1e400", FINITE),
    ("compare --reverse --source-seed -1", "--source-seed -1", SEED),
    ("compare --reverse --target-seed 4294967296", "--target-seed 4294967296", SEED),
    ("compare --train-seed -1", "--train-seed -1", SEED),
    ("compare --train-seed 4294967296", "--train-seed 4294967296", SEED),
    ("compare --samples 0", "--samples 0", "1 or more"),
    ("compare --samples -5", "--samples -5", "1 or more"),
    (f"compare --samples {BILLION}", f"--samples {BILLION}", COUNT),
    (f"compare --samples {TEN_BILLION}", f"--samples {TEN_BILLION}", COUNT),
    ("compare --samples 100000000", "--samples 100000000", "200,000,000"),
    ("compare --samples 2", "--samples 2", "at least 3"),
    ("compare --samples 1e0.5", "--samples 1e0.5", WHOLE),
    ("compare --samples ''", "--samples ''", WHOLE),
    (
        "compare --samples 1000000 --train-samples 500000 --classes 10000 --hidden 1",
        "--samples 1000000",
        "10,000,000,000",
    ),
    ("compare --classes 0", "--classes 0", "2 or more"),
    ("compare --classes 1", "--classes 1", "2 or more"),
    (f"compare --classes {BILLION}", f"--classes {BILLION}", COUNT),
    ("compare --classes 2000", "--samples 1000", "at least 2000"),
    ("compare --classes 600", "--train-samples 500", "at least 600"),
    ("compare --features 0", "--features 0", "1 or more"),
    (f"compare --features {TEN_BILLION}", f"--features {TEN_BILLION}", COUNT),
    ("compare --features 100000000", "--features 100000000", "100,000,000,000"),
    ("compare --train-samples 1001", "--train-samples 1001", "--samples"),
    ("compare --train-samples 1000", "--train-samples 1000", "--samples"),
    ("compare --test-samples 0", "--test-samples 0", "1 or more"),
    (f"compare --test-samples {BILLION}", f"--test-samples {BILLION}", COUNT),
    ("plot-data --seed 1 2 3 --samples 20000000", "--seed 1 2 3", "120,000,000"),
    ("compare --cluster-std 0", "--cluster-std 0", "1e-30 to 1e30"),
    ("compare --cluster-std -0.0", "--cluster-std -0.0", "1e-30 to 1e30"),
    ("compare --cluster-std 1e31", "--cluster-std 1e31", "1e-30 to 1e30"),
    ("compare --cluster-std inf", "--cluster-std inf", FINITE),
    ("compare --hidden 0", "--hidden 0", "1 or more units"),
    ("compare --hidden 5 -3", "--hidden 5 -3", "1 or more units"),
    ("compare --hidden ''", "--hidden ''", WHOLE),
    ("compare --hidden 5,x", "--hidden x", WHOLE),
    (f"compare --hidden {BILLION}", f"--hidden {BILLION}", "6,000,000,003"),
    ("compare --hidden 10000 10000", "--hidden 10000 10000", "100,070,003"),
    (f"compare --hidden {'1 ' * 64}", f"--hidden {'1 ' * 63}1", "at most 63"),
    ("train-source --epochs 0", "--epochs 0", "1 or more"),
    (f"train-source --epochs {BILLION}", f"--epochs {BILLION}", "1,000,000"),
    (f"train-target --batch-size {BILLION}", f"--batch-size {BILLION}", COUNT),
    ("train-target --batch-size 0", "--batch-size 0", "1 or more"),
    ("compare --learning-rate 0", "--learning-rate 0", "a finite number above 0"),
    ("compare --learning-rate -0.0", "--learning-rate -0.0", "a finite number above 0"),
    ("compare --learning-rate nan", "--learning-rate nan", FINITE),
    ("compare --learning-rate -inf", "--learning-rate -inf", FINITE),
    ("compare --learning-rate 1e400", "--learning-rate 1e400", FINITE),
    ("compare --learning-rate 1_", "--learning-rate 1_", "use a number"),
    ("compare --learning-rate ''", "--learning-rate ''", "use a number"),
    ("compare --momentum 1", "--momentum 1", MOMENTUM),
    ("compare --momentum -0.1", "--momentum -0.1", MOMENTUM),
    ("compare --activation RELU", "--activation RELU", "mean relu?"),
    ("compare --initializer zeros", "--initializer zeros", "one of he_uniform"),
    ("compare --engine torch", "--engine torch", "one of compiled, keras"),
    ("compare --format xml", "--format xml", "one of table"),
    ("compare --activation selu", "--activation selu", "mean elu or relu?"),
    ("compare --target-seed 4294967296", "--target-seed 4294967296", SEED),
]

MODELS_NETWORK = [
    ("compare --activation tanh relu elu", "--activation tanh relu elu", "one, or one for each"),
    (
        "train-source --hidden 5 4 3 --activation tanh,relu",
        "--activation tanh relu",
        "one, or one for each",
    ),
    ("compare --hidden 5 --activation=tanh,relu", "--activation tanh relu", "one, or one for each"),
    ("compare --activation tanh rellu", "--activation rellu", "mean relu or elu?"),
    ("compare --activation geul", "--activation geul", "mean gelu?"),
    ("compare --activation softmax", "--activation softmax", ACTIVATION),
    ("compare --activation linear", "--activation linear", ACTIVATION),
    ("compare --activation leaky", "--activation leaky", "mean leaky_relu?"),
    ("train-target --activation leaky_relu=1", "--activation leaky_relu=1", SLOPE),
    ("train-target --activation leaky_relu=0", "--activation leaky_relu=0", SLOPE),
    ("compare --activation leaky_relu=-0.1", "--activation leaky_relu=-0.1", SLOPE),
    ("compare --activation leaky_relu=nan", "--activation leaky_relu=nan", SLOPE),
    ("compare --activation leaky_relu=", "--activation leaky_relu=", SLOPE),
    ("compare --activation elu=1", "--activation elu=1", ACTIVATION),
    ("compare --model m.keras --activation relu tanh", "--activation relu tanh", "--activation"),
    (
        "train-target --model m.keras --activation relu relu relu",
        "--activation relu relu relu",
        "one, or one for each",
    ),
]

TRANSFER = [
    ("compare --repeats 0", "--repeats 0", "1 or more"),
    ("compare --repeats 1_", "--repeats 1_", WHOLE),
    (f"compare --repeats {BILLION}", f"--repeats {BILLION}", COUNT),
    ("compare --repeats 5000000", "--repeats 5000000", "35,000,000"),
    ("compare --repeats 100000 --speed", "--repeats 100000", "70,700,000"),
    ("compare --fixed 3", "--fixed 3", HIDDEN),
    ("compare --fixed -1", "--fixed -1", HIDDEN),
    (f"compare --fixed {BILLION}", f"--fixed {BILLION}", HIDDEN),
    ("compare --fixed 0,1,1", "--fixed 0 1 1", "give it once"),
    ("compare --fixed 0 --fixed 0", "--fixed 0 0", "give it once"),
    ("compare --fixed=", "--fixed ''", WHOLE),
    ("compare --fixed 1.0", "--fixed 1.0", WHOLE),
    ("train-target --fixed 1", "--fixed 1", "--model"),
    ("train-target --model m.keras --fixed 3", "--fixed 3", HIDDEN),
    ("train-target --model m.keras --fixed -1", "--fixed -1", HIDDEN),
    ("train-target --model m.keras --fixed 1 --variant new-head", "--fixed 1", "--variant"),
    ("compare --nested 2", "--nested 2", "two numbers: sources"),
    ("compare --nested 2 2 2", "--nested 2 2 2", "two numbers: sources"),
    ("compare --nested 1 9", "--nested 1 9", "2 or more"),
    ("compare --nested -1 -1", "--nested -1 -1", "2 or more"),
    ("compare --nested x y", "--nested x", WHOLE),
    ("compare --nested 100000 100000", "--nested 100000 100000", "10,000,000,000"),
    ("compare --nested 2,2 --repeats 4", "--repeats 4", "--nested"),
    ("compare --nested 3 4 --sources one", "--nested 3 4", "--sources"),
    ("compare --nested 2 3 --until-decided", "--nested 2 3", "--until-decided"),
    ("compare --until-decided --repeats 4", "--repeats 4", "--until-decided"),
    ("compare --max-repeats 4", "--max-repeats 4", "--until-decided"),
    ("compare --nested 2 3 --max-repeats 4", "--max-repeats 4", "--until-decided"),
    ("compare --until-decided --max-repeats 0", "--max-repeats 0", "1 or more"),
    ("compare --until-decided --max-repeats x", "--max-repeats x", WHOLE),
    (f"compare --until-decided --max-repeats {BILLION}", f"--max-repeats {BILLION}", COUNT),
    ("compare --until-decided --max-repeats 5000000", "--max-repeats 5000000", "35,000,000"),
    ("compare --until-decided --speed", "--max-repeats 100000", "70,700,000"),
    ("compare --low 0", "--low 0", LOW),
    ("compare --low 1", "--low 1", LOW),
    ("compare --low -0.1", "--low -0.1", LOW),
    ("compare --low nan", "--low nan", FINITE),
    ("compare --low ''", "--low ''", "use a share"),
    ("compare --fixed 0 2 --against fixed=1", "--against fixed=1", "one of transfer"),
    ("compare --against standalone", "--against standalone", "leave it out"),
    ("compare --against magic", "--against magic", "magic is not known"),
    ("compare --margin 1", "--margin 1", SHARE),
    ("compare --margin -0.1", "--margin -0.1", SHARE),
    ("compare --margin 1e-320", "--margin 1e-320", "0, or 1e-06 or more"),
    ("show r.json --margin nan", "--margin nan", FINITE),
    ("show r.json --margin 7", "--margin 7", SHARE),
    ("compare --threshold 0.5", "--threshold 0.5", "--speed"),
    ("compare --speed --threshold -0.0", "--threshold -0.0", "an accuracy above"),
    ("compare --speed --threshold 1.1", "--threshold 1.1", "an accuracy above"),
    ("compare --model m.keras --reverse", "--reverse", "--model"),
    ("compare --model m.keras --sources one --source-seed 1", "--source-seed 1", "--model"),
    ("compare --variant ''", "--variant ''", "an empty variant"),
    ("compare --variant [bold]x[/]", "--variant [bold]x[/]", "[bold]x[/] is not known"),
    ("compare --variant standalone", "--variant standalone", "leave it out"),
    ("compare --variant reverse", "--variant reverse", "--reverse"),
    ("compare --variant fixed=3", "--variant fixed=3", "fixed=0, 1 or 2"),
    ("compare --variant fixed=1", "--variant fixed=1", "give it once"),
    ("compare --variant fixed=1,fixed=2", "--variant fixed=1,fixed=2", "give it once"),
    ("compare --variant new-head --variant new-head", "--variant new-head", "give it once"),
    ("compare --variant new-head,reinit=1", "--variant new-head,reinit=1", "one of them"),
    ("compare --variant reinit=0", "--variant reinit=0", "reinit=1 or more"),
    (f"compare --variant reinit={BILLION}", f"--variant reinit={BILLION}", "100,000,000"),
    ("compare --variant reinit=9", "--variant reinit=9", "reinit=1 to 2"),
    ("compare --variant add=x", "--variant add=x", "add=x"),
    ("compare --variant add=10000000", "--variant add=10000000", "90,000,048"),
    (f"compare --hidden {'1 ' * 63} --variant add=1", "--variant add=1", "at most 63"),
    (
        "compare --variant fixed=1,unfreeze=100",
        "--variant fixed=1,unfreeze=100",
        "a smaller unfreeze",
    ),
    ("compare --variant fixed=1,factor=2", "--variant fixed=1,factor=2", "factor needs unfreeze=E"),
    (
        "compare --variant fixed=1,unfreeze=5,factor=1e400",
        "--variant fixed=1,unfreeze=5,factor=1e400",
        "factor=1e400: use a",
    ),
    (
        "compare --variant fixed=1,unfreeze=5,factor=1e300 --learning-rate 1e300",
        "--variant fixed=1,unfreeze=5,factor=1e300",
        "learning-rate inf: use",
    ),
    ("compare --variant equal-compute --epochs 600000", "--variant equal-compute", "1,000,000"),
    (
        "compare --variant random-frozen,fixed=0",
        "--variant random-frozen,fixed=0",
        "fixed=1 or more",
    ),
    (
        "compare --variant self-transfer,equal-compute",
        "--variant self-transfer,equal-compute",
        "one of them",
    ),
    ("train-target --variant new-head", "--variant new-head", "--model"),
    (
        "train-target --variant new-head --variant equal-compute",
        "--variant equal-compute",
        "use one",
    ),
    ("train-target --variant equal-compute --model m.keras", "--model m.keras", "leave one of"),
    ("compare --repeats many", "--repeats many", WHOLE),
    ("compare --repeats 1.5", "--repeats 1.5", WHOLE),
    ("compare --fixed 0 0", "--fixed 0 0", "give it once"),
    ("compare --fixed 0 x", "--fixed x", WHOLE),
    ("compare --sources some", "--sources some", "one of fresh, one, both"),
    ("compare --nested 3 1", "--nested 3 1", "2 or more"),
    ("compare --speed --threshold 0", "--threshold 0", "an accuracy above"),
    ("compare --variant random-frozen", "--variant random-frozen", "needs fixed=N"),
    ("train-target --variant equal-compute --fixed 1", "--fixed 1", "--variant"),
]

FILES = [
    ("compare -o out.xls", "--output out.xls", "no format has"),
    ("compare -o out", "--output out", "the name has no suffix"),
    ("compare -o ''", "--output .", "the name has no suffix"),
    ("compare -o dir.json", "--output dir.json", "name a file in it"),
    ("compare -o none/x.json", "--output none/x.json", "make it first"),
    ("compare -o r.json/x.json", "--output r.json/x.json", "make it first"),
    ("compare -o loop.json", *linked("output", "loop.json", "loop.json")),
    ("compare -o device.json", *linked("output", "device.json", "/dev/null")),
    ("compare -o none/[bold]x.json", "--output none/[bold]x.json", "make it first"),
    ("compare -o r.json -o ./r.json", "--output r.json", ONCE),
    ("compare -o r.json -o here/r.json", "--output here/r.json", ONCE),
    ("compare --model m.keras --output here/new.json -o new.json", "--output new.json", ONCE),
    ("show r.json -o here/r.json", "--output here/r.json", SHOWN),
    ("train-target --model m.keras --save here/m.keras", "--save here/m.keras", "--force"),
    ("compare -o r.json -o link-to-r.json", *linked("output", "link-to-r.json", "r.json")),
    ("compare -o new.json -o link-to-new.json", *linked("output", "link-to-new.json", "new.json")),
    ("compare --plot r.png -o r.json", *linked("plot", "r.png", "r.json")),
    ("compare -o link-to-figure.json", *linked("output", "link-to-figure.json", "compare.png")),
    ("compare --model m.keras -o m.keras", "--output m.keras", "no format has"),
    ("compare --model m.keras -o m.json", *linked("output", "m.json", "m.keras")),
    ("compare --model link.keras --plot m.png", *linked("plot", "m.png", "m.keras")),
    ("compare --plot .", "--plot .", "the name has no suffix"),
    ("plot-data --plot x.gif", "--plot x.gif", "no format has"),
    ("plot-data --plot dir.png", "--plot dir.png", "name a file in it"),
    ("plot-data --no-plot -q", "--quiet", "--no-plot"),
    ("train-source --model x.hdf5", "--model x.hdf5", "use .keras, .h5"),
    ("train-source --model m.h5", "--model m.h5", "exists and holds"),
    ("train-source --model ''", "--model .", ".keras"),
    ("train-source --model dir.keras", "--model dir.keras", "name a file in it"),
    ("train-source --model m.keras", "--model m.keras", "exists and holds"),
    ("train-source --model empty.keras", "--model empty.keras", "exists and holds"),
    ("train-source --model m.keras --force --plot m.png", *linked("plot", "m.png", "m.keras")),
    ("train-target --model m.keras --save m.keras", "--save m.keras", "--force"),
    ("train-target --model m.keras --save link.keras", "--save link.keras", "--force"),
    (
        "train-target --model m.keras --save m.keras --force -o m.json",
        *linked("output", "m.json", "m.keras"),
    ),
    (
        "train-target --save new.keras -o link-to-new-model.json",
        *linked("output", "link-to-new-model.json", "new.keras"),
    ),
    ("train-target --save loop.keras", *linked("save", "loop.keras", "loop.keras")),
    ("train-target --model none.keras", "--model none.keras", "check the path"),
    ("train-target --model [/x].h5", "--model [/x].h5", "check the path"),
    ("compare --model dir", "--model dir", "use a .keras"),
    ("compare --model loop.keras", "--model loop.keras", "check the path"),
    ("compare --model device.json", "--model device.json", "use a .keras"),
    ("compare --model empty.keras", "--model empty.keras", "save a model with Keras"),
    ("compare --model r.json", "--model r.json", "this looks like JSON"),
    ("compare --model m.keras --features 3", "--model m.keras", "data with 2"),
    ("compare --model m.keras --classes 4 --fixed 0", "--model m.keras", "problem 2 has 4 classes"),
    ("compare --model m.keras --hidden 5", "--hidden 5", "--hidden"),
    ("train-target --model m.keras --activation tanh", "--activation tanh", "--activation"),
    ("show r.json -o r.json", "--output r.json", SHOWN),
    ("show r.json -o link-to-r.json", *linked("output", "link-to-r.json", "r.json")),
    ("show link-to-r.json --plot r.png", *linked("plot", "r.png", "r.json")),
    ("train-source --model notes.keras", "--model notes.keras", "exists and holds"),
    ("compare --model cut.keras", "--model cut.keras", "save it again"),
    ("train-target --model m.keras --features 3", "--model m.keras", "data with 2"),
    (
        "train-target --model m.keras --classes 4 --fixed 0",
        "--model m.keras",
        "problem 2 has 4 classes",
    ),
    ("train-target --model m.keras --hidden 7", "--hidden 7", "--hidden"),
    ("compare --model m.keras --activation tanh", "--activation tanh", "--activation"),
    ("compare --model none.keras", "--model none.keras", "check the path"),
    ("compare --summary s.xls", "--summary s.xls", "no format has"),
    ("show r.json --summary s", "--summary s", "the name has no suffix"),
    ("compare --summary none/s.csv", "--summary none/s.csv", "make it first"),
    ("compare --summary s.csv -o ./s.csv", "--output s.csv", "--summary"),
    ("show r.json --summary s.md -o s.md", "--output s.md", "--summary"),
    ("compare --model m.keras --summary m.csv", *linked("summary", "m.csv", "m.keras")),
    ("show r.json --summary r.csv", *linked("summary", "r.csv", "r.json")),
    ("show train-results.json --summary s.csv", "--summary s.csv", "only a comparison"),
    ("show train-results.json --margin 0.02", "--margin 0.02", "only a comparison"),
    ("show train-results.json --explain", "--explain", "only a comparison"),
    ("train-target --force", "--force", "--save"),
    ("compare --curves c.csv", "--curves c.csv", "--speed"),
    *(
        (f"{command} --explain --format {name}", "--explain", f"--format {name}")
        for command in ("compare", "show r.json")
        for name in ("csv", "json")
    ),
    *(
        (f"compare --size {size}", f"--size {size}", SIZE)
        for size in ("3", "3x", "3x4x5", "axb", "1x4", "3x51", "3;4", "-3x4", "nanx4", "1e9x4")
    ),
    *(
        (f"{command} --no-plot --{setting}", f"--{setting}", "--no-plot")
        for command in ("compare", "train-source", "train-target", "show r.json")
        for setting in ("style paper", "size 3x4", "no-title")
    ),
    ("plot-data --size 0x0", "--size 0x0", SIZE),
    ("show r.json --size ''", "--size", SIZE),
    ("train-source --style poster", "--style poster", STYLE),
    ("train-target --style slides", "--style slides", "mean slide?"),
    ("compare --style ''", "--style ''", STYLE),
    ("compare --speed --curves c.json", "--curves c.json", ".csv"),
    ("train-source --curves c", "--curves c", ".csv"),
    ("train-target --curves none/c.csv", "--curves none/c.csv", "make it first"),
    ("compare --speed --curves c.csv -o c.csv", "--output c.csv", "--curves"),
    ("compare --speed --curves c.csv --summary ./c.csv", "--curves c.csv", "--summary"),
    ("show r.json --curves r.csv", *linked("curves", "r.csv", "r.json")),
]

CHAIN = "a chain of Dense layers"
CHECKPOINT = "a TensorFlow checkpoint"

SUCH_AS = "learning-rate=0.003,0.01,0.03"

TUNING = [
    ("compare --tune lr=0.1,1", "--tune lr=0.1,1", SUCH_AS),
    ("compare --tune ''", "--tune", SUCH_AS),
    ("compare --tune learning-rate", "--tune learning-rate", SUCH_AS),
    ("compare --tune learning-rat=0.1,1", "--tune learning-rat=0.1,1", "mean learning-rate?"),
    ("compare --tune learning-rate=", "--tune learning-rate=", "an empty value"),
    ("compare --tune learning-rate=x,1", "--tune learning-rate=x,1", "x: use a number"),
    ("compare --tune learning-rate=0.1", "--tune learning-rate=0.1", "--learning-rate"),
    ("compare --tune learning-rate=0.1,0.10", "--tune learning-rate=0.1,0.1", "give it once"),
    ("compare --tune learning-rate=0,1", "--tune learning-rate=0,1", "0: use finite"),
    (
        "compare --tune learning-rate=0.1,1 --samples 12 --train-samples 8",
        "--tune learning-rate=0.1,1",
        "8 training rows",
    ),
]

MODELS_FILES = [
    ("compare --model m.keras --sources fresh", "--model m.keras", "--sources"),
    ("compare --model m.h5 --sources fresh --nested 2 3", "--model m.h5", "--sources"),
    ("compare --model norms.keras", "--model norms.keras", "layers 'norm' 'norm_1'"),
    ("train-target --model front.keras", "--model front.keras", "save keras.Sequential([keras.I"),
    ("compare --model branch.keras", "--model branch.keras", "do not form a chain"),
    ("compare --model int8.keras", "--model int8.keras", "save it before"),
    ("compare --model lora.keras", "--model lora.keras", "load its weights"),
    ("compare --model own.keras", "--model own.keras", "build the same"),
    ("compare --model sigmoid.keras --fixed 0", "--model sigmoid.keras", "problem 2 has 3 classes"),
    (
        "compare --model sigmoid.keras --variant new-head,fixed=1 --fixed 1",
        "--model sigmoid.keras",
        "problem 2 has 3 classes",
    ),
    ("train-source --model sigmoid.keras", "--model sigmoid.keras", "--force"),
    ("compare --model saved", "--model saved", "load it with"),
    ("compare --model exported", "--model exported", "save that with"),
    ("compare --model ckpt", "--model ckpt", CHECKPOINT),
    ("compare --model ckpt.index", "--model ckpt.index", CHECKPOINT),
    ("compare --model ckpt.data-00000-of-00001", "--model ckpt.data-00000-of-00001", CHECKPOINT),
    *(
        (f"compare --model {name}", f"--model {name}", f"looks like {kind}, {NO_MODEL}")
        for name, kind in (
            ("net.pt", "a PyTorch file"),
            ("arrays.npz", "NumPy arrays (.npz)"),
            ("net.pkl", "a Python pickle"),
            ("net.onnx", "an ONNX file"),
            ("net.tflite", "a TensorFlow Lite file"),
            ("net.safetensors", "a safetensors file"),
            ("table.csv", "CSV"),
            ("notes.keras", "plain text"),
        )
    ),
]

COMMANDS = [
    ("fly", "fly", HELP),
    ("''", "''", HELP),
    ("comapre", "comapre", "mean compare?"),
    ("compare more", "more", COMPARE_HELP),
    ("compare -- -o", "-o", COMPARE_HELP),
    ("train-target --seed 1 2", "--seed", "leave out 2"),
    ("train-target --repeats 3", "--repeats", "train-target --help"),
    ("plot-data -o x.db", "--output x.db", ".json"),
    ("compare --repeat 3", "--repeat", "mean --repeats or --max-repeats?"),
    ("compare --lr 3", "--lr", "mean --learning-rate?"),
    ("train-source --full", "--full", "train-source --help"),
    ("train-target --explain", "--explain", "train-target --help"),
    ("plot-data --summary s.csv", "--summary", "plot-data --help"),
    ("plot-data --curves c.csv", "--curves", "plot-data --help"),
    ("compare --activation ''", "--activation ''", ACTIVATION),
    ("compare --sources ''", "--sources ''", "one of fresh, one, both"),
    ("compare MORE", "MORE", COMPARE_HELP),
    ("show", "show", "RESULTS"),
    ("compare --samples", "--samples", "--samples N"),
    ("compare --hidden 5 --hidden", "--hidden", "--hidden N"),
    ("compare --fixed", "--fixed", "--fixed N"),
    ("compare --quiet=1", "--quiet", "no value"),
]

ODD_NAMES = [
    (("compare", "-o", "none/\x1b[31m.csv"), "--output none/\\x1b[31m.csv"),
    (("compare", "-o", "none/a\nb  c.csv"), "--output none/a\\nb  c.csv"),
    (("compare", "-o", "none/\udcff.csv"), "--output none/\\udcff.csv"),
    (("compare", "-o", "\x1b]0;title\x07"), "--output \\x1b]0;title\\x07"),
    (("compare", "-o", "x" * 5000 + ".csv"), "--output " + "x" * 900),
    (("compare", "-o", "a/" * 2500 + "x.csv"), "--output " + "a/" * 450),
    (("compare", "--model", "\x1b[2J.keras"), "--model \\x1b[2J.keras"),
    (("compare", "--model", "a\r\nb"), "--model a\\r\\nb"),
    (("compare", "--model", "\udcff"), "--model \\udcff"),
    (("compare", "--model", "x" * 5000), "--model " + "x" * 900),
    (("compare", "--variant", "\x1b[31m"), "--variant \\x1b[31m"),
    (("compare", "--variant", "x" * 5000), "--variant " + "x" * 900),
    (("compare", "--activation", "a\nb"), "--activation a"),
    (("compare", "--activation", "a\x1b[31mb"), "--activation a\\x1b[31mb"),
    (("compare", "--samples", "1\n"), "--samples 1\\n"),
    (("compare", "--samples", "٣"), "--samples ٣"),
    (("compare", "--samples", "9" * 5000), "--samples " + "9" * 900),
    (("compare", "--learning-rate", "9" * 5000), "--learning-rate " + "9" * 900),
    (("compare", "--fixed", *map(str, range(10_000))), "--fixed 3"),
    (("compare", "--fixed", *["1"] * 10_000), "--fixed " + "1 " * 450),
    (("compare", "--hidden", *["1"] * 10_000), "--hidden " + "1 " * 450),
    (("plot-data", "--seed", *map(str, range(10_000))), "--seed 0 1 2 3 4"),
    (("show", "\x1b[31m"), "\\x1b[31m"),
    (("show", "[/x]\n"), "[/x]\\n"),
    (("\x1b[31m",), "\\x1b[31m"),
]

PENALTY = "0 to 1,000,000"
OPTIMIZER = "sgd, adam"
NO_MOMENTUM = "add --momentum"
ANCHOR = "anchor above 0"

OPTIMIZERS = [
    ("compare --optimizer rmsprop", "--optimizer rmsprop", OPTIMIZER),
    ("compare --optimizer adma", "--optimizer adma", "mean adam?"),
    ("train-source --optimizer Adam", "--optimizer Adam", "mean adam?"),
    ("train-target --optimizer ''", "--optimizer ''", OPTIMIZER),
    ("compare --optimiser adam", "--optimiser", "mean --optimizer?"),
    ("compare --nestrov", "--nestrov", "mean --nesterov or --nested?"),
    ("compare --decay 0.1", "--decay", "mean --weight-decay?"),
    ("compare --optimizer adam --momentum 0.9", "--momentum 0.9", "--optimizer"),
    ("train-source --optimizer adam --nesterov", "--nesterov", "--optimizer"),
    ("compare --nesterov", "--nesterov", NO_MOMENTUM),
    ("train-target --nesterov --momentum 0", "--nesterov", NO_MOMENTUM),
    ("compare --optimizer adam --learning-rate 0", "--learning-rate 0", "a finite number above 0"),
    ("compare --weight-decay -0.1", "--weight-decay -0.1", PENALTY),
    ("compare --weight-decay 1e7", "--weight-decay 1e7", PENALTY),
    ("compare --weight-decay nan", "--weight-decay nan", FINITE),
    ("train-source --weight-decay inf", "--weight-decay inf", FINITE),
    ("train-target --weight-decay 1e400", "--weight-decay 1e400", FINITE),
    ("compare --weight-decay ''", "--weight-decay ''", "use a number"),
    ("compare --patience 0", "--patience 0", "1 or more"),
    ("train-source --patience -1", "--patience -1", "1 or more"),
    ("train-target --patience 1000001", "--patience 1000001", "1,000,000"),
    ("compare --patience 2.5", "--patience 2.5", "a whole number"),
    ("compare --patience ''", "--patience ''", "a whole number"),
    ("compare --patince 3", "--patince", "mean --patience?"),
    ("compare --patience 3 --variant equal-compute", "--patience 3", "leave one of the two out"),
    ("compare --patience 3 --variant fixed=1,unfreeze=2", "--patience 3", "leave one of the two"),
    ("compare --patience 3 --source blobs:train=9", "--patience 3", "9 training rows"),
    ("train-source --patience 3 --samples 12 --train-samples 8", "--patience 3", "8 training rows"),
    ("compare --variant anchor=0", "--variant anchor=0", ANCHOR),
    ("compare --variant fixed=1,anchor=-1", "--variant fixed=1,anchor=-1", ANCHOR),
    ("compare --variant anchor=1e7", "--variant anchor=1e7", ANCHOR),
    ("compare --variant anchor=nan", "--variant anchor=nan", "anchor=nan: use a finite number"),
    ("compare --variant anchor=1e400", "--variant anchor=1e400", "anchor=1e400: use a"),
    ("compare --variant anchor", "--variant anchor", "anchor is not known"),
    ("compare --variant ancor=1", "--variant ancor=1", "mean anchor or factor?"),
    ("compare --variant anchor=1,anchor=2", "--variant anchor=1,anchor=2", "give it once"),
    (
        "compare --variant anchor=1 --variant fixed=0,anchor=1.0",
        "--variant anchor=1",
        "give it once",
    ),
    (
        "compare --variant equal-compute,anchor=1",
        "--variant equal-compute,anchor=1",
        "equal-compute",
    ),
    (
        "compare --variant random-frozen,fixed=1,anchor=1",
        "--variant random-frozen,fixed=1,anchor=1",
        "random-frozen",
    ),
    ("train-target --variant anchor=1", "--variant anchor=1", "--model"),
    ("compare --against anchor=1", "--against anchor=1", "one of transfer"),
]

ENVIRONMENT = [
    ("SAMPLES=x", "compare", "BLOBTRANSFER_SAMPLES x", WHOLE),
    ("SAMPLES=0", "plot-data", "BLOBTRANSFER_SAMPLES 0", "1 or more"),
    (f"EPOCHS={BILLION}", "compare", f"BLOBTRANSFER_EPOCHS {BILLION}", "1,000,000"),
    ("FIXED=9", "compare", "BLOBTRANSFER_FIXED 9", HIDDEN),
    ("FIXED=0,0", "compare", "BLOBTRANSFER_FIXED 0 0", "give it once"),
    ("HIDDEN=5 x", "compare", "BLOBTRANSFER_HIDDEN x", WHOLE),
    ("NESTED=2", "compare", "BLOBTRANSFER_NESTED 2", "two numbers: sources"),
    ("SEED=1 2", "train-source", "BLOBTRANSFER_SEED 1 2", WHOLE),
    ("TRAIN_SEED=-1", "train-source", "BLOBTRANSFER_TRAIN_SEED -1", SEED),
    ("LEARNING_RATE=nan", "compare", "BLOBTRANSFER_LEARNING_RATE nan", FINITE),
    ("MARGIN=1", "show r.json", "BLOBTRANSFER_MARGIN 1", SHARE),
    ("THRESHOLD=2", "compare --speed", "BLOBTRANSFER_THRESHOLD 2", "an accuracy above 0 and"),
    ("SOURCES=some", "compare", "BLOBTRANSFER_SOURCES some", "one of fresh, one, both"),
    ("VARIANT=zzz", "compare", "BLOBTRANSFER_VARIANT zzz", "zzz is not known"),
    ("FORMAT=xml", "compare", "BLOBTRANSFER_FORMAT xml", "one of table"),
    ("ENGINE=torch", "compare", "BLOBTRANSFER_ENGINE torch", "one of compiled, keras"),
    ("OUTPUT=x.xls", "compare", "BLOBTRANSFER_OUTPUT x.xls", "no format has"),
    ("OUTPUT=x.xls", "compare -o y.xls", "--output y.xls", "no format has"),
    ("OUTPUT=x.xls", "compare -qoy.xls", "--output y.xls", "no format has"),
    ("PLOT=x.gif", "compare", "BLOBTRANSFER_PLOT x.gif", "no format has"),
    ("MODEL=none.h5", "compare", "BLOBTRANSFER_MODEL none.h5", "check the path"),
    ("SAVE=x.json", "train-target", "BLOBTRANSFER_SAVE x.json", "no format has"),
    ("SPEED=maybe", "compare", "BLOBTRANSFER_SPEED maybe", "1 or 0"),
    ("FORCE=maybe", "train-source", "BLOBTRANSFER_FORCE maybe", "1 or 0"),
    ("QUIET=\x1b[31m", "compare", "BLOBTRANSFER_QUIET \\x1b[31m", "1 or 0"),
]

COUNTS = {
    "--samples": "compare",
    "--classes": "compare",
    "--features": "compare",
    "--train-samples": "compare",
    "--test-samples": "compare",
    "--hidden": "compare",
    "--epochs": "train-source",
    "--batch-size": "train-source",
    "--repeats": "compare",
}
NO_COUNTS = (
    "0",
    "-1",
    BILLION,
    TEN_BILLION,
    str(10**20),
    "nan",
    "inf",
    "1e400",
    "-0.0",
    "1_",
    "",
    "x",
    "0x9",
)
NO_FIGURES = ("nan", "inf", "-inf", "1e400", "1_", "", "x", "0x9", "1,5", "-1", "1e300e")
FIGURES = (
    "--cluster-std",
    "--learning-rate",
    "--momentum",
    "--weight-decay",
    "--margin",
    "--low",
    "--threshold",
)


def write_model_files(folder):
    """Write models that are refused, and files that are none."""

    def keras(name, change, model=None):
        model = model or config()
        change(model, model["config"]["layers"])
        write_keras(folder / f"{name}.keras", json.dumps(model))

    def norms(model, layers):
        layers[1]["config"]["activation"] = "selu"
        layers.insert(2, entry("BatchNormalization", "norm"))
        layers.insert(4, entry("BatchNormalization", "norm_1"))

    def branch(model, layers):
        add = entry("Add", "add") | {"inbound_nodes": [call_of("dense", "input_layer")]}
        layers[2]["inbound_nodes"] = [call_of("add")]
        layers.insert(2, add)

    def dense(**settings):
        return lambda model, layers: layers[1]["config"].update(settings)

    keras("norms", norms)
    keras("front", lambda model, layers: layers.insert(1, entry("Normalization", "norm")))
    keras("branch", branch, functional())
    keras("int8", dense(quantization_config={"class_name": "Int8QuantizationConfig"}))
    keras("lora", dense(lora_rank=4))
    keras("own", lambda model, layers: model.update(class_name="Mine", registered_name="Mine"))
    keras("sigmoid", lambda model, layers: layers[3]["config"].update(activation="sigmoid"))
    for name, files in (("saved", ("saved_model.pb", "keras_metadata.pb")),
                        ("exported", ("saved_model.pb",))):  # fmt: skip
        (folder / name).mkdir()
        for file in files:
            (folder / name / file).touch()
    (folder / "ckpt.index").write_bytes(bytes(100) + bytes.fromhex("57fb808b247547db"))
    (folder / "ckpt.data-00000-of-00001").write_bytes(bytes(100))
    for name, member in (("net.pt", "net/data.pkl"), ("arrays.npz", "a.npy")):
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr(member, b"")
    for name, content in (
        ("net.pkl", b"\x80\x04\x95" + bytes(20)),
        ("net.onnx", b"\x08\x07\x12\x07pytorch" + bytes(20)),
        ("net.tflite", b"\x1c\0\0\0TFL3" + bytes(20)),
        ("net.safetensors", b"\x40" + bytes(7) + b'{"a":{"dtype":"F32"}}'),
        ("table.csv", b"sources,variant,fixed\nnone,standalone,\n"),
    ):
        (folder / name).write_bytes(content)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Return a folder with a model, results, directories, links, and an empty file of each."""
    folder = tmp_path_factory.mktemp("folder")
    write_keras(folder / "m.keras")
    write_h5(folder / "m.h5")
    write_model_files(folder)
    more = ("--epochs", 3, "--repeats", 3, "--speed", "--variant", "random-frozen,fixed=1")
    done = run_process("compare", *TINY, *more, "--no-plot", "-q", "-o", "r.json", cwd=folder)
    assert done.code == 0, done.err
    done = run_process(
        "train-target", *TINY, "--no-plot", "-q", "-o", "train-results.json", cwd=folder
    )
    assert done.code == 0, done.err
    for name in ("dir", "dir.json", "dir.png", "dir.keras"):
        (folder / name).mkdir()
    for name in ("empty.json", "empty.keras"):
        (folder / name).touch()
    (folder / "notes.keras").write_text("my notes")
    (folder / "cut.keras").write_bytes(b"PK\x03\x04 and no more")
    for link, target in (
        ("here", "."),
        ("loop.json", "loop.json"),
        ("loop.keras", "loop.keras"),
        ("device.json", "/dev/null"),
        ("link-to-r.json", "r.json"),
        ("r.png", "r.json"),
        ("link-to-new.json", "new.json"),
        ("link-to-figure.json", "compare.png"),
        ("link.keras", "m.keras"),
        ("m.json", "m.keras"),
        ("m.png", "m.keras"),
        ("m.csv", "m.keras"),
        ("r.csv", "r.json"),
        ("link-to-new-model.json", "new.keras"),
    ):
        (folder / link).symlink_to(target)
    return folder


@pytest.fixture(scope="module")
def contents_before(template):
    return contents(template)


@pytest.fixture
def folder(run, template, contents_before, monkeypatch):
    """Run commands in the template, which must be the same after the test."""
    monkeypatch.chdir(template)
    yield template
    assert contents(template) == contents_before


@pytest.mark.parametrize(
    ("argv", "name", "key"),
    [*NUMBERS, *MODELS_NETWORK, *TRANSFER, *FILES, *MODELS_FILES, *COMMANDS, *OPTIMIZERS, *TUNING],
    ids=lambda part: str(part)[:60],
)
def test_bad_input_is_one_line_and_leaves_every_file_as_it_was(run, folder, argv, name, key):
    assert_refused(run(*shlex.split(argv)), name.format(here=folder), key)


@pytest.mark.parametrize(("argv", "line"), ODD_NAMES, ids=range(len(ODD_NAMES)))
def test_odd_and_endless_values_are_shown_so_that_a_terminal_can_bear_them(run, folder, argv, line):
    done = run(*argv)
    assert_one_line(done, line)
    assert "; " in done.err or ": use" in done.err or "choose another name" in done.err


@pytest.mark.parametrize(("variable", "argv", "name", "key"), ENVIRONMENT)
def test_a_bad_value_in_the_environment_is_refused_by_its_variables_name(
    run, folder, monkeypatch, variable, argv, name, key
):
    monkeypatch.setenv(*f"BLOBTRANSFER_{variable}".split("=", 1))
    assert_refused(run(*argv.split()), name, key)


@pytest.mark.parametrize("option", COUNTS)
def test_no_count_is_taken_for_one(run, folder, option):
    for value in NO_COUNTS:
        done = run(COUNTS[option], option, value)
        assert_one_line(done, f"{option} {value or repr('')}: ")
        assert "use " in done.err


@pytest.mark.parametrize("option", FIGURES)
def test_no_figure_is_taken_for_one(run, folder, option):
    for value in NO_FIGURES:
        done = run("compare", "--speed", option, value)
        assert_one_line(done, f"{option} {value or repr('')}: use ")


# ---------------------------------------------------------------- processes of their own


REFUSING = """
import json, pathlib, re, resource, sys
gigabyte = 2**30
resource.setrlimit(resource.RLIMIT_AS, (2 * gigabyte, 2 * gigabyte))
from blobtransfer.cli.app import main
for argv in json.loads(sys.stdin.read()):
    sys.argv = ["blobtransfer", *argv]
    assert main() == 2, argv
heavy = {"numpy", "scipy", "sklearn", "matplotlib", "tensorflow", "keras", "h5py"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
# Not ru_maxrss, which remembers the process that started this one.
status = pathlib.Path("/proc/self/status")
peaks = re.findall(r"VmHWM:\\s+(\\d+) kB", status.read_text()) if status.exists() else []
assert all(int(peak) < 200_000 for peak in peaks), peaks
"""


@pytest.mark.exhaustive
def test_what_is_too_much_is_refused_before_any_memory_is_touched(tmp_path):
    rows = [shlex.split(argv) for argv, *_ in NUMBERS + TRANSFER if "m.keras" not in argv]
    rows += [[command, option, TEN_BILLION] for option, command in COUNTS.items()]
    rows += [list(argv) for argv, _ in ODD_NAMES if argv[0] != "show" and "--model" not in argv]
    done = subprocess.run(
        [sys.executable, "-c", REFUSING],
        input=json.dumps(third_of(row for row in rows if row[0] != "show")),
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        ([b"compare", b"-o", b"none/\xff.json"], r"--output none/\udcff.json: "),
        ([b"compare", b"-o", b"\xff\xfe"], r"--output \udcff\udcfe: "),
        ([b"compare", b"--model", b"\xc3(.keras"], r"--model \udcc3(.keras: no such file"),
        ([b"compare", b"--variant", b"\x80"], r"--variant \udc80: \udc80 "),
        ([b"compare", b"--samples", b"\xff"], r"--samples \udcff: "),
        ([b"compare", b"--\xff"], r"--\udcff: not an option"),
        ([b"\xff"], r"\udcff: not a"),
        ([b"show", b"\xff.json"], r"\udcff.json: no such file"),
        ([b"show", b"-"], r"-: the text: invalid json: "),
        ([b"show", b"/dev/zero"], r"/dev/zero: this is a device"),
        ([b"train-target", b"--model", b"m.keras", b"--save", b"./m.keras"], "--save m.keras: "),
    ],
)
def test_a_process_of_its_own_refuses_in_one_line_too(folder, tmp_path, argv, line):
    with (tmp_path / "typed").open("w+b") as typed:
        typed.write(b"\xff\x00[")
        typed.seek(0)
        done = run_process(
            *map(os.fsdecode, argv), cwd=folder, stdin=typed,
            environment={"LC_ALL": "C", "PYTHONUTF8": "0"},
        )  # fmt: skip
    assert_one_line(done, line)


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_a_refusal_needs_no_open_stream(folder, closed):
    by = ("sh", "-c", f'exec "$@" {closed}', "sh")
    done = run_process("show", "-", "--plot", "none/x.png", cwd=folder, by=by)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == ("2>" not in closed)
    assert "Traceback" not in done.err


# ---------------------------------------------------------------- results that are none


def changed(change):
    """Return the text that a test makes from that of good results."""

    def text(good):
        record = json.loads(good)
        change(record)
        return json.dumps(record).encode()

    return text


def put(*path_and_value):
    return changed(results.put(*path_and_value))


BAD_RESULTS = {
    "notes": (lambda good: b"my notes", "this looks like plain text"),
    "a table": (lambda good: b"sources,variant\none,transfer\n", "this looks like CSV"),
    "a page": (lambda good: b"<!doctype html><p>", "this looks like HTML or XML"),
    "a pickle": (lambda good: b"\x80\x04\x95" + bytes(20), "this looks like a Python pickle"),
    "nothing": (lambda good: b"", "it is empty"),
    "white space": (lambda good: b" \n", "the text: invalid json"),
    "the half of it": (lambda good: good[: len(good) // 2], "the text: invalid json"),
    "all but its end": (lambda good: good[:-3], "the text: invalid json"),
    "two of them": (lambda good: good + good, "the text: invalid json"),
    "a picture": (lambda good: b"\x89PNG\r\n\x1a\n" + bytes(100), "this looks like a PNG picture"),
    "no UTF-8": (lambda good: good.replace(b"compare", b"\xff\xfe"), "the text is not valid UTF-8"),
    "UTF-16 without a mark": (
        lambda good: good.decode().encode("utf-16-le"),
        "this looks like UTF-16",
    ),
    "UTF-16 of odd length": (
        lambda good: good.decode().encode("utf-16") + b"\n",
        "the text is not valid UTF-16",
    ),
    "half a sign in UTF-16": (lambda good: b"\xff\xfe{\0\0\xd8", "the text is not valid UTF-16"),
    "a mark alone": (lambda good: b"\xef\xbb\xbf", "the text: invalid json"),
    "UTF-16 of a table": (lambda good: "sources,variant\n".encode("utf-16"), "this looks like CSV"),
    "deep lists": (lambda good: b"[" * 100_000, "the text: invalid json"),
    "deep objects": (lambda good: b'{"a":' * 100_000, "the text: invalid json"),
    "deep inside": (
        lambda good: good.replace(b'"machine": {', b'"machine": ' + b"[" * 9999, 1),
        "the text: invalid json",
    ),
    "a list": (lambda good: b"[]", "the text: input should be an object"),
    "null": (lambda good: b"null", "the text: input should be an object"),
    "an object": (lambda good: b"{}", "command: field required"),
    "of somebody else": (lambda good: b'{"runs": [1, 2]}', "command: field required"),
    "NaN": (lambda good: good.replace(b'"seconds": ', b'"seconds": NaN, "x": '), "seconds: "),
    "Infinity": (lambda good: good.replace(b'"seconds": ', b'"seconds": Infinity, "x": '), "sec"),
    "1e999": (lambda good: good.replace(b'"seconds": ', b'"seconds": 1e999, "x": '), "seconds: "),
    "a later version": (put("schema_version", 3), "schema_version: "),
    "a version as text": (put("schema_version", "1"), "schema_version: "),
    "no version": (put("schema_version", None), "schema_version: "),
    "another command": (put("command", "rm -rf"), "command: input should be "),
    "a text for a number": (put("runs", 0, "test_accuracy", "1"), "runs.0.test_accuracy: "),
    "a share above 1": (put("runs", 0, "test_accuracy", 1.5), "runs.0.test_accuracy: "),
    "a score missing": (put("runs", 0, "test_loss", None), "runs.0: a score is missing"),
    "no runs": (put("runs", []), "runs: the list is empty"),
    "a run twice": (
        changed(lambda record: record["runs"].append(record["runs"][0])),
        "runs.18: repeat 0 is repeated",
    ),
    "a repeat too many": (put("runs", 0, "repeat", 3), "runs: repeat 3 is not in 0 to 2"),
    "an unknown variant": (
        put("runs", 0, "variant", "\x1b[31m"),
        "runs.0: the spec has no variant",
    ),
    "a thousand classes": (put("runs", 0, "classes_predicted", 1000), "runs: 1000 classes"),
    "no curves": (changed(lambda record: record.pop("curves")), "curves: "),
    "a short curve": (put("curves", 0, "test_accuracy", [0.5]), "curves: "),
    "no task": (put("tasks", []), "tasks: of [], "),
    "a ceiling of 2": (put("tasks", 0, "ceiling", 2.0), "tasks.0.ceiling: "),
    "a spec of nothing": (put("spec", {}), "spec: target: no data is given"),
    "a width of 0": (put("spec", "network", "hidden", [0]), "spec: hidden 0: "),
    "10,000 layers": (put("spec", "network", "hidden", [1] * 10_000), "spec: hidden 1 1 1"),
    "10^18 repeats": (put("spec", "n_repeats", 10**18), "spec: repeats 1000000000000000000: "),
    "10^40 repeats": (put("spec", "n_repeats", 10**40), "spec: repeats 1000"),
    "a seed of -1": (put("spec", "train_seed", -1), "spec: train-seed -1: "),
    "a bad margin": (put("spec", "margin", 2.0), "spec: margin 2.0: "),
    "a bad line of low runs": (put("spec", "low", 0.0), "spec: low 0.0: "),
    "a title for the terminal": (put("spec", "model_path", "\x1b]0;x\x07"), "spec.model_path: "),
    "notes for the terminal": (
        put("spec", "model_notes", ["fine", "\x1b[31m"]),
        "spec.model_notes.1: ",
    ),
    "an unknown activation": (
        put("spec", "network", "activation", ["tanh", "magic"]),
        "spec: activation magic: ",
    ),
    "three activations": (
        put("spec", "network", "activation", ["tanh", "relu", "tanh"]),
        "spec: activation tanh relu tanh: ",
    ),
    "a loss beyond float32": (put("runs", 0, "test_loss", 1e308), "runs.0.test_loss: input"),
    "a loss below 0": (put("runs", 0, "train_loss", -1e308), "runs.0.train_loss: input"),
    "a version with a point": (put("schema_version", 2.0), "schema_version: "),
    "an old version with a point": (put("schema_version", 1.0), "schema_version: "),
    "an endless name": (
        put("spec", "model_path", "m" * 10**6),
        "spec.model_path: longer than 4,096",
    ),
    "an endless problem": (put("tasks", 1, "name", "p" * 5000), "tasks.1.name: longer than 4,096"),
    "a thousand years": (put("seconds", 1e308), "seconds: input should be less"),
    "a name that colours": (put("tasks", 1, "name", "\x1b[31m"), "tasks.1.name: "),
}


@pytest.mark.parametrize("name", BAD_RESULTS)
def test_show_refuses_in_one_line_what_no_command_has_written(run, template, tmp_path, name):
    make, problem = BAD_RESULTS[name]
    (tmp_path / "bad.json").write_bytes(make((template / "r.json").read_bytes()))
    before = contents(tmp_path)
    done = run("show", "bad.json", "-o", "again.json")
    assert_one_line(done, f"bad.json: {problem}")
    assert "a JSON file" in done.err
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("none.json", "no such file or directory"),
        ("dir", "is a directory"),
        ("loop.json", "too many levels of symbolic links"),
        ("device.json", "this is a device, not a file"),
        ("empty.json", "it is empty"),
        ("m.keras", "this looks like a .keras file"),
        ("m.h5", "this looks like an .h5 file"),
        ("table.csv", "this looks like CSV"),
        ("notes.keras", "this looks like plain text"),
        ("", "is a directory"),
        ("x" * 5000, None),
    ],
)
def test_show_refuses_what_is_no_file_of_results(run, folder, name, problem):
    done = run("show", name)
    start = f"{name or '.'}: {problem}" if problem else "x" * 900
    assert_one_line(done, start)
    assert "a JSON file" in done.err


# ---------------------------------------------------------------- what may be done


def test_force_lets_the_source_network_be_replaced(run, template, tmp_path):
    shutil.copy(template / "m.keras", tmp_path)
    old = (tmp_path / "m.keras").read_bytes()
    quick = (*SMALL_OPTIONS, "--no-plot", "-q")
    done = run("train-target", "--model", "m.keras", "--save", "m.keras", "--force", *quick)
    assert (done.code, done.out, without_cautions(done.err)) == (0, "m.keras\n", "")
    assert (tmp_path / "m.keras").read_bytes() != old


def test_a_model_of_an_odd_name_gives_results_that_can_be_read_and_shown(run, template, tmp_path):
    name = "a\x1b[31m\udcff.keras"
    shutil.copy(template / "m.keras", tmp_path / name)
    quick = (*SMALL_OPTIONS, "--repeats", 2, "--no-plot", "-q", "--full")
    done = run("compare", "--model", name, "--sources", "one", *quick, "-o", "r.json")
    shown = run("show", "r.json", "--no-plot")
    assert (done.code, shown.code) == (0, 0)
    for text in (done.out, shown.out):
        assert r"a\x1b[31m\udcff.keras" in text
        assert "\x1b" not in text


# ---------------------------------------------------------------- divergence


def test_runs_that_diverge_are_counted_and_are_at_chance_level_in_the_means(run, tmp_path):
    outputs = [word for suffix in ("json", "csv", "md", "txt") for word in ("-o", f"d.{suffix}")]
    diverging = "--epochs 20 --repeats 6 --learning-rate 1e6 --speed --plot d.svg".split()
    done = run("compare", *TINY, *diverging, *outputs)
    assert done.code == 3
    assert "runs diverged" in done.err and "--learning-rate" in done.err
    record = json.loads((tmp_path / "d.json").read_text(), parse_constant=no_number)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "d.csv").read_text())))
    failed = [row for row in rows if row["status"] == "failed"]
    assert failed
    for summary in record["summary"]:
        key = (summary["sources"], summary["variant"], str(summary["fixed"] or 0))
        own = [row for row in rows if (row["sources"], row["variant"], row["fixed"] or "0") == key]
        ok = [float(row["test_accuracy"]) for row in own if row["status"] == "ok"]
        at_chance = [record["tasks"][-1]["floor"]] * (len(own) - len(ok))
        assert (summary["failed"], summary["n"]) == (len(at_chance), len(own))
        assert summary["mean"] == pytest.approx(sum(ok + at_chance) / len(own))
        assert summary["mean_finished"] == (pytest.approx(sum(ok) / len(ok)) if ok else None)
    for text in (done.out, *(Path(f"d.{s}").read_text() for s in ("csv", "md", "txt", "svg"))):
        assert not any(word in text.lower().split() for word in ("nan", "inf", "-inf"))
        assert ",nan" not in text and ",inf" not in text and "nan %" not in text


@pytest.mark.parametrize("command", ["train-source --model d.keras", "train-target --save d.keras"])
def test_a_training_that_diverges_saves_no_model(run, tmp_path, command):
    diverging = "--epochs 30 --learning-rate 1e6 --momentum 0.9 --plot d.svg -o d.json".split()
    done = run(*command.split(), *TINY, *diverging)
    assert done.code == 3
    assert done.err.count("warning: ") == 1 and "not finite" in done.err
    assert sorted(os.listdir(tmp_path)) == ["d.json", "d.svg"]
    record = json.loads((tmp_path / "d.json").read_text(), parse_constant=no_number)
    assert record["runs"][0]["status"] == "failed"
    assert record["summary"][0]["mean_finished"] is None
    assert "nan" not in (tmp_path / "d.svg").read_text().lower().split()
