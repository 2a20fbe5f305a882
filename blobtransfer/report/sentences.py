"""Findings -> sentences: what is known, how surely, and what to do next.

All words about findings are made here; every number comes from them.
"""

import re
from collections.abc import Iterator, Sequence

from blobtransfer.results.findings import (
    Caution,
    Collapsed,
    FewPairs,
    FewTestRows,
    LookAgain,
    Mixed,
    OneSource,
    OtherClasses,
    SameProblem,
    SplitAnew,
    Summary,
    Unit,
)
from blobtransfer.results.results import Results, TaskRecord
from blobtransfer.specs.experiment import Arm, Question
from blobtransfer.specs.table import TableSpec
from blobtransfer.specs.task import TaskSpec
from blobtransfer.statistics.paired import FEWEST_PAIRS, Verdict, VerdictKind
from blobtransfer.statistics.transferability import Ranking, ScoreName

QUESTION_NAMES: dict[Question, str] = {"one": "this model", "fresh": "the method"}

SCORE_NAMES: dict[ScoreName, str] = {
    "h_score": "H-score",
    "h_score_regularised": "regularised H-score",
    "logme": "LogME",
    "leep": "LEEP",
    "nce": "NCE",
}
"""Transferability scores as their authors write them."""

SAID_SCORE: ScoreName = "h_score_regularised"
"""The score that is put into a sentence, fixed beforehand: it is the one for few rows."""

MAX_CLASSES_NAMED = 6
"""Most classes that are counted one by one."""

ENOUGH_REPEATS = 100
"""What a comparison of too few repeats is advised to take."""


def answer(results: Results, question: Question) -> str | None:
    """Answer one question in a sentence; None where nothing was compared."""
    by_kind = _by_kind(results, question)
    if not by_kind:
        return None
    clauses = []
    kinds: tuple[VerdictKind, ...] = ("better", "worse")
    for kind in kinds:
        for i, one in enumerate(by_kind.get(kind, [])):
            amount, interval = _amount(one)
            slight = _slight(one)
            clauses.append(
                f"{label_of(one.arm, results)} by {amount} ({interval}){slight}"
                if i
                else f"{label_of(one.arm, results)} is {kind} than standalone by {amount} points "
                f"(95 % interval {interval}, {_basis(one, results)}){slight}"
            )
    if alike := by_kind.get("no practical difference"):
        clauses.append(
            f"{_labels(alike, results)} {'makes' if len(alike) == 1 else 'make'} no practical "
            f"difference to standalone (less than {points(results.spec.margin)})"
        )
    if undecided := by_kind.get("undecided"):
        clauses.append(
            f"{_labels(undecided, results)} {'is' if len(undecided) == 1 else 'are'} undecided "
            f"({_what_would_tell(undecided, results)})"
        )
    return f"{QUESTION_NAMES[question].capitalize()}: {'; '.join(clauses)}"


def ranking_sentence(results: Results) -> str | None:
    """Say how well the source networks of the first variant are ranked by a score."""
    one = next((one for one in results.findings.rankings if one.score == SAID_SCORE), None)
    if one is None or one.ranking.gain is None or one.ranking.regret is None:
        return None
    return (
        f"Ranked by {SCORE_NAMES[one.score]}, on the training rows, the {one.ranking.n} source "
        f"networks agree with their accuracy after {label_of(one.arm, results)} by Spearman "
        f"{spearman_words(one.ranking)}; {picked_words(one.ranking)}. It says nothing about other "
        "targets, nor whether transfer beats training from scratch"
    )


def spearman_words(ranking: Ranking) -> str:
    """Write a rank correlation with its interval."""
    if ranking.spearman is None:
        return "(not known)"
    if ranking.ci_low is None or ranking.ci_high is None:
        return f"{ranking.spearman:.2f}"
    return f"{ranking.spearman:.2f} [{ranking.ci_low:.2f}, {ranking.ci_high:.2f}]"


