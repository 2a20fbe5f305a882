"""Select what reports show: one question, or some of the variants.

Nothing is analysed again: intervals, adjusted p-values and verdicts stay those of all variants, so
that an answer does not depend on which variants are shown.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any, TypeAlias, TypeVar

from blobtransfer.errors import SettingError
from blobtransfer.results.findings import (
    Caution,
    EqualScores,
    FewPairs,
    Findings,
    Rise,
    ScoreCaution,
)
from blobtransfer.results.results import CellResults, JudgedResults, StudyResults
from blobtransfer.results.study_findings import StudyCaution
from blobtransfer.specs.checks import as_tuple, check_type, escape_control_characters
from blobtransfer.specs.experiment import Arm, ComparedQuestion, ExperimentSpec, SourcesChoice
from blobtransfer.specs.study import variant_labels
from blobtransfer.specs.variant import Variant, parse_variant

Q = TypeVar("Q", bound=ComparedQuestion)
C = TypeVar("C", bound=Caution | ScoreCaution)

VariantsChoice: TypeAlias = str | Variant | Sequence[str | Variant]
"""The variants that a user selects, as in commands, such as `fixed=0`."""

MAX_LISTED = 20
"""Largest number of variants that an error lists."""


def select(
    results: StudyResults | JudgedResults,
    sources: SourcesChoice = "both",
    only: VariantsChoice | None = None,
) -> StudyResults | JudgedResults:
    """Return results whose report shows one question, or some of the variants.

    Args:
        results: Results of a comparison; their scores stay complete.
        sources: The question; `both`: all that the results answer.
        only: Variants that are shown beside standalone, as the user writes them, such as
            `fixed=0`; None: all.

    Raises:
        SettingError: The results do not answer the question, or have no such variant.
    """
    if isinstance(results, JudgedResults):
        return _select_scores(results, sources, only)
    study = results.study
    questions = _questions(study.questions, sources)
    labels = {0: str(study.specs[0].variants[0]), **dict(variant_labels(study))}
    names = [
        {label, *(str(spec.variants[i]) for spec in study.specs)} for i, label in labels.items()
    ]
    indices = _indices(names, only)

    def select_questions(spec: ExperimentSpec) -> ExperimentSpec:
        if "fresh" not in questions:  # settings of fresh sources alone
            spec = replace(spec, nested=None, transferability=False)
        return replace(spec, questions=questions)

    study = study.with_specs(select_questions)
    cells = tuple(
        _select_cell(cell, spec, indices)
        for cell, spec in zip(results.cells, study.specs, strict=False)
    )
    arms = {summary.arm for summary in cells[0].summary}
    findings = results.findings
    findings = replace(
        findings,
        changes=tuple(
            change
            for change in findings.changes
            if change.question in questions and change.series in indices
        ),
        pooled=tuple(summary for summary in findings.pooled if summary.arm in arms),
        pairs=tuple(row for row in findings.pairs if row.arm in arms),
        marginal_means=tuple(mean for mean in findings.marginal_means if mean.series in indices),
        rankings=tuple(row for row in findings.rankings if row.series in indices),
        cautions=tuple(_select_study_cautions(findings.cautions, cells, arms)),
    )
    return replace(results, study=study, cells=cells, findings=findings)


def _select_scores(
    results: JudgedResults, sources: SourcesChoice, only: VariantsChoice | None
) -> JudgedResults:
    """Return a judgement of scores whose report shows a question or some variants; see `select`."""
    spec = results.spec
    questions = _questions(spec.questions, sources)
    indices = _indices([{str(variant)} for variant in spec.variants], only)
    rows = [a for a, arm in enumerate(spec.arms) if any(map(arm.belongs_to, questions))]
    arms = _arms(spec.arms, {spec.variants[i] for i in indices}, questions)
    return replace(
        results,
        spec=replace(spec, columns=tuple(spec.columns[a] for a in rows)),
        scores=results.scores[rows],
        status=results.status[rows],
        findings=_select_findings(results.findings, arms, questions),
        cautions=tuple(_select_cautions(results.cautions, arms)),
    )


def _questions(answered: tuple[Q, ...], sources: SourcesChoice) -> tuple[Q, ...]:
    """Return the questions that are shown.

    Args:
        answered: Questions that the results answer.
        sources: The question to show, or `both`.

    Raises:
        SettingError: The results do not answer it.
    """
    if sources == "both":
        return answered
    if sources not in answered:
        names = [question for question in answered if question != "scores"]
        problem = "the scores do not name source networks; leave it out"
        if names:
            problem = f"the results do not have this answer; use {', '.join(names)} or both"
        raise SettingError("sources", escape_control_characters(str(sources)), problem)
    return tuple(question for question in answered if question == sources)


def _indices(names: Sequence[set[str]], only: VariantsChoice | None) -> set[int]:
    """Return the indices of the variants that are shown, 0 for standalone among them.

    Args:
        names: Names of each variant, standalone first.
        only: The variants beside standalone; None: all.

    Raises:
        SettingError: Unknown variant, or standalone would be shown alone.
    """
    if only is None:
        return set(range(len(names)))
    shown = {0}
    for text in [only] if isinstance(only, str | Variant) else as_tuple("only", only):
        check_type("only", text, str | Variant, "variants such as fixed=0")
        matches = {i for i, known in enumerate(names) if not known.isdisjoint(_spellings(text))}
        if not matches:
            raise SettingError(
                "only", escape_control_characters(str(text)), f"no such variant; {_advice(names)}"
            )
        shown |= matches
    if len(shown) < 2:
        problem = f"standalone is always shown; {_advice(names)}"
        raise SettingError("only", str(only) if isinstance(only, str) else "", problem)
    return shown


def _spellings(variant: str | Variant) -> set[str]:
    """Return a variant as the user writes it and as reports do: `fixed=0`, `transfer fixed=0`."""
    text = str(variant)
    try:
        return {text, str(parse_variant(text))}
    except SettingError:  # a name of scores, or of no variant
        return {text}


def _advice(names: Sequence[set[str]]) -> str:
    """Return which variants can be shown."""
    labels = [min(known, key=len) for known in names[1:]]
    more = f" and {len(labels) - MAX_LISTED} more" if len(labels) > MAX_LISTED else ""
    return f"use one or more of {escape_control_characters(', '.join(labels[:MAX_LISTED]))}{more}"


def _arms(
    arms: Iterable[Arm], variants: set[Variant], questions: Sequence[ComparedQuestion]
) -> set[Arm]:
    """Return the arms of some variants in some questions.

    Args:
        arms: All arms.
        variants: The variants.
        questions: The questions.
    """
    return {arm for arm in arms if arm.variant in variants and any(map(arm.belongs_to, questions))}


def _select_cell(cell: CellResults, spec: ExperimentSpec, indices: set[int]) -> CellResults:
    """Return a cell whose report shows some variants.

    Args:
        cell: The cell.
        spec: Its spec, with the questions that are shown.
        indices: Indices of the variants.
    """
    arms = _arms(spec.arms, {spec.variants[i] for i in indices}, spec.questions)
    return replace(cell, spec=spec, findings=_select_findings(cell.findings, arms, spec.questions))


def _select_findings(
    findings: Findings, arms: set[Arm], questions: Sequence[ComparedQuestion]
) -> Findings:
    """Return the findings of some arms.

    Args:
        findings: Findings of all arms.
        arms: The arms.
        questions: Their questions.
    """
    return replace(
        findings,
        summary=tuple(summary for summary in findings.summary if summary.arm in arms),
        contrasts=tuple(
            contrast
            for contrast in findings.contrasts
            if contrast.question in questions and {contrast.arm, contrast.baseline} <= arms
        ),
        speed=tuple(speed for speed in findings.speed if speed.arm in arms),
        bands=tuple(band for band in findings.bands if band.arm in arms),
        cautions=tuple(_select_cautions(findings.cautions, arms)),
        rankings=tuple(ranking for ranking in findings.rankings if ranking.arm in arms),
    )


def _select_cautions(cautions: Iterable[C], arms: set[Arm]) -> Iterator[C]:
    """Yield the cautions that concern some arms, without the other arms."""
    for caution in cautions:
        concerned: dict[str, tuple[Arm | Rise, ...]] = {
            field.name: tuple(
                item
                for item in getattr(caution, field.name)
                if (item.arm if isinstance(item, Rise) else item) in arms
            )
            for field in fields(caution)
            if field.name in ("arms", "rises")
        }
        is_of_fresh = isinstance(caution, FewPairs) and caution.unit == "sources"
        if is_of_fresh and all(arm.sources != "fresh" for arm in arms):
            continue
        least = 2 if isinstance(caution, EqualScores) else 1
        if all(len(items) >= least for items in concerned.values()):
            changes: Any = concerned
            yield replace(caution, **changes)


def _select_study_cautions(
    cautions: Iterable[StudyCaution], cells: Sequence[CellResults], arms: set[Arm]
) -> Iterator[StudyCaution]:
    """Yield the cautions of a study that concern some arms.

    Args:
        cautions: Cautions about all arms.
        cells: Cells with the cautions that concern the arms.
        arms: The arms.
    """
    for caution in cautions:
        if caution.first is None:
            yield caution
            continue
        kind = caution.first.kind
        of_cells = [
            other for cell in cells for other in cell.findings.cautions if other.kind == kind
        ]
        first = next(_select_cautions([caution.first], arms), None) or next(iter(of_cells), None)
        if first is not None:
            yield replace(caution, first=first, n_cells=len(of_cells) or caution.n_cells)
