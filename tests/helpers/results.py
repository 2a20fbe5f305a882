"""Results and their records, changed and compared."""

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from blobtransfer.results.results import CellResults
from blobtransfer.results.scores import Run, finite


def put(*path_and_value: Any) -> Callable[[Any], None]:
    """Return a function that sets a value at a path of keys and indices of a record."""
    *path, last, value = path_and_value

    def change(record: Any) -> None:
        for key in path:
            record = record[key]
        record[last] = value

    return change


def runs_of(cell: CellResults) -> list[Run]:
    """Return the record of each run by repeat, then arm, built number by number."""
    spec, scores = cell.spec, cell.scores
    runs = []
    for r, repeat in enumerate(scores.repeats.tolist()):
        for a, arm in enumerate(scores.arms):
            source = "" if spec.source is None else spec.source.name
            if arm.sources == "one" and spec.model_path is not None:
                source = spec.model_path
            if arm.variant.start == "self-transfer":
                source = cell.measured.name
            rate = spec.training.learning_rate
            if scores.learning_rates is not None:
                rate = float(scores.learning_rates[a, r])
            run = Run(
                sources=arm.sources,
                variant=arm.variant.kind,
                fixed=arm.variant.n_frozen,
                repeat=repeat,
                test_accuracy=finite(scores.values[0, a, r]),
                train_accuracy=finite(scores.values[1, a, r]),
                test_loss=finite(scores.values[2, a, r]),
                train_loss=finite(scores.values[3, a, r]),
                classes_predicted=int(scores.classes_predicted[a, r]),
                status="failed" if scores.is_failed[a, r] else "ok",
                label=arm.label,
                source_repeat={"none": None, "one": 0, "fresh": spec.source_repeat(repeat)}[
                    arm.sources
                ],
                source="" if arm.sources == "none" else source,
                target=cell.measured.name,
                learning_rate=finite(rate),
                earlier_accuracy=finite(scores.earlier_accuracy[a, r]),
                epochs=spec.n_epochs(arm) if scores.epochs is None else int(scores.epochs[a, r]),
                balanced_accuracy=finite(scores.values[4, a, r]),
            )
            runs.append(run)
    return runs


def no_number(name: str) -> NoReturn:
    """Reject a number that JSON does not have; a `parse_constant`."""
    raise AssertionError(f"{name} in JSON")


def assert_same_runs(a: Any, b: Any) -> None:
    """Compare scores and curves of two results, or of two blocks, bit for bit."""
    assert a.scores.arms == b.scores.arms
    for name in ("repeats", "values", "classes_predicted", "is_failed", "earlier_accuracy"):
        assert getattr(a.scores, name).tobytes() == getattr(b.scores, name).tobytes()
    for name in ("learning_rates", "epochs"):
        np.testing.assert_array_equal(getattr(a.scores, name), getattr(b.scores, name))
    assert list(a.curves) == list(b.curves)
    for arm, curve in a.curves.items():
        assert curve.tobytes() == b.curves[arm].tobytes()
