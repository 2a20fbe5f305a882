"""Scores of another program: layouts, the same numbers as `compare`, every output, and refusals."""

import io
import json
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
from helpers.commands import assert_refused
from helpers.specs import SMALL_OPTIONS

from blobtransfer.errors import SettingError, TableFileError
from blobtransfer.results.files.schema import json_schema
from blobtransfer.statistics.paired import compare_pairs, verdict_of
from blobtransfer.studies.judge import judge

N = 12
RNG = np.random.default_rng(0)
BASELINE = RNG.uniform(0.6, 0.8, N).round(3)
SCORES = pd.DataFrame(
    {
        "seed": range(100, 100 + N),
        "scratch": BASELINE,
        "frozen": (BASELINE - RNG.uniform(0.0, 0.1, N)).round(3),
        "tuned": (BASELINE + RNG.uniform(0.1, 0.2, N)).round(3),
    }
)
LONG = SCORES.melt("seed", var_name="Method", value_name="test-acc")


def read(name):
    return json.loads(Path(name).read_text())


def verdicts(results):
    return [row.verdict and row.verdict.kind for row in results.summary]


def numbers(results):
    """Return what does not depend on the unit of the scores."""
    return [
        (row.label, row.n, row.difference, row.verdict, row.low_runs, row.std)
        for row in results.summary
    ]


def test_differences_are_those_of_the_statistics_of_a_comparison():
    results = judge(SCORES, range=(0.25, 1.0), margin=0.02)
    for name, row in zip(("frozen", "tuned"), results.summary[1:], strict=True):
        expected = compare_pairs((SCORES[name] - BASELINE).to_numpy(), 0.75, 2, 0.02)
        assert (row.label, row.difference) == (name, expected)
        assert row.verdict == verdict_of(expected, 0.02)


@pytest.mark.parametrize(
    "text",
    [
        SCORES.to_csv(index=False),
        SCORES.to_csv(index=False, sep="\t"),
        SCORES.to_csv(index=False, sep=";", decimal=","),
        "# accuracy on the test rows\n\n" + SCORES.to_csv(index=False).replace("\n", ",\r\n"),
        SCORES.drop(columns="seed").to_csv(index=False),
        SCORES.drop(columns="seed").to_csv(),
        SCORES.to_csv(),
        SCORES.to_csv(index_label="Unnamed: 0"),
        LONG.to_csv(),
        "sep=;\n" + SCORES.to_csv(index=False, sep=";"),
        "\ufeff" + SCORES.to_csv(index=False).replace("\n", "\n\n"),
        LONG.to_csv(index=False),
        LONG.assign(note="x").rename(columns={"test-acc": "score"}).to_csv(),
        LONG.to_csv(index=False).replace(",tuned", ".0,tuned"),
    ],
)
def test_every_layout_has_the_same_answer(tmp_path, text):
    path = tmp_path / "scores.csv"
    path.write_text(text, newline="")
    assert numbers(judge(path)) == numbers(judge(SCORES))


@pytest.mark.parametrize(
    "frame",
    [
        SCORES.set_index("seed"),
        SCORES.iloc[::-1].sort_index(),
        LONG,
        LONG[LONG.index >= 0].sample(frac=1.0, random_state=0),
        SCORES.astype(str),
        SCORES.set_index("seed").rename_axis("subject"),
    ],
)
def test_a_data_frame_needs_no_file(frame):
    results = judge(frame, baseline="scratch")
    expected = {row.label: row.difference for row in judge(SCORES).summary}
    for row in results.summary:
        if row.difference is not None:  # the order of the sums may differ
            assert row.difference.mean == pytest.approx(expected[row.label].mean, abs=1e-12)
            assert row.difference.ci_low == pytest.approx(expected[row.label].ci_low, abs=1e-9)


def test_variants_may_be_numbers():
    table = LONG.replace({"Method": {"scratch": 0, "frozen": 1, "tuned": 2}})
    results = judge(table, baseline=0)
    assert [row.label for row in results.summary] == ["0", "1", "2"]


