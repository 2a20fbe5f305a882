"""Results as Python users meet them: an answer, tables, a figure, and files.

`Result` wraps the results of a study or of a judgement, `TrainingResult` those of one training.
Both are shown as the screen of their command, and in a notebook as a page with the figure.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from blobtransfer.api.frames import curves_frame, runs_frame, summary_frame
from blobtransfer.api.keywords import in_python
from blobtransfer.api.values import checked_path
from blobtransfer.errors import SettingError, SourceFileError
from blobtransfer.keras_files import NETWORK_SUFFIXES
from blobtransfer.report.figures.canvas import import_matplotlib, python_canvas
from blobtransfer.report.figures.style import Style
from blobtransfer.report.kinds import build_report
from blobtransfer.report.report import Report
from blobtransfer.report.writers import WRITERS, screen_text, write_summary
from blobtransfer.results.results import JudgedResults, StudyResults, TrainingResults
from blobtransfer.results.selection import VariantsChoice, select
from blobtransfer.specs.checks import escape_control_characters, plain_value
from blobtransfer.specs.experiment import SourcesChoice
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.study import COMPARISONS

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from blobtransfer.keras_files.read import SourceNetwork
    from blobtransfer.network import Weights
    from blobtransfer.running.single import SingleRun

MAX_REPR = 120
"""Longest answer in a `repr`, in characters."""

DIVERGED = "the training diverged, so weights are not finite; use a lower learning_rate"

R = TypeVar("R", bound=StudyResults | TrainingResults | JudgedResults)


class Output(ABC, Generic[R]):
    """Results of a call: shown, drawn and saved.

    Args:
        results: The results.
        notes: What the user should know about data and model, one line each.

    Attributes:
        notes: As above.
    """

    def __init__(self, results: R, notes: Sequence[str] = ()) -> None:
        self._results, self.notes = results, tuple(map(in_python, notes))

    @cached_property
    def _report(self) -> Report[R]:
        return build_report(self._results)

    @property
    def question(self) -> str:
        """The question that the results answer, or the title of a training."""
        return self._report.headline

    @property
    def cautions(self) -> tuple[str, ...]:
        """Reasons why the results are less certain than they seem."""
        return tuple(map(in_python, self._report.cautions))

    def runs(self) -> "DataFrame":
        """Return one row per run, by repeat, then variant.

        Returns:
            A `DataFrame`; accuracies are in [0, 1], losses in nats. Where the training diverged,
            losses are NaN, and accuracies those of a network that predicts one class. A study has
            its cells one below the other.

            | column | dtype | meaning |
            | --- | --- | --- |
            | sources | str | `none`, `fresh` or `one`: source networks that the run starts from |
            | variant | str | the variant without its frozen layers |
            | fixed | Int64 | frozen hidden layers; missing for standalone |
            | repeat | int64 | number of the repeat, from 0 |
            | test_accuracy, train_accuracy | float64 | accuracies at the end |
            | test_loss, train_loss | float64 | losses at the end |
            | classes_predicted | int64 | number of classes that are predicted on the test rows |
            | status | str | `ok`, or `failed` for a training that diverged |
            | label | str | the variant as the user writes it, such as `transfer fixed=1` |
            | source_repeat | Int64 | repeat whose source network the run starts from |
            | source, target | str | names of the data; source is missing for standalone |
            | learning_rate | float64 | learning rate of the run |
            | earlier_accuracy | float64 | test accuracy after three quarters of the epochs |
            | epochs | int64 | epochs of the run, fewer than those set if it stopped early |
            | balanced_accuracy | float64 | mean recall of the classes of the test rows |
            | h_score, ... | float64 | transferability scores, if recorded with `scores=True` |
            | settings that a sweep or grid varies; pair | int64, float64 or str | their values |

            Of `judge`: `sources`, `variant`, `repeat` and `status` (also `collapsed`) are `str`,
            `score` is `float64`.
        """
        return runs_frame(self._results)

    def curves(self) -> "DataFrame":
        """Return one row per epoch of each run, by repeat, then variant, then epoch.

        Returns:
            A `DataFrame` with the columns `sources`, `variant`, `fixed`, `repeat`, `label`,
            `source_repeat`, `source`, `target` and the settings that vary, as in `runs`; then
            `epoch` (int64, 0 is the untrained network) and the metrics after it (float64). A
            comparison has `test_accuracy` or `balanced_accuracy`; a training also has
            `train_accuracy`, `test_loss` and `train_loss`. After early stopping they are those of
            the restored network; losses are NaN where the training diverged.

        Raises:
            SettingError: No learning curves were recorded; `speed=True` records them.
        """
        results = self._results
        if isinstance(results, JudgedResults) or not results.has_curves:
            raise SettingError("curves", "", "none were recorded; use speed=True")
        return curves_frame(results)

    def plot(
        self,
        *,
        style: Style = "screen",
        size: tuple[float, float] | None = None,
        title: str | bool = True,
    ) -> "Figure":
        """Return the figure, which a notebook shows as the value of a cell.

        Args:
            style: `screen`, `slide` (16:9), `paper` (a column of a journal) or `paper-wide` (both
                columns).
            size: Width and height in inches; None: those of the style.
            title: Headline of the figure; True: a generated one, False: none.

        Returns:
            A matplotlib `Figure` outside of pyplot: change it, or write it with `savefig`.

        Raises:
            SettingError: Unknown style, or a side is out of range.
            MachineError: The figure cannot be drawn.
        """
        return _figure(self._report, style, size, title)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a file, whole or not at all; its suffix selects the format.

        | suffix | content |
        | --- | --- |
        | `.json` | all of the results, which `load` reads |
        | `.csv` | the runs, as `runs()` |
        | `.tex` | the rows of `summary()` as a LaTeX table, a methods paragraph, a BibTeX entry |
        | `.md`, `.txt` | the tables |
        | `.html` | a report of one file |
        | `.png`, `.svg`, `.pdf` | the figure |

        Args:
            path: Path of the file; an existing file is replaced.

        Raises:
            SettingError: No format has the suffix.
            MachineError: The file cannot be written.
        """
        file = checked_path("path", path)
        writers = {suffix: writer for writer in WRITERS.values() for suffix in writer.suffixes}
        write = {suffix: writer.write for suffix, writer in writers.items()}
        if self._results.command in COMPARISONS:
            write[".tex"] = write_summary
        suffix = file.suffix.lower()
        if suffix not in write:
            problem = f"no format has this suffix; use {', '.join(write)}"
            raise SettingError("path", escape_control_characters(str(path)), problem)
        if writers.get(suffix) in (WRITERS["figure"], WRITERS["html"]):
            import_matplotlib(is_configured=True)
        write[suffix](self._report, file)

    def __repr__(self) -> str:
        line = shorten(self._summary_line(), MAX_REPR, placeholder=" ...")
        return f"<{type(self).__name__} of {self._results.command}: {line}>"

    @abstractmethod
    def _summary_line(self) -> str:
        """Return the answer in one line."""

    def __str__(self) -> str:
        """Return the screen of the command: 80 columns, without colours."""
        return screen_text(self._report)

    def _repr_pretty_(self, printer: Any, is_cycle: bool) -> None:
        """Show the screen of the command in an interactive session; in a list, one line."""
        is_inside = is_cycle or len(getattr(printer, "stack", ())) > 1
        printer.text(repr(self) if is_inside else str(self))

    def _repr_html_(self) -> str:
        """Return the report for a notebook: question, answer, tables and figure."""
        from blobtransfer.report.render.html import to_fragment

        import_matplotlib(is_configured=True)
        return to_fragment(self._report, in_python)

    def __eq__(self, other: object) -> bool:
        """Return whether the other has the same settings, runs and learning curves.

        Time, machine, versions and weights do not count.
        """
        if not isinstance(other, Output):
            return NotImplemented
        a, b = self._results, other._results
        if a.command != b.command or _settings(a) != _settings(b) or a.has_curves != b.has_curves:
            return False
        return self.runs().equals(other.runs()) and (
            not a.has_curves or self.curves().equals(other.curves())
        )

    __hash__ = None  # type: ignore[assignment]

    def __getstate__(self) -> dict[str, Any]:
        return {"_results": self._results, "notes": self.notes}


