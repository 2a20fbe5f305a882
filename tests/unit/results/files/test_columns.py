"""Rows written column by column are byte-identical to rows written one by one."""

import json
from dataclasses import asdict, astuple, replace

import numpy as np
import pytest
from helpers.engines import PlannedEngine
from helpers.names import renamed
from helpers.results import runs_of
from helpers.running import compare, run
from helpers.specs import VARIANTS, spec_of, varied
from helpers.studies import grid_of, pairs_of, sweep_of

from blobtransfer.network import initial_weights
from blobtransfer.report.writers import to_json
from blobtransfer.results.files.columns import column_texts
from blobtransfer.results.files.csv import CURVE_COLUMNS, csv_line, curves_to_csv, to_csv
from blobtransfer.results.results import StudyResults
from blobtransfer.results.scores import finite
from blobtransfer.running.single import train_source, train_target
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.variant import STANDALONE, parse_variant

ODD_NUMBERS = (
    0.0, -0.0, 1.0, 1 / 3, 0.1 + 0.2, 1e-4, 9.9e-5, -1e-3, 5e-324, 1e16, 1.5e22, 1e39,
    np.nan, np.inf, -np.inf,
)  # fmt: skip
"""Numbers with all forms of `repr`, and numbers that are not finite."""

NAMES = ("a,b", 'quo"te', "100 %s %", "line\nend", "=1+1", "a;b", "\udcff", "plain")

BOTH = {"questions": ("one", "fresh"), "variants": VARIANTS}


def with_odd_numbers(cell, rng, scores=False, rates=False):
    """Return a cell with odd numbers as its scores and curves."""

    def odd(shape):
        return rng.choice(ODD_NUMBERS, shape)

    values = odd(cell.scores.values.shape)
    n_arms, n_repeats = values.shape[1:]
    return replace(
        cell,
        scores=replace(
            cell.scores,
            values=values,
            classes_predicted=rng.integers(0, 12, (n_arms, n_repeats)),
            is_failed=~np.isfinite(values).all(axis=0),
            earlier_accuracy=odd((n_arms, n_repeats)),
            learning_rates=rng.choice([0.1, 1e-5], (n_arms, n_repeats)) if rates else None,
        ),
        curves={arm: odd(curves.shape) for arm, curves in cell.curves.items()},
        transferability=odd((5, n_repeats)) if scores else None,
    )


def study_with_odd_numbers(study, **changes):
    """Return the results of a study with odd numbers; only the last cell may have scores."""
    rng = np.random.default_rng(0)
    results = run(study, engine=PlannedEngine(varied, n_at_once=8))
    *cells, last = results.cells
    odd = [with_odd_numbers(cell, rng) for cell in cells]
    return replace(results, cells=(*odd, with_odd_numbers(last, rng, **changes)))


@pytest.fixture(scope="module")
def results():
    engine, rng = PlannedEngine(varied, n_at_once=8), np.random.default_rng(1)
    both = compare(spec_of(8, **BOTH, speed=True), None, engine)
    nested = compare(spec_of(8, questions=("fresh",), nested=(4, 2)), None, engine)
    model = compare(
        spec_of(8, source=None, model_path="m,n.keras"), initial_weights(MLPSpec(), 1, 0), engine
    )
    source_training = train_source(spec_of(1, variants=(STANDALONE,), target=None), engine).results
    target_spec = spec_of(1, variants=(parse_variant("random-frozen,fixed=1"),), source=None)
    studies = {"both": both, "nested": nested, "model": model}
    return {
        name: replace(study, cells=(with_odd_numbers(study.cell, rng, True, name == "both"),))
        for name, study in studies.items()
    } | {
        "train-source": with_odd_numbers(source_training, rng),
        "train-target": train_target(target_spec, None, engine).results,
        "sweep": study_with_odd_numbers(sweep_of(speed=True), scores=True),
        "pairs": study_with_odd_numbers(pairs_of(), rates=True),
        "grid": study_with_odd_numbers(grid_of(), scores=True),
    }


KINDS = ("both", "nested", "model", "train-source", "train-target", "sweep", "pairs", "grid")


