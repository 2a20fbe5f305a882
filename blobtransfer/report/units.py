"""Units of scores: accuracies are printed in percent and points, other scores as they are."""

import math
from dataclasses import dataclass

from blobtransfer.report import words
from blobtransfer.results.results import ComparedResults


@dataclass(frozen=True)
class Unit:
    """How scores and their differences are printed.

    Args:
        factor: Factor of the scores: 100 for shares, 1 for scores in a unit of their own.
        more_digits: Digits that are printed besides those of accuracies in percent.
        width: Width of the scale of the scores, after the factor.
        sign: -1 if ascending scores are negated ones, else 1.
    """

    factor: float = 100.0
    more_digits: int = 0
    width: float = 100.0
    sign: int = 1

    @property
    def is_percent(self) -> bool:
        """Whether scores are printed in percent, and differences in points."""
        return self.factor == 100.0

    @property
    def points(self) -> str:
        """The unit after an amount; empty for scores in a unit of their own."""
        return " points" if self.is_percent else ""

    def number(self, value: float | None, digits: int = 2) -> str:
        """Return a score in a table; see `words.format_number`."""
        return words.format_number(value, self._digits(digits), self.factor)

    def interval(self, estimate: words.Estimate | None, digits: int = 2) -> str:
        """Return a difference with its interval; see `words.format_interval`."""
        return words.format_interval(estimate, self._digits(digits), self.factor)

    def nonzero(self, value: float, digits: int = 1, has_sign: bool = True) -> str:
        """Return a difference that never prints as 0 unless it is; see `words.format_nonzero`."""
        return words.format_nonzero(value, self._digits(digits), self.factor, has_sign)

    def amount(self, value: float) -> str:
        """Return the size of a difference in a sentence, without its unit."""
        return self.nonzero(value, has_sign=False)

    def difference(self, value: float) -> str:
        """Return a difference with its unit, such as `1 point`."""
        return words.format_points(value) if self.is_percent else f"{value:.3g}"

    def score(self, value: float | None) -> str:
        """Return a score with its unit, such as `81.3 %`."""
        return words.format_percent(value) if self.is_percent else self.number(value, digits=1)

    def _digits(self, digits: int) -> int:
        return max(0, digits + self.more_digits)


PERCENT = Unit()


def unit_of(results: ComparedResults) -> Unit:
    """Return the unit of the scores of results: percent where their scale is within 0 and 1."""
    (low, high), sign = results.scale, -1 if results.lower_is_better else 1
    if 0.0 <= low and high <= 1.0:
        return Unit(width=100.0 * (high - low), sign=sign)
    more_digits = 2 - math.floor(math.log10(high - low) + 1e-9)
    return Unit(1.0, more_digits, high - low, sign)


def low_accuracy_head(results: ComparedResults) -> str:
    """Return which runs count as low accuracy, such as `below 74 %`."""
    side, line = "above" if results.lower_is_better else "below", results.findings.low_line
    if line is None:
        return f"{side} the line"
    unit = unit_of(results)
    return f"{side} {100 * line:.3g} %" if unit.is_percent else f"{side} {unit.score(line)}"
