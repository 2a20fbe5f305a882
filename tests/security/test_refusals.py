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
from helpers.commands import contents, run_process
from helpers.models import call_of, config, entry, functional, write_h5, write_keras
from helpers.specs import SMALL_OPTIONS

pytestmark = pytest.mark.security

TINY = (*SMALL_OPTIONS, "--hidden", "3")
BILLION, TEN_BILLION = str(10**9), str(10**10)

WHOLE = "use a whole number"
FINITE = "use a finite number"
ACTIVATION = "use one of relu, tanh, sigmoid, elu, gelu, leaky_relu"
NEW_HEAD = "use --variant new-head,fixed=0 alone, or another network"
NO_MODEL = "not a .keras or .h5 file; save a model with Keras"
SLOPE = "use a slope above 0 and below 1, such as leaky_relu=0.1"
SEED = "use a whole number from 0 to 4294967295"
SHARE = "use a share from 0 up to, not with, 1; 0.01 is 1 point"
LOW = "use a share above 0 and below 1, such as 0.1"
MOMENTUM = "use a number from 0 up to, not with, 1"
COUNT = "use 100,000,000 or less"
CELLS = "use at most 100,000,000"
HIDDEN = "the network has 2 hidden layers; use 0, 1 or 2"
RESULT_SUFFIX = "use .txt, .json, .csv, .md, .html"
SIZE = "use two numbers of inches from 2 to 50, such as 3.5x4"
STYLE = "use one of screen, slide, paper"
SUMMARY_SUFFIX = "use .csv, .md, .tex"
FIGURE_SUFFIX = "use .png, .svg, .pdf"
ONCE = "this is the file of --output too; use another name"
INPUT = "this would replace the source network (--model); use another name"
SHOWN = "this would replace the results to be shown; use another name"
EXISTS = "use another name, or --force to replace it"
HELP = "; see blobtransfer --help"
COMPARE_HELP = "; see blobtransfer compare --help"
VARIANTS = (
    "use transfer, random-frozen, self-transfer, equal-compute, new-head, reinit=K, add=WIDTH, "
    "unfreeze=EPOCHS, factor=X, anchor=X, fixed=N"
)


def linked(option, name, target):
    """Return the error of an output that is a symbolic link."""
    return (
        f"--{option} {name}: this is a symbolic link to {target}, which is not followed; "
        "use another name"
    )


NUMBERS = [
    ("plot-data --seed -1", f"--seed -1: {SEED}"),
    ("plot-data --seed 4294967296", f"--seed 4294967296: {SEED}"),
    (f"plot-data --seed 1 {TEN_BILLION}", f"--seed {TEN_BILLION}: {SEED}"),
    ("plot-data --seed 1 1", "--seed 1 1: 1 is repeated; give it once"),
    ("train-source --seed -1", f"--seed -1: {SEED}"),
    ("train-source --seed 1.5", f"--seed 1.5: {WHOLE}"),
    ("train-target --seed 4294967296", f"--seed 4294967296: {SEED}"),
    ("compare --source-seed -1", f"--source-seed -1: {SEED}"),
    ("compare --source-seed 4294967296", f"--source-seed 4294967296: {SEED}"),
    ("compare --target-seed 1e400", f"--target-seed 1e400: {WHOLE}"),
    ("compare --reverse --source-seed -1", f"--source-seed -1: {SEED}"),
    ("compare --reverse --target-seed 4294967296", f"--target-seed 4294967296: {SEED}"),
    ("compare --train-seed -1", f"--train-seed -1: {SEED}"),
    ("compare --train-seed 4294967296", f"--train-seed 4294967296: {SEED}"),
    ("compare --samples 0", "--samples 0: use 1 or more"),
    ("compare --samples -5", "--samples -5: use 1 or more"),
    (f"compare --samples {BILLION}", f"--samples {BILLION}: {COUNT}"),
    (f"compare --samples {TEN_BILLION}", f"--samples {TEN_BILLION}: {COUNT}"),
    (
        "compare --samples 100000000",
        f"--samples 100000000: 200,000,000 numbers with 2 features; {CELLS}",
    ),
    ("compare --samples 2", "--samples 2: fewer rows than the 3 classes; use at least 3"),
    ("compare --samples 1e3", f"--samples 1e3: {WHOLE}"),
    ("compare --samples ''", f"--samples '': {WHOLE}"),
    (
        "compare --samples 1000000 --train-samples 500000 --classes 10000 --hidden 1",
        f"--samples 1000000: 10,000,000,000 numbers with 10000 classes; {CELLS}",
    ),
    ("compare --classes 0", "--classes 0: use 2 or more"),
    ("compare --classes 1", "--classes 1: use 2 or more"),
    (f"compare --classes {BILLION}", f"--classes {BILLION}: {COUNT}"),
    (
        "compare --classes 2000",
        "--samples 1000: fewer rows than the 2000 classes; use at least 2000",
    ),
    (
        "compare --classes 600",
        "--train-samples 500: fewer training rows than the 600 classes; use at least 600",
    ),
    ("compare --features 0", "--features 0: use 1 or more"),
    (f"compare --features {TEN_BILLION}", f"--features {TEN_BILLION}: {COUNT}"),
    (
        "compare --features 100000000",
        f"--features 100000000: 100,000,000,000 numbers with 1000 samples; {CELLS}",
    ),
    (
        "compare --train-samples 1001",
        "--train-samples 1001: the problem has 1000 rows; use fewer, or more --samples",
    ),
    (
        "compare --train-samples 1000",
        "--train-samples 1000: all 1000 rows train and none is left to test; "
        "use fewer, more --samples, or --test-samples",
    ),
    ("compare --test-samples 0", "--test-samples 0: use 1 or more"),
    (f"compare --test-samples {BILLION}", f"--test-samples {BILLION}: {COUNT}"),
    (
        "plot-data --seed 1 2 3 --samples 20000000",
        f"--seed 1 2 3: 120,000,000 numbers in all; {CELLS}",
    ),
    ("compare --cluster-std 0", "--cluster-std 0.0: use a number from 1e-30 to 1e30"),
    ("compare --cluster-std -0.0", "--cluster-std -0.0: use a number from 1e-30 to 1e30"),
    ("compare --cluster-std 1e31", "--cluster-std 1e+31: use a number from 1e-30 to 1e30"),
    ("compare --cluster-std inf", f"--cluster-std inf: {FINITE}"),
    ("compare --hidden 0", "--hidden 0: 0 is not a width; use 1 or more units"),
    ("compare --hidden 5 -3", "--hidden 5 -3: -3 is not a width; use 1 or more units"),
    ("compare --hidden ''", f"--hidden '': {WHOLE}"),
    ("compare --hidden 5,x", f"--hidden x: {WHOLE}"),
    (
        f"compare --hidden {BILLION}",
        f"--hidden {BILLION}: 6,000,000,003 weights; use at most 4,000,000",
    ),
    (
        "compare --hidden 10000 10000",
        "--hidden 10000 10000: 100,070,003 weights; use at most 4,000,000",
    ),
    (
        f"compare --hidden {'1 ' * 64}",
        f"--hidden {'1 ' * 63}1: 64 layers; use at most 63",
    ),
    ("train-source --epochs 0", "--epochs 0: use 1 or more"),
    (f"train-source --epochs {BILLION}", f"--epochs {BILLION}: use 1,000,000 or less"),
    (f"train-target --batch-size {BILLION}", f"--batch-size {BILLION}: {COUNT}"),
    ("train-target --batch-size 0", "--batch-size 0: use 1 or more"),
    ("compare --learning-rate 0", "--learning-rate 0.0: use a finite number above 0"),
    ("compare --learning-rate -0.0", "--learning-rate -0.0: use a finite number above 0"),
    ("compare --learning-rate nan", f"--learning-rate nan: {FINITE}"),
    ("compare --learning-rate -inf", f"--learning-rate -inf: {FINITE}"),
    ("compare --learning-rate 1e400", f"--learning-rate 1e400: {FINITE}"),
    ("compare --learning-rate 1_0", f"--learning-rate 1_0: {FINITE}"),
    ("compare --learning-rate ''", f"--learning-rate '': {FINITE}"),
    ("compare --momentum 1", f"--momentum 1.0: {MOMENTUM}"),
    ("compare --momentum -0.1", f"--momentum -0.1: {MOMENTUM}"),
    (
        "compare --activation RELU",
        f"--activation RELU: did you mean relu or elu? {ACTIVATION}",
    ),
    (
        "compare --initializer zeros",
        "--initializer zeros: use one of he_uniform, he_normal, glorot_uniform, glorot_normal, "
        "lecun_uniform, lecun_normal",
    ),
    ("compare --engine torch", "--engine torch: use one of compiled, keras"),
    ("compare --format xml", "--format xml: use one of table, json, csv, markdown"),
    (
        "compare --activation selu",
        f"--activation selu: did you mean elu or relu? {ACTIVATION}",
    ),
    ("compare --target-seed 4294967296", f"--target-seed 4294967296: {SEED}"),
]