def axis_values(results, cell):
    """Return the values of a cell on the axes that have a column."""
    at = zip(results.axes, cell.at, strict=True)
    return [value for axis, value in at if axis.name not in ("source", "target")]


def scores_of(cell, i):
    """Return the transferability scores of the source network of run i; None if it has none."""
    r, a = divmod(i, len(cell.scores.arms))
    arm = cell.scores.arms[a]
    if cell.transferability is None or (arm.sources, arm.variant.start) != ("fresh", "transfer"):
        return [None] * 5
    return list(map(finite, cell.transferability[:, r]))


@pytest.mark.parametrize("rows_at_once", [1, 50])
@pytest.mark.parametrize("kind", KINDS)
def test_runs_have_the_bytes_of_rows_written_one_by_one(results, kind, rows_at_once, monkeypatch):
    monkeypatch.setattr("blobtransfer.results.files.columns.ROWS_AT_ONCE", rows_at_once)
    written = renamed(results[kind], *NAMES)
    has_scores = any(cell.transferability is not None for cell in written.cells)
    csv_text, json_text = "".join(to_csv(written)), "".join(to_json(written))
    expected_lines = [csv_text.splitlines(keepends=True)[0]]
    for cell in written.cells:
        rows = runs_of(cell)
        for i, row in enumerate(rows):
            scores = scores_of(cell, i) if has_scores else []
            expected_lines.append(csv_line([*astuple(row), *scores, *axis_values(written, cell)]))
        texts = ",".join(f"\n  {json.dumps(asdict(row))}" for row in rows)
        assert f' "runs": [{texts}\n ]' in json_text
        if cell.transferability is not None:
            names = ("h_score", "h_score_regularised", "logme", "leep", "nce")
            by_repeat = zip(cell.scores.repeats.tolist(), cell.transferability.T, strict=True)
            texts = ",".join(
                f"\n  {json.dumps({'repeat': repeat} | dict(zip(names, values, strict=True)))}"
                for repeat, numbers in by_repeat
                if (values := list(map(finite, numbers)))
            )
            assert f' "transferability": [{texts}\n ]' in json_text
    assert csv_text == "".join(expected_lines)


@pytest.mark.parametrize("rows_at_once", [1, 50])
@pytest.mark.parametrize("kind", ["both", "train-source", "train-target", "sweep"])
def test_curves_have_the_bytes_of_lines_written_one_by_one(
    results, kind, rows_at_once, monkeypatch
):
    monkeypatch.setattr("blobtransfer.results.files.columns.ROWS_AT_ONCE", rows_at_once)
    written = renamed(results[kind], *NAMES)
    header, *_ = curves_to_csv(written)
    expected = header
    for cell in written.cells:
        at, arms = axis_values(written, cell), cell.scores.arms
        for i, row in enumerate(runs_of(cell)):
            r, a = divmod(i, len(arms))
            key = [getattr(row, name) for name in CURVE_COLUMNS]
            for epoch, numbers in enumerate(cell.curves[arms[a]][:, r].T):
                expected += csv_line([*key, *at, epoch, *map(finite, numbers)])
    assert "".join(curves_to_csv(written)) == expected


def test_the_only_run_of_a_training_is_a_record(results):
    for kind in ("train-source", "train-target"):
        assert [results[kind].run] == runs_of(results[kind])


def test_a_chunk_bounds_the_rows_that_are_in_memory(results, monkeypatch):
    monkeypatch.setattr("blobtransfer.results.files.columns.ROWS_AT_ONCE", 24)
    both = results["both"]
    assert isinstance(both, StudyResults)
    assert len(both.cell.scores.arms) == 10
    # 24 lines are 2 repeats of 10 runs, or less than one repeat of runs with 3 lines each
    assert [piece.count("\n") for piece in to_csv(both)] == [1, *[2 * 10] * 4]
    assert [piece.count("\n") for piece in curves_to_csv(both)] == [1, *[3 * 10] * 8]


def test_zeros_of_either_sign_are_kept_apart():
    assert list(column_texts(np.array([0.0, -0.0, np.nan]), str)) == ["0.0", "-0.0", "None"]