def test_where_lower_is_better_the_mirror_image_has_the_same_answer():
    upright = judge(SCORES, range=(0, 2))
    mirrored = SCORES.assign(
        **{name: 2.0 - SCORES[name] for name in ("scratch", "frozen", "tuned")}
    )
    lower = judge(mirrored, range=(0, 2), lower_is_better=True)
    assert verdicts(lower) == verdicts(upright)
    for row, other in zip(lower.summary, upright.summary, strict=True):
        for name in ("mean", "median", "q05", "worst_tenth", "best_of_3", "best_of_5"):
            assert getattr(row, name) == pytest.approx(2.0 - getattr(other, name))
        for name, mirror in (("min", "max"), ("q1", "q3"), ("mean_low", "mean_high")):
            assert getattr(row, name) == pytest.approx(2.0 - getattr(other, mirror))
        if row.difference is not None:
            assert row.difference.ci_low == pytest.approx(other.difference.ci_low)
            assert row.difference.probability_better == other.difference.probability_better
        assert row.low_runs == other.low_runs
    assert lower.findings.low_line == pytest.approx(2.0 - upright.findings.low_line)


def test_in_percent_it_is_the_same_answer_a_hundred_times_as_large():
    shares = judge(SCORES)
    percent = SCORES.assign(**{name: 100 * SCORES[name] for name in ("scratch", "frozen", "tuned")})
    results = judge(percent, range=(0, 100))
    assert (results.spec.margin, verdicts(results)) == (1.0, verdicts(shares))
    for row, other in zip(results.summary[1:], shares.summary[1:], strict=True):
        assert row.difference.ci_high == pytest.approx(100 * other.difference.ci_high)


def test_resplit_scores_have_the_interval_of_nadeau_and_bengio():
    results = judge(SCORES[["scratch", "tuned"]], resplit=(90, 10))
    d = (SCORES["tuned"] - BASELINE).to_numpy()
    # var(d) (1 / J + n_test / n_train); the 97.5 % quantile of t with 11 degrees of freedom
    half = 2.200985160082949 * (d.var(ddof=1) * (1 / N + 10 / 90)) ** 0.5
    difference = results.summary[1].difference
    assert difference.ci_low == pytest.approx(d.mean() - half, rel=1e-9)
    assert [caution.kind for caution in results.cautions] == ["split anew", "not checked"]


@pytest.mark.parametrize("more", [(), ("--learning-rate", "1e30"), ("--variant", "equal-compute")])
def test_the_runs_of_a_comparison_have_its_numbers_and_verdicts(run, more):
    run("compare", *SMALL_OPTIONS, *more, "--repeats", "8", "--no-plot", "-q", "-o", "c.json",
        "-o", "c.csv")  # fmt: skip
    record = read("c.json")
    target = record["tasks"][-1]
    done = run("judge", "c.csv", "--range", target["floor"], target["ceiling"], "--no-plot", "-q",
               "-o", "j.json")  # fmt: skip
    assert done.code == 0
    judged, unknown = read("j.json"), ("gap", "trainable_parameters", "verdict", "fixed", "variant")
    labels = {f"{row['variant']} fixed={row['fixed']}": row for row in record["summary"]}
    labels |= {row["variant"]: row for row in record["summary"] if row["fixed"] is None}
    rows = {(row["sources"], row["variant"]): row for row in judged["summary"]}
    assert len(rows) == len(record["summary"])
    for row in record["summary"]:
        label = row["variant"] if row["fixed"] is None else f"{row['variant']} fixed={row['fixed']}"
        other = rows[row["sources"], label]
        assert other["gap"] == pytest.approx(row["gap"])
        assert other["verdict"] == row["verdict"]
        assert {k: v for k, v in other.items() if k not in unknown} == {
            k: v for k, v in row.items() if k not in unknown
        }
    questions = [sentence["question"] for sentence in record["sentences"]]
    assert [sentence["question"] for sentence in judged["sentences"]] == questions