MODELS_NETWORK = [
    (
        "compare --activation tanh relu elu",
        "--activation tanh relu elu: 3 for 2 hidden layers; use one, or one for each",
    ),
    (
        "train-source --hidden 5 4 3 --activation tanh,relu",
        "--activation tanh relu: 2 for 3 hidden layers; use one, or one for each",
    ),
    (
        "compare --hidden 5 --activation=tanh,relu",
        "--activation tanh relu: 2 for 1 hidden layer; use one, or one for each",
    ),
    (
        "compare --activation tanh rellu",
        f"--activation rellu: did you mean relu or elu? {ACTIVATION}",
    ),
    ("compare --activation geul", f"--activation geul: did you mean gelu? {ACTIVATION}"),
    ("compare --activation softmax", f"--activation softmax: {ACTIVATION}"),
    ("compare --activation linear", f"--activation linear: {ACTIVATION}"),
    ("compare --activation leaky", f"--activation leaky: did you mean leaky_relu? {ACTIVATION}"),
    ("train-target --activation leaky_relu=1", f"--activation leaky_relu=1: {SLOPE}"),
    ("train-target --activation leaky_relu=0", f"--activation leaky_relu=0: {SLOPE}"),
    ("compare --activation leaky_relu=-0.1", f"--activation leaky_relu=-0.1: {SLOPE}"),
    ("compare --activation leaky_relu=nan", f"--activation leaky_relu=nan: {SLOPE}"),
    ("compare --activation leaky_relu=", f"--activation leaky_relu=: {SLOPE}"),
    ("compare --activation elu=1", f"--activation elu=1: {ACTIVATION}"),
    (
        "compare --model m.keras --activation relu tanh",
        "--activation relu tanh: the model's activation is relu; leave --activation out",
    ),
    (
        "train-target --model m.keras --activation relu relu relu",
        "--activation relu relu relu: 3 for 2 hidden layers; use one, or one for each",
    ),
]