def picked_words(ranking: Ranking) -> str:
    """Say what it brings to pick by a score."""
    assert ranking.gain is not None and ranking.regret is not None
    where = "above" if ranking.gain >= 0.0 else "below"
    return (
        f"the one it picks is {100 * abs(ranking.gain):.1f} points {where} a random one and "
        f"{100 * ranking.regret:.1f} below the best"
    )


def headline(results: Results) -> str:
    """Ask the question that a comparison answers; an interrupted one says so first."""
    target = results.measured.name
    if results.spec.is_same_problem:
        asked = f"Source and target are both {target}: this is training on, not transfer."
    elif results.spec.model_path is not None:
        asked = f"Does a start from {results.spec.model_path} help on {target}?"
    else:
        asked = f"Does a start from a network trained on {results.tasks[0].name} help on {target}?"
    stopped = stopped_at(results)
    return asked if stopped is None else f"{stopped}. {asked}"


def stopped_at(results: Results) -> str | None:
    """Say how far an interrupted comparison came; None for one that was finished."""
    if not results.interrupted or results.command != "compare":
        return None
    at_most = "at most " if results.spec.until_decided else ""
    n_done, n_asked = results.scores.n_repeats, results.spec.n_repeats
    return f"Stopped at {n_done:,} of {at_most}{n_asked:,} repeats"


def short_answer(results: Results, question: Question) -> str | None:
    """Answer one question as shortly as can be; None where nothing was compared."""
    by_kind = _by_kind(results, question)
    if not by_kind:
        return None
    clauses = []
    verbs: dict[VerdictKind, str] = {"better": "gains", "worse": "costs"}
    for kind, verb in verbs.items():
        for i, one in enumerate(by_kind.get(kind, [])):
            amount, _ = _amount(one)
            unit = " points" if i == 0 else ""
            clauses.append(f"{label_of(one.arm, results)} {verb} {amount}{unit}{_slight(one)}")
    if alike := by_kind.get("no practical difference"):
        clauses.append(f"{_labels(alike, results)}: no practical difference")
    if undecided := by_kind.get("undecided"):
        what = _what_would_tell(undecided, results).partition(", four")[0]
        named = "" if len(by_kind) == 1 else f"{_labels(undecided, results)}: "
        clauses.append(f"{named}cannot tell ({what})")
    return f"{QUESTION_NAMES[question].capitalize()}: {'; '.join(clauses)}"


def _by_kind(results: Results, question: Question) -> dict[VerdictKind, list[Summary]]:
    """Sort what was compared for a question by its verdict."""
    found: dict[VerdictKind, list[Summary]] = {}
    for one in results.of_question(question):
        if one.verdict is not None:
            found.setdefault(one.verdict.kind, []).append(one)
    return found


def _slight(one: Summary) -> str:
    is_maybe = one.verdict is not None and one.verdict.beyond_margin == "maybe"
    return ", maybe too little to matter" if is_maybe else ""


def label_of(arm: Arm, results: Results) -> str:
    """Name an arm; what starts from the same problem is not called transfer."""
    if not results.spec.is_same_problem:
        return arm.label
    is_transfer = arm.variant.start == "transfer"
    return re.sub("^transfer", "same problem", arm.label) if is_transfer else arm.label


def low_run_notes(shown: Sequence[Summary], results: Results) -> list[str]:
    """Say which variants end low more or less often than standalone, and what is typical."""
    notes = []
    for one in shown:
        low, d = one.low_runs, one.difference
        if low is None or d is None or low.share_standalone is None or d.n < FEWEST_PAIRS:
            continue
        if low.ci_low is None or low.ci_high is None or low.ci_low <= 0.0 <= low.ci_high:
            continue
        difference = 100 * (low.share - low.share_standalone)
        more = "more" if difference > 0 else "fewer"
        notes.append(
            f"{label_of(one.arm, results)}: {_typical(one, results.spec.margin)}; "
            f"{_of_100(difference / 100)} {more} of 100 end low than from scratch "
            f"(95 % interval {_from_to(low.ci_low, low.ci_high)})"
        )
    return notes