class Result(Output[StudyResults | JudgedResults]):
    """Results of `compare`, `sweep`, `pairs`, `grid` or `judge`; see `Output`."""

    @property
    def answer(self) -> str:
        """The answer, one sentence per question; fresh sources first."""
        return "\n".join(sentence.text for sentence in self._report.sentences)

    @property
    def is_interrupted(self) -> bool:
        """Whether it was stopped before all repeats were done."""
        return self._results.interrupted

    def summary(self) -> "DataFrame":
        """Return one row per variant and question.

        Returns:
            A `DataFrame`; scores and differences are shares, such as 0.01 for 1 point, or in the
            unit of the scores of `judge`. NaN stands for a missing value, such as the difference of
            standalone to itself.

            | column | dtype | meaning |
            | --- | --- | --- |
            | settings that a sweep or grid varies | int64, float64 or str | their values |
            | sources | str | `none`, `fresh` or `one`; not of `pairs`, which is `fresh` |
            | variant | str | the variant, such as `transfer fixed=1` |
            | n, failed | int64 | runs, and diverged runs (loss not finite) |
            | mean, std, median | float64 | of the judged test accuracies |
            | low_share | float64 | share of the runs below the line of low accuracy |
            | difference | float64 | mean difference to standalone |
            | ci_low, ci_high | float64 | its simultaneous 95 % interval |
            | p_adjusted | float64 | p-value of no difference, adjusted for all variants |
            | verdict | str | `better`, `worse`, `no practical difference` or `undecided` |

            Of `pairs`, one row per variant over all pairs: `variant`, `n_pairs` (int64), `mean`,
            `std`, `difference`, `ci_low`, `ci_high`, `worst` (lowest difference of a pair), `tau`
            (SD of the true differences between pairs), `prediction_low`, `prediction_high` (95 %
            prediction interval of a new pair), `better_share`, `worse_share` (share of such pairs
            beyond the margin), `p_adjusted` and `verdict`.
        """
        return summary_frame(self._report.view.summary(self._results), self._results.axes)

    def plot(
        self,
        *,
        style: Style = "screen",
        size: tuple[float, float] | None = None,
        title: str | bool = True,
        sources: SourcesChoice = "both",
        only: VariantsChoice | None = None,
    ) -> "Figure":
        """Return the figure, which a notebook shows as the value of a cell.

        Nothing is analysed again: intervals and verdicts stay those of all variants.

        Args:
            style: `screen`, `slide` (16:9), `paper` (a column of a journal) or `paper-wide` (both
                columns).
            size: Width and height in inches; None: those of the style.
            title: Headline of the figure; True: a generated one, False: none.
            sources: Draw one question, `fresh` or `one`, or `both`.
            only: Draw these variants beside standalone, such as `["fixed=0"]`; None: all.

        Returns:
            A matplotlib `Figure` outside of pyplot: change it, or write it with `savefig`.

        Raises:
            SettingError: Unknown style, question or variant, or a side is out of range.
            MachineError: The figure cannot be drawn.
        """
        shown = self._results
        if sources != "both" or only is not None:
            shown = select(shown, sources, plain_value(only))
        return _figure(build_report(shown), style, size, title)

    def _summary_line(self) -> str:
        sentences = self._report.short_sentences or self._report.sentences
        stopped = f"{self._report.stopped}. " if self._report.stopped else ""
        return f"{stopped}{sentences[0].text if sentences else self.question}"