TRANSFER = [
    ("compare --repeats 0", "--repeats 0: use 1 or more"),
    ("compare --repeats 1_0", f"--repeats 1_0: {WHOLE}"),
    (f"compare --repeats {BILLION}", f"--repeats {BILLION}: {COUNT}"),
    (
        "compare --repeats 5000000",
        "--repeats 5000000: that is 35,000,000 trainings; use at most 10,000,000",
    ),
    (
        "compare --repeats 100000 --speed",
        "--repeats 100000: with --speed that is 70,700,000 accuracies to keep; "
        "use at most 25,000,000",
    ),
    ("compare --fixed 3", f"--fixed 3: {HIDDEN}"),
    ("compare --fixed -1", f"--fixed -1: {HIDDEN}"),
    (f"compare --fixed {BILLION}", f"--fixed {BILLION}: {HIDDEN}"),
    ("compare --fixed 0,1,1", "--fixed 0 1 1: 1 is repeated; give it once"),
    ("compare --fixed 0 --fixed 0", "--fixed 0 0: 0 is repeated; give it once"),
    ("compare --fixed=", f"--fixed '': {WHOLE}"),
    ("compare --fixed 1.0", f"--fixed 1.0: {WHOLE}"),
    ("train-target --fixed 1", "--fixed 1: there is no network to freeze; give --model FILE"),
    ("train-target --model m.keras --fixed 3", f"--fixed 3: {HIDDEN}"),
    ("train-target --model m.keras --fixed -1", f"--fixed -1: {HIDDEN}"),
    (
        "train-target --model m.keras --fixed 1 --variant new-head",
        "--fixed 1: write fixed=1 in --variant, or leave it out",
    ),
    ("compare --nested 2", "--nested 2: use two numbers: sources, and repeats of each"),
    ("compare --nested 2 2 2", "--nested 2 2 2: use two numbers: sources, and repeats of each"),
    (
        "compare --nested 1 9",
        "--nested 1 9: use 2 or more sources, 2 or more repeats of each",
    ),
    (
        "compare --nested -1 -1",
        "--nested -1 -1: use 2 or more sources, 2 or more repeats of each",
    ),
    ("compare --nested x y", f"--nested x: {WHOLE}"),
    (
        "compare --nested 100000 100000",
        f"--nested 100000 100000: that is 10,000,000,000 repeats; {CELLS}",
    ),
    (
        "compare --nested 2,2 --repeats 4",
        "--repeats 4: --nested 2 2 says how many; leave one of the two out",
    ),
    (
        "compare --nested 3 4 --sources one",
        "--nested 3 4: it asks about several source networks; leave out --sources one",
    ),
    (
        "compare --nested 2 3 --until-decided",
        "--nested 2 3: it says how many repeats; leave out --until-decided",
    ),
    (
        "compare --until-decided --repeats 4",
        "--repeats 4: --until-decided finds out how many; give the most with --max-repeats",
    ),
    ("compare --max-repeats 4", "--max-repeats 4: it needs --until-decided; add that"),
    (
        "compare --nested 2 3 --max-repeats 4",
        "--max-repeats 4: it needs --until-decided; add that",
    ),
    ("compare --until-decided --max-repeats 0", "--max-repeats 0: use 1 or more"),
    ("compare --until-decided --max-repeats x", f"--max-repeats x: {WHOLE}"),
    (f"compare --until-decided --max-repeats {BILLION}", f"--max-repeats {BILLION}: {COUNT}"),
    (
        "compare --until-decided --max-repeats 5000000",
        "--max-repeats 5000000: that is 35,000,000 trainings; use at most 10,000,000",
    ),
    (
        "compare --until-decided --speed",
        "--max-repeats 100000: with --speed that is 70,700,000 accuracies to keep; "
        "use at most 25,000,000",
    ),
    ("compare --low 0", f"--low 0.0: {LOW}"),
    ("compare --low 1", f"--low 1.0: {LOW}"),
    ("compare --low -0.1", f"--low -0.1: {LOW}"),
    ("compare --low nan", f"--low nan: {FINITE}"),
    ("compare --low ''", f"--low '': {FINITE}"),
    (
        "compare --fixed 0 2 --against fixed=1",
        "--against transfer fixed=1: it is not compared; use one of transfer fixed=0, "
        "transfer fixed=2",
    ),
    (
        "compare --against standalone",
        "--against standalone: standalone is always compared; leave it out",
    ),
    ("compare --against magic", f"--against magic: magic is not known; {VARIANTS}"),
    ("compare --margin 1", f"--margin 1.0: {SHARE}"),
    ("compare --margin -0.1", f"--margin -0.1: {SHARE}"),
    ("compare --margin 1e-320", "--margin 1e-320: use 0, or 1e-06 or more"),
    ("show r.json --margin nan", f"--margin nan: {FINITE}"),
    ("show r.json --margin 7", f"--margin 7.0: {SHARE}"),
    ("compare --threshold 0.5", "--threshold 0.5: it needs --speed; add that"),
    (
        "compare --speed --threshold -0.0",
        "--threshold -0.0: use an accuracy above 0 and up to 1",
    ),
    (
        "compare --speed --threshold 1.1",
        "--threshold 1.1: use an accuracy above 0 and up to 1",
    ),
    (
        "compare --model m.keras --reverse",
        "--reverse: the source network is read from --model m.keras; leave one out",
    ),
    (
        "compare --model m.keras --sources one --source-seed 1",
        "--source-seed 1: the source network is read from --model m.keras; "
        "leave one of the two out",
    ),
    ("compare --variant ''", f"--variant '': an empty variant is not known; {VARIANTS}"),
    (
        "compare --variant [bold]x[/]",
        f"--variant [bold]x[/]: [bold]x[/] is not known; {VARIANTS}",
    ),
    (
        "compare --variant standalone",
        "--variant standalone: standalone is always compared; leave it out",
    ),
    (
        "compare --variant reverse",
        "--variant reverse: reverse is not a variant but another comparison; use --reverse",
    ),
    (
        "compare --variant fixed=3",
        "--variant transfer fixed=3: the network has 2 hidden layers; use fixed=0, 1 or 2",
    ),
    ("compare --variant fixed=1", "--variant transfer fixed=1: it is repeated; give it once"),
    (
        "compare --variant fixed=1,fixed=2",
        "--variant fixed=1,fixed=2: fixed is repeated; give it once",
    ),
    (
        "compare --variant new-head --variant new-head",
        "--variant new-head fixed=0: it is repeated; give it once",
    ),
    (
        "compare --variant new-head,reinit=1",
        "--variant new-head,reinit=1: new-head, reinit and add exclude each other; use one of them",
    ),
    ("compare --variant reinit=0", "--variant reinit=0: use reinit=1 or more"),
    (
        f"compare --variant reinit={BILLION}",
        f"--variant reinit={BILLION}: use reinit=100,000,000 or less",
    ),
    (
        "compare --variant reinit=9",
        "--variant reinit=9 fixed=0: the network has 2 hidden layers and an output layer; "
        "use reinit=1 to 2",
    ),
    ("compare --variant add=x", f"--variant add=x: add=x: {WHOLE}"),
    (
        "compare --variant add=10000000",
        "--variant add=10000000 fixed=0: hidden 5 5 10000000: 90,000,048 weights; "
        "use at most 4,000,000",
    ),
    (
        f"compare --hidden {'1 ' * 63} --variant add=1",
        f"--variant add=1 fixed=0: hidden {'1 ' * 63}1: 64 layers; use at most 63",
    ),
    (
        "compare --variant fixed=1,unfreeze=100",
        "--variant unfreeze=100 fixed=1: the training has 100 epochs; use unfreeze below that",
    ),
    (
        "compare --variant fixed=1,factor=2",
        "--variant fixed=1,factor=2: factor needs unfreeze=E, the epochs before it",
    ),
    (
        "compare --variant fixed=1,unfreeze=5,factor=1e400",
        "--variant fixed=1,unfreeze=5,factor=1e400: factor=1e400: use a number",
    ),
    (
        "compare --variant fixed=1,unfreeze=5,factor=1e300 --learning-rate 1e300",
        "--variant unfreeze=5 factor=1e+300 fixed=1: learning-rate inf: "
        "use a finite number above 0",
    ),
    (
        "compare --variant equal-compute --epochs 600000",
        "--variant equal-compute: epochs 1200000: use 1,000,000 or less",
    ),
    (
        "compare --variant random-frozen,fixed=0",
        "--variant random-frozen,fixed=0: nothing is frozen, which is standalone; "
        "use fixed=1 or more",
    ),
    (
        "compare --variant self-transfer,equal-compute",
        "--variant self-transfer,equal-compute: self-transfer and equal-compute exclude each "
        "other; use one of them",
    ),
    (
        "train-target --variant new-head",
        "--variant new-head fixed=0: there is no source network; give --model FILE",
    ),
    (
        "train-target --variant new-head --variant equal-compute",
        "--variant equal-compute: one training has one variant; give one",
    ),
    (
        "train-target --variant equal-compute --model m.keras",
        "--model m.keras: equal-compute does not start from it; leave one out",
    ),
    ("compare --repeats many", f"--repeats many: {WHOLE}"),
    ("compare --repeats 1.5", f"--repeats 1.5: {WHOLE}"),
    ("compare --fixed 0 0", "--fixed 0 0: 0 is repeated; give it once"),
    ("compare --fixed 0 x", f"--fixed x: {WHOLE}"),
    ("compare --sources some", "--sources some: use one of one, fresh, both"),
    ("compare --nested 3 1", "--nested 3 1: use 2 or more sources, 2 or more repeats of each"),
    (
        "compare --speed --threshold 0",
        "--threshold 0.0: use an accuracy above 0 and up to 1",
    ),
    (
        "compare --variant random-frozen",
        "--variant random-frozen: add fixed=n to random-frozen",
    ),
    (
        "train-target --variant equal-compute --fixed 1",
        "--fixed 1: write fixed=1 in --variant, or leave it out",
    ),
]

