"""Levels: the places of a rate control's range, at which one codec can code."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pytest_lic.errors import UsageError

_NEGLIGIBLE = 1e-3  # of the range
_LARGEST = 2**24  # steps; a search by halves never takes more than as many encodings


@dataclass(frozen=True)
class Levels:
    """Numbers from ``low`` to ``high``, ``step`` apart; the higher, the more bits.

    The rate need not rise with every step. A level between two steps is taken as the next to it
    where that is no more than a thousandth of the range away: coarser steps are all that there is.

    Args:
        low: the level of the lowest rate.
        high: that of the highest.
        step: between two levels that are next to each other; a whole number of them makes the
            range.

    Raises:
        UsageError: no such range.
    """

    low: float
    high: float
    step: float

    def __post_init__(self) -> None:
        numbers = (self.low, self.high, self.step)
        real = all(type(number) in (int, float) and math.isfinite(number) for number in numbers)
        if not real or not self.low < self.high or not 0 < self.step <= self.high - self.low:
            raise UsageError(
                f"levels from {self.low!r} to {self.high!r} in steps of {self.step!r}; expected "
                "numbers, the first below the second, and a step that fits in between"
            )
        steps = (self.high - self.low) / self.step
        if steps > _LARGEST or not math.isclose(steps, round(steps), rel_tol=1e-6):
            raise UsageError(
                f"levels from {self.low:g} to {self.high:g} in steps of {self.step:g} are "
                f"{steps:g} steps; expected a whole number of them, {_LARGEST} at most"
            )

    @property
    def last(self) -> int:
        """The index of ``high``; that of ``low`` is 0."""
        return round((self.high - self.low) / self.step)

    def at(self, index: int) -> float:
        """The level with an index from 0 to ``last``; the same number on every machine."""
        return min(self.low + index * self.step, self.high)  # which rounding may exceed

    def index(self, level: float, where: str) -> int:
        """The index of the level next to ``level``.

        Args:
            level: within the range, on a step or negligibly off one.
            where: names the codec in the error.

        Raises:
            UsageError: outside the range, between two coarse steps, or no number.
        """
        try:
            steps = (float(level) - self.low) / self.step
            index = round(min(max(steps, 0.0), float(self.last)))
            off = abs(float(level) - self.at(index)) / (self.high - self.low)
            inside = self.low <= float(level) <= self.high and off <= _NEGLIGIBLE
        except (TypeError, ValueError, OverflowError):
            inside = False
        if not inside:
            raise UsageError(f"{where}: level {level!r}; expected one of {self}")
        return index

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g} in steps of {self.step:g}"
