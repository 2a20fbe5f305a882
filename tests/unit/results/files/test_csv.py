"""The CSV of planned results, letter by letter."""

import csv
import io

import numpy as np
from helpers.engines import PlannedEngine
from helpers.running import compare
from helpers.specs import REPEAT_OF, VARIANTS, spec_of

from blobtransfer.network import initial_weights
from blobtransfer.results.files.csv import curves_to_csv, to_csv
from blobtransfer.running.single import train_source
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.variant import STANDALONE


def test_the_csv_of_a_comparison_is_exactly_this():
    source = [layer + 1 for layer in initial_weights(MLPSpec(), 0, 0)]

    def plan(key, first_weight, n_frozen):
        repeat = REPEAT_OF[key]
        if n_frozen == 2:
            return [0.8, np.nan, 0.6][repeat]
        return 0.9 if first_weight == source[0].flat[0] else 0.5 + 0.1 * repeat

    results = compare(spec_of(source=None, model_path="m"), source, PlannedEngine(plan))
    assert "".join(to_csv(results)) == (
        "sources,variant,fixed,repeat,test_accuracy,train_accuracy,test_loss,train_loss,"
        "classes_predicted,status,label,source_repeat,source,target,learning_rate,"
        "earlier_accuracy,epochs,balanced_accuracy\n"
        "none,standalone,,0,0.5,0.5,0.5,0.5,3,ok,standalone,,,problem 2,0.01,0.5,2,0.5\n"
        "one,transfer,0,0,0.9,0.9,0.9,0.9,3,ok,transfer fixed=0,0,m,problem 2,0.01,0.9,2,0.9\n"
        "one,transfer,2,0,0.8,0.8,0.8,0.8,3,ok,transfer fixed=2,0,m,problem 2,0.01,0.8,2,0.8\n"
        "none,standalone,,1,0.6,0.6,0.6,0.6,3,ok,standalone,,,problem 2,0.01,0.6,2,0.6\n"
        "one,transfer,0,1,0.9,0.9,0.9,0.9,3,ok,transfer fixed=0,0,m,problem 2,0.01,0.9,2,0.9\n"
        "one,transfer,2,1,,,,,3,failed,transfer fixed=2,0,m,problem 2,0.01,,2,\n"
        "none,standalone,,2,0.7,0.7,0.7,0.7,3,ok,standalone,,,problem 2,0.01,0.7,2,0.7\n"
        "one,transfer,0,2,0.9,0.9,0.9,0.9,3,ok,transfer fixed=0,0,m,problem 2,0.01,0.9,2,0.9\n"
        "one,transfer,2,2,0.6,0.6,0.6,0.6,3,ok,transfer fixed=2,0,m,problem 2,0.01,0.6,2,0.6\n"
    )


def test_the_csv_of_one_training_has_one_line():
    spec = spec_of(1, variants=(STANDALONE,), target=None)
    results = train_source(spec, PlannedEngine(lambda *_: 0.5)).results
    (row,) = csv.DictReader(io.StringIO("".join(to_csv(results))))
    assert (row["variant"], row["test_accuracy"]) == ("standalone", "0.5")


def test_numbers_keep_their_full_precision():
    results = compare(spec_of(1), None, PlannedEngine(lambda *_: 1 / 3))
    for row in csv.DictReader(io.StringIO("".join(to_csv(results)))):
        assert float(row["test_accuracy"]) == 1 / 3


def test_the_curves_of_a_comparison_have_a_line_an_epoch_of_each_run():
    spec = spec_of(2, variants=VARIANTS[:2], speed=True)
    results = compare(spec, None, PlannedEngine(lambda *_: 0.5))
    (arm, *_) = results.cell.curves
    results.cell.curves[arm][:] = [[[0.125, 0.25, np.nan], [0.5, 0.625, 0.75]]]
    assert "".join(curves_to_csv(results)) == (
        "sources,variant,fixed,repeat,label,source_repeat,source,target,epoch,test_accuracy\n"
        "none,standalone,,0,standalone,,,problem 2,0,0.125\n"
        "none,standalone,,0,standalone,,,problem 2,1,0.25\n"
        "none,standalone,,0,standalone,,,problem 2,2,\n"
        "one,transfer,0,0,transfer fixed=0,0,problem 1,problem 2,0,0.5\n"
        "one,transfer,0,0,transfer fixed=0,0,problem 1,problem 2,1,0.5\n"
        "one,transfer,0,0,transfer fixed=0,0,problem 1,problem 2,2,0.5\n"
        "none,standalone,,1,standalone,,,problem 2,0,0.5\n"
        "none,standalone,,1,standalone,,,problem 2,1,0.625\n"
        "none,standalone,,1,standalone,,,problem 2,2,0.75\n"
        "one,transfer,0,1,transfer fixed=0,0,problem 1,problem 2,0,0.5\n"
        "one,transfer,0,1,transfer fixed=0,0,problem 1,problem 2,1,0.5\n"
        "one,transfer,0,1,transfer fixed=0,0,problem 1,problem 2,2,0.5\n"
    )


def test_the_curve_of_one_training_has_all_metrics():
    spec = spec_of(1, variants=(STANDALONE,), target=None)
    results = train_source(spec, PlannedEngine(lambda *_: 0.5)).results
    rows = list(csv.DictReader(io.StringIO("".join(curves_to_csv(results)))))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert {row[metric] for row in rows for metric in results.spec.curve_metrics} == {"0.5"}