FILES = [
    ("compare -o out.xls", f"--output out.xls: no format has the suffix .xls; {RESULT_SUFFIX}"),
    ("compare -o out", f"--output out: there is no suffix; {RESULT_SUFFIX}"),
    ("compare -o ''", f"--output .: there is no suffix; {RESULT_SUFFIX}"),
    ("compare -o dir.json", "--output dir.json: this is a directory; name a file in it"),
    (
        "compare -o none/x.json",
        "--output none/x.json: the directory {here}/none does not exist; make it first",
    ),
    (
        "compare -o r.json/x.json",
        "--output r.json/x.json: the directory {here}/r.json does not exist; make it first",
    ),
    ("compare -o loop.json", linked("output", "loop.json", "loop.json")),
    (
        "compare -o device.json",
        linked("output", "device.json", "/dev/null"),
    ),
    (
        "compare -o none/[bold]x.json",
        "--output none/[bold]x.json: the directory {here}/none does not exist; make it first",
    ),
    ("compare -o r.json -o ./r.json", f"--output r.json: {ONCE}"),
    ("compare -o r.json -o here/r.json", f"--output here/r.json: {ONCE}"),
    ("compare --model m.keras --output here/new.json -o new.json", f"--output new.json: {ONCE}"),
    ("show r.json -o here/r.json", f"--output here/r.json: {SHOWN}"),
    (
        "train-target --model m.keras --save here/m.keras",
        f"--save here/m.keras: {INPUT}, or --force to replace it",
    ),
    ("compare -o r.json -o link-to-r.json", linked("output", "link-to-r.json", "r.json")),
    ("compare -o new.json -o link-to-new.json", linked("output", "link-to-new.json", "new.json")),
    ("compare --plot r.png -o r.json", linked("plot", "r.png", "r.json")),
    ("compare -o link-to-figure.json", linked("output", "link-to-figure.json", "compare.png")),
    (
        "compare --model m.keras -o m.keras",
        f"--output m.keras: no format has the suffix .keras; {RESULT_SUFFIX}",
    ),
    ("compare --model m.keras -o m.json", linked("output", "m.json", "m.keras")),
    ("compare --model link.keras --plot m.png", linked("plot", "m.png", "m.keras")),
    ("compare --plot .", f"--plot .: there is no suffix; {FIGURE_SUFFIX}"),
    ("plot-data --plot x.gif", f"--plot x.gif: no format has the suffix .gif; {FIGURE_SUFFIX}"),
    ("plot-data --plot dir.png", "--plot dir.png: this is a directory; name a file in it"),
    (
        "plot-data --no-plot",
        "--no-plot: nothing is left to do; leave it out, or add --show",
    ),
    ("train-source --model x.h5", "--model x.h5: no format has the suffix .h5; use .keras"),
    ("train-source --model ''", "--model .: there is no suffix; use .keras"),
    (
        "train-source --model dir.keras",
        "--model dir.keras: this is a directory; name a file in it",
    ),
    (
        "train-source --model m.keras",
        f"--model m.keras: exists and holds a relu network 2-5-4-3; {EXISTS}",
    ),
    (
        "train-source --model empty.keras",
        f"--model empty.keras: exists and holds a file that is not such a model; {EXISTS}",
    ),
    ("train-source --model m.keras --force --plot m.png", linked("plot", "m.png", "m.keras")),
    (
        "train-target --model m.keras --save m.keras",
        f"--save m.keras: {INPUT}, or --force to replace it",
    ),
    (
        "train-target --model m.keras --save link.keras",
        f"--save link.keras: {INPUT}, or --force to replace it",
    ),
    (
        "train-target --model m.keras --save m.keras --force -o m.json",
        linked("output", "m.json", "m.keras"),
    ),
    (
        "train-target --save new.keras -o link-to-new-model.json",
        linked("output", "link-to-new-model.json", "new.keras"),
    ),
    ("train-target --save loop.keras", linked("save", "loop.keras", "loop.keras")),
    ("train-target --model none.keras", "--model none.keras: no such file; check the path"),
    ("train-target --model [/x].h5", "--model [/x].h5: no such file; check the path"),
    ("compare --model dir", "--model dir: a directory; give a .keras or .h5 file"),
    (
        "compare --model loop.keras",
        "--model loop.keras: cannot be opened as a file; check the path",
    ),
    (
        "compare --model device.json",
        "--model device.json: not a regular file; give a .keras or .h5 file",
    ),
    (
        "compare --model empty.keras",
        "--model empty.keras: the file is empty; save a model with Keras",
    ),
    (
        "compare --model r.json",
        f"--model r.json: this looks like JSON, {NO_MODEL}",
    ),
    (
        "compare --model m.keras --features 3",
        "--model m.keras: a network 2-5-4-3: problem 2 has 3 features; use data with 2, or a "
        "network with 3 inputs",
    ),
    (
        "compare --model m.keras --classes 4 --fixed 0",
        "--model m.keras: a network 2-5-4-3: transfer fixed=0 keeps its output layer of 3 "
        f"classes; problem 2 has 4 classes; {NEW_HEAD}",
    ),
    (
        "compare --model m.keras --hidden 5",
        "--hidden 5: the model's hidden layers are 5 4; leave --hidden out",
    ),
    (
        "train-target --model m.keras --activation tanh",
        "--activation tanh: the model's activation is relu; leave --activation out",
    ),
    ("show r.json -o r.json", f"--output r.json: {SHOWN}"),
    ("show r.json -o link-to-r.json", linked("output", "link-to-r.json", "r.json")),
    ("show link-to-r.json --plot r.png", linked("plot", "r.png", "r.json")),
    (
        "train-source --model notes.keras",
        f"--model notes.keras: exists and holds a file that is not such a model; {EXISTS}",
    ),
    (
        "compare --model cut.keras",
        "--model cut.keras: the archive has no end, it looks cut short; save it again",
    ),
    (
        "train-target --model m.keras --features 3",
        "--model m.keras: a network 2-5-4-3: problem 2 has 3 features; use data with 2, or a "
        "network with 3 inputs",
    ),
    (
        "train-target --model m.keras --classes 4 --fixed 0",
        "--model m.keras: a network 2-5-4-3: transfer fixed=0 keeps its output layer of 3 "
        f"classes; problem 2 has 4 classes; {NEW_HEAD}",
    ),
    (
        "train-target --model m.keras --hidden 7",
        "--hidden 7: the model's hidden layers are 5 4; leave --hidden out",
    ),
    (
        "compare --model m.keras --activation tanh",
        "--activation tanh: the model's activation is relu; leave --activation out",
    ),
    ("compare --model none.keras", "--model none.keras: no such file; check the path"),
    (
        "compare --summary s.xls",
        f"--summary s.xls: no format has the suffix .xls; {SUMMARY_SUFFIX}",
    ),
    ("show r.json --summary s", f"--summary s: there is no suffix; {SUMMARY_SUFFIX}"),
    (
        "compare --summary none/s.csv",
        "--summary none/s.csv: the directory {here}/none does not exist; make it first",
    ),
    (
        "compare --summary s.csv -o ./s.csv",
        "--output s.csv: this is the file of --summary too; use another name",
    ),
    (
        "show r.json --summary s.md -o s.md",
        "--output s.md: this is the file of --summary too; use another name",
    ),
    ("compare --model m.keras --summary m.csv", linked("summary", "m.csv", "m.keras")),
    ("show r.json --summary r.csv", linked("summary", "r.csv", "r.json")),
    (
        "show train-results.json --summary s.csv",
        "--summary s.csv: train-results.json is of train-target; only a comparison has a summary",
    ),
    (
        "show train-results.json --margin 0.02",
        "--margin 0.02: train-results.json is of train-target; only a comparison has a margin",
    ),
    (
        "show train-results.json --explain",
        "--explain: train-results.json is of train-target; only a comparison has words to explain",
    ),
    ("train-target --force", "--force: nothing is saved; leave it out, or add --save FILE"),
    ("compare --curves c.csv", "--curves c.csv: it needs --speed; add that"),
    *(
        (
            f"{command} --explain --format {name}",
            f"--explain: --format {name} has no words to explain; leave one of the two out",
        )
        for command in ("compare", "show r.json")
        for name in ("csv", "json")
    ),
    *(
        (f"compare --size {size}", f"--size {size}: {SIZE}")
        for size in ("3", "3x", "3x4x5", "axb", "1x4", "3x51", "3X4", "-3x4", "nanx4", "1e9x4")
    ),
    *(
        (
            f"{command} --no-plot --{setting}",
            f"--{setting}: --no-plot draws no figure; leave one of the two out",
        )
        for command in ("compare", "train-source", "train-target", "show r.json")
        for setting in ("style paper", "size 3x4")
    ),
    ("plot-data --size 0x0", f"--size 0x0: {SIZE}"),
    ("show r.json --size ''", f"--size: {SIZE}"),
    (
        "train-source --style poster",
        f"--style poster: {STYLE}",
    ),
    ("train-target --style slides", f"--style slides: did you mean slide? {STYLE}"),
    ("compare --style ''", f"--style '': {STYLE}"),
    (
        "compare --speed --curves c.json",
        "--curves c.json: no format has the suffix .json; use .csv",
    ),
    ("train-source --curves c", "--curves c: there is no suffix; use .csv"),
    (
        "train-target --curves none/c.csv",
        "--curves none/c.csv: the directory {here}/none does not exist; make it first",
    ),
    (
        "compare --speed --curves c.csv -o c.csv",
        "--output c.csv: this is the file of --curves too; use another name",
    ),
    (
        "compare --speed --curves c.csv --summary ./c.csv",
        "--curves c.csv: this is the file of --summary too; use another name",
    ),
    ("show r.json --curves r.csv", linked("curves", "r.csv", "r.json")),
]

