"""What a page is made from, and numbers as it writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_lic.ab.result import Compared
from pytest_lic.results.results import Results


@dataclass(frozen=True)
class Content:
    """``runs`` maps what to call each run to its results, in the order in which they are shown.

    ``compared`` are comparisons of two commits.
    """

    runs: Mapping[str, Results]
    compared: Sequence[Compared] = ()

    @property
    def several(self) -> bool:
        """Whether names must tell runs apart."""
        return len(self.runs) > 1


def signed(value: float, digits: int) -> str:
    """With its sign, but for what rounds to zero."""
    text = f"{value:+.{digits}f}"
    return text if float(text) else f"{0:.{digits}f}"