def test_the_table_of_the_docs_has_the_published_statistics():
    """Compute the rank sums and the average ranks that Demšar 2006, JMLR 7:1, prints."""
    table = pd.read_csv(Path(__file__).parents[2] / "docs" / "data" / "c45.csv", index_col=0)
    ranks = table.rank(axis=1, ascending=False).mean()
    assert ranks[["C4.5", "C4.5+m"]].round(3).tolist() == [3.143, 2.0]
    d = (table["C4.5+m"] - table["C4.5"]).round(3)
    signed = d.abs().rank() * np.sign(d)
    of_zeros = d.abs().rank()[d == 0].sum() / 2
    assert (signed[d > 0].sum() + of_zeros, -signed[d < 0].sum() + of_zeros) == (93, 12)


def test_other_metrics_of_runs_are_judged_by_their_column(run):
    run("compare", *SMALL_OPTIONS, "--repeats", "6", "--no-plot", "-q", "-o", "c.csv")
    frame = pd.read_csv("c.csv")
    frame["balanced_accuracy"] = frame["test_accuracy"] / 2
    results = judge(frame, metric="balanced-accuracy")
    assert results.spec.metric == "balanced-accuracy"
    assert results.summary[0].mean == pytest.approx(judge(frame).summary[0].mean / 2)
    frame.drop(columns="balanced_accuracy").to_csv("old.csv", index=False)
    metric = ("--metric", "balanced-accuracy")
    assert_refused(run("judge", "old.csv", *metric), "--metric balanced-accuracy", "old.csv")


@pytest.mark.parametrize("options", [(), ("--range", "-1", "5", "--lower-is-better")])
def test_every_output_has_it_and_show_prints_and_draws_it_again(run, tmp_path, options):
    SCORES.to_csv("my scores.csv", index=False)
    outputs = [
        arg for suffix in ("json", "csv", "md", "txt", "html") for arg in ("-o", f"r.{suffix}")
    ]
    done = run(
        "judge", "my scores.csv", *options, *outputs, "--plot", "r.svg", "--summary", "s.tex"
    )
    assert done.code == 0
    record = read("r.json")
    jsonschema.validate(record, json_schema("judge"))
    again = run(
        "show", "r.json", "-o", "again.json", "-o", "again.csv", "-o", "again.md",
        "-o", "again.html", "--plot", "again.svg", "-o", "s2.tex",
    )  # fmt: skip
    assert (again.code, again.out) == (0, done.out)
    for first, second in (
        ("r.json", "again.json"), ("r.csv", "again.csv"), ("r.md", "again.md"),
        ("r.html", "again.html"), ("s.tex", "s2.tex"),
    ):  # fmt: skip
        assert (tmp_path / first).read_bytes() == (tmp_path / second).read_bytes()
    drawn, again_drawn = ((tmp_path / name).read_text() for name in ("r.svg", "again.svg"))
    assert drawn.split("</metadata>")[1] == again_drawn.split("</metadata>")[1]
    judged_again = run("judge", "r.csv", *options, "--no-plot", "-q", "-o", "csv.json")
    assert judged_again.code == 0
    assert read("csv.json")["summary"] == record["summary"]


def test_standard_input_is_read_and_quietly_the_answer_alone_is_printed(run, monkeypatch):
    text = SCORES.to_csv(index=False).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    done = run("judge", "-", "--no-plot", "-q")
    assert (done.code, done.err, done.out.count("\n")) == (0, "", 1)


def test_a_margin_of_saved_scores_is_not_in_points(run):
    SCORES.to_csv("s.csv", index=False)
    run("judge", "s.csv", "--no-plot", "-q", "-o", "s.json")
    done = run("show", "s.json", "--margin", "5%", "--no-plot")
    assert (done.code, done.err.partition(": a margin")[0]) == (2, "error: --margin 5%")