CHAIN = (
    "train a chain of Dense layers (relu tanh sigmoid elu gelu leaky_relu), the last with softmax; "
    "Dropout between them is fine"
)
CHECKPOINT = (
    "a TensorFlow checkpoint, which holds weights only; load it with TensorFlow 2.15 or older into "
    "the same network by model.load_weights, and save that as .h5"
)

SUCH_AS = "use learning-rate=A,B,..., such as learning-rate=0.003,0.01,0.03"

TUNING = [
    ("compare --tune lr=0.1,1", f"--tune lr=0.1,1: {SUCH_AS}"),
    ("compare --tune ''", f"--tune: {SUCH_AS}"),
    ("compare --tune learning-rate", f"--tune learning-rate: {SUCH_AS}"),
    (
        "compare --tune learning-rat=0.1,1",
        f"--tune learning-rat=0.1,1: did you mean learning-rate? {SUCH_AS}",
    ),
    ("compare --tune learning-rate=", "--tune learning-rate=: an empty value is no finite number"),
    ("compare --tune learning-rate=x,1", "--tune learning-rate=x,1: x is no finite number"),
    (
        "compare --tune learning-rate=0.1",
        "--tune learning-rate=0.1: there is one rate; use --learning-rate for that",
    ),
    (
        "compare --tune learning-rate=0.1,0.10",
        "--tune learning-rate=0.1,0.1: 0.1 is repeated; give it once",
    ),
    (
        "compare --tune learning-rate=0,1",
        "--tune learning-rate=0,1: 0: use finite numbers above 0",
    ),
    (
        "compare --tune learning-rate=0.1,1 --samples 12 --train-samples 8",
        "--tune learning-rate=0.1,1: 8 training rows are too few to be cut in two",
    ),
]