def verdict_word(verdict: Verdict | None) -> str:
    """Write a verdict in a word or three; nothing where there is none."""
    return "" if verdict is None else verdict.kind


def caution_text(caution: Caution, results: Results) -> str:
    """Say what makes results less sure than they look, and what to do."""
    match caution:
        case FewPairs():
            return _few_pairs(caution, results)
        case OneSource():
            source = "--sources both" if results.spec.source is not None else "--source SPEC"
            return f"one source network: its luck is in no interval; {source} asks about the method"
        case SameProblem():
            return (
                "source and target are the same problem: what starts from the source goes on "
                "with its training, which is not transfer; take another --source-seed"
            )
        case OtherClasses():
            names = joined(list(dict.fromkeys(_with_question(caution.arms, results))))
            return (
                f"{names}: the output layer learnt other classes than the target's and starts no "
                "better than by chance; --variant new-head,fixed=0 draws it afresh"
            )
        case SplitAnew():
            return (
                f"each repeat splits the same {caution.n_rows:,} rows anew, so repeats are not "
                "independent: the intervals are Nadeau & Bengio's, and from some number on only "
                "more rows would tell more"
            )
        case LookAgain():
            nested = results.spec.nested is not None
            return (
                f"where it says undecided, a second look at more than these {caution.n} "
                f"{'sources' if nested else 'repeats'} errs in more than 5 % of tables; with more "
                f"{'--nested' if nested else '--repeats'} take another --train-seed"
            )
        case Collapsed():
            names = joined(list(dict.fromkeys(_with_question(caution.arms, results))))
            return (
                f"most runs fail or collapse, which is to never predict a class ({names}): there "
                "is little to compare; try a smaller --learning-rate, or wider --hidden layers"
            )
        case FewTestRows():
            return (
                f"{count(caution.n_test, 'test rows')}: an accuracy has a standard error of "
                f"{points(caution.standard_error)} for new rows, the margin is "
                f"{points(caution.margin)}; the answers hold for these rows"
                + ("" if caution.n_enough is None else f", try {_more_rows(caution, results)}")
            )
        case Mixed():
            return (
                f"{caution.n_repeats:,} of {results.scores.n_repeats:,} repeats were computed by "
                "other versions, or where arithmetic rounds differently: last digits may differ "
                "from one run to the next"
            )


def short_caution(caution: Caution, results: Results) -> str:
    """Say a caution so that it fits a line: what to type."""
    match caution:
        case OneSource():
            source = "--sources both" if results.spec.source is not None else "--source SPEC"
            return f"one source network; its luck: {source}"
        case SameProblem():
            return "source and target are the same problem; try another --source-seed"
        case LookAgain():
            more = "--repeats" if results.spec.nested is None else "--nested"
            return f"to look again at more {more} take another --train-seed"
        case FewTestRows():
            rows = count(caution.n_test, "test rows")
            if caution.n_enough is None:
                return f"{rows}; the answers hold for these"
            return f"{rows}; for answers beyond them try {_more_rows(caution, results)}"
        case OtherClasses():
            return "the kept output layer learnt other classes; try --variant new-head,fixed=0"
        case SplitAnew():
            return f"the same {caution.n_rows:,} rows split anew: more rows tell more, not repeats"
        case Collapsed():
            return "most runs fail or collapse; try a smaller --learning-rate"
        case Mixed():
            return f"{caution.n_repeats:,} repeats may be rounded differently (--mixed)"
        case FewPairs():
            return caution_text(caution, results)