def test_another_margin_changes_the_verdict_of_saved_scores(run):
    SCORES.assign(frozen=BASELINE).to_csv("s.csv", index=False)
    run("judge", "s.csv", "--no-plot", "-q", "-o", "r.json")
    assert read("r.json")["summary"][1]["verdict"]["kind"] == "undecided"
    run("show", "r.json", "--margin", "0.9", "--no-plot", "-q", "-o", "w.json")
    assert read("w.json")["summary"][1]["verdict"]["kind"] == "no practical difference"
    assert_refused(run("show", "r.json", "--margin", "1"), "--margin 1")


@pytest.mark.parametrize(
    ("frame", "kinds"),
    [
        (SCORES[:5], ["few pairs", "not checked"]),
        (SCORES.assign(frozen=0.5), ["constant scores", "look again", "not checked"]),
        (SCORES.assign(frozen=BASELINE), ["equal scores", "look again", "not checked"]),
    ],
)
def test_what_makes_it_less_sure_is_said(frame, kinds):
    judged = [caution.kind for caution in judge(frame).cautions]
    assert [kind for kind in judged if kind != "look again"] == [
        k for k in kinds if k != "look again"
    ]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("scratch,tuned\n81,83\n", "line 2, column scratch: 81 is outside"),
        ("scratch,tuned\n0.8,\n", "line 2, column tuned: an empty cell"),
        ("scratch,tuned\n0.8,high\n", "line 2, column tuned: 'high'"),
        ("scratch,tuned\n0.8,nan\n", "line 2, column tuned: 'nan'"),
        ("scratch,tuned\n0.8,81%\n", "line 2, column tuned: '81%' has a percent sign"),
        ("scratch,tuned\n0.8,0.9\n0.8,0.9,0.7\n", "line 3 has 3 values"),
        (
            "# of runs\n\nscratch,tuned\n0.8,0.9\n\n# more\n0.8,0.9%\n",
            "line 7, column tuned: '0.9%'",
        ),
        ("scratch,scratch\n0.8,0.9\n", "two columns are called scratch"),
        ("scratch,\n0.8,0.9\n", "column 2 has no name"),
        ("scratch\n0.8\n", "only scratch"),
        ("seed\n1\n", "no column of scores"),
        ("seed,scratch,tuned\n1,0.8,0.9\n2,0.8,0.9\n1,0.7,0.8\n", "repeat 1 occurs twice"),
        ("seed,scratch,tuned\n1,0.8,0.9\nMean,0.8,0.9\n", "line 3: Mean is a summary"),
        ("scratch,tuned\n", "no rows"),
        ("", "no line of column names"),
        ("\0", "line 1 has a null character"),
        ('{"a": 1}', "JSON"),
        ("method,seed,acc\nscratch,1,0.8\ntuned,2,0.8\n", "repeat 1 has no score of tuned"),
        ("method,acc\nscratch,0.8\ntuned,0.8\n", "no column repeat or seed"),
        (",method,acc\n1,scratch,0.8\n2,tuned,0.8\n", "no column repeat or seed"),
        ("method,seed,acc\nscratch,1,0.8\nscratch,1,0.8\n", "repeat 1 of scratch occurs twice"),
        ("method,seed,acc\n,1,0.8\nscratch,1,0.8\n", "line 2 has no variant"),
        ("method,seed,acc,f1\nscratch,1,0.8,1\ntuned,1,0.8,1\n", "(acc, f1)"),
        (f"scratch,{'x' * 300}\n1,1\n", "200 characters"),
        (",".join(map(str, range(1001))) + "\n" + "1," * 1000 + "1\n", "1,001 variants"),
    ],
)
def test_a_file_that_cannot_be_judged_is_refused_with_line_and_column(run, text, key):
    Path("s.csv").write_text(text)
    assert_refused(run("judge", "s.csv", "--no-plot"), "s.csv", key)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (("--baseline", "fine"), "--baseline fine"),
        (("--range", "1", "0"), "--range 1 0"),
        (("--range", "0"), "--range 0"),
        (("--range", "0", "1e300"), "--range 0 1e300"),
        (("--resplit", "9"), "--resplit 9"),
        (("--resplit", "9", "0"), "--resplit 0"),
        (("--margin", "1"), "--margin 1"),
        (("--metric", "accuracy"), "--metric accuracy"),
        (("--curves", "c.csv"), "--curves c.csv"),
        (("-o", "s.csv"), "--output s.csv"),
    ],
)
def test_options_that_cannot_be_are_refused(run, options, name):
    SCORES.to_csv("s.csv", index=False)
    assert_refused(run("judge", "s.csv", "--no-plot", *options), name)


