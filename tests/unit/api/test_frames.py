"""Data frames hold the scores and curves of the results, bit for bit, in columns of fixed types."""

import numpy as np
import pytest
from helpers.engines import PlannedEngine, planned
from helpers.running import compare, run
from helpers.specs import VARIANTS, spec_of, varied
from helpers.studies import grid_of, pairs_of, sweep_of
from pandas import DataFrame

from blobtransfer.api.result import Result, TrainingResult
from blobtransfer.errors import SettingError
from blobtransfer.results.files.csv import curves_to_csv, to_csv
from blobtransfer.running.single import train_target
from blobtransfer.specs.training import METRICS
from blobtransfer.specs.variant import STANDALONE, parse_variant
from blobtransfer.studies.judge import judge

KEYS = {
    "sources": "str", "variant": "str", "fixed": "Int64", "repeat": "int64", "label": "str",
    "source_repeat": "Int64", "source": "str", "target": "str",
}  # fmt: skip
RUNS = KEYS | {
    **dict.fromkeys([*METRICS, "learning_rate", "earlier_accuracy"], "float64"),
    "classes_predicted": "int64", "status": "str", "epochs": "int64",
}  # fmt: skip
SUMMARY = {
    "sources": "str", "variant": "str", "n": "int64", "failed": "int64", "verdict": "str",
    **dict.fromkeys(
        "mean std median low_share difference ci_low ci_high p_adjusted".split(), "float64"
    ),
}  # fmt: skip
PAIRS_SUMMARY = {
    "variant": "str", "n_pairs": "int64", "verdict": "str",
    **dict.fromkeys(
        "mean std difference ci_low ci_high worst tau prediction_low prediction_high better_share "
        "worse_share p_adjusted".split(), "float64"
    ),
}  # fmt: skip
ENGINE = PlannedEngine(varied, n_at_once=100)

STUDIES = {
    "sweep": (lambda: sweep_of(n_repeats=3), {"train-samples": "int64"}, SUMMARY),
    "pairs": (lambda: pairs_of(3, 2), {"pair": "int64"}, PAIRS_SUMMARY),
    "grid": (lambda: grid_of(2, 2), {}, SUMMARY | {"source": "str", "target": "str"}),
}


def types(frame):
    return {name: str(dtype) for name, dtype in frame.dtypes.items()}


def by_run(values):
    """Return (arm, repeat) values in the order of the rows: by repeat, then arm."""
    return np.asarray(values).T.ravel()


@pytest.fixture(scope="module")
def compared():
    variants = (*VARIANTS, parse_variant("equal-compute"))
    spec = spec_of(8, questions=("one", "fresh"), variants=variants, speed=True)
    return compare(spec, None, ENGINE)


def test_runs_are_the_scores_bit_for_bit(compared):
    frame, scores = Result(compared).runs(), compared.cell.scores
    assert types(frame) == RUNS
    assert ",".join(frame) == next(to_csv(compared)).strip()
    for metric, values in zip(METRICS, scores.values, strict=True):
        expected = np.where(np.isfinite(values), values, np.nan)
        assert frame[metric].to_numpy().tobytes() == by_run(expected).tobytes()
    assert (frame["classes_predicted"] == by_run(scores.classes_predicted)).all()
    assert ((frame["status"] == "failed") == by_run(scores.is_failed)).all()
    assert list(frame["label"][: len(scores.arms)]) == [arm.label for arm in scores.arms]
    assert (frame["repeat"] == np.repeat(scores.repeats, len(scores.arms))).all()


def test_what_does_not_exist_is_missing(compared):
    frame = Result(compared).runs().set_index("label").loc["standalone"]
    assert frame[["fixed", "source_repeat", "source"]].isna().all(axis=None)
    assert frame.loc[frame["status"] == "failed", "test_loss"].isna().all()


def test_curves_have_a_row_per_epoch_however_long_the_runs(compared):
    frame = Result(compared).curves()
    assert types(frame) == KEYS | {"epoch": "int64", "test_accuracy": "float64"}
    assert ",".join(frame) == next(curves_to_csv(compared)).strip()
    lengths = {curve.shape[-1] for curve in compared.cell.curves.values()}
    assert len(lengths) == 2
    rows = frame.set_index(["sources", "label", "repeat"])
    for arm, curves in compared.cell.curves.items():
        values = rows.loc[(arm.sources, arm.label, 3)]
        assert list(values["epoch"]) == list(range(curves.shape[-1]))
        assert values["test_accuracy"].to_numpy().tobytes() == curves[0, 3].tobytes()


def test_a_summary_has_the_findings(compared):
    frame = Result(compared).summary()
    assert types(frame) == SUMMARY
    row, summary = frame.iloc[-1], compared.cell.summary[-1]
    assert (row["mean"], row["ci_low"]) == (summary.mean, summary.difference.ci_low)
    assert frame.iloc[0][["difference", "verdict"]].isna().all()


@pytest.mark.parametrize("kind", STUDIES)
def test_studies_have_their_axes(kind):
    make_study, axes, summary = STUDIES[kind]
    results = run(make_study(), engine=ENGINE)
    result = Result(results)
    runs = result.runs()
    assert types(runs) == RUNS | axes
    assert len(runs) == results.n_runs
    summary_axes = axes if kind == "sweep" else {}
    assert types(result.summary()) == summary | summary_axes
    if kind == "sweep":
        assert list(runs["train-samples"].unique()) == [10, 20, 40]
    with pytest.raises(SettingError):
        result.curves()


def test_a_training_has_one_run_and_all_its_metrics():
    spec = spec_of(1, source=None, variants=(STANDALONE,))
    result = TrainingResult(train_target(spec, None, PlannedEngine(planned)).results)
    assert types(result.runs()) == RUNS and len(result.runs()) == 1
    assert set(METRICS[:4]) < set(result.curves())


def test_a_judgement_has_its_scores_and_the_names_of_its_repeats():
    scores = DataFrame({"base": [0.1, 0.2, 0.25], "a": [0.3, 1 / 3, 0.5]}, index=["x", "y", "z"])
    results = judge(scores, baseline="base")
    frame = Result(results).runs()
    names = {"sources": "str", "variant": "str", "repeat": "str"}
    assert types(frame) == names | {"score": "float64", "status": "str"}
    assert list(frame["repeat"]) == [name for name in results.repeats for _ in range(2)]
    assert frame["score"].to_numpy().tobytes() == by_run(results.scores).tobytes()
    assert types(Result(results).summary()) == SUMMARY