def problem_words(spec: TaskSpec, record: TaskRecord) -> str:
    """Say what a problem is: its rows, columns, classes with their counts, split and scaling."""
    classes = [
        f"{name} {n:,}" for name, n in zip(spec.class_names, record.class_counts, strict=True)
    ]
    if len(classes) > MAX_CLASSES_NAMED:
        classes[MAX_CLASSES_NAMED - 1 : -1] = ["..."]
    n_rows = f"{record.n_train + record.n_test:,} rows"
    split = f"{record.n_train:,} train, {record.n_test:,} test"
    if not isinstance(spec, TableSpec):
        features = count(spec.n_features, "features")
        return f"{spec.name}, {n_rows}, {features} ({', '.join(classes)}); {split}"
    of_words = [column.name for column in spec.columns if column.levels is not None]
    columns = count(len(spec.columns), "columns")
    if of_words:
        named = ", ".join(of_words[:3]) + (", ..." if len(of_words) > 3 else "")
        columns += f" (of words: {named}; {count(spec.n_features, 'features')} in all)"
    how = "split anew each repeat, stratified"
    if spec.group is not None:
        how += f", {spec.group} on one side; about {split}"
    elif spec.split is not None:
        how = f"split by {spec.split}"
    scaling = {
        "own": "standardised on its training rows",
        "source": "standardised as the source's training rows were",
        "none": "as they are",
    }[spec.scale]
    missing = ", missing ones filled with the mean" if spec.missing == "mean" else ""
    return (
        f"{spec.name}, {spec.n_rows:,} rows, {columns}, label {spec.label} ({', '.join(classes)}); "
        f"{how if spec.group else f'{split}, {how}'}; inputs {scaling}{missing}"
    )


def points(share: float) -> str:
    """Write a difference of accuracies."""
    text = f"{100 * share:.3g}"
    return f"{text} point" if text == "1" else f"{text} points"


def count(n: int, things: str) -> str:
    """Write a number of things, given in the plural."""
    return f"{n} {things.removesuffix('s') if n == 1 else things}"


def joined(labels: Sequence[str]) -> str:
    """Write names one after another, the last after `and`."""
    *first, last = labels
    return f"{', '.join(first)} and {last}" if first else last


def frozen_words(n_frozen: int) -> str:
    """Say which hidden layers are frozen."""
    layers = "hidden layer" if n_frozen == 1 else f"{n_frozen} hidden layers"
    return f"first {layers} frozen"


def design(results: Results, question: Question) -> str:
    """Say how many repeats were made for a question."""
    nested = results.spec.nested
    if nested is not None and question == "fresh":
        n_sources, n_repeats = results.n_sources, results.scores.n_repeats
        if n_sources * nested[1] != n_repeats:  # it was interrupted
            return f"{n_sources} sources, {n_repeats} repeats in all"
        return f"{n_sources} sources x {nested[1]} repeats"
    return count(results.scores.n_repeats, "repeats")


def _from_to(low: float, high: float) -> str:
    """Write the interval of a difference of shares, in runs of 100, as an amount."""
    ends = sorted((abs(low), abs(high)))
    return " to ".join(map(_of_100, ends))


def _of_100(share: float) -> str:
    """Write a share as runs of 100, with a digit where there is less than one."""
    return f"{100 * abs(share):.{0 if abs(share) >= 0.01 else 1}f}"


def _few_pairs(caution: FewPairs, results: Results) -> str:
    return (
        f"with {count(caution.n, caution.unit)} nothing can be decided; "
        f"try {_more(results, ENOUGH_REPEATS)}"
    )


def _more_rows(caution: FewTestRows, results: Results) -> str:
    """Write what asks for more test rows."""
    is_blobs = results.spec.task.kind == "blobs"
    return f"--test-samples {caution.n_enough}" if is_blobs else f"test={caution.n_enough}"


def _typical(one: Summary, margin: float) -> str:
    """Say what a typical run does, in one clause."""
    assert one.difference is not None
    typical = one.difference.typical
    if typical.mean is None:
        return "a typical run is not known"
    if typical.ci_low is None or typical.ci_high is None:
        return f"a typical run differs by {100 * typical.mean:+.1f} points"
    if -margin < typical.ci_low and typical.ci_high < margin:
        return "as good in a typical run"
    if typical.ci_low <= 0.0 <= typical.ci_high:
        return "a typical run may be as good"
    word = "better" if typical.mean > 0 else "worse"
    return f"a typical run is {word} by {100 * abs(typical.mean):.1f} points"