class TrainingResult(Output[TrainingResults]):
    """Results of `train_source` or `train_target`; see `Output`.

    Args:
        results: The results.
        notes: What the user should know about data and model.
        run: The trained network; None for results that were loaded.
    """

    def __init__(
        self, results: TrainingResults, notes: Sequence[str] = (), run: "SingleRun | None" = None
    ) -> None:
        super().__init__(results, notes)
        self._run = run

    @property
    def test_accuracy(self) -> float | None:
        """Test accuracy, in [0, 1]; None if the training diverged."""
        run = self._results.run
        return run.test_accuracy if run.status == "ok" else None

    @property
    def weights(self) -> "Weights":
        """Kernel (fan_in, fan_out), bias (fan_out,), ... of each layer, input side first; a copy.

        Raises:
            SettingError: The results were loaded from a file, which has no weights.
        """
        return [array.copy() for array in self._network().weights]

    def save_model(self, path: str | os.PathLike[str], *, replace: bool = False) -> None:
        """Write the trained network as a file that Keras opens.

        A file that holds this very network already is left as it is.

        Args:
            path: `.keras`, or `.h5` for the legacy format.
            replace: Whether to replace an existing file.

        Raises:
            SettingError: The training diverged; the results were loaded from a file, which has no
                weights; the suffix is another; or the file exists, and `replace` is False.
            MachineError: The file cannot be written.
        """
        from blobtransfer.keras_files.write import save_model

        run, file = self._network(), checked_path("path", path)
        if self.test_accuracy is None:
            raise SettingError("path", escape_control_characters(str(path)), DIVERGED)
        if file.suffix.lower() not in NETWORK_SUFFIXES:
            problem = f"no format of models has this suffix; use {' or '.join(NETWORK_SUFFIXES)}"
            raise SettingError("path", str(path), problem)
        try:
            save_model(run.network, run.weights, file, run.preprocessing, must_be_new=not replace)
        except FileExistsError as error:
            if not _holds(file, run):
                problem = "the file exists; replace=True replaces it"
                raise SettingError("path", str(path), problem) from error

    def source_network(self) -> "SourceNetwork":
        """Return the trained network as the `model` of another call takes it.

        Raises:
            SettingError: The training diverged, or the results were loaded from a file, which has
                no weights.
        """
        from blobtransfer.keras_files.read import SourceNetwork, in_memory

        run = self._network()
        if self.test_accuracy is None:
            raise SettingError("model", "", DIVERGED)
        network = replace(run.network, initializer=MLPSpec.initializer)  # as a file has none
        source = SourceNetwork(network, tuple(run.weights), "", run.preprocessing)
        return in_memory(source, f"the network of {self._results.command}")

    def _network(self) -> "SingleRun":
        if self._run is None:
            raise SettingError("weights", "", "files of results have none; train again")
        return self._run

    def _summary_line(self) -> str:
        accuracy = self.test_accuracy
        score = "diverged" if accuracy is None else f"test accuracy {accuracy:.3f}"
        return f"{self.question}; {score}"

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_run": self._run}


def _settings(results: StudyResults | TrainingResults | JudgedResults) -> object:
    """Return all settings of results."""
    return results.study if isinstance(results, StudyResults) else results.spec


def _holds(file: Path, run: "SingleRun") -> bool:
    """Return whether a file holds a network already."""
    from blobtransfer.keras_files.read import read_source_file

    try:
        saved = read_source_file(file)
    except SourceFileError:
        return False
    weights = [array.tobytes() for array in saved.weights]
    return (
        weights == [array.tobytes() for array in run.weights]
        and saved.preprocessing == run.preprocessing
        and saved.network.activation == run.network.activation
    )


def _figure(
    report: Report[Any], style: Style, size: tuple[float, float] | None, title: str | bool
) -> "Figure":
    """Draw the figure of a report; see `Output.plot`."""
    from blobtransfer.report.figures.pictures import picture_of_report

    if isinstance(title, str):
        report = report.with_title(title)
    return picture_of_report(
        report, python_canvas(style, plain_value(size), title is not False)
    ).figure
