"""A selection shows fewer arms, each with the findings that it has among all."""

import pytest
from helpers.engines import PlannedEngine
from helpers.running import compare, run
from helpers.specs import VARIANTS, spec_of, varied
from helpers.studies import grid_of, pairs_of, sweep_of
from pandas import DataFrame

from blobtransfer.errors import SettingError
from blobtransfer.report.figures.canvas import Canvas
from blobtransfer.report.figures.pictures import picture_of_report
from blobtransfer.report.kinds import build_report
from blobtransfer.report.writers import TEXT_WRITERS
from blobtransfer.results.findings import FewPairs
from blobtransfer.results.selection import select
from blobtransfer.specs.variant import parse_variant, transfer_variants
from blobtransfer.studies.judge import judge

ENGINE = PlannedEngine(varied, n_at_once=100)
BOTH = ("one", "fresh")


@pytest.fixture(scope="module")
def compared():
    settings = {"speed": True, "transferability": True, "nested": (2, 4)}
    spec = spec_of(8, questions=BOTH, variants=VARIANTS, **settings)
    return compare(spec, None, ENGINE)


def labels(summaries):
    return [(summary.arm.sources, summary.label) for summary in summaries]


@pytest.mark.parametrize("only", ["fixed=1", ["transfer fixed=1"], transfer_variants([1], 2)])
def test_standalone_and_the_variants_stay_as_they_were(compared, only):
    shown = select(compared, "one", only).cell
    assert labels(shown.summary) == [("none", "standalone"), ("one", "transfer fixed=1")]
    by_arm = {summary.arm: summary for summary in compared.cell.summary}
    assert all(summary is by_arm[summary.arm] for summary in shown.summary)
    assert {row.arm for row in (*shown.findings.speed, *shown.findings.bands)} == {
        summary.arm for summary in shown.summary
    }
    assert shown.scores is compared.cell.scores
    assert shown.spec.variants == compared.cell.spec.variants  # colours, and how many are compared


def test_what_concerns_hidden_arms_alone_is_left_out(compared):
    assert any(isinstance(caution, FewPairs) for caution in compared.cell.findings.cautions)
    shown = select(compared, "one", "fixed=1").cell.findings
    assert not any(isinstance(caution, FewPairs) for caution in shown.cautions)  # of sources
    assert shown.rankings == ()
    assert shown.contrasts == ()
    (contrast,) = select(compared, "one", "random-frozen,fixed=1").cell.findings.contrasts
    assert (contrast.question, contrast.kind) == ("one", "freezing")


STUDIES = {
    "sweep": lambda: sweep_of(n_repeats=6, questions=BOTH),
    "pairs": lambda: pairs_of(6, 6),
    "grid": lambda: grid_of(2, 6),
}


@pytest.mark.parametrize("kind", STUDIES)
def test_studies_show_the_variant_in_every_cell(kind):
    results = run(STUDIES[kind](), engine=ENGINE)
    shown = select(results, "fresh", ["fixed=2"])
    assert [len(cell.summary) for cell in shown.cells] == [2] * len(results.cells)
    assert shown.variant_labels == {2: "transfer fixed=2"}
    assert {row.arm.label for row in shown.findings.pooled} <= {"standalone", "transfer fixed=2"}
    report = build_report(results, shown)
    text = "".join(TEXT_WRITERS["table"].pieces(report))
    assert "fixed=2" in text and "fixed=0" not in text and "One source" not in text
    assert picture_of_report(report, Canvas()).figure.axes


def test_files_of_data_have_all(compared):
    report = build_report(compared, select(compared, "one", "fixed=1"))
    for name in ("json", "csv"):
        complete = "".join(TEXT_WRITERS[name].pieces(build_report(compared)))
        assert "".join(TEXT_WRITERS[name].pieces(report)) == complete


def test_scores_are_selected_by_name():
    scores = DataFrame({"base": [0.1, 0.2, 0.3], "a b": [0.3, 0.4, 0.5], "c": [0.6, 0.7, 0.9]})
    results = judge(scores, baseline="base")
    shown = select(results, only="a b")
    assert labels(shown.summary) == [("none", "base"), ("none", "a b")]
    assert build_report(shown).headline.startswith("Is a b better than base?")
    with pytest.raises(SettingError):
        select(results, "fresh")


@pytest.mark.parametrize(
    ("setting", "choice"),
    [
        ("sources", {"sources": "none"}),
        ("only", {"only": "fixed=2"}),
        ("only", {"only": ["fixed=1", "nonsense"]}),
        ("only", {"only": "standalone"}),
        ("only", {"only": []}),
        ("only", {"only": [1]}),
        ("only", {"only": parse_variant("equal-compute")}),
    ],
)
def test_what_the_results_do_not_have_is_refused(compared, setting, choice):
    with pytest.raises(SettingError) as caught:
        select(compared, **choice)
    assert caught.value.setting == setting


def test_results_without_a_question_do_not_have_it():
    with pytest.raises(SettingError):
        select(compare(spec_of(2, questions=("fresh",)), None, ENGINE), "one")
