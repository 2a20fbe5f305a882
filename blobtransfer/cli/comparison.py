"""What a command line asks of a comparison -> its spec: what is learnt, by whom, how often."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from blobtransfer.cli.checks import (
    MODEL_FILE,
    model_errors,
    network_for,
    output_fits,
    read_source,
    required_preprocessing,
    several_variants,
)
from blobtransfer.cli.delivery import tell_new_head, tell_notes
from blobtransfer.cli.options import (
    MessageOptions,
    ProblemOptions,
    QuestionOptions,
    ResultOptions,
    TrainingOptions,
    TransferOptions,
    VariantOptions,
)
from blobtransfer.cli.problems import network_of, problem_of, say_problems, settled, tables_of
from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import join, printable
from blobtransfer.specs.experiment import ExperimentSpec, Question
from blobtransfer.specs.settings import with_settings
from blobtransfer.specs.table import TableRequest
from blobtransfer.specs.task import DataSpec, Role
from blobtransfer.specs.task_text import is_blobs

if TYPE_CHECKING:
    from blobtransfer.keras_files.read import SourceNetwork

SOURCE_SEED, TARGET_SEED = 1, 2
"""The two problems, unless asked otherwise."""

Problems = dict[Role, DataSpec | TableRequest]


@dataclass(frozen=True)
class Request:
    """The options that a comparison is made of."""

    transfer: TransferOptions
    further: VariantOptions
    question: QuestionOptions
    problem: ProblemOptions
    training: TrainingOptions

    def check(self, result: ResultOptions) -> None:
        """Raise `SettingError` for options of which one makes the other meaningless."""
        self.transfer.check_together(self.question)
        question = self.question
        for setting, value in (("threshold", question.threshold), ("curves", result.curves)):
            if value is not None and not question.speed:
                raise SettingError(setting, value, "it needs --speed; add that")

    def problems(self) -> Problems:
        """Give the problems as they are asked for; the target alone where no source is said."""
        transfer = self.transfer
        source = problem_of(
            "source", transfer.source, "source-seed", transfer.source_seed, SOURCE_SEED,
            self.problem,
        )  # fmt: skip
        target = problem_of(
            "target", transfer.target, "target-seed", transfer.target_seed, TARGET_SEED,
            self.problem,
        )  # fmt: skip
        if transfer.reverse:
            source, target = target, source
        return {"source": source, "target": target} if self.has_source else {"target": target}

    @property
    def has_source(self) -> bool:
        """Whether the source problem is said; that of blobs always is."""
        target = self.transfer.target
        return self.transfer.source is not None or target is None or is_blobs(target)

    def questions(self) -> tuple[Question, ...]:
        """Return the source modes; without source data there is only that of the model.

        Raises:
            SettingError: An option needs source data, and there are none.
        """
        question, transfer = self.question, self.transfer
        if self.has_source:
            return question.questions()
        if transfer.model is None:
            problem = "the source problem is not said; add --source SPEC, or --model FILE"
            raise SettingError("target", transfer.target or "", problem)
        if question.sources not in (None, "one"):
            problem = "the method needs a source problem; add --source SPEC"
            raise SettingError("sources", question.sources, problem)
        if question.nested is not None:
            problem = "fresh sources need a source problem; add --source SPEC"
            raise SettingError("nested", join(question.nested), problem)
        return ("one",)


@dataclass(frozen=True)
class Comparison:
    """A comparison that is settled.

    Args:
        request: What was asked.
        spec: What is run.
        saved: The source network of --model.
        read: What each file that is read is called, and its path.
        output_fits: Whether the output layer of the source is of the target's classes.
    """

    request: Request
    spec: ExperimentSpec
    saved: "SourceNetwork | None"
    read: list[tuple[str, Path | None]]
    output_fits: bool

    def say(self, messages: MessageOptions) -> None:
        """Say once what the problems and the model mean, unless quiet."""
        transfer, spec = self.request.transfer, self.spec
        tell_notes(self.saved, transfer.model, messages)
        say_problems(spec, (transfer.source, transfer.target), messages)
        is_of_model = transfer.model is not None or spec.source is None
        of_what = str(transfer.model) if is_of_model or not spec.source else spec.source.name
        is_default = transfer.fixed is None and not self.request.further.variant
        tell_new_head(is_default, self.output_fits, of_what, spec.task.name, messages)


def settle(
    request: Request,
    saved: "SourceNetwork | None",
    change: Callable[[Problems], Problems] = lambda asked: asked,
    fits: bool | None = None,
    trains_own_source: bool = False,
) -> Comparison:
    """Read the tables among the problems and settle what is compared.

    Args:
        request: What was asked.
        saved: The source network of --model, read.
        change: Makes other problems of those that were asked for.
        fits: Whether the output layer of the source is of the target's classes, where that is
            not to be found out.
        trains_own_source: Transfer starts from another network trained on the target itself.

    Raises:
        SettingError: Something does not fit.
    """
    transfer, model = request.transfer, request.transfer.model
    n_repeats = transfer.n_repeats(request.question)
    questions = request.questions()
    problems = change(request.problems())
    train_seed = request.training.train_seed
    found = settled(problems, train_seed, required_preprocessing(model, saved, problems))
    asked = with_settings(
        ExperimentSpec(
            source=found.get("source"), target=found["target"], network=network_of(found["target"])
        ),
        request.training.settings(model is not None) | request.question.settings(),
    )
    network = network_for(asked.network, request.training, saved)
    fits = output_fits(saved, asked) if fits is None else fits
    further = request.further.variant or []
    variants = several_variants(transfer.fixed, further, fits, len(network.hidden))
    if trains_own_source:
        variants = tuple(
            replace(variant, start="self-transfer") if variant.start == "transfer" else variant
            for variant in variants
        )
    with model_errors(model):
        spec = replace(
            asked,
            network=network,
            variants=variants,
            questions=questions,
            n_repeats=n_repeats,
            until_decided=transfer.until_decided,
            transferability=request.question.scores,
            against=request.question.against,
            nested=request.question.sources_and_repeats(),
            source=asked.source if model is None or "fresh" in questions else None,
            model_path=None if model is None else printable(str(model)),
            model_sha256=None if saved is None else saved.sha256,
            model_notes=() if saved is None else saved.notes,
        )
        if saved is not None:
            spec.check_source_network(saved.network.shapes, saved.output)
    read = [(MODEL_FILE, model), *tables_of(*problems.values())]
    return Comparison(request, spec, saved, read, fits)


def settled_comparison(request: Request) -> Comparison:
    """Read the model, if there is one, and settle what is compared; see `settle`."""
    return settle(request, read_source(request.transfer.model))
