"""Results and their records, changed and compared."""

from collections.abc import Callable
from typing import Any, NoReturn


def put(*path_and_value: Any) -> Callable[[Any], None]:
    """Return a function that sets a value at a path of keys and indices of a record."""
    *path, last, value = path_and_value

    def change(record: Any) -> None:
        for key in path:
            record = record[key]
        record[last] = value

    return change


def no_number(name: str) -> NoReturn:
    """Reject a number that JSON does not have; a `parse_constant`."""
    raise AssertionError(f"{name} in JSON")


def assert_same_runs(a: Any, b: Any) -> None:
    """Compare scores and curves of two results, or of two blocks, bit for bit."""
    assert a.scores.arms == b.scores.arms
    for name in ("repeats", "values", "classes_predicted", "is_failed"):
        assert getattr(a.scores, name).tobytes() == getattr(b.scores, name).tobytes()
    assert list(a.curves) == list(b.curves)
    for arm, curve in a.curves.items():
        assert curve.tobytes() == b.curves[arm].tobytes()