MODELS_FILES = [
    (
        "compare --model m.keras --sources fresh",
        "--model m.keras: --sources fresh trains all source networks itself; "
        "leave one of the two out",
    ),
    (
        "compare --model m.h5 --sources fresh --nested 2 3",
        "--model m.h5: --sources fresh trains all source networks itself; leave one of the two out",
    ),
    (
        "compare --model norms.keras",
        "--model norms.keras: layers 'norm' 'norm_1' are of class 'BatchNormalization', layer "
        f"'dense' has the activation 'selu'; {CHAIN}",
    ),
    (
        "train-target --model front.keras",
        "--model front.keras: layer 'norm' is of class 'Normalization'; save keras.Sequential("
        "[keras.Input((2,)), *model.layers[-3:]]), and prepare the rows beforehand",
    ),
    (
        "compare --model branch.keras",
        "--model branch.keras: its layers are no chain, they branch or end nowhere, layer 'add' "
        f"is of class 'Add'; {CHAIN}",
    ),
    (
        "compare --model int8.keras",
        "--model int8.keras: layer 'dense' is quantized; save it before model.quantize()",
    ),
    (
        "compare --model lora.keras",
        "--model lora.keras: layer 'dense' is fitted by LoRA (lora_rank); load its weights into "
        "the same model without LoRA by load_weights, and save that",
    ),
    (
        "compare --model own.keras",
        "--model own.keras: the model is a custom Mine ('Mine'); build the same chain of plain "
        "Dense layers, give it model.get_weights() by set_weights, and save that",
    ),
    (
        "compare --model sigmoid.keras --fixed 0",
        "--model sigmoid.keras: a network 2-5-4-3: transfer fixed=0 keeps its sigmoid output of "
        f"3 units, not softmax; problem 2 has 3 classes; {NEW_HEAD}",
    ),
    (
        "compare --model sigmoid.keras --variant new-head,fixed=1 --fixed 1",
        "--model sigmoid.keras: a network 2-5-4-3: transfer fixed=1 keeps its sigmoid output of "
        f"3 units, not softmax; problem 2 has 3 classes; {NEW_HEAD}",
    ),
    (
        "train-source --model sigmoid.keras",
        "--model sigmoid.keras: exists and holds a network 2-5-4-3 of another kind; use another "
        "name, or --force to replace it",
    ),
    (
        "compare --model saved",
        "--model saved: a TensorFlow SavedModel; load it with TensorFlow 2.15 or older by "
        "tf.keras.models.load_model, and save it as .h5",
    ),
    (
        "compare --model exported",
        "--model exported: an exported TensorFlow SavedModel, without its Keras model; save that "
        "with model.save()",
    ),
    ("compare --model ckpt", f"--model ckpt: {CHECKPOINT}"),
    ("compare --model ckpt.index", f"--model ckpt.index: {CHECKPOINT}"),
    (
        "compare --model ckpt.data-00000-of-00001",
        f"--model ckpt.data-00000-of-00001: {CHECKPOINT}",
    ),
    *(
        (f"compare --model {name}", f"--model {name}: this looks like {kind}, {NO_MODEL}")
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
    ("fly", f"fly: not known{HELP}"),
    ("''", f"no such command ''{HELP}"),
    ("comapre", "comapre: not known; did you mean compare?"),
    ("compare more", f"got unexpected extra argument(s) (more){COMPARE_HELP}"),
    ("compare -- -o", f"got unexpected extra argument(s) (-o){COMPARE_HELP}"),
    (
        "train-target --seed 1 2",
        "got unexpected extra argument(s) (2); see blobtransfer train-target --help",
    ),
    ("train-target --repeats 3", "--repeats: not known; see blobtransfer train-target --help"),
    ("plot-data -o x.json", "-o: not known; see blobtransfer plot-data --help"),
    ("compare --repeat 3", "--repeat: not known; did you mean --repeats or --max-repeats?"),
    ("compare --lr 3", "--lr: not known; did you mean --learning-rate?"),
    ("train-source --full", "--full: not known; see blobtransfer train-source --help"),
    ("train-target --explain", "--explain: not known; see blobtransfer train-target --help"),
    ("plot-data --summary s.csv", "--summary: not known; see blobtransfer plot-data --help"),
    ("plot-data --curves c.csv", "--curves: not known; see blobtransfer plot-data --help"),
    ("compare --activation ''", f"--activation '': {ACTIVATION}"),
    ("compare --sources ''", "--sources '': use one of one, fresh, both"),
    ("compare MORE", f"got unexpected extra argument(s) (MORE){COMPARE_HELP}"),
    ("show", "missing argument 'RESULTS'; see blobtransfer show --help"),
    ("compare --samples", f"option '--samples' requires an argument{COMPARE_HELP}"),
    ("compare --hidden 5 --hidden", f"option '--hidden' requires an argument{COMPARE_HELP}"),
    ("compare --fixed", f"option '--fixed' requires an argument{COMPARE_HELP}"),
    ("compare --quiet=1", f"option '--quiet' does not take a value{COMPARE_HELP}"),
]

ODD_NAMES = [
    (("compare", "-o", "none/\x1b[31m.csv"), r"--output none/\x1b[31m.csv: the directory "),
    (("compare", "-o", "none/a\nb  c.csv"), r"--output none/a\nb  c.csv: the directory "),
    (("compare", "-o", "none/\udcff.csv"), r"--output none/\udcff.csv: the directory "),
    (("compare", "-o", "\x1b]0;title\x07"), r"--output \x1b]0;title\x07: there is no suffix"),
    (("compare", "-o", "x" * 5000 + ".csv"), "--output " + "x" * 900),
    (("compare", "-o", "a/" * 2500 + "x.csv"), "--output " + "a/" * 450),
    (("compare", "--model", "\x1b[2J.keras"), r"--model \x1b[2J.keras: no such file"),
    (("compare", "--model", "a\r\nb"), r"--model a\r\nb: no such file"),
    (("compare", "--model", "\udcff"), r"--model \udcff: no such file"),
    (("compare", "--model", "x" * 5000), "--model " + "x" * 900),
    (("compare", "--variant", "\x1b[31m"), r"--variant \x1b[31m: \x1b[31m is not known"),
    (("compare", "--variant", "x" * 5000), "--variant " + "x" * 900),
    (("compare", "--activation", "a\nb"), "--activation a: use one of relu"),
    (("compare", "--activation", "a\x1b[31mb"), r"--activation a\x1b[31mb: use one of relu"),
    (("compare", "--samples", "1\n"), rf"--samples 1\n: {WHOLE}"),
    (("compare", "--samples", "٣"), f"--samples ٣: {WHOLE}"),
    (("compare", "--samples", "9" * 5000), "--samples " + "9" * 900),
    (("compare", "--learning-rate", "9" * 5000), "--learning-rate " + "9" * 900),
    (("compare", "--fixed", *map(str, range(10_000))), f"--fixed 3: {HIDDEN}"),
    (("compare", "--fixed", *["1"] * 10_000), "--fixed " + "1 " * 450),
    (("compare", "--hidden", *["1"] * 10_000), "--hidden " + "1 " * 450),
    (("plot-data", "--seed", *map(str, range(10_000))), "--seed 0 1 2 3 4"),
    (("show", "\x1b[31m"), r"\x1b[31m: no such file or directory"),
    (("show", "[/x]\n"), r"[/x]\n: no such file or directory"),
    (("\x1b[31m",), r"\x1b[31m: not known; see "),
]

PENALTY = "use a number from 0 to 1,000,000"
OPTIMIZER = "use one of sgd, adam"
NO_MOMENTUM = "there is no momentum to look ahead along; add --momentum, such as 0.9"
ANCHOR = "use anchor above 0, up to 1,000,000"
NO_SOURCE = "has no source network to be pulled towards; leave anchor out"

OPTIMIZERS = [
    ("compare --optimizer rmsprop", f"--optimizer rmsprop: {OPTIMIZER}"),
    ("compare --optimizer adma", f"--optimizer adma: did you mean adam? {OPTIMIZER}"),
    ("train-source --optimizer Adam", f"--optimizer Adam: did you mean adam? {OPTIMIZER}"),
    ("train-target --optimizer ''", f"--optimizer '': {OPTIMIZER}"),
    ("compare --optimiser adam", "--optimiser: not known; did you mean --optimizer?"),
    ("compare --nestrov", "--nestrov: not known; did you mean --nesterov or --nested?"),
    ("compare --decay 0.1", "--decay: not known; did you mean --weight-decay?"),
    (
        "compare --optimizer adam --momentum 0.9",
        "--momentum 0.9: adam has moments of its own; leave it out, or use --optimizer sgd",
    ),
    (
        "train-source --optimizer adam --nesterov",
        "--nesterov: it is a way of sgd, not of adam; leave it out, or use --optimizer sgd",
    ),
    ("compare --nesterov", f"--nesterov: {NO_MOMENTUM}"),
    ("train-target --nesterov --momentum 0", f"--nesterov: {NO_MOMENTUM}"),
    (
        "compare --optimizer adam --learning-rate 0",
        "--learning-rate 0.0: use a finite number above 0",
    ),
    ("compare --weight-decay -0.1", f"--weight-decay -0.1: {PENALTY}"),
    ("compare --weight-decay 1e7", f"--weight-decay 10000000.0: {PENALTY}"),
    ("compare --weight-decay nan", f"--weight-decay nan: {FINITE}"),
    ("train-source --weight-decay inf", f"--weight-decay inf: {FINITE}"),
    ("train-target --weight-decay 1e400", f"--weight-decay 1e400: {FINITE}"),
    ("compare --weight-decay ''", f"--weight-decay '': {FINITE}"),
    ("compare --variant anchor=0", f"--variant anchor=0: {ANCHOR}"),
    ("compare --variant fixed=1,anchor=-1", f"--variant fixed=1,anchor=-1: {ANCHOR}"),
    ("compare --variant anchor=1e7", f"--variant anchor=1e7: {ANCHOR}"),
    ("compare --variant anchor=nan", "--variant anchor=nan: anchor=nan: use a number"),
    ("compare --variant anchor=1e400", "--variant anchor=1e400: anchor=1e400: use a number"),
    ("compare --variant anchor", f"--variant anchor: anchor is not known; {VARIANTS}"),
    (
        "compare --variant ancor=1",
        f"--variant ancor=1: ancor=1 is not known; did you mean anchor or factor? {VARIANTS}",
    ),
    (
        "compare --variant anchor=1,anchor=2",
        "--variant anchor=1,anchor=2: anchor is repeated; give it once",
    ),
    (
        "compare --variant anchor=1 --variant fixed=0,anchor=1.0",
        "--variant anchor=1 fixed=0: it is repeated; give it once",
    ),
    (
        "compare --variant equal-compute,anchor=1",
        f"--variant equal-compute,anchor=1: equal-compute {NO_SOURCE}",
    ),
    (
        "compare --variant random-frozen,fixed=1,anchor=1",
        f"--variant random-frozen,fixed=1,anchor=1: random-frozen {NO_SOURCE}",
    ),
    (
        "train-target --variant anchor=1",
        "--variant anchor=1 fixed=0: there is no source network; give --model FILE",
    ),
    (
        "compare --against anchor=1",
        "--against anchor=1 fixed=0: it is not compared; use one of transfer fixed=0, "
        "transfer fixed=1, transfer fixed=2",
    ),
]

ENVIRONMENT = [
    ("SAMPLES=x", "compare", f"BLOBTRANSFER_SAMPLES x: {WHOLE}"),
    ("SAMPLES=0", "plot-data", "BLOBTRANSFER_SAMPLES 0: use 1 or more"),
    (f"EPOCHS={BILLION}", "compare", f"BLOBTRANSFER_EPOCHS {BILLION}: use 1,000,000 or less"),
    ("FIXED=9", "compare", f"BLOBTRANSFER_FIXED 9: {HIDDEN}"),
    ("FIXED=0,0", "compare", "BLOBTRANSFER_FIXED 0 0: 0 is repeated; give it once"),
    ("HIDDEN=5 x", "compare", f"BLOBTRANSFER_HIDDEN x: {WHOLE}"),
    (
        "NESTED=2",
        "compare",
        "BLOBTRANSFER_NESTED 2: use two numbers: sources, and repeats of each",
    ),
    ("SEED=1 2", "train-source", f"BLOBTRANSFER_SEED 1 2: {WHOLE}"),
    ("TRAIN_SEED=-1", "train-source", f"BLOBTRANSFER_TRAIN_SEED -1: {SEED}"),
    ("LEARNING_RATE=nan", "compare", f"BLOBTRANSFER_LEARNING_RATE nan: {FINITE}"),
    ("MARGIN=1", "show r.json", f"BLOBTRANSFER_MARGIN 1.0: {SHARE}"),
    ("THRESHOLD=2", "compare --speed", "BLOBTRANSFER_THRESHOLD 2.0: use an accuracy above 0 and"),
    ("SOURCES=some", "compare", "BLOBTRANSFER_SOURCES some: use one of one, fresh, both"),
    ("VARIANT=zzz", "compare", "BLOBTRANSFER_VARIANT zzz: zzz is not known"),
    ("FORMAT=xml", "compare", "BLOBTRANSFER_FORMAT xml: use one of table, json, csv, markdown"),
    ("ENGINE=torch", "compare", "BLOBTRANSFER_ENGINE torch: use one of compiled, keras"),
    ("OUTPUT=x.xls", "compare", "BLOBTRANSFER_OUTPUT x.xls: no format has the suffix .xls"),
    ("OUTPUT=x.xls", "compare -o y.xls", "--output y.xls: no format has the suffix .xls"),
    ("OUTPUT=x.xls", "compare -qoy.xls", "--output y.xls: no format has the suffix .xls"),
    ("PLOT=x.gif", "compare", "BLOBTRANSFER_PLOT x.gif: no format has the suffix .gif"),
    ("MODEL=none.h5", "compare", "BLOBTRANSFER_MODEL none.h5: no such file; check the path"),
    ("SAVE=x.h5", "train-target", "BLOBTRANSFER_SAVE x.h5: no format has the suffix .h5"),
    ("SPEED=maybe", "compare", "BLOBTRANSFER_SPEED maybe: use 1 or 0"),
    ("FORCE=maybe", "train-source", "BLOBTRANSFER_FORCE maybe: use 1 or 0"),
    ("QUIET=\x1b[31m", "compare", r"BLOBTRANSFER_QUIET \x1b[31m: use 1 or 0"),
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
    "1_0",
    "",
    "x",
    "0x9",
)
NO_FIGURES = ("nan", "inf", "-inf", "1e400", "1_0", "", "x", "0x9", "1,5", "-1", "1e300e")
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
    """Give a folder with a model, results, directories, links, and an empty file of each."""
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


@pytest.fixture
def folder(template, tmp_path):
    """Give a copy of the template; it must be the same after the test."""
    shutil.copytree(template, tmp_path, symlinks=True, dirs_exist_ok=True)
    before = contents(tmp_path)
    yield tmp_path
    assert contents(tmp_path) == before


def assert_one_line(code, out, err, start):
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {start}")
    assert err.endswith("\n") and err.count("\n") == 1
    assert err[:-1].isprintable()
    assert len(err) < 2100


@pytest.mark.parametrize(
    ("argv", "line"),
    [*NUMBERS, *MODELS_NETWORK, *TRANSFER, *FILES, *MODELS_FILES, *COMMANDS, *OPTIMIZERS, *TUNING],
    ids=lambda part: str(part)[:60],
)
def test_bad_input_is_one_line_and_leaves_every_file_as_it_was(run, folder, argv, line):
    done = run(*shlex.split(argv))
    line = line.format(here=folder)
    assert (done.code, done.out, done.err) == (2, "", f"error: {line}\n")


@pytest.mark.parametrize(("argv", "line"), ODD_NAMES, ids=range(len(ODD_NAMES)))
def test_odd_and_endless_values_are_shown_so_that_a_terminal_can_bear_them(run, folder, argv, line):
    done = run(*argv)
    assert_one_line(done.code, done.out, done.err, line)
    assert "; " in done.err or ": use" in done.err or "choose another name" in done.err


@pytest.mark.parametrize(("variable", "argv", "line"), ENVIRONMENT)
def test_a_bad_value_in_the_environment_is_refused_by_its_variables_name(
    run, folder, monkeypatch, variable, argv, line
):
    name, _, value = variable.partition("=")
    monkeypatch.setenv(f"BLOBTRANSFER_{name}", value)
    done = run(*argv.split())
    assert_one_line(done.code, done.out, done.err, line)


@pytest.mark.parametrize("option", COUNTS)
def test_no_count_is_taken_for_one(run, folder, option):
    for value in NO_COUNTS:
        done = run(COUNTS[option], option, value)
        assert_one_line(done.code, done.out, done.err, f"{option} {value or repr('')}: ")
        assert "use " in done.err


@pytest.mark.parametrize("option", FIGURES)
def test_no_figure_is_taken_for_one(run, folder, option):
    for value in NO_FIGURES:
        done = run("compare", "--speed", option, value)
        shown = "-1.0" if value == "-1" else value or repr("")
        assert_one_line(done.code, done.out, done.err, f"{option} {shown}: use ")


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


def test_what_is_too_much_is_refused_before_any_memory_is_touched(tmp_path):
    rows = [shlex.split(argv) for argv, _ in NUMBERS + TRANSFER if "m.keras" not in argv]
    rows += [[command, option, TEN_BILLION] for option, command in COUNTS.items()]
    rows += [list(argv) for argv, _ in ODD_NAMES if argv[0] != "show" and "--model" not in argv]
    done = subprocess.run(
        [sys.executable, "-c", REFUSING],
        input=json.dumps([row for row in rows if row[0] != "show"]),
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
        ([b"compare", b"-o", b"none/\xff.json"], r"--output none/\udcff.json: the directory "),
        ([b"compare", b"-o", b"\xff\xfe"], r"--output \udcff\udcfe: there is no suffix; use "),
        ([b"compare", b"--model", b"\xc3(.keras"], r"--model \udcc3(.keras: no such file; "),
        ([b"compare", b"--variant", b"\x80"], r"--variant \udc80: \udc80 is not known; use "),
        ([b"compare", b"--samples", b"\xff"], r"--samples \udcff: use a whole number"),
        ([b"compare", b"--\xff"], r"--\udcff: not known; see blobtransfer compare --help"),
        ([b"\xff"], r"\udcff: not known; see blobtransfer --help"),
        ([b"show", b"\xff.json"], r"\udcff.json: no such file or directory; give a JSON "),
        ([b"show", b"-"], r"-: the text: invalid json: "),
        ([b"show", b"/dev/zero"], r"/dev/zero: this is a device, which may never end; give "),
        ([b"train-target", b"--model", b"m.keras", b"--save", b"./m.keras"], "--save m.keras: "),
    ],
)
def test_a_process_of_its_own_refuses_in_one_line_too(folder, argv, line):
    with (folder.parent / "typed").open("w+b") as typed:
        typed.write(b"\xff\x00[")
        typed.seek(0)
        done = run_process(
            *map(os.fsdecode, argv), cwd=folder, stdin=typed,
            environment={"LC_ALL": "C", "PYTHONUTF8": "0"},
        )  # fmt: skip
    assert_one_line(done.code, done.out, done.err, line)


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_a_refusal_needs_no_open_stream(folder, closed):
    by = ("sh", "-c", f'exec "$@" {closed}', "sh")
    done = run_process("show", "-", "--plot", "none/x.png", cwd=folder, by=by)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == ("2>" not in closed)
    assert "Traceback" not in done.err