def test_the_range_is_followed_by_the_file_in_all_spellings(run):
    SCORES.to_csv("s.csv", index=False)
    spellings = (("--range", "0", "1"), ("--range", "0,1"), ("--range=0,1",))
    for words in (*spellings, ("--range=0", "--range=1")):
        assert run("judge", *words, "s.csv", "--no-plot", "-q").code == 0


def test_python_has_the_same_checks():
    with pytest.raises(SettingError, match="baseline"):
        judge(SCORES.rename(columns={"scratch": "a"}))
    with pytest.raises(SettingError, match="scores"):
        judge([0.1, 0.2])
    with pytest.raises(SettingError, match="lower-is-better"):
        judge(SCORES, lower_is_better=1)
    with pytest.raises(TableFileError, match="row 1, column tuned"):
        judge(SCORES.assign(tuned=[0.5, np.nan, *[0.5] * (N - 2)]))


def test_scores_in_other_frames_are_read_as_those_of_pandas():
    expected = judge(SCORES)
    assert expected.spec.name == "the data frame"
    columns = {name: SCORES[name].tolist() for name in SCORES}
    frame = pytest.importorskip("polars").DataFrame(columns)
    for scores in (columns, frame):
        assert judge(scores).summary == expected.summary
    assert list(columns) == list(SCORES)


def test_runs_of_several_comparisons_or_of_shared_sources_are_refused(run):
    run("sweep", *SMALL_OPTIONS, "--over", "train-samples=10,20", "--repeats", "2", "--no-plot",
        "-q", "-o", "sweep.csv")  # fmt: skip
    assert_refused(run("judge", "sweep.csv", "--no-plot"), "sweep.csv", "one comparison")
    run("compare", *SMALL_OPTIONS, "--nested", "3", "2", "--no-plot", "-q", "-o", "nested.csv")
    assert_refused(run("judge", "nested.csv", "--no-plot"), "nested.csv", "--nested")
    run("compare", *SMALL_OPTIONS, "--repeats", "2", "--no-plot", "-q", "-o", "c.csv")
    done = run("judge", "c.csv", "--no-plot", "--baseline", "transfer fixed=0")
    assert_refused(done, "--baseline transfer fixed=0", "standalone")
    assert_refused(run("judge", "c.csv", "--no-plot", "--lower-is-better"), "--lower-is-better")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"score": 0.', '"score": 7.'),
        ('"status": "ok"', '"status": "failed"'),
        ('"repeat": "100"', '"repeat": "101"'),
        ('"variant": "tuned", "repeat"', '"variant": "other", "repeat"'),
        ('"lower_is_better": false', '"lower_is_better": null'),
        ('"repeat": "100"', '"repeat": "\\u001b"'),
    ],
)
def test_a_file_that_was_edited_is_refused(run, old, new):
    SCORES.to_csv("s.csv", index=False)
    run("judge", "s.csv", "--no-plot", "-q", "-o", "r.json")
    text = Path("r.json").read_text()
    assert old in text
    Path("edited.json").write_text(text.replace(old, new, 1))
    assert_refused(run("show", "edited.json"), "edited.json")