def _more(results: Results, n: int) -> str:
    """Write the option that asks for n repeats, or sources."""
    if results.spec.nested is not None:
        return f"--nested {n} {results.spec.nested[1]}"
    return f"--repeats {n}"


def _basis(one: Summary, results: Results) -> str:
    """Say how many repeats the difference of a variant rests on."""
    if results.spec.is_nested(one.arm):
        return design(results, "fresh")
    return count(results.scores.n_repeats, "repeats")


def _unit(results: Results, arm: Arm) -> Unit:
    return "sources" if results.spec.is_nested(arm) else "repeats"


def _amount(one: Summary) -> tuple[str, str]:
    """Write by how much a variant is better or worse, and the interval of that."""
    d = one.difference
    assert d is not None and d.mean is not None and d.ci_low is not None and d.ci_high is not None
    low, high = (d.ci_low, d.ci_high) if d.mean > 0 else (-d.ci_high, -d.ci_low)
    return _short(abs(d.mean)), f"{_short(low)} to {_short(high)}"


def _short(share: float) -> str:
    """Write points with one digit, or two where one would say 0.0."""
    text = f"{100 * share:.1f}"
    return f"{100 * share:.2f}" if text in ("0.0", "-0.0") and share else text


def _what_would_tell(undecided: Sequence[Summary], results: Results) -> str:
    """Say how many repeats decide the slowest of some variants."""
    standalone = results.summary[0]
    if any(one.is_mostly_dead for one in (standalone, *undecided)):
        return "most runs fail or collapse"
    numbers = []
    for one in undecided:
        to_decide = None if one.verdict is None else one.verdict.repeats_to_decide
        if to_decide is None and results.spec.until_decided:
            return f"after {count(results.scores.n_repeats, 'repeats')}"
        if to_decide is None and results.spec.task.is_split_anew and _is_known(one):
            margin, task = results.spec.margin, results.spec.task
            of_what = f" a difference of {points(margin)}" if margin else ""
            which = "training rows" if task.test_to_train > 1.0 else "rows"
            return f"no number of repeats would tell{of_what}; more {which} would"
        if to_decide is None:
            return f"more {_unit(results, one.arm)} would tell"
        numbers.append((to_decide, one))
    (low, high), slowest = max(numbers, key=lambda number: number[0][1])
    numbers_of = f"{low} to {high}" if low < high else f"about {low}"
    would_tell = f"{numbers_of} {_unit(results, slowest.arm)} would tell"
    d = slowest.difference
    assert d is not None
    if d.repeats_needed is not None and d.repeats_needed[1] > d.n:
        return (
            f"{would_tell}, four times out of five, a difference of "
            f"{points(results.spec.margin)} or more"
        )
    if d.repeats_alike is not None and d.repeats_alike[1] > d.n:
        return f"{would_tell}, four times out of five, that there is none"
    return would_tell


def _is_known(one: Summary) -> bool:
    """Say whether enough is known of a difference to say what would decide it."""
    d = one.difference
    return d is not None and d.ci_low is not None and d.n >= FEWEST_PAIRS


def _with_question(arms: Sequence[Arm], results: Results) -> Iterator[str]:
    """Name arms, with their question where only one of two is meant."""
    for arm in arms:
        n_same = sum(other.label == arm.label for other in arms)
        label = label_of(arm, results)
        if arm.sources != "none" and n_same < len(results.spec.questions):
            label += f" of {QUESTION_NAMES[arm.sources]}"
        yield label


def _labels(group: Sequence[Summary], results: Results) -> str:
    return joined([label_of(one.arm, results) for one in group])