# ---------------------------------------------------------------- results that are none


def changed(change):
    """Give a test a text from that of good results."""

    def text(good):
        record = json.loads(good)
        change(record)
        return json.dumps(record).encode()

    return text


def put(*path_and_value):
    *path, last, value = path_and_value

    def change(record):
        for key in path:
            record = record[key]
        record[last] = value

    return changed(change)


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
    "no UTF-8": (
        lambda good: good.replace(b"compare", b"\xff\xfe"),
        "the text is no UTF-8 all through",
    ),
    "UTF-16 without a mark": (
        lambda good: good.decode().encode("utf-16-le"),
        "this looks like UTF-16 without a byte order mark",
    ),
    "UTF-16 of odd length": (
        lambda good: good.decode().encode("utf-16") + b"\n",
        "the text is no UTF-16 all through",
    ),
    "half a sign in UTF-16": (
        lambda good: b"\xff\xfe{\0\0\xd8",
        "the text is no UTF-16 all through",
    ),
    "a mark alone": (lambda good: b"\xef\xbb\xbf", "the text: invalid json"),
    "UTF-16 of a table": (
        lambda good: "sources,variant\n".encode("utf-16"),
        "this looks like CSV",
    ),
    "deep lists": (lambda good: b"[" * 100_000, "the text: invalid json"),
    "deep objects": (lambda good: b'{"a":' * 100_000, "the text: invalid json"),
    "deep inside": (
        lambda good: good.replace(b'"machine": {', b'"machine": ' + b"[" * 9999, 1),
        "the text: invalid json",
    ),
    "a list": (lambda good: b"[]", "the text: input should be an object"),
    "null": (lambda good: b"null", "the text: input should be an object"),
    "an object": (lambda good: b"{}", "schema_version: field required"),
    "of somebody else": (lambda good: b'{"runs": [1, 2]}', "schema_version: field required"),
    "NaN": (lambda good: good.replace(b'"seconds": ', b'"seconds": NaN, "x": '), "seconds: "),
    "Infinity": (lambda good: good.replace(b'"seconds": ', b'"seconds": Infinity, "x": '), "sec"),
    "1e999": (lambda good: good.replace(b'"seconds": ', b'"seconds": 1e999, "x": '), "seconds: "),
    "a later version": (put("schema_version", 3), "schema_version: input should be 2"),
    "a version as text": (put("schema_version", "1"), "schema_version: input should be 2"),
    "no version": (put("schema_version", None), "schema_version: input should be 2"),
    "another command": (put("command", "rm -rf"), "command: input should be "),
    "a text for a number": (put("runs", 0, "test_accuracy", "1"), "runs.0.test_accuracy: input"),
    "a share above 1": (
        put("runs", 0, "test_accuracy", 1.5),
        "runs.0.test_accuracy: input should be less",
    ),
    "a score missing": (put("runs", 0, "test_loss", None), "runs.0: a score is missing, though"),
    "no runs": (put("runs", []), "runs: there is none"),
    "a run twice": (
        changed(lambda record: record["runs"].append(record["runs"][0])),
        "runs.18: repeat 0 is there twice",
    ),
    "a repeat too many": (put("runs", 0, "repeat", 3), "runs: repeat 3 is not in 0 to 2"),
    "an unknown variant": (
        put("runs", 0, "variant", "\x1b[31m"),
        "runs.0: the spec has no variant",
    ),
    "a thousand classes": (
        put("runs", 0, "classes_predicted", 1000),
        "runs: 1000 classes cannot be predicted",
    ),
    "no curves": (
        changed(lambda record: record.pop("curves")),
        "curves: they are not those of the",
    ),
    "a short curve": (
        put("curves", 0, "test_accuracy", [0.5]),
        "curves: not one test_accuracy for each of 3 epochs and 0",
    ),
    "no task": (put("tasks", []), "tasks: of [], but the spec has ['source', 'target']"),
    "a ceiling of 2": (put("tasks", 0, "ceiling", 2.0), "tasks.0.ceiling: input should be less"),
    "a spec of nothing": (put("spec", {}), "spec: target: there is no data"),
    "a width of 0": (
        put("spec", "network", "hidden", [0]),
        "spec: hidden 0: 0 is not a width; use",
    ),
    "10,000 layers": (put("spec", "network", "hidden", [1] * 10_000), "spec: hidden 1 1 1"),
    "10^18 repeats": (put("spec", "n_repeats", 10**18), "spec: repeats 1000000000000000000: use"),
    "10^40 repeats": (put("spec", "n_repeats", 10**40), "spec: repeats 1000"),
    "a seed of -1": (put("spec", "train_seed", -1), "spec: train-seed -1: use a whole number"),
    "a bad margin": (put("spec", "margin", 2.0), "spec: margin 2.0: use a share"),
    "a bad line of low runs": (put("spec", "low", 0.0), "spec: low 0.0: use a share above 0"),
    "a title for the terminal": (
        put("spec", "model_path", "\x1b]0;x\x07"),
        "spec.model_path: ",
    ),
    "notes for the terminal": (
        put("spec", "model_notes", ["fine", "\x1b[31m"]),
        "spec.model_notes.1: it contains control characters",
    ),
    "an unknown activation": (
        put("spec", "network", "activation", ["tanh", "magic"]),
        "spec: activation magic: use one of",
    ),
    "three activations": (
        put("spec", "network", "activation", ["tanh", "relu", "tanh"]),
        "spec: activation tanh relu tanh: 3 for ",
    ),
    "a loss beyond float32": (put("runs", 0, "test_loss", 1e308), "runs.0.test_loss: input"),
    "a loss below 0": (put("runs", 0, "train_loss", -1e308), "runs.0.train_loss: input"),
    "a version with a point": (put("schema_version", 2.0), "schema_version: input should be 2"),
    "an old version with a point": (put("schema_version", 1.0), "schema_version: input should"),
    "an endless name": (
        put("spec", "model_path", "m" * 10**6),
        "spec.model_path: longer than 4,096 characters",
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
    assert_one_line(done.code, done.out, done.err, f"bad.json: {problem}")
    assert done.err.endswith("; give a JSON file that blobtransfer wrote\n")
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("none.json", "no such file or directory"),
        ("dir", "is a directory"),
        ("loop.json", "too many levels of symbolic links"),
        ("device.json", "this is a device, which may never end"),
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
    assert_one_line(done.code, done.out, done.err, start)
    assert done.err.endswith("; give a JSON file that blobtransfer wrote\n")


# ---------------------------------------------------------------- what may be done


def test_force_lets_the_source_network_be_replaced(run, template, tmp_path):
    shutil.copy(template / "m.keras", tmp_path)
    old = (tmp_path / "m.keras").read_bytes()
    quick = (*SMALL_OPTIONS, "--no-plot", "-q")
    done = run("train-target", "--model", "m.keras", "--save", "m.keras", "--force", *quick)
    assert (done.code, done.out, done.err) == (0, "m.keras\n", "")
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


def no_number(name):
    raise AssertionError(f"{name} in JSON")


def test_runs_that_diverge_are_counted_and_are_at_chance_level_in_the_means(run, tmp_path):
    outputs = [word for suffix in ("json", "csv", "md", "txt") for word in ("-o", f"d.{suffix}")]
    diverging = "--epochs 20 --repeats 6 --learning-rate 1e6 --speed --plot d.svg".split()
    done = run("compare", *TINY, *diverging, *outputs)
    assert done.code == 3
    assert "trainings failed, their loss is not finite; try a smaller --learning-rate" in done.err
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
    assert "1 of 1 trainings failed" in done.err
    assert sorted(os.listdir(tmp_path)) == ["d.json", "d.svg"]
    record = json.loads((tmp_path / "d.json").read_text(), parse_constant=no_number)
    assert record["runs"][0]["status"] == "failed"
    assert record["summary"][0]["mean_finished"] is None
    assert "nan" not in (tmp_path / "d.svg").read_text().lower().split()
